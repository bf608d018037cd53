/* gen.h: Ir with plans -> one LLVM module: stage functions in float and double, predicates, and the program's table. */
#ifndef DNW_GEN_H
#define DNW_GEN_H
#include "emit.h"
#include "plan.h"

/* Number of a stage function in DnwrtProgram.f32 and f64; -1: nothing to do. */
typedef struct LevelStages {
    int once, tile;
} LevelStages;
typedef struct FuncStages {
    Vec(LevelStages) levels;
    int gradients; /* copies gradients of parameters to their places; train */
    int updates;   /* kept statistics; train */
} FuncStages;
typedef struct Stages {
    FuncStages train, infer;
    int count;
} Stages;

/* Builds everything but the manifest, which needs the stage numbers; then gen_table ends the module. */
Stages *gen(const Ir *ir, LLVMContextRef context, LLVMModuleRef module);
void gen_table(const Ir *ir, const Stages *stages, const char *manifest, LLVMContextRef context, LLVMModuleRef module);

/* gen_scalar.c: pointwise operators */
LLVMValueRef gen_pointwise(Emit *e, const Value *v, LLVMValueRef *args, bool vector);
void gen_predicate(Emit *e, const Func *f, const char *name, int to_rank, int from_rank, int bundle);

/* gen_wired.c: graphs */
typedef struct GenTile {
    Emit *e;
    LLVMValueRef context, tile, number, valid; /* arguments of a stage; base of its tile; samples in it */
} GenTile;
void gen_wired(GenTile *t, const Value *v);
void gen_wired_back(GenTile *t, const Value *v, const Func *f);
void gen_wired_input(GenTile *t, const Value *v);
LLVMValueRef gen_row(GenTile *t, LLVMValueRef row);      /* address of a row of the tile */
LLVMValueRef gen_context(Emit *e, LLVMValueRef context, int field, LLVMTypeRef type);
#endif
