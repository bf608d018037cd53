/* graph_file.c: `in file("edges.csv")`: pairs and first weights from a table of text.
 *
 * A row is source, target and, where the file has a third column, a weight. The first row may be the header
 * "source,target[,weight]"; what follows a # is a comment. The file is one of the sources, so messages point
 * into it and the program cache sees when it changes.
 */
#include "check/graph.h"
#include <math.h>
#include <stdlib.h>

enum { COLUMNS = 3, CELL_MOST = 60 };

typedef struct Cell {
    const char *text; /* without blanks around it */
    int length;
    Span span;
} Cell;

/* Rows in the order of the file. */
typedef struct Reader {
    Check *k;
    Pairs *pairs;
    const SourceFile *in;
    int columns; /* of the first row; 0: not known yet */
} Reader;

static Cell cell_of(const Reader *r, const char *from, const char *end)
{
    while (from < end && (*from == ' ' || *from == '\t')) from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    const uint32_t start = (uint32_t)(from - r->in->text), length = (uint32_t)(end - from);
    return (Cell){from, (int)length, {r->pairs->file, start, start + (length ? length : 1)}};
}

static bool is_word(const Cell *c, const char *word)
{
    return c->length == (int)strlen(word) && strncasecmp(c->text, word, (size_t)c->length) == 0;
}

static Diag *wrong(const Reader *r, const Cell *c, const char *what)
{
    return diag_add(r->k->diags, E_PAIRS, c->span, "%s", what);
}

static Span row_span(const Cell *cells, int count)
{
    return span_join(cells[0].span, cells[count - 1].span);
}

/* ---- one row ---- */

static bool read_node(const Reader *r, const Cell *c, int end, uint32_t *out)
{
    static const char *const ends[] = {"source", "target"};
    const int64_t numbers = r->pairs->numbers[end];
    int64_t n = 0;
    int i = 0;
    for (; i < c->length && c->text[i] >= '0' && c->text[i] <= '9'; i++)
        if (n < numbers) n = n * 10 + (c->text[i] - '0');
    if (c->length == 0 || i < c->length)
        return wrong(r, c,
                     arena_printf(r->k->perm, "'%.*s' is not the number of a node, the %s of an edge",
                                  c->length, c->text, ends[end])),
               false;
    *out = (uint32_t)n;
    if (n < numbers) return true;
    Diag *d = wrong(r, c,
                    arena_printf(r->k->perm, "%s %.*s is not a node of '%s', which has 0 .. %lld", ends[end],
                                 c->length, c->text, r->pairs->names[end], (long long)numbers - 1));
    diag_note(d, r->pairs->spans[end], "it is declared here");
    return false;
}

static bool read_weight(const Reader *r, const Cell *c, float *out)
{
    char text[CELL_MOST + 1] = "", *end = text;
    if (c->length <= CELL_MOST) memcpy(text, c->text, (size_t)c->length);
    const double x = strtod(text, &end);
    *out = (float)x;
    if (end == text || *end)
        return wrong(r, c,
                     arena_printf(r->k->perm, "'%.*s' is not a number, the weight of an edge",
                                  c->length < CELL_MOST ? c->length : CELL_MOST, c->text)),
               false;
    if (isfinite(*out)) return true;
    return wrong(r, c, arena_printf(r->k->perm, "the weight %s is not finite as a float", text)), false;
}

/* The first row that is no comment; false: it is a row of numbers. */
static bool is_header(const Cell *cells)
{
    const char c = cells[0].length ? *cells[0].text : '0';
    return !(c >= '0' && c <= '9') && c != '-' && c != '+' && c != '.';
}

static bool header_fits(const Reader *r, const Cell *cells, int count)
{
    static const char *const names[COLUMNS] = {"source", "target", "weight"};
    bool fits = count == 2 || count == COLUMNS;
    for (int i = 0; fits && i < count; i++) fits = is_word(&cells[i], names[i]);
    if (fits) return true;
    Diag *d = diag_add(r->k->diags, E_PAIRS, row_span(cells, count < COLUMNS ? count : COLUMNS),
                       "a header of edges is source,target or source,target,weight");
    diag_help(d, "a file may also begin with an edge, such as 0,3,0.25");
    return false;
}

