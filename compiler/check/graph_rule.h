/* graph_rule.h: a use of a declared rule while it is checked, for the files graph_rule_*.c. */
#ifndef DNW_GRAPH_RULE_H
#define DNW_GRAPH_RULE_H
#include "check/graph.h"
#include "model/rule.h"

typedef struct RuleCheck {
    Check *k;
    Rule *rule;
    const Decl *decl;
    Scope *scope; /* parameters, then the names of the rule */
    ValKind kind; /* of the last expression */
} RuleCheck;

/* graph_rule_decl.c */
/* The expression as a function of a candidate: its number; NO_FUNCTION after a message. `what` names it. */
int rule_function(RuleCheck *c, const Expr *e, const char *what);
/* The same of a condition: 1 or 0. */
int rule_condition(RuleCheck *c, const Expr *e, const char *what);
int rule_add_function(RuleCheck *c, Func *f); /* one with its result: its number */
/* What an event at the end of the training does needs no training; false after a message. */
bool rule_ends_trained(Check *k, const RuleEvent *e);
bool rule_no_rounds(RuleCheck *c, Span span); /* `round` is read where there are none: says so; false */
const char *rule_parameter(const RuleCheck *c, const Expr *e); /* the one that an expression is; "": none */
int rule_state_named(const Rule *r, const char *name);         /* -1: none */
/* graph_rule_weight.c: the lines of a rule that are no events; false after a message. */
bool rule_add_state(RuleCheck *c, const RuleItem *item);
bool rule_weight_start(RuleCheck *c, const RuleItem *item);
bool rule_next(RuleCheck *c, const RuleItem *item);
bool rule_let(RuleCheck *c, const RuleItem *item);
bool rule_more_learn(RuleCheck *c, const RuleItem *item); /* gradient = used and ... */
/* A state that the list shares is set to what the list shares; false after a message. */
bool rule_fits_state(RuleCheck *c, int state, int function, const Expr *e);
/* Once all lines are known. */
bool rule_weights_fit(RuleCheck *c);
/* The weight of an edge function that a state is, by place among those of the line; -1: it has none. */
int rule_given_weight(const Bundle *u, const RuleState *s);
/* Is an argument the same for all candidates of a list? One that a function reads and that is not. */
bool rule_is_shared(const Rule *r, int argument);
const char *rule_differing(const Rule *r, const Func *f);
/* graph_rule_action.c */
bool rule_is_magnitude(const Func *score); /* abs(w) */
/* Adds an action to the event; false after a message. */
bool rule_add_step(RuleCheck *c, RuleEvent *event, const RuleAction *a);
/* graph_rule_idle.c: what does nothing; false after a message. */
bool rule_amount_counts(RuleCheck *c, const RuleEvent *event, const RuleStep *s, const Expr *e);
bool rule_reset_changes(RuleCheck *c, const RuleStep *s, const Expr *e);
bool rule_event_lasts(RuleCheck *c, const RuleEvent *e, Span span); /* from `from` to `until` */
bool rule_states_move(RuleCheck *c);
void rule_steps_act(Check *k, const Rule *r); /* under a budget that stays */
void rule_top_adds(Check *k, const EdgeList *l);
#endif
