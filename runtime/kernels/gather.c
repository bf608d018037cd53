/* gather.c: sums over the edges in use, for the lanes of one tile.
 *
 *     forward   out[v][t] (+)= sum over edges (s, v) of w * rows[s][t]
 *     backward  out[v][t] (+)= sum over edges (v, d) of w * rows[d][t]
 *
 * for `count` nodes v: those listed, or 0 .. count. A node is a block of `pixels` rows, blocks stand `pitch`
 * rows apart. To a sum a block is so many numbers in a row, whatever is a pixel or a lane: they are cut into
 * pieces of 128, 64, 32, 16, then of 8 or single ones. Piece after piece of all nodes is summed, so that what
 * they read in the meantime, one piece of each source, stays in cache. A piece stays in registers over all
 * edges of a node; each edge costs one load and one fused or separate multiply-add a register. `fresh`: the
 * sum starts at 0 instead of what is in `out`.
 *
 * gather_back_dots does on its way, with what it has loaded, the gradients of the weights of edges in use:
 *     dots[edge] += sum over t of own[v][t] * rows[d][t],   own: blocks of what the nodes v send
 * to the place in the tile that the bundle has for them, in its order by source; to nothing where it has
 * none.
 *
 * Sources that are the taps of filters (taps.h) share the rows of a map: of source s and pixel (i, j) of a
 * target those from pixel first[s] + i * row_step + j * run_step on. Their sums go run by run; backwards,
 * what belongs to each tap is added to the map.
 */
#include "gather.h"
#include "dense.h"
#define SUMS_NUMBER real
#include "sums.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#endif

/* Edges of one direction, by node. first: rows where the neighbours' begin; NULL: they are a step apart. */
typedef struct Lists {
    const uint32_t *row, *other;
    const real *weight;
    const uint32_t *first;
} Lists;

#define INLINE static inline __attribute__((always_inline))
typedef Sixteen Short;
typedef void Piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out, int64_t fresh);

INLINE const real *neighbour(const Lists *l, uint32_t e, const real *rows, int64_t step)
{
    return rows + (l->first ? (int64_t)l->first[l->other[e]] * LANES : (int64_t)l->other[e] * step);
}

/* Whole pieces are one vector type, so that their sums never leave the registers. */
#define LONG_PIECE(size)                                                                                     \
    typedef real Long##size                                                                                  \
        __attribute__((vector_size(size * sizeof(real)), aligned(sizeof(real)), may_alias));                 \
    INLINE void piece_of_##size(const Lists *l, int64_t node, const real *rows, int64_t step, real *out,     \
                                int64_t fresh)                                                               \
    {                                                                                                        \
        Long##size sum = fresh ? (Long##size){0} : *(const Long##size *)out;                                 \
        for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)                                           \
            sum += l->weight[e] * *(const Long##size *)neighbour(l, e, rows, step);                          \
        *(Long##size *)out = sum;                                                                            \
    }
LONG_PIECE(128)
LONG_PIECE(64)
LONG_PIECE(32)

INLINE void short_piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out,
                        int64_t fresh)
{
    Short sum = fresh ? (Short){0} : *(const Short *)out;
    for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)
        sum += l->weight[e] * *(const Short *)neighbour(l, e, rows, step);
    *(Short *)out = sum;
}

INLINE void eight_piece(const Lists *l, int64_t node, const real *rows, int64_t step, real *out,
                        int64_t fresh)
{
    Eight sum = fresh ? (Eight){0} : *(const Eight *)out;
    for (uint32_t e = l->row[node]; e < l->row[node + 1]; e++)
        sum += l->weight[e] * *(const Eight *)neighbour(l, e, rows, step);
    *(Eight *)out = sum;
}

