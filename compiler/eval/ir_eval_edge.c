/* ir_eval_edge.c: one edge in the reference interpreter: w * value, or its function (EdgeFn of model.h). */
#include "eval/ir_eval_edge.h"
#include "eval/ir_eval_rule.h"

void edge_rooms(GraphEval *e)
{
    e->edge = NEW_ARRAY(e->arena, EdgeRoom, (size_t)e->g->bundles.count + 1);
    for (int b = 0; b < e->g->bundles.count; b++) {
        const EdgeFn *f = e->g->bundles.at[b].edge;
        EdgeRoom *r = &e->edge[b];
        if (!f) continue;
        cell_room(e->arena, &f->fn, &r->fn);
        r->to_source = cell_new(e->arena, f->to_source), r->to_own = cell_new(e->arena, f->to_own);
        r->to_weights = cell_new(e->arena, f->to_weights);
        r->to_source.statistics = r->to_own.statistics = r->to_weights.statistics = r->fn.known;
    }
}

static uint8_t mark_of(const GraphEval *e, const EdgeAt *at)
{
    return e->c->kept[e->g->number][at->bundle][at->candidate];
}

/* All values of a function. d: gradients of the sums, `port` from one to the next. base: with the parameters
 * that a difference is taken from. */
static void evaluate(GraphEval *e, const EdgeAt *at, Cell *cell, const double *d, bool base)
{
    static const double valid = 1;
    const double *args[SLOTS] = {[SLOT_SOURCE] = at->source, [SLOT_OWN] = at->own, [SLOT_VALID] = &valid};
    for (int k = 0; k < MAX_PORTS && d; k++) args[SLOT_D + k] = d + k * at->port;
    cell_know(e, &e->edge[at->bundle].fn, at->candidate, at->evaluation, base);
    eval_cell(cell, args, base ? e->c->base : e->c->param, at->candidate);
}

static void add_result(const Cell *c, int result, double sign, double *out)
{
    int64_t size = shape_size(c->f->results.at[result]->shape);
    for (int64_t p = 0; p < size; p++) out[p] += sign * cell_result(c, result)[p];
}

static void add_edge(GraphEval *e, const EdgeAt *at, bool base, double *out)
{
    Cell *cell = &e->edge[at->bundle].fn.forward;
    evaluate(e, at, cell, NULL, base);
    for (int k = 0; k < cell->f->results.count; k++) add_result(cell, k, base ? -1 : 1, out + k * at->port);
}

static int64_t weight_at(const GraphEval *e, const EdgeAt *at)
{
    return e->g->bundles.at[at->bundle].weight->offset + at->candidate;
}

static const Rule *rule_of(const GraphEval *e, const EdgeAt *at)
{
    const Rule *r = e->g->lists.at[e->g->bundles.at[at->bundle].list].declared;
    return r && r->forward != NO_FUNCTION ? r : NULL;
}

/* A function of a rule; NO_FUNCTION: 0. */
static double of_rule(const GraphEval *e, const EdgeAt *at, int function, const double *param)
{
    if (function == NO_FUNCTION) return 0;
    return eval_carried(e->c->model, e->g, (CandidateAt){at->bundle, at->candidate}, function, param);
}

/* What an edge multiplies the value of its source by; of one that is probed, the difference. */
static double carried(const GraphEval *e, const EdgeAt *at)
{
    const Rule *r = rule_of(e, at);
    const bool probed = mark_of(e, at) == EDGE_PROBED;
    const int64_t w = weight_at(e, at);
    if (!r) return e->c->param[w] - (probed ? e->c->base[w] : 0);
    const double base = probed ? of_rule(e, at, r->forward, e->c->base) : 0;
    return of_rule(e, at, r->forward, e->c->param) - base;
}

void edge_value(GraphEval *e, const EdgeAt *at, double *out)
{
    uint8_t mark = mark_of(e, at);
    if (!mark) return;
    if (!e->g->bundles.at[at->bundle].edge) {
        double w = carried(e, at);
        for (int64_t p = 0; p < at->pixels; p++) out[p] += w * at->source[p];
        return;
    }
    add_edge(e, at, false, out);
    if (mark == EDGE_PROBED) add_edge(e, at, true, out);
}

