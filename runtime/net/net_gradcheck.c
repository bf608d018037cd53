/* net_gradcheck.c: the double twin of the generated code against central differences.
 *
 * A candidate that is not in use is perturbed as an edge in use with effective weight 0, as its gradient is
 * defined (appendix F of "Discovering Neural Wirings"). One that is a function of its weights is put in use
 * for both, gradient and difference: its gradient is made by the same code in use or not. Dropout masks are
 * those of one step, so the function is smooth.
 */
#include "common/difference.h"
#include "net/net_private.h"
#include "common/rng.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double ENOUGH = 1e-7; /* relative; with less, no smaller steps are tried */

typedef struct Probe {
    Net *n;
    NetBatch batch;
    double loss;
    const NetParam *param; /* the number that is moved: element `at` */
    int64_t at;
} Probe;

static double loss_at(void *of)
{
    Probe *p = of;
    if (p->param) net_tie_follow(p->n, p->param, p->at);
    edges_rebuild(p->n);
    return net_run(p->n, &p->n->train, &p->batch, 0, NULL);
}

/* The bundle that a parameter holds weights of. */
static NetBundle *bundle_of(Net *n, const NetParam *param)
{
    for (int i = 0; i < n->bundle_count; i++)
        for (int w = 0; w < n->bundles[i].line.weight_count; w++)
            if (n->bundles[i].weights[w] == param) return &n->bundles[i];
    return NULL;
}

static void mark_one(void *kept, NetEdgeAt at)
{
    at.bundle->kept[at.candidate] = *(uint8_t *)kept, at.bundle->changed = true;
}

/* The candidate, and those that have its weight. */
static void mark(Net *n, NetBundle *b, const NetParam *param, int64_t candidate, uint8_t kept)
{
    const NetList *l = net_list_of(n, b);
    if (param->tied) net_each_tied(n, l, l->ties->of[b->position + candidate], mark_one, &kept);
    else mark_one(&kept, (NetEdgeAt){b, candidate});
    edges_rebuild(n);
}

static void all_gradients(Probe *p)
{
    memset(p->n->grad, 0, (size_t)p->n->param_total * 8);
    loss_at(p);
    gradient_edges(p->n, (p->batch.count + p->n->lanes - 1) / p->n->lanes, NULL);
    net_stage(p->n, p->n->train.gradients, &p->n->context, 0);
}

/* |difference - gradient|, as near as `enough` is asked for. */
static double entry_error(Probe *p, const NetParam *param, int64_t at, double gradient, double enough)
{
    NetBundle *b = bundle_of(p->n, param);
    double *w = (double *)p->n->param + param->offset + at;
    int64_t candidate = b ? at / net_components(b, param) : 0;
    if (b && candidate >= b->candidates.count) return 0; /* no edge is there */
    bool added = b && !b->kept[candidate];
    if (added) mark(p->n, b, param, candidate, 1);
    const bool function = b && (b->line.function || b->line.costs || forward_rule(p->n, b));
    if (added && function) {
        all_gradients(p);
        gradient = ((const double *)p->n->grad)[param->offset + at];
    }
    p->param = param, p->at = at;
    double error = difference_entry(loss_at, p, w, added && !function ? 0 : *w, gradient, enough);
    net_tie_follow(p->n, param, at);
    p->param = NULL;
    if (added) mark(p->n, b, param, candidate, 0);
    return error;
}

static double check_param(Probe *p, int number, const double *gradient, int samples)
{
    const NetParam *param = &p->n->params[number];
    double worst = 0, scale = fmax(1e-8, 1e-5 * fabs(p->loss)); /* all of a tensor can be 0 */
    for (int64_t i = 0; i < param->size; i++) scale = fmax(scale, fabs(gradient[param->offset + i]));
    for (int64_t i = 0; i < samples && i < param->size; i++) {
        int64_t at = param->size <= samples
                         ? i
                         : (int64_t)(rng_uniform(3, RNG_GRADCHECK, (uint64_t)number * 4096 + (uint64_t)i) *
                                     (double)param->size);
        double error = entry_error(p, param, at, gradient[param->offset + at], ENOUGH * scale) / scale;
        if (!(error <= worst)) worst = isnan(error) ? INFINITY : error;
    }
    return worst;
}

/* Away from the constants that weights start with, where kinks and vanishing gradients would hide mistakes.
 */
static void shake_constants(Net *n)
{
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0;
             n->params[i].learned && n->params[i].init.kind == INIT_CONSTANT && k < n->params[i].size; k++)
            ((double *)n->param)[n->params[i].offset + k] +=
                0.1 * rng_normal(17, RNG_GRADCHECK, (uint64_t)(n->params[i].offset + k));
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0; n->params[i].tied && k < n->params[i].size; k++)
            net_tie_follow(n, &n->params[i], k);
}

/* The choice of steps is not differentiated: differences are taken of the steps that were chosen first. */
static void hold_steps(Net *n, bool hold)
{
    for (int i = 0; i < n->graph_count; i++)
        for (int64_t t = 0; n->times[i].run && t < n->tiles; t++) n->times[i].run[t].replay = hold;
}

double net_gradcheck(Net *n, NetSamples samples, int entries, char *worst, size_t worst_size, NetStep *failed)
{
    const int64_t count = samples.count;
    Probe p = {
        .n = n,
        .batch = {.data = samples.data, .split = samples.split, .order = samples.order, .count = count}};
    if (samples.split->pictures && !ahead_begin(n, &p.batch, failed)) return INFINITY;
    double *gradient = malloc((size_t)(n->param_total + 1) * sizeof *gradient), most = 0;
    net_f64_params(n);
    shake_constants(n);
    if (gradient) p.loss = loss_at(&p);
    if (!gradient || flow_failed(n, (count + n->lanes - 1) / n->lanes, false, failed)) {
        free(gradient);
        return INFINITY;
    }
    hold_steps(n, true);
    all_gradients(&p);
    memcpy(gradient, n->grad, (size_t)n->param_total * sizeof *gradient);
    for (int i = 0; i < n->param_count; i++) {
        if (!n->params[i].learned) continue;
        double error = check_param(&p, i, gradient, entries);
        if (!(error <= most)) {
            most = error;
            snprintf(worst, worst_size, "%s", n->params[i].name);
        }
    }
    free(gradient);
    hold_steps(n, false);
    net_f64_params(n);
    edges_rebuild(n);
    return most;
}
