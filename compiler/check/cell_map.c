/* cell_map.c: built-ins on maps: the last two indices of a value are rows and columns.
 *
 * In a node function the value is the node's own map [rows, columns], in an edge function that of one of its
 * ends; in a model it is [channels, rows, columns], and each channel is treated alike. conv filters one map
 * and so belongs to functions of nodes and edges; conv2d and depthwise are layers (layer.c).
 */
#include "check/cell.h"
#include "ir/op.h"

/* What a node's value or a tensor is, in words. */
static const char *shape_in_words(Check *k, const Value *x)
{
    return x->shape.rank == 0 ? "one number" : shape_text(k->perm, x->shape);
}

const char *map_text(Check *k, Shape map)
{
    return map.rank ? arena_printf(k->perm, "a map %s", shape_text(k->perm, map)) : "a number";
}

/* The value that a built-in works on; NULL after a message. */
static Value *map_input(Check *k, const Builtin *b, const Val *x, Span span)
{
    if (val_is_poison(x)) return NULL;
    bool cell = k->mode == MODE_CELL;
    if (!cell && k->mode != MODE_MODEL) {
        Diag *d = diag_add(k->diags, E_PLACE, span,
                           "'%s' works on maps: in a node function or on the tensors of a model, not %s",
                           b->name, k->mode == MODE_PREDICATE ? "in a condition" : "here");
        diag_help(d, "in a model: x |> %s", b->name);
        return NULL;
    }
    if (x->kind != VAL_RUNTIME) {
        diag_add(k->diags, E_KIND, x->span, "'%s' works on maps; this is %s", b->name, val_kind_text(x));
        return NULL;
    }
    if (cell ? x->value->shape.rank == 2 : x->value->shape.rank >= 3) return x->value;
    if (cell && k->alone.on && x->value->shape.rank == 0)
        return k->alone.wants_map = true, k->said.silent++, NULL;
    Diag *d = diag_add(k->diags, E_SHAPE, span,
                       cell ? "'%s' needs a map, and here it is given %s"
                            : "'%s' takes maps [channels, rows, columns] and is given %s",
                       b->name, shape_in_words(k, x->value));
    diag_note(d, x->value->span, "%s comes from here", shape_in_words(k, x->value));
    if (cell && x->value->op == IR_ARG && !(k->cell->of_edge && x->value->index == SLOT_OWN))
        diag_help(d, "give the graph a value [channels, rows, columns]: then each node has a map");
    return NULL;
}

/* ---- sums over maps ---- */

/* One number a map, for each of its pixels. A node's number is repeated where it is used. */
static Value *map_spread(Check *k, Value *x, Shape maps)
{
    return x->shape.rank == 0 ? x : broadcast(k->func, x, maps, maps.rank - 2);
}

static Value *binary(Check *k, OpCode op, Span span, Value *a, Value *b)
{
    return func_add(k->func, op, span, 2, (Value *[]){a, b});
}

static Value *mean_of(Check *k, Value *x, Span span)
{
    Value *sum = reduce(k->func, IR_REDUCE_SUM, x, x->shape.rank - 2, 2),
          *part = func_const(k->func, 1.0 / (double)(map_pixels(x->shape)));
    return binary(k, IR_MUL, span, sum, part);
}

/* (x - mean) / sqrt(variance + eps) over the pixels of each map, the variance being that of the pixels
 * themselves (Ulyanov et al. 2016). */
static Val *instance_norm(Check *k, Value *x, const Val *epsilon, Span span)
{
    double eps;
    if (!number_between(k, epsilon, "eps", 1e-30, 1, &eps)) return val_poison(k);
    if (map_pixels(x->shape) == 1) {
        Diag *d = diag_add(k->diags, E_SHAPE, span,
                           "instance_norm of a map with one pixel is 0, whatever the pixel is");
        diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
        return val_poison(k);
    }
    Value *mean = map_spread(k, mean_of(k, x, span), x->shape);
    Value *centred = binary(k, IR_SUB, span, x, mean);
    Value *variance = mean_of(k, binary(k, IR_MUL, span, centred, centred), span);
    Value *safe = binary(k, IR_ADD, span, variance, func_const(k->func, eps));
    Value *deviation = func_add(k->func, IR_SQRT, span, 1, &safe), *one = func_const(k->func, 1);
    Value *factor = map_spread(k, binary(k, IR_DIV, span, one, deviation), x->shape);
    return val_runtime(k, binary(k, IR_MUL, span, centred, factor), span);
}

