/* graph_nodes.c: the node sets of a graph: sizes, what a node carries (a number or a feature map).
 *
 * The shape of the sum of a node follows from its sources: it is known for the input set and handed on
 * along the edges, through the node functions, until every set has one.
 */
#include "check/graph.h"
#include "model/timed.h"
#include <math.h>

int find_set(const Check *k, const char *name)
{
    const Val *set = scope_binds(k->graph->set_scope, name) ? scope_find(k->graph->set_scope, name) : NULL;
    return set && set->kind == VAL_SET ? set->set : -1;
}

/* Its weight belongs to one set of a graph. */
static bool has_size(const Graph *g, const LearnedSize *size)
{
    for (int i = 0; i < g->sets.count; i++)
        if (g->sets.at[i].learned == size) return true;
    return false;
}

/* A size that is learned stands where a number would; s has it. */
static bool learned_nodes(Check *k, const Graph *g, const NodeSetDecl *d, NodeSet *s, Val **size)
{
    LearnedSize *learned = learned_size(k, *size);
    if (!learned) return true;
    const char *why = d->role != SET_NODES   ? "that of 'nodes', not of an input or output"
                      : is_timed(g)          ? "one of static graphs"
                      : s->learned           ? "one of a set: this is the second"
                      : has_size(g, learned) ? "that of one set of a graph, and another has it"
                                             : NULL;
    if (why) {
        Diag *m = diag_add(k->diags, E_LATER, (*size)->span, "a learned size is %s", why);
        diag_help(m, "write a number");
        return false;
    }
    s->learned = learned, s->part = channel_part(k, learned);
    *size = val_number(k, (double)learned->high, (*size)->span);
    return true;
}

/* The number of nodes is bounded before anything is allocated for them. */
static bool set_shape(Check *k, Graph *g, Scope *scope, const NodeSetDecl *d, NodeSet *s)
{
    Shape *out = &s->shape;
    double size = 1, low = d->role == SET_NODES ? 0 : 1;
    for (int i = 0; i < d->indices.count; i++) {
        const Expr *e = d->indices.at[i].size;
        Val *v = check_expr(k, scope, e);
        if (val_is_poison(v) || !learned_nodes(k, g, d, s, &v)) return false;
        if (v->kind != VAL_NUMBER || floor(v->number) != v->number || v->number < low ||
            !isfinite(v->number)) {
            Diag *g = diag_add(k->diags, E_RANGE, e->span,
                               "a size of '%s' must be a whole number from %g; this is %s", d->name.text, low,
                               val_text(k, v));
            if (v->kind == VAL_NUMBER && isfinite(v->number) && floor(v->number) != v->number)
                diag_help(g, "round it: floor(...)");
            return false;
        }
        double most = (double)limits.nodes;
        if (v->number > most || (size *= v->number) > most) {
            diag_add(k->diags, E_RANGE, e->span, "node set '%s' has %.15g nodes or more; the most is %.0f",
                     d->name.text, fmax(size, v->number), most);
            return false;
        }
        if (i == MAX_RANK) {
            diag_add(k->diags, E_RANGE, d->span, "a node set has at most %d indices", MAX_RANK);
            return false;
        }
        out->dim[out->rank++] = (int64_t)v->number;
        s->stride = !s->learned ? 0 : s->stride ? s->stride * (int64_t)v->number : 1;
    }
    if (out->rank == 0) *out = shape_vector(1);
    return true;
}

static void second_role(Check *k, const Graph *g, const NodeSetDecl *d, int first)
{
    Diag *m =
        diag_add(k->diags, E_SETS, d->span, "a graph has one input and one output; this is the second %s",
                 d->role == SET_INPUT ? "input" : "output");
    diag_note(m, g->sets.at[first].span, "the first is here");
    if (d->role == SET_INPUT) diag_help(m, "join the values before the graph with concat(a, b)");
}

bool add_set(Check *k, Graph *g, Scope *scope, const NodeSetDecl *d)
{
    NodeSet s = {.name = d->name.text, .role = (int)d->role, .span = d->span};
    int before = find_set(k, d->name.text);
    if (before >= 0) {
        Diag *m = diag_add(k->diags, E_TWICE, d->name.span, "node set '%s' is declared twice", d->name.text);
        diag_note(m, g->sets.at[before].span, "the first is here");
        return false;
    }
    int *role = d->role == SET_INPUT ? &g->input : &g->output;
    if (d->role != SET_NODES && *role >= 0) {
        second_role(k, g, d, *role);
        return false;
    }
    if (!set_shape(k, g, scope, d, &s)) return false;
    s.size = shape_size(s.shape);
    if (d->role != SET_NODES) *role = g->sets.count;
    s.outside = !d->cell && (d->role == SET_INPUT || (d->role == SET_OUTPUT && is_timed(g)));
    Val *named = val_new(k, VAL_SET, d->span);
    named->set = g->sets.count;
    named->nodes = d, named->scope = k->graph->scope;
    scope_add(k, k->graph->set_scope, d->name, named);
    vec_push(k->perm, &g->sets, s);
    vec_push(k->perm, &k->graph->decls, d);
    return true;
}

