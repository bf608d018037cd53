/* slots.h: lines of edges whose rule asks for numbers of edges in use alone (LineRecord.slots).
 *
 * Such a line keeps weights, optimiser state and marks for its edges in use, by target, of one target by
 * source: NetBundle.candidates is a LIST of them, and all that is done in a step goes through that list.
 * NetBundle.legal tells which edges there may be; events go through it block by block and keep nothing of
 * it. Everything drawn at random depends on the number of a candidate among the legal ones, so that the same
 * edges and weights come out as where every candidate has numbers.
 */
#ifndef RT_SLOTS_H
#define RT_SLOTS_H
#include "net/net_private.h"

/* Room for edges in use; none are. False: out of memory. */
bool slots_allocate(NetBundle *b);
/* The edges in use at the start, and their weights: positions in the list, ascending. */
void slots_fill(Net *n, const NetList *l, const int64_t *positions, int64_t count);
/* After rows and sources were loaded. False: they are not legal edges, ascending, or more than there are
 * slots; then none are in use. */
bool slots_load(NetBundle *b, RtError *e);
/* Number of edge `edge` of the line among the legal candidates. */
int64_t slots_number(const NetBundle *b, int64_t edge);
#endif
