/* rt_gradient.c: the gradient of every candidate, and the update of their weights.
 *
 * Gradient of candidate (u, v): sum over samples of Z_u dL/dI_v ("Discovering Neural Wirings", Algorithm 1,
 * step 4), for a block of targets and sources at once by matrix multiplication, tile after tile in fixed
 * order; where candidates are few and far apart, pair by pair. A block of gradients stays in cache until its
 * weights are updated. Work is cut into blocks whatever the number of threads, so the bits do not depend on
 * it.
 */
#include "rt_blas.h"
#include "rt_gradient.h"
#include "rt_profile.h"
#include "rt_simd.h"
#include "rt_thread.h"
#include <string.h>

/* scratch (rows x columns) = dL/dI of the panel times Z of sources source .. source + columns, over all
 * samples and, in a graph that runs in time, all evaluations */
static void multiply(const Panel *p, int64_t source, int64_t columns)
{
    const NetBundle *b = p->b;
    int64_t from, to;
    int inner = (int)(b->pixels * p->n->lanes), d_step = (int)(b->target_pitch * p->n->lanes),
        z_step = (int)(b->source_pitch * p->n->lanes), more = 0;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++) {
            if (!flow_pair(p->n, b, t, k, &from, &to)) continue;
            const void *d = tile_row(p->n, t, to + p->first * b->target_pitch),
                       *z = tile_row(p->n, t, from + source * b->source_pitch);
            if (p->n->real_size == 4)
                blas_sgemm_nt((int)p->rows, (int)columns, inner, d, d_step, z, z_step, more,
                              (float *)p->scratch, (int)columns);
            else
                blas_dgemm_nt((int)p->rows, (int)columns, inner, d, d_step, z, z_step, more,
                              (double *)p->scratch, (int)columns);
            more = 1;
        }
    if (!more) memset(p->scratch, 0, (size_t)(p->rows * columns * p->n->real_size));
}

/* Hands over the gradients of candidates first .. first + count, which stand at `gradient`. */
static void deliver(const Panel *p, int64_t first, int64_t count, const char *gradient)
{
    const Net *n = p->n;
    int64_t at = p->b->param->offset + first;
    if (p->more) {
        for (int64_t i = 0; i < count && n->real_size == 4; i++)
            ((float *)n->grad)[at + i] += ((const float *)gradient)[i];
        for (int64_t i = 0; i < count && n->real_size == 8; i++)
            ((double *)n->grad)[at + i] += ((const double *)gradient)[i];
        return;
    }
    if (!p->update) {
        memcpy((char *)n->grad + at * n->real_size, gradient, (size_t)(count * n->real_size));
        return;
    }
    const Optim *o = n->options.optim;
    float *slot0 = n->slots[0] ? n->slots[0] + at : NULL, *slot1 = n->slots[1] ? n->slots[1] + at : NULL;
    optim_update(o, count, n->weights + at, (const float *)gradient, slot0, slot1, p->update->lr, o->decay, 1,
                 p->update->step + 1);
}

/* The sources that the runs of the panel span. */
static void panel_span(const Panel *p, int64_t *low, int64_t *high)
{
    CandidateRun run;
    *low = INT64_MAX, *high = 0;
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t r = 0; candidates_run(&p->b->candidates, t, r, &run); r++) {
            *low = run.source < *low ? run.source : *low;
            *high = run.source + run.length > *high ? run.source + run.length : *high;
        }
}

/* Candidates in runs: a product over the columns that the panel spans, then the legal part of each row. */
static void block_panel(const Panel *p)
{
    int64_t low, high;
    CandidateRun run;
    panel_span(p, &low, &high);
    for (int64_t s = low; s < high; s += COLUMNS) {
        int64_t columns = high - s < COLUMNS ? high - s : COLUMNS;
        if (gradient_in_part(p->n, p->b)) part_multiply(p, s, columns);
        else multiply(p, s, columns);
        for (int64_t t = p->first; t < p->first + p->rows; t++)
            for (int64_t r = 0; candidates_run(&p->b->candidates, t, r, &run); r++) {
                int64_t from = run.source > s ? run.source : s;
                int64_t end = run.source + run.length < s + columns ? run.source + run.length : s + columns;
                if (from >= end) continue;
                int64_t at = (t - p->first) * columns + from - s;
                deliver(p, run.first + from - run.source, end - from, p->scratch + at * p->n->real_size);
            }
    }
}

