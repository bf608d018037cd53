/* graph_rule_weight.c: what a declared rule says of weights between events: states, weights of its own, the
 * weight that an edge carries, which edges are in use, which candidates learn.
 */
#include "check/graph_rule.h"
#include "lower/grad.h"
#include <math.h>

static Func *function_at(const RuleCheck *c, int number)
{
    return c->k->model->rule_functions.at[number];
}

bool rule_is_shared(const Rule *r, int argument)
{
    if (argument < TERM_COUNT) return argument >= TERM_STEP;
    return r->states.at[argument - TERM_COUNT].shared;
}

const char *rule_differing(const Rule *r, const Func *f)
{
    uint64_t read = rule_arguments_read(f);
    for (int i = 0; read; i++, read >>= 1)
        if (read & 1 && !rule_is_shared(r, i)) return rule_argument_name(r, i);
    return NULL;
}

/* ---- states, and weights of its own ---- */

/* Does it read what is known of a candidate while the program trains? */
static bool reads_candidate(const Expr *e)
{
    bool reads = e && e->kind == EXPR_NAME && rule_reads_name(e->name);
    if (!e || reads) return reads;
    for (int i = 0; i < e->args.count && !reads; i++) reads = reads_candidate(e->args.at[i].value);
    return reads || reads_candidate(e->left) || reads_candidate(e->right) || reads_candidate(e->third);
}

static bool state_start(RuleCheck *c, const RuleItem *item, RuleState *s)
{
    if (reads_candidate(item->value)) {
        Diag *d = diag_add(c->k->diags, E_KIND, item->value->span,
                           "a %s starts with a number; this is known while the program trains",
                           s->learned ? "weight" : "state");
        diag_fix(d, item->value->span, "0", "write ", "; an event sets it: on once(at = 0) { reset ... }");
        return false;
    }
    Val *v = check_expr(c->k, c->scope, item->value);
    if (val_is_poison(v)) return false;
    if (s->learned) return edge_weight_start(c->k, v, s->shared, &s->init);
    s->init = (InitSpec){.kind = INIT_CONSTANT, .a = v->number};
    if (v->kind == VAL_NUMBER && isfinite(v->number)) return true;
    Diag *d = diag_add(c->k->diags, E_KIND, v->span, "a state starts with a number; this is %s",
                       v->kind == VAL_NUMBER ? val_text(c->k, v) : val_kind_text(v));
    diag_help(d, "state %s = 0", item->name.text);
    return false;
}

bool rule_add_state(RuleCheck *c, const RuleItem *item)
{
    RuleState s = {.name = item->name.text,
                   .next = NO_FUNCTION,
                   .slope = NO_FUNCTION,
                   .shared = item->shared,
                   .learned = item->kind == RULE_ITEM_WEIGHT,
                   .given = item->kind == RULE_ITEM_WEIGHT && !item->value,
                   .span = item->span};
    if (scope_binds(c->scope, s.name)) return false; /* a parameter: said by names_rule.c */
    if (rule_reads_name(s.name)) return true;        /* said there, too */
    if (s.given && s.shared) {
        Diag *d = diag_add(c->k->diags, E_LATER, item->span,
                           "rules do not read weights that an edge function shares");
        diag_help(d, "a weight of each edge is named alone: weight %s", s.name);
        return false;
    }
    if (!s.given && !state_start(c, item, &s)) return false;
    if (c->rule->states.count == MOST_RULE_STATES) {
        Diag *d =
            diag_add(c->k->diags, E_LATER, item->span, "a rule has at most %d states", MOST_RULE_STATES);
        diag_help(d, "what follows from others is a name: %s = abs(w)", item->name.text);
        return false;
    }
    vec_push(c->k->perm, &c->rule->states, s);
    return true;
}

bool rule_weight_start(RuleCheck *c, const RuleItem *item)
{
    Val *v = check_expr(c->k, c->scope, item->value);
    return !val_is_poison(v) && edge_weight_start(c->k, v, false, &c->rule->weight);
}

bool rule_fits_state(RuleCheck *c, int state, int function, const Expr *e)
{
    const RuleState *s = &c->rule->states.at[state];
    const char *differs = rule_differing(c->rule, function_at(c, function));
    if (!s->shared || !differs) return true;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span,
                       "'%s' is one number for all edges of a list, and '%s' differs between them", s->name,
                       differs);
    diag_help(d, "it may read step, epoch, progress and what is shared");
    return false;
}

bool rule_next(RuleCheck *c, const RuleItem *item)
{
    int at = rule_state_named(c->rule, item->name.text);
    if (at < 0 || c->rule->states.at[at].learned) return false; /* said by names_rule.c */
    RuleState *s = &c->rule->states.at[at];
    s->next = rule_function(c, item->value, "next");
    if (s->next < 0) return false;
    if (rule_arguments_read(function_at(c, s->next)) >> TERM_ROUND & 1)
        return rule_no_rounds(c, item->value->span);
    return rule_fits_state(c, at, s->next, item->value);
}

