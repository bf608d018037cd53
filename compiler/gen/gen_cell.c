/* gen_cell.c: what the code of static graphs and of graphs in time shares: rows, node functions. */
#include "base/diag.h"
#include "gen/gen.h"
#include "kernels/kernel.h"
#include <stddef.h>

LLVMValueRef gen_context(Emit *e, LLVMValueRef context, int field, LLVMTypeRef type)
{
    LLVMValueRef x = emit_load(e, type, emit_bytes(e, context, emit_int(e, 8 * field)));
    unsigned kind = LLVMGetMDKindIDInContext(e->context, "invariant.load", 14); /* so that it leaves loops */
    LLVMSetMetadata(x, kind, LLVMMetadataAsValue(e->context, LLVMMDNodeInContext2(e->context, NULL, 0)));
    return x;
}

LLVMValueRef gen_row(GenTile *t, LLVMValueRef row)
{
    return emit_element(t->e, t->tile, emit_mul(t->e, row, emit_int(t->e, t->e->row)));
}

LLVMValueRef gen_value_row(GenTile *t, const Value *v, LLVMValueRef element)
{
    LLVMValueRef row = emit_address(t->e, v->address);
    if (element) row = emit_add(t->e, row, element);
    return gen_graph_row(t, plan_storage(v), row);
}

LLVMValueRef gen_graph_row(GenTile *t, const Value *v, LLVMValueRef row)
{
    return emit_element(t->e, v->local ? t->local : t->tile, emit_mul(t->e, row, emit_int(t->e, t->e->row)));
}

LLVMValueRef gen_block(Emit *e, GenBlocks b, LLVMValueRef node)
{
    return emit_element(e, b.first, emit_mul(e, node, emit_int(e, b.pitch * e->row)));
}

LLVMValueRef gen_maps(GenTile *t, const Value *v)
{
    return gen_graph_row(t, v, emit_address(t->e, v->scratch));
}

GenBlocks gen_work(GenTile *t, const Value *v, int64_t pitch)
{
    return (GenBlocks){gen_graph_row(t, v, emit_address(t->e, v->scratch + v->graph->cell_rows)), pitch};
}

void gen_copy_rows(GenTile *t, LLVMValueRef to, LLVMValueRef from, int64_t count)
{
    LLVMValueRef args[3] = {to, from, emit_int(t->e, count)};
    emit_kernel(t->e, "copy_rows", t->e->none, 3, args);
}

void gen_zero_rows(GenTile *t, LLVMValueRef to, int64_t count)
{
    LLVMValueRef args[2] = {to, emit_int(t->e, count)};
    emit_kernel(t->e, "zero_rows", t->e->none, 2, args);
}

static LLVMValueRef weight_base(GenTile *t, const Value *w, LLVMValueRef node)
{
    Emit *e = t->e;
    LLVMValueRef index = emit_address(e, w->param->place);
    if (!w->param->shared) index = emit_add(e, index, emit_mul(e, node, emit_int(e, w->param->components)));
    return emit_element(e, gen_context(e, t->context, CONTEXT_PARAM, e->ptr), index);
}

/* A number of batch_norm at a node, or of a candidate. */
static LLVMValueRef statistic_base(GenTile *t, const Value *v, LLVMValueRef node)
{
    Emit *e = t->e;
    int kind = (int)(v->index % 4);
    const Norm *n = &t->norms[v->index / 4];
    LLVMValueRef base = gen_context(e, t->context, t->wired ? CONTEXT_SHARED : CONTEXT_PARAM, e->ptr);
    int64_t first =
        t->wired ? (kind < 2 ? t->wired : t->wired_back)->statistics + norm_at(n, kind, 0) : v->param->place;
    if (t->step) node = emit_add(e, node, emit_mul(e, t->step, emit_int(e, n->size)));
    return emit_element(e, base, emit_add(e, emit_address(e, first), node));
}

LLVMValueRef gen_cell_base(GenTile *t, const Value *v, LLVMValueRef node)
{
    return v->op == IR_WEIGHT ? weight_base(t, v, node) : statistic_base(t, v, node);
}

LLVMValueRef gen_cell_number(Emit *e, const Value *v, LLVMValueRef base)
{
    LLVMValueRef at = v->op == IR_WEIGHT ? emit_element(e, base, emit_int(e, v->index)) : base;
    return emit_splat(e, emit_load(e, e->real, at));
}

LLVMValueRef *gen_cell_weights(GenTile *t, const Func *f, LLVMValueRef node)
{
    LLVMValueRef *weights = NEW_ARRAY(t->e->arena, LLVMValueRef, (size_t)f->values.count);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (v->op == IR_WEIGHT || v->op == IR_STATISTIC)
            weights[i] = gen_cell_number(t->e, v, gen_cell_base(t, v, node));
    }
    return weights;
}

