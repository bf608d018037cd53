/* ir_eval_rule.c: see ir_eval_rule.h. */
#include "eval/ir_eval_path.h"
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
    r.number = list_number(m, g, list);
    r.term = NEW_ARRAY(a, double *, (size_t)terms);
    for (int i = 0; i < terms; i++) r.term[i] = NEW_ARRAY(a, double, (size_t)l->candidates + 1);
    for (int s = 0; s < l->declared->states.count; s++)
        for (int64_t c = 0; c < l->candidates; c++)
            r.term[TERM_COUNT + s][c] = l->declared->states.at[s].init.a;
    r.fresh = NEW_ARRAY(a, double, (size_t)l->candidates + 1);
    r.learns = NEW_ARRAY(a, uint8_t, (size_t)l->candidates + 1);
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

/* Has each node a budget of its own? */
static bool of_nodes(const EvalRule *r)
{
    const KeepForm form = list_of(r)->budget.form;
    return form == KEEP_FAN_IN || form == KEEP_FAN_OUT;
}

static int64_t budget(const EvalRule *r)
{
    const EdgeList *l = list_of(r);
    return of_nodes(r) ? l->kept : budget_now(&l->budget, list_units(l), epoch_of(r, r->done)) + r->moved;
}

/* ---- groups ---- */

/* Candidates that come and go with the one at a position: places of Groups.member, or it alone. */
typedef struct Members {
    const Groups *groups;
    int64_t first, end;
} Members;

static Members members_of(const EvalRule *r, int64_t position)
{
    const Groups *g = list_of(r)->groups;
    if (!g) return (Members){NULL, position, position + 1};
    return (Members){g, g->first[g->of[position]], g->first[g->of[position] + 1]};
}

static int64_t member(Members m, int64_t i)
{
    return m.groups ? m.groups->member[i] : i;
}

/* Is it the one that counts for its group? */
static bool counts(const EvalRule *r, int64_t position)
{
    return !list_of(r)->groups || group_leads(list_of(r)->groups, position);
}

static double number_at(const void *numbers, int64_t position)
{
    return ((const double *)numbers)[position];
}

/* The values of groups, at the first of each, in place of those of candidates. */
static double *of_groups(const EvalRule *r, int function, double *score)
{
    const EdgeList *l = list_of(r);
    const GroupScore how =
        group_score_of(l->score, rule_arguments_read(r->model->rule_functions.at[function]));
    for (int64_t i = 0; l->groups && i < l->groups->count; i++)
        score[l->groups->member[l->groups->first[i]]] =
            (float)group_value(l->groups, i, how, number_at, score);
    return score;
}

/* Tied weights are those of the first of their key. */
static void tie_weights(EvalRule *r)
{
    const Groups *t = list_of(r)->ties;
    for (int64_t c = 0; t && c < t->candidates; c++)
        r->term[TERM_W][c] = r->term[TERM_W][t->member[t->first[t->of[c]]]];
}

/* The terms that are not given. context: the action of this moment, from 1. */
static void fill_terms(EvalRule *r, At p, void *context)
{
    const Bundle *u = &r->graph->bundles.at[p.bundle];
    const double epoch = epoch_of(r, r->done);
    const int64_t c = p.position;
    r->term[TERM_USED][c] = r->kept[p.bundle][p.candidate] == 1;
    r->term[TERM_RANDOM][c] = rule_random(r->seed, (RuleDraw){r->number, *(uint64_t *)context, r->done},
                                          list_of(r)->groups ? list_of(r)->groups->of[c] : c);
    const double same[] = {(double)r->done,
                           epoch,
                           progress_of(r, epoch),
                           r->rate,
                           (double)r->size.used,
                           (double)r->size.budget,
                           (double)r->size.candidates,
                           r->round};
    for (int t = TERM_STEP; t < TERM_COUNT; t++) r->term[t][c] = same[t - TERM_STEP];
    if (rule_of(r)->reads >> TERM_FAN_IN & 1)
        r->term[TERM_FAN_IN][c] = edges_at(r, (Ends){u->to, p.target, false, 0});
    if (rule_of(r)->reads >> TERM_FAN_OUT & 1)
        r->term[TERM_FAN_OUT][c] = edges_at(r, (Ends){u->from, p.source, true, 0});
}

