/* gen_graph.h: code of one evaluation of nodes of a graph, forwards and backwards. Which nodes, and when, is
 * for gen_wired.c (static graphs) and gen_timed.c (graphs in time) to say; ir_eval_graph.c has the
 * definition.
 */
#ifndef DNW_GEN_GRAPH_H
#define DNW_GEN_GRAPH_H
#include "gen/gen.h"

/* Where the numbers of an evaluation stand: first rows, by the rows of model.h. NULL: there are none. */
typedef struct GenFrame {
    const Value *wired, *back;          /* the graph, and its backward pass (NULL: forwards) */
    LLVMValueRef held;                  /* value of a held input */
    LLVMValueRef state, value, sum;     /* backwards sums are replaced by their gradients */
    LLVMValueRef rate, d_rate, d_state; /* in time: what functions give, its gradient, that of states */
    LLVMValueRef d_output;              /* gradient of an output in time that is a plain sum */
} GenFrame;

GenNodes gen_all_nodes(Emit *e, const Graph *g, int set);
typedef struct NodeLoop {
    EmitLoop loop;
    LLVMValueRef node;
} NodeLoop;
NodeLoop gen_node_loop(Emit *e, const GenNodes *n);

/* Blocks of the nodes of a set: states k among the rows at `base`; what nodes send; their sums, or gradients
 * of these; gradients of sent values (room of their own, or the sums of a set without a function). */
GenBlocks gen_states(Emit *e, LLVMValueRef base, const NodeSet *s, int k);
GenBlocks gen_values(GenTile *t, const GenFrame *f, int set);
GenBlocks gen_sums(GenTile *t, const GenFrame *f, int set);
GenBlocks gen_d_values(GenTile *t, const GenFrame *f, int set);
/* Rows of the states of a node, by Slot. */
LLVMValueRef *gen_state_arguments(Emit *e, const NodeSet *s, LLVMValueRef state, LLVMValueRef node);

/* Every node: its block becomes that of `from`, or zeros. */
void gen_start_blocks(GenTile *t, const GenNodes *n, GenBlocks to, const GenBlocks *from, int64_t pixels);

/* Sums over edges in use into nodes. */
void gen_graph_sums(GenTile *t, const GenFrame *f, const GenNodes *n, GenBlocks out);
/* The tile's part of the statistics of a norm: mean of its input, squared deviations from it. */
void gen_graph_norm(GenTile *t, const GenFrame *f, const GenNodes *n, int norm, LLVMValueRef samples);
/* The function: to the values of nodes, or in time to their rates. */
void gen_graph_finish(GenTile *t, const GenFrame *f, const GenNodes *n);

/* Backwards, with `train` for the gradients of weights (NULL: not wanted). Of the function: sums become their
 * gradients, gradients of states are stored. */
void gen_graph_finish_back(GenTile *t, const GenFrame *f, const GenNodes *n, const Func *train, bool add);
/* The tile's part of the gradients of the statistics of a norm. */
void gen_graph_norm_back(GenTile *t, const GenFrame *f, const GenNodes *n, int norm);
/* out (+)= gradients of what nodes send, from the edges out of them: to nodes, or to an output that is a
 * plain sum in time. Returns whether `out` is still empty. */
bool gen_graph_spread(GenTile *t, const GenFrame *f, const GenNodes *n, bool to_output, GenBlocks out,
                      bool fresh);
/* The same from the edges into them that read their own value; and gradients of weights that edges share. */
bool gen_graph_own(GenTile *t, const GenFrame *f, const GenNodes *n, GenBlocks out, bool fresh,
                   const Func *train);
#endif
