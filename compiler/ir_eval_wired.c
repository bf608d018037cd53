/* ir_eval_wired.c: static graphs in the reference interpreter: node by node in topological order, and back.
 */
#include "ir_eval.h"
#include "diag.h"
#include "timed.h"

typedef struct WiredEval {
    Arena *arena;
    const EvalContext *c;
    const Graph *g;
    const double *input; /* (batch, input set) */
    double *z, *sum;     /* (batch, rows), (batch, sum_rows) */
    double *dz, *dsum;
    bool batch;                        /* batch_norm takes the statistics of the batch */
    double *statistics, *d_statistics; /* Eval.statistics of wired, of wired_back */
    EdgeStatistics edges;              /* the same for edges */
} WiredEval;

/* What a node sends: `value_pixels` numbers. */
static const double *node_value(const WiredEval *w, int set, int64_t node, int64_t sample)
{
    const NodeSet *s = &w->g->sets.at[set];
    if (s->outside) return w->input + (sample * s->size + node) * s->value_pixels;
    return w->z + sample * w->g->rows + set_value(s, node);
}

/* Of a block: what stands at one position. */
static int64_t at_one(const WiredEval *w, int64_t pixels)
{
    return pixels / graph_copies(w->g);
}

/* First row of what reaches a node. */
static int64_t sum_row(const WiredEval *w, const NodeSet *s, int64_t node, int64_t sample)
{
    return sample * w->g->sum_rows + set_sum(s, node);
}

static int64_t value_row(const WiredEval *w, const NodeSet *s, int64_t node, int64_t sample)
{
    return sample * w->g->rows + set_value(s, node);
}

/* One candidate at one position. */
static EdgeAt edge_at(const WiredEval *w, int bundle, int64_t candidate, int64_t source, int64_t sample,
                      int64_t position)
{
    const Bundle *u = &w->g->bundles.at[bundle];
    const double *from = node_value(w, u->from, source, sample);
    return (EdgeAt){bundle,
                    candidate,
                    at_one(w, w->g->sets.at[u->to].pixels),
                    from + position * at_one(w, w->g->sets.at[u->from].value_pixels),
                    NULL,
                    0,
                    w->batch ? &w->edges : NULL,
                    0};
}

/* I_v of one node: the sum over its edges in use. */
static void sum_into(const WiredEval *w, int set, int64_t node, int64_t sample, double *out)
{
    int64_t pixels = w->g->sets.at[set].pixels;
    memset(out, 0, (size_t)pixels * sizeof *out);
    for (int b = 0; b < w->g->bundles.count; b++) {
        const Bundle *u = &w->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                for (int64_t q = 0; q < graph_copies(w->g); q++)
                    edge_value(w->c, w->g, edge_at(w, b, run.first + i, run.source + i, sample, q),
                               out + q * at_one(w, pixels));
    }
}

/* The functions of a set; they read the statistics of the node at hand from `known`. */
typedef struct SetCells {
    int set;
    const NodeSet *s;
    double known[4 * MOST_NORMS];
    Cell forward, back, input[MOST_NORMS], norm_back[MOST_NORMS];
} SetCells;

static SetCells *set_cells(const WiredEval *w, int set)
{
    SetCells *c = NEW(w->arena, SetCells);
    const NodeSet *s = &w->g->sets.at[set];
    c->set = set, c->s = s;
    if (!s->cell) return c;
    c->forward = cell_new(w->arena, s->cell), c->back = cell_new(w->arena, s->cell_back);
    c->forward.statistics = c->back.statistics = c->known;
    for (int n = 0; n < s->norms.count; n++) {
        c->input[n] = cell_new(w->arena, s->norms.at[n].input);
        c->norm_back[n] = cell_new(w->arena, s->norms.at[n].back);
        c->input[n].statistics = c->norm_back[n].statistics = c->known;
    }
    return c;
}

