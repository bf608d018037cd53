/* model.h: the meaning of a program: names resolved, shapes known, candidates counted, defaults filled.
 *
 * Made by check. A graph here is an instance: a graph declaration with its arguments, as one place in the
 * model uses it.
 */
#ifndef DNW_MODEL_H
#define DNW_MODEL_H
#include "ir/ir.h"
#include "common/choice.h"
#include "common/groups.h"
#include "common/taps.h"
#include "common/wiring.h"
#include "base/table.h"
#include <jansson.h>

/* One tensor of numbers: learned, or kept statistics. */
typedef struct Tensor {
    int number;            /* position in Model.params */
    const char *name;      /* "Wiring.h.Unit.b" */
    Shape shape;           /* node set's indices, then the weight's own */
    int64_t size, offset;  /* elements; first element in the flat array (multiple of 16) */
    int64_t stored, place; /* the same in a program, set by layout: fewer where a rule asks for fewer */
    InitSpec init;         /* without rows and columns: tensor_init */
    bool learned;          /* else nothing moves it: statistics, indices, weights that are fixed */
    bool shared;           /* in a node function: one for the whole node set */
    bool tied;             /* of edges: one for all candidates of a tie (EdgeList.ties) */
    int64_t components;    /* numbers a node (or in all, when shared) */
    bool clamped;
    double low, high;
    double lr, decay;    /* factors of the optimiser's */
    bool size_of_layers; /* n / N of a learned size */
    Value *part;         /* the part of its numbers that learned sizes leave, in Model.body; NULL: all */
    Span span;
} Tensor;

enum { MAX_STATES = 8, MAX_PORTS = 8, MAX_NOISES = 4 };
enum { LOSS_PREDICTION, LOSS_TARGET, LOSS_THERE, LOSS_COSTS }; /* arguments of Model.loss */

/* A batch_norm in a function of nodes or edges: x over the samples of a step and the pixels. A node, or a
 * candidate (in use or not), has four numbers of it
 * (STATISTIC 4 i + 0 .. 3 for norm i of its function): mean, variance, and the gradients by them over how
 * many numbers they were taken of. In a graph in time it has them at each evaluation: states are not
 * distributed alike soon after the start and later (Cooijmans et al. 2017, section 3). */
typedef struct Norm {
    Tensor *mean, *variance; /* kept: at each evaluation, of each node (or candidate) */
    Tensor *scale, *shift;
    double momentum;
    Value *x;            /* in the function */
    int64_t pixels;      /* of x */
    int64_t size;        /* nodes, or candidates */
    int64_t evaluations; /* 1: the graph is static */
    Func *input;         /* arguments as the function's; result: x */
    Func *back;          /* arguments as of the function's gradient; results: gradient of mean, variance */
    int64_t first;       /* among the graph's statistics: see norm_at */
    Span span;
} Norm;

/* Arguments of functions of nodes and edges, and of their gradients: numbers of ARG. */
typedef enum Slot {
    SLOT_SUM, /* of a node: sum k at SLOT_SUM + k, one for each port; under semi_implicit the last one is the
                    derivative of its sum by its own value */
    SLOT_SOURCE = SLOT_SUM + MAX_PORTS, /* of an edge: what its source sends */
    SLOT_OWN,                           /* of an edge: what its target sends */
    SLOT_VALID, /* of gradients with batch_norm: 1 for a sample, 0 for a lane that pads */
    SLOT_STATE, /* of a node in time: state k at SLOT_STATE + k */
    SLOT_NOISE = SLOT_STATE + MAX_STATES, /* of a node: random numbers k; none in inference: 0 */
    SLOT_D = SLOT_NOISE + MAX_NOISES,     /* of gradients: that of result k at SLOT_D + k */
    SLOTS = SLOT_D + MAX_STATES
} Slot;

const char *slot_text(int slot); /* "sum", "state 0" */

/* A function of a node or an edge with its gradient, which grad_cell makes. */
typedef struct CellFn {
    Func *forward;              /* NULL: there is none */
    Func *back;                 /* results: gradients of arguments, then of weights */
    int gradient[SLOTS];        /* number of the result of `back` by argument; -1: none */
    int first_weight;           /* number of the result of `back` for weights.at[0] */
    Vec(const Value *) weights; /* each WEIGHT of `forward` that is learned */
    Vec(Norm) norms;            /* its batch_norm, those whose x comes first first */
} CellFn;

