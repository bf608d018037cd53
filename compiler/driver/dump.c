/* dump.c: see dump.h. */
#include "driver/dump.h"
#include "driver/dump_rule.h"
#include "lower/lower.h"
#include "ir/op.h"
#include "layout/plan.h"
#include "model/timed.h"

static void print_shape(Shape s, FILE *out)
{
    fprintf(out, "[");
    for (int i = 0; i < s.rank; i++) fprintf(out, "%s%lld", i ? "," : "", (long long)s.dim[i]);
    fprintf(out, "]");
}

/* `slots`: arguments have names (Slot of model.h). */
static void print_value(const Value *v, bool slots, FILE *out)
{
    fprintf(out, "  %%%d:%s", v->id, v->is_bool ? "bool" : "");
    print_shape(v->shape, out);
    fprintf(out, "%s = %s", v->per_sample ? "" : " shared", op_info[v->op].text);
    for (int k = 0; k < v->arg_count; k++) fprintf(out, "%s%%%d", k ? ", " : " ", v->args[k]->id);
    if (op_has(v->op, OP_NUMBER)) fprintf(out, " %.9g", v->number);
    if (op_has(v->op, OP_PARAM)) fprintf(out, " %s", v->param->name);
    const char *form = op_has(v->op, OP_PARAM) ? "[%lld]" : " %lld";
    if (v->op == IR_ARG && slots) fprintf(out, " %s", slot_text((int)v->index));
    else if (op_has(v->op, OP_INDEX)) fprintf(out, form, (long long)v->index);
    const Window *w = &v->window;
    if (w->size)
        fprintf(out, " window %lld stride %lld dilation %lld", (long long)w->size, (long long)w->stride,
                (long long)w->dilation);
    if (v->graph && v->op == IR_WIRED)
        fprintf(out, v->batch ? " graph %s with statistics of the step" : " graph %s", v->graph->name);
}

static void print_results(const Func *f, FILE *out)
{
    for (int i = 0; i < f->results.count; i++)
        fprintf(out, "  result %s = %%%d\n", f->result_names.at[i], f->results.at[i]->id);
}

void func_dump(const Func *f, FILE *out)
{
    fprintf(out, "func %s\n", f->name);
    for (int i = 0; i < f->values.count; i++) {
        print_value(f->values.at[i], f->of_cell, out);
        fprintf(out, "\n");
    }
    print_results(f, out);
}

static void print_place(const Value *v, FILE *out)
{
    if (v->address >= 0 && v->op != IR_CONST)
        fprintf(out, "  @%s%lld",
                v->op == IR_PARAM        ? "param "
                : plan_storage(v)->local ? "local "
                : v->per_sample          ? "row "
                                         : "shared ",
                (long long)v->address);
    if (v->op == IR_WIRED) fprintf(out, "  nodes @%s %lld", v->local ? "local" : "row", (long long)v->rows);
    if (v->sums >= 0) fprintf(out, "  sums @row %lld", (long long)v->sums);
    if (v->partial >= 0) fprintf(out, "  sum @partial %lld", (long long)v->partial);
}

static void print_planned(const Value *v, bool addresses, FILE *out)
{
    print_value(v, false, out);
    if (addresses) print_place(v, out);
    fprintf(out, "\n");
}

void plan_dump(const Func *f, const Plan *p, bool addresses, FILE *out)
{
    fprintf(out, "func %s\n", f->name);
    if (addresses)
        fprintf(out, "tile: %lld rows, %lld partial sums; thread: %lld rows; shared: %lld\n",
                (long long)p->rows, (long long)p->partials, (long long)p->local_rows, (long long)p->shared);
    for (int i = 0; i < f->values.count; i++)
        if (op_info[f->values.at[i]->op].class == CLASS_LEAF || f->values.at[i]->in_place)
            print_planned(f->values.at[i], addresses, out);
    for (int l = 0; l < p->levels.count; l++) {
        const PlanLevel *level = &p->levels.at[l];
        fprintf(out, "level %d%s\n", l, level->rounds || level->norms ? " in rounds" : "");
        for (int i = 0; i < level->once.count; i++) print_planned(level->once.at[i], addresses, out);
        for (int s = 0; s < level->steps.count; s++) {
            const PlanStep *step = &level->steps.at[s];
            if (step->loop) fprintf(out, " loop %lld\n", (long long)step->size);
            else fprintf(out, " do\n");
            for (int i = 0; i < step->values.count; i++) print_planned(step->values.at[i], addresses, out);
        }
    }
    for (int i = 0; i < f->values.count; i++)
        if (f->values.at[i]->op == IR_WIRED_EDGES || plan_adds_to_edges(f->values.at[i]))
            print_planned(f->values.at[i], addresses, out);
    print_results(f, out);
}

/* A function or its gradient, with what belongs to its norms. */
static void cell_dump(const CellFn *fn, bool back, FILE *out)
{
    if (!fn->forward) return;
    func_dump(back ? fn->back : fn->forward, out);
    for (int i = 0; i < fn->norms.count; i++)
        func_dump(back ? fn->norms.at[i].back : fn->norms.at[i].input, out);
}

