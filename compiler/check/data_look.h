/* data_look.h: what the compiler learns from the files of a data set. The built program depends on it as it
 * does on its sources. */
#ifndef DNW_DATA_LOOK_H
#define DNW_DATA_LOOK_H
#include "base/compilation.h"
#include "data/data.h"

/* data_peek, as for the program `source` with --data `directory`. *learned is a text that differs wherever
 * the result of the look does. */
bool data_look(Arena *a, const char *source, const char *directory, const json_t *setting, Data *data,
               RtError *e, const char **learned);
/* The same for the setting as JSON text; only what was learned. NULL: that is no JSON. */
const char *data_look_again(Arena *a, const char *source, const char *directory, const char *setting);
/* Keeps in c->looks that this was learned. */
void data_look_keep(Compilation *c, const json_t *setting, const char *learned);
#endif
