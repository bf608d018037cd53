/* rt_edges.c: lists of edges in use.
 *
 * By target (compressed rows) for the forward sums, by source (compressed columns) for the backward sums,
 * rebuilt from the marks of rt_choose.c where these changed; otherwise only the weights are fetched anew.
 */
#include "rt_net_private.h"
#include "rt_simd.h"
#include <string.h>

/* Adds those of 64 candidates, a bit each, that are marked. */
static uint32_t add_bits(NetBundle *b, uint64_t marked, int64_t source, int64_t candidate, uint32_t n)
{
    for (; marked; marked &= marked - 1) {
        int64_t k = __builtin_ctzll(marked);
        b->source[n] = (uint32_t)(source + k);
        b->candidate[n++] = (uint32_t)(candidate + k);
    }
    return n;
}

/* Adds the marked candidates of a run of sources. Marks are looked at 64 at a time: most are 0. */
static uint32_t add_marked(NetBundle *b, const CandidateRun *run, uint32_t n)
{
    const uint8_t *kept = b->kept + run->first;
    for (int64_t i = 0; i < run->length; i += 64) {
        const int64_t left = run->length - i;
        n = add_bits(b, simd_word(kept + i, left < 64 ? left : 64), run->source + i, run->first + i, n);
    }
    return n;
}

static void compress_rows(NetBundle *b)
{
    const Candidates *c = &b->candidates;
    uint32_t n = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        CandidateRun run;
        b->row[t] = n;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++) n = add_marked(b, &run, n);
    }
    b->row[c->targets] = n;
}

static void compress_columns(NetBundle *b)
{
    const Candidates *c = &b->candidates;
    uint32_t *first = b->column;
    memset(first, 0, (size_t)(c->sources + 1) * sizeof *first);
    uint32_t edges = b->row[c->targets];
    for (uint32_t e = 0; e < edges; e++) first[b->source[e] + 1]++;
    for (int64_t s = 0; s < c->sources; s++) first[s + 1] += first[s];
    for (int64_t t = 0; t < c->targets; t++)
        for (uint32_t e = b->row[t]; e < b->row[t + 1]; e++) {
            uint32_t at = first[b->source[e]]++;
            b->target[at] = (uint32_t)t;
            b->order_back[at] = e;
        }
    memmove(first + 1, first, (size_t)c->sources * sizeof *first);
    first[0] = 0;
}

static void bundle_weights(Net *n, NetBundle *b)
{
    uint32_t edges = b->row[b->candidates.targets];
    if (b->function) {
        for (uint32_t e = 0; e < edges; e++) b->candidate_back[e] = b->candidate[b->order_back[e]];
        return;
    }
    if (n->real_size == 4) {
        const float *w = n->weights + b->param->offset;
        float *forward = b->weight, *back = b->weight_back;
        for (uint32_t e = 0; e < edges; e++) forward[e] = w[b->candidate[e]];
        for (uint32_t e = 0; e < edges; e++) back[e] = forward[b->order_back[e]];
    } else {
        const double *w = (const double *)n->param + b->param->offset;
        double *forward = b->weight, *back = b->weight_back;
        for (uint32_t e = 0; e < edges; e++) forward[e] = w[b->candidate[e]];
        for (uint32_t e = 0; e < edges; e++) back[e] = forward[b->order_back[e]];
    }
}

/* Waking threads takes longer than a few thousand edges. */
enum { WORTH_THREADS = 1 << 16 };

void edges_weights(Net *n)
{
#pragma omp parallel for num_threads(n->options.threads)                                                     \
    schedule(dynamic, 1) if (n->param_total > WORTH_THREADS)
    for (int i = 0; i < n->bundle_count; i++) bundle_weights(n, &n->bundles[i]);
}

void edges_rebuild(Net *n)
{
    n->kept_total = 0;
#pragma omp parallel for num_threads(n->options.threads)                                                     \
    schedule(dynamic, 1) if (n->param_total > WORTH_THREADS)
    for (int i = 0; i < n->bundle_count; i++) {
        NetBundle *b = &n->bundles[i];
        if (b->changed) {
            compress_rows(b);
            compress_columns(b);
            b->changed = false;
        }
        bundle_weights(n, b);
    }
    for (int i = 0; i < n->bundle_count; i++)
        n->kept_total += n->bundles[i].row[n->bundles[i].candidates.targets];
}
