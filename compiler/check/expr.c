/* expr.c: expressions. Known operands give known results; others append to the function being built. */
#include "check/expr.h"
#include "ir/op.h"
#include "front/parse.h"
#include <math.h>

/* ---- names ---- */

static bool is_callable(const Decl *d)
{
    return d->kind == DECL_FN || d->kind == DECL_GRAPH || d->kind == DECL_MODEL || d->kind == DECL_RULE;
}

static Val *declared_option(Check *k, const Decl *decl)
{
    int at = table_find(&k->files.option_places, &decl, sizeof(Decl *));
    if (at < 0) return val_poison(k);
    OptionState *o = &k->files.options.at[at];
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
    return o->value = described(k, v);
}

static Val *declared(Check *k, const Decl *d, Module *m, Span span)
{
    if (is_callable(d)) return val_function(k, NULL, d, m, span);
    Val *copy = NEW(k->perm, Val);
    *copy = *declared_option(k, d);
    copy->span = span;
    if (val_is_poison(copy)) k->said.silent++;
    return copy;
}

static Val *name_value(Check *k, Scope *scope, const Expr *e)
{
    Val *v = scope_find(scope, e->name);
    if (v) { /* messages point at the use */
        Val *copy = NEW(k->perm, Val);
        *copy = *v;
        copy->span = e->span;
        return copy;
    }
    Module *m = scope_module(scope), *where;
    const Decl *d = m ? find_decl(m, e->name, &where) : NULL;
    if (d) return declared(k, d, where, e->span);
    const Builtin *b = builtin_find(e->name);
    if (!b) {
        unknown_name(k, scope, e->name, e->span);
        return val_poison(k);
    }
    return b->kind == KIND_WORD ? val_word(k, b, e->span) : val_function(k, b, NULL, NULL, e->span);
}

static Val *member_value(Check *k, Scope *scope, const Expr *e)
{
    Module *where;
    const Decl *d = member_decl(k, scope, e, &where);
    return d ? declared(k, d, where, e->span) : val_poison(k);
}

/* ---- operators ---- */

/* A value of another function than the one being built: an argument of a graph, in what its edges and nodes
 * compute. */
static bool is_outside(Check *k, const Val *v)
{
    const Func *f = k->func;
    if (v->kind != VAL_RUNTIME || (v->value->id < f->values.count && f->values.at[v->value->id] == v->value))
        return false;
    const LearnedSize *size = learned_size(k, v);
    Diag *d = diag_add(k->diags, E_KIND, v->span, "%s belongs to the model, and cannot be used %s",
                       size ? "this learned size" : "this value",
                       k->mode == MODE_PREDICATE ? "in a condition or key of edges"
                                                 : "in functions of nodes and edges");
    if (size) diag_note(d, size->span, "it is declared here");
    if (size)
        diag_help(d, "in a graph it may be the size of one set: nodes h[n]; everything else takes numbers");
    return true;
}

Value *val_value(Check *k, const Val *v, const char *wanted)
{
    switch (v->kind) {
    case VAL_RUNTIME: return is_outside(k, v) ? NULL : v->value;
    case VAL_NUMBER: return shared_const(k, v->number, false);
    case VAL_PERCENT: return shared_const(k, v->number / 100, false);
    case VAL_BOOL: return shared_const(k, v->number, true);
    case VAL_POISON: return NULL;
    default: {
        Diag *d =
            diag_add(k->diags, E_KIND, v->span, "%s is given where %s is expected", val_kind_text(v), wanted);
        if (v->kind == VAL_LIST)
            diag_help(d, "choose one of its elements, [0] is the first; or add them up with sum(...)");
        if (v->kind == VAL_FUNCTION)
            diag_help(d, "give '%s' its arguments in ( ), or send a value to it with |>", val_text(k, v));
        return NULL;
    }
    }
}

static double known_number(const Val *v)
{
    return v->kind == VAL_PERCENT ? v->number / 100 : v->number;
}

static bool gives_bool(OpCode op)
{
    return op == IR_LT || op == IR_LE || op == IR_EQ || op == IR_AND || op == IR_OR || op == IR_NOT;
}

bool val_is_condition(const Val *v)
{
    return v->kind == VAL_BOOL || (v->kind == VAL_RUNTIME && v->value->is_bool);
}

/* Each argument is a condition where one is wanted and a number elsewhere; both branches of a choice are the
 * same. */
