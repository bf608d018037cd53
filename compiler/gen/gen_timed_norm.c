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
    TimedFn f = gen_timed_begin(outer, v, "sums", "");
    for (int i = 0; i < v->graph->sets.count; i++) {
        const GenNodes all = gen_all_nodes(f.t.e, v->graph, i);
        if (v->graph->sets.at[i].states) gen_graph_sums(&f.t, &f.x, &all, gen_sums(&f.t, &f.x, i));
    }
    return gen_timed_end(&f);
}

/* switch (norm) { each norm: the tile's part of it, for the sets whose function has so many } */
static LLVMValueRef each_norm(TimedFn *f, LLVMValueRef samples)
{
    GenTile *t = &f->t;
    Emit *e = t->e;
    const Graph *g = f->x.wired->graph;
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(e->context, f->f, "done");
    LLVMValueRef choice = LLVMBuildSwitch(e->builder, gen_timed_more(f, 0), done, MAX_NORMS);
    for (int n = 0; n < MAX_NORMS; n++) {
        LLVMBasicBlockRef block = LLVMAppendBasicBlockInContext(e->context, f->f, "norm");
        LLVMAddCase(choice, emit_int(e, n), block);
        LLVMPositionBuilderAtEnd(e->builder, block);
        for (int i = 0; i < g->sets.count; i++) {
            const GenNodes all = gen_all_nodes(e, g, i);
            gen_of_set(t, &g->sets.at[i]);
            if (n >= t->set->cell.norms.count) continue;
            if (f->x.back) gen_graph_norm_back(t, &f->x, &all, n);
            else gen_graph_norm(t, &f->x, &all, n, samples);
        }
        LLVMBuildBr(e->builder, done);
    }
    LLVMPositionBuilderAtEnd(e->builder, done);
    return gen_timed_end(f);
}

LLVMValueRef gen_timed_norm(GenTile *outer, const Value *v)
{
    TimedFn f = gen_timed_begin(outer, v, "norm", "ii");
    return each_norm(&f, gen_timed_more(&f, 1));
}

LLVMValueRef gen_timed_norm_back(GenTile *outer, const Value *back)
{
    TimedFn f = gen_timed_begin(outer, back->args[0], "norm_back", "ip");
    f.x.back = back, f.x.d_rate = gen_timed_more(&f, 1);
    return each_norm(&f, NULL);
}
