/* test_fixes.c: what messages suggest is right: each suggestion is put in its place, and its error is gone.
 *
 * The programs are those of diag/, and programs of examples/ and run/ with an error made by a random edit:
 * tokens and letters left out, doubled, exchanged, replaced, and habits of other languages put in.
 * FIXES_EDITS tells how many of these (default 500; check/slow.sh asks for 20,000), FIXES_FIRST the number of
 * the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver/compile.h"

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    char *text = calloc(1, 1 << 20);
    size_t length = fread(text, 1, (1 << 20) - 1, in);
    fclose(in);
    text[length] = 0;
    return text;
}

static Compilation *checked(const char *path, const char *text)
{
    Compilation *c = compilation_new();
    compile_text(c, path, text, strlen(text));
    return c;
}

static bool is_syntax(DiagCode code)
{
    return code < E_UNKNOWN_NAME;
}

/* Byte `at` of the text after the fix was put in. */
static uint32_t moved(const DiagView *v, uint32_t at)
{
    return at < v->place.end ? at : at + (uint32_t)strlen(v->fix) - (v->place.end - v->place.start);
}

static bool was_there(const Compilation *c, const DiagView *fixed, const DiagView *new)
{
    for (int i = 0; i < diags_count(c->diags); i++) {
        DiagView old = diag_view(diags_at(c->diags, i));
        bool same = old.code == new->code &&strcmp(old.text, new->text) == 0;
        bool itself = old.code == fixed->code && old.span.start == fixed->span.start;
        bool within = old.span.start >= fixed->place.start && old.span.start < fixed->place.end;
        if (same && !itself && !within && moved(fixed, old.span.start) == new->span.start) return true;
    }
    return false;
}

/* What is wrong with a suggestion, or NULL: its error is still there, or the text has an error of syntax in
 * front of its end that was not there. */
static const char *objection(const Compilation *c, const DiagView *v, const Compilation *after)
{
    uint32_t put = v->place.start + (uint32_t)strlen(v->fix);
    bool within = v->span.start >= v->place.start && v->span.start < v->place.end;
    for (int i = 0; i < diags_count(after->diags); i++) {
        DiagView new = diag_view(diags_at(after->diags, i));
        if (new.span.file != after->file || was_there(c, v, &new)) continue;
        bool same = new.code == v->code &&strcmp(new.text, v->text) == 0;
        bool here = within ? new.span.start >= v->place.start &&new.span.start <= put
                           : new.span.start == moved(v, v->span.start);
        if (same && here) return "its error is still there";
        if (is_syntax(new.code) && new.span.start <= put) return "it is not right itself";
        if (is_syntax(new.code) && !is_syntax(v->code)) return "it breaks the syntax";
    }
    return NULL;
}

typedef struct Tried {
    int programs, messages, fixes, wrong;
    bool single; /* the program was right before one edit */
} Tried;

static bool promises_fix(const char *help)
{
    if (!help || strstr(help, "did you mean -D")) return false;
    return strncmp(help, "write: ", 7) == 0 || strstr(help, "did you mean") ||
           strncmp(help, "remove it", 9) == 0;
}

/* One edit that breaks the syntax of a right program is all that is wrong with it. */
static int consequential(const char *path, const Compilation *c)
{
    int syntax = 0, others = 0;
    for (int i = 0; i < diags_count(c->diags); i++) {
        DiagView v = diag_view(diags_at(c->diags, i));
        if (v.code == E_OPERATOR || v.code == E_STRING) return 0; /* read as what was meant */
        if (is_syntax(v.code)) syntax++;
        else if (v.error) others++;
    }
    if (!syntax || !others) return 0;
    print_error("%s: mistakes that follow from one of syntax\n", path);
    diags_print(c->diags, stderr, false);
    return others;
}

