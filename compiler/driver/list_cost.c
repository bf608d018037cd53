/* list_cost.c: see list_cost.h. Bytes come from the function by which programs ask for memory
 * (common/choice.h). */
#include "driver/list_cost.h"
#include "common/blocks.h"
#include "common/groups.h"
#include "layout/params.h"
#include "model/rule.h"
#include "layout/timed_rows.h"

/* ---- bytes ---- */

static void note_lists(const Graph *g, ListTraining *t)
{
    for (int b = 0; b < g->bundles.count; b++) t->functions = t->functions || g->bundles.at[b].edge;
    for (int i = 0; i < g->lists.count; i++) {
        const Rule *r = g->lists.at[i].declared;
        t->read = t->read || (r && (r->reads >> TERM_GRADIENT & 1 || r->forward != NO_FUNCTION));
    }
}

ListTraining list_training(const Model *m, const Plan *train)
{
    RtError e;
    ListTraining t = {.trains = m->trained};
    if (!m->trained || !optim_open(model_setting(m, SETTING_OPTIM), &t.optim, &e)) return t;
    for (int g = 0; g < m->graphs.count; g++) note_lists(m->graphs.at[g], &t);
    const int64_t batch = json_integer_value(model_setting(m, SETTING_BATCH)),
                  tiles = (batch + m->lanes - 1) / m->lanes;
    t.few = train && (double)m->stored_total * STORED_SHARE <= (double)(tiles * train->rows * m->lanes);
    t.gradients = t.read || t.functions || t.few || t.optim.clip > 0;
    return t;
}

static int own_states(const Rule *r)
{
    int count = 0;
    for (int i = 0; i < r->states.count; i++) count += !r->states.at[i].stored;
    return count;
}

/* What the weights of a candidate take, and what a rule keeps beside them. */
static int numbers_of(const Bundle *u)
{
    int64_t numbers = 0;
    for (int i = 0; i < u->weights.count; i++) numbers += u->weights.at[i]->components;
    return (int)numbers;
}

EdgeBytes list_bytes(const Graph *g, int list, const ListTraining *t)
{
    const EdgeList *l = &g->lists.at[list];
    const Bundle *u = &g->bundles.at[list_first(g, list)];
    const bool stored = t->gradients || (is_timed(g) && timed_rounds(g));
    const bool alone = edges_slots(g, u) > 0;
    const EdgeFacts f = {
        .weights = numbers_of(u) * (1 + (t->trains ? t->optim.slots + stored : 0)),
        .arrays = l->declared && t->trains
                      ? rule_arrays(own_states(l->declared) + (l->declared->top_by != NO_FUNCTION),
                                    (int64_t)l->declared->reads, alone)
                      : 0,
        .alone = alone,
        .back = g->input != u->from || !g->sets.at[u->from].outside,
        .explored = l->declared && t->trains && list_candidates(l) <= EXPLORED_MOST,
        .gradients = t->trains &&
                     (edges_of_used(g, u) || l->rule.refresh > 1 || l->rule.positions > 1 || l->rule.bf16),
        .real = 4};
    EdgeBytes bytes = edge_bytes(&f);
    for (int i = 0; i < 2; i++) {
        const CandidateKey *key = i ? &u->tie : &u->group;
        if (key->part_count) bytes.candidate += (double)groups_bytes(1, key->part_count);
    }
    return bytes;
}

const char *list_bytes_text(Arena *a, const Graph *g, int list, const ListTraining *t)
{
    const EdgeBytes b = list_bytes(g, list, t);
    return arena_printf(a, "%.4g bytes per candidate%s, %.4g more per edge in use", b.candidate,
                        t->trains ? " in training" : "", b.edge);
}

static const char *listed(Arena *a, const char *all, const char *one)
{
    return *all ? arena_printf(a, "%s, %s", all, one) : one;
}

const char *list_numbers_text(Arena *a, const Graph *g, int list, const ListTraining *t)
{
    const Rule *r = g->lists.at[list].declared;
    const Bundle *u = &g->bundles.at[list_first(g, list)];
    const bool alone = edges_slots(g, u) > 0;
    const char *text = "";
    for (int i = 0; i < u->weights.count; i++)
        text = listed(a, text, strrchr(u->weights.at[i]->name, '.') + 1);
    if (!t->trains) return text;
    for (int i = 0; i < t->optim.slots; i++) text = listed(a, text, t->optim.slot_names[i]);
    if (t->gradients) text = listed(a, text, "gradient");
    for (int i = 0; i < r->states.count; i++)
        if (!r->states.at[i].stored) text = listed(a, text, r->states.at[i].name);
    text = listed(a, text, alone ? "changed" : "changed, score, value");
    if (r->top_by != NO_FUNCTION) text = listed(a, text, "learns");
    for (int i = 0; i < TERM_COUNT; i++)
        if (rule_term_kept(i) && r->reads >> i & 1) text = listed(a, text, rule_term_name(i));
    return text;
}

/* ---- events ---- */

static const char *thousands(Arena *a, int64_t n)
{
    if (n < 1000) return arena_printf(a, "%lld", (long long)n);
    return arena_printf(a, "%s,%03lld", thousands(a, n / 1000), (long long)(n % 1000));
}

static const char *when_text(Arena *a, const RuleEvent *e)
{
    if (e->steps == 1) return "each step";
    if (e->steps) return arena_printf(a, "every %s steps", thousands(a, e->steps));
    if (e->epochs == 1) return "each epoch";
    return e->epochs > 0 ? arena_printf(a, "every %.6g epochs", e->epochs) : "once";
}

/* What one action goes through; `alone`: edges in use alone have numbers. */
static const char *action_text(Arena *a, const EdgeList *l, const RuleStep *s, bool alone)
{
    const char *all = thousands(a, list_candidates(l)),
               *used = thousands(a, l->together ? l->budget.keep : l->kept);
    const bool fan = l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT;
    switch (s->verb) {
    case VERB_CHOOSE:
        if (fan)
            return arena_printf(
                a, "choose: the scores of %s candidates, node by node, in a copy of 16 bytes each", all);
        return arena_printf(a, "choose: one pass over the %s of %s candidates",
                            s->magnitude ? "weights" : "scores", all);
    case VERB_DROP:
        return arena_printf(a, "drop: the scores of %s %s, without a sort", alone ? used : all,
                            alone ? "edges in use" : "candidates");
    case VERB_GROW:
        if (alone)
            return arena_printf(
                a,
                "grow: the scores of %s candidates, block by block; new edges are sorted and merged into %s",
                all, used);
        return arena_printf(a, "grow: the scores of %s candidates, without a sort", all);
    case VERB_REDISTRIBUTE: return arena_printf(a, "redistribute: a value of %s candidates, added up", all);
    default:
        return arena_printf(a, "reset: a value of %s %s", alone ? used : all,
                            alone ? "edges in use" : "candidates");
    }
}

const char *list_event_text(Arena *a, const Graph *g, int list, int event)
{
    const EdgeList *l = &g->lists.at[list];
    const RuleEvent *e = &l->declared->events.at[event];
    const bool alone = edges_slots(g, &g->bundles.at[list_first(g, list)]) > 0;
    const char *text = when_text(a, e), *between = ": ";
    for (int i = 0; i < e->actions.count; i++, between = "; ")
        text = arena_printf(a, "%s%s%s", text, between, action_text(a, l, &e->actions.at[i], alone));
    if (l->declared->all_gradients || !(e->reads >> TERM_GRADIENT & 1)) return text;
    return arena_printf(a, "%s; gradients of %s candidates in the step before", text,
                        thousands(a, list_candidates(l)));
}
