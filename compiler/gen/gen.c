/* gen.c: stage functions: levels of a plan as code over one tile, or over the shared area. */
#include "gen/gen.h"
#include "base/diag.h"
#include "common/dnwrt.h"
#include "kernels/kernel.h"
#include "ir/op.h"

/* ---- operands ---- */

static LLVMValueRef as_bool(Emit *e, LLVMValueRef x, bool vector)
{
    return LLVMBuildFCmp(e->builder, LLVMRealUNE, x, emit_real(e, 0, vector), "");
}

static LLVMValueRef shared_element(Emit *e, LLVMValueRef context, const Value *v, LLVMValueRef element)
{
    const Value *storage = plan_storage(v);
    LLVMValueRef base =
        gen_context(e, context, storage->op == IR_PARAM ? CONTEXT_PARAM : CONTEXT_SHARED, e->ptr);
    LLVMValueRef index = emit_int(e, v->address);
    if (v->shape.rank > 0) index = emit_add(e, index, element);
    return emit_element(e, base, index);
}

/* One number of a value that all samples share. */
static LLVMValueRef load_shared(Emit *e, LLVMValueRef context, const Value *v, LLVMValueRef element)
{
    if (v->op == IR_CONST) return gen_const(e, v, false);
    if (v->op == IR_COUNT)
        return LLVMBuildSIToFP(e->builder, gen_context(e, context, CONTEXT_COUNT, e->i64), e->real, "");
    LLVMValueRef x = emit_load(e, e->real, shared_element(e, context, v, element));
    return v->is_bool ? as_bool(e, x, false) : x;
}

static LLVMValueRef row_part(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    LLVMValueRef row = emit_int(t->e, v->address);
    if (v->shape.rank > 0) row = emit_add(t->e, row, element);
    return emit_element(t->e, gen_row(t, row), emit_mul(t->e, part, emit_int(t->e, t->e->width)));
}

/* WIDTH lanes of a value in a loop over elements and parts of a row. */
static LLVMValueRef load_lanes(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    Emit *e = t->e;
    if (v->op == IR_CONST) return gen_const(e, v, true);
    if (!v->per_sample) return emit_splat(e, load_shared(e, t->context, v, element));
    LLVMValueRef x = emit_load(e, e->lanes, row_part(t, v, element, part));
    return v->is_bool ? as_bool(e, x, true) : x;
}

/* ---- steps of a tile ---- */

static LLVMValueRef random_lanes(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    Emit *e = t->e;
    LLVMValueRef out = emit_scratch(e, e->width);
    LLVMValueRef args[7] = {gen_context(e, t->context, CONTEXT_SEED, e->i64),
                            gen_context(e, t->context, CONTEXT_STEP, e->i64),
                            emit_int(e, v->index),
                            t->number,
                            element,
                            part,
                            out};
    emit_kernel(e, "random", e->none, 7, args);
    return emit_load(e, e->lanes, out);
}

static LLVMValueRef lanes_of(GenTile *t, const Value *v, LLVMValueRef *made, const PlanStep *step,
                             LLVMValueRef element, LLVMValueRef part)
{
    Emit *e = t->e;
    LLVMValueRef args[3];
    if (v->op == IR_RANDOM) return random_lanes(t, v, element, part);
    if (v->op == IR_POSITION) return emit_splat(e, LLVMBuildSIToFP(e->builder, element, e->real, ""));
    for (int k = 0; k < v->arg_count; k++) {
        args[k] = NULL;
        for (int i = 0; i < step->values.count && !args[k]; i++)
            if (step->values.at[i] == v->args[k]) args[k] = made[i];
        if (!args[k]) args[k] = load_lanes(t, v->args[k], element, part);
    }
    return gen_pointwise(e, v, args, true);
}

