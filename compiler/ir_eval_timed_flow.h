/* ir_eval_timed_flow.h: included by ir_eval_timed.c: steps of chosen length, as in kernels/drive.c. */

/* Root mean square over samples and states of (sum over i of factor_i K_i, or the states) by the tolerance at
 * states a and b of the step. */
static double norm(const Group *u, int64_t step, const double *factor, int count, bool whole_step)
{
    const Time *time = &u->at->g->time;
    double sum = 0;
    for (int64_t s = 0; s < u->count; s++) {
        const TimedEval *t = &u->at[s];
        const double *a = state_of(t, step, 0), *b = whole_step ? state_of(t, step + 1, 0) : a;
        for (int64_t n = 0; n < t->states; n++) {
            double e = factor ? 0 : a[n];
            for (int i = 0; i < count; i++) e += factor[i] * t->rates[i * t->states + n];
            e /= time->atol + time->rtol * fmax(fabs(a[n]), fabs(b[n]));
            sum += e * e;
        }
    }
    return u->at->states ? sqrt(sum / (double)(u->count * u->at->states)) : 0;
}

static double first_step(Group *u, int64_t step, int64_t position, double span)
{
    double one = 1, least = 1e-4 * span, d0 = norm(u, step, NULL, 0, false),
           d1 = norm(u, step, &one, 1, false);
    double h = fmin(span, d0 < 1e-5 || d1 < 1e-5 ? least : 0.01 * d0 / d1);
    for (int64_t s = 0; s < u->count; s++) {
        TimedEval *t = &u->at[s];
        double *start = state_of(t, step, 0), *state = state_of(t, step, 1);
        for (int64_t n = 0; n < t->states; n++) state[n] = start[n] + h * t->rates[n];
        send(t, state, state + t->states);
        move_at(t, step, 1, position, t->rates + t->states);
    }
    double change[2] = {-1 / h, 1 / h}, most = fmax(d1, norm(u, step, change, 2, false));
    return fmin(100 * h, most <= 1e-15 ? fmax(least, 1e-3 * h) : pow(0.01 / most, u->at->g->time.exponent));
}

/* A step and its error by the tolerance. */
static double try_step(Group *u, int64_t step, int64_t position, double h)
{
    const Time *time = &u->at->g->time;
    double factor[MAX_STAGES + 1];
    steps_of_group(u, step, position, h, true);
    for (int64_t s = 0; s < u->count; s++)
        move_at(&u->at[s], step + 1, 0, position, u->at[s].rates + time->stages * u->at[s].states);
    for (int i = 0; i <= time->stages; i++) factor[i] = h * time->error[i];
    return norm(u, step, factor, time->stages + 1, true);
}

/* Through one position; false: it cannot be done. */
static bool flow(Group *u, int64_t position, double *length)
{
    const Time *time = &u->at->g->time;
    double span = time->end - time->start, t = 0, h = *length;
    int64_t step = u->steps->length.count;
    bool grow = true;
    make_room(u, step);
    for (int64_t s = 0; s < u->count; s++) move_at(&u->at[s], step, 0, position, u->at[s].rates);
    if (h == 0) h = first_step(u, step, position, span);
    h = fmax(h, time->min_step);
    for (int64_t tries = 0; t < span; tries++) {
        if (tries == time->steps) return false;
        bool last = t + 1.01 * h >= span;
        double now = last ? span - t : h, e = try_step(u, step, position, now);
        double change = e == 0 ? 10 : isfinite(e) ? fmin(10, fmax(0.2, 0.9 * pow(e, -time->exponent))) : 0.2;
        if (e <= 1) {
            record(u, position, now);
            step++;
            t = last ? span : t + now;
            for (int64_t s = 0; s < u->count; s++)
                memcpy(u->at[s].rates, u->at[s].rates + time->stages * u->at[s].states,
                       (size_t)u->at[s].states * sizeof(double));
            double next = now * (grow ? change : fmin(change, 1));
            h = last && next < h ? h : next;
            grow = true;
            continue;
        }
        h = now * (change < 1 ? change : 0.9);
        grow = false;
        if (h < time->min_step) return false;
    }
    *length = h;
    return true;
}
