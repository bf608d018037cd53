/* drive.c: a graph through time: explicit Runge-Kutta steps over two generated functions, forwards and
 * backwards.
 *
 *     S_i = S + h sum over j < i of a_ij K_j    K_i = move(S_i)    S' = carry S + h sum over i of b_i K_i
 * Backwards, from dL/dS' (all of one step, last stage first):
 *     dK_i = h (b_i dS' + sum over j > i of a_ji dS_j)    dS_i = (d move / d S_i) dK_i
 *     dS = carry dS' + sum over i of dS_i
 * which is the exact gradient of the steps taken; how their lengths were chosen is not differentiated.
 * Discrete steps have one stage, carry 0, b = 1 and h = 1.
 *
 * Memory is bounded: the evaluations of `window` steps are there at once, of one step when nothing goes back.
 * Forwards leaves the last window. To go back further, backwards runs again from states that were kept on
 * the way; when their room is full, every second one is dropped. One call of drive_back goes through one
 * window, so that the runtime can add up the gradients of candidates between the calls. Rows: see
 * compiler/model/timed.h.
 */
#include "drive_step.h"

double pow(double x, double y);
double sqrt(double x);
double fabs(double x);

void KERNEL(drive)(const Drive *given, const TimedCalls *calls, int64_t adaptive);
void KERNEL(drive_back)(const Drive *given, const TimedCalls *calls, int64_t adjoint);

static inline int is_finite(double x)
{
    return x - x == 0;
}

/* From evaluation e of the window. */
static inline void move(const Drive *d, int64_t e, int64_t number, int64_t position, real *rate)
{
    const Evaluation at = at_evaluation(d, e, number, position);
    d->calls->move(&at, rate);
}

static inline int64_t position_of(const Drive *d, int64_t step)
{
    return d->time->adaptive ? d->run->position[step] : step / d->time->steps;
}

/* Of a step that is known; those of lanes are put where they belong. */
static double length_of(const Drive *d, int64_t step)
{
    if (!d->by) return d->time->step;
    scale(d->by, (const real *)d->run->h + step * LANES, 1, LANES);
    return 1;
}

/* A step, by number, from slot to slot + 1. What stands and is sent at its start is there; `started`: the
 * first rate, too. */
static void take_step(const Drive *d, int64_t slot, int64_t step, int64_t position, double h, int started)
{
    for (int64_t i = started ? 1 : 0; i < d->time->stages; i++) {
        if (i > 0) begin_stage(d, slot, step, i, h);
        move(d, slot * d->time->stages + i, number_of(d, step, i), position, rate_at(d, slot, i, h));
    }
    end_step(d, slot, step, h, !started && is_plain(d->time, h));
}

/* ---- states that are kept ---- */

/* Keeps the states from which `step` starts. */
static void keep(const Drive *d, int64_t step, const real *state)
{
    DnwrtRun *run = d->run;
    if (d->time->saved == 0 || !d->saved || step % run->every != 0) return;
    if (run->saved == d->time->saved) {
        for (int64_t i = 2; i < run->saved; i += 2) {
            scale(d->saved + i / 2 * d->states, d->saved + i * d->states, 1, d->states);
            run->saved_step[i / 2] = run->saved_step[i];
        }
        run->saved = (run->saved + 1) / 2, run->every *= 2;
        if (step % run->every != 0) return;
    }
    scale(d->saved + run->saved * d->states, state, 1, d->states);
    run->saved_step[run->saved++] = step;
}

/* Before a step: a full window starts again, and its last evaluation becomes the first. */
static void begin_step(Drive *d, int64_t step)
{
    if (d->slot == d->window && !d->saved && d->time->stages == 1) { /* the two evaluations change places */
        d->value = slot_at(d, d->slot), d->stride = -d->stride;
        d->slot = 0;
    }
    if (d->slot == d->window) {
        scale(d->value, slot_at(d, d->slot), 1, d->stride);
        if (d->sums_step && d->time->adaptive)
            scale(d->sums, sums_at(d, d->slot * d->time->stages), 1, d->time->sums * LANES);
        d->slot = 0;
    }
    if (d->slot == 0) keep(d, step, d->value);
}

/* The window of steps first .. end again, from the last state that was kept before it. What is run over on
 * the way is kept where room has become free. */
