/* ir_eval_path.c: see ir_eval_path.h. */
#include "eval/ir_eval_path.h"
#include "front/ast.h"
#include <math.h>

/* ---- flow ---- */

typedef struct Flow {
    const EvalRule *r;
    double **sum[2]; /* of paths that lead to a node, on from it; NAN: not known yet */
} Flow;

static double sum_at(Flow *f, int set, int64_t node, bool on);

/* Over the edges in use of a line that lead into (on: out of) the node. */
static double sum_line(Flow *f, int line, int set, int64_t node, bool on)
{
    const Bundle *u = &f->r->graph->bundles.at[line];
    double sum = 0;
    CandidateRun run;
    if ((on ? u->from : u->to) != set) return 0;
    for (int64_t t = on ? 0 : node; t < (on ? u->candidates.targets : node + 1); t++)
        for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                const int64_t c = run.first + i, source = run.source + i;
                if (f->r->kept[line][c] != 1 || (on && source != node)) continue;
                sum +=
                    f->r->strength[line][c] * (on ? sum_at(f, u->to, t, on) : sum_at(f, u->from, source, on));
            }
    return sum;
}

static double sum_at(Flow *f, int set, int64_t node, bool on)
{
    const Graph *g = f->r->graph;
    double *known = &f->sum[on][set][node];
    if (!isnan(*known)) return *known;
    double sum = set == (on ? g->output : g->input);
    for (int line = 0; line < g->bundles.count; line++) sum += sum_line(f, line, set, node, on);
    return *known = sum;
}

static Flow flow_of(const EvalRule *r)
{
    const Graph *g = r->graph;
    Flow f = {.r = r};
    for (int on = 0; on < 2; on++) {
        f.sum[on] = NEW_ARRAY(r->arena, double *, (size_t)g->sets.count + 1);
        for (int s = 0; s < g->sets.count; s++) {
            f.sum[on][s] = NEW_ARRAY(r->arena, double, (size_t)g->sets.at[s].size + 1);
            for (int64_t v = 0; v < g->sets.at[s].size; v++) f.sum[on][s][v] = NAN;
        }
    }
    return f;
}

void eval_path_flow(const EvalRule *r, int line, double *out)
{
    Flow f = flow_of(r);
    const Bundle *u = &r->graph->bundles.at[line];
    CandidateRun run;
    for (int64_t t = 0; t < u->candidates.targets; t++)
        for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                out[run.first + i] = sum_at(&f, u->from, run.source + i, false) *
                                     r->strength[line][run.first + i] * sum_at(&f, u->to, t, true);
}

/* ---- paths3 ---- */

typedef struct Sides {
    int64_t targets, sources;
    bool *edge; /* [target][source] */
} Sides;

static bool has(const Sides *s, int64_t target, int64_t source)
{
    return s->edge[target * s->sources + source];
}

static double near_target(const Sides *s, int64_t t, int64_t j, int64_t source)
{
    int64_t shared = 0, edges = 0;
    for (int64_t v = 0; v < s->sources; v++) shared += has(s, t, v) && has(s, j, v), edges += has(s, j, v);
    return has(s, j, source) && shared ? 1 / fmax((double)(edges - shared), 1) : 0;
}

static double near_source(const Sides *s, int64_t v, int64_t j, int64_t target)
{
    int64_t shared = 0, edges = 0;
    for (int64_t t = 0; t < s->targets; t++) shared += has(s, t, v) && has(s, t, j), edges += has(s, t, j);
    return has(s, target, j) && shared ? 1 / fmax((double)(edges - shared), 1) : 0;
}

void eval_paths3(const EvalRule *r, int line, double *out)
{
    const Bundle *u = &r->graph->bundles.at[line];
    Sides s = {u->candidates.targets, u->candidates.sources, NULL};
    CandidateRun run;
    s.edge = NEW_ARRAY(r->arena, bool, (size_t)(s.targets * s.sources) + 1);
    for (int64_t t = 0; t < s.targets; t++)
        for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                s.edge[t * s.sources + run.source + i] = r->kept[line][run.first + i] == 1;
    for (int64_t t = 0; t < s.targets; t++)
        for (int64_t n = 0; candidates_run(&u->candidates, t, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                double sum = 0;
                for (int64_t j = 0; j < s.targets; j++)
                    if (j != t) sum += near_target(&s, t, j, run.source + i);
                for (int64_t j = 0; j < s.sources; j++)
                    if (j != run.source + i) sum += near_source(&s, run.source + i, j, t);
                out[run.first + i] = (double)(float)sum; /* equal ones stay equal in any order of summing */
            }
}
