/* parse_message.c: a syntax error in words.
 *
 * The grammar knows what it found and what it expected. For each frequent mistake there is a function that
 * recognises it and describes it in the terms of the language, with a help that can be pasted. They are
 * called in the order of `mistakes`. If none of them recognises the case, the message is "found
 * A, expected B or C".
 */
#include "front/parse_mistake.h"

Diag *parse_complain(Parser *p, DiagCode code, Span span, const char *format, ...)
{
    parse_break(p, span.start);
    if (p->complained || p->stopped) return NULL;
    p->complained = true;
    if (++p->errors >= PARSE_ERRORS) p->stopped = true;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(p->perm, format, args);
    va_end(args);
    return diag_add(p->diags, code, span, "%s", text);
}

void parse_break(Parser *p, uint32_t at)
{
    p->last_breaks = !p->broken;
    if (p->last_breaks) vec_push(p->perm, &p->breaks, at);
    p->broken = true;
}

void parse_mended(Parser *p)
{
    if (!p->last_breaks) return;
    p->breaks.count--;
    p->broken = false;
}

/* Pieces of the source. */

Token parse_raw(const Mistake *m, int k)
{
    int at = m->p->raw_at - 1 + k;
    if (m->found.kind == T_NL) at++; /* made up: the raw token at hand comes behind it */
    if (at < 0) return (Token){0};
    return m->p->raw.at[at < m->p->raw.count ? at : m->p->raw.count - 1];
}

const char *parse_text_of(const Mistake *m, Token t)
{
    return parse_text(m->p, t.span);
}

Span parse_rest(const Mistake *m, uint32_t start)
{
    const TokenList *raw = &m->p->raw;
    uint32_t end = start;
    int depth = 0, at = m->p->raw_at > 0 ? m->p->raw_at - 1 : 0;
    while (at > 0 && raw->at[at].span.start > start) at--;
    for (; at < raw->count; at++) {
        const Token *t = &raw->at[at];
        if (t->span.start < start) continue;
        depth += (t->kind == '{') - (t->kind == '}');
        bool within = depth > 0, stops = t->kind == '}' || t->kind == RAW_SEMICOLON;
        bool ends =
            t->kind == 0 || t->kind == RAW_SLASHES || depth < 0 || (stops && !within && t->kind != '}');
        if (ends || (t->line_ends && end > start)) break;
        end = t->span.end;
    }
    while (start < end && strchr(" \t", m->p->source->text[start])) start++;
    return (Span){m->found.span.file, start, end};
}

static const char *rest_from(const Mistake *m, uint32_t start)
{
    return parse_text(m->p, parse_rest(m, start));
}

/* From the start of the statement to byte `end`. */
static const char *text_before(const Mistake *m, uint32_t end)
{
    uint32_t start = m->p->first.span.start;
    while (end > start && strchr(" \t", m->p->source->text[end - 1])) end--;
    return end > start ? parse_text(m->p, (Span){m->found.span.file, start, end}) : "";
}

Span parse_operand(const Mistake *m, int k)
{
    Span whole = {m->found.span.file, parse_raw(m, k).span.start, parse_raw(m, k).span.start};
    for (int depth = 0;; k++) {
        Token t = parse_raw(m, k);
        bool opens = t.kind == '(' || t.kind == '[', closes = t.kind == ')' || t.kind == ']';
        bool ends = t.kind == 0 || t.kind == '{' || t.kind == '}' || t.kind == RAW_SEMICOLON ||
                    (depth == 0 && (t.kind == ',' || closes || (t.line_ends && whole.end > whole.start)));
        if (ends) return whole;
        depth += opens - closes;
        whole.end = t.span.end;
    }
}

