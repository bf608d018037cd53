/* test_net_fill.c: tiles hold what the definition says, for pictures of many shapes, of bytes and of floats,
 * moved and not, in float and double. Every block has its exact size, so that a sanitizer sees a read beside
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "net/net_private.h"
#include "common/rng.h"

enum { SAMPLES = 40, SEED = 3, EPOCH = 2 };

/* channels, height, width: rows shorter and longer than a block, and than a piece that is moved at once */
static const int shapes[][3] = {{3, 32, 32}, {1, 28, 28}, {1, 1, 5},   {2, 5, 1},   {3, 3, 70}, {1, 2, 300},
                                {1, 300, 3}, {4, 16, 16}, {2, 17, 33}, {1, 2, 257}, {1, 9, 256}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void make_data(Data *d, const int shape[3], bool bytes)
{
    *d = (Data){.rank = 3, .shape = {shape[0], shape[1], shape[2]}, .channels = shape[0], .image = true};
    d->features = (int64_t)shape[0] * shape[1] * shape[2];
    d->train.samples = SAMPLES;
    for (int c = 0; c < d->channels; c++) d->mean[c] = 0.1f * (float)c, d->std[c] = 0.3f + 0.1f * (float)c;
    size_t count = (size_t)(SAMPLES * d->features);
    if (bytes) d->train.bytes = malloc(count);
    else d->train.floats = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++)
        if (bytes) d->train.bytes[i] = (uint8_t)rng_words(1, RNG_DATA, i).v[0];
        else d->train.floats[i] = (float)rng_uniform(1, RNG_DATA, i);
}

/* Number i of a moved sample. */
static float wanted(const Data *d, int64_t sample, AugmentMove m, int64_t i)
{
    int64_t h = d->shape[1], w = d->shape[2], plane = i / (h * w);
    int64_t row = i / w % h + m.top, column = m.mirrored ? m.left - i % w : m.left + i % w;
    if (row < 0 || row >= h || column < 0 || column >= w) return 0;
    int64_t at = sample * d->features + (plane * h + row) * w + column;
    return d->train.bytes ? data_value(data_scale(d, (int)plane), d->train.bytes[at]) : d->train.floats[at];
}

static void set_changes(Net *n, bool crop, bool flip, int64_t pixels)
{
    n->augment = (Augment){0};
    if (crop) {
        n->augment.steps[n->augment.count].pixels = pixels;
        n->augment.steps[n->augment.count++].kind = AUGMENT_PAD_CROP;
    }
    if (flip) n->augment.steps[n->augment.count++].kind = AUGMENT_FLIP;
}

static void expect_tile(const Net *n, const Data *d, const int64_t *order)
{
    for (int64_t lane = 0; lane < n->lanes; lane++) {
        int64_t sample = order[lane < SAMPLES ? lane : SAMPLES - 1];
        AugmentMove m = augment_draw(&n->augment, SEED, EPOCH, sample, d->shape[2]);
        for (int64_t i = 0; i < d->features; i++) {
            double have = n->real_size == 4 ? (double)((float *)n->context.tiles)[i * n->lanes + lane]
                                            : ((double *)n->context.tiles)[i * n->lanes + lane];
            if (have != (double)wanted(d, sample, m, i))
                fail_msg("%lld x %lld, lane %lld, number %lld: %g", (long long)d->shape[1],
                         (long long)d->shape[2], (long long)lane, (long long)i, have);
        }
    }
}

static void check_fill(const int shape[3], bool bytes, int real_size, bool crop, bool flip, int lanes)
{
    static const NetFunc input = {.input_row = 0, .target_row = -1, .valid_row = -1};
    Data d;
    int64_t order[SAMPLES];
    make_data(&d, shape, bytes);
    Net *n = calloc(1, sizeof *n);
    n->lanes = lanes, n->real_size = real_size, n->inputs = d.features, n->options.seed = SEED;
    n->context.tiles = malloc((size_t)(d.features * lanes * real_size));
    n->context.tile_stride = d.features * lanes;
    set_changes(n, crop, flip, shape[1] < shape[2] ? shape[1] : shape[2]);
    for (int i = 0; i < SAMPLES; i++) order[i] = i * 7 % SAMPLES;
    NetBatch b = net_train_batch(&d, &d.train, order, SAMPLES, EPOCH + 0.5);
    net_fill_tile(n, &input, &b, 0);
    expect_tile(n, &d, order);
    free(n->context.tiles);
    free(n);
    free(d.train.bytes);
    free(d.train.floats);
}

static void test_fill(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (int way = 0; way < 16; way++) {
            check_fill(shapes[s], way & 1, way & 2 ? 8 : 4, way & 4, way & 8, 64);
            check_fill(shapes[s], way & 1, way & 2 ? 8 : 4, way & 4, way & 8, 16);
            check_fill(shapes[s], way & 1, way & 2 ? 8 : 4, way & 4, way & 8, 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
