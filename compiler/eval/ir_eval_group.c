/* ir_eval_group.c: see ir_eval_group.h. */
#include "eval/ir_eval_group.h"
#include "common/init.h"
#include <math.h>
#include <stdlib.h>

ListAt list_at(const Graph *g, int list, int64_t position)
{
    int b = list_first(g, list);
    while (position >= g->bundles.at[b].candidates.count) position -= g->bundles.at[b++].candidates.count;
    return (ListAt){b, position};
}

/* ---- tied weights ---- */

/* Component `k` of weight `i` of a candidate, among the parameters. */
static int64_t element_of(const Graph *g, ListAt at, int i, int64_t k)
{
    const Tensor *w = g->bundles.at[at.bundle].weights.at[i];
    return w->offset + at.candidate * w->components + k;
}

static void spread_tie(const Graph *g, int list, int64_t tie, double *param)
{
    const Groups *ties = g->lists.at[list].ties;
    const ListAt leader = list_at(g, list, ties->member[ties->first[tie]]);
    const Bundle *u = &g->bundles.at[leader.bundle];
    for (int64_t m = ties->first[tie] + 1; m < ties->first[tie + 1]; m++) {
        const ListAt at = list_at(g, list, ties->member[m]);
        for (int i = 0; i < u->weights.count; i++)
            for (int64_t k = 0; k < u->weights.at[i]->components && u->weights.at[i]->tied; k++)
                param[element_of(g, at, i, k)] = param[element_of(g, leader, i, k)];
    }
}

void eval_spread(const Graph *g, double *param)
{
    for (int list = 0; list < g->lists.count; list++)
        for (int64_t tie = 0; g->lists.at[list].ties && tie < g->lists.at[list].ties->count; tie++)
            spread_tie(g, list, tie, param);
}

/* The line and the number of the weight that an element belongs to; false: it is no tied weight. */
static bool find_tied(const Graph *g, int64_t at, int *bundle, int *weight)
{
    for (int b = 0; b < g->bundles.count; b++)
        for (int i = 0; i < g->bundles.at[b].weights.count; i++) {
            const Tensor *w = g->bundles.at[b].weights.at[i];
            if (!w->tied || at < w->offset || at >= w->offset + w->size) continue;
            return *bundle = b, *weight = i, true;
        }
    return false;
}

static bool each_tied_of(const Graph *g, int64_t at, EachTied *each, void *context)
{
    int b, i;
    if (!find_tied(g, at, &b, &i)) return false;
    const int list = g->bundles.at[b].list;
    const Groups *ties = g->lists.at[list].ties;
    const Tensor *w = g->bundles.at[b].weights.at[i];
    const int64_t candidate = (at - w->offset) / w->components, k = (at - w->offset) % w->components,
                  tie = ties->of[list_position(g, b) + candidate];
    for (int64_t m = ties->first[tie]; m < ties->first[tie + 1]; m++) {
        const ListAt place = list_at(g, list, ties->member[m]);
        each(context, g, place, element_of(g, place, i, k));
    }
    return true;
}

bool eval_each_tied(const Model *m, int64_t at, EachTied *each, void *context)
{
    for (int g = 0; g < m->graphs.count; g++)
        if (each_tied_of(m->graphs.at[g], at, each, context)) return true;
    return false;
}

static double *gradient_of(const Eval *e, const Func *f, const Tensor *t)
{
    for (int r = 0; r < f->results.count; r++) {
        const char *name = f->result_names.at[r];
        if (strncmp(name, "d ", 2) == 0 && strcmp(name + 2, t->name) == 0)
            return e->value[f->results.at[r]->id];
    }
    return NULL;
}

/* Gradients of weight `i` of each line of a list, NULL: none. */
typedef struct TieGradients {
    const Graph *g;
    int list, weight;
    double **of; /* by bundle */
} TieGradients;

