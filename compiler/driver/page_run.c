/* page_run.c: the log, the source and the weights of a run, for the page of `dnw report`. See page.h. */
#include "driver/page.h"
#include "app/checkpoint.h"
#include "driver/command.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_WEIGHTS = 200000 }; /* numbers of node functions on the page */

/* ---- the log ---- */

typedef struct Log {
    json_t *start, *epochs; /* epochs: {KEY: [...]} */
    size_t count;           /* of epochs */
    json_int_t total;
    json_t *confusion; /* of the best epoch so far; NULL: none is told */
} Log;

/* One number of an epoch; epochs before it that had none get null. */
static void add_number(Log *l, const char *key, const json_t *value)
{
    json_t *column = json_object_get(l->epochs, key);
    if (!column) column = json_array(), json_object_set_new(l->epochs, key, column);
    while (json_array_size(column) + 1 < l->count) json_array_append_new(column, json_null());
    json_array_append(column, (json_t *)value);
}

/* Numbers in objects get the name of both: costs.l1, lists.Wiring.edges.0.age. */
static void add_numbers(Arena *a, Log *l, const char *before, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *name = arena_printf(a, "%s%s", before, key);
        if (json_is_object(value)) add_numbers(a, l, arena_printf(a, "%s.", name), value);
        else if (json_is_number(value) || json_is_null(value)) add_number(l, name, value);
    }
}

/* Does the start of a run say what the page shows of it? */
static bool start_is_whole(const json_t *event)
{
    static const char *const wanted[] = {"seed", "batch", "epochs", "parameters"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!json_is_integer(json_object_get(event, wanted[i]))) return false;
    return json_is_string(json_object_get(event, "program"));
}

/* A table with a row and a column for each class? */
static bool is_table(const json_t *rows)
{
    const json_t *row;
    size_t i;
    json_array_foreach((json_t *)rows, i,
                       row) if (json_array_size(row) != json_array_size(rows)) return false;
    return json_is_array(rows);
}

static bool take_event(Arena *a, Log *l, const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    if (!kind) return false;
    if (!l->start) {
        if (strcmp(kind, "start") || !start_is_whole(event)) return false;
        l->start = json_copy((json_t *)event);
        l->total = json_integer_value(json_object_get(event, "epochs"));
        return true;
    }
    if (!strcmp(kind, "continue")) l->total = json_integer_value(json_object_get(event, "epochs"));
    if (!strcmp(kind, "epoch") && !json_is_integer(json_object_get(event, "epoch"))) return false;
    json_t *confusion = json_object_get(event, "confusion");
    if (confusion && !is_table(confusion)) return false;
    if (confusion) json_decref(l->confusion), l->confusion = json_incref(confusion);
    if (!strcmp(kind, "epoch")) l->count++, add_numbers(a, l, "", event);
    return true;
}

static bool read_log(Arena *a, const char *directory, Log *l, PageError *e)
{
    static const char help[] = "a run is a folder that train wrote, such as runs/net";
    const char *path = arena_printf(a, "%s/log.jsonl", directory);
    size_t length;
    struct stat s;
    const char *text = page_read(a, path, &length);
    if (!text && errno == ENOENT && !stat(directory, &s))
        return page_fail(e, a, EXIT_ERRORS, help, "'%s' is not a run: it has no log.jsonl", directory);
    if (!text) return page_fail(e, a, EXIT_ERRORS, help, "cannot read '%s': %s", path, strerror(errno));
    int line = 1;
    for (const char *at = text, *end; (end = memchr(at, '\n', (size_t)(text + length - at)));
         at = end + 1, line++) {
        json_error_t why;
        json_t *event = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, &why);
        const bool ok = event && take_event(a, l, event);
        json_decref(event);
        if (!ok && line == 1)
            return page_fail(e, a, EXIT_ERRORS, help,
                             "%s: line 1: this is no log of dnw, whose first line is the start of a run",
                             path);
        if (!ok)
            return page_fail(e, a, EXIT_ERRORS, NULL, "%s: line %d: this is no event of a run", path, line);
    }
    return l->start || page_fail(e, a, EXIT_ERRORS, help, "%s: the log is empty", path);
}

/* ---- the source ---- */

static json_t *source_of(Arena *a, const char *directory, const json_t *start)
{
    const char *path = json_string_value(json_object_get(start, "source")), *note = NULL;
    struct stat source, log;
    size_t length;
    char *text = path ? page_read(a, path, &length) : NULL;
    json_t *content = text ? json_stringn(text, length) : NULL; /* NULL: no UTF-8 */
    if (!content) note = "cannot be read from here";
    else if (!stat(path, &source) && !stat(arena_printf(a, "%s/log.jsonl", directory), &log) &&
             source.st_mtime > log.st_mtime)
        note = "changed since this run";
    return json_pack("{s:s, s:o*, s:s*}", "path", path ? path : "unknown", "text", content, "note", note);
}

