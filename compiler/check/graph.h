/* graph.h: one use of a graph declaration: its sets, edges, budgets and order, in the model. */
#ifndef DNW_GRAPH_H
#define DNW_GRAPH_H
#include "check/cell.h"

/* What one line of edges says beside its ends (graph_edge.c). */
typedef struct EdgeUse {
    Val *function;  /* NULL: w * value */
    bool own;       /* it takes the target's own value */
    bool tells;     /* this line determines the shape of the target's sums */
    const Expr *by; /* names the weight whose magnitude decides, or NULL */
    const EdgesDecl *decl;
    Name port; /* of the target; text NULL: the first */
} EdgeUse;

/* The graph that is built (graph.c). */
typedef struct GraphBuild {
    Vec(const NodeSetDecl *) decls; /* same order as the graph's sets */
    Vec(EdgeUse) uses;              /* same order as its bundles */
    const EdgesDecl *wrong_by;      /* the last list whose score has a message */
    Vec(int) misused;               /* sets with a message about the number of their indices */
    Scope *scope;
    Scope *set_scope; /* its node sets, within `scope` */
} GraphBuild;

/* graph_nodes.c */
int find_set(const Check *k, const char *name); /* of the graph being built; -1: none */
bool add_set(Check *k, Graph *g, Scope *scope, const NodeSetDecl *d);
bool few_nodes(Check *k, const Graph *g, Span span);
/* What the nodes of the input set carry; x NULL: numbers. */
bool input_fits(Check *k, Graph *g, const Value *x, Span span);
/* The node functions, in the order in which the shapes of their sums become known. */
void add_cells(Check *k, Graph *g, Scope *scope);
/* A note: the line that determines the shape of the sums of the targets of u. */
void sum_told(Check *k, const Graph *g, const Bundle *u, Diag *d);
/* False after messages about edges that join different maps. */
bool nodes_fit(Check *k, const Graph *g);

/* graph.c */
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

/* A function of the indices of a line (MODE_PREDICATE), with their names in `inner`: from here k->func. What
 * it returns says that equal names are equal; NULL: no name stands twice. */
Value *line_open(Check *k, const Graph *g, const EdgeLine *line, const Bundle *u, Scope *inner);

/* graph_group.c: candidates by keys: budgets of groups, tied weights */
/* `of KEY` and `tied KEY` as functions of the indices of a line; false after a message. */
bool line_keys(Check *k, const Graph *g, const EdgeLine *line, const EdgesDecl *d, Bundle *u);
/* Once the candidates are known. False after a message. */
bool build_groups(Check *k, Graph *g);
/* `by norm(w)`: how a group gets its value, and the name of the weight; `by w`: GROUP_SAME; NULL: it is
 * neither, and the message about it. */
const Expr *group_score(const Expr *by, GroupScore *score);
void wrong_group_score(Check *k, const Expr *by);
/* Is the weight of this name, which the function of edges shares, the score of a group of whole lines? Then
 * each candidate has it, tied line by line. */
bool spreads_shared(const EdgesDecl *d);
/* Once it is known which weights decide. */
void check_groups(Check *k, Graph *g);

/* graph_shared.c: `tied ("name", KEY)`: what lists have in common, once all graphs are there. */
void share_ties(Check *k);

/* graph_port.c */
/* The ports that lines lead to, once those of a set are known; false after a message. */
bool ports_fit(Check *k, Graph *g, int set);
/* Does some line lead to each port? Else messages. */
void check_ports(Check *k, const Graph *g, const Decl *d);
/* The message about a line that begins at a port; false. */
bool port_of_source(Check *k, const EdgeLine *line);

/* graph_cost.c: what functions of nodes and edges add to the costs of the model, from all their weights. */
void add_graph_costs(Check *k, const Value *wired);
const char *unique_name(Check *k, const char *base);
/* Is no argument of a graph or function with weights, which is given a tensor of shape `taken`, a second
 * one? */
bool takes_one_tensor(Check *k, const Val *function, Shape taken);

