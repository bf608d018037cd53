/* check.h: Ast -> Model. Finds every error that is not one of syntax.
 *
 * Expressions are evaluated at once (check_expr.c): what is known becomes a number, a list, a function; what
 * is known only when the program runs becomes a value in a function of the mid-level form. The same evaluator
 * therefore serves options, sizes, predicates, node functions and models. A mistake yields a poison value,
 * which never causes another.
 */
#ifndef DNW_CHECK_H
#define DNW_CHECK_H
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
    Value *value;    /* VAL_RUNTIME */
    int set;         /* VAL_SET */
    const Val *same; /* VAL_LIST, VAL_TUPLE, VAL_CALL, VAL_FUNCTION: the first with equal parts */
};

typedef struct Import {
    const char *name; /* of `as`, or NULL: its names are visible directly */
    Module *module;
    const Decl *decl;
} Import;

struct Module {
    Ast *ast;
    Table names;      /* what other declarations can name: the first of each name, in ast->decls */
    const char *real; /* its path without links and dots: a file is loaded once */
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

/* A node function in time while it is evaluated (check_time.c). */
typedef struct TimedState {
    const char *name;
    double start;
    Value *next; /* or rate */
    Span span, moved;
} TimedState;
typedef struct TimedCell {
    int count;
    TimedState state[MAX_STATES];
    Func *f;
    Value *sent, *shown; /* its last line; shown NULL: what it sends */
} TimedCell;

/* What one line of edges says beside its ends (check_edge.c). */
typedef struct EdgeUse {
    Val *function;  /* NULL: w * value */
    bool own;       /* it takes the target's own value */
    bool tells;     /* what reaches the target set follows from this line */
    const Expr *by; /* names the weight whose magnitude decides, or NULL */
    const EdgesDecl *decl;
} EdgeUse;

/* The files and what they declare (check_import.c, check_option.c). */
typedef struct Files {
    Module *main;
    Vec(Module *) all;
    Vec(OptionState) options;
    Table option_places; /* by declaration */
} Files;

/* What was said already. */
typedef struct Said {
    Table unknown; /* spans of names */
    int silent;    /* mistakes met again */
} Said;

/* Declarations that are applied (check_apply.c). */
typedef struct Applied {
    Vec(const Decl *) calls; /* at this moment: finds recursion */
    Table seen;              /* at least once */
    struct Shares *shares;   /* what is made once (check_share.c) */
} Applied;

/* What was made so far. */
typedef struct Made {
    int dropouts;        /* each has its own random stream */
    int states;          /* of node functions */
    Table names;         /* of graphs and layers, to keep them unique: the number that is tried next */
    Vec(Graph *) graphs; /* all instances, the model's and others, to free */
} Made;

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

/* The function of nodes or edges that is evaluated. */
typedef struct CellBuild {
    Graph *graph;
    NodeSet *set; /* its nodes; of an edge: stands for the candidates */
    bool of_edge;
    const char *prefix;      /* of parameter names */
    TimedCell *timed;        /* in a graph with time */
    struct CellBuild *outer; /* what goes on when it is done */
    Mode mode;
    Func *func;
} CellBuild;

/* The graph that is built (check_graph.c). */
typedef struct GraphBuild {
    Vec(const NodeSetDecl *) decls; /* same order as the graph's sets */
    Vec(EdgeUse) uses;              /* same order as its bundles */
    Scope *scope;
    Scope *set_scope; /* its node sets, within `scope` */
} GraphBuild;

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
    int64_t index_size[2 * MAX_RANK]; /* MODE_PREDICATE: how many values the indices of the target, then of
                                          the source have */
    CellBuild *cell;                  /* MODE_CELL, else NULL */
    GraphBuild *graph;                /* NULL: none */
    Files files;
    Said said;
    Applied applied;
    Made made;
    Effort effort;
    Alone alone;
    Testing test;
    TrainFacts train;
} Check;

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

/* check_option.c */
void check_options(Check *k);

