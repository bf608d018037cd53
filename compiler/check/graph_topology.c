/* graph_topology.c: candidates and their order, proved in the compiler with interpreted predicates.
 *
 * The structure comes from the builder that programs use too (runtime/common/wiring.c); here it is counted,
 * searched for cycles, for nodes that nothing reaches and for nodes that lead nowhere.
 */
#include "check/graph.h"
#include "common/plural.h"
#include "ir/predicate.h"
#include "model/timed.h"
#include "common/interval.h"
#include "common/rng.h"
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_CANDIDATES_GIGA = 100, /* thousand millions in one graph */
    MOST_RUNS = 500000000,      /* of consecutive sources that one line picks */
};

typedef struct Interpreted {
    const Func *f;
    /* Pairs and ranges so far, each `weight` times; beyond limits.pairs the answer is no, and an error
     * follows. */
    int64_t asked, weight;
    double *scratch;
    IntervalCondition values;
    Chance chance;   /* of no pair */
    int64_t targets; /* of the line; for what a terminal is told */
    int line;
    time_t start;
    bool told;
} Interpreted;

/* What takes more than a second says so, on a terminal. */
static void tell_progress(Interpreted *p, int64_t target)
{
    enum { OFTEN = 1 << 20 };
    if (p->asked % OFTEN >= p->weight || !isatty(STDERR_FILENO)) return;
    if (!p->start) p->start = time(NULL);
    if (time(NULL) - p->start < 1) return;
    fprintf(stderr, "\rline %d: looking for candidate edges, %.0f %%", p->line,
            100 * (double)target / (double)p->targets);
    p->told = true;
}

static bool interpret(void *context, const int64_t *to, const int64_t *from, int64_t target, int64_t source)
{
    Interpreted *p = context;
    double args[2 * MAX_RANK];
    if ((p->asked += p->weight) > limits.pairs) return false;
    tell_progress(p, target);
    for (int i = 0; i < p->values.to_rank; i++) args[i] = (double)to[i];
    for (int i = 0; i < p->values.from_rank; i++) args[p->values.to_rank + i] = (double)from[i];
    Chance chance = p->chance;
    chance.target = target, chance.source = source;
    return predicate_eval(p->f, args, &chance, p->scratch) != 0;
}

static int interpret_range(void *context, const int64_t *to, const int64_t *from, int dim, int64_t first,
                           int64_t last)
{
    Interpreted *p = context;
    if ((p->asked += p->weight) > limits.pairs) return 0;
    return interval_range(&p->values, to, from, dim, first, last);
}

/* A condition of many operations is as much work as several short ones. */
static int64_t weight_of(const Func *condition)
{
    enum { SHORT = 16 }; /* operations */
    return 1 + condition->values.count / SHORT;
}

static WiringLine wiring_line(Check *k, Graph *g, int b, Interpreted *context)
{
    const WiringSet to = set_wiring(&g->sets.at[g->bundles.at[b].to]),
                    from = set_wiring(&g->sets.at[g->bundles.at[b].from]);
    Bundle *u = &g->bundles.at[b];
    WiringLine line = {.from = u->from,
                       .to = u->to,
                       .given = u->given ? &u->given->pairs : NULL,
                       .uses_to = u->uses_to,
                       .uses_from = u->uses_from};
    if (!u->predicate) return line;
    const size_t values = (size_t)u->predicate->values.count + 1;
    *context = (Interpreted){.f = u->predicate,
                             .weight = weight_of(u->predicate),
                             .scratch = NEW_ARRAY(k->perm, double, values),
                             .values = interval_condition(&to, &from),
                             .chance = {g->chance_seed, RNG_CHANCE + ((uint64_t)b << 8), 0, 0},
                             .targets = to.size,
                             .line = source_place(k->c->sources, u->span.file, u->span.start).line};
    context->values.scratch = NEW_ARRAY(k->perm, Interval, values);
    context->values.steps = predicate_steps(k->perm, u->predicate, &context->values.count);
    line.predicate = interpret;
    line.range = interpret_range;
    line.context = context;
    line.pairwise = u->pairwise = func_has(u->predicate, IR_CHANCE);
    interval_line(&context->values, &line);
    return line;
}

