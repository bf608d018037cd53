/* grad.c: reverse mode. Walks the values from last to first; each operator appends its own part (op_grad). */
#include "grad.h"
#include "diag.h"
#include "model.h"
#include "op.h"

void op_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    switch (op_info[v->op].class) {
    case CLASS_POINTWISE: pointwise_grad(f, v, dy, wanted, grads); break;
    case CLASS_TENSOR: tensor_grad(f, v, dy, wanted, grads); break;
    case CLASS_MAP: map_grad(f, v, dy, wanted, grads); break;
    case CLASS_WIRED: wired_grad(f, v, dy, wanted, grads); break;
    case CLASS_LAYER: BUG("%s was not lowered before grad", op_info[v->op].text);
    case CLASS_LEAF: break;
    }
}

/* A gradient as `target` has to receive it: summed over what was repeated. */
static Value *reduced(Func *f, Value *g, const Value *target)
{
    if (target->shape.rank == 0 && g->shape.rank > 0) g = func_unary(f, IR_SUM, g);
    if (!target->per_sample && g->per_sample) g = func_unary(f, IR_SUM_SAMPLES, g);
    if (target->shape.rank > 0 && g->shape.rank == 0) {
        g = func_unary(f, IR_REPEAT, g);
        g->shape = target->shape;
    }
    return g;
}

/* active[i]: value i depends on a wanted one. */
static bool *active_values(Func *f, int count, Value *const *wanted)
{
    bool *active = NEW_ARRAY(f->arena, bool, (size_t)f->values.count + 1);
    for (int i = 0; i < count; i++) active[wanted[i]->id] = true;
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count; k++)
            if (active[f->values.at[i]->args[k]->id] && !f->values.at[i]->is_bool) active[i] = true;
    return active;
}

void grad_append(Func *f, int outputs, Value *const *y, Value *const *seed, int count, Value *const *wanted,
                 Value **grads)
{
    int last = 0;
    for (int i = 0; i < outputs; i++) last = y[i]->id > last ? y[i]->id : last;
    bool *active = active_values(f, count, wanted);
    Value **d = NEW_ARRAY(f->arena, Value *, (size_t)last + 1);
    for (int i = 0; i < outputs; i++)
        d[y[i]->id] = d[y[i]->id] ? func_binary(f, IR_ADD, d[y[i]->id], seed[i]) : seed[i];
    for (int i = last; i >= 0; i--) {
        Value *v = f->values.at[i];
        if (!d[i] || !active[i] || v->arg_count == 0) continue;
        bool *use = NEW_ARRAY(f->arena, bool, (size_t)v->arg_count);
        Value **part = NEW_ARRAY(f->arena, Value *, (size_t)v->arg_count);
        for (int k = 0; k < v->arg_count; k++) use[k] = active[v->args[k]->id];
        op_grad(f, v, d[i], use, part);
        for (int k = 0; k < v->arg_count; k++) {
            Value *a = v->args[k];
            if (!part[k] || !use[k]) continue;
            Value *g = reduced(f, part[k], a);
            d[a->id] = d[a->id] ? func_binary(f, IR_ADD, d[a->id], g) : g;
        }
    }
    for (int i = 0; i < count; i++) grads[i] = wanted[i]->id <= last ? d[wanted[i]->id] : NULL;
}

Value *grad_zeros(Func *f, Shape shape)
{
    Value *zero = func_const(f, 0);
    if (shape.rank == 0) return zero;
    Value *v = func_unary(f, IR_REPEAT, zero);
    v->shape = shape;
    return v;
}

static Value *argument(Func *f, int index, Shape shape)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_ARG && f->values.at[i]->index == index) return f->values.at[i];
    Value *v = func_add(f, IR_ARG, (Span){0}, 0, NULL);
    v->index = index, v->shape = shape;
    return v;
}

static Value *statistic(Func *f, int index)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_STATISTIC && f->values.at[i]->index == index) return f->values.at[i];
    Value *v = func_add(f, IR_STATISTIC, (Span){0}, 0, NULL);
    v->index = index;
    return v;
}

