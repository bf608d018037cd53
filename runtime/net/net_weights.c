/* net_weights.c: the weights that a net starts with (contract in net_private.h). */
#include "net/net_private.h"
#include <math.h>
#include <stdlib.h>

/* Candidates of the graph that lead into a node. */
static int64_t candidates_into(const Net *n, const NetGraph *g, int set, int64_t node)
{
    int64_t count = 0;
    for (int i = 0; i < g->bundle_count; i++) {
        const NetBundle *u = &n->bundles[g->first_bundle + i];
        if (u->line.to == set) count += candidates_row(&u->legal, node + 1) - candidates_row(&u->legal, node);
    }
    return count;
}

/* The most candidates into one node that a list leads to: edges that compete for one budget by their
 * magnitude start from one distribution. Where edges are drawn and then trained: those in use on average
 * ("Gradient Flow in Sparse Neural Networks and How Lottery Tickets Win", Evci et al. 2022, section 3). */
double net_list_fan(const Net *n, const NetBundle *b)
{
    const NetList *l = net_list_of(n, b);
    int64_t most = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *u = &n->bundles[l->first_bundle + i];
        for (int64_t t = 0; t < u->legal.targets; t++) {
            int64_t count = candidates_into(n, &n->graphs[u->line.graph], u->line.to, t);
            most = count > most ? count : most;
        }
    }
    return l->declared && l->declared->sparse ? fan_in_use(&l->budget, net_units(l), (double)most)
                                              : (double)most;
}

static void draw_bundle(Net *n, const NetBundle *b, const NetParam *p)
{
    double fan = net_list_fan(n, b);
    for (int64_t k = 0; k < p->size; k++)
        n->weights[p->offset + k] = (float)init_edge(&p->init, n->options.seed, p - n->params, k, fan);
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
        if (p->init.kind == INIT_ORTHOGONAL) draw_orthogonal(n, i);
        else
            for (int64_t k = 0; k < p->size; k++) w[k] = (float)init_value(&p->init, n->options.seed, i, k);
    }
    for (int i = 0; i < n->bundle_count; i++)
        for (int w = 0; w < n->bundles[i].line.weight_count; w++) {
            const NetParam *p = n->bundles[i].weights[w];
            if (init_by_candidate(&p->init) && !n->bundles[i].line.slots) draw_bundle(n, &n->bundles[i], p);
        }
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        float *w = n->weights + p->offset;
        for (int64_t k = 0; p->clamped && k < p->size; k++)
            w[k] = (float)fmin(fmax((double)w[k], p->low), p->high);
    }
    for (int i = 0; i < n->list_count; i++) net_tie_weights(n, &n->lists[i]);
    net_f64_params(n);
}

void net_f64_params(Net *n)
{
    if (n->options.f64)
        for (int64_t i = 0; i < n->param_total; i++) ((double *)n->param)[i] = (double)n->weights[i];
}
