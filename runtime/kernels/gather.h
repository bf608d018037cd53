/* gather.h: sums over edges, for those who call them from C: gather.c, which says what they compute, and its
 * tests.
 */
#ifndef KERNEL_GATHER_H
#define KERNEL_GATHER_H
#include "kernel.h"

/* Of `count` nodes: those listed, or NULL: the first ones. */
typedef void Gather(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                    real *out, const GatherSizes *sizes, int64_t fresh);
Gather KERNEL(gather), KERNEL(gather_back), KERNEL(gather_taps), KERNEL(gather_taps_back);
void KERNEL(gather_back_dots)(const DnwrtWires *wires, const uint32_t *nodes, int64_t count, const real *rows,
                              real *out, const GatherSizes *sizes, const GatherDots *dots);
#endif
