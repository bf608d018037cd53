/* timed_calls.h: functions of a graph in time that compiler/gen/gen_timed.c makes and drive.c and turns.c
 * call. Rows of one tile; `maps`: room for maps within node functions; `rate`: rates of the states, or the
 * next states of a discrete step. Evaluations are counted from 0 through all steps, because not all edges and
 * nodes matter in all of them (compiler/layout/live.h) and because batch_norm has statistics of each; where
 * the solver chooses its steps, all have number 0.
 */
#ifndef TIMED_CALLS_H
#define TIMED_CALLS_H
#include "kernel.h"

typedef void Send(DnwrtContext *context, real *maps, const real *state, real *sent, int64_t evaluation);
typedef void Move(DnwrtContext *context, real *maps, const real *state, const real *sent, const real *held,
                  real *sums, real *rate, int64_t evaluation);
typedef void Show(DnwrtContext *context, real *maps, const real *sent, const real *held, real *output);
typedef void Back(DnwrtContext *context, real *tile, const real *state, real *sums, const real *d_rate,
                  real *d_state, const real *held, int64_t evaluation);
typedef void OutputBack(DnwrtContext *context, real *tile, const real *state, const real *d_output,
                        real *d_state, const real *held);
typedef void HeldBack(DnwrtContext *context, real *tile, const real *d_sums, real *d_held, const real *sent,
                      const real *held, int64_t evaluation);
#endif
