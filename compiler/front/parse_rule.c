/* parse_rule.c: syntax errors in rules and where rules are named. */
#include "front/builtin.h"
#include "front/parse_mistake.h"

static bool is_one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

/* every(steps 10), every(1 epoch), every 100 steps: the arguments of events have names. */
static const char *event_argument(const Mistake *m, Token value, Token unit)
{
    const char *word = parse_text_of(m, unit), *number = parse_text_of(m, value);
    if (unit.kind != T_NAME || (value.kind != T_NUMBER && value.kind != T_PERCENT)) return NULL;
    const bool epochs = strncmp(word, "epoch", 5) == 0, steps = strncmp(word, "step", 4) == 0;
    return epochs || steps ? arena_printf(m->p->perm, "%s = %s", epochs ? "epochs" : "steps", number) : NULL;
}

bool parse_event_argument(const Mistake *m)
{
    static const char *const names[] = {"steps", "epochs", "from", "until", "at", "rounds"};
    const char *before = parse_text_of(m, m->p->before), *found = parse_text_of(m, m->found);
    const char *turned = event_argument(m, m->p->before, m->found);
    if (m->block != BLOCK_RULE) return false;
    const Span place = span_join(m->p->before.span, m->found.span);
    if (is_one_of(before, names, sizeof names / sizeof *names)) {
        Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "'=' is missing before '%s'", found);
        parse_help_write(m, d, place, arena_printf(m->p->perm, "%s = %s", before, found));
        return true;
    }
    if (!turned) return false;
    const bool named = parse_raw(m, -2).kind == '='; /* at = 3 epochs */
    Diag *d = parse_complain(m->p, E_SYNTAX, place, "an argument of an event is %s",
                             named ? "a number without a word" : "given by its name");
    parse_help_write(m, d, place, named ? before : turned);
    return true;
}

/* `on every epoch {`, `on every 100 steps {`, `every(...) {`, `on at(50%) {` */
bool parse_event_head(const Mistake *m)
{
    const Token callee = m->p->before;
    const Builtin *b = callee.kind == T_NAME ? builtin_find(parse_text_of(m, callee)) : NULL;
    if (m->block != BLOCK_RULE || !b || b->kind != KIND_EVENT) return false;
    if (m->found.kind == '(' && m->p->statement_length == 2) {
        Diag *d = parse_complain(m->p, E_SYNTAX, callee.span, "an event begins with 'on'");
        parse_help_write(m, d, callee.span, arena_printf(m->p->perm, "on %s", b->name));
        return true;
    }
    if (m->p->first.kind != T_ON || !is_operand(m->found.kind)) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "the arguments of '%s' are enclosed in ( )", b->name);
    const Token unit = parse_raw(m, 1);
    const bool number = m->found.kind != T_NAME;
    const char *given = number ? event_argument(m, m->found, unit)
                        : strncmp(parse_text_of(m, m->found), "epoch", 5) == 0 ? "epochs = 1"
                        : strncmp(parse_text_of(m, m->found), "step", 4) == 0  ? "steps = 1"
                                                                               : NULL;
    const Span end = number ? unit.span : m->found.span;
    if (given)
        parse_help_write(m, d, span_join(callee.span, end),
                         arena_printf(m->p->perm, "%s(%s)", b->name, given));
    else diag_help(d, "every(steps = 100), every(epochs = 1), once(at = 50%%)");
    return true;
}

static bool is_action(const Mistake *m, Token t)
{
    static const char *const verbs[] = {"choose", "drop", "grow", "reset", "redistribute"};
    return t.kind == T_NAME && is_one_of(parse_text_of(m, t), verbs, sizeof verbs / sizeof *verbs);
}

/* Did the line before begin with an action, too? Then that has been said. */
static bool follows_action(const Mistake *m)
{
    int k = 0;
    while (parse_raw(m, k).span.end > m->p->first.span.start) k--;
    if (parse_raw(m, k).kind == RAW_SEMICOLON) k--;
    while (parse_raw(m, k).span.end > 0 && !parse_raw(m, k).line_ends && parse_raw(m, k - 1).kind != '{' &&
           parse_raw(m, k - 1).kind != RAW_SEMICOLON)
        k--;
    return is_action(m, parse_raw(m, k));
}

