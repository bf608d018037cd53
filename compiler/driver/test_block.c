/* test_block.c: `dnw test`: a line for each test block, with the source of its lines that are not true. */
#include "check/check.h"
#include "driver/compile.h"
#include "front/parse.h"

static bool is_comparison(const Expr *e)
{
    return e->kind == EXPR_BINARY && e->op >= OP_EQ && e->op <= OP_GE;
}

/* The part of a line that decides that it is not true. */
static const Expr *culprit(Check *k, const Expr *e)
{
    while (e->kind == EXPR_BINARY && e->op == OP_AND) {
        const Val *left = test_line(k, e->left);
        e = left->kind == VAL_BOOL && left->number == 0 ? e->left : e->right;
    }
    return e;
}

static const char *side_text(Check *k, const Expr *e)
{
    Scope scope = {.module = k->files.main};
    k->test.on = true;
    const char *text = val_text(k, check_expr(k, &scope, e));
    k->test.on = false;
    return text;
}

static void explain(Check *k, const Expr *e, FILE *out)
{
    const Expr *part = culprit(k, e);
    const SourceFile *file = sources_file(k->c->sources, e->span.file);
    Place place = source_place(k->c->sources, e->span.file, e->span.start);
    fprintf(out, "  %s:%d:%d: %s\n", file->path, place.line, place.column,
            expr_text(k->perm, k->c->sources, e));
    if (part != e) fprintf(out, "    false: %s\n", expr_text(k->perm, k->c->sources, part));
    if (is_comparison(part))
        fprintf(out, "    left:  %s\n    right: %s\n", side_text(k, part->left), side_text(k, part->right));
}

static bool run_block(Check *k, const Decl *d, FILE *out)
{
    Vec(const Expr *) wrong = {0};
    for (int i = 0; i < d->checks.count; i++) {
        const Val *v = test_line(k, d->checks.at[i]);
        if (v->kind != VAL_BOOL || v->number == 0) vec_push(k->perm, &wrong, d->checks.at[i]);
    }
    fprintf(out, "%s: %s\n", d->name.text, wrong.count ? "FAILED" : "ok");
    for (int i = 0; i < wrong.count; i++) explain(k, wrong.at[i], out);
    return wrong.count == 0;
}

int compile_run_tests(Compilation *c, FILE *out)
{
    Check *k = check_open(c);
    int failed = 0, blocks = 0;
    if (c->model) k->whole = c->model, k->train.seed = c->model->seed;
    for (int i = 0; i < k->files.main->ast->decls.count; i++) {
        const Decl *d = k->files.main->ast->decls.at[i];
        if (d->kind != DECL_TEST) continue;
        blocks++;
        if (!run_block(k, d, out)) failed++;
    }
    if (!blocks) fprintf(out, "%s has no tests\n", sources_file(c->sources, c->file)->path);
    check_close(k, NULL);
    return failed;
}
