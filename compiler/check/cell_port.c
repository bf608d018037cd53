/* cell_port.c: node functions of several sums.
 *
 * The parameters of a declared function that get no value where a node set names it are the ports of its
 * nodes: each is a sum of its own, and edges lead to one of them.
 */
#include "check/cell.h"

static bool is_named(const Val *f, const char *name)
{
    for (int i = 0; i < f->bound.count; i++)
        if (f->bound.at[i].name.text && strcmp(f->bound.at[i].name.text, name) == 0) return true;
    return false;
}

void function_ports(Check *k, const Val *f, NodeSet *s)
{
    if (!f || f->kind != VAL_FUNCTION || f->builtin || f->decl->kind != DECL_FN) return;
    int given = 0; /* by position: to parameters behind the first */
    for (int i = 0; i < f->bound.count; i++) given += f->bound.at[i].name.text == NULL;
    for (int i = 0; i < f->decl->params.count; i++) {
        const Param *p = &f->decl->params.at[i];
        if (i > 0 && (i <= given || p->fallback || is_named(f, p->name.text))) continue;
        vec_push(k->perm, &s->ports, p->name.text);
    }
    if (s->ports.count == 1) s->ports.count = 0;
}

static Val *new_sum(Check *k, const NodeSet *s, Func *f, int port, Span span)
{
    Value *sum = func_add(f, IR_ARG, span, 0, NULL);
    sum->index = SLOT_SUM + port, sum->shape = s->map;
    return val_runtime(k, sum, span);
}

Val *apply_to_sums(Check *k, const NodeSet *s, Val *function, Func *f)
{
    const Span span = function ? function->span : s->span;
    Val *first = new_sum(k, s, f, 0, span);
    if (!function) return first;
    Val *of_all = function_with(k, function, NULL);
    for (int i = 1; i < s->ports.count; i++) {
        const BoundArg sum = {{.text = s->ports.at[i], .span = span}, new_sum(k, s, f, i, span)};
        vec_push(k->perm, &of_all->bound, sum);
    }
    return apply(k, of_all, first, span);
}
