/* map.c: operators on maps (compiler/ir/op_map.c says what each computes).
 *
 * How maps are handed over is in map.h. Results stay in registers over all taps of a pixel; the taps that lie
 * inside the map are found once for a line of pixels or a pixel, never tap by tap.
 *
 * All are inlined into a function for the sizes of a map (emit_sized_kernel), or, in tiles of one sample,
 * into what calls them: sizes become constants and the loops over taps unroll.
 */
#include "map.h"
#ifdef __clang__
#pragma STDC FP_CONTRACT ON /* one rounding where the processor has fused multiply-add */
#define MAP_KERNEL __attribute__((always_inline)) void
/* Each addition waits for the one before: unrolled, a loop is larger and as slow. */
#define ONE_BY_ONE _Pragma("clang loop unroll(disable)")
#else
#define MAP_KERNEL void
#define ONE_BY_ONE
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE Lanes load(const real *x, int64_t step, int64_t pixel)
{
    return *(const Lanes *)(x + pixel * step);
}

INLINE void store(real *x, int64_t step, int64_t pixel, Lanes value)
{
    *(Lanes *)(x + pixel * step) = value;
}

INLINE int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

INLINE int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a / b rounded up, 0 for a <= 0 */
INLINE int64_t parts(int64_t a, int64_t b)
{
    return a <= 0 ? 0 : (a + b - 1) / b;
}

INLINE int64_t same_size(int64_t n, int64_t stride)
{
    return (n - 1) / stride + 1;
}

INLINE int64_t padding(int64_t size, int64_t dilation)
{
    return dilation * (size - 1) / 2;
}

/* first <= i < end; empty when end <= first. */
typedef struct Range {
    int64_t first, end;
} Range;

/* Of 0 .. count: the i with 0 <= start + i * step < n. */
INLINE Range inside(int64_t start, int64_t step, int64_t count, int64_t n)
{
    return (Range){parts(-start, step), least(parts(n - start, step), count)};
}

INLINE Range both(Range a, Range b)
{
    Range r = {most(a.first, b.first), least(a.end, b.end)};
    if (r.end < r.first) r.end = r.first;
    return r;
}

/* ---- convolution ---- */

/* A convolution that reads tap t at w[t * turn]: turn is -1 for the gradient of a stride of 1, which is the
 * convolution with the filter turned round. */
typedef struct Conv {
    const real *x, *w;
    real *y;
    int64_t x_step, y_step, turn;
    int64_t height, width, rows, columns; /* of x; of y */
    int64_t size, stride, dilation, before;
} Conv;

enum { PIXELS = 4 }; /* neighbours that are summed side by side: they share loads */

/* `count` pixels of y from (row, column) on; taps i, j only. */
INLINE void conv_pixels(const Conv *c, int64_t row, int64_t column, int count, Range i, Range j)
{
    Lanes sum[PIXELS];
    int64_t corner = (row * c->stride - c->before) * c->width + column * c->stride - c->before;
    for (int p = 0; p < count; p++) sum[p] = (Lanes){0};
    for (int64_t a = i.first; a < i.end; a++)
        for (int64_t b = j.first; b < j.end; b++) {
            real w = c->w[(a * c->size + b) * c->turn];
            int64_t at = corner + a * c->dilation * c->width + b * c->dilation;
            for (int p = 0; p < count; p++) sum[p] += w * load(c->x, c->x_step, at + p * c->stride);
        }
    for (int p = 0; p < count; p++) store(c->y, c->y_step, row * c->columns + column + p, sum[p]);
}

INLINE Range taps_inside(const Conv *c, int64_t place, int64_t n)
{
    return inside(place * c->stride - c->before, c->dilation, c->size, n);
}