/* Four sums side by side: an addition need not wait for the one before. */
INLINE void one_number(const Lists *l, int64_t node, const real *rows, int64_t step, real *out, int64_t fresh)
{
    real sum[4] = {fresh ? 0 : *out, 0, 0, 0};
    uint32_t e = l->row[node], end = l->row[node + 1];
    for (; e + 4 <= end; e += 4)
        for (uint32_t k = 0; k < 4; k++) sum[k] += l->weight[e + k] * *neighbour(l, e + k, rows, step);
    for (; e < end; e++) sum[0] += l->weight[e] * *neighbour(l, e, rows, step);
    *out = (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* What all nodes have in common, and the numbers of a block. first: rows where their blocks of `out` begin;
 * NULL: they are a step apart. */
typedef struct Nodes {
    Lists lists;
    const uint32_t *nodes, *first;
    int64_t count, step, out_step, block;
    const real *rows;
    real *out;
    int64_t fresh;
} Nodes;

/* Blocks of nodes stand apart, so no processor guesses which one is next: it is asked for while the edges of
 * nodes before it are summed. */
INLINE void fetch_ahead(const Nodes *n, const real *blocks, int64_t step, int64_t i, int64_t at, int64_t size)
{
    enum { AHEAD = 2, LINE = 64 / sizeof(real) };
    if (size < LINE || i + AHEAD >= n->count) return;
    int64_t node = n->nodes ? n->nodes[i + AHEAD] : i + AHEAD;
    for (int64_t k = 0; k < size; k += LINE) __builtin_prefetch(blocks + node * step + at + k, 1);
}

/* As many pieces of `size` numbers as there are from number `at` of a block on; returns where they end. */
INLINE int64_t pieces(const Nodes *n, Piece *piece, int64_t size, int64_t at)
{
    for (; at + size <= n->block; at += size)
        for (int64_t i = 0; i < n->count; i++) {
            int64_t node = n->nodes ? n->nodes[i] : i;
            if (!n->first) fetch_ahead(n, n->out, n->out_step, i, at, size);
            else if (n->lists.row[node] == n->lists.row[node + 1]) continue;
            real *out = n->out + (n->first ? (int64_t)n->first[node] * LANES : node * n->out_step);
            piece(&n->lists, node, n->rows + at, n->step, out + at, n->fresh);
        }
    return at;
}

INLINE int64_t node_of(const Nodes *n, int64_t i)
{
    return n->nodes ? n->nodes[i] : i;
}

/* Do all nodes read the same run of neighbours? Those of a node are in ascending order. */
INLINE bool is_dense(const Nodes *n)
{
    enum { FEW = 4 };
    const uint32_t *row = n->lists.row, *other = n->lists.other;
    if (LANES < 8 || n->count < FEW) return false;
    const uint32_t first = row[node_of(n, 0)], edges = row[node_of(n, 0) + 1] - first;
    if (edges < FEW) return false;
    for (int64_t i = 0; i < n->count; i++) {
        const uint32_t at = row[node_of(n, i)], end = row[node_of(n, i) + 1];
        if (end - at != edges || other[at] != other[first] || other[end - 1] - other[at] != edges - 1)
            return false;
    }
    return true;
}

/* The sums of dense nodes, as far as blocks have whole pieces; returns how many numbers that are. */
INLINE int64_t dense_pieces(const Nodes *n)
{
    const uint32_t first = n->lists.row[node_of(n, 0)];
    return KERNEL(dense)(
        &(DenseSums){.nodes = n->nodes,
                     .row = n->lists.row,
                     .weight = n->lists.weight,
                     .rows = n->rows + (n->lists.first ? 0 : n->lists.other[first] * n->step),
                     .first = n->lists.first ? n->lists.first + n->lists.other[first] : 0,
                     .out = n->out,
                     .count = n->count,
                     .edges = n->lists.row[node_of(n, 0) + 1] - first,
                     .step = n->step,
                     .out_step = n->out_step,
                     .block = n->block,
                     .fresh = n->fresh});
}

INLINE void gather_block(Nodes n, bool dense)
{
    const int64_t most = cpu_piece_bytes / (int64_t)sizeof(real);
    int64_t at = dense ? dense_pieces(&n) : 0;
    if (most >= 128 && LANES != 64) at = pieces(&n, piece_of_128, 128, at);
    if (most >= 64) at = pieces(&n, piece_of_64, 64, at);
    at = pieces(&n, piece_of_32, 32, at);
    if (LANES < 64) at = pieces(&n, short_piece, 16, at);
    if (LANES == 8) pieces(&n, eight_piece, 8, at);
    if (LANES < 8) pieces(&n, one_number, 1, at);
}

INLINE void gather_nodes(Nodes n)
{
    gather_block(n, is_dense(&n));
}

/* The caller sets rows, out and fresh. */
INLINE Nodes nodes_of(Lists lists, const uint32_t *nodes, int64_t count, const GatherSizes *s)
{
    return (Nodes){.lists = lists,
                   .nodes = nodes,
                   .count = count,
                   .step = s->pitch * LANES,
                   .out_step = s->out_pitch * LANES,
                   .block = s->pixels * LANES};
}

INLINE Lists forward_lists(const DnwrtWires *w)
{
    return (Lists){w->row, w->source, w->weight, 0};
}

INLINE Lists back_lists(const DnwrtWires *w)
{
    return (Lists){w->column, w->target, w->weight_back, 0};
}

void KERNEL(gather)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                    real *out, const GatherSizes *sizes, int64_t fresh)
{
    Nodes n = nodes_of(forward_lists(wires), nodes, count, sizes);
    n.rows = rows, n.out = out, n.fresh = fresh;
    gather_nodes(n);
}

void KERNEL(gather_back)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                         real *out, const GatherSizes *sizes, int64_t fresh)
{
    Nodes n = nodes_of(back_lists(wires), nodes, count, sizes);
    n.rows = rows, n.out = out, n.fresh = fresh;
    gather_nodes(n);
}

