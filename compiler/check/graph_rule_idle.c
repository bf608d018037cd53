/* graph_rule_idle.c: lines of a declared rule that do nothing: an amount that is never above 0, a `reset` to
 * what is there, an event that ends before it begins, a state that stays, growth where nothing is missing,
 * gradients that edges in use have anyway.
 */
#include "check/graph_rule.h"
#include "ir/predicate.h"
#include <math.h>

static const Func *function_at(const RuleCheck *c, int number)
{
    return c->k->model->rule_functions.at[number];
}

/* ---- events ---- */

static const char *time_text(RuleCheck *c, RuleTime t)
{
    return arena_printf(c->k->perm, t.share ? "%.6g%%" : "%.6g", t.share ? 100 * t.at : t.at);
}

bool rule_event_lasts(RuleCheck *c, const RuleEvent *e, Span span)
{
    const bool comparable = e->from.share == e->until.share || e->from.at == 0;
    if (!comparable || e->from.at < e->until.at) return true;
    const char *from = time_text(c, e->from), *until = time_text(c, e->until);
    Diag *d = diag_add(c->k->diags, E_AMOUNT, span, "this event never comes: it begins at %s and ends at %s",
                       from, until);
    if (e->until.at < e->from.at) diag_help(d, "turn them round: from = %s, until = %s", until, from);
    else if (e->from.share && e->from.at == 1) diag_help(d, "let it begin earlier: from = 50%%");
    else diag_help(d, "without `until` it comes to the end of the training");
    return false;
}

/* ---- amounts ---- */

/* What the training may be while the event comes. */
static void event_ranges(const RuleEvent *event, Interval *range)
{
    for (int i = 0; i < TERM_COUNT + MOST_RULE_STATES; i++)
        range[i] = (Interval){i >= TERM_STEP && i < TERM_COUNT ? 0 : -INFINITY, INFINITY};
    range[TERM_PROGRESS] =
        (Interval){event->from.share ? event->from.at : 0, event->until.share ? event->until.at : 1};
    range[TERM_ROUND] = (Interval){0, 1};
}

bool rule_amount_counts(RuleCheck *c, const RuleEvent *event, const RuleStep *s, const Expr *e)
{
    int count;
    Interval range[TERM_COUNT + MOST_RULE_STATES];
    const IntervalStep *steps = predicate_steps(c->k->perm, function_at(c, s->amount), &count);
    event_ranges(event, range);
    if (interval_run(steps, count, range, NEW_ARRAY(c->k->perm, Interval, (size_t)count)).high > 0)
        return true;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span,
                       "this is never above 0 while the event comes, so it does nothing");
    diag_fix(d, e->span, "share(30% * (1 - progress))", "such as ", ", which falls to 0 at the end");
    return false;
}

/* ---- resets and states ---- */

bool rule_reset_changes(RuleCheck *c, const RuleStep *s, const Expr *e)
{
    const Value *v = function_at(c, s->value)->results.at[0];
    if (v->op != IR_ARG || v->index != s->target) return true;
    Diag *d = diag_add(c->k->diags, E_AMOUNT, e->span, "this is what it is already, so nothing is reset");
    if (s->target == TERM_W) diag_fix(d, e->span, "first", "reset w = ", " sets the weights of the start");
    else diag_fix(d, e->span, "0", "write ", " instead");
    return false;
}

/* The number that a state has from the first step on, where its `next` reads nothing that changes. */
static bool next_stays(const RuleCheck *c, int state, double *at)
{
    const RuleState *s = &c->rule->states.at[state];
    const Func *f = function_at(c, s->next);
    double args[TERM_COUNT + MOST_RULE_STATES] = {0};
    double *scratch = NEW_ARRAY(c->k->perm, double, (size_t)f->values.count);
    if (rule_arguments_read(f) & ~(1ull << (TERM_COUNT + state))) return false;
    args[TERM_COUNT + state] = s->init.a;
    *at = args[TERM_COUNT + state] = predicate_eval(f, args, NULL, scratch);
    return predicate_eval(f, args, NULL, scratch) == *at;
}

