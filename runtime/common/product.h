/* product.h: matrix products whose factors are rounded to bfloat16, sums in float.
 *
 * For gradients of candidates that are not in use: twice as many products a second as in float, where the
 * processor has them (AVX512_BF16). A factor keeps 8 bits, so a product is off by at most 2^-8 of itself; the
 * errors of the thousands of products of one sum are as often up as down.
 */
#ifndef RT_PRODUCT_H
#define RT_PRODUCT_H
#include <stdbool.h>
#include <stdint.h>

/* Columns low .. high of a row are wanted; what C holds in others afterwards is not defined. */
typedef struct ProductSpan {
    int64_t low, high;
} ProductSpan;

/* One product: C (rows x columns, ldc) = A (rows x inner, lda) times B (columns x inner, ldb) transposed, or
 * added to C. A and B are of bfloat16 (the upper halves of floats). */
typedef struct Product {
    int64_t rows, columns, inner;
    const uint16_t *a, *b;
    int64_t lda, ldb;
    bool add;
    float *c;
    int64_t ldc;
    const ProductSpan *span; /* by row */
} Product;

bool product_bf16_available(void); /* on this processor */
/* Rounds `count` numbers to the nearest bfloat16, ties to even. */
void product_round(const float *from, int64_t count, uint16_t *to);
void product_bf16(const Product *p);
#endif
