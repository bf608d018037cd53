/* rt_net_fill.c: samples into tiles: from stored bytes or floats to what the network sees, one lane a sample.
 *
 * A row of a tile holds one number of LANES samples; a sample is a column. Bytes go through a table of the
 * 256 numbers that the network may see, one for each channel that has a mean and deviation of its own.
 */
#include "rt_net_private.h"

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

/* The same for any source in double: gradcheck only. */
static void scatter_doubles(const NetBatch *b, int64_t tile, const float *tables, int64_t features,
                            double *rows)
{
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = net_sample(b, tile, lane) * features;
        for (int64_t i = 0; i < features; i++)
            rows[i * LANES + lane] = b->input          ? b->input[s + i]
                                     : b->split->bytes ? table_of(b->data, tables, i)[b->split->bytes[s + i]]
                                                       : b->split->floats[s + i];
    }
}

static void make_tables(const Data *d, float *tables)
{
    for (int c = 0; c < d->channels; c++)
        for (int v = 0; v < 256; v++) tables[c * 256 + v] = data_value(d, c, v);
}

static void fill_input(const Net *n, const NetBatch *b, int64_t tile, int64_t row)
{
    float tables[DATA_CHANNELS * 256];
    const uint8_t *bytes[LANES];
    const float *floats[LANES];
    bool from_bytes = !b->input && b->split->bytes;
    if (from_bytes) make_tables(b->data, tables);
    if (n->real_size == 8) {
        scatter_doubles(b, tile, tables, n->inputs, (double *)row_of(n, tile, row));
        return;
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        int64_t s = net_sample(b, tile, lane) * n->inputs;
        if (from_bytes) bytes[lane] = b->split->bytes + s;
        else floats[lane] = (b->input ? b->input : b->split->floats) + s;
    }
    int64_t part = from_bytes ? n->inputs / b->data->channels : n->inputs;
    if (!from_bytes) scatter_floats(floats, n->inputs, (float *)row_of(n, tile, row));
    for (int64_t f = 0; from_bytes && f < n->inputs; f += part)
        scatter_bytes(bytes, table_of(b->data, tables, f), f, part, (float *)row_of(n, tile, row));
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
