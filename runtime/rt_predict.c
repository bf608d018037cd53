/* rt_predict.c: the command predict: a .npy file of inputs through the network into a .npy file of outputs.
 *
 * .npy: "\x93NUMPY", version, length of the header, a Python dictionary as text, then the numbers.
 * Little-endian float32 and float64 in C order are read; float32 is written. Format: numpy.lib.format,
 * versions 1 to 3. The output appears under its name only when it is whole; samples without one have a row of
 * NaN in it (rt_predict_rows.c).
 */
#define _GNU_SOURCE
#include "rt_predict_rows.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Npy {
    const char *path;
    const uint8_t *bytes; /* the whole file, mapped */
    size_t size, data_at;
    int width; /* bytes a number: 4 or 8 */
    int rank;
    int64_t shape[8], numbers;
} Npy;

static bool bad_npy(const Npy *a, size_t at, const char *what, RtError *e)
{
    return rt_fail(e, RT_BAD_INPUT, "%s: byte %zu: %s", a->path, at, what);
}

/* --- reading --- */

/* The text after 'KEY': in the dictionary, or NULL. */
static const char *find_key(const char *header, const char *key)
{
    char quoted[2][32];
    snprintf(quoted[0], sizeof quoted[0], "'%s'", key);
    snprintf(quoted[1], sizeof quoted[1], "\"%s\"", key);
    for (int i = 0; i < 2; i++) {
        const char *at = strstr(header, quoted[i]);
        if (!at) continue;
        at += strlen(quoted[i]);
        at += strspn(at, " ");
        if (*at == ':') return at + 1 + strspn(at + 1, " ");
    }
    return NULL;
}

static bool parse_shape(Npy *a, const char *text, RtError *e)
{
    if (!text || *text != '(') return bad_npy(a, 10, "header has no shape", e);
    a->numbers = 1;
    for (text++; *(text += strspn(text, " ,")) && *text != ')';) {
        char *end;
        errno = 0;
        long long n = strtoll(text, &end, 10);
        if (end == text || errno || n < 0 || a->rank == 8) return bad_npy(a, 10, "header has a bad shape", e);
        if (__builtin_mul_overflow(a->numbers, n, &a->numbers))
            return bad_npy(a, 10, "shape is too large", e);
        a->shape[a->rank++] = n;
        text = end;
    }
    return *text == ')' || bad_npy(a, 10, "header has a bad shape", e);
}

static bool parse_dictionary(Npy *a, const char *header, RtError *e)
{
    const char *type = find_key(header, "descr"), *order = find_key(header, "fortran_order");
    if (!type || (*type != '\'' && *type != '"')) return bad_npy(a, 10, "header has no descr", e);
    a->width = !strncmp(type + 1, "<f4", 3) ? 4 : !strncmp(type + 1, "<f8", 3) ? 8 : 0;
    if (!a->width)
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte 10: numbers of type '%.*s', only float32 and float64 are read\n"
                       "help: convert to what the network sees: x.astype('float32')",
                       a->path, (int)strcspn(type + 1, "'\""), type + 1);
    if (!order || strncmp(order, "False", 5))
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: byte 10: array is not in C order\nhelp: numpy.ascontiguousarray(x)", a->path);
    return parse_shape(a, find_key(header, "shape"), e);
}

static bool parse_npy(Npy *a, RtError *e)
{
    if (a->size < 10 || memcmp(a->bytes, "\x93NUMPY", 6)) return bad_npy(a, 0, "not a .npy file", e);
    bool wide = a->bytes[6] >= 2; /* version 1 has 2 bytes of length, later ones 4 */
    size_t at = wide ? 12 : 10, length = a->bytes[8] | (size_t)a->bytes[9] << 8;
    if (wide && a->size >= 12) length |= (size_t)a->bytes[10] << 16 | (size_t)a->bytes[11] << 24;
    if (a->size < at || length > a->size - at)
        return bad_npy(a, 8, "header goes beyond the end of the file", e);
    char *header = strndup((const char *)a->bytes + at, length);
    if (!header) return rt_fail(e, RT_SYSTEM, "out of memory");
    bool ok = parse_dictionary(a, header, e);
    free(header);
    a->data_at = at + length;
    int64_t have = (int64_t)(a->size - a->data_at), want;
    if (ok && (__builtin_mul_overflow(a->numbers, a->width, &want) || have != want))
        ok = rt_fail(e, RT_BAD_INPUT, "%s: byte %zu: %lld bytes of data for %lld numbers of %d bytes",
                     a->path, a->data_at, (long long)have, (long long)a->numbers, a->width);
    return ok;
}

static bool open_npy(Npy *a, const char *path, RtError *e)
{
    *a = (Npy){.path = path};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat s;
    if (fd < 0) return rt_fail(e, RT_BAD_INPUT, "%s: cannot open: %s", path, strerror(errno));
    bool plain = !fstat(fd, &s) && S_ISREG(s.st_mode) && s.st_size > 0;
    void *map = plain ? mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (map == MAP_FAILED) return rt_fail(e, RT_BAD_INPUT, "%s: not a plain file with something in it", path);
    a->bytes = map;
    a->size = (size_t)s.st_size;
    return parse_npy(a, e);
}

static void close_npy(Npy *a)
{
    if (a->bytes) munmap((void *)a->bytes, a->size);
}

