/* test_part.c: `using dnw(refresh, positions, bf16)` against the exact gradient of the same net, weights and
 * samples: over as many steps as there are parts they add up to the gradient; one step alone is not; edges in
 * use always have it, added up in the backward pass or afterwards; rounded factors come close to it for the
 * others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "built.h"
#include "common/product.h"
#include "layout/timed_rows.h"

enum { SAMPLES = 83, SEED = 3 }; /* tiles of 16: the last one has 3 */

typedef struct Part {
    Built built;
    Net *net;
    Data *data;
    int64_t order[SAMPLES];
} Part;

static int64_t window = 1 << 20; /* bytes of evaluations that are there at once; small: rounds of a step */
static int threads = 2;

static void open_part(Part *p, const char *every, const char *part, const char *half)
{
    const Define defines[] = {{"every", every}, {"part", part}, {"half", half}};
    const int64_t usual = timed_window_bytes;
    timed_window_bytes = window;
    assert_true(built_open_defined(&p->built, "part/part.dnw", 0, 3, defines));
    timed_window_bytes = usual;
    p->net = built_net(&p->built, false, SAMPLES, threads, SEED);
    p->data = built_data(p->built.compilation->perm, p->built.compilation->model, SAMPLES, SEED);
    for (int64_t i = 0; i < SAMPLES; i++) p->order[i] = i;
    built_shake(p->net, 0);
}

static void close_part(Part *p)
{
    net_free(p->net);
    built_close(&p->built);
}

/* Gradients of all parameters at one step, in an array of the test's. */
static double *gradients_at(Part *p, int64_t step)
{
    Net *n = p->net;
    NetBatch batch = net_train_batch(p->data, &p->data->train, p->order, SAMPLES, 0);
    memset(n->grad, 0, (size_t)n->param_total * 4);
    net_run(n, &n->train, &batch, step, NULL);
    gradient_edges(n, (SAMPLES + n->lanes - 1) / n->lanes, NULL);
    double *g = malloc((size_t)n->param_total * sizeof *g);
    for (int64_t i = 0; i < n->param_total; i++) g[i] = ((const float *)n->grad)[i];
    return g;
}

static double *exact; /* gradients without estimates */

static int take_exact(void **state)
{
    (void)state;
    Part p;
    open_part(&p, "1", "1", "false");
    exact = gradients_at(&p, 0);
    close_part(&p);
    return 0;
}

static int drop_exact(void **state)
{
    (void)state;
    free(exact);
    return 0;
}

/* Largest difference among the candidates of a bundle, in use or not, relative to its largest gradient. */
static double difference(const NetBundle *b, bool in_use, const double *x, const double *y)
{
    double most = 0, scale = 0;
    for (int64_t i = 0; i < b->candidates.count; i++) {
        int64_t at = b->param->offset + i;
        scale = fmax(scale, fabs(y[at]));
        if ((b->kept[i] != 0) == in_use) most = fmax(most, fabs(x[at] - y[at]));
    }
    assert_true(scale > 1e-6);
    return most / scale;
}

/* The sum over `steps` steps is the exact gradient, that of the last one is not; edges in use have it at
 * each.
 */
static void check_sum(const char *every, const char *part, int steps)
{
    Part p;
    open_part(&p, every, part, "false");
    double *sum = calloc((size_t)p.net->param_total, sizeof *sum);
    for (int s = 0; s < steps; s++) {
        double *g = gradients_at(&p, s);
        for (int64_t i = 0; i < p.net->param_total; i++) sum[i] += g[i];
        for (int b = 0; b < p.net->bundle_count; b++) {
            assert_true(difference(&p.net->bundles[b], true, g, exact) < 1e-5);
            assert_true(gradient_is_estimate(p.net, &p.net->bundles[b]));
            assert_true(s < steps - 1 || difference(&p.net->bundles[b], false, g, exact) > 1e-3);
        }
        free(g);
    }
    for (int b = 0; b < p.net->bundle_count; b++)
        assert_true(difference(&p.net->bundles[b], false, sum, exact) < 1e-5);
    free(sum);
    close_part(&p);
}

static void test_positions(void **state)
{
    (void)state;
    check_sum("1", "2", 2);
    check_sum("1", "3", 3); /* does not divide the units of a row */
    check_sum("1", "8", 8);
}

static void test_refresh(void **state)
{
    (void)state;
    check_sum("4", "1", 4);
    check_sum("2", "3", 6);
}

/* In the steps between, a candidate that is not in use has no gradient. */
static void test_between(void **state)
{
    (void)state;
    Part p;
    open_part(&p, "3", "1", "false");
    double *g = gradients_at(&p, 2);
    for (int b = 0; b < p.net->bundle_count; b++)
        for (int64_t i = 0; i < p.net->bundles[b].candidates.count; i++)
            if (!p.net->bundles[b].kept[i]) assert_true(g[p.net->bundles[b].param->offset + i] == 0);
    free(g);
    close_part(&p);
}

static void test_rounded(void **state)
{
    (void)state;
    Part p;
    double most = 0;
    open_part(&p, "1", "1", "true");
    double *g = gradients_at(&p, 0);
    for (int b = 0; b < p.net->bundle_count; b++) {
        assert_true(difference(&p.net->bundles[b], true, g, exact) < 1e-5);
        most = fmax(most, difference(&p.net->bundles[b], false, g, exact));
    }
    assert_true(most < 0.01);
    assert_true(product_bf16_available() ? most > 1e-5 : most < 1e-5);
    free(g);
    close_part(&p);
}

static double *gradients_by(int with_threads, int64_t *count)
{
    Part p;
    threads = with_threads;
    open_part(&p, "1", "2", "true");
    double *g = gradients_at(&p, 1);
    *count = p.net->param_total;
    close_part(&p);
    threads = 2;
    return g;
}

/* The same bits with one thread and with three. */
static void test_threads(void **state)
{
    (void)state;
    int64_t count;
    double *one = gradients_by(1, &count), *three = gradients_by(3, &count);
    assert_memory_equal(one, three, (size_t)count * sizeof *one);
    free(one), free(three);
}

/* All of it again with rounds. */
static int small_window(void **state)
{
    window = 1;
    return take_exact(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_positions), cmocka_unit_test(test_refresh),
                                       cmocka_unit_test(test_between), cmocka_unit_test(test_rounded),
                                       cmocka_unit_test(test_threads)};
    const struct CMUnitTest rounds[] = {cmocka_unit_test(test_positions), cmocka_unit_test(test_rounded),
                                        cmocka_unit_test(test_threads)};
    return cmocka_run_group_tests(tests, take_exact, drop_exact) +
           cmocka_run_group_tests(rounds, small_window, drop_exact);
}
