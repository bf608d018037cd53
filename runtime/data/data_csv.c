/* data_csv.c: tables of text: csv(file, target, test, split, window, step, each, scale, group, ignore,
 * header, separator, decimal, comment).
 *
 * Format: RFC 4180; cells are separated by ',', ';', tabs or blanks, which is detected from the first rows,
 * as is a decimal comma (data_csv_form.c); LF, CRLF or CR end a row; empty rows and those that begin with '#'
 * are skipped, and so is a UTF-8 byte order mark. The file may be gzip. `target` is a column's name or number
 * (the first is 0), or a list of several; all other columns but `group` and `ignore` are features in their
 * order and must be numbers.
 *
 * One target is a class when every value is written as a whole number 0 .. 999 (digits only: 3.0 is a
 * number), and when values are texts: these are sorted by bytes and counted from 0. Else it is a number, and
 * so are several targets. Numbers that are not class numbers, mixed with texts, are an error: that is a
 * typing mistake, not a class. The training file decides; test files, one or a list, must fit it. Without a
 * test file, `split` is the share held out.
 *
 * With `window`, a sample is that many rows that follow one another, with the target of its last row, or
 * with `each` of each of them; `step` is from one to the next. A change in the column `group` begins a new
 * sequence, which no window crosses; without `window` each group is one sample, which ends where the group
 * does: all have as many positions as the longest of all files. Windows without common rows
 * are split like rows. Those that overlap would put the same rows into training and test, so they are split
 * by position (windows_part).
 */
#include "data/data_csv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The kind */

typedef struct Settings {
    CsvNames names;
    CsvForm form;
    const char *file;
    const json_t *test; /* path of the test file, or a list of these; NULL: none */
    double split;
    Windows windows;     /* none is listed; length and step 0: not given */
    const json_t *scale; /* true, or columns; NULL: none is scaled */
} Settings;

/* The training table, which decides how the others are read. */
typedef struct Loading {
    const DataContext *context;
    Data *data;
    Settings set;
    Csv train;
    Windows windows; /* of `train`; count 0: its rows are samples */
    Target target;
} Loading;

enum { ROWS_MOST = 1000000000 }; /* of a window, and from one to the next */

/* A column's name or number. */
static bool names_column(const json_t *v)
{
    const char *name = json_string_value(v);
    return json_is_number(v) || (name && *name);
}

/* The same, or a list of these, not empty. */
static bool names_columns(const json_t *v)
{
    bool good = json_array_size(v) > 0;
    for (size_t i = 0; i < json_array_size(v); i++) good = good && names_column(json_array_get(v, i));
    return good || names_column(v);
}

/* An argument, NULL when it is not given, or an empty list. */
static const json_t *argument(const json_t *args, const char *name)
{
    const json_t *v = json_object_get(args, name);
    return json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0) ? NULL : v;
}

/* One character of a list of them, by itself or as a word; '\0' when it is not given. */
static bool read_sign(const json_t *args, const Data *d, const char *name, const char *signs, char *sign,
                      RtError *e)
{
    const char *text;

    *sign = '\0';
    if (!data_text(args, d, name, &text, e)) return false;
    if (strcmp(text, "tab") == 0) text = "\t";
    if (strcmp(text, "blank") == 0) text = " ";
    if (!*text) return true;
    *sign = *text;
    return (!text[1] && strchr(signs, *text)) ||
           rt_fail(e, RT_BAD_INPUT, "%s: %s = \"%s\" is none of %s", d->name, name, text,
                   strchr(signs, '\t') ? "\",\", \";\", \"tab\" and \"blank\"" : "\".\" and \",\"");
}

static bool read_form(const json_t *args, const Data *d, CsvForm *f, RtError *e)
{
    const json_t *header = argument(args, "header");
    const char *comment;

    if (!read_sign(args, d, "separator", ",;\t ", &f->separator, e) ||
        !read_sign(args, d, "decimal", ".,", &f->decimal, e) || !data_text(args, d, "comment", &comment, e))
        return false;
    if (strlen(comment) > 1)
        return rt_fail(e, RT_BAD_INPUT, "%s: comment = \"%s\" is more than one character", d->name, comment);
    f->comment = *comment;
    if (header && !json_is_boolean(header))
        return rt_fail(e, RT_BAD_INPUT, "%s: 'header' must be true or false", d->name);
    f->header = !header ? HEADER_GUESS : json_is_true(header) ? HEADER_GIVEN : HEADER_NONE;
    if (f->decimal != ',' || f->separator != ',') return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: a comma is the separator or the decimal sign, not both", d->name);
}

