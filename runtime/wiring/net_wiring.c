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

/* Candidates that stand in the program. */
static bool take_given(Net *n, int i, WiringLine *line)
{
    NetBundle *b = &n->bundles[i];
    const NetGraph *g = &n->graphs[b->line.graph];
    const WiringSet *from = &g->sets[b->line.from].wiring, *to = &g->sets[b->line.to].wiring;
    const DnwrtGiven *given = n->program->given[i];
    const Candidates pairs = {.form = CANDIDATES_LIST,
                              .targets = to->size,
                              .sources = from->size,
                              .count = given->row[to->size],
                              .row = (int64_t *)given->row,
                              .source = (uint32_t *)given->source};
    line->given = &pairs;
    for (int w = 0; w < b->line.weight_count; w++)
        if (b->weights[w]->init.kind == INIT_GIVEN) b->weights[w]->init.given = given->weight;
    return candidates_build(from, to, line, &b->legal);
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
    if (condition->given) return take_given(n, i, &line);
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

/* Do steps compute the gradients of all candidates that have numbers? */
static bool in_fields(const Net *n, const NetBundle *b)
{
    if (b->candidates.count == 0) return false;
    return !gradient_of_used(n, b) || (events_read_gradient(n, b) && !b->line.slots);
}

/* Do events compute those of all legal candidates? */
static bool in_streams(const Net *n, const NetBundle *b)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return b->line.slots && n->real_size == 4 && n->options.training && d->streams;
}

typedef bool IsIn(const Net *n, const NetBundle *b);
static Field *build_fields(const Net *n, bool legal, IsIn *is_in, int *field_count)
{
    FieldLine *lines = calloc((size_t)n->bundle_count + 1, sizeof *lines);
    int count = 0;
    for (int i = 0; lines && i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (b->line.function || b->rows.target < 0 || !is_in(n, b)) continue;
        lines[count++] = (FieldLine){i,
                                     n->graphs[b->line.graph].first_bundle + b->line.kind,
                                     legal ? &b->legal : &b->candidates,
                                     b->rows.target,
                                     b->rows.target_pitch,
                                     b->rows.source,
                                     b->rows.source_pitch};
    }
    Field *fields = lines ? fields_build(lines, count, field_count) : NULL;
    free(lines);
    return fields;
}

void net_free_fields(Net *n)
{
    fields_free(n->fields, n->field_count), fields_free(n->streams, n->stream_count);
    n->fields = n->streams = NULL;
}

bool net_fields(Net *n)
{
    net_free_fields(n);
    n->fields = build_fields(n, false, in_fields, &n->field_count);
    n->streams = build_fields(n, true, in_streams, &n->stream_count);
    return n->fields && n->streams;
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
