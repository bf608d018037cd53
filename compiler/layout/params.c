/* params.c: see params.h. */
#include "layout/params.h"
#include "layout/timed_rows.h"
#include "model/rule.h"

/* Does the rule ask for numbers of candidates that are not in use? */
static bool reads_unused(const Rule *r)
{
    const uint64_t kept = 1ull << TERM_W | 1ull << TERM_MOMENTUM | 1ull << TERM_FIRST | 1ull << TERM_AGE |
                          1ull << TERM_FAN_IN | 1ull << TERM_FAN_OUT | 1ull << TERM_PATHS3 |
                          1ull << TERM_FLOW;
    const bool chooses = rule_has(r, VERB_CHOOSE) || rule_has(r, VERB_REDISTRIBUTE);
    const bool carries = r->forward != NO_FUNCTION || r->used != NO_FUNCTION || r->top_by != NO_FUNCTION;
    return r->all_gradients || r->start_all || carries || r->states.count > 0 || chooses ||
           r->reads >> TERM_FIRST & 1 || ((r->score_reads | r->value_reads) & kept) ||
           r->value_reads >> TERM_GRADIENT & 1;
}

int64_t edges_slots(const Graph *g, const Bundle *u)
{
    const EdgeList *l = &g->lists.at[u->list];
    const EdgeBudget *b = &l->budget;
    const bool counts = b->form == KEEP_COUNT || b->form == KEEP_ANNEAL;
    if (!l->declared || !counts || reads_unused(l->declared) || l->costs || l->groups || l->ties) return 0;
    /* Where a graph goes backwards in rounds, a step ends without all that gradients are made of; of several
     * graphs with one list one may be such a graph. */
    if (l->declared->score_reads >> TERM_GRADIENT & 1 && (timed_rounds(g) || l->together)) return 0;
    for (int i = 0; i < g->bundles.count; i++) {
        const Bundle *o = &g->bundles.at[i];
        if (o->list == u->list && (o->edge || edges_fixed(o) || !o->weight || o->costs)) return 0;
    }
    const int64_t most = b->form == KEEP_ANNEAL && b->start > b->keep ? b->start : b->keep;
    return most < u->candidates.count ? most : u->candidates.count;
}

void layout_params(Model *m)
{
    for (int i = 0; i < m->params.count; i++) m->params.at[i]->stored = m->params.at[i]->size;
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) {
            const Bundle *u = &m->graphs.at[g]->bundles.at[b];
            const int64_t slots = edges_slots(m->graphs.at[g], u);
            if (slots > 0) u->weight->stored = slots;
        }
    m->stored_total = 0;
    for (int i = 0; i < m->params.count; i++) {
        m->params.at[i]->place = m->stored_total;
        m->stored_total += (m->params.at[i]->stored + 15) / 16 * 16;
    }
}
