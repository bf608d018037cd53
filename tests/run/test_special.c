/* test_special.c: numbers that are none, infinite, zero with a sign or at a kink, through machine code and
 * interpreter.
 *
 * A NaN must stay visible: no function may turn it into a number unless its definition does. Each function
 * stands alone in a model, so that no sum mixes them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "built.h"

static const char *const functions[] = {
    "abs(x)",
    "exp(x)",
    "log(x)",
    "sqrt(x)",
    "sin(x)",
    "cos(x)",
    "tanh(x)",
    "sigmoid(x)",
    "relu(x)",
    "leaky_relu(x, 0.1)",
    "gelu(x)",
    "silu(x)",
    "softplus(x)",
    "sign(x)",
    "floor(x)",
    "min(x, 1)",
    "min(1, x)",
    "max(x, 1)",
    "max(-1, x)",
    "clamp(x, -1, 1)",
    "x / x",
    "1 / x",
    "x * 0",
    "x - x",
    "x mod 2",
    "x mod -3",
    "-x mod 0.7",
    "x ^ 2",
    "2 ^ x",
    "x ^ 0.5",
    "(if x > 0 then x else 0)",
    "(if x <= 0 then 1 else 2)",
    "(if x == x then x else 5)",
    "(if not (x < 1) then 1 else 0)",
    "(if x != 0 or x > 1 then 1 else 2)",
    "stop_gradient(x)",
    "min(x, max(x, 0))",
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };
static const float inputs[] = {NAN,   INFINITY, -INFINITY, 0.0f,  -0.0f,  1,  -1,  2,    -3,    0.5f,
                               -0.5f, 1e-40f,   -1e-40f,   1e30f, -1e30f, 88, -88, 0.7f, 1e-10f};
enum { INPUTS = sizeof inputs / sizeof *inputs };

static void write_program(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < FUNCTIONS; i++) fprintf(f, "fn f%d(x) = %s\n", i, functions[i]);
    fprintf(f, "fn c0(x) = f0(x)\n");
    for (int i = 1; i < FUNCTIONS; i++) fprintf(f, "fn c%d(x) = concat(c%d(x), f%d(x))\n", i, i - 1, i);
    fprintf(f, "model M(x[1]) = c%d(x)\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n",
            FUNCTIONS - 1);
    fclose(f);
}

/* The same kind of number, and the same number where it is one. */
static bool alike(double y, double want, double tolerance)
{
    if (isnan(want) || isnan(y)) return isnan(want) && isnan(y);
    if (isinf(want) || isinf(y)) return y == want;
    return fabs(y - want) <= tolerance * fmax(fabs(want), 1e-30);
}

static Data *special_data(Arena *a, const Model *m)
{
    Data *d = built_data(a, m, INPUTS, 1);
    memcpy(d->train.floats, inputs, sizeof inputs);
    return d;
}

static void expect_special(const Built *b, bool f64, const Data *d)
{
    Arena *a = arena_new();
    int64_t order[INPUTS];
    for (int i = 0; i < INPUTS; i++) order[i] = i;
    Net *n = built_net(b, f64, INPUTS, 1, 1);
    const Results *x = built_run(a, n, d, order, INPUTS), *y = built_reference(a, n, b, d, order, INPUTS, 0);
    assert_string_equal(x->all.at[1].name, "infer output");
    assert_string_equal(y->all.at[0].name, "infer output");
    for (int s = 0; s < INPUTS; s++)
        for (int i = 0; i < FUNCTIONS; i++) {
            double got = x->all.at[1].values[s * FUNCTIONS + i],
                   want = y->all.at[0].values[s * FUNCTIONS + i];
            if (!f64) want = (double)(float)want;
            /* sine of a large number, remainder of one: what float has is another number's */
            if (!f64 && fabs((double)inputs[s]) > 1e20 && isfinite(want)) continue;
            if (!f64 && fabs(want) < 1e-35) want = got == 0 ? 0 : want; /* below the normal numbers */
            if (strstr(functions[i], "mod") && isfinite(want))
                got = fabs(got - want) <= 1e-6 * fabs((double)inputs[s]) ? want : got;
            if (!alike(got, want, f64 ? 1e-14 : 1e-5))
                fail_msg("%s of %g is %g, not %g (%s)", functions[i], (double)inputs[s], got, want,
                         f64 ? "double" : "float");
        }
    net_free(n);
    arena_free(a);
}

