/* timed.h: graphs that run in time: states, evaluations, and where their values stand.
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
 * holds the whole step (check_implicit.c).
 *
 * scan runs the steps once for each position of a sequence: a held input shows its part, states go on, and
 * the output is taken after the steps of each position.
 *
 * Solvers that choose their steps have one evaluation more, at the end of a step, which is the first of the
 * next one. So that memory does not grow with their number, the evaluations of `window` steps are in memory
 * at once; what lies further back is computed again from states that are kept on the way (kernels/drive.c).
 *
 * Rows of `wired` (a row: one number a sample): the outputs by position; for evaluation e of the window the
 * states S_e and the sent values Z_e, the last one after its last step; the rates K of one step, unless they
 * are the next states; states that are kept; the sums of one evaluation. Rows of `wired_back`: for each
 * evaluation the sums (then their gradients), the gradients of plain outputs and of a held input by position,
 * and work rows. A graph that nothing goes back through has one step in memory and keeps no states.
 */
#ifndef DNW_TIMED_H
#define DNW_TIMED_H
#include "model.h"

typedef struct TimedRows {
    int64_t evaluation;  /* rows from one evaluation to the next */
    int64_t evaluations; /* of the window, and the one after it */
    int64_t sent;        /* of an evaluation: states stand at 0, sent values here */
    int64_t values;      /* of evaluation 0 */
    int64_t rates, saved, sums, count;
    int64_t back_output, back_held, back_work, back_count;
} TimedRows;

static inline bool is_timed(const Graph *g)
{
    return g->time.stages > 0;
}
/* Do states move by rates? Else by next values. */
static inline bool is_flow(const Graph *g)
{
    return g->time.end > g->time.start;
}
/* Evaluations of a sample; of a solver that chooses its steps: of one step a position. */
int64_t timed_evaluations(const Graph *g);
/* How many steps stand in memory at once for the way back: all of them, where they have few evaluations or
 * fit, or as many as fit. */
void timed_window(Graph *g, int lanes);
extern int64_t timed_window_few, timed_window_bytes; /* of one tile, in float; tests make them small */
/* Are there more? Then backwards goes window by window, with the gradients of all candidates added up between
 * them. */
bool timed_rounds(const Graph *g);
TimedRows timed_rows(const Graph *g);     /* for training */
TimedRows timed_use_rows(const Graph *g); /* where nothing goes back */
TimedRows timed_rows_of(const Value *wired);
enum { TIMED_OUTPUT = 0 }; /* first row of the output set's values in `wired`: by position */
/* A set that takes part in time: not a held input, not an output that is a plain sum at the end. */
bool is_moving(const Graph *g, int set);
/* Lines whose edges in use never change, and whose other candidates therefore have no gradients. Of lines
 * that are all in use only lists of pairs: the others are matrix products. */
bool edges_stay(const Graph *g, const Bundle *u);
/* Of these, and of lines with estimated gradients: are those of edges in use added up where the graph goes
 * backwards (kernels/gather.c)? Not where nothing goes back to the sources. */
bool edges_with_dots(const Graph *g, const Bundle *u);
#endif
