/* gradient.h: a block of gradients of candidates, for the files that compute it. */
#ifndef RT_GRADIENT_H
#define RT_GRADIENT_H
#include "common/blocks.h"
#include "net/net_private.h"

/* A block of one field. Of a LIST: all sources. */
typedef struct Block {
    Net *n;
    const Field *field;
    BlockPlace place;
    GradientSink *sink;      /* NULL: gradients are stored, or update */
    void *context;           /* of sink */
    const NetUpdate *update; /* NULL: gradients are stored */
    bool more;               /* and added to those that are there */
    int64_t tiles;
    char *scratch; /* targets x sources of the place, BLOCK_SIZE numbers at most */
} Block;

static inline const char *tile_row(const Net *n, int64_t tile, int64_t row)
{
    return (const char *)n->context.tiles + (tile * n->context.tile_stride + row * n->lanes) * n->real_size;
}

/* gradient_rows.c: factors rounded to bfloat16. */
/* Rounds what the products of bundles of a graph (-1: of all without a backward pass in rounds) read. */
void gradient_round_rows(Net *n, int64_t tiles, int graph);
static inline const uint16_t *rounded_row(const Net *n, int64_t tile, int64_t row)
{
    return n->rounded + tile * n->context.tile_stride + row * n->lanes;
}

/* gradient_part.c: lists whose rule wants gradients at less cost. */
/* The part of a tile's rows (or of an evaluation's: `turn` counts both) that this step uses. */
Stretch part_of(const Net *n, const NetBundle *b, int64_t turn);
/* Exact gradients of the edges in use, for the two below and for bundles that have no others. */
void part_used(Net *n, NetBundle *b, int64_t tiles);
/* Puts those of one line in the place of the estimates in scratch. */
void part_put_used(const Block *p, const FieldPart *part);
/* Into scratch: gradients for candidates first .. first + count of a bundle, all into one target. */
void part_list(const Block *p, const NetBundle *b, int64_t target, int64_t first, int64_t count);

/* gradient_used.c: work on the gradients of a bundle that has those of edges in use alone, in pieces. */
int64_t gradient_used_pieces(const NetBundle *b);
/* The gradients of a piece from part_used: update its weights, or are stored; `more`: are added. */
void gradient_used_piece(const Net *n, const NetBundle *b, int64_t piece, const NetUpdate *update, bool more);
#endif
