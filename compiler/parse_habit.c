/* parse_habit.c: what is written otherwise in Python, C or Julia: choices, functions without a name, bodies
 * behind a colon, types, indices one by one.
 */
#include "parse_mistake.h"

static bool is_text(const Mistake *m, Token t, const char *word)
{
    return t.kind == T_NAME && strcmp(parse_text_of(m, t), word) == 0;
}

/* `[f(i) for i in x]` */
bool parse_loop(const Mistake *m)
{
    if (parse_is_first(m) || !is_text(m, m->found, "for")) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "there are no loops");
    diag_help(d, "an index of a node set stands for all of its values: x[i] -> h[j] where i < j");
    return true;
}

/* `lambda z: z`, `z -> z`, `fn (z) z` */
bool parse_lambda(const Mistake *m)
{
    bool word = is_text(m, m->p->before, "lambda");
    bool arrow = m->found.kind == T_ARROW && m->has_operator && m->block != BLOCK_EDGES;
    bool declared = m->found.kind == T_FN && m->expression;
    if (!word && !arrow && !declared) return false;
    Span span = word ? m->p->before.span : m->found.span;
    Diag *d = parse_complain(m->p, E_SYNTAX, span, "a function has a name and a line of its own");
    diag_help(d, "declare it, such as: fn f(z) = 2 * z, and write f here");
    return true;
}

/* `a if c else b`: if c then a else b. */
bool parse_choice_behind(const Mistake *m)
{
    if (m->found.kind != T_IF || !m->has_operator) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "'if' stands before the values it chooses from");
    diag_help(d, "a choice is written: if a then b else c");
    int k = 1, depth = 0;
    for (; parse_raw(m, k).kind && (depth || parse_raw(m, k).kind != T_ELSE); k++) {
        int kind = parse_raw(m, k).kind;
        depth += (kind == '(' || kind == '[') - (kind == ')' || kind == ']');
        if (depth < 0 || kind == '{' || kind == '}') return true;
    }
    if (!parse_raw(m, k).kind || k == 1) return true;
    Span yes = parse_operand_before(m), no = parse_operand(m, k + 1);
    Span condition = span_join(parse_raw(m, 1).span, parse_raw(m, k - 1).span);
    const char *text = arena_printf(m->p->perm, "if %s then %s else %s", parse_text(m->p, condition),
                                    parse_text(m->p, yes), parse_text(m->p, no));
    parse_help_write(m, d, span_join(yes, no), text);
    return true;
}

bool parse_unfinished_if(const Mistake *m)
{
    if (!m->wanted[T_THEN] && !m->wanted[T_ELSE]) return false;
    const char *word = m->wanted[T_THEN] ? "then" : "else", *found = parse_text_of(m, m->found);
    Diag *d = m->found.kind == T_NL
                  ? parse_complain(m->p, E_SYNTAX, m->found.span, "this 'if' has no '%s'", word)
                  : parse_complain(m->p, E_SYNTAX, m->found.span, "found '%s', wanted '%s'", found, word);
    diag_help(d, "a choice has two sides: if a then b else c");
    if (m->found.kind == ':' && m->wanted[T_THEN]) parse_help_write(m, d, m->found.span, " then");
    if (is_text(m, m->found, "elif") && m->wanted[T_ELSE]) parse_help_write(m, d, m->found.span, "else if");
    return true;
}

/* `fn F(z):` with its body behind it, or on the next lines. */
bool parse_indented_body(const Mistake *m)
{
    bool value = m->wanted['='];
    if (m->found.kind != ':' || !m->wanted['{'] || m->in_parentheses) return false;
    Diag *d =
        parse_complain(m->p, E_ASSIGN, m->found.span, "found ':', wanted %s'{'", value ? "'=' or " : "");
    Span head = {m->found.span.file, m->p->first.span.start, m->found.span.start};
    const char *text = parse_text(m->p, head);
    if (strlen(text) < 80 && !strchr(text, '\n'))
        diag_help(d, "the lines of its body stand in { }: %s { ... }", text);
    else diag_help(d, "the lines of its body stand in { }");
    if (value && !parse_raw(m, 1).line_ends)
        parse_help_statement(m, d, m->found.span.start, "=", m->found.span.end);
    return true;
}

/* `a: int` of a parameter, `u: float = 2` of a name. */
bool parse_type_of_name(const Mistake *m)
{
    int first = m->p->first.kind;
    bool header = first == T_FN || first == T_MODEL || first == T_GRAPH;
    bool parameter = header && m->in_parentheses && !m->expression;
    bool set = m->p->statement_length == 2 && first == T_NAME && parse_raw(m, 1).kind == T_NAME &&
               parse_raw(m, 2).kind == '=';
    if (m->found.kind != ':' || !(parameter || set)) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "a %s has no type", set ? "name" : "parameter");
    Span type = parse_operand(m, 1);
    if (set) parse_help_statement(m, d, m->found.span.start, "", type.end);
    else parse_help_write(m, d, span_join(m->p->before.span, type), parse_text_of(m, m->p->before));
    return true;
}

/* `fn f(z) -> float` */
bool parse_type_of_result(const Mistake *m)
{
    bool header = m->p->first.kind == T_FN || m->p->first.kind == T_MODEL;
    if (m->found.kind != T_ARROW || !header || !m->wanted['{']) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the value of a function has no type");
    diag_help(d, "a function is written: fn f(z) = 2 * z, or with its lines in { }");
    parse_help_statement(m, d, m->found.span.start, "", parse_raw(m, 1).span.end);
    return true;
}

/* `h[i][j]` in edges, sizes and parameters: h[i, j]. */
bool parse_index_twice(const Mistake *m)
{
    if (m->found.kind != '[' || m->p->before.kind != ']' || m->has_operator) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "all indices stand in one pair of brackets");
    diag_help(d, "they are written with a ',' between them: h[i, j]");
    Span place = parse_rest(m, m->p->first.span.start);
    const char *text = parse_text(m->p, place), *joined = "";
    for (const char *next; (next = strstr(text, "][")); text = next + 2)
        joined = arena_printf(m->p->perm, "%s%.*s, ", joined, (int)(next - text), text);
    parse_help_write(m, d, place, arena_printf(m->p->perm, "%s%s", joined, text));
    return true;
}

/* `mod(a, b)`: a mod b. */
bool parse_word_called(const Mistake *m)
{
    int kind = m->found.kind;
    if (!m->expression || (kind != T_MOD && kind != T_AND && kind != T_OR) || parse_raw(m, 1).kind != '(')
        return false;
    const char *word = parse_text_of(m, m->found);
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "'%s' stands between two values", word);
    diag_help(d, "it is written: a %s b", word);
    Span a = parse_operand(m, 2), b = {0};
    for (int k = 2; parse_raw(m, k).kind; k++)
        if (parse_raw(m, k).span.start >= a.end) {
            if (parse_raw(m, k).kind == ',') b = parse_operand(m, k + 1);
            break;
        }
    if (b.end == 0 || m->p->source->text[b.end] != ')') return true;
    const char *text =
        arena_printf(m->p->perm, "((%s) %s (%s))", parse_text(m->p, a), word, parse_text(m->p, b));
    parse_help_write(m, d, (Span){a.file, m->found.span.start, b.end + 1}, text);
    return true;
}
