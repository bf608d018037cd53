/* wiring_file.c: see wiring_file.h. */
#define _GNU_SOURCE
#include "app/wiring_file.h"
#include "common/groups.h"
#include "common/snapshot.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static bool fail(const WiringFile *w, RtError *e)
{
    return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", w->path, strerror(errno));
}

bool wiring_file_open(WiringFile *w, const char *directory, int64_t keep, RtError *e)
{
    *w = (WiringFile){.fd = -1};
    if (asprintf(&w->path, "%s/%s", directory, SNAPSHOT_FILE) < 0)
        return rt_fail(e, RT_SYSTEM, "out of memory");
    w->fd = open(w->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (w->fd < 0) return fail(w, e);
    const int64_t size = lseek(w->fd, 0, SEEK_END);
    if (size < keep) {
        rt_fail(e, RT_BAD_INPUT, "%s: has %lld bytes, but the checkpoint was written after %lld", w->path,
                (long long)size, (long long)keep);
        return rt_help(e, "the two files are not of one run, or damaged; start anew with --force");
    }
    w->bytes = keep;
    return !ftruncate(w->fd, keep) || fail(w, e);
}

bool wiring_file_sync(WiringFile *w, RtError *e)
{
    return w->fd < 0 || !fdatasync(w->fd) || errno == EINVAL || errno == ENOTSUP || fail(w, e);
}

void wiring_file_close(WiringFile *w)
{
    if (w->fd >= 0) close(w->fd);
    free(w->path), free(w->content), free(w->stream);
    *w = (WiringFile){.fd = -1};
}

/* All of it, or nothing. */
static bool append(WiringFile *w, const void *bytes, size_t size, RtError *e)
{
    for (size_t done = 0; done < size;) {
        const ssize_t now = write(w->fd, (const char *)bytes + done, size - done);
        if (now < 0 && errno == EINTR) continue;
        if (now > 0) {
            done += (size_t)now;
            continue;
        }
        fail(w, e);
        if (ftruncate(w->fd, w->bytes)) return false; /* the next run cuts it */
        return false;
    }
    w->bytes += (int64_t)size;
    return true;
}

/* ---- the head ---- */

static bool is_map(const NetLine *l)
{
    return l->most > SNAPSHOT_EDGES;
}

static int64_t parts_of(const NetSet *s)
{
    return s->wiring.size < SNAPSHOT_PARTS ? s->wiring.size : SNAPSHOT_PARTS;
}

static const NetSet *end_of(const NetLine *l, bool target)
{
    return &l->in->sets[target ? l->to : l->from];
}

static json_t *set_json(const NetGraph *g, int set)
{
    const NetSet *s = &g->sets[set];
    const char *role = set == g->input ? "input" : set == g->output ? "output" : "nodes";
    json_t *dim = json_array(), *points = json_array();
    for (int d = 0; d < s->wiring.rank; d++) json_array_append_new(dim, json_integer(s->wiring.dim[d]));
    for (int64_t v = 0; v < s->wiring.size && s->wiring.size <= SNAPSHOT_POINTS; v++) {
        double at[MOST_KEY_PARTS];
        const int count = net_point(s, v, at);
        if (!count) break;
        json_t *point = json_array();
        for (int i = 0; i < count; i++) json_array_append_new(point, json_real(isfinite(at[i]) ? at[i] : 0));
        json_array_append_new(points, point);
    }
    json_t *out = json_pack("{s:s, s:s, s:o}", "name", s->name, "role", role, "dim", dim);
    if (json_array_size(points)) json_object_set(out, "points", points);
    json_decref(points);
    return out;
}

static json_t *line_json(const NetLine *l, int graph)
{
    const bool map = is_map(l);
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:I, s:I, s:I}", "name", l->name, "graph", graph, "from",
                     l->from, "to", l->to, "port", l->port, "candidates", (json_int_t)l->candidates, "rows",
                     (json_int_t)(map ? parts_of(end_of(l, true)) : 0), "columns",
                     (json_int_t)(map ? parts_of(end_of(l, false)) : 0));
}

static json_t *head_json(const Session *s)
{
    json_t *graphs = json_array(), *lines = json_array();
    const NetGraph *last = NULL;
    NetLine line;
    for (int i = 0; s->calls->line(s->net, i, &line); i++) {
        if (line.in != last) {
            json_t *sets = json_array();
            for (int k = 0; k < line.in->set_count; k++) json_array_append_new(sets, set_json(line.in, k));
            json_array_append_new(graphs, json_pack("{s:s, s:o}", "name", line.in->name, "sets", sets));
        }
        last = line.in;
        json_array_append_new(lines, line_json(&line, (int)json_array_size(graphs) - 1));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "program", s->program->head.program, "model",
                     s->program->head.model, "graphs", graphs, "lines", lines);
}

