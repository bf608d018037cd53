/* drive_step.h: one explicit Runge-Kutta step of length h, or of h = 1 times those of the lanes, stage by
 * stage, forwards and backwards: included by drive.c, where a tile takes its steps alone, and by turns.c,
 * where the tiles wait for each other at every stage. Formulas: drive.c; rows: compiler/model/timed.h.
 */
#ifndef DRIVE_STEP_H
#define DRIVE_STEP_H
#include "timed_calls.h"

/* Where everything stands, filled by generated code. All pointers to rows of one tile. */
typedef struct Drive {
    DnwrtContext *context;
    real *tile, *maps;
    const DnwrtTime *time;
    int64_t number; /* of the tile */
    const real *held;
    real *value, *rates, *saved, *sums; /* saved: NULL when nothing goes back */
    int64_t sums_step;                  /* rows from the sums of one evaluation to the next */
    Send *send;
    Move *move;
    /* set here */
    DnwrtRun *run;
    int64_t states, stride, slot, window;
    real *by; /* lengths of the step by lane, 0: it stands still; NULL: all have the same */
} Drive;

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

/* to = carry base + sum over j of factor_j term_j, in one pass; terms stand `step` apart. */
LOOP combine(real *to, const real *base, double carry, const real *term, int64_t step, const double *factor,
             int64_t terms, int64_t count)
{
    enum { PART = sizeof(Part) / sizeof(real) };
    int64_t i = 0;
    for (; i + PART <= count; i += PART) {
        Part sum = {0};
        if (carry != 0) sum = (real)carry * *(const Part *)(base + i);
        for (int64_t j = 0; j < terms; j++)
            if (factor[j] != 0) sum += (real)factor[j] * *(const Part *)(term + j * step + i);
        *(Part *)(to + i) = sum;
    }
    if (i == count) return;
    scale(to + i, base + i, carry, count - i);
    for (int64_t j = 0; j < terms; j++) add(to + i, term + j * step + i, factor[j], count - i);
}

/* to = base + by times that sum, lane by lane; where `by` is 0 exactly base. */
LOOP combine_lanes(const Drive *d, real *to, const real *base, const real *term, const double *factor,
                   int64_t terms)
{
    for (int64_t i = 0; i < d->states; i += LANES) {
        real sum[LANES] = {0};
        for (int64_t j = 0; j < terms; j++)
            for (int k = 0; k < LANES && factor[j] != 0; k++)
                sum[k] += (real)factor[j] * term[j * d->states + i + k];
        for (int k = 0; k < LANES; k++)
            to[i + k] = d->by[k] == 0 ? base[i + k] : base[i + k] + d->by[k] * sum[k];
    }
}

LOOP scale_lanes(real *to, const real *by, int64_t count)
{
    for (int64_t i = 0; i < count; i += LANES)
        for (int k = 0; k < LANES; k++) to[i + k] *= by[k];
}

/* to = carry base + the length of the step times that sum, over all states; factors hold the length where all
 * lanes have the same. */
static inline void go_on(const Drive *d, real *to, const real *base, double carry, const real *term,
                         const double *factor, int64_t terms)
{
    if (d->by) combine_lanes(d, to, base, term, factor, terms); /* flows: carry is 1 */
    else combine(to, base, carry, term, d->states, factor, terms, d->states);
}

/* States, then what is sent, of evaluation e of the window. */
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

static inline void send(const Drive *d, real *state, int64_t number)
{
    d->send(d->context, d->maps, state, state + d->states, number);
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
    real *start = slot_at(d, slot), *state = start + i * d->stride;
    double factor[MAX_TIME_STAGES];
    for (int64_t j = 0; j < i; j++) factor[j] = h * time->a[i][j];
    go_on(d, state, start, 1, d->rates, factor, i);
    send(d, state, number_of(d, step, i));
}

/* What stands after the step, from all rates (`moved`: it is there), and is sent. */
static void end_step(const Drive *d, int64_t slot, int64_t step, double h, int moved)
{
    const DnwrtTime *time = d->time;
    real *next = slot_at(d, slot + 1);
    double factor[MAX_TIME_STAGES];
    for (int64_t i = 0; i < time->stages; i++) factor[i] = h * time->b[i];
    if (!moved) go_on(d, next, slot_at(d, slot), time->carry, d->rates, factor, time->stages);
    send(d, next, number_of(d, step + 1, 0));
}

/* Where the rate of stage i belongs. */
static inline real *rate_at(const Drive *d, int64_t slot, int64_t i, double h)
{
    return is_plain(d->time, h) ? slot_at(d, slot + 1) : d->rates + i * d->states;
}

/* ---- backwards ---- */

typedef struct DriveBack {
    const real *d_output;
    real *d_state, *d_rate, *d_stage, *d_stages, *d_held; /* d_stages: dS_i of all stages; d_stage: adjoint */
    Back *back;
    OutputBack *output_back;
    HeldBack *held_back, *held_output_back;
    /* the adjoint: its stages and their rates of change; room for sums; `back` without gradients of weights
     */
    real *stage, *change, *sums;
    Back *product;
} DriveBack;

/* Adds the gradient of the output that is taken after the steps of a position. */
static void position_back(const Drive *d, const DriveBack *b, int64_t position, int64_t slot)
{
    const real *d_output = b->d_output + position * d->time->outputs * LANES;
    const real *held = d->held + position * d->time->held * LANES, *state = slot_at(d, slot);
    b->output_back(d->context, d->tile, state, d_output, b->d_state, held);
    if (b->d_held)
        b->held_output_back(d->context, d->tile, d_output, b->d_held + position * d->time->held * LANES,
                            state + d->states, held, 0);
}

/* The gradient of the rate of stage i, from those of what stands after the step and at later stages. */
static const real *rate_back(const Drive *d, const DriveBack *b, int64_t i, double h)
{
    const DnwrtTime *time = d->time;
    int64_t states = d->states, later = time->stages - 1 - i;
    const real *last = b->d_stages + (time->stages - 1) * states; /* stages go backwards from here */
    double factor[MAX_TIME_STAGES];
    if (is_plain(time, h)) return b->d_state;
    for (int64_t j = 0; j < later; j++) factor[j] = h * time->a[time->stages - 1 - j][i];
    combine(b->d_rate, b->d_state, h * time->b[i], last, -states, factor, later, states);
    if (d->by) scale_lanes(b->d_rate, d->by, states);
    return b->d_rate;
}

/* From it those of the sums and of what stands at stage i. */
static void stage_back(const Drive *d, const DriveBack *b, int64_t slot, int64_t step, int64_t i,
                       int64_t position, const real *d_rate)
{
    const DnwrtTime *time = d->time;
    int64_t e = slot * time->stages + i, number = number_of(d, step, i);
    const real *held = d->held + position * time->held * LANES;
    b->back(d->context, d->tile, evaluation(d, e), sums_at(d, e), d_rate, b->d_stages + i * d->states, held,
            number);
    if (b->d_held)
        b->held_back(d->context, d->tile, sums_at(d, e), b->d_held + position * time->held * LANES,
                     evaluation(d, e) + d->states, held, number);
}

/* From those of all stages that of what stands before the step. */
static void start_back(const Drive *d, const DriveBack *b)
{
    const DnwrtTime *time = d->time;
    double factor[MAX_TIME_STAGES];
    for (int64_t i = 0; i < time->stages; i++) factor[i] = 1;
    combine(b->d_state, b->d_state, time->carry, b->d_stages + (time->stages - 1) * d->states, -d->states,
            factor, time->stages, d->states);
}
#endif
