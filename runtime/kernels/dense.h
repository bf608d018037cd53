/* dense.h: sums over nodes that all read the same run of neighbours: dense.c, called by gather.c. */
#ifndef KERNEL_DENSE_H
#define KERNEL_DENSE_H
#include "kernel.h"

/* `count` nodes, those listed or 0 .. count, of `edges` edges each, whose weights stand one after the other:
 * of node v from weight[row[v]] on. Edge e of a node reads `block` numbers, e * step behind rows, or with
 * `first` from row first[e] of these on; sums of node v are at out + v * out_step. `fresh`: they start at 0.
 */
typedef struct DenseSums {
    const uint32_t *nodes, *row, *first;
    const real *weight, *rows;
    real *out;
    int64_t count, edges, step, out_step, block, fresh;
} DenseSums;

/* How many numbers of each block it has summed, from the first on. */
int64_t KERNEL(dense)(const DenseSums *d);
#endif
