/* net_run.c: stages in order, sums over tiles. See net.h. */
#define _GNU_SOURCE
#include "net/net_private.h"
#include "net/profile.h"
#include "common/simd.h"
#include "common/thread.h"
#include <string.h>
#include <time.h>

double net_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static char *row_of(const Net *n, int64_t tile, int64_t row)
{
    return (char *)n->context.tiles + (tile * n->context.tile_stride + row * n->lanes) * n->real_size;
}

/* ---- stages ---- */

void net_stage(const Net *n, int number, DnwrtContext *context, int64_t tile)
{
    const DnwrtStage *s = &(n->options.f64 ? n->program->f64 : n->program->f32)[number];
    s->code(context, tile, s->addresses);
}

RT_CLONES static void add_floats(double *restrict total, const float *restrict part, int64_t count)
{
    for (int64_t i = 0; i < count; i++) total[i] += (double)part[i];
}

RT_CLONES static void add_doubles(double *restrict total, const double *restrict part, int64_t count)
{
    for (int64_t i = 0; i < count; i++) total[i] += part[i];
}

static void join_tiles(const Net *n, const NetFunc *f, const NetSum *s, int64_t samples)
{
    const int64_t channels = s->size / 2;
    for (int64_t i = 0; i < channels; i++) {
        double out[2];
        net_join_moments(n, &(NetMoments){f, samples, s->numbers, s->from + i, s->from + channels + i}, out);
        net_put_shared(n, s->to + i, out[0]), net_put_shared(n, s->to + channels + i, out[1]);
    }
}

/* Each sum over the tiles in their order; so many sums side by side that they stay in cache. */
static void sum_tiles(const Net *n, const NetFunc *f, const NetSum *s, int64_t tiles)
{
    enum { MOST = 512 };
    for (int64_t from = 0; from < s->size; from += MOST) {
        const int64_t count = s->size - from < MOST ? s->size - from : MOST;
        double total[MOST] = {0};
        for (int64_t t = 0; t < tiles; t++) {
            const char *part = row_of(n, t, f->rows) + (s->from + from) * n->real_size;
            if (n->real_size == 4) add_floats(total, (const float *)part, count);
            else add_doubles(total, (const double *)part, count);
        }
        for (int64_t i = 0; i < count; i++) net_put_shared(n, s->to + from + i, total[i]);
    }
}

static void after_level(const Net *n, const NetFunc *f, const NetLevel *level, int64_t samples)
{
    for (int s = 0; s < level->sum_count; s++)
        if (level->sums[s].numbers) join_tiles(n, f, &level->sums[s], samples);
        else sum_tiles(n, f, &level->sums[s], (samples + n->lanes - 1) / n->lanes);
}

/* The class that outputs say, of which the first stands in `row`. */
static int64_t best_class(const Net *n, int64_t tile, int64_t lane, int64_t row, int64_t outputs)
{
    int64_t best = 0;
    double most = 0;
    for (int64_t i = 0; i < outputs; i++) {
        const char *at = row_of(n, tile, row + i);
        double x = n->real_size == 4 ? (double)((const float *)at)[lane] : ((const double *)at)[lane];
        if (i == 0 || x > most) best = i, most = x;
    }
    return outputs == 1 ? most > 0 : best; /* one output: a logit of class 1 */
}

static int64_t tile_correct(const Net *n, const NetFunc *f, const NetBatch *b, int64_t tile)
{
    const int64_t each = n->target_size ? n->outputs / n->target_size : 0;
    int64_t correct = 0, count = b->count - tile * n->lanes;
    if (b->input || !b->split->labels) return 0;
    for (int64_t lane = 0; lane < n->lanes && lane < count; lane++) {
        const int32_t *label = b->split->labels + net_sample(n, b, tile, lane) * n->target_size;
        for (int64_t i = 0; i < n->target_size; i++)
            correct += best_class(n, tile, lane, f->output_row + i * each, each) == label[i];
    }
    return correct;
}

void net_confusion(const Net *n, const Data *data, const DataSplit *split, NetRange samples, int64_t *table)
{
    const NetBatch b = {.data = data, .split = split, .first = samples.first, .count = samples.count};
    const int64_t each = n->target_size ? n->outputs / n->target_size : 0;
    for (int64_t s = 0; s < b.count; s++)
        for (int64_t i = 0; i < n->target_size; i++) {
            const int64_t tile = s / n->lanes, lane = s % n->lanes,
                          said = best_class(n, tile, lane, n->infer.output_row + i * each, each),
                          is = split->labels[net_sample(n, &b, tile, lane) * n->target_size + i];
            if (is >= 0) table[is * n->classes + said]++; /* else the sample ends before this position */
        }
}

int64_t net_judged(const Net *n, const NetBatch *b)
{
    int64_t judged = 0;
    if (b->input || !b->split->labels) return 0;
    if (!b->data->padded) return b->count * n->target_size;
    for (int64_t s = 0; s < b->count; s++) {
        const int32_t *label = b->split->labels + (b->order ? b->order[s] : b->first + s) * n->target_size;
        for (int64_t i = 0; i < n->target_size; i++) judged += label[i] >= 0;
    }
    return judged;
}

/* Before a tile goes backwards (graph -1: through all graphs), the gradients of its edges in use are 0. */
static void clear_dots(const Net *n, int64_t tile, int graph)
{
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (n->wires[i].dots < 0 || (graph >= 0 && b->line.graph != graph)) continue;
        float *tiles = n->context.tiles; /* never in double */
        memset(tiles + tile * n->context.tile_stride + n->wires[i].dots, 0,
               (size_t)b->row[b->candidates.targets] * sizeof *tiles);
    }
}

