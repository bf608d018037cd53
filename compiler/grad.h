/* grad.h: reverse-mode differentiation of a function.
 *
 * Appends to `f` the gradients of the scalar (or seeded) value `y` with respect to wanted[0 .. count). `seed` is the
 * gradient of y itself. grads[i] is NULL where y does not depend on wanted[i]. Gradients of repeated scalars are summed
 * over elements, those of values that all samples share are summed over samples.
 */
#ifndef DNW_GRAD_H
#define DNW_GRAD_H
#include "ir.h"

void grad_append(Func *f, Value *y, Value *seed, int count, Value *const *wanted, Value **grads);
/* The vector-Jacobian product of a node function: ARG 0 the sum, ARG 1 the gradient of its value; results: gradient of
 * the sum, then of each of `weights`' components in order. */
Func *grad_cell(Arena *perm, const Func *cell);

struct Ir;
/* Adds to ir->train the gradients of the loss with respect to every learned parameter. */
void grad(struct Ir *ir);
#endif
