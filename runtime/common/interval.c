/* interval.c: pointwise operators on intervals. Whatever is not monotonic where it matters answers with
 * everything. */
#include "common/interval.h"
#include "common/rng.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

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

/* ---- operators: of their arguments' intervals a[0], a[1], a[2] ---- */

static Interval add(const Interval *a)
{
    return (Interval){a[0].low + a[1].low, a[0].high + a[1].high};
}
static Interval sub(const Interval *a)
{
    return (Interval){a[0].low - a[1].high, a[0].high - a[1].low};
}
static Interval mul(const Interval *a)
{
    return hull4(a[0].low * a[1].low, a[0].low * a[1].high, a[0].high * a[1].low, a[0].high * a[1].high);
}
static Interval divide(const Interval *a)
{
    if (a[1].low <= 0 && a[1].high >= 0) return everything;
    return hull4(a[0].low / a[1].low, a[0].low / a[1].high, a[0].high / a[1].low, a[0].high / a[1].high);
}
/* x mod m with one m > 0: x itself, shifted, while it stays within one period. */
static Interval modulo(const Interval *a)
{
    if (a[1].low != a[1].high || !(a[1].low > 0) || !isfinite(a[0].low) || !isfinite(a[0].high))
        return everything;
    double m = a[1].low, first = floor(a[0].low / m), last = floor(a[0].high / m);
    if (first != last) return (Interval){0, m};
    return (Interval){a[0].low - m * first, a[0].high - m * first};
}
static Interval negative(const Interval *a)
{
    return (Interval){-a->high, -a->low};
}
static Interval absolute(const Interval *a)
{
    if (a->low >= 0) return *a;
    if (a->high <= 0) return negative(a);
    return (Interval){0, fmax(-a->low, a->high)};
}
static Interval square(const Interval *a)
{
    Interval x = absolute(a);
    return (Interval){x.low * x.low, x.high * x.high};
}
static Interval smaller(const Interval *a)
{
    return (Interval){fmin(a[0].low, a[1].low), fmin(a[0].high, a[1].high)};
}
static Interval larger(const Interval *a)
{
    return (Interval){fmax(a[0].low, a[1].low), fmax(a[0].high, a[1].high)};
}
static Interval pick(const Interval *a)
{
    if (a[0].low == 1) return a[1];
    if (a[0].high == 0) return a[2];
    return (Interval){fmin(a[1].low, a[2].low), fmax(a[1].high, a[2].high)};
}
static Interval lt(const Interval *a)
{
    return bool_of(a[0].high < a[1].low, a[0].low >= a[1].high);
}
static Interval le(const Interval *a)
{
    return bool_of(a[0].high <= a[1].low, a[0].low > a[1].high);
}
static Interval eq(const Interval *a)
{
    return bool_of(a[0].low == a[0].high && a[1].low == a[1].high && a[0].low == a[1].low,
                   a[0].high < a[1].low || a[1].high < a[0].low);
}
static Interval not(const Interval *a)
{
    return (Interval){1 - a->high, 1 - a->low};
}
static Interval chance(const Interval *a)
{
    (void)a;
    return either;
}
static Interval draw(const Interval *a)
{
    if (!(a[0].low == a[0].high && a[1].low == a[1].high)) return (Interval){0, 1};
    const double x = rng_draw(a[0].low, a[1].low);
    return (Interval){x, x};
}
static Interval same(const Interval *a)
{
    return *a;
}

static double sign(double x)
{
    return (x > 0) - (x < 0);
}
static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}
static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double relu(double x)
{
    return x < 0 ? 0 : x;
}

struct IntervalOp {
    const char *name;
    Interval (*apply)(const Interval *a); /* or */
    double (*rises)(double x);            /* never falls: the ends go to the ends */
    double (*known)(double x, double y);  /* of numbers; nothing is known of intervals */
};

static double sine(double x, double y)
{
    (void)y;
    return sin(x);
}
static double cosine(double x, double y)
{
    (void)y;
    return cos(x);
}

