/* data.c: the list of data sets, and what their readers share (contracts in data.h and data_kind.h).
 *
 * A new kind of data is one file data_NAME.c and one row of `data_kinds`.
 */
#include "data/data_kind.h"
#include "common/plural.h"
#include "data/data_file.h"
#include "data/picture_list.h"
#include "common/rng.h"
#include "common/share.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const DataKind data_kinds[] = {
    {"fashion_mnist", data_mnist_peek, data_mnist_load, data_mnist_scale},
    {"mnist", data_mnist_peek, data_mnist_load, data_mnist_scale},
    {"cifar10", data_cifar_peek, data_cifar_load, data_cifar_scale},
    {"idx", data_idx_peek, data_idx_load, data_idx_scale},
    {"image_folder", data_image_peek, data_image_load, data_image_scale},
    {"csv", data_csv_peek, data_csv_load, NULL},
    {"series", data_series_peek, data_series_load, NULL},
    {"npy", data_npy_peek, data_npy_load, data_npy_scale},
    {"spirals", data_spirals_peek, data_spirals_load, NULL},
    {"xor", data_xor_peek, data_xor_load, NULL},
    {"sines", data_sines_peek, data_sines_load, NULL},
    {"copy_task", data_copy_peek, data_copy_load, NULL},
    {"rows", data_rows_peek, data_rows_load, NULL},
    {"one_hot", data_one_hot_peek, data_one_hot_load, NULL},
};
enum { KINDS = sizeof data_kinds / sizeof *data_kinds };

