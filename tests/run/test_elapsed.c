/* test_elapsed.c: a flow over 0 .. 1 whose rates are multiplied by an elapsed time of the data is the flow
 * over that time: against a program in which it is a number.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "built.h"
#include "common/rng.h"

enum { SAMPLES = 20, POSITIONS = 5, FEATURES = 3, OUTPUTS = 2 };
static const float elapsed = 2.5f; /* number.dnw has it */

static Net *open_program(Built *b, const char *program, const char *solver)
{
    const Define define = {"solver", solver};
    assert_true(built_open_defined(b, program, 0, 1, &define));
    Net *n = built_net(b, false, SAMPLES, 2, 1);
    assert_int_equal(n->outputs, OUTPUTS);
    return n;
}

/* All weights of the second, which the first has by the same names. */
static void copy_weights(const Net *from, Net *to)
{
    int found = 0;
    for (int i = 0; i < from->param_count; i++)
        for (int k = 0; k < to->param_count; k++) {
            const NetParam *a = &from->params[i], *b = &to->params[k];
            if (strcmp(a->name, b->name) != 0) continue;
            assert_int_equal(a->size, b->size);
            memcpy(to->weights + b->offset, from->weights + a->offset, (size_t)a->size * sizeof *to->weights);
            found++;
        }
    assert_int_equal(found, to->param_count);
    net_choose(to, 1e9);
}

static void test_same(void **state)
{
    static float x[SAMPLES * POSITIONS * FEATURES];
    float have[SAMPLES * OUTPUTS], want[SAMPLES * OUTPUTS];
    double largest = 0;
    RtError e = {0};
    Built data, number;
    Net *a = open_program(&data, "elapsed/data.dnw", *state),
        *b = open_program(&number, "elapsed/number.dnw", *state);
    for (int i = 0; i < SAMPLES * POSITIONS * FEATURES; i++)
        x[i] = i % FEATURES == 2 ? elapsed : (float)rng_normal(3, RNG_DATA, (uint64_t)i);
    copy_weights(a, b);
    assert_true(net_predict(a, x, SAMPLES, have, &e) && net_predict(b, x, SAMPLES, want, &e));
    for (int i = 0; i < SAMPLES * OUTPUTS; i++) {
        largest = fmax(largest, fabs((double)want[i]));
        if (!(fabs((double)have[i] - (double)want[i]) <= 1e-5))
            fail_msg("output %d: %g, not %g", i, (double)have[i], (double)want[i]);
    }
    assert_true(largest > 0.05);
    net_free(a), net_free(b), built_close(&data), built_close(&number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"rk4", test_same, NULL, NULL, "rk4(4)"},
        {"semi_implicit", test_same, NULL, NULL, "semi_implicit(6)"},
        {"tsit5", test_same, NULL, NULL, "tsit5(rtol = 1e-6, atol = 1e-6)"},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
