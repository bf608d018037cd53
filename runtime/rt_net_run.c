/* rt_net_run.c: samples into tiles, stages in order, sums over tiles. See rt_net.h. */
#define _GNU_SOURCE
#include "rt_net_private.h"
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
    return (char *)n->context.tiles + (tile * n->context.tile_stride + row * LANES) * n->real_size;
}

static void put(const Net *n, void *row, int64_t lane, double x)
{
    if (n->real_size == 4) ((float *)row)[lane] = (float)x;
    else ((double *)row)[lane] = x;
}

/* ---- samples into tiles ---- */

/* Sample of a lane; lanes behind the last sample repeat it, so that they hold numbers like any other. */
static int64_t sample_of(const NetBatch *b, int64_t tile, int64_t lane)
{
    int64_t i = tile * LANES + lane;
    if (i >= b->count) i = b->count - 1;
    return b->order ? b->order[i] : b->first + i;
}

enum {
    BLOCK = 64
}; /* features of a block: its rows stay in the first cache while lane after lane is written */

/* rows[i][lane] = table[bytes of the sample][i] */
static void scatter_bytes(const uint8_t *const *samples, const float *table, int64_t features, float *rows)
{
    for (int64_t f = 0; f < features; f += BLOCK) {
        int64_t end = f + BLOCK < features ? f + BLOCK : features;
        for (int64_t lane = 0; lane < LANES; lane++)
            for (int64_t i = f; i < end; i++) rows[i * LANES + lane] = table[samples[lane][i]];
    }
}

static void scatter_floats(const float *const *samples, int64_t features, float *rows)
{
    for (int64_t f = 0; f < features; f += BLOCK) {
        int64_t end = f + BLOCK < features ? f + BLOCK : features;
        for (int64_t lane = 0; lane < LANES; lane++)
            for (int64_t i = f; i < end; i++) rows[i * LANES + lane] = samples[lane][i];
    }
}

/* The same for any source in double: gradcheck only. */
static void scatter_doubles(const NetBatch *b, int64_t tile, const float *table, int64_t features,
                            double *rows)
{
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = sample_of(b, tile, lane) * features;
        for (int64_t i = 0; i < features; i++)
            rows[i * LANES + lane] = b->input          ? b->input[s + i]
                                     : b->split->bytes ? table[b->split->bytes[s + i]]
                                                       : b->split->floats[s + i];
    }
}

static void fill_input(const Net *n, const NetBatch *b, int64_t tile, int64_t row)
{
    float table[256];
    const uint8_t *bytes[LANES];
    const float *floats[LANES];
    bool from_bytes = !b->input && b->split->bytes;
    for (int v = 0; from_bytes && v < 256; v++) table[v] = ((float)v / 255.0f - b->data->mean) / b->data->std;
    if (n->real_size == 8) {
        scatter_doubles(b, tile, table, n->inputs, (double *)row_of(n, tile, row));
        return;
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = sample_of(b, tile, lane) * n->inputs;
        if (from_bytes) bytes[lane] = b->split->bytes + s;
        else floats[lane] = (b->input ? b->input : b->split->floats) + s;
    }
    if (from_bytes) scatter_bytes(bytes, table, n->inputs, (float *)row_of(n, tile, row));
    else scatter_floats(floats, n->inputs, (float *)row_of(n, tile, row));
}

static void fill_target(const Net *n, const NetBatch *b, int64_t tile, int64_t row)
{
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = b->input ? 0 : sample_of(b, tile, lane);
        for (int64_t i = 0; i < n->target_size; i++) {
            double x = 0;
            if (!b->input)
                x = b->split->labels ? (double)b->split->labels[s]
                                     : (double)b->split->targets[s * n->target_size + i];
            put(n, row_of(n, tile, row + i), lane, x);
        }
    }
}

static void fill_tile(const Net *n, const NetFunc *f, const NetBatch *b, int64_t tile)
{
    if (f->input_row >= 0) fill_input(n, b, tile, f->input_row);
    if (f->target_row >= 0) fill_target(n, b, tile, f->target_row);
    if (f->valid_row < 0) return;
    for (int64_t lane = 0; lane < LANES; lane++)
        put(n, row_of(n, tile, f->valid_row), lane, tile * LANES + lane < b->count);
}

/* ---- stages ---- */

static DnwrtStage *stage(const Net *n, int number)
{
    return (n->options.f64 ? n->program->f64 : n->program->f32)[number];
}

static void sum_tiles(const Net *n, const NetFunc *f, const NetSum *s, int64_t tiles)
{
    for (int64_t i = 0; i < s->size; i++) {
        double total = 0;
        for (int64_t t = 0; t < tiles; t++) {
            const char *part = row_of(n, t, f->rows) + (s->from + i) * n->real_size;
            total += n->real_size == 4 ? (double)*(const float *)part : *(const double *)part;
        }
        if (n->real_size == 4) ((float *)n->context.shared)[s->to + i] = (float)total;
        else ((double *)n->context.shared)[s->to + i] = total;
    }
}

static int64_t tile_correct(const Net *n, const NetFunc *f, const NetBatch *b, int64_t tile)
{
    int64_t correct = 0, count = b->count - tile * LANES;
    if (b->input || !b->split->labels) return 0;
    for (int64_t lane = 0; lane < LANES && lane < count; lane++) {
        int64_t best = 0;
        double most = 0;
        for (int64_t i = 0; i < n->outputs; i++) {
            const char *row = row_of(n, tile, f->output_row + i);
            double x = n->real_size == 4 ? (double)((const float *)row)[lane] : ((const double *)row)[lane];
            if (i == 0 || x > most) best = i, most = x;
        }
        if (n->outputs == 1) best = most > 0; /* one output: a logit of class 1 */
        correct += best == b->split->labels[sample_of(b, tile, lane)];
    }
    return correct;
}

double net_run(Net *n, const NetFunc *f, const NetBatch *b, int64_t step, int64_t *correct)
{
    int64_t tiles = (b->count + LANES - 1) / LANES, right = 0;
    n->context.tile_stride = f->rows * LANES + f->partials;
    n->context.count = b->count;
    n->context.step = step;
    for (int l = 0; l < f->level_count; l++) {
        const NetLevel *level = &f->levels[l];
        bool last = l == f->level_count - 1;
        double start = net_clock();
        if (level->once >= 0) stage(n, level->once)(&n->context, 0);
#pragma omp parallel for num_threads(n->options.threads) schedule(dynamic, 1) reduction(+ : right) if (tiles > 1)
        for (int64_t t = 0; t < tiles; t++) {
            if (l == 0) fill_tile(n, f, b, t);
            if (level->tile >= 0) stage(n, level->tile)(&n->context, t);
            if (last) right += tile_correct(n, f, b, t);
        }
        double middle = net_clock();
        for (int s = 0; s < level->sum_count; s++) sum_tiles(n, f, &level->sums[s], tiles);
        n->timer[TIME_TILES].seconds += middle - start, n->timer[TIME_TILES].calls++;
        n->timer[TIME_SUMS].seconds += net_clock() - middle, n->timer[TIME_SUMS].calls++;
    }
    if (correct) *correct = right;
    if (f->loss < 0) return 0;
    return n->real_size == 4 ? (double)((float *)n->context.shared)[f->loss]
                             : ((double *)n->context.shared)[f->loss];
}