/* Rows that differ: targets that follow each other and agree in all indices that the predicate reads are
 * asked about once. */
static double different_rows(const WiringSet *to, const WiringLine *line)
{
    double rows = (double)to->size;
    for (int i = to->rank - 1; i >= 0 && !line->pairwise && !(line->uses_to >> i & 1); i--)
        rows /= (double)to->dim[i];
    return rows;
}

typedef struct OneRow {
    const WiringLine *line;
    int64_t index[WIRING_RANK], target;
} OneRow;

static bool ask_row(void *context, const int64_t *to, const int64_t *from, int64_t target, int64_t source)
{
    (void)to, (void)target;
    const OneRow *r = context;
    return r->line->predicate(r->line->context, r->index, from, r->target, source);
}

static int ask_row_range(void *context, const int64_t *to, const int64_t *from, int dim, int64_t first,
                         int64_t last)
{
    (void)to;
    const OneRow *r = context;
    return r->line->range(r->line->context, r->index, from, dim, first, last);
}

/* How often the predicate of a line will be asked, and in how many runs its candidates are kept, from a few
 * rows spread over the targets: conditions on single indices are solved for whole ranges, others are asked
 * for every pair. Comes before memory is taken. */
typedef struct Estimate {
    double questions, runs;
} Estimate;

static Estimate estimate(const WiringSet *from, const WiringSet *to, const WiringLine *line,
                         Interpreted *context)
{
    enum { SAMPLES = 8, ENOUGH = 10000000, FEW = 100000000 };
    const double pairs = (double)from->size * (double)to->size;
    if (!line->predicate || line->given || pairs * (double)context->weight <= FEW) return (Estimate){0};
    double rows = different_rows(to, line), runs = 0;
    if (line->shifts) rows = fmin(rows, 2 * rows / (double)to->dim[line->shift] + 1);
    int64_t sampled = 0;
    for (; sampled < SAMPLES && context->asked < ENOUGH; sampled++) {
        OneRow row = {line, {0}, (int64_t)((double)to->size * ((double)sampled + 0.5) / SAMPLES)};
        WiringSet one = {.size = 1, .rank = 1, .dim = {1}};
        WiringLine asked = *line;
        asked.shifts = false;
        Candidates found;
        for (int64_t i = to->rank - 1, n = row.target; i >= 0; n /= to->dim[i], i--)
            row.index[i] = n % to->dim[i];
        asked.predicate = ask_row, asked.range = ask_row_range, asked.context = &row;
        if (!candidates_build(from, &one, &asked, &found)) continue;
        runs += (double)(found.form == CANDIDATES_DENSE ? 1 : found.segment ? found.segment[1] : found.count);
        candidates_free(&found);
    }
    const double questions = (double)context->asked / (double)sampled * rows;
    context->asked = 0, context->start = 0;
    return (Estimate){questions, runs / (double)sampled * (double)to->size};
}

/* "12 million", "350 thousand" */
static const char *about(Check *k, double count)
{
    enum { SMALL = 10000000 };
    return count < SMALL ? arena_printf(k->perm, "%.0f thousand", ceil(count / 1e3))
                         : arena_printf(k->perm, "%.0f million", ceil(count / 1e6));
}

/* times: how often the condition would be evaluated, by its weight; more than the limit leaves */
static void too_many_pairs(Check *k, const Graph *g, const Bundle *u, double times)
{
    const double weight = (double)weight_of(u->predicate);
    const char *before = k->effort.pairs ? arena_printf(k->perm, ", and those before it %s times",
                                                        about(k, (double)k->effort.pairs / weight))
                                         : "";
    Diag *d =
        diag_add(k->diags, E_MEMORY, u->span,
                 "this condition would be evaluated about %s times, for pairs one by one%s; the most is %s",
                 about(k, times / weight), before, about(k, (double)limits.pairs / weight));
    if (weight > 1)
        diag_note_plain(d, "it has %d operations, with each list written out", u->predicate->values.count);
    diag_note_plain(d, "between %lld source%s and %lld target%s", (long long)g->sets.at[u->from].size,
                    plural(g->sets.at[u->from].size, "s"), (long long)g->sets.at[u->to].size,
                    plural(g->sets.at[u->to].size, "s"));
    diag_help(d, u->pairwise ? "use fewer nodes, or draw edges without a condition: edges a -> b sample 1%%"
                             : "use fewer nodes, or conditions on single indices and on differences, such as "
                               "i < j and (j - i) mod 8 < 3, which are solved for whole ranges");
}

