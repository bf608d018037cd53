/* ir_eval_adjoint.c: gradients of flows by the adjoint, solved back in time, in the reference interpreter, as
 * kernels/drive_adjoint.h does (Chen et al. 2018). Frame 0 of a step stands at its later end.
 */
#include "eval/ir_eval_adjoint.h"
#include "eval/ir_eval_time.h"
#include <math.h>

/* Adds up in `into`: states and adjoint at a stage, from the rates of those before it. */
static void adjoint_stage(GraphEval *e, int64_t step, int i, double h)
{
    const Time *t = &e->g->time;
    int64_t states = e->g->state_rows, first = step * t->stages;
    const double *factor = i == t->stages ? t->b : t->a[i];
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        const double *start = time_frame(s, first)->state;
        double *state = time_frame(s, first + i)->state, *adjoint = s->adjoint + i * states;
        for (int64_t n = 0; n < states; n++) {
            state[n] = start[n], adjoint[n] = s->d_state[n];
            for (int j = 0; j < i; j++) {
                state[n] -= h * factor[j] * s->rates[j * states + n];
                adjoint[n] += h * factor[j] * s->change[j * states + n];
            }
        }
        time_send(e, s, first + i);
    }
}

/* The rates of the states, and of the adjoint, at a stage; gradients of weights are left alone. */
static void adjoint_rates(GraphEval *e, int64_t frame, int i)
{
    int64_t states = e->g->state_rows;
    double *gradient = e->gradient;
    Moment m = {frame, 0, frame};
    time_evaluate(e, m, i);
    e->gradient = NULL;
    for (int64_t k = 0; k < e->count; k++)
        memcpy(e->at[k].d_rate, e->at[k].adjoint + i * states, (size_t)states * sizeof(double));
    double **d_input = NEW_ARRAY(e->arena, double *, (size_t)e->count + 1);
    for (int64_t k = 0; k < e->count; k++) d_input[k] = e->at[k].d_input, e->at[k].d_input = NULL;
    time_evaluate_back(e, m, 0);
    for (int64_t k = 0; k < e->count; k++) {
        e->at[k].d_input = d_input[k];
        memcpy(e->at[k].change + i * states, e->at[k].d_stage, (size_t)states * sizeof(double));
    }
    e->gradient = gradient;
}

static void adjoint_step(GraphEval *e, int64_t step, double h, bool started)
{
    const Time *t = &e->g->time;
    int64_t first = step * t->stages;
    time_room(e, first + t->stages + 1);
    for (int64_t k = 0; k < e->count; k++)
        memcpy(e->at[k].adjoint, e->at[k].d_state, (size_t)e->g->state_rows * sizeof(double));
    if (!started) adjoint_rates(e, first, 0);
    for (int i = 1; i <= t->stages; i++) {
        adjoint_stage(e, step, i, h);
        if (i < t->stages || t->adaptive) adjoint_rates(e, first + i, i);
    }
}

/* The step is taken: gradients of weights and of a held input are integrated over it. */
static void adjoint_accept(GraphEval *e, int64_t step, double h)
{
    const Time *t = &e->g->time;
    int64_t states = e->g->state_rows;
    for (int i = 0; i < t->stages; i++) {
        if (t->b[i] == 0) continue;
        for (int64_t k = 0; k < e->count; k++)
            for (int64_t n = 0; n < states; n++)
                e->at[k].d_rate[n] = h * t->b[i] * e->at[k].adjoint[i * states + n];
        time_evaluate_back(e, (Moment){step * t->stages + i, 0, 0}, 0);
    }
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        int64_t last = t->stages * states;
        memcpy(s->d_state, s->adjoint + last, (size_t)states * sizeof(double));
        memcpy(s->rates, s->rates + last, (size_t)states * sizeof(double));
        memcpy(s->change, s->change + last, (size_t)states * sizeof(double));
    }
}