static bool kinds_agree(Check *k, OpCode op, int count, Val **args)
{
    for (int i = 0; i < count; i++) {
        bool wanted = op == IR_AND || op == IR_OR || op == IR_NOT;
        if (op == IR_SELECT) wanted = i == 0 || val_is_condition(args[1]);
        if (val_is_condition(args[i]) == wanted) continue;
        Diag *d = diag_add(k->diags, E_KIND, args[i]->span, "%s is given where %s is expected",
                           val_kind_text(args[i]), wanted ? "a condition" : "a number");
        if (op == IR_SELECT && i == 2)
            diag_note(d, args[1]->span, "the other branch is %s", val_kind_text(args[1]));
        else if (wanted)
            diag_help(d, "compare it, such as %s != 0",
                      args[i]->kind == VAL_NUMBER ? val_text(k, args[i]) : "x");
        return false;
    }
    return true;
}

const char *op_sign(OpCode op)
{
    switch (op) {
    case IR_ADD: return "+";
    case IR_SUB: return "-";
    case IR_MUL: return "*";
    case IR_DIV: return "/";
    case IR_POW: return "^";
    case IR_LT: return "<";
    case IR_LE: return "<=";
    case IR_EQ: return "==";
    case IR_SELECT: return "if";
    default: return op_info[op].text;
    }
}

static bool shapes_agree(Check *k, OpCode op, Span span, int count, Value **values)
{
    Value *first = NULL;
    for (int i = 0; i < count; i++) {
        if (values[i]->shape.rank == 0) continue;
        if (!first) first = values[i];
        else if (!shape_equal(first->shape, values[i]->shape)) {
            Diag *d = diag_add(k->diags, E_SHAPE, span, "the values of '%s' differ in shape: %s and %s",
                               op_sign(op), shape_text(k->perm, first->shape),
                               shape_text(k->perm, values[i]->shape));
            diag_note(d, first->span, "%s comes from here", shape_text(k->perm, first->shape));
            diag_note(d, values[i]->span, "%s comes from here", shape_text(k->perm, values[i]->shape));
            return false;
        }
    }
    return true;
}

/* Channels of a learned size wait for their mask behind it, too. */
static Val *element_by_element(Check *k, OpCode op, Span span, int count, Value **values)
{
    Value *part = NULL;
    LearnedSize *size = k->sized.values.count ? channels_together(k, count, values, &part) : NULL;
    Value *v = shared_value(k, op, span, count, values);
    if (size) set_channels(k, v, size);
    else set_part(k, v, part);
    for (int i = 0; i < count; i++)
        if (is_padded(k, values[i])) {
            set_padded(k, v);
            break;
        }
    return val_runtime(k, v, span);
}

Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args)
{
    bool all_known = true, arrays = false;
    double numbers[3];
    Value *values[3];
    for (int i = 0; i < count; i++) {
        if (k->loss) args[i] = k->above->term(k, args[i]);
        if (val_is_poison(args[i])) return val_poison(k);
        arrays = arrays || is_array(args[i], op);
    }
    if (arrays) return pointwise_arrays(k, op, span, count, args);
    for (int i = 0; i < count; i++) {
        if (!val_is_number(args[i])) all_known = false;
        if (!val_is_number(args[i]) && args[i]->kind != VAL_RUNTIME) {
            val_value(k, args[i], "a number");
            return val_poison(k);
        }
    }
    if (!kinds_agree(k, op, count, args)) return val_poison(k);
    if (all_known) {
        for (int i = 0; i < count; i++) numbers[i] = known_number(args[i]);
        double r = pointwise_eval(op, numbers);
        return gives_bool(op) || (op == IR_SELECT && args[1]->kind == VAL_BOOL) ? val_bool(k, r != 0, span)
                                                                                : val_number(k, r, span);
    }
    for (int i = 0; i < count; i++)
        if (!(values[i] = val_value(k, args[i], "a number"))) return val_poison(k);
    if (!shapes_agree(k, op, span, count, values)) return val_poison(k);
    return element_by_element(k, op, span, count, values);
}

/* Words and descriptions (static, steps(5)) compare with all. */
static ValKind family(const Val *v)
{
    if (val_is_number(v) || v->kind == VAL_RUNTIME) return VAL_NUMBER;
    return v->kind == VAL_STRING || v->kind == VAL_LIST || v->kind == VAL_TUPLE ? v->kind : VAL_NONE;
}

