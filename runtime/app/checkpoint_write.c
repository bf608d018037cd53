/* checkpoint_write.c: writes safetensors (contract in checkpoint.h).
 *
 * The header is put together first, from sizes alone; then the tensors are written directly from memory,
 * wide elements before narrow ones so that all of them are aligned. The order PATH.tmp, fsync, rename, fsync
 * of the directory leaves the old file or the new one whatever happens.
 */
#define _GNU_SOURCE
#include "app/checkpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "safetensors is little-endian; tensors are written as they lie");

static int64_t tensor_bytes(const NetTensor *t)
{
    return t->size * net_element(t->kind);
}

/* Bytes of the elements of each pass over the tensors. */
enum { PASSES = 3 };
static const int64_t widths[PASSES] = {8, 4, 1};

static bool goes_in(const NetTensor *t, int pass, CheckpointUse use)
{
    return net_element(t->kind) == widths[pass] && (!net_is_of_run(t->kind) || use == CHECKPOINT_RESUME);
}

/* "momentum" or "mean,square": the last parts of the names of optimiser state. NULL: out of memory. */
static json_t *slot_list(const NetTensor *const *tensors, int count)
{
    char list[256] = "";
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(tensors[i]->name, '.');
        if (tensors[i]->kind != NET_SLOT || !dot) continue;
        size_t used = strlen(list), length = strlen(dot + 1);
        bool listed = false;
        for (const char *s = list; *s && !listed; s += strcspn(s, ","), s += *s == ',')
            listed = strcspn(s, ",") == length && !strncmp(s, dot + 1, length);
        if (!listed && used + length + 2 < sizeof list)
            snprintf(list + used, sizeof list - used, "%s%s", used ? "," : "", dot + 1);
    }
    return json_string(list);
}

static json_t *tensor_entry(const NetTensor *t, int64_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer(t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", checkpoint_dtype(t->kind), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + tensor_bytes(t)));
}

/* JSON text of the header; the caller frees it. NULL: out of memory. */
static char *header_text(const NetTensor *const *tensors, int count, CheckpointUse use,
                         const json_t *metadata)
{
    json_t *header = json_object(), *entries = json_copy((json_t *)metadata);
    int64_t at = 0;
    bool ok = header && entries;
    if (use == CHECKPOINT_RESUME)
        ok = ok && !json_object_set_new(entries, "slots", slot_list(tensors, count));
    ok = !json_object_set_new(header, "__metadata__", entries) && ok;
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < count; i++) {
            if (!goes_in(tensors[i], pass, use)) continue;
            ok = !json_object_set_new(header, tensors[i]->name, tensor_entry(tensors[i], at)) && ok;
            at += tensor_bytes(tensors[i]);
        }
    char *text = ok ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

static bool write_bytes(int fd, const void *data, int64_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t done = write(fd, at, size < (1 << 28) ? (size_t)size : (size_t)1 << 28);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done;
        size -= done;
    }
    return true;
}

static bool write_header(int fd, const char *text)
{
    static const char blanks[8] = "        ";
    uint64_t length = strlen(text), padded = (length + 7) / 8 * 8;
    return write_bytes(fd, &padded, sizeof padded) && write_bytes(fd, text, (int64_t)length) &&
           write_bytes(fd, blanks, (int64_t)(padded - length));
}

static bool write_file(int fd, const char *header, const NetTensor *const *tensors, int count,
                       CheckpointUse use)
{
    bool ok = write_header(fd, header);
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < count && ok; i++)
            if (goes_in(tensors[i], pass, use))
                ok = write_bytes(fd, tensors[i]->data, tensor_bytes(tensors[i]));
    return ok && !fsync(fd);
}

/* Makes the new name of a file last. File systems that cannot sync a directory are trusted. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(directory);
}

static bool replace_file(const char *path, const char *temporary, const char *header,
                         const NetTensor *const *tensors, int count, CheckpointUse use)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return false;
    bool ok = write_file(fd, header, tensors, count, use);
    int cause = errno;
    if (close(fd) && ok) {
        ok = false;
        cause = errno;
    }
    if (ok && rename(temporary, path)) {
        ok = false;
        cause = errno;
    }
    if (ok) sync_directory(path);
    else unlink(temporary);
    errno = cause;
    return ok;
}

bool checkpoint_write(const char *path, const NetTensor *const *tensors, int count, CheckpointUse use,
                      const json_t *metadata, RtError *e)
{
    char *header = header_text(tensors, count, use, metadata), *temporary = NULL;
    if (!header || asprintf(&temporary, "%s.tmp", path) < 0) {
        free(header);
        return rt_fail(e, RT_SYSTEM, "%s: cannot write: out of memory", path);
    }
    bool ok = replace_file(path, temporary, header, tensors, count, use);
    if (!ok) {
        rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
        if (!access(path, F_OK)) rt_help(e, "note: the checkpoint that was there before is unchanged");
    }
    free(temporary);
    free(header);
    return ok;
}
