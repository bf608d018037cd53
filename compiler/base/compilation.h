/* compilation.h: the input of the compiler and its results so far: one file in, diagnostics, dumps
 * and an object out.
 */
#ifndef DNW_COMPILATION_H
#define DNW_COMPILATION_H
#include "base/diag.h"
#include "base/vec.h"

struct Check;
struct Builtin;
struct Val;

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

/* What a data set told the compiler (data_look.h). */
typedef struct DataLook {
    const char *setting, *learned; /* the setting 'data' as JSON; a text */
} DataLook;

typedef struct Compilation {
    Arena *perm;
    Sources *sources;
    Diags *diags;
    CompileOptions options;
    uint32_t file;         /* the main file in sources */
    struct Ast *ast;       /* after parse */
    struct Model *model;   /* after check; NULL when there were errors */
    struct Ir *ir;         /* after lower .. plan */
    struct Frozen *frozen; /* after freeze */
    Vec(DataLook) looks;   /* after check */
    /* Answers what test blocks ask (question.h). */
    struct Val *(*question)(struct Check *k, const struct Builtin *b, struct Val **args, Span span);
} Compilation;
#endif
