/* net_build.c: manifest -> Net: what there is, how many bytes it takes, allocation. */
#define _GNU_SOURCE
#include "net/blas.h"
#include "net/declared.h"
#include "net/net_private.h"
#include "net/program.h"
#include "common/rng.h"
#include "common/taps.h"
#include "common/thread.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- manifest ---- */

/* A line of edges: its parameters are known. */
static bool read_bundle(Net *n, NetBundle *b, const EdgesRecord *r)
{
    const DnwrtTime *time = &n->times[r->line.graph];
    b->line = r->line, b->rows = r->rows, b->stages = r->stages;
    b->weights = calloc((size_t)r->line.weight_count + 1, sizeof *b->weights);
    for (int i = 0; b->weights && i < r->line.weight_count; i++) {
        b->weights[i] = &n->params[r->line.weights[i]];
        b->weights[i]->edges = true;
        b->weights[i]->rounds = time->saved > 0 || time->adjoint;
    }
    if (r->line.decides >= 0) {
        b->param = &n->params[r->line.decides];
        for (int i = 0; b->weights && i < r->line.weight_count; i++) {
            b->weights[i]->of_used = gradient_of_used(n, b);
            b->weights[i]->old_gradients = b->weights[i]->of_used && net_list_of(n, b)->declared;
        }
    }
    n->functions |= r->line.function;
    int64_t maps = r->stages.maps * n->lanes;
    if (maps > n->edge_maps) n->edge_maps = maps;
    return b->weights != NULL;
}

bool net_read_manifest(Net *n, const json_t *manifest, RtError *e)
{
    NetRecord *r = &n->record;
    if (!contract_read(CONTRACT_NetRecord, json_object_get(manifest, "net"), r, e)) return false;
    ProgramHead h;
    const bool read = contract_read(CONTRACT_ProgramHead, manifest, &h, e);
    n->inputs = program_inputs(&h), n->outputs = program_outputs(&h);
    n->target_size = h.target_size, n->classes = h.classes;
    contract_free(CONTRACT_ProgramHead, &h);
    if (!read) return false;
    n->param_total = r->param_total, n->infer = r->infer;
    if (r->train) n->train = *r->train;
    n->params = r->params, n->param_count = r->param_count;
    n->factors = json_object_get(manifest, "factors");
    n->graphs = r->graphs, n->graph_count = r->graph_count;
    n->lists = r->lists, n->list_count = r->list_count;
    n->bundles = calloc((size_t)r->bundle_count + 1, sizeof *n->bundles);
    n->times = calloc((size_t)n->graph_count + 1, sizeof *n->times);
    bool ok = n->bundles && n->times;
    for (int i = 0; ok && i < n->graph_count; i++) n->times[i] = n->graphs[i].time;
    for (; ok && n->bundle_count < r->bundle_count; n->bundle_count++)
        ok = read_bundle(n, &n->bundles[n->bundle_count], &r->bundles[n->bundle_count]);
    return ok || rt_fail(e, RT_SYSTEM, "not enough memory to start");
}

/* ---- sizes ---- */

int64_t net_most_kept(const NetList *l)
{
    if (l->declared && (l->declared->start_all || l->declared->redistributes)) return l->candidates;
    if (l->score != GROUP_NONE) return l->budget.form == KEEP_ALL ? l->candidates : l->most_kept;
    if (l->budget.form == KEEP_COUNT) return l->budget.keep;
    if (l->budget.form == KEEP_ANNEAL)
        return l->budget.keep > l->budget.start ? l->budget.keep : l->budget.start;
    return l->candidates;
}

/* For gradcheck with room for one edge more, and those that have its weight. */
static int64_t capacity_of(const Net *n, const NetBundle *b)
{
    const NetList *l = &n->lists[n->graphs[b->line.graph].first_list + b->line.list];
    const int64_t most = net_most_kept(l) + (l->most_tied > 1 ? l->most_tied : 1);
    return most <= b->line.candidates ? most : b->line.candidates + 1;
}

/* Rows, the tile's own sums, gradients of edges in use. */
static int64_t own_elements(const Net *n, const NetFunc *f)
{
    return (f->rows * n->lanes + f->partials + 15) / 16 * 16;
}

/* In some steps at least edges in use have gradients of their own. */
static bool has_used(const Net *n, const NetBundle *b)
{
    return gradient_is_estimate(n, b) || gradient_moves_used(n, b);
}

