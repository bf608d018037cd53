/* expr_padded.c: sequences that end at different positions.
 *
 * All samples of a batch have as many positions as the longest sequence; behind the end of a sample its
 * numbers are NaN. `there` is 1 at a position that the sample has, else 0:
 *
 *     there(t) = [the sum of the numbers at t is no NaN]
 *
 * The model reads 0 in the place of NaN. What works position by position keeps positions apart, and its value
 * is noted as padded. What reads over positions (last, mean_time, a loss or an output at each position, a
 * cost) chooses by `there`, so nothing behind the end of a sample has a part in a result or a gradient. All
 * else is refused.
 */
#include "check/expr.h"
#include "ir/op.h"

/* [a > 1/2] for each element of x, of a number at each position. */
static Value *chosen(Func *f, Value *a, const Value *x)
{
    if (x->shape.rank > a->shape.rank) a = broadcast(f, a, x->shape, a->shape.rank);
    return func_binary(f, IR_LT, func_const(f, 0.5), a);
}

/* x where `a` is 1, else 0. */
static Value *where(Func *f, Value *a, Value *x)
{
    Value *args[3] = {chosen(f, a, x), x, func_const(f, 0)};
    return func_add(f, IR_SELECT, x->span, 3, args);
}

bool is_padded(const Check *k, const Value *v)
{
    return k->padded.count && table_find(&k->padded.places, &v, sizeof v) >= 0;
}

void set_padded(Check *k, Value *v)
{
    *table_place(k->perm, &k->padded.places, &v, sizeof v) = k->padded.count++;
}

Value *padded_input(Check *k, const Value *input, Value *x)
{
    Func *f = k->func;
    Value *sum = reduce(f, IR_REDUCE_SUM, (Value *)input, 1, input->shape.rank - 1);
    Value *args[3] = {func_binary(f, IR_EQ, sum, sum), func_const(f, 1), func_const(f, 0)};
    k->model->there = func_add(f, IR_SELECT, input->span, 3, args);
    return without_padding(k, x);
}

Value *without_padding(Check *k, Value *x)
{
    Value *y = where(k->func, k->model->there, x);
    set_padded(k, y);
    return y;
}

/* Elements from .. from + count of a vector. */
static Value *part(Func *f, Value *x, int64_t from, int64_t count)
{
    Value *v = func_unary(f, IR_SLICE, x);
    v->shape = shape_vector(count), v->index = from;
    return v;
}

/* 1 at the last position of a sample: the one behind it is not there. */
static Value *is_last(Check *k)
{
    Func *f = k->func;
    Value *there = k->model->there;
    const int64_t count = there->shape.dim[0];
    if (count == 1) return there;
    Value *none = func_binary(f, IR_MUL, part(f, there, 0, 1), func_const(f, 0)); /* one a sample */
    Value *next = func_add(f, IR_CONCAT, there->span, 2, (Value *[]){part(f, there, 1, count - 1), none});
    return func_binary(f, IR_SUB, there, next);
}

Value *last_there(Check *k, Value *x)
{
    return reduce(k->func, IR_REDUCE_SUM, where(k->func, is_last(k), x), 0, 1);
}

Value *mean_there(Check *k, Value *x)
{
    Func *f = k->func;
    Value *sum = reduce(f, IR_REDUCE_SUM, where(f, k->model->there, x), 0, 1);
    return func_binary(f, IR_DIV, sum, reduce(f, IR_REDUCE_SUM, k->model->there, 0, 1));
}

Val *not_for_padded(Check *k, const char *what, Span span)
{
    Diag *d =
        diag_add(k->diags, E_LATER, span, "%s is not for sequences that end at different positions", what);
    diag_help(d, "what works on them is scan, last, mean_time, dropout, noise, and arithmetic element by "
                 "element");
    return val_poison(k);
}

Val *no_norm_of_padded(Check *k, Span span)
{
    Diag *d =
        diag_add(k->diags, E_LATER, span,
                 "batch_norm takes its statistics over all positions, and these sequences end at different "
                 "ones");
    diag_help(d, "layer_norm works on one position alone");
    return val_poison(k);
}
