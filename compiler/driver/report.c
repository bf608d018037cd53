/* report.c: the output of `dnw check` for a correct file: sizes by graph. */
#include "driver/compile.h"
#include "driver/list_cost.h"
#include "common/plural.h"
#include "eval/count.h"
#include "layout/live.h"
#include "model/rule.h"
#include "model/timed.h"
#include <math.h>

typedef struct GraphRow {
    const char *name;
    bool together; /* kept, and what follows from it, is not known of one graph */
    int64_t candidates, kept, parameters, macs;
} GraphRow;

static GraphRow graph_row(const Graph *g)
{
    GraphRow r = {.name = g->name, .kept = model_edges_kept(g), .parameters = graph_parameters(g)};
    for (int i = 0; i < g->lists.count; i++)
        r.candidates += g->lists.at[i].candidates, r.together = r.together || g->lists.at[i].together;
    r.macs = graph_macs(g);
    return r;
}

/* "steps 1 to 3 of 5" */
static const char *steps_text(Arena *a, const Graph *g, int64_t first, int64_t last)
{
    const char *what = is_flow(g) ? "evaluation" : "step";
    long long of = (long long)timed_evaluations(g), from = (long long)first + 1, to = (long long)last + 1;
    if (from == to) return arena_printf(a, "%s %lld of %lld", what, from, of);
    return arena_printf(a, "%ss %lld to %lld of %lld", what, from, to, of);
}

/* Node functions whose results nobody reads. */
static void report_unread(const Compilation *c, const Graph *g, FILE *out)
{
    int64_t end = timed_evaluations(g) - 1;
    for (int s = 0; s < g->sets.count; s++) {
        const NodeSet *set = &g->sets.at[s];
        if (set->states && set->live.last < end)
            fprintf(out, "  %s: not computed in %s, because nobody reads it\n", set->name,
                    steps_text(c->perm, g, set->live.last + 1, end));
    }
}

/* What of graphs in time is left out of some steps (live.h). */
static void report_left_out(const Compilation *c, const Graph *g, FILE *out)
{
    double share = live_left_out(g);
    if (share == 0) return;
    fprintf(out, "%s: %.2g %% of the arithmetic over edges is left out, with the same results:\n", g->name,
            100 * share);
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        int64_t end = timed_evaluations(g) - 1, last = live_last(g, u), early = u->live_first - 1;
        if (!live_is_limited(g, u) || !is_moving(g, u->to)) continue;
        fprintf(out, "  line %d, %s:", source_place(c->sources, u->span.file, u->span.start).line,
                line_text(c->perm, g, u));
        if (early >= 0)
            fprintf(out, " in %s, where the sources are still 0",
                    steps_text(c->perm, g, 0, early < end ? early : end));
        if (last < end)
            fprintf(out, "%s in %s, whose targets nobody reads", early >= 0 ? ";" : "",
                    steps_text(c->perm, g, last + 1, end));
        fputc('\n', out);
    }
    report_unread(c, g, out);
}

/* Budgets that are stated line by line. */
static void report_lists(const Compilation *c, const Graph *g, FILE *out)
{
    for (int i = 0; i < g->lists.count && g->lists.count > 1; i++) {
        const EdgeList *l = &g->lists.at[i];
        const Bundle *u = &g->bundles.at[list_first(g, i)];
        if (!(l->density.share > 0)) continue;
        fprintf(out, "%-20s %12lld %12lld\n", arena_printf(c->perm, "  %s", line_text(c->perm, g, u)),
                (long long)l->candidates, (long long)l->kept);
    }
}

/* Budgets that count groups. */
static void report_groups(const Compilation *c, const Graph *g, FILE *out)
{
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeList *l = &g->lists.at[i];
        if (!l->groups) continue;
        const long long all = (long long)l->groups->count;
        fprintf(out, "  line %d: ", source_place(c->sources, l->span.file, l->span.start).line);
        if (l->budget.form == KEEP_ALL && l->declared) fprintf(out, "up to ");
        fprintf(out, "%lld of %lld group%s of %s in use\n",
                l->budget.form == KEEP_ALL ? all : (long long)l->budget.keep, all, plural(all, "s"), l->key);
    }
}

/* Edges that share weights, beside those whose budget counts the same groups. */
static void report_ties(const Compilation *c, const Graph *g, FILE *out)
{
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeList *l = &g->lists.at[i];
        if (!l->tie || l->ties == l->groups) continue;
        const long long all = (long long)l->ties->count;
        fprintf(out, "  line %d: %lld edges share the weights of %lld key%s %s\n",
                source_place(c->sources, l->span.file, l->span.start).line, (long long)l->candidates, all,
                plural(all, "s"), l->tie);
    }
}

