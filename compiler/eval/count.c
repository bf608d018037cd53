/* count.c: learned numbers in use: all of a model but the weights of candidates that are not in use.
 *
 * Where the lines of one budget differ in how many weights an edge has, the count depends on which edges are
 * in use: those that the first weights choose, drawn from the seed of the train block.
 */
#include "eval/count.h"
#include "eval/ir_eval.h"

/* Does the count depend on which candidates these are? */
static bool edges_differ(const Graph *g, int list)
{
    if (g->lists.at[list].groups || g->lists.at[list].ties) return true;
    for (int b = 0; b < g->bundles.count; b++)
        if (g->bundles.at[b].list == list && bundle_numbers(&g->bundles.at[b]) != list_numbers(g, list))
            return true;
    return false;
}

/* Numbers of a candidate that count: those that are tied once, at the first of their key. */
static int64_t candidate_numbers(const Graph *g, int bundle, int64_t position)
{
    const Bundle *u = &g->bundles.at[bundle];
    const EdgeList *l = &g->lists.at[u->list];
    int64_t n = bundle_numbers(u);
    for (int i = 0; l->ties && !tie_leads(l, position) && i < u->weights.count; i++)
        if (u->weights.at[i]->tied && u->weights.at[i]->learned) n -= u->weights.at[i]->components;
    return n;
}

/* Of a list whose edges differ. */
static int64_t count_unused(const Graph *g, int list)
{
    Arena *tmp = arena_new();
    uint8_t **kept = eval_first_choice(tmp, g);
    int64_t n = 0, position = 0;
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t i = 0; g->bundles.at[b].list == list && i < g->bundles.at[b].candidates.count;
             i++, position++)
            n += bundle_numbers(&g->bundles.at[b]) - (kept[b][i] ? candidate_numbers(g, b, position) : 0);
    arena_free(tmp);
    return n;
}

static int64_t unused_numbers(const Graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeList *l = &g->lists.at[i];
        if (l->kept == l->candidates && !l->ties) continue;
        n += edges_differ(g, i) ? count_unused(g, i) : (l->candidates - l->kept) * list_numbers(g, i);
    }
    return n;
}

int64_t graph_parameters(const Graph *g)
{
    int64_t n = function_parameters(g);
    for (int b = 0; b < g->bundles.count; b++)
        n += g->bundles.at[b].candidates.count * bundle_numbers(&g->bundles.at[b]);
    return n - unused_numbers(g);
}

int64_t model_parameters(const Model *m)
{
    int64_t n = 0;
    for (int i = 0; i < m->params.count; i++) n += m->params.at[i]->learned ? m->params.at[i]->size : 0;
    for (int i = 0; i < m->graphs.count; i++) n -= unused_numbers(m->graphs.at[i]);
    return n;
}

double cost_of(const Model *m, const char *name, double *param)
{
    Arena *tmp = arena_new();
    const EvalContext c = {.model = m, .param = param, .batch = 1};
    Value **map = NEW_ARRAY(tmp, Value *, (size_t)m->body->values.count + 1);
    Func *f = func_copy(tmp, m->body, name, map);
    for (int i = 0; i < m->costs.count; i++)
        if (strcmp(m->costs.at[i].name, name) == 0) func_result(f, name, map[m->costs.at[i].parts.at[0]->id]);
    func_prune(f);
    const double cost = f->results.count ? *eval_func(tmp, f, &c)->value[f->results.at[0]->id] : 0;
    arena_free(tmp);
    return cost;
}
