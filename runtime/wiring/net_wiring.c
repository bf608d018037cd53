/* net_wiring.c: candidates of the lines of edges and orders of the nodes of a net, at its start. */
#include "common/interval.h"
#include "net/net_private.h"
#include "net/slots.h"
#include <stdlib.h>

/* The condition of a line: as a function, and value by value for ranges of indices. */
typedef struct Condition {
    DnwrtPredicate *predicate;
    uint64_t seed;
    IntervalCondition values;
} Condition;

static bool call_predicate(void *context, const int64_t *to, const int64_t *from, int64_t target,
                           int64_t source)
{
    const Condition *c = context;
    return c->predicate(to, from, target, source, c->seed) != 0;
}

static int call_range(void *context, const int64_t *to, const int64_t *from, int dim, int64_t first,
                      int64_t last)
{
    const Condition *c = context;
    return interval_range(&c->values, to, from, dim, first, last);
}

static bool find_candidates(Net *n, int i)
{
    NetBundle *b = &n->bundles[i];
    NetGraph *g = &n->graphs[b->line.graph];
    EdgeCondition *condition = &n->record.bundles[i].condition;
    const WiringSet *from = &g->sets[b->line.from].wiring, *to = &g->sets[b->line.to].wiring;
    Condition c = {.predicate = n->program->predicates[i],
                   .seed = (uint64_t)g->chance_seed,
                   .values = interval_condition(to, from)};
    WiringLine line = {.from = b->line.from,
                       .to = b->line.to,
                       .context = &c,
                       .uses_to = (uint32_t)condition->uses_to,
                       .uses_from = (uint32_t)condition->uses_from,
                       .pairwise = condition->pairwise};
    if (condition->step_count == 0) return candidates_build(from, to, &line, &b->legal);
    c.values.steps = condition->steps, c.values.count = condition->step_count;
    c.values.scratch = calloc((size_t)c.values.count, sizeof *c.values.scratch);
    for (int k = 0; k < c.values.count; k++) c.values.steps[k].op = interval_op(c.values.steps[k].name);
    line.predicate = call_predicate, line.range = call_range;
    if (c.values.scratch) interval_line(&c.values, &line);
    bool ok = c.values.scratch && candidates_build(from, to, &line, &b->legal);
    free(c.values.scratch);
    return ok;
}

bool net_wire(Net *n, int i)
{
    NetBundle *b = &n->bundles[i];
    if (!find_candidates(n, i)) return false;
    b->candidates = b->legal;
    return !b->line.slots || slots_allocate(b);
}

bool net_fields(Net *n)
{
    FieldLine *lines = calloc((size_t)n->bundle_count + 1, sizeof *lines);
    int count = 0;
    for (int i = 0; lines && i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (b->line.function || b->rows.target < 0 || b->candidates.count == 0) continue;
        if (gradient_of_used(n, b) && !events_read_gradient(n, b)) continue;
        lines[count++] = (FieldLine){i,
                                     n->graphs[b->line.graph].first_bundle + b->line.kind,
                                     &b->candidates,
                                     b->rows.target,
                                     b->rows.target_pitch,
                                     b->rows.source,
                                     b->rows.source_pitch};
    }
    if (lines) n->fields = fields_build(lines, count, &n->field_count);
    free(lines);
    return n->fields;
}

bool net_order(Net *n, int i)
{
    NetGraph *g = &n->graphs[i];
    WiringSet sets[64];
    WiringLine *lines = calloc((size_t)g->bundle_count + 1, sizeof *lines);
    const Candidates **candidates = calloc((size_t)g->bundle_count + 1, sizeof *candidates);
    WiringCycle cycle;
    g->order = calloc(1, sizeof *g->order);
    if (n->times[i].stages > 0) /* all nodes move at once */
        return free(lines), free(candidates), g->order != NULL;
    bool ok = lines && candidates && g->order && g->set_count <= 64;
    for (int s = 0; ok && s < g->set_count; s++) sets[s] = g->sets[s].wiring;
    for (int b = 0; ok && b < g->bundle_count; b++) {
        lines[b] = (WiringLine){.from = n->bundles[g->first_bundle + b].line.from,
                                .to = n->bundles[g->first_bundle + b].line.to};
        candidates[b] = &n->bundles[g->first_bundle + b].legal;
    }
    ok = ok && wiring_order(&(WiringGraph){g->set_count, g->bundle_count, sets, lines, candidates}, g->order,
                            &cycle);
    free(lines), free(candidates);
    const int64_t phases = ok ? g->order->phase_count : 0;
    int64_t *set = calloc((size_t)phases * 3 + 1, sizeof *set), *first = set + phases,
            *count = first + phases;
    n->orders[i] = (DnwrtOrder){phases, set, first, count, g->order ? g->order->nodes : NULL};
    for (int64_t p = 0; set && p < phases; p++) {
        const WiringPhase *w = &g->order->phases[p];
        set[p] = w->set, first[p] = w->first, count[p] = w->count;
    }
    return ok && set;
}
