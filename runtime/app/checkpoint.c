/* checkpoint.c: reads safetensors (contract in checkpoint.h; writing is in checkpoint_write.c).
 *
 * Reading has two passes over a mapped file: parse (the header alone: are the tensors it lists the data that
 * is there?) and load (are they the tensors of this network?). Names from a file are printed with their
 * control characters replaced.
 */
#define _GNU_SOURCE
#include "app/checkpoint.h"
#include "common/plural.h"
#include "data/half.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int64_t bytes;
} dtypes[] = {{"F32", 4}, {"U8", 1}, {"I32", 4}, {"I64", 8}, {"F16", 2}, {"BF16", 2}, {"F64", 8}};
enum { DTYPE_F32, DTYPE_U8, DTYPE_I32, DTYPE_I64, DTYPE_F16, DTYPE_BF16, DTYPE_F64, DTYPE_COUNT };

static int dtype_of(NetTensorKind kind)
{
    switch (kind) {
    case NET_KEPT: return DTYPE_U8;
    case NET_EXPLORED:
    case NET_ROW: return DTYPE_I64;
    case NET_SOURCE: return DTYPE_I32;
    default: return DTYPE_F32;
    }
}

const char *checkpoint_dtype(NetTensorKind kind)
{
    return dtypes[dtype_of(kind)].name;
}

typedef struct Printable {
    char text[208];
} Printable;

static Printable printable(const char *name)
{
    Printable p;
    snprintf(p.text, sizeof p.text, "%s", name);
    for (char *c = p.text; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127) *c = '?';
    return p;
}

typedef struct ShapeText {
    char text[160];
} ShapeText;

static ShapeText shape_text(const int64_t *shape, int rank)
{
    ShapeText t = {"["};
    for (int i = 0; i < rank; i++) {
        size_t used = strlen(t.text);
        snprintf(t.text + used, sizeof t.text - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
    }
    strcat(t.text, "]"); /* 6 numbers of 20 digits fit */
    return t;
}

/* --- parse --- */

/* A header whose bytes are well-formed JSON but not a description of tensors. */
static bool bad_entry(const Checkpoint *c, const char *name, const char *what, RtError *e)
{
    return rt_fail(e, RT_BAD_INPUT, "%s: byte 8: header of tensor '%s': %s", c->path, printable(name).text,
                   what);
}

static bool parse_header(Checkpoint *c, RtError *e)
{
    uint64_t length = 0;
    if (c->size < 8)
        return rt_fail(e, RT_BAD_INPUT, "%s: byte %zu: the file ends before the length of its header",
                       c->path, c->size);
    for (int i = 7; i >= 0; i--) length = length << 8 | c->bytes[i];
    if (length > CHECKPOINT_HEADER_LIMIT)
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte 0: header of %llu bytes is longer than the limit of %d\nhelp: is this a "
                       ".safetensors file?",
                       c->path, (unsigned long long)length, CHECKPOINT_HEADER_LIMIT);
    if (length > c->size - 8)
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte 0: header of %llu byte%s goes beyond the end of the file (%zu bytes)",
                       c->path, (unsigned long long)length, plural((int64_t)length, "s"), c->size);
    json_error_t where;
    c->header = json_loadb((const char *)c->bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &where);
    c->data_at = 8 + (size_t)length;
    if (!c->header)
        return rt_fail(e, RT_BAD_INPUT, "%s: byte %d: header is not JSON: %s", c->path, 8 + where.position,
                       printable(where.text).text);
    if (!json_is_object(c->header))
        return rt_fail(e, RT_BAD_INPUT, "%s: byte 8: header is not a JSON object", c->path);
    return true;
}

static bool parse_metadata(const Checkpoint *c, RtError *e)
{
    json_t *metadata = json_object_get(c->header, "__metadata__"), *value;
    const char *key;
    if (!metadata) return true;
    if (!json_is_object(metadata)) return bad_entry(c, "__metadata__", "not an object", e);
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return bad_entry(
        c, "__metadata__", "holds something other than text", e);
    return true;
}

