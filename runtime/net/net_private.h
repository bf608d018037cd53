/* net_private.h: the parts of a Net. Shared by rt_net*.c, choose.c and edges.c only. */
#ifndef RT_NET_PRIVATE_H
#define RT_NET_PRIVATE_H
#include "kernels/kernel.h"
#include "data/augment.h"
#include "common/init.h"
#include "common/blocks.h"
#include "common/choice.h"
#include "common/groups.h"
#include "common/contract.h"
#include "net/net.h"
#include "common/wiring.h"

/* choose.c: of 64 candidates a bit each: keys above a band, keys in it or above. */
typedef struct NetMarks {
    uint64_t over, reach;
} NetMarks;

/* Candidates by target: where the sources of each begin, then their numbers. */
typedef struct NetLearners {
    uint32_t *row, *source, *candidate;
} NetLearners;

/* Candidates of one line and those in use. Arrays have room for the most edges that can be in use. */
typedef struct NetBundle {
    LineRecord line;
    EdgeRows rows;
    EdgeStages stages;
    NetParam *param;       /* the weight that decides; NULL: none does */
    NetParam **weights;    /* all weights of an edge: one number (or array) a candidate */
    Candidates legal;      /* all of the line */
    Candidates candidates; /* those that have numbers: legal itself, or edges in use (wiring/slots.h) */
    int64_t *tile_first;   /* function: rows of each tile in `tile_rows` */
    DnwrtEdgeRows *tile_rows;
    int64_t position; /* of its first candidate among all of the list, */
    int64_t place;    /* and of the first of its numbers in arrays of the list */
    int64_t capacity;
    uint8_t *kept; /* 1 a candidate in use */
    uint64_t
        *explored;   /* a bit for each legal candidate: was it ever in use? NULL: not kept (events_log.c) */
    NetMarks *marks; /* of 64 candidates each, for lists with one cut by weights */
    bool changed;    /* marks differ from the lists below */
    uint32_t *row, *source, *column, *target;
    uint32_t *first; /* sources that are taps: the first pixel of each (taps.h); NULL: they are not */
    int part_count;  /* of its nodes, for the threads that make these lists */
    uint32_t *part_edges, *next; /* edges of each part; of each source: how many, then where the next goes */
    uint32_t *candidate;         /* number of each edge in use, by target; NULL with slots: its place */
    uint32_t *order_back;        /* by source: place of the edge in the order by target */
    uint32_t *candidate_back;    /* by source, where edges have a function */
    void *weight, *weight_back;  /* in the net's real type */
    NetLearners learners;        /* `top`: those with gradients in this step; row NULL: the edges in use */
    float *used;                 /* gradients of these, by target, where others have estimates or none */
} NetBundle;

/* A level that is a graph with batch_norm, forwards or backwards: rounds of turns (kernel.h). After a round
 * the statistics of one norm of the nodes of one phase are taken, in time of all nodes at an evaluation; or
 * those of all candidates of edges into these nodes. */
enum { ROUND_LAST = -1, ROUND_EDGES = -2 };
typedef struct NetRound {
    DnwrtTurns turns;
    int64_t phase; /* or evaluation */
    int norm;      /* or ROUND_EDGES, ROUND_LAST */
} NetRound;
typedef struct NetRounds {
    const NetNorms *norms; /* NULL: the level has none */
    int count;
    NetRound *rounds;
    int64_t *turn, *phase;
} NetRounds;

typedef struct NetTimer {
    const char *stage;
    double seconds;
    int64_t calls;
} NetTimer;
enum NetTimerKind { TIME_CHOOSE, TIME_TILES, TIME_SUMS, TIME_EDGES, TIME_UPDATE, TIME_KINDS };

/* ahead.c: `loaded` samples of a split as net_load puts them down, moved as they are in this epoch; values
 * NULL: nothing is loaded ahead. Pictures that are decoded when they are needed are always read from here. */
