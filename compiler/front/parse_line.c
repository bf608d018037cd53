/* parse_line.c: raw tokens -> the tokens that the grammar reads.
 *
 * A line end becomes T_NL only where it ends a statement (language.md, rule 1): not inside ( ) [ ], not
 * after an operator or comma, not before a word that continues a statement. A T_NL is inserted before `}` and
 * at the end of the file, so that every statement ends with one.
 *
 * Brackets are matched here: the grammar only ever sees balanced ones. Where one is missing the mistake is
 * reported at the unmatched bracket, and its partner is inserted. Bad tokens go
 * through parse_repair.c.
 *
 * A keyword is a plain name after a dot, before the `=` of a named argument (`keep = 10%`), and
 * as such an argument's whole value (`per = graph`).
 */
#include "front/parse_mistake.h"

static Token *peek(Parser *p, int k)
{
    int at = p->raw_at + k;
    return &p->raw.at[at < p->raw.count ? at : p->raw.count - 1];
}

static Token take(Parser *p)
{
    Token t = *peek(p, 0);
    if (p->raw_at < p->raw.count - 1) p->raw_at++;
    if (t.line_ends) p->line_indent = t.indent;
    return t;
}

static Open *top(Parser *p)
{
    return p->open_count ? &p->open[p->open_count - 1] : NULL;
}
static bool in_parentheses(Parser *p)
{
    return p->open_count && top(p)->kind != '{';
}

BlockKind parse_line_block(const Parser *p)
{
    for (int i = p->open_count; i-- > 0;)
        if (p->open[i].kind == '{') return p->open[i].block;
    return BLOCK_NONE;
}

static bool is_graph_word(int kind)
{
    return kind == T_INPUT || kind == T_NODES || kind == T_OUTPUT || kind == T_EDGES;
}

static bool is_word(int kind)
{
    return (kind >= T_IMPORT && kind <= T_IN) || kind == T_NAME || kind == RAW_BAD_NAME;
}

/* Lists of kinds end in a 0. */
static bool is_in(const int *list, int kind)
{
    while (*list && *list != kind) list++;
    return *list != 0;
}

/* A line that begins like this cannot go on with the statement before it. */
static const int statement_starts[] = {T_NAME,   T_DERIV, T_NUMBER, T_PERCENT, T_STRING, T_IF,     T_IMPORT,
                                       T_OPTION, T_FN,    T_GRAPH,  T_MODEL,   T_RULE,   T_ON,     T_TRAIN,
                                       T_TEST,   T_INPUT, T_NODES,  T_OUTPUT,  T_EDGES,  T_WEIGHT, T_STATE,
                                       T_SHARED, T_NEXT,  T_COST,   T_SIZE,    0};
/* An expression can end in these. */
static const int operand_ends[] = {T_NAME, T_DERIV, T_NUMBER, T_PERCENT, T_STRING, T_SKIPPED, ')', ']', 0};
/* Behind these a statement goes on, whatever the next line begins with. */
static const int wants_more[] = {
    ',',     '=',   '+',    '-',  '*',     '/',      '^',   '~',    ':',   '.',    '<',    '>',     T_PIPE,
    T_ARROW, T_EQ,  T_NE,   T_LE, T_GE,    T_DOTS,   T_AND, T_OR,   T_NOT, T_MOD,  T_FOR,  T_IN,    T_AT,
    T_WHERE, T_VIA, T_KEEP, T_BY, T_USING, T_SAMPLE, T_OF,  T_TIED, T_IF,  T_THEN, T_ELSE, T_EDGES, 0};
/* These continue the statement of the line before. */
static const int continues[] = {T_PIPE,   T_WHERE, T_VIA,  T_KEEP, T_OF,  T_BY, T_USING, T_TIED,
                                T_SAMPLE, T_AT,    T_THEN, T_ELSE, T_AND, T_OR, 0};

static BlockKind block_of(int first)
{
    switch (first) {
    case T_FN:
    case T_MODEL: return BLOCK_BODY;
    case T_GRAPH: return BLOCK_GRAPH;
    case T_EDGES: return BLOCK_EDGES;
    case T_RULE: return BLOCK_RULE;
    case T_ON: return BLOCK_EVENT;
    case T_TRAIN: return BLOCK_TRAIN;
    case T_TEST: return BLOCK_TEST;
    default: return BLOCK_NONE;
    }
}

/* May the statement being read open a block? */
static bool in_header(const Parser *p)
{
    return p->statement_length > 0 && block_of(p->first.kind) != BLOCK_NONE;
}

/* As its words cannot be names, a declaration also tells that a block or bracket before it was never closed.
 */