/* check_import.c */
/* Loads a file's imports, theirs, and so on; each file once. */
Module *load_module(Check *k, Ast *ast);
/* A declaration that can be named in module m: its own, or one of an import without `as`; *where is its
 * module. */
const Decl *find_decl(Module *m, const char *name, Module **where);
/* Is it, or may it be, the name of something with a syntax error? Then nothing is said about it. */
bool is_lost(const Module *m, const char *name);
/* The file imported `as` name, or NULL. */
Module *find_import(Module *m, const char *name);

/* check_names.c: every name of every file is known, and means one thing. Before anything is evaluated. */
void check_names(Check *k, Module *m);
/* Messages so far and mistakes met again: unchanged when everything in between was right. */
int mistakes(const Check *k);
/* Reports a name once. */
void unknown_name(Check *k, const Scope *scope, const char *name, Span span);
Module *scope_module(const Scope *scope);
/* What `lib.thing` names: NULL after a message. */
const Decl *member_decl(Check *k, const Scope *scope, const Expr *e, Module **where);

/* check_unused.c: what the model does not use, as far as it can be checked alone. */
void check_unused(Check *k);
void note_seen(Check *k, const Decl *d); /* it is used */

/* check_expr.c */
Val *check_expr(Check *k, Scope *scope, const Expr *e);
/* An expression where a function is wanted: F(args) waits for its first argument. */
Val *check_function(Check *k, Scope *scope, const Expr *e);
Val *val_new(Check *k, ValKind kind, Span span);
Val *val_number(Check *k, double number, Span span);
Val *val_bool(Check *k, bool b, Span span);
Val *val_poison(Check *k);
Val *val_runtime(Check *k, Value *v, Span span);
const char *val_text(Check *k, const Val *v); /* for messages and --dump=model */
const char *val_kind_text(const Val *v);      /* "a number" */
bool val_equal(const Val *a, const Val *b);
json_t *val_json(const Val *v); /* settings for the runtime */
/* The value in the function being built; a number becomes a constant. NULL after a message when it has no
 * such form. */
Value *val_value(Check *k, const Val *v, const char *wanted);
Val *pointwise(Check *k, OpCode op, Span span, int count, Val **args);
void scope_add(Check *k, Scope *scope, Name name, Val *value);
Val *scope_find(const Scope *scope, const char *name);
bool scope_binds(const Scope *scope, const char *name); /* also where it has no value yet */
Val *val_function(Check *k, const Builtin *b, const Decl *decl, Module *module, Span span);
bool val_is_poison(const Val *v);
bool val_is(const Val *v, BuiltinId id); /* that word, or a description by that built-in */
Val *val_word(Check *k, const Builtin *b, Span span);

/* check_choose.c */
/* list[index]; a poison value after a message. */
Val *choose_element(Check *k, const Val *list, Val *index);