static void gen_loop(GenTile *t, const PlanStep *step)
{
    Emit *e = t->e;
    LLVMValueRef *made = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)step->values.count);
    EmitLoop elements = emit_loop(e, emit_int(e, step->size)),
             parts = emit_loop(e, emit_int(e, e->row / e->width));
    for (int i = 0; i < step->values.count; i++) {
        const Value *v = step->values.at[i];
        LLVMValueRef x = made[i] = lanes_of(t, v, made, step, elements.i, parts.i);
        if (!v->stored) continue;
        if (v->is_bool) x = LLVMBuildUIToFP(e->builder, x, e->lanes, "");
        emit_store(e, x, row_part(t, v, elements.i, parts.i));
    }
    emit_loop_end(e, &parts);
    emit_loop_end(e, &elements);
}

static void copy_rows(GenTile *t, int64_t to, const Value *from)
{
    gen_copy_rows(t, gen_row(t, emit_int(t->e, to)), gen_row(t, emit_int(t->e, from->address)),
                  shape_size(from->shape));
}

static void zero_rows(GenTile *t, int64_t to, int64_t count)
{
    if (count > 0)
        emit_kernel(t->e, "zero_rows", t->e->none, 2,
                    (LLVMValueRef[]){gen_row(t, emit_int(t->e, to)), emit_int(t->e, count)});
}

static void gen_embed(GenTile *t, const Value *v)
{
    int64_t n = shape_size(v->args[0]->shape), all = shape_size(v->shape);
    zero_rows(t, v->address, v->index);
    copy_rows(t, v->address + v->index, v->args[0]);
    zero_rows(t, v->address + v->index + n, all - v->index - n);
}

static void gen_sum_samples(GenTile *t, const Value *v, const Func *f)
{
    Emit *e = t->e;
    LLVMValueRef partial = emit_element(e, t->tile, emit_int(e, f->plan_rows * e->row + v->partial));
    LLVMValueRef args[4] = {gen_row(t, emit_int(e, v->args[0]->address)), emit_int(e, shape_size(v->shape)),
                            t->valid, partial};
    emit_kernel(e, "sum_samples", e->none, 4, args);
}

/* Reduced or broadcast, run by run and vector by vector: `few` have one number for `count` of `many`. */
static void gen_runs(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    Axes s = axes_of(v);
    bool grows = v->op == IR_BROADCAST;
    const Value *x = v->args[0], *few = grows ? x : v, *many = grows ? v : x;
    EmitLoop outer = emit_loop(e, emit_int(e, s.outer)), inner = emit_loop(e, emit_int(e, s.inner)),
             parts = emit_loop(e, emit_int(e, e->row / e->width));
    LLVMValueRef one = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.inner)), inner.i),
                 run = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count * s.inner)), inner.i);
    LLVMValueRef args[4] = {row_part(t, many, run, parts.i), emit_int(e, s.inner * e->row),
                            row_part(t, few, one, parts.i), emit_int(e, s.count)};
    emit_sized_kernel(e, op_info[v->op].text, 4, args);
    emit_loop_end(e, &parts);
    emit_loop_end(e, &inner);
    emit_loop_end(e, &outer);
}

/* Transposed or broadcast: rows that stand together stay together. */
static void gen_blocks(GenTile *t, const Value *v)
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
    gen_copy_rows(t, row_part(t, v, emit_mul(e, to, inner), zero),
                  row_part(t, v->args[0], emit_mul(e, from, inner), zero), s.inner);
    emit_loop_end(e, &b);
    emit_loop_end(e, &a);
    emit_loop_end(e, &outer);
}

