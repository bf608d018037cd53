/* arena.h: memory with a named lifetime.
 *
 * Every allocation of the compiler comes from an arena that is passed explicitly; there is no free of a
 * single object. Memory is zeroed. An allocation never returns NULL: when the system has no memory left, the
 * program prints one line and exits with code 3. Sizes are checked for overflow.
 */
#ifndef DNW_ARENA_H
#define DNW_ARENA_H
#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *a);

/* `count` zeroed objects of `size` bytes, aligned for any type. */
void *arena_alloc(Arena *a, size_t count, size_t size);
/* A copy of `bytes[0 .. length)` with a 0 behind it. */
char *arena_text(Arena *a, const char *bytes, size_t length);
char *arena_printf(Arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *format, va_list args);

#define NEW(arena, T)              ((T *)arena_alloc((arena), 1, sizeof(T)))
#define NEW_ARRAY(arena, T, count) ((T *)arena_alloc((arena), (count), sizeof(T)))
#endif
