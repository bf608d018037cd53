/* drive_chosen.h: the part of drive.c in which each sample of a tile chooses the lengths of its steps.
 *
 * Hairer, Norsett, Wanner, "Solving ODEs I", II.4: a step is accepted when the root mean square of its error
 * over the states of the sample, measured by atol + rtol max(|S|, |S'|), is at most 1. All samples try a step
 * at once, each of its own length. Those whose step is rejected, and those that are at the end, stand still
 * in the step that is recorded: its length is 0 for them. So a sample never depends on the others.
 */
#ifndef DRIVE_CHOSEN_H
#define DRIVE_CHOSEN_H

/* ---- how large an error is ---- */

/* e = sum over i of factor_i K_i, of one row; K: rates of the states or of the adjoint */
static void error_of(const Drive *d, const real *rates, int64_t row, const double *factor, int64_t count,
                     double *e)
{
    for (int i = 0; i < LANES; i++) e[i] = 0;
    for (int64_t j = 0; j < count; j++)
        for (int i = 0; i < LANES && factor[j] != 0; i++)
            e[i] += factor[j] * (double)rates[j * d->states + row * LANES + i];
}

/* What is measured: sum over i of factor_i K_i, by the tolerance at a and d. */
typedef struct Measured {
    const real *rates, *a, *b;
    const double *factor;
    int64_t count;
} Measured;

/* The root mean square over the states, by lane. */
static void norms(const Drive *d, const Measured *m, const double *atol, double *out)
{
    double e[LANES], sum[LANES] = {0}, rtol = d->time->rtol;
    for (int64_t row = 0; row < d->time->states; row++) {
        const real *a = m->a + row * LANES, *b = m->b + row * LANES;
        error_of(d, m->rates, row, m->factor, m->count, e);
        for (int k = 0; k < LANES; k++) {
            double x = fabs((double)a[k]), y = fabs((double)b[k]);
            double q = e[k] / (atol[k] + rtol * (x > y || x != x ? x : y));
            sum[k] += q * q;
        }
    }
    for (int k = 0; k < LANES; k++) out[k] = d->time->states ? sqrt(sum[k] / (double)d->time->states) : 0;
}

static void state_norms(const Drive *d, const Measured *m, double *out)
{
    double atol[LANES];
    for (int k = 0; k < LANES; k++) atol[k] = d->time->atol;
    norms(d, m, atol, out);
}

/* ---- why a sample cannot go on ---- */

/* The first stage in which the rate of state i is not finite: that is where such numbers come from, before
 * edges carry them on. */
static int64_t first_bad_stage(const Drive *d, int64_t i)
{
    int64_t j = 0;
    while (j < d->time->stages && is_finite((double)d->rates[j * d->states + i])) j++;
    return j;
}

/* Notes why the sample in `lane` cannot go on, by a step of length h, with its largest error relative to its
 * tolerance. */
static void fail(Drive *d, DnwrtFailure why, int64_t position, int64_t lane, double h)
{
    const DnwrtTime *time = d->time;
    DnwrtRun *run = d->run;
    const DnwrtPace *p = &run->pace;
    const real *start = slot_at(d, d->slot), *next = slot_at(d, d->slot + 1);
    double most = -1, e[LANES];
    if (run->failure) return;
    run->failure = why, run->failed_position = position, run->failed_lane = lane, run->failed_step = h;
    run->failed_time = p->start + p->sign * p->gone[lane];
    run->failed_sent = start + d->states, run->failed_held = d->held + position * time->held * LANES;
    for (int64_t row = 0; row < time->states; row++) {
        int64_t i = row * LANES + lane;
        error_of(d, d->rates, row, time->error, time->stages + 1, e);
        double error = h * e[lane], q = fabs(error) / (time->atol + time->rtol * fabs((double)start[i]));
        if (!is_finite((double)next[i]) || !is_finite(q))
            q = 1e300 * (double)(MAX_TIME_STAGES + 1 - first_bad_stage(d, i));
        if (q <= most) continue;
        most = q, run->failed_row = row, run->failed_error = error;
        run->failed_state = (double)start[i], run->failed_rate = (double)d->rates[i];
    }
}

