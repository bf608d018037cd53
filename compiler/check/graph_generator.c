/* graph_generator.c: `in watts_strogatz(4, 75%)` and others: pairs drawn by the generators of random graphs.
 *
 * N nodes, joined from the lower number to the higher, so that there is no cycle (Xie, Kirillov, Girshick and
 * He, "Exploring Randomly Wired Neural Networks for Image Recognition", ICCV 2019, Section 3.3). The random
 * numbers follow from the seed of the train block and `draw`: a graph is the same wherever it is named.
 */
#include "check/graph.h"
#include "common/rng.h"

/* A graph that is being drawn. */
typedef struct Drawing {
    Check *k;
    const Val *source; /* watts_strogatz(4, 75%) */
    uint64_t stream, next;
    int64_t nodes;
    Vec(uint32_t) ends; /* of the edges, two of each: edge e joins ends 2 e and 2 e + 1 */
} Drawing;

static double draw(Drawing *d)
{
    return rng_uniform((uint64_t)d->k->train.seed, d->stream, d->next++);
}

/* 0 .. n - 1, all alike */
static int64_t draw_below(Drawing *d, int64_t n)
{
    return (int64_t)(draw(d) * (double)n);
}

static void join(Drawing *d, int64_t a, int64_t b)
{
    vec_push(d->k->perm, &d->ends, (uint32_t)a);
    vec_push(d->k->perm, &d->ends, (uint32_t)b);
}

/* Of so many edges, in about so many steps. */
static bool can_draw(Drawing *d, double edges, double steps)
{
    Check *k = d->k;
    if (!few_pairs(k, d->source->span, edges)) return false;
    const bool fits = steps + (double)k->effort.pairs <= (double)limits.pairs;
    if (fits) k->effort.pairs += (int64_t)steps;
    else
        diag_add(k->diags, E_MEMORY, d->source->span,
                 "this graph of %lld nodes takes about %.0f million steps to draw; the most is %.0f million",
                 (long long)d->nodes, steps / 1e6, (double)limits.pairs / 1e6);
    return fits;
}

/* ---- generators ---- */

/* Each pair with probability p. */
static bool erdos_renyi(Drawing *d)
{
    double p;
    if (!number_between(d->k, d->source->items.at[0], "the probability of an edge", 0, 1, &p)) return false;
    const double all = (double)d->nodes * (double)(d->nodes - 1) / 2;
    if (!can_draw(d, p * all, all)) return false;
    for (int64_t a = 0; a < d->nodes; a++)
        for (int64_t b = a + 1; b < d->nodes; b++)
            if (draw(d) < p) join(d, a, b);
    return true;
}

/* m nodes without edges; each further node joins m of those before it, the first of them all m, the others
 * with a probability by their number of edges: m (N - m) edges. */
static bool barabasi_albert(Drawing *d)
{
    int64_t m;
    if (!whole_between(d->k, d->source->items.at[0], "the number of edges of a new node", 1, d->nodes - 1,
                       &m))
        return false;
    const double edges = (double)m * (double)(d->nodes - m);
    if (!can_draw(d, edges, 2 * edges)) return false;
    for (int64_t i = 0; i < m; i++) join(d, i, m);
    uint32_t *joined = NEW_ARRAY(d->k->perm, uint32_t, (size_t)d->nodes); /* to this node last */
    for (int64_t node = m + 1; node < d->nodes; node++) {
        const int64_t before = d->ends.count; /* each node as often as it has edges */
        for (int64_t i = 0; i < m; i++) {
            uint32_t other;
            do other = d->ends.at[draw_below(d, before)];
            while (joined[other] == node);
            joined[other] = (uint32_t)node;
            join(d, other, node);
        }
    }
    return true;
}

/* Edge i of node a leads to ends[a (k/2) + i]. */
typedef struct Ring {
    int64_t half; /* k / 2 */
    uint32_t *ends, *degree;
} Ring;

static bool has_edge(const Ring *r, int64_t a, int64_t b)
{
    for (int64_t i = 0; i < r->half; i++)
        if (r->ends[a * r->half + i] == b || r->ends[b * r->half + i] == a) return true;
    return false;
}

/* The edge that begins at node a gets another end, any that a is not joined with. */
static void rewire(Drawing *d, Ring *r, int64_t a, uint32_t *end)
{
    int64_t other;
    if (r->degree[a] == d->nodes - 1) return;
    do other = draw_below(d, d->nodes);
    while (other == a || has_edge(r, a, other));
    r->degree[*end]--, r->degree[other]++;
    *end = (uint32_t)other;
}

/* A ring in which each node is joined with its k nearest; then, node by node, each edge to a following node
 * gets another end with probability p (Watts and Strogatz 1998): N k / 2 edges. */
