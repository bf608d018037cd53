/* cache.h: stores built programs, so that `dnw train FILE` of an unchanged file starts at once.
 *
 * One program for each (place of the file, options, processor), in $XDG_CACHE_HOME/dnw or ~/.cache/dnw. A
 * later build of the same file replaces it, so the cache does not grow with edits. A program is fresh while
 * the list beside it still holds: its own bytes, those of every source that went into it, what the
 * compiler learned from its data, and size and time of dnw and libdnwrt. Only what nobody else can have
 * written is run: directories and files that belong to this user and that others may not write.
 */
#ifndef DNW_CACHE_H
#define DNW_CACHE_H
#include "driver/compile.h"

typedef struct CacheEntry {
    const char *program; /* path of the program; its directory exists */
    const char *inputs;  /* path of the list beside it */
    const char *source;  /* path of the file, as the user gave it */
} CacheEntry;

/* `name` is the program's file name. False and *why: there is no directory for it, or not one to be trusted.
 */
bool cache_open(Arena *a, const char *path, const char *name, const CompileOptions *options,
                CacheEntry *entry, const char **why);
bool cache_fresh(Compilation *c, const CacheEntry *entry);
/* Before a build: the list goes, so that an interrupted build is not taken for a program. */
void cache_forget(const CacheEntry *entry);
/* After a build by `c`. */
bool cache_keep(Compilation *c, const CacheEntry *entry);
#endif
