/* timed.c: see timed.h. */
#include "model/timed.h"
#include "model/rule.h"

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
    bool all = l->budget.form == KEEP_ALL && u->candidates.form == CANDIDATES_LIST && !l->declared;
    return (l->rule.kind == RULE_SAMPLE || all) && !u->edge && !edges_fixed(u);
}

bool edges_of_used(const Graph *g, const Bundle *u)
{
    const struct Rule *r = g->lists.at[u->list].declared;
    return edges_stay(g, u) || (r && !r->all_gradients);
}

bool edges_with_dots(const Graph *g, const Bundle *u)
{
    const EdgeList *l = &g->lists.at[u->list];
    bool estimated = l->rule.refresh > 1 || l->rule.positions > 1 || l->rule.bf16 || edges_of_used(g, u);
    if (l->declared && l->declared->top_by != NO_FUNCTION) return false; /* not for edges in use alone */
    bool goes_back = is_timed(g) ? is_moving(g, u->from) && !g->time.adjoint : !g->sets.at[u->from].outside;
    return estimated && goes_back && !u->edge && !edges_fixed(u);
}

DnwrtTime timed_record(const Graph *g)
{
    const Time *t = &g->time;
    DnwrtTime r = {.positions = t->positions,
                   .steps = t->steps,
                   .stages = t->stages,
                   .states = g->state_rows,
                   .sent = g->rows,
                   .sums = g->sum_rows,
                   .held = set_rows(&g->sets.at[g->input]),
                   .outputs = set_rows(&g->sets.at[g->output]),
                   .window = t->window,
                   .saved = t->saved,
                   .adaptive = t->adaptive,
                   .truncate = t->truncate,
                   .adjoint = t->adjoint,
                   .carry = t->carry,
                   .step = t->step,
                   .start = t->start,
                   .end = t->end,
                   .rtol = t->rtol,
                   .atol = t->atol,
                   .min_step = t->min_step,
                   .exponent = t->exponent};
    memcpy(r.a, t->a, sizeof r.a), memcpy(r.b, t->b, sizeof r.b), memcpy(r.error, t->error, sizeof r.error);
    return r;
}
