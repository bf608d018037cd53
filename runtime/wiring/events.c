/* events.c: what declared rules do between steps: choose, drop, grow, reset (net/declared.h). */
#include "common/init.h"
#include "common/simd.h"
#include "net/slots.h"
#include "wiring/moment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- actions ---- */

/* The scores of all candidates; false: one of them is not a number. */
static bool compute_scores(const Moment *m, int function, char *bad, size_t size)
{
    if (moment_compute(m, function, m->rule->score)) return net_group_scores(m->n, m->list, function), true;
    for (int64_t c = 0; c < m->list->stored; c++)
        if (isnan(m->rule->score[c])) {
            snprintf(bad, size, "rule %s: a score of candidate %lld of '%s' is not a number after step %lld",
                     m->rule->text, (long long)c, m->list->name, (long long)m->done);
            break;
        }
    return false;
}

static int64_t rounded(double x, int64_t most)
{
    return x >= (double)most ? most : x > 0 ? (int64_t)floor(x + 0.5) : 0;
}

int64_t moment_leaves(const Moment *m, const DeclaredAction *a, PoolSize p)
{
    const int64_t above = p.used - p.budget;
    if (a->amount == NO_FUNCTION) return above;
    const int64_t count = rounded(moment_amount(m, a->amount, p) * (a->share ? (double)p.used : 1), p.used);
    return count < above && !m->rule->start_all ? above : count;
}

int64_t moment_comes(const Moment *m, const DeclaredAction *a, PoolSize p)
{
    const bool exact = m->rule->start_all && a->amount != NO_FUNCTION;
    const int64_t room = (exact ? p.candidates : p.budget) - p.used;
    if (a->amount == NO_FUNCTION || room <= 0) return room;
    return rounded(moment_amount(m, a->amount, p) * (a->share ? (double)p.used : 1), room);
}

static bool of_nodes(const Moment *m)
{
    return m->list->budget.form == KEEP_FAN_IN || m->list->budget.form == KEEP_FAN_OUT;
}

static void end_edge(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate)
{
    (void)a;
    b->kept[candidate] = 0, b->changed = true, m->rule->changed[b->place + candidate] = (float)m->done;
}

/* Returns how many went out of use. */
static int64_t drop(const Moment *m, const DeclaredAction *a)
{
    const int64_t count = of_nodes(m)
                              ? pool_nodes(m, true, a, end_edge)
                              : pool_each(m, POOL_USED, moment_leaves(m, a, moment_size(m)), a, end_edge);
    if (net_has_slots(m->n, m->list)) slots_remove(m);
    return count;
}

static float fresh_weight(const Moment *m, const NetBundle *b, int64_t candidate)
{
    const uint64_t seed = rule_fresh_seed(m->n->options.seed, m->done);
    return (float)init_edge(&b->param->init, seed, b->param - m->n->params, candidate, net_list_fan(m->n, b));
}

/* A candidate comes into use: its weight begins anew, and what the optimiser keeps for it at 0. */
static void begin_edge(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate)
{
    const int64_t place = b->place + candidate, at = b->param->offset + candidate;
    b->kept[candidate] = 1, b->changed = true, m->rule->changed[place] = (float)m->done;
    m->n->weights[at] = a->fresh                  ? fresh_weight(m, b, candidate)
                        : a->value == NO_FUNCTION ? 0
                                                  : m->rule->value[place];
    moment_number(m, place, isfinite(m->n->weights[at]));
    for (int s = 0; s < moment_slots(m->n); s++)
        for (int w = 0; w < b->line.weight_count; w++) m->n->slots[s][b->weights[w]->offset + candidate] = 0;
}

static int64_t grow(const Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    const int64_t count = moment_comes(m, a, moment_size(m));
    if (net_has_slots(m->n, m->list)) return slots_grow(m, a, count, bad, size);
    if (a->value != NO_FUNCTION) moment_compute(m, a->value, m->rule->value);
    return of_nodes(m) ? pool_nodes(m, false, a, begin_edge)
                       : pool_each(m, POOL_OTHERS, count, a, begin_edge);
}

