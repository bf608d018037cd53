/* layout.c: see layout.h. */
#include "layout/layout.h"
#include "layout/live.h"
#include "layout/params.h"
#include "layout/timed_rows.h"

void layout_graph(Graph *g, int lanes)
{
    place_rows(g, lanes);
    live_edges(g);
    if (is_timed(g)) timed_window(g, lanes);
}

void layout(Model *m, const Tiling *t)
{
    m->lanes = model_lanes(m, t);
    m->least_batch = model_least_batch(m, t);
    for (int i = 0; i < m->graphs.count; i++) layout_graph(m->graphs.at[i], m->lanes);
    layout_params(m);
}
