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

static int64_t state_at(const NodeSet *s, int k, int64_t node)
{
    return s->first_state + (int64_t)k * s->size + node;
}

static double *scratch_for(const TimedEval *t, const Func *f)
{
    return NEW_ARRAY(t->arena, double, (size_t)f->values.count + 1);
}

static bool in_use(const TimedEval *t, int b, int64_t candidate)
{
    return t->c->kept[t->g->number][b][candidate] != 0;
}

static double sum_into(const TimedEval *t, int set, int64_t node, const double *sent, int64_t position)
{
    double total = 0;
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        const double *from = is_moving(t->g, u->from) ? sent + t->g->sets.at[u->from].first
                                                      : t->input + position * t->g->sets.at[u->from].size;
        CandidateRun run;
        if (u->to != set) continue;
        for (int64_t n = 0; candidates_run(&u->candidates, node, n, &run); n++)
            for (int64_t i = 0; i < run.length; i++)
                if (in_use(t, b, run.first + i))
                    total += t->c->param[u->weight->offset + run.first + i] * from[run.source + i];
    }
    return total;
}

static void load_states(const NodeSet *s, int64_t node, const double *state, double *args)
{
    for (int k = 0; k < s->states; k++) args[1 + k] = state[state_at(s, k, node)];
}

static void send(const TimedEval *t, const double *state, double *sent)
{
    double args[2 + 2 * MAX_STATES] = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        double *scratch = scratch_for(t, s->send);
        for (int64_t n = 0; n < s->size; n++) {
            load_states(s, n, state, args);
            eval_cell(s->send, args, t->c->param, n, scratch);
            sent[s->first + n] = scratch[s->send->results.at[0]->id];
        }
    }
}

static void move(const TimedEval *t, const double *state, const double *sent, int64_t position, double *sums,
                 double *rate)
{
    double args[2 + 2 * MAX_STATES] = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        double *scratch = scratch_for(t, s->move);
        for (int64_t n = 0; n < s->size; n++) {
            args[0] = sums[s->first + n] = sum_into(t, i, n, sent, position);
            load_states(s, n, state, args);
            eval_cell(s->move, args, t->c->param, n, scratch);
            for (int k = 0; k < s->states; k++) rate[state_at(s, k, n)] = scratch[s->move->results.at[k]->id];
        }
    }
}

static void start_states(const TimedEval *t, double *state)
{
    for (int i = 0; i < t->g->sets.count; i++)
        for (int k = 0; k < t->g->sets.at[i].states; k++)
            for (int64_t n = 0; n < t->g->sets.at[i].size; n++) {
                const NodeSet *s = &t->g->sets.at[i];
                state[state_at(s, k, n)] = s->role == 0 && k == 0 ? t->input[n] : s->start[k];
            }
}

