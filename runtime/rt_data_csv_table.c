/* rt_data_csv_table.c: reads a table of text (contract in rt_data_csv.h, format in rt_data_csv.c).
 *
 * In messages, row is the line of the file (the first is 1, the header counts) and column counts from 1, as
 * editors and spreadsheets do.
 *
 * Method: the whole file is in memory; cells are cut out of it in place, features are converted row by row,
 * cells of the target are kept until the column is known.
 */
#include "rt_data_csv.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUOTE_MOST = 40, COLUMNS_MOST = 1 << 28 };

/* Messages */

/* A cell as it may be shown: control characters out, cut when long. */
static const char *show(const Cell *cell, char text[QUOTE_MOST + 6])
{
    int64_t n = cell->size < QUOTE_MOST ? cell->size : QUOTE_MOST;

    for (int64_t i = 0; i < n; i++) text[i] = iscntrl((unsigned char)cell->text[i]) ? '?' : cell->text[i];
    strcpy(text + n, n < cell->size ? "..." : "");
    return text;
}

bool csv_fail(const Csv *t, const Cell *cell, int column, RtError *e, const char *problem)
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
bool csv_is_decimal(const Cell *cell)
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
    return csv_is_decimal(cell) || is_not_finite(cell);
}

/* Cells are never the last byte of the buffer, and what follows one cannot go on a number: strtod stops
 * there. */
bool csv_number(const Csv *t, const Cell *cell, int column, float *x, RtError *e)
{
    if (cell->size == 0) return csv_fail(t, cell, column, e, "the cell is empty");
    if (is_not_finite(cell)) return csv_fail(t, cell, column, e, "is not finite");
    if (!csv_is_decimal(cell)) return csv_fail(t, cell, column, e, "is not a number");
    *x = strtof(cell->text, NULL);
    return isfinite(*x) || csv_fail(t, cell, column, e, "is too large for a 32-bit float");
}

/* The table */

static bool cell_is(const Cell *cell, const char *text)
{
    return (size_t)cell->size == strlen(text) && memcmp(cell->text, text, (size_t)cell->size) == 0;
}

static bool column_missing(const Csv *t, const char *what, const char *name, RtError *e)
{
    char list[600] = "", shown[QUOTE_MOST + 6];
    size_t used = 0;

    if (!t->names) {
        rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s': the file has no header row", t->file.path,
                name);
        return rt_help(e, "give the column's number: %s = 0 .. %d", what, t->width - 1);
    }
    rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s'", t->file.path, name);
    for (int i = 0; i < t->width && used + QUOTE_MOST + 16 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i ? ", " : "",
                                 show(&t->names[i], shown));
    return rt_help(e, "columns are %s", list);
}

/* Finds the column that an argument names. */
static bool find_column(const Csv *t, const json_t *which, const char *what, int *column, RtError *e)
{
    const char *name = json_string_value(which);
    double number = json_number_value(which);

    *column = -1;
    if (json_is_number(which)) {
        if (number >= 0 && number < t->width && number == floor(number)) *column = (int)number;
        if (*column >= 0) return true;
        rt_fail(e, RT_BAD_INPUT, "%s: %s = %g, but the file has %d columns", t->file.path, what, number,
                t->width);
        return rt_help(e, "the first column is 0: %s = 0 .. %d", what, t->width - 1);
    }
    for (int i = 0; t->names && i < t->width; i++) {
        if (!cell_is(&t->names[i], name)) continue;
        if (*column >= 0)
            return rt_fail(e, RT_BAD_INPUT, "%s: columns %d and %d are both named '%s'", t->file.path,
                           *column + 1, i + 1, name);
        *column = i;
    }
    return *column >= 0 || column_missing(t, what, name, e);
}

/* Which column is what; the training file has found it already for a test file. */
static bool find_columns(Csv *t, const json_t *target, const json_t *group, const Csv *like, RtError *e)
{
    t->group = like ? like->group : -1;
    if (like) t->target = like->target;
    else if (!find_column(t, target, "target", &t->target, e)) return false;
    if (!like && json_is_string(group) + json_is_number(group) &&
        !find_column(t, group, "group", &t->group, e))
        return false;
    t->features = t->width - 1 - (t->group >= 0);
    if (t->group == t->target)
        return rt_fail(e, RT_BAD_INPUT, "%s: column %d is both target and group", t->file.path,
                       t->target + 1);
    return t->features > 0 ||
           rt_fail(e, RT_BAD_INPUT, "%s: beside target and group no column is left", t->file.path);
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
    float *numbers = realloc(t->numbers, (size_t)room * (size_t)t->features * sizeof *numbers);
    if (numbers) t->numbers = numbers;
    Cell *targets = realloc(t->targets, (size_t)room * sizeof *targets);
    if (targets) t->targets = targets;
    Cell *groups = t->group < 0 ? NULL : realloc(t->groups, (size_t)room * sizeof *groups);
    if (groups) t->groups = groups;
    if (!numbers || !targets || (t->group >= 0 && !groups))
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
    float *numbers = t->numbers + t->samples * t->features;
    for (int i = 0; i < t->width; i++)
        if (i != t->target && i != t->group && !csv_number(t, &t->cells[i], i, numbers++, e)) return false;
    const Cell *target = &t->cells[t->target];
    if (target->size == 0) return csv_fail(t, target, t->target, e, "the cell is empty");
    if (is_not_finite(target)) return csv_fail(t, target, t->target, e, "is not finite");
    if (t->group >= 0 && t->cells[t->group].size == 0)
        return csv_fail(t, &t->cells[t->group], t->group, e, "the cell is empty");
    if (t->group >= 0) t->groups[t->samples] = t->cells[t->group];
    t->targets[t->samples++] = *target;
    return true;
}

void csv_close(Csv *t)
{
    data_file_close(&t->file);
    free(t->text);
    free(t->cells);
    free(t->names);
    free(t->numbers);
    free(t->targets);
    free(t->groups);
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

bool csv_open(Csv *t, char *path, const json_t *target, const json_t *group, const Csv *like, RtError *e)
{
    bool more = true;

    if (!csv_load_text(t, path, e) || !read_head(t, e)) return false;
    if (like && t->width != like->width)
        return data_file_fail(&t->file, 0, e, "%d columns, but %s has %d", t->width, like->file.path,
                              like->width);
    for (int i = 0; like && like->names && t->names && i < t->width; i++)
        if (t->names[i].size != like->names[i].size ||
            memcmp(t->names[i].text, like->names[i].text, (size_t)t->names[i].size) != 0)
            return csv_fail(t, &t->names[i], i, e, "is not the name of this column in the training file");
    if (!find_columns(t, target, group, like, e)) return false;
    while (read_row(t, &more, e) && more)
        if (!take_row(t, e)) return false;
    if (more) return false;
    return t->samples > 0 || data_file_fail(&t->file, t->at, e, "no rows after the header");
}
