/* builtin.h: the built-in names and their parameters, from builtin.def. */
#ifndef DNW_BUILTIN_H
#define DNW_BUILTIN_H
#include "base/vec.h"
#include <stdbool.h>

typedef enum BuiltinKind {
    KIND_POINT,
    KIND_LAYER,
    KIND_MAP,
    KIND_GEOM,
    KIND_DIST,
    KIND_BUDGET,
    KIND_TIME,
    KIND_SOLVER,
    KIND_DATA,
    KIND_OPTIM,
    KIND_SCHEDULE,
    KIND_LOSS,
    KIND_AUGMENT,
    KIND_METRIC,
    KIND_CHECK,
    KIND_RULE,
    KIND_WORD,
    KIND_LATER
} BuiltinKind;

enum { BUILTIN_PARAMS = 12 }; /* most of one built-in */

typedef struct BuiltinParam {
    const char *name;
    const char *fallback; /* text of the default, or NULL when it must be given */
} BuiltinParam;

typedef struct Builtin {
    const char *name;
    BuiltinKind kind;
    const char *signature; /* as in the table */
    bool variadic;         /* "..." */
    int count;
    BuiltinParam params[BUILTIN_PARAMS];
} Builtin;

/* NULL when there is none. */
const Builtin *builtin_find(const char *name);
int builtin_count(void);
const Builtin *builtin_at(int i);
#endif
