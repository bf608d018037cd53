/* ir_eval_path.h: terms of declared rules that follow from paths of edges in use, by their definition
 * (runtime/wiring/path_flow.c, paths3.c): out[candidate] of one line.
 */
#ifndef DNW_IR_EVAL_PATH_H
#define DNW_IR_EVAL_PATH_H
#include "eval/ir_eval_rule.h"

void eval_path_flow(const EvalRule *r, int line, double *out);
void eval_paths3(const EvalRule *r, int line, double *out);
#endif
