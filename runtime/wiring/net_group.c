/* net_group.c: lists whose budget counts groups of candidates (`keep 30% of j`), and tied weights (`tied (i,
 * j)`), which edges of several lists may have in common (`tied ("name", i, j)`).
 *
 * Each candidate of a tie has a number of its own, and these are the same number: they start from that of the
 * first, and the gradients of a tie are summed in a fixed order and given to all of its candidates before the
 * optimiser moves them.
 */
#define _GNU_SOURCE
#include "common/interval.h"
#include "common/thread.h"
#include "net/net_private.h"
#include "wiring/rule.h"
#include <stdlib.h>
#include <string.h>

NetEdgeAt net_edge_at(const Net *n, const NetList *l, int64_t position)
{
    NetBundle *b = &n->bundles[l->first_bundle];
    while (position >= b->position + b->legal.count) b++;
    return (NetEdgeAt){b, position - b->position};
}

/* ---- building ---- */

static bool build(const Net *n, const NetList *l, bool tie, Groups **out)
{
    GroupLine *lines = calloc((size_t)l->bundle_count + 1, sizeof *lines);
    Groups *found = calloc(1, sizeof *found);
    for (int i = 0; lines && i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        const NetGraph *g = &n->graphs[b->line.graph];
        EdgesRecord *r = &n->record.bundles[l->first_bundle + i];
        CandidateKey *key = tie ? &r->tie : &r->group;
        for (int k = 0; k < key->step_count; k++) key->steps[k].op = interval_op(key->steps[k].name);
        lines[i] = (GroupLine){&b->legal, &g->sets[b->line.to].wiring, &g->sets[b->line.from].wiring, key};
    }
    const bool ok = lines && found && groups_build(lines, l->bundle_count, found) == GROUPS_BUILT;
    free(lines);
    if (ok) *out = found;
    else free(found);
    return ok;
}

static bool group_list(const Net *n, NetList *l)
{
    if (l->bundle_count == 0) return true;
    const EdgesRecord *r = &n->record.bundles[l->first_bundle];
    if (r->group.part_count && !build(n, l, false, &l->groups)) return false;
    return !r->tie.part_count || build(n, l, true, &l->ties);
}

/* The lists with the text of `first`, which is the first of them. */
static bool share_lists(Net *n, NetList *first)
{
    NetShared *s = calloc(1, sizeof *s);
    const Groups **ties = calloc((size_t)n->list_count, sizeof *ties);
    int count = 0;
    first->shared = s;
    if (s) s->lists = calloc((size_t)n->list_count, sizeof(NetList *));
    bool ok = s && ties && s->lists;
    for (NetList *l = first; ok && l < n->lists + n->list_count; l++) {
        if (strcmp(l->shares, first->shares) != 0) continue;
        l->shared = s, l->place = count;
        s->lists[count] = l, ties[count++] = l->ties;
    }
    ok = ok && shared_ties_build(ties, count, &s->ties);
    free(ties);
    return ok;
}

bool net_group_lists(Net *n)
{
    for (int i = 0; i < n->list_count; i++)
        if (!group_list(n, &n->lists[i])) return false;
    for (NetList *l = n->lists; l < n->lists + n->list_count; l++)
        if (*l->shares && !l->shared && !share_lists(n, l)) return false;
    return true;
}

int64_t net_group_bytes(const Net *n, const NetList *l)
{
    if (l->bundle_count == 0) return 0;
    const EdgesRecord *r = &n->record.bundles[l->first_bundle];
    int64_t bytes = r->group.part_count ? groups_bytes(l->candidates, r->group.part_count) : 0;
    if (r->tie.part_count) bytes += groups_bytes(l->candidates, r->tie.part_count);
    return bytes;
}

void net_group_free(NetList *l)
{
    if (l->shared && l->place == 0) {
        shared_ties_free(&l->shared->ties);
        free(l->shared->lists), free(l->shared);
    }
    if (l->groups) groups_free(l->groups), free(l->groups);
    if (l->ties) groups_free(l->ties), free(l->ties);
}

/* ---- which are in use ---- */

typedef struct Scores {
    const Net *n;
    const NetList *l;
} Scores;

