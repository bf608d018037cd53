/* report.h: sizes of a model, as `dnw check` and tests state them. */
#ifndef DNW_REPORT_H
#define DNW_REPORT_H
#include "compile.h"
#include "model.h"

/* Learned numbers in use: edges that are kept, weights of node functions, parameters of layers. */
int64_t model_parameters(const Model *m);
#endif