/* A quantity that functions add to, and that the loss reads by its name: `cost NAME = ...`. */
typedef struct Cost {
    const char *name;
    Vec(Value *) parts; /* in Model.body: a number each, of all samples or of one */
    Span span;          /* of the first */
} Cost;

/* `size n in low .. high`: the layers that have it are as large as it may be. Values are of Model.body. */
typedef struct LearnedSize {
    const char *name;
    Tensor *tensor; /* [1]: n / high */
    int64_t low, high;
    Value *stored, *number; /* the tensor; n */
    Value *mask;            /* of channels, [high]; NULL: not needed so far */
    bool of_filter;         /* a depthwise has it */
    Span span;
} LearnedSize;

/* Where its nodes stand (layout/place.c). */
typedef struct SetRows {
    int64_t value, sum;         /* the first value in `wired`, the first sum in `wired_back` */
    int64_t state;              /* the first state; of state k of node v: set_state() */
    int64_t value_pitch, pitch; /* from one node's value, or sum, to the next */
} SetRows;

/* Which evaluations it matters in (layout/live.h). */
typedef struct SetLive {
    int64_t first;     /* for which it may send other than 0 */
    int64_t last;      /* after which its states are read */
    int64_t sent_last; /* for which what it sends is read */
} SetLive;

typedef struct NodeSet {
    const char *name;
    int role; /* SetRole of ast.h */
    Shape shape;
    int64_t size;
    Shape map, value_map;         /* of a node: its sum and its value; [] a number, [H, W] a feature map */
    int64_t pixels, value_pixels; /* elements of both, at all positions of a static graph (graph_copies): a
                                     node is a block of so many rows */
    bool outside; /* a held input, or in time an output that is a plain sum: the graph has no rows for it */
    SetRows rows;
    CellFn cell; /* of the sum (and the states): the value, or in time the next states or their rates; without
                    one a static node's value is its sum */
    const char *cell_name;
    /* in a graph with time (timed.h) */
    int states; /* 0: held input or plain output */
    Shape state_map;
    int64_t state_pixels;
    double start[MAX_STATES];
    bool learned_start;      /* of some state: it stands for how far the state is from a value of weights */
    Vec(const char *) ports; /* the parameters that are sums of its nodes, where its function takes several;
                                else empty. The sums of a port stand behind those of the one before */
    bool slope;              /* semi_implicit: one more, the derivatives of the sums by the own values */
    CellFn send, show; /* of the states: what a node sends; what it shows as output, the same function where
                          the program does not tell (set_shows_sent) */
    Vec(Tensor *) weights; /* of the cell, in order of first use */
    int noises;            /* normal numbers that its function reads, and their shapes at a node */
    Shape noise[MAX_NOISES];
    Func *costs;          /* of the weights of one node; results by name of the cost; NULL: none */
    SetLive live;         /* in time */
    LearnedSize *learned; /* one of its sizes, or NULL; its place there: floor(node / stride) mod high */
    int64_t stride;
    Value *part, *filter_part; /* of its nodes, and of the taps of their filters, that learned sizes leave, in
  Model.body; NULL: all */
    CandidateKey point;        /* `at`: coordinates */
    Span span;
} NodeSet;

/* What an edge adds to the sums of its target: `via F`. A weight is one number (or array) a candidate, or,
 * when it is shared, one for the bundle. The function takes SLOT_SOURCE and, where it reads the target's own
 * value, SLOT_OWN. Result k is added to port Bundle.port + k; under semi_implicit a second result is the
 * derivative of the first by the own value. */
typedef struct EdgeFn {
    const char *name;
    bool own, slope;
    CellFn fn;
    /* Parts of fn.back, for the three walks over edges: the gradient of the source's value; of the own value
     * where it is read, then of the shared weights; of the others. */
    Func *to_source, *to_own, *to_weights;
    Vec(Tensor *) shared_tensors;
    Vec(const Value *) shared, weights; /* of fn.forward, in order of the results */
} EdgeFn;

/* Pairs of nodes from a file (check/graph_given.c). */
typedef struct GivenEdges {
    uint32_t file;    /* among the sources */
    Candidates pairs; /* LIST */
    float *weights;   /* at the start, by pair; NULL: the file has none */
    uint32_t *places; /* by pair: where its line begins */
} GivenEdges;

