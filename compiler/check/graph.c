/* graph.c: one use of a graph: its node sets, candidate bundles and budgets, and its place in the
 * model. */
#include "check/graph.h"
#include "lower/grad.h"
#include "front/parse.h"
#include "ir/op.h"
#include "model/rule.h"
#include "model/timed.h"

const char *unique_name(Check *k, const char *base)
{
    return table_new_name(k->perm, &k->made.names, base);
}

Graph *graph_new(Check *k, const char *base, Span span)
{
    Graph *g = NEW(k->perm, Graph);
    g->name = unique_name(k, base);
    g->number = k->model->graphs.count;
    g->input = g->output = -1;
    g->time.positions = k->positions ? k->positions : 1;
    g->span = span;
    vec_push(k->perm, &k->made.graphs, g);
    return g;
}

/* ---- edges ---- */

/* Of all edges from or to the set the first has the message. */
static void wrong_indices(Check *k, const NodeSet *s, int set, const NodeRef *r)
{
    const int declared = k->graph->decls.at[set]->indices.count;
    for (int i = 0; i < k->graph->misused.count; i++)
        if (k->graph->misused.at[i] == set) return (void)k->said.silent++;
    vec_push(k->perm, &k->graph->misused, set);
    Diag *d = diag_add(k->diags, E_INDEX, r->span, "'%s' has %d ind%s, not %d", s->name, declared,
                       declared == 1 ? "ex" : "ices", r->indices.count);
    diag_note(d, s->span, "it is declared here");
    const char *fix = "";
    for (int i = 0; i < declared; i++) fix = arena_printf(k->perm, "%s%s_", fix, i ? ", " : "");
    if (declared) fix = arena_printf(k->perm, "%s[%s]", s->name, fix);
    diag_fix(d, r->span, declared ? fix : s->name, "",
             declared ? " is all of its nodes" : " alone is its node");
}

static int edge_set(Check *k, const Graph *g, const NodeRef *r)
{
    int set = find_set(k, r->set.text);
    if (set < 0) return k->said.silent++, -1; /* said by check_names */
    if (!r->bracketed || r->indices.count == k->graph->decls.at[set]->indices.count) return set;
    return wrong_indices(k, &g->sets.at[set], set, r), -1;
}

/* Binds the index names of one side to arguments of the predicate; a name that is bound already asks for
 * equality. */
static Value *bind_indices(Check *k, Scope *scope, const NodeRef *r, int rank, int first_arg, Value *equal)
{
    for (int i = 0; i < rank; i++) {
        Value *arg = func_add(k->func, IR_ARG, r->span, 0, NULL);
        arg->index = first_arg + i;
        if (i >= r->indices.count || strcmp(r->indices.at[i].text, "_") == 0) continue;
        Name name = r->indices.at[i];
        Val *before = NULL;
        for (int n = 0; n < scope->names.count; n++)
            if (strcmp(scope->names.at[n].name, name.text) == 0) before = scope->names.at[n].value;
        if (!before) scope_add(k, scope, name, val_runtime(k, arg, name.span));
        else {
            Value *same = func_binary(k->func, IR_EQ, before->value, arg);
            equal = equal ? func_binary(k->func, IR_AND, equal, same) : same;
        }
    }
    return equal;
}

static void predicate_uses(Bundle *u, int to_rank)
{
    for (int i = 0; i < u->predicate->values.count; i++) {
        Value *v = u->predicate->values.at[i];
        for (int a = 0; a < v->arg_count; a++) {
            if (v->args[a]->op != IR_ARG) continue;
            int64_t index = v->args[a]->index;
            if (index < to_rank) u->uses_to |= 1u << index;
            else u->uses_from |= 1u << (index - to_rank);
        }
    }
}

Value *line_open(Check *k, const Graph *g, const EdgeLine *line, const Bundle *u, Scope *inner)
{
    int to_rank = g->sets.at[u->to].shape.rank, from_rank = g->sets.at[u->from].shape.rank;
    k->func = func_new(k->perm, arena_printf(k->perm, "%s.edges.%d", g->name, g->bundles.count));
    k->mode = MODE_PREDICATE;
    for (int i = 0; i < to_rank + from_rank; i++)
        k->index_size[i] =
            i < to_rank ? g->sets.at[u->to].shape.dim[i] : g->sets.at[u->from].shape.dim[i - to_rank];
    Value *equal = bind_indices(k, inner, &line->to, to_rank, 0, NULL);
    return bind_indices(k, inner, &line->from, from_rank, to_rank, equal);
}

