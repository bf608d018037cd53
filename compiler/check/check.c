/* check.c: the order in which a file is understood: imports, names, options, then the model and its training,
 * its tests, and last what none of them used.
 */
#include "check/check.h"
#include "ir/op.h"
#include <libgen.h>
#include <math.h>
#include <stdlib.h>

static const Decl *only(Check *k, DeclKind kind, const char *name)
{
    const Decl *found = NULL;
    for (int i = 0; i < k->files.main->ast->decls.count; i++) {
        const Decl *d = k->files.main->ast->decls.at[i];
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
    if (model || is_lost(k->files.main, train->name.text)) return model;
    Vec(const char *) names = {0};
    for (int i = 0; i < k->files.main->ast->decls.count; i++)
        if (k->files.main->ast->decls.at[i]->kind == DECL_MODEL)
            vec_push(k->perm, &names, k->files.main->ast->decls.at[i]->name.text);
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, train->name.span, "there is no model '%s' to train",
                       train->name.text);
    const char *near = diag_nearest(train->name.text, names.at, names.count);
    if (near || names.count == 1)
        diag_fix(d, train->name.span, near ? near : names.at[0], "did you mean '", "'?");
    else if (names.count == 0)
        diag_help(d, "declare it, such as: model %s(x[2]) = x |> linear(2)", train->name.text);
    return NULL;
}

bool stated_shape(Check *k, const Decl *d, Module *m, Shape *out)
{
    Scope scope = {.module = m};
    double size = 1;
    *out = (Shape){0};
    for (int i = 0; i < d->params.at[0].shape.count; i++) {
        const Expr *e = d->params.at[0].shape.at[i];
        Val *v = check_expr(k, &scope, e);
        if (val_is_poison(v)) return false;
        if (v->kind != VAL_NUMBER || v->number < 1 || !isfinite(v->number) || v->number != floor(v->number)) {
            diag_add(k->diags, E_RANGE, e->span, "a size must be a whole number from 1; this is %s",
                     val_text(k, v));
            return false;
        }
        if ((size *= v->number) > MOST_NUMBERS) {
            diag_add(k->diags, E_RANGE, e->span, "a value of %.15g numbers or more; the most is %d", size,
                     MOST_NUMBERS);
            return false;
        }
        if (i == MAX_RANK) {
            diag_add(k->diags, E_RANGE, d->params.at[0].span, "a value has at most %d sizes", MAX_RANK);
            return false;
        }
        out->dim[out->rank++] = (int64_t)v->number;
    }
    return true;
}

static bool one_parameter(Check *k, const Decl *d)
{
    if (d->params.count == 1) return true;
    Diag *g = diag_add(k->diags, E_SETS, d->name.span, "a model takes one value; '%s' takes %d", d->name.text,
                       d->params.count);
    diag_help(g, "model %s(x) = x |> ...", d->name.text);
    return false;
}

static void unknown_input(Check *k, const Decl *d, const Decl *train)
{
    Diag *g = diag_add(k->diags, E_INPUT, d->params.at[0].span,
                       "the input shape of model '%s' is not known%s%s", d->name.text,
                       train ? ", since its data was not found: " : "", train ? k->train.missing_data : "");
    if (train) diag_note(g, find_setting(train, "data")->span, "the data is named here");
    diag_help(g, "declare it, such as: model %s(%s[784])%s", d->name.text, d->params.at[0].name.text,
              train ? ", or say where the data is with --data DIR" : "");
}

