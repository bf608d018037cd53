/* ir_eval_graph.c: one evaluation of a node, forwards and back, and graphs as operators. See ir_eval_graph.h.
 */
#include "eval/ir_eval_graph.h"
#include "base/diag.h"
#include "eval/ir_eval_adjoint.h"
#include "eval/ir_eval_edge.h"
#include "eval/ir_eval_time.h"
#include <math.h>

/* ---- room ---- */

void cell_room(Arena *a, const CellFn *fn, CellRoom *out)
{
    *out = (CellRoom){.fn = fn};
    if (!fn->forward) return;
    out->forward = cell_new(a, fn->forward), out->back = cell_new(a, fn->back);
    out->forward.statistics = out->back.statistics = out->known;
    for (int n = 0; n < fn->norms.count; n++) {
        out->input[n] = cell_new(a, fn->norms.at[n].input);
        out->norm_back[n] = cell_new(a, fn->norms.at[n].back);
        out->input[n].statistics = out->norm_back[n].statistics = out->known;
    }
}

void cell_know(const GraphEval *e, CellRoom *r, int64_t node, int64_t evaluation, bool base)
{
    for (int i = 0; i < 4 * r->fn->norms.count; i++) {
        const double *all = i % 4 > 1 ? e->d_statistics : base ? e->base_statistics : e->statistics;
        r->known[i] = all ? all[norm_at(&r->fn->norms.at[i / 4], i, evaluation) + node] : 0;
    }
}

void graph_rooms(GraphEval *e)
{
    size_t sets = (size_t)e->g->sets.count;
    e->cell = NEW_ARRAY(e->arena, CellRoom, sets), e->send = NEW_ARRAY(e->arena, CellRoom, sets);
    e->show = NEW_ARRAY(e->arena, CellRoom, sets);
    for (int i = 0; i < e->g->sets.count; i++) {
        const NodeSet *s = &e->g->sets.at[i];
        cell_room(e->arena, &s->cell, &e->cell[i]);
        cell_room(e->arena, &s->send, &e->send[i]);
        cell_room(e->arena, &s->show, &e->show[i]);
    }
    edge_rooms(e);
}

/* ---- edges into a node ---- */

/* Of a block: what stands at one position of a static graph under scan. */
static int64_t at_one(const GraphEval *e, int64_t pixels)
{
    return pixels / graph_copies(e->g);
}

/* What a node sends; its gradient. */
static const double *node_value(const GraphEval *e, const Sample *s, Moment m, int set, int64_t node)
{
    const NodeSet *n = &e->g->sets.at[set];
    if (n->outside) return s->input + m.position * set_rows(n) + node * n->value_pixels;
    return s->frames.at[m.frame].value + set_value(n, node);
}

static double *node_d_value(const GraphEval *e, Sample *s, Moment m, int set, int64_t node)
{
    const NodeSet *n = &e->g->sets.at[set];
    if (n->outside) return s->d_input ? s->d_input + m.position * set_rows(n) + node * n->value_pixels : NULL;
    return s->d_value + set_value(n, node);
}

/* The edges from all candidates into a node: for each, at each position. */
typedef struct EdgeWalk {
    NodeAt to;
    int bundle;
    int64_t run_number, i, copy;
    CandidateRun run;
    int64_t source;
} EdgeWalk;

static bool next_edge(const GraphEval *e, EdgeWalk *w)
{
    if (++w->copy < graph_copies(e->g)) return true;
    w->copy = 0;
    if (++w->i < w->run.length) return w->source++, true;
    for (; w->bundle < e->g->bundles.count; w->bundle++, w->run_number = 0) {
        const Bundle *u = &e->g->bundles.at[w->bundle];
        if (u->to != w->to.set) continue;
        while (candidates_run(&u->candidates, w->to.node, w->run_number++, &w->run))
            if (w->run.length) return w->i = 0, w->source = w->run.source, true;
    }
    return false;
}

static EdgeWalk edges_into(NodeAt to)
{
    return (EdgeWalk){.to = to, .copy = INT32_MAX - 1};
}

