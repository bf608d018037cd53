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
typedef struct Form {
    const char *path; /* in the table: how it ends */
    int count;
    Define define[3];
    bool f64; /* alone: where a batch_norm has few numbers, float moves some over the kink of a relu */
} Form;
static const Form smaller[] = {{"/agnostic.dnw", 2, {{"hidden", "12"}, {"chosen", "dnw"}}, false},
                               {"/huge.dnw", 2, {{"wide", "100"}, {"in_use", "5000"}}, false},
                               {"/logic.dnw", 1, {{"gates", "20"}}, false},
                               {"/mobilenet.dnw", 2, {{"size", "3"}, {"d", "1"}}, false},
                               {"/randwire.dnw", 2, {{"size", "2"}, {"length", "6"}}, true},
                               {"/resnet.dnw", 2, {{"width", "2"}, {"side", "8"}}, false},
                               {"/resnet.dnw", 3, {{"depth", "50"}, {"width", "3"}, {"side", "64"}}, true},
                               {"/vinnas.dnw", 0, {{0}}, true}};
enum { SMALLER = sizeof smaller / sizeof *smaller };

/* Each form of an example is a test. */
static int add_forms(const char *path, Form *forms)
{
    int count = 0;
    for (int i = 0; i < SMALLER; i++) {
        if (!strstr(path, smaller[i].path)) continue;
        forms[count] = smaller[i];
        forms[count++].path = path;
    }
    if (count == 0) forms[count++] = (Form){.path = path};
    return count;
}

static void test_example(void **state)
{
    const Form small = *(const Form *)*state;
    const char *path = small.path;
    static const int64_t order[SAMPLES] = {2, 0, 1};
    Built b;
    Arena *a = arena_new();
    assert_true(built_open_defined(&b, path, 3, small.count, small.define));
    const Data *d = built_data(a, b.compilation->model, SAMPLES, 5);
    const Results *want = NULL; /* of both: they start with the same weights */
    for (int f64 = small.f64; f64 < 2; f64++) {
        Net *n = built_net(&b, f64, SAMPLES, 2, 1);
        if (!want) want = built_reference(a, n, &b, d, order, SAMPLES, 1e9);
        Results *have = built_run(a, n, d, order, SAMPLES);
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
    Form *forms = NEW_ARRAY(a, Form, (size_t)count + SMALLER);
    int tests = 0;
    for (int i = 0; i < count; i++) tests += add_forms(paths[i], &forms[tests]);
    struct CMUnitTest *all = NEW_ARRAY(a, struct CMUnitTest, (size_t)tests);
    for (int i = 0; i < tests; i++)
        all[i] = (struct CMUnitTest){forms[i].path, test_example, NULL, NULL, &forms[i]};
    int failed = count < 8 ? 1 : _cmocka_run_group_tests("examples", all, (size_t)tests, NULL, NULL);
    arena_free(a);
    return failed != 0;
}
