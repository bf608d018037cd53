/* augment.c: reads the setting, draws moves (contract in augment.h). */
#include "data/augment.h"
#include "common/rng.h"
#include <math.h>
#include <string.h>

static const char *const names[AUGMENT_KINDS] = {
    [AUGMENT_RESIZED_CROP] = "resized_crop", [AUGMENT_PAD_CROP] = "pad_crop", [AUGMENT_FLIP] = "flip"};

static bool read_step(const json_t *setting, Augment *a, RtError *e)
{
    const char *name = json_string_value(json_object_get(setting, "call"));
    int kind = 0;

    while (name && kind < AUGMENT_KINDS && strcmp(names[kind], name) != 0) kind++;
    if (!name || kind == AUGMENT_KINDS)
        return rt_fail(e, RT_BAD_INPUT, "augment: no change of pictures is named '%s'", name ? name : "");
    for (int i = 0; i < a->count; i++)
        if ((int)a->steps[i].kind == kind)
            return rt_fail(e, RT_BAD_INPUT, "augment: '%s' is given twice", name);
    if (kind == AUGMENT_RESIZED_CROP && a->count)
        return rt_fail(e, RT_BAD_INPUT, "augment: 'resized_crop' is not the first change");
    const json_t *args = json_object_get(setting, "args");
    a->steps[a->count].kind = kind;
    a->steps[a->count].least = json_number_value(json_object_get(args, "least"));
    a->steps[a->count++].pixels = json_integer_value(json_object_get(args, "pixels"));
    return true;
}

bool augment_open(const json_t *setting, Augment *a, RtError *e)
{
    size_t i;
    const json_t *step;

    *a = (Augment){0};
    json_array_foreach(setting, i, step)
    {
        if (!read_step(step, a, e)) return false;
    }
    return true;
}

/* Evenly from -most .. most (Lemire 2019 without the rejection: the bias is under 2^-20). */
static int64_t draw_shift(uint32_t word, int64_t most)
{
    return (int64_t)((uint64_t)word * (uint64_t)(2 * most + 1) >> 32) - most;
}

/* From the last change to the first, each says where its pixels were before it. */
AugmentMove augment_draw(const Augment *a, uint64_t seed, int64_t epoch, int64_t sample, int64_t width)
{
    AugmentMove move = {0};
    Rng4 r = rng_words(seed, RNG_AUGMENT + ((uint64_t)epoch << 8), (uint64_t)sample);

    for (int i = a->count - 1; i >= 0; i--) {
        if (a->steps[i].kind == AUGMENT_PAD_CROP) {
            move.top += draw_shift(r.v[0], a->steps[i].pixels);
            move.left += draw_shift(r.v[1], a->steps[i].pixels);
        } else if (a->steps[i].kind == AUGMENT_FLIP && r.v[2] >> 31) {
            move.mirrored = !move.mirrored;
            move.left = width - 1 - move.left;
        }
    }
    return move;
}

static double share(uint32_t word)
{
    return (double)word * 0x1p-32;
}

static int64_t side(double pixels, int64_t most)
{
    const int64_t n = (int64_t)floor(pixels + 0.5);
    return n < 1 ? 1 : n > most ? most : n;
}

AugmentPart augment_part(const Augment *a, uint64_t seed, AugmentPlace p)
{
    if (a->count == 0 || a->steps[0].kind != AUGMENT_RESIZED_CROP) return (AugmentPart){0};
    const Rng4 r = rng_words(seed, RNG_AUGMENT + ((uint64_t)p.epoch << 8), ~(uint64_t)p.sample);
    const double least = a->steps[0].least, part = sqrt(least + (1 - least) * share(r.v[0])),
                 stretch = exp((share(r.v[1]) - 0.5) * log(4.0 / 3));
    const int64_t rows = side((double)p.height * part / stretch, p.height),
                  columns = side((double)p.width * part * stretch, p.width);
    return (AugmentPart){(int64_t)(share(r.v[2]) * (double)(p.height - rows + 1)),
                         (int64_t)(share(r.v[3]) * (double)(p.width - columns + 1)), rows, columns};
}
