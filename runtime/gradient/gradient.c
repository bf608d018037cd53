/* gradient.c: the gradient of every candidate, and the update of their weights.
 *
 * Gradient of candidate (u, v): sum over samples of Z_u dL/dI_v ("Discovering Neural Wirings", Algorithm 1,
 * step 4), for a block of targets and sources at once by matrix multiplication, tile after tile in fixed
 * order; where candidates are few and far apart, pair by pair. A block of gradients stays in cache until its
 * weights are updated. Work is cut into blocks whatever the number of threads, so the bits do not depend on
 * it.
 */
#include "net/blas.h"
#include "gradient/gradient.h"
#include "common/product.h"
#include "common/taps.h"
#include "gradient/product_direct.h"
#include "gradient/product_sparse.h"
#include "net/profile.h"
#include "common/thread.h"
#include <string.h>

/* ---- products ---- */

/* One product: the elements at which its first rows begin (d: gradients of targets, of all tiles; z: values
 * of sources, from `sources` on), from row to row, and how many numbers of each row count. Rounded factors
 * stand where those of the tiles do. It makes the sums of this place in scratch, or adds to them. */
typedef struct Factors {
    const void *sources;
    int64_t d, d_step, z, z_step, inner;
    BlockPlace place;
    bool add;
} Factors;

static int64_t scratch_at(const Block *p, BlockPlace place)
{
    return (place.targets.from - p->place.targets.from) * p->place.sources.count + place.sources.from -
           p->place.sources.from;
}

/* The inner index of taps. */
static InnerRuns tap_runs(const Net *n, const NetBundle *b)
{
    const TapRuns r = taps_runs(&n->graphs[b->line.graph].taps);
    const int64_t lanes = n->lanes;
    return (InnerRuns){r.rows, r.runs, r.pixels * lanes, r.row_step * lanes, r.run_step * lanes};
}

static DirectProduct direct(const Block *p, Factors f)
{
    const Net *n = p->n;
    return (DirectProduct){.rows = f.place.targets.count,
                           .columns = f.place.sources.count,
                           .a = (const char *)n->context.tiles + f.d * n->real_size,
                           .b = (const char *)f.sources + f.z * n->real_size,
                           .a_step = f.d_step,
                           .b_step = f.z_step,
                           .add = f.add,
                           .c = (char *)p->scratch + scratch_at(p, f.place) * n->real_size,
                           .c_step = p->place.sources.count};
}

/* Sources that are taps: rows that share the numbers of a map. */
static void multiply_taps(const Block *p, const NetBundle *b, Factors f)
{
    DirectProduct m = direct(p, f);
    m.b_step = p->n->lanes, m.first = b->first + f.place.sources.from, m.inner = tap_runs(p->n, b);
    if (p->n->real_size == 4) product_direct(&m);
    else product_direct_double(&m);
}

static void multiply_floats(const DirectProduct *m, const BlasProduct *b)
{
    const SparseProduct sparse = {m->rows,   m->columns, b->inner, m->a, m->b,
                                  m->a_step, m->b_step,  m->add,   m->c, m->c_step};
    if (product_sparse(&sparse)) return;
    if (product_is_direct(m->rows, m->columns, b->inner)) product_direct_rows(m, b->inner);
    else blas_sgemm_nt(b, m->a, m->b, m->c);
}

static void multiply_exact(const Block *p, Factors f)
{
    const DirectProduct m = direct(p, f);
    const BlasProduct b = {(int)m.rows,   (int)m.columns, (int)f.inner, (int)m.a_step,
                           (int)m.b_step, (int)m.c_step,  m.add};
    if (p->n->real_size == 4) multiply_floats(&m, &b);
    else blas_dgemm_nt(&b, m.a, m.b, m.c);
}

/* Leaves out itself the columns that a row does not want. */
static void multiply_rounded(const Block *p, const ProductSpan *span, Factors f, int64_t tile)
{
    const uint16_t *rows = p->n->rounded;
    const int64_t first = f.place.targets.from - p->place.targets.from,
                  left = f.place.sources.from - p->place.sources.from, columns = f.place.sources.count;
    ProductSpan wanted[BLOCK_TARGETS];
    for (int64_t i = 0; i < f.place.targets.count; i++) {
        int64_t low = span[first + i].low - left, high = span[first + i].high - left;
        low = low > 0 ? low : 0, high = high < columns ? high : columns;
        wanted[i] = low < high ? (ProductSpan){low, high} : (ProductSpan){0, 0};
    }
    product_bf16(&(Product){f.place.targets.count, columns, f.inner, rows + f.d,
                            rows + tile * p->n->context.tile_stride + f.z, f.d_step, f.z_step, f.add,
                            (float *)p->scratch + scratch_at(p, f.place), p->place.sources.count, wanted});
}

