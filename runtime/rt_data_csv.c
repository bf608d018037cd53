/* rt_data_csv.c: tables of text: csv(file, target, test, split, window, step, group).
 *
 * Format: RFC 4180 with comma and double quote; LF, CRLF or CR end a row; empty rows are skipped, and so is a
 * UTF-8 byte order mark. The file may be gzip. A first row with any cell that is neither empty nor a number
 * is the header. `target` is a column's name or number (the first is 0); all other columns are features in
 * their order and must be numbers.
 *
 * The target is a class when every value is written as a whole number 0 .. 999 (digits only: 3.0 is a
 * number), and when values are texts: these are sorted by bytes and counted from 0. Else it is a number.
 * Numbers that are not class numbers, mixed with texts, are an error: that is a typing mistake, not a class.
 * The training file decides; the test file must fit it. Without a test file, `split` is the share held out.
 *
 * With `window`, a sample is that many rows that follow one another, with the target of its last row; `step`
 * is from one to the next. A change in the column `group` begins a new sequence, which no window crosses;
 * without `window` each group is one sample. Windows without common rows are split like rows. Those that
 * overlap would put the same rows into training and test, so they are split by position (csv_windows_part).
 */
#include "rt_data_csv.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASS_NUMBERS = 1000 };

typedef enum TargetKind { TARGET_CLASS_NUMBER, TARGET_TEXT, TARGET_NUMBER } TargetKind;

typedef struct Target {
    TargetKind kind;
    int classes;
    Cell *texts; /* (classes), sorted, for TARGET_TEXT */
} Target;

/* The target */

/* 0 .. 999 in digits only, or -1. */
static int class_number(const Cell *cell)
{
    int n = 0;

    if (cell->size < 1 || cell->size > 3) return -1;
    for (int64_t i = 0; i < cell->size; i++) {
        if (!isdigit((unsigned char)cell->text[i])) return -1;
        n = n * 10 + (cell->text[i] - '0');
    }
    return n;
}

static int compare_cells(const void *left, const void *right)
{
    const Cell *a = left, *b = right;
    int64_t n = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->text, b->text, (size_t)n);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* Sorts the texts and removes repeats. */
static bool collect_texts(const Csv *t, Target *target, RtError *e)
{
    int64_t n = 0;
    Cell *texts = data_memory(t->samples, sizeof *texts, e);

    if (!texts) return false;
    target->texts = texts;
    memcpy(texts, t->targets, (size_t)t->samples * sizeof *texts);
    qsort(texts, (size_t)t->samples, sizeof *texts, compare_cells);
    for (int64_t i = 0; i < t->samples; i++)
        if (i == 0 || compare_cells(&texts[i], &texts[n - 1]) != 0) texts[n++] = texts[i];
    target->classes = (int)n;
    if (n <= CLASS_NUMBERS) return true;
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: column %d, the target, has %lld different texts; classes are %d at most",
                   t->file.path, t->target + 1, (long long)n, CLASS_NUMBERS);
}

static bool check_numbers(const Csv *t, RtError *e)
{
    float x;

    for (int64_t i = 0; i < t->samples; i++)
        if (!csv_number(t, &t->targets[i], t->target, &x, e)) return false;
    return true;
}

/* Decides what the target column of the training file is. */
static bool decide_target(const Csv *t, Target *target, RtError *e)
{
    const Cell *text = NULL, *fraction = NULL;
    int largest = 0;

    for (int64_t i = 0; i < t->samples; i++) {
        const Cell *cell = &t->targets[i];
        int number = class_number(cell);
        if (number > largest) largest = number;
        if (number < 0 && csv_is_decimal(cell)) fraction = cell;
        else if (number < 0 && !text) text = cell;
    }
    *target = (Target){.kind = TARGET_CLASS_NUMBER, .classes = largest + 1};
    if (text && fraction)
        return csv_fail(t, text, t->target, e, "is not a number, as others of this column are");
    if (fraction) {
        *target = (Target){.kind = TARGET_NUMBER};
        return check_numbers(t, e);
    }
    if (!text) return true;
    target->kind = TARGET_TEXT;
    return collect_texts(t, target, e);
}

/* The class of a cell, or -1. */
static int find_class(const Target *target, const Cell *cell)
{
    if (target->kind == TARGET_CLASS_NUMBER) {
        int number = class_number(cell);
        return number < target->classes ? number : -1;
    }
    const Cell *found = bsearch(cell, target->texts, (size_t)target->classes, sizeof *cell, compare_cells);
    return found ? (int)(found - target->texts) : -1;
}

static bool unknown_class(const Csv *t, const Target *target, const Cell *cell, RtError *e)
{
    char problem[80];

    if (target->kind == TARGET_TEXT)
        return csv_fail(t, cell, t->target, e, "is no class of the training file");
    snprintf(problem, sizeof problem, "is not a class, 0 .. %d in the training file", target->classes - 1);
    return csv_fail(t, cell, t->target, e, problem);
}

/* Makes a split of a table; its features move over. */
static bool csv_split(Csv *t, const Target *target, const Data *d, DataSplit *s, RtError *e)
{
    s->samples = t->samples;
    s->floats = t->numbers;
    t->numbers = NULL;
    if (d->classes) s->labels = data_memory(t->samples, sizeof(int32_t), e);
    else s->targets = data_memory(t->samples, sizeof(float), e);
    if (!s->labels && !s->targets) return false;
    for (int64_t i = 0; i < t->samples; i++) {
        const Cell *cell = &t->targets[i];
        if (d->classes) {
            int number = find_class(target, cell);
            if (number < 0) return unknown_class(t, target, cell, e);
            s->labels[i] = number;
        } else if (!csv_number(t, cell, t->target, &s->targets[i], e)) {
            return false;
        }
    }
    return true;
}