bool parse_line_declares(const Parser *p, int at)
{
    int last = p->raw.count - 1;
    const Token *word = &p->raw.at[at < last ? at : last], *next = &p->raw.at[at < last ? at + 1 : last];
    if (!word->line_ends || !is_declaration_word(word->kind) || next->line_ends) return false;
    return is_word(next->kind) || next->kind == T_STRING || next->kind == RAW_BAD_STRING || next->kind == '{';
}

/* The raw token k places ahead does. */
static bool begins_declaration(const Parser *p, int k)
{
    return parse_line_declares(p, p->raw_at + k);
}

/* Likewise the next raw token begins a line of a graph or function, which no expression can take in. */
static bool begins_line(Parser *p)
{
    const Token *word = peek(p, 0), *next = peek(p, 1);
    bool starts = is_graph_word(word->kind) || word->kind == T_WEIGHT || word->kind == T_SHARED ||
                  word->kind == T_STATE || word->kind == T_NEXT || word->kind == T_COST;
    return word->line_ends && starts && !next->line_ends && (is_word(next->kind) || next->kind == '{');
}

/* Skips to the partner of a bracket just taken, or to what shows that there is none. */
static void skip_balanced(Parser *p)
{
    for (int depth = 1; depth > 0; take(p)) {
        int kind = peek(p, 0)->kind;
        if (kind == 0 || begins_declaration(p, 0)) return;
        if (kind == '(' || kind == '[' || kind == '{') depth++;
        if (kind == ')' || kind == ']' || kind == '}') depth--;
    }
}

/* Skips a block whose `{` was just taken. */
static void skip_block(Parser *p)
{
    for (int depth = 1; depth > 0; take(p)) {
        int kind = peek(p, 0)->kind;
        if (kind == 0 || begins_declaration(p, 0)) return;
        depth += (kind == '{') - (kind == '}');
    }
}

/* Skips to the next declaration, or to a line outside of all blocks that is indented no deeper than the
 * statement with the mistake: that may be another mistake. */
static void skip_to_declaration(Parser *p)
{
    int depth = p->last.kind == '{', indent = p->first.line_ends ? p->first.indent : 0;
    for (;; take(p)) {
        const Token *t = peek(p, 0);
        if (t->kind == 0 || begins_declaration(p, 0)) return;
        if (depth <= 0 && t->line_ends && t->indent <= indent && is_word(t->kind)) return;
        depth += (t->kind == '{') - (t->kind == '}');
    }
}

bool parse_is_inside(const Parser *p, BlockKind block)
{
    bool inside = false;
    for (int i = 0; i < p->open_count; i++) inside |= p->open[i].block == block;
    return inside;
}

void parse_line_recover(Parser *p)
{
    p->recovering = true;
    p->refused = p->last.span;
    bool opened = p->last.kind == '{' && top(p) && top(p)->span.start == p->last.span.start;
    if (opened) p->open_count--;
    if (parse_line_block(p) == BLOCK_NONE) {
        p->skip_to_declaration = true;
        p->open_count = 0;
    } else if (p->last.kind == '{') p->skip_block = true;
}

/* A token that is not in the source stands behind the last one that is. */
static Token made_up(const Parser *p, int kind)
{
    return (Token){.kind = kind, .span = {p->last.span.file, p->last.span.end, p->last.span.end}};
}

static void enqueue(Parser *p, Token t)
{
    p->queue[p->queue_count++] = t;
}

static const char *bracket_name(int kind)
{
    return kind == '(' ? "(" : kind == '[' ? "[" : "{";
}
static int partner(int kind)
{
    return kind == '(' ? ')' : kind == '[' ? ']' : '}';
}

static bool on_one_line(const char *text)
{
    return strlen(text) < 100 && !strchr(text, '\n');
}

static void complain_unclosed_block(Parser *p, const Open *o)
{
    Span head = span_join(o->statement.span, o->span);
    head.end--;
    while (head.end > head.start && strchr(" \t\r\n", p->source->text[head.end - 1])) head.end--;
    Diag *d = parse_complain(p, E_UNCLOSED, o->span, "this '{' is never closed");
    const char *text = parse_text(p, on_one_line(parse_text(p, head)) ? head : o->statement.span);
    diag_help(d, "add '}' where the block of '%s' ends", text);
}

