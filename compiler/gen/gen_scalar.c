/* gen_scalar.c: pointwise operators on scalars or vectors of lanes, and predicates. */
#include "base/diag.h"
#include "gen/gen.h"
#include "kernels/kernel.h"
#include "ir/op.h"

/* A kernel of math.c on one vector: through memory that the optimiser removes. */
static LLVMValueRef math_call(Emit *e, const char *name, LLVMValueRef *args, int count, bool vector)
{
    if (!vector) return emit_kernel(e, arena_printf(e->arena, "%s1", name), e->real, count, args);
    LLVMValueRef places[2];
    for (int i = 0; i < count; i++) {
        places[i] = emit_scratch(e, e->width);
        emit_store(e, args[i], places[i]);
    }
    emit_kernel(e, name, e->none, count, places);
    return emit_load(e, e->lanes, places[0]);
}

static LLVMValueRef compare(Emit *e, LLVMRealPredicate p, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFCmp(e->builder, p, a, b, "");
}

static LLVMValueRef pick(Emit *e, LLVMValueRef c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildSelect(e->builder, c, a, b, "");
}

static LLVMValueRef sign_of(Emit *e, LLVMValueRef x, bool vector)
{
    LLVMValueRef zero = emit_real(e, 0, vector);
    LLVMValueRef negative = pick(e, compare(e, LLVMRealOLT, x, zero), emit_real(e, -1, vector),
                                 pick(e, compare(e, LLVMRealOEQ, x, zero), zero, x));
    return pick(e, compare(e, LLVMRealOGT, x, zero), emit_real(e, 1, vector), negative);
}

static LLVMValueRef modulo(Emit *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef q = LLVMBuildFDiv(e->builder, a, b, "");
    LLVMValueRef whole = emit_intrinsic(e, "llvm.floor", LLVMTypeOf(a), 1, &q);
    return LLVMBuildFSub(e->builder, a, LLVMBuildFMul(e->builder, b, whole, ""), "");
}

LLVMValueRef gen_const(Emit *e, const Value *v, bool vector)
{
    if (!v->is_bool) return emit_real(e, v->number, vector);
    LLVMValueRef bit = LLVMConstInt(LLVMInt1TypeInContext(e->context), v->number != 0, false);
    return vector ? emit_splat(e, bit) : bit;
}

LLVMValueRef gen_pointwise(Emit *e, const Value *v, LLVMValueRef *a, bool vector)
{
    LLVMBuilderRef b = e->builder;
    if (e->width == 1) vector = false;
    LLVMTypeRef type = vector ? e->lanes : e->real;
    switch (v->op) {
    case IR_ADD: return LLVMBuildFAdd(b, a[0], a[1], "");
    case IR_SUB: return LLVMBuildFSub(b, a[0], a[1], "");
    case IR_MUL: return LLVMBuildFMul(b, a[0], a[1], "");
    case IR_DIV: return LLVMBuildFDiv(b, a[0], a[1], "");
    case IR_MOD: return modulo(e, a[0], a[1]);
    case IR_NEG: return LLVMBuildFNeg(b, a[0], "");
    case IR_ABS: return emit_intrinsic(e, "llvm.fabs", type, 1, a);
    case IR_SIGN: return sign_of(e, a[0], vector);
    case IR_FLOOR: return emit_intrinsic(e, "llvm.floor", type, 1, a);
    case IR_SQRT: return emit_intrinsic(e, "llvm.sqrt", type, 1, a);
    case IR_RELU:
        return pick(e, compare(e, LLVMRealOLT, a[0], emit_real(e, 0, vector)), emit_real(e, 0, vector),
                    a[0]); /* NaN stays */
    case IR_MIN: return emit_intrinsic(e, "llvm.minimum", type, 2, a);
    case IR_MAX: return emit_intrinsic(e, "llvm.maximum", type, 2, a);
    case IR_SELECT: return pick(e, a[0], a[1], a[2]);
    case IR_LT: return compare(e, LLVMRealOLT, a[0], a[1]);
    case IR_LE: return compare(e, LLVMRealOLE, a[0], a[1]);
    case IR_EQ: return compare(e, LLVMRealOEQ, a[0], a[1]);
    case IR_AND: return LLVMBuildAnd(b, a[0], a[1], "");
    case IR_OR: return LLVMBuildOr(b, a[0], a[1], "");
    case IR_NOT: return LLVMBuildNot(b, a[0], "");
    case IR_STOP:
    case IR_REPEAT: return a[0];
    default: return math_call(e, op_info[v->op].text, a, v->arg_count, vector); /* kernels/math.c */
    }
}

/* int (const int64_t *to, const int64_t *from, int64_t target, int64_t source, uint64_t seed), in double */
void gen_predicate(Emit *e, const Func *f, const char *name, int to_rank, int from_rank, int bundle)
{
    LLVMTypeRef params[5] = {e->ptr, e->ptr, e->i64, e->i64, e->i64};
    e->function = LLVMAddFunction(e->module, name, LLVMFunctionType(e->i32, params, 5, false));
    LLVMSetLinkage(e->function, LLVMInternalLinkage);
    LLVMPositionBuilderAtEnd(e->builder, LLVMAppendBasicBlockInContext(e->context, e->function, "entry"));
    LLVMValueRef *values = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)f->values.count);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        LLVMValueRef args[3];
        for (int k = 0; k < v->arg_count; k++) args[k] = values[v->args[k]->id];
        if (v->op == IR_CONST) values[i] = gen_const(e, v, false);
        else if (v->op == IR_ARG) {
            if (v->index >= to_rank + from_rank) BUG("predicate argument %d", (int)v->index);
            LLVMValueRef base = LLVMGetParam(e->function, v->index >= to_rank);
            LLVMValueRef at =
                emit_bytes(e, base, emit_int(e, 8 * (v->index >= to_rank ? v->index - to_rank : v->index)));
            values[i] = LLVMBuildSIToFP(e->builder, emit_load(e, e->i64, at), e->real, "");
        } else if (v->op == IR_CHANCE) {
            LLVMValueRef call[5] = {LLVMGetParam(e->function, 4), emit_int(e, bundle),
                                    LLVMGetParam(e->function, 2), LLVMGetParam(e->function, 3), args[0]};
            LLVMValueRef hit = emit_kernel(e, "chance", e->i32, 5, call);
            values[i] = LLVMBuildICmp(e->builder, LLVMIntNE, hit, LLVMConstInt(e->i32, 0, false), "");
        } else values[i] = gen_pointwise(e, v, args, false);
    }
    LLVMBuildRet(e->builder, LLVMBuildZExt(e->builder, values[f->results.at[0]->id], e->i32, ""));
}
