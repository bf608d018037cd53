/* freeze.c: the passes of --freeze on the model. See freeze.h. */
#include "freeze/freeze.h"
#include "base/diag.h"
#include "common/init.h"
#include "common/plural.h"
#include "eval/ir_eval_rule.h"
#include "eval/ir_eval.h"
#include "layout/params.h"
#include "app/checkpoint.h"
#include "model/rule.h"
#include "model/timed.h"
#include <stdlib.h>

/* ---- weights ---- */

/* A line of which the file has edges in use alone. */
typedef struct SlotLine {
    Graph *g;
    int bundle;
    int64_t room;
    Candidates edges;
} SlotLine;

typedef struct Weights {
    Arena *arena;
    Model *model;
    float *param;
    uint8_t ***kept; /* [graph][bundle][candidate] */
    Vec(NetTensor) tensors;
    Vec(SlotLine) slots;
} Weights;

/* The tensors of a program, as net_build.c lists them. */
static void list_params(Weights *w)
{
    for (int i = 0; i < w->model->params.count; i++) {
        const Tensor *p = w->model->params.at[i];
        if (init_follows(&p->init)) continue;
        NetTensor t = {.kind = p->learned ? NET_WEIGHT : NET_RUNNING,
                       .rank = p->shape.rank,
                       .size = p->stored,
                       .data = w->param + p->place};
        for (int d = 0; d < p->shape.rank; d++) t.shape[d] = p->shape.dim[d];
        if (p->stored != p->size) t.rank = 1, t.shape[0] = p->stored;
        snprintf(t.name, sizeof t.name, "%s", p->name);
        vec_push(w->arena, &w->tensors, t);
    }
}

static void add_tensor(Weights *w, const char *line, const char *what, NetTensor t)
{
    if (t.rank == 0) t.rank = 1, t.shape[0] = t.size;
    snprintf(t.name, sizeof t.name, "%s.%s", line, what);
    vec_push(w->arena, &w->tensors, t);
}

/* The file has a sparse matrix. */
static void list_slots(Weights *w, Graph *g, int bundle, const char *line)
{
    const Candidates *legal = &g->bundles.at[bundle].candidates;
    SlotLine s = {g, bundle, edges_slots(g, &g->bundles.at[bundle]), {.form = CANDIDATES_LIST}};
    Candidates *c = &s.edges;
    c->targets = legal->targets, c->sources = legal->sources;
    c->row = calloc((size_t)c->targets + 1, sizeof *c->row);
    c->source = calloc((size_t)s.room, sizeof *c->source);
    vec_push(w->arena, &w->slots, s);
    add_tensor(w, line, "row", (NetTensor){.kind = NET_ROW, .size = c->targets + 1, .data = c->row});
    add_tensor(w, line, "source", (NetTensor){.kind = NET_SOURCE, .size = s.room, .data = c->source});
}

static void list_wiring(Weights *w)
{
    for (int g = 0; g < w->model->graphs.count; g++)
        for (int b = 0; b < w->model->graphs.at[g]->bundles.count; b++) {
            Graph *graph = w->model->graphs.at[g];
            const Candidates *c = &graph->bundles.at[b].candidates;
            const char *line = arena_printf(w->arena, "%s.edges.%d", graph->name, b);
            NetTensor kept = {.kind = NET_KEPT, .size = c->count, .data = w->kept[g][b]};
            if (c->form == CANDIDATES_DENSE)
                kept.rank = 2, kept.shape[0] = c->targets, kept.shape[1] = c->sources;
            if (edges_slots(graph, &graph->bundles.at[b])) list_slots(w, graph, b, line);
            else add_tensor(w, line, "kept", kept);
        }
}