/* The statistics of one node as its functions number them. */
static void know(const WiredEval *w, SetCells *c, int64_t node)
{
    const NodeSet *s = c->s;
    for (int i = 0; i < 4 * s->norms.count; i++) {
        const double *all = i % 4 < 2 ? w->statistics : w->d_statistics;
        c->known[i] = all ? all[norm_at(&s->norms.at[i / 4], i, 0) + node] : 0;
    }
}

static void keep_statistics(const WiredEval *w)
{
    for (int i = 0; i < w->g->sets.count; i++) {
        const NodeSet *s = &w->g->sets.at[i];
        for (int n = 0; n < s->norms.count; n++) {
            const Norm *norm = &s->norms.at[n];
            double *out = w->statistics + norm->first;
            memcpy(out, w->c->param + norm->mean->offset, (size_t)s->size * sizeof *out);
            memcpy(out + s->size, w->c->param + norm->variance->offset, (size_t)s->size * sizeof *out);
        }
    }
}

/* The function of a node at one position. */
static void eval_node(const WiredEval *w, const Cell *c, const NodeSet *s, int64_t node, int64_t sample,
                      int64_t position)
{
    const double *sum = w->sum + sum_row(w, s, node, sample) + position * at_one(w, s->pixels);
    eval_cell(c, (const double *[]){sum}, w->c->param, node);
}

/* Mean and variance of what norm `n` of a node is given, over the batch, its pixels and positions. */
static void find_statistics(const WiredEval *w, SetCells *c, int n, int64_t node)
{
    const NodeSet *s = c->s;
    const Norm *norm = &s->norms.at[n];
    double *out = w->statistics + norm->first + node, total = 0;
    know(w, c, node);
    for (int twice = 0; twice < 2; twice++, out += s->size, total = 0) {
        double mean = twice ? out[-s->size] : 0;
        for (int64_t k = 0; k < w->c->batch * graph_copies(w->g); k++) {
            eval_node(w, &c->input[n], s, node, k / graph_copies(w->g), k % graph_copies(w->g));
            const double *x = cell_result(&c->input[n], 0);
            for (int64_t i = 0; i < at_one(w, norm->pixels); i++)
                total += twice ? (x[i] - mean) * (x[i] - mean) : x[i];
        }
        *out = total / (double)(w->c->batch * norm->pixels);
    }
}

/* Of batch_norm in the functions of all candidates into a node: their statistics, or the gradients by them.
 */
static void edge_statistics(const WiredEval *w, int set, int64_t node, bool back)
{
    const NodeSet *to = &w->g->sets.at[set];
    EdgeAt *at = NEW_ARRAY(w->arena, EdgeAt, (size_t)w->c->batch + 1);
    const double **d = NEW_ARRAY(w->arena, const double *, (size_t)w->c->batch + 1);
    for (int b = 0; b < w->g->bundles.count && w->batch; b++) {
        const Bundle *u = &w->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set || !u->edge || !u->edge->norms.count) continue;
        for (int64_t r = 0; candidates_run(&u->candidates, node, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) {
                for (int64_t s = 0; s < w->c->batch; s++) {
                    at[s] = edge_at(w, b, run.first + i, run.source + i, s, 0); /* no copies: check_norm.c */
                    if (back) d[s] = w->dsum + sum_row(w, to, node, s);
                }
                if (back) edge_find_gradients(w->c, w->g, at, d);
                else edge_find_statistics(w->c, w->g, at);
            }
    }
}

/* What one node sends. */
static void node_sends(const WiredEval *w, SetCells *c, int64_t node, int64_t sample)
{
    const NodeSet *s = c->s;
    double *z = w->z + value_row(w, s, node, sample);
    int64_t size = at_one(w, s->value_pixels);
    if (!s->cell) memcpy(z, w->sum + sum_row(w, s, node, sample), (size_t)s->value_pixels * sizeof *z);
    for (int64_t q = 0; q < graph_copies(w->g) && s->cell; q++) {
        eval_node(w, &c->forward, s, node, sample, q);
        memcpy(z + q * size, cell_result(&c->forward, 0), (size_t)size * sizeof *z);
    }
}

