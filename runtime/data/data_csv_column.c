/* data_csv_column.c: the roles of the columns of a table (contract in data_csv.h). */
#include "common/plural.h"
#include "data/data_csv.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const use_names[] = {"feature", "target", "group", "ignored"};

static bool cell_is(const Cell *cell, const char *text)
{
    return (size_t)cell->size == strlen(text) && memcmp(cell->text, text, (size_t)cell->size) == 0;
}

static bool column_missing(const Csv *t, const char *what, const char *name, RtError *e)
{
    char list[600] = "", shown[SHOWN_MOST + 6];
    size_t used = 0;

    if (!t->names) {
        rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s': the file has no header row", t->file.path,
                name);
        return rt_help(e, "give the column's number: %s = 0 .. %d; or header = true", what, t->width - 1);
    }
    rt_fail(e, RT_BAD_INPUT, "%s: no column is named '%s'", t->file.path, name);
    for (int i = 0; i < t->width && used + SHOWN_MOST + 16 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s'%s'", i ? ", " : "",
                                 csv_show(&t->names[i], shown));
    return rt_help(e, "columns are %s", list);
}

static bool find_number(const Csv *t, double number, const char *what, int *column, RtError *e)
{
    *column = -1;
    if (number >= 0 && number < t->width && number == floor(number)) *column = (int)number;
    if (*column >= 0) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: %s = %g, but the file has %d column%s", t->file.path, what, number,
            t->width, plural(t->width, "s"));
    return rt_help(e, "the first column is 0: %s = 0 .. %d", what, t->width - 1);
}

/* Finds the column that an argument names. */
static bool find_column(const Csv *t, const json_t *which, const char *what, int *column, RtError *e)
{
    const char *name = json_string_value(which);

    if (json_is_number(which)) return find_number(t, json_number_value(which), what, column, e);
    *column = -1;
    for (int i = 0; t->names && i < t->width; i++) {
        if (!cell_is(&t->names[i], name)) continue;
        if (*column >= 0)
            return rt_fail(e, RT_BAD_INPUT, "%s: columns %d and %d are both named '%s'", t->file.path,
                           *column + 1, i + 1, name);
        *column = i;
    }
    return *column >= 0 || column_missing(t, what, name, e);
}

/* Finds one column and says what it is. */
static bool use_column(Csv *t, const json_t *which, const char *what, CsvUse use, int *column, RtError *e)
{
    if (!find_column(t, which, what, column, e)) return false;
    if (t->use[*column] == use)
        return rt_fail(e, RT_BAD_INPUT, "%s: column %d is named twice in '%s'", t->file.path, *column + 1,
                       what);
    if (t->use[*column] != USE_FEATURE)
        return rt_fail(e, RT_BAD_INPUT, "%s: column %d is both %s and %s", t->file.path, *column + 1,
                       use_names[t->use[*column]], use_names[use]);
    t->use[*column] = (uint8_t)use;
    return true;
}

/* The same for each of a list; `columns`: where they go, or NULL. */
static bool use_columns(Csv *t, const json_t *list, const char *what, CsvUse use, int *columns, RtError *e)
{
    int column;
    if (!json_is_array(list)) return use_column(t, list, what, use, columns ? columns : &column, e);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!use_column(t, json_array_get(list, i), what, use, columns ? columns + i : &column, e))
            return false;
    return true;
}

static bool find_columns(Csv *t, const CsvNames *names, RtError *e)
{
    t->targets = json_is_array(names->target) ? (int)json_array_size(names->target) : 1;
    t->target = data_memory(t->targets, sizeof *t->target, e);
    if (!t->target) return false;
    for (int i = 0; i < t->targets; i++) t->target[i] = 0;
    return use_columns(t, names->target, "target", USE_TARGET, t->target, e) &&
           (!names->group || use_column(t, names->group, "group", USE_GROUP, &t->group, e)) &&
           (!names->ignore || use_columns(t, names->ignore, "ignore", USE_IGNORE, NULL, e));
}

static bool copy_columns(Csv *t, const Csv *like, RtError *e)
{
    t->targets = like->targets, t->group = like->group;
    t->target = data_memory(t->targets, sizeof *t->target, e);
    if (!t->target) return false;
    memcpy(t->target, like->target, (size_t)t->targets * sizeof *t->target);
    memcpy(t->use, like->use, (size_t)t->width);
    return true;
}

bool csv_columns(Csv *t, const CsvNames *names, const Csv *like, RtError *e)
{
    t->group = -1;
    t->use = data_memory(t->width, 1, e);
    if (!t->use) return false;
    memset(t->use, USE_FEATURE, (size_t)t->width);
    if (!(like ? copy_columns(t, like, e) : find_columns(t, names, e))) return false;
    for (int i = 0; i < t->width; i++) t->features += t->use[i] == USE_FEATURE;
    return t->features > 0 ||
           rt_fail(e, RT_BAD_INPUT, "%s: beside target, group and what is ignored no column is left",
                   t->file.path);
}

/* Number of a column among the features, or -1. */
static int feature_number(const Csv *t, int column)
{
    int number = 0;

    for (int i = 0; i < column; i++) number += t->use[i] == USE_FEATURE;
    return t->use[column] == USE_FEATURE ? number : -1;
}

bool csv_scale_some(Csv *t, const json_t *which, Data *d, RtError *e)
{
    const size_t count = json_is_array(which) ? json_array_size(which) : 1;
    bool named[DATA_COLUMNS] = {false};

    for (size_t i = 0; i < count; i++) {
        int column, feature;
        if (!find_column(t, json_is_array(which) ? json_array_get(which, i) : which, "scale", &column, e))
            return false;
        feature = feature_number(t, column);
        if (feature < 0)
            return rt_fail(e, RT_BAD_INPUT, "%s: column %d is %s, and 'scale' is of features", t->file.path,
                           column + 1, use_names[t->use[column]]);
        named[feature] = true;
    }
    for (int k = 0; k < d->scale.columns; k++)
        if (!named[k]) d->scale.mean[k] = 0, d->scale.deviation[k] = 1;
    return true;
}