/* graph_edge.c: edges with functions */
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
/* graph_rule.c */
EdgeList edge_list(const char *name, Span span); /* by `using dnw` */
/* `using RULE`; false after a message. */
bool check_rule(Check *k, Scope *scope, const EdgesDecl *d, EdgeList *l);
/* graph_rule_decl.c: `using NAME(...)` of a declared rule; NULL after a message. */
struct Rule *check_declared_rule(Check *k, Val *use);
/* graph_rule_weight.c: states and weights of declared rules that stand beside the weights of edges. */
void add_rule_tensors(Check *k, Graph *g);
/* graph_rule_fit.c: once the budgets are known; once the train block is. */
void check_declared_lists(Check *k, const Graph *g);
void check_declared_list(Check *k, const Graph *g, const EdgeList *l);
void check_redistribution(Check *k); /* once all graphs of the model are there */
void check_rules_and_training(Check *k);
bool check_rule_options(Check *k, const Val *rule, EdgeList *l);
/* What its edges do not allow, once their functions are known. */
void check_rule_edges(Check *k, const Graph *g);
/* graph_model.c: `model ... keep BUDGET using RULE`: for edges and layers without a budget of their own. */
typedef struct ModelBudget {
    const EdgesDecl *decl;
    Scope *scope;
    Val *amount;
    bool together; /* one budget for all; else for each line, or node */
    EdgeList list; /* of all, where they are together */
} ModelBudget;
/* Before the body of the model is built; NULL: it has none. False after a message. */
bool model_budget_open(Check *k, const EdgesDecl *d, Scope *scope);
void model_budget_close(Check *k); /* once all graphs are there */
/* The rule that a list has from the model; false after a message. */
bool model_rule(Check *k, EdgeList *l);
/* graph_budget.c */
/* A count, a share, all, or anneal(...) of l->candidates; false after a message. */
bool count_budget(Check *k, EdgeList *l, Val *amount);
void check_budget(Check *k, Graph *g, int list, BudgetKind kind, Val *amount, Span span);
/* Edges in use of a list with at most `most` into (else out of) each node. */
int64_t fan_kept(Arena *a, const Graph *g, int list, bool in, int64_t most);
/* graph_density.c: budgets line by line. */
bool is_density(const Val *amount);
/* The lines of its list that follow bundle b become a list of their own. */
void split_line(Check *k, Graph *g, int b);
void density_budget(Check *k, Graph *g, int list, const Val *amount);
/* erk: once all graphs of the model are there. */
void share_densities(Check *k);
/* Pairs of numbers. The nodes at an end of a line are numbered 0 .. numbers[end] - 1, several of them alike
 * where only some of their indices number them (graph_given.c). */
typedef struct Pairs {
    const char *names[2]; /* of the sets at the source and the target, with what numbers their nodes */
    Span spans[2];
    int64_t numbers[2], count;
    uint32_t *number[2]; /* by pair */
    float *weight;       /* or NULL */
    uint32_t *place;     /* where the pair stands in the file; or NULL */
    uint32_t file;
} Pairs;
/* graph_generator.c: `in watts_strogatz(4, 75%)` and others; false after a message. */
bool generated_pairs(Check *k, const Val *source, Pairs *p);
/* graph_file.c: `in file("edges.csv")`; false after a message. */
bool file_pairs(Check *k, const Val *source, Pairs *p);
/* graph_given.c: `in SOURCE`. */
bool few_pairs(Check *k, Span span, double count); /* or a message */
/* What SOURCE says for nodes with these numbers; false after a message. */
bool pairs_of(Check *k, const Val *source, Pairs *p);
/* The pairs of a line; NULL after a message. */
const GivenEdges *given_edges(Check *k, const Graph *g, Scope *scope, const EdgeLine *line, const Bundle *u);
/* First weights, once it is known which weight decides. */
void start_given(Check *k, Graph *g);
/* graph_point.c: coordinates of the nodes of all sets that have some. */
void add_points(Check *k, Graph *g);
/* graph_topology.c: predicates, candidates, order, warnings */
bool build_candidates(Check *k, Graph *g);
bool build_order(Check *k, Graph *g);
#endif
