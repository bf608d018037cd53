/* graph_rule_action.c: what a declared rule does at an event: verbs, amounts, scores, values. */
#include "check/graph_rule.h"
#include "front/parse.h"
#include <math.h>

static const struct Verb {
    const char *example, *help;
} verbs[VERB_COUNT] = {
    [VERB_CHOOSE] = {"choose by abs(w)", "the budget's share of all candidates, largest score first"},
    [VERB_DROP] = {"drop 30% by abs(w)",
                   "edges in use go out of use, smallest score first; without an amount "
                   "those above the budget"},
    [VERB_GROW] = {"grow by random", "candidates come into use, largest score first"},
    [VERB_REDISTRIBUTE] =
        {"redistribute 30% by abs(momentum)",
         "so much of the budget of every list with this rule is shared out anew among them"},
    [VERB_RESET] = {"reset w = first", "a number of each edge in use is set"},
};

/* ---- amounts ---- */

/* share(x), or a percentage. */
static const Expr *share_argument(const Expr *e)
{
    bool call = e->kind == EXPR_CALL && e->left->kind == EXPR_NAME && strcmp(e->left->name, "share") == 0;
    return call && e->args.count == 1 ? e->args.at[0].value : NULL;
}

static bool known_share(RuleCheck *c, const Expr *e, double share)
{
    if (share >= 0 && share <= 1) return true;
    const char *text =
        isnan(share) ? "this is not a number, and" : arena_printf(c->k->perm, "%.6g%% is", 100 * share);
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span, "%s not a share of the edges in use", text);
    diag_help(d, "a share lies between 0%% and 100%%, such as 30%%");
    return false;
}

static bool known_count(RuleCheck *c, const Expr *e, double count)
{
    if (count >= 1 || count == 0) return true;
    const char *text = isnan(count) ? "this" : arena_printf(c->k->perm, "%.6g", count);
    Diag *d =
        diag_add(c->k->diags, E_AMOUNT, e->span, "%s is neither a number of edges nor a percentage", text);
    if (count > 0)
        diag_help(d, "write share(...) around it, or %.6g%%, for a share of the edges in use", 100 * count);
    else diag_help(d, "drop 30%% drops three of ten edges in use");
    return false;
}

/* Is a percentage among what the amount is computed from? The result is a number, and no percentage. */
static bool mentions_percent(RuleCheck *c, const Expr *e)
{
    Module *where;
    if (!e) return false;
    if (e->kind == EXPR_PERCENT) return true;
    if (e->kind == EXPR_NAME) {
        const Val *v = scope_find(c->scope, e->name);
        const Decl *d = v ? NULL : find_decl(c->scope->module, e->name, &where);
        if (d && d->kind == DECL_OPTION) v = check_expr(c->k, c->scope, e);
        return v && v->kind == VAL_PERCENT;
    }
    bool found =
        mentions_percent(c, e->left) || mentions_percent(c, e->right) || mentions_percent(c, e->third);
    for (int i = 0; i < e->items.count && !found; i++) found = mentions_percent(c, e->items.at[i]);
    for (int i = 0; i < e->args.count && !found; i++) found = mentions_percent(c, e->args.at[i].value);
    return found;
}

/* A number that is computed from numbers of edges is one. */
static bool computed_share(RuleCheck *c, const Func *f, const Expr *e)
{
    const uint64_t counts = 1ull << TERM_KEPT | 1ull << TERM_BUDGET | 1ull << TERM_CANDIDATES;
    if (rule_arguments_read(f) & counts || !mentions_percent(c, e)) return false;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span,
                       "this is computed from a percentage, and is a number of edges without share(...)");
    diag_fix(d, e->span, arena_printf(c->k->perm, "share(%s)", expr_text(c->k->perm, c->k->c->sources, e)),
             "write ", " for a share of the edges in use");
    return true;
}

/* An amount is the same for all candidates. */
static bool same_for_all(RuleCheck *c, const Func *f, const Expr *e)
{
    const char *name = rule_differing(c->rule, f);
    if (!name) return true;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span,
                       "an amount is one number for all candidates, and '%s' differs between them", name);
    diag_help(
        d,
        "an amount may read step, epoch, progress, rate, kept, budget, candidates and what the list shares");
    return false;
}

static bool step_amount(RuleCheck *c, const RuleEvent *event, RuleStep *s, const Expr *e)
{
    const Expr *share = share_argument(e);
    s->amount = rule_function(c, share ? share : e, "amount");
    if (s->amount < 0) return false;
    const Func *f = c->k->model->rule_functions.at[s->amount];
    s->share = share || c->kind == VAL_PERCENT;
    if (!same_for_all(c, f, e)) return false;
    const Value *v = f->results.at[0];
    if (v->op == IR_CONST && v->number < 0 && mentions_percent(c, e)) return known_share(c, e, v->number);
    if (!s->share && computed_share(c, f, e)) return false;
    const Expr *written = share ? share : e;
    const bool zero = v->op == IR_CONST && v->number == 0 &&
                      (written->kind == EXPR_NUMBER || written->kind == EXPR_PERCENT);
    if (v->op != IR_CONST || zero) return rule_amount_counts(c, event, s, e);
    return s->share ? known_share(c, e, v->number) : known_count(c, e, v->number);
}

/* ---- actions ---- */

