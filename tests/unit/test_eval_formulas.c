/* test_eval_formulas.c: the first link of the chain: what the reference interpreter computes, against the
 * formulas as papers and textbooks state them, worked out here by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "driver/compile.h"
#include "lower/grad.h"
#include "eval/ir_eval.h"
#include "lower/lower.h"
#include "ir/op.h"

enum { SAMPLES = 4, N = 3 };
static const double input[SAMPLES * N] = {0.3, -1.2, 2, 0, 0.5, -0.5, 1.5, 1.5, -2, -0.1, 0.7, 0.2};
static const double labels[SAMPLES] = {2, 0, 1, 1};
static const double targets[SAMPLES * N] = {1, 0, 0.5, -1, 2, 0.25, 0, 1, 1, 0.75, -0.5, 0};

/* ---- one element ---- */

static void test_operators(void **state)
{
    (void)state;
    static const struct {
        OpCode op;
        double a, b, c, want;
    } cases[] = {
        {IR_MOD, 7, 3, 0, 1},
        {IR_MOD, -7, 3, 0, 2},
        {IR_MOD, 7, -3, 0, -2},
        {IR_MOD, -7, -3, 0, -1},
        {IR_MOD, 5.5, 2, 0, 1.5},
        {IR_SIGN, 0, 0, 0, 0},
        {IR_SIGN, -0.1, 0, 0, -1},
        {IR_SIGN, 9, 0, 0, 1},
        {IR_SIGN, NAN, 0, 0, NAN},
        {IR_RELU, NAN, 0, 0, NAN},
        {IR_RELU, -2, 0, 0, 0},
        {IR_RELU, 3, 0, 0, 3},
        {IR_MIN, NAN, 1, 0, NAN},
        {IR_MIN, 1, NAN, 0, NAN},
        {IR_MIN, 2, -1, 0, -1},
        {IR_MAX, NAN, 1, 0, NAN},
        {IR_MAX, 1, NAN, 0, NAN},
        {IR_MAX, 2, -1, 0, 2},
        {IR_SELECT, 1, 5, 6, 5},
        {IR_SELECT, 0, 5, 6, 6},
        {IR_LT, NAN, 1, 0, 0},
        {IR_LE, 1, 1, 0, 1},
        {IR_LT, 1, 1, 0, 0},
        {IR_EQ, NAN, NAN, 0, 0},
        {IR_AND, 1, 0, 0, 0},
        {IR_AND, 1, 1, 0, 1},
        {IR_OR, 0, 0, 0, 0},
        {IR_OR, 1, 0, 0, 1},
        {IR_NOT, 0, 0, 0, 1},
        {IR_SUB, 3, 5, 0, -2},
        {IR_DIV, 3, 4, 0, 0.75},
        {IR_POW, 2, 10, 0, 1024},
        {IR_SOFTPLUS, 0, 0, 0, 0.69314718055994531},
        {IR_SOFTPLUS, -800, 0, 0, 0},
        {IR_SOFTPLUS, 800, 0, 0, 800},
        {IR_SOFTPLUS, NAN, 0, 0, NAN},
        {IR_SIGMOID, 0, 0, 0, 0.5},
        {IR_SIGMOID, 2, 0, 0, 0.88079707797788244},
        {IR_TANH, 0.5, 0, 0, 0.46211715726000976},
        {IR_ERF, 1, 0, 0, 0.84270079294971487},
        {IR_FLOOR, -1.5, 0, 0, -2},
        {IR_NEG, 3, 0, 0, -3},
        {IR_ABS, -3, 0, 0, 3},
        {IR_EXP, 1, 0, 0, M_E},
        {IR_LOG, M_E, 0, 0, 1},
        {IR_SQRT, 2, 0, 0, M_SQRT2},
        {IR_SIN, M_PI_2, 0, 0, 1},
        {IR_COS, 0, 0, 0, 1},
        {IR_ADD, 1, 2, 0, 3},
        {IR_MUL, -2, 3, 0, -6},
        {IR_STOP, 4, 0, 0, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double y = pointwise_eval(cases[i].op, (double[]){cases[i].a, cases[i].b, cases[i].c});
        if (isnan(cases[i].want) ? !isnan(y)
                                 : !(fabs(y - cases[i].want) <= 1e-15 * fmax(1, fabs(cases[i].want))))
            fail_msg("%s(%g, %g, %g) is %g", op_info[cases[i].op].text, cases[i].a, cases[i].b, cases[i].c,
                     y);
    }
}

/* ---- whole functions ---- */

/* Output of the model, or its loss: mean over the samples; parameters as they start. */
static void evaluate(const char *text, const double *target, const char *result, double *out)
{
    Compilation *c = compilation_new();
    if (!compile_text(c, "formula.dnw", text, strlen(text))) {
        diags_print(c->diags, stderr, false);
        fail_msg("not a program:\n%s", text);
    }
    const Ir *ir = lower(c->model);
    EvalContext e = {.model = c->model, .batch = SAMPLES, .input = input, .target = target, .seed = 1};
    e.param = NEW_ARRAY(c->perm, double, (size_t)c->model->param_total + 1);
    eval_init(c->model, 1, e.param);
    eval_choose(c->perm, &e, 0);
    const Eval *r = eval_func(c->perm, ir->train, &e);
    for (int i = 0; i < ir->train->results.count; i++) {
        const Value *v = ir->train->results.at[i];
        if (strcmp(ir->train->result_names.at[i], result) != 0) continue;
        memcpy(out, r->value[v->id],
               (size_t)(shape_size(v->shape) * (v->per_sample ? SAMPLES : 1)) * sizeof *out);
    }
    compilation_free(c);
}

typedef double Formula(void);

static double cross_entropy_of(double smoothing)
{
    double total = 0;
    for (int s = 0; s < SAMPLES; s++) {
        double sum = 0;
        for (int i = 0; i < N; i++) sum += exp(input[s * N + i]);
        for (int i = 0; i < N; i++)
            total -= ((i == (int)labels[s] ? 1 - smoothing : 0) + smoothing / N) *
                     log(exp(input[s * N + i]) / sum);
    }
    return total / SAMPLES;
}
static double plain(void)
{
    return cross_entropy_of(0);
}
static double smoothed(void)
{
    return cross_entropy_of(0.3);
}
static double squares(void)
{
    double total = 0;
    for (int i = 0; i < SAMPLES * N; i++) total += pow(input[i] - targets[i], 2);
    return total / (SAMPLES * N);
}
static double absolutes(void)
{
    double total = 0;
    for (int i = 0; i < SAMPLES * N; i++) total += fabs(input[i] - targets[i]);
    return total / (SAMPLES * N);
}
static double binary(void)
{
    double total = 0;
    for (int i = 0; i < SAMPLES * N; i++) {
        double p = 1 / (1 + exp(-input[i]));
        total -= targets[i] * log(p) + (1 - targets[i]) * log(1 - p);
    }
    return total / (SAMPLES * N);
}

static void test_losses(void **state)
{
    (void)state;
    static const struct {
        const char *loss;
        const double *target;
        Formula *formula;
    } cases[] = {{"cross_entropy", labels, plain},
                 {"cross_entropy(smoothing = 0.3)", labels, smoothed},
                 {"mse", targets, squares},
                 {"mae", targets, absolutes},
                 {"binary_cross_entropy", targets, binary}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        double y = NAN;
        snprintf(text, sizeof text,
                 "model M(x[3]) = x\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = %s }\n",
                 cases[i].loss);
        evaluate(text, cases[i].target, "loss", &y);
        if (!(fabs(y - cases[i].formula()) < 1e-14))
            fail_msg("%s is %.17g, not %.17g", cases[i].loss, y, cases[i].formula());
    }
}

typedef double Element(const double *x, int64_t s, int64_t i); /* x: all samples */

static double normal(const double *x, int64_t at, int64_t step, int64_t count, int64_t first, double eps)
{
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < count; k++) mean += x[first + k * step] / (double)count;
    for (int64_t k = 0; k < count; k++) variance += pow(x[first + k * step] - mean, 2) / (double)count;
    return (x[at] - mean) / sqrt(variance + eps);
}
static double layer(const double *x, int64_t s, int64_t i)
{
    return normal(x, s * N + i, 1, N, s * N, 0.25);
}
static double batch(const double *x, int64_t s, int64_t i)
{
    return normal(x, s * N + i, N, SAMPLES, i, 0.25);
}
static double softmax(const double *x, int64_t s, int64_t i)
{
    double sum = 0;
    for (int64_t k = 0; k < N; k++) sum += exp(x[s * N + k]);
    return exp(x[s * N + i]) / sum;
}
static double gelu(const double *x, int64_t s, int64_t i)
{
    return x[s * N + i] * 0.5 * erfc(-x[s * N + i] / sqrt(2));
}
static double silu(const double *x, int64_t s, int64_t i)
{
    return x[s * N + i] / (1 + exp(-x[s * N + i]));
}
static double leaky(const double *x, int64_t s, int64_t i)
{
    return x[s * N + i] > 0 ? x[s * N + i] : 0.2 * x[s * N + i];
}
static double clamped(const double *x, int64_t s, int64_t i)
{
    return fmin(fmax(x[s * N + i], -0.3), 0.4);
}
static double residual(const double *x, int64_t s, int64_t i)
{
    return x[s * N + i] + tanh(x[s * N + i]);
}
static double mean_batch(const double *x, int64_t s, int64_t i)
{
    (void)s;
    double mean = 0;
    for (int64_t k = 0; k < SAMPLES; k++) mean += x[k * N + i] / SAMPLES;
    return 0.3 * mean; /* starts at 0, momentum 0.3 */
}
static double variance_batch(const double *x, int64_t s, int64_t i)
{
    double mean = mean_batch(x, s, i) / 0.3, squares_ = 0;
    for (int64_t k = 0; k < SAMPLES; k++) squares_ += pow(x[k * N + i] - mean, 2);
    return 0.7 + 0.3 * squares_ / (SAMPLES - 1); /* starts at 1; unbiased */
}

