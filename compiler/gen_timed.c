/* gen_timed.c: graphs in time (timed.h): small functions of a graph, which kernels/drive.c calls.
 *
 *   send         states -> what each node sends
 *   move         states, sent values -> sums of all nodes, rates (or next states)
 *   show         sent values -> the output at one position
 *   back         the gradient of send and move, from that of the rates: sums are replaced by their gradients
 *   output_back  the gradient of show
 *   held_back    what flows back to a held input: from the gradients of sums; from that of a plain output
 */
#include "diag.h"
#include "gen.h"
#include "kernels/kernel.h"
#include "timed.h"
#include <stddef.h>

static LLVMValueRef rows_from(Emit *e, LLVMValueRef base, LLVMValueRef row)
{
    return emit_element(e, base, emit_mul(e, row, emit_int(e, LANES)));
}

static LLVMValueRef row_in(Emit *e, LLVMValueRef base, int64_t first, LLVMValueRef node)
{
    return rows_from(e, base, emit_add(e, emit_int(e, first), node));
}

/* First row of a node in rows at `base`: of its state k, of what it sends, of what reaches it. */
static LLVMValueRef state_in(Emit *e, LLVMValueRef base, const NodeSet *s, int k, LLVMValueRef node)
{
    return row_in(e, base, set_state(s, k, 0), emit_mul(e, node, emit_int(e, s->state_pixels)));
}
static LLVMValueRef sent_in(Emit *e, LLVMValueRef base, const NodeSet *s, LLVMValueRef node)
{
    return row_in(e, base, s->first, emit_mul(e, node, emit_int(e, s->value_pixels)));
}
static LLVMValueRef sum_in(Emit *e, LLVMValueRef base, const NodeSet *s, LLVMValueRef node)
{
    return row_in(e, base, s->first_sum, emit_mul(e, node, emit_int(e, s->pixels)));
}

/* A function (ptr context, ptr tile, ptr ...); `t` is set to it. The builder's place is saved in *saved. */
typedef struct Saved {
    LLVMValueRef function;
    LLVMBasicBlockRef block;
} Saved;

static LLVMValueRef begin(GenTile *outer, const Value *v, const char *name, int pointers, GenTile *t,
                          Saved *saved)
{
    Emit *e = outer->e;
    LLVMTypeRef params[8];
    for (int i = 0; i < pointers; i++) params[i] = e->ptr;
    *saved = (Saved){e->function, LLVMGetInsertBlock(e->builder)};
    LLVMValueRef f = emit_begin(e, arena_printf(e->arena, "%s_%s", v->graph->name, name), pointers, params);
    *t = (GenTile){.e = e, .context = LLVMGetParam(f, 0), .tile = LLVMGetParam(f, 1)};
    return f;
}

static void end(Emit *e, Saved saved)
{
    emit_end(e);
    e->function = saved.function;
    LLVMPositionBuilderAtEnd(e->builder, saved.block);
}

/* Rows of the arguments of a node function: `sum` (or NULL), states, then room for gradients. */
static LLVMValueRef *arguments(Emit *e, const NodeSet *s, LLVMValueRef sum, LLVMValueRef state,
                               LLVMValueRef node)
{
    LLVMValueRef *args = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)(2 + 2 * MAX_STATES));
    args[0] = sum;
    for (int k = 0; k < s->states; k++) args[1 + k] = state_in(e, state, s, k, node);
    return args;
}

/* ---- forward ---- */

static LLVMValueRef gen_send(GenTile *outer, const Value *v)
{
    GenTile t;
    Saved saved;
    LLVMValueRef f = begin(outer, v, "send", 4, &t, &saved), state = LLVMGetParam(f, 2),
                 sent = LLVMGetParam(f, 3);
    Emit *e = t.e;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
        gen_cell(&t, s->send, nodes.i, arguments(e, s, NULL, state, nodes.i),
                 &(CellResult){RESULT_STORE, sent_in(e, sent, s, nodes.i)});
        emit_loop_end(e, &nodes);
    }
    end(e, saved);
    return f;
}

/* Sum over the edges into a node; sources are the held input or sent values. */
static void sum_into(GenTile *t, const Value *v, int set, LLVMValueRef node, LLVMValueRef held,
                     LLVMValueRef sent, LLVMValueRef out)
{
    const Graph *g = v->graph;
    bool fresh = true;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to != set) continue;
        LLVMValueRef zero = emit_int(t->e, 0);
        LLVMValueRef rows = is_moving(g, u->from) ? sent_in(t->e, sent, &g->sets.at[u->from], zero) : held;
        gen_gather(t, "gather", g, b, node, rows, out, fresh);
        fresh = false;
    }
    if (fresh) gen_zero_rows(t, out, g->sets.at[set].pixels);
}

