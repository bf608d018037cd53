/* events.c: what declared rules do between steps: choose, drop, grow, reset (net/declared.h). */
#include "common/init.h"
#include "net/slots.h"
#include "wiring/moment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double position_of(const Net *n, int64_t done)
{
    return n->options.epoch_steps > 0 ? (double)done / (double)n->options.epoch_steps : 0;
}

static double progress_at(const Net *n, double epoch)
{
    double part = n->options.epochs > 0 ? epoch / n->options.epochs : 0;
    return part < 1 ? part : 1;
}

/* ---- what functions read ---- */

static int64_t used_of(const Moment *m)
{
    int64_t used = 0;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) used += b->kept[c];
    }
    return used;
}

static int64_t budget_of(const Moment *m)
{
    return budget_now(&m->list->budget, m->list->candidates, m->epoch);
}

static void read_same(Moment *m)
{
    const double same[] = {(double)m->done,
                           m->epoch,
                           progress_at(m->n, m->epoch),
                           m->n->rate,
                           rule_reads(m->rule, TERM_KEPT) ? (double)used_of(m) : 0,
                           (double)budget_of(m),
                           (double)m->list->candidates};
    memcpy(m->same, same, sizeof same);
}

static void fill(float *out, int64_t count, double x)
{
    for (int64_t i = 0; i < count; i++) out[i] = (float)x;
}

