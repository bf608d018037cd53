/* rt_data_npy.c: arrays saved by NumPy: npy(x, y, test_x, test_y, split).
 *
 * Format (numpy.lib.format, versions 1.0 to 3.0): "\x93NUMPY", two bytes of version, the length of the header
 * (2 bytes, from 2.0 on 4), the header, a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape':
 * (3, 4), } padded with blanks, then the elements. Little-endian f4 f8 u1 i4 i8 in C order are read; files
 * may be gzip.
 *
 * x is (samples, features of up to 4 dimensions), or (samples): one feature. u1 stays bytes, which the
 * network sees as b / 255; all others become floats. y is (samples) or (samples, 1) of whole numbers:
 * classes; or floats, (samples) or (samples, k): numbers. Without test files, `split` is the share held out.
 */
#include "rt_data_kind.h"
#include "rt_data_file.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are used as they are stored");

enum { RANK_MOST = 5, HEADER_MOST = 1 << 16 };

typedef struct Type {
    const char *name;
    int bytes;
    bool whole; /* whole numbers */
} Type;

static const Type types[] = {
    {"<f4", 4, false}, {"<f8", 8, false}, {"|u1", 1, true},
    {"<u1", 1, true},  {"<i4", 4, true},  {"<i8", 8, true},
};
enum { TYPES = sizeof types / sizeof *types };

typedef struct Npy {
    DataFile file; /* open, behind the header */
    const Type *type;
    int rank;
    int64_t sizes[RANK_MOST];
    int64_t start; /* byte of the first element */
    int64_t each;  /* elements of a sample */
} Npy;

/* The header: a cursor over its text. Every reader skips blanks first and moves the cursor behind what it
 * took. */