/* One line `edges a -> b`. Candidates are numbered target by target, sources ascending. */
typedef struct Bundle {
    int from, to;    /* node sets */
    int port;        /* of the target: the first sum that is added to */
    int list;        /* EdgeList it shares a budget with */
    Func *predicate; /* ARGs: target indices, then source indices; result bool; NULL: every pair */
    uint32_t uses_to, uses_from; /* bit i: the predicate reads index i of the target (source) */
    bool pairwise;               /* the predicate uses chance */
    const GivenEdges *given;     /* the candidates are among these, and have no predicate once they are built;
                                    NULL: among all pairs */
    EdgeFn *edge;                /* NULL: w * value */
    bool fixed;                  /* between maps: w is `factor` and is not learned */
    double factor;
    Vec(Tensor *) weights; /* one number (or array) a candidate */
    Func *costs;           /* of the weights of one candidate; results by name of the cost; NULL: none */
    Tensor *weight;        /* the one whose magnitude decides; NULL: none does */
    Candidates candidates;
    CandidateKey group, tie; /* of the budget; of tied weights */
    const char *shares;      /* the text of `tied`, as EdgeList.shares */
    int64_t live_first; /* in time: the first evaluation in which its sources may be other than 0 (live.h) */
    Span span;
} Bundle;

/* A budget that is stated line by line (graph_density.c). */
typedef struct EdgeDensity {
    double share;   /* of the weights of all such layers; 0: the budget is none */
    double sizes;   /* erk: sources, targets, and the sizes of a filter, added; uniform: 0 */
    double numbers; /* erk: weights of a candidate */
} EdgeDensity;

typedef struct EdgeList {
    const char *name; /* "Wiring.edges.0" */
    EdgeBudget budget;
    EdgeRule rule;
    struct Rule *declared; /* rule.h; NULL: a built-in rule */
    EdgeDensity density;
    int64_t candidates, kept; /* kept: edges in use (at the end), of groups that differ in size at most */
    GroupScore score;         /* how a group gets its value; NONE: there are no groups */
    const char *key;          /* of the groups, as it is written */
    const char *tie;          /* the key of `tied`, or NULL */
    Groups *groups, *ties;    /* NULL: none */
    const char *shares; /* a text of the key: its ties are those of all lists that have it; NULL: none */
    struct SharedLists *shared; /* these; NULL: no other has it, or the model is not complete */
    int place;                  /* among them */
    /* One budget of the model for neighbouring lists of several graphs, which are one list in a program. */
    bool together;
    bool goes_on;  /* it begins in a graph before */
    bool costs;    /* some edge of those that share its budget has a cost */
    int64_t total; /* candidates of all that share the budget; kept is the list's part, were it even */
    Span span;
} EdgeList;

/* Of all lists that share its budget. */
static inline int64_t list_candidates(const EdgeList *l)
{
    return l->together ? l->total : l->candidates;
}

/* What its budget counts: groups, or candidates. */
static inline int64_t list_units(const EdgeList *l)
{
    return l->groups ? l->groups->count : list_candidates(l);
}

/* How a graph runs in time; stages 0: it does not (timed.h). */
typedef struct Time {
    const char *text;  /* "static", "steps(5)" */
    int64_t positions; /* of a sequence (scan): the steps run for each, states go on; a static graph runs at
                          each by itself, all of them in the block of a node; 1: no sequence */
    int64_t steps;     /* a position; adaptive: at most, those that are tried and rejected included */
    int64_t truncate;  /* positions after which the gradient of the states stops; 0: never */
    int stages;
    bool adaptive;         /* the solver chooses its steps */
    bool adjoint;          /* derivatives from a backward solve instead of the steps taken */
    int64_t window, saved; /* steps in memory at once; states that are kept to go back further */
    double carry, step, a[MAX_TIME_STAGES][MAX_TIME_STAGES],
        b[MAX_TIME_STAGES]; /* step: length, unless adaptive */
    double start, end, rtol, atol, min_step;
    double implicit; /* semi_implicit: length of a step, which `move` holds (cell_implicit.c); 0: others */
    double exponent,
        error[MAX_TIME_STAGES + 1]; /* of the step's length by the error; the error by the rates */
} Time;

