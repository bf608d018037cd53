/* graph_budget.c: how many edges of a list are in use. Counts legal candidates only. */
#include "check/graph.h"
#include "model/rule.h"
#include "common/plural.h"
#include "common/share.h"
#include "model/timed.h"
#include <math.h>

/* What a budget counts. */
typedef struct Units {
    int64_t count;
    const char *name, *each; /* "candidate edge", "edge" */
} Units;

static Units units_of(const EdgeList *l)
{
    if (l->groups) return (Units){l->groups->count, "group", "group"};
    return (Units){l->candidates, "candidate edge", "edge"};
}

/* Edges of so many units: of groups that differ in size at most. */
static int64_t edges_of(const EdgeList *l, int64_t units)
{
    return l->groups ? groups_most(l->groups, units) : units;
}

static const char *smallest_share(Check *k, int64_t candidates)
{
    double percent = 100.0 / (double)candidates;
    double nice = pow(10, floor(log10(percent)));
    return arena_printf(k->perm, "%.3g%%", ceil(percent / nice) * nice);
}

static bool share_count(Check *k, double share, Units of, Span span, int64_t *out)
{
    if (share > 1 && share < 1 + 1e-9) share = 1; /* of arithmetic, as in share(0.05^2 * 400) */
    if (!(share > 0 && share <= 1)) {
        Diag *d = diag_add(k->diags, E_AMOUNT, span, "a budget of %.6g%% is not above 0%% and at most 100%%",
                           share * 100);
        diag_help(d, "write keep 5%% for one edge in twenty");
        return false;
    }
    *out = share_of(share, of.count);
    if (*out > 0) return true;
    Diag *d = diag_add(k->diags, E_AMOUNT, span, "a budget of %.6g%% of %lld %s%s keeps none", share * 100,
                       (long long)of.count, of.name, plural(of.count, "s"));
    diag_help(d, "keep at least %s, or a count such as keep 1", smallest_share(k, of.count));
    return false;
}

static bool is_literal(Check *k, Span span)
{
    const char *text = sources_file(k->c->sources, span.file)->text + span.start;
    return strspn(text, "0123456789.") >= span.end - span.start;
}

static bool whole_count(Check *k, double count, Units of, Span span, int64_t *out)
{
    if (count > 0 && count < 1) {
        Diag *d =
            diag_add(k->diags, E_AMOUNT, span, "a budget of %.6g is neither a count nor a percentage", count);
        const char *share = arena_printf(k->perm, "%.6g%%", count * 100);
        if (is_literal(k, span)) diag_fix(d, span, share, "write ", " for a share of the candidates");
        else diag_help(d, "write share(...) around it for a share of the candidates");
        return false;
    }
    if (count < 1 || count != count) {
        Diag *d = diag_add(k->diags, E_AMOUNT, span, "a budget of %.6g %ss keeps none", count, of.each);
        diag_help(d, "keep at least one %s: keep 1", of.each);
        return false;
    }
    if (floor(count + 0.5) <= (double)of.count) return *out = (int64_t)floor(count + 0.5), true;
    const bool groups = strcmp(of.each, "group") == 0;
    Diag *d =
        diag_add(k->diags, E_AMOUNT, span, "a budget of %.15g %ss is above the %lld %s%s", floor(count + 0.5),
                 of.each, (long long)of.count, groups ? "group" : "candidate", plural(of.count, "s"));
    diag_help(d, "keep all uses every %s", groups ? "group" : "candidate");
    return false;
}

/* A percentage, a count or share(x) as a number of edges. */
static bool amount_count(Check *k, Val *v, Units of, int64_t *out)
{
    if (v->kind == VAL_PERCENT) return share_count(k, v->number / 100, of, v->span, out);
    if (v->kind == VAL_NUMBER) return whole_count(k, v->number, of, v->span, out);
    if (val_is(v, BUILTIN_all) || val_is(v, BUILTIN_any)) return *out = of.count, true;
    const Val *part = val_is(v, BUILTIN_share) ? v->items.at[0] : NULL;
    if (part && part->kind == VAL_PERCENT) return share_count(k, part->number / 100, of, v->span, out);
    if (part && part->kind == VAL_NUMBER) return share_count(k, part->number, of, v->span, out);
    Diag *d = diag_add(k->diags, E_AMOUNT, v->span, "%s is not a budget", val_kind_text(v));
    diag_help(d, "a budget is a percentage (5%%), a count (300), all, fan_in(8), fan_out(8), params(40k), "
                 "macs(41M), erk(5%%), uniform(5%%) or anneal(100%%, 5%%, epochs = 20)");
    return false;
}

/* params(n): the edges that leave the graph with n learned numbers in all. macs(n): the edges that cost n
 * multiply-adds a sample, one a pixel at each evaluation of a graph in time. */
