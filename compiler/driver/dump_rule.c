/* dump_rule.c: see dump_rule.h. */
#include "driver/dump_rule.h"
#include "driver/dump.h"
#include "driver/list_cost.h"
#include "layout/params.h"
#include "model/timed.h"

/* ---- model ---- */

static void time_dump(const char *word, RuleTime t, FILE *out)
{
    fprintf(out, t.share ? " %s %g%%" : " %s %g", word, t.share ? 100 * t.at : t.at);
}

static void action_dump(const RuleStep *s, FILE *out)
{
    fprintf(out, "      %s", contract_text(CONTRACT_RuleVerb, (int)s->verb));
    if (s->verb == VERB_RESET && s->target == TERM_W) fprintf(out, " w");
    else if (s->verb == VERB_RESET) fprintf(out, " state %d", s->target - TERM_COUNT);
    if (s->amount != NO_FUNCTION) fprintf(out, "  amount %s%d", s->share ? "share of " : "", s->amount);
    if (s->score != NO_FUNCTION) fprintf(out, "  score %d%s", s->score, s->magnitude ? " (magnitude)" : "");
    if (s->value != NO_FUNCTION) fprintf(out, "  value %d", s->value);
    fprintf(out, s->fresh ? "  fresh\n" : "\n");
}

static void start_dump(const InitSpec *s, FILE *out)
{
    if (s->kind == INIT_CONSTANT) fprintf(out, " = %g", s->a);
    else fprintf(out, " ~ %s", contract_text(CONTRACT_InitKind, (int)s->kind));
}

static void state_dump(const RuleState *s, int number, FILE *out)
{
    fprintf(out, "    %s%s %d %s", s->shared ? "shared " : "", s->learned ? "weight" : "state", number,
            s->name);
    start_dump(&s->init, out);
    fprintf(out, s->learned ? "  slope %d\n" : "  next %d\n", s->learned ? s->slope : s->next);
}

static void event_dump(const RuleEvent *e, FILE *out)
{
    if (e->steps) fprintf(out, "on every %lld steps", (long long)e->steps);
    else if (e->epochs > 0) fprintf(out, "on every %g epochs", e->epochs);
    else fprintf(out, "on once");
    time_dump("from", e->from, out), time_dump("until", e->until, out);
    if (e->rounds > 1) fprintf(out, " rounds %d", e->rounds);
    fputc('\n', out);
}

void rule_dump(const Rule *r, FILE *out)
{
    fprintf(out, "    rule %s  gradient %s", r->text, r->all_gradients && r->refresh == 1 ? "all" : "used");
    if (r->refresh > 1) fprintf(out, ", all every %lld steps", (long long)r->refresh);
    if (r->top_by != NO_FUNCTION)
        fprintf(out, ", top %g%s by %d", r->top * (r->top_share ? 100 : 1), r->top_share ? "%" : "",
                r->top_by);
    fputs(r->start_all ? "  start all" : "", out);
    if (r->weight.kind != INIT_FAN) fputs("  weight", out), start_dump(&r->weight, out);
    fputc('\n', out);
    for (int i = 0; i < r->states.count; i++) state_dump(&r->states.at[i], i, out);
    if (r->forward != NO_FUNCTION) fprintf(out, "    forward %d  slope %d\n", r->forward, r->slope);
    if (r->used != NO_FUNCTION) fprintf(out, "    used %d\n", r->used);
    for (int i = 0; i < r->events.count; i++) {
        const RuleEvent *e = &r->events.at[i];
        fputs("    ", out), event_dump(e, out);
        for (int a = 0; a < e->actions.count; a++) action_dump(&e->actions.at[a], out);
    }
}

/* ---- from ir to plan ---- */

/* One list with a rule, at one stage. */
typedef struct RuleDump {
    const Model *m;
    const Graph *g;
    int list;
    const EdgeList *l;
    const Rule *rule;
    RuleStage stage;
    int64_t all, used; /* candidates; edges in use that the budget allows */
    bool alone;        /* edges in use alone have numbers */
    FILE *out;
} RuleDump;

