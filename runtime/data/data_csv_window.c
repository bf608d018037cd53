/* data_csv_window.c: rows of a table as sequences (contract in data_csv.h). */
#include "common/plural.h"
#include "data/data_csv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The row behind the group that begins at `first`. */
static int64_t group_end(const Csv *t, int64_t first)
{
    int64_t end = first + 1;

    if (!t->groups) return t->samples;
    while (end < t->samples && t->groups[end].size == t->groups[first].size &&
           memcmp(t->groups[end].text, t->groups[first].text, (size_t)t->groups[first].size) == 0)
        end++;
    return end;
}

CsvLengths csv_lengths(const Csv *t)
{
    CsvLengths m = {.shortest = INT64_MAX};

    for (int64_t first = 0, end; first < t->samples; first = end) {
        end = group_end(t, first);
        if (end - first > m.longest) m.longest = end - first, m.longest_at = first;
        if (end - first < m.shortest) m.shortest = end - first;
        m.count++;
    }
    return m;
}

/* No group is as long as a window. */
static bool too_short(const Csv *t, const Windows *w, const CsvLengths *m, RtError *e)
{
    if (!t->groups)
        rt_fail(e, RT_BAD_INPUT, "%s: a window takes %lld row%s and the file has %lld", t->file.path,
                (long long)w->length, plural(w->length, "s"), (long long)t->samples);
    else
        rt_fail(e, RT_BAD_INPUT,
                "%s: a window takes %lld row%s and the longest group, from row %lld on, has %lld",
                t->file.path, (long long)w->length, plural(w->length, "s"),
                (long long)t->values[m->longest_at * t->targets].row, (long long)m->longest);
    return rt_help(e, "window = %lld, or less", (long long)m->longest);
}

/* Each group is a sample, of w->length positions at most. */
static bool list_groups(Windows *w, const Csv *t, const CsvLengths *m, RtError *e)
{
    w->step = w->length, w->count = m->count;
    w->first = data_memory(w->count, sizeof *w->first, e);
    w->rows = w->first ? data_memory(w->count, sizeof *w->rows, e) : NULL;
    for (int64_t i = 0, first = 0; w->rows && i < w->count; i++) {
        const int64_t end = group_end(t, first);
        w->first[i] = first, w->rows[i] = end - first;
        first = end;
    }
    return w->rows != NULL;
}

/* Windows of all groups; with `to`, their first rows. */
static int64_t list_windows(const Csv *t, const Windows *w, int64_t *to)
{
    int64_t count = 0;

    for (int64_t begin = 0, end; begin < t->samples; begin = end) {
        end = group_end(t, begin);
        count += windows_list(w, begin, end, to ? to + count : NULL);
    }
    return count;
}

bool csv_windows_find(Windows *w, const Csv *t, RtError *e)
{
    CsvLengths m = csv_lengths(t);

    if (w->step == 0) return list_groups(w, t, &m, e);
    if (m.longest < w->length) return too_short(t, w, &m, e);
    w->count = list_windows(t, w, NULL);
    w->first = data_memory(w->count, sizeof *w->first, e);
    return w->first && list_windows(t, w, w->first) == w->count;
}
