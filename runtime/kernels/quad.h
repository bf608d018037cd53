/* quad.h: four numbers of four samples: rows become lanes. For code that fills tiles. */
#ifndef QUAD_H
#define QUAD_H

typedef float Quad __attribute__((vector_size(16), aligned(4), may_alias));

static inline __attribute__((always_inline)) void quad_turn(Quad m[4])
{
    Quad t[4];
    for (int i = 0; i < 2; i++) {
        t[2 * i] = __builtin_shufflevector(m[i], m[i + 2], 0, 4, 1, 5);
        t[2 * i + 1] = __builtin_shufflevector(m[i], m[i + 2], 2, 6, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        m[2 * i] = __builtin_shufflevector(t[i], t[i + 2], 0, 4, 1, 5);
        m[2 * i + 1] = __builtin_shufflevector(t[i], t[i + 2], 2, 6, 3, 7);
    }
}
#endif
