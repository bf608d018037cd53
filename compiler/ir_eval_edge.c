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

/* All values of f. d: gradients of the sum, and `slope` further on of the slope. */
static Cell evaluate(const Func *f, EdgeAt at, const double *d, const double *param)
{
    const double *args[4] = {at.source, at.own, d, d ? d + at.slope : NULL};
    Cell c = room_for(f);
    eval_cell(&c, args, param, at.candidate);
    return c;
}

static void add_result(const Cell *c, int result, double sign, double *out)
{
    int64_t size = shape_size(c->f->results.at[result]->shape);
    for (int64_t p = 0; p < size; p++) out[p] += sign * cell_result(c, result)[p];
}

static void add_edge(const EdgeFn *e, EdgeAt at, const double *param, double sign, double *out)
{
    Cell c = evaluate(e->value, at, NULL, param);
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
    add_edge(u->edge, at, c->param, 1, out);
    if (mark == EDGE_PROBED) add_edge(u->edge, at, c->base, -1, out);
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
    Cell cell = evaluate(u->edge->to_source, at, d, c->param);
    add_result(&cell, 0, 1, out);
    free(cell.value);
}

void edge_to_own(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *out,
                 double *gradient)
{
    const EdgeFn *e = g->bundles.at[at.bundle].edge;
    if (!mark_of(c, g, at) || !e) return;
    Cell cell = evaluate(e->to_own, at, d, c->param);
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
    Cell cell = evaluate(e->to_weights, at, d, c->param);
    for (int i = 0; i < e->weights.count; i++)
        if (e->weights.at[i]->param == p)
            out[at.candidate * p->components + e->weights.at[i]->index] += *cell_result(&cell, i);
    free(cell.value);
}