/* The kind */

typedef struct Settings {
    const json_t *target, *group;
    const char *file, *test;
    double split;
    int64_t window, step; /* 0: not given */
} Settings;

enum { ROWS_MOST = 1000000000 }; /* of a window, and from one to the next */

/* A column's name or number. */
static bool names_column(const json_t *v)
{
    const char *name = json_string_value(v);
    return json_is_number(v) || (name && *name);
}

static bool read_sequence(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    s->group = json_object_get(args, "group");
    if (!data_optional_count(args, d, "window", 1, ROWS_MOST, &s->window, e) ||
        !data_optional_count(args, d, "step", 1, ROWS_MOST, &s->step, e))
        return false;
    if (s->group && json_is_null(s->group)) s->group = NULL;
    if (s->group && !names_column(s->group))
        return rt_fail(e, RT_BAD_INPUT, "%s: 'group' must be the name of a column, or its number", d->name);
    if (s->step && !s->window) {
        rt_fail(e, RT_BAD_INPUT, "%s: 'step' is from window to window, and there is no 'window'", d->name);
        return rt_help(e, "window = 32, step = %lld", (long long)s->step);
    }
    if (!s->step) s->step = s->window;
    return true;
}

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "file", &s->file, e) || !data_text(args, d, "test", &s->test, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e) || !read_sequence(args, d, s, e))
        return false;
    if (!*s->file) return rt_fail(e, RT_BAD_INPUT, "%s: 'file' is missing: it names a file", d->name);
    s->target = json_object_get(args, "target");
    if (names_column(s->target)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: 'target' is missing", d->name);
    return rt_help(e, "target = \"NAME\" of a column, or its number; the first column is 0");
}

static bool has_windows(const Settings *s)
{
    return s->window || s->group;
}

/* The table, as rows or as windows. */
static bool open_table(Csv *t, const char *path, const Settings *s, const DataContext *c, const Csv *like,
                       Windows *w, RtError *e)
{
    if (!csv_open(t, data_file_path(c, path, e), s->target, s->group, like, e)) return false;
    return !has_windows(s) || csv_windows_find(w, t, e);
}

/* Where the largest class stands: sample and byte. */
static void remember_most(const Csv *t, const Windows *w, const Target *target, Data *d)
{
    int64_t count = w->count ? w->count : t->samples;
    for (int64_t i = 0; i < count; i++) {
        const Cell *cell = &t->targets[w->count ? w->first[i] + w->length - 1 : i];
        if (find_class(target, cell) < d->classes - 1) continue;
        d->most.sample = i, d->most.byte = cell->offset;
        return;
    }
}

static bool open_train(Csv *t, const Settings *s, const DataContext *c, Data *d, Windows *w, Target *target,
                       RtError *e)
{
    *w = (Windows){.length = s->window, .step = s->step};
    if (!open_table(t, s->file, s, c, NULL, w, e) || !decide_target(t, target, e)) return false;
    data_vector(d, t->features);
    if (has_windows(s)) {
        d->rank = 2;
        d->shape[0] = w->length, d->shape[1] = t->features;
        d->features = w->length * t->features;
    }
    d->classes = target->classes;
    data_remember(d->inputs_from, t->file.path);
    data_remember(d->target_from, t->file.path);
    if (d->classes) remember_most(t, w, target, d);
    return true;
}

/* Rows of a table, then its windows. */
static bool load_split(Csv *t, const Windows *w, const Target *target, const Data *d, DataSplit *s,
                       RtError *e)
{
    if (!w->count) return csv_split(t, target, d, s, e);
    DataSplit rows = {0};
    bool good = csv_split(t, target, d, &rows, e) && csv_windows_take(w, 0, w->count, d, &rows, s, e);
    data_split_free(&rows);
    return good;
}

/* Both splits of one file. */
static bool load_file(Csv *t, const Settings *s, const Windows *w, const Target *target, const DataContext *c,
                      Data *d, RtError *e)
{
    if (!w->count || w->step >= w->length || s->split == 0)
        return load_split(t, w, target, d, &d->train, e) && data_hold_out(d, s->split, c, e);
    DataSplit rows = {0};
    bool good = csv_split(t, target, d, &rows, e) && csv_windows_part(w, s->split, d, &rows, e);
    data_split_free(&rows);
    return good;
}

static bool load_both(const Settings *s, const DataContext *c, Data *d, Csv *train, Csv *test, Windows *w,
                      Target *target, RtError *e)
{
    if (!open_train(train, s, c, d, &w[0], target, e)) return false;
    if (!*s->test) return load_file(train, s, &w[0], target, c, d, e);
    w[1] = (Windows){.length = w[0].length, .step = s->step};
    return load_split(train, &w[0], target, d, &d->train, e) &&
           open_table(test, s->test, s, c, train, &w[1], e) &&
           load_split(test, &w[1], target, d, &d->test, e);
}

bool data_csv_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0}, test = {0};
    Target target = {0};
    Windows windows[2] = {{0}};
    Settings s;
    bool good = read_settings(args, d, &s, e) && load_both(&s, c, d, &train, &test, windows, &target, e);

    free(target.texts);
    free(windows[0].first);
    free(windows[1].first);
    csv_close(&train);
    csv_close(&test);
    return good || data_missing_help(c, e);
}

bool data_csv_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0};
    Target target = {0};
    Windows windows = {0};
    Settings s;
    bool good = read_settings(args, d, &s, e) && open_train(&train, &s, c, d, &windows, &target, e);

    free(target.texts);
    free(windows.first);
    csv_close(&train);
    return good;
}
