/* names_rule.c: names in rules: what they read, their states, lines and events. */
#include "check/names_private.h"

const RuleSetting rule_settings[RULE_CHOICES] = {
    [CHOICE_GRADIENT] =
        {"gradient",
         {"used", "all"},
         "gradient = used: only edges in use learn between events; gradient = all: every candidate does"},
    [CHOICE_START] =
        {"start",
         {"drawn", "all"},
         "start = drawn: before the first step edges are drawn, as many as the budget says; start "
         "= all: all candidates are in use"},
};

int rule_setting_word(const RuleSetting *s, const Expr *e)
{
    for (int w = 0; w < 2; w++)
        if (e->kind == EXPR_NAME && strcmp(e->name, s->words[w]) == 0) return w;
    return -1;
}

int rule_setting(const RuleItem *item)
{
    for (int i = 0; i < RULE_CHOICES && item->kind == RULE_ITEM_LET; i++)
        if (strcmp(item->name.text, rule_settings[i].name) == 0) return i;
    return -1;
}

bool rule_reads_name(const char *name)
{
    for (int i = 0; rule_term_name(i); i++)
        if (strcmp(rule_term_name(i), name) == 0) return true;
    return false;
}

const char *rule_name_meant(const char *wrong)
{
    static const char *const others[][2] = {
        {"lr", "rate"}, {"learning_rate", "rate"}, {"weights", "w"}, {"mask", "used"}, {"size", "kept"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(others[i][0], wrong) == 0) return others[i][1];
    for (int i = 0; rule_term_name(i) && strlen(wrong) > 2; i++)
        if (strncmp(rule_term_name(i), wrong, strlen(wrong)) == 0) return rule_term_name(i);
    return NULL;
}

/* A state is moved by one `next`; no name of a rule is one of those that rules read. */
static bool reads_name(Check *k, Name name)
{
    if (!rule_reads_name(name.text)) return false;
    Diag *d = diag_add(k->diags, E_SHADOW, name.span, "'%s' is what a rule reads of a candidate", name.text);
    diag_help(d, "choose another name, such as my_%s", name.text);
    return true;
}

static void rule_name(Check *k, Scope *scope, Name name)
{
    if (!reads_name(k, name)) names_bind(k, scope, name);
}

/* `weight w ~ he` */
static bool names_w(Check *k, const RuleItem *item)
{
    if (item->kind != RULE_ITEM_WEIGHT || strcmp(item->name.text, rule_term_name(TERM_W)) != 0) return false;
    Diag *d =
        diag_add(k->diags, E_SHADOW, item->name.span, "w is the weight of an edge without a declaration");
    diag_help(d, "how it starts is said without a name: weight ~ he");
    return true;
}

/* `weight he`: of the weight that edges have anyway. */
static bool names_start(Check *k, const RuleItem *item)
{
    const Builtin *b = item->kind == RULE_ITEM_WEIGHT && !item->value ? builtin_find(item->name.text) : NULL;
    if (!b || b->kind != KIND_DIST) return false;
    Diag *d = diag_add(k->diags, E_SHADOW, item->span, "'%s' is how a weight starts, and no weight", b->name);
    diag_fix(d, item->span, arena_printf(k->perm, "weight ~ %s", b->name), "write ", "");
    return true;
}

/* `gradent = used`: a word is no number, so the line was meant. */
static void setting_mistyped(Check *k, const RuleItem *item)
{
    const char *names[RULE_CHOICES], *meant = NULL;
    if (item->kind != RULE_ITEM_LET) return;
    for (int i = 0; i < RULE_CHOICES; i++) {
        names[i] = rule_settings[i].name;
        if (rule_setting_word(&rule_settings[i], item->value) >= 0 && !meant) meant = names[i];
    }
    if (!meant || rule_setting(item) >= 0) return;
    const char *near = diag_nearest(item->name.text, names, RULE_CHOICES);
    Diag *d =
        diag_add(k->diags, E_UNKNOWN_NAME, item->name.span, "'%s' is no line of a rule", item->name.text);
    diag_fix(d, item->name.span, near ? near : meant, "did you mean '", "'?");
}

/* Words that a setting is made of are no names; what they are given is. */
static void setting_names(Check *k, const Scope *scope, const Expr *e)
{
    for (int i = 0; i < e->args.count; i++) names_use(k, scope, e->args.at[i].value);
    if (e->kind != EXPR_BINARY) return;
    setting_names(k, scope, e->left), setting_names(k, scope, e->right);
}

/* Lines that each may be written once: a name (or a setting), and the move of a state. */
static void rule_lines_once(Check *k, const Decl *d)
{
    Table names[2] = {{0}, {0}};
    for (int i = 0; i < d->rule.count; i++) {
        const RuleItem *item = d->rule.at[i];
        if (item->kind == RULE_ITEM_EVENT) continue;
        const bool next = item->kind == RULE_ITEM_NEXT;
        int *first = table_place(k->perm, &names[next], item->name.text, strlen(item->name.text));
        if (*first >= 0) names_twice(k, next ? "next " : "", item->name, d->rule.at[*first]->name.span);
        else *first = i;
        setting_mistyped(k, item);
    }
}

static bool is_declared(const Decl *d, RuleItemKind kind, const char *name)
{
    for (int i = 0; i < d->rule.count; i++) {
        const RuleItem *item = d->rule.at[i];
        if (item->kind == kind && strcmp(item->name.text, name) == 0) return true;
    }
    return false;
}

/* A state that is none counts as one from here on. */
static void rule_state_known(Check *k, Scope *scope, const Decl *d, Name name)
{
    if (is_declared(d, RULE_ITEM_STATE, name.text)) return;
    if (is_declared(d, RULE_ITEM_WEIGHT, name.text)) {
        Diag *w = diag_add(k->diags, E_PLACE, name.span, "the optimiser moves weight '%s'", name.text);
        diag_help(w, "remove this line, or let the rule move it: state %s = 0", name.text);
        return;
    }
    Diag *g = diag_add(k->diags, E_UNKNOWN_NAME, name.span, "'%s' is not a state of this rule", name.text);
    diag_help(g, "declare it first: state %s = 0", name.text);
    scope_add(k, scope, name, NULL);
}

/* `fresh` is known where a new edge begins, and alone. */
static void action_names(Check *k, const Scope *scope, const RuleAction *a)
{
    const bool word = a->value && a->value->kind == EXPR_NAME;
    Scope start = {.outer = (Scope *)scope, .what = scope->what};
    if (word && !a->target.text) scope_add(k, &start, (Name){"fresh", a->span}, NULL);
    names_use(k, scope, a->amount), names_use(k, scope, a->by), names_use(k, &start, a->value);
}

/* `every(steps = 3, epochs)`: the name of an argument, and no value. */
static bool argument_alone(Check *k, const Scope *scope, const Expr *e, const Arg *a)
{
    static const char *const names[] = {"steps", "epochs", "from", "until", "at", "rounds"};
    if (a->name.text || a->value->kind != EXPR_NAME || scope_binds(scope, a->value->name)) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(a->value->name, names[i]) != 0) continue;
        names_reported(k, a->value->span);
        Diag *d = diag_add(k->diags, E_ARGUMENT, a->value->span, "'%s' is given without a value", names[i]);
        diag_help(d, "%s(%s = %s)", e->left->name, names[i], i < 2 ? "10" : i < 5 ? "50%" : "100");
        return true;
    }
    return false;
}

