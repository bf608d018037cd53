/* test_choose.c: edges in use against a sort: every budget, equal magnitudes, special numbers, and long
 * sequences of small and large moves, in which the choice starts from the one before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "net_test.h"
#include "wiring/rule.h"

/* ---- the choice by sorting ---- */

typedef struct Ranked {
    double score;
    int64_t position, group; /* group: the node that a fan budget counts for; else 0 */
    uint8_t *mark;
} Ranked;

static int by_rank(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->position < y->position ? -1 : 1;
}

static double score_of(const Net *n, const NetList *l, const NetBundle *b, int64_t c)
{
    if (l->declared) return (double)l->declared->score[b->place + c];
    return l->rule.kind == RULE_SAMPLE ? sample_score(n->options.seed, 0, b->line.list, b->position + c)
                                       : fabs((double)n->weights[b->param->offset + c]);
}

static Ranked ranked(const Net *n, const NetList *l, const NetBundle *b, int64_t target, int64_t c,
                     uint8_t *mark)
{
    const double score = score_of(n, l, b, c);
    int64_t group = 0;
    if (l->budget.form == KEEP_FAN_IN) group = b->line.to * 1000000 + target;
    if (l->budget.form == KEEP_FAN_OUT)
        group = b->line.from * 1000000 + candidates_source(&b->candidates, target, c);
    return (Ranked){score, b->position + c, group, mark};
}

/* marks[bundle][candidate] of one list */
static void sorted_choice(const Net *n, const NetList *l, int64_t keep, uint8_t **marks)
{
    Ranked *all = malloc((size_t)(l->candidates + 1) * sizeof *all);
    int64_t count = 0, in_group = 0;
    for (int i = l->first_bundle; i < l->first_bundle + l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        for (int64_t t = 0; t < b->candidates.targets; t++)
            for (int64_t c = candidates_row(&b->candidates, t); c < candidates_row(&b->candidates, t + 1);
                 c++)
                all[count++] = ranked(n, l, b, t, c, &marks[i][c]);
    }
    assert_int_equal(count, l->candidates);
    qsort(all, (size_t)count, sizeof *all, by_rank);
    for (int64_t i = 0; i < count; i++) {
        in_group = i > 0 && all[i].group == all[i - 1].group ? in_group + 1 : 0;
        *all[i].mark = l->budget.form == KEEP_ALL || in_group < keep;
    }
    free(all);
}

/* Lists with declared rules are chosen by scores that are there. */
static int64_t choose_all(Net *n, double epoch)
{
    int64_t swapped = 0;
    for (int i = 0; i < n->list_count && n->lists[i].declared; i++)
        swapped += choose_list(n, &n->lists[i], epoch);
    return n->lists[0].declared ? swapped : choose_edges(n, epoch);
}

static void expect_choice(Net *n, double epoch, const char *what, int step)
{
    uint8_t *want[TEST_BUNDLES], *before[TEST_BUNDLES];
    int64_t came = 0;
    for (int i = 0; i < TEST_BUNDLES; i++) {
        size_t c = (size_t)n->bundles[i].candidates.count + 1;
        want[i] = calloc(c, 1), before[i] = malloc(c);
        memcpy(before[i], n->bundles[i].kept, c);
        n->bundles[i].changed = false;
    }
    for (int i = 0; i < n->list_count; i++) {
        const NetList *l = &n->lists[i];
        sorted_choice(n, l,
                      l->budget.form == KEEP_ANNEAL ? budget_now(&l->budget, l->candidates, epoch)
                                                    : l->budget.keep,
                      want);
    }
    int64_t swapped = choose_all(n, epoch);
    for (int i = 0; i < TEST_BUNDLES; i++) {
        const NetBundle *b = &n->bundles[i];
        for (int64_t c = 0; c < b->candidates.count; c++) {
            if (b->kept[c] != want[i][c])
                fail_msg("%s, step %d: candidate %d of line %d is %d", what, step, (int)c, i, b->kept[c]);
            came += b->kept[c] && !before[i][c];
            if (b->kept[c] != before[i][c] && !b->changed)
                fail_msg("%s, step %d: line %d changed and is not marked so", what, step, i);
        }
        free(want[i]), free(before[i]);
    }
    assert_int_equal(swapped, came);
}

/* ---- weights ---- */

