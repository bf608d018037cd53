/* layout.h: where the values of a model stand: samples of a tile, rows of nodes, steps in memory at once.
 *
 * Runs after check, which knows nothing of it, and before anything reads a row. It may run again for other
 * tiles (gen_frozen.c).
 */
#ifndef DNW_LAYOUT_H
#define DNW_LAYOUT_H
#include "layout/lanes.h"

/* Chooses m->lanes, places all graphs of the model and its parameters. */
void layout(Model *m, const Tiling *t);
/* Places one graph. */
void layout_graph(Graph *g, int lanes);

/* place.c: rows for the maps that a function makes on its way, of one vector a pixel. */
int64_t place_map_rows(const Func *f, int lanes);
/* Rows of the largest x of an edge's batch_norm; with those for the maps within all that runs for one
 * candidate over all tiles. */
int64_t place_norm_rows(const EdgeFn *e);
int64_t place_candidate_rows(const EdgeFn *e, int lanes);
/* Rows of all nodes for tiles of so many lanes. */
void place_rows(Graph *g, int lanes);
#endif
