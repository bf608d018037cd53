/* grad.h: reverse-mode differentiation of a function.
 *
 * Appends to `f` the gradients of the values y with respect to wanted[0 .. count). `seed` holds the gradients
 * of the y themselves. grads[i] is NULL where y does not depend on wanted[i]. Gradients of repeated scalars
 * are summed over elements, those of values that all samples share are summed over samples.
 */
#ifndef DNW_GRAD_H
#define DNW_GRAD_H
#include "ir.h"

void grad_append(Func *f, int outputs, Value *const *y, Value *const *seed, int count, Value *const *wanted,
                 Value **grads);
/* 0 for each element. */
Value *grad_zeros(Func *f, Shape shape);
/* The vector-Jacobian product of a node function: ARG 0 the sum, ARG 1 the gradient of its value; results:
 * gradient of the sum, then of each of `weights`' components in order.
 *
 * With norms (model.h), their statistics are leaves m and v, and x moves them: dm/dx = 1 / N, dv/dx = 2 (x -
 * m) / N. So x is given the gradient (ARG 2) (dL/dm / N + 2 (x - m) dL/dv / N), which is right for norm i
 * when the gradients of the statistics of all norms are known that come after it. norms[i].back is made to
 * find them. */
struct Norm;
Func *grad_cell(Arena *perm, const Func *cell, int count, struct Norm *norms);

/* The same for a function in time (timed.h), `send` or `move` of a set: ARG 1 + states + k is the gradient of
 * result k; `valid` is ARG 1 + 2 states + slope. Results: gradient of the sum (unless `sum`, its shape, is
 * NULL), of each state, of the slope (ARG 1 + 2 states, of `move` where there is one), of each weight. */
struct NodeSet;
Func *grad_timed(Arena *perm, const Func *f, const Shape *sum, struct NodeSet *set, int norms);

/* The same for an edge function, cut into what the walks over edges need (model.h); `ends`: what the source
 * and the target send. */
struct EdgeFn;
void grad_edge(Arena *perm, struct EdgeFn *e, const Shape *ends);

struct Ir;
/* Adds to ir->train the gradients of the loss with respect to every learned parameter. */
void grad(struct Ir *ir);
#endif
