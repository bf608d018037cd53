/* graph_file.c: `in file("edges.csv")`: pairs and first weights from a table of text.
 *
 * A row is source, target and, where the file has a third column, a weight. The first row may be a header
 * that names the columns, in any order and with others among them: so the tables of `dnw edges` are read,
 * which have a column `line` (runtime/app/edges_table.c). What follows a # is a comment. The file is one of
 * the sources, so messages point into it and the program cache sees when it changes.
 */
#include "check/graph.h"
#include <math.h>
#include <stdlib.h>

/* What is read of a row; without a header the first three are its columns. */
typedef enum Role { ROLE_SOURCE, ROLE_TARGET, ROLE_WEIGHT, ROLE_LINE, ROLES } Role;
static const char *const role_names[ROLES] = {"source", "target", "weight", "line"};
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
    const char *line; /* rows of this line of edges alone; "": of all */
    int columns;      /* of the first row; 0: not known yet */
    int at[ROLES];    /* column of each role; -1: there is none */
    bool named;       /* there is a header */
    bool weighted;    /* the rows have weights */
    Cell first_line;  /* of the first row that is read, where there is such a column */
} Reader;

/* A row: the cells that have a role, how many there are in all, where they stand. */
typedef struct Row {
    Cell cells[ROLES];
    int count;
    Span span;
} Row;

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

/* ---- the header ---- */

static const char *next_cell(const Reader *r, const char *at, const char *end, Cell *out)
{
    const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
    *out = cell_of(r, at, stop);
    return comma ? comma + 1 : NULL;
}

/* Is the first row that is no comment one of names? */
static bool is_header(const Cell *first)
{
    const char c = first->length ? *first->text : '0';
    return !(c >= '0' && c <= '9') && c != '-' && c != '+' && c != '.';
}

/* A column of another name; false: it is nearly one that is read. */
static bool other_column(const Reader *r, const Cell *c)
{
    char name[CELL_MOST + 1] = "";
    memcpy(name, c->text, (size_t)(c->length < CELL_MOST ? c->length : CELL_MOST));
    const char *near = diag_nearest(name, role_names, ROLES);
    if (!near) return true;
    Diag *d = wrong(r, c, arena_printf(r->k->perm, "a table of edges has no column '%s'", name));
    diag_help(d, "the column is named '%s'", near);
    return false;
}

static bool take_column(Reader *r, const Cell *c)
{
    for (int i = 0; i < ROLES; i++) {
        if (!is_word(c, role_names[i])) continue;
        if (r->at[i] >= 0)
            return wrong(r, c, arena_printf(r->k->perm, "two columns are named '%s'", role_names[i])), false;
        return r->at[i] = r->columns, true;
    }
    return other_column(r, c);
}

static bool read_header(Reader *r, const char *line, const char *end)
{
    Cell c = {0};
    const Span first = cell_of(r, line, end).span;
    for (int i = 0; i < ROLES; i++) r->at[i] = -1;
    for (const char *at = line; at; r->columns++) {
        at = next_cell(r, at, end, &c);
        if (!take_column(r, &c)) return false;
    }
    if (r->at[ROLE_SOURCE] >= 0 && r->at[ROLE_TARGET] >= 0) return true;
    Diag *d = diag_add(r->k->diags, E_PAIRS, span_join(first, c.span),
                       "a header of edges names the columns source and target, and may name weight and line");
    diag_help(d, "a file may also begin with an edge, such as 0,3,0.25");
    return false;
}

/* ---- rows ---- */

static Row row_of(const Reader *r, const char *line, const char *end)
{
    Row row = {.count = 0};
    Cell c;
    for (const char *at = line; at; row.count++) {
        at = next_cell(r, at, end, &c);
        for (int i = 0; i < ROLES; i++)
            if (r->at[i] == row.count) row.cells[i] = c;
        if (row.count < COLUMNS) row.span = row.count ? span_join(row.span, c.span) : c.span;
    }
    return row;
}

static bool count_fits(Reader *r, const Row *row)
{
    const bool more = row->count > COLUMNS && !r->named;
    if (r->columns == 0) {
        r->columns = row->count;
        if (row->count >= 2 && !more) return true;
        Diag *d =
            diag_add(r->k->diags, E_PAIRS, row->span, "an edge is source,target or source,target,weight");
        diag_help(d, more ? "a header may name more columns, such as source,target,weight,line"
                          : "such as 0,3,0.25");
        return false;
    }
    if (row->count == r->columns) return true;
    diag_add(r->k->diags, E_PAIRS, row->span, "this row has %s%d cell%s, the first row has %d",
             more ? "more than " : "", more ? COLUMNS : row->count, row->count == 1 ? "" : "s", r->columns);
    return false;
}

