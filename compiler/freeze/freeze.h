/* freeze.h: a model and weights that were trained for it -> a smaller model that computes the same, for
 * inference only.
 *
 * What stays: the edges in use, as candidates that are all in use; nodes on paths from the input to the
 * output. The weights are in `param`, at the offsets of the tensors.
 */
#ifndef DNW_FREEZE_H
#define DNW_FREEZE_H
#include "base/compilation.h"
#include "model/model.h"

typedef struct Frozen {
    Model *model;
    double *param;
    int64_t param_count;                          /* numbers that `param` has room for */
    int64_t parameters;                           /* weights in use, before anything is folded */
    int64_t macs;                                 /* multiply-adds of a sample */
    json_t *sizes;                                /* learned ones by name, as they are cut; NULL: none */
    int64_t nodes, nodes_gone, edges, edges_gone; /* edges: in use */
    Vec(FrozenGraph) graphs;
} Frozen;

/* Changes the model of the compilation. NULL after a diagnostic. */
Frozen *freeze(Compilation *c, const char *weights);
/* Numbers for a tensor that was added to the model. */
double *freeze_room(Frozen *f, const Tensor *p);

/* Blocks of `components` numbers of a tensor that stay: their old numbers. */
typedef struct Moved {
    const Tensor *tensor;
    const int64_t *old;
    int64_t count;
} Moved;

/* What learned sizes leave of a graph: by node of its input and of its output. */
typedef struct FrozenCut {
    bool gone;                         /* nothing is left */
    const bool *zero, *input, *output; /* the input is 0; they stay. NULL: all do */
} FrozenCut;
typedef struct FrozenCuts {
    FrozenCut *graphs; /* by number */
    Vec(Moved) moved;  /* of tensors outside of graphs */
} FrozenCuts;
/* freeze_size.c: cuts the body of a model with learned sizes to what these leave. */
FrozenCuts freeze_sizes(Frozen *f);
/* freeze_filter.c: filters of a learned size become ones of fixed weights, as small as that leaves them. */
void freeze_filters(Frozen *f);

/* freeze_live.c: which nodes of a graph are on the way; kept[bundle][candidate] of those that are not is
 * cleared. */
bool **freeze_live(Arena *a, const Graph *g, const double *param, uint8_t **kept, const FrozenCut *cut);
/* freeze_norm.c: batch_norm into the layer before it, where nothing else reads that one. */
void freeze_norms(Frozen *f);
/* freeze_fold.c: what depends on weights only becomes a weight. */
void freeze_fold(Frozen *f, Func *use);
#endif
