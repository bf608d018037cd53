/* turns.c: a graph in equal steps whose node functions have a batch_norm, in rounds of turns (kernel.h):
 * every tile does one evaluation as far as the statistics of all tiles allow. A turn's phase is the number of
 * the evaluation. Rows as in compiler/model/timed.h; all evaluations are in memory.
 */
#include "drive_step.h"

void KERNEL(turns)(const Drive *given, const TimedCalls *calls);
void KERNEL(turns_back)(const Drive *given, const TimedCalls *calls);

/* All steps are taken, and all stand in the window. */
static void note_steps(const DnwrtTime *time, int64_t number)
{
    DnwrtRun *run = &time->run[number];
    run->accepted = run->count = time->positions * time->steps;
    run->evaluations = run->count * time->stages;
    run->taken = run->rejected = run->first = run->left = run->failure = run->rounds = 0;
}

/* The evaluation of a turn. */
typedef struct Turn {
    int64_t turn, step, stage, position;
    int ends; /* the stage is the last one of a position */
    Evaluation at;
} Turn;

static Turn turn_at(const Drive *d, int64_t i)
{
    const DnwrtTime *time = d->time;
    int64_t e = d->context->turns->phase[i], step = e / time->stages, stage = e % time->stages,
            position = step / time->steps;
    return (Turn){.turn = d->context->turns->turn[i],
                  .step = step,
                  .stage = stage,
                  .position = position,
                  .ends = stage == time->stages - 1 && (step + 1) % time->steps == 0,
                  .at = at_evaluation(d, e, e, position)};
}

void KERNEL(turns)(const Drive *given, const TimedCalls *calls)
{
    Drive d = drive_with(given, calls);
    const DnwrtTurns *turns = d.context->turns;
    const DnwrtTime *time = d.time;
    const double h = time->step;
    if (turns->first) {
        note_steps(time, d.number);
        send(&d, 0, 0);
    }
    for (int64_t i = 0; i < turns->count; i++) {
        const Turn t = turn_at(&d, i);
        if (t.turn == TURN_SUM) d.calls->sums(&t.at);
        else if (t.turn == TURN_FINISH) {
            d.calls->move(&t.at, rate_at(&d, t.step, t.stage, h));
            if (t.stage < time->stages - 1) {
                begin_stage(&d, t.step, t.step, t.stage + 1, h);
                continue;
            }
            end_step(&d, t.step, t.step, h, is_plain(time, h));
            if (t.ends) show(&d, t.step + 1, t.position);
        } else d.calls->norm(&t.at, t.turn - TURN_NORM, samples(&d));
    }
}

void KERNEL(turns_back)(const Drive *given, const TimedCalls *calls)
{
    Drive d = drive_back_with(given, calls);
    const DnwrtTurns *turns = d.context->turns;
    const DnwrtTime *time = d.time;
    if (turns->first) clear_gradients(&d);
    for (int64_t i = 0; i < turns->count; i++) {
        const Turn t = turn_at(&d, i);
        const real *d_rate = is_plain(time, time->step) ? d.d_state : d.d_rate;
        if (t.turn == TURN_SUM) { /* with the gradient of the output that is taken after the step */
            if (t.ends) position_back(&d, t.position, t.step + 1);
            rate_back(&d, t.stage, time->step);
        } else if (t.turn == TURN_FINISH && d.calls->rates_back) {
            d.calls->rates_back(&t.at, d_rate, d.d_stages + t.stage * d.states);
        } else if (t.turn == TURN_FINISH || t.turn == TURN_EDGES) {
            stage_back(&d, &t.at, t.position, t.stage, d_rate);
            if (t.stage > 0) continue;
            start_back(&d);
            if (t.step % time->steps == 0 && t.position > 0 && time->truncate &&
                t.position % time->truncate == 0)
                scale(d.d_state, d.d_state, 0, d.states);
        } else d.calls->norm_back(&t.at, t.turn - TURN_NORM, d_rate);
    }
}
