/* gather.c: sums over the edges in use, for the lanes of one tile.
 *
 *     forward   out[t] (+)= sum over edges (s, node) of w * rows[s][t]
 *     backward  out[t] (+)= sum over edges (node, d) of w * rows[d][t]
 *
 * Lanes stay in registers over all edges of a node; each edge costs one load and one fused or separate
 * multiply-add a register. A node is a block of `pixels` rows, summed row by row. `fresh`: the sum starts at
 * 0 instead of what is in `out`.
 */
#include "kernel.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#endif

void KERNEL(gather)(const DnwrtWires *wires, int64_t node, const real *rows, real *out, int64_t pixels,
                    int64_t fresh);
void KERNEL(gather_back)(const DnwrtWires *wires, int64_t node, const real *rows, real *out, int64_t pixels,
                         int64_t fresh);

static inline __attribute__((always_inline)) void gather_rows(const uint32_t *index, const real *weight,
                                                              uint32_t first, uint32_t end, const real *rows,
                                                              real *out, int64_t pixels, int64_t fresh)
{
    enum { PARTS = LANES / WIDTH };
    Lanes sum[PARTS];
    for (int p = 0; p < PARTS; p++) sum[p] = fresh ? (Lanes){0} : *(const Lanes *)(out + p * WIDTH);
    for (uint32_t e = first; e < end; e++) {
        const real *row = rows + (int64_t)index[e] * pixels * LANES;
        real w = weight[e];
        for (int p = 0; p < PARTS; p++) sum[p] += w * *(const Lanes *)(row + p * WIDTH);
    }
    for (int p = 0; p < PARTS; p++) *(Lanes *)(out + p * WIDTH) = sum[p];
}

void KERNEL(gather)(const DnwrtWires *wires, int64_t node, const real *rows, real *out, int64_t pixels,
                    int64_t fresh)
{
    for (int64_t p = 0; p < pixels; p++)
        gather_rows(wires->source, wires->weight, wires->row[node], wires->row[node + 1], rows + p * LANES,
                    out + p * LANES, pixels, fresh);
}

void KERNEL(gather_back)(const DnwrtWires *wires, int64_t node, const real *rows, real *out, int64_t pixels,
                         int64_t fresh)
{
    for (int64_t p = 0; p < pixels; p++)
        gather_rows(wires->target, wires->weight_back, wires->column[node], wires->column[node + 1],
                    rows + p * LANES, out + p * LANES, pixels, fresh);
}
