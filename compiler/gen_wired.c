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

/* What context->order says of phase number `phase`. */
typedef struct PhaseRows {
    LLVMValueRef set, nodes, count;
} PhaseRows;

static LLVMValueRef order_of(GenTile *t, const Graph *g)
{
    return emit_bytes(t->e, gen_context(t->e, t->context, CONTEXT_ORDER, t->e->ptr),
                      emit_int(t->e, g->number * (int64_t)sizeof(DnwrtOrder)));
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
static void phases(GenTile *t, const Value *v, bool backwards, PhaseCode *code, void *extra)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    LLVMValueRef order = order_of(t, g), count = emit_load(e, e->i64, order), part[4];
    for (int i = 0; i < 4; i++)
        part[i] = emit_load(e, e->ptr, emit_bytes(e, order, emit_int(e, 8 * (i + 1))));
    EmitLoop l = emit_loop(e, count);
    LLVMValueRef phase = backwards ? emit_sub(e, emit_sub(e, count, emit_int(e, 1)), l.i) : l.i;
    PhaseRows rows = phase_rows(e, part, phase);
    LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(e->context, e->function, "next");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, rows.set, next, (unsigned)g->sets.count);
    for (int s = 0; s < g->sets.count; s++) {
        if (g->sets.at[s].outside) continue;
        begin_case(e, choice, s, g->sets.at[s].name);
        gen_of_set(t, &g->sets.at[s]);
        code(t, v, &(Phase){s, rows.nodes, rows.count}, extra);
        LLVMBuildBr(e->builder, next);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* The same for the turns of a round (kernel.h): switch (turn) { each step of each set: its code } */
typedef struct TurnCode {
    PhaseCode *sum, *finish, *edges; /* edges: backwards */
    void (*norm)(GenTile *t, const Value *v, const Phase *p, int norm);
} TurnCode;

static void set_turns(GenTile *t, const Value *v, const Phase *p, LLVMValueRef choice, LLVMBasicBlockRef next,
                      const TurnCode *code, void *extra)
{
    const NodeSet *s = t->set;
    for (int step = 0; step < TURN_NORM + s->cell.norms.count; step++) {
        begin_case(t->e, choice, (int64_t)p->set * TURN_STEPS + step, s->name);
        if (step == TURN_SUM) code->sum(t, v, p, extra);
        else if (step == TURN_FINISH) code->finish(t, v, p, extra);
        else if (step == TURN_EDGES && code->edges) code->edges(t, v, p, extra);
        else if (step >= TURN_NORM) code->norm(t, v, p, step - TURN_NORM);
        LLVMBuildBr(t->e->builder, next);
    }
}

static void turns(GenTile *t, const Value *v, const TurnCode *code, void *extra)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
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
        set_turns(t, v, &(Phase){s, rows.nodes, rows.count}, choice, next, code, extra);
    }
    LLVMPositionBuilderAtEnd(e->builder, next);
    emit_loop_end(e, &l);
}

/* ---- blocks of rows ---- */

