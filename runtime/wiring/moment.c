/* moment.c: what the functions of declared rules read, and what they compute, of all candidates of a list. */
#include "wiring/moment.h"
#include "common/simd.h"
#include "net/slots.h"
#include "common/thread.h"
#include <math.h>

double moment_position(const Net *n, int64_t done)
{
    return n->options.epoch_steps > 0 ? (double)done / (double)n->options.epoch_steps : 0;
}

double moment_progress(const Net *n, double epoch)
{
    double part = n->options.epochs > 0 ? epoch / n->options.epochs : 0;
    return part < 1 ? part : 1;
}

/* ---- what functions read ---- */

int64_t moment_used(const Moment *m)
{
    int64_t used = 0;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) used += b->kept[c] && moment_counts(m, b, c);
    }
    return used;
}

void moment_read(Moment *m)
{
    const double same[] = {(double)m->done,
                           m->epoch,
                           moment_progress(m->n, m->epoch),
                           m->n->rate,
                           moment_reads(m, TERM_KEPT) ? (double)moment_used(m) : 0,
                           (double)declared_budget(m->list, m->epoch),
                           (double)net_units(m->list),
                           m->round};
    memcpy(m->same, same, sizeof same);
}

static void fill(float *out, int64_t count, double x)
{
    for (int64_t i = 0; i < count; i++) out[i] = (float)x;
}

static void fill_random(const Moment *m, const NetBundle *b, int64_t first, int64_t count, float *out)
{
    const RuleDraw draw = moment_draw(m);
    const Groups *groups = m->list->groups;
    for (int64_t i = 0; groups && i < count; i++)
        out[i] = rule_random(m->n->options.seed, draw, groups->of[b->position + first + i]);
    if (groups) return;
    if (!b->line.slots) {
        rule_randoms(m->n->options.seed, draw, b->position + first, count, out);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        out[i] = rule_random(m->n->options.seed, draw, b->position + slots_number(b, first + i));
}

/* What the optimiser keeps; a gradient check has none. */
int moment_slots(const Net *n)
{
    return n->options.optim ? n->options.optim->slots : 0;
}

/* The first moment of the optimiser; where it keeps none, 0. */
static const float *moments(const Net *n, const NetBundle *b)
{
    for (int s = 0; s < moment_slots(n); s++) {
        const char *name = n->options.optim->slot_names[s];
        if (strcmp(name, "momentum") == 0 || strcmp(name, "mean") == 0) return n->slots[s] + b->param->offset;
    }
    return NULL;
}

/* 0 where a step computed none. */
static void fill_gradient(const Moment *m, const NetBundle *b, int64_t first, int64_t count, float *out)
{
    const bool all = !gradient_of_used(m->n, b);
    const float *gradient = (const float *)m->n->grad + b->param->offset + first,
                *learns = m->rule->learns ? m->rule->learns + b->place + first : NULL;
    for (int64_t i = 0; i < count; i++)
        out[i] = all || (learns ? learns[i] != 0 : b->kept[first + i]) ? gradient[i] : 0;
}

/* A state of the candidates of a line; of a shared one, its only number. */
float *moment_state(const Moment *m, const NetBundle *b, int state)
{
    const DeclaredState *s = &m->rule->states[state];
    if (s->param < 0) return s->value + b->place;
    return m->n->weights + (s->shared ? m->n->params[s->param].offset : b->weights[s->param]->offset);
}

/* The array in which the numbers of a line's candidates stand; NULL: they are computed. */
static const float *stored_term(const Moment *m, const NetBundle *b, int term)
{
    if (term == TERM_W) return m->n->weights + b->param->offset;
    if (term == TERM_MOMENTUM) return moments(m->n, b);
    if (term >= TERM_COUNT)
        return m->rule->states[term - TERM_COUNT].shared ? NULL : moment_state(m, b, term - TERM_COUNT);
    return declared_term(m->rule, term) ? *declared_term(m->rule, term) + b->place : NULL;
}

static void fill_term(const Moment *m, const NetBundle *b, int term, int64_t first, int64_t count, float *out)
{
    switch (term) {
    case TERM_GRADIENT: fill_gradient(m, b, first, count, out); return;
    case TERM_MOMENTUM: fill(out, count, 0); return; /* the optimiser keeps none */
    case TERM_USED:
        for (int64_t i = 0; i < count; i++) out[i] = b->kept[first + i];
        return;
    case TERM_AGE:
        for (int64_t i = 0; i < count; i++) out[i] = (float)m->done - m->rule->changed[b->place + first + i];
        return;
    case TERM_RANDOM: fill_random(m, b, first, count, out); return;
    default: break;
    }
    fill(out, count,
         term >= TERM_COUNT ? *moment_state(m, NULL, term - TERM_COUNT) : m->same[term - TERM_STEP]);
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
        const float *stored = moment_reads(m, i) ? stored_term(m, b, i) : NULL;
        p->args[i] = stored && p->count == p->whole ? stored + first : p->room[i];
        if (!moment_reads(m, i) || p->args[i] != p->room[i]) continue;
        if (stored) memcpy(p->room[i], stored + first, (size_t)p->count * sizeof *stored);
        else fill_term(m, b, i, first, p->count, p->room[i]);
        fill(p->room[i] + p->count, p->whole - p->count, 0);
    }
}

RT_CLONES static bool has_nan(const float *x, int64_t count)
{
    int found = 0;
    for (int64_t i = 0; i < count; i++) found |= x[i] != x[i];
    return found;
}

