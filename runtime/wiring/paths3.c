/* paths3.c: the term paths3 of declared rules: how well paths of three edges in use support a candidate (the
 * epitopological score CH3-L3; Zhang et al., "Epitopological learning and Cannistraci-Hebb network shape
 * intelligence brain-inspired theory for ultra-sparse advantage in deep learning", ICLR 2024, section 3).
 *
 * A line of edges is a network of two sides, sources and targets. The candidate from s to t adds up, over the
 * targets j of s that share a source with t, 1 / max(edges into j - shared ones, 1); and in the same way over
 * the sources of t that share a target with s. A path s - j - shared - t has three edges, and counts the
 * more the fewer edges lead out of it. All sums are over edges in use, so the cost follows their number.
 */
#include "wiring/moment.h"

typedef struct Sides {
    int64_t targets, sources;
    double *sum;      /* by source, of the target at hand */
    uint32_t *row;    /* edges of each target .. */
    uint32_t *column; /* .. and of each source */
    uint32_t *source; /* the other ends, by target .. */
    uint32_t *target; /* .. and by source */
    uint32_t *count;  /* of a node of either side: shared ones */
    uint32_t *near;   /* nodes with a count, and how many */
    uint32_t *dirty;  /* sources with a sum */
    int64_t near_count, dirty_count;
} Sides;

static int64_t side_sizes(const Net *n, const NetBundle *b, int64_t *targets, int64_t *sources)
{
    const NetGraph *g = &n->graphs[b->line.graph];
    *targets = g->sets[b->line.to].wiring.size, *sources = g->sets[b->line.from].wiring.size;
    return *targets > *sources ? *targets : *sources;
}

int64_t paths3_bytes(const Net *n, const NetBundle *b, int64_t edges)
{
    int64_t targets, sources, most = side_sizes(n, b, &targets, &sources);
    return sources * 8 + (targets + sources + 2 + 2 * edges + 2 * most + sources) * 4;
}

static uint32_t *take(uint32_t **room, int64_t count)
{
    uint32_t *here = *room;
    *room += count;
    return here;
}

static void place_edges(const NetBundle *b, Sides *s)
{
    CandidateRun run;
    uint32_t edges = 0;
    memset(s->column, 0, (size_t)(s->sources + 1) * sizeof *s->column);
    for (int64_t t = 0; t < s->targets; t++) {
        s->row[t] = edges;
        for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
            for (int64_t c = 0; c < run.length; c++)
                if (b->kept[run.first + c])
                    s->source[edges++] = (uint32_t)(run.source + c), s->column[run.source + c + 1]++;
    }
    s->row[s->targets] = edges;
    for (int64_t v = 0; v < s->sources; v++) s->column[v + 1] += s->column[v];
    for (int64_t t = 0; t < s->targets; t++)
        for (uint32_t e = s->row[t]; e < s->row[t + 1]; e++)
            s->target[s->column[s->source[e]]++] = (uint32_t)t;
    for (int64_t v = s->sources; v > 0; v--) s->column[v] = s->column[v - 1];
    s->column[0] = 0;
}

static Sides sides_of(const Moment *m, const NetBundle *b)
{
    Sides s = {0};
    int64_t edges = 0, most = side_sizes(m->n, b, &s.targets, &s.sources);
    for (int64_t c = 0; c < b->candidates.count; c++) edges += b->kept[c];
    s.sum = m->n->scratch;
    uint32_t *room = (uint32_t *)(s.sum + s.sources);
    s.row = take(&room, s.targets + 1), s.column = take(&room, s.sources + 1);
    s.source = take(&room, edges), s.target = take(&room, edges);
    s.count = take(&room, most), s.near = take(&room, most), s.dirty = take(&room, s.sources);
    memset(s.sum, 0, (size_t)s.sources * sizeof *s.sum);
    memset(s.count, 0, (size_t)most * sizeof *s.count);
    place_edges(b, &s);
    return s;
}

/* Nodes two edges away from `node`, by way of `first` and then `second`, but not itself: how often each. */
static void count_near(Sides *s, const uint32_t *first, const uint32_t *to, const uint32_t *second,
                       const uint32_t *back, uint32_t node)
{
    s->near_count = 0;
    for (uint32_t e = first[node]; e < first[node + 1]; e++)
        for (uint32_t f = second[to[e]]; f < second[to[e] + 1]; f++)
            if (back[f] != node && !s->count[back[f]]++) s->near[s->near_count++] = back[f];
}

/* Of a neighbour with so many edges; forgets how many are shared. */
static double weight_of(Sides *s, uint32_t node, uint32_t edges)
{
    const uint32_t shared = s->count[node], others = edges > shared ? edges - shared : 1;
    s->count[node] = 0;
    return 1.0 / others;
}

static void add(Sides *s, uint32_t source, double x)
{
    if (s->sum[source] == 0) s->dirty[s->dirty_count++] = source;
    s->sum[source] += x;
}

static void sum_target(Sides *s, uint32_t t)
{
    count_near(s, s->row, s->source, s->column, s->target, t);
    for (int64_t i = 0; i < s->near_count; i++) {
        const uint32_t j = s->near[i];
        const double x = weight_of(s, j, s->row[j + 1] - s->row[j]);
        for (uint32_t e = s->row[j]; e < s->row[j + 1]; e++) add(s, s->source[e], x);
    }
    for (uint32_t e = s->row[t]; e < s->row[t + 1]; e++) {
        const uint32_t v = s->source[e];
        count_near(s, s->column, s->target, s->row, s->source, v);
        for (int64_t i = 0; i < s->near_count; i++)
            add(s, s->near[i], weight_of(s, s->near[i], s->column[v + 1] - s->column[v]));
    }
}

void paths3(const Moment *m, const NetBundle *b)
{
    Sides s = sides_of(m, b);
    for (int64_t t = 0; t < s.targets; t++) {
        CandidateRun run;
        s.dirty_count = 0;
        sum_target(&s, (uint32_t)t);
        for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
            for (int64_t c = 0; c < run.length; c++)
                m->rule->paths3[b->place + run.first + c] = (float)s.sum[run.source + c];
        for (int64_t i = 0; i < s.dirty_count; i++) s.sum[s.dirty[i]] = 0;
    }
}
