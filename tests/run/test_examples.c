/* test_examples.c: every example, compiled and loaded, against the reference interpreter, at three samples:
 * each value of the outputs and of all gradients within 1e-4 in float and 1e-10 in double. The programs of
 * this folder are compared in more ways by test_programs.c; these are the ones that users start from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "built.h"

enum { SAMPLES = 3 };

static void expect_near(const char *path, const Results *x, const Results *reference, double most)
{
    const char *worst = "";
    double distance = built_distance(x, reference, &worst);
    if (!(distance <= most)) fail_msg("%s: '%s' is off by %.2e", path, worst, distance);
}

/* The interpreter has numbers for all candidates: of these examples, smaller ones. */
typedef struct Small {
    const char *end; /* of the path */
    int count;
    Define define[2];
} Small;
static const Small smaller[] = {{"/huge.dnw", 2, {{"wide", "100"}, {"in_use", "5000"}}},
                                {"/mobilenet.dnw", 2, {{"size", "3"}, {"d", "1"}}}};

static Small small_of(const char *path)
{
    for (size_t i = 0; i < sizeof smaller / sizeof *smaller; i++)
        if (strstr(path, smaller[i].end)) return smaller[i];
    return (Small){0};
}

static void test_example(void **state)
{
    const char *path = *state;
    static const int64_t order[SAMPLES] = {2, 0, 1};
    Built b;
    Arena *a = arena_new();
    const Small small = small_of(path);
    assert_true(built_open_defined(&b, path, 3, small.count, small.define));
    const Data *d = built_data(a, b.compilation->model, SAMPLES, 5);
    const Results *want = NULL; /* of both: they start with the same weights */
    for (int f64 = 0; f64 < 2; f64++) {
        Net *n = built_net(&b, f64, SAMPLES, 2, 1);
        if (!want) want = built_reference(a, n, &b, d, order, SAMPLES, 1e9);
        Results *have = built_run(a, n, &b, d, order, SAMPLES);
        expect_near(path, built_fill_unused(a, n, have, want), want, f64 ? 1e-10 : 1e-4);
        net_free(n);
    }
    built_close(&b);
    arena_free(a);
}

int main(void)
{
    Arena *a = arena_new();
    int count;
    const char **paths = built_programs(a, "../../examples", &count);
    struct CMUnitTest *all = NEW_ARRAY(a, struct CMUnitTest, (size_t)count + 1);
    for (int i = 0; i < count; i++)
        all[i] = (struct CMUnitTest){paths[i], test_example, NULL, NULL, (void *)paths[i]};
    int failed = count < 8 ? 1 : _cmocka_run_group_tests("examples", all, (size_t)count, NULL, NULL);
    arena_free(a);
    return failed != 0;
}