/* A line within a place, and where the rows of its field begin in a tile. */
typedef struct Live {
    BlockPlace place;
    int64_t d, z;
} Live;

/* The lines of the field in the block whose edges matter in pair k of a tile; where these fill a rectangle
 * without others: as one. */
static int live_lines(const Block *p, int64_t tile, int64_t k, Live *live)
{
    const Field *f = p->field;
    BlockPlace idle[f->part_count], all = {{0, 0}, {0, 0}};
    int count = 0, idle_count = 0;
    bool apart = false;
    for (const FieldPart *l = f->parts; l < f->parts + f->part_count; l++) {
        const NetBundle *b = &p->n->bundles[l->line];
        BlockPlace here = block_common(l->place, p->place);
        int64_t from, to;
        if (block_is_empty(here)) continue;
        if (!flow_pair(p->n, b, tile, k, &from, &to)) {
            idle[idle_count++] = here;
            continue;
        }
        live[count++] = (Live){here, to - l->place.targets.from * b->rows.target_pitch,
                               from - l->place.sources.from * b->rows.source_pitch};
        all = count == 1 ? here : block_hull(all, here);
    }
    for (int i = 0; i < idle_count; i++) apart |= !block_is_empty(block_common(idle[i], all));
    if (count == 0 || apart) return count;
    live[0].place = all;
    return 1;
}

static void zero(const Block *p)
{
    memset(p->scratch, 0, (size_t)(p->place.targets.count * p->place.sources.count * p->n->real_size));
}

static void multiply_all(const Block *p, const NetBundle *b, const ProductSpan *span)
{
    const Net *n = p->n;
    bool begun = false;
    Live live[p->field->part_count];
    Factors f = {.d_step = b->rows.target_pitch * n->lanes, .z_step = b->rows.source_pitch * n->lanes};
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(n, b, t); k++) {
            Stretch part = part_of(n, b, t + k);
            int count = part.count ? live_lines(p, t, k, live) : 0;
            if (count) f.sources = net_sources(n, b->line.graph, t);
            for (int i = 0; i < count; i++) {
                int64_t at = t * n->context.tile_stride + part.from;
                bool whole = block_is_same(live[i].place, p->place);
                if (!begun && !whole) zero(p);
                f.place = live[i].place, f.inner = part.count, f.add = begun || !whole, begun = true;
                f.d = at + live[i].d * n->lanes + f.place.targets.from * f.d_step;
                f.z = part.from + live[i].z * n->lanes + (b->first ? 0 : f.place.sources.from * f.z_step);
                if (b->first) multiply_taps(p, b, f);
                else if (span) multiply_rounded(p, span, f, t);
                else multiply_exact(p, f);
            }
        }
    if (!begun) zero(p);
}

/* scratch (targets x sources) = dL/dI of the targets times Z of the sources, where candidates are: over all
 * samples and, in a graph that runs in time, all evaluations; where the rule says so, over a part of them. */
static void multiply(const Block *p)
{
    const Net *n = p->n;
    const NetBundle *b = &n->bundles[p->field->parts[0].line];
    const bool rounded = gradient_bf16(n, b);
    ProductSpan span[BLOCK_TARGETS];
    if (rounded) block_spans(p->field, p->place, span);
    multiply_all(p, b, rounded ? span : NULL);
    for (int i = 0; i < p->field->part_count && gradient_is_estimate(n, b) && !p->sink; i++)
        part_put_used(p, &p->field->parts[i]);
}

/* Hands over the gradients of candidates first .. first + count of a line, which stand at `gradient`. */
static void deliver(const Block *p, const NetBundle *b, int64_t first, int64_t count, const char *gradient)
{
    const Net *n = p->n;
    int64_t at = b->param->offset + first;
    if (p->sink) {
        p->sink(p->context, b, first, count, (const float *)gradient);
        return;
    }
    if (p->more) {
        for (int64_t i = 0; i < count && n->real_size == 4; i++)
            ((float *)n->grad)[at + i] += ((const float *)gradient)[i];
        for (int64_t i = 0; i < count && n->real_size == 8; i++)
            ((double *)n->grad)[at + i] += ((const double *)gradient)[i];
        return;
    }
    if (!p->update) {
        memcpy((char *)n->grad + at * n->real_size, gradient, (size_t)(count * n->real_size));
        return;
    }
    const OptimRange here = net_range(n, at, (const float *)gradient);
    const OptimStep step = net_step_of(n, b->param, p->update);
    optim_update(n->options.optim, count, &here, &step);
}

/* Consecutive candidates of a line into one target. */
typedef struct LineRun {
    int64_t candidate, count;
    BlockPlace place;
} LineRun;
typedef void EachRun(const Block *p, const FieldPart *l, LineRun run, int64_t *sum);