static void fill_random(const Moment *m, const NetBundle *b, int64_t first, int64_t count, float *out)
{
    const RuleDraw draw = moment_draw(m);
    if (!b->line.slots) {
        rule_randoms(m->n->options.seed, draw, b->position + first, count, out);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        out[i] = rule_random(m->n->options.seed, draw, b->position + slots_number(b, first + i));
}

/* What the optimiser keeps; a gradient check has none. */
static int slots_of(const Net *n)
{
    return n->options.optim ? n->options.optim->slots : 0;
}

/* The first moment of the optimiser; where it keeps none, 0. */
static const float *moments(const Net *n, const NetBundle *b)
{
    for (int s = 0; s < slots_of(n); s++) {
        const char *name = n->options.optim->slot_names[s];
        if (strcmp(name, "momentum") == 0 || strcmp(name, "mean") == 0) return n->slots[s] + b->param->offset;
    }
    return NULL;
}

/* 0 where a step computed none. */
static void fill_gradient(const Net *n, const NetBundle *b, int64_t first, int64_t count, float *out)
{
    const bool all = !gradient_of_used(n, b);
    const float *gradient = (const float *)n->grad + b->param->offset + first;
    for (int64_t i = 0; i < count; i++) out[i] = all || b->kept[first + i] ? gradient[i] : 0;
}

/* A state of the candidates of a line; of a shared one, its only number. */
static float *state_of(const Moment *m, const NetBundle *b, int state)
{
    const DeclaredState *s = &m->rule->states[state];
    if (s->param < 0) return s->value + b->place;
    return m->n->weights + (s->shared ? m->n->params[s->param].offset : b->weights[s->param]->offset);
}

static void fill_state(const Moment *m, const NetBundle *b, int state, int64_t first, int64_t count,
                       float *out)
{
    const float *numbers = state_of(m, b, state);
    if (m->rule->states[state].shared) fill(out, count, *numbers);
    else memcpy(out, numbers + first, (size_t)count * sizeof *out);
}

static void fill_term(const Moment *m, const NetBundle *b, int term, int64_t first, int64_t count, float *out)
{
    const Net *n = m->n;
    const int64_t at = b->param->offset + first, place = b->place + first;
    const size_t bytes = (size_t)count * sizeof *out;
    const float *moment;
    switch (term) {
    case TERM_W: memcpy(out, n->weights + at, bytes); return;
    case TERM_GRADIENT: fill_gradient(n, b, first, count, out); return;
    case TERM_MOMENTUM:
        moment = moments(n, b);
        if (moment) memcpy(out, moment + first, bytes);
        else fill(out, count, 0);
        return;
    case TERM_FIRST: memcpy(out, m->rule->first + place, bytes); return;
    case TERM_USED:
        for (int64_t i = 0; i < count; i++) out[i] = b->kept[first + i];
        return;
    case TERM_AGE:
        for (int64_t i = 0; i < count; i++) out[i] = (float)m->done - m->rule->changed[place + i];
        return;
    case TERM_RANDOM: fill_random(m, b, first, count, out); return;
    case TERM_FAN_IN: memcpy(out, m->rule->fan_in + place, bytes); return;
    case TERM_FAN_OUT: memcpy(out, m->rule->fan_out + place, bytes); return;
    default: break;
    }
    if (term < TERM_COUNT) fill(out, count, m->same[term - TERM_STEP]);
    else fill_state(m, b, term - TERM_COUNT, first, count, out);
}

/* Calls `each` for all candidates of a line. */
typedef void EachCandidate(void *context, const NetBundle *b, int64_t candidate, int64_t node);

static void each_candidate(const NetBundle *b, bool source, EachCandidate *each, void *context)
{
    CandidateRun run;
    for (int64_t t = 0; t < b->candidates.targets; t++)
        for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
            for (int64_t k = 0; k < run.length; k++)
                each(context, b, run.first + k, source ? run.source + k : t);
}

static void count_edge(void *counts, const NetBundle *b, int64_t candidate, int64_t node)
{
    ((int64_t *)counts)[node] += b->kept[candidate];
}

typedef struct Fans {
    const int64_t *counts;
    float *fan;
} Fans;

static void put_fan(void *context, const NetBundle *b, int64_t candidate, int64_t node)
{
    const Fans *f = context;
    f->fan[b->place + candidate] = (float)f->counts[node];
}

/* Edges in use, of all lists of the graph, at one end of each candidate of the line. */
static void count_fans(const Moment *m, const NetBundle *b, bool source)
{
    const NetGraph *g = &m->n->graphs[b->line.graph];
    const int set = source ? b->line.from : b->line.to;
    memset(m->n->counts, 0, (size_t)g->sets[set].wiring.size * sizeof *m->n->counts);
    for (int i = g->first_bundle; i < g->first_bundle + g->bundle_count; i++) {
        const NetBundle *u = &m->n->bundles[i];
        if ((source ? u->line.from : u->line.to) == set) each_candidate(u, source, count_edge, m->n->counts);
    }
    each_candidate(b, source, put_fan, &(Fans){m->n->counts, source ? m->rule->fan_out : m->rule->fan_in});
}

/* ---- what functions compute ---- */

/* Candidates first .. first + count of a line, and what their functions read. */
typedef struct Part {
    const NetBundle *b;
    int64_t first, count, whole; /* whole: count, a multiple of RULE_WIDTH */
    float room[TERM_COUNT + MOST_RULE_STATES][RULE_BLOCK];
    const float *args[TERM_COUNT + MOST_RULE_STATES];
} Part;

static void read_part(const Moment *m, const NetBundle *b, int64_t first, Part *p)
{
    const int64_t left = b->candidates.count - first;
    p->b = b, p->first = first, p->count = left < RULE_BLOCK ? left : RULE_BLOCK;
    p->whole = (p->count + RULE_WIDTH - 1) / RULE_WIDTH * RULE_WIDTH;
    for (int i = 0; i < TERM_COUNT + m->rule->state_count; i++) {
        p->args[i] = p->room[i];
        if (!rule_reads(m->rule, i)) continue;
        fill_term(m, b, i, first, p->count, p->room[i]);
        fill(p->room[i] + p->count, p->whole - p->count, 0);
    }
}

static void compute_part(const Moment *m, const Part *p, int function, float *out)
{
    float result[RULE_BLOCK];
    m->n->program->rules[function](p->args, p->whole, result);
    memcpy(out + p->b->place + p->first, result, (size_t)p->count * sizeof *result);
}

/* Calls `each` with all candidates of the list, part by part. */
typedef void EachPart(const Moment *m, const Part *p, int function, float *out);

static void each_part(const Moment *m, EachPart *each, int function, float *out)
{
    Part p;
    for (int source = 0; source < 2; source++)
        for (int i = 0; i < m->list->bundle_count && rule_reads(m->rule, source ? TERM_FAN_OUT : TERM_FAN_IN);
             i++)
            count_fans(m, &m->n->bundles[m->list->first_bundle + i], source);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c += RULE_BLOCK) {
            read_part(m, b, c, &p);
            each(m, &p, function, out);
        }
    }
}

static void compute(const Moment *m, int function, float *out)
{
    each_part(m, compute_part, function, out);
}

/* All states read what they were before. */
static void move_part(const Moment *m, const Part *p, int function, float *out)
{
    (void)function, (void)out;
    float result[RULE_BLOCK];
    for (int s = 0; s < m->rule->state_count; s++) {
        if (m->rule->states[s].next == NO_FUNCTION || m->rule->states[s].shared) continue;
        m->n->program->rules[m->rule->states[s].next](p->args, p->whole, result);
        memcpy(state_of(m, p->b, s) + p->first, result, (size_t)p->count * sizeof *result);
    }
}