Span parse_operand_before(const Mistake *m)
{
    Span whole = {m->found.span.file, m->found.span.start, m->found.span.start};
    for (int depth = 0, k = -1;; k--) {
        Token t = parse_raw(m, k);
        bool opens = t.kind == '(' || t.kind == '[', closes = t.kind == ')' || t.kind == ']';
        bool ends = t.span.end == 0 || t.span.start < m->p->first.span.start || t.kind == '{' ||
                    (depth == 0 && (t.kind == ',' || t.kind == '=' || t.kind == ':' || opens));
        if (ends) return whole;
        depth += closes - opens;
        whole.start = t.span.start;
        if (k == -1) whole.end = t.span.end;
    }
}

void parse_help_write(const Mistake *m, Diag *d, Span place, const char *text)
{
    (void)m;
    if (strlen(text) < 100 && !strchr(text, '\n')) diag_fix(d, place, text, "write: ", "");
}

void parse_help_statement(const Mistake *m, Diag *d, uint32_t end, const char *fix, uint32_t start)
{
    const char *before = text_before(m, end);
    Span rest = parse_rest(m, start), place = {rest.file, m->p->first.span.start, rest.end};
    if (rest.start == rest.end) return;
    const char *blank = *fix ? " " : "", *text = parse_text(m->p, rest);
    parse_help_write(m, d, place, arena_printf(m->p->perm, "%s%s%s %s", before, blank, fix, text));
}

static bool is_comparison(int kind)
{
    return kind == '<' || kind == '>' || kind == T_LE || kind == T_GE || kind == T_EQ || kind == T_NE;
}
bool parse_is_first(const Mistake *m)
{
    return m->p->statement_length == 1 && m->found.kind != T_NL;
}

/* Words. */

static bool keyword_as_name(const Mistake *m)
{
    int next = parse_raw(m, 1).kind;
    if (!is_keyword(m->found.kind)) return false;
    bool alone =
        next == '=' || next == ':' || (!parse_is_first(m) && (next == ',' || next == ')' || next == ']'));
    if (parse_raw(m, 1).line_ends && !m->found.line_ends) alone = true;
    bool name = m->wanted[T_NAME] && !m->expression && !parse_is_first(m);
    bool operand =
        m->expression && !parse_is_first(m) && (next == '+' || next == '-' || next == '*' || next == '/');
    if (!name && !(alone && m->wanted[T_NAME]) && !(alone && parse_is_first(m)) && !operand) return false;
    const char *word = parse_text_of(m, m->found);
    Diag *d = parse_complain(m->p, E_KEYWORD, m->found.span, "'%s' is a keyword and cannot be a name", word);
    if (m->expression && strcmp(word, "weight") == 0 && parse_is_inside(m->p, BLOCK_RULE))
        diag_fix(d, m->found.span, "w", "write ", ": in a rule it is the weight of a candidate");
    else diag_help(d, "choose another name, such as: my_%s", word);
    return true;
}

/* '=' and ':'. */

static bool colon_for_equals(const Mistake *m)
{
    if (m->found.kind != ':' || !m->wanted['=']) return false;
    Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "found ':', expected '='");
    if (m->in_parentheses) {
        Span value = parse_operand(m, 1), name = m->p->before.span;
        const char *text =
            arena_printf(m->p->perm, "%s = %s", parse_text(m->p, name), parse_text(m->p, value));
        diag_fix(d, span_join(name, value), text, "a named argument is written: ", "");
    } else parse_help_statement(m, d, m->found.span.start, "=", m->found.span.end);
    return true;
}

static bool double_equals(const Mistake *m)
{
    if (m->found.kind != T_EQ || !m->wanted['=']) return false;
    Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "'==' compares; a name is set with '='");
    parse_help_statement(m, d, m->found.span.start, "=", m->found.span.end);
    return true;
}

static bool missing_equals(const Mistake *m)
{
    int kind = m->found.kind;
    if (!m->wanted['='] || m->in_parentheses) return false;
    if (!is_operand(kind) && kind != '-' && kind != '(' && kind != T_IF) return false;
    bool plain = m->p->statement_length == 2 && kind != T_NAME; /* `x 3` in a function */
    if (m->has_operator && !plain) return false;
    bool drawn = m->wanted['~'] && kind == T_NAME;
    Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "'%s' is missing before '%s'", drawn ? "~" : "=",
                             parse_text_of(m, m->found));
    parse_help_statement(m, d, m->found.span.start, drawn ? "~" : "=", m->found.span.start);
    return true;
}

