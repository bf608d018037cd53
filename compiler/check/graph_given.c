/* graph_given.c: `in file("edges.csv")`: candidates and first weights from a table of text.
 *
 * A row is source, target and, where the file has a third column, a weight; nodes are numbered row by row in
 * their sets. The first row may be the header "source,target[,weight]"; what follows a # is a comment. The
 * file is one of the sources, so messages point into it and the program cache sees when it changes.
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
    const NodeSet *set[2]; /* source, target */
    uint32_t file;
    const SourceFile *in;
    int columns; /* of the first row; 0: not known yet */
    uint32_t *node[2], *place;
    float *weight;
    int64_t count;
} Reader;

static Cell cell_of(const Reader *r, const char *from, const char *end)
{
    while (from < end && (*from == ' ' || *from == '\t')) from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    const uint32_t start = (uint32_t)(from - r->in->text), length = (uint32_t)(end - from);
    return (Cell){from, (int)length, {r->file, start, start + (length ? length : 1)}};
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
    const NodeSet *s = r->set[end];
    int64_t n = 0;
    int i = 0;
    for (; i < c->length && c->text[i] >= '0' && c->text[i] <= '9'; i++)
        if (n < s->size) n = n * 10 + (c->text[i] - '0');
    if (c->length == 0 || i < c->length)
        return wrong(r, c,
                     arena_printf(r->k->perm, "'%.*s' is not the number of a node, the %s of an edge",
                                  c->length, c->text, ends[end])),
               false;
    *out = (uint32_t)n;
    if (n < s->size) return true;
    Diag *d = wrong(r, c,
                    arena_printf(r->k->perm, "%s %.*s is not a node of '%s', which has 0 .. %lld", ends[end],
                                 c->length, c->text, s->name, (long long)s->size - 1));
    diag_note(d, s->span, "it is declared here");
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
    const int64_t n = r->count++;
    r->place[n] = cells[0].span.start;
    return read_node(r, &cells[0], 0, &r->node[0][n]) && read_node(r, &cells[1], 1, &r->node[1][n]) &&
           (count == 2 || read_weight(r, &cells[2], &r->weight[n]));
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
    for (int i = 0; i < 2; i++) r->node[i] = NEW_ARRAY(r->k->perm, uint32_t, lines);
    r->place = NEW_ARRAY(r->k->perm, uint32_t, lines), r->weight = NEW_ARRAY(r->k->perm, float, lines);
    for (const char *at = r->in->text; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        if (!read_line(r, at, stop)) return false;
        at = stop + 1;
    }
    return true;
}

/* ---- by target, sources ascending ---- */

typedef struct Pair {
    uint32_t source, row; /* row: of the file */
} Pair;

static int compare_pairs(const void *left, const void *right)
{
    const Pair *a = left, *b = right;
    if (a->source != b->source) return a->source < b->source ? -1 : 1;
    return a->row < b->row ? -1 : a->row > b->row;
}

static bool twice(const Reader *r, const Pair *p)
{
    const uint32_t first = r->place[p[0].row], second = r->place[p[1].row];
    Diag *d = diag_add(r->k->diags, E_PAIRS, (Span){r->file, second, second + 1},
                       "the edge from %u to %u stands twice in the file", p->source, r->node[1][p->row]);
    diag_note(d, (Span){r->file, first, first + 1}, "the first is here");
    return false;
}

static bool sort_pairs(const Reader *r, GivenEdges *out)
{
    const int64_t targets = r->set[1]->size;
    Arena *perm = r->k->perm;
    Pair *pairs = NEW_ARRAY(perm, Pair, (size_t)r->count + 1);
    int64_t *row = NEW_ARRAY(perm, int64_t, (size_t)targets + 2);
    for (int64_t i = 0; i < r->count; i++) row[r->node[1][i] + 2]++;
    for (int64_t t = 0; t < targets; t++) row[t + 2] += row[t + 1];
    for (int64_t i = 0; i < r->count; i++)
        pairs[row[r->node[1][i] + 1]++] = (Pair){r->node[0][i], (uint32_t)i};
    out->pairs = (Candidates){CANDIDATES_LIST, targets, r->set[0]->size, r->count, .row = row};
    out->pairs.source = NEW_ARRAY(perm, uint32_t, (size_t)r->count + 1);
    out->places = NEW_ARRAY(perm, uint32_t, (size_t)r->count + 1);
    out->weights = r->columns == COLUMNS ? NEW_ARRAY(perm, float, (size_t)r->count + 1) : NULL;
    for (int64_t t = 0; t < targets; t++) {
        qsort(pairs + row[t], (size_t)(row[t + 1] - row[t]), sizeof *pairs, compare_pairs);
        for (int64_t i = row[t]; i < row[t + 1]; i++) {
            if (i > row[t] && pairs[i].source == pairs[i - 1].source) return twice(r, &pairs[i - 1]);
            out->pairs.source[i] = pairs[i].source, out->places[i] = r->place[pairs[i].row];
            if (out->weights) out->weights[i] = r->weight[pairs[i].row];
        }
    }
    return true;
}

