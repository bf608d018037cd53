/* check_size.c: the multiply-adds and parameters of a model with learned sizes, as costs `macs` and `params`.
 *
 * They are those of the model with each size rounded, as `dnw check` counts them and a frozen program has
 * them; their gradients are those of the sizes themselves. A layer has the part of its multiply-adds that is
 * the product of the parts in use of what goes in and out; edges that a budget leaves are taken to be spread
 * evenly. Each learned size is a parameter, too.
 */
#include "check/check.h"

/* A sum: what is known, and what learned sizes decide. */
typedef struct Sum {
    double known;
    Value *rest;
} Sum;

static void add(Check *k, Sum *sum, double count, Value *part)
{
    if (!part) sum->known += count;
    if (!part || count == 0) return;
    Value *all = func_const(k->func, count), *term = func_binary(k->func, IR_MUL, part, all);
    sum->rest = sum->rest ? func_binary(k->func, IR_ADD, sum->rest, term) : term;
}

static Value *part_of_edges(Check *k, const Graph *g, const Bundle *u)
{
    return part_times(k, part_times(k, g->sets.at[u->from].part, g->sets.at[u->to].part), g->part);
}

static void add_graph_macs(Check *k, Sum *sum, const Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        const EdgeList *l = &g->lists.at[u->list];
        if (l->candidates)
            add(k, sum, bundle_macs(g, u) * (double)l->kept / (double)l->candidates, part_of_edges(k, g, u));
    }
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        add(k, sum, set_macs(g, s), part_times(k, part_times(k, s->part, s->filter_part), g->part));
    }
}

/* Of the tensors that belong to a graph; seen: by number. */
static void add_graph_numbers(Check *k, Sum *sum, const Graph *g, bool *seen)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        const EdgeList *l = &g->lists.at[u->list];
        for (int i = 0; i < u->weights.count; i++) seen[u->weights.at[i]->number] = true;
        if (l->candidates)
            add(k, sum,
                (double)(u->candidates.count * bundle_numbers(u)) * (double)l->kept / (double)l->candidates,
                part_of_edges(k, g, u));
    }
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        for (int n = 0; n < s->weights.count; n++) {
            const Tensor *p = s->weights.at[n];
            Value *part = p->shared ? NULL : s->part;
            if (p->components > 1) part = part_times(k, part, s->filter_part);
            if (p->size_of_layers) continue; /* once, below */
            seen[p->number] = true;
            if (p->learned) add(k, sum, (double)p->size, part_times(k, part, g->part));
        }
    }
}

static void add_cost(Check *k, const char *name, Sum sum)
{
    Value *known = func_const(k->func, sum.known);
    cost_add(k, name, sum.rest ? func_binary(k->func, IR_ADD, sum.rest, known) : known,
             k->model->sizes.at[0]->span);
}

void add_size_costs(Check *k)
{
    const Model *m = k->model;
    Sum macs = {0}, params = {0};
    if (!m->sizes.count) return;
    bool *seen = NEW_ARRAY(k->perm, bool, (size_t)m->params.count + 1);
    for (int i = 0; i < m->graphs.count; i++) {
        add_graph_macs(k, &macs, m->graphs.at[i]);
        add_graph_numbers(k, &params, m->graphs.at[i], seen);
    }
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *p = m->params.at[i];
        if (p->learned && !seen[i]) add(k, &params, (double)p->size, p->part);
    }
    add_cost(k, builtin_at(BUILTIN_macs)->name, macs);
    add_cost(k, builtin_at(BUILTIN_params)->name, params);
}

static bool is_read(const Model *m, const LearnedSize *size)
{
    for (int i = 0; i < m->body->values.count; i++)
        if (m->body->values.at[i]->op == IR_PARAM && m->body->values.at[i]->param == size->tensor)
            return true;
    for (int g = 0; g < m->graphs.count; g++)
        for (int i = 0; i < m->graphs.at[g]->sets.count; i++)
            if (m->graphs.at[g]->sets.at[i].learned == size) return true;
    return false;
}

void warn_unused_sizes(Check *k)
{
    for (int i = 0; i < k->model->sizes.count; i++) {
        const LearnedSize *size = k->model->sizes.at[i];
        if (is_read(k->model, size)) continue;
        Diag *d =
            diag_add(k->diags, W_UNREAD, size->span, "nothing has this size: it is learned to no effect");
        diag_help(d, "give it to a layer, such as linear(n), or remove the line");
    }
}
