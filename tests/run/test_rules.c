/* test_rules.c: declared rules, event by event: what a program does to the edges in use, to weights and to
 * states is what the reference interpreter does from the same numbers; the same bits with three threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rules_test.h"
#include "common/init.h"
#include "eval/ir_eval_rule.h"
#include "net/declared.h"

enum { MOST_LISTS = 32 };

static const char *const programs[] = {"rules/rules.dnw", "rules/dense.dnw",   "rules/library.dnw",
                                       "rules/first.dnw", "rules/weights.dnw", "rules/nodes.dnw",
                                       "rules/paths.dnw", "rules/between.dnw", "rules/together.dnw",
                                       "rules/given.dnw", "rules/groups.dnw"};
enum { WEIGHTS = 4, PROGRAMS = sizeof programs / sizeof *programs };

static int open_rules(void **state)
{
    static Rules all[PROGRAMS];
    for (int p = 0; p < PROGRAMS; p++) {
        if (!open_program(&all[p], programs[p])) return -1;
    }
    *state = all;
    return 0;
}

static int close_rules(void **state)
{
    for (int p = 0; p < PROGRAMS; p++) built_close(&((Rules *)*state)[p].built);
    return 0;
}

typedef void OfProgram(const Rules *r);

static void all_programs(void **state, OfProgram *test)
{
    for (int p = 0; p < PROGRAMS; p++) test((const Rules *)*state + p);
}

/* State s of a candidate. */
static double state_at(const Net *n, const NetBundle *b, const Declared *d, int s, int64_t c)
{
    const int param = d->states[s].param;
    if (param < 0) return (double)d->states[s].value[b->position + c];
    return (double)(d->states[s].shared ? n->weights[n->params[param].offset]
                                        : n->weights[b->weights[param]->offset + c]);
}

static double *strengths(Arena *a, const Net *n, const NetBundle *b)
{
    double *all = NEW_ARRAY(a, double, (size_t)b->legal.count + 1);
    for (int64_t c = 0; c < b->candidates.count; c++)
        all[built_number(b, c)] = fabs((double)n->weights[b->param->offset + c]);
    return all;
}

/* Gradients of candidates without numbers, as the last step made them. */
static void take_gradient(void *reference, const NetBundle *b, int64_t first, int64_t count,
                          const float *gradient)
{
    EvalRule *e = reference;
    for (int64_t i = 0; i < count; i++) e->term[TERM_GRADIENT][b->position + first + i] = (double)gradient[i];
}

/* The interpreter with the numbers of a list of the net. */
static EvalRule reference(Arena *a, const Rules *r, const Net *n, int list, int64_t done)
{
    const Model *m = r->built.compilation->model;
    const Graph *g = m->graphs.count > 1 ? eval_joined(a, m) : m->graphs.at[0];
    const NetList *l = &n->lists[list];
    uint8_t **kept = NEW_ARRAY(a, uint8_t *, (size_t)n->bundle_count);
    for (int b = 0; b < n->bundle_count; b++) kept[b] = built_marks(a, &n->bundles[b]);
    EvalRule e = eval_rule_new(a, m, g, list, kept);
    e.strength = NEW_ARRAY(a, double *, (size_t)n->bundle_count);
    for (int b = 0; b < n->bundle_count; b++) e.strength[b] = strengths(a, n, &n->bundles[b]);
    e.seed = SEED, e.done = done, e.epochs = EPOCHS, e.steps = EPOCH_STEPS, e.rate = n->rate;
    e.moved = l->declared->moved;
    if (done > 0) gradient_stream((Net *)n, l, take_gradient, &e);
    const uint64_t fresh = rule_fresh_seed(SEED, done);
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        for (int64_t k = 0; k < b->legal.count; k++)
            e.fresh[b->position + k] =
                init_edge(&b->param->init, fresh, b->param - n->params, k, net_list_fan(n, b));
        for (int64_t c = 0; c < b->candidates.count; c++) {
            const int64_t at = b->param->offset + c, p = b->position + built_number(b, c);
            e.term[TERM_W][p] = (double)n->weights[at];
            const bool learns = l->declared->learns ? l->declared->learns[p] != 0 : b->kept[c],
                       computed = l->declared->all_gradients || b->line.full || learns;
            e.term[TERM_GRADIENT][p] = computed ? (double)((const float *)n->grad)[at] : 0;
            e.term[TERM_MOMENTUM][p] = (double)n->slots[0][at];
            e.term[TERM_FIRST][p] = l->declared->first ? (double)l->declared->first[b->place + c] : 0;
            e.term[TERM_AGE][p] = (double)l->declared->changed[b->place + c];
            for (int s = 0; s < l->declared->state_count; s++)
                e.term[TERM_COUNT + s][p] = state_at(n, b, l->declared, s, c);
        }
    }
    return e;
}