/* ---- taps ---- */

void KERNEL(gather_taps)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                         real *out, const GatherSizes *sizes, int64_t fresh)
{
    Nodes n = nodes_of(forward_lists(wires), nodes, count, sizes);
    n.lists.first = wires->first, n.out = out, n.fresh = fresh;
    const bool dense = is_dense(&n);
    for (int64_t i = 0; i < sizes->rows; i++)
        for (int64_t j = 0; j < sizes->runs; j++, n.out += n.block) {
            n.rows = rows + (i * sizes->row_step + j * sizes->run_step) * LANES;
            gather_block(n, dense);
        }
}

/* Added to what is in `out`: taps share the pixels of a map. */
void KERNEL(gather_taps_back)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                              real *out, const GatherSizes *sizes, int64_t fresh)
{
    Nodes n = nodes_of(back_lists(wires), nodes, count, sizes);
    n.first = wires->first, n.rows = rows, n.fresh = fresh;
    for (int64_t i = 0; i < sizes->rows; i++)
        for (int64_t j = 0; j < sizes->runs; j++, n.rows += n.block) {
            n.out = out + (i * sizes->row_step + j * sizes->run_step) * LANES;
            gather_block(n, false);
        }
}

/* ---- with gradients of weights ---- */

/* A node's edges, the block of its sum and that of its own value, all from one number of the block on. */
typedef struct Node {
    const uint32_t *other;
    const real *weight, *rows, *own;
    int64_t step;
    real *out, *dots; /* dots by edge */
} Node;
typedef void DotPiece(const Node *n, uint32_t edge, uint32_t end, int64_t fresh);

/* sum += w * row; the products of row and own as 16 partial sums, in two chains */
INLINE Short add_edge(const Node *n, uint32_t e, Short *sum, const Short *own, int parts)
{
    const Short *row = (const Short *)(n->rows + (int64_t)n->other[e] * n->step);
    const real w = n->weight[e];
    Short dot[2];
    for (int i = 0; i < parts; i++) {
        Short x = row[i];
        sum[i] += w * x;
        dot[i % 2] = i < 2 ? x * own[i] : dot[i % 2] + x * own[i];
    }
    return dot[0] + dot[1];
}

/* Of 16 * parts numbers. */
INLINE void parts_dots(const Node *n, uint32_t e, uint32_t end, int64_t fresh, int parts)
{
    Short sum[8], own[8];
    for (int i = 0; i < parts; i++) {
        sum[i] = fresh ? (Short){0} : ((const Short *)n->out)[i];
        own[i] = ((const Short *)n->own)[i];
    }
    for (; e + 4 <= end; e += 4) {
        Short dot[4];
        for (uint32_t k = 0; k < 4; k++) dot[k] = add_edge(n, e + k, sum, own, parts);
        *(Four *)(n->dots + e) += sums_of(dot);
    }
    for (; e < end; e++) n->dots[e] += sums_of((Short[4]){add_edge(n, e, sum, own, parts)})[0];
    for (int i = 0; i < parts; i++) ((Short *)n->out)[i] = sum[i];
}

INLINE void dots_of_128(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    parts_dots(n, e, end, fresh, 8);
}

/* Edges e .. e + count (at most 4) over a piece of `size` numbers: 16 registers of AVX do not hold the sum
 * and its own value, but one load of both serves four edges. */
