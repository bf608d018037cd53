/* graph_edge.c: edges with functions: `via F`, and the weight that decides, `by NAME`.
 *
 * An edge function gives what one edge adds to the sum of its target, from the value of its source and, in
 * time, the target's own, numbers or maps. It is a function of one candidate, as a node function is one of a
 * node: its weights have a number for each candidate of the bundle, or one for all of them.
 */
#include "check/graph.h"
#include "front/parse.h"
#include "lower/grad.h"
#include "model/timed.h"

/* ---- what a line says ---- */

static const char *function_name(const Val *f)
{
    return f->builtin ? f->builtin->name : f->decl->name.text;
}

static int parameters(const Val *f)
{
    return f->builtin ? f->builtin->count : f->decl->params.count;
}

static const char *parameter_name(const Val *f, int i)
{
    return f->builtin ? f->builtin->params[i].name : f->decl->params.at[i].name.text;
}

/* By name in `via F(...)`, or with a value of its own. */
static bool has_value(const Val *f, int i)
{
    for (int b = 0; b < f->bound.count; b++)
        if (f->bound.at[b].name.text && strcmp(f->bound.at[b].name.text, parameter_name(f, i)) == 0)
            return true;
    return f->builtin ? f->builtin->params[i].fallback != NULL : f->decl->params.at[i].fallback != NULL;
}

/* The first parameter is the source's value. The second of a declared function is the target's own value,
 * unless something gives it another. */
static bool wants_own(const Val *f)
{
    return f->kind == VAL_FUNCTION && f->decl && parameters(f) > 1 && !has_value(f, 1);
}

static int by_position(const Val *f)
{
    int count = 0;
    for (int b = 0; b < f->bound.count; b++) count += f->bound.at[b].name.text == NULL;
    return count;
}

/* Parameters without a value, the edge's own included. */
static int waiting(const Val *f)
{
    int count = parameters(f), edge = 1 + wants_own(f), n = count < edge ? count : edge;
    for (int i = edge + by_position(f); i < count; i++) n += !has_value(f, i);
    return n;
}

/* `via F(2)` of fn F(x, n): 2 is no value for n, since the edge gives that. */
static bool has_place(Check *k, const Val *f, Span span)
{
    if (!wants_own(f) || 2 + by_position(f) <= parameters(f)) return true;
    for (int i = 0; i < f->bound.count; i++)
        if (val_is_poison(f->bound.at[i].value)) return k->said.silent++, false;
    const char *second = parameter_name(f, 1);
    Diag *d = diag_add(k->diags, E_ARGUMENT, span,
                       "'%s' is given more values than it takes: the edge gives its first two, the source's "
                       "value and the target's own, '%s'",
                       function_name(f), second);
    diag_note(d, f->decl->name.span, "it is declared here");
    diag_help(d, "if '%s' is another parameter, name it: via %s(%s = %s)", second, function_name(f), second,
              val_text(k, f->bound.at[0].value));
    return false;
}

static bool is_edge_function(Check *k, const Val *f, Span span)
{
    bool wrong = f->kind != VAL_FUNCTION || (f->builtin && !builtin_of_nodes(f->builtin)) ||
                 (f->decl && f->decl->kind != DECL_FN);
    if (wrong) {
        Diag *d = diag_add(k->diags, E_KIND, span, "`via` needs a function of the source's value; this is %s",
                           f->kind == VAL_FUNCTION ? arena_printf(k->perm, "'%s'", function_name(f))
                                                   : val_kind_text(f));
        diag_help(d, "fn Synapse(x) { weight w ~ kaiming; w * tanh(x) }");
        return false;
    }
    int n = waiting(f);
    if (n == 1 + wants_own(f)) return has_place(k, f, span);
    Diag *d = diag_add(
        k->diags, E_ARGUMENT, span,
        "an edge function takes the source's value and optionally the target's own; '%s' takes %d values",
        function_name(f), n);
    if (f->decl) diag_note(d, f->decl->name.span, "it is declared here");
    for (int i = 1 + wants_own(f) + by_position(f); i < parameters(f); i++) {
        if (has_value(f, i)) continue;
        diag_help(d, "pass the others: via %s(%s = 2)", function_name(f), parameter_name(f, i));
        break;
    }
    return false;
}

