/* test_wiring.c: candidates, order and cycles against brute force on random conditions;
 * conditions of the language against the same ones written in C.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model/model.h"
#include "driver/compile.h"
#include "common/rng.h"
#include "common/wiring.h"

/* ---- random conditions ---- */

typedef struct Random {
    uint64_t seed;
    double density;
    const WiringSet *from, *to;
    uint32_t uses_to, uses_from;
    bool pairwise;
} Random;

static uint64_t mixed(uint64_t h, int64_t x)
{
    return (h ^ (uint64_t)x) * 0x9E3779B97F4A7C15u + (h >> 29);
}

/* Depends on the indices of the masks only; the last source index in blocks of three, so that there are runs.
 */
static bool random_condition(void *context, const int64_t *to, const int64_t *from, int64_t target,
                             int64_t source)
{
    const Random *r = context;
    uint64_t h = mixed(r->seed, 1);
    for (int i = 0; i < r->to->rank; i++)
        if (r->uses_to >> i & 1) h = mixed(h, to[i]);
    for (int i = 0; i < r->from->rank; i++)
        if (r->uses_from >> i & 1) h = mixed(h, i == r->from->rank - 1 ? from[i] / 3 : from[i]);
    if (r->pairwise) h = mixed(mixed(h, target), source);
    return rng_uniform(h, 1, 0) < r->density;
}

/* Exact on ranges of two or three, "not known" on longer ones. */
static int random_range(void *context, const int64_t *to, const int64_t *from, int dim, int64_t first,
                        int64_t last)
{
    int64_t index[WIRING_RANK], yes = 0;
    memcpy(index, from, sizeof index);
    if (last - first > 2 || (dim + 1 < ((const Random *)context)->from->rank && from[dim + 1] == WIRING_ANY))
        return -1;
    for (index[dim] = first; index[dim] <= last; index[dim]++)
        yes += random_condition(context, to, index, 0, 0);
    return yes == 0 ? 0 : yes == last - first + 1 ? 1 : -1;
}

