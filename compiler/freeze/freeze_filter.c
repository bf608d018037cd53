/* freeze_filter.c: filters whose size is learned. See freeze.h.
 *
 * A node's taps times their mask, which follow from its weights alone, become one tensor, without the rows
 * and columns at the border where all taps of all nodes are 0.
 */
#include "freeze/freeze.h"
#include "eval/ir_eval.h"
#include <math.h>

static Value *filter_of(const NodeSet *s)
{
    const Func *f = s->cell.forward;
    for (int i = 0; s->filter_part && i < f->values.count; i++)
        if (f->values.at[i]->op == IR_CONV) return f->values.at[i];
    return NULL;
}

/* The taps of all nodes, [nodes, size, size]. */
static double *taps_of(Frozen *f, const NodeSet *s, const Value *conv)
{
    Arena *a = f->model->perm;
    const int64_t taps = conv->arg_count - 1;
    double *out = NEW_ARRAY(a, double, (size_t)(s->size * taps) + 1);
    Value **map = NEW_ARRAY(a, Value *, (size_t)s->cell.forward->values.count + 1);
    Func *filter = func_copy(a, s->cell.forward, "filter", map);
    for (int64_t t = 0; t < taps; t++) func_result(filter, "tap", map[conv->args[1 + t]->id]);
    func_prune(filter);
    Cell cell = cell_new(a, filter);
    const double *none[SLOTS] = {NULL};
    for (int64_t i = 0; i < s->size; i++) {
        eval_cell(&cell, none, f->param, i);
        for (int64_t t = 0; t < taps; t++) out[i * taps + t] = *cell_result(&cell, (int)t);
    }
    return out;
}

/* How many rows and columns at each border are 0. */
static int64_t border_of(const double *taps, int64_t nodes, int64_t size)
{
    int64_t border = size / 2;
    for (int64_t i = 0; i < nodes * size * size; i++) {
        const int64_t row = i / size % size, column = i % size,
                      y = row < size - 1 - row ? row : size - 1 - row,
                      x = column < size - 1 - column ? column : size - 1 - column, at = x < y ? x : y;
        if (taps[i] != 0 && at < border) border = at;
    }
    return border;
}

/* The first weights of the function are those of the filter: they become the taps that are left. */
static void set_filter(Frozen *f, NodeSet *s, Value *conv, const double *taps)
{
    const int64_t size = conv->window.size, border = border_of(taps, s->size, size), left = size - 2 * border;
    Func *cell = s->cell.forward;
    Tensor *old = s->weights.at[0],
           *p = model_param(f->model, old->name, (Shape){3, {s->size, left, left}}, old->span);
    p->learned = true, p->components = left * left;
    double *out = freeze_room(f, p);
    for (int64_t i = 0; i < s->size; i++)
        for (int64_t t = 0; t < left * left; t++)
            out[i * left * left + t] = taps[(i * size + t / left + border) * size + t % left + border];
    int64_t t = 0;
    for (int i = 0; t < left * left; i++) {
        Value *w = cell->values.at[i];
        if (w->op != IR_WEIGHT || w->param != old) continue;
        w->param = p, w->index = t;
        conv->args[1 + t++] = w;
    }
    conv->arg_count = 1 + (int)t, conv->window.size = left;
    func_prune(cell);
    int count = 0;
    for (int i = 0; i < s->weights.count; i++)
        if (!s->weights.at[i]->size_of_layers) s->weights.at[count++] = s->weights.at[i];
    s->weights.count = count, s->weights.at[0] = p;
    old->size = 0, old->learned = false;
}

void freeze_filters(Frozen *f)
{
    for (int g = 0; g < f->model->graphs.count; g++)
        for (int s = 0; s < f->model->graphs.at[g]->sets.count; s++) {
            NodeSet *set = &f->model->graphs.at[g]->sets.at[s];
            Value *conv = filter_of(set);
            if (conv) set_filter(f, set, conv, taps_of(f, set, conv));
        }
}