/* A list of 0 or more whole numbers >= 0 into out[0..limit); *count of them. */
static bool parse_numbers(const json_t *list, int limit, int64_t *out, int *count)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > (size_t)limit) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *number = json_array_get(list, i);
        if (!json_is_integer(number) || json_integer_value(number) < 0) return false;
        out[i] = json_integer_value(number);
    }
    *count = (int)n;
    return true;
}

static bool shape_size(const int64_t *shape, int rank, int64_t *size)
{
    *size = 1;
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(*size, shape[i], size)) return false;
    return true;
}

static bool parse_dtype(const Checkpoint *c, const json_t *entry, CheckpointTensor *t, RtError *e)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name) return bad_entry(c, t->name, "no dtype", e);
    for (t->dtype = 0; t->dtype < DTYPE_COUNT; t->dtype++)
        if (!strcmp(dtypes[t->dtype].name, name)) return true;
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: byte 8: tensor '%s' has dtype '%s'; F32, F16, BF16, F64, I32, I64 and U8 are read",
                   c->path, printable(t->name).text, printable(name).text);
}

static bool parse_tensor(const Checkpoint *c, const json_t *entry, CheckpointTensor *t, RtError *e)
{
    int64_t offsets[2], size, data = (int64_t)(c->size - c->data_at);
    int count = 0;
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return bad_entry(c, t->name, "not an object of dtype, shape and data_offsets", e);
    if (!parse_dtype(c, entry, t, e)) return false;
    if (!parse_numbers(json_object_get(entry, "shape"), CHECKPOINT_RANK, t->shape, &t->rank))
        return bad_entry(c, t->name, "shape is not a list of at most 6 sizes", e);
    if (!parse_numbers(json_object_get(entry, "data_offsets"), 2, offsets, &count) || count != 2)
        return bad_entry(c, t->name, "data_offsets is not a list of two offsets", e);
    t->begin = offsets[0];
    t->end = offsets[1];
    if (!shape_size(t->shape, t->rank, &size) || __builtin_mul_overflow(size, dtypes[t->dtype].bytes, &size))
        return bad_entry(c, t->name, "shape is too large", e);
    if (t->begin > t->end || t->end > data)
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte %zu: tensor '%s' is at %lld to %lld of %lld bytes of data%s", c->path,
                       c->data_at, printable(t->name).text, (long long)t->begin, (long long)t->end,
                       (long long)data, t->begin <= t->end ? "\nhelp: the file is cut short" : "");
    if (t->end - t->begin != size)
        return rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: tensor '%s' of shape %s has %lld bytes, not %lld",
                       c->path, (long long)c->data_at + t->begin, printable(t->name).text,
                       shape_text(t->shape, t->rank).text, (long long)(t->end - t->begin), (long long)size);
    return true;
}

static int by_place(const void *a, const void *b)
{
    const CheckpointTensor *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const CheckpointTensor *)a)->name, ((const CheckpointTensor *)b)->name);
}

/* The tensors follow each other without gap or overlap, from the first byte of the data to the last. */
static bool check_places(Checkpoint *c, RtError *e)
{
    int64_t at = 0, data = (int64_t)(c->size - c->data_at);
    qsort(c->tensors, c->count, sizeof *c->tensors, by_place);
    for (size_t i = 0; i < c->count; i++) {
        const CheckpointTensor *t = &c->tensors[i];
        if (t->begin != at)
            return rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: tensor '%s' %s", c->path,
                           (long long)c->data_at + t->begin, printable(t->name).text,
                           t->begin < at ? "overlaps the one before it" : "has a gap before it");
        at = t->end;
    }
    if (at != data)
        return rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: %lld byte%s after the last tensor", c->path,
                       (long long)c->data_at + at, (long long)(data - at), plural(data - at, "s"));
    qsort(c->tensors, c->count, sizeof *c->tensors, by_name);
    return true;
}

