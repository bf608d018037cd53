/* gen_edge.c: edges with functions as code.
 *
 * Three walks over edges in use, each a loop over the edges of one node in order and over the lanes of a row:
 * what they add to the node's sum; the gradient of the value that it sends; the gradient of its own value as
 * a target, and of the weights that all edges of the bundle share. gen_candidate.c has what is done for all
 * candidates.
 */
#include "gen/gen_edge.h"
#include "kernels/kernel.h"
#include "model/timed.h"
#include <stddef.h>

static LLVMValueRef wires_of(GenTile *t, const Graph *g, int bundle)
{
    LLVMValueRef all = gen_context(t->e, t->context, CONTEXT_WIRES, t->e->ptr);
    return emit_bytes(t->e, all,
                      emit_address(t->e, (g->first_bundle + bundle) * (int64_t)sizeof(DnwrtWires)));
}

static LLVMValueRef wires_field(GenTile *t, const Graph *g, int bundle, size_t offset)
{
    Emit *e = t->e;
    return emit_load(e, e->ptr, emit_bytes(e, wires_of(t, g, bundle), emit_int(e, (int64_t)offset)));
}
#define FIELD(t, g, b, name) wires_field(t, g, b, offsetof(DnwrtWires, name))

static LLVMValueRef index_at(Emit *e, LLVMValueRef list, LLVMValueRef i)
{
    LLVMValueRef at = emit_bytes(e, list, emit_mul(e, i, emit_int(e, 4)));
    return LLVMBuildZExt(e->builder, emit_load(e, e->i32, at), e->i64, "");
}

/* The block of sum `k` of a node, counted from the one at `sums`. */
static LLVMValueRef sum_block(Emit *e, const GenEdges *r, GenBlocks sums, LLVMValueRef node, int k)
{
    const NodeSet *to = &r->g->sets.at[r->g->bundles.at[r->bundle].to];
    return gen_block(e, sums, emit_add(e, node, emit_int(e, k * to->size)));
}

Ends gen_ends(Emit *e, const GenEdges *r, LLVMValueRef source, LLVMValueRef target)
{
    const EdgeFn *f = r->g->bundles.at[r->bundle].edge;
    Ends ends = {{[SLOT_SOURCE] = gen_block(e, r->source, source)}};
    if (f->own) ends.arg[SLOT_OWN] = gen_block(e, r->own, target);
    for (int k = 0; k < f->fn.forward->results.count && r->d.first; k++)
        ends.arg[SLOT_D + k] = sum_block(e, r, r->d, target, k);
    ends.arg[SLOT_VALID] = r->valid;
    return ends;
}

LLVMValueRef *gen_edge_weights(GenTile *t, const EdgeFn *edge, const Func *f, LLVMValueRef candidate)
{
    const Norm *norms = t->norms;
    t->norms = edge->fn.norms.at;
    LLVMValueRef *weights = gen_cell_weights(t, f, candidate);
    t->norms = norms;
    return weights;
}

/* for each edge in use of `node`: by target (back false) or by source */
typedef struct EdgeLoop {
    EmitLoop loop;
    LLVMValueRef other, candidate; /* the node at its other end */
} EdgeLoop;

static EdgeLoop edge_loop(GenTile *t, const Graph *g, int b, LLVMValueRef node, bool back)
{
    Emit *e = t->e;
    LLVMValueRef row = back ? FIELD(t, g, b, column) : FIELD(t, g, b, row);
    LLVMValueRef others = back ? FIELD(t, g, b, target) : FIELD(t, g, b, source);
    LLVMValueRef candidates = back ? FIELD(t, g, b, candidate_back) : FIELD(t, g, b, candidate);
    LLVMValueRef first = index_at(e, row, node), end = index_at(e, row, emit_add(e, node, emit_int(e, 1)));
    EdgeLoop l = {.loop = emit_loop(e, emit_sub(e, end, first))};
    LLVMValueRef at = emit_add(e, first, l.loop.i);
    l.other = index_at(e, others, at);
    l.candidate = index_at(e, candidates, at);
    return l;
}

/* Number of the i-th node of a list; NULL: i. */
static LLVMValueRef node_of(Emit *e, LLVMValueRef nodes, LLVMValueRef i)
{
    return nodes ? index_at(e, nodes, i) : i;
}

/* Rows of one node += the results of f over its edges, each to its sum. */
static void add_edges(GenTile *t, const GenEdges *r, LLVMValueRef node, GenBlocks out, bool back)
{
    Emit *e = t->e;
    const EdgeFn *edge = r->g->bundles.at[r->bundle].edge;
    const Func *f = back ? edge->to_source : edge->fn.forward;
    CellResult results[MAX_PORTS] = {{RESULT_ADD, gen_block(e, out, node)}};
    for (int k = 1; k < f->results.count && !back; k++)
        results[k] = (CellResult){RESULT_ADD, sum_block(e, r, out, node, k)};
    EdgeLoop l = edge_loop(t, r->g, r->bundle, node, back);
    Ends ends = gen_ends(e, r, back ? node : l.other, back ? l.other : node);
    gen_cell_with(t, f, gen_edge_weights(t, edge, f, l.candidate), ends.arg, results);
    emit_loop_end(e, &l.loop);
}