/* `all`: none of the open ( and [ has a partner; else only this one has none. */
static void complain_unclosed(Parser *p, const Open *o, bool all)
{
    Diag *d = parse_complain(p, E_UNCLOSED, o->span, "this '%s' is never closed", bracket_name(o->kind));
    const char *text = parse_text(p, span_join(p->first.span, p->last.span));
    bool complete = is_in(operand_ends, p->last.kind) || p->last.kind == '(' || p->last.kind == '[';
    diag_help(d, "add '%c' where it should end, such as after '%s'", partner(o->kind),
              parse_text(p, p->last.span));
    if (all && complete && on_one_line(text)) {
        for (const Open *each = o; each >= p->open && each->kind != '{'; each--)
            text = arena_printf(p->perm, "%s%c", text, partner(each->kind));
        Span place = span_join(p->first.span, p->last.span);
        diag_fix(d, place, text, "write: ", "");
    }
}

/* The raw token k places ahead is a `{` right behind a name that was to be a ( or [, as its partner on the
 * line tells: that bracket, else 0. */
static int meant_bracket(Parser *p, int k)
{
    const Token *t = peek(p, k);
    bool behind = p->raw_at + k > 0 && t[-1].kind == T_NAME && t[-1].span.end == t->span.start;
    if (t->kind != '{' || !behind || (p->braces_left <= 0 && !p->open_count)) return 0;
    for (int depth = 0;;) {
        t = peek(p, ++k);
        if (t->kind == 0 || t->line_ends || t->kind == '{' || t->kind == '}') return 0;
        if (depth == 0 && (t->kind == ')' || t->kind == ']')) return t->kind == ')' ? '(' : '[';
        depth += (t->kind == '(' || t->kind == '[') - (t->kind == ')' || t->kind == ']');
    }
}

/* A `}` too many where a ) or ] is missing: `x[_}`. */
static bool closes_mistyped(Parser *p)
{
    const Token *t = peek(p, 0);
    return in_parentheses(p) && t->kind == '}' && p->braces_left < 0 && !t->line_ends;
}

/* Do the open ( and [ lose their partners here, before the next raw token? */
static bool brackets_end(Parser *p)
{
    if (!in_parentheses(p)) return false;
    const Token *t = peek(p, 0);
    if (closes_mistyped(p)) return false;
    if (t->kind == 0 || t->kind == '}' || begins_declaration(p, 0) || begins_line(p)) return true;
    if (t->kind == '{' && in_header(p) && !meant_bracket(p, 0)) return true;
    /* Deeper than the line with the bracket it is rather a comma that is missing: left to the grammar. */
    return t->line_ends && is_in(operand_ends, p->last.kind) && is_in(statement_starts, t->kind) &&
           t->indent <= top(p)->indent;
}

static void close_brackets(Parser *p)
{
    complain_unclosed(p, top(p), true);
    for (; in_parentheses(p); p->open_count--) enqueue(p, made_up(p, partner(top(p)->kind)));
}

/* `keep` on a line of its own in a list of edges whose `}` must have stood before it. */
static bool budget_in_open_list(Parser *p)
{
    const Token *t = peek(p, 0);
    bool budget = t->kind == T_VIA || t->kind == T_TIED || t->kind == T_KEEP || t->kind == T_SAMPLE;
    return budget && t->line_ends && p->braces_left > 0 && parse_line_block(p) == BLOCK_EDGES;
}

/* Does the open { lose its partner here? Only asked at the start of a statement. */
static bool block_ends(Parser *p)
{
    if (!p->open_count || p->last.kind != T_NL) return false;
    const Token *t = peek(p, 0);
    if (t->kind == 0 || begins_declaration(p, 0) || budget_in_open_list(p)) return true;
    if (top(p)->block == BLOCK_EDGES && t->line_ends && is_graph_word(t->kind)) return true;
    /* Layout means nothing in a right program; in a wrong one it tells which of two blocks a `}` was meant
     * for. */
    if (p->braces_left <= 0 || t->kind != '}' || !t->line_ends || p->open_count < 2) return false;
    int after = peek(p, 1)->kind;
    if (after == T_VIA || after == T_TIED || after == T_KEEP || after == T_SAMPLE) return false;
    return t->indent < top(p)->indent && t->indent <= p->open[p->open_count - 2].indent;
}

static void close_blocks(Parser *p)
{
    const Token *t = peek(p, 0);
    bool all = t->kind == 0 || begins_declaration(p, 0);
    complain_unclosed_block(p, top(p));
    /* Deeper than the block it may be a line of it. */
    if (t->kind != 0 && all && t->indent > p->open[0].indent)
        p->broken = false, parse_break(p, t->span.start);
    do {
        enqueue(p, made_up(p, '}'));
        if (!budget_in_open_list(p)) enqueue(p, made_up(p, T_NL));
        p->open_count--;
    } while (all && p->open_count);
}

