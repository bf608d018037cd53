/* cell_time.c: time = steps(n) and flow(t0, t1, solver(n)), and node functions with states (timed.h).
 *
 * A function is evaluated once, with its sum and its states as arguments; from the result two functions are
 * cut out: what the node sends, which sees only states, and how its states move.
 */
#include "check/cell.h"
#include "ir/op.h"
#include "lower/grad.h"
#include "model/timed.h"
#include <math.h>

/* ---- schemes ---- */

typedef struct Scheme {
    BuiltinId solver;
    int stages;
    double a[6][6], b[6]; /* times the step size */
    int order;            /* of the error, plus 1; 0: the steps have one length */
    double error[7];      /* of the rates, the last one at the end of the step */
    bool implicit;        /* the states' functions hold the step (cell_implicit.c) */
} Scheme;

/* Hairer, Norsett, Wanner, "Solving ODEs I": Euler, the second-order schemes of Runge, the classical
 * fourth-order scheme. With a second result whose difference measures the error, and the last rate that of
 * the next step's start: Bogacki and Shampine (Appl. Math. Lett. 2, 1989), Dormand and Prince (HNW table
 * II.5.2), Tsitouras (Comput. Math. Appl. 62, 2011). */
static const Scheme schemes[] = {
    {BUILTIN_semi_implicit, 1, {{0}}, {1}, 0, {0}, true},
    {BUILTIN_euler, 1, {{0}}, {1}, 0, {0}, false},
    {BUILTIN_midpoint, 2, {{0}, {0.5}}, {0, 1}, 0, {0}, false},
    {BUILTIN_heun, 2, {{0}, {1}}, {0.5, 0.5}, 0, {0}, false},
    {BUILTIN_rk4, 4, {{0}, {0.5}, {0, 0.5}, {0, 0, 1}}, {1 / 6.0, 1 / 3.0, 1 / 3.0, 1 / 6.0}, 0, {0}, false},
    {BUILTIN_bosh3,
     3,
     {{0}, {0.5}, {0, 0.75}},
     {2 / 9.0, 1 / 3.0, 4 / 9.0},
     3,
     {-5 / 72.0, 1 / 12.0, 1 / 9.0, -1 / 8.0},
     false},
    {BUILTIN_dopri5,
     6,
     {{0},
      {1 / 5.0},
      {3 / 40.0, 9 / 40.0},
      {44 / 45.0, -56 / 15.0, 32 / 9.0},
      {19372 / 6561.0, -25360 / 2187.0, 64448 / 6561.0, -212 / 729.0},
      {9017 / 3168.0, -355 / 33.0, 46732 / 5247.0, 49 / 176.0, -5103 / 18656.0}},
     {35 / 384.0, 0, 500 / 1113.0, 125 / 192.0, -2187 / 6784.0, 11 / 84.0},
     5,
     {71 / 57600.0, 0, -71 / 16695.0, 71 / 1920.0, -17253 / 339200.0, 22 / 525.0, -1 / 40.0},
     false},
    {BUILTIN_tsit5,
     6,
     {{0},
      {0.161},
      {-0.008480655492356989, 0.335480655492357},
      {2.8971530571054935, -6.359448489975075, 4.3622954328695815},
      {5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525},
      {5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383}},
     {0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081,
      2.324710524099774},
     5,
     {-0.00178001105222577714, -0.0008164344596567469, 0.007880878010261995, -0.1447110071732629,
      0.5823571654525552, -0.45808210592918697, 0.015151515151515152},
     false},
};

/* ---- arguments ---- */

static bool whole_from_1(Check *k, const Val *v, const char *what, int64_t *out)
{
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_NUMBER && v->number >= 1 && v->number <= 1e6 && floor(v->number) == v->number) {
        *out = (int64_t)v->number;
        return true;
    }
    diag_add(k->diags, E_RANGE, v->span, "%s must be a whole number in 1 .. 1000000; this is %s", what,
             val_text(k, v));
    return false;
}

static bool tolerance(Check *k, const Val *v, const char *what, double *out)
{
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_NUMBER && v->number > 0 && v->number < 1) {
        *out = v->number;
        return true;
    }
    Diag *d = diag_add(k->diags, E_RANGE, v->span, "%s must be a number above 0 and below 1; this is %s",
                       what, val_text(k, v));
    if (v->kind == VAL_NUMBER && v->number >= 1)
        diag_help(d, "this solver chooses its steps; rk4(%s) takes as many as it is told", val_text(k, v));
    else diag_help(d, "usual are rtol = 0.001 and atol = 0.000001");
    return false;
}

