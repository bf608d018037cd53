/* data_idx.c: images and labels in the idx format: idx(images, labels, test_images, test_labels, mean,
 * std, split), fashion_mnist(dir, mean, std), mnist(dir, mean, std).
 *
 * Format (LeCun, Cortes, Burges, "The MNIST database of handwritten digits", 1998): two zero bytes, element
 * type (8: unsigned byte, the only one read here), rank, then one big-endian 32-bit size for each dimension,
 * the first counting samples, then the elements. Each file may be gzip, with or without .gz in the setting.
 *
 * Samples of (H, W) become {1, H, W}; (N) becomes {N}; (C, H, W) and (A, B, C, D) stay. Without test files,
 * `split` is the share held out. One label file may not promise more or fewer labels than there are
 * images.
 */
#include "data/data_kind.h"
#include "common/plural.h"
#include "data/data_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TYPE_BYTE = 8, RANK_MOST = 5 };

typedef struct Idx {
    DataFile file; /* open, behind the header */
    int rank;
    int64_t sizes[RANK_MOST];
    int64_t bytes; /* product of sizes */
} Idx;

/* Format */

static bool read_magic(Idx *x, int least, int most, RtError *e)
{
    uint8_t m[4];

    if (!data_file_take(&x->file, m, 4, "the idx header", e)) return false;
    x->rank = m[3];
    unsigned long word = (unsigned long)m[0] << 24 | m[1] << 16 | m[2] << 8 | m[3];
    if (m[0] || m[1]) return data_file_fail(&x->file, 0, e, "not an idx file: it starts with 0x%08lx", word);
    if (m[2] != TYPE_BYTE)
        return data_file_fail(&x->file, 2, e,
                              "idx elements of type 0x%02x; only unsigned bytes (0x08) are read", m[2]);
    if (x->rank >= least && x->rank <= most) return true;
    if (least == 1)
        return data_file_fail(&x->file, 3, e, "labels have 1 dimension, this file has %d", x->rank);
    return data_file_fail(&x->file, 3, e, "images have %d to %d dimensions, this file has %d", least, most,
                          x->rank);
}

/* Opens a file and reads its header; the path is taken over. */
static bool idx_open(Idx *x, char *path, int least, int most, RtError *e)
{
    uint8_t b[4];

    if (!data_file_open(&x->file, path, true, e)) return false;
    if (!read_magic(x, least, most, e)) return false;
    x->bytes = 1;
    for (int i = 0; i < x->rank; i++) {
        int64_t at = x->file.offset;
        if (!data_file_take(&x->file, b, 4, "the idx header", e)) return false;
        x->sizes[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (x->sizes[i] == 0)
            return data_file_fail(&x->file, at, e, "the file holds no %s", i ? "pixels" : "samples");
        if (__builtin_mul_overflow(x->bytes, x->sizes[i], &x->bytes))
            return data_file_fail(&x->file, 4, e, "the sizes in the header are too large to be true");
    }
    return true;
}

static uint8_t *idx_read(Idx *x, RtError *e)
{
    char what[80];

    snprintf(what, sizeof what, "the data of %lld samples", (long long)x->sizes[0]);
    uint8_t *bytes = data_file_block(&x->file, x->bytes, what, e);
    if (bytes && data_file_end(&x->file, what, e)) return bytes;
    free(bytes);
    return NULL;
}

/* Splits */

/* Four paths, owned; test ones NULL when a part of the training samples is held out. */
typedef struct Paths {
    char *images, *labels, *test_images, *test_labels;
    double split;
} Paths;

static void paths_free(Paths *p)
{
    free(p->images);
    free(p->labels);
    free(p->test_images);
    free(p->test_labels);
}

/* Gives a path away. */
static char *take(char **path)
{
    char *p = *path;
    *path = NULL;
    return p;
}

static void shape_from(const Idx *x, Data *d)
{
    d->rank = 0;
    d->features = 1;
    if (x->rank == 3) d->shape[d->rank++] = 1;
    for (int i = 1; i < x->rank; i++) d->shape[d->rank++] = x->sizes[i];
    for (int i = 0; i < d->rank; i++) d->features *= d->shape[i];
    d->image = d->rank == 3;
}

static const char *shape_text(const Data *d, char *text, size_t room)
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < d->rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%lld", i ? " x " : "", (long long)d->shape[i]);
    return text;
}

