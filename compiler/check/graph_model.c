/* graph_model.c: a budget of the model, `model ... keep BUDGET using RULE`, for all edges and layers that
 * have none of their own.
 *
 * A share, a count or anneal(...) is one budget: these lists are one list in a program, whose lines are those
 * of several graphs. Under uniform, erk, fan_in and fan_out each list is as if it had the budget itself.
 */
#include "check/graph.h"
#include "model/rule.h"

static bool wrong_form(Check *k, Span span, const char *text, const char *help)
{
    Diag *d = diag_add(k->diags, E_AMOUNT, span, "%s", text);
    diag_help(d, "%s", help);
    return false;
}

static bool budget_form(Check *k, ModelBudget *b)
{
    const Val *v = b->amount;
    if (b->decl->budget == BUDGET_SAMPLE)
        return wrong_form(k, b->decl->span, "a model cannot draw its edges once: sample stands at edges",
                          "write keep, or sample at the edges of a graph");
    if (b->decl->by)
        return wrong_form(k, b->decl->by->span,
                          "`by` names a weight of an edge function, and stands at edges", "remove `by`");
    if (b->decl->of)
        return wrong_form(k, b->decl->of->span,
                          "a key follows from the indices of a line of edges, and a model has none",
                          "write the budget of groups behind the edges");
    if (val_is(v, BUILTIN_params) || val_is(v, BUILTIN_macs))
        return wrong_form(k, v->span, "params and macs count what one list of edges costs",
                          "give the model a percentage or a number of edges, such as keep 5%");
    b->together = !is_density(v) && !val_is(v, BUILTIN_fan_in) && !val_is(v, BUILTIN_fan_out);
    return true;
}

/* Rules that need one graph, or lists of their own. */
static bool rule_is_for_all(Check *k, const Rule *r)
{
    bool shared = false;
    for (int i = 0; r && i < r->states.count; i++) shared = shared || r->states.at[i].shared;
    const char *what = !r                                                    ? NULL
                       : r->forward != NO_FUNCTION || r->used != NO_FUNCTION ? "says what edges carry"
                       : shared                                              ? "has a shared state"
                       : r->reads >> TERM_FLOW & 1                           ? "reads flow"
                       : rule_has(r, VERB_REDISTRIBUTE)                      ? "moves budget between lists"
                                                                             : NULL;
    if (!what) return true;
    Diag *d = diag_add(k->diags, E_LATER, r->span,
                       "rule '%s' %s, which one budget over several graphs does not allow in this release",
                       r->name, what);
    diag_help(d, "give the edges of each graph a budget `using %s`", r->name);
    return false;
}

bool model_budget_open(Check *k, const EdgesDecl *d, Scope *scope)
{
    k->budget = NULL;
    if (!d) return true;
    ModelBudget *b = NEW(k->perm, ModelBudget);
    *b = (ModelBudget){.decl = d, .scope = scope, .amount = described(k, check_expr(k, scope, d->amount))};
    b->list = edge_list(arena_printf(k->perm, "%s.edges", k->model->name), d->amount->span);
    if (val_is_poison(b->amount) || !budget_form(k, b)) return false;
    if (b->together && !(check_rule(k, scope, d, &b->list) && rule_is_for_all(k, b->list.declared)))
        return false;
    k->budget = b;
    return true;
}

bool model_rule(Check *k, EdgeList *l)
{
    const ModelBudget *b = k->budget;
    const Mode mode = k->mode;
    if (b->together) {
        l->rule = b->list.rule, l->declared = b->list.declared, l->together = true;
        return true;
    }
    k->mode = MODE_CONST;
    const bool ok = check_rule(k, b->scope, b->decl, l);
    k->mode = mode;
    return ok;
}

/* ---- once all graphs are there ---- */

typedef Vec(EdgeList *) Lists;

/* Those that share the budget are neighbours, have candidates, and are weights. `other`: the first list
 * behind them that has a budget of its own. */
static bool add_lists(Check *k, Graph *g, Lists *all, const EdgeList **other)
{
    for (int i = 0; i < g->lists.count; i++) {
        EdgeList *l = &g->lists.at[i];
        if (!l->together && all->count && !*other) *other = l;
        if (!l->together) continue;
        if (*other)
            return wrong_form(
                k, (*other)->span,
                "this has no part in the budget of the model, and stands between edges that have",
                "leave its budget out, or give the edges of each graph one of their own");
        if (l->candidates == 0)
            return wrong_form(k, g->bundles.at[list_first(g, i)].span, "these edges have no candidates",
                              "check the sizes of the node sets and the `where` conditions");
        vec_push(k->perm, all, l);
    }
    for (int b = 0; b < g->bundles.count; b++) {
        if (!g->bundles.at[b].edge || !g->lists.at[g->bundles.at[b].list].together) continue;
        Diag *d = diag_add(k->diags, E_LATER, g->bundles.at[b].span,
                           "edges with a function have a budget of their own in this release");
        diag_help(d, "give these lines one, such as keep 5%%, or keep erk(5%%) to the model");
        return false;
    }
    return true;
}

/* What one list has of all. */
static void share(const EdgeList *all, Lists *lists)
{
    int64_t candidates = 0, kept = 0;
    for (int i = 0; i < lists->count; i++) {
        EdgeList *l = lists->at[i];
        candidates += l->candidates;
        const int64_t until =
            (int64_t)((double)all->kept * ((double)candidates / (double)all->candidates) + 0.5);
        l->kept = until - kept, kept = until;
        l->budget = all->budget, l->total = all->candidates, l->goes_on = i > 0, l->span = all->span;
        l->rule.kind = l->declared ? RULE_DECLARED : RULE_DNW;
    }
}

/* Lists that share a budget have the same form in a program: with costs, numbers for each candidate. */
static void share_costs(const Model *m, const Lists *lists)
{
    bool costs = false;
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) {
            const Bundle *u = &m->graphs.at[g]->bundles.at[b];
            costs = costs || (u->costs && m->graphs.at[g]->lists.at[u->list].together);
        }
    for (int i = 0; i < lists->count; i++) lists->at[i]->costs = costs;
}

void model_budget_close(Check *k)
{
    ModelBudget *b = k->budget;
    Lists lists = {0};
    const EdgeList *other = NULL;
    Graph *first = NULL;
    if (!b || !b->together) return;
    for (int g = 0; g < k->model->graphs.count; g++) {
        if (!add_lists(k, k->model->graphs.at[g], &lists, &other)) return;
        if (!first && lists.count) first = k->model->graphs.at[g];
    }
    if (!first) {
        wrong_form(k, b->list.span, "this budget is for no edges: there are none without one of their own",
                   "remove this one, or leave the budget out at edges that it is for");
        return;
    }
    for (int i = 0; i < lists.count; i++) b->list.candidates += lists.at[i]->candidates;
    if (!count_budget(k, &b->list, b->amount)) return;
    share(&b->list, &lists);
    share_costs(k->model, &lists);
    if (b->list.declared) check_declared_list(k, first, lists.at[0]);
}
