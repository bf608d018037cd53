/* parse_habit.c: syntax of Python, C or Julia that dnw writes differently: choices, functions without a name,
 * bodies after a colon, types, indices one by one.
 */
#include "front/builtin.h"
#include "front/parse_mistake.h"

static bool is_text(const Mistake *m, Token t, const char *word)
{
    return t.kind == T_NAME && strcmp(parse_text_of(m, t), word) == 0;
}

/* `any(i < k for k in 0 .. 3)`: the list has brackets of its own. */
static bool for_in_call(const Mistake *m, Diag *d)
{
    const Span value = parse_operand_before(m), rest = parse_operand(m, 0);
    if (!m->in_parentheses || m->p->open[m->p->open_count - 1].kind != '(') return false;
    const Span list = span_join(value, rest);
    parse_help_write(m, d, list, arena_printf(m->p->perm, "[%s]", parse_text(m->p, list)));
    return true;
}

/* `count(k in 0 .. 3: i < k)` */
static bool index_of_call(const Mistake *m)
{
    if (m->found.kind != T_IN || m->p->before.kind != T_NAME || !m->in_parentheses || m->wanted[T_IN])
        return false;
    const char *name = parse_text_of(m, m->p->before);
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "an index of its own stands in a list, behind 'for'");
    diag_help(d, "such as any([i < %s for %s in 0 .. 3]), or count of such a list", name, name);
    return true;
}

/* `x[i] -> h[j] for i in 0 .. 3`, `(f(i) for i in x)` */
bool parse_loop(const Mistake *m)
{
    if (m->found.kind == T_DOTS && m->has_operator && !m->wanted[T_DOTS]) {
        Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "a range stands behind 'in' alone");
        diag_help(d, "a list of its numbers: [i for i in 0 .. 3]");
        return true;
    }
    if (index_of_call(m)) return true;
    if (m->found.kind != T_FOR) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span,
                             "'for' is allowed only in a list, behind the one value that it repeats");
    if (for_in_call(m, d)) return true;
    if (m->block == BLOCK_GRAPH || m->block == BLOCK_EDGES)
        diag_help(d, "an index of a node set stands for all of its values: x[i] -> h[j] where i < j");
    else diag_help(d, "such as: [f(i) for i in 0 .. 3]");
    return true;
}

/* `[f(i) for 3 in x]`, `[f(i) for i = 0 .. 3]` */
bool parse_unfinished_for(const Mistake *m)
{
    const bool name = m->p->before.kind == T_FOR, in = m->in_parentheses && m->wanted[T_IN];
    if (!name && !in) return false;
    const char *found = m->found.kind == T_NL ? "the end of the line" : parse_text_of(m, m->found);
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "found '%s', expected %s", found,
                             name ? "a name" : "'in'");
    if (in && m->found.kind == '=') parse_help_write(m, d, m->found.span, "in");
    else diag_help(d, "such as: [f(i) for i in 0 .. 3]");
    return true;
}

/* `lambda z: z`, `z -> z`, `fn (z) z`; and `x -> f` for x |> f. */
bool parse_lambda(const Mistake *m)
{
    bool word = is_text(m, m->p->before, "lambda");
    bool arrow = m->found.kind == T_ARROW && m->has_operator && m->block != BLOCK_EDGES;
    bool declared = m->found.kind == T_FN && m->expression;
    if (!word && !arrow && !declared) return false;
    Span left = parse_operand_before(m);
    if (arrow && left.end - left.start > m->p->before.span.end - m->p->before.span.start) {
        Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "'->' leads from node sets to node sets");
        diag_help(d, "a value is passed to a function with '|>': x |> relu");
        parse_help_write(m, d, m->found.span, "|>");
        return true;
    }
    Span span = word ? m->p->before.span : m->found.span;
    Diag *d = parse_complain(m->p, E_SYNTAX, span, "a function has a name and a line of its own");
    diag_help(d, "declare it, such as: fn f(z) = 2 * z, and write f here");
    return true;
}

