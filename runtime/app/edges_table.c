/* edges_table.c: see edges_table.h. */
#define _GNU_SOURCE
#include "app/edges_table.h"
#include "common/groups.h"
#include "common/output.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 64, BUFFER = 1 << 20 };

/* A table that is being written. */
typedef struct Table {
    const Session *session;
    const struct Format *format;
    FILE *f;
    NetLine line; /* the present one */
    bool all;
    int64_t edges, rows;         /* so far; of a table whose head says it */
    int name_size;               /* of the longest name of a line */
    int columns;                 /* of further weights, */
    const char *column[COLUMNS]; /* by name */
} Table;

typedef struct Format {
    const char *ending;
    bool (*head)(Table *t, RtError *e);
    void (*edge)(const Table *t, const NetEdge *edge);
    void (*end)(const Table *t);
} Format;

/* ---- parts of all formats ---- */

static const NetSet *set_of(const Table *t, bool target)
{
    return &t->line.in->sets[target ? t->line.to : t->line.from];
}

/* "2 0 1" */
static void print_index(FILE *f, const WiringSet *s, int64_t node)
{
    int64_t index[WIRING_RANK];
    for (int d = s->rank - 1; d >= 0; node /= s->dim[d], d--) index[d] = node % s->dim[d];
    for (int d = 0; d < s->rank; d++) fprintf(f, d ? " %lld" : "%lld", (long long)index[d]);
}

static void print_point(FILE *f, const NetSet *s, int64_t node)
{
    double at[MOST_KEY_PARTS];
    const int count = net_point(s, node, at);
    for (int i = 0; i < count; i++) fprintf(f, i ? " %.9g" : "%.9g", at[i]);
}

static float deciding_weight(const Table *t, const NetEdge *edge)
{
    return t->line.decides < 0 ? NAN : t->line.weights[t->line.decides].numbers[edge->at];
}

/* ---- csv ---- */

static bool add_column(Table *t, const char *name, RtError *e)
{
    for (int i = 0; i < t->columns; i++)
        if (!strcmp(t->column[i], name)) return true;
    if (t->columns == COLUMNS)
        return rt_fail(e, RT_BAD_INPUT, "the edges have more than %d weights with different names", COLUMNS);
    t->column[t->columns++] = name;
    return true;
}

static bool csv_head(Table *t, RtError *e)
{
    NetLine line;
    for (int i = 0; t->session->calls->line(t->session->net, i, &line); i++)
        for (int w = 0; w < line.weight_count; w++)
            if (w != line.decides && !add_column(t, line.weights[w].name, e)) return false;
    fputs("source,target,weight,in_use,line,source_set,source_index,target_set,target_index,port,"
          "source_point,target_point",
          t->f);
    for (int i = 0; i < t->columns; i++) fprintf(t->f, ",%s", t->column[i]);
    fputc('\n', t->f);
    return true;
}

static void csv_weight(const Table *t, const NetEdge *edge, const char *name)
{
    for (int w = 0; w < t->line.weight_count; w++) {
        const NetLineWeight *x = &t->line.weights[w];
        if (w == t->line.decides || strcmp(x->name, name)) continue;
        for (int64_t k = 0; k < x->components; k++)
            fprintf(t->f, k ? " %.9g" : "%.9g", (double)x->numbers[edge->at * x->components + k]);
    }
}

static void csv_edge(const Table *t, const NetEdge *edge)
{
    const NetSet *from = set_of(t, false), *to = set_of(t, true);
    fprintf(t->f, "%lld,%lld,", (long long)edge->source, (long long)edge->target);
    if (t->line.decides >= 0) fprintf(t->f, "%.9g", (double)deciding_weight(t, edge));
    fprintf(t->f, ",%d,%s,%s,", edge->in_use, t->line.name, from->name);
    print_index(t->f, &from->wiring, edge->source);
    fprintf(t->f, ",%s,", to->name);
    print_index(t->f, &to->wiring, edge->target);
    fprintf(t->f, ",%s,", t->line.port);
    print_point(t->f, from, edge->source);
    fputc(',', t->f);
    print_point(t->f, to, edge->target);
    for (int i = 0; i < t->columns; i++) fputc(',', t->f), csv_weight(t, edge, t->column[i]);
    fputc('\n', t->f);
}

static void no_end(const Table *t)
{
    (void)t;
}

/* ---- npy ---- */

