/* check.h: Ast -> Model. Finds every error that is not one of syntax.
 *
 * Expressions are evaluated at once (check_expr.c): what is known becomes a number, a list, a function; what is known
 * only when the program runs becomes a value in a function of the mid-level form. The same evaluator therefore serves
 * options, sizes, predicates, node functions and models. A mistake yields a poison value, which never causes another.
 */
#ifndef DNW_CHECK_H
#define DNW_CHECK_H
#include "builtin.h"
#include "compile.h"
#include "model.h"

typedef enum ValKind {
    VAL_POISON,
    VAL_NONE,     /* nothing: a parameter that was not given */
    VAL_NUMBER,
    VAL_PERCENT,  /* number: 5 for 5% */
    VAL_BOOL,     /* number */
    VAL_STRING,
    VAL_WORD,     /* all, static */
    VAL_LIST, VAL_TUPLE,
    VAL_FUNCTION, /* fn, graph, model or built-in, with arguments that wait for the first one */
    VAL_CALL,     /* a built-in that describes something: sgd(...), spirals(...), fan_in(8) */
    VAL_RUNTIME,  /* known when the program runs */
    VAL_SET,      /* a node set, in a predicate: x[a, b] are its coordinates */
} ValKind;

typedef struct Val Val;
typedef struct Module Module;
typedef struct BoundArg {
    Name name; /* text NULL: by position */
    Val *value;
} BoundArg;

struct Val {
    ValKind kind;
    Span span;          /* where it was written */
    double number;
    const char *text;
    Vec(Val *) items;   /* list, tuple; VAL_CALL: one for each parameter */
    const Builtin *builtin;
    const Decl *decl;   /* VAL_FUNCTION that is not built in */
    Module *module;     /* where decl stands */
    Vec(BoundArg) bound;
    Value *value;       /* VAL_RUNTIME */
    int set;            /* VAL_SET */
};

struct Module {
    const char *name; /* of `as`, or NULL */
    Ast *ast;
    Vec(Module *) imports;
};

typedef struct Binding {
    const char *name;
    Val *value;
} Binding;
typedef struct Scope {
    Vec(Binding) names;
    struct Scope *outer; /* NULL: the module's declarations come next */
    Module *module;
} Scope;

typedef struct OptionState {
    const Decl *decl;
    Module *module;
    Val *value; /* NULL until first used */
    bool busy;
    const char *text; /* as set by -D, or as written */
} OptionState;

typedef enum Mode {
    MODE_CONST,     /* options, sizes, settings */
    MODE_PREDICATE, /* indices are run-time values */
    MODE_CELL,      /* scalars of one node */
    MODE_MODEL,     /* tensors */
} Mode;

typedef struct Check {
    Compilation *c;
    Arena *perm;
    Diags *diags;
    Model *model;
    Module *main;
    Vec(Module *) modules;
    Vec(OptionState) options;
    /* where values go */
    Mode mode;
    Func *func;
    int dropouts;          /* layers so far: each has its own random stream */
    Vec(const Decl *) calls; /* being applied: finds recursion */
    /* MODE_CELL */
    Graph *graph;
    NodeSet *set;
    const char *prefix;    /* of parameter names */
    double seed;           /* of the train block: keys chance(p) */
    /* MODE_PREDICATE */
    Vec(NodeSetDecl *) set_decls; /* same order as graph->sets */
    Scope *graph_scope;
    Vec(const char *) used_names; /* of graphs and layers, to keep them unique */
} Check;

/* The entry point: NULL when there were errors. */
Model *check(Compilation *c);

/* check_expr.c */
Val *check_expr(Check *k, Scope *scope, const Expr *e);
/* An expression where a function is wanted: F(args) waits for its first argument. */
Val *check_function(Check *k, Scope *scope, const Expr *e);
Val *val_new(Check *k, ValKind kind, Span span);
Val *val_number(Check *k, double number, Span span);
Val *val_bool(Check *k, bool b, Span span);
Val *val_poison(Check *k);
Val *val_runtime(Check *k, Value *v, Span span);
const char *val_text(Check *k, const Val *v);  /* for messages and --dump=model */
const char *val_kind_text(const Val *v);       /* "a number" */
bool val_equal(const Val *a, const Val *b);
json_t *val_json(const Val *v);                /* settings for the runtime */
/* The value in the function being built; a number becomes a constant. NULL after a message when it has no such form. */
Value *val_value(Check *k, const Val *v, const char *wanted);
Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args);
void scope_add(Check *k, Scope *scope, Name name, Val *value);
Val *scope_find(const Scope *scope, const char *name);
bool is_poison(const Val *v);

/* check_apply.c */
Val *apply(Check *k, Val *function, Val *first, Span span);
Val *apply_call(Check *k, Val *function, Span span); /* all arguments are bound */
/* A VAL_FUNCTION of a describing built-in becomes its VAL_CALL with defaults; others are returned as they are. */
Val *described(Check *k, Val *v);
/* Binds to parameters; out[i] NULL where absent. False after messages. */
typedef struct ParamSpec {
    const char *name;
    bool optional;
} ParamSpec;
bool bind_args(Check *k, const char *callee, Span span, int count, const ParamSpec *params, Val *first, Val *function,
               Val **out);
bool declares_weights(const Decl *d);
Val *apply_fn(Check *k, Val *function, Val *first, Span span);

/* check_layer.c */
Val *apply_layer(Check *k, const Builtin *b, Val **args, Span span);
const char *unique_name(Check *k, const char *base);

/* check_graph.c */
/* Applies a graph to a tensor (MODE_MODEL); returns its output. */
Val *apply_graph(Check *k, Val *function, Val *first, Span span);
/* An instance without an input value, for tests. NULL after a message. */
Graph *instantiate(Check *k, Val *function, int64_t inputs, Span span);
Val *apply_cell_layer(Check *k, Val *function, Val *x, Span span);
Val *linear_layer(Check *k, Val *x, int64_t out, bool bias, Val *keep, Span span);
/* check_cell.c */
void build_cell(Check *k, Graph *g, int set, Val *function);
Val *declare_weight(Check *k, Scope *scope, const Stmt *s);
/* Distribution or constant -> Init; fan sizes for kaiming and xavier. */
bool init_of(Check *k, Val *v, double fan_in, double fan_out, Init *out);
/* check_budget.c */
void check_budget(Check *k, Graph *g, int list, BudgetKind kind, Val *amount, Span span);
/* check_topology.c: predicates, candidates, order, warnings */
bool build_candidates(Check *k, Graph *g);
bool build_order(Check *k, Graph *g);

/* check_train.c */
void check_train(Check *k, const Decl *d, Module *m);
/* Opens only the shape of the data that the train block names. */
bool data_shape(Check *k, const Decl *d, Module *m, Shape *input);
void build_loss(Check *k, Val *loss);

/* check_test.c */
int run_tests(Compilation *c, FILE *out);
#endif
