/* edges.c: the command edges: which edges are in use, as a table in a file, and a summary.
 *
 * The summary has, for each node set, how many edges in use lead into its nodes and out of them, and how many
 * nodes are dead: edges may lead into the set and out of it, but no edge in use leads into the node, or none
 * out of it. One JSON object has all of it; text is printed from that object.
 */
#include "app/edges_table.h"
#include "common/plural.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Edges in use of each node of a set. */
typedef struct SetDegrees {
    const char *graph;
    const NetSet *set;
    int64_t *in, *out;   /* by node */
    bool enters, leaves; /* some line of edges leads into the set, out of it */
} SetDegrees;

typedef struct Degrees {
    int count; /* of sets of all graphs with edges */
    SetDegrees *sets;
    SetDegrees *from, *to; /* of the present line */
} Degrees;

static void free_degrees(Degrees *d)
{
    for (int i = 0; i < d->count; i++) free(d->sets[i].in);
    free(d->sets);
}

static bool add_sets(Degrees *d, const NetGraph *g)
{
    SetDegrees *more = realloc(d->sets, (size_t)(d->count + g->set_count) * sizeof *more);
    if (!more) return false;
    d->sets = more;
    for (int s = 0; s < g->set_count; s++) {
        const int64_t size = g->sets[s].wiring.size;
        int64_t *in = calloc((size_t)(2 * size + 1), sizeof *in);
        if (!in) return false;
        d->sets[d->count++] = (SetDegrees){.graph = g->name, .set = &g->sets[s], .in = in, .out = in + size};
    }
    return true;
}

static bool add_degree(void *context, const NetEdge *edge)
{
    const Degrees *d = context;
    d->from->out[edge->source]++, d->to->in[edge->target]++;
    return true;
}

static bool count_degrees(const Session *s, Degrees *d)
{
    const NetGraph *last = NULL;
    NetLine line;
    int first = 0; /* set of the present graph */
    for (int i = 0; s->calls->line(s->net, i, &line); i++) {
        if (line.in != last) {
            first = d->count, last = line.in;
            if (!add_sets(d, line.in)) return false;
        }
        d->from = &d->sets[first + line.from], d->to = &d->sets[first + line.to];
        d->from->leaves = d->to->enters = true;
        s->calls->line_edges(s->net, i, false, add_degree, d);
    }
    return true;
}

/* {"least", "mean", "most", "none": nodes without any, "nodes": by number of edges, of degrees that occur} */
static json_t *degree_json(const int64_t *degree, int64_t nodes)
{
    int64_t least = INT64_MAX, most = 0, sum = 0;
    for (int64_t v = 0; v < nodes; v++) {
        if (degree[v] < least) least = degree[v];
        if (degree[v] > most) most = degree[v];
        sum += degree[v];
    }
    int64_t *count = calloc((size_t)most + 1, sizeof *count);
    json_t *table = json_object();
    for (int64_t v = 0; count && v < nodes; v++) count[degree[v]]++;
    for (int64_t k = 0; count && k <= most; k++) {
        char key[32];
        snprintf(key, sizeof key, "%lld", (long long)k);
        if (count[k]) json_object_set_new(table, key, json_integer(count[k]));
    }
    json_t *out = json_pack("{s:I, s:f, s:I, s:I, s:o}", "least", (json_int_t)(nodes ? least : 0), "mean",
                            nodes ? (double)sum / (double)nodes : 0.0, "most", (json_int_t)most, "none",
                            (json_int_t)(count ? count[0] : 0), "nodes", table);
    free(count);
    return out;
}

static json_t *set_json(const SetDegrees *d)
{
    const int64_t nodes = d->set->wiring.size;
    int64_t dead = 0;
    for (int64_t v = 0; v < nodes && d->enters && d->leaves; v++) dead += !d->in[v] || !d->out[v];
    json_t *out =
        json_pack("{s:s, s:s, s:I}", "graph", d->graph, "set", d->set->name, "nodes", (json_int_t)nodes);
    if (d->enters) json_object_set_new(out, "in", degree_json(d->in, nodes));
    if (d->leaves) json_object_set_new(out, "out", degree_json(d->out, nodes));
    if (d->enters && d->leaves) json_object_set_new(out, "dead", json_integer(dead));
    return out;
}