/* What the nodes of a set send; what reaches them, or its gradient; the part of a tensor that is theirs. */
static GenBlocks values_of(GenTile *t, const Value *wired, int set)
{
    const NodeSet *s = &wired->graph->sets.at[set];
    int64_t first = s->outside ? wired->args[0]->address : wired->rows + s->first;
    return (GenBlocks){gen_row(t, emit_int(t->e, first)), s->value_pitch};
}
static GenBlocks gradients_of(GenTile *t, const Value *back, int set)
{
    const NodeSet *s = &back->graph->sets.at[set];
    return (GenBlocks){gen_row(t, emit_int(t->e, back->rows + s->first_sum)), s->pitch};
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

/* Where the sums of a set with a function stand: in the rows that wired_back will overwrite, or in room of
 * their own. */
static GenBlocks sums_of(GenTile *t, const Value *v, const NodeSet *s)
{
    if (v->sums < 0) return gen_work(t, v, s->pitch);
    return (GenBlocks){gen_row(t, emit_int(t->e, v->sums + s->first_sum)), s->pitch};
}

static void forward_sums(GenTile *t, const Value *v, const Phase *p, void *extra)
{
    (void)extra;
    const NodeSet *s = &v->graph->sets.at[p->set];
    sum_phase(t, v, p, s->cell.forward ? sums_of(t, v, s) : values_of(t, v, p->set));
}

static void forward_cells(GenTile *t, const Value *v, const Phase *p, void *extra)
{
    (void)extra;
    const NodeSet *s = &v->graph->sets.at[p->set];
    if (!s->cell.forward) return;
    GenBlocks values = values_of(t, v, p->set), sums = sums_of(t, v, s);
    NodeLoop l = node_loop(t, p);
    LLVMValueRef sum = gen_block(t->e, sums, l.node);
    gen_cell(t, s->cell.forward, l.node, (LLVMValueRef[SLOTS]){[SLOT_SUM] = sum},
             &(CellResult){RESULT_STORE, gen_block(t->e, values, l.node)});
    emit_loop_end(t->e, &l.loop);
    gen_lap_cell(t->e, v->graph, s, s->cell.forward);
}

static void forward_phase(GenTile *t, const Value *v, const Phase *p, void *extra)
{
    forward_sums(t, v, p, extra);
    forward_cells(t, v, p, extra);
}

/* Mean of what a norm is given at each node, and squares of the distances from it. */
static void forward_norm(GenTile *t, const Value *v, const Phase *p, int norm)
{
    Emit *e = t->e;
    const Norm *n = &t->set->cell.norms.at[norm];
    GenBlocks sums = sums_of(t, v, t->set);
    int64_t room = v->scratch + v->graph->cell_rows + (v->sums < 0 ? v->graph->work_rows : 0);
    NodeLoop l = node_loop(t, p);
    LLVMValueRef sum = gen_block(e, sums, l.node), x = gen_row(t, emit_int(e, room)),
                 mean = gen_norm_part(t, v, norm, l.node);
    if (n->input->results.at[0]->op == IR_ARG) x = sum;
    else
        gen_cell(t, n->input, l.node, (LLVMValueRef[SLOTS]){[SLOT_SUM] = sum},
                 &(CellResult){RESULT_STORE, x});
    LLVMValueRef args[5] = {x, emit_int(e, n->pixels), t->valid, mean,
                            emit_element(e, mean, emit_int(e, t->set->size))};
    emit_kernel(e, "moments", e->none, 5, args);
    emit_loop_end(e, &l.loop);
    gen_lap(e, n->span, "%s.%s: statistics", v->graph->name, t->set->name);
}

void gen_wired(GenTile *t, const Value *v, const Func *f)
{
    static const TurnCode code = {forward_sums, forward_cells, NULL, forward_norm};
    t->maps = gen_maps(t, v), t->positions = graph_copies(v->graph);
    t->wired = v->batch ? v : NULL, t->plan_rows = f->plan_rows;
    if (is_timed(v->graph)) gen_timed(t, v);
    else if (v->batch) turns(t, v, &code, NULL);
    else phases(t, v, false, forward_phase, NULL);
    t->wired = NULL;
    gen_lap(t->e, v->graph->span, "%s: the rest", v->graph->name);
}

/* ---- backward ---- */

/* Blocks of the ends of a bundle; `back` is wired_back. */
static GenEdges edge_blocks(GenTile *t, const Value *back, int b)
{
    const Bundle *u = &back->graph->bundles.at[b];
    GenEdges r = {.source = values_of(t, back->args[0], u->from)};
    r.d = gradients_of(t, back, u->to);
    if (back->arg_count > 2) r.valid = gen_row(t, emit_int(t->e, back->args[2]->address));
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

/* Arguments of a gradient function. */
static LLVMValueRef *back_arguments(GenTile *t, const Value *v, LLVMValueRef sum, LLVMValueRef d_value)
{
    LLVMValueRef *args = NEW_ARRAY(t->e->arena, LLVMValueRef, SLOTS);
    args[SLOT_SUM] = sum, args[SLOT_D] = d_value;
    if (v->arg_count > 2) args[SLOT_VALID] = t->valid_row = gen_row(t, emit_int(t->e, v->args[2]->address));
    return args;
}

static void cell_backward(GenTile *t, const Value *v, const Func *train, LLVMValueRef node,
                          LLVMValueRef d_sum, LLVMValueRef d_value)
{
    const NodeSet *s = t->set;
    CellTotals totals = gen_totals(t->e, &s->cell);
    CellResult *results = gen_back_results(t->e, &totals);
    results[s->cell.gradient[SLOT_SUM]] = (CellResult){RESULT_STORE, d_sum};
    gen_cell(t, s->cell.back, node, back_arguments(t, v, d_sum, d_value), results);
    gen_add_totals(t, &totals, train, node, false);
}

/* Gradients of what the nodes send: in room of their own, or where they have no function in their place. */
static GenBlocks d_values_of(GenTile *t, const Value *v, int set)
{
    const NodeSet *s = &v->graph->sets.at[set];
    return s->cell.forward ? gen_work(t, v, s->value_pitch) : gradients_of(t, v, set);
}

/* `v` is wired_back; the rows it owns hold the sums of forward until each is replaced by its gradient.
 * `train` holds the wired_weight values. */
static void backward_sums(GenTile *t, const Value *v, const Phase *p, void *train)
{
    (void)train;
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[p->set];
    GenBlocks d_values = d_values_of(t, v, p->set);
    bool fresh = true;
    if (p->set == g->output) {
        GenBlocks given = tensor_of(t, v->args[1], s->value_pixels);
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
}

static void backward_cells(GenTile *t, const Value *v, const Phase *p, void *train)
{
    GenBlocks d_sums = gradients_of(t, v, p->set), d_values = d_values_of(t, v, p->set);
    if (t->set->cell.forward) {
        NodeLoop l = node_loop(t, p);
        cell_backward(t, v, train, l.node, gen_block(t->e, d_sums, l.node),
                      gen_block(t->e, d_values, l.node));
        emit_loop_end(t->e, &l.loop);
        gen_lap_cell(t->e, v->graph, t->set, t->set->cell.forward);
    }
    if (!v->args[0]->batch || !model_edge_norms(v->graph, p->set)) shared_backward(t, v, p, train);
}

/* When the gradients of the statistics of edges are known. */
static void backward_edges(GenTile *t, const Value *v, const Phase *p, void *train)
{
    if (model_edge_norms(v->graph, p->set)) shared_backward(t, v, p, train);
}

static void backward_phase(GenTile *t, const Value *v, const Phase *p, void *train)
{
    backward_sums(t, v, p, train);
    backward_cells(t, v, p, train);
}

/* Gradients of the statistics of a norm at each node, as far as this tile knows. */
static void backward_norm(GenTile *t, const Value *v, const Phase *p, int norm)
{
    Emit *e = t->e;
    GenBlocks sums = gradients_of(t, v, p->set), d_values = d_values_of(t, v, p->set);
    NodeLoop l = node_loop(t, p);
    gen_norm_parts(t, t->set->cell.norms.at[norm].back, l.node,
                   back_arguments(t, v, gen_block(e, sums, l.node), gen_block(e, d_values, l.node)),
                   gen_norm_part(t, v, norm, l.node));
    emit_loop_end(e, &l.loop);
    gen_lap(e, t->set->cell.norms.at[norm].span, "%s.%s: gradients of statistics", v->graph->name,
            t->set->name);
}

/* What goes back reads the statistics of the step and their gradients. */
static void with_statistics(GenTile *t, const Value *back)
{
    t->wired = back->args[0]->batch ? back->args[0] : NULL, t->wired_back = back;
}

void gen_wired_back(GenTile *t, const Value *v, const Func *f)
{
    static const TurnCode code = {backward_sums, backward_cells, backward_edges, backward_norm};
    bool batch = v->args[0]->batch;
    t->maps = gen_maps(t, v), t->positions = graph_copies(v->graph);
    t->plan_rows = f->plan_rows;
    with_statistics(t, v);
    if (is_timed(v->graph)) {
        gen_timed_back(t, v, f);
    } else if (batch) {
        EmitLoop first = gen_first_round(t);
        gen_clear_partials(t, v, f);
        emit_loop_end(t->e, &first);
        turns(t, v, &code, (void *)f);
    } else {
        gen_clear_partials(t, v, f);
        phases(t, v, true, backward_phase, (void *)f);
    }
    t->wired = NULL;
    gen_lap(t->e, v->graph->span, "%s: the rest", v->graph->name);
}

/* Gradient of a held input: gathered from all its targets. */
void gen_wired_input(GenTile *t, const Value *v)
{
    const Graph *g = v->graph;
    if (is_timed(g) || !g->sets.at[g->input].outside) return; /* a view of wired_back */
    const NodeSet *in = &g->sets.at[g->input];
    GenBlocks out = tensor_of(t, v, in->value_pixels);
    t->maps = gen_maps(t, v->args[0]), t->positions = graph_copies(g);
    with_statistics(t, v->args[0]);
    bool fresh = true;
    for (int i = 0; i < g->bundles.count; i++) {
        if (g->bundles.at[i].from != g->input) continue;
        GenEdges rows = edge_blocks(t, v->args[0], i);
        gen_edges_out(t, g, i, NULL, emit_int(t->e, in->size), &rows, out, fresh);
        gen_lap_edges(t->e, g, i, "gradients of the input, edges");
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, out.first, set_rows(in));
    t->wired = NULL;
}
