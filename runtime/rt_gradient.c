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
#include "rt_product.h"
#include "rt_profile.h"
#include "rt_thread.h"
#include <string.h>

/* ---- products ---- */

/* Part of the rows of a tile, or of an evaluation: where those of the block begin in its factors. */
static void multiply_float(const Block *p, const BlockGroup *g, const ProductSpan *span, bool bf16,
                           const float *d, const float *z, int64_t inner, bool add)
{
    const int64_t lda = p->b->target_pitch * p->n->lanes, ldb = p->b->source_pitch * p->n->lanes;
    float *c = (float *)p->scratch + g->first * p->columns;
    void *room = p->scratch + (int64_t)BLOCK_SIDE * BLOCK_SIDE * 4;
    if (bf16)
        product_bf16(&(Product){g->rows, p->columns, inner, d, z, lda, ldb, add, c, p->columns,
                                span + g->first, room});
    else
        blas_sgemm_nt((int)g->rows, (int)(g->wanted.high - g->wanted.low), (int)inner, d, (int)lda,
                      z + g->wanted.low * ldb, (int)ldb, add, c + g->wanted.low, (int)p->columns);
}

static void multiply_double(const Block *p, const BlockGroup *g, const double *d, const double *z, bool add)
{
    const int64_t lda = p->b->target_pitch * p->n->lanes, ldb = p->b->source_pitch * p->n->lanes;
    double *c = (double *)p->scratch + g->first * p->columns;
    blas_dgemm_nt((int)g->rows, (int)(g->wanted.high - g->wanted.low), (int)(p->b->pixels * p->n->lanes), d,
                  (int)lda, z + g->wanted.low * ldb, (int)ldb, add, c + g->wanted.low, (int)p->columns);
}

/* The rows of one group: over all samples and, in a graph that runs in time, all evaluations; where the rule
 * says so, over a part of them. */
static void multiply_group(const Block *p, const BlockGroup *g, const ProductSpan *span)
{
    const NetBundle *b = p->b;
    const bool bf16 = gradient_bf16(p->n, b);
    int64_t from, to;
    bool add = false;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++) {
            Stretch part = part_of(p, t + k);
            if (part.count == 0 || !flow_pair(p->n, b, t, k, &from, &to)) continue;
            const void *d = tile_row(p->n, t, to + (p->first + g->first) * b->target_pitch),
                       *z = tile_row(p->n, t, from + p->source * b->source_pitch);
            if (p->n->real_size == 8) multiply_double(p, g, d, z, add);
            else
                multiply_float(p, g, span, bf16, (const float *)d + part.from, (const float *)z + part.from,
                               part.count, add);
            add = true;
        }
    if (!add)
        memset(p->scratch + g->first * p->columns * p->n->real_size, 0,
               (size_t)(g->rows * p->columns * p->n->real_size));
}

/* scratch (rows x columns) = dL/dI of the targets times Z of the sources, where candidates are */
static void multiply(const Block *p)
{
    const bool bf16 = gradient_bf16(p->n, p->b);
    ProductSpan span[BLOCK_SIDE];
    block_spans(&p->b->candidates, (Stretch){p->first, p->rows}, (Stretch){p->source, p->columns}, span);
    for (int64_t i = 0; i < p->rows;) {
        BlockGroup g = bf16 ? block_rows(span, p->rows, i) : block_group(span, p->rows, i);
        if (g.wanted.high > 0) multiply_group(p, &g, span);
        i += g.rows;
    }
    if (gradient_is_estimate(p->n, p->b)) part_put_used(p);
}

/* Hands over the gradients of candidates first .. first + count, which stand at `gradient`. */
static void deliver(const Block *p, int64_t first, int64_t count, const char *gradient)
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

/* Candidates in runs: the products of the block, then the legal part of each row. */
static void run_block(const Block *p)
{
    const int64_t end_column = p->source + p->columns;
    CandidateRun run;
    multiply(p);
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t r = 0; candidates_run(&p->b->candidates, t, r, &run); r++) {
            int64_t from = run.source > p->source ? run.source : p->source;
            int64_t end = run.source + run.length < end_column ? run.source + run.length : end_column;
            if (from >= end) continue;
            int64_t at = (t - p->first) * p->columns + from - p->source;
            deliver(p, run.first + from - run.source, end - from, p->scratch + at * p->n->real_size);
        }
}

