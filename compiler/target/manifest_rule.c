/* manifest_rule.c: see manifest_rule.h. */
#include "target/manifest_rule.h"

static DeclaredTime time_record(RuleTime t)
{
    return (DeclaredTime){t.at, t.share};
}

static DeclaredAction action_record(const RuleStep *s)
{
    return (DeclaredAction){.verb = s->verb,
                            .amount = s->amount,
                            .share = s->share,
                            .score = s->score,
                            .magnitude = s->magnitude,
                            .value = s->value,
                            .fresh = s->fresh,
                            .target = s->target};
}

static DeclaredEvent event_record(Arena *perm, const RuleEvent *e)
{
    DeclaredEvent r = {.steps = e->steps,
                       .epochs = e->epochs,
                       .from = time_record(e->from),
                       .until = time_record(e->until),
                       .reads = (int64_t)e->reads,
                       .rounds = e->rounds,
                       .place = e->place,
                       .argument = e->argument,
                       .actions = NEW_ARRAY(perm, DeclaredAction, (size_t)e->actions.count + 1)};
    for (int i = 0; i < e->actions.count; i++) r.actions[r.action_count++] = action_record(&e->actions.at[i]);
    return r;
}

Declared *manifest_rule(Arena *perm, const Rule *r, int64_t total)
{
    Declared *d = NEW(perm, Declared);
    *d = (Declared){.text = r->text,
                    .all_gradients = r->all_gradients,
                    .start_all = r->start_all,
                    .total = total,
                    .redistributes = rule_has(r, VERB_REDISTRIBUTE),
                    .reads = (int64_t)r->reads,
                    .top_by = r->top_by,
                    .top = r->top,
                    .top_share = r->top_share,
                    .streams = r->score_reads >> TERM_GRADIENT & 1,
                    .sparse = rule_starts_sparse(r),
                    .forward = r->forward,
                    .slope = r->slope,
                    .used = r->used,
                    .forward_reads = (int64_t)r->forward_reads,
                    .states = NEW_ARRAY(perm, DeclaredState, (size_t)r->states.count + 1),
                    .events = NEW_ARRAY(perm, DeclaredEvent, (size_t)r->events.count + 1)};
    for (int i = 0; i < r->states.count; i++) {
        const RuleState *s = &r->states.at[i];
        d->states[d->state_count++] = (DeclaredState){.name = s->name,
                                                      .start = s->init.a,
                                                      .next = s->next,
                                                      .slope = s->slope,
                                                      .shared = s->shared,
                                                      .param = !s->stored  ? -1
                                                               : s->shared ? s->tensor->number
                                                                           : s->weight};
    }
    for (int i = 0; i < r->events.count; i++)
        d->events[d->event_count++] = event_record(perm, &r->events.at[i]);
    return d;
}

void manifest_groups(const Model *m, NetList *lists)
{
    Vec(const Rule *) rules = {0};
    for (int g = 0; g < m->graphs.count; g++)
        for (int l = 0; l < m->graphs.at[g]->lists.count; l++)
            if (!m->graphs.at[g]->lists.at[l].goes_on)
                vec_push(m->perm, &rules, m->graphs.at[g]->lists.at[l].declared);
    for (int i = 0; i < rules.count; i++) {
        if (!rules.at[i]) continue;
        int first = 0;
        while (!rules.at[first] || !rule_is_same(rules.at[first], rules.at[i])) first++;
        lists[i].declared->group = first;
    }
}