/* All nodes together, before memory is taken for them. */
bool few_nodes(Check *k, const Graph *g, Span span)
{
    enum { MOST_GRAPHS_FULL = 2 }; /* with as many nodes as one may have: of the model and of tests */
    double nodes = 0;
    for (int s = 0; s < g->sets.count; s++) nodes += (double)g->sets.at[s].size;
    k->effort.nodes += nodes;
    if (nodes <= (double)limits.nodes && k->effort.nodes > MOST_GRAPHS_FULL * (double)limits.nodes) {
        diag_add(k->diags, E_MEMORY, span,
                 "the graphs of this file have %.0f nodes with '%s'; the most is %.0f", k->effort.nodes,
                 g->name, MOST_GRAPHS_FULL * (double)limits.nodes);
        return false;
    }
    if (nodes <= (double)limits.nodes) return true;
    diag_add(k->diags, E_MEMORY, span,
             "'%s' has %.0f nodes, which need about %.1f GB to be sorted; the most is %lld", g->name, nodes,
             nodes * 80e-9, (long long)limits.nodes);
    return false;
}

/* ---- what nodes carry ---- */

/* The map of the input's nodes: what is left of the shape of x behind the indices of the set. */
bool input_fits(Check *k, Graph *g, const Value *x, Span span)
{
    NodeSet *s = &g->sets.at[g->input];
    Shape map = {0};
    if (!x) return s->map = k->alone.map, true;
    Shape front = x->shape;
    if (x->shape.rank == s->shape.rank + 2) {
        front.rank -= 2, map.rank = 2;
        for (int i = 0; i < 2; i++) map.dim[i] = x->shape.dim[front.rank + i], front.dim[front.rank + i] = 0;
    }
    if (shape_equal(s->shape, front)) {
        s->map = map;
        return true;
    }
    Diag *d = diag_add(k->diags, E_SHAPE, span, "graph '%s' takes %s and is given %s", g->name,
                       shape_text(k->perm, s->shape), shape_text(k->perm, x->shape));
    diag_note(d, s->span, "%s comes from here", shape_text(k->perm, s->shape));
    diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
    if (shape_size(x->shape) == s->size)
        diag_help(d, "make it a list of numbers first: |> flatten |> %s", g->name);
    return false;
}

/* Do edges into the set read what its nodes send? */
static bool reads_own(const Check *k, const Graph *g, const NodeSet *s)
{
    if (shape_size(s->map) > 1) return false; /* edges between maps do not */
    for (int b = 0; b < k->graph->uses.count; b++)
        if (k->graph->uses.at[b].own && &g->sets.at[g->bundles.at[b].to] == s) return true;
    return false;
}

/* The arguments of its function are values of a node, as its body is: they may read the node's indices. */
static void build_set(Check *k, Graph *g, Scope *scope, int set)
{
    NodeSet *s = &g->sets.at[set];
    const NodeSetDecl *d = k->graph->decls.at[set];
    CellBuild here;
    Scope named = {.outer = scope};
    s->value_map = s->map;
    if (!d->cell && !s->learned && (!is_timed(g) || s->role != SET_NODES)) { /* its value is its sum */
        ports_fit(k, g, set);
        return;
    }
    node_open(k, &here, g, set);
    bind_node(k, d, scope_find(k->graph->set_scope, s->name), &named);
    Val *f = d->cell ? check_function(k, &named, d->cell) : NULL;
    if (f && !val_is_poison(f)) function_ports(k, f, s);
    if ((f && val_is_poison(f)) || !ports_fit(k, g, set)) cell_close(k);
    else if (is_timed(g)) build_timed_cell(k, &here, f, reads_own(k, g, s));
    else build_cell(k, &here, f);
}

/* Sets that edges lead to from sets whose values are known: the first line that tells it does. */
static void hand_on(Check *k, Graph *g, int from, const bool *built, bool *known)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        Shape map;
        if (u->from != from || known[u->to] || built[u->to] || !edge_shape(k, g, b, &map)) continue;
        g->sets.at[u->to].map = map;
        known[u->to] = k->graph->uses.at[b].tells = true;
    }
}

void sum_told(Check *k, const Graph *g, const Bundle *u, Diag *d)
{
    for (int b = 0; b < g->bundles.count; b++)
        if (k->graph->uses.at[b].tells && g->bundles.at[b].to == u->to && &g->bundles.at[b] != u)
            diag_note(d, g->bundles.at[b].span, "%s comes from here", map_text(k, g->sets.at[u->to].map));
}

/* Of edges that are a weight; build_edge_functions looks at the others. */
static void ends_fit(Check *k, const Graph *g, const Bundle *u)
{
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    if (shape_equal(from->value_map, to->map)) return;
    Diag *d = diag_add(k->diags, E_SHAPE, u->span, "a node of '%s' sends %s, but '%s' receives %s",
                       from->name, map_text(k, from->value_map), to->name, map_text(k, to->map));
    diag_note(d, from->span, "%s comes from here", map_text(k, from->value_map));
    sum_told(k, g, u, d);
}

void add_cells(Check *k, Graph *g, Scope *scope)
{
    bool *built = NEW_ARRAY(k->perm, bool, (size_t)g->sets.count),
         *known = NEW_ARRAY(k->perm, bool, (size_t)g->sets.count);
    known[g->input] = true;
    for (int left = g->sets.count; left > 0; left--) {
        int next = -1;
        for (int i = g->sets.count - 1; i >= 0; i--)
            if (!built[i] && (next < 0 || known[i] || !known[next])) next = i;
        if (!known[next]) g->sets.at[next].map = g->sets.at[g->input].value_map; /* nothing reaches it */
        build_set(k, g, scope, next);
        built[next] = true;
        hand_on(k, g, next, built, known);
    }
}

bool nodes_fit(Check *k, const Graph *g)
{
    int before = mistakes(k);
    for (int b = 0; b < g->bundles.count; b++)
        if (!k->graph->uses.at[b].function) ends_fit(k, g, &g->bundles.at[b]);
    return mistakes(k) == before;
}
