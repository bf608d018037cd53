/* gen_map.c: operators on maps as calls of kernels, one map of one vector of lanes at a time. */
#include "base/diag.h"
#include "gen/gen.h"
#include "kernels/kernel.h"
#include "ir/op.h"

/* Numbers behind the addresses of a call, in the order of runtime/kernels/map.c. */
typedef struct Call {
    Emit *e;
    LLVMValueRef args[12];
    int count;
} Call;

static void add_address(Call *c, LLVMValueRef at)
{
    c->args[c->count++] = at;
}

static void add_number(Call *c, int64_t n)
{
    add_address(c, emit_int(c->e, n));
}

static void add_place(Call *c, GenMap m)
{
    add_address(c, m.at);
    add_number(c, m.step);
}

static void call(Call *c, const char *kernel)
{
    emit_sized_kernel(c->e, kernel, c->count, c->args);
}

/* conv, windows, pooling and their gradients: places, sizes of the large map, window. */
static void windowed(Emit *e, const Value *v, const GenMap *a, GenMap out)
{
    bool taps = v->op == IR_CONV || v->op == IR_CONV_INPUT, weight = v->op == IR_CONV_WEIGHT;
    Shape large = map_large(v);
    Call c = {.e = e};
    add_place(&c, a[0]);
    if (taps) add_address(&c, a[1].at);
    if (weight || v->op == IR_POOL_MAX_BACK) add_place(&c, a[1]);
    if (weight) add_address(&c, out.at);
    else add_place(&c, out);
    add_number(&c, map_height(large));
    add_number(&c, map_width(large));
    add_number(&c, v->window.size);
    add_number(&c, v->window.stride);
    if (taps || weight || v->op == IR_WINDOWS || v->op == IR_WINDOWS_BACK) add_number(&c, v->window.dilation);
    call(&c, op_info[v->op].text);
}

static void part(Emit *e, const Value *v, GenMap x, GenMap out)
{
    Shape large = map_large(v), small = map_small(v);
    Call c = {.e = e};
    add_place(&c, x);
    add_place(&c, out);
    if (v->op == IR_PAD_MAP) add_number(&c, map_height(large));
    add_number(&c, map_width(large));
    add_number(&c, map_height(small));
    add_number(&c, map_width(small));
    add_number(&c, v->index);
    call(&c, op_info[v->op].text);
}

void gen_map_kernel(Emit *e, const Value *v, const GenMap *a, GenMap out)
{
    switch (v->op) {
    case IR_CROP:
    case IR_PAD_MAP: part(e, v, a[0], out); break;
    default: windowed(e, v, a, out);
    }
}

/* Rows of one map of a value; `maps` in all. */
static int64_t rows_each(const Value *v, int64_t maps)
{
    return shape_size(v->shape) / maps;
}

/* Where map `map` of a value stands, from lane part * width on. */
static GenMap place(GenTile *t, const Value *v, int64_t maps, LLVMValueRef map, LLVMValueRef part)
{
    Emit *e = t->e;
    LLVMValueRef row =
        emit_add(e, emit_int(e, v->address), emit_mul(e, map, emit_int(e, rows_each(v, maps))));
    return (GenMap){gen_part(e, gen_row(t, row), part), e->row};
}

/* A value of a model: map after map, and of each the parts of its rows. */
void gen_map(GenTile *t, const Value *v)
{
    Emit *e = t->e;
    if (v->op == IR_CONV || v->op == IR_CONV_INPUT || v->op == IR_CONV_WEIGHT)
        BUG("%s stands only in node functions", op_info[v->op].text);
    Shape large = map_large(v); /* its leading indices count maps */
    int64_t maps = shape_size(large) / map_pixels(large);
    EmitLoop map = emit_loop(e, emit_int(e, maps)), lanes = emit_loop(e, emit_int(e, e->row / e->width));
    GenMap args[2], out = place(t, v, maps, map.i, lanes.i);
    for (int k = 0; k < v->arg_count; k++) args[k] = place(t, v->args[k], maps, map.i, lanes.i);
    gen_map_kernel(e, v, args, out);
    emit_loop_end(e, &lanes);
    emit_loop_end(e, &map);
}
