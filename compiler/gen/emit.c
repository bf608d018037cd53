/* emit.c: small wrappers of LLVM's builder. See emit.h. */
#include "gen/emit.h"
#include "base/diag.h"
#include "base/vec.h"
#include <llvm-c/DebugInfo.h>
#include <string.h>

Emit *emit_new(Arena *a, LLVMContextRef context, LLVMModuleRef module, bool f64, int lanes)
{
    Emit *e = NEW(a, Emit);
    e->arena = a, e->context = context, e->module = module;
    e->builder = LLVMCreateBuilderInContext(context);
    e->real = f64 ? LLVMDoubleTypeInContext(context) : LLVMFloatTypeInContext(context);
    e->row = lanes;
    e->width = lanes == 1 ? 1 : f64 ? 4 : lanes == 8 ? 8 : 16;
    e->bytes = f64 ? 8 : 4;
    e->suffix = arena_printf(a, "%sx%d", f64 ? "f64" : "f32", lanes);
    e->lanes = e->width == 1 ? e->real : LLVMVectorType(e->real, (unsigned)e->width);
    e->i32 = LLVMInt32TypeInContext(context);
    e->i64 = LLVMInt64TypeInContext(context);
    e->ptr = LLVMPointerTypeInContext(context, 0);
    e->none = LLVMVoidTypeInContext(context);
    return e;
}

LLVMValueRef emit_begin(Emit *e, const char *name, int count, const LLVMTypeRef *params)
{
    LLVMTypeRef type = LLVMFunctionType(e->none, (LLVMTypeRef *)params, (unsigned)count, false);
    e->function = LLVMAddFunction(e->module, arena_printf(e->arena, "%s_%s", name, e->suffix), type);
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, e->function, "entry"));
    return e->function;
}

void emit_end(Emit *e)
{
    LLVMBuildRetVoid(e->builder);
}

/* What follows stands first in the function, until the builder goes back to the end of the block returned. */
static LLVMBasicBlockRef begin_entry(Emit *e)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMValueRef first = LLVMGetFirstInstruction(entry);
    if (first) LLVMPositionBuilderBefore(e->builder, first);
    else LLVMPositionBuilderAtEnd(e->builder, entry);
    return here;
}

EmitPlace emit_place(const Emit *e)
{
    return (EmitPlace){e->function, LLVMGetInsertBlock(e->builder)};
}

void emit_end_to(Emit *e, EmitPlace before)
{
    emit_end(e);
    e->function = before.function;
    LLVMPositionBuilderAtEnd(e->builder, before.block);
}

LLVMValueRef emit_int(Emit *e, int64_t n)
{
    return LLVMConstInt(e->i64, (uint64_t)n, true);
}

LLVMValueRef emit_splat(Emit *e, LLVMValueRef scalar)
{
    if (e->width == 1) return scalar;
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), (unsigned)e->width);
    LLVMValueRef zero = LLVMConstInt(e->i32, 0, false), poison = LLVMGetPoison(type);
    LLVMValueRef one = LLVMBuildInsertElement(e->builder, poison, scalar, zero, "");
    return LLVMBuildShuffleVector(e->builder, one, poison,
                                  LLVMConstNull(LLVMVectorType(e->i32, (unsigned)e->width)), "");
}

LLVMValueRef emit_real(Emit *e, double x, bool vector)
{
    LLVMValueRef c = LLVMConstReal(e->real, x), all[16];
    if (!vector || e->width == 1) return c;
    for (int i = 0; i < e->width; i++) all[i] = c;
    return LLVMConstVector(all, (unsigned)e->width);
}

LLVMValueRef emit_add(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNSWAdd(e->builder, a, b, "");
}
LLVMValueRef emit_sub(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNSWSub(e->builder, a, b, "");
}
LLVMValueRef emit_mul(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNSWMul(e->builder, a, b, "");
}

LLVMValueRef emit_element(Emit *e, LLVMValueRef base, LLVMValueRef index)
{
    return LLVMBuildInBoundsGEP2(e->builder, e->real, base, &index, 1, "");
}

LLVMValueRef emit_bytes(Emit *e, LLVMValueRef base, LLVMValueRef bytes)
{
    return LLVMBuildInBoundsGEP2(e->builder, LLVMInt8TypeInContext(e->context), base, &bytes, 1, "");
}

