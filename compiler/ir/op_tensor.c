/* op_tensor.c: operators that move elements, and the sum over samples.
 *
 *   reshape  y = x, other indices                        dx = reshape dy
 *   concat   y = x0, x1, ... one after the other         dxi = slice dy
 *   slice    y = x[index .. index + n]                   dx = embed dy
 *   embed    y = 0 ..., x, ... 0                         dx = slice dy
 *   sum_samples  y = sum over the samples of the step    dx = dy for every sample that is one
 *   moments  y = mean and variance over n numbers, those of a channel in all samples
 *            dx = (dmean + 2 dvariance (x - mean)) / n for every sample that is one
 */
#include "base/diag.h"
#include "ir/op.h"

void tensor_shape(Value *v)
{
    v->per_sample = false;
    for (int i = 0; i < v->arg_count; i++)
        if (v->args[i]->per_sample) v->per_sample = true;
    int64_t total = 0;
    switch (v->op) {
    case IR_CONCAT:
        for (int i = 0; i < v->arg_count; i++) total += shape_size(v->args[i]->shape);
        v->shape = shape_vector(total);
        break;
    case IR_SUM_SAMPLES:
        v->shape = v->args[0]->shape;
        v->per_sample = false;
        break;
    case IR_MOMENTS: v->per_sample = false; break; /* the maker has the right shape */
    default: v->shape = v->args[0]->shape; break;  /* RESHAPE, SLICE, EMBED: set by their maker */
    }
}

Value *moments(Func *f, Value *x, Shape channels)
{
    Value *v = func_unary(f, IR_MOMENTS, x);
    v->shape = (Shape){channels.rank + 1, {2}};
    for (int i = 0; i < channels.rank; i++) v->shape.dim[i + 1] = channels.dim[i];
    return v;
}

int64_t moments_numbers(const Value *v)
{
    return 2 * shape_size(v->args[0]->shape) / shape_size(v->shape);
}

static Value *reshaped(Func *f, OpCode op, Value *a, Shape shape, int64_t index)
{
    Value *v = func_unary(f, op, a);
    v->shape = shape;
    v->index = index;
    return v;
}

Value *moments_part(Func *f, Value *moments, int part)
{
    Shape channels = {moments->shape.rank - 1, {0}};
    for (int i = 0; i < channels.rank; i++) channels.dim[i] = moments->shape.dim[i + 1];
    return reshaped(f, IR_SLICE, moments, channels, part * shape_size(channels));
}

static Value *moments_grad(Func *f, Value *v, Value *dy)
{
    Value *x = v->args[0], *count = func_add(f, IR_COUNT, v->span, 0, NULL), *part[3];
    count = func_binary(f, IR_MUL, count, func_const(f, (double)moments_numbers(v)));
    Value *d_mean = func_binary(f, IR_DIV, moments_part(f, dy, 0), count),
          *d_square = func_binary(f, IR_DIV, moments_part(f, dy, 1), count);
    d_square = func_binary(f, IR_MUL, func_const(f, 2), d_square);
    part[0] = moments_part(f, v, 0), part[1] = d_mean, part[2] = d_square;
    for (int i = 0; i < 3; i++) part[i] = broadcast(f, part[i], x->shape, part[i]->shape.rank);
    Value *d = func_binary(f, IR_MUL, part[2], func_binary(f, IR_SUB, x, part[0]));
    d = func_binary(f, IR_ADD, d, part[1]);
    return func_binary(f, IR_MUL, d, func_add(f, IR_VALID, v->span, 0, NULL));
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
    case IR_SUM_SAMPLES:
        if (v->args[0]->per_sample)
            grads[0] = func_binary(f, IR_MUL, dy, func_add(f, IR_VALID, v->span, 0, NULL));
        break;
    case IR_MOMENTS: grads[0] = moments_grad(f, v, dy); break;
    default: break;
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
    default: BUG("%s is not evaluated sample by sample", op_info[v->op].text);
    }
}
