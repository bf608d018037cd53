/* data_look.h: shapes that the compiler reads from the files of a data set. The built program depends on it
 * as it does on its sources. */
#ifndef DNW_DATA_LOOK_H
#define DNW_DATA_LOOK_H
#include "base/compilation.h"
#include "data/data.h"

typedef struct DataPlace {
    const char *source;    /* the program: its files are looked for beside it */
    const char *directory; /* of --data, or NULL */
    int64_t whole;         /* DataContext.whole */
} DataPlace;

/* data_peek, as for a program. *learned is a text that differs wherever
 * the result of the look does. */
bool data_look(Arena *a, DataPlace place, const json_t *setting, Data *data, RtError *e,
               const char **learned);
/* The same for the setting as JSON text; only what was learned. NULL: that is no JSON. */
const char *data_look_again(Arena *a, DataPlace place, const char *setting);
/* Keeps in c->looks that this was learned. */
void data_look_keep(Compilation *c, const json_t *setting, const char *learned);
#endif
