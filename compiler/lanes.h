/* lanes.h: how many samples a tile has, unless --lanes says it. */
#ifndef DNW_LANES_H
#define DNW_LANES_H
#include "model.h"

bool graph_has_maps(const Graph *g); /* does any node carry one? */
/* cpu: of --cpu, NULL: of this machine */
int graph_lanes(const Graph *g, const char *cpu);
int model_lanes(const Model *m, const char *cpu);
#endif
