/* augment.h: training pictures that differ a little each time they are seen.
 *
 * The setting `augment = [pad_crop(4), flip]` of a train block arrives as a list of JSON {"call": NAME,
 * "args": {...}}, in the order in which the changes are made:
 *
 *   pad_crop(pixels)   the picture with so many zeros on each side (after scaling: a zero is the mean), and
 *                      from that a part of the old size, at a place drawn evenly
 *   flip               left and right change places, for every second picture
 *
 * All that a change is drawn from is (seed, epoch, sample): threads, batches and resuming do not matter. All
 * changes together are one move (AugmentMove), so a picture is read once and no copy of it is made.
 */
#ifndef RT_AUGMENT_H
#define RT_AUGMENT_H
#include "common/error.h"
#include <jansson.h>
#include <stdint.h>

typedef enum AugmentKind { AUGMENT_PAD_CROP, AUGMENT_FLIP, AUGMENT_KINDS } AugmentKind;

typedef struct Augment {
    int count; /* 0: pictures stay as they are */
    struct {
        AugmentKind kind;
        int64_t pixels;
    } steps[AUGMENT_KINDS]; /* each at most once */
} Augment;

/* The new pixel (y, x) is the old one (top + y, left + x), mirrored (top + y, left - x); zero outside. */
typedef struct AugmentMove {
    int64_t top, left;
    bool mirrored;
} AugmentMove;

/* `setting` may be NULL: no changes. */
bool augment_open(const json_t *setting, Augment *a, RtError *e);
AugmentMove augment_draw(const Augment *a, uint64_t seed, int64_t epoch, int64_t sample, int64_t width);
#endif