/* One node of all samples. */
static void node_forward(const WiredEval *w, SetCells *c, int64_t node)
{
    const NodeSet *s = c->s;
    edge_statistics(w, c->set, node, false);
    for (int64_t sample = 0; sample < w->c->batch; sample++) {
        double *sum = w->sum + sum_row(w, s, node, sample);
        sum_into(w, c->set, node, sample, sum);
        for (int64_t q = 0; q < s->pixels && s->role == 0; q++)
            sum[q] += w->input[(sample * s->size + node) * s->pixels + q];
    }
    for (int n = 0; n < s->norms.count && w->batch; n++) find_statistics(w, c, n, node);
    know(w, c, node);
    for (int64_t sample = 0; sample < w->c->batch; sample++) node_sends(w, c, node, sample);
}

static void wired_forward(const WiredEval *w)
{
    const Graph *g = w->g;
    if (!w->batch) keep_statistics(w);
    for (int p = 0; p < g->order.phase_count; p++) {
        SetCells *c = set_cells(w, g->order.phases[p].set);
        for (int64_t i = 0; i < g->order.phases[p].count; i++)
            node_forward(w, c, g->order.nodes[g->order.phases[p].first + i]);
    }
}

/* Adds dL/dI of one node, times the weights, to dL/dZ of its sources: to `d_input` for those of a held input
 * (NULL: not wanted), to w->dz for the others (the same). */
static void spread_back(const WiredEval *w, int set, int64_t node, int64_t sample, double *d_input)
{
    const NodeSet *to = &w->g->sets.at[set];
    const double *d = w->dsum + sum_row(w, to, node, sample);
    for (int b = 0; b < w->g->bundles.count; b++) {
        const Bundle *u = &w->g->bundles.at[b];
        const NodeSet *from = &w->g->sets.at[u->from];
        double *into = from->outside ? d_input : w->dz ? w->dz + value_row(w, from, 0, sample) : NULL;
        CandidateRun run;
        if (u->to != set || !into) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                for (int64_t q = 0; q < graph_copies(w->g); q++)
                    edge_to_source(w->c, w->g, edge_at(w, b, run.first + i, run.source + i, sample, q),
                                   d + q * at_one(w, to->pixels),
                                   into + (run.source + i) * from->value_pitch +
                                       q * at_one(w, from->value_pixels));
    }
}

/* A gradient function of a node at one position. */
static void eval_back(const WiredEval *w, const Cell *back, const NodeSet *s, int64_t node, int64_t sample,
                      int64_t position)
{
    static const double valid = 1;
    const double *sum = w->sum + sum_row(w, s, node, sample) + position * at_one(w, s->pixels),
                 *d = w->dz + value_row(w, s, node, sample) + position * at_one(w, s->value_pixels);
    eval_cell(back, (const double *[]){sum, d, &valid}, w->c->param, node);
}

/* dL/d(statistics) of norm `n` of a node, over the numbers they were taken of; later norms' are known. */
static void find_gradients(const WiredEval *w, SetCells *c, int n, int64_t node)
{
    const NodeSet *s = c->s;
    const Norm *norm = &s->norms.at[n];
    double *out = w->d_statistics + norm->first + node;
    know(w, c, node);
    for (int64_t k = 0; k < w->c->batch * graph_copies(w->g); k++) {
        eval_back(w, &c->norm_back[n], s, node, k / graph_copies(w->g), k % graph_copies(w->g));
        for (int i = 0; i < 2; i++)
            out[i * s->size] += *cell_result(&c->norm_back[n], i) / (double)(w->c->batch * norm->pixels);
    }
}