static bool read_row(Reader *r, const Cell *cells, int count)
{
    const bool first = r->columns == 0;
    if (!first && count != r->columns) {
        diag_add(r->k->diags, E_PAIRS, row_span(cells, count < COLUMNS ? count : COLUMNS),
                 "this row has %s%d cell%s, the first row has %d", count > COLUMNS ? "more than " : "",
                 count > COLUMNS ? COLUMNS : count, count == 1 ? "" : "s", r->columns);
        return false;
    }
    r->columns = count;
    if (first && is_header(cells)) return header_fits(r, cells, count);
    if (count < 2 || count > COLUMNS) {
        Diag *d = diag_add(r->k->diags, E_PAIRS, row_span(cells, count < COLUMNS ? count : COLUMNS),
                           "an edge is source,target or source,target,weight");
        diag_help(d, "such as 0,3,0.25");
        return false;
    }
    Pairs *p = r->pairs;
    const int64_t n = p->count++;
    p->place[n] = cells[0].span.start;
    return read_node(r, &cells[0], 0, &p->number[0][n]) && read_node(r, &cells[1], 1, &p->number[1][n]) &&
           (count == 2 || read_weight(r, &cells[2], &p->weight[n]));
}

/* ---- the file ---- */

static bool read_line(Reader *r, const char *line, const char *end)
{
    Cell cells[COLUMNS + 1] = {0};
    int count = 0;
    const char *comment = memchr(line, '#', (size_t)(end - line));
    if (comment) end = comment;
    if (cell_of(r, line, end).length == 0) return true;
    for (const char *at = line; at <= end && count <= COLUMNS;) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        cells[count++] = cell_of(r, at, stop);
        at = stop + 1;
    }
    return read_row(r, cells, count);
}

static bool read_lines(Reader *r)
{
    const char *end = r->in->text + r->in->length;
    size_t lines = 1;
    for (const char *at = r->in->text; (at = memchr(at, '\n', (size_t)(end - at))); at++) lines++;
    for (int i = 0; i < 2; i++) r->pairs->number[i] = NEW_ARRAY(r->k->perm, uint32_t, lines);
    r->pairs->place = NEW_ARRAY(r->k->perm, uint32_t, lines);
    r->pairs->weight = NEW_ARRAY(r->k->perm, float, lines);
    for (const char *at = r->in->text; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (!read_line(r, at, stop)) return false;
        at = stop + 1;
    }
    return true;
}

static int open_file(Check *k, const Val *source)
{
    const Val *v = source->items.at[0];
    const char *why;
    if (v->kind != VAL_STRING) {
        Diag *d =
            diag_add(k->diags, E_KIND, v->span, "a file is named by a text; this is %s", val_kind_text(v));
        diag_help(d, "such as: in file(\"edges.csv\")");
        return -1;
    }
    const char *path = sources_beside(k->c->sources, source->span.file, v->text);
    const int file = sources_read_table(k->c->sources, path, &why);
    if (file < 0) {
        Diag *d = diag_add(k->diags, E_PAIRS, v->span, "cannot read '%s': %s", path, why);
        diag_help(d, "a relative path starts at the directory of the file that names it");
    }
    return file;
}

bool file_pairs(Check *k, const Val *source, Pairs *p)
{
    const int file = open_file(k, source);
    if (file < 0) return false;
    p->file = (uint32_t)file;
    Reader r = {.k = k, .pairs = p, .in = sources_file(k->c->sources, (uint32_t)file)};
    if (!read_lines(&r)) return false;
    if (r.columns < COLUMNS) p->weight = NULL;
    if (p->count == 0)
        diag_add(k->diags, E_PAIRS, source->items.at[0]->span, "'%s' has no edges", r.in->path);
    return p->count > 0;
}
