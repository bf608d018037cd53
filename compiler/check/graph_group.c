/* graph_group.c: candidates by keys: `keep 30% of j by norm(w)`, whose budget counts groups of candidates
 * with equal keys, and `tied (i, j)`, one weight for all candidates with equal keys.
 *
 * A key is a number or several that follow from the indices of a line and from `line`, its number in the
 * list. The groups themselves come from the code that programs use too (runtime/common/groups.c).
 */
#include "check/graph.h"
#include "common/interval.h"
#include "front/parse.h"
#include "ir/predicate.h"
#include "model/rule.h"

/* ---- keys ---- */

static Val *line_number(Check *k, const EdgesDecl *d, const EdgeLine *line)
{
    int number = 0;
    while (d->lines.at[number] != line) number++;
    return val_number(k, number, line->span);
}

static bool uses_chance(Check *k, const Expr *key)
{
    if (!func_has(k->func, IR_CHANCE)) return false;
    Diag *d = diag_add(k->diags, E_PLACE, key->span, "a key cannot depend on chance");
    diag_help(d, "a key follows from the indices of the line, and from `line`; chance(p, i) does, too");
    return true;
}

static bool key_parts(Check *k, const Val *v, const Expr *key, CandidateKey *out)
{
    const int parts = key_length(k, v);
    for (int i = 0; i < parts; i++) {
        const Val *part = key_part(k, v, i);
        Value *value = part ? val_value(k, part, "a number") : NULL;
        if (!value) return false;
        func_result(k->func, arena_printf(k->perm, "key %d", i), value);
    }
    if (!parts) return false;
    func_prune(k->func);
    if (uses_chance(k, key)) return false;
    out->steps = predicate_steps(k->perm, k->func, &out->step_count);
    out->parts = NEW_ARRAY(k->perm, int, (size_t)parts);
    for (int i = 0; i < parts; i++) out->parts[out->part_count++] = k->func->results.at[i]->id;
    return true;
}

/* The text that a key of tied weights begins with, NULL: none; `v` becomes the numbers behind it. */
static const char *key_text(Check *k, const Val **v)
{
    const bool has = (*v)->kind == VAL_TUPLE && (*v)->items.count > 1;
    if (!has || (*v)->items.at[0]->kind != VAL_STRING) return NULL;
    Val *numbers = NEW(k->perm, Val);
    *numbers = (Val){.kind = VAL_TUPLE, .span = (*v)->span};
    for (int i = 1; i < (*v)->items.count; i++) vec_push(k->perm, &numbers->items, (*v)->items.at[i]);
    const char *text = (*v)->items.at[0]->text;
    return *v = numbers, text;
}

static bool read_key(Check *k, const Graph *g, const EdgeLine *line, const EdgesDecl *d, Bundle *u,
                     const Expr *key, CandidateKey *out)
{
    Func *saved = k->func;
    const Mode mode = k->mode;
    Scope named = {.outer = k->graph->set_scope}, inner = {.outer = &named}; /* an index may be named line */
    scope_add(k, &named, (Name){"line", line->span}, line_number(k, d, line));
    line_open(k, g, line, u, &inner);
    const Val *v = check_expr(k, &inner, key);
    if (out == &u->tie) u->shares = key_text(k, &v);
    const bool ok = !val_is_poison(v) && key_parts(k, v, key, out);
    k->func = saved, k->mode = mode;
    return ok;
}

bool line_keys(Check *k, const Graph *g, const EdgeLine *line, const EdgesDecl *d, Bundle *u)
{
    bool ok = !d->of || read_key(k, g, line, d, u, d->of, &u->group);
    if (d->tied && !read_key(k, g, line, d, u, d->tied, &u->tie)) ok = false;
    if (ok && d->tied && !d->of && d->budget != BUDGET_NONE)
        u->group = u->tie; /* tied edges come and go together */
    return ok;
}

/* ---- groups ---- */

static const EdgesDecl *decl_of(const Check *k, const Graph *g, int list)
{
    return k->graph->uses.at[list_first(g, list)].decl;
}

