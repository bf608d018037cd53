/* taps.h: where the taps of a filter stand in a map with a border (Taps of contract.def). */
#ifndef RT_TAPS_H
#define RT_TAPS_H
#include "common/contract.h"

static inline bool has_taps(const Taps *t)
{
    return t->size > 0;
}

/* The pixel, counted through all maps, that source `source` has for the first pixel of a target. */
static inline int64_t taps_first(const Taps *t, int64_t source)
{
    const int64_t taps = t->size * t->size, tap = source % taps;
    return source / taps * t->pixels + t->dilation * (tap / t->size * t->width + tap % t->size);
}

/* The same of the first `count` sources. */
static inline void taps_firsts(const Taps *t, int64_t count, uint32_t *first)
{
    for (int64_t i = 0; i < count; i++) first[i] = (uint32_t)taps_first(t, i);
}

/* Runs of pixels that stand together in the maps of targets and of taps: a row, or where taps skip some each
 * pixel by itself. Pixels of a run; runs in each of so many rows, and the pixels of the map with its border
 * from run to run and from row to row. */
typedef struct TapRuns {
    int64_t pixels, runs, run_step, rows, row_step;
} TapRuns;

static inline TapRuns taps_runs(const Taps *t)
{
    const bool whole = t->stride == 1;
    return (TapRuns){whole ? t->columns : 1, whole ? 1 : t->columns, t->stride, t->rows,
                     t->stride * t->width};
}

/* Pixels from that one to the one for pixel `pixel` of a target. */
static inline int64_t taps_step(const Taps *t, int64_t pixel)
{
    return t->stride * (pixel / t->columns * t->width + pixel % t->columns);
}
#endif
