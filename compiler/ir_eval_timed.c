/* ir_eval_timed.c: graphs in time in the reference interpreter. See timed.h; the rows of a sample stand as
 * there. */
#include "ir_eval_timed.h"
#include "kernels/kernel.h"
#include <math.h>

/* What one pass left, by sample and step: of `wired` states and sent values of all evaluations, then their
 * sums; of `wired_back` the gradients of those sums. */
typedef struct TimedTrace {
    EvalSteps *steps; /* by group of samples */
    double ***block;
    double ***back;   /* of wired_back by the adjoint: its own evaluations */
    double *first;    /* (batch, states): gradients before the first step */
    double *gradient; /* of all parameters, over samples */
} TimedTrace;

/* Arguments of node functions: the sum, the states, gradients; the slope, which lanes hold a sample. */
typedef const double *Args[3 + 2 * MAX_STATES];

/* The slope of a node stands behind the sums of its set. */
static void load_slope(const NodeSet *s, int64_t node, const double *sums, Args args)
{
    if (s->slope) args[1 + 2 * s->states] = sums + set_sum(s, node) + s->size;
}

static void load_states(const NodeSet *s, int64_t node, const double *state, Args args)
{
    for (int k = 0; k < s->states; k++) args[1 + k] = state + set_state(s, k, node);
}

static void send(const TimedEval *t, const double *state, double *sent)
{
    Args args = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->send);
        for (int64_t n = 0; n < s->size; n++) {
            load_states(s, n, state, args);
            eval_cell(&cell, args, t->c->param, n);
            memcpy(sent + set_value(s, n), cell_result(&cell, 0), (size_t)s->value_pixels * sizeof *sent);
        }
    }
}

static void sum_all(const TimedEval *t, Moment at, double *sums)
{
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        for (int64_t n = 0; n < s->size && s->states; n++) timed_sum_into(t, i, n, at, sums + set_sum(s, n));
    }
}

/* The statistics of a node at an evaluation as its functions number them. */
static void know(const TimedEval *t, const NodeSet *s, int64_t node, int64_t evaluation, double *known)
{
    for (int i = 0; i < 4 * s->norms.count; i++) {
        const Norm *n = &s->norms.at[i / 4];
        const double *all = i % 4 < 2 ? t->statistics : t->d_statistics;
        known[i] = all ? all[norm_at(n, i, evaluation) + node] : 0;
    }
}

/* From the sums. */
static void move(const TimedEval *t, const double *state, const double *sums, int64_t evaluation,
                 double *rate)
{
    double known[4 * MOST_NORMS];
    Args args = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->move);
        cell.statistics = known;
        for (int64_t n = 0; n < s->size; n++) {
            args[0] = sums + set_sum(s, n);
            load_states(s, n, state, args);
            load_slope(s, n, sums, args);
            know(t, s, n, evaluation, known);
            eval_cell(&cell, args, t->c->param, n);
            for (int k = 0; k < s->states; k++)
                memcpy(rate + set_state(s, k, n), cell_result(&cell, k),
                       (size_t)s->state_pixels * sizeof *rate);
        }
    }
}

static void start_states(const TimedEval *t, double *state)
{
    for (int i = 0; i < t->g->sets.count; i++)
        for (int k = 0; k < t->g->sets.at[i].states; k++) {
            const NodeSet *s = &t->g->sets.at[i];
            for (int64_t n = 0; n < s->size * s->state_pixels; n++)
                state[set_state(s, k, 0) + n] = s->role == 0 && k == 0 ? t->input[n] : s->start[k];
        }
}

/* ---- steps ---- */

static double *state_of(const TimedEval *t, int64_t step, int stage)
{
    return t->block[step] + stage * t->stride;
}

static double *sums_of(const TimedEval *t, int64_t step, int stage)
{
    return t->block[step] + t->g->time.stages * t->stride + stage * t->g->sum_rows;
}

static int64_t number_of(const TimedEval *t, int64_t step, int stage)
{
    return step * t->g->time.stages + stage;
}

static void move_at(const TimedEval *t, int64_t step, int stage, int64_t position, double *rate)
{
    double *state = state_of(t, step, stage), *sums = sums_of(t, step, stage);
    sum_all(t, (Moment){state + t->states, position, number_of(t, step, stage)}, sums);
    move(t, state, sums, number_of(t, step, stage), rate);
}