static double ordinary(int64_t i)
{
    return rng_normal(79, 1, (uint64_t)i);
}
static double few_values(int64_t i)
{
    return (rng_words(79, 2, (uint64_t)i).v[0] % 5 - 2.0) * 0.25;
}
static double all_equal(int64_t i)
{
    return i % 2 ? 0.5 : -0.5;
}
static double zeros(int64_t i)
{
    return i % 3 ? 0.0 : -0.0;
}
static double tiny(int64_t i)
{
    return ldexp(rng_normal(79, 3, (uint64_t)i), -140);
}
static double every_size(int64_t i)
{
    return ldexp(rng_normal(79, 4, (uint64_t)i), (int)(i % 240) - 120);
}
static double mostly_zero(int64_t i)
{
    return i % 11 ? 0 : rng_normal(79, 5, (uint64_t)i);
}
static double (*const kinds[])(int64_t) = {ordinary, few_values, all_equal,  zeros,
                                           tiny,     every_size, mostly_zero};
static const char *const kind_names[] = {"ordinary", "few values", "all equal",  "zeros",
                                         "tiny",     "every size", "mostly zero"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const TestShape shapes[] = {
    {{1, 1, 1}, 1}, {{5, 9, 3}, 1}, {{40, 33, 10}, 0.2}, {{200, 150, 20}, -0.3}, {{17, 1, 65}, 0.5}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void set_weights(Net *n, double (*kind)(int64_t), int64_t salt)
{
    for (int64_t i = 0; i < n->param_total; i++) n->weights[i] = (float)kind(i + salt * 1000003);
}

static void set_rule(Net *n, KeepForm rule, bool sampled, double share)
{
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        int64_t keep = (int64_t)ceil(share * (double)l->candidates);
        bool fan = rule == KEEP_FAN_IN || rule == KEEP_FAN_OUT;
        l->budget.form = rule, l->rule.kind = sampled ? RULE_SAMPLE : RULE_DNW;
        l->budget.keep = fan ? 1 + (int64_t)(share * 6) : keep < 1 ? 1 : keep;
        l->budget.start = l->candidates, l->budget.epochs = 10;
    }
}

/* ---- tests ---- */

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        KeepForm rule;
        bool sampled;
    } rules[] = {{"all", KEEP_ALL, false},
                 {"count", KEEP_COUNT, false},
                 {"fan_in", KEEP_FAN_IN, false},
                 {"fan_out", KEEP_FAN_OUT, false},
                 {"sampled count", KEEP_COUNT, true},
                 {"sampled fan_in", KEEP_FAN_IN, true},
                 {"sampled fan_out", KEEP_FAN_OUT, true}};
    for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
        for (int k = 0; k < KINDS * SHAPES * 2; k++) {
            Net *n = test_net(&shapes[k % SHAPES], k % 2 ? 1 : 3, 1, false);
            char what[80];
            snprintf(what, sizeof what, "%s, %s, shape %d", rules[r].name, kind_names[k / 2 / SHAPES],
                     k % SHAPES);
            set_rule(n, rules[r].rule, rules[r].sampled, k % 3 ? 0.3 : 0.03);
            for (int step = 0; step < 4; step++) {
                /* sampled and complete lists are chosen once, whatever becomes of the weights */
                set_weights(n, kinds[k / 2 / SHAPES], step);
                expect_choice(n, 0, what, step);
            }
            test_net_free(n);
        }
}

static void test_anneal(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS * SHAPES; k++) {
        Net *n = test_net(&shapes[k % SHAPES], k % 2 ? 1 : 3, 1, false);
        set_weights(n, kinds[k / SHAPES], 0);
        set_rule(n, KEEP_ANNEAL, false, 0.1);
        if (k % 3 == 0) /* growing */
            for (int i = 0; i < n->list_count; i++)
                n->lists[i].budget.start = 1, n->lists[i].budget.keep = n->lists[i].candidates;
        for (int step = 0; step < 24; step++) expect_choice(n, step / 2.0, kind_names[k / SHAPES], step);
        test_net_free(n);
    }
}

static int64_t anneal_count(int64_t start, int64_t keep, double epochs, double epoch)
{
    return budget_now(&(EdgeBudget){KEEP_ANNEAL, keep, start, epochs, ANNEAL_STRAIGHT}, 1000, epoch);
}

static int64_t on_curve(AnnealCurve curve, double epoch)
{
    return budget_now(&(EdgeBudget){KEEP_ANNEAL, 200, 1000, 10, curve}, 1000, epoch);
}

