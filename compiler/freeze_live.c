/* freeze_live.c: nodes on the way from the input to the output, along the edges in use.
 *
 * A node from which no edges lead to the output is not needed. Neither is one that nothing leads to, if it
 * sends zero; some send a constant, relu(z + 1) for one, and stay. The nodes of input and output are tensors
 * of the model and stay, too.
 */
#include "freeze.h"
#include "ir_eval.h"
#include "timed.h"

typedef struct Walk {
    Arena *arena;
    const Graph *g;
    const double *param;
    uint8_t **kept;
    bool **live;
} Walk;

/* For each edge in use into a node of a set: what = ... */
typedef void EdgeVisit(Walk *w, int bundle, int64_t candidate, int64_t source, void *extra);

static void edges_into(Walk *w, int set, int64_t node, EdgeVisit *visit, void *extra)
{
    for (int b = 0; b < w->g->bundles.count; b++) {
        const Candidates *c = &w->g->bundles.at[b].candidates;
        CandidateRun run;
        if (w->g->bundles.at[b].to != set) continue;
        for (int64_t n = 0; candidates_run(c, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                if (w->kept[b][run.first + i]) visit(w, b, run.first + i, run.source + i, extra);
    }
}

static void mark_source(Walk *w, int bundle, int64_t candidate, int64_t source, void *changed)
{
    bool *live = &w->live[w->g->bundles.at[bundle].from][source];
    (void)candidate;
    if (!*live) *live = *(bool *)changed = true;
}

/* From the output back; in time as often as there is something new. */
static void needed(Walk *w)
{
    const Graph *g = w->g;
    bool changed = true;
    for (int p = g->order.phase_count - 1; p >= 0 && !is_timed(g); p--) {
        const WiringPhase *phase = &g->order.phases[p];
        for (int64_t i = 0; i < phase->count; i++) {
            int64_t node = g->order.nodes[phase->first + i];
            if (w->live[phase->set][node]) edges_into(w, phase->set, node, mark_source, &changed);
        }
    }
    while (changed && is_timed(g)) {
        changed = false;
        for (int s = 0; s < g->sets.count; s++)
            for (int64_t node = 0; node < g->sets.at[s].size; node++)
                if (w->live[s][node]) edges_into(w, s, node, mark_source, &changed);
    }
}

static void something_comes(Walk *w, int bundle, int64_t candidate, int64_t source, void *comes)
{
    const Bundle *u = &w->g->bundles.at[bundle];
    (void)candidate;
    if (u->edge || w->live[u->from][source]) *(bool *)comes = true;
}

static bool sends_zero(const Walk *w, const NodeSet *s, int64_t node)
{
    if (!s->cell.forward) return true;
    Cell cell = cell_new(w->arena, s->cell.forward);
    double *sum = NEW_ARRAY(w->arena, double, (size_t)shape_size(s->map) + 1);
    eval_cell(&cell, (const double *[SLOTS]){[SLOT_SUM] = sum}, w->param, node);
    for (int64_t i = 0; i < shape_size(s->value_map); i++)
        if (cell_result(&cell, 0)[i] != 0) return false;
    return true;
}

/* Nodes to which nothing leads, in order: what leads to a node is known before it. */
static void silent(Walk *w)
{
    const Graph *g = w->g;
    for (int p = 0; p < g->order.phase_count && !is_timed(g); p++) {
        const WiringPhase *phase = &g->order.phases[p];
        const NodeSet *s = &g->sets.at[phase->set];
        for (int64_t i = 0; i < phase->count && phase->set != g->input && phase->set != g->output; i++) {
            int64_t node = g->order.nodes[phase->first + i];
            bool comes = false;
            if (!w->live[phase->set][node]) continue;
            edges_into(w, phase->set, node, something_comes, &comes);
            if (!comes && sends_zero(w, s, node)) w->live[phase->set][node] = false;
        }
    }
}

static void drop(Walk *w, int bundle, int64_t candidate, int64_t source, void *target_lives)
{
    if (!*(bool *)target_lives || !w->live[w->g->bundles.at[bundle].from][source])
        w->kept[bundle][candidate] = 0;
}

bool **freeze_live(Arena *a, const Graph *g, const double *param, uint8_t **kept)
{
    Walk w = {a, g, param, kept, NEW_ARRAY(a, bool *, (size_t)g->sets.count + 1)};
    for (int s = 0; s < g->sets.count; s++) {
        w.live[s] = NEW_ARRAY(a, bool, (size_t)g->sets.at[s].size + 1);
        for (int64_t i = 0; i < g->sets.at[s].size; i++) w.live[s][i] = s == g->input || s == g->output;
    }
    needed(&w);
    silent(&w);
    for (int s = 0; s < g->sets.count; s++)
        for (int64_t i = 0; i < g->sets.at[s].size; i++) edges_into(&w, s, i, drop, &w.live[s][i]);
    return w.live;
}
