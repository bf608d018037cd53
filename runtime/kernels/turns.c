/* turns.c: a graph in discrete steps whose node functions have a batch_norm, in rounds of turns (kernel.h):
 * every tile does one step as far as the statistics of all tiles allow. A turn's phase is the step. Rows as
 * in compiler/timed.h; the evaluations of all steps are in memory.
 */
#include "kernel.h"
#include "timed_calls.h"

/* The functions that compiler/gen_timed_norm.c makes. */
typedef void Sums(DnwrtContext *context, real *tile, const real *sent, const real *held, real *sums,
                  int64_t step);
typedef void Norm(DnwrtContext *context, real *tile, const real *state, const real *sums, int64_t samples,
                  int64_t norm, int64_t step);
typedef void NormBack(DnwrtContext *context, real *tile, const real *state, const real *sums,
                      const real *d_next, int64_t norm, int64_t step);

void KERNEL(turns)(DnwrtContext *context, real *tile, const DnwrtTime *time, int64_t number, const real *held,
                   real *value, real *sums, int64_t sums_step, real *output, Send *send, Sums *sum,
                   Norm *norm, Move *move, Show *show, real *maps);
void KERNEL(turns_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held,
                        const real *value, real *sums, const real *d_output, real *work, real *d_held,
                        NormBack *norm, Back *back, OutputBack *output_back, HeldBack *held_back,
                        HeldBack *held_output_back);

static void zero(real *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++) to[i] = 0;
}

/* Samples in a tile. */
static int64_t samples(const DnwrtContext *context, int64_t number)
{
    int64_t left = context->count - number * LANES;
    return left < LANES ? left : LANES;
}

/* All steps are taken, and all stand in the window. */
static void note_steps(const DnwrtTime *time, int64_t number)
{
    DnwrtRun *run = &time->run[number];
    run->accepted = run->evaluations = run->count = time->positions * time->steps;
    run->rejected = run->first = run->left = run->failure = run->rounds = 0;
}

void KERNEL(turns)(DnwrtContext *context, real *tile, const DnwrtTime *time, int64_t number, const real *held,
                   real *value, real *sums, int64_t sums_step, real *output, Send *send, Sums *sum,
                   Norm *norm, Move *move, Show *show, real *maps)
{
    const DnwrtTurns *turns = context->turns;
    int64_t states = time->states * LANES, stride = states + time->sent * LANES;
    if (turns->first) {
        note_steps(time, number);
        send(context, maps, value, value + states, 0);
    }
    for (int64_t i = 0; i < turns->count; i++) {
        int64_t step = turns->phase[i], position = step / time->steps;
        real *state = value + step * stride, *next = state + stride, *s = sums + step * sums_step * LANES;
        const real *shown = held + position * time->held * LANES;
        if (turns->turn[i] == TURN_SUM) sum(context, tile, state + states, shown, s, step);
        else if (turns->turn[i] == TURN_FINISH) {
            move(context, maps, state, state + states, shown, s, next, step);
            send(context, maps, next, next + states, step + 1);
            if ((step + 1) % time->steps == 0)
                show(context, maps, next + states, shown, output + position * time->outputs * LANES);
        } else norm(context, tile, state, s, samples(context, number), turns->turn[i] - TURN_NORM, step);
    }
}

/* work: dL/dS after the step, then before it (at the end that before the first); room for another. d_held: of
 * a held input, by position, or NULL. */
void KERNEL(turns_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held,
                        const real *value, real *sums, const real *d_output, real *work, real *d_held,
                        NormBack *norm, Back *back, OutputBack *output_back, HeldBack *held_back,
                        HeldBack *held_output_back)
{
    const DnwrtTurns *turns = context->turns;
    int64_t states = time->states * LANES, stride = states + time->sent * LANES, in = time->held * LANES;
    real *d_state = work, *before = work + states;
    if (turns->first) zero(d_state, states);
    if (turns->first && d_held) zero(d_held, time->positions * in);
    for (int64_t i = 0; i < turns->count; i++) {
        int64_t step = turns->phase[i], position = step / time->steps, out = position * time->outputs * LANES;
        const real *state = value + step * stride, *next = state + stride, *shown = held + position * in;
        real *s = sums + step * time->sums * LANES, *d_shown = d_held ? d_held + position * in : 0;
        if (turns->turn[i] == TURN_SUM) { /* the gradient of the output that is taken after the step */
            if ((step + 1) % time->steps != 0) continue;
            output_back(context, tile, next, d_output + out, d_state, shown);
            if (d_held) held_output_back(context, tile, d_output + out, d_shown, next + states, shown, 0);
        } else if (turns->turn[i] == TURN_FINISH) {
            back(context, tile, state, s, d_state, before, shown, step);
            if (d_held) held_back(context, tile, s, d_shown, state + states, shown, step);
            for (int64_t k = 0; k < states; k++) d_state[k] = before[k];
            if (step % time->steps == 0 && position > 0 && time->truncate && position % time->truncate == 0)
                zero(d_state, states);
        } else norm(context, tile, state, s, d_state, turns->turn[i] - TURN_NORM, step);
    }
}
