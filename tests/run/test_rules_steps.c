/* test_rules_steps.c: declared rules in training: the norm that clip limits, the places of tiles, the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "rules_test.h"

static int open_rules(void **state)
{
    static Rules r;
    if (!open_program(&r, "rules/rules.dnw")) return -1;
    *state = &r;
    return 0;
}

static int close_rules(void **state)
{
    built_close(&((Rules *)*state)->built);
    return 0;
}

/* The norm that `clip` limits is that of what moves: edges in use, and all other weights. */
static double moving_norm(const Net *n)
{
    double sum = 0;
    for (int i = 0; i < n->param_count; i++) {
        const float *g = (const float *)n->grad + n->params[i].offset;
        const NetBundle *line = NULL;
        for (int b = 0; b < n->bundle_count; b++)
            if (n->bundles[b].param == &n->params[i]) line = &n->bundles[b];
        const bool used = line && !n->lists[line->line.list].declared->all_gradients;
        for (int64_t k = 0; k < (used ? line->candidates.count : n->params[i].size); k++)
            sum += !used || line->kept[k] ? (double)g[k] * (double)g[k] : 0;
    }
    return sqrt(sum);
}

static void test_clip(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 2);
    Optim clipped = *n->options.optim;
    const NetBundle *b = &n->bundles[1]; /* its rule reads gradients */
    float *before = malloc((size_t)n->param_total * sizeof *before);
    clipped.clip = 0.001;
    n->options.optim = &clipped, n->options.events_apart = true;
    assert_true(gradient_moves_used(n, b) && events_read_gradient(n, b));
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) {
        char bad[200];
        int64_t k = b->param->offset;
        memcpy(before, n->slots[0], (size_t)n->param_total * sizeof *before);
        step(r, n, t);
        while (!b->kept[k - b->param->offset] || ((const float *)n->grad)[k] == 0) k++;
        const double want = 0.001 / moving_norm(n) * (double)((const float *)n->grad)[k];
        const double came = (double)n->slots[0][k] - 0.9 * (double)before[k];
        if (fabs(came - want) > 1e-4 * fabs(want) + 1e-9)
            fail_msg("step %d: %.9g, not %.9g", (int)t + 1, came, want);
        assert_true(events_after(n, t + 1, bad, sizeof bad) >= 0);
    }
    free(before);
    net_free(n);
}

/* Tiles have the same places in every step, also where an event reads the gradients of all candidates. */
static void test_places(void **state)
{
    const Rules *r = *state;
    Net *n = new_net(r, 1);
    const int64_t stride = net_tile_stride(n, &n->train);
    int64_t dots = 0;
    for (int b = 0; b < n->bundle_count; b++) {
        dots += n->bundles[b].line.dots && n->wires[b].dots >= 0;
        n->bundles[b].line.full = true;
        assert_int_equal(net_tile_stride(n, &n->train), stride);
        if (n->wires[b].dots >= 0) assert_true(n->wires[b].dots < stride);
    }
    assert_true(dots > 0);
    net_free(n);
}

/* What the log says, counted from the marks of all steps. */
typedef struct Watch {
    uint8_t *mark, *ever;      /* of each candidate of a list: in use now, ever */
    int64_t *since;            /* step at which it came into use */
    int64_t count, came, gone; /* came, gone: at the last step */
    bool again; /* edges that were dropped came back at once: ages are less than the marks tell */
} Watch;

static void watch(const Net *n, const NetList *l, int64_t done, Arena *a, Watch *w)
{
    w->came = w->gone = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        const uint8_t *kept = built_marks(a, b);
        for (int64_t k = 0; k < b->legal.count; k++) {
            uint8_t *mark = &w->mark[b->position + k];
            if (kept[k] && !*mark) w->since[b->position + k] = done, w->came++;
            w->gone += *mark && !kept[k];
            *mark = kept[k], w->ever[b->position + k] |= kept[k];
        }
    }
}

