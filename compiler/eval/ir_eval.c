/* ir_eval.c: the reference interpreter. Nothing here is fast; everything is the definition. */
#include "eval/ir_eval_group.h"
#include "eval/ir_eval_rule.h"
#include "base/diag.h"
#include "ir/op.h"
#include "common/init.h"
#include "common/rng.h"
#include "common/schedule.h"
#include <math.h>

/* ---- whole functions ---- */

static double eval_random(const EvalContext *c, const Value *v, int64_t sample, int64_t element)
{
    uint64_t stream = RNG_DROPOUT + ((uint64_t)v->index << 8) + ((uint64_t)c->step << 16);
    return (rng_words(c->seed, stream, ((uint64_t)sample << 32) | (uint64_t)element).v[0] >> 8) * 0x1p-24;
}

static void eval_pointwise(Eval *e, const Value *v, const EvalContext *c, int64_t sample, double *out)
{
    int64_t n = shape_size(v->shape);
    double a[3];
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < v->arg_count; k++) {
            const Value *x = v->args[k];
            const double *data = e->value[x->id] + (x->per_sample ? sample * shape_size(x->shape) : 0);
            a[k] = data[x->shape.rank ? i : 0];
        }
        out[i] = v->op == IR_POSITION ? (double)i
                 : v->op == IR_RANDOM ? eval_random(c, v, sample, i)
                                      : pointwise_eval(v->op, a);
    }
}

/* Schedules stand halfway through the training. */
static double eval_factor(const EvalContext *c, int64_t index)
{
    const json_t *factor = json_array_get(c->model->factors, (size_t)index);
    if (json_is_string(factor)) return (double)(c->samples ? c->samples : c->batch);
    return schedule_at(factor, 0.5, 1, -1);
}

static void eval_used(const EvalContext *c, const Value *v, double *out)
{
    for (int64_t i = 0; i < shape_size(v->shape); i++) out[i] = c->kept[v->graph->number][v->index][i] == 1;
}

static void eval_leads(const Value *v, double *out)
{
    const int64_t first = list_position(v->graph, (int)v->index);
    const EdgeList *l = &v->graph->lists.at[v->graph->bundles.at[v->index].list];
    for (int64_t i = 0; i < shape_size(v->shape); i++) out[i] = tie_leads(l, first + i);
}

static void eval_sample(Eval *e, const Value *v, const EvalContext *c, int64_t sample, double *out)
{
    const double *args[MOST_TAPS + 1];
    int64_t n = shape_size(v->shape);
    switch (v->op) {
    case IR_CONST: *out = v->number; return;
    case IR_COUNT: *out = (double)c->batch; return;
    case IR_FACTOR: *out = eval_factor(c, v->index); return;
    case IR_USED: eval_used(c, v, out); return;
    case IR_LEADS: eval_leads(v, out); return;
    case IR_VALID: *out = 1; return;
    case IR_INPUT: memcpy(out, c->input + sample * n, (size_t)n * sizeof *out); return;
    case IR_TARGET: memcpy(out, c->target + sample * n, (size_t)n * sizeof *out); return;
    case IR_PARAM: memcpy(out, c->param + v->param->offset, (size_t)n * sizeof *out); return;
    default: break;
    }
    if (op_info[v->op].class == CLASS_POINTWISE) {
        eval_pointwise(e, v, c, sample, out);
        return;
    }
    if (v->arg_count > MOST_TAPS + 1) BUG("%s with %d arguments", op_info[v->op].text, v->arg_count);
    for (int k = 0; k < v->arg_count; k++)
        args[k] =
            e->value[v->args[k]->id] + (v->args[k]->per_sample ? sample * shape_size(v->args[k]->shape) : 0);
    op_eval(v, args, out);
}

static void eval_sum_samples(Eval *e, const Value *v, const EvalContext *c)
{
    int64_t n = shape_size(v->shape);
    for (int64_t s = 0; s < c->batch; s++)
        for (int64_t i = 0; i < n; i++)
            e->value[v->id][i] += e->value[v->args[0]->id][v->args[0]->per_sample ? s * n + i : i];
}

