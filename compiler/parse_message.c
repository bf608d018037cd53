/* parse_message.c: a syntax error in words.
 *
 * The grammar knows what it found and what it wanted. For the mistakes that people make often there is a
 * function each that recognises the mistake and says it in the terms of the language, with a help that can be
 * pasted; they are asked in the order of `mistakes`. Where none of them knows the case, the message is "found
 * A, wanted B or C".
 */
#include "parse_state.h"
#include "dnw.tab.h"

typedef struct Mistake {
    Parser *p;
    Token found;        /* p->last */
    const bool *wanted; /* by kind */
    BlockKind block;
    bool expression;   /* wanted: the start of an expression */
    bool has_operator; /* wanted: among others an operator, so an expression stands before */
    bool in_parentheses;
} Mistake;

Diag *parse_complain(Parser *p, DiagCode code, Span span, const char *format, ...)
{
    if (p->complained || p->stopped) return NULL;
    p->complained = true;
    if (++p->errors >= PARSE_ERRORS) p->stopped = true;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(p->perm, format, args);
    va_end(args);
    return diag_add(p->diags, code, span, "%s", text);
}

/* Pieces of the source. */

/* The raw token `k` places behind the one found; 0 is that one itself, -1 the one before it. */
static Token raw(const Mistake *m, int k)
{
    int at = m->p->raw_at - 1 + k;
    if (m->found.kind == T_NL) at++; /* made up: the raw token at hand comes behind it */
    if (at < 0) return (Token){0};
    return m->p->raw.at[at < m->p->raw.count ? at : m->p->raw.count - 1];
}

static const char *text_of(const Mistake *m, Token t)
{
    return parse_text(m->p, t.span);
}

/* From byte `start` to the end of the statement, as far as it stands on one line. */
static const char *rest_from(const Mistake *m, uint32_t start)
{
    uint32_t end = start;
    for (int k = 0;; k++) {
        Token t = raw(m, k);
        if (t.span.start < start) {
            if (m->p->raw_at + k >= m->p->raw.count) break;
            continue;
        }
        if (t.kind == 0 || t.kind == '}' || t.kind == RAW_SEMICOLON || (t.line_ends && t.span.start > start))
            break;
        end = t.span.end;
    }
    while (start < end && (m->p->source->text[start] == ' ' || m->p->source->text[start] == '\t')) start++;
    return parse_text(m->p, (Span){m->found.span.file, start, end});
}

/* From the start of the statement to byte `end`. */
static const char *text_before(const Mistake *m, uint32_t end)
{
    uint32_t start = m->p->first.span.start;
    while (end > start && (m->p->source->text[end - 1] == ' ' || m->p->source->text[end - 1] == '\t')) end--;
    return parse_text(m->p, (Span){m->found.span.file, start, end});
}

/* Help: the statement with `fix` between the bytes `end` and `start`. None when it stands on several lines.
 */
static void help_fixed(const Mistake *m, Diag *d, uint32_t end, const char *fix, uint32_t start)
{
    const char *before = text_before(m, end), *after = rest_from(m, start);
    if (*after && !strchr(before, '\n') && strlen(before) + strlen(after) < 100)
        diag_help(d, "write: %s %s %s", before, fix, after);
}

static bool is_keyword(int kind)
{
    return kind >= T_IMPORT && kind <= T_IN;
}
static bool is_operand(int kind)
{
    return kind == T_NAME || kind == T_NUMBER || kind == T_PERCENT || kind == T_STRING || kind == T_SKIPPED;
}
static bool is_comparison(int kind)
{
    return kind == '<' || kind == '>' || kind == T_LE || kind == T_GE || kind == T_EQ || kind == T_NE;
}
static bool is_first(const Mistake *m)
{
    return m->p->statement_length == 1 && m->found.kind != T_NL;
}

/* Words. */

