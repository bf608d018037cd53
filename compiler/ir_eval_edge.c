/* ir_eval_edge.c: one edge in the reference interpreter: w * value, or its function (EdgeFn of model.h). */
#include "ir_eval.h"
#include "op.h"

static uint8_t mark_of(const EvalContext *c, const Graph *g, EdgeAt at)
{
    return c->kept[g->number][at.bundle][at.candidate];
}

/* All values of f, which are numbers; the first result is returned. d: gradients of sum and slope. */
static double evaluate(const Func *f, EdgeAt at, const double *d, const double *param, double *scratch)
{
    const double args[4] = {*at.source, at.own, d ? *d : 0, d ? d[at.slope] : 0};
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        const Tensor *p = v->param;
        double a[3];
        for (int k = 0; k < v->arg_count; k++) a[k] = scratch[v->args[k]->id];
        if (v->op == IR_CONST) scratch[i] = v->number;
        else if (v->op == IR_ARG) scratch[i] = args[v->index];
        else if (v->op == IR_WEIGHT)
            scratch[i] = param[p->offset + (p->shared ? 0 : at.candidate * p->components) + v->index];
        else scratch[i] = pointwise_eval(v->op, a);
    }
    return f->results.count ? scratch[f->results.at[0]->id] : 0;
}

static void add_edge(const EdgeFn *e, EdgeAt at, const double *param, double sign, double *out)
{
    double scratch[e->value->values.count];
    *out += sign * evaluate(e->value, at, NULL, param, scratch);
    if (e->slope) out[at.slope] += sign * scratch[e->value->results.at[1]->id];
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
    double scratch[u->edge->to_source->values.count];
    *out += evaluate(u->edge->to_source, at, d, c->param, scratch);
}

double edge_to_own(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *gradient)
{
    const EdgeFn *e = g->bundles.at[at.bundle].edge;
    if (!mark_of(c, g, at) || !e) return 0;
    double scratch[e->to_own->values.count], own = evaluate(e->to_own, at, d, c->param, scratch);
    for (int i = 0; i < e->shared.count && gradient; i++)
        gradient[e->shared.at[i]->param->offset + e->shared.at[i]->index] +=
            scratch[e->to_own->results.at[1 + i]->id];
    return own;
}

void edge_to_weights(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, const Tensor *p,
                     double *out)
{
    const EdgeFn *e = g->bundles.at[at.bundle].edge;
    if (!e) {
        for (int64_t q = 0; q < at.pixels; q++) out[at.candidate] += at.source[q] * d[q];
        return;
    }
    double scratch[e->to_weights->values.count + 1];
    evaluate(e->to_weights, at, d, c->param, scratch);
    for (int i = 0; i < e->weights.count; i++)
        if (e->weights.at[i]->param == p)
            out[at.candidate * p->components + e->weights.at[i]->index] +=
                scratch[e->to_weights->results.at[i]->id];
}
