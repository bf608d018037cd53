/* ir_eval_rule.c: see ir_eval_rule.h. */
#include "eval/ir_eval_rule.h"
#include "common/init.h"
#include "ir/predicate.h"
#include <math.h>
#include <stdlib.h>

typedef struct Ranked {
    double score;
    int64_t position;
} Ranked;

static const EdgeList *list_of(const EvalRule *r)
{
    return &r->graph->lists.at[r->list];
}

static const Rule *rule_of(const EvalRule *r)
{
    return list_of(r)->declared;
}

EvalRule eval_rule_new(Arena *a, const Model *m, const Graph *g, int list, uint8_t **kept)
{
    EvalRule r = {.model = m, .graph = g, .list = list, .kept = kept, .arena = a};
    const EdgeList *l = &g->lists.at[list];
    const int terms = TERM_COUNT + l->declared->states.count;
    for (int i = 0; i < m->graphs.count && m->graphs.at[i] != g; i++)
        r.number += m->graphs.at[i]->lists.count;
    r.number += list;
    r.term = NEW_ARRAY(a, double *, (size_t)terms);
    for (int i = 0; i < terms; i++) r.term[i] = NEW_ARRAY(a, double, (size_t)l->candidates + 1);
    for (int s = 0; s < l->declared->states.count; s++)
        for (int64_t c = 0; c < l->candidates; c++)
            r.term[TERM_COUNT + s][c] = l->declared->states.at[s].init.a;
    r.fresh = NEW_ARRAY(a, double, (size_t)l->candidates + 1);
    return r;
}

double eval_carried(const Model *m, const Graph *g, CandidateAt at, int function, const double *param)
{
    const Bundle *u = &g->bundles.at[at.bundle];
    const Rule *r = g->lists.at[u->list].declared;
    const Func *f = m->rule_functions.at[function];
    double args[TERM_COUNT + MOST_RULE_STATES] = {0};
    double *scratch = malloc(((size_t)f->values.count + 1) * sizeof *scratch);
    args[TERM_W] = param[u->weight->offset + at.candidate];
    for (int i = 0; i < r->states.count; i++) {
        const RuleState *s = &r->states.at[i];
        if (s->stored && s->shared) args[TERM_COUNT + i] = param[s->tensor->offset];
        else if (s->stored) args[TERM_COUNT + i] = param[u->weights.at[s->weight]->offset + at.candidate];
    }
    const double x = predicate_eval(f, args, NULL, scratch);
    free(scratch);
    return x;
}

/* ---- candidates ---- */

typedef struct At {
    int bundle;
    int64_t candidate, target, source, position;
} At;
typedef void EachAt(EvalRule *r, At p, void *context);

static void each(EvalRule *r, int bundle, int64_t *position, EachAt *f, void *context)
{
    const Bundle *u = &r->graph->bundles.at[bundle];
    CandidateRun run;
    for (int64_t t = 0; t < u->candidates.targets; t++)
        for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                f(r, (At){bundle, run.first + i, t, run.source + i, (*position)++}, context);
}

static void each_of_list(EvalRule *r, EachAt *f, void *context)
{
    int64_t position = 0;
    for (int b = 0; b < r->graph->bundles.count; b++)
        if (r->graph->bundles.at[b].list == r->list) each(r, b, &position, f, context);
}

/* Edges in use into (out of) one node, of all lists. */
typedef struct Ends {
    int set;
    int64_t node;
    bool out;
    double count;
} Ends;

static void count_end(EvalRule *r, At p, void *context)
{
    Ends *e = context;
    const Bundle *u = &r->graph->bundles.at[p.bundle];
    bool here = e->out ? u->from == e->set && p.source == e->node : u->to == e->set && p.target == e->node;
    e->count += here && r->kept[p.bundle][p.candidate] == 1;
}

static double edges_at(EvalRule *r, Ends e)
{
    int64_t position = 0;
    for (int b = 0; b < r->graph->bundles.count; b++) each(r, b, &position, count_end, &e);
    return e.count;
}

static double epoch_of(const EvalRule *r, int64_t done)
{
    return r->steps > 0 ? (double)done / r->steps : 0;
}

static double progress_of(const EvalRule *r, double epoch)
{
    return r->epochs > 0 ? fmin(epoch / r->epochs, 1) : 0;
}

static int64_t budget(const EvalRule *r)
{
    return budget_now(&list_of(r)->budget, list_of(r)->candidates, epoch_of(r, r->done));
}

