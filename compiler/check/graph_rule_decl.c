/* graph_rule_decl.c: declared rules: `using rigl(interval = 100)` becomes a Rule (model/rule.h).
 *
 * The names of RULE_TERMS are values of one candidate that are known when the program trains. Each expression
 * of a rule is a function of its own over them; what does not read them is a number at once.
 */
#include "check/graph_rule.h"
#include "front/parse.h"
#include <math.h>

/* ---- functions of a candidate ---- */

int rule_state_named(const Rule *r, const char *name)
{
    for (int i = 0; i < r->states.count; i++)
        if (strcmp(r->states.at[i].name, name) == 0) return i;
    return -1;
}

static Name plain_name(const char *text, Span span)
{
    return (Name){text, span};
}

static void bind_argument(Check *k, Scope *scope, const char *name, int index, Span span)
{
    Value *arg = func_add(k->func, IR_ARG, span, 0, NULL);
    arg->index = index, arg->is_bool = index == TERM_USED;
    scope_add(k, scope, plain_name(name, span), val_runtime(k, arg, span));
}

/* Names of one's own, `pressure = abs(w) / fan_in`, in the order in which they are written. */
static void bind_lets(RuleCheck *c, Scope *scope)
{
    for (int i = 0; i < c->decl->rule.count; i++) {
        const RuleItem *item = c->decl->rule.at[i];
        if (item->kind != RULE_ITEM_LET || rule_setting(item) >= 0 || strcmp(item->name.text, "used") == 0)
            continue;
        scope_add(c->k, scope, item->name, check_expr(c->k, scope, item->value));
    }
}

static bool is_number(Check *k, const Val *v, const char *what)
{
    if (val_is_poison(v)) return false;
    bool number =
        v->kind == VAL_NUMBER || v->kind == VAL_PERCENT || (v->kind == VAL_RUNTIME && !v->value->is_bool);
    if (number) return true;
    Diag *d = diag_add(k->diags, E_KIND, v->span, "%s is a number; this is %s", what, val_kind_text(v));
    if (v->kind == VAL_BOOL || v->kind == VAL_RUNTIME)
        diag_help(d, "make numbers of it: if ... then 1 else 0");
    else if (strcmp(what, "amount") == 0) diag_help(d, "such as drop 30%% by abs(w), or drop 10 by abs(w)");
    else if (strcmp(what, "start") == 0) diag_help(d, "such as grow by random at 0.1, or at fresh");
    else if (strcmp(what, "score") == 0) diag_help(d, "such as drop 30%% by abs(w)");
    return false;
}

/* func_prune leaves arguments that nothing reads. */
static void drop_unread(Func *f)
{
    const uint64_t read = rule_arguments_read(f);
    int kept = 0;
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        if (v->op == IR_ARG && !(read >> v->index & 1)) continue;
        v->id = kept;
        f->values.at[kept++] = v;
    }
    f->values.count = kept;
}

int rule_add_function(RuleCheck *c, Func *f)
{
    Model *m = c->k->model;
    func_prune(f);
    drop_unread(f);
    c->rule->reads |= rule_arguments_read(f);
    vec_push(c->k->perm, &m->rule_functions, f);
    return m->rule_functions.count - 1;
}

static bool is_condition(Check *k, const Decl *rule, const Val *v, const char *what)
{
    bool carries = false;
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_RUNTIME && v->value->is_bool) return true;
    Diag *d = diag_add(k->diags, E_KIND, v->span, "%s is a condition on each candidate; this is %s", what,
                       v->kind == VAL_RUNTIME ? "a number" : val_kind_text(v));
    for (int i = 0; i < rule->rule.count; i++)
        carries = carries || (rule->rule.at[i]->kind == RULE_ITEM_LET &&
                              strcmp(rule->rule.at[i]->name.text, "forward") == 0);
    diag_help(d, "write a comparison: used = %s", carries ? "forward != 0" : "abs(w) > 0.01");
    return false;
}

/* The result, a condition as 1 or 0; NULL after a message. */
static Value *result_of(RuleCheck *c, const Val *v, const char *what, bool condition)
{
    Func *f = c->k->func;
    if (!(condition ? is_condition(c->k, c->decl, v, what) : is_number(c->k, v, what))) return NULL;
    if (!condition) return val_value(c->k, v, "a number");
    return func_add(f, IR_SELECT, v->span, 3, (Value *[]){v->value, func_const(f, 1), func_const(f, 0)});
}