LLVMValueRef emit_load(Emit *e, LLVMTypeRef type, LLVMValueRef address)
{
    LLVMValueRef v = LLVMBuildLoad2(e->builder, type, address, "");
    if (type == e->lanes) LLVMSetAlignment(v, (unsigned)e->bytes);
    return v;
}

void emit_store(Emit *e, LLVMValueRef value, LLVMValueRef address)
{
    LLVMValueRef s = LLVMBuildStore(e->builder, value, address);
    if (LLVMTypeOf(value) == e->lanes) LLVMSetAlignment(s, (unsigned)e->bytes);
}

static LLVMValueRef on_stack(Emit *e, LLVMTypeRef type, size_t count, unsigned align)
{
    LLVMBasicBlockRef here = begin_entry(e);
    LLVMValueRef a = LLVMBuildAlloca(e->builder, LLVMArrayType2(type, (uint64_t)count), "");
    LLVMSetAlignment(a, align);
    LLVMPositionBuilderAtEnd(e->builder, here);
    return a;
}

LLVMValueRef emit_scratch(Emit *e, int count)
{
    return on_stack(e, e->real, (size_t)count, 64);
}

LLVMValueRef emit_struct(Emit *e, size_t bytes)
{
    return on_stack(e, e->i64, bytes / 8, 8);
}

static LLVMValueRef new_table(Emit *e, const char *name, LLVMValueRef value, LLVMLinkage linkage)
{
    LLVMValueRef g = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(g, value);
    LLVMSetGlobalConstant(g, true);
    LLVMSetLinkage(g, linkage);
    return g;
}

LLVMValueRef emit_table(Emit *e, const char *name, int count, LLVMValueRef *words)
{
    for (int i = 0; i < count; i++)
        if (!words[i]) words[i] = LLVMConstNull(e->ptr);
    LLVMValueRef value = LLVMConstStructInContext(e->context, words, (unsigned)count, false);
    int *place = table_place(e->arena, &e->tables, &value, sizeof value); /* equal constants are one */
    if (*place < 0) {
        *place = e->made.count;
        vec_push(e->arena, &e->made, new_table(e, name, value, LLVMInternalLinkage));
    }
    return e->made.at[*place];
}

LLVMValueRef emit_numbers(Emit *e, const char *name, int count, const int64_t *numbers)
{
    LLVMValueRef *words = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)count);
    for (int i = 0; i < count; i++) words[i] = emit_int(e, numbers[i]);
    return emit_table(e, name, count, words);
}

/* ---- stages ---- */

typedef struct EmitCode {
    LLVMValueRef function;
    Vec(LLVMValueRef) addresses; /* constants, of one step after the other */
} EmitCode;

void emit_begin_stage(Emit *e, const char *name)
{
    e->code = NEW(e->arena, EmitCode);
    e->code->function = emit_begin(e, name, 3, (LLVMTypeRef[]){e->ptr, e->i64, e->ptr});
}

EmitStage emit_end_stage(Emit *e)
{
    const EmitCode *c = e->code;
    EmitStage stage = {.addresses = LLVMConstPointerNull(e->ptr)};
    e->code = NULL;
    emit_end(e);
    stage.code = emit_once(e, c->function);
    if (c->addresses.count)
        stage.addresses =
            new_table(e, "addresses", LLVMConstArray2(e->i64, c->addresses.at, (uint64_t)c->addresses.count),
                      LLVMPrivateLinkage);
    return stage;
}

void emit_own_addresses(Emit *e, int count, const EmitStage *stages)
{
    Table codes = {0};
    int *uses = NEW_ARRAY(e->arena, int, (size_t)count + 1),
        *number = NEW_ARRAY(e->arena, int, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        int *place = table_place(e->arena, &codes, &stages[i].code, sizeof stages[i].code);
        if (*place < 0) *place = i;
        uses[number[i] = *place]++;
    }
    for (int i = 0; i < count; i++)
        if (uses[number[i]] == 1 && !LLVMIsNull(stages[i].addresses))
            LLVMReplaceAllUsesWith(LLVMGetParam(stages[i].code, 2), stages[i].addresses);
}

/* ---- steps ---- */

typedef struct EmitStep {
    EmitPlace before;
    LLVMValueRef function;
    Vec(LLVMValueRef) addresses; /* constants */
    Vec(LLVMValueRef) loaded;    /* at the start of the function */
} EmitStep;

