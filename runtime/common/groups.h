/* groups.h: candidates of a list by a key: numbers that follow from the indices of their ends.
 *
 * Candidates with equal keys are one group: of a budget that counts groups (`keep 30% of j`), or of tied
 * weights (`tied (i, j)`). Groups are numbered by their first candidate. The compiler and programs build them
 * with the same code, as they do candidates.
 */
#ifndef RT_GROUPS_H
#define RT_GROUPS_H
#include "common/wiring.h"

enum { MOST_GROUPED = 1 << 27, MOST_KEY_PARTS = 8 }; /* candidates of a list; numbers of a key */

typedef struct Groups {
    int64_t count, candidates;
    uint32_t *of;     /* by candidate of the list: its group */
    int64_t *first;   /* count + 1: where the members of each group begin */
    uint32_t *member; /* candidates of the list, ascending within a group */
    int parts;
    double *keys; /* of each group, `parts` numbers */
} Groups;

/* A line of the list. */
typedef struct GroupLine {
    const Candidates *candidates;
    const WiringSet *to, *from;
    const CandidateKey *key;
} GroupLine;

typedef enum GroupsBuilt { GROUPS_BUILT, GROUPS_NO_MEMORY, GROUPS_UNKNOWN } GroupsBuilt;
/* UNKNOWN: a key has a value that interval.c does not know. Frees everything unless BUILT. */
GroupsBuilt groups_build(const GroupLine *lines, int count, Groups *out);
void groups_free(Groups *g);
/* Bytes for so many candidates, at most. */
int64_t groups_bytes(int64_t candidates, int parts);

static inline int64_t group_size(const Groups *g, int64_t group)
{
    return g->first[group + 1] - g->first[group];
}
/* Is it the first of its group? */
static inline bool group_leads(const Groups *g, int64_t candidate)
{
    return g->member[g->first[g->of[candidate]]] == candidate;
}

/* Tied weights of several lists whose keys begin with the same text: equal keys have one weight in all.
 * A list is named by its place among them. */
typedef struct SharedTies {
    int lists;
    int64_t keys;
    int64_t *key; /* by list, then by tie: its key, of all of them; places of lists in `begin` */
    int64_t *begin;
    int64_t *tie; /* by key, then by list: its tie there; -1: none */
} SharedTies;

/* false: out of memory. */
bool shared_ties_build(const Groups *const *ties, int lists, SharedTies *out);
void shared_ties_free(SharedTies *s);

static inline const int64_t *shared_tie(const SharedTies *s, int place, int64_t tie)
{
    return s->tie + s->key[s->begin[place] + tie] * s->lists;
}
/* Is it in the first list that has its key? Without others (NULL) it is. */
static inline bool shared_leads(const SharedTies *s, int place, int64_t tie)
{
    const int64_t *ties = s ? shared_tie(s, place, tie) : NULL;
    for (int i = 0; s && i < place; i++)
        if (ties[i] >= 0) return false;
    return true;
}

/* Edges of the `keep` largest groups: the most that so many can have. */
int64_t groups_most(const Groups *g, int64_t keep);
/* The value of a group, of that of each member (`each`, by place of the member). Of numbers with both signs
 * the norm is that of the positive ones less that of the negative ones, so that it rises with each. */
typedef double GroupMember(const void *context, int64_t candidate);
double group_value(const Groups *g, int64_t group, GroupScore score, GroupMember *each, const void *context);
#endif
