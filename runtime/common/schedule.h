/* schedule.h: a number that changes during training (a learning rate).
 *
 * JSON: a plain number, or {"call": NAME, "args": {...}} with every argument present:
 *   cosine(peak, warmup, floor)      ramp rise over `warmup` epochs, then half a cosine from peak to floor
 *   drops(start, factor, epochs)     times factor at each epoch listed
 *   ramp(start, end, epochs)         straight line over all epochs, or from the first to the second of a list
 *   exponential(start, factor)       times factor each epoch, continuously
 * Evaluated at each step: `epoch` is the exact position, step / steps_per_epoch, from 0 up to `epochs`.
 */
#ifndef RT_SCHEDULE_H
#define RT_SCHEDULE_H
#include "common/error.h"
#include <jansson.h>

bool schedule_check(const json_t *setting, RtError *e);
/* `scale` replaces the peak or start when >= 0 (--lr); the shape of the schedule stays. */
double schedule_at(const json_t *setting, double epoch, double epochs, double scale);
#endif
