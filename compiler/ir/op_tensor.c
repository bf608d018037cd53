/* op_tensor.c: operators that move or sum elements.
 *
 *   reshape  y = x, other indices                        dx = reshape dy
 *   concat   y = x0, x1, ... one after the other         dxi = slice dy
 *   slice    y = x[index .. index + n]                   dx = embed dy
 *   embed    y = 0 ..., x, ... 0                         dx = slice dy
 *   sum      y = sum over the elements of a sample       dx = repeat dy
 *   sum_first     y = sum over the first index      dx = spread_first dy
 *   spread_first  y = x for each position           dx = sum_first dy
 *   swap     y = x, two indices in each other's place    dx = swap dy
 *   maximum  y = largest element of a sample             no gradient
 *   sum_samples  y = sum over the samples of the step    dx = dy for every sample that is one
 */
#include "base/diag.h"
#include "ir/op.h"
#include <math.h>

static Shape without_first(Shape s)
{
    Shape rest = {s.rank - 1, {0}};
    for (int i = 0; i < rest.rank; i++) rest.dim[i] = s.dim[i + 1];
    return rest;
}

void tensor_shape(Value *v)
{
    v->per_sample = false;
    for (int i = 0; i < v->arg_count; i++)
        if (v->args[i]->per_sample) v->per_sample = true;
    int64_t total = 0;
    switch (v->op) {
    case IR_SUM_FIRST: v->shape = without_first(v->args[0]->shape); break;
    case IR_CONCAT:
        for (int i = 0; i < v->arg_count; i++) total += shape_size(v->args[i]->shape);
        v->shape = shape_vector(total);
        break;
    case IR_SUM_SAMPLES:
        v->shape = v->args[0]->shape;
        v->per_sample = false;
        break;
    case IR_SUM:
    case IR_MAXIMUM: v->shape = (Shape){0}; break;
    default: v->shape = v->args[0]->shape; break; /* RESHAPE, SLICE, EMBED, SWAP: set by their maker */
    }
}

static Value *reshaped(Func *f, OpCode op, Value *a, Shape shape, int64_t index)
{
    Value *v = func_unary(f, op, a);
    v->shape = shape;
    v->index = index;
    return v;
}

Value *swapped(Func *f, Value *x, int at)
{
    Shape s = x->shape;
    s.dim[at] = x->shape.dim[at + 1], s.dim[at + 1] = x->shape.dim[at];
    Value *v = reshaped(f, IR_SWAP, x, s, at);
    v->is_bool = x->is_bool;
    return v;
}

SwapSizes swap_sizes(const Value *v)
{
    const Shape x = v->args[0]->shape;
    SwapSizes s = {1, x.dim[v->index], x.dim[v->index + 1], 1};
    for (int i = 0; i < v->index; i++) s.outer *= x.dim[i];
    for (int i = (int)v->index + 2; i < x.rank; i++) s.inner *= x.dim[i];
    return s;
}

void tensor_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    int64_t at = 0;
    switch (v->op) {
    case IR_RESHAPE: grads[0] = reshaped(f, IR_RESHAPE, dy, v->args[0]->shape, 0); break;
    case IR_CONCAT:
        for (int i = 0; i < v->arg_count; at += shape_size(v->args[i]->shape), i++)
            if (wanted[i]) grads[i] = reshaped(f, IR_SLICE, dy, v->args[i]->shape, at);
        break;
    case IR_SLICE: grads[0] = reshaped(f, IR_EMBED, dy, v->args[0]->shape, v->index); break;
    case IR_EMBED: grads[0] = reshaped(f, IR_SLICE, dy, v->args[0]->shape, v->index); break;
    case IR_SUM:
        if (v->args[0]->shape.rank == 0) grads[0] = dy;
        else grads[0] = reshaped(f, IR_REPEAT, dy, v->args[0]->shape, 0);
        break;
    case IR_SUM_FIRST:
        grads[0] = reshaped(f, IR_SPREAD_FIRST, dy, v->args[0]->shape, v->args[0]->shape.dim[0]);
        break;
    case IR_SPREAD_FIRST: grads[0] = func_unary(f, IR_SUM_FIRST, dy); break;
    case IR_SWAP: grads[0] = swapped(f, dy, (int)v->index); break;
    case IR_SUM_SAMPLES:
        if (v->args[0]->per_sample)
            grads[0] = func_binary(f, IR_MUL, dy, func_add(f, IR_VALID, v->span, 0, NULL));
        break;
    default: break;
    }
}

static void eval_swap(const Value *v, const double *x, double *out)
{
    SwapSizes s = swap_sizes(v);
    for (int64_t i = 0, n = shape_size(v->shape); i < n; i++) {
        int64_t a = i / s.inner % s.first, b = i / s.inner / s.first % s.second; /* of out, a follows b */
        int64_t outer = i / s.inner / s.first / s.second;
        out[i] = x[((outer * s.first + a) * s.second + b) * s.inner + i % s.inner];
    }
}

void tensor_eval(const Value *v, const double *const *args, double *out)
{
    int64_t n = shape_size(v->shape), m = v->arg_count ? shape_size(v->args[0]->shape) : 0, at = 0;
    switch (v->op) {
    case IR_RESHAPE: memcpy(out, args[0], (size_t)n * sizeof *out); break;
    case IR_CONCAT:
        for (int i = 0; i < v->arg_count; i++) {
            int64_t size = shape_size(v->args[i]->shape);
            memcpy(out + at, args[i], (size_t)size * sizeof *out);
            at += size;
        }
        break;
    case IR_SLICE: memcpy(out, args[0] + v->index, (size_t)n * sizeof *out); break;
    case IR_EMBED:
        memset(out, 0, (size_t)n * sizeof *out);
        memcpy(out + v->index, args[0], (size_t)m * sizeof *out);
        break;
    case IR_SUM:
        *out = 0;
        for (int64_t i = 0; i < m; i++) *out += args[0][i];
        break;
    case IR_SUM_FIRST:
        memset(out, 0, (size_t)n * sizeof *out);
        for (int64_t i = 0; i < m; i++) out[i % n] += args[0][i];
        break;
    case IR_SPREAD_FIRST:
        for (int64_t i = 0; i < n; i++) out[i] = args[0][i % m];
        break;
    case IR_SWAP: eval_swap(v, args[0], out); break;
    case IR_MAXIMUM:
        *out = args[0][0];
        for (int64_t i = 1; i < m; i++)
            if (args[0][i] > *out || isnan(args[0][i])) *out = args[0][i];
        break;
    default: BUG("%s is not evaluated sample by sample", op_info[v->op].text);
    }
}