/* One row of y; `whole`: the columns that see all taps. */
INLINE void conv_row(const Conv *c, int64_t row, Range i, Range whole)
{
    Range all = {0, c->size};
    int64_t column = 0;
    for (; column < whole.first; column++)
        conv_pixels(c, row, column, 1, i, taps_inside(c, column, c->width));
    for (; column + PIXELS <= whole.end; column += PIXELS) conv_pixels(c, row, column, PIXELS, i, all);
    for (; column < whole.end; column++) conv_pixels(c, row, column, 1, i, all);
    for (; column < c->columns; column++) conv_pixels(c, row, column, 1, i, taps_inside(c, column, c->width));
}

/* The pixels of y whose first and last tap lie in x; between 0 and count. */
INLINE Range whole_pixels(const Conv *c, int64_t count, int64_t n)
{
    Range first = inside(-c->before, c->stride, count, n),
          last = inside((c->size - 1) * c->dilation - c->before, c->stride, count, n);
    first.first = least(first.first, count);
    return both(first, last);
}

#if DNW_LANES == 1
/* Of one sample, with a stride of 1: vectors of neighbours in a row of a copy of x with zeros around it. */
enum { ROOM = 4096 }; /* numbers of a copy; larger maps go pixel by pixel */
typedef real Eight __attribute__((vector_size(8 * sizeof(real)), aligned(sizeof(real)), may_alias));

typedef struct Copy {
    real x[ROOM + 8];
    int64_t line, lines; /* numbers from one row to the next; rows */
} Copy;

INLINE int fits(const Conv *c)
{
    int64_t more = (c->size - 1) * c->dilation;
    return c->stride == 1 && (c->height + more) * (parts(c->width, 8) * 8 + more) <= ROOM;
}

INLINE void copy_map(const Conv *c, Copy *copy)
{
    int64_t more = (c->size - 1) * c->dilation;
    copy->line = parts(c->width, 8) * 8 + more, copy->lines = c->height + more;
    for (int64_t i = 0; i < copy->line * copy->lines; i++) copy->x[i] = 0;
    for (int64_t row = 0; row < c->height; row++)
        for (int64_t column = 0; column < c->width; column++)
            copy->x[(row + c->before) * copy->line + c->before + column] = c->x[row * c->width + column];
}

INLINE void conv_copy(const Conv *c, const Copy *copy)
{
    for (int64_t row = 0; row < c->rows; row++)
        for (int64_t column = 0; column < c->columns; column += 8) {
            Eight sum = {0};
            for (int64_t a = 0; a < c->size; a++)
                for (int64_t b = 0; b < c->size; b++)
                    sum += c->w[(a * c->size + b) * c->turn] *
                           *(const Eight *)&copy
                                ->x[(row + a * c->dilation) * copy->line + column + b * c->dilation];
            real *y = c->y + row * c->columns + column;
            if (column + 8 <= c->columns) *(Eight *)y = sum;
            else
                for (int64_t k = 0; column + k < c->columns; k++) y[k] = sum[k];
        }
}
#endif

INLINE void conv_map(const Conv *c)
{
#if DNW_LANES == 1
    if (fits(c)) {
        Copy copy;
        copy_map(c, &copy);
        conv_copy(c, &copy);
        return;
    }
#endif
    Range rows = whole_pixels(c, c->rows, c->height), columns = whole_pixels(c, c->columns, c->width);
    for (int64_t row = 0; row < c->rows; row++)
        if (row >= rows.first && row < rows.end) conv_row(c, row, (Range){0, c->size}, columns);
        else conv_row(c, row, taps_inside(c, row, c->height), columns);
}

/* Of x, with step[0], into a map with step[2]; the caller sets w and y. */
INLINE Conv conv_of(const real *x, const MapSizes *m)
{
    return (Conv){.x = x,
                  .x_step = m->step[0],
                  .y_step = m->step[2],
                  .turn = 1,
                  .height = m->height,
                  .width = m->width,
                  .rows = same_size(m->height, m->stride),
                  .columns = same_size(m->width, m->stride),
                  .size = m->size,
                  .stride = m->stride,
                  .dilation = m->dilation,
                  .before = padding(m->size, m->dilation)};
}