/* 0: a 10^-8th of the span. */
static bool read_min_step(Check *k, const Val *v, Time *out)
{
    double span = out->end - out->start;
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_NUMBER && v->number >= 0 && v->number <= span) {
        out->min_step = v->number > 0 ? v->number : 1e-8 * span;
        return true;
    }
    Diag *d =
        diag_add(k->diags, E_RANGE, v->span,
                 "min_step must be in 0 .. %.15g, the length of the flow; this is %s", span, val_text(k, v));
    diag_help(d, "omit it: then it is %.3g", 1e-8 * span);
    return false;
}

/* The last argument of a solver. */
static bool read_gradient(Check *k, const Val *v, Time *out)
{
    if (val_is_poison(v)) return false;
    if (!val_is(v, BUILTIN_exact) && !val_is(v, BUILTIN_adjoint)) {
        Diag *d =
            diag_add(k->diags, E_KIND, v->span, "gradient is exact or adjoint; this is %s", val_text(k, v));
        diag_help(d, "omit it: then derivatives are those of the steps taken");
        return false;
    }
    out->adjoint = val_is(v, BUILTIN_adjoint);
    if (!out->adjoint || out->positions == 1) return true;
    Diag *d = diag_add(k->diags, E_PLACE, v->span,
                       "the adjoint gradient covers one flow, but scan runs one at each position");
    diag_help(d, "omit it; scan(G, truncate = 16) bounds how far derivatives go back");
    return false;
}

/* rtol, atol, min_step, max_steps, gradient */
static bool read_adaptive(Check *k, const Val *solver, const Scheme *s, Time *out)
{
    Val *const *a = solver->items.at;
    out->adaptive = true, out->exponent = 1.0 / s->order;
    memcpy(out->error, s->error, sizeof s->error);
    bool rtol = tolerance(k, a[0], "rtol", &out->rtol), atol = tolerance(k, a[1], "atol", &out->atol);
    bool least = read_min_step(k, a[2], out), most = whole_from_1(k, a[3], "max_steps", &out->steps);
    bool gradient = read_gradient(k, a[4], out);
    return rtol && atol && least && most && gradient;
}

static const Scheme *find_scheme(const Builtin *solver)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (schemes[i].solver == solver->id) return &schemes[i];
    BUG("no scheme '%s'", solver->name);
}

static bool read_flow(Check *k, const Val *v, Time *out)
{
    const Val *from = v->items.at[0], *to = v->items.at[1], *solver = v->items.at[2];
    if (val_is_poison(v)) return false;
    if (from->kind != VAL_NUMBER || to->kind != VAL_NUMBER || !(from->number < to->number) ||
        !isfinite(to->number - from->number)) {
        Diag *d =
            diag_add(k->diags, E_RANGE, v->span, "flow(t0, t1, solver) goes from a number to a larger one");
        diag_help(d, "such as flow(0, 1, rk4(10))");
        return false;
    }
    if (solver->kind != VAL_CALL || solver->builtin->kind != KIND_SOLVER) {
        Diag *d = diag_add(k->diags, E_KIND, solver->span, "%s is not a solver", val_kind_text(solver));
        diag_help(d, "a solver with fixed steps: rk4(10); or with adaptive steps: dopri5");
        return false;
    }
    const Scheme *s = find_scheme(solver->builtin);
    out->start = from->number, out->end = to->number, out->stages = s->stages, out->carry = 1;
    for (int i = 0; i < s->stages; i++) {
        out->b[i] = s->b[i];
        for (int j = 0; j < s->stages; j++) out->a[i][j] = s->a[i][j];
    }
    if (s->order) return read_adaptive(k, solver, s, out);
    if (!whole_from_1(k, solver->items.at[0], "the number of steps", &out->steps)) return false;
    if (!s->implicit && !read_gradient(k, solver->items.at[1], out)) return false;
    out->step = (out->end - out->start) / (double)out->steps;
    if (s->implicit) out->implicit = out->step, out->step = 1, out->carry = 0;
    return true;
}

Time time_of_steps(const Check *k, const char *text, int64_t steps)
{
    int64_t positions = k->positions ? k->positions : 1;
    return (Time){.text = text, .positions = positions, .steps = steps, .stages = 1, .b = {1}, .step = 1};
}