static const IntervalOp ops[] = {
    {"const", NULL, NULL, NULL},
    {"arg", NULL, NULL, NULL},
    {"add", add, NULL, NULL},
    {"sub", sub, NULL, NULL},
    {"mul", mul, NULL, NULL},
    {"div", divide, NULL, NULL},
    {"mod", modulo, NULL, NULL},
    {"neg", negative, NULL, NULL},
    {"abs", absolute, NULL, NULL},
    {"min", smaller, NULL, NULL},
    {"max", larger, NULL, NULL},
    {"select", pick, NULL, NULL},
    {"lt", lt, NULL, NULL},
    {"le", le, NULL, NULL},
    {"eq", eq, NULL, NULL},
    {"and", smaller, NULL, NULL},
    {"or", larger, NULL, NULL},
    {"not", not, NULL, NULL},
    {"draw", draw, NULL, NULL},
    {"chance", chance, NULL, NULL},
    {"stop_gradient", same, NULL, NULL},
    {"repeat", same, NULL, NULL},
    {"sign", NULL, sign, NULL},
    {"floor", NULL, floor, NULL},
    {"exp", NULL, exp, NULL},
    {"log", NULL, log, NULL},
    {"sqrt", NULL, sqrt, NULL},
    {"tanh", NULL, tanh, NULL},
    {"erf", NULL, erf, NULL},
    {"relu", NULL, relu, NULL},
    {"sigmoid", NULL, sigmoid, NULL},
    {"softplus", NULL, softplus, NULL},
};
/* Rounded differently by other libraries: no candidate and no group may depend on them. */
static const IntervalOp rounded[] = {
    {"sin", NULL, NULL, sine},
    {"cos", NULL, NULL, cosine},
    {"pow", NULL, NULL, pow},
};
enum { CONST, ARG };

const IntervalOp *interval_op(const char *name)
{
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (!strcmp(name, ops[i].name)) return &ops[i];
    return NULL;
}

const IntervalOp *interval_number_op(const char *name)
{
    for (size_t i = 0; i < sizeof rounded / sizeof *rounded; i++)
        if (!strcmp(name, rounded[i].name)) return &rounded[i];
    return interval_op(name);
}

static Interval known(const IntervalStep *s, const Interval *a)
{
    for (int k = 0; k < s->arg_count; k++)
        if (!(a[k].low == a[k].high)) return everything;
    const double x = s->op->known(a[0].low, a[1].low);
    return (Interval){x, x};
}

static Interval step(const IntervalStep *s, const Interval *args, const Interval *before)
{
    if (!s->op) return everything;
    if (s->op == &ops[CONST]) return (Interval){s->number, s->number};
    if (s->op == &ops[ARG]) return args[(int)s->number];
    Interval a[3];
    for (int k = 0; k < 3; k++) a[k] = before[s->args[k]];
    if (s->op->known) return known(s, a);
    if (s->op->rises) return (Interval){s->op->rises(a->low), s->op->rises(a->high)};
    if (s->op->apply == mul && s->args[0] == s->args[1]) return square(a);
    return s->op->apply(a);
}

Interval interval_run(const IntervalStep *steps, int count, const Interval *args, Interval *scratch)
{
    for (int i = 0; i < count; i++) {
        scratch[i] = step(&steps[i], args, scratch);
        if (isnan(scratch[i].low) || isnan(scratch[i].high)) scratch[i] = everything;
    }
    return scratch[count - 1];
}

int interval_range(const IntervalCondition *c, const int64_t *to, const int64_t *from, int dim, int64_t first,
                   int64_t last)
{
    Interval args[2 * WIRING_RANK];
    for (int i = 0; i < c->to_rank; i++) args[i] = (Interval){(double)to[i], (double)to[i]};
    for (int i = 0; i < c->from_rank; i++)
        args[c->to_rank + i] = (Interval){(double)from[i], (double)from[i]};
    args[c->to_rank + dim] = (Interval){(double)first, (double)last};
    for (int i = dim + 1; i < c->from_rank; i++)
        if (from[i] == WIRING_ANY) args[c->to_rank + i] = (Interval){0, (double)c->from_size[i] - 1};
    Interval r = interval_run(c->steps, c->count, args, c->scratch);
    return r.low == r.high ? (int)r.low : -1;
}