/* A number, a text or a list and something of another kind. */
static bool never_equal(const Val *a, const Val *b)
{
    return family(a) != VAL_NONE && family(b) != VAL_NONE && family(a) != family(b);
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
    if (never_equal(a, b)) {
        Diag *d = diag_add(k->diags, E_KIND, e->span, "%s is compared with %s: they are never equal",
                           val_kind_text(a), val_kind_text(b));
        diag_note(d, e->left->span, "this is %s", val_text(k, a));
        diag_note(d, e->right->span, "this is %s", val_text(k, b));
        return val_poison(k);
    }
    Val *same = equal_values(k, e->span, a, b);
    return e->op == OP_EQ || val_is_poison(same) ? same : pointwise(k, IR_NOT, e->span, 1, &same);
}

/* A side that is already decided either decides the whole or drops out; a left one that decides hides the
 * right one. */
static Val *logical_value(Check *k, Scope *scope, const Expr *e)
{
    bool deciding = e->op == OP_OR;
    Val *a = check_expr(k, scope, e->left);
    if (a->kind == VAL_BOOL && (a->number != 0) == deciding) return a;
    Val *b = check_expr(k, scope, e->right), *both[2] = {a, b};
    if (val_is_poison(a) || val_is_poison(b)) return val_poison(k);
    for (int i = 0; i < 2; i++)
        if (!val_is_number(both[i]) && both[i]->kind != VAL_RUNTIME)
            return val_value(k, both[i], "a condition"), val_poison(k);
    if (!kinds_agree(k, deciding ? IR_OR : IR_AND, 2, both)) return val_poison(k);
    if (a->kind == VAL_BOOL) return b;
    if (b->kind == VAL_BOOL) return (b->number != 0) == deciding ? b : a;
    return pointwise(k, deciding ? IR_OR : IR_AND, e->span, 2, both);
}

/* A square, cube or fourth power of a value is a product, which is many times as fast as a power. Conditions
 * keep powers, whose ranges are known better. */
static Val *power(Check *k, Span span, Val **args)
{
    const double n = args[1]->kind == VAL_NUMBER ? args[1]->number : 0;
    if (args[0]->kind != VAL_RUNTIME || k->mode == MODE_PREDICATE || (n != 2 && n != 3 && n != 4))
        return pointwise(k, IR_POW, span, 2, args);
    Val *square = pointwise(k, IR_MUL, span, 2, (Val *[]){args[0], args[0]});
    if (n == 2) return square;
    return pointwise(k, IR_MUL, span, 2, (Val *[]){square, n == 3 ? args[0] : square});
}

static Val *binary_value(Check *k, Scope *scope, const Expr *e)
{
    static const OpCode code[] = {[OP_ADD] = IR_ADD, [OP_SUB] = IR_SUB, [OP_MUL] = IR_MUL,
                                  [OP_DIV] = IR_DIV, [OP_MOD] = IR_MOD, [OP_POW] = IR_POW};
    if (e->op == OP_AND || e->op == OP_OR) return logical_value(k, scope, e);
    Val *args[2] = {check_expr(k, scope, e->left), check_expr(k, scope, e->right)};
    if (val_is_poison(args[0]) || val_is_poison(args[1])) return val_poison(k);
    if (e->op >= OP_EQ && e->op <= OP_GE) return comparison(k, e, args[0], args[1]);
    return e->op == OP_POW ? power(k, e->span, args) : pointwise(k, code[e->op], e->span, 2, args);
}

static Val *if_value(Check *k, Scope *scope, const Expr *e)
{
    Val *cond = check_expr(k, scope, e->left);
    if (val_is_poison(cond)) return cond;
    if (cond->kind == VAL_BOOL) return check_expr(k, scope, cond->number != 0 ? e->right : e->third);
    Val *args[3] = {cond, check_expr(k, scope, e->right), check_expr(k, scope, e->third)};
    return pointwise(k, IR_SELECT, e->span, 3, args);
}

/* ---- the rest ---- */

static Val *check_functions(Check *k, Scope *scope, const Expr *e);

/* h[a: 4, b: 3] at (a, b): what the declaration of a set could be. */
static const char *with_coordinates(Check *k, const NodeSetDecl *d)
{
    const char *sizes = "", *point = "";
    for (int i = 0; i < d->indices.count && i < MAX_RANK; i++) {
        const char *size = expr_text(k->perm, k->c->sources, d->indices.at[i].size);
        sizes = arena_printf(k->perm, "%s%s%c: %s", sizes, i ? ", " : "", 'a' + i, size);
        point = arena_printf(k->perm, "%s%s%c", point, i ? ", " : "", 'a' + i);
    }
    if (d->indices.count == 0) return arena_printf(k->perm, "%s at (0, 0)", d->name.text);
    return arena_printf(k->perm, "%s[%s] at (%s%s)", d->name.text, sizes, point,
                        d->indices.count == 1 ? ", 0" : "");
}