static void restore_window(Drive *d, int64_t first, int64_t end)
{
    DnwrtRun *run = d->run;
    while (run->saved_step[run->saved - 1] > first) run->saved--;
    int64_t step = run->saved_step[run->saved - 1], window = d->time->window;
    int64_t gap = (first - step) / window, room = d->time->saved - run->saved + 1;
    run->every = (gap + room - 1) / room * window;
    scale(d->value, d->saved + (run->saved - 1) * d->states, 1, d->states);
    send(d, 0, number_of(d, step, 0));
    for (int64_t from = step; step < first;) {
        take_step(d, 0, step, position_of(d, step), length_of(d, step), 0);
        scale(d->value, slot_at(d, 1), 1, d->stride);
        step++;
        if ((step - from) % run->every != 0 || step == first || run->saved == d->time->saved) continue;
        scale(d->saved + run->saved * d->states, d->value, 1, d->states);
        run->saved_step[run->saved++] = step;
    }
    for (int64_t slot = 0; step < end; step++, slot++)
        take_step(d, slot, step, position_of(d, step), length_of(d, step), 0);
}

#include "drive_chosen.h"

/* ---- forwards ---- */

/* Through one position by the steps that are known. */
static void follow(Drive *d, int64_t position, int64_t *step, int64_t count)
{
    for (; *step < count && position_of(d, *step) == position; ++*step) {
        begin_step(d, *step);
        take_step(d, d->slot++, *step, position, length_of(d, *step), 0);
        d->run->evaluations += d->time->stages;
    }
}

/* adaptive, adjoint: those of `time`, here so that the code of other programs has no such steps. */
void KERNEL(drive)(const Drive *given, const TimedCalls *calls, int64_t adaptive)
{
    Drive d = drive_with(given, calls);
    const DnwrtTime *time = d.time;
    DnwrtRun *run = d.run = &time->run[d.number];
    real by[LANES];
    int64_t step = 0;
    d.by = adaptive ? by : 0, d.window = d.saved ? time->window : 1;
    int64_t known = run->replay ? run->accepted : adaptive ? -1 : time->positions * time->steps;
    run->accepted = run->evaluations = run->saved = run->failure = run->rounds = 0;
    run->taken = run->rejected = 0;
    run->every = time->window, run->fresh = 1;
    send(&d, 0, 0);
    for (int64_t p = 0; p < time->positions && !run->failure; p++) {
        if (!adaptive || known >= 0) follow(&d, p, &step, known);
        else flow(&d, p);
        show(&d, d.slot, p);
    }
    if (known >= 0) run->accepted = known;
    if (run->failure) run->accepted = 0;
    run->left = run->accepted;
    run->first = run->accepted ? (run->accepted - 1) / time->window * time->window : 0;
    run->count = run->accepted - run->first;
}

/* ---- backwards ---- */

/* The step in `slot`: from the gradient of the states after it to that of the states before. */
static void step_back(const Drive *d, int64_t slot, int64_t step, int64_t position, double h)
{
    for (int64_t i = d->time->stages - 1; i >= 0; i--) {
        const Evaluation at = at_evaluation(d, slot * d->time->stages + i, number_of(d, step, i), position);
        stage_back(d, &at, position, i, rate_back(d, i, h));
    }
    start_back(d);
}

#include "drive_adjoint.h"

void KERNEL(drive_back)(const Drive *given, const TimedCalls *calls, int64_t adjoint)
{
    Drive d = drive_back_with(given, calls);
    const DnwrtTime *time = d.time;
    DnwrtRun *run = d.run = &time->run[d.number];
    real by[LANES];
    d.by = time->adaptive ? by : 0, d.window = time->window;
    int begins = (int)run->fresh;
    if (begins) clear_gradients(&d);
    run->fresh = 0;
    if (adjoint) {
        if (run->left) adjoint_window(&d, begins);
        else run->count = 0;
        return;
    }
    int64_t end = run->left, first = end ? (end - 1) / time->window * time->window : 0;
    if (end && first != run->first) restore_window(&d, first, end);
    run->first = first, run->count = end - first, run->left = first;
    for (int64_t step = end - 1; step >= first; step--) {
        int64_t position = position_of(&d, step);
        if (step + 1 == run->accepted || position_of(&d, step + 1) != position)
            position_back(&d, position, step - first + 1);
        step_back(&d, step - first, step, position, length_of(&d, step));
        int starts = step == 0 || position_of(&d, step - 1) != position;
        if (starts && position > 0 && time->truncate && position % time->truncate == 0)
            scale(d.d_state, d.d_state, 0, d.states);
    }
}