/* After these an expression must follow. */
static bool wants_operand(int kind)
{
    return is_comparison(kind) || kind == '=' || kind == '+' || kind == '-' || kind == '*' || kind == '/' ||
           kind == '^' || kind == '~' || kind == ':' ||
           (is_keyword(kind) && kind >= T_AT && kind != T_EDGES) || kind == T_PIPE || kind == T_ARROW;
}

/* An operator at the end of a line: of a statement, or it has taken the next one for its operand. */
static bool nothing_behind(const Mistake *m)
{
    int k = 0, kind = m->found.kind;
    Token sign = m->p->before;
    if (kind != T_NL) {
        if (kind != '=' && kind != T_ARROW && !m->found.line_ends) return false;
        if (!m->found.line_ends)
            for (k = -1; k > -16 && !parse_raw(m, k).line_ends; k--) continue;
        if (k < 0 && (parse_raw(m, k).kind != T_NAME || (kind == '=' && k != -1))) return false;
        sign = parse_raw(m, k - 1);
        if (!parse_raw(m, k).line_ends || sign.span.start < m->p->first.span.start) return false;
    } else if (!m->wanted[T_NAME]) return false;
    if (!wants_operand(sign.kind)) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, sign.span, "nothing follows this '%s'", parse_text_of(m, sign));
    diag_help(d, "write the rest of it on the same line");
    return true;
}

static bool cell_with_equals(const Mistake *m)
{
    int first = m->p->first.kind;
    if (first != T_INPUT && first != T_NODES && first != T_OUTPUT) return false;
    if (m->found.kind == '=' && m->wanted[':'] && m->in_parentheses) {
        Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "an index and its size are separated by ':'");
        parse_help_write(m, d, m->found.span, ":");
        return true;
    }
    if (m->found.kind == '=' && m->wanted[':']) {
        Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "a node function is written after ':'");
        parse_help_statement(m, d, m->found.span.start, ":", m->found.span.end);
        return true;
    }
    if (m->found.kind != '(' || !m->wanted['[']) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the sizes of a node set are enclosed in [ ]");
    Span sizes = parse_operand(m, 1);
    if (m->p->source->text[sizes.end] != ')') return true;
    const char *set = text_before(m, m->found.span.start), *inside = parse_text(m->p, sizes);
    Span place = {sizes.file, m->p->first.span.start, sizes.end + 1};
    parse_help_write(m, d, place, arena_printf(m->p->perm, "%s[%s]", set, inside));
    return true;
}

static bool equals_for_comparison(const Mistake *m)
{
    if (m->found.kind != '=' || !m->wanted[T_EQ]) return false;
    bool set = m->block == BLOCK_BODY && !m->in_parentheses && m->p->first.kind != T_IF;
    if (set) {
        Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "only a plain name can be set with '='");
        diag_help(d, "values are compared with '=='; an array is set as a whole: u = [1, 2]");
        return true;
    }
    Diag *d =
        parse_complain(m->p, E_COMPARE, m->found.span, "'=' sets a name; values are compared with '=='");
    parse_help_statement(m, d, m->found.span.start, "==", m->found.span.end);
    return true;
}

static bool chained_comparison(const Mistake *m)
{
    if (!is_comparison(m->found.kind) || m->wanted[m->found.kind] || !m->wanted[T_AND]) return false;
    Diag *d = parse_complain(m->p, E_COMPARE, m->found.span, "comparisons do not chain");
    diag_help(d, "join two of them: a < b and b < c");
    return true;
}

/* Edges. */

