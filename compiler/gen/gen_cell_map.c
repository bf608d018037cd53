/* gen_cell_map.c: the code of a node function at one node, or of an edge function at one edge, for numbers
 * and maps.
 *
 * Values of a function are numbers or maps. Its values are put into steps as fuse.c puts those of a model:
 * pointwise values on maps of one size, and sums over them, share a loop over pixels; numbers are straight
 * code between the loops; a convolution or a pool is a call. All of it runs for one vector of lanes after the
 * other, so what stands between steps is a few kilobytes; and, in a graph under scan, for one position after
 * the other.
 */
#include "base/diag.h"
#include "gen/gen.h"
#include "kernels/kernel.h"

typedef struct CellStep {
    bool loop;      /* pointwise values and sums; else one operator */
    int64_t pixels; /* of the loop; 0: numbers, straight code */
    Vec(const Value *) values;
} CellStep;

typedef struct CellCode {
    GenTile *t;
    const Func *f;
    LLVMValueRef *args, *weights; /* weights: also what follows from them alone */
    bool *once;                   /* by value: that it does */
    const CellResult *results;
    Vec(CellStep) steps;
    int *step;    /* by value; -1: a leaf */
    int64_t room; /* reals of GenTile.maps that are given away */
    LLVMValueRef part;
    LLVMValueRef *made;   /* by value: a number, or the present pixel of a map in its own step */
    LLVMValueRef *buffer; /* by value: one vector a pixel; NULL: not kept */
} CellCode;

static int64_t loop_size(const Value *v)
{
    return v->shape.rank ? shape_size(v->shape) : 0;
}

/* There before the steps. */
static bool is_leaf(const CellCode *c, const Value *v)
{
    return op_info[v->op].class == CLASS_LEAF || c->once[v->id];
}

/* ---- steps ---- */

/* Over all pixels of a map: one number. */
static bool is_sum(const Value *v)
{
    return v->op == IR_REDUCE_SUM;
}

static bool joins_loop(const Value *v)
{
    return op_info[v->op].class == CLASS_POINTWISE || is_sum(v);
}

/* Pixels of the loop that a value belongs to. */
static int64_t loop_of(const Value *v)
{
    return loop_size(is_sum(v) ? v->args[0] : v);
}

static void place(CellCode *c, const Value *v)
{
    int first = 0;
    for (int k = 0; k < v->arg_count; k++) {
        const Value *a = v->args[k];
        if (is_leaf(c, a)) continue;
        bool same = joins_loop(v) && !is_sum(a) && c->steps.at[c->step[a->id]].loop &&
                    c->steps.at[c->step[a->id]].pixels == loop_of(v) && loop_size(a) == loop_of(v);
        int step = c->step[a->id] + !same;
        if (step > first) first = step;
    }
    for (int s = first; s < c->steps.count && joins_loop(v); s++)
        if (c->steps.at[s].loop && c->steps.at[s].pixels == loop_of(v)) {
            c->step[v->id] = s;
            vec_push(c->t->e->arena, &c->steps.at[s].values, v);
            return;
        }
    c->step[v->id] = c->steps.count;
    vec_push(c->t->e->arena, &c->steps, (CellStep){.loop = joins_loop(v), .pixels = loop_of(v)});
    vec_push(c->t->e->arena, &c->steps.at[c->steps.count - 1].values, v);
}

/* A result in the last step goes to its place at once: nothing that is read later stands there. */
static bool is_direct(const CellCode *c, int result)
{
    const Value *v = c->f->results.at[result];
    if (is_leaf(c, v) || v->shape.rank == 0 || c->step[v->id] != c->steps.count - 1) return false;
    if (c->steps.at[c->step[v->id]].loop) return true;
    for (int k = 0; k < v->arg_count; k++) /* a call must not read where it writes */
        if (v->args[k]->op == IR_ARG && c->args[v->args[k]->index] == c->results[result].to) return false;
    return c->results[result].kind == RESULT_STORE;
}

static void keep(CellCode *c, const Value *v)
{
    if (is_leaf(c, v) || v->shape.rank == 0 || c->buffer[v->id]) return;
    c->buffer[v->id] = emit_element(c->t->e, c->t->maps, emit_int(c->t->e, c->room));
    c->room += shape_size(v->shape) * c->t->e->width;
}

/* A call whose only reader is the place of a result. */
static int goes_straight(const CellCode *c, const Value *v)
{
    for (int r = 0; r < c->f->results.count; r++)
        if (c->f->results.at[r] == v && is_direct(c, r)) return r + 1;
    return 0;
}

