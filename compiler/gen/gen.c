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
    LLVMValueRef index = emit_address(e, v->address);
    if (v->shape.rank > 0) index = emit_add(e, index, element);
    return emit_element(e, base, index);
}

/* One number of a value that all samples share. */
LLVMValueRef gen_shared_load(Emit *e, LLVMValueRef context, const Value *v, LLVMValueRef element)
{
    if (v->op == IR_CONST) return gen_const(e, v, false);
    if (v->op == IR_COUNT)
        return LLVMBuildSIToFP(e->builder, gen_context(e, context, CONTEXT_COUNT, e->i64), e->real, "");
    LLVMValueRef x = emit_load(e, e->real, shared_element(e, context, v, element));
    return v->is_bool ? as_bool(e, x, false) : x;
}

LLVMValueRef gen_row_part(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    LLVMValueRef row = gen_value_row(t, v, v->shape.rank > 0 ? element : NULL);
    return emit_element(t->e, row, emit_mul(t->e, part, emit_int(t->e, t->e->width)));
}

/* WIDTH lanes of a value in a loop over elements and parts of a row. */
static LLVMValueRef load_lanes(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    Emit *e = t->e;
    if (v->op == IR_CONST) return gen_const(e, v, true);
    if (!v->per_sample) return emit_splat(e, gen_shared_load(e, t->context, v, element));
    LLVMValueRef x = emit_load(e, e->lanes, gen_row_part(t, v, element, part));
    return v->is_bool ? as_bool(e, x, true) : x;
}

/* ---- steps of a tile ---- */

static LLVMValueRef random_lanes(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part)
{
    Emit *e = t->e;
    LLVMValueRef out = emit_scratch(e, e->width);
    LLVMValueRef args[6] = {t->context, emit_address(e, v->index), t->number, element, part, out};
    emit_kernel(e, "random", e->none, 6, args);
    return emit_load(e, e->lanes, out);
}

/* A loop of a tile: what its values are at this element; where sums over runs are added up. */
typedef struct Loop {
    const PlanStep *step;
    LLVMValueRef *made, *sum;         /* by place in the step */
    LLVMValueRef run, element, part;  /* numbers */
    Vec(const Value *) repeated;      /* what is read once a run, and */
    Vec(LLVMValueRef) repeated_lanes; /* its lanes */
} Loop;

static LLVMValueRef repeated_lanes(GenTile *t, Loop *l, const Value *a)
{
    for (int i = 0; i < l->repeated.count; i++)
        if (l->repeated.at[i] == a) return l->repeated_lanes.at[i];
    LLVMValueRef x = load_lanes(t, a->args[0], l->run, l->part);
    vec_push(t->e->arena, &l->repeated, a);
    vec_push(t->e->arena, &l->repeated_lanes, x);
    return x;
}

static LLVMValueRef argument_lanes(GenTile *t, Loop *l, const Value *a)
{
    for (int i = 0; i < l->step->values.count; i++)
        if (l->step->values.at[i] == a) return l->made[i];
    return a->in_place ? repeated_lanes(t, l, a) : load_lanes(t, a, l->element, l->part);
}

static LLVMValueRef lanes_of(GenTile *t, Loop *l, const Value *v)
{
    Emit *e = t->e;
    LLVMValueRef args[3];
    if (v->op == IR_RANDOM) return random_lanes(t, v, l->element, l->part);
    if (v->op == IR_POSITION) return emit_splat(e, LLVMBuildSIToFP(e->builder, l->element, e->real, ""));
    for (int k = 0; k < v->arg_count; k++) args[k] = argument_lanes(t, l, v->args[k]);
    return gen_pointwise(e, v, args, true);
}

static void loop_element(GenTile *t, Loop *l)
{
    Emit *e = t->e;
    for (int i = 0; i < l->step->values.count; i++) {
        const Value *v = l->step->values.at[i];
        if (l->sum[i]) {
            LLVMValueRef more = argument_lanes(t, l, v->args[0]), now = emit_load(e, e->lanes, l->sum[i]);
            emit_store(e, LLVMBuildFAdd(e->builder, now, more, ""), l->sum[i]);
            continue;
        }
        LLVMValueRef x = l->made[i] = lanes_of(t, l, v);
        if (!v->stored || !plan_stores(l->step, v)) continue;
        if (v->is_bool) x = LLVMBuildUIToFP(e->builder, x, e->lanes, "");
        LLVMValueRef at = l->element;
        if (v->gap) at = emit_add(e, at, emit_mul(e, l->run, emit_int(e, v->gap)));
        emit_store(e, x, gen_row_part(t, v, at, l->part));
    }
}