/* What stands, and is sent, at stage i > 0, from the rates of those before it. */
static void begin_stage(const TimedEval *t, int64_t step, int i, double h)
{
    double *start = state_of(t, step, 0), *state = state_of(t, step, i);
    for (int64_t n = 0; n < t->states; n++) {
        state[n] = start[n];
        for (int j = 0; j < i; j++) state[n] += h * t->g->time.a[i][j] * t->rates[j * t->states + n];
    }
    send(t, state, state + t->states);
}

/* What stands, and is sent, after the step. */
static void end_step(const TimedEval *t, int64_t step, double h)
{
    const Time *time = &t->g->time;
    int64_t ns = t->states;
    double *start = state_of(t, step, 0), *next = state_of(t, step + 1, 0);
    for (int64_t n = 0; n < ns; n++) {
        next[n] = time->carry == 0 ? 0 : time->carry * start[n];
        for (int i = 0; i < time->stages; i++) next[n] += h * time->b[i] * t->rates[i * ns + n];
    }
    send(t, next, next + ns);
}

/* Step number `step` of one sample; `started`: its first rate is there. */
static void take_step(const TimedEval *t, int64_t step, int64_t position, double h, bool started)
{
    for (int i = started ? 1 : 0; i < t->g->time.stages; i++) {
        if (i > 0) begin_stage(t, step, i, h);
        move_at(t, step, i, position, t->rates + i * t->states);
    }
    end_step(t, step, h);
}

/* The samples of a tile, which choose their steps together. */
typedef struct Group {
    TimedEval *at;
    int64_t count, blocks; /* samples; steps that there is room for */
    EvalSteps *steps;
    Arena *steps_arena;
} Group;

/* Room for the step `step` and the states after it. */
static void make_room(Group *u, int64_t step)
{
    const Graph *g = u->at->g;
    int64_t size = (int64_t)g->time.stages * (u->at->stride + g->sum_rows);
    for (int64_t s = 0; s < u->count && step + 2 > u->blocks; s++) {
        TimedEval *t = &u->at[s];
        double **more = NEW_ARRAY(t->arena, double *, (size_t)(2 * step + 4));
        for (int64_t i = 0; i < 2 * step + 4; i++)
            more[i] = i < u->blocks ? t->block[i] : NEW_ARRAY(t->arena, double, (size_t)size + 1);
        t->block = more;
    }
    if (step + 2 > u->blocks) u->blocks = 2 * step + 4;
}

static void steps_of_group(Group *u, int64_t step, int64_t position, double h, bool started)
{
    make_room(u, step);
    for (int64_t s = 0; s < u->count; s++) take_step(&u->at[s], step, position, h, started);
}

static void record(Group *u, int64_t position, double h)
{
    vec_push(u->steps_arena, &u->steps->length, h);
    vec_push(u->steps_arena, &u->steps->position, position);
}

#include "ir_eval_timed_flow.h"

/* ---- forward ---- */

/* The output at one position, from what is sent, or the states, at the start of a step. */
static void show(const TimedEval *t, int64_t position, int64_t step)
{
    const NodeSet *out = &t->g->sets.at[t->g->output];
    const double *state = state_of(t, step, 0), *sent = state + t->states;
    Cell cell = out->states ? cell_new(t->arena, out->show) : (Cell){0};
    Args args = {0};
    for (int64_t n = 0; n < out->size; n++) {
        double *y = t->value + position * set_rows(out) + n * out->value_pixels;
        if (!out->states) {
            timed_sum_into(t, t->g->output, n, (Moment){sent, position, 0}, y);
            continue;
        }
        load_states(out, n, state, args);
        eval_cell(&cell, args, t->c->param, n);
        memcpy(y, cell_result(&cell, 0), (size_t)out->value_pixels * sizeof *y);
    }
}

