/* compile.c: the list of passes. */
#include "driver/compile.h"
#include "check/check.h"
#include "driver/dump.h"
#include "driver/dump_rule.h"
#include "lower/grad.h"
#include "eval/gradcheck.h"
#include "layout/layout.h"
#include "lower/lower.h"
#include "target/object.h"
#include "front/parse.h"
#include "layout/plan.h"
#include "gen/profile.h"
#include "driver/question.h"
#include "target/target.h"
#include <math.h>

Compilation *compilation_new(void)
{
    Arena *perm = arena_new();
    Compilation *c = NEW(perm, Compilation);
    c->perm = perm;
    c->sources = sources_new(perm);
    c->diags = diags_new(perm, c->sources);
    c->options.optimize = 3;
    c->options.out = stdout;
    c->question = question;
    return c;
}

static void free_candidates(Model *m)
{
    for (int g = 0; m && g < m->graphs.count; g++) {
        Graph *graph = m->graphs.at[g];
        for (int b = 0; b < graph->bundles.count; b++) candidates_free(&graph->bundles.at[b].candidates);
        wiring_order_free(&graph->order);
        free_groups(graph);
    }
    if (m) json_decref(m->settings), json_decref(m->factors);
}

void compilation_free(Compilation *c)
{
    free_candidates(c->model);
    arena_free(c->perm);
}

/* Is this the stage that --dump asks for? */
static bool done(const Compilation *c, const char *stage)
{
    return c->options.dump && strcmp(c->options.dump, stage) == 0;
}

static void dump_plans(const Ir *ir, bool addresses, FILE *out)
{
    if (ir->train) plan_dump(ir->train, ir->train_plan, addresses, out);
    plan_dump(ir->infer, ir->infer_plan, addresses, out);
    rules_dump(ir, addresses ? RULE_PLAN : RULE_FUSE, out);
}

static void verify(const Ir *ir)
{
    if (ir->train) func_verify(ir->train);
    func_verify(ir->infer);
}

static bool need_model(Compilation *c)
{
    if (c->model->body) return true;
    Span start = {c->file, 0, 0};
    Diag *d = diag_add(c->diags, E_MODEL, start, "'%s' has no model to build", c->model->program);
    diag_help(d, "add one, such as: model Net(x[2]) = x |> linear(1)");
    return false;
}

Tiling compile_tiling(const Compilation *c, const Model *m)
{
    const CompileOptions *o = &c->options;
    int64_t batch = o->freeze || m->batch == 0 ? INT64_MAX : m->batch; /* frozen: batches of any size */
    return (Tiling){o->lanes, target_is_wide(o->cpu), batch};
}

static bool compile(Compilation *c)
{
    FILE *out = c->options.out;
    c->ast = parse(c->perm, c->sources, c->file, c->diags);
    if (done(c, "ast")) return ast_dump(c->ast, out), diags_errors(c->diags) == 0;
    c->model = check(c);
    if (!c->model) return false;
    Tiling tiling = compile_tiling(c, c->model);
    layout(c->model, &tiling);
    if (done(c, "model")) return model_dump(c->model, out), true;
    if (!c->options.dump && !c->options.object && !c->options.plan) return true; /* dnw check */
    if (!need_model(c)) return false;
    if (c->options.freeze) {
        c->frozen = freeze(c, c->options.freeze);
        return c->frozen && object_frozen(c, c->frozen);
    }
    Ir *ir = c->ir = lower(c->model);
    verify(ir);
    if (done(c, "ir")) return ir_dump(ir, out), true;
    grad(ir);
    verify(ir);
    if (done(c, "grad")) return ir_dump(ir, out), true;
    fuse(ir);
    if (done(c, "fuse")) return dump_plans(ir, false, out), true;
    plan(ir);
    if (done(c, "plan")) return dump_plans(ir, true, out), true;
    if (c->options.plan) return true;
    if (c->options.profile) ir->profile = profile_new(c->perm, c->sources);
    return object(c, ir);
}

bool compile_file(Compilation *c, const char *path)
{
    const char *why;
    int file = sources_read(c->sources, path, &why);
    if (file < 0) {
        diag_add(c->diags, E_READ, SPAN_NONE, "cannot read '%s': %s", path, why);
        return false;
    }
    c->file = (uint32_t)file;
    return compile(c);
}

bool compile_text(Compilation *c, const char *path, const char *text, size_t length)
{
    c->file = (uint32_t)sources_add(c->sources, path, text, length);
    return compile(c);
}

double compile_gradcheck(Compilation *c, FILE *out)
{
    if (!c->model || !c->model->trained) {
        if (out) fprintf(out, "no train block: nothing to differentiate\n");
        return 0;
    }
    if (!gradcheck_fits(c->model, c->diags, SPAN_NONE)) return INFINITY;
    if (!c->ir) {
        c->ir = lower(c->model);
        grad(c->ir);
    }
    double worst = model_gradcheck(c->perm, c->ir, out);
    if (out) fprintf(out, "%s: largest relative error %.2e\n", c->model->name, worst);
    return worst;
}
