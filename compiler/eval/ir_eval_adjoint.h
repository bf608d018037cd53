/* ir_eval_adjoint.h: gradients by the adjoint. */
#ifndef DNW_IR_EVAL_ADJOINT_H
#define DNW_IR_EVAL_ADJOINT_H
#include "eval/ir_eval_graph.h"

/* As time_back; false: the solver could not go on. */
bool adjoint_back(GraphEval *e, const EvalSteps *forward);
#endif