MAP_KERNEL KERNEL(conv)(const real *restrict x, const real *restrict w, real *restrict y,
                        const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    Conv c = conv_of(x, &m);
    c.w = w, c.y = y;
    conv_map(&c);
}

/* Pixels p of the small map that meet pixel q of the large one, and their taps: tap, tap + step, ... < end,
 * while p goes down by `back`. n: pixels of the small map in this direction. */
typedef struct Meetings {
    int64_t tap, end, step, p, back;
} Meetings;

INLINE Meetings meetings(int64_t q, int64_t n, const MapSizes *w)
{
    int64_t stride = w->stride, dilation = w->dilation, at = q + padding(w->size, dilation), step = 1;
    while (step * dilation % stride != 0) step++;
    Meetings m = {parts(at - (n - 1) * stride, dilation), least(at / dilation + 1, w->size), step, 0,
                  step * dilation / stride};
    while (m.tap < m.end && (at - m.tap * dilation) % stride != 0) m.tap++;
    m.p = (at - m.tap * dilation) / stride;
    return m;
}

INLINE void conv_input_strided(const real *restrict dy, const real *restrict w, real *restrict dx,
                               const MapSizes *m)
{
    int64_t rows = same_size(m->height, m->stride), columns = same_size(m->width, m->stride);
    for (int64_t row = 0; row < m->height; row++) {
        Meetings i = meetings(row, rows, m);
        for (int64_t column = 0; column < m->width; column++) {
            Meetings j = meetings(column, columns, m);
            Lanes sum = {0};
            for (int64_t a = i.tap, p = i.p; a < i.end; a += i.step, p -= i.back)
                for (int64_t b = j.tap, r = j.p; b < j.end; b += j.step, r -= j.back)
                    sum += w[a * m->size + b] * load(dy, m->step[0], p * columns + r);
            store(dx, m->step[2], row * m->width + column, sum);
        }
    }
}

MAP_KERNEL KERNEL(conv_input)(const real *restrict dy, const real *restrict w, real *restrict dx,
                              const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    if (m.stride != 1) {
        conv_input_strided(dy, w, dx, &m);
        return;
    }
    Conv c = conv_of(dy, &m);
    c.w = w + m.size * m.size - 1, c.turn = -1, c.y = dx;
    c.before = m.dilation * (m.size - 1) - c.before;
    conv_map(&c);
}

enum { TAPS = 3 }; /* neighbours in a row of taps whose sums stand in registers side by side */

typedef struct ConvWeight {
    Conv x; /* without w and y; rows x columns are those of dy */
    const real *dy;
    real *dw;
    int64_t dy_step;
} ConvWeight;

/* Where tap t of pixel p lies in x: p * stride + shift. */
INLINE int64_t shift(const ConvWeight *c, int64_t tap)
{
    return tap * c->x.dilation - c->x.before;
}

/* Pixels `columns` of a row of dy that only tap (i, j) sees: those at the borders. */
INLINE Lanes one_tap(const ConvWeight *c, int64_t row, Range columns, int64_t i, int64_t j, Lanes sum)
{
    int64_t at = (row * c->x.stride + shift(c, i)) * c->x.width + shift(c, j);
    for (int64_t p = columns.first; p < columns.end; p++)
        sum +=
            load(c->x.x, c->x.x_step, at + p * c->x.stride) * load(c->dy, c->dy_step, row * c->x.columns + p);
    return sum;
}

