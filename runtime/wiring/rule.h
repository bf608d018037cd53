/* rule.h: the runtime part of a rule that chooses edges. One row per rule; choose.c calls it. */
#ifndef RT_RULE_H
#define RT_RULE_H
#include "net/net_private.h"
#include <string.h>

/* The bits of |w|: as unsigned numbers they order like magnitudes. */
static inline uint32_t magnitude(float w)
{
    uint32_t bits;
    memcpy(&bits, &w, sizeof bits);
    return bits & 0x7fffffffu;
}

typedef struct Rule {
    bool once;    /* edges are chosen at the start and stay */
    bool weights; /* scores are magnitudes of weights, read in one pass; else score() gives each */
    /* Score of a candidate: the largest are in use. */
    uint32_t (*score)(const Net *n, const NetBundle *b, int64_t candidate);
} Rule;
extern const Rule edge_rules[RULE_KIND_COUNT];

static inline const Rule *rule_of(const NetList *l)
{
    return &edge_rules[l->rule.kind];
}
#endif
