/* timed.c: see timed.h. */
#include "model/timed.h"

int64_t timed_evaluations(const Graph *g)
{
    return g->time.positions * (g->time.adaptive ? 1 : g->time.steps) * g->time.stages;
}

bool is_moving(const Graph *g, int set)
{
    return g->sets.at[set].states > 0;
}

bool edges_stay(const Graph *g, const Bundle *u)
{
    const EdgeList *l = &g->lists.at[u->list];
    bool all = l->budget.form == KEEP_ALL && u->candidates.form == CANDIDATES_LIST;
    return (l->rule.kind == RULE_SAMPLE || all) && !u->edge && !u->fixed;
}

bool edges_with_dots(const Graph *g, const Bundle *u)
{
    const EdgeList *l = &g->lists.at[u->list];
    bool estimated = l->rule.refresh > 1 || l->rule.positions > 1 || l->rule.bf16 || edges_stay(g, u);
    bool goes_back = is_timed(g) ? is_moving(g, u->from) && !g->time.adjoint : !g->sets.at[u->from].outside;
    return estimated && goes_back && !u->edge && !u->fixed;
}