static json_t *line_json(const NetLine *l)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "line", l->name, "from", l->in->sets[l->from].name, "to",
                     l->in->sets[l->to].name, "candidates", (json_int_t)l->candidates, "kept",
                     (json_int_t)l->kept);
}

static json_t *summary(const Session *s, RtError *e)
{
    Degrees d = {0};
    NetLine line;
    json_t *lines = json_array(), *sets = json_array();
    for (int i = 0; s->calls->line(s->net, i, &line); i++) json_array_append_new(lines, line_json(&line));
    const bool ok = count_degrees(s, &d) || rt_fail(e, RT_SYSTEM, "out of memory");
    for (int i = 0; ok && i < d.count; i++) json_array_append_new(sets, set_json(&d.sets[i]));
    free_degrees(&d);
    json_t *all = json_pack("{s:o, s:o}", "lines", lines, "sets", sets);
    if (!ok) json_decref(all), all = NULL;
    return all;
}

/* ---- text ---- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}
static long long whole_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "1 .. 9, mean 4.5", or "-" where no edges may lead. */
static void degree_text(const json_t *d, char *out, size_t size)
{
    if (!d) snprintf(out, size, "-");
    else
        snprintf(out, size, "%lld .. %lld, mean %.3g", whole_of(d, "least"), whole_of(d, "most"),
                 json_real_value(json_object_get(d, "mean")));
}

static void print_lines(const json_t *lines)
{
    const json_t *l;
    size_t i;
    printf("%-24s %-28s %12s %12s\n", "line", "", "candidates", "in use");
    json_array_foreach(lines, i, l)
    {
        char ends[128];
        snprintf(ends, sizeof ends, "%s -> %s", text_of(l, "from"), text_of(l, "to"));
        printf("%-24s %-28s %12lld %12lld\n", text_of(l, "line"), ends, whole_of(l, "candidates"),
               whole_of(l, "kept"));
    }
}

static void print_sets(const json_t *sets)
{
    const json_t *s;
    size_t i;
    printf("\n%-24s %9s  %-28s %-28s %6s\n", "nodes", "", "edges into a node", "out of a node", "dead");
    json_array_foreach(sets, i, s)
    {
        char name[128], in[64], out[64], dead[24] = "-";
        snprintf(name, sizeof name, "%s.%s", text_of(s, "graph"), text_of(s, "set"));
        degree_text(json_object_get(s, "in"), in, sizeof in);
        degree_text(json_object_get(s, "out"), out, sizeof out);
        if (json_object_get(s, "dead")) snprintf(dead, sizeof dead, "%lld", whole_of(s, "dead"));
        printf("%-24s %9lld  %-28s %-28s %6s\n", name, whole_of(s, "nodes"), in, out, dead);
    }
}

static bool print_summary(const Session *s, RtError *e)
{
    json_t *all = summary(s, e);
    if (!all) return false;
    if (s->options->json) {
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        print_lines(json_object_get(all, "lines"));
        print_sets(json_object_get(all, "sets"));
    }
    json_decref(all);
    return true;
}

bool edges_command(Session *s, RtError *e)
{
    const Options *options = s->options;
    NetOptions o = {.batch = 1, .seed = (uint64_t)program_whole(s->program, SETTING_SEED, 1)};
    if (options->candidates && !options->output)
        return rt_fail(e, RT_USAGE, "--candidates says what the table has; give its file with --output FILE");
    if (options->output && !edges_table_format(options->output, e)) return false;
    if (!session_net(s, &o, e)) return false;
    if (!options->weights) s->calls->choose(s->net, 0);
    else if (!session_weights(s, e)) return false;
    int64_t count = 0;
    if (options->output && !edges_table_write(s, options->output, options->candidates, &count, e))
        return false;
    if (!print_summary(s, e)) return false;
    if (options->output && !options->json)
        printf("\nwrote %s: %lld edge%s\n", options->output, (long long)count, plural(count, "s"));
    return true;
}
