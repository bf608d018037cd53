/* test_groups.c: groups of candidates by keys against brute force; their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "common/groups.h"
#include "common/interval.h"
#include "common/rng.h"

enum { ROWS = 70, COLUMNS = 90 };

static const WiringSet from = {.size = COLUMNS, .rank = 1, .dim = {COLUMNS}},
                       to = {.size = ROWS, .rank = 1, .dim = {ROWS}};

/* j, i: the indices of target and source; then values of both. */
static IntervalStep step(const char *name, double number, int count, int a, int b)
{
    return (IntervalStep){
        .name = name, .op = interval_op(name), .number = number, .arg_count = count, .args = {a, b}};
}

static bool one_of_three(void *context, const int64_t *t, const int64_t *f, int64_t target, int64_t source)
{
    (void)t, (void)f;
    return rng_uniform(*(const uint64_t *)context, 1, (uint64_t)(target * COLUMNS + source)) < 0.33;
}

static Candidates drawn(uint64_t seed)
{
    Candidates c;
    const WiringLine line = {.predicate = one_of_three, .context = &seed, .pairwise = true};
    assert_true(candidates_build(&from, &to, &line, &c));
    return c;
}

/* Target and source of each candidate of both lines, one after the other. */
static int64_t ends(const Candidates *lines, int count, int64_t *target, int64_t *source)
{
    int64_t n = 0;
    CandidateRun run;
    for (int l = 0; l < count; l++)
        for (int64_t t = 0; t < ROWS; t++)
            for (int64_t r = 0; candidates_run(&lines[l], t, r, &run); r++)
                for (int64_t i = 0; i < run.length; i++) target[n] = t, source[n++] = run.source + i;
    return n;
}

/* Two lines with the key ((j + i) mod `period`, floor(i / 2)): equal keys are one group in both, numbered by
 * their first candidate, and members ascend. */
static void compare(double period, uint64_t seed)
{
    IntervalStep steps[] = {step("arg", 0, 0, 0, 0), step("arg", 1, 0, 0, 0),
                            step("add", 0, 2, 0, 1), step("const", period, 0, 0, 0),
                            step("mod", 0, 2, 2, 3), step("const", 2, 0, 0, 0),
                            step("div", 0, 2, 1, 5), step("floor", 0, 1, 6, 0)};
    int parts[] = {4, 7};
    const CandidateKey key = {steps, 8, parts, 2};
    const Candidates lines[] = {drawn(seed), drawn(seed + 1)};
    const GroupLine both[] = {{&lines[0], &to, &from, &key}, {&lines[1], &to, &from, &key}};
    int64_t *target = malloc(sizeof *target * 2 * ROWS * COLUMNS),
            *source = malloc(sizeof *source * 2 * ROWS * COLUMNS);
    const int64_t n = ends(lines, 2, target, source);
    Groups g;
    assert_int_equal(groups_build(both, 2, &g), GROUPS_BUILT);
    assert_int_equal(g.candidates, n);
    int64_t found = 0;
    for (int64_t c = 0; c < n; c++) {
        int64_t first = 0;
        while (fmod((double)(target[first] + source[first]), period) !=
                   fmod((double)(target[c] + source[c]), period) ||
               source[first] / 2 != source[c] / 2)
            first++;
        if (first == c) assert_int_equal(g.of[c], found++);
        assert_int_equal(g.of[c], g.of[first]);
        assert_int_equal(group_leads(&g, c), first == c);
        assert_true(g.keys[2 * g.of[c]] == fmod((double)(target[c] + source[c]), period));
        assert_true(g.keys[2 * g.of[c] + 1] == (double)(source[c] / 2));
    }
    assert_int_equal(g.count, found);
    assert_int_equal(g.first[g.count], n);
    for (int64_t i = 0; i < g.count; i++)
        for (int64_t m = g.first[i]; m < g.first[i + 1]; m++) {
            assert_int_equal(g.of[g.member[m]], i);
            assert_true(m == g.first[i] || g.member[m] > g.member[m - 1]);
        }
    const int64_t bytes = n * 8 + (g.count + 1) * 8 + g.count * 16;
    assert_true(groups_bytes(n, 2) >= bytes);
    groups_free(&g);
    for (int i = 0; i < 2; i++) candidates_free((Candidates *)&lines[i]);
    free(target), free(source);
}

