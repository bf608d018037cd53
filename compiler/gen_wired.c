/* gen_wired.c: graphs, node by node in topological order, for one tile.
 *
 * For each phase of the order (data of the program, not code) the loop of its node set runs: sum over the
 * edges in use by the gather kernel, then the node function on all lanes. Backward the same from last to
 * first: gather by source, then the gradient of the node function. The code does not grow with nodes or
 * edges.
 */
#include "diag.h"
#include "gen.h"
#include "kernels/kernel.h"
#include "timed.h"

/* First row of the values of a set. */
static int64_t set_row(const Value *wired, int set)
{
    const NodeSet *s = &wired->graph->sets.at[set];
    return s->first < 0 ? wired->args[0]->address : wired->address + s->first;
}

/* ---- phases ---- */

typedef void NodeCode(GenTile *t, const Value *v, int set, LLVMValueRef node, void *extra);

static void set_loop(GenTile *t, const Value *v, int set, LLVMValueRef nodes, LLVMValueRef count,
                     NodeCode *code, void *extra)
{
    Emit *e = t->e;
    EmitLoop l = emit_loop(e, count);
    LLVMValueRef at = emit_bytes(e, nodes, emit_mul(e, l.i, emit_int(e, 4)));
    LLVMValueRef node = LLVMBuildZExt(e->builder, emit_load(e, e->i32, at), e->i64, "");
    code(t, v, set, node, extra);
    emit_loop_end(e, &l);
}

/* for each phase, first to last or last to first: switch (set) { each set: its loop } */
static void phases(GenTile *t, const Value *v, bool backwards, NodeCode *code, void *extra)
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
        set_loop(t, v, s, nodes, field[2], code, extra);
        LLVMBuildBr(e->builder, next);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* ---- forward ---- */

/* Blocks of a node: of its value, and of what reaches it. */
static LLVMValueRef value_of(GenTile *t, const Value *wired, int set, LLVMValueRef node)
{
    return gen_node_row(t, set_row(wired, set), node, wired->graph->sets.at[set].value_pixels);
}
static LLVMValueRef gradient_of(GenTile *t, const Value *back, int set, LLVMValueRef node)
{
    const NodeSet *s = &back->graph->sets.at[set];
    return gen_node_row(t, back->address + s->first_sum, node, s->pixels);
}

static void forward_node(GenTile *t, const Value *v, int set, LLVMValueRef node, void *scratch)
{
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[set];
    LLVMValueRef value = value_of(t, v, set, node), sum = value;
    if (s->cell)
        sum = v->partial >= 0 ? gen_node_row(t, v->partial + s->first_sum, node, s->pixels)
                              : (LLVMValueRef)scratch;
    bool fresh = true;
    if (s->role == 0) {
        gen_copy_rows(t, sum, gen_node_row(t, v->args[0]->address, node, s->pixels), s->pixels);
        fresh = false;
    }
    for (int b = 0; b < g->bundles.count; b++) {
        if (g->bundles.at[b].to != set) continue;
        gen_gather(t, "gather", g, b, node, value_of(t, v, g->bundles.at[b].from, emit_int(t->e, 0)), sum,
                   fresh);
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, sum, s->pixels);
    if (s->cell) gen_cell(t, s->cell, node, &sum, &(CellResult){RESULT_STORE, value});
}

/* Room for one node: on the stack for a number, behind the rows of the value for a map. */
static LLVMValueRef work_block(GenTile *t, const Value *v, int64_t rows)
{
    if (v->graph->block_rows == 0) return emit_scratch(t->e, LANES);
    return gen_row(t, emit_int(t->e, v->address + rows));
}

void gen_wired(GenTile *t, const Value *v)
{
    if (is_timed(v->graph)) gen_timed(t, v);
    else phases(t, v, false, forward_node, work_block(t, v, v->graph->rows));
}

/* ---- backward ---- */

typedef struct Back {
    const Func *f;        /* that holds wired_weight values */
    LLVMValueRef scratch; /* gradient of one node's value */
} Back;

static void cell_backward(GenTile *t, const Back *b, const NodeSet *s, LLVMValueRef node, LLVMValueRef d_sum)
{
    CellTotals totals = gen_totals(t->e, s->cell);
    CellResult *results = NEW_ARRAY(t->e->arena, CellResult, (size_t)totals.weights.count + 1);
    results[0] = (CellResult){RESULT_STORE, d_sum};
    gen_total_results(&totals, results + 1);
    gen_cell(t, s->cell_back, node, (LLVMValueRef[]){d_sum, b->scratch}, results);
    gen_add_totals(t, &totals, b->f, node, false);
}

/* `v` is wired_back; the rows it owns hold the sums of forward until each is replaced by its gradient. */
static void backward_node(GenTile *t, const Value *v, int set, LLVMValueRef node, void *extra)
{
    Back *b = extra;
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[set];
    const Value *embed = v->args[1];
    bool fresh = true;
    LLVMValueRef d_sum = gradient_of(t, v, set, node), d_value = s->cell ? b->scratch : d_sum;
    if (embed_set(embed) == set) {
        gen_copy_rows(t, d_value, gen_node_row(t, embed->args[0]->address, node, s->value_pixels),
                      s->value_pixels);
        fresh = false;
    }
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != set) continue;
        gen_gather(t, "gather_back", g, i, node, gradient_of(t, v, g->bundles.at[i].to, emit_int(t->e, 0)),
                   d_value, fresh);
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, d_value, s->value_pixels);
    if (s->cell) cell_backward(t, b, s, node, d_sum);
}

void gen_wired_back(GenTile *t, const Value *v, const Func *f)
{
    if (is_timed(v->graph)) {
        gen_timed_back(t, v, f);
        return;
    }
    Back b = {f, work_block(t, v, v->graph->sum_rows)};
    gen_clear_partials(t, v, f);
    phases(t, v, true, backward_node, &b);
}

/* Gradient of a held input: gathered from all its targets. */
void gen_wired_input(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    if (is_timed(g) || g->sets.at[g->input].first >= 0) return; /* a view of wired_back */
    const NodeSet *in = &g->sets.at[g->input];
    EmitLoop l = emit_loop(e, emit_int(e, in->size));
    LLVMValueRef out = gen_node_row(t, v->address, l.i, in->value_pixels);
    bool fresh = true;
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != g->input) continue;
        gen_gather(t, "gather_back", g, i, l.i,
                   gradient_of(t, v->args[0], g->bundles.at[i].to, emit_int(e, 0)), out, fresh);
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, out, in->value_pixels);
    emit_loop_end(e, &l);
}
