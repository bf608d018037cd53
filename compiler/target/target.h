/* target.h: the processor that a program is built for: `--cpu`. */
#ifndef DNW_TARGET_H
#define DNW_TARGET_H
#include "base/compilation.h"
#include <llvm-c/TargetMachine.h>

typedef struct Target {
    LLVMTargetMachineRef machine;
    char *cpu, *features;    /* LLVM's names */
    Vec(const char *) needs; /* rows of runtime/common/cpu.def that the program asks for at its start */
    int64_t piece_bytes;     /* runtime/kernels/kernel.h */
} Target;

/* False with a diagnostic. */
bool target_open(Compilation *c, Target *t);
void target_close(Target *t);
/* Is this `--cpu` another architecture than the one dnw runs on? Then it is its name, else NULL. */
const char *target_foreign(const char *cpu);
/* Has it registers of 16 floats? NULL: this machine. */
bool target_is_wide(const char *cpu);
#endif
