/* product_sparse.c: see product_sparse.h.
 *
 * CHUNK numbers of the inner index at a time: those of each row of A that are not 0 are bits of a word, and
 * PANEL rows of B, transposed, stay in the first-level cache. As many sums stay in registers while one row of
 * A goes through its bits.
 */
#include "gradient/product_sparse.h"
#include "common/simd.h"
#define SUMS_NUMBER float
#include "kernels/sums.h"

enum { CHUNK = 64, PANEL = 96, VECTORS = PANEL / 8, ROWS = 512 }; /* ROWS: words at a time */

#define INLINE static inline __attribute__((always_inline))

/* ---- what is not 0 ---- */

RT_CLONES int64_t product_live(const float *a, int64_t count)
{
    int32_t live = 0;
    for (int64_t i = 0; i < count; i++) live += a[i] != 0;
    return live;
}

/* Are whole panels for what is not 0 at most half the multiply-adds of all of A? With more, a library's
 * product is faster (docs/lab/2026-11-27-speed-avx2.md). */
static bool is_sparse(const SparseProduct *p)
{
    const int64_t made = (p->columns + PANEL - 1) / PANEL * PANEL, all = p->rows * p->inner * p->columns;
    int64_t live = 0;
    for (int64_t i = 0; i < p->rows; i++) {
        live += product_live(p->a + i * p->lda, p->inner);
        if (2 * live * made > all) return false;
    }
    return true;
}

/* Bit i: a[i] is not 0; `count` of at most CHUNK. */
RT_CLONES static uint64_t live_word(const float *a, int64_t count)
{
    uint8_t live[CHUNK];
    for (int64_t i = 0; i < count; i++) live[i] = a[i] != 0;
    return simd_word(live, count);
}

/* ---- a panel ---- */

/* to[k * PANEL + j] = from[j * step + k], j and k below 8 */
INLINE void transpose(const float *from, int64_t step, float *to)
{
#define PICK __builtin_shufflevector
    Eight r[8], t[8];
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) r[j] = *(const Eight *)(from + j * step);
#pragma GCC unroll 4
    for (int j = 0; j < 8; j += 2) {
        t[j] = PICK(r[j], r[j + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        t[j + 1] = PICK(r[j], r[j + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int j = 0; j < 8; j += 4) {
        r[j] = PICK(t[j], t[j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        r[j + 1] = PICK(t[j], t[j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        r[j + 2] = PICK(t[j + 1], t[j + 3], 0, 1, 8, 9, 4, 5, 12, 13);
        r[j + 3] = PICK(t[j + 1], t[j + 3], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) {
        *(Eight *)(to + k * PANEL) = PICK(r[k], r[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(Eight *)(to + (k + 4) * PANEL) = PICK(r[k], r[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
#undef PICK
}

/* panel[k * PANEL + j] = b[j * ldb + k]; columns from `columns` on are not written. */
RT_CLONES static void pack(const float *b, int64_t ldb, int64_t columns, int64_t inner, float *panel)
{
    const int64_t whole = inner / 8 * 8, blocks = columns / 8 * 8;
    for (int64_t j = 0; j < blocks; j += 8)
        for (int64_t k = 0; k < whole; k += 8) transpose(b + j * ldb + k, ldb, panel + k * PANEL + j);
    for (int64_t j = 0; j < columns; j++)
        for (int64_t k = j < blocks ? whole : 0; k < inner; k++) panel[k * PANEL + j] = b[j * ldb + k];
}

/* ---- sums ---- */

/* c (PANEL numbers) = or += the numbers of a row that `live` tells, each times its row of the panel. */
INLINE void row_sums(const float *a, uint64_t live, const float *panel, bool add, float *c)
{
    Eight s[VECTORS];
#pragma GCC unroll 12
    for (int i = 0; i < VECTORS; i++) s[i] = add ? *(const Eight *)(c + 8 * i) : (Eight){0};
    for (; live; live &= live - 1) {
        const int k = __builtin_ctzll(live);
        const float x = a[k], *row = panel + k * PANEL;
#pragma GCC unroll 12
        for (int i = 0; i < VECTORS; i++) s[i] += x * *(const Eight *)(row + 8 * i);
    }
#pragma GCC unroll 12
    for (int i = 0; i < VECTORS; i++) *(Eight *)(c + 8 * i) = s[i];
}

/* The same for `columns` numbers, less than PANEL. */
INLINE void short_row_sums(const float *a, uint64_t live, const float *panel, bool add, float *c,
                           int64_t columns)
{
    float all[PANEL];
    for (int64_t j = 0; j < columns; j++) all[j] = c[j];
    row_sums(a, live, panel, add, all);
    for (int64_t j = 0; j < columns; j++) c[j] = all[j];
}

RT_CLONES static void panel_sums(const SparseProduct *p, const uint64_t *live, const float *panel)
{
    for (int64_t i = 0; i < p->rows; i++) {
        const float *a = p->a + i * p->lda;
        float *c = p->c + i * p->ldc;
        if (p->add && !live[i]) continue;
        if (p->columns == PANEL) row_sums(a, live[i], panel, p->add, c);
        else short_row_sums(a, live[i], panel, p->add, c, p->columns);
    }
}

/* At most ROWS rows, CHUNK numbers of the inner index. */
static void chunk_sums(const SparseProduct *p)
{
    float panel[CHUNK * PANEL] = {0};
    uint64_t live[ROWS], any = 0;
    for (int64_t i = 0; i < p->rows; i++) any |= live[i] = live_word(p->a + i * p->lda, p->inner);
    for (int64_t j = 0; j < p->columns && (any || !p->add); j += PANEL) {
        SparseProduct part = *p;
        part.b += j * p->ldb, part.c += j;
        part.columns = p->columns - j < PANEL ? p->columns - j : PANEL;
        if (any) pack(part.b, p->ldb, part.columns, p->inner, panel);
        panel_sums(&part, live, panel);
    }
}

bool product_sparse(const SparseProduct *p)
{
    if (!is_sparse(p)) return false;
    for (int64_t i = 0; i < p->rows; i += ROWS)
        for (int64_t k = 0; k < p->inner; k += CHUNK) {
            SparseProduct part = *p;
            part.a += i * p->lda + k, part.b += k, part.c += i * p->ldc, part.add = p->add || k > 0;
            part.rows = p->rows - i < ROWS ? p->rows - i : ROWS;
            part.inner = p->inner - k < CHUNK ? p->inner - k : CHUNK;
            chunk_sums(&part);
        }
    return true;
}
