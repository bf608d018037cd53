/* cell_cost.c: the line `cost NAME = value` of a function.
 *
 * In a function of nodes or edges a cost is of its weights: it becomes a function of the weights of one node
 * or candidate, which graph_cost.c sums over all of them. In a function of the model it is of any values, and
 * becomes a part of the cost at once.
 */
#include "check/cell.h"
#include "ir/op.h"

void cost_add(Check *k, const char *name, Value *part, Span span)
{
    Model *m = k->model;
    int i = 0;
    while (i < m->costs.count && strcmp(m->costs.at[i].name, name) != 0) i++;
    if (i == m->costs.count) vec_push(k->perm, &m->costs, (Cost){.name = name, .span = span});
    vec_push(k->perm, &m->costs.at[i].parts, part);
}

/* Of the values of one sample, at one place: positions of a sequence would each need their own. */
static void model_cost(Check *k, const Stmt *s, Value *v)
{
    if (k->positions) {
        Diag *d = diag_add(k->diags, E_PLACE, s->span, "cost '%s' is in a function that scan applies",
                           s->name.text);
        diag_help(d, "a cost of values stands in a function of the model, behind scan");
        return;
    }
    if (is_padded(k, v)) v = without_padding(k, v);
    cost_add(k, s->name.text, reduce(k->func, IR_REDUCE_SUM, v, 0, v->shape.rank), s->span);
}

bool cost_line(Check *k, Scope *scope, const Stmt *s)
{
    Val *v = check_expr(k, scope, s->value);
    k->made.effects++;
    if (val_is_poison(v) || k->mode == MODE_CONST) return true;
    if (k->mode == MODE_PREDICATE) {
        Diag *g = diag_add(k->diags, E_PLACE, s->span, "cost '%s' is in a function that a condition calls",
                           s->name.text);
        diag_help(g, "a condition is asked once, before the training; remove the line");
        return true;
    }
    if (k->loss) {
        Diag *g =
            diag_add(k->diags, E_PLACE, s->span, "cost '%s' is in a function that is a loss", s->name.text);
        diag_help(g, "a loss adds what it wants small to its value; costs are for functions of the model");
        return true;
    }
    Value *value = val_value(k, v, "a cost");
    if (value && value->is_bool) {
        Diag *g = diag_add(k->diags, E_KIND, s->value->span, "a cost is a number; this is a condition");
        diag_help(g, "choose a number by it: if w > 0 then w else 0");
    } else if (value && k->mode == MODE_MODEL) model_cost(k, s, value);
    else if (value) vec_push(k->perm, &k->cell->costs, (CellCost){s->name.text, value, s->span});
    return true;
}

bool follows_from_weights(const Func *f, Value *value)
{
    const bool *read = func_follow(f, 1, &value);
    for (int i = 0; i < f->values.count; i++) {
        const OpCode op = f->values.at[i]->op;
        if (read[i] && op != IR_CONST && op != IR_WEIGHT && op_info[op].class != CLASS_POINTWISE)
            return false;
    }
    return true;
}

Func *cell_costs(Check *k, const CellBuild *cell, const Func *f)
{
    if (!cell->costs.count) return NULL;
    Value **map = NEW_ARRAY(k->perm, Value *, (size_t)f->values.count + 1);
    Func *costs = func_copy(k->perm, f, arena_printf(k->perm, "%s.cost", f->name), map);
    for (int i = 0; i < cell->costs.count; i++) {
        const CellCost *c = &cell->costs.at[i];
        if (!follows_from_weights(f, c->value)) {
            Diag *d =
                diag_add(k->diags, E_LATER, c->span,
                         "a cost in a function of nodes or edges is of its weights; this one follows from "
                         "what the %s receives",
                         cell->of_edge ? "edge" : "node");
            diag_help(
                d, "a cost of values stands in a function of the model: x |> Wiring |> Act, of fn Act(x) { "
                   "cost act = x^2; x }");
            return NULL;
        }
        func_result(costs, c->name, map[c->value->id]);
    }
    func_prune(costs);
    return costs;
}
