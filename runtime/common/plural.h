/* plural.h: the ending of a noun after a number, for messages: "1 output", "2 outputs", "3 classes". */
#ifndef PLURAL_H
#define PLURAL_H

#include <stdint.h>

/* `ending` ("s" or "es") unless the count is 1. */
static inline const char *plural(int64_t count, const char *ending)
{
    return count == 1 ? "" : ending;
}

#endif