/* A node set with its indices from raw token *k on, which is then the next one; NULL when there is none. */
static const char *set_at(const Mistake *m, int *k)
{
    Token name = parse_raw(m, *k), last = name;
    if (name.kind != T_NAME) return NULL;
    if (parse_raw(m, ++*k).kind != '[') return parse_text_of(m, name);
    while (last.kind != ']') {
        last = parse_raw(m, (*k)++);
        if (last.kind == 0 || last.line_ends) return NULL;
    }
    return parse_text(m->p, span_join(name.span, last.span));
}

/* `b <- a` is `a -> b`. */
static void help_turned(const Mistake *m, Diag *d)
{
    int k = -1, next = 2; /* behind the '-' */
    while (parse_raw(m, k).span.start > m->p->first.span.start) k--;
    uint32_t start = m->p->first.span.start;
    if (parse_raw(m, k).kind == T_EDGES) start = parse_raw(m, ++k).span.start;
    const char *to = set_at(m, &k), *from = set_at(m, &next);
    if (!to || !from || k != 0) return;
    const char *behind = text_before(m, start),
               *rest = parse_text(m->p, parse_rest(m, parse_raw(m, next).span.start));
    bool ends = parse_raw(m, next).line_ends || !*rest;
    Span place = {m->found.span.file, m->p->first.span.start, parse_rest(m, start).end};
    parse_help_write(m, d, place,
                     arena_printf(m->p->perm, "%s%s%s -> %s%s%s", behind, *behind ? " " : "", from, to,
                                  ends ? "" : " ", ends ? "" : rest));
}

static bool wrong_arrow(const Mistake *m)
{
    int kind = m->found.kind;
    bool likely = kind == '>' || kind == '-' || kind == '<' || kind == ',' || kind == '=' || kind == T_NAME;
    if (!m->wanted[T_ARROW] || !likely) return false;
    if (m->block != BLOCK_EDGES && m->p->first.kind != T_EDGES) return false;
    Diag *d =
        parse_complain(m->p, E_ARROW, m->found.span, "found '%s', expected '->'", parse_text_of(m, m->found));
    diag_help(d, "an edge leads from its source to its target: source[_] -> target[_]");
    if (kind == '<' && parse_raw(m, 1).kind == '-') return help_turned(m, d), true;
    bool word = kind == T_NAME && strcmp(parse_text_of(m, m->found), "to") != 0;
    uint32_t end = word ? m->found.span.start : m->found.span.end;
    for (int k = 1, next; (next = parse_raw(m, k).kind) == '>' || next == '-' || next == T_ARROW; k++)
        end = parse_raw(m, k).span.end;
    parse_help_statement(m, d, m->found.span.start, "->", end);
    return true;
}

/* `x[_] -> h[_]` as a line of a graph. */
static bool edge_without_edges(const Mistake *m)
{
    if (m->block != BLOCK_GRAPH || m->p->first.kind != T_NAME || m->p->statement_length != 2) return false;
    const char *rest = rest_from(m, m->p->first.span.start);
    if ((m->found.kind != '[' && m->found.kind != T_ARROW) || !strstr(rest, "->")) return false;
    Diag *d = parse_complain(m->p, E_ARROW, m->p->first.span, "an edge is written after 'edges'");
    parse_help_write(m, d, parse_rest(m, m->p->first.span.start), arena_printf(m->p->perm, "edges %s", rest));
    return true;
}

static bool index_is_no_name(const Mistake *m)
{
    bool edge = m->block == BLOCK_EDGES || m->p->first.kind == T_EDGES;
    bool number = m->found.kind == T_NUMBER && m->wanted[T_NAME] && !m->expression;
    bool computed =
        m->p->before.kind == T_NAME && !m->wanted['+'] && (m->found.kind == '+' || m->found.kind == '-');
    if (!edge || !m->in_parentheses || !(number || computed)) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span,
                       "found '%s', but an index of an edge is a new name or _", parse_text_of(m, m->found));
    diag_help(d, "select nodes with a condition: a[i] -> b[j] where j == i + 1");
    return true;
}

