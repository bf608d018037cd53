/* test_memory.c: the memory that a program asks for grows with the candidates as `dnw check` says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include "built.h"
#include "driver/list_cost.h"

enum { RULES = 4, SIZES = 2, OUTPUTS = 20 };

typedef struct Memory {
    double bytes;     /* of a net that trains */
    EdgeBytes stated; /* of its only list */
} Memory;

static Memory measured(const char *rule, const char *nodes)
{
    const Define defines[] = {{"chosen", rule}, {"n", nodes}};
    Built b;
    if (!built_open_defined(&b, "rules/memory.dnw", 1, 2, defines)) fail_msg("rules/memory.dnw");
    const Model *m = b.compilation->model;
    const NetOptions o = {.batch = 1, .threads = 1, .training = true, .optim = &b.optim};
    const ListTraining training = list_training(m, NULL);
    const Memory r = {(double)net_bytes(b.code, b.manifest, &o), list_bytes(m->graphs.at[0], 0, &training)};
    built_close(&b);
    return r;
}

/* Of two rules the difference, so that what the nodes take does not count. */
static void test_candidates(void **state)
{
    (void)state;
    static const char *const rules[RULES] = {"0", "1", "2", "3"}, *const nodes[SIZES] = {"1000", "3000"};
    const double more = (3000 - 1000) * OUTPUTS;
    Memory all[RULES][SIZES];
    for (int r = 0; r < RULES; r++)
        for (int s = 0; s < SIZES; s++) all[r][s] = measured(rules[r], nodes[s]);
    for (int r = 1; r < RULES; r++) {
        const double grown = (all[r][1].bytes - all[r][0].bytes) - (all[0][1].bytes - all[0][0].bytes);
        const double stated = all[r][1].stated.candidate - all[0][1].stated.candidate;
        if (fabs(grown / more - stated) > 0.01)
            fail_msg("rule %d: %.3f bytes a candidate more than set, stated are %.3f", r, grown / more,
                     stated);
    }
    assert_true(all[0][0].stated.candidate == 0.125); /* set has numbers of edges in use alone */
    assert_true(all[0][0].stated.edge == 25); /* weight, momentum, gradient twice, source, age, mark */
    assert_true(all[3][0].stated.candidate > all[1][0].stated.candidate); /* two weights */
    assert_true(all[1][0].stated.candidate > 20 && all[2][0].stated.candidate == 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_candidates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