static void missing_data(Check *k, const Decl *train)
{
    Diag *g = diag_add(k->diags, W_NO_DATA, find_setting(train, "data")->value->span,
                       "the data was not found: %s", k->train.missing_data);
    diag_help(g, "a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
}

static bool input_shape(Check *k, const Decl *d, const Decl *train, Shape *out)
{
    Shape data = {0};
    DataState state = train ? data_shape(k, train, k->files.main, &data) : DATA_ABSENT;
    if (!one_parameter(k, d) || state == DATA_WRONG) return false;
    if (!d->params.at[0].has_shape) {
        *out = data;
        if (state == DATA_KNOWN) return true;
        if (!train && k->files.main->ast->lost_train) return false;
        unknown_input(k, d, train);
        return false;
    }
    if (!stated_shape(k, d, k->files.main, out)) return false;
    if (train && state == DATA_ABSENT) missing_data(k, train);
    if (state == DATA_KNOWN && !shape_equal(*out, data)) {
        Diag *g = diag_add(k->diags, E_SHAPE, d->params.at[0].span, "model '%s' takes %s and its data has %s",
                           d->name.text, shape_text(k->perm, *out), shape_text(k->perm, data));
        diag_note(g, find_setting(train, "data")->span, "the data is named here");
        diag_help(g, "remove the shape: the data gives it");
        return false;
    }
    return true;
}

static bool output_is_fixed(Check *k, const Decl *d, const Value *result)
{
    const LearnedSize *size = learned_channels(k, result);
    if (!size) return true;
    Diag *g = diag_add(k->diags, E_SHAPE, d->name.span, "the output of model '%s' has a learned size",
                       d->name.text);
    diag_note(g, size->span, "it is declared here");
    diag_help(g, "let a layer of a fixed size end it: |> linear(10)");
    return false;
}

/* A number for each column, at each position of x. */
static Value *of_columns(Func *f, const Value *x, const double *numbers, int count)
{
    Value **each = NEW_ARRAY(f->arena, Value *, (size_t)count);
    for (int i = 0; i < count; i++) each[i] = broadcast(f, func_const(f, numbers[i]), shape_vector(1), 0);
    Value *all = func_add(f, IR_CONCAT, x->span, count, each);
    return broadcast(f, all, x->shape, 0);
}

/* What the data wants scaled is scaled by the program: (x - mean) / deviation. So `predict`, frozen programs
 * and libraries take numbers as they are in the data. */
static Value *scaled_input(const Model *m, Func *f, Value *x)
{
    if (!m->scaled) return x;
    double *factor = NEW_ARRAY(f->arena, double, (size_t)m->scaled);
    for (int i = 0; i < m->scaled; i++) factor[i] = 1 / m->deviation[i];
    Value *from_mean = func_binary(f, IR_SUB, x, of_columns(f, x, m->mean, m->scaled));
    return func_binary(f, IR_MUL, from_mean, of_columns(f, x, factor, m->scaled));
}

void build_body(Check *k, const Decl *d, Module *module, Shape input)
{
    Model *m = k->model;
    m->name = d->name.text, m->input = input;
    k->func = func_new(k->perm, d->name.text);
    Scope scope = {.module = module};
    ModelBudget *outer = k->budget;
    if (!model_budget_open(k, d->edges, &scope)) {
        k->budget = outer;
        return;
    }
    k->mode = MODE_MODEL;
    Value *x = func_add(k->func, IR_INPUT, d->params.at[0].span, 0, NULL);
    x->shape = input;
    Value *scaled = scaled_input(m, k->func, x);
    x = m->padded ? padded_input(k, x, scaled) : scaled;
    if (!m->scaled) set_given(k, x);
    Val *function = val_function(k, NULL, d, module, d->name.span);
    Val *v = apply_fn(k, function, val_runtime(k, x, d->params.at[0].span), d->name.span);
    k->mode = MODE_CONST;
    if (!val_is_poison(v)) model_budget_close(k);
    k->budget = outer;
    if (val_is_poison(v)) return;
    share_densities(k), check_redistribution(k), share_ties(k);
    Value *result = val_value(k, v, "a tensor");
    if (!result || !output_is_fixed(k, d, result)) return;
    if (result->is_bool || !result->per_sample) {
        diag_add(k->diags, E_KIND, d->name.span,
                 "model '%s' does not give a tensor that depends on its input", d->name.text);
        return;
    }
    if (is_padded(k, result)) result = without_padding(k, result);
    func_result(k->func, "output", result);
    add_size_costs(k);
    for (int i = 0; i < m->costs.count; i++)
        for (int n = 0; n < m->costs.at[i].parts.count; n++)
            func_result(k->func, arena_printf(k->perm, "cost %s", m->costs.at[i].name),
                        m->costs.at[i].parts.at[n]);
    if (m->there) func_result(k->func, "there", m->there);
    func_prune(k->func);
    m->body = k->func, m->output = result->shape;
    warn_unused_sizes(k);
}

static void check_model(Check *k)
{
    const Decl *train = only(k, DECL_TRAIN, NULL);
    const Decl *model = train ? trained_model(k, train) : only(k, DECL_MODEL, NULL);
    Shape input;
    if (train) k->train.seed = k->model->seed = train_seed(k, train, k->files.main);
    if (train) k->model->batch = train_batch(k, train, k->files.main);
    if (model) note_seen(k, model);
    if (model && input_shape(k, model, train, &input)) build_body(k, model, k->files.main, input);
    if (train) check_train(k, train, k->files.main), check_rules_and_training(k);
}

/* ---- scratch models ---- */

static Model *model_new(const Compilation *c)
{
    Model *m = NEW(c->perm, Model);
    m->perm = c->perm;
    return m;
}

void scratch_open(Check *k, Check *saved)
{
    *saved = *k;
    k->model = model_new(k->c);
    k->made.names = (Table){0};
    k->mode = MODE_CONST, k->func = NULL, k->made.dropouts = 0;
}

void scratch_close(Check *k, const Check *saved)
{
    k->model = saved->model;
    k->made.names = saved->made.names;
    k->mode = saved->mode, k->func = saved->func, k->made.dropouts = saved->made.dropouts;
}

/* ---- all of it ---- */

static const char *program_name(Arena *perm, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".dnw") == 0) n -= 4;
    return arena_text(perm, name, n);
}