static double *tie_gradient(const TieGradients *t, int64_t position, int64_t k)
{
    const ListAt at = list_at(t->g, t->list, position);
    const Tensor *w = t->g->bundles.at[at.bundle].weights.at[t->weight];
    return t->of[at.bundle] ? &t->of[at.bundle][at.candidate * w->components + k] : NULL;
}

static void sum_tie(const TieGradients *t, int64_t tie, int64_t components)
{
    const Groups *ties = t->g->lists.at[t->list].ties;
    for (int64_t k = 0; k < components; k++) {
        double sum = 0;
        for (int64_t m = ties->first[tie]; m < ties->first[tie + 1]; m++) {
            const double *x = tie_gradient(t, ties->member[m], k);
            sum += x ? *x : 0;
        }
        for (int64_t m = ties->first[tie]; m < ties->first[tie + 1]; m++) {
            double *x = tie_gradient(t, ties->member[m], k);
            if (x) *x = sum;
        }
    }
}

static void tie_list(const Eval *e, const Func *f, const Graph *g, int list)
{
    const Groups *ties = g->lists.at[list].ties;
    TieGradients t = {.g = g, .list = list, .of = calloc((size_t)g->bundles.count + 1, sizeof *t.of)};
    for (int64_t tie = 0; tie < ties->count; tie++) {
        const Bundle *u = &g->bundles.at[list_at(g, list, ties->member[ties->first[tie]]).bundle];
        for (t.weight = 0; t.weight < u->weights.count; t.weight++) {
            if (!u->weights.at[t.weight]->tied) continue;
            for (int b = 0; b < g->bundles.count; b++)
                t.of[b] = g->bundles.at[b].list == list && t.weight < g->bundles.at[b].weights.count
                              ? gradient_of(e, f, g->bundles.at[b].weights.at[t.weight])
                              : NULL;
            sum_tie(&t, tie, u->weights.at[t.weight]->components);
        }
    }
    free(t.of);
}

void eval_tie_gradients(Eval *e, const Func *f, const Model *m)
{
    for (int i = 0; m && i < m->graphs.count; i++)
        for (int list = 0; list < m->graphs.at[i]->lists.count; list++)
            if (m->graphs.at[i]->lists.at[list].ties) tie_list(e, f, m->graphs.at[i], list);
}

/* ---- budgets of groups ---- */

typedef struct Weights {
    const Graph *g;
    int list;
    const double *param;
} Weights;

static double magnitude_of(const void *context, int64_t candidate)
{
    const Weights *w = context;
    const ListAt at = list_at(w->g, w->list, candidate);
    return fabs(w->param[w->g->bundles.at[at.bundle].weight->offset + at.candidate]);
}

typedef struct Ranked {
    double score;
    int64_t group;
} Ranked;

static int largest_first(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return x->group < y->group ? -1 : 1;
}

void eval_choose_groups(Arena *a, const EvalContext *c, const Graph *g, int list, int64_t keep,
                        uint8_t **kept)
{
    const EdgeList *l = &g->lists.at[list];
    const Weights weights = {g, list, c->param};
    Ranked *all = NEW_ARRAY(a, Ranked, (size_t)l->groups->count + 1);
    for (int64_t i = 0; i < l->groups->count; i++)
        all[i] =
            (Ranked){l->rule.kind == RULE_SAMPLE ? sample_score(c->seed, g->number, list, i)
                                                 : (float)group_value(l->groups, i, l->score, magnitude_of,
                                                                      &weights), /* as programs */
                     i};
    qsort(all, (size_t)l->groups->count, sizeof *all, largest_first);
    for (int64_t i = 0; i < keep && i < l->groups->count; i++)
        for (int64_t m = l->groups->first[all[i].group]; m < l->groups->first[all[i].group + 1]; m++) {
            const ListAt at = list_at(g, list, l->groups->member[m]);
            kept[at.bundle][at.candidate] = 1;
        }
}
