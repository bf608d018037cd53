/* npy.c: reads arrays saved by NumPy (contract and format in npy.h). */
#include "data/npy.h"
#include "data/half.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are used as they are stored");

enum { HEADER_MOST = 1 << 16, CHUNK = 4096 };

/* The header: a cursor over its text. Every reader skips blanks first and moves the cursor behind what it
 * took. */

typedef struct Head {
    Npy *npy;
    const char *text;
    int64_t size, at, start; /* start: offset of the text in the file */
    bool has_type, has_order, has_shape;
} Head;

static bool head_fail(const Head *h, RtError *e, const char *wanted)
{
    return data_file_fail(&h->npy->file, h->start + h->at, e, "damaged header: wanted %s", wanted);
}

static char peek(Head *h)
{
    while (h->at < h->size && isspace((unsigned char)h->text[h->at])) h->at++;
    return h->at < h->size ? h->text[h->at] : '\0';
}

static bool accept(Head *h, char c)
{
    if (peek(h) != c) return false;
    h->at++;
    return true;
}

/* A text in quotes, without escapes. */
static bool read_text(Head *h, char *to, size_t room, RtError *e)
{
    char quote = peek(h);
    size_t n = 0;

    if (quote != '\'' && quote != '"') return head_fail(h, e, "a text in quotes");
    for (h->at++; h->at < h->size && h->text[h->at] != quote && n + 1 < room; h->at++)
        to[n++] = h->text[h->at];
    to[n] = '\0';
    if (h->at >= h->size || h->text[h->at] != quote) return head_fail(h, e, "the end of the text");
    h->at++;
    return true;
}

static bool read_word(Head *h, const char *word)
{
    int64_t n = (int64_t)strlen(word);

    peek(h);
    if (h->size - h->at < n || memcmp(h->text + h->at, word, (size_t)n) != 0) return false;
    h->at += n;
    return true;
}

/* '<f4': order of bytes, kind, width. */
static bool known_type(Npy *x, const char *name)
{
    static const char *const widths[] = {"f248", "i1248", "u1248", "b1"};

    if (strlen(name) != 3 || !strchr("<>|", name[0]) || !isdigit((unsigned char)name[2])) return false;
    x->big = name[0] == '>', x->kind = name[1], x->width = name[2] - '0';
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i][0] == x->kind) return strchr(widths[i] + 1, name[2]) != NULL;
    return false;
}

static bool read_type(Head *h, RtError *e)
{
    char name[32], first = peek(h);
    int64_t at = h->start + h->at;
    DataFile *f = &h->npy->file;

    if (first == '[')
        return data_file_fail(f, at, e, "arrays of records are not read; save one array of numbers");
    if (!read_text(h, name, sizeof name, e)) return false;
    h->has_type = true;
    if (known_type(h->npy, name)) return true;
    data_file_fail(f, at, e, "elements of type '%s' are not read", name);
    return rt_help(e, "save x.astype('<f4'): floats of 2, 4 and 8 bytes, whole numbers and bool are read");
}

static bool read_order(Head *h, RtError *e)
{
    h->npy->columns = read_word(h, "True");
    h->has_order = h->npy->columns || read_word(h, "False");
    return h->has_order || head_fail(h, e, "True or False");
}

static bool read_size(Head *h, int64_t *size, RtError *e)
{
    if (!isdigit((unsigned char)peek(h))) return head_fail(h, e, "a size");
    for (*size = 0; h->at < h->size && isdigit((unsigned char)h->text[h->at]); h->at++)
        if (__builtin_mul_overflow(*size, 10, size) ||
            __builtin_add_overflow(*size, h->text[h->at] - '0', size))
            return data_file_fail(&h->npy->file, h->start + h->at, e,
                                  "a size in the header is too large to be true");
    accept(h, 'L'); /* written by Python 2 */
    return true;
}

static bool read_shape(Head *h, RtError *e)
{
    Npy *x = h->npy;

    if (!accept(h, '(')) return head_fail(h, e, "the shape");
    for (x->rank = 0; !accept(h, ')');) {
        if (x->rank == NPY_RANK)
            return data_file_fail(&x->file, h->start + h->at, e, "the array has more than %d dimensions",
                                  NPY_RANK);
        if (!read_size(h, &x->sizes[x->rank++], e)) return false;
        if (!accept(h, ',') && peek(h) != ')') return head_fail(h, e, "',' or ')'");
    }
    h->has_shape = true;
    return true;
}

static bool read_dictionary(Head *h, RtError *e)
{
    char key[32];

    if (!accept(h, '{')) return head_fail(h, e, "'{'");
    while (!accept(h, '}')) {
        int64_t at = h->at;
        if (!read_text(h, key, sizeof key, e)) return false;
        if (!accept(h, ':')) return head_fail(h, e, "':'");
        bool type = strcmp(key, "descr") == 0, order = strcmp(key, "fortran_order") == 0;
        if (!type && !order && strcmp(key, "shape") != 0) {
            h->at = at;
            return head_fail(h, e, "descr, fortran_order or shape");
        }
        if (!(type ? read_type(h, e) : order ? read_order(h, e) : read_shape(h, e))) return false;
        if (!accept(h, ',') && peek(h) != '}') return head_fail(h, e, "',' or '}'");
    }
    if (peek(h) != '\0' || h->at < h->size) return head_fail(h, e, "its end");
    return (h->has_type && h->has_order && h->has_shape) || head_fail(h, e, "descr, fortran_order and shape");
}

