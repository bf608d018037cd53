/* gen_timed.h: what gen_timed.c and gen_timed_norm.c share: functions that they make, and rows. */
#ifndef DNW_GEN_TIMED_H
#define DNW_GEN_TIMED_H
#include "gen/gen_graph.h"
#include "layout/timed_rows.h"

/* A function (const Evaluation *, more...) of kernels/timed_calls.h that is being made. */
typedef struct TimedFn {
    LLVMValueRef f;
    GenTile t;  /* t.e NULL: it is already there */
    GenFrame x; /* the rows of its evaluation */
    EmitPlace before;
} TimedFn;
/* `more`: types of its other parameters, a letter each, p: pointer, i: number. */
TimedFn gen_timed_begin(GenTile *outer, const Value *v, const char *name, const char *more);
/* The same for send, move and show, which training, the backward pass and inference share: they are made
 * once, and know no rows of the tile but those of the evaluation. With statistics of the step or with
 * --profile, each place has its own. */
TimedFn gen_timed_begin_once(GenTile *outer, const Value *v, const char *name, const char *more);
LLVMValueRef gen_timed_more(const TimedFn *f, int i); /* the i-th of the other parameters */
LLVMValueRef gen_timed_end(TimedFn *f);

/* gen_timed_part.c: rows of `wired`, with room for the backward pass or without; the address of one;
 * DnwrtTime of a graph. States before the first step: the input set starts at the input, others at their
 * constants. */
TimedRows gen_timed_rows(const Value *v);
LLVMValueRef gen_timed_address(GenTile *t, const Value *v, int64_t row);
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
