/* layer_graph.c: layers that are graphs without a declaration.
 *
 *   a fn with weights    one node an element, or one a channel of maps, no edges
 *   depthwise            the same: each node filters its map
 *   linear               every input leads to every output
 *   conv2d               the same on maps, behind `windows`: one input a channel and tap
 *   scan of a fn with states  every input leads to a node of its own, one step at each position
 */
#include "check/layer.h"
#include "lower/grad.h"
#include "ir/op.h"
#include <math.h>

static NodeSet plain_set(const char *name, int role, Shape shape, Span span)
{
    return (NodeSet){.name = name, .role = role, .shape = shape, .size = shape_size(shape), .span = span};
}

/* [channels.., rows, columns] is a node with a map for each channel. */
static NodeSet mapped_set(const char *name, int role, Shape shape, Span span)
{
    Shape nodes = shape, map = {0};
    if (shape.rank >= 3) {
        nodes.rank -= 2, map.rank = 2;
        for (int i = 0; i < 2; i++) map.dim[i] = shape.dim[nodes.rank + i], nodes.dim[nodes.rank + i] = 0;
    }
    NodeSet s = plain_set(name, role, nodes, span);
    s.map = s.value_map = map;
    return s;
}

static NodeSet held_set(const char *name, Shape shape, Span span)
{
    NodeSet s = mapped_set(name, SET_INPUT, shape, span);
    s.outside = true;
    return s;
}

static void add_to_model(Check *k, Graph *g)
{
    g->number = k->model->graphs.count;
    vec_push(k->perm, &k->model->graphs, g);
}

/* ---- one set, no edges ---- */

static Graph *set_graph(Check *k, const char *name, Shape shape, Span span)
{
    Graph *g = graph_new(k, name, span);
    vec_push(k->perm, &g->sets, mapped_set("x", SET_INPUT, shape, span));
    g->input = g->output = 0;
    return few_nodes(k, g, span) ? g : NULL;
}

/* When the only set has its node function. */
static bool set_graph_done(Check *k, Graph *g)
{
    const NodeSet *s = &g->sets.at[0];
    WiringSet set = {.size = s->size, .rank = 1, .dim = {s->size}};
    WiringCycle cycle;
    if (!s->cell.forward || !wiring_order(&(WiringGraph){.set_count = 1, .sets = &set}, &g->order, &cycle))
        return false;
    add_to_model(k, g);
    return true;
}

Graph *cell_graph(Check *k, Val *function, Shape shape, Span span)
{
    const char *name = function->builtin ? function->builtin->name : function->decl->name.text;
    Graph *g = takes_one_tensor(k, function, shape) ? set_graph(k, name, shape, span) : NULL;
    if (!g) return NULL;
    if (k->mode != MODE_MODEL) function_ports(k, function, &g->sets.at[0]); /* a tensor is one sum */
    CellBuild here;
    node_open(k, &here, g, 0);
    build_cell(k, &here, function);
    return set_graph_done(k, g) ? g : NULL;
}

static Val *apply_cell_layer(Check *k, Val *function, Val *x, Span span)
{
    Graph *g = cell_graph(k, function, x->value->shape, span);
    if (!g) return val_poison(k);
    Val *y = wired_value(k, g, x->value, span);
    g->sets.at[0].part = part_of_channels(k, x->value);
    set_channels(k, y->value, learned_channels(k, x->value));
    set_part(k, y->value, g->sets.at[0].part);
    if (is_padded(k, x->value)) set_padded(k, y->value);
    return y;
}

Val *apply_tensor(Check *k, Val *function, Val *x, Span span)
{
    if (function->decl->kind == DECL_GRAPH && is_padded(k, x->value))
        return not_for_padded(k, "a graph that takes all positions at once", span);
    if (function->decl->kind == DECL_GRAPH)
        return apply_graph(k, function, val_runtime(k, in_use(k, x->value), x->span), span);
    return k->positions && declares_states(function->decl) ? scan_within(k, function->decl->name.text, span)
                                                           : apply_cell_layer(k, function, x, span);
}

/* ---- node functions ---- */

/* A weight of every node, evenly in +- 1 / sqrt(fan_in). */
static Tensor *node_weight(Check *k, Graph *g, NodeSet *s, const char *name, Shape shape, double fan_in)
{
    Tensor *p = model_param(k->model, arena_printf(k->perm, "%s.%s", g->name, name), shape, g->span);
    p->learned = true, p->components = shape_size(shape) / s->size;
    p->init = (InitSpec){.kind = INIT_UNIFORM, .a = -1 / sqrt(fan_in), .b = 1 / sqrt(fan_in)};
    vec_push(k->perm, &s->weights, p);
    return p;
}

