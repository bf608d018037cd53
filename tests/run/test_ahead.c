/* test_ahead.c: the samples of the next step are loaded and moved while a step ends. After each step those of
 * the next one are spoilt in the data: what is trained on them must have been read before. With two threads,
 * and the same bits as with one, which loads nothing ahead. What was loaded for other samples, or for another
 * epoch, is not used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "built.h"
#include "common/rng.h"

enum { BATCH = 40, STEPS = 3, SAMPLES = BATCH * STEPS, SEED = 5 };

typedef struct Pair {
    Built built;
    Arena *arena;
    Data *data, *spoilt;
    Net *plain, *ahead; /* one thread, two */
    int64_t order[SAMPLES];
} Pair;

static void open_pair(Pair *p, const char *path)
{
    *p = (Pair){.arena = arena_new()};
    assert_true(built_open(&p->built, path, 0));
    p->data = built_data(p->arena, p->built.compilation->model, SAMPLES, SEED);
    p->spoilt = built_data(p->arena, p->built.compilation->model, SAMPLES, SEED);
    p->plain = built_net(&p->built, false, BATCH, 1, SEED);
    p->ahead = built_net(&p->built, false, BATCH, 2, SEED);
    rng_permutation(SEED, RNG_SHUFFLE, 0, SAMPLES, p->order);
}

static void close_pair(Pair *p)
{
    net_free(p->plain), net_free(p->ahead);
    built_close(&p->built);
    arena_free(p->arena);
}

static void step(Pair *p, Net *n, const Data *d, int number, double epoch)
{
    const int64_t *order = p->order + number * BATCH;
    assert_true(
        net_train_step(n, (NetSamples){d, &d->train, order, BATCH}, (NetPosition){0.02, number, epoch, 0})
            .finite);
}

static void spoil(Data *d, const int64_t *order)
{
    for (int64_t i = 0; i < BATCH; i++)
        for (int64_t k = order[i] * d->features; k < (order[i] + 1) * d->features; k++)
            if (d->train.bytes) d->train.bytes[k] ^= 0x55;
            else d->train.floats[k] += 3;
}

static bool same_weights(const Pair *p)
{
    return memcmp(p->plain->weights, p->ahead->weights, (size_t)p->plain->param_total * sizeof(float)) == 0;
}

static void test_loaded(void **state)
{
    Pair p;
    open_pair(&p, *state);
    assert_null(p.plain->ahead.values);
    for (int i = 0; i < STEPS; i++) {
        const int64_t *next = p.order + (i + 1) * BATCH;
        step(&p, p.plain, p.data, i, 0.3 * i);
        if (i + 1 < STEPS) net_train_next(p.ahead, next, BATCH);
        step(&p, p.ahead, p.spoilt, i, 0.3 * i);
        if (i + 1 < STEPS) spoil(p.spoilt, next);
    }
    assert_true(same_weights(&p));
    close_pair(&p);
}

/* A run that goes on from what is kept has nothing loaded for its first step. */
static void test_resumed(void **state)
{
    RtError e;
    Pair p;
    open_pair(&p, *state);
    for (int i = 0; i < 2; i++) {
        step(&p, p.plain, p.data, i, 0);
        net_train_next(p.ahead, p.order + (i + 1) * BATCH, BATCH);
        step(&p, p.ahead, p.data, i, 0);
    }
    Net *new = built_net(&p.built, false, BATCH, 2, SEED);
    for (int i = 0; i < net_tensor_count(new); i++) {
        const NetTensor *from = net_tensor(p.ahead, i), *to = net_tensor(new, i);
        memcpy(to->data, from->data, (size_t)(to->size * net_element(to->kind)));
    }
    assert_true(net_reload(new, true, &e));
    net_free(p.ahead), p.ahead = new;
    step(&p, p.plain, p.data, 2, 0), step(&p, p.ahead, p.data, 2, 0);
    assert_true(same_weights(&p));
    close_pair(&p);
}

/* Without the call a step reads what stands in the data when it begins. */
static void test_spoilt(void **state)
{
    Pair p;
    open_pair(&p, *state);
    for (int i = 0; i < 2; i++) {
        step(&p, p.plain, p.data, i, 0);
        step(&p, p.ahead, p.spoilt, i, 0);
        assert_true(same_weights(&p) == (i == 0));
        spoil(p.spoilt, p.order + BATCH);
    }
    close_pair(&p);
}

/* Other samples, fewer, and those of another epoch, in which pictures are moved in another way. */
static void test_other(void **state)
{
    Pair p;
    open_pair(&p, *state);
    for (int way = 0; way < 3; way++) {
        net_train_next(p.ahead, p.order + (way == 0 ? 2 : 1) * BATCH, way == 1 ? BATCH / 2 : BATCH);
        for (int i = 0; i < 2; i++) {
            double epoch = way == 2 ? way + i : way;
            step(&p, p.plain, p.data, i, epoch);
            step(&p, p.ahead, p.data, i, epoch);
            assert_true(same_weights(&p));
        }
    }
    close_pair(&p);
}

int main(void)
{
    /* bytes moved and not; numbers moved and not; gradients that go backwards in rounds, and a norm of all */
    static const char *const paths[] = {"./augment.dnw",      "./colour.dnw",   "./augment_numbers.dnw",
                                        "./augment_part.dnw", "./free_dag.dnw", "./time_long.dnw",
                                        "./via_maps_scan.dnw"};
    enum { PATHS = sizeof paths / sizeof *paths };
    struct CMUnitTest tests[4 * PATHS];
    for (int i = 0; i < PATHS; i++) {
        tests[4 * i] = (struct CMUnitTest){paths[i] + 2, test_loaded, NULL, NULL, (void *)paths[i]};
        tests[4 * i + 1] =
            (struct CMUnitTest){"its data is spoilt", test_spoilt, NULL, NULL, (void *)paths[i]};
        tests[4 * i + 2] = (struct CMUnitTest){"other samples", test_other, NULL, NULL, (void *)paths[i]};
        tests[4 * i + 3] = (struct CMUnitTest){"resumed", test_resumed, NULL, NULL, (void *)paths[i]};
    }
    ahead_least = 1;
    return _cmocka_run_group_tests("ahead", tests, 4 * PATHS, NULL, NULL);
}