/* The edges of the file are the candidates from now on, all of them in use. */
static bool take_slots(Weights *w, SlotLine *s, RtError *e)
{
    Bundle *u = &s->g->bundles.at[s->bundle];
    uint8_t **kept = &w->kept[s->g->number][s->bundle];
    if (!s->edges.row || !s->edges.source) return rt_fail(e, RT_SYSTEM, "not enough memory to freeze");
    if (!candidates_contain(&u->candidates, &s->edges, s->room))
        return rt_fail(e, RT_BAD_INPUT, SLOTS_WRONG, s->g->lists.at[u->list].name);
    s->edges.count = s->edges.row[s->edges.targets];
    candidates_free(&u->candidates);
    u->candidates = s->edges;
    u->weight->size = s->edges.count, u->weight->shape = shape_vector(s->edges.count);
    *kept = NEW_ARRAY(w->arena, uint8_t, (size_t)s->edges.count + 1);
    memset(*kept, 1, (size_t)s->edges.count);
    return true;
}

/* Marks of a file must fit the budget, as for a program (net.c). */
static bool marks_fit(const Weights *w, RtError *e)
{
    for (int g = 0; g < w->model->graphs.count; g++)
        for (int l = 0; l < w->model->graphs.at[g]->lists.count; l++) {
            const Graph *graph = w->model->graphs.at[g];
            const EdgeList *list = &graph->lists.at[l];
            int64_t kept = 0, most = list->groups ? list->kept : list->budget.keep;
            for (int b = 0; b < graph->bundles.count; b++)
                for (int64_t i = 0;
                     graph->bundles.at[b].list == l && i < graph->bundles.at[b].candidates.count; i++)
                    kept += w->kept[g][b][i];
            const bool moves = list->declared && rule_leaves_budget(list->declared);
            if (!moves && list->budget.form == KEEP_COUNT && kept > most)
                return rt_fail(e, RT_BAD_INPUT, "'%s' has %lld edge%s in use where its budget allows %lld",
                               list->name, (long long)kept, plural(kept, "s"), (long long)most);
        }
    return true;
}

static bool read_weights(Weights *w, const char *path, bool *given, RtError *e)
{
    Checkpoint file;
    list_params(w);
    list_wiring(w);
    const NetTensor **all = NEW_ARRAY(w->arena, const NetTensor *, (size_t)w->tensors.count + 1);
    for (int i = 0; i < w->tensors.count; i++) all[i] = &w->tensors.at[i];
    if (!checkpoint_open(&file, path, e)) return false;
    bool ok = checkpoint_load(&file, all, w->tensors.count, CHECKPOINT_WEIGHTS, given, e);
    checkpoint_close(&file);
    for (int i = 0; i < w->slots.count; i++) ok = ok && take_slots(w, &w->slots.at[i], e);
    return ok && (!*given || marks_fit(w, e));
}

/* The first line of the message, then its help and notes. */
static void report(Diags *diags, const char *text)
{
    char copy[sizeof((RtError *)0)->text], *state = NULL;
    snprintf(copy, sizeof copy, "%s", text);
    char *line = strtok_r(copy, "\n", &state);
    Diag *d = diag_add(diags, E_WEIGHTS, SPAN_NONE, "%s", line ? line : "");
    while ((line = strtok_r(NULL, "\n", &state)))
        if (strncmp(line, "help: ", 6) == 0) diag_help(d, "%s", line + 6);
        else diag_note_plain(d, "%s", strncmp(line, "note: ", 6) == 0 ? line + 6 : line);
}

/* Numbers of the file to their places in the interpreter. */
static void move_numbers(Arena *a, Model *m, const float *stored, EvalContext *out)
{
    m->param_total = 0;
    for (int i = 0; i < m->params.count; i++) model_place(m, m->params.at[i]);
    out->param = NEW_ARRAY(a, double, (size_t)m->param_total + 1);
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *p = m->params.at[i];
        for (int64_t k = 0; k < p->size; k++)
            out->param[p->offset + k] =
                init_follows(&p->init) ? init_value(&p->init, 0, 0, k) : (double)stored[p->place + k];
    }
}