static const char *directory_of(Arena *perm, const char *path)
{
    char *full = realpath(path, NULL);
    const char *directory = full ? dirname(arena_text(perm, full, strlen(full))) : ".";
    free(full);
    return directory;
}

/* Work on each channel alone, and leave their number. */
static bool keeps_channels(const Builtin *b)
{
    static const BuiltinId those[] = {BUILTIN_batch_norm, BUILTIN_dropout,  BUILTIN_noise,
                                      BUILTIN_depthwise,  BUILTIN_avg_pool, BUILTIN_max_pool,
                                      BUILTIN_mean_map,   BUILTIN_crop,     BUILTIN_instance_norm};
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (those[i] == b->id) return true;
    return false;
}

/* Read over channels, of which some may be 0. */
static bool reads_channels(const Builtin *b)
{
    return b->id == BUILTIN_linear || b->id == BUILTIN_conv2d || b->id == BUILTIN_flatten ||
           b->id == BUILTIN_concat;
}

static Val *not_for_sizes(Check *k, const Builtin *b, const LearnedSize *size, Span span)
{
    Diag *d =
        diag_add(k->diags, E_LATER, span, "'%s' does not take channels whose number is learned", b->name);
    diag_note(d, size->span, "their size is declared here");
    diag_help(d, "a layer of a fixed size may stand before it: |> linear(16) |> %s", b->name);
    return val_poison(k);
}

static Val *apply_layer_or_map(Check *k, const Builtin *b, Val **args, Span span)
{
    return b->kind == KIND_MAP ? apply_map(k, b, args, span) : apply_layer(k, b, args, span);
}