static bool params_count(Check *k, Graph *g, int list, Val *v, int64_t *out)
{
    const Units candidates = units_of(&g->lists.at[list]);
    Val *n = v->items.at[0];
    if (n->kind != VAL_NUMBER) {
        diag_add(k->diags, E_AMOUNT, n->span, "%s needs a number; this is %s", v->builtin->name,
                 val_text(k, n));
        return false;
    }
    double used = 0;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        bool unlike = u->list == list && bundle_numbers(u) != list_numbers(g, list);
        if (u->list != list || !u->edge || (val_is(v, BUILTIN_params) && !unlike)) continue;
        diag_add(k->diags, E_AMOUNT, v->span,
                 unlike ? "%s(...) needs edges that all have as many weights: give a count or a percentage"
                        : "%s(...) counts multiply-adds, and edges with a function do more than one: give a "
                          "count or a percentage",
                 v->builtin->name);
        return false;
    }
    if (val_is(v, BUILTIN_macs))
        return whole_count(k, floor(n->number / edge_macs(g, list)), candidates, v->span, out);
    double numbers = (double)list_numbers(g, list);
    used = (double)function_parameters(g);
    if (numbers < 1) {
        diag_add(k->diags, E_AMOUNT, v->span, "these edges have no weights of their own to count");
        return false;
    }
    if (!(n->number - used >= numbers)) {
        diag_add(k->diags, E_AMOUNT, v->span,
                 "%.15g parameters leave none for edges: the node functions have %.15g", n->number, used);
        return false;
    }
    return whole_count(k, floor((n->number - used) / numbers), candidates, v->span, out);
}

/* Edges in use with at most `most` into each node. */
static int64_t fan_in_kept(const Graph *g, int list, int64_t most)
{
    int64_t kept = 0;
    for (int s = 0; s < g->sets.count; s++)
        for (int64_t node = 0; node < g->sets.at[s].size; node++) {
            int64_t edges = 0;
            for (int b = 0; b < g->bundles.count; b++) {
                const Bundle *u = &g->bundles.at[b];
                if (u->list == list && u->to == s)
                    edges += candidates_row(&u->candidates, node + 1) - candidates_row(&u->candidates, node);
            }
            kept += edges < most ? edges : most;
        }
    return kept;
}

/* Adds the edges out of each source, as differences from the source before it. */
static void add_out_edges(const Candidates *c, int64_t *change)
{
    CandidateRun run;
    if (c->form == CANDIDATES_DENSE) {
        change[0] += c->targets, change[c->sources] -= c->targets;
        return;
    }
    for (int64_t t = 0; t < c->targets; t++)
        for (int64_t n = 0; candidates_run(c, t, n, &run); n++)
            change[run.source]++, change[run.source + run.length]--;
}

/* The same out of each node. */
static int64_t fan_out_kept(Arena *a, const Graph *g, int list, int64_t most)
{
    int64_t kept = 0;
    for (int s = 0; s < g->sets.count; s++) {
        int64_t *edges = NEW_ARRAY(a, int64_t, (size_t)g->sets.at[s].size + 1);
        for (int b = 0; b < g->bundles.count; b++) {
            const Bundle *u = &g->bundles.at[b];
            if (u->list == list && u->from == s) add_out_edges(&u->candidates, edges);
        }
        int64_t here = 0;
        for (int64_t i = 0; i < g->sets.at[s].size; i++) here += edges[i], kept += here < most ? here : most;
    }
    return kept;
}

int64_t fan_kept(Arena *a, const Graph *g, int list, bool in, int64_t most)
{
    return in ? fan_in_kept(g, list, most) : fan_out_kept(a, g, list, most);
}

static void fan_budget(Check *k, Graph *g, int list, Val *v)
{
    EdgeList *l = &g->lists.at[list];
    Val *n = v->items.at[0];
    bool in = val_is(v, BUILTIN_fan_in);
    if (n->kind != VAL_NUMBER || n->number < 1 || floor(n->number) != n->number || n->number > 1e9) {
        Diag *d = diag_add(k->diags, E_AMOUNT, n->span, "%s needs a whole number of edges from 1",
                           v->builtin->name);
        diag_help(d, "%s(8) keeps the 8 strongest edges %s each node", v->builtin->name,
                  in ? "into" : "out of");
        return;
    }
    l->budget.form = in ? KEEP_FAN_IN : KEEP_FAN_OUT;
    l->budget.keep = (int64_t)n->number;
    l->kept = fan_kept(k->perm, g, list, in, l->budget.keep);
}

static bool anneal_curve(Check *k, const Val *v, AnnealCurve *out)
{
    const char *names[ANNEAL_CURVE_COUNT];
    for (int i = 0; i < ANNEAL_CURVE_COUNT; i++) {
        names[i] = contract_text(CONTRACT_AnnealCurve, i);
        if (v->kind == VAL_STRING && strcmp(v->text, names[i]) == 0) return *out = (AnnealCurve)i, true;
    }
    Diag *d = diag_add(k->diags, E_AMOUNT, v->span,
                       "the curve of anneal is \"straight\", \"cubic\" or "
                       "\"cosine\"; this is %s",
                       val_text(k, v));
    const char *near = v->kind == VAL_STRING ? diag_nearest(v->text, names, ANNEAL_CURVE_COUNT) : NULL;
    if (near) diag_fix(d, v->span, arena_printf(k->perm, "\"%s\"", near), "did you mean ", "?");
    return false;
}

