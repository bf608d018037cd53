/* rt_net_weights.c: the weights that a net starts with (contract in rt_net_private.h). */
#include "rt_net_private.h"
#include <math.h>
#include <stdlib.h>

static double fan_of(const Net *n, const NetBundle *b, int64_t target)
{
    const NetGraph *g = &n->graphs[b->graph];
    int64_t fan = 0;
    for (int i = 0; i < g->bundle_count; i++) {
        const NetBundle *u = &n->bundles[g->first_bundle + i];
        if (u->to == b->to)
            fan += candidates_row(&u->candidates, target + 1) - candidates_row(&u->candidates, target);
    }
    return (double)fan;
}

/* Weights of edges whose range follows from the candidates into each target. */
static void draw_bundle(Net *n, const NetBundle *b, const NetParam *p)
{
    int64_t numbers = b->candidates.count ? p->size / b->candidates.count : 0;
    for (int64_t t = 0; t < b->candidates.targets; t++) {
        double fan = fan_of(n, b, t);
        int64_t end = candidates_row(&b->candidates, t + 1) * numbers;
        for (int64_t k = candidates_row(&b->candidates, t) * numbers; k < end; k++)
            n->weights[p->offset + k] = (float)init_edge(n->options.seed, p - n->params, k, fan);
    }
}

static void draw_orthogonal(Net *n, int i)
{
    const NetParam *p = &n->params[i];
    int64_t block = p->init.rows * p->init.columns;
    double *values = malloc((size_t)(block + 1) * sizeof *values);
    for (int64_t b = 0; values && b < p->size / block; b++) {
        init_orthogonal(&p->init, n->options.seed, i, b, values);
        for (int64_t k = 0; k < block; k++) n->weights[p->offset + b * block + k] = (float)values[k];
    }
    free(values);
}

void net_draw_weights(Net *n)
{
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        float *w = n->weights + p->offset;
        if (p->init.kind == RT_INIT_ORTHOGONAL) draw_orthogonal(n, i);
        else
            for (int64_t k = 0; k < p->size; k++) w[k] = (float)init_value(&p->init, n->options.seed, i, k);
    }
    for (int i = 0; i < n->bundle_count; i++)
        for (int w = 0; w < n->bundles[i].weight_count; w++) {
            const NetParam *p = n->bundles[i].weights[w];
            if (p->init.kind == RT_INIT_FAN) draw_bundle(n, &n->bundles[i], p);
        }
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        float *w = n->weights + p->offset;
        for (int64_t k = 0; p->clamped && k < p->size; k++)
            w[k] = (float)fmin(fmax((double)w[k], p->low), p->high);
    }
    net_f64_params(n);
}

void net_f64_params(Net *n)
{
    if (n->options.f64)
        for (int64_t i = 0; i < n->param_total; i++) ((double *)n->param)[i] = (double)n->weights[i];
}
