/* net_fill.c: samples into tiles: from stored bytes or floats to what the network sees, one lane a sample.
 *
 * A row of a tile holds one number of each of its samples; a sample is a column. Samples are therefore
 * turned, in blocks that fit vector registers. Pictures of the training are moved (augment.h) on the way,
 * a few rows at a time.
 */
#include "kernels/quad.h"
#include "net/net_private.h"
#include "common/simd.h"
#include "data/picture_list.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *row_of(const Net *n, int64_t tile, int64_t row)
{
    return (char *)n->context.tiles + (tile * n->context.tile_stride + row * n->lanes) * n->real_size;
}

static void put(const Net *n, void *row, int64_t lane, double x)
{
    if (n->real_size == 4) ((float *)row)[lane] = (float)x;
    else ((double *)row)[lane] = x;
}

/* ---- turning ---- */

enum { SIDE = 16, QUAD = 4 }; /* of a block of bytes, of floats */

typedef uint8_t Bytes __attribute__((vector_size(SIDE)));

/* m[i][j] becomes m[j][i]: four rounds that lay the first and the second half of the rows into one another.
 */
static inline void turn_bytes(Bytes m[SIDE])
{
    Bytes t[SIDE];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < SIDE / 2; i++) {
            Bytes x = m[i], y = m[i + SIDE / 2];
            t[2 * i] = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            t[2 * i + 1] =
                __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(m, t, sizeof t);
    }
}

/* rows[i][lane] = what the network sees of byte i of a sample */
RT_CLONES static void spread_bytes(const uint8_t *const *samples, int64_t features, DataScale scale,
                                   float *rows, int64_t lanes)
{
    int64_t whole = lanes % SIDE ? 0 : features / SIDE * SIDE;
    for (int64_t f = 0; f < whole; f += SIDE)
        for (int64_t lane = 0; lane < lanes; lane += SIDE) {
            Bytes m[SIDE];
            for (int i = 0; i < SIDE; i++) memcpy(&m[i], samples[lane + i] + f, SIDE);
            turn_bytes(m);
            for (int i = 0; i < SIDE; i++)
                for (int j = 0; j < SIDE; j++) rows[(f + i) * lanes + lane + j] = data_value(scale, m[i][j]);
        }
    for (int64_t f = whole; f < features; f++)
        for (int64_t lane = 0; lane < lanes; lane++)
            rows[f * lanes + lane] = data_value(scale, samples[lane][f]);
}

/* rows[i][lane] = number i of a sample */
RT_CLONES static void spread_floats(const float *const *samples, int64_t features, float *rows, int64_t lanes)
{
    int64_t whole = lanes % QUAD ? 0 : features / QUAD * QUAD;
    for (int64_t f = 0; f < whole; f += QUAD)
        for (int64_t lane = 0; lane < lanes; lane += QUAD) {
            Quad m[QUAD];
            for (int i = 0; i < QUAD; i++) memcpy(&m[i], samples[lane + i] + f, sizeof m[i]);
            quad_turn(m);
            for (int i = 0; i < QUAD; i++) memcpy(rows + (f + i) * lanes + lane, &m[i], sizeof m[i]);
        }
    for (int64_t f = whole; f < features; f++)
        for (int64_t lane = 0; lane < lanes; lane++) rows[f * lanes + lane] = samples[lane][f];
}

/* ---- moved pictures ---- */

/* How a lane reads a plane: column x, from first to end, is pixel at + step x of its row; all others are
 * zero. */
typedef struct Lane {
    int64_t top, at, step, first, end;
    AugmentPart part; /* of the plane that the columns and rows are of, once it is scaled */
} Lane;

typedef struct Picture {
    int64_t height, width, plane, count; /* plane: pixels of one; count: lanes */
    Lane lanes[MAX_LANES];
} Picture;

