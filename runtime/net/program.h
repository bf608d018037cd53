/* program.h: the manifest of a compiled program, opened.
 *
 * The manifest is JSON text inside the program (docs/runtime.md). This module checks the part that every
 * command needs and leaves the rest (parameters, stages) to net.c. Strings point into the JSON and live as
 * long as it.
 */
#ifndef RT_PROGRAM_H
#define RT_PROGRAM_H
#include "common/contract.h"
#include "common/dnwrt.h"
#include "common/error.h"
#include <jansson.h>

typedef struct Program {
    const DnwrtProgram *code;
    json_t *manifest;
    ProgramHead head;       /* of the manifest */
    const json_t *settings; /* of the train block; NULL when the file has none */
} Program;

/* Fails with RT_BAD_INPUT when the manifest is damaged or the program was made for another version of the
 * library. */
bool program_open(Program *p, const DnwrtProgram *code, RtError *e);
void program_close(Program *p);

/* The option NAME of the file, or NULL. */
const ProgramOption *program_option(const Program *p, const char *name);
/* A setting of the train block, or NULL. */
const json_t *program_setting(const Program *p, TrainSetting setting);
/* One that is a whole number, or `otherwise`. */
int64_t program_whole(const Program *p, TrainSetting setting, int64_t otherwise);
/* Are the labels classes (cross_entropy), or numbers? Programs without a train block count as numbers. */
bool program_has_classes(const Program *p);
/* Numbers of a sample: the input, the output. */
int64_t program_inputs(const ProgramHead *h);
int64_t program_outputs(const ProgramHead *h);
/* FNV-1a of all that a run must share with the program that continues it: model, parameters, shapes, values
 * of options, settings other than batch, epochs, seed and report (a checkpoint stores the first three apart).
 */
uint64_t program_fingerprint(const Program *p);
#endif
