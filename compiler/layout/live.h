/* live.h: which evaluations of a graph in time can matter for an edge, and for a node.
 *
 * Most states start at 0: in the first step their sent values are 0, whatever the weights are, and the edges
 * out of them add nothing. After the last step only what leads to the output is read. Such sums over edges,
 * the gradients of their candidates, and node functions whose results are 0 or unread are left out; every
 * other number stays what it is, bit for bit. With batch_norm nodes move to the last step, because its
 * statistics are kept.
 */
#ifndef DNW_LIVE_H
#define DNW_LIVE_H
#include "model/model.h"

enum { LIVE_ALWAYS = INT32_MAX }; /* to the end */
extern bool live_disabled;        /* tests: nothing is left out */
/* Fills live_first, live_last and sent_last of node sets and of lines of edges. Evaluations are counted from
 * 0, through all positions. */
void live_edges(Graph *g);
/* Of a line: the last evaluation in which its target is read. */
int64_t live_last(const Graph *g, const Bundle *u);
bool live_is_limited(const Graph *g, const Bundle *u);
/* Share of the evaluations in which a line matters; share of the multiply-adds of all candidates that is left
 * out. */
double live_share(const Graph *g, const Bundle *u);
double live_left_out(const Graph *g);
#endif
