/* gen_timed.c: graphs in time (timed.h): small functions of a graph, which kernels/drive.c calls.
 *
 *   send         states -> what each node sends
 *   move         states, sent values -> sums of all nodes, rates (or next states)
 *   show         sent values -> the output at one position
 *   back         the gradient of send and move, from that of the rates: sums are replaced by their gradients
 *   output_back  the gradient of show
 *   held_back    what flows back to a held input: from the gradients of sums; from that of a plain output
 *
 * With batch_norm, kernels/turns.c calls them instead (gen_timed_norm.c).
 */
#include "gen/gen_timed.h"
#include "base/diag.h"
#include "gen/gen_graph.h"
#include "kernels/kernel.h"
#include "layout/live.h"
#include "model/timed.h"
#include <stddef.h>

/* States and what is sent stand together: values follow their states. */
static LLVMValueRef sent_rows(Emit *e, const Graph *g, LLVMValueRef state)
{
    return emit_element(e, state, emit_int(e, g->state_rows * e->row));
}

/* ---- forward ---- */

/* What every node of a set sends, or shows, by its states. */
static void each_node(GenTile *t, const NodeSet *s, const Func *f, LLVMValueRef state, GenBlocks to)
{
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    gen_cell(t, f, nodes.i, gen_state_arguments(e, s, state, nodes.i),
             &(CellResult){RESULT_STORE, gen_block(e, to, nodes.i)});
    emit_loop_end(e, &nodes);
}

static LLVMValueRef gen_send(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "send", 4, 1, &t, &saved);
    if (!t.e) return f;
    LLVMValueRef state = LLVMGetParam(f, 2);
    GenFrame frame = {.wired = v, .value = LLVMGetParam(f, 3)};
    Emit *e = t.e;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        GenBlocks to = gen_values(&t, &frame, i);
        EmitLoop live = gen_timed_if(&t, s->live_first, s->sent_last);
        each_node(&t, s, s->send.forward, state, to);
        gen_lap_cell(e, v->graph, s, s->send.forward);
        gen_timed_end_if(&t, &live);
        gen_timed_zero_else(&t, s->live_first, LIVE_ALWAYS, to.first, s->size * to.pitch);
    }
    emit_end_to(e, saved);
    return f;
}

/* With statistics of the step the sums are there. */
static LLVMValueRef gen_move(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "move", 7, 1, &t, &saved);
    if (!t.e) return f;
    GenFrame frame = {.wired = v, .state = LLVMGetParam(f, 2), .value = LLVMGetParam(f, 3)};
    frame.held = LLVMGetParam(f, 4), frame.sum = LLVMGetParam(f, 5), frame.rate = LLVMGetParam(f, 6);
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        GenNodes all = gen_all_nodes(t.e, v->graph, i);
        if (!s->states) continue;
        EmitLoop live = gen_timed_if(&t, 0, s->live_last);
        if (!v->batch) gen_graph_sums(&t, &frame, &all, gen_sums(&t, &frame, i));
        gen_graph_finish(&t, &frame, &all);
        gen_timed_end_if(&t, &live);
    }
    emit_end_to(t.e, saved);
    return f;
}

/* The output at one position: sums of what is sent, or what the output set's nodes send. */
static LLVMValueRef gen_show(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "show", 5, 0, &t, &saved);
    if (!t.e) return f;
    LLVMValueRef to = LLVMGetParam(f, 4);
    GenFrame frame = {.wired = v, .value = LLVMGetParam(f, 2), .held = LLVMGetParam(f, 3)};
    const Graph *g = v->graph;
    const NodeSet *out = &g->sets.at[g->output];
    Emit *e = t.e;
    GenNodes all = gen_all_nodes(e, g, g->output);
    LLVMValueRef state =
        emit_element(e, frame.value, emit_int(e, -g->state_rows * e->row)); /* they precede */
    const GenBlocks blocks = {to, out->value_pixels};
    if (out->outside) gen_graph_sums(&t, &frame, &all, blocks);
    else if (set_shows_sent(out))
        gen_copy_rows(&t, to, gen_values(&t, &frame, g->output).first, set_rows(out));
    else each_node(&t, out, out->show.forward, state, blocks);
    emit_end_to(e, saved);
    return f;
}

