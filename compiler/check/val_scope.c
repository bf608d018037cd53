/* val_scope.c: names that are bound to values. */
#include "check/val.h"

void scope_add(Check *k, Scope *scope, Name name, Val *value)
{
    enum { FEW = 16 };
    vec_push(k->perm, &scope->names, (Binding){name.text, value});
    for (; scope->names.count > FEW && scope->indexed < scope->names.count; scope->indexed++) {
        const char *one = scope->names.at[scope->indexed].name;
        *table_place(k->perm, &scope->index, one, strlen(one)) = scope->indexed;
    }
}

static int place_in_scope(const Scope *scope, const char *name)
{
    if (scope->indexed) return table_find(&scope->index, name, strlen(name));
    int i = scope->names.count - 1;
    while (i >= 0 && strcmp(scope->names.at[i].name, name) != 0) i--;
    return i;
}

static const Binding *binding(const Scope *scope, const char *name)
{
    for (; scope; scope = scope->outer) {
        int at = place_in_scope(scope, name);
        if (at >= 0) return &scope->names.at[at];
    }
    return NULL;
}

Val *scope_find(const Scope *scope, const char *name)
{
    const Binding *b = binding(scope, name);
    return b ? b->value : NULL;
}

bool scope_binds(const Scope *scope, const char *name)
{
    return binding(scope, name) != NULL;
}
