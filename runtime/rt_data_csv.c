/* rt_data_csv.c: tables of text: csv(file, target, test, split).
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
 * In messages, row is the line of the file (the first is 1, the header counts) and column counts from 1, as
 * editors and spreadsheets do.
 *
 * Method: the whole file is in memory; cells are cut out of it in place, features are converted row by row,
 * cells of the target are kept until the column is known.
 */
#include "rt_data_kind.h"
#include "rt_data_file.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CLASS_NUMBERS = 1000, QUOTE_MOST = 40, COLUMNS_MOST = 1 << 28 };

typedef struct Cell {
    const char *text; /* inside Csv.text, not terminated */
    int64_t size, offset, row;
} Cell;

typedef struct Csv {
    DataFile file;
    char *text;
    int64_t size, at, line; /* at: next byte; line: of that byte, from 1 */
    Cell *cells;            /* the row read last */
    int columns, room;      /* cells in that row; room in `cells` */
    Cell *names;            /* the header, NULL without one */
    int width;              /* columns of the table */
    int target;
    int64_t samples, samples_room;
    float *features; /* (samples, width - 1) */
    Cell *targets;   /* (samples) */
} Csv;

typedef enum TargetKind { TARGET_CLASS_NUMBER, TARGET_TEXT, TARGET_NUMBER } TargetKind;

typedef struct Target {
    TargetKind kind;
    int classes;
    Cell *texts; /* (classes), sorted, for TARGET_TEXT */
} Target;

/* Messages */

/* A cell as it may be shown: control characters out, cut when long. */
static const char *show(const Cell *cell, char text[QUOTE_MOST + 6])
{
    int64_t n = cell->size < QUOTE_MOST ? cell->size : QUOTE_MOST;

    for (int64_t i = 0; i < n; i++) text[i] = iscntrl((unsigned char)cell->text[i]) ? '?' : cell->text[i];
    strcpy(text + n, n < cell->size ? "..." : "");
    return text;
}

/* "PATH, byte 812: row 17, column 3 ('width'): 'abc' PROBLEM" */
static bool cell_fail(const Csv *t, const Cell *cell, int column, RtError *e, const char *problem)
{
    char name[QUOTE_MOST + 6], value[QUOTE_MOST + 6], where[QUOTE_MOST + 20] = "";

    if (t->names) snprintf(where, sizeof where, " ('%s')", show(&t->names[column], name));
    return data_file_fail(&t->file, cell->offset, e, "row %lld, column %d%s: %s%s%s%s", (long long)cell->row,
                          column + 1, where, cell->size ? "'" : "", show(cell, value), cell->size ? "' " : "",
                          problem);
}

/* Cells and rows */

static bool at_row_end(const Csv *t)
{
    return t->at >= t->size || t->text[t->at] == '\n' || t->text[t->at] == '\r';
}

