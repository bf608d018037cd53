/* gen_frozen.c: a frozen model as an LLVM module: the code of its one function for each number of lanes, and
 * all that it reads as tables (runtime/kernels/frozen.h): weights, edges by target, the order of nodes.
 */
#include "gen/gen_frozen.h"
#include "base/diag.h"
#include "common/dnwrt.h"
#include "kernels/frozen.h"
#include "layout/layout.h"
#include "lower/lower.h"
#include "model/timed.h"

typedef struct Build {
    Frozen *f;
    Arena *arena;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMTypeRef i32, i64, ptr;
    Taps *taps; /* by graph, of the parts that have them */
} Build;

/* ---- tables ---- */

static LLVMValueRef table(Build *b, const char *name, LLVMValueRef value)
{
    LLVMValueRef g = LLVMAddGlobal(b->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, true);
    LLVMSetLinkage(g, LLVMInternalLinkage);
    LLVMSetAlignment(g, 64);
    return g;
}

static LLVMValueRef bytes(Build *b, const char *name, const void *at, size_t size)
{
    static const char none[8];
    if (!size) at = none, size = sizeof none;
    return table(b, name, LLVMConstStringInContext2(b->context, at, size, true));
}

static LLVMValueRef words(Build *b, const char *name, int count, LLVMValueRef *fields)
{
    return table(b, name, LLVMConstStructInContext(b->context, fields, (unsigned)count, false));
}

static LLVMValueRef word(Build *b, int64_t n)
{
    return LLVMConstInt(b->i64, (uint64_t)n, true);
}

static LLVMValueRef null(Build *b)
{
    return LLVMConstPointerNull(b->ptr);
}

static LLVMValueRef param_table(Build *b)
{
    int64_t count = b->f->model->param_total;
    float *numbers = NEW_ARRAY(b->arena, float, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) numbers[i] = (float)b->f->param[i];
    return bytes(b, "param", numbers, (size_t)count * sizeof *numbers);
}

/* 0, 1, ...: the candidate of each edge. */
static LLVMValueRef same_numbers(Build *b, int64_t count)
{
    uint32_t *all = NEW_ARRAY(b->arena, uint32_t, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) all[i] = (uint32_t)i;
    return bytes(b, "candidate", all, (size_t)count * sizeof *all);
}

/* Of sources that are taps. */
static LLVMValueRef first_pixels(Build *b, const Taps *t, int64_t count)
{
    uint32_t *all = NEW_ARRAY(b->arena, uint32_t, (size_t)count + 1);
    taps_firsts(t, count, all);
    return bytes(b, "first", all, (size_t)count * sizeof *all);
}

enum { WIRES_FIELDS = sizeof(DnwrtWires) / 8 };
/* DnwrtWires of one bundle: what a forward pass reads of it. */
static void wires_of(Build *b, const Graph *g, const Bundle *u, LLVMValueRef param, LLVMValueRef *out)
{
    const Candidates *c = &u->candidates;
    uint32_t *row = NEW_ARRAY(b->arena, uint32_t, (size_t)c->targets + 1);
    for (int64_t t = 0; t <= c->targets; t++) row[t] = (uint32_t)c->row[t];
    for (int i = 0; i < WIRES_FIELDS; i++) out[i] = null(b);
    out[0] = bytes(b, "row", row, (size_t)(c->targets + 1) * sizeof *row);
    out[1] = bytes(b, "source", c->source, (size_t)c->count * sizeof *c->source);
    const Taps *taps = &b->taps[g->number];
    if (u->from == g->input && has_taps(taps)) out[9] = first_pixels(b, taps, c->sources);
    if (u->edge) out[6] = same_numbers(b, c->count);
    else {
        LLVMValueRef at = word(b, u->weight->offset * (int64_t)sizeof(float));
        out[2] = LLVMConstInBoundsGEP2(LLVMInt8TypeInContext(b->context), param, &at, 1);
    }
}

static LLVMValueRef wires_table(Build *b, LLVMValueRef param)
{
    Vec(LLVMValueRef) all = {0};
    for (int g = 0; g < b->f->model->graphs.count; g++)
        for (int i = 0; i < b->f->model->graphs.at[g]->bundles.count; i++) {
            LLVMValueRef fields[WIRES_FIELDS];
            wires_of(b, b->f->model->graphs.at[g], &b->f->model->graphs.at[g]->bundles.at[i], param, fields);
            for (int k = 0; k < WIRES_FIELDS; k++) vec_push(b->arena, &all, fields[k]);
        }
    return words(b, "wires", all.count, all.at);
}