/* Does a header end here without its `{`, while the `}` is there? */
static bool block_lacks_start(Parser *p)
{
    const Token *t = peek(p, 0);
    int first = p->first.kind, last = p->last.kind;
    if (!t->line_ends || t->kind == '{' || p->braces_left >= 0 || p->recovering || !in_header(p))
        return false;
    if (first == T_EDGES) return last == T_EDGES;
    return p->open_count == 0 && !p->has_value && last != '}' && last != T_NL;
}

static Token start_block(Parser *p)
{
    Token brace = made_up(p, '{');
    const char *head = parse_text(p, span_join(p->first.span, p->last.span));
    Diag *d = parse_complain(p, E_UNOPENED, brace.span, "'{' is missing here");
    Span place = span_join(p->first.span, p->last.span);
    if (on_one_line(head)) diag_fix(d, place, arena_printf(p->perm, "%s {", head), "write: ", "");
    Open open = {'{', brace.span, p->line_indent, p->first, block_of(p->first.kind)};
    p->open[p->open_count++] = open;
    p->braces_left++;
    return brace;
}

static bool statement_ends(Parser *p)
{
    const Token *t = peek(p, 0);
    if (p->last.kind == T_NL || closes_mistyped(p)) return false;
    if (t->kind == 0 || t->kind == '}') return true;
    if (!t->line_ends) return false;
    if (begins_declaration(p, 0) || begins_line(p) || budget_in_open_list(p)) return true;
    if (in_parentheses(p)) return false;
    /* An operator that the grammar did not want has no right operand on the next line. */
    bool refused = p->recovering && p->last.span.start == p->refused.start;
    if (is_in(wants_more, p->last.kind) && !refused) return false;
    if (t->kind == '{') return !in_header(p);
    /* `keep = 3` on a line of its own: a word of the language taken for a name. */
    return !is_in(continues, t->kind) || peek(p, 1)->kind == '=';
}

/* As many { as } from here to the next declaration? Counted once for each stretch between declarations. */
static void count_braces(Parser *p)
{
    if (p->raw_at < p->braces_counted) return;
    int depth = 0, k = 0;
    for (; p->raw_at + k < p->raw.count && (k == 0 || !begins_declaration(p, k)); k++)
        depth += (peek(p, k)->kind == '{') - (peek(p, k)->kind == '}');
    p->braces_left = depth;
    p->braces_counted = p->raw_at + k;
}

static void push(Parser *p, const Token *t)
{
    Open open = {t->kind, t->span, p->line_indent, p->first, BLOCK_NONE};
    if (t->kind == '{') open.block = block_of(p->first.kind);
    p->open[p->open_count++] = open;
}

static bool open_bracket(Parser *p, Token *t)
{
    if (p->open_count < PARSE_NESTING) {
        push(p, t);
        return true;
    }
    Diag *d =
        parse_complain(p, E_TOO_DEEP, t->span, "brackets are nested more than %d deep here", PARSE_NESTING);
    diag_help(d, "give a part of the expression a name of its own");
    skip_balanced(p);
    t->kind = T_SKIPPED;
    return true;
}

/* `x{2]` */
static bool open_mistyped(Parser *p, Token *t, int kind)
{
    Diag *d = parse_complain(p, E_SYNTAX, t->span, "found '{', expected '%s'", bracket_name(kind));
    diag_fix(d, t->span, bracket_name(kind), "write: ", "");
    parse_mended(p);
    p->braces_left--;
    t->kind = kind;
    return open_bracket(p, t);
}

static bool open_block(Parser *p, Token *t)
{
    int meant = meant_bracket(p, -1); /* it is taken already */
    if (meant) return open_mistyped(p, t, meant);
    if (p->recovering) {
        skip_block(p);
        return false;
    }
    if (p->last.kind == '{' && p->braces_left > 0) {
        Diag *d = parse_complain(p, E_UNCLOSED, t->span, "this '{' is never closed");
        diag_fix(d, t->span, "", "remove it", "");
        p->braces_left--;
        return false;
    }
    /* Elsewhere the grammar wants no `{`; it will say so, and parse_line_recover skips what it holds. */
    if (in_header(p) && p->open_count < PARSE_NESTING) push(p, t);
    return true;
}

