/* data.h: data sets in memory, and how they are made.
 *
 * The setting `data = NAME(args)` of a train block arrives as JSON {"call": NAME, "args": {ARG: value, ...}}
 * with every argument present (the compiler fills defaults). Each NAME is one file data_NAME.c and one row
 * of `data_kinds` in data.c. A data set has a train and a test split. Reading fails with path and byte
 * offset.
 */
#ifndef RT_DATA_H
#define RT_DATA_H
#include "common/error.h"
#include <jansson.h>
#include <stdint.h>

enum {
    DATA_CHANNELS = 16, /* most that have a mean and deviation of their own */
    DATA_COLUMNS = 256  /* most that `scale` is for */
};

/* One split. Values are what the network sees: stored bytes b become (b / 255 - mean) / std, floats stay. */
typedef struct DataSplit {
    int64_t samples;
    uint8_t *bytes;              /* (samples, features), or NULL */
    float *floats;               /* (samples, features), or NULL */
    struct PictureSet *pictures; /* bytes that are decoded when they are needed (picture_list.h), or NULL: of
                                    the three exactly one is set when samples > 0 */
    int32_t *labels;             /* (samples, target_size), 0 .. classes-1, or -1 behind the end of a padded
                                    sample; NULL when the target is numbers */
    float *targets;              /* (samples, target_size); NULL when the target is a class */
    int64_t *first;              /* (samples), ascending: the first row of each in its file, where samples are
                                    windows that share rows; else NULL */
    int64_t window;              /* rows that such a sample takes, with its targets */
} DataSplit;

static inline bool data_split_is_bytes(const DataSplit *s)
{
    return s->bytes || s->pictures;
}

/* Different numbers among many. */
enum { NUMBERS_SHOWN = 5 };
typedef struct DataNumbers {
    float shown[NUMBERS_SHOWN]; /* the first ones */
    int count;                  /* NUMBERS_SHOWN + 1: there are more */
    float least, most;
} DataNumbers;

typedef struct Data {
    const char *name; /* "fashion_mnist" */
    int rank;
    int64_t shape[4];    /* of one sample: {1, 28, 28}, or {columns} */
    int64_t features;    /* product of shape */
    int classes;         /* 0: the target is numbers */
    int64_t target_size; /* numbers, or classes, a sample */
    int64_t positions; /* of a sample that have a target each, one behind the other; 0: the sample has one */
    bool padded;   /* a sample may have fewer positions than shape[0], at least one: the numbers behind its
                          end are NaN */
    int64_t whole; /* numbers of samples must be whole ones, 0 .. whole - 1; 0: any numbers */
    bool image;    /* the last two of two or three sizes are height and width: `augment` may move it */
    int channels;  /* with a mean and std of their own: equal parts of a sample, one after the other */
    float mean[DATA_CHANNELS], std[DATA_CHANNELS]; /* for bytes */
    DataSplit train, test, validation;             /* validation: data_validation; else empty */
    struct {         /* by data_peek: what the program subtracts from its input, and then divides by */
        int columns; /* a number for each; 0: nothing is scaled */
        double mean[DATA_COLUMNS], deviation[DATA_COLUMNS]; /* of the training rows */
    } scale;
    char inputs_from[200], target_from[200]; /* the training files; "" for made data */
    struct {
        int64_t sample, byte;
    } most;             /* where the largest class stands in target_from */
    DataNumbers labels; /* of the training file, where classes are the numbers in it */
    char form[160];     /* how the file was read, where that was guessed; "": nothing to say */
    char warnings[600]; /* what may be a mistake in the data, a line each: for the user to read */
} Data;

typedef struct DataContext {
    const char *directory; /* --data DIR, or NULL */
    const char *base;      /* directory of the .dnw file: relative paths start here */
    int threads;           /* that may read files at the same time; 0 is 1 */
    int64_t whole;         /* what Data.whole shall be */
    uint64_t seed; /* of made data and of splits: a fixed constant of the program, not the training seed */
} DataContext;

/* What the network sees of a byte: (b / 255 - mean) / std, as one product and one sum in float. */
typedef struct DataScale {
    float factor, shift;
} DataScale;

static inline DataScale data_scale(const Data *d, int channel)
{
    double std = (double)d->std[channel];
    return (DataScale){(float)(1 / (255 * std)), (float)(-(double)d->mean[channel] / std)};
}

static inline float data_value(DataScale s, int byte)
{
    return (float)byte * s.factor + s.shift;
}

/* Reads or makes the data set. NULL and *e on failure. An empty data set is a failure. */
Data *data_open(const json_t *setting, const DataContext *context, RtError *e);
void data_free(Data *d);
/* Of a padded sample, (positions, each): the first number that is wrong, neither finite before its end nor
 * NaN behind it, or -1. */
int64_t data_padded_wrong(const float *x, int64_t positions, int64_t each);
/* Is x one of 0 .. whole - 1? */
static inline bool data_is_whole(float x, int64_t whole)
{
    return x >= 0 && x < (float)whole && x == (float)(int64_t)x;
}
/* Moves a share of the training samples, of each class its part, to the validation split; which ones is drawn
 * from the seed and the number of the sample. Windows that share rows are moved as one stretch, the last
 * ones, and those before it that share a row with them are left out. Of a share of 0 none. */
bool data_validation(Data *d, double share, uint64_t seed, RtError *e);

/* Only what the compiler needs to know: shape, classes, target_size; splits stay empty. Reads headers at
 * most. Returns false when the file is not there yet, too: the code is then RT_OK, the text says which. */
bool data_peek(const json_t *setting, const DataContext *context, Data *shape_only, RtError *e);

/* How the network sees bytes that are not of the data set but like its samples, for a Data whose shape is
 * known: fills channels, mean and std. *scaled is false where its samples are never bytes. Opens no file. */
bool data_byte_scale(const json_t *setting, Data *d, bool *scaled, RtError *e);

/* Is the target of a sample a vector, 1 for its class and 0 for the others: one_hot(DATA)? The samples keep
 * the numbers of their classes, and the generated code makes the vectors. */
bool data_is_one_hot(const json_t *setting);

/* Does the program scale its input by what the files hold? Opens none. */
bool data_is_scaled(const json_t *setting);
/* Has the data validation samples of its own? Opens no file. */
bool data_brings_validation(const json_t *setting);

/* Counts a number. */
void data_see(DataNumbers *n, float x);
/* Those that were seen as a list: "1, 2" or "0, 2, 3, 7, 9, ...". */
const char *data_seen(const DataNumbers *n, char *text, size_t size);
#endif