static int64_t dot_elements(const Net *n, const NetBundle *b)
{
    return b->line.dots && has_used(n, b) ? (capacity_of(n, b) + 15) / 16 * 16 : 0;
}

int64_t net_tile_stride(const Net *n, const NetFunc *f)
{
    int64_t stride = own_elements(n, f);
    for (int i = 0; f == &n->train && i < n->bundle_count; i++) stride += dot_elements(n, &n->bundles[i]);
    return stride;
}

static int64_t dots_at(const Net *n, int bundle)
{
    int64_t at = own_elements(n, &n->train);
    for (int i = 0; i < bundle; i++) at += dot_elements(n, &n->bundles[i]);
    return n->options.training && dot_elements(n, &n->bundles[bundle]) ? at : -1;
}

static int64_t work_elements(const Net *n)
{
    int64_t train = n->options.training ? net_tile_stride(n, &n->train) : 0,
            infer = net_tile_stride(n, &n->infer);
    return n->tiles * (train > infer ? train : infer);
}

int64_t net_local_elements(const Net *n)
{
    int64_t train = n->options.training ? n->train.local_rows : 0, infer = n->infer.local_rows;
    return ((train > infer ? train : infer) * n->lanes + 15) / 16 * 16;
}

static int64_t slot_count(const Net *n)
{
    return n->options.training && n->options.optim ? n->options.optim->slots : 0;
}

/* What terms of declared rules need while they are computed. */
static int64_t term_bytes(const Net *n)
{
    int64_t most = 0;
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
        if (!d || !n->options.training) continue;
        const int64_t bytes[] = {d->reads >> TERM_PATHS3 & 1 ? paths3_bytes(n, b, capacity_of(n, b)) : 0,
                                 d->reads >> TERM_FLOW & 1 ? path_flow_bytes(n, b->line.graph) : 0};
        for (int k = 0; k < 2; k++) most = bytes[k] > most ? bytes[k] : most;
    }
    return most;
}

static int64_t scratch_elements(const Net *n)
{
    int64_t blocks = (int64_t)n->options.threads * gradient_scratch(n), chunks = n->param_total / 65536 + 16;
    const int64_t terms = term_bytes(n) / n->real_size + 1, most = blocks > 2 * chunks ? blocks : 2 * chunks;
    return most > terms ? most : terms;
}

static bool has_ties(const Net *n, const NetList *l)
{
    return l->bundle_count > 0 && n->record.bundles[l->first_bundle].tie.part_count > 0;
}

bool net_stores_gradients(const Net *n)
{
    const NetOptions *o = &n->options;
    const bool few = n->param_total * STORED_SHARE <= work_elements(n);
    if (o->training && n->train.edge_costs >= 0) return true;
    for (int i = 0; i < n->list_count && o->training; i++)
        if ((n->lists[i].declared && declared_stores(n->lists[i].declared)) || has_ties(n, &n->lists[i]))
            return true;
    return o->f64 || (o->training && (o->gradients || o->optim->clip > 0 || n->functions || few));
}

/* Rows are rounded where gradients read them: at most all. */
static bool rounds_factors(const Net *n)
{
    bool rounds = false;
    for (int i = 0; i < n->bundle_count; i++) rounds |= gradient_bf16(n, &n->bundles[i]);
    return rounds && n->options.training;
}

static int64_t rounded_bytes(const Net *n)
{
    return work_elements(n) * (int64_t)sizeof *n->rounded;
}

/* Values that all samples share: statistics of batch_norm grow with nodes and candidates. */
static int64_t shared_elements(const Net *n)
{
    return n->infer.shared > n->train.shared ? n->infer.shared : n->train.shared;
}

/* Candidates that are compared at once: all of lists whose nodes have a budget each. */
static int64_t most_compared(const Net *n)
{
    int64_t most = CHOOSE_ROOM;
    for (int i = 0; i < n->list_count; i++) {
        const NetList *l = &n->lists[i];
        const bool all =
            l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT || l->score != GROUP_NONE;
        if (all && l->candidates > most) most = l->candidates;
    }
    return most;
}

/* Without weights, which are counted with all others. */
static int64_t bundle_bytes(const Net *n, const NetBundle *b)
{
    const EdgeFacts f = {.arrays = declared_arrays(net_list_of(n, b)->declared, b->line.slots > 0),
                         .alone = b->line.slots > 0,
                         .back = b->line.back,
                         .explored = events_explored_words(n, b) > 0,
                         .gradients = has_used(n, b),
                         .real = n->real_size};
    const EdgeBytes bytes = edge_bytes(&f);
    const int64_t most = capacity_of(n, b), learners = 12 * (learn_capacity(n, b, most) - most);
    return learners + (int64_t)(bytes.candidate * (double)b->line.candidates + bytes.edge * (double)most);
}