static int function_of(RuleCheck *c, const Expr *e, const char *what, bool condition)
{
    Check *k = c->k;
    Func *saved = k->func, *f = func_new(k->perm, arena_printf(k->perm, "%s.%s", c->rule->name, what));
    Mode mode = k->mode;
    Scope scope = {.outer = c->scope};
    k->func = f, k->mode = MODE_PREDICATE;
    for (int i = 0; i < TERM_COUNT; i++) bind_argument(k, &scope, rule_term_name(i), i, e->span);
    for (int i = 0; i < c->rule->states.count; i++)
        bind_argument(k, &scope, c->rule->states.at[i].name, TERM_COUNT + i, e->span);
    bind_lets(c, &scope);
    Val *v = check_expr(k, &scope, e);
    Value *result = result_of(c, v, what, condition);
    c->kind = v->kind;
    k->func = saved, k->mode = mode;
    if (!result) return NO_FUNCTION;
    func_result(f, what, result);
    return rule_add_function(c, f);
}

int rule_function(RuleCheck *c, const Expr *e, const char *what)
{
    return function_of(c, e, what, false);
}

int rule_condition(RuleCheck *c, const Expr *e, const char *what)
{
    return function_of(c, e, what, true);
}

/* ---- events ---- */

static bool rule_time(RuleCheck *c, const Val *v, const char *what, RuleTime *out)
{
    if (val_is_poison(v)) return false;
    *out = (RuleTime){v->kind == VAL_PERCENT ? v->number / 100 : v->number, v->kind == VAL_PERCENT};
    bool ok = v->kind == VAL_PERCENT ? out->at <= 1 : v->kind == VAL_NUMBER && isfinite(v->number);
    if (ok && out->at >= 0) return true;
    Diag *d =
        diag_add(c->k->diags, E_AMOUNT, v->span,
                 "%s is a share of the training or a number of epochs; this is %s", what, val_text(c->k, v));
    diag_help(d, "75%% is three quarters of the training, 10 is after ten epochs");
    return false;
}

static bool read_every(RuleCheck *c, const Val *v, RuleEvent *e)
{
    const Val *steps = v->items.at[0], *epochs = v->items.at[1];
    bool by_steps = steps->kind != VAL_NONE, by_epochs = epochs->kind != VAL_NONE;
    if (val_is_poison(steps) || val_is_poison(epochs)) return false;
    if (by_steps == by_epochs) {
        Diag *d =
            diag_add(c->k->diags, E_ARGUMENT, v->span, "an event comes every so many steps or epochs; %s",
                     by_steps ? "here are both" : "here is neither");
        diag_help(d, "every(steps = 100) or every(epochs = 1)");
        return false;
    }
    const Val *n = by_steps ? steps : epochs;
    if (n->kind != VAL_NUMBER || !(n->number > 0) || n->number > 1e15 ||
        (by_steps && floor(n->number) != n->number)) {
        Diag *d = diag_add(c->k->diags, E_AMOUNT, n->span, "every takes a %snumber of %s above 0; this is %s",
                           by_steps ? "whole " : "", by_steps ? "steps" : "epochs", val_text(c->k, n));
        diag_help(d, "every(steps = 100) or every(epochs = 1)");
        return false;
    }
    if (by_steps) e->steps = (int64_t)n->number;
    else e->epochs = n->number;
    bool ok = rule_time(c, v->items.at[2], "`from`", &e->from);
    const Val *until = v->items.at[3]; /* without it: the end of the training */
    ok = (until->kind == VAL_NONE || rule_time(c, until, "`until`", &e->until)) && ok;
    return ok && rule_event_lasts(c, e, until->kind == VAL_NONE ? v->items.at[2]->span : until->span);
}

static bool read_once(RuleCheck *c, const Val *v, RuleEvent *e)
{
    const Val *rounds = v->items.at[1];
    bool ok = rule_time(c, v->items.at[0], "`at`", &e->from);
    if (val_is_poison(rounds)) return false;
    if (rounds->kind == VAL_NUMBER && rounds->number >= 1 && rounds->number <= 1e6 &&
        floor(rounds->number) == rounds->number)
        return e->rounds = (int)rounds->number, ok;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, rounds->span,
                       "rounds is a whole number from 1 to 1000000; this is %s", val_text(c->k, rounds));
    diag_help(d, "once(at = 0, rounds = 100) happens a hundred times, one after the other");
    return false;
}

