/* lanes.c: sums over the samples of a tile, and random numbers for its lanes. */
#include "common/rng.h"
#include "kernel.h"

real KERNEL(sum_lanes)(const real *row, int64_t valid);
void KERNEL(random)(const DnwrtContext *context, int64_t stream, int64_t tile, int64_t element, int64_t part,
                    real *out);

#if DNW_LANES == 1
real KERNEL(sum_lanes)(const real *row, int64_t valid)
{
    return valid > 0 ? *row : 0;
}
#else
/* The first `valid` lanes; always in the same order. */
real KERNEL(sum_lanes)(const real *row, int64_t valid)
{
    Lanes sum = {0};
    real total = 0;
    int64_t whole = valid / WIDTH * WIDTH;
    for (int64_t i = 0; i < whole; i += WIDTH) sum += *(const Lanes *)(row + i);
    for (int i = 0; i < WIDTH; i++) total += sum[i];
    for (int64_t i = whole; i < valid; i++) total += row[i];
    return total;
}
#endif

/* Uniform numbers for lanes part * WIDTH ... of one element: 24 bits, the same in float and double. */
void KERNEL(random)(const DnwrtContext *context, int64_t stream, int64_t tile, int64_t element, int64_t part,
                    real *out)
{
    const uint64_t seed = context->seed,
                   key = RNG_DROPOUT + ((uint64_t)stream << 8) + ((uint64_t)context->step << 16);
    for (int i = 0; i < WIDTH; i++) {
        uint64_t sample = (uint64_t)(tile * LANES + part * WIDTH + i);
        out[i] = (real)((real)(rng_words(seed, key, (sample << 32) | (uint64_t)element).v[0] >> 8) *
                        (real)0x1p-24);
    }
}

void KERNEL(copy_rows)(real *to, const real *from, int64_t count);
void KERNEL(zero_rows)(real *to, int64_t count);
void KERNEL(sum_samples)(const real *rows, int64_t count, int64_t valid, real *out);

void KERNEL(copy_rows)(real *to, const real *from, int64_t count)
{
    for (int64_t i = 0; i < count * LANES; i++) to[i] = from[i];
}

void KERNEL(zero_rows)(real *to, int64_t count)
{
    for (int64_t i = 0; i < count * LANES; i++) to[i] = 0;
}

/* out[r] = sum over the first `valid` lanes of row r */
void KERNEL(sum_samples)(const real *rows, int64_t count, int64_t valid, real *out)
{
    for (int64_t r = 0; r < count; r++) out[r] = KERNEL(sum_lanes)(rows + r * LANES, valid);
}

/* Mean, and sum of the squares of the distances from it, of the first `valid` lanes of `count` rows: in two
 * passes, the second of which corrects the first (Chan, Golub, LeVeque 1983, equation 1.7). */
void KERNEL(moments)(const real *rows, int64_t count, int64_t valid, real *mean, real *squares);

static inline __attribute__((always_inline)) double sum_of(const real *lane, int64_t valid)
{
    double total = 0;
    for (int64_t i = 0; i < valid; i++) total += (double)lane[i];
    return total;
}

static inline __attribute__((always_inline)) void moments_of(const real *rows, int64_t count, int64_t valid,
                                                             real *mean, real *squares)
{
    const double numbers = (double)(count * valid);
    real lane[LANES], square[LANES];
    for (int64_t i = 0; i < valid; i++) lane[i] = 0;
    for (int64_t r = 0; r < count; r++)
        for (int64_t i = 0; i < valid; i++) lane[i] += rows[r * LANES + i];
    const real middle = (real)(sum_of(lane, valid) / numbers);
    for (int64_t i = 0; i < valid; i++) lane[i] = square[i] = 0;
    for (int64_t r = 0; r < count; r++)
        for (int64_t i = 0; i < valid; i++) {
            real d = rows[r * LANES + i] - middle;
            lane[i] += d, square[i] += d * d;
        }
    const double rest = sum_of(lane, valid) / numbers;
    *mean = (real)((double)middle + rest), *squares = (real)(sum_of(square, valid) - rest * rest * numbers);
}

/* Of a whole tile in vectors, with the same numbers. */
void KERNEL(moments)(const real *rows, int64_t count, int64_t valid, real *mean, real *squares)
{
    if (valid == LANES) moments_of(rows, count, LANES, mean, squares);
    else moments_of(rows, count, valid, mean, squares);
}

/* The same of more tiles: joined holds how many numbers, their mean, the squares of the distances from it;
 * new with tile 0 (Chan, Golub, LeVeque 1979, equation 2.1). The step has `samples`, of them the tile LANES
 * at most.
 */
void KERNEL(join_moments)(const real *rows, int64_t count, int64_t tile, int64_t samples, double *joined);
void KERNEL(join_moments)(const real *rows, int64_t count, int64_t tile, int64_t samples, double *joined)
{
    int64_t left = samples - tile * LANES, valid = left < LANES ? left : LANES;
    real mean, squares;
    KERNEL(moments)(rows, count, valid, &mean, &squares);
    if (tile == 0) joined[0] = joined[1] = joined[2] = 0;
    double more = (double)(count * valid), all = joined[0] + more, distance = (double)mean - joined[1];
    joined[2] += (double)squares + distance * distance * joined[0] * more / all;
    joined[1] += distance * more / all, joined[0] = all;
}

/* Their mean and variance. */
void KERNEL(joined_moments)(const double *joined, real *mean, real *variance);
void KERNEL(joined_moments)(const double *joined, real *mean, real *variance)
{
    *mean = (real)joined[1], *variance = (real)(joined[2] / joined[0]);
}

/* chance(p, key) */
real KERNEL(draw1)(real seed, real number);
real KERNEL(draw1)(real seed, real number)
{
    return (real)rng_draw((double)seed, (double)number);
}

/* chance(p) in the condition of edges of a bundle: true with probability p, by (seed, target, source) alone.
 */
int KERNEL(chance)(uint64_t seed, int64_t bundle, int64_t target, int64_t source, real p);
int KERNEL(chance)(uint64_t seed, int64_t bundle, int64_t target, int64_t source, real p)
{
    return rng_uniform(seed, RNG_CHANCE + ((uint64_t)bundle << 8),
                       ((uint64_t)target << 32) | (uint64_t)source) < p;
}
