/* ir_eval_timed.c: graphs in time in the reference interpreter. See timed.h; the rows of a sample stand as
 * there. */
#include "ir_eval.h"
#include "timed.h"

typedef struct TimedEval {
    Arena *arena;
    const EvalContext *c;
    const Graph *g;
    TimedRows r;
    const double *input;  /* of one sample: by position */
    double *value, *sums; /* of one sample: rows of wired; (evaluations, nodes) */
    double *back;         /* rows of wired_back */
    double *gradient;     /* of all parameters, over samples */
} TimedEval;

/* Rows of the values and of the sums of one node. */
static int64_t value_at(const NodeSet *s, int64_t node)
{
    return s->first + node * s->value_pixels;
}
static int64_t sum_at(const NodeSet *s, int64_t node)
{
    return s->first_sum + node * s->pixels;
}

/* What a source sends at one position. */
static const double *source_value(const TimedEval *t, int set, int64_t node, const double *sent,
                                  int64_t position)
{
    const NodeSet *s = &t->g->sets.at[set];
    if (s->states) return sent + value_at(s, node);
    return t->input + position * set_rows(s) + node * s->value_pixels;
}

static bool in_use(const TimedEval *t, int b, int64_t candidate)
{
    return t->c->kept[t->g->number][b][candidate] != 0;
}

static void sum_into(const TimedEval *t, int set, int64_t node, const double *sent, int64_t position,
                     double *out)
{
    int64_t pixels = t->g->sets.at[set].pixels;
    memset(out, 0, (size_t)pixels * sizeof *out);
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        CandidateRun run;
        if (u->to != set) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++) {
                double w = t->c->param[u->weight->offset + run.first + i];
                const double *from = source_value(t, u->from, run.source + i, sent, position);
                for (int64_t p = 0; p < pixels && in_use(t, b, run.first + i); p++) out[p] += w * from[p];
            }
    }
}

/* Arguments of node functions: the sum, the states, gradients. */
typedef const double *Args[2 + 2 * MAX_STATES];

static void load_states(const NodeSet *s, int64_t node, const double *state, Args args)
{
    for (int k = 0; k < s->states; k++) args[1 + k] = state + set_state(s, k, node);
}

static void send(const TimedEval *t, const double *state, double *sent)
{
    Args args = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->send);
        for (int64_t n = 0; n < s->size; n++) {
            load_states(s, n, state, args);
            eval_cell(&cell, args, t->c->param, n);
            memcpy(sent + value_at(s, n), cell_result(&cell, 0), (size_t)s->value_pixels * sizeof *sent);
        }
    }
}

static void move(const TimedEval *t, const double *state, const double *sent, int64_t position, double *sums,
                 double *rate)
{
    Args args = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->move);
        for (int64_t n = 0; n < s->size; n++) {
            args[0] = sums + sum_at(s, n);
            sum_into(t, i, n, sent, position, sums + sum_at(s, n));
            load_states(s, n, state, args);
            eval_cell(&cell, args, t->c->param, n);
            for (int k = 0; k < s->states; k++)
                memcpy(rate + set_state(s, k, n), cell_result(&cell, k),
                       (size_t)s->state_pixels * sizeof *rate);
        }
    }
}

static void start_states(const TimedEval *t, double *state)
{
    for (int i = 0; i < t->g->sets.count; i++)
        for (int k = 0; k < t->g->sets.at[i].states; k++) {
            const NodeSet *s = &t->g->sets.at[i];
            for (int64_t n = 0; n < s->size * s->state_pixels; n++)
                state[set_state(s, k, 0) + n] = s->role == 0 && k == 0 ? t->input[n] : s->start[k];
        }
}