/* Into c->param and c->kept; edges that the file does not name are chosen from the weights. */
static bool load(Compilation *c, Model *m, const char *path, EvalContext *out)
{
    RtError e = {0};
    bool given = false;
    Weights w = {.arena = c->perm, .model = m};
    w.param = NEW_ARRAY(c->perm, float, (size_t)m->stored_total + 1);
    *out = (EvalContext){.model = m};
    w.kept = out->kept = NEW_ARRAY(c->perm, uint8_t **, (size_t)m->graphs.count + 1);
    for (int g = 0; g < m->graphs.count; g++) {
        const Graph *graph = m->graphs.at[g];
        out->kept[g] = NEW_ARRAY(c->perm, uint8_t *, (size_t)graph->bundles.count + 1);
        for (int b = 0; b < graph->bundles.count; b++) {
            const Bundle *u = &graph->bundles.at[b];
            const int64_t marks = edges_slots(graph, u) ? 0 : u->candidates.count;
            out->kept[g][b] = NEW_ARRAY(c->perm, uint8_t, (size_t)marks + 1);
        }
    }
    if (!read_weights(&w, path, &given, &e)) {
        report(c->diags, e.text);
        return false;
    }
    move_numbers(c->perm, m, w.param, out);
    if (!given) eval_choose(c->perm, out, 1e300);
    return true;
}

/* ---- what edges carry ---- */

/* Numbers that only the training needs. */
static void leave_out(Tensor *p)
{
    p->size = 0, p->learned = false;
}

/* What a rule computes of weights and states becomes the weight. */
static void carry_line(const Model *m, Graph *g, int bundle, double *param)
{
    Bundle *u = &g->bundles.at[bundle];
    const Rule *r = g->lists.at[u->list].declared;
    if (u->edge) return; /* its weights are those of the function */
    for (int64_t i = 0; i < u->candidates.count && r->forward != NO_FUNCTION; i++)
        param[u->weight->offset + i] = (float)eval_carried(m, g, (CandidateAt){bundle, i}, r->forward, param);
    u->weight->learned = true;
    for (int i = 0; i < r->states.count; i++)
        if (r->states.at[i].stored && !r->states.at[i].shared)
            leave_out(u->weights.at[r->states.at[i].weight]);
    u->weights.count = 1;
}

static void carry(const Model *m, double *param)
{
    for (int i = 0; i < m->graphs.count; i++) {
        Graph *g = m->graphs.at[i];
        for (int b = 0; b < g->bundles.count; b++)
            if (g->lists.at[g->bundles.at[b].list].declared) carry_line(m, g, b, param);
        for (int l = 0; l < g->lists.count; l++) {
            const Rule *r = g->lists.at[l].declared;
            for (int s = 0; r && s < r->states.count; s++)
                if (r->states.at[s].shared) leave_out(r->states.at[s].tensor);
            g->lists.at[l].declared = NULL;
        }
    }
}

/* ---- the smaller model ---- */

/* The present numbers of nodes: old ones, ascending. */
typedef struct Renumber {
    int64_t count, *old, *new; /* new: by old number, where it lives */
} Renumber;

static Renumber renumber(Arena *a, const bool *live, int64_t size)
{
    Renumber r = {0, NEW_ARRAY(a, int64_t, (size_t)size + 1), NEW_ARRAY(a, int64_t, (size_t)size + 1)};
    for (int64_t i = 0; i < size; i++)
        if (live[i]) r.new[i] = r.count, r.old[r.count++] = i;
    return r;
}

typedef struct Shrink {
    Arena *arena;
    Frozen *out;
    const EvalContext *trained;
    FrozenCuts cuts;
} Shrink;

static void keep_blocks(Shrink *s, const Tensor *p, const int64_t *old, int64_t count)
{
    if (!p->shared) vec_push(s->arena, &s->cuts.moved, (Moved){p, old, count});
}

/* Statistics of batch_norm: a number a node or candidate, evaluation after evaluation. */
static void keep_norms(Shrink *s, Norm *norms, int norm_count, const int64_t *kept, int64_t count)
{
    for (int k = 0; k < norm_count; k++) {
        Norm *n = &norms[k];
        int64_t all = n->evaluations * count, *old = NEW_ARRAY(s->arena, int64_t, (size_t)all + 1);
        for (int64_t i = 0; i < all; i++) old[i] = i / count * n->size + kept[i % count];
        keep_blocks(s, n->mean, old, all);
        keep_blocks(s, n->variance, old, all);
        n->size = count;
    }
}

