/* freeze_size.c: which channels of each value a model with learned sizes uses. See freeze.h.
 *
 * What follows from weights alone is known, the masks of sizes too. A channel is cut where it is 0 for every
 * input, or nobody needs it: what reads it multiplies it by 0. Values that are computed channel by channel
 * from each other, x and relu(x), x and x + y, have the same channels: they form a class, and a channel of it
 * is cut where it can be for all of them. Classes are related where channels become several (windows,
 * flatten) or are joined (concat). What is not described here keeps all its channels.
 *
 * A function whose place in a depth is not in use adds 0, x + 0 (f(x) - x): it goes as a whole.
 */
#include "freeze/freeze.h"
#include "ir/op.h"
#include "model/timed.h"
#include <math.h>

typedef struct Cut {
    Arena *arena;
    const double *param;
    Func *body;
    int *class;   /* by value: another of its class, or itself */
    bool **zero;  /* by value and channel: 0 for every input */
    bool **need;  /* the same: something reads it */
    bool **alive; /* by class */
    bool *whole;  /* by class: keeps all */
} Cut;

static int64_t channels(const Value *v)
{
    return v->shape.rank ? v->shape.dim[0] : 1;
}

/* ---- what is 0 ---- */

static bool all_zero(const double *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (x[i] != 0) return false;
    return true;
}

/* Of an operator that works element by element. */
static bool element_is_zero(const Cut *c, const Value *v, int64_t i)
{
    double a[3] = {0};
    bool any = false, all = v->arg_count > 0;
    for (int k = 0; k < v->arg_count; k++) {
        const Value *x = v->args[k];
        const bool zero = c->zero[x->id][x->shape.rank ? i : 0];
        any = any || zero, all = all && (zero || x->op == IR_CONST);
        if (x->op == IR_CONST) a[k] = x->number;
    }
    return v->op == IR_MUL ? any : all && v->op != IR_RANDOM && pointwise_eval(v->op, a) == 0;
}

/* Each channel of x gives as many neighbouring channels of v. */
static int64_t spread(const Value *v)
{
    const Value *x = v->args[0];
    if (v->op != IR_RESHAPE && v->op != IR_WINDOWS) return 0;
    return channels(x) && channels(v) % channels(x) == 0 ? channels(v) / channels(x) : 0;
}

/* The channels of the result are those of its arguments that have any. */
static bool keeps(const Value *v)
{
    switch (v->op) {
    case IR_DROPOUT:
    case IR_NOISE:
    case IR_POOL_SUM:
    case IR_POOL_MAX:
    case IR_CROP: return v->shape.rank >= 3 || v->op == IR_DROPOUT || v->op == IR_NOISE;
    case IR_BATCH_NORM: return v->shape.dim[0] == v->args[1]->shape.dim[0];
    case IR_BROADCAST:
    case IR_REDUCE_SUM: return v->index > 0;
    case IR_WIRED: return v->graph->sets.count == 1 && channels(v) == v->graph->sets.at[0].size;
    default: return op_info[v->op].class == CLASS_POINTWISE;
    }
}

static bool is_zero(const Cut *c, const Value *v, int64_t i)
{
    if (v->op == IR_CONST) return v->number == 0;
    if (v->op == IR_PARAM) {
        const int64_t part = shape_size(v->shape) / channels(v);
        return all_zero(c->param + v->param->offset + i * part, part);
    }
    if (op_info[v->op].class == CLASS_POINTWISE) return element_is_zero(c, v, i);
    if (spread(v)) return c->zero[v->args[0]->id][i / spread(v)];
    if (v->op == IR_BATCH_NORM || v->op == IR_WIRED || v->op == IR_NOISE || !keeps(v)) return false;
    return c->zero[v->args[0]->id][i];
}

