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

/* Pixels from that one to the one for pixel `pixel` of a target. */
static inline int64_t taps_step(const Taps *t, int64_t pixel)
{
    return t->stride * (pixel / t->columns * t->width + pixel % t->columns);
}
#endif
