/* gradcheck.c: gradients of the reference interpreter against central differences, in double.
 *
 * An edge that is not in use counts as an edge whose effective weight is 0: its candidate gradient is the
 * derivative with respect to that effective weight ("Discovering Neural Wirings", appendix F), so the
 * difference is taken with the edge in use and its weight at plus and minus the step. In general: an edge
 * that is not in use adds f(theta + step) - f(theta), with its present weights theta and whatever values its
 * ends have.
 */
#include "eval/gradcheck.h"
#include "lower/grad.h"
#include "eval/ir_eval_group.h"
#include "lower/lower.h"
#include "common/difference.h"
#include "common/rng.h"
#include "model/rule.h"
#include <math.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 3, ENTRIES = 24, LEAST_ENTRIES = 4 }; /* entries of a tensor that are checked */

static const double MOST_WORK = 1e10; /* multiply-adds: a minute or two */

static const double ENOUGH = 1e-7; /* relative; with less, no smaller steps are tried */

/* Away from the constants that weights start with, where kinks and vanishing gradients would hide mistakes.
 */
static void start_values(const Model *m, uint64_t seed, double *param)
{
    eval_init(m, seed, param);
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *t = m->params.at[i];
        for (int64_t k = 0; k < t->size && t->init.kind == INIT_CONSTANT && t->learned; k++)
            param[t->offset + k] += 0.1 * rng_normal(17 + seed - 1, RNG_GRADCHECK, (uint64_t)(t->offset + k));
    }
    for (int i = 0; i < m->graphs.count; i++) eval_spread(m->graphs.at[i], param);
}

/* About what the loss costs once, in multiply-adds. */
static double loss_work(const Model *m)
{
    double once = 0;
    for (int g = 0; g < m->graphs.count; g++) {
        const Graph *graph = m->graphs.at[g];
        once += (double)graph_macs(graph) + (double)graph_nodes(graph);
    }
    for (int i = 0; m->body && i < m->body->values.count; i++)
        once += (double)shape_size(m->body->values.at[i]->shape);
    return BATCH * once + (double)m->param_total;
}

static double work_of(const Model *m, int entries)
{
    enum { A_DIFFERENCE = 4 };
    double checked = 0;
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *t = m->params.at[i];
        if (t->learned) checked += (double)(t->size < entries ? t->size : entries);
    }
    return loss_work(m) * (A_DIFFERENCE * checked + 1);
}

/* Does a scan cut the derivatives of its states on purpose? */
static const Graph *truncated(const Model *m)
{
    for (int i = 0; i < m->graphs.count; i++) {
        const Time *t = &m->graphs.at[i]->time;
        if (t->truncate && t->truncate < t->positions) return m->graphs.at[i];
    }
    return NULL;
}

bool gradcheck_fits(const Model *m, Diags *diags, Span span)
{
    const Graph *cut = truncated(m);
    if (cut) {
        Diag *g =
            diag_add(diags, E_PLACE, span,
                     "gradcheck of '%s': scan(%s, truncate = %lld) cuts derivatives on purpose, so they are "
                     "not those of the loss",
                     m->name, cut->name, (long long)cut->time.truncate);
        diag_help(g, "an option may turn it off for the check: scan(%s, truncate = cut), and -D cut=0",
                  cut->name);
        return false;
    }
    const double work = work_of(m, LEAST_ENTRIES);
    if (work <= MOST_WORK) return true;
    Diag *d =
        diag_add(diags, E_MEMORY, span, "gradcheck of '%s' would take %.2g multiply-adds; the most is %.2g",
                 m->name, work, MOST_WORK);
    diag_help(d, "check the same with smaller sizes, such as those of an option that -D sets");
    return false;
}

/* As many of each tensor as there is time for. */
static int entries_checked(const Model *m)
{
    int entries = ENTRIES;
    while (entries > LEAST_ENTRIES && work_of(m, entries) > MOST_WORK) entries--;
    return entries;
}

