/* check_cell.c: node functions: a fn applied to the sum of one node, with weights of its own. */
#include "check.h"
#include "grad.h"
#include <math.h>

static bool two_numbers(Check *k, const Val *call, double *a, double *b)
{
    for (int i = 0; i < 2; i++)
        if (call->items.at[i]->kind != VAL_NUMBER) {
            diag_add(k->diags, E_KIND, call->items.at[i]->span, "'%s' of %s wants a number", call->builtin->params[i].name,
                     call->builtin->name);
            return false;
        }
    *a = call->items.at[0]->number, *b = call->items.at[1]->number;
    return true;
}

static bool choices(Check *k, const Val *call, Init *out)
{
    out->kind = INIT_CHOICE;
    for (int i = 0; i < call->items.count; i++) {
        if (call->items.at[i]->kind != VAL_NUMBER) {
            diag_add(k->diags, E_KIND, call->items.at[i]->span, "choice wants numbers");
            return false;
        }
        vec_push(k->perm, &out->choices, call->items.at[i]->number);
    }
    if (call->items.count) return true;
    diag_add(k->diags, E_ARGUMENT, call->span, "choice needs at least one number");
    return false;
}

/* kaiming: U(-1/sqrt(fan_in), +)     xavier: U(-sqrt(6/(fan_in + fan_out)), +)  (Glorot & Bengio 2010, eq. 16) */
bool init_of(Check *k, Val *v, double fan_in, double fan_out, Init *out)
{
    *out = (Init){0};
    if (is_poison(v)) return false;
    v = described(k, v);
    if (v->kind == VAL_NUMBER) {
        *out = (Init){.kind = INIT_CONSTANT, .a = v->number};
        return true;
    }
    if (v->kind != VAL_CALL || v->builtin->kind != KIND_DIST) {
        if (v->kind == VAL_POISON) return false;
        Diag *d = diag_add(k->diags, E_KIND, v->span, "%s is not an initial value", val_kind_text(v));
        diag_help(d, "write = 0 for a constant, or ~ normal(0, 1) for a distribution");
        return false;
    }
    const char *name = v->builtin->name;
    if (strcmp(name, "choice") == 0) return choices(k, v, out);
    if (strcmp(name, "kaiming") == 0) out->b = 1 / sqrt(fan_in);
    else if (strcmp(name, "xavier") == 0) out->b = sqrt(6 / (fan_in + fan_out));
    else if (strcmp(name, "orthogonal") == 0) {
        out->kind = INIT_ORTHOGONAL;
        return true;
    }
    out->kind = INIT_UNIFORM;
    if (out->b > 0) {
        out->a = -out->b;
        return true;
    }
    if (!two_numbers(k, v, &out->a, &out->b)) return false;
    if (strcmp(name, "normal") == 0) out->kind = INIT_NORMAL;
    bool bad = out->kind == INIT_NORMAL ? out->b < 0 : out->a > out->b;
    if (bad)
        diag_add(k->diags, E_RANGE, v->span, out->kind == INIT_NORMAL ? "a deviation below 0" : "uniform(low, high) with low above high");
    return !bad;
}

/* Sizes in [ ]: whole numbers of at least 1. */
static bool weight_dims(Check *k, Scope *scope, const Stmt *s, Shape *out)
{
    *out = (Shape){0};
    for (int i = 0; i < s->dims.count; i++) {
        Val *v = check_expr(k, scope, s->dims.at[i]);
        if (is_poison(v)) return false;
        if (v->kind != VAL_NUMBER || v->number < 1 || v->number > 1e6 || floor(v->number) != v->number || i == MAX_RANK) {
            diag_add(k->diags, E_RANGE, s->dims.at[i]->span, "a size must be a whole number from 1, with at most %d sizes", MAX_RANK);
            return false;
        }
        out->dim[out->rank++] = (int64_t)v->number;
    }
    return true;
}

static bool clamp_range(Check *k, Scope *scope, const Stmt *s, Tensor *p)
{
    if (!s->low) return true;
    Val *low = check_expr(k, scope, s->low), *high = check_expr(k, scope, s->high);
    if (is_poison(low) || is_poison(high)) return false;
    if (low->kind != VAL_NUMBER || high->kind != VAL_NUMBER || low->number > high->number) {
        diag_add(k->diags, E_RANGE, s->low->span, "a range is low .. high with two numbers, low first");
        return false;
    }
    p->clamped = true, p->low = low->number, p->high = high->number;
    return true;
}

