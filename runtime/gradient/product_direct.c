/* product_direct.c: see product_direct.h.
 *
 * A block of sums, each a vector of partial sums in a register, goes along a chunk of the inner index: 4 x 6
 * with 32 registers of AVX-512, 3 x 4 with 16. A few rows of A stay in the first-level cache and meet all
 * rows of B.
 */
#include "gradient/product_direct.h"
#include "net/cpu.h"
#define SUMS_NUMBER float
#include "kernels/sums.h"

enum { CHUNK = 1024, TALL = 4, WIDE = 6 };

#define INLINE static inline __attribute__((always_inline))
#if defined __x86_64__
#define TARGET(features) __attribute__((target(features)))
#else
#define TARGET(features)
#endif

/* Lines first .. end of the inner index, for rows `row` and columns `column` on. */
typedef struct Part {
    int64_t first, end, row, column;
    bool add;
} Part;

INLINE const float *column_of(const DirectProduct *p, int64_t j)
{
    return (const float *)p->b + (p->first ? (int64_t)p->first[j] : j) * p->b_step;
}

/* c (+)= the sums of the numbers in each of `tall` vectors: of one column. */
INLINE void put(const DirectProduct *p, const Part *o, int64_t j, int tall, Four sum)
{
    float *c = (float *)p->c + o->row * p->c_step + o->column + j;
#pragma GCC unroll 4
    for (int i = 0; i < tall; i++) c[i * p->c_step] = o->add ? c[i * p->c_step] + sum[i] : sum[i];
}

/* tall x wide sums in registers; loops are unrolled: they must not leave them. */
#define BLOCK_OF(Vector, size, sums)                                                                         \
    INLINE void block_of_##size(const DirectProduct *p, const Part *o, int tall, int wide)                   \
    {                                                                                                        \
        const float *a[TALL], *b[WIDE];                                                                      \
        Vector s[WIDE][TALL] = {{{0}}};                                                                      \
        for (int i = 0; i < tall; i++) a[i] = (const float *)p->a + (o->row + i) * p->a_step;                \
        for (int j = 0; j < wide; j++) b[j] = column_of(p, o->column + j);                                   \
        int64_t at = o->first * p->inner.runs * p->inner.run;                                                \
        for (int64_t l = o->first; l < o->end; l++)                                                          \
            for (int64_t r = 0; r < p->inner.runs; r++) {                                                    \
                int64_t from = l * p->inner.line_step + r * p->inner.run_step;                               \
                for (const int64_t end = at + p->inner.run; at < end; at += size, from += size) {            \
                    Vector x[TALL];                                                                          \
                    _Pragma("GCC unroll 4") for (int i = 0; i < tall; i++) x[i] =                            \
                        *(const Vector *)(a[i] + at);                                                        \
                    _Pragma("GCC unroll 6") for (int j = 0; j < wide; j++)                                   \
                    {                                                                                        \
                        const Vector y = *(const Vector *)(b[j] + from);                                     \
                        _Pragma("GCC unroll 4") for (int i = 0; i < tall; i++) s[j][i] += x[i] * y;          \
                    }                                                                                        \
                }                                                                                            \
            }                                                                                                \
        _Pragma("GCC unroll 6") for (int j = 0; j < wide; j++) put(p, o, j, tall, sums(s[j]));               \
    }
BLOCK_OF(Sixteen, 16, sums_of)
BLOCK_OF(Eight, 8, sums_of_eights)

/* All columns for rows from o->row on. */
#define ROWS_OF(size, tall, wide)                                                                            \
    {                                                                                                        \
        for (; o->column + wide <= p->columns; o->column += wide) block_of_##size(p, o, tall, wide);         \
        for (; o->column + 2 <= p->columns; o->column += 2) block_of_##size(p, o, tall, 2);                  \
        for (; o->column < p->columns; o->column++) block_of_##size(p, o, tall, 1);                          \
        o->row += tall, o->column = 0;                                                                       \
    }

TARGET("avx512f,avx512vl,avx512dq,avx512bw,fma") static void chunk_of_16(const DirectProduct *p, Part *o)
{
    while (o->row + 4 <= p->rows) ROWS_OF(16, 4, 6)
    while (o->row + 2 <= p->rows) ROWS_OF(16, 2, 6)
    while (o->row < p->rows) ROWS_OF(16, 1, 6)
}

TARGET("avx2,fma") static void chunk_of_8(const DirectProduct *p, Part *o)
{
    while (o->row + 3 <= p->rows) ROWS_OF(8, 3, 4)
    while (o->row < p->rows) ROWS_OF(8, 1, 4)
}

/* For any processor, and runs that are no whole vectors. */
#define PLAIN(name, number)                                                                                  \
    static void name(const DirectProduct *p, Part *o)                                                        \
    {                                                                                                        \
        for (; o->row < p->rows; o->row++)                                                                   \
            for (int64_t j = 0; j < p->columns; j++) {                                                       \
                const number *a = (const number *)p->a + o->row * p->a_step,                                 \
                             *b = (const number *)p->b + (p->first ? (int64_t)p->first[j] : j) * p->b_step;  \
                number *c = (number *)p->c + o->row * p->c_step + j, sum = 0;                                \
                int64_t at = o->first * p->inner.runs * p->inner.run;                                        \
                for (int64_t l = o->first; l < o->end; l++)                                                  \
                    for (int64_t r = 0; r < p->inner.runs; r++) {                                            \
                        int64_t from = l * p->inner.line_step + r * p->inner.run_step;                       \
                        for (int64_t k = 0; k < p->inner.run; k++) sum += a[at++] * b[from + k];             \
                    }                                                                                        \
                *c = o->add ? *c + sum : sum;                                                                \
            }                                                                                                \
    }
PLAIN(chunk_of_1, float)
PLAIN(chunk_of_doubles, double)

typedef void ChunkSums(const DirectProduct *p, Part *o);

static ChunkSums *chunk_sums(int64_t run)
{
#if defined __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return chunk_of_1;
#endif
    if (run % 8) return chunk_of_1;
    return run % 16 == 0 && cpu_has_avx512() ? chunk_of_16 : chunk_of_8;
}

static void each_chunk(const DirectProduct *p, ChunkSums *sums)
{
    const int64_t line = p->inner.runs * p->inner.run, lines = line < CHUNK ? CHUNK / line : 1;
    for (int64_t l = 0; l < p->inner.lines; l += lines) {
        const int64_t end = l + lines < p->inner.lines ? l + lines : p->inner.lines;
        sums(p, &(Part){.first = l, .end = end, .add = p->add || l > 0});
    }
}

void product_direct(const DirectProduct *p)
{
    each_chunk(p, chunk_sums(p->inner.run));
}

void product_direct_double(const DirectProduct *p)
{
    each_chunk(p, chunk_of_doubles);
}

void product_direct_rows(const DirectProduct *p, int64_t inner)
{
    const int64_t whole = inner / CHUNK;
    DirectProduct part = *p;
    part.inner = (InnerRuns){whole, 1, CHUNK, CHUNK, 0};
    if (whole) product_direct(&part);
    part.inner = (InnerRuns){1, 1, inner % CHUNK, 0, 0}, part.add |= whole > 0;
    part.a = (const float *)p->a + whole * CHUNK, part.b = (const float *)p->b + whole * CHUNK;
    if (inner % CHUNK) product_direct(&part);
}

/* Measured: docs/lab/2026-11-29-convolutions.md. */
bool product_is_direct(int64_t rows, int64_t columns, int64_t inner)
{
    return inner >= 256 && rows * columns < 48 * (rows + columns);
}
