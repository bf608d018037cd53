/* output.c: files that are whole or not there. See output.h. */
#define _GNU_SOURCE /* asprintf */
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void release(Output *o)
{
    const int reason = errno;
    free(o->target), free(o->temporary);
    *o = (Output){0};
    errno = reason;
}

bool output_begin(Output *o, const char *path)
{
    struct stat s;
    *o = (Output){0};
    const bool there = stat(path, &s) == 0;
    if (there && S_ISDIR(s.st_mode)) return errno = EISDIR, false;
    if (there && !S_ISREG(s.st_mode)) return (o->file = fopen(path, "wbe")) != NULL;
    o->target = there ? realpath(path, NULL) : strdup(path);
    if (!o->target || asprintf(&o->temporary, "%s.%ld.tmp", o->target, (long)getpid()) < 0) {
        o->temporary = NULL;
        return release(o), false;
    }
    o->file = fopen(o->temporary, "wbe");
    if (!o->file) release(o);
    return o->file != NULL;
}

bool output_end(Output *o, bool ok)
{
    if (!o->file) return false;
    const bool written = !ferror(o->file);
    ok = fclose(o->file) == 0 && written && ok;
    if (o->temporary && ok) ok = rename(o->temporary, o->target) == 0;
    const int reason = errno;
    if (o->temporary && !ok) unlink(o->temporary);
    errno = reason;
    return release(o), ok;
}
