/* ir_eval_time.h: graphs in time in the reference interpreter: which evaluation comes next. */
#ifndef DNW_IR_EVAL_TIME_H
#define DNW_IR_EVAL_TIME_H
#include "eval/ir_eval_graph.h"

/* False: a solver could not go on. */
bool time_forward(GraphEval *e);
void time_back(GraphEval *e);
/* What the adjoint does alike: states and rates of a stage, all nodes of an evaluation. */
Frame *time_frame(Sample *s, int64_t frame);
void time_room(GraphEval *e, int64_t frames);
void time_send(GraphEval *e, Sample *s, int64_t frame);
void time_evaluate(GraphEval *e, Moment m, int stage);
void time_evaluate_back(GraphEval *e, Moment m, int stage);
void time_output_back(GraphEval *e, int64_t position, int64_t frame);
/* Root mean square over samples and states of (sum over i of factor_i K_i, or without factors the states at
 * `a`) by the tolerance at the states of two frames. */
double time_norm(const GraphEval *e, int64_t a, int64_t b, const double *factor, int count);
#endif
