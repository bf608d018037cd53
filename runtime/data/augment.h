/* augment.h: training pictures that differ a little each time they are seen.
 *
 * The setting `augment = [pad_crop(4), flip]` of a train block arrives as a list of JSON {"call": NAME,
 * "args": {...}}, in the order in which the changes are made:
 *
 *   resized_crop(least)   a part of the picture with an area drawn evenly from least .. 1 of the whole and
 *                      sides whose ratio, to that of the picture's, is drawn from 3/4 .. 4/3, at a place
 *                      drawn evenly; it is scaled to the old size: a pixel is a mean of four, to 1/256 of one
 *   pad_crop(pixels)   the picture with so many zeros on each side (after scaling: a zero is the mean), and
 *                      from that a part of the old size, at a place drawn evenly
 *   flip               left and right change places, for every second picture
 *
 * resized_crop comes first. All that a change is drawn from is (seed, epoch, sample): threads, batches and
 * resuming do not matter. All changes together are one part (AugmentPart) and one move (AugmentMove) of it,
 * so a picture is read once and no copy of it is made.
 */
#ifndef RT_AUGMENT_H
#define RT_AUGMENT_H
#include "common/error.h"
#include <jansson.h>
#include <stdint.h>

typedef enum AugmentKind { AUGMENT_RESIZED_CROP, AUGMENT_PAD_CROP, AUGMENT_FLIP, AUGMENT_KINDS } AugmentKind;

typedef struct Augment {
    int count; /* 0: pictures stay as they are */
    struct {
        AugmentKind kind;
        int64_t pixels;
        double least;
    } steps[AUGMENT_KINDS]; /* each at most once */
} Augment;

/* The new pixel (y, x) is the old one (top + y, left + x), mirrored (top + y, left - x); zero outside. */
typedef struct AugmentMove {
    int64_t top, left;
    bool mirrored;
} AugmentMove;

/* The part of a picture that is scaled to the whole; rows 0: the picture stays as it is. */
typedef struct AugmentPart {
    int64_t top, left, rows, columns;
} AugmentPart;

/* Where new pixel `i` of `size` stands among the `part` old ones that are scaled to them: from the first of
 * them, in 1/256 of a pixel. */
static inline int64_t augment_place(int64_t i, int64_t part, int64_t size)
{
    const int64_t at = (2 * i + 1) * part * 128 / size - 128, most = (part - 1) * 256;
    return at < 0 ? 0 : at > most ? most : at;
}

/* `setting` may be NULL: no changes. */
bool augment_open(const json_t *setting, Augment *a, RtError *e);
AugmentMove augment_draw(const Augment *a, uint64_t seed, int64_t epoch, int64_t sample, int64_t width);
/* `place` has the height and width of the picture, and the sample and the epoch it is drawn for. */
typedef struct AugmentPlace {
    int64_t height, width, epoch, sample;
} AugmentPlace;
AugmentPart augment_part(const Augment *a, uint64_t seed, AugmentPlace place);
#endif
