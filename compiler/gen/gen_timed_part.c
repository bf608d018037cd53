/* gen_timed_part.c: what the functions of gen_timed.c are made of: their begin and end, where rows stand,
 * and code that only the evaluations run in which it matters (live.h).
 */
#include "gen/gen_timed.h"
#include "kernels/timed_calls.h"
#include "layout/live.h"
#include <stddef.h>

/* Functions with statistics of the step or noise, which inference has not, have other names. */
static const char *name_of(Emit *e, const Value *v, const char *name)
{
    const char *kind = v->batch ? "turn_" : wired_noises(v) ? "noise_" : "";
    return arena_printf(e->arena, "%s_%s%s", v->graph->name, kind, name);
}

static LLVMValueRef evaluation_field(Emit *e, LLVMValueRef f, LLVMTypeRef type, size_t offset)
{
    return emit_load(e, type, emit_bytes(e, LLVMGetParam(f, 0), emit_int(e, (int64_t)offset)));
}

TimedFn gen_timed_begin(GenTile *outer, const Value *v, const char *name, const char *more)
{
    Emit *e = outer->e;
    LLVMTypeRef params[4] = {e->ptr};
    int count = 1;
    for (; more[count - 1]; count++) params[count] = more[count - 1] == 'p' ? e->ptr : e->i64;
    TimedFn r = {.before = emit_place(e)};
    LLVMValueRef f = r.f = emit_begin(e, name_of(e, v, name), count, params);
    r.t = (GenTile){.e = e,
                    .context = evaluation_field(e, f, e->ptr, offsetof(Evaluation, context)),
                    .tile = evaluation_field(e, f, e->ptr, offsetof(Evaluation, tile)),
                    .maps = evaluation_field(e, f, e->ptr, offsetof(Evaluation, maps)),
                    .step = evaluation_field(e, f, e->i64, offsetof(Evaluation, number)),
                    .wired = outer->wired,
                    .wired_back = outer->wired_back,
                    .plan_rows = outer->plan_rows};
    r.x = (GenFrame){.wired = v,
                     .state = evaluation_field(e, f, e->ptr, offsetof(Evaluation, state)),
                     .sum = evaluation_field(e, f, e->ptr, offsetof(Evaluation, sums)),
                     .held = evaluation_field(e, f, e->ptr, offsetof(Evaluation, held))};
    r.x.value = emit_element(e, r.x.state, emit_int(e, v->graph->state_rows * e->row));
    gen_lap(e, v->graph->span, "%s: states between evaluations", v->graph->name);
    return r;
}

static LLVMValueRef made_before(Emit *e, const Value *v, const char *name)
{
    if (v->batch || wired_noises(v) || e->profile) return NULL;
    return LLVMGetNamedFunction(e->module, arena_printf(e->arena, "%s_%s", name_of(e, v, name), e->suffix));
}

TimedFn gen_timed_begin_once(GenTile *outer, const Value *v, const char *name, const char *more)
{
    TimedFn r = {.f = made_before(outer->e, v, name)};
    if (r.f) return r;
    r = gen_timed_begin(outer, v, name, more);
    if (!wired_noises(v)) r.t.tile = NULL;
    return r;
}

LLVMValueRef gen_timed_more(const TimedFn *f, int i)
{
    return LLVMGetParam(f->f, (unsigned)i + 1);
}

LLVMValueRef gen_timed_end(TimedFn *f)
{
    emit_end_to(f->t.e, f->before);
    return f->f;
}

/* ---- rows ---- */

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
            LLVMValueRef to = gen_row(t, emit_address(e, v->rows + values + set_state(s, k, 0)));
            if (s->role == 0 && k == 0) {
                gen_copy_rows(t, to, gen_value_row(t, v->args[0], NULL), s->size * s->state_pixels);
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
                      emit_address(t->e, g->number * (int64_t)sizeof(DnwrtTime)));
}

LLVMValueRef gen_timed_address(GenTile *t, const Value *v, int64_t row)
{
    return gen_row(t, emit_address(t->e, v->rows + row));
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
