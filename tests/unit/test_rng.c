/* test_rng.c: the counter-based generator: published answers, and the shape of what is made from it.
 *
 * The three blocks are the known answers for philox4x32-10 that the authors publish with their paper.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "common/rng.h"

enum { MANY = 100000 };

static void expect_words(uint64_t seed, uint64_t stream, uint64_t index, const uint32_t want[4])
{
    Rng4 r = rng_words(seed, stream, index);
    for (int i = 0; i < 4; i++) assert_int_equal(r.v[i], want[i]);
}

static void test_known_answers(void **state)
{
    (void)state;
    expect_words(0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    expect_words(UINT64_MAX, UINT64_MAX, UINT64_MAX,
                 (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    expect_words(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88,
                 (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static void test_uniform(void **state)
{
    (void)state;
    double sum = 0, squares = 0;
    for (int i = 0; i < MANY; i++) {
        double u = rng_uniform(7, RNG_DATA, (uint64_t)i);
        assert_true(u >= 0 && u < 1);
        sum += u;
        squares += u * u;
    }
    assert_true(fabs(sum / MANY - 0.5) < 0.005);
    assert_true(fabs(squares / MANY - 1.0 / 3) < 0.005);
}

static void test_normal(void **state)
{
    (void)state;
    double moment[5] = {0};
    for (int i = 0; i < MANY; i++) {
        double x = rng_normal(7, RNG_INIT, (uint64_t)i), power = 1;
        assert_true(isfinite(x));
        for (int k = 1; k <= 4; k++) moment[k] += (power *= x) / MANY;
    }
    assert_true(fabs(moment[1]) < 0.015);
    assert_true(fabs(moment[2] - 1) < 0.02);
    assert_true(fabs(moment[3]) < 0.06);
    assert_true(fabs(moment[4] - 3) < 0.15);
}

static void test_streams_differ(void **state)
{
    (void)state;
    double a = rng_uniform(1, RNG_INIT, 5);
    assert_true(a == rng_uniform(1, RNG_INIT, 5));
    assert_true(a != rng_uniform(2, RNG_INIT, 5));
    assert_true(a != rng_uniform(1, RNG_SHUFFLE, 5));
    assert_true(a != rng_uniform(1, RNG_INIT, 6));
}

static void test_permutation(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t a[N], b[N];
    int seen[N] = {0}, fixed = 0, same = 0;

    rng_permutation(3, RNG_SHUFFLE, 0, N, a);
    for (int i = 0; i < N; i++) {
        assert_true(a[i] >= 0 && a[i] < N && !seen[a[i]]);
        seen[a[i]] = 1;
        fixed += a[i] == i;
    }
    assert_true(fixed < 10);
    rng_permutation(3, RNG_SHUFFLE, 0, N, b);
    for (int i = 0; i < N; i++) assert_int_equal(a[i], b[i]);
    rng_permutation(3, RNG_SHUFFLE, 1, N, b);
    for (int i = 0; i < N; i++) same += a[i] == b[i];
    assert_true(same < 10);
}

/* All six orders of three things come about equally often. */
static void test_permutation_is_fair(void **state)
{
    (void)state;
    int count[27] = {0}, orders = 0;
    int64_t p[3];

    for (int i = 0; i < 6000; i++) {
        rng_permutation(11, RNG_SHUFFLE, (uint64_t)i, 3, p);
        count[p[0] * 9 + p[1] * 3 + p[2]]++;
    }
    for (int i = 0; i < 27; i++) {
        if (!count[i]) continue;
        orders++;
        assert_true(abs(count[i] - 1000) < 150);
    }
    assert_int_equal(orders, 6);
}

static void test_permutation_of_none_and_one(void **state)
{
    (void)state;
    int64_t p[1] = {9};
    rng_permutation(1, RNG_SHUFFLE, 0, 0, p);
    assert_int_equal(p[0], 9);
    rng_permutation(1, RNG_SHUFFLE, 0, 1, p);
    assert_int_equal(p[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal),
        cmocka_unit_test(test_streams_differ),
        cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_permutation_is_fair),
        cmocka_unit_test(test_permutation_of_none_and_one),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
