/* names_private.h: shared by names.c and names_*.c. */
#ifndef DNW_NAMES_PRIVATE_H
#define DNW_NAMES_PRIVATE_H
#include "check/names.h"

/* names.c: was an unknown name at this place reported? From now on it was. */
bool names_reported(Check *k, Span span);
/* Each name of an expression is known. */
void names_use(Check *k, const Scope *scope, const Expr *e);
/* Adds a name to the scope; a built-in name is refused. */
void names_bind(Check *k, Scope *scope, Name name);
void names_params(Check *k, Scope *scope, const Decl *d);
/* `what`: words before the name, or "". */
void names_twice(Check *k, const char *what, Name name, Span first);
/* names_cost.c */
/* The name of a cost, in its line: it stands beside built-in names and `samples` in a loss. */
void names_cost_line(Check *k, Name name);
/* A setting of train; the loss may read costs. */
void names_setting(Check *k, const Scope *scope, const Setting *s);
/* The message about a cost without a value: only a loss reads it, where the model uses its function. */
void names_cost_unknown(Check *k, const char *name, Span span);
/* In a loss: may a name be the cost of a function with a syntax error? */
bool names_cost_lost(const Check *k, const Scope *scope);
/* names_rule.c */
void names_rule(Check *k, Scope *scope, const Decl *d);
/* names_meant.c */
typedef struct ForeignName {
    const char *wrong, *right, *words;
} ForeignName;
/* A name of another language; NULL: none is known. */
const ForeignName *names_foreign(const char *name);
/* Messages for names that are known elsewhere: an index of a line of edges in its `via`, and a name that the
 * body of a function declares below its line `line`. */
void names_index_via(Check *k, const Scope *indices, const Expr *via);
void names_below(Check *k, const Scope *scope, const Decl *d, int line);
/* range(3): true where it was said. `behind_in`: it stands where a range does. */
bool names_range(Check *k, const Scope *scope, const Expr *e, bool behind_in);
#endif