static void forward(const TimedEval *t)
{
    const Time *time = &t->g->time;
    int64_t ns = t->g->state_rows, stride = t->r.evaluation;
    double *start = t->value, *rates = t->value + t->r.rates, *sums = t->sums;
    start_states(t, start);
    for (int64_t step = 0; step < time->positions * time->steps; step++) {
        for (int i = 0; i < time->stages; i++, sums += t->g->nodes) {
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
        for (int64_t n = 0; n < out->size; n++)
            t->value[t->r.output + p * out->size + n] =
                out->states ? sent[out->first + n] : sum_into(t, t->g->output, n, sent, p);
    }
}

/* ---- backward ---- */

static void add_weights(const TimedEval *t, const Func *forward_function, const Func *back,
                        const double *scratch, int first, int64_t node)
{
    for (int i = 0; i < forward_function->values.count; i++) {
        const Value *w = forward_function->values.at[i];
        if (w->op != IR_WEIGHT) continue;
        t->gradient[w->param->offset + (w->param->shared ? 0 : node * w->param->components) + w->index] +=
            scratch[back->results.at[first++]->id];
    }
}

/* Adds the gradient of what the node sends to its states' gradients. */
static void send_back(const TimedEval *t, const NodeSet *s, int64_t node, const double *state, double d_sent,
                      double *d_state)
{
    double args[2 + 2 * MAX_STATES] = {0}, *scratch = scratch_for(t, s->send_back);
    load_states(s, node, state, args);
    args[1 + s->states] = d_sent;
    eval_cell(s->send_back, args, t->c->param, node, scratch);
    for (int k = 0; k < s->states; k++)
        d_state[state_at(s, k, node)] += scratch[s->send_back->results.at[k]->id];
    add_weights(t, s->send, s->send_back, scratch, s->states, node);
}

/* Sum of weights times gradients of sums over the edges out of a node: to moving targets, or to the plain
 * output. */
static double gather_gradients(const TimedEval *t, int set, int64_t node, const double *d_sums,
                               bool to_output)
{
    double total = 0;
    for (int b = 0; b < t->g->bundles.count; b++) {
        const Bundle *u = &t->g->bundles.at[b];
        bool plain = !is_moving(t->g, u->to);
        CandidateRun run;
        if (u->from != set || plain != to_output) continue;
        for (int64_t target = 0; target < t->g->sets.at[u->to].size; target++)
            for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++) {
                int64_t at = run.first + node - run.source;
                if (node < run.source || node >= run.source + run.length || !in_use(t, b, at)) continue;
                total += t->c->param[u->weight->offset + at] *
                         d_sums[(plain ? 0 : t->g->sets.at[u->to].first) + target];
            }
    }
    return total;
}

/* sums become their gradients; d_state is filled */
static void evaluation_back(const TimedEval *t, const double *state, double *sums, const double *d_rate,
                            double *d_state)
{
    double args[2 + 2 * MAX_STATES] = {0};
    for (int i = 0; i < t->g->sets.count; i++) {
        const NodeSet *s = &t->g->sets.at[i];
        if (!s->states) continue;
        double *scratch = scratch_for(t, s->move_back);
        for (int64_t n = 0; n < s->size; n++) {
            args[0] = sums[s->first + n];
            load_states(s, n, state, args);
            for (int k = 0; k < s->states; k++) args[1 + s->states + k] = d_rate[state_at(s, k, n)];
            eval_cell(s->move_back, args, t->c->param, n, scratch);
            sums[s->first + n] = scratch[s->move_back->results.at[0]->id];
            for (int k = 0; k < s->states; k++)
                d_state[state_at(s, k, n)] = scratch[s->move_back->results.at[1 + k]->id];
            add_weights(t, s->move, s->move_back, scratch, 1 + s->states, n);
        }
    }
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++)
            send_back(t, &t->g->sets.at[i], n, state, gather_gradients(t, i, n, sums, false), d_state);
}

/* Adds the gradient of the output at one position to that of the states after its steps. */
static void output_back(const TimedEval *t, const double *dy, int64_t position, double *d_state)
{
    const NodeSet *out = &t->g->sets.at[t->g->output];
    const double *state = t->value + (position + 1) * timed_evaluations_a_position(t->g) * t->r.evaluation,
                 *d = dy + position * out->size;
    for (int i = 0; i < t->g->sets.count; i++)
        for (int64_t n = 0; n < t->g->sets.at[i].size && t->g->sets.at[i].states; n++) {
            double d_sent = out->states ? (i == t->g->output ? d[n] : 0) : gather_gradients(t, i, n, d, true);
            send_back(t, &t->g->sets.at[i], n, state, d_sent, d_state);
        }
}

