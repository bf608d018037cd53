/* predict_rows.h: outputs sample by sample: a sample without a result gets a row of NaN. */
#ifndef RT_PREDICT_ROWS_H
#define RT_PREDICT_ROWS_H
#include "app/session.h"

/* Samples whose input or output is not finite, or on which a graph in time cannot go on. */
typedef struct PredictRows {
    const Session *session;
    float *in, *out;      /* of a batch */
    bool *lost;           /* by sample of the batch */
    int64_t count, first; /* lost so far; the first of them, from 0 in the file */
    RtError why;          /* what it is with that one */
} PredictRows;

/* Samples of the file from `first` on, which stand in `in`, to `out`. Changes inputs that are not finite.
 * False: the system failed. */
bool predict_rows(PredictRows *r, int64_t first, int64_t count, RtError *e);
/* False and *e, when samples of the file were lost: which, why and how many. */
bool predict_rows_whole(const PredictRows *r, int64_t samples, RtError *e);
#endif
