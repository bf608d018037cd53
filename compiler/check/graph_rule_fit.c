/* graph_rule_fit.c: what a declared rule needs of its list of edges and of the training. */
#include "check/graph_rule.h"
#include "model/timed.h"
#include <math.h>

/* Does an event that comes again bring the edges in use up to a budget that grows, down to one that falls? */
static bool follows_budget(const Rule *r, const EdgeBudget *budget)
{
    for (int i = 0; i < r->events.count; i++) {
        const RuleEvent *e = &r->events.at[i];
        for (int a = 0; a < e->actions.count && (e->steps || e->epochs > 0); a++) {
            const RuleStep *s = &e->actions.at[a];
            if (budget->start < budget->keep ? rule_fills(s) : rule_shrinks(s)) return true;
        }
    }
    return false;
}

/* Does it say which edges are in use? One that only says what they carry may be for all. */
static bool chooses(const Rule *r)
{
    const bool events = rule_has(r, VERB_CHOOSE) || rule_has(r, VERB_DROP) || rule_has(r, VERB_GROW);
    return r->used == NO_FUNCTION && (events || r->forward == NO_FUNCTION);
}

/* Does it say which edges are in use by their weights, which all learn? Such rules go with edge functions. */
static bool only_decides(const Rule *r)
{
    for (int i = 0; i < r->states.count; i++)
        if (!r->states.at[i].given) return false;
    return r->used != NO_FUNCTION && r->all_gradients && r->forward == NO_FUNCTION && !r->events.count;
}

/* What a rule asks of weights that learn; NULL: nothing. */
static const char *wants_learned(const Rule *r)
{
    for (int i = 0; i < r->events.count; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++) {
            const RuleStep *s = &r->events.at[i].actions.at[a];
            if (s->verb == VERB_GROW || (s->verb == VERB_RESET && s->target == TERM_W)) return "sets weights";
        }
    return r->reads & (1ull << TERM_GRADIENT | 1ull << TERM_MOMENTUM) ? "reads gradients of weights" : NULL;
}

static bool ends_with(const Tensor *t, const char *name)
{
    const char *dot = strrchr(t->name, '.');
    return strcmp(dot ? dot + 1 : t->name, name) == 0;
}

/* What the weight of this name is instead of one number for each edge; NULL: there is none of the name. */
static const char *other_weight(const EdgeFn *f, const Bundle *u, const char *name)
{
    for (int i = 0; i < f->shared_tensors.count; i++)
        if (ends_with(f->shared_tensors.at[i], name)) return "is shared by all";
    for (int i = 0; i < u->weights.count; i++)
        if (ends_with(u->weights.at[i], name)) return "is an array";
    return NULL;
}

/* A message about a line of edges that the rule does not fit; NULL: it does. */
static Diag *misfit_of(Check *k, const Bundle *u, const Rule *r)
{
    for (int i = 0; i < r->states.count; i++) {
        const RuleState *s = &r->states.at[i];
        const bool said = builtin_find(s->name) != NULL; /* by names_rule.c */
        if (!s->given || said || (u->edge && rule_given_weight(u, s) >= 0)) continue;
        const char *other = u->edge ? other_weight(u->edge, u, s->name) : NULL;
        Diag *d = other ? diag_add(k->diags, E_KIND, u->span,
                                   "rule '%s' reads a weight '%s', one number of each edge; that of '%s' %s",
                                   r->name, s->name, u->edge->name, other)
                  : u->edge
                      ? diag_add(k->diags, E_UNKNOWN_NAME, u->span,
                                 "rule '%s' reads a weight '%s' of each edge, and '%s' has none", r->name,
                                 s->name, u->edge->name)
                      : diag_add(k->diags, E_UNKNOWN_NAME, u->span,
                                 "rule '%s' reads a weight '%s' of each edge, and these edges have one, "
                                 "which rules read as w",
                                 r->name, s->name);
        diag_help(d, "such as fn F(x) { weight w ~ kaiming; weight %s = 0; ... }", s->name);
        return d;
    }
    const char *wants = edges_fixed(u) ? wants_learned(r) : NULL;
    if (wants) {
        Diag *d = diag_add(k->diags, E_KIND, u->span,
                           "rule '%s' %s, and the weights of these edges are fixed", r->name, wants);
        diag_note(d, u->weight->span, "it is declared here");
        diag_help(d,
                  "leave `using %s` out: the largest fixed weights are in use; or use a rule with weights of "
                  "its own, such as edge_popup",
                  r->name);
        return d;
    }
    if (!u->edge || only_decides(r)) return NULL;
    Diag *d = diag_add(
        k->diags, E_LATER, u->span,
        "for edges with a function a declared rule says by their weights which are in use; '%s' does "
        "more",
        r->name);
    diag_help(d, "leave `using %s` out: the weights with the largest magnitude are in use", r->name);
    return d;
}