/* The first images give the shape (unless the kind of data has given it); all others must have the same. */
static bool check_shape(const Idx *x, Data *d, RtError *e)
{
    Data found = {0};
    char want[100], have[100];

    shape_from(x, &found);
    if (d->rank == 0) shape_from(x, d);
    if (!*d->inputs_from) data_remember(d->inputs_from, x->file.path);
    if (found.rank == d->rank && memcmp(found.shape, d->shape, sizeof(int64_t) * (size_t)d->rank) == 0)
        return true;
    return data_file_fail(&x->file, 8, e, "images of %s, wanted %s", shape_text(&found, have, sizeof have),
                          shape_text(d, want, sizeof want));
}

static bool read_images(char *path, Data *d, DataSplit *s, RtError *e)
{
    Idx x = {0};
    bool good = idx_open(&x, path, 2, RANK_MOST, e) && check_shape(&x, d, e) && (s->bytes = idx_read(&x, e));

    s->samples = x.sizes[0];
    data_file_close(&x.file);
    return good;
}

/* Checks labels against d->classes, or counts the classes when that is 0. */
static bool spread_labels(const Idx *x, const uint8_t *bytes, Data *d, DataSplit *s, RtError *e)
{
    int largest = 0;

    s->labels = data_memory(s->samples, sizeof(int32_t), e);
    if (!s->labels) return false;
    for (int64_t i = 0; i < s->samples; i++) {
        if (d->classes && bytes[i] >= d->classes)
            return data_file_fail(&x->file, 8 + i, e, "label %d of sample %lld is not in 0 .. %d", bytes[i],
                                  (long long)i, d->classes - 1);
        if (d->classes == 0) data_see(&d->labels, bytes[i]);
        if (bytes[i] > largest && d->classes == 0) d->most.sample = i, d->most.byte = 8 + i;
        if (bytes[i] > largest) largest = bytes[i];
        s->labels[i] = bytes[i];
    }
    if (d->classes == 0) d->classes = largest + 1;
    if (!*d->target_from) data_remember(d->target_from, x->file.path);
    return true;
}

/* With s->samples 0 (no images were read), any number of labels is good. */
static bool read_labels(char *path, Data *d, DataSplit *s, RtError *e)
{
    Idx x = {0};
    uint8_t *bytes = NULL;
    bool good = idx_open(&x, path, 1, 1, e);

    if (good && s->samples == 0) s->samples = x.sizes[0];
    if (good && s->samples != x.sizes[0])
        good =
            data_file_fail(&x.file, 4, e, "the file has %lld label%s for %lld image%s", (long long)x.sizes[0],
                           plural(x.sizes[0], "s"), (long long)s->samples, plural(s->samples, "s"));
    good = good && (bytes = idx_read(&x, e)) && spread_labels(&x, bytes, d, s, e);
    free(bytes);
    data_file_close(&x.file);
    return good;
}

static bool read_all(Paths *p, const DataContext *c, Data *d, RtError *e)
{
    if (!read_images(take(&p->images), d, &d->train, e) || !read_labels(take(&p->labels), d, &d->train, e))
        return false;
    if (!p->test_images) return data_hold_out(d, p->split, c, e);
    return read_images(take(&p->test_images), d, &d->test, e) &&
           read_labels(take(&p->test_labels), d, &d->test, e);
}

/* idx */

/* The path of an argument, NULL when it is absent and may be. */
static bool path_argument(const json_t *args, const DataContext *c, const Data *d, const char *name,
                          bool needed, char **path, RtError *e)
{
    const char *text;

    *path = NULL;
    if (!data_text(args, d, name, &text, e)) return false;
    if (*text) return (*path = data_file_path(c, text, e)) != NULL;
    return !needed || rt_fail(e, RT_BAD_INPUT, "%s: '%s' is missing: it names a file", d->name, name);
}

static bool idx_settings(const json_t *args, const DataContext *c, Data *d, Paths *p, RtError *e)
{
    if (!path_argument(args, c, d, "images", true, &p->images, e) ||
        !path_argument(args, c, d, "labels", true, &p->labels, e) ||
        !path_argument(args, c, d, "test_images", false, &p->test_images, e) ||
        !path_argument(args, c, d, "test_labels", false, &p->test_labels, e) ||
        !data_number(args, d, "split", 0, 1, &p->split, e))
        return false;
    if (!p->test_images == !p->test_labels) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: 'test_images' and 'test_labels' go together", d->name);
}

