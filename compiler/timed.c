/* timed.c: see timed.h. */
#include "timed.h"

int64_t timed_evaluations(const Graph *g)
{
    return g->time.positions * g->time.steps * g->time.stages;
}

bool is_moving(const Graph *g, int set)
{
    return g->sets.at[set].states > 0;
}

TimedRows timed_rows(const Graph *g)
{
    bool plain = !is_moving(g, g->output);
    int64_t e = timed_evaluations(g), out = g->time.positions * set_rows(&g->sets.at[g->output]);
    TimedRows r = {.evaluation = g->state_rows + g->rows, .sent = g->state_rows};
    r.last = e * r.evaluation;
    r.rates = r.last + r.evaluation;
    r.sums = r.rates + g->time.stages * g->state_rows;
    r.output = r.sums + g->sum_rows;
    r.count = r.output + (plain || g->time.positions > 1 ? out : 0);
    if (!plain && g->time.positions == 1) r.output = -1;
    r.back_output = e * g->sum_rows;
    r.back_work = r.back_output + (plain ? out : 0);
    r.back_count = r.back_work + (g->time.stages + 3) * g->state_rows;
    return r;
}

int64_t timed_output(const Graph *g)
{
    TimedRows r = timed_rows(g);
    return r.output >= 0 ? r.output : r.last + r.sent + g->sets.at[g->output].first;
}