static bool keyword_as_name(const Mistake *m)
{
    int next = raw(m, 1).kind;
    if (!is_keyword(m->found.kind)) return false;
    bool alone = next == '=' || next == ':' || (!is_first(m) && (next == ',' || next == ')' || next == ']'));
    if (raw(m, 1).line_ends && !m->found.line_ends) alone = true;
    bool name = m->wanted[T_NAME] && !m->expression && !is_first(m);
    bool operand =
        m->expression && !is_first(m) && (next == '+' || next == '-' || next == '*' || next == '/');
    if (!name && !(alone && m->wanted[T_NAME]) && !(alone && is_first(m)) && !operand) return false;
    const char *word = text_of(m, m->found);
    Diag *d = parse_complain(m->p, E_KEYWORD, m->found.span,
                             "'%s' is a word of the language and cannot be a name", word);
    diag_help(d, "choose another name, such as: my_%s", word);
    return true;
}

/* Where a word that begins or continues a statement belongs. */
static const struct Place_of_word {
    int kind;
    const char *help;
} places[] = {
    {T_WEIGHT, "a weight stands in a function: fn F(z) { weight w = 1; w * z }"},
    {T_SHARED, "a weight stands in a function: fn F(z) { shared weight w = 1; w * z }"},
    {T_STATE, "a state stands in a function: fn F(z) { state s = 0; s' = z; s }"},
    {T_NEXT, "a state moves in a function: fn F(z) { state s = 0; next s = z; s }"},
    {T_INPUT, "node sets stand in a graph: graph G { input x[4] }"},
    {T_NODES, "node sets stand in a graph: graph G { nodes h[4] }"},
    {T_OUTPUT, "node sets stand in a graph: graph G { output y[4] }"},
    {T_EDGES, "edges stand in a graph: graph G { edges x[_] -> y[_] }"},
    {T_WHERE, "a condition stands behind an edge: x[i] -> y[j] where i < j"},
    {T_VIA, "an edge function stands behind an edge: edges x[_] -> y[_] via F"},
    {T_KEEP, "a budget stands behind its edges: edges x[_] -> y[_] keep 5%"},
    {T_SAMPLE, "a budget stands behind its edges: edges x[_] -> y[_] sample 5%"},
    {T_BY, "a score stands behind its budget: keep 5% by w"},
    {T_USING, "a rule stands behind its budget: keep 5% using rigl"},
    {T_AT, "coordinates stand behind a node set: nodes h[i: 4] at (i, 0)"},
};

static const char *block_name(BlockKind block)
{
    static const char *const names[] = {"a file",          "a function",    "a graph",
                                        "a list of edges", "a train block", "a test"};
    return names[block];
}

static bool misplaced_word(const Mistake *m)
{
    if (!is_first(m)) return false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (places[i].kind != m->found.kind) continue;
        Diag *d = parse_complain(m->p, E_LINE, m->found.span, "'%s' cannot begin a line of %s",
                                 text_of(m, m->found), block_name(m->block));
        diag_help(d, "%s", places[i].help);
        return true;
    }
    return false;
}

