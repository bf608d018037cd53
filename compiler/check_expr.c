/* check_expr.c: expressions. Known operands give known results; others append to the function being built. */
#include "check.h"
#include "op.h"
#include <math.h>

void scope_add(Check *k, Scope *scope, Name name, Val *value)
{
    if (builtin_find(name.text)) {
        Diag *d = diag_add(k->diags, E_SHADOW, name.span, "'%s' is a built-in name", name.text);
        diag_help(d, "choose another name, such as %s_", name.text);
    }
    vec_push(k->perm, &scope->names, (Binding){name.text, value});
}

Val *scope_find(const Scope *scope, const char *name)
{
    for (; scope; scope = scope->outer)
        for (int i = scope->names.count - 1; i >= 0; i--)
            if (strcmp(scope->names.at[i].name, name) == 0) return scope->names.at[i].value;
    return NULL;
}

/* ---- names ---- */

static Val *function_value(Check *k, const Builtin *b, const Decl *decl, Module *module, Span span)
{
    Val *v = val_new(k, VAL_FUNCTION, span);
    v->builtin = b, v->decl = decl, v->module = module;
    return v;
}

static bool is_callable(const Decl *d) { return d->kind == DECL_FN || d->kind == DECL_GRAPH || d->kind == DECL_MODEL; }

static Val *declared_option(Check *k, const Decl *decl)
{
    for (int i = 0; i < k->options.count; i++) {
        OptionState *o = &k->options.at[i];
        if (o->decl != decl) continue;
        if (o->value) return o->value;
        if (o->busy) {
            diag_add(k->diags, E_RECURSION, decl->name.span, "option '%s' is defined by itself", decl->name.text);
            return o->value = val_poison(k);
        }
        o->busy = true;
        Scope scope = {.module = o->module};
        Mode mode = k->mode;
        k->mode = MODE_CONST;
        Val *v = check_expr(k, &scope, decl->value);
        k->mode = mode;
        return k->options.at[i].value = described(k, v);
    }
    return val_poison(k);
}

static Val *declared(Check *k, Module *m, const char *name, Span span)
{
    for (int i = 0; i < m->ast->decls.count; i++) {
        const Decl *d = m->ast->decls.at[i];
        if (!d->name.text || strcmp(d->name.text, name) != 0) continue;
        if (is_callable(d)) return function_value(k, NULL, d, m, span);
        if (d->kind == DECL_OPTION) {
            Val *copy = NEW(k->perm, Val);
            *copy = *declared_option(k, d);
            copy->span = span;
            return copy;
        }
    }
    for (int i = 0; i < m->imports.count; i++)
        if (!m->imports.at[i]->name) {
            Val *v = declared(k, m->imports.at[i], name, span);
            if (v) return v;
        }
    return NULL;
}

static void unknown_name(Check *k, const Scope *scope, const char *name, Span span)
{
    Vec(const char *) known = {0};
    Module *module = NULL;
    for (const Scope *s = scope; s; s = s->outer) {
        module = s->module ? s->module : module;
        for (int i = 0; i < s->names.count; i++) vec_push(k->perm, &known, s->names.at[i].name);
    }
    for (int i = 0; module && i < module->ast->decls.count; i++) {
        const Decl *d = module->ast->decls.at[i];
        if (d->name.text && (is_callable(d) || d->kind == DECL_OPTION)) vec_push(k->perm, &known, d->name.text);
    }
    for (int i = 0; i < builtin_count(); i++)
        if (builtin_at(i)->kind != KIND_LATER) vec_push(k->perm, &known, builtin_at(i)->name);
    const char *near = diag_nearest(name, known.at, known.count);
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, span, "'%s' is not known here", name);
    if (near) diag_help(d, "did you mean '%s'?", near);
}

static Val *word_value(Check *k, const Builtin *b, Span span)
{
    if (strcmp(b->name, "true") == 0 || strcmp(b->name, "false") == 0) return val_bool(k, b->name[0] == 't', span);
    if (strcmp(b->name, "pi") == 0) return val_number(k, M_PI, span);
    Val *v = val_new(k, VAL_WORD, span);
    v->text = b->name;
    return v;
}

static Val *later(Check *k, const char *name, Span span)
{
    diag_add(k->diags, E_LATER, span, "'%s' is part of the language but not of this release", name);
    return val_poison(k);
}

static Val *name_value(Check *k, Scope *scope, const Expr *e)
{
    Val *v = scope_find(scope, e->name);
    if (v) return v;
    Scope *s = scope;
    while (s && !s->module) s = s->outer;
    if (s && (v = declared(k, s->module, e->name, e->span))) return v;
    const Builtin *b = builtin_find(e->name);
    if (!b) {
        unknown_name(k, scope, e->name, e->span);
        return val_poison(k);
    }
    if (b->kind == KIND_LATER) return later(k, b->name, e->span);
    return b->kind == KIND_WORD ? word_value(k, b, e->span) : function_value(k, b, NULL, NULL, e->span);
}