static bool read_columns(const json_t *args, const Data *d, CsvNames *n, RtError *e)
{
    *n = (CsvNames){argument(args, "target"), argument(args, "group"), argument(args, "ignore")};
    if (n->group && !names_column(n->group))
        return rt_fail(e, RT_BAD_INPUT, "%s: 'group' must be the name of a column, or its number", d->name);
    if (n->ignore && !names_columns(n->ignore))
        return rt_fail(e, RT_BAD_INPUT, "%s: 'ignore' must be the name of a column, its number, or a list",
                       d->name);
    if (names_columns(n->target)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: 'target' is missing", d->name);
    return rt_help(e,
                   "target = \"NAME\" of a column, or its number; the first column is 0; or a list of these");
}

static bool read_sequence(const json_t *args, const Data *d, Windows *w, RtError *e)
{
    if (!data_optional_count(args, d, "window", 1, ROWS_MOST, &w->length, e) ||
        !data_optional_count(args, d, "step", 1, ROWS_MOST, &w->step, e) ||
        !data_flag(args, d, "each", &w->each, e))
        return false;
    if (w->step && !w->length) {
        rt_fail(e, RT_BAD_INPUT, "%s: 'step' is from window to window, and there is no 'window'", d->name);
        return rt_help(e, "window = 32, step = %lld", (long long)w->step);
    }
    if (!w->step) w->step = w->length;
    return true;
}

static bool has_windows(const Settings *s)
{
    return s->windows.length || s->names.group;
}

static bool groups_are_samples(const Settings *s)
{
    return s->names.group && !s->windows.length;
}

static bool is_path(const json_t *v)
{
    const char *text = json_string_value(v);
    return text && *text;
}

/* A path, or a list of these. */
static bool read_test(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    const char *text = json_string_value(json_object_get(args, "test"));
    bool good = true;

    s->test = text && !*text ? NULL : argument(args, "test");
    for (size_t i = 0; i < json_array_size(s->test); i++) good = good && is_path(json_array_get(s->test, i));
    return (good && (!s->test || json_is_array(s->test) || is_path(s->test))) ||
           rt_fail(e, RT_BAD_INPUT, "%s: 'test' must be the path of a file, or a list of these", d->name);
}

static bool read_scale(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    s->scale = argument(args, "scale");
    if (json_is_false(s->scale)) s->scale = NULL;
    return !s->scale || json_is_true(s->scale) || names_columns(s->scale) ||
           rt_fail(e, RT_BAD_INPUT,
                   "%s: 'scale' must be true or false, the name of a column, its number, or a list", d->name);
}

/* Mean and deviation of the columns that the program scales. */
static bool find_scale(Loading *l, RtError *e)
{
    const Csv *t = &l->train;
    if (!l->set.scale) return true;
    return data_scale_rows(l->data, t->numbers, t->samples, t->features, e) &&
           (json_is_true(l->set.scale) || csv_scale_some(&l->train, l->set.scale, l->data, e));
}

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "file", &s->file, e) || !read_test(args, d, s, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e) || !read_sequence(args, d, &s->windows, e))
        return false;
    if (!*s->file) return rt_fail(e, RT_BAD_INPUT, "%s: 'file' is missing: it names a file", d->name);
    if (!read_columns(args, d, &s->names, e) || !read_form(args, d, &s->form, e)) return false;
    if (!read_scale(args, d, s, e)) return false;
    s->form.whole = d->whole;
    if (!s->windows.each || has_windows(s)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: 'each' is of the rows of a window, and there is no 'window'", d->name);
    return rt_help(e, "window = 32, each = true");
}

static int64_t test_files(const Settings *s)
{
    return !s->test ? 0 : json_is_array(s->test) ? (int64_t)json_array_size(s->test) : 1;
}

static const char *test_file(const Settings *s, int64_t i)
{
    return json_string_value(json_is_array(s->test) ? json_array_get(s->test, (size_t)i) : s->test);
}

static void see_lengths(const Csv *t, CsvLengths *all)
{
    const CsvLengths m = csv_lengths(t);
    if (all->count == 0 || m.shortest < all->shortest) all->shortest = m.shortest;
    if (m.longest > all->longest) all->longest = m.longest;
    all->count += m.count;
}

/* Where groups are samples: all have as many positions as the longest one, of the test files, too. */
static bool measure_groups(Loading *l, RtError *e)
{
    CsvLengths all = {0};
    bool good = true;

    if (!groups_are_samples(&l->set)) return true;
    see_lengths(&l->train, &all);
    for (int64_t i = 0; good && i < test_files(&l->set); i++) {
        Csv t = {0};
        good = csv_open(&t, data_file_path(l->context, test_file(&l->set, i), e), &l->set.form, &l->set.names,
                        &l->train, e);
        if (good) see_lengths(&t, &all);
        csv_close(&t);
    }
    l->windows.length = all.longest, l->data->padded = all.shortest < all.longest;
    return good;
}

