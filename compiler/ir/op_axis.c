/* op_axis.c: operators along axes of a tensor.
 *
 *   reduce_sum  y = sum over neighbouring axes of x, which are removed    dx = broadcast dy
 *   reduce_max  y = largest element; NaN when one is                      no gradient
 *   broadcast   y = x for each element of new axes                        dx = reduce_sum dy
 *   transpose   y = x, two neighbouring axes exchanged                    dx = transpose dy
 *
 * `index` is the first of the axes; the ranks of x and y say how many are removed or added.
 */
#include "base/diag.h"
#include "ir/op.h"
#include <math.h>
#include <stdlib.h>

void axis_shape(Value *v)
{
    v->shape = v->args[0]->shape; /* the maker has the right one */
    v->is_bool = v->args[0]->is_bool && (v->op == IR_BROADCAST || v->op == IR_TRANSPOSE);
    v->per_sample = v->args[0]->per_sample;
}

static Value *along(Func *f, OpCode op, Value *x, Shape shape, int at)
{
    Value *v = func_unary(f, op, x);
    v->shape = shape;
    v->index = at;
    return v;
}

Value *reduce(Func *f, OpCode op, Value *x, int at, int count)
{
    Shape s = {x->shape.rank - count, {0}};
    for (int i = 0; i < s.rank; i++) s.dim[i] = x->shape.dim[i < at ? i : i + count];
    return count ? along(f, op, x, s, at) : x;
}

Value *broadcast(Func *f, Value *x, Shape shape, int at)
{
    if (x->shape.rank == shape.rank) return x;
    if (x->shape.rank > 0) return along(f, IR_BROADCAST, x, shape, at);
    Value *v = func_unary(f, IR_REPEAT, x);
    v->shape = shape, v->is_bool = x->is_bool;
    return v;
}

Value *transpose(Func *f, Value *x, int at)
{
    Shape s = x->shape;
    s.dim[at] = x->shape.dim[at + 1], s.dim[at + 1] = x->shape.dim[at];
    return along(f, IR_TRANSPOSE, x, s, at);
}

Axes axes_of(const Value *v)
{
    const Shape x = v->args[0]->shape, all = v->shape.rank > x.rank ? v->shape : x;
    bool turns = v->op == IR_TRANSPOSE;
    int end = (int)v->index + (turns ? 1 : abs(v->shape.rank - x.rank));
    Axes s = {1, 1, 1, 1};
    for (int i = 0; i < all.rank; i++) {
        int64_t *part = i < v->index ? &s.outer : i < end ? &s.count : &s.inner;
        if (turns && i == end) part = &s.second;
        *part *= all.dim[i];
    }
    return s;
}

void axis_grad(Func *f, Value *v, Value *dy, Value **grads)
{
    const Shape x = v->args[0]->shape;
    int at = (int)v->index;
    if (v->op == IR_REDUCE_SUM) grads[0] = broadcast(f, dy, x, at);
    if (v->op == IR_BROADCAST) grads[0] = reduce(f, IR_REDUCE_SUM, dy, at, v->shape.rank - x.rank);
    if (v->op == IR_TRANSPOSE) grads[0] = transpose(f, dy, at);
}

void axis_eval(const Value *v, const double *x, double *out)
{
    Axes s = axes_of(v);
    memset(out, 0, (size_t)shape_size(v->shape) * sizeof *out);
    for (int64_t i = 0; i < s.outer * s.count * s.second * s.inner; i++) {
        int64_t inner = i % s.inner, b = i / s.inner % s.second, a = i / s.inner / s.second % s.count,
                outer = i / s.inner / s.second / s.count, few = outer * s.inner + inner;
        switch (v->op) {
        case IR_REDUCE_SUM: out[few] += x[i]; break;
        case IR_REDUCE_MAX:
            if (a == 0 || x[i] > out[few] || isnan(x[i])) out[few] = x[i];
            break;
        case IR_BROADCAST: out[i] = x[few]; break;
        default: out[((outer * s.second + b) * s.count + a) * s.inner + inner] = x[i];
        }
    }
}
