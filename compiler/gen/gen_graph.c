/* gen_graph.c: see gen_graph.h. */
#include "gen/gen_graph.h"
#include "gen/gen_timed.h"
#include "layout/live.h"

GenNodes gen_all_nodes(Emit *e, const Graph *g, int set)
{
    return (GenNodes){set, NULL, emit_int(e, g->sets.at[set].size)};
}

NodeLoop gen_node_loop(Emit *e, const GenNodes *n)
{
    NodeLoop l = {emit_loop(e, n->count), NULL};
    l.node = l.loop.i;
    if (!n->nodes) return l;
    LLVMValueRef at = emit_bytes(e, n->nodes, emit_mul(e, l.loop.i, emit_int(e, 4)));
    l.node = LLVMBuildZExt(e->builder, emit_load(e, e->i32, at), e->i64, "");
    return l;
}

static const NodeSet *set_of(const GenFrame *f, int set)
{
    return &f->wired->graph->sets.at[set];
}

/* ---- blocks of rows ---- */

static GenBlocks blocks_at(Emit *e, LLVMValueRef base, int64_t row, int64_t pitch)
{
    return (GenBlocks){emit_element(e, base, emit_int(e, row * e->row)), pitch};
}

GenBlocks gen_states(Emit *e, LLVMValueRef base, const NodeSet *s, int k)
{
    return blocks_at(e, base, set_state(s, k, 0), s->state_pixels);
}

GenBlocks gen_values(GenTile *t, const GenFrame *f, int set)
{
    const NodeSet *s = set_of(f, set);
    if (s->outside) return (GenBlocks){f->held, s->rows.value_pitch};
    return blocks_at(t->e, f->value, s->rows.value, s->rows.value_pitch);
}

/* Where nothing goes back through a static graph, sums of one set have room for a while. */
GenBlocks gen_sums(GenTile *t, const GenFrame *f, int set)
{
    const NodeSet *s = set_of(f, set);
    if (!f->sum) return gen_work(t, f->wired, s->rows.pitch);
    return blocks_at(t->e, f->sum, s->rows.sum, s->rows.pitch);
}

GenBlocks gen_d_values(GenTile *t, const GenFrame *f, int set)
{
    const NodeSet *s = set_of(f, set);
    return s->cell.forward ? gen_work(t, f->back, s->rows.value_pitch) : gen_sums(t, f, set);
}

/* Blocks of the sums of port k, from those of the first. */
static GenBlocks port_blocks(Emit *e, const NodeSet *s, GenBlocks sums, int k)
{
    const int64_t rows = s->size * sums.pitch;
    return (GenBlocks){k ? emit_element(e, sums.first, emit_int(e, k * rows * e->row)) : sums.first,
                       sums.pitch};
}

static LLVMValueRef valid_row(GenTile *t, const GenFrame *f)
{
    if (!f->back || f->back->arg_count < 3) return NULL;
    return gen_value_row(t, f->back->args[2], NULL);
}

/* Blocks of the ends of a bundle. */
static GenEdges edge_blocks(GenTile *t, const GenFrame *f, const GenNodes *n, int bundle)
{
    const Graph *g = f->wired->graph;
    const Bundle *u = &g->bundles.at[bundle];
    const NodeSet *to = set_of(f, u->to);
    GenEdges r = {.g = g, .bundle = bundle, .nodes = *n, .source = gen_values(t, f, u->from)};
    if (to->states) r.own = gen_values(t, f, u->to);
    if (!f->back) return r;
    r.d = to->outside ? (GenBlocks){f->d_output, to->pixels}
                      : port_blocks(t->e, to, gen_sums(t, f, u->to), u->port);
    r.valid = valid_row(t, f);
    return r;
}

void gen_start_blocks(GenTile *t, const GenNodes *n, GenBlocks to, const GenBlocks *from, int64_t pixels)
{
    NodeLoop l = gen_node_loop(t->e, n);
    if (from) gen_copy_rows(t, gen_block(t->e, to, l.node), gen_block(t->e, *from, l.node), pixels);
    else gen_zero_rows(t, gen_block(t->e, to, l.node), pixels);
    emit_loop_end(t->e, &l.loop);
}

/* ---- arguments ---- */

LLVMValueRef *gen_state_arguments(Emit *e, const NodeSet *s, LLVMValueRef state, LLVMValueRef node)
{
    LLVMValueRef *args = NEW_ARRAY(e->arena, LLVMValueRef, SLOTS);
    for (int k = 0; k < s->states; k++) args[SLOT_STATE + k] = gen_block(e, gen_states(e, state, s, k), node);
    return args;
}