static void try_fixes(const char *path, const char *text, Tried *t)
{
    Compilation *c = checked(path, text);
    t->programs++;
    if (t->single) t->wrong += consequential(path, c);
    for (int i = 0; i < diags_count(c->diags) && i < 20; i++) {
        DiagView v = diag_view(diags_at(c->diags, i));
        t->messages++;
        if (promises_fix(v.help) && !v.fix) {
            print_error("%s: nothing to put in place: %s\n  help: %s\n", path, v.text, v.help);
            t->wrong++;
        }
        if (!v.fix || v.span.file != c->file || v.place.file != c->file) continue;
        t->fixes++;
        size_t size = strlen(text) + strlen(v.fix) + 1;
        char *fixed = malloc(size);
        snprintf(fixed, size, "%.*s%s%s", (int)v.place.start, text, v.fix, text + v.place.end);
        Compilation *after = checked(path, fixed);
        const char *why = objection(c, &v, after);
        if (why) {
            Place at = source_place(c->sources, c->file, v.span.start);
            print_error("%s:%d: %s\n  %.*s\n  %s\n  help: %s\n", path, at.line, why, at.line_length,
                        at.line_text, v.text, v.help);
            t->wrong++;
        }
        compilation_free(after);
        free(fixed);
    }
    compilation_free(c);
}

static void try_folder(const char *pattern, Tried *t)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *text = read_file(found.gl_pathv[i]);
        if (!strstr(text, "((((((((")) try_fixes(found.gl_pathv[i], text, t);
        free(text);
    }
    globfree(&found);
}

static void test_cases(void **state)
{
    (void)state;
    Tried t = {0};
    try_folder("../diag/*.dnw", &t);
    assert_true(t.programs > 100 && t.messages > 300 && t.fixes > 100);
    assert_int_equal(t.wrong, 0);
}

/* ---- edits ---- */

static uint64_t chance;
static uint32_t drawn(uint32_t below)
{
    uint64_t z = chance += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (uint32_t)((z ^ (z >> 31)) >> 32) % below;
}

/* Tokens, and what those who write Python, C or Julia type. */
static const char *const pieces[] = {"(",
                                     ")",
                                     "[",
                                     "]",
                                     "{",
                                     "}",
                                     ",",
                                     ":",
                                     ";",
                                     "=",
                                     "==",
                                     "->",
                                     "<-",
                                     "|>",
                                     "<",
                                     ">=",
                                     "..",
                                     "+",
                                     "-",
                                     "*",
                                     "/",
                                     "^",
                                     "~",
                                     ".",
                                     "_",
                                     "\n",
                                     "if",
                                     "then",
                                     "else",
                                     "and",
                                     "or",
                                     "not",
                                     "mod",
                                     "in",
                                     "fn",
                                     "graph",
                                     "model",
                                     "option",
                                     "train",
                                     "test",
                                     "import",
                                     "weight",
                                     "state",
                                     "shared",
                                     "next",
                                     "input",
                                     "nodes",
                                     "output",
                                     "edges",
                                     "at",
                                     "where",
                                     "via",
                                     "keep",
                                     "by",
                                     "using",
                                     "sample",
                                     "as",
                                     "x",
                                     "h",
                                     "relu",
                                     "3",
                                     "0.5",
                                     "5%",
                                     "\"text\"",
                                     "s'",
                                     "True",
                                     "False",
                                     "None",
                                     "null",
                                     "lambda z: z",
                                     "def",
                                     "return",
                                     "return z",
                                     "for l in range(3):",
                                     "while x < 3 {",
                                     "z if c else b",
                                     "elif",
                                     "else:",
                                     "end",
                                     "let",
                                     "let u = 2",
                                     "var",
                                     "const",
                                     "class",
                                     "function",
                                     "&&",
                                     "||",
                                     "!",
                                     "!=",
                                     "**",
                                     "%",
                                     "=>",
                                     ":=",
                                     "+=",
                                     "<>",
                                     "===",
                                     "...",
                                     "::",
                                     "&",
                                     "|",
                                     "?",
                                     "@",
                                     "$",
                                     "// comment",
                                     "/* comment */",
                                     "'text'",
                                     "x[0][1]",
                                     "mod(a, b)",
                                     "np.exp(x)",
                                     "math.pi",
                                     "ReLU",
                                     "Linear",
                                     "float",
                                     "int n = 3",
                                     ": int",
                                     "-> float",
                                     ".5",
                                     "1.",
                                     "1_000",
                                     "3K",
                                     "#",
                                     "\"",
                                     "'",
                                     "\\",
                                     "é",
                                     "→",
                                     "≤",
                                     "x -> x + 1",
                                     "print(x)",
                                     "i++",
                                     "2x",
                                     "range(3)",
                                     "not in",
                                     "is",
                                     "pass",
                                     "self",
                                     "import numpy as np",
                                     "from x import y",
                                     "#include <x.h>",
                                     "end\n",
                                     "--",
                                     "{}",
                                     "()"};

