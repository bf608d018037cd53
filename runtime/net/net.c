/* net.c: steps of training and inference. See net.h. Building is in net_build.c. */
#include "net/blas.h"
#include "common/plural.h"
#include "net/declared.h"
#include "net/net_private.h"
#include "net/slots.h"
#include "common/product.h"
#include "net/profile.h"
#include "common/simd.h"
#include "common/thread.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- state ---- */

int net_tensor_count(const Net *n)
{
    return n->tensor_count;
}
const NetTensor *net_tensor(const Net *n, int i)
{
    return &n->tensors[i];
}
int net_graph_count(const Net *n)
{
    return n->graph_count;
}
int64_t net_outputs(const Net *n)
{
    return n->outputs;
}

NetGraphInfo net_graph(const Net *n, int i)
{
    const NetGraph *g = &n->graphs[i];
    NetGraphInfo info = {.name = g->name};
    for (int i = 0; i < g->list_count; i++) {
        const NetList *l = &n->lists[g->first_list + i];
        info.any = info.any || (l->declared && l->declared->used != NO_FUNCTION);
        if (l->rule.bf16)
            info.products =
                product_bf16_available() ? "bfloat16" : "float, for want of bfloat16 on this processor";
    }
    for (int b = 0; b < g->bundle_count; b++) {
        const NetBundle *u = &n->bundles[g->first_bundle + b];
        info.candidates += u->legal.count;
        for (int64_t c = 0; c < u->candidates.count; c++) info.kept += u->kept[c];
    }
    return info;
}

/* As it is written behind `using`; NULL: all candidates are in use, and no rule chooses. */
static json_t *rule_text(const NetList *l)
{
    const EdgeRule *r = &l->rule;
    if (l->declared) return json_string(l->declared->text);
    if (l->budget.form == KEEP_ALL) return NULL;
    if (r->kind == RULE_SAMPLE || (r->refresh == 1 && r->positions == 1 && !r->bf16))
        return json_string(contract_text(CONTRACT_RuleKind, (int)r->kind));
    return json_sprintf("dnw(refresh = %lld, positions = 1/%lld, bf16 = %s)", (long long)r->refresh,
                        (long long)r->positions, r->bf16 ? "true" : "false");
}

json_t *net_graph_lists(const Net *n, int i)
{
    json_t *lists = json_object();
    for (int l = 0; l < n->graphs[i].list_count; l++) {
        const NetList *list = &n->lists[n->graphs[i].first_list + l];
        json_t *rule = rule_text(list);
        if (!rule) continue;
        json_object_set_new(lists, list->name,
                            json_pack("{s:o*, s:I, s:I, s:o}", "groups", net_group_table(n, list),
                                      "candidates", (json_int_t)list->candidates, "kept",
                                      (json_int_t)net_list_kept(n, list), "rule", rule));
    }
    if (json_object_size(lists)) return lists;
    json_decref(lists);
    return NULL;
}

int64_t net_parameters(const Net *n)
{
    int64_t total = 0;
    for (int i = 0; i < n->param_count; i++) total += n->params[i].learned ? n->params[i].size : 0;
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        int64_t unused = b->line.slots ? b->line.slots - b->candidates.count : 0;
        for (int64_t c = 0; c < b->candidates.count; c++) unused += !b->kept[c];
        for (int w = 0; w < b->line.weight_count && unused; w++)
            if (b->weights[w]->learned) total -= unused * net_components(b, b->weights[w]);
    }
    return total - net_tied_again(n);
}

int64_t net_list_kept(const Net *n, const NetList *l)
{
    int64_t kept = 0;
    for (int k = 0; k < l->bundle_count; k++) {
        const NetBundle *b = &n->bundles[l->first_bundle + k];
        for (int64_t c = 0; c < b->candidates.count; c++) kept += b->kept[c];
    }
    return kept;
}

