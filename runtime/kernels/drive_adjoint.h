/* drive_adjoint.h: the part of drive.c that solves the adjoint.
 *
 * Chen, Rubanova, Bettencourt, Duvenaud, "Neural Ordinary Differential Equations" (2018): states S and
 * adjoint A = dL/dS are solved backwards together, with r = t1 - t: dS/dr = -move(S), dA/dr = (d move / d S)
 * A. The gradients of weights are integrals of A (d move / d w), taken with the weights b of the scheme. The
 * error of A is measured in units of its size at t1.
 */
#ifndef DRIVE_ADJOINT_H
#define DRIVE_ADJOINT_H

/* Both rates at evaluation e, with stage i of the adjoint. */
static void adjoint_rates(const Drive *d, const DriveBack *b, int64_t e, int64_t i)
{
    move(d, e, 0, 0, d->rates + i * d->states);
    scale(b->sums, sums_at(d, e), 1, d->time->sums * LANES);
    b->product(d->context, d->tile, evaluation(d, e), b->sums, b->stage + i * d->states,
               b->change + i * d->states, d->held, 0);
}

/* A step from slot to slot + 1; stage `stages` of the adjoint is that after it. */
static void adjoint_step(const Drive *d, const DriveBack *b, double h, int started)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, stages = time->stages;
    real *start = slot_at(d, d->slot);
    scale(b->stage, b->d_state, 1, states);
    if (!started) adjoint_rates(d, b, d->slot * stages, 0);
    for (int64_t i = 1; i <= stages; i++) {
        const double *factor = i < stages ? time->a[i] : time->b;
        real *state = start + i * d->stride, *adjoint = b->stage + i * states;
        scale(state, start, 1, states);
        scale(adjoint, b->d_state, 1, states);
        for (int64_t j = 0; j < i; j++) {
            add(state, d->rates + j * states, -h * factor[j], states);
            add(adjoint, b->change + j * states, h * factor[j], states);
        }
        send(d, state, 0);
        if (i < stages || time->adaptive) adjoint_rates(d, b, d->slot * stages + i, i);
    }
}

/* The error of both by the tolerance. */
static double adjoint_error(const Drive *d, const DriveBack *b, double h, double *factor)
{
    const DnwrtTime *time = d->time;
    int64_t stages = time->stages;
    for (int64_t i = 0; i <= stages; i++) factor[i] = h * time->error[i];
    double sum = all_squares(d, d->rates, factor, stages + 1, slot_at(d, d->slot), slot_at(d, d->slot + 1),
                             time->atol);
    sum += all_squares(d, b->change, factor, stages + 1, b->d_state, b->stage + stages * d->states,
                       d->run->back_atol);
    return root_mean(d, sum / 2);
}

/* A step that counts: gradients of weights and sums, then on. */
static void adjoint_accept(Drive *d, const DriveBack *b, double h)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, stages = time->stages;
    for (int64_t i = 0; i < stages; i++) {
        int64_t e = d->slot * stages + i;
        real *sums = sums_at(d, e);
        scale(b->d_rate, b->stage + i * states, h * time->b[i], states);
        if (time->b[i] == 0) scale(sums, sums, 0, time->sums * LANES);
        else b->back(d->context, d->tile, evaluation(d, e), sums, b->d_rate, b->d_stage, d->held, 0);
        if (b->d_held)
            b->held_back(d->context, d->tile, sums, b->d_held, evaluation(d, e) + states, d->held, 0);
    }
    scale(b->d_state, b->stage + stages * states, 1, states);
    if (time->adaptive) scale(d->rates, d->rates + stages * states, 1, states);
    if (time->adaptive) scale(b->change, b->change + stages * states, 1, states);
    d->run->back_time += h, d->slot++;
}

static void adjoint_begin(const Drive *d, const DriveBack *b)
{
    DnwrtRun *run = d->run;
    int64_t n = run->accepted;
    scale(d->value, slot_at(d, run->count), 1, d->stride);
    position_back(d, b, 0, 0);
    double size = 0;
    for (int64_t row = 0; row < d->time->states; row++)
        for (int64_t k = 0; k < samples(d); k++) {
            double x = (double)b->d_state[row * LANES + k];
            size += x * x;
        }
    size = root_mean(d, size);
    run->back_atol = d->time->atol * (size > 0 ? size : 1);
    run->back_step = d->time->step;
    if (d->time->adaptive)
        run->back_step = n > 1 && run->h[n - 2] > run->h[n - 1] ? run->h[n - 2] : run->h[n - 1];
    run->rounds = run->tries = 0, run->back_time = 0;
}

/* Goes back through one window. */
static void adjoint_window(Drive *d, const DriveBack *b, int begins)
{
    const DnwrtTime *time = d->time;
    DnwrtRun *run = d->run;
    double span = time->end - time->start, factor[MAX_TIME_STAGES + 1] = {0};
    if (begins) adjoint_begin(d, b);
    d->slot = begins ? 0 : time->window;
    if (!begins) begin_step(d, -1);
    run->rounds++;
    int started = !begins && time->adaptive, grow = 1;
    while (d->slot < time->window && run->left) {
        if (run->tries++ == time->steps) {
            fail(d, FLOW_TOO_MANY_STEPS, 0, time->end - run->back_time, run->back_step, factor);
            break;
        }
        int last =
            time->adaptive ? run->back_time + 1.01 * run->back_step >= span : run->tries == time->steps;
        double h = time->adaptive && last ? span - run->back_time : run->back_step;
        adjoint_step(d, b, h, started);
        started = (int)time->adaptive;
        double e = time->adaptive ? adjoint_error(d, b, h, factor) : 0;
        if (e <= 1) {
            adjoint_accept(d, b, h);
            double change = change_of(time, e);
            if (time->adaptive) run->back_step = h * (grow || change < 1 ? change : 1);
            grow = 1;
            if (last) run->left = 0;
            continue;
        }
        double change = change_of(time, e);
        grow = 0, run->back_step = h * (change < 1 ? change : 0.9);
        if (run->back_step < time->min_step) {
            fail(d, is_finite(e) ? FLOW_STEP_TOO_SMALL : FLOW_NOT_FINITE, 0, time->end - run->back_time, h,
                 factor);
            break;
        }
    }
    if (run->failure) run->left = 0;
    run->first = 0, run->count = d->slot;
}
#endif