typedef struct Graph {
    const char *name; /* unique in the model: "Wiring", "Wiring_2" */
    int number;
    Vec(NodeSet) sets;
    Vec(Bundle) bundles;
    Vec(EdgeList) lists;
    int input, output;      /* sets */
    Taps taps;              /* of the input (layout/taps.c) */
    int64_t rows, sum_rows; /* of the values and of the sums of all nodes but those of a held input */
    int first_bundle;       /* number of bundle 0 among all of the model */
    Time time;
    int64_t state_rows; /* states of all nodes */
    int64_t cell_rows;  /* maps within the function of nodes or edges that has the most of them */
    int64_t work_rows;  /* sums, or gradients of values, of the largest set */
    int64_t statistics; /* two numbers a norm and node or candidate; 0: no function has a norm */
    int64_t moments;    /* those of nodes, which come first: tiles find their parts of these */
    int64_t norm_rows;  /* the largest x of a norm */
    WiringOrder order;
    uint64_t chance_seed;
    Value *part; /* 1 where a learned depth leaves it, else 0, in Model.body; NULL: it stays */
    Span span;
} Graph;

/* Lists whose edges have weights in common: `tied ("name", KEY)`, in the order of the model. */
typedef struct SharedLists {
    Vec(struct ListPlace {
        Graph *graph;
        int list;
    }) lists;
    SharedTies ties;
} SharedLists;

/* Of tied weights: is the candidate the first that has them? */
static inline bool tie_leads(const EdgeList *l, int64_t candidate)
{
    return group_leads(l->ties, candidate) &&
           shared_leads(l->shared ? &l->shared->ties : NULL, l->place, l->ties->of[candidate]);
}

typedef struct OptionValue {
    const char *name, *text, *help;
    bool given; /* by -D */
} OptionValue;

typedef struct Model {
    Arena *perm;
    const char *name;    /* of the model: "Net" */
    const char *program; /* file name without .dnw */
    const char *source, *directory;
    Vec(OptionValue) options;
    Vec(Tensor *) params;
    Table names; /* of weights of functions, to keep them unique */
    Vec(Graph *) graphs;
    Vec(Func *) rule_functions; /* what declared rules compute of a candidate (rule.h) */
    int64_t param_total;        /* length of the flat array, */
    int64_t stored_total;       /* and of a program's */
    Func *body;                 /* LAYER and other operators; results[0] is the output */
    Shape input, output;
    int scaled; /* columns of the input that the data wants scaled: (x - mean) / deviation; 0: none */
    const double *mean, *deviation; /* (scaled) */
    bool trained;
    json_t *settings; /* data, batch, loss, optim, epochs, seed, report */
    Func *loss; /* of one sample; ARG 0 prediction, ARG 1 target, ARG 2 there, ARG LOSS_COSTS + i cost i.
                   Results: what training makes small, then, where that has costs or schedules, the terms
                   without */
    Vec(Cost) costs;
    Vec(LearnedSize *) sizes;
    json_t *factors; /* FACTOR by index: a schedule, or "samples": samples of the training set; NULL: none */
    int classes;
    bool one_hot;              /* losses that compare numbers see 1 for the class and 0 for the others */
    int first_class;           /* the smallest label of the data */
    const char *labels;        /* the first labels of the data */
    const char *data_warnings; /* a line each */
    int64_t target_size;       /* numbers, or classes, of a sample */
    int64_t
        whole; /* numbers of the input are whole ones, 0 .. whole - 1, which embed looks up; 0: any numbers */
    bool padded;  /* samples are sequences that may end before the last position: NaN stands behind the end */
    Value *there; /* of body, where padded: [positions], 1 at those that a sample has, 0 behind its end */
    int64_t positions;    /* that have a target each, target_size / positions numbers; 0: a sample has one */
    int64_t batch;        /* samples of a batch in training; 0: not known */
    double seed;          /* of the train block: keys chance(p) in graphs that tests ask about, too */
    int lanes;            /* samples of a tile (lanes.c) */
    int64_t least_batch;  /* of those for which so many were chosen */
    bool norm_of_samples; /* a batch_norm has one number a sample: of one sample it has no statistics */
    bool frozen;          /* for use only: batch_norm is a scale and a shift */
} Model;

