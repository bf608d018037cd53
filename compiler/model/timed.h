/* timed.h: graphs that run in time: states and evaluations.
 *
 * A node of a timed graph has states s. It sends g(s); with z its sum over incoming edges, its states move by
 * h(z, s): to their next values (steps) or with that rate (flow). A function without a state has one: its own
 * value. Every kind of time is an explicit Runge-Kutta scheme (Hairer, Norsett, Wanner, "Solving ODEs I",
 * II.1) over the same two functions, with `stages` evaluations a step:
 *
 *   S_i = S + sum over j < i of a_ij K_j
 *   K_i = h(sums of g(S_i), S_i)
 *   S'  = carry S + sum over i of b_i K_i
 *
 * a and b hold the step size; discrete steps have one stage, carry 0 and b = 1; so has semi_implicit, whose h
 * holds the whole step (cell_implicit.c).
 *
 * scan runs the steps once for each position of a sequence: a held input shows its part, states go on, and
 * the output is taken after the steps of each position.
 */
#ifndef DNW_TIMED_H
#define DNW_TIMED_H
#include "model/model.h"

static inline bool is_timed(const Graph *g)
{
    return g->time.stages > 0;
}
/* Do states move by rates? Else by next values. */
static inline bool is_flow(const Graph *g)
{
    return g->time.end > g->time.start;
}
/* As generated code and the runtime have it. */
DnwrtTime timed_record(const Graph *g);
/* Evaluations of a sample; of a solver that chooses its steps: of one step a position. */
int64_t timed_evaluations(const Graph *g);
/* A set that takes part in time: not a held input, not an output that is a plain sum at the end. */
bool is_moving(const Graph *g, int set);
/* Lines whose edges in use never change, and whose other candidates therefore have no gradients. Of lines
 * that are all in use only lists of pairs: the others are matrix products. */
bool edges_stay(const Graph *g, const Bundle *u);
/* The same, and lines whose rule gives gradients to edges in use alone. */
bool edges_of_used(const Graph *g, const Bundle *u);
/* Of these, and of lines with estimated gradients: are those of edges in use added up where the graph goes
 * backwards (kernels/gather.c)? Not where nothing goes back to the sources. */
bool edges_with_dots(const Graph *g, const Bundle *u);
#endif
