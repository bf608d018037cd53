/* check_topology.c: candidates and their order, proved in the compiler with interpreted predicates.
 *
 * The structure comes from the builder that programs use too (runtime/rt_wiring.c); here it is counted, searched for
 * cycles, for nodes that nothing reaches and for nodes that lead nowhere.
 */
#include "check.h"
#include "interval.h"
#include "ir_eval.h"
#include "rt_rng.h"

typedef struct Interpreted {
    const Func *f;
    double *scratch;
    Interval *intervals;
    int to_rank, from_rank;
    uint64_t seed, stream;
} Interpreted;

static bool interpret(void *context, const int64_t *to, const int64_t *from, int64_t target, int64_t source)
{
    Interpreted *p = context;
    double args[2 * MAX_RANK];
    for (int i = 0; i < p->to_rank; i++) args[i] = (double)to[i];
    for (int i = 0; i < p->from_rank; i++) args[p->to_rank + i] = (double)from[i];
    return eval_predicate(p->f, args, p->seed, p->stream, target, source, p->scratch) != 0;
}

static int interpret_range(void *context, const int64_t *to, const int64_t *from, int dim, int64_t first, int64_t last)
{
    Interpreted *p = context;
    Interval args[2 * MAX_RANK];
    for (int i = 0; i < p->to_rank; i++) args[i] = (Interval){(double)to[i], (double)to[i]};
    for (int i = 0; i < p->from_rank; i++) args[p->to_rank + i] = (Interval){(double)from[i], (double)from[i]};
    args[p->to_rank + dim] = (Interval){(double)first, (double)last};
    Interval r = interval_eval(p->f, args, p->intervals);
    return r.low == r.high ? (int)r.low : -1;
}

static WiringSet wiring_set(const Graph *g, int i)
{
    const NodeSet *s = &g->sets.at[i];
    WiringSet w = {.size = s->size, .rank = s->shape.rank, .held = s->first < 0};
    for (int d = 0; d < s->shape.rank; d++) w.dim[d] = s->shape.dim[d];
    return w;
}

static bool uses_chance(const Func *f)
{
    for (int i = 0; f && i < f->values.count; i++)
        if (f->values.at[i]->op == IR_CHANCE) return true;
    return false;
}

static WiringLine wiring_line(Check *k, Graph *g, int b, Interpreted *context)
{
    Bundle *u = &g->bundles.at[b];
    WiringLine line = {.from = u->from, .to = u->to, .uses_to = u->uses_to, .uses_from = u->uses_from};
    if (!u->predicate) return line;
    *context = (Interpreted){u->predicate, NEW_ARRAY(k->perm, double, (size_t)u->predicate->values.count + 1),
                             NEW_ARRAY(k->perm, Interval, (size_t)u->predicate->values.count + 1),
                             g->sets.at[u->to].shape.rank, g->sets.at[u->from].shape.rank, g->chance_seed,
                             RNG_CHANCE + ((uint64_t)b << 8)};
    line.predicate = interpret;
    line.range = interpret_range;
    line.context = context;
    line.pairwise = u->pairwise = uses_chance(u->predicate);
    return line;
}

bool build_candidates(Check *k, Graph *g)
{
    for (int b = 0; b < g->bundles.count; b++) {
        Bundle *u = &g->bundles.at[b];
        Interpreted context;
        WiringLine line = wiring_line(k, g, b, &context);
        WiringSet from = wiring_set(g, u->from), to = wiring_set(g, u->to);
        if (!candidates_build(&from, &to, &line, &u->candidates)) {
            diag_add(k->diags, E_MEMORY, u->span, "not enough memory for the candidates between %lld and %lld nodes",
                     (long long)from.size, (long long)to.size);
            return false;
        }
        g->lists.at[u->list].candidates += u->candidates.count;
    }
    return true;
}

static const char *node_text(Check *k, const Graph *g, int set, int64_t node)
{
    const NodeSet *s = &g->sets.at[set];
    const char *text = "";
    for (int d = s->shape.rank - 1; d >= 0; d--) {
        text = arena_printf(k->perm, "%lld%s%s", (long long)(node % s->shape.dim[d]), *text ? ", " : "", text);
        node /= s->shape.dim[d];
    }
    return arena_printf(k->perm, "%s[%s]", s->name, text);
}

