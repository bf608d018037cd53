/* library.h: declarations that every program can name: lib/rules.dnw, carried inside dnw. */
#ifndef DNW_LIBRARY_H
#define DNW_LIBRARY_H
#include <stddef.h>

#define LIBRARY_PATH "lib/rules.dnw" /* in messages */
const char *library_text(size_t *length);
#endif
