/* ir_eval_adjoint.h: the part of ir_eval_timed.c that solves the adjoint, as kernels/drive_adjoint.h does;
 * step 0 is the one that ends at t1.
 */
#ifndef DNW_IR_EVAL_ADJOINT_H
#define DNW_IR_EVAL_ADJOINT_H

static void adjoint_rates(const TimedEval *t, int64_t step, int stage, int i)
{
    TimedEval quiet = *t;
    double *sums = NEW_ARRAY(t->arena, double, (size_t)t->g->sum_rows + 1);
    move_at(t, step, stage, 0, t->rates + i * t->states);
    memcpy(sums, sums_of(t, step, stage), (size_t)t->g->sum_rows * sizeof *sums);
    quiet.gradient = NULL;
    evaluation_back(&quiet, 0, 0, state_of(t, step, stage), sums, t->stage + i * t->states,
                    t->change + i * t->states);
}

static void adjoint_step(const TimedEval *t, int64_t step, double h, bool started)
{
    const Time *time = &t->g->time;
    int64_t ns = t->states;
    double *start = state_of(t, step, 0);
    memcpy(t->stage, t->d_state, (size_t)ns * sizeof *t->stage);
    if (!started) adjoint_rates(t, step, 0, 0);
    for (int i = 1; i <= time->stages; i++) {
        bool whole = i == time->stages;
        const double *factor = whole ? time->b : time->a[i];
        double *state = whole ? state_of(t, step + 1, 0) : state_of(t, step, i), *stage = t->stage + i * ns;
        for (int64_t n = 0; n < ns; n++) {
            state[n] = start[n], stage[n] = t->d_state[n];
            for (int j = 0; j < i; j++) {
                state[n] -= h * factor[j] * t->rates[j * ns + n];
                stage[n] += h * factor[j] * t->change[j * ns + n];
            }
        }
        send(t, state, state + ns);
        if (!whole) adjoint_rates(t, step, i, i);
        else if (time->adaptive) adjoint_rates(t, step + 1, 0, i);
    }
}

static void adjoint_accept(const TimedEval *t, int64_t step, double h)
{
    const Time *time = &t->g->time;
    int64_t ns = t->states, sums = t->g->sum_rows;
    double *d_rate = NEW_ARRAY(t->arena, double, (size_t)(2 * ns) + 1);
    t->d_sums[step] = NEW_ARRAY(t->arena, double, (size_t)(time->stages * sums) + 1);
    for (int i = 0; i < time->stages; i++) {
        for (int64_t n = 0; n < ns; n++) d_rate[n] = h * time->b[i] * t->stage[i * ns + n];
        if (time->b[i] == 0) continue;
        double *d = t->d_sums[step] + i * sums;
        memcpy(d, sums_of(t, step, i), (size_t)sums * sizeof *d);
        evaluation_back(t, 0, 0, state_of(t, step, i), d, d_rate, d_rate + ns);
    }
    memcpy(t->d_state, t->stage + time->stages * ns, (size_t)ns * sizeof(double));
    memcpy(t->rates, t->rates + time->stages * ns, (size_t)ns * sizeof(double));
    memcpy(t->change, t->change + time->stages * ns, (size_t)ns * sizeof(double));
}

static double adjoint_error(const Group *u, int64_t step, double h, double atol)
{
    const Time *time = &u->at->g->time;
    double factor[MAX_STAGES + 1], sum = 0;
    for (int i = 0; i <= time->stages; i++) factor[i] = h * time->error[i];
    for (int64_t s = 0; s < u->count; s++) {
        const TimedEval *t = &u->at[s];
        const double *after = t->stage + time->stages * t->states;
        for (int64_t n = 0; n < t->states; n++) {
            double e = 0;
            for (int i = 0; i <= time->stages; i++) e += factor[i] * t->change[i * t->states + n];
            e /= atol + time->rtol * fmax(fabs(t->d_state[n]), fabs(after[n]));
            sum += e * e;
        }
    }
    double states = norm(u, step, factor, time->stages + 1, true);
    sum /= (double)(u->count * u->at->states);
    return u->at->states ? sqrt((states * states + sum) / 2) : 0;
}

