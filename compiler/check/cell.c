/* cell.c: node functions: a fn applied to the sum of one node, with weights of its own. */
#include "check/cell.h"
#include "lower/grad.h"
#include <math.h>

static bool is_finite(Check *k, const Val *v, const char *what)
{
    if (v->kind == VAL_NUMBER && isfinite(v->number)) return true;
    diag_add(k->diags, v->kind == VAL_NUMBER ? E_RANGE : E_KIND, v->span,
             "%s must be a finite number; this is %s", what, val_text(k, v));
    return false;
}

static bool two_numbers(Check *k, const Val *call, double *a, double *b)
{
    const Val *last = call->items.at[1];
    if (last->kind == VAL_NONE) /* a budget has one share: keep uniform(5%) */
        return diag_add(k->diags, E_ARGUMENT, call->span, "uniform needs low and high: uniform(0, 1)"), false;
    for (int i = 0; i < 2; i++)
        if (!is_finite(
                k, call->items.at[i],
                arena_printf(k->perm, "'%s' of %s", call->builtin->params[i].name, call->builtin->name)))
            return false;
    *a = call->items.at[0]->number, *b = call->items.at[1]->number;
    return true;
}

static bool choices(Check *k, const Val *call, InitSpec *out)
{
    out->kind = INIT_CHOICE, out->choices = NEW_ARRAY(k->perm, double, (size_t)call->items.count + 1);
    for (int i = 0; i < call->items.count; i++) {
        if (!is_finite(k, call->items.at[i], "a choice")) return false;
        out->choices[out->choice_count++] = call->items.at[i]->number;
    }
    if (call->items.count) return true;
    diag_add(k->diags, E_ARGUMENT, call->span, "choice needs at least one number");
    return false;
}

/* normal(mean, deviation) and uniform(low, high) */
static bool drawn(Check *k, const Val *v, InitSpec *out)
{
    out->kind = val_is(v, BUILTIN_normal) ? INIT_NORMAL : INIT_UNIFORM;
    if (!two_numbers(k, v, &out->a, &out->b)) return false;
    bool bad = out->kind == INIT_NORMAL ? out->b < 0 : out->a > out->b;
    if (bad && out->kind == INIT_NORMAL)
        diag_fix(diag_add(k->diags, E_RANGE, v->span, "a deviation of %.6g is below 0", out->b), v->span,
                 arena_printf(k->perm, "normal(%.6g, %.6g)", out->a, -out->b), "write ", "");
    else if (bad)
        diag_fix(diag_add(k->diags, E_RANGE, v->span,
                          "uniform(low, high) has its low of %.6g above its high of %.6g", out->a, out->b),
                 v->span, arena_printf(k->perm, "uniform(%.6g, %.6g)", out->b, out->a), "write ", "");
    return !bad;
}

static InitSpec uniform_within(double bound)
{
    return (InitSpec){.kind = INIT_UNIFORM, .a = -bound, .b = bound};
}

/* kaiming: U(-1/sqrt(fan_in), +)     he: N(0, sqrt(2/fan_in))  (He et al. 2015, eq. 10)
 * xavier: U(-sqrt(6/(fan_in + fan_out)), +)  (Glorot & Bengio 2010, eq. 16) */
static bool init_of(Check *k, Val *v, double fan_in, double fan_out, InitSpec *out)
{
    *out = (InitSpec){0};
    if (val_is_poison(v)) return false;
    v = described(k, v);
    if (v->kind == VAL_NUMBER) {
        *out = (InitSpec){.kind = INIT_CONSTANT, .a = v->number};
        return is_finite(k, v, "an initial value");
    }
    if (v->kind != VAL_CALL || v->builtin->kind != KIND_DIST) {
        if (v->kind == VAL_POISON) return false;
        Diag *d = diag_add(k->diags, E_KIND, v->span, "%s is not an initial value", val_kind_text(v));
        diag_help(d, "write = 0 for a constant, or ~ normal(0, 1) for a distribution");
        return false;
    }
    switch (v->builtin->id) {
    case BUILTIN_choice: return choices(k, v, out);
    case BUILTIN_kaiming: return *out = uniform_within(1 / sqrt(fan_in)), true;
    case BUILTIN_he: return *out = (InitSpec){.kind = INIT_NORMAL, .b = sqrt(2 / fan_in)}, true;
    case BUILTIN_xavier: return *out = uniform_within(sqrt(6 / (fan_in + fan_out))), true;
    case BUILTIN_orthogonal: return out->kind = INIT_ORTHOGONAL, true;
    default: return drawn(k, v, out);
    }
}

enum { MOST_COMPONENTS = 4096 }; /* of a weight of one node */