/* Maps that another step, or the end, reads. */
static void keep_maps(CellCode *c)
{
    for (int i = 0; i < c->f->values.count; i++) {
        const Value *v = c->f->values.at[i];
        if (is_leaf(c, v)) continue;
        if (!c->steps.at[c->step[i]].loop && !goes_straight(c, v)) keep(c, v);
        for (int k = 0; k < v->arg_count; k++)
            if (!is_leaf(c, v->args[k]) && c->step[v->args[k]->id] != c->step[i]) keep(c, v->args[k]);
    }
    for (int r = 0; r < c->f->results.count; r++)
        if (!is_direct(c, r)) keep(c, c->f->results.at[r]);
}

/* ---- operands ---- */

static LLVMValueRef pixel_at(CellCode *c, LLVMValueRef row, LLVMValueRef pixel)
{
    Emit *e = c->t->e;
    if (pixel) row = emit_element(e, row, emit_mul(e, pixel, emit_int(e, e->row)));
    return gen_part(e, row, c->part);
}

static LLVMValueRef buffered(CellCode *c, const Value *v, LLVMValueRef pixel)
{
    Emit *e = c->t->e;
    return emit_element(e, c->buffer[v->id], emit_mul(e, pixel, emit_int(e, e->width)));
}

/* One vector of a value: of its pixel when it is a map. */
static LLVMValueRef operand(CellCode *c, const Value *v, LLVMValueRef pixel, int step)
{
    Emit *e = c->t->e;
    if (c->made[v->id] && (v->shape.rank == 0 || c->step[v->id] == step)) return c->made[v->id];
    if (v->op == IR_ARG && !c->args[v->index]) return emit_real(e, 0, true); /* noise, in inference */
    if (v->op == IR_ARG) return emit_load(e, e->lanes, pixel_at(c, c->args[v->index], pixel));
    if (!c->buffer[v->id]) BUG("%s of a node function was not kept", op_info[v->op].text);
    LLVMValueRef x = emit_load(e, e->lanes, buffered(c, v, pixel));
    return v->is_bool ? LLVMBuildFCmp(e->builder, LLVMRealUNE, x, emit_real(e, 0, true), "") : x;
}

static void load_numbers(CellCode *c)
{
    Emit *e = c->t->e;
    for (int i = 0; i < c->f->values.count; i++) {
        const Value *v = c->f->values.at[i];
        c->made[i] = NULL;
        if (v->op == IR_CONST) c->made[i] = gen_const(e, v, true);
        else if (v->op == IR_WEIGHT || v->op == IR_STATISTIC || c->once[i]) c->made[i] = c->weights[i];
        else if (v->op == IR_ARG && v->shape.rank == 0 && c->args[v->index])
            c->made[i] = emit_load(e, e->lanes, pixel_at(c, c->args[v->index], NULL));
    }
}

/* ---- steps as code ---- */

static void put(CellCode *c, int result, LLVMValueRef pixel, LLVMValueRef x)
{
    Emit *e = c->t->e;
    const CellResult *r = &c->results[result];
    LLVMValueRef at = r->kind == RESULT_TOTAL ? r->to : pixel_at(c, r->to, pixel);
    if (r->kind != RESULT_STORE) x = LLVMBuildFAdd(e->builder, emit_load(e, e->lanes, at), x, "");
    emit_store(e, x, at);
}

static void loop_body(CellCode *c, int step, LLVMValueRef pixel, LLVMValueRef *total)
{
    Emit *e = c->t->e;
    const CellStep *s = &c->steps.at[step];
    for (int i = 0; i < s->values.count; i++) {
        const Value *v = s->values.at[i];
        LLVMValueRef args[3];
        for (int k = 0; k < v->arg_count; k++) args[k] = operand(c, v->args[k], pixel, step);
        if (is_sum(v)) {
            if (v->args[0]->is_bool) args[0] = LLVMBuildUIToFP(e->builder, args[0], e->lanes, "");
            LLVMValueRef sum = LLVMBuildFAdd(e->builder, emit_load(e, e->lanes, total[i]), args[0], "");
            if (e->width == 1) LLVMSetFastMathFlags(sum, LLVMFastMathAllowReassoc); /* vectors of pixels */
            emit_store(e, sum, total[i]);
            continue;
        }
        c->made[v->id] = v->op == IR_POSITION ? emit_splat(e, LLVMBuildSIToFP(e->builder, pixel, e->real, ""))
                                              : gen_pointwise(e, v, args, true);
        if (!c->buffer[v->id]) continue;
        LLVMValueRef x = c->made[v->id];
        if (v->is_bool) x = LLVMBuildUIToFP(e->builder, x, e->lanes, "");
        emit_store(e, x, buffered(c, v, pixel));
    }
    for (int r = 0; r < c->f->results.count; r++) /* after everything that reads what stands there */
        if (is_direct(c, r) && c->step[c->f->results.at[r]->id] == step)
            put(c, r, pixel, c->made[c->f->results.at[r]->id]);
}

