/* test_rule_flow.c: the term flow of declared rules, and what synflow leaves by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include "built.h"
#include "wiring/moment.h"

enum { SAMPLES = 8, SEED = 11 };

/* What flows is the same through every cut of the graph, and no cut loses all of its edges (Tanaka et al.
 * 2020, theorem 2 and section 6), though few of the 1900 candidates are left. */
static void test_flow(void **state)
{
    (void)state;
    Built built;
    assert_true(built_open(&built, "rules/flow.dnw", 3));
    Net *n = built_net(&built, false, SAMPLES, 1, SEED);
    const Moment m = moment_new(n, &n->lists[0], 0);
    double sum[3] = {0};
    int64_t used[3] = {0};
    path_flow(&m);
    for (int b = 0; b < 3; b++)
        for (int64_t c = 0; c < n->bundles[b].candidates.count; c++) {
            if (!n->bundles[b].kept[c]) continue;
            used[b]++, sum[b] += (double)m.rule->flow[n->bundles[b].place + c];
        }
    assert_int_equal(used[0] + used[1] + used[2], 38);
    for (int b = 0; b < 3; b++) {
        assert_true(used[b] > 0 && sum[b] > 0);
        if (fabs(sum[b] / sum[0] - 1) > 1e-5) fail_msg("line %d: %.9g, not %.9g", b, sum[b], sum[0]);
    }
    net_free(n);
    built_close(&built);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_flow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
