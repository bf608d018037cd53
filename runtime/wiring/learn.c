/* learn.c: `gradient = used and top(PART) by SCORE`: which candidates beside the edges in use have gradients
 * in the next step. They stand in lists by target, as edges in use do, and their gradients are made like
 * those of edges in use; what such a candidate carries forward is 0.
 */
#include "wiring/moment.h"
#include <stdlib.h>

static const Declared *rule_with_top(const Net *n, const NetBundle *b)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return d && d->top_by != NO_FUNCTION && n->options.training ? d : NULL;
}

int64_t learn_capacity(const Net *n, const NetBundle *b, int64_t edges)
{
    const Declared *d = rule_with_top(n, b);
    const NetList *l = &n->lists[n->graphs[b->line.graph].first_list + b->line.list];
    if (!d) return edges;
    const int64_t most = edges + rule_top(d->top, d->top_share, l->candidates);
    if (l->score != GROUP_NONE) return b->line.candidates; /* groups differ in size */
    return most < b->line.candidates ? most : b->line.candidates;
}

bool learn_allocate(const Net *n, NetBundle *b)
{
    if (!rule_with_top(n, b)) return true;
    const size_t most = (size_t)learn_capacity(n, b, b->capacity) + 1;
    b->learners = (NetLearners){calloc((size_t)b->candidates.targets + 1, sizeof(uint32_t)),
                                malloc(most * sizeof(uint32_t)), malloc(most * sizeof(uint32_t))};
    return b->learners.row && b->learners.source && b->learners.candidate;
}

void learn_free(NetBundle *b)
{
    free(b->learners.row), free(b->learners.source), free(b->learners.candidate);
}

static void list_line(NetBundle *b, const float *learns)
{
    const Candidates *c = &b->candidates;
    uint32_t at = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        CandidateRun run;
        b->learners.row[t] = at;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) {
                if (learns[run.first + i] == 0) continue;
                b->learners.source[at] = (uint32_t)(run.source + i);
                b->learners.candidate[at++] = (uint32_t)(run.first + i);
            }
    }
    b->learners.row[c->targets] = at;
}

void learn_lists(Net *n, const NetList *l)
{
    for (int i = 0; i < l->bundle_count && l->declared && l->declared->learns; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        if (b->learners.row) list_line(b, l->declared->learns + b->place);
    }
}

static void mark(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate)
{
    (void)a;
    m->rule->learns[b->place + candidate] = 1;
}

void learn_choose(const Moment *m)
{
    const Declared *d = m->rule;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) d->learns[b->place + c] = b->kept[c];
    }
    pool_each(m, POOL_ALL, rule_top(d->top, d->top_share, net_units(m->list)), NULL, mark);
    learn_lists(m->n, m->list);
}