static void loop_step(CellCode *c, int step)
{
    Emit *e = c->t->e;
    const CellStep *s = &c->steps.at[step];
    if (s->pixels == 0) {
        loop_body(c, step, NULL, NULL);
        return;
    }
    LLVMValueRef *total = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)s->values.count);
    for (int i = 0; i < s->values.count; i++) {
        if (!is_sum(s->values.at[i])) continue;
        total[i] = emit_scratch(e, e->width);
        emit_store(e, emit_real(e, 0, true), total[i]);
    }
    EmitLoop l = emit_loop(e, emit_int(e, s->pixels));
    loop_body(c, step, l.i, total);
    if (e->width == 1) emit_loop_end_rolled(e, &l);
    else emit_loop_end(e, &l);
    for (int i = 0; i < s->values.count; i++)
        if (total[i]) c->made[s->values.at[i]->id] = emit_load(e, e->lanes, total[i]);
        else c->made[s->values.at[i]->id] = NULL;
}

static GenMap map_of(CellCode *c, const Value *v)
{
    if (v->op == IR_ARG) return (GenMap){gen_part(c->t->e, c->args[v->index], c->part), c->t->e->row};
    return (GenMap){c->buffer[v->id], c->t->e->width};
}

/* The taps of a convolution in a row. They are made of weights alone: the same for all lanes. */
static LLVMValueRef taps_of(CellCode *c, const Value *v)
{
    Emit *e = c->t->e;
    LLVMValueRef taps = emit_scratch(e, v->arg_count - 1), zero = LLVMConstInt(e->i32, 0, false);
    for (int k = 1; k < v->arg_count; k++) {
        LLVMValueRef x = operand(c, v->args[k], NULL, -1);
        if (e->width > 1) x = LLVMBuildExtractElement(e->builder, x, zero, "");
        emit_store(e, x, emit_element(e, taps, emit_int(e, k - 1)));
    }
    return taps;
}

static void operator_step(CellCode *c, const Value *v)
{
    Emit *e = c->t->e;
    if (v->op == IR_SLICE && v->shape.rank == 0) {
        LLVMValueRef at = emit_element(e, c->buffer[v->args[0]->id], emit_int(e, v->index * e->width));
        c->made[v->id] = emit_load(e, e->lanes, at);
        return;
    }
    if (op_info[v->op].class != CLASS_MAP) BUG("no code for %s in a node function", op_info[v->op].text);
    GenMap args[2], out = {c->buffer[v->id], e->width};
    args[0] = map_of(c, v->args[0]);
    if (v->op == IR_CONV || v->op == IR_CONV_INPUT) args[1] = (GenMap){taps_of(c, v), 1};
    else if (v->arg_count > 1) args[1] = map_of(c, v->args[1]);
    int straight = goes_straight(c, v);
    if (straight) out = (GenMap){gen_part(e, c->results[straight - 1].to, c->part), e->row};
    gen_map_kernel(e, v, args, out);
}

static void store_results(CellCode *c)
{
    Emit *e = c->t->e;
    for (int r = 0; r < c->f->results.count; r++) {
        const Value *v = c->f->results.at[r];
        if (is_direct(c, r)) continue;
        if (v->shape.rank == 0) {
            put(c, r, NULL, operand(c, v, NULL, -1));
            continue;
        }
        EmitLoop l = emit_loop(e, emit_int(e, shape_size(v->shape)));
        put(c, r, l.i, operand(c, v, l.i, -1));
        emit_loop_end(e, &l);
    }
}

static LLVMValueRef moved(const GenTile *t, LLVMValueRef block, LLVMValueRef position, const Value *v)
{
    Emit *e = t->e;
    if (!block || block == t->valid_row) return block;
    return emit_element(e, block, emit_mul(e, position, emit_int(e, shape_size(v->shape) * e->row)));
}

