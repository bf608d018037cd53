/* expr_list.c: lists: written out, one element for each of some values, arithmetic element by element, sums;
 * conditions; and lists of functions, which are applied one after the other.
 *
 * An array is a list of numbers, or of arrays of one size. Its elements are values like all others, so that
 * nothing behind the checker knows of arrays.
 */
#include "check/expr.h"
#include "common/plural.h"
#include "front/parse.h"
#include <math.h>

enum { MOST = 100000 }; /* values in one list */

static Val *too_long(Check *k, Span span)
{
    diag_add(k->diags, E_RANGE, span, "this list holds more than %d values", MOST);
    return val_poison(k);
}

/* `number` counts the values inside, so that a list of lists of lists cannot grow without end. */
bool list_add(Check *k, Val *list, Val *item)
{
    if (val_is_poison(item)) return false;
    list->number += item->kind == VAL_LIST || item->kind == VAL_TUPLE ? item->number + 1 : 1;
    vec_push(k->perm, &list->items, item);
    return list->number <= MOST || (too_long(k, list->span), false);
}

Val *list_closed(Check *k, Val *list)
{
    share_items(k, list);
    return list;
}

/* Does the call leave arguments without a value, as behind |>? */
static bool waits(const Scope *scope, const Expr *e)
{
    if (e->kind != EXPR_CALL || e->left->kind != EXPR_NAME) return false;
    Module *where, *m = scope_module(scope);
    const Decl *d = scope_find(scope, e->left->name) || !m ? NULL : find_decl(m, e->left->name, &where);
    const Builtin *b = scope_find(scope, e->left->name) || d ? NULL : builtin_find(e->left->name);
    int missing = -e->args.count;
    for (int i = 0; b && b->kind == KIND_LAYER && i < b->count; i++) missing += !b->params[i].fallback;
    for (int i = 0; d && d->kind == DECL_FN && i < d->params.count; i++) missing += !d->params.at[i].fallback;
    return missing == 1;
}

/* [linear(8), relu] where no chain takes it. */
static bool waits_in_list(Check *k, Scope *scope, const Expr *e)
{
    int i = 0;
    while (i < e->items.count && !waits(scope, e->items.at[i])) i++;
    if (i == e->items.count || e->kind != EXPR_LIST) return false;
    Diag *d =
        diag_add(k->diags, E_ARGUMENT, e->items.at[i]->span,
                 "'%s' has no value to work on; functions with arguments wait for it only in a list that "
                 "is written in chain(...)",
                 expr_text(k->perm, k->c->sources, e->items.at[i]->left));
    diag_help(d, "in a model: x |> chain(%s)", expr_text(k->perm, k->c->sources, e));
    return true;
}

Val *list_value(Check *k, Scope *scope, const Expr *e, Evaluate *element)
{
    if (element == check_expr && waits_in_list(k, scope, e)) return val_poison(k);
    Val *list = val_new(k, e->kind == EXPR_TUPLE ? VAL_TUPLE : VAL_LIST, e->span);
    bool ok = true;
    for (int i = 0; i < e->items.count; i++) {
        Val *item = element(k, scope, e->items.at[i]);
        ok = list_add(k, list, item) && ok;
    }
    return ok ? list_closed(k, list) : val_poison(k);
}

/* ---- one element for each of some values ---- */

/* One end of a range; false after a message. */
static bool range_end(Check *k, const Val *v, const char *which, int64_t *out)
{
    enum { FAR = 1000000000 };
    const char *what = arena_printf(k->perm, "the %s number of a range", which);
    if (v->kind == VAL_NUMBER || val_is_poison(v)) return whole_between(k, v, what, -FAR, FAR, out);
    diag_add(k->diags, E_KIND, v->span, "%s is a whole number known at compile time; this is %s", what,
             val_text(k, v));
    return false;
}

/* low .. high, both included, as a list; none if high is below low. */
static Val *range_list(Check *k, const Val *low, const Val *high, Span span)
{
    Val *list = val_new(k, VAL_LIST, span);
    int64_t first, last;
    if (!range_end(k, low, "first", &first) || !range_end(k, high, "last", &last)) return val_poison(k);
    if (last - first >= MOST) return too_long(k, span);
    for (int64_t i = first; i <= last; i++) list_add(k, list, val_number(k, (double)i, span));
    return list;
}

