/* test_budget.c: how many edges a budget keeps, and how many candidates a condition leaves, counted by hand.
 */
#include "driver/compile.h"
#include "model/model.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>

typedef struct Row {
    const char *edges; /* x has 4 nodes, h 2 by 3, y 2 */
    int candidates, kept;
} Row;

static const Row rows[] = {
    {"x -> h", 24, 24},
    {"x -> h keep all", 24, 24},
    {"x -> h keep 50%", 24, 12},
    {"x -> h keep 10%", 24, 2}, /* 2.4 */
    {"x -> h keep share(0.1)", 24, 2},
    {"x -> h keep share(small^2 * 400)", 24, 24}, /* arithmetic on percentages is on numbers */
    {"x -> h keep if small < 10% then 1 else all", 24, 1},
    {"x -> h keep 7", 24, 7},
    {"x -> h keep 2 * 3 + 1", 24, 7},
    {"x -> h keep fan_in(3)", 24, 18}, /* of 4 into each of 6 */
    {"x -> h keep fan_in(9)", 24, 24},
    {"x -> h keep fan_out(2)", 24, 8}, /* of 6 out of each of 4 */
    {"x -> h keep anneal(100%, 25%, epochs = 3)", 24, 6},
    {"x -> h keep macs(5)", 24, 5},
    {"x -> h keep params(10)", 24, 4}, /* h has a weight a node */
    {"x -> h sample 50%", 24, 12},
    {"{ x[i] -> h where i < 3; x -> y } keep uniform(30%)", 26, 5 + 2}, /* 5.4 of 18, 2.4 of 8 */
    {"{ x -> h; x -> y } sample uniform(share(0.1))", 32, 2 + 1},
    {"x -> h keep anneal(100%, 25%, epochs = 3, curve = \"cubic\")", 24, 6},
    {"x[i] -> h[a, b] where i == b", 6, 6},
    {"x[i] -> h[a, i]", 6, 6},                                          /* one name, one index */
    {"x[i] -> h[a, b] where i < a or b == 2 and i > 1 keep 50%", 7, 4}, /* i=0: a=1: 3; i=2, 3: b=2: 4; 3.5 */
    {"x[i] -> h[_, b] where (i - b) mod 3 == 0 keep 25%", 8, 2},
    {"{ x[i] -> h where i < 2; x -> y } keep fan_in(3)", 20, 6 * 2 + 2 * 3},
    {"x[i] -> h where false or i == 0", 6, 6},
    {"x[i] -> h where chance(1) and not chance(0)", 24, 24},
};

static json_t *list_of(const Row *row, bool all)
{
    Compilation *c = compilation_new();
    char text[1024];
    snprintf(text, sizeof text,
             "option small = 5%%\nfn Unit(z) { weight b = 0; z + b }\ngraph G {\n input x[4]\n nodes h[2, 3] "
             ": Unit\n output y[2]\n"
             " edges %s\n %s edges h -> y\n}\nmodel M(p[4]) = p |> G\n",
             row->edges, all ? "edges x -> h\n" : "");
    bool ok = compile_text(c, "budget.dnw", text, strlen(text));
    if (!ok) diags_print(c->diags, stderr, false);
    assert_true(ok);
    json_t *report = compile_report_json(c);
    compilation_free(c);
    return report;
}

static void test_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *report = list_of(&rows[i], false),
               *g = json_object_get(json_object_get(report, "graphs"), "G");
        int candidates = (int)json_integer_value(json_object_get(g, "candidates")) - 12;
        int kept = (int)json_integer_value(json_object_get(g, "kept")) - 12; /* h -> y */
        if (candidates != rows[i].candidates || kept != rows[i].kept)
            fail_msg("edges %s: %d of %d, expected %d of %d", rows[i].edges, kept, candidates, rows[i].kept,
                     rows[i].candidates);
        json_decref(report);
    }
}

/* ---- multiply-adds of one sample ---- */

typedef struct Macs {
    const char *model, *graph;
    int kept, macs;
} Macs;

static const Macs macs[] = {
    {"model M(x[6]) = x |> linear(4)", "linear", 24, 24},
    {"model M(x[2, 5, 4]) = x |> conv2d(3, 3)", "conv2d", 54, 54 * 20},
    {"model M(x[2, 5, 4]) = x |> conv2d(4, 3, stride = 2, groups = 2)", "conv2d", 36, 36 * 6},
    {"model M(x[2, 5, 4]) = x |> conv2d(3, 3, keep = macs(200))", "conv2d", 10, 200},
    {"model M(x[2, 5, 4]) = x |> depthwise(3, stride = 2)", "depthwise", 0, 2 * 9 * 6},
    {"fn F(z) { weight k[2, 2] ~ kaiming; conv(z, k) }\n"
     "graph G { time = steps(3); input x[2]; nodes h[4] : F; output y[1]; edges { x -> h; h -> y } keep 5 }\n"
     "model M(x[2, 5, 4]) = x |> G",
     "G", 5, 5 * (8 * 3 + 4) * 20 / 12 + 3 * 4 * 4 * 20}, /* 8 edges at each evaluation, 4 at the end */
};