static bool add_head(WiringFile *w, const Session *s, RtError *e)
{
    json_t *head = head_json(s);
    char *text = head ? json_dumps(head, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(head);
    if (!text) return rt_fail(e, RT_SYSTEM, "out of memory");
    const uint32_t size = (uint32_t)strlen(text);
    char *all = malloc(sizeof SNAPSHOT_MAGIC - 1 + sizeof size + size);
    bool ok = all || rt_fail(e, RT_SYSTEM, "out of memory");
    if (ok) {
        memcpy(all, SNAPSHOT_MAGIC, 8);
        memcpy(all + 8, &size, sizeof size);
        memcpy(all + 12, text, size);
        ok = append(w, all, 12 + size, e);
    }
    free(all), free(text);
    return ok;
}

/* ---- a snapshot ---- */

static bool make_room(WiringFile *w, size_t more)
{
    if (w->used + more <= w->room) return true;
    const size_t room = 2 * (w->used + more);
    uint8_t *larger = realloc(w->content, room);
    if (!larger) return false;
    w->content = larger, w->room = room;
    return true;
}

static void put(WiringFile *w, const void *bytes, size_t size)
{
    memcpy(w->content + w->used, bytes, size);
    w->used += size;
}

enum { NUMBER_BYTES = 10 }; /* of 64 bits at most */
static void put_number(WiringFile *w, uint64_t x)
{
    for (; x > 127; x >>= 7) w->content[w->used++] = (uint8_t)(x | 128);
    w->content[w->used++] = (uint8_t)x;
}

/* A line while its edges are visited. */
typedef struct Visit {
    WiringFile *w;
    const NetLine *line;
    int64_t last; /* the edge before */
    float largest;
    int64_t rows, columns, *map;
} Visit;

static float weight_of(const Visit *v, const NetEdge *edge)
{
    const NetLine *l = v->line;
    return l->decides < 0 ? 1 : l->weights[l->decides].numbers[edge->at];
}

static bool find_largest(void *context, const NetEdge *edge)
{
    Visit *v = context;
    const float w = fabsf(weight_of(v, edge));
    if (isfinite(w) && w > v->largest) v->largest = w;
    return true;
}

static bool put_place(void *context, const NetEdge *edge)
{
    Visit *v = context;
    const int64_t at = edge->target * end_of(v->line, false)->wiring.size + edge->source;
    put_number(v->w, (uint64_t)(at - v->last));
    v->last = at;
    return true;
}

static bool put_weight(void *context, const NetEdge *edge)
{
    Visit *v = context;
    const float share = v->largest > 0 ? weight_of(v, edge) / v->largest : 0;
    v->w->content[v->w->used++] = isfinite(share) ? (uint8_t)(int8_t)lrintf(127 * share) : 0;
    return true;
}

static bool count_part(void *context, const NetEdge *edge)
{
    Visit *v = context;
    const int64_t row = edge->target * v->rows / end_of(v->line, true)->wiring.size,
                  column = edge->source * v->columns / end_of(v->line, false)->wiring.size;
    v->map[row * v->columns + column]++;
    return true;
}

static bool add_map(Visit *v, const Session *s, int line)
{
    int64_t parts[SNAPSHOT_PARTS * SNAPSHOT_PARTS] = {0};
    v->rows = parts_of(end_of(v->line, true)), v->columns = parts_of(end_of(v->line, false)), v->map = parts;
    s->calls->line_edges(s->net, line, false, count_part, v);
    if (!make_room(v->w, (size_t)(v->rows * v->columns) * NUMBER_BYTES)) return false;
    for (int64_t i = 0; i < v->rows * v->columns; i++) put_number(v->w, (uint64_t)parts[i]);
    return true;
}

static bool add_edges(Visit *v, const Session *s, int line)
{
    if (!make_room(v->w, sizeof v->largest + (size_t)v->line->kept * (NUMBER_BYTES + 1))) return false;
    s->calls->line_edges(s->net, line, false, find_largest, v);
    put(v->w, &v->largest, sizeof v->largest);
    s->calls->line_edges(s->net, line, false, put_place, v);
    s->calls->line_edges(s->net, line, false, put_weight, v);
    return true;
}

static bool fill(WiringFile *w, const Session *s, double position)
{
    NetLine line;
    w->used = 0;
    if (!make_room(w, sizeof position)) return false;
    put(w, &position, sizeof position);
    for (int i = 0; s->calls->line(s->net, i, &line); i++) {
        const uint32_t kept = (uint32_t)line.kept;
        Visit v = {.w = w, .line = &line};
        if (!make_room(w, sizeof kept)) return false;
        put(w, &kept, sizeof kept);
        if (!(is_map(&line) ? add_map(&v, s, i) : add_edges(&v, s, i))) return false;
    }
    return true;
}

bool wiring_file_add(WiringFile *w, const Session *s, double position, RtError *e)
{
    if (!w->bytes && !add_head(w, s, e)) return false;
    if (!fill(w, s, position)) return rt_fail(e, RT_SYSTEM, "out of memory for a snapshot of the wiring");
    uLongf size = compressBound((uLong)w->used);
    uint8_t *stream = realloc(w->stream, 8 + size);
    if (!stream) return rt_fail(e, RT_SYSTEM, "out of memory for a snapshot of the wiring");
    w->stream = stream;
    if (compress2(stream + 8, &size, w->content, (uLong)w->used, Z_DEFAULT_COMPRESSION) != Z_OK)
        return rt_fail(e, RT_SYSTEM, "out of memory for a snapshot of the wiring");
    const uint32_t sizes[2] = {(uint32_t)size, (uint32_t)w->used};
    memcpy(stream, sizes, sizeof sizes);
    return append(w, stream, 8 + size, e);
}