/* The edges in use of a bundle, as a list of candidates. */
static bool shrink_bundle(Shrink *s, Graph *g, int b, const Renumber *sets)
{
    Bundle *u = &g->bundles.at[b];
    const uint8_t *kept = s->trained->kept[g->number][b];
    const Renumber *from = &sets[u->from], *to = &sets[u->to];
    int64_t n = 0;
    for (int64_t i = 0; i < u->candidates.count; i++) n += kept[i];
    Candidates c = {.form = CANDIDATES_LIST, .targets = to->count, .sources = from->count, .count = n};
    c.row = malloc((size_t)(to->count + 1) * sizeof *c.row);
    c.source = malloc((size_t)(n + 1) * sizeof *c.source);
    int64_t *old = NEW_ARRAY(s->arena, int64_t, (size_t)n + 1);
    if (!c.row || !c.source) return candidates_free(&c), false;
    n = 0;
    for (int64_t t = 0; t < to->count; t++) {
        CandidateRun run;
        c.row[t] = n;
        for (int64_t r = 0; candidates_run(&u->candidates, to->old[t], r, &run); r++)
            for (int64_t i = 0; i < run.length; i++)
                if (kept[run.first + i])
                    c.source[n] = (uint32_t)from->new[run.source + i], old[n++] = run.first + i;
    }
    c.row[to->count] = n;
    candidates_free(&u->candidates);
    u->candidates = c;
    u->predicate = NULL;
    for (int i = 0; i < u->weights.count; i++) keep_blocks(s, u->weights.at[i], old, n);
    if (u->edge) keep_norms(s, u->edge->fn.norms.at, u->edge->fn.norms.count, old, n);
    return true;
}

static bool order_again(Graph *g)
{
    WiringCycle cycle;
    if (is_timed(g)) return true;
    WiringSet *sets = calloc((size_t)g->sets.count + 1, sizeof *sets);
    WiringLine *lines = calloc((size_t)g->bundles.count + 1, sizeof *lines);
    const Candidates **candidates = calloc((size_t)g->bundles.count + 1, sizeof *candidates);
    bool ok = sets && lines && candidates;
    for (int i = 0; ok && i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        sets[i] = (WiringSet){.size = s->size, .rank = 1, .dim = {s->size}, .held = s->outside};
    }
    for (int b = 0; ok && b < g->bundles.count; b++) {
        lines[b] = (WiringLine){.from = g->bundles.at[b].from, .to = g->bundles.at[b].to};
        candidates[b] = &g->bundles.at[b].candidates;
    }
    wiring_order_free(&g->order);
    g->order = (WiringOrder){0};
    ok = ok && wiring_order(&(WiringGraph){g->sets.count, g->bundles.count, sets, lines, candidates},
                            &g->order, &cycle);
    free(sets), free(lines), free(candidates);
    return ok;
}

static int64_t count_kept(const Graph *g, uint8_t *const *kept)
{
    int64_t n = 0;
    for (int b = 0; b < g->bundles.count; b++)
        for (int64_t i = 0; i < g->bundles.at[b].candidates.count; i++) n += kept[b][i];
    return n;
}

static void keep_what_is_left(Graph *g)
{
    free_groups(g); /* nothing is chosen any more, nor moved */
    for (int l = 0; l < g->lists.count; l++) {
        EdgeList *list = &g->lists.at[l];
        list->budget.form = KEEP_ALL, list->kept = 0;
        for (int b = 0; b < g->bundles.count; b++)
            if (g->bundles.at[b].list == l) list->kept += g->bundles.at[b].candidates.count;
        list->candidates = list->kept;
    }
}