/* x[a, b] of a node set: its coordinates, from the set's own `at` with its indices replaced. */
static Val *coordinates(Check *k, Scope *scope, const Expr *e, const Val *set)
{
    const NodeSetDecl *d = set->nodes;
    if (!d->at) {
        Diag *g = diag_add(k->diags, E_KIND, e->span, "node set '%s' has no coordinates", d->name.text);
        diag_note(g, d->span, "it is declared here");
        diag_help(g, "add them to its declaration: %s", with_coordinates(k, d));
        return val_poison(k);
    }
    if (e->items.count != d->indices.count) {
        diag_add(k->diags, E_INDEX, e->span, "'%s' has %d ind%s, not %d", d->name.text, d->indices.count,
                 d->indices.count == 1 ? "ex" : "ices", e->items.count);
        return val_poison(k);
    }
    Scope inner = {.outer = set->scope};
    for (int i = 0; i < d->indices.count; i++) {
        Val *v = check_expr(k, scope, e->items.at[i]);
        if (d->indices.at[i].name.text) scope_add(k, &inner, d->indices.at[i].name, v);
    }
    return check_expr(k, &inner, d->at);
}

static Val *index_value(Check *k, Scope *scope, const Expr *e)
{
    Val *left = check_expr(k, scope, e->left);
    if (val_is_poison(left)) return left;
    if (left->kind == VAL_SET) return coordinates(k, scope, e, left);
    for (int i = 0; i < e->items.count; i++) {
        Val *index = check_expr(k, scope, e->items.at[i]);
        if (val_is_poison(index)) return index;
        if (left->kind != VAL_LIST && left->kind != VAL_TUPLE) {
            diag_add(k->diags, E_KIND, e->span, "%s has no elements to choose with [ ]", val_kind_text(left));
            return val_poison(k);
        }
        left = choose_element(k, left, index);
        if (val_is_poison(left)) return left;
    }
    return left;
}

/* gradcheck(F(k = 2)) and scan(G(n = 3)) are about F and G, not their values. `at`: the next parameter by
 * position. */
static Evaluate *evaluate_argument(const Builtin *b, const Arg *a, int *at)
{
    static Evaluate *const how[] = {
        [PARAM_VALUE] = check_expr, [PARAM_FUNCTION] = check_function, [PARAM_FUNCTIONS] = check_functions};
    int p = a->name.text ? 0 : (*at)++;
    while (b && a->name.text && p < b->count && strcmp(a->name.text, b->params[p].name) != 0) p++;
    return how[b && p < b->count ? b->params[p].kind : PARAM_VALUE];
}

/* `waits`: for its first argument. */
static Val *bound_function(Check *k, Scope *scope, const Expr *e, bool waits)
{
    Val *callee = check_expr(k, scope, e->left);
    if (val_is_poison(callee)) {
        for (int i = 0; i < e->args.count; i++) check_expr(k, scope, e->args.at[i].value);
        return val_poison(k);
    }
    if (callee->kind == VAL_WORD && callee->builtin->count) /* any(conditions) */
        callee = val_function(k, callee->builtin, NULL, NULL, callee->span);
    if (callee->kind != VAL_FUNCTION) {
        if (e->left->kind == EXPR_NAME && builtin_find(e->left->name)) /* a name that hides it: said */
            return k->said.silent++, val_poison(k);
        const bool number =
            callee->kind == VAL_RUNTIME && k->mode == MODE_PREDICATE && e->left->kind == EXPR_NAME;
        Diag *d = diag_add(k->diags, E_KIND, e->left->span, "%s cannot be called",
                           number ? arena_printf(k->perm, "'%s' is a number, and", e->left->name)
                                  : val_kind_text(callee));
        if (number) diag_fix(d, e->span, e->left->name, "write ", "");
        return val_poison(k);
    }
    if (callee->builtin && callee->builtin->id == BUILTIN_repeat && !repeat_arguments(k, scope, e, waits))
        return val_poison(k);
    Val *f = function_with(k, callee, NULL);
    f->span = e->span;
    for (int i = 0, at = waits; i < e->args.count; i++) {
        const Arg *a = &e->args.at[i];
        Val *v = evaluate_argument(callee->builtin, a, &at)(k, scope, a->value);
        vec_push(k->perm, &f->bound, (BoundArg){a->name, v});
    }
    share_bound(k, f);
    return f;
}

