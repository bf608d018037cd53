/* predicate.h: the condition of a line of edges, at one pair of nodes. */
#ifndef DNW_PREDICATE_H
#define DNW_PREDICATE_H
#include "common/interval.h"
#include "ir/ir.h"

/* What chance(p) follows from: of the line, and the numbers of both nodes. */
typedef struct Chance {
    uint64_t seed, stream;
    int64_t target, source;
} Chance;

/* args: target indices, then source indices; scratch: a number for each value of f. */
double predicate_eval(const Func *f, const double *args, const Chance *chance, double *scratch);
/* Its values up to the result, for ranges of indices. */
IntervalStep *predicate_steps(Arena *a, const Func *f, int *count);
#endif
