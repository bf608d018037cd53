/* declared.h: memory of declared rules (Declared in common/contract.def; docs/language.md, section 9).
 *
 * Events run between steps: behind the update of step t - 1, before the forward pass of step t. Everything
 * that a rule computes of a candidate is generated code (DnwrtRule); which edges that brings into use is
 * decided in wiring/events.c: by score, of equal ones the earlier candidate, in numbers that depend on the
 * seed, the event and the candidate alone.
 */
#ifndef RT_DECLARED_H
#define RT_DECLARED_H
#include "common/choice.h"

/* Numbers of all candidates that are kept of a term, or NULL: they are found elsewhere. */
float **declared_term(Declared *d, int term);
/* Edges in use that the budget of a list with a declared rule allows. */
int64_t declared_budget(const NetList *l, double epoch);
/* Arrays by candidate: how many, allocation (false: out of memory), end. d may be NULL. */
int declared_arrays(const Declared *d, bool slots);
bool declared_allocate(Declared *d, int64_t candidates, bool slots);
/* Scores and values: with slots they are there while an action runs alone. False: out of memory. */
bool declared_lend(Declared *d, int64_t candidates);
void declared_take_back(Declared *d);
void declared_free(Declared *d);
/* Does it want the gradients of candidates stored? */
bool declared_stores(const Declared *d);
/* Array i of those that go into checkpoints, and its name; NULL: there are no more. */
enum { DECLARED_ARRAYS = MOST_RULE_STATES + 3 };
const char *declared_array(const Declared *d, int i, float **data);
#endif
