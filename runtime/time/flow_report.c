/* flow_report.c: why a graph in time could not go on, in words. What happened was noted by fail() of
 * kernels/drive.c.
 */
#include "common/plural.h"
#include "net/terms.h"
#include <math.h>
#include <stdio.h>

/* Whose state is a row of the states? *state: which of its node's, from 0. */
static NetPlace place_of(const Net *n, int graph, int64_t row, int64_t *state)
{
    const NetGraph *g = &n->graphs[graph];
    NetPlace v = {.graph = graph, .pixels = 1};
    for (int i = 0; i < g->set_count; i++) {
        const NetSet *s = &g->sets[i];
        int64_t at = row - s->first_state, nodes = s->wiring.size;
        if (at < 0 || at >= s->states * nodes * s->state_pixels) continue;
        *state = at / s->state_pixels / nodes;
        return (NetPlace){graph, i, at / s->state_pixels % nodes, at % s->state_pixels, s->state_pixels};
    }
    return v;
}

static void put_cause(const DnwrtTime *t, const DnwrtRun *r, char *text, size_t size)
{
    if (r->failure == FLOW_STEP_TOO_SMALL)
        snprintf(text, size, "needs steps below min_step = %.3g", t->min_step);
    else if (r->failure == FLOW_TOO_MANY_STEPS)
        snprintf(text, size, "has not reached the end after max_steps = %lld step%s", (long long)t->steps,
                 plural(t->steps, "s"));
    else snprintf(text, size, "is no longer finite, even with a step of %.3g", r->failed_step);
}

static void put_help(const DnwrtTime *t, const DnwrtRun *r, char *text, size_t size)
{
    if (r->failure == FLOW_STEP_TOO_SMALL)
        snprintf(text, size,
                 "a larger rtol (now %g) or a smaller min_step where states only change fast; tanh around "
                 "growing values, or a smaller learning rate, where they have no bound",
                 t->rtol);
    else if (r->failure == FLOW_TOO_MANY_STEPS)
        snprintf(text, size,
                 "a larger rtol (now %g), more max_steps, semi_implicit(n) where states decay fast, "
                 "or a smaller learning rate",
                 t->rtol);
    else
        snprintf(text, size,
                 "max or clamp around the arguments of log, sqrt and divisions, tanh around growing values, "
                 "or a smaller "
                 "learning rate");
}

static void describe(const Net *n, int graph, int64_t tile, bool alone, NetStep *step)
{
    const DnwrtTime *t = &n->times[graph];
    const DnwrtRun *r = &t->run[tile];
    int64_t state = 0;
    NetPlace v = place_of(n, graph, r->failed_row, &state);
    const NetSet *s = &n->graphs[graph].sets[v.set];
    char node[120], cause[120], which[32] = "", position[64] = "", sample[48] = "";
    terms_node(s, v.node, v.pixel, v.pixels, node, sizeof node);
    put_cause(t, r, cause, sizeof cause);
    if (s->states > 1) snprintf(which, sizeof which, ", state %lld", (long long)state + 1);
    if (t->positions > 1)
        snprintf(position, sizeof position, " of position %lld of the sequence",
                 (long long)r->failed_position + 1);
    if (!alone)
        snprintf(sample, sizeof sample, " of sample %lld of the batch",
                 (long long)(tile * n->lanes + r->failed_lane) + 1);
    snprintf(step->bad, sizeof step->bad,
             "graph '%s' cannot continue at time %.6g%s: it %s; the worst is %s%s%s: value %.4g, rate %.4g, "
             "error %.3g",
             n->graphs[graph].name, r->failed_time, position, cause, node, which, sample, r->failed_state,
             r->failed_rate, fabs(r->failed_error));
    if (!n->options.f64) /* the terms are read as floats */
        terms_note(n, &v, &(NetMoment){r->failed_sent, r->failed_held, r->failed_lane},
                   " when that step begins", step->terms, sizeof step->terms);
    put_help(t, r, step->help, sizeof step->help);
}

bool flow_failed(const Net *n, int64_t tiles, bool alone, NetStep *step)
{
    for (int i = 0; i < n->graph_count; i++)
        for (int64_t k = 0; n->times[i].stages && k < tiles; k++) {
            if (!n->times[i].run[k].failure) continue;
            describe(n, i, k, alone, step);
            return true;
        }
    return false;
}
