/* rt_blocks.c: see rt_blocks.h. */
#include "rt_blocks.h"

int64_t block_parts(int64_t nodes)
{
    return (nodes + SIDE - 1) / SIDE;
}

Part block_cut(int64_t nodes, int64_t i)
{
    int64_t parts = block_parts(nodes), size = ((nodes + parts - 1) / parts + 15) / 16 * 16, from = i * size;
    return (Part){from, nodes - from < size ? nodes - from : size};
}

static ProductSpan both(ProductSpan a, ProductSpan b)
{
    if (a.low == a.high) return b;
    if (b.low == b.high) return a;
    return (ProductSpan){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

void block_spans(const Candidates *c, Part targets, Part sources, ProductSpan *span)
{
    CandidateRun run;
    for (int64_t i = 0; i < targets.count; i++) {
        span[i] = (ProductSpan){0, 0};
        for (int64_t r = 0; candidates_run(c, targets.from + i, r, &run); r++) {
            int64_t low = run.source - sources.from, high = low + run.length;
            low = low > 0 ? low : 0, high = high < sources.count ? high : sources.count;
            if (low < high) span[i] = both(span[i], (ProductSpan){low, high});
        }
    }
}

BlockGroup block_group(const ProductSpan *span, int64_t rows, int64_t first)
{
    enum { FEW = 16 };
    BlockGroup g = {first, 0, {0, 0}};
    int64_t wanted = 0;
    for (; first + g.rows < rows; g.rows++) {
        const ProductSpan *s = &span[first + g.rows];
        ProductSpan all = both(g.wanted, *s);
        wanted += s->high - s->low;
        if (g.rows >= FEW && (all.high - all.low) * (g.rows + 1) > wanted + wanted / 8) break;
        g.wanted = all;
    }
    return g;
}

BlockGroup block_rows(const ProductSpan *span, int64_t rows, int64_t first)
{
    BlockGroup g = {first, 0, {0, 0}};
    for (; g.rows < BLOCK_ROWS && first + g.rows < rows; g.rows++)
        g.wanted = both(g.wanted, span[first + g.rows]);
    return g;
}

double blocks_made(const Candidates *c)
{
    ProductSpan span[SIDE];
    double made = 0;
    for (int64_t i = 0; i < block_parts(c->targets); i++)
        for (int64_t j = 0; j < block_parts(c->sources); j++) {
            Part targets = block_cut(c->targets, i);
            block_spans(c, targets, block_cut(c->sources, j), span);
            for (int64_t row = 0; row < targets.count;) {
                BlockGroup g = block_group(span, targets.count, row);
                made += (double)g.rows * (double)(g.wanted.high - g.wanted.low);
                row += g.rows;
            }
        }
    return made;
}
