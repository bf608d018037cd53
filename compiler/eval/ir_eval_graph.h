/* ir_eval_graph.h: graphs in the reference interpreter.
 *
 * A graph runs as a list of evaluations. Each takes some nodes from the values of their sources: sums over
 * edges in use, statistics of batch_norm over all samples, node functions (ir_eval_graph.c); backwards the
 * same in the opposite order. What comes next is for the kind of time to say (ir_eval_time.c): a static graph
 * evaluates phase after phase; steps and solvers evaluate all moving nodes at each stage of each step.
 *
 * All numbers stand by sample: a frame is what the nodes of a sample have at one evaluation, by the rows of
 * model.h (set_state, set_value, set_sum). A static graph has one frame.
 */
#ifndef DNW_IR_EVAL_GRAPH_H
#define DNW_IR_EVAL_GRAPH_H
#include "eval/ir_eval.h"
#include "model/timed.h"

typedef struct Frame {
    double *state, *value, *sum;
} Frame;

typedef struct Sample {
    const double *input;                      /* of the input set: by position */
    const double *const (*noise)[MAX_NOISES]; /* by set and number; NULL: none is read, or it is 0 */
    double *output;                           /* by position */
    Vec(Frame) frames;
    double *rates; /* of one step, by stage: (stages + 1, states) */
    /* backwards: gradients */
    const double *d_output;
    double *d_input;
    double *d_sum, *d_value, *d_stage;  /* at one evaluation: of sums, values, states */
    double *d_state, *d_start, *d_rate; /* of the states after a step, before it; of rates, by stage */
    double *adjoint, *change;           /* stages of the adjoint, and their rates, by stage */
} Sample;

/* A function and its gradient, with room for their values; `known`: statistics as they number them. */
typedef struct CellRoom {
    const CellFn *fn;
    Cell forward, back, input[MAX_NORMS], norm_back[MAX_NORMS];
    double known[4 * MAX_NORMS];
} CellRoom;
typedef struct EdgeRoom {
    CellRoom fn;
    Cell to_source, to_own, to_weights;
} EdgeRoom;

/* Some samples of a batch that go through a graph together. */
typedef struct GraphEval {
    Arena *arena;
    const EvalContext *c;
    const Graph *g;
    int64_t count;
    Sample *at;
    EvalSteps *steps;             /* that they took */
    CellRoom *cell, *send, *show; /* by set */
    EdgeRoom *edge;               /* by bundle */
    bool batch;                   /* batch_norm takes the statistics of these samples, not the kept ones */
    double *statistics, *base_statistics; /* found with the parameters, with EvalContext.base */
    double *d_statistics;                 /* gradients over numbers; NULL: forwards */
    double *gradient;                     /* of all parameters; NULL: not wanted */
} GraphEval;

/* One evaluation: its frame, the position of a sequence, its number among those that norms know. */
typedef struct Moment {
    int64_t frame, position, number;
} Moment;

/* ir_eval_graph.c: one node. */
typedef struct NodeAt {
    int set;
    int64_t node;
} NodeAt;
/* The sum over its edges, statistics, its function: to its value, or in time to the rates of a stage. */
void graph_node(GraphEval *e, Moment m, int stage, NodeAt n);
/* Backwards from the gradient of that: to those of its states, of weights, of its sources' values. */
void graph_node_back(GraphEval *e, Moment m, int stage, NodeAt n);
/* The sum over edges into a node; adds what its gradient d gives to sources, own value and weights. */
void graph_sum(GraphEval *e, Sample *s, Moment m, NodeAt n, double *out);
void graph_sum_back(GraphEval *e, Sample *s, Moment m, NodeAt n, const double *d);
/* Room for the functions of a graph; of one; its statistics of one node or candidate at an evaluation. */
void graph_rooms(GraphEval *e);
void cell_room(Arena *a, const CellFn *fn, CellRoom *out);
void cell_know(const GraphEval *e, CellRoom *r, int64_t node, int64_t evaluation, bool base);
#endif