/* A round of turns (kernels/turns.c). */
static void gen_turns(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    LLVMValueRef send = gen_send(t, v), sums = gen_timed_sum_all(t, v), norm = gen_timed_norm(t, v),
                 move = gen_move(t, v), show = gen_show(t, v);
    EmitLoop first = gen_first_round(t);
    gen_timed_start(t, v);
    emit_loop_end(e, &first);
    LLVMValueRef args[16] = {t->context,
                             t->tile,
                             gen_timed_time(t, g),
                             t->number,
                             gen_timed_held(t, v),
                             gen_timed_address(t, v, timed_rows(g).values),
                             gen_timed_address(t, v, timed_rows(g).rates),
                             gen_timed_sum_rows(t, v),
                             emit_int(e, v->sums >= 0 ? g->sum_rows : 0),
                             gen_timed_address(t, v, TIMED_OUTPUT),
                             send,
                             sums,
                             norm,
                             move,
                             show,
                             gen_maps(t, v)};
    emit_kernel(e, "turns", e->none, 16, args);
}

void gen_timed(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    TimedRows r = gen_timed_rows(v);
    bool trains = v->sums >= 0; /* rows of wired_back take the sums */
    if (v->batch) {
        gen_turns(t, v);
        return;
    }
    LLVMValueRef send = gen_send(t, v), move = gen_move(t, v), show = gen_show(t, v);
    gen_timed_start(t, v);
    LLVMValueRef args[16] = {t->context,
                             t->tile,
                             gen_timed_time(t, g),
                             t->number,
                             gen_timed_held(t, v),
                             gen_timed_address(t, v, r.values),
                             gen_timed_address(t, v, r.rates),
                             trains ? gen_timed_address(t, v, r.saved) : LLVMConstNull(e->ptr),
                             gen_timed_sum_rows(t, v),
                             emit_int(e, trains ? g->sum_rows : 0),
                             gen_timed_address(t, v, TIMED_OUTPUT),
                             send,
                             move,
                             show,
                             gen_maps(t, v),
                             emit_int(e, g->time.adaptive)};
    emit_kernel(e, "drive", e->none, 16, args);
}

/* ---- backward ---- */

/* Gradient of `send` (or `show`) of all nodes of a set, added to their states' gradients. */
static void send_back(GenTile *t, const NodeSet *s, bool shown, const Func *train, LLVMValueRef state,
                      GenBlocks d_sent, LLVMValueRef d_state)
{
    const CellFn *fn = shown ? &s->show : &s->send;
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef *args = gen_state_arguments(e, s, state, nodes.i);
    CellTotals totals = gen_totals(e, fn);
    CellResult *results = gen_back_results(e, &totals);
    args[SLOT_D] = gen_block(e, d_sent, nodes.i);
    for (int k = 0; k < s->states; k++)
        results[fn->gradient[SLOT_STATE + k]] =
            (CellResult){RESULT_ADD, gen_block(e, gen_states(e, d_state, s, k), nodes.i)};
    gen_cell(t, fn->back, nodes.i, args, results);
    if (train) gen_add_totals(t, &totals, train, nodes.i, true);
    emit_loop_end(e, &nodes);
}

/* Gradients of what the nodes of a set send, to their states. Shared weights of edges into them have theirs
 * also when the nodes send nothing. */
static void set_back(GenTile *t, const GenFrame *f, int set, const Func *train)
{
    const Graph *g = f->wired->graph;
    const NodeSet *s = &g->sets.at[set];
    const GenNodes all = gen_all_nodes(t->e, g, set);
    GenBlocks d_sent = gen_work(t, f->back, s->value_pitch);
    bool into = false;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        into = into || (u->to == set && edges_need_own(u));
    }
    EmitLoop live = gen_timed_if(t, into ? 0 : s->live_first, into ? LIVE_ALWAYS : s->sent_last);
    bool fresh = gen_graph_spread(t, f, &all, false, d_sent, true);
    if (!gen_graph_own(t, f, &all, d_sent, fresh, train))
        send_back(t, s, false, train, f->state, d_sent, f->d_state);
    gen_lap_cell(t->e, g, s, s->send.forward);
    gen_timed_end_if(t, &live);
}

/* The gradients of sums and states from those of the rates; what comes from what nodes send. */
typedef enum BackPart { BACK_RATES = 1, BACK_SENT = 2, BACK_ALL = 3 } BackPart;

