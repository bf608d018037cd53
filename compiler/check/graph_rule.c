/* graph_rule.c: `using RULE`, by which edges are chosen, and how exact its gradients are. */
#include "check/graph.h"
#include "model/rule.h"
#include <math.h>

EdgeList edge_list(const char *name, Span span)
{
    return (EdgeList){.name = name, .rule = {.refresh = 1, .positions = 1}, .span = span};
}

/* Are the gradients of its candidates exact? */
static bool is_exact(const EdgeList *l)
{
    return l->rule.refresh == 1 && l->rule.positions == 1 && !l->rule.bf16;
}

enum { MOST = 1000 };

static bool read_refresh(Check *k, const Val *v, int64_t *refresh)
{
    *refresh = 1;
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_NUMBER && v->number >= 1 && v->number <= MOST && floor(v->number) == v->number)
        return *refresh = (int64_t)v->number, true;
    Diag *d =
        diag_add(k->diags, E_AMOUNT, v->span,
                 "refresh needs a whole number of steps from 1 to %d; this is %s", MOST, val_text(k, v));
    diag_help(d, "dnw(refresh = 4) computes the gradients of candidates not in use every fourth step");
    return false;
}

/* 1/m, or 25% for 1/4 */
static bool read_positions(Check *k, const Val *v, int64_t *positions)
{
    *positions = 1;
    if (val_is_poison(v)) return false;
    double part = v->kind == VAL_PERCENT ? v->number / 100 : v->kind == VAL_NUMBER ? v->number : 0;
    double whole = part > 0 ? floor(1 / part + 0.5) : 0;
    if (whole >= 1 && whole <= MOST && fabs(part * whole - 1) < 1e-9)
        return *positions = (int64_t)whole, true;
    Diag *d =
        diag_add(k->diags, E_AMOUNT, v->span,
                 "positions needs 1, or a part of them from 1/2 to 1/%d; this is %s", MOST, val_text(k, v));
    diag_help(d, "dnw(positions = 1/4) uses a fourth of the samples and pixels in each step, a different one "
                 "each time");
    return false;
}

bool check_rule_options(Check *k, const Val *rule, EdgeList *l)
{
    const Val *bf16 = rule->items.at[2];
    bool ok = read_refresh(k, rule->items.at[0], &l->rule.refresh);
    ok = read_positions(k, rule->items.at[1], &l->rule.positions) && ok;
    if (bf16->kind == VAL_BOOL) l->rule.bf16 = bf16->number != 0;
    else if (!val_is_poison(bf16))
        diag_add(k->diags, E_KIND, bf16->span, "bf16 is true or false; this is %s", val_text(k, bf16)),
            ok = false;
    return ok && !val_is_poison(bf16);
}

void check_rule_edges(Check *k, const Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (!u->edge || g->lists.at[u->list].declared || is_exact(&g->lists.at[u->list])) continue;
        Diag *d =
            diag_add(k->diags, E_AMOUNT, u->span,
                     "the gradients of edges with a function are exact: refresh, positions and bf16 are for "
                     "edges that are a weight");
        diag_help(d, "give this line a list of its own with `using dnw`");
    }
}

bool check_rule(Check *k, Scope *scope, const EdgesDecl *d, EdgeList *l)
{
    if (!d->rule) return true;
    const bool name = d->rule->kind == EXPR_NAME || d->rule->kind == EXPR_MEMBER;
    Val *rule = name ? check_expr(k, scope, d->rule) : check_function(k, scope, d->rule);
    if (val_is_poison(rule)) return false;
    if (rule->kind == VAL_FUNCTION && rule->decl && rule->decl->kind == DECL_RULE) {
        l->declared = check_declared_rule(k, rule);
        if (l->declared) l->rule.refresh = l->declared->refresh;
        return l->declared != NULL;
    }
    rule = described(k, rule);
    if (val_is_poison(rule)) return false;
    if (rule->kind == VAL_CALL && rule->builtin->kind == KIND_RULE) return check_rule_options(k, rule, l);
    Diag *m = diag_add(k->diags, E_KIND, d->rule->span, "%s is not a rule for choosing edges",
                       rule->builtin ? rule->builtin->name : val_text(k, rule));
    diag_help(
        m,
        "rules are dnw, those that `dnw explain rules` lists, and those that you declare: rule mine { ... }");
    return false;
}
