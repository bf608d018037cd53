/* turns.c: a graph in equal steps whose node functions have a batch_norm, in rounds of turns (kernel.h):
 * every tile does one evaluation as far as the statistics of all tiles allow. A turn's phase is the number of
 * the evaluation. Rows as in compiler/model/timed.h; all evaluations are in memory.
 */
#include "drive_step.h"

/* The functions that compiler/gen/gen_timed_norm.c makes. */
typedef void Sums(DnwrtContext *context, real *tile, const real *sent, const real *held, real *sums,
                  int64_t evaluation);
typedef void Norm(DnwrtContext *context, real *tile, const real *state, const real *sums, int64_t samples,
                  int64_t norm, int64_t evaluation);
typedef void NormBack(DnwrtContext *context, real *tile, const real *state, const real *sums,
                      const real *d_rate, int64_t norm, int64_t evaluation);

void KERNEL(turns)(DnwrtContext *context, real *tile, const DnwrtTime *time, int64_t number, const real *held,
                   real *value, real *rates, real *sums, int64_t sums_step, real *output, Send *send_rows,
                   Sums *sum, Norm *norm, Move *move, Show *show, real *maps);
void KERNEL(turns_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held,
                        real *value, real *sums, const real *d_output, real *work, real *d_held,
                        NormBack *norm, Back *back, Back *edges_back, OutputBack *output_back,
                        HeldBack *held_back, HeldBack *held_output_back);

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
    run->accepted = run->count = time->positions * time->steps;
    run->evaluations = run->count * time->stages;
    run->taken = run->rejected = run->first = run->left = run->failure = run->rounds = 0;
}

void KERNEL(turns)(DnwrtContext *context, real *tile, const DnwrtTime *time, int64_t number, const real *held,
                   real *value, real *rates, real *sums, int64_t sums_step, real *output, Send *send_rows,
                   Sums *sum, Norm *norm, Move *move, Show *show, real *maps)
{
    const DnwrtTurns *turns = context->turns;
    int64_t states = time->states * LANES;
    Drive d = {.context = context, .tile = tile, .maps = maps, .time = time, .value = value, .rates = rates};
    d.sums = sums, d.sums_step = sums_step, d.send = send_rows;
    d.states = states, d.stride = states + time->sent * LANES;
    if (turns->first) {
        note_steps(time, number);
        send(&d, value, 0);
    }
    for (int64_t i = 0; i < turns->count; i++) {
        int64_t e = turns->phase[i], step = e / time->stages, stage = e % time->stages;
        int64_t position = step / time->steps;
        real *state = evaluation(&d, e), *s = sums_at(&d, e);
        const real *shown = held + position * time->held * LANES;
        if (turns->turn[i] == TURN_SUM) sum(context, tile, state + states, shown, s, e);
        else if (turns->turn[i] == TURN_FINISH) {
            move(context, maps, state, state + states, shown, s, rate_at(&d, step, stage, time->step), e);
            if (stage < time->stages - 1) {
                begin_stage(&d, step, step, stage + 1, time->step);
                continue;
            }
            end_step(&d, step, step, time->step, is_plain(time, time->step));
            if ((step + 1) % time->steps == 0)
                show(context, maps, slot_at(&d, step + 1) + states, shown,
                     output + position * time->outputs * LANES);
        } else norm(context, tile, state, s, samples(context, number), turns->turn[i] - TURN_NORM, e);
    }
}

/* work: as of drive_back. d_held: of a held input, by position, or NULL. edges_back: where edges have a
 * batch_norm, what `back` leaves out because it needs the gradients of their statistics; else NULL. */
void KERNEL(turns_back)(DnwrtContext *context, real *tile, const DnwrtTime *time, const real *held,
                        real *value, real *sums, const real *d_output, real *work, real *d_held,
                        NormBack *norm, Back *back, Back *edges_back, OutputBack *output_back,
                        HeldBack *held_back, HeldBack *held_output_back)
{
    const DnwrtTurns *turns = context->turns;
    int64_t states = time->states * LANES;
    Drive d = {.context = context, .tile = tile, .time = time, .held = held, .value = value, .sums = sums};
    d.sums_step = time->sums, d.states = states, d.stride = states + time->sent * LANES;
    DriveBack b = {.d_output = d_output, .d_state = work, .d_rate = work + states, .d_held = d_held};
    b.d_stages = work + (is_plain(time, time->step) ? 1 : 3) * states;
    b.back = edges_back ? edges_back : back, b.output_back = output_back, b.held_back = held_back,
    b.held_output_back = held_output_back;
    if (turns->first) scale(work, work, 0, states);
    if (turns->first && d_held) scale(d_held, d_held, 0, time->positions * time->held * LANES);
    for (int64_t i = 0; i < turns->count; i++) {
        int64_t e = turns->phase[i], step = e / time->stages, stage = e % time->stages;
        int64_t position = step / time->steps;
        const real *d_rate = is_plain(time, time->step) ? b.d_state : b.d_rate;
        if (turns->turn[i] == TURN_SUM) { /* with the gradient of the output that is taken after the step */
            if (stage == time->stages - 1 && (step + 1) % time->steps == 0)
                position_back(&d, &b, position, step + 1);
            rate_back(&d, &b, stage, time->step);
        } else if (turns->turn[i] == TURN_FINISH && edges_back) {
            back(context, tile, evaluation(&d, e), sums_at(&d, e), d_rate, b.d_stages + stage * states,
                 held + position * time->held * LANES, e);
        } else if (turns->turn[i] == TURN_FINISH || turns->turn[i] == TURN_EDGES) {
            stage_back(&d, &b, step, step, stage, position, d_rate);
            if (stage > 0) continue;
            start_back(&d, &b);
            if (step % time->steps == 0 && position > 0 && time->truncate && position % time->truncate == 0)
                scale(b.d_state, b.d_state, 0, states);
        } else norm(context, tile, evaluation(&d, e), sums_at(&d, e), d_rate, turns->turn[i] - TURN_NORM, e);
    }
}