static double score_of(const void *context, int64_t candidate)
{
    const Scores *s = context;
    const NetEdgeAt at = net_edge_at(s->n, s->l, candidate);
    const float w = s->n->weights[at.bundle->param->offset + at.candidate];
    return w < 0 ? -(double)w : (double)w;
}

static double declared_score(const void *context, int64_t candidate)
{
    return (double)((const Scores *)context)->l->declared->score[candidate];
}

static uint32_t key_of(const Scores *s, int64_t group)
{
    const NetList *l = s->l;
    const bool scored = l->declared && !l->declared->magnitude;
    if (l->rule.kind == RULE_SAMPLE) {
        const NetBundle *b = &s->n->bundles[l->first_bundle];
        return sample_score(s->n->options.seed, b->line.graph, b->line.list, group);
    }
    if (scored) return score_key(l->declared->score[l->groups->member[l->groups->first[group]]]);
    return score_key((float)group_value(l->groups, group, l->score, score_of, s));
}

static int64_t mark_group(const Net *n, const NetList *l, int64_t group, uint8_t in)
{
    int64_t swapped = 0;
    for (int64_t m = l->groups->first[group]; m < l->groups->first[group + 1]; m++) {
        const NetEdgeAt at = net_edge_at(n, l, l->groups->member[m]);
        uint8_t *kept = &at.bundle->kept[at.candidate];
        swapped += in & (*kept ^ 1);
        at.bundle->changed |= *kept != in;
        *kept = in;
    }
    return swapped;
}

int64_t net_units_kept(const Net *n, const NetList *l)
{
    int64_t kept = 0;
    if (!l->groups) return net_list_kept(n, l);
    for (int64_t i = 0; i < l->groups->count; i++) {
        const NetEdgeAt at = net_edge_at(n, l, l->groups->member[l->groups->first[i]]);
        kept += at.bundle->kept[at.candidate];
    }
    return kept;
}

/* By their keys. */
static int by_key(const void *a, const void *b, void *groups)
{
    const Groups *g = groups;
    const double *x = g->keys + *(const int64_t *)a * g->parts, *y = g->keys + *(const int64_t *)b * g->parts;
    for (int k = 0; k < g->parts; k++)
        if (x[k] != y[k]) return x[k] < y[k] ? -1 : 1;
    return 0;
}

/* The keys of the groups in use, in order. */
static json_t *keys_in_use(const Net *n, const NetList *l)
{
    const Groups *g = l->groups;
    int64_t *order = malloc((size_t)(g->count + 1) * sizeof *order), count = 0;
    json_t *keys = json_array();
    for (int64_t i = 0; order && i < g->count; i++) {
        const NetEdgeAt at = net_edge_at(n, l, g->member[g->first[i]]);
        if (at.bundle->kept[at.candidate]) order[count++] = i;
    }
    if (order) qsort_r(order, (size_t)count, sizeof *order, by_key, (void *)g);
    for (int64_t i = 0; i < count; i++) {
        json_t *key = json_array();
        for (int k = 0; k < g->parts; k++)
            json_array_append_new(key, json_real(g->keys[order[i] * g->parts + k]));
        json_array_append_new(keys, key);
    }
    free(order);
    return keys;
}

json_t *net_group_table(const Net *n, const NetList *l)
{
    if (!l->groups) return NULL;
    return json_pack("{s:s, s:I, s:o}", "of", l->key, "count", (json_int_t)l->groups->count, "kept",
                     keys_in_use(n, l));
}

int64_t net_choose_groups(Net *n, NetList *l, int64_t keep)
{
    Scored *s = n->keys;
    int64_t swapped = 0;
    const Scores scores = {n, l};
    for (int64_t i = 0; i < l->groups->count; i++) s[i] = (Scored){key_of(&scores, i), 0, i};
    if (keep < l->groups->count) choose_strongest(s, l->groups->count, keep);
    for (int64_t i = 0; i < l->groups->count; i++) swapped += mark_group(n, l, s[i].position, i < keep);
    return swapped;
}

