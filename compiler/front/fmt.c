/* fmt.c: the canonical layout of a program.
 *
 * Works on the tokens of the file rather than on the tree: whatever was written is printed once and in order,
 * so that no comment and no parenthesis can get lost, and only blanks and line ends change. The tree of the
 * result is that of the input because a line end is only ever moved to where it means nothing (parse_line.c).
 *
 * Layout: two blanks per level; one statement per line; line breaks inside a statement stay where the user
 * made them, except that `{` and a budget follow what they belong to and a `|>` chain over several lines has
 * one `|>` a line. In runs of like lines `=`, `:`, `->`, `where`, help texts and comments at the end stand in
 * one column.
 */
#include "front/fmt.h"
#include "front/parse_state.h"
#include "dnw.tab.h"

/* Columns that neighbouring lines share, from left to right. */
enum { COLUMN_MIDDLE, COLUMN_TAIL, COLUMN_COMMENT, COLUMNS };
/* Lines further apart than this in a column are not aligned: that would only make holes. */
static const int widest_hole[COLUMNS] = {24, 40, 40};

typedef struct Line {
    Vec(char) text;
    int mark[COLUMNS]; /* byte at which the column begins; 0: the line has none */
    int kind[COLUMNS]; /* of the token there: `:` and `->` do not share a column */
} Line;

typedef struct Printer {
    Arena *perm;
    const SourceFile *source;
    const Ast *ast;
    TokenList tokens;
    bool *chain_breaks; /* of each token: it is a `|>` that begins a line */
    int next_comment;
    Vec(Line) lines;

    int depth;      /* open blocks */
    int block_word; /* that opened the outermost one */
    struct {
        int kind, indent; /* indent: of the line it stands on */
    } open[PARSE_NESTING + 2];
    int open_count; /* open ( and [ */

    Token first, last;   /* of the statement; printed last. kind 0: none yet */
    bool unary;          /* the last token is a sign */
    uint32_t printed;    /* end of the last token or comment in the source */
    int indent;          /* of the current line */
    bool statement_over; /* the next token begins a statement */
    bool comment_last;   /* the current line ends in a comment: nothing can follow on it */
    bool block_fresh;    /* nothing stands in the block yet but its `{` */
} Printer;

/* Lines of output. */

static Line *line(Printer *p)
{
    return &p->lines.at[p->lines.count - 1];
}

static void put(Printer *p, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) vec_push(p->perm, &line(p)->text, text[i]);
}

static void pad(Printer *p, int blanks)
{
    for (int i = 0; i < blanks; i++) put(p, " ", 1);
}

static void new_line(Printer *p, int indent)
{
    vec_push(p->perm, &p->lines, (Line){0});
    p->indent = indent;
    pad(p, indent);
    p->comment_last = false;
}

/* An empty line if the source has one before `start`; never at the start of the file or of a block. */
static void keep_blank(Printer *p, uint32_t start)
{
    int ends = 0;
    for (uint32_t i = p->printed; i < start; i++) ends += p->source->text[i] == '\n';
    if (ends >= 2 && p->lines.count && !p->block_fresh) vec_push(p->perm, &p->lines, (Line){0});
}

static int statement_indent(const Printer *p)
{
    return 2 * p->depth;
}

/* The indent of a further line of the statement; `kind` is what begins it. */
static int inner_indent(const Printer *p, int kind)
{
    if (!p->open_count) return statement_indent(p) + 2;
    int outer = p->open[p->open_count - 1].indent;
    return kind == ')' || kind == ']' ? outer : outer + 2;
}

/* Comments. */

static void print_comment(Printer *p, const Comment *c)
{
    size_t length = c->span.end - c->span.start;
    if (!c->own_line && p->lines.count && !p->comment_last) {
        line(p)->mark[COLUMN_COMMENT] = line(p)->text.count + 2;
        pad(p, 2);
    } else {
        if (p->statement_over) keep_blank(p, c->span.start);
        new_line(p, p->statement_over ? statement_indent(p) : inner_indent(p, 0));
        p->block_fresh = false;
    }
    put(p, p->source->text + c->span.start, length);
    if (c->span.end > p->printed) p->printed = c->span.end; /* a `{` may have overtaken it */
    p->comment_last = true;
}