static void node_backward(const WiredEval *w, SetCells *c, int64_t node)
{
    const NodeSet *s = c->s;
    for (int n = s->norms.count - 1; n >= 0 && w->batch; n--) find_gradients(w, c, n, node);
    know(w, c, node);
    for (int64_t sample = 0; sample < w->c->batch; sample++) {
        double *d = w->dsum + sum_row(w, s, node, sample);
        int64_t size = at_one(w, s->pixels);
        if (!s->cell) memcpy(d, w->dz + value_row(w, s, node, sample), (size_t)s->pixels * sizeof *d);
        for (int64_t q = 0; q < graph_copies(w->g) && s->cell; q++) {
            eval_back(w, &c->back, s, node, sample, q);
            memcpy(d + q * size, cell_result(&c->back, 0), (size_t)size * sizeof *d);
        }
    }
    edge_statistics(w, c->set, node, true);
    for (int64_t sample = 0; sample < w->c->batch; sample++) spread_back(w, c->set, node, sample, NULL);
}

/* The value of the output set. */
static void wired_output(const WiredEval *w, double *out)
{
    const NodeSet *s = &w->g->sets.at[w->g->output];
    for (int64_t sample = 0; sample < w->c->batch; sample++)
        memcpy(out + sample * set_rows(s), w->z + value_row(w, s, 0, sample),
               (size_t)set_rows(s) * sizeof *out);
}

static void wired_backward(const WiredEval *w, const double *dy)
{
    const Graph *g = w->g;
    const NodeSet *out = &g->sets.at[g->output];
    for (int64_t sample = 0; sample < w->c->batch; sample++)
        memcpy(w->dz + value_row(w, out, 0, sample), dy + sample * set_rows(out),
               (size_t)set_rows(out) * sizeof *dy);
    for (int p = g->order.phase_count - 1; p >= 0; p--) {
        SetCells *c = set_cells(w, g->order.phases[p].set);
        for (int64_t i = 0; i < g->order.phases[p].count; i++)
            node_backward(w, c, g->order.nodes[g->order.phases[p].first + i]);
    }
}

/* dL/d(value of the input set): from edges when it is held, else from its own node function. */
static void wired_input(const WiredEval *w, int64_t sample, double *out)
{
    const Graph *g = w->g;
    const NodeSet *in = &g->sets.at[g->input];
    WiredEval only_input = *w;
    only_input.dz = NULL;
    memset(out, 0, (size_t)(in->size * in->pixels) * sizeof *out);
    if (!in->outside) {
        memcpy(out, w->dsum + sum_row(w, in, 0, sample), (size_t)(in->size * in->pixels) * sizeof *out);
        return;
    }
    for (int s = 0; s < g->sets.count; s++)
        for (int64_t i = 0; i < g->sets.at[s].size && !g->sets.at[s].outside; i++)
            spread_back(&only_input, s, i, sample, out);
}

/* Adds what one node at one position says about a weight of its function. */
static void add_weight(const SetCells *c, const Value *v, int64_t node, double *out)
{
    int result = 1;
    for (int i = 0; i < c->s->cell->values.count; i++) {
        const Value *weight = c->s->cell->values.at[i];
        if (weight->op != IR_WEIGHT) continue;
        if (weight->param == v->param)
            out[(v->param->shared ? 0 : node * v->param->components) + weight->index] +=
                *cell_result(&c->back, result);
        result++;
    }
}

static void wired_weight(const WiredEval *w, const Value *v, double *out)
{
    const NodeSet *s = &w->g->sets.at[v->index];
    SetCells *c = set_cells(w, (int)v->index);
    for (int64_t sample = 0; sample < w->c->batch; sample++)
        for (int64_t node = 0; node < s->size; node++) {
            know(w, c, node);
            for (int64_t q = 0; q < graph_copies(w->g); q++) {
                eval_back(w, &c->back, s, node, sample, q);
                add_weight(c, v, node, out);
            }
        }
}

