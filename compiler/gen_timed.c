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
#include "gen_timed.h"
#include "diag.h"
#include "kernels/kernel.h"
#include "live.h"
#include "timed.h"
#include <stddef.h>

/* Blocks of the nodes of a set among the rows at `base`: their states k, what they send, what reaches them.
 */
static GenBlocks blocks_at(Emit *e, LLVMValueRef base, int64_t row, int64_t pitch)
{
    return (GenBlocks){emit_element(e, base, emit_int(e, row * e->row)), pitch};
}
GenBlocks gen_timed_states(Emit *e, LLVMValueRef base, const NodeSet *s, int k)
{
    return blocks_at(e, base, set_state(s, k, 0), s->state_pixels);
}
static GenBlocks sent_in(Emit *e, LLVMValueRef base, const NodeSet *s)
{
    return blocks_at(e, base, s->first, s->value_pitch);
}
GenBlocks gen_timed_sums(Emit *e, LLVMValueRef base, const NodeSet *s)
{
    return blocks_at(e, base, s->first_sum, s->pitch);
}

LLVMValueRef gen_timed_slope(Emit *e, LLVMValueRef sums, const NodeSet *s, LLVMValueRef node)
{
    return gen_block(e, blocks_at(e, sums, s->first_sum + s->size, s->pitch), node);
}

/* Rows of the arguments of a node function: `sum` (or NULL), states, then room for gradients. */
LLVMValueRef *gen_timed_arguments(Emit *e, const NodeSet *s, LLVMValueRef sum, LLVMValueRef state,
                                  LLVMValueRef node)
{
    LLVMValueRef *args = NEW_ARRAY(e->arena, LLVMValueRef, SLOTS);
    args[SLOT_SUM] = sum;
    for (int k = 0; k < s->states; k++)
        args[SLOT_STATE + k] = gen_block(e, gen_timed_states(e, state, s, k), node);
    return args;
}

/* ---- forward ---- */

/* What every node of a set makes of its states: what it sends, or shows. */
static void each_node(GenTile *t, const NodeSet *s, const Func *f, LLVMValueRef state, GenBlocks to)
{
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    gen_cell(t, f, nodes.i, gen_timed_arguments(e, s, NULL, state, nodes.i),
             &(CellResult){RESULT_STORE, gen_block(e, to, nodes.i)});
    emit_loop_end(e, &nodes);
}

static LLVMValueRef gen_send(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef made = gen_timed_made(outer->e, v, "send");
    if (made) return made;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "send", 4, 1, &t, &saved), state = LLVMGetParam(f, 2),
                 sent = LLVMGetParam(f, 3);
    Emit *e = t.e;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        GenBlocks to = sent_in(e, sent, s);
        EmitLoop live = gen_timed_if(&t, s->live_first, s->sent_last);
        each_node(&t, s, s->send.forward, state, to);
        gen_lap_cell(e, v->graph, s, s->send.forward);
        gen_timed_end_if(&t, &live);
        gen_timed_zero_else(&t, s->live_first, LIVE_ALWAYS, to.first, s->size * to.pitch);
    }
    emit_end_to(e, saved);
    return f;
}

/* Rows of one evaluation: the input's, what nodes send, gradients of sums (of moving nodes, or of a plain
 * output). */
typedef struct Evaluation {
    LLVMValueRef held, sent, d_sums;
} Evaluation;

/* Blocks of the ends of a bundle. */
static GenEdges edge_blocks(GenTile *t, const Graph *g, const Bundle *u, const Evaluation *x)
{
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    GenEdges r = {.source = {x->held, from->value_pitch}, .d = {x->d_sums, to->pixels}};
    if (from->states) r.source = sent_in(t->e, x->sent, from);
    if (to->states) r.own = sent_in(t->e, x->sent, to);
    if (to->states && x->d_sums) r.d = gen_timed_sums(t->e, x->d_sums, to);
    if (x->d_sums && t->wired_back->arg_count > 2)
        r.valid = gen_row(t, emit_int(t->e, t->wired_back->args[2]->address));
    return r;
}

