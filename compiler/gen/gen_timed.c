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
#include "kernels/timed_calls.h"
#include "layout/live.h"
#include "model/timed.h"
#include <stddef.h>

/* ---- what kernels are handed ---- */

#define SET(field, value)                                                                                    \
    emit_store(t->e, value, emit_bytes(t->e, d, emit_int(t->e, (int64_t)offsetof(Drive, field))))

static LLVMValueRef new_drive(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    const TimedRows r = gen_timed_rows(v);
    const bool trains = v->sums >= 0; /* rows of wired_back take the sums */
    LLVMValueRef d = emit_struct(e, sizeof(Drive));
    SET(context, t->context);
    SET(tile, t->tile);
    SET(maps, gen_maps(t, v));
    SET(time, gen_timed_time(t, g));
    SET(number, t->number);
    SET(held, gen_value_row(t, v->args[0], NULL));
    SET(value, gen_timed_address(t, v, r.values));
    SET(rates, gen_timed_address(t, v, r.rates));
    SET(saved, trains ? gen_timed_address(t, v, r.saved) : LLVMConstNull(e->ptr));
    SET(sums, trains ? gen_row(t, emit_address(e, v->sums)) : gen_timed_address(t, v, r.sums));
    SET(sums_step, emit_int(e, trains ? g->sum_rows : 0));
    SET(output, gen_timed_address(t, v, TIMED_OUTPUT));
    return d;
}

/* Hands a Drive to a kernel, with its functions as a constant, so that kernels know them (by CALL; NULL: not
 * asked for). flag: a number that is known as well, or NULL. */
enum { CALLS = sizeof(TimedCalls) / 8 };
#define CALL(field) offsetof(TimedCalls, field) / 8

static void call(GenTile *t, const char *kernel, LLVMValueRef d, LLVMValueRef *calls, const bool *flag)
{
    Emit *e = t->e;
    LLVMValueRef args[3] = {d, emit_table(e, "calls", CALLS, calls), flag ? emit_int(e, *flag) : NULL};
    emit_kernel(e, kernel, e->none, flag ? 3 : 2, args);
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
    TimedFn f = gen_timed_begin_once(outer, v, "send", "");
    GenTile *t = &f.t;
    if (!t->e) return f.f;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        GenBlocks to = gen_values(t, &f.x, i);
        EmitLoop live = gen_timed_if(t, s->live.first, s->live.sent_last);
        each_node(t, s, s->send.forward, f.x.state, to);
        gen_lap_cell(t->e, v->graph, s, s->send.forward);
        gen_timed_end_if(t, &live);
        gen_timed_zero_else(t, s->live.first, LIVE_ALWAYS, to.first, s->size * to.pitch);
    }
    return gen_timed_end(&f);
}

/* With statistics of the step the sums are there. */
static LLVMValueRef gen_move(GenTile *outer, const Value *v)
{
    TimedFn f = gen_timed_begin_once(outer, v, "move", "p");
    GenTile *t = &f.t;
    if (!t->e) return f.f;
    f.x.rate = gen_timed_more(&f, 0);
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        GenNodes all = gen_all_nodes(t->e, v->graph, i);
        if (!s->states) continue;
        EmitLoop live = gen_timed_if(t, 0, s->live.last);
        if (!v->batch) gen_graph_sums(t, &f.x, &all, gen_sums(t, &f.x, i));
        gen_graph_finish(t, &f.x, &all);
        gen_timed_end_if(t, &live);
    }
    return gen_timed_end(&f);
}

/* The output at one position: sums of what is sent, or what the output set's nodes send. */
static LLVMValueRef gen_show(GenTile *outer, const Value *v)
{
    TimedFn f = gen_timed_begin_once(outer, v, "show", "p");
    GenTile *t = &f.t;
    if (!t->e) return f.f;
    t->step = NULL;
    const Graph *g = v->graph;
    const NodeSet *out = &g->sets.at[g->output];
    GenNodes all = gen_all_nodes(t->e, g, g->output);
    const GenBlocks to = {gen_timed_more(&f, 0), out->value_pixels};
    if (out->outside) gen_graph_sums(t, &f.x, &all, to);
    else if (set_shows_sent(out))
        gen_copy_rows(t, to.first, gen_values(t, &f.x, g->output).first, set_rows(out));
    else each_node(t, out, out->show.forward, f.x.state, to);
    return gen_timed_end(&f);
}

