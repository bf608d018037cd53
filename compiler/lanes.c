/* lanes.c: how many samples a tile has.
 *
 * All values of a tile should stay in the second-level cache from where they are made to where they are read.
 * A node with a map has as many rows as pixels, so nets of maps get tiles of 16 samples, one vector; the
 * kernels then find their vectors in the pixels. Nets of numbers get 64: the lists of edges are walked once
 * for four vectors. docs/numbers.md has what was measured. `dnw build --lanes 1` is for single samples.
 */
#include "lanes.h"

bool graph_has_maps(const Graph *g)
{
    for (int i = 0; i < g->sets.count; i++)
        if (shape_size(g->sets.at[i].map) > 1 || shape_size(g->sets.at[i].value_map) > 1) return true;
    return false;
}

int graph_lanes(const Graph *g)
{
    return graph_has_maps(g) ? 16 : 64;
}

int model_lanes(const Model *m)
{
    for (int i = 0; i < m->graphs.count; i++)
        if (graph_has_maps(m->graphs.at[i])) return 16;
    return 64;
}