static LLVMValueRef held_rows(GenTile *t, const Value *v)
{
    return gen_row(t, emit_int(t->e, v->args[0]->address));
}

static LLVMValueRef gen_move(GenTile *outer, const Value *v)
{
    GenTile t;
    Saved saved;
    LLVMValueRef f = begin(outer, v, "move", 7, &t, &saved), state = LLVMGetParam(f, 2),
                 sent = LLVMGetParam(f, 3);
    LLVMValueRef held = LLVMGetParam(f, 4), sums = LLVMGetParam(f, 5), rate = LLVMGetParam(f, 6);
    Emit *e = t.e;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        if (!s->states) continue;
        EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
        LLVMValueRef sum = sum_in(e, sums, s, nodes.i);
        sum_into(&t, v, i, nodes.i, held, sent, sum);
        CellResult results[MAX_STATES];
        for (int k = 0; k < s->states; k++)
            results[k] = (CellResult){RESULT_STORE, state_in(e, rate, s, k, nodes.i)};
        gen_cell(&t, s->move, nodes.i, arguments(e, s, sum, state, nodes.i), results);
        emit_loop_end(e, &nodes);
    }
    end(e, saved);
    return f;
}

/* States before the first step: the input set starts at the input, others at their constants. */
static void start_states(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        for (int k = 0; k < s->states; k++) {
            LLVMValueRef to = gen_row(t, emit_int(e, v->address + set_state(s, k, 0)));
            if (s->role == 0 && k == 0) {
                gen_copy_rows(t, to, held_rows(t, v), s->size * s->state_pixels);
                continue;
            }
            EmitLoop l = emit_loop(e, emit_int(e, s->size * s->state_pixels * LANES));
            emit_store(e, emit_real(e, s->start[k], false), emit_element(e, to, l.i));
            emit_loop_end(e, &l);
        }
    }
}

static LLVMValueRef time_of(GenTile *t, const Graph *g)
{
    return emit_bytes(t->e, gen_context(t->e, t->context, CONTEXT_TIME, t->e->ptr),
                      emit_int(t->e, g->number * (int64_t)sizeof(DnwrtTime)));
}

static LLVMValueRef address_of(GenTile *t, const Value *v, int64_t row)
{
    return gen_row(t, emit_int(t->e, v->address + row));
}

/* The output at one position: sums of what is sent, or what the output set's nodes send. */
static LLVMValueRef gen_show(GenTile *outer, const Value *v)
{
    GenTile t;
    Saved saved;
    LLVMValueRef f = begin(outer, v, "show", 5, &t, &saved), sent = LLVMGetParam(f, 2);
    LLVMValueRef held = LLVMGetParam(f, 3), to = LLVMGetParam(f, 4);
    const NodeSet *out = &v->graph->sets.at[v->graph->output];
    Emit *e = t.e;
    if (out->states) {
        gen_copy_rows(&t, to, sent_in(e, sent, out, emit_int(e, 0)), set_rows(out));
    } else {
        EmitLoop l = emit_loop(e, emit_int(e, out->size));
        sum_into(&t, v, v->graph->output, l.i, held, sent,
                 rows_from(e, to, emit_mul(e, l.i, emit_int(e, out->value_pixels))));
        emit_loop_end(e, &l);
    }
    end(e, saved);
    return f;
}

void gen_timed(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const Graph *g = v->graph;
    TimedRows r = timed_rows(g);
    bool trains = v->partial >= 0; /* rows of wired_back take the sums */
    LLVMValueRef send = gen_send(t, v), move = gen_move(t, v), show = gen_show(t, v);
    start_states(t, v);
    LLVMValueRef args[14] = {t->context,
                             t->tile,
                             time_of(t, g),
                             t->number,
                             held_rows(t, v),
                             address_of(t, v, 0),
                             address_of(t, v, r.rates),
                             trains ? address_of(t, v, r.saved) : LLVMConstNull(e->ptr),
                             trains ? gen_row(t, emit_int(e, v->partial)) : address_of(t, v, r.sums),
                             emit_int(e, trains ? g->sum_rows : 0),
                             address_of(t, v, r.output),
                             send,
                             move,
                             show};
    emit_kernel(e, "drive", e->none, 14, args);
}

