/* test_product_sparse.c: products without the zeros of their first factor against the naive loop, at sizes
 * that no panel, chunk or vector divides, with rows that are all 0 and numbers that are not finite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "gradient/product_sparse.h"
#include "common/rng.h"

typedef struct Case {
    int64_t rows, columns, inner, lda, ldb, ldc;
    bool add;
} Case;

static const Case cases[] = {
    {1, 96, 64, 64, 64, 96, false},      {1, 48, 1, 1, 1, 48, true},
    {3, 95, 7, 9, 8, 99, false},         {5, 97, 63, 64, 80, 200, true},
    {40, 192, 64, 80, 64, 192, false},   {256, 784, 64, 80, 80, 784, true},
    {7, 300, 65, 65, 66, 300, false},    {600, 100, 128, 130, 128, 101, true},
    {9, 203, 520, 520, 528, 203, false}, {2, 1000, 130, 1040, 131, 1000, true},
};

/* Random numbers; where `step` is not 0, all but every step-th of a row are 0, and every third row is all 0.
 */
static float *numbers(int64_t rows, int64_t ld, uint64_t stream, int64_t step)
{
    float *x = malloc((size_t)(rows * ld) * sizeof *x);
    for (int64_t i = 0; i < rows * ld; i++) {
        const bool zero = step && (i / ld % 3 == 1 || (i % ld + i / ld) % step);
        x[i] = zero ? 0 : (float)rng_normal(stream, RNG_INIT, (uint64_t)i);
    }
    return x;
}

/* Leaves out products with a zero of A, as what is tested does: they count as 0, whatever B holds. */
static void naive(const SparseProduct *p, double *c)
{
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++) {
            double sum = p->add ? c[i * p->ldc + j] : 0;
            for (int64_t k = 0; k < p->inner; k++)
                if (p->a[i * p->lda + k] != 0)
                    sum += (double)p->a[i * p->lda + k] * (double)p->b[j * p->ldb + k];
            c[i * p->ldc + j] = sum;
        }
}

static bool agree(double is, double wanted, double bound)
{
    return isnan(wanted) ? isnan(is) : isinf(wanted) ? is == wanted : fabs(is - wanted) < bound;
}

/* Numbers beside the product stay as they are: `wanted` has them from before. */
static void compare(const Case *k, const float *a, const float *b)
{
    const int64_t count = k->rows * k->ldc;
    float *c = numbers(k->rows, k->ldc, 3, 0);
    double *wanted = malloc((size_t)count * sizeof *wanted);
    for (int64_t i = 0; i < count; i++) wanted[i] = (double)c[i];
    const SparseProduct p = {k->rows, k->columns, k->inner, a, b, k->lda, k->ldb, k->add, c, k->ldc};
    assert_true(product_sparse(&p));
    naive(&p, wanted);
    for (int64_t i = 0; i < count; i++)
        if (!agree((double)c[i], wanted[i], 1e-6 * (double)(k->inner + 10)))
            fail_msg("%d x %d x %d, row %d column %d: %g instead of %g", (int)k->rows, (int)k->columns,
                     (int)k->inner, (int)(i / k->ldc), (int)(i % k->ldc), (double)c[i], wanted[i]);
    free(c), free(wanted);
}

static void test_sizes(void **state)
{
    (void)state;
    for (const Case *k = cases; k < cases + sizeof cases / sizeof *cases; k++)
        for (int64_t step = 5; step <= 80; step *= 4) {
            float *a = numbers(k->rows, k->lda, 1, step), *b = numbers(k->columns, k->ldb, 2, 0);
            if (k->inner < step) a[0] = 0;
            compare(k, a, b);
            free(a), free(b);
        }
}

/* A that is all 0: C becomes 0, or stays. */
static void test_nothing(void **state)
{
    (void)state;
    for (const Case *k = cases; k < cases + sizeof cases / sizeof *cases; k++) {
        float *a = calloc((size_t)(k->rows * k->lda), sizeof *a), *b = numbers(k->columns, k->ldb, 2, 0);
        compare(k, a, b);
        free(a), free(b);
    }
}

/* What is not finite is seen in A, and in B where A is not 0. */
static void test_not_finite(void **state)
{
    (void)state;
    const Case k = {6, 100, 70, 72, 71, 100, false};
    float *a = numbers(k.rows, k.lda, 1, 7), *b = numbers(k.columns, k.ldb, 2, 0);
    a[2 * k.lda + 66] = NAN, a[3 * k.lda + 1] = INFINITY, a[5 * k.lda + 69] = -0.0f;
    b[7 * k.ldb] = NAN, b[98 * k.ldb + 7] = -INFINITY, b[50 * k.ldb + 3] = NAN;
    compare(&k, a, b);
    free(a), free(b);
}

/* Products that a library makes faster are left to it, and nothing is written. */
static void test_dense(void **state)
{
    (void)state;
    float *a = numbers(20, 64, 1, 0), *b = numbers(192, 64, 2, 0), *c = numbers(20, 192, 3, 0),
          *before = numbers(20, 192, 3, 0);
    SparseProduct p = {20, 192, 64, a, b, 64, 64, false, c, 192};
    assert_false(product_sparse(&p));
    for (int64_t i = 0; i < 20 * 64; i++) a[i] = i % 3 == 0 ? a[i] : 0;
    p.columns = 16; /* a panel for so few columns is mostly waste */
    assert_false(product_sparse(&p));
    assert_memory_equal(c, before, 20 * 192 * sizeof *c);
    p.columns = 192;
    assert_true(product_sparse(&p));
    free(a), free(b), free(c), free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_dense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
