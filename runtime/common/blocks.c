/* blocks.c: see blocks.h. */
#include "common/blocks.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int64_t block_parts(int64_t nodes, int64_t most)
{
    return (nodes + most - 1) / most;
}

Stretch block_cut(int64_t nodes, int64_t most, int64_t i)
{
    int64_t parts = block_parts(nodes, most), size = ((nodes + parts - 1) / parts + 15) / 16 * 16,
            from = i * size;
    return (Stretch){from, nodes - from < size ? nodes - from : size};
}

static ProductSpan both(ProductSpan a, ProductSpan b)
{
    if (a.low == a.high) return b;
    if (b.low == b.high) return a;
    return (ProductSpan){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

static Stretch common(Stretch a, Stretch b)
{
    int64_t from = a.from > b.from ? a.from : b.from, a_end = a.from + a.count, b_end = b.from + b.count,
            end = a_end < b_end ? a_end : b_end;
    return (Stretch){from, end > from ? end - from : 0};
}

static Stretch hull(Stretch a, Stretch b)
{
    int64_t from = a.from < b.from ? a.from : b.from, a_end = a.from + a.count, b_end = b.from + b.count;
    return (Stretch){from, (a_end > b_end ? a_end : b_end) - from};
}

BlockPlace block_common(BlockPlace a, BlockPlace b)
{
    return (BlockPlace){common(a.targets, b.targets), common(a.sources, b.sources)};
}

BlockPlace block_hull(BlockPlace a, BlockPlace b)
{
    return (BlockPlace){hull(a.targets, b.targets), hull(a.sources, b.sources)};
}

bool block_is_empty(BlockPlace p)
{
    return p.targets.count == 0 || p.sources.count == 0;
}

bool block_is_same(BlockPlace a, BlockPlace b)
{
    return a.targets.from == b.targets.from && a.targets.count == b.targets.count &&
           a.sources.from == b.sources.from && a.sources.count == b.sources.count;
}

static void part_spans(const FieldPart *p, BlockPlace place, ProductSpan *span)
{
    const Stretch targets = common(p->place.targets, place.targets);
    CandidateRun run;
    for (int64_t t = targets.from; t < targets.from + targets.count; t++)
        for (int64_t r = 0; candidates_run(p->candidates, t - p->place.targets.from, r, &run); r++) {
            Stretch s = common((Stretch){p->place.sources.from + run.source, run.length}, place.sources);
            ProductSpan *all = &span[t - place.targets.from];
            int64_t low = s.from - place.sources.from;
            if (s.count > 0) *all = both(*all, (ProductSpan){low, low + s.count});
        }
}

void block_spans(const Field *f, BlockPlace place, ProductSpan *span)
{
    for (int64_t i = 0; i < place.targets.count; i++) span[i] = (ProductSpan){0, 0};
    for (int i = 0; i < f->part_count; i++) part_spans(&f->parts[i], place, span);
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

/* Marks the parts of the sources that hold candidates of some of these targets. */
static void mark_parts(const Field *f, Stretch targets, bool *marked)
{
    const int64_t size = block_cut(f->sources, BLOCK_SOURCES, 0).count;
    CandidateRun run;
    for (const FieldPart *p = f->parts; p < f->parts + f->part_count; p++) {
        const Stretch here = common(p->place.targets, targets);
        for (int64_t t = here.from; t < here.from + here.count; t++)
            for (int64_t r = 0; candidates_run(p->candidates, t - p->place.targets.from, r, &run); r++) {
                int64_t first = p->place.sources.from + run.source, last = first + run.length - 1;
                for (int64_t j = first / size; j <= last / size; j++) marked[j] = true;
            }
    }
}

static bool is_list(const Field *f)
{
    return f->parts[0].candidates->form == CANDIDATES_LIST;
}

/* The groups of rows of a place that hold candidates are written to `out` (NULL: only counted). */
static int64_t groups_of(const Field *f, BlockPlace place, BlockPlace *out)
{
    ProductSpan span[BLOCK_TARGETS];
    int64_t count = 0;
    block_spans(f, place, span);
    for (int64_t row = 0; row < place.targets.count;) {
        const BlockGroup g = block_group(span, place.targets.count, row);
        const int64_t wide = g.wanted.high - g.wanted.low;
        if (wide > 0 && out)
            out[count] =
                (BlockPlace){{place.targets.from + row, g.rows}, {place.sources.from + g.wanted.low, wide}};
        count += wide > 0, row += g.rows;
    }
    return count;
}

/* The same for the targets of part i. */
static int64_t blocks_of_part(const Field *f, int64_t i, bool *marked, BlockPlace *out)
{
    const Stretch targets = block_cut(f->targets, BLOCK_TARGETS, i);
    const int64_t parts = is_list(f) ? 0 : block_parts(f->sources, BLOCK_SOURCES);
    int64_t count = 0;
    if (is_list(f)) {
        if (out) out[0] = (BlockPlace){targets, {0, 0}};
        return 1;
    }
    memset(marked, 0, (size_t)parts);
    mark_parts(f, targets, marked);
    for (int64_t j = 0; j < parts; j++)
        if (marked[j])
            count += groups_of(f, (BlockPlace){targets, block_cut(f->sources, BLOCK_SOURCES, j)},
                               out ? out + count : NULL);
    return count;
}

/* The largest first, so that threads end at the same time. */
static int by_size(const void *a, const void *b)
{
    const BlockPlace *x = a, *y = b;
    const int64_t more = y->targets.count * y->sources.count - x->targets.count * x->sources.count;
    if (more) return more > 0 ? 1 : -1;
    if (x->targets.from != y->targets.from) return x->targets.from < y->targets.from ? -1 : 1;
    return x->sources.from < y->sources.from ? -1 : 1;
}

static bool build_blocks(Field *f)
{
    const int64_t parts = block_parts(f->targets, BLOCK_TARGETS);
    bool *marked = malloc((size_t)block_parts(f->sources, BLOCK_SOURCES) + 1);
    for (int64_t i = 0; marked && i < parts; i++) f->block_count += blocks_of_part(f, i, marked, NULL);
    f->blocks = marked ? malloc((size_t)(f->block_count + 1) * sizeof *f->blocks) : NULL;
    for (int64_t i = 0, at = 0; f->blocks && i < parts; i++)
        at += blocks_of_part(f, i, marked, f->blocks + at);
    if (f->blocks) qsort(f->blocks, (size_t)f->block_count, sizeof *f->blocks, by_size);
    free(marked);
    return f->blocks;
}

/* ---- fields ---- */

/* Where the nodes of a line stand among those from `origin` on; false: between them. */
static bool steps_to(int64_t row, int64_t origin, int64_t pitch, int64_t count, Stretch *at)
{
    at->from = (row - origin) / pitch, at->count = count;
    return (row - origin) % pitch == 0;
}

/* Do they overlap, or does one begin where the other ends? */
static bool touch(Stretch a, Stretch b)
{
    return a.from <= b.from + b.count && b.from <= a.from + a.count;
}

/* Adds a line to a field whose nodes are counted from those of its first line, if it belongs there. */
static bool join(Field *f, BlockPlace *all, const FieldLine *first, const FieldLine *l)
{
    const Candidates *c = l->candidates;
    BlockPlace place;
    bool same = first->kind == l->kind && first->target_pitch == l->target_pitch &&
                first->source_pitch == l->source_pitch && c->form != CANDIDATES_LIST && !is_list(f);
    if (!same || !steps_to(l->target_row, first->target_row, l->target_pitch, c->targets, &place.targets) ||
        !steps_to(l->source_row, first->source_row, l->source_pitch, c->sources, &place.sources) ||
        !touch(all->targets, place.targets) || !touch(all->sources, place.sources))
        return false;
    *all = block_hull(*all, place);
    f->parts[f->part_count++] = (FieldPart){l->number, c, place};
    return true;
}

/* The field of line `i`, with all lines after it that belong there and have none yet. */
static bool build_field(Field *f, const FieldLine *lines, int count, int i, bool *done)
{
    const Candidates *c = lines[i].candidates;
    BlockPlace all = {{0, c->targets}, {0, c->sources}};
    f->parts = malloc((size_t)(count - i) * sizeof *f->parts);
    if (!f->parts) return false;
    f->parts[f->part_count++] = (FieldPart){lines[i].number, c, all};
    for (int k = i + 1; k < count; k++) {
        if (done[k] || !join(f, &all, &lines[i], &lines[k])) continue;
        done[k] = true;
        k = i; /* with it, lines before may belong there, too */
    }
    for (int k = 0; k < f->part_count; k++) {
        f->parts[k].place.targets.from -= all.targets.from;
        f->parts[k].place.sources.from -= all.sources.from;
    }
    f->targets = all.targets.count, f->sources = all.sources.count;
    return build_blocks(f);
}

Field *fields_build(const FieldLine *lines, int line_count, int *field_count)
{
    Field *fields = calloc((size_t)line_count + 1, sizeof *fields);
    bool *done = calloc((size_t)line_count + 1, sizeof *done), ok = fields && done;
    *field_count = 0;
    for (int i = 0; i < line_count && ok; i++)
        if (!done[i]) ok = build_field(&fields[(*field_count)++], lines, line_count, i, done);
    free(done);
    if (ok) return fields;
    fields_free(fields, *field_count);
    return NULL;
}

void fields_free(Field *fields, int field_count)
{
    for (int i = 0; fields && i < field_count; i++) free(fields[i].parts), free(fields[i].blocks);
    free(fields);
}

double field_made(const Field *f)
{
    double made = 0;
    for (const BlockPlace *b = f->blocks; b < f->blocks + f->block_count; b++)
        made += (double)b->targets.count * (double)b->sources.count;
    return made;
}
