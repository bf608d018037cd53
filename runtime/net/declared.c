/* declared.c: see declared.h. */
#include "net/declared.h"
#include "common/groups.h"
#include "common/dnwrt.h"
#include <stdlib.h>

int64_t declared_budget(const NetList *l, double epoch)
{
    const bool fan = l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT;
    if (fan) return l->declared->total;
    return budget_now(&l->budget, l->groups ? l->groups->count : l->candidates, epoch) + l->declared->moved;
}

static bool reads(const Declared *d, int term)
{
    return d->reads >> term & 1;
}

bool declared_stores(const Declared *d)
{
    return reads(d, TERM_GRADIENT) || d->forward != NO_FUNCTION;
}

/* States in arrays of their own. */
static int own_states(const Declared *d)
{
    int count = 0;
    for (int i = 0; i < d->state_count; i++) count += d->states[i].param < 0;
    return count;
}

float **declared_term(Declared *d, int term)
{
    switch (term) {
    case TERM_FIRST: return &d->first;
    case TERM_FAN_IN: return &d->fan_in;
    case TERM_FAN_OUT: return &d->fan_out;
    case TERM_PATHS3: return &d->paths3;
    case TERM_FLOW: return &d->flow;
    default: return NULL;
    }
}

void declared_free(Declared *d)
{
    if (!d) return;
    for (int i = 0; i < d->state_count; i++) free(d->states[i].value);
    for (int i = 0; i < TERM_COUNT; i++)
        if (declared_term(d, i)) free(*declared_term(d, i));
    free(d->learns), free(d->changed), free(d->score), free(d->value);
}

int declared_arrays(const Declared *d, bool slots)
{
    return d ? rule_arrays(own_states(d) + (d->top_by != NO_FUNCTION), d->reads, slots) : 0;
}

static float *numbers(int64_t candidates)
{
    return calloc((size_t)candidates + RULE_WIDTH, sizeof(float));
}

bool declared_lend(Declared *d, int64_t candidates)
{
    return (d->score = numbers(candidates)) && (d->value = numbers(candidates));
}

void declared_take_back(Declared *d)
{
    free(d->score), free(d->value);
    d->score = d->value = NULL;
}

bool declared_allocate(Declared *d, int64_t candidates, bool slots)
{
    if (!d) return true;
    bool ok = (d->changed = numbers(candidates)) && (slots || declared_lend(d, candidates));
    if (d->top_by != NO_FUNCTION) ok = (d->learns = numbers(candidates)) && ok;
    for (int i = 0; i < TERM_COUNT; i++)
        if (reads(d, i) && declared_term(d, i)) ok = (*declared_term(d, i) = numbers(candidates)) && ok;
    for (int i = 0; i < d->state_count; i++) {
        if (d->states[i].param >= 0) continue;
        ok = (d->states[i].value = numbers(candidates)) && ok;
        for (int64_t c = 0; ok && c < candidates; c++) d->states[i].value[c] = (float)d->states[i].start;
    }
    return ok;
}

const char *declared_array(const Declared *d, int i, float **data)
{
    for (int s = 0; s < d->state_count; s++)
        if (d->states[s].param < 0 && i-- == 0) return *data = d->states[s].value, d->states[s].name;
    if (i == 0) return *data = d->changed, "changed";
    if (i == 1 && d->top_by != NO_FUNCTION) return *data = d->learns, "learns";
    if (i == 1 + (d->top_by != NO_FUNCTION) && d->first) return *data = d->first, "first";
    return NULL;
}