/* What the name of a comprehension stands for, one value after the other. */
static Val *each_of(Check *k, Scope *scope, const Expr *e)
{
    Val *values = check_expr(k, scope, e->right);
    if (e->third)
        return range_list(k, values, check_expr(k, scope, e->third),
                          span_join(e->right->span, e->third->span));
    if (val_is_poison(values) || values->kind == VAL_LIST || values->kind == VAL_TUPLE) return values;
    Diag *d = diag_add(k->diags, E_KIND, e->right->span, "'%s' goes through a list or a range; this is %s",
                       e->name, val_kind_text(values));
    if (values->kind == VAL_NUMBER)
        diag_fix(d, e->right->span, arena_printf(k->perm, "0 .. %.15g", values->number - 1),
                 "a range is written: ", "");
    return val_poison(k);
}

Val *each_value(Check *k, Scope *scope, const Expr *e, Evaluate *element)
{
    Val *values = each_of(k, scope, e), *list = val_new(k, VAL_LIST, e->span);
    if (val_is_poison(values)) return values;
    for (int i = 0; i < values->items.count; i++) {
        Scope inner = {.outer = scope};
        scope_add(k, &inner, (Name){e->name, e->op_span}, values->items.at[i]);
        if (!list_add(k, list, element(k, &inner, e->left))) return val_poison(k); /* said once */
    }
    return list_closed(k, list);
}

/* ---- element by element ---- */

bool is_array(const Val *v, OpCode op)
{
    return v->kind == VAL_LIST || (v->kind == VAL_TUPLE && op == IR_SELECT);
}

/* "[3, 3]"; "a number" of one. */
static const char *array_text(Check *k, const Val *v)
{
    if (v->kind != VAL_LIST && v->kind != VAL_TUPLE) return "a number";
    const char *text = "[";
    for (; v->kind == VAL_LIST || v->kind == VAL_TUPLE; v = v->items.at[0]) {
        text = arena_printf(k->perm, "%s%s%d", text, text[1] ? ", " : "", v->items.count);
        if (!v->items.count) break;
    }
    return arena_printf(k->perm, "%s]", text);
}

/* Have the lists that stand side by side in an array as many elements? Else a message. */
static bool is_even(Check *k, const Val *v)
{
    const Val *first = v->items.count ? v->items.at[0] : NULL;
    for (int i = 0; i < v->items.count; i++) {
        const Val *item = v->items.at[i];
        const bool list = item->kind == VAL_LIST;
        if (list && first->kind == VAL_LIST && item->items.count == first->items.count) {
            if (!is_even(k, item)) return false;
        } else if (list || first->kind == VAL_LIST) {
            Diag *d = diag_add(k->diags, E_SHAPE, item->span,
                               "an array has lists of one size; this is %s, and the first one %s",
                               array_text(k, item), array_text(k, first));
            diag_note(d, first->span, "the first one is here");
            return false;
        }
    }
    return true;
}

/* The first array; all have one size. NULL: said. */
static const Val *alike(Check *k, OpCode op, Span span, int count, Val **args)
{
    const Val *first = NULL;
    for (int i = 0; i < count; i++) {
        if (!is_array(args[i], op)) continue;
        if (!is_even(k, args[i])) return NULL;
        if (!first) first = args[i];
        const char *size = array_text(k, first), *other = array_text(k, args[i]);
        if (args[i]->kind == first->kind && strcmp(size, other) == 0) continue;
        Diag *d = diag_add(k->diags, E_SHAPE, span, "the arrays of '%s' differ in size: %s and %s",
                           op_sign(op), size, other);
        diag_note(d, first->span, "%s comes from here", size);
        diag_note(d, args[i]->span, "%s comes from here", other);
        return NULL;
    }
    return first;
}

Val *pointwise_arrays(Check *k, OpCode op, Span span, int count, Val **args)
{
    const Val *first = alike(k, op, span, count, args);
    if (!first) return val_poison(k);
    Val *all = val_new(k, first->kind, span), *part[3];
    for (int n = 0; n < first->items.count; n++) {
        if (!within_bounds(k, span)) return val_poison(k);
        for (int i = 0; i < count; i++) part[i] = is_array(args[i], op) ? args[i]->items.at[n] : args[i];
        if (!list_add(k, all, pointwise(k, op, span, count, part))) return val_poison(k);
    }
    return list_closed(k, all);
}

static Val *not_an_array(Check *k, const Builtin *b, const Val *v, Span span)
{
    if (val_is_poison(v)) return val_poison(k);
    Diag *d = diag_add(k->diags, E_KIND, span, "'%s' takes %san array; this is %s", b->name,
                       b->id == BUILTIN_sum ? "" : "two numbers or ", val_kind_text(v));
    diag_help(d, "such as %s([1, 2, 3]), or a weight with sizes", b->name);
    return val_poison(k);
}

