/* gradcheck.h: gradients of the reference interpreter against central differences of fourth order, in double.
 *
 * Each answers with the largest error, relative to the largest gradient of its tensor; infinity when
 * something is not a number.
 */
#ifndef DNW_GRADCHECK_H
#define DNW_GRADCHECK_H
#include "base/diag.h"
#include "model/model.h"

/* Can the gradients of m be checked in a minute or two? Else a message. */
bool gradcheck_fits(const Model *m, Diags *diags, Span span);
/* All learned parameters of a lowered and differentiated program; prints a line each unless `out` is NULL. */
double model_gradcheck(Arena *a, const Ir *ir, FILE *out);
/* A node function: its sum and its weights, at `draws` random sums; m holds the weights. */
double cell_gradcheck(Arena *a, const Model *m, const NodeSet *set, int draws);
#endif