/* every(...) and once(...) are events, whatever else a file calls so. */
static Val *event_value(RuleCheck *c, const Expr *e)
{
    const bool call = e->kind == EXPR_CALL && e->left->kind == EXPR_NAME;
    const Builtin *b = call ? builtin_find(e->left->name) : NULL;
    if (!b || b->kind != KIND_EVENT) return check_expr(c->k, c->scope, e);
    Val *f = val_function(c->k, b, NULL, NULL, e->span);
    for (int i = 0; i < e->args.count; i++) {
        Val *v = check_expr(c->k, c->scope, e->args.at[i].value);
        if (val_is_poison(v)) return v;
        vec_push(c->k->perm, &f->bound, ((BoundArg){e->args.at[i].name, v}));
    }
    return f;
}

static bool read_event(RuleCheck *c, const Expr *when, RuleEvent *e)
{
    Check *k = c->k;
    if (when->kind == EXPR_BINARY) {
        Diag *d = diag_add(k->diags, E_KIND, when->span, "`on` is followed by one event");
        diag_help(d, "what happens at two of them is written twice: on every(epochs = 1) { ... }");
        return false;
    }
    Val *v = event_value(c, when);
    if (val_is_poison(v)) return false;
    v = described(k, v);
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_CALL && v->builtin->kind == KIND_EVENT) {
        e->until = (RuleTime){1, true}, e->rounds = 1;
        return v->builtin->id == BUILTIN_once ? read_once(c, v, e) : read_every(c, v, e);
    }
    Diag *d =
        diag_add(k->diags, E_KIND, when->span, "`on` is followed by an event; this is %s",
                 v->kind == VAL_CALL ? arena_printf(k->perm, "'%s'", v->builtin->name) : val_kind_text(v));
    diag_help(d,
              "on every(steps = 100) { }, on every(epochs = 1, until = 75%%) { } or on once(at = 50%%) { }");
    return false;
}

/* "net.dnw:3:5", for messages of the program. */
static const char *event_place(const RuleCheck *c, Span event)
{
    const Check *k = c->k;
    const Module *library = k->files.library;
    const Span span = library && event.file == library->ast->file ? c->rule->span : event;
    const Place at = source_place(k->c->sources, span.file, span.start);
    return arena_printf(k->perm, "%s:%d:%d", sources_file(k->c->sources, span.file)->path, at.line,
                        at.column);
}

bool rule_no_rounds(RuleCheck *c, Span span)
{
    Diag *d =
        diag_add(c->k->diags, E_PLACE, span, "'round' counts the rounds of an event; there are none here");
    diag_help(d, "an event with rounds is written: once(at = 0, rounds = 100)");
    return false;
}

/* `once(at = 0, rounds = 100)` */
static bool has_rounds(const Expr *event)
{
    for (int i = 0; i < event->args.count; i++) {
        const char *name = event->args.at[i].name.text;
        if (name ? strcmp(name, "rounds") == 0 : i == 1 && strcmp(event->left->name, "once") == 0)
            return true;
    }
    return false;
}

const char *rule_parameter(const RuleCheck *c, const Expr *e)
{
    for (int p = 0; e->kind == EXPR_NAME && p < c->decl->params.count; p++)
        if (strcmp(c->decl->params.at[p].name.text, e->name) == 0) return e->name;
    return "";
}

/* The parameter of the rule that says how often an event comes, or when; "" where none does alone. */
static const char *event_argument(const RuleCheck *c, const Expr *event)
{
    for (int i = 0; i < event->args.count; i++) {
        const Arg *a = &event->args.at[i];
        const bool often = !a->name.text || (strcmp(a->name.text, "from") && strcmp(a->name.text, "until") &&
                                             strcmp(a->name.text, "rounds"));
        if (often && *rule_parameter(c, a->value)) return a->value->name;
    }
    return "";
}

