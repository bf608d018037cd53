/* gen_cell_call.c: node functions on maps as functions of their own.
 *
 * Sets of nodes often share one function, which stands in the forward pass, in the backward pass, and in the
 * code that only infers. What differs between these places, the rows and the weights, is handed over as
 * addresses. So equal code comes out equal, and is there once (emit_once).
 * Functions of numbers stay in their loops: a call would take as long as they do.
 */
#include "gen/gen.h"

/* A call that is being made: the addresses that it hands over, each once; the function. */
typedef struct Call {
    Emit *e;
    Vec(LLVMValueRef) handed;
    LLVMValueRef function;
} Call;

static void hand(Call *c, LLVMValueRef address)
{
    for (int i = 0; i < c->handed.count; i++)
        if (c->handed.at[i] == address) return;
    if (address) vec_push(c->e->arena, &c->handed, address);
}

/* An address as the function knows it: what is the same place outside is the same place within. */
static LLVMValueRef within(const Call *c, LLVMValueRef address)
{
    for (int i = 0; i < c->handed.count; i++)
        if (c->handed.at[i] == address) return LLVMGetParam(c->function, (unsigned)i);
    return NULL;
}

static bool has_base(const Value *v)
{
    return v->op == IR_WEIGHT || v->op == IR_STATISTIC;
}

/* Where the weights of a node stand, by value number; those of one tensor from one address on. */
static LLVMValueRef *weight_bases(GenTile *t, const Func *f, LLVMValueRef node)
{
    LLVMValueRef *base = NEW_ARRAY(t->e->arena, LLVMValueRef, (size_t)f->values.count + 1);
    for (int i = 0; i < f->values.count; i++) {
        const Value *v = f->values.at[i];
        for (int k = 0; k < i && v->op == IR_WEIGHT && !base[i]; k++)
            if (f->values.at[k]->op == IR_WEIGHT && f->values.at[k]->param == v->param) base[i] = base[k];
        if (has_base(v) && !base[i]) base[i] = gen_cell_base(t, v, node);
    }
    return base;
}

static void make_body(Call *c, const GenTile *outer, const Func *f, LLVMValueRef *base, LLVMValueRef *args,
                      const CellResult *results)
{
    Emit *e = c->e;
    GenTile t = {.e = e,
                 .maps = within(c, outer->maps),
                 .positions = outer->positions,
                 .valid_row = outer->valid_row ? within(c, outer->valid_row) : NULL};
    LLVMValueRef *weights = NEW_ARRAY(e->arena, LLVMValueRef, (size_t)f->values.count + 1),
                 *inner = NEW_ARRAY(e->arena, LLVMValueRef, SLOTS);
    CellResult *to = NEW_ARRAY(e->arena, CellResult, (size_t)f->results.count + 1);
    for (int i = 0; i < SLOTS; i++)
        if (args[i]) inner[i] = within(c, args[i]);
    for (int i = 0; i < f->values.count; i++)
        if (base[i]) weights[i] = gen_cell_number(e, f->values.at[i], within(c, base[i]));
    for (int r = 0; r < f->results.count; r++)
        to[r] = (CellResult){results[r].kind, within(c, results[r].to)};
    gen_cell_with(&t, f, weights, inner, to);
}

void gen_cell_call(GenTile *t, const Func *f, LLVMValueRef node, LLVMValueRef *args,
                   const CellResult *results)
{
    Emit *e = t->e;
    Call c = {.e = e};
    LLVMValueRef *base = weight_bases(t, f, node);
    hand(&c, t->maps);
    for (int i = 0; i < SLOTS; i++) hand(&c, args[i]);
    for (int r = 0; r < f->results.count; r++) hand(&c, results[r].to);
    for (int i = 0; i < f->values.count; i++) hand(&c, base[i]);
    LLVMTypeRef *types = NEW_ARRAY(e->arena, LLVMTypeRef, (size_t)c.handed.count);
    for (int i = 0; i < c.handed.count; i++) types[i] = e->ptr;
    const EmitPlace saved = emit_place(e);
    c.function = emit_begin(e, arena_printf(e->arena, "node_%s", f->name), c.handed.count, types);
    unsigned apart = LLVMGetEnumAttributeKindForName("noinline", 8);
    LLVMAddAttributeAtIndex(c.function, LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, apart, 0));
    make_body(&c, t, f, base, args, results);
    emit_end_to(e, saved);
    c.function = emit_once(e, c.function);
    LLVMBuildCall2(e->builder, LLVMGlobalGetValueType(c.function), c.function, c.handed.at,
                   (unsigned)c.handed.count, "");
}
