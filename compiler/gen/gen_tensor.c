/* gen_tensor.c: operators that move or sum elements (op_tensor.c, op_axis.c): their code in a tile, and for
 * values that all samples share.
 */
#include "base/diag.h"
#include "gen/gen.h"
#include "ir/op.h"

/* ---- in a tile ---- */

/* x behind `at` rows of v */
static void put_rows(GenTile *t, const Value *v, int64_t at, const Value *x)
{
    gen_copy_rows(t, gen_value_row(t, v, emit_int(t->e, at)), gen_value_row(t, x, NULL),
                  shape_size(x->shape));
}

static void zero_rows(GenTile *t, const Value *v, int64_t at, int64_t count)
{
    if (count > 0) gen_zero_rows(t, gen_value_row(t, v, emit_int(t->e, at)), count);
}

static void tile_embed(GenTile *t, const Value *v)
{
    int64_t n = shape_size(v->args[0]->shape), all = shape_size(v->shape);
    zero_rows(t, v, 0, v->index);
    put_rows(t, v, v->index, v->args[0]);
    zero_rows(t, v, v->index + n, all - v->index - n);
}

static void tile_concat(GenTile *t, const Value *v)
{
    int64_t at = 0;
    for (int k = 0; k < v->arg_count; at += shape_size(v->args[k]->shape), k++)
        put_rows(t, v, at, v->args[k]);
}

static void tile_sum_samples(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    LLVMValueRef args[4] = {gen_value_row(t, v->args[0], NULL), emit_int(e, shape_size(v->shape)), t->valid,
                            gen_partial(t, t->plan_rows, v->partial)};
    emit_kernel(e, "sum_samples", e->none, 4, args);
}

/* Of the tile's samples alone: means, then the squares of the distances from them. */
static void tile_moments(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    const int64_t channels = shape_size(v->shape) / 2, numbers = moments_numbers(v);
    EmitLoop l = emit_loop(e, emit_int(e, channels));
    LLVMValueRef mean = emit_element(e, gen_partial(t, t->plan_rows, v->partial), l.i);
    LLVMValueRef first = emit_mul(e, l.i, emit_int(e, numbers));
    LLVMValueRef args[5] = {gen_row_part(t, v->args[0], first, emit_int(e, 0)), emit_int(e, numbers),
                            t->valid, mean, emit_element(e, mean, emit_int(e, channels))};
    emit_kernel(e, "moments", e->none, 5, args);
    emit_loop_end(e, &l);
}

/* Reduced or broadcast, run by run and vector by vector: `few` have one number for `count` of `many`. */
static void tile_runs(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    Axes s = axes_of(v);
    bool grows = v->op == IR_BROADCAST;
    const Value *x = v->args[0], *few = grows ? x : v, *many = grows ? v : x;
    EmitLoop outer = emit_loop(e, emit_int(e, s.outer)), inner = emit_loop(e, emit_int(e, s.inner)),
             parts = emit_loop(e, emit_int(e, e->row / e->width));
    LLVMValueRef one = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.inner)), inner.i),
                 run = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count * s.inner)), inner.i);
    LLVMValueRef args[4] = {gen_row_part(t, many, run, parts.i), emit_int(e, s.inner * e->row),
                            gen_row_part(t, few, one, parts.i), emit_int(e, s.count)};
    emit_sized_kernel(e, op_info[v->op].text, 4, args);
    emit_loop_end(e, &parts);
    emit_loop_end(e, &inner);
    emit_loop_end(e, &outer);
}

/* Transposed or broadcast: rows that stand together stay together. */
static void tile_blocks(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    Axes s = axes_of(v);
    EmitLoop outer = emit_loop(e, emit_int(e, s.outer)), a = emit_loop(e, emit_int(e, s.count)),
             b = emit_loop(e, emit_int(e, s.second));
    LLVMValueRef to = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.second)), b.i), from = to;
    to = emit_add(e, emit_mul(e, to, emit_int(e, s.count)), a.i);
    if (v->op == IR_TRANSPOSE) {
        from = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count)), a.i);
        from = emit_add(e, emit_mul(e, from, emit_int(e, s.second)), b.i);
    }
    LLVMValueRef zero = emit_int(e, 0), inner = emit_int(e, s.inner);
    gen_copy_rows(t, gen_row_part(t, v, emit_mul(e, to, inner), zero),
                  gen_row_part(t, v->args[0], emit_mul(e, from, inner), zero), s.inner);
    emit_loop_end(e, &b);
    emit_loop_end(e, &a);
    emit_loop_end(e, &outer);
}

static void tile_broadcast(GenTile *t, const Value *v)
{
    if (axes_of(v).inner == 1) tile_runs(t, v);
    else tile_blocks(t, v);
}

/* ---- shared values ---- */

