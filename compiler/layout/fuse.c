/* fuse.c: levels, steps and loops. See plan.h. */
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

/* ---- loops ---- */

bool plan_makes(const PlanStep *step, const Value *v)
{
    for (int i = 0; i < step->values.count; i++)
        if (step->values.at[i] == v) return true;
    return false;
}

bool plan_stores(const PlanStep *step, const Value *v)
{
    return v->group == step->number && v->level == step->level;
}

Value *plan_read(Value *a)
{
    return a->in_place ? a->args[0] : a;
}

int64_t plan_run(const Value *v)
{
    if (v->op == IR_REDUCE_SUM || v->in_place) return axes_of(v).count;
    for (int k = 0; k < v->arg_count; k++)
        if (v->args[k]->in_place) return axes_of(v->args[k]).count;
    return 0;
}

/* Marks values that are repeated for the last axes, where loops of tiles alone read them, with other values
 * of the same runs. */
static void mark_in_place(const Func *f)
{
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        v->in_place = v->op == IR_BROADCAST && axes_of(v).inner == 1;
    }
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        int64_t run = 0;
        for (int k = 0; k < v->arg_count; k++) {
            Value *a = v->args[k];
            if (!a->in_place) continue;
            const int64_t count = axes_of(a).count;
            a->in_place = pointwise_op(v) && v->per_sample && (run == 0 || run == count);
            run = count;
        }
    }
    for (int i = 0; i < f->results.count; i++) f->results.at[i]->in_place = false;
}

/* Sums over runs of what a loop computes; of tiles of one sample, the vectors run along the elements. */
static bool sums_runs(const Value *v, int lanes)
{
    return v->op == IR_REDUCE_SUM && v->per_sample && lanes > 1 && axes_of(v).inner == 1 &&
           pointwise_op(v->args[0]) && v->args[0]->level == v->level;
}

static bool same_runs(const PlanStep *step, int64_t run)
{
    return run == 0 || step->run == 0 || run == step->run;
}

static void join(Arena *perm, PlanLevel *l, int step, Value *v)
{
    const int64_t run = plan_run(v);
    v->group = step;
    if (run) l->steps.at[step].run = run;
    vec_push(perm, &l->steps.at[step].values, v);
}

/* The first step in which all arguments of v are there; a loop may use values of the same element of its own
 * step. */
static int earliest_step(const PlanLevel *l, const Value *v, int64_t size)
{
    int first = 0;
    for (int k = 0; k < v->arg_count; k++) {
        const Value *a = plan_read(v->args[k]);
        if (!runs_in_tiles(a) || a->level != v->level || a->group < 0) continue;
        bool same_element = pointwise_op(v) && pointwise_op(a) && a == v->args[k] &&
                            l->steps.at[a->group].loop && l->steps.at[a->group].size == size &&
                            (a->shape.rank > 0 || size == 1);
        int step = same_element ? a->group : a->group + 1;
        if (step > first) first = step;
    }
    return first;
}

static void place(Arena *perm, PlanLevel *l, Value *v, int lanes)
{
    int64_t size = shape_size(v->shape);
    int first = earliest_step(l, v, size);
    if (sums_runs(v, lanes) && same_runs(&l->steps.at[v->args[0]->group], plan_run(v))) {
        join(perm, l, v->args[0]->group, v);
        return;
    }
    for (int s = first; s < l->steps.count && pointwise_op(v); s++)
        if (l->steps.at[s].loop && l->steps.at[s].size == size && same_runs(&l->steps.at[s], plan_run(v))) {
            join(perm, l, s, v);
            return;
        }
    PlanStep step = {.loop = pointwise_op(v), .size = size, .level = v->level, .number = l->steps.count};
    vec_push(perm, &l->steps, step);
    join(perm, l, step.number, v);
    if (!pointwise_op(v)) l->steps.at[v->group].run = 0;
}

static Plan *fuse_func(Arena *perm, Func *f, int lanes)
{
    Plan *p = NEW(perm, Plan);
    set_levels(perm, f);
    mark_in_place(f);
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
        if (v->in_place || plan_adds_to_edges(v)) continue;
        if (runs_in_tiles(v)) place(perm, l, v, lanes);
        else if (op_info[v->op].class != CLASS_LEAF && op_info[v->op].class != CLASS_WIRED)
            vec_push(perm, &l->once, v);
    }
    recompute(perm, f, p);
    return p;
}

void fuse(Ir *ir)
{
    plan_taps(ir);
    if (ir->train) ir->train_plan = fuse_func(ir->perm, ir->train, ir->model->lanes);
    ir->infer_plan = fuse_func(ir->perm, ir->infer, ir->model->lanes);
}