static bool via_behind_budget(const Mistake *m)
{
    const int word = m->found.kind;
    if ((word != T_VIA && word != T_TIED && word != T_IN) || m->p->first.kind != T_EDGES || !m->has_operator)
        return false;
    uint32_t start = m->p->first.span.start, via = m->found.span.start;
    int k = -1, kind = 0;
    for (; parse_raw(m, k).span.end && parse_raw(m, k).span.start > start; k--) {
        kind = parse_raw(m, k).kind;
        if (kind == T_KEEP || kind == T_SAMPLE) break;
    }
    if (kind != T_KEEP && kind != T_SAMPLE) return false;
    Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "'%s' is written before the budget",
                             parse_text_of(m, m->found));
    uint32_t budget = parse_raw(m, k).span.start;
    Span rest = parse_rest(m, via), place = span_join(m->p->first.span, rest);
    const char *edges = text_before(m, budget);
    const char *kept = parse_text(m->p, (Span){rest.file, budget, m->p->before.span.end});
    parse_help_write(m, d, place, arena_printf(m->p->perm, "%s %s %s", edges, parse_text(m->p, rest), kept));
    return true;
}

/* Expressions. */

static bool trailing_comma(const Mistake *m)
{
    if (m->p->before.kind != ',' || (m->found.kind != ')' && m->found.kind != ']')) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->p->before.span, "nothing follows this ','");
    diag_fix(d, m->p->before.span, "", "remove it", "");
    return true;
}

static bool missing_comma(const Mistake *m)
{
    bool named = is_keyword(m->found.kind) && parse_raw(m, 1).kind == '=';
    if (!m->in_parentheses || !m->wanted[','] || !(named || is_operand(m->found.kind))) return false;
    const char *before = parse_text_of(m, m->p->before), *found = parse_text_of(m, m->found);
    if (parse_type_before(m) || parse_event_argument(m)) return true;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "',' is missing before '%s'", found);
    bool by = strcmp(found, "x") == 0 && parse_raw(m, 1).kind == T_NUMBER; /* 3 x 3 */
    if (by) found = parse_text_of(m, parse_raw(m, 1));
    const char *text = arena_printf(m->p->perm, "%s, %s", before, found);
    diag_help(d, "values in brackets stand with a ',' between them");
    parse_help_write(m, d, span_join(m->p->before.span, by ? parse_raw(m, 1).span : m->found.span), text);
    return true;
}

static bool bare_point(const Mistake *m)
{
    Token next = parse_raw(m, 1), before = m->p->before;
    bool leading = m->found.kind == '.' && m->expression && next.kind == T_NUMBER;
    bool trailing = before.kind == '.' && parse_raw(m, -2).kind == T_NUMBER;
    if (!leading && !trailing) return false;
    Span span = leading ? span_join(m->found.span, next.span) : span_join(parse_raw(m, -2).span, before.span);
    Diag *d = parse_complain(m->p, E_NUMBER, span, "a number has digits on both sides of its point");
    const char *digits = parse_text(m->p, span);
    parse_help_write(m, d, span, arena_printf(m->p->perm, leading ? "0%s" : "%s0", digits));
    return true;
}

static bool derivative_read(const Mistake *m)
{
    if (m->found.kind != T_DERIV || !m->expression) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the derivative %s can be set, but not read",
                             parse_text_of(m, m->found));
    diag_help(d, "the update of a state: s' = z - s");
    return true;
}

/* Declarations. */