static void too_many_runs(Check *k, const Bundle *u, double runs)
{
    Diag *d = diag_add(
        k->diags, E_MEMORY, u->span,
        "this condition selects about %.2g runs of consecutive sources, which need %.1f GB; the most is %d",
        runs, runs * 8e-9, MOST_RUNS);
    diag_help(d, "use fewer nodes, or split the set so that the selected nodes are adjacent, such as h[2, n] "
                 "for even and odd nodes");
}

static void too_many_candidates(Check *k, const Bundle *u, double count)
{
    diag_add(k->diags, E_MEMORY, u->span,
             "%.0f candidate edges: their weights alone need %.1f GB; the most is %d000000000 in one graph",
             count, count * 4e-9, MOST_CANDIDATES_GIGA);
}

static bool build_bundle(Check *k, Graph *g, int b, double *total)
{
    Bundle *u = &g->bundles.at[b];
    Interpreted context = {0};
    WiringLine line = wiring_line(k, g, b, &context);
    WiringSet from = set_wiring(&g->sets.at[u->from]), to = set_wiring(&g->sets.at[u->to]);
    const Estimate expected = estimate(&from, &to, &line, &context);
    if (expected.questions + (double)k->effort.pairs > (double)limits.pairs)
        return too_many_pairs(k, g, u, expected.questions), false;
    if (expected.runs > MOST_RUNS) return too_many_runs(k, u, expected.runs), false;
    bool built = candidates_build(&from, &to, &line, &u->candidates);
    if (context.told) fputs("\r\033[K", stderr);
    if (k->effort.pairs + context.asked > limits.pairs)
        return too_many_pairs(k, g, u, (double)context.asked), false;
    k->effort.pairs += context.asked;
    if (!built) {
        diag_add(k->diags, E_MEMORY, u->span,
                 "not enough memory for the candidates between %lld and %lld nodes", (long long)from.size,
                 (long long)to.size);
        return false;
    }
    if (u->given) u->predicate = NULL, u->uses_to = u->uses_from = 0, u->pairwise = false;
    *total += (double)u->candidates.count;
    if (*total > MOST_CANDIDATES_GIGA * 1e9) return too_many_candidates(k, u, *total), false;
    g->lists.at[u->list].candidates += u->candidates.count;
    return true;
}

bool build_candidates(Check *k, Graph *g)
{
    double total = 0;
    for (int b = 0; b < g->bundles.count; b++)
        if (!build_bundle(k, g, b, &total)) return false;
    return true;
}

static const char *node_text(Check *k, const Graph *g, int set, int64_t node)
{
    const NodeSet *s = &g->sets.at[set];
    const char *text = "";
    for (int d = s->shape.rank - 1; d >= 0; d--) {
        text =
            arena_printf(k->perm, "%lld%s%s", (long long)(node % s->shape.dim[d]), *text ? ", " : "", text);
        node /= s->shape.dim[d];
    }
    return arena_printf(k->perm, "%s[%s]", s->name, text);
}

static void report_cycle(Check *k, Graph *g, const WiringCycle *c)
{
    const char *text = "";
    for (int i = 0; i < c->length; i++)
        text = arena_printf(k->perm, "%s%s%s", text,
                            i ? (c->shortened && i == c->length - 1 ? " -> ... -> " : " -> ") : "",
                            node_text(k, g, c->set[i], c->node[i]));
    Span span = g->span;
    bool one_set = true;
    for (int i = 1; i < c->length; i++)
        if (c->set[i] != c->set[0]) one_set = false;
    for (int b = 0; b < g->bundles.count; b++) /* a line between two nodes of the cycle */
        for (int i = 0; i + 1 < c->length; i++)
            if (g->bundles.at[b].from == c->set[i] && g->bundles.at[b].to == c->set[i + 1])
                span = g->bundles.at[b].span;
    Diag *d =
        diag_add(k->diags, E_CYCLE, span, "graph '%s' has a cycle, which time = static cannot run", g->name);
    diag_note_plain(d, "%s", text);
    if (one_set)
        diag_help(d, "add a condition that orders the nodes, such as: where i < j, or let the graph run in "
                     "time: time = steps(5)");
    else diag_help(d, "remove one of these edges, or let the graph run in time: time = steps(5)");
}