/* ---- the length of the next step ---- */

static void begin_pace(DnwrtPace *p, double start, double sign)
{
    p->start = start, p->sign = sign, p->tries = 0;
    for (int k = 0; k < LANES; k++) p->gone[k] = 0, p->held[k] = 0;
}

static inline double span_of(const Drive *d)
{
    return d->time->end - d->time->start;
}

/* Is the next step of a lane its last one? */
static inline int is_last(const Drive *d, int k)
{
    return d->run->pace.gone[k] + 1.01 * d->run->pace.step[k] >= span_of(d);
}

/* Lengths of the steps to try; how many lanes are not at the end. */
static int64_t plan_steps(const Drive *d)
{
    const DnwrtPace *p = &d->run->pace;
    int64_t trying = 0;
    for (int k = 0; k < LANES; k++) {
        double left = span_of(d) - p->gone[k];
        d->by[k] = left <= 0 ? 0 : (real)(is_last(d, k) ? left : p->step[k]);
        trying += left > 0;
    }
    return trying;
}

static void count_try(Drive *d, int64_t position)
{
    DnwrtPace *p = &d->run->pace;
    if (p->tries++ < d->time->steps) return;
    for (int k = 0; k < LANES; k++)
        if (d->by[k] != 0) fail(d, FLOW_TOO_MANY_STEPS, position, k, p->step[k]);
}

/* How much longer the next step may be. */
static double change_of(const DnwrtTime *time, double e)
{
    if (!is_finite(e)) return 0.2;
    double change = e == 0 ? 10 : 0.9 * pow(e, -time->exponent);
    return change < 0.2 ? 0.2 : change > 10 ? 10 : change;
}

static void accept(const Drive *d, int k, double change)
{
    DnwrtPace *p = &d->run->pace;
    double length = (double)d->by[k], next = length * (p->held[k] && change > 1 ? 1 : change);
    int last = is_last(d, k);
    p->gone[k] = last ? span_of(d) : p->gone[k] + length;
    p->step[k] = last && next < p->step[k] ? p->step[k] : next; /* a short last step says little */
    p->held[k] = 0;
}

static void reject(Drive *d, int k, int64_t position, double e, double change)
{
    DnwrtPace *p = &d->run->pace;
    double length = (double)d->by[k];
    p->step[k] = length * (change < 1 ? change : 0.9), p->held[k] = 1, d->by[k] = 0;
    if (p->step[k] < d->time->min_step)
        fail(d, is_finite(e) ? FLOW_STEP_TOO_SMALL : FLOW_NOT_FINITE, position, k, length);
}

/* By the errors of the steps tried: the lanes whose step is rejected stand still. How many do not. */
static int64_t judge(Drive *d, int64_t position, const double *error)
{
    int64_t accepted = 0, all = samples(d);
    for (int k = 0; k < LANES; k++) {
        if (d->by[k] == 0) continue;
        double change = change_of(d->time, error[k]);
        int good = error[k] <= 1; /* not when it is no number */
        if (good) accept(d, k, change);
        else reject(d, k, position, error[k], change);
        accepted += good;
        if (k < all) d->run->taken += good, d->run->rejected += !good;
    }
    return accepted;
}

/* ---- steps ---- */

/* A first step from how fast the states move and how fast their rates do (ibid.); 1e-4 of the span where
 * nothing is known, because of single precision. The first rate is there; uses the place of stage 1. */
