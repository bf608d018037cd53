/* graph_density.c: budgets line by line: uniform(5%), the same share of each; erk(5%), shares by the sizes of
 * all layers of the model that have it.
 *
 * erk: the share of layer l is min(1, e * (sources + targets + sizes of its filter) / (weights of its
 * candidates)), with the e that gives the stated share of the weights of all these layers (Mocanu et al.
 * 2018, section 2; Evci et al. 2020, section 3; what layers leave that would be above 1 goes to the others).
 */
#include "check/graph.h"
#include "common/share.h"
#include <math.h>

bool is_density(const Val *amount)
{
    return val_is(amount, BUILTIN_erk) || val_is(amount, BUILTIN_uniform);
}

void split_line(Check *k, Graph *g, int b)
{
    int list = g->bundles.at[b].list;
    if (b + 1 == g->bundles.count || g->bundles.at[b + 1].list != list) return;
    const EdgeList last = g->lists.at[g->lists.count - 1];
    vec_push(k->perm, &g->lists, last);
    for (int i = g->lists.count - 1; i > list; i--) {
        g->lists.at[i] = g->lists.at[i - 1];
        g->lists.at[i].name = arena_printf(k->perm, "%s.edges.%d", g->name, i);
    }
    g->lists.at[list].candidates = g->bundles.at[b].candidates.count;
    g->lists.at[list + 1].candidates -= g->bundles.at[b].candidates.count;
    for (int i = b + 1; i < g->bundles.count; i++) g->bundles.at[i].list++;
}

static bool share_given(Check *k, const Val *call, double *out)
{
    const Val *v = call->items.at[0], *part = val_is(v, BUILTIN_share) ? v->items.at[0] : v;
    const bool more = val_is(call, BUILTIN_uniform) && call->items.at[1]->kind != VAL_NONE;
    const bool percent = part->kind == VAL_PERCENT;
    *out = percent ? part->number / 100 : part->number;
    if ((percent || (part != v && part->kind == VAL_NUMBER)) && *out > 0 && *out <= 1 && !more) return true;
    Diag *d = diag_add(k->diags, E_AMOUNT, call->span,
                       "a budget of %s needs one share, above 0%% and at most 100%%", call->builtin->name);
    diag_help(d, "keep %s(5%%)", call->builtin->name);
    return false;
}

/* Of the largest weight of an edge. */
static double filter_sizes(const Graph *g, const Bundle *u)
{
    const Tensor *most = NULL;
    const int first = candidates_shape(g, u).rank;
    double sum = 0;
    for (int i = 0; i < u->weights.count; i++)
        if (!most || u->weights.at[i]->components > most->components) most = u->weights.at[i];
    for (int i = first; most && i < most->shape.rank; i++) sum += (double)most->shape.dim[i];
    return sum;
}

void density_budget(Check *k, Graph *g, int list, const Val *amount)
{
    EdgeList *l = &g->lists.at[list];
    double share;
    if (!share_given(k, amount, &share)) return;
    l->density = (EdgeDensity){.share = share};
    l->budget.form = KEEP_COUNT;
    l->budget.keep = l->kept = share_of(share, l->candidates);
    if (val_is(amount, BUILTIN_uniform)) return;
    const int64_t numbers = list_numbers(g, list);
    l->density.numbers = (double)(numbers > 0 ? numbers : 1);
    l->density.sizes = (double)(fan_kept(k->perm, g, list, true, 1) + fan_kept(k->perm, g, list, false, 1)) +
                       filter_sizes(g, &g->bundles.at[list_first(g, list)]);
}

/* What is found for the layers of a model. */
typedef struct Layers {
    Vec(EdgeList *) lists;
    double share, factor;
} Layers;

static double layer_share(const Layers *all, const EdgeList *l)
{
    double share = all->factor * l->density.sizes / ((double)l->candidates * l->density.numbers);
    return share < 1 ? share : 1;
}

/* The factor that gives the stated share of all weights: layers that would have more than all their edges
 * have all, and the others what these leave. */
static void solve(Layers *all)
{
    for (double before = -1; all->factor > before;) {
        double left = 0, sizes = 0;
        before = all->factor;
        for (int i = 0; i < all->lists.count; i++) {
            const EdgeList *l = all->lists.at[i];
            const double weights = (double)l->candidates * l->density.numbers;
            const bool full = before > 0 && layer_share(all, l) >= 1;
            left += weights * (all->share - full);
            sizes += full ? 0 : l->density.sizes;
        }
        if (sizes > 0) all->factor = left / sizes;
    }
}

static bool one_share(Check *k, Layers *all)
{
    for (int i = 0; i < all->lists.count; i++) {
        const EdgeList *first = all->lists.at[0], *l = all->lists.at[i];
        if (l->density.share == first->density.share) continue;
        Diag *d = diag_add(k->diags, E_AMOUNT, l->span,
                           "erk is one share for all layers of a model: %.6g%% here", l->density.share * 100);
        diag_note(d, first->span, "%.6g%% here", first->density.share * 100);
        diag_help(d, "write the same share, or a budget without erk for one of them");
        return false;
    }
    return true;
}

static void take_share(Check *k, const Layers *all, EdgeList *l)
{
    const double share = layer_share(all, l);
    l->budget.keep = l->kept = (int64_t)floor(share * (double)l->candidates + 0.5);
    if (l->kept < 1) {
        Diag *d = diag_add(k->diags, E_AMOUNT, l->span, "erk(%.6g%%) leaves none of the %lld candidates here",
                           l->density.share * 100, (long long)l->candidates);
        diag_help(d, "a larger share, or a budget without erk for these edges");
    }
    if (l->kept < l->candidates) return;
    l->budget.form = KEEP_ALL; /* nothing is left to choose */
    if (l->declared) l->declared = NULL, l->rule.kind = RULE_DNW;
}

void share_densities(Check *k)
{
    Layers all = {0};
    for (int g = 0; g < k->model->graphs.count; g++)
        for (int i = 0; i < k->model->graphs.at[g]->lists.count; i++) {
            EdgeList *l = &k->model->graphs.at[g]->lists.at[i];
            if (l->density.sizes > 0) vec_push(k->perm, &all.lists, l);
        }
    if (!all.lists.count || !one_share(k, &all)) return;
    all.share = all.lists.at[0]->density.share;
    solve(&all);
    for (int i = 0; i < all.lists.count; i++) take_share(k, &all, all.lists.at[i]);
}
