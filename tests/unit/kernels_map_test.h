/* kernels_map_test.h: the kernels on maps in one real type against naive loops in double, at odd sizes.
 * Included by test_kernels_map_f32.c and test_kernels_map_f64.c, which say which type.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "kernels/map.h"
#include "common/rng.h"

#ifdef DNW_REAL_IS_DOUBLE
#define EPSILON DBL_EPSILON
#else
#define EPSILON FLT_EPSILON
#endif

/* Large map and window; h, w: the small map. */
typedef struct Case {
    int64_t height, width, size, stride, dilation, h, w, before, step;
} Case;

/* Lanes of pixel p at p * step; the step is WIDTH or LANES. Never freed between cases: a test has a pool. */
enum { MOST_PIXELS = 5000 };
static real *pool[4];

static real *drawn_map(int which, uint64_t stream, int64_t pixels, int64_t step)
{
    real *x = pool[which];
    assert_true(pixels <= MOST_PIXELS);
    for (int64_t i = 0; i < pixels * step; i++) x[i] = (real)rng_normal(47, stream, (uint64_t)i);
    return x;
}

/* What a kernel must fill: other lanes of a row hold 7 and keep it. */
static real *blank_map(int64_t pixels, int64_t step)
{
    real *y = pool[3];
    assert_true(pixels <= MOST_PIXELS);
    for (int64_t i = 0; i < (pixels + 1) * step; i++)
        y[i] = i % step < WIDTH && i < pixels * step ? (real)NAN : 7;
    return y;
}

static void expect_map(const char *name, const Case *c, const double *want, const double *size, const real *y,
                       int64_t pixels, int64_t step)
{
    for (int64_t p = 0; p < pixels; p++)
        for (int64_t t = 0; t < WIDTH; t++) {
            double error = fabs((double)y[p * step + t] - want[p * WIDTH + t]);
            if (!(error <= 8 * EPSILON * size[p * WIDTH + t]))
                fail_msg("%s of %d x %d, window %d, stride %d, dilation %d: pixel %d is %g, not %g", name,
                         (int)c->height, (int)c->width, (int)c->size, (int)c->stride, (int)c->dilation,
                         (int)p, (double)y[p * step + t], want[p * WIDTH + t]);
        }
    for (int64_t i = 0; i < (pixels + 1) * step; i++)
        if (i % step >= WIDTH || i >= pixels * step) assert_true(y[i] == 7);
}

/* ---- kernels with windows ---- */

typedef enum Kind { CONV, CONV_INPUT, CONV_WEIGHT, WINDOWS, WINDOWS_BACK, POOL_SUM, POOL_SPREAD } Kind;
static const char *const kind_name[] = {"conv",         "conv_input", "conv_weight", "windows",
                                        "windows_back", "pool_sum",   "pool_spread"};

static MapSizes sizes_of(const Case *c)
{
    return (MapSizes){.step = {c->step, c->step, c->step},
                      .height = c->height,
                      .width = c->width,
                      .size = c->size,
                      .stride = c->stride,
                      .dilation = c->dilation,
                      .border = c->before}; /* of a pool */
}

static void run(Kind kind, const Case *c, const real *a, const real *b, real *y)
{
    const MapSizes m = sizes_of(c);
    switch (kind) {
    case CONV: KERNEL(conv)(a, b, y, &m); break;
    case CONV_INPUT: KERNEL(conv_input)(a, b, y, &m); break;
    case CONV_WEIGHT: KERNEL(conv_weight)(a, b, y, &m); break;
    case WINDOWS: KERNEL(windows)(a, y, &m); break;
    case WINDOWS_BACK: KERNEL(windows_back)(a, y, &m); break;
    case POOL_SUM: KERNEL(pool_sum)(a, y, &m); break;
    case POOL_SPREAD: KERNEL(pool_spread)(a, y, &m); break;
    }
}

/* Adds to element `to` the product of what stands at `from` and a number or another element. */
static void want_all(Kind kind, const Case *c, const real *a, const real *b, double *want, double *size)
{
    for (int64_t p = 0; p < c->h * c->w; p++)
        for (int64_t i = 0; i < c->size; i++)
            for (int64_t j = 0; j < c->size; j++) {
                int64_t y = p / c->w * c->stride + i * c->dilation - c->before,
                        x = p % c->w * c->stride + j * c->dilation - c->before, q = y * c->width + x,
                        t = i * c->size + j, tp = t * c->h * c->w + p;
                if (y < 0 || y >= c->height || x < 0 || x >= c->width) continue;
                bool to_large = kind == CONV_INPUT || kind == WINDOWS_BACK || kind == POOL_SPREAD;
                int64_t to = kind == CONV_WEIGHT ? t : to_large ? q : kind == WINDOWS ? tp : p;
                int64_t from = kind == WINDOWS_BACK ? tp : to_large ? p : q;
                for (int64_t k = 0; k < WIDTH; k++) {
                    double v = (double)a[from * c->step + k];
                    if (kind == CONV || kind == CONV_INPUT) v *= (double)b[t];
                    if (kind == CONV_WEIGHT) v *= (double)b[p * c->step + k];
                    want[to * WIDTH + k] += v, size[to * WIDTH + k] += fabs(v);
                }
            }
}

