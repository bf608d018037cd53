/* data_csv_cell.c: cells of a table as numbers, and messages about them (contract in data_csv.h).
 *
 * In messages, row is the line of the file (the first is 1, the header counts) and column counts from 1, as
 * editors and spreadsheets do.
 */
#include "data/data_csv.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *csv_show(const Cell *cell, char text[SHOWN_MOST + 6])
{
    int64_t n = cell->size < SHOWN_MOST ? cell->size : SHOWN_MOST;

    for (int64_t i = 0; i < n; i++) text[i] = iscntrl((unsigned char)cell->text[i]) ? '?' : cell->text[i];
    strcpy(text + n, n < cell->size ? "..." : "");
    return text;
}

bool csv_fail(const Csv *t, const Cell *cell, int column, RtError *e, const char *problem)
{
    char name[SHOWN_MOST + 6], value[SHOWN_MOST + 6], where[SHOWN_MOST + 20] = "";

    if (t->names && t->names[column].size)
        snprintf(where, sizeof where, " ('%s')", csv_show(&t->names[column], name));
    return data_file_fail(&t->file, cell->offset, e, "row %lld, column %d%s: %s%s%s%s", (long long)cell->row,
                          column + 1, where, cell->size ? "'" : "", csv_show(cell, value),
                          cell->size ? "' " : "", problem);
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

/* [+-] digits [point digits] [e [+-] digits]: what strtod takes, less hexadecimal. */
bool csv_is_decimal(const Cell *cell, char point)
{
    const char *p = cell->text, *end = p + cell->size, *from;

    if (p < end && (*p == '+' || *p == '-')) p++;
    from = p;
    p = skip_digits(p, end);
    int64_t digits = p - from;
    if (p < end && *p == point) {
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

/* nan, inf, infinity, with sign, in any case. */
bool csv_is_not_finite(const Cell *cell)
{
    static const char *const words[] = {"nan", "inf", "infinity"};
    const char *p = cell->text;
    int64_t n = cell->size;

    if (n && (*p == '+' || *p == '-')) p++, n--;
    for (int i = 0; i < 3; i++)
        if (n == (int64_t)strlen(words[i]) && strncasecmp(p, words[i], (size_t)n) == 0) return true;
    return false;
}

bool csv_is_number(const Csv *t, const Cell *cell)
{
    return csv_is_decimal(cell, t->form.decimal) || csv_is_not_finite(cell);
}

/* The two settings that may be meant where a cell is no number. */
static bool no_number(const Csv *t, const Cell *cell, int column, RtError *e)
{
    char other = t->form.decimal == ',' ? '.' : ',', name[SHOWN_MOST + 6];
    bool named = t->names && t->names[column].size;

    csv_fail(t, cell, column, e, "is not a number");
    if (csv_is_decimal(cell, other))
        return rt_help(e, "the decimal sign of the table is '%c'; decimal = \"%c\" says otherwise",
                       t->form.decimal, other);
    if (t->samples > 0 || t->use[column] != USE_FEATURE) return false;
    if (named) return rt_help(e, "ignore = \"%s\" leaves the column out", csv_show(&t->names[column], name));
    return rt_help(e, "ignore = %d leaves the column out", column);
}

/* A number with a decimal comma. */
static float comma_number(const Cell *cell)
{
    char text[64];
    int64_t n = cell->size < (int64_t)sizeof text - 1 ? cell->size : (int64_t)sizeof text - 1;

    for (int64_t i = 0; i < n; i++) text[i] = cell->text[i] == ',' ? '.' : cell->text[i];
    text[n] = '\0';
    return strtof(text, NULL);
}

/* Cells are never the last byte of the buffer, and what follows one cannot go on a number: strtof stops
 * there. */
bool csv_number(const Csv *t, const Cell *cell, int column, float *x, RtError *e)
{
    if (cell->size == 0) return csv_fail(t, cell, column, e, "the cell is empty");
    if (csv_is_not_finite(cell)) return csv_fail(t, cell, column, e, "is not finite");
    if (!csv_is_decimal(cell, t->form.decimal)) return no_number(t, cell, column, e);
    if (cell->size > 60 && t->form.decimal == ',')
        return csv_fail(t, cell, column, e, "has more than 60 characters");
    *x = t->form.decimal == ',' ? comma_number(cell) : strtof(cell->text, NULL);
    return isfinite(*x) || csv_fail(t, cell, column, e, "is too large for a 32-bit float");
}