/* `a if c else b`: if c then a else b. */
bool parse_choice_behind(const Mistake *m)
{
    if (m->found.kind != T_IF || !m->has_operator) return false;
    for (int k = 1; !parse_raw(m, k).line_ends && parse_raw(m, k).kind; k++)
        if (parse_raw(m, k).kind == T_THEN) return false; /* `u if c then a else b`: '=' is missing */
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "'if' is written before the values it selects from");
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
                  : parse_complain(m->p, E_SYNTAX, m->found.span, "found '%s', expected '%s'", found, word);
    diag_help(d, "a choice has two sides: if a then b else c");
    if (m->found.kind == ':' && m->wanted[T_THEN]) parse_help_write(m, d, m->found.span, " then");
    if ((is_operand(m->found.kind) || m->found.kind == '(') && m->wanted[T_THEN])
        parse_help_statement(m, d, m->found.span.start, "then", m->found.span.start);
    if (is_text(m, m->found, "elif") && m->wanted[T_ELSE]) parse_help_write(m, d, m->found.span, "else if");
    return true;
}

/* `fn F(z):` with its body behind it, or on the next lines. */
bool parse_indented_body(const Mistake *m)
{
    bool value = m->wanted['='];
    if (m->found.kind != ':' || !m->wanted['{'] || m->in_parentheses) return false;
    Diag *d =
        parse_complain(m->p, E_ASSIGN, m->found.span, "found ':', expected %s'{'", value ? "'=' or " : "");
    Span head = {m->found.span.file, m->p->first.span.start, m->found.span.start};
    const char *text = parse_text(m->p, head);
    if (strlen(text) < 80 && !strchr(text, '\n'))
        diag_help(d, "the lines of its body are enclosed in { }: %s { ... }", text);
    else diag_help(d, "the lines of its body are enclosed in { }");
    if (value && !parse_raw(m, 1).line_ends)
        parse_help_statement(m, d, m->found.span.start, "=", m->found.span.end);
    return true;
}

/* `a: int` of a parameter, `u: float = 2` of a name. */
bool parse_type_of_name(const Mistake *m)
{
    int first = m->p->first.kind;
    bool header = first == T_FN || first == T_MODEL || first == T_GRAPH || first == T_RULE;
    int behind = parse_raw(m, 1).kind; /* `n: 3` is a default */
    bool parameter = header && m->in_parentheses && !m->expression && (behind == T_NAME || behind == '[');
    bool set =
        m->wanted['='] && !m->in_parentheses && parse_raw(m, 1).kind == T_NAME && parse_raw(m, 2).kind == '=';
    if (m->found.kind != ':' || !(parameter || set)) return false;
    bool shape = parameter && parse_raw(m, 1).kind == '['; /* `x: [2]` */
    Diag *d =
        shape ? parse_complain(m->p, E_SYNTAX, m->found.span, "a shape is written directly after its name")
              : parse_complain(m->p, E_SYNTAX, m->found.span, "a %s has no type", set ? "name" : "parameter");
    Span type = parse_raw(m, 2).kind == '=' ? parse_raw(m, 1).span : parse_operand(m, 1);
    if (set) diag_help(d, "a name is set by '=' alone: u = 2");
    if (set) parse_help_statement(m, d, m->found.span.start, "", type.end);
    else
        parse_help_write(m, d, span_join(m->p->before.span, type),
                         arena_printf(m->p->perm, "%s%s", parse_text_of(m, m->p->before),
                                      shape ? parse_text(m->p, type) : ""));
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
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "all indices are enclosed in one pair of brackets");
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
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "'%s' is written between two values", word);
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

