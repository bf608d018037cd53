/* error.h: how runtime functions fail. Nothing but main.c exits.
 *
 * A function that can fail returns false (or NULL) and fills *e; the text is one message in the compiler's
 * form without the leading "error: ", further lines ("help: ...") separated by line ends. Messages about data
 * name the path and the byte offset.
 */
#ifndef RT_ERROR_H
#define RT_ERROR_H
#include <stdbool.h>

enum { RT_OK = 0, RT_BAD_INPUT = 1, RT_USAGE = 2, RT_SYSTEM = 3, RT_INTERRUPTED = 130 }; /* exit codes */

typedef struct RtError {
    int code;
    char text[4096];
} RtError;

/* Fills *e and returns false, so that callers write: return rt_fail(e, RT_BAD_INPUT, "...", ...); */
bool rt_fail(RtError *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds a line to a failure; returns false. "help: " is put before it unless it starts with "help: " or "note:
 * ". */
bool rt_help(RtError *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
