/* manifest.h: what a program is, as JSON (docs/runtime.md): written by the compiler, read by libdnwrt at
 * start. */
#ifndef DNW_MANIFEST_H
#define DNW_MANIFEST_H
#include "freeze/freeze.h"
#include "gen/gen.h"
#include "target/target.h"

/* Where the runtime finds the values and gradients of a bundle's ends in a training tile; in time: of the
 * first evaluation (or position), and the rows to the next. */
typedef struct EdgeRows {
    int64_t source, source_step, target, target_step; /* source -1: nowhere, nothing is learned */
    int64_t source_pitch, target_pitch;               /* rows from one node to the next */
    bool held, plain;      /* sources that are held, targets that are plain sums at the end: by position */
    int64_t own, own_step; /* what the targets send */
} EdgeRows;
EdgeRows manifest_edge_rows(const Ir *ir, const Graph *g, const Bundle *u);
/* Bundles of one kind (the number of the first) have gradients that sum over the same pairs of rows, if these
 * stand side by side (runtime/common/blocks.h). */
int manifest_edge_kind(const Ir *ir, const Graph *g, int bundle);

/* The text, in the arena of the Ir. */
const char *manifest(const Ir *ir, const Stages *stages, const Target *target);
/* What commands of a frozen program want to know. */
const char *manifest_frozen(const Frozen *f, const Target *target);
#endif