static void edge_dump(const EdgeFn *e, bool back, FILE *out)
{
    if (!back) {
        cell_dump(&e->fn, false, out);
        return;
    }
    for (int i = 0; i < e->fn.norms.count; i++) func_dump(e->fn.norms.at[i].back, out);
    func_dump(e->to_source, out);
    func_dump(e->to_own, out);
    func_dump(e->to_weights, out);
}

static void cells_dump(const Model *m, bool back, FILE *out)
{
    for (int g = 0; g < m->graphs.count; g++) {
        const Graph *graph = m->graphs.at[g];
        for (int s = 0; s < graph->sets.count; s++) {
            const NodeSet *set = &graph->sets.at[s];
            cell_dump(&set->send, back, out);
            if (!set_shows_sent(set)) cell_dump(&set->show, back, out);
            cell_dump(&set->cell, back, out);
        }
        for (int b = 0; b < graph->bundles.count; b++)
            if (graph->bundles.at[b].edge) edge_dump(graph->bundles.at[b].edge, back, out);
    }
}

void ir_dump(const Ir *ir, FILE *out)
{
    bool differentiated = ir->train && ir->train->results.count > 2;
    cells_dump(ir->model, false, out);
    if (differentiated) cells_dump(ir->model, true, out);
    rules_dump(ir, differentiated ? RULE_GRAD : RULE_IR, out);
    if (ir->train) func_dump(ir->train, out);
    func_dump(ir->infer, out);
}

/* ---- model ---- */

static const char *const role_text[] = {"input", "nodes", "output"};
static const char *const form_text[] = {"dense", "segments", "list"};

static void graph_dump(Arena *tmp, const Graph *g, FILE *out)
{
    if (is_timed(g))
        fprintf(out, "graph %s  nodes %lld  time %s  evaluations %lld\n", g->name, (long long)graph_nodes(g),
                g->time.text, (long long)timed_evaluations(g));
    else
        fprintf(out, "graph %s  nodes %lld  phases %d  ranks %lld\n", g->name, (long long)graph_nodes(g),
                g->order.phase_count, (long long)g->order.ranks);
    for (int i = 0; i < g->sets.count; i++) {
        const NodeSet *s = &g->sets.at[i];
        fprintf(out, "  %s %s", role_text[s->role], s->name);
        print_shape(s->shape, out);
        fprintf(out, s->cell.forward ? " : %s\n" : "%s\n", s->cell.forward ? s->cell_name : "");
    }
    for (int i = 0; i < g->bundles.count; i++) {
        const Bundle *b = &g->bundles.at[i];
        fprintf(out, "  edges %s  candidates %lld  %s  list %d", line_text(tmp, g, b),
                (long long)b->candidates.count, form_text[b->candidates.form], b->list);
        if (b->given) fprintf(out, "  given%s", b->given->weights ? " with weights" : "");
        if (b->edge) fprintf(out, "  via %s", b->edge->name);
        if (b->edge && b->weight) fprintf(out, " by %s", strrchr(b->weight->name, '.') + 1);
        fprintf(out, "\n");
    }
    for (int i = 0; i < g->lists.count; i++) {
        const EdgeList *l = &g->lists.at[i];
        fprintf(out, "  list %d  %s %s  candidates %lld  kept %lld\n", i,
                l->rule.kind == RULE_SAMPLE ? "sample" : "keep",
                contract_text(CONTRACT_KeepForm, (int)l->budget.form), (long long)l->candidates,
                (long long)l->kept);
        if (l->together)
            fprintf(out, "    of the model's %lld of %lld\n", (long long)l->budget.keep, (long long)l->total);
        if (l->declared) rule_dump(l->declared, out);
    }
    for (int i = 0; i < g->bundles.count; i++)
        if (g->bundles.at[i].predicate) func_dump(g->bundles.at[i].predicate, out);
}

void model_dump(const Model *m, FILE *out)
{
    fprintf(out, "program %s  model %s\n", m->program, m->name ? m->name : "none");
    for (int i = 0; i < m->options.count; i++)
        fprintf(out, "option %s = %s\n", m->options.at[i].name, m->options.at[i].text);
    for (int i = 0; i < m->graphs.count; i++) graph_dump(m->perm, m->graphs.at[i], out);
    for (int i = 0; i < m->params.count; i++) {
        const Tensor *p = m->params.at[i];
        fprintf(out, "%s %s",
                p->learned                    ? "weight"
                : p->init.kind == INIT_NUMBER ? "index"
                                              : "kept statistic",
                p->name);
        print_shape(m->params.at[i]->shape, out);
        fprintf(out, "\n");
    }
    for (int i = 0; i < m->rule_functions.count; i++) func_dump(m->rule_functions.at[i], out);
    if (m->body) func_dump(m->body, out);
    if (m->settings) {
        char *text = json_dumps(m->settings, JSON_COMPACT);
        fprintf(out, "train %s\n", text);
        free(text);
    }
}
