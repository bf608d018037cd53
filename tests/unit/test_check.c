/* test_check.c: as many messages as mistakes, whatever is typed. */
#include "check/check.h"
#include "driver/compile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Messages as the user counts them: one that is found twice at one place is one. */
static int printed_errors(Compilation *c)
{
    json_t *all = diags_json(c->diags);
    int errors = 0;
    size_t i;
    json_t *d;
    json_array_foreach(all, i, d) errors +=
        strcmp(json_string_value(json_object_get(d, "level")), "error") == 0;
    json_decref(all);
    return errors;
}

static int errors_of(const char *text)
{
    Compilation *c = compilation_new();
    bool ok = compile_text(c, "case.dnw", text, strlen(text));
    int errors = printed_errors(c);
    if (ok != (errors == 0)) fail_msg("the outcome of %s does not agree with its %d messages", text, errors);
    compilation_free(c);
    return errors;
}

#define GRAPH(sets, edges)                                                                                   \
    "graph G {\n input x[2]\n " sets "\n output y[2]\n " edges "\n}\nmodel M(p[2]) = p |> G\n"

static void test_as_many_as_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int errors;
    } cases[] = {
        {"", 0},
        {GRAPH("nodes h[3]", "edges { x -> h; h -> y }"), 0},
        {"option a = nowhere\noption b = a + 1\nmodel M(x[2]) = x |> linear(b)\n", 1},
        {"fn f(z) = z + q\n" GRAPH("nodes h[3] : f", "edges { x -> h; h -> y }"), 1},
        {GRAPH("nodes h[q]", "edges { x -> h; h -> y } keep 0"), 1}, /* how many candidates is not known */
        {GRAPH("nodes h[3] : q", "edges x -> h keep 0\n edges h -> y keep 99"), 3},
        {GRAPH("nodes h[3]", "edges x[i] -> h[j] where i < q\n edges h -> y"), 1},
        {GRAPH("nodes h[3]", "edges x -> hh\n edges h -> yy"), 2},
        {"model M(x[2]) = x |> linear(2) |> nowhere |> linear(0)\n", 1},
        {"model M(x) = x |> linear(2)\ntrain M { data = nowhere }\n", 1},
        {"model M(x) = x |> linear(2)\ntrain M { epochs = 2 }\n", 1},
        {"model M(x) = x |> linear(2)\ntrain M { data = 3; epochs = 0; epoch = 1; optim = adam(lr = 0) }\n",
         4},
        {"fn f(x) = f(x)\nmodel M(x[2]) = x |> f |> f\n", 1},
        {"fn f(x) = x + q\nmodel M(x[2]) = x |> f |> f\nmodel N(x[2]) = x |> f\n", 1},
        {"model M(x[2]) = x |> linear(2) |> dropout(2) |> dropout(3)\n", 1},
        {"test \"t\" { nowhere; 3; 1 == 1; gradcheck(4) < 1 }\n", 3},
        {"model M(x[2]) = x\nmodel N(x[2]) = x |> 3\nmodel O(x[2.5]) = x\n", 2},
        {"import \"nowhere.dnw\"\nmodel M(x[2]) = x |> nothing\n", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int errors = errors_of(cases[i].text);
        if (errors != cases[i].errors)
            fail_msg("%d messages, expected %d:\n%s", errors, cases[i].errors, cases[i].text);
    }
}

static const char *const odd[] = {"0",
                                  "-1",
                                  "1e300",
                                  "0 / 0",
                                  "1 / 0",
                                  "-1 / 0",
                                  "2.5",
                                  "5%",
                                  "\"text\"",
                                  "[]",
                                  "[1, [2, 3]]",
                                  "(1, 2)",
                                  "true",
                                  "all",
                                  "static",
                                  "relu",
                                  "G",
                                  "M",
                                  "U",
                                  "sgd(0.1)",
                                  "xor(4)",
                                  "_",
                                  "nowhere",
                                  "-relu",
                                  "not 3",
                                  "3 |> relu",
                                  "[1][5]",
                                  "1 mod 0",
                                  "(0 - 1)^0.5",
                                  "if 3 then 1 else 2",
                                  "gradcheck(U)",
                                  "kaiming",
                                  "1e18"};

/* Where a value may stand: each %s. */
static const char *const places[] = {
    "option o = %s in %s .. %s\n",
    "model M(x[%s]) = x |> linear(%s, keep = %s)\n",
    "fn U(z) { weight w[%s] in %s .. 1 = %s; z }\n",
    "fn U(z) { weight w ~ normal(%s, %s); z * %s }\ngraph G { input x[1]; output y[1] : U; edges x -> y "
    "}\nmodel M(x[1]) = x |> G\n",
    "graph G { time = %s; input x[%s]; nodes h[2, %s]; output y[1]; edges { x -> h; h -> y } }\nmodel "
    "M(x[2]) = x |> G\n",
    "graph G { input x[3]; nodes h[3] : %s; output y[1]; edges x[i] -> h[j] where i < %s keep %s\n edges "
    "h -> y }\nmodel M(x[3]) = x |> G\n",
    "graph G { input x[3]; output y[3]; edges x -> y keep anneal(%s, %s, epochs = %s) }\nmodel M(x[3]) = "
    "x |> G\n",
    "graph G { input x[3]; output y[3]; edges x -> y keep fan_out(%s)\n edges x -> y keep params(%s)\n "
    "edges x -> y sample share(%s) }\n",
    "graph G { input x[3] at (%s, %s); output y[a: 3] at a; edges x[i] -> y[j] where dist(x[i], y[j]) < "
    "%s }\nmodel M(x[3]) = x |> G\n",
    "model M(x[2]) = x |> dropout(%s) |> batch_norm(%s, eps = %s)\n",
    "model M(x[2]) = x |> %s |> %s |> %s\n",
    "model M(x) = x |> linear(2)\ntrain M { data = xor(%s, noise = %s); batch = %s }\n",
    "model M(x) = x |> linear(2)\ntrain M { data = xor(9); loss = %s; optim = %s; epochs = %s }\n",
    "model M(x) = x |> linear(2)\ntrain M { data = %s; report = [%s]; seed = %s }\n",
    "model M(x) = x |> linear(2)\ntrain M { data = xor(9); optim = sgd(%s, momentum = %s); loss = "
    "cross_entropy(smoothing = %s) }\n",
    "fn U(z) = z\ngraph G { input x[1]; output y[1]; edges x -> y }\ntest \"t\" { gradcheck(%s) < %s; "
    "edge_count(G, %s, \"y\") == 1; shape(%s) == %s; %s }\n",
};

/* Odd values in every place where a value may stand. */
static void test_odd_values(void **state)
{
    (void)state;
    limits = (Limits){.nodes = 20000, .pairs = 200000};
    for (size_t p = 0; p < sizeof places / sizeof *places; p++)
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
            for (int which = 0; which < 4; which++) { /* in one place, or in all */
                const char *v = odd[i], *one = "1";
                char text[1024];
#define AT(n) (which == 3 || which == (n) ? v : one)
                snprintf(text, sizeof text, places[p], AT(0), AT(1), AT(2), AT(0), AT(1), AT(2));
                errors_of(text);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_many_as_mistakes),
                                       cmocka_unit_test(test_odd_values)};
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
