/* path_flow.c: the term flow of declared rules: the sum, over all paths from an input node through the
 * candidate to an output node, of the product of abs(w) (Tanaka et al., "Pruning neural networks without any
 * data by iteratively conserving synaptic flow", NeurIPS 2020, equation 1, without node functions).
 *
 * A node of a static graph has the sum over paths that lead to it, in its order, and over those that lead on
 * from it, against the order. Edges with a function, and those with a fixed weight, count as 1. The candidate
 * need not be in use itself; all other edges of a path are.
 */
#include "wiring/moment.h"
#include <math.h>

typedef struct Flow {
    const Net *n;
    const NetGraph *g;
    double *in[64], *out[64]; /* by set (net_order has no more), by node */
} Flow;

int64_t path_flow_bytes(const Net *n, int graph)
{
    const NetGraph *g = &n->graphs[graph];
    int64_t nodes = 0;
    for (int s = 0; s < g->set_count; s++) nodes += g->sets[s].wiring.size;
    return 2 * nodes * (int64_t)sizeof(double);
}

static double strength(const Net *n, const NetBundle *b, int64_t candidate)
{
    if (!b->param || b->line.function) return 1;
    return fabs((double)n->weights[b->param->offset + candidate]);
}

/* Adds what the edges into a node carry: to the node, or back to their sources. */
static void carry(const Flow *f, int set, int64_t node, bool back)
{
    for (int i = f->g->first_bundle; i < f->g->first_bundle + f->g->bundle_count; i++) {
        const NetBundle *b = &f->n->bundles[i];
        CandidateRun run;
        if (b->line.to != set) continue;
        for (int64_t r = 0; candidates_run(&b->candidates, node, r, &run); r++)
            for (int64_t c = 0; c < run.length; c++) {
                if (!b->kept[run.first + c]) continue;
                const double x = strength(f->n, b, run.first + c);
                if (back) f->out[b->line.from][run.source + c] += x * f->out[set][node];
                else f->in[set][node] += x * f->in[b->line.from][run.source + c];
            }
    }
}

static void carry_all(const Flow *f, bool back)
{
    const DnwrtOrder *o = &f->n->orders[f->g - f->n->graphs];
    for (int64_t i = 0; i < o->phases; i++) {
        const int64_t p = back ? o->phases - 1 - i : i;
        for (int64_t k = 0; k < o->count[p]; k++) carry(f, (int)o->set[p], o->nodes[o->first[p] + k], back);
    }
}

static void start(const Flow *f)
{
    for (int s = 0; s < f->g->set_count; s++)
        for (int64_t v = 0; v < f->g->sets[s].wiring.size; v++) {
            f->in[s][v] = s == f->g->input;
            f->out[s][v] = s == f->g->output;
        }
}

void path_flow(const Moment *m)
{
    const NetBundle *lines = &m->n->bundles[m->list->first_bundle];
    Flow f = {.n = m->n, .g = &m->n->graphs[lines->line.graph]};
    double *room = m->n->scratch;
    for (int s = 0; s < f.g->set_count; s++) {
        f.in[s] = room, f.out[s] = room + f.g->sets[s].wiring.size;
        room += 2 * f.g->sets[s].wiring.size;
    }
    start(&f);
    carry_all(&f, false), carry_all(&f, true);
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &lines[i];
        CandidateRun run;
        for (int64_t t = 0; t < b->candidates.targets; t++)
            for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
                for (int64_t c = 0; c < run.length; c++)
                    m->rule->flow[b->place + run.first + c] =
                        (float)(f.in[b->line.from][run.source + c] * strength(m->n, b, run.first + c) *
                                f.out[b->line.to][t]);
    }
}
