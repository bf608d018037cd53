/* terms.h: a node in words, and the largest terms of the sum that reaches it. For the float program. */
#ifndef RT_TERMS_H
#define RT_TERMS_H
#include "net/net_private.h"

/* A number of a node's state or value, of `pixels` that it has. */
typedef struct NetPlace {
    int graph, set;
    int64_t node, pixel, pixels;
} NetPlace;

/* One evaluation of a graph, for one sample of a tile: sent values, clamped input. */
typedef struct NetMoment {
    const float *sent, *held;
    int64_t lane;
} NetMoment;

/* "h[3]", "h[2, 5] (pixel 7 of 64)" */
void terms_node(const NetSet *s, int64_t node, int64_t pixel, int64_t pixels, char *text, size_t size);
/* The sum of a node and the edges in use with its largest terms. `when`: " when that step begins", or "". */
void terms_note(const Net *n, const NetPlace *v, const NetMoment *m, const char *when, char *text,
                size_t size);
#endif
