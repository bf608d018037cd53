/* check_norm.c: batch_norm in node functions (model.h, Norm): (x - mean) / sqrt(variance + eps) * scale +
 * shift, with statistics of each node over the samples of the step and its pixels (Ioffe & Szegedy 2015, with
 * a node in the place of a feature map), and of each step of a graph that runs in steps.
 */
#include "check.h"
#include "timed.h"

/* "Wiring.h.Channel.batch_norm", and _2, _3 for more in one function. */
static const char *norm_name(Check *k)
{
    int count = k->set->norms.count + 1;
    return arena_printf(k->perm, count > 1 ? "%s.batch_norm_%d" : "%s.batch_norm", k->prefix, count);
}

/* One number a node, which starts at `start`; kept statistics: at each of `steps`. */
static Tensor *norm_tensor(Check *k, const char *name, const char *part, double start, int64_t steps,
                           Span span)
{
    Shape s = k->set->shape, all = {s.rank + 1, {steps}};
    for (int i = 0; i < s.rank && s.rank < MAX_RANK; i++) all.dim[1 + i] = s.dim[i];
    if (s.rank == MAX_RANK) all = (Shape){2, {steps, k->set->size}};
    Tensor *p = model_param(k->model, arena_printf(k->perm, "%s.%s", name, part), steps > 1 ? all : s, span);
    p->components = 1;
    p->init = (Init){.kind = INIT_CONSTANT, .a = start};
    return p;
}

static Tensor *learned_tensor(Check *k, const char *name, const char *part, double start, Span span)
{
    Tensor *p = norm_tensor(k, name, part, start, 1, span);
    p->learned = true, p->decay = 1;
    vec_push(k->perm, &k->set->weights, p);
    return p;
}

static Value *leaf(Check *k, OpCode op, Tensor *p, int64_t index, Span span)
{
    Value *v = func_add(k->func, op, span, 0, NULL);
    v->param = p, v->index = index;
    return v;
}

static Value *binary(Check *k, OpCode op, Span span, Value *a, Value *b)
{
    return func_add(k->func, op, span, 2, (Value *[]){a, b});
}

static Val *normalised(Check *k, Norm n, double eps)
{
    const char *name = norm_name(k);
    int64_t at = 4 * k->set->norms.count;
    Span span = n.span;
    Tensor *scale = learned_tensor(k, name, "scale", 1, span),
           *shift = learned_tensor(k, name, "shift", 0, span);
    n.mean = norm_tensor(k, name, "mean", 0, n.steps, span);
    n.variance = norm_tensor(k, name, "variance", 1, n.steps, span);
    vec_push(k->perm, &k->set->norms, n);
    Value *m = leaf(k, IR_STATISTIC, n.mean, at, span), *v = leaf(k, IR_STATISTIC, n.variance, at + 1, span);
    Value *safe = binary(k, IR_ADD, span, v, func_const(k->func, eps));
    Value *deviation = func_add(k->func, IR_SQRT, span, 1, &safe), *w = leaf(k, IR_WEIGHT, scale, 0, span);
    Value *factor = binary(k, IR_DIV, span, w, deviation), *centred = binary(k, IR_SUB, span, n.x, m);
    Value *y = binary(k, IR_MUL, span, centred, factor), *b = leaf(k, IR_WEIGHT, shift, 0, span);
    return val_runtime(k, binary(k, IR_ADD, span, y, b), span);
}

/* Where all samples are at one point together. */
static bool place_is_right(Check *k, Span span)
{
    bool solver = k->timed && (is_flow(k->graph) || k->graph->time.implicit > 0);
    if (!k->in_edge && !solver) return true;
    Diag *d =
        diag_add(k->diags, E_PLACE, span,
                 k->in_edge ? "batch_norm has statistics of a node, and this is the function of edges"
                            : "batch_norm needs all samples at one time, and a solver takes those of each "
                              "tile through time on their own");
    diag_help(d, k->in_edge ? "put it into the function of the nodes that the edges lead to"
                            : "time = steps(n) or static; or instance_norm, of maps");
    return false;
}

Val *cell_batch_norm(Check *k, Val **a, Span span)
{
    Norm n = {.span = span, .steps = 1};
    double eps;
    if (val_is_poison(a[0]) || !number_between(k, a[1], "momentum", 0, 1, &n.momentum) ||
        !number_between(k, a[2], "eps", 1e-30, 1, &eps) || !place_is_right(k, span))
        return val_poison(k);
    if (a[0]->kind != VAL_RUNTIME || a[0]->value->is_bool) {
        diag_add(k->diags, E_KIND, a[0]->span, "batch_norm works on what a node receives; this is %s",
                 a[0]->kind == VAL_RUNTIME ? "a condition" : val_kind_text(a[0]));
        return val_poison(k);
    }
    if (k->set->norms.count == MOST_NORMS) {
        diag_add(k->diags, E_RANGE, span, "a node function has at most %d batch_norm", MOST_NORMS);
        return val_poison(k);
    }
    if (k->timed) n.steps = k->graph->time.positions * k->graph->time.steps;
    if ((double)n.steps * (double)k->set->size > (double)MOST_NUMBERS) {
        diag_add(k->diags, E_MEMORY, span,
                 "batch_norm keeps statistics of %lld nodes at %lld steps; the most is %d",
                 (long long)k->set->size, (long long)n.steps, MOST_NUMBERS);
        return val_poison(k);
    }
    n.x = a[0]->value, n.pixels = graph_copies(k->graph) * shape_size(n.x->shape);
    return normalised(k, n, eps);
}

static bool has_statistic(const Func *f, int64_t index)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_STATISTIC && f->values.at[i]->index == index) return true;
    return false;
}

bool norms_used(Check *k, NodeSet *s, const Func *f)
{
    for (int i = 0; i < s->norms.count; i++) {
        Norm *n = &s->norms.at[i];
        Value **map = NEW_ARRAY(k->perm, Value *, (size_t)f->values.count + 1);
        if (!has_statistic(f, 4 * i)) {
            Diag *d = diag_add(k->diags, E_PLACE, n->span,
                               f == s->move ? "what this batch_norm gives moves no state of '%s'"
                                            : "what this batch_norm gives is not used by '%s'",
                               s->cell_name);
            diag_help(d, f == s->move ? "put it where a state moves: next s = batch_norm(z)" : "take it out");
            return false;
        }
        n->input = func_copy(k->perm, f, arena_printf(k->perm, "%s.norm%d", f->name, i), map);
        func_result(n->input, "x", map[n->x->id]);
        func_prune(n->input);
    }
    return true;
}

bool norms_moved(Check *k, const NodeSet *s, const Func *sent)
{
    for (int i = 0; i < s->norms.count; i++) {
        if (!has_statistic(sent, 4 * i)) continue;
        Diag *d = diag_add(
            k->diags, E_PLACE, s->norms.at[i].span,
            "batch_norm stands where a state moves, and this one is in what a node of '%s' sends", s->name);
        diag_help(d, "let a state take it: next s = batch_norm(z)");
        return false;
    }
    return true;
}
