/* parse_fix.c: a suggestion is printed only if it is right: each is put in place, and that part of the file
 * is parsed again.
 *
 * It is right when it brings the reader further: its own message is gone, and none that was not there before
 * begins in front of it or in the text that it proposes. (One behind it may be the next mistake of the same
 * statement.) Of another one only the help in words stays.
 *
 * Declarations are parsed independently of each other, so the part to be parsed is that between two of them.
 */
#include "front/parse_state.h"

enum { MOST_BYTES = 8 << 20 }; /* parsed again for one file; then suggestions are left out */

/* Bytes of the file that the declarations around `span` and `place` take, as whole lines. */
static Span around(const Parser *p, Span span, Span place)
{
    uint32_t first = span.start < place.start ? span.start : place.start;
    uint32_t last = span.end > place.end ? span.end : place.end;
    Span part = {p->ast->file, 0, p->source->length};
    for (int i = 0; i < p->raw.count; i++) {
        if (!parse_line_declares(p, i)) continue;
        uint32_t at = p->raw.at[i].span.start;
        if (at <= first) part.start = at;
        if (at > last) {
            part.end = at;
            break;
        }
    }
    while (part.start > 0 && p->source->text[part.start - 1] != '\n') part.start--;
    while (part.end > last && part.end < p->source->length && p->source->text[part.end - 1] != '\n')
        part.end--;
    return part;
}

/* Was there a message like this at byte `at` of the file, other than `fixed`? */
static bool is_old(const Parser *p, int from, const Diag *fixed, const DiagView *new, uint32_t at)
{
    for (int i = from; i < diags_count(p->diags); i++) {
        const Diag *d = diags_at(p->diags, i);
        DiagView old = diag_view(d);
        if (d == fixed || old.span.file != p->ast->file) continue;
        if (old.span.start == at && old.code == new->code &&strcmp(old.text, new->text) == 0) return true;
    }
    return false;
}

/* `from`: the first message of this file. */
static bool is_right(const Parser *p, int from, const Diag *d, Span part)
{
    DiagView v = diag_view(d);
    const char *text = p->source->text;
    if (v.place.start > v.place.end || v.place.end > part.end) return false;
    uint32_t before = v.place.start - part.start, put = before + (uint32_t)strlen(v.fix);
    Arena *arena = arena_new();
    const char *fixed = arena_printf(arena, "%.*s%s%.*s", (int)before, text + part.start, v.fix,
                                     (int)(part.end - v.place.end), text + v.place.end);
    Sources *sources = sources_new(arena);
    Diags *diags = diags_new(arena, sources);
    bool right = sources_add(sources, "", fixed, strlen(fixed)) == 0;
    if (right) parse_once(arena, sources, 0, diags);
    for (int i = 0; right && i < diags_count(diags); i++) {
        DiagView new = diag_view(diags_at(diags, i));
        if (new.span.start <= put)
            right = new.span.start < before &&is_old(p, from, d, &new, part.start + new.span.start);
    }
    arena_free(arena);
    return right;
}

void parse_fix_check(Parser *p, int from)
{
    int64_t bytes = 0;
    for (int i = from; i < diags_count(p->diags); i++) {
        Diag *d = diags_at(p->diags, i);
        DiagView v = diag_view(d);
        if (!v.fix) continue;
        Span part = around(p, v.span, v.place);
        bytes += part.end - part.start;
        if (bytes > MOST_BYTES || !is_right(p, from, d, part)) diag_unfix(d);
    }
}
