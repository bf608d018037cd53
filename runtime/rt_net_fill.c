/* rt_net_fill.c: samples into tiles: from stored bytes or floats to what the network sees, one lane a sample.
 *
 * A row of a tile holds one number of LANES samples; a sample is a column. Bytes go through a table of the
 * 256 numbers that the network may see, one for each channel that has a mean and deviation of its own.
 */
#include "rt_net_private.h"
#include <math.h>
#include <string.h>

static char *row_of(const Net *n, int64_t tile, int64_t row)
{
    return (char *)n->context.tiles + (tile * n->context.tile_stride + row * LANES) * n->real_size;
}

static void put(const Net *n, void *row, int64_t lane, double x)
{
    if (n->real_size == 4) ((float *)row)[lane] = (float)x;
    else ((double *)row)[lane] = x;
}

enum {
    BLOCK = 64
}; /* features of a block: its rows stay in the first cache while lane after lane is written */

static const float *table_of(const Data *d, const float *tables, int64_t feature)
{
    return d->channels > 1 ? tables + feature * d->channels / d->features * 256 : tables;
}

/* rows[i][lane] = table[bytes of the sample][i] */
static void scatter_bytes(const uint8_t *const *samples, const float *table, int64_t from, int64_t features,
                          float *rows)
{
    for (int64_t f = from; f < from + features; f += BLOCK) {
        int64_t end = f + BLOCK < from + features ? f + BLOCK : from + features;
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

static void make_tables(const Data *d, float *tables)
{
    for (int c = 0; c < d->channels; c++)
        for (int v = 0; v < 256; v++) tables[c * 256 + v] = data_value(d, c, v);
}

/* ---- moved pictures ---- */

/* How a lane reads a plane: column x, from first to end, is pixel at + step x of its row; all others are
 * zero. */
typedef struct Lane {
    int64_t top, at, step, first, end;
} Lane;

typedef struct Picture {
    int64_t height, width, plane, planes; /* plane: pixels of one */
    Lane lanes[LANES];
} Picture;

static int64_t clip(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static Lane lane_of(AugmentMove m, int64_t width)
{
    int64_t from = m.mirrored ? m.left - width + 1 : -m.left, to = m.mirrored ? m.left + 1 : width - m.left;
    int64_t first = clip(from, 0, width);
    return (Lane){m.top, m.left, m.mirrored ? -1 : 1, first, clip(to, first, width)};
}

static void draw_moves(const Net *n, const NetBatch *b, int64_t tile, Picture *p)
{
    const int64_t *shape = b->data->shape + b->data->rank - 2;
    p->height = shape[0], p->width = shape[1], p->plane = p->height * p->width;
    p->planes = b->data->features / p->plane;
    for (int64_t lane = 0; lane < LANES; lane++)
        p->lanes[lane] =
            lane_of(augment_draw(&n->augment, n->options.seed, b->epoch, net_sample(b, tile, lane), p->width),
                    p->width);
}

static void put_zeros(int64_t first, int64_t end, float *to)
{
    for (int64_t x = first; x < end; x++) to[x * LANES] = 0;
}

/* A row of a moved picture into its lane. Exactly one of bytes and floats, where the old plane starts, is
 * set. */
static void move_row(const Picture *p, const Lane *l, int64_t y, const uint8_t *bytes, const float *floats,
                     const float *table, float *to)
{
    int64_t row = l->top + y, at = row * p->width + l->at, step = l->step, first = l->first, end = l->end;
    if (row < 0 || row >= p->height || first == end) {
        put_zeros(0, p->width, to);
        return;
    }
    put_zeros(0, first, to);
    if (bytes)
        for (int64_t x = first; x < end; x++) to[x * LANES] = table[bytes[at + step * x]];
    else
        for (int64_t x = first; x < end; x++) to[x * LANES] = floats[at + step * x];
    put_zeros(end, p->width, to);
}

/* Blocks are whole rows of a picture. */
static void move_plane(const Picture *p, const uint8_t *const *bytes, const float *const *floats,
                       int64_t from, const float *table, float *rows)
{
    int64_t block = BLOCK / p->width > 1 ? BLOCK / p->width : 1;
    for (int64_t first = 0; first < p->height; first += block) {
        int64_t end = first + block < p->height ? first + block : p->height;
        for (int64_t lane = 0; lane < LANES; lane++)
            for (int64_t y = first; y < end; y++)
                move_row(p, &p->lanes[lane], y, bytes ? bytes[lane] + from : NULL,
                         floats ? floats[lane] + from : NULL, table, rows + y * p->width * LANES + lane);
    }
}

static void scatter_moved(const Picture *p, const Data *d, const uint8_t *const *bytes,
                          const float *const *floats, const float *tables, float *rows)
{
    for (int64_t f = 0; f < p->plane * p->planes; f += p->plane)
        move_plane(p, bytes, floats, f, table_of(d, tables, f), rows + f * LANES);
}

/* ---- inputs ---- */

static void fill_floats(const Net *n, const NetBatch *b, int64_t tile, float *rows)
{
    float tables[DATA_CHANNELS * 256];
    const uint8_t *bytes[LANES];
    const float *floats[LANES];
    bool from_bytes = !b->input && b->split->bytes;
    if (from_bytes) make_tables(b->data, tables);
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = net_sample(b, tile, lane) * n->inputs;
        if (from_bytes) bytes[lane] = b->split->bytes + s;
        else floats[lane] = (b->input ? b->input : b->split->floats) + s;
    }
    if (b->augmented && n->augment.count) {
        Picture p;
        draw_moves(n, b, tile, &p);
        scatter_moved(&p, b->data, from_bytes ? bytes : NULL, from_bytes ? NULL : floats, tables, rows);
        return;
    }
    int64_t part = from_bytes ? n->inputs / b->data->channels : n->inputs;
    if (!from_bytes) scatter_floats(floats, n->inputs, rows);
    for (int64_t f = 0; from_bytes && f < n->inputs; f += part)
        scatter_bytes(bytes, table_of(b->data, tables, f), f, part, rows);
}

/* In double: the same numbers, made as floats at the end of the rows, where doubles do not come before them.
 */
static void fill_doubles(const Net *n, const NetBatch *b, int64_t tile, double *rows)
{
    int64_t count = n->inputs * LANES;
    float *floats = (float *)rows + count;
    fill_floats(n, b, tile, floats);
    for (int64_t i = 0; i < count; i++) {
        float x = floats[i];
        memcpy(&rows[i], &(double){(double)x}, sizeof *rows);
    }
}

static void fill_input(const Net *n, const NetBatch *b, int64_t tile, int64_t row)
{
    void *rows = row_of(n, tile, row);
    if (n->real_size == 8) fill_doubles(n, b, tile, rows);
    else fill_floats(n, b, tile, rows);
}

static void fill_target(const Net *n, const NetBatch *b, int64_t tile, int64_t row)
{
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = b->input ? 0 : net_sample(b, tile, lane);
        for (int64_t i = 0; i < n->target_size; i++) {
            double x = 0;
            if (!b->input)
                x = b->split->labels ? (double)b->split->labels[s]
                                     : (double)b->split->targets[s * n->target_size + i];
            put(n, row_of(n, tile, row + i), lane, x);
        }
    }
}

void net_fill_tile(const Net *n, const NetFunc *f, const NetBatch *b, int64_t tile)
{
    if (f->input_row >= 0) fill_input(n, b, tile, f->input_row);
    if (f->target_row >= 0) fill_target(n, b, tile, f->target_row);
    if (f->valid_row < 0) return;
    for (int64_t lane = 0; lane < LANES; lane++)
        put(n, row_of(n, tile, f->valid_row), lane, tile * LANES + lane < b->count);
}

NetBatch net_train_batch(const Data *data, const DataSplit *split, const int64_t *order, int64_t count,
                         double epoch)
{
    return (NetBatch){.data = data,
                      .split = split,
                      .order = order,
                      .count = count,
                      .augmented = true,
                      .epoch = (int64_t)floor(epoch)};
}