/* First words of lines in other languages: the word that is meant, or else what to say. */
static const struct Foreign_word {
    BlockKind block;
    const char *wrong, *right, *help;
} foreign_words[] = {
    {BLOCK_NONE, "def", "fn", NULL},
    {BLOCK_NONE, "func", "fn", NULL},
    {BLOCK_NONE, "fun", "fn", NULL},
    {BLOCK_NONE, "function", "fn", NULL},
    {BLOCK_NONE, "network", "graph", NULL},
    {BLOCK_NONE, "net", "graph", NULL},
    {BLOCK_NONE, "include", "import", NULL},
    {BLOCK_NONE, "use", "import", NULL},
    {BLOCK_NONE, "let", "option", NULL},
    {BLOCK_NONE, "const", "option", NULL},
    {BLOCK_NONE, "param", "option", NULL},
    {BLOCK_GRAPH, "hidden", "nodes", NULL},
    {BLOCK_GRAPH, "layer", "nodes", NULL},
    {BLOCK_GRAPH, "neurons", "nodes", NULL},
    {BLOCK_GRAPH, "edge", "edges", NULL},
    {BLOCK_GRAPH, "connect", "edges", NULL},
    {BLOCK_BODY, "let", NULL, "a name is set by '=' alone: u = 2"},
    {BLOCK_BODY, "var", NULL, "a name is set by '=' alone: u = 2"},
    {BLOCK_BODY, "const", NULL, "a name is set by '=' alone: u = 2"},
    {BLOCK_BODY, "return", NULL,
     "the last line of a function is its value, without a word before it: fn f(z) { 2 * z }"},
    {BLOCK_BODY, "param", "weight", NULL},
    {BLOCK_BODY, "for", NULL, "there are no loops; what repeats is a node set, scan or: time = steps(5)"},
    {BLOCK_BODY, "while", NULL, "there are no loops; what repeats is a node set, scan or: time = steps(5)"},
};

/* The word that a wrong first word of a line stands for; or *help; or neither. */
static const char *meant(BlockKind block, const char *wrong, const char **help)
{
    static const char *const file[] = {"import", "option", "fn", "graph", "model", "train", "test"};
    static const char *const graph[] = {"input", "nodes", "output", "edges"};
    static const char *const body[] = {"weight", "state", "shared", "next"};
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        if (foreign_words[i].block != block || strcmp(wrong, foreign_words[i].wrong) != 0) continue;
        *help = foreign_words[i].help;
        return foreign_words[i].right;
    }
    switch (block) {
    case BLOCK_NONE: return diag_nearest(wrong, file, 7);
    case BLOCK_GRAPH: return diag_nearest(wrong, graph, 4);
    case BLOCK_BODY: return diag_nearest(wrong, body, 4);
    default: return NULL;
    }
}

/* A line that begins with a name where a word of the language was meant. */
static bool unknown_word(const Mistake *m)
{
    bool second = m->p->statement_length == 2 && m->found.kind != T_NL && m->found.kind != '=';
    if (m->p->first.kind != T_NAME || !(second || (is_first(m) && m->block == BLOCK_NONE))) return false;
    /* `x -> y`, `epochs: 20` and `2 x` are better explained by others. */
    if (second && !is_operand(m->found.kind) && !is_keyword(m->found.kind)) return false;
    const char *wrong = text_of(m, m->p->first), *help = NULL, *right = meant(m->block, wrong, &help);
    if (!right && !help && m->block != BLOCK_NONE) return false;
    Diag *d = parse_complain(m->p, E_LINE, m->p->first.span, "'%s' cannot begin a line of %s", wrong,
                             block_name(m->block));
    const char *rest = rest_from(m, m->p->first.span.end);
    if (right) diag_help(d, "write: %s %s", right, rest);
    else if (help) diag_help(d, "%s", help);
    else if (raw(m, 1).kind == '=')
        diag_help(d, "a setting of the file is an option: option %s %s", wrong, rest);
    else diag_help(d, "a file holds import, option, fn, graph, model, train and test");
    return true;
}

/* '=' and ':'. */

static bool type_of_parameter(const Mistake *m)
{
    int first = m->p->first.kind;
    bool header = first == T_FN || first == T_MODEL || first == T_GRAPH;
    if (m->found.kind != ':' || !header || !m->in_parentheses || m->expression) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "a parameter has no type");
    diag_help(d, "write: %s", text_of(m, m->p->before));
    return true;
}

static bool colon_for_equals(const Mistake *m)
{
    if (m->found.kind != ':' || !m->wanted['=']) return false;
    Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "found ':', wanted '='");
    if (m->in_parentheses)
        diag_help(d, "a named argument is written: %s = %s", text_of(m, m->p->before), text_of(m, raw(m, 1)));
    else help_fixed(m, d, m->found.span.start, "=", m->found.span.end);
    return true;
}