/* ---- weights of nodes ---- */

/* Does the tensor have a part for each node of a set with these sizes? Numbers of a node, or 0. */
static int64_t numbers_of_node(const CheckpointTensor *t, const json_t *dim)
{
    int64_t each = 1;
    size_t rank = json_array_size(dim);
    if ((size_t)t->rank < rank) return 0;
    for (size_t d = 0; d < rank; d++)
        if (t->shape[d] != json_integer_value(json_array_get(dim, d))) return 0;
    for (int d = (int)rank; d < t->rank; d++) each *= t->shape[d];
    return each;
}

static void add_tensor(const Checkpoint *c, const CheckpointTensor *t, const char *name, int64_t each,
                       int64_t *room, json_t *to)
{
    /* checkpoint_read takes the two parts of the name */
    char line[sizeof(((NetTensor *)0)->name)];
    const char *dot = strrchr(t->name, '.');
    int64_t count;
    snprintf(line, sizeof line, "%.*s", (int)(dot - t->name), t->name);
    float *numbers = checkpoint_read(c, line, dot + 1, NET_WEIGHT, &count);
    if (!numbers) return; /* of another type */
    json_t *values = json_array();
    for (int64_t i = 0; i < count; i++) json_array_append_new(values, json_real((double)numbers[i]));
    *room -= count;
    json_array_append_new(
        to, json_pack("{s:s, s:I, s:o}", "name", name, "size", (json_int_t)each, "values", values));
    free(numbers);
}

static void add_set(Arena *a, const Checkpoint *c, const char *graph, const json_t *set, int64_t *room,
                    json_t *out)
{
    const char *prefix = arena_printf(a, "%s.%s.", graph, json_string_value(json_object_get(set, "name")));
    const size_t length = strlen(prefix);
    json_t *found = json_array();
    for (size_t i = 0; i < c->count; i++) {
        const CheckpointTensor *t = &c->tensors[i];
        const int64_t each =
            strncmp(t->name, prefix, length) ? 0 : numbers_of_node(t, json_object_get(set, "dim"));
        int64_t size = 1;
        for (int d = 0; d < t->rank; d++) size *= t->shape[d];
        if (each && size <= *room) add_tensor(c, t, t->name + length, each, room, found);
    }
    if (json_array_size(found)) json_object_set(out, arena_text(a, prefix, length - 1), found);
    json_decref(found);
}

/* Of the best epoch, else of the last one; without a checkpoint there are none. */
static json_t *weights_of(Arena *a, const char *directory, const json_t *head)
{
    static const char *const files[] = {"best", "last"};
    json_t *out = json_object(), *graph, *set;
    int64_t room = MOST_WEIGHTS;
    size_t g, s;
    for (int i = 0; i < 2; i++) {
        RtError why = {0};
        Checkpoint c;
        if (!checkpoint_open(&c, arena_printf(a, "%s/%s.safetensors", directory, files[i]), &why)) continue;
        json_array_foreach(json_object_get(head, "graphs"), g, graph)
            json_array_foreach(json_object_get(graph, "sets"), s, set)
                add_set(a, &c, json_string_value(json_object_get(graph, "name")), set, &room, out);
        checkpoint_close(&c);
        break;
    }
    return out;
}

/* ---- the run ---- */

/* "runs/net/" is runs/net. */
static const char *without_slash(Arena *a, const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    return arena_text(a, path, length);
}

json_t *page_run(Arena *a, const char *directory, PageError *e)
{
    Log l = {.epochs = json_object()};
    const char *name = without_slash(a, directory), *key;
    json_t *wiring = NULL, *column, *out = NULL;
    *e = (PageError){0};
    json_t *text = json_string(name);
    bool ok =
        text || page_fail(e, a, EXIT_ERRORS, "rename it", "the path of a run, '%s', is not UTF-8 text", name);
    json_decref(text);
    ok = ok && read_log(a, name, &l, e);
    if (ok) wiring = page_wiring(a, name, e), ok = !e->code;
    json_object_foreach(l.epochs, key, column) while (json_array_size(column) < l.count)
        json_array_append_new(column, json_null());
    if (ok) {
        json_t *weights = wiring ? weights_of(a, name, json_object_get(wiring, "head")) : json_object();
        out = json_pack("{s:s, s:O, s:I, s:O, s:o, s:o, s:O*, s:O*}", "name", name, "start", l.start, "total",
                        l.total, "epochs", l.epochs, "source", source_of(a, name, l.start), "weights",
                        weights, "wiring", wiring, "confusion", l.confusion);
    }
    json_decref(l.start), json_decref(l.epochs), json_decref(l.confusion), json_decref(wiring);
    return out;
}