/* ---- backward ---- */

/* Gradients of `move`, node by node: sums become their gradients, states' gradients are stored. */
static void move_back(GenTile *t, const NodeSet *s, const Func *train, LLVMValueRef state, LLVMValueRef sums,
                      LLVMValueRef d_rate, LLVMValueRef d_state)
{
    Emit *e = t->e;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef sum = sum_in(e, sums, s, nodes.i), *args = arguments(e, s, sum, state, nodes.i);
    CellTotals totals = gen_totals(e, s->move);
    CellResult *results = NEW_ARRAY(e->arena, CellResult, (size_t)(1 + MAX_STATES + totals.weights.count));
    results[0] = (CellResult){RESULT_STORE, sum};
    for (int k = 0; k < s->states; k++) {
        args[1 + s->states + k] = state_in(e, d_rate, s, k, nodes.i);
        results[1 + k] = (CellResult){RESULT_STORE, state_in(e, d_state, s, k, nodes.i)};
    }
    gen_total_results(&totals, results + 1 + s->states);
    gen_cell(t, s->move_back, nodes.i, args, results);
    gen_add_totals(t, &totals, train, nodes.i, true);
    emit_loop_end(e, &nodes);
}

/* Gradient of `send` of one node, added to its states' gradients; `d_sent` is its block. */
static void send_back(GenTile *t, const NodeSet *s, const Func *train, LLVMValueRef state,
                      LLVMValueRef d_sent, LLVMValueRef d_state, LLVMValueRef node)
{
    Emit *e = t->e;
    LLVMValueRef *args = arguments(e, s, NULL, state, node);
    CellTotals totals = gen_totals(e, s->send);
    CellResult *results = NEW_ARRAY(e->arena, CellResult, (size_t)(MAX_STATES + totals.weights.count + 1));
    args[1 + s->states] = d_sent;
    for (int k = 0; k < s->states; k++)
        results[k] = (CellResult){RESULT_ADD, state_in(e, d_state, s, k, node)};
    gen_total_results(&totals, results + s->states);
    gen_cell(t, s->send_back, node, args, results);
    gen_add_totals(t, &totals, train, node, true);
}

/* out (+)= weights times the gradients of the sums of moving targets (or of the plain output). Returns
 * whether any edge leads there. */
static bool gather_gradients(GenTile *t, const Graph *g, int from, bool to_output, LLVMValueRef node,
                             LLVMValueRef rows, LLVMValueRef out, bool fresh)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        bool plain = u->to == g->output && !is_moving(g, g->output);
        if (u->from != from || plain != to_output) continue;
        LLVMValueRef at = plain ? rows : sum_in(t->e, rows, &g->sets.at[u->to], emit_int(t->e, 0));
        gen_gather(t, "gather_back", g, b, node, at, out, fresh);
        fresh = false;
    }
    return !fresh;
}

/* Room for the gradient of what one node sends: on the stack for a number, behind the rows of wired_back for
 * a map. */
static LLVMValueRef work_block(GenTile *t, const Value *back)
{
    if (back->graph->block_rows == 0) return emit_scratch(t->e, LANES);
    return gen_row(t, emit_int(t->e, back->address + shape_size(back->shape)));
}

static LLVMValueRef gen_back(GenTile *outer, const Value *back, const Func *train)
{
    const Value *v = back->args[0];
    GenTile t;
    Saved saved;
    LLVMValueRef f = begin(outer, v, "back", 6, &t, &saved), state = LLVMGetParam(f, 2),
                 sums = LLVMGetParam(f, 3);
    LLVMValueRef d_rate = LLVMGetParam(f, 4), d_state = LLVMGetParam(f, 5), scratch = work_block(&t, back);
    const Graph *g = v->graph;
    for (int i = 0; i < g->sets.count; i++)
        if (g->sets.at[i].states) move_back(&t, &g->sets.at[i], train, state, sums, d_rate, d_state);
    for (int i = 0; i < g->sets.count; i++) {
        if (!g->sets.at[i].states) continue;
        EmitLoop nodes = emit_loop(t.e, emit_int(t.e, g->sets.at[i].size));
        if (gather_gradients(&t, g, i, false, nodes.i, sums, scratch, true))
            send_back(&t, &g->sets.at[i], train, state, scratch, d_state, nodes.i);
        emit_loop_end(t.e, &nodes);
    }
    end(t.e, saved);
    return f;
}