static void forward(Group *u)
{
    const Time *time = &u->at->g->time;
    bool known = u->steps->known, ok = true;
    double h = 0;
    make_room(u, 0);
    for (int64_t s = 0; s < u->count; s++) {
        TimedEval *t = &u->at[s];
        t->rates = NEW_ARRAY(t->arena, double, (size_t)((time->stages + 1) * t->states) + 1);
        start_states(t, t->block[0]);
        send(t, t->block[0], t->block[0] + t->states);
    }
    for (int64_t p = 0, step = 0; p < time->positions; p++) {
        if (!known && time->adaptive) ok = ok && flow(u, p, &h);
        for (int64_t i = 0; i < time->steps && !known && !time->adaptive; i++) record(u, p, time->step);
        for (; step < u->steps->length.count && u->steps->position.at[step] == p; step++)
            if (known || !time->adaptive) steps_of_group(u, step, p, u->steps->length.at[step], false);
        for (int64_t s = 0; s < u->count; s++) show(&u->at[s], p, step);
    }
    for (int64_t s = 0; s < u->count && !ok; s++) /* where a program would stop */
        u->at[s].value[0] = NAN;
}

/* ---- backward ---- */

static void add_weights(const TimedEval *t, const Func *forward_function, const Cell *back, int first,
                        int64_t node)
{
    for (int i = 0; i < forward_function->values.count; i++) {
        const Value *w = forward_function->values.at[i];
        if (w->op != IR_WEIGHT || !t->gradient) continue;
        t->gradient[w->param->offset + (w->param->shared ? 0 : node * w->param->components) + w->index] +=
            *cell_result(back, first++);
    }
}

/* Adds the gradient of what the node sends (or shows) to its states' gradients. */
static void send_back(const TimedEval *t, const NodeSet *s, bool shown, int64_t node, const double *state,
                      const double *d_sent, double *d_state)
{
    Args args = {0};
    Cell cell = cell_new(t->arena, shown ? s->show_back : s->send_back);
    load_states(s, node, state, args);
    args[1 + s->states] = d_sent;
    eval_cell(&cell, args, t->c->param, node);
    for (int k = 0; k < s->states; k++)
        for (int64_t p = 0; p < s->state_pixels; p++)
            d_state[set_state(s, k, node) + p] += cell_result(&cell, k)[p];
    add_weights(t, shown ? s->show : s->send, &cell, s->states, node);
}

/* Arguments of gradients of `move`. */
static void load_gradients(const NodeSet *s, int64_t node, const double *state, const double *sums,
                           const double *d_rate, Args args)
{
    static const double valid = 1;
    args[0] = sums + set_sum(s, node);
    load_states(s, node, state, args);
    for (int k = 0; k < s->states; k++) args[1 + s->states + k] = d_rate + set_state(s, k, node);
    load_slope(s, node, sums, args);
    if (s->norms.count) args[1 + 2 * s->states + s->slope] = &valid;
}

/* Gradient of `move` of one node: its sum becomes its gradient, those of its states are filled. */
static void move_back(const TimedEval *t, const NodeSet *s, const Cell *cell, int64_t node,
                      const double *state, double *sums, const double *d_rate, double *d_state)
{
    Args args = {0};
    load_gradients(s, node, state, sums, d_rate, args);
    eval_cell(cell, args, t->c->param, node);
    memcpy(sums + set_sum(s, node), cell_result(cell, 0), (size_t)s->pixels * sizeof *sums);
    for (int k = 0; k < s->states; k++)
        memcpy(d_state + set_state(s, k, node), cell_result(cell, 1 + k),
               (size_t)s->state_pixels * sizeof *d_state);
    if (s->slope) sums[set_sum(s, node) + s->size] = *cell_result(cell, 1 + s->states);
    add_weights(t, s->move, cell, 1 + s->states + s->slope, node);
}

/* sums become their gradients; d_state is filled, but for what nodes send */
static void rates_back(const TimedEval *t, int64_t evaluation, const double *state, double *sums,
                       const double *d_rate, double *d_state)
{
    double known[4 * MOST_NORMS];
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->move_back);
        cell.statistics = known;
        for (int64_t n = 0; n < s->size; n++) {
            know(t, s, n, evaluation, known);
            move_back(t, s, &cell, n, state, sums, d_rate, d_state);
        }
    }
}

/* Adds what comes from what nodes send: from gradients of sums. */
static void sent_back(const TimedEval *t, Moment at, const double *state, const double *sums, double *d_state)
{
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++) {
            const NodeSet *s = &t->g->sets.at[i];
            double *d_sent = NEW_ARRAY(t->arena, double, (size_t)s->value_pixels);
            timed_gather(t, i, n, at, sums, false, d_sent);
            timed_own_gradient(t, i, n, at, sums + set_sum(s, n), d_sent);
            send_back(t, s, false, n, state, d_sent, d_state);
        }
}

