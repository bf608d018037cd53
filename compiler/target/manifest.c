/* manifest.c: Ir and stage numbers -> JSON. See manifest.h. */
#include "target/manifest.h"
#include "common/contract.h"
#include "layout/layout.h"
#include "layout/live.h"
#include "layout/timed_rows.h"

static json_t *shape_json(Shape s)
{
    json_t *j = json_array();
    for (int i = 0; i < s.rank; i++) json_array_append_new(j, json_integer(s.dim[i]));
    return j;
}

static json_t *init_json(const Tensor *p)
{
    static const char *const kind[] = {"constant", "uniform", "normal", "choice", "orthogonal", "fan"};
    json_t *choices = json_array();
    for (int i = 0; i < p->init.choices.count; i++)
        json_array_append_new(choices, json_real(p->init.choices.at[i]));
    int64_t columns = p->shape.rank ? p->shape.dim[p->shape.rank - 1] : 1;
    return json_pack("{s:s, s:f, s:f, s:o, s:I, s:I}", "kind", kind[p->init.kind], "a", p->init.a, "b",
                     p->init.b, "choices", choices, "rows",
                     (json_int_t)(p->components / (columns ? columns : 1)), "columns", (json_int_t)columns);
}

static json_t *params_json(const Model *m)
{
    json_t *all = json_array();
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *p = m->params.at[i];
        json_t *j =
            json_pack("{s:s, s:o, s:I, s:b, s:o}", "name", p->name, "shape", shape_json(p->shape), "offset",
                      (json_int_t)p->offset, "learned", (int)p->learned, "init", init_json(p));
        if (p->clamped) json_object_set_new(j, "clamp", json_pack("[f, f]", p->low, p->high));
        json_array_append_new(all, j);
    }
    return all;
}

static json_t *norms_json(const NodeSet *s)
{
    json_t *all = json_array();
    for (int i = 0; i < s->cell.norms.count; i++)
        json_array_append_new(all,
                              json_pack("{s:I, s:I, s:I}", "first", (json_int_t)s->cell.norms.at[i].first,
                                        "pixels", (json_int_t)s->cell.norms.at[i].pixels, "evaluations",
                                        (json_int_t)s->cell.norms.at[i].evaluations));
    return all;
}

static json_t *set_json(const Graph *g, const NodeSet *s)
{
    return json_pack("{s:o, s:b, s:s, s:o, s:I, s:I, s:I, s:i, s:b, s:I, s:I, s:I, s:I}", "norms",
                     norms_json(s), "moves", (int)(s->states > 0), "name", s->name, "shape",
                     shape_json(s->shape), "first", (json_int_t)s->rows.value, "first_state",
                     (json_int_t)s->rows.state, "state_pixels", (json_int_t)s->state_pixels, "states",
                     s->states, "held", (int)s->outside, "pixels", (json_int_t)s->pixels, "value_pixels",
                     (json_int_t)s->value_pixels, "value_pitch", (json_int_t)s->rows.value_pitch, "positions",
                     (json_int_t)graph_copies(g));
}

static EdgeRows edge_rows(const Value *wired, const Value *back, const Graph *g, const Bundle *u)
{
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    EdgeRows r = {.target = back ? back->rows + to->rows.sum : -1,
                  .held = from->outside,
                  .source_pitch = from->rows.value_pitch,
                  .target_pitch = to->rows.pitch};
    r.source = r.held ? wired->args[0]->address : wired->rows + from->rows.value;
    if (!is_timed(g)) return r;
    TimedRows t = timed_rows(g);
    r.held = !is_moving(g, u->from), r.plain = !is_moving(g, u->to);
    if (r.plain) r.target_pitch = to->pixels;
    r.source = r.held ? wired->args[0]->address : wired->rows + t.values + t.sent + from->rows.value;
    r.source_step = r.held ? set_rows(from) : t.evaluation;
    if (back) r.target = back->rows + (r.plain ? t.back_output : to->rows.sum);
    r.target_step = r.plain ? set_rows(to) : g->sum_rows;
    r.own = wired->rows + t.values + t.sent + to->rows.value, r.own_step = t.evaluation;
    return r;
}

EdgeRows manifest_edge_rows(const Ir *ir, const Graph *g, const Bundle *u)
{
    const Value *wired = func_find_wired(ir->train, g, IR_WIRED),
                *back = func_find_wired(ir->train, g, IR_WIRED_BACK);
    return wired && !u->fixed ? edge_rows(wired, back, g, u) : (EdgeRows){.source = -1, .target = -1};
}

static bool same_rule(const EdgeList *a, const EdgeList *b)
{
    return a->rule.refresh == b->rule.refresh && a->rule.positions == b->rule.positions &&
           a->rule.bf16 == b->rule.bf16;
}

