/* expr_size.c: sizes that are learned, `size n in 4 .. 64 = 32`, and the values that have so many channels.
 *
 * A layer of n channels has as many as n may grow to, N. A mask multiplies them before anything reads over
 * channels: place i of 0 .. N - 1 by
 *
 *     m(i) = sigmoid(SHARPNESS (n - 1/2 - i) - log(1 / CUT - 1))    0 where m < CUT, which is i + 1/2 > n
 *
 * so that n, rounded, places are left (Romero & Zeghidour 2023, DNArch, reconstructed). What works on each
 * channel alone, batch_norm above all, comes before the mask: behind it, it would undo a scale, and make
 * something of a 0. So a value only notes that its channels wait for their mask, and in_use() applies it.
 *
 * What is learned and stored is n / N: a step of the optimiser moves small and large sizes alike.
 */
#include "check/expr.h"
#include "common/plural.h"
#include "ir/op.h"
#include <math.h>

static const double SHARPNESS = 1.5, CUT = 0.1;

/* ---- declaration ---- */

static Value *constant(Check *k, double number)
{
    return shared_const(k, number, false);
}

static Value *two(Check *k, OpCode op, Value *a, Value *b)
{
    return shared_value(k, op, a->span, 2, (Value *[]){a, b});
}

static Value *with(Check *k, OpCode op, Value *a, double number)
{
    return two(k, op, a, constant(k, number));
}

static Value *one(Check *k, OpCode op, Value *a)
{
    return shared_value(k, op, a->span, 1, &a);
}

/* The value of `exact` with the gradient of `smooth`. */
static Value *with_gradient_of(Check *k, Value *exact, Value *smooth)
{
    return two(k, IR_ADD, smooth, one(k, IR_STOP, two(k, IR_SUB, exact, smooth)));
}

static bool in_model(Check *k, const Stmt *s)
{
    Diag *d = NULL;
    if (k->mode != MODE_MODEL || k->loss) {
        d = diag_add(k->diags, E_PLACE, s->span, "size '%s' is in a function that is called %s", s->name.text,
                     k->mode == MODE_CELL        ? "by nodes or edges"
                     : k->mode == MODE_PREDICATE ? "in a condition"
                                                 : "outside of a model");
        diag_help(d, "sizes are of layers: declare it in the model, or in a function of layers");
    } else if (k->positions) {
        d = diag_add(k->diags, E_LATER, s->span, "size '%s' is in a function that scan applies",
                     s->name.text);
        diag_help(d, "in such a function sizes are fixed: write a number");
    }
    return !d;
}

static bool size_range(Check *k, Scope *scope, const Stmt *s, LearnedSize *size, double *start)
{
    Val *low = check_expr(k, scope, s->low), *high = check_expr(k, scope, s->high),
        *value = check_expr(k, scope, s->value);
    if (!whole_between(k, low, "the lower end of a size", 1, limits.nodes, &size->low) ||
        !whole_between(k, high, "the upper end of a size", 1, limits.nodes, &size->high))
        return false;
    if (size->low > size->high) {
        const char *turned =
            arena_printf(k->perm, "%lld .. %lld", (long long)size->high, (long long)size->low);
        const Span range = span_join(s->low->span, s->high->span);
        diag_fix(diag_add(k->diags, E_RANGE, range, "a range is low .. high, low first"), range, turned,
                 "write ", "");
        return false;
    }
    return number_between(k, value, arena_printf(k->perm, "size '%s'", s->name.text), (double)size->low,
                          (double)size->high, start);
}

static Tensor *size_tensor(Check *k, const LearnedSize *size, double start, Span span)
{
    Tensor *p =
        model_param(k->model, table_new_name(k->perm, &k->model->names, size->name), shape_vector(1), span);
    p->learned = p->shared = true, p->components = 1;
    p->init = (InitSpec){.kind = INIT_CONSTANT, .a = start / (double)size->high};
    p->clamped = true, p->low = (double)size->low / (double)size->high, p->high = 1;
    p->size_of_layers = true, p->decay = 0;
    return p;
}