static void add_all_edges(GenTile *t, const GenEdges *r, GenBlocks out, bool fresh, bool back)
{
    const Graph *g = r->g;
    const Bundle *u = &g->bundles.at[r->bundle];
    int64_t rows = back ? g->sets.at[u->from].value_pixels : g->sets.at[u->to].pixels;
    EmitLoop l = emit_loop(t->e, r->nodes.count);
    LLVMValueRef node = node_of(t->e, r->nodes.nodes, l.i);
    if (fresh) gen_zero_rows(t, gen_block(t->e, out, node), rows);
    add_edges(t, r, node, out, back);
    emit_loop_end(t->e, &l);
}

static bool reads_taps(const GenEdges *r)
{
    return has_taps(&r->g->taps) && r->g->bundles.at[r->bundle].from == r->g->input;
}

#define SET(field, value)                                                                                    \
    emit_store(e, value, emit_bytes(e, d, emit_int(e, (int64_t)offsetof(GatherDots, field))))

static LLVMValueRef gather_dots(GenTile *t, const GenEdges *r, bool fresh)
{
    Emit *e = t->e;
    LLVMValueRef d = emit_struct(e, sizeof(GatherDots));
    SET(own, r->source.first);
    SET(tile, t->tile);
    SET(fresh, emit_int(e, fresh));
    return d;
}
#undef SET

/* Blocks are one run of pixels, but those of taps (taps.h). */
static GatherSizes gather_sizes(const GenEdges *r, GenBlocks from, GenBlocks out, bool dots)
{
    const Bundle *u = &r->g->bundles.at[r->bundle];
    GatherSizes s = {.pitch = from.pitch,
                     .out_pitch = out.pitch,
                     .own_pitch = dots ? r->source.pitch : 0,
                     .pixels = r->g->sets.at[u->to].pixels};
    if (!reads_taps(r)) return s;
    const TapRuns runs = taps_runs(&r->g->taps);
    s.pixels = runs.pixels, s.runs = runs.runs, s.run_step = runs.run_step;
    s.rows = runs.rows, s.row_step = runs.row_step;
    return s;
}

/* Edges that are a weight: sums over the edges into the nodes ("gather") or out of them ("gather_back"); with
 * "gather_back_dots" gradients of the weights of edges in use are added up as well. */
static void gather(GenTile *t, const char *kernel, const GenEdges *r, GenBlocks from, GenBlocks out,
                   bool fresh)
{
    Emit *e = t->e;
    const Graph *g = r->g;
    const bool dots = strcmp(kernel, "gather_back_dots") == 0;
    const GatherSizes s = gather_sizes(r, from, out, dots);
    LLVMValueRef args[] = {wires_of(t, g, r->bundle),
                           r->nodes.nodes ? r->nodes.nodes : LLVMConstNull(e->ptr),
                           r->nodes.count,
                           from.first,
                           out.first,
                           emit_numbers(e, "blocks", sizeof s / sizeof(int64_t), (const int64_t *)&s),
                           dots ? gather_dots(t, r, fresh) : emit_int(e, fresh)};
    emit_kernel(e, kernel, e->none, sizeof args / sizeof *args, args);
}

void gen_edges_in(GenTile *t, const GenEdges *r, GenBlocks out, bool fresh)
{
    if (r->g->bundles.at[r->bundle].edge) add_all_edges(t, r, out, fresh, false);
    else gather(t, reads_taps(r) ? "gather_taps" : "gather", r, r->source, out, fresh);
}

void gen_edges_out(GenTile *t, const GenEdges *r, GenBlocks out, bool fresh)
{
    const Bundle *u = &r->g->bundles.at[r->bundle];
    if (u->edge) add_all_edges(t, r, out, fresh, true);
    else if (reads_taps(r)) gather(t, "gather_taps_back", r, r->d, out, fresh);
    else gather(t, edges_with_dots(r->g, u) ? "gather_back_dots" : "gather_back", r, r->d, out, fresh);
}

/* A vector for each of `count` sums, at 0. */
static LLVMValueRef *vectors(Emit *e, int count)
{
    LLVMValueRef *sums = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        sums[i] = emit_scratch(e, e->width);
        emit_store(e, emit_real(e, 0, true), sums[i]);
    }
    return sums;
}

bool edges_need_own(const Bundle *u)
{
    return u->edge && (u->edge->own || u->edge->shared.count);
}

static void own_edges(GenTile *t, const GenEdges *r, LLVMValueRef node, LLVMValueRef out, const Func *train)
{
    Emit *e = t->e;
    const EdgeFn *f = r->g->bundles.at[r->bundle].edge;
    LLVMValueRef *sums = vectors(e, f->shared.count);
    CellResult *results = NEW_ARRAY(e->arena, CellResult, (size_t)f->shared.count + 1);
    if (f->own) results[0] = (CellResult){RESULT_ADD, out};
    for (int i = 0; i < f->shared.count; i++) results[f->own + i] = (CellResult){RESULT_TOTAL, sums[i]};
    EdgeLoop l = edge_loop(t, r->g, r->bundle, node, false);
    Ends ends = gen_ends(e, r, l.other, node);
    gen_cell_with(t, f->to_own, gen_edge_weights(t, f, f->to_own, l.candidate), ends.arg, results);
    emit_loop_end(e, &l.loop);
    for (int i = 0; i < f->shared.count; i++)
        if (train) gen_weight_gradient(t, train, f->shared.at[i], sums[i], node, true);
}

void gen_edges_own(GenTile *t, const GenEdges *r, GenBlocks out, const Func *train)
{
    Emit *e = t->e;
    EmitLoop l = emit_loop(e, r->nodes.count);
    LLVMValueRef node = node_of(e, r->nodes.nodes, l.i);
    own_edges(t, r, node, out.first ? gen_block(e, out, node) : NULL, train);
    emit_loop_end(e, &l);
}
