/* data_csv_table.c: reads a table of text (contract in data_csv.h, format in data_csv.c).
 *
 * Method: the whole file is in memory; cells are cut out of it in place, features are converted row by row,
 * cells of the target are kept until the column is known.
 */
#include "common/plural.h"
#include "data/data_csv.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MOST = 1 << 28 };

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

/* Blanks around a cell; a tab that separates cells is none. */
static bool is_blank(const Csv *t, char c)
{
    return c == ' ' || (c == '\t' && t->form.separator != '\t');
}

static void skip_blanks(Csv *t)
{
    while (!at_row_end(t) && is_blank(t, t->text[t->at])) t->at++;
}

static bool at_separator(const Csv *t)
{
    return t->form.separator == ' ' ? is_blank(t, t->text[t->at]) : t->text[t->at] == t->form.separator;
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
        if (!t->looking) *to = c;
        to++;
    }
    t->at++;
    cell->size = to - cell->text;
    if (at_row_end(t) || at_separator(t)) return true;
    skip_blanks(t);
    if (at_row_end(t) || at_separator(t)) return true;
    return data_file_fail(&t->file, t->at, e, "row %lld, column %d: text after the closing quote",
                          (long long)cell->row, t->columns + 1);
}

static bool read_cell(Csv *t, Cell *cell, RtError *e)
{
    skip_blanks(t);
    *cell = (Cell){t->text + t->at, 0, t->at, t->line};
    if (!at_row_end(t) && t->text[t->at] == '"') {
        t->at++;
        return quoted_cell(t, cell, e);
    }
    while (!at_row_end(t) && !at_separator(t)) t->at++;
    cell->size = t->text + t->at - cell->text;
    while (cell->size && is_blank(t, cell->text[cell->size - 1])) cell->size--;
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

/* To the first row that holds something: over empty rows and comments. */
static void find_row(Csv *t)
{
    t->comment_at = -1;
    for (;;) {
        const int64_t start = t->at;
        while (!at_row_end(t) && (t->text[t->at] == ' ' || t->text[t->at] == '\t')) t->at++;
        if (t->at >= t->size) return;
        if (t->form.comment && t->text[t->at] == t->form.comment) {
            t->comment_at = t->at, t->comment_line = t->line;
            while (!at_row_end(t)) t->at++;
        } else if (!at_row_end(t)) {
            t->at = start;
            return;
        }
        skip_row_end(t);
    }
}

bool csv_row(Csv *t, bool *more, RtError *e)
{
    find_row(t);
    *more = t->at < t->size;
    if (!*more) return true;
    for (t->columns = 0;; t->at++) {
        if (!grow_cells(t, e) || !read_cell(t, &t->cells[t->columns], e)) return false;
        t->columns++;
        if (t->form.separator == ' ') skip_blanks(t), t->at -= !at_row_end(t);
        if (at_row_end(t)) break;
    }
    skip_row_end(t);
    return true;
}

void csv_rewind(Csv *t)
{
    t->at = 0;
    t->line = 1;
}

/* The table */

static bool grow_samples(Csv *t, RtError *e)
{
    if (t->samples < t->samples_room) return true;
    int64_t room = t->samples_room ? t->samples_room * 2 : 16;
    float *numbers = realloc(t->numbers, (size_t)room * (size_t)t->features * sizeof *numbers);
    if (numbers) t->numbers = numbers;
    Cell *values = realloc(t->values, (size_t)room * (size_t)t->targets * sizeof *values);
    if (values) t->values = values;
    Cell *groups = t->group < 0 ? NULL : realloc(t->groups, (size_t)room * sizeof *groups);
    if (groups) t->groups = groups;
    if (!numbers || !values || (t->group >= 0 && !groups))
        return rt_fail(e, RT_SYSTEM, "%s: out of memory at %lld rows", t->file.path, (long long)t->samples);
    t->samples_room = room;
    return true;
}

static bool take_target(Csv *t, int number, RtError *e)
{
    const Cell *cell = &t->cells[t->target[number]];
    if (cell->size == 0) return csv_fail(t, cell, t->target[number], e, "the cell is empty");
    if (csv_is_not_finite(cell)) return csv_fail(t, cell, t->target[number], e, "is not finite");
    t->values[t->samples * t->targets + number] = *cell;
    return true;
}

static bool take_number(const Csv *t, int column, float *x, RtError *e)
{
    char problem[80];

    if (!csv_number(t, &t->cells[column], column, x, e)) return false;
    if (!t->form.whole || data_is_whole(*x, t->form.whole)) return true;
    snprintf(problem, sizeof problem, "is no whole number in 0 .. %lld, as embed takes",
             (long long)t->form.whole - 1);
    return csv_fail(t, &t->cells[column], column, e, problem);
}

/* Adds the row in t->cells to the table. */
static bool take_row(Csv *t, RtError *e)
{
    if (t->columns != t->width)
        return data_file_fail(&t->file, t->cells[0].offset, e, "row %lld has %d cell%s, the first row has %d",
                              (long long)t->cells[0].row, t->columns, plural(t->columns, "s"), t->width);
    if (!grow_samples(t, e)) return false;
    float *numbers = t->numbers + t->samples * t->features;
    for (int i = 0; i < t->width; i++)
        if (t->use[i] == USE_FEATURE && !take_number(t, i, numbers++, e)) return false;
    for (int i = 0; i < t->targets; i++)
        if (!take_target(t, i, e)) return false;
    if (t->group >= 0 && t->cells[t->group].size == 0)
        return csv_fail(t, &t->cells[t->group], t->group, e, "the cell is empty");
    if (t->group >= 0) t->groups[t->samples] = t->cells[t->group];
    t->samples++;
    return true;
}

void csv_close(Csv *t)
{
    data_file_close(&t->file);
    free(t->text);
    free(t->cells);
    free(t->names);
    free(t->use);
    free(t->target);
    free(t->numbers);
    free(t->values);
    free(t->groups);
}

static bool load_text(Csv *t, char *path, RtError *e)
{
    if (!data_file_open(&t->file, path, true, e)) return false;
    t->text = data_file_rest(&t->file, &t->size, e);
    if (!t->text) return false;
    const char *b = t->text;
    csv_rewind(t);
    if (t->size >= 3 && memcmp(b, "\xEF\xBB\xBF", 3) == 0) memset(t->text, ' ', 3); /* skipped as a blank */
    if (t->size < 2 || (memcmp(b, "\xFF\xFE", 2) != 0 && memcmp(b, "\xFE\xFF", 2) != 0)) return true;
    return data_file_fail(&t->file, 0, e, "the text is UTF-16; save it as UTF-8");
}

/* A test file has the columns of the training file. */
static bool fits(const Csv *t, const Csv *like, RtError *e)
{
    if (!like) return true;
    if (t->width != like->width)
        return data_file_fail(&t->file, 0, e, "%d columns, but %s has %d", t->width, like->file.path,
                              like->width);
    for (int i = 0; like->names && t->names && i < t->width; i++)
        if (t->names[i].size != like->names[i].size ||
            memcmp(t->names[i].text, like->names[i].text, (size_t)t->names[i].size) != 0)
            return csv_fail(t, &t->names[i], i, e, "is not the name of this column in the training file");
    return true;
}

bool csv_open(Csv *t, char *path, const CsvForm *form, const CsvNames *names, const Csv *like, RtError *e)
{
    bool more = true;

    t->form = *form;
    if (like) t->form = like->form, t->form.header = form->header;
    if (!load_text(t, path, e)) return false;
    csv_guess(t);
    if (!csv_head(t, e) || !fits(t, like, e) || !csv_columns(t, names, like, e)) return false;
    while (csv_row(t, &more, e) && more)
        if (!take_row(t, e)) return false;
    if (more) return false;
    return t->samples > 0 || data_file_fail(&t->file, t->at, e, "no rows after the header");
}
