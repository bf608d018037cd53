/* gen_wired.c: graphs, node by node in topological order, for one tile.
 *
 * For each phase of the order (data of the program, not code) the code of its node set runs: sums over the
 * edges in use of all its nodes by the gather kernel, then node by node its function on all lanes. Backward
 * the same from last to first: gather by source, then the gradient of the node function. The code does not
 * grow with nodes or edges.
 */
#include "diag.h"
#include "gen.h"
#include "kernels/kernel.h"
#include "timed.h"

/* ---- phases ---- */

/* Nodes of one phase: `count` numbers (uint32_t) at `nodes`. */
typedef struct Phase {
    int set;
    LLVMValueRef nodes, count;
} Phase;
typedef void PhaseCode(GenTile *t, const Value *v, const Phase *p, void *extra);

/* for each node of the phase */
typedef struct NodeLoop {
    EmitLoop loop;
    LLVMValueRef node;
} NodeLoop;

static NodeLoop node_loop(GenTile *t, const Phase *p)
{
    Emit *e = t->e;
    NodeLoop l = {emit_loop(e, p->count), NULL};
    LLVMValueRef at = emit_bytes(e, p->nodes, emit_mul(e, l.loop.i, emit_int(e, 4)));
    l.node = LLVMBuildZExt(e->builder, emit_load(e, e->i32, at), e->i64, "");
    return l;
}

/* for each phase, first to last or last to first: switch (set) { each set: its code } */
static void phases(GenTile *t, const Value *v, bool backwards, PhaseCode *code, void *extra)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    LLVMValueRef order = emit_bytes(e, gen_context(e, t->context, CONTEXT_ORDER, e->ptr),
                                    emit_int(e, g->number * (int64_t)sizeof(DnwrtOrder)));
    LLVMValueRef count = emit_load(e, e->i64, order), part[4];
    for (int i = 0; i < 4; i++)
        part[i] = emit_load(e, e->ptr, emit_bytes(e, order, emit_int(e, 8 * (i + 1))));
    EmitLoop l = emit_loop(e, count);
    LLVMValueRef phase = backwards ? emit_sub(e, emit_sub(e, count, emit_int(e, 1)), l.i) : l.i, field[3];
    for (int i = 0; i < 3; i++)
        field[i] = emit_load(e, e->i64, emit_bytes(e, part[i], emit_mul(e, phase, emit_int(e, 8))));
    LLVMValueRef nodes = emit_bytes(e, part[3], emit_mul(e, field[1], emit_int(e, 4)));
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->context, e->function, "next");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, field[0], next, (unsigned)g->sets.count);
    for (int s = 0; s < g->sets.count; s++) {
        if (g->sets.at[s].first < 0) continue;
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, e->function, g->sets.at[s].name);
        LLVMAddCase(choice, emit_int(e, s), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        code(t, v, &(Phase){s, nodes, field[2]}, extra);
        LLVMBuildBr(e->builder, next);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* ---- blocks of rows ---- */

/* What the nodes of a set send; what reaches them, or its gradient; the part of a tensor that is theirs. */
static GenBlocks values_of(GenTile *t, const Value *wired, int set)
{
    const NodeSet *s = &wired->graph->sets.at[set];
    int64_t first = s->first < 0 ? wired->args[0]->address : wired->address + s->first;
    return (GenBlocks){gen_row(t, emit_int(t->e, first)), s->value_pitch};
}
static GenBlocks gradients_of(GenTile *t, const Value *back, int set)
{
    const NodeSet *s = &back->graph->sets.at[set];
    return (GenBlocks){gen_row(t, emit_int(t->e, back->address + s->first_sum)), s->pitch};
}
static GenBlocks tensor_of(GenTile *t, const Value *v, int64_t pixels)
{
    return (GenBlocks){gen_row(t, emit_int(t->e, v->address)), pixels};
}
/* Every node of the phase: its block becomes that of `from`, or zeros. */
static void start_blocks(GenTile *t, const Phase *p, GenBlocks to, const GenBlocks *from, int64_t pixels)
{
    NodeLoop l = node_loop(t, p);
    if (from) gen_copy_rows(t, gen_block(t->e, to, l.node), gen_block(t->e, *from, l.node), pixels);
    else gen_zero_rows(t, gen_block(t->e, to, l.node), pixels);
    emit_loop_end(t->e, &l.loop);
}

/* ---- forward ---- */

static void sum_phase(GenTile *t, const Value *v, const Phase *p, GenBlocks sums)
{
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[p->set];
    bool fresh = true;
    if (s->role == 0) {
        GenBlocks input = tensor_of(t, v->args[0], s->pixels);
        start_blocks(t, p, sums, &input, s->pixels);
        gen_lap(t->e, s->span, "%s: input %s", g->name, s->name);
        fresh = false;
    }
    for (int b = 0; b < g->bundles.count; b++) {
        if (g->bundles.at[b].to != p->set) continue;
        GenEdges rows = {.source = values_of(t, v, g->bundles.at[b].from)};
        gen_edges_in(t, g, b, p->nodes, p->count, &rows, sums, fresh);
        gen_lap_edges(t->e, g, b, "sums over edges");
        fresh = false;
    }
    if (fresh) start_blocks(t, p, sums, NULL, s->pixels);
}

static void forward_phase(GenTile *t, const Value *v, const Phase *p, void *extra)
{
    (void)extra;
    const NodeSet *s = &v->graph->sets.at[p->set];
    GenBlocks values = values_of(t, v, p->set), sums = values;
    if (s->cell && v->partial >= 0)
        sums = (GenBlocks){gen_row(t, emit_int(t->e, v->partial + s->first_sum)), s->pitch};
    else if (s->cell) sums = gen_work(t, v, s->pitch);
    sum_phase(t, v, p, sums);
    if (!s->cell) return;
    NodeLoop l = node_loop(t, p);
    LLVMValueRef sum = gen_block(t->e, sums, l.node);
    gen_cell(t, s->cell, l.node, &sum, &(CellResult){RESULT_STORE, gen_block(t->e, values, l.node)});
    emit_loop_end(t->e, &l.loop);
    gen_lap_cell(t->e, v->graph, s, s->cell);
}

void gen_wired(GenTile *t, const Value *v)
{
    t->maps = gen_maps(t, v);
    if (is_timed(v->graph)) gen_timed(t, v);
    else phases(t, v, false, forward_phase, NULL);
    gen_lap(t->e, v->graph->span, "%s: the rest", v->graph->name);
}

/* ---- backward ---- */

/* Blocks of the ends of a bundle; `back` is wired_back. */
static GenEdges edge_blocks(GenTile *t, const Value *back, int b)
{
    const Bundle *u = &back->graph->bundles.at[b];
    GenEdges r = {.source = values_of(t, back->args[0], u->from)};
    r.d = gradients_of(t, back, u->to);
    return r;
}

static void shared_backward(GenTile *t, const Value *v, const Phase *p, const Func *train)
{
    const Graph *g = v->graph;
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].to != p->set || !edges_need_own(&g->bundles.at[i])) continue;
        GenEdges rows = edge_blocks(t, v, i);
        gen_edges_own(t, g, i, p->nodes, p->count, &rows, (GenBlocks){0}, train);
        gen_lap_edges(t->e, g, i, "shared weights of edges");
    }
}

