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

GroupScore group_score_of(GroupScore score, uint64_t reads)
{
    const uint64_t shared = 1ull << TERM_USED | 1ull << TERM_AGE | 1ull << TERM_RANDOM;
    const uint64_t training = (1ull << TERM_COUNT) - (1ull << TERM_STEP);
    return reads & ~(shared | training) ? score : GROUP_SAME;
}

bool rule_term_kept(RuleTerm term)
{
    return term == TERM_FIRST || term == TERM_FAN_IN || term == TERM_FAN_OUT || term == TERM_PATHS3 ||
           term == TERM_FLOW;
}

int rule_arrays(int own_states, int64_t reads, bool alone)
{
    int arrays = own_states + (alone ? 1 : 3);
    for (int i = 0; i < TERM_COUNT; i++) arrays += rule_term_kept(i) && reads >> i & 1;
    return arrays;
}

EdgeBytes edge_bytes(const EdgeFacts *f)
{
    const double mark = 1, source = 4, lists = 20, bits = 2.0 / 8; /* bits: choose.c keeps two of each mark */
    const double numbers = 4.0 * (f->weights + f->arrays) + mark, gradient = f->gradients ? 4 : 0;
    EdgeBytes b = {0, gradient};
    if (f->alone)
        b.edge += numbers + source + (f->back ? 8 + f->real : 0); /* weights by target are the weights */
    else b.candidate += numbers + bits, b.edge += lists + 2.0 * f->real;
    if (f->explored) b.candidate += 1.0 / 8;
    return b;
}

int64_t rule_top(double part, bool share, int64_t candidates)
{
    const double top = share ? floor(part * (double)candidates + 0.5) : part;
    return top < 1 ? 1 : top < (double)candidates ? (int64_t)top : candidates;
}

double fan_in_use(const EdgeBudget *b, int64_t candidates, double fan)
{
    if (b->form == KEEP_FAN_IN) return fmin(fan, (double)b->keep);
    if (b->form == KEEP_FAN_OUT || candidates == 0) return fan;
    return fmax(1, fan * (double)budget_now(b, candidates, 0) / (double)candidates);
}