int manifest_edge_kind(const Ir *ir, const Graph *g, int bundle)
{
    const Bundle *u = &g->bundles.at[bundle];
    const EdgeRows r = manifest_edge_rows(ir, g, u);
    int kind = 0;
    for (; kind < bundle; kind++) {
        const Bundle *o = &g->bundles.at[kind];
        const EdgeRows q = manifest_edge_rows(ir, g, o);
        if (q.held == r.held && q.plain == r.plain && q.source_step == r.source_step &&
            q.target_step == r.target_step && g->sets.at[o->to].pixels == g->sets.at[u->to].pixels &&
            same_rule(&g->lists.at[o->list], &g->lists.at[u->list]))
            break;
    }
    return kind;
}

/* What a bundle has beside its ends: weights of its edges, which one decides, and the code for their
 * candidates when they have a function. */
static void add_weights(json_t *j, const Bundle *u, int lanes, const EdgeStages *s)
{
    json_t *weights = json_array();
    for (int i = 0; i < u->weights.count; i++)
        json_array_append_new(weights, json_integer(u->weights.at[i]->number));
    json_object_set_new(j, "weights", weights);
    json_object_set_new(j, "param", json_integer(u->weight ? u->weight->number : -1));
    json_object_set_new(j, "candidates", json_integer((json_int_t)u->candidates.count));
    json_object_set_new(j, "function", json_boolean(u->edge != NULL));
    json_object_set_new(j, "gradients", json_integer(s ? s->job[CANDIDATE_GRADIENTS] : -1));
    json_object_set_new(j, "statistics", json_integer(s ? s->job[CANDIDATE_STATISTICS] : -1));
    json_object_set_new(j, "statistics_back", json_integer(s ? s->job[CANDIDATE_STATISTICS_BACK] : -1));
    json_object_set_new(j, "maps", json_integer(u->edge ? place_candidate_rows(u->edge, lanes) : 0));
}

/* The values of a condition up to its result, as interval.h reads them: name, then number or arguments. */
static json_t *condition_json(const Func *f)
{
    json_t *all = json_array();
    for (int i = 0; f && i <= f->results.at[0]->id; i++) {
        const Value *v = f->values.at[i];
        json_t *j = json_pack("[s]", op_info[v->op].text);
        if (v->op == IR_CONST) json_array_append_new(j, json_real(v->number));
        if (v->op == IR_ARG) json_array_append_new(j, json_integer(v->index));
        for (int k = 0; k < v->arg_count; k++) json_array_append_new(j, json_integer(v->args[k]->id));
        json_array_append_new(all, j);
    }
    return all;
}

/* Is anything carried back to its sources? Not to an input whose gradient nobody wants. */
static bool goes_back(const Ir *ir, const Graph *g, const Bundle *u)
{
    bool held = !is_timed(g) && u->from == g->input && g->sets.at[u->from].outside;
    return !held || u->edge || func_find_wired(ir->train, g, IR_WIRED_INPUT);
}

static json_t *bundle_json(const Ir *ir, const Graph *g, int bundle, const Stages *stages)
{
    const Bundle *u = &g->bundles.at[bundle];
    const EdgeRows r = manifest_edge_rows(ir, g, u);
    json_t *j = json_pack(
        "{s:i, s:i, s:I, s:I, s:I, s:i, s:o, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "from",
        u->from, "to", u->to, "pixels", (json_int_t)g->sets.at[u->to].pixels, "source_pitch",
        (json_int_t)r.source_pitch, "target_pitch", (json_int_t)r.target_pitch, "list", u->list, "predicate",
        condition_json(u->predicate), "uses_to", (json_int_t)u->uses_to, "uses_from",
        (json_int_t)u->uses_from, "pairwise", (int)u->pairwise, "source_row", (json_int_t)r.source,
        "source_step", (json_int_t)r.source_step, "target_row", (json_int_t)r.target, "target_step",
        (json_int_t)r.target_step, "own_row", (json_int_t)r.own, "own_step", (json_int_t)r.own_step, "held",
        (int)r.held, "plain", (int)r.plain);
    json_object_set_new(j, "name", json_sprintf("%s.edges.%d", g->name, bundle));
    json_object_set_new(j, "kind", json_integer(manifest_edge_kind(ir, g, bundle)));
    json_object_set_new(j, "back", json_boolean(goes_back(ir, g, u)));
    json_object_set_new(j, "stays", json_boolean(edges_stay(g, u)));
    json_object_set_new(j, "dots", json_boolean(edges_with_dots(g, u)));
    json_object_set_new(j, "live_first", json_integer(u->live_first));
    json_object_set_new(j, "live_last", json_integer(live_last(g, u)));
    int at = g->first_bundle + bundle;
    add_weights(j, u, ir->model->lanes, ir->train ? &stages->train.edges.at[at] : NULL);
    return j;
}

