/* ir_eval_cell.c: node functions and their gradients in the reference interpreter: one node, one sample. */
#include "eval/ir_eval.h"
#include "ir/op.h"

Cell cell_new(Arena *a, const Func *f)
{
    Cell c = {f, NEW_ARRAY(a, double *, (size_t)f->values.count + 1), NULL};
    for (int i = 0; i < f->values.count; i++)
        c.value[i] = NEW_ARRAY(a, double, (size_t)shape_size(f->values.at[i]->shape) + 1);
    return c;
}

/* Every element; a scalar argument is the same for all. */
static void eval_pointwise(const Value *v, const double *const *args, double *out)
{
    double a[3];
    for (int64_t i = 0, n = shape_size(v->shape); i < n; i++) {
        for (int k = 0; k < v->arg_count; k++) a[k] = args[k][v->args[k]->shape.rank ? i : 0];
        out[i] = v->op == IR_POSITION ? (double)i : pointwise_eval(v->op, a);
    }
}

void eval_cell(const Cell *c, const double *const *args, const double *param, int64_t node)
{
    for (int i = 0; i < c->f->values.count; i++) {
        const Value *v = c->f->values.at[i];
        const double *a[v->arg_count + 1];
        double *out = c->value[i];
        for (int k = 0; k < v->arg_count; k++) a[k] = c->value[v->args[k]->id];
        if (v->op == IR_CONST) *out = v->number;
        else if (v->op == IR_ARG && args[v->index])
            memcpy(out, args[v->index], (size_t)shape_size(v->shape) * sizeof *out);
        else if (v->op == IR_ARG) continue;
        else if (v->op == IR_WEIGHT)
            *out = param[v->param->offset + (v->param->shared ? 0 : node * v->param->components) + v->index];
        else if (v->op == IR_STATISTIC && c->statistics) *out = c->statistics[v->index];
        else if (v->op == IR_STATISTIC) *out = v->index % 4 < 2 ? param[v->param->offset + node] : 0;
        else if (op_info[v->op].class == CLASS_POINTWISE) eval_pointwise(v, a, out);
        else op_eval(v, a, out);
    }
}
