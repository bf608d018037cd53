/* rule.h: the runtime part of a rule that chooses edges. One row per rule; choose.c calls it. */
#ifndef RT_RULE_H
#define RT_RULE_H
#include "net/net_private.h"
#include "net/declared.h"
#include <string.h>

/* The bits of |w|: as unsigned numbers they order like magnitudes. */
static inline uint32_t magnitude(float w)
{
    uint32_t bits;
    memcpy(&bits, &w, sizeof bits);
    return bits & 0x7fffffffu;
}

/* A candidate that is compared with others. */
typedef struct Scored {
    uint32_t key;     /* larger is stronger; of equal ones the lower position wins */
    int32_t line;     /* of all lines: NetBundle */
    int64_t position; /* in its list */
} Scored;
/* Moves the `keep` strongest to the front. */
void choose_strongest(Scored *s, int64_t count, int64_t keep);
/* Marks the edges of a list anew by its rule's scores; returns how many came into use. */
int64_t choose_list(Net *n, NetList *l, double epoch);
/* Scores in the order of numbers, as keys. */
static inline uint32_t score_key(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/* events.c: edges of a list with a declared rule, before the first step. */
int64_t events_begin(Net *n, NetList *l, double epoch);

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
