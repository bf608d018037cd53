/* test_time.c: graphs in time against solutions that are known: values after discrete steps, and the order of
 * solvers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "driver/compile.h"
#include "eval/ir_eval.h"
#include "lower/lower.h"

/* The output of a program for one input; edge weights become `weights`, in order of the candidates. `steps`
 * > 0: the scheme takes so many of one length, though it may be one that would choose them. */
static void outputs_in(int steps, const char *text, const double *input, const double *weights, double *out)
{
    Compilation *c = compilation_new();
    c->options.dump = "plan";
    c->options.out = fopen("/dev/null", "w");
    bool ok = compile_text(c, "time.dnw", text, strlen(text));
    if (!ok) diags_print(c->diags, stderr, false);
    assert_true(ok);
    EvalContext e = {.model = c->model, .batch = 1, .input = input, .seed = 1};
    e.param = NEW_ARRAY(c->perm, double, (size_t)c->model->param_total + 1);
    e.target = NEW_ARRAY(c->perm, double, 8);
    const Graph *g = c->model->graphs.at[0];
    if (steps) e.steps = eval_steps(c->perm, c->model, 1), e.steps[0]->known = true;
    for (int i = 0; i < steps; i++) {
        vec_push(c->perm, &e.steps[0]->length, (g->time.end - g->time.start) / steps);
        vec_push(c->perm, &e.steps[0]->position, 0);
    }
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t i = 0; i < g->bundles.at[b].candidates.count; i++)
            e.param[g->bundles.at[b].weight->offset + i] = *weights++;
    eval_choose(c->perm, &e, 0);
    const Value *y = c->ir->infer->results.at[0];
    memcpy(out, eval_func(c->perm, c->ir->infer, &e)->value[y->id],
           (size_t)shape_size(y->shape) * sizeof *out);
    fclose(c->options.out);
    compilation_free(c);
}

static void outputs(const char *text, const double *input, const double *weights, double *out)
{
    outputs_in(0, text, input, weights, out);
}

/* x' = y, y' = -x: after time t a turn by t */
static double rotation_error(const char *solver, int steps)
{
    char text[600];
    double out[2], weights[4] = {1, -1, 1, 1}, start[2] = {0.8, -0.3}, t = 1.3;
    snprintf(text, sizeof text,
             "fn Same(z) = z\ngraph G {\n  time = flow(0, 1.3, %s)\n  input x[2] : Same\n  output y[2]\n"
             "  edges { x[i] -> x[j] where i != j; x[i] -> y[i] }\n}\nmodel M(x[2]) = x |> G\n",
             solver);
    outputs_in(steps, text, start, weights, out);
    return hypot(out[0] - (start[0] * cos(t) + start[1] * sin(t)),
                 out[1] - (start[1] * cos(t) - start[0] * sin(t)));
}

/* s' = s (1 - s) from 0.1: the logistic curve */
static double logistic_error(const char *solver, int steps)
{
    char text[600];
    double out, weight = 1, none = 0, t = 2;
    snprintf(text, sizeof text,
             "fn Grow(z) {\n  state s = 0.1\n  s' = s * (1 - s) + 0 * z\n  s\n}\ngraph G {\n  time = flow(0, "
             "2, %s)\n  input x[1]\n"
             "  output y[1] : Grow\n  edges x[_] -> y[_]\n}\nmodel M(x[1]) = x |> G\n",
             solver);
    outputs_in(steps, text, &none, &weight, &out);
    return fabs(out - 1 / (1 + 9 * exp(-t)));
}

static void check_order(const char *solver, double order)
{
    double a = log2(rotation_error(solver, 16) / rotation_error(solver, 32));
    double b = log2(logistic_error(solver, 16) / logistic_error(solver, 32));
    if (fabs(a - order) > 0.2 || fabs(b - order) > 0.2)
        fail_msg("%s: orders %.2f and %.2f, not %.0f", solver, a, b, order);
}

/* v' = 1 + w x (2 - v) from 0, with w = 1.5: towards 2 + 1 / (w x) at rate w x; by the function's own term,
 * or by an edge that reads the target's own value, which is twice the state. */
static double pull_error(const char *solver, bool by_edge, double x, double t)
{
    char text[700];
    double out, weight = 1.5;
    snprintf(
        text, sizeof text,
        "fn Pull(pre, post) { weight w = 1; w * pre * (2 - post / 2) }\n"
        "fn Edge(z) {\n  state v = 0\n  v' = 1 + z\n  2 * v\n}\n"
        "fn Node(z) {\n  state v = 0\n  v' = 1 + z * (2 - v)\n  2 * v\n}\n"
        "graph G {\n  time = flow(1, %g, %s)\n  input x[1]\n  output y[1] : %s\n  edges x[_] -> y[_]%s\n}\n"
        "model M(x[1]) = x |> G\n",
        1 + t, solver, by_edge ? "Edge" : "Node", by_edge ? " via Pull" : "");
    outputs(text, &x, &weight, &out);
    return fabs(out / 2 - (2 + 1 / (1.5 * x)) * (1 - exp(-1.5 * x * t)));
}

