/* manifest.c: Ir and stage numbers -> JSON. See manifest.h. */
#include "target/manifest.h"
#include "common/hash.h"
#include "ir/op.h"
#include "ir/predicate.h"
#include "layout/layout.h"
#include "layout/live.h"
#include "layout/params.h"
#include "layout/timed_rows.h"
#include "target/manifest_rule.h"

static NetParam param_record(Tensor *p)
{
    const bool whole = p->stored == p->size;
    return (NetParam){.name = p->name,
                      .shape = whole ? p->shape.dim : &p->stored,
                      .rank = whole ? p->shape.rank : 1,
                      .size = p->stored,
                      .offset = p->place,
                      .learned = p->learned,
                      .lr = p->lr,
                      .decay = p->decay,
                      .init = tensor_init(p),
                      .clamped = p->clamped,
                      .low = p->low,
                      .high = p->high,
                      .tied = p->tied};
}

static NetSet set_record(Arena *perm, const Graph *g, const NodeSet *s)
{
    NetSet r = {.name = s->name,
                .wiring = set_wiring(s),
                .norms = NEW_ARRAY(perm, NetNorm, (size_t)s->cell.norms.count + 1),
                .norm_count = s->cell.norms.count,
                .moves = s->states > 0,
                .states = s->states,
                .first_state = s->rows.state,
                .state_pixels = s->state_pixels,
                .first = s->rows.value,
                .value_pitch = s->rows.value_pitch,
                .pixels = s->pixels,
                .value_pixels = s->value_pixels,
                .positions = graph_copies(g),
                .sized = s->part || g->part,
                .point = s->point};
    for (int i = 0; i < r.norm_count; i++) {
        const Norm *n = &s->cell.norms.at[i];
        r.norms[i] = (NetNorm){n->first, n->pixels, n->evaluations};
    }
    return r;
}

