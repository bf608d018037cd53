/* layer.c: layers: what a model is written with, on tensors. */
#include "check/layer.h"
#include "common/plural.h"
#include "ir/op.h"
#include <math.h>

static Val *layer_input(Check *k, const Builtin *b, Val *x, Span span)
{
    if (val_is_poison(x)) return NULL;
    if (k->mode == MODE_MODEL && x->kind == VAL_RUNTIME) return x;
    Diag *d = diag_add(k->diags, E_PLACE, span, "'%s' is a layer: it works on the tensors of a model, not %s",
                       b->name,
                       k->mode == MODE_CELL        ? "inside a node function"
                       : k->mode == MODE_PREDICATE ? "in a condition"
                       : k->mode == MODE_MODEL     ? arena_printf(k->perm, "on %s", val_kind_text(x))
                                                   : "here");
    if (x->kind == VAL_LIST)
        diag_help(d, "choose one of its elements, [0] is the first; or add them up with sum(...)");
    else diag_help(d, "in a model: x |> %s", b->name);
    return NULL;
}

/* Statistics of batch_norm are one number a channel where x is maps. */
static Shape channels_of(Shape x)
{
    if (x.rank >= 3) x.rank -= 2;
    return x;
}

/* Layers over vectors: [n] only. */
static bool is_vector(Check *k, const Builtin *b, const Val *x, Span span)
{
    if (x->value->shape.rank == 1) return true;
    Diag *d = diag_add(k->diags, E_SHAPE, span, "'%s' takes a list of numbers [n] and is given %s", b->name,
                       shape_text(k->perm, x->value->shape));
    diag_note(d, x->value->span, "%s comes from here", shape_text(k->perm, x->value->shape));
    diag_help(d, "flatten it first: |> flatten |> %s", b->name);
    return false;
}

static Value *layer_param(Check *k, const char *name, Shape shape, double start, bool learned, Span span)
{
    Tensor *p = model_param(k->model, name, shape, span);
    p->learned = learned, p->components = 1;
    p->init = (InitSpec){.kind = INIT_CONSTANT, .a = start};
    Value *v = func_add(k->func, IR_PARAM, span, 0, NULL);
    v->param = p, v->shape = shape;
    return v;
}

/* Over the elements of x, or over the samples. */
static Val *norm(Check *k, const Builtin *b, Val **a, Span span)
{
    bool batch = b->id == BUILTIN_batch_norm;
    double momentum = 0, eps;
    Value *x = a[0]->value;
    if (batch && k->positions_padded) return no_norm_of_padded(k, span);
    if (x->shape.rank < 3 && !is_vector(k, b, a[0], span)) return val_poison(k);
    if (batch && !number_between(k, a[1], "momentum", 0, 1, &momentum)) return val_poison(k);
    if (!number_between(k, a[batch ? 2 : 1], "eps", 1e-30, 1, &eps)) return val_poison(k);
    const char *name = unique_name(k, b->name);
    Shape each = batch ? channels_of(x->shape) : x->shape;
    Value *args[5] = {x};
    args[1] = layer_param(k, arena_printf(k->perm, "%s.scale", name), each, 1, true, span);
    args[2] = layer_param(k, arena_printf(k->perm, "%s.shift", name), each, 0, true, span);
    for (int i = 1; i <= 2; i++) args[i]->param->part = part_of_channels(k, x);
    if (batch) {
        args[3] = layer_param(k, arena_printf(k->perm, "%s.mean", name), each, 0, false, span);
        args[4] = layer_param(k, arena_printf(k->perm, "%s.variance", name), each, 1, false, span);
    }
    Value *v = func_add(k->func, batch ? IR_BATCH_NORM : IR_LAYER_NORM, span, batch ? 5 : 3, args);
    v->number = eps;
    v->extra = momentum;
    return val_runtime(k, v, span);
}

static Val *reshaped(Check *k, Value *x, Shape shape, Span span)
{
    if (shape_equal(x->shape, shape)) return val_runtime(k, x, span);
    Value *v = func_add(k->func, IR_RESHAPE, span, 1, &x);
    v->shape = shape;
    return val_runtime(k, v, span);
}

static Val *flattened(Check *k, Value *x, Span span)
{
    Val *v = reshaped(k, x, shape_vector(shape_size(x->shape)), span);
    set_part(k, v->value, part_of_channels(k, x));
    if (is_given(k, x)) set_given(k, v->value);
    return v;
}

