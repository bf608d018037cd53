/* choice.c: see choice.h. */
#include "common/choice.h"
#include <math.h>

int64_t anneal_count(int64_t start, int64_t keep, double epochs, double epoch)
{
    double part = epoch >= epochs ? 1 : epoch / epochs;
    return start + (int64_t)floor((double)(keep - start) * part + 0.5);
}

int64_t budget_now(const EdgeBudget *b, int64_t candidates, double epoch)
{
    if (b->form == KEEP_ALL) return candidates;
    return b->form == KEEP_ANNEAL ? anneal_count(b->start, b->keep, b->epochs, epoch) : b->keep;
}