/* Both, where nothing is taken of all samples in between. */
static void evaluation_back(const TimedEval *t, int64_t evaluation, int64_t position, const double *state,
                            double *sums, const double *d_rate, double *d_state)
{
    rates_back(t, evaluation, state, sums, d_rate, d_state);
    sent_back(t, (Moment){state + t->states, position, evaluation}, state, sums, d_state);
}

/* Adds the gradient of the output at one position to that of the states before step `step`. */
static void output_back(const TimedEval *t, const double *dy, int64_t position, int64_t step, double *d_state)
{
    const NodeSet *out = &t->g->sets.at[t->g->output];
    const double *state = state_of(t, step, 0), *d = dy + position * set_rows(out);
    const Moment at = {state + t->states, position, 0};
    for (int64_t n = 0; n < out->size && !out->states; n++)
        timed_own_gradient(t, t->g->output, n, at, d + n * out->pixels, NULL);
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++) {
            const NodeSet *s = &t->g->sets.at[i];
            double *d_sent = NEW_ARRAY(t->arena, double, (size_t)s->value_pixels);
            if (!out->states) timed_gather(t, i, n, at, d, true, d_sent);
            else if (i == t->g->output)
                memcpy(d_sent, d + n * s->value_pixels, (size_t)s->value_pixels * sizeof *d);
            send_back(t, s, i == t->g->output, n, state, d_sent, d_state);
        }
}

/* Begins to go back a step: d is the gradient of the states after it. */
static void begin_step_back(TimedEval *t, int64_t step, const double *d)
{
    const Time *time = &t->g->time;
    int64_t ns = t->states;
    double h = t->steps->length.at[step];
    t->d_start = NEW_ARRAY(t->arena, double, (size_t)((time->stages + 1) * ns) + 1),
    t->d_rate = t->d_start + ns;
    for (int64_t n = 0; n < ns; n++) t->d_start[n] = time->carry == 0 ? 0 : time->carry * d[n];
    for (int i = 0; i < time->stages; i++)
        for (int64_t n = 0; n < ns; n++) t->d_rate[i * ns + n] = h * time->b[i] * d[n];
}

static int64_t position_of(const TimedEval *t, int64_t step)
{
    return t->steps->position.at[step];
}

static Moment moment_of(const TimedEval *t, int64_t step, int stage)
{
    return (Moment){state_of(t, step, stage) + t->states, position_of(t, step), number_of(t, step, stage)};
}

/* Adds what goes back through stage i, d_stage, to the gradients of the rates before it and of the step's
 * start. */
static void leave_stage(const TimedEval *t, int64_t step, int i, const double *d_stage)
{
    int64_t ns = t->states;
    double h = t->steps->length.at[step];
    for (int64_t n = 0; n < ns; n++) {
        t->d_start[n] += d_stage[n];
        for (int j = 0; j < i; j++) t->d_rate[j * ns + n] += h * t->g->time.a[i][j] * d_stage[n];
    }
}

static void stage_back(const TimedEval *t, int64_t step, int i)
{
    double *d_stage = NEW_ARRAY(t->arena, double, (size_t)t->states + 1);
    evaluation_back(t, number_of(t, step, i), position_of(t, step), state_of(t, step, i),
                    t->d_sums[step] + i * t->g->sum_rows, t->d_rate + i * t->states, d_stage);
    leave_stage(t, step, i, d_stage);
}

static bool ends_position(const TimedEval *t, int64_t step)
{
    return step + 1 == t->steps->length.count || position_of(t, step + 1) != position_of(t, step);
}

static void begin_backward(const TimedEval *t)
{
    int64_t steps = t->steps->length.count, sums = t->g->time.stages * t->g->sum_rows;
    for (int64_t step = 0; step < steps; step++) {
        t->d_sums[step] = NEW_ARRAY(t->arena, double, (size_t)sums + 1);
        memcpy(t->d_sums[step], sums_of(t, step, 0), (size_t)sums * sizeof(double));
    }
}

