/* check.h: Ast -> Model. Finds every error that is not one of syntax. Its groups: val.h. */
#ifndef DNW_CHECK_H
#define DNW_CHECK_H
#include "check/layer.h"

/* The entry point: NULL when there were errors. */
Model *check(Compilation *c);
/* Files, names and options; the model comes with check(). */
Check *check_open(Compilation *c);
/* Frees the candidates of all graphs that are not in `kept` (NULL: of all). */
void check_close(Check *k, const Model *kept);
/* The body of a model as a function of a tensor of shape `input`: fills k->model. */
void build_body(Check *k, const Decl *d, Module *m, Shape input);
/* The shape written after the parameter of a model; false after a message. */
bool stated_shape(Check *k, const Decl *d, Module *m, Shape *out);
/* A model of its own for what the file's model must not hold: graphs of tests, declarations that are not
 * used. */
void scratch_open(Check *k, Check *saved);
void scratch_close(Check *k, const Check *saved);

/* check_unused.c: declarations that the model does not use, as far as they can be checked alone. */
void check_unused(Check *k);

/* check_train.c */
void check_train(Check *k, const Decl *d, Module *m);
typedef enum DataState {
    DATA_KNOWN,
    DATA_ABSENT,
    DATA_WRONG
} DataState; /* wrong: check_train says it, or it is said */
/* Opens only the shape of the data that the train block names. */
DataState data_shape(Check *k, const Decl *d, Module *m, Shape *input);
const Setting *find_setting(const Decl *train, const char *name);
/* The seed of a train block; 0 when there is none. */
double train_seed(Check *k, const Decl *d, Module *m);
int64_t train_batch(Check *k, const Decl *d, Module *m);
/* Are the arguments of a schedule in their ranges? Else a message. Its first is at least `least`, the others
 * are at least 0; epochs is a list of them. */
bool schedule_ok(Check *k, const Val *v, double least);

/* check_size.c */
/* The costs of the model's multiply-adds and parameters, where it has learned sizes. */
void add_size_costs(Check *k);
/* Warns of those that the model does not read. */
void warn_unused_sizes(Check *k);

/* check_loss.c */
/* The loss of the model, from a described loss alone. */
void build_loss(Check *k, const Val *loss);
/* The same from the expression of the setting, with the costs of the model; returns the first loss of
 * predictions in it, NULL after a message. */
const Val *check_loss(Check *k, const Expr *e, Module *m);
/* The value of a loss of predictions or a schedule, where the loss is built; others are returned as they
 * are. */
Val *loss_term(Check *k, Val *v);

/* check_test.c */
/* Test blocks are well formed; nothing is differentiated. */
void check_tests(Check *k);
/* One line of a block: true, false, or poison after a message. */
Val *test_line(Check *k, const Expr *e);
#endif