/* d: the gradient of what the edge carries. Numbers that a list shares have that of its edges in use. */
static void rule_back(GraphEval *e, const EdgeAt *at, const Rule *r, double d)
{
    const Bundle *u = &e->g->bundles.at[at->bundle];
    e->gradient[weight_at(e, at)] += d * of_rule(e, at, r->slope, e->c->param);
    for (int i = 0; i < r->states.count; i++) {
        const RuleState *s = &r->states.at[i];
        if (!s->learned || (s->shared && mark_of(e, at) != 1)) continue;
        const int64_t to = s->shared ? s->tensor->offset : u->weights.at[s->weight]->offset + at->candidate;
        e->gradient[to] += d * of_rule(e, at, s->slope, e->c->param);
    }
}

static void weight_back(GraphEval *e, const EdgeAt *at, const double *d, double *d_source)
{
    const Rule *r = rule_of(e, at);
    double of_carried = 0;
    for (int64_t p = 0; p < at->pixels && e->gradient; p++) of_carried += at->source[p] * d[p];
    if (e->gradient && r) rule_back(e, at, r, of_carried);
    else if (e->gradient) e->gradient[weight_at(e, at)] += of_carried;
    if (!d_source) return;
    const double w = carried(e, at);
    for (int64_t p = 0; p < at->pixels; p++) d_source[p] += w * d[p];
}

/* Results of `cell` from number `first` on are gradients of these weights. */
static void add_weights(GraphEval *e, const EdgeAt *at, const Cell *cell, int first, int count,
                        const Value *const *weights)
{
    for (int i = 0; i < count; i++) {
        const Tensor *p = weights[i]->param;
        int64_t element = (p->shared ? 0 : at->candidate * p->components) + weights[i]->index;
        e->gradient[p->offset + element] += *cell_result(cell, first + i);
    }
}

void edge_back(GraphEval *e, const EdgeAt *at, const double *d, double *d_source, double *d_own)
{
    const EdgeFn *f = e->g->bundles.at[at->bundle].edge;
    bool used = mark_of(e, at);
    EdgeRoom *r = &e->edge[at->bundle];
    if (!f) {
        weight_back(e, at, d, used ? d_source : NULL);
        return;
    }
    if (used && d_source) {
        evaluate(e, at, &r->to_source, d, false);
        add_result(&r->to_source, 0, 1, d_source);
    }
    if (used && (f->own || f->shared.count)) {
        evaluate(e, at, &r->to_own, d, false);
        if (f->own && d_own) add_result(&r->to_own, 0, 1, d_own);
        if (e->gradient) add_weights(e, at, &r->to_own, f->own, f->shared.count, f->shared.at);
    }
    if (!e->gradient) return;
    evaluate(e, at, &r->to_weights, d, false);
    add_weights(e, at, &r->to_weights, 0, f->weights.count, f->weights.at);
}

/* ---- batch_norm: `at` is an array with one entry a sample ---- */

static void find_moments(GraphEval *e, const EdgeAt *at, int norm, bool base)
{
    EdgeRoom *r = &e->edge[at->bundle];
    const Norm *n = &r->fn.fn->norms.at[norm];
    double mean = 0;
    for (int kind = 0; kind < 2; kind++) {
        double total = 0;
        for (int64_t s = 0; s < e->count; s++) {
            evaluate(e, &at[s], &r->fn.input[norm], NULL, base);
            const double *x = cell_result(&r->fn.input[norm], 0);
            for (int64_t p = 0; p < n->pixels; p++) total += kind ? (x[p] - mean) * (x[p] - mean) : x[p];
        }
        mean = total / (double)(e->count * n->pixels);
        (base ? e->base_statistics : e->statistics)[norm_at(n, kind, at->evaluation) + at->candidate] = mean;
    }
}

void edge_find_statistics(GraphEval *e, const EdgeAt *at)
{
    for (int i = 0; i < e->edge[at->bundle].fn.fn->norms.count; i++) {
        find_moments(e, at, i, false);
        if (mark_of(e, at) == EDGE_PROBED) find_moments(e, at, i, true);
    }
}

void edge_find_gradients(GraphEval *e, const EdgeAt *at, const double *const *d)
{
    EdgeRoom *r = &e->edge[at->bundle];
    for (int i = r->fn.fn->norms.count - 1; i >= 0; i--) {
        const Norm *n = &r->fn.fn->norms.at[i];
        double total[2] = {0};
        for (int64_t s = 0; s < e->count; s++) {
            evaluate(e, &at[s], &r->fn.norm_back[i], d[s], false);
            for (int k = 0; k < 2; k++) total[k] += *cell_result(&r->fn.norm_back[i], k);
        }
        for (int k = 0; k < 2; k++)
            e->d_statistics[norm_at(n, k, at->evaluation) + at->candidate] =
                total[k] / (double)(e->count * n->pixels);
    }
}