static void test_layers(void **state)
{
    (void)state;
    static const struct {
        const char *body, *result;
        Element *formula;
        int samples; /* 1: one for all */
    } cases[] = {{"x |> layer_norm(eps = 0.25)", "output", layer, SAMPLES},
                 {"x |> batch_norm(eps = 0.25)", "output", batch, SAMPLES},
                 {"x |> softmax", "output", softmax, SAMPLES},
                 {"gelu(x)", "output", gelu, SAMPLES},
                 {"silu(x)", "output", silu, SAMPLES},
                 {"leaky_relu(x, 0.2)", "output", leaky, SAMPLES},
                 {"clamp(x, -0.3, 0.4)", "output", clamped, SAMPLES},
                 {"x + tanh(x)", "output", residual, SAMPLES},
                 {"x |> dropout(0)", "output", NULL, SAMPLES},
                 {"x + noise(exp(x), 0)", "output", NULL, SAMPLES},
                 {"x |> batch_norm(momentum = 0.3)", "set batch_norm.mean", mean_batch, 1},
                 {"x |> batch_norm(momentum = 0.3)", "set batch_norm.variance", variance_batch, 1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char text[256];
        double y[SAMPLES * N];
        snprintf(text, sizeof text,
                 "model M(x[3]) = %s\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n",
                 cases[c].body);
        evaluate(text, targets, cases[c].result, y);
        for (int s = 0; s < cases[c].samples; s++)
            for (int i = 0; i < N; i++) {
                double want = cases[c].formula ? cases[c].formula(input, s, i) : input[s * N + i];
                if (!(fabs(y[s * N + i] - want) < 1e-14))
                    fail_msg("%s: '%s' is %.17g, not %.17g", cases[c].body, cases[c].result, y[s * N + i],
                             want);
            }
    }
}

/* Dropout: each number is 0 or divided by what stays; about the right share is 0. */
static void test_dropout(void **state)
{
    (void)state;
    double y[SAMPLES * 300], zeros[SAMPLES * 300] = {0};
    int dropped = 0;
    evaluate("fn Many(x) = concat(concat(x, x), concat(x, x))\nfn More(x) = concat(Many(Many(x)), "
             "concat(Many(x), Many(x)))\n"
             "model M(x[3]) = exp(x) |> More |> dropout(0.25)\ntrain M { data = npy(\"none.npy\", "
             "\"none.npy\"); loss = mse }\n",
             zeros, "output", y);
    enum { WIDE = N * 24 };
    for (int s = 0; s < SAMPLES; s++)
        for (int i = 0; i < WIDE; i++) {
            double want = exp(input[s * N + i % N]) / 0.75;
            assert_true(y[s * WIDE + i] == 0 || fabs(y[s * WIDE + i] - want) < 1e-14);
            dropped += y[s * WIDE + i] == 0;
        }
    assert_true(dropped > 45 && dropped < 100); /* of 288: 72 expected, deviation 7 */
}

/* Noise: normal numbers, whose mean, deviation and fourth moment are about right; 0 outside training. */
static void test_noise(void **state)
{
    (void)state;
    enum { WIDE = N * 24 };
    double y[SAMPLES * WIDE], zeros[SAMPLES * WIDE] = {0}, mean = 0, square = 0, fourth = 0;
    evaluate("fn Many(x) = concat(concat(x, x), concat(x, x))\nfn More(x) = concat(Many(Many(x)), "
             "concat(Many(x), Many(x)))\n"
             "model M(x[3]) = x |> More |> noise(0.5)\ntrain M { data = npy(\"none.npy\", "
             "\"none.npy\"); loss = mse }\n",
             zeros, "output", y);
    for (int i = 0; i < SAMPLES * WIDE; i++) mean += y[i] / (SAMPLES * WIDE);
    for (int i = 0; i < SAMPLES * WIDE; i++)
        square += y[i] * y[i] / (SAMPLES * WIDE), fourth += pow(y[i], 4) / (SAMPLES * WIDE);
    assert_true(fabs(mean) < 0.12 && square > 0.17 && square < 0.34); /* of 288 with variance 0.25 */
    assert_true(fourth / (square * square) > 2 && fourth / (square * square) < 4.5); /* 3 expected */
}

/* A graph by hand: x0, x1 -> h = (x0 w0 + x1 w1 + b)^2 kept edges only -> y. */
static void test_graph(void **state)
{
    (void)state;
    static const char text[] =
        "fn F(z) { weight b = 0.5; (z + b)^2 }\n"
        "graph G { input x[3]; nodes h[2] : F; output y[1]\n edges { x[_] -> h[_]; h[_] -> y[_] } keep 5 }\n"
        "model M(x[3]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n";
    static const double w[6] = {0.9, -0.1, 0.5, 0.2, -0.8, 0.3},
                        v[2] = {0.7, -0.15}; /* kept: 0.9 0.5 -0.8 0.3 0.7 */
    Compilation *c = compilation_new();
    assert_true(compile_text(c, "graph.dnw", text, strlen(text)));
    const Ir *ir = lower(c->model);
    const Graph *g = c->model->graphs.at[0];
    EvalContext e = {.model = c->model, .batch = SAMPLES, .input = input, .target = targets, .seed = 1};
    e.param = NEW_ARRAY(c->perm, double, (size_t)c->model->param_total);
    eval_init(c->model, 1, e.param);
    memcpy(e.param + g->bundles.at[0].weight->offset, w, sizeof w);
    memcpy(e.param + g->bundles.at[1].weight->offset, v, sizeof v);
    eval_choose(c->perm, &e, 0);
    const Eval *r = eval_func(c->perm, ir->infer, &e);
    const double *y = r->value[ir->infer->results.at[0]->id];
    for (int s = 0; s < SAMPLES; s++) {
        const double *x = input + s * N;
        double want = 0.7 * pow(0.9 * x[0] + 0.5 * x[2] + 0.5, 2); /* h[1] has no edge to y in use */
        assert_true(fabs(y[s] - want) < 1e-14);
    }
    static const uint8_t kept[6] = {1, 0, 1, 0, 1, 1};
    assert_memory_equal(e.kept[0][0], kept, 6);
    assert_true(e.kept[0][1][0] == 1 && e.kept[0][1][1] == 0);
    compilation_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators), cmocka_unit_test(test_losses), cmocka_unit_test(test_layers),
        cmocka_unit_test(test_dropout),   cmocka_unit_test(test_noise),  cmocka_unit_test(test_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
