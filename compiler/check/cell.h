/* cell.h: functions of nodes and edges: weights, states, norms, maps. They know the graph that they are part
 * of, and not how it is built.
 */
#ifndef DNW_CELL_H
#define DNW_CELL_H
#include "check/expr.h"

/* A node function in time while it is evaluated (cell_time.c). */
typedef struct TimedState {
    const char *name;
    double start;
    Val *first;  /* where it starts at a value of weights: what stands for it is how far it is from there */
    Value *next; /* or rate */
    Span span, moved;
} TimedState;
typedef struct TimedCell {
    int count;
    TimedState state[MAX_STATES];
    Func *f;
    Value *sent, *shown; /* its last line; shown NULL: what it sends */
    bool own;            /* edges read what its node sends */
} TimedCell;

typedef struct CellCost {
    const char *name;
    Value *value;
    Span span;
} CellCost;

/* The function of nodes or edges that is evaluated. */
typedef struct CellBuild {
    Graph *graph;
    NodeSet *set; /* its nodes; of an edge: stands for the candidates */
    bool of_edge;
    bool spread;             /* shared weights of an edge are weights of each candidate, tied */
    const char *prefix;      /* of parameter names */
    TimedCell *timed;        /* in a graph with time */
    Vec(CellCost) costs;     /* of its weights (cell_cost.c) */
    struct CellBuild *outer; /* what goes on when it is done */
    Mode mode;
    Func *func;
} CellBuild;

/* cell.c */
/* From here to cell_close values go into a new function of nodes or edges. */
Func *cell_open(Check *k, CellBuild *here, const char *name);
void cell_close(Check *k);
/* The same for the nodes of a set. */
void node_open(Check *k, CellBuild *here, Graph *g, int set);
/* The function that is open gets its name, by which its weights are known. */
void name_cell(Check *k, CellBuild *here, const Val *function);
/* Ends a function of nodes that is open: its function (NULL: the sum) of the sums of a node. */
void build_cell(Check *k, CellBuild *here, Val *function);
/* For Above. */
bool cell_line(Check *k, Scope *scope, const Decl *d, const Stmt *s);

/* cell.c: what a weight of edges starts with, from the value behind = or ~; false after a message. */
bool edge_weight_start(Check *k, Val *start, bool shared, InitSpec *out);
/* cell_trait.c: how the weight that s declares learns; false after a message. */
bool weight_traits(Check *k, Scope *scope, const Stmt *s, Tensor *p);
/* cell_port.c */
/* The ports of a function of nodes, where there are several: its parameters that have no value. */
void function_ports(Check *k, const Val *function, NodeSet *s);
/* The function (NULL: the first sum) of the sums of a node of `s`, which become arguments of f. */
Val *apply_to_sums(Check *k, const NodeSet *s, Val *function, Func *f);

/* cell_index.c */
/* The number floor(node / stride) mod count of each node of the set whose function is being built. */
Value *node_number(Check *k, const char *name, int64_t stride, int64_t count, Span span);
/* The value of a node of a set that has a learned size, with the mask of its place. */
Value *masked_node(Check *k, Value *value);
/* The indices of the set, and its own name where the function is given its coordinates. */
void bind_node(Check *k, const NodeSetDecl *d, Val *set, Scope *scope);

/* cell_noise.c */
/* noise(x, deviation) in the function of a node. */
Val *cell_noise(Check *k, Val **a, Span span);
/* Does a function that has none, what a node sends or shows, read noise? Then a message. */
bool reads_noise(Check *k, const Func *f, const char *what);

/* cell_cost.c */
/* One more part of a cost of the model: a number in the function being built. */
void cost_add(Check *k, const char *name, Value *part, Span span);
/* The line `cost NAME = value`, for Above. */
bool cost_line(Check *k, Scope *scope, const Stmt *s);
/* Does it follow from weights of the node or candidate, and from numbers, alone? */
bool follows_from_weights(const Func *f, Value *value);
/* The costs of the function that was built, as a function of the weights of one node or candidate; NULL: it
 * has none, or after a message. */
Func *cell_costs(Check *k, const CellBuild *cell, const Func *f);

/* cell_norm.c */
/* x, momentum, eps: batch_norm of the sum of a node. */
Val *cell_batch_norm(Check *k, Val **a, Span span);
/* Makes the functions of what is normalised; false after a message: f, the function that moves or is the
 * node's value, has no use for one of them. */
bool norms_used(Check *k, const Graph *g, NodeSet *s, const Func *f);
/* Is it a scale or shift of one of them? */
bool is_of_norm(const NodeSet *s, const Tensor *weight);
/* Is there none in what the node sends or shows? Else a message. */
bool norms_moved(Check *k, const Graph *g, const NodeSet *s, const Func *sent);

/* cell_time.c */
bool read_time(Check *k, const Val *v, Span span, Time *out);
Time time_of_steps(const Check *k, const char *text, int64_t steps);
/* A line that declares or moves a state, as for Above. */
bool state_line(Check *k, Scope *scope, const Decl *d, const Stmt *s);
/* The message about what has states inside a function that is applied to each position. */
Val *scan_within(Check *k, const char *name, Span span);
/* As build_cell, in a graph with time. `own`: edges into the set read what its nodes send. */
void build_timed_cell(Check *k, CellBuild *here, Val *function, bool own);

/* cell_implicit.c: the solver semi_implicit */
/* Of a graph with that solver: the rates next[0 ..] become the states after one step. False after a message.
 */
bool step_implicitly(Check *k, const Graph *g, NodeSet *s, const TimedCell *c, Value **next);
/* The derivative of an edge's value by the target's own value; NULL after a message. */
Value *edge_slope(Check *k, Func *f, Value *value, const char *name);

/* cell_map.c */
enum { LARGEST_FILTER = 11, LARGEST_STRIDE = 4096 };
Val *apply_map(Check *k, const Builtin *b, Val **args, Span span);
/* "a number", "a map [8, 8]" */
const char *map_text(Check *k, Shape map);
#endif
