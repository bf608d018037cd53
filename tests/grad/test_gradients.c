/* test_gradients.c: derivatives against central differences in double, for each program of tests/run.
 *
 * First those of the reference interpreter (compile_gradcheck), then those of the machine code (net_gradcheck
 * on the double twin, unoptimised here). Both must also see what is wrong: every operator of a derivative is
 * made wrong in turn, and the check has to notice each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "built.h"
#include "lower/grad.h"
#include "lower/lower.h"

#define BOUND 1e-6

/* ---- programs ---- */

static void test_program(void **state)
{
    enum { SAMPLES = 67, ENTRIES = 8 }; /* a tile and three lanes of another */
    const char *path = *state;
    char worst[240] = "";
    NetStep failed = {0};
    Built b;
    if (!built_open(&b, path, 0)) fail_msg("%s was not built", path);
    Arena *a = arena_new();
    const Data *d = built_data(a, b.compilation->model, SAMPLES, 31);
    Net *n = built_net(&b, true, SAMPLES, 1, 1);
    double interpreter = compile_gradcheck(b.compilation, NULL);
    double machine =
        net_gradcheck(n, (NetSamples){d, &d->train, NULL, SAMPLES}, ENTRIES, worst, sizeof worst, &failed);
    if (built_says(path, "gradcheck: no")) {
        assert_true(interpreter > 1e-3 && machine > 1e-3);
    } else {
        if (!(interpreter < BOUND))
            fail_msg("%s: the interpreter's gradient is off by %.2e", path, interpreter);
        if (!(machine < BOUND)) fail_msg("%s: the gradient of '%s' is off by %.2e", path, worst, machine);
    }
    net_free(n);
    arena_free(a);
    built_close(&b);
}

/* ---- wrong operators ---- */

static Compilation *checked(const char *text)
{
    Compilation *c = compilation_new();
    if (!compile_text(c, "test.dnw", text, strlen(text))) {
        diags_print(c->diags, stderr, false);
        fail_msg("not a program:\n%s", text);
    }
    c->ir = lower(c->model);
    grad(c->ir);
    return c;
}

/* Makes a value of a derivative wrong; false where there is no way that shows for certain (conditions). */
static bool spoil(Value *v)
{
    static const OpCode other[IR_OP_COUNT] = {
        [IR_ADD] = IR_SUB,   [IR_SUB] = IR_ADD,   [IR_MUL] = IR_ADD,     [IR_DIV] = IR_MUL,
        [IR_POW] = IR_ADD,   [IR_NEG] = IR_STOP,  [IR_ABS] = IR_STOP,    [IR_EXP] = IR_SIN,
        [IR_SQRT] = IR_EXP,  [IR_SIN] = IR_COS,   [IR_COS] = IR_SIN,     [IR_TANH] = IR_SIN,
        [IR_SIGN] = IR_STOP, [IR_LOG] = IR_EXP,   [IR_SIGMOID] = IR_SIN, [IR_SOFTPLUS] = IR_EXP,
        [IR_ERF] = IR_TANH,  [IR_RELU] = IR_STOP, [IR_FLOOR] = IR_STOP,
    };
    if (v->op == IR_SELECT) {
        Value *yes = v->args[1];
        v->args[1] = v->args[2], v->args[2] = yes;
        return true;
    }
    if (v->op == IR_CONST && !v->is_bool) return v->number = 2 * v->number + 1, true;
    if (!other[v->op]) return false;
    v->op = other[v->op];
    return true;
}

/* Is the value of use for a result? func_prune keeps arguments that nothing reads. */
static bool numeric(const Value *v)
{
    return !v->is_bool && v->op != IR_ARG && v->op != IR_WEIGHT;
}

/* A comparison of a constant or of the argument only chooses a side; the spoiled side shows, the comparison
 * need not. */
static bool only_compared(const Func *f, const Value *v)
{
    int uses = 0;
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count; k++)
            if (f->values.at[i]->args[k] == v && !f->values.at[i]->is_bool) uses++;
    for (int i = 0; i < f->results.count; i++) uses += f->results.at[i] == v;
    return uses == 0;
}

