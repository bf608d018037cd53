/* ir_eval_timed_edge.c: edges of graphs in time in the reference interpreter. */
#include "ir_eval_timed.h"

/* What a source sends at one position. */
static const double *source_value(const TimedEval *t, int set, int64_t node, const double *sent,
                                  int64_t position)
{
    const NodeSet *s = &t->g->sets.at[set];
    if (s->states) return sent + set_value(s, node);
    return t->input + position * set_rows(s) + node * s->value_pixels;
}

/* What a node sends; NULL at a plain output, which sends nothing. */
static const double *own_value(const TimedEval *t, int set, int64_t node, const double *sent)
{
    const NodeSet *s = &t->g->sets.at[set];
    return s->states ? sent + set_value(s, node) : NULL;
}

/* From a node's sum to its slope; 0 where it has none. */
static int64_t slope_of(const TimedEval *t, int set)
{
    return t->g->sets.at[set].slope ? t->g->sets.at[set].size : 0;
}

EdgeAt timed_edge(const TimedEval *t, int bundle, int64_t candidate, int64_t source, int64_t target,
                  Moment at)
{
    const Bundle *u = &t->g->bundles.at[bundle];
    return (EdgeAt){.bundle = bundle,
                    .candidate = candidate,
                    .pixels = t->g->sets.at[u->to].pixels,
                    .source = source_value(t, u->from, source, at.sent, at.position),
                    .own = own_value(t, u->to, target, at.sent),
                    .slope = slope_of(t, u->to),
                    .statistics = u->edge && u->edge->norms.count ? &t->edges : NULL,
                    .evaluation = at.number};
}

void timed_sum_into(const TimedEval *t, int set, int64_t node, Moment at, double *out)
{
    memset(out, 0, (size_t)t->g->sets.at[set].pixels * sizeof *out);
    out[slope_of(t, set)] = 0;
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                edge_value(t->c, t->g, timed_edge(t, b, run.first + i, run.source + i, node, at), out);
    }
}

void timed_own_gradient(const TimedEval *t, int set, int64_t node, Moment at, const double *d, double *out)
{
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set || !u->edge) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                edge_to_own(t->c, t->g, timed_edge(t, b, run.first + i, run.source + i, node, at), d, out,
                            t->gradient);
    }
}

void timed_gather(const TimedEval *t, int set, int64_t node, Moment at, const double *d_sums, bool to_output,
                  double *out)
{
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        const NodeSet *to = &t->g->sets.at[u->to];
        bool plain = !is_moving(t->g, u->to);
        CandidateRun run;
        if (u->from != set || plain != to_output) continue;
        for (int64_t target = 0; target < to->size; target++)
            for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++) {
                if (node < run.source || node >= run.source + run.length) continue;
                const double *d = d_sums + (plain ? target * to->pixels : set_sum(to, target));
                edge_to_source(t->c, t->g, timed_edge(t, b, run.first + node - run.source, node, target, at),
                               d, out);
            }
    }
}

void timed_add_candidates(const TimedEval *t, const EdgeSum *e, Moment at, const double *d, int64_t pitch)
{
    const Bundle *u = &t->g->bundles.at[e->bundle];
    CandidateRun run;
    for (int64_t target = 0; target < u->candidates.targets; target++)
        for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                edge_to_weights(t->c, t->g,
                                timed_edge(t, e->bundle, run.first + i, run.source + i, target, at),
                                d + target * pitch, e->weight, e->out);
}
