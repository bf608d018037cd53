/* error.c: failures as values (contract in error.h).
 *
 * Texts are put together in a local buffer first, so that a caller may pass e->text itself as an argument to
 * wrap one message in another. What does not fit is cut.
 */
#include "common/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool rt_fail(RtError *e, int code, const char *format, ...)
{
    char text[sizeof e->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (e) {
        e->code = code;
        memcpy(e->text, text, strlen(text) + 1);
    }
    return false;
}

bool rt_help(RtError *e, const char *format, ...)
{
    char text[sizeof e->text];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!e) return false;
    bool labelled = strncmp(text, "help: ", 6) == 0 || strncmp(text, "note: ", 6) == 0;
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, "\n%s%s", labelled ? "" : "help: ", text);
    return false;
}
