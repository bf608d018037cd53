/* gen_timed_part.c: what the functions of gen_timed.c are made of: their begin and end, where rows stand,
 * and code that only the evaluations run in which it matters (live.h).
 */
#include "gen/gen_timed.h"
#include "kernels/kernel.h"
#include "layout/live.h"
#include <stddef.h>

/* Functions with statistics of the step have other names. */
static const char *name_of(Emit *e, const Value *v, const char *name)
{
    return arena_printf(e->arena, "%s_%s%s", v->graph->name, v->batch ? "turn_" : "", name);
}

LLVMValueRef gen_timed_begin(GenTile *outer, const Value *v, const char *name, int pointers, int numbers,
                             GenTile *t, EmitPlace *saved)
{
    Emit *e = outer->e;
    LLVMTypeRef params[10];
    int count = pointers + numbers;
    for (int i = 0; i < count; i++) params[i] = i < pointers ? e->ptr : e->i64;
    *saved = emit_place(e);
    LLVMValueRef f = emit_begin(e, name_of(e, v, name), count, params);
    *t = (GenTile){.e = e,
                   .context = LLVMGetParam(f, 0),
                   .tile = LLVMGetParam(f, 1),
                   .step = numbers ? LLVMGetParam(f, (unsigned)count - 1) : NULL,
                   .wired = outer->wired,
                   .wired_back = outer->wired_back,
                   .plan_rows = outer->plan_rows};
    t->maps = gen_maps(t, v);
    gen_lap(e, v->graph->span, "%s: states between evaluations", v->graph->name);
    return f;
}

static LLVMValueRef made_before(Emit *e, const Value *v, const char *name)
{
    if (v->batch || e->profile) return NULL;
    return LLVMGetNamedFunction(e->module, arena_printf(e->arena, "%s_%s", name_of(e, v, name), e->suffix));
}

LLVMValueRef gen_timed_begin_once(GenTile *outer, const Value *v, const char *name, int pointers, int numbers,
                                  GenTile *t, EmitPlace *saved)
{
    LLVMValueRef f = made_before(outer->e, v, name);
    *t = (GenTile){0};
    if (f) return f;
    f = gen_timed_begin(outer, v, name, pointers, numbers, t, saved);
    t->maps = t->tile;
    t->tile = NULL;
    return f;
}

/* ---- rows ---- */

LLVMValueRef gen_timed_held(GenTile *t, const Value *v)
{
    return gen_row(t, emit_int(t->e, v->args[0]->address));
}

TimedRows gen_timed_rows(const Value *v)
{
    return timed_rows_of(v);
}

void gen_timed_start(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    int64_t values = gen_timed_rows(v).values;
    for (int i = 0; i < v->graph->sets.count; i++) {
        const NodeSet *s = &v->graph->sets.at[i];
        for (int k = 0; k < s->states; k++) {
            LLVMValueRef to = gen_row(t, emit_int(e, v->rows + values + set_state(s, k, 0)));
            if (s->role == 0 && k == 0) {
                gen_copy_rows(t, to, gen_timed_held(t, v), s->size * s->state_pixels);
                continue;
            }
            EmitLoop l = emit_loop(e, emit_int(e, s->size * s->state_pixels * e->row));
            emit_store(e, emit_real(e, s->start[k], false), emit_element(e, to, l.i));
            emit_loop_end(e, &l);
        }
    }
}

LLVMValueRef gen_timed_time(GenTile *t, const Graph *g)
{
    return emit_bytes(t->e, gen_context(t->e, t->context, CONTEXT_TIME, t->e->ptr),
                      emit_int(t->e, g->number * (int64_t)sizeof(DnwrtTime)));
}

LLVMValueRef gen_timed_address(GenTile *t, const Value *v, int64_t row)
{
    return gen_row(t, emit_int(t->e, v->rows + row));
}

LLVMValueRef gen_timed_sum_rows(GenTile *t, const Value *v)
{
    return v->sums >= 0 ? gen_row(t, emit_int(t->e, v->sums))
                        : gen_timed_address(t, v, gen_timed_rows(v).sums);
}

/* ---- evaluations ---- */

static EmitLoop begin_if(GenTile *t, int64_t first, int64_t last, bool no)
{
    Emit *e = t->e;
    if (!t->step || (first == 0 && last == LIVE_ALWAYS)) return (EmitLoop){0};
    LLVMValueRef from = LLVMBuildICmp(e->builder, LLVMIntSGE, t->step, emit_int(e, first), ""),
                 to = LLVMBuildICmp(e->builder, LLVMIntSLE, t->step, emit_int(e, last), ""),
                 in = LLVMBuildAnd(e->builder, from, to, "");
    if (no) in = LLVMBuildNot(e->builder, in, "");
    return emit_loop(e, LLVMBuildZExt(e->builder, in, e->i64, ""));
}

EmitLoop gen_timed_if(GenTile *t, int64_t first, int64_t last)
{
    return begin_if(t, first, last, false);
}

void gen_timed_end_if(GenTile *t, EmitLoop *l)
{
    if (l->head) emit_loop_end(t->e, l);
}

void gen_timed_zero_else(GenTile *t, int64_t first, int64_t last, LLVMValueRef to, int64_t rows)
{
    EmitLoop other = begin_if(t, first, last, true);
    if (other.head) gen_zero_rows(t, to, rows);
    gen_timed_end_if(t, &other);
}