static size_t token_length(const char *at)
{
    size_t n = 1;
    bool word = isalnum((unsigned char)*at) || *at == '_';
    while (word && (isalnum((unsigned char)at[n]) || at[n] == '_')) n++;
    if (!word && at[n] && strchr("->|=.", at[n]) && strchr("-|=<>.!", *at)) n++;
    return n;
}

/* The start of a random token. */
static size_t token(const char *text)
{
    size_t length = strlen(text), at = drawn((uint32_t)length);
    while (at > 0 && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '_') &&
           (isalnum((unsigned char)text[at]) || text[at] == '_'))
        at--;
    while (text[at] && isspace((unsigned char)text[at])) at++;
    return text[at] ? at : 0;
}

/* `text` with the bytes from..to replaced. */
static char *replaced(char *text, size_t from, size_t to, const char *by)
{
    size_t size = strlen(text) + strlen(by) + 4;
    char *out = malloc(size);
    snprintf(out, size, "%.*s%s%s", (int)from, text, by, text + to);
    free(text);
    return out;
}

static char *edited(char *text)
{
    size_t at = token(text), n = token_length(text + at), next = at + n;
    const char *piece = pieces[drawn(sizeof pieces / sizeof *pieces)];
    char word[200], other[420];
    snprintf(word, sizeof word, "%.*s", (int)(n < 150 ? n : 150), text + at);
    size_t line = at;
    while (text[line] && text[line] != '\n') line++;
    switch (drawn(10)) {
    case 0: return replaced(text, at, at + n, "");
    case 1: return replaced(text, at, at, (snprintf(other, sizeof other, "%s ", word), other));
    case 2:
    case 3: return replaced(text, at, at, (snprintf(other, sizeof other, "%s ", piece), other));
    case 4:
    case 5: return replaced(text, at, at + n, piece);
    case 6:
        while (text[next] && isspace((unsigned char)text[next])) next++;
        if (!text[next]) return text;
        snprintf(other, sizeof other, "%.*s %s", (int)token_length(text + next), text + next, word);
        return replaced(text, at, next + token_length(text + next), other);
    case 7: return replaced(text, at, at + 1, "");
    case 8: return replaced(text, at, at, (snprintf(other, 2, "%c", text[token(text)]), other));
    default: return replaced(text, at, line, "");
    }
}

static void test_edits(void **state)
{
    (void)state;
    const char *count = getenv("FIXES_EDITS"), *first = getenv("FIXES_FIRST");
    int edits = count ? atoi(count) : 500, from = first ? atoi(first) : 0;
    Tried t = {0};
    glob_t found;
    assert_int_equal(glob("../../examples/*.dnw", 0, NULL, &found), 0);
    assert_int_equal(glob("../run/*.dnw", GLOB_APPEND, NULL, &found), 0);
    for (int i = from; i < from + edits; i++) {
        chance = (uint64_t)i * 1000003;
        const char *path = found.gl_pathv[drawn((uint32_t)found.gl_pathc)];
        char *text = edited(read_file(path));
        t.single = drawn(4) > 0;
        if (!t.single) text = edited(text);
        int before = t.wrong;
        try_fixes(path, text, &t);
        if (t.wrong > before) print_error("  (edit %d)\n", i);
        if (edits == 1) print_message("%s", text);
        free(text);
    }
    globfree(&found);
    print_message("%d programs, %d messages, %d fixes\n", t.programs, t.messages, t.fixes);
    assert_true(t.fixes * 10 > t.programs);
    assert_int_equal(t.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_edits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
