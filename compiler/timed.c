/* timed.c: see timed.h. */
#include "timed.h"
#include "kernels/kernel.h"

enum { MAX_WINDOW = 64 }; /* steps of chosen length: their number is not known */
int64_t timed_window_bytes = 4 << 20;

int64_t timed_evaluations(const Graph *g)
{
    return g->time.positions * (g->time.adaptive ? 1 : g->time.steps) * g->time.stages;
}

bool is_moving(const Graph *g, int set)
{
    return g->sets.at[set].states > 0;
}

void timed_window(Graph *g, int lanes)
{
    Time *t = &g->time;
    int64_t rows = (g->state_rows + g->rows + g->sum_rows) * t->stages; /* states, sent, sums */
    int64_t all = t->adaptive ? INT64_MAX : t->positions * t->steps;
    int64_t most = timed_window_bytes / (rows * lanes * (int64_t)sizeof(float) + 1) + 1;
    if (t->adaptive && most > MAX_WINDOW) most = MAX_WINDOW;
    t->window = all < most || g->statistics ? all : most; /* batch_norm: tiles go step by step together */
    t->saved = all > t->window && !t->adjoint ? MAX_TIME_SAVED : 0;
}

bool timed_rounds(const Graph *g)
{
    return g->time.saved > 0 || g->time.adjoint;
}

TimedRows timed_rows(const Graph *g)
{
    const Time *t = &g->time;
    bool plain = !is_moving(g, g->output), held = !is_moving(g, g->input);
    int64_t out = t->positions * set_rows(&g->sets.at[g->output]),
            in = t->positions * set_rows(&g->sets.at[g->input]);
    TimedRows r = {.evaluation = g->state_rows + g->rows, .sent = g->state_rows};
    r.evaluations = t->window * t->stages + 1;
    r.rates = r.evaluations * r.evaluation;
    r.saved = r.rates + (t->stages + t->adaptive) * g->state_rows;
    r.sums = r.saved + t->saved * g->state_rows;
    r.output = r.sums + g->sum_rows;
    r.count = r.output + out;
    r.back_output = r.evaluations * g->sum_rows;
    r.back_held = r.back_output + (plain ? out : 0);
    r.back_work = r.back_held + (held ? in : 0);
    r.back_count = r.back_work + (t->stages + 3) * g->state_rows;
    if (t->adjoint) r.back_count += (t->stages + 2) * g->state_rows + g->sum_rows;
    return r;
}

int64_t timed_output(const Graph *g)
{
    return timed_rows(g).output;
}