/* check_share.c */
struct Shares *shares_new(Arena *perm);
/* A value of the function being built, and a constant: the one that is there already, or a new one. */
Value *shared_value(Check *k, OpCode op, Span span, int count, Value *const *args);
Value *shared_const(Check *k, double number, bool is_bool);
/* Notes what the items of v, or the arguments that wait in it, are equal to. */
void share_items(Check *k, Val *v);
void share_bound(Check *k, Val *v);
/* What was made before, to see whether an application makes anything beside its value. */
typedef struct MadeCounts {
    int counts[9];
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

/* check_apply.c */
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

/* check_layer.c */
Val *apply_layer(Check *k, const Builtin *b, Val **args, Span span);
const char *unique_name(Check *k, const char *base);
/* A number (a whole number) in low .. high; false after a message about `what`. */
bool number_between(Check *k, const Val *v, const char *what, double low, double high, double *out);
bool whole_between(Check *k, const Val *v, const char *what, int64_t low, int64_t high, int64_t *out);
/* check_map.c */
enum { LARGEST_FILTER = 11, LARGEST_STRIDE = 4096 };
Val *apply_map(Check *k, const Builtin *b, Val **args, Span span);

enum { MOST_NUMBERS = 1000000000, MOST_COMPONENTS = 4096 }; /* of a tensor; of a weight of one node */
/* What the compiler itself does for one graph; the fuzzer lowers it. */
typedef struct Limits {
    int64_t nodes; /* each takes about 80 bytes while the graph is put in order */
    int64_t pairs; /* of nodes that one condition is asked about */
} Limits;
extern Limits limits;

/* check_nodes.c */
int find_set(const Check *k, const char *name); /* of the graph being built; -1: none */
bool add_set(Check *k, Graph *g, Scope *scope, const NodeSetDecl *d);
bool few_nodes(Check *k, const Graph *g, Span span);
/* What the nodes of the input set carry; x NULL: numbers. */
bool input_fits(Check *k, Graph *g, const Value *x, Span span);
/* The node functions, in the order in which it becomes known what reaches them. */
void add_cells(Check *k, Graph *g, Scope *scope);
/* "a number", "a map [8, 8]" */
const char *map_text(Check *k, Shape map);
/* A note: where it comes from what reaches the targets of u. */
void sum_told(Check *k, const Graph *g, const Bundle *u, Diag *d);
/* False after messages about edges that join different maps. */
bool nodes_fit(Check *k, const Graph *g);
/* check_graph.c */
/* Applies a graph to a tensor (MODE_MODEL); returns its output. */
Val *apply_graph(Check *k, Val *function, Val *first, Span span);
/* An instance for a value x (NULL: none) with sizes from `taken`. NULL after a message. */
Graph *build_graph(Check *k, Val *function, Value *x, Shape taken, Span span);
/* An instance without an input value, for tests. NULL after a message. */
Graph *instantiate(Check *k, Val *function, Span span);
/* What receives no value is built with numbers, and once more with maps when it asks for them. */
typedef struct AloneBefore {
    Table names, param_names;
    int params, silent;
    int64_t param_total;
} AloneBefore;
AloneBefore alone_open(Check *k);
/* Is it to be built once more? Then it is as if nothing had been built. */
bool alone_again(Check *k, const AloneBefore *before, bool built, Shape map);
void alone_close(Check *k);
/* An instance without sets. */
Graph *graph_new(Check *k, const char *base, Span span);
void add_edge_weights(Check *k, Graph *g);
/* The graph as a value of the function being built. */
Val *wired_value(Check *k, Graph *g, Value *x, Span span);
/* check_layer_graph.c */
/* Is no argument of a graph or function with weights, which is given a tensor of shape `taken`, a second
 * one? */
bool takes_one_tensor(Check *k, const Val *function, Shape taken);
/* One use of a node function on a tensor: a node an element, or a channel of maps; no edges. */
Graph *cell_graph(Check *k, Val *function, Shape shape, Span span);
Val *apply_cell_layer(Check *k, Val *function, Val *x, Span span);
/* The same of a function with states, as a graph that runs one step at each position; NULL after a message.
 */
Graph *cell_in_time(Check *k, Val *function, Shape shape, Span span);
/* A filter and a bias for each channel of x. */
Val *depthwise_layer(Check *k, Val *x, Window w, bool bias, Span span);
/* linear and conv2d: every input of a group leads to every output of it. */
typedef struct DenseLayer {
    int64_t out, groups;
    Shape weight; /* of the tensor of all edges, output by output */
    bool bias;
} DenseLayer;
Val *dense_layer(Check *k, const char *name, Value *x, const DenseLayer *d, Val *keep, Span span);
/* check_cell.c */
/* From here to cell_close values go into a new function of nodes or edges. */
Func *cell_open(Check *k, CellBuild *here, const char *name);
void cell_close(Check *k);
void build_cell(Check *k, Graph *g, int set, Val *function);

/* check_norm.c */
/* x, momentum, eps: batch_norm of what a node receives. */
Val *cell_batch_norm(Check *k, Val **a, Span span);
/* Makes the functions of what is normalised; false after a message: f, the function that moves or is the
 * node's value, has no use for one of them. */
bool norms_used(Check *k, const Graph *g, NodeSet *s, const Func *f);
/* Is it a scale or shift of one of them? */
bool is_of_norm(const NodeSet *s, const Tensor *weight);
/* Is there none in what the node sends or shows? Else a message. */
bool norms_moved(Check *k, const Graph *g, const NodeSet *s, const Func *sent);
Val *declare_weight(Check *k, Scope *scope, const Stmt *s);
/* Distribution or constant -> Init; fan sizes for kaiming and xavier. */
bool init_of(Check *k, Val *v, double fan_in, double fan_out, Init *out);
/* check_scan.c */
/* A function along the first index of x: applied to the part at each position, or, where it has states, with
 * these going on from one position to the next. */
Val *scan_function(Check *k, Val *function, Val *x, const Val *truncate, Span span);
/* The message about what has states inside a function that is applied to each position. */
Val *scan_within(Check *k, const char *name, Span span);
/* check_positions.c */
/* k->func has `result`, which was made of `part`, what stands at one position of `whole`: the same for all
 * positions, [positions, ...]. NULL: it does not follow from `part`. *most: numbers of the largest value on
 * the way. */
Value *all_positions(Check *k, Value *whole, const Value *part, Value *result, int64_t *most);
/* check_time.c */
bool read_time(Check *k, const Val *v, Span span, Time *out);
Time time_of_steps(const Check *k, const char *text, int64_t steps);
void declare_state(Check *k, Scope *scope, const Stmt *s);
void move_state(Check *k, Scope *scope, const Stmt *s);
/* `function` NULL: the value is the sum. */
void build_timed_cell(Check *k, Graph *g, int set, Val *function);
/* check_implicit.c: the solver semi_implicit */
/* Of a graph with that solver: the rates next[0 ..] become the states after one step. False after a message.
 */
bool step_implicitly(Check *k, const Graph *g, NodeSet *s, const TimedCell *c, Value **next);
/* The derivative of an edge's value by the target's own value; NULL after a message. */
Value *edge_slope(Check *k, Func *f, Value *value, const char *name);

/* check_edge.c: edges with functions */
/* What a line says; its function is poison after a message. */
EdgeUse edge_use(Check *k, const Graph *g, Scope *scope, const EdgeLine *line, const EdgesDecl *d,
                 const Bundle *u);
/* [targets, sources] when every pair is a candidate, else [candidates] */
Shape candidates_shape(const Graph *g, const Bundle *u);
/* What an edge adds to a sum, once it is known what its source sends, for a target that is not built yet;
 * false: it does not follow from the source alone. */
bool edge_shape(Check *k, Graph *g, int b, Shape *out);
/* Functions and weights of all lines that have one, once the candidates are known. */
void build_edge_functions(Check *k, Graph *g);
/* The weight that decides, where the budget needs one. */
void choose_scores(Check *k, Graph *g);
/* The start of a weight of an edge: false after a message. */
bool edge_start(Check *k, Val *start, bool shared, Init *out);
/* check_rule.c */
EdgeList edge_list(const char *name, Span span); /* by `using dnw` */
bool is_exact(const EdgeList *l);                /* the gradients of its candidates are exact */
bool check_rule_options(Check *k, const Val *rule, EdgeList *l);
/* What its edges do not allow, once their functions are known. */
void check_rule_edges(Check *k, const Graph *g);
/* check_budget.c */
void check_budget(Check *k, Graph *g, int list, BudgetKind kind, Val *amount, Span span);
/* check_topology.c: predicates, candidates, order, warnings */
bool build_candidates(Check *k, Graph *g);
bool build_order(Check *k, Graph *g);

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
void build_loss(Check *k, Val *loss);

/* check_test.c */
/* Test blocks are well formed; nothing is differentiated. */
void check_tests(Check *k);
/* One line of a block: true, false, or poison after a message. */
Val *test_line(Check *k, const Expr *e);
#endif
