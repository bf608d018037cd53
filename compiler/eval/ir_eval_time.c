/* ir_eval_time.c: graphs in time in the reference interpreter: which evaluation comes next. See timed.h. */
#include "eval/ir_eval_time.h"
#include <math.h>

/* ---- states ---- */

Frame *time_frame(Sample *s, int64_t frame)
{
    return &s->frames.at[frame];
}

void time_room(GraphEval *e, int64_t frames)
{
    const Graph *g = e->g;
    for (int64_t i = 0; i < e->count; i++)
        while (e->at[i].frames.count < frames) {
            Frame f = {.state = NEW_ARRAY(e->arena, double, (size_t)g->state_rows + 1),
                       .value = NEW_ARRAY(e->arena, double, (size_t)g->rows + 1),
                       .sum = NEW_ARRAY(e->arena, double, (size_t)g->sum_rows + 1)};
            vec_push(e->arena, &e->at[i].frames, f);
        }
}

static void start_states(const Graph *g, Sample *s)
{
    for (int i = 0; i < g->sets.count; i++)
        for (int k = 0; k < g->sets.at[i].states; k++) {
            const NodeSet *set = &g->sets.at[i];
            for (int64_t n = 0; n < set->size * set->state_pixels; n++)
                s->frames.at[0].state[set_state(set, k, 0) + n] =
                    i == g->input && k == 0 ? s->input[n] : set->start[k];
        }
}

/* Arguments of what a node sends or shows. */
static void load_states(const NodeSet *s, int64_t node, const Frame *f, const double **args)
{
    memset(args, 0, SLOTS * sizeof *args);
    for (int k = 0; k < s->states; k++) args[SLOT_STATE + k] = f->state + set_state(s, k, node);
}

void time_send(GraphEval *e, Sample *sample, int64_t frame)
{
    const double *args[SLOTS];
    Frame *f = time_frame(sample, frame);
    for (int i = 0; i < e->g->sets.count; i++) {
        const NodeSet *s = &e->g->sets.at[i];
        for (int64_t n = 0; n < s->size && s->states; n++) {
            load_states(s, n, f, args);
            eval_cell(&e->send[i].forward, args, e->c->param, n);
            memcpy(f->value + set_value(s, n), cell_result(&e->send[i].forward, 0),
                   (size_t)s->value_pixels * sizeof(double));
        }
    }
}

/* Adds the gradient d of what a node sends, or shows, to that of its states. */
static void send_back(GraphEval *e, CellRoom *r, NodeAt n, const Frame *f, const double *d, double *d_state)
{
    const NodeSet *s = &e->g->sets.at[n.set];
    const double *args[SLOTS];
    load_states(s, n.node, f, args);
    args[SLOT_D] = d;
    eval_cell(&r->back, args, e->c->param, n.node);
    for (int k = 0; k < s->states; k++)
        for (int64_t p = 0; p < s->state_pixels; p++)
            d_state[set_state(s, k, n.node) + p] += cell_result(&r->back, r->fn->gradient[SLOT_STATE + k])[p];
    for (int i = 0; i < r->fn->weights.count && e->gradient; i++) {
        const Value *w = r->fn->weights.at[i];
        int64_t element = (w->param->shared ? 0 : n.node * w->param->components) + w->index;
        e->gradient[w->param->offset + element] += *cell_result(&r->back, r->fn->first_weight + i);
    }
}

static void all_sent_back(GraphEval *e, Sample *s, int64_t frame, double *d_state)
{
    for (int i = 0; i < e->g->sets.count; i++)
        for (int64_t n = 0; n < e->g->sets.at[i].size && e->g->sets.at[i].states; n++)
            send_back(e, &e->send[i], (NodeAt){i, n}, time_frame(s, frame),
                      s->d_value + set_value(&e->g->sets.at[i], n), d_state);
}

static void clear_values(const GraphEval *e, Sample *s)
{
    memset(s->d_value, 0, (size_t)e->g->rows * sizeof *s->d_value);
}

