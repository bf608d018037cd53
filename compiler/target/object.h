/* object.h: Ir with plans -> LLVM module with kernels, optimised -> object file, or its text. */
#ifndef DNW_OBJECT_H
#define DNW_OBJECT_H
#include "freeze/freeze.h"
#include "layout/plan.h"

/* Writes c->options.object and object_f64, or prints "llvm" (before optimisation) or "asm" when that is the
 * dump asked for. False after a diagnostic. */
bool object(Compilation *c, const Ir *ir);
/* The same of a frozen model: a program, or with c->options.library a library of that name. */
bool object_frozen(Compilation *c, Frozen *f);
#endif