static void expect_windowed(Kind kind, const Case *c)
{
    int64_t large = c->height * c->width, small = c->h * c->w, taps = c->size * c->size;
    bool to_large = kind == CONV_INPUT || kind == WINDOWS_BACK || kind == POOL_SPREAD;
    int64_t to = kind == CONV_WEIGHT ? taps : to_large ? large : kind == WINDOWS ? taps * small : small;
    int64_t from = kind == WINDOWS_BACK ? taps * small : to_large ? small : large;
    double *want = calloc((size_t)(2 * to * WIDTH), sizeof *want);
    const real *a = drawn_map(0, 1, from, c->step),
               *b = drawn_map(1, 2, taps > small ? taps : small, c->step);
    int64_t step = kind == CONV_WEIGHT ? WIDTH : c->step; /* its sums stand close together */
    real *y = blank_map(to, step);
    run(kind, c, a, b, y);
    want_all(kind, c, a, b, want, want + to * WIDTH);
    expect_map(kind_name[kind], c, want, want + to * WIDTH, y, to, step);
    free(want);
}

static const int64_t sizes[][2] = {{1, 1}, {1, 5}, {5, 1}, {2, 3}, {7, 6}, {12, 11}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The same padding for all windows, or for pools as much as is asked for; false where the window is larger
 * than the map. */
static bool set_case(Case *c, bool pooled, int64_t border)
{
    const int64_t reach = 2 * border - c->size;
    if (pooled && (c->height + reach < 0 || c->width + reach < 0 || c->dilation > 1)) return false;
    c->before = pooled ? border : c->dilation * (c->size - 1) / 2;
    c->h = (c->height + (pooled ? reach : -1)) / c->stride + 1;
    c->w = (c->width + (pooled ? reach : -1)) / c->stride + 1;
    return true;
}

static int each_case(bool pooled, void (*test)(const Case *))
{
    int cases = 0;
    for (int n = 0; n < SIZES; n++)
        for (int64_t size = 1; size <= 5; size++)
            for (int64_t stride = 1; stride <= 3; stride++)
                for (int64_t dilation = 1; dilation <= 2; dilation++)
                    for (int64_t more = 0; more <= (pooled ? 2 * (size / 2) + 1 : 1); more++) {
                        Case c = {sizes[n][0], sizes[n][1], size,
                                  stride,      dilation,    .step = more % 2 ? LANES : WIDTH};
                        if (!set_case(&c, pooled, more / 2)) continue;
                        test(&c);
                        cases++;
                    }
    return cases;
}

static void conv_case(const Case *c)
{
    for (Kind kind = CONV; kind <= WINDOWS_BACK; kind++) expect_windowed(kind, c);
}
static void pool_case(const Case *c)
{
    for (Kind kind = POOL_SUM; kind <= POOL_SPREAD; kind++) expect_windowed(kind, c);
}

static void test_conv(void **state)
{
    (void)state;
    assert_int_equal(each_case(false, conv_case), SIZES * 5 * 3 * 2 * 2);
}

static void test_pool(void **state)
{
    (void)state;
    assert_true(each_case(true, pool_case) > 50);
}

/* ---- largest of a window ---- */

/* Few different numbers, so that ties are common, and a NaN here and there. */
static void coarse(real *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double u = rng_uniform(53, 1, (uint64_t)i);
        x[i] = u < 0.03 ? (real)NAN : (real)floor(u * 5);
    }
}