static void eval_moments(Eval *e, const Value *v, const EvalContext *c)
{
    const Value *x = v->args[0];
    int64_t channels = shape_size(v->shape) / 2, numbers = moments_numbers(v), size = channels * numbers;
    for (int64_t i = 0; i < channels; i++) {
        double *mean = &e->value[v->id][i], *variance = mean + channels;
        double n = (double)(c->batch * numbers);
        for (int64_t k = 0; k < c->batch * numbers; k++)
            *mean += e->value[x->id][k / numbers * size + i * numbers + k % numbers] / n;
        for (int64_t k = 0; k < c->batch * numbers; k++) {
            double d = e->value[x->id][k / numbers * size + i * numbers + k % numbers] - *mean;
            *variance += d * d / n;
        }
    }
}

Eval *eval_func(Arena *a, const Func *f, const EvalContext *c)
{
    Eval *e = NEW(a, Eval);
    e->value = NEW_ARRAY(a, double *, (size_t)f->values.count);
    e->run = NEW_ARRAY(a, struct GraphRun *, (size_t)f->values.count);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        int64_t n = shape_size(v->shape), copies = v->per_sample ? c->batch : 1;
        e->value[i] = NEW_ARRAY(a, double, (size_t)(n * copies) + 1);
        if (op_info[v->op].class == CLASS_WIRED) eval_wired(a, e, v, c);
        else if (v->op == IR_SUM_SAMPLES) eval_sum_samples(e, v, c);
        else if (v->op == IR_MOMENTS) eval_moments(e, v, c);
        else
            for (int64_t s = 0; s < copies; s++) eval_sample(e, v, c, s, e->value[i] + s * n);
    }
    eval_tie_gradients(e, f, c->model);
    return e;
}

EvalSteps **eval_steps(Arena *a, const Model *m, int64_t batch)
{
    EvalSteps **all = NEW_ARRAY(a, EvalSteps *, (size_t)m->graphs.count + 1);
    for (int i = 0; i < m->graphs.count; i++) all[i] = NEW_ARRAY(a, EvalSteps, (size_t)batch + 1);
    return all;
}

/* ---- choice and initial values ---- */

typedef struct Scored {
    double score;
    int64_t order; /* position in the list: ties go to the lower one */
    uint8_t *kept;
} Scored;

static int by_score(const void *a, const void *b)
{
    const Scored *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void keep_best(Scored *s, int64_t count, int64_t keep)
{
    qsort(s, (size_t)count, sizeof *s, by_score);
    for (int64_t i = 0; i < count && i < keep; i++) *s[i].kept = 1;
}

/* A list of edges, and marks of the candidates of its graph, by bundle. */
typedef struct Chosen {
    const Graph *g;
    int list;
    uint8_t **kept;
} Chosen;

/* Candidates of a list; for fan budgets only those into (out of) one node. */
static int64_t collect(const EvalContext *c, const Chosen *of, int set, int64_t node, Scored *out)
{
    const Graph *g = of->g;
    const int list = of->list;
    int64_t n = 0, order = 0;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        CandidateRun run;
        if (u->list != list) continue;
        for (int64_t t = 0; t < u->candidates.targets; t++)
            for (int64_t r = 0; candidates_run(&u->candidates, t, r, &run); r++)
                for (int64_t i = 0; i < run.length; i++, order++) {
                    const EdgeList *l = &g->lists.at[list];
                    if (l->budget.form == KEEP_FAN_IN && (u->to != set || t != node)) continue;
                    if (l->budget.form == KEEP_FAN_OUT && (u->from != set || run.source + i != node))
                        continue;
                    double score = l->rule.kind != RULE_DNW ? sample_score(c->seed, g->number, list, order)
                                   : u->weight ? fabs(c->param[u->weight->offset + run.first + i])
                                               : 0;
                    out[n++] = (Scored){score, order, &of->kept[b][run.first + i]};
                }
    }
    return n;
}

/* A rule that says itself which edges are in use. */
static void choose_by_condition(const EvalContext *c, const Chosen *of)
{
    const Graph *g = of->g;
    const int used = g->lists.at[of->list].declared->used;
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t i = 0; g->bundles.at[b].list == of->list && i < g->bundles.at[b].candidates.count; i++)
            of->kept[b][i] = eval_carried(c->model, g, (CandidateAt){b, i}, used, c->param) != 0;
}

