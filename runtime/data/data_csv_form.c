/* data_csv_form.c: detects the format of a table: separator, decimal sign, header (contract in data_csv.h).
 *
 * Separator: among those that give the first rows equally many cells, at least two, the one with most cells
 * that are numbers. Decimal sign: a comma where some cell is a number only with it and none only with a
 * point. Header: see csv_head. Settings override all of it; the result is printed.
 */
#include "data/data_csv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_LOOKED_AT = 50 };

static const char separators[] = ",;\t ";

/* What the first rows are with one separator. */
typedef struct Looks {
    int columns;    /* of all rows, but the first may have one less: a header without a name for row names */
    double numbers; /* share of the cells */
    int64_t commas, points; /* cells that are numbers with one decimal sign only */
} Looks;

/* No columns where rows differ, or one cannot be read. */
static Looks look_at(Csv *t, char separator)
{
    Looks l = {0};
    RtError e;
    bool more;
    int64_t cells = 0, numbers = 0;

    t->form.separator = separator;
    csv_rewind(t);
    for (int rows = 0; rows < ROWS_LOOKED_AT; rows++) {
        if (!csv_row(t, &more, &e)) return (Looks){0};
        if (!more) break;
        if (rows == 0 || (rows == 1 && t->columns == l.columns + 1)) l.columns = t->columns;
        if (t->columns != l.columns) return (Looks){0};
        for (int i = 0; i < t->columns; i++) {
            bool point = csv_is_decimal(&t->cells[i], '.'), comma = csv_is_decimal(&t->cells[i], ',');
            cells++, numbers += point || (comma && separator != ',');
            l.points += point && !comma, l.commas += comma && !point;
        }
    }
    l.numbers = cells ? (double)numbers / (double)cells : 0;
    return l;
}

/* Where no separator fits all rows, the message is about the first that the first row has; blanks are in any
 * text. */
static char separator_of_first_row(Csv *t)
{
    RtError e;
    bool more;

    for (const char *s = separators; *s != ' '; s++) {
        t->form.separator = *s;
        csv_rewind(t);
        if (csv_row(t, &more, &e) && more && t->columns > 1) return *s;
    }
    return ',';
}

static char best_separator(Csv *t)
{
    char best = '\0';
    double most = -1;

    for (const char *s = separators; *s; s++) {
        Looks l = look_at(t, *s);
        if (l.columns > 1 && l.numbers > most) best = *s, most = l.numbers;
    }
    return best ? best : separator_of_first_row(t);
}

void csv_guess(Csv *t)
{
    t->looking = true;
    if (!t->form.separator) t->form.separator = best_separator(t);
    if (!t->form.decimal) {
        const Looks l = look_at(t, t->form.separator);
        t->form.decimal = t->form.separator != ',' && l.commas && !l.points ? ',' : '.';
    }
    t->looking = false;
}

/* The header */

/* 0, 1, 2, ...; behind an empty first cell also 0 alone. */
static bool counts_columns(const Cell *cells, int columns)
{
    char text[16];
    const int first = cells[0].size == 0;

    if (columns < (first ? 2 : 3)) return false;
    for (int i = first; i < columns; i++) {
        const int n = snprintf(text, sizeof text, "%d", i - first);
        if (cells[i].size != n || memcmp(cells[i].text, text, (size_t)n) != 0) return false;
    }
    return true;
}

typedef struct FirstRows {
    Cell *first;         /* cells of the first row, owned */
    int columns, second; /* cells of both; second 0: there is none */
    int64_t comment_at, comment_line;
} FirstRows;

/* Is the first row a header? When it counts columns, when none of its cells is a number, or when one that is
 * not stands above a number. The second row is in t->cells. */
static bool is_header(const Csv *t, const FirstRows *r)
{
    bool numbers = false, texts = false;
    const int shift = r->second == r->columns + 1;

    if (counts_columns(r->first, r->columns)) return true;
    for (int i = 0; i < r->columns; i++) {
        const bool number = csv_is_number(t, &r->first[i]), text = r->first[i].size && !number;
        numbers |= number, texts |= text;
        if (text && i + shift < r->second && csv_is_number(t, &t->cells[i + shift])) return true;
    }
    return texts && (!numbers || !r->second);
}