/* ---- the weight that an edge carries ---- */

/* The derivative of a function by an argument: its number; NO_FUNCTION: it is 0 everywhere. */
static int slope_of(RuleCheck *c, int function, int argument)
{
    Arena *perm = c->k->perm;
    const Func *f = function_at(c, function);
    Value **map = NEW_ARRAY(perm, Value *, (size_t)f->values.count + 1);
    Func *d = func_copy(
        perm, f, arena_printf(perm, "%s.forward.%s", c->rule->name, rule_argument_name(c->rule, argument)),
        map);
    Value *x = func_argument(d, argument), *y = map[f->results.at[0]->id], *one = func_const(d, 1), *slope;
    if (!x) return NO_FUNCTION;
    grad_append(d, (Seeds){1, &y, &one}, 1, &x, &slope);
    if (!slope) return NO_FUNCTION;
    func_result(d, "slope", slope);
    return rule_add_function(c, d);
}

/* What is read in a forward pass stands beside the weights: nothing else is known then. */
static bool reads_stored(RuleCheck *c, const RuleItem *item, int function)
{
    uint64_t read = rule_arguments_read(function_at(c, function));
    c->rule->forward_reads |= read;
    for (int i = 0; i < TERM_COUNT; i++) {
        if (i == TERM_W || !(read >> i & 1)) continue;
        Diag *d = diag_add(c->k->diags, E_PLACE, item->value->span,
                           "'%s' reads '%s', which is known between steps only", item->name.text,
                           rule_term_name(i));
        if (i >= TERM_STEP)
            diag_help(d, "a state may follow it: shared state t = 0; next t = %s", rule_term_name(i));
        else
            diag_help(d, "it may read w, states and weights of the rule; a state may follow '%s'",
                      rule_term_name(i));
        return false;
    }
    return true;
}

static bool read_forward(RuleCheck *c, const RuleItem *item)
{
    Rule *r = c->rule;
    r->forward = rule_function(c, item->value, "forward");
    if (r->forward < 0 || !reads_stored(c, item, r->forward)) return false;
    r->slope = slope_of(c, r->forward, TERM_W);
    bool learns = r->slope >= 0;
    for (int i = 0; i < r->states.count; i++) {
        RuleState *s = &r->states.at[i];
        if (s->learned) s->slope = slope_of(c, r->forward, TERM_COUNT + i);
        learns = learns || s->slope >= 0;
    }
    if (learns) return true;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, item->value->span,
                       "nothing that `forward` reads is moved by the optimiser, so no edge learns");
    diag_help(d, "let it depend on w, or on a weight of the rule: weight s = 1");
    return false;
}

/* ---- edges in use, candidates that learn ---- */

static bool read_used(RuleCheck *c, const RuleItem *item)
{
    c->rule->used = rule_condition(c, item->value, "used");
    return c->rule->used >= 0 && reads_stored(c, item, c->rule->used);
}

/* The one argument of NAME(x) in `used and NAME(x)`, or NULL. */
static const Expr *behind_used(const Expr *e, const char *name)
{
    if (e->kind != EXPR_BINARY || e->op != OP_AND || e->left->kind != EXPR_NAME) return NULL;
    const Expr *call = e->right;
    bool named = strcmp(e->left->name, "used") == 0 && call->kind == EXPR_CALL &&
                 call->left->kind == EXPR_NAME && strcmp(call->left->name, name) == 0;
    return named && call->args.count == 1 && !call->args.at[0].name.text ? call->args.at[0].value : NULL;
}

static bool learn_every(RuleCheck *c, const Expr *e)
{
    enum { MOST = 1000 };
    const Val *v = check_expr(c->k, c->scope, e);
    if (val_is_poison(v)) return false;
    c->rule->all_gradients = true, c->rule->refresh = (int64_t)v->number;
    if (v->kind == VAL_NUMBER && v->number >= 1 && v->number <= MOST && floor(v->number) == v->number)
        return true;
    Diag *d =
        diag_add(c->k->diags, E_AMOUNT, e->span,
                 "every needs a whole number of steps from 1 to %d; this is %s", MOST, val_text(c->k, v));
    diag_help(d, "gradient = used and every(4): all candidates learn in every fourth step");
    return false;
}

static bool learn_top(RuleCheck *c, const Expr *e, const Expr *by)
{
    Rule *r = c->rule;
    const Val *v = check_expr(c->k, c->scope, e);
    if (val_is_poison(v)) return false;
    r->top_share = v->kind == VAL_PERCENT, r->top = r->top_share ? v->number / 100 : v->number;
    r->top_argument = rule_parameter(c, e);
    if (r->top_share ? r->top > 0 && r->top <= 1
                     : v->kind == VAL_NUMBER && r->top >= 1 && isfinite(r->top) && floor(r->top) == r->top)
        return (r->top_by = rule_function(c, by, "top")) >= 0;
    Diag *d =
        diag_add(c->k->diags, E_AMOUNT, e->span,
                 "top needs a share of the candidates or a number of them; this is %s", val_text(c->k, v));
    diag_help(d, "gradient = used and top(20%%) by abs(w)");
    return false;
}

