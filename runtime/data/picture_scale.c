/* picture_scale.c: scales the middle of a picture to planes of one size (contract in picture.h).
 *
 * Rows first, then columns. Each pixel is a sum of the pixels below a triangle, with weights that are
 * multiples of 2^-22 and add up to about 1, so all sums fit 32 bits and are the same on every processor.
 */
#include "data/data_file.h"
#include "data/picture.h"
#include <math.h>
#include <stdlib.h>

enum { BITS = 22 };

/* Of each new pixel along one side: the first old pixel that counts, how many do, and their weights. */
typedef struct Taps {
    int64_t count, most; /* new pixels; old ones of one of them, at most */
    int64_t *first, *used;
    int32_t *weights; /* (count, most) */
} Taps;

static void taps_free(Taps *t)
{
    free(t->first);
    free(t->used);
    free(t->weights);
}

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Weights of the old pixels around `centre`, of `from`; `wide`: half of the triangle's base. */
static void place(Taps *t, int64_t i, double centre, double wide, int64_t from)
{
    int64_t first = (int64_t)floor(centre - wide + 0.5), end = (int64_t)floor(centre + wide + 0.5);
    double sum = 0;

    if (first < 0) first = 0;
    if (end > from) end = from;
    if (end > first + t->most) end = first + t->most;
    t->first[i] = first, t->used[i] = end - first;
    for (int64_t k = first; k < end; k++) sum += triangle(((double)k + 0.5 - centre) / wide);
    for (int64_t k = first; k < end; k++)
        t->weights[i * t->most + k - first] =
            (int32_t)(triangle(((double)k + 0.5 - centre) / wide) / sum * (1 << BITS) + 0.5);
}

/* The middle `count` pixels of a side that is scaled from `from` to `to`. */
static bool taps_make(Taps *t, int64_t from, int64_t to, int64_t count, RtError *e)
{
    const double step = (double)from / (double)to, wide = step > 1 ? step : 1;
    const int64_t left = (to - count) / 2;

    t->count = count, t->most = (int64_t)(2 * wide) + 2;
    t->first = data_memory(count, sizeof *t->first, e);
    t->used = t->first ? data_memory(count, sizeof *t->used, e) : NULL;
    t->weights = t->used ? data_memory(count, t->most * (int64_t)sizeof *t->weights, e) : NULL;
    if (!t->weights) return false;
    for (int64_t i = 0; i < count; i++) place(t, i, ((double)(left + i) + 0.5) * step, wide, from);
    return true;
}

static uint8_t weigh(const uint8_t *from, int64_t step, const int32_t *weights, int64_t count)
{
    int32_t sum = 1 << (BITS - 1);
    for (int64_t k = 0; k < count; k++) sum += weights[k] * from[k * step];
    sum >>= BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

/* Old rows `first` to `end` - 1, each with new columns. */
static void scale_rows(const Pixels *p, const Taps *columns, int64_t first, int64_t end, uint8_t *out)
{
    for (int64_t y = first; y < end; y++)
        for (int64_t x = 0; x < columns->count; x++) {
            const uint8_t *from = p->bytes + (y * p->width + columns->first[x]) * p->channels;
            for (int c = 0; c < p->channels; c++)
                *out++ = weigh(from + c, p->channels, columns->weights + x * columns->most, columns->used[x]);
        }
}

/* From rows that begin with old row `first` to planes; a grey picture fills all of them. */
static void scale_columns(const uint8_t *rows, int64_t first, const Taps *t, int64_t row, int step,
                          uint8_t *plane)
{
    const int64_t width = row / step;
    for (int64_t y = 0; y < t->count; y++)
        for (int64_t x = 0; x < width; x++)
            *plane++ = weigh(rows + (t->first[y] - first) * row + x * step, row, t->weights + y * t->most,
                             t->used[y]);
}

bool picture_scale(const Pixels *p, const PictureForm *f, uint8_t *planes, RtError *e)
{
    Taps columns = {0}, rows = {0};
    uint8_t *between = NULL;
    bool good = taps_make(&columns, p->width, p->scaled_width, f->width, e) &&
                taps_make(&rows, p->height, p->scaled_height, f->height, e);

    if (good) {
        const int64_t last = rows.count - 1, first = rows.first[0], end = rows.first[last] + rows.used[last],
                      row = f->width * p->channels;
        between = data_memory(end - first, row, e);
        if (between) scale_rows(p, &columns, first, end, between);
        for (int c = 0; between && c < f->channels; c++)
            scale_columns(between + c % p->channels, first, &rows, row, p->channels,
                          planes + c * f->height * f->width);
    }
    taps_free(&columns);
    taps_free(&rows);
    free(between);
    return good && between;
}