static bool close_bracket(Parser *p, Token *t)
{
    const char *text = parse_text(p, t->span);
    if (!in_parentheses(p)) {
        Diag *d = parse_complain(p, E_UNOPENED, t->span, "this '%s' closes nothing", text);
        diag_fix(d, t->span, "", "remove it", "");
        return false;
    }
    if (partner(top(p)->kind) == t->kind) {
        p->open_count--;
        return true;
    }
    Token wanted = made_up(p, partner(top(p)->kind));
    bool outer = p->open_count > 1 && partner(p->open[p->open_count - 2].kind) == t->kind;
    if (outer && t->kind != '}') {
        complain_unclosed(p, top(p), false);
        enqueue(p, *t);
        p->open_count -= 2;
    } else {
        Diag *d = parse_complain(p, E_UNOPENED, t->span, "'%s' does not match '%s'", text,
                                 bracket_name(top(p)->kind));
        diag_note(d, top(p)->span, "opened here");
        diag_fix(d, t->span, arena_printf(p->perm, "%c", wanted.kind), "write: ", "");
        p->open_count--;
    }
    p->braces_left += t->kind == '}';
    t->kind = wanted.kind;
    return true;
}

static bool close_block(Parser *p, Token *t)
{
    if (in_parentheses(p)) return close_bracket(p, t);
    if (!p->open_count) {
        Diag *d = parse_complain(p, E_UNOPENED, t->span, "this '}' closes nothing");
        diag_fix(d, t->span, "", "remove it", "");
        return false;
    }
    p->first = top(p)->statement;
    p->statement_length = 1;
    p->open_count--;
    return true;
}

/* A word of the language that is a plain name where it stands; see the top of this file. */
static bool is_plain_name(Parser *p, int kind)
{
    if (kind < T_IMPORT || kind > T_IN) return false;
    if (p->last.kind == '.') return true;
    if (!in_parentheses(p) || top(p)->kind != '(') return false;
    int next = peek(p, 0)->kind;
    if ((p->last.kind == '(' || p->last.kind == ',') && next == '=') return true;
    bool value = p->last.kind == '=' && (next == ',' || next == ')');
    return value && (kind == T_GRAPH || kind == T_MODEL || kind == T_TRAIN || kind == T_TEST);
}

/* `size` is a name, but where a line begins with it and another name follows: size n in 4 .. 64 = 32. */
static bool begins_size(Parser *p, const Token *t)
{
    const Token *next = peek(p, 0);
    const char *text = p->source->text + t->span.start;
    return t->kind == T_NAME && !p->statement_length && !in_parentheses(p) &&
           t->span.end - t->span.start == 4 && memcmp(text, "size", 4) == 0 && next->kind == T_NAME &&
           !next->line_ends;
}

/* Makes a raw token one of the grammar; false when it is left out. */
static bool prepare(Parser *p, Token *t)
{
    const char *inside = in_parentheses(p) ? bracket_name(top(p)->kind) : NULL;
    if (t->kind > RAW_BREAK && !parse_repair(p, t, inside)) return false;
    if (is_plain_name(p, t->kind)) t->kind = T_NAME;
    if (begins_size(p, t)) t->kind = T_SIZE;
    switch (t->kind) {
    case '(':
    case '[': return open_bracket(p, t);
    case ')':
    case ']': return close_bracket(p, t);
    case '{': return open_block(p, t);
    case '}': return close_block(p, t);
    default: return true;
    }
}

static Token next(Parser *p)
{
    if (p->skip_block) skip_block(p);
    p->skip_block = false;
    if (p->skip_to_declaration) {
        p->skip_to_declaration = false;
        skip_to_declaration(p);
        if (p->last.kind != T_NL) return made_up(p, T_NL);
    }
    while (!p->stopped) {
        if (brackets_end(p)) {
            close_brackets(p);
        } else if (block_lacks_start(p)) {
            return start_block(p);
        } else if (statement_ends(p)) {
            return made_up(p, T_NL);
        } else if (block_ends(p)) {
            close_blocks(p);
        } else {
            Token t = take(p);
            bool good = prepare(p, &t);
            if (good) return t;
            /* A line that held nothing else leaves no complaint to the next one. */
            if (p->last.kind == T_NL && peek(p, 0)->line_ends) p->complained = p->broken = false;
        }
        if (p->queue_count) return p->queue[p->queue_at++];
    }
    return made_up(p, 0);
}

Token parse_token(Parser *p)
{
    if (p->last.kind == T_NL) p->complained = p->recovering = p->broken = false;
    bool queued = p->queue_at < p->queue_count;
    if (!queued) p->queue_at = p->queue_count = 0;
    if (!queued && p->open_count == 0 && p->last.kind == T_NL) count_braces(p);
    Token t = queued ? p->queue[p->queue_at++] : next(p);
    p->before = p->last;
    p->last = t;
    if (t.kind == '=' && !in_parentheses(p)) p->has_value = true;
    if (t.kind == T_NL || t.kind == '{') p->statement_length = 0, p->has_value = false;
    else if (p->statement_length++ == 0) p->first = t;
    return t;
}
