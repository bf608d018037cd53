/* gather.c: sums over the edges in use, for the lanes of one tile.
 *
 *     forward   out[v][t] (+)= sum over edges (s, v) of w * rows[s][t]
 *     backward  out[v][t] (+)= sum over edges (v, d) of w * rows[d][t]
 *
 * for `count` nodes v: those listed, or 0 .. count. A node is a block of `pixels` rows, blocks stand `pitch`
 * rows apart. To a sum a block is so many numbers in a row, whatever is a pixel or a lane: they are cut into
 * pieces of LONG, then of 16, then single ones. Piece after piece of all nodes is summed, so that what they
 * read in the meantime, one piece of each source, stays in cache. A piece stays in registers over all edges
 * of a node; each edge costs one load and one fused or separate multiply-add a register. `fresh`: the sum
 * starts at 0 instead of what is in `out`.
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

#define INLINE static inline __attribute__((always_inline))
enum { LONG = LANES < 64 ? 128 : 64 };
typedef real Long __attribute__((vector_size(LONG * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef real Short __attribute__((vector_size(16 * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef void Piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out, int64_t fresh);

INLINE void long_piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out, int64_t fresh)
{
    Long sum = fresh ? (Long){0} : *(const Long *)out;
    for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)
        sum += l->weight[e] * *(const Long *)(rows + (int64_t)l->other[e] * step);
    *(Long *)out = sum;
}

INLINE void short_piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out,
                        int64_t fresh)
{
    Short sum = fresh ? (Short){0} : *(const Short *)out;
    for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)
        sum += l->weight[e] * *(const Short *)(rows + (int64_t)l->other[e] * step);
    *(Short *)out = sum;
}

/* Four sums side by side: an addition need not wait for the one before. */
INLINE void one_number(const Lists *l, int64_t node, const real *rows, int64_t step, real *out, int64_t fresh)
{
    real sum[4] = {fresh ? 0 : *out, 0, 0, 0};
    uint32_t e = l->row[node], end = l->row[node + 1];
    for (; e + 4 <= end; e += 4)
        for (int k = 0; k < 4; k++) sum[k] += l->weight[e + k] * rows[(int64_t)l->other[e + k] * step];
    for (; e < end; e++) sum[0] += l->weight[e] * rows[(int64_t)l->other[e] * step];
    *out = (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* What all nodes have in common, and the numbers of a block. */
typedef struct Nodes {
    Lists lists;
    const uint32_t *nodes;
    int64_t count, step, out_step, block;
    const real *rows;
    real *out;
    int64_t fresh;
} Nodes;

/* As many pieces of `size` numbers as there are from number `at` of a block on; returns where they end. */
INLINE int64_t pieces(const Nodes *n, Piece *piece, int64_t size, int64_t at)
{
    for (; at + size <= n->block; at += size)
        for (int64_t i = 0; i < n->count; i++) {
            int64_t node = n->nodes ? n->nodes[i] : i;
            piece(&n->lists, node, n->rows + at, n->step, n->out + node * n->out_step + at, n->fresh);
        }
    return at;
}

INLINE void gather_nodes(Lists lists, const uint32_t *nodes, int64_t count, const real *rows, int64_t pitch,
                         real *out, int64_t out_pitch, int64_t pixels, int64_t fresh)
{
    Nodes n = {lists, nodes, count, pitch * LANES, out_pitch * LANES, pixels * LANES, rows, out, fresh};
    int64_t at = pieces(&n, long_piece, LONG, 0);
    if (LANES < 64) at = pieces(&n, short_piece, 16, at);
    if (LANES < 16) pieces(&n, one_number, 1, at);
}

void KERNEL(gather)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                    int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh)
{
    gather_nodes((Lists){wires->row, wires->source, wires->weight}, nodes, count, rows, pitch, out, out_pitch,
                 pixels, fresh);
}

void KERNEL(gather_back)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                         int64_t pitch, real *out, int64_t out_pitch, int64_t pixels, int64_t fresh)
{
    gather_nodes((Lists){wires->column, wires->target, wires->weight_back}, nodes, count, rows, pitch, out,
                 out_pitch, pixels, fresh);
}
