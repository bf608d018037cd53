/* cell_norm.c: batch_norm in functions of nodes and edges (model.h, Norm): (x - mean) / sqrt(variance + eps)
 * * scale + shift, with statistics of each node over the samples of the step and its pixels (Ioffe & Szegedy
 * 2015, with a node in the place of a feature map), and of each evaluation of a graph in time.
 *
 * In functions of edges statistics are of each candidate, in use or not: of what its own weights make of the
 * source's value. So its gradient is that of the function as if it were in use, and when it comes into use
 * its kept statistics are those of its present weights.
 */
#include "check/cell.h"
#include "model/timed.h"

/* "Wiring.h.Channel.batch_norm", and _2, _3 for more in one function. */
static const char *norm_name(Check *k)
{
    int count = k->cell->set->cell.norms.count + 1;
    return arena_printf(k->perm, count > 1 ? "%s.batch_norm_%d" : "%s.batch_norm", k->cell->prefix, count);
}

/* One number a node (or candidate), which starts at `start`; kept statistics: at each of `times` evaluations.
 */
static Tensor *norm_tensor(Check *k, const char *name, const char *part, double start, int64_t times,
                           Span span)
{
    Shape s = k->cell->set->shape, all = {s.rank + 1, {times}};
    for (int i = 0; i < s.rank && s.rank < MAX_RANK; i++) all.dim[1 + i] = s.dim[i];
    if (s.rank == MAX_RANK) all = (Shape){2, {times, k->cell->set->size}};
    Tensor *p = model_param(k->model, arena_printf(k->perm, "%s.%s", name, part), times > 1 ? all : s, span);
    p->components = 1;
    p->init = (InitSpec){.kind = INIT_CONSTANT, .a = start};
    return p;
}

static Tensor *learned_tensor(Check *k, const char *name, const char *part, double start, Span span)
{
    Tensor *p = norm_tensor(k, name, part, start, 1, span);
    p->learned = true;
    vec_push(k->perm, &k->cell->set->weights, p);
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
    int64_t at = 4 * k->cell->set->cell.norms.count;
    Span span = n.span;
    n.scale = learned_tensor(k, name, "scale", 1, span), n.shift = learned_tensor(k, name, "shift", 0, span);
    n.mean = norm_tensor(k, name, "mean", 0, n.evaluations, span);
    n.variance = norm_tensor(k, name, "variance", 1, n.evaluations, span);
    vec_push(k->perm, &k->cell->set->cell.norms, n);
    Value *m = leaf(k, IR_STATISTIC, n.mean, at, span), *v = leaf(k, IR_STATISTIC, n.variance, at + 1, span);
    Value *safe = binary(k, IR_ADD, span, v, func_const(k->func, eps));
    Value *deviation = func_add(k->func, IR_SQRT, span, 1, &safe), *w = leaf(k, IR_WEIGHT, n.scale, 0, span);
    Value *factor = binary(k, IR_DIV, span, w, deviation), *centred = binary(k, IR_SUB, span, n.x, m);
    Value *y = binary(k, IR_MUL, span, centred, factor), *b = leaf(k, IR_WEIGHT, n.shift, 0, span);
    return val_runtime(k, binary(k, IR_ADD, span, y, b), span);
}

/* Where all samples are at one point together. */
static bool place_is_right(Check *k, Span span)
{
    const Time *time = &k->cell->graph->time;
    const char *wrong, *help;
    const bool copies = k->cell->of_edge && graph_copies(k->cell->graph) > 1;
    if (!copies && (!is_timed(k->cell->graph) || (!time->adaptive && !time->adjoint))) return true;
    if (copies) {
        wrong = "batch_norm of edges has statistics of one value per candidate, and a static graph under "
                "scan has one at each position";
        help = "give the graph time = steps(1), with a function of its output; or put batch_norm into the "
               "functions of nodes";
    } else if (time->adaptive) {
        wrong = "batch_norm needs all samples at the same time, and a solver with adaptive steps gives each "
                "its own times";
        help = "use a solver with fixed steps, such as rk4(20); or instance_norm, on maps";
    } else {
        wrong = "batch_norm needs all samples at the same time, and the adjoint gradient integrates each "
                "tile separately";
        help = "remove gradient = adjoint; or use instance_norm, on maps";
    }
    diag_help(diag_add(k->diags, E_PLACE, span, "%s", wrong), "%s", help);
    return false;
}

