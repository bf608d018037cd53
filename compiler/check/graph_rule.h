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
uint64_t rule_arguments_read(const Func *f);           /* bit i: the function reads argument i */
int rule_state_named(const Rule *r, const char *name); /* -1: none */
/* graph_rule_action.c: adds an action to the event; false after a message. */
bool rule_add_step(RuleCheck *c, RuleEvent *event, const RuleAction *a);
#endif
