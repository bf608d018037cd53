/* test_blocks.c: blocks of candidate gradients and their groups: every node in one part, every candidate in
 * one group, and little that belongs to none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "common/blocks.h"
#include "common/rng.h"

enum { ROWS = 300, COLUMNS = 384 };

static void test_cut(void **state)
{
    (void)state;
    for (int64_t nodes = 1; nodes < 5000; nodes++) {
        int64_t end = 0;
        for (int64_t i = 0; i < block_parts(nodes, BLOCK_TARGETS); i++) {
            Stretch p = block_cut(nodes, BLOCK_TARGETS, i);
            assert_int_equal(p.from, end);
            assert_in_range(p.count, 1, BLOCK_TARGETS);
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

static void expect_groups(const ProductSpan *span)
{
    int64_t end = 0;
    while (end < ROWS) {
        BlockGroup g = block_group(span, ROWS, end);
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
        expect_groups(span);
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
    enum { NODES = 2000, BAND = 30 };
    int64_t row[NODES + 1], segment[NODES + 1], inside = 0;
    int count;
    uint32_t start[NODES], length[NODES];
    Candidates c = {CANDIDATES_SEGMENTS, NODES, NODES, 0, row, segment, start, length, NULL};
    for (int64_t t = 0; t < NODES; t++) {
        int64_t low = t < BAND ? 0 : t - BAND, high = t + BAND < NODES ? t + BAND : NODES;
        row[t] = c.count, segment[t] = t;
        start[t] = (uint32_t)low, length[t] = (uint32_t)(high - low), c.count += high - low;
    }
    row[NODES] = c.count, segment[NODES] = NODES;
    const FieldLine line = {.candidates = &c, .target_pitch = 1, .source_pitch = 1};
    Field *f = fields_build(&line, 1, &count);
    assert_int_equal(count, 1);
    assert_true(field_made(f) < 2 * (double)c.count); /* of 2000 x 2000, 4,000,000 */
    for (const BlockPlace *b = f->blocks; b < f->blocks + f->block_count; b++) {
        ProductSpan span[BLOCK_TARGETS];
        int64_t here = 0;
        block_spans(f, *b, span);
        for (int64_t i = 0; i < b->targets.count; i++) here += span[i].high - span[i].low;
        assert_true(here > 0);
        assert_in_range(b->targets.count, 1, BLOCK_TARGETS);
        assert_in_range(b->sources.count, 1, BLOCK_SOURCES);
        if (b > f->blocks)
            assert_true(b->targets.count * b->sources.count <= b[-1].targets.count * b[-1].sources.count);
        inside += here;
    }
    assert_int_equal(inside, c.count);
    fields_free(f, count);
}

/* Sets a (20 nodes), b (50) and c (30), one after the other in memory, all lines between them. */
static const int64_t sizes[3] = {20, 50, 30}, firsts[3] = {0, 20, 70};

static FieldLine line_of(Candidates *c, int from, int to)
{
    *c = (Candidates){.form = CANDIDATES_DENSE, .targets = sizes[to], .sources = sizes[from]};
    c->count = c->targets * c->sources;
    return (FieldLine){.number = 3 * to + from,
                       .candidates = c,
                       .target_row = 1000 + 65 * firsts[to],
                       .target_pitch = 65,
                       .source_row = 8000 + 64 * firsts[from],
                       .source_pitch = 64};
}

/* Each line is in one field, at its place. */
static void expect_fields(const FieldLine *lines, int line_count, int wanted)
{
    int count, seen = 0;
    Field *f = fields_build(lines, line_count, &count);
    assert_non_null(f);
    assert_int_equal(count, wanted);
    for (int i = 0; i < count; i++)
        for (const FieldPart *p = f[i].parts; p < f[i].parts + f[i].part_count; p++, seen++) {
            const FieldPart *first = f[i].parts;
            const int to = p->line / 3, from = p->line % 3;
            assert_int_equal(p->place.targets.count, sizes[to]);
            assert_int_equal(p->place.sources.count, sizes[from]);
            assert_int_equal(p->place.targets.from - first->place.targets.from,
                             firsts[to] - firsts[first->line / 3]);
            assert_int_equal(p->place.sources.from - first->place.sources.from,
                             firsts[from] - firsts[first->line % 3]);
            assert_in_range(p->place.targets.from + sizes[to], 1, f[i].targets);
            assert_in_range(p->place.sources.from + sizes[from], 1, f[i].sources);
        }
    assert_int_equal(seen, line_count);
    fields_free(f, count);
}

static void test_fields(void **state)
{
    (void)state;
    Candidates c[9];
    FieldLine lines[9];
    for (int i = 0; i < 9; i++) lines[i] = line_of(&c[i], i % 3, i / 3);
    expect_fields(lines, 9, 1);
    /* a -> a and c -> c touch in nothing, until b -> b comes; a -> c stands apart from a -> a */
    expect_fields((FieldLine[]){lines[0], lines[8]}, 2, 2);
    expect_fields((FieldLine[]){lines[0], lines[8], lines[4]}, 3, 1);
    expect_fields((FieldLine[]){lines[0], lines[6]}, 2, 2);
    FieldLine other = lines[4];
    other.kind = 1;
    expect_fields((FieldLine[]){lines[0], other, lines[1]}, 3, 2);
    other = lines[4], other.source_row += 5; /* between two nodes */
    expect_fields((FieldLine[]){lines[0], other, lines[1]}, 3, 2);
    other = lines[4], other.target_pitch = 64;
    expect_fields((FieldLine[]){lines[0], other, lines[1]}, 3, 2);
    int64_t row[51] = {0};
    c[4].form = CANDIDATES_LIST, c[4].row = row;
    expect_fields((FieldLine[]){lines[0], lines[4], lines[1]}, 3, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_little_too_much), cmocka_unit_test(test_places),
                                       cmocka_unit_test(test_fields)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