/* ---- windows ---- */

static bool fits(Check *k, const Builtin *b, const Value *x, int64_t size, Span from, Span span)
{
    if (size <= map_height(x->shape) && size <= map_width(x->shape)) return true;
    Diag *d = diag_add(
        k->diags, E_SHAPE, span, "'%s' has windows of %lld x %lld, and the maps are %lld x %lld", b->name,
        (long long)size, (long long)size, (long long)map_height(x->shape), (long long)map_width(x->shape));
    diag_note(d, from, "the window comes from here");
    diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
    return false;
}

static Val *pool(Check *k, const Builtin *b, Value *x, Val **a, Span span)
{
    Window w = {.dilation = 1};
    if (!whole_between(k, a[1], "the size of a window", 1, LARGEST_STRIDE, &w.size)) return val_poison(k);
    w.stride = w.size;
    if (a[2]->kind != VAL_NONE && !whole_between(k, a[2], "a stride", 1, LARGEST_STRIDE, &w.stride))
        return val_poison(k);
    if (!whole_between(k, a[3], "the padding of a pool", 0, w.size / 2, &w.border) ||
        !fits(k, b, x, w.size - 2 * w.border, a[1]->span, span))
        return val_poison(k);
    bool mean = b->id == BUILTIN_avg_pool;
    OpCode op = mean ? IR_POOL_SUM : IR_POOL_MAX;
    Value *y = map_value(k->func, op, span, (MapForm){map_windowed(op, x->shape, w), w}, 1, &x);
    if (mean) y = binary(k, IR_MUL, span, y, func_const(k->func, 1.0 / (double)(w.size * w.size)));
    return val_runtime(k, y, span);
}

static Val *crop(Check *k, Value *x, Val **a, Span span)
{
    static const char *const what[] = {"top", "left", "height", "width"};
    int64_t n[4]; /* top, left, height, width */
    for (int i = 0; i < 4; i++)
        if (!whole_between(k, a[1 + i], what[i], i < 2 ? 0 : 1, limits.nodes, &n[i])) return val_poison(k);
    for (int i = 0; i < 2; i++) {
        int64_t size = i ? map_width(x->shape) : map_height(x->shape);
        if (n[i] + n[2 + i] <= size) continue;
        Diag *d = diag_add(k->diags, E_SHAPE, span, "crop asks for %s %lld to %lld of maps that have %lld",
                           i ? "columns" : "rows", (long long)n[i], (long long)(n[i] + n[2 + i] - 1),
                           (long long)size);
        diag_note(d, span_join(a[1 + i]->span, a[3 + i]->span), "%s and %s come from here, counted from 0",
                  what[i], what[2 + i]);
        diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
        return val_poison(k);
    }
    Shape part = x->shape;
    part.dim[part.rank - 2] = n[2], part.dim[part.rank - 1] = n[3];
    Value *y = map_value(k->func, IR_CROP, span, (MapForm){.shape = part}, 1, &x);
    y->index = n[0] * map_width(x->shape) + n[1];
    return val_runtime(k, y, span);
}

/* ---- conv ---- */

static Val *filter_wrong(Check *k, const Val *filter, const char *is)
{
    Diag *d = diag_add(k->diags, E_SHAPE, filter->span,
                       "the filter of conv is a square of numbers; this is %s", is);
    diag_help(d, "declare it: weight k[3, 3] ~ kaiming");
    return val_poison(k);
}