Val *declare_size(Check *k, Scope *scope, const Decl *d, const Stmt *s)
{
    LearnedSize *size = NEW(k->perm, LearnedSize);
    double start;
    if (!in_model(k, s) || !size_range(k, scope, s, size, &start)) return val_poison(k);
    size->name = arena_printf(k->perm, "%s.%s", d->name.text, s->name.text);
    size->span = s->name.span;
    size->tensor = size_tensor(k, size, start, s->span);
    size->name = size->tensor->name;
    Value *p = func_add(k->func, IR_PARAM, s->span, 0, NULL);
    p->param = size->tensor, p->shape = size->tensor->shape, size->stored = p;
    Value *share = func_add(k->func, IR_RESHAPE, s->span, 1, &p);
    share->shape = (Shape){0};
    size->number = with(k, IR_MUL, share, (double)size->high);
    vec_push(k->perm, &k->model->sizes, size);
    return val_runtime(k, size->number, s->span);
}

LearnedSize *learned_size(const Check *k, const Val *v)
{
    for (int i = 0; v->kind == VAL_RUNTIME && i < k->model->sizes.count; i++)
        if (k->model->sizes.at[i]->number == v->value) return k->model->sizes.at[i];
    return NULL;
}

bool size_between(Check *k, const Val *v, const char *what, int64_t low, int64_t high, SizeOfLayer *out)
{
    out->learned = learned_size(k, v);
    out->most = out->learned ? out->learned->high : 0;
    if (v->kind == VAL_RUNTIME && !out->learned) {
        Diag *d = diag_add(k->diags, E_KIND, v->span,
                           "%s is a number known here, or a learned size by itself", what);
        if (k->mode == MODE_MODEL) diag_help(d, "declare what it is: size n in 4 .. 64 = 32");
        else diag_help(d, "an index differs from node to node: write a number");
        return false;
    }
    if (!out->learned) return whole_between(k, v, what, low, high, &out->most);
    if (out->learned->low >= low && out->learned->high <= high) return true;
    Diag *d = diag_add(k->diags, E_RANGE, v->span, "%s must be in %lld .. %lld; this size is in %lld .. %lld",
                       what, (long long)low, (long long)high, (long long)out->learned->low,
                       (long long)out->learned->high);
    diag_note(d, out->learned->span, "it is declared here");
    return false;
}

/* ---- masks ---- */

/* Where its argument is z = n - 1/2 - i. */
static Value *mask_at(Check *k, Value *z)
{
    Value *m = one(k, IR_SIGMOID, with(k, IR_SUB, with(k, IR_MUL, z, SHARPNESS), log(1 / CUT - 1)));
    Value *zero = constant(k, 0), *used = two(k, IR_LE, zero, z);
    return shared_value(k, IR_SELECT, z->span, 3, (Value *[]){used, m, zero});
}

Value *value_mask(Check *k, Value *size, Value *place)
{
    return mask_at(k, two(k, IR_SUB, with(k, IR_SUB, size, 0.5), place));
}

static Value *channel_mask(Check *k, LearnedSize *size)
{
    if (size->mask) return size->mask;
    Value *place = func_add(k->func, IR_POSITION, size->span, 0, NULL);
    place->shape = shape_vector(size->high);
    return size->mask = value_mask(k, size->number, place);
}

Value *place_mask(Check *k, LearnedSize *size, int64_t place)
{
    return mask_at(k, with(k, IR_SUB, size->number, 0.5 + (double)place));
}

/* Tap t of K: T^((2 d / k)^2), d = t - (K - 1) / 2; 0 where that is below CUT, which is 2 |d| > k. `size`: of
 * a function of nodes, its own weight. */
Value *tap_mask(Func *f, Value *size, int64_t distance)
{
    Value *twice = func_const(f, 2 * (double)distance), *part = func_binary(f, IR_DIV, twice, size);
    Value *square = func_binary(f, IR_MUL, part, part), *cut = func_const(f, log(CUT));
    Value *m = func_unary(f, IR_EXP, func_binary(f, IR_MUL, square, cut));
    Value *used = func_binary(f, IR_LE, twice, size), *zero = func_const(f, 0);
    return func_add(f, IR_SELECT, size->span, 3, (Value *[]){used, m, zero});
}