static int verb_named(Check *k, Name name)
{
    const char *known[VERB_COUNT];
    for (int i = 0; i < VERB_COUNT; i++) {
        known[i] = contract_text(CONTRACT_RuleVerb, i);
        if (strcmp(known[i], name.text) == 0) return i;
    }
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, name.span, "'%s' is nothing that a rule does", name.text);
    const char *near = diag_nearest(name.text, known, VERB_COUNT);
    if (near) diag_fix(d, name.span, near, "did you mean '", "'?");
    else diag_help(d, "a rule can choose, drop, grow, reset and redistribute");
    return -1;
}

static bool wrong_form(RuleCheck *c, const RuleAction *a, int verb, const char *what)
{
    Diag *d = diag_add(c->k->diags, E_PLACE, a->span, "%s %s", contract_text(CONTRACT_RuleVerb, verb), what);
    diag_help(d, "%s: %s", verbs[verb].example, verbs[verb].help);
    return false;
}

static const char *nearest_state(const Rule *r, const char *name)
{
    const char *known[MOST_RULE_STATES + 1] = {"w"};
    for (int i = 0; i < r->states.count; i++) known[i + 1] = r->states.at[i].name;
    return strlen(name) > 1 ? diag_nearest(name, known, r->states.count + 1) : NULL; /* s is not w */
}

static bool reset_target(RuleCheck *c, const RuleAction *a, RuleStep *s)
{
    int state = rule_state_named(c->rule, a->target.text);
    s->target = state >= 0 ? TERM_COUNT + state : TERM_W;
    if (state >= 0 || strcmp(a->target.text, "w") == 0) return true;
    Diag *d = diag_add(c->k->diags, E_UNKNOWN_NAME, a->target.span,
                       "'%s' cannot be reset: it is neither w nor a state of this rule", a->target.text);
    const char *near = nearest_state(c->rule, a->target.text);
    if (near) diag_fix(d, a->target.span, near, "did you mean '", "'?");
    else if (rule_reads_name(a->target.text) || scope_binds(c->scope, a->target.text))
        diag_help(d, "reset w = first sets weights; what a rule sets otherwise is a state: state s = 0");
    else diag_help(d, "declare it first: state %s = 0", a->target.text);
    return false;
}

static bool reset_value(RuleCheck *c, const RuleAction *a, RuleStep *s)
{
    s->value = rule_function(c, a->value, "value");
    return s->value >= 0 &&
           (s->target == TERM_W || rule_fits_state(c, s->target - TERM_COUNT, s->value, a->value)) &&
           rule_reset_changes(c, s, a->value);
}

static bool grown_value(RuleCheck *c, const RuleAction *a, RuleStep *s)
{
    if (!a->value) return true;
    if (a->value->kind == EXPR_NAME && strcmp(a->value->name, "fresh") == 0) return s->fresh = true;
    return (s->value = rule_function(c, a->value, "start")) >= 0;
}

/* What is asked of candidates that are not in use. */
static void note_grown(RuleCheck *c, const RuleStep *s)
{
    Func *const *functions = c->k->model->rule_functions.at;
    if (s->score != NO_FUNCTION) c->rule->score_reads |= rule_arguments_read(functions[s->score]);
    if (s->value != NO_FUNCTION) c->rule->value_reads |= rule_arguments_read(functions[s->value]);
}

/* redistribute 0: an option of the rule turned it off. */
static bool moves_nothing(const RuleCheck *c, const RuleStep *s)
{
    if (s->verb != VERB_REDISTRIBUTE) return false;
    const Value *v = c->k->model->rule_functions.at[s->amount]->results.at[0];
    return v->op == IR_CONST && v->number == 0;
}

bool rule_is_magnitude(const Func *score)
{
    const Value *v = score->results.at[0];
    return v->op == IR_ABS && v->args[0]->op == IR_ARG && v->args[0]->index == TERM_W;
}

bool rule_add_step(RuleCheck *c, RuleEvent *event, const RuleAction *a)
{
    int verb = verb_named(c->k, a->verb);
    if (verb < 0) return false;
    RuleStep s = {(RuleVerb)verb, NO_FUNCTION, false,  NO_FUNCTION, NO_FUNCTION,
                  false,          false,       TERM_W, a->span};
    bool assigns = a->target.text != NULL;
    if (assigns != (verb == VERB_RESET))
        return wrong_form(c, a, verb, assigns ? "has no '='" : "needs a '='");
    if (verb == VERB_REDISTRIBUTE && !a->amount) return wrong_form(c, a, verb, "needs an amount");
    if (verb == VERB_REDISTRIBUTE && event->actions.count)
        return wrong_form(c, a, verb, "is the first line of its event");
    if (verb == VERB_CHOOSE && a->amount)
        return wrong_form(c, a, verb, "takes as many as the budget says, and no amount");
    if (verb != VERB_GROW && a->value && !assigns)
        return wrong_form(c, a, verb, "has no `at`: only edges that grow start anew");
    bool ok = !assigns || reset_target(c, a, &s);
    if (a->amount) ok = step_amount(c, event, &s, a->amount) && ok;
    if (a->by) ok = (s.score = rule_function(c, a->by, "score")) >= 0 && ok;
    s.magnitude = ok && verb == VERB_CHOOSE && rule_is_magnitude(c->k->model->rule_functions.at[s.score]);
    if (assigns) ok = ok && reset_value(c, a, &s);
    else ok = grown_value(c, a, &s) && ok;
    if (ok && verb == VERB_GROW) note_grown(c, &s);
    if (!ok || !moves_nothing(c, &s)) vec_push(c->k->perm, &event->actions, s);
    return ok;
}