static Value *component(Func *f, Tensor *p, int64_t index, Span span)
{
    Value *v = func_add(f, IR_WEIGHT, span, 0, NULL);
    v->param = p, v->index = index;
    return v;
}

static Value *received(Func *f, const NodeSet *s, Span span)
{
    Value *sum = func_add(f, IR_ARG, span, 0, NULL);
    sum->shape = s->map;
    return sum;
}

static void set_cell(Check *k, NodeSet *s, Func *f, Value *value, const char *name)
{
    func_result(f, "value", value);
    s->cell.forward = f, s->cell_name = name;
    s->value_map = value->shape;
    grad_cell(k->perm, &s->cell, 1, &(CellArgument){SLOT_SUM, s->map});
}

static Value *with_bias(Check *k, Graph *g, NodeSet *s, Func *f, Value *value, double fan_in)
{
    Tensor *p = node_weight(k, g, s, "b", shape_vector(s->size), fan_in);
    return func_binary(f, IR_ADD, value, component(f, p, 0, g->span));
}

static void bias_cell(Check *k, Graph *g, NodeSet *s, double fan_in)
{
    Func *f = func_new(k->perm, arena_printf(k->perm, "%s.bias", g->name));
    f->of_cell = true;
    Value *sum = received(f, s, g->span);
    set_cell(k, s, f, with_bias(k, g, s, f, sum, fan_in), "bias");
}

/* The mask of a learned size on the taps of a filter, which has an odd number of rows. */
static void mask_taps(Func *f, NodeSet *s, const LearnedSize *size, Value **taps)
{
    Value *side[LARGEST_FILTER / 2 + 1], *n = component(f, size->tensor, 0, size->span);
    Value *most = func_const(f, (double)size->high);
    const int64_t rows = size->high, middle = rows / 2;
    n = func_binary(f, IR_MUL, n, most);
    vec_push(f->arena, &s->weights, size->tensor);
    for (int64_t d = 0; d <= middle; d++) side[d] = tap_mask(f, n, d);
    for (int64_t t = 0; t < rows * rows; t++) {
        Value *m = func_binary(f, IR_MUL, side[llabs(t / rows - middle)], side[llabs(t % rows - middle)]);
        taps[t] = func_binary(f, IR_MUL, taps[t], m);
    }
}

/* conv(z, k) + b, with k and b of the channel. */
static void filter_cell(Check *k, Graph *g, NodeSet *s, const FilterLayer *l)
{
    Value *args[1 + MOST_TAPS];
    const Window w = l->window;
    int64_t taps = w.size * w.size;
    Func *f = func_new(k->perm, arena_printf(k->perm, "%s.filter", g->name));
    f->of_cell = true;
    Tensor *p = node_weight(k, g, s, "k", (Shape){3, {s->size, w.size, w.size}}, (double)taps);
    args[0] = received(f, s, g->span);
    for (int64_t t = 0; t < taps; t++) args[1 + t] = component(f, p, t, g->span);
    if (l->size) mask_taps(f, s, l->size, args + 1);
    MapForm form = {map_windowed(IR_CONV, s->map, w), w};
    Value *y = map_value(f, IR_CONV, g->span, form, 1 + (int)taps, args);
    set_cell(k, s, f, l->bias ? with_bias(k, g, s, f, y, (double)taps) : y, "filter");
}

Val *depthwise_layer(Check *k, Val *x, const FilterLayer *l, Span span)
{
    Graph *g = set_graph(k, "depthwise", x->value->shape, span);
    if (!g) return val_poison(k);
    g->sets.at[0].part = part_of_channels(k, x->value);
    if (l->size) g->sets.at[0].filter_part = filter_part(k, l->size);
    filter_cell(k, g, &g->sets.at[0], l);
    return set_graph_done(k, g) ? wired_value(k, g, x->value, span) : val_poison(k);
}

/* ---- every input to every output ---- */

