/* ir.c: building, checking and tidying functions of the mid-level form. */
#include "ir/ir.h"
#include "base/diag.h"
#include "ir/op.h"

const OpInfo op_info[IR_OP_COUNT] = {
#define OP(name, text, arity, class, traits) [IR_##name] = {text, arity, CLASS_##class, traits},
#include "ir/op.def"
#undef OP
};

OpCode op_named(const char *text)
{
    int op = 0;
    while (op < IR_OP_COUNT && strcmp(op_info[op].text, text) != 0) op++;
    return (OpCode)op;
}

int64_t shape_size(Shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++) n *= s.dim[i];
    return n;
}

bool shape_equal(Shape a, Shape b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

const char *shape_text(Arena *a, Shape s)
{
    char *text = arena_printf(a, "[");
    for (int i = 0; i < s.rank; i++)
        text = arena_printf(a, "%s%s%lld", text, i ? ", " : "", (long long)s.dim[i]);
    return arena_printf(a, "%s]", text);
}

Func *func_new(Arena *perm, const char *name)
{
    Func *f = NEW(perm, Func);
    f->name = name;
    f->arena = perm;
    return f;
}

void op_shape(Value *v)
{
    switch (op_info[v->op].class) {
    case CLASS_POINTWISE: pointwise_shape(v); break;
    case CLASS_TENSOR: tensor_shape(v); break;
    case CLASS_AXIS: axis_shape(v); break;
    case CLASS_MAP: map_shape(v); break;
    case CLASS_WIRED: wired_shape(v); break;
    case CLASS_LAYER:
        v->shape = v->args[0]->shape;
        v->per_sample = v->args[0]->per_sample || v->op == IR_NOISE;
        break;
    case CLASS_LEAF: v->per_sample = !op_has(v->op, OP_SHARED); break;
    }
}

void op_eval(const Value *v, const double *const *args, double *out)
{
    switch (op_info[v->op].class) {
    case CLASS_TENSOR: tensor_eval(v, args, out); break;
    case CLASS_AXIS: axis_eval(v, args[0], out); break;
    case CLASS_MAP: map_eval(v, args, out); break;
    default: BUG("%s is not evaluated sample by sample", op_info[v->op].text);
    }
}

Value *func_add(Func *f, OpCode op, Span span, int count, Value *const *args)
{
    if (op_info[op].arity >= 0 && op_info[op].arity != count)
        BUG("%s with %d arguments", op_info[op].text, count);
    Value *v = NEW(f->arena, Value);
    *v = (Value){.id = f->values.count,
                 .op = op,
                 .arg_count = count,
                 .span = span,
                 .group = -1,
                 .address = -1,
                 .partial = -1,
                 .sums = -1};
    v->args = NEW_ARRAY(f->arena, Value *, (size_t)count);
    for (int i = 0; i < count; i++) v->args[i] = args[i];
    op_shape(v);
    vec_push(f->arena, &f->values, v);
    return v;
}

Value *func_const(Func *f, double number)
{
    Value *v = func_add(f, IR_CONST, (Span){0}, 0, NULL);
    v->number = number;
    return v;
}

Value *func_unary(Func *f, OpCode op, Value *a)
{
    return func_add(f, op, a->span, 1, &a);
}

Value *func_binary(Func *f, OpCode op, Value *a, Value *b)
{
    return func_add(f, op, a->op == IR_CONST ? b->span : a->span, 2, (Value *[]){a, b});
}

void func_result(Func *f, const char *name, Value *v)
{
    vec_push(f->arena, &f->results, v);
    vec_push(f->arena, &f->result_names, name);
}

Value *func_argument(const Func *f, int64_t index)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_ARG && f->values.at[i]->index == index) return f->values.at[i];
    return NULL;
}

const Value *func_find_wired(const Func *f, const struct Graph *g, OpCode op)
{
    for (int i = 0; f && i < f->values.count; i++)
        if (f->values.at[i]->op == op && f->values.at[i]->graph == g) return f->values.at[i];
    return NULL;
}

bool func_has(const Func *f, OpCode op)
{
    for (int i = 0; f && i < f->values.count; i++)
        if (f->values.at[i]->op == op) return true;
    return false;
}

Func *func_copy(Arena *perm, const Func *from, const char *name, Value **map)
{
    Func *to = func_new(perm, name);
    to->of_cell = from->of_cell;
    for (int i = 0; i < from->values.count; i++) {
        const Value *v = from->values.at[i];
        Value **args = NEW_ARRAY(perm, Value *, (size_t)v->arg_count + 1);
        for (int k = 0; k < v->arg_count; k++) args[k] = map[v->args[k]->id];
        Value *c = map[i] = func_add(to, v->op, v->span, v->arg_count, args);
        c->shape = v->shape, c->is_bool = v->is_bool, c->per_sample = v->per_sample;
        c->number = v->number, c->extra = v->extra, c->index = v->index, c->param = v->param,
        c->graph = v->graph, c->window = v->window, c->batch = v->batch;
    }
    return to;
}

bool *func_follow(const Func *f, int count, Value *const *from)
{
    bool *read = NEW_ARRAY(f->arena, bool, (size_t)f->values.count + 1);
    for (int i = 0; i < count; i++) read[from[i]->id] = true;
    for (int i = f->values.count - 1; i >= 0; i--)
        for (int a = 0; read[i] && a < f->values.at[i]->arg_count; a++)
            read[f->values.at[i]->args[a]->id] = true;
    return read;
}

void func_prune(Func *f)
{
    const bool *used = func_follow(f, f->results.count, f->results.at);
    int kept = 0;
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        if (!used[i] && v->op != IR_ARG) continue;
        v->id = kept;
        f->values.at[kept++] = v;
    }
    f->values.count = kept;
}

void func_verify(const Func *f)
{
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (v->id != i) BUG("%s: value %d is numbered %d", f->name, i, v->id);
        for (int k = 0; k < v->arg_count; k++)
            if (v->args[k]->id >= i || f->values.at[v->args[k]->id] != v->args[k])
                BUG("%s: %s %%%d uses a value that is not before it", f->name, op_info[v->op].text, i);
        for (int d = 0; d < v->shape.rank; d++)
            if (v->shape.dim[d] < 0)
                BUG("%s: %%%d has a negative size", f->name, i); /* 0: a node set without nodes */
    }
    for (int i = 0; i < f->results.count; i++)
        if (f->values.at[f->results.at[i]->id] != f->results.at[i])
            BUG("%s: result %d is not in it", f->name, i);
}