static EdgeAt edge_at(const GraphEval *e, const Sample *s, Moment m, const EdgeWalk *w)
{
    const Bundle *u = &e->g->bundles.at[w->bundle];
    const NodeSet *from = &e->g->sets.at[u->from], *to = &e->g->sets.at[u->to];
    return (EdgeAt){.bundle = w->bundle,
                    .candidate = w->run.first + w->i,
                    .pixels = at_one(e, to->pixels),
                    .source =
                        node_value(e, s, m, u->from, w->source) + w->copy * at_one(e, from->value_pixels),
                    .own = to->states ? node_value(e, s, m, u->to, w->to.node) : NULL,
                    .port = set_port_rows(to),
                    .evaluation = m.number};
}

void graph_sum(GraphEval *e, Sample *s, Moment m, NodeAt n, double *out)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    for (int k = 0; k < set_sums(set); k++)
        memset(out + k * set_port_rows(set), 0, (size_t)set->pixels * sizeof *out);
    for (EdgeWalk w = edges_into(n); next_edge(e, &w);) {
        EdgeAt at = edge_at(e, s, m, &w);
        edge_value(e, &at, out + e->g->bundles.at[w.bundle].port * at.port + w.copy * at.pixels);
    }
}

void graph_sum_back(GraphEval *e, Sample *s, Moment m, NodeAt n, const double *d)
{
    const NodeSet *to = &e->g->sets.at[n.set];
    double *d_own = to->states ? node_d_value(e, s, m, n.set, n.node) : NULL;
    for (EdgeWalk w = edges_into(n); next_edge(e, &w);) {
        EdgeAt at = edge_at(e, s, m, &w);
        int from = e->g->bundles.at[w.bundle].from;
        double *d_source = node_d_value(e, s, m, from, w.source);
        if (d_source) d_source += w.copy * at_one(e, e->g->sets.at[from].value_pixels);
        edge_back(e, &at, d + e->g->bundles.at[w.bundle].port * at.port + w.copy * at.pixels, d_source,
                  d_own);
    }
}

/* batch_norm of all candidates into a node: statistics, or gradients by them. */
static void edge_statistics(GraphEval *e, Moment m, NodeAt n, bool back)
{
    EdgeAt *at = NEW_ARRAY(e->arena, EdgeAt, (size_t)e->count + 1);
    const double **d = NEW_ARRAY(e->arena, const double *, (size_t)e->count + 1);
    for (EdgeWalk w = edges_into(n); next_edge(e, &w);) {
        const EdgeFn *f = e->g->bundles.at[w.bundle].edge;
        if (!f || !f->fn.norms.count) continue; /* no copies: cell_norm.c */
        for (int64_t s = 0; s < e->count; s++) {
            at[s] = edge_at(e, &e->at[s], m, &w);
            if (back)
                d[s] = e->at[s].d_sum + set_sum(&e->g->sets.at[n.set], n.node) +
                       e->g->bundles.at[w.bundle].port * at[s].port;
        }
        if (back) edge_find_gradients(e, at, d);
        else edge_find_statistics(e, at);
    }
}

/* ---- the function of a node ---- */

/* Arguments by Slot, at one position of a static graph under scan. */
typedef const double *Arguments[SLOTS];

static void load(const GraphEval *e, const Sample *s, Moment m, NodeAt n, int64_t copy, Arguments a)
{
    static const double valid = 1;
    const NodeSet *set = &e->g->sets.at[n.set];
    const Frame *f = &s->frames.at[m.frame];
    memset(a, 0, sizeof(Arguments));
    for (int k = 0; k < set_sums(set); k++)
        a[SLOT_SUM + k] =
            f->sum + set_sum(set, n.node) + k * set_port_rows(set) + copy * at_one(e, set->pixels);
    for (int k = 0; k < set->noises && s->noise; k++)
        a[SLOT_NOISE + k] =
            s->noise[n.set][k] + (n.node * graph_copies(e->g) + copy) * shape_size(set->noise[k]);
    a[SLOT_VALID] = &valid;
    for (int k = 0; k < set->states; k++) a[SLOT_STATE + k] = f->state + set_state(set, k, n.node);
}

/* The gradients of what the function gives: the value, or in time the rates of a stage. */
static void load_gradients(const GraphEval *e, const Sample *s, int stage, NodeAt n, int64_t copy,
                           Arguments a)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    if (!set->states) a[SLOT_D] = s->d_value + set_value(set, n.node) + copy * at_one(e, set->value_pixels);
    for (int k = 0; k < set->states; k++)
        a[SLOT_D + k] = s->d_rate + stage * e->g->state_rows + set_state(set, k, n.node);
}

