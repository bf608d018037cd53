/* arena.c: blocks of zeroed memory, handed out from the front.
 *
 * An arena is a list of blocks. A request that does not fit opens a new block of at least BLOCK bytes; a big
 * request gets a block of its own, placed behind the current one so that the current one keeps filling. This
 * is the only file of the compiler that calls malloc or free.
 */
#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 * 1024 };

typedef struct Block {
    struct Block *next;
    size_t used, size;
    max_align_t data[];
} Block;

struct Arena {
    Block *blocks; /* the first one is being filled */
};

static _Noreturn void out_of_memory(void)
{
    fputs("error: out of memory\n", stderr);
    exit(3);
}

static Block *block_new(size_t size)
{
    if (size > SIZE_MAX - sizeof(Block)) out_of_memory();
    Block *b = calloc(1, sizeof(Block) + size);
    if (!b) out_of_memory();
    b->size = size;
    return b;
}

Arena *arena_new(void)
{
    Arena *a = calloc(1, sizeof *a);
    if (!a) out_of_memory();
    a->blocks = block_new(BLOCK);
    return a;
}

void arena_free(Arena *a)
{
    if (!a) return;
    for (Block *b = a->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    free(a);
}

static void *take(Block *b, size_t bytes)
{
    void *at = (char *)b->data + b->used;
    b->used += bytes;
    return at;
}

void *arena_alloc(Arena *a, size_t count, size_t size)
{
    const size_t align = sizeof(max_align_t);
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) out_of_memory();
    if (__builtin_add_overflow(bytes ? bytes : 1, align - 1, &bytes)) out_of_memory();
    bytes -= bytes % align;
    Block *first = a->blocks;
    if (bytes <= first->size - first->used) return take(first, bytes);
    Block *b = block_new(bytes > BLOCK ? bytes : BLOCK);
    bool keep_filling = bytes > BLOCK / 4;
    b->next = keep_filling ? first->next : first;
    if (keep_filling) first->next = b;
    else a->blocks = b;
    return take(b, bytes);
}

char *arena_text(Arena *a, const char *bytes, size_t length)
{
    if (length == SIZE_MAX) out_of_memory();
    char *text = arena_alloc(a, length + 1, 1);
    if (length) memcpy(text, bytes, length);
    return text;
}

char *arena_vprintf(Arena *a, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) length = 0;
    char *text = arena_alloc(a, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(Arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(a, format, args);
    va_end(args);
    return text;
}