const DataKind *data_find_kind(const json_t *setting, RtError *e)
{
    const char *name = json_string_value(json_object_get(setting, "call"));
    char list[300] = "";
    size_t used = 0;

    for (int i = 0; name && i < KINDS; i++)
        if (strcmp(name, data_kinds[i].name) == 0) return &data_kinds[i];
    if (name) rt_fail(e, RT_BAD_INPUT, "no data set is named '%s'", name);
    else rt_fail(e, RT_BAD_INPUT, "the data set has no name");
    for (int i = 0; i < KINDS; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", data_kinds[i].name);
    rt_help(e, "data sets are %s", list);
    return NULL;
}

void data_split_free(DataSplit *s)
{
    free(s->bytes);
    free(s->floats);
    picture_set_free(s->pictures);
    free(s->labels);
    free(s->targets);
    free(s->first);
    *s = (DataSplit){0};
}

void data_free(Data *d)
{
    if (!d) return;
    data_split_free(&d->train);
    data_split_free(&d->test);
    data_split_free(&d->validation);
    free(d);
}

/* What was seen, and warnings */

void data_see(DataNumbers *n, float x)
{
    int i = 0;

    if (n->count == 0) n->least = n->most = x;
    if (x < n->least) n->least = x;
    if (x > n->most) n->most = x;
    while (i < n->count && i < NUMBERS_SHOWN && n->shown[i] != x) i++;
    if (i < n->count && i < NUMBERS_SHOWN) return;
    if (i < NUMBERS_SHOWN) n->shown[i] = x;
    n->count = i + 1;
}

static int compare_floats(const void *left, const void *right)
{
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

const char *data_seen(const DataNumbers *n, char *text, size_t size)
{
    float sorted[NUMBERS_SHOWN];
    const int shown = n->count < NUMBERS_SHOWN ? n->count : NUMBERS_SHOWN;
    size_t used = 0;

    memcpy(sorted, n->shown, sizeof sorted);
    qsort(sorted, (size_t)shown, sizeof *sorted, compare_floats);
    *text = '\0';
    for (int i = 0; i < shown && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.6g", i ? ", " : "", (double)sorted[i]);
    if (n->count > NUMBERS_SHOWN && used < size) snprintf(text + used, size - used, ", ...");
    return text;
}

void data_warn(Data *d, const char *format, ...)
{
    size_t used = strlen(d->warnings), room = sizeof d->warnings - used;
    va_list args;

    if (used) used += (size_t)snprintf(d->warnings + used, room, "\n");
    va_start(args, format);
    if (used < sizeof d->warnings) vsnprintf(d->warnings + used, sizeof d->warnings - used, format, args);
    va_end(args);
}

/* Labels that leave 0 out were probably counted from 1. */
static void look_at_labels(Data *d)
{
    const int least = (int)d->labels.least;
    if (d->labels.count < 2 || least == 0) return;
    data_warn(d, "%s: no label is 0: labels are %d .. %d and seem to start at %d, where classes count from 0",
              d->target_from, least, d->classes - 1, least);
}

/* Tables and arrays have said where a wrong number stands. */
static bool are_whole(const Data *d, const DataSplit *s, RtError *e)
{
    const char *from = *d->inputs_from ? d->inputs_from : d->name;

    if (!d->whole || !s->samples) return true;
    if (!s->floats)
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: embed takes whole numbers, and these are bytes, which are scaled", from);
    for (int64_t i = 0; i < s->samples * d->features; i++)
        if (!data_is_whole(s->floats[i], d->whole) && !(d->padded && isnan(s->floats[i])))
            return rt_fail(e, RT_BAD_INPUT, "%s: %g is no whole number in 0 .. %lld, as embed takes", from,
                           (double)s->floats[i], (long long)d->whole - 1);
    return true;
}

Data *data_open(const json_t *setting, const DataContext *context, RtError *e)
{
    const DataKind *kind = data_find_kind(setting, e);
    Data *d = kind ? calloc(1, sizeof *d) : NULL;

    if (!d) {
        if (kind) rt_fail(e, RT_SYSTEM, "out of memory");
        return NULL;
    }
    *d = (Data){.name = kind->name, .target_size = 1, .channels = 1, .std = {1}, .whole = context->whole};
    bool good = kind->load(json_object_get(setting, "args"), context, d, e);
    if (good && d->train.samples == 0) good = rt_fail(e, RT_BAD_INPUT, "%s: no samples to train on", d->name);
    good = good && are_whole(d, &d->train, e) && are_whole(d, &d->test, e);
    if (good) {
        look_at_labels(d);
        return d;
    }
    if (e->code == DATA_MISSING) e->code = RT_BAD_INPUT;
    data_free(d);
    return NULL;
}

bool data_peek(const json_t *setting, const DataContext *context, Data *shape_only, RtError *e)
{
    const DataKind *kind = data_find_kind(setting, e);

    if (!kind) return false;
    *shape_only =
        (Data){.name = kind->name, .target_size = 1, .channels = 1, .std = {1}, .whole = context->whole};
    if (kind->peek(json_object_get(setting, "args"), context, shape_only, e)) {
        look_at_labels(shape_only);
        return true;
    }
    if (e->code == DATA_MISSING) e->code = RT_OK;
    return false;
}

bool data_byte_scale(const json_t *setting, Data *d, bool *scaled, RtError *e)
{
    const json_t *args = json_object_get(setting, "args"), *inner;

    for (; (inner = json_object_get(args, "data")); args = json_object_get(inner, "args"))
        setting = inner; /* rows(data) sees what the data sees */
    const DataKind *kind = data_find_kind(setting, e);
    *scaled = false;
    if (!kind) return false;
    d->name = kind->name;
    d->channels = 1, d->mean[0] = 0, d->std[0] = 1;
    if (!kind->scale) return true;
    *scaled = true;
    return kind->scale(args, NULL, d, e);
}

bool data_peek_inner(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const json_t *inner = json_object_get(args, "data");
    const DataKind *kind = data_find_kind(inner, e);
    if (kind) d->name = kind->name;
    return kind && kind->peek(json_object_get(inner, "args"), c, d, e);
}

bool data_load_inner(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const json_t *inner = json_object_get(args, "data");
    const DataKind *kind = data_find_kind(inner, e);
    if (kind) d->name = kind->name;
    return kind && kind->load(json_object_get(inner, "args"), c, d, e);
}

bool data_is_one_hot(const json_t *setting)
{
    for (; setting; setting = json_object_get(json_object_get(setting, "args"), "data")) {
        const char *name = json_string_value(json_object_get(setting, "call"));
        if (name && strcmp(name, "one_hot") == 0) return true;
    }
    return false;
}

/* An argument of a data set, or of the one that it is made of; NULL: neither has it. */
static const json_t *argument_of(const json_t *setting, const char *name)
{
    const json_t *v = NULL;
    for (; setting && !v; setting = json_object_get(json_object_get(setting, "args"), "data"))
        v = json_object_get(json_object_get(setting, "args"), name);
    return json_is_null(v) ? NULL : v;
}

bool data_is_scaled(const json_t *setting)
{
    const json_t *scale = argument_of(setting, "scale");
    return scale && !json_is_false(scale) && !(json_is_array(scale) && json_array_size(scale) == 0);
}

bool data_brings_validation(const json_t *setting)
{
    return argument_of(setting, "validation") != NULL;
}

/* Arguments */

bool data_text(const json_t *args, const Data *d, const char *name, const char **text, RtError *e)
{
    const json_t *v = json_object_get(args, name);

    *text = "";
    if (!v || json_is_null(v)) return true;
    if (!json_is_string(v)) return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a text", d->name, name);
    *text = json_string_value(v);
    return true;
}

bool data_number(const json_t *args, const Data *d, const char *name, double low, double high, double *x,
                 RtError *e)
{
    const json_t *v = json_object_get(args, name);

    *x = json_number_value(v);
    if (!json_is_number(v)) return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a number", d->name, name);
    if (*x >= low && *x <= high) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: %s = %g is not in %g .. %g", d->name, name, *x, low, high);
}

bool data_count(const json_t *args, const Data *d, const char *name, int64_t low, int64_t high, int64_t *n,
                RtError *e)
{
    const json_t *v = json_object_get(args, name);
    double x = json_number_value(v);

    if (!json_is_number(v) || x != floor(x))
        return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a whole number", d->name, name);
    if (!(x >= (double)low && x <= (double)high))
        return rt_fail(e, RT_BAD_INPUT, "%s: %s = %.15g is not in %lld .. %lld", d->name, name, x,
                       (long long)low, (long long)high);
    *n = (int64_t)x;
    return true;
}

bool data_optional_count(const json_t *args, const Data *d, const char *name, int64_t low, int64_t high,
                         int64_t *n, RtError *e)
{
    const json_t *v = json_object_get(args, name);

    *n = 0;
    return !v || json_is_null(v) || data_count(args, d, name, low, high, n, e);
}

bool data_flag(const json_t *args, const Data *d, const char *name, bool *flag, RtError *e)
{
    const json_t *v = json_object_get(args, name);

    *flag = json_is_true(v);
    if (!v || json_is_null(v) || json_is_boolean(v)) return true;
    return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be true or false", d->name, name);
}

/* One of mean and std into `to`, one number a channel; an absent one keeps what is there. */
static bool read_channels(const json_t *v, const char *name, double low, Data *d, float *to, RtError *e)
{
    size_t given = json_is_array(v) ? json_array_size(v) : 1;

    if (!v || json_is_null(v)) return true;
    if (given != 1 && given != (size_t)d->channels)
        return rt_fail(e, RT_BAD_INPUT, "%s: %s has %zu numbers for %d channel%s", d->name, name, given,
                       d->channels, plural(d->channels, "s"));
    for (int i = 0; i < d->channels; i++) {
        const json_t *item = json_is_array(v) ? json_array_get(v, given == 1 ? 0 : (size_t)i) : v;
        double x = json_number_value(item);
        if (!json_is_number(item))
            return rt_fail(e, RT_BAD_INPUT, "%s: '%s' must be a number, or a list of one for each channel",
                           d->name, name);
        if (!(x >= low && x <= 1e6))
            return rt_fail(e, RT_BAD_INPUT, "%s: %s = %g is not in %g .. %g", d->name, name, x, low, 1e6);
        to[i] = (float)x;
    }
    return true;
}

bool data_read_scale(const json_t *args, Data *d, RtError *e)
{
    const json_t *mean = json_object_get(args, "mean"), *std = json_object_get(args, "std");
    bool lists = json_is_array(mean) || json_is_array(std);

    if (d->channels == 1 && d->rank == 3 && lists) {
        if (d->shape[0] > DATA_CHANNELS)
            return rt_fail(e, RT_BAD_INPUT, "%s: %lld channels; up to %d can have a mean and std each",
                           d->name, (long long)d->shape[0], DATA_CHANNELS);
        d->channels = (int)d->shape[0];
        for (int i = 1; i < d->channels; i++) d->mean[i] = d->mean[0], d->std[i] = d->std[0];
    }
    return read_channels(mean, "mean", -1e6, d, d->mean, e) && read_channels(std, "std", 1e-6, d, d->std, e);
}

/* Splits */

void data_vector(Data *d, int64_t n)
{
    d->rank = 1;
    d->shape[0] = d->features = n;
}

void data_remember(char from[200], const char *path)
{
    size_t length = strlen(path), cut = length > 199 ? length - 199 : 0; /* the end says more */
    strcpy(from, path + cut);
}

bool data_split_new(const Data *d, DataSplit *s, int64_t samples, RtError *e)
{
    int64_t features = d->features * (int64_t)sizeof(float),
            targets = d->target_size * (int64_t)sizeof(float);

    s->samples = samples;
    s->floats = data_memory(samples, features, e);
    if (!s->floats) return false;
    if (d->classes) s->labels = data_memory(samples, targets, e);
    else s->targets = data_memory(samples, targets, e);
    return s->labels || s->targets;
}

static bool join_rows(void **to, int64_t count, const void *more, int64_t more_count, int64_t row_bytes,
                      RtError *e)
{
    if (!more) return true;
    char *all = realloc(*to, (size_t)((count + more_count) * row_bytes) + 1);
    if (!all) return rt_fail(e, RT_SYSTEM, "out of memory for %lld samples", (long long)(count + more_count));
    memcpy(all + count * row_bytes, more, (size_t)(more_count * row_bytes));
    *to = all;
    return true;
}

bool data_split_join(const Data *d, DataSplit *to, DataSplit *more, RtError *e)
{
    const int64_t n = to->samples, m = more->samples;
    void *floats = to->floats, *labels = to->labels, *targets = to->targets;
    const bool good = join_rows(&floats, n, more->floats, m, d->features * 4, e) &&
                      join_rows(&labels, n, more->labels, m, d->target_size * 4, e) &&
                      join_rows(&targets, n, more->targets, m, d->target_size * 4, e);

    to->floats = floats, to->labels = labels, to->targets = targets;
    to->samples += good ? m : 0;
    return good;
}

/* One array of rows: copies the rows with `held` set to a new array, and closes the gaps they leave. */
static bool part_rows(void *rows, int64_t row_bytes, const uint8_t *held, int64_t samples, int64_t held_count,
                      void **test, RtError *e)
{
    char *from = rows, *keep = rows, *to;

    if (!rows) return true;
    *test = to = data_memory(held_count, row_bytes, e);
    if (!to) return false;
    for (int64_t i = 0; i < samples; i++, from += row_bytes) {
        char **at = held[i] ? &to : &keep;
        if (*at != from) memcpy(*at, from, (size_t)row_bytes);
        *at += row_bytes;
    }
    return true;
}

/* A row and its place among those of its class: rows with the smallest draws are held out. */
typedef struct Draw {
    double u;
    int64_t row;
    int32_t label;
} Draw;

static int compare_draws(const void *left, const void *right)
{
    const Draw *a = left, *b = right;
    if (a->label != b->label) return a->label < b->label ? -1 : 1;
    if (a->u != b->u) return a->u < b->u ? -1 : 1;
    return a->row < b->row ? -1 : 1;
}

/* The rows of one class. */
typedef struct Stratum {
    int64_t first, rows, held; /* first: in the sorted draws */
    double rest;               /* of its share, behind the whole rows; below 0: one more would leave none */
    double u;                  /* its smallest draw: says whose turn it is where rests are the same */
} Stratum;

static int compare_rests(const void *left, const void *right)
{
    const Stratum *a = left, *b = right;
    if (a->rest != b->rest) return a->rest > b->rest ? -1 : 1;
    return a->u < b->u ? -1 : a->u > b->u;
}

static int64_t find_strata(const Draw *draws, int64_t n, Stratum *strata)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || draws[i].label != draws[i - 1].label)
            strata[count++] = (Stratum){.first = i, .u = draws[i].u};
        strata[count - 1].rows++;
    }
    return count;
}