static bool wrong_body(const Mistake *m)
{
    int first = m->p->first.kind;
    bool function = first == T_FN || first == T_MODEL;
    const char *word = parse_text_of(m, m->p->first);
    bool behind = m->found.kind == '{' && m->p->before.kind == '=' && function;
    if (behind || (m->found.kind == '=' && m->wanted['{'])) {
        Span equals = behind ? m->p->before.span : m->found.span;
        Diag *d = parse_complain(m->p, E_SYNTAX, equals, "no '=' is allowed before '{'");
        Span brace = behind ? m->found.span : parse_raw(m, 1).span;
        const char *text = arena_printf(m->p->perm, "%s {", text_before(m, equals.start));
        if (behind || parse_raw(m, 1).kind == '{')
            parse_help_write(m, d, span_join(m->p->first.span, brace), text);
        return true;
    }
    if (m->found.kind != T_NL || !m->wanted['{'] || m->has_operator) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "this '%s' has no %s", word, function ? "body" : "'{'");
    const char *head = text_before(m, m->found.span.end);
    Span place = {m->found.span.file, m->p->first.span.start,
                  m->p->first.span.start + (uint32_t)strlen(head)};
    if (function)
        diag_fix(d, place, arena_printf(m->p->perm, "%s = 0", head),
                 "write the value after '=', or the lines in { }: ", "");
    else parse_help_write(m, d, place, arena_printf(m->p->perm, "%s { }", head));
    return true;
}

static bool import_without_quotes(const Mistake *m)
{
    if (m->p->before.kind != T_IMPORT || m->found.kind != T_NAME) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the path of an import is enclosed in quotes");
    const char *text = arena_printf(m->p->perm, "import \"%s.dnw\"", parse_text_of(m, m->found));
    diag_fix(d, span_join(m->p->first.span, m->found.span), text, "such as: ", "");
    return true;
}

/* The general case: found A, wanted B or C. */

static const char *found_words(const Mistake *m)
{
    if (m->found.kind == 0) return "the end of the file";
    if (m->found.kind == T_NL && m->found.span.start == m->found.span.end) return "the end of the line";
    if (m->found.span.end - m->found.span.start > 40) return parse_kind_words(m->found.kind);
    return arena_printf(m->p->perm, "'%s'", parse_text_of(m, m->found));
}

/* Is this kind already said by "an expression" or "an operator"? */
static bool covered(const Mistake *m, int kind)
{
    bool starts =
        is_operand(kind) || kind == '(' || kind == '[' || kind == '-' || kind == T_NOT || kind == T_IF;
    bool goes_on = is_comparison(kind) || kind == '+' || kind == '-' || kind == '*' || kind == '/' ||
                   kind == '^' || kind == T_MOD || kind == T_AND || kind == T_OR || kind == T_PIPE ||
                   kind == '(' || kind == '[' || kind == '.' || kind == '=';
    const bool port = kind == '.'; /* behind a target: hardly what is missing */
    return (m->expression && starts) || (m->has_operator && goes_on) || port;
}

/* 'a', 'b' or 'c'. Char tokens have the form 'x' already. */
static const char *wanted_words(const Mistake *m)
{
    enum { MOST = 6 };
    const char *list[MOST + 3];
    int count = 0;
    if (m->expression) list[count++] = "an expression";
    for (int kind = 0; kind < PARSE_KINDS; kind++) {
        if (!m->wanted[kind] || covered(m, kind) || kind == T_NL || !parse_kind_words(kind)) continue;
        if (count < MOST) list[count] = parse_kind_words(kind);
        count++;
    }
    if (count > MOST || (parse_is_first(m) && count > 1)) {
        if (m->block == BLOCK_NONE) return "import, option, fn, graph, model, rule, train or test";
        return arena_printf(m->p->perm, "a line of %s", parse_block_name(m->block));
    }
    if (m->has_operator) list[count++] = "an operator";
    if (m->wanted[T_NL]) list[count++] = "the end of the line";
    const char *text = count ? list[0] : "something else";
    for (int i = 1; i < count; i++)
        text = arena_printf(m->p->perm, "%s%s%s", text, i == count - 1 ? " or " : ", ", list[i]);
    return text;
}

