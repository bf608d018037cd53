/* sums.c: gradients of outputs that stand where a graph keeps them.
 *
 * wired_back starts from the gradient of the graph's output. Where an output is its sum, that is the gradient
 * of the sum, which wired_back has rows for, and which the gradients of candidates read later. What nothing
 * else reads is made there at once: it needs no rows of its own and no copy.
 */
#include "ir/op.h"
#include "layout/plan.h"
#include "model/timed.h"

static bool is_result(const Func *f, const Value *v)
{
    for (int i = 0; i < f->results.count; i++)
        if (f->results.at[i] == v) return true;
    return false;
}

static int readers(const Func *f, const Value *v)
{
    int count = is_result(f, v);
    for (int i = 0; i < f->values.count; i++)
        for (int k = 0; k < f->values.at[i]->arg_count; k++) count += f->values.at[i]->args[k] == v;
    return count;
}

/* The step that writes v to memory; NULL: none does. */
static const PlanStep *step_of(const Plan *p, const Value *v)
{
    for (int l = 0; l < p->levels.count; l++)
        for (int s = 0; s < p->levels.at[l].steps.count; s++) {
            const PlanStep *step = &p->levels.at[l].steps.at[s];
            for (int i = 0; i < step->values.count; i++)
                if (step->values.at[i] == v && plan_stores(step, v)) return step;
        }
    return NULL;
}

/* Could v be written with so many free rows behind each node? Loops write run by run. */
static bool fits(const Plan *p, Value *v, const NodeSet *output, int64_t gap)
{
    const PlanStep *step = step_of(p, v);
    if (!step || !v->stored || !v->per_sample || plan_is_view(v) || plan_read(v) != v) return false;
    if (op_info[v->op].class == CLASS_LEAF) return false;
    return gap == 0 || (step->loop && v->op != IR_REDUCE_SUM && step->run == output->value_pixels);
}

void plan_sums(Func *f, const Plan *p)
{
    for (int i = 0; i < f->values.count; i++) f->values.at[i]->sums_of = NULL, f->values.at[i]->gap = 0;
    for (int i = 0; i < f->values.count; i++) {
        const Value *back = f->values.at[i];
        if (back->op != IR_WIRED_BACK || is_timed(back->graph)) continue;
        const NodeSet *output = &back->graph->sets.at[back->graph->output];
        Value *dy = back->args[1];
        const int64_t gap = output->rows.pitch - output->value_pixels;
        if (output->cell.forward || readers(f, dy) > 1 || !fits(p, dy, output, gap)) continue;
        dy->sums_of = back, dy->gap = gap;
    }
}