/* Everything that grows with the net or the batch. */
static int64_t needed_bytes(const Net *n)
{
    int64_t r = n->real_size, bytes = n->param_total * 4 * (1 + slot_count(n));
    if (net_stores_gradients(n)) bytes += n->param_total * r;
    if (n->options.f64) bytes += n->param_total * r;
    for (int i = 0; i < n->bundle_count; i++) bytes += bundle_bytes(n, &n->bundles[i]);
    for (int i = 0; i < n->param_count && !net_stores_gradients(n) && n->options.training; i++)
        if (n->params[i].rounds) bytes += n->params[i].size * r;
    for (int i = 0; i < n->list_count; i++) bytes += net_group_bytes(n, &n->lists[i]);
    bytes += flow_bytes(n);
    bytes += most_compared(n) * CHOOSE_BYTES;
    if (rounds_factors(n)) bytes += rounded_bytes(n);
    bytes += ahead_bytes(n);
    return bytes + (work_elements(n) + net_local_elements(n) * n->options.threads + scratch_elements(n) +
                    shared_elements(n)) *
                       r;
}

static void set_options(Net *n, const DnwrtProgram *p, const NetOptions *o)
{
    n->program = p, n->options = *o;
    n->real_size = o->f64 ? 8 : 4;
    n->lanes = p->lanes;
    n->batch = o->batch, n->tiles = (o->batch + n->lanes - 1) / n->lanes;
}

int64_t net_bytes(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o)
{
    RtError e;
    Net *n = calloc(1, sizeof *n);
    if (!n) return 0;
    set_options(n, p, o);
    int64_t bytes = net_read_manifest(n, manifest, &e) ? needed_bytes(n) : 0;
    net_free(n);
    return bytes;
}

static int64_t available_bytes(void)
{
    long long kilobytes = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %lld kB", &kilobytes) == 1) break;
    if (f) fclose(f);
    return kilobytes ? kilobytes * 1024 : INT64_MAX;
}

/* ---- wiring ---- */

static bool allocate_edge_rows(Net *n, NetBundle *b)
{
    const DnwrtTime *t = &n->times[b->line.graph];
    int64_t rows = n->tiles * (t->stages ? t->window * t->stages : 1);
    b->candidate_back = malloc((size_t)b->capacity * 4);
    b->tile_first = calloc((size_t)n->tiles + 1, sizeof *b->tile_first);
    b->tile_rows = calloc((size_t)rows + 1, sizeof *b->tile_rows);
    return b->candidate_back && b->tile_first && b->tile_rows;
}

/* Where each source begins, if these are taps; false: no memory. */
static bool place_taps(const Net *n, NetBundle *b)
{
    const NetGraph *g = &n->graphs[b->line.graph];
    if (!has_taps(&g->taps) || b->line.from != g->input) return true;
    b->first = malloc(((size_t)b->candidates.sources + 1) * sizeof *b->first);
    if (b->first) taps_firsts(&g->taps, b->candidates.sources, b->first);
    return b->first;
}

static bool allocate_bundle(Net *n, int i)
{
    NetBundle *b = &n->bundles[i];
    b->capacity = capacity_of(n, b);
    size_t c = (size_t)b->capacity, r = (size_t)n->real_size;
    b->kept = calloc((size_t)net_stored(b) + 1, 1);
    b->marks = malloc((b->line.slots ? 1 : (size_t)b->candidates.count / 64 + 1) * sizeof *b->marks);
    const int64_t words = events_explored_words(n, b);
    if (words > 0 && !(b->explored = calloc((size_t)words, sizeof *b->explored))) return false;
    b->row = calloc((size_t)b->candidates.targets + 1, 4),
    b->column = calloc((size_t)b->candidates.sources + 1, 4);
    b->target = malloc(c * 4), b->order_back = malloc(c * 4), b->weight_back = malloc(c * r);
    if (b->line.slots) b->source = b->candidates.source;
    else b->source = malloc(c * 4), b->candidate = malloc(c * 4), b->weight = malloc(c * r);
    if (has_used(n, b)) b->used = malloc((size_t)(learn_capacity(n, b, b->capacity) + 1) * sizeof *b->used);
    bool ok = (!b->line.function || allocate_edge_rows(n, b)) && edges_parts(b, n->options.threads) &&
              learn_allocate(n, b) && place_taps(n, b);
    n->wires[i] = (DnwrtWires){b->row,         b->source,    b->weight,         b->column,     b->target,
                               b->weight_back, b->candidate, b->candidate_back, dots_at(n, i), b->first};
    const bool lists = b->line.slots || (b->candidate && b->weight);
    return ok && lists && b->kept && b->marks && b->row && b->column && b->source && b->target &&
           b->order_back && b->weight_back && (b->used || !has_used(n, b));
}

