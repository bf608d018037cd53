/* emit_equal.c: functions that come out equal are there once.
 *
 * The steps and node functions of equal blocks are equal, instruction by instruction. A finished function is
 * described by words: of each instruction the operation, types, flags and operands, where what the function
 * itself defines has its number in the order of definition. One with the description of an earlier one is
 * deleted, before the module grows and LLVM spends time on it.
 */
#include "gen/emit.h"

/* A function that is being described. */
typedef struct Reading {
    Emit *e;
    Arena *arena; /* for as long as it is read */
    Table own;    /* the values that it defines: parameters, blocks, instructions */
    Vec(uintptr_t) words;
    bool known; /* so far, all instructions are of kinds that are described in full */
} Reading;

static void word(Reading *r, uintptr_t w)
{
    vec_push(r->arena, &r->words, w);
}

static void define(Reading *r, LLVMValueRef v)
{
    const int number = r->own.count;
    *table_place(r->arena, &r->own, &v, sizeof v) = number;
}

static void define_all(Reading *r, LLVMValueRef f)
{
    for (unsigned i = 0; i < LLVMCountParams(f); i++) define(r, LLVMGetParam(f, i));
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
        define(r, LLVMBasicBlockAsValue(b));
        for (LLVMValueRef v = LLVMGetFirstInstruction(b); v; v = LLVMGetNextInstruction(v)) define(r, v);
    }
}

/* A value of the function: its number; another one, a constant or a function: its address, which is even. */
static void operand(Reading *r, LLVMValueRef v)
{
    const int number = table_find(&r->own, &v, sizeof v);
    word(r, number < 0 ? (uintptr_t)v : 2 * (uintptr_t)number + 1);
}

static void metadata(Reading *r, LLVMValueRef v)
{
    LLVMValueRef items[4];
    LLVMValueRef loop = LLVMGetMetadata(v, LLVMGetMDKindIDInContext(r->e->context, "llvm.loop", 9));
    unsigned count = loop ? LLVMGetMDNodeNumOperands(loop) : 0;
    word(r, (uintptr_t)LLVMGetMetadata(v, LLVMGetMDKindIDInContext(r->e->context, "invariant.load", 14)));
    word(r, count);
    if (count > sizeof items / sizeof *items) r->known = false;
    else if (count) LLVMGetMDNodeOperands(loop, items);
    for (unsigned i = 1; i < count && r->known; i++) word(r, (uintptr_t)items[i]); /* the first is itself */
}

/* What an operation has beside its operands. */
static void details(Reading *r, LLVMValueRef v, LLVMOpcode op)
{
    switch (op) {
    case LLVMRet:
    case LLVMBr:
    case LLVMSwitch:
    case LLVMSelect:
    case LLVMUDiv:
    case LLVMAnd:
    case LLVMOr:
    case LLVMXor:
    case LLVMZExt:
    case LLVMTrunc:
    case LLVMSIToFP:
    case LLVMUIToFP:
    case LLVMInsertElement:
    case LLVMExtractElement: break;
    case LLVMAdd:
    case LLVMSub:
    case LLVMMul: word(r, (uintptr_t)(LLVMGetNSW(v) ? 1 : 0) + (LLVMGetNUW(v) ? 2 : 0)); break;
    case LLVMICmp: word(r, (uintptr_t)LLVMGetICmpPredicate(v)); break;
    case LLVMFCmp: word(r, (uintptr_t)LLVMGetFCmpPredicate(v)); break;
    case LLVMPHI:
        for (unsigned i = 0; i < LLVMCountIncoming(v); i++)
            operand(r, LLVMBasicBlockAsValue(LLVMGetIncomingBlock(v, i)));
        break;
    case LLVMCall: word(r, (uintptr_t)LLVMGetCalledFunctionType(v)); break;
    case LLVMGetElementPtr:
        word(r, (uintptr_t)LLVMGetGEPSourceElementType(v));
        word(r, LLVMIsInBounds(v) ? 1 : 0);
        break;
    case LLVMAlloca:
        word(r, (uintptr_t)LLVMGetAllocatedType(v));
        word(r, LLVMGetAlignment(v));
        break;
    case LLVMLoad:
    case LLVMStore: word(r, LLVMGetAlignment(v)); break;
    case LLVMShuffleVector:
        for (unsigned i = 0; i < LLVMGetNumMaskElements(v); i++) word(r, (uintptr_t)LLVMGetMaskValue(v, i));
        break;
    case LLVMFAdd:
    case LLVMFSub:
    case LLVMFMul:
    case LLVMFDiv:
    case LLVMFNeg: break;
    default: r->known = false;
    }
    if (LLVMCanValueUseFastMathFlags(v)) word(r, (uintptr_t)LLVMGetFastMathFlags(v));
}

static void instruction(Reading *r, LLVMValueRef v)
{
    const LLVMOpcode op = LLVMGetInstructionOpcode(v);
    const int count = LLVMGetNumOperands(v);
    word(r, (uintptr_t)op), word(r, (uintptr_t)LLVMTypeOf(v)), word(r, (uintptr_t)count);
    for (int i = 0; i < count; i++) operand(r, LLVMGetOperand(v, (unsigned)i));
    details(r, v, op);
    metadata(r, v);
}

static void head(Reading *r, LLVMValueRef f)
{
    const unsigned count = LLVMGetAttributeCountAtIndex(f, LLVMAttributeFunctionIndex);
    LLVMAttributeRef *attributes = NEW_ARRAY(r->arena, LLVMAttributeRef, count + 1);
    LLVMGetAttributesAtIndex(f, LLVMAttributeFunctionIndex, attributes);
    word(r, (uintptr_t)LLVMGlobalGetValueType(f));
    word(r, count);
    for (unsigned i = 0; i < count; i++) word(r, (uintptr_t)attributes[i]);
}

LLVMValueRef emit_once(Emit *e, LLVMValueRef f)
{
    Reading r = {.e = e, .arena = arena_new(), .known = true};
    define_all(&r, f), head(&r, f);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
        word(&r, 0); /* no operation: a block begins */
        for (LLVMValueRef v = LLVMGetFirstInstruction(b); v; v = LLVMGetNextInstruction(v))
            instruction(&r, v);
    }
    if (r.known) {
        int *place =
            table_place(e->arena, &e->functions, r.words.at, (size_t)r.words.count * sizeof *r.words.at);
        if (*place < 0) {
            *place = e->once.count;
            vec_push(e->arena, &e->once, f);
        } else {
            LLVMDeleteFunction(f);
            f = e->once.at[*place];
        }
    }
    arena_free(r.arena);
    return f;
}