static void near(const char *what, const NetList *l, int64_t done, double got, double want)
{
    if (fabs(got - want) > 1e-5 * (1 + fabs(want)))
        fail_msg("%s of '%s' after step %d: %.9g, not %.9g", what, l->name, (int)done, got, want);
}

/* How many edges came into use or went out of it. */
static int64_t compare(const Net *n, int list, const EvalRule *e)
{
    const NetList *l = &n->lists[list];
    int64_t moved = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        const uint8_t *kept = built_marks(e->arena, b);
        for (int64_t k = 0; k < b->legal.count; k++) {
            if (kept[k] != e->kept[l->first_bundle + i][k])
                fail_msg("'%s' after step %d: candidate %d is %sin use", b->line.name, (int)e->done, (int)k,
                         kept[k] ? "" : "not ");
            moved += e->term[TERM_AGE][b->position + k] == (double)e->done;
        }
        for (int64_t c = 0; c < b->candidates.count; c++) {
            const int64_t p = b->position + built_number(b, c), at = b->param->offset + c;
            near("weight", l, e->done, (double)n->weights[at], e->term[TERM_W][p]);
            near("momentum", l, e->done, (double)n->slots[0][at], e->term[TERM_MOMENTUM][p]);
            near("change", l, e->done, (double)l->declared->changed[b->place + c], e->term[TERM_AGE][p]);
            for (int s = 0; s < l->declared->state_count; s++)
                near("state", l, e->done, state_at(n, b, l->declared, s, c), e->term[TERM_COUNT + s][p]);
            if (l->declared->learns && l->declared->learns[p] != e->learns[p])
                fail_msg("'%s' after step %d: candidate %d learns otherwise", b->line.name, (int)e->done,
                         (int)c);
        }
    }
    return moved;
}

/* Of all lists behind one step; adds to moved[]. They share marks and strengths, and run one after the
 * other. */
static void compare_step(const Rules *r, Net *n, int64_t done, int64_t *moved)
{
    Arena *a = arena_new();
    char bad[200];
    EvalRule *want = NEW_ARRAY(a, EvalRule, (size_t)n->list_count),
             **all = NEW_ARRAY(a, EvalRule *, (size_t)n->list_count);
    for (int list = 0; list < n->list_count; list++) {
        if (!n->lists[list].declared) continue;
        want[list] = reference(a, r, n, list, done);
        all[list] = &want[list], want[list].all = all, want[list].all_count = n->list_count;
        const EvalRule *first = NULL;
        for (int k = 0; !first; k++) first = all[k];
        want[list].kept = first->kept, want[list].strength = first->strength;
    }
    assert_true(events_after(n, done, bad, sizeof bad) >= 0);
    for (int list = 0; list < n->list_count; list++)
        if (all[list]) eval_rule_states(all[list]);
    for (int list = 0; list < n->list_count; list++)
        if (all[list]) eval_rule_step(all[list]);
    for (int list = 0; list < n->list_count; list++) {
        if (!all[list]) continue;
        moved[list] += compare(n, list, all[list]);
        assert_int_equal(all[list]->moved, n->lists[list].declared->moved);
    }
    arena_free(a);
}

/* Behind some step, and not only before the first. */
static bool acts_later(const NetList *l)
{
    for (int i = 0; l->declared && i < l->declared->event_count; i++) {
        const DeclaredEvent *e = &l->declared->events[i];
        if (e->steps || e->epochs > 0 || e->from.at > 0) return true;
    }
    return false;
}

