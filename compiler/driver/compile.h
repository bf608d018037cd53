/* compile.h: the compiler as a library: one file in, diagnostics, dumps and an object out.
 *
 * The pass list is compile() in compile.c. Used by main.c, the tests and the fuzzers.
 */
#ifndef DNW_COMPILE_H
#define DNW_COMPILE_H
#include "front/ast.h"
#include "base/compilation.h"

/* All memory of the result is in the compilation's own arena. */
Compilation *compilation_new(void);
void compilation_free(Compilation *c);

/* What the tiles of the program depend on. */
struct Tiling compile_tiling(const Compilation *c, const struct Model *m);

/* Reads `path` (errors become diagnostics) and runs all passes that the options ask for. False: there were
 * errors, or the object could not be written (also a diagnostic). */
bool compile_file(Compilation *c, const char *path);
/* The same on text in memory. */
bool compile_text(Compilation *c, const char *path, const char *text, size_t length);

/* What `dnw check` prints: a table per graph: candidates, kept, parameters, multiply-adds. */
void compile_report(const Compilation *c, FILE *out);
struct json_t *compile_report_json(const Compilation *c);
/* `dnw gradcheck`: reference interpreter in double; prints a line per model; returns the largest relative
 * error. */
double compile_gradcheck(Compilation *c, FILE *out);
/* `dnw test`: runs the test blocks; prints a line each; returns the number that failed. */
int compile_run_tests(Compilation *c, FILE *out);
#endif
