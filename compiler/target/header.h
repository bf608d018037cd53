/* header.h: the C header of a frozen library. */
#ifndef DNW_HEADER_H
#define DNW_HEADER_H
#include "base/compilation.h"

/* "dir/my-net" -> "my_net": what the names of its functions begin with. */
const char *header_prefix(Arena *a, const char *output);
/* Of c->frozen, for the library c->options.library. */
bool header_write(Compilation *c, const char *path);
#endif