static void report_cycle(Check *k, Graph *g, const WiringCycle *c)
{
    const char *text = "";
    for (int i = 0; i < c->length; i++)
        text = arena_printf(k->perm, "%s%s%s", text, i ? (c->shortened && i == c->length - 1 ? " -> ... -> " : " -> ") : "",
                            node_text(k, g, c->set[i], c->node[i]));
    Span span = g->span;
    for (int b = 0; b < g->bundles.count; b++) /* a line between two nodes of the cycle */
        for (int i = 0; i + 1 < c->length; i++)
            if (g->bundles.at[b].from == c->set[i] && g->bundles.at[b].to == c->set[i + 1]) span = g->bundles.at[b].span;
    Diag *d = diag_add(k->diags, E_CYCLE, span, "graph '%s' has a cycle, which time = static cannot run", g->name);
    diag_note_plain(d, "%s", text);
    diag_help(d, "add a condition that orders the nodes, such as: where i < j");
}

static void warn_nodes(Check *k, Graph *g, uint8_t **mark, DiagCode code, const char *what, const char *help)
{
    for (int s = 0; s < g->sets.count; s++) {
        int64_t missing = 0, first = -1;
        for (int64_t i = 0; i < g->sets.at[s].size; i++)
            if (!mark[s][i] && missing++ == 0) first = i;
        if (!missing) continue;
        Diag *d = diag_add(k->diags, code, g->sets.at[s].span, "%lld of the %lld nodes of '%s' %s, the first is %s",
                           (long long)missing, (long long)g->sets.at[s].size, g->sets.at[s].name, what, node_text(k, g, s, first));
        diag_help(d, "%s", help);
    }
}

static void check_paths(Check *k, Graph *g, const WiringSet *sets, const WiringLine *lines, const Candidates **candidates)
{
    uint8_t **mark = NEW_ARRAY(k->perm, uint8_t *, (size_t)g->sets.count);
    for (int s = 0; s < g->sets.count; s++) mark[s] = NEW_ARRAY(k->perm, uint8_t, (size_t)g->sets.at[s].size + 1);
    wiring_reach(g->sets.count, sets, g->bundles.count, lines, candidates, g->input, true, mark);
    bool reached = memchr(mark[g->output], 1, (size_t)g->sets.at[g->output].size) != NULL;
    if (!reached) {
        Diag *d = diag_add(k->diags, E_PATH, g->sets.at[g->output].span, "no path leads from '%s' to '%s' in graph '%s'",
                           g->sets.at[g->input].name, g->sets.at[g->output].name, g->name);
        diag_note(d, g->sets.at[g->input].span, "the input is declared here");
        diag_help(d, "add edges, such as: edges %s -> %s", g->sets.at[g->input].name, g->sets.at[g->output].name);
        return;
    }
    warn_nodes(k, g, mark, W_UNREACHABLE, "cannot be reached from the input", "add edges into them, or make the set smaller");
    wiring_reach(g->sets.count, sets, g->bundles.count, lines, candidates, g->output, false, mark);
    for (int64_t i = 0; i < g->sets.at[g->input].size; i++) mark[g->input][i] = 1;
    warn_nodes(k, g, mark, W_DEAD_END, "lead nowhere", "add edges out of them, or make the set smaller");
}

bool build_order(Check *k, Graph *g)
{
    WiringSet *sets = NEW_ARRAY(k->perm, WiringSet, (size_t)g->sets.count);
    WiringLine *lines = NEW_ARRAY(k->perm, WiringLine, (size_t)g->bundles.count + 1);
    const Candidates **candidates = NEW_ARRAY(k->perm, const Candidates *, (size_t)g->bundles.count + 1);
    for (int s = 0; s < g->sets.count; s++) sets[s] = wiring_set(g, s);
    for (int b = 0; b < g->bundles.count; b++) {
        lines[b] = (WiringLine){.from = g->bundles.at[b].from, .to = g->bundles.at[b].to};
        candidates[b] = &g->bundles.at[b].candidates;
    }
    WiringCycle cycle;
    if (!wiring_order(g->sets.count, sets, g->bundles.count, lines, candidates, &g->order, &cycle)) {
        if (cycle.length) report_cycle(k, g, &cycle);
        else diag_add(k->diags, E_MEMORY, g->span, "not enough memory to order the nodes of '%s'", g->name);
        return false;
    }
    check_paths(k, g, sets, lines, candidates);
    return true;
}
