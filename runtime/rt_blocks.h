/* rt_blocks.h: how the gradients of all candidates of a line are cut into matrix products.
 *
 * A product reads both its factors once, so it should not be small; a block of gradients stays in the
 * second-level cache until its weights are updated, and several threads want several blocks. Within a block,
 * rows that want nearly the same columns are one product.
 */
#ifndef RT_BLOCKS_H
#define RT_BLOCKS_H
#include "rt_product.h"
#include "rt_wiring.h"

enum { BLOCK_SIDE = 384 }; /* targets, and sources, of a block at most */

/* Things from .. from + count. */
typedef struct Stretch {
    int64_t from, count;
} Stretch;
/* Nodes in parts of nearly the same size, of BLOCK_SIDE at most. */
int64_t block_parts(int64_t nodes);
Stretch block_cut(int64_t nodes, int64_t i);

/* Blocks that hold candidates, targets first. Of a LIST: parts of the targets, no sources. */
typedef struct BlockPlace {
    Stretch targets, sources;
} BlockPlace;
/* They are allocated; NULL: out of memory. */
BlockPlace *blocks_build(const Candidates *c, int64_t *count);

/* span[i]: the columns (sources, from sources.from on) that hold candidates of target targets.from + i. */
void block_spans(const Candidates *c, Stretch targets, Stretch sources, ProductSpan *span);

/* Rows first .. first + rows of a block, and the columns that some of them want (none: high is 0). */
typedef struct BlockGroup {
    int64_t first, rows;
    ProductSpan wanted;
} BlockGroup;
/* The next rows that one product makes, from `first` on: at most an eighth more than they want. */
BlockGroup block_group(const ProductSpan *span, int64_t rows, int64_t first);
/* All that are left, for a product that skips what nobody wants. */
BlockGroup block_rows(const ProductSpan *span, int64_t rows, int64_t first);
/* Gradients that are computed for all candidates, those that belong to none among them. */
double blocks_made(const Candidates *c, const BlockPlace *blocks, int64_t count);
#endif
