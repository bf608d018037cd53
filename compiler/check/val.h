/* val.h: compile-time values, the scopes they are found in, and the state of the checker.
 *
 * The lowest group of compiler/check. In order: val, names, expr, cell, graph, layer, check. Each has a
 * header and the files whose names begin with its own; a group includes from itself and from groups before it
 * alone (tools/lint.sh). Expressions reach what lies above them through `above` (expr.h), and nothing else
 * does.
 */
#ifndef DNW_VAL_H
#define DNW_VAL_H
#include "front/ast.h"
#include "front/builtin.h"
#include "base/compilation.h"
#include "model/model.h"
#include "base/table.h"

typedef enum ValKind {
    VAL_POISON,
    VAL_NONE, /* nothing: a parameter that was not given */
    VAL_NUMBER,
    VAL_PERCENT, /* number: 5 for 5% */
    VAL_BOOL,    /* number */
    VAL_STRING,
    VAL_WORD, /* a built-in: all, exact */
    VAL_LIST,
    VAL_TUPLE,
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
    Span span; /* where it was written */
    double number;
    const char *text;
    Vec(Val *) items; /* list, tuple; VAL_CALL: one for each parameter */
    const Builtin *builtin;
    const Decl *decl; /* VAL_FUNCTION that is not built in */
    Module *module;   /* where decl stands */
    Vec(BoundArg) bound;
    Value *value;             /* VAL_RUNTIME */
    int set;                  /* VAL_SET */
    const NodeSetDecl *nodes; /* VAL_SET: its coordinates, in the scope of its graph */
    struct Scope *scope;
    const Val *same; /* VAL_LIST, VAL_TUPLE, VAL_CALL, VAL_FUNCTION: the first with equal parts */
};

typedef struct Import {
    const char *name; /* of `as`, or NULL: its names are visible directly */
    Module *module;
    const Decl *decl;
} Import;

struct Module {
    Ast *ast;
    Table names;            /* what other declarations can name: the first of each name, in ast->decls */
    struct Module *library; /* what every file can name; NULL: this is it */
    const char *real;       /* its path without links and dots: a file is loaded once */
    Vec(Import) imports;
};

typedef struct Binding {
    const char *name;
    Val *value;
} Binding;
typedef struct Scope {
    Vec(Binding) names;
    Table index; /* the last of each name, once there are many */
    int indexed;
    const char *what;    /* that its names are, in messages; NULL: indices */
    struct Scope *outer; /* NULL: the module's declarations come next */
    Module *module;
} Scope;

typedef struct OptionState {
    const Decl *decl;
    Module *module;
    Val *value; /* NULL until first used */
    bool busy;
    const char *text; /* as set by -D, or as written */
    bool given;       /* by -D */
} OptionState;

typedef enum Mode {
    MODE_CONST,     /* options, sizes, settings */
    MODE_PREDICATE, /* indices are run-time values */
    MODE_CELL,      /* scalars of one node */
    MODE_MODEL,     /* tensors */
} Mode;

/* The files and what they declare (names_import.c, expr_option.c). */
typedef struct Files {
    Module *main, *library;
    Vec(Module *) all;
    Vec(OptionState) options;
    Table option_places; /* by declaration */
} Files;

/* What was said already. */
typedef struct Said {
    Table unknown; /* spans of names */
    int silent;    /* mistakes met again */
} Said;

/* Declarations that are applied (expr_apply.c). */
typedef struct Applied {
    Vec(const Decl *) calls; /* at this moment: finds recursion */
    Table seen;              /* at least once */
    struct Shares *shares;   /* what is made once (expr_share.c) */
} Applied;

/* What was made so far. */
typedef struct Made {
    int dropouts;        /* random streams of dropout and noise */
    int states;          /* of node functions */
    int effects;         /* lines of costs, calls of noise */
    Table names;         /* of graphs and layers, to keep them unique: the number that is tried next */
    Vec(Graph *) graphs; /* all instances, the model's and others, to free */
} Made;

/* Values with learned channels (expr_size.c). */
typedef struct SizedValue {
    LearnedSize *waits; /* their mask is not applied yet; NULL: it is */
    Value *part;        /* the part of them that is in use */
    Value *masked;      /* with their mask; NULL: nothing asked for it so far */
} SizedValue;
typedef struct SizedValues {
    Table places; /* by Value */
    Vec(SizedValue) values;
} SizedValues;

