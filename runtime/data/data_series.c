/* data_series.c: recorded series, and what follows in them: series(files, window, step, ahead, each, train,
 * test, validation, split, scale).
 *
 * `files` is the path of .npy arrays (rows, columns), or (rows): `*` in the name stands for any text, and
 * the files are numbered in the order of their names, byte by byte. A sample is `window` rows of one file;
 * its target is the row `ahead` behind each of them, or behind the last. `train`, `test` and `validation`
 * are ranges of files. Without `test`, the last windows are the test.
 */
#include "common/plural.h"
#include "data/data_file.h"
#include "data/data_window.h"
#include "data/npy.h"
#include <dirent.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_TRAIN, PART_TEST, PART_VALIDATION, PARTS, FILES_MOST = 1000000, ROWS_MOST = 1000000000 };
static const char *const part_names[PARTS] = {"train", "test", "validation"};

typedef struct Series {
    const char *files;
    Windows windows; /* their length, step and so on; none is listed */
    double split;
    bool scale;
    int64_t range[PARTS][2]; /* first and last file; -1: not given */
    char **paths;            /* (count), owned */
    int64_t count, room;
    int64_t *end;   /* (count): the row behind the last of each file */
    DataSplit rows; /* of all files, one behind the other; its targets are its floats */
    int64_t width;
} Series;

static void series_close(Series *s)
{
    for (int64_t i = 0; i < s->count; i++) free(s->paths[i]);
    free(s->paths);
    free(s->end);
    free(s->rows.floats);
}

/* ---- settings ---- */

static bool read_range(const json_t *args, const Data *d, int part, int64_t range[2], RtError *e)
{
    const json_t *v = json_object_get(args, part_names[part]);

    range[0] = range[1] = -1;
    if (!v || json_is_null(v)) return true;
    bool good = json_is_number(v) || json_array_size(v) == 2;
    for (size_t i = 0; good && i < 2; i++) {
        const double x = json_number_value(json_is_number(v) ? v : json_array_get(v, i));
        good = (json_is_number(v) || json_is_number(json_array_get(v, i))) && x >= 0 && x < FILES_MOST &&
               floor(x) == x;
        range[i] = good ? (int64_t)x : -1;
    }
    if (good && range[0] <= range[1]) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be the numbers of the first and the last file", d->name,
            part_names[part]);
    return rt_help(e, "%s = [5, 14]; the first file, by name, is 0", part_names[part]);
}

static bool read_settings(const json_t *args, const Data *d, Series *s, RtError *e)
{
    Windows *w = &s->windows;

    if (!data_text(args, d, "files", &s->files, e)) return false;
    if (!*s->files) return rt_fail(e, RT_BAD_INPUT, "%s: 'files' is missing: it names files", d->name);
    if (!data_count(args, d, "window", 1, ROWS_MOST, &w->length, e) ||
        !data_optional_count(args, d, "step", 1, ROWS_MOST, &w->step, e) ||
        !data_count(args, d, "ahead", 0, ROWS_MOST, &w->ahead, e) ||
        !data_flag(args, d, "each", &w->each, e) || !data_number(args, d, "split", 0, 1, &s->split, e) ||
        !data_flag(args, d, "scale", &s->scale, e))
        return false;
    if (!w->step) w->step = w->length;
    for (int i = 0; i < PARTS; i++)
        if (!read_range(args, d, i, s->range[i], e)) return false;
    return true;
}

/* ---- files ---- */

static bool add_file(Series *s, const char *folder, const char *name, RtError *e)
{
    char *path = data_file_join(folder, name, e);

    if (path && s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        char **more = realloc(s->paths, (size_t)s->room * sizeof *more);
        if (!more) free(path), path = NULL, rt_fail(e, RT_SYSTEM, "out of memory for names of files");
        else s->paths = more;
    }
    if (path) s->paths[s->count++] = path;
    return path != NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Files of a folder whose names are like the pattern, sorted. */
static bool match_files(Series *s, const char *folder, const char *pattern, RtError *e)
{
    DIR *dir = opendir(*folder ? folder : ".");
    bool good = true;

    for (struct dirent *entry; dir && good && (entry = readdir(dir));)
        if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0) good = add_file(s, folder, entry->d_name, e);
    if (dir) closedir(dir);
    if (s->count) qsort(s->paths, (size_t)s->count, sizeof *s->paths, by_name);
    return good;
}

