/* graph_cost.c: costs of the functions of nodes and edges, of all their weights.
 *
 * The function of one node's (or candidate's) weights, cell_cost.c, is built again with a number for each
 * node in place of one, and summed. What follows from shared weights alone is one number, and counts once;
 * what follows from tied weights alone counts once a key. A candidate counts where its weight has a gradient:
 * under a rule that gives gradients to the edges in use alone, those that are not in use have no cost.
 */
#include "check/graph.h"
#include "ir/op.h"
#include "model/rule.h"

/* The weights of so many nodes or candidates. */
typedef struct Owners {
    const Value *wired; /* its arguments are their weights */
    int64_t count;
    Value *counts; /* a number each: 1 where it counts, else 0; NULL: all do */
    Value *ties;   /* 1 for the first of those with one weight, else 0; NULL: there are no ties */
} Owners;

static Value *reshaped(Func *f, Value *x, Shape shape)
{
    Value *v = func_unary(f, IR_RESHAPE, x);
    v->shape = shape;
    return v;
}

/* Component `index` of a weight, of each owner; of a shared weight one number. */
static Value *weight_of_all(Func *f, const Owners *of, const Value *weight)
{
    Tensor *p = weight->param;
    int argument = 1;
    while (of->wired->args[argument]->param != p) argument++;
    Value *whole = of->wired->args[argument];
    if (p->shared && p->components == 1) return reshaped(f, whole, (Shape){0});
    if (!p->shared && p->components == 1) return reshaped(f, whole, shape_vector(of->count));
    const int64_t size = p->shared ? 1 : of->count;
    Value *rows = reshaped(f, whole, (Shape){2, {size, p->components}}), *turned = transpose(f, rows, 0);
    Value *part = func_unary(f, IR_SLICE, reshaped(f, turned, shape_vector(size * p->components)));
    part->shape = shape_vector(size), part->index = weight->index * size;
    return p->shared ? reshaped(f, part, (Shape){0}) : part;
}

static Value *of_candidates(Check *k, Graph *g, int b, OpCode op)
{
    Value *v = func_add(k->func, op, g->bundles.at[b].span, 0, NULL);
    v->graph = g, v->index = b, v->shape = shape_vector(g->bundles.at[b].candidates.count);
    return v;
}

static Value *value_of_all(Func *f, const Owners *of, const Value *v, Value *const *map)
{
    if (v->op == IR_ARG) return NULL; /* no cost reads it */
    if (v->op == IR_CONST) return func_const(f, v->number);
    if (v->op == IR_WEIGHT) return weight_of_all(f, of, v);
    Value *args[3];
    for (int i = 0; i < v->arg_count; i++) args[i] = map[v->args[i]->id];
    return func_add(f, v->op, v->span, v->arg_count, args);
}

/* Does it follow from tied weights alone? Then it counts once a key. */
static bool is_tied(const Func *costs, Value *cost)
{
    const bool *read = func_follow(costs, 1, &cost);
    for (int i = 0; i < costs->values.count; i++) {
        const Value *v = costs->values.at[i];
        if (read[i] && v->op == IR_WEIGHT && !v->param->shared && !v->param->tied) return false;
    }
    return true;
}

static void add_costs(Check *k, const Func *costs, const Owners *of)
{
    Func *f = k->func;
    Value **map = NEW_ARRAY(k->perm, Value *, (size_t)costs->values.count + 1);
    for (int i = 0; i < costs->values.count; i++) map[i] = value_of_all(f, of, costs->values.at[i], map);
    for (int i = 0; i < costs->results.count; i++) {
        Value *each = map[costs->results.at[i]->id];
        if (each->shape.rank && of->counts) each = func_binary(f, IR_MUL, each, of->counts);
        if (each->shape.rank && of->ties && is_tied(costs, costs->results.at[i]))
            each = func_binary(f, IR_MUL, each, of->ties);
        cost_add(k, costs->result_names.at[i], reduce(f, IR_REDUCE_SUM, each, 0, each->shape.rank),
                 costs->results.at[i]->span);
    }
}

/* Do gradients reach candidates that are not in use, in every step? */
static bool all_have_gradients(const EdgeList *l)
{
    if (l->rule.refresh > 1) return false;
    if (l->declared) return l->declared->all_gradients;
    return l->budget.form == KEEP_ALL || l->rule.kind != RULE_SAMPLE;
}

void add_graph_costs(Check *k, const Value *wired)
{
    Graph *g = wired->graph;
    for (int s = 0; s < g->sets.count; s++) {
        const Owners nodes = {.wired = wired, .count = g->sets.at[s].size};
        if (g->sets.at[s].costs && nodes.count) add_costs(k, g->sets.at[s].costs, &nodes);
    }
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        Owners candidates = {.wired = wired, .count = u->candidates.count};
        if (!u->costs) continue;
        if (!all_have_gradients(&g->lists.at[u->list])) candidates.counts = of_candidates(k, g, b, IR_USED);
        if (g->lists.at[u->list].ties) candidates.ties = of_candidates(k, g, b, IR_LEADS);
        add_costs(k, u->costs, &candidates);
    }
}