/* `where` something else. */
static void no_condition(Check *k, const Val *v, const Expr *e)
{
    const bool source = v->kind == VAL_CALL && v->builtin->kind == KIND_PAIRS;
    const char *text = expr_text(k->perm, k->c->sources, e);
    Diag *d = diag_add(k->diags, E_KIND, e->span, "`where` needs a condition; this is %s",
                       source                   ? "a source of pairs"
                       : v->kind == VAL_RUNTIME ? "a number"
                                                : val_kind_text(v));
    if (source) diag_help(d, "write `in` for `where`: edges a[_] -> a[_] in %s", text);
    else if (v->kind == VAL_PERCENT) diag_help(d, "for a share of the pairs, drawn: where chance(%s)", text);
    else if (v->kind == VAL_NUMBER || v->kind == VAL_RUNTIME)
        diag_help(d, "compare it, such as: where %s == 0", text);
}

/* The condition of one line as a function of indices. `absent`: it is false for the options given. */
static bool line_predicate(Check *k, Graph *g, const EdgeLine *line, Bundle *u, bool *absent)
{
    Func *saved = k->func;
    Mode mode = k->mode;
    Scope inner = {.outer = k->graph->set_scope}; /* index names win over set names */
    Value *equal = line_open(k, g, line, u, &inner);
    Val *v = line->where ? check_expr(k, &inner, line->where) : val_bool(k, true, line->span);
    bool ok = !val_is_poison(v);
    if (ok && !(v->kind == VAL_BOOL || (v->kind == VAL_RUNTIME && v->value->is_bool))) {
        no_condition(k, v, line->where);
        ok = false;
    }
    if (ok) {
        *absent = v->kind == VAL_BOOL && v->number == 0;
        Value *p = v->kind == VAL_RUNTIME ? v->value : NULL;
        if (p && equal) p = func_binary(k->func, IR_AND, p, equal);
        else if (equal) p = equal;
        if (p) {
            func_result(k->func, "candidate", p);
            func_prune(k->func);
            u->predicate = k->func;
            predicate_uses(u, g->sets.at[u->to].shape.rank);
        }
    }
    k->func = saved, k->mode = mode;
    return ok;
}

static bool legal_ends(Check *k, Graph *g, const EdgeLine *line, const Bundle *u)
{
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    if (is_timed(g)) {
        if (from->role == SET_OUTPUT && from->outside)
            diag_add(k->diags, E_KIND, line->span,
                     "output '%s' is a plain sum at the end: no edge may lead out of it", from->name);
        else if (to->role == SET_INPUT && to->outside)
            diag_add(k->diags, E_KIND, line->span,
                     "input '%s' is clamped: edges into it need a node function there", to->name);
        else return true;
        return false;
    }
    if (to->role != SET_INPUT) return true;
    if (k->test.probing) return k->test.cyclic = true;
    Diag *d = diag_add(k->diags, E_CYCLE, line->span,
                       "edges lead into the input set '%s', which time = static cannot run",
                       g->sets.at[u->to].name);
    const char *source = sources_file(k->c->sources, line->span.file)->text;
    Span a = line->from.span, b = line->to.span;
    const char *turned = arena_printf(k->perm, "%.*s -> %.*s", (int)(b.end - b.start), source + b.start,
                                      (int)(a.end - a.start), source + a.start);
    if (u->from != u->to) diag_fix(d, span_join(a, b), turned, "reverse it: ", "");
    else diag_help(d, "leave them out, or let the graph run in time: time = steps(5)");
    return false;
}

static bool add_line(Check *k, Graph *g, Scope *scope, const EdgeLine *line, const EdgesDecl *d, int list)
{
    Bundle u = {.from = edge_set(k, g, &line->from),
                .to = edge_set(k, g, &line->to),
                .list = list,
                .span = line->span};
    bool absent = false;
    if (u.from < 0 || u.to < 0) return false;
    if (!line_predicate(k, g, line, &u, &absent)) return false;
    if (absent) return true;
    if (!legal_ends(k, g, line, &u)) return false;
    EdgeUse use = edge_use(k, g, scope, line, d, &u);
    if (use.function && val_is_poison(use.function)) return false;
    if (line->from.port.text) return port_of_source(k, line);
    use.port = line->to.port;
    if (g->sets.at[u.from].size == 0 || g->sets.at[u.to].size == 0) return true;
    if (line->in && !(u.given = given_edges(k, g, scope, line, &u))) return false;
    if (!line_keys(k, g, line, d, &u)) return false;
    vec_push(k->perm, &g->bundles, u);
    vec_push(k->perm, &k->graph->uses, use);
    return true;
}