static void reset(const Moment *m, const DeclaredAction *a)
{
    const int state = a->target - TERM_COUNT;
    if (a->target != TERM_W && m->rule->states[state].shared) {
        *moment_state(m, NULL, state) = (float)moment_amount(m, a->value, moment_size(m));
        moment_number(m, 0, !isnan(*moment_state(m, NULL, state)));
        return;
    }
    moment_compute(m, a->value, m->rule->value);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        float *w = m->n->weights + b->param->offset;
        for (int64_t c = 0; c < b->candidates.count; c++) {
            const float x = m->rule->value[b->place + c];
            if (a->target != TERM_W) moment_state(m, b, state)[c] = x;
            else if (b->kept[c]) w[c] = x;
            moment_number(m, b->place + c, a->target != TERM_W ? !isnan(x) : !b->kept[c] || isfinite(x));
        }
    }
}

/* Ages of the candidates of a line that change. */
static void note_changes(Moment *m, const NetBundle *b, const uint8_t *before)
{
    enum { GROUP = 64 };
    for (int64_t c = 0; c < b->candidates.count; c += GROUP) {
        const int64_t left = b->candidates.count - c, count = left < GROUP ? left : GROUP;
        const uint64_t now = simd_word(b->kept + c, count), then = simd_word(before + c, count);
        m->dropped += __builtin_popcountll(then & ~now);
        for (uint64_t differ = now ^ then; differ; differ &= differ - 1)
            m->rule->changed[b->place + c + __builtin_ctzll(differ)] = (float)m->done;
    }
}

/* `before`: marks of all candidates in the list, where values stand. */
static int64_t choose(Moment *m)
{
    uint8_t *before = (uint8_t *)m->rule->value;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        memcpy(before + b->place, b->kept, (size_t)b->candidates.count);
    }
    int64_t swapped = choose_list(m->n, m->list, m->epoch);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        note_changes(m, b, before + b->place);
    }
    return swapped;
}

static int64_t do_action(Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    switch (a->verb) {
    case VERB_CHOOSE: return choose(m);
    case VERB_DROP: return m->dropped += drop(m, a), 0;
    case VERB_GROW: return grow(m, a, bad, size);
    case VERB_RESET: return reset(m, a), 0;
    default: return 0;
    }
}

static int64_t run_action(Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    const bool searched = net_has_slots(m->n, m->list) && a->verb == VERB_GROW; /* block by block */
    if (a->score != NO_FUNCTION && !a->magnitude && !searched && !compute_scores(m, a->score, bad, size))
        return -1;
    const int64_t swapped = do_action(m, a, bad, size);
    if (!m->rule->wrong) return swapped;
    snprintf(bad, size, "rule %s: %s gives candidate %lld of '%s' %s after step %lld", m->rule->text,
             contract_text(CONTRACT_RuleVerb, (int)a->verb), (long long)m->rule->wrong - 1, m->list->name,
             a->verb == VERB_GROW || a->target == TERM_W ? "a weight that is not a finite number"
                                                         : "a state that is not a number",
             (long long)m->done);
    return -1;
}

static bool amount_is_number(const Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    if (a->amount == NO_FUNCTION || !isnan(moment_amount(m, a->amount, moment_size(m)))) return true;
    snprintf(bad, size, "rule %s: an amount of %s is not a number after step %lld", m->rule->text,
             contract_text(CONTRACT_RuleVerb, (int)a->verb), (long long)m->done);
    return false;
}

/* A drop or a grow of no edge, whose scores nobody asks for; each node of a fan counts for itself. */
static bool moves_nothing(const Moment *m, const DeclaredAction *a)
{
    if (of_nodes(m) || (a->verb != VERB_DROP && a->verb != VERB_GROW)) return false;
    return (a->verb == VERB_DROP ? moment_leaves : moment_comes)(m, a, moment_size(m)) <= 0;
}

static int64_t act(Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    const bool lends = net_has_slots(m->n, m->list) && a->verb != VERB_GROW;
    int64_t swapped = -1;
    m->draw++;
    m->rule->magnitude = a->magnitude;
    moment_read(m);
    if (a->verb == VERB_REDISTRIBUTE) { /* of all lists, when the first of them is at it */
        const bool first = m->rule->group == (int)(m->list - m->n->lists);
        return !first || redistribute(m, a, bad, size) ? 0 : -1;
    }
    if (!amount_is_number(m, a, bad, size)) return -1;
    if (moves_nothing(m, a)) return 0;
    if (!lends || declared_lend(m->rule, m->list->stored)) swapped = run_action(m, a, bad, size);
    else snprintf(bad, size, "rule %s: not enough memory for an event", m->rule->text);
    if (lends) declared_take_back(m->rule);
    return swapped;
}

/* ---- when ---- */

static bool has_come(const Net *n, DeclaredTime t, double epoch)
{
    return t.share ? moment_progress(n, epoch) >= t.at : epoch >= t.at;
}

