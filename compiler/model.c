/* model.c: parameters and their places, and counts of a model. */
#include "model.h"

Tensor *model_param(Model *m, const char *name, Shape shape, Span span)
{
    Tensor *p = NEW(m->perm, Tensor);
    p->number = m->params.count;
    p->name = name, p->shape = shape, p->span = span;
    p->size = shape_size(shape);
    p->offset = m->param_total;
    m->param_total += (p->size + 15) / 16 * 16;
    vec_push(m->perm, &m->params, p);
    return p;
}

int64_t graph_nodes(const Graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->sets.count; i++)
        if (g->sets.at[i].first >= 0) n += g->sets.at[i].size;
    return n;
}

int64_t model_edges_kept(const Graph *g)
{
    int64_t n = 0;
    for (int i = 0; i < g->lists.count; i++) n += g->lists.at[i].kept;
    return n;
}

int64_t graph_parameters(const Graph *g)
{
    int64_t n = model_edges_kept(g);
    for (int s = 0; s < g->sets.count; s++)
        for (int i = 0; i < g->sets.at[s].weights.count; i++) n += g->sets.at[s].weights.at[i]->size;
    return n;
}