/* Shares `held` rows out to the classes in proportion: whole rows first, the others to the largest rests. */
static void share_out(Stratum *strata, int64_t count, int64_t held, int64_t n)
{
    int64_t left = held;
    for (int64_t i = 0; i < count; i++) {
        Stratum *s = &strata[i];
        const __int128 part = (__int128)held * s->rows;
        s->held = (int64_t)(part / n);
        s->rest = (double)(int64_t)(part % n) / (double)n - (s->held + 1 == s->rows);
        left -= s->held;
    }
    qsort(strata, (size_t)count, sizeof *strata, compare_rests);
    for (int64_t i = 0; i < left; i++) strata[i].held++;
}

/* Which rows are drawn. */
typedef struct DrawKey {
    uint64_t seed, stream;
} DrawKey;

/* Marks `count` rows to be held out, of each class its share. `draws` and `strata` have room for a row each.
 */
static void mark_rows(const Data *d, int64_t count, DrawKey key, Draw *draws, Stratum *strata, uint8_t *held)
{
    const int64_t n = d->train.samples;
    const int32_t *labels = d->positions ? NULL : d->train.labels;

    for (int64_t i = 0; i < n; i++) {
        draws[i] = (Draw){rng_uniform(key.seed, key.stream, (uint64_t)i), i, labels ? labels[i] : 0};
        held[i] = 0;
    }
    qsort(draws, (size_t)n, sizeof *draws, compare_draws);
    const int64_t classes = find_strata(draws, n, strata);
    share_out(strata, classes, count, n);
    for (int64_t c = 0; c < classes; c++)
        for (int64_t i = 0; i < strata[c].held; i++) held[draws[strata[c].first + i].row] = 1;
}