static void shared_copy(Emit *e, LLVMValueRef context, const Value *to, int64_t offset, const Value *from,
                        int64_t skip)
{
    int64_t all = shape_size(to->shape), count = shape_size(from->shape);
    if (count > all) count = all;
    EmitLoop l = emit_loop(e, emit_int(e, count));
    gen_shared_store(e, context, to, offset, l.i,
                     gen_shared_load(e, context, from, emit_add(e, l.i, emit_int(e, skip))));
    gen_shared_loop_end(e, &l, count);
}

static void shared_concat(Emit *e, LLVMValueRef context, const Value *v)
{
    int64_t at = 0;
    for (int k = 0; k < v->arg_count; at += shape_size(v->args[k]->shape), k++)
        shared_copy(e, context, v, at, v->args[k], 0);
}

static void shared_embed(Emit *e, LLVMValueRef context, const Value *v)
{
    EmitLoop l = emit_loop(e, emit_int(e, shape_size(v->shape)));
    gen_shared_store(e, context, v, 0, l.i, emit_real(e, 0, false));
    gen_shared_loop_end(e, &l, shape_size(v->shape));
    shared_copy(e, context, v, v->index, v->args[0], 0);
}

/* Run by run: added up, or each a copy. */
static void shared_runs(Emit *e, LLVMValueRef context, const Value *v)
{
    const Value *x = v->args[0];
    Axes s = axes_of(v);
    bool sum = v->op == IR_REDUCE_SUM;
    LLVMValueRef total = emit_scratch(e, 1);
    EmitLoop outer = emit_loop(e, emit_int(e, s.outer)), inner = emit_loop(e, emit_int(e, s.inner));
    LLVMValueRef one = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.inner)), inner.i);
    emit_store(e, sum ? emit_real(e, 0, false) : gen_shared_load(e, context, x, one), total);
    EmitLoop run = emit_loop(e, emit_int(e, s.count));
    LLVMValueRef before = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count)), run.i),
                 at = emit_add(e, emit_mul(e, before, emit_int(e, s.inner)), inner.i),
                 now = emit_load(e, e->real, total);
    if (sum) emit_store(e, LLVMBuildFAdd(e->builder, now, gen_shared_load(e, context, x, at), ""), total);
    else gen_shared_store(e, context, v, 0, at, now);
    gen_shared_loop_end(e, &run, s.count);
    if (sum) gen_shared_store(e, context, v, 0, one, emit_load(e, e->real, total));
    emit_loop_end_small(e, &inner);
    emit_loop_end_small(e, &outer);
}

static void shared_transpose(Emit *e, LLVMValueRef context, const Value *v)
{
    Axes s = axes_of(v);
    EmitLoop outer = emit_loop(e, emit_int(e, s.outer)), a = emit_loop(e, emit_int(e, s.count)),
             b = emit_loop(e, emit_int(e, s.second)), inner = emit_loop(e, emit_int(e, s.inner));
    LLVMValueRef from = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count)), a.i),
                 to = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.second)), b.i);
    from = emit_add(e, emit_mul(e, from, emit_int(e, s.second)), b.i);
    to = emit_add(e, emit_mul(e, to, emit_int(e, s.count)), a.i);
    from = emit_add(e, emit_mul(e, from, emit_int(e, s.inner)), inner.i);
    to = emit_add(e, emit_mul(e, to, emit_int(e, s.inner)), inner.i);
    gen_shared_store(e, context, v, 0, to, gen_shared_load(e, context, v->args[0], from));
    gen_shared_loop_end(e, &inner, s.inner);
    emit_loop_end_small(e, &b);
    emit_loop_end_small(e, &a);
    emit_loop_end_small(e, &outer);
}

/* ---- both ---- */

typedef struct TensorCode {
    void (*tile)(GenTile *t, const Value *v);
    void (*shared)(Emit *e, LLVMValueRef context, const Value *v);
} TensorCode;

static const TensorCode codes[IR_OP_COUNT] = {
    [IR_CONCAT] = {tile_concat, shared_concat},     [IR_EMBED] = {tile_embed, shared_embed},
    [IR_SUM_SAMPLES] = {tile_sum_samples, NULL},    [IR_MOMENTS] = {tile_moments, NULL},
    [IR_REDUCE_SUM] = {tile_runs, shared_runs},     [IR_REDUCE_MAX] = {tile_runs, NULL},
    [IR_BROADCAST] = {tile_broadcast, shared_runs}, [IR_TRANSPOSE] = {tile_blocks, shared_transpose},
};

void gen_tensor(GenTile *t, const Value *v)
{
    if (op_has(v->op, OP_VIEW)) return;
    if (!codes[v->op].tile) BUG("no code for %s in a tile", op_info[v->op].text);
    codes[v->op].tile(t, v);
}

void gen_tensor_shared(Emit *e, LLVMValueRef context, const Value *v)
{
    if (op_has(v->op, OP_VIEW)) return;
    if (!codes[v->op].shared) BUG("no code for %s of shared values", op_info[v->op].text);
    codes[v->op].shared(e, context, v);
}
