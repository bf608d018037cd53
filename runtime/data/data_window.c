/* data_window.c: windows of rows as samples (contract in data_window.h). */
#include "data/data_window.h"
#include "data/data_file.h"
#include "common/plural.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int64_t windows_list(const Windows *w, int64_t begin, int64_t end, int64_t *to)
{
    int64_t count = 0;

    for (int64_t first = begin; first + w->length + w->ahead <= end; first += w->step, count++)
        if (to) to[count] = first;
    return count;
}

bool data_scale_rows(Data *d, const float *rows, int64_t count, int64_t columns, RtError *e)
{
    if (columns > DATA_COLUMNS)
        return rt_fail(e, RT_BAD_INPUT, "%s: 'scale' is for at most %d columns; here are %lld", d->name,
                       DATA_COLUMNS, (long long)columns);
    d->scale.columns = (int)columns;
    for (int64_t k = 0; k < columns; k++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < count; i++) sum += (double)rows[i * columns + k];
        const double mean = sum / (double)count;
        for (int64_t i = 0; i < count; i++) squares += pow((double)rows[i * columns + k] - mean, 2);
        const double deviation = sqrt(squares / (double)count);
        d->scale.mean[k] = mean, d->scale.deviation[k] = deviation > 0 ? deviation : 1;
    }
    return true;
}

void windows_free(Windows *w)
{
    free(w->first), free(w->rows);
    w->first = w->rows = NULL, w->count = 0;
}

/* Sample `to` of a split: rows of a table, and nothing behind them. */
static void take_window(const Windows *w, int64_t window, const Data *d, const DataSplit *rows, DataSplit *s,
                        int64_t to)
{
    const int64_t width = d->features / w->length, size = d->target_size, count = windows_rows(w, window),
                  one = w->each ? size / w->length : size, first = w->first[window],
                  target = (first + w->ahead + (w->each ? 0 : count - 1)) * one,
                  targets = w->each ? count * one : one;
    float *x = s->floats + to * d->features;
    memcpy(x, rows->floats + first * width, (size_t)(count * width) * sizeof *x);
    for (int64_t i = count * width; i < d->features; i++) x[i] = NAN;
    if (s->labels) memcpy(s->labels + to * size, rows->labels + target, (size_t)targets * sizeof *s->labels);
    else memcpy(s->targets + to * size, rows->targets + target, (size_t)targets * sizeof *s->targets);
    for (int64_t i = targets; i < size; i++)
        if (s->labels) s->labels[to * size + i] = -1;
        else s->targets[to * size + i] = 0;
}

bool windows_take(const Windows *w, int64_t from, int64_t count, const Data *d, const DataSplit *rows,
                  DataSplit *s, RtError *e)
{
    if (!data_split_new(d, s, count, e)) return false;
    for (int64_t i = 0; i < count; i++) take_window(w, from + i, d, rows, s, i);
    s->window = w->length + w->ahead;
    if (w->step >= s->window) return true;
    s->first = data_memory(count, sizeof *s->first, e);
    if (!s->first) return false;
    memcpy(s->first, w->first + from, (size_t)count * sizeof *s->first);
    return true;
}

bool windows_part(const Windows *w, double share, Data *d, const DataSplit *rows, RtError *e)
{
    const int64_t test = data_held(share, w->count);
    int64_t train = w->count - test;

    while (test && train && w->first[train - 1] + w->length + w->ahead > w->first[w->count - test]) train--;
    if (train == 0) {
        rt_fail(e, RT_BAD_INPUT, "%s: split = %g leaves none of the %lld window%s to train on", d->name,
                share, (long long)w->count, plural(w->count, "s"));
        return rt_help(e,
                       "windows that overlap those of the test are left out; a smaller split, or step = %lld",
                       (long long)w->length);
    }
    return windows_take(w, 0, train, d, rows, &d->train, e) &&
           windows_take(w, w->count - test, test, d, rows, &d->test, e);
}
