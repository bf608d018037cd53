/* page.h: `dnw report RUN...`: runs of train as one HTML page.
 *
 * page.c puts the files of report/ and the data into the page; page_run.c reads the log, the source and the
 * weights of a run, page_wiring.c the snapshots of its wiring.
 */
#ifndef DNW_PAGE_H
#define DNW_PAGE_H
#include "base/arena.h"
#include "base/vec.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Why a run cannot be shown, for command_fail; notes go to stderr. */
typedef struct PageError {
    int code;
    const char *text, *help; /* help: or NULL */
} PageError;

/* {"name", "start", "total", "epochs": {KEY: one number an epoch, or null}, "source": {"path", "text",
 * "note"}, "wiring": see page_wiring, or missing, "weights": {"GRAPH.SET": [{"name", "size", "values"}]},
 * "confusion": rows, or missing}; NULL and *e. */
json_t *page_run(Arena *a, const char *directory, PageError *e);
/* {"head", "data": snapshots one after the other, as one zlib stream in base64}; NULL: *e, or (code 0) the
 * run has no snapshots. Where there are many, some are left out. */
json_t *page_wiring(Arena *a, const char *directory, PageError *e);
/* Fills *e; returns false. */
bool page_fail(PageError *e, Arena *a, int code, const char *help, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* All of a file; NULL: errno says why. */
char *page_read(Arena *a, const char *path, size_t *length);
/* The page with this data, to a file. */
bool page_write(Arena *a, const char *path, const json_t *data, PageError *e);
#endif