/* With batch_norm a round of turns (kernels/turns.c). */
void gen_timed(GenTile *t, const Value *v)
{
    LLVMValueRef calls[CALLS] = {[CALL(send)] = gen_send(t, v)};
    if (v->batch) calls[CALL(sums)] = gen_timed_sum_all(t, v), calls[CALL(norm)] = gen_timed_norm(t, v);
    calls[CALL(move)] = gen_move(t, v), calls[CALL(show)] = gen_show(t, v);
    EmitLoop first = v->batch ? gen_first_round(t) : (EmitLoop){0};
    gen_timed_start(t, v);
    emit_loop_end(t->e, &first);
    if (v->batch) call(t, "turns", new_drive(t, v), calls, NULL);
    else call(t, "drive", new_drive(t, v), calls, &v->graph->time.adaptive);
}

/* ---- backward ---- */

/* Gradient of `send` (or `show`) of all nodes of a set, added to their states' gradients. */
static void send_back(GenTile *t, const GenFrame *f, int set, bool shown, const Func *train, GenBlocks d_sent)
{
    const NodeSet *s = &f->wired->graph->sets.at[set];
    const CellFn *fn = shown ? &s->show : &s->send;
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef *args = gen_state_arguments(e, s, f->state, nodes.i);
    CellTotals totals = gen_totals(e, fn);
    CellResult *results = gen_back_results(e, &totals);
    args[SLOT_D] = gen_block(e, d_sent, nodes.i);
    for (int k = 0; k < s->states; k++)
        results[fn->gradient[SLOT_STATE + k]] =
            (CellResult){RESULT_ADD, gen_block(e, gen_states(e, f->d_state, s, k), nodes.i)};
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
    GenBlocks d_sent = gen_work(t, f->back, s->rows.value_pitch);
    bool into = false;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        into = into || (u->to == set && edges_need_own(u));
    }
    EmitLoop live = gen_timed_if(t, into ? 0 : s->live.first, into ? LIVE_ALWAYS : s->live.sent_last);
    bool fresh = gen_graph_spread(t, f, &all, false, d_sent, true);
    if (!gen_graph_own(t, f, &all, d_sent, fresh, train)) send_back(t, f, set, false, train, d_sent);
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
        EmitLoop live = gen_timed_if(t, 0, s->live.last);
        gen_graph_finish_back(t, f, &all, train, true);
        gen_timed_end_if(t, &live);
        gen_timed_zero_else(t, 0, s->live.last, gen_states(t->e, f->d_state, s, 0).first,
                            s->states * s->size * s->state_pixels);
    }
}

/* `train` NULL: without the gradients of weights. */
static LLVMValueRef gen_back(GenTile *outer, const Value *back, const Func *train, BackPart part)
{
    const Value *v = back->args[0];
    const char *name = !train ? "product" : part == BACK_RATES ? "rates_back" : "back";
    TimedFn f = gen_timed_begin(outer, v, name, "pp");
    f.x.back = back, f.x.d_rate = gen_timed_more(&f, 0), f.x.d_state = gen_timed_more(&f, 1);
    if (part & BACK_RATES) rates_back(&f.t, &f.x, train);
    for (int i = 0; i < v->graph->sets.count && (part & BACK_SENT); i++)
        if (v->graph->sets.at[i].states) set_back(&f.t, &f.x, i, train);
    return gen_timed_end(&f);
}

