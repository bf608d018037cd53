/* live.c: see live.h. Node sets are looked at as a whole. What is 0 is proved on the functions, with weights
 * that can be any finite numbers. */
#include "layout/live.h"
#include "front/ast.h"
#include "ir/op.h"
#include "model/timed.h"
#include <string.h>

/* ---- what is 0 ---- */

/* What is known of a value when some of its arguments are 0. */
typedef enum Known { ANYTHING, FINITE, ZERO } Known; /* FINITE: unless something else is not */

static Known least(const Value *v, const Known *known)
{
    Known all = ZERO;
    for (int k = 0; k < v->arg_count; k++)
        if (known[v->args[k]->id] < all) all = known[v->args[k]->id];
    return all;
}

/* Of an element by element operator: what it gives for zeros; from other finite numbers a finite one. */
static Known pointwise_known(const Value *v, Known all)
{
    static const double zeros[3];
    if (all == ZERO && pointwise_eval(v->op, zeros) == 0) return ZERO;
    return all >= FINITE ? FINITE : ANYTHING;
}

static Known value_known(const Value *v, const Known *known)
{
    Known all = least(v, known);
    if (v->op == IR_CONST && !v->is_bool && v->number == 0) return ZERO;
    if (v->arg_count == 0) return op_has(v->op, OP_FINITE) ? FINITE : ANYTHING;
    switch (v->op) {
    case IR_MUL: /* 0 unless the other is infinite */
        return all >= FINITE && (known[v->args[0]->id] == ZERO || known[v->args[1]->id] == ZERO) ? ZERO : all;
    case IR_CONV: /* its taps may be any numbers */ return all >= FINITE ? known[v->args[0]->id] : ANYTHING;
    case IR_SELECT:
        return known[v->args[1]->id] < known[v->args[2]->id] ? known[v->args[1]->id] : known[v->args[2]->id];
    default: break;
    }
    if (!op_has(v->op, OP_FINITE)) return ANYTHING;
    return op_info[v->op].class == CLASS_POINTWISE ? pointwise_known(v, all) : all;
}

/* Is a result of a function 0 when those of its ARGs are that `zero` marks? */
static bool result_zero(Arena *perm, const Func *f, const bool *zero, int result)
{
    Known *known = NEW_ARRAY(perm, Known, (size_t)f->values.count + 1);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (v->op == IR_ARG) known[i] = zero[v->index] ? ZERO : FINITE;
        else known[i] = value_known(v, known);
    }
    return known[f->results.at[result]->id] == ZERO;
}

/* ---- forwards: sources that are still 0 ---- */

typedef struct Zeros {
    Arena *perm;
    Graph *g;
    bool *state; /* of a set: all of its states; a held input is never 0 */
    bool *sent;
} Zeros;

static void start_zeros(Zeros *z)
{
    for (int i = 0; i < z->g->sets.count; i++) {
        const NodeSet *s = &z->g->sets.at[i];
        z->state[i] = s->states > 0 && s->role != SET_INPUT;
        for (int k = 0; k < s->states; k++) z->state[i] = z->state[i] && s->start[k] == 0;
    }
}

static void send_zeros(Zeros *z)
{
    bool arg[SLOTS];
    memset(arg, true, sizeof arg);
    for (int i = 0; i < z->g->sets.count; i++)
        z->sent[i] = z->state[i] && result_zero(z->perm, z->g->sets.at[i].send.forward, arg, 0);
}

/* Does an edge of this line add 0? With batch_norm it takes part at every evaluation, for its statistics. */
static bool edge_zero(const Zeros *z, const Bundle *u)
{
    if (u->edge && u->edge->fn.norms.count) return false;
    const bool arg[SLOTS] = {[SLOT_SOURCE] = true}; /* the target's own value may be anything */
    bool zero = z->sent[u->from];
    for (int k = 0; u->edge && k < u->edge->fn.forward->results.count - u->edge->slope; k++)
        zero = zero && result_zero(z->perm, u->edge->fn.forward, arg, k);
    return zero;
}

static bool sum_zero(const Zeros *z, int set)
{
    for (int b = 0; b < z->g->bundles.count; b++)
        if (z->g->bundles.at[b].to == set && !edge_zero(z, &z->g->bundles.at[b])) return false;
    return true;
}

/* One step further; true: some set may no longer be 0. */
static bool move_zeros(Zeros *z)
{
    bool arg[SLOTS], changed = false;
    memset(arg, true, sizeof arg);
    memset(arg + SLOT_NOISE, false, MAX_NOISES * sizeof *arg);
    bool *next = NEW_ARRAY(z->perm, bool, (size_t)z->g->sets.count);
    for (int i = 0; i < z->g->sets.count; i++) {
        const NodeSet *s = &z->g->sets.at[i];
        next[i] = z->state[i] && !is_flow(z->g) && sum_zero(z, i);
        for (int k = 0; k < s->states; k++)
            next[i] = next[i] && result_zero(z->perm, s->cell.forward, arg, k);
        changed |= next[i] != z->state[i];
    }
    memcpy(z->state, next, (size_t)z->g->sets.count * sizeof *next);
    return changed;
}