static Val *member_value(Check *k, Scope *scope, const Expr *e)
{
    Scope *s = scope;
    while (s && !s->module) s = s->outer;
    if (e->left->kind == EXPR_NAME && s)
        for (int i = 0; i < s->module->imports.count; i++) {
            Module *m = s->module->imports.at[i];
            if (!m->name || strcmp(m->name, e->left->name) != 0) continue;
            Val *v = declared(k, m, e->name, e->span);
            if (v) return v;
            Scope inside = {.module = m};
            unknown_name(k, &inside, e->name, e->span);
            return val_poison(k);
        }
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, e->left->span, "'%s' is not an imported file",
                       e->left->kind == EXPR_NAME ? e->left->name : "this");
    diag_help(d, "import \"file.dnw\" as name makes name.thing");
    return val_poison(k);
}

/* ---- operators ---- */

Value *val_value(Check *k, const Val *v, const char *wanted)
{
    switch (v->kind) {
    case VAL_RUNTIME: return v->value;
    case VAL_NUMBER: return func_const(k->func, v->number);
    case VAL_PERCENT: return func_const(k->func, v->number / 100);
    case VAL_BOOL: {
        Value *b = func_const(k->func, v->number);
        b->is_bool = true;
        return b;
    }
    case VAL_POISON: return NULL;
    default: {
        Diag *d = diag_add(k->diags, E_KIND, v->span, "%s stands where %s is wanted", val_kind_text(v), wanted);
        if (v->kind == VAL_FUNCTION) diag_help(d, "give '%s' its arguments in ( ), or send a value to it with |>", val_text(k, v));
        return NULL;
    }
    }
}

static bool known(const Val *v) { return v->kind == VAL_NUMBER || v->kind == VAL_BOOL || v->kind == VAL_PERCENT; }

static double known_number(const Val *v) { return v->kind == VAL_PERCENT ? v->number / 100 : v->number; }

static bool gives_bool(OpCode op)
{
    return op == IR_LT || op == IR_LE || op == IR_EQ || op == IR_AND || op == IR_OR || op == IR_NOT;
}

/* Each argument is a condition where one is wanted and a number elsewhere. */
static bool kinds_agree(Check *k, OpCode op, int count, Val **args)
{
    for (int i = 0; i < count; i++) {
        bool is_bool = args[i]->kind == VAL_BOOL || (args[i]->kind == VAL_RUNTIME && args[i]->value->is_bool);
        bool wanted = op == IR_AND || op == IR_OR || op == IR_NOT || (op == IR_SELECT && i == 0);
        if (op == IR_SELECT && i > 0) continue;
        if (is_bool == wanted) continue;
        Diag *d = diag_add(k->diags, E_KIND, args[i]->span, "%s stands where %s is wanted", val_kind_text(args[i]),
                           wanted ? "a condition" : "a number");
        if (wanted) diag_help(d, "compare it, such as %s != 0", args[i]->kind == VAL_NUMBER ? val_text(k, args[i]) : "x");
        return false;
    }
    return true;
}

static bool shapes_agree(Check *k, OpCode op, Span span, int count, Value **values)
{
    Value *first = NULL;
    for (int i = 0; i < count; i++) {
        if (values[i]->shape.rank == 0) continue;
        if (!first) first = values[i];
        else if (!shape_equal(first->shape, values[i]->shape)) {
            Diag *d = diag_add(k->diags, E_SHAPE, span, "%s of values that differ in shape: %s and %s", op_info[op].text,
                               shape_text(k->perm, first->shape), shape_text(k->perm, values[i]->shape));
            diag_note(d, first->span, "%s comes from here", shape_text(k->perm, first->shape));
            diag_note(d, values[i]->span, "%s comes from here", shape_text(k->perm, values[i]->shape));
            return false;
        }
    }
    return true;
}

Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args)
{
    bool all_known = true;
    double numbers[3];
    Value *values[3];
    for (int i = 0; i < count; i++) {
        if (is_poison(args[i])) return val_poison(k);
        if (!known(args[i])) all_known = false;
        if (!known(args[i]) && args[i]->kind != VAL_RUNTIME) {
            val_value(k, args[i], "a number");
            return val_poison(k);
        }
    }
    if (!kinds_agree(k, op, count, args)) return val_poison(k);
    if (all_known) {
        for (int i = 0; i < count; i++) numbers[i] = known_number(args[i]);
        double r = pointwise_eval(op, numbers);
        return gives_bool(op) || (op == IR_SELECT && args[1]->kind == VAL_BOOL) ? val_bool(k, r != 0, span) : val_number(k, r, span);
    }
    for (int i = 0; i < count; i++) values[i] = val_value(k, args[i], "a number");
    if (!shapes_agree(k, op, span, count, values)) return val_poison(k);
    return val_runtime(k, func_add(k->func, op, span, count, values), span);
}