static void forward(const TimedEval *t)
{
    const Time *time = &t->g->time;
    int64_t ns = t->g->state_rows, stride = t->r.evaluation;
    double *start = t->value, *rates = t->value + t->r.rates, *sums = t->sums;
    start_states(t, start);
    for (int64_t step = 0; step < time->positions * time->steps; step++) {
        for (int i = 0; i < time->stages; i++, sums += t->g->sum_rows) {
            double *state = start + i * stride;
            for (int64_t n = 0; n < ns; n++) {
                double x = start[n];
                for (int j = 0; j < i; j++) x += time->a[i][j] * rates[j * ns + n];
                state[n] = x;
            }
            send(t, state, state + ns);
            move(t, state, state + ns, step / time->steps, sums, rates + i * ns);
        }
        double *next = start + time->stages * stride;
        for (int64_t n = 0; n < ns; n++) {
            next[n] = time->carry == 0 ? 0 : time->carry * start[n];
            for (int i = 0; i < time->stages; i++) next[n] += time->b[i] * rates[i * ns + n];
        }
        start = next;
    }
    send(t, start, start + ns);
    const NodeSet *out = &t->g->sets.at[t->g->output];
    for (int64_t p = 0; p < time->positions && t->r.output >= 0; p++) {
        const double *sent = t->value + (p + 1) * timed_evaluations_a_position(t->g) * stride + ns;
        for (int64_t n = 0; n < out->size; n++) {
            double *y = t->value + t->r.output + p * set_rows(out) + n * out->value_pixels;
            if (out->states) memcpy(y, sent + value_at(out, n), (size_t)out->value_pixels * sizeof *y);
            else sum_into(t, t->g->output, n, sent, p, y);
        }
    }
}

/* ---- backward ---- */

static void add_weights(const TimedEval *t, const Func *forward_function, const Cell *back, int first,
                        int64_t node)
{
    for (int i = 0; i < forward_function->values.count; i++) {
        const Value *w = forward_function->values.at[i];
        if (w->op != IR_WEIGHT) continue;
        t->gradient[w->param->offset + (w->param->shared ? 0 : node * w->param->components) + w->index] +=
            *cell_result(back, first++);
    }
}

/* Adds the gradient of what the node sends to its states' gradients. */
static void send_back(const TimedEval *t, const NodeSet *s, int64_t node, const double *state,
                      const double *d_sent, double *d_state)
{
    Args args = {0};
    Cell cell = cell_new(t->arena, s->send_back);
    load_states(s, node, state, args);
    args[1 + s->states] = d_sent;
    eval_cell(&cell, args, t->c->param, node);
    for (int k = 0; k < s->states; k++)
        for (int64_t p = 0; p < s->state_pixels; p++)
            d_state[set_state(s, k, node) + p] += cell_result(&cell, k)[p];
    add_weights(t, s->send, &cell, s->states, node);
}

/* Adds weights times gradients of sums over the edges out of a node: to moving targets, or to the plain
 * output. */
static void gather_gradients(const TimedEval *t, int set, int64_t node, const double *d_sums, bool to_output,
                             double *out)
{
    int64_t pixels = t->g->sets.at[set].value_pixels;
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        const NodeSet *to = &t->g->sets.at[u->to];
        bool plain = !is_moving(t->g, u->to);
        CandidateRun run;
        if (u->from != set || plain != to_output) continue;
        for (int64_t target = 0; target < to->size; target++)
            for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++) {
                int64_t at = run.first + node - run.source;
                if (node < run.source || node >= run.source + run.length || !in_use(t, b, at)) continue;
                const double *d = d_sums + (plain ? target * pixels : sum_at(to, target));
                for (int64_t p = 0; p < pixels; p++) out[p] += t->c->param[u->weight->offset + at] * d[p];
            }
    }
}

