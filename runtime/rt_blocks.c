/* rt_blocks.c: see rt_blocks.h. */
#include "rt_blocks.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int64_t block_parts(int64_t nodes)
{
    return (nodes + BLOCK_SIDE - 1) / BLOCK_SIDE;
}

Stretch block_cut(int64_t nodes, int64_t i)
{
    int64_t parts = block_parts(nodes), size = ((nodes + parts - 1) / parts + 15) / 16 * 16, from = i * size;
    return (Stretch){from, nodes - from < size ? nodes - from : size};
}

static ProductSpan both(ProductSpan a, ProductSpan b)
{
    if (a.low == a.high) return b;
    if (b.low == b.high) return a;
    return (ProductSpan){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

void block_spans(const Candidates *c, Stretch targets, Stretch sources, ProductSpan *span)
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
    BlockGroup g = {first, rows - first, {0, 0}};
    for (int64_t i = first; i < rows; i++) g.wanted = both(g.wanted, span[i]);
    return g;
}

/* Marks the parts of the sources that hold candidates of some of these targets. */
static void mark_parts(const Candidates *c, Stretch targets, bool *marked)
{
    const int64_t size = block_cut(c->sources, 0).count;
    CandidateRun run;
    for (int64_t t = targets.from; t < targets.from + targets.count; t++)
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++)
            for (int64_t j = run.source / size; j <= (run.source + run.length - 1) / size; j++)
                marked[j] = true;
}

/* The blocks of the targets of part i are written to `out` (NULL: only counted). */
static int64_t blocks_of_part(const Candidates *c, int64_t i, bool *marked, BlockPlace *out)
{
    const Stretch targets = block_cut(c->targets, i);
    const int64_t parts = c->form == CANDIDATES_LIST ? 0 : block_parts(c->sources);
    int64_t count = 0;
    if (c->form == CANDIDATES_LIST) {
        if (out) out[0] = (BlockPlace){targets, {0, 0}};
        return 1;
    }
    memset(marked, 0, (size_t)parts);
    mark_parts(c, targets, marked);
    for (int64_t j = 0; j < parts; j++) {
        if (!marked[j]) continue;
        if (out) out[count] = (BlockPlace){targets, block_cut(c->sources, j)};
        count++;
    }
    return count;
}

BlockPlace *blocks_build(const Candidates *c, int64_t *count)
{
    const int64_t parts = c->count ? block_parts(c->targets) : 0;
    bool *marked = malloc((size_t)block_parts(c->sources) + 1);
    *count = 0;
    for (int64_t i = 0; marked && i < parts; i++) *count += blocks_of_part(c, i, marked, NULL);
    BlockPlace *all = marked ? malloc((size_t)(*count + 1) * sizeof *all) : NULL;
    for (int64_t i = 0, at = 0; all && i < parts; i++) at += blocks_of_part(c, i, marked, all + at);
    free(marked);
    return all;
}

double blocks_made(const Candidates *c, const BlockPlace *blocks, int64_t count)
{
    ProductSpan span[BLOCK_SIDE];
    double made = 0;
    for (const BlockPlace *b = blocks; b < blocks + count; b++) {
        block_spans(c, b->targets, b->sources, span);
        for (int64_t row = 0; row < b->targets.count;) {
            BlockGroup g = block_group(span, b->targets.count, row);
            made += (double)g.rows * (double)(g.wanted.high - g.wanted.low);
            row += g.rows;
        }
    }
    return made;
}