/* Of the function of a node: its sums, states and noise. */
static LLVMValueRef *arguments(GenTile *t, const GenFrame *f, int set, LLVMValueRef node)
{
    const NodeSet *s = set_of(f, set);
    LLVMValueRef *args = gen_state_arguments(t->e, s, f->state, node);
    const GenBlocks sums = gen_sums(t, f, set);
    for (int k = 0; k < set_sums(s); k++)
        args[SLOT_SUM + k] = gen_block(t->e, port_blocks(t->e, s, sums, k), node);
    for (int k = 0; k < s->noises; k++) {
        const Value *noise = wired_noise(f->wired, set, k);
        const int64_t pitch = shape_size(s->noise[k]) * graph_copies(f->wired->graph);
        if (noise)
            args[SLOT_NOISE + k] = gen_block(t->e, (GenBlocks){gen_value_row(t, noise, NULL), pitch}, node);
    }
    return args;
}

/* Of its gradient: with those of what it gives. */
static LLVMValueRef *back_arguments(GenTile *t, const GenFrame *f, int set, LLVMValueRef node)
{
    const NodeSet *s = set_of(f, set);
    LLVMValueRef *args = arguments(t, f, set, node);
    if (!s->states) args[SLOT_D] = gen_block(t->e, gen_d_values(t, f, set), node);
    for (int k = 0; k < s->states; k++)
        args[SLOT_D + k] = gen_block(t->e, gen_states(t->e, f->d_rate, s, k), node);
    if (f->back->arg_count > 2) args[SLOT_VALID] = t->valid_row = valid_row(t, f);
    return args;
}

/* ---- forward ---- */

static void zero_sums(GenTile *t, const GenNodes *n, const NodeSet *s, GenBlocks sums)
{
    if (n->nodes) gen_start_blocks(t, n, sums, NULL, s->pixels);
    else gen_zero_rows(t, sums.first, s->size * sums.pitch);
}

/* The sums that the edges of a line add to; `fresh` tells of each sum whether nothing is there yet. True: the
 * line begins the only one. */
static bool begin_sums(GenTile *t, const GenNodes *n, const NodeSet *s, const Bundle *u, GenBlocks out,
                       bool *fresh)
{
    const int count = u->edge ? u->edge->fn.forward->results.count : 1;
    const bool alone = fresh[u->port] && count == 1 && !s->slope;
    for (int k = u->port; k < u->port + count; k++) {
        if (fresh[k] && !alone) zero_sums(t, n, s, port_blocks(t->e, s, out, k));
        fresh[k] = false;
    }
    return alone;
}

void gen_graph_sums(GenTile *t, const GenFrame *f, const GenNodes *n, GenBlocks out)
{
    const Graph *g = f->wired->graph;
    const NodeSet *s = set_of(f, n->set);
    bool fresh[MAX_PORTS];
    for (int k = 0; k < set_sums(s); k++) fresh[k] = true;
    if (n->set == g->input && !s->states) {
        const GenBlocks input = {f->held, s->pixels};
        gen_start_blocks(t, n, out, &input, s->pixels);
        gen_lap(t->e, s->span, "%s: input %s", g->name, s->name);
        fresh[0] = false;
    }
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to != n->set) continue;
        const GenEdges rows = edge_blocks(t, f, n, b);
        const GenBlocks to = port_blocks(t->e, s, out, u->port);
        const bool begins = begin_sums(t, n, s, u, out, fresh);
        EmitLoop live = gen_timed_if(t, u->live_first, LIVE_ALWAYS);
        gen_edges_in(t, &rows, to, begins);
        gen_lap_edges(t->e, g, b, "sums over edges");
        gen_timed_end_if(t, &live);
        if (begins) gen_timed_zero_else(t, u->live_first, LIVE_ALWAYS, to.first, s->size * to.pitch);
    }
    for (int k = 0; k < set_sums(s); k++)
        if (fresh[k]) zero_sums(t, n, s, port_blocks(t->e, s, out, k));
}

void gen_graph_norm(GenTile *t, const GenFrame *f, const GenNodes *n, int norm, LLVMValueRef samples)
{
    Emit *e = t->e;
    const NodeSet *s = set_of(f, n->set);
    const Norm *m = &s->cell.norms.at[norm];
    const Value *given = m->input->results.at[0], *w = f->wired;
    bool work = !f->sum && !is_timed(w->graph);
    NodeLoop l = gen_node_loop(e, n);
    LLVMValueRef *args = arguments(t, f, n->set, l.node), mean = gen_norm_part(t, w, norm, l.node);
    LLVMValueRef x =
        gen_row(t, emit_address(e, w->scratch + w->graph->cell_rows + (work ? w->graph->work_rows : 0)));
    if (given->op == IR_ARG) x = args[given->index];
    else gen_cell(t, m->input, l.node, args, &(CellResult){RESULT_STORE, x});
    LLVMValueRef moments[5] = {x, emit_int(e, m->pixels), samples, mean,
                               emit_element(e, mean, emit_int(e, s->size))};
    emit_kernel(e, "moments", e->none, 5, moments);
    emit_loop_end(e, &l.loop);
    gen_lap(e, m->span, "%s.%s: statistics", w->graph->name, s->name);
}

