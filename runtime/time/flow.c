/* flow.c: graphs in time: their schemes, the record of each tile's way, and which rows meet in gradients.
 * Steps are taken by kernels/drive.c.
 */
#include "net/manifest.h"
#include "net/net_private.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- manifest ---- */

static void read_reals(const json_t *j, double *x, int most)
{
    for (int i = 0; i < most; i++) x[i] = json_number_value(json_array_get(j, (size_t)i));
}

void flow_read(const json_t *j, DnwrtTime *t)
{
    *t = (DnwrtTime){.positions = get_whole(j, "positions"),
                     .held = get_whole(j, "held"),
                     .outputs = get_whole(j, "outputs"),
                     .steps = get_whole(j, "steps"),
                     .stages = get_whole(j, "stages"),
                     .states = get_whole(j, "states"),
                     .sent = get_whole(j, "sent"),
                     .sums = get_whole(j, "sums"),
                     .window = get_whole(j, "window"),
                     .saved = get_whole(j, "saved"),
                     .adaptive = get_truth(j, "adaptive"),
                     .adjoint = get_truth(j, "adjoint"),
                     .truncate = get_whole(j, "truncate"),
                     .carry = get_number(j, "carry"),
                     .step = get_number(j, "step"),
                     .start = get_number(j, "start"),
                     .end = get_number(j, "end"),
                     .rtol = get_number(j, "rtol"),
                     .atol = get_number(j, "atol"),
                     .min_step = get_number(j, "min_step"),
                     .exponent = get_number(j, "exponent")};
    for (int i = 0; i < MAX_TIME_STAGES; i++)
        read_reals(json_array_get(json_object_get(j, "a"), (size_t)i), t->a[i], MAX_TIME_STAGES);
    read_reals(json_object_get(j, "b"), t->b, MAX_TIME_STAGES);
    read_reals(json_object_get(j, "error"), t->error, MAX_TIME_STAGES + 1);
}

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
    const DnwrtTime *t = &n->times[b->graph];
    if (!t->stages) return 1;
    if (t->adjoint && b->plain) return t->run[tile].rounds == 1; /* where it begins */
    return t->run[tile].count * (b->plain ? 1 : t->stages);
}

static int64_t position_of(const DnwrtTime *t, const DnwrtRun *r, int64_t step)
{
    return t->adaptive ? r->position[step] : step / t->steps;
}

bool flow_pair(const Net *n, const NetBundle *b, int64_t tile, int64_t k, int64_t *source, int64_t *target)
{
    const DnwrtTime *t = &n->times[b->graph];
    *source = b->source_row, *target = b->target_row;
    if (!t->stages) return true;
    const DnwrtRun *r = &t->run[tile];
    if (t->adjoint) { /* no sequence: all at position 0 */
        if (!b->held && !b->plain) *source += k * b->source_step;
        if (!b->plain) *target += k * b->target_step;
        return true;
    }
    int64_t step = r->first + (b->plain ? k : k / t->stages), position = position_of(t, r, step);
    if (b->plain && step + 1 < r->accepted && position_of(t, r, step + 1) == position) return false;
    int64_t evaluation = b->plain ? (k + 1) * t->stages : k; /* a plain sum is taken after the step */
    int64_t number = r->first * t->stages + evaluation;      /* from the start */
    if (number < b->live_first || number > b->live_last) return false;
    *source += (b->held ? position : evaluation) * b->source_step;
    *target += (b->plain ? position : evaluation) * b->target_step;
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
