/* plan.h: when and where every value of a function is computed.
 *
 * fuse cuts a function into levels, separated by sums over samples: a value of level n needs such sums of
 * level n - 1. Within a level the per-sample values run tile by tile in steps; pointwise values of one size
 * share a step and become one loop. plan gives addresses: a row of the tile (one number a sample) for each
 * element that is kept in memory, an element of the shared area for values that all samples share.
 */
#ifndef DNW_PLAN_H
#define DNW_PLAN_H
#include "model/model.h"

typedef struct PlanStep {
    bool loop; /* pointwise values of `size` elements in one loop; else one operator */
    int64_t size;
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
    int64_t partials;                                     /* elements after them: the tile's own sums */
    int64_t shared;                                       /* elements */
    int64_t input_row, target_row, valid_row, output_row; /* -1: not used */
    int64_t loss;                                         /* element of the shared area; -1 */
} Plan;

/* Fill ir->train_plan and ir->infer_plan. */
void fuse(Ir *ir);
void plan(Ir *ir);
/* The value whose memory holds v: reshape and slice are views. */
const Value *plan_storage(const Value *v);
#endif
