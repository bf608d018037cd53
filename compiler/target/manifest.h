/* manifest.h: the description of a program as JSON (docs/runtime.md): written by the compiler, read by
 * libdnwrt at start. */
#ifndef DNW_MANIFEST_H
#define DNW_MANIFEST_H
#include "common/contract.h"
#include "freeze/freeze.h"
#include "gen/gen.h"
#include "target/target.h"

EdgeRows manifest_edge_rows(const Ir *ir, const Graph *g, const Bundle *u);
/* Bundles of one kind (the number of the first) have gradients that sum over the same pairs of rows, if these
 * stand side by side (runtime/common/blocks.h). */
int manifest_edge_kind(const Ir *ir, const Graph *g, int bundle);

/* The text, in the arena of the Ir. */
const char *manifest(const Ir *ir, const Stages *stages, const Target *target);
/* What commands of a frozen program want to know. */
const char *manifest_frozen(const Frozen *f, const Target *target);
#endif
