/* gen_profile.c: calls that measure the code between them. See gen.h. */
#include "gen/gen.h"
#include <stdarg.h>
#include <stdio.h>

static void lap(Emit *e, const ProfileRow *r)
{
    LLVMValueRef row = emit_int(e, profile_row(e->profile, r)),
                 f = LLVMGetNamedFunction(e->module, "dnwrt_lap");
    LLVMTypeRef type = LLVMFunctionType(e->none, (LLVMTypeRef[]){e->i64}, 1, false);
    if (!f) f = LLVMAddFunction(e->module, "dnwrt_lap", type);
    LLVMBuildCall2(e->builder, type, f, &row, 1, "");
}

void gen_lap(Emit *e, Span span, const char *format, ...)
{
    if (!e->profile) return;
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    ProfileRow r = {.what = arena_printf(e->arena, "%s", what), .when = e->profile->when};
    profile_place(e->profile, &r, span);
    lap(e, &r);
}

void gen_lap_values(Emit *e, const char *owner, const Value *const *values, int count)
{
    enum { NAMED = 3 };
    if (!e->profile || !count) return;
    ProfileRow r = {.when = e->profile->when};
    const char *names = op_info[values[0]->op].text;
    for (int i = 0; i < count; i++) profile_place(e->profile, &r, values[i]->span);
    for (int i = 1; i < count && i < NAMED; i++)
        names = arena_printf(e->arena, "%s, %s", names, op_info[values[i]->op].text);
    if (count > NAMED) names = arena_printf(e->arena, "%s, ...", names);
    r.what = owner ? arena_printf(e->arena, "%s: %s", owner, names) : names;
    lap(e, &r);
}

void gen_lap_edges(Emit *e, const Graph *g, int bundle, const char *what)
{
    const Bundle *u = &g->bundles.at[bundle];
    gen_lap(e, u->span, "%s: %s %s", g->name, what, line_text(e->arena, g, u));
}

void gen_lap_cell(Emit *e, const Graph *g, const NodeSet *s, const Func *f)
{
    Span span = f && f->results.count ? f->results.at[0]->span : s->span;
    gen_lap(e, span, "%s: node function %s of %s", g->name, s->cell_name ? s->cell_name : "", s->name);
}

const char *gen_profile_when(Emit *e, const char *when)
{
    if (!e->profile) return when;
    const char *before = e->profile->when;
    e->profile->when = when;
    return before;
}