void emit_begin_step(Emit *e)
{
    EmitStep *s = e->step = NEW(e->arena, EmitStep);
    s->before = emit_place(e);
    s->function = emit_begin(e, "step", 3, (LLVMTypeRef[]){e->ptr, e->i64, e->ptr});
    LLVMAddAttributeAtIndex(s->function, LLVMAttributeFunctionIndex,
                            LLVMCreateStringAttribute(e->context, EMIT_STEP, strlen(EMIT_STEP), "", 0));
}

void emit_end_step(Emit *e)
{
    EmitStep *s = e->step;
    LLVMValueRef args[3];
    e->step = NULL;
    emit_end_to(e, s->before);
    LLVMValueRef function = emit_once(e, s->function);
    for (unsigned i = 0; i < 2; i++) args[i] = LLVMGetParam(e->function, i);
    args[2] = emit_bytes(e, LLVMGetParam(e->function, 2), emit_int(e, 8 * e->code->addresses.count));
    for (int i = 0; i < s->addresses.count; i++) vec_push(e->arena, &e->code->addresses, s->addresses.at[i]);
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(function), function, args, 3, "");
}

LLVMValueRef emit_address(Emit *e, int64_t n)
{
    EmitStep *s = e->step;
    LLVMValueRef known = emit_int(e, n);
    if (!s || e->function != s->function) return known;
    for (int i = 0; i < s->addresses.count; i++)
        if (s->addresses.at[i] == known) return s->loaded.at[i];
    LLVMBasicBlockRef here = begin_entry(e);
    LLVMValueRef at = emit_bytes(e, LLVMGetParam(s->function, 2), emit_int(e, 8 * s->addresses.count)),
                 x = emit_load(e, e->i64, at);
    LLVMPositionBuilderAtEnd(e->builder, here);
    vec_push(e->arena, &s->addresses, known);
    vec_push(e->arena, &s->loaded, x);
    return x;
}

/* ---- kernels ---- */

enum { MAX_ARGUMENTS = 24 };

LLVMValueRef emit_kernel(Emit *e, const char *name, LLVMTypeRef result, int count, LLVMValueRef *args)
{
    LLVMTypeRef types[MAX_ARGUMENTS];
    const char *full = arena_printf(e->arena, "dnwk_%s_%s", name, e->suffix);
    if (count > MAX_ARGUMENTS) BUG("%s has %d arguments", full, count);
    for (int i = 0; i < count; i++) types[i] = LLVMTypeOf(args[i]);
    LLVMTypeRef type = LLVMFunctionType(result, types, (unsigned)count, false);
    LLVMValueRef f = LLVMGetNamedFunction(e->module, full);
    if (!f) f = LLVMAddFunction(e->module, full, type);
    return LLVMBuildCall2(e->builder, type, f, args, (unsigned)count, "");
}

/* A number or a table of numbers. */
static bool is_known(LLVMValueRef arg)
{
    return LLVMIsAConstantInt(arg) || LLVMIsAGlobalVariable(arg);
}

static void sized_body(Emit *e, LLVMValueRef f, const char *name, int count, const LLVMValueRef *args)
{
    LLVMValueRef inner[MAX_ARGUMENTS];
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder);
    unsigned next = 0, noinline_ = LLVMGetEnumAttributeKindForName("noinline", 8);
    for (int i = 0; i < count; i++) inner[i] = is_known(args[i]) ? args[i] : LLVMGetParam(f, next++);
    LLVMSetLinkage(f, LLVMInternalLinkage);
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, LLVMCreateEnumAttribute(e->context, noinline_, 0));
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, f, "entry"));
    emit_kernel(e, name, e->none, count, inner);
    LLVMBuildRetVoid(e->builder);
    LLVMPositionBuilderAtEnd(e->builder, here);
}

void emit_sized_kernel(Emit *e, const char *name, int count, LLVMValueRef *args)
{
    LLVMTypeRef types[MAX_ARGUMENTS];
    LLVMValueRef rest[MAX_ARGUMENTS];
    unsigned left = 0;
    if (e->width == 1) { /* too little work for a call */
        emit_kernel(e, name, e->none, count, args);
        return;
    }
    const char *full = arena_printf(e->arena, "%s_%s", name, e->suffix);
    for (int i = 0; i < count; i++)
        if (LLVMIsAConstantInt(args[i]))
            full = arena_printf(e->arena, "%s_%lld", full, LLVMConstIntGetSExtValue(args[i]));
        else if (is_known(args[i]))
            full = arena_printf(e->arena, "%s_%s", full, LLVMGetValueName2(args[i], &(size_t){0}));
        else types[left] = LLVMTypeOf(args[i]), rest[left++] = args[i];
    LLVMTypeRef type = LLVMFunctionType(e->none, types, left, false);
    LLVMValueRef f = LLVMGetNamedFunction(e->module, full);
    if (!f) {
        f = LLVMAddFunction(e->module, full, type);
        sized_body(e, f, name, count, args);
    }
    LLVMBuildCall2(e->builder, type, f, rest, left, "");
}

