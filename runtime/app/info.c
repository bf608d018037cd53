/* info.c: the command info: describes the program. One JSON object has all of it; text is printed from that
 * object. */
#include "app/session.h"
#include "common/plural.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of OpenBLAS, when it is linked in: the name of the kernels it chose. */
extern char *openblas_get_corename(void) __attribute__((weak));

static json_t *graph_list(const Session *s)
{
    json_t *graphs = json_object();
    for (int i = 0; i < s->calls->graph_count(s->net); i++) {
        NetGraphInfo g = s->calls->graph(s->net, i);
        json_t *lists = s->calls->graph_lists ? s->calls->graph_lists(s->net, i) : NULL;
        json_object_set_new(graphs, g.name,
                            json_pack("{s:I, s:I, s:s*, s:o*}", "candidates", (json_int_t)g.candidates,
                                      "kept", (json_int_t)g.kept, "products", g.products, "lists", lists));
    }
    return graphs;
}

static json_t *describe(const Session *s)
{
    static const char *const copied[] = {"program", "source",  "model",    "version", "cpu",  "input",
                                         "output",  "options", "settings", "macs",    "sizes"};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        json_t *value = json_object_get(s->program->manifest, copied[i]);
        if (value) json_object_set(object, copied[i], value);
    }
    json_object_set_new(object, "parameters", json_integer(s->calls->parameters(s->net)));
    json_object_set_new(object, "graphs", graph_list(s));
    json_object_set_new(object, "threads", json_integer(s->options->threads));
    if (openblas_get_corename) json_object_set_new(object, "blas", json_string(openblas_get_corename()));
    return object;
}

/* --- text --- */

/* "sgd(lr = 0.1, momentum = 0.9)" for {"call", "args"}; other values as JSON. */
static void print_value(const json_t *value)
{
    const json_t *args = json_object_get(value, "args"), *arg;
    const char *call = json_string_value(json_object_get(value, "call")), *name, *comma = "";
    if (call) {
        printf("%s", call);
        if (json_object_size(args)) printf("(");
        json_object_foreach((json_t *)args, name, arg)
        {
            printf("%s%s = ", comma, name);
            print_value(arg);
            comma = ", ";
        }
        if (json_object_size(args)) printf(")");
        return;
    }
    if (json_is_string(value)) printf("%s", json_string_value(value));
    else json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
}

/* {"name", "value", "help"} */
static void print_option(const char *name, const json_t *option)
{
    const char *help = json_string_value(json_object_get(option, "help"));
    (void)name;
    printf("  %-14s %s", json_string_value(json_object_get(option, "name")),
           json_string_value(json_object_get(option, "value")));
    printf("%s%s\n", *help ? "   # " : "", help);
}

/* Of a graph, or of one of its lists. */
static void print_edges(const char *name, const json_t *edges)
{
    long long candidates = json_integer_value(json_object_get(edges, "candidates"));
    long long kept = json_integer_value(json_object_get(edges, "kept"));
    const char *rule = json_string_value(json_object_get(edges, "rule"));
    printf("  %-14s %lld of %lld candidate edge%s", name, kept, candidates, plural(candidates, "s"));
    if (candidates) printf(" (%.3g%%)", 100.0 * (double)kept / (double)candidates);
    printf(rule ? ", by %s\n" : "\n", rule);
}

/* Have two keys all numbers but the last in common? */
static bool same_row(const json_t *a, const json_t *b)
{
    for (size_t i = 0; i + 1 < json_array_size(a); i++)
        if (json_number_value(json_array_get(a, i)) != json_number_value(json_array_get(b, i))) return false;
    return true;
}

/* The keys of the groups in use, those that differ in the last number on one line: "0, 1: 2 5". */
static void print_groups(const json_t *groups)
{
    const json_t *kept = json_object_get(groups, "kept"), *before = NULL, *key;
    const json_int_t count = json_integer_value(json_object_get(groups, "count"));
    size_t i;
    printf("    %zu of %lld group%s of %s", json_array_size(kept), (long long)count, plural(count, "s"),
           json_string_value(json_object_get(groups, "of")));
    json_array_foreach(kept, i, key)
    {
        const size_t last = json_array_size(key) - 1;
        if (!before || !same_row(before, key)) printf("\n     ");
        for (size_t k = 0; k < last && (!before || !same_row(before, key)); k++)
            printf(" %g%s", json_number_value(json_array_get(key, k)), k + 1 < last ? "," : ":");
        printf(" %g", json_number_value(json_array_get(key, last)));
        before = key;
    }
    printf("\n");
}

static void print_graph(const char *name, const json_t *graph)
{
    const char *list;
    json_t *edges;
    print_edges(name, graph);
    json_object_foreach(json_object_get(graph, "lists"), list, edges)
    {
        print_edges(list, edges);
        if (json_object_get(edges, "groups")) print_groups(json_object_get(edges, "groups"));
    }
}

static void print_setting(const char *name, const json_t *value)
{
    printf("  %-14s ", name);
    print_value(value);
    printf("\n");
}

/* Parts of the object that have several lines. */
static const struct {
    const char *key;
    void (*line)(const char *name, const json_t *value);
} parts[] = {{"options", print_option},
             {"graphs", print_graph},
             {"settings", print_setting},
             {"sizes", print_setting}};

static void print_text(const json_t *object)
{
    const char *key, *name;
    json_t *value, *item;
    size_t i;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t part = 0, count = sizeof parts / sizeof *parts;
        while (part < count && strcmp(parts[part].key, key)) part++;
        if (part == count) {
            printf("%-16s ", key);
            print_value(value);
            printf("\n");
            continue;
        }
        printf("%s\n", key);
        json_array_foreach(value, i, item) parts[part].line("", item);
        json_object_foreach(value, name, item) parts[part].line(name, item);
    }
}

bool info_command(Session *s, RtError *e)
{
    NetOptions o = {.batch = 1, .seed = (uint64_t)program_whole(s->program, SETTING_SEED, 1)};
    if (!session_net(s, &o, e)) return false;
    if (!s->options->weights) s->calls->choose(s->net, 0);
    else if (!session_weights(s, e)) return false;
    json_t *object = describe(s);
    if (s->options->json) {
        json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        print_text(object);
    }
    json_decref(object);
    return true;
}
