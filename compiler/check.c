/* check.c: the order in which a file is understood: imports, names, options, then the model and its training. */
#include "check.h"
#include "parse.h"
#include <libgen.h>
#include <unistd.h>

/* ---- files ---- */

static Module *load_module(Check *k, Ast *ast, const char *name);

static void import_file(Check *k, Module *into, const Decl *d)
{
    const SourceFile *here = sources_file(k->c->sources, into->ast->file);
    char *directory = dirname(arena_text(k->perm, here->path, strlen(here->path)));
    const char *path = d->path[0] == '/' ? d->path : arena_printf(k->perm, "%s/%s", directory, d->path), *why;
    if (strcmp(directory, ".") == 0 && d->path[0] != '/') path = d->path;
    for (int i = 0; i < k->modules.count; i++) {
        Module *m = k->modules.at[i];
        if (strcmp(sources_file(k->c->sources, m->ast->file)->path, path) != 0) continue;
        Module *again = NEW(k->perm, Module);
        *again = *m;
        again->name = d->name.text;
        vec_push(k->perm, &into->imports, again);
        return;
    }
    int file = sources_read(k->c->sources, path, &why);
    if (file < 0) {
        diag_add(k->diags, E_IMPORT, d->path_span, "cannot read '%s': %s", path, why);
        return;
    }
    Module *m = load_module(k, parse(k->perm, k->c->sources, (uint32_t)file, k->diags), d->name.text);
    vec_push(k->perm, &into->imports, m);
}

static Module *load_module(Check *k, Ast *ast, const char *name)
{
    Module *m = NEW(k->perm, Module);
    m->ast = ast, m->name = name;
    vec_push(k->perm, &k->modules, m);
    for (int i = 0; i < ast->decls.count; i++)
        if (ast->decls.at[i]->kind == DECL_IMPORT) import_file(k, m, ast->decls.at[i]);
    return m;
}

/* ---- names ---- */

static bool has_name(const Decl *d) { return d->kind == DECL_OPTION || d->kind == DECL_FN || d->kind == DECL_GRAPH || d->kind == DECL_MODEL; }

static void check_names(Check *k, Module *m)
{
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Decl *d = m->ast->decls.at[i];
        if (!has_name(d) || !d->name.text) continue;
        if (builtin_find(d->name.text)) {
            Diag *g = diag_add(k->diags, E_SHADOW, d->name.span, "'%s' is a built-in name", d->name.text);
            diag_help(g, "choose another name, such as %s_", d->name.text);
        }
        for (int j = 0; j < i; j++) {
            const Decl *before = m->ast->decls.at[j];
            if (!has_name(before) || !before->name.text || strcmp(before->name.text, d->name.text) != 0) continue;
            Diag *g = diag_add(k->diags, E_TWICE, d->name.span, "'%s' is declared twice", d->name.text);
            diag_note(g, before->name.span, "the first is here");
            break;
        }
    }
}

/* ---- options ---- */

static OptionState *find_option(Check *k, const char *name)
{
    for (int i = 0; i < k->options.count; i++)
        if (strcmp(k->options.at[i].decl->name.text, name) == 0) return &k->options.at[i];
    return NULL;
}

static void collect_options(Check *k)
{
    for (int m = 0; m < k->modules.count; m++)
        for (int i = 0; i < k->modules.at[m]->ast->decls.count; i++) {
            const Decl *d = k->modules.at[m]->ast->decls.at[i];
            if (d->kind != DECL_OPTION || !d->name.text || find_option(k, d->name.text)) continue;
            vec_push(k->perm, &k->options, (OptionState){d, k->modules.at[m], NULL, false, expr_text(k->perm, k->c->sources, d->value)});
        }
}

/* -D NAME=VALUE: the value is an expression of the language, in a little file of its own for messages. */
static void set_option(Check *k, const Define *define)
{
    const char *text = arena_printf(k->perm, "option %s = %s\n", define->name, define->value);
    int file = sources_add(k->c->sources, "-D", text, strlen(text));
    OptionState *o = find_option(k, define->name);
    Span whole = {(uint32_t)file, 7, 7 + (uint32_t)strlen(define->name)};
    if (!o) {
        const char **names = NEW_ARRAY(k->perm, const char *, (size_t)k->options.count + 1);
        for (int i = 0; i < k->options.count; i++) names[i] = k->options.at[i].decl->name.text;
        Diag *d = diag_add(k->diags, E_OPTION, whole, "the file has no option '%s'", define->name);
        const char *near = diag_nearest(define->name, names, k->options.count);
        if (near) diag_help(d, "did you mean -D %s=%s?", near, define->value);
        return;
    }
    int before = diags_errors(k->diags);
    Ast *ast = parse(k->perm, k->c->sources, (uint32_t)file, k->diags);
    if (diags_errors(k->diags) != before || ast->decls.count != 1 || ast->decls.at[0]->kind != DECL_OPTION) {
        if (diags_errors(k->diags) == before)
            diag_add(k->diags, E_OPTION, whole, "'%s' is not one value for option '%s'", define->value, define->name);
        o->value = val_poison(k);
        return;
    }
    Scope scope = {.module = o->module};
    o->value = described(k, check_expr(k, &scope, ast->decls.at[0]->value));
    o->text = define->value;
}

