/* train_state.c: the state of a run to and from the metadata of a checkpoint. One row per field. */
#include "app/train.h"
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum FieldKind { FIELD_WHOLE, FIELD_REAL, FIELD_HASH } FieldKind;

static const struct Field {
    const char *key;
    FieldKind kind;
    size_t offset;
    double low, high; /* values allowed */
} fields[] = {
#define ROW(kind, name, low, high)                                                                           \
    {                                                                                                        \
#name, kind, offsetof(TrainState, name), low, high                                                   \
    }
#define COUNT(name)     ROW(FIELD_WHOLE, name, 0, 0x1p53) /* sums of these cannot overflow */
#define REAL(name, low) ROW(FIELD_REAL, name, low, INFINITY)
    ROW(FIELD_HASH, fingerprint, 0, INFINITY),
    ROW(FIELD_WHOLE, seed, 0, INFINITY),
    ROW(FIELD_WHOLE, batch, 1, 1000000),
    ROW(FIELD_WHOLE, epochs, 1, 1000000),
    REAL(lr, -1),
    ROW(FIELD_WHOLE, samples, 1, 0x1p53),
    COUNT(classes),
    COUNT(epoch),
    COUNT(step),
    REAL(loss_sum, -INFINITY),
    COUNT(seen),
    COUNT(correct),
    COUNT(judged),
    COUNT(swapped),
    COUNT(idle),
    REAL(best, -INFINITY),
    REAL(best_test, -INFINITY),
    COUNT(best_epoch),
    COUNT(best_kept),
    REAL(seconds, 0),
    REAL(epoch_seconds, 0),
    COUNT(log_bytes),
    COUNT(wiring_bytes),
    COUNT(flow_tiles),
    COUNT(evaluations),
    COUNT(accepted),
    COUNT(rejected),
#undef COUNT
#undef REAL
#undef ROW
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

json_t *train_pack(const TrainState *t, const char *program)
{
    json_t *metadata = json_pack("{s:s, s:s}", "format", "dnw", "program", program);
    for (int i = 0; metadata && i < FIELD_COUNT; i++) {
        const void *at = (const char *)t + fields[i].offset;
        char text[64] = "";
        switch (fields[i].kind) {
        case FIELD_WHOLE: snprintf(text, sizeof text, "%lld", (long long)*(const int64_t *)at); break;
        case FIELD_REAL: snprintf(text, sizeof text, "%a", *(const double *)at); break;
        case FIELD_HASH:
            snprintf(text, sizeof text, "%016llx", (unsigned long long)*(const uint64_t *)at);
            break;
        }
        json_object_set_new(metadata, fields[i].key, json_string(text));
    }
    return metadata;
}

static bool read_field(const struct Field *f, const char *text, void *at)
{
    char *end;
    double size;
    errno = 0;
    if (f->kind == FIELD_WHOLE) size = (double)(*(int64_t *)at = strtoll(text, &end, 10));
    else if (f->kind == FIELD_REAL) size = *(double *)at = strtod(text, &end);
    else size = (double)(*(uint64_t *)at = strtoull(text, &end, 16));
    return end != text && !*end && errno != ERANGE && isfinite(size) && size >= f->low && size <= f->high;
}

bool train_unpack(TrainState *t, const Checkpoint *c, RtError *e)
{
    *t = (TrainState){0};
    for (int i = 0; i < FIELD_COUNT; i++) {
        const char *text = checkpoint_text(c, fields[i].key);
        if (!text)
            return rt_fail(e, RT_BAD_INPUT,
                           "%s: byte 8: metadata has no '%s', so no run can continue from it", c->path,
                           fields[i].key);
        if (!read_field(&fields[i], text, (char *)t + fields[i].offset))
            return rt_fail(e, RT_BAD_INPUT, "%s: byte 8: metadata has a bad '%s'", c->path, fields[i].key);
    }
    int64_t steps = t->samples / t->batch + (t->samples % t->batch != 0);
    bool possible = t->epoch <= t->epochs && t->step <= steps && (t->epoch < t->epochs || !t->step) &&
                    t->seen <= t->samples && t->best_epoch <= t->epoch;
    return possible || rt_fail(e, RT_BAD_INPUT, "%s: byte 8: metadata contradicts itself", c->path);
}
