/* ir_eval_edge.h: one candidate in the reference interpreter.
 *
 * EDGE_PROBED is the mark of a candidate that is not in use, while gradcheck moves its weights: it adds its
 * function less the same function with the weights of `base`, which is 0 where they are equal. */
#ifndef DNW_IR_EVAL_EDGE_H
#define DNW_IR_EVAL_EDGE_H
#include "eval/ir_eval_graph.h"

typedef struct EdgeAt {
    int bundle;
    int64_t candidate, pixels; /* pixels: of the sum of its target */
    const double *source;      /* what its source sends: a number, or a map row by row */
    const double *own;         /* what its target sends, where it sends something */
    int64_t port; /* from a sum of its target to that of the next port, likewise with gradients */
    int64_t evaluation;
} EdgeAt;
void edge_rooms(GraphEval *e);
/* Adds to the sum; nothing when it is not in use. */
void edge_value(GraphEval *e, const EdgeAt *at, double *out);
/* From the gradient d of the sum: adds to those of the source's value and of the target's own (NULL: not
 * wanted) and of shared weights when it is in use, and to those of its own weights in any case: straight
 * through the choice. */
void edge_back(GraphEval *e, const EdgeAt *at, const double *d, double *d_source, double *d_own);
/* batch_norm of a candidate, from what its ends send in each sample; from gradients of sums. */
void edge_find_statistics(GraphEval *e, const EdgeAt *at);
void edge_find_gradients(GraphEval *e, const EdgeAt *at, const double *const *d);
#endif
