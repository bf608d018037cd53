/* gen_candidate.c: what is done for the candidates of edges with functions, in use or not, which the runtime
 * asks for: candidate by candidate, each through all tiles (gradient_edge.c).
 *
 *   GRADIENTS        of their weights, from those of the targets' sums
 *   STATISTICS       mean and variance of what each batch_norm of the function is given, of the step
 *   STATISTICS_BACK  the gradients of both, over how many numbers they were taken of (grad.h)
 */
#include "gen/gen_edge.h"
#include "kernels/kernel.h"
#include "layout/layout.h"
#include "model/timed.h"
#include <stddef.h>

typedef struct Job {
    GenTile t;
    const Graph *g;
    int bundle;
    const EdgeFn *edge;
    LLVMValueRef job, room; /* room: for one x */
    LLVMValueRef candidate, source, target;
} Job;

static LLVMValueRef job_field(const Job *j, LLVMTypeRef type, size_t offset)
{
    return emit_load(j->t.e, type, emit_bytes(j->t.e, j->job, emit_int(j->t.e, (int64_t)offset)));
}
#define JOB(j, type, name) job_field(j, type, offsetof(DnwrtEdgeJob, name))

static LLVMValueRef long_at(Emit *e, LLVMValueRef list, LLVMValueRef i)
{
    return emit_load(e, e->i64, emit_bytes(e, list, emit_mul(e, i, emit_int(e, 8))));
}

/* ---- evaluations ---- */

/* for each tile { for each evaluation { } } */
typedef struct Walk {
    EmitLoop tiles, evaluations;
    LLVMValueRef first, end; /* evaluations of the tile */
} Walk;

static void begin_tile(Job *j, Walk *w)
{
    Emit *e = j->t.e;
    LLVMValueRef first = JOB(j, e->ptr, first);
    w->tiles = emit_loop(e, JOB(j, e->i64, tiles));
    w->first = long_at(e, first, w->tiles.i);
    w->end = long_at(e, first, emit_add(e, w->tiles.i, emit_int(e, 1)));
}

/* Blocks of nodes at one evaluation, which the job's list of rows tells. */
static GenBlocks listed(Job *j, LLVMValueRef rows, size_t field, int64_t pitch)
{
    Emit *e = j->t.e;
    LLVMValueRef first = emit_load(e, e->i64, emit_bytes(e, rows, emit_int(e, (int64_t)field)));
    LLVMValueRef all = gen_context(e, j->t.context, CONTEXT_TILES, e->ptr);
    return (GenBlocks){emit_element(e, all, first), pitch};
}

/* Rows from one target to the next among gradients of sums: those of a plain output in time are a tensor. */
static int64_t d_pitch(const Graph *g, const Bundle *u)
{
    const NodeSet *to = &g->sets.at[u->to];
    return is_timed(g) && !is_moving(g, u->to) ? to->pixels : to->rows.pitch;
}

/* The row that says which lanes of the tile hold a sample. */
static LLVMValueRef valid_row(Job *j, LLVMValueRef tile)
{
    Emit *e = j->t.e;
    const Value *back = j->t.wired_back;
    if (!back || back->arg_count < 3) return NULL;
    LLVMValueRef all = gen_context(e, j->t.context, CONTEXT_TILES, e->ptr);
    LLVMValueRef stride = gen_context(e, j->t.context, CONTEXT_STRIDE, e->i64);
    LLVMValueRef at = emit_add(e, emit_mul(e, tile, stride), emit_int(e, back->args[2]->address * e->row));
    return emit_element(e, all, at);
}

static LLVMValueRef number_at(Emit *e, LLVMValueRef rows)
{
    return emit_load(e, e->i64, emit_bytes(e, rows, emit_int(e, offsetof(DnwrtEdgeRows, evaluation))));
}

static Ends begin_evaluation(Job *j, Walk *w)
{
    Emit *e = j->t.e;
    const Bundle *u = &j->g->bundles.at[j->bundle];
    const NodeSet *from = &j->g->sets.at[u->from], *to = &j->g->sets.at[u->to];
    w->evaluations = emit_loop(e, emit_sub(e, w->end, w->first));
    LLVMValueRef entry =
                     emit_mul(e, emit_add(e, w->first, w->evaluations.i), emit_int(e, sizeof(DnwrtEdgeRows))),
                 rows = emit_bytes(e, JOB(j, e->ptr, rows), entry);
    GenEdges r = {.g = j->g,
                  .bundle = j->bundle,
                  .source = listed(j, rows, offsetof(DnwrtEdgeRows, source), from->rows.value_pitch)};
    r.own = listed(j, rows, offsetof(DnwrtEdgeRows, own), to->rows.value_pitch);
    r.d = listed(j, rows, offsetof(DnwrtEdgeRows, target), d_pitch(j->g, u));
    r.valid = valid_row(j, w->tiles.i);
    if (is_timed(j->g)) j->t.step = number_at(e, rows);
    return gen_ends(e, &r, j->source, j->target);
}