/* Sixteen partial sums, then one: always in the same order. */
RT_CLONES static float dot_f32(const float *a, const float *b, int64_t count)
{
    float part[16] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int k = 0; k < 16; k++) part[k] += a[i + k] * b[i + k];
    for (; i < count; i++) sum += a[i] * b[i];
    for (int k = 0; k < 16; k++) sum += part[k];
    return sum;
}

static double dot_f64(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static double pair_gradient(const Panel *p, int64_t target, int64_t source)
{
    const NetBundle *b = p->b;
    int64_t from, to;
    double sum = 0;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++) {
            if (!flow_pair(p->n, b, t, k, &from, &to)) continue;
            const void *d = tile_row(p->n, t, to + target * b->target_pitch),
                       *z = tile_row(p->n, t, from + source * b->source_pitch);
            sum += p->n->real_size == 4 ? (double)dot_f32(d, z, b->pixels * p->n->lanes)
                                        : dot_f64(d, z, b->pixels * p->n->lanes);
        }
    return sum;
}

/* Gradients of candidates first .. first + count, all into one target. */
static void pair_gradients(const Panel *p, int64_t target, int64_t first, int64_t count, char *out)
{
    const uint32_t *source = p->b->candidates.source + first;
    if (gradient_in_part(p->n, p->b)) {
        part_list(p, target, first, count, (float *)out);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        double sum = pair_gradient(p, target, source[i]);
        if (p->n->real_size == 4) ((float *)out)[i] = (float)sum;
        else ((double *)out)[i] = sum;
    }
}

/* Candidates that each name their source. */
static void list_panel(const Panel *p)
{
    const Candidates *c = &p->b->candidates;
    const int64_t room = (int64_t)PANEL * COLUMNS;
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t e = c->row[t]; e < c->row[t + 1]; e += room) {
            int64_t count = c->row[t + 1] - e < room ? c->row[t + 1] - e : room;
            pair_gradients(p, t, e, count, p->scratch);
            deliver(p, e, count, p->scratch);
        }
}

/* Which bundles: those of one graph, or (-1) all that do not go backwards in rounds. */
static int64_t panels_of(const Net *n, const NetBundle *b, int graph)
{
    if (b->target_row < 0 || b->candidates.count == 0) return 0;
    if (graph < 0 ? n->times && (n->times[b->graph].saved || n->times[b->graph].adjoint) : b->graph != graph)
        return 0;
    if (b->function) return b->gradients < 0 ? 0 : b->candidates.targets;
    return (b->candidates.targets + PANEL - 1) / PANEL;
}

int64_t gradient_scratch(const Net *n)
{
    return (int64_t)PANEL * COLUMNS + part_room() / n->real_size;
}

static void run_panels(Net *n, int64_t tiles, const NetUpdate *update, int graph, bool more)
{
    int64_t total = 0;
    for (int i = 0; i < n->bundle_count; i++) {
        int64_t panels = panels_of(n, &n->bundles[i], graph);
        if (panels && n->bundles[i].function) gradient_edge_rows(n, &n->bundles[i], tiles);
        else if (panels && gradient_is_estimate(n, &n->bundles[i])) part_used(n, &n->bundles[i], tiles);
        total += panels;
    }
#pragma omp parallel for num_threads(n->options.threads)                                                     \
    schedule(dynamic, 1) if (total > 1 && (n->functions || n->param_total * tiles > 1 << 14))
    for (int64_t k = 0; k < total; k++) {
        int64_t at = k;
        int i = 0;
        while (at >= panels_of(n, &n->bundles[i], graph)) at -= panels_of(n, &n->bundles[i++], graph);
        NetBundle *b = &n->bundles[i];
        dnwrt_lap(PROFILE_START);
        if (b->function) {
            gradient_edge_target(n, b, at, tiles, more);
            dnwrt_lap(profile_edges(i));
            continue;
        }
        int64_t left = b->candidates.targets - at * PANEL;
        Panel p = {n, b, update, more, at * PANEL, left < PANEL ? left : PANEL, tiles, NULL};
        p.scratch = (char *)n->scratch + (int64_t)thread_number() * gradient_scratch(n) * n->real_size;
        if (b->candidates.form == CANDIDATES_LIST) list_panel(&p);
        else block_panel(&p);
        dnwrt_lap(profile_edges(i));
    }
}

void gradient_edges(Net *n, int64_t tiles, const NetUpdate *update)
{
    run_panels(n, tiles, update, -1, false);
}

void gradient_round(Net *n, int64_t tiles, int graph, bool first)
{
    run_panels(n, tiles, NULL, graph, !first);
}