void net_group_scores(const Net *n, const NetList *l, int function)
{
    const GroupScore how = group_score_of(l->score, (uint64_t)n->record.rule_reads[function]);
    const Scores scores = {n, l};
    for (int64_t i = 0; l->groups && i < l->groups->count; i++)
        l->declared->score[l->groups->member[l->groups->first[i]]] =
            (float)group_value(l->groups, i, how, declared_score, &scores);
}

/* ---- tied weights ---- */

/* All candidates that have one weight, those of other lists included. */
typedef struct Members {
    const Net *n;
    const NetList *l;    /* one of their lists */
    const int64_t *ties; /* by list; NULL: it is the only one */
    int64_t tie, next;
    int place;
    NetEdgeAt at;
} Members;

static Members members_of(const Net *n, const NetList *l, int64_t tie)
{
    return (Members){
        .n = n, .l = l, .tie = tie, .ties = l->shared ? shared_tie(&l->shared->ties, l->place, tie) : NULL};
}

static bool next_here(Members *m, const NetList *l, int64_t tie)
{
    if (m->next >= group_size(l->ties, tie)) return false;
    m->at = net_edge_at(m->n, l, l->ties->member[l->ties->first[tie] + m->next++]);
    return true;
}

/* The next one is `at`; false: there are no more. */
static bool next_member(Members *m)
{
    if (!m->ties) return next_here(m, m->l, m->tie);
    for (; m->place < m->l->shared->ties.lists; m->place++, m->next = 0)
        if (m->ties[m->place] >= 0 && next_here(m, m->l->shared->lists[m->place], m->ties[m->place]))
            return true;
    return false;
}

void net_each_tied(const Net *n, const NetList *l, int64_t tie, NetEachTied *each, void *context)
{
    for (Members m = members_of(n, l, tie); next_member(&m);) each(context, m.at);
}

bool net_tie_leads(const NetList *l, int64_t position)
{
    return group_leads(l->ties, position) &&
           shared_leads(l->shared ? &l->shared->ties : NULL, l->place, l->ties->of[position]);
}

/* Some ties of a list, and a number of each component of one of its weights. */
typedef struct Ties {
    const Net *n;
    const NetList *l;
    void *array; /* Net.grad, or Net.weights */
    bool sums;   /* else the first one's number */
    int real;    /* bytes of a number */
} Ties;

static double number_at(const Ties *t, int64_t at)
{
    return t->real == 4 ? (double)((const float *)t->array)[at] : ((const double *)t->array)[at];
}

static void put_number(const Ties *t, int64_t at, double x)
{
    if (t->real == 4) ((float *)t->array)[at] = (float)x;
    else ((double *)t->array)[at] = x;
}

static int64_t element_of(NetEdgeAt at, int weight, int64_t components, int64_t k)
{
    return at.bundle->weights[weight]->offset + at.candidate * components + k;
}

/* Has the tie a gradient in this step? All of its edges are in use, or none is. */
static bool learns(const Ties *t, NetEdgeAt first)
{
    const NetBundle *b = first.bundle;
    const float *learners = t->l->declared ? t->l->declared->learns : NULL;
    if (!t->sums || !gradient_of_used(t->n, b)) return true;
    return learners ? learners[b->place + first.candidate] != 0 : b->kept[first.candidate];
}

static void join_weight(const Ties *t, Members all, int weight, int64_t components)
{
    for (int64_t k = 0; k < components; k++) {
        Members m = all;
        double x = next_member(&m) ? number_at(t, element_of(m.at, weight, components, k)) : 0;
        while (t->sums && next_member(&m)) x += number_at(t, element_of(m.at, weight, components, k));
        for (m = all; next_member(&m);) put_number(t, element_of(m.at, weight, components, k), x);
    }
}

enum { PIECE = 256 };

static void join_piece(void *job, int64_t piece)
{
    const Ties *t = job;
    const Groups *g = t->l->ties;
    for (int64_t tie = piece * PIECE; tie < (piece + 1) * PIECE && tie < g->count; tie++) {
        const NetEdgeAt first = net_edge_at(t->n, t->l, g->member[g->first[tie]]);
        if (!net_tie_leads(t->l, g->member[g->first[tie]])) continue;
        for (int w = 0; w < first.bundle->line.weight_count; w++) {
            const NetParam *p = first.bundle->weights[w];
            if (p->tied && learns(t, first))
                join_weight(t, members_of(t->n, t->l, tie), w, net_components(first.bundle, p));
        }
    }
}

