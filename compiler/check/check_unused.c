/* check_unused.c: what the model does not use, as far as it can be checked alone.
 *
 * A graph whose parameters all have defaults is built in a scratch model; so is a node function, on one node,
 * and a model that states its input. What needs arguments or data to be understood has had its names checked,
 * and no more.
 */
#include "check/check.h"

/* Parameters without a default from the first-th on. */
static bool needs_arguments(const Decl *d, int first)
{
    for (int i = first; i < d->params.count; i++)
        if (!d->params.at[i].fallback) return true;
    return false;
}

/* Weights of its own and no state, which needs a graph with time. */
static bool is_node_function(const Decl *d)
{
    bool moves = false;
    for (int i = 0; i < d->body.count; i++)
        if (d->body.at[i]->kind == STMT_STATE || d->body.at[i]->kind == STMT_NEXT ||
            d->body.at[i]->kind == STMT_DERIV)
            moves = true;
    const Stmt *last = d->body.count ? d->body.at[d->body.count - 1] : NULL;
    const bool several = last && last->value && last->value->kind == EXPR_TUPLE; /* of an edge: to ports */
    return declares_weights(d) && !moves && !several;
}

static void unused_model(Check *k, const Decl *d)
{
    Shape input;
    if (d->params.count == 1 && d->params.at[0].has_shape && stated_shape(k, d, k->files.main, &input))
        build_body(k, d, k->files.main, input);
}

static void unused(Check *k, const Decl *d)
{
    Check saved;
    Val *function = val_function(k, NULL, d, k->files.main, d->name.span);
    scratch_open(k, &saved);
    if (d->kind == DECL_MODEL) unused_model(k, d);
    if (d->kind == DECL_RULE && !needs_arguments(d, 0)) check_declared_rule(k, function);
    if (d->kind == DECL_GRAPH && !d->sizes.count && !needs_arguments(d, 0))
        instantiate(k, function, d->name.span);
    if (d->kind == DECL_FN && is_node_function(d) && d->params.count && !needs_arguments(d, 1)) {
        AloneBefore before = alone_open(k);
        Graph *g = cell_graph(k, function, shape_vector(1), d->name.span);
        if (alone_again(k, &before, g != NULL, (Shape){0}))
            cell_graph(k, function, (Shape){3, {1, 64, 64}}, d->name.span);
        alone_close(k);
    }
    scratch_close(k, &saved);
}

void check_unused(Check *k)
{
    for (int i = 0; i < k->files.main->ast->decls.count; i++) {
        const Decl *d = k->files.main->ast->decls.at[i];
        if (d->name.text && table_find(&k->applied.seen, &d, sizeof(Decl *)) < 0) unused(k, d);
    }
}
