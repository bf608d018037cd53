/* op_map.c: operators on maps: values whose last two indices are rows and columns; the others count maps.
 *
 * A window has size x size taps, `dilation` pixels apart, and windows are `stride` apart. Pixel p of the
 * small map and tap t meet pixel q of the large one, in each direction
 *
 *     q = p stride + t dilation - before
 *
 * CONV and WINDOWS ("same"): before = dilation (size - 1) / 2 rounded down, small = (large - 1) / stride + 1
 * rounded down, and nothing is added where q lies outside. POOL: before = 0, small = (large - size) / stride
 * + 1. Sums over all p, t that meet:
 *
 *   conv         y[p] = sum w[t] x[q]       dx = conv_input, dw[t] = element t of conv_weight
 *   conv_input   dx[q] = sum w[t] dy[p]
 *   conv_weight  dw[t] = sum x[q] dy[p]
 *   windows      y[c, t, p] = x[c, q]       dx = windows_back
 *   windows_back dx[c, q] = sum dy[c, t, p]
 *   pool_sum     y[p] = sum x[q]            dx = pool_spread
 *   pool_spread  dx[q] = sum dy[p]
 *   pool_max     y[p] = largest x[q]        dx = pool_max_back
 *   pool_max_back  dx[q] = sum of dy[p] where q is the first of the largest of p, row by row
 *   crop         part of a map              dx = pad_map
 *   pad_map      zeros around a map         dx = crop
 */
#include "base/diag.h"
#include "ir/op.h"
#include <math.h>

void map_shape(Value *v)
{
    for (int i = 0; i < v->arg_count; i++)
        if (v->args[i]->per_sample) v->per_sample = true;
    v->shape = v->args[0]->shape; /* the maker has the right one */
}

static bool is_pool(OpCode op)
{
    return op == IR_POOL_SUM || op == IR_POOL_SPREAD || op == IR_POOL_MAX || op == IR_POOL_MAX_BACK;
}

Shape map_windowed(OpCode op, Shape x, Window w)
{
    Shape y = x;
    for (int i = 1; i <= 2; i++)
        y.dim[y.rank - i] = (x.dim[x.rank - i] + 2 * w.border - (is_pool(op) ? w.size : 1)) / w.stride + 1;
    if (op != IR_WINDOWS) return y;
    return (Shape){3, {shape_size(x) / map_pixels(x) * w.size * w.size, map_height(y), map_width(y)}};
}

Shape map_large(const Value *v)
{
    return op_has(v->op, OP_GROWS) ? v->shape : v->args[0]->shape;
}

Shape map_small(const Value *v)
{
    if (op_has(v->op, OP_GROWS)) return v->args[0]->shape;
    return v->op == IR_CONV_WEIGHT || v->op == IR_POOL_MAX_BACK ? v->args[1]->shape : v->shape;
}

Value *map_value(Func *f, OpCode op, Span span, MapForm form, int count, Value *const *args)
{
    Value *v = func_add(f, op, span, count, args);
    v->shape = form.shape;
    v->window = form.window;
    return v;
}

static Value *gradient(Func *f, OpCode op, Value *v, Shape shape, int count, Value *const *args)
{
    Value *g = map_value(f, op, v->span, (MapForm){shape, v->window}, count, args);
    g->index = v->index;
    return g;
}

static void conv_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    Value *x = v->args[0], *both[] = {x, dy}, *taps = NULL;
    if (wanted[0]) {
        Value **args = NEW_ARRAY(f->arena, Value *, (size_t)v->arg_count);
        memcpy(args, v->args, (size_t)v->arg_count * sizeof *args);
        args[0] = dy;
        grads[0] = gradient(f, IR_CONV_INPUT, v, x->shape, v->arg_count, args);
    }
    for (int t = 1; t < v->arg_count; t++) {
        if (!wanted[t]) continue;
        if (!taps)
            taps = gradient(f, IR_CONV_WEIGHT, v, (Shape){2, {v->window.size, v->window.size}}, 2, both);
        grads[t] = func_unary(f, IR_SLICE, taps);
        grads[t]->shape = (Shape){0};
        grads[t]->index = t - 1;
    }
}

void map_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    Shape x = v->args[0]->shape;
    switch (v->op) {
    case IR_CONV: conv_grad(f, v, dy, wanted, grads); break;
    case IR_WINDOWS: grads[0] = gradient(f, IR_WINDOWS_BACK, v, x, 1, &dy); break;
    case IR_POOL_SUM: grads[0] = gradient(f, IR_POOL_SPREAD, v, x, 1, &dy); break;
    case IR_POOL_MAX: grads[0] = gradient(f, IR_POOL_MAX_BACK, v, x, 2, (Value *[]){v->args[0], dy}); break;
    case IR_CROP: grads[0] = gradient(f, IR_PAD_MAP, v, x, 1, &dy); break;
    case IR_PAD_MAP: grads[0] = gradient(f, IR_CROP, v, x, 1, &dy); break;
    default: BUG("%s is a gradient and has none", op_info[v->op].text);
    }
}

