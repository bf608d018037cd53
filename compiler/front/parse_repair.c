/* parse_repair.c: bad tokens: reports them and replaces them by what was probably meant.
 *
 * So the rest of the statement can still be read: an operator of another language becomes the one of this
 * language, a number that is none becomes T_SKIPPED, which stands for any value.
 */
#include "front/parse_state.h"
#include "dnw.tab.h"

#define SET_ONCE "a name is set once; a value that changes is a state: next s = s "

/* Operators of other languages: what is read instead, whether that is surely what was meant, and what to say:
 * what stands instead, or words about it. */
static const struct Foreign {
    const char *text;
    int kind;
    bool meant;
    const char *fix, *words;
} foreign[] = {
    {"&&", T_AND, true, "and", NULL},
    {"&", T_AND, true, "and", NULL},
    {"||", T_OR, true, "or", NULL},
    {"|", T_OR, false, NULL, "write 'or' between conditions, '|>' to pipe a value into a function"},
    {"!", T_NOT, true, "not", NULL},
    {"**", '^', true, NULL, "a power is written with '^': x^2"},
    {"%", T_MOD, false, NULL,
     "the remainder is written with 'mod': i mod 2; a percentage without a blank: 5%"},
    {"=>", T_ARROW, true, NULL, "an edge is written with '->': a[_] -> b[_]"},
    {"→", T_ARROW, true, NULL, "an edge is written with '->': a[_] -> b[_]"},
    {"⇒", T_ARROW, true, NULL, "an edge is written with '->': a[_] -> b[_]"},
    {":=", '=', true, "=", NULL},
    {"+=", '=', false, NULL, SET_ONCE "+ 1"},
    {"-=", '=', false, NULL, SET_ONCE "- 1"},
    {"*=", '=', false, NULL, SET_ONCE "* 2"},
    {"/=", '=', false, NULL, SET_ONCE "/ 2"},
    {"<>", T_NE, true, "!=", NULL},
    {"≠", T_NE, true, "!=", NULL},
    {"!==", T_NE, true, "!=", NULL},
    {"===", T_EQ, true, "==", NULL},
    {"...", T_DOTS, true, NULL, "a range is written with two dots: in 1 .. 4"},
    {"::", '.', false, NULL, "a name of an imported file is written with a dot: cells.Gated"},
    {"≤", T_LE, true, "<=", NULL},
    {"≥", T_GE, true, ">=", NULL},
    {"−", '-', true, "-", NULL},
    {"×", '*', true, "*", NULL},
    {"·", '*', true, "*", NULL},
    {"÷", '/', true, "/", NULL},
};

static bool is_letter(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c & 0x80);
}

/* Help: write `text` instead of a token, apart from what stands around it. */
static void help_write(Parser *p, Diag *d, Span span, const char *text)
{
    const char *source = p->source->text;
    bool word = is_letter((unsigned char)*text);
    const char *before = word && span.start && is_letter((unsigned char)source[span.start - 1]) ? " " : "";
    const char *after = word && is_letter((unsigned char)source[span.end]) ? " " : "";
    diag_fix(d, span, arena_printf(p->perm, "%s%s%s", before, text, after), "write: ", "");
}

static bool replace_foreign(Parser *p, Token *t)
{
    const char *text = parse_text(p, t->span);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        const struct Foreign *f = &foreign[i];
        if (strcmp(text, f->text) != 0) continue;
        Diag *d = parse_complain(p, E_OPERATOR, t->span, "'%s' is not an operator of dnw", text);
        bool value = f->kind == T_ARROW && (p->first.kind == T_FN || p->first.kind == T_MODEL);
        if (value) { /* `fn f(x) => 2 * x` */
            help_write(p, d, t->span, "=");
            parse_mended(p);
            t->kind = '=';
            return true;
        }
        if (f->words) diag_help(d, "%s", f->words);
        if (f->fix) help_write(p, d, t->span, f->fix);
        if (f->meant) parse_mended(p);
        t->kind = f->kind;
        return true;
    }
    BUG("operator '%s' is not in the table", text);
}

/* 'text' and “text” */
static void complain_quotes(Parser *p, const Token *t)
{
    Diag *d = parse_complain(p, E_STRING, t->span, "a string is written between straight double quotes");
    const char *source = p->source->text, *written = "\"";
    uint32_t first = t->span.start + (source[t->span.start] == '\'' ? 1 : 3);
    uint32_t last = t->span.end - (source[t->span.end - 1] == '\'' || source[t->span.end - 1] == '"' ? 1 : 3);
    for (uint32_t i = first; i < last; i++)
        written = arena_printf(p->perm, "%s%s%c", written, source[i] == '"' ? "\\" : "", source[i]);
    diag_help(d, "such as: \"text\"");
    if (last - first < 80) help_write(p, d, t->span, arena_printf(p->perm, "%s\"", written));
}

