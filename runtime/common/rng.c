/* rng.c: what is too long for rng.h: normal numbers and permutations from the counter-based generator.
 *
 * Normal: Box & Muller, "A note on the generation of random normal deviates", 1958; the cosine half only, so
 * that one index gives one number. Permutation: Fisher-Yates in Durstenfeld's form (CACM Algorithm 235,
 * 1964); the swap at position i takes block i, and 64 random bits are brought below i + 1 by the high half of
 * a product (Lemire 2019 without the rejection: the bias is under n / 2^64).
 */
#include "common/rng.h"
#include <math.h>

static uint64_t word_pair(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

double rng_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    Rng4 r = rng_words(seed, stream, index);
    double radius = (double)((word_pair(r.v[0], r.v[1]) >> 11) + 1) * 0x1p-53; /* (0, 1]: never log(0) */
    double turn = (double)(word_pair(r.v[2], r.v[3]) >> 11) * 0x1p-53;
    return sqrt(-2.0 * log(radius)) * cos(2.0 * M_PI * turn);
}

void rng_permutation(uint64_t seed, uint64_t stream, uint64_t round, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        Rng4 r = rng_words(seed, stream + (round << 8), (uint64_t)i);
        uint64_t bits = word_pair(r.v[0], r.v[1]);
        int64_t j = (int64_t)(((unsigned __int128)bits * (uint64_t)(i + 1)) >> 64);
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