static EdgeRows edge_rows(const Value *wired, const Value *back, const Graph *g, const Bundle *u)
{
    const NodeSet *from = &g->sets.at[u->from], *to = &g->sets.at[u->to];
    const int64_t sum = to->rows.sum + u->port * set_port_rows(to);
    EdgeRows r = {.target = back ? back->rows + sum : -1,
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
    if (back) r.target = back->rows + (r.plain ? t.back_output : sum);
    r.target_step = r.plain ? set_rows(to) : g->sum_rows;
    r.own = wired->rows + t.values + t.sent + to->rows.value, r.own_step = t.evaluation;
    return r;
}

EdgeRows manifest_edge_rows(const Ir *ir, const Graph *g, const Bundle *u)
{
    const Value *wired = func_find_wired(ir->train, g, IR_WIRED),
                *back = func_find_wired(ir->train, g, IR_WIRED_BACK);
    return wired && !edges_fixed(u) ? edge_rows(wired, back, g, u) : (EdgeRows){.source = -1, .target = -1};
}

static bool same_rule(const EdgeList *a, const EdgeList *b)
{
    return a->rule.refresh == b->rule.refresh && a->rule.positions == b->rule.positions &&
           a->rule.bf16 == b->rule.bf16 && a->declared == b->declared;
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

/* Is anything carried back to its sources? Not to an input whose gradient nobody wants. */
static bool goes_back(const Ir *ir, const Graph *g, const Bundle *u)
{
    bool held = !is_timed(g) && u->from == g->input && g->sets.at[u->from].outside;
    return !held || u->edge || func_find_wired(ir->train, g, IR_WIRED_INPUT);
}

static LineRecord line_record(const Ir *ir, const Graph *g, int bundle)
{
    const Bundle *u = &g->bundles.at[bundle];
    const NodeSet *to = &g->sets.at[u->to];
    LineRecord l = {.name = arena_printf(ir->perm, "%s.edges.%d", g->name, bundle),
                    .graph = g->number,
                    .from = u->from,
                    .to = u->to,
                    .port = to->ports.count ? to->ports.at[u->port] : "",
                    .list = u->list,
                    .kind = manifest_edge_kind(ir, g, bundle),
                    .pixels = g->sets.at[u->to].pixels,
                    .candidates = u->candidates.count,
                    .weights = NEW_ARRAY(ir->perm, int, (size_t)u->weights.count + 1),
                    .decides = u->weight ? u->weight->number : -1,
                    .function = u->edge != NULL,
                    .costs = u->costs != NULL,
                    .back = goes_back(ir, g, u),
                    .stays = edges_stay(g, u),
                    .of_used = edges_of_used(g, u),
                    .slots = edges_slots(g, u),
                    .dots = edges_with_dots(g, u),
                    .live_first = u->live_first,
                    .live_last = live_last(g, u)};
    for (int i = 0; i < u->weights.count; i++) l.weights[l.weight_count++] = u->weights.at[i]->number;
    return l;
}

/* Another list of candidates, or other first weights, are another program. */
static int64_t given_hash(const Bundle *u)
{
    const Candidates *c = &u->candidates;
    uint64_t h = hash_start;
    if (!u->given) return 0;
    for (int64_t t = 0; t < c->targets; t++) {
        CandidateRun run;
        for (int64_t r = 0; candidates_run(c, t, r, &run); r++) h = hash_bytes(h, &run, sizeof run);
    }
    for (int w = 0; w < u->weights.count; w++)
        if (u->weights.at[w]->init.kind == INIT_GIVEN)
            h = hash_bytes(h, u->weights.at[w]->init.given, (size_t)c->count * sizeof(float));
    return (int64_t)(h >> 1 | 1);
}

static EdgesRecord edges_record(const Ir *ir, const Graph *g, int bundle, const Stages *stages)
{
    const Bundle *u = &g->bundles.at[bundle];
    EdgesRecord r = {.line = line_record(ir, g, bundle),
                     .rows = manifest_edge_rows(ir, g, u),
                     .stages = {-1, -1, -1, u->edge ? place_candidate_rows(u->edge, ir->model->lanes) : 0},
                     .group = u->group,
                     .tie = u->tie,
                     .condition = {.uses_to = (int)u->uses_to,
                                   .uses_from = (int)u->uses_from,
                                   .pairwise = u->pairwise,
                                   .given = given_hash(u)}};
    if (u->predicate) r.condition.steps = predicate_steps(ir->perm, u->predicate, &r.condition.step_count);
    if (!ir->train) return r;
    const int *job = stages->train.edges.at[g->first_bundle + bundle].job;
    r.stages.gradients = job[CANDIDATE_GRADIENTS], r.stages.statistics = job[CANDIDATE_STATISTICS];
    r.stages.statistics_back = job[CANDIDATE_STATISTICS_BACK];
    return r;
}

/* Of groups that differ in size. */
static int64_t most_kept(const EdgeList *l)
{
    const EdgeBudget *b = &l->budget;
    if (!l->groups) return 0;
    return groups_most(l->groups, b->form == KEEP_ANNEAL && b->start > b->keep
                                      ? b->start
                                      : budget_now(b, l->groups->count, 1e300));
}

/* Without its number of lines. */
static NetList list_record(const Model *m, const Graph *g, int list)
{
    const EdgeList *l = &g->lists.at[list];
    return (NetList){.name = l->together ? arena_printf(m->perm, "%s.edges", m->name) : l->name,
                     .budget = l->budget,
                     .rule = l->rule,
                     .declared = l->declared ? manifest_rule(m->perm, l->declared, l->kept) : NULL,
                     .candidates = list_candidates(l),
                     .score = l->score,
                     .key = l->groups ? l->key : "",
                     .most_kept = most_kept(l),
                     .shares = l->shared ? l->shares : "",
                     .most_tied = l->ties ? groups_most(l->ties, 1) : 0,
                     .first_bundle = g->first_bundle + list_first(g, list)};
}

/* Without its place among the lists of all graphs. */
static NetGraph graph_record(const Ir *ir, const Graph *g, const Stages *stages)
{
    const Value *wired = func_find_wired(ir->train, g, IR_WIRED);
    NetGraph r = {.name = g->name,
                  .input = g->input,
                  .output = g->output,
                  .chance_seed = (int64_t)g->chance_seed,
                  .time = timed_record(g),
                  .sets = NEW_ARRAY(ir->perm, NetSet, (size_t)g->sets.count + 1),
                  .set_count = g->sets.count,
                  .first_bundle = g->first_bundle,
                  .bundle_count = g->bundles.count,
                  .list_count = g->lists.count,
                  .value_row = -1,
                  .held_row = -1,
                  .taps = g->taps,
                  .remake = ir->train ? stages->train.remake.at[g->number] : -1};
    for (int s = 0; s < g->sets.count; s++) r.sets[s] = set_record(ir->perm, g, &g->sets.at[s]);
    if (!wired) return r;
    r.value_row = wired->rows + (is_timed(g) ? timed_rows(g).values : 0);
    r.held_row = wired->args[0]->address;
    return r;
}

static void add_graphs(NetRecord *n, const Ir *ir, const Stages *stages)
{
    const Model *m = ir->model;
    size_t lists = 1, bundles = 1;
    for (int i = 0; i < m->graphs.count; i++)
        lists += (size_t)m->graphs.at[i]->lists.count, bundles += (size_t)m->graphs.at[i]->bundles.count;
    n->graphs = NEW_ARRAY(ir->perm, NetGraph, (size_t)m->graphs.count + 1);
    n->lists = NEW_ARRAY(ir->perm, NetList, lists);
    n->bundles = NEW_ARRAY(ir->perm, EdgesRecord, bundles);
    for (int i = 0; i < m->graphs.count; i++) {
        const Graph *g = m->graphs.at[i];
        NetGraph *r = &n->graphs[n->graph_count++];
        *r = graph_record(ir, g, stages), r->first_list = list_number(m, g, 0);
        for (int l = 0; l < g->lists.count; l++)
            if (!g->lists.at[l].goes_on) n->lists[n->list_count++] = list_record(m, g, l);
        for (int b = 0; b < g->bundles.count; b++) {
            n->lists[r->first_list + g->bundles.at[b].list].bundle_count++;
            n->bundles[n->bundle_count++] = edges_record(ir, g, b, stages);
        }
    }
    manifest_groups(m, n->lists);
}

static NetLevel level_of(Arena *perm, const PlanLevel *p, const LevelStages *s)
{
    NetLevel l = {.once = s->once,
                  .tile = s->tile,
                  .rounds = p->rounds ? p->rounds->number : -1,
                  .sums = NEW_ARRAY(perm, NetSum, (size_t)p->sums.count + 1)};
    for (int i = 0; i < p->sums.count; i++) {
        const Value *v = p->sums.at[i];
        l.sums[l.sum_count++] = (NetSum){v->partial, v->address, shape_size(v->shape),
                                         v->op == IR_MOMENTS ? moments_numbers(v) : 0};
    }
    if (!p->norms) return l;
    l.norms = NEW(perm, NetNorms);
    *l.norms = (NetNorms){p->norms->graph->number, p->norms->op == IR_WIRED_BACK, p->norms->moments,
                          p->norms->statistics};
    return l;
}

static NetFunc func_record(Arena *perm, const Plan *p, const FuncStages *s)
{
    NetFunc f = {.rows = p->rows,
                 .local_rows = p->local_rows,
                 .partials = p->partials,
                 .shared = p->shared,
                 .input_row = p->input_row,
                 .target_row = p->target_row,
                 .valid_row = p->valid_row,
                 .output_row = p->output_row,
                 .loss = p->loss,
                 .gradients = s->gradients,
                 .updates = s->updates,
                 .edge_costs = s->edge_costs,
                 .filled = NEW_ARRAY(perm, NetFilled, (size_t)p->filled.count + 1),
                 .levels = NEW_ARRAY(perm, NetLevel, (size_t)p->levels.count + 1)};
    for (int i = 0; i < p->filled.count; i++) {
        const Value *v = p->filled.at[i];
        const bool factor = v->op == IR_FACTOR;
        f.filled[f.filled_count++] =
            (NetFilled){factor ? (int)v->index : -1, factor ? -1 : v->graph->first_bundle + (int)v->index,
                        v->op == IR_LEADS, v->address};
    }
    for (int i = 0; i < p->levels.count; i++)
        f.levels[f.level_count++] = level_of(perm, &p->levels.at[i], &s->levels.at[i]);
    return f;
}

static void add_costs(const Ir *ir, NetFunc *train)
{
    const Func *f = ir->train;
    train->costs = NEW_ARRAY(ir->perm, NetCost, (size_t)ir->model->costs.count + 1);
    for (int r = 0; r < f->results.count; r++)
        if (strncmp(f->result_names.at[r], "cost ", 5) == 0)
            train->costs[train->cost_count++] =
                (NetCost){.name = f->result_names.at[r] + 5, .at = f->results.at[r]->address};
}

static json_t *net_json(const Ir *ir, const Stages *stages)
{
    const Model *m = ir->model;
    NetFunc train;
    NetRecord n = {.param_total = m->stored_total,
                   .params = NEW_ARRAY(ir->perm, NetParam, (size_t)m->params.count + 1),
                   .infer = func_record(ir->perm, ir->infer_plan, &stages->infer)};
    for (int i = 0; i < m->params.count; i++) n.params[n.param_count++] = param_record(m->params.at[i]);
    n.rule_reads = NEW_ARRAY(ir->perm, int64_t, (size_t)m->rule_functions.count + 1);
    for (int i = 0; i < m->rule_functions.count; i++)
        n.rule_reads[n.rule_count++] = (int64_t)rule_arguments_read(m->rule_functions.at[i]);
    add_graphs(&n, ir, stages);
    if (ir->train) train = func_record(ir->perm, ir->train_plan, &stages->train), n.train = &train;
    if (ir->train) add_costs(ir, &train);
    return contract_write(CONTRACT_NetRecord, &n);
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
            r.what = arena_printf(m->perm, "%s: candidate gradients %s", graph->name,
                                  line_text(m->perm, graph, u));
            profile_place(p, &r, u->span);
            json_array_append_new(edges, place_json(&r));
        }
    return json_pack("{s:o, s:o}", "rows", rows, "edges", edges);
}

/* What every program says of itself. */
static json_t *head_json(const Model *m, const Target *target)
{
    Arena *a = m->perm;
    ProgramHead h = {.program = m->program,
                     .version = DNW_VERSION,
                     .source = m->source,
                     .directory = m->directory,
                     .model = m->name,
                     .cpu = target->cpu,
                     .lanes = m->lanes,
                     .least_batch = m->least_batch,
                     .input = (int64_t *)m->input.dim,
                     .input_rank = m->input.rank,
                     .output = (int64_t *)m->output.dim,
                     .output_rank = m->output.rank,
                     .options = NEW_ARRAY(a, ProgramOption, (size_t)m->options.count + 1),
                     .target_size = m->target_size,
                     .classes = m->classes,
                     .padded = m->padded,
                     .whole = m->whole,
                     .needs = target->needs.at,
                     .need_count = target->needs.count,
                     .norm_of_samples = m->norm_of_samples};
    for (int i = 0; i < m->options.count; i++) {
        const OptionValue *o = &m->options.at[i];
        h.options[h.option_count++] = (ProgramOption){o->name, o->text, o->help ? o->help : "", o->given};
    }
    return contract_write(CONTRACT_ProgramHead, &h);
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
    json_object_set_new(j, "net", net_json(ir, stages));
    if (ir->profile) json_object_set_new(j, "profile", profile_json(m, ir->profile));
    if (ir->train) json_object_set(j, "settings", m->settings);
    if (ir->train && m->factors) json_object_set(j, "factors", m->factors);
    return text_of(ir->perm, j);
}

const char *manifest_frozen(const Frozen *f, const Target *target)
{
    const FrozenHead h = {f->graphs.at, f->graphs.count, f->parameters};
    json_t *j = head_json(f->model, target);
    json_object_update_new(j, contract_write(CONTRACT_FrozenHead, &h));
    json_object_set_new(j, "macs", json_integer(f->macs));
    if (f->sizes) json_object_set_new(j, "sizes", f->sizes);
    if (f->model->settings) json_object_set(j, "settings", f->model->settings);
    return text_of(f->model->perm, j);
}
