/* edges_table.h: all lines of edges of a network as a table in a file, for the command edges.
 *
 *   .csv      text with a header. source, target, weight, in_use, line, source_set, source_index, target_set,
 *             target_index, port, source_point, target_point, then further weights of edge functions by name.
 *             Several numbers in a cell (indices, points, arrays) are separated by a blank
 *   .npy      an array of records of NumPy: source, target (<i8), weight (<f4), in_use (|b1), line (|S)
 *   .graphml  nodes of all sets with index and point, then the edges (graphml.graphdrawing.org)
 *
 * source and target are row-major numbers of nodes in their sets. `weight` is the one that decides which
 * edges are in use, or the only one that is a single number; else the cell is empty (.npy: NaN). Weights have
 * nine digits, which give the same float again. Edges are written one by one; no table is held in memory.
 */
#ifndef RT_EDGES_TABLE_H
#define RT_EDGES_TABLE_H
#include "app/session.h"

/* RT_USAGE: no such format. */
bool edges_table_format(const char *path, RtError *e);
/* Edges in use; all: candidates, too. The file appears under its name when it is whole. *count: of edges. */
bool edges_table_write(const Session *s, const char *path, bool all, int64_t *count, RtError *e);
#endif
