/* ir_eval_group.h: budgets of groups, and tied weights, in the reference interpreter. */
#ifndef DNW_IR_EVAL_GROUP_H
#define DNW_IR_EVAL_GROUP_H
#include "eval/ir_eval.h"

/* A candidate of a list, by its position there. */
typedef struct ListAt {
    int bundle;
    int64_t candidate;
} ListAt;
ListAt list_at(const Graph *g, int list, int64_t position);

/* Tied weights become those of the first candidate of their key, here and in graphs that have it, too. */
void eval_spread(const Graph *g, double *param);
void eval_spread_list(const Graph *g, int list, double *param);
/* Calls `each` with all elements that are one weight with element `at` of the parameters, itself included;
 * false: it is not tied. */
typedef void EachTied(void *context, const Graph *g, ListAt place, int64_t at);
bool eval_each_tied(const Model *m, int64_t at, EachTied *each, void *context);
/* Gradients of tied weights become the sums over their keys: results "d NAME" of a function. */
void eval_tie_gradients(Eval *e, const Func *f, const Model *m);

/* Marks the `keep` groups of a list with the largest values: of the magnitudes of weights, or (drawn) by the
 * seed. */
void eval_choose_groups(Arena *a, const EvalContext *c, const Graph *g, int list, int64_t keep,
                        uint8_t **kept);
#endif