/* The gradient of a norm's x by way of its statistics. */
static Value *norm_seed(Func *f, Value *x, int norm, int valid)
{
    Value *mean = statistic(f, 4 * norm), *d_mean = statistic(f, 4 * norm + 2),
          *d_variance = statistic(f, 4 * norm + 3), *two = func_const(f, 2);
    Value *centred = func_binary(f, IR_SUB, x, mean), *twice = func_binary(f, IR_MUL, two, d_variance);
    Value *spread = func_binary(f, IR_MUL, centred, twice), *d = func_binary(f, IR_ADD, spread, d_mean);
    return func_binary(f, IR_MUL, d, argument(f, valid, (Shape){0}));
}

/* From the function with all gradients as results: those of the statistics of each norm go to functions of
 * their own. */
static void split_norms(Arena *perm, Func *f, int first, int count, Norm *norms)
{
    for (int i = 0; i < count; i++) {
        Value **map = NEW_ARRAY(perm, Value *, (size_t)f->values.count + 1);
        Norm *n = &norms[i];
        n->back = func_copy(perm, f, arena_printf(perm, "%s.norm%d", f->name, i), map);
        for (int k = 0; k < 2; k++)
            func_result(n->back, k ? "variance" : "mean", map[f->results.at[first + 2 * i + k]->id]);
        func_prune(n->back);
    }
    f->results.count = f->result_names.count = first;
    func_prune(f);
}

typedef Vec(Value *) Values;

/* Statistics join what gradients are wanted for, and what is normalised the values that have one: y and seed.
 */
static void add_norms(Func *f, Value **map, int count, const Norm *norms, int valid, Values *wanted,
                      Values *y, Values *seed)
{
    for (int i = 0; i < 2 * count; i++) vec_push(f->arena, wanted, statistic(f, 4 * (i / 2) + i % 2));
    for (int i = 0; i < count; i++) {
        Value *x = map[norms[i].x->id], *d = norm_seed(f, x, i, valid);
        vec_push(f->arena, y, x);
        vec_push(f->arena, seed, d);
    }
}

Func *grad_cell(Arena *perm, const Func *cell, int count, Norm *norms)
{
    Value **map = NEW_ARRAY(perm, Value *, (size_t)cell->values.count + 1);
    Func *f = func_copy(perm, cell, arena_printf(perm, "%s.back", cell->name), map);
    Values wanted = {0}, y = {0}, seed = {0};
    vec_push(perm, &wanted, argument(f, 0, (Shape){0}));
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WEIGHT) vec_push(perm, &wanted, f->values.at[i]);
    int first = wanted.count;
    vec_push(perm, &y, map[cell->results.at[0]->id]);
    vec_push(perm, &seed, argument(f, 1, cell->results.at[0]->shape));
    add_norms(f, map, count, norms, 2, &wanted, &y, &seed);
    Value **grads = NEW_ARRAY(perm, Value *, (size_t)wanted.count);
    grad_append(f, y.count, y.at, seed.at, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++) {
        const Value *w = wanted.at[i];
        const char *name = i == 0 ? "sum"
                           : w->op == IR_STATISTIC
                               ? "statistic"
                               : arena_printf(perm, "%s[%lld]", w->param->name, (long long)w->index);
        func_result(f, name, grads[i] ? grads[i] : grad_zeros(f, w->shape));
    }
    split_norms(perm, f, first, count, norms);
    return f;
}

Func *grad_timed(Arena *perm, const Func *forward, const Shape *sum, NodeSet *set, int norms)
{
    int states = set->states;
    Value **map = NEW_ARRAY(perm, Value *, (size_t)forward->values.count + 1);
    Func *f = func_copy(perm, forward, arena_printf(perm, "%s.back", forward->name), map);
    Values wanted = {0}, y = {0}, seed = {0};
    for (int i = 0; i <= states; i++)
        if (i > 0 || sum) vec_push(perm, &wanted, argument(f, i, i ? set->state_map : *sum));
    if (sum && set->slope) vec_push(perm, &wanted, argument(f, 1 + 2 * states, (Shape){0}));
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WEIGHT) vec_push(perm, &wanted, f->values.at[i]);
    int first = wanted.count;
    for (int i = 0; i < forward->results.count; i++) {
        Value *result = map[forward->results.at[i]->id];
        vec_push(perm, &y, result);
        vec_push(perm, &seed, argument(f, 1 + states + i, result->shape));
    }
    add_norms(f, map, norms, set->norms.at, 1 + 2 * states + set->slope, &wanted, &y, &seed);
    Value **grads = NEW_ARRAY(perm, Value *, (size_t)wanted.count);
    grad_append(f, y.count, y.at, seed.at, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++)
        func_result(f, "d", grads[i] ? grads[i] : grad_zeros(f, wanted.at[i]->shape));
    split_norms(perm, f, first, norms, set->norms.at);
    return f;
}

