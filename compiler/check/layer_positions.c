/* layer_positions.c: what was made of the part at one position of a sequence, for all positions.
 *
 * Every value that follows from the part is made anew with one index more, in front: the positions. What does
 * not follow from it is the same at each. A graph has the positions of a node one behind the other, in the
 * node's block, where they are weighed by the same edges (NodeSet.pixels): before it a tensor [positions,
 * nodes, ...] is turned, [nodes, positions, ...], and behind it back, unless what comes next works element by
 * element. So nothing grows with the number of positions but the values, and the gradients of weights are
 * sums over them.
 */
#include "check/layer.h"
#include "base/diag.h"
#include "ir/op.h"

typedef struct Positions {
    Func *f;
    int64_t count;
    /* By number of a value: at all positions, [positions, ...]; turned, [parts, positions, rest]. One of them
     * is made from the other when it is asked for. Both NULL: the value is the same at each position. */
    Value **at, **turned;
    int64_t most; /* numbers of the largest value */
} Positions;

/* The positions join the first index of what has all the indices that there are. */
static Shape in_front(const Positions *p, Shape s)
{
    if (s.rank == MAX_RANK) {
        s.dim[0] *= p->count;
        return s;
    }
    Shape all = {s.rank + 1, {p->count}};
    for (int i = 0; i < s.rank; i++) all.dim[i + 1] = s.dim[i];
    return all;
}

static Value *noted(Positions *p, Value *v)
{
    if (shape_size(v->shape) > p->most) p->most = shape_size(v->shape);
    return v;
}

static Value *shaped(Positions *p, OpCode op, Shape shape, Span span, int count, Value *const *args)
{
    Value *v = func_add(p->f, op, span, count, args);
    v->shape = shape;
    if (op_info[op].class == CLASS_TENSOR) v->is_bool = args[0]->is_bool;
    return noted(p, v);
}

static Value *reshaped(Positions *p, Value *x, Shape shape)
{
    return shape_equal(x->shape, shape) ? x : shaped(p, IR_RESHAPE, shape, x->span, 1, &x);
}

static bool follows(const Positions *p, const Value *x)
{
    return p->at[x->id] || p->turned[x->id];
}

/* A value at all positions, also where it is the same at each. */
static Value *everywhere(Positions *p, Value *x)
{
    Value **at = &p->at[x->id], *turned = p->turned[x->id];
    if (*at) return *at;
    Shape all = in_front(p, x->shape), flat = {2, {p->count, shape_size(x->shape)}};
    if (turned) x = transpose(p->f, turned, 0);
    else if (all.rank > x->shape.rank) x = noted(p, broadcast(p->f, x, all, 0));
    else x = noted(p, broadcast(p->f, reshaped(p, x, shape_vector(flat.dim[1])), flat, 0));
    return *at = reshaped(p, x, all);
}

/* The same turned, where it has so many parts. */
static Value *turned(Positions *p, Value *x, int64_t parts)
{
    Value **made = &p->turned[x->id];
    int64_t rest = parts ? shape_size(x->shape) / parts : 0;
    if (!*made || (*made)->shape.dim[0] != parts)
        *made = transpose(p->f, reshaped(p, everywhere(p, x), (Shape){3, {p->count, parts, rest}}), 0);
    return *made;
}

/* A number at each position, for each element of a value of shape `s` there. */
static Value *repeated(Positions *p, Value *number, Shape s)
{
    Shape elements = {2, {p->count, shape_size(s)}};
    return reshaped(p, noted(p, broadcast(p->f, number, elements, 1)), in_front(p, s));
}

/* Are all tensors among the arguments of v turned alike? */
static bool stays_turned(const Positions *p, const Value *v)
{
    const Value *first = NULL;
    for (int i = 0; i < v->arg_count; i++) {
        const Value *x = v->args[i], *turned = p->turned[x->id];
        if (x->shape.rank == 0 && !follows(p, x)) continue; /* goes with any shape */
        if (!turned || (first && !shape_equal(first->shape, turned->shape))) return false;
        first = turned;
    }
    return first != NULL;
}

/* POINTWISE, DROPOUT and NOISE */
static void element_at(Positions *p, const Value *v)
{
    bool turned = stays_turned(p, v);
    Shape s = in_front(p, v->shape);
    Value *args[3];
    for (int i = 0; i < v->arg_count; i++) {
        Value *x = v->args[i];
        if (x->shape.rank == 0 && !follows(p, x)) args[i] = x;
        else if (turned) args[i] = p->turned[x->id], s = args[i]->shape;
        else if (x->shape.rank == 0 && v->shape.rank > 0) args[i] = repeated(p, everywhere(p, x), v->shape);
        else args[i] = everywhere(p, x);
    }
    Value *y = shaped(p, v->op, s, v->span, v->arg_count, args);
    y->number = v->number, y->index = v->index;
    (turned ? p->turned : p->at)[v->id] = y;
}

/* lower.c knows from the ranks whether a layer has positions. Those of a scan inside the function join them.
 */
