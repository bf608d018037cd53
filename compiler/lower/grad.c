/* grad.c: reverse mode. Walks the values from last to first; each operator appends its own part (op_grad). */
#include "lower/grad.h"
#include "base/diag.h"
#include "model/model.h"
#include "ir/op.h"

void op_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    switch (op_info[v->op].class) {
    case CLASS_POINTWISE: pointwise_grad(f, v, dy, wanted, grads); break;
    case CLASS_TENSOR: tensor_grad(f, v, dy, wanted, grads); break;
    case CLASS_AXIS: axis_grad(f, v, dy, grads); break;
    case CLASS_MAP: map_grad(f, v, dy, wanted, grads); break;
    case CLASS_WIRED: wired_grad(f, v, dy, wanted, grads); break;
    case CLASS_LAYER: BUG("%s was not lowered before grad", op_info[v->op].text);
    case CLASS_LEAF: break;
    }
}

static Value *over_samples(Func *f, Value *g)
{
    return g->per_sample ? func_unary(f, IR_SUM_SAMPLES, g) : g;
}

/* A gradient as `target` has to receive it: summed over what was repeated. What is only repeated for more
 * elements may have one for each sample: of the few numbers that it was made of, few are summed over samples.
 */
static Value *reduced(Func *f, Value *g, const Value *target)
{
    if (target->shape.rank == 0) g = reduce(f, IR_REDUCE_SUM, g, 0, g->shape.rank);
    if (!target->per_sample && target->op != IR_BROADCAST) g = over_samples(f, g);
    return g->shape.rank ? g : broadcast(f, g, target->shape, 0);
}

/* Of a value that has more than one. */
static Value *added(Func *f, Value *a, Value *b, const Value *target)
{
    if (!a) return b;
    if (!target->per_sample && a->per_sample != b->per_sample) a = over_samples(f, a), b = over_samples(f, b);
    return func_binary(f, IR_ADD, a, b);
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

void grad_append(Func *f, Seeds of, int count, Value *const *wanted, Value **grads)
{
    int last = 0;
    for (int i = 0; i < of.count; i++) last = of.y[i]->id > last ? of.y[i]->id : last;
    bool *active = active_values(f, count, wanted);
    Value **d = NEW_ARRAY(f->arena, Value *, (size_t)last + 1);
    for (int i = 0; i < of.count; i++) {
        Value **sum = &d[of.y[i]->id];
        *sum = *sum ? func_binary(f, IR_ADD, *sum, of.gradient[i]) : of.gradient[i];
    }
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
            d[a->id] = added(f, d[a->id], g, a);
        }
    }
    for (int i = 0; i < count; i++) grads[i] = wanted[i]->id <= last ? d[wanted[i]->id] : NULL;
}

Value *grad_zeros(Func *f, Shape shape)
{
    return broadcast(f, func_const(f, 0), shape, 0);
}

