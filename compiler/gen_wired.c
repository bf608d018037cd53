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

static LLVMValueRef row_at(GenTile *t, int64_t first, LLVMValueRef node)
{
    return gen_row(t, emit_add(t->e, emit_int(t->e, first), node));
}

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

static void forward_node(GenTile *t, const Value *v, int set, LLVMValueRef node, void *scratch)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[set];
    LLVMValueRef value = row_at(t, set_row(v, set), node), sum = value;
    if (s->cell) sum = v->partial >= 0 ? row_at(t, v->partial + s->first, node) : (LLVMValueRef)scratch;
    bool fresh = true;
    if (s->role == 0) {
        gen_copy_row(t, sum, row_at(t, v->args[0]->address, node));
        fresh = false;
    }
    for (int b = 0; b < g->bundles.count; b++) {
        if (g->bundles.at[b].to != set) continue;
        gen_gather(t, "gather", g, b, node, row_at(t, set_row(v, g->bundles.at[b].from), emit_int(e, 0)), sum,
                   fresh);
        fresh = false;
    }
    if (fresh) gen_zero_row(t, sum);
    if (!s->cell) return;
    LLVMValueRef *weights = gen_cell_weights(t, s->cell, node);
    EmitLoop l = emit_loop(e, emit_int(e, LANES / e->width));
    LLVMValueRef z = emit_load(e, e->lanes, gen_part(e, sum, l.i));
    LLVMValueRef *values = gen_cell_values(e, s->cell, &z, weights);
    emit_store(e, values[s->cell->results.at[0]->id], gen_part(e, value, l.i));
    emit_loop_end(e, &l);
}

void gen_wired(GenTile *t, const Value *v)
{
    if (is_timed(v->graph)) gen_timed(t, v);
    else phases(t, v, false, forward_node, emit_scratch(t->e, LANES));
}

/* ---- backward ---- */

typedef struct Back {
    const Func *f;        /* that holds wired_weight values */
    LLVMValueRef scratch; /* gradient of one node's value */
} Back;

static void cell_backward(GenTile *t, const Back *b, const NodeSet *s, LLVMValueRef node, LLVMValueRef d_sum)
{
    Emit *e = t->e;
    const Func *f = s->cell_back;
    Vec(const Value *) asked = {0};
    for (int i = 0; i < s->cell->values.count; i++)
        if (s->cell->values.at[i]->op == IR_WEIGHT) vec_push(e->arena, &asked, s->cell->values.at[i]);
    LLVMValueRef *total = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)asked.count + 1),
                 *weights = gen_cell_weights(t, f, node);
    for (int i = 0; i < asked.count; i++) {
        total[i] = emit_scratch(e, e->width);
        emit_store(e, emit_real(e, 0, true), total[i]);
    }
    EmitLoop l = emit_loop(e, emit_int(e, LANES / e->width));
    LLVMValueRef args[2] = {emit_load(e, e->lanes, gen_part(e, d_sum, l.i)),
                            emit_load(e, e->lanes, gen_part(e, b->scratch, l.i))};
    LLVMValueRef *values = gen_cell_values(e, f, args, weights);
    emit_store(e, values[f->results.at[0]->id], gen_part(e, d_sum, l.i));
    for (int i = 0; i < asked.count; i++) {
        LLVMValueRef more = values[f->results.at[i + 1]->id];
        emit_store(e, LLVMBuildFAdd(e->builder, emit_load(e, e->lanes, total[i]), more, ""), total[i]);
    }
    emit_loop_end(e, &l);
    for (int i = 0; i < asked.count; i++)
        gen_weight_gradient(t, b->f, asked.at[i], total[i], node, asked.at[i]->param->shared);
}

/* `v` is wired_back; the rows it owns hold the sums of forward until each is replaced by its gradient. */
static void backward_node(GenTile *t, const Value *v, int set, LLVMValueRef node, void *extra)
{
    Back *b = extra;
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[set];
    const Value *embed = v->args[1];
    bool fresh = true;
    LLVMValueRef d_sum = row_at(t, v->address + s->first, node), d_value = s->cell ? b->scratch : d_sum;
    if (embed_set(embed) == set) {
        gen_copy_row(t, d_value, row_at(t, embed->args[0]->address, node));
        fresh = false;
    }
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != set) continue;
        LLVMValueRef rows = row_at(t, v->address + g->sets.at[g->bundles.at[i].to].first, emit_int(t->e, 0));
        gen_gather(t, "gather_back", g, i, node, rows, d_value, fresh);
        fresh = false;
    }
    if (fresh) gen_zero_row(t, d_value);
    if (s->cell) cell_backward(t, b, s, node, d_sum);
}

void gen_wired_back(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    if (is_timed(v->graph)) {
        gen_timed_back(t, v, f);
        return;
    }
    Back b = {f, emit_scratch(e, LANES)};
    gen_clear_partials(t, v, f);
    phases(t, v, true, backward_node, &b);
}

/* Gradient of a held input: gathered from all its targets. */
void gen_wired_input(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    if (is_timed(g)) {
        gen_timed_input(t, v);
        return;
    }
    if (g->sets.at[g->input].first >= 0) return; /* a view of wired_back */
    EmitLoop l = emit_loop(e, emit_int(e, g->sets.at[g->input].size));
    LLVMValueRef out = row_at(t, v->address, l.i);
    bool fresh = true;
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != g->input) continue;
        LLVMValueRef rows =
            row_at(t, v->args[0]->address + g->sets.at[g->bundles.at[i].to].first, emit_int(e, 0));
        gen_gather(t, "gather_back", g, i, l.i, rows, out, fresh);
        fresh = false;
    }
    if (fresh) gen_zero_row(t, out);
    emit_loop_end(e, &l);
}
