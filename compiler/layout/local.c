/* local.c: values that one level makes and reads have no rows of their own in each tile.
 *
 * They stand in the local rows of the thread that computes the tile, one behind the other by when they are
 * needed: a row is used again as soon as its value was read for the last time. So they stay in cache, and
 * memory grows with what goes from level to level. A graph through which nothing goes back is such a value,
 * with all its nodes. See plan.h.
 *
 * The gradients of candidates, behind all levels, read the values of sources. Those of a convolution, its map
 * with a border (taps.c) or windows, which are many times as large, are made again then, tile by tile.
 */
#include "ir/op.h"
#include "layout/plan.h"
#include "model/timed.h"

/* By number of a value: where it is made, and the last step of that level that reads it. */
typedef struct Use {
    int level, made, last;
    bool fits;
} Use;

/* A graph through which nothing goes back, and which starts from nothing. */
static bool is_passed(const Value *wired)
{
    return wired->sums < 0 && !is_timed(wired->graph) && !wired->batch;
}

static bool may_be_local(const Value *v)
{
    return v->stored && !v->sums_of && v->per_sample && op_info[v->op].class != CLASS_LEAF &&
           !op_has(v->op, OP_VIEW) && (v->op != IR_WIRED || is_passed(v)) && v->op != IR_WIRED_BACK &&
           !(v->op == IR_WIRED_INPUT && plan_is_view(v));
}

static void read_by(Use *use, Value *a, int level, int step)
{
    Use *u = &use[plan_storage(plan_read(a))->id];
    if (u->level != level) u->fits = false;
    else if (step > u->last) u->last = step;
}

static void find_made(const PlanStep *step, int at, Use *use)
{
    for (int i = 0; i < step->values.count; i++) {
        const Value *v = step->values.at[i];
        if (plan_stores(step, v)) use[v->id] = (Use){step->level, at, at, may_be_local(v)};
    }
}

static void find_read(const PlanStep *step, int at, Use *use)
{
    for (int i = 0; i < step->values.count; i++) {
        const Value *v = step->values.at[i];
        for (int k = 0; k < v->arg_count; k++)
            if (!step->loop || !plan_makes(step, v->args[k])) read_by(use, v->args[k], step->level, at);
    }
}

static bool may_be_remade(const Value *wired)
{
    const Graph *g = wired->graph;
    return (wired->args[0]->op == IR_WINDOWS || has_taps(&g->taps)) && !wired->batch && !is_timed(g) &&
           graph_copies(g) == 1 && g->sets.at[g->input].outside && plan_plain_products(g);
}

static Use *use_of(Use *use, const Value *v)
{
    return &use[plan_storage(v)->id];
}

/* What is read behind all levels: results, and the values of sources, for the gradients of candidates. */
static void find_read_later(const Func *f, Use *use)
{
    for (int i = 0; i < f->results.count; i++) use_of(use, f->results.at[i])->fits = false;
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        if (v->op != IR_WIRED || !func_find_wired(f, v->graph, IR_WIRED_BACK)) continue;
        for (int k = 1; k < v->arg_count; k++)
            use_of(use, v->args[k])->fits = false; /* noise: goes back, too */
        Use *sources = use_of(use, v->args[0]);
        v->remade = sources->fits && may_be_remade(v);
        if (v->remade) use_of(use, v->args[0]->args[0])->fits = false;
        else sources->fits = false;
    }
}

/* A value with its rows, until a step. */
typedef struct Placed {
    int64_t first, end;
    int last;
} Placed;
typedef Vec(Placed) Places;

static bool is_free(const Places *p, int64_t first, int64_t end, int step)
{
    for (int i = 0; i < p->count; i++)
        if (p->at[i].last >= step && p->at[i].first < end && first < p->at[i].end) return false;
    return true;
}

/* The first free rows. */
static int64_t place(Arena *tmp, Places *p, int64_t size, const Use *use)
{
    int64_t first = is_free(p, 0, size, use->made) ? 0 : INT64_MAX;
    for (int i = 0; i < p->count; i++)
        if (p->at[i].end < first && is_free(p, p->at[i].end, p->at[i].end + size, use->made))
            first = p->at[i].end;
    vec_push(tmp, p, (Placed){first, first + size, use->last});
    return first;
}

static void place_level(Arena *tmp, Plan *p, const PlanLevel *l, const Use *use)
{
    Places places = {0};
    for (int s = 0; s < l->steps.count; s++)
        for (int i = 0; i < l->steps.at[s].values.count; i++) {
            Value *v = l->steps.at[s].values.at[i];
            if (!plan_stores(&l->steps.at[s], v) || !use[v->id].fits) continue;
            const int64_t size = v->op == IR_WIRED ? plan_graph_rows(v) : shape_size(v->shape);
            v->local = true, v->address = place(tmp, &places, size, &use[v->id]);
            if (v->address + size > p->local_rows) p->local_rows = v->address + size;
        }
}

void plan_local(const Func *f, Plan *p)
{
    Arena *tmp = arena_new();
    Use *use = NEW_ARRAY(tmp, Use, (size_t)f->values.count + 1);
    p->local_rows = 0;
    for (int i = 0; i < f->values.count; i++) f->values.at[i]->local = false, use[i].level = -1;
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++) find_made(&p->levels.at[l].steps.at[s], s, use);
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++) find_read(&p->levels.at[l].steps.at[s], s, use);
    find_read_later(f, use);
    for (int l = 0; l < p->levels.count; l++) place_level(tmp, p, &p->levels.at[l], use);
    arena_free(tmp);
}