/* Mean and variance of what norm `i` of a node is given, over all samples, pixels and positions. */
static void find_statistics(GraphEval *e, Moment m, NodeAt n, int i)
{
    CellRoom *r = &e->cell[n.set];
    const Norm *norm = &r->fn->norms.at[i];
    double mean = 0;
    Arguments a;
    cell_know(e, r, n.node, m.number, false);
    for (int kind = 0; kind < 2; kind++) {
        double total = 0;
        for (int64_t k = 0; k < e->count * graph_copies(e->g); k++) {
            load(e, &e->at[k / graph_copies(e->g)], m, n, k % graph_copies(e->g), a);
            eval_cell(&r->input[i], a, e->c->param, n.node);
            const double *x = cell_result(&r->input[i], 0);
            for (int64_t p = 0; p < at_one(e, norm->pixels); p++)
                total += kind ? (x[p] - mean) * (x[p] - mean) : x[p];
        }
        mean = total / (double)(e->count * norm->pixels);
        e->statistics[norm_at(norm, kind, m.number) + n.node] = mean;
    }
}

/* The gradients by both; those of later norms are known. */
static void find_gradients(GraphEval *e, Moment m, int stage, NodeAt n, int i)
{
    CellRoom *r = &e->cell[n.set];
    const Norm *norm = &r->fn->norms.at[i];
    double total[2] = {0};
    Arguments a;
    cell_know(e, r, n.node, m.number, false);
    for (int64_t k = 0; k < e->count * graph_copies(e->g); k++) {
        const Sample *s = &e->at[k / graph_copies(e->g)];
        load(e, s, m, n, k % graph_copies(e->g), a);
        load_gradients(e, s, stage, n, k % graph_copies(e->g), a);
        eval_cell(&r->norm_back[i], a, e->c->param, n.node);
        for (int j = 0; j < 2; j++) total[j] += *cell_result(&r->norm_back[i], j);
    }
    for (int j = 0; j < 2; j++)
        e->d_statistics[norm_at(norm, j, m.number) + n.node] = total[j] / (double)(e->count * norm->pixels);
}

static void finish(GraphEval *e, Sample *s, Moment m, int stage, NodeAt n)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    CellRoom *r = &e->cell[n.set];
    Frame *f = &s->frames.at[m.frame];
    double *value = f->value + set_value(set, n.node);
    Arguments a;
    if (!r->fn->forward)
        memcpy(value, f->sum + set_sum(set, n.node), (size_t)set->value_pixels * sizeof *value);
    for (int64_t q = 0; q < graph_copies(e->g) && r->fn->forward; q++) {
        load(e, s, m, n, q, a);
        eval_cell(&r->forward, a, e->c->param, n.node);
        size_t size = (size_t)at_one(e, set->value_pixels);
        if (!set->states) memcpy(value + (size_t)q * size, cell_result(&r->forward, 0), size * sizeof *value);
    }
    for (int k = 0; k < set->states; k++)
        memcpy(s->rates + stage * e->g->state_rows + set_state(set, k, n.node), cell_result(&r->forward, k),
               (size_t)set->state_pixels * sizeof *s->rates);
}

void graph_node(GraphEval *e, Moment m, int stage, NodeAt n)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    if (e->batch) edge_statistics(e, m, n, false);
    for (int64_t i = 0; i < e->count; i++) {
        Sample *s = &e->at[i];
        double *sum = s->frames.at[m.frame].sum + set_sum(set, n.node);
        graph_sum(e, s, m, n, sum);
        for (int64_t p = 0; p < set->pixels && n.set == e->g->input && !set->states; p++)
            sum[p] += s->input[n.node * set->pixels + p];
    }
    for (int i = 0; i < e->cell[n.set].fn->norms.count && e->batch; i++) find_statistics(e, m, n, i);
    cell_know(e, &e->cell[n.set], n.node, m.number, false);
    for (int64_t i = 0; i < e->count; i++) finish(e, &e->at[i], m, stage, n);
}

/* ---- backwards ---- */