typedef struct NetAhead {
    const int64_t *order; /* what net_train_next asked for, until it is loaded; wanted 0: nothing */
    int64_t wanted;
    const Data *data; /* of the present step, and of the next one */
    const DataSplit *split;
    int64_t epoch, loaded;
    bool moved; /* the samples are, as augment says */
    int64_t *samples;
    void *values;
    bool ready;           /* the samples of the present step are there */
    struct NetLost *lost; /* of the loaded samples (ahead.c) */
} NetAhead;

struct Net {
    NetEvent *happened; /* behind the last step, as the log tells it */
    int happened_count;
    char begin_bad[200]; /* why an event of a declared rule failed before the first step; else empty */
    const DnwrtProgram *program;
    NetRecord record; /* of the manifest */
    NetOptions options;
    int64_t lanes;        /* samples of a tile */
    int real_size;        /* 4 or 8 */
    int64_t batch, tiles; /* most samples, tiles for them */
    int64_t inputs, outputs, target_size, param_total;
    Augment augment; /* of training samples */
    NetAhead ahead;
    int classes;
    int param_count, graph_count, bundle_count, list_count, tensor_count, field_count, stream_count;
    NetParam *params; /* these, graphs and lists: of the record */
    NetGraph *graphs;
    NetBundle *bundles;
    Field *fields;  /* of the gradients of all candidates whose edges have no function */
    Field *streams; /* the same of lines that have numbers for edges in use alone, where events read them */
    NetList *lists;
    NetTensor *tensors;
    NetFunc train, infer; /* those of the record */
    NetRounds *rounds;    /* by level of train */
    float *weights, *slots[2];
    void *param,
        *grad; /* in the real type; param is weights unless f64; of grad only what is written takes memory */
    DnwrtContext context;
    DnwrtWires *wires;
    DnwrtOrder *orders;
    DnwrtTime *times;
    void *scratch;     /* gradient.c: a block a thread */
    uint16_t *rounded; /* bfloat16 of the elements of tiles, where gradients want them; takes memory there */
    void *keys;        /* choose.c: candidates being compared, CHOOSE_ROOM at least */
    int64_t *counts;   /* choose.c: candidates out of each node */
    NetTimer timer[TIME_KINDS];
    int64_t kept_total;
    double rate;           /* learning rate of the last step */
    const json_t *factors; /* of the loss, by number (net_loss.c) */
    NetPosition at;        /* of the step */
    bool functions;        /* of edges: all gradients are stored and checked before any weight moves */
    int64_t edge_maps;     /* numbers for the maps within the largest gradient of an edge function */
};

/* Candidates of a line that may have numbers. */
static inline int64_t net_stored(const NetBundle *b)
{
    return b->line.slots ? b->line.slots : b->line.candidates;
}

/* The candidate of an edge in use, by its place in the order by target. */
static inline int64_t net_candidate(const NetBundle *b, int64_t edge)
{
    return b->candidate ? (int64_t)b->candidate[edge] : edge;
}

/* Numbers of a weight for each candidate that has some. */
static inline int64_t net_components(const NetBundle *b, const NetParam *weight)
{
    return b->line.slots ? 1 : weight->size / b->candidates.count;
}

/* Are there numbers for edges in use alone? */
static inline bool net_has_slots(const Net *n, const NetList *l)
{
    return l->bundle_count > 0 && n->bundles[l->first_bundle].line.slots > 0;
}

