/* net_wiring.c: candidates of the lines of edges and orders of the nodes of a net, at its start. */
#include "common/interval.h"
#include "net/manifest.h"
#include "net/net_private.h"
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

/* Values of a condition from the manifest; false: out of memory. */
static bool read_condition(IntervalCondition *c, const json_t *values)
{
    c->count = (int)json_array_size(values);
    c->steps = calloc((size_t)c->count + 1, sizeof *c->steps);
    c->scratch = calloc((size_t)c->count + 1, sizeof *c->scratch);
    for (int i = 0; c->steps && i < c->count; i++) {
        const json_t *v = json_array_get(values, (size_t)i);
        c->steps[i].op = interval_op(json_string_value(json_array_get(v, 0)));
        c->steps[i].number = json_number_value(json_array_get(v, 1));
        for (size_t k = 1; k < json_array_size(v) && k <= 3; k++)
            c->steps[i].args[k - 1] = (int)json_integer_value(json_array_get(v, k)),
                                 c->steps[i].arg_count = (int)k;
    }
    return c->steps && c->scratch;
}

bool net_wire(Net *n, int i)
{
    NetBundle *b = &n->bundles[i];
    NetGraph *g = &n->graphs[b->graph];
    const json_t *j = json_array_get(
        json_object_get(json_array_get(json_object_get(n->manifest, "graphs"), (size_t)b->graph), "bundles"),
        (size_t)(i - g->first_bundle));
    const WiringSet *from = &g->sets[b->from].wiring, *to = &g->sets[b->to].wiring;
    Condition c = {.predicate = n->program->predicates[i],
                   .seed = g->chance_seed,
                   .values = interval_condition(to, from)};
    WiringLine line = {.from = b->from,
                       .to = b->to,
                       .context = &c,
                       .uses_to = (uint32_t)get_whole(j, "uses_to"),
                       .uses_from = (uint32_t)get_whole(j, "uses_from"),
                       .pairwise = get_truth(j, "pairwise")};
    bool ok = read_condition(&c.values, json_object_get(j, "predicate"));
    if (c.values.count > 0) line.predicate = call_predicate, line.range = call_range;
    if (ok && c.values.count > 0) interval_line(&c.values, &line);
    ok = ok && candidates_build(from, to, &line, &b->candidates);
    free(c.values.steps), free(c.values.scratch);
    return ok;
}

bool net_fields(Net *n)
{
    FieldLine *lines = calloc((size_t)n->bundle_count + 1, sizeof *lines);
    int count = 0;
    for (int i = 0; lines && i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (b->function || b->target_row < 0 || b->candidates.count == 0 || gradient_of_used(n, b)) continue;
        lines[count++] = (FieldLine){i,
                                     n->graphs[b->graph].first_bundle + b->kind,
                                     &b->candidates,
                                     b->target_row,
                                     b->target_pitch,
                                     b->source_row,
                                     b->source_pitch};
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
    if (n->times[i].stages > 0) return free(lines), free(candidates), true; /* all nodes move at once */
    bool ok = lines && candidates && g->set_count <= 64;
    for (int s = 0; ok && s < g->set_count; s++) sets[s] = g->sets[s].wiring;
    for (int b = 0; ok && b < g->bundle_count; b++) {
        lines[b] = (WiringLine){.from = n->bundles[g->first_bundle + b].from,
                                .to = n->bundles[g->first_bundle + b].to};
        candidates[b] = &n->bundles[g->first_bundle + b].candidates;
    }
    ok = ok && wiring_order(&(WiringGraph){g->set_count, g->bundle_count, sets, lines, candidates}, &g->order,
                            &cycle);
    free(lines), free(candidates);
    for (int k = 0; ok && k < 3; k++) {
        g->phase[k] = calloc((size_t)g->order.phase_count + 1, sizeof(int64_t));
        if (!g->phase[k]) return false;
        for (int p = 0; p < g->order.phase_count; p++) {
            const WiringPhase *w = &g->order.phases[p];
            g->phase[k][p] = k == 0 ? w->set : k == 1 ? w->first : w->count;
        }
    }
    if (ok)
        n->orders[i] =
            (DnwrtOrder){g->order.phase_count, g->phase[0], g->phase[1], g->phase[2], g->order.nodes};
    return ok;
}
