/* layer_embed.c: embed(values, out): whole numbers to vectors that are learned.
 *
 * Number t of 0 .. values - 1 is row t of a table [values, out]. That is what `linear` without a bias makes
 * of a vector that is 1 at t and 0 elsewhere, and so it is built: the same table serves all numbers of a
 * list, as a function that scan applies does for all positions, and its weights are candidates like others.
 *
 * The numbers are those of the data, so that each can be checked when it is read, and told with its place.
 */
#include "check/layer.h"
#include "ir/op.h"

void set_given(Check *k, const Value *v)
{
    *table_place(k->perm, &k->given, &v, sizeof v) = 1;
}

bool is_given(const Check *k, const Value *v)
{
    return k->given.count && table_find(&k->given, &v, sizeof v) >= 0;
}

/* [values]: 1 at the place that x, one number, is. */
static Value *place_of(Check *k, Value *x, int64_t values)
{
    Func *f = k->func;
    Value *place = func_add(f, IR_POSITION, x->span, 0, NULL), *number = func_unary(f, IR_RESHAPE, x);
    place->shape = shape_vector(values), number->shape = (Shape){0};
    Value *args[3] = {func_binary(f, IR_EQ, place, number), func_const(f, 1), func_const(f, 0)};
    return func_add(f, IR_SELECT, x->span, 3, args);
}

static bool is_numbers(Check *k, const Value *x, Span span)
{
    if (x->shape.rank != 1) {
        Diag *d = diag_add(k->diags, E_SHAPE, span, "'embed' takes a list of numbers [n] and is given %s",
                           shape_text(k->perm, x->shape));
        diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
        diag_help(d, "of a sequence, at each position: |> scan(embed(...)) |> scan(flatten)");
        return false;
    }
    if (is_given(k, x)) return true;
    Diag *d =
        diag_add(k->diags, E_KIND, span,
                 "'embed' looks up whole numbers of the data; here is a value that is computed from them");
    diag_note(d, x->span, "it comes from here");
    diag_help(d, k->model->scaled ? "data that is scaled has no whole numbers: scale = false"
                                  : "apply it to the input of the model: x |> embed(...)");
    return false;
}

Val *embed_layer(Check *k, Val *x, Val *const *args, Span span)
{
    const int64_t around = k->positions;
    int64_t values, most = 0;
    DenseLayer d = {.groups = 1};
    if (!whole_between(k, args[0], "the number of values", 1, limits.nodes, &values) ||
        !size_between(k, args[1], "the number of outputs", 1, limits.nodes, &d.out) ||
        !is_numbers(k, x->value, span))
        return val_poison(k);
    Model *m = k->model;
    m->whole = m->whole && m->whole < values ? m->whole : values;
    d.weight = (Shape){2, {d.out.most, values}};
    Value *all = func_unary(k->func, IR_RESHAPE, x->value), *one = func_add(k->func, IR_INPUT, span, 0, NULL);
    all->shape = (Shape){2, {x->value->shape.dim[0], 1}}, one->shape = shape_vector(1);
    k->positions = all->shape.dim[0] * (around ? around : 1);
    Val *row = dense_layer(k, "embed", place_of(k, one, values), &d, args[2], span);
    k->positions = around;
    if (val_is_poison(row)) return row;
    Value *rows = all_positions(k, all, one, row->value, &most);
    if (most <= MOST_NUMBERS) return val_runtime(k, rows, span);
    diag_add(k->diags, E_MEMORY, span, "embed takes %.15g numbers per sample here; the most is %d",
             (double)most, MOST_NUMBERS);
    return val_poison(k);
}
