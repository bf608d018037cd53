/* cell_implicit.c: flow(t0, t1, semi_implicit(n)): n steps of length h that are implicit in each state's own
 * value and explicit in all others (the fused solver of liquid time-constant networks: Hasani, Lechner,
 * Amini, Rus, Grosu, AAAI 2021). The rate of a state s is f = a s + b, where a and b follow from the sums and
 * the other states at the start of the step. Then
 *
 *     s(t + h) = (s + h b) / (1 - h a) = s + h f / (1 - h a)
 *
 * a is the derivative of f by s: of the function itself, and, where edges read the target's own value, df/dz
 * J dg/ds, with z the sum, g(s) what the node sends, and J the sum over its edges in use of their derivatives
 * by g. The graph then runs like one of discrete steps: the formula is made part of the states' function, so
 * its gradients are exact.
 */
#include "check/cell.h"
#include "lower/grad.h"
#include "ir/op.h"
#include "model/timed.h"

/* ---- how values depend on one argument ---- */

typedef enum Degree { CONSTANT, AFFINE, OTHER } Degree;

static Degree larger(Degree a, Degree b)
{
    return a > b ? a : b;
}

static Degree degree_of(const Value *v, const Degree *degree)
{
    Degree a[3] = {CONSTANT, CONSTANT, CONSTANT}, most = CONSTANT;
    for (int i = 0; i < v->arg_count; i++) {
        if (i < 3) a[i] = degree[v->args[i]->id];
        most = larger(most, degree[v->args[i]->id]);
    }
    if (most == CONSTANT || most == OTHER) return most;
    switch (v->op) {
    case IR_ADD:
    case IR_SUB:
    case IR_NEG:
    case IR_REPEAT: return AFFINE;
    case IR_MUL: return a[0] == AFFINE && a[1] == AFFINE ? OTHER : AFFINE;
    case IR_DIV: return a[1] == CONSTANT ? AFFINE : OTHER;
    case IR_SELECT: return a[0] == CONSTANT ? AFFINE : OTHER;
    default: return OTHER;
    }
}

/* degree[]: of all values in argument `index`, while the sum (or an edge's source) is of degree `sum`. */
static void find_degrees(const Func *f, int64_t index, Degree sum, Degree *degree)
{
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        degree[i] = v->op != IR_ARG        ? degree_of(v, degree)
                    : v->index == index    ? AFFINE
                    : v->index == SLOT_SUM ? sum
                                           : CONSTANT;
    }
}

/* The first value on the way to v that is not affine. */
static const Value *culprit(const Value *v, const Degree *degree)
{
    for (int i = 0; i < v->arg_count; i++)
        if (degree[v->args[i]->id] == OTHER) return culprit(v->args[i], degree);
    return v;
}

/* ---- the step ---- */

/* A number for each element of v. */
static Value *repeated(Func *f, double number, const Value *v)
{
    return broadcast(f, func_const(f, number), v->shape, 0);
}

/* The derivative of y by x, element by element; NULL: 0. */
static Value *derivative(Func *f, const Value *y, Value *x)
{
    Value *one = repeated(f, 1, y), *result = NULL, *of = f->values.at[y->id];
    grad_append(f, (Seeds){1, &of, &one}, 1, &x, &result);
    return result;
}

static const char *state_text(Check *k, const NodeSet *s, const TimedCell *c, int i)
{
    return c->count ? arena_printf(k->perm, "state '%s'", c->state[i].name)
                    : arena_printf(k->perm, "the value of a node of '%s'", s->name);
}