static int64_t run_of(const PlanStep *step)
{
    return step->run ? step->run : 1;
}

/* One run: what is repeated for it is read first, its sums are stored last. */
static void loop_run(GenTile *t, Loop *l)
{
    Emit *e = t->e;
    const PlanStep *step = l->step;
    for (int i = 0; i < step->values.count; i++) {
        const Value *v = step->values.at[i];
        for (int k = 0; k < v->arg_count; k++)
            if (v->args[k]->in_place) repeated_lanes(t, l, v->args[k]);
        if (l->sum[i]) emit_store(e, emit_splat(e, emit_real(e, 0, false)), l->sum[i]);
    }
    EmitLoop elements = emit_loop(e, emit_int(e, run_of(step)));
    l->element = emit_add(e, emit_mul(e, l->run, emit_int(e, run_of(step))), elements.i);
    loop_element(t, l);
    emit_loop_end(e, &elements);
    for (int i = 0; i < step->values.count; i++)
        if (l->sum[i])
            emit_store(e, emit_load(e, e->lanes, l->sum[i]),
                       gen_row_part(t, step->values.at[i], l->run, l->part));
}

static void gen_loop(GenTile *t, const PlanStep *step)
{
    Emit *e = t->e;
    const size_t count = (size_t)step->values.count;
    Loop l = {.step = step,
              .made = NEW_ARRAY(e->arena, LLVMValueRef, count),
              .sum = NEW_ARRAY(e->arena, LLVMValueRef, count)};
    for (size_t i = 0; i < count; i++)
        if (step->values.at[i]->op == IR_REDUCE_SUM) l.sum[i] = emit_scratch(e, e->width);
    EmitLoop runs = emit_loop(e, emit_int(e, step->size / run_of(step))),
             parts = emit_loop(e, emit_int(e, e->row / e->width));
    l.run = runs.i, l.part = parts.i;
    loop_run(t, &l);
    emit_loop_end(e, &parts);
    emit_loop_end(e, &runs);
}

