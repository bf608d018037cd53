/* interval.h: the value of a condition on a whole range of indices, by interval arithmetic.
 *
 * Used to find the runs of candidates without asking for every pair: a range on which the condition is
 * certainly true or certainly false is taken or left whole; others are halved. The compiler uses it on its
 * functions, a program on those in its manifest.
 */
#ifndef RT_INTERVAL_H
#define RT_INTERVAL_H
#include "common/wiring.h"

typedef struct Interval {
    double low, high; /* of a bool: 0 .. 0, 1 .. 1 or 0 .. 1 */
} Interval;

typedef struct IntervalOp IntervalOp;
/* By its name in compiler/ir/op.def; NULL: nothing is known of it (IntervalStep.op may be that). */
const IntervalOp *interval_op(const char *name);
/* The same for values of known numbers alone, such as coordinates: also sin, cos and pow. */
const IntervalOp *interval_number_op(const char *name);

/* The last of `count` values when each argument of the condition lies in its interval. `scratch` has one
 * Interval a value. */
Interval interval_run(const IntervalStep *steps, int count, const Interval *args, Interval *scratch);

/* A condition on pairs of nodes: its arguments are the indices of the target, then those of the source. */
typedef struct IntervalCondition {
    IntervalStep *steps;
    int count, to_rank, from_rank;
    int64_t to_size[WIRING_RANK], from_size[WIRING_RANK]; /* of each index */
    Interval *scratch;
} IntervalCondition;
/* As WiringRange (wiring.h) wants it: with source index `dim` in first .. last. */
/* Between these sets; without its values. */
IntervalCondition interval_condition(const WiringSet *to, const WiringSet *from);
/* Does the condition stay the same when target index `to` and source index `from` both grow by one? Proved by
 * the values that move, which must be whole numbers, so that nothing is rounded. */
bool interval_shifts(const IntervalCondition *c, int to, int from);
/* Finds line->shift of a condition. */
void interval_line(const IntervalCondition *c, WiringLine *line);
int interval_range(const IntervalCondition *c, const int64_t *to, const int64_t *from, int dim, int64_t first,
                   int64_t last);
#endif