/* Before the first step of a declared rule. */
static void draw_list(Arena *a, const EvalContext *c, const Chosen *of, int64_t keep)
{
    const Groups *groups = of->g->lists.at[of->list].groups;
    Scored *s = NEW_ARRAY(a, Scored, (size_t)of->g->lists.at[of->list].candidates + 1);
    const int64_t collected = collect(c, of, 0, 0, s), count = groups ? groups->count : collected;
    if (keep > count) keep = count;
    int64_t *drawn = NEW_ARRAY(a, int64_t, (size_t)keep + 1);
    if (!rule_drawn(c->seed, list_number(c->model, of->g, of->list), keep, count, drawn)) return;
    for (int64_t i = 0; i < keep; i++) {
        if (!groups) *s[drawn[i]].kept = 1;
        for (int64_t m = groups ? groups->first[drawn[i]] : 0; groups && m < groups->first[drawn[i] + 1]; m++)
            *s[groups->member[m]].kept = 1;
    }
}

static void choose_list(Arena *a, const EvalContext *c, const Chosen *of, double epoch)
{
    const Graph *g = of->g;
    const EdgeList *l = &g->lists.at[of->list];
    if (c->model && l->declared && l->declared->used != NO_FUNCTION) {
        choose_by_condition(c, of);
        return;
    }
    Scored *s = NEW_ARRAY(a, Scored, (size_t)l->candidates);
    const bool all = l->declared && l->declared->start_all && c->model;
    int64_t keep = all ? list_units(l) : budget_now(&l->budget, list_units(l), epoch);
    if (l->groups && (!l->declared || !c->model)) {
        eval_choose_groups(a, c, g, of->list, keep, of->kept);
        return;
    }
    if (l->declared && c->model && (l->budget.form == KEEP_COUNT || l->budget.form == KEEP_ANNEAL)) {
        draw_list(a, c, of, keep);
        return;
    }
    if (l->budget.form != KEEP_FAN_IN && l->budget.form != KEEP_FAN_OUT) {
        keep_best(s, collect(c, of, 0, 0, s), keep);
        return;
    }
    for (int set = 0; set < g->sets.count; set++)
        for (int64_t node = 0; node < g->sets.at[set].size; node++)
            keep_best(s, collect(c, of, set, node, s), keep);
}

static void choose_graph(Arena *a, EvalContext *c, const Graph *g, double epoch)
{
    uint8_t **kept = c->kept[g->number] = NEW_ARRAY(a, uint8_t *, (size_t)g->bundles.count + 1);
    for (int b = 0; b < g->bundles.count; b++)
        kept[b] = NEW_ARRAY(a, uint8_t, (size_t)g->bundles.at[b].candidates.count + 1);
    for (int l = 0; l < g->lists.count; l++)
        if (!c->model || !g->lists.at[l].together) choose_list(a, c, &(Chosen){g, l, kept}, epoch);
}

/* Adds the sets and lines of a graph to one of all. */
static void join(Arena *a, const Model *m, const Graph *g, Graph *all)
{
    const int sets = all->sets.count;
    for (int i = 0; i < g->sets.count; i++) vec_push(a, &all->sets, g->sets.at[i]);
    for (int i = 0; i < g->lists.count; i++) {
        EdgeList l = g->lists.at[i];
        l.candidates = list_candidates(&l);
        if (!l.goes_on) vec_push(a, &all->lists, l);
    }
    for (int i = 0; i < g->bundles.count; i++) {
        Bundle u = g->bundles.at[i];
        u.from += sets, u.to += sets, u.list = list_number(m, g, u.list);
        vec_push(a, &all->bundles, u);
    }
}

Graph *eval_joined(Arena *a, const Model *m)
{
    Graph *all = NEW(a, Graph);
    for (int i = 0; i < m->graphs.count; i++) join(a, m, m->graphs.at[i], all);
    return all;
}

/* Lists of several graphs. */
static void choose_together(Arena *a, const EvalContext *c, double epoch)
{
    const Graph *all = eval_joined(a, c->model);
    uint8_t **kept = NEW_ARRAY(a, uint8_t *, (size_t)all->bundles.count + 1);
    int count = 0;
    for (int i = 0; i < c->model->graphs.count; i++)
        for (int b = 0; b < c->model->graphs.at[i]->bundles.count; b++) kept[count++] = c->kept[i][b];
    for (int l = 0; l < all->lists.count; l++)
        if (all->lists.at[l].together) choose_list(a, c, &(Chosen){all, l, kept}, epoch);
}

