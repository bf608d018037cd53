/* test_blocks.c: blocks of candidate gradients and their groups: every node in one part, every candidate in
 * one group, and little that belongs to none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "rt_blocks.h"
#include "rt_rng.h"

enum { ROWS = 300, COLUMNS = 384 };

static void test_cut(void **state)
{
    (void)state;
    for (int64_t nodes = 1; nodes < 5000; nodes++) {
        int64_t end = 0;
        for (int64_t i = 0; i < block_parts(nodes); i++) {
            Stretch p = block_cut(nodes, i);
            assert_int_equal(p.from, end);
            assert_in_range(p.count, 1, BLOCK_SIDE);
            end += p.count;
        }
        assert_int_equal(end, nodes);
    }
}

/* Row by row: nothing, the same for all, a triangle, blocks of 96 rows, or anything. */
static ProductSpan span_of(int kind, int64_t row)
{
    int64_t a = (int64_t)(rng_uniform(7, RNG_INIT, (uint64_t)row) * COLUMNS),
            b = (int64_t)(rng_uniform(8, RNG_INIT, (uint64_t)row) * COLUMNS);
    switch (kind) {
    case 0: return (ProductSpan){0, 0};
    case 1: return (ProductSpan){5, 200};
    case 2: return (ProductSpan){0, row};
    case 3: return (ProductSpan){0, row / 96 * 96};
    default: return (ProductSpan){a < b ? a : b, a < b ? b : a};
    }
}

static void expect_groups(const ProductSpan *span, BlockGroup group(const ProductSpan *, int64_t, int64_t))
{
    int64_t end = 0;
    while (end < ROWS) {
        BlockGroup g = group(span, ROWS, end);
        assert_int_equal(g.first, end);
        assert_true(g.rows > 0);
        for (int64_t i = end; i < end + g.rows; i++)
            if (span[i].high > span[i].low)
                assert_true(g.wanted.low <= span[i].low && g.wanted.high >= span[i].high);
        end += g.rows;
    }
    assert_int_equal(end, ROWS);
}

static void test_groups(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        ProductSpan span[ROWS];
        for (int64_t i = 0; i < ROWS; i++) span[i] = span_of(kind, i);
        expect_groups(span, block_group);
        expect_groups(span, block_rows);
    }
}

/* What is made and belongs to no candidate, of conditions that researchers write. */
static void test_little_too_much(void **state)
{
    (void)state;
    for (int kind = 1; kind < 4; kind++) {
        ProductSpan span[ROWS];
        double wanted = 0, made = 0;
        for (int64_t i = 0; i < ROWS; i++)
            span[i] = span_of(kind, i), wanted += (double)(span[i].high - span[i].low);
        for (int64_t i = 0; i < ROWS;) {
            BlockGroup g = block_group(span, ROWS, i);
            made += (double)(g.rows * (g.wanted.high - g.wanted.low)), i += g.rows;
        }
        assert_true(made <= 1.125 * wanted);
    }
}

/* Candidates of a band, in runs: every one is in one block, blocks without any are not there. */
static void test_places(void **state)
{
    (void)state;
    enum { NODES = 1000, BAND = 30 };
    int64_t row[NODES + 1], segment[NODES + 1], count, inside = 0;
    uint32_t start[NODES], length[NODES];
    Candidates c = {CANDIDATES_SEGMENTS, NODES, NODES, 0, row, segment, start, length, NULL};
    for (int64_t t = 0; t < NODES; t++) {
        int64_t low = t < BAND ? 0 : t - BAND, high = t + BAND < NODES ? t + BAND : NODES;
        row[t] = c.count, segment[t] = t;
        start[t] = (uint32_t)low, length[t] = (uint32_t)(high - low), c.count += high - low;
    }
    row[NODES] = c.count, segment[NODES] = NODES;
    BlockPlace *blocks = blocks_build(&c, &count);
    assert_int_equal(count, 7); /* of nine */
    for (const BlockPlace *b = blocks; b < blocks + count; b++) {
        ProductSpan span[BLOCK_SIDE];
        int64_t here = 0;
        block_spans(&c, b->targets, b->sources, span);
        for (int64_t i = 0; i < b->targets.count; i++) here += span[i].high - span[i].low;
        assert_true(here > 0);
        inside += here;
    }
    assert_int_equal(inside, c.count);
    free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_little_too_much), cmocka_unit_test(test_places)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