static void skip_row_end(Csv *t)
{
    if (t->at >= t->size) return;
    if (t->text[t->at] == '\r' && t->at + 1 < t->size && t->text[t->at + 1] == '\n') t->at++;
    t->at++;
    t->line++;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Behind an opening quote: joins doubled quotes in place. */
static bool quoted_cell(Csv *t, Cell *cell, RtError *e)
{
    char *to = t->text + t->at;

    cell->text = to;
    for (;; t->at++) {
        if (t->at >= t->size)
            return data_file_fail(&t->file, cell->offset, e, "row %lld, column %d: the quote is never closed",
                                  (long long)cell->row, t->columns + 1);
        char c = t->text[t->at];
        if (c == '"') {
            if (t->at + 1 >= t->size || t->text[t->at + 1] != '"') break;
            t->at++;
        }
        t->line += c == '\n';
        *to++ = c;
    }
    t->at++;
    cell->size = to - cell->text;
    while (!at_row_end(t) && is_blank(t->text[t->at])) t->at++;
    if (at_row_end(t) || t->text[t->at] == ',') return true;
    return data_file_fail(&t->file, t->at, e, "row %lld, column %d: text after the closing quote",
                          (long long)cell->row, t->columns + 1);
}

static bool read_cell(Csv *t, Cell *cell, RtError *e)
{
    while (!at_row_end(t) && is_blank(t->text[t->at])) t->at++;
    *cell = (Cell){t->text + t->at, 0, t->at, t->line};
    if (!at_row_end(t) && t->text[t->at] == '"') {
        t->at++;
        return quoted_cell(t, cell, e);
    }
    while (!at_row_end(t) && t->text[t->at] != ',') t->at++;
    cell->size = t->text + t->at - cell->text;
    while (cell->size && is_blank(cell->text[cell->size - 1])) cell->size--;
    return true;
}

static bool grow_cells(Csv *t, RtError *e)
{
    if (t->columns < t->room) return true;
    int room = t->room ? t->room * 2 : 64;
    Cell *more = room > COLUMNS_MOST ? NULL : realloc(t->cells, (size_t)room * sizeof *more);
    if (!more) return rt_fail(e, RT_SYSTEM, "%s: out of memory at %d columns", t->file.path, t->columns);
    t->cells = more;
    t->room = room;
    return true;
}

/* Reads the next row that is not empty into t->cells; *more is false at the end of the file. */
static bool read_row(Csv *t, bool *more, RtError *e)
{
    while (t->at < t->size && at_row_end(t)) skip_row_end(t);
    *more = t->at < t->size;
    if (!*more) return true;
    for (t->columns = 0;; t->at++) {
        if (!grow_cells(t, e) || !read_cell(t, &t->cells[t->columns], e)) return false;
        t->columns++;
        if (at_row_end(t)) break;
    }
    skip_row_end(t);
    return true;
}

/* Numbers */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* [+-] digits [. digits] [e [+-] digits]: what strtod takes, less hexadecimal. */
static bool is_decimal(const Cell *cell)
{
    const char *p = cell->text, *end = p + cell->size, *from;

    if (p < end && (*p == '+' || *p == '-')) p++;
    from = p;
    p = skip_digits(p, end);
    int64_t digits = p - from;
    if (p < end && *p == '.') {
        from = ++p;
        p = skip_digits(p, end);
        digits += p - from;
    }
    if (digits == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        from = p;
        p = skip_digits(p, end);
        if (p == from) return false;
    }
    return p == end;
}

/* nan, inf, infinity, with sign, in any case: numbers, but refused. */
static bool is_not_finite(const Cell *cell)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    const char *p = cell->text;
    int64_t n = cell->size;

    if (n && (*p == '+' || *p == '-')) p++, n--;
    for (int i = 0; i < 3; i++)
        if (n == (int64_t)strlen(words[i]) && strncasecmp(p, words[i], (size_t)n) == 0) return true;
    return false;
}

static bool is_number(const Cell *cell)
{
    return is_decimal(cell) || is_not_finite(cell);
}

/* Cells are never the last byte of the buffer, and what follows one cannot go on a number: strtod stops
 * there. */
static bool read_number(const Csv *t, const Cell *cell, int column, float *x, RtError *e)
{
    if (cell->size == 0) return cell_fail(t, cell, column, e, "the cell is empty");
    if (is_not_finite(cell)) return cell_fail(t, cell, column, e, "is not finite");
    if (!is_decimal(cell)) return cell_fail(t, cell, column, e, "is not a number");
    *x = strtof(cell->text, NULL);
    return isfinite(*x) || cell_fail(t, cell, column, e, "is too large for a 32-bit float");
}

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

/* The table */

static bool cell_is(const Cell *cell, const char *text)
{
    return (size_t)cell->size == strlen(text) && memcmp(cell->text, text, (size_t)cell->size) == 0;
}

static bool target_missing(const Csv *t, const char *name, RtError *e)
{
    char list[600] = "", shown[QUOTE_MOST + 6];
    size_t used = 0;

    if (!t->names) {
        rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s': the file has no header row", t->file.path,
                name);
        return rt_help(e, "give the column's number: target = 0 .. %d", t->width - 1);
    }
    rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s'", t->file.path, name);
    for (int i = 0; i < t->width && used + QUOTE_MOST + 16 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i ? ", " : "",
                                 show(&t->names[i], shown));
    return rt_help(e, "columns are %s", list);
}