bool read_time(Check *k, const Val *v, Span span, Time *out)
{
    if (val_is_poison(v)) return false;
    if (v->kind != VAL_CALL || v->builtin->kind != KIND_TIME) {
        Diag *d = diag_add(k->diags, E_KIND, span,
                           "time is static, steps(n) or flow(t0, t1, solver); this is %s", val_kind_text(v));
        diag_help(d, "write time = static, or leave the line out");
        return false;
    }
    if (val_is(v, BUILTIN_steps)) {
        *out = time_of_steps(k, val_text(k, v), 0);
        return whole_from_1(k, v->items.at[0], "the number of steps", &out->steps);
    }
    *out = (Time){.text = val_text(k, v), .positions = k->positions ? k->positions : 1};
    return !val_is(v, BUILTIN_flow) || read_flow(k, v, out);
}

/* ---- states ---- */

static int find_state(const TimedCell *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->state[i].name, name) == 0) return i;
    return -1;
}

/* Known numbers, and values of weights and indices of the node. */
static bool is_start(Check *k, const Stmt *s, const Val *start)
{
    const bool value = start->kind == VAL_RUNTIME && !start->value->is_bool;
    if (s->dims.count || (start->kind != VAL_NUMBER && !value)) {
        Diag *d =
            diag_add(k->diags, E_KIND, s->span, "a state is one number a node and starts with a number");
        diag_help(d, "state %s = 0", s->name.text);
        return false;
    }
    if (!value) return true;
    if (!follows_from_weights(k->func, start->value)) {
        Diag *d =
            diag_add(k->diags, E_PLACE, start->span,
                     "a state starts before anything reaches the node: with a number, or weights of the "
                     "node");
        diag_help(d, "such as weight first = 0; state %s = first", s->name.text);
        return false;
    }
    if (k->cell->set->role != SET_INPUT || k->cell->timed->count) return true;
    Diag *d =
        diag_add(k->diags, E_PLACE, s->span,
                 "the first state of the input '%s' starts with what the graph is given", k->cell->set->name);
    diag_help(d, "state %s = 0, or declare it after another state", s->name.text);
    return false;
}

/* A state that starts at a value of weights is the sum of that value and of a state that starts at 0: its
 * gradient, solvers and sequences need nothing of their own. */
static Val *new_state(Check *k, const Stmt *s, Val *start)
{
    TimedCell *c = k->cell->timed;
    if (val_is_poison(start) || !is_start(k, s, start)) return val_poison(k);
    if (c->count == MAX_STATES) {
        diag_add(k->diags, E_RANGE, s->span, "a node has at most %d states", MAX_STATES);
        return val_poison(k);
    }
    TimedState *state = &c->state[c->count++];
    k->made.states++;
    Value *arg = func_add(k->func, IR_ARG, s->span, 0, NULL);
    arg->index = SLOT_STATE + c->count - 1, arg->shape = k->cell->set->map;
    *state = (TimedState){.name = s->name.text, .span = s->span};
    Val *v = val_runtime(k, arg, s->name.span);
    if (start->kind == VAL_NUMBER) return state->start = start->number, v;
    state->first = start;
    return pointwise(k, IR_ADD, s->span, 2, (Val *[]){v, start});
}

static void declare_state(Check *k, Scope *scope, const Stmt *s)
{
    Val *start = check_expr(k, scope, s->value);
    scope_add(k, scope, s->name, new_state(k, s, start));
}

static void move_state(Check *k, Scope *scope, const Stmt *s)
{
    bool flow = is_flow(k->cell->graph), derivative = s->kind == STMT_DERIV;
    int i = find_state(k->cell->timed, s->name.text);
    Val *v = check_expr(k, scope, s->value);
    if (i < 0) return; /* said by names.c */
    TimedState *state = &k->cell->timed->state[i];
    if (flow != derivative) {
        Diag *d = diag_add(k->diags, E_PLACE, s->span,
                           flow ? "a next value of state '%s' in a graph that flows"
                                : "a derivative of state '%s' in a graph that runs in steps",
                           s->name.text);
        diag_help(d,
                  flow ? "in time = flow a state is updated by its derivative: %s' = ..."
                       : "in time = steps a state is updated by its next value: next %s = ...",
                  s->name.text);
        state->moved = s->span;
        return;
    }
    if (state->next) {
        Diag *d = diag_add(k->diags, E_TWICE, s->span, "state '%s' is updated twice", s->name.text);
        diag_note(d, state->moved, "the first is here");
        return;
    }
    state->moved = s->span;
    if (state->first && !derivative) v = pointwise(k, IR_SUB, s->span, 2, (Val *[]){v, state->first});
    state->next = val_is_poison(v) ? NULL : val_value(k, v, "a number");
}

Val *scan_within(Check *k, const char *name, Span span)
{
    Diag *d =
        diag_add(k->diags, E_PLACE, span,
                 "'%s' has states, which carry over between positions only if scan is applied to '%s' itself",
                 name, name);
    diag_help(d, "scan the part before it, the function itself and the part after it separately: |> scan(%s)",
              name);
    return val_poison(k);
}

