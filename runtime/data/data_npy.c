/* data_npy.c: arrays saved by NumPy as data: npy(x, y, test_x, test_y, split, padded).
 *
 * x is (samples, features of up to 4 dimensions), or (samples): one feature. u1 stays bytes, which the
 * network sees as b / 255; all others become floats. y is (samples) or (samples, 1) of whole numbers or bool:
 * classes; or floats, (samples) or (samples, k): numbers. Where x is (samples, positions, ...), y of
 * (samples, positions) whole numbers or (samples, positions, k) floats has a target at each position; x may
 * be (samples, positions), which `embed` makes sequences of.
 * Without test files, `split` is the share held out. With `padded`, a sample of (positions, ...) floats ends
 * before its positions of NaN, of which it may have some at its end; what y has there does not count.
 */
#include "data/data_kind.h"
#include "common/plural.h"
#include "data/npy.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every dimension holds something. */
static bool open_array(Npy *x, char *path, RtError *e)
{
    if (!npy_open(x, path, e)) return false;
    for (int i = 0; i < x->rank; i++)
        if (x->sizes[i] == 0)
            return data_file_fail(&x->file, x->head, e, "the array is empty: dimension %d is 0", i);
    return true;
}

static bool take_label(const Npy *y, double value, int64_t i, Data *d, int32_t *label, RtError *e)
{
    const int64_t most = d->classes ? d->classes : DATA_CLASSES_MOST;

    if (value < 0 || value >= (double)most)
        return data_file_fail(&y->file, y->start + i * y->width, e,
                              "class %.15g of sample %lld is not in 0 .. %lld", value,
                              (long long)(i / y->each), (long long)most - 1);
    *label = (int32_t)value;
    if (d->classes) return true;
    if (d->labels.count == 0 || (float)*label > d->labels.most)
        d->most.sample = i / y->each, d->most.byte = y->start + i * y->width;
    data_see(&d->labels, (float)*label);
    return true;
}

enum { CHUNK = 4096 };

/* The next labels, fewer than CHUNK only at the end. */
static bool take_labels(Npy *y, int64_t done, int64_t count, Data *d, int32_t *labels, RtError *e)
{
    double values[CHUNK];

    if (!npy_take_doubles(y, count, values, e)) return false;
    for (int64_t i = 0; i < count; i++)
        if (!take_label(y, values[i], done + i, d, &labels[i], e)) return false;
    return true;
}

/* Reads classes; they are checked against d->classes, or counted when that is 0. The sizes of a packed file
 * are not believed: memory grows as labels arrive. */
static int32_t *read_classes(Npy *y, Data *d, RtError *e)
{
    const int64_t n = y->sizes[0] * y->each;
    int32_t *labels = NULL;
    bool good = true;

    for (int64_t done = 0, room = 0; good && done < n; done += CHUNK) {
        const int64_t count = n - done < CHUNK ? n - done : CHUNK;
        if (done + count > room) {
            room = 2 * room > done + count ? 2 * room : done + count;
            int32_t *more = realloc(labels, (size_t)room * sizeof *labels);
            if (more) labels = more;
            else good = rt_fail(e, RT_SYSTEM, "out of memory at %lld labels", (long long)room);
        }
        good = good && take_labels(y, done, count, d, labels + done, e);
    }
    if (good && d->classes == 0) d->classes = (int)d->labels.most + 1;
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
    if ((d->train.bytes != NULL) == npy_bytes(x)) return true;
    return data_file_fail(&x->file, 10, e,
                          "of '|u1' and the other types, training and test files must be the same");
}

/* Samples may end before the last position. */
static bool can_be_padded(const Npy *x, const Data *d, RtError *e)
{
    if (!d->padded || (d->rank >= 2 && x->kind == 'f')) return true;
    data_file_fail(&x->file, 10, e, "padded = true is for sequences of floats, and a sample here is %s",
                   d->rank >= 2 ? "of another type" : "no sequence");
    return rt_help(
        e, "x is an array of floats (samples, positions, features), with NaN behind the end of a sample");
}

static bool check_padded(const Npy *x, const DataSplit *s, RtError *e)
{
    const int64_t positions = x->sizes[1], each = x->each / positions;
    for (int64_t i = 0; i < s->samples; i++) {
        const int64_t wrong = data_padded_wrong(s->floats + i * x->each, positions, each);
        if (wrong >= 0)
            return npy_fail(x, i * x->each + wrong, e, "not a number (nan) before the end of the sample");
    }
    return true;
}

static bool check_whole(const Npy *x, const Data *d, const DataSplit *s, RtError *e)
{
    char problem[80];

    snprintf(problem, sizeof problem, "no whole number in 0 .. %lld, as embed takes",
             (long long)d->whole - 1);
    for (int64_t i = 0; d->whole && s->floats && i < s->samples * x->each; i++)
        if (!data_is_whole(s->floats[i], d->whole) && !(d->padded && isnan(s->floats[i])))
            return npy_fail(x, i, e, problem);
    return true;
}

