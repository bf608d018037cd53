/* expr_apply.c: calling things: arguments to parameters, functions inline, built-in arithmetic. */
#include "check/expr.h"
#include "common/plural.h"
#include <math.h>

/* ---- arguments ---- */

/* What a function takes. */
typedef struct ParamSpec {
    const char *name;
    bool optional;
} ParamSpec;
typedef struct Signature {
    const char *name;
    int count;
    ParamSpec *param;
} Signature;

/* `names` holds them where there are many. */
static int param_named(const Signature *s, const Table *names, const char *name)
{
    if (names->count) return table_find(names, name, strlen(name));
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->param[i].name, name) == 0) return i;
    return -1;
}

static void help_arguments(Check *k, const Signature *s, Diag *d)
{
    const char *list = "";
    for (int i = 0; i < s->count; i++)
        list = arena_printf(k->perm, "%s%s%s", list, i ? ", " : "", s->param[i].name);
    if (s->count == 1) diag_help(d, "its argument is: %s", list);
    if (s->count > 1) diag_help(d, "its arguments are: %s", list);
}

static void unknown_argument(Check *k, const Signature *s, Name name)
{
    const char **names = NEW_ARRAY(k->perm, const char *, (size_t)s->count + 1);
    for (int i = 0; i < s->count; i++) names[i] = s->param[i].name;
    Diag *d = diag_add(k->diags, E_ARGUMENT, name.span, "'%s' has no argument '%s'", s->name, name.text);
    const char *near = diag_nearest(name.text, names, s->count);
    if (near) diag_fix(d, name.span, near, "did you mean '", "'?");
    else help_arguments(k, s, d);
}

/* `value`: what the first parameter is given within the parentheses, or NULL. */
static void needed_argument(Check *k, const Signature *s, Span span, const char *name, const Val *value,
                            const Val *function)
{
    enum { MOST = 60 };
    const char *callee = s->name;
    const Builtin *b = function->builtin;
    Diag *d = diag_add(k->diags, E_ARGUMENT, span, "'%s' needs its argument '%s'", callee, name);
    bool layer = b && (b->kind == KIND_LAYER || b->kind == KIND_MAP);
    if (b && k->loss && (b->id == BUILTIN_macs || b->id == BUILTIN_params))
        diag_fix(d, span, arena_printf(k->perm, "%s(%s)", callee, k->model->name), "of the model: ", "");
    else if (function->decl) diag_help(d, "give it a value, such as %s(%s = 1)", callee, name);
    else if (b && b->kind == KIND_TIME)
        diag_help(d, "such as %s", b->count > 1 ? "flow(0, 1, rk4(10))" : "steps(5)");
    else if (layer && value && value->kind == VAL_NUMBER) {
        const SourceFile *file = sources_file(k->c->sources, span.file);
        const char *call = file && span.end - span.start < MOST
                               ? arena_text(k->perm, file->text + span.start, span.end - span.start)
                               : callee;
        diag_help(d,
                  "%s was taken for the value that '%s' is given; the value is written before '|>': x |> %s",
                  val_text(k, value), callee, call);
    } else help_arguments(k, s, d);
}

/* Binds to parameters; out[i] NULL where absent. False after messages. */
static bool bind_args(Check *k, const Signature *s, Val *function, Val *first, Span span, Val **out)
{
    enum { FEW = 16 };
    bool ok = true;
    int at = 0, count = s->count;
    Table names = {0};
    for (int i = 0; i < count; i++) out[i] = NULL;
    for (int i = 0; i < count && count > FEW && function->bound.count; i++)
        *table_place(k->perm, &names, s->param[i].name, strlen(s->param[i].name)) = i;
    if (first && count > 0) out[at++] = first;
    for (int i = 0; i < function->bound.count; i++) {
        BoundArg *a = &function->bound.at[i];
        int p = a->name.text ? param_named(s, &names, a->name.text) : at++;
        if (val_is_poison(a->value)) ok = false, k->said.silent++;
        if (p < 0) {
            unknown_argument(k, s, a->name);
            ok = false;
        } else if (p >= count) {
            help_arguments(k, s,
                           diag_add(k->diags, E_ARGUMENT, a->value->span, "'%s' takes %d argument%s%s",
                                    s->name, count, plural(count, "s"),
                                    first ? ", the value it is given included" : ""));
            return false;
        } else if (out[p]) {
            diag_add(k->diags, E_ARGUMENT, a->value->span, "argument '%s' of '%s' is given twice",
                     s->param[p].name, s->name);
            ok = false;
        } else {
            out[p] = a->value;
        }
    }
    for (int i = 0; i < count && ok; i++)
        if (!out[i] && !s->param[i].optional) {
            needed_argument(k, s, span, s->param[i].name, first ? NULL : out[0], function);
            ok = false;
        }
    return ok;
}

