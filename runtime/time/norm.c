/* norm.c: graphs whose functions have a batch_norm: their levels in rounds, and the statistics between
 * them.
 *
 * Every tile has the mean and the squares of the distances from it of its own samples; net_moments.c joins
 * them. Backwards the gradients of both are sums over tiles, divided by how many numbers the statistics were
 * taken of (compiler/lower/grad.h).
 *
 * Those of edges follow from what their sources send alone. So they are taken before the sums of a phase, of
 * all candidates into its nodes, by code that goes through all tiles for one candidate after the other; their
 * gradients when those of the sums are known.
 */
#include "net/net_private.h"
#include "net/profile.h"
#include "common/thread.h"
#include <stdlib.h>

/* ---- turns ---- */

typedef struct Turns {
    NetRounds *r;
    int64_t count, first; /* turns so far; where the present round begins */
} Turns;

static void add_turn(Turns *t, int set, int step, int64_t phase)
{
    t->r->turn[t->count] = (int64_t)set * TURN_STEPS + step;
    t->r->phase[t->count++] = phase;
}

static void end_round(Turns *t, int64_t phase, int norm)
{
    NetRounds *r = t->r;
    DnwrtTurns turns = {t->count - t->first, r->turn + t->first, r->phase + t->first, r->count == 0};
    r->rounds[r->count++] = (NetRound){turns, phase, norm};
    t->first = t->count;
}

/* The norms of the sets that move together: of one set, or of all in time. */
static int most_norms(const NetGraph *g, int set)
{
    int most = 0;
    for (int i = 0; i < g->set_count; i++)
        if (set < 0 || i == set) most = g->sets[i].norm_count > most ? g->sets[i].norm_count : most;
    return most;
}

/* Have edges into a set (in time: into any) a batch_norm? */
static bool has_edges(const Net *n, int graph, int set)
{
    const NetGraph *g = &n->graphs[graph];
    for (int i = g->first_bundle; i < g->first_bundle + g->bundle_count; i++)
        if ((set < 0 || n->bundles[i].line.to == set) && n->bundles[i].stages.statistics >= 0) return true;
    return false;
}

/* Phases of a graph, or evaluations in time. */
static int64_t stops(const Net *n, int graph)
{
    const DnwrtTime *t = &n->times[graph];
    return t->stages ? t->positions * t->steps * t->stages : n->graphs[graph].order->phase_count;
}

static bool make_rounds(const Net *n, NetRounds *r)
{
    const int graph = r->norms->graph;
    const bool back = r->norms->back;
    const NetGraph *g = &n->graphs[graph];
    int64_t phases = stops(n, graph);
    size_t most = (size_t)phases * (3 + MAX_NORMS) + 1;
    r->rounds = calloc(most, sizeof *r->rounds);
    r->turn = calloc(most, sizeof *r->turn), r->phase = calloc(most, sizeof *r->phase);
    if (!r->rounds || !r->turn || !r->phase) return false;
    Turns t = {r, 0, 0};
    for (int64_t i = 0; i < phases; i++) {
        int64_t phase = back ? phases - 1 - i : i;
        int set = n->times[graph].stages ? 0 : g->order->phases[phase].set; /* in time of all sets */
        int norms = most_norms(g, n->times[graph].stages ? -1 : set);
        bool edges = has_edges(n, graph, n->times[graph].stages ? -1 : set);
        if (edges && !back) end_round(&t, phase, ROUND_EDGES);
        add_turn(&t, set, TURN_SUM, phase);
        for (int k = 0; k < norms; k++) {
            int norm = back ? norms - 1 - k : k;
            add_turn(&t, set, TURN_NORM + norm, phase);
            end_round(&t, phase, norm);
        }
        add_turn(&t, set, TURN_FINISH, phase);
        if (!edges || !back) continue;
        end_round(&t, phase, ROUND_EDGES);
        add_turn(&t, set, TURN_EDGES, phase);
    }
    end_round(&t, 0, ROUND_LAST);
    return true;
}