/* Elements of an array of weights as nested lists of run-time values. */
static Val *weight_elements(Check *k, Tensor *p, Shape dims, int depth, int64_t *next, Span span)
{
    if (depth == dims.rank) {
        Value *w = func_add(k->func, IR_WEIGHT, span, 0, NULL);
        w->param = p, w->index = (*next)++;
        return val_runtime(k, w, span);
    }
    Val *list = val_new(k, VAL_LIST, span);
    for (int64_t i = 0; i < dims.dim[depth]; i++) {
        Val *item = weight_elements(k, p, dims, depth + 1, next, span);
        vec_push(k->perm, &list->items, item);
    }
    return list;
}

static Shape joined_shape(const NodeSet *set, Shape dims, bool shared)
{
    Shape s = shared ? (Shape){0} : set->shape;
    if (s.rank + dims.rank > MAX_RANK) s = shape_vector(set->size);
    for (int i = 0; i < dims.rank && s.rank < MAX_RANK; i++) s.dim[s.rank++] = dims.dim[i];
    if (s.rank == 0) s = shape_vector(1);
    return s;
}

static const char *weight_name(Check *k, const char *name)
{
    const char *full = arena_printf(k->perm, "%s.%s", k->prefix, name);
    for (int n = 2;; n++) {
        bool taken = false;
        for (int i = 0; i < k->model->params.count; i++)
            if (strcmp(k->model->params.at[i]->name, full) == 0) taken = true;
        if (!taken) return full;
        full = arena_printf(k->perm, "%s.%s_%d", k->prefix, name, n);
    }
}

Val *declare_weight(Check *k, Scope *scope, const Stmt *s)
{
    Shape dims;
    Val *start = check_expr(k, scope, s->value);
    if (!weight_dims(k, scope, s, &dims) || is_poison(start)) return val_poison(k);
    if (k->mode == MODE_CONST && dims.rank == 0 && start->kind == VAL_NUMBER) return start; /* tests of plain values */
    if (k->mode != MODE_CELL) {
        diag_add(k->diags, E_PLACE, s->span, "a weight belongs to a node function; here is none");
        return val_poison(k);
    }
    Tensor *p = model_param(k->model, weight_name(k, s->name.text), joined_shape(k->set, dims, s->shared), s->span);
    int64_t parts = shape_size(dims), next = 0;
    p->learned = true, p->shared = s->shared, p->components = parts, p->decay = 1;
    if (!init_of(k, start, (double)parts, (double)parts, &p->init) || !clamp_range(k, scope, s, p)) return val_poison(k);
    if (p->init.kind == INIT_ORTHOGONAL && dims.rank < 2) {
        diag_add(k->diags, E_KIND, start->span, "orthogonal needs a weight with two sizes or more");
        return val_poison(k);
    }
    vec_push(k->perm, &k->set->weights, p);
    return weight_elements(k, p, dims, 0, &next, s->span);
}

static const char *function_name(const Val *f) { return f->builtin ? f->builtin->name : f->decl->name.text; }

void build_cell(Check *k, Graph *g, int set, Val *function)
{
    NodeSet *s = &g->sets.at[set];
    Check saved = *k;
    k->mode = MODE_CELL, k->graph = g, k->set = s;
    s->cell_name = function_name(function);
    k->prefix = arena_printf(k->perm, "%s.%s.%s", g->name, s->name, s->cell_name);
    k->func = func_new(k->perm, k->prefix);
    Value *sum = func_add(k->func, IR_ARG, function->span, 0, NULL);
    Val *v = apply(k, function, val_runtime(k, sum, function->span), function->span);
    Func *f = k->func;
    Value *result = is_poison(v) ? NULL : val_value(k, v, "the value of a node");
    if (result && result->is_bool) {
        diag_add(k->diags, E_KIND, function->span, "a node function gives a number; '%s' gives a condition", s->cell_name);
        result = NULL;
    }
    k->mode = saved.mode, k->graph = saved.graph, k->set = saved.set, k->prefix = saved.prefix, k->func = saved.func;
    if (!result) return;
    func_result(f, "value", result);
    func_prune(f);
    s->cell = f;
    s->cell_back = grad_cell(k->perm, f);
    func_prune(s->cell_back);
}
