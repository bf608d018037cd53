/* timed_rows.c: see timed_rows.h. */
#include "layout/timed_rows.h"
#include "kernels/kernel.h"

enum { MAX_WINDOW = 64 }; /* steps of chosen length: their number is not known */
int64_t timed_window_bytes = 4 << 20, timed_window_few = 16;

void timed_window(Graph *g, int lanes)
{
    Time *t = &g->time;
    int64_t rows = (g->state_rows + g->rows + g->sum_rows) * t->stages; /* states, sent, sums */
    int64_t all = t->adaptive ? INT64_MAX : t->positions * t->steps;
    int64_t most = timed_window_bytes / (rows * lanes * (int64_t)sizeof(float) + 1) + 1;
    bool few = !t->adaptive && !t->adjoint && all * t->stages <= timed_window_few;
    if (t->adaptive && most > MAX_WINDOW) most = MAX_WINDOW;
    t->window =
        all < most || few || g->statistics ? all : most; /* batch_norm: tiles go step by step together */
    t->saved = 0;
    if (all == t->window || t->adjoint) return;
    t->saved = (all - 1) / t->window + 1; /* all windows */
    if (t->saved > MAX_TIME_SAVED) t->saved = MAX_TIME_SAVED;
}

bool timed_rounds(const Graph *g)
{
    return g->time.saved > 0 || g->time.adjoint;
}

/* Steps whose only rate is the next state (is_plain of kernels/drive.c). */
static bool moves_straight(const Time *t)
{
    return !t->adaptive && t->stages == 1 && t->carry == 0 && t->step * t->b[0] == 1;
}

static TimedRows rows_of(const Graph *g, int64_t window, int64_t saved)
{
    const Time *t = &g->time;
    bool plain = !is_moving(g, g->output), held = !is_moving(g, g->input);
    int64_t out = t->positions * set_rows(&g->sets.at[g->output]),
            in = t->positions * set_rows(&g->sets.at[g->input]);
    TimedRows r = {.evaluation = g->state_rows + g->rows, .sent = g->state_rows};
    r.values = TIMED_OUTPUT + out;
    r.evaluations = window * t->stages + 1;
    r.rates = r.values + r.evaluations * r.evaluation;
    r.saved = r.rates + (moves_straight(t) ? 0 : (t->stages + t->adaptive) * g->state_rows);
    r.sums = r.saved + saved * g->state_rows;
    r.count = r.sums + g->sum_rows;
    r.back_output = (window * t->stages + t->adaptive) * g->sum_rows;
    r.back_held = r.back_output + (plain ? out : 0);
    r.back_work = r.back_held + (held ? in : 0);
    r.back_count = r.back_work + (moves_straight(t) ? 2 : t->stages + 3) * g->state_rows;
    if (t->adjoint) r.back_count += (t->stages + 2) * g->state_rows + g->sum_rows;
    return r;
}

TimedRows timed_rows(const Graph *g)
{
    return rows_of(g, g->time.window, g->time.saved);
}

TimedRows timed_use_rows(const Graph *g)
{
    return rows_of(g, 1, 0);
}

TimedRows timed_rows_of(const Value *wired)
{
    return wired->sums >= 0 || wired->batch ? timed_rows(wired->graph) : timed_use_rows(wired->graph);
}
