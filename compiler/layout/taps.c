/* taps.c: convolutions read their maps where they stand.
 *
 * The sources of conv2d are the taps of its filters, and windows has a map of its own for each: size x size
 * times the numbers of the map it follows from. Sums over edges and products for the gradients of candidates
 * need none of these copies: a tap is the map with a border of zeros, from another pixel on. So windows
 * becomes pad_map and its gradient crop, and Graph.taps says which pixel a source begins with
 * (runtime/common/taps.h).
 */
#include "ir/op.h"
#include "layout/plan.h"
#include "model/timed.h"

/* Are the gradients of all candidates from the input plain products of values and gradients? */
bool plan_plain_products(const Graph *g)
{
    for (int i = 0; i < g->bundles.count; i++) {
        const Bundle *u = &g->bundles.at[i];
        const EdgeList *l = &g->lists.at[u->list];
        if (u->from != g->input) continue;
        if (u->edge || l->declared || edges_with_dots(g, u) || u->candidates.form != CANDIDATES_DENSE)
            return false;
        if (l->rule.kind != RULE_DNW || l->rule.bf16 || l->rule.refresh > 1 || l->rule.positions > 1)
            return false;
    }
    return true;
}

static bool only_sums(const Graph *g)
{
    for (int i = 0; i < g->bundles.count; i++)
        if (g->bundles.at[i].from == g->input && g->bundles.at[i].edge) return false;
    return true;
}

/* Has every reader of v this operator? */
static bool read_by(const Func *f, const Value *v, OpCode op)
{
    for (int i = 0; i < f->results.count; i++)
        if (f->results.at[i] == v) return false;
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count; k++)
            if (f->values.at[i]->args[k] == v && f->values.at[i]->op != op) return false;
    return true;
}

/* The gradient of a graph's input; NULL: nothing reads it. */
static Value *input_gradient(const Func *f, const Graph *g)
{
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WIRED_INPUT && f->values.at[i]->graph == g) return f->values.at[i];
    return NULL;
}

/* The windows that f gives to a graph, where nothing else needs them. */
static Value *windows_of(const Func *f, const Graph *g)
{
    const Value *wired = func_find_wired(f, g, IR_WIRED), *d = input_gradient(f, g);
    if (!wired || wired->batch || wired->args[0]->op != IR_WINDOWS) return NULL;
    if (wired->args[0]->window.size == 1 || !read_by(f, wired->args[0], IR_WIRED)) return NULL;
    return !d || read_by(f, d, IR_WINDOWS_BACK) ? wired->args[0] : NULL;
}

/* Sums over edges go through the pixels that stand together in both maps. With fewer numbers than this, as in
 * small maps of single samples, windows are faster (docs/lab/2026-11-29-convolutions.md). */
enum { SHORTEST_RUN = 64 };

static bool has_long_runs(const Ir *ir, const Graph *g)
{
    const Value *windows = windows_of(ir->infer, g);
    return windows && map_width(windows->shape) * ir->model->lanes >= SHORTEST_RUN;
}

static bool reads_taps(const Ir *ir, const Graph *g)
{
    return has_long_runs(ir, g) && !is_timed(g) && graph_copies(g) == 1 && g->sets.at[g->input].outside &&
           only_sums(g) && (!ir->train || (plan_plain_products(g) && windows_of(ir->train, g)));
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t border(Window w)
{
    return w.dilation * (w.size - 1) / 2;
}

/* Rows of a map with its border; `small`: of the map that its windows make. */
static int64_t bordered(int64_t rows, int64_t small, Window w)
{
    return larger(border(w) + rows, (small - 1) * w.stride + w.dilation * (w.size - 1) + 1);
}

static void pad(const Func *f, const Graph *g, Taps *t)
{
    Value *v = windows_of(f, g), *d = input_gradient(f, g);
    const Window w = v->window;
    const Shape x = v->args[0]->shape, y = v->shape;
    Shape padded = x;
    padded.dim[x.rank - 2] = bordered(map_height(x), map_height(y), w);
    padded.dim[x.rank - 1] = bordered(map_width(x), map_width(y), w);
    *t = (Taps){w.size,        w.stride,    w.dilation, map_width(padded), map_pixels(padded),
                map_height(y), map_width(y)};
    const int64_t first = border(w) * (t->width + 1);
    v->op = IR_PAD_MAP, v->shape = padded, v->index = first, v->window = (Window){0};
    if (d) d->shape = padded;
    for (int i = 0; i < f->values.count; i++) {
        Value *back = f->values.at[i];
        if (d && back->op == IR_WINDOWS_BACK && back->args[0] == d)
            back->op = IR_CROP, back->index = first, back->window = (Window){0};
    }
}

void plan_taps(Ir *ir)
{
    for (int i = 0; i < ir->model->graphs.count; i++) {
        Graph *g = ir->model->graphs.at[i];
        g->taps = (Taps){0};
        if (!reads_taps(ir, g)) continue;
        Taps t;
        if (ir->train) pad(ir->train, g, &t);
        pad(ir->infer, g, &t);
        g->taps = t;
    }
}
