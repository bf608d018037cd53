/* recompute.c: loops compute again what is faster computed than written by one loop and read by another.
 *
 * A map that goes through memory costs a write and a read for each loop that uses it; additions and products
 * of what the loop reads anyway cost next to nothing. So a cheap value that loops alone read, and that
 * follows from few maps, has no memory: each of these loops has code for it. See plan.h.
 */
#include "ir/op.h"
#include "layout/plan.h"

enum {
    MOST_OPS = 12,
    MOST_READ = 2
}; /* of a value that is computed again: operators, maps that it follows from */

/* A value as a tree of what a loop would compute again; `read`: what it reads for each element. */
typedef struct Again {
    int ops, read_count;
    const Value *read[MOST_READ];
    int64_t run; /* 0: any */
    bool fits;
} Again;

static bool pointwise(const Value *v)
{
    return op_info[v->op].class == CLASS_POINTWISE && v->per_sample;
}

typedef void EachStep(const PlanStep *step, bool *marks);

static void each_loop(const Plan *p, EachStep *each, bool *marks)
{
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++)
            if (p->levels.at[l].steps.at[s].loop) each(&p->levels.at[l].steps.at[s], marks);
}

static void mark_made(const PlanStep *step, bool *made)
{
    for (int i = 0; i < step->values.count; i++) made[step->values.at[i]->id] = true;
}

/* needed[id]: something else than a loop reads the value, which therefore has memory. */
static bool *needed_values(Arena *tmp, const Func *f, const Plan *p)
{
    bool *needed = NEW_ARRAY(tmp, bool, (size_t)f->values.count + 1),
         *made = NEW_ARRAY(tmp, bool, (size_t)f->values.count + 1);
    each_loop(p, mark_made, made);
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count && !made[i]; k++)
            needed[f->values.at[i]->args[k]->id] = true;
    for (int i = 0; i < f->results.count; i++) needed[f->results.at[i]->id] = true;
    return needed;
}

static void add_read(Again *a, const Value *v)
{
    for (int i = 0; i < a->read_count; i++)
        if (a->read[i] == v) return;
    if (a->read_count == MOST_READ) a->fits = false;
    else a->read[a->read_count++] = v;
}

/* keep[id]: the value has memory, because others than loops read it or it follows from too much. */
static void look(Again *a, const bool *keep, const Value *v, int64_t size)
{
    const int64_t run = plan_run(v);
    a->fits = a->fits && op_has(v->op, OP_CHEAP) && a->ops++ < MOST_OPS && (!run || !a->run || run == a->run);
    if (run) a->run = run;
    for (int k = 0; k < v->arg_count && a->fits; k++) {
        const Value *x = v->args[k];
        if (x->in_place || x->shape.rank == 0) continue;
        if (!pointwise(x) || keep[x->id] || shape_size(x->shape) != size) add_read(a, x);
        else look(a, keep, x, size);
    }
}

static bool is_read(const bool *keep, const Value *v, int64_t *run)
{
    Again a = {.fits = !keep[v->id]};
    look(&a, keep, v, shape_size(v->shape));
    *run = a.run;
    return !a.fits;
}

/* Of maps that loops alone read: those that do not follow from few others of which some are kept. */
static void keep_others(const Func *f, bool *keep)
{
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        int64_t run;
        if (pointwise(v) && v->shape.rank > 0) keep[v->id] = is_read(keep, v, &run);
    }
}

/* Does a step compute v again instead of reading it? */
static bool again(const PlanStep *step, const bool *keep, const Value *v)
{
    int64_t run;
    if (!pointwise(v) || v->shape.rank == 0 || shape_size(v->shape) != step->size) return false;
    return !is_read(keep, v, &run) && (!run || !step->run || run == step->run);
}

static void add(Arena *perm, PlanStep *to, const PlanStep *from, const bool *keep, Value *v)
{
    if (plan_makes(to, v)) return;
    for (int k = 0; k < v->arg_count; k++) {
        Value *a = v->args[k];
        if (plan_makes(from, a) || again(to, keep, a)) add(perm, to, from, keep, a);
    }
    if (plan_run(v)) to->run = plan_run(v);
    vec_push(perm, &to->values, v);
}

/* What a loop reads from memory. */
static void mark_read(const PlanStep *step, bool *read)
{
    for (int i = 0; i < step->values.count; i++)
        for (int k = 0; k < step->values.at[i]->arg_count; k++) {
            const Value *a = plan_read(step->values.at[i]->args[k]);
            if (!plan_makes(step, a)) read[a->id] = true;
        }
}

/* Only what others read, and what leads to that. */
static void drop_unread(Arena *tmp, PlanStep *step, const bool *read, int count)
{
    bool *use = NEW_ARRAY(tmp, bool, (size_t)count + 1);
    int kept = step->values.count;
    for (int i = step->values.count - 1; i >= 0; i--) {
        Value *v = step->values.at[i];
        if (!read[v->id] && !use[v->id]) continue;
        for (int k = 0; k < v->arg_count; k++) use[v->args[k]->id] = true;
        step->values.at[--kept] = v;
    }
    step->values.count -= kept;
    memmove(step->values.at, step->values.at + kept, (size_t)step->values.count * sizeof *step->values.at);
}

void recompute(Arena *perm, Func *f, Plan *p)
{
    Arena *tmp = arena_new();
    bool *needed = needed_values(tmp, f, p), *keep = NEW_ARRAY(tmp, bool, (size_t)f->values.count + 1);
    memcpy(keep, needed, (size_t)f->values.count * sizeof *keep);
    keep_others(f, keep);
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++) {
            PlanStep *step = &p->levels.at[l].steps.at[s], old = *step;
            if (!step->loop) continue;
            memset(&step->values, 0, sizeof step->values);
            for (int i = 0; i < old.values.count; i++) add(perm, step, &old, keep, old.values.at[i]);
        }
    each_loop(p, mark_read, needed);
    for (int l = 0; l < p->levels.count; l++) {
        PlanLevel *level = &p->levels.at[l];
        int kept = 0;
        for (int s = 0; s < level->steps.count; s++) {
            PlanStep step = level->steps.at[s];
            if (step.loop) drop_unread(tmp, &step, needed, f->values.count);
            if (step.values.count) level->steps.at[kept++] = step;
        }
        level->steps.count = kept;
    }
    arena_free(tmp);
}
