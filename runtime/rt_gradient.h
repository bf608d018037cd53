/* rt_gradient.h: a block of gradients of candidates, for the files that compute it. */
#ifndef RT_GRADIENT_H
#define RT_GRADIENT_H
#include "rt_net_private.h"

enum { PANEL = GRADIENT_ROWS, COLUMNS = GRADIENT_COLUMNS };

/* Consecutive targets of one bundle. */
typedef struct Panel {
    Net *n;
    NetBundle *b;
    const NetUpdate *update;    /* NULL: gradients are stored */
    bool more;                  /* and added to those that are there */
    int64_t first, rows, tiles; /* targets first .. first + rows */
    char *scratch;              /* PANEL x COLUMNS, then room for part_multiply */
} Panel;

static inline const char *tile_row(const Net *n, int64_t tile, int64_t row)
{
    return (const char *)n->context.tiles + (tile * n->context.tile_stride + row * n->lanes) * n->real_size;
}

/* rt_gradient_part.c: lists whose rule wants gradients at less cost. */
/* Exact gradients of the edges in use, for the two below; where the rule wants estimates. */
void part_used(Net *n, NetBundle *b, int64_t tiles);
/* scratch (rows x columns) = gradients for sources source .. source + columns. */
void part_multiply(const Panel *p, int64_t source, int64_t columns);
/* out[i] = gradients for candidates first .. first + count, which all lead into one target. */
void part_list(const Panel *p, int64_t target, int64_t first, int64_t count, float *out);
int64_t part_room(void); /* bytes behind the block in Panel.scratch */
#endif
