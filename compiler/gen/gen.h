/* gen.h: Ir with plans -> two LLVM modules: stage functions in float and the program's table; stage functions
 * in double and predicates. */
#ifndef DNW_GEN_H
#define DNW_GEN_H
#include "gen/emit.h"
#include "layout/plan.h"
#include "gen/profile.h"

/* Number of a stage function in DnwrtProgram.f32 and f64; -1: nothing to do. */
typedef struct LevelStages {
    int once, tile;
} LevelStages;
/* What is done for the candidates of a bundle (CandidateJob); -1: nothing. */
typedef struct CandidateStages {
    int job[3];
} CandidateStages;
typedef struct FuncStages {
    Vec(LevelStages) levels;
    int gradients;              /* copies gradients of parameters to their places; train */
    int updates;                /* kept statistics; train */
    int edge_costs;             /* adds gradients of costs to those of edges; -1: there are none; train */
    Vec(CandidateStages) edges; /* by bundle of all graphs; train */
    Vec(int) remake;            /* by graph: makes the values of its input again (local.c); -1: none */
} FuncStages;
typedef struct Stages {
    FuncStages train, infer;
} Stages;

/* Stages of one real type, with predicates behind those in double. Their numbers are the same in both; the
 * manifest needs them, then gen_table ends the module in float. */
Stages *gen(const Ir *ir, LLVMContextRef context, LLVMModuleRef module, bool f64);
void gen_table(const Model *m, const char *manifest, LLVMContextRef context, LLVMModuleRef module);
/* The stages of a function that runs on one tile, in order: two words of a DnwrtStage each. */
LLVMValueRef *gen_use(Emit *e, const Func *f, const Plan *p, int *count);

/* gen_profile.c: programs that are built to be measured. Behind each piece of code stands a call of the
 * runtime, which adds the time since the last call to the row of the piece (profile.h). Without Emit.profile
 * none of this does anything. */
