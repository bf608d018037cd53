/* test_budget.c: how many edges a budget keeps, and how many candidates a condition leaves, counted by hand.
 */
#include "driver/compile.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_macs)};
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