static bool kinds_differ(const Val *given, const Val *declared)
{
    if (is_poison(given) || is_poison(declared)) return false;
    bool number = declared->kind == VAL_NUMBER, logical = declared->kind == VAL_BOOL, text = declared->kind == VAL_STRING;
    if (logical || text) return given->kind != declared->kind;
    return number && given->kind != VAL_NUMBER && given->kind != VAL_PERCENT;
}

static void check_option(Check *k, OptionState *o)
{
    Scope scope = {.module = o->module};
    Val *declared = described(k, check_expr(k, &scope, o->decl->value));
    if (!o->value) o->value = declared;
    if (kinds_differ(o->value, declared)) {
        diag_add(k->diags, E_OPTION, o->value->span, "option '%s' is %s; this is %s", o->decl->name.text, val_kind_text(declared), val_kind_text(o->value));
        return;
    }
    if (!o->decl->low || is_poison(o->value)) return;
    Val *low = check_expr(k, &scope, o->decl->low), *high = check_expr(k, &scope, o->decl->high);
    if (is_poison(low) || is_poison(high)) return;
    if (low->kind != o->value->kind || high->kind != low->kind || (low->kind != VAL_NUMBER && low->kind != VAL_PERCENT)) {
        diag_add(k->diags, E_OPTION, o->decl->low->span, "a range is two numbers of the option's own kind");
        return;
    }
    if (o->value->number >= low->number && o->value->number <= high->number) return;
    Diag *d = diag_add(k->diags, E_OPTION, o->value->span, "option '%s' is %s, which is not in %s .. %s", o->decl->name.text,
                       val_text(k, o->value), val_text(k, low), val_text(k, high));
    diag_note(d, span_join(o->decl->low->span, o->decl->high->span), "the range is given here");
}

static void check_options(Check *k)
{
    collect_options(k);
    for (int i = 0; i < k->c->options.defines.count; i++) set_option(k, &k->c->options.defines.at[i]);
    for (int i = 0; i < k->options.count; i++) check_option(k, &k->options.at[i]);
    for (int i = 0; i < k->options.count; i++) {
        const OptionState *o = &k->options.at[i];
        vec_push(k->perm, &k->model->options, (OptionValue){o->decl->name.text, o->text, o->decl->help});
    }
}

/* ---- the model ---- */

static const Decl *only(Check *k, DeclKind kind, const char *name)
{
    const Decl *found = NULL;
    for (int i = 0; i < k->main->ast->decls.count; i++) {
        const Decl *d = k->main->ast->decls.at[i];
        if (d->kind != kind || (name && (!d->name.text || strcmp(d->name.text, name) != 0))) continue;
        if (found && kind == DECL_TRAIN) {
            Diag *g = diag_add(k->diags, E_TWICE, d->span, "a file has one train block");
            diag_note(g, found->span, "the first is here");
            return found;
        }
        found = d;
    }
    return found;
}

static const Decl *trained_model(Check *k, const Decl *train)
{
    const Decl *model = only(k, DECL_MODEL, train->name.text);
    if (model) return model;
    Vec(const char *) names = {0};
    for (int i = 0; i < k->main->ast->decls.count; i++)
        if (k->main->ast->decls.at[i]->kind == DECL_MODEL) vec_push(k->perm, &names, k->main->ast->decls.at[i]->name.text);
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, train->name.span, "there is no model '%s' to train", train->name.text);
    const char *near = diag_nearest(train->name.text, names.at, names.count);
    if (near || names.count == 1) diag_help(d, "did you mean '%s'?", near ? near : names.at[0]);
    return NULL;
}

