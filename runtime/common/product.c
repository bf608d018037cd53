/* product.c: see product.h.
 *
 * Both factors lie with the summed index innermost, so both are read as they are: a block of 6 x 4 sums, each
 * in a register of 16 partial sums, goes along a chunk of the inner index. Six rows of A stay in the
 * first-level cache and meet PART rows of B, which stay in the second-level cache.
 */
#include "common/product.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

enum { TALL = 6, WIDE = 4, CHUNK = 1024, PART = 192 };
#define BF16 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

bool product_bf16_available(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

BF16 void product_round(const float *from, int64_t count, uint16_t *to)
{
    int64_t i = 0;
    for (; i + 32 <= count; i += 32)
        _mm512_storeu_si512(
            to + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i)));
    for (; i < count; i += 16) {
        __mmask16 there = count - i < 16 ? (__mmask16)((1u << (count - i)) - 1) : 0xFFFF;
        _mm256_mask_storeu_epi16(to + i, there,
                                 (__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(there, from + i)));
    }
}

/* The sums of the numbers in each of four registers. */
BF16 static inline __m128 sums_of(const __m512 *s)
{
    __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(s[0], s[1], 0x44), _mm512_shuffle_f32x4(s[0], s[1], 0xEE));
    __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(s[2], s[3], 0x44), _mm512_shuffle_f32x4(s[2], s[3], 0xEE));
    __m512 all = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0x4E));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0xB1));
    const __m512i first = _mm512_set_epi32(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 8, 4, 0);
    return _mm512_castps512_ps128(_mm512_permutexvar_ps(first, all));
}

/* One register of each row, at k: those of `there` are, the others count as zeros. */
BF16 static inline __attribute__((always_inline)) void
multiply(__m512 (*s)[WIDE], const uint16_t *const *a, const uint16_t *const *b, int64_t k, __mmask32 there)
{
    __m512bh x[WIDE];
#pragma GCC unroll 4
    for (int j = 0; j < WIDE; j++) x[j] = (__m512bh)_mm512_maskz_loadu_epi16(there, b[j] + k);
#pragma GCC unroll 6
    for (int i = 0; i < TALL; i++) {
        __m512bh y = (__m512bh)_mm512_maskz_loadu_epi16(there, a[i] + k);
#pragma GCC unroll 4
        for (int j = 0; j < WIDE; j++) s[i][j] = _mm512_dpbf16_ps(s[i][j], x[j], y);
    }
}

/* sum (TALL rows of WIDE columns) = rows a times rows b transposed. Loops are unrolled: sums must not leave
 * their registers. */
BF16 static void block(const uint16_t *const *a, const uint16_t *const *b, int64_t inner, __m128 *sum)
{
    __m512 s[TALL][WIDE];
    int64_t k = 0;
#pragma GCC unroll 6
    for (int i = 0; i < TALL; i++)
#pragma GCC unroll 4
        for (int j = 0; j < WIDE; j++) s[i][j] = _mm512_setzero_ps();
    for (; k + 32 <= inner; k += 32) multiply(s, a, b, k, ~(__mmask32)0);
    if (k < inner) multiply(s, a, b, k, ((__mmask32)1 << (inner - k)) - 1);
#pragma GCC unroll 6
    for (int i = 0; i < TALL; i++) sum[i] = sums_of(s[i]);
}

/* Fetches part `i` of `parts` of the rows of A that come next. */
static void fetch_next(const Product *p, int64_t row, int64_t first, int64_t inner, int64_t i, int64_t parts)
{
    const int64_t lines = (inner + 31) / 32 * TALL;
    for (int64_t l = lines * i / parts; l < lines * (i + 1) / parts; l++)
        if (row + TALL + l % TALL < p->rows)
            __builtin_prefetch(p->a + (row + TALL + l % TALL) * p->lda + first + l / TALL * 32, 0, 2);
}

/* Stores one block of C, up to its end. */
static void put_block(const Product *p, int64_t row, int64_t column, bool add, const __m128 *sum)
{
    for (int i = 0; i < TALL && row + i < p->rows; i++) {
        float *c = p->c + (row + i) * p->ldc + column;
        if (column + WIDE <= p->columns) _mm_storeu_ps(c, add ? _mm_add_ps(_mm_loadu_ps(c), sum[i]) : sum[i]);
        else
            for (int64_t j = 0; column + j < p->columns; j++) c[j] = sum[i][j] + (add ? c[j] : 0);
    }
}

/* Columns low .. high that some of TALL rows want, from a multiple of WIDE on. */
static ProductSpan wanted(const Product *p, int64_t row)
{
    ProductSpan all = {p->columns, 0};
    for (int64_t i = row; i < row + TALL && i < p->rows; i++) {
        if (p->span[i].low >= p->span[i].high) continue;
        if (p->span[i].low < all.low) all.low = p->span[i].low;
        if (p->span[i].high > all.high) all.high = p->span[i].high;
    }
    all.low = all.low / WIDE * WIDE;
    return all;
}

/* TALL rows, one chunk of the inner index, columns from .. end. Rows and columns beyond the end are made of
 * the last ones and not stored. */
static void rows_of(const Product *p, int64_t row, int64_t from, int64_t end, int64_t first, int64_t inner)
{
    const ProductSpan span = wanted(p, row);
    const int64_t low = span.low > from ? span.low : from, high = span.high < end ? span.high : end;
    const uint16_t *a[TALL], *b[WIDE];
    __m128 sum[TALL];
    for (int i = 0; i < TALL; i++) a[i] = p->a + (row + i < p->rows ? row + i : p->rows - 1) * p->lda + first;
    for (int64_t column = low; column < high; column += WIDE) {
        for (int j = 0; j < WIDE; j++)
            b[j] = p->b + (column + j < p->columns ? column + j : p->columns - 1) * p->ldb + first;
        fetch_next(p, row, first, inner, (column - low) / WIDE, (high - low + WIDE - 1) / WIDE);
        block(a, b, inner, sum);
        put_block(p, row, column, p->add || first > 0, sum);
    }
}

void product_bf16(const Product *p)
{
    for (int64_t first = 0; first < p->inner; first += CHUNK) {
        int64_t inner = p->inner - first < CHUNK ? p->inner - first : CHUNK;
        for (int64_t from = 0; from < p->columns; from += PART) {
            const int64_t end = from + PART < p->columns ? from + PART : p->columns;
            for (int64_t row = 0; row < p->rows; row += TALL) rows_of(p, row, from, end, first, inner);
        }
    }
}

#else

bool product_bf16_available(void)
{
    return false;
}
void product_round(const float *from, int64_t count, uint16_t *to)
{
    (void)from, (void)count, (void)to; /* not reached: it is not available */
}
void product_bf16(const Product *p)
{
    (void)p; /* not reached */
}
#endif
