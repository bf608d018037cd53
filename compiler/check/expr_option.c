/* expr_option.c: options: their values as written or as -D sets them, their kinds and ranges.
 *
 * -D NAME sets the first option of that name: of the main file, then of its imports in order. One of the same
 * name in a file imported `as` something keeps its own value.
 */
#include "check/expr.h"
#include "front/parse.h"

static OptionState *find_option(Check *k, const char *name)
{
    for (int i = 0; i < k->files.options.count; i++)
        if (strcmp(k->files.options.at[i].decl->name.text, name) == 0) return &k->files.options.at[i];
    return NULL;
}

static void collect_options(Check *k)
{
    for (int m = 0; m < k->files.all.count; m++)
        for (int i = 0; i < k->files.all.at[m]->ast->decls.count; i++) {
            const Decl *d = k->files.all.at[m]->ast->decls.at[i];
            if (d->kind != DECL_OPTION || !d->name.text) continue;
            *table_place(k->perm, &k->files.option_places, &d, sizeof(Decl *)) = k->files.options.count;
            vec_push(k->perm, &k->files.options,
                     (OptionState){.decl = d,
                                   .module = k->files.all.at[m],
                                   .text = expr_text(k->perm, k->c->sources, d->value)});
        }
}

/* -D NAME=VALUE: the value is an expression of the language, in a little file of its own for messages; that
 * of an option that is a text may stand without quotes. */
static void set_option(Check *k, const Define *define)
{
    OptionState *o = find_option(k, define->name);
    bool bare = o && o->decl->value && o->decl->value->kind == EXPR_STRING && define->value[0] != '"';
    const char *quote = bare ? "\"" : "", *text = arena_printf(k->perm, "option %s = %s%s%s\n", define->name,
                                                               quote, define->value, quote);
    int file = sources_add(k->c->sources, "-D", text, strlen(text));
    Span whole = {(uint32_t)file, 7, 7 + (uint32_t)strlen(define->name)};
    if (!o && is_lost(k->files.main, define->name)) return;
    if (!o) {
        const char **names = NEW_ARRAY(k->perm, const char *, (size_t)k->files.options.count + 1);
        for (int i = 0; i < k->files.options.count; i++) names[i] = k->files.options.at[i].decl->name.text;
        Diag *d = diag_add(k->diags, E_OPTION, whole, "the file has no option '%s'", define->name);
        const char *near = diag_nearest(define->name, names, k->files.options.count);
        if (near) diag_help(d, "did you mean -D %s=%s?", near, define->value);
        return;
    }
    int before = diags_errors(k->diags);
    Ast *ast = parse(k->perm, k->c->sources, (uint32_t)file, k->diags);
    if (diags_errors(k->diags) != before || ast->decls.count != 1 || ast->decls.at[0]->kind != DECL_OPTION) {
        if (diags_errors(k->diags) == before)
            diag_add(k->diags, E_OPTION, whole, "'%s' is not one value for option '%s'", define->value,
                     define->name);
        o->value = val_poison(k);
        return;
    }
    Scope scope = {.module = o->module};
    o->value = described(k, check_expr(k, &scope, ast->decls.at[0]->value));
    o->text = define->value;
    o->given = true;
}

static bool kinds_differ(const Val *given, const Val *declared)
{
    if (val_is_poison(given) || val_is_poison(declared)) return false;
    bool number = declared->kind == VAL_NUMBER, logical = declared->kind == VAL_BOOL,
         text = declared->kind == VAL_STRING;
    if (logical || text) return given->kind != declared->kind;
    return number && given->kind != VAL_NUMBER && given->kind != VAL_PERCENT;
}

static void check_option(Check *k, OptionState *o)
{
    Scope scope = {.module = o->module};
    Val *declared = described(k, check_expr(k, &scope, o->decl->value));
    if (!o->value) o->value = declared;
    if (kinds_differ(o->value, declared)) {
        diag_add(k->diags, E_OPTION, o->value->span, "option '%s' is %s; this is %s", o->decl->name.text,
                 val_kind_text(declared), val_kind_text(o->value));
        return;
    }
    if (!o->decl->low || val_is_poison(o->value)) return;
    Val *low = check_expr(k, &scope, o->decl->low), *high = check_expr(k, &scope, o->decl->high);
    if (val_is_poison(low) || val_is_poison(high)) return;
    Span range = span_join(o->decl->low->span, o->decl->high->span);
    if (high->kind != low->kind || (low->kind != VAL_NUMBER && low->kind != VAL_PERCENT)) {
        diag_add(k->diags, E_OPTION, range,
                 "a range is low .. high, two numbers or two percentages; this is %s .. %s", val_text(k, low),
                 val_text(k, high));
        return;
    }
    if (low->kind != o->value->kind) {
        Diag *d = diag_add(k->diags, E_OPTION, o->value->span, "option '%s' is %s and its range is of %ss",
                           o->decl->name.text, val_kind_text(o->value),
                           low->kind == VAL_NUMBER ? "number" : "percentage");
        diag_note(d, range, "the range is given here");
        return;
    }
    if (o->value->number >= low->number && o->value->number <= high->number) return;
    Diag *d = diag_add(k->diags, E_OPTION, o->value->span, "option '%s' is %s, which is not in %s .. %s",
                       o->decl->name.text, val_text(k, o->value), val_text(k, low), val_text(k, high));
    diag_note(d, range, "the range is given here");
}

void check_options(Check *k)
{
    collect_options(k);
    for (int i = 0; i < k->c->options.defines.count; i++) set_option(k, &k->c->options.defines.at[i]);
    for (int i = 0; i < k->files.options.count; i++) check_option(k, &k->files.options.at[i]);
    Table names = {0};
    for (int i = 0; i < k->files.options.count; i++) {
        const OptionState *o = &k->files.options.at[i];
        int *first = table_place(k->perm, &names, o->decl->name.text, strlen(o->decl->name.text));
        if (*first >= 0) continue;
        *first = i;
        vec_push(k->perm, &k->model->options,
                 (OptionValue){o->decl->name.text, o->text, o->decl->help, o->given});
    }
}
