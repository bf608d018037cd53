/* diag.c: collects messages, sorts them by place, prints them as text with carets or as JSON.
 *
 * The table of codes is diag.def. Messages are cleaned when they are added (valid UTF-8, no control
 * characters), so printing need not consider the bytes of a source file. Source lines are cleaned
 * when printed and cut to a window around the span when they are long.
 */
#include "base/diag.h"
#include "base/vec.h"
#include "common/plural.h"
#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>

enum {
    MAX_PRINTED = 20,
    WINDOW = 140, /* columns of a long source line that are shown */
    BEFORE = 40,  /* of them before the span */
};

typedef enum Level { ERROR, WARNING } Level;

typedef struct Note {
    Span span;
    const char *text;
} Note;

struct Diag {
    Diags *owner;
    DiagCode code;
    int order; /* of adding: the last key of sorting */
    Span span;
    const char *text, *help, *words; /* words: the help without the fix */
    const char *fix;                 /* NULL, or what can stand instead of `place` */
    Span place;
    Vec(Note) notes;
};

struct Diags {
    Arena *perm;
    const Sources *sources;
    Vec(Diag *) all;
    int errors, warnings;
};

static const struct Row {
    const char *number, *title, *page;
    Level level;
} rows[] = {
#define DIAG(code, name, level, title, page) {#code, title, page, level},
#include "base/diag.def"
#undef DIAG
};

static const char *const code_texts[][2] = {
#define DIAG(code, name, level, title, page) {"E" #code, "W" #code},
#include "base/diag.def"
#undef DIAG
};

const char *diag_code_text(DiagCode code)
{
    return code_texts[code][rows[code].level];
}

Diags *diags_new(Arena *perm, const Sources *sources)
{
    Diags *d = NEW(perm, Diags);
    d->perm = perm;
    d->sources = sources;
    return d;
}

/* Length of the UTF-8 character at `s`, or 0 when it is none (overlong and surrogate forms included). */
static int utf8_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80) return 1;
    int n = s[0] >= 0xC2 && s[0] < 0xE0   ? 2
            : s[0] >= 0xE0 && s[0] < 0xF0 ? 3
            : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                          : 0;
    if (n == 0 || (size_t)n > left) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0;
    if (s[0] == 0xED && s[1] > 0x9F) return 0;
    if (s[0] == 0xF0 && s[1] < 0x90) return 0;
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0;
    return n;
}

/* A copy that is valid UTF-8 without control characters. */
static char *clean(Arena *a, const char *text, size_t length)
{
    char *out = arena_alloc(a, length * 3 + 1, 1), *end = out;
    for (size_t i = 0; i < length;) {
        const unsigned char *at = (const unsigned char *)text + i;
        int n = utf8_length(at, length - i);
        bool shown = n > 1 || (n == 1 && ((*at >= ' ' && *at != 0x7F) || *at == '\t'));
        memcpy(end, shown ? (const char *)at : "\xEF\xBF\xBD", shown ? (size_t)n : 3);
        end += shown ? n : 3;
        i += n ? (size_t)n : 1;
    }
    return out;
}

static const char *clean_vprintf(Arena *a, const char *format, va_list args)
{
    const char *text = arena_vprintf(a, format, args);
    return clean(a, text, strlen(text));
}

Diag *diag_add(Diags *d, DiagCode code, Span span, const char *format, ...)
{
    Diag *diag = NEW(d->perm, Diag);
    va_list args;
    va_start(args, format);
    *diag = (Diag){.owner = d, .code = code, .order = d->all.count, .span = span};
    diag->text = clean_vprintf(d->perm, format, args);
    va_end(args);
    vec_push(d->perm, &d->all, diag);
    if (rows[code].level == ERROR) d->errors++;
    else d->warnings++;
    return diag;
}

void diag_note(Diag *diag, Span span, const char *format, ...)
{
    if (!diag) return;
    va_list args;
    va_start(args, format);
    Note note = {span, clean_vprintf(diag->owner->perm, format, args)};
    va_end(args);
    vec_push(diag->owner->perm, &diag->notes, note);
}