static void warn_nodes(Check *k, Graph *g, uint8_t **mark, DiagCode code, const char *what, const char *help)
{
    for (int s = 0; s < g->sets.count; s++) {
        int64_t missing = 0, first = -1;
        for (int64_t i = 0; i < g->sets.at[s].size; i++)
            if (!mark[s][i] && missing++ == 0) first = i;
        if (!missing) continue;
        Diag *d = diag_add(k->diags, code, g->sets.at[s].span,
                           "%lld of the %lld node%s of '%s' %s, the first is %s", (long long)missing,
                           (long long)g->sets.at[s].size, plural(g->sets.at[s].size, "s"), g->sets.at[s].name,
                           what, node_text(k, g, s, first));
        diag_help(d, "%s", help);
    }
}

/* Marks of nodes, by set: a path from the input reaches it (forwards), or one leads from it to the output. */
typedef struct Paths {
    const Graph *g;
    bool forwards, changed;
    uint8_t **mark;
    int *dense; /* by bundle: -1, or what one target has found out for all of a sweep */
} Paths;

static bool source_marked(Paths *p, int bundle, int64_t target)
{
    const Bundle *u = &p->g->bundles.at[bundle];
    const uint8_t *from = p->mark[u->from];
    CandidateRun run;
    if (u->candidates.form == CANDIDATES_DENSE) {
        if (p->dense[bundle] < 0) p->dense[bundle] = memchr(from, 1, (size_t)u->candidates.sources) != NULL;
        return p->dense[bundle];
    }
    for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++)
        if (memchr(from + run.source, 1, (size_t)run.length)) return true;
    return false;
}

static void mark_sources(Paths *p, int bundle, int64_t target)
{
    const Bundle *u = &p->g->bundles.at[bundle];
    uint8_t *from = p->mark[u->from];
    CandidateRun run;
    if (u->candidates.form == CANDIDATES_DENSE && p->dense[bundle] >= 0) return;
    p->dense[bundle] = 1;
    for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++) {
        if (!memchr(from + run.source, 0, (size_t)run.length)) continue;
        memset(from + run.source, 1, (size_t)run.length);
        p->changed = true;
    }
}

static void mark_node(Paths *p, int set, int64_t node)
{
    for (int b = 0; b < p->g->bundles.count; b++) {
        if (p->g->bundles.at[b].to != set) continue;
        if (!p->forwards && p->mark[set][node]) mark_sources(p, b, node);
        if (p->forwards && !p->mark[set][node] && source_marked(p, b, node))
            p->mark[set][node] = 1, p->changed = true;
    }
}

/* Along the order of the nodes: once is enough. */
static void sweep_order(Paths *p)
{
    const WiringOrder *o = &p->g->order;
    for (int at = 0; at < o->phase_count; at++) {
        const WiringPhase *phase = &o->phases[p->forwards ? at : o->phase_count - 1 - at];
        for (int64_t i = 0; i < phase->count; i++) mark_node(p, phase->set, o->nodes[phase->first + i]);
    }
}

static void sweep_sets(Paths *p, bool upwards)
{
    int sets = p->g->sets.count;
    for (int i = 0; i < sets; i++) {
        int set = upwards ? i : sets - 1 - i;
        int64_t size = p->g->sets.at[set].size;
        for (int64_t n = 0; n < size; n++) mark_node(p, set, upwards ? n : size - 1 - n);
    }
}

/* A graph in time has no order: sweeps up and down until nothing changes. */
static void mark_paths(Check *k, Graph *g, bool forwards, uint8_t **mark)
{
    Paths p = {g, forwards, true, mark, NEW_ARRAY(k->perm, int, (size_t)g->bundles.count + 1)};
    for (int s = 0; s < g->sets.count; s++)
        memset(mark[s], s == (forwards ? g->input : g->output), (size_t)g->sets.at[s].size);
    for (int sweep = 0; p.changed; sweep++) {
        p.changed = false;
        for (int b = 0; b < g->bundles.count; b++) p.dense[b] = -1;
        if (is_timed(g)) sweep_sets(&p, sweep % 2 == 0);
        else {
            sweep_order(&p);
            return;
        }
    }
}

