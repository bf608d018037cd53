/* data_csv.c: tables of text: csv(file, target, test, split, window, step, group, ignore, header,
 * separator, decimal, comment).
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
 * typing mistake, not a class. The training file decides; the test file must fit it. Without a test file,
 * `split` is the share held out.
 *
 * With `window`, a sample is that many rows that follow one another, with the target of its last row; `step`
 * is from one to the next. A change in the column `group` begins a new sequence, which no window crosses;
 * without `window` each group is one sample. Windows without common rows are split like rows. Those that
 * overlap would put the same rows into training and test, so they are split by position (windows_part).
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
    int64_t window, step; /* 0: not given */
    bool each, scale;
} Settings;

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

static bool read_sequence(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_optional_count(args, d, "window", 1, ROWS_MOST, &s->window, e) ||
        !data_optional_count(args, d, "step", 1, ROWS_MOST, &s->step, e) ||
        !data_flag(args, d, "each", &s->each, e))
        return false;
    if (s->step && !s->window) {
        rt_fail(e, RT_BAD_INPUT, "%s: 'step' is from window to window, and there is no 'window'", d->name);
        return rt_help(e, "window = 32, step = %lld", (long long)s->step);
    }
    if (!s->step) s->step = s->window;
    return true;
}

static bool has_windows(const Settings *s)
{
    return s->window || s->names.group;
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

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "file", &s->file, e) || !read_test(args, d, s, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e) || !read_sequence(args, d, s, e))
        return false;
    if (!*s->file) return rt_fail(e, RT_BAD_INPUT, "%s: 'file' is missing: it names a file", d->name);
    if (!read_columns(args, d, &s->names, e) || !read_form(args, d, &s->form, e)) return false;
    if (!data_flag(args, d, "scale", &s->scale, e)) return false;
    if (!s->each || has_windows(s)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: 'each' is of the rows of a window, and there is no 'window'", d->name);
    return rt_help(e, "window = 32, each = true");
}

/* The table, as rows or as windows. */
static bool open_table(Csv *t, const char *path, const Settings *s, const DataContext *c, const Csv *like,
                       Windows *w, RtError *e)
{
    if (!csv_open(t, data_file_path(c, path, e), &s->form, &s->names, like, e)) return false;
    return !has_windows(s) || csv_windows_find(w, t, e);
}

/* The labels, and where the largest stands: sample and byte. */
static void see_labels(const Csv *t, const Windows *w, const Target *target, Data *d)
{
    const int64_t each = w->each ? w->length : 1, count = (w->count ? w->count : t->samples) * each;

    d->most.sample = -1;
    for (int64_t k = 0; k < count; k++) {
        const int64_t i = k / each;
        const Cell *cell = &t->values[!w->count ? i : w->first[i] + (w->each ? k % each : w->length - 1)];
        const int label = csv_class(target, cell);
        if (target->kind == TARGET_CLASS_NUMBER) data_see(&d->labels, (float)label);
        if (d->most.sample < 0 && label == d->classes - 1) d->most.sample = i, d->most.byte = cell->offset;
    }
}

static bool open_train(Csv *t, const Settings *s, const DataContext *c, Data *d, Windows *w, Target *target,
                       RtError *e)
{
    *w = (Windows){.length = s->window, .step = s->step, .each = s->each};
    if (!open_table(t, s->file, s, c, NULL, w, e) || !csv_target(t, target, e)) return false;
    data_vector(d, t->features);
    if (has_windows(s)) {
        d->rank = 2;
        d->shape[0] = w->length, d->shape[1] = t->features;
        d->features = w->length * t->features;
    }
    d->classes = target->classes;
    data_remember(d->inputs_from, t->file.path);
    data_remember(d->target_from, t->file.path);
    d->positions = s->each ? w->length : 0;
    d->target_size = t->targets * (s->each ? w->length : 1);
    csv_describe(t, d->form, sizeof d->form);
    csv_look(t, d);
    if (d->classes) see_labels(t, w, target, d);
    return true;
}

/* Rows of a table, then its windows. */
static bool load_split(Csv *t, const Windows *w, const Target *target, const Data *d, DataSplit *s,
                       RtError *e)
{
    if (!w->count) return csv_split(t, target, d, s, e);
    DataSplit rows = {0};
    bool good = csv_split(t, target, d, &rows, e) && windows_take(w, 0, w->count, d, &rows, s, e);
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
    bool good = csv_split(t, target, d, &rows, e) && windows_part(w, s->split, d, &rows, e);
    data_split_free(&rows);
    return good;
}

/* The samples of a test file behind those of the others. */
static bool load_test(const Settings *s, const char *path, const Csv *train, const Windows *like,
                      const Target *target, const DataContext *c, Data *d, RtError *e)
{
    Csv t = {0};
    DataSplit more = {0};
    Windows w = {.length = like->length, .step = s->step, .each = s->each};
    bool good = open_table(&t, path, s, c, train, &w, e) && load_split(&t, &w, target, d, &more, e) &&
                data_split_join(d, &d->test, &more, e);

    data_split_free(&more);
    free(w.first);
    csv_close(&t);
    return good;
}

static bool load_files(const Settings *s, const DataContext *c, Data *d, Csv *train, Windows *w,
                       Target *target, RtError *e)
{
    if (!open_train(train, s, c, d, w, target, e)) return false;
    if (!s->test) return load_file(train, s, w, target, c, d, e);
    if (!load_split(train, w, target, d, &d->train, e)) return false;
    if (json_is_string(s->test)) return load_test(s, json_string_value(s->test), train, w, target, c, d, e);
    for (size_t i = 0; i < json_array_size(s->test); i++)
        if (!load_test(s, json_string_value(json_array_get(s->test, i)), train, w, target, c, d, e))
            return false;
    return true;
}

bool data_csv_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0};
    Target target = {0};
    Windows windows = {0};
    Settings s;
    bool good = read_settings(args, d, &s, e) && load_files(&s, c, d, &train, &windows, &target, e);

    free(target.texts);
    free(windows.first);
    csv_close(&train);
    return good || data_missing_help(c, e);
}

bool data_csv_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0};
    Target target = {0};
    Windows windows = {0};
    Settings s;
    bool good = read_settings(args, d, &s, e) && open_train(&train, &s, c, d, &windows, &target, e) &&
                (!s.scale || data_scale_rows(d, train.numbers, train.samples, train.features, e));

    free(target.texts);
    free(windows.first);
    csv_close(&train);
    return good;
}
