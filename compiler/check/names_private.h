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
/* names_rule.c */
void names_rule(Check *k, Scope *scope, const Decl *d);
#endif