static json_t *reals_json(const double *x, int count)
{
    json_t *all = json_array();
    for (int i = 0; i < count; i++) json_array_append_new(all, json_real(x[i]));
    return all;
}

static json_t *time_json(const Graph *g)
{
    const Time *t = &g->time;
    json_t *a = json_array();
    for (int i = 0; i < t->stages; i++) json_array_append_new(a, reals_json(t->a[i], t->stages));
    json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "positions",
                          (json_int_t)t->positions, "held", (json_int_t)set_rows(&g->sets.at[g->input]),
                          "outputs", (json_int_t)set_rows(&g->sets.at[g->output]), "steps",
                          (json_int_t)t->steps, "stages", t->stages, "states", (json_int_t)g->state_rows,
                          "sent", (json_int_t)g->rows, "sums", (json_int_t)g->sum_rows, "carry", t->carry,
                          "step", t->step, "a", a, "b", reals_json(t->b, t->stages));
    json_t *more = json_pack(
        "{s:I, s:I, s:I, s:b, s:b, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "window", (json_int_t)t->window,
        "saved", (json_int_t)t->saved, "truncate", (json_int_t)t->truncate, "adaptive", (int)t->adaptive,
        "adjoint", (int)t->adjoint, "start", t->start, "end", t->end, "rtol", t->rtol, "atol", t->atol,
        "min_step", t->min_step, "exponent", t->exponent, "error", reals_json(t->error, t->stages + 1));
    json_object_update(j, more);
    json_decref(more);
    return j;
}

static json_t *list_json(const EdgeList *l)
{
    json_t *budget = json_pack("{s:s, s:I, s:I, s:f}", "form", keep_form_text(l->budget.form), "keep",
                               (json_int_t)l->budget.keep, "start", (json_int_t)l->budget.start, "epochs",
                               l->budget.epochs);
    json_t *rule = json_pack("{s:s, s:I, s:I, s:b}", "name", rule_kind_text(l->rule.kind), "refresh",
                             (json_int_t)l->rule.refresh, "positions", (json_int_t)l->rule.positions, "bf16",
                             (int)l->rule.bf16);
    return json_pack("{s:s, s:o, s:o, s:I, s:I}", "name", l->name, "budget", budget, "rule", rule,
                     "candidates", (json_int_t)l->candidates, "kept", (json_int_t)l->kept);
}

static json_t *graphs_json(const Ir *ir, const Stages *stages)
{
    json_t *all = json_array();
    for (int i = 0; i < ir->model->graphs.count; i++) {
        const Graph *g = ir->model->graphs.at[i];
        json_t *sets = json_array(), *bundles = json_array(), *lists = json_array();
        for (int s = 0; s < g->sets.count; s++) json_array_append_new(sets, set_json(g, &g->sets.at[s]));
        for (int b = 0; b < g->bundles.count; b++)
            json_array_append_new(bundles, bundle_json(ir, g, b, stages));
        for (int l = 0; l < g->lists.count; l++) json_array_append_new(lists, list_json(&g->lists.at[l]));
        const Value *wired = func_find_wired(ir->train, g, IR_WIRED);
        int64_t value = wired ? wired->rows + (is_timed(g) ? timed_rows(g).values : 0) : -1;
        json_array_append_new(all, json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "name", g->name,
                                             "chance_seed", (json_int_t)g->chance_seed, "time", time_json(g),
                                             "sets", sets, "bundles", bundles, "lists", lists, "value_row",
                                             (json_int_t)value, "held_row",
                                             (json_int_t)(wired ? wired->args[0]->address : -1)));
    }
    return all;
}

static NetLevel level_of(Arena *perm, const PlanLevel *p, const LevelStages *s)
{
    NetLevel l = {.once = s->once,
                  .tile = s->tile,
                  .rounds = p->rounds ? p->rounds->number : -1,
                  .sums = NEW_ARRAY(perm, NetSum, (size_t)p->sums.count + 1)};
    for (int i = 0; i < p->sums.count; i++) {
        const Value *v = p->sums.at[i];
        l.sums[l.sum_count++] = (NetSum){v->partial, v->address, shape_size(v->shape)};
    }
    if (!p->norms) return l;
    l.norms = NEW(perm, NetNorms);
    *l.norms = (NetNorms){p->norms->graph->number, p->norms->op == IR_WIRED_BACK, p->norms->moments,
                          p->norms->statistics};
    return l;
}

