/* gen_edge.h: what gen_edge.c and gen_candidate.c share. */
#ifndef DNW_GEN_EDGE_H
#define DNW_GEN_EDGE_H
#include "gen/gen.h"

/* Rows of the two ends of one edge, by Slot of its functions; all but the source: NULL where there is none.
 */
typedef struct Ends {
    LLVMValueRef arg[SLOTS];
} Ends;
Ends gen_ends(Emit *e, const GenEdges *r, LLVMValueRef source, LLVMValueRef target);
/* gen_cell_weights of a function of an edge. */
LLVMValueRef *gen_edge_weights(GenTile *t, const EdgeFn *edge, const Func *f, LLVMValueRef candidate);
#endif