/* Is the event due behind `done` steps? */
static bool is_due(const Net *n, const DeclaredEvent *e, int64_t done)
{
    const double now = moment_position(n, done), before = moment_position(n, done - 1);
    if (!e->steps && !(e->epochs > 0))
        return has_come(n, e->from, now) && (done == 0 || !has_come(n, e->from, before));
    if (done == 0 || !has_come(n, e->from, now) || has_come(n, e->until, now)) return false;
    if (e->steps) return done % e->steps == 0;
    const double slack = 1e-9;
    return floor(now / e->epochs + slack) > floor(before / e->epochs + slack);
}

/* Before the first step: what happens once, at 0, and each choice of an event that comes again and again. */
static bool begins(const Moment *m, const DeclaredEvent *e, const DeclaredAction *a)
{
    const bool again = e->steps || e->epochs > 0;
    return again ? a->verb == VERB_CHOOSE && has_come(m->n, e->from, 0) : is_due(m->n, e, 0);
}

static int64_t run_round(Moment *m, const DeclaredEvent *e, char *bad, size_t size)
{
    int64_t swapped = 0;
    for (int i = 0; i < e->action_count; i++) {
        if (m->done == 0 && !begins(m, e, &e->actions[i])) continue;
        int64_t more = act(m, &e->actions[i], bad, size);
        if (more < 0) return -1;
        swapped += more;
    }
    return swapped;
}

static int64_t run_event(Moment *m, const DeclaredEvent *e, char *bad, size_t size)
{
    int64_t swapped = 0;
    m->reads = e->reads, m->dropped = 0;
    for (int round = 1; round <= e->rounds; round++) {
        m->round = (double)round / e->rounds;
        int64_t more = run_round(m, e, bad, size);
        if (more < 0) return -1;
        swapped += more;
    }
    net_tie_weights(m->n, m->list);
    events_happened(m, e, swapped);
    return swapped;
}

/* Does an event behind `done` steps (0: before the first) read the gradients of all candidates? */
static bool gradient_due(Net *n, NetList *l, int64_t done)
{
    const Declared *d = l->declared;
    const Moment m = {.n = n, .list = l, .rule = l->declared};
    for (int i = 0; d && i < d->event_count; i++) {
        const DeclaredEvent *e = &d->events[i];
        bool due = done > 0 && is_due(n, e, done);
        for (int a = 0; a < e->action_count && done == 0; a++) due = due || begins(&m, e, &e->actions[a]);
        if (due && e->reads >> TERM_GRADIENT & 1) return true;
    }
    return false;
}

/* Behind the events: edges in use that the rule says itself, and candidates that learn in the next step. */
static int64_t settle(Moment *m, char *bad, size_t size)
{
    const int64_t swapped = m->rule->used == NO_FUNCTION ? 0 : forward_choose(m->n, m->list, m->done);
    if (m->rule->top_by == NO_FUNCTION || !m->n->options.training) return swapped;
    m->draw = RULE_DRAW_TOP;
    m->reads = m->rule->reads;
    moment_read(m);
    if (!compute_scores(m, m->rule->top_by, bad, size)) return -1;
    learn_choose(m);
    return swapped;
}

static int64_t begin_list(Net *n, NetList *l, char *bad, size_t size)
{
    int64_t swapped = 0, more = 0;
    Moment m = moment_new(n, l, 0);
    for (int i = 0; i < l->declared->event_count && more >= 0; i++) {
        more = run_event(&m, &l->declared->events[i], bad, size);
        swapped += more;
    }
    if (more >= 0) more = settle(&m, bad, size);
    events_explored(n, l);
    return more < 0 ? -1 : swapped + more;
}

static void mark_drawn(const Moment *m, const int64_t *positions, int64_t count)
{
    for (int i = 0; i < m->list->bundle_count; i++) {
        NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        memset(b->kept, 0, (size_t)b->candidates.count);
        b->changed = true;
        for (; count > 0 && *positions < b->position + b->candidates.count; positions++, count--)
            b->kept[*positions - b->position] = 1;
    }
}

/* Returns how many edges they have. */
static int64_t mark_groups(const Moment *m, const int64_t *groups, int64_t count)
{
    const Groups *g = m->list->groups;
    int64_t edges = 0;
    mark_drawn(m, NULL, 0);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = g->first[groups[i]]; k < g->first[groups[i] + 1]; k++, edges++) {
            const NetEdgeAt at = net_edge_at(m->n, m->list, g->member[k]);
            at.bundle->kept[at.candidate] = 1;
        }
    return edges;
}

