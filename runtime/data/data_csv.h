/* data_csv.h: a table of text in memory, and the windows of its rows. Shared by data_csv*.c only. */
#ifndef RT_DATA_CSV_H
#define RT_DATA_CSV_H
#include "data/data_kind.h"
#include "data/data_file.h"
#include "data/data_window.h"

typedef struct Cell {
    const char *text; /* inside Csv.text, not terminated */
    int64_t size, offset, row;
} Cell;

/* How a table is written. */
typedef enum CsvHeader { HEADER_GUESS, HEADER_NONE, HEADER_FOUND, HEADER_GIVEN } CsvHeader;
typedef struct CsvForm {
    char separator; /* ' ': any run of blanks and tabs; '\0': to be guessed */
    char decimal;   /* '\0': to be guessed */
    char comment;   /* rows that begin with it are none; '\0': there are no comments */
    CsvHeader header;
    int64_t whole; /* numbers of samples are whole ones below it; 0: any numbers */
} CsvForm;

/* Which column is what, as the setting names them: a name, a number, or a list of these; NULL: none. */
typedef struct CsvNames {
    const json_t *target, *group, *ignore;
} CsvNames;

typedef enum CsvUse { USE_FEATURE, USE_TARGET, USE_GROUP, USE_IGNORE } CsvUse;

typedef struct Csv {
    DataFile file;
    CsvForm form;
    char *text;
    int64_t size, at, line;           /* at: next byte; line: of that byte, from 1 */
    int64_t comment_at, comment_line; /* of the last comment before that row; -1: there is none */
    bool looking;                     /* cells are looked at and will be read again: nothing is changed */
    Cell *cells;                      /* the row read last */
    int columns, room;                /* cells in that row; room in `cells` */
    Cell *names;                      /* the header, NULL without one */
    int width;                        /* columns of the table */
    uint8_t *use;                     /* (width) CsvUse */
    int *target, targets;             /* columns of the target in their order; how many */
    int group, features;              /* column, -1: there is none; how many */
    int64_t samples, samples_room;
    float *numbers; /* (samples, features) */
    Cell *values;   /* (samples, targets) */
    Cell *groups;   /* (samples), NULL without a group */
} Csv;

/* data_csv_table.c: reads a whole file; `like` is the training file when this is the test file. The path
 * is taken over. */
bool csv_open(Csv *t, char *path, const CsvForm *form, const CsvNames *names, const Csv *like, RtError *e);
void csv_close(Csv *t);
/* Reads the next row that is neither empty nor a comment into t->cells; *more is false at the end. */
bool csv_row(Csv *t, bool *more, RtError *e);
/* Back to the first row. */
void csv_rewind(Csv *t);

/* data_csv_cell.c: "PATH, byte 812: row 17, column 3 ('width'): 'abc' PROBLEM" */
bool csv_fail(const Csv *t, const Cell *cell, int column, RtError *e, const char *problem);
/* The same, of a cell that must be a number. */
bool csv_number(const Csv *t, const Cell *cell, int column, float *x, RtError *e);
bool csv_is_decimal(const Cell *cell, char point);
/* nan and infinity: numbers, but refused. */
bool csv_is_not_finite(const Cell *cell);
bool csv_is_number(const Csv *t, const Cell *cell);
/* A cell as it may be shown: control characters out, cut when long. */
enum { SHOWN_MOST = 40 };
const char *csv_show(const Cell *cell, char text[SHOWN_MOST + 6]);

/* data_csv_form.c: what is not given of t->form, from the first rows; then the header and the width.
 * Stands behind the header afterwards. */
void csv_guess(Csv *t);
bool csv_head(Csv *t, RtError *e);
/* A line for the user: "t.csv: with a header, separator ';', decimal sign ','". */
void csv_describe(const Csv *t, char *text, size_t size);
/* Warnings about columns that look like numbers of rows, and about a header of numbers. */
void csv_look(const Csv *t, Data *d);

/* data_csv_column.c: finds target, group and ignored columns; the training file has found them already for
 * a test file. */
bool csv_columns(Csv *t, const CsvNames *names, const Csv *like, RtError *e);

/* Of the features, those whose columns `which` does not name (a name, a number, or a list of these) get a
 * mean of 0 and a deviation of 1 in d->scale. */
bool csv_scale_some(Csv *t, const json_t *which, Data *d, RtError *e);

/* data_csv_target.c */
typedef enum TargetKind { TARGET_CLASS_NUMBER, TARGET_TEXT, TARGET_NUMBER } TargetKind;
typedef struct Target {
    TargetKind kind;
    int classes;
    Cell *texts; /* (classes), sorted, for TARGET_TEXT; owned */
} Target;
/* Decides what the target columns of the training file are. */
bool csv_target(const Csv *t, Target *target, RtError *e);
/* The class of a cell, or -1. */
int csv_class(const Target *target, const Cell *cell);
/* Makes a split of a table; its features move over. */
bool csv_split(Csv *t, const Target *target, const Data *d, DataSplit *s, RtError *e);

/* data_csv_window.c: how long groups are, in rows. */
typedef struct CsvLengths {
    int64_t count, shortest, longest, longest_at; /* longest_at: a first row */
} CsvLengths;
CsvLengths csv_lengths(const Csv *t);
/* Finds the windows of a table, each in one group, and fails when there is none. With a step of 0 each group
 * is one, and none is longer than w->length. */
bool csv_windows_find(Windows *w, const Csv *t, RtError *e);
#endif