/* Is the row one of the line of edges that is asked for? Without one, all rows must be of one line. */
static bool line_fits(Reader *r, const Cell *c, bool *skipped)
{
    *skipped = *r->line && !is_word(c, r->line);
    if (*r->line || r->at[ROLE_LINE] < 0) return true;
    if (!r->first_line.text) r->first_line = *c;
    const Cell *first = &r->first_line;
    if (c->length == first->length && memcmp(c->text, first->text, (size_t)c->length) == 0) return true;
    Diag *d = wrong(r, c, "the table has rows of several lines of edges");
    diag_note(d, first->span, "the first is of %.*s", first->length, first->text);
    diag_help(d, "name the one to read: file(\"%s\", line = \"%.*s\")", r->in->path, first->length,
              first->text);
    return false;
}

/* Where the first row has a weight all have one; a named column may be empty in all. */
static bool weight_fits(Reader *r, const Cell *c, int64_t row)
{
    const bool empty = r->at[ROLE_WEIGHT] < 0 || r->columns <= r->at[ROLE_WEIGHT] || (r->named && !c->length);
    if (row == 0) r->weighted = !empty;
    if (empty && r->weighted) return wrong(r, c, "this edge has no weight; those before it have one"), false;
    if (empty) return true;
    if (!r->weighted) return wrong(r, c, "this edge has a weight; those before it have none"), false;
    return read_weight(r, c, &r->pairs->weight[row]);
}

static bool read_row(Reader *r, const char *line, const char *end)
{
    Pairs *p = r->pairs;
    bool skipped;
    const Row row = row_of(r, line, end);
    if (!count_fits(r, &row) || !line_fits(r, &row.cells[ROLE_LINE], &skipped)) return false;
    if (skipped) return true;
    const int64_t n = p->count++;
    p->place[n] = row.cells[ROLE_SOURCE].span.start;
    return read_node(r, &row.cells[ROLE_SOURCE], 0, &p->number[0][n]) &&
           read_node(r, &row.cells[ROLE_TARGET], 1, &p->number[1][n]) &&
           weight_fits(r, &row.cells[ROLE_WEIGHT], n);
}

/* ---- the file ---- */

static bool read_line(Reader *r, const char *line, const char *end)
{
    const char *comment = memchr(line, '#', (size_t)(end - line));
    Cell first;
    if (comment) end = comment;
    if (cell_of(r, line, end).length == 0) return true;
    next_cell(r, line, end, &first);
    if (r->columns == 0 && !r->named && is_header(&first)) return r->named = true, read_header(r, line, end);
    return read_row(r, line, end);
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

/* The line of edges that is asked for; NULL after a message. */
static const char *asked_line(Check *k, const Val *v)
{
    if (v->kind == VAL_STRING) return v->text;
    Diag *d = diag_add(k->diags, E_KIND, v->span, "a line of edges is named by a text; this is %s",
                       val_kind_text(v));
    diag_help(d, "such as: in file(\"edges.csv\", line = \"Wiring.edges.0\")");
    return NULL;
}

static void no_edges(Check *k, const Val *source, const Reader *r)
{
    if (*r->line && r->at[ROLE_LINE] < 0)
        diag_add(k->diags, E_PAIRS, source->items.at[1]->span, "'%s' has no column 'line'", r->in->path);
    else if (*r->line)
        diag_add(k->diags, E_PAIRS, source->items.at[1]->span, "'%s' has no edges of the line '%s'",
                 r->in->path, r->line);
    else diag_add(k->diags, E_PAIRS, source->items.at[0]->span, "'%s' has no edges", r->in->path);
}

bool file_pairs(Check *k, const Val *source, Pairs *p)
{
    const char *line = asked_line(k, source->items.at[1]);
    const int file = line ? open_file(k, source) : -1;
    if (file < 0) return false;
    p->file = (uint32_t)file;
    Reader r = {.k = k,
                .pairs = p,
                .in = sources_file(k->c->sources, (uint32_t)file),
                .line = line,
                .at = {0, 1, 2, -1}};
    if (!read_lines(&r)) return false;
    if (!r.weighted) p->weight = NULL;
    if (p->count == 0) no_edges(k, source, &r);
    return p->count > 0;
}