static bool truth(Check *k, const Val *v, const char *what)
{
    if (v->kind == VAL_BOOL) return true;
    if (!val_is_poison(v))
        diag_add(k->diags, E_KIND, v->span, "%s is true or false; this is %s", what, val_text(k, v));
    return false;
}

static Val *linear(Check *k, const Builtin *b, Val **a, Span span)
{
    DenseLayer d = {.groups = 1};
    Value *x = a[0]->value;
    if (!is_vector(k, b, a[0], span) ||
        !size_between(k, a[1], "the number of outputs", 1, limits.nodes, &d.out) || !truth(k, a[2], "bias"))
        return val_poison(k);
    d.bias = a[2]->number != 0;
    d.weight = (Shape){2, {d.out.most, x->shape.dim[0]}};
    return dense_layer(k, "linear", x, &d, a[3], span);
}

/* ---- convolution ---- */

static bool is_maps(Check *k, const Builtin *b, const Val *x, Span span)
{
    if (x->value->shape.rank == 3) return true;
    Diag *d = diag_add(k->diags, E_SHAPE, span, "'%s' takes maps [channels, rows, columns] and is given %s",
                       b->name, shape_text(k->perm, x->value->shape));
    diag_note(d, x->value->span, "%s comes from here", shape_text(k->perm, x->value->shape));
    return false;
}

/* Channels are cut into groups of one size. */
static bool groups_fit(Check *k, int64_t groups, int64_t count, const char *what, Span from, Span place)
{
    if (count % groups == 0) return true;
    Diag *d = diag_add(k->diags, E_SHAPE, place, "%lld groups do not divide %lld %s%s", (long long)groups,
                       (long long)count, what, plural(count, "s"));
    diag_note(d, from, "%lld %s%s from here", (long long)count, what, count == 1 ? " comes" : "s come");
    return false;
}

/* What each tap of each channel sees: [channels size size, rows, columns]. */
static Value *windows_of(Check *k, Value *x, Window w, Span span)
{
    Shape shape = map_windowed(IR_WINDOWS, x->shape, w);
    double numbers = 1;
    for (int i = 0; i < shape.rank; i++) numbers *= (double)shape.dim[i];
    if (w.size == 1 && w.stride == 1) return x;
    if (numbers <= MOST_NUMBERS) return map_value(k->func, IR_WINDOWS, span, (MapForm){shape, w}, 1, &x);
    diag_add(k->diags, E_MEMORY, span, "the windows of '%s' hold %.15g numbers per sample; the most is %d",
             "conv2d", numbers, MOST_NUMBERS);
    return NULL;
}

static Val *conv2d(Check *k, const Builtin *b, Val **a, Span span)
{
    DenseLayer d = {0};
    Window w = {.dilation = 1};
    Value *x = a[0]->value;
    if (!is_maps(k, b, a[0], span) ||
        !size_between(k, a[1], "the number of channels", 1, limits.nodes, &d.out) ||
        !whole_between(k, a[2], "the size of a filter", 1, LARGEST_STRIDE, &w.size) ||
        !whole_between(k, a[3], "a stride", 1, LARGEST_STRIDE, &w.stride) ||
        !whole_between(k, a[4], "the number of groups", 1, limits.nodes, &d.groups) ||
        !truth(k, a[5], "bias"))
        return val_poison(k);
    int64_t in = x->shape.dim[0];
    if (d.out.learned && d.groups > 1) {
        Diag *g = diag_add(k->diags, E_LATER, a[4]->span,
                           "channels in groups have a fixed number, not a learned size");
        diag_help(g, "depthwise has one filter for each channel of a learned number");
        return val_poison(k);
    }
    if (!groups_fit(k, d.groups, in, "channel", x->span, a[4]->span) ||
        !groups_fit(k, d.groups, d.out.most, "output", a[1]->span, a[4]->span))
        return val_poison(k);
    d.bias = a[5]->number != 0;
    d.weight = (Shape){4, {d.out.most, in / d.groups, w.size, w.size}};
    Value *seen = windows_of(k, x, w, span);
    if (seen) set_part(k, seen, part_of_channels(k, x));
    return seen ? dense_layer(k, "conv2d", seen, &d, a[6], span) : val_poison(k);
}

