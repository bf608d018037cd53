/* choice.h: the budget of a list of edges and the rule that chooses them, for the compiler and programs.
 *
 * A budget says how many edges are in use; a rule says which, when they are chosen anew, and how exact the
 * gradients of candidates not in use are. wiring/rule.h has what a program does for a rule.
 */
#ifndef RT_CHOICE_H
#define RT_CHOICE_H
#include <stdbool.h>
#include <stdint.h>

/* Forms of a budget: all candidates, a count, a count into or out of each node, a count that changes with the
 * epochs. */
#define KEEP_FORMS(X)                                                                                        \
    X(ALL, "all") X(COUNT, "count") X(FAN_IN, "fan_in") X(FAN_OUT, "fan_out") X(ANNEAL, "anneal")
typedef enum KeepForm {
#define FORM(name, text) KEEP_##name,
    KEEP_FORMS(FORM)
#undef FORM
        KEEP_FORM_COUNT
} KeepForm;

typedef struct EdgeBudget {
    KeepForm form;
    int64_t keep;  /* COUNT: edges in use; FAN_IN, FAN_OUT: edges a node; ANNEAL: edges at the end */
    int64_t start; /* ANNEAL: edges at the start */
    double epochs; /* ANNEAL: to get from start to keep */
} EdgeBudget;

/* Rules: the largest magnitudes ("Discovering Neural Wirings", Algorithm 1); drawn once. */
#define EDGE_RULES(X) X(DNW, "dnw") X(SAMPLE, "sample")
typedef enum RuleKind {
#define RULE(name, text) RULE_##name,
    EDGE_RULES(RULE)
#undef RULE
        RULE_KIND_COUNT
} RuleKind;

typedef struct EdgeRule {
    RuleKind kind;
    /* Gradients of candidates that are not in use: from every refresh-th step alone, from one in `positions`
     * of samples and pixels, from factors rounded to bfloat16. 1, 1, false: exact. */
    int64_t refresh, positions;
    bool bf16;
} EdgeRule;

const char *keep_form_text(KeepForm form);
const char *rule_kind_text(RuleKind kind);
/* KEEP_FORM_COUNT, RULE_KIND_COUNT: none. */
KeepForm keep_form_named(const char *text);
RuleKind rule_kind_named(const char *text);
/* Edges in use at `epoch` (a node, of FAN_IN and FAN_OUT), of so many candidates. */
int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch);
/* A straight line from start to keep. */
int64_t anneal_count(int64_t start, int64_t keep, double epochs, double epoch);
#endif
