/* question.c: see question.h. A graph is built in a scratch model for each question; in one that is only
 * counted, a cycle is an answer, not an error.
 */
#include "driver/question.h"
#include "driver/compile.h"
#include "lower/grad.h"
#include "eval/gradcheck.h"
#include "layout/layout.h"
#include "lower/lower.h"
#include "eval/count.h"

/* ---- what a question is about ---- */

static bool is_kind(const Val *v, DeclKind kind)
{
    return v->kind == VAL_FUNCTION && v->decl && v->decl->kind == kind;
}

static Val *wrong_subject(Check *k, const Builtin *b, const Val *v, const char *wanted)
{
    Diag *d = diag_add(k->diags, E_KIND, v->span, "%s needs %s; this is %s", b->name, wanted,
                       is_kind(v, DECL_GRAPH)   ? "a graph"
                       : is_kind(v, DECL_MODEL) ? "a model"
                                                : val_kind_text(v));
    diag_help(d, "name it without a value: %s(Name%s)", b->name, b->count > 2 ? ", \"x\", \"y\"" : "");
    return val_poison(k);
}

/* A graph to count. NULL after a message. */
static Graph *counted_graph(Check *k, Val *v, Span span)
{
    Check saved;
    scratch_open(k, &saved);
    k->test.probing = true, k->test.cyclic = false;
    Graph *g = instantiate(k, v, span);
    k->test.probing = false;
    scratch_close(k, &saved);
    return g;
}

/* In a scratch model: the graph, with its input set as the value it is given. */
static void graph_body(Check *k, Val *v, Span span)
{
    Graph *g = instantiate(k, v, span);
    if (!g) return;
    Model *m = k->model;
    const NodeSet *in = &g->sets.at[g->input];
    m->name = g->name, m->input = in->shape;
    if (in->shape.rank + in->map.rank > MAX_RANK) m->input = shape_vector(in->size);
    for (int i = 0; i < in->map.rank; i++) m->input.dim[m->input.rank++] = in->map.dim[i];
    k->func = func_new(k->perm, g->name);
    k->mode = MODE_MODEL;
    Value *x = func_add(k->func, IR_INPUT, span, 0, NULL);
    x->shape = m->input;
    Val *y = wired_value(k, g, x, span);
    func_result(k->func, "output", y->value);
    m->body = k->func, m->output = y->value->shape;
    k->mode = MODE_CONST;
}

static bool is_whole(const Check *k, const Val *v)
{
    return k->whole->name && strcmp(v->decl->name.text, k->whole->name) == 0 && v->module == k->files.main;
}

static void model_body(Check *k, const Val *v, Span span)
{
    const Decl *d = v->decl;
    Shape input;
    bool stated = d->params.count == 1 && d->params.at[0].has_shape;
    if (!stated && k->files.main->ast->lost_train) k->said.silent++;
    else if (!stated) {
        Diag *g =
            diag_add(k->diags, E_INPUT, span, "the input shape of model '%s' is not known", d->name.text);
        diag_note(g, d->name.span, "it is declared here");
        diag_help(g, "declare it, such as: model %s(x[784])", d->name.text);
    } else if (stated_shape(k, d, v->module, &input)) build_body(k, d, v->module, input);
}

/* The model that a question is about: the file's own, another one, or one that is just a graph. NULL after a
 * message. */
static const Model *subject(Check *k, Val *v, Span span)
{
    if (is_kind(v, DECL_MODEL) && is_whole(k, v)) return k->whole->body ? k->whole : NULL;
    Check saved;
    int before = mistakes(k);
    scratch_open(k, &saved);
    Model *m = k->model;
    if (is_kind(v, DECL_GRAPH)) graph_body(k, v, span);
    else model_body(k, v, span);
    scratch_close(k, &saved);
    return mistakes(k) == before && m->body ? m : NULL;
}

/* ---- answers ---- */

static int named_set(Check *k, const Graph *g, const Val *name)
{
    const char **names = NEW_ARRAY(k->perm, const char *, (size_t)g->sets.count);
    if (name->kind != VAL_STRING) {
        diag_add(k->diags, E_KIND, name->span,
                 "edge_count needs the name of a node set in quotation marks; this is %s",
                 val_kind_text(name));
        return -1;
    }
    for (int i = 0; i < g->sets.count; i++) {
        names[i] = g->sets.at[i].name;
        if (strcmp(names[i], name->text) == 0) return i;
    }
    const char *near = diag_nearest(name->text, names, g->sets.count);
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, name->span, "'%s' is not a node set of graph '%s'",
                       name->text, g->name);
    diag_note(d, g->span, "the graph is declared here");
    if (near) diag_fix(d, name->span, arena_printf(k->perm, "\"%s\"", near), "did you mean ", "?");
    return -1;
}

static Val *edge_count(Check *k, Val **args, Span span)
{
    Graph *g = counted_graph(k, args[0], span);
    if (!g) return val_poison(k);
    int from = named_set(k, g, args[1]), to = named_set(k, g, args[2]);
    double edges = 0;
    if (from < 0 || to < 0) return val_poison(k);
    for (int b = 0; b < g->bundles.count; b++)
        if (g->bundles.at[b].from == from && g->bundles.at[b].to == to)
            edges += (double)g->bundles.at[b].candidates.count;
    return val_number(k, edges, span);
}