/* The budget of the model. */
static void report_together(const Model *m, FILE *out)
{
    for (int g = 0; g < m->graphs.count; g++)
        for (int i = 0; i < m->graphs.at[g]->lists.count; i++) {
            const EdgeList *l = &m->graphs.at[g]->lists.at[i];
            if (!l->together || l->goes_on) continue;
            fprintf(out, "%-20s %12lld %12lld\n", "together", (long long)l->total, (long long)l->budget.keep);
        }
}

/* Learned sizes: where they start, and what the model costs there. */
static void report_sizes(const Compilation *c, FILE *out)
{
    const Model *m = c->model;
    if (!m->sizes.count) return;
    fprintf(out, "%-20s %12s %12s\n", "learned size", "range", "start");
    for (int i = 0; i < m->sizes.count; i++) {
        const LearnedSize *s = m->sizes.at[i];
        fprintf(out, "%-20s %12s %12.6g\n", s->name,
                arena_printf(c->perm, "%lld .. %lld", (long long)s->low, (long long)s->high),
                s->tensor->init.a * (double)s->high);
    }
    double *param = NEW_ARRAY(c->perm, double, (size_t)m->param_total + 1);
    for (int i = 0; i < m->sizes.count; i++)
        param[m->sizes.at[i]->tensor->offset] = m->sizes.at[i]->tensor->init.a;
    fprintf(out, "at the start: %.15g multiply-adds, %.15g parameters; above, at the upper ends\n",
            round(cost_of(m, "macs", param)), round(cost_of(m, "params", param)));
}

/* Lists with declared rules: what these keep. */
static void report_rules(const Compilation *c, const Graph *g, FILE *out)
{
    const ListTraining training = list_training(c->model, NULL);
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeList *l = &g->lists.at[i];
        if (!l->declared || l->goes_on) continue;
        fprintf(out, "  line %d, %s: %s\n", source_place(c->sources, l->span.file, l->span.start).line,
                l->declared->name, list_bytes_text(c->perm, g, i, &training));
    }
}

void compile_report(const Compilation *c, FILE *out)
{
    const Model *m = c->model;
    if (!m->body) {
        fprintf(out, "%s: no mistakes; no model\n", m->source);
        return;
    }
    fprintf(out, "%s: model %s %s -> %s\n", m->source, m->name, shape_text(c->perm, m->input),
            shape_text(c->perm, m->output));
    if (!m->graphs.count) return;
    fprintf(out, "%-20s %12s %12s %12s %14s\n", "graph", "candidates", "kept", "parameters", "multiply-adds");
    for (int i = 0; i < m->graphs.count; i++) {
        GraphRow r = graph_row(m->graphs.at[i]);
        if (r.together)
            fprintf(out, "%-20s %12lld %12s %12s %14s\n", r.name, (long long)r.candidates, "-", "-", "-");
        else
            fprintf(out, "%-20s %12lld %12lld %12lld %14lld\n", r.name, (long long)r.candidates,
                    (long long)r.kept, (long long)r.parameters, (long long)r.macs);
        report_lists(c, m->graphs.at[i], out);
    }
    report_together(m, out);
    fprintf(out, "%lld parameter%s in use\n", (long long)model_parameters(m),
            plural(model_parameters(m), "s"));
    report_sizes(c, out);
    for (int i = 0; i < m->graphs.count; i++) report_left_out(c, m->graphs.at[i], out);
    for (int i = 0; i < m->graphs.count; i++) report_groups(c, m->graphs.at[i], out);
    for (int i = 0; i < m->graphs.count; i++) report_ties(c, m->graphs.at[i], out);
    for (int i = 0; i < m->graphs.count; i++) report_rules(c, m->graphs.at[i], out);
}

static json_t *known(const GraphRow *r, int64_t n)
{
    return r->together ? json_null() : json_integer((json_int_t)n);
}

json_t *compile_report_json(const Compilation *c)
{
    const Model *m = c->model;
    json_t *graphs = json_object();
    for (int i = 0; m && i < m->graphs.count; i++) {
        GraphRow r = graph_row(m->graphs.at[i]);
        EdgeMacs edges = graph_edge_macs(m->graphs.at[i]);
        json_object_set_new(
            graphs, r.name,
            json_pack("{s:I, s:o, s:o, s:o, s:o, s:I, s:f}", "candidates", (json_int_t)r.candidates, "kept",
                      known(&r, r.kept), "parameters", known(&r, r.parameters), "macs", known(&r, r.macs),
                      "edge_macs", known(&r, (int64_t)(edges.kept + 0.5)), "candidate_macs",
                      (json_int_t)(edges.candidates + 0.5), "left_out", live_left_out(m->graphs.at[i])));
    }
    return json_pack("{s:b, s:s?, s:o}", "ok", (int)(m != NULL), "model", m ? m->name : NULL, "graphs",
                     graphs);
}