static void number_candidates(Net *n)
{
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        int64_t position = 0;
        for (int k = 0; k < l->bundle_count; k++) {
            NetBundle *b = &n->bundles[l->first_bundle + k];
            b->position = position, b->place = l->stored;
            position += b->legal.count, l->stored += net_stored(b);
        }
    }
}

static bool allocate_keys(Net *n)
{
    int64_t largest = 0;
    n->keys = malloc((size_t)most_compared(n) * CHOOSE_BYTES);
    for (int g = 0; g < n->graph_count; g++)
        for (int i = 0; i < n->graphs[g].set_count; i++)
            largest = n->graphs[g].sets[i].wiring.size > largest ? n->graphs[g].sets[i].wiring.size : largest;
    n->counts = malloc((size_t)(largest + 2) * sizeof *n->counts);
    n->happened = calloc((size_t)events_room(n) + 1, sizeof *n->happened);
    return n->keys != NULL && n->counts != NULL && n->happened != NULL;
}

/* ---- allocation ---- */

/* Large arrays ask for large pages: sums over edges touch another block of rows with every edge, more blocks
 * than the processor remembers small pages. */
static void *aligned(int64_t bytes)
{
    const size_t large = 2 << 20, size = (size_t)bytes + 64;
    void *p = NULL;
    if (posix_memalign(&p, size < large ? 64 : large, size)) return NULL;
    if (size >= large) madvise(p, size, MADV_HUGEPAGE);
    memset(p, 0, (size_t)bytes + 64);
    return p;
}