static void test_special_numbers(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/dnw_special_%ld.dnw", (long)getpid());
    write_program(path);
    for (int optimize = 0; optimize <= 3; optimize += 3) {
        Built b;
        Arena *a = arena_new();
        assert_true(built_open(&b, path, optimize));
        const Data *d = special_data(a, b.compilation->model);
        expect_special(&b, false, d);
        expect_special(&b, true, d);
        built_close(&b);
        arena_free(a);
    }
    unlink(path);
}

/* A sample that is not finite is named, and the step changes nothing. */
static void test_bad_step(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY};
    Built b;
    Arena *a = arena_new();
    assert_true(built_open(&b, "./free_dag.dnw", 0));
    int64_t order[70];
    for (int i = 0; i < 70; i++) order[i] = i;
    for (int k = 0; k < 2; k++) {
        Data *d = built_data(a, b.compilation->model, 70, 3);
        Net *n = built_net(&b, false, 70, 1, 1), *same = built_net(&b, false, 70, 1, 1);
        d->train.floats[2 * 66] = bad[k];
        NetStep step = net_train_step(n, (NetSamples){d, &d->train, order, 70}, (NetPosition){0.1, 0, 0, 0});
        assert_false(step.finite);
        assert_non_null(strstr(step.bad, "input"));
        assert_memory_equal(n->weights, same->weights, (size_t)n->param_total * sizeof(float));
        assert_true(net_train_step(n, (NetSamples){d, &d->train, order, 66}, (NetPosition){0.1, 0, 0, 0})
                        .finite); /* lanes without a sample do not count */
        assert_memory_not_equal(n->weights, same->weights, (size_t)n->param_total * sizeof(float));
        net_free(n), net_free(same);
    }
    built_close(&b);
    arena_free(a);
}

/* What is saved (weights and marks) and loaded gives what the net gave. A step leaves edges as it chose them:
 * choose anew. */
static void test_saved_evaluates_alike(void **state)
{
    (void)state;
    Built b;
    Arena *a = arena_new();
    int64_t order[100];
    assert_true(built_open(&b, "./free_dag.dnw", 0));
    const Data *d = built_data(a, b.compilation->model, 100, 3);
    for (int i = 0; i < 100; i++) order[i] = i;
    Net *n = built_net(&b, false, 100, 1, 1), *loaded = built_net(&b, false, 100, 1, 2);
    for (int64_t s = 0; s < 3; s++)
        net_train_step(n, (NetSamples){d, &d->train, order, 100}, (NetPosition){0.1, s, 0, 0});
    net_choose(n, 0);
    for (int i = 0; i < net_tensor_count(n); i++) {
        const NetTensor *from = net_tensor(n, i), *to = net_tensor(loaded, i);
        memcpy(to->data, from->data, (size_t)(from->size * net_element(from->kind)));
    }
    RtError e;
    assert_true(net_reload(loaded, true, &e));
    double before = net_eval_step(n, d, &d->test, 0, 100).loss,
           after = net_eval_step(loaded, d, &d->test, 0, 100).loss;
    if (before != after) fail_msg("the loss is %.9g, of the loaded net %.9g", before, after);
    net_free(n), net_free(loaded);
    built_close(&b);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_special_numbers),
        cmocka_unit_test(test_bad_step),
        cmocka_unit_test(test_saved_evaluates_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
