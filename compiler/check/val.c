/* val.c: compile-time values: making, comparing, printing, asking for numbers. */
#include "check/val.h"
#include <math.h>

Limits limits = {.nodes = 20000000, .pairs = 2000000000};

Val *val_new(Check *k, ValKind kind, Span span)
{
    Val *v = NEW(k->perm, Val);
    v->kind = kind;
    v->span = span;
    return v;
}

Val *val_number(Check *k, double number, Span span)
{
    Val *v = val_new(k, VAL_NUMBER, span);
    v->number = number;
    return v;
}

Val *val_bool(Check *k, bool b, Span span)
{
    Val *v = val_new(k, VAL_BOOL, span);
    v->number = b;
    return v;
}

Val *val_poison(Check *k)
{
    return val_new(k, VAL_POISON, (Span){0});
}

/* A built-in that is a value by itself. */
Val *val_word(Check *k, const Builtin *b, Span span)
{
    if (b->id == BUILTIN_pi) return val_number(k, M_PI, span);
    if (b->id == BUILTIN_true || b->id == BUILTIN_false) return val_bool(k, b->id == BUILTIN_true, span);
    Val *v = val_new(k, VAL_WORD, span);
    v->builtin = b;
    return v;
}

Val *val_runtime(Check *k, Value *value, Span span)
{
    Val *v = val_new(k, VAL_RUNTIME, span);
    v->value = value;
    return v;
}

Val *val_function(Check *k, const Builtin *b, const Decl *decl, Module *module, Span span)
{
    Val *v = val_new(k, VAL_FUNCTION, span);
    v->builtin = b, v->decl = decl, v->module = module;
    return v;
}

bool val_is_poison(const Val *v)
{
    return !v || v->kind ==
                     VAL_POISON; /* lists and descriptions with a poison value inside are poison themselves */
}

bool val_is_number(const Val *v)
{
    return v->kind == VAL_NUMBER || v->kind == VAL_BOOL || v->kind == VAL_PERCENT;
}

bool val_is(const Val *v, BuiltinId id)
{
    return (v->kind == VAL_WORD || v->kind == VAL_CALL) && v->builtin->id == id;
}

Val *function_with(Check *k, const Val *f, const BoundArg *first)
{
    Val *v = NEW(k->perm, Val);
    *v = *f;
    v->bound.at = NULL, v->bound.count = v->bound.capacity = 0;
    if (first) vec_push(k->perm, &v->bound, *first);
    for (int i = 0; i < f->bound.count; i++) vec_push(k->perm, &v->bound, f->bound.at[i]);
    return v;
}

/* n itself: the share of its upper end, times that (expr_size.c). */
static bool is_learned_size(const Value *v)
{
    const Value *share = v->op == IR_MUL ? v->args[0] : NULL;
    const Value *stored = share && share->op == IR_RESHAPE ? share->args[0] : NULL;
    return stored && stored->op == IR_PARAM && stored->param->size_of_layers;
}

static const char *runtime_text(const Value *v)
{
    return v->is_bool ? "a condition" : is_learned_size(v) ? "a learned size" : "a value of the network";
}

const char *val_kind_text(const Val *v)
{
    switch (v->kind) {
    case VAL_NUMBER: return "a number";
    case VAL_PERCENT: return "a percentage";
    case VAL_BOOL: return "true or false";
    case VAL_STRING: return "a string";
    case VAL_LIST: return "a list";
    case VAL_TUPLE: return "a tuple";
    case VAL_FUNCTION: return "a function";
    case VAL_CALL: return "a description";
    case VAL_RUNTIME: return runtime_text(v->value);
    case VAL_SET: return "a node set";
    default: return "a word";
    }
}

static const char *items_text(Check *k, const Val *v, const char *open, const char *close)
{
    enum { SHOWN = 16 };
    const char *text = open;
    if (v->items.count > SHOWN)
        close = arena_printf(k->perm, ", ... %d more%s", v->items.count - SHOWN, close);
    for (int i = 0; i < v->items.count && i < SHOWN; i++)
        text = arena_printf(k->perm, "%s%s%s", text, i ? ", " : "", val_text(k, v->items.at[i]));
    return arena_printf(k->perm, "%s%s", text, close);
}

