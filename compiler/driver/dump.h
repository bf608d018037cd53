/* dump.h: text of models, functions and plans (docs/ir.md): what `dnw build --dump` prints. */
#ifndef DNW_DUMP_H
#define DNW_DUMP_H
#include "layout/plan.h"

void func_dump(const Func *f, FILE *out);
void model_dump(const Model *m, FILE *out);
/* Functions of nodes and edges, their gradients, and the program's own. */
void ir_dump(const Ir *ir, FILE *out);
void plan_dump(const Func *f, const Plan *p, bool addresses, FILE *out);
#endif