void eval_choose(Arena *a, EvalContext *c, double epoch)
{
    const Model *m = c->model;
    c->kept = NEW_ARRAY(a, uint8_t **, (size_t)m->graphs.count);
    for (int i = 0; i < m->graphs.count; i++) choose_graph(a, c, m->graphs.at[i], epoch);
    choose_together(a, c, epoch);
}

/* Candidates of the graph that lead into a node. */
static double candidates_into(const Graph *g, int set, int64_t node)
{
    double count = 0;
    for (int b = 0; b < g->bundles.count; b++)
        if (g->bundles.at[b].to == set)
            count += (double)(candidates_row(&g->bundles.at[b].candidates, node + 1) -
                              candidates_row(&g->bundles.at[b].candidates, node));
    return count;
}

/* Weights of edges whose range follows from the most candidates into one node that their list leads to: those
 * that compete for one budget start from one distribution. */
static void init_edges(const Graph *g, const Bundle *u, const Tensor *p, uint64_t seed, double *param)
{
    double fan = 0;
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t t = 0; t < g->bundles.at[b].candidates.targets && g->bundles.at[b].list == u->list; t++)
            fan = fmax(fan, candidates_into(g, g->bundles.at[b].to, t));
    const EdgeList *l = &g->lists.at[u->list];
    if (l->declared && rule_starts_sparse(l->declared)) fan = fan_in_use(&l->budget, list_units(l), fan);
    for (int64_t i = 0; i < p->size; i++) param[p->offset + i] = init_edge(&p->init, seed, p->number, i, fan);
}

static void init_others(const Tensor *p, uint64_t seed, double *param)
{
    const InitSpec s = tensor_init(p);
    double *out = param + p->offset;
    if (s.kind == INIT_ORTHOGONAL) {
        for (int64_t b = 0; b < p->size / p->components; b++)
            init_orthogonal(&s, seed, p->number, b, out + b * p->components);
    } else {
        for (int64_t k = 0; k < p->size; k++) out[k] = init_value(&s, seed, p->number, k);
    }
}

/* Into its range, and rounded to what a program holds. */
static void init_clamp(const Tensor *p, double *param)
{
    double *out = param + p->offset;
    for (int64_t k = 0; k < p->size; k++)
        out[k] = (float)(p->clamped ? fmin(fmax(out[k], p->low), p->high) : out[k]);
}

void eval_init(const Model *m, uint64_t seed, double *param)
{
    for (int i = 0; i < m->params.count; i++) init_others(m->params.at[i], seed, param);
    Arena *tmp = arena_new();
    const Graph *g = eval_joined(tmp, m);
    for (int b = 0; b < g->bundles.count; b++)
        for (int k = 0; k < g->bundles.at[b].weights.count; k++)
            if (init_by_candidate(&g->bundles.at[b].weights.at[k]->init))
                init_edges(g, &g->bundles.at[b], g->bundles.at[b].weights.at[k], seed, param);
    arena_free(tmp);
    for (int i = 0; i < m->graphs.count; i++) eval_spread(m->graphs.at[i], param);
    for (int i = 0; i < m->params.count; i++) init_clamp(m->params.at[i], param);
}

uint8_t **eval_first_choice(Arena *a, const Graph *g)
{
    int64_t end = 0;
    for (int b = 0; b < g->bundles.count; b++) {
        for (int i = 0; i < g->bundles.at[b].weights.count; i++) {
            const Tensor *p = g->bundles.at[b].weights.at[i];
            if (p->offset + p->size > end) end = p->offset + p->size;
        }
    }
    EvalContext c = {.seed = g->chance_seed, .param = NEW_ARRAY(a, double, (size_t)end + 1)};
    c.kept = NEW_ARRAY(a, uint8_t **, (size_t)g->number + 1);
    for (int b = 0; b < g->bundles.count; b++) {
        const Tensor *p = g->bundles.at[b].weight;
        if (p && init_by_candidate(&p->init)) init_edges(g, &g->bundles.at[b], p, c.seed, c.param);
        else if (p) init_others(p, c.seed, c.param);
        if (p) init_clamp(p, c.param);
    }
    for (int l = 0; l < g->lists.count; l++) /* weights of several graphs decide nothing here */
        if (!g->lists.at[l].shared) eval_spread_list(g, l, c.param);
    choose_graph(a, &c, g, 1e300);
    return c.kept[g->number];
}
