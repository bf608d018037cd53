/* test_apart.c: solvers that choose their steps do so for each sample. One that moves fast among others at
 * rest has an error within its tolerance; and what a sample gives does not depend, to the bit, on the other
 * samples of its tile, on its place there, or on the number of threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "built.h"

enum { BATCH = 64, OUT = 2, PASSES = 2 };
static const char *const passes[PASSES] = {"infer output", "output"};

typedef struct Speeds {
    const Built *built;
    Net *net;
    Data *data;
} Speeds;

static void build(Built *b, const char *solver)
{
    Define d = {"solver", solver};
    if (!built_open_defined(b, "./time_apart.dnw", 1, 1, &d)) fail_msg("%s was not built", solver);
}

static void open_speeds(Arena *a, Speeds *s, const Built *b, bool f64, int threads)
{
    s->built = b;
    s->net = built_net(b, f64, BATCH, threads, 1);
    for (int64_t i = 0; i < s->net->param_total; i++) s->net->weights[i] = 0.5f + 0.25f * (float)(i % 3);
    net_f64_params(s->net);
    net_choose(s->net, 1e9);
    s->data = built_data(a, b->compilation->model, BATCH, 3);
}

/* The outputs of sample `place` among `count`, in use and in training; the others move at `speed` each, up to
 * its double. */
static void outputs_among(Speeds *s, int64_t place, int64_t count, float speed, double out[PASSES][OUT])
{
    Arena *a = arena_new();
    int64_t order[BATCH];
    float *x = s->data->train.floats;
    for (int64_t i = 0; i < BATCH; i++) {
        order[i] = i;
        x[2 * i] = speed * (1 + (float)i / BATCH), x[2 * i + 1] = -0.5f * x[2 * i];
    }
    x[2 * place] = 4, x[2 * place + 1] = -1;
    const Results *r = built_run(a, s->net, s->data, order, count);
    for (int p = 0; p < PASSES; p++)
        for (int i = 0; i < r->all.count; i++)
            if (strcmp(r->all.at[i].name, passes[p]) == 0)
                memcpy(out[p], r->all.at[i].values + place * OUT, OUT * sizeof(double));
    arena_free(a);
}

static void outputs_of(const char *solver, double out[PASSES][OUT])
{
    Arena *a = arena_new();
    Built b;
    Speeds s;
    build(&b, solver);
    open_speeds(a, &s, &b, true, 1);
    outputs_among(&s, 5, BATCH, 0, out);
    net_free(s.net);
    built_close(&b);
    arena_free(a);
}

static void test_tolerance(void **state)
{
    static const char *const solvers[] = {"bosh3", "tsit5"};
    const double rtol = 0.001;
    double y[PASSES][OUT], want[PASSES][OUT];
    (void)state;
    outputs_of("dopri5(rtol = 1e-10, atol = 1e-10, max_steps = 20000)", want);
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++) {
        char solver[60];
        snprintf(solver, sizeof solver, "%s(rtol = %g, atol = %g)", solvers[i], rtol, rtol);
        outputs_of(solver, y);
        for (int k = 0; k < PASSES * OUT; k++) {
            double exactly = want[k / OUT][k % OUT], off = fabs(y[k / OUT][k % OUT] - exactly);
            double allowed = rtol + rtol * fabs(exactly);
            if (!(off <= allowed)) fail_msg("%s: off by %.2e, more than %.2e", solver, off, allowed);
        }
    }
}

static void expect_alone(const Built *b, bool f64, int threads)
{
    static const struct {
        int64_t place, count;
        float speed;
    } other[] = {{0, 64, 0}, {5, 64, 0}, {63, 64, 0}, {17, 64, 3}, {17, 33, 40}, {2, 3, 0.01f}};
    Arena *a = arena_new();
    Speeds s;
    double alone[PASSES][OUT], y[PASSES][OUT];
    open_speeds(a, &s, b, f64, threads);
    outputs_among(&s, 0, 1, 0, alone);
    assert_true(fabs(alone[0][0]) > 1e-3 && alone[0][0] != 1);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        outputs_among(&s, other[i].place, other[i].count, other[i].speed, y);
        assert_memory_equal(y, alone, sizeof y);
    }
    net_free(s.net);
    arena_free(a);
}

static void test_alone(void **state)
{
    Built b;
    (void)state;
    build(&b, "dopri5(rtol = 0.0001)");
    for (int threads = 1; threads < 3; threads++)
        for (int f64 = 0; f64 < 2; f64++) expect_alone(&b, f64, threads);
    built_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tolerance), cmocka_unit_test(test_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