/* `every(steps = step)`: a name of what changes while the program trains. */
static bool changes(Check *k, const Scope *scope, const Expr *e)
{
    if (e->kind != EXPR_NAME || !rule_reads_name(e->name) || scope_binds(scope, e->name)) return false;
    names_reported(k, e->span);
    Diag *d = diag_add(k->diags, E_PLACE, e->span,
                       "'%s' changes while the program trains; when an event comes does not", e->name);
    diag_help(d, "every(steps = 100), every(epochs = 1) or once(at = 50%%)");
    return true;
}

/* `on epoch`, `on each(epochs = 1)` */
static bool no_event(Check *k, const Scope *scope, const Expr *e)
{
    static const char *const meant[][2] = {{"epoch", "every(epochs = 1)"}, {"step", "every(steps = 1)"},
                                           {"batch", "every(steps = 1)"},  {"start", "once(at = 0)"},
                                           {"begin", "once(at = 0)"},      {"end", "once(at = 75%)"}};
    const Expr *name = e->kind == EXPR_CALL ? e->left : e;
    if (name->kind != EXPR_NAME || scope_binds(scope, name->name) || builtin_find(name->name)) return false;
    if (find_decl(scope_module(scope), name->name, &(Module *){NULL})) return false;
    if (names_reported(k, name->span)) return true;
    Diag *d = diag_add(k->diags, E_UNKNOWN_NAME, name->span, "'%s' is no event", name->name);
    const char *text = NULL;
    for (size_t i = 0; i < sizeof meant / sizeof *meant && e == name; i++)
        if (strncmp(name->name, meant[i][0], strlen(meant[i][0])) == 0) text = meant[i][1];
    if (e != name)
        text =
            e->args.count && e->args.at[0].name.text && e->args.at[0].name.text[0] == 'a' ? "once" : "every";
    if (text) diag_fix(d, name->span, text, "write ", "");
    else diag_help(d, "every(steps = 100), every(epochs = 1) or once(at = 50%%)");
    return true;
}