static bool parse_tensors(Checkpoint *c, RtError *e)
{
    json_t *entry;
    const char *name;
    c->tensors = calloc(json_object_size(c->header) + 1, sizeof *c->tensors);
    if (!c->tensors) return rt_fail(e, RT_SYSTEM, "out of memory");
    json_object_foreach(c->header, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        CheckpointTensor *t = &c->tensors[c->count++];
        t->name = name;
        if (!parse_tensor(c, entry, t, e)) return false;
    }
    return check_places(c, e);
}

static bool parse(Checkpoint *c, RtError *e)
{
    if (c->path && parse_header(c, e) && parse_metadata(c, e) && parse_tensors(c, e)) return true;
    if (!c->path) rt_fail(e, RT_SYSTEM, "out of memory");
    checkpoint_close(c);
    return false;
}

bool checkpoint_read_bytes(Checkpoint *c, const uint8_t *bytes, size_t size, const char *path, RtError *e)
{
    *c = (Checkpoint){.path = strdup(path), .bytes = bytes, .size = size};
    return parse(c, e);
}

static bool map_file(Checkpoint *c, int fd, RtError *e)
{
    struct stat s;
    if (fstat(fd, &s)) return rt_fail(e, RT_SYSTEM, "%s: cannot read: %s", c->path, strerror(errno));
    if (!S_ISREG(s.st_mode)) return rt_fail(e, RT_BAD_INPUT, "%s: not a plain file", c->path);
    c->size = (size_t)s.st_size;
    if (!c->size) return rt_fail(e, RT_BAD_INPUT, "%s: byte 0: the file is empty", c->path);
    void *map = mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) return rt_fail(e, RT_SYSTEM, "%s: cannot read: %s", c->path, strerror(errno));
    c->bytes = map;
    c->mapped = true;
    return true;
}

bool checkpoint_open(Checkpoint *c, const char *path, RtError *e)
{
    *c = (Checkpoint){.path = strdup(path)};
    if (!c->path) return rt_fail(e, RT_SYSTEM, "out of memory");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok =
        fd >= 0 ? map_file(c, fd, e) : rt_fail(e, RT_BAD_INPUT, "%s: cannot open: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    if (ok) return parse(c, e);
    checkpoint_close(c);
    return false;
}

void checkpoint_close(Checkpoint *c)
{
    if (c->mapped) munmap((void *)c->bytes, c->size);
    json_decref(c->header);
    free(c->tensors);
    free(c->path);
    *c = (Checkpoint){0};
}

const char *checkpoint_text(const Checkpoint *c, const char *key)
{
    return json_string_value(json_object_get(json_object_get(c->header, "__metadata__"), key));
}

/* --- load --- */

static const CheckpointTensor *find(const Checkpoint *c, const char *name)
{
    CheckpointTensor key = {.name = name};
    return bsearch(&key, c->tensors, c->count, sizeof key, by_name);
}

/* "written by program 'x'" is the likely cause of tensors that do not fit. */
static bool add_origin(const Checkpoint *c, RtError *e)
{
    const char *program = checkpoint_text(c, "program");
    if (program) rt_help(e, "note: the file was written by program '%s'", printable(program).text);
    return false;
}

/* Wiring has one type. Numbers may have any width, but a run goes on from what it wrote, to the bit. */
static bool dtype_fits(const NetTensor *want, int dtype, CheckpointUse use)
{
    if (net_is_wiring(want->kind) || use == CHECKPOINT_RESUME) return dtype == dtype_of(want->kind);
    return dtype == DTYPE_F32 || dtype >= DTYPE_F16;
}

static bool check_tensor(const Checkpoint *c, const NetTensor *want, const CheckpointTensor *have,
                         CheckpointUse use, RtError *e)
{
    int64_t at = (int64_t)c->data_at + have->begin;
    bool same = have->rank == want->rank;
    for (int i = 0; same && i < want->rank; i++) same = have->shape[i] == want->shape[i];
    if (!same) {
        rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: tensor '%s' has shape %s, the program has %s", c->path,
                (long long)at, want->name, shape_text(have->shape, have->rank).text,
                shape_text(want->shape, want->rank).text);
        return add_origin(c, e);
    }
    if (!dtype_fits(want, have->dtype, use))
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte %lld: tensor '%s' of shape %s has dtype %s, the program has %s", c->path,
                       (long long)at, want->name, shape_text(have->shape, have->rank).text,
                       dtypes[have->dtype].name, dtypes[dtype_of(want->kind)].name);
    return true;
}

