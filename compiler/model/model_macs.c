/* model_macs.c: multiply-adds of a graph for one sample. */
#include "model/model.h"
#include "model/timed.h"

static int64_t evaluations(const Graph *g)
{
    return is_timed(g) ? timed_evaluations(g) : graph_copies(g);
}

/* One a tap and pixel. */
static double function_macs(const Func *f)
{
    double n = 0;
    for (int i = 0; f && i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (v->op == IR_CONV) n += (double)(v->arg_count - 1) * (double)shape_size(v->shape);
    }
    return n;
}

double bundle_uses(const Graph *g, const Bundle *u)
{
    bool at_the_end = is_timed(g) && !is_moving(g, u->to); /* a plain output: once a position */
    return (double)u->candidates.count * (double)(at_the_end ? g->time.positions : evaluations(g));
}

double bundle_macs(const Graph *g, const Bundle *u)
{
    double pixels = (double)shape_size(g->sets.at[u->to].map);
    return bundle_uses(g, u) * (pixels + function_macs(u->edge ? u->edge->fn.forward : NULL));
}

double edge_macs(const Graph *g, int list)
{
    double edges = 0, macs = 0;
    for (int b = list_first(g, list); b < g->bundles.count && g->bundles.at[b].list == list; b++) {
        const Bundle *u = &g->bundles.at[b];
        edges += (double)u->candidates.count;
        macs += bundle_macs(g, u);
    }
    return edges > 0 ? macs / edges : (double)evaluations(g);
}

EdgeMacs graph_edge_macs(const Graph *g)
{
    EdgeMacs m = {0};
    for (int i = 0; i < g->lists.count; i++) m.kept += (double)g->lists.at[i].kept * edge_macs(g, i);
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        const EdgeList *l = &g->lists.at[u->list];
        const double share = edges_stay(g, u) ? (double)l->kept / (double)l->candidates : 1;
        if (!edges_fixed(u) && u->candidates.count) m.candidates += bundle_macs(g, u) * share;
    }
    return m;
}

double set_macs(const Graph *g, const NodeSet *s)
{
    const double filters = function_macs(s->cell.forward) + function_macs(s->send.forward);
    return filters * (double)s->size * (double)evaluations(g);
}

int64_t graph_macs(const Graph *g)
{
    double n = graph_edge_macs(g).kept;
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        n += set_macs(g, s);
    }
    return (int64_t)(n + 0.5);
}