/* ---- edge functions ---- */

/* The results `first .. first + count` of f alone. */
static Func *part_of(Arena *perm, const Func *f, const char *name, int first, int count)
{
    Value **map = NEW_ARRAY(perm, Value *, (size_t)f->values.count + 1);
    Func *part = func_copy(perm, f, name, map);
    for (int i = first; i < first + count; i++)
        func_result(part, f->result_names.at[i], map[f->results.at[i]->id]);
    func_prune(part);
    return part;
}

static void split_weights(Arena *perm, EdgeFn *e)
{
    for (int i = 0; i < e->value->values.count; i++) {
        const Value *v = e->value->values.at[i];
        if (v->op != IR_WEIGHT) continue;
        if (v->param->shared) vec_push(perm, &e->shared, v);
        else vec_push(perm, &e->weights, v);
    }
}

/* All gradients as results: of both ends, of shared weights, of the others. */
static Func *edge_back(Arena *perm, EdgeFn *e, const Shape *ends)
{
    Value **map = NEW_ARRAY(perm, Value *, (size_t)e->value->values.count + 1);
    Func *f = func_copy(perm, e->value, arena_printf(perm, "%s.back", e->value->name), map);
    Values wanted = {0}, y = {0}, seed = {0};
    for (int i = 0; i < 2; i++) vec_push(perm, &wanted, argument(f, i, ends[i]));
    for (int i = 0; i < e->shared.count; i++) vec_push(perm, &wanted, map[e->shared.at[i]->id]);
    for (int i = 0; i < e->weights.count; i++) vec_push(perm, &wanted, map[e->weights.at[i]->id]);
    int first = wanted.count;
    for (int i = 0; i < e->value->results.count; i++) {
        Value *result = map[e->value->results.at[i]->id];
        vec_push(perm, &y, result);
        vec_push(perm, &seed, argument(f, EDGE_D + i, result->shape));
    }
    add_norms(f, map, e->norms.count, e->norms.at, EDGE_VALID, &wanted, &y, &seed);
    Value **grads = NEW_ARRAY(perm, Value *, (size_t)wanted.count);
    grad_append(f, y.count, y.at, seed.at, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++) {
        const Value *w = wanted.at[i];
        const char *name = i == 0   ? "source"
                           : i == 1 ? "own"
                           : w->op == IR_STATISTIC
                               ? "statistic"
                               : arena_printf(perm, "%s[%lld]", w->param->name, (long long)w->index);
        func_result(f, name, grads[i] ? grads[i] : grad_zeros(f, w->shape));
    }
    split_norms(perm, f, first, e->norms.count, e->norms.at);
    return f;
}

void grad_edge(Arena *perm, EdgeFn *e, const Shape *ends)
{
    const char *name = e->value->name;
    split_weights(perm, e);
    const Func *f = edge_back(perm, e, ends);
    e->to_source = part_of(perm, f, arena_printf(perm, "%s.to_source", name), 0, 1);
    e->to_own = part_of(perm, f, arena_printf(perm, "%s.to_own", name), 2 - e->own, e->own + e->shared.count);
    e->to_weights =
        part_of(perm, f, arena_printf(perm, "%s.to_weights", name), 2 + e->shared.count, e->weights.count);
}

void grad(Ir *ir)
{
    Func *f = ir->train;
    if (!f) return;
    Vec(Value *) wanted = {0};
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_PARAM && f->values.at[i]->param->learned)
            vec_push(ir->perm, &wanted, f->values.at[i]);
    Value **grads = NEW_ARRAY(ir->perm, Value *, (size_t)wanted.count);
    Value *one = func_const(f, 1);
    grad_append(f, 1, &f->results.at[0], &one, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++)
        if (grads[i]) func_result(f, arena_printf(ir->perm, "d %s", wanted.at[i]->param->name), grads[i]);
    func_prune(f);
}