/* Sums over the edges into the nodes of a set; sources are the held input or sent values. */
void gen_timed_sum_into(GenTile *t, const Value *v, int set, LLVMValueRef held, LLVMValueRef sent,
                        GenBlocks out)
{
    const Graph *g = v->graph;
    const NodeSet *s = &g->sets.at[set];
    bool fresh = !s->slope;
    if (s->slope) gen_zero_rows(t, out.first, 2 * s->size); /* sums, then slopes */
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to != set) continue;
        GenEdges rows = edge_blocks(t, g, u, &(Evaluation){held, sent, NULL});
        EmitLoop live = gen_timed_if(t, u->live_first, LIVE_ALWAYS);
        gen_edges_in(t, g, b, NULL, emit_int(t->e, s->size), &rows, out, fresh);
        gen_lap_edges(t->e, g, b, "sums over edges");
        gen_timed_end_if(t, &live);
        if (fresh) gen_timed_zero_else(t, u->live_first, LIVE_ALWAYS, out.first, s->size * out.pitch);
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, out.first, s->size * out.pitch);
}

/* How the nodes of a set move, from their sums. */
static void move_set(GenTile *t, const NodeSet *s, LLVMValueRef state, LLVMValueRef sums, LLVMValueRef rate)
{
    Emit *e = t->e;
    CellResult results[MAX_STATES];
    gen_of_set(t, s);
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    for (int k = 0; k < s->states; k++)
        results[k] = (CellResult){RESULT_STORE, gen_block(e, gen_timed_states(e, rate, s, k), nodes.i)};
    LLVMValueRef *args =
        gen_timed_arguments(e, s, gen_block(e, gen_timed_sums(e, sums, s), nodes.i), state, nodes.i);
    if (s->slope) args[SLOT_SLOPE] = gen_timed_slope(e, sums, s, nodes.i);
    gen_cell(t, s->cell.forward, nodes.i, args, results);
    emit_loop_end(e, &nodes);
}

/* With statistics of the step the sums are there. */
static LLVMValueRef gen_move(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef made = gen_timed_made(outer->e, v, "move");
    if (made) return made;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "move", 7, 1, &t, &saved), state = LLVMGetParam(f, 2),
                 sent = LLVMGetParam(f, 3);
    LLVMValueRef held = LLVMGetParam(f, 4), sums = LLVMGetParam(f, 5), rate = LLVMGetParam(f, 6);
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        EmitLoop live = gen_timed_if(&t, 0, s->live_last);
        if (!v->batch) gen_timed_sum_into(&t, v, i, held, sent, gen_timed_sums(t.e, sums, s));
        move_set(&t, s, state, sums, rate);
        gen_lap_cell(t.e, v->graph, s, s->cell.forward);
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
    LLVMValueRef made = gen_timed_made(outer->e, v, "show");
    if (made) return made;
    LLVMValueRef f = gen_timed_begin_once(outer, v, "show", 5, 0, &t, &saved), sent = LLVMGetParam(f, 2);
    LLVMValueRef held = LLVMGetParam(f, 3), to = LLVMGetParam(f, 4);
    const NodeSet *out = &v->graph->sets.at[v->graph->output];
    Emit *e = t.e;
    LLVMValueRef state =
        emit_element(e, sent, emit_int(e, -v->graph->state_rows * e->row)); /* they precede */
    const GenBlocks blocks = {to, out->value_pixels};
    if (!out->states) gen_timed_sum_into(&t, v, v->graph->output, held, sent, blocks);
    else if (set_shows_sent(out)) gen_copy_rows(&t, to, sent_in(e, sent, out).first, set_rows(out));
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

/* With norms: which lanes hold a sample. */
void gen_timed_valid(GenTile *t, const Value *back, const NodeSet *s, LLVMValueRef *args)
{
    if (s->cell.norms.count && back->arg_count > 2)
        args[SLOT_VALID] = gen_row(t, emit_int(t->e, back->args[2]->address));
}

