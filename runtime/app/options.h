/* options.h: the command line of a compiled program.
 *
 * One table in options.c lists every flag: parsing, ranges, --help and suggestions all come from it. Flags
 * are spelt out in full (an abbreviation would change its meaning when a flag is added). A flag that names an
 * option of the .dnw file is refused with the command that rebuilds the program, since options are compiled
 * in.
 */
#ifndef RT_OPTIONS_H
#define RT_OPTIONS_H
#include "net/program.h"
#include <stdio.h>

typedef enum Command {
    COMMAND_NONE, /* ./NAME --help and --version only */
    COMMAND_TRAIN,
    COMMAND_EVAL,
    COMMAND_PREDICT,
    COMMAND_GRADCHECK,
    COMMAND_INFO,
    COMMAND_EDGES,
    COMMAND_BENCH,
    COMMAND_COUNT,
} Command;

typedef struct Options {
    Command command;
    const char *program; /* argv[0] */
    const char *call;    /* of dnw, when it started this program (see options_call), else NULL */
    int64_t epochs, batch, seed, threads,
        steps; /* -1 when not given; threads: never -1 after options_parse */
    double lr; /* -1 when not given */
    const char *data, *out, *init, *weights, *input, *output; /* NULL when not given; they point into argv */
    bool resume, force, quiet, json, infer, profile, candidates, help, version;
} Options;

/* RT_USAGE on a mistake. With help or version set, nothing else has been required. */
bool options_parse(int argc, char **argv, const Program *program, Options *o, RtError *e);
/* Help on one command, or on the program for COMMAND_NONE. */
void options_help(FILE *out, const Program *program, const Options *o, Command command);
/* How the user calls this command of the program: "./net eval", or "dnw eval net.dnw -D width=8" when dnw has
 * built and started it. dnw says so in DNW_CALL: what stands before the command, a line end, what stands
 * after it. */
void options_call(const Options *o, Command command, char *out, size_t size);
/* Path of the best weights that a run in the usual place has left; false when there are none. */
bool options_trained(const Program *program, char *out, size_t size);
/* The processors this process may use, 1 .. 1024. */
int options_threads(void);

/* The closest of several names to a word, when it is close enough to be meant. Start with {.word = ...}. */
typedef struct Nearest {
    const char *word, *best;
    size_t distance;
} Nearest;
void options_offer(Nearest *n, const char *name);
/* Path of the .dnw file as one word of a shell command: as it was written, or in full when that cannot be
 * read from here. */
void options_source(const Program *p, char *out, size_t size);
/* The options that the program was built with: "" or " -D a=1 -D 'b=f(2)'". */
void options_given(const Program *p, char *out, size_t size);
/* `text` as one word of a shell command, into `out`. */
void options_quote(const char *text, char *out, size_t size);
#endif
