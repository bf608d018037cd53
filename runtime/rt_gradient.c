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

/* Factors of one product: `inner` numbers of each row; elements of all tiles at which they begin, d for the
 * first target of the group, z for the first source of the block. Rounded ones stand at the same places. */
typedef struct Factors {
    int64_t d, lda, z, ldb, inner;
    bool add; /* to what is in scratch */
} Factors;

static void multiply_float(const Block *p, const BlockGroup *g, const ProductSpan *span, Factors f)
{
    const float *rows = p->n->context.tiles;
    (void)span;
    blas_sgemm_nt((int)g->rows, (int)(g->wanted.high - g->wanted.low), (int)f.inner, rows + f.d, (int)f.lda,
                  rows + f.z + g->wanted.low * f.ldb, (int)f.ldb, f.add,
                  (float *)p->scratch + g->first * p->columns + g->wanted.low, (int)p->columns);
}

static void multiply_double(const Block *p, const BlockGroup *g, const ProductSpan *span, Factors f)
{
    const double *rows = p->n->context.tiles;
    (void)span;
    blas_dgemm_nt((int)g->rows, (int)(g->wanted.high - g->wanted.low), (int)f.inner, rows + f.d, (int)f.lda,
                  rows + f.z + g->wanted.low * f.ldb, (int)f.ldb, f.add,
                  (double *)p->scratch + g->first * p->columns + g->wanted.low, (int)p->columns);
}

static void multiply_rounded(const Block *p, const BlockGroup *g, const ProductSpan *span, Factors f)
{
    const uint16_t *rows = p->n->rounded;
    product_bf16(&(Product){g->rows, p->columns, f.inner, rows + f.d, rows + f.z, f.lda, f.ldb, f.add,
                            (float *)p->scratch + g->first * p->columns, p->columns, span + g->first});
}

/* The rows of one group: over all samples and, in a graph that runs in time, all evaluations; where the rule
 * says so, over a part of them. */
static void multiply_group(const Block *p, const BlockGroup *g, const ProductSpan *span)
{
    const NetBundle *b = p->b;
    const Net *n = p->n;
    Factors f = {.lda = b->target_pitch * n->lanes, .ldb = b->source_pitch * n->lanes, .add = false};
    int64_t from, to;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            Stretch part = part_of(n, b, t + k);
            if (part.count == 0 || !flow_pair(n, b, t, k, &from, &to)) continue;
            int64_t at = t * n->context.tile_stride + part.from;
            f.d = at + to * n->lanes + (p->first + g->first) * f.lda;
            f.z = at + from * n->lanes + p->source * f.ldb;
            f.inner = part.count;
            (n->real_size == 8     ? multiply_double
             : gradient_bf16(n, b) ? multiply_rounded
                                   : multiply_float)(p, g, span, f);
            f.add = true;
        }
    if (!f.add)
        memset(p->scratch + g->first * p->columns * n->real_size, 0,
               (size_t)(g->rows * p->columns * n->real_size));
}

/* scratch (rows x columns) = dL/dI of the targets times Z of the sources, where candidates are. Products of
 * rounded factors leave out themselves what nobody wants. */
static void multiply(const Block *p)
{
    ProductSpan span[BLOCK_SIDE];
    block_spans(&p->b->candidates, (Stretch){p->first, p->rows}, (Stretch){p->source, p->columns}, span);
    for (int64_t i = 0; i < p->rows;) {
        BlockGroup g = (gradient_bf16(p->n, p->b) ? block_rows : block_group)(span, p->rows, i);
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

bool gradient_of_round(const Net *n, const NetBundle *b, int graph)
{
    const DnwrtTime *t = &n->times[b->graph];
    return graph < 0 ? !t->saved && !t->adjoint : b->graph == graph;
}

/* Edges with functions go target by target. */
static int64_t blocks_of(const Net *n, const NetBundle *b, int graph)
{
    if (b->target_row < 0 || b->candidates.count == 0 || !gradient_of_round(n, b, graph)) return 0;
    if (b->function) return b->gradients < 0 ? 0 : b->candidates.targets;
    return b->block_count;
}

int64_t gradient_scratch(const Net *n)
{
    const int64_t block = (int64_t)BLOCK_SIDE * BLOCK_SIDE;
    return n->edge_maps > block ? n->edge_maps : block;
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
    gradient_round_rows(n, tiles, graph);
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