static Val *fallback_value(Check *k, const char *text, Span span)
{
    if (strcmp(text, "none") == 0) return val_new(k, VAL_NONE, span);
    if (text[0] == '"') {
        Val *v = val_new(k, VAL_STRING, span);
        v->text = arena_text(k->perm, text + 1, strlen(text) - 2);
        return v;
    }
    const Builtin *word = builtin_find(text);
    return word ? val_word(k, word, span) : val_number(k, strtod(text, NULL), span);
}

static bool bind_builtin(Check *k, Val *function, Val *first, Span span, Val **out)
{
    const Builtin *b = function->builtin;
    ParamSpec param[MOST_PARAMS];
    for (int i = 0; i < b->count; i++)
        param[i] = (ParamSpec){b->params[i].name, b->params[i].fallback != NULL};
    const Signature s = {b->name, b->count, param};
    if (!bind_args(k, &s, function, first, span, out)) return false;
    for (int i = 0; i < b->count; i++)
        if (!out[i]) out[i] = fallback_value(k, b->params[i].fallback, span);
    return true;
}

/* ---- built-ins ---- */

static bool describes(BuiltinKind kind)
{
    return kind >= KIND_DIST && kind <= KIND_METRIC ? true : kind == KIND_RULE || kind == KIND_EVENT;
}

Val *described(Check *k, Val *v)
{
    if (v->kind != VAL_FUNCTION || !v->builtin || !describes(v->builtin->kind)) return v;
    Val *args[MOST_PARAMS], *call = val_new(k, VAL_CALL, v->span);
    call->builtin = v->builtin;
    if (v->builtin->variadic) {
        for (int i = 0; i < v->bound.count; i++) vec_push(k->perm, &call->items, v->bound.at[i].value);
    } else {
        if (!bind_builtin(k, v, NULL, v->span, args)) return val_poison(k);
        for (int i = 0; i < v->builtin->count; i++) {
            Val *item = described(k, args[i]);
            vec_push(k->perm, &call->items, item);
        }
    }
    for (int i = 0; i < call->items.count; i++)
        if (val_is_poison(call->items.at[i])) return val_poison(k);
    share_items(k, call);
    return call;
}

bool counts_model(const Val *v)
{
    if (!val_is(v, BUILTIN_macs) && !val_is(v, BUILTIN_params)) return false;
    const Val *of = v->items.count ? v->items.at[0] : NULL;
    return of && of->kind == VAL_FUNCTION && of->decl && of->decl->kind != DECL_FN;
}

static Val *composed(Check *k, OpCode op, Span span, Val *a, Val *b)
{
    return pointwise(k, op, span, b ? 2 : 1, (Val *[]){a, b});
}

/* gelu(x) = x (1 + erf(x / sqrt 2)) / 2   (Hendrycks & Gimpel 2016, exact form) */
static Val *gelu(Check *k, Val *x, Span s)
{
    Val *e = composed(k, IR_ERF, s, composed(k, IR_MUL, s, x, val_number(k, M_SQRT1_2, s)), NULL);
    Val *half = composed(k, IR_MUL, s, x, val_number(k, 0.5, s));
    return composed(k, IR_MUL, s, half, composed(k, IR_ADD, s, val_number(k, 1, s), e));
}

/* x where x > 0, else slope x */
static Val *leaky_relu(Check *k, Val *x, Val *slope, Span span)
{
    Val *positive = composed(k, IR_LT, span, val_number(k, 0, span), x);
    return pointwise(k, IR_SELECT, span, 3, (Val *[]){positive, x, composed(k, IR_MUL, span, slope, x)});
}

static Val *apply_point(Check *k, const Builtin *b, Val **a, Span span)
{
    OpCode op = op_named(b->name);
    if (b->count == 2 && a[1]->kind == VAL_NONE) return fold_array(k, b, a[0], span);
    if (op < IR_OP_COUNT) return pointwise(k, op, span, b->count, a);
    switch (b->id) {
    case BUILTIN_silu: return composed(k, IR_MUL, span, a[0], composed(k, IR_SIGMOID, span, a[0], NULL));
    case BUILTIN_gelu: return gelu(k, a[0], span);
    case BUILTIN_clamp: return composed(k, IR_MIN, span, composed(k, IR_MAX, span, a[0], a[1]), a[2]);
    case BUILTIN_leaky_relu: return leaky_relu(k, a[0], a[1], span);
    default: BUG("no arithmetic for '%s'", b->name);
    }
}