static bool double_equals(const Mistake *m)
{
    if (m->found.kind != T_EQ || !m->wanted['=']) return false;
    Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "'==' compares; a name is set with '='");
    help_fixed(m, d, m->found.span.start, "=", m->found.span.end);
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
                             text_of(m, m->found));
    help_fixed(m, d, m->found.span.start, drawn ? "~" : "=", m->found.span.start);
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
            for (k = -1; k > -16 && !raw(m, k).line_ends; k--) continue;
        if (k < 0 && (raw(m, k).kind != T_NAME || (kind == '=' && k != -1))) return false;
        sign = raw(m, k - 1);
        if (!raw(m, k).line_ends || sign.span.start < m->p->first.span.start) return false;
    } else if (!m->wanted[T_NAME]) return false;
    if (!wants_operand(sign.kind)) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, sign.span, "nothing follows this '%s'", text_of(m, sign));
    diag_help(d, "write the rest of it on the same line");
    return true;
}

static bool cell_with_equals(const Mistake *m)
{
    int first = m->p->first.kind;
    if (first != T_INPUT && first != T_NODES && first != T_OUTPUT) return false;
    if (m->found.kind == '=' && m->wanted[':']) {
        Diag *d = parse_complain(m->p, E_ASSIGN, m->found.span, "a node function stands behind ':'");
        help_fixed(m, d, m->found.span.start, ":", m->found.span.end);
        return true;
    }
    if (m->found.kind != '(' || !m->wanted['[']) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the sizes of a node set stand in [ ]");
    diag_help(d, "write: %s[4]", text_before(m, m->found.span.start));
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
    help_fixed(m, d, m->found.span.start, "==", m->found.span.end);
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

static bool wrong_arrow(const Mistake *m)
{
    int kind = m->found.kind;
    bool likely = kind == '>' || kind == '-' || kind == '<' || kind == ',' || kind == '=' || kind == T_NAME;
    if (!m->wanted[T_ARROW] || !likely) return false;
    if (m->block != BLOCK_EDGES && m->p->first.kind != T_EDGES) return false;
    Diag *d = parse_complain(m->p, E_ARROW, m->found.span, "found '%s', wanted '->'", text_of(m, m->found));
    uint32_t end = kind == T_NAME ? m->found.span.start : m->found.span.end;
    for (int k = 1; raw(m, k).kind == '>' || raw(m, k).kind == '-'; k++) end = raw(m, k).span.end;
    help_fixed(m, d, m->found.span.start, "->", end);
    return true;
}

/* `x[_] -> h[_]` as a line of a graph. */
static bool edge_without_edges(const Mistake *m)
{
    if (m->block != BLOCK_GRAPH || m->p->first.kind != T_NAME || m->p->statement_length != 2) return false;
    const char *rest = rest_from(m, m->p->first.span.start);
    if ((m->found.kind != '[' && m->found.kind != T_ARROW) || !strstr(rest, "->")) return false;
    Diag *d = parse_complain(m->p, E_ARROW, m->p->first.span, "an edge stands behind 'edges'");
    diag_help(d, "write: edges %s", rest);
    return true;
}

static bool index_is_no_name(const Mistake *m)
{
    bool edge = m->block == BLOCK_EDGES || m->p->first.kind == T_EDGES;
    bool number = m->found.kind == T_NUMBER && m->wanted[T_NAME] && !m->expression;
    bool computed =
        m->p->before.kind == T_NAME && !m->wanted['+'] && (m->found.kind == '+' || m->found.kind == '-');
    if (!edge || !m->in_parentheses || !(number || computed)) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span,
                             "found '%s', but an index of an edge is a new name or _", text_of(m, m->found));
    diag_help(d, "say in a condition which nodes are meant: a[i] -> b[j] where j == i + 1");
    return true;
}

