/* test_drawn.c: lines whose edges in use never change have gradients of these alone: the exact ones of the
 * same net in double. The others have 0, and their weights stay; a step moves the rest alike whether
 * gradients are stored or not; with any number of threads, and when a graph in time goes backwards in rounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "built.h"
#include "layout/timed_rows.h"

enum { SAMPLES = 83, SEED = 3 }; /* no whole number of tiles */

typedef struct Drawn {
    Built built;
    Data *data;
    int64_t order[SAMPLES];
} Drawn;

static int open_drawn(void **state, int64_t window)
{
    static Drawn d;
    const int64_t usual = timed_window_bytes, few = timed_window_few;
    if (window) timed_window_bytes = window, timed_window_few = 0;
    bool ok = built_open(&d.built, "drawn/drawn.dnw", 3);
    timed_window_bytes = usual, timed_window_few = few;
    d.data = built_data(d.built.compilation->perm, d.built.compilation->model, SAMPLES, SEED);
    for (int64_t i = 0; i < SAMPLES; i++) d.order[i] = i;
    *state = &d;
    return ok ? 0 : -1;
}

static int open_usual(void **state)
{
    return open_drawn(state, 0);
}

static int open_rounds(void **state)
{
    return open_drawn(state, 1);
}

static int close_drawn(void **state)
{
    built_close(&((Drawn *)*state)->built);
    return 0;
}

static Net *new_net(const Drawn *d, bool f64, int threads)
{
    Net *n = built_net(&d->built, f64, SAMPLES, threads, SEED);
    built_shake(n, 0);
    return n;
}

/* Gradients of one step are in Net.grad afterwards. */
static void run(const Drawn *d, Net *n)
{
    NetBatch batch = net_train_batch(d->data, &d->data->train, d->order, SAMPLES, 0);
    net_run(n, &n->train, &batch, 0, NULL);
    gradient_edges(n, (SAMPLES + n->lanes - 1) / n->lanes, NULL);
}

static void expect_exact(const Net *n, const NetBundle *b, const Net *f64)
{
    const float *x = (const float *)n->grad + b->param->offset;
    const double *y = (const double *)f64->grad + b->param->offset;
    double scale = 0;
    int64_t used = 0, others = 0;
    for (int64_t i = 0; i < b->candidates.count; i++) scale = fmax(scale, fabs(y[i]));
    assert_true(scale > 1e-9);
    for (int64_t i = 0; i < b->candidates.count; i++) {
        const double want = b->kept[i] ? y[i] : 0;
        if (!(fabs((double)x[i] - want) <= 1e-4 * scale))
            fail_msg("%s, candidate %d: %g, not %g", b->line.name, (int)i, (double)x[i], want);
        assert_true(b->kept[i] || x[i] == 0);
        used += b->kept[i], others += !b->kept[i] && fabs(y[i]) > 1e-3 * scale;
    }
    assert_true(used > 0 && (others > 0 || used == b->candidates.count));
}

static void test_gradients(void **state)
{
    const Drawn *d = *state;
    Net *n = new_net(d, false, 2), *f64 = new_net(d, true, 2);
    int lines = 0, on_the_way = 0;
    run(d, n), run(d, f64);
    for (int i = 0; i < n->bundle_count; i++) {
        if (!gradient_of_used(n, &n->bundles[i])) continue;
        expect_exact(n, &n->bundles[i], f64);
        lines++, on_the_way += n->wires[i].dots >= 0;
    }
    assert_int_equal(lines, n->bundle_count - 1); /* one is learned */
    assert_true(on_the_way > 0 && on_the_way < lines);
    net_free(n), net_free(f64);
}

static void step(const Drawn *d, Net *n)
{
    for (int i = 0; i < 3; i++)
        assert_true(net_train_step(n, (NetSamples){d->data, &d->data->train, d->order, SAMPLES},
                                   (NetPosition){0.01, i, 0, 0})
                        .finite);
}

/* A bound on the norm that is never reached makes a step store all gradients first. */
static void test_stored(void **state)
{
    const Drawn *d = *state;
    Net *fused = new_net(d, false, 1), *stored = new_net(d, false, 3);
    Optim bounded = d->built.optim;
    bounded.clip = 1e9, stored->options.optim = &bounded;
    assert_true(net_stores_gradients(stored) && !net_stores_gradients(fused));
    const size_t bytes = (size_t)fused->param_total * sizeof(float);
    float *before = malloc(bytes);
    memcpy(before, fused->weights, bytes);
    step(d, fused), step(d, stored);
    assert_memory_equal(fused->weights, stored->weights, bytes);
    for (int i = 0; i < fused->bundle_count; i++) {
        const NetBundle *b = &fused->bundles[i];
        const float *now = fused->weights + b->param->offset, *then = before + b->param->offset;
        for (int64_t k = 0; k < b->candidates.count && gradient_of_used(fused, b); k++)
            if ((now[k] != then[k]) != b->kept[k])
                fail_msg("%s: weight %d %s", b->line.name, (int)k, b->kept[k] ? "stays" : "moves");
    }
    free(before);
    net_free(fused), net_free(stored);
}

/* The same bits with one thread and with three. */
static void test_threads(void **state)
{
    const Drawn *d = *state;
    Net *one = new_net(d, false, 1), *three = new_net(d, false, 3);
    run(d, one), run(d, three);
    assert_memory_equal(one->grad, three->grad, (size_t)one->param_total * sizeof(float));
    net_free(one), net_free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradients), cmocka_unit_test(test_stored),
                                       cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, open_usual, close_drawn) +
           cmocka_run_group_tests(tests, open_rounds, close_drawn);
}
