/* rt_product.c: see rt_product.h.
 *
 * Both factors lie with the summed index innermost, so both are read as they are: a block of 4 x 6 sums, each
 * in a register of 16 partial sums, goes along a chunk of the inner index. The rows of A are rounded once for
 * a chunk and stay in the second-level cache; six rows of B are rounded, stay in the first-level cache and
 * meet all rows of A.
 */
#include "rt_product.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { TALL = 4, WIDE = 6, CHUNK = 1024 };
#define BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

bool product_bf16_available(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

static int64_t padded(int64_t rows)
{
    return (rows + TALL - 1) / TALL * TALL;
}

int64_t product_room(int64_t rows)
{
    return (padded(rows) + WIDE) * CHUNK * (int64_t)sizeof(uint16_t);
}

/* Rounds `count` numbers; zeros up to a multiple of 32. */
BF16 static void round_row(const float *from, int64_t count, uint16_t *to)
{
    for (int64_t i = 0; i < count; i += 32) {
        __mmask16 low = count - i < 16 ? (__mmask16)((1u << (count - i)) - 1) : 0xFFFF;
        __mmask16 high = count - i < 16   ? 0
                         : count - i < 32 ? (__mmask16)((1u << (count - i - 16)) - 1)
                                          : 0xFFFF;
        __m512 x = _mm512_maskz_loadu_ps(low, from + i), y = _mm512_maskz_loadu_ps(high, from + i + 16);
        _mm512_store_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(y, x));
    }
}

/* The sums of the numbers in each of four registers. */
BF16 static inline __m128 sums_of(__m512 a, __m512 b, __m512 c, __m512 d)
{
    __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
    __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
    __m512 all = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0x4E));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0xB1));
    const __m512i first = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first, all));
}

/* sum (WIDE columns of TALL rows) = a (TALL rows) times b (WIDE rows) transposed; rows are CHUNK apart */
BF16 static void block(const uint16_t *a, const uint16_t *b, int64_t inner, float (*sum)[TALL])
{
    __m512 s[WIDE][TALL];
    for (int j = 0; j < WIDE; j++)
        for (int i = 0; i < TALL; i++) s[j][i] = _mm512_setzero_ps();
    for (int64_t k = 0; k < inner; k += 32) {
        __m512bh x[TALL];
        for (int i = 0; i < TALL; i++) x[i] = (__m512bh)_mm512_load_si512(a + i * CHUNK + k);
#pragma GCC unroll 6
        for (int j = 0; j < WIDE; j++) {
            __m512bh y = (__m512bh)_mm512_load_si512(b + j * CHUNK + k);
#pragma GCC unroll 4
            for (int i = 0; i < TALL; i++) s[j][i] = _mm512_dpbf16_ps(s[j][i], x[i], y);
        }
    }
    for (int j = 0; j < WIDE; j++) _mm_storeu_ps(sum[j], sums_of(s[j][0], s[j][1], s[j][2], s[j][3]));
}

static bool wanted(const Product *p, int64_t row, int64_t column)
{
    for (int64_t i = row; i < row + TALL && i < p->rows; i++)
        if (p->span[i].low < column + WIDE && p->span[i].high > column) return true;
    return false;
}

/* Fetches part `i` of `parts` of the rows of B that come next, so that they are there when they are rounded.
 */
static void fetch_next(const Product *p, int64_t column, int64_t first, int64_t inner, int64_t i,
                       int64_t parts)
{
    const int64_t lines = (inner + 15) / 16 * WIDE;
    for (int64_t l = lines * i / parts; l < lines * (i + 1) / parts; l++) {
        int64_t row = column + WIDE + l % WIDE;
        if (row < p->columns) __builtin_prefetch(p->b + row * p->ldb + first + l / WIDE * 16, 0, 2);
    }
}

/* One chunk of the inner index, WIDE columns from `column` on. */
static void columns_of(const Product *p, int64_t column, int64_t first, int64_t inner, const uint16_t *a,
                       const uint16_t *b)
{
    const bool add = p->add || first > 0;
    float sum[WIDE][TALL];
    for (int64_t row = 0; row < p->rows; row += TALL) {
        fetch_next(p, column, first, inner, row / TALL, (p->rows + TALL - 1) / TALL);
        if (!wanted(p, row, column)) continue;
        block(a + row * CHUNK, b, inner, sum);
        for (int64_t i = row; i < row + TALL && i < p->rows; i++)
            for (int64_t j = column; j < column + WIDE && j < p->columns; j++) {
                float *c = p->c + i * p->ldc + j;
                *c = sum[j - column][i - row] + (add ? *c : 0);
            }
    }
}

void product_bf16(const Product *p)
{
    uint16_t *a = p->room, *b = a + padded(p->rows) * CHUNK;
    for (int64_t first = 0; first < p->inner; first += CHUNK) {
        int64_t inner = p->inner - first < CHUNK ? p->inner - first : CHUNK;
        for (int64_t i = 0; i < p->rows; i++) round_row(p->a + i * p->lda + first, inner, a + i * CHUNK);
        for (int64_t column = 0; column < p->columns; column += WIDE) {
            for (int64_t j = column; j < column + WIDE && j < p->columns; j++)
                round_row(p->b + j * p->ldb + first, inner, b + (j - column) * CHUNK);
            columns_of(p, column, first, inner, a, b);
        }
    }
}

#else

bool product_bf16_available(void)
{
    return false;
}
int64_t product_room(int64_t rows)
{
    return rows - rows;
}
void product_bf16(const Product *p)
{
    (void)p; /* not reached: it is not available */
}
#endif