/* ---- sums over samples ---- */

/* Vectors in which results are added up, lane by lane. */
typedef struct Totals {
    int count;
    LLVMValueRef *lanes;
    CellResult *results;
} Totals;

static Totals totals_of(Emit *e, int count)
{
    Totals t = {count, NEW_ARRAY(e->arena, LLVMValueRef, (size_t)count + 1),
                NEW_ARRAY(e->arena, CellResult, (size_t)count + 1)};
    for (int i = 0; i < count; i++) {
        t.lanes[i] = emit_scratch(e, e->width);
        t.results[i] = (CellResult){RESULT_TOTAL, t.lanes[i]};
    }
    return t;
}

/* at[i] += sum over the tiles of result i of f, tile after tile */
static void add_results(Job *j, const Func *f, const Totals *t, LLVMValueRef *at)
{
    Emit *e = j->t.e;
    Walk w;
    bool again = is_timed(j->g) && j->edge->fn.norms.count; /* statistics are of an evaluation */
    LLVMValueRef *weights = again ? NULL : gen_edge_weights(&j->t, j->edge, f, j->candidate);
    begin_tile(j, &w);
    for (int i = 0; i < t->count; i++) emit_store(e, emit_real(e, 0, true), t->lanes[i]);
    Ends ends = begin_evaluation(j, &w);
    if (again) weights = gen_edge_weights(&j->t, j->edge, f, j->candidate);
    gen_cell_with(&j->t, f, weights, ends.arg, t->results);
    emit_loop_end(e, &w.evaluations);
    for (int i = 0; i < t->count; i++) {
        LLVMValueRef args[2] = {t->lanes[i], emit_int(e, e->width)};
        LLVMValueRef sum = emit_kernel(e, "sum_lanes", e->real, 2, args);
        emit_store(e, LLVMBuildFAdd(e->builder, emit_load(e, e->real, at[i]), sum, ""), at[i]);
    }
    emit_loop_end(e, &w.tiles);
}

/* ---- gradients of weights ---- */

/* Where the gradient of a weight of one candidate stands among those of all parameters. */
static LLVMValueRef gradient_at(Job *j, const Value *w)
{
    Emit *e = j->t.e;
    LLVMValueRef first = emit_mul(e, j->candidate, emit_int(e, w->param->components));
    LLVMValueRef at = emit_add(e, first, emit_int(e, w->param->place + w->index));
    return emit_element(e, gen_context(e, j->t.context, CONTEXT_GRAD, e->ptr), at);
}

static void gradients(Job *j)
{
    Emit *e = j->t.e;
    Totals t = totals_of(e, j->edge->weights.count);
    LLVMValueRef more = LLVMBuildICmp(e->builder, LLVMIntNE, JOB(j, e->i64, more), emit_int(e, 0), "");
    LLVMValueRef *at = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)t.count + 1);
    for (int i = 0; i < t.count; i++) {
        at[i] = gradient_at(j, j->edge->weights.at[i]);
        emit_store(
            e, LLVMBuildSelect(e->builder, more, emit_load(e, e->real, at[i]), emit_real(e, 0, false), ""),
            at[i]);
    }
    add_results(j, j->edge->to_weights, &t, at);
}

/* ---- batch_norm ---- */

/* A number of a norm of the candidate in the shared area, by kind as STATISTIC has them; in time at the
 * evaluation of the job. */
static LLVMValueRef statistic_at(Job *j, const Norm *n, int kind)
{
    Emit *e = j->t.e;
    const Value *v = kind < 2 ? j->t.wired : j->t.wired_back;
    LLVMValueRef at = emit_add(e, j->candidate, emit_int(e, v->statistics + norm_at(n, kind, 0)));
    if (is_timed(j->g))
        at = emit_add(e, at, emit_mul(e, number_at(e, JOB(j, e->ptr, rows)), emit_int(e, n->size)));
    return emit_element(e, gen_context(e, j->t.context, CONTEXT_SHARED, e->ptr), at);
}