/* Two events of a list may come behind one step. */
static void watch_events(const Net *n, Watch *w, int64_t *seen)
{
    const NetEvent *events;
    const int count = net_events(n, &events);
    for (int l = 0; l < n->list_count; l++) {
        int64_t dropped = 0, grown = 0, here = 0;
        for (int i = 0; i < count; i++) {
            if (strcmp(n->lists[l].name, events[i].list) != 0) continue;
            dropped += events[i].dropped, grown += events[i].grown, here++;
        }
        if (!here) continue;
        assert_int_equal(grown - dropped, w[l].came - w[l].gone);
        assert_true(dropped >= w[l].gone && grown >= w[l].came);
        w[l].again |= dropped > w[l].gone;
        seen[l] += here;
    }
}

static double number_of(const json_t *object, const char *name)
{
    const json_t *x = json_object_get(object, name);
    if (!json_is_number(x)) fail_msg("'%s' is no number", name);
    return json_number_value(x);
}

static void state_is_right(const Net *n, const NetList *l, int64_t done, const Watch *w)
{
    json_t *all = net_wiring(n, done);
    const json_t *said = json_object_get(json_object_get(all, "lists"), l->name);
    double ever = 0, used = 0, sum = 0, oldest = 0;
    for (int64_t c = 0; c < l->candidates; c++) {
        ever += w->ever[c], used += w->mark[c];
        sum += w->mark[c] ? (double)(done - w->since[c]) : 0;
        if (w->mark[c]) oldest = fmax(oldest, (double)(done - w->since[c]));
    }
    assert_true(fabs(number_of(said, "explored") - ever / (double)l->candidates) < 1e-12);
    const double age = number_of(said, "age"), most = number_of(said, "oldest");
    if (w->again) assert_true(age <= sum / used + 1e-9 && most <= oldest && age >= 0);
    else assert_true(fabs(age - sum / used) < 1e-9 && most == oldest);
    json_decref(all);
}

/* Nodes of h: marks of the lines into them and out of them. */
static int64_t dead_of(const Net *n, Arena *a)
{
    const NetGraph *g = &n->graphs[0];
    int64_t dead = 0;
    for (int s = 0; s < g->set_count; s++) {
        bool may_in = false, may_out = false;
        for (int64_t v = 0; v < g->sets[s].wiring.size; v++) {
            bool in = false, out = false;
            for (int i = 0; i < n->bundle_count; i++) {
                const NetBundle *b = &n->bundles[i];
                const uint8_t *kept = built_marks(a, b);
                may_in |= b->line.to == s, may_out |= b->line.from == s;
                for (int64_t k = 0; k < b->legal.count; k++) {
                    const int64_t t = candidates_target(&b->legal, k);
                    in |= kept[k] && b->line.to == s && t == v;
                    out |= kept[k] && b->line.from == s && candidates_source(&b->legal, t, k) == v;
                }
            }
            dead += may_in && may_out && !(in && out);
        }
    }
    return dead;
}

static void test_log(void **state)
{
    const Rules *r = *state;
    Arena *a = arena_new();
    Net *n = new_net(r, 2);
    Watch w[4] = {{0}};
    int64_t seen[4] = {0};
    for (int l = 0; l < n->list_count; l++) {
        const size_t count = (size_t)n->lists[l].candidates;
        w[l].mark = NEW_ARRAY(a, uint8_t, count), w[l].ever = NEW_ARRAY(a, uint8_t, count);
        w[l].since = NEW_ARRAY(a, int64_t, count);
        watch(n, &n->lists[l], 0, a, &w[l]);
    }
    for (int64_t t = 0; t < EPOCHS * EPOCH_STEPS; t++) {
        step(r, n, t);
        for (int l = 0; l < n->list_count; l++) watch(n, &n->lists[l], t + 1, a, &w[l]);
        watch_events(n, w, seen);
        net_choose(n, (double)(t + 1) / EPOCH_STEPS);
        for (int l = 0; l < n->list_count; l++) state_is_right(n, &n->lists[l], t + 1, &w[l]);
        if (t % EPOCH_STEPS) continue;
        json_t *all = net_wiring(n, t + 1);
        assert_int_equal(json_integer_value(json_object_get(all, "dead")), dead_of(n, a));
        json_decref(all);
    }
    for (int l = 0; l < n->list_count; l++) /* one of them acts at every step, which is not told one by one */
        if (!seen[l] != (l == 2)) fail_msg("'%s': %d events", n->lists[l].name, (int)seen[l]);
    net_free(n);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clip), cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_log)};
    return cmocka_run_group_tests(tests, open_rules, close_rules);
}