void gen_lap(Emit *e, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same, by operators; `owner`: the function that they belong to, or NULL. */
void gen_lap_values(Emit *e, const char *owner, const Value *const *values, int count);
void gen_lap_edges(Emit *e, const Graph *g, int bundle, const char *what);
void gen_lap_cell(Emit *e, const Graph *g, const NodeSet *s, const Func *f);
/* When the code that follows runs (ProfileRow.when); returns what it was before. */
const char *gen_profile_when(Emit *e, const char *when);

/* gen_scalar.c: constants and pointwise operators */
LLVMValueRef gen_const(Emit *e, const Value *v, bool vector); /* of CONST */
LLVMValueRef gen_pointwise(Emit *e, const Value *v, LLVMValueRef *args, bool vector);
/* A DnwrtRule (dnwrt.h): what a declared rule computes of candidates, from arguments by RuleTerm, then by
 * state. */
LLVMValueRef gen_rule(Emit *e, const Func *f, int number);
bool rule_in_pass(const Model *m, int function); /* is it asked in forward or backward passes? */
void gen_predicate(Emit *e, const Func *f, const char *name, int to_rank, int from_rank, int bundle);

/* gen_wired.c: graphs */
typedef struct GenTile {
    Emit *e;
    LLVMValueRef maps; /* room for the maps within a function of nodes or edges (Graph.cell_rows) */
    LLVMValueRef context, tile, number, valid; /* arguments of a stage; base of its tile; samples in it */
    LLVMValueRef local;                        /* base of the rows of its thread */
    /* The set at hand; batch_norm: those of the function at hand; where the statistics of the step and their
     * gradients stand in the shared area, NULL: those that are kept are taken */
    const NodeSet *set;
    const Norm *norms;
    const Value *wired, *wired_back;
    int64_t plan_rows; /* rows of the tile: its own sums follow them */
    /* Positions in the blocks of a graph, where functions run one after the other (graph_copies); the row
     * that is the same for all of them, VALID. */
    int64_t positions;
    LLVMValueRef valid_row;
    LLVMValueRef step; /* or evaluation of a graph in time, where it is known (timed_calls.h); else NULL */
} GenTile;
static inline void gen_of_set(GenTile *t, const NodeSet *s)
{
    t->set = s, t->norms = s->cell.norms.at;
}
void gen_wired(GenTile *t, const Value *v, const Func *f);

/* gen_map.c: operators on maps. The WIDTH lanes of pixel p are at `at` + p * step reals. */
typedef struct GenMap {
    LLVMValueRef at;
    int64_t step;
} GenMap;
/* One map of one vector. `a`: places of the arguments that are maps; of CONV and CONV_INPUT a[1].at are the
 * taps, size * size numbers, the same for all lanes. CONV_WEIGHT writes size * size vectors to out.at, each
 * lane its own sum. */
void gen_map_kernel(Emit *e, const Value *v, const GenMap *a, GenMap out);
void gen_map(GenTile *t, const Value *v);

/* gen_tensor.c: TENSOR and AXIS */
void gen_tensor(GenTile *t, const Value *v);
void gen_tensor_shared(Emit *e, LLVMValueRef context, const Value *v);

/* gen.c: one vector of an element of a value in the tile; one number of a value that all samples share, for
 * code with a loop over its elements; the end of such a loop. */
LLVMValueRef gen_row_part(GenTile *t, const Value *v, LLVMValueRef element, LLVMValueRef part);
LLVMValueRef gen_shared_load(Emit *e, LLVMValueRef context, const Value *v, LLVMValueRef element);
void gen_shared_store(Emit *e, LLVMValueRef context, const Value *v, int64_t offset, LLVMValueRef i,
                      LLVMValueRef x);
void gen_shared_loop_end(Emit *e, EmitLoop *l, int64_t count);

/* gen_timed.c: the same for graphs in time */
void gen_timed(GenTile *t, const Value *v);
void gen_timed_back(GenTile *t, const Value *v, const Func *f);

/* gen_cell.c: what both share */
LLVMValueRef gen_row(GenTile *t, LLVMValueRef row); /* address of a row of the tile */
/* Of row `row`, in the tile or among the thread's, wherever a value or a graph has its rows. */
LLVMValueRef gen_graph_row(GenTile *t, const Value *v, LLVMValueRef row);
/* Address of the row of an element of a value (NULL: of the first). */
LLVMValueRef gen_value_row(GenTile *t, const Value *v, LLVMValueRef element);
LLVMValueRef gen_context(Emit *e, LLVMValueRef context, int field, LLVMTypeRef type);
/* Blocks of the nodes of a set: that of node 0, rows from one to the next. */
typedef struct GenBlocks {
    LLVMValueRef first;
    int64_t pitch;
} GenBlocks;
LLVMValueRef gen_block(Emit *e, GenBlocks b, LLVMValueRef node);
/* Behind the rows of `wired` or `wired_back`: room for the maps within node functions, then for one set. */
LLVMValueRef gen_maps(GenTile *t, const Value *v);
GenBlocks gen_work(GenTile *t, const Value *v, int64_t pitch);
void gen_copy_rows(GenTile *t, LLVMValueRef to, LLVMValueRef from, int64_t count);
void gen_zero_rows(GenTile *t, LLVMValueRef to, int64_t count);
LLVMValueRef gen_part(Emit *e, LLVMValueRef row, LLVMValueRef part); /* one vector of a row */
/* Where the tensor of a WEIGHT begins at a node, or of a candidate, or where a STATISTIC stands; such a
 * number, from there, as a vector. */
LLVMValueRef gen_cell_base(GenTile *t, const Value *v, LLVMValueRef node);
LLVMValueRef gen_cell_number(Emit *e, const Value *v, LLVMValueRef base);
/* All of a function, by value number. */
LLVMValueRef *gen_cell_weights(GenTile *t, const Func *f, LLVMValueRef node);
/* gen_cell_map.c: a node function at one node, for all lanes. args: first rows by Slot (NULL where the
 * function has none). A result goes to the rows at `to`, is added to them, or is a gradient of a weight and
 * is added, lane by lane, to the vector at `to`. */
typedef enum ResultKind { RESULT_STORE, RESULT_ADD, RESULT_TOTAL } ResultKind;
typedef struct CellResult {
    ResultKind kind;
    LLVMValueRef to;
} CellResult;
void gen_cell(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args, const CellResult *results);
/* The same with weights that are there (gen_cell_weights): an edge function, or a gradient of one. */
void gen_cell_with(GenTile *t, const Func *f, LLVMValueRef *weights, LLVMValueRef *args,
                   const CellResult *results);

/* gen_cell_call.c: the same as a call of a function that is made here. */
void gen_cell_call(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args,
                   const CellResult *results);

/* Gradients of the weights of one node: a vector each, to be summed over lanes. */
typedef struct CellTotals {
    const CellFn *fn;
    LLVMValueRef *total; /* by number in fn->weights */
} CellTotals;
CellTotals gen_totals(Emit *e, const CellFn *fn);
/* Places for all results of fn->back: those of arguments are to be filled in, by fn->gradient. */
CellResult *gen_back_results(Emit *e, const CellTotals *totals);
/* To the tile's sums; `train` holds the wired_weight values. Shared weights are always added. */
void gen_add_totals(GenTile *t, const CellTotals *totals, const Func *train, LLVMValueRef node, bool add);

/* The tile's own sums of gradients of parameters; `lanes`: a vector to be summed, added to what is there or
 * stored. */
LLVMValueRef gen_partial(GenTile *t, int64_t rows, int64_t partial);
void gen_weight_gradient(GenTile *t, const Func *f, const Value *w, LLVMValueRef lanes, LLVMValueRef node,
                         bool add);
/* batch_norm: where the tile puts its part of the first number of a norm at a node; the second is `size` of
 * the set behind it. In time all evaluations have one place: it is read before the next one. */
LLVMValueRef gen_norm_part(GenTile *t, const Value *v, int norm, LLVMValueRef node);
/* What stands before emit_loop_end runs in the first round only. */
EmitLoop gen_first_round(GenTile *t);
/* Norm.back at one node: its results, summed over lanes, to `at` and `size` of the set behind it. */
void gen_norm_parts(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args, LLVMValueRef at);
void gen_clear_partials(GenTile *t, const Value *back, const Func *f);

/* Some nodes of a set: `count` numbers (uint32_t) at `nodes`; NULL: 0 .. count. */
typedef struct GenNodes {
    int set;
    LLVMValueRef nodes, count;
} GenNodes;

/* gen_edge.c: edges of one bundle, with a function or without, into or out of some nodes. Blocks of all
 * nodes: values of sources, own values of targets, gradients of targets' sums; the row that says which lanes
 * hold a sample, or NULL. */
typedef struct GenEdges {
    const Graph *g;
    int bundle;
    GenNodes nodes;
    GenBlocks source, own, d;
    LLVMValueRef valid;
} GenEdges;
/* out (+)= the contributions of edges in use to the sum of each node */
void gen_edges_in(GenTile *t, const GenEdges *r, GenBlocks out, bool fresh);
/* out (+)= gradient of the value of each node from the edges out of it */
void gen_edges_out(GenTile *t, const GenEdges *r, GenBlocks out, bool fresh);
/* Is there anything to do for gen_edges_own: out += gradient of the own value of each node, where the
 * function reads it; and those of shared weights, into the sums of the tile. */
bool edges_need_own(const Bundle *u);
void gen_edges_own(GenTile *t, const GenEdges *r, GenBlocks out, const Func *train);
/* gen_candidate.c: void (context, DnwrtEdgeJob *): the code for each candidate of edges with functions;
 * `wired`, `back`: the graph where it trains (NULL: no backward pass) */
typedef enum CandidateJob {
    CANDIDATE_GRADIENTS,
    CANDIDATE_STATISTICS,
    CANDIDATE_STATISTICS_BACK,
    CANDIDATE_JOBS
} CandidateJob;
LLVMValueRef gen_candidates(Emit *e, const Graph *g, int bundle, const Value *wired, const Value *back,
                            CandidateJob what);
#endif