/* Edges between nodes of two sets with `rank` indices of which the first `count` are the same. */
static void same_indices(Check *k, const Graph *g, Bundle *u, int rank, int count)
{
    Func *f = func_new(k->perm, arena_printf(k->perm, "%s.edges.0", g->name));
    Value *index[2 * MAX_RANK], *all = NULL;
    for (int i = 0; i < 2 * rank; i++) {
        index[i] = func_add(f, IR_ARG, g->span, 0, NULL);
        index[i]->index = i;
    }
    for (int i = 0; i < count; i++) {
        Value *same = func_binary(f, IR_EQ, index[i], index[rank + i]);
        all = all ? func_binary(f, IR_AND, all, same) : same;
    }
    func_result(f, "candidate", all);
    func_prune(f);
    u->predicate = f;
    u->uses_to = u->uses_from = (1u << count) - 1;
}

/* A set whose nodes are in so many groups: [groups, nodes of each]. */
static void group_set(NodeSet *s, int64_t groups)
{
    s->shape = (Shape){2, {groups, s->size / groups}};
}

/* The edges u from set 0 to set 1 with their weights and budget. */
static bool add_edges(Check *k, Graph *g, Bundle u, Val *keep)
{
    vec_push(k->perm, &g->bundles, u);
    vec_push(k->perm, &g->lists, edge_list(arena_printf(k->perm, "%s.edges.0", g->name), g->span));
    int before = mistakes(k);
    bool all = keep->kind == VAL_NONE;
    const ModelBudget *whole = all && !u.fixed ? k->budget : NULL;
    if (whole && !model_rule(k, &g->lists.at[0])) return false;
    if (!few_nodes(k, g, g->span) || !build_candidates(k, g)) return false;
    add_edge_weights(k, g);
    add_rule_tensors(k, g);
    if (whole && !whole->together)
        check_budget(k, g, 0, BUDGET_KEEP, whole->amount, whole->decl->amount->span);
    else if (!whole) check_budget(k, g, 0, all ? BUDGET_NONE : BUDGET_KEEP, keep, all ? g->span : keep->span);
    check_declared_lists(k, g);
    return build_order(k, g) && mistakes(k) == before;
}

static double sum_of(Shape s)
{
    double sum = 0;
    for (int i = 0; i < s.rank; i++) sum += (double)s.dim[i];
    return sum;
}

Val *dense_layer(Check *k, const char *name, Value *x, const DenseLayer *d, Val *keep, Span span)
{
    Graph *g = graph_new(k, name, span);
    Shape y = x->shape;
    y.dim[0] = d->out.most;
    vec_push(k->perm, &g->sets, held_set("x", x->shape, x->span));
    vec_push(k->perm, &g->sets, mapped_set("y", SET_OUTPUT, y, span));
    g->input = 0, g->output = 1;
    g->sets.at[0].part = part_of_channels(k, x);
    if (d->bias) bias_cell(k, g, &g->sets.at[1], (double)(g->sets.at[0].size / d->groups));
    Bundle u = {.from = 0, .to = 1, .span = span};
    if (d->groups > 1) {
        for (int i = 0; i < 2; i++) group_set(&g->sets.at[i], d->groups);
        same_indices(k, g, &u, 2, 1);
    }
    if (!add_edges(k, g, u, keep)) return val_poison(k);
    g->bundles.at[0].weight->shape = d->weight;
    if (g->lists.at[0].density.sizes > 0) g->lists.at[0].density.sizes = sum_of(d->weight);
    add_to_model(k, g);
    Val *out = wired_value(k, g, x, span);
    out->value->shape = y; /* also where nodes have two indices */
    set_channels(k, out->value, d->out.learned);
    g->sets.at[1].part = part_of_channels(k, out->value);
    return out;
}

/* ---- every input to a node of its own, in time ---- */

Graph *cell_in_time(Check *k, Val *function, Shape shape, Span span)
{
    if (!takes_one_tensor(k, function, shape)) return NULL;
    Graph *g = graph_new(k, function->decl->name.text, span);
    vec_push(k->perm, &g->sets, held_set("x", shape, span));
    vec_push(k->perm, &g->sets, mapped_set("y", SET_OUTPUT, shape, span));
    g->input = 0, g->output = 1;
    g->time = time_of_steps(k, "steps(1)", 1);
    Bundle u = {.from = 0, .to = 1, .fixed = true, .factor = 1, .span = span};
    int rank = g->sets.at[0].shape.rank, before = mistakes(k);
    CellBuild here;
    node_open(k, &here, g, 1);
    build_timed_cell(k, &here, function, false);
    if (mistakes(k) != before) return NULL;
    same_indices(k, g, &u, rank, rank);
    if (!add_edges(k, g, u, val_new(k, VAL_NONE, span))) return NULL;
    add_to_model(k, g);
    return g;
}
