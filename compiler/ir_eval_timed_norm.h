/* ir_eval_timed_norm.h: included by ir_eval_timed.c: graphs in equal steps with batch_norm in functions
 * of nodes and edges. All samples of the batch make an evaluation together, because the statistics of its
 * nodes are theirs.
 */

static void copy_kept(int count, const Norm *norms, const double *param, double *out)
{
    for (int i = 0; i < count; i++) {
        const Norm *n = &norms[i];
        size_t bytes = (size_t)(n->evaluations * n->size) * sizeof *out;
        memcpy(out + norm_at(n, 0, 0), param + n->mean->offset, bytes);
        memcpy(out + norm_at(n, 1, 0), param + n->variance->offset, bytes);
    }
}

/* Those that are kept; of edges that are probed the same. */
static void kept_statistics(const Graph *g, const double *param, double *out)
{
    for (int i = 0; i < g->sets.count; i++)
        copy_kept(g->sets.at[i].norms.count, g->sets.at[i].norms.at, param, out);
    for (int b = 0; b < g->bundles.count; b++) {
        const EdgeFn *e = g->bundles.at[b].edge;
        if (e) copy_kept(e->norms.count, e->norms.at, param, out);
    }
    memcpy(out + g->statistics, out, (size_t)g->statistics * sizeof *out);
}

/* One evaluation: a stage of a step. */
typedef struct At {
    int64_t step, number;
    int stage;
} At;

/* Mean and variance of what norm `n` of a node is given. */
static void find_statistics(TimedEval *all, int64_t batch, const NodeSet *s, int n, int64_t node, At at)
{
    const Norm *norm = &s->norms.at[n];
    double known[4 * MOST_NORMS], mean = 0;
    Cell cell = cell_new(all->arena, norm->input);
    cell.statistics = known;
    know(all, s, node, at.number, known);
    for (int kind = 0; kind < 2; kind++) {
        double total = 0;
        for (int64_t i = 0; i < batch; i++) {
            Args args = {sums_of(&all[i], at.step, at.stage) + set_sum(s, node)};
            load_states(s, node, state_of(&all[i], at.step, at.stage), args);
            eval_cell(&cell, args, all->c->param, node);
            const double *x = cell_result(&cell, 0);
            for (int64_t p = 0; p < norm->pixels; p++) total += kind ? (x[p] - mean) * (x[p] - mean) : x[p];
        }
        mean = total / (double)(batch * norm->pixels);
        all->statistics[norm_at(norm, kind, at.number) + node] = mean;
    }
}

/* The gradients by both, from those of the rates. */
static void find_gradients(TimedEval *all, int64_t batch, const NodeSet *s, int n, int64_t node, At at)
{
    const Norm *norm = &s->norms.at[n];
    double known[4 * MOST_NORMS], total[2] = {0};
    Cell cell = cell_new(all->arena, norm->back);
    cell.statistics = known;
    know(all, s, node, at.number, known);
    for (int64_t i = 0; i < batch; i++) {
        Args args = {0};
        load_gradients(s, node, state_of(&all[i], at.step, at.stage),
                       all[i].d_sums[at.step] + at.stage * all->g->sum_rows,
                       all[i].d_rate + at.stage * all->states, args);
        eval_cell(&cell, args, all->c->param, node);
        for (int k = 0; k < 2; k++) total[k] += *cell_result(&cell, k);
    }
    for (int k = 0; k < 2; k++)
        all->d_statistics[norm_at(norm, k, at.number) + node] = total[k] / (double)(batch * norm->pixels);
}

/* Each norm of each node of all sets. */
static void each_norm(TimedEval *all, int64_t batch, At at, bool back)
{
    for (int k = 0; k < MOST_NORMS; k++)
        for (int i = 0; i < all->g->sets.count; i++) {
            const NodeSet *s = &all->g->sets.at[i];
            int n = back ? MOST_NORMS - 1 - k : k;
            for (int64_t node = 0; node < s->size && n < s->norms.count; node++)
                if (back) find_gradients(all, batch, s, n, node, at);
                else find_statistics(all, batch, s, n, node, at);
        }
}

static void start_sample(TimedEval *t, Group *u)
{
    make_room(u, t->g->time.positions * t->g->time.steps);
    t->rates = NEW_ARRAY(t->arena, double, (size_t)(t->g->time.stages * t->states) + 1);
    start_states(t, t->block[0]);
    send(t, t->block[0], t->block[0] + t->states);
}