static bool shrink_graph(Shrink *s, Graph *g)
{
    Frozen *f = s->out;
    FrozenGraph info = {.name = g->name};
    for (int l = 0; l < g->lists.count; l++) info.candidates += g->lists.at[l].candidates;
    int64_t edges = count_kept(g, s->trained->kept[g->number]);
    bool **live =
        freeze_live(s->arena, g, s->trained->param, s->trained->kept[g->number], &s->cuts.graphs[g->number]);
    info.kept = count_kept(g, s->trained->kept[g->number]);
    f->edges += edges, f->edges_gone += edges - info.kept;
    vec_push(s->arena, &f->graphs, info);
    Renumber *sets = NEW_ARRAY(s->arena, Renumber, (size_t)g->sets.count + 1);
    for (int i = 0; i < g->sets.count; i++) sets[i] = renumber(s->arena, live[i], g->sets.at[i].size);
    for (int b = 0; b < g->bundles.count; b++)
        if (!shrink_bundle(s, g, b, sets)) return false;
    for (int i = 0; i < g->sets.count; i++) {
        NodeSet *set = &g->sets.at[i];
        if (!set->outside) f->nodes += set->size, f->nodes_gone += set->size - sets[i].count;
        for (int k = 0; k < set->weights.count; k++)
            keep_blocks(s, set->weights.at[k], sets[i].old, sets[i].count);
        keep_norms(s, set->cell.norms.at, set->cell.norms.count, sets[i].old, sets[i].count);
        set->size = sets[i].count, set->shape = shape_vector(set->size);
    }
    keep_what_is_left(g);
    return order_again(g);
}

double *freeze_room(Frozen *f, const Tensor *p)
{
    int64_t end = f->model->param_total;
    if (end > f->param_count) {
        double *more = NEW_ARRAY(f->model->perm, double, (size_t)end * 2);
        if (f->param_count) memcpy(more, f->param, (size_t)f->param_count * sizeof *more);
        f->param = more, f->param_count = end * 2;
    }
    return f->param + p->offset;
}

/* New places for all tensors, and their numbers. */
static void move_params(Shrink *s)
{
    Model *m = s->out->model;
    int64_t *from = NEW_ARRAY(s->arena, int64_t, (size_t)m->params.count + 1), total = 0;
    const Moved **moved = NEW_ARRAY(s->arena, const Moved *, (size_t)m->params.count + 1);
    for (int i = 0; i < s->cuts.moved.count; i++)
        moved[s->cuts.moved.at[i].tensor->number] = &s->cuts.moved.at[i];
    for (int i = 0; i < m->params.count; i++) {
        Tensor *p = m->params.at[i];
        from[i] = p->offset, p->offset = total;
        if (moved[i]) p->size = moved[i]->count * p->components, p->shape = shape_vector(p->size);
        total += (p->size + 15) / 16 * 16;
    }
    m->param_total = total;
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *p = m->params.at[i];
        const double *old = s->trained->param + from[i];
        double *new = freeze_room(s->out, p);
        if (!moved[i]) memcpy(new, old, (size_t)p->size * sizeof *new);
        for (int64_t k = 0; moved[i] && k < moved[i]->count; k++)
            memcpy(new + k * p->components, old + moved[i]->old[k] * p->components,
                   (size_t)p->components * sizeof *new);
    }
}

static FrozenCuts cuts_of(Frozen *f)
{
    if (f->model->sizes.count) return freeze_sizes(f);
    return (FrozenCuts){.graphs = NEW_ARRAY(f->model->perm, FrozenCut, (size_t)f->model->graphs.count + 1)};
}

Frozen *freeze(Compilation *c, const char *weights)
{
    EvalContext trained;
    Model *m = c->model;
    if (!load(c, m, weights, &trained)) return NULL;
    carry(m, trained.param);
    Frozen *f = NEW(c->perm, Frozen);
    f->model = m;
    f->param = trained.param, f->param_count = m->param_total;
    Shrink s = {.arena = c->perm, .out = f, .trained = &trained, .cuts = cuts_of(f)};
    trained.param = f->param, f->param = NULL, f->param_count = 0;
    for (int g = 0; g < m->graphs.count; g++)
        if (!shrink_graph(&s, m->graphs.at[g])) {
            diag_add(c->diags, E_MEMORY, SPAN_NONE, "not enough memory to freeze '%s'", m->program);
            return NULL;
        }
    move_params(&s);
    for (int i = 0; i < m->params.count; i++)
        f->parameters += m->params.at[i]->learned ? m->params.at[i]->size : 0;
    for (int g = 0; g < m->graphs.count; g++) f->macs += graph_macs(m->graphs.at[g]);
    m->trained = false, m->frozen = true, m->loss = NULL;
    freeze_norms(f);
    return f;
}
