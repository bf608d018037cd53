/* graph_point.c: coordinates of nodes, `nodes h[i: n] at (i / n, 0)`, as values of their indices.
 *
 * Conditions of edges and functions of nodes read them where they name a node; a program has them for
 * `edges` and `report`, which show where its nodes are.
 */
#include "check/graph.h"
#include "common/groups.h"
#include "ir/predicate.h"

/* The indices of a node, by the names that the declaration gives them. */
static void bind_own(Check *k, const NodeSetDecl *d, const NodeSet *s, Scope *scope)
{
    for (int i = 0; i < d->indices.count; i++) {
        const Name name = d->indices.at[i].name;
        Value *arg = func_add(k->func, IR_ARG, s->span, 0, NULL);
        arg->index = i, k->index_size[i] = s->shape.dim[i];
        if (name.text) scope_add(k, scope, name, val_runtime(k, arg, name.span));
    }
}

/* One coordinate; NULL after a message. */
static Value *coordinate(Check *k, const Val *v, Span span)
{
    if (val_is_poison(v)) return NULL;
    if (v->kind == VAL_NUMBER) return func_const(k->func, v->number);
    if (v->kind == VAL_RUNTIME && !v->value->is_bool) return v->value;
    Diag *d = diag_add(k->diags, E_KIND, span, "a point is made of numbers; this is %s",
                       v->kind == VAL_RUNTIME ? "a condition" : val_kind_text(v));
    diag_help(d, "such as (i, j), or (i / 8, 0)");
    return NULL;
}

static bool uses_chance(Check *k, const Expr *at)
{
    if (!func_has(k->func, IR_CHANCE)) return false;
    Diag *d = diag_add(k->diags, E_PLACE, at->span, "a point cannot depend on chance");
    diag_help(d, "a point follows from the indices of the node");
    return true;
}

static void read_point(Check *k, const Val *v, const Expr *at, CandidateKey *out)
{
    const int parts = v->kind == VAL_TUPLE ? v->items.count : 1;
    if (parts > MOST_KEY_PARTS) {
        diag_add(k->diags, E_RANGE, at->span, "a point has at most %d coordinates; this one has %d",
                 MOST_KEY_PARTS, parts);
        return;
    }
    for (int i = 0; i < parts; i++) {
        const Val *item = v->kind == VAL_TUPLE ? v->items.at[i] : v;
        Value *part = coordinate(k, item, at->kind == EXPR_TUPLE ? at->items.at[i]->span : at->span);
        if (!part) return;
        func_result(k->func, arena_printf(k->perm, "coordinate %d", i), part);
    }
    func_prune(k->func);
    if (uses_chance(k, at)) return;
    out->steps = predicate_steps(k->perm, k->func, &out->step_count);
    out->parts = NEW_ARRAY(k->perm, int, (size_t)parts);
    for (int i = 0; i < parts; i++) out->parts[out->part_count++] = k->func->results.at[i]->id;
}

void add_points(Check *k, Graph *g)
{
    Func *saved = k->func;
    const Mode mode = k->mode;
    k->mode = MODE_PREDICATE;
    for (int s = 0; s < g->sets.count; s++) {
        const NodeSetDecl *d = k->graph->decls.at[s];
        Scope scope = {.outer = k->graph->scope};
        if (!d->at) continue;
        k->func = func_new(k->perm, arena_printf(k->perm, "%s.%s.point", g->name, d->name.text));
        bind_own(k, d, &g->sets.at[s], &scope);
        read_point(k, check_expr(k, &scope, d->at), d->at, &g->sets.at[s].point);
    }
    k->func = saved, k->mode = mode;
}