/* The candidates of one line in a block, run by run. */
static void each_run(const Block *p, const FieldPart *l, EachRun *each, int64_t *sum)
{
    const BlockPlace here = block_common(l->place, p->place);
    CandidateRun run;
    for (int64_t t = here.targets.from; t < here.targets.from + here.targets.count; t++)
        for (int64_t r = 0; candidates_run(l->candidates, t - l->place.targets.from, r, &run); r++) {
            const int64_t first = l->place.sources.from + run.source;
            const BlockPlace all = {{t, 1}, {first, run.length}}, at = block_common(all, here);
            const int64_t candidate = run.first + at.sources.from - first;
            if (!block_is_empty(at)) each(p, l, (LineRun){candidate, at.sources.count, at}, sum);
        }
}

static void deliver_run(const Block *p, const FieldPart *l, LineRun run, int64_t *sum)
{
    (void)sum;
    deliver(p, &p->n->bundles[l->line], run.candidate, run.count,
            p->scratch + scratch_at(p, run.place) * p->n->real_size);
}

static void count_run(const Block *p, const FieldPart *l, LineRun run, int64_t *sum)
{
    (void)p, (void)l;
    *sum += run.count;
}

/* The time of a block is its lines', by their candidates. */
static void lap_block(const Block *p)
{
    const Field *f = p->field;
    int64_t count[f->part_count + 1], left = 0;
    for (int i = 0; i < f->part_count; i++) {
        count[i] = 0;
        each_run(p, &f->parts[i], count_run, &count[i]);
        left += count[i];
    }
    for (int i = 0; i < f->part_count; left -= count[i++])
        if (count[i]) profile_part(profile_edges(f->parts[i].line), (double)count[i] / (double)left);
}

/* ---- candidates that each name their source ---- */

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static double pair_gradient(const Block *p, const NetBundle *b, int64_t target, int64_t source)
{
    int64_t from, to;
    double sum = 0;
    for (int64_t t = 0; t < p->tiles; t++)
        for (int64_t k = 0; k < flow_pairs(p->n, b, t); k++)
            if (flow_pair(p->n, b, t, k, &from, &to))
                sum += dot((const double *)tile_row(p->n, t, to + target * b->rows.target_pitch),
                           (const double *)tile_row(p->n, t, from + source * b->rows.source_pitch),
                           b->line.pixels * p->n->lanes);
    return sum;
}

/* Gradients of candidates first .. first + count, all into one target. */
static void pair_gradients(const Block *p, const NetBundle *b, int64_t target, int64_t first, int64_t count)
{
    if (p->n->real_size == 4) part_list(p, b, target, first, count);
    for (int64_t i = 0; i < count && p->n->real_size == 8; i++)
        ((double *)p->scratch)[i] =
            pair_gradient(p, b, target, p->field->parts[0].candidates->source[first + i]);
}

/* Candidates that each name their source. */
static void list_block(const Block *p)
{
    const NetBundle *b = &p->n->bundles[p->field->parts[0].line];
    const Candidates *c = p->field->parts[0].candidates;
    const Stretch targets = p->place.targets;
    const int64_t room = BLOCK_SIZE;
    for (int64_t t = targets.from; t < targets.from + targets.count; t++)
        for (int64_t e = c->row[t]; e < c->row[t + 1]; e += room) {
            int64_t count = c->row[t + 1] - e < room ? c->row[t + 1] - e : room;
            pair_gradients(p, b, t, e, count);
            deliver(p, b, e, count, p->scratch);
        }
}

/* ---- blocks ---- */

bool gradient_of_round(const Net *n, const NetBundle *b, int graph)
{
    const DnwrtTime *t = &n->times[b->line.graph];
    return graph < 0 ? !t->saved && !t->adjoint : b->line.graph == graph;
}

int64_t gradient_scratch(const Net *n)
{
    const int64_t block = BLOCK_SIZE;
    return n->edge_maps > block ? n->edge_maps : block;
}

static char *scratch_of(const Net *n)
{
    return (char *)n->scratch + (int64_t)thread_number() * gradient_scratch(n) * n->real_size;
}

static void run_block(const Block *p)
{
    const Field *f = p->field;
    if (f->parts[0].candidates->form == CANDIDATES_LIST) {
        list_block(p);
        return;
    }
    multiply(p);
    for (int i = 0; i < f->part_count; i++) each_run(p, &f->parts[i], deliver_run, NULL);
}