/* What the dictionary says must make sense together, and a plain file be long enough. */
static bool check_array(const Head *h, RtError *e)
{
    Npy *x = h->npy;
    int64_t bytes;

    if (x->rank == 0)
        return data_file_fail(&x->file, x->head, e, "the array is a single number, not one a sample");
    x->each = 1;
    for (int i = 1; i < x->rank; i++)
        if (__builtin_mul_overflow(x->each, x->sizes[i], &x->each)) x->each = INT64_MAX;
    if (!__builtin_mul_overflow(x->each, x->width, &bytes) &&
        !__builtin_mul_overflow(bytes, x->sizes[0], &bytes))
        return true;
    return data_file_fail(&x->file, x->head, e, "the sizes in the header are too large to be true");
}

static int64_t elements(const Npy *x)
{
    return x->sizes[0] * x->each;
}

static bool truncated(const Npy *x, int64_t found, RtError *e)
{
    char what[80];

    snprintf(what, sizeof what, "the elements of %lld samples", (long long)x->sizes[0]);
    return data_file_short(&x->file, x->start, what, elements(x) * x->width, found, e);
}

static bool ends(Npy *x, RtError *e)
{
    char what[80];

    snprintf(what, sizeof what, "the elements of %lld samples", (long long)x->sizes[0]);
    return data_file_end(&x->file, what, e);
}

/* Where a file is not packed, how much there must be is known before anything is read. */
static bool check_size(const Npy *x, RtError *e)
{
    const int64_t have = x->file.size - x->start;
    return x->file.size < 0 || have >= elements(x) * x->width || truncated(x, have, e);
}

static bool not_npy(const Npy *x, const uint8_t *m, RtError *e)
{
    return data_file_fail(&x->file, 0, e, "not an npy file: it starts with 0x%02x%02x%02x%02x", m[0], m[1],
                          m[2], m[3]);
}

static bool read_head(Npy *x, RtError *e)
{
    uint8_t m[12];

    if (!data_file_take(&x->file, m, 8, "the npy header", e)) return false;
    if (memcmp(m, "\x93NUMPY", 6) != 0) return not_npy(x, m, e);
    if (m[6] < 1 || m[6] > 3 || m[7] != 0)
        return data_file_fail(&x->file, 6, e, "npy version %d.%d; 1.0 to 3.0 are read", m[6], m[7]);
    int word = m[6] == 1 ? 2 : 4;
    if (!data_file_take(&x->file, m + 8, word, "the npy header", e)) return false;
    int64_t size = m[8] | m[9] << 8;
    if (word == 4) size |= (int64_t)m[10] << 16 | (int64_t)m[11] << 24;
    if (size > HEADER_MOST)
        return data_file_fail(&x->file, 8, e, "a header of %lld bytes is too large to be true",
                              (long long)size);
    char *text = data_file_block(&x->file, size, "the npy header", e);
    if (!text) return false;
    x->head = 8 + word, x->start = x->file.offset;
    Head h = {.npy = x, .text = text, .size = size, .start = x->head};
    bool good = read_dictionary(&h, e) && check_array(&h, e);
    free(text);
    return good && check_size(x, e);
}

bool npy_open(Npy *x, char *path, RtError *e)
{
    *x = (Npy){0};
    return data_file_open(&x->file, path, true, e) && read_head(x, e);
}

void npy_close(Npy *x)
{
    data_file_close(&x->file);
    free(x->whole);
    *x = (Npy){0};
}

/* Elements */

/* The next bytes of the file; the last ones are followed by nothing. */
static bool read_bytes(Npy *x, int64_t at, int64_t count, void *to, RtError *e)
{
    const int64_t all = elements(x) * x->width;
    int64_t found;

    if (!data_file_some(&x->file, to, count, &found, e)) return false;
    if (found < count) return truncated(x, at + found, e);
    return at + count < all || ends(x, e);
}

/* Copies elements from Fortran order, where the first index runs fastest, to C order. */
static void turn(const Npy *x, const uint8_t *from, uint8_t *to)
{
    int64_t index[NPY_RANK] = {0}, step[NPY_RANK], at = 0;

    step[0] = x->width;
    for (int i = 1; i < x->rank; i++) step[i] = step[i - 1] * x->sizes[i - 1];
    for (int64_t n = elements(x); n > 0; n--, to += x->width) {
        memcpy(to, from + at, (size_t)x->width);
        for (int i = x->rank - 1; i >= 0; i--) {
            at += step[i];
            if (++index[i] < x->sizes[i]) break;
            at -= step[i] * x->sizes[i];
            index[i] = 0;
        }
    }
}

