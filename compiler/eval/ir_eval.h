/* ir_eval.h: the reference interpreter: naive loops in double. What it computes is the definition of every
 * operator.
 */
#ifndef DNW_IR_EVAL_H
#define DNW_IR_EVAL_H
#include "model/model.h"

/* The steps that a sample, or all together, took through a graph in time. */
typedef struct EvalSteps {
    bool known; /* take these */
    Vec(double) length;
    Vec(int64_t) position; /* in a sequence */
} EvalSteps;

struct EvalContext {
    const Model *model;
    int64_t batch;
    const double *input;  /* (batch, input) */
    const double *target; /* (batch, target_size) */
    double *param;        /* flat, by Tensor.offset */
    uint8_t ***kept;      /* [graph][bundle][candidate]: 1 = in use; EDGE_PROBED */
    const double *base;   /* where an edge is probed: the parameters that its difference is taken from */
    int64_t samples;      /* of the training set, which factors of the loss may read; 0: those of the batch */
    uint64_t seed;
    int64_t step;      /* with the seed: dropout */
    EvalSteps **steps; /* [graph][group]: kept from the first pass for later ones; NULL: chosen anew */
    Arena *arena;      /* of the steps that are kept */
};
typedef struct EvalContext EvalContext;

typedef struct Eval {
    double **value;        /* by value number: (batch or 1, size) */
    struct GraphRun **run; /* WIRED, WIRED_BACK (ir_eval_graph.c) */
} Eval;

Eval *eval_func(Arena *a, const Func *f, const EvalContext *c);
/* Room for the steps of one batch, for c->steps. */
EvalSteps **eval_steps(Arena *a, const Model *m, int64_t batch);
/* Graph operators (ir_eval_graph.c). */
void eval_wired(Arena *a, Eval *e, const Value *v, const EvalContext *c);
/* A node function (or its gradient) and room for its values. */
typedef struct Cell {
    const Func *f;
    double **value;           /* by value number, row-major */
    const double *statistics; /* STATISTIC by index; NULL: those kept, and no gradients */
} Cell;
Cell cell_new(Arena *a, const Func *f);
/* For one node: `args` by Slot; NULL: the function does not use it. */
void eval_cell(const Cell *c, const double *const *args, const double *param, int64_t node);
static inline const double *cell_result(const Cell *c, int i)
{
    return c->value[c->f->results.at[i]->id];
}
/* The mark of a candidate that is not in use, while gradcheck moves its weights (ir_eval_graph.h). */
enum { EDGE_PROBED = 2 };
/* All graphs of a model as one, with the lists of a program: where edges of several graphs are one list. */
Graph *eval_joined(Arena *a, const Model *m);
/* Marks the edges in use: the budget of every list, the largest |w| first, ties by candidate number; sampled
 * lists by their random scores. `epoch` is the position for budgets that anneal. Allocates c->kept. */
void eval_choose(Arena *a, EvalContext *c, double epoch);
/* Initial values of all parameters, the same numbers that a program draws. */
void eval_init(const Model *m, uint64_t seed, double *param);
/* Marks [bundle][candidate] that the initial values of a graph choose, with the seed of the train block; of
 * budgets that anneal at their end. */
uint8_t **eval_first_choice(Arena *a, const Graph *g);
#endif