/* ---- evaluations of all moving nodes ---- */

void time_evaluate(GraphEval *e, Moment m, int stage)
{
    for (int i = 0; i < e->g->sets.count; i++)
        for (int64_t n = 0; n < e->g->sets.at[i].size && e->g->sets.at[i].states; n++)
            graph_node(e, m, stage, (NodeAt){i, n});
}

void time_evaluate_back(GraphEval *e, Moment m, int stage)
{
    for (int64_t s = 0; s < e->count; s++) clear_values(e, &e->at[s]);
    for (int i = 0; i < e->g->sets.count; i++)
        for (int64_t n = 0; n < e->g->sets.at[i].size && e->g->sets.at[i].states; n++)
            graph_node_back(e, m, stage, (NodeAt){i, n});
    for (int64_t s = 0; s < e->count; s++) all_sent_back(e, &e->at[s], m.frame, e->at[s].d_stage);
}

/* ---- the output at the end of a position ---- */

static void show(GraphEval *e, int64_t position, int64_t frame)
{
    const NodeSet *out = &e->g->sets.at[e->g->output];
    CellRoom *r = &e->show[e->g->output];
    const double *args[SLOTS];
    for (int64_t s = 0; s < e->count; s++)
        for (int64_t n = 0; n < out->size; n++) {
            double *y = e->at[s].output + position * set_rows(out) + n * out->value_pixels;
            if (out->outside) {
                graph_sum(e, &e->at[s], (Moment){frame, position, 0}, (NodeAt){e->g->output, n}, y);
                continue;
            }
            load_states(out, n, time_frame(&e->at[s], frame), args);
            eval_cell(&r->forward, args, e->c->param, n);
            memcpy(y, cell_result(&r->forward, 0), (size_t)out->value_pixels * sizeof *y);
        }
}

void time_output_back(GraphEval *e, int64_t position, int64_t frame)
{
    const NodeSet *out = &e->g->sets.at[e->g->output];
    for (int64_t i = 0; i < e->count; i++) {
        Sample *s = &e->at[i];
        const double *d = s->d_output + position * set_rows(out);
        clear_values(e, s);
        for (int64_t n = 0; n < out->size; n++) {
            NodeAt at = {e->g->output, n};
            if (out->outside) graph_sum_back(e, s, (Moment){frame, position, 0}, at, d + n * out->pixels);
            else
                send_back(e, &e->show[e->g->output], at, time_frame(s, frame), d + n * out->value_pixels,
                          s->d_state);
        }
        if (out->outside) all_sent_back(e, s, frame, s->d_state);
    }
}

/* ---- steps: an explicit Runge-Kutta scheme ---- */

/* Steps have `stages` frames; the states after a step stand in the first frame of the next. */
static Moment moment_of(const GraphEval *e, int64_t step, int stage, int64_t position)
{
    int64_t frame = step * e->g->time.stages + stage;
    return (Moment){frame, position, frame};
}

/* What stands, and is sent, at stage `i` of a step; i = stages: after it. */
static void begin_stage(GraphEval *e, int64_t step, int i, double h)
{
    const Time *t = &e->g->time;
    int64_t first = step * t->stages, states = e->g->state_rows;
    bool end = i == t->stages;
    const double *factor = end ? t->b : t->a[i], carry = end ? t->carry : 1;
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        const double *start = time_frame(s, first)->state;
        double *state = time_frame(s, first + i)->state;
        for (int64_t n = 0; n < states; n++) {
            state[n] = carry == 0 ? 0 : carry * start[n];
            for (int j = 0; j < i; j++) state[n] += h * factor[j] * s->rates[j * states + n];
        }
        time_send(e, s, first + i);
    }
}

/* `started`: its first rate is there. */
static void take_step(GraphEval *e, int64_t step, int64_t position, double h, bool started)
{
    int stages = e->g->time.stages;
    time_room(e, (step + 1) * stages + 1);
    for (int i = started ? 1 : 0; i < stages; i++) {
        if (i > 0) begin_stage(e, step, i, h);
        time_evaluate(e, moment_of(e, step, i, position), i);
    }
    begin_stage(e, step, stages, h);
}

