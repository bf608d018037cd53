/* output.h: a file that a command writes. It is written under a temporary name and renamed when it is whole,
 * so that what stood there stays until then. A device or pipe is written as it is; a link is followed.
 */
#ifndef OUTPUT_H
#define OUTPUT_H
#include <stdbool.h>
#include <stdio.h>

typedef struct Output {
    FILE *file;   /* NULL: output_begin failed */
    char *target; /* where a link leads; NULL: a device or pipe */
    char *temporary;
} Output;

/* False: errno says why. */
bool output_begin(Output *o, const char *path);
/* Closes the file, and puts it in its place if `ok`, else removes it. False: not ok, or it could not be
 * written; errno says why. Does nothing where output_begin failed. */
bool output_end(Output *o, bool ok);
#endif