void diag_move(Diag *diag, Span span, const char *note)
{
    diag->fix = NULL;
    diag_note(diag, diag->span, "%s", note);
    diag->span = span;
}

void diag_note_plain(Diag *diag, const char *format, ...)
{
    if (!diag) return;
    va_list args;
    va_start(args, format);
    Note note = {SPAN_NONE, clean_vprintf(diag->owner->perm, format, args)};
    va_end(args);
    vec_push(diag->owner->perm, &diag->notes, note);
}

void diag_help(Diag *diag, const char *format, ...)
{
    if (!diag) return;
    va_list args;
    va_start(args, format);
    diag->help = diag->words = clean_vprintf(diag->owner->perm, format, args);
    va_end(args);
}

void diag_fix(Diag *diag, Span place, const char *text, const char *before, const char *after)
{
    if (!diag) return;
    size_t n = strlen(text), skip = strspn(text, " ");
    while (n > skip && text[n - 1] == ' ') n--;
    const char *help =
        arena_printf(diag->owner->perm, "%s%.*s%s", before, (int)(n - skip), text + skip, after);
    diag->help = clean(diag->owner->perm, help, strlen(help));
    diag->fix = arena_text(diag->owner->perm, text, strlen(text));
    diag->place = place;
}

void diag_unfix(Diag *diag)
{
    diag->fix = NULL;
    diag->help = diag->words;
}

int diags_count(const Diags *d)
{
    return d->all.count;
}
Diag *diags_at(const Diags *d, int i)
{
    return d->all.at[i];
}

DiagView diag_view(const Diag *diag)
{
    bool error = rows[diag->code].level == ERROR;
    return (DiagView){diag->code, error, diag->span, diag->text, diag->help, diag->fix, diag->place};
}

int diags_errors(const Diags *d)
{
    return d->errors;
}
int diags_warnings(const Diags *d)
{
    return d->warnings;
}