static void names_dump(const RuleDump *d, uint64_t reads, bool numbers)
{
    const char *between = " ";
    for (int i = 0; i < TERM_COUNT + d->rule->states.count; i++) {
        if (!(reads >> i & 1)) continue;
        fputs(between, d->out), between = ", ";
        if (numbers) fprintf(d->out, "%d ", i);
        fputs(rule_argument_name(d->rule, i), d->out);
    }
    fputc('\n', d->out);
}

/* What is computed in one pass over so many candidates, 0: once, -1: for each edge that comes into use. */
static void pass_dump(const RuleDump *d, const char *what, int64_t over, const int *functions, int count)
{
    uint64_t reads = 0;
    int there = 0;
    for (int i = 0; i < count; i++) {
        if (functions[i] == NO_FUNCTION) continue;
        reads |= rule_arguments_read(d->m->rule_functions.at[functions[i]]), there++;
    }
    if (!there) return;
    if (d->stage >= RULE_FUSE) {
        fprintf(d->out,
                over > 0   ? " %sloop %lld"
                : over < 0 ? " %seach new edge"
                           : " %sonce",
                what, (long long)over);
        if (d->stage == RULE_PLAN && reads) fputs("  reads", d->out), names_dump(d, reads, false);
        else fputc('\n', d->out);
    }
    for (int i = 0; i < count && d->stage != RULE_PLAN; i++)
        if (functions[i] != NO_FUNCTION) func_dump(d->m->rule_functions.at[functions[i]], d->out);
}

static void moment_dump(const RuleDump *d, const char *text)
{
    if (d->stage >= RULE_FUSE) fprintf(d->out, "%s\n", text);
}

/* Candidates that may have gradients in a step. */
static int64_t learning(const RuleDump *d)
{
    if (!edges_of_used(d->g, &d->g->bundles.at[list_first(d->g, d->list)])) return d->all;
    const int64_t more =
        d->rule->top_by != NO_FUNCTION ? rule_top(d->rule->top, d->rule->top_share, d->all) : 0;
    return d->used + more < d->all ? d->used + more : d->all;
}

/* What edges carry, and its derivatives. */
static void carried_dump(const RuleDump *d)
{
    const Rule *r = d->rule;
    int slopes[MOST_RULE_STATES + 1] = {r->slope}, count = 1;
    if (r->forward == NO_FUNCTION) return;
    moment_dump(d, "in the forward pass");
    pass_dump(d, "", d->used, &r->forward, 1);
    if (d->stage == RULE_IR || !d->m->trained) return;
    moment_dump(d, "in the backward pass");
    for (int i = 0; i < r->states.count; i++)
        if (rule_is_summed(&r->states.at[i])) pass_dump(d, "added up: ", d->used, &r->states.at[i].slope, 1);
        else slopes[count++] = r->states.at[i].slope;
    pass_dump(d, "", learning(d), slopes, count);
}

static void states_dump(const RuleDump *d)
{
    const Rule *r = d->rule;
    int next[MOST_RULE_STATES], count = 0, moving = 0;
    for (int i = 0; i < r->states.count; i++) moving += r->states.at[i].next != NO_FUNCTION;
    if (moving) moment_dump(d, "behind each step");
    for (int i = 0; i < r->states.count; i++)
        if (r->states.at[i].shared) pass_dump(d, "", 0, &r->states.at[i].next, 1);
        else next[count++] = r->states.at[i].next;
    pass_dump(d, "", d->all, next, count);
}

static void step_dump(const RuleDump *d, const RuleStep *s)
{
    char what[16];
    const int64_t stored = d->alone ? d->used : d->all;
    snprintf(what, sizeof what, "%s: ", contract_text(CONTRACT_RuleVerb, (int)s->verb));
    pass_dump(d, what, 0, &s->amount, 1);
    if (s->magnitude && d->stage >= RULE_FUSE) fprintf(d->out, " %sthe weights as they are, no pass\n", what);
    else pass_dump(d, what, s->verb == VERB_GROW ? d->all : stored, &s->score, 1);
    pass_dump(d, what, s->verb == VERB_GROW && d->alone ? -1 : stored, &s->value, 1);
}