void check_declared_list(Check *k, const Graph *g, const EdgeList *l)
{
    Diag *d = NULL;
    const bool decides = l->declared->used != NO_FUNCTION;
    if (decides && l->budget.form != KEEP_ALL) {
        d = diag_add(k->diags, E_AMOUNT, l->span,
                     "rule '%s' says itself which edges are in use, and how many", l->declared->name);
        diag_help(d, "write keep any using %s", l->declared->name);
    } else if (l->budget.form == KEEP_ALL && chooses(l->declared)) {
        d = diag_add(k->diags, E_AMOUNT, l->span,
                     "rule '%s' has nothing to choose: every candidate of this list is in use",
                     l->declared->name);
        diag_help(d, "give the list a budget, such as keep 5%%, or leave the rule out");
    }
    if (!d && l->budget.form == KEEP_ANNEAL && !follows_budget(l->declared, &l->budget)) {
        d = diag_add(k->diags, E_AMOUNT, l->span,
                     "this budget changes with the epochs, and no event of rule '%s' follows it",
                     l->declared->name);
        diag_help(d, "such as on every(epochs = 1) { %s }",
                  l->budget.start < l->budget.keep ? "grow by random" : "drop by abs(w)");
    }
    if (!d && l->groups && rule_has(l->declared, VERB_REDISTRIBUTE)) {
        d = diag_add(k->diags, E_LATER, l->span,
                     "rule '%s' moves edges between budgets, and this one counts groups", l->declared->name);
        diag_help(d, "leave `of` out, or use a rule without redistribute, such as rigl");
    }
    if (!d && is_timed(g) && l->declared->reads >> TERM_FLOW & 1) {
        d = diag_add(k->diags, E_LATER, l->span,
                     "rule '%s' reads flow, and paths of a graph in time have no end", l->declared->name);
        diag_help(d, "in a graph in time a rule can read w, gradient, fan_in, fan_out and paths3");
    }
    for (int b = 0; b < g->bundles.count && !d; b++)
        if (&g->lists.at[g->bundles.at[b].list] == l) d = misfit_of(k, &g->bundles.at[b], l->declared);
    if (!d && l->budget.form != KEEP_ANNEAL && l->budget.form != KEEP_ALL) rule_steps_act(k, l->declared);
    if (!d) rule_top_adds(k, l);
}

void check_declared_lists(Check *k, const Graph *g)
{
    for (int i = 0; i < g->lists.count; i++)
        if (g->lists.at[i].declared && !g->lists.at[i].together) check_declared_list(k, g, &g->lists.at[i]);
}

/* ---- budgets that move between lists ---- */

/* Lists of the model with the same rule and arguments. */
static int lists_with(const Model *m, const Rule *r)
{
    int count = 0;
    for (int g = 0; g < m->graphs.count; g++)
        for (int i = 0; i < m->graphs.at[g]->lists.count; i++) {
            const Rule *other = m->graphs.at[g]->lists.at[i].declared;
            if (other && rule_is_same(r, other)) count++;
        }
    return count;
}

static void remove_redistribute(Rule *r)
{
    for (int i = 0; i < r->events.count; i++) {
        RuleEvent *e = &r->events.at[i];
        if (e->actions.count == 0 || e->actions.at[0].verb != VERB_REDISTRIBUTE) continue;
        e->actions.at++, e->actions.count--; /* it is the first */
    }
}

void check_redistribution(Check *k)
{
    for (int g = 0; g < k->model->graphs.count; g++)
        for (int i = 0; i < k->model->graphs.at[g]->lists.count; i++) {
            EdgeList *l = &k->model->graphs.at[g]->lists.at[i];
            const bool fits = l->budget.form == KEEP_COUNT && l->declared && !l->declared->start_all;
            if (fits || !l->declared || !rule_has(l->declared, VERB_REDISTRIBUTE)) continue;
            if (lists_with(k->model, l->declared) == 1) {
                remove_redistribute(l->declared);
                continue;
            }
            Diag *d = diag_add(k->diags, E_LATER, l->span,
                               "redistribute is for rules that start with as many edges as the budget says, "
                               "and for budgets that are a number or a share");
            diag_help(d, "keep 5%%");
        }
}

