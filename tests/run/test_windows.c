/* test_windows.c: memory for one step only. Programs in time, built so that backwards must go step by step
 * from states that were kept, give the outputs of those that keep everything to the bit, and the same
 * gradients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "built.h"
#include "common/rng.h"
#include "layout/timed_rows.h"

enum { MOST = 70 };

static Results *results_of(Arena *a, const char *path, int64_t window_bytes, bool *rounds)
{
    Built b;
    int64_t usual = timed_window_bytes, few = timed_window_few;
    if (window_bytes) timed_window_bytes = window_bytes, timed_window_few = 0;
    bool ok = built_open(&b, path, 0);
    timed_window_bytes = usual, timed_window_few = few;
    assert_true(ok);
    const Model *m = b.compilation->model;
    *rounds = false;
    for (int i = 0; i < m->graphs.count; i++)
        *rounds = *rounds || (is_timed(m->graphs.at[i]) && timed_rounds(m->graphs.at[i]));
    Results *r = built_once(a, &b, true, MOST);
    built_close(&b);
    return r;
}

static void test_one_step(void **state)
{
    const char *path = *state, *worst;
    Arena *a = arena_new();
    bool before, rounds;
    Results *all = results_of(a, path, 0, &before), *small = results_of(a, path, 1, &rounds);
    assert_true(rounds);
    double d = built_distance(small, all, &worst);
    if (!(d < 1e-10)) fail_msg("%s: '%s' is off by %.2e", path, worst, d);
    for (int i = 0; i < all->all.count; i++) {
        const Result *x = &all->all.at[i], *y = &small->all.at[i];
        if (x->name[0] == 'd' || x->name[0] == 's') continue; /* gradients, kept statistics */
        assert_memory_equal(x->values, y->values, (size_t)x->size * sizeof *x->values);
    }
    arena_free(a);
}

int main(void)
{
    static const char *const paths[] = {
        "./time_flow.dnw",     "./time_scan.dnw",          "./time_steps.dnw",    "./time_long.dnw",
        "./time_adaptive.dnw", "./time_scan_adaptive.dnw", "./time_truncate.dnw", "./time_adjoint.dnw",
        "./map_time.dnw",      "./time_implicit.dnw",      "./via_time.dnw",      "./time_apart.dnw",
        "./time_rejected.dnw", "./rule_timed.dnw"};
    struct CMUnitTest tests[sizeof paths / sizeof *paths] = {{0}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        tests[i] = (struct CMUnitTest){paths[i] + 2, test_one_step, NULL, NULL, (void *)paths[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