static void add_weights(GraphEval *e, const CellRoom *r, int64_t node)
{
    for (int i = 0; i < r->fn->weights.count && e->gradient; i++) {
        const Value *w = r->fn->weights.at[i];
        int64_t element = (w->param->shared ? 0 : node * w->param->components) + w->index;
        e->gradient[w->param->offset + element] += *cell_result(&r->back, r->fn->first_weight + i);
    }
}

/* Fills the gradients of the sum and of the states; adds those of weights. */
static void finish_back(GraphEval *e, Sample *s, Moment m, int stage, NodeAt n)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    CellRoom *r = &e->cell[n.set];
    double *d_sum = s->d_sum + set_sum(set, n.node);
    Arguments a;
    if (!r->fn->forward)
        memcpy(d_sum, s->d_value + set_value(set, n.node), (size_t)set->pixels * sizeof *d_sum);
    for (int64_t q = 0; q < graph_copies(e->g) && r->fn->forward; q++) {
        size_t size = (size_t)at_one(e, set->pixels);
        load(e, s, m, n, q, a);
        load_gradients(e, s, stage, n, q, a);
        eval_cell(&r->back, a, e->c->param, n.node);
        for (int k = 0; k < set_sums(set); k++)
            memcpy(d_sum + k * set_port_rows(set) + q * (int64_t)size,
                   cell_result(&r->back, r->fn->gradient[SLOT_SUM + k]), size * sizeof *d_sum);
        add_weights(e, r, n.node);
    }
    for (int k = 0; k < set->states; k++)
        memcpy(s->d_stage + set_state(set, k, n.node), cell_result(&r->back, r->fn->gradient[SLOT_STATE + k]),
               (size_t)set->state_pixels * sizeof *s->d_stage);
}

void graph_node_back(GraphEval *e, Moment m, int stage, NodeAt n)
{
    const NodeSet *set = &e->g->sets.at[n.set];
    for (int i = e->cell[n.set].fn->norms.count - 1; i >= 0 && e->batch; i--)
        find_gradients(e, m, stage, n, i);
    cell_know(e, &e->cell[n.set], n.node, m.number, false);
    for (int64_t i = 0; i < e->count; i++) finish_back(e, &e->at[i], m, stage, n);
    if (e->batch) edge_statistics(e, m, n, true);
    for (int64_t i = 0; i < e->count; i++)
        graph_sum_back(e, &e->at[i], m, n, e->at[i].d_sum + set_sum(set, n.node));
}

/* ---- static graphs: phase after phase ---- */

static void static_forward(GraphEval *e)
{
    const WiringOrder *o = &e->g->order;
    const NodeSet *out = &e->g->sets.at[e->g->output];
    time_room(e, 1);
    for (int p = 0; p < o->phase_count; p++)
        for (int64_t i = 0; i < o->phases[p].count; i++)
            graph_node(e, (Moment){0}, 0, (NodeAt){o->phases[p].set, o->nodes[o->phases[p].first + i]});
    for (int64_t i = 0; i < e->count; i++)
        memcpy(e->at[i].output, e->at[i].frames.at[0].value + set_value(out, 0),
               (size_t)set_rows(out) * sizeof(double));
}

static void static_back(GraphEval *e)
{
    const WiringOrder *o = &e->g->order;
    const NodeSet *out = &e->g->sets.at[e->g->output], *in = &e->g->sets.at[e->g->input];
    for (int64_t i = 0; i < e->count; i++)
        memcpy(e->at[i].d_value + set_value(out, 0), e->at[i].d_output,
               (size_t)set_rows(out) * sizeof(double));
    for (int p = o->phase_count - 1; p >= 0; p--)
        for (int64_t i = 0; i < o->phases[p].count; i++)
            graph_node_back(e, (Moment){0}, 0, (NodeAt){o->phases[p].set, o->nodes[o->phases[p].first + i]});
    for (int64_t i = 0; i < e->count && !in->outside; i++)
        memcpy(e->at[i].d_input, e->at[i].d_sum + set_sum(in, 0),
               (size_t)(in->size * in->pixels) * sizeof(double));
}

/* ---- operators ---- */

/* Of WIRED or WIRED_BACK: groups of samples, and what all share. */
struct GraphRun {
    int64_t count, group_size;
    GraphEval *group;
    double *statistics, *d_input, *gradient;
};

