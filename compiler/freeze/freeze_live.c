/* freeze_live.c: edges with an effect on paths from the input to the output, and the nodes at their
 * ends.
 *
 * An edge is removed if it adds exactly 0 to every sum: its source sends 0 for every input, and its function,
 * where it has one, is 0 at 0. In a static graph that is computed, node by node in their order; in time no
 * node is taken for one that sends 0. Nodes without a path to the output are removed, too. The nodes of input
 * and output are tensors of the model and stay. An adaptive solver uses the states of all nodes:
 * there everything stays.
 */
#include "freeze/freeze.h"
#include "eval/ir_eval.h"
#include "model/timed.h"

typedef struct Node {
    int set;
    int64_t number;
} Node;

typedef struct Walk {
    Arena *arena;
    const Graph *g;
    const double *param;
    uint8_t **kept;
    bool **live, **zero; /* [set][node]; zero: it sends 0 for every input */
    Vec(Node) open;      /* alive, edges into it not yet looked at */
} Walk;

/* For each edge in use into a node of a set: what = ... */
typedef void EdgeVisit(Walk *w, int bundle, int64_t candidate, int64_t source, void *extra);

static void edges_into(Walk *w, Node node, EdgeVisit *visit, void *extra)
{
    for (int b = 0; b < w->g->bundles.count; b++) {
        const Candidates *c = &w->g->bundles.at[b].candidates;
        CandidateRun run;
        if (w->g->bundles.at[b].to != node.set) continue;
        for (int64_t n = 0; candidates_run(c, node.number, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                if (w->kept[b][run.first + i]) visit(w, b, run.first + i, run.source + i, extra);
    }
}

/* ---- what is 0 ---- */

/* Is a function 0 where its argument is, with the weights of a node or of a candidate? */
/* Are all results of a function 0 where `count` arguments from `slot` on are? */
static bool zero_at_zero(const Walk *w, const Func *f, int slot, int count, Shape argument, int64_t number)
{
    Arena *tmp = arena_new();
    Cell cell = cell_new(tmp, f);
    const double *args[SLOTS] = {NULL};
    for (int k = 0; k < count; k++) args[slot + k] = NEW_ARRAY(tmp, double, (size_t)shape_size(argument) + 1);
    eval_cell(&cell, args, w->param, number);
    bool zero = true;
    for (int r = 0; r < f->results.count; r++)
        for (int64_t i = 0; i < shape_size(f->results.at[r]->shape); i++)
            zero = zero && cell_result(&cell, r)[i] == 0;
    arena_free(tmp);
    return zero;
}

/* Is the mask of a learned size, the last factor of its value, 0? */
static bool is_masked(const Walk *w, const NodeSet *s, int64_t node)
{
    if (!s->learned) return false;
    Arena *tmp = arena_new();
    Cell cell = cell_new(tmp, s->cell.forward);
    const double *args[SLOTS] = {NULL};
    for (int k = 0; k < set_sums(s); k++)
        args[SLOT_SUM + k] = NEW_ARRAY(tmp, double, (size_t)shape_size(s->map) + 1);
    eval_cell(&cell, args, w->param, node);
    const bool zero = *cell.value[s->cell.forward->results.at[0]->args[1]->id] == 0;
    arena_free(tmp);
    return zero;
}

/* An edge that adds something is counted, one that adds 0 is no longer in use. */
static void drop_if_zero(Walk *w, int bundle, int64_t candidate, int64_t source, void *count)
{
    const Bundle *u = &w->g->bundles.at[bundle];
    Shape sent = w->g->sets.at[u->from].value_map;
    bool zero = w->zero[u->from][source] &&
                (!u->edge || zero_at_zero(w, u->edge->fn.forward, SLOT_SOURCE, 1, sent, candidate));
    if (zero) w->kept[bundle][candidate] = 0;
    else ++*(int64_t *)count;
}

/* In their order: what leads to a node is known before it. */
static void drop_zeros(Walk *w)
{
    const Graph *g = w->g;
    for (int p = 0; p < g->order.phase_count; p++) {
        const WiringPhase *phase = &g->order.phases[p];
        const NodeSet *s = &g->sets.at[phase->set];
        for (int64_t i = 0; i < phase->count && phase->set != g->input; i++) {
            Node node = {phase->set, g->order.nodes[phase->first + i]};
            int64_t left = 0;
            edges_into(w, node, drop_if_zero, &left);
            w->zero[node.set][node.number] =
                is_masked(w, s, node.number) ||
                (!left && (!s->cell.forward ||
                           zero_at_zero(w, s->cell.forward, SLOT_SUM, set_sums(s), s->map, node.number)));
        }
    }
}

/* ---- what leads to the output ---- */

static void mark(Walk *w, Node node)
{
    if (w->live[node.set][node.number]) return;
    w->live[node.set][node.number] = true;
    vec_push(w->arena, &w->open, node);
}

static void mark_source(Walk *w, int bundle, int64_t candidate, int64_t source, void *extra)
{
    (void)candidate, (void)extra;
    mark(w, (Node){w->g->bundles.at[bundle].from, source});
}

static void drop(Walk *w, int bundle, int64_t candidate, int64_t source, void *extra)
{
    (void)source, (void)extra;
    w->kept[bundle][candidate] = 0;
}

/* Nodes that stay, whatever leads from them. */
static bool stays(const Graph *g, int set, int64_t node, const FrozenCut *cut)
{
    if (cut->gone) return false;
    if (set == g->output) return !cut->output || cut->output[node];
    return set == g->input ? !cut->input || cut->input[node] : g->time.adaptive;
}

bool **freeze_live(Arena *a, const Graph *g, const double *param, uint8_t **kept, const FrozenCut *cut)
{
    size_t sets = (size_t)g->sets.count + 1;
    Walk w = {.arena = a, .g = g, .param = param, .kept = kept};
    w.live = NEW_ARRAY(a, bool *, sets), w.zero = NEW_ARRAY(a, bool *, sets);
    for (int s = 0; s < g->sets.count; s++) {
        w.live[s] = NEW_ARRAY(a, bool, (size_t)g->sets.at[s].size + 1);
        w.zero[s] = NEW_ARRAY(a, bool, (size_t)g->sets.at[s].size + 1);
    }
    for (int64_t i = 0; cut->zero && i < g->sets.at[g->input].size; i++) w.zero[g->input][i] = cut->zero[i];
    if (!is_timed(g)) drop_zeros(&w);
    for (int s = 0; s < g->sets.count; s++)
        for (int64_t i = 0; i < g->sets.at[s].size; i++)
            if (stays(g, s, i, cut)) mark(&w, (Node){s, i});
    while (w.open.count) edges_into(&w, w.open.at[--w.open.count], mark_source, NULL);
    for (int s = 0; s < g->sets.count; s++)
        for (int64_t i = 0; i < g->sets.at[s].size; i++)
            if (!w.live[s][i]) edges_into(&w, (Node){s, i}, drop, NULL);
    return w.live;
}
