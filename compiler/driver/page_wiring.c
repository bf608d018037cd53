/* page_wiring.c: the snapshots of a run's wiring for the page of `dnw report`. See page.h.
 *
 * wiring.bin (runtime/common/snapshot.h) is checked as a whole, since the page trusts it. Of many snapshots
 * some are left out, at even distances, so that the page stays small; the first and the last are always
 * there.
 */
#include "driver/page.h"
#include "common/snapshot.h"
#include "driver/command.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MOST_BYTES = 1500000, MOST_CONTENT = 1 << 30 }; /* of the streams on the page; of one snapshot */

typedef struct Snapshot {
    const uint8_t *stream;
    uint32_t size, content; /* bytes */
} Snapshot;

/* A line of edges as the head has it. */
typedef struct Line {
    uint64_t pairs; /* of sources and targets */
    uint64_t cells; /* of a map; 0: a list */
} Line;

typedef struct Wiring {
    Arena *a;
    const char *path;
    json_t *head;
    Vec(Line) lines;
    Vec(Snapshot) snapshots;
} Wiring;

static bool damaged(const Wiring *w, size_t at, const char *what, PageError *e)
{
    return page_fail(e, w->a, EXIT_ERRORS, "without this file the report has the curves alone",
                     "%s: byte %zu: damaged: %s", w->path, at, what);
}

/* ---- the head ---- */

/* -1: it has no sizes, or impossible ones. */
static int64_t nodes_of(const json_t *graph, json_int_t set)
{
    const json_t *dim = json_object_get(json_array_get(json_object_get(graph, "sets"), (size_t)set), "dim"),
                 *size;
    int64_t nodes = 1;
    size_t i;
    json_array_foreach((json_t *)dim, i, size)
    {
        const json_int_t n = json_integer_value(size);
        if (!json_is_integer(size) || n < 0 || n > INT32_MAX || nodes > INT32_MAX) return -1;
        nodes *= n;
    }
    return json_is_array(dim) ? nodes : -1;
}

static bool take_line(Wiring *w, const json_t *line)
{
    const char *name, *port;
    json_int_t graph, from, to, candidates, rows, columns;
    if (json_unpack((json_t *)line, "{s:s, s:I, s:I, s:I, s:s, s:I, s:I, s:I}", "name", &name, "graph",
                    &graph, "from", &from, "to", &to, "port", &port, "candidates", &candidates, "rows", &rows,
                    "columns", &columns))
        return false;
    const json_t *g = json_array_get(json_object_get(w->head, "graphs"), (size_t)graph);
    const int64_t sources = nodes_of(g, from), targets = nodes_of(g, to);
    if (sources < 1 || targets < 1 || rows < 0 || rows > SNAPSHOT_PARTS || columns < 0 ||
        columns > SNAPSHOT_PARTS)
        return false;
    vec_push(w->a, &w->lines, ((Line){(uint64_t)sources * (uint64_t)targets, (uint64_t)(rows * columns)}));
    return true;
}

static bool take_head(Wiring *w, const char *text, size_t size)
{
    json_t *graphs, *lines, *graph, *set, *line;
    size_t i, s;
    w->head = json_loadb(text, size, 0, NULL);
    if (json_unpack(w->head, "{s:o, s:o}", "graphs", &graphs, "lines", &lines)) return false;
    json_array_foreach(graphs, i, graph)
    {
        if (!json_is_string(json_object_get(graph, "name"))) return false;
        json_array_foreach(json_object_get(graph, "sets"), s, set)
        {
            const json_t *points = json_object_get(set, "points");
            const int64_t nodes = nodes_of(graph, (json_int_t)s);
            if (!json_is_string(json_object_get(set, "name")) || nodes < 0) return false;
            if (points && json_array_size(points) != (size_t)nodes) return false;
        }
    }
    json_array_foreach(lines, i, line) if (!take_line(w, line)) return false;
    return w->lines.count > 0;
}

/* ---- snapshots ---- */

typedef struct Bytes {
    const uint8_t *at, *end;
} Bytes;

static bool take(Bytes *b, void *to, size_t size)
{
    if ((size_t)(b->end - b->at) < size) return false;
    memcpy(to, b->at, size);
    b->at += size;
    return true;
}

