/* test_live.c: edges that cannot matter in some steps are left out: outputs, loss and gradients stay what
 * they are, to the bit, also when backwards goes step by step. Gradients of candidates are sums of other
 * matrix products then, and agree to rounding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>
#include "built.h"
#include "layout/live.h"
#include "common/rng.h"
#include "layout/timed_rows.h"

enum { MOST = 70 };

static Results *results_of(Arena *a, const char *path, bool everything, int64_t window_bytes, bool *left_out)
{
    Built b;
    int64_t usual = timed_window_bytes, few = timed_window_few;
    if (window_bytes) timed_window_bytes = window_bytes, timed_window_few = 0;
    live_disabled = everything;
    bool ok = built_open(&b, path, 0);
    timed_window_bytes = usual, timed_window_few = few;
    live_disabled = false;
    assert_true(ok);
    const Model *m = b.compilation->model;
    *left_out = false;
    for (int i = 0; i < m->graphs.count; i++) *left_out = *left_out || live_left_out(m->graphs.at[i]) > 0;
    Results *r = built_once(a, &b, false, MOST);
    built_close(&b);
    return r;
}

static void compare(const char *path, int64_t window_bytes)
{
    Arena *a = arena_new();
    bool some, none;
    Results *x = results_of(a, path, false, window_bytes, &some),
            *y = results_of(a, path, true, window_bytes, &none);
    assert_true(some);
    assert_false(none);
    assert_int_equal(x->all.count, y->all.count);
    for (int i = 0; i < x->all.count; i++) {
        const Result *p = &x->all.at[i], *q = &y->all.at[i];
        assert_string_equal(p->name, q->name);
        double most = 0, rounding = strncmp(p->name, "d ", 2) == 0 && strstr(p->name, ".edges.") ? 1e-6 : 0;
        for (int64_t k = 0; k < p->size; k++) most = fmax(most, fabs(q->values[k]));
        for (int64_t k = 0; k < p->size; k++)
            if (!(fabs(p->values[k] - q->values[k]) <= rounding * most))
                fail_msg("%s: '%s' [%lld] is %.9g, %.9g with all edges", path, p->name, (long long)k,
                         p->values[k], q->values[k]);
    }
    arena_free(a);
}

static void test_same_bits(void **state)
{
    compare(*state, 0);
    compare(*state, 1);
}

/* What is proved of the chain of time_live.dnw: set by set, line by line. */
static void test_proved(void **state)
{
    (void)state;
    Compilation *c = compilation_new();
    assert_true(compile_file(c, "./time_live.dnw"));
    const Graph *g = NULL;
    for (int i = 0; i < c->model->graphs.count; i++)
        if (!strcmp(c->model->graphs.at[i]->name, "Chain")) g = c->model->graphs.at[i];
    static const int64_t first[] = {0, 1, 2, 1, 1,
                                    2, 2, 1}; /* x, a, b wake after 0, 1, 2 steps; c, which adds b, after 1 */
    assert_non_null(g);
    assert_int_equal(g->bundles.count, 8);
    for (int b = 0; b < 8; b++) assert_int_equal(g->bundles.at[b].live_first, first[b]);
    static const int64_t last[] = {2, 3, LIVE_ALWAYS, 2, -1}; /* x, a, b, c, d of five steps: 0 .. 4 */
    for (int s = 0; s < 5; s++) assert_int_equal(g->sets.at[s].live.last, last[s]);
    compilation_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"time_live.dnw", test_same_bits, NULL, NULL, "./time_live.dnw"},
        {"time_steps.dnw", test_same_bits, NULL, NULL, "./time_steps.dnw"},
        cmocka_unit_test(test_proved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