static Val *apply_builtin(Check *k, Val *function, Val *first, Span span)
{
    const Builtin *b = function->builtin;
    Val *args[MOST_PARAMS];
    if (describes(b->kind)) {
        if (first) {
            diag_add(k->diags, E_KIND, span, "'%s' is not a function of a value", b->name);
            return val_poison(k);
        }
        Val *call = described(k, function);
        if (!val_is_poison(call)) call->span = span;
        const bool asked = k->test.on && k->mode == MODE_CONST && counts_model(call);
        return asked ? k->c->question(k, b, call->items.at, span) : call;
    }
    if (b->kind == KIND_CHECK && !(k->test.on && k->mode == MODE_CONST)) {
        Diag *d = diag_add(k->diags, E_PLACE, span, "'%s' is allowed only in a test", b->name);
        diag_help(d, "test \"what must be true\" { ... %s(...) ... }", b->name);
        return val_poison(k);
    }
    if (b->id == BUILTIN_chance && !chance_arguments(k, function)) return val_poison(k);
    if (!bind_builtin(k, function, first, span, args)) return val_poison(k);
    if (b->kind == KIND_CHECK) return k->c->question(k, b, args, span);
    if (b->kind == KIND_LIST || b->kind == KIND_WORD) return apply_list(k, b, args, span);
    if (b->kind == KIND_POINT) return apply_point(k, b, args, span);
    if (b->kind == KIND_GEOM) return apply_where(k, b, args, span);
    return k->above->builtin(k, b, args, span);
}

/* ---- functions of the file ---- */

static bool declares(const Decl *d, StmtKind kind)
{
    for (int i = 0; i < d->body.count; i++)
        if (d->body.at[i]->kind == kind) return true;
    return false;
}

bool declares_states(const Decl *d)
{
    return declares(d, STMT_STATE);
}

bool declares_weights(const Decl *d)
{
    return declares(d, STMT_WEIGHT) || declares_states(d);
}

static Val *body_value(Check *k, Scope *scope, const Decl *d)
{
    Val *last = NULL;
    for (int i = 0; i < d->body.count; i++) {
        const Stmt *s = d->body.at[i];
        bool at_end = i == d->body.count - 1;
        switch (s->kind) {
        case STMT_SIZE: scope_add(k, scope, s->name, declare_size(k, scope, d, s)); break;
        case STMT_LET: scope_add(k, scope, s->name, check_expr(k, scope, s->value)); break;
        case STMT_WEIGHT:
        case STMT_STATE:
        case STMT_NEXT:
        case STMT_DERIV:
        case STMT_COST:
            if (!k->above->line(k, scope, d, s)) return val_poison(k);
            break;
        case STMT_EXPR:
            last = check_expr(k, scope, s->value);
            if (!at_end && !val_is_poison(last))
                diag_add(k->diags, E_UNUSED, s->span,
                         "this value is not used: only the last line is the value of '%s'", d->name.text);
            break;
        }
    }
    bool ends = d->body.count && d->body.at[d->body.count - 1]->kind == STMT_EXPR;
    if (!ends) {
        Diag *g = diag_add(k->diags, E_UNUSED, d->name.span,
                           "'%s' has no value: its last line must be an expression", d->name.text);
        if (d->body.count && d->body.at[d->body.count - 1]->name.text)
            diag_help(g, "add a last line: %s", d->body.at[d->body.count - 1]->name.text);
        return val_poison(k);
    }
    return last;
}

void note_seen(Check *k, const Decl *d)
{
    *table_place(k->perm, &k->applied.seen, &d, sizeof(Decl *)) = 1;
}

static bool enter(Check *k, const Decl *d, Span span)
{
    for (int i = 0; i < k->applied.calls.count; i++)
        if (k->applied.calls.at[i] == d) {
            Diag *g = diag_add(k->diags, E_RECURSION, span, "'%s' calls itself", d->name.text);
            diag_note(g, d->name.span, "it is declared here");
            return false;
        }
    vec_push(k->perm, &k->applied.calls, d);
    return true;
}

/* Of a graph or function whose declaration names more or fewer sizes than its value has. */
static void wrong_sizes(Check *k, const Decl *d, Shape taken, Span span)
{
    const int count = d->sizes.count;
    Diag *g = diag_add(k->diags, E_SHAPE, span, "'%s' takes %d size%s from its value, which has shape %s",
                       d->name.text, count, plural(count, "s"), shape_text(k->perm, taken));
    const Span sizes = span_join(d->sizes.at[0].span, d->sizes.at[count - 1].span);
    const char *text = d->sizes.at[0].text;
    for (int i = 1; i < taken.rank; i++)
        text = arena_printf(k->perm, "%s, %s", text, i < count ? d->sizes.at[i].text : "_");
    diag_note(g, sizes, "they are named here");
    if (taken.rank > count) diag_fix(g, sizes, text, "`_` stands for a size that is not needed: ", "");
}