static bool budget_in_list(const Mistake *m)
{
    int kind = m->found.kind;
    if (m->block != BLOCK_EDGES || (kind != T_KEEP && kind != T_SAMPLE)) return false;
    Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "all lines of this list share one budget");
    diag_help(d, "write behind the closing brace: } %s", rest_from(m, m->found.span.start));
    return true;
}

static bool via_behind_budget(const Mistake *m)
{
    if (m->found.kind != T_VIA || m->p->first.kind != T_EDGES || !m->has_operator) return false;
    Diag *d = parse_complain(m->p, E_BUDGET, m->found.span, "'via' stands before the budget");
    diag_help(d, "write: edges a[_] -> b[_] via F keep 5%%");
    return true;
}

/* Expressions. */

static bool unfinished_if(const Mistake *m)
{
    if (!m->wanted[T_THEN] && !m->wanted[T_ELSE]) return false;
    const char *word = m->wanted[T_THEN] ? "then" : "else";
    if (m->found.kind == T_NL) parse_complain(m->p, E_SYNTAX, m->found.span, "this 'if' has no '%s'", word);
    else parse_complain(m->p, E_SYNTAX, m->found.span, "found '%s', wanted '%s'", text_of(m, m->found), word);
    return true;
}

static bool trailing_comma(const Mistake *m)
{
    if (m->p->before.kind != ',' || (m->found.kind != ')' && m->found.kind != ']')) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->p->before.span, "nothing follows this ','");
    diag_help(d, "remove it");
    return true;
}

static bool missing_comma(const Mistake *m)
{
    bool named = is_keyword(m->found.kind) && raw(m, 1).kind == '=';
    if (!m->in_parentheses || !m->wanted[','] || !(named || is_operand(m->found.kind))) return false;
    const char *before = text_of(m, m->p->before), *found = text_of(m, m->found);
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "',' is missing before '%s'", found);
    diag_help(d, "write: %s, %s", before, found);
    return true;
}

static bool bare_point(const Mistake *m)
{
    Token next = raw(m, 1), before = m->p->before;
    bool leading = m->found.kind == '.' && m->expression && next.kind == T_NUMBER;
    bool trailing = before.kind == '.' && raw(m, -2).kind == T_NUMBER;
    if (!leading && !trailing) return false;
    Span span = leading ? span_join(m->found.span, next.span) : span_join(raw(m, -2).span, before.span);
    Diag *d = parse_complain(m->p, E_NUMBER, span, "a number has digits on both sides of its point");
    if (leading) diag_help(d, "write: 0%s", parse_text(m->p, span));
    else diag_help(d, "write: %s0", parse_text(m->p, span));
    return true;
}

static bool derivative_read(const Mistake *m)
{
    if (m->found.kind != T_DERIV || !m->expression) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the derivative %s can be set, but not read",
                             text_of(m, m->found));
    diag_help(d, "a state moves by: s' = z - s");
    return true;
}

/* Declarations. */

static bool wrong_body(const Mistake *m)
{
    int first = m->p->first.kind;
    bool function = first == T_FN || first == T_MODEL;
    const char *word = text_of(m, m->p->first);
    bool behind = m->found.kind == '{' && m->p->before.kind == '=' && function;
    if (behind || (m->found.kind == '=' && m->wanted['{'])) {
        Span equals = behind ? m->p->before.span : m->found.span;
        Diag *d = parse_complain(m->p, E_SYNTAX, equals, "no '=' stands before '{'");
        diag_help(d, "write: %s {", text_before(m, equals.start));
        return true;
    }
    if (m->found.kind != T_NL || !m->wanted['{'] || m->has_operator) return false;
    Diag *d =
        parse_complain(m->p, E_SYNTAX, m->found.span, "this '%s' has no %s", word, function ? "body" : "'{'");
    const char *head = text_before(m, m->found.span.end);
    if (function) diag_help(d, "write the value behind '=', or the lines in { }: %s = 0", head);
    else diag_help(d, "write: %s { }", head);
    return true;
}

