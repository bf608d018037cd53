/* rule.h: a declared rule, as one list of edges uses it: its parameters have their values.
 *
 * What it computes are functions of one candidate: ARG i is RuleTerm i (common/choice.h), or state
 * i - TERM_COUNT of the rule. Amounts do not depend on the candidate. The functions stand in
 * Model.rule_functions; here are their numbers, NO_FUNCTION for none.
 */
#ifndef DNW_RULE_H
#define DNW_RULE_H
#include "common/choice.h"
#include "ir/ir.h"

/* A number of each candidate, or (shared) of the list. The optimiser moves those that are learned. */
typedef struct RuleState {
    const char *name;
    InitSpec init; /* of a state: a number */
    int next;      /* NO_FUNCTION: only events set it, or the optimiser moves it */
    bool shared, learned;
    bool given;  /* learned: a weight that the function of the edges declares */
    int slope;   /* learned: the derivative of `forward` by it */
    bool stored; /* in tensors, as the weights of edges are: what a forward pass reads, what is shared */
    int weight;  /* stored by candidate: its place among Bundle.weights */
    struct Tensor *tensor; /* stored and shared */
    Span span;
} RuleState;

/* Is its gradient a sum over the edges in use of a list? */
static inline bool rule_is_summed(const RuleState *s)
{
    return s->shared && s->learned;
}

/* A point of the training: a share of it, else epochs. */
typedef struct RuleTime {
    double at;
    bool share;
} RuleTime;

typedef struct RuleStep {
    RuleVerb verb;
    int amount;
    bool share; /* amount is a share of the edges in use, else a count */
    int score;
    int value;      /* RESET: of each edge in use; GROW: the weight of a new edge, NO_FUNCTION: 0 */
    bool fresh;     /* GROW: the weight is drawn anew */
    bool magnitude; /* CHOOSE: score is abs(w) */
    int target;     /* RESET: TERM_W, or TERM_COUNT + state */
    Span span;
} RuleStep;

/* Does it bring the edges in use up to the budget? */
static inline bool rule_fills(const RuleStep *s)
{
    return s->verb == VERB_CHOOSE || (s->verb == VERB_GROW && s->amount == NO_FUNCTION);
}
/* Down to it? */
static inline bool rule_shrinks(const RuleStep *s)
{
    return s->verb == VERB_CHOOSE || s->verb == VERB_DROP;
}
/* Below it? */
static inline bool rule_empties(const RuleStep *s)
{
    return s->verb == VERB_DROP && s->amount != NO_FUNCTION;
}

typedef struct RuleEvent {
    int64_t steps; /* every so many steps; 0: not */
    double epochs; /* every so many epochs; 0: not. Neither: once, at `from` */
    RuleTime from, until;
    uint64_t reads; /* as Rule.reads, of this event */
    int rounds;     /* so often one after the other */
    Vec(RuleStep) actions;
    Span span;
    const char *argument; /* "interval": the parameter that says how often it comes, or when; "": none */
    const char *place;    /* "net.dnw:3:5": of an event of the library, where the rule is used */
} RuleEvent;

typedef struct Rule {
    const char *name, *text; /* "rigl", "rigl(interval = 100, part = 30%)" */
    bool all_gradients;      /* else of edges in use, and of all where an event reads them */
    int64_t refresh;         /* of all in every refresh-th step; 1: in each */
    int top_by;              /* of those, too, whose score is among the largest; NO_FUNCTION: of no more */
    double top;              /* so many of all candidates: a share, or a number */
    bool top_share;
    const char *top_argument; /* "part": the parameter that says `top`; "": none */
    bool start_all;           /* all candidates are in use before the first step, and amounts are exact */
    uint64_t reads;           /* bit i: some function reads RuleTerm i, or state i - TERM_COUNT */
    uint64_t score_reads, value_reads; /* the same of the scores and start values of GROW */
    InitSpec weight;                   /* how w starts */
    int forward;            /* what an edge carries instead of w, from w and states; NO_FUNCTION: w */
    int slope;              /* its derivative by w; NO_FUNCTION: w is fixed */
    int used;               /* is a candidate in use? 1 or 0; NO_FUNCTION: events say it */
    uint64_t forward_reads; /* as `reads`: of forward and used */
    Vec(RuleState) states;
    Vec(RuleEvent) events;
    const void *declaration; /* lists with the same one and the same text share out their budgets */
    Span span;
} Rule;

const char *rule_term_name(int term); /* "gradient"; NULL: there are no more */
const char *rule_argument_name(const Rule *r, int argument);
uint64_t rule_arguments_read(const Func *f); /* bit i: the function reads argument i */
/* The same declaration with the same arguments? */
bool rule_is_same(const Rule *a, const Rule *b);
/* Is the action one of its events? */
bool rule_has(const Rule *r, RuleVerb verb);
/* May a list have more edges in use than its budget: all at the start, or what others gave? */
bool rule_leaves_budget(const Rule *r);
/* Are the edges that are drawn at the start those that are trained? Then weights are drawn for as many. */
bool rule_starts_sparse(const Rule *r);
#endif