/* 200 + 800 (1 - t)^3 and 200 + 400 (1 + cos(pi t)) */
static void test_curves(void **state)
{
    (void)state;
    for (AnnealCurve c = 0; c < ANNEAL_CURVE_COUNT; c++) {
        assert_int_equal(on_curve(c, 0), 1000);
        assert_int_equal(on_curve(c, 10), 200);
        assert_int_equal(on_curve(c, 11), 200);
    }
    assert_int_equal(on_curve(ANNEAL_CUBIC, 5), 300);
    assert_int_equal(on_curve(ANNEAL_CUBIC, 2), 610); /* 609.6 */
    assert_int_equal(on_curve(ANNEAL_COSINE, 5), 600);
    assert_int_equal(on_curve(ANNEAL_COSINE, 2.5), 883); /* 882.84 */
}

static void test_anneal_count(void **state)
{
    (void)state;
    assert_int_equal(anneal_count(100, 5, 20, 0), 100);
    assert_int_equal(anneal_count(100, 5, 20, 20), 5);
    assert_int_equal(anneal_count(100, 5, 20, 1e9), 5);
    assert_int_equal(anneal_count(100, 0, 4, 1), 75);
    assert_int_equal(anneal_count(10, 60, 2.5, 1.25), 35);
    for (int e = 1; e < 100; e++)
        assert_true(anneal_count(1000, 7, 9.9, e / 10.0) <= anneal_count(1000, 7, 9.9, (e - 1) / 10.0));
}

/* Training: the weights move a little at every step, now and then a lot; more candidates than one piece of
 * work has. */
static void test_sequences(void **state)
{
    (void)state;
    static const TestShape large = {{200, 340, 20}, 1}, sparse = {{500, 500, 30}, 0.15};
    static const double moves[] = {1e-4, 1e-3, 0, 1e-2, 1e-5, 1, 1e-3, 1e-3, 30, 1e-4};
    for (int k = 0; k < 6; k++) {
        Net *n = test_net(k % 2 ? &sparse : &large, k < 3 ? 1 : 3, 1 + k % 2, false);
        set_weights(n, k == 2 ? few_values : k == 5 ? every_size : ordinary, k);
        set_rule(n, KEEP_COUNT, false, k % 3 == 0 ? 0.05 : 0.4);
        for (int step = 0; step < 14; step++) {
            expect_choice(n, 0, "sequence", step);
            for (int64_t i = 0; i < n->param_total; i++)
                n->weights[i] += (float)(moves[step % 10] * rng_normal(83, (uint64_t)step, (uint64_t)i));
        }
        test_net_free(n);
    }
}

/* Scores of declared rules: with signs, equal, infinite; pieces of work for three threads. */
static void test_scores(void **state)
{
    (void)state;
    static const TestShape large = {{200, 340, 20}, 1};
    static const double moves[] = {1e-4, 1e-3, 0, 1e-2, 1, 1e-3, 30, 1e-4};
    for (int k = 0; k < 2 * KINDS; k++) {
        Net *n = test_net(k % 3 ? &shapes[2 + k % 3] : &large, k % 2 ? 1 : 3, 1 + k % 3, false);
        Declared rules[TEST_BUNDLES] = {{0}};
        set_rule(n, KEEP_COUNT, false, k % 4 == 0 ? 0.02 : 0.4);
        for (int i = 0; i < TEST_BUNDLES; i++) n->bundles[i].place = n->bundles[i].position;
        for (int i = 0; i < n->list_count; i++) {
            n->lists[i].rule.kind = RULE_DECLARED, n->lists[i].declared = &rules[i];
            rules[i].score = calloc((size_t)n->lists[i].candidates, sizeof(float));
            for (int64_t c = 0; c < n->lists[i].candidates; c++)
                rules[i].score[c] = c % 97 == 5 ? (c % 2 ? INFINITY : -INFINITY) : (float)kinds[k % KINDS](c);
        }
        for (int step = 0; step < 10; step++) {
            expect_choice(n, 0, kind_names[k % KINDS], step);
            for (int i = 0; i < n->list_count; i++)
                for (int64_t c = 0; c < n->lists[i].candidates; c++)
                    rules[i].score[c] +=
                        (float)(moves[step % 8] * rng_normal(85, (uint64_t)(8 * step + i), (uint64_t)c));
        }
        for (int i = 0; i < n->list_count; i++) free(rules[i].score);
        test_net_free(n);
    }
}

/* All magnitudes grow, shrink, jump and stand still: the cut moves on as before, turns back, or is far off.
 */