static Val *depthwise(Check *k, const Builtin *b, Val **a, Span span)
{
    Window w = {.dilation = 1};
    SizeOfLayer size;
    if (!is_maps(k, b, a[0], span) ||
        !size_between(k, a[1], "the size of a filter", 1, LARGEST_FILTER, &size) ||
        !whole_between(k, a[2], "a stride", 1, LARGEST_STRIDE, &w.stride) || !truth(k, a[3], "bias"))
        return val_poison(k);
    w.size = size.most;
    if (size.learned) size.learned->of_filter = true;
    if (size.learned && w.size % 2 == 0) {
        Diag *d = diag_add(k->diags, E_RANGE, a[1]->span,
                           "a learned filter has an odd size; this one is in %lld .. %lld",
                           (long long)size.learned->low, (long long)w.size);
        diag_note(d, size.learned->span, "it is declared here");
        return val_poison(k);
    }
    return depthwise_layer(k, a[0], &(FilterLayer){w, size.learned, a[3]->number != 0}, span);
}

static Val *dropout(Check *k, Val **a, Span span)
{
    double p;
    if (!number_between(k, a[1], "the probability of dropout", 0, 0.999999, &p)) return val_poison(k);
    Value *v = func_add(k->func, IR_DROPOUT, span, 1, &a[0]->value);
    v->number = p;
    v->index = k->made.dropouts++;
    return val_runtime(k, v, span);
}

/* Two random numbers an element (lower.c). */
static Val *noise(Check *k, Val **a, Span span)
{
    double deviation;
    if (!number_between(k, a[1], "the standard deviation of noise", 0, 1e6, &deviation)) return val_poison(k);
    Value *v = func_add(k->func, IR_NOISE, span, 1, &a[0]->value);
    v->number = deviation;
    v->index = k->made.dropouts, k->made.dropouts += 2;
    return val_runtime(k, v, span);
}

/* last: what stands at the last position; mean_time: the mean over positions. */
static Val *along_time(Check *k, const Builtin *b, Value *x, Span span)
{
    Shape part = {x->shape.rank - 1, {0}};
    if (x->shape.rank < 2) {
        Diag *d =
            diag_add(k->diags, E_SHAPE, span, "%s takes a sequence [positions, features] and is given %s",
                     b->name, shape_text(k->perm, x->shape));
        diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
        return val_poison(k);
    }
    if (is_padded(k, x))
        return val_runtime(k, b->id == BUILTIN_last ? last_there(k, x) : mean_there(k, x), span);
    if (b->id == BUILTIN_mean_time) {
        Value *sum = reduce(k->func, IR_REDUCE_SUM, x, 0, 1),
              *share = func_const(k->func, 1.0 / (double)x->shape.dim[0]);
        return val_runtime(k, func_add(k->func, IR_MUL, span, 2, (Value *[]){sum, share}), span);
    }
    for (int i = 0; i < part.rank; i++) part.dim[i] = x->shape.dim[i + 1];
    Value *v = func_add(k->func, IR_SLICE, span, 1, &x);
    v->shape = part;
    v->index = (x->shape.dim[0] - 1) * shape_size(part);
    return val_runtime(k, v, span);
}

/* Of all channels of x and y. */
static Value *joined_part(Check *k, const Value *x, const Value *y)
{
    Value *part[2] = {part_of_channels(k, x), part_of_channels(k, y)}, *sum = NULL;
    const double all = (double)(x->shape.dim[0] + y->shape.dim[0]);
    if (!part[0] && !part[1]) return NULL;
    for (int i = 0; i < 2; i++) {
        Value *share = func_const(k->func, (double)(i ? y : x)->shape.dim[0] / all),
              *of = part[i] ? func_binary(k->func, IR_MUL, part[i], share) : share;
        sum = sum ? func_binary(k->func, IR_ADD, sum, of) : of;
    }
    return sum;
}

/* Two lists of numbers one after the other, or the channels of a, then those of b. */
static Val *concat(Check *k, const Builtin *b, Val **a, Span span)
{
    if (!layer_input(k, b, a[1], span)) return val_poison(k);
    Value *x = a[0]->value, *y = a[1]->value;
    bool maps = x->shape.rank >= 3 && y->shape.rank >= 3;
    if (!maps && (!is_vector(k, b, a[0], span) || !is_vector(k, b, a[1], span))) return val_poison(k);
    Shape all = x->shape, other = y->shape;
    other.dim[0] = all.dim[0];
    if (!shape_equal(all, other)) {
        Diag *d = diag_add(k->diags, E_SHAPE, span, "concat joins channels of one size, not %s and %s",
                           shape_text(k->perm, x->shape), shape_text(k->perm, y->shape));
        diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
        diag_note(d, y->span, "%s comes from here", shape_text(k->perm, y->shape));
        return val_poison(k);
    }
    all.dim[0] += y->shape.dim[0];
    Value *v = func_add(k->func, IR_CONCAT, span, 2, (Value *[]){x, y});
    v->shape = all;
    set_part(k, v, joined_part(k, x, y));
    return val_runtime(k, v, span);
}