/* Help: the word of the language that is wanted and nearly stands there. */
static bool help_mistyped(const Mistake *m, Diag *d)
{
    const char *words[T_IN - T_IMPORT + 1], *near = NULL;
    int count = 0;
    if (m->found.kind != T_NAME || m->found.span.end - m->found.span.start < 3) return false;
    for (int kind = T_IMPORT; kind <= T_IN; kind++) {
        const char *quoted = m->wanted[kind] ? parse_kind_words(kind) : NULL; /* 'keep' */
        if (quoted) words[count++] = arena_text(m->p->perm, quoted + 1, strlen(quoted) - 2);
    }
    near = diag_nearest(parse_text_of(m, m->found), words, count);
    if (near) diag_fix(d, m->found.span, near, "did you mean '", "'?");
    return near != NULL;
}

/* Help: what a line that begins with this word looks like. */
static void help_line(const Mistake *m, Diag *d)
{
    static const struct {
        int first;
        const char *example;
    } lines[] = {{T_IMPORT, "import \"cells.dnw\" as cells"},
                 {T_OPTION, "option n = 3"},
                 {T_MODEL, "model Net(x[2]) = x |> linear(1)"},
                 {T_TRAIN, "train Net { data = spirals(2000) }"},
                 {T_GRAPH, "graph G { input x[2] }"},
                 {T_INPUT, "input x[2]"},
                 {T_NODES, "nodes h[8] : relu"},
                 {T_OUTPUT, "output y[2]"},
                 {T_EDGES, "edges x[i] -> y[j] where i < j keep 50%"},
                 {T_WEIGHT, "weight w = 1, or weight w ~ normal(0, 0.1)"},
                 {T_STATE, "state s = 0"},
                 {T_NEXT, "next s = z"},
                 {T_COST, "cost size = w^2"},
                 {T_SIZE, "size n in 4 .. 64 = 32"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines && m->block != BLOCK_RULE; i++)
        if (lines[i].first == m->p->first.kind) diag_help(d, "such as: %s", lines[i].example);
    if (m->block == BLOCK_EDGES) diag_help(d, "such as: x[i] -> y[j] where i < j; a line end or ';' ends it");
}

static bool (*const mistakes[])(const Mistake *) = {
    nothing_behind,
    parse_extra_sign,
    keyword_as_name,
    parse_word_called,
    parse_choice_behind,
    parse_budget_in_list,
    parse_action_outside,
    parse_event_head,
    parse_misplaced_rule,
    parse_misplaced_word,
    parse_loop,
    parse_unfinished_for,
    parse_unknown_word,
    edge_without_edges,
    derivative_read,
    parse_indented_body,
    parse_type_of_name,
    parse_type_of_result,
    colon_for_equals,
    double_equals,
    cell_with_equals,
    parse_any_index,
    index_is_no_name,
    parse_index_twice,
    parse_lost_colon,
    wrong_arrow,
    parse_if_for_where,
    parse_lambda,
    parse_misplaced_trait,
    missing_equals,
    via_behind_budget,
    parse_misplaced_of,
    wrong_body,
    import_without_quotes,
    bare_point,
    equals_for_comparison,
    parse_range,
    parse_unfinished_if,
    chained_comparison,
    trailing_comma,
    missing_comma,
    parse_lost_parentheses,
    parse_nameless,
};

void parse_syntax_error(Parser *p, const bool *wanted)
{
    parse_break(p, p->last.span.start);
    if (p->complained || p->stopped) return;
    bool expression = wanted[T_NUMBER] && wanted['('], has_operator = wanted['+'] && wanted['*'];
    bool inside = p->open_count && p->open[p->open_count - 1].kind != '{';
    BlockKind block = parse_line_block(p);
    /* A `{` that was just read has opened a block that the grammar did not want. */
    Mistake m = {p, p->last, wanted, block, expression, has_operator, inside};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        if (mistakes[i](&m)) return;
    Diag *d =
        parse_complain(p, E_SYNTAX, p->last.span, "found %s, expected %s", found_words(&m), wanted_words(&m));
    if (!help_mistyped(&m, d)) help_line(&m, d), parse_help_rule(&m, d);
}