/* By file, place, order of adding. Messages without a place come first. */
static int compare(const void *left, const void *right)
{
    const Diag *a = *(Diag *const *)left, *b = *(Diag *const *)right;
    uint32_t file_a = a->span.file + 1, file_b = b->span.file + 1; /* SPAN_NONE wraps to 0 */
    if (file_a != file_b) return file_a < file_b ? -1 : 1;
    if (a->span.start != b->span.start) return a->span.start < b->span.start ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

static bool same(const Diag *a, const Diag *b)
{
    return a->code == b->code && a->span.file == b->span.file && a->span.start == b->span.start &&
           strcmp(a->text, b->text) == 0;
}

/* The messages in printing order without repetitions; returns their number. */
static int sorted(const Diags *d, Diag ***out)
{
    int count = d->all.count, kept = 0;
    Diag **list = NEW_ARRAY(d->perm, Diag *, (size_t)count);
    if (count) memcpy(list, d->all.at, (size_t)count * sizeof *list);
    qsort(list, (size_t)count, sizeof *list, compare);
    for (int i = 0; i < count; i++) {
        bool repeated = false;
        for (int k = kept - 1; k >= 0 && list[k]->span.start == list[i]->span.start && !repeated; k--)
            repeated = same(list[k], list[i]);
        if (!repeated) list[kept++] = list[i];
    }
    *out = list;
    return kept;
}

/* Text form. */

typedef struct Style {
    const char *error, *warning, *note, *bold, *off;
} Style;
static const Style plain = {"", "", "", "", ""};
static const Style coloured = {"\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1m", "\033[0m"};

/* Moves `from` back to the start of a character. */
static int char_start(const char *line, int from)
{
    while (from > 0 && (line[from] & 0xC0) == 0x80) from--;
    return from;
}

/* The line of `place`, and under it carets from byte `from` to byte `to` of it. */
static void print_line(const Diags *d, FILE *out, Place place, int from, int to, const Style *style)
{
    const char *line = place.line_text;
    int first = 0, last = place.line_length, width = snprintf(NULL, 0, "%d", place.line);
    if (last > WINDOW) {
        first = from > BEFORE ? char_start(line, from - BEFORE) : 0;
        if (last > first + WINDOW) last = char_start(line, first + WINDOW);
    }
    if (to > last) to = last;
    const char *cut_before = first > 0 ? "..." : "", *cut_after = last < place.line_length ? "..." : "";
    const char *shown = clean(d->perm, line + first, (size_t)(last - first));
    fprintf(out, " %*s |\n %d | %s%s%s\n", width, "", place.line, cut_before, shown, cut_after);
    fprintf(out, " %*s | %*s", width, "", first > 0 ? 3 : 0, "");
    for (int i = first; i < from; i++)
        if ((line[i] & 0xC0) != 0x80) fputc(line[i] == '\t' ? '\t' : ' ', out);
    int carets = 0;
    for (int i = from; i < to; i++) carets += (line[i] & 0xC0) != 0x80;
    fputs(style->note, out);
    for (int i = 0; i < (carets ? carets : 1); i++) fputc('^', out);
    fprintf(out, "%s\n", style->off);
}

static void print_place(const Diags *d, FILE *out, Span span, const Style *style)
{
    const SourceFile *file = sources_file(d->sources, span.file);
    if (!file) return;
    Place place = source_place(d->sources, span.file, span.start);
    int width = snprintf(NULL, 0, "%d", place.line);
    int from = (int)(file->text + span.start - place.line_text);
    if (from > place.line_length) from = place.line_length;
    int to = span.end > span.start ? from + (int)(span.end - span.start) : from;
    if (to > place.line_length) to = place.line_length;
    const char *path = clean(d->perm, file->path, strlen(file->path));
    fprintf(out, "%*s--> %s:%d:%d\n", width + 1, "", path, place.line, place.column);
    print_line(d, out, place, from, to, style);
}

static void print_diag(const Diags *d, FILE *out, const Diag *diag, const Style *style)
{
    bool error = rows[diag->code].level == ERROR;
    const char *colour = error ? style->error : style->warning;
    fprintf(out, "%s%s[%s]%s: %s%s%s\n", colour, error ? "error" : "warning", diag_code_text(diag->code),
            style->off, style->bold, diag->text, style->off);
    print_place(d, out, diag->span, style);
    for (int i = 0; i < diag->notes.count; i++) {
        const Note *note = &diag->notes.at[i];
        fprintf(out, "%snote%s: %s\n", style->note, style->off, note->text);
        print_place(d, out, note->span, style);
    }
    if (diag->help) fprintf(out, "%shelp%s: %s\n", style->note, style->off, diag->help);
}

void diags_print(const Diags *d, FILE *out, bool colour)
{
    Diag **list;
    int count = sorted(d, &list), errors = 0, hidden = 0, printed = 0;
    for (int i = 0; i < count; i++) {
        if (rows[list[i]->code].level == ERROR && errors++ >= MAX_PRINTED) {
            hidden++;
            continue;
        }
        if (printed++) fputc('\n', out);
        print_diag(d, out, list[i], colour ? &coloured : &plain);
    }
    if (hidden) fprintf(out, "\n%d more error%s\n", hidden, plural(hidden, "s"));
}

/* JSON form. */

static void json_range(const Diags *d, json_t *to, Span span)
{
    const char *const keys[] = {"line", "column", "end_line", "end_column"};
    Place start = source_place(d->sources, span.file, span.start);
    Place end = source_place(d->sources, span.file, span.end);
    int numbers[] = {start.line, start.column, end.line, end.column};
    bool known = sources_file(d->sources, span.file) != NULL;
    for (int i = 0; i < 4; i++)
        json_object_set_new(to, keys[i], known ? json_integer(numbers[i]) : json_null());
}

static void json_place(const Diags *d, json_t *to, Span span)
{
    const SourceFile *file = sources_file(d->sources, span.file);
    json_t *path = file ? json_string(clean(d->perm, file->path, strlen(file->path))) : json_null();
    json_object_set_new(to, "file", path);
    json_range(d, to, span);
}

static json_t *json_fix(const Diags *d, const Diag *diag)
{
    if (!diag->fix) return json_null();
    json_t *out = json_object();
    json_range(d, out, diag->place);
    json_object_set_new(out, "text", json_string(clean(d->perm, diag->fix, strlen(diag->fix))));
    return out;
}

static json_t *json_diag(const Diags *d, const Diag *diag)
{
    json_t *out = json_object(), *notes = json_array();
    json_object_set_new(out, "code", json_string(diag_code_text(diag->code)));
    json_object_set_new(out, "level", json_string(rows[diag->code].level == ERROR ? "error" : "warning"));
    json_object_set_new(out, "message", json_string(diag->text));
    json_place(d, out, diag->span);
    for (int i = 0; i < diag->notes.count; i++) {
        const Note *note = &diag->notes.at[i];
        json_t *item = json_object();
        json_object_set_new(item, "message", json_string(note->text));
        if (sources_file(d->sources, note->span.file)) json_place(d, item, note->span);
        json_array_append_new(notes, item);
    }
    json_object_set_new(out, "notes", notes);
    json_object_set_new(out, "help", diag->help ? json_string(diag->help) : json_null());
    json_object_set_new(out, "fix", json_fix(d, diag));
    return out;
}

json_t *diags_json(const Diags *d)
{
    Diag **list;
    int count = sorted(d, &list);
    json_t *out = json_array();
    for (int i = 0; i < count; i++) json_array_append_new(out, json_diag(d, list[i]));
    return out;
}

bool diag_explain(const char *code, FILE *out)
{
    for (int i = 0; i < DIAG_COUNT; i++) {
        const char *text = diag_code_text((DiagCode)i);
        if (strcasecmp(code, text) != 0 && strcmp(code, text + 1) != 0) continue; /* e0214 and 0214 will do */
        fprintf(out, "%s: %s\n\n%s", text, rows[i].title, rows[i].page);
        return true;
    }
    return false;
}

/* Edit distance in which two neighbours that changed places count once; `most` + 1 when it is larger. Names
 * are short, so three rows on the stack are enough. */
static int distance(const char *a, const char *b, bool fold, int most)
{
    enum { LONGEST = 64 };
    int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
    if (n == LONGEST || m == LONGEST || abs(n - m) > most) return most + 1;
    int cost[LONGEST + 1][LONGEST + 1];
    for (int i = 0; i <= n; i++)
        for (int k = 0; k <= m; k++) {
            if (i == 0 || k == 0) {
                cost[i][k] = i + k;
                continue;
            }
            int x = (unsigned char)a[i - 1], y = (unsigned char)b[k - 1];
            bool equal = fold ? tolower(x) == tolower(y) : x == y;
            int best = cost[i - 1][k - 1] + !equal;
            if (cost[i - 1][k] + 1 < best) best = cost[i - 1][k] + 1;
            if (cost[i][k - 1] + 1 < best) best = cost[i][k - 1] + 1;
            bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
            if (swapped && cost[i - 2][k - 2] + 1 < best) best = cost[i - 2][k - 2] + 1;
            cost[i][k] = best;
        }
    return cost[n][m];
}

const char *diag_nearest(const char *wrong, const char *const *names, int count)
{
    int most = 1 + (int)strlen(wrong) / 4, least = most + 1, least_folded = most + 1;
    const char *nearest = NULL;
    for (int i = 0; i < count; i++) {
        int folded = distance(wrong, names[i], true, most);
        int exact = distance(wrong, names[i], false, most);
        /* Wrong case only is always near: RELU means relu. */
        if (folded == 0 && exact > most) exact = most;
        if (exact > most || exact > least || (exact == least && folded >= least_folded)) continue;
        /* Where two of five letters are others it is another word: None is no conv, start no sqrt. */
        size_t letters = strlen(wrong) < strlen(names[i]) ? strlen(wrong) : strlen(names[i]);
        if (folded > 1 && 5 * folded >= 2 * (int)letters) continue;
        /* A single letter is near every other single letter: that is no help. */
        if (exact >= (int)strlen(wrong) && folded != 0) continue;
        nearest = names[i];
        least = exact;
        least_folded = folded;
    }
    return nearest;
}

void diag_bug(const char *file, int line, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "dnw: internal error at %s:%d: ", file, line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nThis is a bug in dnw, not in your program.\n", stderr);
    abort();
}