static const WiringSet shapes[] = {
    {1, 1, {1}, false},     {7, 1, {7}, false},         {40, 1, {40}, false},
    {12, 2, {3, 4}, false}, {60, 3, {5, 1, 12}, false}, {48, 4, {2, 3, 2, 4}, false},
    {0, 1, {0}, false},     {0, 2, {3, 0}, false},      {301, 1, {301}, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void unflattened(const WiringSet *s, int64_t n, int64_t *index)
{
    for (int i = s->rank - 1; i >= 0; i--) index[i] = n % s->dim[i], n /= s->dim[i];
}

static bool wanted(const WiringLine *line, const WiringSet *from, const WiringSet *to, int64_t target,
                   int64_t source)
{
    int64_t t[WIRING_RANK] = {0}, s[WIRING_RANK] = {0};
    unflattened(to, target, t), unflattened(from, source, s);
    return !line->predicate || line->predicate(line->context, t, s, target, source);
}

/* Every way to read candidates says the same, target by target, sources ascending. */
static void expect_candidates(const Candidates *c, const WiringLine *line, const WiringSet *from,
                              const WiringSet *to)
{
    int64_t number = 0;
    assert_int_equal(c->targets, to->size);
    assert_int_equal(c->sources, from->size);
    for (int64_t t = 0; t < to->size; t++) {
        CandidateRun run = {0};
        int64_t r = 0, left = 0;
        assert_int_equal(candidates_row(c, t), number);
        for (int64_t s = 0; s < from->size; s++) {
            if (!wanted(line, from, to, t, s)) {
                assert_int_equal(candidates_number(c, t, s), -1);
                continue;
            }
            if (left == 0) {
                assert_true(candidates_run(c, t, r++, &run));
                assert_int_equal(run.first, number);
                left = run.length;
            }
            assert_int_equal(run.source + run.length - left--, s);
            assert_int_equal(candidates_source(c, t, number), s);
            assert_int_equal(candidates_target(c, number), t);
            assert_int_equal(candidates_number(c, t, s), number);
            number++;
        }
        assert_int_equal(left, 0);
        assert_false(candidates_run(c, t, r, &run));
    }
    assert_int_equal(c->count, number);
    if (to->size) assert_int_equal(candidates_row(c, to->size), number);
    if (number == to->size * from->size && number) assert_int_equal(c->form, CANDIDATES_DENSE);
}

static void test_candidates(void **state)
{
    (void)state;
    static const double densities[] = {0, 0.02, 0.3, 0.9, 1};
    int forms[3] = {0}, cases = 0;
    for (uint64_t i = 0; i < (uint64_t)SHAPES * SHAPES * 10; i++) {
        const WiringSet *from = &shapes[i % SHAPES], *to = &shapes[i / SHAPES % SHAPES];
        Random r = {i,
                    densities[i % 5],
                    from,
                    to,
                    (uint32_t)rng_words(1, 1, i).v[0] & 15,
                    (uint32_t)rng_words(1, 1, i).v[1] & 15,
                    i % 7 == 3};
        WiringLine line = {.predicate = i % 23 ? random_condition : NULL,
                           .context = &r,
                           .uses_to = r.uses_to,
                           .uses_from = r.uses_from,
                           .pairwise = r.pairwise,
                           .range = i % 2 && !r.pairwise ? random_range : NULL};
        Candidates c;
        assert_true(candidates_build(from, to, &line, &c));
        expect_candidates(&c, &line, from, to);
        assert_true(candidates_bytes(&c) >= 0);
        forms[c.form]++, cases++;
        candidates_free(&c);
    }
    assert_true(forms[CANDIDATES_DENSE] > 20 && forms[CANDIDATES_SEGMENTS] > 20 &&
                forms[CANDIDATES_LIST] > 20);
    print_message("%d cases: %d dense, %d segments, %d lists\n", cases, forms[0], forms[1], forms[2]);
}

/* ---- random graphs ---- */

enum { MOST_SETS = 4, MOST_LINES = 6, MOST_NODES = 40 };
typedef struct Web {
    WiringSet sets[MOST_SETS];
    int set_count, line_count, offset[MOST_SETS + 1];
    WiringLine lines[MOST_LINES];
    struct Edge {
        int height[MOST_NODES]; /* an edge leads from lower to higher; equal ones are not joined */
        int from, to;
        uint64_t seed;
        double density;
        bool cyclic;
    } edges[MOST_LINES];
    Candidates built[MOST_LINES];
    const Candidates *candidates[MOST_LINES];
    bool pair[MOST_NODES][MOST_NODES]; /* [source][target], numbers through all sets */
} Web;

static bool web_condition(void *context, const int64_t *to, const int64_t *from, int64_t target,
                          int64_t source)
{
    const struct Edge *e = context;
    (void)to, (void)from;
    if (!e->cyclic && e->height[e->from + source] >= e->height[e->to + target]) return false;
    return rng_uniform(e->seed, 2, (uint64_t)(target * 1000 + source)) < e->density;
}

static int die(uint64_t seed, uint64_t throw, int sides)
{
    return (int)(rng_uniform(seed, 77, throw) * sides);
}

/* Dense lines too: those whose sets stand in order as a whole. Backwards cycles come in when `cyclic`. */
static void web_open(Web *w, uint64_t seed, bool cyclic)
{
    int height[MOST_NODES], level[MOST_SETS];
    *w = (Web){.set_count = 1 + die(seed, 0, MOST_SETS), .line_count = 1 + die(seed, 1, MOST_LINES)};
    for (int s = 0; s < w->set_count; s++) {
        int size = die(seed, 10 + (uint64_t)s, 9);
        w->sets[s] = (WiringSet){size, 1, {size}, s == 0 && die(seed, 2, 2)};
        w->offset[s + 1] = w->offset[s] + size;
        level[s] = die(seed, 20 + (uint64_t)s, 4);
        for (int i = w->offset[s]; i < w->offset[s + 1]; i++)
            height[i] = level[s] * 100 + die(seed, 100 + (uint64_t)i, 300);
    }
    for (int i = 0; i < w->line_count; i++) {
        int from = die(seed, 30 + (uint64_t)i, w->set_count), to = die(seed, 40 + (uint64_t)i, w->set_count);
        if (w->sets[to].held) to = w->set_count - 1;
        if (w->sets[to].held) w->sets[to].held = false;
        struct Edge *e = &w->edges[i];
        *e = (struct Edge){.from = w->offset[from],
                           .to = w->offset[to],
                           .seed = seed + (uint64_t)i,
                           .density = 0.1 + 0.3 * die(seed, 50 + (uint64_t)i, 4)};
        memcpy(e->height, height, sizeof height);
        e->cyclic = cyclic && die(seed, 60 + (uint64_t)i, 3) == 0;
        bool ordered = from != to;
        for (int a = e->from; a < w->offset[from + 1]; a++)
            for (int b = e->to; b < w->offset[to + 1]; b++) ordered = ordered && height[a] < height[b];
        bool dense = ordered || (cyclic && die(seed, 70 + (uint64_t)i, 2));
        w->lines[i] = (WiringLine){.from = from,
                                   .to = to,
                                   .predicate = dense ? NULL : web_condition,
                                   .context = e,
                                   .pairwise = true};
    }
    for (int i = 0; i < w->line_count; i++) {
        const WiringLine *l = &w->lines[i];
        const WiringSet *from = &w->sets[l->from], *to = &w->sets[l->to];
        assert_true(candidates_build(from, to, l, &w->built[i]));
        w->candidates[i] = &w->built[i];
        for (int64_t t = 0; t < to->size; t++)
            for (int64_t s = 0; s < from->size; s++)
                if (wanted(l, from, to, t, s)) w->pair[w->offset[l->from] + s][w->offset[l->to] + t] = true;
    }
}

static void web_close(Web *w)
{
    for (int i = 0; i < w->line_count; i++) candidates_free(&w->built[i]);
}

/* Longest path to each node; false: there is a cycle. */
static bool longest_paths(const Web *w, int *rank)
{
    int n = w->offset[w->set_count];
    memset(rank, 0, MOST_NODES * sizeof *rank);
    for (int round = 0; round <= n; round++) {
        bool changed = false;
        for (int s = 0; s < n; s++)
            for (int t = 0; t < n; t++)
                if (w->pair[s][t] && rank[t] < rank[s] + 1) rank[t] = rank[s] + 1, changed = true;
        if (!changed) return true;
    }
    return false;
}

/* By longest path, then set, then number; a phase is one set and one rank; held sets are left out. */
static void expect_order(const Web *w, const WiringOrder *o, const int *rank)
{
    int last_rank = -1, last_set = -1;
    int64_t at = 0;
    for (int p = 0; p < o->phase_count; p++) {
        const WiringPhase *f = &o->phases[p];
        int here = rank[w->offset[f->set] + (int)o->nodes[f->first]];
        assert_int_equal(f->first, at);
        assert_true(f->count > 0 && !w->sets[f->set].held);
        assert_true(here > last_rank || (here == last_rank && f->set > last_set));
        for (int64_t i = 0; i < f->count; i++) {
            assert_int_equal(rank[w->offset[f->set] + (int)o->nodes[f->first + i]], here);
            assert_true(i == 0 || o->nodes[f->first + i - 1] < o->nodes[f->first + i]);
        }
        last_rank = here, last_set = f->set, at += f->count;
    }
    int64_t free_nodes = 0;
    for (int s = 0; s < w->set_count; s++) free_nodes += w->sets[s].held ? 0 : w->sets[s].size;
    assert_int_equal(at, free_nodes);
    assert_int_equal(o->node_count, free_nodes);
}

/* Each step of the cycle is an edge, and it ends where it starts. */
static void expect_cycle(const Web *w, const WiringCycle *c, uint64_t seed)
{
    assert_true(c->length >= 2);
    for (int i = 0; i + 1 < c->length; i++) {
        if (c->shortened && i + 2 == c->length) continue;
        if (!w->pair[w->offset[c->set[i]] + c->node[i]][w->offset[c->set[i + 1]] + c->node[i + 1]])
            fail_msg("graph %d: %d[%d] -> %d[%d] of the cycle is no edge", (int)seed, c->set[i],
                     (int)c->node[i], c->set[i + 1], (int)c->node[i + 1]);
    }
    assert_int_equal(c->set[0], c->set[c->length - 1]);
    assert_int_equal(c->node[0], c->node[c->length - 1]);
}

static void test_order(void **state)
{
    (void)state;
    int ordered = 0, cyclic = 0;
    for (uint64_t seed = 0; seed < 3000; seed++) {
        static Web w;
        int rank[MOST_NODES];
        WiringOrder order;
        WiringCycle cycle;
        web_open(&w, seed, seed % 2);
        bool acyclic = longest_paths(&w, rank);
        const WiringGraph g = {w.set_count, w.line_count, w.sets, w.lines, w.candidates};
        assert_int_equal(wiring_order(&g, &order, &cycle), acyclic);
        if (acyclic) expect_order(&w, &order, rank), ordered++;
        else expect_cycle(&w, &cycle, seed), cyclic++;
        wiring_order_free(&order);
        web_close(&w);
    }
    assert_true(ordered > 500 && cyclic > 500);
    print_message("%d orders, %d cycles\n", ordered, cyclic);
}

/* A cycle longer than what a message can list. */
static bool ring(void *context, const int64_t *to, const int64_t *from, int64_t target, int64_t source)
{
    (void)to, (void)from;
    return target == (source + 1) % *(int64_t *)context;
}

static void test_long_cycle(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 100; n = n < 40 ? n + 1 : n * 2) {
        WiringSet set = {n, 1, {n}, false};
        WiringLine line = {.predicate = ring, .context = &n, .uses_to = 1, .uses_from = 1};
        Candidates c;
        const Candidates *all[] = {&c};
        WiringOrder order;
        WiringCycle cycle;
        assert_true(candidates_build(&set, &set, &line, &c));
        assert_false(wiring_order(&(WiringGraph){1, 1, &set, &line, all}, &order, &cycle));
        assert_int_equal(cycle.shortened, n > 33);
        assert_int_equal(cycle.length, n > 33 ? 34 : n + 1);
        for (int i = 0; i + 1 < cycle.length - cycle.shortened; i++)
            assert_int_equal(cycle.node[i + 1], (cycle.node[i] + 1) % n);
        assert_int_equal(cycle.node[0], cycle.node[cycle.length - 1]);
        candidates_free(&c);
    }
}

/* ---- conditions of the language ---- */

typedef struct Condition {
    const char *text;
    bool (*truth)(int64_t l, int64_t i, int64_t m, int64_t j);
} Condition;

static int64_t modulo(int64_t a, int64_t b)
{
    return ((a % b) + b) % b;
}
static int64_t llmax(int64_t a, int64_t b)
{
    return a > b ? a : b;
}
static int64_t floordiv(int64_t a, int64_t b)
{
    return (a - modulo(a, b)) / b;
}
#define CONDITION(name, expression)                                                                          \
    static bool name(int64_t l, int64_t i, int64_t m, int64_t j)                                             \
    {                                                                                                        \
        (void)l, (void)i, (void)m, (void)j;                                                                  \
        return expression;                                                                                   \
    }
CONDITION(below, l < m)
CONDITION(hops, l < m && m - l <= 2)
CONDITION(other, i != j)
CONDITION(thirds, modulo(i + j, 3) == 0)
CONDITION(negative, modulo(i - j, 5) >= 3)
CONDITION(near, llabs(i - j) <= 2)
CONDITION(around, fmin((double)modulo(i - j, 9), (double)modulo(j - i, 9)) <= 2)
CONDITION(corner, fmin((double)i, (double)j) > 3 || l == 0)
CONDITION(product, i *j < 12 && !(l == 2 && m == 1))
CONDITION(squares, (i - j) * (i - j) < 5)
CONDITION(chosen, l < m ? i < j : j <= 2)
CONDITION(radius, sqrt((double)(i *i + j * j)) < 6)
CONDITION(blocks, i / 3 == j / 3)
CONDITION(halves, 2 * i + 1 <= j || fmax((double)l, (double)m) == 3)
CONDITION(quotient, (double)(i + 1) / (double)(j + 1) > 1.5)
CONDITION(power, pow(2, (double)l) > (double)j)
CONDITION(signs, (i > j) - (i < j) == 1)
CONDITION(divided, 12.0 / (double)(i - j) > 2)
CONDITION(next, i + 1 == j)
CONDITION(multiples, 3 * i >= 2 + 3 * j)
CONDITION(fractions, (double)i / 9 - (double)j / 9 <= 0.2)
CONDITION(both, i - j == m - l)
CONDITION(above, llmax(i, j) - i <= 1)
CONDITION(pairs, floordiv(i - j, 2) == 1 || l == 1)
CONDITION(grows, exp((double)(i - j)) + (double)i < (double)j + 2)
CONDITION(grid, (l - m) * (l - m) + (i - j) * (i - j) <= 4)
static const Condition conditions[] = {
    {"i + 1 == j", next},
    {"3 * i >= 2 + 3 * j", multiples},
    {"i / 9 - j / 9 <= 0.2", fractions},
    {"i - j == m - l", both},
    {"max(i, j) - i <= 1", above},
    {"floor((i - j) / 2) == 1 or l == 1", pairs},
    {"exp(i - j) + i < j + 2", grows},
    {"(l - m)^2 + (i - j)^2 <= 4", grid},
    {"l < m", below},
    {"l < m and m - l <= 2", hops},
    {"i != j", other},
    {"(i + j) mod 3 == 0", thirds},
    {"(i - j) mod 5 >= 3", negative},
    {"abs(i - j) <= 2", near},
    {"min((i - j) mod 9, (j - i) mod 9) <= 2", around},
    {"min(i, j) > 3 or l == 0", corner},
    {"i * j < 12 and not (l == 2 and m == 1)", product},
    {"(i - j)^2 < 5", squares},
    {"if l < m then i < j else j <= 2", chosen},
    {"sqrt(i * i + j * j) < 6", radius},
    {"floor(i / 3) == floor(j / 3)", blocks},
    {"2 * i + 1 <= j or max(l, m) == 3", halves},
    {"(i + 1) / (j + 1) > 1.5", quotient},
    {"2 ^ l > j", power},
    {"sign(i - j) == 1", signs},
    {"12 / (i - j) > 2", divided},
};

/* Sources and targets: rows and columns of each. */
static const int sheets[][4] = {{4, 9, 4, 9}, {3, 2, 4, 11}, {2, 17, 3, 4}, {1, 1, 2, 9}, {5, 6, 1, 1}};

static void expect_condition(const Condition *k, const int *size)
{
    const int64_t columns = size[1], wide = size[3];
    char text[512];
    snprintf(
        text, sizeof text,
        "graph G { input x[%d, %d]; nodes h[%d, %d]; output y[2]\n edges {\n x[l, i] -> h[m, j] where %s\n"
        " x -> y; h[_, _] -> y[_] } }\nmodel M(x[%d, %d]) = x |> G\n",
        size[0], size[1], size[2], size[3], k->text, size[0], size[1]);
    Compilation *c = compilation_new();
    if (!compile_text(c, "test.dnw", text, strlen(text))) {
        diags_print(c->diags, stderr, false);
        fail_msg("%s", k->text);
    }
    const Candidates *all = &c->model->graphs.at[0]->bundles.at[0].candidates;
    int64_t number = 0;
    for (int64_t t = 0; t < size[2] * wide; t++)
        for (int64_t s = 0; s < size[0] * columns; s++) {
            if (!k->truth(s / columns, s % columns, t / wide, t % wide)) continue;
            if (number >= all->count || candidates_target(all, number) != t ||
                candidates_source(all, t, number) != s)
                fail_msg("%s: (%d, %d) -> (%d, %d) is missing", k->text, (int)(s / columns),
                         (int)(s % columns), (int)(t / wide), (int)(t % wide));
            number++;
        }
    if (number != all->count) fail_msg("%s: %d candidates too many", k->text, (int)(all->count - number));
    compilation_free(c);
}

static void test_conditions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        for (size_t s = 0; s < sizeof sheets / sizeof *sheets; s++)
            expect_condition(&conditions[i], sheets[s]);
}

