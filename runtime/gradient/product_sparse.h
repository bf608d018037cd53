/* product_sparse.h: matrix products whose first factor holds many zeros, which are left out.
 *
 * For gradients of candidates: nodes that no edge in use leaves have the gradient 0 in all samples, those
 * whose relu is closed in some.
 */
#ifndef RT_PRODUCT_SPARSE_H
#define RT_PRODUCT_SPARSE_H
#include <stdbool.h>
#include <stdint.h>

/* One product: C (rows x columns, ldc) = A (rows x inner, lda) times B (columns x inner, ldb) transposed, or
 * added to C. */
typedef struct SparseProduct {
    int64_t rows, columns, inner;
    const float *a, *b;
    int64_t lda, ldb;
    bool add;
    float *c;
    int64_t ldc;
} SparseProduct;

/* How many numbers are not 0 (NaN counts). */
int64_t product_live(const float *a, int64_t count);
/* Makes it if few enough numbers of A are not 0, whatever stands in B beside zeros; false: nothing was done.
 */
bool product_sparse(const SparseProduct *p);
#endif
