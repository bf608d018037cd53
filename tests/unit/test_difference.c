/* test_difference.c: what gradcheck takes for a derivative: with kinks anywhere near, and never a wrong one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "common/difference.h"

#define LIMIT 1e-6

/* exp(x) at x = 0.3, and kinks: the slope jumps by `jump` at `right` and at -`left`. */
typedef struct Kinked {
    double jump, left, right;
} Kinked;

static double kinked(void *of, double offset)
{
    const Kinked *k = of;
    return exp(0.3 + offset) + k->jump * (fmax(0, offset - k->right) + fmax(0, -offset - k->left));
}

static double error_of(Kinked k, double wrong)
{
    double derivative = exp(0.3);
    return difference_error(kinked, &k, 1, derivative * (1 + wrong), 1e-7 * derivative) / derivative;
}

static const double places[] = {1, 3e-4, 1.5e-4, 3e-5, 1.5e-5, 3e-6, 1.5e-6, 7e-7, 3e-7};
enum { PLACES = sizeof places / sizeof *places };

/* However near on one side, and on both sides as near as the smallest step is. */
static void test_right(void **state)
{
    (void)state;
    for (int i = 0; i < PLACES; i++) {
        assert_true(error_of((Kinked){5, places[i], 1}, 0) < LIMIT);
        assert_true(error_of((Kinked){5, 1, places[i]}, 0) < LIMIT);
        assert_true(error_of((Kinked){5, 1e-9, places[i]}, 0) < LIMIT);
        assert_true(error_of((Kinked){5, places[i], 1e-9}, 0) < LIMIT);
        for (int j = 0; j < PLACES; j++) assert_true(error_of((Kinked){5, places[i], places[j]}, 0) < LIMIT);
    }
}

static void test_wrong(void **state)
{
    (void)state;
    for (double wrong = 1e-5; wrong < 3; wrong *= 3)
        for (int sign = -1; sign < 2; sign += 2)
            for (int i = 0; i < PLACES; i++)
                for (int j = 0; j < PLACES; j++)
                    for (double jump = 0; jump < 6; jump += 5) {
                        double error = error_of((Kinked){jump, places[i], places[j]}, sign * wrong);
                        if (!(error > LIMIT)) fail_msg("wrong by %g, found %g", sign * wrong, error);
                    }
    /* the slope of the other side of a kink that is not at the point */
    for (int i = 0; i < PLACES; i++) {
        Kinked k = {5, 1, places[i]};
        assert_true(difference_error(kinked, &k, 1, exp(0.3) + 5, 1e-7) > LIMIT);
    }
}

/* The sum of relu(a x) at x = 0 over samples: it has a slope on each side, and 0 is what relu says. */
static double samples(void *of, double offset)
{
    static const double a[] = {1, 0.5, -2};
    double sum = *(const double *)of * offset;
    for (int i = 0; i < 3; i++) sum += fmax(0, a[i] * offset);
    return sum;
}

static void test_kink_at_point(void **state)
{
    (void)state;
    double slope = 0;
    assert_true(difference_error(samples, &slope, 1, 0, 1e-7) < LIMIT);
    slope = 0.3;
    assert_true(difference_error(samples, &slope, 1, 0.3, 1e-7) < LIMIT);
    /* a jump far smaller than the error does not explain it */
    assert_true(difference_error(kinked, &(Kinked){1e-3, 0, 0}, 1, exp(0.3) + 5, 1e-7) > LIMIT);
}

static double undefined(void *of, double offset)
{
    (void)of, (void)offset;
    return NAN;
}

static void test_undefined(void **state)
{
    (void)state;
    assert_true(difference_error(undefined, NULL, 1, 0, 1) == INFINITY);
    assert_true(difference_error(kinked, &(Kinked){0, 1, 1}, 1, NAN, 1) == INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_right), cmocka_unit_test(test_wrong),
                                       cmocka_unit_test(test_kink_at_point),
                                       cmocka_unit_test(test_undefined)};
    return cmocka_run_group_tests_name("difference", tests, NULL, NULL);
}