/* The terms that are not given. context: the action of this moment, from 1. */
static void fill_terms(EvalRule *r, At p, void *context)
{
    const Bundle *u = &r->graph->bundles.at[p.bundle];
    const double epoch = epoch_of(r, r->done);
    const int64_t c = p.position;
    r->term[TERM_USED][c] = r->kept[p.bundle][p.candidate] == 1;
    r->term[TERM_RANDOM][c] = rule_random(r->seed, (RuleDraw){r->number, *(uint64_t *)context, r->done}, c);
    const double same[] = {(double)r->done,
                           epoch,
                           progress_of(r, epoch),
                           r->rate,
                           r->used,
                           (double)budget(r),
                           (double)list_of(r)->candidates};
    for (int t = TERM_STEP; t < TERM_COUNT; t++) r->term[t][c] = same[t - TERM_STEP];
    if (rule_of(r)->reads >> TERM_FAN_IN & 1)
        r->term[TERM_FAN_IN][c] = edges_at(r, (Ends){u->to, p.target, false, 0});
    if (rule_of(r)->reads >> TERM_FAN_OUT & 1)
        r->term[TERM_FAN_OUT][c] = edges_at(r, (Ends){u->from, p.source, true, 0});
}

static void count_used(EvalRule *r, At p, void *context)
{
    (void)context;
    r->used += r->kept[p.bundle][p.candidate] == 1;
}

/* ---- functions ---- */

static double *compute(EvalRule *r, int function, uint64_t action)
{
    const Func *f = r->model->rule_functions.at[function];
    const int terms = TERM_COUNT + rule_of(r)->states.count;
    double *out = NEW_ARRAY(r->arena, double, (size_t)list_of(r)->candidates + 1),
           *args = NEW_ARRAY(r->arena, double, (size_t)terms),
           *scratch = NEW_ARRAY(r->arena, double, (size_t)f->values.count);
    r->used = 0;
    each_of_list(r, count_used, NULL);
    each_of_list(r, fill_terms, &action);
    for (int64_t c = 0; c < list_of(r)->candidates; c++) {
        for (int i = 0; i < terms; i++) args[i] = r->term[i][c];
        args[TERM_AGE] = (double)r->done - r->term[TERM_AGE][c];
        out[c] = predicate_eval(f, args, NULL, scratch);
    }
    return out;
}

/* ---- actions ---- */

typedef struct Marks {
    uint8_t **of; /* by position */
} Marks;

static void note_mark(EvalRule *r, At p, void *context)
{
    ((Marks *)context)->of[p.position] = &r->kept[p.bundle][p.candidate];
}

static Marks marks_of(EvalRule *r)
{
    Marks m = {NEW_ARRAY(r->arena, uint8_t *, (size_t)list_of(r)->candidates + 1)};
    each_of_list(r, note_mark, &m);
    return m;
}

static int largest_first(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->position < y->position ? -1 : 1;
}

/* Candidates that are (not) in use, largest score first; `smallest`: smallest first. */
static Ranked *ranked(EvalRule *r, const Marks *m, const double *score, int used, bool smallest,
                      int64_t *count)
{
    Ranked *all = NEW_ARRAY(r->arena, Ranked, (size_t)list_of(r)->candidates + 1);
    *count = 0;
    for (int64_t c = 0; c < list_of(r)->candidates; c++)
        if (used < 0 || (*m->of[c] == 1) == used)
            all[(*count)++] = (Ranked){smallest ? -score[c] : score[c], c};
    qsort(all, (size_t)*count, sizeof *all, largest_first);
    return all;
}

static int64_t used_count(const EvalRule *r, const Marks *m)
{
    int64_t used = 0;
    for (int64_t c = 0; c < list_of(r)->candidates; c++) used += *m->of[c] == 1;
    return used;
}

static int64_t amount_of(EvalRule *r, const RuleStep *s, int64_t used, uint64_t action)
{
    double x = compute(r, s->amount, action)[0] * (s->share ? (double)used : 1);
    return x > 0 ? (int64_t)floor(x + 0.5) : 0;
}

static void choose(EvalRule *r, const double *score)
{
    const Marks m = marks_of(r);
    int64_t count;
    const Ranked *all = ranked(r, &m, score, -1, false, &count);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t in = i < budget(r);
        if (in != (*m.of[all[i].position] == 1)) r->term[TERM_AGE][all[i].position] = (double)r->done;
        *m.of[all[i].position] = in;
    }
}

static void drop(EvalRule *r, const RuleStep *s, const double *score, uint64_t action)
{
    const Marks m = marks_of(r);
    const int64_t used = used_count(r, &m), above = used - budget(r);
    int64_t wanted = s->amount == NO_FUNCTION ? above : amount_of(r, s, used, action), count;
    if (wanted < above && !rule_of(r)->start_all) wanted = above;
    const Ranked *all = ranked(r, &m, score, 1, true, &count);
    for (int64_t i = 0; i < count && i < wanted; i++)
        *m.of[all[i].position] = 0, r->term[TERM_AGE][all[i].position] = (double)r->done;
}

