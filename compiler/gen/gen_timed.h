/* gen_timed.h: what gen_timed.c and gen_timed_norm.c share: functions that they make, and rows. */
#ifndef DNW_GEN_TIMED_H
#define DNW_GEN_TIMED_H
#include "gen/gen.h"
#include "layout/timed_rows.h"

/* A function (ptr context, ptr tile, ptr ..., i64 ...); the last of the numbers is that of the evaluation.
 * `t` is set to it, the builder's place is saved in *saved. */
LLVMValueRef gen_timed_begin(GenTile *outer, const Value *v, const char *name, int pointers, int numbers,
                             GenTile *t, EmitPlace *saved);
/* The same for send, move and show, which training, the backward pass and inference share: they are made
 * once, know no rows of the tile, and are told where there is room for maps. With statistics of the step or
 * with --profile, each place has its own. t->e is NULL where the function is already there. */
LLVMValueRef gen_timed_begin_once(GenTile *outer, const Value *v, const char *name, int pointers, int numbers,
                                  GenTile *t, EmitPlace *saved);

/* gen_timed_part.c: rows of `wired`, with room for the backward pass or without; the address of one, of the
 * held input, of the sums (rows of wired_back where there is one, which takes those of all steps); DnwrtTime
 * of a graph. States before the first step: the input set starts at the input, others at their constants. */
TimedRows gen_timed_rows(const Value *v);
LLVMValueRef gen_timed_address(GenTile *t, const Value *v, int64_t row);
LLVMValueRef gen_timed_held(GenTile *t, const Value *v);
LLVMValueRef gen_timed_sum_rows(GenTile *t, const Value *v);
LLVMValueRef gen_timed_time(GenTile *t, const Graph *g);
void gen_timed_start(GenTile *t, const Value *v);
/* if (first <= evaluation <= last) { ... } around the code in between; there is no `if`
 * where all evaluations are meant, or the number is not known. Zeros in the others. */
EmitLoop gen_timed_if(GenTile *t, int64_t first, int64_t last);
void gen_timed_end_if(GenTile *t, EmitLoop *l);
void gen_timed_zero_else(GenTile *t, int64_t first, int64_t last, LLVMValueRef to, int64_t rows);

/* gen_timed_norm.c: its functions */
LLVMValueRef gen_timed_sum_all(GenTile *outer, const Value *v);
LLVMValueRef gen_timed_norm(GenTile *outer, const Value *v);
LLVMValueRef gen_timed_norm_back(GenTile *outer, const Value *back);
#endif