static const char *call_text(Check *k, const Val *v)
{
    const char *text = arena_printf(k->perm, "%s(", v->builtin->name);
    for (int i = 0; i < v->items.count; i++) {
        const char *name =
            v->builtin->variadic ? "" : arena_printf(k->perm, "%s = ", v->builtin->params[i].name);
        text = arena_printf(k->perm, "%s%s%s%s", text, i ? ", " : "", name, val_text(k, v->items.at[i]));
    }
    return arena_printf(k->perm, "%s)", text);
}

const char *val_text(Check *k, const Val *v)
{
    switch (v->kind) {
    case VAL_NUMBER:
    case VAL_PERCENT:
        if (isnan(v->number)) return "not a number";
        return arena_printf(k->perm, v->kind == VAL_PERCENT ? "%.15g%%" : "%.15g", v->number);
    case VAL_BOOL: return v->number != 0 ? "true" : "false";
    case VAL_STRING: return arena_printf(k->perm, "\"%s\"", v->text);
    case VAL_WORD: return v->builtin->name;
    case VAL_LIST: return items_text(k, v, "[", "]");
    case VAL_TUPLE: return items_text(k, v, "(", ")");
    case VAL_CALL: return v->items.count ? call_text(k, v) : v->builtin->name;
    case VAL_FUNCTION: return v->builtin ? v->builtin->name : v->decl->name.text;
    case VAL_NONE: return "none";
    default: return val_kind_text(v);
    }
}

bool val_equal(const Val *a, const Val *b)
{
    if (a->kind != b->kind || a->items.count != b->items.count || a->builtin != b->builtin) return false;
    for (int i = 0; i < a->items.count; i++)
        if (!val_equal(a->items.at[i], b->items.at[i])) return false;
    switch (a->kind) {
    case VAL_NUMBER:
    case VAL_PERCENT:
    case VAL_BOOL: return a->number == b->number;
    case VAL_STRING: return strcmp(a->text, b->text) == 0;
    case VAL_FUNCTION: return a->decl == b->decl;
    default: return true;
    }
}

json_t *val_json(const Val *v)
{
    json_t *j;
    switch (v->kind) {
    case VAL_NUMBER:
        return floor(v->number) == v->number && fabs(v->number) < 1e15 ? json_integer((json_int_t)v->number)
                                                                       : json_real(v->number);
    case VAL_PERCENT: return json_real(v->number / 100);
    case VAL_BOOL: return json_boolean(v->number != 0);
    case VAL_STRING: return json_string(v->text);
    case VAL_WORD: return json_string(v->builtin->name);
    case VAL_LIST:
    case VAL_TUPLE:
        j = json_array();
        for (int i = 0; i < v->items.count; i++) json_array_append_new(j, val_json(v->items.at[i]));
        return j;
    case VAL_CALL: {
        json_t *args = json_object();
        for (int i = 0; i < v->items.count; i++)
            if (!v->builtin->variadic)
                json_object_set_new(args, v->builtin->params[i].name, val_json(v->items.at[i]));
        return json_pack("{s:s, s:o}", "call", v->builtin->name, "args", args);
    }
    default: return json_null();
    }
}

bool number_between(Check *k, const Val *v, const char *what, double low, double high, double *out)
{
    *out = v->kind == VAL_PERCENT ? v->number / 100 : v->number;
    if ((v->kind == VAL_NUMBER || v->kind == VAL_PERCENT) && *out >= low && *out <= high) return true;
    if (val_is_poison(v)) return false;
    diag_add(k->diags, E_RANGE, v->span, "%s must be a number in %.15g .. %.15g; this is %s", what, low, high,
             val_text(k, v));
    return false;
}

bool whole_between(Check *k, const Val *v, const char *what, int64_t low, int64_t high, int64_t *out)
{
    double number;
    if (!number_between(k, v, what, (double)low, (double)high, &number)) return false;
    *out = (int64_t)number;
    if (v->kind == VAL_NUMBER && floor(number) == number) return true;
    diag_add(k->diags, E_RANGE, v->span, "%s must be a whole number; this is %s", what, val_text(k, v));
    return false;
}
