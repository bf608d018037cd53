/* gen_edge.c: edges with functions as code.
 *
 * Three walks over edges in use, each a loop over the edges of one node in order and over the lanes of a row:
 * what they add to the node's sum; the gradient of the value that it sends; the gradient of its own value as
 * a target, and of the weights that all edges of the bundle share. And one over candidates: the gradients of
 * their weights, which the runtime asks for (rt_gradient.c).
 */
#include "gen.h"
#include "kernels/kernel.h"
#include "timed.h"
#include <stddef.h>

static LLVMValueRef wires_field(GenTile *t, const Graph *g, int bundle, size_t offset)
{
    Emit *e = t->e;
    LLVMValueRef all = gen_context(e, t->context, CONTEXT_WIRES, e->ptr);
    int64_t at = (g->first_bundle + bundle) * (int64_t)sizeof(DnwrtWires) + (int64_t)offset;
    return emit_load(e, e->ptr, emit_bytes(e, all, emit_int(e, at)));
}
#define FIELD(t, g, b, name) wires_field(t, g, b, offsetof(DnwrtWires, name))

static LLVMValueRef index_at(Emit *e, LLVMValueRef list, LLVMValueRef i)
{
    LLVMValueRef at = emit_bytes(e, list, emit_mul(e, i, emit_int(e, 4)));
    return LLVMBuildZExt(e->builder, emit_load(e, e->i32, at), e->i64, "");
}

/* Rows of the two ends of one edge, by ARG of its functions; all but the source: NULL where there is none. */
typedef struct Ends {
    LLVMValueRef arg[4];
} Ends;
enum { END_SOURCE, END_OWN, END_D, END_D_SLOPE };

/* The slope of a node (NodeSet) stands behind the sums of its set. */
static LLVMValueRef slope_of(Emit *e, const Graph *g, int b, LLVMValueRef node)
{
    return emit_add(e, node, emit_int(e, g->sets.at[g->bundles.at[b].to].size));
}