static bool add_edges(Check *k, Graph *g, Scope *scope, const EdgesDecl *d)
{
    const ModelBudget *whole = d->budget == BUDGET_NONE ? k->budget : NULL;
    const int before = g->lists.count,
              joins = whole && whole->together && before && g->lists.at[before - 1].together,
              list = before - joins;
    const char *name = arena_printf(k->perm, "%s.edges.%d", g->name, list);
    if (!joins) vec_push(k->perm, &g->lists, edge_list(name, d->span));
    bool ok = whole ? model_rule(k, &g->lists.at[list]) : check_rule(k, scope, d, &g->lists.at[list]);
    for (int i = 0; i < d->lines.count; i++)
        if (!add_line(k, g, scope, d->lines.at[i], d, list)) ok = false;
    bool lines = g->bundles.count && g->bundles.at[g->bundles.count - 1].list == list;
    if (!lines && !joins) g->lists.count--; /* all are taken away */
    return ok;
}

/* One number a candidate: the weight of an edge without a function. */
void add_edge_weights(Check *k, Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        Bundle *u = &g->bundles.at[b];
        if (u->edge || u->weight) continue;
        u->weight = model_param(k->model, arena_printf(k->perm, "%s.edges.%d.w", g->name, b),
                                candidates_shape(g, u), u->span);
        u->weight->learned = true, u->weight->components = 1;
        u->weight->init.kind = INIT_FAN;
        if (u->fixed) {
            u->weight->learned = false;
            u->weight->init = (InitSpec){.kind = INIT_CONSTANT, .a = u->factor};
        }
        vec_push(k->perm, &u->weights, u->weight);
    }
}

static bool budgets(Check *k, Graph *g, Scope *scope)
{
    const int start = mistakes(k);
    for (int b = 0; b < g->bundles.count; b++) {
        int list = g->bundles.at[b].list;
        if (b && g->bundles.at[b - 1].list == list) continue;
        const EdgesDecl *own = k->graph->uses.at[b].decl;
        const ModelBudget *whole = own->budget == BUDGET_NONE ? k->budget : NULL;
        const EdgesDecl *d = whole ? whole->decl : own;
        if (g->lists.at[list].together) continue;
        Val *amount = whole       ? whole->amount
                      : d->amount ? described(k, check_expr(k, scope, d->amount))
                                  : NULL;
        const int before = mistakes(k);
        if (amount && is_density(amount)) split_line(k, g, b);
        check_budget(k, g, list, d->budget, amount, d->amount ? d->amount->span : d->span);
        while (mistakes(k) != before && b + 1 < g->bundles.count && k->graph->uses.at[b + 1].decl == own) b++;
    }
    return mistakes(k) == start;
}

/* ---- instances ---- */

static bool graph_lets_and_sets(Check *k, Graph *g, Scope *scope, const Decl *d)
{
    bool ok = true;
    for (int i = 0; i < d->items.count; i++) {
        const GraphItem *item = d->items.at[i];
        if (item->kind != ITEM_LET) continue;
        Val *v = described(k, check_expr(k, scope, item->value));
        if (val_is_poison(v)) ok = false;
        if (strcmp(item->name.text, "time") == 0) ok = read_time(k, v, item->value->span, &g->time) && ok;
        else scope_add(k, scope, item->name, v);
    }
    for (int i = 0; i < d->items.count; i++)
        if (d->items.at[i]->kind == ITEM_SET && !add_set(k, g, scope, d->items.at[i]->set)) ok = false;
    if (g->input >= 0 && g->output >= 0) return ok;
    k->said.silent++; /* said by check_names */
    return false;
}

static void build_edges(Check *k, Graph *g, Scope *scope, const Decl *d)
{
    for (int i = 0; i < d->items.count; i++)
        if (d->items.at[i]->kind == ITEM_EDGES) add_edges(k, g, scope, d->items.at[i]->edges);
}

static const Val *tensor_in(const Val *v)
{
    if (v->kind == VAL_RUNTIME) return v;
    const Val *found = NULL;
    for (int i = 0; i < v->items.count && !found; i++) found = tensor_in(v->items.at[i]);
    return found;
}

