/* groups.c: see groups.h. */
#include "common/groups.h"
#include "common/hash.h"
#include "common/interval.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Groups while they are found: a table of their numbers by key, of a power of two places. */
typedef struct Finder {
    Groups *out;
    int64_t room, places;
    uint32_t *place; /* 1 + number; 0: empty */
} Finder;

static uint64_t key_hash(const double *key, int parts)
{
    return hash_bytes(hash_start, key, (size_t)parts * sizeof *key);
}

/* The place of a key in the table: where it is, or where it would be. */
static uint32_t *find_place(const Finder *f, const double *key)
{
    const Groups *g = f->out;
    const size_t bytes = (size_t)g->parts * sizeof *key;
    uint64_t h = key_hash(key, g->parts);
    h ^= h >> 32;
    for (;; h++) {
        uint32_t *p = &f->place[h & (uint64_t)(f->places - 1)];
        if (!*p || memcmp(g->keys + (int64_t)(*p - 1) * g->parts, key, bytes) == 0) return p;
    }
}

static bool grow(Finder *f)
{
    enum { FIRST = 64 };
    Groups *g = f->out;
    const int64_t room = f->room ? 2 * f->room : FIRST;
    double *keys = realloc(g->keys, (size_t)(room * g->parts) * sizeof *keys);
    if (!keys) return false;
    g->keys = keys, f->room = room;
    uint32_t *place = calloc((size_t)(4 * room), sizeof *place);
    if (!place) return false;
    free(f->place);
    f->place = place, f->places = 4 * room;
    for (int64_t i = 0; i < g->count; i++) *find_place(f, g->keys + i * g->parts) = (uint32_t)i + 1;
    return true;
}

/* Its number; -1: no memory. */
static int64_t number_of(Finder *f, const double *key)
{
    Groups *g = f->out;
    uint32_t *p = f->places ? find_place(f, key) : NULL;
    if (p && *p) return *p - 1;
    if (g->count == f->room && !grow(f)) return -1;
    memcpy(g->keys + g->count * g->parts, key, (size_t)g->parts * sizeof *key);
    *find_place(f, key) = (uint32_t)++g->count;
    return g->count - 1;
}

static void indices(const WiringSet *s, int64_t node, Interval *out)
{
    for (int d = s->rank - 1; d >= 0; node /= s->dim[d], d--)
        out[d].low = out[d].high = (double)(node % s->dim[d]);
}

/* The key of one candidate; false: it is not known. */
static bool key_of(const GroupLine *l, const Interval *args, Interval *scratch, double *key)
{
    interval_run(l->key->steps, l->key->step_count, args, scratch);
    for (int i = 0; i < l->key->part_count; i++) {
        const Interval x = scratch[l->key->parts[i]];
        if (!(x.low == x.high) || !isfinite(x.low)) return false;
        key[i] = x.low + 0.0; /* -0 is 0 */
    }
    return true;
}

