/* gen_timed_norm.c: what graphs in equal steps with batch_norm need more of functions, which kernels/turns.c
 * calls.
 *
 *   sums       sent values -> sums of all nodes, without `move`
 *   norm       states, sums -> the tile's part of the statistics of one norm of all nodes
 *   norm_back  the same of their gradients, from those of the rates (or next states)
 */
#include "gen/gen_timed.h"
#include "gen/gen_graph.h"

LLVMValueRef gen_timed_sum_all(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, v, "sums", 5, 1, &t, &saved);
    GenFrame x = {
        .wired = v, .value = LLVMGetParam(f, 2), .held = LLVMGetParam(f, 3), .sum = LLVMGetParam(f, 4)};
    for (int i = 0; i < v->graph->sets.count; i++) {
        const GenNodes all = gen_all_nodes(t.e, v->graph, i);
        if (v->graph->sets.at[i].states) gen_graph_sums(&t, &x, &all, gen_sums(&t, &x, i));
    }
    emit_end_to(t.e, saved);
    return f;
}

/* switch (norm) { each norm: the tile's part of it, for the sets whose function has so many } */
static void each_norm(GenTile *t, const GenFrame *x, LLVMValueRef f, LLVMValueRef which, LLVMValueRef samples)
{
    Emit *e = t->e;
    const Graph *g = x->wired->graph;
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, f, "done");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, which, done, MOST_NORMS);
    for (int n = 0; n < MOST_NORMS; n++) {
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, f, "norm");
        LLVMAddCase(choice, emit_int(e, n), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        for (int i = 0; i < g->sets.count; i++) {
            const GenNodes all = gen_all_nodes(e, g, i);
            gen_of_set(t, &g->sets.at[i]);
            if (n >= t->set->cell.norms.count) continue;
            if (x->back) gen_graph_norm_back(t, x, &all, n);
            else gen_graph_norm(t, x, &all, n, samples);
        }
        LLVMBuildBr(e->builder, done);
    }
    LLVMPositionBuilderAtEnd(e->builder, done);
}

/* (context, tile, states, sums, samples of the tile, number of the norm, evaluation) */
LLVMValueRef gen_timed_norm(GenTile *outer, const Value *v)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, v, "norm", 4, 3, &t, &saved);
    GenFrame x = {.wired = v, .state = LLVMGetParam(f, 2), .sum = LLVMGetParam(f, 3)};
    each_norm(&t, &x, f, LLVMGetParam(f, 5), LLVMGetParam(f, 4));
    emit_end_to(t.e, saved);
    return f;
}

/* (context, tile, states, sums, gradients of the rates, number of the norm, evaluation) */
LLVMValueRef gen_timed_norm_back(GenTile *outer, const Value *back)
{
    GenTile t;
    EmitPlace saved;
    LLVMValueRef f = gen_timed_begin(outer, back->args[0], "norm_back", 5, 2, &t, &saved);
    GenFrame x = {
        .wired = back->args[0], .back = back, .state = LLVMGetParam(f, 2), .sum = LLVMGetParam(f, 3)};
    x.d_rate = LLVMGetParam(f, 4);
    each_norm(&t, &x, f, LLVMGetParam(f, 5), NULL);
    emit_end_to(t.e, saved);
    return f;
}