static void complain_string(Parser *p, const Token *t)
{
    if (p->source->text[t->span.start] != '"') {
        complain_quotes(p, t);
        return;
    }
    Diag *d = parse_complain(p, E_STRING, t->span, "this string has no closing quote on its line");
    diag_help(d, "close it with '\"'; a line end inside a string is written \\n");
}

static void complain_stray(Parser *p, const Token *t)
{
    const char *text = parse_text(p, t->span);
    const char *power = strcmp(text, "²") == 0 ? "^2" : strcmp(text, "³") == 0 ? "^3" : NULL;
    if (power) {
        Diag *d = parse_complain(p, E_OPERATOR, t->span, "'%s' is not an operator of dnw", text);
        help_write(p, d, t->span, power);
        return;
    }
    Diag *d = parse_complain(p, E_STRAY, t->span, "stray '%s'", text);
    if (*text == '?') {
        diag_help(d, "a choice is written: if a then b else c");
        return;
    }
    diag_help(d, "such a character is allowed only in strings and comments");
    diag_fix(d, t->span, "", "remove it; in a comment it must be after '#'", "");
}

/* `//` and what follows on the line, or a comment between two marks. */
static void complain_slashes(Parser *p, const Token *t)
{
    const char *text = parse_text(p, t->span);
    size_t length = strlen(text), digit = 2 + strspn(text + 2, " ");
    Span marks = {t->span.file, t->span.start, t->span.start + 2};
    bool divides =
        !t->line_ends && text[1] == '/' && (text[digit] == '(' || (text[digit] >= '0' && text[digit] <= '9'));
    if (divides) {
        Diag *d = parse_complain(p, E_OPERATOR, marks, "'//' is not an operator of dnw");
        diag_help(d, "a quotient is rounded down with floor: floor(a / 2)");
        return;
    }
    Diag *d = parse_complain(p, E_OPERATOR, marks, "a comment begins with '#'");
    parse_mended(p);
    diag_help(d, "each of its lines begins with '#'");
    bool closed = text[1] == '*' && length >= 4 && strcmp(text + length - 2, "*/") == 0;
    if (closed) text = arena_text(p->perm, text, length - 2);
    if (length >= 60 && text[1] == '/') help_write(p, d, marks, "#");
    else if (length < 60 && !strchr(text, '\n'))
        help_write(p, d, t->span, arena_printf(p->perm, "#%s", text + 2));
}

/* 1_000, 3K, 1.5f */
static void complain_number(Parser *p, const Token *t)
{
    const char *text = parse_text(p, t->span), *suffix = "";
    Diag *d = parse_complain(p, E_NUMBER, t->span, "'%s' is neither a number nor a name", text);
    diag_help(d, "a name begins with a letter; a number may end in k, M, G or %%: 40k");
    char *number = arena_text(p->perm, text, strlen(text)), *end = number;
    for (const char *at = text; *at; at++)
        if (*at != '_') *end++ = *at;
    *end = 0;
    if (end > number + 1 && strchr("KfFL", end[-1])) {
        suffix = end[-1] == 'K' ? "k" : "";
        *--end = 0;
    }
    bool decimal = strspn(number, "0123456789.eE-+") == strlen(number);
    if (decimal) help_write(p, d, t->span, arena_printf(p->perm, "%s%s", number, suffix));
}

bool parse_repair(Parser *p, Token *t, const char *inside)
{
    Diag *d;
    switch (t->kind) {
    case RAW_FOREIGN: return replace_foreign(p, t);
    case RAW_SLASHES: complain_slashes(p, t); return false;
    case RAW_BAD_NAME:
        d = parse_complain(p, E_STRAY, t->span, "the name '%s' has letters outside a-z",
                           parse_text(p, t->span));
        diag_help(d, "a name is made of the letters a to z and A to Z, digits and '_'");
        t->kind = T_NAME;
        return true;
    case RAW_BAD_NUMBER:
        complain_number(p, t);
        t->kind = T_SKIPPED;
        return true;
    case RAW_BAD_STRING:
        complain_string(p, t);
        if (p->source->text[t->span.start] == '\'') parse_mended(p);
        t->kind = T_STRING;
        return true;
    case RAW_SEMICOLON:
        t->kind = inside ? ',' : T_NL;
        if (t->kind == T_NL) return true;
        d = parse_complain(p, E_SYNTAX, t->span, "found ';' inside '%s'", inside);
        diag_help(d, "values in brackets are separated by ','; a ';' ends a line, after '%s'",
                  *inside == '(' ? ")" : "]");
        diag_fix(d, t->span, ",", "write: ", "");
        return true;
    default: complain_stray(p, t); return false;
    }
}