/* Number i of a tensor. */
static double value_at(const Checkpoint *c, const CheckpointTensor *t, int64_t i)
{
    const uint8_t *at = c->bytes + c->data_at + t->begin + i * dtypes[t->dtype].bytes;
    uint16_t half;
    float single;
    double wide;
    int32_t number;
    int64_t wide_number;
    switch (t->dtype) {
    case DTYPE_I32: memcpy(&number, at, sizeof number); return number;
    case DTYPE_I64: memcpy(&wide_number, at, sizeof wide_number); return (double)wide_number;
    case DTYPE_F32: memcpy(&single, at, sizeof single); return (double)single;
    case DTYPE_F64: memcpy(&wide, at, sizeof wide); return wide;
    case DTYPE_F16: memcpy(&half, at, sizeof half); return (double)half_float(half);
    case DTYPE_BF16: memcpy(&half, at, sizeof half); return (double)bfloat_float(half);
    default: return *at;
    }
}

static const char *bad_value(const CheckpointTensor *t, double x)
{
    if (t->dtype == DTYPE_U8) return x <= 1 ? NULL : "neither 0 nor 1";
    if (isfinite((float)x) || t->dtype == DTYPE_I32 || t->dtype == DTYPE_I64) return NULL;
    return isnan(x) ? "NaN" : isinf(x) ? "an infinity" : "a number too large for 32 bits";
}

static bool check_values(const Checkpoint *c, const CheckpointTensor *t, RtError *e)
{
    int64_t bytes = dtypes[t->dtype].bytes, size = (t->end - t->begin) / bytes;
    for (int64_t i = 0; i < size; i++) {
        const char *bad = bad_value(t, value_at(c, t, i));
        if (!bad) continue;
        return rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: tensor '%s' has %s at index %lld", c->path,
                       (long long)c->data_at + t->begin + i * bytes, t->name, bad, (long long)i);
    }
    return true;
}

/* Into memory, as float or as it is. */
static void copy_tensor(const Checkpoint *c, const CheckpointTensor *t, void *to)
{
    int64_t bytes = t->end - t->begin, size = bytes / dtypes[t->dtype].bytes;
    if (t->dtype >= DTYPE_F16)
        for (int64_t i = 0; i < size; i++) ((float *)to)[i] = (float)value_at(c, t, i);
    else if (bytes) memcpy(to, c->bytes + c->data_at + t->begin, (size_t)bytes);
}

/* Is `name` WEIGHT.SLOT for a weight of the file and one of the slots that the file says it has? Then a
 * reader of weights may skip it. */
static bool is_slot(const Checkpoint *c, const char *name)
{
    const char *slots = checkpoint_text(c, "slots"), *dot = strrchr(name, '.');
    if (strstr(name, RULE_TENSOR)) return true; /* what a declared rule keeps of candidates */
    if (!slots || !dot) return false;
    size_t length = strlen(dot + 1);
    bool listed = false;
    for (const char *s = slots; *s && !listed; s += strcspn(s, ","), s += *s == ',')
        listed = strcspn(s, ",") == length && !strncmp(s, dot + 1, length);
    char weight[sizeof((NetTensor *)0)->name];
    snprintf(weight, sizeof weight, "%.*s", (int)(dot - name), name);
    return listed && find(c, weight);
}

