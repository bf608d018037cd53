/* lower.h: Model -> Ir. Layers become pointwise and tensor operators, once for training and once for use.
 *
 * train: result 0 "loss" (mean over the samples of the step), 1 "output", then "set NAME" for kept
 * statistics. infer: result 0 "output", 1 "loss" (sum over samples) when there is a train block.
 */
#ifndef DNW_LOWER_H
#define DNW_LOWER_H
#include "model/model.h"

Ir *lower(Model *m);
#endif