/* Gradient of `move` of one node: its sum becomes its gradient, those of its states are filled. */
static void move_back(const TimedEval *t, const NodeSet *s, const Cell *cell, int64_t node,
                      const double *state, double *sums, const double *d_rate, double *d_state)
{
    Args args = {sums + sum_at(s, node)};
    load_states(s, node, state, args);
    for (int k = 0; k < s->states; k++) args[1 + s->states + k] = d_rate + set_state(s, k, node);
    eval_cell(cell, args, t->c->param, node);
    memcpy(sums + sum_at(s, node), cell_result(cell, 0), (size_t)s->pixels * sizeof *sums);
    for (int k = 0; k < s->states; k++)
        memcpy(d_state + set_state(s, k, node), cell_result(cell, 1 + k),
               (size_t)s->state_pixels * sizeof *d_state);
    add_weights(t, s->move, cell, 1 + s->states, node);
}

/* sums become their gradients; d_state is filled */
static void evaluation_back(const TimedEval *t, const double *state, double *sums, const double *d_rate,
                            double *d_state)
{
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        Cell cell = cell_new(t->arena, s->move_back);
        for (int64_t n = 0; n < s->size; n++) move_back(t, s, &cell, n, state, sums, d_rate, d_state);
    }
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++) {
            const NodeSet *s = &t->g->sets.at[i];
            double *d_sent = NEW_ARRAY(t->arena, double, (size_t)s->value_pixels);
            gather_gradients(t, i, n, sums, false, d_sent);
            send_back(t, s, n, state, d_sent, d_state);
        }
}

/* Adds the gradient of the output at one position to that of the states after its steps. */
static void output_back(const TimedEval *t, const double *dy, int64_t position, double *d_state)
{
    const NodeSet *out = &t->g->sets.at[t->g->output];
    const double *state = t->value + (position + 1) * timed_evaluations_a_position(t->g) * t->r.evaluation,
                 *d = dy + position * set_rows(out);
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++) {
            const NodeSet *s = &t->g->sets.at[i];
            double *d_sent = NEW_ARRAY(t->arena, double, (size_t)s->value_pixels);
            if (!out->states) gather_gradients(t, i, n, d, true, d_sent);
            else if (i == t->g->output)
                memcpy(d_sent, d + n * s->value_pixels, (size_t)s->value_pixels * sizeof *d);
            send_back(t, s, n, state, d_sent, d_state);
        }
}

static void backward(const TimedEval *t, const double *dy)
{
    const Time *time = &t->g->time;
    int64_t ns = t->g->state_rows;
    double *d = t->back + t->r.back_work, *d_start = d + ns, *d_stage = d + 2 * ns, *d_rate = d + 3 * ns;
    const NodeSet *out = &t->g->sets.at[t->g->output];
    memcpy(t->back, t->sums, (size_t)(timed_evaluations(t->g) * t->g->sum_rows) * sizeof *t->sums);
    for (int64_t n = 0; n < time->positions * set_rows(out) && !out->states; n++)
        t->back[t->r.back_output + n] = dy[n];
    for (int64_t step = time->positions * time->steps - 1; step >= 0; step--) {
        if ((step + 1) % time->steps == 0) output_back(t, dy, step / time->steps, d);
        for (int64_t n = 0; n < ns; n++) d_start[n] = time->carry == 0 ? 0 : time->carry * d[n];
        for (int i = 0; i < time->stages; i++)
            for (int64_t n = 0; n < ns; n++) d_rate[i * ns + n] = time->b[i] * d[n];
        for (int i = time->stages - 1; i >= 0; i--) {
            int64_t e = step * time->stages + i;
            evaluation_back(t, t->value + e * t->r.evaluation, t->back + e * t->g->sum_rows, d_rate + i * ns,
                            d_stage);
            for (int64_t n = 0; n < ns; n++) {
                d_start[n] += d_stage[n];
                for (int j = 0; j < i; j++) d_rate[j * ns + n] += time->a[i][j] * d_stage[n];
            }
        }
        memcpy(d, d_start, (size_t)ns * sizeof *d);
    }
}