/* x > y is y < x, x >= y is y <= x, x != y is not x == y. */
static Val *comparison(Check *k, const Expr *e, Val *a, Val *b)
{
    Val *swapped[2] = {b, a}, *straight[2] = {a, b};
    switch (e->op) {
    case OP_GT: return pointwise(k, IR_LT, e->span, 2, swapped);
    case OP_GE: return pointwise(k, IR_LE, e->span, 2, swapped);
    case OP_LT: return pointwise(k, IR_LT, e->span, 2, straight);
    case OP_LE: return pointwise(k, IR_LE, e->span, 2, straight);
    default: break;
    }
    bool numbers = (known(a) || a->kind == VAL_RUNTIME) && (known(b) || b->kind == VAL_RUNTIME);
    if (numbers && !(a->kind == VAL_BOOL && b->kind == VAL_BOOL)) {
        Val *same = pointwise(k, IR_EQ, e->span, 2, straight);
        return e->op == OP_EQ ? same : pointwise(k, IR_NOT, e->span, 1, &same);
    }
    if (is_poison(a) || is_poison(b)) return val_poison(k);
    return val_bool(k, val_equal(described(k, a), described(k, b)) == (e->op == OP_EQ), e->span);
}

static Val *binary_value(Check *k, Scope *scope, const Expr *e)
{
    static const OpCode code[] = {[OP_ADD] = IR_ADD, [OP_SUB] = IR_SUB, [OP_MUL] = IR_MUL, [OP_DIV] = IR_DIV,
                                  [OP_MOD] = IR_MOD, [OP_POW] = IR_POW, [OP_AND] = IR_AND, [OP_OR] = IR_OR};
    Val *a = check_expr(k, scope, e->left);
    /* A condition that is already decided does not look at its other side. */
    if (a->kind == VAL_BOOL && ((e->op == OP_AND && a->number == 0) || (e->op == OP_OR && a->number != 0))) return a;
    Val *args[2] = {a, check_expr(k, scope, e->right)};
    if (is_poison(args[0]) || is_poison(args[1])) return val_poison(k);
    if (a->kind == VAL_BOOL && (e->op == OP_AND || e->op == OP_OR)) {
        Val *both[2] = {args[1], args[1]};
        return kinds_agree(k, code[e->op], 2, both) ? args[1] : val_poison(k);
    }
    if (e->op >= OP_EQ && e->op <= OP_GE) return comparison(k, e, args[0], args[1]);
    return pointwise(k, code[e->op], e->span, 2, args);
}

static Val *if_value(Check *k, Scope *scope, const Expr *e)
{
    Val *cond = check_expr(k, scope, e->left);
    if (is_poison(cond)) return cond;
    if (cond->kind == VAL_BOOL) return check_expr(k, scope, cond->number != 0 ? e->right : e->third);
    Val *args[3] = {cond, check_expr(k, scope, e->right), check_expr(k, scope, e->third)};
    return pointwise(k, IR_SELECT, e->span, 3, args);
}

/* ---- the rest ---- */

static Val *list_value(Check *k, Scope *scope, const Expr *e, ValKind kind)
{
    Val *v = val_new(k, kind, e->span);
    for (int i = 0; i < e->items.count; i++) {
        Val *item = check_expr(k, scope, e->items.at[i]);
        vec_push(k->perm, &v->items, item);
    }
    return v;
}

/* x[a, b] of a node set: its coordinates, from the set's own `at` with its indices replaced. */
static Val *coordinates(Check *k, Scope *scope, const Expr *e, int set)
{
    const NodeSetDecl *d = k->set_decls.at[set];
    if (!d->at) {
        Diag *g = diag_add(k->diags, E_KIND, e->span, "node set '%s' has no coordinates", d->name.text);
        diag_note(g, d->span, "it is declared here");
        diag_help(g, "add them to its declaration: %s[a: n] at (a / n, 0)", d->name.text);
        return val_poison(k);
    }
    if (e->items.count != d->indices.count) {
        diag_add(k->diags, E_INDEX, e->span, "'%s' has %d indices, not %d", d->name.text, d->indices.count, e->items.count);
        return val_poison(k);
    }
    Scope inner = {.outer = k->graph_scope};
    for (int i = 0; i < d->indices.count; i++) {
        Val *v = check_expr(k, scope, e->items.at[i]);
        if (d->indices.at[i].name.text) vec_push(k->perm, &inner.names, (Binding){d->indices.at[i].name.text, v});
    }
    return check_expr(k, &inner, d->at);
}

