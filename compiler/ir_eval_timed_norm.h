/* ir_eval_timed_norm.h: included by ir_eval_timed.c: graphs in equal steps with batch_norm in node
 * functions. All samples of the batch make an evaluation together, because the statistics of its nodes are
 * theirs.
 */

/* Those that are kept. */
static void kept_statistics(const Graph *g, const double *param, double *out)
{
    for (int i = 0; i < g->sets.count; i++)
        for (int n = 0; n < g->sets.at[i].norms.count; n++) {
            const NodeSet *s = &g->sets.at[i];
            const Norm *norm = &s->norms.at[n];
            size_t bytes = (size_t)(norm->evaluations * s->size) * sizeof *out;
            memcpy(out + norm_at(norm, 0, 0), param + norm->mean->offset, bytes);
            memcpy(out + norm_at(norm, 1, 0), param + norm->variance->offset, bytes);
        }
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

/* Up to the sums. */
static void begin_evaluation(TimedEval *t, At at)
{
    double *state = state_of(t, at.step, at.stage);
    if (at.stage > 0) begin_stage(t, at.step, at.stage, t->g->time.step);
    sum_all(t, state + t->states, at.step / t->g->time.steps, sums_of(t, at.step, at.stage));
}

static void finish_evaluation(TimedEval *t, At at)
{
    const Time *time = &t->g->time;
    int64_t step = at.step;
    move(t, state_of(t, step, at.stage), sums_of(t, step, at.stage), at.number,
         t->rates + at.stage * t->states);
    if (at.stage < time->stages - 1) return;
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
        for (int64_t s = 0; s < c->batch; s++) begin_evaluation(&all[s], at);
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
        all[s].d_statistics = e->statistics[v->id];
        all[s].d_sums = trace->block[s] = NEW_ARRAY(a, double *, (size_t)all[s].steps->length.count + 1);
        all[s].d_state = trace->first + s * g->state_rows, all[s].gradient = trace->gradient;
        begin_backward(&all[s]);
    }
    for (int64_t i = timed_evaluations(g) - 1; i >= 0; i--) {
        At at = at_number(g, i);
        for (int64_t s = 0; s < c->batch && at.stage == g->time.stages - 1; s++)
            reach_step(&all[s], e->value[dy->id] + s * shape_size(dy->shape) + TIMED_OUTPUT, at.step);
        each_norm(all, c->batch, at, true);
        for (int64_t s = 0; s < c->batch; s++) {
            stage_back(&all[s], at.step, at.stage);
            if (at.stage == 0) leave_step(&all[s], at.step);
        }
    }
}
