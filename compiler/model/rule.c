/* rule.c: see rule.h. */
#include "model/rule.h"
#include <string.h>

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