static void rates_back(GenTile *t, const GenFrame *f, const Func *train)
{
    const Graph *g = f->wired->graph;
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        const GenNodes all = gen_all_nodes(t->e, g, i);
        if (!s->states) continue;
        EmitLoop live = gen_timed_if(t, 0, s->live_last);
        gen_graph_finish_back(t, f, &all, train, true);
        gen_timed_end_if(t, &live);
        gen_timed_zero_else(t, 0, s->live_last, gen_states(t->e, f->d_state, s, 0).first,
                            s->states * s->size * s->state_pixels);
    }
}

/* `train` NULL: without the gradients of weights. */
static LLVMValueRef gen_back(GenTile *outer, const Value *back, const Func *train, BackPart part)
{
    const Value *v = back->args[0];
    GenTile t;
    EmitPlace saved;
    const char *name = !train ? "product" : part == BACK_SENT ? "edges_back" : "back";
    LLVMValueRef f = gen_timed_begin(outer, v, name, 7, 1, &t, &saved);
    const Graph *g = v->graph;
    GenFrame x = {.wired = v, .back = back, .state = LLVMGetParam(f, 2), .sum = LLVMGetParam(f, 3)};
    x.d_rate = LLVMGetParam(f, 4), x.d_state = LLVMGetParam(f, 5), x.held = LLVMGetParam(f, 6);
    x.value = sent_rows(t.e, g, x.state);
    if (part & BACK_RATES) rates_back(&t, &x, train);
    for (int i = 0; i < g->sets.count && (part & BACK_SENT); i++)
        if (g->sets.at[i].states) set_back(&t, &x, i, train);
    emit_end_to(t.e, saved);
    return f;
}

/* Adds the gradient of the output at one position to that of the states after its steps. */
static LLVMValueRef gen_output_back(GenTile *outer, const Value *back, const Func *train)
{
    const Value *v = back->args[0];
    GenTile t;
    EmitPlace saved;
    const Graph *g = v->graph;
    LLVMValueRef f = gen_timed_begin(outer, v, "output_back", 6, 0, &t, &saved), d_state = LLVMGetParam(f, 4);
    GenFrame x = {.wired = v, .back = back, .state = LLVMGetParam(f, 2), .d_output = LLVMGetParam(f, 3)};
    x.held = LLVMGetParam(f, 5), x.value = sent_rows(t.e, g, x.state);
    const GenNodes out = gen_all_nodes(t.e, g, g->output);
    if (g->sets.at[g->output].outside) gen_graph_own(&t, &x, &out, (GenBlocks){0}, true, train);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        const GenNodes all = gen_all_nodes(t.e, g, i);
        GenBlocks d_sent = gen_work(&t, back, s->value_pitch);
        if (!s->states || (is_moving(g, g->output) && i != g->output)) continue;
        if (i == g->output)
            send_back(&t, s, true, train, x.state, (GenBlocks){x.d_output, s->value_pixels}, d_state);
        else if (!gen_graph_spread(&t, &x, &all, true, d_sent, true))
            send_back(&t, s, false, train, x.state, d_sent, d_state);
    }
    emit_end_to(t.e, saved);
    return f;
}

/* Adds to the gradient of a held input at one position. */
static LLVMValueRef gen_held_back(GenTile *outer, const Value *v, bool from_output)
{
    GenTile t;
    EmitPlace saved;
    const Graph *g = v->graph;
    LLVMValueRef f =
        gen_timed_begin(outer, v, from_output ? "held_output_back" : "held_back", 6, 1, &t, &saved);
    GenFrame x = {
        .wired = v, .back = outer->wired_back, .value = LLVMGetParam(f, 4), .held = LLVMGetParam(f, 5)};
    x.sum = x.d_output = LLVMGetParam(f, 2);
    const GenNodes all = gen_all_nodes(t.e, g, g->input);
    GenBlocks to = {LLVMGetParam(f, 3), g->sets.at[g->input].value_pixels};
    gen_graph_spread(&t, &x, &all, from_output, to, false);
    emit_end_to(t.e, saved);
    return f;
}

static bool wants_input(const Func *f, const Value *back)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WIRED_INPUT && f->values.at[i]->args[0] == back) return true;
    return false;
}

