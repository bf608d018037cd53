/* predicate.h: the condition of a line of edges, at one pair of nodes. */
#ifndef DNW_PREDICATE_H
#define DNW_PREDICATE_H
#include "ir/ir.h"

/* args: target indices, then source indices; `stream` and the numbers of both nodes are what chance(p)
 * follows from; scratch: a number for each value of f. */
double predicate_eval(const Func *f, const double *args, uint64_t seed, uint64_t stream, int64_t target,
                      int64_t source, double *scratch);
#endif
