/* gather.c: sums over the edges in use, for the lanes of one tile.
 *
 *     forward   out[v][t] (+)= sum over edges (s, v) of w * rows[s][t]
 *     backward  out[v][t] (+)= sum over edges (v, d) of w * rows[d][t]
 *
 * for `count` nodes v: those listed, or 0 .. count. A node is a block of `pixels` rows, blocks stand `pitch`
 * rows apart. Row after row of all nodes is summed, so that what they read in the meantime, one row of each
 * source, stays in cache. Lanes stay in registers over all edges of a node; each edge costs one load and one
 * fused or separate multiply-add a register. `fresh`: the sum starts at 0 instead of what is in `out`.
 */
#include "kernel.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#endif

void KERNEL(gather)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                    int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh);
void KERNEL(gather_back)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                         int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh);

/* Edges of one direction, by node. */
typedef struct Lists {
    const uint32_t *row, *other;
    const real *weight;
} Lists;

static inline __attribute__((always_inline)) void gather_row(const Lists *l, int64_t node, const real *rows,
                                                             int64_t pitch, real *out, int64_t fresh)
{
    Row sum = fresh ? (Row){0} : *(const Row *)out;
    for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)
        sum += l->weight[e] * *(const Row *)(rows + (int64_t)l->other[e] * pitch * LANES);
    *(Row *)out = sum;
}

static inline __attribute__((always_inline)) void gather_nodes(const Lists *l, const uint32_t *nodes,
                                                               int64_t count, const real *rows, int64_t pitch,
                                                               real *out, int64_t out_pitch, int64_t pixels,
                                                               int64_t fresh)
{
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t i = 0; i < count; i++) {
            int64_t node = nodes ? nodes[i] : i;
            gather_row(l, node, rows + p * LANES, pitch, out + (node * out_pitch + p) * LANES, fresh);
        }
}

void KERNEL(gather)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                    int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh)
{
    Lists l = {wires->row, wires->source, wires->weight};
    gather_nodes(&l, nodes, count, rows, pitch, out, out_pitch, pixels, fresh);
}

void KERNEL(gather_back)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                         int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh)
{
    Lists l = {wires->column, wires->target, wires->weight_back};
    gather_nodes(&l, nodes, count, rows, pitch, out, out_pitch, pixels, fresh);
}
