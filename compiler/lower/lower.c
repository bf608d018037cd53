/* lower.c: what each layer is in simpler operators. See lower.h.
 *
 * dropout: x 1{u >= p} / (1 - p), u uniform per element, in training; x in use.
 *
 * noise: deviation sqrt(-2 log(1 - u)) cos(2 pi v), u and v uniform per element (Box & Muller 1958), in
 * training; 0 in use.
 *
 * layer_norm: (x - mean x) / sqrt(var x + eps) * scale + shift, over the elements of a sample (Ba et al.
 * 2016).
 *
 * batch_norm: the same over the samples of the step, and over the pixels of maps, in training (Ioffe &
 * Szegedy 2015); with kept statistics in use.
 *
 * A graph whose functions have a batch_norm keeps it; in training it gives the statistics of the step,
 * and the kept ones follow from them.
 *
 * softmax: exp(x - max x) / sum exp(x - max x).
 */
#include "lower/lower.h"
#include "base/diag.h"
#include "ir/op.h"
#include "model/timed.h"

typedef struct Lower {
    Model *model;
    Func *f;
    bool training;
    Value **map; /* by number in the body */
    Vec(Value *) updates;
    Vec(const char *) update_names;
} Lower;

#define U(op, x)    func_unary(l->f, IR_##op, x)
#define B(op, x, y) func_binary(l->f, IR_##op, x, y)
#define N(x)        func_const(l->f, x)

/* Under scan a layer has the values of all positions: then x has one index more than the part that the layer
 * works on, which has `rank`, or that and two for the pixels of maps. */
static bool has_positions(const Value *x, int rank)
{
    return (x->shape.rank - rank) % 2 == 1;
}

/* A number a channel, for each pixel of maps and each position of `whole`. */
static Value *spread(Lower *l, Value *x, Shape whole)
{
    if (x->shape.rank == 0) return x;
    Shape all = {x->shape.rank + (whole.rank - x->shape.rank) % 2, {0}};
    for (int i = 0; i < all.rank; i++) all.dim[i] = whole.dim[i];
    return broadcast(l->f, broadcast(l->f, x, all, 0), whole, all.rank);
}

/* Sum, or maximum, over the elements of a sample; with positions over those of each. */
static Value *over_elements(Lower *l, OpCode op, Value *x, bool positions)
{
    return reduce(l->f, op, x, positions, x->shape.rank - positions);
}

/* Its opposite: a number, or one for each position, for all elements of x. */
static Value *to_elements(Lower *l, Value *number, const Value *x)
{
    return number->shape.rank ? broadcast(l->f, number, x->shape, 1) : number;
}

static Value *deviation(Lower *l, Value *variance, const Value *layer)
{
    return U(SQRT, B(ADD, variance, N(layer->number)));
}

/* 1 / deviation: few numbers are divided, many multiplied. */
static Value *inverse(Lower *l, Value *variance, const Value *layer)
{
    return B(DIV, N(1), deviation(l, variance, layer));
}

static Value *scaled(Lower *l, Value *centred, Value *inverses, const Value *layer)
{
    Shape s = centred->shape;
    Value *y = B(MUL, centred, inverses), *scale = spread(l, l->map[layer->args[1]->id], s);
    y = B(MUL, y, scale);
    return B(ADD, y, spread(l, l->map[layer->args[2]->id], s));
}

static Value *lower_layer_norm(Lower *l, const Value *v)
{
    Value *x = l->map[v->args[0]->id];
    bool each = has_positions(x, v->args[1]->shape.rank);
    Value *n = N(1.0 / (double)shape_size(v->args[1]->shape));
    Value *centred = B(SUB, x, to_elements(l, B(MUL, over_elements(l, IR_REDUCE_SUM, x, each), n), x));
    Value *variance = B(MUL, over_elements(l, IR_REDUCE_SUM, B(MUL, centred, centred), each), n);
    return scaled(l, centred, to_elements(l, inverse(l, variance, v), x), v);
}