static void first_steps(Drive *d, int64_t position)
{
    static const double one = 1, change[2] = {-1, 1};
    int64_t e = d->slot * d->time->stages + 1;
    const real *start = evaluation(d, e - 1);
    double d0[LANES], d1[LANES], d2[LANES], span = span_of(d), least = 1e-4 * span, *h = d->run->pace.step;
    state_norms(d, &(Measured){start, start, start, &one, 1}, d0);
    state_norms(d, &(Measured){d->rates, start, start, &one, 1}, d1);
    for (int k = 0; k < LANES; k++) {
        h[k] = d0[k] < 1e-5 || d1[k] < 1e-5 ? least : 0.01 * d0[k] / d1[k];
        if (h[k] > span) h[k] = span;
        d->by[k] = (real)h[k];
    }
    go_on(d, evaluation(d, e), (Sum){start, d->rates, 1, .terms = 1, .factor = &one});
    send(d, e, 0);
    move(d, e, 0, position, d->rates + d->states);
    d->run->evaluations++;
    state_norms(d, &(Measured){d->rates, start, start, change, 2}, d2);
    for (int k = 0; k < LANES; k++) {
        double rise = d2[k] / h[k], most = d1[k] > rise ? d1[k] : rise, little = 1e-3 * h[k];
        double next = most <= 1e-15 ? (least > little ? least : little) : pow(0.01 / most, d->time->exponent);
        h[k] = next < 100 * h[k] ? next : 100 * h[k];
    }
}

/* One step of each lane from d->slot, with the rate at its end; the errors by their tolerance. */
static void try_step(Drive *d, int64_t position, double *error)
{
    const DnwrtTime *time = d->time;
    take_step(d, d->slot, 0, position, 1, 1);
    move(d, (d->slot + 1) * time->stages, 0, position, d->rates + time->stages * d->states);
    d->run->evaluations += time->stages;
    const Measured m = {d->rates, slot_at(d, d->slot), slot_at(d, d->slot + 1), time->error,
                        time->stages + 1};
    state_norms(d, &m, error);
    for (int k = 0; k < LANES; k++) error[k] *= (double)d->by[k];
}

/* Lanes that do not step are copied from `from`. */
LOOP hold_lanes(real *to, const real *from, const real *by, int64_t count)
{
    for (int64_t i = 0; i < count; i += LANES)
        for (int k = 0; k < LANES; k++) to[i + k] = by[k] == 0 ? from[i + k] : to[i + k];
}

/* Lanes whose step was rejected stand, at its stages and at its end, where they stood at its start. */
static void stand_still(const Drive *d)
{
    int64_t stages = d->time->stages, first = d->slot * stages, sums = d->time->sums * LANES;
    for (int64_t e = first + (d->saved ? 1 : stages); e <= first + stages; e++) {
        hold_lanes(evaluation(d, e), evaluation(d, first), d->by, d->stride);
        if (d->sums_step) hold_lanes(sums_at(d, e), sums_at(d, first), d->by, sums);
    }
    hold_lanes(d->rates + stages * d->states, d->rates, d->by, d->states);
}

/* The rate at the end is the first of the next step. */
static void record(Drive *d, int64_t position)
{
    DnwrtRun *run = d->run;
    if (run->h) {
        scale((real *)run->h + run->accepted * LANES, d->by, 1, LANES);
        run->position[run->accepted] = position;
    }
    scale(d->rates, d->rates + d->time->stages * d->states, 1, d->states);
    run->accepted++, d->slot++;
}

/* Through one position; a lane begins with the step that the last one suggested. */
static void flow(Drive *d, int64_t position)
{
    const DnwrtTime *time = d->time;
    DnwrtRun *run = d->run;
    double error[LANES], *step = run->pace.step;
    begin_pace(&run->pace, time->start, 1);
    begin_step(d, run->accepted);
    move(d, d->slot * time->stages, 0, position, d->rates);
    run->evaluations++;
    if (position == 0) first_steps(d, position);
    for (int k = 0; k < LANES; k++) step[k] = step[k] < time->min_step ? time->min_step : step[k];
    for (int64_t trying, accepted = 0; (trying = plan_steps(d)) != 0;) {
        if (accepted) begin_step(d, run->accepted);
        count_try(d, position);
        if (run->failure) return;
        try_step(d, position, error);
        accepted = judge(d, position, error);
        if (run->failure) return;
        if (accepted && accepted < trying) stand_still(d);
        if (accepted) record(d, position);
    }
}
#endif