/* Every value of the derivative, made wrong one at a time. */
static int spoil_each(Compilation *c, Func *f, int first, const char *what)
{
    int spoiled = 0;
    for (int i = first; i < f->values.count; i++) {
        Value *v = f->values.at[i], saved = *v, *args[3] = {NULL};
        if (!numeric(v) || v->arg_count > 3 || only_compared(f, v)) continue;
        memcpy(args, v->args, (size_t)v->arg_count * sizeof *args);
        if (spoil(v)) {
            double error = compile_gradcheck(c, NULL);
            if (!(error > BOUND))
                fail_msg("%s: %%%d %s made wrong goes unnoticed (%.2e)", what, i, op_info[saved.op].text,
                         error);
            spoiled++;
        }
        memcpy(saved.args, args, (size_t)v->arg_count * sizeof *args);
        *v = saved;
    }
    return spoiled;
}

static const char *const functions[] = {
    "z + b",
    "b - z",
    "z * b",
    "z / (2 + b)",
    "b / (3 + z * z)",
    "abs(z + b)",
    "exp(0.5 * z)",
    "log(2 + z * z)",
    "sqrt(0.5 + z * z)",
    "sin(2 * z + b)",
    "cos(2 * z + b)",
    "tanh(z + b)",
    "sigmoid(z * b)",
    "relu(3 * z + b - 0.6)",
    "leaky_relu(z, 0.2)",
    "gelu(z + b)",
    "silu(z)",
    "softplus(z * b)",
    "min(z, b * 0.1)",
    "max(z * z, 0.02 * b)",
    "clamp(z, -0.1, 0.2)",
    "(2 + z * z) ^ b",
    "z ^ 3",
    "(3 * z) mod (0.2 + b)",
    "if z > b * b * b then z * b else z^2",
    "sign(z) * b * z",
    "floor(3 * z) * b * z",
};

static void test_wrong_node_functions(void **state)
{
    (void)state;
    int spoiled = 0;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "fn F(z) { weight b ~ uniform(0.3, 0.9); %s }\n"
                 "graph G { input x[2]; nodes h[4] : F; output y[2]\n edges { x[_] -> h[_]; h[_] -> y[_] } "
                 "keep 75%% }\n"
                 "model M(x[2]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n",
                 functions[i]);
        Compilation *c = checked(text);
        double error = compile_gradcheck(c, NULL);
        if (!(error < BOUND)) fail_msg("%s: off by %.2e", functions[i], error);
        spoiled += spoil_each(c, c->model->graphs.at[0]->sets.at[1].cell.back, 0, functions[i]);
        compilation_free(c);
    }
    print_message("%d wrong derivatives of node functions noticed\n", spoiled);
    assert_true(spoiled > 60);
}

/* batch_norm in node functions: its own derivatives, and those by way of the statistics. */
static void test_wrong_norms(void **state)
{
    (void)state;
    static const char *const norms[] = {"tanh(batch_norm(z * b))",
                                        "b * batch_norm(sin(batch_norm(z + b * z * z)) + z * b)"};
    int spoiled = 0;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        char text[1024];
        snprintf(
            text, sizeof text,
            "fn F(z) { weight b ~ uniform(0.3, 0.9); %s }\n"
            "graph G { input x[3]; nodes h[4] : F; output y[2]\n edges { x[_] -> h[_]; h[i] -> h[j] where "
            "i < j; h[_] -> y[_] } keep 75%% }\n"
            "model M(x[3]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n",
            norms[i]);
        Compilation *c = checked(text);
        double error = compile_gradcheck(c, NULL);
        if (!(error < BOUND)) fail_msg("%s: off by %.2e", norms[i], error);
        const NodeSet *s = &c->model->graphs.at[0]->sets.at[1];
        spoiled += spoil_each(c, s->cell.back, 0, norms[i]);
        for (int n = 0; n < s->cell.norms.count; n++)
            spoiled += spoil_each(c, s->cell.norms.at[n].back, 0, norms[i]);
        compilation_free(c);
    }
    print_message("%d wrong derivatives of statistics noticed\n", spoiled);
    assert_true(spoiled > 60);
}