static Value *argument(Func *f, int index, Shape shape)
{
    Value *v = func_argument(f, index);
    if (v) return v;
    v = func_add(f, IR_ARG, (Span){0}, 0, NULL);
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
static Value *norm_seed(Func *f, Value *x, int norm)
{
    Value *mean = statistic(f, 4 * norm), *d_mean = statistic(f, 4 * norm + 2),
          *d_variance = statistic(f, 4 * norm + 3), *two = func_const(f, 2);
    Value *centred = func_binary(f, IR_SUB, x, mean), *twice = func_binary(f, IR_MUL, two, d_variance);
    Value *spread = func_binary(f, IR_MUL, centred, twice), *d = func_binary(f, IR_ADD, spread, d_mean);
    return func_binary(f, IR_MUL, d, argument(f, SLOT_VALID, (Shape){0}));
}

/* `count` results of f from number `first` on, alone. */
static Func *part_of(Arena *perm, const Func *f, const char *name, int first, int count)
{
    Value **map = NEW_ARRAY(perm, Value *, (size_t)f->values.count + 1);
    Func *part = func_copy(perm, f, name, map);
    for (int i = first; i < first + count; i++)
        func_result(part, f->result_names.at[i], map[f->results.at[i]->id]);
    func_prune(part);
    return part;
}

typedef Vec(Value *) Values;

/* Statistics join what gradients are wanted for, and what is normalised the values that have one: y and seed.
 */
static void add_norms(Func *f, Value **map, const CellFn *fn, Values *wanted, Values *y, Values *seed)
{
    for (int i = 0; i < 2 * fn->norms.count; i++)
        vec_push(f->arena, wanted, statistic(f, 4 * (i / 2) + i % 2));
    for (int i = 0; i < fn->norms.count; i++) {
        Value *x = map[fn->norms.at[i].x->id], *d = norm_seed(f, x, i);
        vec_push(f->arena, y, x);
        vec_push(f->arena, seed, d);
    }
}

static const char *gradient_name(Arena *perm, const Value *v)
{
    if (v->op == IR_WEIGHT) return arena_printf(perm, "%s[%lld]", v->param->name, (long long)v->index);
    if (v->op == IR_ARG) return slot_text((int)v->index);
    return v->index % 4 ? "variance" : "mean";
}

void grad_cell(Arena *perm, CellFn *fn, int count, const CellArgument *arguments)
{
    const Func *forward = fn->forward;
    Value **map = NEW_ARRAY(perm, Value *, (size_t)forward->values.count + 1);
    Func *f = func_copy(perm, forward, arena_printf(perm, "%s.back", forward->name), map);
    Values wanted = {0}, y = {0}, seed = {0};
    for (int i = 0; i < SLOTS; i++) fn->gradient[i] = -1;
    for (int i = 0; i < count; i++) {
        fn->gradient[arguments[i].slot] = i;
        vec_push(perm, &wanted, argument(f, arguments[i].slot, arguments[i].shape));
    }
    fn->first_weight = count;
    for (int i = 0; i < forward->values.count; i++) {
        if (forward->values.at[i]->op != IR_WEIGHT || !forward->values.at[i]->param->learned) continue;
        vec_push(perm, &fn->weights, forward->values.at[i]);
        vec_push(perm, &wanted, map[i]);
    }
    int results = wanted.count;
    for (int i = 0; i < forward->results.count; i++) {
        Value *result = map[forward->results.at[i]->id];
        vec_push(perm, &y, result);
        vec_push(perm, &seed, argument(f, SLOT_D + i, result->shape));
    }
    add_norms(f, map, fn, &wanted, &y, &seed);
    Value **grads = NEW_ARRAY(perm, Value *, (size_t)wanted.count);
    grad_append(f, (Seeds){y.count, y.at, seed.at}, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++)
        func_result(f, gradient_name(perm, wanted.at[i]),
                    grads[i] ? grads[i] : grad_zeros(f, wanted.at[i]->shape));
    for (int i = 0; i < fn->norms.count; i++)
        fn->norms.at[i].back =
            part_of(perm, f, arena_printf(perm, "%s.norm%d", f->name, i), results + 2 * i, 2);
    fn->back = part_of(perm, f, f->name, 0, results);
}

/* ---- edge functions ---- */

/* Some results of fn.back: of an argument (-1: none), then of some weights. */
static Func *edge_part(Arena *perm, const EdgeFn *e, const char *name, int slot, int shared)
{
    const Func *f = e->fn.back;
    Value **map = NEW_ARRAY(perm, Value *, (size_t)f->values.count + 1);
    Func *part = func_copy(perm, f, arena_printf(perm, "%s.%s", e->fn.forward->name, name), map);
    if (slot >= 0) func_result(part, "d", map[f->results.at[e->fn.gradient[slot]]->id]);
    for (int i = 0; i < e->fn.weights.count; i++)
        if (e->fn.weights.at[i]->param->shared == shared) {
            int result = e->fn.first_weight + i;
            func_result(part, f->result_names.at[result], map[f->results.at[result]->id]);
        }
    func_prune(part);
    return part;
}

void grad_edge(Arena *perm, EdgeFn *e, const Shape *ends)
{
    enum { NEITHER = -1 };
    grad_cell(perm, &e->fn, 2, (CellArgument[]){{SLOT_SOURCE, ends[0]}, {SLOT_OWN, ends[1]}});
    for (int i = 0; i < e->fn.weights.count; i++) {
        const Value *w = e->fn.weights.at[i];
        if (w->param->shared) vec_push(perm, &e->shared, w);
        else vec_push(perm, &e->weights, w);
    }
    e->to_source = edge_part(perm, e, "to_source", SLOT_SOURCE, NEITHER);
    e->to_own = edge_part(perm, e, "to_own", e->own ? SLOT_OWN : NEITHER, true);
    e->to_weights = edge_part(perm, e, "to_weights", NEITHER, false);
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
    grad_append(f, (Seeds){1, &f->results.at[0], &one}, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++)
        if (grads[i]) func_result(f, arena_printf(ir->perm, "d %s", wanted.at[i]->param->name), grads[i]);
    func_prune(f);
}
