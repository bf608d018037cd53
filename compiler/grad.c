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

void grad_append(Func *f, Value *y, Value *seed, int count, Value *const *wanted, Value **grads)
{
    int last = y->id;
    bool *active = active_values(f, count, wanted);
    Value **d = NEW_ARRAY(f->arena, Value *, (size_t)last + 1);
    d[last] = seed;
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

/* Copies the values of `from` into `to`; map[id] is the copy. */
static void copy_values(Func *to, const Func *from, Value **map)
{
    for (int i = 0; i < from->values.count; i++) {
        const Value *v = from->values.at[i];
        Value *args[8];
        if (v->arg_count > 8) BUG("%s has %d arguments", op_info[v->op].text, v->arg_count);
        for (int k = 0; k < v->arg_count; k++) args[k] = map[v->args[k]->id];
        Value *c = func_add(to, v->op, v->span, v->arg_count, args);
        c->shape = v->shape, c->is_bool = v->is_bool, c->per_sample = v->per_sample;
        c->number = v->number, c->index = v->index, c->param = v->param, c->graph = v->graph;
        map[i] = c;
    }
}

Func *grad_cell(Arena *perm, const Func *cell)
{
    Func *f = func_new(perm, arena_printf(perm, "%s.back", cell->name));
    Value **map = NEW_ARRAY(perm, Value *, (size_t)cell->values.count + 1);
    copy_values(f, cell, map);
    Value *dy = func_add(f, IR_ARG, (Span){0}, 0, NULL);
    dy->index = 1;
    Vec(Value *) wanted = {0};
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_ARG && f->values.at[i]->index == 0) vec_push(perm, &wanted, f->values.at[i]);
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WEIGHT) vec_push(perm, &wanted, f->values.at[i]);
    Value **grads = NEW_ARRAY(perm, Value *, (size_t)wanted.count);
    grad_append(f, map[cell->results.at[0]->id], dy, wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++) {
        const Value *w = wanted.at[i];
        const char *name = i == 0 ? "sum" : arena_printf(perm, "%s[%lld]", w->param->name, (long long)w->index);
        if (!grads[i]) grads[i] = func_const(f, 0);
        func_result(f, name, grads[i]);
    }
    return f;
}

void grad(Ir *ir)
{
    Func *f = ir->train;
    if (!f) return;
    Vec(Value *) wanted = {0};
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_PARAM && f->values.at[i]->param->learned) vec_push(ir->perm, &wanted, f->values.at[i]);
    Value **grads = NEW_ARRAY(ir->perm, Value *, (size_t)wanted.count);
    grad_append(f, f->results.at[0], func_const(f, 1), wanted.count, wanted.at, grads);
    for (int i = 0; i < wanted.count; i++)
        if (grads[i]) func_result(f, arena_printf(ir->perm, "d %s", wanted.at[i]->param->name), grads[i]);
    func_prune(f);
}