static bool no_groups(Check *k, GroupsBuilt built, Span span)
{
    if (built == GROUPS_NO_MEMORY) {
        diag_add(k->diags, E_MEMORY, span, "not enough memory for the groups of these edges");
        return false;
    }
    Diag *d = diag_add(k->diags, E_KIND, span, "this key is not known for all candidates");
    diag_help(d,
              "a key is made of +, -, *, / by a number, mod of a positive number, floor, abs, min, max and "
              "comparisons of indices");
    return false;
}

/* By one of the keys of the list's lines; NULL after a message. */
static Groups *groups_of(Check *k, const Graph *g, int list, bool tie, Span span)
{
    const int first = list_first(g, list);
    int count = 0;
    while (first + count < g->bundles.count && g->bundles.at[first + count].list == list) count++;
    GroupLine *lines = NEW_ARRAY(k->perm, GroupLine, (size_t)count);
    WiringSet *ends = NEW_ARRAY(k->perm, WiringSet, 2 * (size_t)count);
    for (int i = 0; i < count; i++) {
        const Bundle *u = &g->bundles.at[first + i];
        ends[2 * i] = set_wiring(&g->sets.at[u->to]), ends[2 * i + 1] = set_wiring(&g->sets.at[u->from]);
        lines[i] = (GroupLine){&u->candidates, &ends[2 * i], &ends[2 * i + 1], tie ? &u->tie : &u->group};
    }
    if (g->lists.at[list].candidates > MOST_GROUPED) {
        diag_add(k->diags, E_MEMORY, span, "%lld candidate edges with keys; the most is %d",
                 (long long)g->lists.at[list].candidates, MOST_GROUPED);
        return NULL;
    }
    Groups *found = NEW(k->perm, Groups);
    const GroupsBuilt built = groups_build(lines, count, found);
    return built == GROUPS_BUILT ? found : (no_groups(k, built, span), NULL);
}

/* Do the candidates of each group of `inner` belong to one group of `outer`? */
static bool lie_within(const Groups *inner, const Groups *outer)
{
    for (int64_t c = 0; c < inner->candidates; c++)
        if (outer->of[c] != outer->of[inner->member[inner->first[inner->of[c]]]]) return false;
    return true;
}

static bool has_lines(const Graph *g, int list)
{
    const int first = list_first(g, list);
    return first < g->bundles.count && g->bundles.at[first].list == list;
}

/* Do all lines have the text of the first? */
static bool one_text(Check *k, const Graph *g, int list)
{
    const char *text = g->bundles.at[list_first(g, list)].shares;
    for (int b = list_first(g, list); b < g->bundles.count && g->bundles.at[b].list == list; b++) {
        const char *other = g->bundles.at[b].shares;
        if (!text == !other && (!text || strcmp(text, other) == 0)) continue;
        diag_add(k->diags, E_KIND, decl_of(k, g, list)->tied->span,
                 "the lines of a list have one text in their keys");
        return false;
    }
    return true;
}

static bool build_list(Check *k, Graph *g, int list)
{
    EdgeList *l = &g->lists.at[list];
    const EdgesDecl *d = decl_of(k, g, list);
    const Bundle *u = &g->bundles.at[list_first(g, list)];
    if (!one_text(k, g, list)) return false;
    l->shares = u->shares;
    if (u->group.part_count) l->key = expr_text(k->perm, k->c->sources, d->of ? d->of : d->tied);
    if (u->tie.part_count) l->tie = expr_text(k->perm, k->c->sources, d->tied);
    if (u->tie.part_count && !(l->ties = groups_of(k, g, list, true, d->tied->span))) return false;
    if (u->group.part_count && !d->of) return l->groups = l->ties, true;
    if (u->group.part_count && !(l->groups = groups_of(k, g, list, false, d->of->span))) return false;
    if (!l->ties || !l->groups || lie_within(l->ties, l->groups)) return true;
    Diag *m =
        diag_add(k->diags, E_KIND, d->of->span, "edges with one weight must be in one group of the budget");
    diag_note(m, d->tied->span, "these have one weight");
    diag_help(m, "leave `of` out: tied edges come and go together");
    return false;
}

bool build_groups(Check *k, Graph *g)
{
    bool ok = true;
    for (int list = 0; list < g->lists.count; list++)
        if (has_lines(g, list) && !build_list(k, g, list)) ok = false;
    return ok;
}

/* ---- scores ---- */

static const struct {
    const char *name;
    GroupScore score;
} scores[] = {{"norm", GROUP_NORM}, {"mean", GROUP_MEAN}, {"max", GROUP_MAX}};

