/* lanes.c: how many samples a tile has.
 *
 * All values of a tile should stay in cache from where they are made to where they are read. A node with a
 * map has as many rows as pixels, so nets of maps get tiles of 16 samples, one vector; the kernels then find
 * their vectors in the pixels. In time, nodes send new values at each evaluation: where these take more than
 * 1 MiB, no second-level cache holds them with states and sums. If vectors are of 8 numbers or fewer anyway,
 * a tile then has 8, and half as much comes from further away. Nets of numbers get 64: the lists of edges are
 * walked once for four vectors. docs/numbers.md has what was measured. `dnw build --lanes 1` is for single
 * samples.
 */
#include "lanes.h"
#include "kernel.h"
#include "target.h"
#include "timed.h"

enum { FEW = 8, SOME = 16, LARGE = 1 << 20 };

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

int graph_lanes(const Graph *g, const char *cpu)
{
    if (!graph_has_maps(g)) return MAX_LANES;
    bool large = is_timed(g) && sent_bytes(g, SOME) > LARGE;
    return large && !target_is_wide(cpu) ? FEW : SOME;
}

int model_lanes(const Model *m, const char *cpu)
{
    int lanes = MAX_LANES;
    for (int i = 0; i < m->graphs.count; i++) {
        int wanted = graph_lanes(m->graphs.at[i], cpu);
        if (wanted < lanes) lanes = wanted;
    }
    return lanes;
}
