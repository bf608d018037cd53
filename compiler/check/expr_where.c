/* expr_where.c: built-ins of conditions of edges: distances, draws; and the numbers that keys are made of. */
#include "check/expr.h"
#include "common/groups.h"
#include "common/plural.h"
#include "front/parse.h"

static Val *distance(Check *k, Val *a, Val *b, Span span)
{
    if (val_is_poison(a) || val_is_poison(b)) return val_poison(k);
    bool tuples = a->kind == VAL_TUPLE && b->kind == VAL_TUPLE;
    if (tuples && a->items.count != b->items.count) {
        diag_add(k->diags, E_SHAPE, span, "dist of points with %d and %d coordinate%s", a->items.count,
                 b->items.count, plural(b->items.count, "s"));
        return val_poison(k);
    }
    if (!tuples)
        return pointwise(k, IR_ABS, span, 1, (Val *[]){pointwise(k, IR_SUB, span, 2, (Val *[]){a, b})});
    Val *sum = val_number(k, 0, span);
    for (int i = 0; i < a->items.count; i++) {
        Val *d = pointwise(k, IR_SUB, span, 2, (Val *[]){a->items.at[i], b->items.at[i]});
        Val *square = pointwise(k, IR_MUL, span, 2, (Val *[]){d, d});
        sum = pointwise(k, IR_ADD, span, 2, (Val *[]){sum, square});
    }
    return pointwise(k, IR_SQRT, span, 1, &sum);
}

/* ---- keys ---- */

int key_length(Check *k, const Val *key)
{
    const int parts = key->kind == VAL_TUPLE ? key->items.count : 1;
    if (parts <= MOST_KEY_PARTS) return parts;
    diag_add(k->diags, E_RANGE, key->span, "a key has at most %d numbers; this one has %d", MOST_KEY_PARTS,
             parts);
    return 0;
}

const Val *key_part(Check *k, const Val *key, int i)
{
    const Val *v = key->kind == VAL_TUPLE ? key->items.at[i] : key;
    if (val_is_poison(v)) return NULL;
    if (v->kind == VAL_NUMBER || (v->kind == VAL_RUNTIME && !v->value->is_bool)) return v;
    Diag *d = diag_add(k->diags, E_KIND, v->span, "a key is made of numbers; this is %s",
                       v->kind == VAL_RUNTIME ? "a condition" : val_kind_text(v));
    diag_help(d,
              "such as j, (i, j), line, or floor(i / 16) for 16 at a time; (if i < 4 then 0 else 1) for two");
    return NULL;
}

/* ---- draws ---- */

/* Known numbers; others count as 0 below it, and as 1 above. */
static bool is_probability(Check *k, const Val *p)
{
    const double most = p->kind == VAL_PERCENT ? 100 : 1;
    const bool known = p->kind == VAL_PERCENT || p->kind == VAL_NUMBER;
    if (!known || (p->number >= 0 && p->number <= most)) return true;
    Diag *d = diag_add(k->diags, E_RANGE, p->span, "a probability of %s is not in 0 .. 1", val_text(k, p));
    if (p->kind == VAL_NUMBER && p->number >= 2 && p->number <= 100)
        diag_fix(d, p->span, arena_printf(k->perm, "%.6g%%", p->number), "write ", "");
    return false;
}

/* chance(p, key): a number in [0, 1) by the seed and the key alone is below p. */
static Val *chance_by_key(Check *k, Val *p, const Val *key, Span span)
{
    const int parts = key_length(k, key);
    Val *draw = parts ? val_number(k, k->train.seed, span) : val_poison(k);
    for (int i = 0; i < parts && !val_is_poison(draw); i++) {
        const Val *part = key_part(k, key, i);
        if (!part) return val_poison(k);
        Val *both[2] = {draw, NEW(k->perm, Val)};
        *both[1] = *part;
        draw = pointwise(k, IR_DRAW, span, 2, both);
    }
    return pointwise(k, IR_LT, span, 2, (Val *[]){draw, p});
}

bool chance_arguments(Check *k, const Val *function)
{
    const int count = function->bound.count;
    if (count <= 2 || function->bound.at[1].name.text || count > MOST_KEY_PARTS) return true;
    const Span first = function->bound.at[1].value->span, last = function->bound.at[count - 1].value->span;
    const char *key = span_text(k->perm, k->c->sources, span_join(first, last));
    Diag *d = diag_add(k->diags, E_ARGUMENT, span_join(first, last), "a key of several numbers is a tuple");
    diag_fix(d, span_join(first, last), arena_printf(k->perm, "(%s)", key), "write ", "");
    return false;
}

Val *apply_where(Check *k, const Builtin *b, Val **args, Span span)
{
    if (b->id == BUILTIN_dist) return distance(k, args[0], args[1], span);
    if (k->mode != MODE_PREDICATE) {
        diag_add(k->diags, E_PLACE, span, "chance(p) is allowed only in the `where` of edges");
        return val_poison(k);
    }
    if (!is_probability(k, args[0])) return val_poison(k);
    if (args[1]->kind != VAL_NONE) return chance_by_key(k, args[0], args[1], span);
    Value *p = val_value(k, args[0], "a probability");
    return p ? val_runtime(k, func_add(k->func, IR_CHANCE, span, 1, &p), span) : val_poison(k);
}