/* Taps (i, j) .. (i, j + count): even and odd pixels have sums of their own, for more independent ones. */
INLINE void weight_taps(const ConvWeight *c, int64_t i, int64_t j, int64_t count)
{
    Lanes sum[2][TAPS];
    Range rows = inside(shift(c, i), c->x.stride, c->x.rows, c->x.height), columns[TAPS],
          whole = {0, c->x.columns};
    for (int64_t t = 0; t < count; t++) {
        sum[0][t] = sum[1][t] = (Lanes){0};
        columns[t] = inside(shift(c, j + t), c->x.stride, c->x.columns, c->x.width);
        whole = both(whole, columns[t]);
    }
    for (int64_t row = rows.first; row < rows.end; row++) {
        int64_t at = (row * c->x.stride + shift(c, i)) * c->x.width + shift(c, j), p = whole.first;
        for (int64_t t = 0; t < count; t++) {
            Range left = {columns[t].first, least(whole.first, columns[t].end)},
                  right = {most(whole.end, columns[t].first), columns[t].end};
            sum[0][t] = one_tap(c, row, left, i, j + t, sum[0][t]);
            sum[1][t] = one_tap(c, row, right, i, j + t, sum[1][t]);
        }
        for (; p + 2 <= whole.end; p += 2)
            for (int64_t k = 0; k < 2; k++) {
                Lanes d = load(c->dy, c->dy_step, row * c->x.columns + p + k);
                for (int64_t t = 0; t < count; t++)
                    sum[k][t] +=
                        load(c->x.x, c->x.x_step, at + (p + k) * c->x.stride + t * c->x.dilation) * d;
            }
        for (int64_t t = 0; t < count && p < whole.end; t++)
            sum[0][t] = one_tap(c, row, (Range){p, p + 1}, i, j + t, sum[0][t]);
    }
    for (int64_t t = 0; t < count; t++) store(c->dw, WIDTH, i * c->x.size + j + t, sum[0][t] + sum[1][t]);
}

#if DNW_LANES == 1
/* Of one sample: up to eight neighbours of a row of dy; zeros behind its end. */
INLINE Eight eight_of(const ConvWeight *c, int64_t row, int64_t column)
{
    const real *dy = c->dy + row * c->x.columns + column;
    Eight d = {0};
    if (column + 8 <= c->x.columns) return *(const Eight *)dy;
    for (int64_t k = 0; column + k < c->x.columns; k++) d[k] = dy[k];
    return d;
}

INLINE void copy_taps(const ConvWeight *c, const Copy *copy, int64_t i, int64_t j, int64_t count)
{
    Eight sum[TAPS];
    for (int64_t t = 0; t < count; t++) sum[t] = (Eight){0};
    for (int64_t row = 0; row < c->x.rows; row++)
        for (int64_t column = 0; column < c->x.columns; column += 8) {
            const Eight d = eight_of(c, row, column);
            const real *x = &copy->x[(row + i * c->x.dilation) * copy->line + column + j * c->x.dilation];
            for (int64_t t = 0; t < count; t++) sum[t] += d * *(const Eight *)(x + t * c->x.dilation);
        }
    for (int64_t t = 0; t < count; t++) {
        real total = 0;
        for (int k = 0; k < 8; k++) total += sum[t][k];
        c->dw[i * c->x.size + j + t] = total;
    }
}
#endif

MAP_KERNEL KERNEL(conv_weight)(const real *restrict x, const real *restrict dy, real *restrict dw,
                               const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    const ConvWeight c = {conv_of(x, &m), dy, dw, m.step[1]};
#if DNW_LANES == 1
    if (fits(&c.x)) {
        Copy copy;
        copy_map(&c.x, &copy);
        for (int64_t i = 0; i < m.size; i++) {
            int64_t j = 0;
            for (; j + TAPS <= m.size; j += TAPS) copy_taps(&c, &copy, i, j, TAPS);
            for (; j < m.size; j++) copy_taps(&c, &copy, i, j, 1);
        }
        return;
    }
#endif
    for (int64_t i = 0; i < m.size; i++) {
        int64_t j = 0;
        for (; j + TAPS <= m.size; j += TAPS) weight_taps(&c, i, j, TAPS);
        for (; j < m.size; j++) weight_taps(&c, i, j, 1);
    }
}

/* ---- windows ---- */