/* semi_implicit: order 1 (explicit in other states, implicit in the own one), and no limit on the step where
 * Euler's explodes. */
static void test_semi_implicit(void **state)
{
    (void)state;
    double order = log2(rotation_error("semi_implicit(16)", 0) / rotation_error("semi_implicit(32)", 0));
    if (fabs(order - 1) > 0.2) fail_msg("semi_implicit: order %.2f, not 1", order);
    for (int by_edge = 0; by_edge < 2; by_edge++) {
        double a = pull_error("semi_implicit(16)", by_edge, 0.7, 1),
               b = pull_error("semi_implicit(32)", by_edge, 0.7, 1);
        if (fabs(log2(a / b) - 1) > 0.2) fail_msg("semi_implicit: order %.2f, not 1", log2(a / b));
        assert_true(pull_error("euler(8)", by_edge, 80, 1) > 1e8);
        assert_true(pull_error("semi_implicit(8)", by_edge, 80, 1) < 1e-6);
    }
}

/* One step of a membrane with two conductances, in the form of Hasani et al. (2021):
 * v(t + h) = (c v + h (leak rest + sum g rev)) / (c + h (leak + sum g)) */
static void test_fused_step(void **state)
{
    (void)state;
    double out, x[2] = {0.6, 0.9}, weights[2] = {1.2, 0.4}, h = 0.5, v = 0.3, c = 0.8, leak = 0.7,
                rest = -0.2;
    outputs("fn Conduct(pre, post) { weight g = 1; g * pre * (1 - post) }\n"
            "fn Cell(z) {\n  state v = 0.3\n  v' = (0.7 * (-0.2 - v) + z) / 0.8\n  v\n}\n"
            "graph G {\n  time = flow(0, 0.5, semi_implicit(1))\n  input x[2]\n  output y[1] : Cell\n"
            "  edges x[_] -> y[_] via Conduct\n}\nmodel M(x[2]) = x |> G\n",
            x, weights, &out);
    double g = 0.6 * 1.2 + 0.9 * 0.4;
    assert_float_equal(out, (c * v + h * (leak * rest + g)) / (c + h * (leak + g)), 1e-14);
}

static void test_orders(void **state)
{
    (void)state;
    check_order("euler", 1);
    check_order("heun", 2);
    check_order("midpoint", 2);
    check_order("rk4", 4);
    check_order("bosh3", 3);
    check_order("dopri5", 5);
    check_order("tsit5", 5);
}

/* Steps of chosen length: the error follows the tolerance. */
static void test_tolerance(void **state)
{
    static const char *const solvers[] = {"bosh3", "dopri5", "tsit5"};
    (void)state;
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++)
        for (double rtol = 1e-3; rtol > 1e-10; rtol /= 10) {
            char solver[80];
            snprintf(solver, sizeof solver, "%s(rtol = %.12f, atol = %.12f, max_steps = 20000)", solvers[i],
                     rtol, rtol);
            double a = rotation_error(solver, 0), b = logistic_error(solver, 0);
            if (a > 20 * rtol || b > 20 * rtol || (rtol < 1e-4 && (a < 1e-3 * rtol || b < 1e-3 * rtol)))
                fail_msg("%s: errors %.2e and %.2e", solver, a, b);
        }
}

/* x(t + 1) = 2 x(t) + 1 from 3: 7, 15, 31; the plain output sums the last one */
static void test_steps(void **state)
{
    (void)state;
    double out, start = 3, weights[2] = {2, 10};
    outputs("fn Next(z) = z + 1\ngraph G {\n  time = steps(3)\n  input x[1] : Next\n  output y[1]\n  edges { "
            "x[_] -> x[_]; x[_] -> y[_] }\n}\n"
            "model M(x[1]) = x |> G\n",
            &start, weights, &out);
    assert_float_equal(out, 310, 1e-12);
}

/* A state that remembers: c(t + 1) = c(t) + sum, sent one step later to the output node. */
static void test_states(void **state)
{
    (void)state;
    double out, start = 5, weights[2] = {1, 1};
    outputs("fn Count(z) {\n  state c = 1\n  next c = c + z\n  c\n}\ngraph G {\n  time = steps(3)\n  input "
            "x[1]\n  nodes h[1] : Count\n"
            "  output y[1] : Count\n  edges { x[_] -> h[_]; h[_] -> y[_] }\n}\nmodel M(x[1]) = x |> G\n",
            &start, weights, &out);
    /* h: 1, 6, 11, 16; y: 1, 2, 8, 19 */
    assert_float_equal(out, 19, 1e-12);
}

