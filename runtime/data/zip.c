/* zip.c: reads members of zip archives (contract in zip.h). */
#define _GNU_SOURCE
#include "data/zip.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, ENTRY_SIZE = 46, LOCAL_SIZE = 30 };
enum { COMMENT_MOST = 65535, DIRECTORY_MOST = 1 << 28, BUFFER = 1 << 16 };

struct Zip {
    const char *path;
    int fd;
    int64_t file_size;
    int64_t at, packed;  /* next byte of the member in the file; how many are left */
    int64_t size, given; /* of the member, unpacked: all, and those given out */
    bool deflated;
    uint32_t crc, want_crc;
    z_stream stream;
    uint8_t buffer[BUFFER];
};

static bool fail(const Zip *z, int64_t at, RtError *e, const char *problem)
{
    return rt_fail(e, RT_BAD_INPUT, "%s, byte %lld: %s", z->path, (long long)at, problem);
}

/* A number of n bytes, little-endian. */
static int64_t number(const uint8_t *p, int n)
{
    uint64_t x = 0;
    for (int i = n - 1; i >= 0; i--) x = x << 8 | p[i];
    return (int64_t)x; /* negative: too large for any file, which every use checks */
}

static bool read_at(const Zip *z, int64_t at, void *to, int64_t n, RtError *e)
{
    if (at < 0 || n < 0 || n > z->file_size || at > z->file_size - n)
        return fail(z, at < 0 ? 0 : at, e, "the zip archive is truncated, or its directory is damaged");
    for (int64_t done = 0; done < n;) {
        const ssize_t got = pread(z->fd, (char *)to + done, (size_t)(n - done), (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return rt_fail(e, RT_SYSTEM, "%s: cannot be read: %s", z->path, strerror(errno));
        if (got == 0) return fail(z, at + done, e, "the file became shorter while it was read");
        done += got;
    }
    return true;
}

/* The directory */

typedef struct Directory {
    uint8_t *bytes; /* owned */
    int64_t at, size;
} Directory;

/* Where the directory of a large archive is: told by a record that a locator before the end points to. */
static bool find_large(const Zip *z, int64_t end, Directory *d, RtError *e)
{
    uint8_t locator[LOCATOR_SIZE], record[END64_SIZE];

    if (!read_at(z, end - LOCATOR_SIZE, locator, LOCATOR_SIZE, e)) return false;
    if (memcmp(locator, "PK\6\7", 4) != 0) return fail(z, end, e, "the zip archive's directory is damaged");
    const int64_t at = number(locator + 8, 8);
    if (!read_at(z, at, record, END64_SIZE, e)) return false;
    if (memcmp(record, "PK\6\6", 4) != 0) return fail(z, at, e, "the zip archive's directory is damaged");
    d->size = number(record + 40, 8), d->at = number(record + 48, 8);
    return true;
}

/* The end of the archive is found by its mark, and by its comment's length that leads to the file's end. */
static bool find_directory(const Zip *z, Directory *d, RtError *e)
{
    const int64_t most = END_SIZE + COMMENT_MOST, size = z->file_size < most ? z->file_size : most,
                  start = z->file_size - size;
    uint8_t *tail = malloc((size_t)size + 1);
    int64_t i = size - END_SIZE;

    if (!tail) return rt_fail(e, RT_SYSTEM, "out of memory");
    bool good = read_at(z, start, tail, size, e);
    while (good && i >= 0 &&
           (memcmp(tail + i, "PK\5\6", 4) || i + END_SIZE + number(tail + i + 20, 2) != size))
        i--;
    if (good && i < 0) good = fail(z, z->file_size, e, "the zip archive is truncated: it has no directory");
    if (good) d->size = number(tail + i + 12, 4), d->at = number(tail + i + 16, 4);
    const bool large = good && (d->size == UINT32_MAX || d->at == UINT32_MAX);
    free(tail);
    return good && (!large || find_large(z, start + i, d, e));
}

static bool read_directory(const Zip *z, Directory *d, RtError *e)
{
    if (!find_directory(z, d, e)) return false;
    if (d->size < 0 || d->size > DIRECTORY_MOST)
        return fail(z, z->file_size, e, "the zip archive's directory is too large to be true");
    d->bytes = malloc((size_t)d->size + 1);
    return d->bytes ? read_at(z, d->at, d->bytes, d->size, e) : rt_fail(e, RT_SYSTEM, "out of memory");
}

/* One entry, and where the next begins. */
typedef struct Entry {
    const uint8_t *bytes, *name;
    int64_t name_size, next;
} Entry;

/* False at the end of the directory; *damaged where it does not end as it should. */
static bool next_entry(const Directory *d, int64_t at, Entry *entry, bool *damaged)
{
    const uint8_t *p = d->bytes + at;

    *damaged = at != d->size;
    if (d->size - at < ENTRY_SIZE || memcmp(p, "PK\1\2", 4) != 0) return false;
    *entry = (Entry){p, p + ENTRY_SIZE, number(p + 28, 2), 0};
    entry->next = at + ENTRY_SIZE + entry->name_size + number(p + 30, 2) + number(p + 32, 2);
    return entry->next <= d->size;
}

static bool is_named(const Entry *entry, const char *member)
{
    const int64_t n = (int64_t)strlen(member);
    return entry->name_size >= n && memcmp(entry->name, member, (size_t)n) == 0 &&
           (entry->name_size == n || (entry->name_size == n + 4 && memcmp(entry->name + n, ".npy", 4) == 0));
}

/* Which members there are, for a message. */
static void list_names(const Directory *d, char *list, size_t size)
{
    Entry entry;
    bool damaged;
    size_t used = 0;

    *list = '\0';
    for (int64_t at = 0; next_entry(d, at, &entry, &damaged) && used < size; at = entry.next) {
        int64_t n = entry.name_size;
        if (n > 4 && memcmp(entry.name + n - 4, ".npy", 4) == 0) n -= 4;
        used += (size_t)snprintf(list + used, size - used, "%s'%.*s'", at ? ", " : "", (int)(n < 60 ? n : 60),
                                 (const char *)entry.name);
    }
    for (char *c = list; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
}

static bool find_entry(const Zip *z, const Directory *d, const char *member, Entry *found, RtError *e)
{
    Entry entry;
    bool damaged;
    int count = 0, fitting = 0;
    char list[400];

    for (int64_t at = 0; next_entry(d, at, &entry, &damaged); at = entry.next, count++)
        if (!member || is_named(&entry, member)) *found = entry, fitting++;
    if (damaged) return fail(z, d->at, e, "the zip archive's directory is damaged");
    if (fitting == 1) return true;
    list_names(d, list, sizeof list);
    if (count == 0) return rt_fail(e, RT_BAD_INPUT, "%s: the archive is empty", z->path);
    if (member) rt_fail(e, RT_BAD_INPUT, "%s: the archive has no member of this name", z->path);
    else rt_fail(e, RT_BAD_INPUT, "%s: the archive has %d members; one must be named", z->path, count);
    return rt_help(e, "ARCHIVE:NAME, where NAME is one of %s", list);
}

/* The member */

/* Sizes and offset; those of 32 bits that are full stand in the extra field of zip64, in this order. */
static bool read_sizes(Zip *z, const Entry *entry, int64_t *local)
{
    const uint8_t *p = entry->bytes, *extra = entry->name + entry->name_size,
                  *end = extra + number(p + 30, 2);
    int64_t *const to[] = {&z->size, &z->packed, local};
    const int from[] = {24, 20, 42};

    for (int i = 0; i < 3; i++) *to[i] = number(p + from[i], 4);
    for (; end - extra >= 4; extra += 4 + number(extra + 2, 2)) {
        const uint8_t *value = extra + 4, *stop = value + number(extra + 2, 2);
        if (stop > end) return false;
        if (number(extra, 2) != 1) continue;
        for (int i = 0; i < 3; i++) {
            if (*to[i] != UINT32_MAX) continue;
            if (stop - value < 8) return false;
            *to[i] = number(value, 8), value += 8;
        }
        break;
    }
    return z->size >= 0 && z->packed >= 0 && *local >= 0;
}

static bool start_member(Zip *z, const Directory *d, const Entry *entry, RtError *e)
{
    uint8_t local[LOCAL_SIZE];
    int64_t at;
    const int64_t method = number(entry->bytes + 10, 2), here = d->at + (entry->bytes - d->bytes);

    if (number(entry->bytes + 8, 2) & 1) return fail(z, here, e, "the member of the archive is encrypted");
    if (method != 0 && method != 8)
        return fail(z, here, e,
                    "the member is packed by a method that is not read; save it with numpy.savez");
    z->deflated = method == 8, z->want_crc = (uint32_t)number(entry->bytes + 16, 4);
    if (!read_sizes(z, entry, &at) || (!z->deflated && z->size != z->packed))
        return fail(z, here, e, "the zip archive's directory is damaged");
    if (!read_at(z, at, local, LOCAL_SIZE, e)) return false;
    if (memcmp(local, "PK\3\4", 4) != 0)
        return fail(z, at, e, "the member of the archive does not begin here");
    z->at = at + LOCAL_SIZE + number(local + 26, 2) + number(local + 28, 2);
    if (z->at > z->file_size || z->packed > z->file_size - z->at)
        return fail(z, at, e, "the member goes beyond the end of the archive");
    return !z->deflated || inflateInit2(&z->stream, -MAX_WBITS) == Z_OK ||
           rt_fail(e, RT_SYSTEM, "out of memory");
}

bool zip_begins(int fd)
{
    char mark[4];
    return pread(fd, mark, 4, 0) == 4 && (memcmp(mark, "PK\3\4", 4) == 0 || memcmp(mark, "PK\5\6", 4) == 0);
}

Zip *zip_open(int fd, const char *path, const char *member, RtError *e)
{
    struct stat s;
    Zip *z = calloc(1, sizeof *z);
    Directory d = {0};
    Entry entry = {0};

    if (!z) {
        close(fd);
        rt_fail(e, RT_SYSTEM, "out of memory");
        return NULL;
    }
    z->path = path, z->fd = fd, z->crc = (uint32_t)crc32(0, NULL, 0);
    z->file_size = fstat(fd, &s) == 0 ? (int64_t)s.st_size : 0;
    const bool good =
        read_directory(z, &d, e) && find_entry(z, &d, member, &entry, e) && start_member(z, &d, &entry, e);
    free(d.bytes);
    if (good) return z;
    zip_close(z);
    return NULL;
}

int64_t zip_size(const Zip *z)
{
    return z->deflated ? -1 : z->size;
}

/* The next packed bytes. */
static bool fill(Zip *z, void *to, int64_t n, RtError *e)
{
    if (!read_at(z, z->at, to, n, e)) return false;
    z->at += n, z->packed -= n;
    return true;
}

/* Unpacks up to n bytes; *end: there are no more. */
static bool unpack(Zip *z, uint8_t *to, int64_t n, int64_t *found, bool *end, RtError *e)
{
    z->stream.next_out = to, z->stream.avail_out = (unsigned)n;
    for (int result = Z_OK; z->stream.avail_out && result == Z_OK;) {
        if (z->stream.avail_in == 0 && z->packed > 0) {
            const int64_t more = z->packed < BUFFER ? z->packed : BUFFER;
            if (!fill(z, z->buffer, more, e)) return false;
            z->stream.next_in = z->buffer, z->stream.avail_in = (unsigned)more;
        }
        result = inflate(&z->stream, Z_NO_FLUSH);
        *end = result == Z_STREAM_END;
        if (result != Z_OK && !*end) return fail(z, z->at, e, "the member is damaged here or before");
    }
    *found = n - z->stream.avail_out;
    return true;
}

bool zip_read(Zip *z, void *to, int64_t n, int64_t *found, RtError *e)
{
    const int64_t left = z->size - z->given;
    uint8_t *out = to;
    bool end = false;

    *found = 0;
    if (n > left) n = left;
    while (*found < n && !end) {
        const int64_t want = n - *found < (1 << 30) ? n - *found : 1 << 30;
        int64_t got = want;
        if (!(z->deflated ? unpack(z, out, want, &got, &end, e) : fill(z, out, want, e))) return false;
        z->crc = (uint32_t)crc32(z->crc, out, (unsigned)got);
        out += got, *found += got, z->given += got;
    }
    if (z->given == z->size && z->crc != z->want_crc)
        return fail(z, z->at, e, "the member is damaged: its sum is not that of the directory");
    return *found == n || fail(z, z->at, e, "the member is shorter than the directory says");
}

void zip_close(Zip *z)
{
    if (!z) return;
    if (z->deflated) inflateEnd(&z->stream);
    close(z->fd);
    free(z);
}
