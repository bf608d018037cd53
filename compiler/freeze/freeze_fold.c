/* freeze_fold.c: values that depend on weights only, computed at compile time. */
#include "freeze/freeze.h"
#include "eval/ir_eval.h"
#include "ir/op.h"

/* One for all samples, and made by an operator. */
static bool is_known(const Value *v)
{
    return !v->per_sample && op_info[v->op].class != CLASS_LEAF && !v->is_bool;
}

static void become_weight(Frozen *f, Value *v, const double *numbers)
{
    v->arg_count = 0;
    if (v->shape.rank == 0) {
        v->op = IR_CONST, v->number = numbers[0];
        return;
    }
    Model *m = f->model;
    Tensor *p = model_param(m, arena_printf(m->perm, "known.%d", m->params.count), v->shape, v->span);
    memcpy(freeze_room(f, p), numbers, (size_t)p->size * sizeof *numbers);
    v->op = IR_PARAM, v->param = p;
}

void freeze_fold(Frozen *f, Func *use)
{
    Arena *tmp = arena_new();
    EvalContext c = {.model = f->model, .param = f->param};
    bool *wanted = NEW_ARRAY(tmp, bool, (size_t)use->values.count + 1);
    for (int i = 0; i < use->values.count; i++)
        for (int k = 0; k < use->values.at[i]->arg_count; k++)
            if (!is_known(use->values.at[i])) wanted[use->values.at[i]->args[k]->id] = true;
    for (int i = 0; i < use->results.count; i++) wanted[use->results.at[i]->id] = true;
    Value **map = NEW_ARRAY(tmp, Value *, (size_t)use->values.count + 1);
    Func *known = func_copy(tmp, use, "known", map);
    for (int i = 0; i < use->values.count; i++)
        if (wanted[i] && is_known(use->values.at[i])) func_result(known, "value", map[i]);
    func_prune(known); /* what is left depends on nothing that a graph or a sample gives */
    Eval *e = eval_func(tmp, known, &c);
    for (int i = 0; i < use->values.count; i++)
        if (wanted[i] && is_known(use->values.at[i]))
            become_weight(f, use->values.at[i], e->value[map[i]->id]);
    func_prune(use);
    arena_free(tmp);
}