static Ends ends_of(Emit *e, const Graph *g, int b, const GenEdges *r, LLVMValueRef source,
                    LLVMValueRef target)
{
    const EdgeFn *f = g->bundles.at[b].edge;
    Ends ends = {{gen_block(e, r->source, source)}};
    if (f->own) ends.arg[END_OWN] = gen_block(e, r->own, target);
    if (r->d.first) ends.arg[END_D] = gen_block(e, r->d, target);
    if (r->d.first && f->slope) ends.arg[END_D_SLOPE] = gen_block(e, r->d, slope_of(e, g, b, target));
    return ends;
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

/* Rows of one node += the first result of f over its edges; to its slope += the second one. */
static void add_edges(GenTile *t, const Graph *g, int b, LLVMValueRef node, const GenEdges *r, GenBlocks out,
                      bool back)
{
    Emit *e = t->e;
    const EdgeFn *edge = g->bundles.at[b].edge;
    const Func *f = back ? edge->to_source : edge->value;
    CellResult results[2] = {{RESULT_ADD, gen_block(e, out, node)}};
    if (edge->slope && !back)
        results[1] = (CellResult){RESULT_ADD, gen_block(e, out, slope_of(e, g, b, node))};
    EdgeLoop l = edge_loop(t, g, b, node, back);
    Ends ends = ends_of(e, g, b, r, back ? node : l.other, back ? l.other : node);
    gen_cell_with(t, f, gen_cell_weights(t, f, l.candidate), ends.arg, results);
    emit_loop_end(e, &l.loop);
}

static void add_all_edges(GenTile *t, const Graph *g, int b, LLVMValueRef nodes, LLVMValueRef count,
                          const GenEdges *r, GenBlocks out, bool fresh, bool back)
{
    const Bundle *u = &g->bundles.at[b];
    int64_t rows = back ? g->sets.at[u->from].value_pixels : g->sets.at[u->to].pixels;
    EmitLoop l = emit_loop(t->e, count);
    LLVMValueRef node = node_of(t->e, nodes, l.i);
    if (fresh) gen_zero_rows(t, gen_block(t->e, out, node), rows);
    add_edges(t, g, b, node, r, out, back);
    emit_loop_end(t->e, &l);
}

void gen_edges_in(GenTile *t, const Graph *g, int b, LLVMValueRef nodes, LLVMValueRef count,
                  const GenEdges *r, GenBlocks out, bool fresh)
{
    if (g->bundles.at[b].edge) add_all_edges(t, g, b, nodes, count, r, out, fresh, false);
    else gen_gather(t, "gather", g, b, nodes, count, r->source, out, fresh);
}

void gen_edges_out(GenTile *t, const Graph *g, int b, LLVMValueRef nodes, LLVMValueRef count,
                   const GenEdges *r, GenBlocks out, bool fresh)
{
    if (g->bundles.at[b].edge) add_all_edges(t, g, b, nodes, count, r, out, fresh, true);
    else if (edges_with_dots(g, &g->bundles.at[b]))
        gen_gather_dots(t, g, b, nodes, count, r->d, r->source, out, fresh);
    else gen_gather(t, "gather_back", g, b, nodes, count, r->d, out, fresh);
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

static void own_edges(GenTile *t, const Graph *g, int b, LLVMValueRef node, const GenEdges *r,
                      LLVMValueRef out, const Func *train)
{
    Emit *e = t->e;
    const EdgeFn *f = g->bundles.at[b].edge;
    LLVMValueRef *sums = vectors(e, f->shared.count);
    CellResult *results = NEW_ARRAY(e->arena, CellResult, (size_t)f->shared.count + 1);
    if (f->own) results[0] = (CellResult){RESULT_ADD, out};
    for (int i = 0; i < f->shared.count; i++) results[f->own + i] = (CellResult){RESULT_TOTAL, sums[i]};
    EdgeLoop l = edge_loop(t, g, b, node, false);
    Ends ends = ends_of(e, g, b, r, l.other, node);
    gen_cell_with(t, f->to_own, gen_cell_weights(t, f->to_own, l.candidate), ends.arg, results);
    emit_loop_end(e, &l.loop);
    for (int i = 0; i < f->shared.count; i++)
        if (train) gen_weight_gradient(t, train, f->shared.at[i], sums[i], node, true);
}

void gen_edges_own(GenTile *t, const Graph *g, int b, LLVMValueRef nodes, LLVMValueRef count,
                   const GenEdges *r, GenBlocks out, const Func *train)
{
    Emit *e = t->e;
    EmitLoop l = emit_loop(e, count);
    LLVMValueRef node = node_of(e, nodes, l.i);
    own_edges(t, g, b, node, r, out.first ? gen_block(e, out, node) : NULL, train);
    emit_loop_end(e, &l);
}

/* ---- gradients of candidates ---- */

#define JOB(e, type, job, name)                                                                              \
    emit_load(e, type, emit_bytes(e, job, emit_int(e, (int64_t)offsetof(DnwrtEdgeJob, name))))

static LLVMValueRef long_at(Emit *e, LLVMValueRef list, LLVMValueRef i)
{
    return emit_load(e, e->i64, emit_bytes(e, list, emit_mul(e, i, emit_int(e, 8))));
}

/* Blocks of nodes at one evaluation, which the job's list of rows tells. */
static GenBlocks listed(GenTile *t, LLVMValueRef rows, size_t field, int64_t pitch)
{
    Emit *e = t->e;
    LLVMValueRef first = emit_load(e, e->i64, emit_bytes(e, rows, emit_int(e, (int64_t)field)));
    LLVMValueRef all = gen_context(e, t->context, CONTEXT_TILES, e->ptr);
    return (GenBlocks){emit_element(e, all, first), pitch};
}

/* Rows from one target to the next among gradients of sums: those of a plain output in time are a tensor. */
static int64_t d_pitch(const Graph *g, const Bundle *u)
{
    const NodeSet *to = &g->sets.at[u->to];
    return is_timed(g) && !is_moving(g, u->to) ? to->pixels : to->pitch;
}

/* Adds to `sums` the gradients of one candidate's weights at one evaluation. */
static void evaluation_gradients(GenTile *t, const Graph *g, int b, LLVMValueRef rows, LLVMValueRef source,
                                 LLVMValueRef target, LLVMValueRef *weights, const CellResult *sums)
{
    const Bundle *u = &g->bundles.at[b];
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    GenEdges r = {.source = listed(t, rows, offsetof(DnwrtEdgeRows, source), from->value_pitch)};
    r.own = listed(t, rows, offsetof(DnwrtEdgeRows, own), to->value_pitch);
    r.d = listed(t, rows, offsetof(DnwrtEdgeRows, target), d_pitch(g, u));
    Ends ends = ends_of(t->e, g, b, &r, source, target);
    gen_cell_with(t, u->edge->to_weights, weights, ends.arg, sums);
}

/* Where the gradient of a weight of one candidate stands among those of all parameters. */
static LLVMValueRef gradient_at(GenTile *t, const Value *w, LLVMValueRef candidate)
{
    Emit *e = t->e;
    LLVMValueRef first = emit_mul(e, candidate, emit_int(e, w->param->components));
    LLVMValueRef at = emit_add(e, first, emit_int(e, w->param->offset + w->index));
    return emit_element(e, gen_context(e, t->context, CONTEXT_GRAD, e->ptr), at);
}

/* The gradient of one candidate's weights, tile after tile. */
static void candidate_gradients(GenTile *t, const Graph *g, int b, LLVMValueRef job, LLVMValueRef candidate,
                                LLVMValueRef source)
{
    Emit *e = t->e;
    const EdgeFn *f = g->bundles.at[b].edge;
    int count = f->weights.count;
    LLVMValueRef *weights = gen_cell_weights(t, f->to_weights, candidate), *lanes = vectors(e, count);
    CellResult *sums = NEW_ARRAY(e->arena, CellResult, (size_t)count + 1);
    for (int i = 0; i < count; i++) sums[i] = (CellResult){RESULT_TOTAL, lanes[i]};
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntNE, JOB(e, e->i64, job, more), emit_int(e, 0), "");
    for (int i = 0; i < count; i++) {
        LLVMValueRef at = gradient_at(t, f->weights.at[i], candidate);
        LLVMValueRef start =
            LLVMBuildSelect(e->builder, more, emit_load(e, e->real, at), emit_real(e, 0, false), "");
        emit_store(e, start, at);
    }
    LLVMValueRef first = JOB(e, e->ptr, job, first), rows = JOB(e, e->ptr, job, rows);
    LLVMValueRef target = JOB(e, e->i64, job, target);
    EmitLoop tiles = emit_loop(e, JOB(e, e->i64, job, tiles));
    for (int i = 0; i < count; i++) emit_store(e, emit_real(e, 0, true), lanes[i]);
    LLVMValueRef begin = long_at(e, first, tiles.i),
                 end = long_at(e, first, emit_add(e, tiles.i, emit_int(e, 1)));
    EmitLoop evaluations = emit_loop(e, emit_sub(e, end, begin));
    LLVMValueRef entry = emit_mul(e, emit_add(e, begin, evaluations.i), emit_int(e, sizeof(DnwrtEdgeRows)));
    evaluation_gradients(t, g, b, emit_bytes(e, rows, entry), source, target, weights, sums);
    emit_loop_end(e, &evaluations);
    for (int i = 0; i < count; i++) {
        LLVMValueRef args[2] = {lanes[i], emit_int(e, e->width)};
        LLVMValueRef at = gradient_at(t, f->weights.at[i], candidate);
        LLVMValueRef sum = emit_kernel(e, "sum_lanes", e->real, 2, args);
        emit_store(e, LLVMBuildFAdd(e->builder, emit_load(e, e->real, at), sum, ""), at);
    }
    emit_loop_end(e, &tiles);
}

LLVMValueRef gen_edge_gradients(Emit *e, const Graph *g, int b)
{
    LLVMValueRef function =
        emit_begin(e, arena_printf(e->arena, "%s_edges%d", g->name, b), 2, (LLVMTypeRef[]){e->ptr, e->ptr});
    GenTile t = {.e = e, .context = LLVMGetParam(function, 0), .positions = graph_copies(g)};
    LLVMValueRef job = LLVMGetParam(function, 1);
    t.maps = JOB(e, e->ptr, job, maps);
    LLVMValueRef candidate = JOB(e, e->i64, job, candidate), source = JOB(e, e->i64, job, source);
    EmitLoop l = emit_loop(e, JOB(e, e->i64, job, count));
    candidate_gradients(&t, g, b, job, emit_add(e, candidate, l.i), emit_add(e, source, l.i));
    emit_loop_end(e, &l);
    emit_end(e);
    return function;
}