static void test_macs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof macs / sizeof *macs; i++) {
        Compilation *c = compilation_new();
        bool ok = compile_text(c, "macs.dnw", macs[i].model, strlen(macs[i].model));
        if (!ok) diags_print(c->diags, stderr, false);
        assert_true(ok);
        json_t *report = compile_report_json(c),
               *g = json_object_get(json_object_get(report, "graphs"), macs[i].graph);
        assert_int_equal(json_integer_value(json_object_get(g, "kept")), macs[i].kept);
        assert_int_equal(json_integer_value(json_object_get(g, "macs")), macs[i].macs);
        json_decref(report);
        compilation_free(c);
    }
}

/* ---- densities by layers ---- */

typedef struct Layer {
    double candidates, numbers, sizes; /* numbers: weights of an edge */
} Layer;

typedef struct Densities {
    const char *program;
    double share;
    int count;
    Layer layers[4];
} Densities;

#define UNIT   "fn Unit(z) { weight b = 0; z + b }\n"
#define FILTER "fn Filter(z) { weight k[3, 3] ~ kaiming; weight s = 1; s * conv(z, k) }\n"
static const Densities densities[] = {
    {UNIT "graph G { input x[784]; nodes h[300] : Unit; nodes g[100] : Unit; output y[10]\n"
          " edges { x -> h; h -> g; g -> y } keep erk(5%)\n}\nmodel M(p[784]) = p |> G",
     0.05,
     3,
     {{235200, 1, 1084}, {30000, 1, 400}, {1000, 1, 110}}},
    {UNIT
     "graph G { input x[784]; nodes h[300] : Unit; nodes g[100] : Unit; output y[10]\n" /* the last is full */
     " edges x -> h keep erk(10%)\n edges h -> g keep erk(10%)\n edges g -> y keep erk(10%)\n}\n"
     "model M(p[784]) = p |> G",
     0.1,
     3,
     {{235200, 1, 1084}, {30000, 1, 400}, {1000, 1, 110}}},
    {"model M(p[50]) = p |> linear(40, keep = erk(30%)) |> tanh |> linear(20, keep = erk(30%)) |> linear(2, "
     "keep = "
     "erk(30%))",
     0.3,
     3,
     {{2000, 1, 90}, {800, 1, 60}, {40, 1, 22}}},
    {"model M(p[3, 8, 8]) = p |> conv2d(16, 3, keep = erk(20%)) |> conv2d(32, 3, keep = erk(20%)) |> flatten "
     "|> "
     "linear(10, keep = erk(20%))",
     0.2,
     3,
     {{432, 1, 3 + 16 + 6}, {4608, 1, 16 + 32 + 6}, {20480, 1, 2058}}},
    {FILTER "graph G { input x[3]; nodes h[8]; output y[4]\n"
            " edges { x -> h via Filter; h -> y via Filter } keep erk(50%) by s\n}\n"
            "model M(p[3, 6, 6]) = p |> G |> flatten |> linear(5, keep = erk(50%))",
     0.5,
     3,
     {{24, 10, 3 + 8 + 6}, {32, 10, 8 + 4 + 6}, {720, 1, 149}}},
    {"graph G { input x[6]; output y[5]; edges x[i] -> y[j] where i > 3 keep erk(40%) }\n" /* of 2 sources */
     "model M(p[6]) = p |> G |> linear(30, keep = erk(40%))",
     0.4,
     2,
     {{10, 1, 2 + 5}, {150, 1, 35}}},
    {"model M(p[6]) = p |> linear(4, keep = erk(100%)) |> linear(3, keep = erk(100%))",
     1,
     2,
     {{24, 1, 10}, {12, 1, 7}}},
};

/* The share of each layer with factor e: in bisection, e is where the weights in use are the stated share. */
static double in_use(const Densities *d, int i, double e)
{
    return fmin(d->layers[i].candidates, e * d->layers[i].sizes / d->layers[i].numbers);
}

static double factor(const Densities *d)
{
    double low = 0, high = 1e9;
    for (int step = 0; step < 200; step++) {
        double e = (low + high) / 2, used = 0, all = 0;
        for (int i = 0; i < d->count; i++) {
            used += in_use(d, i, e) * d->layers[i].numbers;
            all += d->layers[i].candidates * d->layers[i].numbers;
        }
        *(used < d->share * all ? &low : &high) = e;
    }
    return high;
}

static void test_densities(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof densities / sizeof *densities; i++) {
        const Densities *d = &densities[i];
        Compilation *c = compilation_new();
        bool ok = compile_text(c, "erk.dnw", d->program, strlen(d->program));
        if (!ok) diags_print(c->diags, stderr, false);
        assert_true(ok);
        int count = 0;
        for (int g = 0; g < c->model->graphs.count; g++)
            for (int l = 0; l < c->model->graphs.at[g]->lists.count; l++, count++) {
                const EdgeList *list = &c->model->graphs.at[g]->lists.at[l];
                assert_true(count < d->count);
                double want = in_use(d, count, factor(d));
                assert_int_equal(list->candidates, (int64_t)d->layers[count].candidates);
                if (fabs((double)list->kept - want) > 0.5001)
                    fail_msg("program %d, layer %d: %lld in use, the formula gives %.2f", (int)i, count,
                             (long long)list->kept, want);
                assert_int_equal(list->budget.form, list->kept < list->candidates ? KEEP_COUNT : KEEP_ALL);
            }
        assert_int_equal(count, d->count);
        compilation_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_macs),
                                       cmocka_unit_test(test_densities)};
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