static bool has_own_value(Check *k, const Graph *g, const Bundle *u, const Val *f, Span span)
{
    const NodeSet *to = &g->sets.at[u->to];
    if (!is_timed(g)) {
        Diag *d = diag_add(k->diags, E_PLACE, span,
                           "'%s' takes the target's own value, which is not there yet in a graph with time = "
                           "static",
                           function_name(f));
        diag_help(d, "give the graph a line such as time = steps(5), or let the function take one value");
        return false;
    }
    if (!to->outside) return true; /* its states are not built yet */
    Diag *d = diag_add(k->diags, E_PLACE, span,
                       "'%s' takes the target's own value, and output '%s' is a plain sum that has none",
                       function_name(f), to->name);
    diag_note(d, to->span, "it is declared here");
    diag_help(d, "give the output a node function, or let the edge function take one value");
    return false;
}

/* `by w`, `by norm(w)`: the name of the weight; false after a message, one for the list. */
static bool score_name(Check *k, const EdgesDecl *d, const Expr **by)
{
    GroupScore score = GROUP_NONE;
    const Expr *weight = *by = d->by;
    if (d->by && (d->of || d->by->kind == EXPR_CALL)) weight = group_score(d->by, &score);
    if (!d->by || (weight && (d->of || score == GROUP_SAME))) return *by = weight, true;
    if (d->by->kind != EXPR_CALL && !d->of) return true; /* named_score has the message */
    if (k->graph->wrong_by == d) return k->said.silent++, false;
    k->graph->wrong_by = d;
    if (d->of) wrong_group_score(k, d->by);
    else if (weight) {
        Diag *m = diag_add(k->diags, E_KIND, d->by->span,
                           "a single edge has one weight, and this is a number of a group");
        diag_help(m, "write by %s, or name a key for groups: keep 30%% of j by %s", weight->name,
                  expr_text(k->perm, k->c->sources, d->by));
    } else {
        Diag *m = diag_add(k->diags, E_KIND, d->by->span, "`by` names a weight of the edges");
        diag_help(m, "such as by w");
    }
    return false;
}

EdgeUse edge_use(Check *k, const Graph *g, Scope *scope, const EdgeLine *line, const EdgesDecl *d,
                 const Bundle *u)
{
    const Expr *via = line->via ? line->via : d->via;
    EdgeUse use = {.decl = d};
    if (!score_name(k, d, &use.by)) return use.function = val_poison(k), use;
    if (!via) {
        if (!use.by || (use.by->kind == EXPR_NAME && strcmp(use.by->name, "w") == 0)) return use;
        Diag *m = diag_add(k->diags, E_UNKNOWN_NAME, use.by->span,
                           "an edge has one weight, 'w', and its magnitude decides");
        diag_help(m, d->of ? "write by norm(w)" : "write by w, or remove it");
        return use;
    }
    use.function = check_function(k, scope, via);
    if (val_is_poison(use.function)) return use;
    use.own = wants_own(use.function);
    if (!is_edge_function(k, use.function, via->span) ||
        (use.own && !has_own_value(k, g, u, use.function, via->span)))
        use.function = val_poison(k);
    return use;
}

/* ---- weights ---- */

Shape candidates_shape(const Graph *g, const Bundle *u)
{
    if (u->candidates.form != CANDIDATES_DENSE) return shape_vector(u->candidates.count);
    return (Shape){2, {g->sets.at[u->to].size, g->sets.at[u->from].size}};
}

static const char *short_name(const Tensor *p)
{
    return strrchr(p->name, '.') + 1;
}

/* Weights that the function declares: those of its batch_norm stand behind them. */
static int own_weights(const Bundle *u)
{
    return u->weights.count - 2 * u->edge->fn.norms.count;
}

static const char *weight_names(Check *k, const Bundle *u)
{
    const char *list = "";
    for (int i = 0; i < own_weights(u); i++)
        list = arena_printf(k->perm, "%s%s%s", list, i ? ", " : "", short_name(u->weights.at[i]));
    return list;
}

static bool one_number(Check *k, Tensor *p, Span span)
{
    if (p->components == 1) return true;
    Diag *d = diag_add(k->diags, E_SHAPE, span,
                       "weight '%s' is an array, and one number per edge decides which edges are in use",
                       short_name(p));
    diag_note(d, p->span, "it is declared here");
    diag_help(d, "give the edge function a weight of one number, and name it after `by`");
    return false;
}

