/* net_moments.c: mean and variance over the samples of a step from those of its tiles (net_private.h).
 *
 * They are joined tile by tile, in order (Chan, Golub, LeVeque 1979, equation 2.1): exact where the mean is
 * large beside the deviation, and the same bits whatever the number of threads.
 */
#include "net/net_private.h"

void net_put_shared(const Net *n, int64_t at, double x)
{
    if (n->real_size == 4) ((float *)n->context.shared)[at] = (float)x;
    else ((double *)n->context.shared)[at] = x;
}

/* Element `at` of the own sums of a tile. */
static double own(const Net *n, const NetMoments *m, int64_t tile, int64_t at)
{
    const int64_t i = n->context.tile_stride * tile + m->f->rows * n->lanes + at;
    return n->real_size == 4 ? (double)((const float *)n->context.tiles)[i]
                             : ((const double *)n->context.tiles)[i];
}

/* How many numbers a tile has. */
static double numbers_of(const Net *n, const NetMoments *m, int64_t tile)
{
    const int64_t left = m->samples - tile * n->lanes;
    return (double)((left < n->lanes ? left : n->lanes) * m->numbers);
}

void net_join_moments(const Net *n, const NetMoments *m, double *out)
{
    double count = 0, mean = 0, squares = 0;
    for (int64_t tile = 0; tile * n->lanes < m->samples; tile++) {
        const double more = numbers_of(n, m, tile), all = count + more,
                     distance = own(n, m, tile, m->mean) - mean;
        squares += own(n, m, tile, m->squares) + distance * distance * count * more / all;
        mean += distance * more / all, count = all;
    }
    out[0] = mean, out[1] = squares / count;
}

void net_mean_parts(const Net *n, const NetMoments *m, double *out)
{
    double count = 0, sum[2] = {0, 0};
    for (int64_t tile = 0; tile * n->lanes < m->samples; tile++) {
        sum[0] += own(n, m, tile, m->mean), sum[1] += own(n, m, tile, m->squares);
        count += numbers_of(n, m, tile);
    }
    out[0] = sum[0] / count, out[1] = sum[1] / count;
}