/* The same in functions of edges. */
static void test_wrong_edge_norms(void **state)
{
    (void)state;
    static const char *const norms[] = {"w * tanh(batch_norm(x * b))",
                                        "w * b * batch_norm(sin(batch_norm(x + b * x * x)) + x * b)"};
    int spoiled = 0;
    for (size_t i = 0; i < sizeof norms / sizeof *norms; i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "fn F(x) { weight b ~ uniform(0.3, 0.9); weight w ~ kaiming; %s }\n"
                 "graph G { input x[2]; nodes h[3]; output y[2]\n edges { x[_] -> h[_]; h[_] -> y[_] } via F "
                 "keep 75%% by w }\n"
                 "model M(x[2]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = mse }\n",
                 norms[i]);
        Compilation *c = checked(text);
        double error = compile_gradcheck(c, NULL);
        if (!(error < BOUND)) fail_msg("%s: off by %.2e", norms[i], error);
        const EdgeFn *e = c->model->graphs.at[0]->bundles.at[1].edge;
        spoiled += spoil_each(c, e->to_source, 0, norms[i]) + spoil_each(c, e->to_weights, 0, norms[i]);
        for (int n = 0; n < e->fn.norms.count; n++)
            spoiled += spoil_each(c, e->fn.norms.at[n].back, 0, norms[i]);
        compilation_free(c);
    }
    print_message("%d wrong derivatives of statistics of edges noticed\n", spoiled);
    assert_true(spoiled > 60);
}

static const char *const bodies[] = {
    "x |> linear(4) |> layer_norm |> tanh |> linear(2)",
    "x |> linear(4) |> batch_norm |> silu |> linear(2)",
    "x |> linear(3) |> softmax",
    "concat(x |> linear(2), x * x) |> linear(3)",
    "x + (x |> linear(3) |> gelu)",
    "max(x |> linear(2), x |> linear(2)) / 3",
};
static const char *const losses[] = {"mse", "mae", "cross_entropy(smoothing = 0.1)", "binary_cross_entropy"};

static void test_wrong_layers_and_losses(void **state)
{
    (void)state;
    enum { BODIES = sizeof bodies / sizeof *bodies, LOSSES = sizeof losses / sizeof *losses };
    int spoiled = 0;
    for (int i = 0; i < BODIES + LOSSES - 1; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "model M(x[3]) = %s\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = %s }\n",
                 bodies[i < BODIES ? i : 0], losses[i < BODIES ? 0 : i - BODIES + 1]);
        Compilation *c = checked(text);
        double error = compile_gradcheck(c, NULL);
        if (!(error < BOUND)) fail_msg("off by %.2e:\n%s", error, text);
        spoiled += spoil_each(c, c->ir->train, c->ir->train->results.at[0]->id + 1, text);
        compilation_free(c);
    }
    print_message("%d wrong derivatives of layers and losses noticed\n", spoiled);
    assert_true(spoiled > 100);
}

/* The derivatives of a graph are no composition of other operators: each is replaced by other numbers of the
 * same shape. */
static void test_wrong_graph(void **state)
{
    (void)state;
    static const char text[] = "fn F(z) { weight b ~ uniform(-1, 1); tanh(z + b) }\n"
                               "graph G { input x[3]; nodes h[5] : F; output y[2]\n"
                               " edges { x[_] -> h[_]; h[i] -> h[j] where i < j; h[_] -> y[_] } keep 60% }\n"
                               "model M(x[3]) = x |> linear(3) |> G\ntrain M { data = npy(\"none.npy\", "
                               "\"none.npy\"); loss = mse }\n";
    for (int op = IR_WIRED_BACK; op <= IR_WIRED_EDGES; op++) {
        Compilation *c = checked(text);
        Value *v = NULL;
        assert_true(compile_gradcheck(c, NULL) < BOUND);
        for (int i = 0; i < c->ir->train->values.count && !v; i++)
            if ((int)c->ir->train->values.at[i]->op == op &&
                c->ir->train->values.at[i]->graph->sets.count == 3)
                v = c->ir->train->values.at[i];
        assert_non_null(v);
        if (op == IR_WIRED_BACK) v->args[1] = v->args[1]->args[0]; /* the gradient of something else */
        else if (op == IR_WIRED_EDGES)
            v->param = v->graph->bundles.at[2 - v->index].weight; /* of another line */
        else v->op = IR_SLICE, v->index = 0;                      /* gradients of the output */
        assert_true(compile_gradcheck(c, NULL) > BOUND);
        compilation_free(c);
    }
}