static bool find_files(Series *s, const DataContext *c, RtError *e)
{
    char *path = data_file_path(c, s->files, e), *slash = path ? strrchr(path, '/') : NULL;
    bool good = path != NULL;

    if (slash) *slash = 0;
    if (good) good = match_files(s, !slash ? "" : slash == path ? "/" : path, slash ? slash + 1 : path, e);
    if (slash) *slash = '/';
    if (good && s->count == 0) good = rt_fail(e, DATA_MISSING, "%s: no such file", path);
    free(path);
    return good;
}

static bool check_ranges(const Series *s, const Data *d, RtError *e)
{
    for (int i = 0; i < PARTS; i++) {
        const int64_t *a = s->range[i];
        if (a[1] >= s->count)
            return rt_fail(e, RT_BAD_INPUT, "%s: %s = [%lld, %lld], and the files are 0 .. %lld", d->name,
                           part_names[i], (long long)a[0], (long long)a[1], (long long)s->count - 1);
        for (int k = 0; k < i && a[0] >= 0; k++) {
            const int64_t *b = s->range[k];
            if (b[0] < 0 || a[1] < b[0] || b[1] < a[0]) continue;
            return rt_fail(e, RT_BAD_INPUT, "%s: file %lld is in %s and in %s", d->name,
                           (long long)(a[0] > b[0] ? a[0] : b[0]), part_names[k], part_names[i]);
        }
    }
    return true;
}

/* The header of a file; the first one says how many columns there are. */
static bool open_file(Series *s, int64_t i, Npy *x, RtError *e)
{
    if (!npy_open(x, data_file_join("", s->paths[i], e), e)) return false;
    if (x->rank > 2 || x->each == 0)
        return data_file_fail(&x->file, x->head, e,
                              "a series is (rows, columns) or (rows); this array has %d dimension%s", x->rank,
                              x->each ? plural(x->rank, "s") : "s, one of them 0");
    if (s->width == 0) s->width = x->each;
    if (x->each == s->width) return true;
    return data_file_fail(&x->file, x->head, e, "%lld column%s, and %s has %lld", (long long)x->each,
                          plural(x->each, "s"), s->paths[0], (long long)s->width);
}

static bool describe(Series *s, const DataContext *c, const json_t *args, Data *d, RtError *e)
{
    Windows *w = &s->windows;
    Npy first = {0};
    bool good = read_settings(args, d, s, e) && find_files(s, c, e) && check_ranges(s, d, e) &&
                open_file(s, 0, &first, e);

    npy_close(&first);
    if (!good) return data_missing_help(c, e);
    d->rank = 2, d->shape[0] = w->length, d->shape[1] = s->width;
    d->features = w->length * s->width;
    d->positions = w->each ? w->length : 0;
    d->target_size = s->width * (w->each ? w->length : 1);
    data_remember(d->inputs_from, s->paths[0]);
    data_remember(d->target_from, s->paths[0]);
    return true;
}

/* The rows of a file behind those that were read before. */
static bool read_file(Series *s, int64_t i, RtError *e)
{
    const int64_t begin = i ? s->end[i - 1] : 0;
    Npy x = {0};
    float *more = NULL, *rows = open_file(s, i, &x, e) ? npy_all_floats(&x, false, e) : NULL;

    s->end[i] = begin + (rows ? x.sizes[0] : 0);
    npy_close(&x);
    if (rows) more = realloc(s->rows.floats, (size_t)(s->end[i] * s->width) * sizeof *more + 1);
    if (more) {
        memcpy(more + begin * s->width, rows, (size_t)((s->end[i] - begin) * s->width) * sizeof *more);
        s->rows.floats = s->rows.targets = more;
    } else if (rows) rt_fail(e, RT_SYSTEM, "out of memory for the rows of %s", s->paths[i]);
    free(rows);
    return more != NULL;
}

/* ---- windows ---- */