/* Gradients of `move`, node by node: sums become their gradients, states' gradients are stored. */
static void move_back(GenTile *t, const Value *back, const NodeSet *s, const Func *train, LLVMValueRef state,
                      LLVMValueRef sums, LLVMValueRef d_rate, LLVMValueRef d_state)
{
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef sum = gen_block(e, gen_timed_sums(e, sums, s), nodes.i),
                 *args = gen_timed_arguments(e, s, sum, state, nodes.i);
    const CellFn *fn = &s->cell;
    CellTotals totals = gen_totals(e, fn);
    CellResult *results = gen_back_results(e, &totals);
    results[fn->gradient[SLOT_SUM]] = (CellResult){RESULT_STORE, sum};
    for (int k = 0; k < s->states; k++) {
        args[SLOT_D + k] = gen_block(e, gen_timed_states(e, d_rate, s, k), nodes.i);
        results[fn->gradient[SLOT_STATE + k]] =
            (CellResult){RESULT_STORE, gen_block(e, gen_timed_states(e, d_state, s, k), nodes.i)};
    }
    if (s->slope) {
        args[SLOT_SLOPE] = gen_timed_slope(e, sums, s, nodes.i);
        results[fn->gradient[SLOT_SLOPE]] = (CellResult){RESULT_STORE, args[SLOT_SLOPE]};
    }
    gen_timed_valid(t, back, s, args);
    gen_of_set(t, s);
    gen_cell(t, fn->back, nodes.i, args, results);
    if (train) gen_add_totals(t, &totals, train, nodes.i, true);
    emit_loop_end(e, &nodes);
}

/* Gradient of `send` (or `show`) of all nodes of a set, added to their states' gradients. */
static void send_back(GenTile *t, const NodeSet *s, bool shown, const Func *train, LLVMValueRef state,
                      GenBlocks d_sent, LLVMValueRef d_state)
{
    const CellFn *fn = shown ? &s->show : &s->send;
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef *args = gen_timed_arguments(e, s, NULL, state, nodes.i);
    CellTotals totals = gen_totals(e, fn);
    CellResult *results = gen_back_results(e, &totals);
    args[SLOT_D] = gen_block(e, d_sent, nodes.i);
    for (int k = 0; k < s->states; k++)
        results[fn->gradient[SLOT_STATE + k]] =
            (CellResult){RESULT_ADD, gen_block(e, gen_timed_states(e, d_state, s, k), nodes.i)};
    gen_cell(t, fn->back, nodes.i, args, results);
    if (train) gen_add_totals(t, &totals, train, nodes.i, true);
    emit_loop_end(e, &nodes);
}

/* out (+)= gradients of what the nodes of a set send from the edges out of them, to moving targets or to the
 * plain output. Returns whether any edge leads there. */
static bool gather_gradients(GenTile *t, const Graph *g, int from, bool to_output, const Evaluation *x,
                             GenBlocks out, bool fresh)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->from != from || is_moving(g, u->to) == to_output) continue;
        GenEdges rows = edge_blocks(t, g, u, x);
        EmitLoop live = gen_timed_if(t, u->live_first, live_last(g, u));
        gen_edges_out(t, g, b, NULL, emit_int(t->e, g->sets.at[from].size), &rows, out, fresh);
        gen_lap_edges(t->e, g, b, "gradients of values, edges");
        gen_timed_end_if(t, &live);
        if (fresh)
            gen_timed_zero_else(t, u->live_first, live_last(g, u), out.first,
                                g->sets.at[from].size * out.pitch);
        fresh = false;
    }
    return !fresh;
}

/* The same from the edges into them that read their own value; and gradients of weights that edges share. */
static bool own_gradients(GenTile *t, const Graph *g, int to, const Evaluation *x, GenBlocks out, bool fresh,
                          const Func *train)
{
    LLVMValueRef count = emit_int(t->e, g->sets.at[to].size);
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to != to || !edges_need_own(u)) continue;
        GenEdges rows = edge_blocks(t, g, u, x);
        if (fresh && u->edge->own) {
            gen_zero_rows(t, out.first, g->sets.at[to].size * out.pitch);
            fresh = false;
        }
        EmitLoop live = gen_timed_if(t, u->live_first, live_last(g, u));
        gen_edges_own(t, g, b, NULL, count, &rows, out, train);
        gen_lap_edges(t->e, g, b, "gradients of own values, edges");
        gen_timed_end_if(t, &live);
    }
    return !fresh;
}