static void record(GraphEval *e, int64_t position, double h)
{
    Arena *a = e->c->steps ? e->c->arena : e->arena;
    vec_push(a, &e->steps->length, h);
    vec_push(a, &e->steps->position, position);
}

/* ---- steps of chosen length, sample by sample, as in kernels/drive_chosen.h ---- */

double time_norm(const GraphEval *e, int64_t a, int64_t b, const double *factor, int count)
{
    const Time *t = &e->g->time;
    int64_t states = e->g->state_rows;
    double sum = 0;
    for (int64_t k = 0; k < e->count; k++) {
        const Sample *s = &e->at[k];
        const double *x = s->frames.at[a].state, *y = s->frames.at[b].state;
        for (int64_t n = 0; n < states; n++) {
            double d = factor ? 0 : x[n];
            for (int i = 0; i < count; i++) d += factor[i] * s->rates[i * states + n];
            d /= t->atol + t->rtol * fmax(fabs(x[n]), fabs(y[n]));
            sum += d * d;
        }
    }
    return states ? sqrt(sum / (double)(e->count * states)) : 0;
}

static double first_step(GraphEval *e, int64_t step, int64_t position, double span)
{
    int64_t at = step * e->g->time.stages;
    double one = 1, least = 1e-4 * span, d0 = time_norm(e, at, at, NULL, 0),
           d1 = time_norm(e, at, at, &one, 1);
    double h = fmin(span, d0 < 1e-5 || d1 < 1e-5 ? least : 0.01 * d0 / d1);
    time_room(e, at + 2);
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        for (int64_t n = 0; n < e->g->state_rows; n++)
            time_frame(s, at + 1)->state[n] = time_frame(s, at)->state[n] + h * s->rates[n];
        time_send(e, s, at + 1);
    }
    time_evaluate(e, moment_of(e, step, 1, position), 1);
    double change[2] = {-1 / h, 1 / h}, most = fmax(d1, time_norm(e, at, at, change, 2));
    return fmin(100 * h, most <= 1e-15 ? fmax(least, 1e-3 * h) : pow(0.01 / most, e->g->time.exponent));
}

/* A step and its error by the tolerance. */
static double try_step(GraphEval *e, int64_t step, int64_t position, double h)
{
    const Time *t = &e->g->time;
    double factor[MAX_TIME_STAGES + 1];
    take_step(e, step, position, h, true);
    time_evaluate(e, moment_of(e, step + 1, 0, position), t->stages);
    for (int i = 0; i <= t->stages; i++) factor[i] = h * t->error[i];
    return time_norm(e, step * t->stages, (step + 1) * t->stages, factor, t->stages + 1);
}

/* Factor of the next step's length, by the error of this one. */
static double step_change(const Time *t, double error)
{
    if (error == 0) return 10;
    return isfinite(error) ? fmin(10, fmax(0.2, 0.9 * pow(error, -t->exponent))) : 0.2;
}

/* Through one position; false: it cannot be done. */
static bool flow(GraphEval *e, int64_t position, double *length)
{
    const Time *time = &e->g->time;
    double span = time->end - time->start, t = 0, h = *length;
    int64_t step = e->steps->length.count, states = e->g->state_rows;
    bool grow = true;
    time_evaluate(e, moment_of(e, step, 0, position), 0);
    if (h == 0) h = first_step(e, step, position, span);
    h = fmax(h, time->min_step);
    for (int64_t tries = 0; t < span; tries++) {
        if (tries == time->steps) return false;
        bool last = t + 1.01 * h >= span;
        double now = last ? span - t : h, error = try_step(e, step, position, now),
               change = step_change(time, error);
        if (error <= 1) {
            record(e, position, now);
            step++, t = last ? span : t + now;
            for (int64_t s = 0; s < e->count; s++)
                memcpy(e->at[s].rates, e->at[s].rates + time->stages * states,
                       (size_t)states * sizeof(double));
            double next = now * (grow ? change : fmin(change, 1));
            h = last && next < h ? h : next, grow = true;
            continue;
        }
        h = now * (change < 1 ? change : 0.9), grow = false;
        if (h < time->min_step) return false;
    }
    *length = h;
    return true;
}