/* abs(w): what is compared is a magnitude anyway. */
static const Expr *within_abs(const Expr *e)
{
    const bool is_abs = e->kind == EXPR_CALL && e->left->kind == EXPR_NAME &&
                        strcmp(e->left->name, "abs") == 0 && e->args.count == 1 && !e->args.at[0].name.text;
    return is_abs ? e->args.at[0].value : e;
}

const Expr *group_score(const Expr *by, GroupScore *score)
{
    *score = GROUP_SAME;
    if (by->kind == EXPR_NAME) return by;
    for (size_t i = 0; i < sizeof scores / sizeof *scores && by->kind == EXPR_CALL; i++) {
        if (by->left->kind != EXPR_NAME || strcmp(by->left->name, scores[i].name) != 0 || by->args.count != 1)
            continue;
        const Expr *weight = by->args.at[0].name.text ? NULL : within_abs(by->args.at[0].value);
        if (!weight || weight->kind != EXPR_NAME) break;
        return *score = scores[i].score, weight;
    }
    return NULL;
}

void wrong_group_score(Check *k, const Expr *by)
{
    Diag *d = diag_add(k->diags, E_KIND, by->span,
                       "a group is chosen by norm(w), mean(abs(w)) or max(abs(w)) of a "
                       "weight w of its edges, or by a weight that they share");
    diag_help(d, "such as by norm(w)");
}

bool spreads_shared(const EdgesDecl *d)
{
    return d->of && d->by && d->by->kind == EXPR_NAME;
}

/* Shared weights, line by line, of a list whose budget counts groups. */
static bool tie_lines(Check *k, Graph *g, int list)
{
    static int part = 0;
    EdgeList *l = &g->lists.at[list];
    const int first = list_first(g, list);
    bool spread = false;
    for (int b = first; b < g->bundles.count && g->bundles.at[b].list == list; b++) {
        Bundle *u = &g->bundles.at[b];
        IntervalStep *step = NEW(k->perm, IntervalStep);
        *step = (IntervalStep){.name = "const", .op = interval_op("const"), .number = b - first};
        for (int i = 0; i < u->weights.count; i++) spread |= u->weights.at[i]->tied;
        if (!l->ties) u->tie = (CandidateKey){step, 1, &part, 1};
    }
    if (l->ties || !spread) {
        for (int b = first; b < g->bundles.count && !l->ties && g->bundles.at[b].list == list; b++)
            g->bundles.at[b].tie = (CandidateKey){0};
        return true;
    }
    return (l->ties = groups_of(k, g, list, true, l->span)) != NULL;
}

/* With `tied KEY` all weights of an edge are. */
static void tie_weights(Graph *g, int list)
{
    for (int b = list_first(g, list); b < g->bundles.count && g->bundles.at[b].list == list; b++)
        for (int i = 0; i < g->bundles.at[b].weights.count; i++) g->bundles.at[b].weights.at[i]->tied = true;
}

/* One number decides for each group: either they are the same, or `by` says how it is made. */
static void check_score(Check *k, Graph *g, int list)
{
    EdgeList *l = &g->lists.at[list];
    const EdgesDecl *d = decl_of(k, g, list);
    const Bundle *u = &g->bundles.at[list_first(g, list)];
    const bool same = l->ties && lie_within(l->groups, l->ties) && (!u->weight || u->weight->tied);
    l->score = GROUP_SAME;
    if (d->by && d->of) group_score(d->by, &l->score);
    if (l->score != GROUP_SAME || same || l->rule.kind == RULE_SAMPLE || l->budget.form == KEEP_ALL) {
        if (same) l->score = GROUP_SAME;
        if (!same && l->score == GROUP_SAME) l->score = GROUP_NORM; /* nothing is compared */
        return;
    }
    const char *weight = u->weight ? strrchr(u->weight->name, '.') + 1 : "w";
    Diag *m = diag_add(k->diags, E_ARGUMENT, d->by ? d->by->span : d->of->span,
                       d->by ? "the edges of a group have different numbers '%s', and one decides for all"
                             : "edges of a group have different weights, and one number decides for all",
                       weight);
    const char *norm = arena_printf(k->perm, "norm(%s)", weight);
    if (d->by) diag_fix(m, d->by->span, norm, "by ", " is one number of all of them");
    else diag_help(m, "write by %s behind the key", norm);
}