bool data_idx_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Paths p = {0};
    bool good = idx_settings(args, c, d, &p, e) && read_all(&p, c, d, e) && data_read_scale(args, d, e);

    paths_free(&p);
    return good || data_missing_help(c, e);
}

bool data_idx_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    Paths p = {0};
    Idx x = {0};
    DataSplit labels = {0};
    bool good = idx_settings(args, c, d, &p, e) && idx_open(&x, take(&p.images), 2, RANK_MOST, e) &&
                check_shape(&x, d, e) && data_read_scale(args, d, e) &&
                read_labels(take(&p.labels), d, &labels, e);

    data_file_close(&x.file);
    free(labels.labels);
    paths_free(&p);
    return good;
}

bool data_idx_scale(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    const size_t means = json_array_size(json_object_get(args, "mean")),
                 stds = json_array_size(json_object_get(args, "std")), most = means > stds ? means : stds;

    if (d->rank != 3 && most > 1 && most <= DATA_CHANNELS)
        d->channels = (int)most; /* a plain list of numbers */
    for (int i = 1; i < d->channels; i++) d->mean[i] = d->mean[0], d->std[i] = d->std[0];
    return data_read_scale(args, d, e);
}

/* fashion_mnist, mnist */

typedef struct Mnist {
    const char *name;
    float mean, std;    /* of the training images, bytes / 255 */
    const char *system; /* where a package puts it, or NULL */
    const char *package;
} Mnist;

static const Mnist mnists[] = {
    {"fashion_mnist", 0.286f, 0.353f, "/usr/share/datasets/fashion-mnist", "dataset-fashion-mnist"},
    {"mnist", 0.1307f, 0.3081f, NULL, NULL},
};

static const char *const mnist_files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

static const Mnist *mnist_find(const Data *d)
{
    return strcmp(d->name, mnists[0].name) == 0 ? &mnists[0] : &mnists[1];
}

static bool mnist_paths(const char *directory, Paths *p, RtError *e)
{
    p->images = data_file_join(directory, mnist_files[0], e);
    p->labels = data_file_join(directory, mnist_files[1], e);
    p->test_images = data_file_join(directory, mnist_files[2], e);
    p->test_labels = data_file_join(directory, mnist_files[3], e);
    return p->images && p->labels && p->test_images && p->test_labels;
}

bool data_mnist_scale(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    const Mnist *m = mnist_find(d);

    d->mean[0] = m->mean;
    d->std[0] = m->std;
    return data_read_scale(args, d, e);
}

bool data_mnist_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const char *dir;

    d->rank = 3;
    d->shape[0] = 1;
    d->shape[1] = d->shape[2] = 28;
    d->features = 28 * 28;
    d->classes = 10;
    d->image = true;
    return data_text(args, d, "dir", &dir, e) && data_mnist_scale(args, c, d, e);
}

/* Where to get it from, behind the places that do not have it. */
static bool mnist_missing(const Mnist *m, RtError *e)
{
    if (m->package) rt_help(e, "apt install %s puts it where it is found", m->package);
    return rt_help(e, "or give its directory: --data DIR, or data = %s(dir = \"DIR\")", m->name);
}

static bool mnist_read(const char *directory, const DataContext *c, Data *d, RtError *e)
{
    Paths p = {0};
    bool good = mnist_paths(directory, &p, e) && read_all(&p, c, d, e);

    if (!good && e->code == DATA_MISSING) rt_help(e, "its four files belong together in one directory");
    paths_free(&p);
    return good;
}

bool data_mnist_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const Mnist *m = mnist_find(d);
    const char *dir, *directory = NULL;
    DataPlaces places = {0};

    if (!data_mnist_peek(args, c, d, e) || !data_text(args, d, "dir", &dir, e)) return false;
    bool good = data_places_open(&places, c, dir, m->system, NULL, e);
    if (good && !(directory = data_places_find(&places, m->name, mnist_files[0], e)))
        good = mnist_missing(m, e);
    good = good && mnist_read(directory, c, d, e);
    data_places_close(&places);
    return good;
}