/* Zeros that take memory only where they are written. */
static void *lazy(int64_t bytes)
{
    void *p = mmap(NULL, (size_t)bytes + 64, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static bool allocate_arrays(Net *n)
{
    int64_t r = n->real_size;
    n->weights = aligned(n->param_total * 4);
    n->param = n->options.f64 ? aligned(n->param_total * 8) : (void *)n->weights;
    n->grad = n->options.training || n->options.f64 ? lazy(n->param_total * r) : NULL;
    for (int i = 0; i < slot_count(n); i++)
        if (!(n->slots[i] = aligned(n->param_total * 4))) return false;
    n->scratch = aligned(scratch_elements(n) * r);
    if (rounds_factors(n)) {
        if (!(n->rounded = lazy(rounded_bytes(n)))) return false;
        madvise(n->rounded, (size_t)rounded_bytes(n), MADV_HUGEPAGE);
    }
    n->context = (DnwrtContext){.param = n->param,
                                .shared = aligned((shared_elements(n) + 1) * r),
                                .tiles = aligned(work_elements(n) * r),
                                .seed = n->options.seed,
                                .wires = n->wires,
                                .order = n->orders,
                                .grad = n->grad,
                                .time = n->times,
                                .local = aligned(net_local_elements(n) * n->options.threads * r)};
    return n->weights && n->param && (n->grad || !n->options.training) && n->scratch && n->context.shared &&
           n->context.tiles && n->context.local;
}

/* Weights of edges in use, which need no other order. */
static void share_weights(Net *n)
{
    for (int i = 0; i < n->bundle_count; i++) {
        NetBundle *b = &n->bundles[i];
        if (b->line.slots) b->weight = (char *)n->param + b->param->offset * n->real_size;
        n->wires[i].weight = b->weight;
    }
}

bool net_allocate(Net *n, RtError *e)
{
    int64_t bytes = needed_bytes(n), there = available_bytes();
    if (bytes > there) {
        rt_fail(e, RT_SYSTEM, "this network needs %lld bytes of memory and %lld are there", (long long)bytes,
                (long long)there);
        return rt_help(e, "fewer candidate edges or a smaller --batch need less");
    }
    n->wires = calloc((size_t)n->bundle_count + 1, sizeof *n->wires);
    n->orders = calloc((size_t)n->graph_count + 1, sizeof *n->orders);
    bool ok = n->wires && n->orders && flow_allocate(n);
    for (int i = 0; ok && i < n->bundle_count; i++) ok = net_wire(n, i) && allocate_bundle(n, i);
    for (int i = 0; ok && i < n->graph_count; i++) ok = net_order(n, i);
    ok = ok && norm_rounds(n);
    if (ok) number_candidates(n);
    ok = ok && net_group_lists(n);
    for (int i = 0; ok && i < n->list_count; i++)
        ok = declared_allocate(n->lists[i].declared, n->lists[i].stored, net_has_slots(n, &n->lists[i]));
    ok = ok && allocate_keys(n) && allocate_arrays(n);
    if (ok) share_weights(n);
    ok = ok && ahead_allocate(n) && net_list_tensors(n);
    return ok || rt_fail(e, RT_SYSTEM, "not enough memory: this network needs %lld bytes", (long long)bytes);
}

/* ---- life ---- */

/* When all else is there: what steps take later, where nothing can be refused any more. */
static bool has_room_for_steps(const Net *n, RtError *e)
{
    if (!n->options.training && !n->options.f64) return true;
    thread_start(n->options.threads);
    return blas_reserve(n->options.threads, e);
}

static const json_t *augment_of(const json_t *manifest)
{
    return json_object_get(json_object_get(manifest, "settings"),
                           contract_text(CONTRACT_TrainSetting, SETTING_AUGMENT));
}

Net *net_new(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o, RtError *e)
{
    Net *n = calloc(1, sizeof *n);
    if (!n) return rt_fail(e, RT_SYSTEM, "not enough memory to start"), NULL;
    set_options(n, p, o);
    bool needs_train = (o->training || o->f64) && !json_object_get(json_object_get(manifest, "net"), "train");
    if (needs_train) rt_fail(e, RT_BAD_INPUT, "the program has no train block");
    bool ok = !needs_train && (!(o->training || o->f64) || blas_open(e)) &&
              net_read_manifest(n, manifest, e) && augment_open(augment_of(manifest), &n->augment, e) &&
              net_allocate(n, e) && has_room_for_steps(n, e);
    if (!ok) return net_free(n), NULL;
    net_draw_weights(n);
    if (o->start && !o->start(n, o->start_context, e)) return net_free(n), NULL;
    for (int i = 0; i < n->list_count; i++) net_tie_weights(n, &n->lists[i]);
    choose_edges(n, 0); /* draws weights, too, of lines with numbers for edges in use alone */
    net_f64_params(n);
    edges_rebuild(n);
    if (net_fields(n)) return n;
    net_free(n);
    return rt_fail(e, RT_SYSTEM, "not enough memory to start"), NULL;
}

void net_free(Net *n)
{
    if (!n) return;
    for (int i = 0; i < n->bundle_count; i++) {
        NetBundle *b = &n->bundles[i];
        if (b->line.slots) candidates_free(&b->candidates), b->source = NULL, b->weight = NULL;
        candidates_free(&b->legal);
        free(b->kept), free(b->explored), free(b->marks), free(b->row), free(b->source), free(b->column),
            free(b->target), free(b->candidate), free(b->order_back), free(b->first);
        free(b->weight), free(b->weight_back), free(b->candidate_back), free(b->weights);
        learn_free(b), free(b->tile_first), free(b->tile_rows), free(b->used), free(b->part_edges),
            free(b->next);
    }
    for (int i = 0; n->lists && i < n->list_count; i++)
        declared_free(n->lists[i].declared), net_group_free(&n->lists[i]);
    net_free_fields(n);
    for (int i = 0; n->graphs && i < n->graph_count; i++) {
        if (n->graphs[i].order) wiring_order_free(n->graphs[i].order);
        free(n->graphs[i].order);
    }
    for (int i = 0; n->orders && i < n->graph_count; i++) free((void *)n->orders[i].set);
    norm_free(n);
    ahead_free(n);
    if (n->param != n->weights) free(n->param);
    if (n->rounded) munmap(n->rounded, (size_t)rounded_bytes(n) + 64);
    if (n->grad) munmap(n->grad, (size_t)(n->param_total * n->real_size) + 64);
    free(n->weights), free(n->slots[0]), free(n->slots[1]), free(n->scratch), free(n->keys), free(n->counts),
        free(n->happened);
    free(n->context.shared), free(n->context.tiles), free(n->context.local), free(n->wires), free(n->orders),
        flow_free(n);
    free(n->bundles), free(n->tensors), contract_free(CONTRACT_NetRecord, &n->record), free(n);
}
