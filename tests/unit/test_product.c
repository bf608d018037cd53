/* test_product.c: rounded matrix products against the naive loop over rounded factors, at sizes that no block
 * divides. On a processor without them there is nothing to test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "common/product.h"
#include "common/rng.h"

typedef struct Case {
    int64_t rows, columns, inner, lda, ldb, ldc;
    bool add;
} Case;

static const Case cases[] = {
    {1, 1, 16, 16, 16, 1, false},          {4, 6, 32, 32, 32, 6, false},
    {5, 7, 48, 48, 64, 9, false},          {3, 13, 1024, 1024, 1040, 13, true},
    {128, 25, 1040, 1104, 1040, 25, true}, {7, 11, 4096, 4160, 4160, 1024, false},
    {129, 6, 2064, 2064, 2080, 8, true},   {2, 100, 7, 7, 9, 100, false},
};

static float *random_numbers(int64_t count, uint64_t stream)
{
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = (float)rng_normal(stream, RNG_INIT, (uint64_t)i);
    return x;
}

/* To the nearest number of 8 significant bits, ties to even. */
static double rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits += 0x7FFF + (bits >> 16 & 1);
    bits &= 0xFFFF0000u;
    memcpy(&x, &bits, 4);
    return x;
}

static uint16_t *rounded_numbers(const float *x, int64_t count)
{
    uint16_t *r = malloc((size_t)count * sizeof *r);
    product_round(x, count, r);
    return r;
}

static void naive(const Case *k, const float *a, const float *b, const ProductSpan *span, double *c)
{
    for (int64_t i = 0; i < k->rows; i++)
        for (int64_t j = span[i].low; j < span[i].high; j++) {
            double sum = k->add ? c[i * k->ldc + j] : 0;
            for (int64_t x = 0; x < k->inner; x++)
                sum += rounded(a[i * k->lda + x]) * rounded(b[j * k->ldb + x]);
            c[i * k->ldc + j] = sum;
        }
}

static void compare(const Case *k, const ProductSpan *span)
{
    float *a = random_numbers(k->rows * k->lda, 1), *b = random_numbers(k->columns * k->ldb, 2);
    float *c = random_numbers(k->rows * k->ldc, 3);
    double *wanted = malloc((size_t)(k->rows * k->ldc) * sizeof *wanted);
    for (int64_t i = 0; i < k->rows * k->ldc; i++) wanted[i] = c[i];
    uint16_t *rounded_a = rounded_numbers(a, k->rows * k->lda),
             *rounded_b = rounded_numbers(b, k->columns * k->ldb);
    Product p = {.rows = k->rows,
                 .columns = k->columns,
                 .inner = k->inner,
                 .a = rounded_a,
                 .b = rounded_b,
                 .lda = k->lda,
                 .ldb = k->ldb,
                 .add = k->add,
                 .c = c,
                 .ldc = k->ldc,
                 .span = span};
    product_bf16(&p);
    naive(k, a, b, span, wanted);
    for (int64_t i = 0; i < k->rows; i++)
        for (int64_t j = span[i].low; j < span[i].high; j++)
            if (!(fabs(c[i * k->ldc + j] - wanted[i * k->ldc + j]) < 1e-6 * (double)(k->inner + 10)))
                fail_msg("row %d column %d: %g instead of %g", (int)i, (int)j, (double)c[i * k->ldc + j],
                         wanted[i * k->ldc + j]);
    free(a), free(b), free(c), free(wanted), free(rounded_a), free(rounded_b);
}

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases && product_bf16_available(); i++) {
        ProductSpan *span = calloc((size_t)cases[i].rows, sizeof *span);
        for (int64_t r = 0; r < cases[i].rows; r++) span[r] = (ProductSpan){0, cases[i].columns};
        compare(&cases[i], span);
        free(span);
    }
}

/* Rows that want a part of the columns, or none. */
static void test_spans(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases && product_bf16_available(); i++) {
        ProductSpan *span = calloc((size_t)cases[i].rows, sizeof *span);
        for (int64_t r = 0; r < cases[i].rows; r++)
            span[r] = (ProductSpan){r % 3 * cases[i].columns / 5, r % 2 ? cases[i].columns : 0};
        for (int64_t r = 0; r < cases[i].rows; r++)
            if (span[r].high < span[r].low) span[r] = (ProductSpan){0, 0};
        compare(&cases[i], span);
        free(span);
    }
}

/* Each number to the nearest, and nothing beyond the end. */
static void test_round(void **state)
{
    (void)state;
    for (int64_t count = 0; count < 100 && product_bf16_available(); count++) {
        float *x = random_numbers(count + 1, 4);
        uint16_t r[101];
        memset(r, 0xAB, sizeof r);
        product_round(x, count, r);
        for (int64_t i = 0; i < count; i++) {
            uint32_t bits = (uint32_t)r[i] << 16;
            float y;
            memcpy(&y, &bits, 4);
            assert_true((double)y == rounded(x[i]));
        }
        assert_int_equal(r[count], 0xABAB);
        free(x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_sizes),
                                       cmocka_unit_test(test_spans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
