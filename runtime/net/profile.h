/* profile.h: where the time of a program goes that was built to be measured (`dnw bench FILE --profile`).
 *
 * Generated code calls dnwrt_lap after each of its pieces, and the runtime does around its work for a
 * tile: the time since the last call of the same thread belongs to that row. Rows: those of the manifest's
 * "profile.rows", then one for the candidates of each bundle ("profile.edges"), then those of the runtime's
 * own work. Other programs never open a table, and nothing is measured.
 */
#ifndef RT_PROFILE_H
#define RT_PROFILE_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROFILE_START = -1 }; /* the clock starts; no row */
void dnwrt_lap(int64_t row);

/* A part of the time since the last call, 1: the rest of it, belongs to that row. */
void profile_part(int64_t row, double part);

/* Work for several threads began at `start`, by profile_clock, and is done: since its last lap each thread
 * that was ready waited for the others. */
uint64_t profile_clock(void);
void profile_waited(uint64_t start);

/* Makes the table, one a process. `profile`: of the manifest. False: not enough memory. */
bool profile_open(const json_t *profile, int threads);
void profile_close(void);
bool profile_is_open(void);
/* Rows of the runtime's own work. */
int64_t profile_edges(int bundle);
int64_t profile_ahead(void); /* samples of the next step, while gradients are made */
int64_t profile_fill(void);  /* samples into a tile */
int64_t profile_right(void); /* how many samples of a tile are right */

int64_t profile_rows(void);
/* {"file", "first", "last", "what", "when", "seconds", "calls"}; seconds of all threads, without what reading
 * the clock takes. NULL: it never ran. */
json_t *profile_line(int64_t row);
/* The same for what threads waited behind this row until all were done. */
json_t *profile_wait_line(int64_t row);
/* Seconds that reading the clock took for this row, about. */
double profile_clock_cost(int64_t row);
#endif