static void events_dump(const RuleDump *d, Arena *a)
{
    for (int i = 0; i < d->rule->events.count; i++) {
        const RuleEvent *e = &d->rule->events.at[i];
        if (d->stage >= RULE_FUSE) event_dump(e, d->out);
        if (d->stage == RULE_PLAN) fprintf(d->out, "  %s\n", list_event_text(a, d->g, d->list, i));
        for (int s = 0; s < e->actions.count; s++) step_dump(d, &e->actions.at[s]);
    }
}

/* Which candidates have gradients, and when. */
static void gradients_dump(const RuleDump *d)
{
    const Rule *r = d->rule;
    const long long all = d->all, refresh = r->refresh;
    if (r->all_gradients && refresh == 1)
        fprintf(d->out, "  gradients of all %lld candidates in each step\n", all);
    else fprintf(d->out, "  gradients of edges in use in each step\n");
    if (refresh > 1)
        fprintf(d->out, "  gradients of all %lld candidates in one step in %lld\n", all, refresh);
    if (r->top_by != NO_FUNCTION)
        fprintf(
            d->out, "  gradients of the %lld of %lld candidates with the largest value of %s in each step\n",
            (long long)rule_top(r->top, r->top_share, d->all), all, d->m->rule_functions.at[r->top_by]->name);
    bool read = false;
    for (int i = 0; i < r->events.count; i++) read = read || r->events.at[i].reads >> TERM_GRADIENT & 1;
    if (read && !r->all_gradients)
        fprintf(d->out, "  gradients of all %lld candidates in the steps before events that read them%s\n",
                all, d->alone ? ", block by block" : "");
    if (r->forward != NO_FUNCTION)
        fprintf(d->out, r->slope != NO_FUNCTION
                            ? "  the gradient of w is that of what an edge carries, by its slope\n"
                            : "  w has no gradient\n");
}

static void list_dump(const RuleDump *d, const ListTraining *t)
{
    Arena *a = arena_new();
    const Rule *r = d->rule;
    fprintf(d->out, "rule %s  list %d of %s%s\n", r->text, d->list, d->g->name,
            d->l->together ? ", and those that share its budget" : "");
    if (d->stage == RULE_PLAN) {
        fprintf(d->out, "  %s\n", list_bytes_text(a, d->g, d->list, t));
        fprintf(d->out, "  an edge%s has %s\n", d->alone ? " in use" : ", in use or not,",
                list_numbers_text(a, d->g, d->list, t));
    } else if (r->reads) fputs("  arguments", d->out), names_dump(d, r->reads, true);
    if (d->stage == RULE_GRAD) gradients_dump(d);
    carried_dump(d);
    if (d->stage >= RULE_FUSE && !d->m->trained) return arena_free(a);
    states_dump(d);
    events_dump(d, a);
    if (r->used != NO_FUNCTION || r->top_by != NO_FUNCTION) moment_dump(d, "behind the events of each step");
    pass_dump(d, "used: ", d->all, &r->used, 1);
    pass_dump(d, "top: ", d->all, &r->top_by, 1);
    arena_free(a);
}

void rules_dump(const Ir *ir, RuleStage stage, FILE *out)
{
    const Model *m = ir->model;
    const ListTraining t = list_training(m, stage == RULE_PLAN && ir->train ? ir->train_plan : NULL);
    for (int g = 0; g < m->graphs.count; g++)
        for (int i = 0; i < m->graphs.at[g]->lists.count; i++) {
            const EdgeList *l = &m->graphs.at[g]->lists.at[i];
            const Bundle *u = &m->graphs.at[g]->bundles.at[list_first(m->graphs.at[g], i)];
            if (!l->declared || l->goes_on) continue;
            const RuleDump d = {m,
                                m->graphs.at[g],
                                i,
                                l,
                                l->declared,
                                stage,
                                list_candidates(l),
                                l->together ? l->budget.keep : l->kept,
                                edges_slots(m->graphs.at[g], u) > 0,
                                out};
            list_dump(&d, &t);
        }
}