static bool named_score(Check *k, Bundle *u, const Expr *by)
{
    const char *name = by->kind == EXPR_NAME ? by->name : NULL;
    for (int i = 0; name && i < own_weights(u); i++) {
        if (strcmp(short_name(u->weights.at[i]), name) != 0) continue;
        u->weight = u->weights.at[i];
        return one_number(k, u->weight, by->span);
    }
    for (int i = 0; name && i < u->edge->shared_tensors.count; i++) {
        if (strcmp(short_name(u->edge->shared_tensors.at[i]), name) != 0) continue;
        Diag *d = diag_add(k->diags, E_KIND, by->span,
                           "weight '%s' is shared by all of these edges and cannot tell them apart", name);
        if (own_weights(u)) diag_help(d, "by one of: %s", weight_names(k, u));
        return false;
    }
    const char **names = NEW_ARRAY(k->perm, const char *, (size_t)own_weights(u) + 1);
    for (int i = 0; i < own_weights(u); i++) names[i] = short_name(u->weights.at[i]);
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, by->span, "%s%s%s is not a weight of '%s'", name ? "'" : "",
                       name ? name : "this", name ? "'" : "", u->edge->name);
    const char *near = name ? diag_nearest(name, names, own_weights(u)) : NULL;
    if (near) diag_fix(d, by->span, near, "did you mean '", "'?");
    else if (own_weights(u)) diag_help(d, "its weights are: %s", weight_names(k, u));
    return false;
}

static bool only_score(Check *k, Bundle *u, const EdgeList *l)
{
    bool needed = l->declared || (l->rule.kind != RULE_SAMPLE && l->budget.form != KEEP_ALL);
    if (own_weights(u) == 1 && (needed || u->weights.at[0]->components == 1)) {
        u->weight = u->weights.at[0];
        return one_number(k, u->weight, l->span);
    }
    if (!needed) return true;
    Diag *d = diag_add(
        k->diags, E_ARGUMENT, l->span,
        own_weights(u) ? "'%s' has several weights, and one decides which edges are in use: %s"
                       : "'%s' has no weight of its own for each edge, so nothing decides which edges are "
                         "in use%s",
        u->edge->name, weight_names(k, u));
    if (own_weights(u)) diag_help(d, "name it after the budget: by %s", short_name(u->weights.at[0]));
    else diag_help(d, "keep all, sample, or give the function a weight");
    return false;
}

void choose_scores(Check *k, Graph *g)
{
    int wrong = -1; /* list that has its message */
    for (int b = 0; b < g->bundles.count; b++) {
        Bundle *u = &g->bundles.at[b];
        const Expr *by = k->graph->uses.at[b].by;
        if (!u->edge || u->list == wrong) continue;
        if (!(by ? named_score(k, u, by) : only_score(k, u, &g->lists.at[u->list]))) wrong = u->list;
    }
}

/* ---- functions ---- */

/* `via F(2)` gives 2 to the parameter behind those that the edge itself gives. */
static Val *with_own(Check *k, Val *function, Val *own)
{
    return function_with(k, function, &(BoundArg){.value = own});
}

static Value *new_argument(Func *f, int index, Shape shape, Span span)
{
    Value *v = func_add(f, IR_ARG, span, 0, NULL);
    v->index = index, v->shape = shape;
    return v;
}

static Value *edge_result(Check *k, const Val *v, const char *name, Span span)
{
    Value *result = val_is_poison(v) ? NULL : val_value(k, v, "what an edge adds to a sum");
    if (!result || !result->is_bool) return result;
    Diag *d =
        diag_add(k->diags, E_KIND, span, "an edge function gives a number; '%s' gives a condition", name);
    diag_help(d, "choose a number by it: if x > 0 then 1 else 0");
    return NULL;
}

/* What the function gives, for one port or (a tuple) for several; false after a message. */
static bool edge_results(Check *k, Func *f, Val *v, const char *name, Span span)
{
    const int count = v->kind == VAL_TUPLE ? v->items.count : 1;
    if (count > MAX_PORTS) {
        diag_add(k->diags, E_RANGE, span, "'%s' gives %d values; the most is %d", name, count, MAX_PORTS);
        return false;
    }
    for (int i = 0; i < count; i++) {
        Value *result = edge_result(k, v->kind == VAL_TUPLE ? v->items.at[i] : v, name, span);
        if (!result) return false;
        func_result(f, i ? arena_printf(k->perm, "value %d", i) : "value", result);
    }
    return true;
}

/* The function of the edges of a bundle, for targets that send `own`; `candidates` takes its weights. NULL
 * after a message. */
static Func *edge_value(Check *k, Graph *g, int b, Shape own_map, NodeSet *candidates)
{
    const Bundle *u = &g->bundles.at[b];
    const EdgeUse *use = &k->graph->uses.at[b];
    Span span = use->function->span;
    CellBuild here = {.graph = g, .set = candidates, .of_edge = true, .spread = spreads_shared(use->decl)};
    here.prefix = arena_printf(k->perm, "%s.edges.%d", g->name, b);
    const char *name = function_name(use->function);
    Func *f = cell_open(k, &here, arena_printf(k->perm, "%s.%s", here.prefix, name));
    Value *from = new_argument(f, SLOT_SOURCE, g->sets.at[u->from].value_map, span);
    Val *own = use->own ? val_runtime(k, new_argument(f, SLOT_OWN, own_map, span), span) : NULL;
    Val *v =
        apply(k, own ? with_own(k, use->function, own) : use->function, val_runtime(k, from, span), span);
    const bool ok = edge_results(k, f, v, name, span);
    cell_close(k);
    candidates->costs = cell_costs(k, &here, f);
    if (!ok) return NULL;
    func_prune(f);
    return f;
}