static void update(Lower *l, Value *old, Value *new, double momentum)
{
    Value *stays = B(MUL, N(1 - momentum), old), *comes = B(MUL, N(momentum), new), *v = B(ADD, stays, comes);
    vec_push(l->f->arena, &l->updates, v);
    vec_push(l->f->arena, &l->update_names, arena_printf(l->f->arena, "set %s", old->param->name));
}

/* The kept mean and variance move to those of the step, taken of so many numbers of each sample. The variance
 * that is kept is the unbiased estimate, as is usual; a single number has none. */
static void move_kept(Lower *l, Value *const *kept, Value *const *now, int64_t numbers, double momentum)
{
    Value *count = func_add(l->f, IR_COUNT, kept[0]->span, 0, NULL), *one = N(1);
    count = B(MUL, count, N((double)numbers));
    if (numbers == 1) l->model->norm_of_samples = true;
    Value *unbiased = B(DIV, count, B(MAX, B(SUB, count, one), one));
    update(l, kept[0], now[0], momentum);
    update(l, kept[1], B(MUL, now[1], unbiased), momentum);
}

/* Over the samples of the step, the pixels of maps and the positions: numbers a channel. */
static Value *moments_step(Lower *l, Value *x, Shape channels)
{
    for (int i = 0; has_positions(x, channels.rank) && i < channels.rank; i++) x = transpose(l->f, x, i);
    return moments(l->f, x, channels);
}

/* Of a frozen model: x times a number a channel, and one added (freeze_norm.c). */
static Value *lower_known_norm(Lower *l, const Value *v)
{
    Value *x = l->map[v->args[0]->id], *mean = l->map[v->args[3]->id], *variance = l->map[v->args[4]->id];
    Value *factor = B(DIV, l->map[v->args[1]->id], deviation(l, variance, v));
    Value *shift = B(SUB, l->map[v->args[2]->id], B(MUL, mean, factor));
    Value *y = B(MUL, x, spread(l, factor, x->shape));
    return B(ADD, y, spread(l, shift, x->shape));
}

static Value *lower_batch_norm(Lower *l, const Value *v)
{
    Value *x = l->map[v->args[0]->id], *mean = l->map[v->args[3]->id], *variance = l->map[v->args[4]->id];
    int64_t others = shape_size(x->shape) / shape_size(mean->shape); /* pixels and positions */
    if (l->model->frozen) return lower_known_norm(l, v);
    if (!l->training) {
        Value *centred = B(SUB, x, spread(l, mean, x->shape));
        return scaled(l, centred, spread(l, inverse(l, variance, v), x->shape), v);
    }
    Value *both = moments_step(l, x, mean->shape);
    Value *now[2] = {moments_part(l->f, both, 0), moments_part(l->f, both, 1)};
    move_kept(l, (Value *[]){mean, variance}, now, others, v->extra);
    Value *centred = B(SUB, x, spread(l, now[0], x->shape));
    return scaled(l, centred, spread(l, inverse(l, now[1], v), x->shape), v);
}

/* Uniform numbers of one stream, for each sample and element of x. */
static Value *uniform(Lower *l, const Value *v, const Value *x, int64_t stream)
{
    Value *u = func_add(l->f, IR_RANDOM, v->span, 0, NULL);
    u->shape = x->shape;
    u->index = stream;
    return u;
}

static Value *lower_noise(Lower *l, const Value *v)
{
    static const double turn = 6.283185307179586;
    Value *x = l->map[v->args[0]->id];
    if (!l->training || v->number == 0) /* zeros of the same shape, whatever x holds */
        return func_add(l->f, IR_SELECT, v->span, 3, (Value *[]){B(LT, x, x), x, N(0)});
    Value *u = uniform(l, v, x, v->index), *angle = B(MUL, uniform(l, v, x, v->index + 1), N(turn));
    Value *length = U(SQRT, B(MUL, U(LOG, B(SUB, N(1), u)), N(-2 * v->number * v->number)));
    return B(MUL, length, U(COS, angle));
}