static int64_t limit(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static Lane lane_of(AugmentMove m, int64_t width)
{
    int64_t from = m.mirrored ? m.left - width + 1 : -m.left, to = m.mirrored ? m.left + 1 : width - m.left;
    int64_t first = limit(from, 0, width);
    return (Lane){m.top, m.left, m.mirrored ? -1 : 1, first, limit(to, first, width), {0}};
}

static Picture picture_of(const NetBatch *b, int64_t count)
{
    const int64_t *shape = b->data->shape + b->data->rank - 2;
    return (Picture){.height = shape[0], .width = shape[1], .plane = shape[0] * shape[1], .count = count};
}

static void draw_move(const Net *n, const NetBatch *b, int64_t sample, Picture *p, int64_t lane)
{
    p->lanes[lane] =
        lane_of(augment_draw(&n->augment, n->options.seed, b->epoch, sample, p->width), p->width);
    p->lanes[lane].part =
        augment_part(&n->augment, n->options.seed, (AugmentPlace){p->height, p->width, b->epoch, sample});
}

/* Part of a plane that is moved at once, for all lanes, so that it stays in the first cache: some whole rows,
 * or part of one. */
enum { PIECE = 256 };
typedef struct Piece {
    int64_t row, rows, column, columns;
} Piece;

static Piece piece_at(const Picture *p, int64_t pixel)
{
    int64_t rows = p->width < PIECE ? PIECE / p->width : 1;
    Piece q = {.row = pixel / p->width, .column = pixel % p->width};
    q.rows = limit(rows, 1, p->height - q.row), q.columns = limit(PIECE, 1, p->width - q.column);
    return q;
}

/* Columns of a piece that come from inside the old picture, and where the first of them is in its row. */
typedef struct Inside {
    int64_t first, end, from;
} Inside;

static Inside inside_of(const Lane *l, const Piece *q)
{
    int64_t first = limit(l->first - q->column, 0, q->columns),
            end = limit(l->end - q->column, first, q->columns);
    return (Inside){first, end, l->at + l->step * (q->column + first)};
}

static bool row_inside(const Picture *p, const Lane *l, int64_t row)
{
    return l->top + row >= 0 && l->top + row < p->height;
}

/* n bytes, forwards or backwards; blocks may overlap. */
static void copy_bytes(const uint8_t *from, int64_t n, uint8_t *to)
{
    int64_t i = 0;
    for (; i + SIDE <= n; i += SIDE) memcpy(to + i, from + i, SIDE);
    if (n >= SIDE) memcpy(to + n - SIDE, from + n - SIDE, SIDE);
    else
        for (; i < n; i++) to[i] = from[i];
}

static void copy_turned(const uint8_t *from, uint8_t *to)
{
    Bytes x;
    memcpy(&x, from - (SIDE - 1), SIDE);
    x = __builtin_shufflevector(x, x, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    memcpy(to, &x, SIDE);
}

static void copy_mirrored(const uint8_t *from, int64_t n, uint8_t *to)
{
    int64_t i = 0;
    for (; i + SIDE <= n; i += SIDE) copy_turned(from - i, to + i);
    if (n >= SIDE) copy_turned(from - (n - SIDE), to + n - SIDE);
    else
        for (; i < n; i++) to[i] = from[-i];
}

/* A pixel of a scaled part is a mean of four old ones. */
typedef struct Four {
    int64_t at, right, below; /* the first, and how far the others are from it */
    int64_t y, x;             /* 256ths that those below and to the right count */
} Four;

static Four four_at(const Picture *p, const AugmentPart *part, int64_t row, int64_t column)
{
    const int64_t y = augment_place(row, part->rows, p->height),
                  x = augment_place(column, part->columns, p->width);
    return (Four){.at = (part->top + y / 256) * p->width + part->left + x / 256,
                  .right = x % 256 > 0,
                  .below = y % 256 > 0 ? p->width : 0,
                  .y = y % 256,
                  .x = x % 256};
}

/* Pixels of a row of a scaled part, from `column` on in the lane's steps. */
typedef struct Run {
    int64_t row, column, count;
} Run;

static void scale_bytes(const Picture *p, const Lane *l, const uint8_t *plane, Run at, uint8_t *to)
{
    for (int64_t i = 0; i < at.count; i++) {
        const Four f = four_at(p, &l->part, at.row, at.column + l->step * i);
        const uint8_t *a = plane + f.at, *b = a + f.below;
        to[i] = (uint8_t)(((a[0] * (256 - f.x) + a[f.right] * f.x) * (256 - f.y) +
                           (b[0] * (256 - f.x) + b[f.right] * f.x) * f.y + (1 << 15)) >>
                          16);
    }
}

static float scaled_float(const float *plane, Four f)
{
    const float *a = plane + f.at, *b = a + f.below;
    const double above = (double)a[0] * (double)(256 - f.x) + (double)a[f.right] * (double)f.x,
                 below = (double)b[0] * (double)(256 - f.x) + (double)b[f.right] * (double)f.x;
    return (float)((above * (double)(256 - f.y) + below * (double)f.y) / 65536);
}

static void move_bytes(const Picture *p, const Lane *l, const Piece *q, const uint8_t *plane, uint8_t *to)
{
    Inside in = inside_of(l, q);
    for (int64_t y = 0; y < q->rows; y++) {
        if (!row_inside(p, l, q->row + y)) continue;
        const int64_t row = l->top + q->row + y, count = in.end - in.first;
        const uint8_t *from = plane + row * p->width + in.from;
        if (l->part.rows)
            scale_bytes(p, l, plane, (Run){row, in.from, count}, to + y * q->columns + in.first);
        else if (l->step > 0) copy_bytes(from, count, to + y * q->columns + in.first);
        else copy_mirrored(from, count, to + y * q->columns + in.first);
    }
}

/* Zeros where the old picture does not reach: no byte stands for them. */
static void clear_outside(const Picture *p, const Lane *l, const Piece *q, float *rows)
{
    Inside in = inside_of(l, q);
    for (int64_t y = 0; y < q->rows; y++, rows += q->columns * p->count) {
        int64_t first = row_inside(p, l, q->row + y) ? in.first : q->columns;
        for (int64_t x = 0; x < first; x++) rows[x * p->count] = 0;
        for (int64_t x = in.end; x < q->columns; x++) rows[x * p->count] = 0;
    }
}

static void move_floats(const Picture *p, const Lane *l, const Piece *q, const float *plane, float *to)
{
    Inside in = inside_of(l, q);
    for (int64_t y = 0; y < q->rows; y++, to += q->columns) {
        const int64_t row = l->top + q->row + y, from = row * p->width + in.from;
        const bool inside = row_inside(p, l, q->row + y);
        for (int64_t x = 0; x < q->columns; x++) {
            const int64_t step = l->step * (x - in.first);
            if (!inside || x < in.first || x >= in.end) to[x] = 0;
            else if (!l->part.rows) to[x] = plane[from + step];
            else to[x] = scaled_float(plane, four_at(p, &l->part, row, in.from + step));
        }
    }
}

/* The pixels of one plane; `from` is where it starts in a sample. `loaded`: they are moved already. */
static void spread_moved_bytes(const Picture *p, const uint8_t *const *samples, int64_t from, DataScale scale,
                               bool loaded, float *rows)
{
    uint8_t moved[MAX_LANES][PIECE] = {{0}};
    const uint8_t *pieces[MAX_LANES];
    for (int64_t f = 0; f < p->plane;) {
        Piece q = piece_at(p, f);
        for (int64_t lane = 0; lane < p->count; lane++) {
            pieces[lane] = loaded ? samples[lane] + from + f : moved[lane];
            if (!loaded) move_bytes(p, &p->lanes[lane], &q, samples[lane] + from, moved[lane]);
        }
        spread_bytes(pieces, q.rows * q.columns, scale, rows + f * p->count, p->count);
        for (int64_t lane = 0; lane < p->count; lane++)
            clear_outside(p, &p->lanes[lane], &q, rows + f * p->count + lane);
        f += q.rows * q.columns;
    }
}

static void spread_moved_floats(const Picture *p, const float *const *samples, int64_t from, float *rows)
{
    float moved[MAX_LANES][PIECE];
    const float *pieces[MAX_LANES];
    for (int64_t f = 0; f < p->plane;) {
        Piece q = piece_at(p, f);
        for (int64_t lane = 0; lane < p->count; lane++) {
            pieces[lane] = moved[lane];
            move_floats(p, &p->lanes[lane], &q, samples[lane] + from, moved[lane]);
        }
        spread_floats(pieces, q.rows * q.columns, rows + f * p->count, p->count);
        f += q.rows * q.columns;
    }
}

/* ---- loading ahead ---- */

/* Where sample i of a batch stands: among those that are loaded, else in its split; `each`: bytes of a
 * number.
 */
static const char *stored(const Net *n, const NetBatch *b, const void *split, int64_t i, int64_t each)
{
    bool loaded = n->ahead.ready && (b->augmented || (b->split && b->split->pictures));
    int64_t at = loaded ? i : b->order ? b->order[i] : b->first + i;
    return (const char *)(loaded ? n->ahead.values : split) + at * n->inputs * each;
}

/* `bytes`, `floats`: of the sample, one of them. */
static void load_moved(const Net *n, const NetBatch *b, int64_t i, const uint8_t *bytes, const float *floats)
{
    const int64_t at = i * n->inputs;
    Picture p = picture_of(b, 1);
    draw_move(n, b, b->order[i], &p, 0);
    for (int64_t from = 0; from < n->inputs; from += p.plane)
        for (int64_t f = 0; f < p.plane;) {
            Piece q = piece_at(&p, f);
            if (bytes)
                move_bytes(&p, &p.lanes[0], &q, bytes + from, (uint8_t *)n->ahead.values + at + from + f);
            else move_floats(&p, &p.lanes[0], &q, floats + from, (float *)n->ahead.values + at + from + f);
            f += q.rows * q.columns;
        }
}

static void load_picture(const Net *n, const NetBatch *b, int64_t i)
{
    const bool moves = b->augmented && n->augment.count > 0;
    uint8_t *to = (uint8_t *)n->ahead.values + i * n->inputs, *whole = moves ? malloc((size_t)n->inputs) : to;
    RtError e = {0};
    bool good = whole ? picture_set_read(b->split->pictures, b->order[i], whole, &e)
                      : rt_fail(&e, RT_SYSTEM, "out of memory for a picture");
    if (good && moves) load_moved(n, b, i, whole, NULL);
    if (!good) ahead_lose(n, i, &e);
    if (moves) free(whole);
}

void net_load(const Net *n, const NetBatch *b, int64_t i)
{
    const int64_t sample = b->order[i] * n->inputs;
    const uint8_t *bytes = b->split->bytes ? b->split->bytes + sample : NULL;
    const float *floats = b->split->floats ? b->split->floats + sample : NULL;
    if (b->split->pictures) load_picture(n, b, i);
    else if (n->augment.count) load_moved(n, b, i, bytes, floats);
    else if (bytes) memcpy((uint8_t *)n->ahead.values + i * n->inputs, bytes, (size_t)n->inputs);
    else memcpy((float *)n->ahead.values + i * n->inputs, floats, (size_t)n->inputs * sizeof *floats);
}

/* ---- inputs ---- */

static void fill_from_bytes(const Net *n, const NetBatch *b, int64_t tile, const Picture *p, float *rows)
{
    const uint8_t *samples[MAX_LANES];
    int64_t channel = n->inputs / b->data->channels, part = p ? p->plane : channel;
    for (int64_t lane = 0; lane < n->lanes; lane++)
        samples[lane] = (const uint8_t *)stored(n, b, b->split->bytes, net_place(n, b, tile, lane), 1);
    for (int64_t f = 0; f < n->inputs; f += part) {
        DataScale scale = data_scale(b->data, (int)(f / channel));
        if (p) spread_moved_bytes(p, samples, f, scale, n->ahead.ready, rows + f * n->lanes);
        else spread_bytes(samples, part, scale, rows + f * n->lanes, n->lanes);
        for (int64_t lane = 0; lane < n->lanes && !p; lane++) samples[lane] += part;
    }
}

static void fill_from_floats(const Net *n, const NetBatch *b, int64_t tile, const Picture *p, float *rows)
{
    const float *samples[MAX_LANES], *all = b->input ? b->input : b->split->floats;
    for (int64_t lane = 0; lane < n->lanes; lane++)
        samples[lane] = (const float *)stored(n, b, all, net_place(n, b, tile, lane), sizeof(float));
    if (!p || n->ahead.ready) spread_floats(samples, n->inputs, rows, n->lanes);
    for (int64_t f = 0; p && !n->ahead.ready && f < n->inputs; f += p->plane)
        spread_moved_floats(p, samples, f, rows + f * n->lanes);
}

static void fill_floats(const Net *n, const NetBatch *b, int64_t tile, float *rows)
{
    Picture picture;
    bool moved = b->augmented && n->augment.count > 0;
    if (moved) picture = picture_of(b, n->lanes);
    for (int64_t lane = 0; lane < n->lanes && moved; lane++)
        draw_move(n, b, net_sample(n, b, tile, lane), &picture, lane);
    if (!b->input && data_split_is_bytes(b->split))
        fill_from_bytes(n, b, tile, moved ? &picture : NULL, rows);
    else fill_from_floats(n, b, tile, moved ? &picture : NULL, rows);
}

/* In double: the same numbers, made as floats at the end of the rows, where doubles do not come before them.
 */
static void fill_doubles(const Net *n, const NetBatch *b, int64_t tile, double *rows)
{
    int64_t count = n->inputs * n->lanes;
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
    for (int64_t lane = 0; lane < n->lanes; lane++) {
        int64_t s = b->input ? 0 : net_sample(n, b, tile, lane);
        for (int64_t i = 0; i < n->target_size; i++) {
            double x = 0;
            if (!b->input)
                x = b->split->labels ? fmax((double)b->split->labels[s * n->target_size + i], 0)
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
    for (int64_t lane = 0; lane < n->lanes; lane++)
        put(n, row_of(n, tile, f->valid_row), lane, tile * n->lanes + lane < b->count);
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
