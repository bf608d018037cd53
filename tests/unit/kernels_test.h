/* kernels_test.h: the kernels in one real type against naive loops in double. Included by test_kernels_f32.c
 * and test_kernels_f64.c, which say which type.
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
#include "kernels/gather.h"
#include "kernels/map.h"
#include "common/rng.h"

#ifdef DNW_REAL_IS_DOUBLE
#define EPSILON DBL_EPSILON
#else
#define EPSILON FLT_EPSILON
#endif

real KERNEL(sum_lanes)(const real *row, int64_t valid);
void KERNEL(random)(const DnwrtContext *context, int64_t stream, int64_t tile, int64_t element, int64_t part,
                    real *out);
void KERNEL(copy_rows)(real *to, const real *from, int64_t count);
void KERNEL(zero_rows)(real *to, int64_t count);
void KERNEL(sum_samples)(const real *rows, int64_t count, int64_t valid, real *out);
void KERNEL(moments)(const real *rows, int64_t count, int64_t valid, real *mean, real *squares);
int KERNEL(chance)(uint64_t seed, int64_t bundle, int64_t target, int64_t source, real p);
void KERNEL(pow)(real *x, const real *y);
#define MATH(name)                                                                                           \
    void KERNEL(name)(real * x);                                                                             \
    real KERNEL(name##1)(real x);
MATH(exp)
MATH(log)
MATH(tanh)
MATH(sigmoid)
MATH(softplus)
MATH(sin)
MATH(cos)
MATH(erf)
real KERNEL(pow1)(real x, real y);

static real drawn(uint64_t stream, int64_t i)
{
    return (real)rng_normal(41, stream, (uint64_t)i);
}

static real *drawn_rows(uint64_t stream, int64_t rows)
{
    real *x = malloc((size_t)(rows + 1) * LANES * sizeof *x);
    for (int64_t i = 0; i < rows * LANES; i++) x[i] = drawn(stream, i);
    return x;
}

/* ---- sums over edges ---- */

typedef struct Case {
    int nodes, others, pixels;
    double density; /* share of pairs that are edges */
} Case;
static const Case cases[] = {{1, 1, 1, 1},      {1, 1, 1, 0},    {1, 17, 1, 1},   {5, 1, 1, 0.5},
                             {3, 33, 1, 0},     {7, 13, 1, 0.3}, {16, 64, 1, 1},  {31, 257, 1, 0.1},
                             {2, 1001, 1, 0.9}, {1, 1, 4, 1},    {7, 13, 9, 0.3}, {5, 33, 35, 1},
                             {3, 9, 64, 0}};

typedef struct Edges {
    uint32_t *row, *other; /* by node */
    real *weight;
} Edges;

static Edges drawn_edges(const Case *c)
{
    size_t most = (size_t)(c->nodes * c->others) + 1;
    Edges e = {malloc((size_t)(c->nodes + 1) * sizeof *e.row), malloc(most * sizeof *e.other),
               malloc(most * sizeof *e.weight)};
    uint32_t n = 0;
    for (int i = 0; i < c->nodes; i++) {
        e.row[i] = n;
        for (int k = 0; k < c->others; k++)
            if (rng_uniform(43, 1, (uint64_t)(i * c->others + k)) < c->density)
                e.other[n] = (uint32_t)k, e.weight[n] = drawn(2, n), n++;
    }
    e.row[c->nodes] = n;
    return e;
}

/* What a gather is asked for: all nodes or every second one, blocks with gaps between them. */
typedef struct Asked {
    bool fresh, back, listed;
} Asked;

static void call_gather(const Case *c, const Edges *e, const real *rows, real *out, int gap, Asked a)
{
    uint32_t odd[64];
    DnwrtWires w = {e->row, e->other, e->weight, e->row, e->other, e->weight, NULL, NULL, -1, NULL};
    int64_t count = a.listed ? c->nodes / 2 : c->nodes;
    for (int i = 0; i < c->nodes / 2; i++) odd[i] = (uint32_t)(2 * i + 1);
    const GatherSizes s = {.pitch = c->pixels + gap, .out_pitch = c->pixels + 1, .pixels = c->pixels};
    (a.back ? KERNEL(gather_back) : KERNEL(gather))(&w, a.listed ? odd : NULL, count, rows, out, &s, a.fresh);
}

