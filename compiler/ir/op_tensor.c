/* op_tensor.c: operators that move elements, and the sum over samples.
 *
 *   reshape  y = x, other indices                        dx = reshape dy
 *   concat   y = x0, x1, ... one after the other         dxi = slice dy
 *   slice    y = x[index .. index + n]                   dx = embed dy
 *   embed    y = 0 ..., x, ... 0                         dx = slice dy
 *   sum_samples  y = sum over the samples of the step    dx = dy for every sample that is one
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
    default: v->shape = v->args[0]->shape; break; /* RESHAPE, SLICE, EMBED: set by their maker */
    }
}

static Value *reshaped(Func *f, OpCode op, Value *a, Shape shape, int64_t index)
{
    Value *v = func_unary(f, op, a);
    v->shape = shape;
    v->index = index;
    return v;
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