/* Gradients of a trained program for one sample, by parameter in the flat array. */
static void gradients(const char *text, const double *input, const double *weights, double *out)
{
    Compilation *c = compilation_new();
    double target = 0;
    c->options.dump = "plan";
    c->options.out = fopen("/dev/null", "w");
    bool ok = compile_text(c, "time.dnw", text, strlen(text));
    if (!ok) diags_print(c->diags, stderr, false);
    assert_true(ok);
    EvalContext e = {.model = c->model, .batch = 1, .input = input, .target = &target, .seed = 1};
    e.param = NEW_ARRAY(c->perm, double, (size_t)c->model->param_total + 1);
    const Graph *g = c->model->graphs.at[0];
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t i = 0; i < g->bundles.at[b].candidates.count; i++)
            e.param[g->bundles.at[b].weight->offset + i] = *weights++;
    eval_choose(c->perm, &e, 0);
    const Func *f = c->ir->train;
    const Eval *r = eval_func(c->perm, f, &e);
    for (int k = 0; k < f->results.count; k++)
        for (int64_t i = 0;
             strncmp(f->result_names.at[k], "d ", 2) == 0 && i < shape_size(f->results.at[k]->shape); i++)
            *out++ = r->value[f->results.at[k]->id][i];
    fclose(c->options.out);
    compilation_free(c);
}

/* c(t + 1) = c(t) + w x(t) from 0 over five positions: d c(5) / d w is the sum of all x(t); when derivatives
 * stop every two positions, x(4) alone. */
static void test_truncate(void **state)
{
    static const char *const scans[] = {"scan(G)", "scan(G, truncate = 2)", "scan(G, truncate = 5)"};
    static const double want[] = {1 + 2 + 4 + 8 + 16, 16, 1 + 2 + 4 + 8 + 16};
    double x[5] = {1, 2, 4, 8, 16}, weight = 0.5, d;
    (void)state;
    for (int i = 0; i < 3; i++) {
        char text[600];
        snprintf(text, sizeof text,
                 "fn Count(z) {\n  state c = 0\n  next c = c + z\n  c\n}\ngraph G[n] {\n  time = steps(1)\n"
                 "  input x[n]\n  output y[1] : Count\n  edges x[_] -> y[_]\n}\n"
                 "model M(x[5, 1]) = x |> %s |> last\ntrain M { data = csv(\"none\", target = \"t\"); loss "
                 "= Out }\nfn Out(prediction, target) = prediction + 0 * target\n",
                 scans[i]);
        gradients(text, x, &weight, &d);
        assert_float_equal(d, want[i], 1e-12);
    }
}

/* y' = w y from 2: y(1.5) = 2 exp(1.5 w), so dy/dw = 3 exp(1.5 w). The adjoint's comes as near as the
 * tolerance or the steps. */
static double adjoint_off(const char *solver)
{
    double input = 2, weights[2] = {0.7, 1}, d[2];
    char text[600];
    snprintf(text, sizeof text,
             "fn Same(z) = z\ngraph G {\n  time = flow(0, 1.5, %s)\n  input x[1] : Same\n  output y[1]\n"
             "  edges { x[_] -> x[_]; x[_] -> y[_] }\n}\nmodel M(x[1]) = x |> G\n"
             "train M { data = csv(\"none\", target = \"t\"); loss = Out }\n"
             "fn Out(prediction, target) = prediction + 0 * target\n",
             solver);
    gradients(text, &input, weights, d);
    return fabs(d[0] - 3 * exp(1.5 * 0.7)) + fabs(d[1] - 2 * exp(1.5 * 0.7));
}

static void test_adjoint(void **state)
{
    static const char *const solvers[] = {"bosh3", "dopri5", "tsit5"};
    char text[120];
    (void)state;
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++)
        for (double rtol = 1e-3; rtol > 1e-9; rtol /= 10) {
            snprintf(text, sizeof text,
                     "%s(rtol = %.12f, atol = %.12f, max_steps = 20000, gradient = adjoint)", solvers[i],
                     rtol, rtol);
            double off = adjoint_off(text);
            if (!(off < 100 * rtol)) fail_msg("%s: off by %.2e", text, off);
        }
    double order =
        log2(adjoint_off("rk4(8, gradient = adjoint)") / adjoint_off("rk4(16, gradient = adjoint)"));
    if (fabs(order - 4) > 0.3) fail_msg("the adjoint by rk4 has order %.2f", order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),     cmocka_unit_test(test_semi_implicit),
        cmocka_unit_test(test_fused_step), cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_steps),      cmocka_unit_test(test_states),
        cmocka_unit_test(test_truncate),   cmocka_unit_test(test_adjoint)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