static void find_zeros(Cut *c)
{
    for (int n = 0; n < c->body->values.count; n++) {
        const Value *v = c->body->values.at[n];
        int64_t at = 0;
        for (int64_t i = 0; i < channels(v) && v->op != IR_CONCAT; i++) c->zero[n][i] = is_zero(c, v, i);
        for (int k = 0; k < v->arg_count && v->op == IR_CONCAT; k++)
            for (int64_t i = 0; i < channels(v->args[k]); i++) c->zero[n][at++] = c->zero[v->args[k]->id][i];
    }
}

/* x + 0 is x. */
static void drop_zeros(const Cut *c)
{
    Func *f = c->body;
    Value **same = NEW_ARRAY(c->arena, Value *, (size_t)f->values.count + 1);
    for (int n = 0; n < f->values.count; n++) {
        Value *v = same[n] = f->values.at[n];
        for (int k = 0; k < v->arg_count; k++) v->args[k] = same[v->args[k]->id];
        if (v->op != IR_ADD || !shape_equal(v->shape, v->args[0]->shape)) continue;
        bool zero = true;
        for (int64_t i = 0; i < channels(v->args[1]); i++) zero = zero && c->zero[v->args[1]->id][i];
        if (zero) same[n] = v->args[0];
    }
    for (int r = 0; r < f->results.count; r++) f->results.at[r] = same[f->results.at[r]->id];
    func_prune(f);
}

/* ---- what is needed ---- */

static void need(const Cut *c, const Value *x, int64_t i)
{
    c->need[x->id][x->shape.rank ? i : 0] = true;
}

static void need_all(const Cut *c, const Value *x)
{
    for (int64_t i = 0; i < channels(x); i++) need(c, x, i);
}

/* What channel i of v is made of. */
static void need_for(const Cut *c, const Value *v, int64_t i)
{
    for (int k = 0; k < v->arg_count; k++) {
        const Value *x = v->args[k], *other = v->op == IR_MUL ? v->args[1 - k] : NULL;
        if (keeps(v) && other && c->zero[other->id][other->shape.rank ? i : 0]) continue;
        if (keeps(v) && (v->op != IR_WIRED || k == 0)) need(c, x, i);
        else if (spread(v)) need(c, x, i / spread(v));
        else if (v->op != IR_CONCAT && v->op != IR_WIRED) need_all(c, x);
    }
}

/* A graph reads all of its input that is not 0. */
static void need_of(const Cut *c, const Value *v)
{
    int64_t at = 0;
    for (int64_t i = 0; i < channels(v); i++)
        if (c->need[v->id][i]) need_for(c, v, i);
    for (int k = 0; k < v->arg_count && v->op == IR_CONCAT; k++)
        for (int64_t i = 0; i < channels(v->args[k]); i++, at++)
            if (c->need[v->id][at]) need(c, v->args[k], i);
    for (int64_t i = 0; v->op == IR_WIRED && !keeps(v) && i < channels(v->args[0]); i++)
        if (!c->zero[v->args[0]->id][i]) need(c, v->args[0], i);
}

/* ---- classes ---- */

static int class_of(const Cut *c, const Value *v)
{
    int at = v->id;
    while (c->class[at] != at) at = c->class[at] = c->class[c->class[at]];
    return at;
}

static void relate(Cut *c, const Value *v)
{
    if (spread(v) || v->op == IR_CONCAT) return;
    for (int k = 0; k < v->arg_count; k++) {
        const Value *x = v->args[k];
        const bool weights = v->op == IR_WIRED && k > 0;
        if (!x->shape.rank || weights) continue;
        if (keeps(v)) c->class[class_of(c, x)] = class_of(c, v);
    }
}

/* Has the graph a node for each channel of its input and output, and no others that read its output? */
static bool is_cuttable(const Value *v)
{
    const Graph *g = v->graph;
    bool ends = true;
    for (int b = 0; b < g->bundles.count; b++) ends = ends && g->bundles.at[b].from != g->output;
    return ends && !is_timed(g) && channels(v) == g->sets.at[g->output].size &&
           channels(v->args[0]) == g->sets.at[g->input].size;
}