const char *net_above_budget(const Net *n, double epoch)
{
    for (int i = 0; i < n->list_count; i++) {
        const NetList *l = &n->lists[i];
        const bool all = l->declared && l->declared->start_all;
        if (all && net_units_kept(n, l) > declared_budget(l, epoch)) return l->name;
    }
    return NULL;
}

bool net_marks_fit(const Net *n, const NetList *l, RtError *e)
{
    const int64_t kept = net_list_kept(n, l), most = net_most_kept(l);
    if (kept <= most) return true;
    return rt_fail(e, RT_BAD_INPUT, "'%s' has %lld edge%s in use where its budget allows %lld", l->name,
                   (long long)kept, plural(kept, "s"), (long long)most);
}

bool net_reload(Net *n, bool kept_given, RtError *e)
{
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        for (int k = 0; k < l->bundle_count && kept_given; k++)
            if (n->bundles[l->first_bundle + k].line.slots &&
                !slots_load(&n->bundles[l->first_bundle + k], e))
                return false;
        if (!net_marks_fit(n, l, e) || (kept_given && !net_groups_fit(n, l, e))) return false;
        if (kept_given && l->declared && l->declared->redistributes)
            l->declared->moved = net_list_kept(n, l) - budget_now(&l->budget, net_units(l), 0);
        l->chosen = kept_given && (l->declared || l->rule.kind == RULE_SAMPLE || l->budget.form == KEEP_ALL);
    }
    if (!kept_given) choose_edges(n, 1e300);
    for (int i = 0; i < n->list_count; i++) learn_lists(n, &n->lists[i]);
    for (int i = 0; i < n->bundle_count; i++) n->bundles[i].changed = true;
    edges_rebuild(n);
    return net_fields(n) || rt_fail(e, RT_SYSTEM, "not enough memory to start");
}

void net_choose(Net *n, double epoch)
{
    choose_edges(n, epoch);
    for (int i = 0; i < n->list_count; i++)
        if (n->lists[i].declared && n->lists[i].declared->used != NO_FUNCTION)
            forward_choose(n, &n->lists[i], 0);
    edges_rebuild(n);
}

/* ---- update ---- */

enum { CHUNK = 1 << 16 }; /* elements of one piece of work */

RT_CLONES static double square_sum(const float *x, int64_t count)
{
    double part[8] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++) part[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < count; i++) part[0] += (double)x[i] * (double)x[i];
    for (int k = 0; k < 8; k++) sum += part[k];
    return sum;
}

/* Without weights that have old gradients (NetParam). */
static void norm_chunk(void *net, int64_t c)
{
    const Net *n = net;
    const float *grad = n->grad;
    const int64_t end = (c + 1) * CHUNK < n->param_total ? (c + 1) * CHUNK : n->param_total;
    double *part = n->scratch, sum = 0;
    int64_t at = c * CHUNK;
    for (const NetParam *p = n->params; p < n->params + n->param_count && at < end; p++) {
        if (!p->old_gradients) continue;
        const int64_t first = p->offset, after = first + p->size;
        if (after <= at || first >= end) continue;
        if (first > at) sum += square_sum(grad + at, first - at);
        at = after < end ? after : end;
    }
    part[c] = sum + square_sum(grad + at, end - at);
}

/* Of the candidates of a line that move. */
static double moved_square_sum(const Net *n, const NetBundle *b, const NetParam *p)
{
    const float *grad = (const float *)n->grad + p->offset;
    const NetLearners l = net_learners(b);
    double sum = 0;
    for (uint32_t i = 0; i < l.row[b->candidates.targets]; i++) {
        const double g = (double)grad[net_learner(l, i)];
        sum += g * g;
    }
    return sum;
}

