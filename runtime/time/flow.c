/* flow.c: graphs in time: their schemes, the record of each tile's way, and which rows meet in gradients.
 * Steps are taken by kernels/drive.c.
 */
#include "net/net_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---- */

/* Steps of one tile that are written down; the bytes of one. */
static int64_t recorded(const DnwrtTime *t)
{
    return t->adaptive ? t->positions * t->steps : 0;
}

static int64_t record_bytes(const Net *n)
{
    return n->lanes * n->real_size + (int64_t)sizeof(int64_t);
}

int64_t flow_bytes(const Net *n)
{
    int64_t bytes = 0;
    for (int i = 0; i < n->graph_count; i++)
        if (n->times[i].stages)
            bytes += n->tiles * ((int64_t)sizeof(DnwrtRun) + recorded(&n->times[i]) * record_bytes(n));
    return bytes;
}

bool flow_allocate(Net *n)
{
    for (int i = 0; i < n->graph_count; i++) {
        DnwrtTime *t = &n->times[i];
        size_t steps = (size_t)recorded(t);
        if (!t->stages) continue;
        t->run = calloc((size_t)n->tiles + 1, sizeof *t->run);
        for (int64_t k = 0; t->run && steps && k < n->tiles; k++) {
            DnwrtRun *r = &t->run[k];
            r->h = calloc(steps * (size_t)n->lanes, (size_t)n->real_size);
            r->position = calloc(steps, sizeof *r->position);
            if (!r->h || !r->position) return false;
        }
        if (!t->run) return false;
    }
    return true;
}

void flow_free(Net *n)
{
    for (int i = 0; n->times && i < n->graph_count; i++) {
        DnwrtRun *r = n->times[i].run;
        for (int64_t k = 0; r && k < n->tiles; k++) free(r[k].h), free(r[k].position);
        free(r);
    }
    free(n->times);
}

/* ---- gradients of candidates ---- */

int64_t flow_pairs(const Net *n, const NetBundle *b, int64_t tile)
{
    const DnwrtTime *t = &n->times[b->line.graph];
    if (!t->stages) return 1;
    if (t->adjoint && b->rows.plain) return t->run[tile].rounds == 1; /* where it begins */
    return t->run[tile].count * (b->rows.plain ? 1 : t->stages);
}

static int64_t position_of(const DnwrtTime *t, const DnwrtRun *r, int64_t step)
{
    return t->adaptive ? r->position[step] : step / t->steps;
}

bool flow_pair(const Net *n, const NetBundle *b, int64_t tile, int64_t k, int64_t *source, int64_t *target)
{
    const DnwrtTime *t = &n->times[b->line.graph];
    *source = b->rows.source, *target = b->rows.target;
    if (!t->stages) return true;
    const DnwrtRun *r = &t->run[tile];
    if (t->adjoint) { /* no sequence: all at position 0 */
        if (!b->rows.held && !b->rows.plain) *source += k * b->rows.source_step;
        if (!b->rows.plain) *target += k * b->rows.target_step;
        return true;
    }
    int64_t step = r->first + (b->rows.plain ? k : k / t->stages), position = position_of(t, r, step);
    if (b->rows.plain && step + 1 < r->accepted && position_of(t, r, step + 1) == position) return false;
    int64_t evaluation = b->rows.plain ? (k + 1) * t->stages : k; /* a plain sum is taken after the step */
    int64_t number = r->first * t->stages + evaluation;           /* from the start */
    if (number < b->line.live_first || number > b->line.live_last) return false;
    *source += (b->rows.held ? position : evaluation) * b->rows.source_step;
    *target += (b->rows.plain ? position : evaluation) * b->rows.target_step;
    return true;
}

/* ---- what happened ---- */

NetFlow flow_counts(const Net *n, int64_t tiles)
{
    NetFlow f = {0};
    for (int i = 0; i < n->graph_count; i++)
        for (int64_t k = 0; n->times[i].stages && k < tiles; k++) {
            const DnwrtRun *r = &n->times[i].run[k];
            int64_t left = n->context.count - k * n->lanes, samples = left < n->lanes ? left : n->lanes;
            f.tiles = tiles;
            f.evaluations += r->evaluations, f.rejected += r->rejected;
            f.accepted += n->times[i].adaptive ? r->taken : r->accepted * samples;
        }
    return f;
}
