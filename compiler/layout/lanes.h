/* lanes.h: how many samples a tile has. */
#ifndef DNW_LANES_H
#define DNW_LANES_H
#include "model/model.h"

/* What it depends on besides the model. */
typedef struct Tiling Tiling;
struct Tiling {
    int lanes;     /* of --lanes; 0: chosen here */
    bool wide;     /* the processor has registers of 16 floats */
    int64_t batch; /* samples of a batch; INT64_MAX: any number */
};

bool graph_has_maps(const Graph *g); /* does any node carry one? */
int graph_lanes(const Graph *g, const Tiling *t);
int model_lanes(const Model *m, const Tiling *t);
/* The smallest batch that would get as many lanes as the model has; 1 where they were not chosen for a batch.
 */
int64_t model_least_batch(const Model *m, const Tiling *t);
#endif
