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

/* A candidate of some graph, by its position in a list. */
typedef struct Member {
    const Graph *g;
    int list;
    int64_t position;
} Member;

/* All candidates that have one weight, those of other lists and graphs included. */
typedef struct Members {
    const EdgeList *l; /* one of their lists, */
    Member in;         /* and which it is */
    const int64_t *ties;
    int64_t tie, next;
    int place;
} Members;

static Members members_of(const Graph *g, int list, int64_t tie)
{
    const EdgeList *l = &g->lists.at[list];
    return (Members){
        .l = l,
        .in = {g, list, 0},
        .tie = tie,
        .ties = l->shared ? shared_tie(&l->shared->ties, l->place, tie) : NULL,
    };
}

static bool next_here(Members *m, const Groups *ties, int64_t tie)
{
    if (m->next >= group_size(ties, tie)) return false;
    m->in.position = ties->member[ties->first[tie] + m->next++];
    return true;
}

/* The next one is `in`; false: there are no more. */
static bool next_member(Members *m)
{
    if (!m->ties) return next_here(m, m->l->ties, m->tie);
    for (; m->place < m->l->shared->lists.count; m->place++, m->next = 0) {
        if (m->ties[m->place] < 0) continue;
        m->in.g = m->l->shared->lists.at[m->place].graph;
        m->in.list = m->l->shared->lists.at[m->place].list;
        if (next_here(m, m->in.g->lists.at[m->in.list].ties, m->ties[m->place])) return true;
    }
    return false;
}

static const Bundle *line_of(const Member *m)
{
    return &m->g->bundles.at[list_at(m->g, m->list, m->position).bundle];
}

/* Component `k` of weight `i` of a candidate, among the parameters. */
static int64_t element_of(const Member *m, int i, int64_t k)
{
    const ListAt at = list_at(m->g, m->list, m->position);
    const Tensor *w = m->g->bundles.at[at.bundle].weights.at[i];
    return w->offset + at.candidate * w->components + k;
}

static bool leads(const Graph *g, int list, int64_t tie)
{
    const EdgeList *l = &g->lists.at[list];
    return tie_leads(l, l->ties->member[l->ties->first[tie]]);
}

static void spread_tie(const Graph *g, int list, int64_t tie, double *param)
{
    Members m = members_of(g, list, tie);
    next_member(&m);
    const Member first = m.in;
    const Bundle *u = line_of(&first);
    while (next_member(&m))
        for (int i = 0; i < u->weights.count; i++)
            for (int64_t k = 0; k < u->weights.at[i]->components && u->weights.at[i]->tied; k++)
                param[element_of(&m.in, i, k)] = param[element_of(&first, i, k)];
}

void eval_spread_list(const Graph *g, int list, double *param)
{
    for (int64_t tie = 0; g->lists.at[list].ties && tie < g->lists.at[list].ties->count; tie++)
        if (leads(g, list, tie)) spread_tie(g, list, tie, param);
}

void eval_spread(const Graph *g, double *param)
{
    for (int list = 0; list < g->lists.count; list++) eval_spread_list(g, list, param);
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
    const Tensor *w = g->bundles.at[b].weights.at[i];
    const int64_t candidate = (at - w->offset) / w->components, k = (at - w->offset) % w->components;
    Members m = members_of(g, list, g->lists.at[list].ties->of[list_position(g, b) + candidate]);
    while (next_member(&m))
        each(context, m.in.g, list_at(m.in.g, m.in.list, m.in.position), element_of(&m.in, i, k));
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

/* Where the gradient of component `k` of weight `i` of a candidate stands; `of`: those of each tensor, NULL:
 * none. */
static double *gradient_at(double *const *of, const Member *m, int i, int64_t k)
{
    const Tensor *w = line_of(m)->weights.at[i];
    return of[w->number] ? &of[w->number][element_of(m, i, k) - w->offset] : NULL;
}

static void sum_component(double *const *of, Members each, int i, int64_t k)
{
    double sum = 0;
    for (Members m = each; next_member(&m);) {
        const double *x = gradient_at(of, &m.in, i, k);
        sum += x ? *x : 0;
    }
    for (Members m = each; next_member(&m);) {
        double *x = gradient_at(of, &m.in, i, k);
        if (x) *x = sum;
    }
}

static void tie_list(double *const *of, const Graph *g, int list)
{
    for (int64_t tie = 0; tie < g->lists.at[list].ties->count; tie++) {
        if (!leads(g, list, tie)) continue;
        Members m = members_of(g, list, tie), first = m;
        next_member(&first);
        const Bundle *u = line_of(&first.in);
        for (int i = 0; i < u->weights.count; i++)
            for (int64_t k = 0; k < u->weights.at[i]->components && u->weights.at[i]->tied; k++)
                sum_component(of, m, i, k);
    }
}

void eval_tie_gradients(Eval *e, const Func *f, const Model *m)
{
    double **of = m ? calloc((size_t)m->params.count + 1, sizeof *of) : NULL;
    for (int i = 0; m && i < m->params.count; i++)
        if (m->params.at[i]->tied) of[i] = gradient_of(e, f, m->params.at[i]);
    for (int i = 0; m && i < m->graphs.count; i++)
        for (int list = 0; list < m->graphs.at[i]->lists.count; list++)
            if (m->graphs.at[i]->lists.at[list].ties) tie_list(of, m->graphs.at[i], list);
    free(of);
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
    const Tensor *decides = w->g->bundles.at[at.bundle].weight;
    return decides ? fabs(w->param[decides->offset + at.candidate]) : 0; /* without one all are in use */
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
