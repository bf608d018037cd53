/* edges.c: lists of edges in use.
 *
 * By target (compressed rows) for the forward sums, by source (compressed columns) for the backward sums
 * where there are any, rebuilt from the marks of choose.c where these changed; otherwise only the weights
 * are updated. The targets of a line, then its sources, are shared out in parts, one a thread. A part
 * writes to adjacent memory: no two threads write to the same cache line, except at its ends. The lists
 * are the same for any number of parts.
 */
#include "net/net_private.h"
#include "common/simd.h"
#include "common/thread.h"
#include <stdlib.h>

/* Candidates of a part at least: waking threads takes longer than a few thousand. */
enum { PART = 1 << 16 };

bool edges_parts(NetBundle *b, int threads)
{
    const int64_t most = net_stored(b) / PART + 1;
    b->part_count = most < threads ? (int)most : threads;
    b->part_edges = calloc((size_t)b->part_count, sizeof *b->part_edges);
    b->next = malloc((size_t)(b->candidates.sources + 1) * sizeof *b->next);
    return b->part_edges && b->next;
}

/* Targets or sources first .. end of a part. */
typedef struct Nodes {
    int64_t first, end;
} Nodes;

static Nodes part_of_nodes(const NetBundle *b, int part, int64_t nodes)
{
    return (Nodes){nodes * part / b->part_count, nodes * (part + 1) / b->part_count};
}

/* Edges of the parts before. */
static uint32_t edges_before(const NetBundle *b, int part)
{
    uint32_t edges = 0;
    for (int p = 0; p < part; p++) edges += b->part_edges[p];
    return edges;
}

/* Marks are looked at 64 at a time: most are 0. */
static uint64_t marks_at(const NetBundle *b, int64_t candidate, int64_t left)
{
    return simd_word(b->kept + candidate, left < 64 ? left : 64);
}

static void count_rows(NetBundle *b, int part)
{
    const Candidates *c = &b->candidates;
    const Nodes targets = part_of_nodes(b, part, c->targets);
    const int64_t end = candidates_row(c, targets.end);
    uint32_t edges = 0;
    if (b->line.slots || part + 1 == b->part_count) return; /* no part behind it asks */
    for (int64_t i = candidates_row(c, targets.first); i < end; i += 64)
        edges += (uint32_t)__builtin_popcountll(marks_at(b, i, end - i));
    b->part_edges[part] = edges;
}

/* Adds the marked candidates of a run of sources. */
static uint32_t add_marked(NetBundle *b, const CandidateRun *run, uint32_t n)
{
    for (int64_t i = 0; i < run->length; i += 64)
        for (uint64_t marked = marks_at(b, run->first + i, run->length - i); marked; marked &= marked - 1) {
            int64_t k = i + __builtin_ctzll(marked);
            b->source[n] = (uint32_t)(run->source + k);
            b->candidate[n++] = (uint32_t)(run->first + k);
        }
    return n;
}

static void compress_rows(NetBundle *b, int part)
{
    const Candidates *c = &b->candidates;
    const Nodes targets = part_of_nodes(b, part, c->targets);
    if (b->line.slots) {
        for (int64_t t = targets.first; t <= targets.end; t++)
            if (t < targets.end || t == c->targets) b->row[t] = (uint32_t)c->row[t];
        return;
    }
    uint32_t at = edges_before(b, part);
    for (int64_t t = targets.first; t < targets.end; t++) {
        CandidateRun run;
        b->row[t] = at;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++) at = add_marked(b, &run, at);
    }
    if (targets.end == c->targets) b->row[targets.end] = at;
}

/* The edges into a target that come from some of the sources. */
static Nodes edges_from(const NetBundle *b, int64_t target, Nodes sources)
{
    uint32_t first = b->row[target], end = b->row[target + 1];
    while (first < end && b->source[first] < sources.first) first++;
    while (first < end && b->source[end - 1] >= sources.end) end--;
    return (Nodes){first, end};
}