/* The branch that is taken. */
static Val *check_branch(Check *k, Scope *scope, const Expr *e, Evaluate *branch)
{
    Val *condition = check_expr(k, scope, e->left);
    if (val_is_poison(condition)) return condition;
    if (condition->kind == VAL_BOOL) return branch(k, scope, condition->number != 0 ? e->right : e->third);
    diag_add(k->diags, E_KIND, e->left->span,
             "the condition that selects a function must be known at compile time");
    return val_poison(k);
}

static Val *function_only(Check *k, Val *v, const Expr *e)
{
    if (val_is_poison(v) || v->kind == VAL_FUNCTION) return v;
    Diag *d =
        diag_add(k->diags, E_KIND, e->span, "%s is given where a function is expected", val_kind_text(v));
    diag_help(d, "name a fn, a graph or a layer, such as relu");
    return val_poison(k);
}

Val *check_function(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind == EXPR_CALL) return bound_function(k, scope, e, true);
    if (e->kind == EXPR_IF) return check_branch(k, scope, e, check_function);
    return function_only(k, check_expr(k, scope, e), e);
}

/* A function, or a list of such. */
static Val *check_element(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind == EXPR_CALL) return bound_function(k, scope, e, true);
    if (e->kind == EXPR_IF) return check_branch(k, scope, e, check_element);
    Val *v = check_functions(k, scope, e);
    return v->kind == VAL_LIST ? v : function_only(k, v, e);
}

/* A list of functions: those with arguments in ( ) wait for their first one. */
static Val *check_functions(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind == EXPR_LIST) return list_value(k, scope, e, check_element);
    if (e->kind == EXPR_EACH) return each_value(k, scope, e, check_element);
    if (e->kind == EXPR_IF) return check_branch(k, scope, e, check_functions);
    return check_expr(k, scope, e);
}

/* Calls are unfolded where they stand: a few short lines can ask for more than any machine has. */
bool within_bounds(Check *k, Span span)
{
    enum { DEEPEST = 2000, MOST = 500000, MOST_GRAPHS = 10000 };
    if (k->effort.work > MOST) return false;
    bool deep = k->effort.depth >= DEEPEST, graphs = k->model->graphs.count > MOST_GRAPHS;
    if (!deep && !graphs && k->effort.work++ < MOST) return true;
    Diag *d =
        diag_add(k->diags, E_RECURSION, span,
                 deep     ? "the functions call each other more than %d deep"
                 : graphs ? "the calls expand to more than %d graphs and layers with weights of their own"
                          : "the calls expand to more than %d operations",
                 deep     ? DEEPEST
                 : graphs ? MOST_GRAPHS
                          : MOST);
    diag_help(d, graphs
                     ? "apply the graph less often, or send several samples or positions through it with scan"
                     : "use fewer different arguments: calls with equal arguments are computed once");
    k->effort.work = MOST + 1;
    return false;
}

static Val *expr_value(Check *k, Scope *scope, const Expr *e);

Val *check_expr(Check *k, Scope *scope, const Expr *e)
{
    if (!within_bounds(k, e->span)) return val_poison(k);
    k->effort.depth++;
    Val *v = expr_value(k, scope, e);
    k->effort.depth--;
    return v;
}

static Val *expr_value(Check *k, Scope *scope, const Expr *e)
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
    case EXPR_TUPLE:
    case EXPR_LIST: return list_value(k, scope, e, check_expr);
    case EXPR_EACH: return each_value(k, scope, e, check_expr);
    case EXPR_UNARY: {
        Val *a = check_expr(k, scope, e->left);
        return pointwise(k, e->op == OP_NEG ? IR_NEG : IR_NOT, e->span, 1, &a);
    }
    case EXPR_BINARY: return binary_value(k, scope, e);
    case EXPR_IF: return if_value(k, scope, e);
    case EXPR_CALL: {
        Val *f = bound_function(k, scope, e, false);
        return val_is_poison(f) ? f : apply_call(k, f, e->span);
    }
    case EXPR_PIPE: {
        Val *x = check_expr(k, scope, e->left), *f = check_function(k, scope, e->right);
        return val_is_poison(f) || val_is_poison(x) ? val_poison(k) : apply(k, f, x, e->right->span);
    }
    }
    return val_poison(k);
}