static Value *lower_dropout(Lower *l, const Value *v)
{
    Value *x = l->map[v->args[0]->id];
    if (!l->training || v->number == 0) return x;
    Value *u = uniform(l, v, x, v->index);
    Value *dropped = B(LT, u, N(v->number)), *zero = N(0), *kept = B(MUL, x, N(1 / (1 - v->number)));
    return func_add(l->f, IR_SELECT, v->span, 3, (Value *[]){dropped, zero, kept});
}

static Value *lower_softmax(Lower *l, const Value *v)
{
    Value *x = l->map[v->args[0]->id];
    bool each = has_positions(x, 1);
    Value *e = U(EXP, B(SUB, x, to_elements(l, over_elements(l, IR_REDUCE_MAX, x, each), x)));
    return B(DIV, e, to_elements(l, over_elements(l, IR_REDUCE_SUM, e, each), x));
}

static Value *copied(Lower *l, Func *f, const Value *v)
{
    Value **args = NEW_ARRAY(f->arena, Value *, (size_t)v->arg_count);
    for (int i = 0; i < v->arg_count; i++) args[i] = l->map[v->args[i]->id];
    Value *c = func_add(f, v->op, v->span, v->arg_count, args);
    c->shape = v->shape, c->is_bool = v->is_bool, c->per_sample = v->per_sample;
    c->number = v->number, c->index = v->index, c->param = v->param, c->graph = v->graph,
    c->window = v->window;
    return c;
}

static Value *kept(Lower *l, const Value *v, Tensor *p)
{
    Value *old = func_add(l->f, IR_PARAM, v->span, 0, NULL);
    old->param = p, old->shape = p->shape;
    return old;
}

static Value *found(Lower *l, Value *wired, const Tensor *p, int64_t first)
{
    Value *now = U(WIRED_STATISTIC, wired);
    now->shape = p->shape, now->index = first;
    return now;
}

/* Statistics of the step move the kept ones. */
static void lower_norm(Lower *l, Value *wired, const Value *v, const Norm *n)
{
    Value *now[2] = {found(l, wired, n->mean, norm_at(n, 0, 0)),
                     found(l, wired, n->variance, norm_at(n, 1, 0))};
    move_kept(l, (Value *[]){kept(l, v, n->mean), kept(l, v, n->variance)}, now, n->pixels, n->momentum);
}

/* With batch_norm in functions of nodes or edges: those of all of them. */
static Value *lower_wired(Lower *l, const Value *v)
{
    Value *w = copied(l, l->f, v);
    if (!l->training) w->arg_count -= wired_noises(v); /* nodes read 0 */
    w->batch = l->training && v->graph->statistics > 0;
    for (int s = 0; s < v->graph->sets.count && w->batch; s++)
        for (int i = 0; i < v->graph->sets.at[s].cell.norms.count; i++)
            lower_norm(l, w, v, &v->graph->sets.at[s].cell.norms.at[i]);
    for (int b = 0; b < v->graph->bundles.count && w->batch; b++) {
        const EdgeFn *e = v->graph->bundles.at[b].edge;
        for (int i = 0; e && i < e->fn.norms.count; i++) lower_norm(l, w, v, &e->fn.norms.at[i]);
    }
    return w;
}

static Value *lower_value(Lower *l, const Value *v)
{
    switch (v->op) {
    case IR_DROPOUT: return lower_dropout(l, v);
    case IR_NOISE: return lower_noise(l, v);
    case IR_LAYER_NORM: return lower_layer_norm(l, v);
    case IR_BATCH_NORM: return lower_batch_norm(l, v);
    case IR_SOFTMAX: return lower_softmax(l, v);
    case IR_WIRED: return lower_wired(l, v);
    default: return copied(l, l->f, v);
    }
}

/* A cost of the step: of one sample where it is of values, else one number. */
static Value *lower_cost(Lower *l, const Cost *cost)
{
    Value *sum = NULL;
    for (int i = 0; i < cost->parts.count; i++) {
        Value *part = l->map[cost->parts.at[i]->id];
        sum = sum ? B(ADD, sum, part) : part;
    }
    return sum;
}

