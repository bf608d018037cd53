/* log.h: output of a training run: log.jsonl, one JSON object per line, and the console.
 *
 * The log only grows, by whole lines; its length in bytes is part of a checkpoint, so that a run that
 * continues cuts off what the checkpoint does not know. A second process that opens the same log is refused.
 */
#ifndef RT_LOG_H
#define RT_LOG_H
#include "common/error.h"
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Log {
    int fd;
    int64_t bytes; /* length of the file */
    char *path;
} Log;

/* Opens or makes the file and cuts it as log_cut does (keep < 0: not yet). RT_SYSTEM when it cannot be
 * written, RT_USAGE when another process writes it. */
bool log_open(Log *l, const char *path, int64_t keep, RtError *e);
/* To its first `keep` bytes, or to the last whole line before that when it is shorter. */
bool log_cut(Log *l, int64_t keep, RtError *e);
/* Appends one line; takes `event` over. After a failure (disk full) no part of the line is left. */
bool log_event(Log *l, json_t *event, RtError *e);
/* What was written is on the disk when this returns. */
bool log_sync(Log *l, RtError *e);
void log_close(Log *l);
/* A JSON number, or null for NaN and infinities, which JSON has not. */
json_t *log_number(double x);

typedef struct LogConsole {
    FILE *out;
    bool quiet, terminal;
    bool drawn;       /* a progress line stands on the terminal */
    double next_draw; /* on log_clock */
} LogConsole;

typedef struct LogProgress {
    int64_t epoch, epochs; /* from 1 */
    double done;           /* share of this epoch, 0 .. 1 */
    double loss, accuracy; /* so far in this epoch; accuracy NaN when there is none */
    double samples_per_s, seconds_left;
    int64_t swapped;
} LogProgress;

void log_console(LogConsole *c, FILE *out, bool quiet);
/* Redraws the progress line; nothing unless the console is a terminal, and at most 5 times a second. */
void log_progress(LogConsole *c, const LogProgress *p);
/* Prints a whole line in place of the progress line. */
void log_line(LogConsole *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the progress line. */
void log_clear(LogConsole *c);
/* Opens those of stdin, stdout and stderr that are closed, so that no other file takes their numbers and is
 * written into by printf. What is printed to one of these is then an error of write. Call it first. */
void log_standard_files(void);
/* Seconds from some fixed moment. */
double log_clock(void);
/* "42 s", "3 min 20 s", "2 h 05 min", into out. */
void log_duration(double seconds, char *out, size_t size);
#endif
