/* gen_rule.c: what a declared rule computes of a candidate, as vector code over candidates. */
#include "base/diag.h"
#include "gen/gen.h"
#include "model/rule.h"

/* Argument `index` of the candidates from `at` on; `used` becomes a condition. */
static LLVMValueRef argument(Emit *e, const Value *v, LLVMValueRef at)
{
    LLVMValueRef place = LLVMBuildGEP2(e->builder, e->ptr, LLVMGetParam(e->function, 0),
                                       (LLVMValueRef[]){emit_int(e, v->index)}, 1, "");
    LLVMValueRef x = emit_load(e, e->lanes, emit_element(e, emit_load(e, e->ptr, place), at));
    if (!v->is_bool) return x;
    return LLVMBuildFCmp(e->builder, LLVMRealUNE, x, emit_real(e, 0, true), "");
}

bool rule_in_pass(const Model *m, int function)
{
    for (int g = 0; g < m->graphs.count; g++)
        for (int l = 0; l < m->graphs.at[g]->lists.count; l++) {
            const Rule *r = m->graphs.at[g]->lists.at[l].declared;
            if (!r) continue;
            if (function == r->forward || function == r->slope || function == r->used) return true;
            for (int s = 0; s < r->states.count; s++)
                if (function == r->states.at[s].slope) return true;
        }
    return false;
}

LLVMValueRef gen_rule(Emit *e, const Func *f, int number)
{
    LLVMTypeRef params[3] = {e->ptr, e->i64, e->ptr};
    LLVMValueRef function =
        emit_begin(e, arena_printf(e->arena, e->bytes == 8 ? "rule%d_f64" : "rule%d", number), 3, params);
    LLVMValueRef vectors = LLVMBuildUDiv(e->builder, LLVMGetParam(e->function, 1), emit_int(e, e->width), "");
    EmitLoop loop = emit_loop(e, vectors);
    LLVMValueRef at = emit_mul(e, loop.i, emit_int(e, e->width));
    LLVMValueRef *values = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)f->values.count);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        LLVMValueRef args[3];
        for (int k = 0; k < v->arg_count; k++) args[k] = values[v->args[k]->id];
        values[i] = v->op == IR_CONST ? gen_const(e, v, e->width > 1)
                    : v->op == IR_ARG ? argument(e, v, at)
                                      : gen_pointwise(e, v, args, true);
    }
    emit_store(e, values[f->results.at[0]->id], emit_element(e, LLVMGetParam(e->function, 2), at));
    emit_loop_end(e, &loop);
    emit_end(e);
    return function;
}
