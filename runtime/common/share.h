/* share.h: a share of a whole number, as it is written. */
#ifndef RT_SHARE_H
#define RT_SHARE_H
#include <math.h>
#include <stdint.h>

/* share * n, rounded half up, for a share of 0 .. 1. The share counts as the decimal number that was written,
 * up to 15 digits after its point: 0.35 of 90 is 31.5, though the nearest double is a little less. */
static inline int64_t share_of(double share, int64_t n)
{
    const int64_t one = 1000000000000000;
    return (int64_t)(((__int128)llround(share * (double)one) * n + one / 2) / one);
}
#endif