MAP_KERNEL KERNEL(windows)(const real *restrict x, real *restrict y, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = same_size(m.height, m.stride), columns = same_size(m.width, m.stride), p = 0;
    Lanes zero = {0};
    for (int64_t t = 0; t < m.size * m.size; t++) {
        int64_t down = t / m.size * m.dilation - padding(m.size, m.dilation),
                right = t % m.size * m.dilation - padding(m.size, m.dilation);
        Range i = inside(down, m.stride, rows, m.height), j = inside(right, m.stride, columns, m.width);
        for (int64_t row = 0; row < rows; row++) {
            int64_t column = 0, from = (row * m.stride + down) * m.width + right;
            if (row >= i.first && row < i.end && j.first < j.end) {
                for (; column < j.first; column++) store(y, m.step[2], p++, zero);
                for (; column < j.end; column++)
                    store(y, m.step[2], p++, load(x, m.step[0], from + column * m.stride));
            }
            for (; column < columns; column++) store(y, m.step[2], p++, zero);
        }
    }
}

MAP_KERNEL KERNEL(windows_back)(const real *restrict dy, real *restrict dx, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = same_size(m.height, m.stride), columns = same_size(m.width, m.stride);
    for (int64_t row = 0; row < m.height; row++) {
        Meetings i = meetings(row, rows, &m);
        for (int64_t column = 0; column < m.width; column++) {
            Meetings j = meetings(column, columns, &m);
            Lanes sum = {0};
            for (int64_t a = i.tap, p = i.p; a < i.end; a += i.step, p -= i.back)
                for (int64_t b = j.tap, r = j.p; b < j.end; b += j.step, r -= j.back)
                    sum += load(dy, m.step[0], ((a * m.size + b) * rows + p) * columns + r);
            store(dx, m.step[2], row * m.width + column, sum);
        }
    }
}

/* ---- pooling ---- */

/* Windows along a map of n rows or columns. */
INLINE int64_t pooled(int64_t n, const MapSizes *m)
{
    return (n + 2 * m->border - m->size) / m->stride + 1;
}

/* Rows (columns) of the map in window p of these. */
INLINE Range pool_taps(int64_t p, int64_t n, const MapSizes *m)
{
    int64_t first = p * m->stride - m->border;
    return (Range){most(first, 0), least(first + m->size, n)};
}

/* Windows that row (column) `at` of the map is in. */
INLINE Range pool_windows(int64_t at, int64_t windows, const MapSizes *m)
{
    int64_t reach = at + m->border;
    return (Range){parts(reach - m->size + 1, m->stride), least(reach / m->stride + 1, windows)};
}

MAP_KERNEL KERNEL(pool_sum)(const real *restrict x, real *restrict y, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = pooled(m.height, &m), columns = pooled(m.width, &m);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            Range i = pool_taps(row, m.height, &m), j = pool_taps(column, m.width, &m);
            Lanes sum = {0};
            for (int64_t a = i.first; a < i.end; a++)
                for (int64_t b = j.first; b < j.end; b++) sum += load(x, m.step[0], a * m.width + b);
            store(y, m.step[2], row * columns + column, sum);
        }
}

MAP_KERNEL KERNEL(pool_spread)(const real *restrict dy, real *restrict dx, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = pooled(m.height, &m), columns = pooled(m.width, &m);
    for (int64_t row = 0; row < m.height; row++)
        for (int64_t column = 0; column < m.width; column++) {
            Range i = pool_windows(row, rows, &m), j = pool_windows(column, columns, &m);
            Lanes sum = {0};
            for (int64_t p = i.first; p < i.end; p++)
                for (int64_t r = j.first; r < j.end; r++) sum += load(dy, m.step[0], p * columns + r);
            store(dx, m.step[2], row * m.width + column, sum);
        }
}

typedef __typeof__((Lanes){0} < (Lanes){0}) Mask;

#if DNW_LANES == 1
INLINE Lanes choose(Mask condition, Lanes yes, Lanes no)
{
    return condition ? yes : no;
}
#else
INLINE Lanes choose(Mask condition, Lanes yes, Lanes no)
{
    return (Lanes)(((Mask)yes & condition) | ((Mask)no & ~condition));
}
#endif

/* The largest number of a window in each lane, and its pixel in the map: the first one, or the first NaN. */
typedef struct Largest {
    Lanes value, pixel;
} Largest;

