/* net.h: a compiled network in memory: parameters, wiring, workspace, one step of training or inference.
 *
 * Made from the manifest and the generated functions of a program. All memory is taken in net_new; a step
 * allocates nothing. Same seed and same batches give the same bits at any number of threads.
 */
#ifndef RT_NET_H
#define RT_NET_H
#include "common/contract.h"
#include "common/dnwrt.h"
#include "data/data.h"
#include "common/optim.h"
#include <stddef.h>

typedef struct Net Net;

typedef struct NetOptions {
    int64_t batch;  /* most samples in one step */
    int threads;    /* >= 1 */
    bool training;  /* gradients, optimiser state and saved activations are allocated */
    bool gradients; /* keep the gradients of all candidates after a step (tests); else they are used up block
                       by block */
    bool f64;       /* run the double-precision twin of the generated code (gradcheck) */
    const Optim *optim;  /* when training */
    uint64_t seed;       /* of initial weights, sampled edges and dropout */
    double epochs;       /* of the training, for rules that ask for its progress */
    int64_t epoch_steps; /* steps of an epoch */
    bool events_apart;   /* the events of declared rules are left to the caller (tests) */
    /* NULL, or called when weights are drawn and no edges are chosen: writes tensors (net_start_from) */
    bool (*start)(Net *n, void *context, RtError *e);
    void *start_context;
} NetOptions;

typedef enum NetTensorKind {
    NET_WEIGHT,   /* learned */
    NET_RUNNING,  /* statistics kept for eval (batch_norm) */
    NET_SLOT,     /* optimiser state; named WEIGHT.momentum and so on; only when training */
    NET_EXPLORED, /* bits of candidates that were ever in use, int64; only when training */
    NET_KEPT,     /* chosen edges, uint8, one per candidate; named LINE.kept */
    NET_ROW, /* edges in use as a sparse matrix (CSR), where only these have weights: int64, the first edge */
    NET_SOURCE, /* of each target; and int32, the source of each edge. LINE.row and LINE.source */
} NetTensorKind;

/* Which edges are in use? */
static inline bool net_is_wiring(NetTensorKind kind)
{
    return kind >= NET_KEPT;
}
/* Bytes of an element. */
static inline int64_t net_element(NetTensorKind kind)
{
    return kind == NET_KEPT ? 1 : kind == NET_ROW || kind == NET_EXPLORED ? 8 : 4;
}
/* Is it of a run that goes on, and no part of its result? */
static inline bool net_is_of_run(NetTensorKind kind)
{
    return kind == NET_SLOT || kind == NET_EXPLORED;
}

/* "Wiring.edges.0.rule.effort": what a declared rule keeps */
#define RULE_TENSOR          ".rule."
#define RULE_TENSOR_EXPLORED "rule.explored"
typedef struct NetTensor {
    char name[200];
    NetTensorKind kind;
    int rank;
    int64_t shape[6];
    int64_t size; /* product of shape */
    void *data;   /* float, where the kind does not say another; in place: reading and writing is the way to
                     save and load */
} NetTensor;

/* Bytes that net_new will ask for, computed without allocating. */
int64_t net_bytes(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o);
/* NULL and *e: not enough memory (with the number of bytes), or topology errors. Weights are drawn from the
 * seed. */
Net *net_new(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o, RtError *e);
void net_free(Net *n);

int net_tensor_count(const Net *n);
const NetTensor *net_tensor(const Net *n, int i);
/* After tensors were written from outside: rebuilds what depends on them (the lists of edges in use).
 * `kept_given`: the wiring was loaded and is used as it is; else edges are chosen from the
 * weights. */
bool net_reload(Net *n, bool kept_given, RtError *e);

/* For NetOptions.start, after the tensors with `taken` were written: list number `list` of edges starts with
 * the edges in use that are among them, where its rule does not decide by itself. `note` says why it does
 * not, or is "". False: there is no such list. */
bool net_start_from(Net *n, int list, const bool *taken, char *note, size_t size);

/* Edges in use of a line and their weights, as a checkpoint has them: a mark and a weight for each of `count`
 * candidates; or, where `row` is given, a sparse matrix with `rows` first edges, and `count` sources and
 * weights. */
typedef struct NetEdges {
    const uint8_t *kept;
    const int64_t *row;
    const uint32_t *source;
    const float *weight;
    int64_t rows, count;
} NetEdges;
/* Writes them into the tensors of a line that has the other form. False: they do not fit, and nothing was
 * written. */
bool net_take_edges(Net *n, const char *line, const NetEdges *edges);

/* What solvers did in a forward pass, added up over tiles and graphs in time. */
typedef struct NetFlow {
    int64_t tiles, evaluations; /* of tiles; tiles 0: no graph runs in time */
    int64_t accepted, rejected; /* steps of samples */
} NetFlow;

