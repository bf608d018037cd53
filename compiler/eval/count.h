/* count.h: learned numbers in use, as `dnw check`, tests and programs state them. */
#ifndef DNW_COUNT_H
#define DNW_COUNT_H
#include "model/model.h"

/* Weights of edges in use and of functions; of a model, parameters of layers, too. */
int64_t graph_parameters(const Graph *g);
int64_t model_parameters(const Model *m);
/* The first part of a cost, which follows from weights alone. */
double cost_of(const Model *m, const char *name, double *param);
#endif