static bool anneal_budget(Check *k, EdgeList *l, Val *v)
{
    Val *epochs = v->items.at[2];
    if (epochs->kind != VAL_NUMBER || !(epochs->number > 0) || !isfinite(epochs->number)) {
        diag_add(k->diags, E_AMOUNT, epochs->span, "anneal needs a number of epochs above 0; this is %s",
                 val_text(k, epochs));
        return false;
    }
    if (!amount_count(k, v->items.at[0], units_of(l), &l->budget.start) ||
        !amount_count(k, v->items.at[1], units_of(l), &l->budget.keep) ||
        !anneal_curve(k, v->items.at[3], &l->budget.curve))
        return false;
    l->budget.form = KEEP_ANNEAL;
    l->budget.epochs = epochs->number;
    l->kept = edges_of(l, l->budget.keep);
    return true;
}

/* So many edges of a list whose form is KEEP_ALL so far. */
static void keep_count(EdgeList *l)
{
    l->kept = edges_of(l, l->budget.keep);
    if (l->budget.keep < units_of(l).count) l->budget.form = KEEP_COUNT;
}

bool count_budget(Check *k, EdgeList *l, Val *amount)
{
    if (val_is(amount, BUILTIN_anneal)) return anneal_budget(k, l, amount);
    if (!amount_count(k, amount, units_of(l), &l->budget.keep)) return false;
    return keep_count(l), true;
}

/* `keep any`: the rule says how many edges are in use. */
static bool decides_any(Check *k, const EdgeList *l, Span span)
{
    if (l->declared && l->declared->used != NO_FUNCTION) return true;
    Diag *d;
    if (l->declared)
        d = diag_add(k->diags, E_AMOUNT, span,
                     "`any` leaves it to the rule how many edges are in use, and '%s' has no "
                     "line `used = ...`",
                     l->declared->name);
    else
        d = diag_add(k->diags, E_AMOUNT, span,
                     "`any` leaves it to a rule how many edges are in use, and there is none");
    if (l->declared) diag_help(d, "give it a budget: keep 5%% using %s", l->declared->name);
    else diag_help(d, "keep any using str; keep all uses every candidate");
    return false;
}

static bool counts_groups(Check *k, const Val *amount)
{
    static const BuiltinId edges[] = {BUILTIN_fan_in, BUILTIN_fan_out, BUILTIN_params,
                                      BUILTIN_macs,   BUILTIN_erk,     BUILTIN_uniform};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        if (!val_is(amount, edges[i])) continue;
        Diag *d = diag_add(k->diags, E_AMOUNT, amount->span, "%s counts edges, and this budget counts groups",
                           amount->builtin->name);
        diag_help(
            d, "give a percentage or a number of groups, such as 30%%, or anneal(100%%, 30%%, epochs = 5)");
        return false;
    }
    return true;
}

void check_budget(Check *k, Graph *g, int list, BudgetKind kind, Val *amount, Span span)
{
    EdgeList *l = &g->lists.at[list];
    l->span = span;
    l->rule.kind = kind == BUDGET_SAMPLE ? RULE_SAMPLE : l->declared ? RULE_DECLARED : RULE_DNW;
    l->budget.form = KEEP_ALL;
    l->kept = l->candidates;
    if (l->candidates == 0) {
        Diag *d = diag_add(k->diags, E_EMPTY, span, "these edges have no candidates");
        const Bundle *u = &g->bundles.at[list_first(g, list)];
        if (u->given)
            diag_help(
                d, "the source has no pair here, or `where` lets none through; another draw = 1, 2, ... of a "
                   "generator gives others");
        else diag_help(d, "check the sizes of the node sets and the `where` conditions");
        return;
    }
    if (kind == BUDGET_NONE || val_is_poison(amount)) return;
    amount = described(k, amount);
    if (val_is(amount, BUILTIN_any) && !decides_any(k, l, amount->span)) return;
    if (l->groups && !counts_groups(k, amount)) return;
    if (val_is(amount, BUILTIN_fan_in) || val_is(amount, BUILTIN_fan_out))
        return fan_budget(k, g, list, amount);
    if (is_density(amount)) return density_budget(k, g, list, amount);
    bool other = val_is(amount, BUILTIN_params) || val_is(amount, BUILTIN_macs);
    if (val_is(amount, BUILTIN_anneal) && l->rule.kind == RULE_SAMPLE)
        diag_add(k->diags, E_AMOUNT, amount->span, "edges drawn once cannot anneal: use keep");
    else if (!other) count_budget(k, l, amount);
    else if (params_count(k, g, list, amount, &l->budget.keep)) keep_count(l);
}