/* Parameters of a declaration, and its sizes from the shape of the value it is given, in `scope`. */
bool bind_params(Check *k, Val *function, Val *first, Shape taken, Span span, Scope *scope)
{
    const Decl *d = function->decl;
    int count = d->params.count;
    const Signature s = {d->name.text, count, NEW_ARRAY(k->perm, ParamSpec, (size_t)count + 1)};
    Val **args = NEW_ARRAY(k->perm, Val *, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        s.param[i] = (ParamSpec){d->params.at[i].name.text, d->params.at[i].fallback != NULL};
    for (int i = 0; i < d->sizes.count; i++) {
        double size = i < taken.rank ? (double)taken.dim[i] : 1;
        scope_add(k, scope, d->sizes.at[i], val_number(k, size, span));
    }
    if (d->sizes.count && taken.rank && d->sizes.count != taken.rank) {
        wrong_sizes(k, d, taken, span);
        return false;
    }
    if (!bind_args(k, &s, function, first, span, args)) return false;
    for (int i = 0; i < count; i++) {
        Val *v = args[i] ? args[i] : check_expr(k, scope, d->params.at[i].fallback);
        scope_add(k, scope, d->params.at[i].name, described(k, v));
    }
    return true;
}

static Val *fn_value(Check *k, const Decl *d, Scope *scope)
{
    const Application a = application(k, d, scope);
    if (a.result) return a.result;
    Val *result = d->value ? check_expr(k, scope, d->value) : body_value(k, scope, d);
    application_done(k, &a, result);
    return result;
}

Val *apply_fn(Check *k, Val *function, Val *first, Span span)
{
    const Decl *d = function->decl;
    if (first && d->params.count == 0) {
        diag_add(k->diags, E_ARGUMENT, span, "'%s' takes no value", d->name.text);
        return val_poison(k);
    }
    if (!enter(k, d, span)) return val_poison(k);
    note_seen(k, d);
    Scope scope = {.module = function->module};
    Val *result = val_poison(k);
    Shape taken = first && first->kind == VAL_RUNTIME ? first->value->shape : (Shape){0};
    if (bind_params(k, function, first, taken, span, &scope)) result = fn_value(k, d, &scope);
    k->applied.calls.count--;
    return result;
}

/* ---- both ---- */

static bool is_tensor(const Val *v)
{
    return v && v->kind == VAL_RUNTIME;
}

Val *apply(Check *k, Val *function, Val *first, Span span)
{
    if (val_is_poison(function) || (first && val_is_poison(first))) return val_poison(k);
    if (function->kind != VAL_FUNCTION) {
        diag_add(k->diags, E_KIND, span, "%s is not a function", val_kind_text(function));
        return val_poison(k);
    }
    if (function->builtin) return apply_builtin(k, function, first, span);
    switch (function->decl->kind) {
    case DECL_GRAPH:
        if (k->mode == MODE_MODEL && is_tensor(first)) return k->above->tensor(k, function, first, span);
        diag_help(diag_add(k->diags, E_PLACE, span,
                           "'%s' is a graph: it takes a value of a model, and this is %s",
                           function->decl->name.text,
                           k->mode == MODE_CELL ? "inside a node function"
                           : first              ? "another kind of value"
                                                : "none"),
                  "in a model: x |> %s", function->decl->name.text);
        return val_poison(k);
    case DECL_FN:
        if (k->mode == MODE_MODEL && is_tensor(first) && declares_weights(function->decl))
            return k->above->tensor(k, function, first, span);
        return apply_fn(k, function, first, span);
    case DECL_RULE:
        if (is_lost(function->module, function->decl->name.text)) return k->said.silent++, val_poison(k);
        diag_help(diag_add(k->diags, E_PLACE, span, "'%s' is a rule: it stands behind a budget",
                           function->decl->name.text),
                  "edges x[_] -> y[_] keep 5%% using %s", function->decl->name.text);
        return val_poison(k);
    default:
        diag_add(k->diags, E_PLACE, span, "'%s' is a model; a model is trained, not called",
                 function->decl->name.text);
        return val_poison(k);
    }
}

/* f(x, ...) with all arguments given: the first one bound by position is the value. */
Val *apply_call(Check *k, Val *function, Span span)
{
    const Decl *d = function->decl;
    const bool value = k->mode == MODE_CONST || k->mode == MODE_MODEL;
    if (value && d && d->kind == DECL_RULE) return function; /* as `using` takes it */
    bool takes_value = !function->builtin && function->bound.count > 0 && !function->bound.at[0].name.text;
    if (!takes_value) return apply(k, function, NULL, span);
    Val *first = function->bound.at[0].value;
    Val *rest = NEW(k->perm, Val);
    *rest = *function;
    rest->bound.at = function->bound.at + 1;
    rest->bound.count--;
    return val_is_poison(first) ? val_poison(k) : apply(k, rest, first, span);
}