typedef struct LevelRun {
    const Net *n;
    const NetFunc *f;
    const NetBatch *b;
    int level;
    bool again;
    _Atomic int64_t right;
} LevelRun;

/* What a stage is given: with the local rows of this thread. */
static DnwrtContext own_context(const Net *n)
{
    DnwrtContext own = n->context;
    own.local = (char *)n->context.local + thread_number() * net_local_elements(n) * n->real_size;
    return own;
}

const void *net_sources(const Net *n, int graph, int64_t tile)
{
    if (n->graphs[graph].remake < 0) return row_of(n, tile, 0);
    DnwrtContext own = own_context(n);
    net_stage(n, n->graphs[graph].remake, &own, tile);
    return own.local;
}

static void run_tile(void *job, int64_t t)
{
    LevelRun *r = job;
    const Net *n = r->n;
    const NetLevel *level = &r->f->levels[r->level];
    bool first = r->level == 0 && !r->again, last = r->level == r->f->level_count - 1 && !r->again;
    dnwrt_lap(PROFILE_START);
    if (first) net_fill_tile(n, r->f, r->b, t), dnwrt_lap(profile_fill());
    if (r->f == &n->train && (r->again ? level->rounds >= 0 : first))
        clear_dots(n, t, r->again ? level->rounds : -1);
    if (level->tile >= 0) {
        DnwrtContext own = own_context(n);
        net_stage(n, level->tile, &own, t);
    }
    if (!last) return;
    r->right += tile_correct(n, r->f, r->b, t);
    dnwrt_lap(profile_right());
}

/* One level of all tiles; returns how many samples are right, when it is the last one. */
static int64_t run_level(const Net *n, const NetFunc *f, const NetBatch *b, int l, bool again)
{
    LevelRun r = {.n = n, .f = f, .b = b, .level = l, .again = again};
    const uint64_t start = profile_clock();
    thread_share(n->options.threads, (b->count + n->lanes - 1) / n->lanes, run_tile, &r);
    profile_waited(start);
    return r.right;
}

/* Is there a tile that has not finished its backward pass? */
static bool more_rounds(const Net *n, int graph, int64_t tiles)
{
    for (int64_t t = 0; t < tiles; t++)
        if (n->times[graph].run[t].left > 0) return true;
    return false;
}

/* A level; that of a graph in time that goes back window by window: all of them. */
static int64_t run_windows(Net *n, const NetFunc *f, const NetBatch *b, int l)
{
    const NetLevel *level = &f->levels[l];
    int64_t tiles = (b->count + n->lanes - 1) / n->lanes, right = run_level(n, f, b, l, false);
    if (level->rounds < 0) return right;
    gradient_round(n, tiles, level->rounds, true);
    while (more_rounds(n, level->rounds, tiles)) {
        right += run_level(n, f, b, l, true);
        gradient_round(n, tiles, level->rounds, false);
    }
    return right;
}

/* A level of a graph with batch_norm: round by round. */
static int64_t run_norms(Net *n, const NetFunc *f, const NetBatch *b, int l)
{
    const NetRounds *r = &n->rounds[l];
    int64_t right = 0;
    for (int i = 0; i < r->count; i++) {
        n->context.turns = &r->rounds[i].turns;
        right += run_level(n, f, b, l, i > 0);
        norm_take(n, f, r, &r->rounds[i], b->count);
    }
    return right;
}

static void begin_run(Net *n, const NetFunc *f, const NetBatch *b, int64_t step)
{
    n->context.tile_stride = net_tile_stride(n, f);
    n->context.count = b->count;
    n->context.step = step;
    ahead_again(n, b);
    if (f->filled_count) net_fill_loss(n, f, b->split);
    if (f->edge_costs >= 0 && n->grad) net_begin_costs(n);
}

double net_run(Net *n, const NetFunc *f, const NetBatch *b, int64_t step, int64_t *correct)
{
    int64_t right = 0;
    begin_run(n, f, b, step);
    for (int l = 0; l < f->level_count; l++) {
        const NetLevel *level = &f->levels[l];
        double start = net_clock();
        dnwrt_lap(PROFILE_START);
        if (level->once >= 0) net_stage(n, level->once, &n->context, 0);
        right += level->norms ? run_norms(n, f, b, l) : run_windows(n, f, b, l);
        double middle = net_clock();
        after_level(n, f, level, b->count);
        n->timer[TIME_TILES].seconds += middle - start, n->timer[TIME_TILES].calls++;
        n->timer[TIME_SUMS].seconds += net_clock() - middle, n->timer[TIME_SUMS].calls++;
    }
    if (correct) *correct = right;
    if (f->loss < 0) return 0;
    return n->real_size == 4 ? (double)((float *)n->context.shared)[f->loss]
                             : ((double *)n->context.shared)[f->loss];
}

void net_run_forward(Net *n, const NetFunc *f, const NetBatch *b, int64_t step)
{
    begin_run(n, f, b, step);
    for (int l = 0; l < f->level_count; l++) {
        const NetLevel *level = &f->levels[l];
        if (level->once >= 0) net_stage(n, level->once, &n->context, 0);
        if (level->norms) run_norms(n, f, b, l);
        else run_level(n, f, b, l, false);
        after_level(n, f, level, b->count);
    }
}