LLVMValueRef emit_intrinsic(Emit *e, const char *name, LLVMTypeRef type, int count, LLVMValueRef *args)
{
    unsigned id = LLVMLookupIntrinsicID(name, __builtin_strlen(name));
    LLVMValueRef f = LLVMGetIntrinsicDeclaration(e->module, id, &type, 1);
    return LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(f), f, args, (unsigned)count, "");
}

EmitLoop emit_loop(Emit *e, LLVMValueRef count)
{
    if (LLVMIsAConstantInt(count) && LLVMConstIntGetSExtValue(count) == 1)
        return (EmitLoop){.i = emit_int(e, 0)};
    EmitLoop l;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->builder);
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, e->function, "body");
    l.head = LLVMAppendBasicBlockInContext(e->context, e->function, "head");
    l.done = LLVMAppendBasicBlockInContext(e->context, e->function, "done");
    LLVMBuildBr(e->builder, l.head);
    LLVMPositionBuilderAtEnd(e->builder, l.head);
    l.i = LLVMBuildPhi(e->builder, e->i64, "i");
    LLVMValueRef zero = emit_int(e, 0);
    LLVMAddIncoming(l.i, &zero, &before, 1);
    LLVMBuildCondBr(e->builder, LLVMBuildICmp(e->builder, LLVMIntSLT, l.i, count, ""), body, l.done);
    LLVMPositionBuilderAtEnd(e->builder, body);
    return l;
}

static LLVMMetadataRef loop_property(Emit *e, const char *name, const bool *value)
{
    LLVMMetadataRef parts[2] = {LLVMMDStringInContext2(e->context, name, strlen(name))};
    if (!value) return LLVMMDNodeInContext2(e->context, parts, 1);
    LLVMValueRef b = LLVMConstInt(LLVMInt1TypeInContext(e->context), *value, false);
    parts[1] = LLVMValueAsMetadata(b);
    return LLVMMDNodeInContext2(e->context, parts, 2);
}

/* Metadata of a loop, on its branch back. */
static void set_properties(Emit *e, LLVMValueRef branch, LLVMMetadataRef *properties, size_t count)
{
    LLVMMetadataRef items[3] = {LLVMTemporaryMDNode(e->context, NULL, 0)}, self = items[0];
    for (size_t i = 0; i < count; i++) items[1 + i] = properties[i];
    LLVMMetadataRef node = LLVMMDNodeInContext2(e->context, items, 1 + count);
    LLVMMetadataReplaceAllUsesWith(self, node); /* the node of a loop begins with itself */
    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(e->context, "llvm.loop", 9),
                    LLVMMetadataAsValue(e->context, node));
}

static void close_loop(Emit *e, EmitLoop *l, LLVMMetadataRef *properties, size_t count)
{
    if (!l->head) return;
    LLVMValueRef next = emit_add(e, l->i, emit_int(e, 1));
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->builder);
    LLVMAddIncoming(l->i, &next, &here, 1);
    LLVMValueRef back = LLVMBuildBr(e->builder, l->head);
    if (count) set_properties(e, back, properties, count);
    LLVMPositionBuilderAtEnd(e->builder, l->done);
}

void emit_loop_end(Emit *e, EmitLoop *l)
{
    close_loop(e, l, NULL, 0);
}

void emit_loop_end_rolled(Emit *e, EmitLoop *l)
{
    LLVMMetadataRef rolled = loop_property(e, "llvm.loop.unroll.disable", NULL);
    close_loop(e, l, &rolled, 1);
}

void emit_loop_end_small(Emit *e, EmitLoop *l)
{
    static const bool no = false;
    LLVMMetadataRef rolled = loop_property(e, "llvm.loop.unroll.disable", NULL),
                    scalar = loop_property(e, "llvm.loop.vectorize.enable", &no);
    close_loop(e, l, (LLVMMetadataRef[]){rolled, scalar}, 2);
}
