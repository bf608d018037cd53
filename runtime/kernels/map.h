/* map.h: kernels on maps, for those who call them from C: map.c and its tests.
 *
 * A kernel works on one map for WIDTH samples at once: pixel p's lanes are at x + p * step. Rows of a tile
 * have a step of LANES. Its sizes are those of kernel.h, as far as it asks for them.
 */
#ifndef KERNEL_MAP_H
#define KERNEL_MAP_H
#include "kernel.h"

typedef void MapKernel(const real *restrict x, real *restrict y, const MapSizes *sizes);
typedef void MapKernel2(const real *restrict x, const real *restrict w, real *restrict y,
                        const MapSizes *sizes);

/* w: size * size numbers, the same for all lanes; it has no step. */
MapKernel2 KERNEL(conv), KERNEL(conv_input);
/* Of x and dy: size * size vectors of WIDTH lanes, one a tap: each lane's own sum over the pixels. The caller
 * adds up lanes. */
MapKernel2 KERNEL(conv_weight);
/* The result of tap t begins at pixel t * (pixels of the small map). */
MapKernel KERNEL(windows), KERNEL(windows_back);
MapKernel KERNEL(pool_sum), KERNEL(pool_spread), KERNEL(pool_max);
MapKernel2 KERNEL(pool_max_back); /* of x and dy */
/* The small map of rows x columns begins at pixel `first` of the large one. */
MapKernel KERNEL(crop), KERNEL(pad_map);
/* One vector of a run of `count`, `step` apart; or a run of copies of one. */
void KERNEL(reduce_sum)(const real *x, int64_t step, real *y, int64_t count);
void KERNEL(reduce_max)(const real *x, int64_t step, real *y, int64_t count);
void KERNEL(broadcast)(real *y, int64_t step, const real *x, int64_t count);
#endif