bool rule_more_learn(RuleCheck *c, const RuleItem *item)
{
    const Expr *every = behind_used(item->value, "every"), *top = behind_used(item->value, "top");
    if (every && !item->by) return learn_every(c, every);
    if (top && item->by) return learn_top(c, top, item->by);
    Span span = item->by ? span_join(item->value->span, item->by->span) : item->value->span;
    Diag *d = diag_add(c->k->diags, E_KIND, span,
                       "gradient is used, all, used and every(N), or used and top(PART) by SCORE");
    diag_help(d, "gradient = used: only edges in use learn between events; gradient = used and top(20%%) by "
                 "abs(w): so do the 20%% of all candidates with the largest weights");
    return false;
}

static const struct Word {
    const char *name;
    bool (*read)(RuleCheck *c, const RuleItem *item);
} words[] = {{"forward", read_forward}, {"used", read_used}};

bool rule_let(RuleCheck *c, const RuleItem *item)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].name, item->name.text) == 0) return words[i].read(c, item);
    if (!item->by) return true;
    Diag *d = diag_add(c->k->diags, E_PLACE, item->by->span, "'%s' is a name, and nothing is chosen by it",
                       item->name.text);
    diag_help(d, "remove `by`");
    return false;
}

/* ---- the rule as a whole ---- */

static bool chooses_once(RuleCheck *c)
{
    const Rule *r = c->rule;
    for (int i = 0; i < r->events.count && r->used != NO_FUNCTION; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++) {
            const RuleStep *s = &r->events.at[i].actions.at[a];
            if (s->verb == VERB_RESET) continue;
            Diag *d = diag_add(c->k->diags, E_PLACE, s->span,
                               "`used = ...` says which edges are in use, so nothing is left to %s",
                               contract_text(CONTRACT_RuleVerb, (int)s->verb));
            diag_help(d, "remove this action, or the line `used = ...`");
            return false;
        }
    return true;
}

bool rule_weights_fit(RuleCheck *c)
{
    Rule *r = c->rule;
    for (int i = 0; i < r->states.count; i++) {
        RuleState *s = &r->states.at[i];
        s->stored = s->shared || s->learned || r->forward_reads >> (TERM_COUNT + i) & 1;
    }
    return rule_states_move(c) && chooses_once(c);
}

/* ---- their tensors ---- */

static Tensor *new_tensor(Check *k, const RuleState *s, const char *prefix, Shape shape)
{
    const char *name =
        table_new_name(k->perm, &k->model->names, arena_printf(k->perm, "%s.%s", prefix, s->name));
    Tensor *t = model_param(k->model, name, shape, s->span);
    t->learned = s->learned, t->components = 1, t->shared = s->shared;
    t->init = s->init;
    return t;
}

int rule_given_weight(const Bundle *u, const RuleState *s)
{
    for (int i = 0; i < u->weights.count; i++) {
        const Tensor *w = u->weights.at[i];
        if (w->components == 1 && strcmp(strrchr(w->name, '.') + 1, s->name) == 0) return i;
    }
    return -1;
}

static void line_tensors(Check *k, Graph *g, int bundle, Rule *r)
{
    Bundle *u = &g->bundles.at[bundle];
    const char *prefix = arena_printf(k->perm, "%s.edges.%d", g->name, bundle);
    const bool own =
        u->weight && u->weight->init.kind != INIT_FAN && r->weight.kind == INIT_FAN; /* of a function */
    if (!u->fixed && !u->edge && !own) u->weight->init = r->weight;
    if (r->forward != NO_FUNCTION && r->slope == NO_FUNCTION && !u->edge) u->weight->learned = false;
    for (int i = 0; i < r->states.count; i++) {
        RuleState *s = &r->states.at[i];
        if (!s->stored || s->shared) continue;
        if (s->given) {
            s->weight = rule_given_weight(u, s);
            continue;
        }
        if (u->edge) continue; /* graph_rule_fit.c refuses it */
        s->weight = u->weights.count;
        vec_push(k->perm, &u->weights, new_tensor(k, s, prefix, candidates_shape(g, u)));
    }
}

void add_rule_tensors(Check *k, Graph *g)
{
    for (int l = 0; l < g->lists.count; l++) {
        Rule *r = g->lists.at[l].declared;
        for (int i = 0; r && i < r->states.count; i++)
            if (r->states.at[i].shared)
                r->states.at[i].tensor =
                    new_tensor(k, &r->states.at[i], g->lists.at[l].name, shape_vector(1));
        for (int b = 0; r && b < g->bundles.count; b++)
            if (g->bundles.at[b].list == l) line_tensors(k, g, b, r);
    }
}