static void compare_events(const Rules *r)
{
    Net *n = new_net(r, 2);
    int64_t moved[MOST_LISTS] = {0};
    assert_true(n->list_count <= MOST_LISTS);
    n->options.events_apart = true;
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) step(r, n, t), compare_step(r, n, t + 1, moved);
    for (int list = 0; list < n->list_count; list++)
        if (acts_later(&n->lists[list]) && moved[list] == 0)
            fail_msg("'%s': no edge came into use", n->lists[list].name);
    if (net_above_budget(n, EPOCHS)) fail_msg("'%s' is above its budget", net_above_budget(n, EPOCHS));
    net_free(n);
}

static void test_events(void **state)
{
    all_programs(state, compare_events);
}

/* every(epochs = 1): behind each epoch but the last. */
static void test_epochs(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    n->options.events_apart = true;
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) {
        int64_t moved[MOST_LISTS] = {0};
        step(r, n, t), compare_step(r, n, t + 1, moved);
        assert_int_equal(moved[0] > 0, (t + 1) % EPOCH_STEPS == 0 && t + 1 < EPOCHS * EPOCH_STEPS);
    }
    net_free(n);
}

/* Lists that wait for the gradients of the first batch; the step that asks for them finds the same edges. */
static void compare_first(Arena *a, const Rules *r, Net *n)
{
    EvalRule want[MOST_LISTS];
    char bad[200];
    NetStep s = {0};
    const NetBatch batch = net_train_batch(r->data, &r->data->train, r->order, SAMPLES, 0);
    assert_true(net_first_gradients(n, &batch, &s));
    for (int list = 0; list < n->list_count; list++)
        if (n->bundles[n->lists[list].first_bundle].line.full) want[list] = reference(a, r, n, list, 0);
    assert_true(events_first(n, bad, sizeof bad) >= 0);
    Net *other = new_net(r, 1);
    other->options.events_apart = true;
    step(r, other, 0);
    for (int list = 0; list < n->list_count; list++) {
        const NetBundle *b = &n->bundles[n->lists[list].first_bundle];
        if (!b->line.full) continue;
        eval_rule_begin(&want[list]);
        compare(n, list, &want[list]);
        assert_memory_equal(b->kept, other->bundles[n->lists[list].first_bundle].kept,
                            (size_t)b->candidates.count);
    }
    net_free(other);
}

/* Of the lines of all graphs, one after the other. */
static uint8_t **all_marks(Arena *a, const Model *m, const EvalContext *c)
{
    Vec(uint8_t *) all = {0};
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) vec_push(a, &all, c->kept[g][b]);
    return all.at;
}

static void compare_begin(const Rules *r)
{
    Arena *a = arena_new();
    Net *n = new_net(r, 1);
    const EvalContext c = built_context(a, n, &r->built, 0);
    const bool some = events_before(n, 0);
    for (int list = 0; list < n->list_count; list++) {
        if (!n->lists[list].declared || n->bundles[n->lists[list].first_bundle].line.full) continue;
        EvalRule want = reference(a, r, n, list, 0);
        want.kept = all_marks(a, r->built.compilation->model, &c);
        eval_rule_begin(&want);
        compare(n, list, &want);
    }
    if (some) compare_first(a, r, n);
    net_free(n);
    arena_free(a);
}

/* Edges before the first step: drawn, all, or chosen by the rule. */
static void test_begin(void **state)
{
    all_programs(state, compare_begin);
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    const NetBundle *chosen = &n->bundles[3]; /* by magnitude: the weakest edge in use, the strongest other */
    float least = INFINITY, most = 0;
    assert_string_equal(chosen->line.name, "Wiring.edges.3");
    for (int64_t k = 0; k < chosen->candidates.count; k++) {
        const float w = fabsf(n->weights[chosen->param->offset + k]);
        if (chosen->kept[k]) least = fminf(least, w);
        else most = fmaxf(most, w);
    }
    assert_true(least >= most);
    net_free(n);
}

