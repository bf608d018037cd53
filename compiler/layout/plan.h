/* plan.h: when and where every value of a function is computed.
 *
 * fuse cuts a function into levels, separated by sums over samples: a value of level n needs such sums of
 * level n - 1. Within a level the per-sample values run tile by tile in steps; pointwise values of one size
 * share a step and become one loop. Its elements are cut into runs where it reads or sums up one number for
 * `run` elements: what is repeated for the pixels of a map needs no memory, nor what is summed over them.
 * recompute adds to loops what is faster computed again than written by another loop and read. plan gives
 * addresses: a row of the tile (one number a sample) for each element that is kept in memory, an element of
 * the shared area for values that all samples share.
 */
#ifndef DNW_PLAN_H
#define DNW_PLAN_H
#include "model/model.h"

typedef struct PlanStep {
    bool loop;         /* pointwise values of `size` elements, and sums over runs; else one operator */
    int64_t size, run; /* run: elements of a run; 0: there are no runs */
    int level, number; /* of the step in its level */
    Vec(Value *) values;
} PlanStep;

typedef struct PlanLevel {
    Vec(Value *) once;   /* shared values, computed before the tiles */
    Vec(PlanStep) steps; /* for every tile */
    Vec(Value *) sums;   /* SUM_SAMPLES and WIRED_WEIGHT: summed over tiles afterwards */
    const Graph *rounds; /* the level is wired_back of this graph, window by window (timed.h); NULL: no */
    const Value *norms;  /* it is this wired or wired_back, from batch_norm to batch_norm; NULL: no */
} PlanLevel;

typedef struct Plan {
    Vec(PlanLevel) levels;
    int64_t rows;                                         /* of a tile */
    int64_t local_rows;                                   /* of a thread: local.c */
    int64_t partials;                                     /* elements after them: the tile's own sums */
    int64_t shared;                                       /* elements */
    int64_t input_row, target_row, valid_row, output_row; /* -1: not used */
    int64_t loss;                                         /* element of the shared area; -1 */
    Vec(const Value *) filled; /* FACTOR, USED: in the shared area, which the runtime fills */
} Plan;

/* Fill ir->train_plan and ir->infer_plan. */
void fuse(Ir *ir);
void plan(Ir *ir);
/* taps.c: before values have levels. */
void plan_taps(Ir *ir);
bool plan_plain_products(const Graph *g);
/* recompute.c */
void recompute(Arena *perm, Func *f, Plan *p);
/* sums.c: gradients of outputs that stand where the graph keeps them. */
void plan_sums(Func *f, const Plan *p);
/* Of WIRED or WIRED_BACK: those of its nodes, and room behind them. */
int64_t plan_graph_rows(const Value *v);
/* local.c: which values are local, and their rows; marks of what is stored are there. */
void plan_local(const Func *f, Plan *p);
/* Its rows are those of its argument, or of another value of its graph. */
bool plan_is_view(const Value *v);
/* Does it add to the gradient of a line's candidates, which the runtime makes? Then it has no memory: what is
 * added joins the gradient behind the step. */
bool plan_adds_to_edges(const Value *v);
/* Has this step code for v? */
bool plan_makes(const PlanStep *step, const Value *v);
/* Of a value that has memory: is this the loop that writes it? Others compute it again. */
bool plan_stores(const PlanStep *step, const Value *v);
/* What a loop reads for argument a of one of its values: a, or what that repeats. */
Value *plan_read(Value *a);
/* The elements of a run, for v in a loop: those that a sum is over, or that have the same number; 0: any. */
int64_t plan_run(const Value *v);
/* The value whose memory holds v: reshape and slice are views. */
const Value *plan_storage(const Value *v);
#endif
