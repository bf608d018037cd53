/* vec.h: growing arrays in an arena.
 *
 * `Vec(T)` is a struct { T *at; int count, capacity; }. A zeroed Vec is empty and valid.
 *     Vec(int) v = {0};  vec_push(arena, &v, 7);  for (int i = 0; i < v.count; i++) use(v.at[i]);
 */
#ifndef DNW_VEC_H
#define DNW_VEC_H
#include "base/arena.h"
#include <string.h>

#define Vec(T)                                                                                               \
    struct {                                                                                                 \
        T *at;                                                                                               \
        int count, capacity;                                                                                 \
    }

static inline void *vec_grow(Arena *a, void *old, int count, int *capacity, size_t size)
{
    int wanted = *capacity ? *capacity * 2 : 8;
    void *at = arena_alloc(a, (size_t)wanted, size);
    if (count) memcpy(at, old, (size_t)count * size);
    *capacity = wanted;
    return at;
}

#define vec_push(arena, v, ...)                                                                              \
    do {                                                                                                     \
        if ((v)->count == (v)->capacity)                                                                     \
            (v)->at = vec_grow((arena), (v)->at, (v)->count, &(v)->capacity, sizeof *(v)->at);               \
        (v)->at[(v)->count++] = (__VA_ARGS__);                                                               \
    } while (0)
#endif