/* As many as the budget says, each set of so many with the same chance. */
static int64_t draw_edges(const Moment *m)
{
    Net *n = m->n;
    NetList *l = m->list;
    if (l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT) {
        m->rule->drawn = true, m->rule->magnitude = false;
        const int64_t swapped = choose_list(n, l, m->epoch);
        m->rule->drawn = false;
        return swapped;
    }
    int64_t keep = budget_now(&l->budget, net_units(l), m->epoch);
    keep = keep < net_units(l) && !m->rule->start_all ? keep : net_units(l);
    int64_t *positions = malloc((size_t)(keep + 1) * sizeof *positions);
    if (positions && rule_drawn(n->options.seed, (int)(l - n->lists), keep, net_units(l), positions)) {
        if (net_has_slots(m->n, m->list)) slots_fill(n, l, positions, keep);
        else if (l->groups) keep = mark_groups(m, positions, keep);
        else mark_drawn(m, positions, keep);
    } else
        snprintf(n->begin_bad, sizeof n->begin_bad, "not enough memory to draw the edges of '%s'", l->name);
    free(positions);
    return keep;
}

/* Before the first step: edges are drawn, or all in use, unless the rule chooses. */
int64_t events_begin(Net *n, NetList *l, double epoch)
{
    Declared *d = l->declared;
    for (int i = 0; i < l->bundle_count && d->first; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        memcpy(d->first + b->place, n->weights + b->param->offset,
               (size_t)b->candidates.count * sizeof(float));
    }
    Moment m = moment_new(n, l, 0);
    m.epoch = epoch;
    int64_t swapped = l->given ? 0 : draw_edges(&m);
    if (d->used != NO_FUNCTION) swapped += forward_choose(n, l, 0);
    if (!n->options.training || *n->begin_bad || gradient_due(n, l, 0)) return swapped;
    int64_t more = begin_list(n, l, n->begin_bad, sizeof n->begin_bad);
    return swapped + (more > 0 ? more : 0);
}

int64_t events_first(Net *n, char *bad, size_t size)
{
    int64_t swapped = 0;
    for (int i = 0; i < n->list_count; i++) {
        if (!gradient_due(n, &n->lists[i], 0)) continue;
        int64_t more = begin_list(n, &n->lists[i], bad, size);
        if (more < 0) return -1;
        swapped += more;
    }
    return swapped;
}

bool events_read_gradient(const Net *n, const NetBundle *b)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return d && rule_reads(d, TERM_GRADIENT);
}

bool events_before(Net *n, int64_t done)
{
    bool any = false;
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        const bool full = gradient_due(n, l, done);
        for (int b = 0; b < l->bundle_count; b++) {
            LineRecord *line = &n->bundles[l->first_bundle + b].line;
            line->full = full && !line->slots;
        }
        any = any || full;
    }
    return any;
}

static int64_t run_list(Net *n, NetList *l, int64_t done, char *bad, size_t size)
{
    int64_t swapped = 0;
    Moment m = moment_new(n, l, done);
    for (int k = 0; k < l->declared->event_count; k++) {
        if (!is_due(n, &l->declared->events[k], done)) continue;
        int64_t more = run_event(&m, &l->declared->events[k], bad, size);
        if (more < 0) return -1;
        swapped += more;
    }
    const int64_t more = settle(&m, bad, size);
    if (swapped + more > 0) events_explored(n, l);
    return more < 0 ? -1 : swapped + more;
}

int64_t events_after(Net *n, int64_t done, char *bad, size_t size)
{
    int64_t swapped = 0;
    n->happened_count = 0;
    for (int i = 0; i < n->list_count; i++) {
        if (!n->lists[i].declared || !n->lists[i].declared->state_count) continue;
        const Moment m = moment_new(n, &n->lists[i], done);
        moment_move_states(&m);
        if (!m.rule->wrong) continue;
        snprintf(bad, size,
                 "rule %s: `next` gives candidate %lld of '%s' a state that is not a number after step %lld",
                 m.rule->text, (long long)m.rule->wrong - 1, n->lists[i].name, (long long)done);
        return -1;
    }
    for (int i = 0; i < n->list_count; i++) {
        int64_t more = n->lists[i].declared ? run_list(n, &n->lists[i], done, bad, size) : 0;
        if (more < 0) return -1;
        swapped += more;
    }
    return swapped;
}
