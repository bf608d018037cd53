/* report.c: what `dnw check` says of a file that is right: sizes by graph. */
#include "compile.h"
#include "model.h"

typedef struct GraphRow {
    const char *name;
    int64_t candidates, kept, parameters, macs;
} GraphRow;

static GraphRow graph_row(const Graph *g)
{
    GraphRow r = {.name = g->name, .kept = model_edges_kept(g), .parameters = graph_parameters(g)};
    for (int i = 0; i < g->lists.count; i++) r.candidates += g->lists.at[i].candidates;
    r.macs = graph_macs(g);
    return r;
}

static int64_t other_parameters(const Model *m)
{
    int64_t all = 0;
    for (int i = 0; i < m->params.count; i++) all += m->params.at[i]->learned ? m->params.at[i]->size : 0;
    for (int i = 0; i < m->graphs.count; i++) all -= graph_learned(m->graphs.at[i]);
    return all;
}

int64_t model_parameters(const Model *m)
{
    int64_t total = other_parameters(m);
    for (int i = 0; i < m->graphs.count; i++) total += graph_parameters(m->graphs.at[i]);
    return total;
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
        fprintf(out, "%-20s %12lld %12lld %12lld %14lld\n", r.name, (long long)r.candidates,
                (long long)r.kept, (long long)r.parameters, (long long)r.macs);
    }
    fprintf(out, "%lld parameters in use\n", (long long)model_parameters(m));
}

json_t *compile_report_json(const Compilation *c)
{
    const Model *m = c->model;
    json_t *graphs = json_object();
    for (int i = 0; m && i < m->graphs.count; i++) {
        GraphRow r = graph_row(m->graphs.at[i]);
        EdgeMacs edges = graph_edge_macs(m->graphs.at[i]);
        json_object_set_new(graphs, r.name,
                            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "candidates",
                                      (json_int_t)r.candidates, "kept", (json_int_t)r.kept, "parameters",
                                      (json_int_t)r.parameters, "macs", (json_int_t)r.macs, "edge_macs",
                                      (json_int_t)(edges.kept + 0.5), "candidate_macs",
                                      (json_int_t)(edges.candidates + 0.5)));
    }
    return json_pack("{s:b, s:s?, s:o}", "ok", (int)(m != NULL), "model", m ? m->name : NULL, "graphs",
                     graphs);
}