static void input_gradient(const TimedEval *t, double *out)
{
    const NodeSet *in = &t->g->sets.at[t->g->input];
    int64_t a_position = timed_evaluations_a_position(t->g), outputs = set_rows(&t->g->sets.at[t->g->output]);
    if (in->states)
        memcpy(out, t->back + t->r.back_work + set_state(in, 0, 0),
               (size_t)(in->size * in->state_pixels) * sizeof *out);
    for (int64_t p = 0; p < t->g->time.positions && !in->states; p++)
        for (int64_t n = 0; n < in->size; n++) {
            double *d = out + p * set_rows(in) + n * in->value_pixels;
            memset(d, 0, (size_t)in->value_pixels * sizeof *d);
            gather_gradients(t, t->g->input, n, t->back + t->r.back_output + p * outputs, true, d);
            for (int64_t e = p * a_position; e < (p + 1) * a_position; e++)
                gather_gradients(t, t->g->input, n, t->back + e * t->g->sum_rows, false, d);
        }
}

/* Adds one sample's gradient of all candidates of a bundle. */
static void edge_gradient(const TimedEval *t, const Bundle *u, double *out)
{
    bool plain = !is_moving(t->g, u->to);
    const NodeSet *to = &t->g->sets.at[u->to];
    int64_t a_position = timed_evaluations_a_position(t->g),
            count = plain ? t->g->time.positions : timed_evaluations(t->g);
    CandidateRun run;
    for (int64_t e = 0; e < count; e++) {
        int64_t position = plain ? e : e / a_position, evaluation = plain ? (e + 1) * a_position : e;
        const double *sent = t->value + evaluation * t->r.evaluation + t->r.sent;
        const double *d = plain ? t->back + t->r.back_output + position * set_rows(to)
                                : t->back + e * t->g->sum_rows + to->first_sum;
        for (int64_t target = 0; target < u->candidates.targets; target++)
            for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++)
                for (int64_t i = 0; i < run.length; i++) {
                    const double *from = source_value(t, u->from, run.source + i, sent, position);
                    for (int64_t p = 0; p < to->pixels; p++)
                        out[run.first + i] += from[p] * d[target * to->pixels + p];
                }
    }
}

void eval_timed(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Value *wired = v->op == IR_WIRED ? v : v->op == IR_WIRED_BACK ? v->args[0] : v->args[0]->args[0];
    const Value *back = v->op == IR_WIRED ? NULL : v->op == IR_WIRED_BACK ? v : v->args[0];
    const Graph *g = wired->graph;
    TimedEval t = {.arena = a, .c = c, .g = g, .r = timed_rows(g)};
    int64_t sums = timed_evaluations(g) * g->sum_rows;
    if (v->op == IR_WIRED) e->sums[v->id] = NEW_ARRAY(a, double, (size_t)(c->batch * sums) + 1);
    if (v->op == IR_WIRED_BACK) e->sums[v->id] = NEW_ARRAY(a, double, (size_t)c->model->param_total + 1);
    if (back) t.gradient = e->sums[back->id];
    for (int64_t s = 0; s < c->batch; s++) {
        t.input = e->value[wired->args[0]->id] + s * shape_size(wired->args[0]->shape);
        t.value = e->value[wired->id] + s * t.r.count, t.sums = e->sums[wired->id] + s * sums;
        if (back) t.back = e->value[back->id] + s * t.r.back_count;
        if (v->op == IR_WIRED) forward(&t);
        if (v->op == IR_WIRED_BACK) backward(&t, e->value[v->args[1]->id] + s * t.r.count + timed_output(g));
        if (v->op == IR_WIRED_INPUT) input_gradient(&t, e->value[v->id] + s * shape_size(v->shape));
        if (v->op == IR_WIRED_EDGES) edge_gradient(&t, &g->bundles.at[v->index], e->value[v->id]);
    }
    if (v->op == IR_WIRED_WEIGHT)
        memcpy(e->value[v->id], t.gradient + v->param->offset, (size_t)v->param->size * sizeof(double));
}
