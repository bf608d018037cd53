/* choice.h: the budget of a list of edges and the rule that chooses them, for the compiler and programs.
 *
 * A budget says how many edges are in use; a rule says which, when they are chosen anew, and how exact the
 * gradients of candidates not in use are. wiring/rule.h is the runtime part of a rule.
 */
#ifndef RT_CHOICE_H
#define RT_CHOICE_H
#include "common/contract.h"

/* What the expressions of a declared rule may read: of a candidate, or of the training. */
#define RULE_TERMS(X)                                                                                        \
    X(W, "w", "the weight that decides")                                                                     \
    X(GRADIENT, "gradient", "the gradient of w in the step before")                                          \
    X(MOMENTUM, "momentum", "the first moment that the optimiser keeps for w")                               \
    X(FIRST, "first", "w at the start of the training")                                                      \
    X(USED, "used", "is the candidate in use?")                                                              \
    X(AGE, "age", "steps since the candidate came into use, or out of it")                                   \
    X(RANDOM, "random", "uniform in [0, 1) by seed, event and candidate")                                    \
    X(FAN_IN, "fan_in", "edges in use into the target")                                                      \
    X(FAN_OUT, "fan_out", "edges in use out of the source")                                                  \
    X(PATHS3, "paths3", "paths of three edges in use of its line that the candidate would close, weighted")  \
    X(FLOW, "flow", "the sum over paths through the candidate of the product of abs(w)")                     \
    X(STEP, "step", "steps since the start of the training")                                                 \
    X(EPOCH, "epoch", "epochs since the start, with fractions")                                              \
    X(PROGRESS, "progress", "share of the training that is done")                                            \
    X(RATE, "rate", "the learning rate of the step before")                                                  \
    X(KEPT, "kept", "edges of the list in use")                                                              \
    X(BUDGET, "budget", "edges of the list that its budget allows")                                          \
    X(CANDIDATES, "candidates", "candidates of the list")                                                    \
    X(ROUND, "round", "the share of the rounds of the event, this one included")
/* Those from TERM_STEP on are the same for all candidates of a list. */
typedef enum RuleTerm {
#define TERM(name, text, help) TERM_##name,
    RULE_TERMS(TERM)
#undef TERM
        TERM_COUNT
} RuleTerm;

enum {
    EXPLORED_MOST = 1 << 27
}; /* candidates of a list of which it is known whether they were ever in use */
enum { NO_FUNCTION = -1, MOST_RULE_STATES = 8 }; /* number of a function of a rule: none */

/* How a group gets its value from those of its candidates, of a function that reads these: what all
 * candidates of a group share is the group's own. */
GroupScore group_score_of(GroupScore score, uint64_t reads);
/* Has it an array of its own where a rule reads it? */
bool rule_term_kept(RuleTerm term);
/* Numbers that a rule keeps of what has numbers, 4 bytes each: states of its own, when it changed, two for
 * events to compute with (`alone`, EdgeFacts: none between events), and what the rule reads. */
int rule_arrays(int own_states, int64_t reads, bool alone);

/* What the memory of a line of edges depends on. */
typedef struct EdgeFacts {
    int weights;    /* numbers of 4 bytes: the weight, those of the optimiser, a gradient that is stored */
    int arrays;     /* rule_arrays; without a declared rule 0 */
    bool alone;     /* edges in use alone have numbers */
    bool back;      /* something goes back to the sources (asked where `alone`) */
    bool explored;  /* a bit tells of each candidate whether it was ever in use */
    bool gradients; /* edges in use have gradients of their own */
    int real;       /* bytes of a number in the forward pass */
} EdgeFacts;
/* Bytes of each candidate, and more for each edge that may be in use: programs ask for memory by it.
 * Candidates themselves, where they are no pairs of all nodes, are not counted. */
typedef struct EdgeBytes {
    double candidate, edge;
} EdgeBytes;
EdgeBytes edge_bytes(const EdgeFacts *f);

/* `gradient = used and top(PART) by SCORE`: so many of the candidates. */
int64_t rule_top(double part, bool share, int64_t candidates);
/* Of `fan` candidates into a node, how many are in use at the start, on average; at least 1. */
double fan_in_use(const EdgeBudget *b, int64_t candidates, double fan);
/* Edges in use at `epoch` (a node, of FAN_IN and FAN_OUT), of so many candidates. */
int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch);
#endif