/* Of one parameter of a line: all candidates' own, or one that the edges in use share. */
static void wired_edges(const WiredEval *w, const Value *v, int bundle, double *out)
{
    const Bundle *u = &w->g->bundles.at[bundle];
    double *all =
        v->op == IR_WIRED_EDGES ? NULL : NEW_ARRAY(w->arena, double, (size_t)w->c->model->param_total + 1);
    const NodeSet *to = &w->g->sets.at[u->to];
    CandidateRun run;
    for (int64_t sample = 0; sample < w->c->batch; sample++)
        for (int64_t t = 0; t < to->size; t++) {
            const double *d = w->dsum + sum_row(w, to, t, sample);
            for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
                for (int64_t i = 0; i < run.length * graph_copies(w->g); i++) {
                    int64_t q = i % graph_copies(w->g), k = i / graph_copies(w->g);
                    EdgeAt at = edge_at(w, bundle, run.first + k, run.source + k, sample, q);
                    const double *d_at = d + q * at_one(w, to->pixels);
                    if (all) edge_to_own(w->c, w->g, at, d_at, NULL, all);
                    else edge_to_weights(w->c, w->g, at, d_at, v->param, out);
                }
        }
    if (all) memcpy(out, all + v->param->offset, (size_t)v->param->size * sizeof *out);
}

/* Room for what is known of all nodes. */
static void make_nodes(Arena *a, Eval *e, const Value *v, int64_t batch)
{
    const Graph *g = v->graph;
    bool back = v->op == IR_WIRED_BACK;
    e->nodes[v->id] = NEW_ARRAY(a, double, (size_t)(batch * (back ? g->sum_rows : g->rows)) + 1);
    e->sums[v->id] = NEW_ARRAY(a, double, (size_t)(batch * (back ? g->rows : g->sum_rows)) + 1);
    e->statistics[v->id] = NEW_ARRAY(a, double, (size_t)(2 * g->statistics) + 1);
}

void eval_wired(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    if (is_timed(v->graph)) {
        eval_timed(a, e, v, c);
        return;
    }
    bool forward = v->op == IR_WIRED || v->op == IR_WIRED_STATISTIC;
    const Value *back = forward ? NULL : v->op == IR_WIRED_BACK ? v : v->args[0];
    const Value *wired = v->op == IR_WIRED ? v : forward ? v->args[0] : back->args[0];
    const Graph *g = wired->graph;
    if (v->op == IR_WIRED || v->op == IR_WIRED_BACK) make_nodes(a, e, v, c->batch);
    WiredEval w = {a,
                   c,
                   g,
                   e->value[wired->args[0]->id],
                   e->nodes[wired->id],
                   e->sums[wired->id],
                   back ? e->sums[back->id] : NULL,
                   back ? e->nodes[back->id] : NULL,
                   wired->batch,
                   e->statistics[wired->id],
                   back ? e->statistics[back->id] : NULL,
                   {e->statistics[wired->id], e->statistics[wired->id] + g->statistics,
                    back ? e->statistics[back->id] : NULL}};
    double *out = e->value[v->id];
    if (v->op == IR_WIRED) wired_forward(&w), wired_output(&w, out);
    if (v->op == IR_WIRED_BACK) wired_backward(&w, e->value[v->args[1]->id]);
    for (int64_t s = 0; s < c->batch && v->op == IR_WIRED_INPUT; s++)
        wired_input(&w, s, out + s * shape_size(v->shape));
    if (v->op == IR_WIRED_STATISTIC)
        memcpy(out, w.statistics + v->index, (size_t)shape_size(v->shape) * sizeof *out);
    if (v->op == IR_WIRED_WEIGHT && v->index < g->sets.count) wired_weight(&w, v, out);
    else if (v->op == IR_WIRED_WEIGHT) wired_edges(&w, v, (int)v->index - g->sets.count, out);
    if (v->op == IR_WIRED_EDGES) wired_edges(&w, v, (int)v->index, out);
}
