/* plan.c: addresses. See plan.h.
 *
 * Rows of a tile: a value gets rows when a later step, an operator that is not pointwise, or the program
 * reads it. Sums of nodes (dL/dI in training) share the rows of wired_back: forward writes the sums there,
 * backward replaces each by its gradient.
 */
#include "layout/plan.h"
#include "base/diag.h"
#include "lower/lower.h"
#include "ir/op.h"
#include "layout/timed_rows.h"

const Value *plan_storage(const Value *v)
{
    while (op_has(v->op, OP_VIEW)) v = v->args[0];
    return v;
}

bool plan_adds_to_edges(const Value *v)
{
    if (v->op != IR_ADD || v->per_sample) return false;
    for (int i = 0; i < 2; i++)
        if (v->args[i]->op == IR_WIRED_EDGES || plan_adds_to_edges(v->args[i])) return true;
    return false;
}

static bool is_leaf(const Value *v)
{
    return op_info[v->op].class == CLASS_LEAF;
}

static void mark_read(const PlanStep *step, const Value *v)
{
    for (int k = 0; k < v->arg_count; k++)
        if (!step->loop || !plan_makes(step, v->args[k])) plan_read(v->args[k])->stored = true;
}

/* Which values are read from memory. */
static void mark_stored(Func *f, const Plan *p)
{
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        v->stored = !is_leaf(v) && op_info[v->op].class != CLASS_POINTWISE && !v->in_place;
        for (int k = 0; k < v->arg_count && !v->per_sample; k++) v->args[k]->stored = true;
    }
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++) {
            const PlanStep *step = &p->levels.at[l].steps.at[s];
            for (int i = 0; i < step->values.count; i++) mark_read(step, step->values.at[i]);
        }
    for (int i = 0; i < f->results.count; i++) f->results.at[i]->stored = true;
}

bool plan_is_view(const Value *v)
{
    if (v->op == IR_WIRED_INPUT) return is_timed(v->graph) || !v->graph->sets.at[v->graph->input].outside;
    return op_has(v->op, OP_VIEW) || v->op == IR_WIRED_STATISTIC;
}

static int64_t view_address(const Value *v)
{
    const Graph *g = v->graph;
    if (v->op == IR_WIRED_STATISTIC) return v->args[0]->statistics + v->index;
    if (v->op == IR_WIRED_INPUT && is_timed(g))
        return v->args[0]->rows + (is_moving(g, g->input)
                                       ? timed_rows(g).back_work + set_state(&g->sets.at[g->input], 0, 0)
                                       : timed_rows(g).back_held);
    if (v->op == IR_WIRED_INPUT) return v->args[0]->rows + g->sets.at[g->input].rows.sum;
    return v->args[0]->address + (v->op == IR_SLICE ? v->index : 0);
}

static void place_leaf(const Func *f, Plan *p, Value *v)
{
    int64_t size = shape_size(v->shape);
    int64_t *row = v->op == IR_INPUT    ? &p->input_row
                   : v->op == IR_TARGET ? &p->target_row
                   : v->op == IR_VALID  ? &p->valid_row
                                        : NULL;
    if (v->op == IR_PARAM) v->address = v->param->place;
    if (v->op == IR_FACTOR || v->op == IR_USED || v->op == IR_LEADS) {
        v->address = p->shared, p->shared += size;
        vec_push(f->arena, &p->filled, v);
    }
    if (!row) return;
    if (*row < 0) *row = p->rows, p->rows += size;
    v->address = *row;
}

/* Behind the maps: the sums of a set where no wired_back has rows for them; gradients of its values. */
static bool needs_work(const Value *v)
{
    return v->op == IR_WIRED_BACK || (v->op == IR_WIRED && !is_timed(v->graph) && v->sums < 0);
}

/* Rows of the values of all nodes, or of the gradients of their sums. */
static int64_t node_rows(const Value *v)
{
    const Graph *g = v->graph;
    if (is_timed(g)) return v->op == IR_WIRED ? timed_rows_of(v).count : timed_rows(g).back_count;
    return v->op == IR_WIRED ? g->rows : g->sum_rows;
}

/* Statistics of batch_norm, or their gradients; behind the rows of `wired` room for one x. */
static void place_norms(Plan *p, Value *v)
{
    bool back = v->op == IR_WIRED_BACK;
    v->statistics = v->moments = -1;
    if (!(back ? v->args[0] : v)->batch) return;
    v->statistics = p->shared, p->shared += v->graph->statistics;
    v->moments = p->partials, p->partials += v->graph->moments;
    if (!back) p->rows += v->graph->norm_rows;
}

int64_t plan_graph_rows(const Value *v)
{
    return node_rows(v) + v->graph->cell_rows + (needs_work(v) ? v->graph->work_rows : 0);
}

/* A graph, or its backward pass. */
static void place_graph(Plan *p, Value *v)
{
    const Graph *g = v->graph;
    v->rows = v->local ? v->address : p->rows, v->scratch = v->rows + node_rows(v);
    v->address = v->rows;
    if (v->op == IR_WIRED) v->address += is_timed(g) ? TIMED_OUTPUT : g->sets.at[g->output].rows.value;
    if (!v->local) p->rows += plan_graph_rows(v);
    place_norms(p, v);
}

static void place_value(Plan *p, Value *v)
{
    int64_t size = shape_size(v->shape);
    if (op_has(v->op, OP_SUM)) v->partial = p->partials, p->partials += size;
    if (v->op == IR_WIRED_EDGES || v->in_place || plan_adds_to_edges(v))
        return; /* straight into the gradient; read where it is used */
    if (v->op == IR_WIRED || v->op == IR_WIRED_BACK) {
        place_graph(p, v);
    } else if (plan_is_view(v)) {
        v->address = view_address(v);
    } else if (!v->per_sample) {
        v->address = p->shared, p->shared += size;
    } else if (v->stored && !v->local && !v->sums_of) {
        v->address = p->rows, p->rows += size;
    }
}

static const NodeSet *output_of(const Graph *g)
{
    return &g->sets.at[g->output];
}

static void plan_func(Func *f, Plan *p)
{
    p->input_row = p->target_row = p->valid_row = p->output_row = p->loss = -1;
    mark_stored(f, p);
    for (int i = 0; i < f->values.count; i++) f->values.at[i]->sums = -1;
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WIRED_BACK) f->values.at[i]->args[0]->sums = 0; /* known below */
    plan_sums(f, p);
    plan_local(f, p);
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i];
        if (is_leaf(v)) place_leaf(f, p, v);
        else place_value(p, v);
    }
    for (int i = 0; i < f->values.count; i++) {
        Value *v = f->values.at[i]; /* sums of nodes: the rows that wired_back will overwrite */
        if (v->op == IR_WIRED_BACK) v->args[0]->sums = v->rows;
        if (v->sums_of) v->address = v->sums_of->rows + output_of(v->sums_of->graph)->rows.sum;
    }
    for (int i = 0; i < f->results.count; i++) {
        if (strcmp(f->result_names.at[i], "output") == 0) p->output_row = f->results.at[i]->address;
        if (strcmp(f->result_names.at[i], "loss") == 0) p->loss = f->results.at[i]->address;
    }
    p->partials = (p->partials + 15) / 16 * 16;
    f->plan_rows = p->rows;
}

void plan(Ir *ir)
{
    if (ir->train) plan_func(ir->train, ir->train_plan);
    plan_func(ir->infer, ir->infer_plan);
}
