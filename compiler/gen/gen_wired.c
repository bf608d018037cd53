/* gen_wired.c: static graphs, node by node in topological order, for one tile.
 *
 * For each phase of the order (data of the program, not code) the code of its node set runs: sums over the
 * edges in use of all its nodes by the gather kernel, then node by node its function on all lanes. Backward
 * the same from last to first: gather by source, then the gradient of the node function. The code does not
 * grow with nodes or edges. With batch_norm the runtime names the steps of a round instead (kernel.h, turns).
 */
#include "base/diag.h"
#include "gen/gen_graph.h"
#include "gen/gen_timed.h"
#include "kernels/kernel.h"

static GenFrame forward_frame(GenTile *t, const Value *v)
{
    GenFrame f = {.wired = v, .held = gen_value_row(t, v->args[0], NULL)};
    f.value = gen_graph_row(t, v, emit_address(t->e, v->rows));
    if (v->sums >= 0) f.sum = gen_row(t, emit_address(t->e, v->sums));
    return f;
}

/* The rows of wired_back hold the sums of forward until each is replaced by its gradient. */
static GenFrame back_frame(GenTile *t, const Value *back)
{
    GenFrame f = forward_frame(t, back->args[0]);
    f.back = back;
    return f;
}

/* ---- phases ---- */

/* What one step does for the nodes of a phase; `train` holds the wired_weight values. */
typedef void StepCode(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train);

/* What context->order says of phase number `phase`. */
typedef struct PhaseRows {
    LLVMValueRef set, nodes, count;
} PhaseRows;

static LLVMValueRef order_of(GenTile *t, const Graph *g)
{
    return emit_bytes(t->e, gen_context(t->e, t->context, CONTEXT_ORDER, t->e->ptr),
                      emit_address(t->e, g->number * (int64_t)sizeof(DnwrtOrder)));
}

static PhaseRows phase_rows(Emit *e, LLVMValueRef *part, LLVMValueRef phase)
{
    LLVMValueRef field[3];
    for (int i = 0; i < 3; i++)
        field[i] = emit_load(e, e->i64, emit_bytes(e, part[i], emit_mul(e, phase, emit_int(e, 8))));
    return (PhaseRows){field[0], emit_bytes(e, part[3], emit_mul(e, field[1], emit_int(e, 4))), field[2]};
}

/* Adds a case with code of its own; the builder stands in it. */
static void begin_case(Emit *e, LLVMValueRef choice, int64_t value, const char *name)
{
    LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, e->function, name);
    LLVMAddCase(choice, emit_int(e, value), block);
    LLVMPositionBuilderAtEnd(e->builder, block);
}