static void gen_step(GenTile *t, const Func *f, const Value *v)
{
    int64_t at = v->address;
    if (op_info[v->op].class == CLASS_MAP) {
        gen_map(t, v);
        return;
    }
    switch (v->op) {
    case IR_CONCAT:
        for (int k = 0; k < v->arg_count; at += shape_size(v->args[k]->shape), k++)
            copy_rows(t, at, v->args[k]);
        break;
    case IR_EMBED: gen_embed(t, v); break;
    case IR_REDUCE_SUM:
    case IR_REDUCE_MAX: gen_runs(t, v); break;
    case IR_BROADCAST:
        if (axes_of(v).inner == 1) gen_runs(t, v);
        else gen_blocks(t, v);
        break;
    case IR_TRANSPOSE: gen_blocks(t, v); break;
    case IR_SUM_SAMPLES: gen_sum_samples(t, v, f); break;
    case IR_WIRED: gen_wired(t, v, f); break;
    case IR_WIRED_BACK: gen_wired_back(t, v, f); break;
    case IR_WIRED_INPUT: gen_wired_input(t, v); break;
    case IR_WIRED_WEIGHT:    /* summed by wired_back */
    case IR_WIRED_EDGES:     /* by the runtime, for all tiles at once */
    case IR_WIRED_STATISTIC: /* a view */
    case IR_RESHAPE:
    case IR_SLICE: break; /* views */
    default: BUG("no code for %s in a tile", op_info[v->op].text);
    }
}

static LLVMValueRef valid_lanes(GenTile *t)
{
    Emit *e = t->e;
    LLVMValueRef left = emit_sub(e, gen_context(e, t->context, CONTEXT_COUNT, e->i64),
                                 emit_mul(e, t->number, emit_int(e, e->row)));
    LLVMValueRef all = emit_int(e, e->row);
    return LLVMBuildSelect(e->builder, LLVMBuildICmp(e->builder, LLVMIntSGT, left, all, ""), all, left, "");
}

/* Values behind the loss are gradients. */
static void set_direction(Emit *e, const Func *f, const Value *v)
{
    int loss = f->values.count;
    for (int i = 0; i < f->results.count; i++)
        if (strcmp(f->result_names.at[i], "loss") == 0) loss = f->results.at[i]->id;
    gen_profile_when(e, v->id > loss ? "backward" : "forward");
}

/* Views have none; graphs have rows of their own. */
static bool has_code(const Value *v)
{
    return op_info[v->op].class != CLASS_WIRED && !op_has(v->op, OP_VIEW);
}

static LLVMValueRef gen_tile(Emit *e, const Func *f, const PlanLevel *l, const char *name)
{
    LLVMValueRef function = emit_begin(e, name, 2, (LLVMTypeRef[]){e->ptr, e->i64});
    GenTile t = {.e = e, .context = LLVMGetParam(function, 0), .number = LLVMGetParam(function, 1)};
    LLVMValueRef offset = emit_mul(e, t.number, gen_context(e, t.context, CONTEXT_STRIDE, e->i64));
    t.tile = emit_element(e, gen_context(e, t.context, CONTEXT_TILES, e->ptr), offset);
    t.valid = valid_lanes(&t);
    for (int s = 0; s < l->steps.count; s++) {
        const PlanStep *step = &l->steps.at[s];
        set_direction(e, f, step->values.at[0]);
        if (step->loop) gen_loop(&t, step);
        else gen_step(&t, f, step->values.at[0]);
        if (has_code(step->values.at[0]))
            gen_lap_values(e, NULL, (const Value *const *)step->values.at, step->values.count);
    }
    emit_end(e);
    return function;
}

/* ---- shared values ----
 *
 * They are made once a step by one thread: loops over few of them stay as they are written. LLVM would unroll
 * them into blocks of thousands of instructions, which take longer to compile than all else.
 */

static void shared_loop_end(Emit *e, EmitLoop *l, int64_t count)
{
    enum { VECTORS = 256 }; /* from here on vectors are worth their code */
    if (count >= VECTORS) emit_loop_end_rolled(e, l);
    else emit_loop_end_small(e, l);
}

static void shared_store(Emit *e, LLVMValueRef context, const Value *v, int64_t offset, LLVMValueRef i,
                         LLVMValueRef x)
{
    if (v->is_bool) x = LLVMBuildUIToFP(e->builder, x, e->real, "");
    LLVMValueRef base = gen_context(e, context, CONTEXT_SHARED, e->ptr);
    emit_store(e, x, emit_element(e, base, emit_add(e, emit_int(e, v->address + offset), i)));
}

