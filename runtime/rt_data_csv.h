/* rt_data_csv.h: a table of text in memory, and the windows of its rows. Shared by rt_data_csv*.c only. */
#ifndef RT_DATA_CSV_H
#define RT_DATA_CSV_H
#include "rt_data_kind.h"
#include "rt_data_file.h"

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
    int target, group;      /* columns; group -1: there is none */
    int features;           /* all other columns */
    int64_t samples, samples_room;
    float *numbers; /* (samples, features) */
    Cell *targets;  /* (samples) */
    Cell *groups;   /* (samples), NULL without a group */
} Csv;

/* rt_data_csv_table.c: reads a whole file; `like` is the training file when this is the test file. The path
 * is taken over. `target` is a column's name or number, `group` the same or absent. */
bool csv_open(Csv *t, char *path, const json_t *target, const json_t *group, const Csv *like, RtError *e);
void csv_close(Csv *t);
/* "PATH, byte 812: row 17, column 3 ('width'): 'abc' PROBLEM" */
bool csv_fail(const Csv *t, const Cell *cell, int column, RtError *e, const char *problem);
bool csv_number(const Csv *t, const Cell *cell, int column, float *x, RtError *e);
bool csv_is_decimal(const Cell *cell);

/* rt_data_csv_window.c: sequences. A window is `length` rows that follow one another in one group. */
typedef struct Windows {
    int64_t length; /* 0: that of the groups, which must have one length */
    int64_t step;   /* from a window to the next of the same group */
    int64_t count;
    int64_t *first; /* (count): first row of each; owned */
} Windows;

/* Finds the windows of a table. Fails when there is none, or when groups have several lengths. */
bool csv_windows_find(Windows *w, const Csv *t, RtError *e);
/* Windows from .. from + count of a table whose rows are `rows`; the target is that of the last row. */
bool csv_windows_take(const Windows *w, int64_t from, int64_t count, const Data *d, const DataSplit *rows,
                      DataSplit *s, RtError *e);
/* Windows that overlap are split by position: the last ones, `share` of all, are the test; those before that
 * have a row in common with them are left out. Fills both splits. */
bool csv_windows_part(const Windows *w, double share, Data *d, const DataSplit *rows, RtError *e);
#endif