/* for each phase, first to last or last to first: switch (set) { each set: its code } */
static void phases(GenTile *t, const GenFrame *f, StepCode *code, const Func *train)
{
    Emit *e = t->e;
    const Graph *g = f->wired->graph;
    LLVMValueRef order = order_of(t, g), count = emit_load(e, e->i64, order), part[4];
    for (int i = 0; i < 4; i++)
        part[i] = emit_load(e, e->ptr, emit_bytes(e, order, emit_int(e, 8 * (i + 1))));
    EmitLoop l = emit_loop(e, count);
    LLVMValueRef phase = f->back ? emit_sub(e, emit_sub(e, count, emit_int(e, 1)), l.i) : l.i;
    PhaseRows rows = phase_rows(e, part, phase);
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->context, e->function, "next");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, rows.set, next, (unsigned)g->sets.count);
    for (int s = 0; s < g->sets.count; s++) {
        if (g->sets.at[s].outside) continue;
        begin_case(e, choice, s, g->sets.at[s].name);
        gen_of_set(t, &g->sets.at[s]);
        code(t, f, &(GenNodes){s, rows.nodes, rows.count}, train);
        LLVMBuildBr(e->builder, next);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* The same for the turns of a round (kernel.h): switch (turn) { each step of each set: its code } */
typedef struct TurnCode {
    StepCode *sum, *finish, *edges; /* edges: backwards */
} TurnCode;

static void set_turns(GenTile *t, const GenFrame *f, const GenNodes *n, LLVMValueRef choice,
                      const TurnCode *code, const Func *train)
{
    const NodeSet *s = t->set;
    for (int step = 0; step < TURN_NORM + s->cell.norms.count; step++) {
        begin_case(t->e, choice, (int64_t)n->set * TURN_STEPS + step, s->name);
        if (step == TURN_SUM) code->sum(t, f, n, train);
        else if (step == TURN_FINISH) code->finish(t, f, n, train);
        else if (step == TURN_EDGES && code->edges) code->edges(t, f, n, train);
        else if (step >= TURN_NORM && f->back) gen_graph_norm_back(t, f, n, step - TURN_NORM);
        else if (step >= TURN_NORM) gen_graph_norm(t, f, n, step - TURN_NORM, t->valid);
        LLVMBuildBr(t->e->builder, LLVMGetSwitchDefaultDest(choice));
    }
}

static void turns(GenTile *t, const GenFrame *f, const TurnCode *code, const Func *train)
{
    Emit *e = t->e;
    const Graph *g = f->wired->graph;
    LLVMValueRef order = order_of(t, g), part[4], all[3];
    LLVMValueRef round = gen_context(e, t->context, CONTEXT_TURNS, e->ptr);
    for (int i = 0; i < 4; i++)
        part[i] = emit_load(e, e->ptr, emit_bytes(e, order, emit_int(e, 8 * (i + 1))));
    for (int i = 0; i < 3; i++)
        all[i] = emit_load(e, i ? e->ptr : e->i64, emit_bytes(e, round, emit_int(e, 8 * i)));
    EmitLoop l = emit_loop(e, all[0]);
    LLVMValueRef at = emit_mul(e, l.i, emit_int(e, 8)),
                 turn = emit_load(e, e->i64, emit_bytes(e, all[1], at));
    PhaseRows rows = phase_rows(e, part, emit_load(e, e->i64, emit_bytes(e, all[2], at)));
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->context, e->function, "next");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, turn, next, (unsigned)g->sets.count * TURN_STEPS);
    for (int s = 0; s < g->sets.count; s++) {
        if (g->sets.at[s].outside) continue;
        gen_of_set(t, &g->sets.at[s]);
        set_turns(t, f, &(GenNodes){s, rows.nodes, rows.count}, choice, code, train);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* ---- forward ---- */

/* Without a function the value of a node is its sum. */
static void forward_sums(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    (void)train;
    gen_graph_sums(t, f, n, t->set->cell.forward ? gen_sums(t, f, n->set) : gen_values(t, f, n->set));
}

static void forward_finish(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    (void)train;
    gen_graph_finish(t, f, n);
}

static void forward_phase(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    forward_sums(t, f, n, train);
    forward_finish(t, f, n, train);
}

static void forward(GenTile *t, const Value *v)
{
    static const TurnCode code = {forward_sums, forward_finish, NULL};
    t->maps = gen_maps(t, v), t->positions = graph_copies(v->graph);
    t->wired = v->batch ? v : NULL;
    GenFrame f = forward_frame(t, v);
    if (is_timed(v->graph)) gen_timed(t, v);
    else if (v->batch) turns(t, &f, &code, NULL);
    else phases(t, &f, forward_phase, NULL);
    t->wired = NULL;
    gen_lap(t->e, v->graph->span, "%s: the rest", v->graph->name);
}

/* ---- backward ---- */

/* Gradients of what the nodes send: from outside, unless they stand here already; from the edges out of
 * them. */
static void backward_sums(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    (void)train;
    const NodeSet *s = t->set;
    GenBlocks d_values = gen_d_values(t, f, n->set);
    bool given = n->set == f->wired->graph->output;
    if (given && !f->back->args[1]->sums_of) {
        GenBlocks from = {gen_value_row(t, f->back->args[1], NULL), s->value_pixels};
        gen_start_blocks(t, n, d_values, &from, s->value_pixels);
    }
    if (gen_graph_spread(t, f, n, false, d_values, !given))
        gen_start_blocks(t, n, d_values, NULL, s->value_pixels);
}

static void backward_own(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    gen_graph_own(t, f, n, (GenBlocks){0}, false, train);
}

/* Gradients of weights that edges share wait for those of the statistics of edges, where there are any. */
static void backward_finish(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    gen_graph_finish_back(t, f, n, train, false);
    if (!f->wired->batch || !model_edge_norms(f->wired->graph, n->set)) backward_own(t, f, n, train);
}

static void backward_edges(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    if (model_edge_norms(f->wired->graph, n->set)) backward_own(t, f, n, train);
}

static void backward_phase(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train)
{
    backward_sums(t, f, n, train);
    backward_finish(t, f, n, train);
}

/* What goes back reads the statistics of the step and their gradients. */
static void with_statistics(GenTile *t, const Value *back)
{
    t->wired = back->args[0]->batch ? back->args[0] : NULL, t->wired_back = back;
}

static void backward(GenTile *t, const Value *v, const Func *train)
{
    static const TurnCode code = {backward_sums, backward_finish, backward_edges};
    const Graph *g = v->graph;
    t->maps = gen_maps(t, v), t->positions = graph_copies(g);
    with_statistics(t, v);
    GenFrame f = back_frame(t, v);
    if (is_timed(g)) {
        gen_timed_back(t, v, train);
    } else if (v->args[0]->batch) {
        EmitLoop first = gen_first_round(t);
        gen_clear_partials(t, v, train);
        emit_loop_end(t->e, &first);
        turns(t, &f, &code, train);
    } else {
        gen_clear_partials(t, v, train);
        phases(t, &f, backward_phase, train);
    }
    t->wired = NULL;
    gen_lap(t->e, g->span, "%s: the rest", g->name);
}

/* Gradient of a held input: gathered from all its targets. */
static void input_gradient(GenTile *t, const Value *v)
{
    const Graph *g = v->graph;
    const NodeSet *in = &g->sets.at[g->input];
    if (is_timed(g) || !in->outside) return; /* a view of wired_back */
    t->maps = gen_maps(t, v->args[0]), t->positions = graph_copies(g);
    with_statistics(t, v->args[0]);
    GenBlocks out = {gen_value_row(t, v, NULL), in->value_pixels};
    GenFrame f = back_frame(t, v->args[0]);
    GenNodes all = gen_all_nodes(t->e, g, g->input);
    const bool taps = has_taps(&g->taps); /* of one map: they are added up */
    if (taps) gen_zero_rows(t, out.first, shape_size(v->shape));
    if (gen_graph_spread(t, &f, &all, false, out, !taps)) gen_zero_rows(t, out.first, set_rows(in));
    t->wired = NULL;
}

/* WIRED_WEIGHT is summed by WIRED_BACK, WIRED_EDGES by the runtime for all tiles at once; WIRED_STATISTIC is
 * a view. */
void gen_wired(GenTile *t, const Value *v, const Func *f)
{
    if (v->op == IR_WIRED) forward(t, v);
    if (v->op == IR_WIRED_BACK) backward(t, v, f);
    if (v->op == IR_WIRED_INPUT) input_gradient(t, v);
}