/* In a static graph, or in none. */
static void state_without_time(Check *k, const Decl *d, const Stmt *s)
{
    bool flows = false;
    for (int i = 0; i < d->body.count; i++) flows = flows || d->body.at[i]->kind == STMT_DERIV;
    Diag *g =
        diag_add(k->diags, E_PLACE, s->span,
                 "'%s' has a state, which needs a graph with time = steps(n) or flow(...)", d->name.text);
    diag_help(g, "as the function of nodes in a graph with a line such as time = %s",
              flows ? "flow(0, 1, rk4(10))" : "steps(1)");
}

static bool declares_state(Check *k, Scope *scope, const Decl *d, const Stmt *s)
{
    if (k->cell && k->cell->of_edge) {
        Diag *g = diag_add(k->diags, E_PLACE, s->span, "'%s' has a state, and an edge function has none",
                           d->name.text);
        diag_help(g, "keep the state in the node function of the target");
        return false;
    }
    if (k->cell && k->cell->timed) return declare_state(k, scope, s), true;
    if (k->positions && !k->graph) scan_within(k, d->name.text, s->span);
    else state_without_time(k, d, s);
    return false;
}

bool state_line(Check *k, Scope *scope, const Decl *d, const Stmt *s)
{
    if (s->kind == STMT_STATE) return declares_state(k, scope, d, s);
    if (k->cell && k->cell->timed) return move_state(k, scope, s), true;
    diag_add(k->diags, E_PLACE, s->span, "a state moves only in a graph with time = steps(n) or flow(...)");
    return false;
}

/* ---- node functions ---- */

static bool depends_on_sum(const Func *f, Value *result)
{
    const bool *read = func_follow(f, 1, &result);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        if (read[i] && v->op == IR_ARG && v->index < SLOT_SUM + MAX_PORTS) return true;
    }
    return false;
}

static Func *cut_out(Check *k, const Func *f, const char *name, int count, Value *const *results)
{
    Value **map = NEW_ARRAY(k->perm, Value *, (size_t)f->values.count + 1);
    Func *part = func_copy(k->perm, f, arena_printf(k->perm, "%s.%s", f->name, name), map);
    for (int i = 0; i < count; i++) func_result(part, name, map[results[i]->id]);
    func_prune(part);
    return part;
}

/* How the states move, and what norms are given on the way. */
static Func *cut_move(Check *k, const Func *f, NodeSet *s, Value *const *next)
{
    Value *results[MAX_STATES + MAX_NORMS];
    int norms = s->cell.norms.count;
    for (int i = 0; i < s->states; i++) results[i] = next[i];
    for (int i = 0; i < norms; i++) results[s->states + i] = s->cell.norms.at[i].x;
    Func *part = cut_out(k, f, "move", s->states + norms, results);
    for (int i = 0; i < norms; i++) s->cell.norms.at[i].x = part->results.at[s->states + i];
    part->results.count = part->result_names.count = s->states;
    return part;
}

static bool states_move(Check *k, const TimedCell *c, const Graph *g)
{
    bool ok = true;
    for (int i = 0; i < c->count; i++) {
        if (c->state[i].next || c->state[i].moved.end) continue;
        Diag *d =
            diag_add(k->diags, E_UNUSED, c->state[i].span, "state '%s' is never updated", c->state[i].name);
        diag_help(d, is_flow(g) ? "add a line: %s' = ..." : "add a line: next %s = ...", c->state[i].name);
        ok = false;
    }
    return ok;
}

/* Every state moves to a value of its own shape; a number is one for the whole map. */
static bool states_fit(Check *k, const NodeSet *s, Func *f, Value **next, Span span)
{
    if (s->role == SET_INPUT && !shape_equal(s->state_map, s->map)) {
        diag_add(k->diags, E_SHAPE, span,
                 "the nodes of '%s' start at %s and move to %s; what moves keeps its shape", s->name,
                 map_text(k, s->map), map_text(k, s->state_map));
        return false;
    }
    for (int i = 0; i < s->states; i++) {
        if (shape_equal(next[i]->shape, s->state_map)) continue;
        if (next[i]->shape.rank > 0) {
            diag_add(k->diags, E_SHAPE, next[i]->span, "a state of '%s' is %s and moves by %s", s->name,
                     map_text(k, s->state_map), map_text(k, next[i]->shape));
            return false;
        }
        next[i] = broadcast(f, next[i], s->state_map, 0);
    }
    return true;
}