static void count_used(EvalRule *r, At p, void *context)
{
    (void)context;
    r->size.used += r->kept[p.bundle][p.candidate] == 1 && counts(r, p.position);
}

/* The strengths of this list follow its weights. */
static void follow_weights(EvalRule *r)
{
    int64_t position = 0;
    for (int b = 0; b < r->graph->bundles.count; b++)
        for (int64_t c = 0;
             r->graph->bundles.at[b].list == r->list && c < r->graph->bundles.at[b].candidates.count; c++)
            r->strength[b][c] = fabs(r->term[TERM_W][position++]);
}

static void fill_paths(EvalRule *r)
{
    const uint64_t reads = rule_of(r)->reads;
    double *paths = r->term[TERM_PATHS3], *flow = r->term[TERM_FLOW];
    follow_weights(r);
    for (int b = 0; b < r->graph->bundles.count; b++) {
        const int64_t count = r->graph->bundles.at[b].candidates.count;
        if (r->graph->bundles.at[b].list != r->list) continue;
        if (reads >> TERM_PATHS3 & 1) eval_paths3(r, b, paths);
        if (reads >> TERM_FLOW & 1) eval_path_flow(r, b, flow);
        paths += count, flow += count;
    }
}

/* ---- functions ---- */

static double *compute_sized(EvalRule *r, int function, uint64_t action)
{
    const Func *f = r->model->rule_functions.at[function];
    const int terms = TERM_COUNT + rule_of(r)->states.count;
    double *out = NEW_ARRAY(r->arena, double, (size_t)list_of(r)->candidates + 1),
           *args = NEW_ARRAY(r->arena, double, (size_t)terms),
           *scratch = NEW_ARRAY(r->arena, double, (size_t)f->values.count);
    each_of_list(r, fill_terms, &action);
    fill_paths(r);
    for (int64_t c = 0; c < list_of(r)->candidates; c++) {
        for (int i = 0; i < terms; i++) args[i] = r->term[i][c];
        args[TERM_AGE] = (double)r->done - r->term[TERM_AGE][c];
        out[c] = predicate_eval(f, args, NULL, scratch);
    }
    return out;
}

static double *compute(EvalRule *r, int function, uint64_t action)
{
    r->size = (RuleSize){0, budget(r), list_units(list_of(r))};
    each_of_list(r, count_used, NULL);
    return compute_sized(r, function, action);
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
        if (m->of[c] && counts(r, c) && (used < 0 || (*m->of[c] == 1) == used))
            all[(*count)++] = (Ranked){smallest ? -score[c] : score[c], c};
    qsort(all, (size_t)*count, sizeof *all, largest_first);
    return all;
}

/* The pool that an action takes edges from: the list, or one node where each has a budget of its own. */
typedef struct Pool {
    Marks marks; /* NULL outside the pool */
    RuleSize size;
} Pool;
typedef struct Node {
    int set;
    int64_t node;
    uint8_t **of;
} Node;

static void note_node(EvalRule *r, At p, void *context)
{
    const Node *n = context;
    const Bundle *u = &r->graph->bundles.at[p.bundle];
    const bool in = list_of(r)->budget.form == KEEP_FAN_IN;
    if ((in ? u->to : u->from) == n->set && (in ? p.target : p.source) == n->node)
        n->of[p.position] = &r->kept[p.bundle][p.candidate];
}

static Pool pool_of(EvalRule *r, Marks m)
{
    Pool p = {.marks = m};
    for (int64_t c = 0; c < list_of(r)->candidates; c++)
        if (m.of[c] && counts(r, c)) p.size.candidates++, p.size.used += *m.of[c] == 1;
    const int64_t keep = list_of(r)->budget.keep;
    p.size.budget = !of_nodes(r) ? budget(r) : keep < p.size.candidates ? keep : p.size.candidates;
    return p;
}

/* Of step s. `value`: weights of new edges, or NULL. */
typedef struct Action {
    const RuleStep *s;
    const double *score, *value;
    uint64_t number;
} Action;
typedef void OnPool(EvalRule *r, Pool *p, const Action *a);

static void each_pool(EvalRule *r, OnPool *f, const Action *a)
{
    Pool p;
    if (!of_nodes(r)) {
        p = pool_of(r, marks_of(r));
        f(r, &p, a);
        return;
    }
    for (int set = 0; set < r->graph->sets.count; set++)
        for (int64_t v = 0; v < r->graph->sets.at[set].size; v++) {
            Node n = {set, v, NEW_ARRAY(r->arena, uint8_t *, (size_t)list_of(r)->candidates + 1)};
            each_of_list(r, note_node, &n);
            p = pool_of(r, (Marks){n.of});
            f(r, &p, a);
        }
}