static double adjoint_error(const GraphEval *e, int64_t step, double h, double atol)
{
    const Time *t = &e->g->time;
    int64_t states = e->g->state_rows;
    double factor[MAX_TIME_STAGES + 1], sum = 0;
    for (int i = 0; i <= t->stages; i++) factor[i] = h * t->error[i];
    for (int64_t k = 0; k < e->count; k++) {
        const Sample *s = &e->at[k];
        const double *after = s->adjoint + t->stages * states;
        for (int64_t n = 0; n < states; n++) {
            double d = 0;
            for (int i = 0; i <= t->stages; i++) d += factor[i] * s->change[i * states + n];
            d /= atol + t->rtol * fmax(fabs(s->d_state[n]), fabs(after[n]));
            sum += d * d;
        }
    }
    double of_states = time_norm(e, step * t->stages, (step + 1) * t->stages, factor, t->stages + 1);
    sum /= (double)(e->count * states);
    return states ? sqrt((of_states * of_states + sum) / 2) : 0;
}

/* Root mean square of the adjoint at the end, in which its error is measured. */
static double adjoint_size(const GraphEval *e)
{
    double sum = 0;
    for (int64_t k = 0; k < e->count; k++)
        for (int64_t n = 0; n < e->g->state_rows; n++) sum += e->at[k].d_state[n] * e->at[k].d_state[n];
    return sum > 0 ? sqrt(sum / (double)(e->count * e->g->state_rows)) : 1;
}

/* From the states at the end, in frame 0, and the adjoint there; false: it cannot be done. */
static bool adjoint_flow(GraphEval *e, const EvalSteps *forward)
{
    const Time *t = &e->g->time;
    int64_t n = forward->length.count, step = 0;
    double span = t->end - t->start, gone = 0, atol = t->atol * adjoint_size(e), h = t->step;
    bool started = false, grow = true;
    if (t->adaptive && n == 0) return false;
    if (t->adaptive) h = fmax(forward->length.at[n - 1], n > 1 ? forward->length.at[n - 2] : 0);
    for (int64_t tries = 1; tries <= t->steps; tries++) {
        bool last = t->adaptive ? gone + 1.01 * h >= span : tries == t->steps;
        double now = t->adaptive && last ? span - gone : h;
        adjoint_step(e, step, now, started);
        started = t->adaptive;
        double error = t->adaptive ? adjoint_error(e, step, now, atol) : 0;
        double change = error == 0        ? 10
                        : isfinite(error) ? fmin(10, fmax(0.2, 0.9 * pow(error, -t->exponent)))
                                          : 0.2;
        if (error <= 1) {
            adjoint_accept(e, step, now);
            step++, gone += now;
            if (last) return true;
            if (t->adaptive) h = now * (grow ? change : fmin(change, 1));
            grow = true;
            continue;
        }
        h = now * (change < 1 ? change : 0.9), grow = false;
        if (h < t->min_step) return false;
    }
    return false;
}

bool adjoint_back(GraphEval *e, const EvalSteps *forward)
{
    const Graph *g = e->g;
    const NodeSet *in = &g->sets.at[g->input];
    size_t rates = (size_t)((g->time.stages + 1) * g->state_rows) + 1;
    int64_t end = forward->length.count * g->time.stages;
    time_output_back(e, 0, end);
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        Frame last = s->frames.at[end];
        s->frames.at = NULL, s->frames.count = s->frames.capacity = 0;
        vec_push(e->arena, &s->frames, last);
        s->rates = NEW_ARRAY(e->arena, double, rates);
        s->adjoint = NEW_ARRAY(e->arena, double, rates), s->change = NEW_ARRAY(e->arena, double, rates);
    }
    bool ok = adjoint_flow(e, forward);
    for (int64_t k = 0; k < e->count && in->states; k++)
        memcpy(e->at[k].d_input, e->at[k].d_state + set_state(in, 0, 0),
               (size_t)(in->size * in->state_pixels) * sizeof(double));
    return ok;
}
