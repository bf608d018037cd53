/* rt_gradient_part.c: gradients of candidates at less cost, as `using dnw(refresh = , positions = , bf16 = )`
 * asks for.
 *
 * With `positions` a step computes one part of the rows (pixels times samples) for candidates that are not in
 * use, the next part at the next step: over as many steps everything is looked at once. With `refresh` only
 * every step of that many computes them at all. The parts are not counted up to the size of the whole: that
 * makes candidates overshoot those in use, and training worse or impossible (docs/numbers.md). Edges in use
 * get their exact gradient, by dot products of their rows. With `bf16` the products of all candidates are
 * made of rounded factors (rt_product.h).
 */
#include "rt_gradient.h"
#include "rt_product.h"
#include "rt_simd.h"
#include <string.h>

static const NetList *list_of(const Net *n, const NetBundle *b)
{
    return &n->lists[n->graphs[b->graph].first_list + b->list];
}

bool gradient_is_estimate(const Net *n, const NetBundle *b)
{
    const NetList *l = list_of(n, b);
    return n->real_size == 4 && (l->refresh > 1 || l->positions > 1);
}

bool gradient_bf16(const Net *n, const NetBundle *b)
{
    return list_of(n, b)->bf16 && product_bf16_available();
}

/* ---- which part ---- */

enum { UNIT = 16 };

/* Tiles and evaluations take turns so that a step sees different positions. */
Stretch part_of(const Block *p, int64_t turn)
{
    const NetList *l = list_of(p->n, p->b);
    int64_t inner = p->b->pixels * p->n->lanes, units = (inner + UNIT - 1) / UNIT, m = l->positions,
            i = (p->n->context.step / l->refresh + turn) % m, from = units * i / m * UNIT,
            end = units * (i + 1) / m * UNIT;
    if (p->n->context.step % l->refresh) return (Stretch){0, 0};
    return (Stretch){from, (end < inner ? end : inner) - from};
}

/* ---- edges in use ---- */

typedef float Lanes16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float Lanes8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef float Lanes4 __attribute__((vector_size(16), aligned(4), may_alias));
enum { AT_ONCE = 8, CHUNK = 128 }; /* a chunk of all sources stays in the second-level cache */

static inline __attribute__((always_inline)) float sum16(const Lanes16 *x)
{
    Lanes8 a = ((const Lanes8 *)x)[0] + ((const Lanes8 *)x)[1];
    Lanes4 b = ((const Lanes4 *)&a)[0] + ((const Lanes4 *)&a)[1];
    return (b[0] + b[2]) + (b[1] + b[3]);
}

/* sum[i] += d . (z + source[i] * step) over `count` numbers, for AT_ONCE sources at most */
RT_CLONES static void add_dots(const float *d, const float *z, int64_t step, const uint32_t *source,
                               int64_t sources, int64_t count, float *sum)
{
    const float *row[AT_ONCE];
    Lanes16 part[AT_ONCE] = {{0}};
    float total[AT_ONCE];
    int64_t k = 0;
    for (int i = 0; i < AT_ONCE; i++) row[i] = z + source[i < sources ? i : 0] * step;
    for (; k + 16 <= count; k += 16) {
        Lanes16 x = *(const Lanes16 *)(d + k);
#pragma GCC unroll 8
        for (int i = 0; i < AT_ONCE; i++) part[i] += x * *(const Lanes16 *)(row[i] + k);
    }
#pragma GCC unroll 8
    for (int i = 0; i < AT_ONCE; i++) total[i] = sum16(&part[i]);
    for (int i = 0; i < sources; i++) {
        for (int64_t j = k; j < count; j++) total[i] += d[j] * row[i][j];
        sum[i] += total[i];
    }
}

/* The same for any number of sources. */
static void add_all_dots(const float *d, const float *z, int64_t step, const uint32_t *source,
                         int64_t sources, int64_t count, float *sum)
{
    for (int64_t i = 0; i < sources; i += AT_ONCE)
        add_dots(d, z, step, source + i, sources - i < AT_ONCE ? sources - i : AT_ONCE, count, sum + i);
}

/* Gradients of the edges in use into targets first .. end, chunk after chunk of the rows of all of them. */
static void used_dots(const Net *n, NetBundle *b, int64_t tiles, int64_t first, int64_t end)
{
    const int64_t inner = b->pixels * n->lanes, d_step = b->target_pitch * n->lanes,
                  z_step = b->source_pitch * n->lanes;
    int64_t from, to;
    memset(b->used + b->row[first], 0, (size_t)(b->row[end] - b->row[first]) * 4);
    for (int64_t t = 0; t < tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            if (!flow_pair(n, b, t, k, &from, &to)) continue;
            const float *d = (const float *)tile_row(n, t, to), *z = (const float *)tile_row(n, t, from);
            for (int64_t at = 0; at < inner; at += CHUNK)
                for (int64_t v = first; v < end; v++)
                    add_all_dots(d + v * d_step + at, z + at, z_step, b->source + b->row[v],
                                 b->row[v + 1] - b->row[v], inner - at < CHUNK ? inner - at : CHUNK,
                                 b->used + b->row[v]);
        }
}

/* The first target of part i of `parts`, so that each has as many edges. */
static int64_t share_of(const NetBundle *b, int64_t i, int64_t parts)
{
    const int64_t targets = b->candidates.targets, edges = b->row[targets] * i / parts;
    int64_t v = 0;
    while (v < targets && b->row[v] < edges) v++;
    return i == parts ? targets : v;
}

void part_used(Net *n, NetBundle *b, int64_t tiles)
{
    const int threads = n->options.threads;
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
    for (int i = 0; i < threads; i++)
        used_dots(n, b, tiles, share_of(b, i, threads), share_of(b, i + 1, threads));
}

void part_put_used(const Block *p)
{
    const NetBundle *b = p->b;
    for (int64_t i = 0; i < p->rows; i++)
        for (uint32_t e = b->row[p->first + i]; e < b->row[p->first + i + 1]; e++)
            if (b->source[e] >= p->source && b->source[e] < p->source + p->columns)
                ((float *)p->scratch)[i * p->columns + b->source[e] - p->source] = b->used[e];
}

/* ---- candidates that each name their source ---- */

void part_list(const Block *p, int64_t target, int64_t first, int64_t count, float *out)
{
    const NetBundle *b = p->b;
    int64_t from, to;
    memset(out, 0, (size_t)count * 4);
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++) {
            Stretch part = part_of(p, t + k);
            if (part.count == 0 || !flow_pair(p->n, b, t, k, &from, &to)) continue;
            const float *d = (const float *)tile_row(p->n, t, to + target * b->target_pitch) + part.from,
                        *z = (const float *)tile_row(p->n, t, from) + part.from;
            add_all_dots(d, z, b->source_pitch * p->n->lanes, b->candidates.source + first, count, part.count,
                         out);
        }
    for (uint32_t e = b->row[target]; e < b->row[target + 1] && gradient_is_estimate(p->n, b); e++)
        if (b->candidate[e] >= first && b->candidate[e] < first + count)
            out[b->candidate[e] - first] = b->used[e];
}
