/* blas.h: OpenBLAS, loaded when a net that trains is made.
 *
 * It is loaded by name and not linked, so that the runtime can first choose its kernels: OpenBLAS 0.3.21 does
 * not know newer AMD processors and takes AVX2 kernels where AVX-512 ones are 1.9 times as fast.
 * OPENBLAS_CORETYPE set by the user stays. It runs single-threaded: the runtime cuts the work itself, so that
 * results do not depend on threads.
 */
#ifndef RT_BLAS_H
#define RT_BLAS_H
#include "common/error.h"
#include <stdint.h>

enum { BLAS_BUFFER = 128 << 20 }; /* bytes that it maps for each thread */

/* RT_SYSTEM when it is not there or there is no memory for it. */
bool blas_open(RtError *e);
/* Takes what so many threads need that multiply at the same time; RT_SYSTEM when there is no memory. */
bool blas_reserve(int threads, RtError *e);
/* C (rows x columns) = A (rows x inner) times B (columns x inner) transposed, or added to C; numbers from one
 * row to the next of each. */
typedef struct BlasProduct {
    int rows, columns, inner, a_step, b_step, c_step;
    bool add;
} BlasProduct;
void blas_sgemm_nt(const BlasProduct *p, const float *a, const float *b, float *c);
void blas_dgemm_nt(const BlasProduct *p, const double *a, const double *b, double *c);
/* "SkylakeX", ...; "none" before blas_open. */
const char *blas_kernels(void);
#endif
