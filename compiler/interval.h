/* interval.h: what a predicate is on a whole range of indices at once, by interval arithmetic.
 *
 * Used to find the runs of candidates without asking for every pair: a range on which the predicate is
 * certainly true or certainly false is taken or left whole; others are halved.
 */
#ifndef DNW_INTERVAL_H
#define DNW_INTERVAL_H
#include "ir.h"

typedef struct Interval {
    double low, high; /* of a bool: 0 .. 0, 1 .. 1 or 0 .. 1 */
} Interval;

/* The result of a predicate when each ARG lies in its interval. `scratch` has one Interval a value. */
Interval interval_eval(const Func *f, const Interval *args, Interval *scratch);
#endif
