/* drive.c: a graph through time: explicit Runge-Kutta steps over two generated functions, forwards and
 * backwards.
 *
 *     S_i = S + sum over j < i of a_ij K_j    K_i = move(S_i)    S' = carry S + sum over i of b_i K_i
 * Backwards, from dL/dS' (all of one step, last stage first):
 *     dK_i = b_i dS' + sum over j > i of a_ji dS_j    dS_i = (d move / d S_i) dK_i    dS = carry dS' + sum
 * over i of dS_i which is the exact gradient of the steps taken. Discrete steps have one stage, carry 0 and b
 * = 1. Rows: see compiler/timed.h.
 */
#include "kernel.h"

typedef void Send(DnwrtContext *context, real *tile, const real *state, real *sent);
typedef void Move(DnwrtContext *context, real *tile, const real *state, const real *sent, const real *held,
                  real *sums, real *rate);
typedef void Back(DnwrtContext *context, real *tile, const real *state, real *sums, const real *d_rate,
                  real *d_state);
typedef void OutputBack(DnwrtContext *context, real *tile, const real *state, const real *d_output,
                        real *d_state);

void KERNEL(drive)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held, real *value,
                   real *rates, real *sums, int64_t sums_step, Send *send, Move *move);
void KERNEL(drive_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *value,
                        real *sums, const real *d_output, real *work, Back *back, OutputBack *output_back);

static inline void scale(real *to, const real *from, double factor, int64_t count)
{
    for (int64_t i = 0; i < count; i++) to[i] = factor == 0 ? 0 : (real)factor * from[i];
}

static inline void add(real *to, const real *from, double factor, int64_t count)
{
    if (factor == 0) return;
    for (int64_t i = 0; i < count; i++) to[i] += (real)factor * from[i];
}

void KERNEL(drive)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held, real *value,
                   real *rates, real *sums, int64_t sums_step, Send *send, Move *move)
{
    int64_t states = time->states * LANES, stride = states + time->sent * LANES;
    real *start = value;
    for (int64_t step = 0; step < time->positions * time->steps; step++) {
        const real *now = held + step / time->steps * time->held * LANES;
        for (int64_t i = 0; i < time->stages; i++) {
            real *state = start + i * stride;
            if (i > 0) scale(state, start, 1, states);
            for (int64_t j = 0; j < i; j++) add(state, rates + j * states, time->a[i][j], states);
            send(context, tile, state, state + states);
            move(context, tile, state, state + states, now, sums, rates + i * states);
            sums += sums_step * LANES;
        }
        real *next = start + time->stages * stride;
        scale(next, start, time->carry, states);
        for (int64_t i = 0; i < time->stages; i++) add(next, rates + i * states, time->b[i], states);
        start = next;
    }
    send(context, tile, start, start + states);
}

/* d_output: gradients of the output by position. work: dL/dS first (0 at the start; at the end that before
 * the first step), then room for 2 + stages of its size. */
void KERNEL(drive_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *value,
                        real *sums, const real *d_output, real *work, Back *back, OutputBack *output_back)
{
    int64_t states = time->states * LANES, stride = states + time->sent * LANES;
    real *d_state = work, *d_start = work + states, *d_stage = work + 2 * states, *d_rate = work + 3 * states;
    scale(d_state, d_state, 0, states);
    for (int64_t step = time->positions * time->steps - 1; step >= 0; step--) {
        if ((step + 1) % time->steps == 0)
            output_back(context, tile, value + (step + 1) * time->stages * stride,
                        d_output + step / time->steps * time->outputs * LANES, d_state);
        scale(d_start, d_state, time->carry, states);
        for (int64_t i = 0; i < time->stages; i++) scale(d_rate + i * states, d_state, time->b[i], states);
        for (int64_t i = time->stages - 1; i >= 0; i--) {
            int64_t e = step * time->stages + i;
            back(context, tile, value + e * stride, sums + e * time->sums * LANES, d_rate + i * states,
                 d_stage);
            add(d_start, d_stage, 1, states);
            for (int64_t j = 0; j < i; j++) add(d_rate + j * states, d_stage, time->a[i][j], states);
        }
        scale(d_state, d_start, 1, states);
    }
}