static void event_names(Check *k, const Scope *scope, const Expr *e)
{
    const bool call = e->kind == EXPR_CALL && e->left->kind == EXPR_NAME;
    const Builtin *b = call ? builtin_find(e->left->name) : NULL;
    if (!b || b->kind != KIND_EVENT) {
        if (!no_event(k, scope, e)) names_use(k, scope, e);
        return;
    }
    for (int i = 0; i < e->args.count; i++)
        if (!argument_alone(k, scope, e, &e->args.at[i]) && !changes(k, scope, e->args.at[i].value))
            names_use(k, scope, e->args.at[i].value);
}

/* Names are those of one thing each: parameters come first. */
static bool is_parameter(Check *k, const Decl *d, const RuleItem *item)
{
    for (int i = 0; i < d->params.count && item->name.text; i++) {
        if (strcmp(d->params.at[i].name.text, item->name.text) != 0) continue;
        Diag *g =
            diag_add(k->diags, E_TWICE, item->name.span, "'%s' is a parameter of this rule", item->name.text);
        diag_note(g, d->params.at[i].name.span, "it is declared here");
        diag_help(g, "choose another name, such as my_%s", item->name.text);
        return true;
    }
    return false;
}

static void does_something(Check *k, const Decl *d)
{
    Diag *g = NULL;
    if (d->rule.count == 0)
        g = diag_add(k->diags, E_AMOUNT, d->name.span, "rule '%s' has no lines", d->name.text);
    for (int i = 0; i < d->rule.count; i++)
        if (d->rule.at[i]->kind == RULE_ITEM_EVENT && d->rule.at[i]->actions.count == 0)
            g = diag_add(k->diags, E_AMOUNT, d->rule.at[i]->span, "nothing happens at this event");
    diag_help(g, "on every(epochs = 1) { drop 30%% by abs(w); grow by random }");
}

void names_rule(Check *k, Scope *scope, const Decl *d)
{
    names_params(k, scope, d);
    for (int i = 0; i < d->params.count; i++) reads_name(k, d->params.at[i].name);
    rule_lines_once(k, d), does_something(k, d);
    Scope inner = {.outer = scope, .what = "names"};
    for (int i = 0; rule_term_name(i); i++)
        scope_add(k, &inner, (Name){rule_term_name(i), d->name.span}, NULL);
    for (int i = 0; i < d->rule.count; i++) {
        const RuleItem *item = d->rule.at[i];
        const bool keeps = item->kind == RULE_ITEM_STATE || item->kind == RULE_ITEM_WEIGHT;
        if (keeps && !is_parameter(k, d, item) && !names_w(k, item) && !names_start(k, item))
            rule_name(k, &inner, item->name);
        if (item->kind == RULE_ITEM_NEXT) rule_state_known(k, &inner, d, item->name);
    }
    for (int i = 0; i < d->rule.count; i++) {
        const RuleItem *item = d->rule.at[i];
        const bool let = item->kind == RULE_ITEM_LET && strcmp(item->name.text, "used") != 0,
                   setting = rule_setting(item) >= 0;
        if (item->kind == RULE_ITEM_EVENT) event_names(k, scope, item->value);
        else if (setting) setting_names(k, scope, item->value);
        else names_use(k, &inner, item->value);
        names_use(k, &inner, item->by);
        if (let && !setting && !is_parameter(k, d, item)) rule_name(k, &inner, item->name);
        for (int a = 0; a < item->actions.count; a++) action_names(k, &inner, item->actions.at[a]);
    }
}