/* Targets behind the end of a sample are none. */
static void leave_out_padded(const Data *d, DataSplit *s)
{
    const int64_t each = d->positions ? d->features / d->positions : 0,
                  one = each ? d->target_size / d->positions : 0;
    for (int64_t i = 0; i < s->samples * d->positions; i++) {
        if (!isnan(s->floats[i * each])) continue;
        for (int64_t k = 0; k < one; k++)
            if (s->labels) s->labels[i * one + k] = -1;
            else s->targets[i * one + k] = 0;
    }
}

static bool read_x(char *path, Data *d, DataSplit *s, RtError *e)
{
    Npy x;
    bool good = open_array(&x, path, e) && check_features(&x, d, e) && can_be_padded(&x, d, e);

    s->samples = x.sizes[0];
    if (good && npy_bytes(&x)) s->bytes = npy_all_bytes(&x, e);
    else if (good) s->floats = npy_all_floats(&x, d->padded, e);
    good = (s->bytes || s->floats) && (!d->padded || check_padded(&x, s, e)) && check_whole(&x, d, s, e);
    npy_close(&x);
    return good;
}

/* Positions of x that y has a target at; 0: it has one for a sample; -1 and a message: neither. */
static int64_t find_positions(const Npy *y, const Data *d, RtError *e)
{
    const bool numbers = !npy_whole_numbers(y);
    const int64_t positions = d->rank >= 2 ? d->shape[0] : 0;
    char each[60] = "";

    if (y->rank == (numbers ? 3 : 2) && y->sizes[1] == d->shape[0] && (numbers || y->each > 1))
        return d->shape[0]; /* those of a list, too, which embed makes a sequence of */
    if (y->rank <= 2 && (numbers || y->each == 1)) return 0;
    if (positions) snprintf(each, sizeof each, ", or %lld, one at each position", (long long)positions);
    if (!numbers && y->rank <= 2)
        data_file_fail(&y->file, 10, e, "classes are one whole number a sample%s, here are %lld", each,
                       (long long)y->each);
    else if (numbers && y->rank == 3 && positions)
        data_file_fail(&y->file, 10, e, "y has targets at %lld positions, and x has %lld",
                       (long long)y->sizes[1], (long long)positions);
    else
        data_file_fail(&y->file, 10, e, "y has %d dimensions; 1 or 2 are read%s", y->rank,
                       positions && numbers ? ", or 3 with numbers at each position" : "");
    return -1;
}

/* What the training y says: classes, or so many numbers. A test y must say the same. */
static bool check_target(const Npy *y, Data *d, bool train, RtError *e)
{
    const int64_t positions = find_positions(y, d, e);

    if (positions < 0) return false;
    if (train) {
        d->positions = positions, d->target_size = y->each;
        data_remember(d->target_from, y->file.path);
        return true;
    }
    if (npy_whole_numbers(y) == (d->classes > 0) && y->each == d->target_size && positions == d->positions)
        return true;
    return data_file_fail(&y->file, 10, e,
                          "test targets are of another kind than those of the training file");
}

/* With s->samples 0 (x was not read), any number of samples is good. */
static bool read_y(char *path, Data *d, DataSplit *s, bool train, RtError *e)
{
    Npy y;
    bool good = open_array(&y, path, e) && check_target(&y, d, train, e);

    if (good && s->samples && s->samples != y.sizes[0])
        good = data_file_fail(&y.file, 10, e, "%lld target%s for %lld sample%s of x", (long long)y.sizes[0],
                              plural(y.sizes[0], "s"), (long long)s->samples, plural(s->samples, "s"));
    if (good && npy_whole_numbers(&y)) s->labels = read_classes(&y, d, e);
    else if (good) s->targets = npy_all_floats(&y, false, e);
    npy_close(&y);
    if (d->padded && (s->labels || s->targets)) leave_out_padded(d, s);
    return s->labels || s->targets;
}

/* The kind */

typedef struct Settings {
    const char *x, *y, *test_x, *test_y;
    double split;
    bool padded;
} Settings;

static bool read_settings(const json_t *args, const Data *d, Settings *s, RtError *e)
{
    if (!data_text(args, d, "x", &s->x, e) || !data_text(args, d, "y", &s->y, e) ||
        !data_text(args, d, "test_x", &s->test_x, e) || !data_text(args, d, "test_y", &s->test_y, e) ||
        !data_number(args, d, "split", 0, 1, &s->split, e) || !data_flag(args, d, "padded", &s->padded, e))
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
    d->padded = s.padded;
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
    d->padded = s.padded;
    bool good = open_array(&x, data_file_path(c, s.x, e), e) && check_features(&x, d, e) &&
                can_be_padded(&x, d, e) && open_array(&y, data_file_path(c, s.y, e), e) &&
                check_target(&y, d, true, e);
    if (good && npy_whole_numbers(&y)) good = (labels = read_classes(&y, d, e)) != NULL;
    free(labels);
    npy_close(&x);
    npy_close(&y);
    return good;
}

/* Bytes are divided by 255, which is what a mean of 0 and a deviation of 1 say. */
bool data_npy_scale(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)args, (void)c, (void)d, (void)e;
    return true;
}
