/* ir_eval_timed_norm.h: included by ir_eval_timed.c: graphs in discrete steps with batch_norm in node
 * functions. All samples of the batch take a step together, because the statistics of its nodes are theirs.
 */

/* Those that are kept. */
static void kept_statistics(const Graph *g, const double *param, double *out)
{
    for (int i = 0; i < g->sets.count; i++)
        for (int n = 0; n < g->sets.at[i].norms.count; n++) {
            const NodeSet *s = &g->sets.at[i];
            const Norm *norm = &s->norms.at[n];
            size_t bytes = (size_t)(norm->steps * s->size) * sizeof *out;
            memcpy(out + norm_at(norm, s, norm->first, 0, 0), param + norm->mean->offset, bytes);
            memcpy(out + norm_at(norm, s, norm->first, 1, 0), param + norm->variance->offset, bytes);
        }
}

/* Mean and variance of what norm `n` of a node is given at a step. */
static void find_statistics(TimedEval *all, int64_t batch, const NodeSet *s, int n, int64_t node,
                            int64_t step)
{
    const Norm *norm = &s->norms.at[n];
    double known[4 * MOST_NORMS], mean = 0;
    Cell cell = cell_new(all->arena, norm->input);
    cell.statistics = known;
    know(all, s, node, step, known);
    for (int kind = 0; kind < 2; kind++) {
        double total = 0;
        for (int64_t i = 0; i < batch; i++) {
            Args args = {sums_of(&all[i], step, 0) + set_sum(s, node)};
            load_states(s, node, state_of(&all[i], step, 0), args);
            eval_cell(&cell, args, all->c->param, node);
            const double *x = cell_result(&cell, 0);
            for (int64_t p = 0; p < norm->pixels; p++) total += kind ? (x[p] - mean) * (x[p] - mean) : x[p];
        }
        mean = total / (double)(batch * norm->pixels);
        all->statistics[norm_at(norm, s, norm->first, kind, step) + node] = mean;
    }
}

/* The gradients by both, from those of the states after the step. */
static void find_gradients(TimedEval *all, int64_t batch, const NodeSet *s, int n, int64_t node, int64_t step)
{
    const Norm *norm = &s->norms.at[n];
    double known[4 * MOST_NORMS], total[2] = {0};
    Cell cell = cell_new(all->arena, norm->back);
    cell.statistics = known;
    know(all, s, node, step, known);
    for (int64_t i = 0; i < batch; i++) {
        Args args = {0};
        load_gradients(s, node, state_of(&all[i], step, 0), all[i].d_sums[step], all[i].d_state, args);
        eval_cell(&cell, args, all->c->param, node);
        for (int k = 0; k < 2; k++) total[k] += *cell_result(&cell, k);
    }
    for (int k = 0; k < 2; k++)
        all->d_statistics[norm_at(norm, s, norm->first, k, step) + node] =
            total[k] / (double)(batch * norm->pixels);
}

/* Each norm of each node of all sets. */
static void each_norm(TimedEval *all, int64_t batch, int64_t step, bool back)
{
    for (int k = 0; k < MOST_NORMS; k++)
        for (int i = 0; i < all->g->sets.count; i++) {
            const NodeSet *s = &all->g->sets.at[i];
            int n = back ? MOST_NORMS - 1 - k : k;
            for (int64_t node = 0; node < s->size && n < s->norms.count; node++)
                if (back) find_gradients(all, batch, s, n, node, step);
                else find_statistics(all, batch, s, n, node, step);
        }
}

static void start_sample(TimedEval *t, Group *u)
{
    make_room(u, t->g->time.positions * t->g->time.steps);
    t->rates = NEW_ARRAY(t->arena, double, (size_t)t->states + 1);
    start_states(t, t->block[0]);
    send(t, t->block[0], t->block[0] + t->states);
}

static void finish_step(TimedEval *t, int64_t step)
{
    const Time *time = &t->g->time;
    double *next = state_of(t, step + 1, 0);
    move(t, state_of(t, step, 0), sums_of(t, step, 0), step, next);
    send(t, next, next + t->states);
    if ((step + 1) % time->steps == 0) show(t, step / time->steps, step + 1);
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
    for (int64_t step = 0; step < count; step++) {
        for (int64_t s = 0; s < c->batch; s++)
            sum_all(&all[s], state_of(&all[s], step, 0) + all[s].states, step / time->steps,
                    sums_of(&all[s], step, 0));
        each_norm(all, c->batch, step, false);
        for (int64_t s = 0; s < c->batch; s++) finish_step(&all[s], step);
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
        all[s].d_statistics = e->statistics[v->id];
        all[s].d_sums = trace->block[s] = NEW_ARRAY(a, double *, (size_t)all[s].steps->length.count + 1);
        all[s].d_state = trace->first + s * g->state_rows, all[s].gradient = trace->gradient;
        begin_backward(&all[s]);
    }
    for (int64_t step = g->time.positions * g->time.steps - 1; step >= 0; step--) {
        for (int64_t s = 0; s < c->batch; s++)
            reach_step(&all[s], e->value[dy->id] + s * shape_size(dy->shape) + TIMED_OUTPUT, step);
        each_norm(all, c->batch, step, true);
        for (int64_t s = 0; s < c->batch; s++) leave_step(&all[s], step);
    }
}