static void shared_copy(Emit *e, LLVMValueRef context, const Value *to, int64_t offset, const Value *from,
                        int64_t skip)
{
    int64_t all = shape_size(to->shape), count = shape_size(from->shape);
    if (count > all) count = all;
    EmitLoop l = emit_loop(e, emit_int(e, count));
    shared_store(e, context, to, offset, l.i,
                 load_shared(e, context, from, emit_add(e, l.i, emit_int(e, skip))));
    shared_loop_end(e, &l, count);
}

static void shared_pointwise(Emit *e, LLVMValueRef context, const Value *v)
{
    LLVMValueRef args[3];
    EmitLoop l = emit_loop(e, emit_int(e, shape_size(v->shape)));
    for (int k = 0; k < v->arg_count; k++) args[k] = load_shared(e, context, v->args[k], l.i);
    LLVMValueRef x = v->op == IR_POSITION ? LLVMBuildSIToFP(e->builder, l.i, e->real, "")
                                          : gen_pointwise(e, v, args, false);
    shared_store(e, context, v, 0, l.i, x);
    shared_loop_end(e, &l, shape_size(v->shape));
}

static void shared_embed(Emit *e, LLVMValueRef context, const Value *v)
{
    EmitLoop l = emit_loop(e, emit_int(e, shape_size(v->shape)));
    shared_store(e, context, v, 0, l.i, emit_real(e, 0, false));
    shared_loop_end(e, &l, shape_size(v->shape));
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
    emit_store(e, sum ? emit_real(e, 0, false) : load_shared(e, context, x, one), total);
    EmitLoop run = emit_loop(e, emit_int(e, s.count));
    LLVMValueRef before = emit_add(e, emit_mul(e, outer.i, emit_int(e, s.count)), run.i),
                 at = emit_add(e, emit_mul(e, before, emit_int(e, s.inner)), inner.i),
                 now = emit_load(e, e->real, total);
    if (sum) emit_store(e, LLVMBuildFAdd(e->builder, now, load_shared(e, context, x, at), ""), total);
    else shared_store(e, context, v, 0, at, now);
    shared_loop_end(e, &run, s.count);
    if (sum) shared_store(e, context, v, 0, one, emit_load(e, e->real, total));
    emit_loop_end_small(e, &inner);
    emit_loop_end_small(e, &outer);
}

static LLVMValueRef gen_once(Emit *e, const PlanLevel *l, const char *name)
{
    LLVMValueRef function = emit_begin(e, name, 2, (LLVMTypeRef[]){e->ptr, e->i64}),
                 context = LLVMGetParam(function, 0);
    for (int i = 0; i < l->once.count; i++) {
        const Value *v = l->once.at[i];
        int64_t at = 0;
        if (op_info[v->op].class == CLASS_POINTWISE) shared_pointwise(e, context, v);
        else if (v->op == IR_REDUCE_SUM || v->op == IR_BROADCAST) shared_runs(e, context, v);
        else if (v->op == IR_EMBED) shared_embed(e, context, v);
        else if (v->op == IR_CONCAT)
            for (int k = 0; k < v->arg_count; at += shape_size(v->args[k]->shape), k++)
                shared_copy(e, context, v, at, v->args[k], 0);
        else if (v->op != IR_RESHAPE && v->op != IR_SLICE)
            BUG("no code for %s of shared values", op_info[v->op].text);
    }
    gen_profile_when(e, "once");
    gen_lap(e, SPAN_NONE, "values that all samples share");
    emit_end(e);
    return function;
}

