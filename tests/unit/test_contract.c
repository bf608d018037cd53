/* Records of contract.def: what is written is read again; what is missing or of another type is a message. */
#include "common/contract.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka.h needs the three above */
#include <cmocka.h>

/* A list with a budget, a parameter with lists, a function with levels: every form of a field but OWN. */
static json_t *written(void)
{
    int64_t shape[] = {3, 5};
    double choices[] = {-0.1, 1e300};
    NetSum sums[] = {{1, 2, 3, 0}, {4, 5, INT64_MAX, 6}};
    NetNorms norms = {.graph = 7, .back = true, .moments = 8, .statistics = 9};
    NetLevel levels[] = {{.once = -1, .tile = 2, .rounds = -1, .sums = sums, .sum_count = 2},
                         {.once = 3, .tile = -1, .rounds = 0, .norms = &norms}};
    NetParam param = {.name = "w", .shape = shape, .rank = 2, .size = 15, .learned = true};
    param.init = (InitSpec){.kind = INIT_CHOICE, .choices = choices, .choice_count = 2};
    NetList list = {.name = "edges",
                    .key = "",
                    .shares = "",
                    .budget = {KEEP_ANNEAL, 10, 20, 1.5},
                    .rule = {RULE_DNW, 1, 1, true}};
    NetGraph graph = {.name = "g", .chance_seed = INT64_MIN};
    graph.time.a[1][0] = 0.1, graph.time.error[MAX_TIME_STAGES] = 1.0 / 3;
    NetRecord record = {
        .param_total = 16, .params = &param, .param_count = 1, .graphs = &graph, .graph_count = 1};
    record.lists = &list, record.list_count = 1;
    record.infer = (NetFunc){.rows = 4, .loss = -1, .levels = levels, .level_count = 2};
    return contract_write(CONTRACT_NetRecord, &record);
}

static void test_both_ways(void **state)
{
    (void)state;
    NetRecord r;
    RtError e;
    json_t *first = written();
    char *text = json_dumps(first, JSON_REAL_PRECISION(17));
    json_t *parsed = json_loads(text, 0, NULL);
    if (!contract_read(CONTRACT_NetRecord, parsed, &r, &e)) fail_msg("%s", e.text);
    assert_string_equal(r.params[0].name, "w");
    assert_int_equal(r.params[0].shape[1], 5);
    assert_true(r.params[0].init.choices[0] == -0.1 && r.params[0].init.choices[1] == 1e300);
    assert_int_equal(r.lists[0].budget.form, KEEP_ANNEAL);
    assert_true(r.graphs[0].chance_seed == INT64_MIN && r.graphs[0].time.a[1][0] == 0.1);
    assert_true(r.infer.levels[0].sums[1].size == INT64_MAX && !r.infer.levels[0].norms && !r.train);
    assert_true(r.infer.levels[1].norms->back && r.infer.levels[1].norms->statistics == 9);
    json_t *again = contract_write(CONTRACT_NetRecord, &r);
    assert_true(json_equal(first, again));
    contract_free(CONTRACT_NetRecord, &r);
    json_decref(first), json_decref(parsed), json_decref(again);
    free(text);
}

/* Reads a level after a change; `said` must be in the message. */
static void refuses(const char *level, const char *said)
{
    NetLevel l;
    RtError e = {0};
    json_t *j = json_loads(level, 0, NULL);
    assert_non_null(j);
    assert_false(contract_read(CONTRACT_NetLevel, j, &l, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    if (!strstr(e.text, said)) fail_msg("%s\nexpected: %s", e.text, said);
    contract_free(CONTRACT_NetLevel, &l);
    json_decref(j);
}

static void test_messages(void **state)
{
    (void)state;
    refuses("{}", "the manifest of this program is damaged: 'once' of NetLevel is missing\n"
                  "help: build the program again");
    refuses("{\"once\": 1.5}", "'once' of NetLevel is no whole number");
    refuses("{\"once\": 2147483648}", "'once' of NetLevel is no whole number");
    refuses("{\"once\": 1, \"tile\": 1, \"rounds\": 1, \"sums\": 3}", "'sums' of NetLevel is no list");
    refuses("{\"once\": 1, \"tile\": 1, \"rounds\": 1, \"sums\": [3]}", "'sums' of NetLevel is no object");
    refuses("{\"once\": 1, \"tile\": 1, \"rounds\": 1, \"sums\": [{\"from\": 1, \"to\": 2}]}",
            "'size' of NetSum is missing");
    refuses("{\"once\": 1, \"tile\": 1, \"rounds\": 1, \"sums\": [], \"norms\": {\"graph\": 0, \"back\": 1}}",
            "'back' of NetNorms is neither true nor false");
}

static void test_words(void **state)
{
    (void)state;
    EdgeBudget b;
    RtError e;
    json_t *j = json_pack("{s:s, s:i, s:i, s:f, s:s}", "form", "half", "keep", 1, "start", 1, "epochs", 1.0,
                          "curve", "cubic");
    assert_false(contract_read(CONTRACT_EdgeBudget, j, &b, &e));
    assert_non_null(strstr(e.text, "'form' of EdgeBudget is no known word"));
    json_object_set_new(j, "form", json_string("fan_out"));
    assert_true(contract_read(CONTRACT_EdgeBudget, j, &b, &e));
    assert_int_equal(b.form, KEEP_FAN_OUT);
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_ways), cmocka_unit_test(test_messages),
                                       cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