/* out starts as what is in it, or as 0; what lies between the blocks and nodes that are not listed stay. */
static void expect_gathered(const Case *c, const Edges *e, const real *rows, int gap, Asked a)
{
    int64_t pitch = (c->pixels + 1) * LANES;
    real *out = malloc((size_t)(c->nodes * pitch) * sizeof *out);
    for (int64_t t = 0; t < c->nodes * pitch; t++) out[t] = (real)(t % 1000 + 1);
    call_gather(c, e, rows, out, gap, a);
    for (int64_t t = 0; t < c->nodes * pitch; t++) {
        int64_t node = t / pitch, at = t % pitch;
        bool summed = at < c->pixels * LANES && (!a.listed || node % 2);
        double want = summed && a.fresh ? 0 : (double)(t % 1000 + 1), size = fabs(want);
        for (uint32_t k = e->row[node]; k < e->row[node + 1] && summed; k++) {
            double part =
                (double)e->weight[k] * (double)rows[(int64_t)e->other[k] * (c->pixels + gap) * LANES + at];
            want += part, size += fabs(part);
        }
        double error = fabs((double)out[t] - want);
        if (!(error <= (summed ? EPSILON * size * sqrt(c->others + 1.0) : 0)))
            fail_msg("%d x %d, element %d: off by %g", c->nodes, c->others, (int)t, error);
    }
    free(out);
}

static void gather_cases(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int gap = 0; gap < 2; gap++) {
            Edges e = drawn_edges(&cases[i]);
            real *rows = drawn_rows(3, (int64_t)cases[i].others * (cases[i].pixels + gap));
            for (int k = 0; k < 8; k++)
                expect_gathered(&cases[i], &e, rows, gap, (Asked){k & 1, k & 2, k & 4});
            free(e.row), free(e.other), free(e.weight), free(rows);
        }
}

/* For the registers of any processor. */
static void with_all_pieces(void cases_of(void))
{
    const int64_t usual = cpu_piece_bytes;
    for (cpu_piece_bytes = 128; cpu_piece_bytes <= 512; cpu_piece_bytes *= 2) cases_of();
    cpu_piece_bytes = usual;
}

static void test_gather(void **state)
{
    (void)state;
    with_all_pieces(gather_cases);
}

/* With gradients of weights: out as without them (places is -1: nowhere); each edge has the product of its
 * two blocks added to what was there. */
static void expect_dots(const Case *c, const Edges *e, const real *rows, const real *own, int64_t place)
{
    enum { BEFORE = 3 };
    const int64_t block = c->pixels * LANES, pitch = block + LANES, edges = e->row[c->nodes];
    const DnwrtWires w = {e->row, e->other, e->weight, e->row, e->other, e->weight, NULL, NULL, place, NULL};
    real *out = malloc((size_t)(2 * c->nodes * pitch) * sizeof *out), *plain = out + c->nodes * pitch,
         *tile = malloc((size_t)(edges + 4) * sizeof *tile);
    for (int64_t t = 0; t < 2 * c->nodes * pitch; t++) out[t] = (real)(t % (c->nodes * pitch) % 1000);
    for (int64_t i = 0; i < edges + 4; i++) tile[i] = BEFORE;
    const GatherSizes s = {
        .pitch = c->pixels, .out_pitch = c->pixels + 1, .own_pitch = c->pixels + 1, .pixels = c->pixels};
    KERNEL(gather_back)(&w, NULL, c->nodes, rows, plain, &s, 0);
    KERNEL(gather_back_dots)(&w, NULL, c->nodes, rows, out, &s, &(GatherDots){own, tile, 0});
    for (int64_t t = 0; t < c->nodes * pitch; t++)
        if (!(fabs((double)(out[t] - plain[t])) <= 1e4 * EPSILON)) fail_msg("element %d is another", (int)t);
    for (int64_t i = 0; i < edges + 4; i++) {
        const int64_t k = i - place;
        double want = BEFORE, size = BEFORE;
        int64_t node = 0;
        while (place >= 0 && k >= 0 && k < edges && k >= e->row[node + 1]) node++;
        for (int64_t t = 0; place >= 0 && k >= 0 && k < edges && t < block; t++) {
            double part = (double)own[node * pitch + t] * (double)rows[e->other[k] * block + t];
            want += part, size += fabs(part);
        }
        if (!(fabs((double)tile[i] - want) <= EPSILON * size * 8))
            fail_msg("edge %d of %d: %g instead of %g", (int)k, (int)edges, (double)tile[i], want);
    }
    free(out), free(tile);
}

