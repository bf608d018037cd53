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
    int64_t nodes, nodes_gone, edges, edges_gone; /* edges: in use */
    Vec(FrozenGraph) graphs;
} Frozen;

/* Changes the model of the compilation. NULL after a diagnostic. */
Frozen *freeze(Compilation *c, const char *weights);
/* Numbers for a tensor that was added to the model. */
double *freeze_room(Frozen *f, const Tensor *p);

/* freeze_live.c: which nodes of a graph are on the way; kept[bundle][candidate] of those that are not is
 * cleared. */
bool **freeze_live(Arena *a, const Graph *g, const double *param, uint8_t **kept);
/* freeze_norm.c: batch_norm into the layer before it, where nothing else reads that one. */
void freeze_norms(Frozen *f);
/* freeze_fold.c: what depends on weights only becomes a weight. */
void freeze_fold(Frozen *f, Func *use);
#endif
