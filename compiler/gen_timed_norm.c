/* gen_timed_norm.c: what graphs in equal steps with batch_norm need more of functions, which kernels/turns.c
 * calls.
 *
 *   sums       sent values -> sums of all nodes, without `move`
 *   norm       states, sums -> the tile's part of the statistics of one norm of all nodes
 *   norm_back  the same of their gradients, from those of the rates (or next states)
 */
#include "gen_timed.h"
#include "diag.h"

LLVMValueRef gen_timed_sum_all(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, v, "sums", 5, 1, &t, &saved), sent = LLVMGetParam(f, 2),
                 held = LLVMGetParam(f, 3), sums = LLVMGetParam(f, 4);
    for (int i = 0; i < v->graph->sets.count; i++)
        if (v->graph->sets.at[i].states)
            gen_timed_sum_into(&t, v, i, held, sent, gen_timed_sums(t.e, sums, &v->graph->sets.at[i]));
    emit_end_to(t.e, saved);
    return f;
}

/* switch (norm) { each norm: `code` for the sets whose function has so many } */
typedef void NormCode(GenTile *t, const Value *v, int norm, LLVMValueRef state, LLVMValueRef sums,
                      LLVMValueRef last);

static void each_norm(GenTile *t, const Value *v, LLVMValueRef f, LLVMValueRef which, NormCode *code)
{
    Emit *e = t->e;
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, f, "done");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, which, done, MOST_NORMS);
    for (int n = 0; n < MOST_NORMS; n++) {
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, f, "norm");
        LLVMAddCase(choice, emit_int(e, n), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        for (int i = 0; i < v->graph->sets.count; i++) {
            gen_of_set(t, &v->graph->sets.at[i]);
            if (n < t->set->cell.norms.count)
                code(t, v, n, LLVMGetParam(f, 2), LLVMGetParam(f, 3), LLVMGetParam(f, 4));
        }
        LLVMBuildBr(e->builder, done);
    }
    LLVMPositionBuilderAtEnd(e->builder, done);
}

static void norm_set(GenTile *t, const Value *v, int norm, LLVMValueRef state, LLVMValueRef sums,
                     LLVMValueRef valid)
{
    Emit *e = t->e;
    const NodeSet *s = t->set;
    const Norm *n = &s->cell.norms.at[norm];
    int64_t room = v->scratch + v->graph->cell_rows;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef sum = gen_block(e, gen_timed_sums(e, sums, s), nodes.i), x = gen_row(t, emit_int(e, room)),
                 mean = gen_norm_part(t, v, norm, nodes.i);
    if (n->input->results.at[0] == n->input->values.at[0] && n->input->values.at[0]->index == SLOT_SUM)
        x = sum;
    else
        gen_cell(t, n->input, nodes.i, gen_timed_arguments(e, s, sum, state, nodes.i),
                 &(CellResult){RESULT_STORE, x});
    LLVMValueRef args[5] = {x, emit_int(e, n->pixels), valid, mean,
                            emit_element(e, mean, emit_int(e, s->size))};
    emit_kernel(e, "moments", e->none, 5, args);
    emit_loop_end(e, &nodes);
    gen_lap(e, n->span, "%s.%s: statistics", v->graph->name, s->name);
}

/* (context, tile, states, sums, samples of the tile, number of the norm, evaluation) */
LLVMValueRef gen_timed_norm(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, v, "norm", 4, 3, &t, &saved);
    each_norm(&t, v, f, LLVMGetParam(f, 5), norm_set);
    emit_end_to(t.e, saved);
    return f;
}

/* A norm's part of the gradients of its statistics, from those of the rates. */
static void norm_set_back(GenTile *t, const Value *v, int norm, LLVMValueRef state, LLVMValueRef sums,
                          LLVMValueRef d_rate)
{
    Emit *e = t->e;
    const NodeSet *s = t->set;
    EmitLoop nodes = emit_loop(e, emit_int(e, s->size));
    LLVMValueRef *args = gen_timed_arguments(e, s, gen_block(e, gen_timed_sums(e, sums, s), nodes.i), state,
                                             nodes.i),
                 at = gen_norm_part(t, v, norm, nodes.i);
    for (int k = 0; k < s->states; k++)
        args[SLOT_D + k] = gen_block(e, gen_timed_states(e, d_rate, s, k), nodes.i);
    if (s->slope) args[SLOT_SLOPE] = gen_timed_slope(e, sums, s, nodes.i);
    gen_timed_valid(t, v, s, args);
    gen_norm_parts(t, s->cell.norms.at[norm].back, nodes.i, args, at);
    emit_loop_end(e, &nodes);
    gen_lap(e, s->cell.norms.at[norm].span, "%s.%s: gradients of statistics", v->graph->name, s->name);
}

/* (context, tile, states, sums, gradients of the rates, number of the norm, evaluation) */
LLVMValueRef gen_timed_norm_back(GenTile *outer, const Value *back)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, back->args[0], "norm_back", 5, 2, &t, &saved);
    each_norm(&t, back, f, LLVMGetParam(f, 5), norm_set_back);
    emit_end_to(t.e, saved);
    return f;
}