static void pool_max_case(const Case *c)
{
    int64_t large = c->height * c->width, small = c->h * c->w;
    real *x = drawn_map(0, 1, large, c->step), *y = pool[3];
    const real *dy = drawn_map(1, 2, small, c->step);
    double *most = calloc((size_t)((small + 2 * large) * WIDTH), sizeof *most), *d = most + small * WIDTH,
           *size = d + large * WIDTH;
    coarse(x, large * c->step);
    for (int64_t p = 0; p < small; p++)
        for (int64_t k = 0; k < WIDTH; k++) {
            int64_t best = -1;
            for (int64_t i = 0; i < c->size; i++)
                for (int64_t j = 0; j < c->size; j++) {
                    int64_t row = p / c->w * c->stride + i - c->before,
                            column = p % c->w * c->stride + j - c->before, q = row * c->width + column;
                    if (row < 0 || row >= c->height || column < 0 || column >= c->width) continue;
                    real v = x[q * c->step + k], b = best < 0 ? 0 : x[best * c->step + k];
                    if (best < 0 || (!isnan(b) && (isnan(v) || v > b))) best = q;
                }
            most[p * WIDTH + k] = (double)x[best * c->step + k];
            d[best * WIDTH + k] += (double)dy[p * c->step + k];
            size[best * WIDTH + k] += fabs((double)dy[p * c->step + k]);
        }
    blank_map(small, c->step);
    const MapSizes m = sizes_of(c);
    KERNEL(pool_max)(x, y, &m);
    for (int64_t p = 0; p < small; p++)
        for (int64_t k = 0; k < WIDTH; k++) {
            double want = most[p * WIDTH + k], got = (double)y[p * c->step + k];
            assert_true(isnan(want) ? isnan(got) : got == want);
        }
    blank_map(large, c->step);
    KERNEL(pool_max_back)(x, dy, y, &m);
    expect_map("pool_max_back", c, d, size, y, large, c->step);
    free(most);
}

static void test_pool_max(void **state)
{
    (void)state;
    assert_true(each_case(true, pool_max_case) > 50);
}

/* ---- whole maps and parts ---- */

static void whole_case(const Case *c)
{
    int64_t large = c->height * c->width, step = c->step;
    const real *x = drawn_map(0, 3, large, step);
    real *y = blank_map(1, step);
    KERNEL(reduce_sum)(x, step, y, large);
    for (int64_t k = 0; k < WIDTH; k++) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < large; p++)
            sum += (double)x[p * step + k], size += fabs((double)x[p * step + k]);
        assert_true(fabs((double)y[k] - sum) <= (double)large * EPSILON * size);
    }
    KERNEL(reduce_max)(x, step, y, large);
    for (int64_t k = 0; k < WIDTH; k++) {
        real most = x[k];
        for (int64_t p = 1; p < large; p++) most = x[p * step + k] > most ? x[p * step + k] : most;
        assert_true(y[k] == most);
    }
    y = blank_map(large, step);
    KERNEL(broadcast)(y, step, x, large);
    for (int64_t i = 0; i < (large + 1) * step; i++)
        assert_true(y[i] == (i % step < WIDTH && i < large * step ? x[i % step] : 7));
}

/* Every part of the map. */
static void part_case(const Case *c)
{
    int64_t rows = c->size < c->height ? c->size : c->height,
            columns = c->stride < c->width ? c->stride : c->width, large = c->height * c->width;
    for (int64_t top = 0; top + rows <= c->height; top++)
        for (int64_t left = 0; left + columns <= c->width; left++) {
            const real *x = drawn_map(0, 4, large, c->step);
            real *y = blank_map(rows * columns, c->step);
            MapSizes m = sizes_of(c);
            m.rows = rows, m.columns = columns, m.first = top * c->width + left;
            KERNEL(crop)(x, y, &m);
            for (int64_t p = 0; p < rows * columns; p++) {
                int64_t q = (top + p / columns) * c->width + left + p % columns;
                assert_memory_equal(y + p * c->step, x + q * c->step, WIDTH * sizeof *y);
            }
            y = blank_map(large, c->step);
            KERNEL(pad_map)(x, y, &m);
            for (int64_t q = 0; q < large; q++) {
                int64_t row = q / c->width - top, column = q % c->width - left;
                bool in = row >= 0 && row < rows && column >= 0 && column < columns;
                for (int64_t k = 0; k < WIDTH; k++)
                    assert_true(y[q * c->step + k] == (in ? x[(row * columns + column) * c->step + k] : 0));
            }
            assert_true(y[large * c->step] == 7);
        }
}

static void test_maps(void **state)
{
    (void)state;
    each_case(false, whole_case);
    each_case(false, part_case);
}

static int make_pool(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) pool[i] = malloc((size_t)(MOST_PIXELS + 1) * LANES * sizeof **pool);
    return 0;
}

static int free_pool(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) free(pool[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_conv), cmocka_unit_test(test_pool),
                                       cmocka_unit_test(test_pool_max), cmocka_unit_test(test_maps)};
    return cmocka_run_group_tests(tests, make_pool, free_pool);
}