static void see_label(const Loading *l, const Cell *cell, int64_t sample)
{
    Data *d = l->data;
    const int label = csv_class(&l->target, cell);
    if (l->target.kind == TARGET_CLASS_NUMBER) data_see(&d->labels, (float)label);
    if (d->most.sample < 0 && label == d->classes - 1) d->most.sample = sample, d->most.byte = cell->offset;
}

/* The labels, and where the largest stands: sample and byte. */
static void see_labels(const Loading *l)
{
    Data *d = l->data;
    const Windows *w = &l->windows;
    const int64_t count = w->count ? w->count : l->train.samples;

    d->most.sample = -1;
    for (int64_t i = 0; i < count; i++) {
        const int64_t first = w->count ? w->first[i] : i, rows = w->count ? windows_rows(w, i) : 1;
        for (int64_t k = w->each ? 0 : rows - 1; k < rows; k++) see_label(l, &l->train.values[first + k], i);
    }
}

static bool open_train(Loading *l, RtError *e)
{
    Csv *t = &l->train;
    Windows *w = &l->windows;
    Data *d = l->data;

    *w = l->set.windows;
    if (!csv_open(t, data_file_path(l->context, l->set.file, e), &l->set.form, &l->set.names, NULL, e) ||
        !measure_groups(l, e) || (has_windows(&l->set) && !csv_windows_find(w, t, e)) ||
        !csv_target(t, &l->target, e))
        return false;
    data_vector(d, t->features);
    if (has_windows(&l->set)) {
        d->rank = 2;
        d->shape[0] = w->length, d->shape[1] = t->features;
        d->features = w->length * t->features;
    }
    d->classes = l->target.classes;
    data_remember(d->inputs_from, t->file.path);
    data_remember(d->target_from, t->file.path);
    d->positions = w->each ? w->length : 0;
    d->target_size = t->targets * (w->each ? w->length : 1);
    csv_describe(t, d->form, sizeof d->form);
    csv_look(t, d);
    if (d->classes) see_labels(l);
    return true;
}

/* Rows of a table, then its windows. */
static bool load_split(const Loading *l, Csv *t, const Windows *w, DataSplit *s, RtError *e)
{
    if (!w->count) return csv_split(t, &l->target, l->data, s, e);
    DataSplit rows = {0};
    bool good =
        csv_split(t, &l->target, l->data, &rows, e) && windows_take(w, 0, w->count, l->data, &rows, s, e);
    data_split_free(&rows);
    return good;
}

/* Both splits of one file. */
static bool load_file(Loading *l, RtError *e)
{
    const Windows *w = &l->windows;
    const double split = l->set.split;

    if (!w->count || w->step >= w->length || split == 0)
        return load_split(l, &l->train, w, &l->data->train, e) &&
               data_hold_out(l->data, split, l->context, e);
    DataSplit rows = {0};
    bool good =
        csv_split(&l->train, &l->target, l->data, &rows, e) && windows_part(w, split, l->data, &rows, e);
    data_split_free(&rows);
    return good;
}

/* The samples of a test file behind those of the others. */
static bool load_test(Loading *l, const char *path, RtError *e)
{
    Csv t = {0};
    DataSplit more = {0};
    Windows w = l->set.windows;
    if (groups_are_samples(&l->set)) w.length = l->windows.length;
    bool good =
        csv_open(&t, data_file_path(l->context, path, e), &l->set.form, &l->set.names, &l->train, e) &&
        (!has_windows(&l->set) || csv_windows_find(&w, &t, e)) && load_split(l, &t, &w, &more, e) &&
        data_split_join(l->data, &l->data->test, &more, e);

    data_split_free(&more);
    windows_free(&w);
    csv_close(&t);
    return good;
}

static bool load_files(Loading *l, RtError *e)
{
    if (!l->set.test) return load_file(l, e);
    if (!load_split(l, &l->train, &l->windows, &l->data->train, e)) return false;
    for (int64_t i = 0; i < test_files(&l->set); i++)
        if (!load_test(l, test_file(&l->set, i), e)) return false;
    return true;
}

static void loading_close(Loading *l)
{
    free(l->target.texts);
    windows_free(&l->windows);
    csv_close(&l->train);
}

bool data_csv_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Loading l = {.context = c, .data = d};
    bool good = read_settings(args, d, &l.set, e) && open_train(&l, e) && load_files(&l, e);

    loading_close(&l);
    return good || data_missing_help(c, e);
}

bool data_csv_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Loading l = {.context = c, .data = d};
    bool good = read_settings(args, d, &l.set, e) && open_train(&l, e) && find_scale(&l, e) &&
                load_files(&l, e); /* what is wrong is told before the program is built */

    loading_close(&l);
    data_split_free(&d->train), data_split_free(&d->test);
    return good || data_missing_help(c, e);
}