static LLVMValueRef orders_table(Build *b)
{
    Vec(LLVMValueRef) all = {0};
    for (int g = 0; g < b->f->model->graphs.count; g++) {
        const WiringOrder *o = &b->f->model->graphs.at[g]->order;
        size_t count = (size_t)o->phase_count;
        int64_t *part[3];
        for (int k = 0; k < 3; k++) part[k] = NEW_ARRAY(b->arena, int64_t, count + 1);
        for (size_t p = 0; p < count; p++)
            part[0][p] = o->phases[p].set, part[1][p] = o->phases[p].first, part[2][p] = o->phases[p].count;
        vec_push(b->arena, &all, word(b, o->phase_count));
        for (int k = 0; k < 3; k++) vec_push(b->arena, &all, bytes(b, "phases", part[k], count * 8));
        vec_push(b->arena, &all, bytes(b, "nodes", o->nodes, (size_t)o->node_count * sizeof *o->nodes));
    }
    return words(b, "orders", all.count, all.at);
}

/* ---- one number of lanes ---- */

/* Nothing goes back. */
static DnwrtTime time_of(const Graph *g)
{
    DnwrtTime t = timed_record(g);
    t.saved = t.truncate = t.adjoint = 0;
    return t;
}

static Func *copied(Build *b, const Func *use)
{
    Value **map = NEW_ARRAY(b->arena, Value *, (size_t)use->values.count + 1);
    Func *f = func_copy(b->arena, use, use->name, map);
    for (int i = 0; i < use->results.count; i++)
        func_result(f, use->result_names.at[i], map[use->results.at[i]->id]);
    return f;
}

static DnwrtPart gen_part_of(Build *b, const Func *use, int lanes, LLVMValueRef *stages)
{
    Model *m = b->f->model;
    layout(m, &(Tiling){.lanes = lanes});
    Ir ir = {.perm = b->arena, .model = m, .infer = copied(b, use)};
    fuse(&ir);
    plan(&ir);
    for (int g = 0; g < m->graphs.count; g++)
        if (has_taps(&m->graphs.at[g]->taps)) b->taps[g] = m->graphs.at[g]->taps;
    const Plan *p = ir.infer_plan;
    if (p->partials) BUG("a frozen function with sums over samples");
    Emit *e = emit_new(b->arena, b->context, b->module, false, lanes);
    int count = 0;
    LLVMValueRef *code = gen_use(e, ir.infer, p, &count);
    LLVMDisposeBuilder(e->builder);
    *stages = words(b, "stages", 2 * count, code);
    DnwrtTime *times = NEW_ARRAY(b->arena, DnwrtTime, (size_t)m->graphs.count + 1);
    for (int g = 0; g < m->graphs.count; g++) times[g] = time_of(m->graphs.at[g]);
    return (DnwrtPart){
        lanes, p->rows + p->local_rows, p->shared, p->input_row, p->output_row, p->rows, count, NULL, times};
}

/* Code of another width rounds differently, by which solvers could choose other steps. */
static bool adaptive(const Model *m)
{
    for (int g = 0; g < m->graphs.count; g++)
        if (m->graphs.at[g]->time.adaptive) return true;
    return false;
}

static LLVMValueRef parts_table(Build *b, const Func *use, DnwrtFrozen *f, DnwrtPart *parts)
{
    int lanes[2] = {b->f->model->lanes, 1};
    LLVMValueRef fields[18], stages;
    f->part_count = lanes[0] == 1 || adaptive(b->f->model) ? 1 : 2;
    for (int i = 0; i < f->part_count; i++) {
        const DnwrtPart *p = &parts[i];
        parts[i] = gen_part_of(b, use, lanes[i], &stages);
        size_t size = (size_t)f->graphs * sizeof(DnwrtTime);
        LLVMValueRef part[9] = {word(b, p->lanes),
                                word(b, p->rows),
                                word(b, p->shared),
                                word(b, p->input_row),
                                word(b, p->output_row),
                                word(b, p->local_row),
                                word(b, p->stages),
                                stages,
                                bytes(b, "times", p->times, size)};
        memcpy(fields + 9 * i, part, sizeof part);
    }
    b->f->model->lanes = lanes[0];
    return words(b, "parts", 9 * (int)f->part_count, fields);
}