/* ---- conditions that can be shifted ---- */

/* What is known of a value: by how much it grows when both indices grow by one (NAN: not known), and what a
 * whole number does not exceed (INFINITY: it may be no whole number). */
typedef struct Shift {
    double move, bound;
} Shift;

static const double EXACT = 4503599627370496.0; /* 2^52: whole numbers up to it are not rounded */

static double largest(double a, double b)
{
    return a > b ? a : b;
}

static Shift shift_of(const IntervalStep *s, const Shift *before, const IntervalStep *steps)
{
    const Shift a = before[s->args[0]], b = before[s->args[1]];
    const IntervalStep *factor = &steps[s->args[1]];
    if (s->op->apply == add) return (Shift){a.move + b.move, a.bound + b.bound};
    if (s->op->apply == sub) return (Shift){a.move - b.move, a.bound + b.bound};
    if (s->op->apply == negative) return (Shift){-a.move, a.bound};
    if (s->op->apply == mul && steps[s->args[0]].op == &ops[CONST])
        return (Shift){b.move * steps[s->args[0]].number, a.bound * b.bound};
    if (s->op->apply == mul && factor->op == &ops[CONST])
        return (Shift){a.move * factor->number, a.bound * b.bound};
    if (a.move != b.move) return (Shift){NAN, INFINITY};
    if (s->op->apply == smaller || s->op->apply == larger) return (Shift){a.move, largest(a.bound, b.bound)};
    if (s->op->apply != lt && s->op->apply != le && s->op->apply != eq) return (Shift){NAN, INFINITY};
    return (Shift){largest(a.bound, b.bound) < EXACT ? 0 : NAN, 1};
}

/* A function of values that stay stays; one of values that move is known where nothing is rounded. */
static Shift value_shift(const IntervalStep *s, const Shift *before, const IntervalStep *steps)
{
    bool stays = s->arg_count > 0 && s->op && s->op->apply != chance;
    for (int k = 0; k < s->arg_count; k++) stays = stays && before[s->args[k]].move == 0;
    if (!s->op && s->arg_count == 0) return (Shift){NAN, INFINITY};
    Shift v = s->op && s->arg_count <= 2 ? shift_of(s, before, steps) : (Shift){NAN, INFINITY};
    if (stays) return (Shift){0, v.bound < EXACT ? v.bound : INFINITY};
    return v.bound < EXACT ? v : (Shift){NAN, INFINITY};
}

bool interval_shifts(const IntervalCondition *c, int to, int from)
{
    Shift *values = (Shift *)c->scratch;
    for (int i = 0; i < c->count; i++) {
        const IntervalStep *s = &c->steps[i];
        const int arg = (int)s->number, source = arg - c->to_rank;
        if (s->op == &ops[CONST])
            values[i] = (Shift){0, floor(s->number) == s->number ? fabs(s->number) : INFINITY};
        else if (s->op == &ops[ARG])
            values[i] = (Shift){arg == to || source == from,
                                (double)(source < 0 ? c->to_size[arg] : c->from_size[source])};
        else values[i] = value_shift(s, values, c->steps);
    }
    return values[c->count - 1].move == 0;
}

IntervalCondition interval_condition(const WiringSet *to, const WiringSet *from)
{
    IntervalCondition c = {.to_rank = to->rank, .from_rank = from->rank};
    for (int i = 0; i < to->rank; i++) c.to_size[i] = to->dim[i];
    for (int i = 0; i < from->rank; i++) c.from_size[i] = from->dim[i];
    return c;
}

/* The last index that is read; -1: none is. */
static int last_index(uint32_t uses, int rank)
{
    int i = rank - 1;
    while (i >= 0 && !(uses >> i & 1)) i--;
    return i;
}

void interval_line(const IntervalCondition *c, WiringLine *line)
{
    int to = last_index(line->uses_to, c->to_rank), from = last_index(line->uses_from, c->from_rank);
    line->shift = to;
    line->shifts = !line->pairwise && to >= 0 && from >= 0 && interval_shifts(c, to, from);
}