static json_t *func_json(Arena *perm, const Plan *p, const FuncStages *s)
{
    NetFunc f = {.rows = p->rows,
                 .partials = p->partials,
                 .shared = p->shared,
                 .input_row = p->input_row,
                 .target_row = p->target_row,
                 .valid_row = p->valid_row,
                 .output_row = p->output_row,
                 .loss = p->loss,
                 .gradients = s->gradients,
                 .updates = s->updates,
                 .levels = NEW_ARRAY(perm, NetLevel, (size_t)p->levels.count + 1)};
    for (int i = 0; i < p->levels.count; i++)
        f.levels[f.level_count++] = level_of(perm, &p->levels.at[i], &s->levels.at[i]);
    return contract_write(&contract_NetFunc, &f);
}

static json_t *place_json(const ProfileRow *r)
{
    return json_pack("{s:s?, s:i, s:i, s:s, s:s}", "file", r->file, "first", r->first, "last", r->last,
                     "what", r->what, "when", r->when);
}

/* The rows that generated code measures, then one for each line of edges: gradients of its candidates. */
static json_t *profile_json(const Model *m, const Profile *p)
{
    json_t *rows = json_array(), *edges = json_array();
    for (int i = 0; i < p->rows.count; i++) json_array_append_new(rows, place_json(&p->rows.at[i]));
    for (int g = 0; g < m->graphs.count; g++)
        for (int b = 0; b < m->graphs.at[g]->bundles.count; b++) {
            const Graph *graph = m->graphs.at[g];
            const Bundle *u = &graph->bundles.at[b];
            ProfileRow r = {.when = "backward"};
            r.what = arena_printf(m->perm, "%s: candidate gradients %s -> %s", graph->name,
                                  graph->sets.at[u->from].name, graph->sets.at[u->to].name);
            profile_place(p, &r, u->span);
            json_array_append_new(edges, place_json(&r));
        }
    return json_pack("{s:o, s:o}", "rows", rows, "edges", edges);
}

static json_t *options_json(const Model *m)
{
    json_t *all = json_array();
    for (int i = 0; i < m->options.count; i++) {
        const OptionValue *o = &m->options.at[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:b}", "name", o->name, "value", o->text,
                                             "help", o->help ? o->help : "", "given", (int)o->given));
    }
    return all;
}

static json_t *needs_json(const Target *target)
{
    json_t *all = json_array();
    for (int i = 0; i < target->needs.count; i++)
        json_array_append_new(all, json_string(target->needs.at[i]));
    return all;
}

/* What every program says of itself. */
static json_t *head_json(const Model *m, const Target *target)
{
    json_t *j =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:o, s:o, s:o, s:I, s:i}", "program", m->program,
                  "version", DNW_VERSION, "source", m->source, "directory", m->directory, "model", m->name,
                  "cpu", target->cpu, "lanes", m->lanes, "least_batch", (json_int_t)m->least_batch, "input",
                  shape_json(m->input), "output", shape_json(m->output), "options", options_json(m),
                  "target_size", (json_int_t)m->target_size, "classes", m->classes);
    json_object_set_new(j, "needs", needs_json(target));
    json_object_set_new(j, "norm_of_samples", json_boolean(m->norm_of_samples));
    return j;
}

static const char *text_of(Arena *perm, json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(17));
    const char *copy = arena_text(perm, text, strlen(text));
    free(text);
    json_decref(j);
    return copy;
}

const char *manifest(const Ir *ir, const Stages *stages, const Target *target)
{
    const Model *m = ir->model;
    json_t *j = head_json(m, target);
    json_object_set_new(j, "param_total", json_integer((json_int_t)m->param_total));
    json_object_set_new(j, "params", params_json(m));
    json_object_set_new(j, "graphs", graphs_json(ir, stages));
    if (ir->profile) json_object_set_new(j, "profile", profile_json(m, ir->profile));
    json_object_set_new(j, "infer", func_json(ir->perm, ir->infer_plan, &stages->infer));
    if (ir->train) {
        json_object_set_new(j, "train", func_json(ir->perm, ir->train_plan, &stages->train));
        json_object_set(j, "settings", m->settings);
    }
    return text_of(ir->perm, j);
}

const char *manifest_frozen(const Frozen *f, const Target *target)
{
    json_t *j = head_json(f->model, target), *graphs = json_array();
    for (int i = 0; i < f->graphs.count; i++)
        json_array_append_new(graphs, json_pack("{s:s, s:I, s:I}", "name", f->graphs.at[i].name, "candidates",
                                                (json_int_t)f->graphs.at[i].candidates, "kept",
                                                (json_int_t)f->graphs.at[i].kept));
    json_object_set_new(j, "graphs", graphs);
    json_object_set_new(j, "parameters", json_integer((json_int_t)f->parameters));
    if (f->model->settings) json_object_set(j, "settings", f->model->settings);
    return text_of(f->model->perm, j);
}