/* ---- parts of what is counted ---- */

/* n rounded, of N. */
Value *channel_part(Check *k, const LearnedSize *size)
{
    Value *n = one(k, IR_FLOOR, with(k, IR_ADD, size->number, 0.5));
    return with(k, IR_MUL, with_gradient_of(k, n, size->number), 1 / (double)size->high);
}

Value *filter_part(Check *k, const LearnedSize *size)
{
    Value *half = one(k, IR_FLOOR, with(k, IR_MUL, size->number, 0.5));
    Value *odd = with(k, IR_ADD, with(k, IR_MUL, half, 2), 1);
    Value *side = with_gradient_of(k, odd, size->number);
    return with(k, IR_MUL, two(k, IR_MUL, side, side), 1 / (double)(size->high * size->high));
}

Value *place_part(Check *k, const LearnedSize *size, int64_t place)
{
    Value *rest = with(k, IR_SUB, size->number, (double)place), *whole = constant(k, 1),
          *none = constant(k, 0), *half = constant(k, 0.5);
    Value *smooth = with(k, IR_MIN, with(k, IR_MAX, rest, 0), 1), *used = two(k, IR_LE, half, rest);
    Value *exact = shared_value(k, IR_SELECT, size->span, 3, (Value *[]){used, whole, none});
    return with_gradient_of(k, exact, smooth);
}

Value *part_times(Check *k, Value *a, Value *b)
{
    return a && b ? two(k, IR_MUL, a, b) : a ? a : b;
}

/* ---- values with learned channels ---- */

static SizedValue *sized(const Check *k, const Value *v)
{
    const int at = k->sized.values.count ? table_find(&k->sized.places, &v, sizeof v) : -1;
    return at < 0 ? NULL : &k->sized.values.at[at];
}

static void note(Check *k, Value *v, LearnedSize *waits, Value *part)
{
    int *at = table_place(k->perm, &k->sized.places, &v, sizeof v);
    if (*at >= 0) return;
    *at = k->sized.values.count;
    vec_push(k->perm, &k->sized.values, (SizedValue){.waits = waits, .part = part});
}

LearnedSize *learned_channels(const Check *k, const Value *v)
{
    const SizedValue *s = sized(k, v);
    return s ? s->waits : NULL;
}

Value *part_of_channels(const Check *k, const Value *v)
{
    const SizedValue *s = sized(k, v);
    return s ? s->part : NULL;
}

void set_channels(Check *k, Value *v, LearnedSize *size)
{
    if (size) note(k, v, size, channel_part(k, size));
}

void set_part(Check *k, Value *v, Value *part)
{
    if (part) note(k, v, NULL, part);
}

Value *in_use(Check *k, Value *x)
{
    const SizedValue *s = sized(k, x);
    if (!s || !s->waits) return x;
    if (s->masked) return s->masked;
    Value *mask = channel_mask(k, s->waits), *part = s->part;
    Value *y = two(k, IR_MUL, x, broadcast(k->func, mask, x->shape, 1));
    sized(k, x)->masked = y;
    note(k, y, NULL, part);
    return y;
}

LearnedSize *channels_together(Check *k, int count, Value **values, Value **part)
{
    LearnedSize *all = NULL;
    bool same = true, first = true;
    *part = NULL;
    for (int i = 0; i < count; i++) {
        if (!values[i]->shape.rank) continue;
        LearnedSize *size = learned_channels(k, values[i]);
        Value *p = part_of_channels(k, values[i]);
        same = same && (first || size == all);
        *part = first || *part == p ? p : NULL;
        all = first ? size : all, first = false;
    }
    for (int i = 0; i < count && !same; i++) values[i] = in_use(k, values[i]);
    return same ? all : NULL;
}