/* Which values follow from what the node receives: they differ from sample to sample. */
static const bool *received_values(Check *k)
{
    bool *received = NEW_ARRAY(k->perm, bool, (size_t)k->func->values.count + 1);
    for (int i = 0; i < k->func->values.count; i++) {
        const Value *v = k->func->values.at[i];
        received[i] = v->op == IR_ARG;
        for (int a = 0; a < v->arg_count; a++) received[i] |= received[v->args[a]->id];
    }
    return received;
}

/* One tap; NULL after a message. */
static Value *filter_tap(Check *k, const Val *item, const bool *received)
{
    bool known = item->kind != VAL_RUNTIME;
    if (item->kind == VAL_LIST) return filter_wrong(k, item, "a list inside its rows"), NULL;
    Value *v = val_value(k, item, "a number of the filter");
    if (!v) return NULL;
    if (v->is_bool || v->shape.rank > 0 || (!known && received[v->id])) {
        Diag *d =
            diag_add(k->diags, E_KIND, item->span, "a filter is made of weights and numbers; this is %s",
                     v->is_bool          ? "a condition"
                     : v->shape.rank > 0 ? "a map"
                                         : "computed from the value of the node");
        diag_help(d, "declare the filter: weight k[3, 3] ~ kaiming");
        return NULL;
    }
    return v;
}

/* The rows of a filter as arguments 1, 2, ... of CONV; false after a message. */
static bool filter_taps(Check *k, const Val *filter, Value **args)
{
    int size = filter->items.count;
    const bool *received = received_values(k);
    for (int i = 0; i < size; i++) {
        const Val *row = filter->items.at[i];
        if (row->kind != VAL_LIST || row->items.count != size) {
            filter_wrong(k, filter,
                         row->kind == VAL_LIST
                             ? arena_printf(k->perm, "%d rows, one of them with %d", size, row->items.count)
                             : arena_printf(k->perm, "a list of %d", size));
            return false;
        }
        for (int j = 0; j < size; j++)
            if (!(args[1 + i * size + j] = filter_tap(k, row->items.at[j], received))) return false;
    }
    return true;
}

static Val *conv(Check *k, Value *x, Val **a, Span span)
{
    Value *args[1 + MOST_TAPS] = {x};
    Window w = {0};
    if (val_is_poison(a[1])) return val_poison(k);
    if (a[1]->kind != VAL_LIST)
        return filter_wrong(k, a[1],
                            a[1]->kind == VAL_RUNTIME ? shape_in_words(k, a[1]->value) : val_kind_text(a[1]));
    if (a[1]->items.count < 1 || a[1]->items.count > LARGEST_FILTER) {
        diag_add(k->diags, E_RANGE, a[1]->span, "a filter has 1 to %d rows; this one has %d", LARGEST_FILTER,
                 a[1]->items.count);
        return val_poison(k);
    }
    w.size = a[1]->items.count;
    if (!whole_between(k, a[2], "a stride", 1, LARGEST_STRIDE, &w.stride) ||
        !whole_between(k, a[3], "a dilation", 1, LARGEST_STRIDE, &w.dilation) || !filter_taps(k, a[1], args))
        return val_poison(k);
    MapForm form = {map_windowed(IR_CONV, x->shape, w), w};
    return val_runtime(k, map_value(k->func, IR_CONV, span, form, 1 + (int)(w.size * w.size), args), span);
}

Val *apply_map(Check *k, const Builtin *b, Val **a, Span span)
{
    if (b->id == BUILTIN_conv && k->mode == MODE_MODEL) {
        Diag *d = diag_add(k->diags, E_PLACE, span,
                           "conv filters the map of one node: it is allowed only in a node or edge function");
        diag_help(d, "in a model: conv2d between all channels, depthwise for each channel alone");
        return val_poison(k);
    }
    Value *x = map_input(k, b, a[0], span);
    if (!x) return val_poison(k);
    switch (b->id) {
    case BUILTIN_conv: return conv(k, x, a, span);
    case BUILTIN_instance_norm: return instance_norm(k, x, a[1], span);
    case BUILTIN_mean_map: return val_runtime(k, mean_of(k, x, span), span);
    case BUILTIN_crop: return crop(k, x, a, span);
    default: return pool(k, b, x, a, span);
    }
}
