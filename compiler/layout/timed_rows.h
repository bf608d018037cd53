/* timed_rows.h: where the values of a graph in time stand, and how many steps of it are in memory at once.
 *
 * Solvers that choose their steps have one evaluation more, at the end of a step, which is the first of the
 * next one. So that memory does not grow with their number, the evaluations of `window` steps are in memory
 * at once; what lies further back is computed again from states that are kept on the way (kernels/drive.c).
 *
 * Rows of `wired` (a row: one number a sample): the outputs by position; for evaluation e of the window the
 * states S_e and the sent values Z_e, the last one after its last step; the rates K of one step, unless they
 * are the next states; states that are kept; the sums of one evaluation. Rows of `wired_back`: for each
 * evaluation the sums (then their gradients), the gradients of plain outputs and of a held input by position,
 * and work rows. A graph without a backward pass has one step in memory and keeps no states.
 */
#ifndef DNW_TIMED_ROWS_H
#define DNW_TIMED_ROWS_H
#include "model/timed.h"

typedef struct TimedRows {
    int64_t evaluation;  /* rows from one evaluation to the next */
    int64_t evaluations; /* of the window, and the one after it */
    int64_t sent;        /* of an evaluation: states are at 0, sent values here */
    int64_t values;      /* of evaluation 0 */
    int64_t rates, saved, sums, count;
    int64_t back_output, back_held, back_work, back_count;
} TimedRows;

/* How many steps are in memory at once for the backward pass: all of them, where they have few evaluations
 * or fit, or as many as fit. */
void timed_window(Graph *g, int lanes);
extern int64_t timed_window_few, timed_window_bytes; /* of one tile, in float; tests make them small */
/* Are there more? Then backwards goes window by window, with the gradients of all candidates added up between
 * them. */
bool timed_rounds(const Graph *g);
TimedRows timed_rows(const Graph *g);     /* for training */
TimedRows timed_use_rows(const Graph *g); /* without a backward pass */
TimedRows timed_rows_of(const Value *wired);
enum { TIMED_OUTPUT = 0 }; /* first row of the output set's values in `wired`: by position */
#endif