/* ---- stop_gradient ---- */

/* Gradient of the edges into h for a node function, with a loss that is linear in the output. */
static double *edge_gradients(Arena *a, const char *function, int64_t *size)
{
    const char *text = arena_printf(
        a,
        "fn F(z) = %s\nfn pull(p, t) = p * t\n"
        "graph G { input x[3]; nodes h[4] : F; output y[2]\n edges x[_] -> h[_]\n edges h[_] -> y[_] }\n"
        "model M(x[3]) = x |> G\ntrain M { data = npy(\"none.npy\", \"none.npy\"); loss = pull }\n",
        function);
    Compilation *c = checked(text);
    double x[6] = {0.3, -0.7, 1.1, 0.2, 0.9, -1.3}, t[4] = {1, -0.5, 0.25, 2};
    EvalContext e = {.model = c->model, .seed = 1, .batch = 2, .input = x, .target = t};
    e.param = NEW_ARRAY(a, double, (size_t)c->model->param_total + 1);
    eval_init(c->model, 1, e.param);
    eval_choose(a, &e, 0);
    const Func *f = c->ir->train;
    const Eval *r = eval_func(a, f, &e);
    double *out = NULL;
    for (int i = 0; i < f->results.count; i++)
        if (strcmp(f->result_names.at[i], "d G.edges.0.w") == 0) {
            *size = shape_size(f->results.at[i]->shape);
            out = NEW_ARRAY(a, double, (size_t)*size);
            memcpy(out, r->value[f->results.at[i]->id], (size_t)*size * sizeof *out);
        }
    compilation_free(c);
    return out;
}

/* Pairs of functions: the first with stop_gradient, the second with the derivative that the first must show.
 */
static void test_stop_gradient(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"z * stop_gradient(z)", "0.5 * z * z"},
        {"stop_gradient(exp(z)) + 3 * z", "3 * z"},
        {"z + stop_gradient(sign(z) - z)", "z"},
        {"stop_gradient(z) * tanh(z) + stop_gradient(z * z)", "z * tanh(z) - log(exp(z) + exp(-z))"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        Arena *a = arena_new();
        int64_t n, m;
        const double *x = edge_gradients(a, pairs[i][0], &n), *y = edge_gradients(a, pairs[i][1], &m);
        assert_int_equal(n, m);
        double most = 0;
        for (int64_t k = 0; k < n; k++) {
            most = fmax(most, fabs(y[k]));
            if (!(fabs(x[k] - y[k]) < 1e-12)) fail_msg("%s: %g, not %g", pairs[i][0], x[k], y[k]);
        }
        assert_true(most > 1e-3);
        arena_free(a);
    }
}

int main(int argc, char **argv)
{
    Arena *a = arena_new();
    int count, tests = 0;
    const char **paths = built_programs(a, ".", &count);
    struct CMUnitTest *all = NEW_ARRAY(a, struct CMUnitTest, (size_t)count + 6);
    static const struct CMUnitTest own[] = {
        cmocka_unit_test(test_wrong_node_functions), cmocka_unit_test(test_wrong_norms),
        cmocka_unit_test(test_wrong_edge_norms),     cmocka_unit_test(test_wrong_layers_and_losses),
        cmocka_unit_test(test_wrong_graph),          cmocka_unit_test(test_stop_gradient)};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) all[tests++] = own[i];
    for (int i = 0; i < count; i++)
        all[tests++] = (struct CMUnitTest){paths[i] + 2, test_program, NULL, NULL, (void *)paths[i]};
    int failed = count < 20 ? 1 : built_main("gradients", all, tests, argc, argv);
    arena_free(a);
    return failed;
}