LLVMValueRef gen_part(Emit *e, LLVMValueRef row, LLVMValueRef part)
{
    return emit_element(e, row, emit_mul(e, part, emit_int(e, e->width)));
}

/* Where a tile sums the gradient of a parameter; -1: nobody asks for it. */
static int64_t partial_of(const Func *f, const Tensor *p)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WIRED_WEIGHT && f->values.at[i]->param == p)
            return f->values.at[i]->partial;
    return -1;
}

LLVMValueRef gen_partial(GenTile *t, int64_t rows, int64_t partial)
{
    return emit_element(t->e, t->tile, emit_address(t->e, rows * t->e->row + partial));
}

void gen_weight_gradient(GenTile *t, const Func *f, const Value *w, LLVMValueRef lanes, LLVMValueRef node,
                         bool add)
{
    Emit *e = t->e;
    int64_t partial = partial_of(f, w->param);
    if (partial < 0) return;
    LLVMValueRef args[2] = {lanes, emit_int(e, e->width)};
    LLVMValueRef sum = emit_kernel(e, "sum_lanes", e->real, 2, args);
    LLVMValueRef at = emit_element(e, gen_partial(t, f->plan_rows, partial), emit_int(e, w->index));
    if (!w->param->shared) at = emit_element(e, at, emit_mul(e, node, emit_int(e, w->param->components)));
    if (add) sum = LLVMBuildFAdd(e->builder, emit_load(e, e->real, at), sum, "");
    emit_store(e, sum, at);
}

LLVMValueRef gen_norm_part(GenTile *t, const Value *v, int norm, LLVMValueRef node)
{
    int64_t first = t->plan_rows * t->e->row + v->moments + t->norms[norm].first;
    return emit_element(t->e, t->tile, emit_add(t->e, emit_address(t->e, first), node));
}

EmitLoop gen_first_round(GenTile *t)
{
    Emit *e = t->e;
    LLVMValueRef round = gen_context(e, t->context, CONTEXT_TURNS, e->ptr);
    return emit_loop(e, emit_load(e, e->i64, emit_bytes(e, round, emit_int(e, offsetof(DnwrtTurns, first)))));
}

void gen_norm_parts(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args, LLVMValueRef at)
{
    Emit *e = t->e;
    CellResult results[2];
    for (int k = 0; k < 2; k++) {
        results[k] = (CellResult){RESULT_TOTAL, emit_scratch(e, e->width)};
        emit_store(e, emit_real(e, 0, true), results[k].to);
    }
    gen_cell(t, f, node, args, results);
    for (int k = 0; k < 2; k++) {
        LLVMValueRef sum[2] = {results[k].to, emit_int(e, e->width)};
        emit_store(e, emit_kernel(e, "sum_lanes", e->real, 2, sum),
                   emit_element(e, at, emit_int(e, k * t->norms->size)));
    }
}

/* All sums of the tile that wired_back fills start at 0. */
void gen_clear_partials(GenTile *t, const Value *back, const Func *f)
{
    Emit *e = t->e;
    for (int i = 0; i < f->values.count; i++) {
        const Value *w = f->values.at[i];
        if (w->op != IR_WIRED_WEIGHT || w->args[0] != back) continue;
        EmitLoop l = emit_loop(e, emit_int(e, shape_size(w->shape)));
        emit_store(e, emit_real(e, 0, false), emit_element(e, gen_partial(t, f->plan_rows, w->partial), l.i));
        emit_loop_end(e, &l);
    }
}

CellTotals gen_totals(Emit *e, const CellFn *fn)
{
    CellTotals t = {fn, NEW_ARRAY(e->arena, LLVMValueRef, (size_t)fn->weights.count + 1)};
    for (int i = 0; i < fn->weights.count; i++) {
        t.total[i] = emit_scratch(e, e->width);
        emit_store(e, emit_real(e, 0, true), t.total[i]);
    }
    return t;
}

CellResult *gen_back_results(Emit *e, const CellTotals *totals)
{
    const CellFn *fn = totals->fn;
    CellResult *results = NEW_ARRAY(e->arena, CellResult, (size_t)fn->back->results.count + 1);
    for (int i = 0; i < fn->weights.count; i++)
        results[fn->first_weight + i] = (CellResult){RESULT_TOTAL, totals->total[i]};
    return results;
}

void gen_add_totals(GenTile *t, const CellTotals *totals, const Func *train, LLVMValueRef node, bool add)
{
    for (int i = 0; i < totals->fn->weights.count; i++) {
        const Value *w = totals->fn->weights.at[i];
        gen_weight_gradient(t, train, w, totals->total[i], node, add || w->param->shared);
    }
}