static void statistics(Job *j, const Norm *n)
{
    Emit *e = j->t.e;
    Walk w;
    LLVMValueRef joined = emit_scratch(e, 3 * (int)(sizeof(double) / sizeof(float))), x = j->room;
    const Value *result = n->input->results.at[0];
    begin_tile(j, &w);
    Ends ends = begin_evaluation(j, &w);
    LLVMValueRef *weights = gen_edge_weights(&j->t, j->edge, n->input, j->candidate);
    if (result->op == IR_ARG) x = ends.arg[result->index];
    else gen_cell_with(&j->t, n->input, weights, ends.arg, &(CellResult){RESULT_STORE, x});
    LLVMValueRef args[5] = {x, emit_int(e, n->pixels), w.tiles.i,
                            gen_context(e, j->t.context, CONTEXT_COUNT, e->i64), joined};
    emit_kernel(e, "join_moments", e->none, 5, args);
    emit_loop_end(e, &w.evaluations);
    emit_loop_end(e, &w.tiles);
    LLVMValueRef out[3] = {joined, statistic_at(j, n, 0), statistic_at(j, n, 1)};
    emit_kernel(e, "joined_moments", e->none, 3, out);
}

static void statistics_back(Job *j, const Norm *n)
{
    Emit *e = j->t.e;
    Totals t = totals_of(e, 2);
    LLVMValueRef at[2], samples = gen_context(e, j->t.context, CONTEXT_COUNT, e->i64);
    LLVMValueRef numbers =
        LLVMBuildSIToFP(e->builder, emit_mul(e, samples, emit_int(e, n->pixels)), e->real, "");
    for (int k = 0; k < 2; k++) {
        at[k] = statistic_at(j, n, 2 + k);
        emit_store(e, emit_real(e, 0, false), at[k]);
    }
    add_results(j, n->back, &t, at);
    for (int k = 0; k < 2; k++)
        emit_store(e, LLVMBuildFDiv(e->builder, emit_load(e, e->real, at[k]), numbers, ""), at[k]);
}

/* ---- functions ---- */

static void one_candidate(Job *j, CandidateJob what)
{
    int norms = j->edge->fn.norms.count;
    if (what == CANDIDATE_GRADIENTS) gradients(j);
    for (int i = 0; i < norms && what == CANDIDATE_STATISTICS; i++) statistics(j, &j->edge->fn.norms.at[i]);
    for (int i = norms - 1; i >= 0 && what == CANDIDATE_STATISTICS_BACK; i--)
        statistics_back(j, &j->edge->fn.norms.at[i]);
}

/* In a program that measures itself gradients have a row of the runtime's for all that is done for the line
 * (gradient.c), and statistics one of their own, so that each is told where its stage is. */
static void all_candidates(Job *j, CandidateJob what)
{
    Emit *e = j->t.e;
    struct Profile *profile = e->profile;
    const char *before = gen_profile_when(e, what == CANDIDATE_STATISTICS ? "forward" : "backward");
    LLVMValueRef candidate = JOB(j, e->i64, candidate), source = JOB(j, e->i64, source);
    EmitLoop l = emit_loop(e, JOB(j, e->i64, count));
    j->candidate = emit_add(e, candidate, l.i), j->source = emit_add(e, source, l.i);
    e->profile = NULL;
    one_candidate(j, what);
    e->profile = profile;
    emit_loop_end(e, &l);
    if (what == CANDIDATE_STATISTICS) gen_lap_edges(e, j->g, j->bundle, "statistics, edges");
    if (what == CANDIDATE_STATISTICS_BACK)
        gen_lap_edges(e, j->g, j->bundle, "gradients of statistics, edges");
    gen_profile_when(e, before);
}

LLVMValueRef gen_candidates(Emit *e, const Graph *g, int bundle, const Value *wired, const Value *back,
                            CandidateJob what)
{
    static const char *const names[] = {"edges", "statistics", "statistics_back"};
    LLVMValueRef function = emit_begin(e, arena_printf(e->arena, "%s_%s%d", g->name, names[what], bundle), 2,
                                       (LLVMTypeRef[]){e->ptr, e->ptr});
    Job j = {.g = g, .bundle = bundle, .edge = g->bundles.at[bundle].edge, .job = LLVMGetParam(function, 1)};
    j.t = (GenTile){.e = e, .context = LLVMGetParam(function, 0), .positions = graph_copies(g)};
    if (wired && wired->batch) j.t.wired = wired, j.t.wired_back = back;
    j.room = JOB(&j, e->ptr, maps), j.target = JOB(&j, e->i64, target);
    j.t.maps = emit_element(e, j.room, emit_int(e, place_norm_rows(j.edge) * e->row));
    all_candidates(&j, what);
    emit_end(e);
    return function;
}