/* Looks at two rows; damage in the second is met again. */
static bool look_at_rows(Csv *t, FirstRows *r, RtError *e)
{
    RtError later;
    bool more;

    csv_rewind(t);
    if (!csv_row(t, &more, e)) return false;
    if (!more) return data_file_fail(&t->file, 0, e, "the file holds no rows");
    *r = (FirstRows){.columns = t->columns, .comment_at = t->comment_at, .comment_line = t->comment_line};
    r->first = data_memory(r->columns, sizeof *r->first, e);
    if (!r->first) return false;
    memcpy(r->first, t->cells, (size_t)r->columns * sizeof *r->first);
    if (csv_row(t, &more, &later) && more) r->second = t->columns;
    if (t->form.header == HEADER_GUESS) t->form.header = is_header(t, r) ? HEADER_FOUND : HEADER_NONE;
    return true;
}

/* The row at t->at becomes the names; `shift`: behind a first column that has none. */
static bool take_names(Csv *t, int shift, RtError *e)
{
    bool more;

    if (!csv_row(t, &more, e)) return false;
    t->names = data_memory(t->columns + shift, sizeof *t->names, e);
    if (!t->names) return false;
    t->names[0] = (Cell){t->cells[0].text, 0, t->cells[0].offset, t->cells[0].row};
    memcpy(t->names + shift, t->cells, (size_t)t->columns * sizeof *t->names);
    t->width = t->columns + shift;
    return true;
}

/* Does the comment before the first row have as many cells, and a text? Then it names the columns: "# x y
 * class". Leaves the table at its first row. */
static bool names_in_comment(Csv *t, const FirstRows *r, RtError *e)
{
    RtError unread;
    bool more, text = false;
    const int64_t at = r->comment_at;

    csv_rewind(t);
    if (at < 0) return true;
    t->at = at, t->line = r->comment_line;
    t->text[at] = ' ', t->looking = true;
    const bool fits = csv_row(t, &more, &unread) && t->columns == t->width;
    for (int i = 0; fits && i < t->columns; i++) text |= t->cells[i].size && !csv_is_number(t, &t->cells[i]);
    t->at = at, t->line = r->comment_line, t->looking = false;
    if (text) return take_names(t, 0, e);
    t->text[at] = t->form.comment;
    return true;
}

bool csv_head(Csv *t, RtError *e)
{
    FirstRows r = {0};

    t->looking = true;
    const bool good = look_at_rows(t, &r, e);
    t->looking = false;
    free(r.first);
    if (!good) return false;
    t->width = r.columns;
    if (r.columns < 2)
        return data_file_fail(&t->file, 0, e,
                              "the first row has 1 column; features and a target are 2 at least");
    if (t->form.header == HEADER_NONE) return names_in_comment(t, &r, e);
    csv_rewind(t);
    return take_names(t, r.second == r.columns + 1, e);
}

/* What the user is told */

static const char *separator_name(char separator)
{
    return separator == ',' ? "','" : separator == ';' ? "';'" : separator == '\t' ? "tab" : "blanks";
}

void csv_describe(const Csv *t, char *text, size_t size)
{
    const char *path = t->file.path, *slash = strrchr(path, '/');
    snprintf(text, size, "%.80s: %s, separator %s, decimal sign '%c'", slash ? slash + 1 : path,
             t->names ? "with a header" : "no header", separator_name(t->form.separator), t->form.decimal);
}

/* Does this feature count the rows, from 0 or 1? */
static bool counts_rows(const Csv *t, int feature)
{
    const float start = t->numbers[feature];

    if (t->samples < 3 || (start != 0 && start != 1)) return false;
    for (int64_t i = 0; i < t->samples; i++)
        if (t->numbers[i * t->features + feature] != start + (float)i) return false;
    return true;
}

void csv_look(const Csv *t, Data *d)
{
    if (t->form.header == HEADER_FOUND && counts_columns(t->names, t->width))
        data_warn(
            d,
            "%s: the first row counts 0, 1, 2, ... and is taken as the header; header = false makes it a "
            "sample",
            t->file.path);
    for (int i = 0, feature = 0; i < t->width; i++) {
        if (t->use[i] != USE_FEATURE) continue;
        if ((!t->names || !t->names[i].size) && counts_rows(t, feature))
            data_warn(d,
                      "%s: column %d has no name and counts the rows: it is learned from unless ignore = %d "
                      "leaves it "
                      "out",
                      t->file.path, i + 1, i);
        feature++;
    }
}