/* a[0] op a[1] op ..., through all sizes; NULL: no element. */
static Val *folded(Check *k, OpCode op, Span span, Val *so_far, Val *v)
{
    if (v->kind != VAL_LIST)
        return so_far && within_bounds(k, span) ? pointwise(k, op, span, 2, (Val *[]){so_far, v}) : v;
    for (int i = 0; i < v->items.count; i++) {
        so_far = folded(k, op, span, so_far, v->items.at[i]);
        if (val_is_poison(so_far)) return so_far;
    }
    return so_far;
}

Val *fold_array(Check *k, const Builtin *b, Val *v, Span span)
{
    if (v->kind != VAL_LIST) return not_an_array(k, b, v, span);
    if (!is_even(k, v)) return val_poison(k);
    Val *all = folded(k, b->id == BUILTIN_sum ? IR_ADD : op_named(b->name), span, NULL, v);
    if (all) return all;
    if (b->id == BUILTIN_sum) return val_number(k, 0, span);
    diag_add(k->diags, E_INDEX, span, "this list has no element");
    return val_poison(k);
}

/* ---- conditions ---- */

static Val *no_conditions(Check *k, const Builtin *b, const Val *v, const char *part)
{
    if (val_is_poison(v)) return val_poison(k);
    const bool index = v->kind == VAL_RUNTIME && !v->value->is_bool && k->mode == MODE_PREDICATE;
    Diag *d = diag_add(k->diags, E_KIND, v->span, "'%s' takes a list of conditions; this %sis %s", b->name,
                       part, index ? "a number" : val_kind_text(v));
    diag_help(d, "such as %s([i == n for n in 0 .. 4])", b->name);
    return val_poison(k);
}

/* What is known of any and all is left out, unless it decides them. */
static Val *together(Check *k, BuiltinId id, Span span, Val *so_far, Val *v)
{
    const bool deciding = id == BUILTIN_any;
    const OpCode op = deciding ? IR_OR : IR_AND;
    if (id == BUILTIN_count) {
        Val *one =
            pointwise(k, IR_SELECT, span, 3, (Val *[]){v, val_number(k, 1, span), val_number(k, 0, span)});
        return pointwise(k, IR_ADD, span, 2, (Val *[]){so_far, one});
    }
    if (so_far->kind == VAL_BOOL) return (so_far->number != 0) == deciding ? so_far : v;
    if (v->kind == VAL_BOOL) return (v->number != 0) == deciding ? v : so_far;
    return pointwise(k, op, span, 2, (Val *[]){so_far, v});
}

/* any, all and count of a list, and of lists in it. */
static Val *gathered(Check *k, const Builtin *b, Span span, Val *so_far, Val *list)
{
    for (int i = 0; i < list->items.count && !val_is_poison(so_far); i++) {
        Val *v = list->items.at[i];
        if (v->kind == VAL_LIST) so_far = gathered(k, b, span, so_far, v);
        else if (!val_is_condition(v)) so_far = no_conditions(k, b, v, "element ");
        else so_far = within_bounds(k, span) ? together(k, b->id, span, so_far, v) : val_poison(k);
    }
    return so_far;
}

static Val *conditions_value(Check *k, const Builtin *b, Val *list, Span span)
{
    if (list->kind != VAL_LIST) return no_conditions(k, b, list, "");
    Val *none = b->id == BUILTIN_count ? val_number(k, 0, span) : val_bool(k, b->id == BUILTIN_all, span);
    return gathered(k, b, span, none, list);
}

/* ---- equal ---- */

Val *equal_values(Check *k, Span span, Val *a, Val *b)
{
    const bool number[2] = {val_is_number(a) || a->kind == VAL_RUNTIME,
                            val_is_number(b) || b->kind == VAL_RUNTIME};
    if (number[0] && number[1] && !(a->kind == VAL_BOOL && b->kind == VAL_BOOL))
        return pointwise(k, IR_EQ, span, 2, (Val *[]){a, b});
    const bool lists = a->kind == b->kind && (a->kind == VAL_LIST || a->kind == VAL_TUPLE);
    if (!lists || a->items.count != b->items.count)
        return val_bool(k, val_equal(described(k, a), described(k, b)), span);
    Val *all = val_bool(k, true, span);
    for (int i = 0; i < a->items.count; i++) {
        Val *same = equal_values(k, span, a->items.at[i], b->items.at[i]);
        if (val_is_poison(same) || (same->kind == VAL_BOOL && same->number == 0)) return same;
        if (same->kind == VAL_BOOL) continue;
        all = all->kind == VAL_BOOL ? same : pointwise(k, IR_AND, span, 2, (Val *[]){all, same});
    }
    return all;
}