typedef struct Probe {
    EvalContext c;
    int entries;
    const Func *f, *forward; /* with gradients; the loss alone */
    double *gradient;        /* by flat parameter */
    double loss;
    int64_t at; /* the parameter that is moved, with those that are one weight with it */
    uint8_t marked;
} Probe;

/* A function that makes the first result of f and nothing else. */
static const Func *loss_alone(Arena *a, const Func *f)
{
    Value **map = NEW_ARRAY(a, Value *, (size_t)f->values.count + 1);
    Func *forward = func_copy(a, f, f->name, map);
    func_result(forward, "loss", map[f->results.at[0]->id]);
    func_prune(forward);
    return forward;
}

static void follow(void *of, const Graph *g, ListAt place, int64_t at)
{
    Probe *p = of;
    (void)g, (void)place;
    p->c.param[at] = p->c.param[p->at];
}

static double loss_now(void *of)
{
    Probe *p = of;
    Arena *tmp = arena_new();
    eval_each_tied(p->c.model, p->at, follow, p);
    double loss = eval_func(tmp, p->forward, &p->c)->value[p->forward->results.at[0]->id][0];
    arena_free(tmp);
    return loss;
}

/* The mark of the candidate that flat parameter `at` belongs to, and whether its edge is a function of its
 * weights; NULL: it is no weight of an edge. */
static uint8_t *candidate_mark(const Model *m, const EvalContext *c, int64_t at, bool *function)
{
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) {
            const Bundle *u = &m->graphs.at[g]->bundles.at[b];
            for (int i = 0; i < u->weights.count; i++) {
                const Tensor *w = u->weights.at[i];
                if (at < w->offset || at >= w->offset + w->size) continue;
                const Rule *r = m->graphs.at[g]->lists.at[u->list].declared;
                *function = u->edge || u->costs || (r && r->forward != NO_FUNCTION);
                return &c->kept[g][b][(at - w->offset) / w->components];
            }
        }
    return NULL;
}

static void mark_tied(void *of, const Graph *g, ListAt place, int64_t at)
{
    Probe *p = of;
    (void)at;
    p->c.kept[g->number][place.bundle][place.candidate] = p->marked;
}

/* The candidate, and those that have its weight. */
static void mark(Probe *p, uint8_t *kept, uint8_t as)
{
    p->marked = as;
    if (kept && !eval_each_tied(p->c.model, p->at, mark_tied, p)) *kept = as;
}

/* |difference - gradient|, as near as `enough` is asked for. */
static double entry_error(Probe *p, int64_t at, double enough)
{
    bool function = false;
    uint8_t *kept = candidate_mark(p->c.model, &p->c, at, &function), used = kept ? *kept : 1;
    double *x = &p->c.param[at];
    p->at = at;
    mark(p, kept, used ? 1 : function ? EDGE_PROBED : 1);
    double error = difference_entry(loss_now, p, x, used || function ? *x : 0, p->gradient[at], enough);
    mark(p, kept, used);
    eval_each_tied(p->c.model, at, follow, p);
    return error;
}

static void collect_gradients(Probe *p)
{
    Arena *tmp = arena_new();
    Eval *e = eval_func(tmp, p->f, &p->c);
    for (int r = 0; r < p->f->results.count; r++)
        for (int i = 0; i < p->c.model->params.count; i++) {
            const Tensor *t = p->c.model->params.at[i];
            const char *name = p->f->result_names.at[r];
            if (strncmp(name, "d ", 2) != 0 || strcmp(name + 2, t->name) != 0) continue;
            memcpy(p->gradient + t->offset, e->value[p->f->results.at[r]->id],
                   (size_t)t->size * sizeof(double));
        }
    arena_free(tmp);
}

/* Relative to the largest gradient of the tensor, so that entries which happen to be 0 do not divide by
 * noise; all of a tensor can be 0, such as a bias before batch_norm: differences of the loss have noise of
 * 1e-12 of it. */
