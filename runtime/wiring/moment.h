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
    int64_t reads;                       /* bit i: RuleTerm i, or state i - TERM_COUNT, is read now: by the
                                          * event, or by the function at hand */
    double round;
    int64_t dropped; /* edges that the event took out of use so far */
} Moment;

static inline bool rule_reads(const Declared *d, int term)
{
    return d->reads >> term & 1;
}

/* A function of a rule. */
static inline bool function_reads(const Net *n, int function, int term)
{
    return n->record.rule_reads[function] >> term & 1;
}

static inline bool moment_reads(const Moment *m, int term)
{
    return m->reads >> term & 1;
}

/* Is it the one that counts for its group? */
static inline bool moment_counts(const Moment *m, const NetBundle *b, int64_t candidate)
{
    return !m->list->groups || group_leads(m->list->groups, b->position + candidate);
}

static inline RuleDraw moment_draw(const Moment *m)
{
    return (RuleDraw){(int)(m->list - m->n->lists), m->draw, m->done};
}

/* Notes the first candidate (its place in the list's numbers) of which a number is none. */
static inline void moment_number(const Moment *m, int64_t place, bool number)
{
    if (!number && !m->rule->wrong) m->rule->wrong = 1 + place;
}

/* pool.c: calls `act` for so many of the candidates that have numbers: of those in use, with the smallest
 * Declared.score; of the others, or of all, with the largest. Of equal ones the earlier. Returns how many. */
typedef enum PoolOf { POOL_OTHERS, POOL_USED, POOL_ALL } PoolOf;
typedef void PoolAct(const Moment *m, const DeclaredAction *a, NetBundle *b, int64_t candidate);
int64_t pool_each(const Moment *m, PoolOf of, int64_t wanted, const DeclaredAction *a, PoolAct *act);

/* learn.c: those that have gradients in the next step, by Declared.score. */
void learn_choose(const Moment *m);

/* Of a list, or of a node where each has a budget of its own: edges in use, those that the budget allows,
 * candidates. */
typedef struct PoolSize {
    int64_t used, budget, candidates;
} PoolSize;

/* moment.c */
Moment moment_new(Net *n, NetList *l, int64_t done);
Moment moment_beside(const Moment *m, NetList *l);  /* the same of another list with the same rule */
double moment_position(const Net *n, int64_t done); /* in epochs */
double moment_progress(const Net *n, double epoch);
PoolSize moment_size(const Moment *m);
int64_t moment_used(const Moment *m);
/* What all candidates share, as it is now. */
void moment_read(Moment *m);
int moment_slots(const Net *n); /* arrays of the optimiser */
/* Numbers of a state by candidate of a line; a shared one: the number (b may be NULL). */
float *moment_state(const Moment *m, const NetBundle *b, int state);
/* A function for all candidates of the list (false: a result is not a number); one that is the same for
 * all. */
bool moment_compute(const Moment *m, int function, float *out);
double moment_amount(const Moment *m, int function, PoolSize p);
void moment_move_states(const Moment *m);
/* redistribute.c: new budgets of all lists with the rule; false: see `bad`. */
bool redistribute(const Moment *m, const DeclaredAction *a, char *bad, size_t size);
/* events.c: how many edges a drop (a grow) moves; 0 or less: none. */
int64_t moment_leaves(const Moment *m, const DeclaredAction *a, PoolSize p);
int64_t moment_comes(const Moment *m, const DeclaredAction *a, PoolSize p);
/* pool_nodes.c: a drop (`used`) or a grow of each node of a list with a budget for each. Returns how many. */
int64_t pool_nodes(const Moment *m, bool used, const DeclaredAction *a, PoolAct *act);

/* Terms that follow from the edges in use. Both take Net.scratch. paths3.c: Declared.paths3 of a line. */
void paths3(const Moment *m, const NetBundle *b);
/* path_flow.c: Declared.flow of all lines of the list. */
void path_flow(const Moment *m);
/* events_log.c: the edges in use of a list were in use. */
void events_explored(const Net *n, const NetList *l);
/* An event of a list is over; nothing is noted of events of every step. */
void events_happened(const Moment *m, const DeclaredEvent *e, int64_t grown);

/* slots_event.c: lists that have numbers for edges in use alone. */
/* Forgets the edges whose mark is 0. */
void slots_remove(const Moment *m);
/* Brings so many legal candidates into use, those with the largest score. Returns how many; -1 and `bad`: a
 * score or a weight is not a number, or memory ran out. */
int64_t slots_grow(const Moment *m, const DeclaredAction *a, int64_t count, char *bad, size_t size);
#endif
