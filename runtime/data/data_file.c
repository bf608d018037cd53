/* data_file.c: paths and bytes of data files (contract in data_file.h).
 *
 * zlib's gzread reads plain and packed files through one call. The file is opened here, not by zlib, so that
 * directories, pipes and the like are refused before anything is read (O_NONBLOCK: a pipe must not hang us).
 */
#include "common/plural.h"
#include "data/data_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_START = 1 << 20, READ_MOST = 1 << 28 };

bool data_file_fail(const DataFile *f, int64_t at, RtError *e, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return rt_fail(e, RT_BAD_INPUT, "%s, byte %lld: %s", f->path, (long long)at, text);
}

static void *no_memory(int64_t bytes, RtError *e)
{
    rt_fail(e, RT_SYSTEM, "out of memory: data needs %lld bytes more", (long long)bytes);
    return NULL;
}

void *data_memory(int64_t count, int64_t size, RtError *e)
{
    int64_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        rt_fail(e, RT_SYSTEM, "out of memory: data of %lld times %lld bytes", (long long)count,
                (long long)size);
        return NULL;
    }
    void *p = malloc(bytes ? (size_t)bytes : 1);
    return p ? p : no_memory(bytes, e);
}

/* Paths */

char *data_file_join(const char *directory, const char *name, RtError *e)
{
    bool here = !directory || !*directory || strcmp(directory, ".") == 0;
    size_t n = here ? 0 : strlen(directory), room = n + strlen(name) + 2;
    char *path = data_memory((int64_t)room, 1, e);

    if (!path) return NULL;
    const char *slash = n && directory[n - 1] != '/' ? "/" : "";
    snprintf(path, room, "%s%s%s", here ? "" : directory, slash, name);
    return path;
}

char *data_file_path(const DataContext *c, const char *path, RtError *e)
{
    if (c->directory) {
        const char *slash = strrchr(path, '/');
        return data_file_join(c->directory, slash ? slash + 1 : path, e);
    }
    return data_file_join(*path == '/' ? "" : c->base, path, e);
}

bool data_file_exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool data_file_is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

bool data_missing_help(const DataContext *c, RtError *e)
{
    if (e->code != DATA_MISSING) return false;
    if (c->directory)
        return rt_help(e, "--data says that all files of the data set are in '%s'", c->directory);
    return rt_help(e, "a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
}

/* Places */

static bool add_place(DataPlaces *p, char *path)
{
    if (path) p->at[p->count++] = path;
    return path != NULL;
}

/* A place and its sub-directory; takes the path over. */
static bool add_places(DataPlaces *p, char *path, const char *folder, RtError *e)
{
    return add_place(p, path) && (!folder || add_place(p, data_file_join(path, folder, e)));
}

bool data_places_open(DataPlaces *p, const DataContext *c, const char *dir, const char *system,
                      const char *folder, RtError *e)
{
    bool base = c->base && *c->base && strcmp(c->base, ".") != 0;

    *p = (DataPlaces){0};
    if (c->directory) return add_places(p, data_file_join("", c->directory, e), folder, e);
    if (*dir) return add_places(p, data_file_path(c, dir, e), folder, e);
    return add_places(p, data_file_join("", ".", e), folder, e) &&
           (!base || add_places(p, data_file_join("", c->base, e), folder, e)) &&
           (!system || add_places(p, data_file_join("", system, e), folder, e));
}

void data_places_close(DataPlaces *p)
{
    for (int i = 0; i < p->count; i++) free(p->at[i]);
    *p = (DataPlaces){0};
}

/* Does this directory hold FILE, plain or packed? One that cannot be read is reported when it is read. */
static bool is_here(const char *directory, const char *file)
{
    DataFile f;
    RtError e = {0};
    bool found = data_file_open(&f, data_file_join(directory, file, &e), true, &e);

    if (found) data_file_close(&f);
    return found || e.code != DATA_MISSING;
}

const char *data_places_find(const DataPlaces *p, const char *name, const char *file, RtError *e)
{
    for (int i = 0; i < p->count; i++)
        if (is_here(p->at[i], file)) return p->at[i];
    rt_fail(e, DATA_MISSING, "%s: no file %s or %s.gz", name, file, file);
    for (int i = 0; i < p->count; i++) rt_help(e, "note: looked in %s", p->at[i]);
    return NULL;
}

/* Opening */

static bool open_fail(const char *path, int error, RtError *e)
{
    bool missing = error == ENOENT || error == ENOTDIR;
    bool system = error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM;

    if (missing) return rt_fail(e, DATA_MISSING, "%s: no such file", path);
    return rt_fail(e, system ? RT_SYSTEM : RT_BAD_INPUT, "%s: cannot be opened: %s", path, strerror(error));
}

static bool check_regular(const char *path, int fd, int64_t *size, RtError *e)
{
    struct stat s;

    if (fstat(fd, &s) != 0) return open_fail(path, errno, e);
    *size = (int64_t)s.st_size;
    if (S_ISREG(s.st_mode))
        return *size > 0 || rt_fail(e, RT_BAD_INPUT, "%s, byte 0: the file is empty", path);
    return rt_fail(e, RT_BAD_INPUT, "%s: %s", path,
                   S_ISDIR(s.st_mode) ? "is a directory, not a file" : "is not a regular file");
}

static bool ends_in_gz(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".gz") == 0;
}

