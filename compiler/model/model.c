/* model.c: parameters and their offsets, and counts of a model. */
#include "model/model.h"
#include "model/rule.h"

const json_t *model_setting(const Model *m, TrainSetting setting)
{
    return json_object_get(m->settings, contract_text(CONTRACT_TrainSetting, (int)setting));
}

InitSpec tensor_init(const Tensor *p)
{
    InitSpec s = p->init;
    s.columns = p->shape.rank ? p->shape.dim[p->shape.rank - 1] : 1;
    s.rows = p->components / (s.columns ? s.columns : 1);
    return s;
}

WiringSet set_wiring(const NodeSet *s)
{
    WiringSet w = {.size = s->size, .rank = s->shape.rank, .held = s->outside};
    for (int d = 0; d < s->shape.rank; d++) w.dim[d] = s->shape.dim[d];
    return w;
}

void model_place(Model *m, Tensor *p)
{
    p->offset = m->param_total;
    m->param_total += (p->size + 15) / 16 * 16;
}

Tensor *model_param(Model *m, const char *name, Shape shape, Span span)
{
    Tensor *p = NEW(m->perm, Tensor);
    p->number = m->params.count;
    p->name = name, p->shape = shape, p->span = span;
    p->lr = p->decay = 1;
    p->size = shape_size(shape);
    model_place(m, p);
    vec_push(m->perm, &m->params, p);
    return p;
}

const char *slot_text(int slot)
{
    static const char *const text[SLOTS] = {
        "sum",        "sum 1",      "sum 2",      "sum 3",      "sum 4",      "sum 5",      "sum 6",
        "sum 7",      "source",     "own",        "valid",      "state 0",    "state 1",    "state 2",
        "state 3",    "state 4",    "state 5",    "state 6",    "state 7",    "noise 0",    "noise 1",
        "noise 2",    "noise 3",    "gradient 0", "gradient 1", "gradient 2", "gradient 3", "gradient 4",
        "gradient 5", "gradient 6", "gradient 7"};
    return text[slot];
}

int wired_noises(const Value *wired)
{
    const Graph *g = wired->graph;
    int noises = 0;
    for (int s = 0; s < g->sets.count; s++) noises += g->sets.at[s].noises;
    return wired->arg_count > 1 && wired->args[wired->arg_count - 1]->op != IR_PARAM ? noises : 0;
}

const Value *wired_noise(const Value *wired, int set, int i)
{
    int at = wired->arg_count - wired_noises(wired) + i;
    if (!wired_noises(wired)) return NULL;
    for (int s = 0; s < set; s++) at += wired->graph->sets.at[s].noises;
    return wired->args[at];
}

bool model_edge_norms(const Graph *g, int set)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if ((set < 0 || u->to == set) && u->edge && u->edge->fn.norms.count) return true;
    }
    return false;
}

const char *line_text(Arena *a, const Graph *g, const Bundle *u)
{
    const NodeSet *to = &g->sets.at[u->to];
    return arena_printf(a, "%s -> %s%s%s", g->sets.at[u->from].name, to->name, u->port ? "." : "",
                        u->port ? to->ports.at[u->port] : "");
}

int64_t graph_nodes(const Graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->sets.count; i++)
        if (!g->sets.at[i].outside) n += g->sets.at[i].size;
    return n;
}

int64_t model_edges_kept(const Graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->lists.count; i++) n += g->lists.at[i].kept;
    return n;
}

int list_number(const Model *m, const Graph *g, int list)
{
    int number = -1;
    for (int i = 0; i < m->graphs.count; i++) {
        const Graph *at = m->graphs.at[i];
        for (int l = 0; l < at->lists.count; l++) {
            number += !at->lists.at[l].goes_on;
            if (at == g && l == list) return number;
        }
    }
    return list;
}

void free_groups(Graph *g)
{
    for (int i = 0; i < g->lists.count; i++) {
        EdgeList *l = &g->lists.at[i];
        if (l->ties && l->ties != l->groups) groups_free(l->ties);
        if (l->groups) groups_free(l->groups);
        if (l->shared && l->place == 0) shared_ties_free(&l->shared->ties);
        l->ties = l->groups = NULL, l->shared = NULL;
    }
}

int64_t bundle_numbers(const Bundle *u)
{
    int64_t n = 0;
    for (int i = 0; i < u->weights.count; i++)
        if (u->weights.at[i]->learned || u->fixed) n += u->weights.at[i]->components;
    return n;
}

int list_first(const Graph *g, int list)
{
    int low = 0, high = g->bundles.count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (g->bundles.at[middle].list < list) low = middle + 1;
        else high = middle;
    }
    return low;
}

int64_t list_position(const Graph *g, int bundle)
{
    int64_t position = 0;
    for (int b = list_first(g, g->bundles.at[bundle].list); b < bundle; b++)
        position += g->bundles.at[b].candidates.count;
    return position;
}

int64_t list_numbers(const Graph *g, int list)
{
    int64_t most = 0;
    for (int b = list_first(g, list); b < g->bundles.count && g->bundles.at[b].list == list; b++)
        if (bundle_numbers(&g->bundles.at[b]) > most) most = bundle_numbers(&g->bundles.at[b]);
    return most;
}

static int64_t learned_numbers(const Tensor *p)
{
    return p->learned ? p->size : 0;
}

int64_t function_parameters(const Graph *g)
{
    int64_t n = 0;
    for (int s = 0; s < g->sets.count; s++)
        for (int i = 0; i < g->sets.at[s].weights.count; i++)
            n += learned_numbers(g->sets.at[s].weights.at[i]);
    for (int b = 0; b < g->bundles.count; b++) {
        const EdgeFn *edge = g->bundles.at[b].edge;
        for (int i = 0; edge && i < edge->shared_tensors.count; i++)
            n += learned_numbers(edge->shared_tensors.at[i]);
    }
    for (int l = 0; l < g->lists.count; l++) {
        const Rule *r = g->lists.at[l].declared;
        for (int s = 0; r && s < r->states.count; s++) n += rule_is_summed(&r->states.at[s]);
    }
    return n;
}