/* ---- one function after the other ---- */

static Val *chained(Check *k, Val *x, const Val *functions)
{
    for (int i = 0; i < functions->items.count && !val_is_poison(x); i++) {
        Val *f = functions->items.at[i];
        if (!within_bounds(k, f->span)) return val_poison(k);
        x = f->kind == VAL_LIST ? chained(k, x, f) : apply(k, f, x, f->span);
    }
    return x;
}

/* Is it a number, as far as its text tells? */
static bool tells_number(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind != EXPR_NAME) return e->kind == EXPR_NUMBER;
    const Val *v = check_expr(k, scope, e);
    return v->kind == VAL_NUMBER || learned_size(k, v);
}

static bool tells_function(Check *k, Scope *scope, const Expr *e)
{
    if (e->kind == EXPR_CALL) return !tells_number(k, scope, e->left);
    return e->kind == EXPR_NAME && check_expr(k, scope, e)->kind == VAL_FUNCTION;
}

bool repeat_arguments(Check *k, Scope *scope, const Expr *call, bool waits)
{
    const int first = waits ? 0 : 1, given = call->args.count - first;
    for (int i = 0; i < call->args.count; i++)
        if (call->args.at[i].name.text) return true;
    if (given < 1 || given > 2) return true;
    const Expr *n = call->args.at[first].value, *f = call->args.at[first + given - 1].value;
    const char *text = expr_text(k->perm, k->c->sources, n);
    if (given == 1 && tells_number(k, scope, n)) {
        Diag *d = diag_add(k->diags, E_ARGUMENT, n->span, "the function that is repeated is missing");
        diag_fix(d, n->span, arena_printf(k->perm, "%s, relu", text), "such as: ", "");
        return false;
    }
    if (given == 1 && tells_function(k, scope, n)) {
        Diag *d = diag_add(k->diags, E_ARGUMENT, n->span, "how often the function is repeated is missing");
        diag_fix(d, n->span, arena_printf(k->perm, "2, %s", text), "such as: ", "");
        return false;
    }
    if (given == 1 || !tells_number(k, scope, f) || tells_number(k, scope, n)) return true;
    Diag *d =
        diag_add(k->diags, E_ARGUMENT, span_join(n->span, f->span), "the number comes before the function");
    diag_fix(d, span_join(n->span, f->span),
             arena_printf(k->perm, "%s, %s", expr_text(k->perm, k->c->sources, f), text), "write ", "");
    return false;
}

/* How often is learned: each time where its place is within the size. */
static Val *applied_within(Check *k, Val *x, Val *size, Val *f, int64_t place)
{
    Val *args[4] = {x, f, size, val_number(k, (double)place, size->span)};
    return k->above->builtin(k, builtin_at(BUILTIN_within), args, f->span);
}

static Val *repeated(Check *k, Val *x, Val *count, Val *f)
{
    SizeOfLayer n;
    if (val_is_poison(count) || val_is_poison(f) ||
        !size_between(k, count, "how often a function is repeated", 0, MOST, &n))
        return val_poison(k);
    for (int64_t i = 0; i < n.most && !val_is_poison(x); i++)
        x = !within_bounds(k, f->span) ? val_poison(k)
            : n.learned                ? applied_within(k, x, count, f, i)
                                       : apply(k, f, x, f->span);
    return x;
}

Val *apply_list(Check *k, const Builtin *b, Val **args, Span span)
{
    if (b->id == BUILTIN_sum) return fold_array(k, b, args[0], span);
    if (b->id == BUILTIN_count || b->kind == KIND_WORD) return conditions_value(k, b, args[0], span);
    if (b->id == BUILTIN_repeat) return repeated(k, args[0], args[1], args[2]);
    if (args[1]->kind == VAL_LIST) return chained(k, args[0], args[1]);
    if (val_is_poison(args[1])) return val_poison(k);
    Diag *d = diag_add(k->diags, E_KIND, args[1]->span, "chain takes a list of functions; this is %s",
                       val_kind_text(args[1]));
    diag_help(d, "such as x |> chain([linear(8), relu, linear(3)]), or the same five times: repeat(5, relu)");
    return val_poison(k);
}
