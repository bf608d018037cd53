/* freeze_norm.c: batch_norm with kept statistics is a scale and a shift of each channel,
 *
 *     a x + c    a = scale / sqrt(variance + eps)    c = shift - a mean
 *
 * Where x is what linear, conv2d or depthwise gives (or another graph whose output nodes are plain sums, with
 * a bias or without) and nothing else reads it, a is folded into the weights and c into the bias. Otherwise
 * lower.c computes it in this form.
 */
#include "freeze/freeze.h"
#include "front/ast.h"
#include "eval/ir_eval.h"
#include "model/timed.h"
#include <math.h>

static int readers(const Func *f, const Value *v)
{
    int n = 0;
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count; k++) n += f->values.at[i]->args[k] == v;
    for (int i = 0; i < f->results.count; i++) n += f->results.at[i] == v;
    return n;
}

/* What the nodes of a set make of their sums: z, z + b, conv(z, k) or conv(z, k) + b, with weights of a
 * node's own. */
typedef struct Affine {
    bool known;
    const Value *bias;    /* the weight b; NULL: none */
    const Tensor *filter; /* k; NULL: none */
} Affine;

static bool own_weight(const Value *v)
{
    return v->op == IR_WEIGHT && !v->param->shared;
}

static Affine affine_of(const NodeSet *s)
{
    Affine a = {.known = true};
    if (!s->cell.forward) return a;
    const Value *y = s->cell.forward->results.at[0];
    if (y->op == IR_ADD && own_weight(y->args[1])) a.bias = y->args[1], y = y->args[0];
    if (y->op == IR_CONV) {
        a.filter = y->args[1]->param;
        for (int k = 1; k < y->arg_count; k++)
            a.known = a.known && own_weight(y->args[k]) && y->args[k]->param == a.filter;
        y = y->args[0];
    }
    if (a.bias && (a.bias->param->components != 1 || a.bias->param == a.filter)) a.known = false;
    int used = (a.bias != NULL) + (a.filter != NULL);
    a.known = a.known && y->op == IR_ARG && y->index == 0 && s->weights.count == used;
    return a;
}

/* The output set whose nodes are the channels of `norm`, if its weights can take them; else NULL. */
static NodeSet *layer_before(const Func *body, const Value *norm)
{
    const Value *wired = norm->args[0];
    if (wired->op != IR_WIRED || is_timed(wired->graph) || readers(body, wired) != 1) return NULL;
    Graph *g = wired->graph;
    NodeSet *s = &g->sets.at[g->output];
    if (s->size != norm->args[1]->param->size || !affine_of(s).known) return NULL;
    if (s->role == SET_INPUT && !affine_of(s).filter) return NULL;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (u->to == g->output && (u->edge || affine_of(s).filter)) return NULL;
        if (u->from == g->output && u->candidates.count) return NULL; /* others read what it sends */
    }
    return s;
}

typedef struct Channels {
    const double *scale, *shift, *mean, *variance;
    double epsilon;
} Channels;

static double factor_of(const Channels *c, int64_t i)
{
    return c->scale[i] / sqrt(c->variance[i] + c->epsilon);
}

/* y = a y: the filter, or the edges into each node; its bias, too. */
static void scale_weights(Frozen *f, const Graph *g, const NodeSet *s, const Channels *c)
{
    for (int i = 0; i < s->weights.count; i++) {
        const Tensor *p = s->weights.at[i];
        for (int64_t k = 0; k < p->size; k++) f->param[p->offset + k] *= factor_of(c, k / p->components);
    }
    for (int b = 0; b < g->bundles.count && !affine_of(s).filter; b++) {
        const Bundle *u = &g->bundles.at[b];
        for (int64_t t = 0; u->to == g->output && t < s->size; t++)
            for (int64_t e = u->candidates.row[t]; e < u->candidates.row[t + 1]; e++)
                f->param[u->weight->offset + e] *= factor_of(c, t);
    }
}

/* The bias of the nodes; where there is none, one of zeros. */
static const Tensor *bias_of(Frozen *f, const Graph *g, NodeSet *s)
{
    Arena *a = f->model->perm;
    if (affine_of(s).bias) return affine_of(s).bias->param;
    Tensor *p = model_param(f->model, arena_printf(a, "%s.b", g->name), shape_vector(s->size), g->span);
    double *numbers = freeze_room(f, p);
    for (int64_t i = 0; i < p->size; i++) numbers[i] = 0;
    p->components = 1;
    if (!s->cell.forward) {
        s->cell.forward = func_new(a, arena_printf(a, "%s.bias", g->name)), s->cell_name = "bias";
        Value *sum = func_add(s->cell.forward, IR_ARG, g->span, 0, NULL);
        sum->shape = s->map;
        func_result(s->cell.forward, "value", sum);
    }
    Value *w = func_add(s->cell.forward, IR_WEIGHT, g->span, 0, NULL);
    w->param = p;
    s->cell.forward->results.at[0] = func_binary(s->cell.forward, IR_ADD, s->cell.forward->results.at[0], w);
    vec_push(a, &s->weights, p);
    return p;
}

static void fold(Frozen *f, const Value *norm, NodeSet *s)
{
    Graph *g = norm->args[0]->graph;
    const Tensor *bias = bias_of(f, g, s); /* first: it may move the numbers */
    const double *at = f->param;
    Channels c = {at + norm->args[1]->param->offset, at + norm->args[2]->param->offset,
                  at + norm->args[3]->param->offset, at + norm->args[4]->param->offset, norm->number};
    scale_weights(f, g, s, &c);
    for (int64_t i = 0; i < s->size; i++)
        f->param[bias->offset + i] += c.shift[i] - factor_of(&c, i) * c.mean[i];
}

void freeze_norms(Frozen *f)
{
    Func *body = f->model->body;
    for (int i = 0; i < body->values.count; i++) {
        Value *norm = body->values.at[i];
        if (norm->op != IR_BATCH_NORM) continue;
        NodeSet *s = layer_before(body, norm);
        if (!s) continue;
        fold(f, norm, s);
        for (int k = 0; k < body->values.count; k++)
            for (int j = 0; j < body->values.at[k]->arg_count; j++)
                if (body->values.at[k]->args[j] == norm) body->values.at[k]->args[j] = norm->args[0];
        for (int r = 0; r < body->results.count; r++)
            if (body->results.at[r] == norm) body->results.at[r] = norm->args[0];
    }
    func_prune(body);
}
