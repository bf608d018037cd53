/* forward.c: a frozen network on a batch: samples into tiles, the stages, outputs back. See frozen.h.
 *
 * Nothing is allocated, printed or kept: all that changes lies in the workspace.
 */
#include "frozen.h"
#include "quad.h"

#ifndef DNW_REAL_IS_DOUBLE

int64_t KERNEL(forward)(const DnwrtFrozen *f, const float *input, int64_t count, float *output,
                        void *workspace);

typedef struct Tile {
    const DnwrtFrozen *frozen;
    const DnwrtPart *part;
    const float *input;
    float *output;
    int64_t count; /* samples in it */
} Tile;

/* Lanes behind the last sample repeat it, so that they hold numbers like any other. */
static const float *sample(const Tile *t, int64_t lane)
{
    return t->input + (lane < t->count ? lane : t->count - 1) * t->frozen->inputs;
}

static void fill(const Tile *t, float *rows)
{
    int64_t lanes = t->part->lanes, inputs = t->frozen->inputs, whole = lanes % 4 ? 0 : inputs / 4 * 4;
    for (int64_t lane = 0; lane < lanes && whole; lane += 4) {
        const float *x[4] = {sample(t, lane), sample(t, lane + 1), sample(t, lane + 2), sample(t, lane + 3)};
        for (int64_t i = 0; i < whole; i += 4) {
            Quad m[4];
            for (int k = 0; k < 4; k++) m[k] = *(const Quad *)(x[k] + i);
            quad_turn(m);
            for (int k = 0; k < 4; k++) *(Quad *)(rows + (i + k) * lanes + lane) = m[k];
        }
    }
    for (int64_t i = whole; i < inputs; i++)
        for (int64_t lane = 0; lane < lanes; lane++) rows[i * lanes + lane] = sample(t, lane)[i];
}

/* 0, or 1 when a graph in time could not go on. */
static int64_t run_tile(const Tile *t, const FrozenWork *w)
{
    const DnwrtFrozen *f = t->frozen;
    const DnwrtPart *p = t->part;
    DnwrtContext c = {.param = (void *)f->param,
                      .shared = w->shared,
                      .tiles = w->tile,
                      .count = t->count,
                      .wires = f->wires,
                      .order = f->orders,
                      .time = w->times,
                      .local = w->tile + p->local_row * p->lanes};
    for (int64_t g = 0; g < f->graphs; g++) {
        DnwrtRun *run = w->times[g].run;
        w->times[g] = p->times[g];
        w->times[g].run = run;
        if (p->times[g].stages) run->replay = run->failure = 0;
    }
    if (p->input_row >= 0) fill(t, w->tile + p->input_row * p->lanes);
    for (int64_t s = 0; s < p->stages; s++) p->stage[s].code(&c, 0, p->stage[s].addresses);
    for (int64_t lane = 0; lane < t->count; lane++)
        for (int64_t i = 0; i < f->outputs; i++)
            t->output[lane * f->outputs + i] = w->tile[(p->output_row + i) * p->lanes + lane];
    for (int64_t g = 0; g < f->graphs; g++)
        if (p->times[g].stages && w->times[g].run->failure) return 1;
    return 0;
}

int64_t KERNEL(forward)(const DnwrtFrozen *f, const float *input, int64_t count, float *output,
                        void *workspace)
{
    FrozenRoom room = {(char *)(((uintptr_t)workspace + 63) / 64 * 64), 0};
    FrozenWork w = frozen_work(f, &room);
    int64_t left = frozen_left(f, count), failed = 0;
    for (int64_t at = 0, size; at < count; at += size) {
        const DnwrtPart *part = &f->parts[at < count - left ? 0 : 1];
        int64_t end = at < count - left ? count - left : count;
        size = end - at < part->lanes ? end - at : part->lanes;
        Tile t = {f, part, input + at * f->inputs, output + at * f->outputs, size};
        failed |= run_tile(&t, &w);
    }
    return failed;
}
#endif
