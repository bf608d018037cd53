/* moment.h: one event of one list with a declared rule, for the files that run it. */
#ifndef RT_MOMENT_H
#define RT_MOMENT_H
#include "wiring/rule.h"

enum { RULE_BLOCK = 1024 }; /* candidates whose numbers are computed at once, a multiple of RULE_WIDTH */

/* What the functions of an event read beside the candidate. */
typedef struct Moment {
    Net *n;
    NetList *list;
    Declared *rule;
    int64_t done;                        /* steps so far */
    double epoch;                        /* position of the training */
    uint64_t draw;                       /* of the actions at this moment: keys `random` */
    double same[TERM_COUNT - TERM_STEP]; /* terms that all candidates share, of the action at hand */
} Moment;

static inline bool rule_reads(const Declared *d, int term)
{
    return d->reads >> term & 1;
}

static inline RuleDraw moment_draw(const Moment *m)
{
    return (RuleDraw){(int)(m->list - m->n->lists), m->draw, m->done};
}

/* pool.c: calls `act` for so many of the candidates that have numbers and are (not) in use: in use, those
 * with the smallest Declared.score; else those with the largest. Of equal ones the earlier. Returns how many.
 */
typedef void PoolAct(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate);
int64_t pool_each(const Moment *m, bool used, int64_t wanted, const DeclaredAction *a, PoolAct *act);

/* slots_event.c: lists that have numbers for edges in use alone. */
/* Forgets the edges whose mark is 0. */
void slots_remove(const Moment *m);
/* Brings so many legal candidates into use, those with the largest score. Returns how many; -1 and `bad`: a
 * score or a weight is not a number, or memory ran out. */
int64_t slots_grow(const Moment *m, const DeclaredAction *a, int64_t count, char *bad, size_t size);
#endif