/* ---- the whole ---- */

static LLVMValueRef forward_kernel(Build *b)
{
    LLVMTypeRef params[5] = {b->ptr, b->ptr, b->i64, b->ptr, b->ptr};
    const char *name = arena_printf(b->arena, "dnwk_forward_f32x%d", b->f->model->lanes);
    return LLVMAddFunction(b->module, name, LLVMFunctionType(b->i64, params, 5, false));
}

/* const DnwrtProgram dnw_program (runtime/common/dnwrt.h) */
static void program(Build *b, LLVMValueRef frozen, LLVMValueRef text)
{
    LLVMValueRef none = null(b), fields[] = {LLVMConstInt(b->i32, DNWRT_ABI, false),
                                             LLVMConstInt(b->i32, (unsigned)b->f->model->lanes, false),
                                             text,
                                             none,
                                             none,
                                             none,
                                             none,
                                             none,
                                             none,
                                             frozen};
    LLVMSetLinkage(table(b, "dnw_program", LLVMConstStructInContext(b->context, fields, 10, false)),
                   LLVMExternalLinkage);
}

static LLVMValueRef begin(Build *b, LLVMBuilderRef builder, const char *name, LLVMTypeRef type)
{
    LLVMValueRef f = LLVMAddFunction(b->module, name, type);
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlockInContext(b->context, f, "entry"));
    return f;
}

/* size_t NAME_workspace(void); int NAME_forward(input, count, output, workspace) */
static void library(Build *b, LLVMValueRef frozen, LLVMValueRef forward, int64_t workspace, const char *name)
{
    LLVMBuilderRef builder = LLVMCreateBuilderInContext(b->context);
    begin(b, builder, arena_printf(b->arena, "%s_workspace", name), LLVMFunctionType(b->i64, NULL, 0, false));
    LLVMBuildRet(builder, word(b, workspace));
    LLVMTypeRef params[4] = {b->ptr, b->i64, b->ptr, b->ptr};
    LLVMValueRef f = begin(b, builder, arena_printf(b->arena, "%s_forward", name),
                           LLVMFunctionType(b->i32, params, 4, false)),
                 args[5] = {frozen};
    for (unsigned i = 0; i < 4; i++) args[1 + i] = LLVMGetParam(f, i);
    LLVMValueRef failed = LLVMBuildCall2(builder, LLVMGlobalGetValueType(forward), forward, args, 5, "");
    LLVMBuildRet(builder, LLVMBuildTrunc(builder, failed, b->i32, ""));
    LLVMDisposeBuilder(builder);
}

int64_t gen_frozen(Frozen *f, LLVMContextRef context, LLVMModuleRef module, const char *manifest,
                   const char *name)
{
    Build b = {f,
               f->model->perm,
               context,
               module,
               LLVMInt32TypeInContext(context),
               LLVMInt64TypeInContext(context),
               LLVMPointerTypeInContext(context, 0),
               NEW_ARRAY(f->model->perm, Taps, (size_t)f->model->graphs.count + 1)};
    Func *use = lower(f->model)->infer;
    freeze_fold(f, use);
    DnwrtPart parts[2];
    DnwrtFrozen whole = {.graphs = f->model->graphs.count, .parts = parts};
    LLVMValueRef part_table = parts_table(&b, use, &whole, parts), param = param_table(&b);
    LLVMValueRef wires = wires_table(&b, param), orders = orders_table(&b), forward = forward_kernel(&b);
    FrozenRoom room = {NULL, 64};
    frozen_work(&whole, &room);
    LLVMValueRef text = name ? null(&b) : bytes(&b, "manifest", manifest, strlen(manifest) + 1);
    LLVMValueRef fields[] = {word(&b, DNWRT_ABI),
                             word(&b, shape_size(f->model->input)),
                             word(&b, shape_size(f->model->output)),
                             word(&b, whole.graphs),
                             word(&b, whole.part_count),
                             param,
                             wires,
                             orders,
                             part_table,
                             word(&b, room.used),
                             text,
                             forward};
    LLVMValueRef frozen = words(&b, "frozen", 12, fields);
    if (name) library(&b, frozen, forward, room.used, name);
    else program(&b, frozen, text);
    return whole.part_count;
}