/* What is shared out among threads: blocks of fields, then targets of bundles whose edges have functions. */
static int64_t blocks_of(const Net *n, int item, int graph)
{
    if (item < n->field_count) {
        const Field *f = &n->fields[item];
        const NetBundle *first = &n->bundles[f->parts[0].line];
        return gradient_of_round(n, first, graph) && !gradient_of_used(n, first) ? f->block_count : 0;
    }
    const NetBundle *b = &n->bundles[item - n->field_count];
    if (gradient_of_used(n, b)) return gradient_of_round(n, b, graph) ? gradient_used_pieces(b) : 0;
    bool none =
        !b->line.function || b->stages.gradients < 0 || b->rows.target < 0 || !gradient_of_round(n, b, graph);
    return none || b->candidates.count == 0 ? 0 : b->candidates.targets;
}

static void run_item(Net *n, int item, int64_t at, int64_t tiles, const NetUpdate *update, bool more)
{
    if (item < n->field_count) {
        const Field *f = &n->fields[item];
        const Block p = {.n = n,
                         .field = f,
                         .place = f->blocks[at],
                         .update = update,
                         .more = more,
                         .tiles = tiles,
                         .scratch = scratch_of(n)};
        run_block(&p);
        if (f->parts[0].candidates->form == CANDIDATES_LIST) dnwrt_lap(profile_edges(f->parts[0].line));
        else if (profile_is_open()) lap_block(&p);
        return;
    }
    NetBundle *b = &n->bundles[item - n->field_count];
    if (gradient_of_used(n, b)) gradient_used_piece(n, b, at, update, more);
    else gradient_edge_target(n, b, b->stages.gradients, at, tiles, more);
    dnwrt_lap(profile_edges(item - n->field_count));
}

/* What is needed before blocks are computed. */
static void prepare(Net *n, int64_t tiles, int graph)
{
    gradient_round_rows(n, tiles, graph);
    for (int i = 0; i < n->bundle_count; i++) {
        NetBundle *b = &n->bundles[i];
        if (b->rows.target < 0 || b->candidates.count == 0 || !gradient_of_round(n, b, graph)) continue;
        if (b->line.function && b->stages.gradients >= 0) gradient_edge_rows(n, b, tiles, ALL_EVALUATIONS);
        else if (!b->line.function && gradient_is_estimate(n, b)) part_used(n, b, tiles);
    }
}

typedef struct Blocks {
    Net *n;
    int64_t tiles;
    const NetUpdate *update;
    int graph;
    bool more;
} Blocks;

static void run_next(void *job, int64_t at)
{
    const Blocks *k = job;
    const int items = k->n->field_count + k->n->bundle_count;
    int i = 0;
    while (i < items && at >= blocks_of(k->n, i, k->graph)) at -= blocks_of(k->n, i++, k->graph);
    dnwrt_lap(PROFILE_START);
    if (i < items) run_item(k->n, i, at, k->tiles, k->update, k->more);
    else ahead_load(k->n, at), dnwrt_lap(profile_ahead());
}

static void run_blocks(Blocks k)
{
    Net *n = k.n;
    int64_t total = 0, ahead = k.graph < 0 ? ahead_pieces(n) : 0;
    prepare(n, k.tiles, k.graph);
    for (int i = 0; i < n->field_count + n->bundle_count; i++) total += blocks_of(n, i, k.graph);
    bool large = ahead || n->functions || n->param_total * k.tiles > 1 << 14;
    const uint64_t start = profile_clock();
    thread_share(large ? n->options.threads : 1, total + ahead, run_next, &k);
    if (total + ahead) profile_waited(start);
}

void gradient_edges(Net *n, int64_t tiles, const NetUpdate *update)
{
    run_blocks((Blocks){n, tiles, update, -1, false});
    if (update) return;
    forward_gradients(n);
    if (n->train.edge_costs >= 0) net_add_edge_costs(n);
    net_tie_gradients(n);
}

typedef struct Stream {
    Net *n;
    const Field *field;
    GradientSink *sink;
    void *context;
} Stream;

static void stream_block(void *job, int64_t at)
{
    const Stream *s = job;
    const int64_t tiles = (s->n->context.count + s->n->lanes - 1) / s->n->lanes;
    run_block(&(Block){.n = s->n,
                       .field = s->field,
                       .place = s->field->blocks[at],
                       .sink = s->sink,
                       .context = s->context,
                       .tiles = tiles,
                       .scratch = scratch_of(s->n)});
}

void gradient_stream(Net *n, const NetList *l, GradientSink *sink, void *context)
{
    for (int i = 0; i < n->stream_count; i++) {
        const Field *f = &n->streams[i];
        const int line = f->parts[0].line - l->first_bundle;
        if (line < 0 || line >= l->bundle_count) continue;
        thread_share(n->options.threads, f->block_count, stream_block, &(Stream){n, f, sink, context});
    }
}

void gradient_round(Net *n, int64_t tiles, int graph, bool first)
{
    run_blocks((Blocks){n, tiles, NULL, graph, !first});
}