static double check_tensor(Probe *p, const Tensor *t)
{
    double worst = 0, scale = fmax(1e-8, 1e-5 * fabs(p->loss));
    const int64_t entries = t->size < p->entries ? t->size : p->entries;
    for (int64_t i = 0; i < t->size; i++) scale = fmax(scale, fabs(p->gradient[t->offset + i]));
    for (int64_t i = 0; i < entries; i++) {
        int64_t at = t->size <= p->entries
                         ? i
                         : (int64_t)(rng_uniform(7, RNG_GRADCHECK, (uint64_t)(t->number * ENTRIES + i)) *
                                     (double)t->size);
        double error = entry_error(p, t->offset + at, ENOUGH * scale) / scale;
        worst = isnan(error) ? INFINITY : fmax(worst, error);
    }
    return worst;
}

static void random_batch(Arena *a, const Model *m, EvalContext *c)
{
    int64_t in = shape_size(m->input), target = m->target_size;
    double *x = NEW_ARRAY(a, double, (size_t)(BATCH * in)),
           *t = NEW_ARRAY(a, double, (size_t)(BATCH * target) + 1);
    for (int64_t i = 0; i < BATCH * in; i++) x[i] = rng_normal(11, RNG_GRADCHECK, (uint64_t)i);
    for (int64_t i = 0; m->whole && i < BATCH * in; i++)
        x[i] = floor(rng_uniform(11, RNG_GRADCHECK, (uint64_t)i) * (double)m->whole);
    for (int64_t s = 0; m->padded && s < BATCH; s++) { /* sample s ends s positions early */
        const int64_t positions = m->input.dim[0], end = s < positions ? positions - s : 1;
        for (int64_t i = end * (in / positions); i < in; i++) x[s * in + i] = NAN;
    }
    for (int64_t i = 0; i < BATCH * target; i++)
        t[i] = m->classes ? floor(rng_uniform(13, RNG_GRADCHECK, (uint64_t)i) * m->classes)
                          : rng_normal(13, RNG_GRADCHECK, (uint64_t)i);
    c->batch = BATCH, c->input = x, c->target = t;
}

/* What takes more than a second or two says so, on a terminal. */
static void tell_progress(const Model *m, int tensor, time_t start)
{
    if (!isatty(STDERR_FILENO) || time(NULL) - start < 2) return;
    fprintf(stderr, "\rgradcheck of %s: tensor %d of %d", m->name, tensor + 1, m->params.count);
}