static void grow(EvalRule *r, const RuleStep *s, const double *score, uint64_t action)
{
    const Marks m = marks_of(r);
    const bool exact = rule_of(r)->start_all && s->amount != NO_FUNCTION;
    int64_t used = used_count(r, &m), room = (exact ? list_of(r)->candidates : budget(r)) - used, count,
            wanted = s->amount == NO_FUNCTION ? room : amount_of(r, s, used, action);
    if (wanted > room) wanted = room;
    const double *value = s->value == NO_FUNCTION ? NULL : compute(r, s->value, action);
    const Ranked *all = ranked(r, &m, score, 0, false, &count);
    for (int64_t i = 0; i < count && i < wanted; i++) {
        const int64_t c = all[i].position;
        *m.of[c] = 1, r->term[TERM_AGE][c] = (double)r->done, r->term[TERM_MOMENTUM][c] = 0;
        r->term[TERM_W][c] = s->fresh ? r->fresh[c] : value ? value[c] : 0;
    }
}

static void reset(EvalRule *r, const RuleStep *s, uint64_t action)
{
    const Marks m = marks_of(r);
    const double *value = compute(r, s->value, action);
    for (int64_t c = 0; c < list_of(r)->candidates; c++)
        if (s->target != TERM_W || *m.of[c] == 1) r->term[s->target][c] = value[c];
}

/* ---- events ---- */

static bool has_come(const EvalRule *r, RuleTime t, double epoch)
{
    return t.share ? progress_of(r, epoch) >= t.at : epoch >= t.at;
}

static bool is_due(const EvalRule *r, const RuleEvent *e)
{
    const double now = epoch_of(r, r->done), before = epoch_of(r, r->done - 1);
    if (!e->steps && !(e->epochs > 0))
        return has_come(r, e->from, now) && (r->done == 0 || !has_come(r, e->from, before));
    if (!has_come(r, e->from, now) || has_come(r, e->until, now)) return false;
    if (e->steps) return r->done % e->steps == 0;
    return floor(now / e->epochs + 1e-9) > floor(before / e->epochs + 1e-9);
}

/* Before the first step: what happens once, at 0, and each choice of an event that comes again and again. */
static bool happens(const EvalRule *r, const RuleEvent *e, const RuleStep *s)
{
    const bool again = e->steps || e->epochs > 0;
    if (r->done > 0 || !again) return is_due(r, e);
    return s->verb == VERB_CHOOSE && has_come(r, e->from, 0);
}

static void run_action(EvalRule *r, const RuleStep *s, uint64_t action)
{
    const double *score = s->score == NO_FUNCTION ? NULL : compute(r, s->score, action);
    if (s->verb == VERB_CHOOSE) choose(r, score);
    if (s->verb == VERB_DROP) drop(r, s, score, action);
    if (s->verb == VERB_GROW) grow(r, s, score, action);
    if (s->verb == VERB_RESET) reset(r, s, action);
}

static void run_events(EvalRule *r)
{
    uint64_t action = 0;
    for (int i = 0; i < rule_of(r)->events.count; i++) {
        const RuleEvent *e = &rule_of(r)->events.at[i];
        for (int k = 0; k < e->actions.count; k++)
            if (happens(r, e, &e->actions.at[k])) run_action(r, &e->actions.at[k], ++action);
    }
}

/* The rule says itself which edges are in use. */
static void mark_used(EvalRule *r)
{
    if (rule_of(r)->used == NO_FUNCTION) return;
    const Marks m = marks_of(r);
    const double *used = compute(r, rule_of(r)->used, 0);
    for (int64_t c = 0; c < list_of(r)->candidates; c++) {
        if ((used[c] != 0) != (*m.of[c] == 1)) r->term[TERM_AGE][c] = (double)r->done;
        *m.of[c] = used[c] != 0;
    }
}

void eval_rule_step(EvalRule *r)
{
    double *next[MOST_RULE_STATES]; /* all read the states as they were before */
    for (int s = 0; s < rule_of(r)->states.count; s++) {
        const int function = rule_of(r)->states.at[s].next;
        next[s] = function == NO_FUNCTION ? r->term[TERM_COUNT + s] : compute(r, function, 0);
    }
    for (int s = 0; s < rule_of(r)->states.count; s++) r->term[TERM_COUNT + s] = next[s];
    run_events(r);
    mark_used(r);
}

void eval_rule_begin(EvalRule *r)
{
    run_events(r);
    mark_used(r);
}
