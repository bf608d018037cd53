/* choice.c: see choice.h. */
#include "common/choice.h"
#include <math.h>

static int64_t anneal_count(const EdgeBudget *b, double epoch)
{
    const double t = epoch >= b->epochs ? 1 : epoch / b->epochs;
    double part = t;
    if (b->curve == ANNEAL_CUBIC) part = 1 - (1 - t) * (1 - t) * (1 - t);
    if (b->curve == ANNEAL_COSINE) part = (1 - cos(M_PI * t)) / 2;
    return b->start + (int64_t)floor((double)(b->keep - b->start) * part + 0.5);
}

int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch)
{
    if (b->form == KEEP_ALL) return candidates;
    return b->form == KEEP_ANNEAL ? anneal_count(b, epoch) : b->keep;
}