/* What follows from the edges in use at the ends of a line. */
static void read_wiring(const Moment *m, const NetBundle *b)
{
    if (moment_reads(m, TERM_FAN_IN)) count_fans(m, b, false);
    if (moment_reads(m, TERM_FAN_OUT)) count_fans(m, b, true);
    if (moment_reads(m, TERM_PATHS3)) paths3(m, b);
}

static void read_list(const Moment *m)
{
    for (int i = 0; i < m->list->bundle_count; i++) read_wiring(m, &m->n->bundles[m->list->first_bundle + i]);
    if (moment_reads(m, TERM_FLOW)) path_flow(m);
}

/* Of a line of the list; parts are shared out by pieces. */
typedef struct Piece {
    const Moment *m;
    const NetBundle *b;
    int function;
    float *out;
    _Atomic bool missing; /* a result that is not a number */
} Piece;

enum { PIECE_PARTS = 64 };

static void compute_piece(void *job, int64_t piece)
{
    Piece *all = job;
    Part p;
    bool missing = false;
    const int64_t first = piece * PIECE_PARTS * RULE_BLOCK, end = first + PIECE_PARTS * RULE_BLOCK;
    for (int64_t c = first; c < end && c < all->b->candidates.count; c += RULE_BLOCK) {
        read_part(all->m, all->b, c, &p);
        float *out = all->out + all->b->place + c; /* the next ones, or RULE_WIDTH more, stand behind them */
        all->m->n->program->rules[all->function](p.args, p.whole, out);
        missing |= has_nan(out, p.count);
    }
    if (missing) all->missing = true;
}

bool moment_compute(const Moment *m, int function, float *out)
{
    Moment of = *m;
    of.reads = m->n->record.rule_reads[function];
    Piece all = {.m = &of, .function = function, .out = out};
    read_list(&of);
    for (int i = 0; i < m->list->bundle_count; i++) {
        all.b = &m->n->bundles[m->list->first_bundle + i];
        const int64_t size = PIECE_PARTS * RULE_BLOCK;
        thread_share(m->n->options.threads, (all.b->candidates.count + size - 1) / size, compute_piece, &all);
    }
    return !all.missing;
}

/* All states read what they were before. */
static void move_part(const Moment *m, const Part *p)
{
    float result[MOST_RULE_STATES][RULE_BLOCK];
    const DeclaredState *states = m->rule->states;
    for (int s = 0; s < m->rule->state_count; s++)
        if (states[s].next != NO_FUNCTION && !states[s].shared)
            m->n->program->rules[states[s].next](p->args, p->whole, result[s]);
    for (int s = 0; s < m->rule->state_count; s++) {
        if (states[s].next == NO_FUNCTION || states[s].shared) continue;
        memcpy(moment_state(m, p->b, s) + p->first, result[s], (size_t)p->count * sizeof **result);
        for (int64_t i = 0; i < p->count; i++)
            moment_number(m, p->b->place + p->first + i, !isnan(result[s][i]));
    }
}

static void move_parts(const Moment *m)
{
    Part p;
    read_list(m);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c += RULE_BLOCK) {
            read_part(m, b, c, &p);
            move_part(m, &p);
        }
    }
}

/* One number that does not depend on the candidate. */
double moment_amount(const Moment *m, int function, PoolSize p)
{
    float room[TERM_COUNT + MOST_RULE_STATES][RULE_WIDTH] = {{0}}, result[RULE_WIDTH];
    const float *args[TERM_COUNT + MOST_RULE_STATES];
    for (int i = 0; i < TERM_COUNT + MOST_RULE_STATES; i++) args[i] = room[i];
    for (int i = TERM_STEP; i < TERM_COUNT; i++) fill(room[i], RULE_WIDTH, m->same[i - TERM_STEP]);
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared) fill(room[TERM_COUNT + s], RULE_WIDTH, *moment_state(m, NULL, s));
    fill(room[TERM_KEPT], RULE_WIDTH, (double)p.used);
    fill(room[TERM_BUDGET], RULE_WIDTH, (double)p.budget);
    fill(room[TERM_CANDIDATES], RULE_WIDTH, (double)p.candidates);
    m->n->program->rules[function](args, RULE_WIDTH, result);
    return result[0];
}

void moment_move_states(const Moment *m)
{
    double shared[MOST_RULE_STATES];
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared && m->rule->states[s].next != NO_FUNCTION)
            shared[s] = moment_amount(m, m->rule->states[s].next, moment_size(m));
    if (m->rule->state_count) move_parts(m);
    for (int s = 0; s < m->rule->state_count; s++)
        if (m->rule->states[s].shared && m->rule->states[s].next != NO_FUNCTION)
            *moment_state(m, NULL, s) = (float)shared[s], moment_number(m, 0, !isnan(shared[s]));
}

/* ---- one event of one list ---- */

PoolSize moment_size(const Moment *m)
{
    return (PoolSize){moment_used(m), declared_budget(m->list, m->epoch), net_units(m->list)};
}

Moment moment_new(Net *n, NetList *l, int64_t done)
{
    Moment m = {.n = n, .list = l, .rule = l->declared, .done = done, .epoch = moment_position(n, done)};
    for (int s = 0; s < m.rule->state_count; s++)
        if (m.rule->states[s].next != NO_FUNCTION) m.reads |= n->record.rule_reads[m.rule->states[s].next];
    m.round = 1;
    moment_read(&m);
    return m;
}

Moment moment_beside(const Moment *m, NetList *l)
{
    Moment beside = moment_new(m->n, l, m->done);
    beside.reads = m->reads, beside.draw = m->draw;
    moment_read(&beside);
    return beside;
}
