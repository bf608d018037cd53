/* command.h: what each sub-command of dnw does, after main.c has read its arguments.
 *
 * A handler prints its result to stdout and messages to stderr and returns the exit code; nothing exits.
 */
#ifndef DNW_COMMAND_H
#define DNW_COMMAND_H
#include "driver/compile.h"

enum { EXIT_DONE = 0, EXIT_ERRORS = 1, EXIT_WRONG_USAGE = 2, EXIT_SYSTEM = 3 };

typedef struct CommandArgs {
    Arena *arena;
    const char *dnw, *command;     /* argv[0], "train" */
    Vec(const char *) files;       /* FILE, NAME or CODE: as many as the command's row allows */
    Vec(const char *) rest;        /* for the built program, in order */
    Vec(Define) defines;           /* -D */
    const char *output;            /* -o, or NULL */
    const char *cpu, *dump, *data; /* --cpu, --dump, --data, or NULL */
    int lanes;                     /* --lanes, or 0 */
    bool unoptimized;              /* -O0 */
    const char *emit;              /* --emit, or NULL */
    bool freeze;                   /* --freeze */
    const char *weights;           /* --weights, or NULL */
    bool json;                     /* --json */
    bool check;                    /* --check */
    bool explain_speed;            /* --explain-speed */
    bool profile;                  /* --profile */
} CommandArgs;

typedef int CommandHandler(const CommandArgs *a);

CommandHandler command_check, command_build, command_gradcheck, command_test;
/* train, eval, predict, edges, info, bench: builds into the cache unless it is there, then becomes the
 * program. */
CommandHandler command_run;
CommandHandler command_fmt, command_explain, command_new;
/* command_report.c: runs as one HTML page. */
CommandHandler command_report;
/* A command of the language page that this release does not have. */
CommandHandler command_absent;

/* "error: ..." on stderr, then "help: ..." unless help is NULL; returns `code`. */
int command_fail(int code, const char *help, const char *format, ...) __attribute__((format(printf, 3, 4)));
#endif
