/* net_bad.c: what went bad first in a training step whose loss or gradients are not finite, in words: a
 * weight, the input, a node with what reached it, a gradient, the loss. The rows of the step are all in
 * memory still; graphs in equal steps that do not keep all of them run again.
 */
#include "common/simd.h"
#include "common/plural.h"
#include "net/terms.h"
#include <math.h>
#include <stdio.h>

/* x - x is 0 for every finite x and NaN for the others. */
RT_CLONES bool net_all_finite(const float *x, int64_t count)
{
    float part[16] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int k = 0; k < 16; k++) part[k] += x[i + k] - x[i + k];
    for (; i < count; i++) sum += x[i] - x[i];
    for (int k = 0; k < 16; k++) sum += part[k];
    return sum == 0;
}

static const float *tile_row(const Net *n, int64_t tile, int64_t row)
{
    return (const float *)n->context.tiles + tile * n->context.tile_stride + row * n->lanes;
}

/* ---- nodes ---- */

/* `count` blocks of `pixels` rows, `pitch` rows apart, the first at `row`. */
typedef struct Blocks {
    int64_t row, count, pixels, pitch;
} Blocks;

/* The first number that is not finite among them, of samples only. */
typedef struct Bad {
    int64_t tile, block, pixel, lane;
    double value;
} Bad;

static bool find_bad(const Net *n, int64_t tile, Blocks b, Bad *bad)
{
    int64_t samples = n->context.count - tile * n->lanes;
    if (samples > n->lanes) samples = n->lanes;
    for (int64_t i = 0; i < b.count; i++) {
        const float *block = tile_row(n, tile, b.row + i * b.pitch);
        if (net_all_finite(block, b.pixels * n->lanes)) continue;
        for (int64_t k = 0; k < b.pixels * n->lanes; k++) {
            if (isfinite(block[k]) || k % n->lanes >= samples) continue;
            *bad =
                (Bad){tile, i, k / n->lanes, k % n->lanes, isnan(block[k]) ? (double)NAN : (double)block[k]};
            return true;
        }
    }
    return false;
}

/* "h[3] in graph 'Wiring' VERB nan[ WHEN] for sample 5 of the batch" */
static void tell(const Net *n, const NetPlace *v, const char *verb, const Bad *bad, const char *when,
                 NetStep *step)
{
    const NetGraph *g = &n->graphs[v->graph];
    char node[120];
    terms_node(&g->sets[v->set], v->node, v->pixel, v->pixels, node, sizeof node);
    snprintf(step->bad, sizeof step->bad, "%s in graph '%s' %s %g%s for sample %lld of the batch", node,
             g->name, verb, bad->value, when, (long long)(bad->tile * n->lanes + bad->lane) + 1);
}

/* A graph that runs once: in the order of its nodes. */
static bool bad_in_static(const Net *n, int graph, int64_t tile, NetStep *step)
{
    const NetGraph *g = &n->graphs[graph];
    const DnwrtOrder *order = &n->orders[graph];
    for (int64_t p = 0; p < order->phases; p++)
        for (int64_t i = 0; i < order->count[p]; i++) {
            int set = (int)order->set[p];
            const NetSet *s = &g->sets[set];
            int64_t node = order->nodes[order->first[p] + i];
            Bad bad;
            if (!find_bad(n, tile,
                          (Blocks){g->value_row + s->first + node * s->value_pitch, 1, s->value_pixels, 0},
                          &bad))
                continue;
            NetPlace v = {graph, set, node, bad.pixel, s->value_pixels};
            tell(n, &v, "is", &bad, "", step);
            terms_note(n, &v,
                       &(NetMoment){tile_row(n, tile, g->value_row),
                                    (const float *)net_sources(n, graph, tile) + g->held_row * n->lanes,
                                    bad.lane},
                       "", step->terms, sizeof step->terms);
            return true;
        }
    return false;
}

/* Where a sample that chooses its steps is in time when a step of its tile begins. */
static double time_at(const Net *n, const DnwrtRun *r, int64_t step, int64_t position, int64_t lane)
{
    const float *h = r->h;
    double gone = 0;
    for (int64_t i = step - 1; i >= 0 && r->position[i] == position; i--)
        gone += (double)h[i * n->lanes + lane];
    return gone;
}

enum { WHEN = 120 }; /* bytes of such words */