/* Sets gz or zip, and size, from a file that is open and not empty. */
static bool start_reading(DataFile *f, int fd, int64_t size, const char *member, RtError *e)
{
    if (member || zip_begins(fd)) {
        f->zip = zip_open(fd, f->path, member, e);
        f->size = f->zip ? zip_size(f->zip) : 0;
        return f->zip != NULL;
    }
    f->gz = gzdopen(fd, "rb");
    if (!f->gz) {
        close(fd);
        return no_memory(0, e) != NULL;
    }
    gzbuffer(f->gz, 1 << 16);
    f->size = gzdirect(f->gz) ? size : -1;
    if (f->size < 0 || !ends_in_gz(f->path)) return true;
    return data_file_fail(f, 0, e, "not a gzip file, though its name ends in .gz");
}

/* PATH, or PATH.gz when only that exists; PATH again when there is no memory. */
static char *packed_path(char *path)
{
    size_t room = strlen(path) + 4;
    char *packed = data_file_exists(path) ? NULL : malloc(room);

    if (!packed) return path;
    snprintf(packed, room, "%s.gz", path);
    bool found = data_file_exists(packed);
    free(found ? path : packed);
    return found ? packed : path;
}

/* The ':' of ARCHIVE:MEMBER, where only what is before it exists; NULL: there is none. */
static char *find_colon(char *path)
{
    char *colon = data_file_exists(path) ? NULL : strrchr(path, ':');

    if (!colon) return NULL;
    *colon = '\0';
    const bool archive = data_file_exists(path);
    *colon = ':';
    return archive ? colon : NULL;
}

bool data_file_open(DataFile *f, char *path, bool or_packed, RtError *e)
{
    *f = (DataFile){0};
    if (!path) return false;
    char *colon = find_colon(path);
    f->path = or_packed && !colon ? packed_path(path) : path;
    if (colon) *colon = '\0';
    int64_t size = 0;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good = fd >= 0 ? check_regular(f->path, fd, &size, e) : open_fail(f->path, errno, e);
    if (fd >= 0 && !good) close(fd);
    if (colon) *colon = ':';
    if (good && start_reading(f, fd, size, colon ? colon + 1 : NULL, e)) return true;
    data_file_close(f);
    return false;
}

void data_file_close(DataFile *f)
{
    if (f->gz) gzclose(f->gz);
    zip_close(f->zip);
    free(f->path);
    *f = (DataFile){0};
}