static Val *graph_number(Check *k, BuiltinId what, const Graph *g, Span span)
{
    double n = 0;
    if (what == BUILTIN_kept) n = (double)model_edges_kept(g);
    else if (what == BUILTIN_macs) n = (double)graph_macs(g);
    else if (what == BUILTIN_parameters || what == BUILTIN_params) n = (double)graph_parameters(g);
    else
        for (int i = 0; i < g->lists.count; i++) n += (double)g->lists.at[i].candidates;
    return val_number(k, n, span);
}

static Val *model_number(Check *k, BuiltinId what, const Model *m, Span span)
{
    double n = 0;
    if (what == BUILTIN_parameters || what == BUILTIN_params)
        return val_number(k, (double)model_parameters(m), span);
    for (int i = 0; i < m->graphs.count; i++) n += graph_number(k, what, m->graphs.at[i], span)->number;
    return val_number(k, n, span);
}

static Val *shape_value(Check *k, const Model *m, Span span)
{
    Val *v = val_new(k, VAL_LIST, span);
    for (int i = 0; i < m->output.rank; i++)
        vec_push(k->perm, &v->items, val_number(k, (double)m->output.dim[i], span));
    return v;
}

/* The mean square of the outputs is a loss with which every output matters. */
static double subject_gradcheck(Check *k, Model *m)
{
    Check saved;
    Val *mse = val_function(k, builtin_at(BUILTIN_mse), NULL, NULL, (Span){0});
    scratch_open(k, &saved);
    k->model = m;
    build_loss(k, described(k, mse));
    m->trained = true;
    scratch_close(k, &saved);
    Tiling tiling = compile_tiling(k->c, m);
    layout(m, &tiling);
    Ir *ir = lower(m);
    grad(ir);
    return model_gradcheck(k->perm, ir, NULL);
}

static Val *model_gradcheck_value(Check *k, Val *v, Span span)
{
    const Model *m = subject(k, v, span);
    if (!m || !gradcheck_fits(m, k->diags, span)) return val_poison(k);
    if (k->test.dry) return val_number(k, 0, span);
    return val_number(
        k, m == k->whole && m->trained ? compile_gradcheck(k->c, NULL) : subject_gradcheck(k, (Model *)m),
        span);
}

static Val *cell_gradcheck_value(Check *k, Val *v, const Val *samples, Span span)
{
    enum { NODES = 6, MOST = 10000 };
    Check saved;
    if (samples->kind != VAL_NUMBER || !(samples->number >= 1 && samples->number <= MOST)) {
        diag_add(k->diags, E_RANGE, samples->span, "samples must be in 1 .. %d; this is %s", MOST,
                 val_text(k, samples));
        return val_poison(k);
    }
    scratch_open(k, &saved);
    Model *m = k->model;
    AloneBefore before = alone_open(k);
    Graph *g = cell_graph(k, v, shape_vector(NODES), span);
    if (alone_again(k, &before, g != NULL, (Shape){0})) g = cell_graph(k, v, (Shape){3, {NODES, 5, 6}}, span);
    alone_close(k);
    scratch_close(k, &saved);
    if (!g) return val_poison(k);
    return val_number(k, k->test.dry ? 0 : cell_gradcheck(k->perm, m, &g->sets.at[0], (int)samples->number),
                      span);
}

static Val *gradcheck_value(Check *k, const Builtin *b, Val **args, Span span)
{
    Val *v = args[0];
    bool function =
        is_kind(v, DECL_FN) || (v->kind == VAL_FUNCTION && v->builtin && builtin_of_nodes(v->builtin));
    if (function) return cell_gradcheck_value(k, v, args[1], span);
    if (is_kind(v, DECL_GRAPH) || is_kind(v, DECL_MODEL)) return model_gradcheck_value(k, v, span);
    return wrong_subject(k, b, v, "a fn, a graph or a model");
}

static Val *answer(Check *k, const Builtin *b, Val **args, Span span)
{
    Val *v = args[0];
    bool graph = is_kind(v, DECL_GRAPH);
    if (b->id == BUILTIN_gradcheck) return gradcheck_value(k, b, args, span);
    if (b->id == BUILTIN_edge_count)
        return graph ? edge_count(k, args, span) : wrong_subject(k, b, v, "a graph");
    if (b->id == BUILTIN_acyclic) {
        if (!graph) return wrong_subject(k, b, v, "a graph");
        return counted_graph(k, v, span) ? val_bool(k, !k->test.cyclic, span) : val_poison(k);
    }
    if (!graph && !is_kind(v, DECL_MODEL)) return wrong_subject(k, b, v, "a graph or a model");
    if (graph && b->id != BUILTIN_shape) {
        Graph *g = counted_graph(k, v, span);
        return g ? graph_number(k, b->id, g, span) : val_poison(k);
    }
    const Model *m = subject(k, v, span);
    if (!m) return val_poison(k);
    return b->id == BUILTIN_shape ? shape_value(k, m, span) : model_number(k, b->id, m, span);
}

/* Equal questions are answered once. */
Val *question(Check *k, const Builtin *b, Val **args, Span span)
{
    const int number = answer_number(k, b, args);
    const Val *before = answer_before(k, number);
    Val *v = before ? NEW(k->perm, Val) : answer(k, b, args, span);
    if (before) *v = *before, v->span = span;
    else if (!val_is_poison(v)) answer_done(k, number, v);
    return v;
}
