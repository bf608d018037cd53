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

void timed_sum_into(const TimedEval *t, int set, int64_t node, const double *sent, int64_t position,
                    double *out)
{
    int64_t pixels = t->g->sets.at[set].pixels, slope = slope_of(t, set);
    const double *own = own_value(t, set, node, sent);
    memset(out, 0, (size_t)pixels * sizeof *out);
    out[slope] = 0;
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                const double *from = source_value(t, u->from, run.source + i, sent, position);
                edge_value(t->c, t->g, (EdgeAt){b, run.first + i, pixels, from, own, slope}, out);
            }
    }
}

void timed_own_gradient(const TimedEval *t, int set, int64_t node, const double *sent, int64_t position,
                        const double *d, double *out)
{
    const double *own = own_value(t, set, node, sent);
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set || !u->edge) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                const double *from = source_value(t, u->from, run.source + i, sent, position);
                EdgeAt at = {b, run.first + i, t->g->sets.at[set].pixels, from, own, slope_of(t, set)};
                edge_to_own(t->c, t->g, at, d, out, t->gradient);
            }
    }
}

void timed_gather(const TimedEval *t, int set, int64_t node, const double *sent, int64_t position,
                  const double *d_sums, bool to_output, double *out)
{
    const double *value = source_value(t, set, node, sent, position);
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
                EdgeAt at = {b,     run.first + node - run.source,     to->pixels,
                             value, own_value(t, u->to, target, sent), slope_of(t, u->to)};
                edge_to_source(t->c, t->g, at, d, out);
            }
    }
}

void timed_add_candidates(const TimedEval *t, const EdgeSum *e, const double *sent, int64_t position,
                          const double *d, int64_t pitch)
{
    const Bundle *u = &t->g->bundles.at[e->bundle];
    int64_t pixels = t->g->sets.at[u->to].pixels;
    CandidateRun run;
    for (int64_t target = 0; target < u->candidates.targets; target++)
        for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                const double *from = source_value(t, u->from, run.source + i, sent, position);
                EdgeAt at = {
                    e->bundle,         run.first + i, pixels, from, own_value(t, u->to, target, sent),
                    slope_of(t, u->to)};
                edge_to_weights(t->c, t->g, at, d + target * pitch, e->weight, e->out);
            }
}