static GroupsBuilt add_line(Finder *f, const GroupLine *l, Interval *scratch, int64_t *position)
{
    double key[MOST_KEY_PARTS];
    Interval args[2 * WIRING_RANK];
    CandidateRun run;
    for (int64_t t = 0; t < l->candidates->targets; t++) {
        indices(l->to, t, args);
        for (int64_t r = 0; candidates_run(l->candidates, t, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) {
                indices(l->from, run.source + i, args + l->to->rank);
                if (!key_of(l, args, scratch, key)) return GROUPS_UNKNOWN;
                const int64_t number = number_of(f, key);
                if (number < 0) return GROUPS_NO_MEMORY;
                f->out->of[(*position)++] = (uint32_t)number;
            }
    }
    return GROUPS_BUILT;
}

static GroupsBuilt add_lines(Finder *f, const GroupLine *lines, int count)
{
    GroupsBuilt built = GROUPS_BUILT;
    int64_t position = 0;
    for (int i = 0; i < count && built == GROUPS_BUILT; i++) {
        Interval *scratch = malloc((size_t)(lines[i].key->step_count + 1) * sizeof *scratch);
        built = scratch ? add_line(f, &lines[i], scratch, &position) : GROUPS_NO_MEMORY;
        free(scratch);
    }
    return built;
}

/* Members by group, each group's ascending. */
static bool list_members(Groups *g)
{
    g->first = calloc((size_t)g->count + 2, sizeof *g->first);
    g->member = malloc((size_t)(g->candidates + 1) * sizeof *g->member);
    if (!g->first || !g->member) return false;
    int64_t *next = g->first + 1;
    for (int64_t c = 0; c < g->candidates; c++) next[g->of[c] + 1]++;
    for (int64_t i = 0; i < g->count; i++) next[i + 1] += next[i];
    for (int64_t c = 0; c < g->candidates; c++) g->member[next[g->of[c]]++] = (uint32_t)c;
    return true;
}

GroupsBuilt groups_build(const GroupLine *lines, int count, Groups *out)
{
    *out = (Groups){.parts = lines[0].key->part_count};
    for (int i = 0; i < count; i++) out->candidates += lines[i].candidates->count;
    Finder f = {.out = out};
    out->of = malloc((size_t)(out->candidates + 1) * sizeof *out->of);
    GroupsBuilt built = out->of ? add_lines(&f, lines, count) : GROUPS_NO_MEMORY;
    free(f.place);
    if (built == GROUPS_BUILT && !list_members(out)) built = GROUPS_NO_MEMORY;
    if (built != GROUPS_BUILT) groups_free(out);
    return built;
}

void groups_free(Groups *g)
{
    free(g->of), free(g->first), free(g->member), free(g->keys);
    *g = (Groups){0};
}

/* ---- ties of several lists ---- */

static bool number_keys(Finder *f, const Groups *ties, int64_t *key)
{
    for (int64_t i = 0; i < ties->count; i++)
        if ((key[i] = number_of(f, ties->keys + i * ties->parts)) < 0) return false;
    return true;
}

static bool find_ties(SharedTies *s, const Groups *const *ties)
{
    const int64_t count = s->keys * s->lists;
    s->tie = malloc((size_t)(count + 1) * sizeof *s->tie);
    for (int64_t i = 0; s->tie && i < count; i++) s->tie[i] = -1;
    for (int l = 0; s->tie && l < s->lists; l++)
        for (int64_t i = 0; i < ties[l]->count; i++) s->tie[s->key[s->begin[l] + i] * s->lists + l] = i;
    return s->tie;
}

bool shared_ties_build(const Groups *const *ties, int lists, SharedTies *out)
{
    Groups all = {.parts = ties[0]->parts};
    Finder f = {.out = &all};
    *out = (SharedTies){.lists = lists, .begin = calloc((size_t)lists + 1, sizeof *out->begin)};
    for (int l = 0; out->begin && l < lists; l++) out->begin[l + 1] = out->begin[l] + ties[l]->count;
    out->key = out->begin ? malloc((size_t)(out->begin[lists] + 1) * sizeof *out->key) : NULL;
    bool ok = out->key;
    for (int l = 0; ok && l < lists; l++) ok = number_keys(&f, ties[l], out->key + out->begin[l]);
    out->keys = all.count;
    ok = ok && find_ties(out, ties);
    free(f.place), groups_free(&all);
    if (!ok) shared_ties_free(out);
    return ok;
}

void shared_ties_free(SharedTies *s)
{
    free(s->key), free(s->begin), free(s->tie);
    *s = (SharedTies){0};
}

int64_t groups_bytes(int64_t candidates, int parts)
{
    return candidates *
           (int64_t)(2 * sizeof(uint32_t) + sizeof(int64_t) + (size_t)parts * 2 * sizeof(double));
}

static int larger_first(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x > y ? -1 : x < y;
}

int64_t groups_most(const Groups *g, int64_t keep)
{
    int64_t most = 0, *size = malloc((size_t)(g->count + 1) * sizeof *size);
    if (!size) return g->candidates;
    for (int64_t i = 0; i < g->count; i++) size[i] = group_size(g, i);
    qsort(size, (size_t)g->count, sizeof *size, larger_first);
    for (int64_t i = 0; i < g->count && i < keep; i++) most += size[i];
    free(size);
    return most;
}

double group_value(const Groups *g, int64_t group, GroupScore score, GroupMember *each, const void *context)
{
    const int64_t first = g->first[group], end = g->first[group + 1];
    double up = 0, down = 0, most = -INFINITY;
    if (score == GROUP_SAME) return each(context, g->member[first]);
    for (int64_t i = first; i < end; i++) {
        const double x = each(context, g->member[i]);
        if (x != x) return x;
        if (score == GROUP_MEAN) up += x;
        else if (x > 0) up += x * x;
        else down += x * x;
        most = x > most ? x : most;
    }
    if (score == GROUP_MAX) return most;
    return score == GROUP_MEAN ? up / (double)(end - first) : sqrt(up) - sqrt(down);
}