typedef struct Head {
    Npy *npy;
    const char *text;
    int64_t size, at, start; /* start: offset of the text in the file */
    bool has_type, has_order, has_shape, column_order;
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

static bool read_type(Head *h, RtError *e)
{
    char name[32], first = peek(h);
    int64_t at = h->start + h->at;
    DataFile *f = &h->npy->file;

    if (first == '[')
        return data_file_fail(f, at, e, "arrays of records are not read; save one array of numbers");
    if (!read_text(h, name, sizeof name, e)) return false;
    for (int i = 0; i < TYPES; i++)
        if (strcmp(name, types[i].name) == 0) h->npy->type = &types[i];
    h->has_type = true;
    if (h->npy->type) return true;
    if (name[0] == '>') {
        data_file_fail(f, at, e, "elements of type '%s' are big-endian", name);
        return rt_help(e, "save x.astype('<f4'): little-endian f4, f8, u1, i4 and i8 are read");
    }
    data_file_fail(f, at, e, "elements of type '%s' are not read", name);
    return rt_help(e, "save x.astype('<f4'): f4, f8, u1, i4 and i8 are read");
}

static bool read_order(Head *h, RtError *e)
{
    h->column_order = read_word(h, "True");
    h->has_order = h->column_order || read_word(h, "False");
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
        if (x->rank == RANK_MOST)
            return data_file_fail(&x->file, h->start + h->at, e, "the array has more than %d dimensions",
                                  RANK_MOST);
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

/* What the dictionary says must make sense together. */
static bool check_array(const Head *h, RtError *e)
{
    Npy *x = h->npy;
    int64_t bytes;

    if (h->column_order && x->rank > 1) {
        data_file_fail(&x->file, h->start, e, "the array is in Fortran order");
        return rt_help(e, "save numpy.ascontiguousarray(x)");
    }
    if (x->rank == 0)
        return data_file_fail(&x->file, h->start, e, "the array is a single number, not one a sample");
    x->each = 1;
    for (int i = 0; i < x->rank; i++) {
        if (x->sizes[i] == 0)
            return data_file_fail(&x->file, h->start, e, "the array is empty: dimension %d is 0", i);
        if (i && __builtin_mul_overflow(x->each, x->sizes[i], &x->each)) x->each = INT64_MAX;
    }
    if (!__builtin_mul_overflow(x->each, x->type->bytes, &bytes) &&
        !__builtin_mul_overflow(bytes, x->sizes[0], &bytes))
        return true;
    return data_file_fail(&x->file, h->start, e, "the sizes in the header are too large to be true");
}

static bool read_head(Npy *x, RtError *e)
{
    uint8_t m[12];

    if (!data_file_take(&x->file, m, 8, "the npy header", e)) return false;
    if (memcmp(m, "\x93NUMPY", 6) != 0)
        return data_file_fail(&x->file, 0, e, "not an npy file: it starts with 0x%02x%02x%02x%02x", m[0],
                              m[1], m[2], m[3]);
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
    Head h = {.npy = x, .text = text, .size = size, .start = 8 + word};
    bool good = read_dictionary(&h, e) && check_array(&h, e);
    free(text);
    x->start = x->file.offset;
    return good;
}

/* Opens a file and reads its header; the path is taken over. */
static bool npy_open(Npy *x, char *path, RtError *e)
{
    *x = (Npy){0};
    return data_file_open(&x->file, path, true, e) && read_head(x, e);
}

static void *npy_read(Npy *x, RtError *e)
{
    int64_t bytes = x->sizes[0] * x->each * x->type->bytes; /* check_array: it fits */
    char what[80];

    snprintf(what, sizeof what, "the elements of %lld samples", (long long)x->sizes[0]);
    void *elements = data_file_block(&x->file, bytes, what, e);
    if (elements && data_file_end(&x->file, what, e)) return elements;
    free(elements);
    return NULL;
}

/* Elements */

static double element(const Type *type, const void *elements, int64_t i)
{
    switch (type->name[1] == 'f' ? -type->bytes : type->bytes) {
    case -4: return ((const float *)elements)[i];
    case -8: return ((const double *)elements)[i];
    case 1: return ((const uint8_t *)elements)[i];
    case 4: return ((const int32_t *)elements)[i];
    default: return (double)((const int64_t *)elements)[i];
    }
}

static bool check_finite(const Npy *x, int64_t i, double value, RtError *e)
{
    if (isfinite((float)value)) return true;
    return data_file_fail(&x->file, x->start + i * x->type->bytes, e, "sample %lld, element %lld: %s",
                          (long long)(i / x->each), (long long)(i % x->each),
                          isnan(value)   ? "not a number (nan)"
                          : isinf(value) ? "infinite"
                                         : "too large for a 32-bit float");
}

/* Reads all elements as floats. */
static float *read_floats(Npy *x, RtError *e)
{
    int64_t n = x->sizes[0] * x->each;
    void *elements = npy_read(x, e);
    bool same = strcmp(x->type->name, "<f4") == 0, good = elements != NULL;
    float *floats = !good || same ? elements : data_memory(n, sizeof *floats, e);

    good = good && floats;
    for (int64_t i = 0; good && i < n; i++) {
        double value = element(x->type, elements, i);
        good = check_finite(x, i, value, e);
        floats[i] = (float)value;
    }
    if (elements != floats) free(elements);
    if (good) return floats;
    free(floats);
    return NULL;
}

/* Reads classes; they are checked against d->classes, or counted when that is 0. */
static int32_t *read_classes(Npy *x, Data *d, RtError *e)
{
    void *elements = npy_read(x, e);
    int32_t *labels = elements ? data_memory(x->sizes[0], sizeof *labels, e) : NULL;
    int64_t most = d->classes ? d->classes : DATA_CLASSES_MOST, largest = 0;
    bool good = labels != NULL;

    for (int64_t i = 0; good && i < x->sizes[0]; i++) {
        double value = element(x->type, elements, i);
        if (value < 0 || value >= (double)most)
            good = data_file_fail(&x->file, x->start + i * x->type->bytes, e,
                                  "class %.15g of sample %lld is not in 0 .. %lld", value, (long long)i,
                                  (long long)most - 1);
        else labels[i] = (int32_t)value;
        if (good && d->classes == 0) data_see(&d->labels, (float)labels[i]);
        if (!good || labels[i] <= largest) continue;
        largest = labels[i];
        if (d->classes == 0) d->most.sample = i, d->most.byte = x->start + i * x->type->bytes;
    }
    free(elements);
    if (good && d->classes == 0) d->classes = (int)largest + 1;
    if (good) return labels;
    free(labels);
    return NULL;
}

/* Splits */

static bool check_features(const Npy *x, Data *d, RtError *e)
{
    int rank = x->rank > 1 ? x->rank - 1 : 1;
    const int64_t one = 1, *sizes = x->rank > 1 ? x->sizes + 1 : &one;

    if (d->rank == 0) {
        d->rank = rank;
        memcpy(d->shape, sizes, sizeof *sizes * (size_t)rank);
        d->features = x->each;
        d->image = rank == 2 || rank == 3;
        data_remember(d->inputs_from, x->file.path);
        return true;
    }
    if (d->rank != rank || memcmp(d->shape, sizes, sizeof *sizes * (size_t)rank) != 0)
        return data_file_fail(&x->file, 10, e,
                              "test samples have another shape than those of the training file");
    if ((d->train.bytes != NULL) == (x->type->bytes == 1)) return true;
    return data_file_fail(&x->file, 10, e,
                          "of '|u1' and the other types, training and test files must be the same");
}

static bool read_x(char *path, Data *d, DataSplit *s, RtError *e)
{
    Npy x;
    bool good = npy_open(&x, path, e) && check_features(&x, d, e);

    s->samples = x.sizes[0];
    if (good && x.type->bytes == 1) s->bytes = npy_read(&x, e);
    else if (good) s->floats = read_floats(&x, e);
    data_file_close(&x.file);
    return s->bytes || s->floats;
}

/* Does y say what the training y said: classes, or so many numbers? */
static bool check_target(const Npy *y, const Data *d, bool train, RtError *e)
{
    bool numbers = !y->type->whole;

    if (y->rank > 2) return data_file_fail(&y->file, 10, e, "y has %d dimensions; 1 or 2 are read", y->rank);
    if (!numbers && y->each != 1)
        return data_file_fail(&y->file, 10, e, "classes are one whole number a sample, here are %lld",
                              (long long)y->each);
    if (train || (numbers == (d->classes == 0) && y->each == d->target_size)) return true;
    return data_file_fail(&y->file, 10, e,
                          "test targets are of another kind than those of the training file");
}

/* With s->samples 0 (x was not read), any number of samples is good. */
static bool read_y(char *path, Data *d, DataSplit *s, bool train, RtError *e)
{
    Npy y;
    bool good = npy_open(&y, path, e) && check_target(&y, d, train, e);

    if (good && s->samples && s->samples != y.sizes[0])
        good = data_file_fail(&y.file, 10, e, "%lld targets for %lld samples of x", (long long)y.sizes[0],
                              (long long)s->samples);
    if (good && train) data_remember(d->target_from, y.file.path);
    if (good && y.type->whole) s->labels = read_classes(&y, d, e);
    else if (good) s->targets = read_floats(&y, e);
    if (good) d->target_size = y.each;
    data_file_close(&y.file);
    return s->labels || s->targets;
}

/* The kind */

typedef struct Settings {
    const char *x, *y, *test_x, *test_y;
    double split;
} Settings;

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "x", &s->x, e) || !data_text(args, d, "y", &s->y, e) ||
        !data_text(args, d, "test_x", &s->test_x, e) || !data_text(args, d, "test_y", &s->test_y, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e))
        return false;
    if (!*s->x || !*s->y)
        return rt_fail(e, RT_BAD_INPUT, "%s: '%s' is missing: it names a file", d->name, *s->x ? "y" : "x");
    if (!*s->test_x == !*s->test_y) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: 'test_x' and 'test_y' go together", d->name);
}

bool data_npy_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Settings s;

    if (!read_settings(args, d, &s, e)) return false;
    bool good = read_x(data_file_path(c, s.x, e), d, &d->train, e) &&
                read_y(data_file_path(c, s.y, e), d, &d->train, true, e);
    if (good && *s.test_x)
        good = read_x(data_file_path(c, s.test_x, e), d, &d->test, e) &&
               read_y(data_file_path(c, s.test_y, e), d, &d->test, false, e);
    else if (good) good = data_hold_out(d, s.split, c, e);
    return good || data_missing_help(c, e);
}

bool data_npy_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Settings s;
    Npy x = {0}, y = {0};
    int32_t *labels = NULL;

    if (!read_settings(args, d, &s, e)) return false;
    bool good = npy_open(&x, data_file_path(c, s.x, e), e) && check_features(&x, d, e) &&
                npy_open(&y, data_file_path(c, s.y, e), e) && check_target(&y, d, true, e);
    if (good) d->target_size = y.each, data_remember(d->target_from, y.file.path);
    if (good && y.type->whole) good = (labels = read_classes(&y, d, e)) != NULL;
    free(labels);
    data_file_close(&x.file);
    data_file_close(&y.file);
    return good;
}