double model_gradcheck(Arena *a, const Ir *ir, FILE *out)
{
    const Model *m = ir->model;
    Probe p = {.c = {.model = m, .seed = 1},
               .f = ir->train,
               .forward = loss_alone(a, ir->train),
               .entries = entries_checked(m)};
    p.c.param = NEW_ARRAY(a, double, (size_t)m->param_total + 1);
    p.gradient = NEW_ARRAY(a, double, (size_t)m->param_total + 1);
    start_values(m, 1, p.c.param);
    double *base = NEW_ARRAY(a, double, (size_t)m->param_total + 1);
    memcpy(base, p.c.param, (size_t)m->param_total * sizeof *base);
    p.c.base = base;
    eval_choose(a, &p.c, 1e9);
    random_batch(a, m, &p.c);
    p.c.steps = eval_steps(a, m, BATCH), p.c.arena = a; /* how solvers choose them is not differentiated */
    collect_gradients(&p);
    p.loss = loss_now(&p);
    double worst = 0;
    const time_t start = time(NULL);
    for (int i = 0; i < m->params.count; i++) {
        if (!m->params.at[i]->learned || m->params.at[i]->size == 0) continue;
        double error = check_tensor(&p, m->params.at[i]);
        if (out) fprintf(out, "  %-40s %.2e\n", m->params.at[i]->name, error), fflush(out);
        else tell_progress(m, i, start);
        worst = fmax(worst, error);
    }
    if (!out && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    return worst;
}

/* ---- node functions ---- */

static const double LEAST_SCALE = 1e-3; /* errors of smaller gradients are relative to this */

typedef struct CellProbe {
    const NodeSet *set;
    int64_t node;
    double *sum, *dy, *param; /* of all ports; dy: gradient of the value */
    const double *args[SLOTS];
    Cell cell, back;
} CellProbe;

/* dy . value */
static double cell_value(void *of)
{
    CellProbe *p = of;
    double total = 0;
    eval_cell(&p->cell, p->args, p->param, p->node);
    for (int64_t i = 0; i < shape_size(p->set->value_map); i++)
        total += p->dy[i] * cell_result(&p->cell, 0)[i];
    return total;
}

/* How wrong is the gradient that is claimed for x? */
static double cell_error(CellProbe *p, double *x, double gradient)
{
    return difference_entry(cell_value, p, x, *x, gradient, ENOUGH * LEAST_SCALE);
}

typedef struct CellWorst {
    double error, scale; /* by result of the gradient function: largest difference, largest gradient */
} CellWorst;

static void cell_entry(CellProbe *p, double *x, double gradient, CellWorst *worst)
{
    worst->error = fmax(worst->error, cell_error(p, x, gradient));
    worst->scale = fmax(worst->scale, fabs(gradient));
}

static void cell_draw(CellProbe *p, CellWorst *worst)
{
    const CellFn *cell = &p->set->cell;
    const int64_t size = shape_size(p->set->map);
    eval_cell(&p->back, p->args, p->param, p->node);
    for (int64_t i = 0; i < set_sums(p->set) * size; i++) {
        const int result = cell->gradient[SLOT_SUM + i / size];
        cell_entry(p, &p->sum[i], cell_result(&p->back, result)[i % size], &worst[result]);
    }
    for (int i = 0; i < cell->weights.count; i++) {
        const Value *w = cell->weights.at[i];
        int64_t at = w->param->offset + (w->param->shared ? 0 : p->node * w->param->components) + w->index;
        int result = cell->first_weight + i;
        cell_entry(p, &p->param[at], *cell_result(&p->back, result), &worst[result]);
    }
}

double cell_gradcheck(Arena *a, const Model *m, const NodeSet *set, int draws)
{
    const int results = set->cell.back->results.count;
    const int64_t size = shape_size(set->map), sums = set_sums(set) * size;
    CellProbe p = {.set = set,
                   .sum = NEW_ARRAY(a, double, (size_t)sums),
                   .dy = NEW_ARRAY(a, double, (size_t)shape_size(set->value_map)),
                   .param = NEW_ARRAY(a, double, (size_t)m->param_total + 1),
                   .cell = cell_new(a, set->cell.forward),
                   .back = cell_new(a, set->cell.back)};
    CellWorst *worst = NEW_ARRAY(a, CellWorst, (size_t)results);
    static const double valid = 1;
    double relative = 0;
    for (int k = 0; k < set_sums(set); k++) p.args[SLOT_SUM + k] = p.sum + k * size;
    p.args[SLOT_D] = p.dy, p.args[SLOT_VALID] = &valid;
    for (int d = 0; d < draws; d++) {
        if (d % set->size == 0) start_values(m, 1 + (uint64_t)(d / set->size), p.param);
        p.node = d % set->size;
        for (int64_t i = 0; i < sums; i++) p.sum[i] = rng_normal(23, RNG_GRADCHECK, (uint64_t)(d * sums + i));
        for (int64_t i = 0; i < shape_size(set->value_map); i++)
            p.dy[i] = shape_size(set->value_map) == 1
                          ? 1
                          : rng_normal(29, RNG_GRADCHECK, (uint64_t)(d * shape_size(set->value_map) + i));
        cell_draw(&p, worst);
    }
    for (int r = 0; r < results; r++)
        relative = fmax(relative, worst[r].error / fmax(worst[r].scale, LEAST_SCALE));
    return relative;
}
