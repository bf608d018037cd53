/* gradient_rows.c: the rows that gradients of candidates are made of, and their rounding to bfloat16.
 *
 * Lines between the same node sets read the same rows; here each counts once.
 */
#include "gradient/gradient.h"
#include "common/thread.h"

static bool same_kind(const NetBundle *a, const NetBundle *b)
{
    return a->line.graph == b->line.graph && a->rows.plain == b->rows.plain; /* pairs are numbered alike */
}

/* From row `from` on; taps share the rows of maps. */
static NodeRows source_rows(const Net *n, const NetBundle *b, int64_t from)
{
    const Taps *t = &n->graphs[b->line.graph].taps;
    const int64_t map = t->pixels * n->lanes;
    if (b->first) return (NodeRows){from, b->candidates.sources / (t->size * t->size), map, map};
    return (NodeRows){from, b->candidates.sources, b->rows.source_pitch * n->lanes,
                      b->line.pixels * n->lanes};
}

int gradient_rows(const Net *n, int bundle, RowsWanted *wanted, int64_t tile, int64_t k, NodeRows *out)
{
    const NetBundle *b = &n->bundles[bundle];
    const int64_t block = b->line.pixels * n->lanes;
    int64_t from, to, other_from, other_to;
    bool value = n->graphs[b->line.graph].remake < 0, gradient = true; /* made again: not there */
    int count = 0;
    if (!flow_pair(n, b, tile, k, &from, &to)) return 0;
    for (int i = n->graphs[b->line.graph].first_bundle; i < bundle; i++) {
        const NetBundle *o = &n->bundles[i];
        if (!wanted(n, o) || !same_kind(o, b) || !flow_pair(n, o, tile, k, &other_from, &other_to)) continue;
        value &= other_from != from, gradient &= other_to != to;
    }
    if (value) out[count++] = source_rows(n, b, from);
    if (gradient)
        out[count++] = (NodeRows){to, b->candidates.targets, b->rows.target_pitch * n->lanes, block};
    return count;
}

/* ---- rounding ---- */

bool gradient_bf16(const Net *n, const NetBundle *b)
{
    return n->real_size == 4 && n->lists[n->graphs[b->line.graph].first_list + b->line.list].rule.bf16 &&
           product_bf16_available();
}

/* Only whole blocks of candidates are products. */
static bool has_products(const Net *n, const NetBundle *b)
{
    return gradient_bf16(n, b) && !b->line.function && b->rows.target >= 0 && b->candidates.count > 0 &&
           b->candidates.form != CANDIDATES_LIST;
}

static void round_rows(Net *n, int64_t tile, const NodeRows *r)
{
    const float *from = (const float *)tile_row(n, tile, r->row);
    uint16_t *to = n->rounded + tile * n->context.tile_stride + r->row * n->lanes;
    for (int64_t i = 0; i < r->nodes; i++) product_round(from + i * r->step, r->block, to + i * r->step);
}

typedef struct Rounding {
    Net *n;
    int64_t pairs;
    int graph;
} Rounding;

/* An evaluation of a tile, of all bundles. */
static void round_pair(void *job, int64_t item)
{
    const Rounding *r = job;
    Net *n = r->n;
    const int64_t tile = item / r->pairs, k = item % r->pairs;
    NodeRows rows[2];
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (!has_products(n, b) || !gradient_of_round(n, b, r->graph) || k >= flow_pairs(n, b, tile) ||
            part_of(n, b, tile + k).count == 0)
            continue;
        int count = gradient_rows(n, i, has_products, tile, k, rows);
        for (int side = 0; side < count; side++) round_rows(n, tile, &rows[side]);
    }
}

void gradient_round_rows(Net *n, int64_t tiles, int graph)
{
    int64_t pairs = 0;
    for (int i = 0; i < n->bundle_count; i++)
        for (int64_t t = 0; t < tiles && has_products(n, &n->bundles[i]); t++) {
            int64_t count = flow_pairs(n, &n->bundles[i], t);
            pairs = count > pairs ? count : pairs;
        }
    thread_share(n->options.threads, tiles * pairs, round_pair, &(Rounding){n, pairs, graph});
}