static Val *index_value(Check *k, Scope *scope, const Expr *e)
{
    Val *left = check_expr(k, scope, e->left);
    if (is_poison(left)) return left;
    if (left->kind == VAL_SET) return coordinates(k, scope, e, left->set);
    for (int i = 0; i < e->items.count; i++) {
        Val *index = check_expr(k, scope, e->items.at[i]);
        if (is_poison(index)) return index;
        if (left->kind != VAL_LIST && left->kind != VAL_TUPLE) {
            diag_add(k->diags, E_KIND, e->span, "%s has no elements to choose with [ ]", val_kind_text(left));
            return val_poison(k);
        }
        if (index->kind != VAL_NUMBER || floor(index->number) != index->number || index->number < 0 ||
            index->number >= left->items.count) {
            diag_add(k->diags, E_INDEX, e->items.at[i]->span, "element %s of %d", val_text(k, index), left->items.count);
            return val_poison(k);
        }
        left = left->items.at[(int)index->number];
    }
    return left;
}

static Val *bound_function(Check *k, Scope *scope, const Expr *e)
{
    Val *callee = check_expr(k, scope, e->left);
    if (is_poison(callee)) {
        for (int i = 0; i < e->args.count; i++) check_expr(k, scope, e->args.at[i].value);
        return val_poison(k);
    }
    if (callee->kind != VAL_FUNCTION) {
        diag_add(k->diags, E_KIND, e->left->span, "%s cannot be called", val_kind_text(callee));
        return val_poison(k);
    }
    Val *f = NEW(k->perm, Val);
    *f = *callee;
    f->span = e->span;
    f->bound.at = NULL, f->bound.count = f->bound.capacity = 0;
    for (int i = 0; i < callee->bound.count; i++) vec_push(k->perm, &f->bound, callee->bound.at[i]);
    for (int i = 0; i < e->args.count; i++) {
        Val *v = check_expr(k, scope, e->args.at[i].value);
        vec_push(k->perm, &f->bound, (BoundArg){e->args.at[i].name, v});
    }
    return f;
}

Val *check_function(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind == EXPR_CALL) return bound_function(k, scope, e);
    if (e->kind == EXPR_IF) {
        Val *condition = check_expr(k, scope, e->left);
        if (is_poison(condition)) return condition;
        if (condition->kind == VAL_BOOL) return check_function(k, scope, condition->number != 0 ? e->right : e->third);
        diag_add(k->diags, E_KIND, e->left->span, "the condition that picks a function must be known when the program is built");
        return val_poison(k);
    }
    Val *v = check_expr(k, scope, e);
    if (is_poison(v) || v->kind == VAL_FUNCTION) return v;
    Diag *d = diag_add(k->diags, E_KIND, e->span, "%s stands where a function is wanted", val_kind_text(v));
    diag_help(d, "name a fn, a graph or a layer, such as relu");
    return val_poison(k);
}

Val *check_expr(Check *k, Scope *scope, const Expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER: return val_number(k, e->number, e->span);
    case EXPR_PERCENT: {
        Val *v = val_number(k, e->number, e->span);
        v->kind = VAL_PERCENT;
        return v;
    }
    case EXPR_STRING: {
        Val *v = val_new(k, VAL_STRING, e->span);
        v->text = e->name;
        return v;
    }
    case EXPR_NAME: return name_value(k, scope, e);
    case EXPR_MEMBER: return member_value(k, scope, e);
    case EXPR_INDEX: return index_value(k, scope, e);
    case EXPR_TUPLE: return list_value(k, scope, e, VAL_TUPLE);
    case EXPR_LIST: return list_value(k, scope, e, VAL_LIST);
    case EXPR_UNARY: {
        Val *a = check_expr(k, scope, e->left);
        return pointwise(k, e->op == OP_NEG ? IR_NEG : IR_NOT, e->span, 1, &a);
    }
    case EXPR_BINARY: return binary_value(k, scope, e);
    case EXPR_IF: return if_value(k, scope, e);
    case EXPR_CALL: {
        Val *f = bound_function(k, scope, e);
        return is_poison(f) ? f : apply_call(k, f, e->span);
    }
    case EXPR_PIPE: {
        Val *x = check_expr(k, scope, e->left), *f = check_function(k, scope, e->right);
        return is_poison(f) || is_poison(x) ? val_poison(k) : apply(k, f, x, e->right->span);
    }
    }
    return val_poison(k);
}
