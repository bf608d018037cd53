/* drive_step.h: one explicit Runge-Kutta step of length h, or of h = 1 times those of the lanes, stage by
 * stage, forwards and backwards: included by drive.c, where a tile takes its steps alone, and by turns.c,
 * where the tiles wait for each other at every stage. Formulas: drive.c; rows: compiler/model/timed.h.
 */
#ifndef DRIVE_STEP_H
#define DRIVE_STEP_H
#include "timed_calls.h"

/* Loops over all states are called, wherever they are used: they take longer than a call. */
#define LOOP static __attribute__((noinline)) void

LOOP scale(real *to, const real *from, double factor, int64_t count)
{
    for (int64_t i = 0; i < count; i++) to[i] = factor == 0 ? 0 : (real)factor * from[i];
}

LOOP add(real *to, const real *from, double factor, int64_t count)
{
    if (factor == 0) return;
    for (int64_t i = 0; i < count; i++) to[i] += (real)factor * from[i];
}

typedef real Part __attribute__((vector_size(256), aligned(sizeof(real)), may_alias));

/* carry base + sum over j < terms of factor_j term_j; terms stand `step` apart. */
typedef struct Sum {
    const real *base, *term;
    double carry;
    int64_t step, terms;
    const double *factor;
} Sum;

/* to = that sum, in one pass */
LOOP combine(real *to, const Sum *s, int64_t count)
{
    enum { PART = sizeof(Part) / sizeof(real) };
    int64_t i = 0;
    for (; i + PART <= count; i += PART) {
        Part sum = {0};
        if (s->carry != 0) sum = (real)s->carry * *(const Part *)(s->base + i);
        for (int64_t j = 0; j < s->terms; j++)
            if (s->factor[j] != 0) sum += (real)s->factor[j] * *(const Part *)(s->term + j * s->step + i);
        *(Part *)(to + i) = sum;
    }
    if (i == count) return;
    scale(to + i, s->base + i, s->carry, count - i);
    for (int64_t j = 0; j < s->terms; j++) add(to + i, s->term + j * s->step + i, s->factor[j], count - i);
}

/* to = base + by times the sum of the terms, lane by lane; where `by` is 0 exactly base. */
LOOP combine_lanes(const Drive *d, real *to, const Sum *s)
{
    for (int64_t i = 0; i < d->states; i += LANES) {
        real sum[LANES] = {0};
        for (int64_t j = 0; j < s->terms; j++)
            for (int k = 0; k < LANES && s->factor[j] != 0; k++)
                sum[k] += (real)s->factor[j] * s->term[j * s->step + i + k];
        for (int k = 0; k < LANES; k++)
            to[i + k] = d->by[k] == 0 ? s->base[i + k] : s->base[i + k] + d->by[k] * sum[k];
    }
}

LOOP scale_lanes(real *to, const real *by, int64_t count)
{
    for (int64_t i = 0; i < count; i += LANES)
        for (int k = 0; k < LANES; k++) to[i + k] *= by[k];
}

/* to = carry base + the length of the step times that sum, over all states; factors hold the length where all
 * lanes have the same. */
static inline void go_on(const Drive *d, real *to, Sum s)
{
    s.step = d->states;
    if (d->by) combine_lanes(d, to, &s); /* flows: carry is 1 */
    else combine(to, &s, d->states);
}

/* States, then sent values, of evaluation e of the window. */
static inline real *evaluation(const Drive *d, int64_t e)
{
    return d->value + e * d->stride;
}

static inline real *slot_at(const Drive *d, int64_t slot)
{
    return evaluation(d, slot * d->time->stages);
}

static inline real *sums_at(const Drive *d, int64_t e)
{
    return d->sums + e * d->sums_step * LANES;
}

/* The number of an evaluation (timed_calls.h). */
static inline int64_t number_of(const Drive *d, int64_t step, int64_t stage)
{
    return d->time->adaptive || d->time->adjoint ? 0 : step * d->time->stages + stage;
}

/* Samples in the tile; the lanes after them repeat the last one. */
static inline int64_t samples(const Drive *d)
{
    int64_t left = d->context->count - d->number * LANES;
    return left < LANES ? left : LANES;
}

/* Evaluation e of the window; at one position. */
static inline Evaluation at_evaluation(const Drive *d, int64_t e, int64_t number, int64_t position)
{
    return (Evaluation){.context = d->context,
                        .tile = d->tile,
                        .maps = d->maps,
                        .state = evaluation(d, e),
                        .sums = sums_at(d, e),
                        .held = d->held + position * d->time->held * LANES,
                        .number = number};
}

static inline void send(const Drive *d, int64_t e, int64_t number)
{
    const Evaluation at = at_evaluation(d, e, number, 0);
    d->calls->send(&at);
}

/* After the last step of a position, at the start of `slot`. */
static inline void show(const Drive *d, int64_t slot, int64_t position)
{
    const Evaluation at = at_evaluation(d, slot * d->time->stages, 0, position);
    d->calls->show(&at, d->output + position * d->time->outputs * LANES);
}