void gen_graph_finish(GenTile *t, const GenFrame *f, const GenNodes *n)
{
    Emit *e = t->e;
    const NodeSet *s = set_of(f, n->set);
    CellResult results[MAX_STATES];
    if (!s->cell.forward) return;
    gen_of_set(t, s);
    NodeLoop l = gen_node_loop(e, n);
    if (!s->states) results[0] = (CellResult){RESULT_STORE, gen_block(e, gen_values(t, f, n->set), l.node)};
    for (int k = 0; k < s->states; k++)
        results[k] = (CellResult){RESULT_STORE, gen_block(e, gen_states(e, f->rate, s, k), l.node)};
    gen_cell(t, s->cell.forward, l.node, arguments(t, f, n->set, l.node), results);
    emit_loop_end(e, &l.loop);
    gen_lap_cell(e, f->wired->graph, s, s->cell.forward);
}

/* ---- backward ---- */

void gen_graph_finish_back(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train, bool add)
{
    Emit *e = t->e;
    const NodeSet *s = set_of(f, n->set);
    const CellFn *fn = &s->cell;
    if (!fn->forward) return;
    gen_of_set(t, s);
    NodeLoop l = gen_node_loop(e, n);
    LLVMValueRef *args = back_arguments(t, f, n->set, l.node);
    CellTotals totals = gen_totals(e, fn);
    CellResult *results = gen_back_results(e, &totals);
    for (int k = 0; k < set_sums(s); k++)
        results[fn->gradient[SLOT_SUM + k]] = (CellResult){RESULT_STORE, args[SLOT_SUM + k]};
    for (int k = 0; k < s->states; k++)
        results[fn->gradient[SLOT_STATE + k]] =
            (CellResult){RESULT_STORE, gen_block(e, gen_states(e, f->d_state, s, k), l.node)};
    gen_cell(t, fn->back, l.node, args, results);
    if (train) gen_add_totals(t, &totals, train, l.node, add);
    emit_loop_end(e, &l.loop);
    gen_lap_cell(e, f->wired->graph, s, fn->forward);
}

void gen_graph_norm_back(GenTile *t, const GenFrame *f, const GenNodes *n, int norm)
{
    const NodeSet *s = set_of(f, n->set);
    NodeLoop l = gen_node_loop(t->e, n);
    gen_norm_parts(t, s->cell.norms.at[norm].back, l.node, back_arguments(t, f, n->set, l.node),
                   gen_norm_part(t, f->back, norm, l.node));
    emit_loop_end(t->e, &l.loop);
    gen_lap(t->e, s->cell.norms.at[norm].span, "%s.%s: gradients of statistics", f->wired->graph->name,
            s->name);
}

bool gen_graph_spread(GenTile *t, const GenFrame *f, const GenNodes *n, bool to_output, GenBlocks out,
                      bool fresh)
{
    const Graph *g = f->wired->graph;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->from != n->set || g->sets.at[u->to].outside != to_output) continue;
        GenEdges rows = edge_blocks(t, f, n, b);
        EmitLoop live = gen_timed_if(t, u->live_first, live_last(g, u));
        gen_edges_out(t, &rows, out, fresh);
        gen_lap_edges(t->e, g, b, "gradients of values, edges");
        gen_timed_end_if(t, &live);
        if (fresh)
            gen_timed_zero_else(t, u->live_first, live_last(g, u), out.first,
                                g->sets.at[n->set].size * out.pitch);
        fresh = false;
    }
    return fresh;
}

bool gen_graph_own(GenTile *t, const GenFrame *f, const GenNodes *n, GenBlocks out, bool fresh,
                   const Func *train)
{
    const Graph *g = f->wired->graph;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to != n->set || !edges_need_own(u)) continue;
        GenEdges rows = edge_blocks(t, f, n, b);
        if (fresh && u->edge->own) {
            gen_zero_rows(t, out.first, g->sets.at[n->set].size * out.pitch);
            fresh = false;
        }
        EmitLoop live = gen_timed_if(t, u->live_first, live_last(g, u));
        gen_edges_own(t, &rows, out, train);
        gen_lap_edges(t->e, g, b, "gradients of own values, edges");
        gen_timed_end_if(t, &live);
    }
    return fresh;
}
