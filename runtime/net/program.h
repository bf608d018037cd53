/* program.h: the manifest of a compiled program, opened.
 *
 * The manifest is JSON text inside the program (docs/runtime.md). This module checks the part that every
 * command needs and leaves the rest (parameters, stages) to net.c. Strings point into the JSON and live as
 * long as it.
 */
#ifndef RT_PROGRAM_H
#define RT_PROGRAM_H
#include "common/dnwrt.h"
#include "common/error.h"
#include <jansson.h>

typedef struct Program {
    const DnwrtProgram *code;
    json_t *manifest;
    const char *name;      /* "fashion" */
    const char *source;    /* path of the .dnw file as it was compiled */
    const char *directory; /* where that file lies: relative data paths start here */
    const char *model;
    const char *version;    /* of the compiler */
    const char *cpu;        /* that the code was made for */
    const json_t *options;  /* [{"name", "value", "help"}]; never NULL */
    const json_t *settings; /* of the train block; NULL when the file has none */
} Program;

/* Fails with RT_BAD_INPUT when the manifest is damaged or the program was made for another version of the
 * library. */
bool program_open(Program *p, const DnwrtProgram *code, RtError *e);
void program_close(Program *p);

/* The option NAME of the file, or NULL. */
const json_t *program_option(const Program *p, const char *name);
/* Text of an option's value as it is written in a .dnw file; the caller frees it. */
char *program_option_value(const json_t *option);
/* Whole-number setting of the train block, or `otherwise`. */
int64_t program_setting(const Program *p, const char *name, int64_t otherwise);
/* Are the labels classes (cross_entropy), or numbers? Programs without a train block count as numbers. */
bool program_has_classes(const Program *p);
/* Product of the manifest's "input" or "output" shape. */
int64_t program_size(const Program *p, const char *which);
/* FNV-1a of all that a run must share with the program that continues it: model, parameters, shapes, values
 * of options, settings other than batch, epochs, seed and report (a checkpoint stores the first three apart).
 */
uint64_t program_fingerprint(const Program *p);
#endif
