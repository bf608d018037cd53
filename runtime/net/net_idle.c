/* net_idle.c: nodes that a training step taught nothing.
 *
 * Where the gradient of a node's sum is 0 for all samples of a step, no weight of an edge into it learns: its
 * relu was below 0 for all of them, or no edge in use leads on from it. The gradients lie in the tiles until
 * the next step, so they are only looked at. Graphs that go backwards in rounds keep theirs not so long; they
 * are left out, and so are sets whose size is learned.
 */
#include "net/net_private.h"
#include <stdio.h>

static bool all_zero(const float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (x[i] != 0) return false;
    return true;
}

static bool idle_node(const Net *n, const NetBundle *b, int64_t tiles, int64_t node)
{
    int64_t source, target;
    for (int64_t t = 0; t < tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            if (!flow_pair(n, b, t, k, &source, &target)) continue;
            const float *row = (const float *)n->context.tiles + t * n->context.tile_stride +
                               (target + node * b->rows.target_pitch) * n->lanes;
            if (!all_zero(row, b->line.pixels * n->lanes)) return false;
        }
    return true;
}

static bool has_gradients(const Net *n, const NetBundle *b)
{
    const bool sized = n->graphs[b->line.graph].sets[b->line.to].sized;
    return !sized && b->rows.target >= 0 && b->candidates.count > 0 && gradient_of_round(n, b, -1);
}

/* The first line into its set that has them: they are those of all. */
static bool stands_for_set(const Net *n, const NetBundle *b)
{
    for (const NetBundle *o = n->bundles; o < b; o++)
        if (o->line.graph == b->line.graph && o->line.to == b->line.to && has_gradients(n, o)) return false;
    return has_gradients(n, b);
}

NetIdle net_idle(const Net *n, int64_t samples)
{
    NetIdle r = {0};
    const int64_t tiles = (samples + n->lanes - 1) / n->lanes;
    for (const NetBundle *b = n->bundles; b < n->bundles + n->bundle_count; b++) {
        int64_t nodes = b->candidates.targets, idle = 0;
        if (!stands_for_set(n, b)) continue;
        for (int64_t v = 0; v < nodes; v++) idle += idle_node(n, b, tiles, v);
        r.nodes += nodes, r.idle += idle;
        if (idle * r.most_nodes <= r.most_idle * nodes && r.most_nodes) continue;
        r.most_idle = idle, r.most_nodes = nodes;
        snprintf(r.most, sizeof r.most, "%s.%s", n->graphs[b->line.graph].name,
                 n->graphs[b->line.graph].sets[b->line.to].name);
    }
    return r;
}
