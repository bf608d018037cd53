/* explain_speed.h: `dnw check --explain-speed`: the kernels of each graph and why, what is slow,
 * and its operations and memory. From a compilation that went as far as its plan. */
#ifndef DNW_EXPLAIN_SPEED_H
#define DNW_EXPLAIN_SPEED_H
#include "driver/compile.h"
#include <jansson.h>

void explain_speed(const Compilation *c, FILE *out);
/* {"lanes", "tile_bytes", "facts", "graphs": {NAME: {"facts", "flop": {...}, ...}}}; a fact is {"topic",
 * "file", "line", "text", "slow"}. */
json_t *explain_speed_json(const Compilation *c);
#endif