static bool import_without_quotes(const Mistake *m)
{
    if (m->p->before.kind != T_IMPORT || m->found.kind != T_NAME) return false;
    Diag *d = parse_complain(m->p, E_SYNTAX, m->found.span, "the path of an import stands in quotes");
    diag_help(d, "write: import \"%s.dnw\"", text_of(m, m->found));
    return true;
}

/* The general case: found A, wanted B or C. */

static const char *found_words(const Mistake *m)
{
    if (m->found.kind == 0) return "the end of the file";
    if (m->found.kind == T_NL && m->found.span.start == m->found.span.end) return "the end of the line";
    if (m->found.span.end - m->found.span.start > 40) return parse_kind_words(m->found.kind);
    return arena_printf(m->p->perm, "'%s'", text_of(m, m->found));
}

/* Is this kind already said by "an expression" or "an operator"? */
static bool covered(const Mistake *m, int kind)
{
    bool starts =
        is_operand(kind) || kind == '(' || kind == '[' || kind == '-' || kind == T_NOT || kind == T_IF;
    bool goes_on = is_comparison(kind) || kind == '+' || kind == '-' || kind == '*' || kind == '/' ||
                   kind == '^' || kind == T_MOD || kind == T_AND || kind == T_OR || kind == T_PIPE ||
                   kind == '(' || kind == '[' || kind == '.' || kind == '=';
    return (m->expression && starts) || (m->has_operator && goes_on);
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
    if (count > MOST || (is_first(m) && count > 1)) {
        if (m->block == BLOCK_NONE) return "import, option, fn, graph, model, train or test";
        return arena_printf(m->p->perm, "a line of %s", block_name(m->block));
    }
    if (m->has_operator) list[count++] = "an operator";
    if (m->wanted[T_NL]) list[count++] = "the end of the line";
    const char *text = count ? list[0] : "something else";
    for (int i = 1; i < count; i++)
        text = arena_printf(m->p->perm, "%s%s%s", text, i == count - 1 ? " or " : ", ", list[i]);
    return text;
}

/* Help: the word of the language that is wanted and nearly stands there. */
static void help_mistyped(const Mistake *m, Diag *d)
{
    const char *words[T_IN - T_IMPORT + 1], *near = NULL;
    int count = 0;
    if (m->found.kind != T_NAME) return;
    for (int kind = T_IMPORT; kind <= T_IN; kind++) {
        const char *quoted = m->wanted[kind] ? parse_kind_words(kind) : NULL; /* 'keep' */
        if (quoted) words[count++] = arena_text(m->p->perm, quoted + 1, strlen(quoted) - 2);
    }
    near = diag_nearest(text_of(m, m->found), words, count);
    if (near) diag_help(d, "did you mean '%s'?", near);
}

static bool (*const mistakes[])(const Mistake *) = {
    nothing_behind,     keyword_as_name,       budget_in_list,    misplaced_word,        unknown_word,
    edge_without_edges, derivative_read,       type_of_parameter, colon_for_equals,      double_equals,
    cell_with_equals,   index_is_no_name,      wrong_arrow,       missing_equals,        via_behind_budget,
    wrong_body,         import_without_quotes, bare_point,        equals_for_comparison, unfinished_if,
    chained_comparison, trailing_comma,        missing_comma,
};

void parse_syntax_error(Parser *p, const bool *wanted)
{
    if (p->complained || p->stopped) return;
    bool expression = wanted[T_NUMBER] && wanted['('], has_operator = wanted['+'] && wanted['*'];
    bool inside = p->open_count && p->open[p->open_count - 1].kind != '{';
    BlockKind block = parse_line_block(p);
    /* A `{` that was just read has opened a block that the grammar did not want. */
    Mistake m = {p, p->last, wanted, block, expression, has_operator, inside};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        if (mistakes[i](&m)) return;
    Diag *d =
        parse_complain(p, E_SYNTAX, p->last.span, "found %s, wanted %s", found_words(&m), wanted_words(&m));
    help_mistyped(&m, d);
}
