/* gradient_part.c: gradients of candidates at less cost, as `using dnw(refresh = , positions = , bf16 = )`
 * asks for.
 *
 * With `positions` a step computes one part of the rows (pixels times samples) for candidates that are not in
 * use, the next part at the next step: over as many steps everything is looked at once. With `refresh` only
 * every step of that many computes them at all. The parts are not counted up to the size of the whole: that
 * makes candidates overshoot those in use, and training worse or impossible
 * (docs/lab/2026-11-27-candidate-gradients.md). Edges in use get their exact gradient, by dot products of
 * their rows. With `bf16` the products of candidates have rounded factors (product.h), those of edges in
 * use do not.
 */
#include "gradient/gradient.h"
#include "gradient/product_sparse.h"
#include "common/simd.h"
#include "common/thread.h"
#define SUMS_NUMBER float
#include "kernels/sums.h"
#include <string.h>

static const NetList *list_of(const Net *n, const NetBundle *b)
{
    return &n->lists[n->graphs[b->line.graph].first_list + b->line.list];
}

bool gradient_is_estimate(const Net *n, const NetBundle *b)
{
    const NetList *l = list_of(n, b);
    return n->real_size == 4 &&
           (l->rule.refresh > 1 || l->rule.positions > 1 || gradient_bf16(n, b) || gradient_of_used(n, b));
}

/* ---- which part ---- */

enum { UNIT = 16 };

/* Tiles and evaluations take turns so that a step sees different positions. */
Stretch part_of(const Net *n, const NetBundle *b, int64_t turn)
{
    const NetList *l = list_of(n, b);
    int64_t inner = b->line.pixels * n->lanes, units = (inner + UNIT - 1) / UNIT, m = l->rule.positions,
            i = (n->context.step / l->rule.refresh + turn) % m, from = units * i / m * UNIT,
            end = units * (i + 1) / m * UNIT;
    if (n->context.step % l->rule.refresh && !b->line.full) return (Stretch){0, 0};
    return (Stretch){from, (end < inner ? end : inner) - from};
}

/* ---- edges in use ---- */

enum {
    AT_ONCE = 4,
    CHUNK = 128,
    VECTORS = CHUNK / 16
}; /* a chunk of all sources stays in the second-level cache */

#define INLINE static inline __attribute__((always_inline))

/* d . row over a chunk, as 16 partial sums of two chains */
INLINE void multiply(const Sixteen *d, const float *row, Sixteen *sum)
{
    Sixteen a = d[0] * *(const Sixteen *)row, b = d[1] * *(const Sixteen *)(row + 16);
#pragma GCC unroll 8
    for (int i = 2; i < VECTORS; i += 2) {
        a += d[i] * *(const Sixteen *)(row + 16 * i);
        b += d[i + 1] * *(const Sixteen *)(row + 16 * i + 16);
    }
    *sum = a + b;
}

/* Where the rows of one evaluation begin, and numbers from one node to the next. */
typedef struct Dots {
    const float *d, *z;
    int64_t d_step, z_step;
} Dots;

/* The sources of one target, and the sum of each. */
typedef struct Sources {
    const uint32_t *source;
    int64_t count;
    float *sum;
} Sources;

/* sum[i] += d of the target . z of source[i], over CHUNK numbers from `at` on */
RT_CLONES static void add_dots(const Dots *p, int64_t target, int64_t at, Sources s)
{
    const uint32_t *source = s.source;
    float *sum = s.sum;
    const float *d = p->d + target * p->d_step + at, *z = p->z + at;
    Sixteen x[VECTORS];
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS; i++)
        x[i] = *(const Sixteen *)(d + 16 * i), __builtin_prefetch(d + p->d_step + 16 * i); /* of the next */
    for (int64_t e = 0; e < s.count; e += AT_ONCE) {
        Sixteen y[AT_ONCE] = {{0}};
        const int64_t count = s.count - e < AT_ONCE ? s.count - e : AT_ONCE;
        if (count == AT_ONCE)
#pragma GCC unroll 4
            for (int i = 0; i < AT_ONCE; i++) multiply(x, z + source[e + i] * p->z_step, &y[i]);
        else
            for (int64_t i = 0; i < count; i++) multiply(x, z + source[e + i] * p->z_step, &y[i]);
        Four all = sums_of(y);
        if (count == AT_ONCE) *(Four *)(sum + e) += all;
        else
            for (int64_t i = 0; i < count; i++) sum[e + i] += all[i];
    }
}

/* sum[i] += d . row i over `count` numbers */
INLINE void short_dots(const float *d, const float *const *row, int64_t count, float *sum)
{
    Eight y[AT_ONCE] = {{0}};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
#pragma GCC unroll 4
        for (int k = 0; k < AT_ONCE; k++) y[k] += *(const Eight *)(d + i) * *(const Eight *)(row[k] + i);
    Four all = sums_of_eights(y);
    for (; i < count; i++)
        for (int k = 0; k < AT_ONCE; k++) all[k] += d[i] * row[k][i];
    *(Four *)sum += all;
}

/* The same over `count` numbers, fewer than CHUNK. */
RT_CLONES static void add_short_dots(const Dots *p, int64_t target, int64_t at, int64_t count, Sources s)
{
    const float *d = p->d + target * p->d_step + at, *row[AT_ONCE];
    for (int64_t e = 0; e < s.count; e += AT_ONCE) {
        const int64_t here = s.count - e < AT_ONCE ? s.count - e : AT_ONCE;
        float part[AT_ONCE] = {0};
        for (int64_t k = 0; k < AT_ONCE; k++)
            row[k] = p->z + s.source[e + (k < here ? k : 0)] * p->z_step + at;
        short_dots(d, row, count, part);
        for (int64_t k = 0; k < here; k++) s.sum[e + k] += part[k];
    }
}

