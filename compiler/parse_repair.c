/* parse_repair.c: bad tokens: says what is wrong and makes them what was probably meant.
 *
 * So the rest of the statement can still be read: an operator of another language becomes the one of this
 * language, a number that is none becomes T_SKIPPED, which stands for any value.
 */
#include "parse_state.h"
#include "dnw.tab.h"

/* Operators of other languages: what is read instead (0: nothing), and what to say. */
static const struct Foreign {
    const char *text;
    int kind;
    const char *help;
} foreign[] = {
    {"&&", T_AND, "write: and"},
    {"&", T_AND, "write: and"},
    {"||", T_OR, "write: or"},
    {"|", T_OR, "write 'or' between conditions, '|>' to pipe a value into a function"},
    {"!", T_NOT, "write: not"},
    {"**", '^', "a power is written with '^': x^2"},
    {"%", T_MOD, "the remainder is written with 'mod': i mod 2; a percentage without a blank: 5%"},
    {"=>", T_ARROW, "an edge is written with '->': a[_] -> b[_]"},
    {"→", T_ARROW, "an edge is written with '->': a[_] -> b[_]"},
    {"⇒", T_ARROW, "an edge is written with '->': a[_] -> b[_]"},
    {":=", '=', "write: ="},
    {"+=", '=', "a name is set once; a value that changes is a state: next s = s + 1"},
    {"-=", '=', "a name is set once; a value that changes is a state: next s = s - 1"},
    {"*=", '=', "a name is set once; a value that changes is a state: next s = s * 2"},
    {"/=", '=', "a name is set once; a value that changes is a state: next s = s / 2"},
    {"<>", T_NE, "write: !="},
    {"≠", T_NE, "write: !="},
    {"!==", T_NE, "write: !="},
    {"===", T_EQ, "write: =="},
    {"...", T_DOTS, "a range is written with two dots: in 1 .. 4"},
    {"::", '.', "a name of an imported file is written with a dot: cells.Gated"},
    {"≤", T_LE, "write: <="},
    {"≥", T_GE, "write: >="},
    {"−", '-', "write: -"},
    {"×", '*', "write: *"},
    {"·", '*', "write: *"},
    {"÷", '/', "write: /"},
};

static bool replace_foreign(Parser *p, Token *t)
{
    const char *text = parse_text(p, t->span);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (strcmp(text, foreign[i].text) != 0) continue;
        Diag *d = parse_complain(p, E_OPERATOR, t->span, "'%s' is no operator of dnw", text);
        diag_help(d, "%s", foreign[i].help);
        t->kind = foreign[i].kind;
        return true;
    }
    BUG("operator '%s' is not in the table", text);
}

static void complain_string(Parser *p, const Token *t)
{
    if (p->source->text[t->span.start] != '"') {
        Diag *d = parse_complain(p, E_STRING, t->span, "a string is written between straight double quotes");
        diag_help(d, "write: \"text\"");
        return;
    }
    Diag *d = parse_complain(p, E_STRING, t->span, "this string has no closing quote on its line");
    diag_help(d, "close it with '\"'; a line end inside a string is written \\n");
}

static void complain_stray(Parser *p, const Token *t)
{
    const char *text = parse_text(p, t->span);
    Diag *d = parse_complain(p, E_STRAY, t->span, "stray '%s'", text);
    if (*text == '?') diag_help(d, "a choice is written: if a then b else c");
    else diag_help(d, "remove it; in a comment it must stand behind '#'");
}

bool parse_repair(Parser *p, Token *t, const char *inside)
{
    Diag *d;
    switch (t->kind) {
    case RAW_FOREIGN: return replace_foreign(p, t);
    case RAW_SLASHES:
        d = parse_complain(p, E_OPERATOR, (Span){t->span.file, t->span.start, t->span.start + 2},
                           "a comment begins with '#'");
        if (t->span.end - t->span.start < 60) diag_help(d, "write: #%s", parse_text(p, t->span) + 2);
        return false;
    case RAW_BAD_NAME:
        d = parse_complain(p, E_STRAY, t->span, "the name '%s' has letters outside a-z",
                           parse_text(p, t->span));
        diag_help(d, "a name is made of the letters a to z and A to Z, digits and '_'");
        t->kind = T_NAME;
        return true;
    case RAW_BAD_NUMBER:
        d = parse_complain(p, E_NUMBER, t->span, "'%s' is neither a number nor a name",
                           parse_text(p, t->span));
        diag_help(d, "a name begins with a letter; a number may end in k, M, G or %%: 40k");
        t->kind = T_SKIPPED;
        return true;
    case RAW_BAD_STRING:
        complain_string(p, t);
        t->kind = T_STRING;
        return true;
    case RAW_SEMICOLON:
        t->kind = inside ? ',' : T_NL;
        if (t->kind == T_NL) return true;
        d = parse_complain(p, E_SYNTAX, t->span, "found ';' inside '%s'", inside);
        diag_help(d, "write: ,");
        return true;
    default: complain_stray(p, t); return false;
    }
}