/* Of the functions of all candidates: their statistics, or the gradients by them. */
static void each_edge(TimedEval *all, int64_t batch, At at, bool back)
{
    const Graph *g = all->g;
    EdgeAt *edge = NEW_ARRAY(all->arena, EdgeAt, (size_t)batch + 1);
    const double **d = NEW_ARRAY(all->arena, const double *, (size_t)batch + 1);
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        CandidateRun run;
        for (int64_t node = 0; u->edge && u->edge->norms.count && node < u->candidates.targets; node++)
            for (int64_t r = 0; candidates_run(&u->candidates, node, r, &run); r++)
                for (int64_t i = 0; i < run.length; i++) {
                    for (int64_t s = 0; s < batch; s++) {
                        const TimedEval *t = &all[s];
                        edge[s] = timed_edge(t, b, run.first + i, run.source + i, node,
                                             moment_of(t, at.step, at.stage));
                        if (back)
                            d[s] = t->d_sums[at.step] + at.stage * g->sum_rows +
                                   set_sum(&g->sets.at[u->to], node);
                    }
                    if (back) edge_find_gradients(all->c, g, edge, d);
                    else edge_find_statistics(all->c, g, edge);
                }
    }
}

static void finish_evaluation(TimedEval *t, At at)
{
    const Time *time = &t->g->time;
    int64_t step = at.step;
    move(t, state_of(t, step, at.stage), sums_of(t, step, at.stage), at.number,
         t->rates + at.stage * t->states);
    if (at.stage < time->stages - 1) {
        begin_stage(t, step, at.stage + 1, time->step);
        return;
    }
    end_step(t, step, time->step);
    if ((step + 1) % time->steps == 0) show(t, step / time->steps, step + 1);
}

static At at_number(const Graph *g, int64_t number)
{
    return (At){number / g->time.stages, number, (int)(number % g->time.stages)};
}

static void eval_norms(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Time *time = &v->graph->time;
    TimedTrace *trace = e->trace[v->id];
    TimedEval *all = NEW_ARRAY(a, TimedEval, (size_t)c->batch + 1);
    int64_t count = time->positions * time->steps, lanes = c->model->lanes;
    for (int64_t s = 0; s < c->batch; s++) {
        all[s] = eval_of_sample(a, e, v, c, s);
        Group u = {&all[s], 1, 0, &trace->steps[s / lanes], c->steps ? c->arena : a};
        start_sample(&all[s], &u);
        trace->block[s] = all[s].block;
        for (int64_t i = u.steps->length.count; i < count; i++) record(&u, i / time->steps, time->step);
    }
    for (int64_t i = 0; i < timed_evaluations(v->graph); i++) {
        At at = at_number(v->graph, i);
        each_edge(all, c->batch, at, false);
        for (int64_t s = 0; s < c->batch; s++)
            sum_all(&all[s], moment_of(&all[s], at.step, at.stage), sums_of(&all[s], at.step, at.stage));
        each_norm(all, c->batch, at, false);
        for (int64_t s = 0; s < c->batch; s++) finish_evaluation(&all[s], at);
    }
}

static void eval_norms_back(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Graph *g = v->graph;
    TimedTrace *trace = e->trace[v->id];
    const Value *dy = v->args[1];
    TimedEval *all = NEW_ARRAY(a, TimedEval, (size_t)c->batch + 1);
    e->statistics[v->id] = NEW_ARRAY(a, double, (size_t)g->statistics + 1);
    for (int64_t s = 0; s < c->batch; s++) {
        all[s] = eval_of_sample(a, e, v->args[0], c, s);
        all[s].d_statistics = all[s].edges.gradient = e->statistics[v->id];
        all[s].d_sums = trace->block[s] = NEW_ARRAY(a, double *, (size_t)all[s].steps->length.count + 1);
        all[s].d_state = trace->first + s * g->state_rows, all[s].gradient = trace->gradient;
        begin_backward(&all[s]);
    }
    for (int64_t i = timed_evaluations(g) - 1; i >= 0; i--) {
        At at = at_number(g, i);
        for (int64_t s = 0; s < c->batch && at.stage == g->time.stages - 1; s++)
            reach_step(&all[s], e->value[dy->id] + s * shape_size(dy->shape), at.step);
        each_norm(all, c->batch, at, true);
        for (int64_t s = 0; s < c->batch; s++) {
            TimedEval *t = &all[s];
            t->d_stage = NEW_ARRAY(a, double, (size_t)t->states + 1);
            rates_back(t, i, state_of(t, at.step, at.stage), t->d_sums[at.step] + at.stage * g->sum_rows,
                       t->d_rate + at.stage * t->states, t->d_stage);
        }
        each_edge(all, c->batch, at, true);
        for (int64_t s = 0; s < c->batch; s++) {
            TimedEval *t = &all[s];
            sent_back(t, moment_of(t, at.step, at.stage), state_of(t, at.step, at.stage),
                      t->d_sums[at.step] + at.stage * g->sum_rows, t->d_stage);
            leave_stage(t, at.step, at.stage, t->d_stage);
            if (at.stage == 0) leave_step(t, at.step);
        }
    }
}