static bool is_reset(const RuleCheck *c, int state)
{
    const Rule *r = c->rule;
    for (int i = 0; i < r->events.count; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++) {
            const RuleStep *s = &r->events.at[i].actions.at[a];
            if (s->verb != VERB_RESET || s->target != TERM_COUNT + state) continue;
            const Value *v = function_at(c, s->value)->results.at[0];
            if (v->op != IR_CONST || v->number != r->states.at[state].init.a) return true;
        }
    return false;
}

static bool is_moved(const RuleCheck *c, int state, double *at)
{
    const RuleState *s = &c->rule->states.at[state];
    *at = s->init.a;
    if (s->learned) return s->given || s->slope != NO_FUNCTION;
    return is_reset(c, state) || (s->next != NO_FUNCTION && !next_stays(c, state, at));
}

static const Expr *next_line(const RuleCheck *c, const char *state)
{
    for (int i = 0; i < c->decl->rule.count; i++) {
        const RuleItem *item = c->decl->rule.at[i];
        if (item->kind == RULE_ITEM_NEXT && strcmp(item->name.text, state) == 0) return item->value;
    }
    return NULL;
}

/* Does anything but its own `next` read the state? */
static bool is_read(const RuleCheck *c, int state)
{
    const Rule *r = c->rule;
    const int functions[] = {r->forward, r->used, r->top_by};
    uint64_t read = 0;
    for (int i = 0; i < r->events.count; i++) read |= r->events.at[i].reads;
    for (int i = 0; i < 3; i++)
        if (functions[i] != NO_FUNCTION) read |= rule_arguments_read(function_at(c, functions[i]));
    for (int i = 0; i < r->states.count; i++)
        if (i != state && r->states.at[i].next != NO_FUNCTION)
            read |= rule_arguments_read(function_at(c, r->states.at[i].next));
    return read >> (TERM_COUNT + state) & 1;
}

/* A state that nothing moves is a number. */
bool rule_states_move(RuleCheck *c)
{
    double at;
    for (int i = 0; i < c->rule->states.count; i++) {
        const RuleState *s = &c->rule->states.at[i];
        if (is_moved(c, i, &at)) {
            if (!s->learned && !is_read(c, i))
                diag_help(diag_add(c->k->diags, W_UNREAD, s->span, "nothing reads state '%s'", s->name),
                          "leave it out, or let an action read it, such as drop 30%% by abs(w) + %s",
                          s->name);
            continue;
        }
        const Expr *next = next_line(c, s->name);
        const char *moves =
            arena_printf(c->k->perm, s->shared ? "0.9 * %s + 0.1" : "0.9 * %s + abs(w)", s->name);
        Diag *d = diag_add(c->k->diags, E_AMOUNT, next ? next->span : s->span, "%s '%s' never moves%s",
                           s->learned ? "weight" : "state", s->name,
                           next ? arena_printf(c->k->perm, ": it is %.6g behind every step", at) : "");
        if (s->learned) diag_help(d, "its gradient is that of what edges carry: forward = %s * w", s->name);
        else if (next)
            diag_fix(d, next->span, moves, arena_printf(c->k->perm, "next %s = ", s->name), " moves it");
        else
            diag_help(d, "next %s = %s moves it behind each step; a plain number is written %s = 2", s->name,
                      moves, s->name);
        return false;
    }
    return true;
}

/* ---- actions ---- */

/* Before an event as many edges are in use as the budget says, or more where all are at the start. Does the
 * action nothing? */
static bool is_idle(const Rule *r, const RuleStep *s, bool full)
{
    if (r->start_all) return s->verb == VERB_GROW && s->amount == NO_FUNCTION && full;
    return full && (s->verb == VERB_GROW || (s->verb == VERB_DROP && s->amount == NO_FUNCTION));
}