static void count_columns(NetBundle *b, int part)
{
    const Candidates *c = &b->candidates;
    const Nodes sources = part_of_nodes(b, part, c->sources);
    int64_t edges = 0;
    if (!b->line.back) return;
    for (int64_t s = sources.first; s < sources.end; s++) b->next[s] = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        const Nodes e = edges_from(b, t, sources);
        for (int64_t i = e.first; i < e.end; i++) b->next[b->source[i]]++;
        edges += e.end - e.first;
    }
    b->part_edges[part] = (uint32_t)edges;
}

static void compress_columns(NetBundle *b, int part)
{
    const Candidates *c = &b->candidates;
    const Nodes sources = part_of_nodes(b, part, c->sources);
    uint32_t at = edges_before(b, part);
    if (!b->line.back) return;
    for (int64_t s = sources.first; s < sources.end; s++) {
        uint32_t count = b->next[s];
        b->column[s] = b->next[s] = at, at += count;
    }
    if (sources.end == c->sources) b->column[sources.end] = at;
    for (int64_t t = 0; t < c->targets; t++) {
        const Nodes e = edges_from(b, t, sources);
        for (int64_t i = e.first; i < e.end; i++) {
            uint32_t to = b->next[b->source[i]]++;
            b->target[to] = (uint32_t)t;
            b->order_back[to] = (uint32_t)i;
        }
    }
}

/* to[i] = from[index[i]] for edges i of a part. */
static void fetch(void *to, const void *from, const uint32_t *index, const NetBundle *b, int part, int size)
{
    const Nodes edges = part_of_nodes(b, part, b->row[b->candidates.targets]);
    if (size == 4)
        for (int64_t i = edges.first; i < edges.end; i++)
            ((uint32_t *)to)[i] = ((const uint32_t *)from)[index[i]];
    else
        for (int64_t i = edges.first; i < edges.end; i++)
            ((uint64_t *)to)[i] = ((const uint64_t *)from)[index[i]];
}

static void fetch_weights(const Net *n, NetBundle *b, int part)
{
    if (b->line.function || b->line.slots) return; /* slots: they are the weights themselves */
    if (forward_rule(n, b)) {
        const Nodes edges = part_of_nodes(b, part, b->row[b->candidates.targets]);
        forward_fetch(n, b, edges.first, edges.end);
        return;
    }
    const int64_t at = b->param->offset;
    const void *weights = n->real_size == 4 ? (void *)(n->weights + at) : (double *)n->param + at;
    fetch(b->weight, weights, b->candidate, b, part, n->real_size);
}

static void fetch_back(const Net *n, NetBundle *b, int part)
{
    if (!b->line.back) return;
    if (b->line.function) fetch(b->candidate_back, b->candidate, b->order_back, b, part, 4);
    else fetch(b->weight_back, b->weight, b->order_back, b, part, n->real_size);
}

/* What is done for all parts of all lines before the next stage begins. */
typedef struct Stage {
    void (*rebuild)(NetBundle *b, int part); /* where marks changed */
    void (*fetch)(const Net *n, NetBundle *b, int part);
} Stage;
static const Stage stages[] = {
    {count_rows, NULL},       {compress_rows, NULL}, {count_columns, fetch_weights},
    {compress_columns, NULL}, {NULL, fetch_back},
};

typedef struct Rebuild {
    const Net *n;
    const Stage *stage;
} Rebuild;

static void run_part(void *job, int64_t item)
{
    const Rebuild *r = job;
    NetBundle *b = r->n->bundles;
    while (item >= b->part_count) item -= b++->part_count;
    if (r->stage->rebuild && b->changed) r->stage->rebuild(b, (int)item);
    if (r->stage->fetch) r->stage->fetch(r->n, b, (int)item);
}

void edges_rebuild(Net *n)
{
    int parts = 0;
    for (int i = 0; i < n->bundle_count; i++) parts += n->bundles[i].part_count;
    for (size_t s = 0; s < sizeof stages / sizeof *stages; s++)
        thread_share(n->param_total > PART ? n->options.threads : 1, parts, run_part,
                     &(Rebuild){n, &stages[s]});
    n->kept_total = 0;
    for (int i = 0; i < n->bundle_count; i++) {
        n->bundles[i].changed = false;
        n->kept_total += n->bundles[i].row[n->bundles[i].candidates.targets];
    }
}