/* Finds the column that `target` names. */
static bool find_target(Csv *t, const json_t *target, RtError *e)
{
    const char *name = json_string_value(target);
    double number = json_number_value(target);

    t->target = -1;
    if (json_is_number(target)) {
        if (number >= 0 && number < t->width && number == floor(number)) t->target = (int)number;
        if (t->target >= 0) return true;
        rt_fail(e, RT_BAD_INPUT, "%s: target = %g, but the file has %d columns", t->file.path, number,
                t->width);
        return rt_help(e, "the first column is 0: target = 0 .. %d", t->width - 1);
    }
    for (int i = 0; t->names && i < t->width; i++) {
        if (!cell_is(&t->names[i], name)) continue;
        if (t->target >= 0)
            return rt_fail(e, RT_BAD_INPUT, "%s: columns %d and %d are both named '%s'", t->file.path,
                           t->target + 1, i + 1, name);
        t->target = i;
    }
    return t->target >= 0 || target_missing(t, name, e);
}

/* The first row: takes it as header if it is one, and finds the width. */
static bool read_head(Csv *t, RtError *e)
{
    bool more, header = false;

    if (!read_row(t, &more, e)) return false;
    if (!more) return data_file_fail(&t->file, 0, e, "the file holds no rows");
    t->width = t->columns;
    for (int i = 0; i < t->columns; i++) header |= t->cells[i].size && !is_number(&t->cells[i]);
    if (t->width < 2) {
        data_file_fail(&t->file, 0, e, "the first row has 1 column; features and a target are 2 at least");
        bool other = memchr(t->text, ';', (size_t)t->at) || memchr(t->text, '\t', (size_t)t->at);
        return other ? rt_help(e, "columns are separated by commas, not by ';' or tabs") : false;
    }
    if (header) {
        t->names = t->cells;
        t->cells = NULL;
        t->room = 0;
    } else {
        t->at = 0;
        t->line = 1;
    }
    return true;
}

static bool grow_samples(Csv *t, RtError *e)
{
    if (t->samples < t->samples_room) return true;
    int64_t room = t->samples_room ? t->samples_room * 2 : 16;
    float *features = realloc(t->features, (size_t)room * (size_t)(t->width - 1) * sizeof *features);
    if (features) t->features = features;
    Cell *targets = realloc(t->targets, (size_t)room * sizeof *targets);
    if (targets) t->targets = targets;
    if (!features || !targets)
        return rt_fail(e, RT_SYSTEM, "%s: out of memory at %lld rows", t->file.path, (long long)t->samples);
    t->samples_room = room;
    return true;
}

/* Adds the row in t->cells to the table. */
static bool take_row(Csv *t, RtError *e)
{
    if (t->columns != t->width)
        return data_file_fail(&t->file, t->cells[0].offset, e, "row %lld has %d cells, the first row has %d",
                              (long long)t->cells[0].row, t->columns, t->width);
    if (!grow_samples(t, e)) return false;
    float *features = t->features + t->samples * (t->width - 1);
    for (int i = 0; i < t->width; i++)
        if (i != t->target && !read_number(t, &t->cells[i], i, features++, e)) return false;
    const Cell *target = &t->cells[t->target];
    if (target->size == 0) return cell_fail(t, target, t->target, e, "the cell is empty");
    if (is_not_finite(target)) return cell_fail(t, target, t->target, e, "is not finite");
    t->targets[t->samples++] = *target;
    return true;
}

static void csv_close(Csv *t)
{
    data_file_close(&t->file);
    free(t->text);
    free(t->cells);
    free(t->names);
    free(t->features);
    free(t->targets);
}

static bool csv_load_text(Csv *t, char *path, RtError *e)
{
    if (!data_file_open(&t->file, path, true, e)) return false;
    t->text = data_file_rest(&t->file, &t->size, e);
    if (!t->text) return false;
    const char *b = t->text;
    t->line = 1;
    if (t->size >= 3 && memcmp(b, "\xEF\xBB\xBF", 3) == 0) memset(t->text, ' ', 3); /* skipped as a blank */
    if (t->size < 2 || (memcmp(b, "\xFF\xFE", 2) != 0 && memcmp(b, "\xFE\xFF", 2) != 0)) return true;
    return data_file_fail(&t->file, 0, e, "the text is UTF-16; save it as UTF-8");
}