static bool read_whole(Npy *x, RtError *e)
{
    const int64_t bytes = elements(x) * x->width;
    int64_t found;
    uint8_t *from = data_file_growing(&x->file, bytes, &found, e);
    bool good = from && (found == bytes || truncated(x, found, e)) && ends(x, e);

    x->whole = good ? data_memory(bytes, 1, e) : NULL;
    if (x->whole) turn(x, from, x->whole);
    free(from);
    return x->whole != NULL;
}

bool npy_take(Npy *x, int64_t count, void *to, RtError *e)
{
    const int64_t at = x->taken * x->width;

    if (x->columns && x->rank > 1 && !x->whole && !read_whole(x, e)) return false;
    x->taken += count;
    if (!x->whole) return read_bytes(x, at, count * x->width, to, e);
    memcpy(to, x->whole + at, (size_t)(count * x->width));
    return true;
}

static uint64_t element_bits(const Npy *x, const uint8_t *bytes)
{
    uint64_t bits = 0;
    for (int i = 0; i < x->width; i++) bits |= (uint64_t)bytes[x->big ? x->width - 1 - i : i] << 8 * i;
    return bits;
}

static double element(const Npy *x, const uint8_t *bytes)
{
    const uint64_t bits = element_bits(x, bytes);
    const uint32_t low = (uint32_t)bits;
    const int unused = 64 - 8 * x->width;
    double wide;
    float single;

    if (x->kind == 'b') return bits != 0;
    if (x->kind == 'u') return (double)bits;
    if (x->kind == 'i') return (double)((int64_t)(bits << unused) >> unused);
    if (x->width == 2) return (double)half_float((uint16_t)bits);
    memcpy(&single, &low, sizeof single);
    memcpy(&wide, &bits, sizeof wide);
    return x->width == 4 ? (double)single : wide;
}

bool npy_take_doubles(Npy *x, int64_t count, double *to, RtError *e)
{
    uint8_t bytes[CHUNK * 8];

    for (int64_t done = 0; done < count;) {
        const int64_t n = count - done < CHUNK ? count - done : CHUNK;
        if (!npy_take(x, n, bytes, e)) return false;
        for (int64_t i = 0; i < n; i++) to[done + i] = element(x, bytes + i * x->width);
        done += n;
    }
    return true;
}

bool npy_fail(const Npy *x, int64_t element, RtError *e, const char *problem)
{
    return data_file_fail(&x->file, x->start + element * x->width, e, "sample %lld, element %lld: %s",
                          (long long)(element / x->each), (long long)(element % x->each), problem);
}

static bool check_finite(const Npy *x, int64_t element, double value, RtError *e)
{
    if (isfinite((float)value)) return true;
    return npy_fail(x, element, e,
                    isnan(value)   ? "not a number (nan)"
                    : isinf(value) ? "infinite"
                                   : "too large for a 32-bit float");
}

/* What numbers may be beside finite. */
typedef enum Taken { TAKE_FINITE, TAKE_NAN, TAKE_ALL } Taken;

static bool take_floats(Npy *x, int64_t count, float *to, Taken taken, RtError *e)
{
    double values[CHUNK];

    for (int64_t done = 0; done < count;) {
        const int64_t n = count - done < CHUNK ? count - done : CHUNK, first = x->taken;
        if (!npy_take_doubles(x, n, values, e)) return false;
        for (int64_t i = 0; i < n; i++) {
            const bool good = taken == TAKE_ALL || (taken == TAKE_NAN && isnan(values[i]));
            if (!good && !check_finite(x, first + i, values[i], e)) return false;
            to[done + i] = (float)values[i];
        }
        done += n;
    }
    return count > 0 || x->taken < elements(x) || ends(x, e);
}

bool npy_take_floats(Npy *x, int64_t count, float *to, RtError *e)
{
    return take_floats(x, count, to, TAKE_ALL, e);
}

/* The sizes of a packed file are not believed: the block doubles as elements arrive. */
float *npy_all_floats(Npy *x, bool nan, RtError *e)
{
    const int64_t n = elements(x);
    int64_t room = x->file.size >= 0 || n < (1 << 18) ? n : 1 << 18;
    float *to = data_memory(room, sizeof *to, e);

    while (to && take_floats(x, room - x->taken, to + x->taken, nan ? TAKE_NAN : TAKE_FINITE, e)) {
        if (room == n) return to;
        room = room < n / 2 ? room * 2 : n;
        float *more = realloc(to, (size_t)room * sizeof *to);
        if (!more) {
            rt_fail(e, RT_SYSTEM, "out of memory at %lld numbers", (long long)room);
            break;
        }
        to = more;
    }
    free(to);
    return NULL;
}

uint8_t *npy_all_bytes(Npy *x, RtError *e)
{
    const int64_t bytes = elements(x);
    int64_t found;

    if (x->columns && x->rank > 1) {
        uint8_t *whole = read_whole(x, e) ? x->whole : NULL;
        x->whole = NULL;
        return whole;
    }
    uint8_t *to = data_file_growing(&x->file, bytes, &found, e);
    if (to && (found == bytes || truncated(x, found, e)) && ends(x, e)) return to;
    free(to);
    return NULL;
}
