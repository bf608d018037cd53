/* manifest.h: what a program is, as JSON (docs/runtime.md): written by the compiler, read by libdnwrt at
 * start. */
#ifndef DNW_MANIFEST_H
#define DNW_MANIFEST_H
#include "freeze.h"
#include "gen.h"
#include "target.h"

/* The text, in the arena of the Ir. */
const char *manifest(const Ir *ir, const Stages *stages, const Target *target);
/* What commands of a frozen program want to know. */
const char *manifest_frozen(const Frozen *f, const Target *target);
#endif