static void check_paths(Check *k, Graph *g)
{
    uint8_t **mark = NEW_ARRAY(k->perm, uint8_t *, (size_t)g->sets.count);
    for (int s = 0; s < g->sets.count; s++)
        mark[s] = NEW_ARRAY(k->perm, uint8_t, (size_t)g->sets.at[s].size + 1);
    for (int l = 0; l < g->lists.count; l++)
        if (g->lists.at[l].candidates == 0) return; /* that is the mistake */
    mark_paths(k, g, true, mark);
    bool reached = memchr(mark[g->output], 1, (size_t)g->sets.at[g->output].size) != NULL;
    if (!reached) {
        Diag *d = diag_add(k->diags, E_PATH, g->sets.at[g->output].span,
                           "no path leads from '%s' to '%s' in graph '%s'", g->sets.at[g->input].name,
                           g->sets.at[g->output].name, g->name);
        diag_note(d, g->sets.at[g->input].span, "the input is declared here");
        for (int s = 0; s < g->sets.count; s++)
            if (g->sets.at[s].size == 0)
                diag_note(d, g->sets.at[s].span, "'%s' has no nodes, so edges into and out of it are removed",
                          g->sets.at[s].name);
        diag_help(d, "add edges, such as: edges %s -> %s", g->sets.at[g->input].name,
                  g->sets.at[g->output].name);
        return;
    }
    warn_nodes(k, g, mark, W_UNREACHABLE, "cannot be reached from the input",
               "add edges into them, or make the set smaller");
    mark_paths(k, g, false, mark);
    for (int64_t i = 0; i < g->sets.at[g->input].size; i++) mark[g->input][i] = 1;
    warn_nodes(k, g, mark, W_DEAD_END, "have no path to the output",
               "add edges out of them, or make the set smaller");
}

/* An input set with a function has states. Without edges into it, what it was given goes with the first step.
 */
static void warn_input(Check *k, const Graph *g)
{
    const NodeSet *in = &g->sets.at[g->input];
    if (!is_timed(g) || !in->states || in->size == 0) return;
    for (int b = 0; b < g->bundles.count; b++)
        if (g->bundles.at[b].to == g->input) return;
    Diag *d =
        diag_add(k->diags, W_INPUT_MOVES, in->span,
                 "in time, the function of input '%s' moves its values from those that are given, and no "
                 "edges lead into '%s'",
                 in->name, in->name);
    diag_help(d,
              "without a function it keeps what is given: input %s[...]; a function without states can be "
              "applied before the graph: |> %s |> %s",
              in->name, in->cell_name, g->name);
}

bool build_order(Check *k, Graph *g)
{
    WiringSet *sets = NEW_ARRAY(k->perm, WiringSet, (size_t)g->sets.count);
    WiringLine *lines = NEW_ARRAY(k->perm, WiringLine, (size_t)g->bundles.count + 1);
    const Candidates **candidates = NEW_ARRAY(k->perm, const Candidates *, (size_t)g->bundles.count + 1);
    for (int s = 0; s < g->sets.count; s++) sets[s] = set_wiring(&g->sets.at[s]);
    for (int b = 0; b < g->bundles.count; b++) {
        lines[b] = (WiringLine){.from = g->bundles.at[b].from, .to = g->bundles.at[b].to};
        candidates[b] = &g->bundles.at[b].candidates;
    }
    WiringCycle cycle;
    const WiringGraph graph = {g->sets.count, g->bundles.count, sets, lines, candidates};
    bool wanted = k->test.probing ? !k->test.cyclic : !is_timed(g);
    if (wanted && !wiring_order(&graph, &g->order, &cycle)) {
        if (cycle.length && k->test.probing) return k->test.cyclic = true;
        if (cycle.length) report_cycle(k, g, &cycle);
        else diag_add(k->diags, E_MEMORY, g->span, "not enough memory to order the nodes of '%s'", g->name);
        return false;
    }
    if (!k->test.probing) check_paths(k, g), warn_input(k, g);
    return true;
}
