/* rt_edges.c: lists of edges in use, and the gradient of every candidate.
 *
 * In use: by target (compressed rows) for the forward sums, by source (compressed columns) for the backward sums, both
 * rebuilt from the marks of rt_choose.c. Gradient of candidate (u, v): sum over samples of Z_u dL/dI_v, for all pairs of
 * a block at once by matrix multiplication, tile after tile in fixed order; where candidates are few and far apart,
 * pair by pair. Work is cut into panels of targets whatever the number of threads, so the bits do not depend on it.
 */
#include "rt_blas.h"
#include "rt_net_private.h"
#include "rt_simd.h"
#include <string.h>

enum { PANEL = 128, SCRATCH_COLUMNS = 1024 };

/* ---- edges in use ---- */

static void compress_rows(NetBundle *b)
{
    const Candidates *c = &b->candidates;
    uint32_t n = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        CandidateRun run;
        b->row[t] = n;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++)
            for (int64_t i = 0; i < run.length && n < b->capacity; i++) {
                b->source[n] = (uint32_t)(run.source + i); /* written always, kept only when in use */
                b->candidate[n] = (uint32_t)(run.first + i);
                n += b->kept[run.first + i];
            }
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

void edges_weights(Net *n)
{
#pragma omp parallel for num_threads(n->options.threads) schedule(dynamic, 1)
    for (int i = 0; i < n->bundle_count; i++) bundle_weights(n, &n->bundles[i]);
}

void edges_rebuild(Net *n)
{
    n->kept_total = 0;
#pragma omp parallel for num_threads(n->options.threads) schedule(dynamic, 1)
    for (int i = 0; i < n->bundle_count; i++) {
        NetBundle *b = &n->bundles[i];
        compress_rows(b);
        compress_columns(b);
        bundle_weights(n, b);
    }
    for (int i = 0; i < n->bundle_count; i++) n->kept_total += n->bundles[i].row[n->bundles[i].candidates.targets];
}

/* ---- gradients of all candidates ---- */

typedef struct Panel {
    Net *n;
    NetBundle *b;
    int64_t first, rows, tiles; /* targets first .. first + rows */
    char *scratch;              /* PANEL x SCRATCH_COLUMNS */
} Panel;

static const char *tile_row(const Net *n, int64_t tile, int64_t row)
{
    return (const char *)n->context.tiles + (tile * n->context.tile_stride + row * LANES) * n->real_size;
}

/* out (rows x columns, ld) = dL/dI of the panel times Z of sources first .. first + columns, over all samples */
static void multiply(const Panel *p, int64_t source, int64_t columns, void *out, int64_t ld)
{
    for (int64_t t = 0; t < p->tiles; t++) {
        const void *d = tile_row(p->n, t, p->b->target_row + p->first), *z = tile_row(p->n, t, p->b->source_row + source);
        if (p->n->real_size == 4)
            blas_sgemm_nt((int)p->rows, (int)columns, LANES, d, LANES, z, LANES, t > 0, out, (int)ld);
        else blas_dgemm_nt((int)p->rows, (int)columns, LANES, d, LANES, z, LANES, t > 0, out, (int)ld);
    }
}

static char *gradient_at(const Panel *p, int64_t candidate)
{
    return (char *)p->n->grad + (p->b->param->offset + candidate) * p->n->real_size;
}

/* Candidates in runs: a product over the columns that the runs of the panel span, then their part of each row. */
static void segment_panel(const Panel *p)
{
    int64_t low = INT64_MAX, high = 0;
    CandidateRun run;
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t r = 0; candidates_run(&p->b->candidates, t, r, &run); r++) {
            low = run.source < low ? run.source : low;
            high = run.source + run.length > high ? run.source + run.length : high;
        }
    for (int64_t s = low; s < high; s += SCRATCH_COLUMNS) {
        int64_t columns = high - s < SCRATCH_COLUMNS ? high - s : SCRATCH_COLUMNS;
        multiply(p, s, columns, p->scratch, SCRATCH_COLUMNS);
        for (int64_t t = p->first; t < p->first + p->rows; t++)
            for (int64_t r = 0; candidates_run(&p->b->candidates, t, r, &run); r++) {
                int64_t from = run.source > s ? run.source : s;
                int64_t end = run.source + run.length < s + columns ? run.source + run.length : s + columns;
                if (from >= end) continue;
                int64_t at = (t - p->first) * SCRATCH_COLUMNS + from - s;
                memcpy(gradient_at(p, run.first + from - run.source), p->scratch + at * p->n->real_size,
                       (size_t)((end - from) * p->n->real_size));
            }
    }
}

/* Sixteen partial sums, then one: always in the same order. */
RT_CLONES static float dot_f32(const float *a, const float *b)
{
    float part[16] = {0}, sum = 0;
    for (int i = 0; i < LANES; i += 16)
        for (int k = 0; k < 16; k++) part[k] += a[i + k] * b[i + k];
    for (int k = 0; k < 16; k++) sum += part[k];
    return sum;
}

static double dot_f64(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++) sum += a[i] * b[i];
    return sum;
}

static void list_panel(const Panel *p)
{
    const Candidates *c = &p->b->candidates;
    for (int64_t t = p->first; t < p->first + p->rows; t++)
        for (int64_t e = c->row[t]; e < c->row[t + 1]; e++) {
            double sum = 0;
            for (int64_t k = 0; k < p->tiles; k++) {
                const void *d = tile_row(p->n, k, p->b->target_row + t), *z = tile_row(p->n, k, p->b->source_row + c->source[e]);
                sum += p->n->real_size == 4 ? (double)dot_f32(d, z) : dot_f64(d, z);
            }
            if (p->n->real_size == 4) *(float *)gradient_at(p, e) = (float)sum;
            else *(double *)gradient_at(p, e) = sum;
        }
}

static void run_panel(const Panel *p)
{
    switch (p->b->candidates.form) {
    case CANDIDATES_DENSE:
        multiply(p, 0, p->b->candidates.sources, gradient_at(p, p->first * p->b->candidates.sources), p->b->candidates.sources);
        break;
    case CANDIDATES_SEGMENTS: segment_panel(p); break;
    case CANDIDATES_LIST: list_panel(p); break;
    }
}

static int64_t panels_of(const NetBundle *b)
{
    if (b->target_row < 0 || b->candidates.sources == 0) return 0;
    return (b->candidates.targets + PANEL - 1) / PANEL;
}

static int thread_number(void)
{
#ifdef _OPENMP
    extern int omp_get_thread_num(void);
    return omp_get_thread_num();
#else
    return 0;
#endif
}

void edges_gradients(Net *n, int64_t tiles)
{
    int64_t total = 0;
    for (int i = 0; i < n->bundle_count; i++) total += panels_of(&n->bundles[i]);
#pragma omp parallel for num_threads(n->options.threads) schedule(dynamic, 1)
    for (int64_t k = 0; k < total; k++) {
        int64_t at = k;
        int i = 0;
        while (at >= panels_of(&n->bundles[i])) at -= panels_of(&n->bundles[i++]);
        NetBundle *b = &n->bundles[i];
        int64_t left = b->candidates.targets - at * PANEL;
        Panel p = {n, b, at * PANEL, left < PANEL ? left : PANEL, tiles, NULL};
        p.scratch = (char *)n->scratch + (int64_t)thread_number() * PANEL * SCRATCH_COLUMNS * n->real_size;
        run_panel(&p);
    }
}