static bool stated_shape(Check *k, const Decl *d, Shape *out)
{
    Scope scope = {.module = k->main};
    *out = (Shape){0};
    for (int i = 0; i < d->params.at[0].shape.count; i++) {
        const Expr *e = d->params.at[0].shape.at[i];
        Val *v = check_expr(k, &scope, e);
        if (is_poison(v)) return false;
        if (v->kind != VAL_NUMBER || v->number < 1 || v->number > 1e9 || v->number != (double)(int64_t)v->number || i == MAX_RANK) {
            diag_add(k->diags, E_RANGE, e->span, "a size must be a whole number from 1, with at most %d sizes", MAX_RANK);
            return false;
        }
        out->dim[out->rank++] = (int64_t)v->number;
    }
    return true;
}

static bool input_shape(Check *k, const Decl *d, const Decl *train, Shape *out)
{
    Shape data = {0};
    int before = diags_errors(k->diags);
    bool from_data = train && data_shape(k, train, k->main, &data);
    if (diags_errors(k->diags) != before) return false;
    if (d->params.count != 1) {
        Diag *g = diag_add(k->diags, E_SETS, d->name.span, "a model takes one value; '%s' takes %d", d->name.text, d->params.count);
        diag_help(g, "model %s(x) = x |> ...", d->name.text);
        return false;
    }
    if (!d->params.at[0].has_shape) {
        *out = data;
        if (from_data) return true;
        Diag *g = diag_add(k->diags, E_INPUT, d->params.at[0].span, "the input shape of model '%s' is not known%s", d->name.text,
                           train ? ": its data is not there yet" : "");
        diag_help(g, "state it, such as: model %s(%s[784])", d->name.text, d->params.at[0].name.text);
        return false;
    }
    if (!stated_shape(k, d, out)) return false;
    if (from_data && !shape_equal(*out, data)) {
        Diag *g = diag_add(k->diags, E_SHAPE, d->params.at[0].span, "model '%s' takes %s and its data has %s", d->name.text,
                           shape_text(k->perm, *out), shape_text(k->perm, data));
        diag_note(g, train->span, "the data is named here");
        return false;
    }
    return true;
}

static void build_body(Check *k, const Decl *d, Shape input)
{
    Model *m = k->model;
    m->name = d->name.text, m->input = input;
    k->func = func_new(k->perm, d->name.text);
    k->mode = MODE_MODEL;
    Value *x = func_add(k->func, IR_INPUT, d->params.at[0].span, 0, NULL);
    x->shape = input;
    Val *function = val_new(k, VAL_FUNCTION, d->name.span);
    function->decl = d, function->module = k->main;
    Val *v = apply_fn(k, function, val_runtime(k, x, d->params.at[0].span), d->name.span);
    if (is_poison(v)) return;
    Value *result = val_value(k, v, "a tensor");
    if (!result) return;
    if (result->is_bool || !result->per_sample) {
        diag_add(k->diags, E_KIND, d->name.span, "model '%s' does not give a tensor that depends on its input", d->name.text);
        return;
    }
    func_result(k->func, "output", result);
    func_prune(k->func);
    m->body = k->func, m->output = result->shape;
}

static void check_model(Check *k)
{
    const Decl *train = only(k, DECL_TRAIN, NULL);
    const Decl *model = train ? trained_model(k, train) : only(k, DECL_MODEL, NULL);
    Shape input;
    if (train)
        for (int i = 0; i < train->settings.count; i++) {
            const Expr *e = train->settings.at[i]->value;
            if (strcmp(train->settings.at[i]->name.text, "seed") == 0 && e->kind == EXPR_NUMBER) k->seed = e->number;
        }
    if (model && input_shape(k, model, train, &input)) build_body(k, model, input);
    if (train) check_train(k, train, k->main);
}

static const char *program_name(Arena *perm, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".dnw") == 0) n -= 4;
    return arena_text(perm, name, n);
}

Check *check_new(Compilation *c)
{
    Check *k = NEW(c->perm, Check);
    k->c = c, k->perm = c->perm, k->diags = c->diags;
    Model *m = k->model = NEW(c->perm, Model);
    m->perm = c->perm;
    m->source = sources_file(c->sources, c->file)->path;
    m->program = program_name(c->perm, m->source);
    char *full = realpath(m->source, NULL);
    m->directory = full ? dirname(arena_text(c->perm, full, strlen(full))) : ".";
    free(full);
    k->main = load_module(k, c->ast, NULL);
    return k;
}

Model *check(Compilation *c)
{
    Check *k = check_new(c);
    for (int i = 0; i < k->modules.count; i++) check_names(k, k->modules.at[i]);
    check_options(k);
    check_model(k);
    return diags_errors(c->diags) ? NULL : k->model;
}