/* ---- candidates that each name their source ---- */

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static double pair_gradient(const Block *p, int64_t target, int64_t source)
{
    const NetBundle *b = p->b;
    int64_t from, to;
    double sum = 0;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++)
            if (flow_pair(p->n, b, t, k, &from, &to))
                sum += dot((const double *)tile_row(p->n, t, to + target * b->target_pitch),
                           (const double *)tile_row(p->n, t, from + source * b->source_pitch),
                           b->pixels * p->n->lanes);
    return sum;
}

/* Gradients of candidates first .. first + count, all into one target. */
static void pair_gradients(const Block *p, int64_t target, int64_t first, int64_t count, char *out)
{
    if (p->n->real_size == 4) part_list(p, target, first, count, (float *)out);
    for (int64_t i = 0; i < count && p->n->real_size == 8; i++)
        ((double *)out)[i] = pair_gradient(p, target, p->b->candidates.source[first + i]);
}

/* Candidates that each name their source. */
static void list_block(const Block *p)
{
    const Candidates *c = &p->b->candidates;
    const int64_t room = (int64_t)BLOCK_SIDE * BLOCK_SIDE;
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t e = c->row[t]; e < c->row[t + 1]; e += room) {
            int64_t count = c->row[t + 1] - e < room ? c->row[t + 1] - e : room;
            pair_gradients(p, t, e, count, p->scratch);
            deliver(p, e, count, p->scratch);
        }
}

/* ---- blocks ---- */

/* Which bundles: those of one graph, or (-1) all that do not go backwards in rounds. Edges with functions go
 * target by target. */
static int64_t blocks_of(const Net *n, const NetBundle *b, int graph)
{
    if (b->target_row < 0 || b->candidates.count == 0) return 0;
    if (graph < 0 ? n->times && (n->times[b->graph].saved || n->times[b->graph].adjoint) : b->graph != graph)
        return 0;
    if (b->function) return b->gradients < 0 ? 0 : b->candidates.targets;
    return b->block_count;
}

int64_t gradient_scratch(const Net *n)
{
    return (int64_t)BLOCK_SIDE * BLOCK_SIDE + product_room(BLOCK_ROWS) / n->real_size;
}

static void one_block(Net *n, NetBundle *b, int64_t at, int64_t tiles, const NetUpdate *update, bool more)
{
    const Stretch targets = b->blocks[at].targets, sources = b->blocks[at].sources;
    char *scratch = (char *)n->scratch + (int64_t)thread_number() * gradient_scratch(n) * n->real_size;
    Block p = {n, b, update, more, targets.from, targets.count, sources.from, sources.count, tiles, scratch};
    if (b->candidates.form == CANDIDATES_LIST) list_block(&p);
    else run_block(&p);
}

static void run_blocks(Net *n, int64_t tiles, const NetUpdate *update, int graph, bool more)
{
    int64_t total = 0;
    for (int i = 0; i < n->bundle_count; i++) {
        int64_t blocks = blocks_of(n, &n->bundles[i], graph);
        if (blocks && n->bundles[i].function) gradient_edge_rows(n, &n->bundles[i], tiles);
        else if (blocks && gradient_is_estimate(n, &n->bundles[i])) part_used(n, &n->bundles[i], tiles);
        total += blocks;
    }
#pragma omp parallel for num_threads(n->options.threads)                                                     \
    schedule(dynamic, 1) if (total > 1 && (n->functions || n->param_total * tiles > 1 << 14))
    for (int64_t k = 0; k < total; k++) {
        int64_t at = k;
        int i = 0;
        while (at >= blocks_of(n, &n->bundles[i], graph)) at -= blocks_of(n, &n->bundles[i++], graph);
        NetBundle *b = &n->bundles[i];
        dnwrt_lap(PROFILE_START);
        if (b->function) gradient_edge_target(n, b, at, tiles, more);
        else one_block(n, b, at, tiles, update, more);
        dnwrt_lap(profile_edges(i));
    }
}

void gradient_edges(Net *n, int64_t tiles, const NetUpdate *update)
{
    run_blocks(n, tiles, update, -1, false);
}

void gradient_round(Net *n, int64_t tiles, int graph, bool first)
{
    run_blocks(n, tiles, NULL, graph, !first);
}