static bool fills_later(const RuleEvent *e, int action)
{
    for (int a = action + 1; a < e->actions.count; a++)
        if (rule_fills(&e->actions.at[a])) return true;
    return false;
}

static void idle_step(Check *k, const RuleEvent *e, int action)
{
    const RuleStep *s = &e->actions.at[action];
    const char *text = sources_file(k->c->sources, s->span.file)->text + s->span.start,
               *grow = s->verb == VERB_GROW && rule_fills(s)
                           ? arena_text(k->perm, text, s->span.end - s->span.start)
                           : "grow by random";
    Diag *d = diag_add(k->diags, E_AMOUNT, s->span,
                       s->verb == VERB_GROW
                           ? "nothing grows here: no edge was dropped, and the budget is full"
                           : "nothing is dropped here: `drop` without an amount drops what is above the "
                             "budget, and nothing is");
    const bool alone = s->verb == VERB_DROP && fills_later(e, action);
    diag_fix(d, s->span,
             alone ? "drop 30% by abs(w)" : arena_printf(k->perm, "drop 30%% by abs(w); %s", grow), "write ",
             "");
}

void rule_steps_act(Check *k, const Rule *r)
{
    bool below = false; /* some event may leave fewer edges in use than the budget says */
    for (int i = 0; i < r->events.count && r->start_all; i++)
        for (int a = 0; a < r->events.at[i].actions.count; a++)
            below = below || rule_empties(&r->events.at[i].actions.at[a]);
    for (int i = 0; i < r->events.count; i++) {
        bool full = !below;
        for (int a = 0; a < r->events.at[i].actions.count; a++) {
            const RuleStep *s = &r->events.at[i].actions.at[a];
            if (is_idle(r, s, full)) return idle_step(k, &r->events.at[i], a);
            if (s->verb == VERB_REDISTRIBUTE || rule_empties(s)) full = false;
            else if (rule_fills(s)) full = true;
        }
    }
}

/* ---- gradients ---- */

/* Are the candidates with the largest abs(w) in use at each step? */
static bool uses_strongest(const Rule *r)
{
    const RuleEvent *e = r->events.at;
    return r->events.count == 1 && e->steps == 1 && e->from.at == 0 && e->until.share && e->until.at == 1 &&
           e->actions.count == 1 && e->actions.at[0].magnitude;
}

/* More candidates learn by `top` than are in use anyway. */
void rule_top_adds(Check *k, const EdgeList *l)
{
    const Rule *r = l->declared;
    const EdgeBudget *b = &l->budget;
    const int64_t all = list_units(l), top = rule_top(r->top, r->top_share, all),
                  used = b->form == KEEP_ANNEAL && b->start < b->keep ? b->start : b->keep;
    const bool one = b->form == KEEP_COUNT || b->form == KEEP_ANNEAL;
    if (r->top_by == NO_FUNCTION || !one || !uses_strongest(r) || top > used || used >= all) return;
    if (!rule_is_magnitude(k->model->rule_functions.at[r->top_by])) return;
    const double middle = (double)(all + used) / 2;
    const char *unit = r->top_share ? "%" : "",
               *more = arena_printf(k->perm, "%g%s", ceil(r->top_share ? 100 * middle / (double)all : middle),
                                    unit);
    Diag *d =
        diag_add(k->diags, E_AMOUNT, r->span,
                 "only edges in use learn: top(%g%s) by abs(w) names %lld of %lld candidates, and the "
                 "strongest %lld are in use",
                 r->top * (r->top_share ? 100 : 1), unit, (long long)top, (long long)all, (long long)used);
    if (*r->top_argument) diag_help(d, "let more of them learn: %s(%s = %s)", r->name, r->top_argument, more);
    else diag_help(d, "let more of them learn: top(%s) by abs(w)", more);
}
