/* expr.h: expressions.
 *
 * They are evaluated at once (expr.c): what is known becomes a number, a list, a function; what is known
 * only when the program runs becomes a value in a function of the mid-level form. The same evaluator
 * therefore serves options, sizes, predicates, node functions and models. A mistake yields a poison value,
 * which never causes another.
 */
#ifndef DNW_EXPR_H
#define DNW_EXPR_H
#include "check/names.h"

/* What expressions ask of the groups above them: the one way up. check.c says who answers. */
typedef struct Above {
    /* A built-in that works on tensors or maps. */
    Val *(*builtin)(Check *k, const Builtin *b, Val **args, Span span);
    /* A graph, or a function with weights, on a tensor. */
    Val *(*tensor)(Check *k, Val *function, Val *x, Span span);
    /* The line s of d, which declares a weight or a state or moves a state; false after a message: d has no
     * value. */
    bool (*line)(Check *k, Scope *scope, const Decl *d, const Stmt *s);
    /* In a loss: the value of what describes one; others are returned as they are. */
    Val *(*term)(Check *k, Val *v);
} Above;

/* expr.c */
Val *check_expr(Check *k, Scope *scope, const Expr *e);
/* An expression where a function is wanted: F(args) waits for its first argument. */
Val *check_function(Check *k, Scope *scope, const Expr *e);
/* The value in the function being built; a number becomes a constant. NULL after a message when it has no
 * such form. */
Value *val_value(Check *k, const Val *v, const char *wanted);
Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args);

/* expr_option.c */
void check_options(Check *k);

/* expr_choose.c */
/* list[index]; a poison value after a message. */
Val *choose_element(Check *k, const Val *list, Val *index);

/* expr_share.c */
struct Shares *shares_new(Arena *perm);
/* A value of the function being built, and a constant: the one that is there already, or a new one. */
Value *shared_value(Check *k, OpCode op, Span span, int count, Value *const *args);
Value *shared_const(Check *k, double number, bool is_bool);
/* Notes what the items of v, or the arguments that wait in it, are equal to. */
void share_items(Check *k, Val *v);
void share_bound(Check *k, Val *v);
/* What was made before, to see whether an application makes anything beside its value. */
typedef struct MadeCounts {
    int counts[10];
} MadeCounts;
typedef struct Application {
    Val *result; /* of an equal application before; NULL: none */
    int number;
    MadeCounts before;
} Application;
Application application(Check *k, const Decl *d, const Scope *arguments);
/* The answer to a question of a test: NULL where it is new. */
int answer_number(Check *k, const Builtin *b, Val *const *args);
const Val *answer_before(const Check *k, int number);
void answer_done(Check *k, int number, Val *answer);
/* Keeps its result for others, unless it made more than that: weights, graphs, warnings. What is wrong is
 * wrong each time, and said once. */
void application_done(Check *k, const Application *a, Val *result);

/* expr_apply.c */
Val *apply(Check *k, Val *function, Val *first, Span span);
Val *apply_call(Check *k, Val *function, Span span); /* all arguments are bound */
/* A VAL_FUNCTION of a describing built-in becomes its VAL_CALL with defaults; others are returned as they
 * are. */
Val *described(Check *k, Val *v);
/* The parameters of a fn or graph and its [sizes], which come from `taken`; false after messages. */
bool bind_params(Check *k, Val *function, Val *first, Shape taken, Span span, Scope *scope);
bool declares_weights(const Decl *d); /* or states */
bool declares_states(const Decl *d);
Val *apply_fn(Check *k, Val *function, Val *first, Span span);
void note_seen(Check *k, const Decl *d); /* it is applied: used */
#endif
