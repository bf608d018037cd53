/* grad.h: reverse-mode differentiation of a function.
 *
 * Appends to `f` the gradients of the seeds' values with respect to wanted[0 .. count). grads[i] is NULL
 * where none of them depends on wanted[i]. Gradients of repeated scalars are summed over elements, those of
 * values that all samples share are summed over samples.
 */
#ifndef DNW_GRAD_H
#define DNW_GRAD_H
#include "ir/ir.h"

/* Values with the gradients that they are given from outside. */
typedef struct Seeds {
    int count;
    Value *const *y, *const *gradient;
} Seeds;

void grad_append(Func *f, Seeds of, int count, Value *const *wanted, Value **grads);
/* 0 for each element. */
Value *grad_zeros(Func *f, Shape shape);
/* The vector-Jacobian product of a function of a node or an edge: fills fn->back, fn->gradient and
 * fn->weights. `arguments`: those that gradients are wanted of, with their shapes, whether or not the
 * function reads them.
 *
 * With norms (model.h), their statistics are leaves m and v, and x moves them: dm/dx = 1 / N, dv/dx =
 * 2 (x - m) / N. So x is given the gradient (SLOT_VALID) (dL/dm / N + 2 (x - m) dL/dv / N), which is right
 * for norm i when the gradients of the statistics of all norms are known that come after it. norms[i].back is
 * made to find them. */
struct CellFn;
typedef struct CellArgument {
    int slot; /* Slot of model.h */
    Shape shape;
} CellArgument;
void grad_cell(Arena *perm, struct CellFn *fn, int count, const CellArgument *arguments);
/* The same for an edge function, cut into what the walks over edges need; `ends`: what the source and the
 * target send. */
struct EdgeFn;
void grad_edge(Arena *perm, struct EdgeFn *e, const Shape *ends);

struct Ir;
/* Adds to ir->train the gradients of the loss with respect to every learned parameter. */
void grad(struct Ir *ir);
#endif