/* net_build.c */
bool net_stores_gradients(const Net *n); /* those of edges too: for a norm, for double, for tests */
bool net_read_manifest(Net *n, const json_t *manifest, RtError *e);
int64_t net_tile_stride(const Net *n, const NetFunc *f); /* elements from one tile to the next */
int64_t net_local_elements(const Net *n);                /* of one thread */
/* Row 0 of what the candidates of a graph read of a tile: its own, or those of this thread, made again. */
const void *net_sources(const Net *n, int graph, int64_t tile);
bool net_allocate(Net *n, RtError *e);
int64_t net_list_kept(const Net *n, const NetList *l); /* edges of a list in use */
/* Marks from outside must fit the budget, which is what memory was taken for. */
bool net_marks_fit(const Net *n, const NetList *l, RtError *e);
int64_t net_most_kept(const NetList *l); /* edges of a list that can be in use at once */
bool net_list_tensors(Net *n);           /* net_tensors.c; false: out of memory */
/* net_wiring.c: false: out of memory */
bool net_wire(Net *n, int bundle); /* its candidates */
bool net_fields(Net *n);           /* of all bundles, anew */
void net_free_fields(Net *n);
bool net_order(Net *n, int graph);
/* net_weights.c */
void net_draw_weights(Net *n);
double net_list_fan(const Net *n, const NetBundle *b); /* of the list of a line: see init_edge */
void net_f64_params(Net *n);                           /* copies weights to the double array */

/* choose.c: marks NetBundle.kept; returns the number of edges that came into use */
enum { CHOOSE_ROOM = 4096, CHOOSE_BYTES = 16 }; /* candidates that are compared at once; what each takes */
int64_t choose_edges(Net *n, double epoch);
static inline NetList *net_list_of(const Net *n, const NetBundle *b)
{
    return &n->lists[n->graphs[b->line.graph].first_list + b->line.list];
}

/* net_group.c: groups of candidates and tied weights. A candidate of a list, by its position. */
typedef struct NetEdgeAt {
    NetBundle *bundle;
    int64_t candidate;
} NetEdgeAt;
NetEdgeAt net_edge_at(const Net *n, const NetList *l, int64_t position);
/* Lists that have weights in common, in their order, and their ties. */
typedef struct NetShared {
    NetList **lists;
    SharedTies ties;
} NetShared;
/* What a budget counts: groups, or candidates. */
static inline int64_t net_units(const NetList *l)
{
    return l->groups ? l->groups->count : l->candidates;
}
int64_t net_units_kept(const Net *n, const NetList *l); /* of these, in use */
bool net_group_lists(Net *n); /* finds the groups of all lists; false: out of memory */
int64_t net_group_bytes(const Net *n, const NetList *l);
void net_group_free(NetList *l);
/* Calls `each` with all candidates that have the weight of a tie of a list, those of other lists included. */
typedef void NetEachTied(void *context, NetEdgeAt at);
void net_each_tied(const Net *n, const NetList *l, int64_t tie, NetEachTied *each, void *context);
/* Is the candidate the first of those that have its weight? */
bool net_tie_leads(const NetList *l, int64_t position);
int64_t net_choose_groups(Net *n, NetList *l, int64_t keep); /* as choose_list */
/* Scores of groups, at the first candidate of each, from those of their candidates, which `function` made. */
void net_group_scores(const Net *n, const NetList *l, int function);
/* Gradients of a tie become their sum; weights of a list that of the first. */
void net_tie_gradients(const Net *n);
void net_tie_weights(const Net *n, const NetList *l);
/* In double: element `at` of a parameter, and all that are one number with it, become that. */
void net_tie_follow(const Net *n, const NetParam *p, int64_t at);
/* Of tied numbers beside the first of their key: those of edges in use; the squares of their gradients. */
int64_t net_tied_again(const Net *n);
double net_tied_squares(const Net *n);
/* {"of": "(i, j)", "count": 30, "kept": [[0, 1], [2, 0]]}: the keys in use; NULL: there are no groups. */
json_t *net_group_table(const Net *n, const NetList *l);
/* Are groups from outside whole, and tied weights the same? */
bool net_groups_fit(const Net *n, const NetList *l, RtError *e);

/* events_log.c: words of NetBundle.explored, for lists with at most so many candidates; events of a step. */
int64_t events_explored_words(const Net *n, const NetBundle *b);
int events_room(const Net *n);
/* events.c: declared rules. Does an event read the gradients of candidates that are not in use? */
bool events_read_gradient(const Net *n, const NetBundle *b);
/* paths3.c, path_flow.c: bytes of Net.scratch that these terms of a rule need. */
int64_t paths3_bytes(const Net *n, const NetBundle *b, int64_t edges);
int64_t path_flow_bytes(const Net *n, int graph);
/* Marks the lists whose events, when `done` steps are done (0: before the first), read the gradients of all
 * their candidates; false: there are none. */
