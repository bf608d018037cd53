/* fuse.c: levels and steps. See plan.h. */
#include "base/diag.h"
#include "ir/op.h"
#include "layout/plan.h"
#include "layout/timed_rows.h"

static bool pointwise_op(const Value *v)
{
    return op_info[v->op].class == CLASS_POINTWISE;
}

/* A sum over samples is complete only after all tiles of its level. */
static bool is_sum(const Value *v)
{
    return op_has(v->op, OP_SUM);
}

static bool runs_in_tiles(const Value *v)
{
    return (v->per_sample || is_sum(v)) && op_info[v->op].class != CLASS_LEAF;
}

/* Goes window by window, with the gradients of all candidates between them. */
static bool in_windows(const Value *v)
{
    return v->op == IR_WIRED_BACK && is_timed(v->graph) && timed_rounds(v->graph);
}

/* Goes from one batch_norm of its node functions to the next, with their sums over tiles between them. */
static bool has_norms(const Value *v)
{
    return (v->op == IR_WIRED && v->batch) || (v->op == IR_WIRED_BACK && v->args[0]->batch);
}

/* Runs in rounds: nothing else stands in its level. */
static bool in_rounds(const Value *v)
{
    return in_windows(v) || has_norms(v);
}

static void set_levels(Arena *perm, Func *f)
{
    Vec(bool) taken = {0}; /* levels: by rounds alone */
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        bool rounds = in_rounds(v);
        v->level = rounds ? taken.count : 0;
        for (int k = 0; k < v->arg_count; k++) {
            int needed = v->args[k]->level + (is_sum(v->args[k]) || in_rounds(v->args[k]));
            if (needed > v->level) v->level = needed;
        }
        while (v->level < taken.count && taken.at[v->level]) v->level++;
        while (v->level >= taken.count) vec_push(perm, &taken, false);
        taken.at[v->level] = rounds;
    }
}

/* The first step in which all arguments of v are there; a loop may use values of the same element of its own
 * step. */
static int earliest_step(const PlanLevel *l, const Value *v, int64_t size)
{
    int first = 0;
    for (int k = 0; k < v->arg_count; k++) {
        const Value *a = v->args[k];
        if (!runs_in_tiles(a) || a->level != v->level || a->group < 0) continue;
        bool same_element = pointwise_op(v) && l->steps.at[a->group].loop &&
                            l->steps.at[a->group].size == size && (a->shape.rank > 0 || size == 1);
        int step = same_element ? a->group : a->group + 1;
        if (step > first) first = step;
    }
    return first;
}

static void place(Arena *perm, PlanLevel *l, Value *v)
{
    int64_t size = shape_size(v->shape);
    int first = earliest_step(l, v, size);
    if (pointwise_op(v))
        for (int s = first; s < l->steps.count; s++)
            if (l->steps.at[s].loop && l->steps.at[s].size == size) {
                v->group = s;
                vec_push(perm, &l->steps.at[s].values, v);
                return;
            }
    v->group = l->steps.count;
    vec_push(perm, &l->steps, (PlanStep){.loop = pointwise_op(v), .size = size});
    vec_push(perm, &l->steps.at[v->group].values, v);
}

static Plan *fuse_func(Arena *perm, Func *f)
{
    Plan *p = NEW(perm, Plan);
    set_levels(perm, f);
    int levels = 0;
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->level >= levels) levels = f->values.at[i]->level + 1;
    for (int i = 0; i < levels; i++) vec_push(perm, &p->levels, (PlanLevel){0});
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        PlanLevel *l = &p->levels.at[v->level];
        if (in_windows(v)) l->rounds = v->graph;
        if (has_norms(v)) l->norms = v;
        if (is_sum(v)) vec_push(perm, &l->sums, v);
        if (runs_in_tiles(v)) place(perm, l, v);
        else if (op_info[v->op].class != CLASS_LEAF && op_info[v->op].class != CLASS_WIRED)
            vec_push(perm, &l->once, v);
    }
    return p;
}

void fuse(Ir *ir)
{
    if (ir->train) ir->train_plan = fuse_func(ir->perm, ir->train);
    ir->infer_plan = fuse_func(ir->perm, ir->infer);
}
