/* graph_rule_fit.c: what a declared rule needs of its list of edges and of the training. */
#include "check/graph.h"
#include "model/rule.h"
#include "model/timed.h"

/* Does an event that comes again bring the edges in use to the budget, down and (where it grows) up? */
static bool follows_budget(const Rule *r, const EdgeBudget *budget)
{
    for (int i = 0; i < r->events.count; i++) {
        const RuleEvent *e = &r->events.at[i];
        bool drops = false;
        for (int a = 0; a < e->actions.count && (e->steps || e->epochs > 0); a++) {
            const RuleStep *s = &e->actions.at[a];
            drops = drops || rule_shrinks(s);
            if (drops && (rule_fills(s) || budget->start >= budget->keep)) return true;
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

static void list_fits(Check *k, const Graph *g, const EdgeList *l)
{
    Diag *d = NULL;
    const bool decides = l->declared->used != NO_FUNCTION;
    if (decides && l->budget.form != KEEP_ALL) {
        d = diag_add(k->diags, E_AMOUNT, l->span,
                     "rule '%s' says itself which edges are in use, and how many", l->declared->name);
        diag_help(d, "write keep all using %s", l->declared->name);
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
        diag_help(d, "an event of `every` that chooses, or drops and then grows, follows the budget");
    }
    const bool redistributes = rule_has(l->declared, VERB_REDISTRIBUTE);
    if (!d && redistributes && (l->budget.form != KEEP_COUNT || l->declared->start_all)) {
        d = diag_add(k->diags, E_LATER, l->span,
                     "redistribute is for rules that start with as many edges as the budget says, and for "
                     "budgets that are a number or a share");
        diag_help(d, "keep 5%%");
    }
    if (!d && is_timed(g) && l->declared->reads >> TERM_FLOW & 1) {
        d = diag_add(k->diags, E_LATER, l->span,
                     "rule '%s' reads flow, and paths of a graph in time have no end", l->declared->name);
        diag_help(d, "in a graph in time a rule can read w, gradient, fan_in, fan_out and paths3");
    }
    for (int b = 0; b < g->bundles.count && !d; b++) {
        if (&g->lists.at[g->bundles.at[b].list] != l || !g->bundles.at[b].edge) continue;
        d = diag_add(k->diags, E_LATER, g->bundles.at[b].span,
                     "declared rules for edges with a function are not part of this release");
        diag_help(d, "leave `using %s` out: the weights with the largest magnitude are in use",
                  l->declared->name);
    }
}

void check_declared_lists(Check *k, const Graph *g)
{
    for (int i = 0; i < g->lists.count; i++)
        if (g->lists.at[i].declared) list_fits(k, g, &g->lists.at[i]);
}

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

static void event_comes(Check *k, const Rule *r, const RuleEvent *e, double epochs)
{
    const bool once = !e->steps && !(e->epochs > 0);
    const double from = in_epochs(e->from, epochs), until = in_epochs(e->until, epochs);
    const bool comes = once ? from <= epochs : from < until && e->epochs < epochs && from < epochs;
    if (comes) return;
    Diag *d = diag_add(k->diags, E_AMOUNT, r->span,
                       "an event of rule '%s' never comes in a training of %.6g epochs", r->name, epochs);
    diag_note(d, e->span, "it is this one");
    diag_help(d, "train longer, or let it come earlier: once(at = 50%%) comes in the middle of any training");
}

void check_rules_and_training(Check *k)
{
    const json_t *settings = k->model->settings;
    const double epochs = json_number_value(json_object_get(settings, "epochs"));
    for (int g = 0; g < k->model->graphs.count; g++)
        for (int i = 0; i < k->model->graphs.at[g]->lists.count; i++) {
            const Rule *r = k->model->graphs.at[g]->lists.at[i].declared;
            if (!r) continue;
            for (int e = 0; e < r->events.count && epochs > 0; e++)
                event_comes(k, r, &r->events.at[e], epochs);
            if (!(r->reads >> TERM_MOMENTUM & 1) || has_moment(json_object_get(settings, "optim"))) continue;
            Diag *d = diag_add(k->diags, E_AMOUNT, r->span,
                               "rule '%s' reads momentum, and this optimiser keeps none", r->name);
            diag_help(d, "optim = sgd(0.1, momentum = 0.9)");
        }
}