bool events_before(Net *n, int64_t done);
/* Behind a step, when `done` are done: the events that are due; returns how many edges came into use, -1 when
 * a number is none (`bad`). Before the first step: of the lists that waited for a gradient. */
int64_t events_first(Net *n, char *bad, size_t size);
int64_t events_after(Net *n, int64_t done, char *bad, size_t size);
/* Those with exact gradients in each step. */
static inline NetLearners net_learners(const NetBundle *b)
{
    return b->learners.row ? b->learners : (NetLearners){b->row, b->source, b->candidate};
}
/* The candidate of one of them. */
static inline int64_t net_learner(NetLearners l, int64_t i)
{
    return l.candidate ? (int64_t)l.candidate[i] : i;
}
/* learn.c: how many these are at most, where so many edges can be in use; room for them (false: out of
 * memory); lists of those that are marked. */
int64_t learn_capacity(const Net *n, const NetBundle *b, int64_t edges);
bool learn_allocate(const Net *n, NetBundle *b);
void learn_free(NetBundle *b);
void learn_lists(Net *n, const NetList *l);
/* forward.c: the rule that says what the edges of a line carry; NULL: their weights. What edges
 * first .. end - 1 in use carry, to NetBundle.weight; gradients in Net.grad, of what is carried, become those
 * of weights; marks by `used = ...` behind so many steps, returns how many edges came into use. */
const Declared *forward_rule(const Net *n, const NetBundle *b);
void forward_fetch(const Net *n, const NetBundle *b, int64_t first, int64_t end);
void forward_gradients(const Net *n);
int64_t forward_choose(Net *n, const NetList *l, int64_t done);
/* edges.c */
bool edges_parts(NetBundle *b, int threads); /* false: out of memory */
void edges_rebuild(Net *n); /* lists of edges in use from the marks (where they changed), and their weights */

/* flow.c: graphs in time */
int64_t flow_bytes(const Net *n); /* what flow_allocate takes */
bool flow_allocate(Net *n);
void flow_free(Net *n);
/* Row pairs whose products make the gradient of a bundle in a tile: those of the evaluations in the window.
 */
int64_t flow_pairs(const Net *n, const NetBundle *b, int64_t tile);
/* The k-th pair; false: there is none. */
bool flow_pair(const Net *n, const NetBundle *b, int64_t tile, int64_t k, int64_t *source, int64_t *target);
/* Steps and evaluations of the last forward pass, added up over tiles. */
NetFlow flow_counts(const Net *n, int64_t tiles);
/* flow_report.c: could some tile not go on? Then `bad` says where and why, `terms` what reached that node,
 * `help` what to try. alone: a batch of one sample, which needs no number. */
bool flow_failed(const Net *n, int64_t tiles, bool alone, NetStep *step);

/* gradient.c: gradients of all candidates. With `update` each block of gradients is used at once to move
 * its weights and is never stored; without, they go to Net.grad. Those of graphs that go backwards in rounds
 * are there already. */
typedef struct NetUpdate {
    double lr;
    int64_t step; /* from 0 */
    double scale; /* of the gradients */
} NetUpdate;
int64_t gradient_scratch(const Net *n); /* numbers that a thread needs for it */
/* gradient.c: is it the turn of this bundle: that of its graph, or (-1) of all that do not go backwards in
 * rounds? */
