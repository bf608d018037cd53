/* dense.c: sums over nodes that all read the same run of neighbours: layers whose weights are all in use.
 *
 * Lists of edges cost a load for each multiply-add. Here a few nodes are summed side by side: what is loaded
 * of a neighbour serves all of them. Each number is summed in the order of the edges, as in gather.c: the
 * bits are the same.
 */
#include "dense.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#endif
#define INLINE static inline __attribute__((always_inline))

int64_t KERNEL(dense)(const DenseSums *d);

#if DNW_LANES < 8 || defined DNW_REAL_IS_DOUBLE
int64_t KERNEL(dense)(const DenseSums *d)
{
    (void)d;
    return 0;
}
#else
typedef real Sixteen __attribute__((vector_size(16 * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef real Eight __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));
enum { MOST = 6, VECTORS = 4 };

/* Sums of a few nodes. */
typedef struct Group {
    const real *weight[MOST];
    real *out[MOST];
} Group;

/* `nodes` nodes x `vectors` vectors from number `at` of a block on, in registers over all edges. */
#define TILE_OF(Vector, size)                                                                                \
    INLINE void tile_of_##size(const DenseSums *d, const Group *g, int64_t at, int nodes, int vectors)       \
    {                                                                                                        \
        Vector sum[MOST][VECTORS], x[VECTORS];                                                               \
        for (int i = 0; i < nodes; i++)                                                                      \
            for (int k = 0; k < vectors; k++)                                                                \
                sum[i][k] = d->fresh ? (Vector){0} : ((const Vector *)(g->out[i] + at))[k];                  \
        for (int64_t e = 0; e < d->edges; e++) {                                                             \
            const real *row = d->rows + (d->first ? (int64_t)d->first[e] * LANES : e * d->step) + at;        \
            for (int k = 0; k < vectors; k++) x[k] = ((const Vector *)row)[k];                               \
            for (int i = 0; i < nodes; i++)                                                                  \
                for (int k = 0; k < vectors; k++) sum[i][k] += g->weight[i][e] * x[k];                       \
        }                                                                                                    \
        for (int i = 0; i < nodes; i++)                                                                      \
            for (int k = 0; k < vectors; k++) ((Vector *)(g->out[i] + at))[k] = sum[i][k];                   \
    }
TILE_OF(Sixteen, 16)
TILE_OF(Eight, 8)

INLINE Group group_of(const DenseSums *d, int64_t first, int64_t nodes)
{
    Group g;
    for (int64_t i = 0; i < nodes; i++) {
        int64_t node = d->nodes ? d->nodes[first + i] : first + i;
        g.weight[i] = d->weight + d->row[node], g.out[i] = d->out + node * d->out_step;
    }
    return g;
}

/* As many of these nodes as registers hold: 6 x 4 sums of 16 numbers in 32 of them, 3 x 4 of 8 in 16. */
INLINE int64_t some_nodes(const DenseSums *d, int64_t first, int64_t at, bool wide)
{
    const int64_t left = d->count - first, nodes = wide ? (left >= 6   ? 6
                                                           : left >= 4 ? 4
                                                           : left >= 2 ? 2
                                                                       : 1)
                                                        : (left >= 3 ? 3 : 1);
    const Group g = group_of(d, first, nodes);
    if (nodes == 6) tile_of_16(d, &g, at, 6, 4);
    else if (nodes == 4) tile_of_16(d, &g, at, 4, 4);
    else if (nodes == 2) tile_of_16(d, &g, at, 2, 4);
    else if (nodes == 3) tile_of_8(d, &g, at, 3, 4);
    else if (wide) tile_of_16(d, &g, at, 1, 4);
    else tile_of_8(d, &g, at, 1, 4);
    return nodes;
}

/* Piece after piece of all nodes: what they read stays in cache. */
int64_t KERNEL(dense)(const DenseSums *d)
{
    const bool wide = cpu_piece_bytes >= 512;
    const int64_t size = wide ? 64 : 32;
    int64_t at = 0;
    for (; at + size <= d->block; at += size)
        for (int64_t i = 0; i < d->count;) i += some_nodes(d, i, at, wide);
    return at;
}
#endif