/* ---- the training ---- */

/* Has the optimiser a first moment? */
static bool has_moment(const json_t *optim)
{
    const char *name = json_string_value(json_object_get(optim, "call"));
    const double momentum = json_number_value(json_object_get(json_object_get(optim, "args"), "momentum"));
    return !name || strncmp(name, "adam", 4) == 0 || momentum > 0;
}

static double in_epochs(RuleTime t, double epochs)
{
    return t.share ? t.at * epochs : t.at;
}

/* When the event comes first, as far as it is known without the steps of an epoch. */
static double first_time(const RuleEvent *e, double epochs)
{
    const double from = in_epochs(e->from, epochs), slack = 1e-9;
    return e->epochs > 0 ? e->epochs * fmax(ceil(from / e->epochs - slack), 1) : from;
}

static bool comes_once(const RuleEvent *e)
{
    return !e->steps && !(e->epochs > 0);
}

static bool event_comes(const RuleEvent *e, double epochs)
{
    const double first = first_time(e, epochs);
    return comes_once(e) ? first <= epochs : first < in_epochs(e->until, epochs) && first < epochs;
}

/* An event like this one that comes: with another time, or more often, as the use of its rule says it. */
static const char *earlier(Check *k, const Rule *r, const RuleEvent *e, double epochs)
{
    if (*e->argument && comes_once(e)) return arena_printf(k->perm, "%s(%s = 50%%)", r->name, e->argument);
    const double often = epochs > 1 ? 1 : 0.5;
    if (*e->argument && e->epochs >= epochs)
        return arena_printf(k->perm, "%s(%s = %.6g)", r->name, e->argument, often);
    RuleEvent other = *e;
    other.from = (RuleTime){0.5, true};
    if (comes_once(e)) return "once(at = 50%)";
    if (event_comes(&other, epochs)) return "from = 50%";
    return e->epochs >= epochs ? arena_printf(k->perm, "every(epochs = %.6g)", often)
                               : "from = 50%, and no `until`";
}

static void never_comes(Check *k, const Rule *r, const RuleEvent *e, double epochs)
{
    enum { LONGEST = 100000 };
    double enough = floor(epochs) + 1;
    while (enough < LONGEST && !event_comes(e, enough)) enough++;
    if (enough <= e->from.at && comes_once(e)) enough = floor(e->from.at) + 1; /* not at the very end */
    Diag *d = diag_add(k->diags, E_AMOUNT, r->span,
                       "an event of rule '%s' never comes in a training of %.6g epoch%s", r->name, epochs,
                       epochs == 1 ? "" : "s");
    const double first = first_time(e, epochs);
    diag_note(d, e->span, "it is this one: its first time is after %.6g epoch%s", first,
              first == 1 ? "" : "s");
    if (enough < LONGEST)
        diag_help(d, "train for %.6g epochs or more, or let it come earlier: %s", enough,
                  earlier(k, r, e, epochs));
    else if (!e->until.share && e->until.at < 1)
        diag_help(d, "until = %.6g%% is a share of the training; %.6g is a number of epochs",
                  100 * e->until.at, e->until.at);
    else
        diag_help(d, "it ends after %.6g epochs: let `until` be later, or leave it out",
                  in_epochs(e->until, epochs));
}

/* The events of one rule come, and none brings edges into use at the very end. */
static void events_and_training(Check *k, const Rule *r, double epochs)
{
    for (int i = 0; i < r->events.count && epochs > 0; i++) {
        const RuleEvent *e = &r->events.at[i];
        if (!event_comes(e, epochs)) never_comes(k, r, e, epochs);
        else if (comes_once(e) && !e->from.share && e->from.at >= epochs) rule_ends_trained(k, e);
    }
}

void check_rules_and_training(Check *k)
{
    const double epochs = json_number_value(model_setting(k->model, SETTING_EPOCHS));
    for (int g = 0; g < k->model->graphs.count; g++)
        for (int i = 0; i < k->model->graphs.at[g]->lists.count; i++) {
            const Rule *r = k->model->graphs.at[g]->lists.at[i].declared;
            if (!r) continue;
            events_and_training(k, r, epochs);
            if (!(r->reads >> TERM_MOMENTUM & 1) || has_moment(model_setting(k->model, SETTING_OPTIM)))
                continue;
            Diag *d = diag_add(k->diags, E_AMOUNT, r->span,
                               "rule '%s' reads momentum, and this optimiser keeps none", r->name);
            diag_help(d, "optim = sgd(0.1, momentum = 0.9)");
        }
}