/* Root mean square of the adjoint at t1, in which its error is measured. */
static double adjoint_size(const Group *u)
{
    double sum = 0;
    for (int64_t s = 0; s < u->count; s++)
        for (int64_t n = 0; n < u->at->states; n++) sum += u->at[s].d_state[n] * u->at[s].d_state[n];
    return sum > 0 ? sqrt(sum / (double)(u->count * u->at->states)) : 1;
}

/* From the states at t1 (in block 0) and the adjoint there; false: it cannot be done. */
static bool adjoint_flow(Group *u, const EvalSteps *forward)
{
    const Time *time = &u->at->g->time;
    int64_t n = forward->length.count, step = 0;
    double span = time->end - time->start, gone = 0, atol = time->atol * adjoint_size(u), h = time->step;
    bool started = false, grow = true;
    if (time->adaptive && n == 0) return false;
    if (time->adaptive) h = fmax(forward->length.at[n - 1], n > 1 ? forward->length.at[n - 2] : 0);
    for (int64_t tries = 1; tries <= time->steps; tries++) {
        bool last = time->adaptive ? gone + 1.01 * h >= span : tries == time->steps;
        double now = time->adaptive && last ? span - gone : h;
        make_room(u, step);
        for (int64_t s = 0; s < u->count; s++) adjoint_step(&u->at[s], step, now, started);
        started = time->adaptive;
        double e = time->adaptive ? adjoint_error(u, step, now, atol) : 0;
        double change = e == 0 ? 10 : isfinite(e) ? fmin(10, fmax(0.2, 0.9 * pow(e, -time->exponent))) : 0.2;
        if (e <= 1) {
            for (int64_t s = 0; s < u->count; s++) adjoint_accept(&u->at[s], step, now);
            record(u, 0, now);
            step++, gone += now;
            if (last) return true;
            if (time->adaptive) h = now * (grow ? change : fmin(change, 1));
            grow = true;
            continue;
        }
        h = now * (change < 1 ? change : 0.9), grow = false;
        if (h < time->min_step) return false;
    }
    return false;
}

/* A sample of wired_back by the adjoint, at t1. */
static TimedEval adjoint_of_sample(Arena *a, Eval *e, const Value *v, const EvalContext *c, int64_t sample)
{
    const Time *time = &v->graph->time;
    const TimedTrace *trace = e->trace[v->id];
    TimedEval t = eval_of_sample(a, e, v->args[0], c, sample);
    const double *dy = e->value[v->args[1]->id] + sample * shape_size(v->args[1]->shape);
    double *state = state_of(&t, t.steps->length.count, 0);
    size_t rates = (size_t)((time->stages + 1) * t.states) + 1;
    t.d_state = trace->first + sample * t.states, t.gradient = trace->gradient;
    t.d_sums = trace->block[sample] = NEW_ARRAY(a, double *, (size_t)time->steps + 1);
    output_back(&t, dy, 0, t.steps->length.count, t.d_state);
    t.rates = NEW_ARRAY(a, double, rates);
    t.stage = NEW_ARRAY(a, double, rates), t.change = NEW_ARRAY(a, double, rates);
    t.block = NEW_ARRAY(a, double *, 1);
    t.block[0] = NEW_ARRAY(a, double, (size_t)(time->stages * (t.stride + v->graph->sum_rows)) + 1);
    memcpy(t.block[0], state, (size_t)t.stride * sizeof *state);
    return t;
}

static void eval_adjoint(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    TimedTrace *trace = e->trace[v->id];
    trace->back = NEW_ARRAY(a, double **, (size_t)c->batch + 1);
    int64_t lanes = c->model->lanes;
    trace->steps = NEW_ARRAY(a, EvalSteps, (size_t)(c->batch / lanes + 1));
    for (int64_t first = 0; first < c->batch; first += lanes) {
        TimedEval all[MAX_LANES];
        const EvalSteps *forward = &e->trace[v->args[0]->id]->steps[first / lanes];
        Group u = {all, c->batch - first < lanes ? c->batch - first : lanes, 1, &trace->steps[first / lanes],
                   a};
        for (int64_t s = 0; s < u.count; s++) all[s] = adjoint_of_sample(a, e, v, c, first + s);
        if (!adjoint_flow(&u, forward)) trace->gradient[0] = NAN; /* where a program would stop */
        for (int64_t s = 0; s < u.count; s++) trace->back[first + s] = all[s].block;
    }
}
#endif