/* Reads a whole file; `like` is the training file when this is the test file. */
static bool csv_open(Csv *t, char *path, const json_t *target, const Csv *like, RtError *e)
{
    bool more = true;

    if (!csv_load_text(t, path, e) || !read_head(t, e)) return false;
    if (like && t->width != like->width)
        return data_file_fail(&t->file, 0, e, "%d columns, but %s has %d", t->width, like->file.path,
                              like->width);
    for (int i = 0; like && like->names && t->names && i < t->width; i++)
        if (t->names[i].size != like->names[i].size ||
            memcmp(t->names[i].text, like->names[i].text, (size_t)t->names[i].size) != 0)
            return cell_fail(t, &t->names[i], i, e, "is not the name of this column in the training file");
    if (like) t->target = like->target;
    else if (!find_target(t, target, e)) return false;
    while (read_row(t, &more, e) && more)
        if (!take_row(t, e)) return false;
    if (more) return false;
    return t->samples > 0 || data_file_fail(&t->file, t->at, e, "no rows after the header");
}

/* The target */

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
        if (!read_number(t, &t->targets[i], t->target, &x, e)) return false;
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
        if (number < 0 && is_decimal(cell)) fraction = cell;
        else if (number < 0 && !text) text = cell;
    }
    *target = (Target){.kind = TARGET_CLASS_NUMBER, .classes = largest + 1};
    if (text && fraction)
        return cell_fail(t, text, t->target, e, "is not a number, as others of this column are");
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
        return cell_fail(t, cell, t->target, e, "is no class of the training file");
    snprintf(problem, sizeof problem, "is not a class, 0 .. %d in the training file", target->classes - 1);
    return cell_fail(t, cell, t->target, e, problem);
}

/* Makes a split of a table; its features move over. */
static bool csv_split(Csv *t, const Target *target, const Data *d, DataSplit *s, RtError *e)
{
    s->samples = t->samples;
    s->floats = t->features;
    t->features = NULL;
    if (d->classes) s->labels = data_memory(t->samples, sizeof(int32_t), e);
    else s->targets = data_memory(t->samples, sizeof(float), e);
    if (!s->labels && !s->targets) return false;
    for (int64_t i = 0; i < t->samples; i++) {
        const Cell *cell = &t->targets[i];
        if (d->classes) {
            int number = find_class(target, cell);
            if (number < 0) return unknown_class(t, target, cell, e);
            s->labels[i] = number;
        } else if (!read_number(t, cell, t->target, &s->targets[i], e)) {
            return false;
        }
    }
    return true;
}

/* The kind */

typedef struct Settings {
    const json_t *target;
    const char *file, *test;
    double split;
} Settings;

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "file", &s->file, e) || !data_text(args, d, "test", &s->test, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e))
        return false;
    if (!*s->file) return rt_fail(e, RT_BAD_INPUT, "%s: 'file' is missing: it names a file", d->name);
    s->target = json_object_get(args, "target");
    const char *name = json_string_value(s->target);
    if (json_is_number(s->target) || (name && *name)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: 'target' is missing", d->name);
    return rt_help(e, "target = \"NAME\" of a column, or its number; the first column is 0");
}

static bool open_train(Csv *t, const Settings *s, const DataContext *c, Data *d, Target *target, RtError *e)
{
    if (!csv_open(t, data_file_path(c, s->file, e), s->target, NULL, e) || !decide_target(t, target, e))
        return false;
    data_vector(d, t->width - 1);
    d->classes = target->classes;
    data_remember(d->inputs_from, t->file.path);
    data_remember(d->target_from, t->file.path);
    for (int64_t i = 0; i < t->samples && d->classes; i++)
        if (find_class(target, &t->targets[i]) == d->classes - 1) {
            d->most.sample = i, d->most.byte = t->targets[i].offset;
            break;
        }
    return true;
}

static bool load_both(const Settings *s, const DataContext *c, Data *d, Csv *train, Csv *test, Target *target,
                      RtError *e)
{
    if (!open_train(train, s, c, d, target, e) || !csv_split(train, target, d, &d->train, e)) return false;
    if (!*s->test) return data_hold_out(d, s->split, c, e);
    return csv_open(test, data_file_path(c, s->test, e), s->target, train, e) &&
           csv_split(test, target, d, &d->test, e);
}

bool data_csv_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0}, test = {0};
    Target target = {0};
    Settings s;
    bool good = read_settings(args, d, &s, e) && load_both(&s, c, d, &train, &test, &target, e);

    free(target.texts);
    csv_close(&train);
    csv_close(&test);
    return good || data_missing_help(c, e);
}

bool data_csv_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Csv train = {0};
    Target target = {0};
    Settings s;
    bool good = read_settings(args, d, &s, e) && open_train(&train, &s, c, d, &target, e);

    free(target.texts);
    csv_close(&train);
    return good;
}
