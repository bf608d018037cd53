/* blocks.h: how the gradients of all candidates are cut into matrix products.
 *
 * A product reads both its factors once, so it should not be small: lines whose sources stand side by side in
 * memory, and whose targets do, are one field, and the gradients of their candidates parts of one matrix. A
 * block of it, rows that want nearly the same columns, is one product; it stays in the second-level cache
 * until its weights are updated, and several threads want several blocks.
 */
#ifndef RT_BLOCKS_H
#define RT_BLOCKS_H
#include "common/product.h"
#include "common/wiring.h"
#include <stdbool.h>

/* Of a block at most. Wide blocks copy less per multiplication. */
enum { BLOCK_TARGETS = 400, BLOCK_SOURCES = 800, BLOCK_SIZE = BLOCK_TARGETS * BLOCK_SOURCES };

/* A step is not made when a number is not finite. Where the tiles hold so many numbers for each parameter,
 * gradients are all stored and checked before any weight changes; else their factors are checked. */
enum { STORED_SHARE = 16 };

/* Things from .. from + count. */
typedef struct Stretch {
    int64_t from, count;
} Stretch;
/* Nodes in parts of nearly the same size, of `most` at most. */
int64_t block_parts(int64_t nodes, int64_t most);
Stretch block_cut(int64_t nodes, int64_t most, int64_t i);

/* Targets and sources of a field. */
typedef struct BlockPlace {
    Stretch targets, sources;
} BlockPlace;

/* The candidates of one line, and the rows of its nodes in a tile. Lines of different kinds stand apart. */
typedef struct FieldLine {
    int number, kind; /* number: the caller's */
    const Candidates *candidates;
    int64_t target_row, target_pitch, source_row, source_pitch; /* pitch: rows from node to node */
} FieldLine;

/* A line of a field: which, and the place of its nodes among those of the field. */
typedef struct FieldPart {
    int line;
    const Candidates *candidates;
    BlockPlace place;
} FieldPart;

/* `blocks`: those that hold candidates, the largest first. Candidates of the form LIST are a field of their
 * own, cut into parts of the targets, no sources. */
typedef struct Field {
    int part_count;
    FieldPart *parts;
    int64_t targets, sources, block_count;
    BlockPlace *blocks;
} Field;

/* The fields of `lines`, allocated; NULL: out of memory. */
Field *fields_build(const FieldLine *lines, int line_count, int *field_count);
void fields_free(Field *fields, int field_count);

BlockPlace block_common(BlockPlace a, BlockPlace b); /* may be empty */
BlockPlace block_hull(BlockPlace a, BlockPlace b);   /* the smallest that holds both */
bool block_is_empty(BlockPlace p);
bool block_is_same(BlockPlace a, BlockPlace b);
/* span[i]: the columns (sources, from place.sources.from on) that hold candidates of target i of the place.
 */
void block_spans(const Field *f, BlockPlace place, ProductSpan *span);

/* Rows first .. first + rows of a block, and the columns that some of them want (none: high is 0). */
typedef struct BlockGroup {
    int64_t first, rows;
    ProductSpan wanted;
} BlockGroup;
/* The next rows that one product makes, from `first` on: at most an eighth more than they want. */
BlockGroup block_group(const ProductSpan *span, int64_t rows, int64_t first);
/* Gradients that are computed for all candidates, those that belong to none among them. */
double field_made(const Field *f);
#endif