/* ---- what rules need ---- */

/* A condition that decides edge by edge must be the same for a whole group. */
static void check_condition(Check *k, const EdgeList *l, const Bundle *u, const Expr *at)
{
    const Rule *r = l->declared;
    bool same = l->score == GROUP_SAME;
    for (int i = 0; i < r->states.count; i++) {
        const RuleState *s = &r->states.at[i];
        if (r->forward_reads >> (TERM_COUNT + i) & 1 && !s->shared)
            same = same && s->weight < u->weights.count && s->stored && u->weights.at[s->weight]->tied;
    }
    if (same) return;
    Diag *d =
        diag_add(k->diags, E_KIND, at->span,
                 "rule '%s' decides edge by edge, and the edges of a group differ in what it reads", r->name);
    diag_help(d, "let the edges of a group share their weights, with `tied` and this key, or leave `of` out");
}

static void check_ties(Check *k, Graph *g, int list)
{
    EdgeList *l = &g->lists.at[list];
    const EdgesDecl *d = decl_of(k, g, list);
    const Expr *at = d->tied ? d->tied : d->of;
    if (l->rule.refresh == 1 && l->rule.positions == 1 && !l->rule.bf16) return;
    Diag *m = diag_add(
        k->diags, E_AMOUNT, at->span,
        "the gradient of a weight that edges share is the sum of all of theirs, in each step: refresh, "
        "positions, bf16 and every(N) are for edges with weights of their own");
    diag_help(m, "leave them out of `using`");
}

static bool same_weights(const Bundle *a, const Bundle *b)
{
    if (a->weights.count != b->weights.count) return false;
    for (int i = 0; i < a->weights.count; i++) {
        const Tensor *x = a->weights.at[i], *y = b->weights.at[i];
        if (x->components != y->components || strcmp(strrchr(x->name, '.'), strrchr(y->name, '.')) != 0)
            return false;
    }
    return true;
}

/* Lines whose edges have one weight have the same weights. */
static bool ties_fit(Check *k, const Graph *g, int list)
{
    const Groups *ties = g->lists.at[list].ties;
    const int first = list_first(g, list);
    for (int b = first + 1; ties && b < g->bundles.count && g->bundles.at[b].list == list; b++) {
        const int64_t from = list_position(g, b), end = from + g->bundles.at[b].candidates.count;
        for (int64_t c = from; c < end; c++) {
            const int64_t leader = ties->member[ties->first[ties->of[c]]];
            int other = first;
            while (list_position(g, other + 1) <= leader && other < b) other++;
            if (other == b || same_weights(&g->bundles.at[other], &g->bundles.at[b])) continue;
            Diag *d =
                diag_add(k->diags, E_KIND, g->bundles.at[b].span,
                         "edges of this line have one weight with edges of another, and their functions "
                         "have other weights");
            diag_note(d, g->bundles.at[other].span, "the other line is here");
            diag_help(d, "give each line its own weights, by `line` in the key: tied (i, j, line)");
            return false;
        }
    }
    return true;
}

static void check_list(Check *k, Graph *g, int list)
{
    EdgeList *l = &g->lists.at[list];
    const EdgesDecl *d = decl_of(k, g, list);
    const Bundle *u = &g->bundles.at[list_first(g, list)];
    if (l->ties && !ties_fit(k, g, list)) return;
    if (l->ties && d->tied) tie_weights(g, list);
    if (l->groups && !tie_lines(k, g, list)) return;
    if (l->ties && l->groups && !lie_within(l->ties, l->groups)) {
        Diag *m =
            diag_add(k->diags, E_KIND, d->of->span, "a weight that a line shares decides for the whole line");
        diag_fix(m, d->of->span, "line", "write of ", "");
        return;
    }
    if (l->groups) check_score(k, g, list);
    if (l->ties) check_ties(k, g, list);
    if (l->groups && l->declared && l->declared->used != NO_FUNCTION)
        check_condition(k, l, u, d->of ? d->of : d->tied);
}

void check_groups(Check *k, Graph *g)
{
    for (int list = 0; list < g->lists.count; list++)
        if (has_lines(g, list)) check_list(k, g, list);
}