/* ---- forwards and back ---- */

bool time_forward(GraphEval *e)
{
    const Time *t = &e->g->time;
    bool known = e->steps->known, ok = true;
    double h = 0;
    time_room(e, 1);
    for (int64_t i = 0; i < e->count; i++) {
        Sample *s = &e->at[i];
        s->rates = NEW_ARRAY(e->arena, double, (size_t)((t->stages + 1) * e->g->state_rows) + 1);
        start_states(e->g, s);
        time_send(e, s, 0);
    }
    for (int64_t p = 0, step = 0; p < t->positions; p++) {
        if (!known && t->adaptive) ok = ok && flow(e, p, &h);
        for (int64_t i = 0; i < t->steps && !known && !t->adaptive; i++) record(e, p, t->step);
        for (; step < e->steps->length.count && e->steps->position.at[step] == p; step++)
            if (known || !t->adaptive) take_step(e, step, p, e->steps->length.at[step], false);
        show(e, p, step * t->stages);
    }
    return ok;
}

/* From the gradient of the states after a step: of those before it, of the rates. */
static void begin_step_back(GraphEval *e, double h)
{
    const Time *t = &e->g->time;
    int64_t states = e->g->state_rows;
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        for (int64_t n = 0; n < states; n++) {
            s->d_start[n] = t->carry == 0 ? 0 : t->carry * s->d_state[n];
            for (int i = 0; i < t->stages; i++) s->d_rate[i * states + n] = h * t->b[i] * s->d_state[n];
        }
    }
}

/* What goes back through a stage reaches the rates before it and the start of the step. */
static void stage_back(GraphEval *e, Moment m, int stage, double h)
{
    int64_t states = e->g->state_rows;
    time_evaluate_back(e, m, stage);
    for (int64_t k = 0; k < e->count; k++) {
        Sample *s = &e->at[k];
        for (int64_t n = 0; n < states; n++) {
            s->d_start[n] += s->d_stage[n];
            for (int j = 0; j < stage; j++)
                s->d_rate[j * states + n] += h * e->g->time.a[stage][j] * s->d_stage[n];
        }
    }
}

static void leave_step(GraphEval *e, int64_t step)
{
    const EvalSteps *steps = e->steps;
    int64_t p = steps->position.at[step], truncate = e->g->time.truncate;
    bool cut = step > 0 && steps->position.at[step - 1] != p && truncate && p % truncate == 0;
    for (int64_t k = 0; k < e->count; k++)
        for (int64_t n = 0; n < e->g->state_rows; n++) e->at[k].d_state[n] = cut ? 0 : e->at[k].d_start[n];
}

/* The states before the first step: those of a moving input start at the input. */
static void start_back(GraphEval *e)
{
    const NodeSet *in = &e->g->sets.at[e->g->input];
    for (int64_t k = 0; k < e->count && in->states; k++)
        memcpy(e->at[k].d_input, e->at[k].d_state + set_state(in, 0, 0),
               (size_t)(in->size * in->state_pixels) * sizeof(double));
}

void time_back(GraphEval *e)
{
    const EvalSteps *steps = e->steps;
    int stages = e->g->time.stages;
    for (int64_t step = steps->length.count - 1; step >= 0; step--) {
        int64_t p = steps->position.at[step];
        double h = steps->length.at[step];
        if (step + 1 == steps->length.count || steps->position.at[step + 1] != p)
            time_output_back(e, p, (step + 1) * stages);
        begin_step_back(e, h);
        for (int i = stages - 1; i >= 0; i--) stage_back(e, moment_of(e, step, i, p), i, h);
        leave_step(e, step);
    }
    start_back(e);
}
