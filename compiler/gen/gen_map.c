/* gen_map.c: operators on maps as calls of kernels, one map of one vector of lanes at a time. */
#include "base/diag.h"
#include "gen/gen.h"
#include "kernels/kernel.h"
#include "ir/op.h"

void gen_map_kernel(Emit *e, const Value *v, const GenMap *a, GenMap out)
{
    const Shape large = map_large(v), small = map_small(v);
    MapSizes m = {.step = {a[0].step, 0, out.step},
                  .height = map_height(large),
                  .width = map_width(large),
                  .size = v->window.size,
                  .stride = v->window.stride,
                  .dilation = v->window.dilation,
                  .border = v->window.border};
    LLVMValueRef args[4] = {a[0].at};
    int count = 1;
    if (v->arg_count > 1) m.step[1] = a[1].step, args[count++] = a[1].at;
    if (v->op == IR_CROP || v->op == IR_PAD_MAP)
        m.rows = map_height(small), m.columns = map_width(small), m.first = v->index;
    args[count++] = out.at;
    args[count++] = emit_numbers(e, "sizes", sizeof m / sizeof(int64_t), (const int64_t *)&m);
    emit_sized_kernel(e, op_info[v->op].text, count, args);
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
    LLVMValueRef first = emit_mul(e, map, emit_int(e, rows_each(v, maps)));
    return (GenMap){gen_part(e, gen_value_row(t, v, first), part), e->row};
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