static bool npy_head(Table *t, RtError *e)
{
    char text[512];
    (void)e;
    int used =
        snprintf(text, sizeof text,
                 "{'descr': [('source', '<i8'), ('target', '<i8'), ('weight', '<f4'), ('in_use', '|b1'), "
                 "('line', '|S%d')], 'fortran_order': False, 'shape': (%lld,), }",
                 t->name_size, (long long)t->rows);
    const int padded = (10 + used + 1 + 63) / 64 * 64 - 10; /* data starts at a multiple of 64 */
    memset(text + used, ' ', (size_t)(padded - used));
    text[padded - 1] = '\n';
    const unsigned char start[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
    fwrite(start, sizeof start, 1, t->f);
    fwrite(text, (size_t)padded, 1, t->f);
    return true;
}

static void npy_edge(const Table *t, const NetEdge *edge)
{
    enum { NUMBERS = 8 + 8 + 4 + 1 };
    char record[NUMBERS + sizeof(((NetTensor *)0)->name)] = "";
    const float weight = deciding_weight(t, edge);
    memcpy(record, &edge->source, 8);
    memcpy(record + 8, &edge->target, 8);
    memcpy(record + 16, &weight, 4);
    record[20] = (char)edge->in_use;
    memcpy(record + NUMBERS, t->line.name, strlen(t->line.name));
    fwrite(record, (size_t)(NUMBERS + t->name_size), 1, t->f);
}

/* ---- graphml ---- */

static const struct {
    const char *of, *name, *type;
} keys[] = {{"node", "set", "string"},     {"node", "index", "string"}, {"node", "x", "double"},
            {"node", "y", "double"},       {"node", "z", "double"},     {"edge", "weight", "double"},
            {"edge", "in_use", "boolean"}, {"edge", "line", "string"}};

static void graphml_nodes(const Table *t, const NetGraph *g)
{
    static const char axes[] = "xyz";
    for (int s = 0; s < g->set_count; s++)
        for (int64_t v = 0; v < g->sets[s].wiring.size; v++) {
            double at[MOST_KEY_PARTS];
            const int count = net_point(&g->sets[s], v, at);
            fprintf(t->f, "<node id=\"%s.%s.%lld\"><data key=\"set\">%s</data><data key=\"index\">", g->name,
                    g->sets[s].name, (long long)v, g->sets[s].name);
            print_index(t->f, &g->sets[s].wiring, v);
            fputs("</data>", t->f);
            for (int i = 0; i < count && axes[i]; i++)
                fprintf(t->f, "<data key=\"%c\">%.9g</data>", axes[i], at[i]);
            fputs("</node>\n", t->f);
        }
}

static bool graphml_head(Table *t, RtError *e)
{
    (void)e;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml "
          "xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n",
          t->f);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        fprintf(t->f, "<key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n", keys[i].name,
                keys[i].of, keys[i].name, keys[i].type);
    fprintf(t->f, "<graph id=\"%s\" edgedefault=\"directed\">\n", t->session->program->head.model);
    const NetGraph *last = NULL;
    NetLine line;
    for (int i = 0; t->session->calls->line(t->session->net, i, &line); i++) {
        if (line.in != last) graphml_nodes(t, line.in);
        last = line.in;
    }
    return true;
}

static void graphml_edge(const Table *t, const NetEdge *edge)
{
    const char *graph = t->line.in->name;
    fprintf(t->f, "<edge source=\"%s.%s.%lld\" target=\"%s.%s.%lld\">", graph, set_of(t, false)->name,
            (long long)edge->source, graph, set_of(t, true)->name, (long long)edge->target);
    if (t->line.decides >= 0)
        fprintf(t->f, "<data key=\"weight\">%.9g</data>", (double)deciding_weight(t, edge));
    fprintf(t->f, "<data key=\"in_use\">%s</data><data key=\"line\">%s</data></edge>\n",
            edge->in_use ? "true" : "false", t->line.name);
}

static void graphml_end(const Table *t)
{
    fputs("</graph>\n</graphml>\n", t->f);
}

/* ---- the file ---- */

static const Format formats[] = {
    {".csv", csv_head, csv_edge, no_end},
    {".npy", npy_head, npy_edge, no_end},
    {".graphml", graphml_head, graphml_edge, graphml_end},
};

static const Format *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof formats / sizeof *formats; i++)
        if (!strcasecmp(dot, formats[i].ending)) return &formats[i];
    return NULL;
}

bool edges_table_format(const char *path, RtError *e)
{
    if (format_of(path)) return true;
    return rt_fail(e, RT_USAGE, "'%s': edges are written as .csv, .npy or .graphml", path);
}

static bool write_edge(void *context, const NetEdge *edge)
{
    Table *t = context;
    t->format->edge(t, edge);
    t->edges++;
    return !ferror(t->f);
}

static bool count_edge(void *context, const NetEdge *edge)
{
    (void)edge;
    ++*(int64_t *)context;
    return true;
}

static bool write_table(Table *t, RtError *e)
{
    const NetCalls *calls = t->session->calls;
    NetLine *line = &t->line;
    for (int i = 0; calls->line(t->session->net, i, line); i++) {
        const int size = (int)strlen(line->name);
        if (size > t->name_size) t->name_size = size;
        calls->line_edges(t->session->net, i, t->all, count_edge, &t->rows);
    }
    if (!t->format->head(t, e)) return false;
    for (int i = 0; !ferror(t->f) && calls->line(t->session->net, i, line); i++)
        calls->line_edges(t->session->net, i, t->all, write_edge, t);
    t->format->end(t);
    return true;
}

bool edges_table_write(const Session *s, const char *path, bool all, int64_t *count, RtError *e)
{
    Table t = {.session = s, .format = format_of(path), .all = all};
    Output o;
    if (!output_begin(&o, path)) return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    t.f = o.file;
    setvbuf(t.f, NULL, _IOFBF, BUFFER);
    const bool whole = write_table(&t, e);
    *count = t.edges;
    if (output_end(&o, whole) || !whole) return whole;
    return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
}