bool norm_rounds(Net *n)
{
    n->rounds = calloc((size_t)n->train.level_count + 1, sizeof *n->rounds);
    bool ok = n->rounds != NULL;
    for (int i = 0; ok && i < n->train.level_count; i++) {
        n->rounds[i].norms = n->train.levels[i].norms;
        ok = !n->rounds[i].norms || make_rounds(n, &n->rounds[i]);
    }
    return ok;
}

void norm_free(Net *n)
{
    for (int i = 0; n->rounds && i < n->train.level_count; i++)
        free(n->rounds[i].rounds), free(n->rounds[i].turn), free(n->rounds[i].phase);
    free(n->rounds);
}

/* ---- statistics ---- */

typedef struct Take {
    const Net *n;
    const NetFunc *f;
    const NetRounds *r;
    int64_t samples;
} Take;

/* Those of one node at an evaluation: element `mean` of the tiles' parts, the statistics from element `to`
 * on. */
static void take_node(const Take *k, const NetSet *s, const NetNorm *norm, int64_t node, int64_t evaluation)
{
    int64_t size = s->wiring.size, mean = k->r->norms->moments + norm->first + node,
            to = k->r->norms->statistics + norm->first + evaluation * size + node;
    double out[2];
    const NetMoments m = {k->f, k->samples, norm->pixels, mean, mean + size};
    if (k->r->norms->back) net_mean_parts(k->n, &m, out);
    else net_join_moments(k->n, &m, out);
    net_put_shared(k->n, to, out[0]);
    net_put_shared(k->n, to + norm->evaluations * size, out[1]);
}

typedef struct EdgeTake {
    const Net *n;
    const NetBundle *b;
    const uint32_t *nodes;
    int64_t tiles;
    int stage;
} EdgeTake;

static void take_target(void *job, int64_t i)
{
    const EdgeTake *k = job;
    dnwrt_lap(PROFILE_START);
    gradient_edge_target(k->n, k->b, k->stage, k->nodes ? k->nodes[i] : i, k->tiles, false);
}

/* Those of all candidates of a bundle into `count` nodes (NULL: all) at an evaluation. */
static void take_edges(const Take *k, NetBundle *b, const uint32_t *nodes, int64_t count, int64_t evaluation)
{
    const Net *n = k->n;
    int stage = k->r->norms->back ? b->stages.statistics_back : b->stages.statistics;
    int64_t tiles = (k->samples + n->lanes - 1) / n->lanes;
    if (stage < 0) return;
    gradient_edge_rows(n, b, tiles, evaluation);
    thread_share(n->options.threads, count, take_target, &(EdgeTake){n, b, nodes, tiles, stage});
}

static void take_all_edges(const Take *k, const NetGraph *g, int64_t stop)
{
    for (int i = g->first_bundle; i < g->first_bundle + g->bundle_count; i++) {
        NetBundle *b = &k->n->bundles[i];
        const WiringPhase *phase = &g->order->phases[stop];
        if (k->n->times[k->r->norms->graph].stages) take_edges(k, b, NULL, b->candidates.targets, stop);
        else if (b->line.to == phase->set) take_edges(k, b, g->order->nodes + phase->first, phase->count, 0);
    }
}

void norm_take(Net *n, const NetFunc *f, const NetRounds *r, const NetRound *round, int64_t samples)
{
    const NetGraph *g = &n->graphs[r->norms->graph];
    Take k = {n, f, r, samples};
    if (round->norm == ROUND_EDGES) take_all_edges(&k, g, round->phase);
    if (round->norm < 0) return;
    for (int i = 0; i < g->set_count && n->times[r->norms->graph].stages; i++)
        for (int64_t node = 0; node < g->sets[i].wiring.size && round->norm < g->sets[i].norm_count; node++)
            take_node(&k, &g->sets[i], &g->sets[i].norms[round->norm], node, round->phase);
    if (n->times[r->norms->graph].stages) return;
    const WiringPhase *phase = &g->order->phases[round->phase];
    const NetSet *s = &g->sets[phase->set];
    for (int64_t i = 0; i < phase->count; i++)
        take_node(&k, s, &s->norms[round->norm], g->order->nodes[phase->first + i], 0);
}