/* Which rows are held out: one byte a row, to be freed. */
static uint8_t *choose_rows(const Data *d, int64_t count, DrawKey key, RtError *e)
{
    const int64_t n = d->train.samples;
    uint8_t *held = data_memory(n, 1, e);
    Draw *draws = held ? data_memory(n, sizeof *draws, e) : NULL;
    Stratum *strata = draws ? data_memory(n, sizeof *strata, e) : NULL;

    if (strata) mark_rows(d, count, key, draws, strata, held);
    else free(held), held = NULL;
    free(draws);
    free(strata);
    return held;
}

int64_t data_held(double share, int64_t n)
{
    const int64_t count = share_of(share, n);
    return count == 0 && share > 0 && n > 1 ? 1 : count;
}

/* Moves the training rows that are marked to another split, which is empty. */
static bool move_marked(Data *d, const uint8_t *held, int64_t count, DataSplit *to, RtError *e)
{
    DataSplit *a = &d->train;
    const int64_t n = a->samples;
    void *bytes = NULL, *floats = NULL, *labels = NULL, *targets = NULL;
    PictureSet *pictures = NULL;

    bool good = part_rows(a->bytes, d->features, held, n, count, &bytes, e) &&
                part_rows(a->floats, d->features * 4, held, n, count, &floats, e) &&
                part_rows(a->labels, d->target_size * 4, held, n, count, &labels, e) &&
                part_rows(a->targets, d->target_size * 4, held, n, count, &targets, e) &&
                (!a->pictures || (pictures = picture_set_part(a->pictures, held, e)));
    *to = (DataSplit){count, bytes, floats, pictures, labels, targets, NULL, 0};
    a->samples = n - count;
    return good;
}

