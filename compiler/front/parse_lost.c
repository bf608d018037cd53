/* parse_lost.c: names declared in text that was not understood, so that their uses give no errors.
 *
 * A declaration with a mistake is marked: it is not checked, and its name is known. So are names in text
 * where no declaration was understood: those after the first word of a line.
 */
#include "front/parse_mistake.h"

/* The last declaration that begins at byte `at` or before; -1: none. */
static int decl_before(const Parser *p, uint32_t at)
{
    int low = 0, high = p->ast->decls.count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (p->ast->decls.at[middle]->span.start <= at) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

/* The same of raw tokens; the first one for a byte in front of it. */
static int token_before(const Parser *p, uint32_t at)
{
    int low = 1, high = p->raw.count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (p->raw.at[middle].span.start <= at) low = middle + 1;
        else high = middle;
    }
    return low - 1;
}

/* The first raw token of the line with byte `at`. */
static const Token *line_start(const Parser *p, uint32_t at)
{
    const Token *t = &p->raw.at[token_before(p, at)];
    while (t > p->raw.at && !t->line_ends) t--;
    return t;
}

/* May a mistake behind a declaration belong to it? Its block may have been closed too early. */
static bool goes_on(const Parser *p, const Decl *d, uint32_t at)
{
    const Token *first = line_start(p, d->span.start);
    for (const Token *t = first; t->kind != 0 && t->span.start <= at; t++)
        if (t->span.start >= d->span.end && t->line_ends && t->kind != '}' && t->indent <= first->indent)
            return false;
    return true;
}

/* The token behind a bracket and what it encloses. */
static const Token *behind_bracket(const Token *t)
{
    int depth = 0;
    for (; t->kind != 0; t++) {
        depth += (t->kind == '(' || t->kind == '[') - (t->kind == ')' || t->kind == ']');
        if (depth == 0) return t + 1;
    }
    return t;
}

/* Is the mistake where the name of a line stands, or in a second pair of brackets behind it, fn print(x)(z)
 * or fn print(x)z)? Then it may have had another one. */
static bool spoils_name(const Parser *p, const Token *first, uint32_t mistake)
{
    const Token *last = &p->raw.at[p->raw.count - 1];
    if (first->kind == T_TEST) return false; /* it has none */
    int next = last - first > 2 ? first[2].kind : 0, behind = next == '(' || next == '[' ? 3 : 2;
    if (next == '{' && first[1].kind == T_NAME) behind = 1;
    const Token *until = last - first > behind ? first + behind : last;
    if (behind == 3) {
        const Token *second = behind_bracket(first + 2);
        const bool more = second->kind == '(' || (second < last && second[1].kind == ')');
        if (more && second->span.start == mistake) return true;
    }
    return mistake > first->span.start && mistake <= until->span.start;
}

/* Does a declaration begin within the line of a mistake? It is not understood. */
static bool holds_declaration(const Parser *p, uint32_t mistake)
{
    for (const Token *t = line_start(p, mistake); t->kind != 0 && !t[1].line_ends; t++)
        if (is_declaration_word(t[1].kind)) return true;
    return false;
}

/* Marks the declaration that a mistake belongs to; false when it may belong to none. */
static bool mark(Parser *p, uint32_t at)
{
    int before = decl_before(p, at);
    if (before < 0) return false;
    Decl *d = p->ast->decls.at[before];
    if (at <= d->span.end || goes_on(p, d, at)) d->broken = true;
    if (spoils_name(p, line_start(p, d->span.start), at)) p->ast->lost_names = true;
    return at <= d->span.end;
}

/* Notes a name; after many of them it is any. */
static void lose(Parser *p, const Token *name)
{
    enum { MOST_LOST = 1000 };
    if (p->ast->lost.count < MOST_LOST) vec_push(p->perm, &p->ast->lost, parse_text(p, name->span));
    else p->ast->lost_names = true;
}

/* What a line outside of all declarations would have declared: WORD NAME, or NAME = VALUE. Where it looks
 * like neither, any name may have been meant; also where its name is the mistake. True where a mistyped WORD
 * before a name is. */
static bool lost_line(Parser *p, int at, uint32_t mistake)
{
    const Token *t = &p->raw.at[at], *end = &p->raw.at[p->raw.count - 1];
    const char *word = parse_text(p, t->span), *near = parse_near_word(BLOCK_NONE, word);
    bool headless = t->kind != T_NAME && !is_declaration_word(t->kind); /* lines of a block */
    if (!near || strcmp(near, "train") == 0 || (end - t > 2 && t[2].kind == '{')) p->ast->lost_train = true;
    if (t->kind == T_TEST) return false;
    bool mistyped = t->kind == T_NAME && near && end - t > 1 && t[1].kind == T_NAME &&
                    mistake >= t->span.start && mistake <= t[1].span.start;
    if (spoils_name(p, t, mistake) && !mistyped) p->ast->lost_names = true;
    const Token *name = end - t > 1 && t[1].kind == '=' ? t : t + 1, *next = name + 1;
    bool known = !headless && name < end && (name->kind == T_NAME || name->kind == RAW_BAD_NAME) &&
                 next < end && strchr("([{=", next->kind) && !(near && strcmp(near, "import") == 0);
    if (known) lose(p, name);
    else p->ast->lost_names = p->ast->lost_train = true;
    return mistyped;
}

/* A line with a mistake that is no line of a block may have declared any of its names. */
static void lost_words(Parser *p, uint32_t mistake)
{
    const Token *t = line_start(p, mistake);
    int before = decl_before(p, t->span.start);
    const Decl *d = before < 0 ? NULL : p->ast->decls.at[before];
    if (d && d->span.start < t->span.start && t->span.start < d->span.end) return;
    for (bool first = true; t->kind != 0 && (first || !t->line_ends); first = false, t++)
        if (t->kind == T_NAME) lose(p, t);
}

/* The lines between the declaration before a mistake and the one behind it, as far as they are indented no
 * deeper; not those in the { } of a line whose first word alone is wrong. */
static void lost_lines(Parser *p, uint32_t mistake)
{
    int before = decl_before(p, mistake), behind = before + 1, indent = line_start(p, mistake)->indent;
    uint32_t start = before < 0 ? 0 : p->ast->decls.at[before]->span.end;
    int depth = 0;
    bool mistyped = false;
    uint32_t end = behind < p->ast->decls.count ? p->ast->decls.at[behind]->span.start : p->source->length;
    for (int i = token_before(p, start); i < p->raw.count - 1 && p->raw.at[i].span.start < end; i++) {
        const Token *t = &p->raw.at[i];
        bool begins = t->line_ends ? t->indent <= indent && t->kind != '}'
                                   : !(mistyped && depth) && i > 0 && t[-1].kind == RAW_SEMICOLON;
        if (t->line_ends && begins) depth = 0;
        depth += (t->kind == '{') - (t->kind == '}' && depth > 0);
        if (!begins || t->span.start < start) continue;
        mistyped = lost_line(p, i, mistake);
    }
}

void parse_lost(Parser *p)
{
    if (p->stopped) p->ast->lost_names = p->ast->lost_train = true;
    for (int i = 0; i < p->breaks.count && !p->stopped; i++) {
        uint32_t mistake = p->breaks.at[i];
        if (!mark(p, mistake)) lost_lines(p, mistake);
        lost_words(p, mistake);
        if (holds_declaration(p, mistake)) p->ast->lost_names = p->ast->lost_train = true;
    }
}