/* The sum over the samples of a loss with one result. */
static Value *lower_loss(Lower *l, const Func *loss, Value *output, Value *const *costs)
{
    const bool training = l->training;
    Lower inner = {.model = l->model, .f = l->f, .training = training};
    inner.map = NEW_ARRAY(l->f->arena, Value *, (size_t)loss->values.count);
    for (int i = 0; i < loss->values.count; i++) {
        const Value *v = loss->values.at[i];
        if (v->op == IR_ARG && v->index == LOSS_PREDICTION) inner.map[i] = output;
        else if (v->op == IR_ARG && v->index == LOSS_THERE) inner.map[i] = l->map[l->model->there->id];
        else if (v->op == IR_ARG && v->index >= LOSS_COSTS)
            inner.map[i] = training ? costs[v->index - LOSS_COSTS] : NULL; /* evaluation reads none */
        else if (v->op == IR_ARG) {
            inner.map[i] = func_add(l->f, IR_TARGET, v->span, 0, NULL);
            inner.map[i]->shape = v->shape;
        } else inner.map[i] = lower_value(&inner, v);
    }
    Value *each = inner.map[loss->results.at[0]->id];
    if (!each->per_sample)
        each = func_binary(l->f, IR_MUL, each, func_add(l->f, IR_VALID, each->span, 0, NULL));
    return func_unary(l->f, IR_SUM_SAMPLES, each);
}

/* Training makes the whole sum small, the first result; evaluation measures its terms without costs and
 * schedules, the last one. */
static const Func *loss_alone(const Model *m, bool training)
{
    const Func *loss = m->loss;
    if (loss->results.count == 1) return loss;
    Value **map = NEW_ARRAY(m->perm, Value *, (size_t)loss->values.count);
    Func *one = func_copy(m->perm, loss, loss->name, map);
    const int result = training ? 0 : loss->results.count - 1;
    func_result(one, loss->result_names.at[result], map[loss->results.at[result]->id]);
    func_prune(one);
    return one;
}

static Value *mean_of_step(Lower *l, Value *sum)
{
    return B(DIV, sum, func_add(l->f, IR_COUNT, sum->span, 0, NULL));
}

static void train_results(Lower *l, const Model *m, Value *output)
{
    Value **costs = NEW_ARRAY(m->perm, Value *, (size_t)m->costs.count + 1);
    for (int i = 0; i < m->costs.count; i++) costs[i] = lower_cost(l, &m->costs.at[i]);
    func_result(l->f, "loss", mean_of_step(l, lower_loss(l, loss_alone(m, true), output, costs)));
    func_result(l->f, "output", output);
    for (int i = 0; i < l->updates.count; i++) func_result(l->f, l->update_names.at[i], l->updates.at[i]);
    for (int i = 0; i < m->costs.count; i++) {
        if (costs[i]->per_sample) costs[i] = mean_of_step(l, U(SUM_SAMPLES, costs[i]));
        func_result(l->f, arena_printf(m->perm, "cost %s", m->costs.at[i].name), costs[i]);
    }
}

static Func *lower_main(Model *m, bool training)
{
    Lower *l = NEW(m->perm, Lower);
    l->model = m, l->training = training;
    l->f = func_new(m->perm, arena_printf(m->perm, "%s.%s", m->name, training ? "train" : "infer"));
    l->map = NEW_ARRAY(m->perm, Value *, (size_t)m->body->values.count);
    for (int i = 0; i < m->body->values.count; i++) l->map[i] = lower_value(l, m->body->values.at[i]);
    Value *output = l->map[m->body->results.at[0]->id];
    if (training) train_results(l, m, output);
    else {
        func_result(l->f, "output", output);
        if (m->loss) func_result(l->f, "loss", lower_loss(l, loss_alone(m, false), output, NULL));
    }
    func_prune(l->f);
    return l->f;
}

Ir *lower(Model *m)
{
    Ir *ir = NEW(m->perm, Ir);
    ir->perm = m->perm;
    ir->model = m;
    for (int i = 1; i < m->graphs.count; i++)
        m->graphs.at[i]->first_bundle =
            m->graphs.at[i - 1]->first_bundle + m->graphs.at[i - 1]->bundles.count;
    if (m->trained) ir->train = lower_main(m, true);
    ir->infer = lower_main(m, false);
    return ir;
}