/* Several `next` read the states as they were: two change places behind each step. */
static void test_swap(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    const Declared *d = n->lists[3].declared;
    assert_string_equal(d->states[2].name, "odd");
    for (int64_t t = 0; t < 3; t++) {
        step(r, n, t);
        assert_true(d->states[2].value[0] == (t % 2 ? 2 : 1) && d->states[3].value[0] == (t % 2 ? 1 : 2));
    }
    net_free(n);
}

/* A gradient check has no optimiser, and a rule that reads momentum before the first step finds 0. */
static void test_no_optimiser(void **state)
{
    const Rules *r = *state;
    RtError e = {0};
    const NetOptions o = {.batch = SAMPLES, .threads = 1, .training = true, .f64 = true, .seed = SEED};
    Net *n = net_new(r->built.code, r->built.manifest, &o, &e);
    assert_non_null(n);
    assert_true(*n->begin_bad == 0);
    net_free(n);
}

static void same_nets(const Net *a, const Net *b)
{
    for (int i = 0; i < net_tensor_count(a); i++) {
        const NetTensor *x = net_tensor(a, i), *y = net_tensor(b, i);
        if (memcmp(x->data, y->data, (size_t)(x->size * net_element(x->kind))) != 0)
            fail_msg("%s differs", x->name);
    }
}

static void compare_threads(const Rules *r)
{
    Net *one = new_net(r, 1), *three = new_net(r, 3);
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) step(r, one, t), step(r, three, t);
    same_nets(one, three);
    net_free(one), net_free(three);
}

static void test_threads(void **state)
{
    all_programs(state, compare_threads);
}

/* The tensors of a checkpoint are all that a training goes on from. */
static void compare_resumed(const Rules *r)
{
    Net *whole = new_net(r, 1), *rest = new_net(r, 1);
    RtError e;
    const int64_t half = EPOCHS * EPOCH_STEPS / 2 + 1;
    for (int64_t t = 0; t < half; t++) step(r, whole, t);
    for (int i = 0; i < net_tensor_count(whole); i++) {
        const NetTensor *from = net_tensor(whole, i);
        memcpy(net_tensor(rest, i)->data, from->data, (size_t)(from->size * net_element(from->kind)));
    }
    assert_true(net_reload(rest, true, &e));
    for (int64_t t = half; t < EPOCHS * EPOCH_STEPS; t++) step(r, whole, t), step(r, rest, t);
    same_nets(whole, rest);
    net_free(whole), net_free(rest);
}

static void test_resume(void **state)
{
    all_programs(state, compare_resumed);
}

/* A rule that starts with all: all are in use, then as many as the budget says, with their first weights. */
static void test_dense(void **state)
{
    const Rules *r = (const Rules *)*state + 1;
    Net *n = new_net(r, 1);
    const NetBundle *b = &n->bundles[0];
    for (int64_t t = 0; t < EPOCH_STEPS; t++) {
        int64_t used = 0;
        for (int64_t c = 0; c < b->candidates.count; c++) used += b->kept[c];
        assert_int_equal(used, 180);
        step(r, n, t);
    }
    int64_t used = 0;
    for (int64_t c = 0; c < b->candidates.count; c++) {
        used += b->kept[c];
        const float first = n->lists[0].declared->first[c], w = n->weights[b->param->offset + c];
        assert_true(b->kept[c] ? w == first : w != first);
    }
    assert_int_equal(used, 54);
    net_free(n);
}