static int64_t amount_of(EvalRule *r, const Pool *p, const Action *a)
{
    r->size = p->size;
    double x = compute_sized(r, a->s->amount, a->number)[0] * (a->s->share ? (double)p->size.used : 1);
    return x > 0 ? (int64_t)floor(x + 0.5) : 0;
}

static void choose(EvalRule *r, Pool *p, const Action *a)
{
    int64_t count;
    const Ranked *all = ranked(r, &p->marks, a->score, -1, false, &count);
    for (int64_t i = 0; i < count; i++) {
        const uint8_t in = i < p->size.budget;
        const Members m = members_of(r, all[i].position);
        for (int64_t k = m.first; k < m.end; k++) {
            uint8_t *mark = p->marks.of[member(m, k)];
            if (in != (*mark == 1)) r->term[TERM_AGE][member(m, k)] = (double)r->done;
            *mark = in;
        }
    }
}

static void drop(EvalRule *r, Pool *p, const Action *a)
{
    const int64_t above = p->size.used - p->size.budget;
    int64_t wanted = a->s->amount == NO_FUNCTION ? above : amount_of(r, p, a), count;
    if (wanted < above && !rule_of(r)->start_all) wanted = above;
    const Ranked *all = ranked(r, &p->marks, a->score, 1, true, &count);
    for (int64_t i = 0; i < count && i < wanted; i++) {
        const Members m = members_of(r, all[i].position);
        for (int64_t k = m.first; k < m.end; k++)
            *p->marks.of[member(m, k)] = 0, r->term[TERM_AGE][member(m, k)] = (double)r->done;
    }
}

