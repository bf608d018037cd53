/* drive_adjoint.h: the part of drive.c that solves the adjoint.
 *
 * Chen, Rubanova, Bettencourt, Duvenaud, "Neural Ordinary Differential Equations" (2018): states S and
 * adjoint A = dL/dS are solved backwards together, with r = t1 - t: dS/dr = -move(S), dA/dr = (d move / d S)
 * A. The gradients of weights are integrals of A (d move / d w), taken with the weights b of the scheme. The
 * error of A is measured in units of its size at t1, sample by sample.
 */
#ifndef DRIVE_ADJOINT_H
#define DRIVE_ADJOINT_H

/* Both rates at evaluation e, with stage i of the adjoint. */
static void adjoint_rates(const Drive *d, int64_t e, int64_t i)
{
    move(d, e, 0, 0, d->rates + i * d->states);
    scale(d->work_sums, sums_at(d, e), 1, d->time->sums * LANES);
    Evaluation at = at_evaluation(d, e, 0, 0);
    at.sums = d->work_sums;
    d->calls->product(&at, d->d_stages + i * d->states, d->change + i * d->states);
}

/* A step of length h, or of 1 times those of the lanes, from slot to slot + 1; stage `stages` of the adjoint
 * is that after it. */
static void adjoint_step(const Drive *d, double h, int started)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, stages = time->stages;
    scale(d->d_stages, d->d_state, 1, states);
    if (!started) adjoint_rates(d, d->slot * stages, 0);
    for (int64_t i = 1; i <= stages; i++) {
        const double *a = i < stages ? time->a[i] : time->b;
        int64_t e = d->slot * stages + i;
        double on[MAX_TIME_STAGES], back[MAX_TIME_STAGES];
        for (int64_t j = 0; j < i; j++) on[j] = h * a[j], back[j] = -on[j];
        go_on(d, evaluation(d, e), (Sum){slot_at(d, d->slot), d->rates, 1, .terms = i, .factor = back});
        go_on(d, d->d_stages + i * states, (Sum){d->d_state, d->change, 1, .terms = i, .factor = on});
        send(d, e, 0);
        if (i < stages || time->adaptive) adjoint_rates(d, e, i);
    }
}

/* The errors of both by the tolerance. */
static void adjoint_errors(const Drive *d, double *error)
{
    const DnwrtTime *time = d->time;
    int64_t n = time->stages + 1;
    const Measured state = {d->rates, slot_at(d, d->slot), slot_at(d, d->slot + 1), time->error, n},
                   adjoint = {d->change, d->d_state, d->d_stages + time->stages * d->states, time->error, n};
    double other[LANES];
    state_norms(d, &state, error);
    norms(d, &adjoint, d->run->pace.atol, other);
    for (int k = 0; k < LANES; k++)
        error[k] = (double)d->by[k] * sqrt((error[k] * error[k] + other[k] * other[k]) / 2);
}

/* As stand_still. */
static void adjoint_stands_still(const Drive *d)
{
    int64_t states = d->states, stages = d->time->stages;
    stand_still(d);
    for (int64_t i = 1; i <= stages; i++) hold_lanes(d->d_stages + i * states, d->d_stages, d->by, states);
    hold_lanes(d->change + stages * states, d->change, d->by, states);
}

/* A step that counts: gradients of weights and sums, then on. */
static void adjoint_accept(Drive *d, double h)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, stages = time->stages;
    for (int64_t i = 0; i < stages; i++) {
        const Evaluation at = at_evaluation(d, d->slot * stages + i, 0, 0);
        scale(d->d_rate, d->d_stages + i * states, h * time->b[i], states);
        if (d->by) scale_lanes(d->d_rate, d->by, states);
        if (time->b[i] == 0) scale(at.sums, at.sums, 0, time->sums * LANES);
        else d->calls->back(&at, d->d_rate, d->d_stage);
        back_to_held(d, d->calls->held_back, &at, 0);
    }
    scale(d->d_state, d->d_stages + stages * states, 1, states);
    if (time->adaptive) scale(d->rates, d->rates + stages * states, 1, states);
    if (time->adaptive) scale(d->change, d->change + stages * states, 1, states);
    d->slot++;
}

/* The longer of the last two steps that a lane took forwards. */
static double last_step(const DnwrtRun *run, int k)
{
    double length = 0;
    for (int64_t step = run->accepted - 1, found = 0; step >= 0 && found < 2; step--) {
        double h = (double)((const real *)run->h)[step * LANES + k];
        found += h != 0;
        if (h > length) length = h;
    }
    return length;
}

static void adjoint_begin(const Drive *d)
{
    DnwrtRun *run = d->run;
    double size[LANES] = {0};
    scale(d->value, slot_at(d, run->count), 1, d->stride);
    position_back(d, 0, 0);
    begin_pace(&run->pace, d->time->end, -1);
    run->rounds = 0;
    for (int64_t i = 0; i < d->states; i++) {
        double x = (double)d->d_state[i];
        size[i % LANES] += x * x;
    }
    for (int k = 0; k < LANES && d->by; k++) {
        size[k] = sqrt(size[k] / (double)d->time->states);
        run->pace.atol[k] = d->time->atol * (size[k] > 0 ? size[k] : 1);
        run->pace.step[k] = last_step(run, k);
    }
}

/* Through one window in steps that the samples choose. */
static void adjoint_chosen(Drive *d, int started)
{
    DnwrtRun *run = d->run;
    double error[LANES];
    int64_t trying;
    while ((trying = plan_steps(d)) != 0 && d->slot < d->time->window) {
        count_try(d, 0);
        if (run->failure) break;
        adjoint_step(d, 1, started);
        adjoint_errors(d, error);
        int64_t accepted = judge(d, 0, error);
        if (run->failure) break;
        if (accepted && accepted < trying) adjoint_stands_still(d);
        if (accepted) adjoint_accept(d, 1);
        started = 1;
    }
    run->left = run->failure ? 0 : trying;
}

/* Goes back through one window. */
static void adjoint_window(Drive *d, int begins)
{
    const DnwrtTime *time = d->time;
    DnwrtRun *run = d->run;
    if (begins) adjoint_begin(d);
    d->slot = begins ? 0 : time->window;
    if (!begins) begin_step(d, -1);
    run->rounds++;
    if (time->adaptive) adjoint_chosen(d, !begins);
    else
        for (; d->slot < time->window && run->left; run->left = run->pace.tries < time->steps) {
            adjoint_step(d, time->step, 0);
            adjoint_accept(d, time->step);
            run->pace.tries++;
        }
    run->first = 0, run->count = d->slot;
}
#endif