static void test_keys(void **state)
{
    (void)state;
    compare(3, 1), compare(1, 2), compare(160, 3); /* 135, 45 and more than a thousand groups */
}

/* 0 and -0 are one key. */
static void test_zero(void **state)
{
    (void)state;
    IntervalStep steps[] = {step("arg", 1, 0, 0, 0), step("const", 0, 0, 0, 0), step("mul", 0, 2, 0, 1),
                            step("neg", 0, 1, 2, 0), step("arg", 0, 0, 0, 0),   step("const", 1, 0, 0, 0),
                            step("lt", 0, 2, 4, 5),  step("select", 0, 3, 6, 3)};
    steps[7].args[2] = 2;
    int part = 7;
    const CandidateKey key = {steps, 8, &part, 1};
    const Candidates c = drawn(4);
    Groups g;
    assert_int_equal(groups_build(&(GroupLine){&c, &to, &from, &key}, 1, &g), GROUPS_BUILT);
    assert_int_equal(g.count, 1);
    assert_int_equal(group_size(&g, 0), c.count);
    groups_free(&g);
    candidates_free((Candidates *)&c);
}

/* A value that nothing is known of, and one that is no number. */
static void test_unknown(void **state)
{
    (void)state;
    IntervalStep steps[] = {step("arg", 0, 0, 0, 0), step("sin", 0, 1, 0, 0), step("const", 0, 0, 0, 0),
                            step("div", 0, 2, 0, 2)};
    const Candidates c = drawn(5);
    Groups g;
    for (int part = 1; part < 4; part += 2) {
        const CandidateKey key = {steps, 4, &part, 1};
        assert_int_equal(groups_build(&(GroupLine){&c, &to, &from, &key}, 1, &g), GROUPS_UNKNOWN);
        assert_null(g.of);
    }
    candidates_free((Candidates *)&c);
}

static double number(const void *context, int64_t candidate)
{
    return ((const double *)context)[candidate];
}

static void test_values(void **state)
{
    (void)state;
    int64_t first[] = {0, 3, 4, 8};
    uint32_t member[] = {0, 2, 5, 1, 3, 4, 6, 7};
    const Groups g = {.count = 3, .candidates = 8, .first = first, .member = member};
    const double x[] = {3, 7, -4, 1, 2, 12, 2, 4};
    assert_true(fabs(group_value(&g, 0, GROUP_NORM, number, x) - (sqrt(9 + 144) - 4)) < 1e-12);
    assert_true(group_value(&g, 2, GROUP_NORM, number, x) == 5);
    assert_true(fabs(group_value(&g, 0, GROUP_MEAN, number, x) - 11.0 / 3) < 1e-12);
    assert_true(group_value(&g, 0, GROUP_MAX, number, x) == 12);
    assert_true(group_value(&g, 0, GROUP_SAME, number, x) == 3);
    assert_true(group_value(&g, 1, GROUP_MAX, number, x) == 7);
    const double broken[] = {3, 7, NAN, 1, 2, 12, 2, 4};
    assert_true(isnan(group_value(&g, 0, GROUP_NORM, number, broken)));
    assert_int_equal(groups_most(&g, 0), 0);
    assert_int_equal(groups_most(&g, 1), 4);
    assert_int_equal(groups_most(&g, 2), 7);
    assert_int_equal(groups_most(&g, 9), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_keys), cmocka_unit_test(test_zero),
                                       cmocka_unit_test(test_unknown), cmocka_unit_test(test_values)};
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
