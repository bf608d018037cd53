/* source.h: the text of the files of one compilation, and places in it.
 *
 * A Span is a half-open range of bytes of one file. Lines and columns are computed only when a message is
 * printed; both start at 1 and columns count bytes of UTF-8 sequences as one.
 */
#ifndef DNW_SOURCE_H
#define DNW_SOURCE_H
#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct Span {
    uint32_t file;       /* index in Sources */
    uint32_t start, end; /* bytes */
} Span;

/* The span of a message that has no place in any file. */
#define SPAN_NONE ((Span){UINT32_MAX, 0, 0})

typedef struct Place {
    int line, column;      /* 1-based */
    const char *line_text; /* start of the line in the file */
    int line_length;       /* bytes, without the line end */
} Place;

typedef struct SourceFile {
    const char *path; /* as the user wrote it */
    const char *text; /* 0 behind the last byte; may hold any bytes */
    uint32_t length;
    Place *marks; /* of every few thousandth byte, without line_length */
} SourceFile;

typedef struct Sources Sources;

Sources *sources_new(Arena *perm);
/* Reads a file; returns its index, or -1 and *why (one clause: "No such file or directory", "is a
 * directory"). */
int sources_read(Sources *s, const char *path, const char **why);
/* The same for a table, which may have up to 256 MiB. A file that has been read is not read again. */
int sources_read_table(Sources *s, const char *path, const char **why);
/* `path`, of a file that file `from` names: relative to the directory of that one. */
const char *sources_beside(Sources *s, uint32_t from, const char *path);
/* Adds text that is already in memory (tests, fuzzers). The bytes are copied. -1 when over 4 MiB. */
int sources_add(Sources *s, const char *path, const char *text, size_t length);
/* NULL when there is no such file (SPAN_NONE). */
const SourceFile *sources_file(const Sources *s, uint32_t file);

Place source_place(const Sources *s, uint32_t file, uint32_t offset);

/* From the start of `a` to the end of `b`. */
static inline Span span_join(Span a, Span b)
{
    return (Span){a.file, a.start, b.end};
}
#endif
