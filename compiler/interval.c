/* interval.c: pointwise operators on intervals. Whatever is not monotonic where it matters answers with
 * everything. */
#include "interval.h"
#include "op.h"
#include <math.h>

static const Interval everything = {-INFINITY, INFINITY}, either = {0, 1};

static Interval bool_of(bool surely, bool never)
{
    return surely ? (Interval){1, 1} : never ? (Interval){0, 0} : either;
}

static Interval hull4(double a, double b, double c, double d)
{
    if (isnan(a) || isnan(b) || isnan(c) || isnan(d)) return everything;
    return (Interval){fmin(fmin(a, b), fmin(c, d)), fmax(fmax(a, b), fmax(c, d))};
}

static Interval divide(Interval a, Interval b)
{
    if (b.low <= 0 && b.high >= 0) return everything;
    return hull4(a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high);
}

/* x mod m with one m > 0: x itself, shifted, while it stays within one period. */
static Interval modulo(Interval a, Interval b)
{
    if (b.low != b.high || !(b.low > 0) || !isfinite(a.low) || !isfinite(a.high)) return everything;
    double m = b.low, first = floor(a.low / m), last = floor(a.high / m);
    if (first != last) return (Interval){0, m};
    return (Interval){a.low - m * first, a.high - m * first};
}

static Interval absolute(Interval a)
{
    if (a.low >= 0) return a;
    if (a.high <= 0) return (Interval){-a.high, -a.low};
    return (Interval){0, fmax(-a.low, a.high)};
}

static Interval select_of(Interval c, Interval a, Interval b)
{
    if (c.low == 1) return a;
    if (c.high == 0) return b;
    return (Interval){fmin(a.low, b.low), fmax(a.high, b.high)};
}

/* Functions that never fall: the ends go to the ends. */
static bool rises(OpCode op)
{
    return op == IR_EXP || op == IR_LOG || op == IR_SQRT || op == IR_TANH || op == IR_SIGMOID ||
           op == IR_SOFTPLUS || op == IR_ERF || op == IR_RELU || op == IR_FLOOR || op == IR_SIGN ||
           op == IR_STOP || op == IR_REPEAT;
}

static Interval apply(const Value *v, Interval a, Interval b, Interval c)
{
    switch (v->op) {
    case IR_ADD: return (Interval){a.low + b.low, a.high + b.high};
    case IR_SUB: return (Interval){a.low - b.high, a.high - b.low};
    case IR_MUL:
        if (v->args[0] == v->args[1])
            return (Interval){absolute(a).low * absolute(a).low, absolute(a).high * absolute(a).high};
        return hull4(a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high);
    case IR_DIV: return divide(a, b);
    case IR_MOD: return modulo(a, b);
    case IR_NEG: return (Interval){-a.high, -a.low};
    case IR_ABS: return absolute(a);
    case IR_MIN: return (Interval){fmin(a.low, b.low), fmin(a.high, b.high)};
    case IR_MAX: return (Interval){fmax(a.low, b.low), fmax(a.high, b.high)};
    case IR_SELECT: return select_of(a, b, c);
    case IR_LT: return bool_of(a.high < b.low, a.low >= b.high);
    case IR_LE: return bool_of(a.high <= b.low, a.low > b.high);
    case IR_EQ:
        return bool_of(a.low == a.high && b.low == b.high && a.low == b.low,
                       a.high < b.low || b.high < a.low);
    case IR_AND: return (Interval){fmin(a.low, b.low), fmin(a.high, b.high)};
    case IR_OR: return (Interval){fmax(a.low, b.low), fmax(a.high, b.high)};
    case IR_NOT: return (Interval){1 - a.high, 1 - a.low};
    default:
        if (rises(v->op)) return (Interval){pointwise_eval(v->op, &a.low), pointwise_eval(v->op, &a.high)};
        return v->is_bool ? either : everything;
    }
}

Interval interval_eval(const Func *f, const Interval *args, Interval *scratch)
{
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        Interval a[3] = {{0}};
        for (int k = 0; k < v->arg_count; k++) a[k] = scratch[v->args[k]->id];
        if (v->op == IR_CONST) scratch[i] = (Interval){v->number, v->number};
        else if (v->op == IR_ARG) scratch[i] = args[v->index];
        else scratch[i] = apply(v, a[0], a[1], a[2]);
        if (isnan(scratch[i].low) || isnan(scratch[i].high)) scratch[i] = v->is_bool ? either : everything;
    }
    return scratch[f->results.at[0]->id];
}
