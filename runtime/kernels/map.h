/* map.h: kernels on maps, for those who call them from C: map.c and its tests.
 *
 * A kernel works on one map for WIDTH samples at once: pixel p's lanes are at x + p * x_step. Rows of a
 * tile have x_step = LANES. `height` and `width` are those of the large map: the argument of the operator, or
 * the result of its gradient.
 */
#ifndef KERNEL_MAP_H
#define KERNEL_MAP_H
#include "kernel.h"

void KERNEL(conv)(const real *x, int64_t x_step, const real *w, real *y, int64_t y_step, int64_t height,
                  int64_t width, int64_t size, int64_t stride, int64_t dilation);
void KERNEL(conv_input)(const real *dy, int64_t dy_step, const real *w, real *dx, int64_t dx_step,
                        int64_t height, int64_t width, int64_t size, int64_t stride, int64_t dilation);
/* dw: size * size vectors of WIDTH lanes, one a tap: each lane's own sum over the pixels. The caller adds up
 * lanes. */
void KERNEL(conv_weight)(const real *x, int64_t x_step, const real *dy, int64_t dy_step, real *dw,
                         int64_t height, int64_t width, int64_t size, int64_t stride, int64_t dilation);
/* The result of tap t begins at pixel t * (pixels of the small map). */
void KERNEL(windows)(const real *x, int64_t x_step, real *y, int64_t y_step, int64_t height, int64_t width,
                     int64_t size, int64_t stride, int64_t dilation);
void KERNEL(windows_back)(const real *dy, int64_t dy_step, real *dx, int64_t dx_step, int64_t height,
                          int64_t width, int64_t size, int64_t stride, int64_t dilation);
void KERNEL(pool_sum)(const real *x, int64_t x_step, real *y, int64_t y_step, int64_t height, int64_t width,
                      int64_t size, int64_t stride);
void KERNEL(pool_spread)(const real *dy, int64_t dy_step, real *dx, int64_t dx_step, int64_t height,
                         int64_t width, int64_t size, int64_t stride);
void KERNEL(pool_max)(const real *x, int64_t x_step, real *y, int64_t y_step, int64_t height, int64_t width,
                      int64_t size, int64_t stride);
void KERNEL(pool_max_back)(const real *x, int64_t x_step, const real *dy, int64_t dy_step, real *dx,
                           int64_t dx_step, int64_t height, int64_t width, int64_t size, int64_t stride);
/* One vector of a run of `count`, `step` apart; or a run of copies of one. */
void KERNEL(reduce_sum)(const real *x, int64_t step, real *y, int64_t count);
void KERNEL(reduce_max)(const real *x, int64_t step, real *y, int64_t count);
void KERNEL(broadcast)(real *y, int64_t step, const real *x, int64_t count);
/* The small map of rows x columns begins at pixel `first` of the large one. */
void KERNEL(crop)(const real *x, int64_t x_step, real *y, int64_t y_step, int64_t width, int64_t rows,
                  int64_t columns, int64_t first);
void KERNEL(pad_map)(const real *x, int64_t x_step, real *y, int64_t y_step, int64_t height, int64_t width,
                     int64_t rows, int64_t columns, int64_t first);
#endif
