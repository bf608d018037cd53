/* data_sequence.c: data sets of sequences: (positions, features) a sample.
 *
 * copy_task(n, delay, symbols): at the first position one of `symbols` symbols is shown (one feature each is
 * 1), then `delay` positions show nothing, and at the last one a flag (one more feature) asks for the symbol:
 * it is the class. What is asked for must be remembered over the delay (after Hochreiter & Schmidhuber, "Long
 * short-term memory", 1997). rows(data): images of another data set as sequences of their rows, from the top.
 */
#include "data/data_kind.h"
#include "common/rng.h"
#include <math.h>

static bool copy_shape(const json_t *args, Data *d, int64_t *n, int64_t *delay, RtError *e)
{
    int64_t symbols;
    if (!data_count(args, d, "n", 1, 10000000, n, e) || !data_count(args, d, "delay", 0, 100000, delay, e) ||
        !data_count(args, d, "symbols", 2, 1000, &symbols, e))
        return false;
    d->classes = (int)symbols;
    d->rank = 2;
    d->shape[0] = *delay + 2, d->shape[1] = symbols + 1;
    d->features = d->shape[0] * d->shape[1];
    return true;
}

static bool fill_copies(const Data *d, DataSplit *s, uint64_t seed, int64_t first, int64_t samples,
                        RtError *e)
{
    if (!data_split_new(d, s, samples, e)) return false;
    for (int64_t i = 0; i < samples; i++) {
        float *x = s->floats + i * d->features;
        s->labels[i] = (int32_t)(rng_uniform(seed, RNG_DATA, (uint64_t)(first + i)) * d->classes);
        for (int64_t k = 0; k < d->features; k++) x[k] = 0;
        x[s->labels[i]] = 1;
        x[d->features - 1] = 1;
    }
    return true;
}

bool data_copy_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    int64_t n, delay;
    (void)c;
    return copy_shape(args, d, &n, &delay, e);
}

bool data_copy_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    int64_t n, delay;
    if (!copy_shape(args, d, &n, &delay, e)) return false;
    int64_t test = n / 4 > d->classes ? n / 4 : d->classes;
    return fill_copies(d, &d->train, c->seed, 0, n, e) && fill_copies(d, &d->test, c->seed, n, test, e);
}

static bool all_nan(const float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!isnan(x[i])) return false;
    return true;
}

int64_t data_padded_wrong(const float *x, int64_t positions, int64_t each)
{
    int64_t end = positions;
    while (end > 1 && all_nan(x + (end - 1) * each, each)) end--;
    for (int64_t i = 0; i < end * each; i++)
        if (!isfinite(x[i])) return i;
    return -1;
}

/* (1, rows, columns) or (rows, columns) -> (rows, columns) */
static bool to_rows(Data *d, RtError *e)
{
    if (d->rank == 3 && d->shape[0] == 1) d->shape[0] = d->shape[1], d->shape[1] = d->shape[2], d->rank = 2;
    return d->rank == 2 ||
           rt_fail(e, RT_BAD_INPUT, "rows needs images of one channel; '%s' has samples of another shape",
                   d->name);
}

bool data_rows_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    return data_peek_inner(args, c, d, e) && to_rows(d, e);
}

bool data_rows_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    return data_load_inner(args, c, d, e) && to_rows(d, e);
}