static void dots_cases(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Edges e = drawn_edges(&cases[i]);
        real *rows = drawn_rows(7, (int64_t)cases[i].others * cases[i].pixels),
             *own = drawn_rows(8, (int64_t)cases[i].nodes * (cases[i].pixels + 1));
        expect_dots(&cases[i], &e, rows, own, 2);
        expect_dots(&cases[i], &e, rows, own, -1);
        free(e.row), free(e.other), free(e.weight), free(rows), free(own);
    }
}

static void test_dots(void **state)
{
    (void)state;
    with_all_pieces(dots_cases);
}

/* ---- taps of filters ---- */

/* Maps with their border of width x width pixels, so many of them; filters of size x size. */
typedef struct TapCase {
    int64_t maps, width, size, stride, targets;
    double density;
} TapCase;
static const TapCase tap_cases[] = {{1, 3, 3, 1, 2, 1},   {2, 10, 3, 1, 5, 0.3}, {3, 9, 3, 2, 8, 1},
                                    {4, 6, 2, 1, 6, 1},   {2, 11, 5, 3, 4, 0.5}, {1, 4, 2, 2, 3, 0},
                                    {2, 18, 3, 1, 7, 0.2}};

/* Every number of the rows of each tap, and where it stands in the maps: copied from there, or added to
 * `sums`, which is there in place of `maps`. */
static void each_tap(const TapCase *k, const GatherSizes *s, const uint32_t *first, real *windows,
                     const real *maps, double *sums)
{
    const int64_t side = s->rows, pixels = side * side;
    for (int64_t i = 0; i < k->maps * k->size * k->size * pixels * LANES; i++) {
        const int64_t p = i / LANES % pixels,
                      row = first[i / LANES / pixels] + k->stride * (p / side * k->width + p % side),
                      at = row * LANES + i % LANES;
        if (maps) windows[i] = maps[at];
        else sums[at] += (double)windows[i];
    }
}

/* Forwards as gather of the taps' rows, where whole vectors are added with the same bits; backwards as
 * gather_back, collected. */
static void expect_tap_sums(const TapCase *k, const GatherSizes *s, const uint32_t *first)
{
    const int taps = (int)(k->maps * k->size * k->size), targets = (int)k->targets;
    const int64_t side = s->rows, pixels = side * side, map = k->maps * k->width * k->width;
    const Case in = {targets, taps, 1, k->density}, back = {taps, targets, 1, k->density};
    const GatherSizes plain = {.pitch = pixels, .out_pitch = pixels, .pixels = pixels};
    Edges e = drawn_edges(&in), f = drawn_edges(&back);
    const DnwrtWires w = {e.row, e.other, e.weight, f.row, f.other, f.weight, NULL, NULL, -1, first};
    real *maps = drawn_rows(10, map), *windows = drawn_rows(11, taps * pixels),
         *out = drawn_rows(12, 2 * targets * pixels), *other = out + targets * pixels * LANES;
    double *wanted = calloc((size_t)(map * LANES), sizeof *wanted);
    each_tap(k, s, first, windows, maps, NULL);
    KERNEL(gather)(&w, NULL, targets, windows, other, &plain, 1);
    KERNEL(gather_taps)(&w, NULL, targets, maps, out, s, 1);
    for (int64_t i = 0; i < targets * pixels * LANES; i++)
        assert_true(fabs((double)(out[i] - other[i])) <= (LANES < 8 ? 1e2 * EPSILON : 0));
    KERNEL(gather_back)(&w, NULL, taps, out, windows, &plain, 1);
    each_tap(k, s, first, windows, NULL, wanted);
    memset(maps, 0, (size_t)(map * LANES) * sizeof *maps);
    KERNEL(gather_taps_back)(&w, NULL, taps, out, maps, s, 0);
    for (int64_t i = 0; i < map * LANES; i++)
        if (!(fabs((double)maps[i] - wanted[i]) <= 1e3 * EPSILON * (1 + fabs(wanted[i]))))
            fail_msg("map of %d, number %d: %g instead of %g", (int)k->width, (int)i, (double)maps[i],
                     wanted[i]);
    free(e.row), free(e.other), free(e.weight), free(f.row), free(f.other), free(f.weight);
    free(maps), free(windows), free(out), free(wanted);
}

