/* rule.c: see rule.h. */
#include "model/rule.h"
#include <string.h>

uint64_t rule_arguments_read(const Func *f)
{
    uint64_t read = f->results.at[0]->op == IR_ARG ? 1ull << f->results.at[0]->index : 0;
    for (int i = 0; i < f->values.count; i++)
        for (int a = 0; a < f->values.at[i]->arg_count; a++) {
            const Value *v = f->values.at[i]->args[a];
            if (v->op == IR_ARG) read |= 1ull << v->index;
        }
    return read;
}

bool rule_is_same(const Rule *a, const Rule *b)
{
    return a->declaration == b->declaration && strcmp(a->text, b->text) == 0;
}

bool rule_has(const Rule *r, RuleVerb verb)
{
    for (int i = 0; i < r->events.count; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++)
            if (r->events.at[i].actions.at[a].verb == verb) return true;
    return false;
}

bool rule_leaves_budget(const Rule *r)
{
    return r->start_all || rule_has(r, VERB_REDISTRIBUTE);
}

bool rule_starts_sparse(const Rule *r)
{
    return !r->start_all && r->used == NO_FUNCTION && !rule_has(r, VERB_CHOOSE);
}
