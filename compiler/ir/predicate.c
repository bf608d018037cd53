/* predicate.c: see predicate.h. */
#include "ir/predicate.h"
#include "ir/op.h"
#include "common/rng.h"

static void eval_scalar(const Value *v, const double *args, double *scratch)
{
    double a[3];
    switch (v->op) {
    case IR_CONST: scratch[v->id] = v->number; break;
    case IR_ARG: scratch[v->id] = args[v->index]; break;
    default:
        for (int i = 0; i < v->arg_count; i++) a[i] = scratch[v->args[i]->id];
        scratch[v->id] = pointwise_eval(v->op, a);
    }
}

double predicate_eval(const Func *f, const double *args, const Chance *chance, double *scratch)
{
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (v->op == IR_CHANCE)
            scratch[i] = rng_uniform(chance->seed, chance->stream,
                                     ((uint64_t)chance->target << 32) | (uint64_t)chance->source) <
                         scratch[v->args[0]->id];
        else eval_scalar(v, args, scratch);
    }
    return scratch[f->results.at[0]->id];
}

IntervalStep *predicate_steps(Arena *a, const Func *f, int *count)
{
    *count = 0;
    for (int i = 0; i < f->results.count; i++)
        if (f->results.at[i]->id >= *count) *count = f->results.at[i]->id + 1;
    IntervalStep *steps = NEW_ARRAY(a, IntervalStep, (size_t)*count);
    for (int i = 0; i < *count; i++) {
        const Value *v = f->values.at[i];
        steps[i].name = op_info[v->op].text, steps[i].op = interval_op(steps[i].name);
        steps[i].number = v->op == IR_ARG ? (double)v->index : v->number;
        steps[i].arg_count = v->arg_count;
        for (int k = 0; k < v->arg_count; k++) steps[i].args[k] = v->args[k]->id;
    }
    return steps;
}
