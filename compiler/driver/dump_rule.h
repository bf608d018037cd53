/* dump_rule.h: declared rules in the output of `dnw build --dump`. */
#ifndef DNW_DUMP_RULE_H
#define DNW_DUMP_RULE_H
#include "lower/lower.h"
#include "model/rule.h"

/* In a model. Numbers are those of Model.rule_functions. */
void rule_dump(const Rule *r, FILE *out);
/* Later, of each list with a rule: its functions; with their derivatives, and which candidates have
 * gradients; in the order and the passes in which they run; what passes read, and what is stored. */
typedef enum RuleStage { RULE_IR, RULE_GRAD, RULE_FUSE, RULE_PLAN } RuleStage;
void rules_dump(const Ir *ir, RuleStage stage, FILE *out);
#endif
