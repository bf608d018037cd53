/* test_padded.c: sequences that end at different positions give what each gives by itself: in a batch with
 * others and alone, to the bit; and to rounding in a program that was built for sequences of that length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "built.h"
#include "common/rng.h"

enum { SAMPLES = 70, LONGEST = 6, FEATURES = 2 };

static char path[] = "/tmp/dnw_padded_XXXXXX";

/* A table of sequences of so many rows, two of each length. */
static void put_table(int first, int last)
{
    FILE *f = fopen(path, "w");
    fputs("id,a,b,kind\n", f);
    for (int k = 0; k < 2 * (last - first + 1); k++)
        for (int i = 0; i < first + k / 2; i++) fprintf(f, "s%d,%d,0.5,%d\n", k, i, k % 2);
    fclose(f);
}

static Net *open_program(Built *b, const char *program, int first, int last, int threads)
{
    const Define file = {"table", path};
    put_table(first, last);
    assert_true(built_open_defined(b, program, 0, 1, &file));
    Net *n = built_net(b, false, SAMPLES, threads, 1);
    built_shake(n, 1e9);
    return n;
}

static int64_t length_of(int64_t sample)
{
    return 1 + sample * 5 % LONGEST;
}

static void fill_samples(float *x)
{
    for (int64_t i = 0; i < SAMPLES * LONGEST * FEATURES; i++) {
        const int64_t sample = i / (LONGEST * FEATURES), position = i / FEATURES % LONGEST;
        x[i] = position < length_of(sample) ? (float)rng_normal(5, RNG_DATA, (uint64_t)i) : NAN;
    }
}

/* Samples of one length in a program that knows no others. */
static void expect_as_without_padding(const char *program, int length, const float *x, const float *y,
                                      int64_t outputs)
{
    Built b;
    RtError e = {0};
    Net *n = open_program(&b, program, length, length, 1);
    float *one = malloc((size_t)n->outputs * sizeof *one);
    assert_false(b.compilation->model->padded);
    for (int64_t s = 0; s < SAMPLES; s++) {
        if (length_of(s) != length) continue;
        assert_true(net_predict(n, x + s * LONGEST * FEATURES, 1, one, &e));
        for (int64_t i = 0; i < n->outputs; i++) {
            const double have = (double)y[s * outputs + i], want = (double)one[i];
            if (!(fabs(have - want) <= 1e-6 * (1 + fabs(want))))
                fail_msg("%s: sample %lld, output %lld: %g, not %g", program, (long long)s, (long long)i,
                         have, want);
        }
    }
    free(one), net_free(n), built_close(&b);
}

static void test_alone(void **state)
{
    const char *program = *state;
    static float x[SAMPLES * LONGEST * FEATURES];
    Built b;
    RtError e = {0};
    Net *n = open_program(&b, program, 1, LONGEST, 3);
    const int64_t outputs = n->outputs;
    float *y = malloc((size_t)(SAMPLES * outputs) * sizeof *y), *one = malloc((size_t)outputs * sizeof *one);
    assert_true(b.compilation->model->padded);
    fill_samples(x);
    assert_true(net_predict(n, x, SAMPLES, y, &e));
    for (int64_t s = 0; s < SAMPLES; s++) {
        assert_true(net_predict(n, x + s * LONGEST * FEATURES, 1, one, &e));
        assert_memory_equal(one, y + s * outputs, (size_t)outputs * sizeof *one);
    }
    for (int length = 1; length < LONGEST; length += 3)
        expect_as_without_padding(program, length, x, y, outputs);
    free(one), free(y), net_free(n), built_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"last", test_alone, NULL, NULL, "padded/last.dnw"},
        {"each", test_alone, NULL, NULL, "padded/each.dnw"},
    };
    const int f = mkstemp(path);
    if (f < 0) return 1;
    close(f);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