/* Numbers first .. first+count as float. */
static void read_numbers(const Npy *a, int64_t first, int64_t count, float *out)
{
    const uint8_t *data = a->bytes + a->data_at;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = first + i;
        double wide = 0;
        if (a->width == 8) memcpy(&wide, data + at * 8, 8);
        if (a->width == 8) out[i] = (float)wide;
        else memcpy(&out[i], data + at * 4, 4);
    }
}

/* --- writing --- */

/* The shape (samples, dims...) as Python has it. */
static void npy_shape(char *out, size_t size, int64_t samples, const json_t *dims)
{
    size_t used = (size_t)snprintf(out, size, "(%lld,", (long long)samples);
    for (size_t i = 0; i < json_array_size(dims) && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%lld", i ? ", " : " ",
                                 (long long)json_integer_value(json_array_get(dims, i)));
    if (used < size) snprintf(out + used, size - used, ")");
}

static bool write_npy_header(FILE *f, int64_t samples, const json_t *dims)
{
    char shape[256], text[512];
    npy_shape(shape, sizeof shape, samples, dims);
    int used = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }", shape);
    int padded = (10 + used + 1 + 63) / 64 * 64 - 10; /* data starts at a multiple of 64 */
    memset(text + used, ' ', (size_t)(padded - used));
    text[padded - 1] = '\n';
    unsigned char start[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)padded, (unsigned char)(padded >> 8)};
    return fwrite(start, sizeof start, 1, f) == 1 && fwrite(text, (size_t)padded, 1, f) == 1;
}

/* --- the command --- */

/* (samples, input shape) or (samples, features). */
static bool check_shape(const Session *s, const Npy *x, RtError *e)
{
    const json_t *dims = json_object_get(s->program->manifest, "input");
    int64_t features = program_size(s->program, "input");
    bool same = x->rank == (int)json_array_size(dims) + 1;
    for (int i = 1; same && i < x->rank; i++)
        same = x->shape[i] == json_integer_value(json_array_get(dims, (size_t)i - 1));
    if (same || (x->rank == 2 && x->shape[1] == features)) return true;
    char want[256], have[256] = "(";
    npy_shape(want, sizeof want, 0, dims);
    for (int i = 0; i < x->rank; i++) {
        size_t used = strlen(have);
        snprintf(have + used, sizeof have - used, "%s%lld", i ? ", " : "", (long long)x->shape[i]);
    }
    return rt_fail(e, RT_BAD_INPUT,
                   "%s: array has shape %s), the network takes (samples,%s or (samples, %lld)", x->path, have,
                   strchr(want, ',') + 1, (long long)features);
}

static bool predict_batches(PredictRows *r, const Npy *x, int64_t batch, FILE *f, RtError *e)
{
    const Program *p = r->session->program;
    int64_t features = program_size(p, "input"), outputs = program_size(p, "output");
    for (int64_t first = 0; first < x->shape[0]; first += batch) {
        int64_t count = x->shape[0] - first < batch ? x->shape[0] - first : batch;
        read_numbers(x, first * features, count * features, r->in);
        if (!predict_rows(r, first, count, e)) return false;
        if (fwrite(r->out, sizeof *r->out, (size_t)(count * outputs), f) != (size_t)(count * outputs))
            return rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", r->session->options->output,
                           strerror(errno));
    }
    return true;
}

/* The file under a temporary name, renamed when it is whole. */
static bool write_output(PredictRows *r, const Npy *x, int64_t batch, RtError *e)
{
    const char *path = r->session->options->output;
    char *temporary;
    if (asprintf(&temporary, "%s.tmp", path) < 0) return rt_fail(e, RT_SYSTEM, "out of memory");
    FILE *f = fopen(temporary, "wbe");
    bool ok = f || rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    if (ok && !write_npy_header(f, x->shape[0], json_object_get(r->session->program->manifest, "output")))
        ok = rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    ok = ok && predict_batches(r, x, batch, f, e);
    if (f && fclose(f) && ok) ok = rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    if (ok && rename(temporary, path))
        ok = rt_fail(e, RT_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    if (f && !ok) unlink(temporary);
    free(temporary);
    return ok && predict_rows_whole(r, x->shape[0], e);
}

static bool predict(Session *s, const Npy *x, RtError *e)
{
    int64_t batch = session_batch(s);
    if (!check_shape(s, x, e)) return false;
    if (batch > x->shape[0]) batch = x->shape[0] > 0 ? x->shape[0] : 1;
    NetOptions o = {.batch = batch};
    if (!session_net(s, &o, e) || !session_weights(s, e)) return false;
    PredictRows r = {.session = s,
                     .in = malloc((size_t)(batch * program_size(s->program, "input")) * sizeof *r.in),
                     .out = malloc((size_t)(batch * program_size(s->program, "output")) * sizeof *r.out),
                     .lost = malloc((size_t)batch * sizeof *r.lost)};
    bool ok =
        r.in && r.out && r.lost ? write_output(&r, x, batch, e) : rt_fail(e, RT_SYSTEM, "out of memory");
    free(r.in), free(r.out), free(r.lost);
    return ok;
}

bool predict_command(Session *s, RtError *e)
{
    Npy x;
    bool ok = open_npy(&x, s->options->input, e) && predict(s, &x, e);
    close_npy(&x);
    return ok;
}
