/* test_rule_drawn.c: edges that a declared rule starts with: so many of the candidates, each set with the
 * same chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "common/init.h"

static void test_shape(void **state)
{
    (void)state;
    int64_t out[64];
    for (int64_t count = 1; count <= 64; count++)
        for (int64_t keep = 0; keep <= count; keep++) {
            assert_true(rule_drawn((uint64_t)count, 3, keep, count, out));
            for (int64_t i = 0; i < keep; i++) {
                assert_true(out[i] >= 0 && out[i] < count);
                assert_true(i == 0 || out[i] > out[i - 1]);
            }
        }
}

/* Counts of a candidate, and of a pair, within five deviations of the binomial. */
static void test_fair(void **state)
{
    (void)state;
    enum { COUNT = 10, TRIALS = 20000 };
    static const int64_t keeps[] = {3, 8};
    for (int k = 0; k < 2; k++) {
        int64_t out[COUNT], single[COUNT] = {0}, pair = 0;
        const double p = (double)keeps[k] / COUNT, both = p * ((double)keeps[k] - 1) / (COUNT - 1);
        for (uint64_t seed = 0; seed < TRIALS; seed++) {
            assert_true(rule_drawn(seed, 1, keeps[k], COUNT, out));
            bool two = false, seven = false;
            for (int64_t i = 0; i < keeps[k]; i++) {
                single[out[i]]++;
                two |= out[i] == 2, seven |= out[i] == 7;
            }
            pair += two && seven;
        }
        for (int i = 0; i < COUNT; i++)
            assert_true(fabs((double)single[i] - TRIALS * p) < 5 * sqrt(TRIALS * p * (1 - p)));
        assert_true(fabs((double)pair - TRIALS * both) < 5 * sqrt(TRIALS * both * (1 - both)));
    }
}

static void test_randoms(void **state)
{
    (void)state;
    const RuleDraw draw = {2, 5, 77};
    float many[37];
    rule_randoms(9, draw, (1ll << 33) - 20, 37, many);
    for (int64_t i = 0; i < 37; i++) assert_true(many[i] == rule_random(9, draw, (1ll << 33) - 20 + i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shape), cmocka_unit_test(test_fair),
                                       cmocka_unit_test(test_randoms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
