/* table.c: open addressing with linear probing; at most half of the slots are taken. */
#include "base/table.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct TableSlot {
    const char *key; /* NULL: free */
    size_t length;
    uint64_t hash;
    int number;
};

/* Eight bytes at a time; the factor is odd and has bits everywhere: 2^64 over the golden ratio. */
static uint64_t hash_of(const void *key, size_t length)
{
    const uint64_t factor = 0x9E3779B97F4A7C15;
    const char *at = key;
    uint64_t h = length;
    for (size_t some; length; at += some, length -= some) {
        uint64_t word = 0;
        memcpy(&word, at, some = length < 8 ? length : 8);
        h = (h ^ word) * factor;
        h ^= h >> 32;
    }
    return h;
}

/* Where the key is, or the free slot where it would be. */
static struct TableSlot *slot_of(const Table *t, const void *key, size_t length, uint64_t hash)
{
    for (uint64_t i = hash;; i++) {
        struct TableSlot *s = &t->slots[i & (uint64_t)(t->capacity - 1)];
        if (!s->key || (s->hash == hash && s->length == length && !memcmp(s->key, key, length))) return s;
    }
}

int table_find(const Table *t, const void *key, size_t length)
{
    if (!t->count) return -1;
    const struct TableSlot *s = slot_of(t, key, length, hash_of(key, length));
    return s->key ? s->number : -1;
}

static void grow(Arena *a, Table *t)
{
    Table bigger = {.count = t->count, .capacity = t->capacity ? 2 * t->capacity : 16};
    bigger.slots = NEW_ARRAY(a, struct TableSlot, (size_t)bigger.capacity);
    for (int i = 0; i < t->capacity; i++) {
        const struct TableSlot *s = &t->slots[i];
        if (s->key) *slot_of(&bigger, s->key, s->length, s->hash) = *s;
    }
    *t = bigger;
}

int *table_place(Arena *a, Table *t, const void *key, size_t length)
{
    if (2 * (t->count + 1) > t->capacity) grow(a, t);
    uint64_t hash = hash_of(key, length);
    struct TableSlot *s = slot_of(t, key, length, hash);
    if (!s->key) {
        *s = (struct TableSlot){arena_text(a, key, length), length, hash, -1};
        t->count++;
    }
    return &s->number;
}

/* The number of a name is the one to be tried next when it is wanted again. */
const char *table_new_name(Arena *a, Table *t, const char *base)
{
    const char *name = base;
    int next = table_find(t, base, strlen(base));
    bool taken = next >= 0;
    for (next = taken ? next : 2; table_find(t, name, strlen(name)) >= 0; next++)
        name = arena_printf(a, "%s_%d", base, next);
    *table_place(a, t, base, strlen(base)) = next;
    if (taken) *table_place(a, t, name, strlen(name)) = 2;
    return name;
}

Table table_copy(Arena *a, const Table *t)
{
    Table copy = {.count = t->count, .capacity = t->capacity};
    copy.slots = NEW_ARRAY(a, struct TableSlot, (size_t)t->capacity);
    if (t->capacity) memcpy(copy.slots, t->slots, (size_t)t->capacity * sizeof *copy.slots);
    return copy;
}