static void find_first(Arena *perm, Graph *g)
{
    size_t sets = (size_t)g->sets.count;
    Zeros z = {perm, g, NEW_ARRAY(perm, bool, sets), NEW_ARRAY(perm, bool, sets)};
    int64_t last = timed_evaluations(g);
    start_zeros(&z);
    for (int64_t e = 0; e < last; e++) {
        send_zeros(&z);
        for (int s = 0; s < g->sets.count; s++)
            if (z.sent[s]) g->sets.at[s].live.first = e + 1;
        for (int b = 0; b < g->bundles.count; b++) {
            Bundle *u = &g->bundles.at[b];
            if (u->live_first == e && edge_zero(&z, u)) u->live_first = e + 1;
        }
        if (!move_zeros(&z)) return; /* nor will later steps change anything */
    }
}

/* ---- backwards: targets that nobody reads ---- */

/* Marks the sets whose states are read after the last step. */
static void mark_read(const Graph *g, bool *read)
{
    read[g->output] = true;
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        if (!is_moving(g, g->output) && u->to == g->output) read[u->from] = true;
    }
}

/* Step by step back: a set is read when a set that is read after the next step hears of it, or has it as its
 * own state. A set that is never read has -1. */
static void find_last(Arena *perm, Graph *g)
{
    size_t sets = (size_t)g->sets.count;
    bool *read = NEW_ARRAY(perm, bool, sets), *before = NEW_ARRAY(perm, bool, sets), changed = true;
    int64_t last = g->time.steps - 1;
    mark_read(g, read);
    for (int s = 0; s < g->sets.count; s++) g->sets.at[s].live.last = read[s] ? LIVE_ALWAYS : -1;
    for (int64_t e = last - 1; changed && e >= 0; e--) {
        changed = false;
        memcpy(before, read, sets * sizeof *read);
        for (int b = 0; b < g->bundles.count; b++) {
            const Bundle *u = &g->bundles.at[b];
            if (!is_moving(g, u->to) || !read[u->to] || before[u->from]) continue;
            changed = before[u->from] = true;
            g->sets.at[u->from].live.last = e;
        }
        memcpy(read, before, sets * sizeof *read);
    }
}

/* The last evaluation for which what a set sends is read: by moving targets, by an output, by edges into
 * itself that read their target's own value. */
static void find_sent(Graph *g)
{
    for (int s = 0; s < g->sets.count; s++) {
        NodeSet *set = &g->sets.at[s];
        set->live.sent_last = s == g->output && set_shows_sent(set) ? LIVE_ALWAYS : -1;
        for (int b = 0; b < g->bundles.count; b++) {
            const Bundle *u = &g->bundles.at[b];
            bool read = u->from == s || (u->to == s && u->edge);
            if (read && live_last(g, u) > set->live.sent_last) set->live.sent_last = live_last(g, u);
        }
    }
}

/* ---- both ---- */

bool live_disabled = false;

void live_edges(Graph *g)
{
    const Time *t = &g->time;
    for (int b = 0; b < g->bundles.count; b++) g->bundles.at[b].live_first = 0;
    for (int s = 0; s < g->sets.count; s++) {
        NodeSet *set = &g->sets.at[s];
        set->live.first = 0, set->live.last = set->live.sent_last = LIVE_ALWAYS;
    }
    if (live_disabled || !is_timed(g) || t->adaptive || t->adjoint || t->implicit > 0) return;
    Arena *scratch = arena_new();
    find_first(scratch, g);
    if (t->stages == 1 && !is_flow(g) && t->positions == 1 && !g->statistics) find_last(scratch, g);
    find_sent(g);
    arena_free(scratch);
}

int64_t live_last(const Graph *g, const Bundle *u)
{
    return is_timed(g) && is_moving(g, u->to) ? g->sets.at[u->to].live.last : LIVE_ALWAYS;
}

bool live_is_limited(const Graph *g, const Bundle *u)
{
    return u->live_first > 0 || live_last(g, u) < LIVE_ALWAYS;
}

double live_share(const Graph *g, const Bundle *u)
{
    if (!live_is_limited(g, u) || !is_moving(g, u->to)) return 1;
    int64_t evaluations = timed_evaluations(g), last = live_last(g, u);
    int64_t end = last < evaluations ? last + 1 : evaluations, live = end - u->live_first;
    return live > 0 ? (double)live / (double)evaluations : 0;
}

double live_left_out(const Graph *g)
{
    double all = 0, left = 0;
    for (int b = 0; b < g->bundles.count; b++) {
        double macs = bundle_macs(g, &g->bundles.at[b]);
        all += macs;
        left += macs * (1 - live_share(g, &g->bundles.at[b]));
    }
    return all > 0 ? left / all : 0;
}