static bool is_missing(const Checkpoint *c, const NetTensor *want, RtError *e)
{
    rt_fail(e, RT_BAD_INPUT, "%s: tensor '%s' of shape %s is missing", c->path, want->name,
            shape_text(want->shape, want->rank).text);
    return add_origin(c, e);
}

/* Does the file have this tensor, as it should? Chosen edges may be missing when only weights are wanted. */
static bool check_wanted(const Checkpoint *c, const NetTensor *want, CheckpointUse use, bool *kept,
                         RtError *e)
{
    const CheckpointTensor *have = find(c, want->name);
    if (have && net_is_wiring(want->kind)) *kept = true;
    if (have) return check_tensor(c, want, have, use, e) && check_values(c, have, e);
    if (use == CHECKPOINT_WEIGHTS && (net_is_of_run(want->kind) || want->kind == NET_KEPT)) return true;
    return is_missing(c, want, e);
}

/* All or none of the lists of chosen edges. */
static bool check_kept(const Checkpoint *c, const NetTensor *const *tensors, int count, RtError *e)
{
    for (int i = 0; i < count; i++)
        if (net_is_wiring(tensors[i]->kind) && !find(c, tensors[i]->name))
            return rt_fail(e, RT_BAD_INPUT,
                           "%s: tensor '%s' of shape %s is missing, but other chosen edges are there",
                           c->path, tensors[i]->name, shape_text(tensors[i]->shape, tensors[i]->rank).text);
    return true;
}

bool checkpoint_knows(const Checkpoint *c, size_t k, const NetTensor *const *tensors, int count,
                      CheckpointUse use, RtError *e)
{
    const CheckpointTensor *have = &c->tensors[k];
    for (int i = 0; i < count; i++)
        if (!strcmp(tensors[i]->name, have->name)) return true;
    if (use == CHECKPOINT_WEIGHTS && is_slot(c, have->name)) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: byte %lld: tensor '%s' of shape %s is not one of this program", c->path,
            (long long)c->data_at + have->begin, printable(have->name).text,
            shape_text(have->shape, have->rank).text);
    return add_origin(c, e);
}

bool checkpoint_load(const Checkpoint *c, const NetTensor *const *tensors, int count, CheckpointUse use,
                     bool *kept_given, RtError *e)
{
    *kept_given = false;
    for (int i = 0; i < count; i++)
        if (!check_wanted(c, tensors[i], use, kept_given, e)) return false;
    if (*kept_given && !check_kept(c, tensors, count, e)) return false;
    for (size_t k = 0; k < c->count; k++)
        if (!checkpoint_knows(c, k, tensors, count, use, e)) return false;
    for (int i = 0; i < count; i++) {
        const CheckpointTensor *have = find(c, tensors[i]->name);
        if (have) copy_tensor(c, have, tensors[i]->data);
    }
    return true;
}

bool checkpoint_fits(const Checkpoint *c, const NetTensor *want, RtError *e)
{
    const CheckpointTensor *have = find(c, want->name);
    return have ? check_tensor(c, want, have, CHECKPOINT_WEIGHTS, e) : is_missing(c, want, e);
}

bool checkpoint_take(const Checkpoint *c, const NetTensor *want, RtError *e)
{
    const CheckpointTensor *have = find(c, want->name);
    if (!check_values(c, have, e)) return false;
    copy_tensor(c, have, want->data);
    return true;
}

void *checkpoint_read(const Checkpoint *c, const char *line, const char *suffix, NetTensorKind kind,
                      int64_t *count)
{
    NetTensor want = {.kind = kind};
    RtError e;
    snprintf(want.name, sizeof want.name, "%s.%s", line, suffix);
    const CheckpointTensor *have = find(c, want.name);
    if (!have || !dtype_fits(&want, have->dtype, CHECKPOINT_WEIGHTS) || !check_values(c, have, &e))
        return NULL;
    *count = (have->end - have->begin) / dtypes[have->dtype].bytes;
    void *numbers = malloc((size_t)(*count * net_element(kind) + 1));
    if (numbers) copy_tensor(c, have, numbers);
    return numbers;
}
