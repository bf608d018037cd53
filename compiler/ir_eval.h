/* ir_eval.h: the reference interpreter: naive loops in double. What it computes is the definition of every
 * operator.
 */
#ifndef DNW_IR_EVAL_H
#define DNW_IR_EVAL_H
#include "model.h"

/* The steps that a group of 64 samples took through a graph in time. */
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
    uint64_t seed;
    int64_t step;      /* with the seed: dropout */
    EvalSteps **steps; /* [graph][group]: kept from the first pass for later ones; NULL: chosen anew */
    Arena *arena;      /* of the steps that are kept */
};
typedef struct EvalContext EvalContext;

typedef struct Eval {
    double **value;      /* by value number: (batch or 1, size) */
    double **nodes;      /* static WIRED: values of all nodes; its WIRED_BACK: gradients of all sums */
    double **sums;       /* static WIRED: sums of all nodes; its WIRED_BACK: gradients of all values */
    double **statistics; /* of batch_norm: WIRED: those found or kept, then those of EDGE_PROBED; WIRED_BACK:
                            gradients over numbers */
    struct TimedTrace **trace; /* WIRED, WIRED_BACK of graphs in time */
} Eval;

Eval *eval_func(Arena *a, const Func *f, const EvalContext *c);
/* Room for the steps of one batch, for c->steps. */
EvalSteps **eval_steps(Arena *a, const Model *m, int64_t batch);
/* Graph operators (ir_eval_wired.c), and those of graphs in time (ir_eval_timed.c). */
void eval_wired(Arena *a, Eval *e, const Value *v, const EvalContext *c);
void eval_timed(Arena *a, Eval *e, const Value *v, const EvalContext *c);
/* A node function (or its gradient) and room for its values. */
typedef struct Cell {
    const Func *f;
    double **value;           /* by value number, row-major */
    const double *statistics; /* STATISTIC by index; NULL: those kept, and no gradients */
} Cell;
Cell cell_new(Arena *a, const Func *f);
/* For one node: `args` by ARG index; NULL: the function does not use it. */
void eval_cell(const Cell *c, const double *const *args, const double *param, int64_t node);
static inline const double *cell_result(const Cell *c, int i)
{
    return c->value[c->f->results.at[i]->id];
}
/* ir_eval_edge.c: one candidate. `d` holds gradients of the sum of its target.
 *
 * EDGE_PROBED is the mark of a candidate that is not in use, while gradcheck moves its weights: it adds its
 * function less the same function with the weights of `base`, which is 0 where they are equal. */
enum { EDGE_PROBED = 2 };
/* Statistics of batch_norm of a graph (Norm.first): found with the parameters, with those of `base`; their
 * gradients over numbers. */
typedef struct EdgeStatistics {
    double *found, *base, *gradient;
} EdgeStatistics;
typedef struct EdgeAt {
    int bundle;
    int64_t candidate, pixels; /* pixels: of the sum of its target */
    const double *source;      /* what its source sends: a number, or a map row by row */
    const double *own;         /* what its target sends, where it sends something */
    int64_t slope; /* from the sum of its target to its slope (NodeSet), likewise with gradients */
    const EdgeStatistics *statistics; /* NULL: those that are kept */
    int64_t evaluation;               /* in time */
} EdgeAt;
/* Adds to the sum; nothing when it is not in use. */
void edge_value(const EvalContext *c, const Graph *g, EdgeAt at, double *out);
/* Adds to the gradient of the source's value; nothing when it is not in use. */
void edge_to_source(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *out);
/* Adds to the gradient of the target's own value (`out`), and to those of shared weights (`gradient`: of all
 * parameters); NULL: not wanted. Nothing when it is not in use. */
void edge_to_own(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, double *out,
                 double *gradient);
/* Adds to the gradient of parameter `p`, in use or not: straight through the choice. */
void edge_to_weights(const EvalContext *c, const Graph *g, EdgeAt at, const double *d, const Tensor *p,
                     double *out);
/* batch_norm of one candidate, in use or not, from what its ends send in each sample of the batch: the
 * statistics of what it is given; their gradients, from those of the sum of its target (d, by sample). */
void edge_find_statistics(const EvalContext *c, const Graph *g, const EdgeAt *at);
void edge_find_gradients(const EvalContext *c, const Graph *g, const EdgeAt *at, const double *const *d);
double eval_predicate(const Func *f, const double *args, uint64_t seed, uint64_t stream, int64_t target,
                      int64_t source, double *scratch);
/* Marks the edges in use: the budget of every list, the largest |w| first, ties by candidate number; sampled
 * lists by their random scores. `epoch` is the position for budgets that anneal. Allocates c->kept. */
void eval_choose(Arena *a, EvalContext *c, double epoch);
/* Initial values of all parameters, the same numbers that a program draws. */
void eval_init(const Model *m, uint64_t seed, double *param);
#endif