/* Reading */

bool data_file_some(DataFile *f, void *to, int64_t n, int64_t *found, RtError *e)
{
    *found = 0;
    if (f->zip) {
        const bool good = zip_read(f->zip, to, n, found, e);
        f->offset += *found;
        return good;
    }
    while (*found < n) {
        int64_t want = n - *found < READ_MOST ? n - *found : READ_MOST;
        int got = gzread(f->gz, (char *)to + *found, (unsigned)want);
        if (got > 0) *found += got, f->offset += got;
        if (got < want) break;
    }
    if (*found == n) return true; /* zlib reads ahead: a failure may be known already that is not ours yet */
    int error;
    const char *text = gzerror(f->gz, &error);
    if (error == Z_OK || error == Z_STREAM_END) return true;
    if (error == Z_ERRNO) return rt_fail(e, RT_SYSTEM, "%s: cannot be read: %s", f->path, strerror(errno));
    if (error == Z_MEM_ERROR) return no_memory(0, e) != NULL;
    int64_t at = (int64_t)gzoffset(f->gz); /* of the packed file: how far it unpacks is zlib's secret */
    if (error == Z_BUF_ERROR) return data_file_fail(f, at, e, "truncated: the gzip file ends in the middle");
    const char *colon = strrchr(text, ':');
    return data_file_fail(f, at, e, "the gzip file is damaged here or before:%s", colon ? colon + 1 : text);
}

bool data_file_short(const DataFile *f, int64_t start, const char *what, int64_t want, int64_t found,
                     RtError *e)
{
    return data_file_fail(f, start, e, "truncated in %s: wanted %lld byte%s, found %lld", what,
                          (long long)want, plural(want, "s"), (long long)found);
}

bool data_file_take(DataFile *f, void *to, int64_t n, const char *what, RtError *e)
{
    int64_t found, start = f->offset;
    return data_file_some(f, to, n, &found, e) &&
           (found == n || data_file_short(f, start, what, n, found, e));
}

/* Grows *block to `size` bytes. */
static bool grow(char **block, int64_t size, RtError *e)
{
    char *more = realloc(*block, (size_t)size);
    if (!more) return no_memory(size, e) != NULL;
    *block = more;
    return true;
}

void *data_file_growing(DataFile *f, int64_t n, int64_t *found, RtError *e)
{
    int64_t room = f->size >= 0 || n < BLOCK_START ? n : BLOCK_START, got;
    char *block = NULL;

    *found = 0;
    while (grow(&block, room ? room : 1, e) && data_file_some(f, block + *found, room - *found, &got, e)) {
        *found += got;
        if (*found < room || room == n) return block;
        room = room < n / 2 ? room * 2 : n;
    }
    free(block);
    return NULL;
}

void *data_file_block(DataFile *f, int64_t n, const char *what, RtError *e)
{
    int64_t start = f->offset, found;

    if (f->size >= 0 && n > f->size - start) {
        data_file_short(f, start, what, n, f->size - start, e);
        return NULL;
    }
    char *block = data_file_growing(f, n, &found, e);
    if (!block || found == n) return block;
    data_file_short(f, start, what, n, found, e);
    free(block);
    return NULL;
}

char *data_file_rest(DataFile *f, int64_t *size, RtError *e)
{
    int64_t most = f->size >= 0 ? f->size - f->offset : INT64_MAX;
    char *block = data_file_growing(f, most, size, e);

    if (!block) return NULL;
    if (!grow(&block, *size + 1, e)) {
        free(block);
        return NULL;
    }
    block[*size] = '\0';
    return block;
}

bool data_file_end(DataFile *f, const char *what, RtError *e)
{
    char byte;
    int64_t found, start = f->offset;

    if (!data_file_some(f, &byte, 1, &found, e)) return false;
    return found == 0 || data_file_fail(f, start, e, "there are bytes left after %s", what);
}