/* Values of the model whose first index is positions that a sample may not have (expr_padded.c). */
typedef struct PaddedValues {
    Table places; /* by Value */
    int count;
} PaddedValues;

/* How much was done so far: a few lines can ask for more than any machine has. */
typedef struct Effort {
    int depth;     /* of check_expr */
    int64_t work;  /* expressions evaluated */
    double nodes;  /* of all graphs */
    int64_t pairs; /* that conditions were asked about */
} Effort;

/* What is built receives no value: nodes carry numbers, or maps if these are wanted. */
typedef struct Alone {
    bool on, wants_map; /* a built-in wanted a map */
    Shape map;
} Alone;

/* Test blocks. */
typedef struct Testing {
    bool on;      /* the built-ins of tests have a meaning */
    bool dry;     /* only names and kinds: nothing is differentiated */
    bool probing; /* a graph is counted, not run: a cycle is noted, not reported */
    bool cyclic;  /* what probing found */
    Span line;
} Testing;

/* What the train block says. */
typedef struct TrainFacts {
    const char *missing_data; /* "nope.csv: no such file" */
    double seed;              /* keys chance(p) */
} TrainFacts;

typedef struct Check {
    Compilation *c;
    Arena *perm;
    Diags *diags;
    Model *model;
    Model *whole; /* the file's own, while another one stands in `model` */
    /* where values go */
    Mode mode;
    Func *func;
    int64_t positions;                /* of the sequence that a function is being applied to; 0: none */
    bool positions_padded;            /* some of them are behind the end of a sample */
    int64_t index_size[2 * MAX_RANK]; /* MODE_PREDICATE: how many values the indices of the target, then of
                                          the source have */
    struct CellBuild *cell;           /* MODE_CELL (cell.h), else NULL */
    struct GraphBuild *graph;         /* that is built (graph.h); NULL: none */
    struct LossBuild *loss;           /* that is built (check_loss.c); NULL: none */
    struct ModelBudget *budget;       /* of the model that is built (graph.h); NULL: none */
    const struct Above *above;        /* what expressions ask of the groups above them (expr.h) */
    Files files;
    Said said;
    Applied applied;
    Made made;
    SizedValues sized;
    PaddedValues padded;
    Table given; /* values that are numbers of the data as they are: the input, and parts of it */
    Effort effort;
    Alone alone;
    Testing test;
    TrainFacts train;
} Check;

/* val.c */
Val *val_new(Check *k, ValKind kind, Span span);
Val *val_number(Check *k, double number, Span span);
Val *val_bool(Check *k, bool b, Span span);
Val *val_poison(Check *k);
Val *val_runtime(Check *k, Value *v, Span span);
Val *val_word(Check *k, const Builtin *b, Span span);
Val *val_function(Check *k, const Builtin *b, const Decl *decl, Module *module, Span span);
/* A copy of a function that takes more arguments; `first` (or NULL) comes before those that it has. */
Val *function_with(Check *k, const Val *f, const BoundArg *first);
const char *val_text(Check *k, const Val *v); /* for messages and --dump=model */
const char *val_kind_text(const Val *v);      /* "a number" */
bool val_equal(const Val *a, const Val *b);
json_t *val_json(const Val *v); /* settings for the runtime */
bool val_is_poison(const Val *v);
bool val_is_number(const Val *v);        /* or a condition, known at compile time */
bool val_is(const Val *v, BuiltinId id); /* that word, or a description by that built-in */
/* A number (a whole number) in low .. high; false after a message about `what`. */
bool number_between(Check *k, const Val *v, const char *what, double low, double high, double *out);
bool whole_between(Check *k, const Val *v, const char *what, int64_t low, int64_t high, int64_t *out);

/* val_scope.c */
void scope_add(Check *k, Scope *scope, Name name, Val *value);
Val *scope_find(const Scope *scope, const char *name);
bool scope_binds(const Scope *scope, const char *name); /* also where it has no value yet */

enum { MOST_NUMBERS = 1000000000 }; /* of a tensor */
/* What the compiler itself does for one graph; the fuzzer lowers it. */
typedef struct Limits {
    int64_t nodes; /* each takes about 80 bytes while the graph is put in order */
    int64_t pairs; /* of nodes that one condition is asked about */
} Limits;
extern Limits limits;
#endif
