/* cell_index.c: numbers of nodes in their functions: nodes h[i: n] : Unit(i).
 *
 * An index is a tensor that follows from the program alone: one number a node, which is not learned and is in
 * no checkpoint (INIT_NUMBER). So the functions of nodes read it as they read a weight, and where nodes are
 * taken away (freeze.c) the others keep their numbers.
 */
#include "check/cell.h"

enum { MOST_EXACT = 1 << 24 }; /* whole numbers up to here are exact in float */

/* Does the expression read the name, or (point) choose with [ ] from what it stands for? */
static bool reads(const Expr *e, const char *name, bool point)
{
    if (!e) return false;
    const Expr *at = point && e->kind == EXPR_INDEX ? e->left : e;
    if ((at != e || !point) && at->kind == EXPR_NAME && strcmp(at->name, name) == 0) return true;
    for (int i = 0; i < e->args.count; i++)
        if (reads(e->args.at[i].value, name, point)) return true;
    for (int i = 0; i < e->items.count; i++)
        if (reads(e->items.at[i], name, point)) return true;
    return reads(e->left, name, point) || reads(e->right, name, point) || reads(e->third, name, point);
}

Value *node_number(Check *k, const char *name, int64_t stride, int64_t count, Span span)
{
    NodeSet *s = k->cell->set;
    const char *full = arena_printf(k->perm, "%s.%s.%s", k->cell->graph->name, s->name, name);
    Tensor *p = model_param(k->model, table_new_name(k->perm, &k->model->names, full), s->shape, span);
    p->components = 1;
    p->init = (InitSpec){.kind = INIT_NUMBER, .a = (double)stride, .b = (double)count};
    vec_push(k->perm, &s->weights, p);
    Value *v = func_add(k->func, IR_WEIGHT, span, 0, NULL);
    v->param = p;
    return v;
}

Value *masked_node(Check *k, Value *value)
{
    NodeSet *s = k->cell->set;
    const LearnedSize *size = s->learned;
    Value *place = node_number(k, "place", s->stride, size->high, value->span),
          *part = func_add(k->func, IR_WEIGHT, value->span, 0, NULL),
          *most = func_const(k->func, (double)size->high);
    part->param = size->tensor;
    vec_push(k->perm, &s->weights, size->tensor);
    Value *mask = value_mask(k, func_binary(k->func, IR_MUL, part, most), place);
    return func_binary(k->func, IR_MUL, value, mask);
}

static Val *index_value(Check *k, Name name, int64_t stride, int64_t count)
{
    if (count <= MOST_EXACT)
        return val_runtime(k, node_number(k, name.text, stride, count, name.span), name.span);
    diag_add(k->diags, E_RANGE, name.span,
             "index '%s' counts to %lld; a function can tell at most %d nodes apart", name.text,
             (long long)count, MOST_EXACT);
    return val_poison(k);
}

void bind_node(Check *k, const NodeSetDecl *d, Val *set, Scope *scope)
{
    const Shape shape = k->cell->set->shape;
    int64_t stride = 1;
    if (reads(d->cell, d->name.text, true)) scope_add(k, scope, d->name, set);
    for (int i = d->indices.count - 1; i >= 0; i--) {
        const Name name = d->indices.at[i].name;
        if (name.text && reads(d->cell, name.text, false))
            scope_add(k, scope, name, index_value(k, name, stride, shape.dim[i]));
        stride *= shape.dim[i];
    }
}