static bool take_number(Bytes *b, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; shift < 56 && b->at < b->end; shift += 7) {
        const uint8_t byte = *b->at++;
        *x |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

/* Are the edges of a line pairs of its nodes, ascending? */
static bool line_is_whole(const Line *l, Bytes *b)
{
    uint32_t kept;
    float largest;
    uint64_t x, last = 0;
    if (!take(b, &kept, sizeof kept) || kept > l->pairs) return false;
    for (uint64_t i = 0; i < l->cells; i++)
        if (!take_number(b, &x)) return false;
    if (l->cells) return true;
    if (!take(b, &largest, sizeof largest)) return false;
    for (uint32_t i = 0; i < kept; i++, last += x)
        if (!take_number(b, &x) || (i && !x) || last + x >= l->pairs) return false;
    if ((size_t)(b->end - b->at) < kept) return false;
    b->at += kept;
    return true;
}

static bool content_is_whole(const Wiring *w, const uint8_t *content, size_t size)
{
    Bytes b = {content, content + size};
    double position;
    if (!take(&b, &position, sizeof position) || !(position >= 0 && position < 1e9)) return false;
    for (int i = 0; i < w->lines.count; i++)
        if (!line_is_whole(&w->lines.at[i], &b)) return false;
    return b.at == b.end;
}

/* The content of a snapshot to `out`; false: it is damaged. */
static bool unpack(const Wiring *w, const Snapshot *s, uint8_t *out)
{
    uLongf size = s->content;
    return uncompress(out, &size, s->stream, s->size) == Z_OK && size == s->content &&
           content_is_whole(w, out, size);
}

/* What is cut off at the end was being written. */
static bool find_snapshots(Wiring *w, const uint8_t *text, size_t length, PageError *e)
{
    uint32_t head = 0, sizes[2];
    if (length < 12 || memcmp(text, SNAPSHOT_MAGIC, 8))
        return damaged(w, 0, "it does not begin as wiring.bin does", e);
    memcpy(&head, text + 8, 4);
    if (head > length - 12 || !take_head(w, (const char *)text + 12, head))
        return damaged(w, 12, "its head does not describe a network", e);
    for (size_t at = 12 + (size_t)head; length - at >= 8; at += 8 + sizes[0]) {
        memcpy(sizes, text + at, 8);
        if (sizes[0] > length - at - 8) return true;
        if (sizes[1] > MOST_CONTENT || !sizes[0] || sizes[1] / 1100 > sizes[0])
            return damaged(w, at, "a snapshot of an impossible size", e);
        vec_push(w->a, &w->snapshots, ((Snapshot){text + at + 8, sizes[0], sizes[1]}));
    }
    return true;
}

/* ---- for the page ---- */

/* Leaves snapshots out until the others are small enough; true where some are. */
static bool thin(Wiring *w)
{
    const int all = w->snapshots.count;
    int step = 1;
    for (;; step++) {
        size_t bytes = 0;
        for (int i = 0; i < all; i++)
            if (i % step == 0 || i == all - 1) bytes += w->snapshots.at[i].size;
        if (bytes <= MOST_BYTES || step >= all) break;
    }
    w->snapshots.count = 0;
    for (int i = 0; i < all; i++)
        if (i % step == 0 || i == all - 1) vec_push(w->a, &w->snapshots, w->snapshots.at[i]);
    return step > 1;
}

static const char *base64(Arena *a, const uint8_t *x, size_t size)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_alloc(a, (size + 2) / 3 * 4 + 1, 1), *to = out;
    for (size_t i = 0; i < size; i += 3) {
        const uint32_t more = size - i > 2 ? 3 : (uint32_t)(size - i);
        const uint32_t three =
            (uint32_t)x[i] << 16 | (more > 1 ? (uint32_t)x[i + 1] << 8 : 0) | (more > 2 ? x[i + 2] : 0);
        for (uint32_t k = 0; k < 4; k++) *to++ = k <= more ? digit[three >> (18 - 6 * k) & 63] : '=';
    }
    *to = 0;
    return out;
}

/* All snapshots as one stream. */
static json_t *pack(Wiring *w, PageError *e)
{
    size_t room = 1, used = 0;
    for (int i = 0; i < w->snapshots.count; i++) room += w->snapshots.at[i].content;
    uint8_t *content = malloc(room), *stream = NULL;
    uLongf size = compressBound(room);
    json_t *out = NULL;
    bool ok = content && (stream = malloc(size));
    if (!ok) page_fail(e, w->a, EXIT_SYSTEM, NULL, "out of memory");
    for (int i = 0; ok && i < w->snapshots.count; i++) {
        const Snapshot *s = &w->snapshots.at[i];
        ok = unpack(w, s, content + used) || damaged(w, 0, arena_printf(w->a, "snapshot %d", i + 1), e);
        used += s->content;
    }
    if (ok && compress2(stream, &size, content, used, Z_BEST_COMPRESSION) == Z_OK)
        out = json_pack("{s:O, s:s}", "head", w->head, "data", base64(w->a, stream, size));
    free(content), free(stream);
    return out;
}

json_t *page_wiring(Arena *a, const char *directory, PageError *e)
{
    Wiring w = {.a = a, .path = arena_printf(a, "%s/%s", directory, SNAPSHOT_FILE)};
    size_t length = 0;
    const uint8_t *text = (const uint8_t *)page_read(a, w.path, &length);
    json_t *out = NULL;
    if (!text && errno != ENOENT)
        page_fail(e, a, EXIT_ERRORS, NULL, "cannot read '%s': %s", w.path, strerror(errno));
    if (!text) return NULL;
    if (length > 0 && find_snapshots(&w, text, length, e) && w.snapshots.count) {
        thin(&w);
        out = pack(&w, e);
    }
    json_decref(w.head);
    return out;
}