/* Edges carry `forward`, and are in use by `used`; fixed weights stay, their scores do not. */
static void test_forward(void **state)
{
    const Rules *r = (Rules *)*state + WEIGHTS;
    Net *n = new_net(r, 2);
    const NetBundle *soft = &n->bundles[0], *popup = &n->bundles[1];
    const size_t bytes = (size_t)popup->candidates.count * sizeof(float);
    const double before = state_at(n, soft, n->lists[0].declared, 0, 0);
    float *fixed = malloc(2 * bytes), *score = fixed + popup->candidates.count;
    memcpy(fixed, n->weights + popup->param->offset, bytes);
    memcpy(score, n->weights + popup->weights[1]->offset, bytes);
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) step(r, n, t);
    assert_memory_equal(fixed, n->weights + popup->param->offset, bytes);
    for (int64_t c = 0; c < popup->candidates.count; c++)
        assert_true(score[c] != n->weights[popup->weights[1]->offset + c]);
    const double s = state_at(n, soft, n->lists[0].declared, 0, 0);
    assert_true(s != before);
    edges_rebuild(n);
    for (int64_t c = 0, e = 0; c < soft->candidates.count; c++) {
        const double w = (double)n->weights[soft->param->offset + c], left = fabs(w) - 1 / (1 + exp(-s));
        if (fabs(left) < 1e-6) continue;
        assert_int_equal(soft->kept[c], left > 0);
        if (soft->kept[c])
            near("carried", &n->lists[0], e, (double)((float *)soft->weight)[e], copysign(left, w)), e++;
    }
    free(fixed);
    net_free(n);
}

/* What learns beside the edges in use: those of `top` and no others. */
static void test_top(void **state)
{
    const Rules *r = (Rules *)*state + WEIGHTS;
    Net *n = new_net(r, 2);
    const NetBundle *b = &n->bundles[6];
    const size_t bytes = (size_t)b->candidates.count * sizeof(float);
    float *before = malloc(bytes), *learns = malloc(bytes);
    int64_t unused = 0, all = 0;
    assert_string_equal(b->line.name, "Wiring.edges.6");
    for (int64_t t = 0; t < EPOCH_STEPS; t++) {
        if (t == 0) choose_edges(n, 0);
        memcpy(before, n->weights + b->param->offset, bytes);
        memcpy(learns, n->lists[4].declared->learns, bytes);
        step(r, n, t);
        for (int64_t c = 0; c < b->candidates.count; c++) {
            if (b->kept[c]) assert_true(n->lists[4].declared->learns[c] == 1);
            assert_int_equal(before[c] != n->weights[b->param->offset + c], learns[c] != 0);
            unused += learns[c] != 0 && !b->kept[c], all += learns[c] != 0;
        }
    }
    assert_true(unused > 0 && all < EPOCH_STEPS * b->candidates.count);
    free(before), free(learns);
    net_free(n);
}

/* Under gradient = used, weights of candidates that are not in use stay between events. */
static void test_unused_stay(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    const NetBundle *b = &n->bundles[1];
    const size_t bytes = (size_t)b->candidates.count * sizeof(float);
    assert_int_equal(b->line.slots, 0);
    float *before = malloc(bytes);
    memcpy(before, n->weights + b->param->offset, bytes);
    for (int64_t t = 0; t < 3; t++) step(r, n, t);
    int64_t moved = 0;
    for (int64_t c = 0; c < b->candidates.count; c++) {
        const bool same = before[c] == n->weights[b->param->offset + c];
        assert_true(same || b->kept[c]);
        moved += !same;
    }
    assert_true(moved > 50); /* nodes without an edge out of them learn nothing */
    free(before);
    net_free(n);
}

/* Rules that read nothing of candidates not in use have numbers for edges in use alone: as many as the budget
 * says. */
static void test_slots(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    const NetBundle *b = &n->bundles[0];
    assert_int_equal(b->line.slots, 54); /* 30 % of 180 */
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) {
        step(r, n, t);
        assert_int_equal(b->param->size, 54);
        assert_int_equal(b->candidates.count, 54);
        assert_true(candidates_contain(&b->legal, &b->candidates, 54));
    }
    net_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_begin),   cmocka_unit_test(test_events),
                                       cmocka_unit_test(test_epochs),  cmocka_unit_test(test_swap),
                                       cmocka_unit_test(test_threads), cmocka_unit_test(test_dense),
                                       cmocka_unit_test(test_resume),  cmocka_unit_test(test_no_optimiser),
                                       cmocka_unit_test(test_forward), cmocka_unit_test(test_unused_stay),
                                       cmocka_unit_test(test_top),     cmocka_unit_test(test_slots)};
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