bool gradient_of_round(const Net *n, const NetBundle *b, int graph);
/* gradient_rows.c */
/* `nodes` blocks of `block` numbers, `step` apart, from a row of a tile on. */
typedef struct NodeRows {
    int64_t row, nodes, step, block;
} NodeRows;
typedef bool RowsWanted(const Net *n, const NetBundle *b);
/* The rows that pair k of a bundle reads and no earlier bundle among those wanted: 0 to 2 runs in `out`. */
int gradient_rows(const Net *n, int bundle, RowsWanted *wanted, int64_t tile, int64_t k, NodeRows *out);
/* gradient_part.c: are only the gradients of edges in use exact? Then these are added up apart. */
bool gradient_is_estimate(const Net *n, const NetBundle *b);
/* gradient_rows.c: does the list of this bundle have factors rounded to bfloat16? */
bool gradient_bf16(const Net *n, const NetBundle *b);
/* gradient.c: hands over the gradients of all legal candidates of a list that has numbers for edges in use
 * alone, as the last step made them: so many from candidate `first` of a line on, by several threads, in any
 * order. */
typedef void GradientSink(void *context, const NetBundle *b, int64_t first, int64_t count,
                          const float *gradient);
void gradient_stream(Net *n, const NetList *l, GradientSink *sink, void *context);
/* gradient_used.c: are there gradients of edges in use alone? The weights of the others stay. */
bool gradient_of_used(const Net *n, const NetBundle *b);
/* The same in all steps: in some, all candidates have gradients and only edges in use are moved by them. */
bool gradient_moves_used(const Net *n, const NetBundle *b);
/* Moves the weights of such bundles by the gradients in Net.grad: of those that go backwards in rounds, or of
 * all. */
void gradient_move_used(Net *n, bool all, const NetUpdate *update);
void gradient_edges(Net *n, int64_t tiles, const NetUpdate *update);
/* Adds one round of a graph to Net.grad (the first one: stores). */
void gradient_round(Net *n, int64_t tiles, int graph, bool first);
/* gradient_edge.c: the same for bundles whose edges have a function, always into Net.grad; and whatever
 * else a stage does for the candidates into a target. */
enum { ALL_EVALUATIONS = -1 };
void gradient_edge_rows(const Net *n, NetBundle *b, int64_t tiles, int64_t evaluation);
void gradient_edge_target(const Net *n, const NetBundle *b, int stage, int64_t target, int64_t tiles,
                          bool more);

/* net_moments.c: what the tiles of a function found about the samples of a step, `numbers` numbers of each:
 * elements of their own sums. */
typedef struct NetMoments {
    const NetFunc *f;
    int64_t samples, numbers, mean, squares;
} NetMoments;
void net_put_shared(const Net *n, int64_t at, double x); /* an element of the area that all samples share */
/* out[0]: the mean, out[1]: the variance. */
void net_join_moments(const Net *n, const NetMoments *m, double *out);
/* The sums of both elements, by how many numbers there are: gradients. */
void net_mean_parts(const Net *n, const NetMoments *m, double *out);
/* norm.c: the rounds of all levels, once the graphs are in order; the statistics after one of them */
bool norm_rounds(Net *n); /* false: out of memory */
void norm_free(Net *n);
void norm_take(Net *n, const NetFunc *f, const NetRounds *r, const NetRound *round, int64_t samples);

/* net_loss.c: before a training step on samples of a split: factors of the loss, which edges are in use. */
void net_fill_loss(const Net *n, const NetFunc *f, const DataSplit *split);
/* Behind a training step: evaluation uses the same memory. */
void net_take_costs(Net *n);
/* Before a training step of a net whose edges have costs. */
void net_begin_costs(Net *n);
/* Adds gradients of costs to those of edges, which are all stored. */
void net_add_edge_costs(Net *n);

/* net_run.c */
typedef struct NetBatch {
    const Data *data;
    const DataSplit *split;
    const int64_t *order; /* NULL: first, first + 1, ... */
    int64_t first, count;
    const float *input; /* instead of a split: (count, inputs) */
    bool augmented;     /* with the changes of Net.augment, as they are in this epoch */
    int64_t epoch;
} NetBatch;
/* Samples to train on, at this position of the training. */
NetBatch net_train_batch(const Data *data, const DataSplit *split, const int64_t *order, int64_t count,
                         double epoch);
