/* test_op_map.c: operators on maps: their values worked out by hand, their gradients against differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "lower/grad.h"
#include "eval/ir_eval.h"
#include "ir/op.h"
#include "common/rng.h"

/* ---- values ---- */

/* The map 1 2 3 4 / 5 6 7 8 / 9 10 11 12; taps 1 2 3 ... */
static const double counted[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

typedef struct Known {
    OpCode op;
    Window window;
    Shape shape;
    int64_t index;
    double want[16];
} Known;

static const Known known[] = {
    {IR_CONV, {3, 1, 1, 0}, {2, {3, 4}}, 0, {111, 178, 217, 145, 231, 348, 393, 252, 133, 190, 211, 127}},
    {IR_CONV, {3, 2, 1, 0}, {2, {2, 2}}, 0, {111, 217, 133, 211}},
    {IR_CONV, {3, 1, 2, 0}, {2, {3, 4}}, 0, {194, 222, 170, 194, 67, 78, 55, 64, 122, 138, 98, 110}},
    {IR_CONV, {2, 1, 1, 0}, {2, {3, 4}}, 0, {44, 54, 64, 28, 84, 94, 104, 44, 29, 32, 35, 12}},
    {IR_CONV, {2, 2, 1, 0}, {2, {2, 2}}, 0, {44, 64, 29, 35}},
    {IR_WINDOWS, {2, 2, 1, 0}, {3, {4, 2, 2}}, 0, {1, 3, 9, 11, 2, 4, 10, 12, 5, 7, 0, 0, 6, 8, 0, 0}},
    {IR_POOL_SUM, {2, 1, 1, 0}, {2, {2, 3}}, 0, {14, 18, 22, 30, 34, 38}},
    {IR_POOL_MAX, {2, 1, 1, 0}, {2, {2, 3}}, 0, {6, 7, 8, 10, 11, 12}},
    {IR_POOL_MAX, {3, 2, 1, 0}, {2, {1, 1}}, 0, {11}},
    {IR_POOL_MAX, {3, 2, 1, 1}, {2, {2, 2}}, 0, {6, 8, 10, 12}},
    {IR_POOL_SUM, {2, 2, 1, 1}, {2, {2, 3}}, 0, {1, 5, 4, 14, 34, 20}},
    {IR_CROP, {0}, {2, {2, 2}}, 5, {6, 7, 10, 11}},
    {IR_PAD_MAP, {0}, {2, {4, 4}}, 4, {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
};

static Value *input_value(Func *f, Shape shape)
{
    Value *x = func_add(f, IR_INPUT, (Span){0}, 0, NULL);
    x->shape = shape;
    return x;
}

static Value *taps_of(Func *f, const double *numbers, int64_t count, Value **args)
{
    for (int64_t t = 0; t < count; t++) args[1 + t] = func_const(f, numbers[t]);
    return args[0];
}

static void test_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const Known *c = &known[i];
        Arena *a = arena_new();
        Func *f = func_new(a, "f");
        Value *args[1 + MOST_TAPS];
        args[0] = input_value(f, (Shape){2, {3, 4}});
        int64_t taps = c->op == IR_CONV ? c->window.size * c->window.size : 0;
        taps_of(f, counted, taps, args);
        Value *v = map_value(f, c->op, (Span){0}, (MapForm){c->shape, c->window}, (int)taps + 1, args);
        v->index = c->index;
        if (c->window.size && !shape_equal(map_windowed(c->op, args[0]->shape, c->window), c->shape))
            fail_msg("case %d: another shape", (int)i);
        const Eval *e = eval_func(a, f, &(EvalContext){.batch = 1, .input = counted});
        for (int64_t k = 0; k < shape_size(c->shape); k++)
            if (e->value[v->id][k] != c->want[k])
                fail_msg("case %d, %s: element %d is %g, not %g", (int)i, op_info[c->op].text, (int)k,
                         e->value[v->id][k], c->want[k]);
        arena_free(a);
    }
}

/* The first of equal numbers, row by row, gets the gradient; a NaN is the largest. */
static void test_ties(void **state)
{
    (void)state;
    static const double maps[][4] = {{1, 5, 5, 5}, {5, 5, 5, 5}, {1, NAN, 7, NAN}};
    static const int first[] = {1, 0, 1};
    for (int i = 0; i < 3; i++) {
        double got[4], dy = 2;
        Value arg[] = {{.shape = {2, {2, 2}}}, {.shape = {2, {1, 1}}}}, *args[] = {&arg[0], &arg[1]};
        Value v = {.op = IR_POOL_MAX_BACK, .shape = {2, {2, 2}}, .args = args, .window = {2, 1, 1}};
        map_eval(&v, (const double *const[]){maps[i], &dy}, got);
        for (int k = 0; k < 4; k++) assert_true(got[k] == (k == first[i] ? 2 : 0));
    }
}

/* ---- gradients ---- */

enum { SAMPLES = 2, MOST = 600 };

typedef struct Sized {
    Shape shape;
    Window window;
} Sized;

/* sum over samples of sum(op(x) * weights), with the taps of CONV cut out of a parameter. */
typedef struct Scalar {
    Func *f;
    Value *x, *w, *loss;
    struct Tensor param;
} Scalar;

static Value *tap(Func *f, Value *w, int64_t i)
{
    Value *v = func_unary(f, IR_SLICE, w);
    v->shape = (Shape){0};
    v->index = i;
    return v;
}

static Value *weighted_sum(Func *f, Value *v)
{
    Value *mix = func_add(f, IR_POSITION, (Span){0}, 0, NULL);
    mix->shape = v->shape;
    Value *wave = func_unary(f, IR_SIN, func_binary(f, IR_ADD, mix, func_const(f, 0.5)));
    return func_unary(f, IR_SUM_SAMPLES,
                      reduce(f, IR_REDUCE_SUM, func_binary(f, IR_MUL, v, wave), 0, v->shape.rank));
}

static Shape small_shape(OpCode op, Shape x, Window w)
{
    if (op == IR_CROP) return (Shape){x.rank, {x.dim[0], (x.dim[1] + 1) / 2, x.dim[2] / 2}};
    if (op == IR_PAD_MAP) return (Shape){x.rank, {x.dim[0], x.dim[1] + 3, x.dim[2] + 2}};
    return map_windowed(op, x, w);
}

static void build(Arena *a, Scalar *s, OpCode op, Shape x, Window w)
{
    Value *args[1 + MOST_TAPS];
    int64_t taps = op == IR_CONV ? w.size * w.size : 0;
    s->f = func_new(a, "f");
    args[0] = s->x = input_value(s->f, x);
    s->w = func_add(s->f, IR_PARAM, (Span){0}, 0, NULL);
    s->param = (struct Tensor){.name = "w"};
    s->w->param = &s->param, s->w->shape = shape_vector(taps + 1);
    for (int64_t t = 0; t < taps; t++) args[1 + t] = tap(s->f, s->w, t);
    Value *v = map_value(s->f, op, (Span){0}, (MapForm){small_shape(op, x, w), w}, (int)taps + 1, args);
    v->index = op == IR_CROP ? x.dim[2] / 2 : op == IR_PAD_MAP ? 2 * (x.dim[2] + 2) + 1 : 0;
    s->loss = weighted_sum(s->f, func_binary(s->f, IR_MUL, v, v));
}

static double loss_of(const Scalar *s, EvalContext *c)
{
    Arena *a = arena_new();
    double loss = eval_func(a, s->f, c)->value[s->loss->id][0];
    arena_free(a);
    return loss;
}

static void expect_difference(const Scalar *s, EvalContext *c, double *at, double gradient, const char *what,
                              OpCode op)
{
    double saved = *at, h = 1e-5;
    *at = saved + h;
    double up = loss_of(s, c);
    *at = saved - h;
    double down = loss_of(s, c), slope = (up - down) / (2 * h);
    *at = saved;
    if (!(fabs(slope - gradient) <= 1e-7 * fmax(1, fabs(slope))))
        fail_msg("%s: gradient of %s is %.9g, not %.9g", op_info[op].text, what, gradient, slope);
}

static void expect_gradients(OpCode op, Shape shape, Window w)
{
    Arena *a = arena_new();
    Scalar s;
    double x[SAMPLES * MOST], param[MOST_TAPS + 1];
    build(a, &s, op, shape, w);
    int64_t n = SAMPLES * shape_size(shape), taps = op == IR_CONV ? w.size * w.size : 0;
    assert_true(n <= SAMPLES * MOST);
    for (int64_t i = 0; i < n; i++) x[i] = rng_normal(5, 1, (uint64_t)i);
    for (int64_t i = 0; i <= taps; i++) param[i] = rng_normal(5, 2, (uint64_t)i);
    EvalContext c = {.batch = SAMPLES, .input = x, .param = param};
    Value *wanted[] = {s.x, s.w}, *grads[2], *one = func_const(s.f, 1);
    grad_append(s.f, (Seeds){1, &s.loss, &one}, 2, wanted, grads);
    func_verify(s.f);
    const Eval *e = eval_func(a, s.f, &c);
    assert_non_null(grads[0]);
    assert_true(shape_equal(grads[0]->shape, shape));
    for (int64_t i = 0; i < n; i++) expect_difference(&s, &c, &x[i], e->value[grads[0]->id][i], "x", op);
    for (int64_t i = 0; i < taps; i++)
        expect_difference(&s, &c, &param[i], e->value[grads[1]->id][i], "a tap", op);
    arena_free(a);
}

static void test_window_gradients(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{1, 1}, {1, 5}, {4, 1}, {5, 6}};
    static const OpCode ops[] = {IR_CONV, IR_WINDOWS, IR_POOL_SUM, IR_POOL_MAX};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int64_t size = 1; size <= 4; size++)
                for (int64_t more = 0; more < 4; more++) {
                    int64_t h = sizes[i][0], w = sizes[i][1];
                    bool conv = ops[k] == IR_CONV, pool = ops[k] == IR_POOL_SUM || ops[k] == IR_POOL_MAX;
                    Window window = {size, 1 + more % 2, pool ? 1 : 1 + more / 2, 0};
                    const Shape x = conv ? (Shape){2, {h, w}} : (Shape){3, {2, h, w}};
                    if (pool && more == 3) window.border = size / 2;
                    if (pool && (size > h + 2 * window.border || size > w + 2 * window.border)) continue;
                    expect_gradients(ops[k], x, window);
                }
}

static void test_map_gradients(void **state)
{
    (void)state;
    static const OpCode ops[] = {IR_CROP, IR_PAD_MAP};
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
        expect_gradients(ops[k], (Shape){3, {3, 4, 5}}, (Window){0});
        expect_gradients(ops[k], (Shape){3, {1, 1, 2}}, (Window){0});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_ties),
                                       cmocka_unit_test(test_window_gradients),
                                       cmocka_unit_test(test_map_gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