/* ---- what carries maps ---- */

/* The function tried on targets that send `own`: messages and weights are as they were. False: it does not
 * fit. */
static bool try_shape(Check *k, Graph *g, int b, Shape own, Shape *out)
{
    Check saved = *k;
    int params = k->model->params.count;
    int64_t total = k->model->param_total;
    const Table names = k->model->names;
    NodeSet one = {.name = "edges", .shape = shape_vector(1), .size = 1};
    k->diags = diags_new(k->perm, k->c->sources);
    k->model->names = (Table){0};
    const Func *f = edge_value(k, g, b, own, &one);
    if (f) *out = f->results.at[0]->shape;
    saved.effort.work = k->effort.work, saved.applied.seen = k->applied.seen,
    saved.said.unknown = k->said.unknown, saved.made.names = k->made.names;
    *k = saved;
    k->model->params.count = params, k->model->param_total = total, k->model->names = names;
    return f != NULL;
}

/* The target's own value, which is not known yet, is thought of as a number, which fits where arithmetic is
 * all, then as a map like the source's. build_edge looks at what it is. */
bool edge_shape(Check *k, Graph *g, int b, Shape *out)
{
    const EdgeUse *use = &k->graph->uses.at[b];
    *out = g->sets.at[g->bundles.at[b].from].value_map;
    if (!use->function || val_is_poison(use->function) || out->rank == 0) return true;
    return try_shape(k, g, b, (Shape){0}, out) || (use->own && try_shape(k, g, b, *out, out));
}

/* What an edge adds has the shape of the sum that it is added to. */
static bool adds_to_sum(Check *k, const Graph *g, int b, Shape adds)
{
    const Bundle *u = &g->bundles.at[b];
    const EdgeUse *use = &k->graph->uses.at[b];
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    if (shape_equal(adds, to->map)) return true;
    Diag *d =
        diag_add(k->diags, E_SHAPE, use->function->span, "'%s' gives %s for %s%s%s, but '%s' receives %s",
                 function_name(use->function), map_text(k, adds), map_text(k, from->value_map),
                 use->own ? " and, at the target, " : "", use->own ? map_text(k, to->value_map) : "",
                 to->name, map_text(k, to->map));
    diag_note(d, from->span, "%s comes from here", map_text(k, from->value_map));
    sum_told(k, g, u, d);
    return false;
}

static bool adds_to_sums(Check *k, const Graph *g, int b, const Func *f)
{
    const Bundle *u = &g->bundles.at[b];
    const NodeSet *to = &g->sets.at[u->to];
    const int ports = to->ports.count ? to->ports.count : 1;
    for (int i = 0; i < f->results.count; i++)
        if (!adds_to_sum(k, g, b, f->results.at[i]->shape)) return false;
    if (u->port + f->results.count <= ports) return true;
    if (!to->cell_name && k->graph->decls.at[u->to]->cell) return k->said.silent++, false; /* not built */
    const EdgeUse *use = &k->graph->uses.at[b];
    Diag *d = diag_add(k->diags, E_SHAPE, use->function->span,
                       "'%s' gives %d values, and from %s on the nodes of '%s' have %d sum%s",
                       function_name(use->function), f->results.count,
                       u->port ? to->ports.at[u->port] : "the first", to->name, ports - u->port,
                       ports - u->port == 1 ? "" : "s");
    diag_note(d, to->span, "its node function says how many: a parameter for each");
    diag_help(d, "such as fn Noisy(mean, variance) = mean + variance, of two sums");
    return false;
}

/* The solver semi_implicit wants the derivative by the own value, too. False after a message. */
static bool add_slope(Check *k, const Graph *g, const Bundle *u, EdgeFn *e)
{
    const NodeSet *to = &g->sets.at[u->to];
    e->slope = e->own && g->time.implicit > 0;
    if (!e->slope) return true;
    if (shape_size(to->map) > 1) {
        Diag *d = diag_add(k->diags, E_KIND, e->fn.forward->results.at[0]->span,
                           "semi_implicit takes edges between maps that do not read the target's own value; "
                           "'%s' does, and a node of '%s' carries %s",
                           e->name, to->name, map_text(k, to->map));
        diag_help(d, "euler(n) and rk4(n) accept every edge function, with shorter steps");
        return false;
    }
    Func *f = e->fn.forward;
    Value *slope = edge_slope(k, f, f->results.at[0], e->name);
    if (!slope) return false;
    func_result(f, "slope", slope);
    func_prune(f);
    return true;
}