INLINE Largest largest(const real *x, const MapSizes *m, Range i, Range j)
{
    int64_t first = i.first * m->width + j.first;
    Largest best = {load(x, m->step[0], first), (Lanes){0} + (real)first};
    for (int64_t a = i.first; a < i.end; a++)
        for (int64_t b = j.first; b < j.end; b++) {
            int64_t q = a * m->width + b;
            Lanes v = load(x, m->step[0], q), number = (Lanes){0} + (real)q;
            Mask wins = (v > best.value) | ((v != v) & (best.value == best.value));
            best.value = choose(wins, v, best.value);
            best.pixel = choose(wins, number, best.pixel);
        }
    return best;
}

MAP_KERNEL KERNEL(pool_max)(const real *restrict x, real *restrict y, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = pooled(m.height, &m), columns = pooled(m.width, &m);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            Range i = pool_taps(row, m.height, &m), j = pool_taps(column, m.width, &m);
            store(y, m.step[2], row * columns + column, largest(x, &m, i, j).value);
        }
}

MAP_KERNEL KERNEL(pool_max_back)(const real *restrict x, const real *restrict dy, real *restrict dx,
                                 const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    int64_t rows = pooled(m.height, &m), columns = pooled(m.width, &m);
    Lanes zero = {0};
    for (int64_t p = 0; p < m.height * m.width; p++) store(dx, m.step[2], p, zero);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++) {
            Range i = pool_taps(row, m.height, &m), j = pool_taps(column, m.width, &m);
            Lanes pixel = largest(x, &m, i, j).pixel, d = load(dy, m.step[1], row * columns + column);
            for (int64_t a = i.first; a < i.end; a++)
                for (int64_t b = j.first; b < j.end; b++) {
                    int64_t q = a * m.width + b;
                    store(dx, m.step[2], q,
                          load(dx, m.step[2], q) + choose(pixel == (zero + (real)q), d, zero));
                }
        }
}

/* ---- runs of numbers ---- */

MAP_KERNEL KERNEL(reduce_sum)(const real *restrict x, int64_t step, real *restrict y, int64_t count)
{
    Lanes sum = {0};
    if (LANES == 1 && step == 1) {
        sum += sum_numbers(x, count);
    } else {
        ONE_BY_ONE
        for (int64_t i = 0; i < count; i++) sum += load(x, step, i);
    }
    store(y, 0, 0, sum);
}

MAP_KERNEL KERNEL(reduce_max)(const real *restrict x, int64_t step, real *restrict y, int64_t count)
{
    Lanes best = load(x, step, 0);
    for (int64_t i = 1; i < count; i++) {
        Lanes v = load(x, step, i);
        best = choose((v > best) | (v != v), v, best);
    }
    store(y, 0, 0, best);
}

MAP_KERNEL KERNEL(broadcast)(real *restrict y, int64_t step, const real *restrict x, int64_t count)
{
    Lanes v = load(x, 0, 0);
    for (int64_t i = 0; i < count; i++) store(y, step, i, v);
}

/* ---- parts of maps ---- */

MAP_KERNEL KERNEL(crop)(const real *restrict x, real *restrict y, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    for (int64_t row = 0; row < m.rows; row++)
        for (int64_t column = 0; column < m.columns; column++)
            store(y, m.step[2], row * m.columns + column,
                  load(x, m.step[0], m.first + row * m.width + column));
}

MAP_KERNEL KERNEL(pad_map)(const real *restrict x, real *restrict y, const MapSizes *sizes)
{
    const MapSizes m = *sizes;
    Lanes zero = {0};
    for (int64_t p = 0; p < m.height * m.width; p++) store(y, m.step[2], p, zero);
    for (int64_t row = 0; row < m.rows; row++)
        for (int64_t column = 0; column < m.columns; column++)
            store(y, m.step[2], m.first + row * m.width + column,
                  load(x, m.step[0], row * m.columns + column));
}
