/* sums.h: the sums of the numbers in each of four vectors of 16 or 8, in a fixed order. SUMS_NUMBER: their
 * type.
 */
#ifndef SUMS_H
#define SUMS_H

typedef SUMS_NUMBER Four
    __attribute__((vector_size(4 * sizeof(SUMS_NUMBER)), aligned(sizeof(SUMS_NUMBER)), may_alias));
typedef SUMS_NUMBER Eight
    __attribute__((vector_size(8 * sizeof(SUMS_NUMBER)), aligned(sizeof(SUMS_NUMBER)), may_alias));
typedef SUMS_NUMBER Sixteen
    __attribute__((vector_size(16 * sizeof(SUMS_NUMBER)), aligned(sizeof(SUMS_NUMBER)), may_alias));
#define PICK __builtin_shufflevector

/* Of four eights, two in each of ab and cd. */
static inline __attribute__((always_inline)) Four sums_of_pairs(Sixteen ab, Sixteen cd)
{
    Sixteen all = PICK(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                  PICK(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    Eight even = PICK(all, all, 0, 2, 4, 6, 8, 10, 12, 14) + PICK(all, all, 1, 3, 5, 7, 9, 11, 13, 15);
    return PICK(even, even, 0, 2, 4, 6) + PICK(even, even, 1, 3, 5, 7);
}

static inline __attribute__((always_inline)) Four sums_of(const Sixteen *s)
{
    return sums_of_pairs(PICK(s[0], s[1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                             PICK(s[0], s[1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
                         PICK(s[2], s[3], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                             PICK(s[2], s[3], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
}

static inline __attribute__((always_inline)) Four sums_of_eights(const Eight *s)
{
    return sums_of_pairs(PICK(s[0], s[1], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                         PICK(s[2], s[3], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
#undef PICK
#endif