/* Adds the gradient of the output at one position to that of the states after its steps. */
static LLVMValueRef gen_output_back(GenTile *outer, const Value *back, const Func *train)
{
    const Value *v = back->args[0];
    GenTile t;
    Saved saved;
    const Graph *g = v->graph;
    LLVMValueRef f = begin(outer, v, "output_back", 5, &t, &saved), state = LLVMGetParam(f, 2),
                 d_out = LLVMGetParam(f, 3), d_state = LLVMGetParam(f, 4);
    LLVMValueRef scratch = work_block(&t, back);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        if (!s->states || (is_moving(g, g->output) && i != g->output)) continue;
        EmitLoop nodes = emit_loop(t.e, emit_int(t.e, s->size));
        bool any = true;
        if (i == g->output)
            gen_copy_rows(&t, scratch,
                          rows_from(t.e, d_out, emit_mul(t.e, nodes.i, emit_int(t.e, s->value_pixels))),
                          s->value_pixels);
        else any = gather_gradients(&t, g, i, true, nodes.i, d_out, scratch, true);
        if (any) send_back(&t, s, train, state, scratch, d_state, nodes.i);
        emit_loop_end(t.e, &nodes);
    }
    end(t.e, saved);
    return f;
}

/* Adds to the gradient of a held input at one position. */
static LLVMValueRef gen_held_back(GenTile *outer, const Value *v, bool from_output)
{
    GenTile t;
    Saved saved;
    const Graph *g = v->graph;
    LLVMValueRef f = begin(outer, v, from_output ? "held_output_back" : "held_back", 4, &t, &saved);
    LLVMValueRef d = LLVMGetParam(f, 2), d_held = LLVMGetParam(f, 3);
    const NodeSet *in = &g->sets.at[g->input];
    EmitLoop nodes = emit_loop(t.e, emit_int(t.e, in->size));
    LLVMValueRef to = rows_from(t.e, d_held, emit_mul(t.e, nodes.i, emit_int(t.e, in->value_pixels)));
    gather_gradients(&t, g, g->input, from_output, nodes.i, d, to, false);
    emit_loop_end(t.e, &nodes);
    end(t.e, saved);
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
        emit_load(e, e->ptr, emit_bytes(e, time_of(t, g), emit_int(e, offsetof(DnwrtTime, run))));
    LLVMValueRef run = emit_bytes(e, runs, emit_mul(e, t->number, emit_int(e, sizeof(DnwrtRun))));
    return emit_loop(e, emit_load(e, e->i64, emit_bytes(e, run, emit_int(e, offsetof(DnwrtRun, fresh)))));
}

void gen_timed_back(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    const Value *wired = v->args[0];
    const Graph *g = v->graph;
    TimedRows r = timed_rows(g);
    bool plain = !is_moving(g, g->output), held = !is_moving(g, g->input) && wants_input(f, v);
    LLVMValueRef none = LLVMConstNull(e->ptr), send = gen_send(t, wired), move = gen_move(t, wired);
    LLVMValueRef back = gen_back(t, v, f), output_back = gen_output_back(t, v, f);
    LLVMValueRef held_back = held ? gen_held_back(t, wired, false) : none,
                 held_output_back = held ? gen_held_back(t, wired, true) : none;
    LLVMValueRef d_out = gen_row(t, emit_int(e, v->args[1]->args[0]->address));
    EmitLoop once = begin_once(t, g);
    gen_clear_partials(t, v, f);
    if (plain) { /* kept: the gradients of its edges are made from them */
        int64_t rows = g->time.positions * set_rows(&g->sets.at[g->output]);
        gen_copy_rows(t, address_of(t, v, r.back_output), d_out, rows);
    }
    emit_loop_end(e, &once);
    LLVMValueRef args[18] = {t->context,
                             t->tile,
                             time_of(t, g),
                             t->number,
                             held_rows(t, wired),
                             address_of(t, wired, 0),
                             address_of(t, wired, r.rates),
                             address_of(t, wired, r.saved),
                             address_of(t, v, 0),
                             plain ? address_of(t, v, r.back_output) : d_out,
                             address_of(t, v, r.back_work),
                             held ? address_of(t, v, r.back_held) : none,
                             send,
                             move,
                             back,
                             output_back,
                             held_back,
                             held_output_back};
    emit_kernel(e, "drive_back", e->none, 18, args);
}