static void gen_step(GenTile *t, const Func *f, const Value *v)
{
    switch (op_info[v->op].class) {
    case CLASS_MAP: gen_map(t, v); break;
    case CLASS_WIRED: gen_wired(t, v, f); break;
    default: gen_tensor(t, v);
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

static void gen_tile_step(Emit *e, const Func *f, const PlanStep *step)
{
    emit_begin_step(e);
    GenTile t = {.e = e,
                 .context = LLVMGetParam(e->function, 0),
                 .number = LLVMGetParam(e->function, 1),
                 .plan_rows = f->plan_rows};
    LLVMValueRef offset = emit_mul(e, t.number, gen_context(e, t.context, CONTEXT_STRIDE, e->i64));
    t.tile = emit_element(e, gen_context(e, t.context, CONTEXT_TILES, e->ptr), offset);
    t.local = gen_context(e, t.context, CONTEXT_LOCAL, e->ptr);
    t.valid = valid_lanes(&t);
    if (step->loop) gen_loop(&t, step);
    else gen_step(&t, f, step->values.at[0]);
    emit_end_step(e);
}

static EmitStage gen_tile(Emit *e, const Func *f, const PlanLevel *l, const char *name)
{
    emit_begin_stage(e, name);
    for (int s = 0; s < l->steps.count; s++) {
        const PlanStep *step = &l->steps.at[s];
        set_direction(e, f, step->values.at[0]);
        gen_tile_step(e, f, step);
        if (has_code(step->values.at[0]))
            gen_lap_values(e, NULL, (const Value *const *)step->values.at, step->values.count);
    }
    return emit_end_stage(e);
}

/* What a graph is given, as its level made it (plan.h: local). */
static EmitStage gen_remake(Emit *e, const Func *f, const Value *wired)
{
    const char *name = arena_printf(e->arena, "remake%d", wired->graph->number);
    emit_begin_stage(e, name);
    PlanStep step = {.loop = false};
    vec_push(e->arena, &step.values, wired->args[0]);
    gen_tile_step(e, f, &step);
    return emit_end_stage(e);
}

/* ---- shared values ----
 *
 * They are made once a step by one thread: loops over few of them stay as they are written. LLVM would unroll
 * them into blocks of thousands of instructions, which take longer to compile than all else.
 */

void gen_shared_loop_end(Emit *e, EmitLoop *l, int64_t count)
{
    enum { VECTORS = 256 }; /* from here on vectors are worth their code */
    if (count >= VECTORS) emit_loop_end_rolled(e, l);
    else emit_loop_end_small(e, l);
}

void gen_shared_store(Emit *e, LLVMValueRef context, const Value *v, int64_t offset, LLVMValueRef i,
                      LLVMValueRef x)
{
    if (v->is_bool) x = LLVMBuildUIToFP(e->builder, x, e->real, "");
    LLVMValueRef base = gen_context(e, context, CONTEXT_SHARED, e->ptr);
    emit_store(e, x, emit_element(e, base, emit_add(e, emit_address(e, v->address + offset), i)));
}

static void shared_pointwise(Emit *e, LLVMValueRef context, const Value *v)
{
    LLVMValueRef args[3];
    EmitLoop l = emit_loop(e, emit_int(e, shape_size(v->shape)));
    for (int k = 0; k < v->arg_count; k++) args[k] = gen_shared_load(e, context, v->args[k], l.i);
    LLVMValueRef x = v->op == IR_POSITION ? LLVMBuildSIToFP(e->builder, l.i, e->real, "")
                                          : gen_pointwise(e, v, args, false);
    gen_shared_store(e, context, v, 0, l.i, x);
    gen_shared_loop_end(e, &l, shape_size(v->shape));
}

static EmitStage gen_once(Emit *e, const PlanLevel *l, const char *name)
{
    emit_begin_stage(e, name);
    for (int i = 0; i < l->once.count; i++) {
        const Value *v = l->once.at[i];
        emit_begin_step(e);
        LLVMValueRef context = LLVMGetParam(e->function, 0);
        if (op_info[v->op].class == CLASS_POINTWISE) shared_pointwise(e, context, v);
        else gen_tensor_shared(e, context, v);
        emit_end_step(e);
    }
    gen_profile_when(e, "once");
    gen_lap(e, SPAN_NONE, "values that all samples share");
    return emit_end_stage(e);
}

static void gen_copy(Emit *e, const Value *v, const Tensor *param, int field)
{
    emit_begin_step(e);
    LLVMValueRef context = LLVMGetParam(e->function, 0), base = gen_context(e, context, field, e->ptr);
    EmitLoop l = emit_loop(e, emit_int(e, param->size));
    LLVMValueRef to = emit_element(e, base, emit_add(e, emit_address(e, param->place), l.i));
    emit_store(e, gen_shared_load(e, context, v, l.i), to);
    gen_shared_loop_end(e, &l, param->size);
    emit_end_step(e);
}

typedef struct StageList {
    Vec(EmitStage) stages;
} StageList;

static int add_stage(Emit *e, StageList *list, EmitStage stage)
{
    vec_push(e->arena, &list->stages, stage);
    return list->stages.count - 1;
}

static bool is_of_edges(const Value *v)
{
    return v->op == IR_WIRED_EDGES || plan_adds_to_edges(v);
}

/* What v adds to the gradient of the edges of a line. */
static void gen_cost(Emit *e, const Value *v, const Tensor *param)
{
    if (v->op == IR_WIRED_EDGES) return;
    if (plan_adds_to_edges(v)) {
        gen_cost(e, v->args[0], param);
        gen_cost(e, v->args[1], param);
        return;
    }
    emit_begin_step(e);
    LLVMValueRef context = LLVMGetParam(e->function, 0), base = gen_context(e, context, CONTEXT_GRAD, e->ptr);
    EmitLoop l = emit_loop(e, emit_int(e, param->size));
    LLVMValueRef to = emit_element(e, base, emit_add(e, emit_address(e, param->place), l.i));
    LLVMValueRef now = emit_load(e, e->real, to), more = gen_shared_load(e, context, v, l.i);
    emit_store(e, LLVMBuildFAdd(e->builder, now, more, ""), to);
    gen_shared_loop_end(e, &l, param->size);
    emit_end_step(e);
}

/* Adds gradients of costs to those of edges; -1: there are none. */
static int gen_edge_costs(Emit *e, StageList *list, const Ir *ir)
{
    bool any = false;
    for (int r = 0; r < ir->train->results.count; r++) {
        const Value *v = ir->train->results.at[r];
        if (!plan_adds_to_edges(v)) continue;
        if (!any) emit_begin_stage(e, "edge_costs");
        any = true;
        for (int p = 0; p < ir->model->params.count; p++)
            if (strcmp(ir->model->params.at[p]->name, ir->train->result_names.at[r] + 2) == 0)
                gen_cost(e, v, ir->model->params.at[p]);
    }
    return any ? add_stage(e, list, emit_end_stage(e)) : -1;
}

/* Copies results named `prefix`NAME to the parameter area (field) at the place of NAME. */
static EmitStage gen_copies(Emit *e, const Ir *ir, const char *prefix, int field, const char *name)
{
    const Func *f = ir->train;
    emit_begin_stage(e, name);
    for (int r = 0; r < f->results.count; r++) {
        const Value *v = f->results.at[r];
        size_t n = strlen(prefix);
        if (strncmp(f->result_names.at[r], prefix, n) != 0 || is_of_edges(v)) continue;
        for (int p = 0; p < ir->model->params.count; p++) {
            const Tensor *param = ir->model->params.at[p];
            if (strcmp(param->name, f->result_names.at[r] + n) == 0) gen_copy(e, v, param, field);
        }
    }
    return emit_end_stage(e);
}

/* ---- all stages ---- */

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

/* DnwrtStage of each stage, word by word. */
static LLVMValueRef *stage_words(Emit *e, const StageList *list)
{
    const int count = list->stages.count;
    LLVMValueRef *words = NEW_ARRAY(e->arena, LLVMValueRef, 2 * (size_t)count + 1);
    emit_own_addresses(e, count, list->stages.at);
    for (int i = 0; i < count; i++)
        words[2 * i] = list->stages.at[i].code, words[2 * i + 1] = list->stages.at[i].addresses;
    return words;
}

LLVMValueRef *gen_use(Emit *e, const Func *f, const Plan *p, int *count)
{
    StageList list = {0};
    FuncStages out = {0};
    gen_func(e, &list, f, p, &out); /* once, then the tile, level by level: as they run */
    *count = list.stages.count;
    return stage_words(e, &list);
}

static void remake_stages(const Ir *ir, Emit *e, StageList *list, FuncStages *out)
{
    out->remake.count = 0;
    for (int g = 0; g < ir->model->graphs.count; g++) {
        const Value *wired = func_find_wired(ir->train, ir->model->graphs.at[g], IR_WIRED);
        const bool again = wired && wired->remade;
        vec_push(e->arena, &out->remake, again ? add_stage(e, list, gen_remake(e, ir->train, wired)) : -1);
    }
}

/* Code of candidates has no addresses: it is called with a context and a job alone. */
static EmitStage gen_job(Emit *e, const Graph *g, int bundle, const Value *wired, const Value *back,
                         CandidateJob job)
{
    return (EmitStage){gen_candidates(e, g, bundle, wired, back, job), LLVMConstPointerNull(e->ptr)};
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
            CandidateStages s;
            for (int i = 0; i < CANDIDATE_JOBS; i++)
                s.job[i] =
                    wanted[i] ? add_stage(e, list, gen_job(e, graph, b, wired, back, (CandidateJob)i)) : -1;
            vec_push(e->arena, &out->edges, s);
        }
}

static void gen_type(const Ir *ir, Emit *e, StageList *list, Stages *out)
{
    gen_func(e, list, ir->infer, ir->infer_plan, &out->infer);
    out->infer.gradients = out->infer.updates = out->train.gradients = out->train.updates = -1;
    out->infer.edge_costs = out->train.edge_costs = -1;
    if (!ir->train) return;
    gen_func(e, list, ir->train, ir->train_plan, &out->train);
    out->train.gradients = add_stage(e, list, gen_copies(e, ir, "d ", CONTEXT_GRAD, "gradients"));
    out->train.updates = add_stage(e, list, gen_copies(e, ir, "set ", CONTEXT_PARAM, "updates"));
    out->train.edge_costs = gen_edge_costs(e, list, ir);
    edge_stages(ir, e, list, &out->train);
    remake_stages(ir, e, list, &out->train);
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

/* In double: those of forward and backward passes. */
static void gen_rules(const Ir *ir, Emit *e, bool f64)
{
    Vec(LLVMValueRef) all = {0};
    for (int i = 0; i < ir->model->rule_functions.count; i++) {
        const bool wanted = !f64 || rule_in_pass(ir->model, i);
        LLVMValueRef f =
            wanted ? gen_rule(e, ir->model->rule_functions.at[i], i) : LLVMConstPointerNull(e->ptr);
        vec_push(e->arena, &all, f);
    }
    pointer_table(e, f64 ? "rules_f64" : "rules", all.count, all.at);
}

Stages *gen(const Ir *ir, LLVMContextRef context, LLVMModuleRef module, bool f64)
{
    Stages *out = NEW(ir->perm, Stages);
    StageList list = {0};
    Emit *e = emit_new(ir->perm, context, module, f64, ir->model->lanes);
    e->profile = f64 ? NULL : ir->profile;
    gen_type(ir, e, &list, out);
    pointer_table(e, f64 ? "stages_f64" : "stages_f32", 2 * list.stages.count, stage_words(e, &list));
    if (f64) gen_predicates(ir, e);
    gen_rules(ir, e, f64);
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

static LLVMValueRef constant(LLVMModuleRef module, const char *name, LLVMValueRef value)
{
    LLVMValueRef place = LLVMAddGlobal(module, LLVMTypeOf(value), name);
    LLVMSetInitializer(place, value);
    LLVMSetGlobalConstant(place, true);
    LLVMSetLinkage(place, LLVMInternalLinkage);
    LLVMSetAlignment(place, 64);
    return place;
}

static LLVMValueRef bytes(LLVMModuleRef module, const char *name, const void *at, size_t size)
{
    return constant(module, name,
                    LLVMConstStringInContext2(LLVMGetModuleContext(module), at ? at : "", size, true));
}

/* DnwrtGiven of a line whose candidates are listed. */
static LLVMValueRef given_line(Arena *a, const Bundle *u, LLVMModuleRef module)
{
    const Candidates *c = &u->candidates;
    int64_t *row = NEW_ARRAY(a, int64_t, (size_t)c->targets + 1), n = 0;
    uint32_t *source = NEW_ARRAY(a, uint32_t, (size_t)c->count + 1);
    const float *weight = NULL;
    for (int64_t t = 0; t < c->targets; t++) {
        CandidateRun run;
        row[t] = n;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) source[n++] = (uint32_t)(run.source + i);
    }
    row[c->targets] = n;
    for (int w = 0; w < u->weights.count; w++)
        if (u->weights.at[w]->init.kind == INIT_GIVEN) weight = u->weights.at[w]->init.given;
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMValueRef fields[] = {bytes(module, "given.row", row, (size_t)(c->targets + 1) * sizeof *row),
                             bytes(module, "given.source", source, (size_t)n * sizeof *source),
                             weight ? bytes(module, "given.weight", weight, (size_t)n * sizeof *weight)
                                    : LLVMConstPointerNull(LLVMPointerTypeInContext(context, 0))};
    return constant(module, "given.line", LLVMConstStructInContext(context, fields, 3, false));
}

/* By line of edges of all graphs. */
static LLVMValueRef given_lines(const Model *m, LLVMModuleRef module)
{
    LLVMTypeRef pointer = LLVMPointerTypeInContext(LLVMGetModuleContext(module), 0);
    Vec(LLVMValueRef) all = {0};
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) {
            const Bundle *u = &m->graphs.at[g]->bundles.at[b];
            LLVMValueRef line = u->given ? given_line(m->perm, u, module) : LLVMConstPointerNull(pointer);
            vec_push(m->perm, &all, line);
        }
    return constant(module, "given", LLVMConstArray2(pointer, all.at, (uint64_t)all.count));
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
                             table(module, "rules"),
                             table(module, "rules_f64"),
                             given_lines(m, module),
                             LLVMConstPointerNull(LLVMPointerTypeInContext(context, 0))};
    LLVMValueRef value = LLVMConstStructInContext(context, fields, 10, false);
    LLVMValueRef program = LLVMAddGlobal(module, LLVMTypeOf(value), "dnw_program");
    LLVMSetInitializer(program, value);
    LLVMSetGlobalConstant(program, true);
}
