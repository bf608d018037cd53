/* choice.h: the budget of a list of edges and the rule that chooses them, for the compiler and programs.
 *
 * A budget says how many edges are in use; a rule says which, when they are chosen anew, and how exact the
 * gradients of candidates not in use are. wiring/rule.h is the runtime part of a rule.
 */
#ifndef RT_CHOICE_H
#define RT_CHOICE_H
#include "common/contract.h"

/* Edges in use at `epoch` (a node, of FAN_IN and FAN_OUT), of so many candidates. */
int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch);
/* A straight line from start to keep. */
int64_t anneal_count(int64_t start, int64_t keep, double epochs, double epoch);
#endif
