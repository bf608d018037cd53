/* rng.h: a counter-based random generator, so that a number depends on its purpose only.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011). The key
 * is the seed; the counter is (stream, index). Streams keep uses apart; the list below is the whole of them.
 * All functions are pure and may be called from any thread.
 */
#ifndef RT_RNG_H
#define RT_RNG_H
#include <stdint.h>

enum RngStream {
    RNG_INIT = 1,    /* + parameter number << 8: initial weights */
    RNG_SHUFFLE = 2, /* order of samples in an epoch */
    RNG_SAMPLE = 3,  /* scores of edges drawn once (sample) */
    RNG_CHANCE = 4,  /* chance(p) in a predicate: index = source, target */
    RNG_DROPOUT = 5, /* masks of dropout */
    RNG_DATA = 6,    /* made data, and the split of a file into train and test */
    RNG_GRADCHECK = 7,
    RNG_RULE = 9, /* + list << 8, action << 24, steps << 32: `random` of a declared rule; index = candidate */
    RNG_VALIDATION = 10, /* training samples that are held out for the validation; index = sample */
    RNG_PAIRS = 11,      /* + draw << 8: generators of candidates; index = the numbers one after another */
    RNG_DRAW = 12,       /* chance(p, key): seed and index = two numbers */
    RNG_AUGMENT = 8,     /* + epoch << 8: changes of a training picture; index = sample, or its complement */
};

typedef struct Rng4 {
    uint32_t v[4];
} Rng4;

static inline uint32_t rng_mulhi(uint32_t a, uint32_t b, uint32_t *low)
{
    uint64_t p = (uint64_t)a * b;
    *low = (uint32_t)p;
    return (uint32_t)(p >> 32);
}

/* Four words for (seed, stream, index). */
static inline Rng4 rng_words(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    Rng4 c = {{(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)}};
    for (int round = 0; round < 10; round++) {
        uint32_t l0, l1, h0 = rng_mulhi(0xD2511F53u, c.v[0], &l0), h1 = rng_mulhi(0xCD9E8D57u, c.v[2], &l1);
        c = (Rng4){{h1 ^ c.v[1] ^ k0, l1, h0 ^ c.v[3] ^ k1, l0}};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    Rng4 r = rng_words(seed, stream, index);
    return (double)(((uint64_t)r.v[0] << 21) ^ (r.v[1] >> 11)) * 0x1p-53;
}

/* The same by two numbers, where 0 and -0 are one. For a draw by a seed and several numbers each result is
 * the seed of the next. */
static inline double rng_draw(double seed, double number)
{
    const union {
        double number;
        uint64_t bits;
    } a = {seed + 0.0}, b = {number + 0.0};
    return rng_uniform(a.bits, RNG_DRAW, b.bits);
}

/* Standard normal (Box-Muller on the two halves of one block). */
double rng_normal(uint64_t seed, uint64_t stream, uint64_t index);

/* order[0 .. n) becomes a permutation of 0 .. n-1 that depends on (seed, stream, round) only (Fisher-Yates).
 */
void rng_permutation(uint64_t seed, uint64_t stream, uint64_t round, int64_t n, int64_t *order);
#endif