/* Is file i of that part? All that no part names are to train on, unless `train` is given. */
static bool is_of(const Series *s, int part, int64_t i)
{
    if (s->range[part][0] >= 0) return i >= s->range[part][0] && i <= s->range[part][1];
    return part == PART_TRAIN && !is_of(s, PART_TEST, i) && !is_of(s, PART_VALIDATION, i);
}

static int64_t list_part(const Series *s, int part, int64_t *to)
{
    int64_t count = 0;

    for (int64_t i = 0; i < s->count; i++)
        if (is_of(s, part, i))
            count += windows_list(&s->windows, i ? s->end[i - 1] : 0, s->end[i], to ? to + count : NULL);
    return count;
}

static bool find_part(const Series *s, int part, Windows *w, const Data *d, RtError *e)
{
    *w = s->windows;
    w->count = list_part(s, part, NULL);
    if (w->count == 0) {
        const int64_t rows = w->length + w->ahead;
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: no file to %s with has the %lld row%s of a window and its target", d->name,
                       part == PART_TRAIN  ? "train"
                       : part == PART_TEST ? "test"
                                           : "validate",
                       (long long)rows, plural(rows, "s"));
    }
    w->first = data_memory(w->count, sizeof *w->first, e);
    return w->first && list_part(s, part, w->first) == w->count;
}

static bool take_part(const Series *s, int part, Data *d, RtError *e)
{
    DataSplit *splits[PARTS] = {&d->train, &d->test, &d->validation};
    const bool parted = part == PART_TRAIN && s->range[PART_TEST][0] < 0 && s->split > 0;
    Windows w;
    bool good = find_part(s, part, &w, d, e);

    if (good)
        good = parted ? windows_part(&w, s->split, d, &s->rows, e)
                      : windows_take(&w, 0, w.count, d, &s->rows, splits[part], e);
    windows_free(&w);
    return good;
}

/* Of the files to train on; rows that only a test has without `test` files are among them. */
static bool find_scale(Series *s, Data *d, RtError *e)
{
    int64_t last = 0;

    s->end = data_memory(s->count, sizeof *s->end, e);
    if (!s->end) return false;
    for (int64_t i = 0; i < s->count; i++) {
        s->end[i] = last;
        if (is_of(s, PART_TRAIN, i) && !read_file(s, i, e)) return false;
        last = s->end[i];
    }
    return data_scale_rows(d, s->rows.floats, last, s->width, e);
}

static bool load(Series *s, const DataContext *c, const json_t *args, Data *d, RtError *e)
{
    if (!describe(s, c, args, d, e)) return false;
    s->end = data_memory(s->count, sizeof *s->end, e);
    if (!s->end) return false;
    for (int64_t i = 0; i < s->count; i++)
        if (!read_file(s, i, e)) return false;
    for (int part = 0; part < PARTS; part++)
        if ((part == PART_TRAIN || s->range[part][0] >= 0) && !take_part(s, part, d, e)) return false;
    snprintf(d->form, sizeof d->form, "%.100s: %lld file%s, %lld rows", s->files, (long long)s->count,
             plural(s->count, "s"), (long long)s->end[s->count - 1]);
    return true;
}

bool data_series_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Series s = {0};
    const bool good = load(&s, c, args, d, e);

    series_close(&s);
    return good;
}

/* From the headers of all files: are they of one width, and long enough for a window? */
static bool look_at_files(Series *s, const Data *d, RtError *e)
{
    bool good = (s->end = data_memory(s->count, sizeof *s->end, e)) != NULL;

    for (int64_t i = 0; good && i < s->count; i++) {
        Npy x = {0};
        good = open_file(s, i, &x, e);
        if (good) s->end[i] = (i ? s->end[i - 1] : 0) + x.sizes[0];
        npy_close(&x);
    }
    for (int part = 0; good && part < PARTS; part++) {
        Windows w = {0};
        if (part == PART_TRAIN || s->range[part][0] >= 0) good = find_part(s, part, &w, d, e);
        windows_free(&w);
    }
    free(s->end), s->end = NULL;
    return good;
}

bool data_series_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Series s = {0};
    const bool good =
        describe(&s, c, args, d, e) && look_at_files(&s, d, e) && (!s.scale || find_scale(&s, d, e));

    series_close(&s);
    return good;
}
