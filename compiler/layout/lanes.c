/* lanes.c: how many samples a tile has.
 *
 * All values of a tile should stay in cache from where they are made to where they are read. A node with a
 * map has as many rows as pixels, so nets of maps get tiles of 16 samples, one vector; the kernels then find
 * their vectors in the pixels. Where what all nodes send takes more than 1 MiB, no second-level cache holds
 * it with sums and states. If vectors are of 8 numbers or fewer anyway, a tile then has 8, and half as much
 * comes from further away. Nets of numbers get 64: the lists of edges are walked once for four vectors.
 *
 * A tile that is not full computes as much as a full one, and threads share out tiles. So few samples a batch
 * get small tiles, and fewer than 8 with maps one sample each: vectors run along the pixels then.
 * docs/lab/2026-11-26-tiles.md has what was measured.
 */
#include "layout/lanes.h"
#include "kernels/kernel.h"

enum { ONE = 1, FEW = 8, SOME = 16, LARGE = 1 << 20 };

bool graph_has_maps(const Graph *g)
{
    for (int i = 0; i < g->sets.count; i++)
        if (shape_size(g->sets.at[i].map) > 1 || shape_size(g->sets.at[i].value_map) > 1) return true;
    return false;
}

static int64_t sent_bytes(const Graph *g, int lanes)
{
    int64_t numbers = 0;
    for (int i = 0; i < g->sets.count; i++)
        numbers += g->sets.at[i].size * shape_size(g->sets.at[i].value_map) * graph_copies(g);
    return numbers * lanes * (int64_t)sizeof(float);
}

int graph_lanes(const Graph *g, const Tiling *t)
{
    if (t->lanes) return t->lanes;
    if (!graph_has_maps(g)) return t->batch < MAX_LANES ? SOME : MAX_LANES;
    if (t->batch < FEW) return ONE;
    bool large = sent_bytes(g, SOME) > LARGE && !t->wide;
    return large || t->batch < 2 * SOME ? FEW : SOME;
}

int model_lanes(const Model *m, const Tiling *t)
{
    int lanes = t->lanes ? t->lanes : MAX_LANES;
    for (int i = 0; i < m->graphs.count; i++) {
        int wanted = graph_lanes(m->graphs.at[i], t);
        if (wanted < lanes) lanes = wanted;
    }
    return lanes;
}

int64_t model_least_batch(const Model *m, const Tiling *t)
{
    Tiling less = *t;
    if (t->lanes || t->batch == INT64_MAX) return 1;
    if (less.batch > MAX_LANES) less.batch = MAX_LANES;
    while (less.batch > 1) {
        less.batch--;
        if (model_lanes(m, &less) != m->lanes) return less.batch + 1;
    }
    return 1;
}