/* A list of edges from outside: what a file may claim. */
static void test_contain(void **state)
{
    (void)state;
    const Candidates all = {.form = CANDIDATES_DENSE, .targets = 3, .sources = 4, .count = 12};
    const struct {
        int64_t row[4];
        uint32_t source[3];
        bool good;
    } cases[] = {
        {{0, 1, 1, 3}, {3, 0, 2}, true},          {{0, 0, 0, 0}, {9, 9, 9}, true},
        {{1, 1, 1, 3}, {3, 0, 2}, false},         {{0, 2, 1, 3}, {0, 3, 2}, false},
        {{0, 1, 1, 4}, {3, 0, 2}, false},         {{0, 1, 1, 3}, {3, 2, 0}, false},
        {{0, 1, 1, 3}, {3, 2, 2}, false},         {{0, 1, 1, 3}, {3, 0, 4}, false},
        {{0, -1, 1, 3}, {3, 0, 2}, false},        {{0, 1, 1, 3}, {UINT32_MAX, 0, 2}, false},
        {{0, 1, 1, INT64_MAX}, {3, 0, 2}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Candidates some = {.form = CANDIDATES_LIST,
                                 .targets = 3,
                                 .sources = 4,
                                 .row = (int64_t *)cases[i].row,
                                 .source = (uint32_t *)cases[i].source};
        assert_int_equal(candidates_contain(&all, &some, 3), cases[i].good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contain),    cmocka_unit_test(test_candidates), cmocka_unit_test(test_order),
        cmocka_unit_test(test_long_cycle), cmocka_unit_test(test_conditions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