/* ---- evaluation ---- */

/* One map, or one tap of the pair that windows relates. */
typedef struct Meeting {
    const Value *v;
    const double *const *args;
    double *out;
    int64_t map, tap, taps, small, large; /* number of the map; pixels of one map */
} Meeting;

static void meet(const Meeting *m, int64_t p, int64_t q)
{
    const double *const *a = m->args;
    int64_t ps = m->map * m->small + p, qs = m->map * m->large + q,
            ts = (m->map * m->taps + m->tap) * m->small + p;
    switch (m->v->op) {
    case IR_CONV: m->out[ps] += a[1 + m->tap][0] * a[0][qs]; break;
    case IR_CONV_INPUT: m->out[qs] += a[1 + m->tap][0] * a[0][ps]; break;
    case IR_CONV_WEIGHT: m->out[m->tap] += a[0][qs] * a[1][ps]; break;
    case IR_WINDOWS: m->out[ts] = a[0][qs]; break;
    case IR_WINDOWS_BACK: m->out[qs] += a[0][ts]; break;
    case IR_POOL_SUM: m->out[ps] += a[0][qs]; break;
    case IR_POOL_SPREAD: m->out[qs] += a[0][ps]; break;
    default: BUG("%s has no windows", op_info[m->v->op].text);
    }
}

/* Every pixel p of a small map of shape `s` with every tap, where they meet a pixel of the large one. */
static void meet_all(Meeting *m, Shape s, Shape l)
{
    Window w = m->v->window;
    int64_t before = is_pool(m->v->op) ? w.border : w.dilation * (w.size - 1) / 2;
    for (int64_t p = 0; p < m->small; p++)
        for (m->tap = 0; m->tap < m->taps; m->tap++) {
            int64_t row = p / map_width(s) * w.stride + m->tap / w.size * w.dilation - before,
                    column = p % map_width(s) * w.stride + m->tap % w.size * w.dilation - before;
            if (row >= 0 && row < map_height(l) && column >= 0 && column < map_width(l))
                meet(m, p, row * map_width(l) + column);
        }
}

static void eval_windows(const Value *v, const double *const *args, double *out)
{
    Shape large = map_large(v), small = map_small(v);
    Meeting m = {.v = v,
                 .args = args,
                 .out = out,
                 .taps = v->window.size * v->window.size,
                 .small = map_pixels(small)};
    m.large = map_pixels(large);
    memset(out, 0, (size_t)shape_size(v->shape) * sizeof *out);
    for (; m.map < shape_size(large) / m.large; m.map++) meet_all(&m, small, large);
}

/* The pixel of the window of p that holds its largest number: the first one, or the first NaN. */
static int64_t largest(const double *x, Shape s, Window w, int64_t p, int64_t columns)
{
    int64_t best = -1;
    for (int64_t t = 0; t < w.size * w.size; t++) {
        int64_t row = p / columns * w.stride + t / w.size - w.border,
                column = p % columns * w.stride + t % w.size - w.border, q = row * map_width(s) + column;
        if (row < 0 || row >= map_height(s) || column < 0 || column >= map_width(s)) continue;
        if (best < 0 || x[q] > x[best] || (isnan(x[q]) && !isnan(x[best]))) best = q;
    }
    return best;
}

static void eval_pool_max(const Value *v, const double *const *args, double *out)
{
    bool back = v->op == IR_POOL_MAX_BACK;
    Shape l = map_large(v), s = map_small(v);
    if (back) memset(out, 0, (size_t)shape_size(l) * sizeof *out);
    for (int64_t i = 0; i < shape_size(s); i++) {
        int64_t first = i / map_pixels(s) * map_pixels(l);
        int64_t q = first + largest(args[0] + first, l, v->window, i % map_pixels(s), map_width(s));
        if (back) out[q] += args[1][i];
        else out[i] = args[0][q];
    }
}

/* crop and pad_map: every pixel of the small maps, and where it is in the large ones. */
static void eval_part(const Value *v, const double *const *args, double *out)
{
    Shape s = map_small(v), l = map_large(v);
    memset(out, 0, (size_t)shape_size(v->shape) * sizeof *out);
    for (int64_t i = 0; i < shape_size(s); i++) {
        int64_t p = i % map_pixels(s);
        int64_t q =
            i / map_pixels(s) * map_pixels(l) + v->index + p / map_width(s) * map_width(l) + p % map_width(s);
        if (v->op == IR_PAD_MAP) out[q] = args[0][i];
        else out[i] = args[0][q];
    }
}

void map_eval(const Value *v, const double *const *args, double *out)
{
    switch (v->op) {
    case IR_POOL_MAX:
    case IR_POOL_MAX_BACK: eval_pool_max(v, args, out); break;
    case IR_CROP:
    case IR_PAD_MAP: eval_part(v, args, out); break;
    default: eval_windows(v, args, out);
    }
}
