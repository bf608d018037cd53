/* gradient_edge.c: gradients of the weights of edge functions, and statistics of their batch_norm.
 *
 * A candidate's gradient is that of its function, as if it were in use: the sum over samples and evaluations
 * of dL/dI_v df/dtheta ("Discovering Neural Wirings", Algorithm 1, for w * value). Generated code computes it
 * (compiler/gen/gen_candidate.c), candidate by candidate, so its bits do not depend on how work is shared.
 */
#include "net/net_private.h"
#include "common/thread.h"

typedef void EdgeCode(DnwrtContext *context, const DnwrtEdgeJob *job);

/* Which rows meet: of one evaluation, or of all that are in memory, for all tiles. */
void gradient_edge_rows(const Net *n, NetBundle *b, int64_t tiles, int64_t evaluation)
{
    const int64_t stages = n->times[b->line.graph].stages;
    int64_t count = 0, source, target;
    for (int64_t t = 0; t < tiles; t++) {
        int64_t base = t * n->context.tile_stride, pairs = flow_pairs(n, b, t);
        int64_t first = evaluation < 0 ? 0 : evaluation, end = evaluation < 0 ? pairs : evaluation + 1;
        int64_t before = stages ? n->times[b->line.graph].run[t].first * stages : 0;
        b->tile_first[t] = count;
        for (int64_t k = first; k < end; k++)
            if (flow_pair(n, b, t, k, &source, &target))
                b->tile_rows[count++] =
                    (DnwrtEdgeRows){base + source * n->lanes, base + target * n->lanes,
                                    base + (b->rows.own + k * b->rows.own_step) * n->lanes, before + k};
    }
    b->tile_first[tiles] = count;
}

void gradient_edge_target(const Net *n, const NetBundle *b, int stage, int64_t target, int64_t tiles,
                          bool more)
{
    const DnwrtStage *stages = n->real_size == 8 ? n->program->f64 : n->program->f32;
    EdgeCode *code = (EdgeCode *)(void (*)(void))stages[stage].code;
    DnwrtEdgeJob job = {
        .target = target, .tiles = tiles, .more = more, .first = b->tile_first, .rows = b->tile_rows};
    job.maps = (char *)n->scratch + (int64_t)thread_number() * gradient_scratch(n) * n->real_size;
    CandidateRun run;
    for (int64_t r = 0; candidates_run(&b->candidates, target, r, &run); r++) {
        job.candidate = run.first, job.source = run.source, job.count = run.length;
        code((DnwrtContext *)&n->context, &job);
    }
}