/* Moves so many training rows to another split, which is empty. */
static bool move_rows(Data *d, int64_t count, DrawKey key, DataSplit *to, RtError *e)
{
    uint8_t *held = choose_rows(d, count, key, e);
    const bool good = held && move_marked(d, held, count, to, e);

    free(held);
    return good;
}

/* The last training windows, which share rows with each other, become the validation split; those before them
 * that share a row with one of them are left out. */
static bool move_stretch(Data *d, int64_t count, RtError *e)
{
    DataSplit *a = &d->train;
    const int64_t n = a->samples, from = n - count;
    uint8_t *held = data_memory(n, 1, e);
    int64_t stay = from;

    if (!held) return false;
    while (stay > 0 && a->first[stay - 1] + a->window > a->first[from]) stay--;
    for (int64_t i = 0; i < n; i++) held[i] = i >= from;
    const bool good = move_marked(d, held, count, &d->validation, e);
    free(held);
    a->samples = stay;
    return good;
}

bool data_hold_out(Data *d, double share, const DataContext *c, RtError *e)
{
    const int64_t n = d->train.samples, count = data_held(share, n);
    if (count == 0) return true;
    const bool good = move_rows(d, count, (DrawKey){c->seed, RNG_DATA}, &d->test, e);
    if (!good || d->train.samples > 0) return good;
    rt_fail(e, RT_BAD_INPUT, "%s: split = %g leaves none of the %lld sample%s to train on", d->name, share,
            (long long)n, plural(n, "s"));
    return rt_help(e, "split = 0.2 holds a fifth out for the test");
}

bool data_validation(Data *d, double share, uint64_t seed, RtError *e)
{
    const int64_t n = d->train.samples, count = data_held(share, n);
    if (share <= 0 || n == 0) return true;
    if (d->validation.samples)
        return rt_fail(e, RT_BAD_INPUT, "%s: it has validation samples of its own, beside validation = %g",
                       d->name, share);
    if (count == 0 || count == n)
        return rt_fail(e, RT_BAD_INPUT, "%s: validation = %g leaves none of the %lld training sample%s to %s",
                       d->name, share, (long long)n, plural(n, "s"), count ? "train on" : "validate with");
    if (!d->train.first) return move_rows(d, count, (DrawKey){seed, RNG_VALIDATION}, &d->validation, e);
    if (!move_stretch(d, count, e)) return false;
    if (d->train.samples) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: validation = %g leaves none of the %lld training windows to train on",
            d->name, share, (long long)n);
    return rt_help(e,
                   "windows that share rows with those of the validation are left out; a smaller share, or "
                   "a larger step of the windows");
}
