/* test_op_axis.c: operators along axes: their values worked out by hand, their gradients by what makes
 * them so: for a linear y = A x is sum(dy A x) = sum(x A' dy), A' dy being the gradient.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "eval/ir_eval.h"
#include "lower/grad.h"
#include "ir/op.h"

typedef struct Known {
    OpCode op;
    int at, count; /* the axes that are removed or added */
    Shape x, y;
    double want[12];
} Known;

/* x holds 1, 2, 3, ... */
static const Known known[] = {
    {IR_REDUCE_SUM, 0, 3, {3, {2, 3, 2}}, {0}, {78}},
    {IR_REDUCE_SUM, 0, 1, {3, {2, 3, 2}}, {2, {3, 2}}, {8, 10, 12, 14, 16, 18}},
    {IR_REDUCE_SUM, 1, 1, {3, {2, 3, 2}}, {2, {2, 2}}, {9, 12, 27, 30}},
    {IR_REDUCE_SUM, 1, 2, {3, {2, 3, 2}}, {1, {2}}, {21, 57}},
    {IR_REDUCE_SUM, 2, 1, {3, {2, 3, 2}}, {2, {2, 3}}, {3, 7, 11, 15, 19, 23}},
    {IR_REDUCE_MAX, 1, 1, {3, {2, 3, 2}}, {2, {2, 2}}, {5, 6, 11, 12}},
    {IR_REDUCE_MAX, 1, 2, {3, {2, 3, 2}}, {1, {2}}, {6, 12}},
    {IR_BROADCAST, 0, 1, {1, {3}}, {2, {2, 3}}, {1, 2, 3, 1, 2, 3}},
    {IR_BROADCAST, 1, 1, {2, {2, 2}}, {3, {2, 2, 2}}, {1, 2, 1, 2, 3, 4, 3, 4}},
    {IR_BROADCAST, 1, 2, {1, {2}}, {3, {2, 3, 2}}, {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2}},
    {IR_REPEAT, 0, 2, {0}, {2, {2, 2}}, {1, 1, 1, 1}},
    {IR_TRANSPOSE, 0, 0, {3, {2, 3, 2}}, {3, {3, 2, 2}}, {1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12}},
    {IR_TRANSPOSE, 1, 0, {3, {2, 3, 2}}, {3, {2, 2, 3}}, {1, 3, 5, 2, 4, 6, 7, 9, 11, 8, 10, 12}},
};
enum { CASES = sizeof known / sizeof *known };
static const double counted[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static Value *input_value(Func *f, Shape shape)
{
    Value *x = func_add(f, IR_INPUT, (Span){0}, 0, NULL);
    x->shape = shape;
    return x;
}

static Value *applied(Func *f, const Known *c, Value *x)
{
    if (c->op == IR_TRANSPOSE) return transpose(f, x, c->at);
    return c->op == IR_REDUCE_SUM || c->op == IR_REDUCE_MAX ? reduce(f, c->op, x, c->at, c->count)
                                                            : broadcast(f, x, c->y, c->at);
}

static void test_known(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Known *c = &known[i];
        Arena *a = arena_new();
        Func *f = func_new(a, "f");
        Value *y = applied(f, c, input_value(f, c->x));
        if (y->op != c->op || !shape_equal(y->shape, c->y)) fail_msg("case %d: %s", i, op_info[y->op].text);
        const Eval *e = eval_func(a, f, &(EvalContext){.batch = 1, .input = counted});
        for (int64_t k = 0; k < shape_size(c->y); k++)
            if (e->value[y->id][k] != c->want[k])
                fail_msg("case %d: element %d is %g", i, (int)k, e->value[y->id][k]);
        arena_free(a);
    }
}

static void test_gradients(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        const Known *c = &known[i];
        if (c->op == IR_REDUCE_MAX) continue;
        Arena *a = arena_new();
        Func *f = func_new(a, "f");
        Value *x = input_value(f, c->x), *y = applied(f, c, x), *dx,
              *dy = func_add(f, IR_TARGET, (Span){0}, 0, NULL);
        dy->shape = c->y;
        grad_append(f, (Seeds){1, &y, &dy}, 1, &x, &dx);
        func_verify(f);
        double seed[12], forward = 0, back = 0;
        for (int k = 0; k < 12; k++) seed[k] = (k * 7 + 3) % 11;
        const Eval *e = eval_func(a, f, &(EvalContext){.batch = 1, .input = counted, .target = seed});
        assert_true(shape_equal(dx->shape, c->x));
        for (int64_t k = 0; k < shape_size(c->y); k++) forward += seed[k] * e->value[y->id][k];
        for (int64_t k = 0; k < shape_size(c->x); k++) back += counted[k] * e->value[dx->id][k];
        if (forward != back) fail_msg("case %d, %s: %g, not %g", i, op_info[c->op].text, back, forward);
        arena_free(a);
    }
}

/* A NaN is the largest. */
static void test_nan(void **state)
{
    (void)state;
    static const double x[] = {1, NAN, 7, 3, 9, 2};
    Arena *a = arena_new();
    Func *f = func_new(a, "f");
    Value *y = reduce(f, IR_REDUCE_MAX, input_value(f, (Shape){2, {2, 3}}), 1, 1);
    const Eval *e = eval_func(a, f, &(EvalContext){.batch = 1, .input = x});
    assert_true(isnan(e->value[y->id][0]) && e->value[y->id][1] == 9);
    arena_free(a);
}

/* How many conditions are true is a number. */
static void test_conditions(void **state)
{
    (void)state;
    Arena *a = arena_new();
    Func *f = func_new(a, "f");
    Value *three = func_const(f, 3), *x = input_value(f, (Shape){2, {2, 3}});
    Value *few = transpose(f, func_binary(f, IR_LT, x, three), 0), *y = reduce(f, IR_REDUCE_SUM, few, 0, 2);
    const Eval *e = eval_func(a, f, &(EvalContext){.batch = 1, .input = counted});
    assert_true(few->is_bool && !y->is_bool && e->value[y->id][0] == 2);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_gradients),
                                       cmocka_unit_test(test_nan), cmocka_unit_test(test_conditions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
