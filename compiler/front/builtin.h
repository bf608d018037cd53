/* builtin.h: the built-in names and their parameters, from builtin.def. */
#ifndef DNW_BUILTIN_H
#define DNW_BUILTIN_H
#include "base/vec.h"
#include <stdbool.h>

typedef enum BuiltinKind {
    KIND_POINT,
    KIND_LAYER,
    KIND_MAP,
    KIND_LIST,
    KIND_GEOM,
    KIND_DIST,
    KIND_BUDGET,
    KIND_PAIRS,
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
    KIND_EVENT,
    KIND_WORD
} BuiltinKind;

/* BUILTIN_linear and so on: places in the table. */
typedef enum BuiltinId {
#define BUILTIN(name, kind, params) BUILTIN_##name,
#include "front/builtin.def"
#undef BUILTIN
    BUILTIN_COUNT
} BuiltinId;

enum { MOST_PARAMS = 16 }; /* of one built-in */

typedef enum ParamKind {
    PARAM_VALUE,
    PARAM_FUNCTION,  /* f(): F(args) waits for its first argument */
    PARAM_FUNCTIONS, /* f[]: a list of such */
} ParamKind;

typedef struct BuiltinParam {
    const char *name;
    ParamKind kind;
    const char *fallback; /* text of the default, or NULL when it must be given */
} BuiltinParam;

typedef struct Builtin {
    BuiltinId id;
    const char *name;
    BuiltinKind kind;
    const char *signature; /* as in the table */
    bool variadic;         /* "..." */
    int count;
    BuiltinParam params[MOST_PARAMS];
} Builtin;

/* NULL when there is none. */
const Builtin *builtin_find(const char *name);
const Builtin *builtin_at(BuiltinId id);
/* May it be the function of a node or an edge? */
bool builtin_of_nodes(const Builtin *b);
/* May it be the function of a node or an edge? */
bool builtin_of_nodes(const Builtin *b);
#endif