/* Sum of squares of the gradients of all that moves, in fixed order; not finite when one of them is not. */
static double gradient_norm(Net *n)
{
    int64_t chunks = (n->param_total + CHUNK - 1) / CHUNK;
    double *part = n->scratch, sum = 0;
    thread_share(n->options.threads, chunks, norm_chunk, n);
    for (int64_t c = 0; c < chunks; c++) sum += part[c];
    for (const NetBundle *b = n->bundles; b < n->bundles + n->bundle_count; b++)
        for (int w = 0; w < b->line.weight_count; w++)
            if (b->weights[w]->old_gradients) sum += moved_square_sum(n, b, b->weights[w]);
    return sum - net_tied_squares(n);
}

static void clamp_params(Net *n)
{
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        for (int64_t k = 0; p->clamped && k < p->size; k++) {
            float *w = &n->weights[p->offset + k];
            *w = *w < (float)p->low ? (float)p->low : *w > (float)p->high ? (float)p->high : *w;
        }
    }
}

typedef struct Move {
    const Net *n;
    const NetParam *p;
    NetUpdate update;
} Move;

static void move_chunk(void *job, int64_t c)
{
    const Move *m = job;
    const Net *n = m->n;
    int64_t at = m->p->offset + c * CHUNK, left = m->p->size - c * CHUNK, count = left < CHUNK ? left : CHUNK;
    const OptimRange here = net_range(n, at, (const float *)n->grad + at);
    const OptimStep step = net_step_of(n, m->p, &m->update);
    optim_update(n->options.optim, count, &here, &step);
}

/* All learned parameters, or all but the edges, which were updated as their gradients were made. */
static void update(Net *n, bool edges, double lr, int64_t step, double scale)
{
    Move m = {.n = n, .update = {lr, step, scale}};
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = m.p = &n->params[i];
        bool now = p->learned && !p->of_used && (edges || !p->edges || p->rounds);
        if (now) thread_share(n->options.threads, (p->size + CHUNK - 1) / CHUNK, move_chunk, &m);
    }
    gradient_move_used(n, edges, &m.update);
    clamp_params(n);
    for (int i = 0; i < n->list_count; i++) net_tie_weights(n, &n->lists[i]);
}

/* ---- steps ---- */

static const float *tile_row(const Net *n, int64_t tile, int64_t row)
{
    return (const float *)n->context.tiles + tile * n->context.tile_stride + row * n->lanes;
}

/* The numbers of `count` nodes, without the gaps between them. */
static bool finite_blocks(const float *first, int64_t count, int64_t block, int64_t step)
{
    if (step == block) return net_all_finite(first, count * block);
    for (int64_t i = 0; i < count; i++)
        if (!net_all_finite(first + i * step, block)) return false;
    return true;
}

/* Gradients of graphs that go backwards in rounds are there already. */
static bool looked_at(const Net *n, const NetBundle *b)
{
    return b->rows.target >= 0 && gradient_of_round(n, b, -1);
}

static bool finite_edges(const Net *n, int bundle, int64_t tile)
{
    bool finite = true;
    NodeRows rows[2];
    for (int64_t k = 0; k < flow_pairs(n, &n->bundles[bundle], tile) && finite; k++) {
        int count = gradient_rows(n, bundle, looked_at, tile, k, rows);
        for (int i = 0; i < count && finite; i++)
            finite =
                finite_blocks(tile_row(n, tile, rows[i].row), rows[i].nodes, rows[i].block, rows[i].step);
    }
    return finite;
}

typedef struct Finite {
    const Net *n;
    _Atomic bool all;
} Finite;

static void finite_tile(void *job, int64_t tile)
{
    Finite *f = job;
    for (int i = 0; i < f->n->bundle_count && f->all; i++)
        if (looked_at(f->n, &f->n->bundles[i]) && !finite_edges(f->n, i, tile)) f->all = false;
}

/* What the gradients of edges are made of: the values of sources and the gradients of targets' sums. */
static bool finite_rows(const Net *n, int64_t tiles)
{
    Finite f = {n, true};
    thread_share(n->param_total * tiles > 1 << 14 ? n->options.threads : 1, tiles, finite_tile, &f);
    return f.all;
}