/* Copies results named `prefix`NAME to the parameter area (field) at the place of NAME. */
static LLVMValueRef gen_copies(Emit *e, const Ir *ir, const char *prefix, int field, const char *name)
{
    const Func *f = ir->train;
    LLVMValueRef function = emit_begin(e, name, 2, (LLVMTypeRef[]){e->ptr, e->i64}),
                 context = LLVMGetParam(function, 0);
    for (int r = 0; r < f->results.count; r++) {
        const Value *v = f->results.at[r];
        size_t n = strlen(prefix);
        if (strncmp(f->result_names.at[r], prefix, n) != 0 || v->op == IR_WIRED_EDGES) continue;
        for (int p = 0; p < ir->model->params.count; p++) {
            const Tensor *param = ir->model->params.at[p];
            if (strcmp(param->name, f->result_names.at[r] + n) != 0) continue;
            EmitLoop l = emit_loop(e, emit_int(e, param->size));
            LLVMValueRef to = emit_element(e, gen_context(e, context, field, e->ptr),
                                           emit_add(e, emit_int(e, param->offset), l.i));
            emit_store(e, load_shared(e, context, v, l.i), to);
            shared_loop_end(e, &l, param->size);
        }
    }
    emit_end(e);
    return function;
}

/* ---- all stages ---- */

typedef struct StageList {
    Vec(LLVMValueRef) functions;
} StageList;

static int add_stage(Emit *e, StageList *list, LLVMValueRef function)
{
    vec_push(e->arena, &list->functions, function);
    return list->functions.count - 1;
}

static void gen_func(Emit *e, StageList *list, const Func *f, const Plan *p, FuncStages *out)
{
    out->levels.count = 0;
    for (int l = 0; l < p->levels.count; l++) {
        const PlanLevel *level = &p->levels.at[l];
        LevelStages s = {-1, -1};
        const char *name =
            arena_printf(e->arena, "%s_level%d", f == NULL ? "" : strrchr(f->name, '.') + 1, l);
        if (level->once.count)
            s.once = add_stage(e, list, gen_once(e, level, arena_printf(e->arena, "%s_once", name)));
        if (level->steps.count) s.tile = add_stage(e, list, gen_tile(e, f, level, name));
        vec_push(e->arena, &out->levels, s);
    }
}

LLVMValueRef *gen_use(Emit *e, const Func *f, const Plan *p, int *count)
{
    StageList list = {0};
    FuncStages out = {0};
    gen_func(e, &list, f, p, &out); /* once, then the tile, level by level: as they run */
    *count = list.functions.count;
    return list.functions.at;
}

static void edge_stages(const Ir *ir, Emit *e, StageList *list, FuncStages *out)
{
    out->edges.count = 0;
    for (int g = 0; g < ir->model->graphs.count; g++)
        for (int b = 0; b < ir->model->graphs.at[g]->bundles.count; b++) {
            const Graph *graph = ir->model->graphs.at[g];
            const EdgeFn *f = graph->bundles.at[b].edge;
            const Value *wired = func_find_wired(ir->train, graph, IR_WIRED),
                        *back = func_find_wired(ir->train, graph, IR_WIRED_BACK);
            bool wanted[CANDIDATE_JOBS] = {f && f->weights.count, wired && f && f->fn.norms.count,
                                           back && f && f->fn.norms.count};
            EdgeStages s;
            for (int i = 0; i < CANDIDATE_JOBS; i++)
                s.job[i] = wanted[i]
                               ? add_stage(e, list, gen_candidates(e, graph, b, wired, back, (CandidateJob)i))
                               : -1;
            vec_push(e->arena, &out->edges, s);
        }
}

static void gen_type(const Ir *ir, Emit *e, StageList *list, Stages *out)
{
    gen_func(e, list, ir->infer, ir->infer_plan, &out->infer);
    out->infer.gradients = out->infer.updates = out->train.gradients = out->train.updates = -1;
    if (!ir->train) return;
    gen_func(e, list, ir->train, ir->train_plan, &out->train);
    out->train.gradients = add_stage(e, list, gen_copies(e, ir, "d ", CONTEXT_GRAD, "gradients"));
    out->train.updates = add_stage(e, list, gen_copies(e, ir, "set ", CONTEXT_PARAM, "updates"));
    edge_stages(ir, e, list, &out->train);
}

