/* timed_calls.h: functions of a graph in time that compiler/gen_timed.c makes and drive.c and turns.c call.
 * Rows of one tile; `rate`: rates of the states, or the next states of a discrete step.
 */
#ifndef TIMED_CALLS_H
#define TIMED_CALLS_H
#include "kernel.h"

typedef void Send(DnwrtContext *context, real *tile, const real *state, real *sent);
typedef void Move(DnwrtContext *context, real *tile, const real *state, const real *sent, const real *held,
                  real *sums, real *rate, int64_t step);
typedef void Show(DnwrtContext *context, real *tile, const real *sent, const real *held, real *output);
typedef void Back(DnwrtContext *context, real *tile, const real *state, real *sums, const real *d_rate,
                  real *d_state, const real *held, int64_t step);
typedef void OutputBack(DnwrtContext *context, real *tile, const real *state, const real *d_output,
                        real *d_state, const real *held);
typedef void HeldBack(DnwrtContext *context, real *tile, const real *d_sums, real *d_held, const real *sent,
                      const real *held);
#endif