static bool is_known_form(const Value *v)
{
    if (v->op == IR_PARAM || v->op == IR_CONST || v->op == IR_CONCAT || spread(v)) return true;
    return v->op == IR_WIRED ? is_cuttable(v) : v->arg_count > 0 && keeps(v);
}

static void keep_whole(Cut *c, const Value *v)
{
    const bool known = is_known_form(v);
    if (!known) c->whole[class_of(c, v)] = true;
    for (int k = known; k < v->arg_count; k++) /* the first of a graph is its input, the others are weights */
        if (!known || v->op == IR_WIRED) c->whole[class_of(c, v->args[k])] = true;
}

/* One channel is alive where the other is; true when that is new. */
static bool same_life(bool *a, bool *b)
{
    const bool changes = *a != *b;
    *a = *b = *a || *b;
    return changes;
}

static bool spread_life(const Cut *c, const Value *v)
{
    bool *of = c->alive[class_of(c, v)], changes = false;
    int64_t at = 0;
    for (int k = 0; k < v->arg_count && v->op == IR_CONCAT; k++)
        for (int64_t i = 0; i < channels(v->args[k]); i++)
            changes |= same_life(&c->alive[class_of(c, v->args[k])][i], &of[at++]);
    for (int64_t i = 0; spread(v) && i < channels(v); i++)
        changes |= same_life(&c->alive[class_of(c, v->args[0])][i / spread(v)], &of[i]);
    return changes;
}

/* A value keeps a channel, be it of zeros. */
static void keep_one(const Cut *c, const Value *v)
{
    bool any = channels(v) == 0;
    for (int64_t i = 0; i < channels(v); i++) any = any || c->alive[class_of(c, v)][i];
    if (!any) c->alive[class_of(c, v)][0] = true;
}

static void find_alive(Cut *c)
{
    const Func *f = c->body;
    for (int n = 0; n < f->values.count; n++) c->class[n] = n;
    for (int n = 0; n < f->values.count; n++) relate(c, f->values.at[n]);
    for (int n = 0; n < f->values.count; n++) keep_whole(c, f->values.at[n]);
    c->whole[class_of(c, f->results.at[0])] = true;
    need_all(c, f->results.at[0]);
    for (int n = f->values.count - 1; n >= 0; n--) need_of(c, f->values.at[n]);
    for (int n = 0; n < f->values.count; n++) {
        const int class = class_of(c, f->values.at[n]);
        for (int64_t i = 0; i < channels(f->values.at[n]); i++)
            c->alive[class][i] |= c->whole[class] || (c->need[n][i] && !c->zero[n][i]);
    }
    for (int n = 0; n < f->values.count; n++) keep_one(c, f->values.at[n]);
    for (bool more = true; more;) {
        more = false;
        for (int n = 0; n < f->values.count; n++) more |= spread_life(c, f->values.at[n]);
    }
}

/* ---- the cut ---- */

static bool **rows(Cut *c)
{
    bool **all = NEW_ARRAY(c->arena, bool *, (size_t)c->body->values.count + 1);
    for (int n = 0; n < c->body->values.count; n++)
        all[n] = NEW_ARRAY(c->arena, bool, (size_t)channels(c->body->values.at[n]) + 1);
    return all;
}

static Cut open_cut(Frozen *f)
{
    Cut c = {.arena = f->model->perm, .param = f->param, .body = f->model->body};
    const size_t count = (size_t)c.body->values.count + 1;
    c.class = NEW_ARRAY(c.arena, int, count), c.whole = NEW_ARRAY(c.arena, bool, count);
    c.zero = rows(&c), c.need = rows(&c), c.alive = rows(&c);
    find_zeros(&c);
    return c;
}

static void graph_cut(const Cut *c, const Value *v, FrozenCut *out)
{
    const Value *x = v->args[0];
    out->zero = c->zero[x->id], out->input = c->alive[class_of(c, x)], out->output = c->alive[class_of(c, v)];
}