/* Of a layer whose channels wait for a mask: behind it they wait, or they get it before. */
static Val *apply_to_sized(Check *k, const Builtin *b, Val **args, Span span)
{
    LearnedSize *size = NULL;
    Value *part = part_of_channels(k, args[0]->value);
    for (int i = 0; i < b->count; i++) {
        if (args[i]->kind != VAL_RUNTIME || !args[i]->value->shape.rank) continue;
        if (!size) size = learned_channels(k, args[i]->value);
        if (!keeps_channels(b)) args[i] = val_runtime(k, in_use(k, args[i]->value), args[i]->span);
    }
    if (size && !keeps_channels(b) && !reads_channels(b)) return not_for_sizes(k, b, size, span);
    Val *v = apply_layer_or_map(k, b, args, span);
    if (v->kind != VAL_RUNTIME || !keeps_channels(b)) return v;
    set_channels(k, v->value, size);
    set_part(k, v->value, part);
    return v;
}

/* What works position by position, or knows where a sample ends. */
static bool takes_padded(const Builtin *b)
{
    static const BuiltinId those[] = {BUILTIN_scan,    BUILTIN_last,  BUILTIN_mean_time,
                                      BUILTIN_dropout, BUILTIN_noise, BUILTIN_within};
    for (size_t i = 0; i < sizeof those / sizeof *those; i++)
        if (those[i] == b->id) return true;
    return false;
}

static bool any_padded(const Check *k, const Builtin *b, Val **args)
{
    for (int i = 0; k->padded.count && i < b->count; i++)
        if (args[i]->kind == VAL_RUNTIME && is_padded(k, args[i]->value)) return true;
    return false;
}

static Val *apply_builtin_above(Check *k, const Builtin *b, Val **args, Span span)
{
    const bool sized = k->mode == MODE_MODEL && k->sized.values.count && args[0]->kind == VAL_RUNTIME &&
                       b->id != BUILTIN_within; /* its function and arithmetic take care */
    const bool padded = k->mode == MODE_MODEL && any_padded(k, b, args);
    if (padded && !takes_padded(b)) return not_for_padded(k, arena_printf(k->perm, "'%s'", b->name), span);
    Val *v = sized ? apply_to_sized(k, b, args, span) : apply_layer_or_map(k, b, args, span);
    if (padded && (b->id == BUILTIN_dropout || b->id == BUILTIN_noise) && v->kind == VAL_RUNTIME)
        set_padded(k, v->value);
    return v;
}

static const Above above = {apply_builtin_above, apply_tensor, cell_line, loss_term};

Check *check_open(Compilation *c)
{
    Check *k = NEW(c->perm, Check);
    k->c = c, k->perm = c->perm, k->diags = c->diags, k->above = &above;
    k->applied.shares = shares_new(k->perm);
    Model *m = k->model = k->whole = model_new(c);
    m->source = sources_file(c->sources, c->file)->path;
    m->program = program_name(c->perm, m->source);
    m->directory = directory_of(c->perm, m->source);
    k->files.library = load_library(k);
    k->files.main = load_module(k, c->ast);
    for (int i = 0; i < k->files.all.count; i++) check_names(k, k->files.all.at[i]);
    check_options(k);
    return k;
}

void check_close(Check *k, const Model *kept)
{
    for (int i = 0; i < k->made.graphs.count; i++) {
        Graph *g = k->made.graphs.at[i];
        bool used = false;
        for (int j = 0; kept && j < kept->graphs.count; j++)
            if (kept->graphs.at[j] == g) used = true;
        for (int b = 0; b < g->bundles.count && !used; b++) candidates_free(&g->bundles.at[b].candidates);
        if (!used) wiring_order_free(&g->order), free_groups(g);
    }
}

Model *check(Compilation *c)
{
    Check *k = check_open(c);
    check_model(k);
    check_tests(k);
    check_unused(k);
    bool ok = diags_errors(c->diags) == 0;
    check_close(k, ok ? k->model : NULL);
    if (!ok) json_decref(k->model->settings), json_decref(k->model->factors);
    return ok ? k->model : NULL;
}
