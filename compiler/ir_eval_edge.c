/* ir_eval_edge.c: one edge in the reference interpreter: w * value, or its function (EdgeFn of model.h). */
#include "diag.h"
#include "ir_eval.h"
#include <stdlib.h>

static uint8_t mark_of(const EvalContext *c, const Graph *g, EdgeAt at)
{
    return c->kept[g->number][at.bundle][at.candidate];
}

/* Room for the values of f: freed with its `value`. */
static Cell room_for(const Func *f)
{
    size_t numbers = 0, count = (size_t)f->values.count;
    for (int i = 0; i < f->values.count; i++) numbers += (size_t)shape_size(f->values.at[i]->shape);
    Cell c = {f, malloc(count * sizeof(double *) + numbers * sizeof(double) + 1), NULL};
    if (!c.value) BUG("out of memory for the function of an edge");
    double *next = (double *)(c.value + count);
    for (size_t i = 0; i < count; i++) c.value[i] = next, next += shape_size(f->values.at[i]->shape);
    return c;
}

/* The statistics of a candidate as its functions number them: those of the step in `found`. */
static const double *known(const EdgeFn *e, EdgeAt at, const double *found, double *out)
{
    for (int i = 0; i < 4 * e->norms.count; i++) {
        const double *all = i % 4 < 2 ? found : at.statistics->gradient;
        out[i] = all ? all[norm_at(&e->norms.at[i / 4], i, at.evaluation) + at.candidate] : 0;
    }
    return out;
}

/* All values of f. d: gradients of the sum, and `slope` further on of the slope. base: statistics are those
 * that were found with EvalContext.base. */
static Cell evaluate(const EdgeFn *e, const Func *f, EdgeAt at, const double *d, const double *param,
                     bool base)
{
    static const double valid = 1;
    const double *args[EDGE_ARGUMENTS] = {at.source, at.own, d, d ? d + at.slope : NULL, &valid};
    double numbers[4 * MOST_NORMS];
    Cell c = room_for(f);
    if (at.statistics)
        c.statistics = known(e, at, base ? at.statistics->base : at.statistics->found, numbers);
    eval_cell(&c, args, param, at.candidate);
    c.statistics = NULL;
    return c;
}

static void add_result(const Cell *c, int result, double sign, double *out)
{
    int64_t size = shape_size(c->f->results.at[result]->shape);
    for (int64_t p = 0; p < size; p++) out[p] += sign * cell_result(c, result)[p];
}

static void add_edge(const EdgeFn *e, EdgeAt at, const double *param, bool base, double *out)
{
    double sign = base ? -1 : 1;
    Cell c = evaluate(e, e->value, at, NULL, param, base);
    add_result(&c, 0, sign, out);
    if (e->slope) add_result(&c, 1, sign, out + at.slope);
    free(c.value);
}

void edge_value(const EvalContext *c, const Graph *g, EdgeAt at, double *out)
{
    const Bundle *u = &g->bundles.at[at.bundle];
    uint8_t mark = mark_of(c, g, at);
    if (!mark) return;
    if (!u->edge) {
        double w = c->param[u->weight->offset + at.candidate];
        for (int64_t p = 0; p < at.pixels; p++) out[p] += w * at.source[p];
        return;
    }
    add_edge(u->edge, at, c->param, false, out);
    if (mark == EDGE_PROBED) add_edge(u->edge, at, c->base, true, out);
}

void edge_to_source(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *out)
{
    const Bundle *u = &g->bundles.at[at.bundle];
    if (!mark_of(c, g, at)) return;
    if (!u->edge) {
        double w = c->param[u->weight->offset + at.candidate];
        for (int64_t p = 0; p < at.pixels; p++) out[p] += w * d[p];
        return;
    }
    Cell cell = evaluate(u->edge, u->edge->to_source, at, d, c->param, false);
    add_result(&cell, 0, 1, out);
    free(cell.value);
}

void edge_to_own(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *out,
                 double *gradient)
{
    const EdgeFn *e = g->bundles.at[at.bundle].edge;
    if (!mark_of(c, g, at) || !e) return;
    Cell cell = evaluate(e, e->to_own, at, d, c->param, false);
    if (e->own && out) add_result(&cell, 0, 1, out);
    for (int i = 0; i < e->shared.count && gradient; i++)
        gradient[e->shared.at[i]->param->offset + e->shared.at[i]->index] += *cell_result(&cell, e->own + i);
    free(cell.value);
}

void edge_to_weights(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, const Tensor *p,
                     double *out)
{
    const EdgeFn *e = g->bundles.at[at.bundle].edge;
    if (!e) {
        for (int64_t q = 0; q < at.pixels; q++) out[at.candidate] += at.source[q] * d[q];
        return;
    }
    Cell cell = evaluate(e, e->to_weights, at, d, c->param, false);
    for (int i = 0; i < e->weights.count; i++)
        if (e->weights.at[i]->param == p)
            out[at.candidate * p->components + e->weights.at[i]->index] += *cell_result(&cell, i);
    free(cell.value);
}

/* ---- batch_norm ---- */

static void find_moments(const EvalContext *c, const EdgeFn *e, const EdgeAt *at, int norm, bool base)
{
    const Norm *n = &e->norms.at[norm];
    double *all = base ? at->statistics->base : at->statistics->found, mean = 0;
    for (int kind = 0; kind < 2; kind++) {
        double total = 0;
        for (int64_t s = 0; s < c->batch; s++) {
            Cell cell = evaluate(e, n->input, at[s], NULL, base ? c->base : c->param, base);
            const double *x = cell_result(&cell, 0);
            for (int64_t p = 0; p < n->pixels; p++) total += kind ? (x[p] - mean) * (x[p] - mean) : x[p];
            free(cell.value);
        }
        mean = total / (double)(c->batch * n->pixels);
        all[norm_at(n, kind, at->evaluation) + at->candidate] = mean;
    }
}

void edge_find_statistics(const EvalContext *c, const Graph *g, const EdgeAt *at)
{
    const EdgeFn *e = g->bundles.at[at->bundle].edge;
    for (int i = 0; i < e->norms.count; i++) {
        find_moments(c, e, at, i, false);
        if (mark_of(c, g, *at) == EDGE_PROBED) find_moments(c, e, at, i, true);
    }
}

void edge_find_gradients(const EvalContext *c, const Graph *g, const EdgeAt *at, const double *const *d)
{
    const EdgeFn *e = g->bundles.at[at->bundle].edge;
    for (int i = e->norms.count - 1; i >= 0; i--) {
        const Norm *n = &e->norms.at[i];
        double total[2] = {0};
        for (int64_t s = 0; s < c->batch; s++) {
            Cell cell = evaluate(e, n->back, at[s], d[s], c->param, false);
            for (int k = 0; k < 2; k++) total[k] += *cell_result(&cell, k);
            free(cell.value);
        }
        for (int k = 0; k < 2; k++)
            at->statistics->gradient[norm_at(n, k, at->evaluation) + at->candidate] =
                total[k] / (double)(c->batch * n->pixels);
    }
}