/* ---- training ---- */

static double lap(Net *n, int kind, double since)
{
    double now = net_clock();
    n->timer[kind].seconds += now - since, n->timer[kind].calls++;
    return now;
}

/* Gradients all first, when their norm decides how far to go. */
static bool stored_update(Net *n, int64_t tiles, double lr, int64_t step)
{
    double start = net_clock(), clip = n->options.optim->clip;
    gradient_edges(n, tiles, NULL);
    start = lap(n, TIME_EDGES, start);
    double norm = sqrt(gradient_norm(n));
    if (!isfinite(norm)) return false;
    update(n, true, lr, step, clip > 0 && norm > clip ? clip / norm : 1);
    lap(n, TIME_UPDATE, start);
    return true;
}

static bool fused_update(Net *n, int64_t tiles, double lr, int64_t step)
{
    double start = net_clock();
    if (!finite_rows(n, tiles) || net_bad_param(n, n->grad, false)) return false;
    gradient_edges(n, tiles, &(NetUpdate){lr, step, 1});
    start = lap(n, TIME_EDGES, start);
    update(n, false, lr, step, 1);
    lap(n, TIME_UPDATE, start);
    return true;
}

bool net_first_gradients(Net *n, const NetBatch *batch, NetStep *r)
{
    const int64_t tiles = (batch->count + n->lanes - 1) / n->lanes, wanted = n->ahead.wanted;
    n->ahead.wanted = 0; /* the samples of this step are needed once more */
    edges_rebuild(n);
    const double loss = net_run(n, &n->train, batch, 0, NULL);
    if (flow_failed(n, tiles, false, r)) return false;
    net_stage(n, n->train.gradients, &n->context, 0);
    gradient_edges(n, tiles, NULL);
    n->ahead.wanted = wanted;
    if (isfinite(loss) && isfinite(gradient_norm(n))) return true;
    return net_describe_bad(n, batch, tiles, r), false;
}

/* Events before the first step that read gradients have those of the first batch. */
static bool first_events(Net *n, const NetBatch *batch, NetStep *r)
{
    if (!events_before(n, 0)) return true;
    if (!net_first_gradients(n, batch, r)) return false;
    const int64_t swapped = events_first(n, r->bad, sizeof r->bad);
    r->swapped += swapped, r->by_rule = swapped < 0;
    return swapped >= 0;
}

NetStep net_train_step(Net *n, NetSamples samples, NetPosition at)
{
    NetStep r = {0};
    n->at = at;
    NetBatch batch = net_train_batch(samples.data, samples.split, samples.order, samples.count, at.epoch);
    int64_t tiles = (samples.count + n->lanes - 1) / n->lanes;
    if (!ahead_begin(n, &batch, &r)) return r;
    double start = net_clock();
    r.swapped = choose_edges(n, at.epoch);
    if (*n->begin_bad) return r.by_rule = true, snprintf(r.bad, sizeof r.bad, "%s", n->begin_bad), r;
    if (at.step == 0 && !first_events(n, &batch, &r)) return r;
    events_before(n, at.step + 1);
    edges_rebuild(n);
    lap(n, TIME_CHOOSE, start);
    r.loss = net_run(n, &n->train, &batch, at.step, &r.correct), r.judged = net_judged(n, &batch);
    net_take_costs(n);
    r.flow = flow_counts(n, tiles);
    if (flow_failed(n, tiles, false, &r)) return r;
    net_stage(n, n->train.gradients, &n->context, 0);
    r.finite = isfinite(r.loss) && (net_stores_gradients(n) ? stored_update(n, tiles, at.lr, at.step)
                                                            : fused_update(n, tiles, at.lr, at.step));
    if (!r.finite) return net_describe_bad(n, &batch, tiles, &r), r;
    net_stage(n, n->train.updates, &n->context, 0);
    n->rate = at.lr;
    if (n->options.events_apart) return r;
    int64_t swapped = events_after(n, at.step + 1, r.bad, sizeof r.bad);
    r.finite = swapped >= 0, r.by_rule = swapped < 0, r.swapped += swapped;
    return r;
}