/* Seen by the other module (object.c), not from outside. */
static void pointer_table(Emit *e, const char *name, int count, LLVMValueRef *items)
{
    LLVMTypeRef type = LLVMArrayType2(e->ptr, (uint64_t)(count ? count : 1));
    LLVMValueRef table = LLVMAddGlobal(e->module, type, name), none = LLVMConstPointerNull(e->ptr);
    LLVMSetInitializer(table, LLVMConstArray2(e->ptr, count ? items : &none, (uint64_t)(count ? count : 1)));
    LLVMSetGlobalConstant(table, true);
    LLVMSetVisibility(table, LLVMHiddenVisibility);
}

static void gen_predicates(const Ir *ir, Emit *e)
{
    Vec(LLVMValueRef) all = {0};
    for (int g = 0; g < ir->model->graphs.count; g++) {
        const Graph *graph = ir->model->graphs.at[g];
        for (int b = 0; b < graph->bundles.count; b++) {
            const Bundle *u = &graph->bundles.at[b];
            LLVMValueRef f = LLVMConstPointerNull(e->ptr);
            if (u->predicate) {
                gen_predicate(e, u->predicate, arena_printf(e->arena, "predicate%d", graph->first_bundle + b),
                              graph->sets.at[u->to].shape.rank, graph->sets.at[u->from].shape.rank, b);
                f = e->function;
            }
            vec_push(e->arena, &all, f);
        }
    }
    pointer_table(e, "predicates", all.count, all.at);
}

Stages *gen(const Ir *ir, LLVMContextRef context, LLVMModuleRef module, bool f64)
{
    Stages *out = NEW(ir->perm, Stages);
    StageList list = {0};
    Emit *e = emit_new(ir->perm, context, module, f64, ir->model->lanes);
    e->profile = f64 ? NULL : ir->profile;
    gen_type(ir, e, &list, out);
    pointer_table(e, f64 ? "stages_f64" : "stages_f32", list.functions.count, list.functions.at);
    if (f64) gen_predicates(ir, e);
    LLVMDisposeBuilder(e->builder);
    return out;
}

static LLVMValueRef table(LLVMModuleRef module, const char *name)
{
    LLVMValueRef here = LLVMGetNamedGlobal(module, name);
    LLVMTypeRef pointer = LLVMPointerTypeInContext(LLVMGetModuleContext(module), 0);
    if (here) return here;
    here = LLVMAddGlobal(module, pointer, name);
    LLVMSetVisibility(here, LLVMHiddenVisibility);
    return here;
}

/* const DnwrtProgram dnw_program (runtime/common/dnwrt.h) */
void gen_table(const Model *m, const char *manifest, LLVMContextRef context, LLVMModuleRef module)
{
    LLVMTypeRef i32 = LLVMInt32TypeInContext(context);
    LLVMValueRef text = LLVMConstStringInContext2(context, manifest, strlen(manifest), false);
    LLVMValueRef place = LLVMAddGlobal(module, LLVMTypeOf(text), "manifest");
    LLVMSetInitializer(place, text);
    LLVMSetGlobalConstant(place, true);
    LLVMSetLinkage(place, LLVMInternalLinkage);
    LLVMValueRef fields[] = {LLVMConstInt(i32, DNWRT_ABI, false),
                             LLVMConstInt(i32, (unsigned)m->lanes, false),
                             place,
                             table(module, "stages_f32"),
                             table(module, "stages_f64"),
                             table(module, "predicates"),
                             LLVMConstPointerNull(LLVMPointerTypeInContext(context, 0))};
    LLVMValueRef value = LLVMConstStructInContext(context, fields, 7, false);
    LLVMValueRef program = LLVMAddGlobal(module, LLVMTypeOf(value), "dnw_program");
    LLVMSetInitializer(program, value);
    LLVMSetGlobalConstant(program, true);
}