/* What an update takes of the numbers of a net from element `at` on. */
static inline OptimRange net_range(const Net *n, int64_t at, const float *gradient)
{
    return (OptimRange){n->weights + at,
                        gradient,
                        {n->slots[0] ? n->slots[0] + at : NULL, n->slots[1] ? n->slots[1] + at : NULL}};
}

/* How far the numbers of a tensor move. */
static inline OptimStep net_step_of(const Net *n, const NetParam *p, const NetUpdate *update)
{
    return (OptimStep){update->lr * p->lr, n->options.optim->decay * p->decay, update->scale,
                       update->step + 1};
}

/* The position of a lane's sample in its batch; lanes after the last sample repeat it, so that they hold
 * numbers like any other. */
static inline int64_t net_place(const Net *n, const NetBatch *b, int64_t tile, int64_t lane)
{
    int64_t i = tile * n->lanes + lane;
    return i < b->count ? i : b->count - 1;
}
static inline int64_t net_sample(const Net *n, const NetBatch *b, int64_t tile, int64_t lane)
{
    int64_t i = net_place(n, b, tile, lane);
    return b->order ? b->order[i] : b->first + i;
}
/* net.c: forwards and backwards on a batch; gradients of the lists that events_before marked are those of all
 * their candidates. No weight moves. False: see r->bad. */
bool net_first_gradients(Net *n, const NetBatch *batch, NetStep *r);
/* Fills tiles and runs all levels; returns the loss value of the function (a sum in eval, a mean in
 * training). */
/* Labels of the samples of a batch; 0: they have none. */
int64_t net_judged(const Net *n, const NetBatch *b);
double net_run(Net *n, const NetFunc *f, const NetBatch *b, int64_t step, int64_t *correct);
/* Runs a stage of the program, in its type, on a tile. */
void net_stage(const Net *n, int number, DnwrtContext *context, int64_t tile);
/* The same as net_run without window-by-window backward passes (net_bad.c). */
void net_run_forward(Net *n, const NetFunc *f, const NetBatch *b, int64_t step);
double net_clock(void);
/* ahead.c */
extern int64_t ahead_least;        /* numbers of a step that are worth it; tests make it small */
int64_t ahead_bytes(const Net *n); /* what ahead_allocate takes */
bool ahead_allocate(Net *n);
void ahead_free(Net *n);
/* A step of training: are its samples there? Pictures that are not are decoded. False: one of these cannot
 * be; see r->bad. */
bool ahead_begin(Net *n, const NetBatch *b, NetStep *r);
/* Decodes those pictures of a batch again that were replaced by the next ones. */
void ahead_again(Net *n, const NetBatch *b);
/* Picture i could not be read. From any thread. */
void ahead_lose(const Net *n, int64_t i, const RtError *why);
/* The samples that net_train_next asked for replace what was there: so many calls of ahead_load, at once or
 * one by one. */
int64_t ahead_pieces(Net *n);
void ahead_load(const Net *n, int64_t piece);
/* net_bad.c: `bad` and `terms` of a training step whose loss or gradients are not finite. */
void net_describe_bad(Net *n, const NetBatch *batch, int64_t tiles, NetStep *step);
/* After a forward pass in eval mode: are its outputs and loss finite? Else fills `bad`, samples counted from
 * the start of the split. */
bool net_result_finite(const Net *n, const NetBatch *batch, NetStep *step);
bool net_all_finite(const float *x, int64_t count);
/* The first tensor of `values` (weights or gradients) that is not finite; without `edges`: of those that are
 * stored. */
const char *net_bad_param(const Net *n, const float *values, bool edges);
/* net_fill.c: the rows of a tile that the runtime fills: inputs, targets, which lanes hold samples. */
void net_fill_tile(const Net *n, const NetFunc *f, const NetBatch *b, int64_t tile);
/* Sample i of a batch of the training to its place in NetAhead.values, as it is stored, moved. */
void net_load(const Net *n, const NetBatch *b, int64_t i);
#endif