static bool follows_from_states(Check *k, const Func *f, Value *v, const char *what, Span span)
{
    if (!depends_on_sum(f, v)) return true;
    Diag *d = diag_add(k->diags, E_KIND, span,
                       "the value a node %s must depend on its states, not on its present sum", what);
    diag_help(d, "let a state take the sum, and end the function with the state");
    return false;
}

/* Of how the states move: sums and states; of what is sent and shown: states. */
static void timed_gradients(Check *k, NodeSet *s)
{
    CellArgument argument[MAX_PORTS + MAX_STATES], *states = argument + set_sums(s);
    for (int i = 0; i < set_sums(s); i++) argument[i] = (CellArgument){SLOT_SUM + i, s->map};
    for (int i = 0; i < s->states; i++) states[i] = (CellArgument){SLOT_STATE + i, s->state_map};
    grad_cell(k->perm, &s->cell, set_sums(s) + s->states, argument);
    grad_cell(k->perm, &s->send, s->states, states);
    if (set_shows_sent(s)) s->show = s->send;
    else grad_cell(k->perm, &s->show, s->states, states);
}

static void finish_cell(Check *k, const Graph *g, NodeSet *s, TimedCell *c, Span span)
{
    Func *f = c->f;
    Value *next[MAX_STATES], *last = c->sent, *shown = c->shown;
    if (c->count == 0) { /* without a state a node's own value moves */
        c->sent = func_add(f, IR_ARG, span, 0, NULL);
        c->sent->index = SLOT_STATE, c->sent->shape = last->shape;
        next[0] = last;
    } else if (!follows_from_states(k, f, last, "sends", span) ||
               (shown && !follows_from_states(k, f, shown, "shows", span))) {
        return;
    }
    for (int i = 0; i < c->count; i++) {
        if (!c->state[i].next) return;
        next[i] = c->state[i].next;
        s->start[i] = c->state[i].start;
        s->learned_start |= c->state[i].first != NULL;
    }
    s->states = c->count ? c->count : 1;
    s->state_map = c->count ? s->map : last->shape, s->value_map = c->sent->shape;
    if (!states_fit(k, s, f, next, span) || !step_implicitly(k, g, s, c, next)) return;
    s->send.forward = s->show.forward = cut_out(k, f, "send", 1, &c->sent);
    s->cell.forward = cut_move(k, f, s, next);
    if (shown && s->role == SET_OUTPUT) s->show.forward = cut_out(k, f, "show", 1, &shown);
    if (!norms_moved(k, g, s, s->send.forward) || !norms_moved(k, g, s, s->show.forward) ||
        !norms_used(k, g, s, s->cell.forward))
        return;
    if (reads_noise(k, s->send.forward, "sends") || reads_noise(k, s->show.forward, "shows")) return;
    timed_gradients(k, s);
}

/* The last line of a function in time: what the node sends, or (that, what it shows as a node of the output).
 */
static Value *last_line(Check *k, Val *v, TimedCell *c, Span span)
{
    if (v->kind != VAL_TUPLE) return val_value(k, v, "the value of a node");
    if (v->items.count != 2 || c->count == 0) {
        Diag *d = diag_add(k->diags, E_KIND, span, "a node sends one value; here are %d", v->items.count);
        diag_help(d,
                  "a function with states may end with two: (what the node sends, what it shows as output)");
        return NULL;
    }
    Value *sent = val_value(k, v->items.at[0], "what a node sends");
    Value *shown = c->shown = val_value(k, v->items.at[1], "what a node shows");
    if (!sent || !shown) return NULL;
    if (shape_equal(sent->shape, shown->shape) && !shown->is_bool) return sent;
    diag_add(k->diags, E_SHAPE, span, "a node sends %s and shows %s; both must be of one kind",
             map_text(k, sent->shape), shown->is_bool ? "a condition" : map_text(k, shown->shape));
    return NULL;
}

void build_timed_cell(Check *k, CellBuild *here, Val *function, bool own)
{
    const Graph *g = here->graph;
    NodeSet *s = here->set;
    Func *f = k->func;
    TimedCell cell = {.own = own, .f = f};
    here->timed = &cell;
    name_cell(k, here, function);
    Span span = function ? function->span : s->span;
    Val *v = apply_to_sums(k, s, function, f);
    cell.sent = val_is_poison(v) ? NULL : last_line(k, v, &cell, span);
    cell_close(k);
    s->costs = cell_costs(k, here, f);
    if (cell.sent && cell.sent->is_bool) {
        diag_add(k->diags, E_KIND, span, "a node function gives a number; '%s' gives a condition",
                 s->cell_name);
        return;
    }
    if (states_move(k, &cell, g) && cell.sent) finish_cell(k, g, s, &cell, span);
}