NetStep net_eval_step(Net *n, const Data *data, const DataSplit *split, int64_t first, int64_t count)
{
    NetBatch batch = {.data = data, .split = split, .first = first, .count = count};
    NetStep r = {0};
    if (split->pictures && !ahead_begin(n, &batch, &r)) return r;
    r.loss = net_run(n, &n->infer, &batch, 0, &r.correct) / (double)count, r.judged = net_judged(n, &batch);
    if (!flow_failed(n, (count + n->lanes - 1) / n->lanes, false, &r))
        r.finite = net_result_finite(n, &batch, &r);
    return r;
}

bool net_predict(Net *n, const float *input, int64_t count, float *output, RtError *e)
{
    NetBatch batch = {.input = input, .count = count};
    NetStep step = {0};
    net_run(n, &n->infer, &batch, 0, NULL);
    bool failed = flow_failed(n, (count + n->lanes - 1) / n->lanes, count == 1, &step);
    if (failed) return net_step_failed(&step, "", e);
    for (int64_t s = 0; s < count; s++)
        for (int64_t i = 0; i < n->outputs; i++) {
            const float *tile = (const float *)n->context.tiles + s / n->lanes * n->context.tile_stride;
            output[s * n->outputs + i] = tile[(n->infer.output_row + i) * n->lanes + s % n->lanes];
        }
    return true;
}

/* Gradients of candidates are made at the end, or, where a graph goes backwards in rounds, on the way. */
static int row_stage(const Net *n, int64_t row)
{
    int64_t bundle = row - profile_edges(0);
    if (row == profile_ahead()) return TIME_EDGES;
    if (bundle < 0 || bundle >= n->bundle_count) return TIME_TILES;
    const DnwrtTime *time = n->times ? &n->times[n->bundles[bundle].line.graph] : NULL;
    return time && (time->saved || time->adjoint) ? TIME_TILES : TIME_EDGES;
}

/* The lines of a stage, which together are its seconds times the threads. */
static json_t *stage_lines(const Net *n, int stage)
{
    json_t *lines = json_array();
    double left = n->timer[stage].seconds * n->options.threads, clock = 0;
    for (int64_t row = 0; row < profile_rows(); row++) {
        if (row_stage(n, row) != stage) continue;
        json_t *both[] = {profile_line(row), profile_wait_line(row)};
        for (int i = 0; i < 2; i++) {
            if (!both[i]) continue;
            left -= json_number_value(json_object_get(both[i], "seconds"));
            json_array_append_new(lines, both[i]);
        }
        clock += profile_clock_cost(row);
    }
    json_array_append_new(lines, json_pack("{s:s, s:f}", "what", "reading the clock", "seconds", clock));
    const char *rest = n->options.threads > 1 ? "other, by one thread" : "other";
    json_array_append_new(lines, json_pack("{s:s, s:f}", "what", rest, "seconds", left - clock));
    return lines;
}

json_t *net_profile(const Net *n)
{
    static const char *const names[] = {"choose edges", "forward and backward", "sums over tiles",
                                        "candidate gradients", "update"};
    json_t *all = json_array();
    for (int i = 0; i < TIME_KINDS; i++) {
        json_t *stage = json_pack("{s:s, s:f, s:I}", "stage", names[i], "seconds", n->timer[i].seconds,
                                  "calls", (json_int_t)n->timer[i].calls);
        if (profile_is_open() && (i == TIME_TILES || i == TIME_EDGES))
            json_object_set_new(stage, "lines", stage_lines(n, i));
        json_array_append_new(all, stage);
    }
    return all;
}