static void join_ties(Ties t)
{
    if (t.l->ties) thread_share(t.n->options.threads, (t.l->ties->count + PIECE - 1) / PIECE, join_piece, &t);
}

void net_tie_gradients(const Net *n)
{
    for (int i = 0; i < n->list_count; i++) join_ties((Ties){n, &n->lists[i], n->grad, true, n->real_size});
}

void net_tie_weights(const Net *n, const NetList *l)
{
    join_ties((Ties){n, l, n->weights, false, sizeof *n->weights});
}

void net_tie_follow(const Net *n, const NetParam *p, int64_t at)
{
    for (NetBundle *b = n->bundles; p->tied && b < n->bundles + n->bundle_count; b++)
        for (int w = 0; w < b->line.weight_count; w++) {
            if (b->weights[w] != p) continue;
            const int64_t components = net_components(b, p);
            const NetList *l = net_list_of(n, b);
            Members m = members_of(n, l, l->ties->of[b->position + at / components]);
            double *all = n->param, x = all[p->offset + at];
            while (next_member(&m)) all[element_of(m.at, w, components, at % components)] = x;
        }
}

/* Calls `each` for the numbers of tied candidates beside the first ones. */
typedef void EachAgain(void *sum, const Net *n, NetEdgeAt at, int64_t element);

static void each_again(const Net *n, EachAgain *each, void *sum)
{
    for (const NetList *l = n->lists; l < n->lists + n->list_count; l++)
        for (int64_t c = 0; l->ties && c < l->ties->candidates; c++) {
            if (net_tie_leads(l, c)) continue;
            const NetEdgeAt at = net_edge_at(n, l, c);
            for (int w = 0; w < at.bundle->line.weight_count; w++) {
                const NetParam *p = at.bundle->weights[w];
                const int64_t components = net_components(at.bundle, p);
                for (int64_t k = 0; p->tied && p->learned && k < components; k++)
                    each(sum, n, at, element_of(at, w, components, k));
            }
        }
}

static void count_number(void *sum, const Net *n, NetEdgeAt at, int64_t element)
{
    (void)n, (void)element;
    *(int64_t *)sum += at.bundle->kept[at.candidate];
}

int64_t net_tied_again(const Net *n)
{
    int64_t count = 0;
    each_again(n, count_number, &count);
    return count;
}

static void add_square(void *sum, const Net *n, NetEdgeAt at, int64_t element)
{
    const double x = (double)((const float *)n->grad)[element];
    if (!gradient_of_used(n, at.bundle) || at.bundle->kept[at.candidate]) *(double *)sum += x * x;
}

double net_tied_squares(const Net *n)
{
    double sum = 0;
    each_again(n, add_square, &sum);
    return sum;
}

/* ---- from outside ---- */

bool net_groups_fit(const Net *n, const NetList *l, RtError *e)
{
    for (int64_t c = 0; l->groups && c < l->groups->candidates; c++) {
        const NetEdgeAt at = net_edge_at(n, l, c),
                        first = net_edge_at(n, l, l->groups->member[l->groups->first[l->groups->of[c]]]);
        if (at.bundle->kept[at.candidate] != first.bundle->kept[first.candidate])
            return rt_fail(e, RT_BAD_INPUT, "'%s' has some edges of a group in use, and others not", l->name);
    }
    for (int64_t c = 0; l->ties && c < l->ties->candidates; c++) {
        const NetEdgeAt at = net_edge_at(n, l, c),
                        first = net_edge_at(n, l, l->ties->member[l->ties->first[l->ties->of[c]]]);
        for (int w = 0; w < at.bundle->line.weight_count; w++) {
            const int64_t components = net_components(at.bundle, at.bundle->weights[w]);
            for (int64_t k = 0; at.bundle->weights[w]->tied && k < components; k++)
                if (n->weights[element_of(at, w, components, k)] !=
                    n->weights[element_of(first, w, components, k)])
                    return rt_fail(e, RT_BAD_INPUT, "'%s' has different weights where they are tied",
                                   l->name);
        }
    }
    return true;
}
