/* op_wired.c: a graph as one operator, and its gradients.
 *
 * For the nodes v of all sets but a held input, in topological order ("Discovering Neural Wirings", section
 * 2):
 *
 *   I_v = sum over edges (u, v) in use of w_uv Z_u        Z_v = f(I_v)
 *
 * The value of `wired` is that of the output set. Gradients run in the opposite order, from dL/dZ of the
 * output set:
 *
 *   dL/dZ_u = (gradient from outside) + sum over edges (u, v) in use of w_uv dL/dI_v
 *   dL/dI_u = f'(I_u) dL/dZ_u
 *   dL/dw_uv = Z_u dL/dI_v    for every candidate, in use or not (Algorithm 1; straight through the choice)
 *
 * `wired_back` finds dL/dI of all nodes. It is no tensor itself: the operators that follow it read from it
 * the gradients of the input, of weights and of edges.
 */
#include "base/diag.h"
#include "model/model.h"
#include "model/rule.h"
#include "ir/op.h"

void wired_shape(Value *v)
{
    Value *first = v->args[0];
    v->per_sample = true;
    v->graph = first->graph;
    switch (v->op) {
    case IR_WIRED: break; /* shape: set by its maker, who knows the graph */
    case IR_WIRED_BACK: break;
    case IR_WIRED_INPUT: v->shape = first->args[0]->args[0]->shape; break;
    case IR_WIRED_WEIGHT:
    case IR_WIRED_STATISTIC:
    case IR_WIRED_EDGES: v->per_sample = false; break; /* shape: that of the parameter, set by the maker */
    default: BUG("%s is no wired operator", op_info[v->op].text);
    }
}

static Value *wired_part(Func *f, OpCode op, Value *back, Tensor *param, int index)
{
    Value *d = func_unary(f, op, back);
    d->param = param, d->shape = param->shape, d->index = index;
    return d;
}

/* Arguments of `wired`: the input, then every parameter of the graph: node functions' weights, then line by
 * line those of edges (their own, then shared ones), then those that a rule shares, list by list. */
void wired_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    if (v->op != IR_WIRED) BUG("%s has no gradient of its own", op_info[v->op].text);
    Graph *g = v->graph;
    Value *valid = v->batch || !dy->per_sample ? func_add(f, IR_VALID, v->span, 0, NULL) : NULL;
    if (!dy->per_sample) dy = func_binary(f, IR_MUL, dy, valid);
    Value *args[3] = {v, dy, valid}; /* with batch_norm gradients reach all lanes */
    Value *back = func_add(f, IR_WIRED_BACK, v->span, v->batch ? 3 : 2, args);
    back->graph = g;
    if (wanted[0]) grads[0] = func_unary(f, IR_WIRED_INPUT, back);
    int arg = 1;
    for (int s = 0; s < g->sets.count; s++)
        for (int k = 0; k < g->sets.at[s].weights.count; k++)
            grads[arg++] = wired_part(f, IR_WIRED_WEIGHT, back, g->sets.at[s].weights.at[k], s);
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        for (int i = 0; i < u->weights.count; i++)
            grads[arg++] = wired_part(f, IR_WIRED_EDGES, back, u->weights.at[i], b);
        for (int i = 0; u->edge && i < u->edge->shared_tensors.count; i++)
            grads[arg++] =
                wired_part(f, IR_WIRED_WEIGHT, back, u->edge->shared_tensors.at[i], g->sets.count + b);
    }
    for (int l = 0; l < g->lists.count; l++) {
        const Rule *r = g->lists.at[l].declared;
        for (int s = 0; r && s < r->states.count; s++)
            if (rule_is_summed(&r->states.at[s]))
                grads[arg++] = wired_part(f, IR_WIRED_EDGES, back, r->states.at[s].tensor, list_first(g, l));
    }
}
