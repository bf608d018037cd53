/* source.c: keeps the text of all files of a compilation; finds the line and column of a byte.
 *
 * A place is found by walking from the last mark before it, of which a file has one every few thousand bytes.
 * Files over MAX_BYTES (tables: MAX_TABLE) are refused, so that a byte offset always fits a Span.
 */
#include "base/source.h"
#include "base/vec.h"
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

enum { MAX_BYTES = 4 << 20, MAX_TABLE = 256 << 20, MARK_BYTES = 4096 };

struct Sources {
    Arena *perm;
    Vec(SourceFile) files;
};

Sources *sources_new(Arena *perm)
{
    Sources *s = NEW(perm, Sources);
    s->perm = perm;
    return s;
}

/* The place of byte `to` from that of byte `from`; the length of the line is left out. */
static Place walk(const SourceFile *f, Place place, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (f->text[i] == '\n') {
            place.line++;
            place.column = 1;
            place.line_text = f->text + i + 1;
        } else if ((f->text[i + 1] & 0xC0) != 0x80) place.column++; /* the last byte of a character */
    }
    return place;
}

/* A byte-order mark is no part of the text. */
static int add(Sources *s, const char *path, char *text, size_t length)
{
    bool marked = length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    if (marked) text += 3, length -= 3;
    SourceFile file = {arena_text(s->perm, path, strlen(path)), text, (uint32_t)length, NULL};
    file.marks = NEW_ARRAY(s->perm, Place, length / MARK_BYTES + 1);
    file.marks[0] = (Place){1, 1, text, 0};
    for (size_t at = MARK_BYTES; at <= length; at += MARK_BYTES)
        file.marks[at / MARK_BYTES] =
            walk(&file, file.marks[at / MARK_BYTES - 1], (uint32_t)(at - MARK_BYTES), (uint32_t)at);
    vec_push(s->perm, &s->files, file);
    return s->files.count - 1;
}

/* Reads to the end of the stream (a pipe has no size to ask for); NULL and *why on failure. */
static char *read_all(Arena *perm, FILE *in, size_t most, size_t *length, const char **why)
{
    size_t size = 4096, used = 0;
    char *text = arena_alloc(perm, size + 1, 1);
    for (;;) {
        used += fread(text + used, 1, size - used, in);
        if (used < size) break;
        if (size >= most) {
            *why = arena_printf(perm, "it is larger than %zu MiB", most >> 20);
            return NULL;
        }
        char *bigger = arena_alloc(perm, size * 2 + 1, 1);
        memcpy(bigger, text, used);
        text = bigger;
        size *= 2;
    }
    if (ferror(in)) {
        *why = strerror(errno);
        return NULL;
    }
    *length = used;
    return text;
}

static int read_file(Sources *s, const char *path, size_t most, const char **why)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode)) {
        *why = "is a directory";
        return -1;
    }
    FILE *in = fopen(path, "rb");
    if (!in) {
        *why = strerror(errno);
        return -1;
    }
    size_t length = 0;
    char *text = read_all(s->perm, in, most, &length, why);
    fclose(in);
    return text ? add(s, path, text, length) : -1;
}

int sources_read(Sources *s, const char *path, const char **why)
{
    return read_file(s, path, MAX_BYTES, why);
}

int sources_read_table(Sources *s, const char *path, const char **why)
{
    for (int i = 0; i < s->files.count; i++)
        if (strcmp(s->files.at[i].path, path) == 0) return i;
    return read_file(s, path, MAX_TABLE, why);
}

const char *sources_beside(Sources *s, uint32_t from, const char *path)
{
    const char *here = sources_file(s, from)->path;
    const char *directory = dirname(arena_text(s->perm, here, strlen(here)));
    if (path[0] == '/' || strcmp(directory, ".") == 0) return path;
    return arena_printf(s->perm, "%s/%s", directory, path);
}

int sources_add(Sources *s, const char *path, const char *text, size_t length)
{
    if (length > MAX_BYTES) return -1;
    return add(s, path, arena_text(s->perm, text, length), length);
}

const SourceFile *sources_file(const Sources *s, uint32_t file)
{
    return file < (uint32_t)s->files.count ? &s->files.at[file] : NULL;
}

Place source_place(const Sources *s, uint32_t file, uint32_t offset)
{
    const SourceFile *f = sources_file(s, file);
    if (!f) return (Place){1, 1, "", 0};
    if (offset > f->length) offset = f->length;
    Place place = walk(f, f->marks[offset / MARK_BYTES], offset / MARK_BYTES * MARK_BYTES, offset);
    const char *file_end = f->text + f->length;
    const char *end = memchr(place.line_text, '\n', (size_t)(file_end - place.line_text));
    if (!end) end = file_end;
    if (end > place.line_text && end[-1] == '\r') end--;
    place.line_length = (int)(end - place.line_text);
    return place;
}