bool takes_one_tensor(Check *k, const Val *function, Shape taken)
{
    const Val *tensor = NULL;
    const bool graph = function->decl && function->decl->kind == DECL_GRAPH;
    for (int i = 0; i < function->bound.count && !tensor; i++)
        if (!graph || !learned_size(k, function->bound.at[i].value))
            tensor = tensor_in(function->bound.at[i].value);
    if (!tensor || !function->decl || k->mode != MODE_MODEL) return true;
    if (learned_size(k, tensor)) {
        Diag *d = diag_add(k->diags, E_LATER, tensor->span,
                           "a learned size is one of layers; '%s' takes none", function->decl->name.text);
        diag_help(d, "node sets and weights of functions have fixed sizes: write a number");
        return false;
    }
    Diag *d = diag_add(
        k->diags, E_SHAPE, tensor->span,
        "'%s' takes one tensor, here %s, whose parts become nodes; a second one, %s, cannot be an argument",
        function->decl->name.text, shape_text(k->perm, taken), shape_text(k->perm, tensor->value->shape));
    diag_note(d, function->decl->name.span, "it is declared here");
    diag_help(d,
              function->decl->kind == DECL_GRAPH
                  ? "join them before the graph: concat(a, b) |> %s"
                  : "join them first, by a function without weights: a * b |> Gain, of fn Gain(z) { weight g "
                    "= 1; g * z }",
              function->decl->name.text);
    return false;
}

Graph *build_graph(Check *k, Val *function, Value *x, Shape taken, Span span)
{
    const Decl *d = function->decl;
    for (int i = 0; i < k->applied.calls.count; i++)
        if (k->applied.calls.at[i] == d)
            return diag_add(k->diags, E_RECURSION, span, "graph '%s' contains itself", d->name.text), NULL;
    if (x && !takes_one_tensor(k, function, taken)) return NULL;
    note_seen(k, d);
    Graph *g = graph_new(k, d->name.text, d->name.span);
    g->chance_seed = (uint64_t)k->train.seed;
    Scope scope = {.module = function->module}, sets_named = {.outer = &scope};
    GraphBuild here = {.scope = &scope, .set_scope = &sets_named}, *outer = k->graph;
    Mode mode = k->mode;
    k->graph = &here, k->mode = MODE_CONST;
    int before = mistakes(k);
    vec_push(k->perm, &k->applied.calls, d);
    bool sets = bind_params(k, function, NULL, taken, span, &scope) && graph_lets_and_sets(k, g, &scope, d) &&
                few_nodes(k, g, d->name.span);
    if (sets) input_fits(k, g, x, span);
    int nodes = mistakes(k); /* those of node functions leave the edges as they are */
    if (sets) build_edges(k, g, &scope, d);
    bool edges = mistakes(k) == nodes;
    if (sets) add_cells(k, g, &scope);
    if (sets && edges && nodes_fit(k, g) && build_candidates(k, g) && build_groups(k, g)) {
        build_edge_functions(k, g);
        if (mistakes(k) == before) check_ports(k, g, d);
        check_rule_edges(k, g);
        add_edge_weights(k, g);
        add_rule_tensors(k, g);
        if (budgets(k, g, &scope) && mistakes(k) == before) check_declared_lists(k, g);
        choose_scores(k, g);
        if (mistakes(k) == before) check_groups(k, g);
        start_given(k, g);
        build_order(k, g);
        if (mistakes(k) == before) add_points(k, g);
    }
    k->applied.calls.count--;
    k->graph = outer, k->mode = mode;
    if (!sets || mistakes(k) != before) return NULL;
    g->number = k->model->graphs.count;
    vec_push(k->perm, &k->model->graphs, g);
    return g;
}

AloneBefore alone_open(Check *k)
{
    k->alone.on = true, k->alone.wants_map = false;
    return (AloneBefore){table_copy(k->perm, &k->made.names), table_copy(k->perm, &k->model->names),
                         k->model->params.count, k->said.silent, k->model->param_total};
}

bool alone_again(Check *k, const AloneBefore *before, bool built, Shape map)
{
    if (built || !k->alone.wants_map) return false;
    k->alone.on = false, k->alone.map = map;
    k->made.names = before->names, k->model->names = before->param_names, k->said.silent = before->silent;
    k->model->params.count = before->params, k->model->param_total = before->param_total;
    return true;
}

void alone_close(Check *k)
{
    k->alone.on = false, k->alone.map = (Shape){0};
}

