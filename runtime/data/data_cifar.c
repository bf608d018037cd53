/* data_cifar.c: cifar10(dir, mean, std): small colour pictures in the binary form of CIFAR-10.
 *
 * Format (Krizhevsky, "Learning multiple layers of features from tiny images", 2009; cifar-10-binary.tar.gz):
 * records of 3073 bytes, one label 0 .. 9 and the picture as three planes, red, green and blue, of 32 rows of
 * 32 bytes. data_batch_1.bin to data_batch_5.bin are the training samples in this order, test_batch.bin the
 * test samples; each may be gzip. A batch has 10,000 records; any number is read, but the five training
 * batches have the same, so that a file that was cut between two records is seen.
 */
#include "data/data_kind.h"
#include "common/plural.h"
#include "data/data_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS, CLASSES = 10, BATCHES = 5 };
enum { FULL_BATCH = 10000 * RECORD };

static const char folder[] = "cifar-10-batches-bin"; /* that the archive unpacks to */
static const char first_batch[] = "data_batch_1.bin";

/* Of the training pictures, bytes / 255. */
static const float channel_mean[] = {0.4914f, 0.4822f, 0.4465f}, channel_std[] = {0.247f, 0.243f, 0.262f};

/* The bytes of a batch must be whole records, and `like` of them unless that is 0. */
static bool check_size(const DataFile *f, int64_t size, int64_t like, RtError *e)
{
    int64_t records = size / RECORD, rest = size % RECORD;

    if (rest) {
        data_file_fail(f, records * RECORD, e, "truncated in record %lld: wanted %d bytes, found %lld",
                       (long long)records, RECORD, (long long)rest);
        return rt_help(e, "the file has %lld byte%s; a batch of CIFAR-10 has %d", (long long)size,
                       plural(size, "s"), FULL_BATCH);
    }
    if (!like || records == like) return true;
    data_file_fail(f, size, e, "the batch has %lld record%s, %s has %lld", (long long)records,
                   plural(records, "s"), first_batch, (long long)like);
    return rt_help(e, "the file has %lld byte%s; a batch of CIFAR-10 has %d", (long long)size,
                   plural(size, "s"), FULL_BATCH);
}

/* Takes memory for `more` samples behind those of the split. */
static bool grow_split(DataSplit *s, int64_t more, RtError *e)
{
    size_t samples = (size_t)(s->samples + more);
    uint8_t *bytes = realloc(s->bytes, samples * PIXELS);

    if (bytes) s->bytes = bytes;
    int32_t *labels = realloc(s->labels, samples * sizeof *labels);
    if (labels) s->labels = labels;
    return (bytes && labels) || rt_fail(e, RT_SYSTEM, "out of memory at %zu pictures", samples);
}

static bool take_records(const DataFile *f, const uint8_t *from, int64_t records, DataSplit *s, RtError *e)
{
    if (!grow_split(s, records, e)) return false;
    for (int64_t i = 0; i < records; i++, from += RECORD) {
        if (from[0] >= CLASSES)
            return data_file_fail(f, i * RECORD, e, "label %d of record %lld is not in 0 .. %d", from[0],
                                  (long long)i, CLASSES - 1);
        s->labels[s->samples] = from[0];
        memcpy(s->bytes + s->samples++ * PIXELS, from + 1, PIXELS);
    }
    return true;
}

/* Adds a batch to a split. */
static bool read_batch(const char *directory, const char *name, int64_t like, DataSplit *s, RtError *e)
{
    DataFile f = {0};
    int64_t size;
    char *bytes = NULL;
    bool good = data_file_open(&f, data_file_join(directory, name, e), true, e) &&
                (bytes = data_file_rest(&f, &size, e)) && check_size(&f, size, like, e) &&
                take_records(&f, (const uint8_t *)bytes, size / RECORD, s, e);

    free(bytes);
    data_file_close(&f);
    return good;
}

static bool read_all(const char *directory, Data *d, RtError *e)
{
    char name[] = "data_batch_1.bin";
    bool good = true;

    for (int i = 0; good && i < BATCHES; i++) {
        name[sizeof "data_batch_" - 1] = (char)('1' + i);
        good = read_batch(directory, name, i ? d->train.samples / i : 0, &d->train, e);
    }
    good = good && read_batch(directory, "test_batch.bin", 0, &d->test, e);
    if (!good && e->code == DATA_MISSING) rt_help(e, "its six files belong together in one directory");
    return good;
}

bool data_cifar_scale(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    (void)c;
    d->channels = 3;
    memcpy(d->mean, channel_mean, sizeof channel_mean);
    memcpy(d->std, channel_std, sizeof channel_std);
    return data_read_scale(args, d, e);
}

bool data_cifar_peek(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const char *dir;

    d->rank = 3;
    d->shape[0] = 3;
    d->shape[1] = d->shape[2] = SIDE;
    d->features = PIXELS;
    d->image = true;
    d->classes = CLASSES;
    return data_text(args, d, "dir", &dir, e) && data_cifar_scale(args, c, d, e);
}

bool data_cifar_load(const json_t *args, const DataContext *c, Data *d, RtError *e)
{
    const char *dir, *directory = NULL;
    DataPlaces places = {0};

    if (!data_cifar_peek(args, c, d, e) || !data_text(args, d, "dir", &dir, e)) return false;
    bool good = data_places_open(&places, c, dir, NULL, folder, e);
    if (good && !(directory = data_places_find(&places, d->name, first_batch, e))) {
        rt_help(e, "cifar-10-binary.tar.gz, from where CIFAR-10 is published, has the files");
        good = rt_help(e, "or give their directory: --data DIR, or data = cifar10(dir = \"DIR\")");
    }
    good = good && read_all(directory, d, e);
    data_places_close(&places);
    return good;
}
