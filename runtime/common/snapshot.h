/* snapshot.h: the file wiring.bin of a run: which edges are in use while it trains, and how strong they are.
 *
 *   8 bytes   "dnwwire1"
 *   4 bytes   n, length of the head; all numbers are little-endian
 *   n bytes   JSON: {"program", "model", "graphs": [{"name", "sets": [{"name", "role": "input", "nodes" or
 *             "output", "dim", "points": one for each node, or missing}]}], "lines": [{"name", "graph",
 *             "from", "to": numbers of the sets, "port", "candidates", "rows", "columns"}]}
 *   then, for each snapshot, 4 bytes: bytes of its stream; 4 bytes: of its content; the stream (zlib) of
 *   8 bytes   f64, the position in the training: epochs, with their fraction
 *   and for each line, one after the other
 *     edges   (rows 0) u32, edges in use; f32, the largest |weight|; for each edge a number of 7 bits a
 *             byte, the lowest first, where the highest bit says that more follow: target * sources + source
 *             of the first edge, then how far the next edge is from the one before; for each edge i8, its
 *             weight as a share of the largest, in 127ths
 *     map     (rows > 0) u32, edges in use; rows x columns numbers of 7 bits a byte: edges in use from each
 *             part of the sources to each part of the targets. Node v of n is in part v * parts / n
 *
 * A snapshot stands for itself, so a run that continues appends to the file what it would have without the
 * stop. A line is a map where more than SNAPSHOT_EDGES may be in use.
 */
#ifndef RT_SNAPSHOT_H
#define RT_SNAPSHOT_H

#define SNAPSHOT_MAGIC "dnwwire1"
#define SNAPSHOT_FILE  "wiring.bin"
enum {
    SNAPSHOT_EDGES = 1 << 16,
    SNAPSHOT_PARTS = 64,
    SNAPSHOT_POINTS = 20000 /* sets with more nodes have no points there */
};
#endif