static void print_comments_before(Printer *p, uint32_t end)
{
    for (; p->next_comment < p->ast->comments.count; p->next_comment++) {
        const Comment *c = &p->ast->comments.at[p->next_comment];
        if (c->span.start >= end) return;
        print_comment(p, c);
    }
}

/* Tokens. */

static bool is_operand_end(int kind)
{
    return kind == T_NAME || kind == T_DERIV || kind == T_NUMBER || kind == T_PERCENT || kind == T_STRING ||
           kind == ')' || kind == ']';
}

/* In an event of a rule an action begins with a verb, which is no function: drop (1 - rho) * kept. */
static bool behind_verb(const Printer *p)
{
    return p->block_word == T_RULE && p->depth > 1 && p->last.span.start == p->first.span.start;
}

/* Does a blank stand between the last token and this one? */
static bool spaced(const Printer *p, int kind)
{
    int last = p->last.kind;
    if (last == '(' || last == '[' || last == '.' || last == '^' || p->unary) return false;
    switch (kind) {
    case ')':
    case ']':
    case ',':
    case '.':
    case '^': return false;
    case '(':
    case '[': return !is_operand_end(last) || behind_verb(p);
    case ':': return p->open_count == 0; /* `nodes h[4] : F`, but `h[a: 4]` */
    default: return true;
    }
}

/* Does the user's line end before this token stay? */
static bool break_stays(const Printer *p, const Token *t)
{
    if (!t->line_ends || t->kind == '{' || p->last.kind == T_PIPE || p->last.kind == T_EDGES) return false;
    return t->kind != T_PIPE && p->last.kind != '}';
}

static int column_of(const Printer *p, const Token *t)
{
    if (p->open_count) return -1;
    int first = p->first.kind, kind = t->kind;
    bool setting = first == T_OPTION || (p->depth && p->block_word != T_GRAPH && first == T_NAME);
    if (kind == '=' && setting) return COLUMN_MIDDLE;
    if (kind == ':' || kind == T_ARROW) return COLUMN_MIDDLE;
    if ((kind == '~' || kind == '=') && (first == T_WEIGHT || first == T_SHARED || first == T_SIZE))
        return COLUMN_TAIL;
    if (kind == T_WHERE || (kind == T_STRING && first == T_OPTION)) return COLUMN_TAIL;
    return -1;
}

static void begin_token(Printer *p, const Token *t, bool chain_break)
{
    if (p->statement_over) {
        if (t->kind != '}') keep_blank(p, t->span.start);
        new_line(p, statement_indent(p) - (t->kind == '}' ? 2 : 0));
        p->first = *t;
    } else if (p->comment_last || chain_break || break_stays(p, t)) {
        new_line(p, inner_indent(p, t->kind));
    } else if (spaced(p, t->kind)) {
        bool role = p->last.kind == T_INPUT || p->last.kind == T_NODES || p->last.kind == T_OUTPUT;
        pad(p, role ? 7 - (int)(p->last.span.end - p->last.span.start) : 1);
    }
}

static void print_token(Printer *p, const Token *t, bool chain_break)
{
    /* What stands between a header and its `{` goes behind the `{`. */
    if (t->kind != '{') print_comments_before(p, t->span.start);
    begin_token(p, t, chain_break);
    int column = column_of(p, t);
    if (column >= 0 && !line(p)->mark[column]) {
        line(p)->mark[column] = line(p)->text.count;
        line(p)->kind[column] = t->kind;
    }
    put(p, p->source->text + t->span.start, t->span.end - t->span.start);
    bool begins = p->statement_over;
    p->unary = t->kind == '-' && (begins || !is_operand_end(p->last.kind));
    p->printed = t->span.end;
    p->last = *t;
    p->statement_over = p->block_fresh = false;
    if (t->kind == '(' || t->kind == '[') {
        p->open[p->open_count].kind = t->kind;
        p->open[p->open_count++].indent = p->indent;
    } else if (t->kind == ')' || t->kind == ']') {
        p->open_count--;
    } else if (t->kind == '{') {
        if (p->depth++ == 0) p->block_word = p->first.kind;
        p->statement_over = p->block_fresh = true;
    } else if (t->kind == '}') {
        p->depth--;
    }
}

