/* link.h: object files + libdnwrt -> program.
 *
 * The C compiler driver is the linker: $DNW_CC, or the first of gcc, cc and clang-19 that there is. Runtime,
 * jansson and zlib go in statically, so that a program needs only the C library (and OpenBLAS, which it opens
 * by itself when there is one). Run without a shell.
 */
#ifndef DNW_LINK_H
#define DNW_LINK_H
#include "base/compilation.h"

/* Writes `output` from c->options.object (and object_f64) under a temporary name and renames it. False with a
 * diagnostic that holds the linker's words. */
bool link_program(Compilation *c, const char *output);

/* A file that is written to its place: it is on the disk before it has its name. False with errno. */
bool link_place(const char *temporary, const char *path);

/* Path of libdnwrt.a: $DNW_RUNTIME, else ../lib/dnw beside the running dnw, else the build tree. The file
 * need not exist. */
const char *link_runtime(Arena *a);
/* A static library of one object file. */
bool link_archive(Compilation *c, const char *object, const char *output);
#endif