/* Steps without a carry: the only rate is the next state. */
static inline int is_plain(const DnwrtTime *time, double h)
{
    return time->carry == 0 && time->stages == 1 && h * time->b[0] == 1;
}

/* What stands, and is sent, at stage i > 0 of a step, from the rates of those before it. */
static void begin_stage(const Drive *d, int64_t slot, int64_t step, int64_t i, double h)
{
    const DnwrtTime *time = d->time;
    int64_t e = slot * time->stages + i;
    double factor[MAX_TIME_STAGES];
    for (int64_t j = 0; j < i; j++) factor[j] = h * time->a[i][j];
    go_on(d, evaluation(d, e), (Sum){slot_at(d, slot), d->rates, .carry = 1, .terms = i, .factor = factor});
    send(d, e, number_of(d, step, i));
}

/* What stands after the step, from all rates (`moved`: it is there), and is sent. */
static void end_step(const Drive *d, int64_t slot, int64_t step, double h, int moved)
{
    const DnwrtTime *time = d->time;
    double factor[MAX_TIME_STAGES];
    const Sum sum = {slot_at(d, slot), d->rates, .carry = time->carry, .terms = time->stages,
                     .factor = factor};
    for (int64_t i = 0; i < time->stages; i++) factor[i] = h * time->b[i];
    if (!moved) go_on(d, slot_at(d, slot + 1), sum);
    send(d, (slot + 1) * time->stages, number_of(d, step + 1, 0));
}

/* Where the rate of stage i belongs. */
static inline real *rate_at(const Drive *d, int64_t slot, int64_t i, double h)
{
    return is_plain(d->time, h) ? slot_at(d, slot + 1) : d->rates + i * d->states;
}

/* What generated code has not filled, but for the run and the lengths of steps. */
static inline Drive drive_with(const Drive *given, const TimedCalls *calls)
{
    Drive d = *given;
    d.calls = calls, d.slot = 0, d.by = 0;
    d.states = d.time->states * LANES, d.stride = d.states + d.time->sent * LANES;
    return d;
}

static inline Drive drive_back_with(const Drive *given, const TimedCalls *calls)
{
    Drive d = drive_with(given, calls);
    d.d_rate = d.d_state + d.states, d.d_stage = d.d_rate + d.states;
    d.d_stages = d.d_state + (is_plain(d.time, d.time->step) ? 1 : 3) * d.states;
    d.change = d.d_stages + (d.time->stages + 1) * d.states;
    d.work_sums = d.change + (d.time->stages + 1) * d.states;
    return d;
}

/* ---- backwards ---- */

/* Gradients at 0: before the first window or round. */
static void clear_gradients(const Drive *d)
{
    scale(d->d_state, d->d_state, 0, d->states);
    if (d->calls->held_back) scale(d->d_held, d->d_held, 0, d->time->positions * d->time->held * LANES);
}

static inline void back_to_held(const Drive *d, HeldBackFn *back, const Evaluation *at, int64_t position)
{
    if (back) back(at, d->d_held + position * d->time->held * LANES);
}

/* Adds the gradient of the output that is taken after the steps of a position. */
static void position_back(const Drive *d, int64_t position, int64_t slot)
{
    Evaluation at = at_evaluation(d, slot * d->time->stages, 0, position);
    real *d_output = d->d_output + position * d->time->outputs * LANES;
    d->calls->output_back(&at, d_output, d->d_state);
    at.sums = d_output; /* a plain output is a sum */
    back_to_held(d, d->calls->held_output_back, &at, position);
}

/* The gradient of the rate of stage i, from those of the states after the step and at later stages. */
static const real *rate_back(const Drive *d, int64_t i, double h)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, later = time->stages - 1 - i;
    const real *last = d->d_stages + (time->stages - 1) * states; /* stages go backwards from here */
    double factor[MAX_TIME_STAGES];
    const Sum sum = {d->d_state, last, h * time->b[i], -states, later, factor};
    if (is_plain(time, h)) return d->d_state;
    for (int64_t j = 0; j < later; j++) factor[j] = h * time->a[time->stages - 1 - j][i];
    combine(d->d_rate, &sum, states);
    if (d->by) scale_lanes(d->d_rate, d->by, states);
    return d->d_rate;
}

/* From it those of the sums and of the states at stage i; `at`: its evaluation. */
static void stage_back(const Drive *d, const Evaluation *at, int64_t position, int64_t i, const real *d_rate)
{
    d->calls->back(at, d_rate, d->d_stages + i * d->states);
    back_to_held(d, d->calls->held_back, at, position);
}

/* From those of all stages that of the states before the step. */
static void start_back(const Drive *d)
{
    const DnwrtTime *time = d->time;
    double factor[MAX_TIME_STAGES];
    const real *last = d->d_stages + (time->stages - 1) * d->states;
    for (int64_t i = 0; i < time->stages; i++) factor[i] = 1;
    combine(d->d_state, &(Sum){d->d_state, last, time->carry, -d->states, time->stages, factor}, d->states);
}
#endif
