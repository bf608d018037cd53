/* product_direct.h: matrix products of few rows and long inner indices, which read their factors where they
 * stand.
 *
 * For gradients of candidates of convolutions: a library packs both factors first, which takes as long as the
 * product where a factor has some tens of rows; and the taps of filters, which share the numbers of a map,
 * would have to be copied before.
 */
#ifndef RT_PRODUCT_DIRECT_H
#define RT_PRODUCT_DIRECT_H
#include <stdbool.h>
#include <stdint.h>

/* The inner index goes through runs of numbers that stand together in both factors, `runs` of them in each of
 * so many lines: of A one behind the other, of B from line to line and from run to run a step apart. */
typedef struct InnerRuns {
    int64_t lines, runs, run, line_step, run_step;
} InnerRuns;

/* C (rows x columns, c_step) = A (rows, a_step) times B transposed, or added to C. Row j of B begins with
 * number first[j] * b_step; first NULL: j * b_step. Numbers are float, or double. */
typedef struct DirectProduct {
    int64_t rows, columns;
    const void *a, *b;
    int64_t a_step, b_step;
    const uint32_t *first;
    InnerRuns inner;
    bool add;
    void *c;
    int64_t c_step;
} DirectProduct;

void product_direct(const DirectProduct *p);
void product_direct_double(const DirectProduct *p);
/* Of floats, with `inner` numbers of plain rows in place of p->inner. */
void product_direct_rows(const DirectProduct *p, int64_t inner);
/* Is it faster than a library's product of plain rows? */
bool product_is_direct(int64_t rows, int64_t columns, int64_t inner);
#endif