/* v has the channels that are alive; their old numbers. */
static int64_t cut_value(const Cut *c, Value *v, int64_t **old)
{
    const bool *alive = c->alive[class_of(c, v)];
    int64_t count = 0;
    *old = NEW_ARRAY(c->arena, int64_t, (size_t)channels(v) + 1);
    for (int64_t i = 0; i < channels(v); i++)
        if (alive[i]) (*old)[count++] = i;
    if (v->shape.rank) v->shape.dim[0] = count;
    return count;
}

static void cut_values(const Cut *c, FrozenCuts *out)
{
    bool *weights = NEW_ARRAY(c->arena, bool, (size_t)c->body->values.count + 1);
    int64_t *old;
    for (int n = 0; n < c->body->values.count; n++) {
        const Value *v = c->body->values.at[n];
        if (v->op == IR_WIRED) graph_cut(c, v, &out->graphs[v->graph->number]);
        for (int k = 1; k < v->arg_count && v->op == IR_WIRED; k++) weights[v->args[k]->id] = true;
    }
    for (int n = 0; n < c->body->values.count; n++) {
        Value *v = c->body->values.at[n];
        const int64_t before = channels(v), count = weights[n] ? before : cut_value(c, v, &old);
        if (v->op != IR_PARAM || count == before) continue;
        v->param->components = v->param->size / before;
        vec_push(c->arena, &out->moved, (Moved){v->param, old, count});
    }
}

static void note_read(const Func *f, bool *tensors, bool *graphs)
{
    for (int n = 0; n < f->values.count; n++) {
        const Value *v = f->values.at[n];
        if (v->param) tensors[v->param->number] = true;
        if (v->op == IR_WIRED) graphs[v->graph->number] = true;
    }
}

/* What was read before and is no more: layers whose place in a depth is not in use. */
static void leave_out(Frozen *f, const bool *tensors, const bool *graphs, FrozenCuts *out)
{
    Model *m = f->model;
    bool *now = NEW_ARRAY(m->perm, bool, (size_t)m->params.count + 1),
         *here = NEW_ARRAY(m->perm, bool, (size_t)m->graphs.count + 1);
    note_read(m->body, now, here);
    for (int i = 0; i < m->params.count; i++) {
        Tensor *p = m->params.at[i];
        if (tensors[i] && !now[i] && !p->size_of_layers) p->size = 0, p->learned = false;
    }
    for (int g = 0; g < m->graphs.count; g++) out->graphs[g].gone = graphs[g] && !here[g];
}

/* A learned filter keeps the odd size next to it. */
static int64_t cut_size(const Frozen *f, const LearnedSize *size)
{
    const double n = f->param[size->tensor->offset] * (double)size->high;
    return size->of_filter ? 2 * (int64_t)floor(n / 2) + 1 : (int64_t)floor(n + 0.5);
}

FrozenCuts freeze_sizes(Frozen *f)
{
    Model *m = f->model;
    FrozenCuts out = {.graphs = NEW_ARRAY(m->perm, FrozenCut, (size_t)m->graphs.count + 1)};
    bool *tensors, *graphs = NEW_ARRAY(m->perm, bool, (size_t)m->graphs.count + 1);
    f->sizes = json_object();
    for (int i = 0; i < m->sizes.count; i++)
        json_object_set_new(f->sizes, m->sizes.at[i]->name, json_integer(cut_size(f, m->sizes.at[i])));
    m->body->results.count = 1; /* costs are not computed any more */
    func_prune(m->body);
    freeze_fold(f, m->body);
    freeze_filters(f);
    tensors = NEW_ARRAY(m->perm, bool, (size_t)m->params.count + 1);
    note_read(m->body, tensors, graphs);
    Cut all = open_cut(f);
    drop_zeros(&all);
    leave_out(f, tensors, graphs, &out);
    Cut c = open_cut(f);
    find_alive(&c);
    cut_values(&c, &out);
    return out;
}