/* Sizes in [ ]: whole numbers of at least 1. */
static bool weight_dims(Check *k, Scope *scope, const Stmt *s, Shape *out)
{
    double parts = 1;
    *out = (Shape){0};
    for (int i = 0; i < s->dims.count; i++) {
        Val *v = check_expr(k, scope, s->dims.at[i]);
        if (val_is_poison(v)) return false;
        if (v->kind != VAL_NUMBER || !(v->number >= 1) || floor(v->number) != v->number || i == MAX_RANK) {
            diag_add(k->diags, E_RANGE, s->dims.at[i]->span,
                     "a weight has at most %d sizes, each a whole number from 1; this is %s", MAX_RANK,
                     val_text(k, v));
            return false;
        }
        if ((parts *= v->number) > MOST_COMPONENTS) {
            diag_add(k->diags, E_RANGE, s->dims.at[i]->span,
                     "weight '%s' has %.15g numbers per node; the most is %d", s->name.text, parts,
                     MOST_COMPONENTS);
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
    if (val_is_poison(low) || val_is_poison(high)) return false;
    Span range = span_join(s->low->span, s->high->span);
    if (low->kind != VAL_NUMBER || high->kind != VAL_NUMBER || !(low->number <= high->number)) {
        diag_add(k->diags, E_RANGE, range,
                 "a range is low .. high with two numbers, low first; this is %s .. %s", val_text(k, low),
                 val_text(k, high));
        return false;
    }
    if (p->init.kind == INIT_CONSTANT && (p->init.a < low->number || p->init.a > high->number)) {
        Diag *d = diag_add(k->diags, E_RANGE, s->value->span,
                           "weight '%s' starts at %.6g, which is not in %s .. %s", s->name.text, p->init.a,
                           val_text(k, low), val_text(k, high));
        diag_note(d, range, "the range is given here");
        return false;
    }
    p->clamped = true, p->low = low->number, p->high = high->number;
    return true;
}

/* Elements of an array of weights as nested lists of run-time values. */
static Val *weight_elements(Check *k, Tensor *p, Shape dims, int depth, int64_t *next, Span span)
{
    if (depth == MAX_RANK || depth == dims.rank) {
        Value *w = func_add(k->func, IR_WEIGHT, span, 0, NULL);
        w->param = p, w->index = (*next)++;
        return val_runtime(k, w, span);
    }
    Val *list = val_new(k, VAL_LIST, span);
    for (int64_t i = 0; i < dims.dim[depth]; i++)
        list_add(k, list, weight_elements(k, p, dims, depth + 1, next, span));
    return list_closed(k, list);
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
    return table_new_name(k->perm, &k->model->names, arena_printf(k->perm, "%s.%s", k->cell->prefix, name));
}

/* In a test, f(0.5) of a function with weights is its value at the start: every weight must start with a
 * constant. */
static Val *weight_at_start(Check *k, const Stmt *s, Shape dims, int depth, Val *start)
{
    start = described(k, start);
    if (start->kind != VAL_NUMBER) {
        Diag *d = diag_add(k->diags, E_PLACE, s->span,
                           "weight '%s' is drawn, so the function has no fixed value to test", s->name.text);
        diag_note(d, k->test.line, "the test that calls it is here");
        diag_help(d, "test its derivatives with gradcheck, or a function of numbers");
        return val_poison(k);
    }
    if (depth == dims.rank) return start;
    Val *list = val_new(k, VAL_LIST, s->span), *item = weight_at_start(k, s, dims, depth + 1, start);
    for (int64_t i = 0; i < dims.dim[depth]; i++) list_add(k, list, item);
    return list_closed(k, list);
}

/* For a node's weight alone; says so. */
static bool of_nodes(Check *k, const Val *v, const char *name)
{
    Diag *d = diag_add(k->diags, E_KIND, v->span, "%s is for weights of nodes; this is one of an edge", name);
    diag_help(d, "kaiming and he follow from the candidates into the target: ~ kaiming");
    return false;
}

/* kaiming and he of an edge's own weight follow from the candidates; false after a message. */
static bool edge_start(Check *k, Val *start, bool shared, InitSpec *out)
{
    Val *v = described(k, start);
    if (shared) return true;
    if (val_is(v, BUILTIN_kaiming)) *out = (InitSpec){.kind = INIT_FAN};
    if (val_is(v, BUILTIN_he)) *out = (InitSpec){.kind = INIT_HE};
    return !val_is(v, BUILTIN_xavier) || of_nodes(k, v, "xavier");
}

bool edge_weight_start(Check *k, Val *start, bool shared, InitSpec *out)
{
    if (!init_of(k, start, 1, 1, out)) return false;
    return out->kind == INIT_ORTHOGONAL ? of_nodes(k, start, "orthogonal")
                                        : edge_start(k, start, shared, out);
}

static Tensor *new_weight(Check *k, Scope *scope, const Stmt *s, Shape dims, Val *start)
{
    const bool shared = s->shared && !k->cell->spread;
    Tensor *p = model_param(k->model, weight_name(k, s->name.text), joined_shape(k->cell->set, dims, shared),
                            s->span);
    p->components = shape_size(dims);
    p->learned = true, p->shared = shared, p->tied = s->shared && k->cell->spread;
    if (!weight_traits(k, scope, s, p)) return NULL;
    if (!init_of(k, start, (double)p->components, (double)p->components, &p->init) ||
        (k->cell->of_edge && !edge_start(k, start, s->shared, &p->init)) || !clamp_range(k, scope, s, p))
        return NULL;
    if (p->init.kind == INIT_ORTHOGONAL && dims.rank < 2) {
        diag_add(k->diags, E_KIND, start->span, "orthogonal needs a weight with two sizes or more");
        return NULL;
    }
    vec_push(k->perm, &k->cell->set->weights, p);
    return p;
}

static Val *declare_weight(Check *k, Scope *scope, const Stmt *s)
{
    Shape dims;
    int64_t next = 0;
    Val *start = check_expr(k, scope, s->value);
    if (!weight_dims(k, scope, s, &dims) || val_is_poison(start)) return val_poison(k);
    if (k->mode == MODE_CONST && k->test.on) return weight_at_start(k, s, dims, 0, start);
    if (k->mode != MODE_CELL) {
        Diag *d = diag_add(k->diags, E_PLACE, s->span,
                           "weight '%s' has no node to belong to: its function is called %s", s->name.text,
                           k->mode == MODE_PREDICATE ? "in the condition of edges"
                           : k->mode == MODE_MODEL   ? "on numbers"
                                                     : "outside of a graph");
        diag_help(d, "use the function as a node function, such as nodes h[8] : F, or send a value of a "
                     "model to it with |>");
        return val_poison(k);
    }
    Tensor *p = new_weight(k, scope, s, dims, start);
    return p ? weight_elements(k, p, dims, 0, &next, s->span) : val_poison(k);
}

bool cell_line(Check *k, Scope *scope, const Decl *d, const Stmt *s)
{
    if (s->kind == STMT_COST) return cost_line(k, scope, s);
    if (s->kind != STMT_WEIGHT) return state_line(k, scope, d, s);
    scope_add(k, scope, s->name, declare_weight(k, scope, s));
    return true;
}

Func *cell_open(Check *k, CellBuild *here, const char *name)
{
    here->outer = k->cell, here->mode = k->mode, here->func = k->func;
    k->cell = here, k->mode = MODE_CELL, k->func = func_new(k->perm, name);
    k->func->of_cell = true;
    return k->func;
}

void cell_close(Check *k)
{
    const CellBuild *here = k->cell;
    k->cell = here->outer, k->mode = here->mode, k->func = here->func;
}

static const char *function_name(const Val *f)
{
    return f->builtin ? f->builtin->name : f->decl->name.text;
}

void node_open(Check *k, CellBuild *here, Graph *g, int set)
{
    *here = (CellBuild){.graph = g, .set = &g->sets.at[set]};
    here->prefix = arena_printf(k->perm, "%s.%s", g->name, here->set->name);
    cell_open(k, here, here->prefix);
}

void name_cell(Check *k, CellBuild *here, const Val *function)
{
    here->set->cell_name = function ? function_name(function) : "sum";
    here->prefix =
        arena_printf(k->perm, "%s.%s.%s", here->graph->name, here->set->name, here->set->cell_name);
    k->func->name = here->prefix;
}

void build_cell(Check *k, CellBuild *here, Val *function)
{
    Graph *g = here->graph;
    NodeSet *s = here->set;
    Func *f = k->func;
    name_cell(k, here, function);
    Val *v = apply_to_sums(k, s, function, f);
    Value *result = val_is_poison(v) ? NULL : val_value(k, v, "the value of a node");
    if (result && result->is_bool) {
        Diag *d = diag_add(k->diags, E_KIND, function->span,
                           "a node function gives a number; '%s' gives a condition", s->cell_name);
        diag_help(d, "choose a number by it: if x > 0 then 1 else 0");
        result = NULL;
    }
    if (result && s->learned) result = masked_node(k, result);
    cell_close(k);
    s->costs = cell_costs(k, here, f);
    if (!result) return;
    func_result(f, "value", result);
    func_prune(f);
    s->value_map = result->shape;
    s->cell.forward = f;
    CellArgument sums[MAX_PORTS];
    for (int i = 0; i < set_sums(s); i++) sums[i] = (CellArgument){SLOT_SUM + i, s->map};
    if (norms_used(k, g, s, f)) grad_cell(k->perm, &s->cell, set_sums(s), sums);
    else s->cell.forward = NULL;
}