/* Marks each `|>` of a chain that was on several lines. A chain ends at a comma and with its brackets. */
static void find_chains(Printer *p)
{
    int count = p->tokens.count, depth = 0, groups = 1, group[PARSE_NESTING + 4] = {0};
    int *of = NEW_ARRAY(p->perm, int, (size_t)count);
    bool *broken = NEW_ARRAY(p->perm, bool, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const Token *t = &p->tokens.at[i];
        if (t->kind == '(' || t->kind == '[') depth++;
        bool begins = t->kind == '(' || t->kind == '[' || t->kind == ',' || t->kind == T_NL;
        if (begins) group[depth] = groups++;
        if (t->kind == ')' || t->kind == ']') depth--;
        of[i] = t->kind == T_PIPE ? group[depth] : -1;
        if (t->kind == T_PIPE && (t->line_ends || t[1].line_ends)) broken[group[depth]] = true;
    }
    p->chain_breaks = NEW_ARRAY(p->perm, bool, (size_t)count);
    for (int i = 0; i < count; i++) p->chain_breaks[i] = of[i] >= 0 && broken[of[i]];
}

/* Alignment. */

static int width_before(const Line *l, int mark)
{
    int width = 0;
    for (int i = 0; i < mark; i++) width += (l->text.at[i] & 0xC0) != 0x80;
    return width;
}

/* Moves what begins at column `k` of a line `by` blanks to the right. */
static void shift(Printer *p, Line *l, int k, int by)
{
    int at = l->mark[k], tail = l->text.count - at;
    for (int i = 0; i < by; i++) vec_push(p->perm, &l->text, ' ');
    memmove(l->text.at + at + by, l->text.at + at, (size_t)tail);
    memset(l->text.at + at, ' ', (size_t)by);
    for (int later = k; later < COLUMNS; later++)
        if (l->mark[later]) l->mark[later] += by;
}

static void align_run(Printer *p, int k, int from, int to)
{
    int least = 0, most = 0;
    for (int i = from; i < to; i++) {
        int width = width_before(&p->lines.at[i], p->lines.at[i].mark[k]);
        if (i == from || width < least) least = width;
        if (i == from || width > most) most = width;
    }
    if (most - least > widest_hole[k]) return;
    for (int i = from; i < to; i++)
        shift(p, &p->lines.at[i], k, most - width_before(&p->lines.at[i], p->lines.at[i].mark[k]));
}

static void align(Printer *p)
{
    for (int k = 0; k < COLUMNS; k++)
        for (int from = 0, to; from < p->lines.count; from = to) {
            to = from + 1;
            if (!p->lines.at[from].mark[k]) continue;
            while (to < p->lines.count && p->lines.at[to].mark[k] &&
                   p->lines.at[to].kind[k] == p->lines.at[from].kind[k])
                to++;
            align_run(p, k, from, to);
        }
}

char *fmt(Arena *perm, const Sources *sources, const Ast *ast)
{
    Printer p = {
        .perm = perm, .source = sources_file(sources, ast->file), .ast = ast, .statement_over = true};
    p.tokens = parse_tokens(perm, sources, ast->file);
    find_chains(&p);
    for (int i = 0; i < p.tokens.count; i++) {
        const Token *t = &p.tokens.at[i];
        if (t->kind == 0) print_comments_before(&p, p.source->length + 1);
        else if (t->kind == T_NL) p.statement_over = true;
        else print_token(&p, t, p.chain_breaks[i]);
    }
    align(&p);
    Vec(char) out = {0};
    for (int i = 0; i < p.lines.count; i++) {
        for (int k = 0; k < p.lines.at[i].text.count; k++) vec_push(perm, &out, p.lines.at[i].text.at[k]);
        vec_push(perm, &out, '\n');
    }
    return arena_text(perm, out.at, (size_t)out.count);
}