static bool add_event(RuleCheck *c, const RuleItem *item)
{
    RuleEvent e = {
        .span = item->span, .place = event_place(c, item->span), .argument = event_argument(c, item->value)};
    bool ok = read_event(c, item->value, &e);
    const uint64_t others = c->rule->reads;
    c->rule->reads = 0;
    for (int i = 0; i < item->actions.count; i++) ok = rule_add_step(c, &e, item->actions.at[i]) && ok;
    e.reads = c->rule->reads;
    if (ok && e.reads >> TERM_ROUND & 1 && !has_rounds(item->value))
        ok = rule_no_rounds(c, item->value->span);
    c->rule->reads |= others;
    vec_push(c->k->perm, &c->rule->events, e);
    return ok;
}

/* ---- the whole rule ---- */

static bool read_setting(RuleCheck *c, const RuleItem *item, int setting)
{
    const RuleSetting *s = &rule_settings[setting];
    const int word = rule_setting_word(s, item->value);
    if (setting == CHOICE_GRADIENT) c->rule->all_gradients = word == 1;
    if (setting == CHOICE_START) c->rule->start_all = word == 1;
    if (word >= 0 && !item->by) return true;
    if (setting == CHOICE_GRADIENT) return rule_more_learn(c, item);
    Diag *d =
        diag_add(c->k->diags, E_KIND, item->value->span, "%s is %s or %s", s->name, s->words[1], s->words[0]);
    diag_help(d, "%s", s->help);
    return false;
}

static bool check_item(RuleCheck *c, const RuleItem *item)
{
    switch (item->kind) {
    case RULE_ITEM_STATE:
    case RULE_ITEM_WEIGHT: return true; /* first of all */
    case RULE_ITEM_START: return rule_weight_start(c, item);
    case RULE_ITEM_NEXT: return rule_next(c, item);
    case RULE_ITEM_EVENT: return add_event(c, item);
    case RULE_ITEM_LET:
        return rule_setting(item) < 0 ? rule_let(c, item) : read_setting(c, item, rule_setting(item));
    }
    return true;
}

/* A rule that starts with all candidates comes down to the budget. */
static bool comes_down(RuleCheck *c)
{
    const Rule *r = c->rule;
    Span span = c->decl->name.span;
    for (int i = 0; i < r->events.count; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++)
            if (rule_shrinks(&r->events.at[i].actions.at[a])) return true;
    for (int i = 0; i < c->decl->rule.count; i++)
        if (rule_setting(c->decl->rule.at[i]) == CHOICE_START) span = c->decl->rule.at[i]->span;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, span,
                       "no event of this rule brings the edges in use down from all to the budget");
    diag_help(d, "add one that chooses or drops: on once(at = 50%%) { choose by abs(w) }");
    return false;
}

/* Edges that are dropped and never replaced. */
static bool events_fit(RuleCheck *c)
{
    const Rule *r = c->rule;
    bool ok = true;
    if (r->start_all) return comes_down(c);
    for (int i = 0; i < r->events.count; i++) {
        bool drops = false, grows = false;
        const RuleEvent *e = &r->events.at[i];
        for (int s = 0; s < e->actions.count; s++) {
            grows = grows || e->actions.at[s].verb == VERB_GROW;
            drops = (drops || rule_empties(&e->actions.at[s])) && !rule_fills(&e->actions.at[s]);
        }
        if (!drops) continue;
        Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span,
                           grows ? "the last drop of this event is not made up for, so the budget is not kept"
                                 : "this event drops edges and grows none, so the budget is not kept");
        diag_help(d, "add a line without an amount behind it: grow by random");
        ok = false;
    }
    return ok;
}

/* "rigl(interval = 100, part = 30%)" */
static const char *rule_text(Check *k, const Decl *d, const Scope *arguments)
{
    const char *text = d->name.text;
    for (int i = 0; i < d->params.count; i++)
        text = arena_printf(k->perm, "%s%s%s = %s", text, i ? ", " : "(", d->params.at[i].name.text,
                            val_text(k, scope_find(arguments, d->params.at[i].name.text)));
    return d->params.count ? arena_printf(k->perm, "%s)", text) : text;
}

/* What comes into use at an event at the end of the training has not been trained. */
bool rule_ends_trained(Check *k, const RuleEvent *e)
{
    for (int a = 0; a < e->actions.count; a++) {
        const RuleStep *s = &e->actions.at[a];
        if (s->verb == VERB_DROP || (s->verb == VERB_RESET && s->target != TERM_W)) continue;
        Diag *d = diag_add(k->diags, E_AMOUNT, s->span,
                           "%s at the end of the training leaves edges that have not been trained",
                           contract_text(CONTRACT_RuleVerb, (int)s->verb));
        diag_help(d, "let it come earlier, such as once(at = 75%%); drop by abs(w) may come last");
        return false;
    }
    return true;
}

