/* eval.h: loss and accuracy of a network on one split. */
#ifndef RT_EVAL_H
#define RT_EVAL_H
#include "app/session.h"
#include <signal.h>

typedef struct EvalResult {
    double loss;     /* mean over the samples */
    double accuracy; /* NaN when the target is numbers */
    int64_t samples;
    bool stopped;   /* *stop became non-zero; the other fields mean nothing */
    NetStep failed; /* with `help`: why it could not be done; with `bad` alone: what is not finite first */
} EvalResult;

/* Runs a split of s->data in steps of `batch` samples. `stop` may be NULL; so may `confusion`, to which
 * net_confusion adds. */
EvalResult eval_split(const Session *s, const DataSplit *split, int64_t batch,
                      const volatile sig_atomic_t *stop, int64_t *confusion);
#endif