Graph *instantiate(Check *k, Val *function, Span span)
{
    enum { SIZE = 64 }; /* large enough for most parts and windows */
    const Decl *d = function->decl;
    if (!d->sizes.count) {
        AloneBefore before = alone_open(k);
        Graph *g = build_graph(k, function, NULL, (Shape){0}, span);
        if (alone_again(k, &before, g != NULL, (Shape){2, {SIZE, SIZE}}))
            g = build_graph(k, function, NULL, (Shape){0}, span);
        alone_close(k);
        share_densities(k), check_redistribution(k);
        return g;
    }
    Diag *g = diag_add(k->diags, E_ARGUMENT, span,
                       "'%s' takes its sizes from its argument, and there is none here", d->name.text);
    diag_note(g, d->sizes.at[0].span, "they are named here");
    return NULL;
}

/* Of a static graph under scan: at one position (layer_positions.c). */
static Shape output_shape(const Check *k, const Graph *g)
{
    const NodeSet *s = &g->sets.at[g->output];
    Shape nodes = s->shape, all = {k->positions > 0 && is_timed(g), {k->positions}};
    if (all.rank + nodes.rank + s->value_map.rank > MAX_RANK) nodes = shape_vector(s->size);
    for (int i = 0; i < nodes.rank; i++) all.dim[all.rank++] = nodes.dim[i];
    for (int i = 0; i < s->value_map.rank; i++) all.dim[all.rank++] = s->value_map.dim[i];
    return all;
}

static Value *param_value(Check *k, Tensor *param, Span span)
{
    for (int i = 0; param->size_of_layers && i < k->model->sizes.count; i++)
        if (k->model->sizes.at[i]->tensor == param) return k->model->sizes.at[i]->stored;
    Value *p = func_add(k->func, IR_PARAM, span, 0, NULL);
    p->param = param, p->shape = param->shape;
    return p;
}

/* Normal numbers for all nodes of a set. */
static Value *noise_value(Check *k, const NodeSet *s, int number, Span span)
{
    const Shape all = {2, {s->size, shape_size(s->noise[number])}};
    Value *zeros = broadcast(k->func, func_const(k->func, 0), all, 0),
          *v = func_add(k->func, IR_NOISE, span, 1, &zeros);
    v->number = 1;
    v->index = k->made.dropouts, k->made.dropouts += 2;
    return v;
}

/* The operator `wired` with all parameters of the graph, and the noise that its nodes read. */
Val *wired_value(Check *k, Graph *g, Value *x, Span span)
{
    Vec(Value *) args = {0};
    vec_push(k->perm, &args, x);
    for (int s = 0; s < g->sets.count; s++)
        for (int i = 0; i < g->sets.at[s].weights.count; i++) {
            Value *p = param_value(k, g->sets.at[s].weights.at[i], g->sets.at[s].span);
            vec_push(k->perm, &args, p);
        }
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        for (int i = 0; i < u->weights.count; i++) {
            Value *p = param_value(k, u->weights.at[i], u->span);
            vec_push(k->perm, &args, p);
        }
        for (int i = 0; u->edge && i < u->edge->shared_tensors.count; i++) {
            Value *p = param_value(k, u->edge->shared_tensors.at[i], u->span);
            vec_push(k->perm, &args, p);
        }
    }
    for (int i = 0; i < g->lists.count; i++) {
        const Rule *r = g->lists.at[i].declared;
        for (int s = 0; r && s < r->states.count; s++) {
            if (!rule_is_summed(&r->states.at[s])) continue;
            Value *p = param_value(k, r->states.at[s].tensor, g->lists.at[i].span);
            vec_push(k->perm, &args, p);
        }
    }
    for (int s = 0; s < g->sets.count; s++)
        for (int i = 0; i < g->sets.at[s].noises; i++) {
            Value *noise = noise_value(k, &g->sets.at[s], i, span);
            vec_push(k->perm, &args, noise);
        }
    Value *w = func_add(k->func, IR_WIRED, span, args.count, args.at);
    w->graph = g, w->shape = output_shape(k, g);
    add_graph_costs(k, w);
    return val_runtime(k, w, span);
}

Val *apply_graph(Check *k, Val *function, Val *first, Span span)
{
    Graph *g = build_graph(k, function, first->value, first->value->shape, span);
    if (g && is_timed(g) && k->positions) return scan_within(k, function->decl->name.text, span);
    if (g) g->sets.at[g->input].part = part_of_channels(k, first->value);
    return g ? wired_value(k, g, first->value, span) : val_poison(k);
}
