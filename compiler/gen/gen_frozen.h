/* gen_frozen.h: a frozen model -> one LLVM module. */
#ifndef DNW_GEN_FROZEN_H
#define DNW_GEN_FROZEN_H
#include "freeze/freeze.h"
#include "gen/gen.h"

/* A program (the symbol dnw_program), or with `name` a library (NAME_workspace, NAME_forward). Returns for
 * how many numbers of lanes there is code: the model's, then 1. */
int64_t gen_frozen(Frozen *f, LLVMContextRef context, LLVMModuleRef module, const char *manifest,
                   const char *name);
#endif