/* First row of what nodes send, behind their states. */
static LLVMValueRef sent_rows(Emit *e, const Graph *g, LLVMValueRef state)
{
    return emit_element(e, state, emit_int(e, g->state_rows * e->row));
}

/* Gradients of what the nodes of a set send, to their states. Shared weights of edges into them have theirs
 * also when the nodes send nothing. */
static void set_back(GenTile *t, const Value *back, int set, const Func *train, const Evaluation *x,
                     LLVMValueRef state, LLVMValueRef d_state)
{
    const Graph *g = back->args[0]->graph;
    const NodeSet *s = &g->sets.at[set];
    GenBlocks d_sent = gen_work(t, back, s->value_pitch);
    bool into = false;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        into = into || (u->to == set && edges_need_own(u));
    }
    EmitLoop live = gen_timed_if(t, into ? 0 : s->live_first, into ? LIVE_ALWAYS : s->sent_last);
    bool any = gather_gradients(t, g, set, false, x, d_sent, true);
    if (own_gradients(t, g, set, x, d_sent, !any, train))
        send_back(t, s, false, train, state, d_sent, d_state);
    gen_lap_cell(t->e, g, s, s->send.forward);
    gen_timed_end_if(t, &live);
}

/* The gradients of sums and states from those of the rates; what comes from what nodes send. */
typedef enum BackPart { BACK_RATES = 1, BACK_SENT = 2, BACK_ALL = 3 } BackPart;

static void rates_back(GenTile *t, const Value *back, const Func *train, LLVMValueRef state,
                       LLVMValueRef sums, LLVMValueRef d_rate, LLVMValueRef d_state)
{
    const Graph *g = back->args[0]->graph;
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        if (!s->states) continue;
        EmitLoop live = gen_timed_if(t, 0, s->live_last);
        move_back(t, back, s, train, state, sums, d_rate, d_state);
        gen_lap_cell(t->e, g, s, s->cell.forward);
        gen_timed_end_if(t, &live);
        gen_timed_zero_else(t, 0, s->live_last, gen_timed_states(t->e, d_state, s, 0).first,
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
    LLVMValueRef f = gen_timed_begin(outer, v, name, 7, 1, &t, &saved), state = LLVMGetParam(f, 2),
                 sums = LLVMGetParam(f, 3), d_state = LLVMGetParam(f, 5);
    const Graph *g = v->graph;
    Evaluation x = {LLVMGetParam(f, 6), sent_rows(t.e, g, state), sums};
    if (part & BACK_RATES) rates_back(&t, back, train, state, sums, LLVMGetParam(f, 4), d_state);
    for (int i = 0; i < g->sets.count && (part & BACK_SENT); i++)
        if (g->sets.at[i].states) set_back(&t, back, i, train, &x, state, d_state);
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
    LLVMValueRef f = gen_timed_begin(outer, v, "output_back", 6, 0, &t, &saved), state = LLVMGetParam(f, 2),
                 d_out = LLVMGetParam(f, 3), d_state = LLVMGetParam(f, 4);
    Evaluation x = {LLVMGetParam(f, 5), sent_rows(t.e, g, state), d_out};
    if (!is_moving(g, g->output)) own_gradients(&t, g, g->output, &x, (GenBlocks){0}, true, train);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        GenBlocks d_sent = gen_work(&t, back, s->value_pitch);
        if (!s->states || (is_moving(g, g->output) && i != g->output)) continue;
        if (i == g->output)
            send_back(&t, s, true, train, state, (GenBlocks){d_out, s->value_pixels}, d_state);
        else if (gather_gradients(&t, g, i, true, &x, d_sent, true))
            send_back(&t, s, false, train, state, d_sent, d_state);
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
    LLVMValueRef d_held = LLVMGetParam(f, 3);
    Evaluation x = {LLVMGetParam(f, 5), LLVMGetParam(f, 4), LLVMGetParam(f, 2)};
    GenBlocks to = {d_held, g->sets.at[g->input].value_pixels};
    gather_gradients(&t, g, g->input, from_output, &x, to, false);
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
