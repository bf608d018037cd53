/* compile.h: the compiler as a library: one file in, diagnostics, dumps and an object out.
 *
 * The pass list is compile() in compile.c. Used by main.c, the tests and the fuzzers.
 */
#ifndef DNW_COMPILE_H
#define DNW_COMPILE_H
#include "ast.h"
#include "diag.h"

typedef struct Define { /* -D NAME=VALUE */
    const char *name, *value;
} Define;

typedef struct CompileOptions {
    Vec(Define) defines;
    const char
        *dump; /* stage to print to `out` and stop after: ast model ir grad fuse plan llvm asm; or NULL */
    const char *cpu;            /* "native", "x86-64-v3", ...; NULL: native */
    const char *object;         /* path of the object file to write, or NULL: stop before code generation */
    const char *object_f64;     /* path of a second one, for code in double; NULL: all is in one */
    const char *data_directory; /* --data, for shapes that come from data; or NULL */
    const char *freeze;         /* weights to build into an inference program, or NULL */
    const char *library;        /* of a frozen model: prefix of the functions of a library; NULL: a program */
    int optimize;               /* 0 or 3 */
    int lanes;                  /* of a tile: 1, 8, 16, 64; 0: lanes.c chooses */
    bool plan;                  /* go as far as the plan though nothing is written */
    bool profile;               /* code that measures itself, line by line */
    FILE *out;                  /* of dumps */
} CompileOptions;

typedef struct Compilation {
    Arena *perm;
    Sources *sources;
    Diags *diags;
    CompileOptions options;
    uint32_t file;         /* the main file in sources */
    Ast *ast;              /* after parse */
    struct Model *model;   /* after check; NULL when there were errors */
    struct Ir *ir;         /* after lower .. plan */
    struct Frozen *frozen; /* after freeze */
} Compilation;

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