static void copy_kept(const CellFn *fn, const double *param, double *out)
{
    for (int i = 0; i < fn->norms.count; i++) {
        const Norm *n = &fn->norms.at[i];
        size_t bytes = (size_t)(n->evaluations * n->size) * sizeof *out;
        memcpy(out + norm_at(n, 0, 0), param + n->mean->offset, bytes);
        memcpy(out + norm_at(n, 1, 0), param + n->variance->offset, bytes);
    }
}

static void keep_statistics(const Graph *g, const double *param, double *out)
{
    for (int i = 0; i < g->sets.count; i++) copy_kept(&g->sets.at[i].cell, param, out);
    for (int b = 0; b < g->bundles.count; b++)
        if (g->bundles.at[b].edge) copy_kept(&g->bundles.at[b].edge->fn, param, out);
    memcpy(out + g->statistics, out, (size_t)g->statistics * sizeof *out);
}

/* Solvers that choose their steps do so for each sample; all others take all samples together. */
static struct GraphRun *new_run(Arena *a, const Value *wired, const EvalContext *c)
{
    const Graph *g = wired->graph;
    struct GraphRun *r = NEW(a, struct GraphRun);
    bool apart = g->time.adaptive || g->time.adjoint;
    r->group_size = apart ? 1 : c->batch;
    r->count = apart ? c->batch : c->batch > 0;
    r->group = NEW_ARRAY(a, GraphEval, (size_t)r->count + 1);
    r->statistics = NEW_ARRAY(a, double, (size_t)(2 * g->statistics) + 1);
    for (int64_t i = 0; i < r->count; i++) {
        GraphEval *e = &r->group[i];
        if (i == 0) *e = (GraphEval){.arena = a, .c = c, .g = g, .batch = wired->batch}, graph_rooms(e);
        else *e = r->group[0]; /* one group after the other: they share rooms */
        e->count = r->group_size;
        e->at = NEW_ARRAY(a, Sample, (size_t)e->count + 1);
        e->steps = c->steps ? &c->steps[g->number][i] : NEW(a, EvalSteps);
        e->statistics = r->statistics, e->base_statistics = r->statistics + g->statistics;
    }
    return r;
}

/* The number of the input's value (a map with a border) that a tap reads for a pixel. */
static int64_t tap_at(const Taps *t, int64_t source, int64_t pixel)
{
    return taps_first(t, source) + taps_step(t, pixel);
}

/* The numbers of the nodes of the input, from its value. */
static const double *node_input(Arena *a, const Graph *g, const double *value)
{
    const NodeSet *in = &g->sets.at[g->input];
    if (!has_taps(&g->taps)) return value;
    double *x = NEW_ARRAY(a, double, (size_t)set_rows(in) + 1);
    for (int64_t i = 0; i < set_rows(in); i++)
        x[i] = value[tap_at(&g->taps, i / in->value_pixels, i % in->value_pixels)];
    return x;
}

/* Back: the gradients of all nodes, to that of the value of each of `samples`, of `size` numbers. */
static void value_gradient(const Graph *g, const double *d, int64_t samples, int64_t size, double *out)
{
    const NodeSet *in = &g->sets.at[g->input];
    if (!has_taps(&g->taps)) memcpy(out, d, (size_t)(samples * size) * sizeof *out);
    else memset(out, 0, (size_t)(samples * size) * sizeof *out);
    for (int64_t i = 0; has_taps(&g->taps) && i < samples * set_rows(in); i++) {
        const int64_t number = i % set_rows(in),
                      at = tap_at(&g->taps, number / in->value_pixels, number % in->value_pixels);
        out[i / set_rows(in) * size + at] += d[i];
    }
}

/* Of one sample: by set and number; NULL: there is none. */
static const double *const (*noise_of(Arena *a, const Eval *e, const Value *wired,
                                      int64_t sample))[MAX_NOISES]
{
    const Graph *g = wired->graph;
    if (!wired_noises(wired)) return NULL;
    const double *(*all)[MAX_NOISES] = arena_alloc(a, (size_t)g->sets.count * sizeof *all, sizeof(double *));
    for (int s = 0; s < g->sets.count; s++)
        for (int i = 0; i < g->sets.at[s].noises; i++) {
            const Value *v = wired_noise(wired, s, i);
            all[s][i] = e->value[v->id] + (v->per_sample ? sample * shape_size(v->shape) : 0);
        }
    return (const double *const(*)[MAX_NOISES])all;
}