static bool is_affine(Check *k, const NodeSet *s, const TimedCell *c, const Value *rate, int i)
{
    const Func *f = c->f;
    Degree *degree = NEW_ARRAY(k->perm, Degree, (size_t)f->values.count + 1), of_sent;
    find_degrees(f, SLOT_STATE + i, CONSTANT, degree);
    of_sent = degree[c->sent->id];
    const Value *sent_culprit = of_sent == OTHER ? culprit(c->sent, degree) : NULL;
    find_degrees(f, SLOT_STATE + i, s->slope ? of_sent : CONSTANT, degree);
    if (degree[rate->id] != OTHER) return true;
    const Value *v = culprit(rate, degree);
    if (v->op == IR_ARG && sent_culprit) v = sent_culprit;
    Diag *d =
        diag_add(k->diags, E_KIND, v->span,
                 "semi_implicit needs rates that are affine in their own state, a * s + b; that of %s is not",
                 state_text(k, s, c, i));
    if (s->slope) diag_note(d, s->span, "edges into '%s' read what its nodes send", s->name);
    diag_help(d, "euler(n) and rk4(n) accept every rate, with shorter steps");
    return false;
}

/* The derivative of rate i by its state, through the function and through the node's own edges; NULL: 0. */
static Value *own_derivative(NodeSet *s, const TimedCell *c, const Value *rate, int i, Value *slope)
{
    Func *f = c->f;
    Value *state = func_argument(f, SLOT_STATE + i), *sum = func_argument(f, SLOT_SUM);
    Value *direct = state ? derivative(f, rate, state) : NULL;
    if (!s->slope || !state || !sum) return direct;
    Value *by_sum = derivative(f, rate, sum), *of_sent = derivative(f, c->sent, state);
    if (!by_sum || !of_sent) return direct;
    Value *through = func_binary(f, IR_MUL, by_sum, func_binary(f, IR_MUL, slope, of_sent));
    return direct ? func_binary(f, IR_ADD, direct, through) : through;
}

static Value *step_of(Func *f, Value *state, Value *rate, Value *a, double h)
{
    Value *move = func_binary(f, IR_MUL, func_const(f, h), rate);
    if (a) {
        Value *part = func_binary(f, IR_MUL, func_const(f, h), a);
        move = func_binary(f, IR_DIV, move, func_binary(f, IR_SUB, func_const(f, 1), part));
    }
    return func_binary(f, IR_ADD, state, move);
}

static bool one_port(Check *k, const NodeSet *s)
{
    Diag *d = diag_add(
        k->diags, E_LATER, s->span,
        "with semi_implicit the nodes of '%s' have one sum, as edges into them read what they send", s->name);
    diag_help(d, "euler(n) and rk4(n) accept several ports, with shorter steps");
    return false;
}

bool step_implicitly(Check *k, const Graph *g, NodeSet *s, const TimedCell *c, Value **next)
{
    Func *f = c->f;
    Value *slope = NULL;
    if (g->time.implicit == 0) return true;
    s->slope = c->own;
    if (s->slope && s->ports.count) return one_port(k, s);
    for (int i = 0; i < s->states; i++)
        if (!is_affine(k, s, c, next[i], i)) return false;
    if (s->slope) {
        slope = func_add(f, IR_ARG, s->span, 0, NULL);
        slope->index = SLOT_SUM + 1;
    }
    for (int i = 0; i < s->states; i++) {
        Value *a = own_derivative(s, c, next[i], i, slope), *state = func_argument(f, SLOT_STATE + i);
        if (!state) {
            state = func_add(f, IR_ARG, s->span, 0, NULL);
            state->index = SLOT_STATE + i, state->shape = s->state_map;
        }
        next[i] = step_of(f, state, next[i], a, g->time.implicit);
    }
    return true;
}

/* ---- edges ---- */

Value *edge_slope(Check *k, Func *f, Value *value, const char *name)
{
    Degree *degree = NEW_ARRAY(k->perm, Degree, (size_t)f->values.count + 1);
    find_degrees(f, SLOT_OWN, CONSTANT, degree);
    if (degree[value->id] == OTHER) {
        Diag *d = diag_add(
            k->diags, E_KIND, culprit(value, degree)->span,
            "semi_implicit needs edges that are affine in the target's own value, a * post + b; '%s' is not",
            name);
        diag_help(d, "euler(n) and rk4(n) accept every edge function, with shorter steps");
        return NULL;
    }
    Value *own = func_argument(f, SLOT_OWN), *slope = own ? derivative(f, value, own) : NULL;
    return slope ? slope : func_const(f, 0);
}
