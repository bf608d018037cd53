/* rule.c: see rule.h. */
#include "wiring/rule.h"

static uint32_t magnitude_score(const Net *n, const NetBundle *b, int64_t candidate)
{
    return magnitude(n->weights[b->param->offset + candidate]);
}

static uint32_t drawn_score(const Net *n, const NetBundle *b, int64_t candidate)
{
    return sample_score(n->options.seed, b->line.graph, b->line.list, b->position + candidate);
}

static uint32_t declared_score(const Net *n, const NetBundle *b, int64_t candidate)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return d->drawn ? drawn_score(n, b, candidate) : score_key(d->score[b->place + candidate]);
}

const Rule edge_rules[RULE_KIND_COUNT] = {
    [RULE_DNW] = {.weights = true, .score = magnitude_score},
    [RULE_SAMPLE] = {.once = true, .score = drawn_score},
    [RULE_DECLARED] = {.once = true, .score = declared_score}, /* afterwards by events */
};