static void forward(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    struct GraphRun *r = e->run[v->id] = new_run(a, v, c);
    int64_t in = shape_size(v->args[0]->shape), out = shape_size(v->shape);
    if (!v->batch) keep_statistics(v->graph, c->param, r->statistics);
    for (int64_t i = 0; i < c->batch; i++) {
        Sample *s = &r->group[i / r->group_size].at[i % r->group_size];
        s->input = node_input(a, v->graph, e->value[v->args[0]->id] + i * in);
        s->output = e->value[v->id] + i * out;
        s->noise = noise_of(a, e, v, i);
    }
    for (int64_t i = 0; i < r->count; i++) {
        if (!is_timed(v->graph)) static_forward(&r->group[i]);
        else if (!time_forward(&r->group[i]))
            r->group[i].at[0].output[0] = NAN; /* where a program would stop */
        r->group[i].steps->known = c->steps != NULL;
    }
}

static void back_rooms(Arena *a, const Graph *g, Sample *s)
{
    size_t states = (size_t)g->state_rows + 1, stages = (size_t)g->time.stages + 1;
    s->d_sum = NEW_ARRAY(a, double, (size_t)g->sum_rows + 1),
    s->d_value = NEW_ARRAY(a, double, (size_t)g->rows + 1);
    s->d_stage = NEW_ARRAY(a, double, states), s->d_state = NEW_ARRAY(a, double, states);
    s->d_start = NEW_ARRAY(a, double, states), s->d_rate = NEW_ARRAY(a, double, states *stages);
}

static void backward(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Graph *g = v->graph;
    const Value *wired = v->args[0], *dy = v->args[1];
    struct GraphRun *forward = e->run[wired->id], *r = e->run[v->id] = NEW(a, struct GraphRun);
    int64_t in = has_taps(&g->taps) ? set_rows(&g->sets.at[g->input]) : shape_size(wired->args[0]->shape),
            out = shape_size(wired->shape);
    *r = *forward;
    r->group = NEW_ARRAY(a, GraphEval, (size_t)r->count + 1);
    r->d_input = NEW_ARRAY(a, double, (size_t)(c->batch * in) + 1);
    r->gradient = NEW_ARRAY(a, double, (size_t)c->model->param_total + 1);
    double *d_statistics = NEW_ARRAY(a, double, (size_t)g->statistics + 1);
    for (int64_t i = 0; i < r->count; i++) {
        GraphEval *group = &r->group[i];
        *group = forward->group[i];
        group->d_statistics = d_statistics, group->gradient = r->gradient;
        for (int64_t k = 0; k < group->count; k++) {
            Sample *s = &group->at[k];
            int64_t sample = i * r->group_size + k;
            s->d_input = r->d_input + sample * in, s->d_output = e->value[dy->id] + sample * out;
            back_rooms(a, g, s);
        }
        if (!is_timed(g)) static_back(group);
        else if (!g->time.adjoint) time_back(group);
        else if (!adjoint_back(group, forward->group[i].steps))
            r->gradient[0] = NAN; /* a program would stop */
    }
}

void eval_wired(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    double *out = e->value[v->id];
    const struct GraphRun *run = v->op == IR_WIRED || v->op == IR_WIRED_BACK ? NULL : e->run[v->args[0]->id];
    size_t bytes = (size_t)shape_size(v->shape) * sizeof *out;
    switch (v->op) {
    case IR_WIRED: forward(a, e, v, c); break;
    case IR_WIRED_BACK: backward(a, e, v, c); break;
    case IR_WIRED_STATISTIC: memcpy(out, run->statistics + v->index, bytes); break;
    case IR_WIRED_INPUT: value_gradient(v->graph, run->d_input, c->batch, shape_size(v->shape), out); break;
    case IR_WIRED_WEIGHT:
    case IR_WIRED_EDGES: memcpy(out, run->gradient + v->param->offset, bytes); break;
    default: BUG("%s is no wired operator", op_info[v->op].text);
    }
}
