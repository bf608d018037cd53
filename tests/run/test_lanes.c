/* test_lanes.c: programs with tiles of 1, 8, 16 and 64 samples other than what the compiler chooses, against
 * the reference interpreter in float and in double; and one thread against two, to the bit. test_programs.c
 * has the compiler's choice, which is 16 or 64 there: optimised code is made of the other two here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "built.h"
#include "layout/lanes.h"
#include "target/target.h"
#include "common/rng.h"

enum { MOST = 130 };

/* Programs that have, between them, all that depends on the lanes of a tile. */
static const char *const paths[] = {
    "batch_norm_edges.dnw",
    "batch_norm_edges_flow.dnw",
    "batch_norm_edges_steps.dnw",
    "batch_norm_edges_maps.dnw",
    "batch_norm_flow.dnw",
    "batch_norm_maps.dnw",
    "batch_norm_steps.dnw",
    "conv_stem.dnw",
    "dropout.dnw",
    "map_time.dnw",
    "map_time_blocks.dnw",
    "norm_graph.dnw",
    "time_adaptive.dnw",
    "time_adjoint.dnw",
    "via.dnw",
    "via_maps_static.dnw",
    "via_maps_time.dnw",
};

static void expect_near(const char *path, const Results *have, const Results *want, double tolerance)
{
    const char *worst;
    double d = built_distance(have, want, &worst);
    if (!(d <= tolerance)) fail_msg("%s: '%s' is off by %.2e", path, worst, d);
    assert_int_equal(have->correct, want->correct);
}

static void expect_same_numbers(const char *path, const Built *b, Net *f32, Net *f64, const Data *d)
{
    static const int64_t sizes[] = {17, MOST};
    int64_t order[MOST];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Arena *tmp = arena_new();
        rng_permutation(3, RNG_SHUFFLE, i, MOST, order);
        const Results *want = built_reference(tmp, f32, b, d, order, sizes[i], 1e9);
        Results *x = built_run(tmp, f32, d, order, sizes[i]);
        expect_near(path, built_fill_unused(tmp, f32, x, want), want, 1e-4);
        expect_near(path, built_run(tmp, f64, d, order, sizes[i]), want, 1e-10);
        arena_free(tmp);
    }
}

static void train(Net *n, const Data *d)
{
    int64_t order[MOST];
    for (int64_t step = 0; step < 3; step++) {
        rng_permutation(9, RNG_SHUFFLE, (uint64_t)step, MOST, order);
        NetStep r = net_train_step(n, (NetSamples){d, &d->train, order, MOST},
                                   (NetPosition){0.02, step, (double)step, 0});
        if (!r.finite) fail_msg("step %lld: %s is not finite", (long long)step, r.bad);
    }
}

static void expect_same_training(const Built *b, const Data *d)
{
    Net *one = built_net(b, false, MOST, 1, 11), *two = built_net(b, false, MOST, 2, 11);
    train(one, d), train(two, d);
    assert_memory_equal(one->weights, two->weights, (size_t)one->param_total * sizeof *one->weights);
    net_free(one), net_free(two);
}

/* What the compiler chooses; other tests run these. */
static int chosen_by_compiler(const char *path)
{
    Compilation *c = compilation_new();
    assert_true(compile_file(c, path));
    const json_t *batch = json_object_get(c->model->settings, "batch");
    int lanes = model_lanes(c->model, &(Tiling){0, target_is_wide(NULL), json_integer_value(batch)});
    compilation_free(c);
    return lanes;
}

static void test_program(void **state)
{
#define NUMBER(count) count,
    static const int lanes[] = {TILE_LANES(NUMBER)};
#undef NUMBER
    const char *path = *state;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        Built b;
        bool chosen = chosen_by_compiler(path) == lanes[i], seldom = lanes[i] < 16;
        if (!built_open_lanes(&b, path, seldom ? 3 : 0, lanes[i])) fail_msg("%s was not built", path);
        assert_int_equal(b.code->lanes, lanes[i]);
        if (chosen) {
            built_close(&b);
            continue;
        }
        Arena *a = arena_new();
        const Data *d = built_data(a, b.compilation->model, MOST, 21);
        Net *f32 = built_net(&b, false, MOST, 2, 1), *f64 = built_net(&b, true, MOST, 2, 1);
        built_shake(f32, 1e9);
        memcpy(f64->weights, f32->weights, (size_t)f32->param_total * sizeof(float));
        net_f64_params(f64);
        net_choose(f64, 1e9);
        expect_same_numbers(path, &b, f32, f64, d);
        expect_same_training(&b, d);
        net_free(f32), net_free(f64);
        arena_free(a);
        built_close(&b);
    }
}

int main(int argc, char **argv)
{
    enum { COUNT = sizeof paths / sizeof *paths };
    struct CMUnitTest all[COUNT];
    for (int i = 0; i < COUNT; i++)
        all[i] = (struct CMUnitTest){paths[i], test_program, NULL, NULL, (void *)paths[i]};
    return built_main("lanes", all, COUNT, argc, argv);
}