/* What was made since there were so many graphs and tensors is in use where `part` says. */
static void part_of_made(Check *k, int graphs, int params, Value *part)
{
    const Model *m = k->model;
    for (int i = graphs; i < m->graphs.count; i++)
        m->graphs.at[i]->part = part_times(k, m->graphs.at[i]->part, part);
    for (int i = params; i < m->params.count; i++)
        if (!m->params.at[i]->size_of_layers)
            m->params.at[i]->part = part_times(k, m->params.at[i]->part, part);
}

static bool place_of(Check *k, Val **a, LearnedSize **size, int64_t *place)
{
    *size = learned_size(k, a[2]);
    if (*size) return whole_between(k, a[3], "a place", 0, (*size)->high - 1, place);
    if (val_is_poison(a[2])) return false;
    Diag *d =
        diag_add(k->diags, E_KIND, a[2]->span, "within needs a learned size; this is %s", val_text(k, a[2]));
    diag_help(d, "declare it before: size depth in 1 .. 6 = 6");
    return false;
}

/* x + m (f(x) - x), m of place `place` of a size: f where it is in use, else x. */
static Val *within(Check *k, Val **a, Span span)
{
    LearnedSize *size;
    int64_t place;
    const int graphs = k->model->graphs.count, params = k->model->params.count;
    if (val_is_poison(a[1]) || !place_of(k, a, &size, &place)) return val_poison(k);
    Val *y = apply(k, a[1], a[0], span);
    if (val_is_poison(y)) return y;
    if (y->kind != VAL_RUNTIME || !shape_equal(y->value->shape, a[0]->value->shape)) {
        Diag *d =
            diag_add(k->diags, E_SHAPE, span, "a function within a size gives what it takes, %s, not %s",
                     shape_text(k->perm, a[0]->value->shape),
                     y->kind == VAL_RUNTIME ? shape_text(k->perm, y->value->shape) : val_kind_text(y));
        diag_help(d, "where it is not in use its argument takes its place");
        return val_poison(k);
    }
    part_of_made(k, graphs, params, place_part(k, size, place));
    Val *mask = val_runtime(k, place_mask(k, size, place), span),
        *more = pointwise(k, IR_SUB, span, 2, (Val *[]){y, a[0]});
    more = pointwise(k, IR_MUL, span, 2, (Val *[]){mask, more});
    return pointwise(k, IR_ADD, span, 2, (Val *[]){a[0], more});
}

Val *apply_layer(Check *k, const Builtin *b, Val **a, Span span)
{
    if (k->mode == MODE_CELL && b->id == BUILTIN_batch_norm) return cell_batch_norm(k, a, span);
    if (k->mode == MODE_CELL && b->id == BUILTIN_noise) return cell_noise(k, a, span);
    if (!layer_input(k, b, a[0], span)) return val_poison(k);
    Value *x = a[0]->value;
    switch (b->id) {
    case BUILTIN_flatten: return flattened(k, x, span);
    case BUILTIN_linear: return linear(k, b, a, span);
    case BUILTIN_embed: return embed_layer(k, a[0], a + 1, span);
    case BUILTIN_conv2d: return conv2d(k, b, a, span);
    case BUILTIN_depthwise: return depthwise(k, b, a, span);
    case BUILTIN_dropout: return dropout(k, a, span);
    case BUILTIN_noise: return noise(k, a, span);
    case BUILTIN_scan: return val_is_poison(a[1]) ? val_poison(k) : scan_function(k, a[1], a[0], a[2], span);
    case BUILTIN_last:
    case BUILTIN_mean_time: return along_time(k, b, x, span);
    case BUILTIN_within: return within(k, a, span);
    case BUILTIN_concat: return concat(k, b, a, span);
    case BUILTIN_layer_norm:
    case BUILTIN_batch_norm: return norm(k, b, a, span);
    case BUILTIN_softmax:
        if (!is_vector(k, b, a[0], span)) return val_poison(k);
        return val_runtime(k, func_add(k->func, IR_SOFTMAX, span, 1, &x), span);
    default: BUG("no layer '%s'", b->name);
    }
}
