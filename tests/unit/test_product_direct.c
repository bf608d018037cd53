/* test_product_direct.c: products that read their factors where they stand against the naive loop: plain
 * rows, and taps that share the numbers of a map; at sizes that no block, chunk or vector divides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include "gradient/product_direct.h"
#include "common/rng.h"

static double *numbers(int64_t count, uint64_t stream)
{
    double *x = malloc(((size_t)count + 1) * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = (double)(float)rng_normal(stream, RNG_INIT, (uint64_t)i);
    return x;
}

static float *floats(const double *x, int64_t count)
{
    float *y = malloc(((size_t)count + 1) * sizeof *y);
    for (int64_t i = 0; i < count; i++) y[i] = (float)x[i];
    return y;
}

/* c[i][j] (+)= sum of a times b, over all runs. */
static void naive(const DirectProduct *p, double *c)
{
    const InnerRuns *in = &p->inner;
    const double *a = p->a, *b = p->b;
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++) {
            double sum = p->add ? c[i * p->c_step + j] : 0;
            int64_t at = i * p->a_step, first = (p->first ? p->first[j] : j) * p->b_step;
            for (int64_t l = 0; l < in->lines; l++)
                for (int64_t r = 0; r < in->runs; r++)
                    for (int64_t k = 0; k < in->run; k++)
                        sum += a[at++] * b[first + l * in->line_step + r * in->run_step + k];
            c[i * p->c_step + j] = sum;
        }
}

/* Numbers of the factors, from the first to behind the last that is read. */
typedef struct Sizes {
    int64_t a, b, inner;
} Sizes;

static Sizes sizes_of(const DirectProduct *p)
{
    const InnerRuns *in = &p->inner;
    int64_t last = 0, inner = in->lines * in->runs * in->run;
    for (int64_t j = 0; j < p->columns; j++) {
        const int64_t first = (p->first ? p->first[j] : j) * p->b_step;
        last = first > last ? first : last;
    }
    last += (in->lines - 1) * in->line_step + (in->runs - 1) * in->run_step + in->run;
    return (Sizes){(p->rows - 1) * p->a_step + inner, last, inner};
}

/* In floats, as plain rows (rows: their inner index is one run) or by runs, and in double; numbers beside the
 * product stay. */
static void expect_product(DirectProduct p, bool rows)
{
    const Sizes s = sizes_of(&p);
    const int64_t count = p.rows * p.c_step;
    double *a = numbers(s.a, 1), *b = numbers(s.b, 2), *wanted = numbers(count, 3),
           *exact = numbers(count, 3);
    float *af = floats(a, s.a), *bf = floats(b, s.b), *c = floats(wanted, count);
    p.a = a, p.b = b;
    naive(&p, wanted);
    p.c = exact;
    product_direct_double(&p);
    p.a = af, p.b = bf, p.c = c;
    if (rows) product_direct_rows(&p, p.inner.run);
    else product_direct(&p);
    for (int64_t i = 0; i < count; i++) {
        const double bound = 1e-6 * (double)(s.inner + 10);
        if (!(fabs((double)c[i] - wanted[i]) < bound && fabs(exact[i] - wanted[i]) < 1e-9 * bound))
            fail_msg("%d x %d x %d, number %d: %g and %g instead of %g", (int)p.rows, (int)p.columns,
                     (int)s.inner, (int)i, (double)c[i], exact[i], wanted[i]);
    }
    free(a), free(b), free(wanted), free(exact), free(af), free(bf), free(c);
}

static void test_rows(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},    {4, 6, 16},     {3, 4, 8},      {7, 17, 1024},
                                       {5, 9, 1040}, {16, 144, 513}, {13, 11, 3000}, {2, 3, 2056}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int add = 0; add < 2; add++) {
            const int64_t inner = sizes[i][2];
            expect_product((DirectProduct){.rows = sizes[i][0],
                                           .columns = sizes[i][1],
                                           .a_step = inner + 3,
                                           .b_step = inner + 5,
                                           .inner = {1, 1, inner, 0, 0},
                                           .add = add,
                                           .c_step = sizes[i][1] + 2},
                           true);
        }
}

/* Taps of size x size, `channels` maps of `width` x `width` pixels with their border, so many lanes. */
typedef struct TapCase {
    int64_t size, stride, channels, width, targets, lanes;
} TapCase;

static void expect_taps(const TapCase *k)
{
    const int64_t taps = k->size * k->size, rows = (k->width - k->size) / k->stride + 1;
    uint32_t first[400];
    for (int64_t s = 0; s < k->channels * taps; s++)
        first[s] = (uint32_t)(s / taps * k->width * k->width + s % taps / k->size * k->width + s % k->size);
    const int64_t line = k->stride * k->width * k->lanes;
    const InnerRuns whole = {rows, 1, rows * k->lanes, line, 0},
                    apart = {rows, rows, k->lanes, line, k->stride * k->lanes};
    expect_product((DirectProduct){.rows = k->targets,
                                   .columns = k->channels * taps,
                                   .a_step = rows * rows * k->lanes + 1,
                                   .b_step = k->lanes,
                                   .first = first,
                                   .inner = k->stride == 1 ? whole : apart,
                                   .add = k->lanes == 16,
                                   .c_step = k->channels * taps},
                   false);
}

static void test_taps(void **state)
{
    (void)state;
    static const TapCase cases[] = {{3, 1, 2, 6, 5, 16}, {3, 2, 3, 9, 4, 16},  {2, 1, 1, 4, 7, 8},
                                    {5, 3, 2, 11, 3, 8}, {3, 1, 16, 34, 4, 1}, {3, 2, 2, 7, 1, 4},
                                    {3, 1, 5, 4, 6, 64}, {1, 2, 9, 8, 2, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) expect_taps(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_taps)};
    return cmocka_run_group_tests_name("product_direct", tests, NULL, NULL);
}
