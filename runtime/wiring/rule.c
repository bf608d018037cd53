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

const Rule edge_rules[RULE_KIND_COUNT] = {
    [RULE_DNW] = {.weights = true, .score = magnitude_score},
    [RULE_SAMPLE] = {.once = true, .score = drawn_score},
    [RULE_DECLARED] = {.once = true, .score = drawn_score}, /* afterwards by events */
};