/* Adds the gradient of the output at one position to that of the states after its steps. */
static LLVMValueRef gen_output_back(GenTile *outer, const Value *back, const Func *train)
{
    const Value *v = back->args[0];
    const Graph *g = v->graph;
    TimedFn f = gen_timed_begin(outer, v, "output_back", "pp");
    GenTile *t = &f.t;
    t->step = NULL;
    f.x.back = back, f.x.d_output = gen_timed_more(&f, 0), f.x.d_state = gen_timed_more(&f, 1);
    const GenNodes out = gen_all_nodes(t->e, g, g->output);
    if (g->sets.at[g->output].outside) gen_graph_own(t, &f.x, &out, (GenBlocks){0}, true, train);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        const GenNodes all = gen_all_nodes(t->e, g, i);
        GenBlocks d_sent = gen_work(t, back, s->rows.value_pitch);
        if (!s->states || (is_moving(g, g->output) && i != g->output)) continue;
        if (i == g->output) send_back(t, &f.x, i, true, train, (GenBlocks){f.x.d_output, s->value_pixels});
        else if (!gen_graph_spread(t, &f.x, &all, true, d_sent, true))
            send_back(t, &f.x, i, false, train, d_sent);
    }
    return gen_timed_end(&f);
}

/* Adds to the gradient of a held input at one position. */
static LLVMValueRef gen_held_back(GenTile *outer, const Value *v, bool from_output)
{
    const Graph *g = v->graph;
    TimedFn f = gen_timed_begin(outer, v, from_output ? "held_output_back" : "held_back", "p");
    f.x.back = outer->wired_back, f.x.d_output = f.x.sum;
    const GenNodes all = gen_all_nodes(f.t.e, g, g->input);
    GenBlocks to = {gen_timed_more(&f, 0), g->sets.at[g->input].value_pixels};
    gen_graph_spread(&f.t, &f.x, &all, from_output, to, false);
    return gen_timed_end(&f);
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
    return gen_value_row(t, v->args[1], NULL);
}

/* Sums start at 0; the gradients of a plain output are kept: those of its edges are made from them. */
static void begin_back(GenTile *t, const Value *v, const Func *f)
{
    const Graph *g = v->graph;
    LLVMValueRef given = gen_value_row(t, v->args[1], NULL);
    gen_clear_partials(t, v, f);
    if (!is_moving(g, g->output))
        gen_copy_rows(t, d_output(t, v), given, g->time.positions * set_rows(&g->sets.at[g->output]));
}

void gen_timed_back(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    const Value *wired = v->args[0];
    const Graph *g = v->graph;
    const TimedRows r = timed_rows(g);
    const bool rounds = wired->batch, edges = rounds && model_edge_norms(g, -1),
               held = !is_moving(g, g->input) && wants_input(f, v);
    const char *when = gen_profile_when(e, "again");
    LLVMValueRef calls[CALLS] = {0};
    if (!rounds) calls[CALL(send)] = gen_send(t, wired), calls[CALL(move)] = gen_move(t, wired);
    gen_profile_when(e, when);
    if (rounds) calls[CALL(norm_back)] = gen_timed_norm_back(t, v);
    if (edges) calls[CALL(rates_back)] = gen_back(t, v, f, BACK_RATES);
    calls[CALL(back)] = gen_back(t, v, f, edges ? BACK_SENT : BACK_ALL);
    calls[CALL(output_back)] = gen_output_back(t, v, f);
    if (held) calls[CALL(held_back)] = gen_held_back(t, wired, false);
    if (held) calls[CALL(held_output_back)] = gen_held_back(t, wired, true);
    if (g->time.adjoint) calls[CALL(product)] = gen_back(t, v, NULL, BACK_ALL);
    EmitLoop once = rounds ? gen_first_round(t) : begin_once(t, g);
    begin_back(t, v, f);
    emit_loop_end(e, &once);
    LLVMValueRef d = new_drive(t, wired);
    SET(d_output, d_output(t, v));
    SET(d_state, gen_timed_address(t, v, r.back_work));
    if (held) SET(d_held, gen_timed_address(t, v, r.back_held));
    if (rounds) call(t, "turns_back", d, calls, NULL);
    else call(t, "drive_back", d, calls, &g->time.adjoint);
}