static bool ends_trained(RuleCheck *c)
{
    const Rule *r = c->rule;
    for (int i = 0; i < r->events.count; i++) {
        const RuleEvent *e = &r->events.at[i];
        if (e->steps || e->epochs > 0 || !e->from.share || e->from.at < 1) continue;
        if (!rule_ends_trained(c->k, e)) return false;
    }
    return true;
}

/* A parameter with a percentage as its default takes one: `until = 2` epochs would be another schedule. */
static bool shares_fit(Check *k, const Decl *d, const Scope *arguments)
{
    bool ok = true;
    for (int i = 0; i < d->params.count; i++) {
        const Param *p = &d->params.at[i];
        const Val *v = scope_find(arguments, p->name.text);
        if (!p->fallback || p->fallback->kind != EXPR_PERCENT || val_is_poison(v)) continue;
        if (v->kind == VAL_PERCENT && v->number >= 0 && v->number <= 100) continue;
        Diag *m = diag_add(k->diags, E_AMOUNT, v->span,
                           "'%s' of rule '%s' is a share from 0%% to 100%%; this is %s", p->name.text,
                           d->name.text, val_text(k, v));
        const double percent = v->kind == VAL_NUMBER ? 100 * v->number : -1;
        if (percent > 0 && percent <= 100)
            diag_fix(m, v->span, arena_printf(k->perm, "%.6g%%", percent), "write ", "");
        else
            diag_help(m, "%s(%s = %s)", d->name.text, p->name.text,
                      expr_text(k->perm, k->c->sources, p->fallback));
        ok = false;
    }
    return ok;
}

/* A rule of another file is right or wrong by what it is given here; what -D gives has its own place. */
static void blame_use(Check *k, const Val *use, int first)
{
    for (int i = first; i < diags_count(k->diags); i++) {
        const uint32_t file = diag_view(diags_at(k->diags, i)).span.file;
        bool given = file == use->span.file;
        for (int a = 0; a < use->bound.count; a++) given = given || use->bound.at[a].value->span.file == file;
        if (given) continue;
        diag_move(diags_at(k->diags, i), use->span,
                  arena_printf(k->perm, "in a line of rule '%s'", use->decl->name.text));
    }
}

Rule *check_declared_rule(Check *k, Val *use)
{
    Rule *r = NEW(k->perm, Rule);
    Scope scope = {.module = use->module};
    RuleCheck c = {.k = k, .rule = r, .decl = use->decl, .scope = &scope};
    r->name = use->decl->name.text, r->span = use->span, r->declaration = use->decl;
    r->weight.kind = INIT_FAN;
    r->forward = r->slope = r->used = r->top_by = NO_FUNCTION, r->refresh = 1;
    Mode mode = k->mode;
    k->mode = MODE_CONST;
    const int messages = diags_count(k->diags);
    bool ok = bind_params(k, use, NULL, (Shape){0}, use->span, &scope) && shares_fit(k, use->decl, &scope);
    r->text = ok ? rule_text(k, use->decl, &scope) : r->name;
    for (int i = 0; ok && i < use->decl->rule.count; i++) {
        const RuleItem *item = use->decl->rule.at[i];
        if (item->kind == RULE_ITEM_STATE || item->kind == RULE_ITEM_WEIGHT) ok = rule_add_state(&c, item);
    }
    bool bound = ok;
    for (int i = 0; i < use->decl->rule.count; i++) { /* said by names_rule.c */
        const RuleItem *item = use->decl->rule.at[i];
        if (item->kind == RULE_ITEM_NEXT && rule_state_named(r, item->name.text) < 0)
            scope_add(k, &scope, item->name, val_poison(k));
    }
    for (int i = 0; bound && i < use->decl->rule.count; i++) ok = check_item(&c, use->decl->rule.at[i]) && ok;
    ok = ok && events_fit(&c) && ends_trained(&c) && rule_weights_fit(&c);
    k->mode = mode;
    note_seen(k, use->decl);
    blame_use(k, use, messages);
    return ok ? r : NULL;
}
