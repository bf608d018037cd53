/* frozen.h: the contract between a frozen program's tables and what runs them.
 *
 * All of it is read-only data of the object file (compiler/gen/gen_frozen.c): weights, edges in use, orders
 * of nodes, addresses. Variable data is in the workspace that the caller gives to `forward`, so that any
 * number of threads can run one network, each with a workspace of its own.
 */
#ifndef FROZEN_H
#define FROZEN_H
#include "common/dnwrt.h"
#include "kernel.h"

/* The code for tiles of one number of lanes. */
typedef struct DnwrtPart {
    int64_t lanes, rows, shared, input_row, output_row, local_row,
        stages; /* rows of a tile, the local ones last; elements all samples share */
    const DnwrtStage *stage;
    const DnwrtTime *times; /* by graph; a copy is in the workspace */
} DnwrtPart;

/* parts[0] is for full tiles, parts[1] (lanes 1) for what is left; where there is one part, its last tile is
 * filled up. Every field is eight bytes. */
typedef struct DnwrtFrozen {
    int64_t abi, inputs, outputs, graphs, part_count;
    const void *param;
    const DnwrtWires *wires;
    const DnwrtOrder *orders;
    const DnwrtPart *parts;
    int64_t workspace; /* bytes */
    const char *manifest;
    int64_t (*forward)(const struct DnwrtFrozen *f, const float *input, int64_t count, float *output,
                       void *workspace);
} DnwrtFrozen;

/* What of a batch goes through single samples, because it costs less than a tile
 * (docs/lab/2026-11-26-tiles.md): with maps a sample costs the same either way, of numbers three cost as much
 * as a tile of 64. */
static inline int64_t frozen_left(const DnwrtFrozen *f, int64_t count)
{
    int64_t lanes = f->parts[0].lanes, left = count % lanes;
    return f->part_count > 1 && (lanes < 64 || left < 3) ? left : 0;
}

/* Places in a workspace, one after the other at multiples of 64 bytes. */
typedef struct FrozenRoom {
    char *at; /* NULL: only counted */
    int64_t used;
} FrozenRoom;

static inline void *frozen_take(FrozenRoom *r, int64_t bytes)
{
    char *at = r->at ? r->at + r->used : 0;
    r->used += (bytes + 63) / 64 * 64;
    return at;
}

static inline int64_t frozen_most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What one tile needs. */
typedef struct FrozenWork {
    float *shared, *tile;
    DnwrtTime *times;
} FrozenWork;

static inline FrozenWork frozen_work(const DnwrtFrozen *f, FrozenRoom *r)
{
    FrozenWork w;
    int64_t tile = 0, shared = 0;
    for (int64_t p = 0; p < f->part_count; p++) {
        tile = frozen_most(tile, f->parts[p].rows * f->parts[p].lanes);
        shared = frozen_most(shared, f->parts[p].shared);
    }
    w.tile = frozen_take(r, (tile + 64) * 4);
    w.shared = frozen_take(r, (shared + 16) * 4);
    w.times = frozen_take(r, f->graphs * (int64_t)sizeof(DnwrtTime));
    for (int64_t g = 0; g < f->graphs; g++) {
        const DnwrtTime *t = &f->parts[0].times[g];
        if (r->at) w.times[g].run = 0;
        if (!t->stages) continue;
        DnwrtRun *run = frozen_take(r, sizeof(DnwrtRun));
        if (!r->at) continue;
        run->h = 0; /* no backward pass: steps are not recorded */
        w.times[g].run = run;
    }
    return w;
}
#endif