typedef struct NetStep {
    double loss;     /* mean over the samples of the step */
    int64_t correct; /* classes that the largest output says; 0 when the target is numbers */
    int64_t judged;  /* classes of all samples of the step, at the positions that they have */
    int64_t swapped; /* edges that came into use at this step */
    bool finite;     /* loss and gradients are finite; when false the weights were not changed */
    bool by_rule;    /* it is a number that a declared rule computed */
    char bad[640];   /* what went bad first, or why a graph in time could not go on; else empty */
    char terms[700]; /* the largest terms of what reached that node, or empty */
    char help[240];  /* what to do about it, or empty */
    NetFlow flow;
} NetStep;

/* The failure that `bad`, `terms` and `help` tell; `where`: words before it, or "". Returns false. */
bool net_step_failed(const NetStep *step, const char *where, RtError *e);

/* A step that could not read a picture of its samples. */
void net_step_unread(NetStep *step, const RtError *why);

/* Samples order[0..count) of a split; order NULL: its first ones. */
typedef struct NetSamples {
    const Data *data;
    const DataSplit *split;
    const int64_t *order;
    int64_t count;
} NetSamples;
/* `step` counts from 0 over the whole training and keys dropout; `epoch` is the position, with its fraction,
 * for budgets that anneal; the epoch itself keys augmentation. */
typedef struct NetPosition {
    double lr;
    int64_t step;
    double epoch;
    double epochs; /* of the whole training; 0: not known, and schedules in the loss stand halfway */
} NetPosition;
/* One training step: choose edges, forward, backward, update. */
NetStep net_train_step(Net *n, NetSamples samples, NetPosition at);
/* The step after the next call of net_train_step will be on these samples of the same split, in the same
 * epoch: threads that are done with theirs load them before that call returns. It saves time, and that is
 * all: a step loads missing samples itself. */
void net_train_next(Net *n, const int64_t *order, int64_t count);
/* Nodes whose sums had a gradient of 0 for all samples of the last training step. */
typedef struct NetIdle {
    int64_t nodes, idle;
    char most[200]; /* "Wiring.h": the set with the largest share of them */
    int64_t most_nodes, most_idle;
} NetIdle;
/* After net_train_step on so many samples, before anything else runs. */
NetIdle net_idle(const Net *n, int64_t samples);
/* Events of declared rules behind the last training step, but for those of every step. */
typedef struct NetEvent {
    const char *list;       /* "Wiring.edges.0" */
    int64_t step;           /* steps so far */
    int64_t dropped, grown; /* edges that went out of use, and came into it: some may be the same */
} NetEvent;
int net_events(const Net *n, const NetEvent **events);
/* Costs of the last training step. */
int net_costs(Net *n, const NetCost **costs);
/* Of lists with declared rules after so many steps and net_choose, as the log has it:
 * {"lists": {LIST: {"age", "oldest", "explored"}}, "dead"}; NULL: there are none. */
json_t *net_wiring(const Net *n, int64_t done);
typedef struct NetRange {
    int64_t first, count;
} NetRange;
/* Behind net_eval_step on these samples of a split with classes: adds 1 to table[class * classes + class
 * that the outputs say] for each. */
void net_confusion(const Net *n, const Data *data, const DataSplit *split, NetRange samples, int64_t *table);
/* Forward only, in eval mode, on samples first .. first+count of a split. Fills loss and correct (sums, not
 * means, go to loss here divided by count). */
NetStep net_eval_step(Net *n, const Data *data, const DataSplit *split, int64_t first, int64_t count);
/* Forward in eval mode: input (count, features) as the network sees it, output (count, outputs). count <=
 * batch. */
bool net_predict(Net *n, const float *input, int64_t count, float *output, RtError *e);
/* Chooses edges for this position of training (also done by net_train_step). */
void net_choose(Net *n, double epoch);

/* Largest relative error between gradients of the f64 twin and differences, over `entries`
 * drawn from each tensor; writes the worst entry's name. INFINITY and *failed where a graph in time cannot go
 * on. Needs f64. */
double net_gradcheck(Net *n, NetSamples samples, int entries, char *worst, size_t worst_size,
                     NetStep *failed);

typedef struct NetGraphInfo {
    const char *name;
    int64_t candidates, kept;
    bool any;             /* a rule says how many are in use */
    const char *products; /* a rule asks for gradients in bfloat16: what they are computed in; else NULL */
} NetGraphInfo;
/* Event `number` (0, 1, ...) of those of declared rules that never come in this training, or whose edges come
 * at its very end, in words; false: there are no more. */
bool net_never_comes(const Net *n, int number, char *text, size_t size);
/* A list whose rule starts with all candidates and has more edges in use than its budget says, or NULL. */
const char *net_above_budget(const Net *n, double epoch);
int net_graph_count(const Net *n);
NetGraphInfo net_graph(const Net *n, int i);
/* Lists of edges that a rule is for, as JSON: {"NAME": {"candidates", "kept", "rule": "rigl(...)"}}; NULL:
 * there are none. */
json_t *net_graph_lists(const Net *n, int i);
int64_t net_parameters(const Net *n); /* learned numbers that are in use: kept edges and all other weights */
int64_t net_outputs(const Net *n);
/* Time spent by stage in the steps so far, as JSON [{"stage","seconds","calls"}], for bench --profile. */
json_t *net_profile(const Net *n);
#endif