static void backward(const TimedEval *t, const double *dy)
{
    const Time *time = &t->g->time;
    int64_t ns = t->g->state_rows;
    double *d = t->back + t->r.back_work, *d_start = d + ns, *d_stage = d + 2 * ns, *d_rate = d + 3 * ns;
    const NodeSet *out = &t->g->sets.at[t->g->output];
    memcpy(t->back, t->sums, (size_t)(timed_evaluations(t->g) * t->g->nodes) * sizeof *t->sums);
    for (int64_t n = 0; n < time->positions * out->size && !out->states; n++)
        t->back[t->r.back_output + n] = dy[n];
    for (int64_t step = time->positions * time->steps - 1; step >= 0; step--) {
        if ((step + 1) % time->steps == 0) output_back(t, dy, step / time->steps, d);
        for (int64_t n = 0; n < ns; n++) d_start[n] = time->carry == 0 ? 0 : time->carry * d[n];
        for (int i = 0; i < time->stages; i++)
            for (int64_t n = 0; n < ns; n++) d_rate[i * ns + n] = time->b[i] * d[n];
        for (int i = time->stages - 1; i >= 0; i--) {
            int64_t e = step * time->stages + i;
            evaluation_back(t, t->value + e * t->r.evaluation, t->back + e * t->g->nodes, d_rate + i * ns,
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
    int64_t a_position = timed_evaluations_a_position(t->g), outputs = t->g->sets.at[t->g->output].size;
    for (int64_t n = 0; n < in->size && in->states; n++)
        out[n] = t->back[t->r.back_work + state_at(in, 0, n)];
    for (int64_t p = 0; p < t->g->time.positions && !in->states; p++)
        for (int64_t n = 0; n < in->size; n++) {
            double *d = &out[p * in->size + n];
            *d = gather_gradients(t, t->g->input, n, t->back + t->r.back_output + p * outputs, true);
            for (int64_t e = p * a_position; e < (p + 1) * a_position; e++)
                *d += gather_gradients(t, t->g->input, n, t->back + e * t->g->nodes, false);
        }
}

/* Adds one sample's gradient of all candidates of a bundle. */
static void edge_gradient(const TimedEval *t, const Bundle *u, double *out)
{
    bool plain = !is_moving(t->g, u->to);
    int64_t a_position = timed_evaluations_a_position(t->g),
            count = plain ? t->g->time.positions : timed_evaluations(t->g);
    CandidateRun run;
    for (int64_t e = 0; e < count; e++) {
        int64_t position = plain ? e : e / a_position, evaluation = plain ? (e + 1) * a_position : e;
        const double *sent = t->value + evaluation * t->r.evaluation + t->r.sent;
        const double *from = is_moving(t->g, u->from) ? sent + t->g->sets.at[u->from].first
                                                      : t->input + position * t->g->sets.at[u->from].size;
        const double *d = plain ? t->back + t->r.back_output + position * t->g->sets.at[u->to].size
                                : t->back + e * t->g->nodes + t->g->sets.at[u->to].first;
        for (int64_t target = 0; target < u->candidates.targets; target++)
            for (int64_t n = 0; candidates_run(&u->candidates, target, n, &run); n++)
                for (int64_t i = 0; i < run.length; i++)
                    out[run.first + i] += from[run.source + i] * d[target];
    }
}

void eval_timed(Arena *a, Eval *e, const Value *v, const EvalContext *c)
{
    const Value *wired = v->op == IR_WIRED ? v : v->op == IR_WIRED_BACK ? v->args[0] : v->args[0]->args[0];
    const Value *back = v->op == IR_WIRED ? NULL : v->op == IR_WIRED_BACK ? v : v->args[0];
    const Graph *g = wired->graph;
    TimedEval t = {.arena = a, .c = c, .g = g, .r = timed_rows(g)};
    int64_t sums = timed_evaluations(g) * g->nodes;
    if (v->op == IR_WIRED) e->sums[v->id] = NEW_ARRAY(a, double, (size_t)(c->batch * sums) + 1);
    if (v->op == IR_WIRED_BACK) e->sums[v->id] = NEW_ARRAY(a, double, (size_t)c->model->param_total + 1);
    if (back) t.gradient = e->sums[back->id];
    for (int64_t s = 0; s < c->batch; s++) {
        t.input = e->value[wired->args[0]->id] + s * g->time.positions * g->sets.at[g->input].size;
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