/* x, or a known number times x. */
static bool is_multiple(const Value *v, double *factor)
{
    *factor = 1;
    if (v->op == IR_ARG) return v->index == SLOT_SOURCE;
    if (v->op != IR_MUL) return false;
    const Value *a = v->args[0], *b = v->args[1], *number = a->op == IR_CONST ? a : b;
    *factor = number->number;
    return number->op == IR_CONST && (number == a ? b : a)->op == IR_ARG &&
           (number == a ? b : a)->index == SLOT_SOURCE;
}

/* Between maps a known multiple is a weight that is not learned: the kernels of weights pass it on. */
static bool is_fixed(Bundle *u, const EdgeFn *e, const NodeSet *candidates, int64_t pixels)
{
    u->fixed = pixels > 1 && !candidates->weights.count && e->fn.forward->results.count == 1 &&
               is_multiple(e->fn.forward->results.at[0], &u->factor);
    return u->fixed;
}

/* Those of batch_norm behind the function's own, which `by` can name. */
static void take_weights(Check *k, Bundle *u, EdgeFn *e, const NodeSet *candidates)
{
    for (int norms = 0; norms < 2; norms++)
        for (int i = 0; i < candidates->weights.count; i++) {
            Tensor *p = candidates->weights.at[i];
            if (is_of_norm(candidates, p) != norms) continue;
            if (p->shared) vec_push(k->perm, &e->shared_tensors, p);
            else vec_push(k->perm, &u->weights, p);
        }
}

/* In time statistics are of an evaluation, and a plain output is summed between two. */
static bool norms_fit(Check *k, const Graph *g, const NodeSet *candidates, const NodeSet *to)
{
    if (!candidates->cell.norms.count || !is_timed(g) || !to->outside) return true;
    Diag *d =
        diag_add(k->diags, E_PLACE, candidates->cell.norms.at[0].span,
                 "batch_norm of edges in time needs targets with a function, and output '%s' is a plain sum",
                 to->name);
    diag_note(d, to->span, "it is declared here");
    diag_help(d, "give the output a node function, or put batch_norm in the state updates of the sources");
    return false;
}

/* The source's value times the only weight, which is not clamped: an edge without a function. */
static bool is_plain(const Func *f, const NodeSet *candidates)
{
    const Value *v = f->results.at[0];
    if (v->op != IR_MUL || candidates->weights.count != 1 || f->results.count > 1) return false;
    const Tensor *w = candidates->weights.at[0];
    const int source = v->args[0]->op == IR_ARG ? 0 : 1;
    return v->args[source]->op == IR_ARG && v->args[source]->index == SLOT_SOURCE &&
           v->args[!source]->op == IR_WEIGHT && !w->shared && w->components == 1 && !w->clamped;
}

static void build_edge(Check *k, Graph *g, int b)
{
    Bundle *u = &g->bundles.at[b];
    EdgeFn *e = NEW(k->perm, EdgeFn);
    NodeSet candidates = {.name = "edges", .shape = candidates_shape(g, u), .size = u->candidates.count};
    const NodeSet *to = &g->sets.at[u->to];
    const Shape ends[2] = {g->sets.at[u->from].value_map, to->value_map};
    e->name = function_name(k->graph->uses.at[b].function), e->own = k->graph->uses.at[b].own;
    Func *f = edge_value(k, g, b, ends[1], &candidates);
    candidates.cell_name = e->name;
    if (!f || !norms_used(k, g, &candidates, f)) return;
    u->costs = candidates.costs;
    if (is_plain(f, &candidates)) {
        u->weight = candidates.weights.at[0];
        vec_push(k->perm, &u->weights, u->weight);
        return;
    }
    e->fn = candidates.cell, e->fn.forward = f;
    if (!norms_fit(k, g, &candidates, to) || !adds_to_sums(k, g, b, f) ||
        is_fixed(u, e, &candidates, shape_size(to->map)) || !add_slope(k, g, u, e))
        return;
    take_weights(k, u, e, &candidates);
    grad_edge(k->perm, e, ends);
    u->edge = e;
}

void build_edge_functions(Check *k, Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++)
        if (k->graph->uses.at[b].function) build_edge(k, g, b);
}
