/* data_window.h: windows of rows that follow one another as samples: sequences [length, columns]. Shared by
 * the readers of tables and of series. */
#ifndef RT_DATA_WINDOW_H
#define RT_DATA_WINDOW_H
#include "data/data_kind.h"

typedef struct Windows {
    int64_t length; /* rows of a sample */
    int64_t step;   /* from a window to the next */
    int64_t ahead;  /* the target of a row stands so many rows behind it */
    bool each;      /* each row of a window has a target; else the last one has */
    int64_t count;
    int64_t *first; /* (count): first row of each; owned */
    int64_t *rows;  /* (count): of each, 1 .. length, where they differ; NULL: length; owned */
} Windows;

/* Rows of window i. */
static inline int64_t windows_rows(const Windows *w, int64_t i)
{
    return w->rows ? w->rows[i] : w->length;
}
void windows_free(Windows *w);
/* How many windows rows begin .. end have; with `to`, also their first rows. */
int64_t windows_list(const Windows *w, int64_t begin, int64_t end, int64_t *to);
/* Windows from .. from + count of `rows`, whose labels or targets are those of single rows. */
bool windows_take(const Windows *w, int64_t from, int64_t count, const Data *d, const DataSplit *rows,
                  DataSplit *s, RtError *e);
/* Windows that overlap are split by position: the last ones, `share` of all, are the test; those before that
 * have a row in common with them are left out. Fills both splits. */
bool windows_part(const Windows *w, double share, Data *d, const DataSplit *rows, RtError *e);
#endif