/* Of the statistics of a graph: the first node's at an evaluation; means of all of them, then variances. */
static inline int64_t norm_at(const Norm *n, int kind, int64_t evaluation)
{
    return n->first + (kind % 2 * n->evaluations + evaluation) * n->size;
}

/* Is no number of these edges learned? They are a weight times a value, then. */
static inline bool edges_fixed(const Bundle *u)
{
    for (int i = 0; i < u->weights.count; i++)
        if (u->weights.at[i]->learned) return false;
    return !u->edge;
}

/* Sums of one node. */
static inline int set_sums(const NodeSet *s)
{
    return (s->ports.count ? s->ports.count : 1) + s->slope;
}

/* From a sum to that of the next port, of the same node. */
static inline int64_t set_port_rows(const NodeSet *s)
{
    return s->size * s->rows.pitch;
}

/* Rows of a node's value in `wired`, of its first sum in `wired_back`, of its state k. */
static inline int64_t set_value(const NodeSet *s, int64_t node)
{
    return s->rows.value + node * s->rows.value_pitch;
}
static inline int64_t set_sum(const NodeSet *s, int64_t node)
{
    return s->rows.sum + node * s->rows.pitch;
}
static inline int64_t set_state(const NodeSet *s, int k, int64_t node)
{
    return s->rows.state + ((int64_t)k * s->size + node) * s->state_pixels;
}

/* An output that shows what it sends. */
static inline bool set_shows_sent(const NodeSet *s)
{
    return s->show.forward == s->send.forward;
}

/* Positions that stand in the block of a node one behind the other. */
static inline int64_t graph_copies(const Graph *g)
{
    return g->time.stages ? 1 : g->time.positions;
}

/* Rows of the values of all nodes of a set that stands by itself: an input, an output. */
static inline int64_t set_rows(const NodeSet *s)
{
    return s->size * s->value_pixels;
}

/* Of the train block; NULL: there is none. */
const json_t *model_setting(const Model *m, TrainSetting setting);
/* The noise that nodes read: arguments of `wired` behind its parameters, set by set. How many there are, and
 * number `i` of a set; NULL: in inference there is none. */
int wired_noises(const Value *wired);
const Value *wired_noise(const Value *wired, int set, int i);

InitSpec tensor_init(const Tensor *p);
WiringSet set_wiring(const NodeSet *s);
/* Adds a parameter; its place in the flat array follows the ones before it. */
Tensor *model_param(Model *m, const char *name, Shape shape, Span span);
/* Behind all tensors so far. */
void model_place(Model *m, Tensor *p);
/* A line in words: "x -> h.gate". */
const char *line_text(Arena *a, const Graph *g, const Bundle *u);
int64_t graph_nodes(const Graph *g); /* other than those of a held input */
int64_t model_edges_kept(const Graph *g);
/* How often the edges of a line would add to a sum for one sample, were all candidates in use. */
double bundle_uses(const Graph *g, const Bundle *u);
/* Multiply-adds of one sample: those of all candidates of a line, one a pixel and evaluation, and those of
 * the filters of their function; of an edge of a list (the mean over its candidates, where they lead to maps
 * of several sizes); of the edges in use and of all candidates that have gradients; of edges in use and the
 * filters of node functions. */
typedef struct EdgeMacs {
    double kept, candidates;
} EdgeMacs;
double bundle_macs(const Graph *g, const Bundle *u);
double edge_macs(const Graph *g, int list);
double set_macs(const Graph *g, const NodeSet *s); /* the filters of the functions of its nodes */
EdgeMacs graph_edge_macs(const Graph *g);
int64_t graph_macs(const Graph *g);
bool model_edge_norms(const Graph *g,
                      int set);          /* has the function of an edge into it a batch_norm? -1: any */
void free_groups(Graph *g);              /* and ties, and what they share with those of other graphs */
int64_t bundle_numbers(const Bundle *u); /* weights of one edge */
/* Bundles are in the order of their lists: the first bundle of one. */
int list_first(const Graph *g, int list);
int list_number(const Model *m, const Graph *g, int list); /* among those of a program */
int64_t list_position(const Graph *g, int bundle); /* of its first candidate among those of its list */
int64_t list_numbers(const Graph *g, int list);    /* the same, of that edge of a list which has most */
int64_t function_parameters(const Graph *g);       /* weights of node functions, shared ones of edges */
#endif