/* `fn f(float x)` */
bool parse_type_before(const Mistake *m)
{
    static const char *const types[] = {"float", "double", "int", "auto", "const", "Tensor", "long", "bool"};
    bool type = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        type = type || is_text(m, m->p->before, types[i]);
    if (!type || m->expression) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->p->before.span, "a parameter has no type");
    parse_help_write(m, d, span_join(m->p->before.span, m->found.span), parse_text_of(m, m->found));
    return true;
}

/* `data = xor, epochs = 3`, `x -> h, h -> y`, `weight b = 0, c = 1`: a line ends with ';'. */
static bool comma_for_line(const Mistake *m)
{
    int first = m->p->first.kind, next = parse_raw(m, 1).kind, behind = parse_raw(m, 2).kind;
    bool begins = next == T_NAME && (behind == '=' || behind == '~' || behind == T_ARROW || behind == '[');
    if (m->found.kind != ',' || m->in_parentheses || !m->wanted[T_NL] || parse_raw(m, 1).line_ends)
        return false;
    if (m->block != BLOCK_TEST && !begins) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "no ',' is allowed between two lines");
    bool list = first == T_EDGES && m->block == BLOCK_GRAPH;
    if (list) diag_help(d, "several edges are enclosed in { }: edges { x -> h; h -> y }");
    else diag_help(d, "a line ends with a line end or ';'");
    bool word = first == T_WEIGHT || first == T_STATE || first == T_OPTION || first == T_INPUT ||
                first == T_NODES || first == T_OUTPUT;
    const char *again = word ? arena_printf(m->p->perm, "; %s", parse_text_of(m, m->p->first)) : ";";
    if (!list) diag_fix(d, m->found.span, again, "a line ends with a line end or ';'; write: ", "");
    return true;
}

/* `keep = 5%`, `edges: x -> y`, `epochs = 3,` */
bool parse_extra_sign(const Mistake *m)
{
    int kind = m->found.kind, before = m->p->before.kind, next = parse_raw(m, 1).kind;
    if (comma_for_line(m)) return true;
    bool ends = parse_raw(m, 1).line_ends || next == '}' || next == 0 || next == RAW_SEMICOLON;
    bool behind_word = (kind == '=' || kind == ':') && before >= T_EDGES && before <= T_SAMPLE &&
                       before != T_AT && !m->found.line_ends;
    bool comma =
        kind == ',' && !m->in_parentheses && (ends ? m->wanted[T_NL] : is_keyword(next) && m->wanted[next]);
    if (!behind_word && !comma) return false;
    const char *sign = parse_text_of(m, m->found);
    Diag *d = comma ? parse_complain(m->p, E_SYNTAX, m->found.span, "no ',' is allowed here")
                    : parse_complain(m->p, E_SYNTAX, m->found.span, "no '%s' is allowed after '%s'", sign,
                                     parse_text_of(m, m->p->before));
    diag_fix(d, m->found.span, "", "remove it", "");
    return true;
}

/* `h[:, *] -> y[..]`: h[_, _] -> y[_]. */
bool parse_any_index(const Mistake *m)
{
    int kind = m->found.kind;
    bool edge = m->block == BLOCK_EDGES || m->p->first.kind == T_EDGES;
    if (!edge || !m->in_parentheses || m->expression || !m->wanted[T_NAME]) return false;
    if (kind != ':' && kind != '*' && kind != T_DOTS) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "any index is written: _");
    parse_help_write(m, d, m->found.span, "_");
    return true;
}

/* `nodes h[3] Unit`, `nodes h[3] -> Unit` */
bool parse_lost_colon(const Mistake *m)
{
    int first = m->p->first.kind, kind = m->found.kind;
    bool set = first == T_INPUT || first == T_NODES || first == T_OUTPUT;
    if (!set || !m->wanted[':'] || m->in_parentheses) return false;
    if (kind != T_NAME && kind != T_ARROW && kind != ',' && kind != T_PIPE) return false;
    const char *found = parse_text_of(m, m->found);
    const char *at = kind == T_NAME ? diag_nearest(found, (const char *const[]){"at"}, 1) : NULL;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "found '%s', expected ':'%s", found,
                             m->wanted[T_AT] ? ", 'at' or the end of the line" : " or the end of the line");
    diag_help(d, "a node function is written after ':'");
    if (at) parse_help_write(m, d, m->found.span, at);
    else
        parse_help_statement(m, d, m->found.span.start, ":",
                             kind == T_NAME ? m->found.span.start : m->found.span.end);
    return true;
}

