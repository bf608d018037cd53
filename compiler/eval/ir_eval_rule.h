/* ir_eval_rule.h: declared rules in the reference interpreter: one list of edges at one moment of the
 * training, naive loops in double. What it computes is the definition of every action and event.
 */
#ifndef DNW_IR_EVAL_RULE_H
#define DNW_IR_EVAL_RULE_H
#include "model/model.h"
#include "model/rule.h"

/* Of a list, or of a node where each has a budget of its own: edges in use, in the budget, in all. */
typedef struct RuleSize {
    int64_t used, budget, candidates;
} RuleSize;

typedef struct EvalRule {
    const Model *model;
    const Graph *graph;
    int list, number; /* of the list: in its graph, among all of the model */
    uint64_t seed;
    int64_t done;         /* steps so far */
    double epochs, steps; /* of the training; steps of an epoch. 0: not known */
    double rate;          /* learning rate of the last step */
    double round;         /* of the event: a share of all its rounds */
    RuleSize size;        /* of what functions are computed for */
    uint8_t **kept;       /* [bundle][candidate] of the graph */
    /* By RuleTerm, then by state: one number for each candidate of the list. W, GRADIENT, MOMENTUM, FIRST and
     * the states are given; AGE holds the step of the last change. */
    double **term;
    uint8_t *learns;   /* 1: has a gradient in the next step beside those in use (`top`) */
    double **strength; /* [bundle][candidate]: abs(w), 1 of edges with a function; given, and then kept for
                          the list of the rule */
    double *fresh;     /* weights that edges drawn anew would have */
    int64_t moved;     /* edges that redistribute moved into the budget */
    struct EvalRule **all; /* the lists of the model, NULL those without a declared rule */
    int all_count;
    Arena *arena;
} EvalRule;

/* A function of a rule that reads w and what stands beside it (RuleState.stored), from these parameters. */
typedef struct CandidateAt {
    int bundle;
    int64_t candidate;
} CandidateAt;
double eval_carried(const Model *m, const Graph *g, CandidateAt at, int function, const double *param);
/* Room for the numbers of all candidates, 0; ages and states as at the start. */
EvalRule eval_rule_new(Arena *a, const Model *m, const Graph *g, int list, uint8_t **kept);
/* Behind a step: moves the states. All lists, before eval_rule_step of any. */
void eval_rule_states(EvalRule *r);
/* The events that are due behind `done` steps; list by list, as `all` has them. */
void eval_rule_step(EvalRule *r);
/* Before the first step: the events that are due then. */
void eval_rule_begin(EvalRule *r);
#endif