static void tap_case(const TapCase *k)
{
    const int64_t side = (k->width - k->size) / k->stride + 1, taps = k->size * k->size;
    uint32_t first[64];
    for (int64_t i = 0; i < k->maps * taps; i++)
        first[i] = (uint32_t)(i / taps * k->width * k->width + i % taps / k->size * k->width + i % k->size);
    const bool whole = k->stride == 1; /* a row of the targets' maps is one run */
    expect_tap_sums(k,
                    &(GatherSizes){.out_pitch = side * side,
                                   .pitch = side * side,
                                   .pixels = whole ? side : 1,
                                   .runs = whole ? 1 : side,
                                   .run_step = k->stride,
                                   .rows = side,
                                   .row_step = k->stride * k->width},
                    first);
}

static void all_tap_cases(void)
{
    for (size_t i = 0; i < sizeof tap_cases / sizeof *tap_cases; i++) tap_case(&tap_cases[i]);
}

static void test_taps(void **state)
{
    (void)state;
    with_all_pieces(all_tap_cases);
}

/* ---- sums over lanes and rows ---- */

static void test_sum_lanes(void **state)
{
    (void)state;
    for (int64_t valid = 0; valid <= LANES; valid++) {
        real *row = drawn_rows(4, 1), sum;
        double want = 0;
        for (int64_t t = 0; t < valid; t++) want += (double)row[t];
        for (int64_t t = valid; t < LANES; t++) row[t] = (real)NAN; /* lanes without a sample do not count */
        sum = KERNEL(sum_lanes)(row, valid);
        assert_true(fabs((double)sum - want) <= 64 * EPSILON);
        free(row);
    }
}

static void test_rows(void **state)
{
    (void)state;
    static const int64_t counts[] = {1, 2, 3, 17, 64, 131};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int64_t n = counts[i], valid = 1 + (int64_t)i * 12 % LANES;
        real *rows = drawn_rows(5, n), *copy = drawn_rows(6, n), sums[LANES], most[LANES],
             *each = malloc((size_t)n * sizeof *each);
        for (int64_t p = 0; p < LANES; p += WIDTH) {
            KERNEL(reduce_sum)(rows + p, LANES, sums + p, n);
            KERNEL(reduce_max)(rows + p, LANES, most + p, n);
        }
        KERNEL(sum_samples)(rows, n, valid, each);
        for (int t = 0; t < LANES; t++) {
            double sum = 0, largest = -INFINITY;
            for (int64_t r = 0; r < n; r++)
                sum += (double)rows[r * LANES + t], largest = fmax(largest, (double)rows[r * LANES + t]);
            assert_true(fabs((double)sums[t] - sum) <= (double)n * 4 * EPSILON && (double)most[t] == largest);
        }
        for (int64_t r = 0; r < n; r++) {
            double sum = 0;
            for (int64_t t = 0; t < valid; t++) sum += (double)rows[r * LANES + t];
            assert_true(fabs((double)each[r] - sum) <= 64 * 4 * EPSILON);
        }
        real guard = copy[n * LANES - 1];
        KERNEL(copy_rows)(copy, rows, n - 1);
        assert_memory_equal(copy, rows, (size_t)(n - 1) * LANES * sizeof *rows);
        assert_true(copy[n * LANES - 1] == guard);
        KERNEL(zero_rows)(copy, n - 1);
        for (int64_t k = 0; k < (n - 1) * LANES; k++) assert_true(copy[k] == 0);
        assert_true(copy[n * LANES - 1] == guard);
        free(rows), free(copy), free(each);
    }
}