static void cell_backward(GenTile *t, const Func *train, const NodeSet *s, LLVMValueRef node,
                          LLVMValueRef d_sum, LLVMValueRef d_value)
{
    CellTotals totals = gen_totals(t->e, s->cell);
    CellResult *results = NEW_ARRAY(t->e->arena, CellResult, (size_t)totals.weights.count + 1);
    results[0] = (CellResult){RESULT_STORE, d_sum};
    gen_total_results(&totals, results + 1);
    gen_cell(t, s->cell_back, node, (LLVMValueRef[]){d_sum, d_value}, results);
    gen_add_totals(t, &totals, train, node, false);
}

/* `v` is wired_back; the rows it owns hold the sums of forward until each is replaced by its gradient.
 * `train` holds the wired_weight values. */
static void backward_phase(GenTile *t, const Value *v, const Phase *p, void *train)
{
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[p->set];
    const Value *embed = v->args[1];
    GenBlocks d_sums = gradients_of(t, v, p->set),
              d_values = s->cell ? gen_work(t, v, s->value_pitch) : d_sums;
    bool fresh = true;
    if (embed_set(embed) == p->set) {
        GenBlocks given = tensor_of(t, embed->args[0], s->value_pixels);
        start_blocks(t, p, d_values, &given, s->value_pixels);
        fresh = false;
    }
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != p->set) continue;
        GenEdges rows = edge_blocks(t, v, i);
        gen_edges_out(t, g, i, p->nodes, p->count, &rows, d_values, fresh);
        gen_lap_edges(t->e, g, i, "gradients of values, edges");
        fresh = false;
    }
    if (fresh) start_blocks(t, p, d_values, NULL, s->value_pixels);
    if (s->cell) {
        NodeLoop l = node_loop(t, p);
        cell_backward(t, train, s, l.node, gen_block(t->e, d_sums, l.node),
                      gen_block(t->e, d_values, l.node));
        emit_loop_end(t->e, &l.loop);
        gen_lap_cell(t->e, g, s, s->cell);
    }
    shared_backward(t, v, p, train);
}

void gen_wired_back(GenTile *t, const Value *v, const Func *f)
{
    if (is_timed(v->graph)) {
        gen_timed_back(t, v, f);
    } else {
        t->maps = gen_maps(t, v);
        gen_clear_partials(t, v, f);
        phases(t, v, true, backward_phase, (void *)f);
    }
    gen_lap(t->e, v->graph->span, "%s: the rest", v->graph->name);
}

/* Gradient of a held input: gathered from all its targets. */
void gen_wired_input(GenTile *t, const Value *v)
{
    const Graph *g = v->graph;
    if (is_timed(g) || g->sets.at[g->input].first >= 0) return; /* a view of wired_back */
    const NodeSet *in = &g->sets.at[g->input];
    if (in->first >= 0) return; /* a view of wired_back */
    GenBlocks out = tensor_of(t, v, in->value_pixels);
    bool fresh = true;
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != g->input) continue;
        GenEdges rows = edge_blocks(t, v->args[0], i);
        gen_edges_out(t, g, i, NULL, emit_int(t->e, in->size), &rows, out, fresh);
        gen_lap_edges(t->e, g, i, "gradients of the input, edges");
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, out.first, set_rows(in));
}