INLINE Four edges_dots(const Node *n, uint32_t e, int count, int64_t size)
{
    const real *row[4];
    Eight w[4], dot[4] = {{0}, {0}, {0}, {0}};
    for (int k = 0; k < count; k++) {
        row[k] = n->rows + (int64_t)n->other[e + (uint32_t)k] * n->step;
        w[k] = n->weight[e + (uint32_t)k] + (Eight){0};
    }
    for (int64_t i = 0; i < size; i += 8) {
        Eight own = *(const Eight *)(n->own + i), sum = *(const Eight *)(n->out + i);
        for (int k = 0; k < count; k++) {
            Eight x = *(const Eight *)(row[k] + i);
            sum += w[k] * x;
            dot[k] += x * own;
        }
        *(Eight *)(n->out + i) = sum;
    }
    return sums_of_eights(dot);
}

INLINE void piece_dots(const Node *n, uint32_t e, uint32_t end, int64_t fresh, int64_t size)
{
    for (int64_t i = 0; fresh && i < size; i++) n->out[i] = 0;
    for (; e + 4 <= end; e += 4) *(Four *)(n->dots + e) += edges_dots(n, e, 4, size);
    for (; e < end; e++) n->dots[e] += edges_dots(n, e, 1, size)[0];
}

INLINE void dots_of_64(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    if (cpu_piece_bytes >= 512) parts_dots(n, e, end, fresh, 4);
    else piece_dots(n, e, end, fresh, 64);
}

INLINE void dots_of_32(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    if (cpu_piece_bytes >= 512) parts_dots(n, e, end, fresh, 2);
    else piece_dots(n, e, end, fresh, 32);
}

INLINE void short_dots(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    Short sum = fresh ? (Short){0} : *(const Short *)n->out, own = *(const Short *)n->own;
    for (; e < end; e++) {
        Short x = *(const Short *)(n->rows + (int64_t)n->other[e] * n->step);
        sum += n->weight[e] * x;
        n->dots[e] += sums_of((Short[4]){x * own})[0];
    }
    *(Short *)n->out = sum;
}

INLINE void eight_dots(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    piece_dots(n, e, end, fresh, 8);
}

INLINE void one_dot(const Node *n, uint32_t e, uint32_t end, int64_t fresh)
{
    real sum = fresh ? 0 : *n->out;
    for (; e < end; e++) {
        real x = n->rows[(int64_t)n->other[e] * n->step];
        sum += n->weight[e] * x;
        n->dots[e] += x * *n->own;
    }
    *n->out = sum;
}

/* Blocks of what the nodes send; gradients by edge. */
typedef struct Own {
    const real *rows;
    int64_t step;
    real *dots;
} Own;

/* As pieces(), with the nodes' own values. */
INLINE int64_t dot_pieces(const Nodes *n, Own own, DotPiece *piece, int64_t size, int64_t at)
{
    for (; at + size <= n->block; at += size)
        for (int64_t i = 0; i < n->count; i++) {
            const int64_t node = n->nodes ? n->nodes[i] : i;
            const Node one = {n->lists.other, n->lists.weight,
                              n->rows + at,   own.rows + node * own.step + at,
                              n->step,        n->out + node * n->out_step + at,
                              own.dots};
            fetch_ahead(n, n->out, n->out_step, i, at, size);
            fetch_ahead(n, own.rows, own.step, i, at, size);
            piece(&one, n->lists.row[node], n->lists.row[node + 1], n->fresh);
        }
    return at;
}

void KERNEL(gather_back_dots)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                              real *out, const GatherSizes *sizes, const GatherDots *dots)
{
    Nodes n = nodes_of(back_lists(wires), nodes, count, sizes);
    n.rows = rows, n.out = out, n.fresh = dots->fresh;
    if (wires->dots < 0) {
        gather_nodes(n);
        return;
    }
    const Own all = {dots->own, sizes->own_pitch * LANES, (real *)dots->tile + wires->dots};
    const int64_t most = cpu_piece_bytes / (int64_t)sizeof(real);
    int64_t at = most < 128 || LANES == 64 ? 0 : dot_pieces(&n, all, dots_of_128, 128, 0);
    if (most >= 64) at = dot_pieces(&n, all, dots_of_64, 64, at);
    at = dot_pieces(&n, all, dots_of_32, 32, at);
    if (LANES < 64) at = dot_pieces(&n, all, short_dots, 16, at);
    if (LANES == 8) dot_pieces(&n, all, eight_dots, 8, at);
    if (LANES < 8) dot_pieces(&n, all, one_dot, 1, at);
}