/* " after 3 of 8 steps", " at time 0.4", and where in a sequence: when evaluation e of the window begins. */
static void put_time(const Net *n, int graph, int64_t tile, int64_t e, int64_t lane, char text[WHEN])
{
    const DnwrtTime *t = &n->times[graph];
    const DnwrtRun *r = &t->run[tile];
    int64_t number = r->first + e / t->stages, at = number < r->accepted ? number : r->accepted - 1;
    int64_t position = t->adaptive ? r->position[at] : at / t->steps, step = number - position * t->steps;
    int used;
    if (t->end <= t->start)
        used = snprintf(text, WHEN, " after %lld of %lld step%s", (long long)step, (long long)t->steps,
                        plural(t->steps, "s"));
    else {
        double time = t->adaptive ? time_at(n, r, number, position, lane) : (double)step * t->step;
        used = snprintf(text, WHEN, " at time %.6g", t->start + time);
    }
    if (t->positions > 1)
        snprintf(text + used, WHEN - (size_t)used, " of position %lld of the sequence",
                 (long long)position + 1);
}

/* What all nodes send and what is held in evaluation e of the window. */
static NetMoment moment_of(const Net *n, int graph, int64_t tile, int64_t e, int64_t lane)
{
    const DnwrtTime *t = &n->times[graph];
    const DnwrtRun *r = &t->run[tile];
    const NetGraph *g = &n->graphs[graph];
    int64_t step = r->first + e / t->stages, position = t->adaptive ? r->position[step] : step / t->steps;
    return (NetMoment){tile_row(n, tile, g->value_row + e * (t->states + t->sent) + t->states),
                       tile_row(n, tile, g->held_row + position * t->held), lane};
}

/* The states and what is sent in evaluation e, set by set. */
static bool bad_in_evaluation(const Net *n, int graph, int64_t tile, int64_t e, NetStep *step)
{
    const DnwrtTime *t = &n->times[graph];
    const NetGraph *g = &n->graphs[graph];
    int64_t row = g->value_row + e * (t->states + t->sent);
    char when[WHEN];
    for (int i = 0; i < g->set_count; i++) {
        const NetSet *s = &g->sets[i];
        int64_t nodes = s->wiring.size;
        Bad bad;
        if (s->moves &&
            find_bad(n, tile,
                     (Blocks){row + s->first_state, s->states * nodes, s->state_pixels, s->state_pixels},
                     &bad)) {
            NetPlace v = {graph, i, bad.block % nodes, bad.pixel, s->state_pixels};
            char verb[40] = "is";
            if (s->states > 1)
                snprintf(verb, sizeof verb, "has as state %lld", (long long)(bad.block / nodes) + 1);
            put_time(n, graph, tile, e, bad.lane, when);
            tell(n, &v, verb, &bad, when, step);
            if (e > 0) {
                NetMoment m = moment_of(n, graph, tile, e - 1, bad.lane);
                terms_note(n, &v, &m, " just before", step->terms, sizeof step->terms);
            }
            return true;
        }
        if (s->moves &&
            find_bad(n, tile, (Blocks){row + t->states + s->first, nodes, s->value_pixels, s->value_pitch},
                     &bad)) {
            NetPlace v = {graph, i, bad.block, bad.pixel, s->value_pixels};
            put_time(n, graph, tile, e, bad.lane, when);
            tell(n, &v, "sends", &bad, when, step);
            return true;
        }
    }
    return false;
}

/* In the window. The adjoint leaves the evaluations of its way back. */
static bool bad_in_time(const Net *n, int graph, int64_t tiles, NetStep *step)
{
    const DnwrtTime *t = &n->times[graph];
    int64_t most = 0;
    for (int64_t k = 0; k < tiles; k++) most = t->run[k].count > most ? t->run[k].count : most;
    for (int64_t e = 0; e <= most * t->stages && !t->adjoint; e++)
        for (int64_t k = 0; k < tiles; k++)
            if (e <= t->run[k].count * t->stages && bad_in_evaluation(n, graph, k, e, step)) return true;
    return false;
}

/* Forwards again, a graph in equal steps up to `count` of them, so that the last window before is in memory.
 */
static void run_until(Net *n, const NetBatch *batch, int graph, int64_t tiles, int64_t count)
{
    DnwrtRun *run = n->times[graph].run;
    for (int64_t k = 0; k < tiles; k++) run[k].replay = 1, run[k].accepted = count;
    net_run_forward(n, &n->train, batch, n->context.step);
    for (int64_t k = 0; k < tiles; k++) run[k].replay = 0;
}