/* `x[i] -> y[j] if i < j` */
bool parse_if_for_where(const Mistake *m)
{
    bool word = m->found.kind == T_IF || is_text(m, m->found, "when") || is_text(m, m->found, "if");
    if (!word || !m->wanted[T_WHERE]) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "the condition of an edge is written after 'where'");
    parse_help_write(m, d, m->found.span, "where");
    return true;
}

/* `in 1:4`, `in [1, 4]` */
bool parse_range(const Mistake *m)
{
    if (!m->wanted[T_DOTS]) return false;
    const char *found = m->found.kind == T_NL ? "the end of the line" : parse_text_of(m, m->found);
    const char *quote = m->found.kind == T_NL ? "" : "'";
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "found %s%s%s, expected '..'", quote, found, quote);
    diag_help(d, "a range is written: in 1 .. 4");
    if (m->found.kind == ':' || m->found.kind == ',') parse_help_write(m, d, m->found.span, " ..");
    return true;
}

/* `relu z`, `steps 5` */
bool parse_lost_parentheses(const Mistake *m)
{
    Token callee = m->p->before;
    const Builtin *b = callee.kind == T_NAME ? builtin_find(parse_text_of(m, callee)) : NULL;
    bool takes = b && b->count > 0;
    if (!takes || !is_operand(m->found.kind) || !m->has_operator || m->found.line_ends) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "the arguments of '%s' are enclosed in ( )", b->name);
    Span value = parse_operand(m, 0), place = span_join(callee.span, value);
    diag_help(d, "such as: %s(%s)", b->name, b->params[0].name);
    const char *text = parse_text(m->p, value),
               *form = (b->kind == KIND_LIST || b->kind == KIND_WORD) && *text != '[' ? "%s([%s])" : "%s(%s)";
    parse_help_write(m, d, place, arena_printf(m->p->perm, form, b->name, text));
    return true;
}

/* `test {`, `train {`, `fn (z)` */
bool parse_nameless(const Mistake *m)
{
    int word = m->p->before.kind;
    bool string = word == T_TEST && m->wanted[T_STRING],
         name = is_declaration_word(word) && m->wanted[T_NAME];
    if (m->expression || !(string || name)) return false;
    const char *found = m->found.kind == T_NL ? "the end of the line" : parse_text_of(m, m->found);
    const char *quote = m->found.kind == T_NL ? "" : "'";
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "found %s%s%s, expected a %s", quote, found,
                             quote, string ? "string" : "name");
    if (word == T_TEST) diag_help(d, "a test has a title: test \"values\" { tanh(0) == 0 }");
    else if (word == T_TRAIN) diag_help(d, "it names a model: train Net { data = spirals(2000) }");
    else if (word == T_FN) diag_help(d, "a function has a name: fn f(x) = 2 * x");
    else if (word == T_MODEL) diag_help(d, "a model has a name: model Net(x[2]) = x |> linear(1)");
    else if (word == T_OPTION) diag_help(d, "an option has a name: option n = 3");
    else if (word == T_GRAPH) diag_help(d, "a graph has a name: graph G { input x[2] }");
    else if (word == T_RULE)
        diag_help(d, "a rule has a name: rule mine { on every(epochs = 1) { choose by abs(w) } }");
    if (string && m->found.kind == T_NAME)
        parse_help_write(m, d, m->found.span, arena_printf(m->p->perm, "\"%s\"", found));
    return true;
}