static bool watts_strogatz(Drawing *d)
{
    const Val *const *args = (const Val *const *)d->source->items.at;
    const int64_t n = d->nodes;
    int64_t neighbours;
    double p;
    const int64_t most = (n - 1) / 2 * 2;
    if (!whole_between(d->k, args[0], "the number of neighbours in the ring, which is even,", 2, most,
                       &neighbours) ||
        !number_between(d->k, args[1], "the probability of another end", 0, 1, &p))
        return false;
    if (neighbours % 2) {
        Diag *m = diag_add(d->k->diags, E_RANGE, args[0]->span,
                           "the number of neighbours in the ring must be even, half of them on each side");
        diag_fix(m, args[0]->span, arena_printf(d->k->perm, "%lld", (long long)neighbours - 1), "write ", "");
        return false;
    }
    Ring r = {.half = neighbours / 2};
    const double edges = (double)n * (double)r.half, tries = (double)n / (double)(n - neighbours);
    if (!can_draw(d, edges, edges * (double)neighbours * tries)) return false;
    r.ends = NEW_ARRAY(d->k->perm, uint32_t, (size_t)(n * r.half));
    r.degree = NEW_ARRAY(d->k->perm, uint32_t, (size_t)n);
    for (int64_t a = 0; a < n; a++) {
        r.degree[a] = (uint32_t)neighbours;
        for (int64_t i = 0; i < r.half; i++) r.ends[a * r.half + i] = (uint32_t)((a + 1 + i) % n);
    }
    for (int64_t a = 0; a < n; a++)
        for (int64_t i = 0; i < r.half; i++)
            if (draw(d) < p) rewire(d, &r, a, &r.ends[a * r.half + i]);
    for (int64_t e = 0; e < n * r.half; e++) join(d, e / r.half, r.ends[e]);
    return true;
}

/* The arguments behind its own are draw and both. */
typedef struct Generator {
    BuiltinId id;
    int own, fewest; /* arguments; nodes */
    bool (*draw)(Drawing *d);
} Generator;
static const Generator generators[] = {{BUILTIN_watts_strogatz, 2, 3, watts_strogatz},
                                       {BUILTIN_erdos_renyi, 1, 1, erdos_renyi},
                                       {BUILTIN_barabasi_albert, 1, 2, barabasi_albert}};

static bool one_numbering(Check *k, const Val *source, const Pairs *p, int fewest)
{
    if (p->numbers[0] != p->numbers[1]) {
        Diag *d = diag_add(k->diags, E_PAIRS, source->span,
                           "%s joins nodes with the same numbers at both ends; '%s' has %lld, '%s' %lld",
                           source->builtin->name, p->names[0], (long long)p->numbers[0], p->names[1],
                           (long long)p->numbers[1]);
        diag_help(d, "between two sets of other sizes a condition draws edges: where chance(20%%)");
        return false;
    }
    if (p->numbers[0] >= fewest) return true;
    diag_add(k->diags, E_PAIRS, source->span, "%s draws graphs of %d or more nodes; '%s' has %lld",
             source->builtin->name, fewest, p->names[0], (long long)p->numbers[0]);
    return false;
}

static bool drawn_pairs(Check *k, const Generator *g, const Val *source, Pairs *p)
{
    const Val *both = source->items.at[g->own + 1];
    int64_t number;
    if (!one_numbering(k, source, p, g->fewest) ||
        !whole_between(k, source->items.at[g->own], "draw", 0, 1000000000, &number))
        return false;
    if (both->kind != VAL_BOOL) {
        diag_add(k->diags, E_KIND, both->span, "both is true or false; this is %s", val_text(k, both));
        return false;
    }
    Drawing d = {
        .k = k, .source = source, .stream = RNG_PAIRS + ((uint64_t)number << 8), .nodes = p->numbers[0]};
    if (!g->draw(&d)) return false;
    const int64_t edges = d.ends.count / 2;
    p->count = both->number != 0 ? 2 * edges : edges;
    for (int i = 0; i < 2; i++) p->number[i] = NEW_ARRAY(k->perm, uint32_t, (size_t)p->count + 1);
    for (int64_t e = 0; e < p->count; e++) {
        const uint32_t *ends = &d.ends.at[2 * (e % edges)];
        const bool rises = (ends[0] < ends[1]) == (e < edges);
        p->number[0][e] = ends[!rises], p->number[1][e] = ends[rises];
    }
    return true;
}

/* ---- nodes that no edge leads to, and those that none leads from ---- */

/* All of one end with those of the other end that lack edges on that side (0: out of them, 1: into them). */
static bool lacking_pairs(Check *k, const Val *source, Pairs *p, int side)
{
    Pairs inner = *p;
    for (int i = 0; i < 2; i++) {
        inner.names[i] = p->names[side], inner.spans[i] = p->spans[side];
        inner.numbers[i] = p->numbers[side];
    }
    if (!pairs_of(k, source->items.at[0], &inner)) return false;
    const int64_t nodes = p->numbers[side], others = p->numbers[1 - side];
    bool *has = NEW_ARRAY(k->perm, bool, (size_t)nodes);
    int64_t lacking = nodes;
    for (int64_t i = 0; i < inner.count; i++) {
        bool *one = &has[inner.number[side][i]];
        lacking -= !*one, *one = true;
    }
    if (!few_pairs(k, source->span, (double)lacking * (double)others)) return false;
    for (int i = 0; i < 2; i++) p->number[i] = NEW_ARRAY(k->perm, uint32_t, (size_t)(lacking * others) + 1);
    for (int64_t n = 0; n < nodes; n++)
        for (int64_t o = 0; o < others && !has[n]; o++) {
            p->number[side][p->count] = (uint32_t)n;
            p->number[1 - side][p->count++] = (uint32_t)o;
        }
    return true;
}

bool generated_pairs(Check *k, const Val *source, Pairs *p)
{
    const BuiltinId id = source->builtin->id;
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++)
        if (generators[i].id == id) return drawn_pairs(k, &generators[i], source, p);
    return lacking_pairs(k, source, p, id == BUILTIN_sources);
}