/* `drop 30% by abs(w)` as a line of a rule. */
bool parse_action_outside(const Mistake *m)
{
    const Token verb = m->p->first;
    if (m->block != BLOCK_RULE || !is_action(m, verb) || m->p->statement_length != 2) return false;
    if (m->found.kind == '=' || m->found.kind == T_NL) return false;
    if (follows_action(m)) return m->p->complained = true;
    Diag *d =
        parse_complain(m->p, E_LINE, verb.span, "'%s' stands in the { } of an event", parse_text_of(m, verb));
    diag_help(d, "an event is written: on every(epochs = 1) { drop 30%% by abs(w); grow by random }");
    return true;
}

bool parse_budget_in_list(const Mistake *m)
{
    int kind = m->found.kind;
    if (m->block != BLOCK_EDGES || (kind != T_KEEP && kind != T_SAMPLE && kind != T_TIED)) return false;
    Diag *d = parse_complain(m->p, E_BUDGET, m->found.span,
                             kind == T_TIED ? "all lines of this list share their ties"
                                            : "all lines of this list share one budget");
    diag_help(d, "write after the closing brace: } %s", parse_text(m->p, parse_rest(m, m->found.span.start)));
    return true;
}

/* `edges x -> y of j keep 5%`, `keep 5% by w of j` */
bool parse_misplaced_of(const Mistake *m)
{
    if (m->found.kind != T_OF || parse_is_first(m) || m->p->first.kind != T_EDGES) return false;
    Diag *d =
        parse_complain(m->p, E_BUDGET, m->found.span, "'of' is written behind the number of the budget");
    diag_help(d, "such as keep 50%% of j by norm(w)");
    return true;
}

/* `edges x -> y using rigl`, `sample 5% using rigl`, `using rigl keep 5%` */
bool parse_misplaced_rule(const Mistake *m)
{
    if (m->found.kind != T_USING || parse_is_first(m)) return false;
    const Span rule = parse_rest(m, m->found.span.start);
    const char *text = parse_text(m->p, rule);
    int k = -1;
    while (parse_raw(m, k).span.start > m->p->first.span.start && parse_raw(m, k).kind != T_SAMPLE) k--;
    if (m->block == BLOCK_EDGES) {
        Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "all lines of this list share one rule");
        diag_help(d, "write after the closing brace: } keep 5%% %s", text);
        return true;
    }
    if (parse_raw(m, k).kind == T_SAMPLE) {
        Diag *d = parse_complain(m->p, E_BUDGET, m->found.span,
                                 "edges of 'sample' are drawn once, and no rule chooses them");
        diag_fix(d, parse_raw(m, k).span, "keep", "write ", " for edges that a rule chooses");
        return true;
    }
    k = -1;
    while (parse_raw(m, k).span.start > m->p->first.span.start && parse_raw(m, k).kind != T_USING) k--;
    if (parse_raw(m, k).kind == T_USING) {
        Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "a budget has one rule");
        diag_fix(d, rule, "", "remove this one", "");
        return true;
    }
    Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "a rule is written after its budget");
    const char *keep = strstr(text, " keep ");
    if (!keep) parse_help_write(m, d, m->found.span, "keep 5% using");
    else
        parse_help_write(m, d, rule, arena_printf(m->p->perm, "%s %.*s", keep + 1, (int)(keep - text), text));
    return true;
}

/* Help: what a line of a rule looks like. */
void parse_help_rule(const Mistake *m, Diag *d)
{
    const int first = m->p->first.kind;
    const char *text = NULL;
    if (m->block == BLOCK_EVENT)
        text = "an action is written: drop 30% by abs(w), grow by random, choose by abs(w), reset w = 0";
    else if (m->block != BLOCK_RULE) return;
    else if (first == T_ON) text = "an event is written: on every(epochs = 1) { choose by abs(w) }";
    else if (first == T_WEIGHT)
        text = "weights of edges begin with a distribution: weight ~ he; a weight of the rule: weight s = 0";
    else if (first == T_STATE) text = "a state begins with a number: state s = 0";
    else if (first == T_SHARED) text = "one number for the list is written: shared state s = 0";
    else if (first == T_NEXT) text = "a state moves behind each step: next s = 0.9 * s + abs(w)";
    else text = "a line of a rule is written: gradient = used, state s = 0, on every(epochs = 1) { ... }";
    diag_help(d, "%s", text);
}
