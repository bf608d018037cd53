/* layer_scan.c: scan: a function along the first index of a tensor.
 *
 * A graph that runs in time and a function with states run position by position, their states going on. Any
 * other function makes the same of each position; it is built once, on the part at one of them, and then
 * taken to all (layer_positions.c).
 */
#include "check/layer.h"
#include "model/timed.h"
#include <math.h>

/* Positions after which the gradient of the states stops; 0: never. */
static bool read_truncate(Check *k, const Val *v, int64_t *out)
{
    if (val_is_poison(v)) return false;
    if (v->kind == VAL_NUMBER && v->number >= 0 && v->number <= 1e6 && floor(v->number) == v->number) {
        *out = (int64_t)v->number;
        return true;
    }
    Diag *d = diag_add(k->diags, E_RANGE, v->span,
                       "truncate is a whole number of positions in 0 .. 1000000; this is %s", val_text(k, v));
    diag_help(d, "scan(G, truncate = 16) stops the gradient of the states every 16 positions; 0: never");
    return false;
}

static const char *name_of(const Val *function)
{
    return function->decl ? function->decl->name.text : function->builtin->name;
}

static void scan_in_scan(Check *k, const char *name, Span span)
{
    Diag *d = diag_add(
        k->diags, E_PLACE, span,
        "'%s' has states, which follow one sequence only: it cannot be scanned inside a scanned function",
        name);
    diag_help(d, "scan it outside of that function: |> scan(%s)", name);
}

static bool is_sequence(Check *k, const Value *x, Span span)
{
    if (x->shape.rank >= 2) return true;
    Diag *d = diag_add(k->diags, E_SHAPE, span, "scan takes a sequence [positions, features] and is given %s",
                       shape_text(k->perm, x->shape));
    diag_note(d, x->span, "%s comes from here", shape_text(k->perm, x->shape));
    return false;
}

/* What stands at one position. */
static Value *part_of(Check *k, const Value *whole)
{
    Value *part = func_add(k->func, IR_INPUT, whole->span, 0, NULL);
    part->shape.rank = whole->shape.rank - 1;
    for (int i = 0; i < part->shape.rank; i++) part->shape.dim[i] = whole->shape.dim[i + 1];
    return part;
}

/* A graph for one position, if that is what scan is given; NULL where it is not, or after a message. */
static Graph *graph_of(Check *k, Val *function, Value *part, Span span)
{
    if (function->decl && function->decl->kind == DECL_GRAPH)
        return build_graph(k, function, part, part->shape, span);
    bool states = function->decl && declares_states(function->decl);
    return states ? cell_in_time(k, function, part->shape, span) : NULL;
}

/* What was made of one part, at all positions. */
static Val *applied(Check *k, const Val *function, Value *whole, const Value *part, const Val *made,
                    Span span)
{
    Value *one = val_is_poison(made) ? NULL : val_value(k, made, "a tensor");
    int64_t most = 0;
    Value *all = one ? all_positions(k, whole, part, one, &most) : NULL;
    if (!one) return val_poison(k);
    if (!all) {
        Diag *d = diag_add(k->diags, E_KIND, span,
                           "the value of '%s' does not depend on the value at a position", name_of(function));
        diag_help(d, "scan takes a function that uses its value");
    } else if (one->shape.rank == MAX_RANK) {
        Diag *d = diag_add(k->diags, E_SHAPE, span,
                           "'%s' gives %s at each position, and with the positions a tensor has at most %d "
                           "sizes",
                           name_of(function), shape_text(k->perm, one->shape), MAX_RANK);
        diag_help(d, "let it end with: |> flatten");
    } else if (most > MOST_NUMBERS) {
        diag_add(k->diags, E_MEMORY, span, "scan gives %.15g numbers per sample here; the most is %d",
                 (double)most, MOST_NUMBERS);
    } else return val_runtime(k, all, span);
    return val_poison(k);
}

static bool no_truncate(Check *k, const Val *function, const Val *truncate)
{
    if (truncate->number == 0) return true;
    Diag *d = diag_add(k->diags, E_ARGUMENT, truncate->span,
                       "truncate stops the gradient of states, and '%s' has none", name_of(function));
    diag_help(d, "omit it: scan(%s)", name_of(function));
    return false;
}

/* A state that starts at weights is their value and what was added to it: where the gradient of the sum
 * stops, that of the weights would go on. */
static bool stops_at_weights(Check *k, const Graph *g, const Val *truncate)
{
    for (int i = 0; i < g->sets.count && truncate->number > 0; i++) {
        const NodeSet *s = &g->sets.at[i];
        if (!s->learned_start) continue;
        Diag *d = diag_add(k->diags, E_LATER, truncate->span,
                           "truncate is not implemented for states that start at weights, as in '%s'",
                           s->cell_name);
        diag_help(d, "let the states start at numbers, or omit truncate");
        return true;
    }
    return false;
}

Val *scan_function(Check *k, Val *function, Val *x, const Val *truncate, Span span)
{
    int64_t stops, around = k->positions;
    const bool padded = is_padded(k, x->value), around_padded = k->positions_padded;
    Value *whole = x->value;
    if (!read_truncate(k, truncate, &stops) || !is_sequence(k, whole, span)) return val_poison(k);
    Value *part = part_of(k, whole);
    if (is_given(k, whole)) set_given(k, part);
    Val *result = val_poison(k);
    int before = mistakes(k);
    k->positions = whole->shape.dim[0] * (around ? around : 1), k->positions_padded |= padded;
    Graph *g = graph_of(k, function, part, span);
    bool timed = g && is_timed(g);
    if (timed && around) scan_in_scan(k, name_of(function), span);
    else if (timed && stops_at_weights(k, g, truncate)) result = val_poison(k);
    else if (timed) g->time.truncate = stops, result = wired_value(k, g, whole, span);
    else if (mistakes(k) == before && no_truncate(k, function, truncate))
        result = g ? wired_value(k, g, part, span) : apply(k, function, val_runtime(k, part, span), span);
    k->positions = around, k->positions_padded = around_padded;
    if (!timed) result = applied(k, function, whole, part, result, span);
    if (padded && result->kind == VAL_RUNTIME) set_padded(k, result->value);
    return result;
}
