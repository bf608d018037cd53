/* optim.h: update rules on flat arrays, element by element, in one pass over memory.
 *
 * JSON {"call": NAME, "args": {...}} with every argument present:
 *   sgd(lr, momentum, nesterov, decay, clip)              decay is added to the gradient (L2)
 *   adam(lr, beta1, beta2, eps, decay, clip)              Kingma & Ba 2015, Algorithm 1; decay as L2
 *   adamw(lr, beta1, beta2, eps, decay, clip)             Loshchilov & Hutter 2019: decay not in the gradient
 *   rmsprop(lr, rho, eps, momentum, decay, clip)          Tieleman & Hinton 2012, not centred
 *
 * clip > 0: the whole gradient is scaled so that its Euclidean norm is at most clip (the caller measures the
 * norm and passes `gradient_scale`). Results do not depend on how the arrays are cut into ranges.
 */
#ifndef RT_OPTIM_H
#define RT_OPTIM_H
#include "common/error.h"
#include <jansson.h>
#include <stdint.h>

typedef enum OptimKind { OPTIM_SGD, OPTIM_ADAM, OPTIM_ADAMW, OPTIM_RMSPROP } OptimKind;
typedef struct Optim {
    OptimKind kind;
    double momentum, decay, clip, beta1, beta2, eps, rho;
    bool nesterov;
    int slots;                 /* arrays of state a parameter: 0, 1 or 2 */
    const char *slot_names[2]; /* "momentum", "mean", "square" */
} Optim;

bool optim_open(const json_t *setting, Optim *o, RtError *e);
/* Arrays of one length; slots are NULL where unused. */
typedef struct OptimRange {
    float *weight;
    const float *gradient;
    float *slot[2];
} OptimRange;
typedef struct OptimStep {
    double lr, decay, gradient_scale; /* decay may be 0 for ranges that take none */
    int64_t step;                     /* counts from 1 (bias correction) */
} OptimStep;
/* Updates n weights from their gradients. */
void optim_update(const Optim *o, int64_t n, const OptimRange *r, const OptimStep *s);
#endif
