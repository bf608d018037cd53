/* check_test.c: test blocks: expressions that must be true.
 *
 * `dnw check` evaluates them dry: names, kinds and arguments are checked and graphs are counted, but nothing
 * is differentiated.
 */
#include "check/check.h"

Val *test_line(Check *k, const Expr *e)
{
    Scope scope = {.module = k->files.main};
    k->mode = MODE_CONST;
    k->test.on = true;
    k->test.line = e->span;
    Val *v = check_expr(k, &scope, e);
    if (!val_is_poison(v) && v->kind != VAL_BOOL) {
        Diag *d = diag_add(k->diags, E_KIND, e->span, "a line of a test must be a condition; this is %s",
                           val_kind_text(v));
        if (v->kind == VAL_NUMBER) diag_help(d, "compare it, such as: ... < 1e-6");
        v = val_poison(k);
    }
    k->test.on = false;
    return v;
}

void check_tests(Check *k)
{
    k->test.dry = true;
    for (int i = 0; i < k->files.main->ast->decls.count; i++) {
        const Decl *d = k->files.main->ast->decls.at[i];
        for (int n = 0; d->kind == DECL_TEST && n < d->checks.count; n++) test_line(k, d->checks.at[n]);
    }
    k->test.dry = false;
}