/* sum[i] += d of the target . z of source[i], over `count` numbers from `at` on, CHUNK at most */
static void add_chunk(const Dots *p, int64_t target, int64_t at, int64_t count, Sources s)
{
    if (product_live(p->d + target * p->d_step + at, count < CHUNK ? count : CHUNK) == 0) return;
    if (count >= CHUNK) add_dots(p, target, at, s);
    else add_short_dots(p, target, at, count, s);
}

/* Gradients of the edges in use into targets first .. end, chunk after chunk of the rows of all of them. */
static void used_dots(const Net *n, NetBundle *b, int64_t tiles, int64_t first, int64_t end)
{
    const int64_t inner = b->line.pixels * n->lanes;
    const NetLearners l = net_learners(b);
    int64_t from, to;
    memset(b->used + l.row[first], 0, (size_t)(l.row[end] - l.row[first]) * 4);
    for (int64_t t = 0; t < tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            if (!flow_pair(n, b, t, k, &from, &to)) continue;
            const Dots p = {(const float *)tile_row(n, t, to), (const float *)tile_row(n, t, from),
                            b->rows.target_pitch * n->lanes, b->rows.source_pitch * n->lanes};
            for (int64_t at = 0; at < inner; at += CHUNK)
                for (int64_t v = first; v < end; v++)
                    add_chunk(&p, v, at, inner - at,
                              (Sources){l.source + l.row[v], l.row[v + 1] - l.row[v], b->used + l.row[v]});
        }
}

/* The first target of part i of `parts`, so that each has as many edges. */
static int64_t share_of(const NetBundle *b, int64_t i, int64_t parts)
{
    const uint32_t *row = net_learners(b).row;
    const int64_t targets = b->candidates.targets, edges = row[targets] * i / parts;
    int64_t v = 0;
    while (v < targets && row[v] < edges) v++;
    return i == parts ? targets : v;
}

typedef struct Used {
    Net *n;
    NetBundle *b;
    int64_t tiles;
} Used;

enum { USED_PIECE = 1 << 12 }; /* edges */

/* What the tiles have added up by source, to the order by target. */
static void used_of_tiles(void *job, int64_t piece)
{
    const Used *u = job;
    const NetBundle *b = u->b;
    const float *dots = (const float *)u->n->context.tiles + u->n->wires[b - u->n->bundles].dots;
    const int64_t edges = b->row[b->candidates.targets], end = (piece + 1) * USED_PIECE;
    for (int64_t e = piece * USED_PIECE; e < edges && e < end; e++) {
        float sum = 0;
        for (int64_t t = 0; t < u->tiles; t++) sum += dots[t * u->n->context.tile_stride + e];
        b->used[b->order_back[e]] = sum;
    }
}

static void used_share(void *job, int64_t i)
{
    const Used *u = job;
    const int threads = u->n->options.threads;
    used_dots(u->n, u->b, u->tiles, share_of(u->b, i, threads), share_of(u->b, i + 1, threads));
}

void part_used(Net *n, NetBundle *b, int64_t tiles)
{
    const int threads = n->options.threads;
    const bool added = n->wires[b - n->bundles].dots >= 0;
    const int64_t pieces = (b->row[b->candidates.targets] + USED_PIECE - 1) / USED_PIECE; /* of `added` */
    thread_share(threads, added ? pieces : threads, added ? used_of_tiles : used_share, &(Used){n, b, tiles});
}

void part_put_used(const Block *p, const FieldPart *part)
{
    const NetBundle *b = &p->n->bundles[part->line];
    const NetLearners l = net_learners(b);
    const BlockPlace here = block_common(part->place, p->place);
    const int64_t source = part->place.sources.from - p->place.sources.from;
    for (int64_t t = here.targets.from; t < here.targets.from + here.targets.count; t++) {
        const int64_t v = t - part->place.targets.from;
        float *row = (float *)p->scratch + (t - p->place.targets.from) * p->place.sources.count;
        for (uint32_t e = l.row[v]; e < l.row[v + 1]; e++) {
            const int64_t column = source + l.source[e];
            if (column >= 0 && column < p->place.sources.count) row[column] = b->used[e];
        }
    }
}

/* ---- candidates that each name their source ---- */

void part_list(const Block *p, const NetBundle *b, int64_t target, int64_t first, int64_t count)
{
    const Net *n = p->n;
    const NetLearners l = net_learners(b);
    float *out = (float *)p->scratch;
    int64_t from, to;
    memset(out, 0, (size_t)count * 4);
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            Stretch part = part_of(n, b, t + k);
            if (part.count == 0 || !flow_pair(n, b, t, k, &from, &to)) continue;
            const Dots rows = {(const float *)tile_row(n, t, to), (const float *)tile_row(n, t, from),
                               b->rows.target_pitch * n->lanes, b->rows.source_pitch * n->lanes};
            for (int64_t at = 0; at < part.count; at += CHUNK)
                add_chunk(&rows, target, part.from + at, part.count - at,
                          (Sources){p->field->parts[0].candidates->source + first, count, out});
        }
    for (uint32_t e = l.row[target]; e < l.row[target + 1] && gradient_is_estimate(n, b) && !p->sink; e++)
        if (net_learner(l, e) >= first && net_learner(l, e) < first + count)
            out[net_learner(l, e) - first] = b->used[e];
}
