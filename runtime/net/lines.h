/* lines.h: the lines of edges of a network: their candidates one by one, with weights, and which are in use.
 */
#ifndef RT_LINES_H
#define RT_LINES_H
#include "net/net.h"

/* A weight of the edges of a line: `components` numbers for each candidate. */
typedef struct NetLineWeight {
    const char *name; /* "w" */
    const float *numbers;
    int64_t components;
} NetLineWeight;

enum { NET_LINE_WEIGHTS = 16 }; /* that are told; an edge function may have more */
typedef struct NetLine {
    const char *name, *port; /* "Wiring.edges.0"; "": the targets have one sum */
    int graph, from, to;     /* its sets are numbers `from` and `to` of the graph */
    const NetGraph *in;
    int64_t candidates, kept; /* as many as the conditions allow; in use */
    int64_t most;             /* that may be in use at once */
    int weight_count,
        decides; /* decides: the weight by which edges are chosen, or the only one that is a single
                                  number; -1: there is none */
    NetLineWeight weights[NET_LINE_WEIGHTS];
} NetLine;
/* Line `number` of all graphs; false: there are no more. */
bool net_line(const Net *n, int number, NetLine *out);

typedef struct NetEdge {
    int64_t source, target; /* row-major numbers of nodes in their sets */
    int64_t at;             /* its numbers begin at `at` * components of each weight */
    bool in_use;
} NetEdge;
/* Calls `visit` for the edges in use of a line (`all`: for all candidates that have numbers), by target, then
 * by source, until it returns false; returns what it returned last. */
typedef bool NetEdgeVisit(void *context, const NetEdge *edge);
bool net_line_edges(const Net *n, int number, bool all, NetEdgeVisit *visit, void *context);

/* Coordinates of a node; how many, 0: its set has none. */
int net_point(const NetSet *s, int64_t node, double *out);
#endif
