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
/* One expression more; false after a message, said once: the file asks for too much. */
bool within_bounds(Check *k, Span span);
const char *op_sign(OpCode op); /* as it is written */
/* The value in the function being built; a number becomes a constant. NULL after a message when it has no
 * such form. */
Value *val_value(Check *k, const Val *v, const char *wanted);
bool val_is_condition(const Val *v); /* known or not */
Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args);

/* expr_list.c */
typedef Val *Evaluate(Check *k, Scope *scope, const Expr *e);
/* A list or tuple that is written out, and [each for name in values]: `element` evaluates what stands in it.
 */
Val *list_value(Check *k, Scope *scope, const Expr *e, Evaluate *element);
Val *each_value(Check *k, Scope *scope, const Expr *e, Evaluate *element);
/* Another item; false where it is poison, and after a message: the list is too long. */
bool list_add(Check *k, Val *list, Val *item);
/* Every list, when its items are there. */
Val *list_closed(Check *k, Val *list);
/* Does `op` work on the elements of v? */
bool is_array(const Val *v, OpCode op);
/* pointwise where one argument is an array or several are. */
Val *pointwise_arrays(Check *k, OpCode op, Span span, int count, Val **args);
Val *fold_array(Check *k, const Builtin *b, Val *v, Span span); /* sum, and max and min of one array */
/* Known, or a condition; of lists and points, whether all their elements are equal. */
Val *equal_values(Check *k, Span span, Val *a, Val *b);
/* Are the arguments of repeat a number and a function, in this order? Else a message. */
bool repeat_arguments(Check *k, Scope *scope, const Expr *call, bool waits);
/* sum, chain, repeat, any, all, count */
Val *apply_list(Check *k, const Builtin *b, Val **args, Span span);

/* expr_option.c */
void check_options(Check *k);

/* expr_choose.c */
/* list[index]; a poison value after a message. */
Val *choose_element(Check *k, const Val *list, Val *index);

/* expr_where.c */
/* Are there at most two? Else a message: a key of several numbers is one argument. */
bool chance_arguments(Check *k, const Val *function);
/* dist, chance */
Val *apply_where(Check *k, const Builtin *b, Val **args, Span span);
/* A key: a number or a tuple of numbers that follow from indices. How many; 0 after a message. */
int key_length(Check *k, const Val *key);
/* Number i of it; NULL after a message. */
const Val *key_part(Check *k, const Val *key, int i);

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

/* expr_size.c */
/* The line `size NAME in low .. high = start` of d: its value is the number. */
Val *declare_size(Check *k, Scope *scope, const Decl *d, const Stmt *s);
/* NULL: v is none. */
LearnedSize *learned_size(const Check *k, const Val *v);
/* A size of a layer: a whole number in low .. high, or a learned size within them. */
typedef struct SizeOfLayer {
    int64_t most;         /* what the layer is built with */
    LearnedSize *learned; /* or NULL */
} SizeOfLayer;
bool size_between(Check *k, const Val *v, const char *what, int64_t low, int64_t high, SizeOfLayer *out);
/* Of one place of many, 0, 1, ...; of a tap so far from the middle, from the value of the size. */
Value *place_mask(Check *k, LearnedSize *size, int64_t place);
/* Of the place that a value is, from the value of the size. */
Value *value_mask(Check *k, Value *size, Value *place);
Value *tap_mask(Func *f, Value *size, int64_t distance);
/* The part of the taps of a filter, or of a place, that is in use; products of parts, NULL: all of it. */
Value *channel_part(Check *k, const LearnedSize *size);
Value *filter_part(Check *k, const LearnedSize *size);
Value *place_part(Check *k, const LearnedSize *size, int64_t place);
Value *part_times(Check *k, Value *a, Value *b);
/* The size whose mask the channels of v wait for, or NULL; the part of them in use, NULL: all. */
LearnedSize *learned_channels(const Check *k, const Value *v);
Value *part_of_channels(const Check *k, const Value *v);
void set_channels(Check *k, Value *v, LearnedSize *size);
void set_part(Check *k, Value *v, Value *part);
/* x as others may read it: with the mask of its channels. */
Value *in_use(Check *k, Value *x);
/* Operands of what works element by element: the size that all of them wait for. Where they do not wait for
 * the same, each gets its mask, and the result is NULL. */
LearnedSize *channels_together(Check *k, int count, Value **values, Value **part);

/* expr_padded.c */
/* x, made of the input, with 0 at the positions that a sample does not have; sets k->model->there. */
Value *padded_input(Check *k, const Value *input, Value *x);
bool is_padded(const Check *k, const Value *v);
void set_padded(Check *k, Value *v);
/* x, [positions, ...], with 0 at the positions that a sample does not have. */
Value *without_padding(Check *k, Value *x);
/* Of the positions that a sample has: the value at the last one; the mean. */
Value *last_there(Check *k, Value *x);
Value *mean_there(Check *k, Value *x);
/* Messages: `what` would mix positions; batch_norm would count those behind the end. */
Val *not_for_padded(Check *k, const char *what, Span span);
Val *no_norm_of_padded(Check *k, Span span);

/* expr_apply.c */
Val *apply(Check *k, Val *function, Val *first, Span span);
Val *apply_call(Check *k, Val *function, Span span); /* all arguments are bound */
/* A VAL_FUNCTION of a describing built-in becomes its VAL_CALL with defaults; others are returned as they
 * are. */
Val *described(Check *k, Val *v);
/* Is v macs(M) or params(M), of a model or a graph? */
bool counts_model(const Val *v);
/* The parameters of a fn or graph and its [sizes], which come from `taken`; false after messages. */
bool bind_params(Check *k, Val *function, Val *first, Shape taken, Span span, Scope *scope);
bool declares_weights(const Decl *d); /* or states */
bool declares_states(const Decl *d);
Val *apply_fn(Check *k, Val *function, Val *first, Span span);
void note_seen(Check *k, const Decl *d); /* it is applied: used */
#endif
