/* data_kind.h: declarations shared by the kinds of data sets (data_*.c); only they include it.
 *
 * A kind is a row of `data_kinds` (data.c) and a file that defines its two functions. Both get the
 * arguments and a Data with only its name set. `peek` fills shape, classes and sizes; `load` these and the
 * splits. On failure the caller frees what was filled so far. `scale` is for bytes that come from elsewhere
 * (predict) and opens no file.
 */
#ifndef RT_DATA_KIND_H
#define RT_DATA_KIND_H
#include "data/data.h"

enum { DATA_CLASSES_MOST = 100000 };

typedef bool DataMaker(const json_t *args, const DataContext *c, Data *d, RtError *e);

typedef struct DataKind {
    const char *name;
    DataMaker *peek, *load;
    DataMaker *scale; /* fills mean and std for a Data whose shape is known; NULL: samples are never bytes */
} DataKind;

DataMaker data_idx_peek, data_idx_load, data_idx_scale, data_mnist_peek, data_mnist_load, data_mnist_scale;
DataMaker data_cifar_peek, data_cifar_load, data_cifar_scale;
DataMaker data_image_peek, data_image_load, data_image_scale;
DataMaker data_csv_peek, data_csv_load;
DataMaker data_series_peek, data_series_load;
DataMaker data_npy_peek, data_npy_load, data_npy_scale;
DataMaker data_spirals_peek, data_spirals_load, data_xor_peek, data_xor_load, data_sines_peek,
    data_sines_load;
DataMaker data_copy_peek, data_copy_load, data_rows_peek, data_rows_load, data_one_hot_peek,
    data_one_hot_load;

/* Of the data set that is the argument `data` of another one. */
DataMaker data_peek_inner, data_load_inner;
/* The kind that {"call": NAME, ...} names; NULL and a message when there is none. */
const DataKind *data_find_kind(const json_t *setting, RtError *e);

/* Arguments. Messages name the data set (d->name) and the argument. An absent text is "". */
bool data_text(const json_t *args, const Data *d, const char *name, const char **text, RtError *e);
bool data_number(const json_t *args, const Data *d, const char *name, double low, double high, double *x,
                 RtError *e);
bool data_count(const json_t *args, const Data *d, const char *name, int64_t low, int64_t high, int64_t *n,
                RtError *e);
/* The same, and 0 when it is not given. */
bool data_optional_count(const json_t *args, const Data *d, const char *name, int64_t low, int64_t high,
                         int64_t *n, RtError *e);

/* true or false; false when it is not given. */
bool data_flag(const json_t *args, const Data *d, const char *name, bool *flag, RtError *e);

/* Mean and deviation of each column of rows, for d->scale; of a constant column the deviation is 1. */
bool data_scale_rows(Data *d, const float *rows, int64_t count, int64_t columns, RtError *e);

/* Reads `mean` and `std`, numbers or lists of one for each channel, for a Data whose shape is known and which
 * has its own numbers already: they stay where none are given. Sets channels. */
bool data_read_scale(const json_t *args, Data *d, RtError *e);

/* Sets rank, shape and features of one vector of n numbers. */
void data_vector(Data *d, int64_t n);
/* Remembers a path for messages: in d->inputs_from or d->target_from. */
void data_remember(char from[200], const char *path);
/* A line for d->warnings. */
void data_warn(Data *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes memory for floats, and for labels or targets as d->classes says. */
bool data_split_new(const Data *d, DataSplit *s, int64_t samples, RtError *e);
void data_split_free(DataSplit *s);
/* Puts samples of floats behind others, which may be none; takes them over. */
bool data_split_join(const Data *d, DataSplit *to, DataSplit *more, RtError *e);
/* Rows of n that a split holds out: the share, rounded; at least one where the share is above 0, and n above
 * 1. */
int64_t data_held(double share, int64_t n);
/* Moves data_held(share) rows of d->train to d->test, of each class its part; which ones is drawn from the
 * seed and the number of the row. Some must stay. */
bool data_hold_out(Data *d, double share, const DataContext *c, RtError *e);
#endif