/* 1 before the first window of this pass, else 0: how often what stands between the calls runs. */
static EmitLoop begin_once(GenTile *t, const Graph *g)
{
    Emit *e = t->e;
    LLVMValueRef runs =
        emit_load(e, e->ptr, emit_bytes(e, gen_timed_time(t, g), emit_int(e, offsetof(DnwrtTime, run))));
    LLVMValueRef run = emit_bytes(e, runs, emit_mul(e, t->number, emit_int(e, sizeof(DnwrtRun))));
    return emit_loop(e, emit_load(e, e->i64, emit_bytes(e, run, emit_int(e, offsetof(DnwrtRun, fresh)))));
}

static LLVMValueRef d_output(GenTile *t, const Value *v)
{
    bool plain = !is_moving(v->graph, v->graph->output);
    if (plain) return gen_timed_address(t, v, timed_rows(v->graph).back_output);
    return gen_row(t, emit_int(t->e, v->args[1]->address));
}

/* Sums start at 0; the gradients of a plain output are kept: those of its edges are made from them. */
static void begin_back(GenTile *t, const Value *v, const Func *f)
{
    const Graph *g = v->graph;
    LLVMValueRef given = gen_row(t, emit_int(t->e, v->args[1]->address));
    gen_clear_partials(t, v, f);
    if (!is_moving(g, g->output))
        gen_copy_rows(t, d_output(t, v), given, g->time.positions * set_rows(&g->sets.at[g->output]));
}

static void gen_turns_back(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    const Value *wired = v->args[0];
    const Graph *g = v->graph;
    TimedRows r = timed_rows(g);
    bool held = !is_moving(g, g->input) && wants_input(f, v);
    bool edges = model_edge_norms(g, -1);
    LLVMValueRef none = LLVMConstNull(e->ptr), norm_back = gen_timed_norm_back(t, v),
                 back = gen_back(t, v, f, edges ? BACK_RATES : BACK_ALL),
                 edges_back = edges ? gen_back(t, v, f, BACK_SENT) : none,
                 output_back = gen_output_back(t, v, f);
    LLVMValueRef held_back = held ? gen_held_back(t, wired, false) : none,
                 held_output_back = held ? gen_held_back(t, wired, true) : none;
    EmitLoop first = gen_first_round(t);
    begin_back(t, v, f);
    emit_loop_end(e, &first);
    LLVMValueRef args[15] = {t->context,
                             t->tile,
                             gen_timed_time(t, g),
                             gen_timed_held(t, wired),
                             gen_timed_address(t, wired, r.values),
                             gen_timed_address(t, v, 0),
                             d_output(t, v),
                             gen_timed_address(t, v, r.back_work),
                             held ? gen_timed_address(t, v, r.back_held) : none,
                             norm_back,
                             back,
                             edges_back,
                             output_back,
                             held_back,
                             held_output_back};
    emit_kernel(e, "turns_back", e->none, 15, args);
}

void gen_timed_back(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    const Value *wired = v->args[0];
    const Graph *g = v->graph;
    TimedRows r = timed_rows(g);
    bool held = !is_moving(g, g->input) && wants_input(f, v);
    if (wired->batch) {
        gen_turns_back(t, v, f);
        return;
    }
    const char *when = gen_profile_when(e, "again");
    LLVMValueRef none = LLVMConstNull(e->ptr), send = gen_send(t, wired), move = gen_move(t, wired);
    gen_profile_when(e, when);
    LLVMValueRef back = gen_back(t, v, f, BACK_ALL), output_back = gen_output_back(t, v, f);
    LLVMValueRef held_back = held ? gen_held_back(t, wired, false) : none,
                 held_output_back = held ? gen_held_back(t, wired, true) : none;
    EmitLoop once = begin_once(t, g);
    begin_back(t, v, f);
    emit_loop_end(e, &once);
    LLVMValueRef args[20] = {t->context,
                             t->tile,
                             gen_timed_time(t, g),
                             t->number,
                             gen_timed_held(t, wired),
                             gen_timed_address(t, wired, r.values),
                             gen_timed_address(t, wired, r.rates),
                             gen_timed_address(t, wired, r.saved),
                             gen_timed_address(t, v, 0),
                             d_output(t, v),
                             gen_timed_address(t, v, r.back_work),
                             held ? gen_timed_address(t, v, r.back_held) : none,
                             send,
                             move,
                             back,
                             output_back,
                             held_back,
                             held_output_back,
                             g->time.adjoint ? gen_back(t, v, NULL, BACK_ALL) : none,
                             gen_maps(t, wired)};
    emit_kernel(e, "drive_back", e->none, 20, args);
}
