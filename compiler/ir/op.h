/* op.h: properties of operators, for the passes. Those of one class of operators are in one file op_*.c.
 *
 *   shape  shape, kind and per_sample of the result from the arguments (called by func_add)
 *   grad   appends to `f` the gradient of the loss with respect to each argument, given that of the result
 *          (reverse mode). `wanted[i]` tells which are of use; grads[i] stays NULL where the derivative is 0
 *   eval   the specification: naive loops in double (ir_eval.h)
 */
#ifndef DNW_OP_H
#define DNW_OP_H
#include "ir/ir.h"

typedef struct EvalContext EvalContext;

void op_shape(Value *v);
void op_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads);
/* One sample, or the value for all samples, row-major. Not POINTWISE, LEAF, WIRED, SUM_SAMPLES. */
void op_eval(const Value *v, const double *const *args, double *out);

void pointwise_shape(Value *v);
void pointwise_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads);
/* One element. `a` holds the arguments; bools are 0 and 1. CHANCE, RANDOM and POSITION are not evaluated
 * here. */
double pointwise_eval(OpCode op, const double *a);

void tensor_shape(Value *v);
void tensor_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads);
void tensor_eval(const Value *v, const double *const *args, double *out);
/* Mean and variance of x for each of the channels, its first axes, over all samples: one value, and a part of
 * it (0: mean, 1: variance), which may be a gradient. How many numbers of a sample each is taken of. */
Value *moments(Func *f, Value *x, Shape channels);
Value *moments_part(Func *f, Value *moments, int part);
int64_t moments_numbers(const Value *v);

void axis_shape(Value *v);
void axis_grad(Func *f, Value *v, Value *dy, Value **grads);
void axis_eval(const Value *v, const double *x, double *out);
/* Over `count` axes of x from `at` on: REDUCE_SUM or REDUCE_MAX. */
Value *reduce(Func *f, OpCode op, Value *x, int at, int count);
/* x for all elements of `shape`, whose axes from `at` on are new. */
Value *broadcast(Func *f, Value *x, Shape shape, int at);
/* x with axes `at` and `at` + 1 exchanged. */
Value *transpose(Func *f, Value *x, int at);
/* What such an operator works on: runs of `count` numbers, `inner` apart, one for each of `outer` and of
 * `inner`: [outer, count, inner] -> [outer, inner], or the other way; of TRANSPOSE [outer, count, second,
 * inner] -> [outer, second, count, inner]. */
typedef struct Axes {
    int64_t outer, count, second, inner;
} Axes;
Axes axes_of(const Value *v);

enum { MOST_TAPS = 121 }; /* of the window of CONV, 11 x 11 */
void map_shape(Value *v);
void map_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads);
void map_eval(const Value *v, const double *const *args, double *out);
/* The shape of CONV (without channels), WINDOWS, POOL_SUM and POOL_MAX over maps of shape x. */
Shape map_windowed(OpCode op, Shape x, Window w);
/* The larger and the smaller of the maps that v works on. */
Shape map_large(const Value *v);
Shape map_small(const Value *v);
/* Appends an operator on maps, with what does not follow from its arguments alone. */
typedef struct MapForm {
    Shape shape;
    Window window;
} MapForm;
Value *map_value(Func *f, OpCode op, Span span, MapForm form, int count, Value *const *args);

void wired_shape(Value *v);
void wired_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads);
#endif