/* One number that does not depend on the candidate. */
static double amount(const Moment *m, int function)
{
    float room[TERM_COUNT + MOST_RULE_STATES][RULE_WIDTH] = {{0}}, result[RULE_WIDTH];
    const float *args[TERM_COUNT + MOST_RULE_STATES];
    for (int i = 0; i < TERM_COUNT + MOST_RULE_STATES; i++) args[i] = room[i];
    for (int i = TERM_STEP; i < TERM_COUNT; i++) fill(room[i], RULE_WIDTH, m->same[i - TERM_STEP]);
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared) fill(room[TERM_COUNT + s], RULE_WIDTH, *state_of(m, NULL, s));
    m->n->program->rules[function](args, RULE_WIDTH, result);
    return result[0];
}

static void move_states(const Moment *m)
{
    double shared[MOST_RULE_STATES];
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared && m->rule->states[s].next != NO_FUNCTION)
            shared[s] = amount(m, m->rule->states[s].next);
    if (m->rule->state_count) each_part(m, move_part, NO_FUNCTION, NULL);
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared && m->rule->states[s].next != NO_FUNCTION)
            *state_of(m, NULL, s) = (float)shared[s];
}

/* ---- actions ---- */

/* Are there numbers for edges in use alone? */
static bool has_slots(const Moment *m)
{
    return m->n->bundles[m->list->first_bundle].line.slots > 0;
}

static bool is_score(const Moment *m, char *bad, size_t size)
{
    for (int64_t c = 0; c < m->list->stored; c++)
        if (isnan(m->rule->score[c])) {
            snprintf(bad, size, "rule %s: a score of candidate %lld of '%s' is not a number", m->rule->text,
                     (long long)c, m->list->name);
            return false;
        }
    return true;
}

static int64_t rounded(double x, int64_t most)
{
    return x >= (double)most ? most : x > 0 ? (int64_t)floor(x + 0.5) : 0;
}

static void end_edge(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate)
{
    (void)a;
    b->kept[candidate] = 0, m->rule->changed[b->place + candidate] = (float)m->done;
}

/* `x`: the amount. */
static void drop(const Moment *m, const DeclaredAction *a, double x)
{
    const int64_t used = used_of(m), above = used - budget_of(m);
    int64_t count = a->amount == NO_FUNCTION ? above : rounded(a->share ? x * (double)used : x, used);
    if (count < above && !m->rule->start_all) count = above;
    pool_each(m, true, count, a, end_edge);
    if (has_slots(m)) slots_remove(m);
}

static float fresh_weight(const Moment *m, const NetBundle *b, int64_t candidate)
{
    const uint64_t seed = rule_fresh_seed(m->n->options.seed, m->done);
    return (float)init_edge(seed, b->param - m->n->params, candidate, net_list_fan(m->n, b));
}

/* A candidate comes into use: its weight begins anew, and what the optimiser keeps for it at 0. */
static void begin_edge(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate)
{
    const int64_t place = b->place + candidate, at = b->param->offset + candidate;
    b->kept[candidate] = 1, m->rule->changed[place] = (float)m->done;
    m->n->weights[at] = a->fresh                  ? fresh_weight(m, b, candidate)
                        : a->value == NO_FUNCTION ? 0
                                                  : m->rule->value[place];
    for (int s = 0; s < slots_of(m->n); s++)
        for (int w = 0; w < b->line.weight_count; w++) m->n->slots[s][b->weights[w]->offset + candidate] = 0;
}

static int64_t grow(const Moment *m, const DeclaredAction *a, double x, char *bad, size_t size)
{
    const bool exact = m->rule->start_all && a->amount != NO_FUNCTION;
    const int64_t used = used_of(m);
    int64_t count = (exact ? m->list->candidates : budget_of(m)) - used;
    if (a->amount != NO_FUNCTION) {
        int64_t wanted = rounded(a->share ? x * (double)used : x, count);
        count = wanted < count ? wanted : count;
    }
    if (has_slots(m)) return slots_grow(m, a, count, bad, size);
    if (a->value != NO_FUNCTION) compute(m, a->value, m->rule->value);
    return pool_each(m, false, count, a, begin_edge);
}

static void reset(const Moment *m, const DeclaredAction *a)
{
    const int state = a->target - TERM_COUNT;
    if (a->target != TERM_W && m->rule->states[state].shared) {
        *state_of(m, NULL, state) = (float)amount(m, a->value);
        return;
    }
    compute(m, a->value, m->rule->value);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        float *w = m->n->weights + b->param->offset;
        for (int64_t c = 0; c < b->candidates.count; c++) {
            const float x = m->rule->value[b->place + c];
            if (a->target != TERM_W) state_of(m, b, state)[c] = x;
            else if (b->kept[c]) w[c] = x;
        }
    }
}