Val *cell_batch_norm(Check *k, Val **a, Span span)
{
    Norm n = {.span = span, .evaluations = 1, .size = k->cell->set->size};
    double eps;
    if (k->positions_padded) return no_norm_of_padded(k, span);
    if (val_is_poison(a[0]) || !number_between(k, a[1], "momentum", 0, 1, &n.momentum) ||
        !number_between(k, a[2], "eps", 1e-30, 1, &eps) || !place_is_right(k, span))
        return val_poison(k);
    if (a[0]->kind != VAL_RUNTIME || a[0]->value->is_bool) {
        diag_add(k->diags, E_KIND, a[0]->span, "batch_norm works on values of the network; this is %s",
                 a[0]->kind == VAL_RUNTIME ? "a condition" : val_kind_text(a[0]));
        return val_poison(k);
    }
    if (k->cell->set->cell.norms.count == MAX_NORMS) {
        diag_add(k->diags, E_RANGE, span, "a function has at most %d batch_norm", MAX_NORMS);
        return val_poison(k);
    }
    if (is_timed(k->cell->graph)) n.evaluations = timed_evaluations(k->cell->graph);
    if ((double)n.evaluations * (double)k->cell->set->size > (double)MOST_NUMBERS) {
        diag_add(k->diags, E_MEMORY, span,
                 "batch_norm keeps statistics of %lld %s at %lld evaluations; the most is %d",
                 (long long)k->cell->set->size, k->cell->of_edge ? "candidates" : "nodes",
                 (long long)n.evaluations, MOST_NUMBERS);
        return val_poison(k);
    }
    n.x = a[0]->value, n.pixels = graph_copies(k->cell->graph) * shape_size(n.x->shape);
    return normalised(k, n, eps);
}

/* Where it belongs in a graph in time. */
static const char *norm_place(Check *k, const Graph *g)
{
    return arena_printf(k->perm, "put it in the update of a state: %s = batch_norm(z)",
                        is_flow(g) || g->time.implicit > 0 ? "s'" : "next s");
}

static bool has_statistic(const Func *f, int64_t index)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_STATISTIC && f->values.at[i]->index == index) return true;
    return false;
}

bool norms_used(Check *k, const Graph *g, NodeSet *s, const Func *f)
{
    for (int i = 0; i < s->cell.norms.count; i++) {
        Norm *n = &s->cell.norms.at[i];
        Value **map = NEW_ARRAY(k->perm, Value *, (size_t)f->values.count + 1);
        if (!has_statistic(f, 4 * i)) {
            Diag *d = diag_add(k->diags, E_PLACE, n->span,
                               is_timed(g) ? "the value of this batch_norm updates no state of '%s'"
                                           : "the value of this batch_norm is not used by '%s'",
                               s->cell_name);
            diag_help(d, "%s", is_timed(g) ? norm_place(k, g) : "omit it");
            return false;
        }
        n->input = func_copy(k->perm, f, arena_printf(k->perm, "%s.norm%d", f->name, i), map);
        func_result(n->input, "x", map[n->x->id]);
        func_prune(n->input);
    }
    return true;
}

bool is_of_norm(const NodeSet *s, const Tensor *weight)
{
    for (int i = 0; i < s->cell.norms.count; i++)
        if (s->cell.norms.at[i].scale == weight || s->cell.norms.at[i].shift == weight) return true;
    return false;
}

bool norms_moved(Check *k, const Graph *g, const NodeSet *s, const Func *sent)
{
    for (int i = 0; i < s->cell.norms.count; i++) {
        if (!has_statistic(sent, 4 * i)) continue;
        Diag *d = diag_add(k->diags, E_PLACE, s->cell.norms.at[i].span,
                           "batch_norm is allowed in the update of a state; this one is in the value that a "
                           "node of '%s' sends",
                           s->name);
        diag_help(d, "%s", norm_place(k, g));
        return false;
    }
    return true;
}