/* The states' gradient after a step: the output is taken there. */
static void reach_step(TimedEval *t, const double *dy, int64_t step)
{
    if (ends_position(t, step)) output_back(t, dy, position_of(t, step), step + 1, t->d_state);
    begin_step_back(t, step, t->d_state);
}

/* Before a step, all of whose stages are gone back. */
static void leave_step(const TimedEval *t, int64_t step)
{
    int64_t p = position_of(t, step), truncate = t->g->time.truncate;
    memcpy(t->d_state, t->d_start, (size_t)t->states * sizeof *t->d_state);
    if (step > 0 && position_of(t, step - 1) != p && truncate && p % truncate == 0)
        memset(t->d_state, 0, (size_t)t->states * sizeof *t->d_state);
}

static void backward(TimedEval *t, const double *dy)
{
    begin_backward(t);
    for (int64_t step = t->steps->length.count - 1; step >= 0; step--) {
        reach_step(t, dy, step);
        for (int i = t->g->time.stages - 1; i >= 0; i--) stage_back(t, step, i);
        leave_step(t, step);
    }
}

static void input_gradient(const TimedEval *t, const double *dy, double *out)
{
    const NodeSet *in = &t->g->sets.at[t->g->input];
    int64_t outputs = set_rows(&t->g->sets.at[t->g->output]), inputs = set_rows(in);
    if (in->states)
        memcpy(out, t->d_state + set_state(in, 0, 0), (size_t)(in->size * in->state_pixels) * sizeof *out);
    if (in->states) return;
    memset(out, 0, (size_t)(t->g->time.positions * inputs) * sizeof *out);
    for (int64_t step = 0; step < t->steps->length.count; step++) {
        int64_t p = position_of(t, step);
        const double *after = state_of(t, step + 1, 0) + t->states;
        for (int64_t n = 0; n < in->size; n++) {
            double *d = out + p * inputs + n * in->value_pixels;
            if (ends_position(t, step))
                timed_gather(t, t->g->input, n, (Moment){after, p, 0}, dy + p * outputs, true, d);
            for (int i = 0; i < t->g->time.stages; i++)
                timed_gather(t, t->g->input, n, moment_of(t, step, i), t->d_sums[step] + i * t->g->sum_rows,
                             false, d);
        }
    }
}

/* Adds one sample's gradient of all candidates of a bundle. */
static void edge_gradient(const TimedEval *t, const EdgeSum *e, const double *dy)
{
    const Bundle *u = &t->g->bundles.at[e->bundle];
    const NodeSet *to = &t->g->sets.at[u->to];
    bool moving = is_moving(t->g, u->to);
    for (int64_t step = 0; step < t->steps->length.count; step++) {
        int64_t p = position_of(t, step);
        int64_t end = t->g->time.adjoint ? 0 : step + 1; /* where the states at the end stand */
        if (!moving && ends_position(t, step))
            timed_add_candidates(t, e, (Moment){state_of(t, end, 0) + t->states, p, 0}, dy + p * set_rows(to),
                                 to->pixels);
        for (int i = 0; i < t->g->time.stages && moving; i++)
            timed_add_candidates(t, e, moment_of(t, step, i),
                                 t->d_sums[step] + i * t->g->sum_rows + to->first_sum, to->pitch);
    }
}

/* ---- operators ---- */

EvalSteps **eval_steps(Arena *a, const Model *m, int64_t batch)
{
    EvalSteps **all = NEW_ARRAY(a, EvalSteps *, (size_t)m->graphs.count + 1);
    for (int i = 0; i < m->graphs.count; i++)
        all[i] = NEW_ARRAY(a, EvalSteps, (size_t)(batch / m->lanes + 1));
    return all;
}

static TimedEval eval_of_sample(Arena *a, const Eval *e, const Value *wired, const EvalContext *c,
                                int64_t sample)
{
    const Graph *g = wired->graph;
    TimedEval t = {.arena = a, .c = c, .g = g, .states = g->state_rows, .stride = g->state_rows + g->rows};
    t.steps = &e->trace[wired->id]->steps[sample / c->model->lanes];
    t.input = e->value[wired->args[0]->id] + sample * shape_size(wired->args[0]->shape);
    t.value = e->value[wired->id] + sample * shape_size(wired->shape);
    t.block = e->trace[wired->id]->block[sample];
    t.statistics = e->statistics[wired->id];
    t.edges = (EdgeStatistics){t.statistics, t.statistics + g->statistics, NULL};
    return t;
}