/* Where not all steps are in memory: the window is looked for from which on numbers are not finite. */
static bool bad_in_windows(Net *n, const NetBatch *batch, int graph, int64_t tiles, NetStep *step)
{
    const DnwrtTime *t = &n->times[graph];
    int64_t all = t->positions * t->steps, good = 0, bad = (all - 1) / t->window + 1;
    run_until(n, batch, graph, tiles, all);
    if (!bad_in_time(n, graph, tiles, step)) return false;
    while (bad - good > 1) {
        int64_t middle = (good + bad) / 2;
        run_until(n, batch, graph, tiles, middle * t->window);
        if (bad_in_time(n, graph, tiles, step)) bad = middle;
        else good = middle;
    }
    run_until(n, batch, graph, tiles, bad * t->window < all ? bad * t->window : all);
    return bad_in_time(n, graph, tiles, step);
}

static bool bad_node(Net *n, const NetBatch *batch, int64_t tiles, NetStep *step)
{
    for (int i = 0; i < n->graph_count; i++) {
        const DnwrtTime *time = &n->times[i];
        if (n->graphs[i].value_row < 0) continue;
        if (time->stages) {
            bool windows = time->saved && !time->adaptive;
            if (windows ? bad_in_windows(n, batch, i, tiles, step) : bad_in_time(n, i, tiles, step))
                return true;
            continue;
        }
        for (int64_t t = 0; t < tiles; t++)
            if (bad_in_static(n, i, t, step)) return true;
    }
    return false;
}

/* ---- the rest ---- */

const char *net_bad_param(const Net *n, const float *values, bool edges)
{
    for (int i = 0; i < n->param_count; i++)
        if ((edges || !n->params[i].edges || n->params[i].rounds) &&
            !net_all_finite(values + n->params[i].offset, n->params[i].size))
            return n->params[i].name;
    return NULL;
}

/* Padded samples, in which NaN has a meaning, were checked when they were read. */
static bool bad_input(const Net *n, const NetBatch *b, int64_t tiles)
{
    if (b->data && b->data->padded) return false;
    for (int64_t t = 0; t < tiles && n->train.input_row >= 0; t++)
        if (!net_all_finite(tile_row(n, t, n->train.input_row), n->inputs * n->lanes)) return true;
    return false;
}

static bool bad_gradients(const Net *n, int64_t tiles, NetStep *step)
{
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        const NetGraph *g = &n->graphs[b->line.graph];
        for (int64_t t = 0; t < tiles && b->rows.target >= 0; t++) {
            Bad bad;
            if (!find_bad(
                    n, t,
                    (Blocks){b->rows.target, b->candidates.targets, b->line.pixels, b->rows.target_pitch},
                    &bad))
                continue;
            snprintf(step->bad, sizeof step->bad, "the gradients of node set '%s' in graph '%s'",
                     g->sets[b->line.to].name, g->name);
            return true;
        }
    }
    return false;
}

void net_describe_bad(Net *n, const NetBatch *batch, int64_t tiles, NetStep *step)
{
    const char *weight = net_bad_param(n, n->weights, true),
               *gradient = net_bad_param(n, n->grad, net_stores_gradients(n));
    if (weight) snprintf(step->bad, sizeof step->bad, "weight '%s'", weight);
    else if (bad_input(n, batch, tiles)) snprintf(step->bad, sizeof step->bad, "the input");
    else if (bad_node(n, batch, tiles, step) || bad_gradients(n, tiles, step)) return;
    else if (gradient) snprintf(step->bad, sizeof step->bad, "the gradient of '%s'", gradient);
    else snprintf(step->bad, sizeof step->bad, "the loss");
}

bool net_result_finite(const Net *n, const NetBatch *batch, NetStep *step)
{
    const int64_t tiles = (batch->count + n->lanes - 1) / n->lanes;
    Bad bad;
    for (int64_t t = 0; t < tiles; t++) {
        if (!find_bad(n, t, (Blocks){n->infer.output_row, n->outputs, 1, 1}, &bad)) continue;
        snprintf(step->bad, sizeof step->bad, "output %lld is %g for sample %lld", (long long)bad.block + 1,
                 bad.value, (long long)(batch->first + t * n->lanes + bad.lane) + 1);
        return false;
    }
    if (isfinite(step->loss)) return true;
    snprintf(step->bad, sizeof step->bad, "the loss is %g over samples %lld .. %lld",
             isnan(step->loss) ? (double)NAN : step->loss, (long long)batch->first + 1,
             (long long)(batch->first + batch->count));
    return false;
}

bool net_step_failed(const NetStep *step, const char *where, RtError *e)
{
    rt_fail(e, RT_BAD_INPUT, "%s%s", where, step->bad);
    if (step->terms[0]) rt_help(e, "note: %s", step->terms);
    return step->help[0] ? rt_help(e, "%s", step->help) : false;
}
