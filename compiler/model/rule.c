/* rule.c: see rule.h. */
#include "model/rule.h"
#include <string.h>

const char *rule_term_name(int term)
{
#define TERM(name, text, help) text,
    static const char *const names[] = {RULE_TERMS(TERM)};
#undef TERM
    return term >= 0 && term < TERM_COUNT ? names[term] : NULL;
}

const char *rule_argument_name(const Rule *r, int argument)
{
    return argument < TERM_COUNT ? rule_term_name(argument) : r->states.at[argument - TERM_COUNT].name;
}

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