static Value *layer_at(Positions *p, const Value *v)
{
    Value *args[5], *x = v->args[0];
    int rank = v->op == IR_SOFTMAX ? 1 : v->args[1]->shape.rank;
    Shape s = in_front(p, x->shape);
    if ((x->shape.rank - rank) % 2 == 1) {
        s = x->shape;
        s.dim[0] *= p->count;
    }
    args[0] = reshaped(p, everywhere(p, x), s);
    for (int i = 1; i < v->arg_count; i++) args[i] = v->args[i];
    Value *y = shaped(p, v->op, s, v->span, v->arg_count, args);
    y->number = v->number, y->extra = v->extra;
    return reshaped(p, y, in_front(p, v->shape));
}

static Value *concat_at(Positions *p, const Value *v)
{
    Value **args = NEW_ARRAY(p->f->arena, Value *, (size_t)v->arg_count);
    Shape all = {3, {shape_size(v->shape), p->count, 1}};
    for (int i = 0; i < v->arg_count; i++) args[i] = turned(p, v->args[i], shape_size(v->args[i]->shape));
    return shaped(p, IR_CONCAT, all, v->span, v->arg_count, args);
}

static Value *slice_at(Positions *p, const Value *v)
{
    Value *from = turned(p, v->args[0], shape_size(v->args[0]->shape));
    Shape s = {3, {shape_size(v->shape), p->count, 1}};
    Value *part = shaped(p, IR_SLICE, s, v->span, 1, &from);
    part->index = v->index * p->count;
    return part;
}

/* The positions come before all that an operator of this class works on. */
static Value *axis_at(Positions *p, const Value *v)
{
    Axes s = axes_of(v);
    Shape all = {4, {p->count * s.outer, s.count, s.second, s.inner}}, few = {2, {all.dim[0], s.inner}};
    bool grows = v->op == IR_BROADCAST, turns = v->op == IR_TRANSPOSE;
    Value *x = reshaped(p, everywhere(p, v->args[0]), grows ? few : all), *y;
    if (turns) y = transpose(p->f, x, 1);
    else y = grows ? broadcast(p->f, x, all, 1) : reduce(p->f, v->op, x, 1, 2);
    return reshaped(p, noted(p, y), in_front(p, v->shape));
}

static Value *map_at(Positions *p, const Value *v)
{
    Value *x = everywhere(p, v->args[0]);
    Value *y = map_value(p->f, v->op, v->span, (MapForm){in_front(p, v->shape), v->window}, 1, &x);
    y->index = v->index;
    return noted(p, y);
}

/* The nodes of a graph hold all positions, one behind the other. */
static Value *wired_at(Positions *p, const Value *v)
{
    const Graph *g = v->graph;
    int64_t nodes = g->sets.at[g->output].size;
    Shape s = {3, {nodes, p->count, nodes ? shape_size(v->shape) / nodes : 0}};
    Value **args = NEW_ARRAY(p->f->arena, Value *, (size_t)v->arg_count);
    args[0] = turned(p, v->args[0], g->sets.at[g->input].size);
    for (int i = 1; i < v->arg_count; i++)
        args[i] = v->args[i]->op == IR_NOISE ? turned(p, v->args[i], v->args[i]->shape.dim[0]) : v->args[i];
    Value *y = shaped(p, IR_WIRED, s, v->span, v->arg_count, args);
    y->graph = v->graph;
    return y;
}

/* Graphs are always made anew: they were placed with room for all positions. */
static bool is_needed(const Positions *p, const Value *v)
{
    bool any = v->op == IR_WIRED;
    for (int i = 0; i < v->arg_count; i++) any = any || follows(p, v->args[i]);
    return any;
}

static void value_at(Positions *p, const Value *v)
{
    Value **at = &p->at[v->id], **turned = &p->turned[v->id];
    OpClass class = op_info[v->op].class;
    if (class == CLASS_POINTWISE || v->op == IR_DROPOUT || v->op == IR_NOISE) element_at(p, v);
    else if (class == CLASS_LAYER) *at = layer_at(p, v);
    else if (class == CLASS_MAP) *at = map_at(p, v);
    else if (v->op == IR_WIRED) *turned = wired_at(p, v);
    else if (v->op == IR_RESHAPE) *at = reshaped(p, everywhere(p, v->args[0]), in_front(p, v->shape));
    else if (v->op == IR_CONCAT) *turned = concat_at(p, v);
    else if (v->op == IR_SLICE) *turned = slice_at(p, v);
    else if (class == CLASS_AXIS) *at = axis_at(p, v);
    else BUG("%s in a function that scan applies", op_info[v->op].text);
}

Value *all_positions(Check *k, Value *whole, const Value *part, Value *result, int64_t *most)
{
    size_t count = (size_t)k->func->values.count;
    Positions p = {.f = k->func, .count = whole->shape.dim[0]};
    p.at = NEW_ARRAY(k->perm, Value *, count), p.turned = NEW_ARRAY(k->perm, Value *, count);
    const bool *read = func_follow(k->func, 1, &result);
    p.at[part->id] = whole;
    for (int i = part->id + 1; i < (int)count; i++)
        if (read[i] && is_needed(&p, k->func->values.at[i])) value_at(&p, k->func->values.at[i]);
    Value *all = follows(&p, result) ? everywhere(&p, result) : NULL;
    *most = p.most;
    return all;
}
