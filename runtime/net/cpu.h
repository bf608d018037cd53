/* cpu.h: has this processor the features a program was built for? Checked at the start, before generated code
 * runs, so that there is no illegal instruction. */
#ifndef RT_CPU_H
#define RT_CPU_H
#include "net/program.h"

/* Does the processor have a feature of cpu.def? */
typedef bool CpuHas(const char *feature);
bool cpu_has(const char *feature);
/* Has it the instructions of AVX-512 that kernels of 16 floats use? */
bool cpu_has_avx512(void);
/* Compares "needs" of the manifest with what `has` says. */
bool cpu_check(const Program *p, CpuHas *has, RtError *e);
extern int64_t cpu_piece_bytes; /* kernels/kernel.h: of the native kernels, which only tests use */
#endif