static void grow(EvalRule *r, Pool *p, const Action *a)
{
    const RuleStep *s = a->s;
    const bool exact = rule_of(r)->start_all && s->amount != NO_FUNCTION;
    int64_t room = (exact ? p->size.candidates : p->size.budget) - p->size.used, count,
            wanted = s->amount == NO_FUNCTION ? room : amount_of(r, p, a);
    if (wanted > room) wanted = room;
    const Ranked *all = ranked(r, &p->marks, a->score, 0, false, &count);
    for (int64_t i = 0; i < count && i < wanted; i++) {
        const Members m = members_of(r, all[i].position);
        for (int64_t k = m.first; k < m.end; k++) {
            const int64_t c = member(m, k);
            *p->marks.of[c] = 1, r->term[TERM_AGE][c] = (double)r->done, r->term[TERM_MOMENTUM][c] = 0;
            r->term[TERM_W][c] = s->fresh ? r->fresh[c] : a->value ? a->value[c] : 0;
        }
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

static bool same_rule(const EvalRule *a, const EvalRule *b)
{
    return a && rule_of(a)->declaration == rule_of(b)->declaration &&
           strcmp(rule_of(a)->text, rule_of(b)->text) == 0;
}

/* What a list takes. */
typedef struct Share {
    EvalRule *r;
    double mean, part;
    int64_t left, takes, room;
} Share;

static Share share_of(EvalRule *r, const RuleStep *s, uint64_t number)
{
    const Pool p = pool_of(r, marks_of(r));
    const Action a = {s, NULL, NULL, number};
    const double *score = compute(r, s->score, number);
    int64_t gives = amount_of(r, &p, &a);
    if (gives > p.size.used) gives = p.size.used;
    Share share = {.r = r, .left = p.size.used - gives};
    share.room = p.size.candidates - share.left;
    for (int64_t c = 0; c < list_of(r)->candidates; c++)
        share.mean += *p.marks.of[c] == 1 ? score[c] / (double)p.size.used : 0;
    return share;
}

/* Whole numbers of what is left, those with room in proportion; then one each by the largest fraction. */
static void share_out(Share *s, int count, int64_t left)
{
    for (int round = 0; round <= count && left > 0; round++) {
        double sum = 0;
        const int64_t total = left;
        for (int i = 0; i < count; i++) sum += s[i].takes < s[i].room ? s[i].mean : 0;
        for (int i = 0; i < count; i++) {
            if (s[i].takes >= s[i].room || sum <= 0) {
                s[i].part = -1;
                continue;
            }
            const double part = (double)total * (s[i].mean / sum);
            int64_t whole = (int64_t)floor(part), room = s[i].room - s[i].takes;
            s[i].part = whole < room ? part - (double)whole : -1;
            whole = whole < room ? whole : room;
            s[i].takes += whole, left -= whole;
        }
    }
    for (; left > 0; left--) {
        int best = -1;
        for (int i = 0; i < count; i++)
            if (s[i].takes < s[i].room && (best < 0 || s[i].part > s[best].part)) best = i;
        if (best < 0) return;
        s[best].takes++, s[best].part = -1;
    }
}

/* The first list with the rule does it for all. */
static void redistribute(EvalRule *r, const RuleStep *s, uint64_t number)
{
    Share *all = NEW_ARRAY(r->arena, Share, (size_t)r->all_count + 1);
    int64_t given = 0;
    double sum = 0;
    int count = 0;
    for (int i = 0; i < r->all_count; i++) {
        if (!same_rule(r->all[i], r)) continue;
        if (count == 0 && r->all[i] != r) return;
        all[count] = share_of(r->all[i], s, number);
        sum += all[count].mean;
        given += budget(r->all[i]) - all[count++].left;
    }
    if (!(sum > 0)) return;
    share_out(all, count, given);
    for (int i = 0; i < count; i++) all[i].r->moved += all[i].left + all[i].takes - budget(all[i].r);
}

static void run_action(EvalRule *r, const RuleStep *s, uint64_t number)
{
    if (s->verb == VERB_REDISTRIBUTE) {
        redistribute(r, s, number);
        return;
    }
    static OnPool *const on_pool[VERB_COUNT] = {
        [VERB_CHOOSE] = choose, [VERB_DROP] = drop, [VERB_GROW] = grow};
    const Action a = {
        s, s->score == NO_FUNCTION ? NULL : of_groups(r, s->score, compute(r, s->score, number)),
        s->verb == VERB_RESET || s->value == NO_FUNCTION ? NULL : compute(r, s->value, number), number};
    if (s->verb == VERB_RESET) reset(r, s, number);
    else each_pool(r, on_pool[s->verb], &a);
}

static void run_events(EvalRule *r)
{
    uint64_t action = 0;
    for (int i = 0; i < rule_of(r)->events.count; i++) {
        const RuleEvent *e = &rule_of(r)->events.at[i];
        for (int round = 1; round <= e->rounds; round++) {
            r->round = (double)round / e->rounds;
            for (int k = 0; k < e->actions.count; k++)
                if (happens(r, e, &e->actions.at[k])) run_action(r, &e->actions.at[k], ++action);
        }
    }
    tie_weights(r);
    follow_weights(r);
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

static void mark_learning(EvalRule *r)
{
    const Rule *rule = rule_of(r);
    if (rule->top_by == NO_FUNCTION) return;
    const Marks m = marks_of(r);
    const int64_t wanted = rule_top(rule->top, rule->top_share, list_units(list_of(r)));
    int64_t count;
    const double *score = of_groups(r, rule->top_by, compute(r, rule->top_by, RULE_DRAW_TOP));
    const Ranked *all = ranked(r, &m, score, -1, false, &count);
    for (int64_t c = 0; c < list_of(r)->candidates; c++) r->learns[c] = *m.of[c] == 1;
    for (int64_t i = 0; i < wanted; i++) {
        const Members of = members_of(r, all[i].position);
        for (int64_t k = of.first; k < of.end; k++) r->learns[member(of, k)] = 1;
    }
}

void eval_rule_states(EvalRule *r)
{
    double *next[MOST_RULE_STATES]; /* all read the states as they were before */
    for (int s = 0; s < rule_of(r)->states.count; s++) {
        const int function = rule_of(r)->states.at[s].next;
        next[s] = function == NO_FUNCTION ? r->term[TERM_COUNT + s] : compute(r, function, 0);
    }
    for (int s = 0; s < rule_of(r)->states.count; s++) r->term[TERM_COUNT + s] = next[s];
}

void eval_rule_step(EvalRule *r)
{
    run_events(r);
    mark_used(r);
    mark_learning(r);
}

void eval_rule_begin(EvalRule *r)
{
    run_events(r);
    mark_used(r);
    mark_learning(r);
}