/* `before`: marks of all candidates in the list, as values; ages of those that change. */
static int64_t choose(const Moment *m)
{
    float *before = m->rule->value;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) before[b->place + c] = b->kept[c];
    }
    int64_t swapped = choose_list(m->n, m->list, m->epoch);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++)
            if (before[b->place + c] != b->kept[c]) m->rule->changed[b->place + c] = (float)m->done;
    }
    return swapped;
}

static int64_t act(Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    m->draw++;
    m->rule->magnitude = a->magnitude;
    read_same(m);
    if (a->score != NO_FUNCTION && !a->magnitude && !(has_slots(m) && a->verb == VERB_GROW)) {
        compute(m, a->score, m->rule->score);
        if (!is_score(m, bad, size)) return -1;
    }
    const double x = a->amount == NO_FUNCTION ? 0 : amount(m, a->amount);
    if (isnan(x)) {
        snprintf(bad, size, "rule %s: an amount of %s is not a number after step %lld", m->rule->text,
                 contract_text(CONTRACT_RuleVerb, (int)a->verb), (long long)m->done);
        return -1;
    }
    switch (a->verb) {
    case VERB_CHOOSE: return choose(m);
    case VERB_DROP: return drop(m, a, x), 0;
    case VERB_GROW: return grow(m, a, x, bad, size);
    case VERB_RESET: return reset(m, a), 0;
    default: return 0;
    }
}

/* ---- when ---- */

static bool has_come(const Net *n, DeclaredTime t, double epoch)
{
    return t.share ? progress_at(n, epoch) >= t.at : epoch >= t.at;
}

/* Is the event due behind `done` steps? */
static bool is_due(const Net *n, const DeclaredEvent *e, int64_t done)
{
    const double now = position_of(n, done), before = position_of(n, done - 1);
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

static int64_t run_event(Moment *m, const DeclaredEvent *e, char *bad, size_t size)
{
    int64_t swapped = 0;
    for (int i = 0; i < e->action_count; i++) {
        if (m->done == 0 && !begins(m, e, &e->actions[i])) continue;
        int64_t more = act(m, &e->actions[i], bad, size);
        if (more < 0) return -1;
        swapped += more;
    }
    for (int i = 0; i < m->list->bundle_count; i++) m->n->bundles[m->list->first_bundle + i].changed = true;
    return swapped;
}

static Moment moment_of(Net *n, NetList *l, int64_t done)
{
    Moment m = {.n = n, .list = l, .rule = l->declared, .done = done, .epoch = position_of(n, done)};
    read_same(&m);
    return m;
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

static int64_t begin_list(Net *n, NetList *l, char *bad, size_t size)
{
    int64_t swapped = 0, more = 0;
    Moment m = moment_of(n, l, 0);
    for (int i = 0; i < l->declared->event_count && more >= 0; i++) {
        more = run_event(&m, &l->declared->events[i], bad, size);
        swapped += more;
    }
    if (l->declared->used != NO_FUNCTION) swapped += forward_choose(n, l, 0);
    return more < 0 ? -1 : swapped;
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
    int64_t keep = budget_now(&l->budget, l->candidates, m->epoch);
    keep = keep < l->candidates && !m->rule->start_all ? keep : l->candidates;
    int64_t *positions = malloc((size_t)(keep + 1) * sizeof *positions);
    if (positions && rule_drawn(n->options.seed, (int)(l - n->lists), keep, l->candidates, positions)) {
        if (has_slots(m)) slots_fill(n, l, positions, keep);
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
    Moment m = moment_of(n, l, 0);
    m.epoch = epoch;
    int64_t swapped = draw_edges(&m);
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
        for (int b = 0; b < l->bundle_count; b++) n->bundles[l->first_bundle + b].line.full = full;
        any = any || full;
    }
    return any;
}

int64_t events_after(Net *n, int64_t done, char *bad, size_t size)
{
    int64_t swapped = 0;
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        if (!l->declared) continue;
        Moment m = moment_of(n, l, done);
        move_states(&m);
        for (int k = 0; k < l->declared->event_count; k++) {
            if (!is_due(n, &l->declared->events[k], done)) continue;
            int64_t more = run_event(&m, &l->declared->events[k], bad, size);
            if (more < 0) return -1;
            swapped += more;
        }
        if (l->declared->used != NO_FUNCTION) swapped += forward_choose(n, l, done);
    }
    return swapped;
}