static int open_file(Check *k, Scope *scope, const EdgeLine *line)
{
    const Val *v = check_expr(k, scope, line->path);
    const char *why;
    if (val_is_poison(v)) return -1;
    if (v->kind != VAL_STRING) {
        Diag *d = diag_add(k->diags, E_KIND, line->path->span, "a file is named by a text; this is %s",
                           val_kind_text(v));
        diag_help(d, "such as: in file(\"edges.csv\")");
        return -1;
    }
    const char *path = sources_beside(k->c->sources, line->span.file, v->text);
    const int file = sources_read_table(k->c->sources, path, &why);
    if (file < 0) {
        Diag *d = diag_add(k->diags, E_PAIRS, line->path->span, "cannot read '%s': %s", path, why);
        diag_help(d, "a relative path starts at the directory of the file that names it");
    }
    return file;
}

const GivenEdges *read_given(Check *k, const Graph *g, Scope *scope, const EdgeLine *line, const Bundle *u)
{
    const int file = open_file(k, scope, line);
    if (file < 0) return NULL;
    GivenEdges *out = NEW(k->perm, GivenEdges);
    Reader r = {.k = k,
                .set = {&g->sets.at[u->from], &g->sets.at[u->to]},
                .file = (uint32_t)file,
                .in = sources_file(k->c->sources, (uint32_t)file)};
    out->file = (uint32_t)file;
    if (!read_lines(&r)) return NULL;
    if (r.count > 0) return sort_pairs(&r, out) ? out : NULL;
    diag_add(k->diags, E_PAIRS, line->path->span, "'%s' has no edges", r.in->path);
    return NULL;
}

/* ---- first weights ---- */

/* Can its edges take a weight from the file? */
static bool takes_weight(Check *k, const Bundle *u)
{
    if (u->weight && !u->fixed) return true;
    Diag *d = diag_add(
        k->diags, E_PAIRS, u->span,
        "the file gives each edge a weight, and '%s' has %s single weight of an edge that could be it",
        u->edge->name, u->weights.count > 1 ? "more than one" : "no");
    diag_help(d, "%s",
              u->weights.count > 1 ? "name it after a budget: keep all by w"
                                   : "leave the third column out, or give the function a weight");
    return false;
}

static bool in_range(Check *k, const Bundle *u, int64_t pair)
{
    const double x = (double)u->given->weights[pair];
    const Tensor *p = u->weight;
    if (!p->clamped || (x >= p->low && x <= p->high)) return true;
    const uint32_t at = u->given->places[pair];
    Diag *d = diag_add(k->diags, E_PAIRS, (Span){u->given->file, at, at + 1},
                       "the weight %g of this edge is not in its range, %g .. %g", x, p->low, p->high);
    diag_note(d, p->span, "it is declared here");
    return false;
}

void start_given(Check *k, Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        Bundle *u = &g->bundles.at[b];
        if (!u->given || !u->given->weights || !takes_weight(k, u)) continue;
        const Candidates *pairs = &u->given->pairs;
        float *start = NEW_ARRAY(k->perm, float, (size_t)u->candidates.count + 1);
        for (int64_t t = 0; t < pairs->targets; t++)
            for (int64_t i = pairs->row[t]; i < pairs->row[t + 1]; i++) {
                const int64_t n = candidates_number(&u->candidates, t, pairs->source[i]);
                if (n < 0) continue;
                if (!in_range(k, u, i)) return;
                start[n] = u->given->weights[i];
            }
        u->weight->init = (InitSpec){.kind = INIT_GIVEN, .given = start};
    }
}
