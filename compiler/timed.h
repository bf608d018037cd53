/* timed.h: graphs that run in time: states, evaluations, and where their values stand.
 *
 * A node of a timed graph has states s. It sends g(s); with z the weighted sum of what reaches it, its states
 * move by h(z, s): to their next values (steps) or with that rate (flow). A function without a state has one:
 * its own value. Every kind of time is an explicit Runge-Kutta scheme (Hairer, Norsett, Wanner, "Solving ODEs
 * I", II.1) over the same two functions, with `stages` evaluations a step: S_i = S + sum over j < i of a_ij
 * K_j     K_i = h(sums of g(S_i), S_i)     S' = carry S + sum over i of b_i K_i a and b hold the step size;
 * discrete steps have one stage, carry 0 and b = 1.
 *
 * scan runs the steps once for each position of a sequence: a held input shows its part, states go on, and
 * the output is taken after the steps of each position.
 *
 * Rows of `wired` (a row: one number a sample): for evaluation e = 0 .. E-1 the states S_e and the sent
 * values Z_e, then the same after the last step, the rates K of one step, the sums of one evaluation, and (of
 * a plain output or a sequence) the outputs by position. Rows of `wired_back`: for each evaluation the sums
 * (then their gradients), the gradients of plain outputs by position, and work rows.
 */
#ifndef DNW_TIMED_H
#define DNW_TIMED_H
#include "model.h"

typedef struct TimedRows {
    int64_t evaluation;                 /* rows from one evaluation to the next */
    int64_t sent;                       /* of an evaluation: states stand at 0, sent values here */
    int64_t last;                       /* states and sent values after the last step */
    int64_t rates, sums, output, count; /* output -1: that of `last` */
    int64_t back_output, back_work, back_count;
} TimedRows;

static inline bool is_timed(const Graph *g)
{
    return g->time.stages > 0;
}
int64_t timed_evaluations(const Graph *g);
static inline int64_t timed_evaluations_a_position(const Graph *g)
{
    return g->time.steps * g->time.stages;
}
TimedRows timed_rows(const Graph *g);
/* First row of the output set's values in `wired`. */
int64_t timed_output(const Graph *g);
/* A set that takes part in time: not a held input, not an output that is a plain sum at the end. */
bool is_moving(const Graph *g, int set);
#endif