static void test_special_rows(void **state)
{
    (void)state;
    static const double cases[][4] = {
        {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
        {0, NAN, 5, NAN}, /* NaN in the middle, a larger number behind it */
        {NAN, 0, 0, NAN},
        {INFINITY, 0, 0, INFINITY},
        {0, 7, 7, 7},
        {0, 0, NAN, NAN},
        {0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        real rows[3 * LANES] = {0}, most[LANES];
        for (int r = 0; r < 3; r++) rows[r * LANES + (int)i % LANES] = (real)cases[i][r];
        for (int64_t p = 0; p < LANES; p += WIDTH) KERNEL(reduce_max)(rows + p, LANES, most + p, 3);
        double have = (double)most[(int)i % LANES], want = cases[i][3];
        assert_true(isnan(want) ? isnan(have) : have == want);
    }
}

/* ---- random numbers ---- */

static void test_random(void **state)
{
    (void)state;
    const DnwrtContext context = {.seed = 9, .step = 5};
    double sum = 0;
    int64_t drawn_numbers = 0;
    for (int64_t tile = 0; tile < 3; tile++)
        for (int64_t element = 0; element < 50; element += 7)
            for (int64_t part = 0; part < LANES / WIDTH; part++, drawn_numbers += WIDTH) {
                real out[WIDTH];
                KERNEL(random)(&context, 2, tile, element, part, out);
                for (int i = 0; i < WIDTH; i++) {
                    uint64_t sample = (uint64_t)(tile * LANES + part * WIDTH + i);
                    uint64_t stream = RNG_DROPOUT + (2ull << 8) + (5ull << 16);
                    uint32_t word = rng_words(9, stream, sample << 32 | (uint64_t)element).v[0];
                    assert_true((double)out[i] == (word >> 8) * 0x1p-24);
                    sum += (double)out[i];
                }
            }
    assert_true(fabs(sum / (double)drawn_numbers - 0.5) < 0.03);
}

static void test_chance(void **state)
{
    (void)state;
    int hits = 0;
    for (int64_t t = 0; t < 60; t++)
        for (int64_t s = 0; s < 60; s++) {
            assert_false(KERNEL(chance)(3, 1, t, s, 0));
            assert_true(KERNEL(chance)(3, 1, t, s, 1));
            int hit = KERNEL(chance)(3, 1, t, s, (real)0.25);
            assert_int_equal(hit,
                             rng_uniform(3, RNG_CHANCE + (1 << 8), (uint64_t)t << 32 | (uint64_t)s) < 0.25);
            hits += hit;
        }
    assert_true(abs(hits - 900) < 120);
}

/* ---- functions of numbers ---- */

static double sigmoid_exact(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double softplus_exact(double x)
{
    return isnan(x) ? x : fmax(x, 0) + log1p(exp(-fabs(x)));
}

typedef struct Function {
    const char *name;
    void (*lanes)(real *x);
    real (*one)(real x);
    double (*exact)(double x);
    double low, high; /* arguments where the bound holds */
    double relative, absolute;
} Function;

/* Relative error of the vector forms; absolute: what is this small may be 0. */
#define FUNCTION(name, exact, low, high, relative, absolute)                                                 \
    {                                                                                                        \
#name, KERNEL(name), KERNEL(name##1), exact, low, high, relative, absolute                           \
    }
static const Function all[] = {
    FUNCTION(exp, exp, -INFINITY, INFINITY, 3e-7, FLT_MIN),
    FUNCTION(log, log, -INFINITY, INFINITY, 3e-7, FLT_MIN),
    FUNCTION(tanh, tanh, -INFINITY, INFINITY, 3e-7, FLT_MIN),
    FUNCTION(sigmoid, sigmoid_exact, -INFINITY, INFINITY, 3e-7, FLT_MIN),
    FUNCTION(softplus, softplus_exact, -INFINITY, INFINITY, 3e-7, SOFTPLUS_ABSOLUTE),
    FUNCTION(sin, sin, -1e4, 1e4, 3e-7, 1e-7),
    FUNCTION(cos, cos, -1e4, 1e4, 3e-7, 1e-7),
    FUNCTION(erf, erf, -INFINITY, INFINITY, 3e-7, FLT_MIN),
};

/* In units of the bound; the same NaN and infinities count as 0. */
static double error_of(const Function *f, double y, double want)
{
    if (isnan(want)) return isnan(y) ? 0 : INFINITY;
    if (isinf(want)) return y == want ? 0 : INFINITY;
    double scale = EPSILON / FLT_EPSILON; /* double: as much better as its type is */
    return fabs(y - want) / (f->relative * scale * fabs(want) + fmax(f->absolute * scale, FLT_MIN * scale));
}

static void expect_function(const Function *f, const real *x)
{
    real y[WIDTH];
    memcpy(y, x, sizeof y);
    f->lanes(y);
    for (int i = 0; i < WIDTH; i++) {
        double v = (double)x[i], want = (double)(real)f->exact(v);
        if (v < f->low || v > f->high) continue;
        double error = fmax(error_of(f, (double)y[i], want), error_of(f, (double)f->one(x[i]), want));
        if (!(error <= 1))
            fail_msg("%s(%.9g) is %.9g and %.9g, not %.9g", f->name, v, (double)y[i], (double)f->one(x[i]),
                     want);
    }
}

/* Floats of every exponent and sign; in double the same numbers. */
static void test_functions(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (uint64_t bits = 0; bits < 1ull << 32; bits += 16 * 4801) {
            real x[WIDTH];
            for (int i = 0; i < WIDTH; i++) {
                uint32_t b = (uint32_t)(bits + (uint64_t)i * 4801);
                float number;
                memcpy(&number, &b, sizeof number);
                x[i] = (real)number;
            }
            expect_function(&all[k], x);
        }
}

/* Around the places where a form changes, and the special numbers. */
static void test_function_edges(void **state)
{
    (void)state;
    static const double at[] = {
        0,         -0.0,      1,        -1,        0.25, -0.25,      0.5,        88.72283,  88.7228,
        -87.33654, -87.33655, -103.9,   709.7,     -745, 1e-38,      1e-45,      -1e-45,    1.17549435e-38,
        3.4e38,    -3.4e38,   INFINITY, -INFINITY, NAN,  0.70710678, 1.41421356, 0.9999999, 1.0000001};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (size_t n = 0; n < sizeof at / sizeof *at; n++) {
            real x[WIDTH];
            for (int i = 0; i < WIDTH; i++) x[i] = (real)(at[n] * (1 + (i - WIDTH / 2) * (double)EPSILON));
            expect_function(&all[k], x);
        }
}

static void test_pow(void **state)
{
    (void)state;
    static const double at[] = {0, 1, -1, 2, -2, 0.5, -0.5, 3, 1e-3, 1e3, INFINITY, -INFINITY, NAN};
    enum { N = sizeof at / sizeof *at };
    for (int n = 0; n < N * N; n++) {
        real x[WIDTH], y[WIDTH];
        for (int i = 0; i < WIDTH; i++) x[i] = (real)at[(n + i) % (N * N) / N], y[i] = (real)at[(n + i) % N];
        for (int i = 0; i < WIDTH; i++) {
            double want = (double)(real)pow((double)x[i], (double)y[i]),
                   one = (double)KERNEL(pow1)(x[i], y[i]);
            real many[WIDTH];
            memcpy(many, x, sizeof many);
            KERNEL(pow)(many, y);
            assert_true(isnan(want)             ? isnan((double)many[i]) && isnan(one)
                        : fabs(want) < INFINITY ? fabs((double)many[i] - want) <= 4 * EPSILON * fabs(want) &&
                                                      fabs(one - want) <= 4 * EPSILON * fabs(want)
                                                : (double)many[i] == want && one == want);
        }
    }
}

/* Of numbers around 0 and far from it, where a difference of squares would be lost. */
static void test_moments(void **state)
{
    static const int64_t counts[] = {1, 7, 300};
    (void)state;
    for (int k = 0; k < 12; k++) {
        int64_t n = counts[k % 3], valid = k / 3 % 2 ? LANES : (LANES + 1) / 2;
        real *rows = drawn_rows(9, n), mean, squares, far = k < 6 ? 0 : 1000;
        double sum = 0, want = 0, terms = (double)(n * valid);
        for (int64_t i = 0; i < n * LANES; i++) rows[i] = i % LANES < valid ? rows[i] + far : (real)NAN;
        KERNEL(moments)(rows, n, valid, &mean, &squares);
        for (int64_t i = 0; i < n * LANES; i++) sum += i % LANES < valid ? (double)rows[i] : 0;
        for (int64_t i = 0; i < n * LANES; i++)
            want += i % LANES < valid ? ((double)rows[i] - sum / terms) * ((double)rows[i] - sum / terms) : 0;
        double off = (double)mean - sum / terms;
        assert_true(fabs(off) <= (double)(n + LANES) * EPSILON * ((double)far + 1));
        want += terms * off * off; /* from the mean as it was rounded */
        assert_true(fabs((double)squares - want) <= (double)(n + LANES) * 4 * EPSILON * (want + EPSILON));
        free(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather),         cmocka_unit_test(test_dots),
        cmocka_unit_test(test_sum_lanes),      cmocka_unit_test(test_rows),
        cmocka_unit_test(test_special_rows),   cmocka_unit_test(test_random),
        cmocka_unit_test(test_chance),         cmocka_unit_test(test_functions),
        cmocka_unit_test(test_function_edges), cmocka_unit_test(test_pow),
        cmocka_unit_test(test_moments),        cmocka_unit_test(test_taps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