#include "ir_eval_timed_norm.h"

static void eval_forward(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    int64_t lanes = c->model->lanes;
    e->statistics[v->id] = NEW_ARRAY(a, double, (size_t)(2 * v->graph->statistics) + 1);
    TimedTrace *trace = e->trace[v->id] = NEW(a, TimedTrace);
    trace->block = NEW_ARRAY(a, double **, (size_t)c->batch + 1);
    trace->steps =
        c->steps ? c->steps[v->graph->number] : NEW_ARRAY(a, EvalSteps, (size_t)(c->batch / lanes + 1));
    if (v->batch) {
        eval_norms(a, e, v, c);
        return;
    }
    kept_statistics(v->graph, c->param, e->statistics[v->id]);
    for (int64_t first = 0; first < c->batch; first += lanes) {
        TimedEval all[MAX_LANES];
        Group u = {all, c->batch - first < lanes ? c->batch - first : lanes, 0, &trace->steps[first / lanes],
                   c->steps ? c->arena : a};
        for (int64_t s = 0; s < u.count; s++) all[s] = eval_of_sample(a, e, v, c, first + s);
        forward(&u);
        u.steps->known = c->steps != NULL;
        for (int64_t s = 0; s < u.count; s++) trace->block[first + s] = all[s].block;
    }
}

#include "ir_eval_adjoint.h"

static void eval_backward(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Graph *g = v->graph;
    TimedTrace *trace = e->trace[v->id] = NEW(a, TimedTrace);
    trace->block = NEW_ARRAY(a, double **, (size_t)c->batch + 1);
    trace->first = NEW_ARRAY(a, double, (size_t)(c->batch * g->state_rows) + 1);
    trace->gradient = NEW_ARRAY(a, double, (size_t)c->model->param_total + 1);
    if (g->time.adjoint) {
        eval_adjoint(a, e, v, c);
        return;
    }
    if (v->args[0]->batch) {
        eval_norms_back(a, e, v, c);
        return;
    }
    for (int64_t s = 0; s < c->batch; s++) {
        TimedEval t = eval_of_sample(a, e, v->args[0], c, s);
        t.d_sums = trace->block[s] = NEW_ARRAY(a, double *, (size_t)t.steps->length.count + 1);
        t.d_state = trace->first + s * g->state_rows, t.gradient = trace->gradient;
        backward(&t, e->value[v->args[1]->id] + s * shape_size(v->args[1]->shape));
    }
}

void eval_timed(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    if (v->op == IR_WIRED) eval_forward(a, e, v, c);
    if (v->op == IR_WIRED_BACK) eval_backward(a, e, v, c);
    if (v->op == IR_WIRED_STATISTIC)
        memcpy(e->value[v->id], e->statistics[v->args[0]->id] + v->index,
               (size_t)shape_size(v->shape) * sizeof(double));
    if (v->op == IR_WIRED || v->op == IR_WIRED_BACK || v->op == IR_WIRED_STATISTIC) return;
    const Value *back = v->args[0], *dy = back->args[1];
    const TimedTrace *trace = e->trace[back->id];
    for (int64_t s = 0; s < c->batch; s++) {
        TimedEval t = eval_of_sample(a, e, back->args[0], c, s);
        const double *d = e->value[dy->id] + s * shape_size(dy->shape);
        t.d_sums = trace->block[s], t.d_state = trace->first + s * t.states;
        t.edges.gradient = e->statistics[back->id];
        if (trace->back) t.block = trace->back[s], t.steps = &trace->steps[s / c->model->lanes];
        if (v->op == IR_WIRED_INPUT) input_gradient(&t, d, e->value[v->id] + s * shape_size(v->shape));
        EdgeSum sum = {(int)v->index, v->param, e->value[v->id]};
        if (v->op == IR_WIRED_EDGES) edge_gradient(&t, &sum, d);
    }
    if (v->op == IR_WIRED_WEIGHT)
        memcpy(e->value[v->id], trace->gradient + v->param->offset, (size_t)v->param->size * sizeof(double));
}
