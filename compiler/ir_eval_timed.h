/* ir_eval_timed.h: graphs in time in the reference interpreter: what its two files share. */
#ifndef DNW_IR_EVAL_TIMED_H
#define DNW_IR_EVAL_TIMED_H
#include "ir_eval.h"
#include "timed.h"

typedef struct TimedEval {
    Arena *arena;
    const EvalContext *c;
    const Graph *g;
    int64_t states, stride; /* numbers: of an evaluation its states; with what is sent */
    const EvalSteps *steps;
    const double *input; /* of one sample: by position */
    double *value;       /* of the output set: by position */
    double **block, **d_sums;
    double *rates;
    double *d_state, *gradient;         /* gradient NULL: those of weights are not wanted */
    double *d_start, *d_rate, *d_stage; /* of the step that is gone back: gradients; of one stage */
    double *stage, *change;             /* the adjoint: its stages and their rates */
    double *statistics, *d_statistics;  /* Eval.statistics of wired, of wired_back (NULL: forwards) */
    EdgeStatistics edges;               /* the same for edges */
} TimedEval;

/* One evaluation of a sample: what all nodes send, the position of a sequence; its number, where there is
 * one for all samples. */
typedef struct Moment {
    const double *sent;
    int64_t position, number;
} Moment;

/* One weight of a line, and the sum over samples of its gradient. */
typedef struct EdgeSum {
    int bundle;
    const Tensor *weight;
    double *out;
} EdgeSum;

/* ir_eval_timed_edge.c: edges at one evaluation. */
void timed_sum_into(const TimedEval *t, int set, int64_t node, Moment at, double *out);
/* Adds to the gradient of a target's own value (`out`; NULL: it has none) from the edges into it, and to
 * those of weights that edges share. */
void timed_own_gradient(const TimedEval *t, int set, int64_t node, Moment at, const double *d, double *out);
/* Adds the gradient of what a node sends from the edges out of it: to moving targets, or to the plain output.
 */
void timed_gather(const TimedEval *t, int set, int64_t node, Moment at, const double *d_sums, bool to_output,
                  double *out);
/* Adds what one evaluation gives to all candidates; d: gradients of the targets' sums. */
void timed_add_candidates(const TimedEval *t, const EdgeSum *e, Moment at, const double *d, int64_t pitch);
/* A candidate. */
EdgeAt timed_edge(const TimedEval *t, int bundle, int64_t candidate, int64_t source, int64_t target,
                  Moment at);
#endif