/* Arguments and results at one position of their blocks. What stood in one place still does. */
static void move_to(CellCode *c, LLVMValueRef position)
{
    Arena *a = c->t->e->arena;
    LLVMValueRef *args = NEW_ARRAY(a, LLVMValueRef, SLOTS);
    CellResult *results = NEW_ARRAY(a, CellResult, (size_t)c->f->results.count + 1);
    for (int i = 0; i < SLOTS; i++) {
        const Value *v = func_argument(c->f, i);
        if (v && c->args[i]) args[i] = moved(c->t, c->args[i], position, v);
    }
    for (int r = 0; r < c->f->results.count; r++) {
        results[r] = c->results[r];
        if (results[r].kind == RESULT_TOTAL) continue;
        results[r].to = NULL;
        for (int i = 0; i < SLOTS && !results[r].to; i++)
            if (func_argument(c->f, i) && c->args[i] == c->results[r].to) results[r].to = args[i];
        if (!results[r].to) results[r].to = moved(c->t, c->results[r].to, position, c->f->results.at[r]);
    }
    c->args = args, c->results = results;
}

/* Does v follow from weights alone? Then it is the same for all lanes, pixels and positions. */
static bool of_weights(const CellCode *c, const Value *v)
{
    bool all = op_info[v->op].class == CLASS_POINTWISE && v->arg_count > 0 && v->shape.rank == 0;
    for (int k = 0; k < v->arg_count && all; k++) {
        const Value *a = v->args[k];
        all = a->op == IR_CONST || a->op == IR_WEIGHT || a->op == IR_STATISTIC || c->once[a->id];
    }
    return all;
}

/* What follows from weights alone, once. */
static void run_once(CellCode *c, LLVMValueRef *weights)
{
    Emit *e = c->t->e;
    c->weights = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)c->f->values.count + 1);
    for (int i = 0; i < c->f->values.count; i++) {
        const Value *v = c->f->values.at[i];
        LLVMValueRef args[3];
        c->weights[i] = weights[i], c->once[i] = of_weights(c, v);
        for (int k = 0; k < v->arg_count && c->once[i]; k++) {
            const Value *a = v->args[k];
            args[k] = a->op == IR_CONST ? gen_const(e, a, true) : c->weights[a->id];
        }
        if (c->once[i]) c->weights[i] = gen_pointwise(e, v, args, true);
    }
}

/* The steps for one vector of lanes after the other. */
static void run_steps(CellCode *c)
{
    Emit *e = c->t->e;
    EmitLoop parts = emit_loop(e, emit_int(e, e->row / e->width));
    c->part = parts.i;
    load_numbers(c);
    for (int s = 0; s < c->steps.count; s++) {
        if (c->steps.at[s].loop) loop_step(c, s);
        else operator_step(c, c->steps.at[s].values.at[0]);
        if (!c->steps.at[s].loop || c->steps.at[s].pixels) /* numbers take no time worth a clock */
            gen_lap_values(e, c->f->name, c->steps.at[s].values.at, c->steps.at[s].values.count);
    }
    store_results(c);
    emit_loop_end(e, &parts);
}

void gen_cell_with(GenTile *t, const Func *f, LLVMValueRef *weights, LLVMValueRef *args,
                   const CellResult *results)
{
    Emit *e = t->e;
    size_t count = (size_t)f->values.count + 1;
    CellCode c = {.t = t,
                  .f = f,
                  .args = args,
                  .results = results,
                  .once = NEW_ARRAY(e->arena, bool, count),
                  .step = NEW_ARRAY(e->arena, int, count),
                  .made = NEW_ARRAY(e->arena, LLVMValueRef, count),
                  .buffer = NEW_ARRAY(e->arena, LLVMValueRef, count)};
    run_once(&c, weights);
    for (int i = 0; i < f->values.count; i++) {
        c.step[i] = -1;
        if (!is_leaf(&c, f->values.at[i])) place(&c, f->values.at[i]);
    }
    EmitLoop positions = emit_loop(e, emit_int(e, t->positions > 1 ? t->positions : 1));
    if (t->positions > 1) move_to(&c, positions.i);
    keep_maps(&c);
    run_steps(&c);
    emit_loop_end(e, &positions);
}

static bool has_maps(const Func *f)
{
    for (int i = 0; i < f->values.count; i++)
        if (shape_size(f->values.at[i]->shape) > 1) return true;
    return false;
}

void gen_cell(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args, const CellResult *results)
{
    if (has_maps(f) && !t->e->profile) gen_cell_call(t, f, node, args, results);
    else gen_cell_with(t, f, gen_cell_weights(t, f, node), args, results);
}