static void test_drift(void **state)
{
    (void)state;
    static const TestShape shape = {{200, 340, 20}, 1};
    static const float factors[] = {1.01f,  1.01f, 1.01f, 1.0f, 0.98f, 0.98f, 3,
                                    1.001f, 1e-3f, 1.02f, 1,    1,     1e30f, 0.5f};
    for (int k = 0; k < 3; k++) {
        Net *n = test_net(&shape, 1, 1, false);
        set_weights(n, ordinary, 91 + k);
        set_rule(n, KEEP_COUNT, false, k == 0 ? 0.05 : k == 1 ? 0.5 : 0.999);
        for (size_t step = 0; step < 2 * sizeof factors / sizeof *factors; step++) {
            expect_choice(n, 0, "drift", (int)step);
            for (int64_t i = 0; i < n->param_total; i++)
                n->weights[i] = n->weights[i] * factors[step % (sizeof factors / sizeof *factors)] +
                                (float)(1e-4 * rng_normal(84, (uint64_t)step, (uint64_t)i));
        }
        test_net_free(n);
    }
}

/* The lists of edges in use hold what the marks say, with the weights of now. */
static void expect_lists(Net *n)
{
    int64_t total = 0;
    edges_rebuild(n);
    for (int i = 0; i < TEST_BUNDLES; i++) {
        const NetBundle *b = &n->bundles[i];
        const float *w = n->weights + b->param->offset, *forward = b->weight, *back = b->weight_back;
        uint32_t e = 0;
        for (int64_t t = 0; t < b->candidates.targets; t++) {
            assert_int_equal(b->row[t], e);
            for (int64_t c = candidates_row(&b->candidates, t); c < candidates_row(&b->candidates, t + 1);
                 c++) {
                if (!b->kept[c]) continue;
                assert_int_equal(b->source[e], candidates_source(&b->candidates, t, c));
                assert_int_equal(b->candidate[e], c);
                assert_true(forward[e] == w[c]);
                e++;
            }
        }
        assert_int_equal(b->row[b->candidates.targets], e);
        for (int64_t s = 0; s < b->candidates.sources; s++)
            for (uint32_t x = b->column[s]; x < b->column[s + 1]; x++) {
                assert_int_equal(b->source[b->order_back[x]], s);
                assert_true(back[x] == forward[b->order_back[x]]);
                assert_true(b->row[b->target[x]] <= b->order_back[x] &&
                            b->order_back[x] < b->row[b->target[x] + 1]);
                assert_true(x == b->column[s] || b->order_back[x - 1] < b->order_back[x]);
            }
        assert_int_equal(b->column[b->candidates.sources], e);
        total += e;
    }
    assert_int_equal(n->kept_total, total);
}

static void test_lists(void **state)
{
    (void)state;
    for (int k = 0; k < SHAPES * 2; k++) {
        Net *n = test_net(&shapes[k % SHAPES], 1, 1, false);
        set_rule(n, k < SHAPES ? KEEP_COUNT : KEEP_FAN_OUT, false, 0.3);
        for (int step = 0; step < 6; step++) {
            if (step != 3) set_weights(n, ordinary, step / 2); /* also: nothing moves */
            else n->weights[n->params[0].offset] *= 1.001f;
            choose_edges(n, 0);
            expect_lists(n);
        }
        test_net_free(n);
    }
}

/* Lines with more candidates than one thread takes. */
static void test_parts(void **state)
{
    (void)state;
    static const TestShape large = {{200, 340, 20}, 1}, sparse = {{700, 700, 30}, 0.2};
    for (int k = 0; k < 6; k++) {
        Net *n = test_net(k % 2 ? &sparse : &large, 1, k / 2 + 1, false);
        int parts = 0;
        for (int i = 0; i < TEST_BUNDLES; i++)
            if (n->bundles[i].part_count > parts) parts = n->bundles[i].part_count;
        assert_int_equal(parts, k / 2 + 1 < 2 ? 1 : 2);
        set_weights(n, ordinary, k);
        for (int step = 0; step < 5; step++) {
            static const double density[] = {0.05, 0.05, 0.7, 0, 1};
            set_rule(n, KEEP_COUNT, false, density[step]);
            n->weights[n->params[0].offset] *= -3;
            choose_edges(n, 0);
            expect_lists(n);
        }
        test_net_free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules),  cmocka_unit_test(test_anneal),    cmocka_unit_test(test_anneal_count),
        cmocka_unit_test(test_curves), cmocka_unit_test(test_sequences), cmocka_unit_test(test_drift),
        cmocka_unit_test(test_scores), cmocka_unit_test(test_lists),     cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
