/* parse.c: the entry point: checks the bytes, scans all tokens, runs the grammar over them.
 *
 * Scanning a whole file before parsing it lets the line filter look ahead as far as it likes. A file that is
 * not UTF-8 text is refused as a whole: one message at its first bad byte says more than a hundred about its
 * tokens.
 */
#include "front/ast_build.h"
#include "dnw.tab.h"
#include "front/parse.h"
#include <ctype.h>

char *parse_text(const Parser *p, Span span)
{
    return arena_text(p->perm, p->source->text + span.start, span.end - span.start);
}

/* Bytes of the character at `at` of a text that ends in a 0; 0 when it is no UTF-8 or a control character. */
static int character(const unsigned char *at)
{
    if (*at < 0x80) return (*at >= ' ' && *at != 0x7F) || *at == '\n' || *at == '\t' || *at == '\r';
    int n = *at >= 0xF0 ? 4 : *at >= 0xE0 ? 3 : 2;
    if (*at < 0xC2 || *at > 0xF4) return 0;
    for (int i = 1; i < n; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    bool overlong = (*at == 0xE0 && at[1] < 0xA0) || (*at == 0xF0 && at[1] < 0x90);
    bool out_of_range = (*at == 0xED && at[1] > 0x9F) || (*at == 0xF4 && at[1] > 0x8F);
    return overlong || out_of_range ? 0 : n;
}

static bool is_text(Parser *p)
{
    const unsigned char *text = (const unsigned char *)p->source->text;
    for (uint32_t i = 0, n; i < p->source->length; i += n) {
        n = (uint32_t)character(text + i);
        if (n) continue;
        const char *what = text[i] < 0x80 ? "a control character" : "not UTF-8 text";
        Diag *d =
            parse_complain(p, E_BYTES, (Span){p->ast->file, i, i + 1}, "byte 0x%02X is %s", text[i], what);
        diag_help(d, "save the file as UTF-8 text");
        return false;
    }
    return true;
}

/* NULL when the file does not exist or holds no text. */
static Parser *begin(Arena *perm, const Sources *sources, uint32_t file, Diags *diags)
{
    Parser *p = NEW(perm, Parser);
    p->perm = perm;
    p->source = sources_file(sources, file);
    p->diags = diags;
    p->ast = NEW(perm, Ast);
    p->ast->file = file;
    p->last = (Token){.kind = T_NL, .span = {file, 0, 0}};
    if (!p->source) BUG("there is no file %u", file);
    p->stopped = !is_text(p);
    if (!p->stopped) parse_scan(p);
    else vec_push(perm, &p->raw, (Token){.kind = 0, .span = {file, 0, 0}});
    return p;
}

Parser *parse_once(Arena *perm, const Sources *sources, uint32_t file, Diags *diags)
{
    Parser *p = begin(perm, sources, file, diags);
    dnw_parse(p);
    return p;
}

Ast *parse(Arena *perm, const Sources *sources, uint32_t file, Diags *diags)
{
    int before = diags_count(diags);
    Parser *p = parse_once(perm, sources, file, diags);
    parse_fix_check(p, before);
    parse_lost(p);
    return p->ast;
}

TokenList parse_tokens(Arena *perm, const Sources *sources, uint32_t file)
{
    Parser *p = begin(perm, sources, file, diags_new(perm, sources));
    TokenList list = {0};
    do vec_push(perm, &list, parse_token(p));
    while (list.at[list.count - 1].kind != 0);
    return list;
}

const char *expr_text(Arena *a, const Sources *sources, const Expr *e)
{
    return span_text(a, sources, e->span);
}

const char *span_text(Arena *a, const Sources *sources, Span span)
{
    const SourceFile *file = sources_file(sources, span.file);
    if (!file) return "";
    const char *at = file->text + span.start, *end = file->text + span.end;
    char *text = arena_alloc(a, (size_t)(end - at) + 1, 1), *out = text;
    bool quoted = false;
    for (; at < end; at++) {
        if (*at == '"') quoted = !quoted;
        if (quoted && *at == '\\' && at + 1 < end) *out++ = *at++;
        if (!quoted && *at == '#')
            while (at + 1 < end && at[1] != '\n') at++;
        else if (quoted || !isspace((unsigned char)*at)) *out++ = *at;
        else if (out > text && out[-1] != ' ') *out++ = ' ';
    }
    while (out > text && out[-1] == ' ') out--;
    *out = 0;
    return text;
}
