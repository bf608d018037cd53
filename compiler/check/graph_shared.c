/* graph_shared.c: weights that edges of several graphs, or of several lists, have in common: `tied ("name",
 * KEY)`.
 *
 * Such edges come and go by themselves, list by list, and do so alike: all are in use, or a rule says from
 * their weights alone which are. So a budget counts in one list only, and is refused.
 */
#include "check/graph.h"
#include "model/rule.h"

static const Bundle *first_line(const struct ListPlace *p)
{
    return &p->graph->bundles.at[list_first(p->graph, p->list)];
}

static EdgeList *list_of(const struct ListPlace *p)
{
    return &p->graph->lists.at[p->list];
}

/* All that have a text in common, by text. */
typedef struct ByText {
    Table texts;
    Vec(SharedLists *) all;
} ByText;

static void add_list(Check *k, ByText *by, Graph *g, int list)
{
    const char *text = g->lists.at[list].shares;
    int *place = table_place(k->perm, &by->texts, text, strlen(text));
    if (*place < 0) {
        *place = by->all.count;
        vec_push(k->perm, &by->all, NEW(k->perm, SharedLists));
    }
    vec_push(k->perm, &by->all.at[*place]->lists, ((struct ListPlace){g, list}));
}

/* Does its rule say from these weights alone which edges are in use? */
static bool decides_alone(const EdgeList *l)
{
    const Rule *r = l->declared;
    if (!r) return l->budget.form == KEEP_ALL && l->rule.kind != RULE_SAMPLE;
    bool alone = r->used != NO_FUNCTION && r->all_gradients;
    for (int i = 0; i < r->states.count; i++) alone = alone && r->states.at[i].given;
    return alone;
}

static bool same_weight(const Tensor *a, const Tensor *b)
{
    const bool same_range = a->clamped == b->clamped && a->low == b->low && a->high == b->high;
    return a->components == b->components && strcmp(strrchr(a->name, '.'), strrchr(b->name, '.')) == 0 &&
           a->learned == b->learned && a->lr == b->lr && a->decay == b->decay && same_range;
}

static bool same_weights(const Bundle *a, const Bundle *b)
{
    if (a->weights.count != b->weights.count) return false;
    for (int i = 0; i < a->weights.count; i++)
        if (!same_weight(a->weights.at[i], b->weights.at[i])) return false;
    return true;
}

static bool same_rule(const EdgeList *a, const EdgeList *b)
{
    if (!a->declared || !b->declared) return a->declared == b->declared;
    return rule_is_same(a->declared, b->declared);
}

/* What differs between two lists; NULL: nothing. */
static const char *difference(const struct ListPlace *a, const struct ListPlace *b)
{
    if (list_of(a)->ties->parts != list_of(b)->ties->parts) return "their keys have as many numbers";
    if (!same_weights(first_line(a), first_line(b)))
        return "their functions have the same weights, with the same ranges and factors";
    return same_rule(list_of(a), list_of(b)) ? NULL : "the same rule decides which of them are in use";
}

static bool lists_fit(Check *k, const SharedLists *s)
{
    for (int i = 0; i < s->lists.count; i++) {
        const struct ListPlace *p = &s->lists.at[i];
        if (!decides_alone(list_of(p))) {
            Diag *d = diag_add(k->diags, E_AMOUNT, list_of(p)->span,
                               "edges of several lists have these weights, and a budget counts those of one");
            diag_help(d, "leave the budget out, or write keep any with a rule that says which are in use, "
                         "such as ard");
            return false;
        }
        const char *needed = i ? difference(&s->lists.at[0], p) : NULL;
        if (!needed) continue;
        Diag *d = diag_add(k->diags, E_KIND, first_line(p)->span,
                           "edges that have weights in common, \"%s\", must be alike: %s", list_of(p)->shares,
                           needed);
        diag_note(d, first_line(&s->lists.at[0])->span, "the first of them are here");
        return false;
    }
    return true;
}

static bool join_lists(Check *k, SharedLists *s)
{
    const Groups **ties = NEW_ARRAY(k->perm, const Groups *, (size_t)s->lists.count);
    for (int i = 0; i < s->lists.count; i++) ties[i] = list_of(&s->lists.at[i])->ties;
    if (!shared_ties_build(ties, s->lists.count, &s->ties)) {
        diag_add(k->diags, E_MEMORY, list_of(&s->lists.at[0])->span,
                 "not enough memory for the groups of these edges");
        return false;
    }
    for (int i = 0; i < s->lists.count; i++)
        list_of(&s->lists.at[i])->shared = s, list_of(&s->lists.at[i])->place = i;
    return true;
}

void share_ties(Check *k)
{
    const Model *m = k->model;
    ByText by = {0};
    for (int g = 0; g < m->graphs.count; g++)
        for (int l = 0; l < m->graphs.at[g]->lists.count; l++)
            if (m->graphs.at[g]->lists.at[l].shares) add_list(k, &by, m->graphs.at[g], l);
    for (int i = 0; i < by.all.count; i++)
        if (by.all.at[i]->lists.count > 1 && lists_fit(k, by.all.at[i])) join_lists(k, by.all.at[i]);
}
