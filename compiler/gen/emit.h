/* emit.h: the only door to LLVM's builder. Helpers return their result, so that code nests like the
 * expression it means.
 *
 * An Emit builds one module in one element type for one number of lanes. Numbers of a program (`real`) are
 * scalars or vectors of `width` lanes.
 */
#ifndef DNW_EMIT_H
#define DNW_EMIT_H
#include "base/table.h"
#include "base/vec.h"
#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Emit {
    Arena *arena;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef builder;
    LLVMTypeRef real, lanes, i32, i64, ptr, none;
    const char *suffix; /* "f32x64": end of kernel names */
    int row;            /* lanes of a tile: numbers of a row */
    int width;          /* lanes of a vector; 1: vectors are numbers */
    int bytes;          /* of a real */
    LLVMValueRef function;
    Table tables;            /* by value: places in `made` */
    Vec(LLVMValueRef) made;  /* by emit_table */
    Table functions;         /* by what they do (emit_equal.c): places in `once` */
    Vec(LLVMValueRef) once;  /* by emit_once */
    struct EmitCode *code;   /* the stage that is being made (emit_begin_stage), or NULL */
    struct EmitStep *step;   /* that is being made (emit_begin_step), or NULL */
    struct Profile *profile; /* profile.h; NULL: the program is not built to be measured */
} Emit;

Emit *emit_new(Arena *a, LLVMContextRef context, LLVMModuleRef module, bool f64, int lanes);

/* A function of (ptr, i64) or (ptr, ptr); the builder is in its entry block. */
LLVMValueRef emit_begin(Emit *e, const char *name, int count, const LLVMTypeRef *params);
void emit_end(Emit *e); /* ret void */
/* A function that is made while another one is: where the builder stood before, and the end that leads there.
 */
typedef struct EmitPlace {
    LLVMValueRef function;
    LLVMBasicBlockRef block;
} EmitPlace;
EmitPlace emit_place(const Emit *e);
void emit_end_to(Emit *e, EmitPlace before);

/* The function that does what f does, a finished one without a use: f, or an equal one made before, and f is
 * gone. */
LLVMValueRef emit_once(Emit *e, LLVMValueRef f);

/* A stage: code of (ptr context, i64 tile, ptr addresses), and the addresses that it is called with. Stages
 * of equal blocks have the same code. */
typedef struct EmitStage {
    LLVMValueRef code, addresses; /* a constant, or null */
} EmitStage;
void emit_begin_stage(Emit *e, const char *name);
EmitStage emit_end_stage(Emit *e);
/* The addresses of stages whose code is that of no other become numbers in it. */
void emit_own_addresses(Emit *e, int count, const EmitStage *stages);

/* A step: a function that is made while a stage is, and called there with its context and tile. Its addresses
 * come from the table of the stage. So the steps of equal blocks come out equal, and are
 * there once (emit_once). */
#define EMIT_STEP "dnw-step" /* attribute of these functions */
void emit_begin_step(Emit *e);
void emit_end_step(Emit *e);
/* A number that tells where something stands (row, place, list, ...): where else equal code has another. */
LLVMValueRef emit_address(Emit *e, int64_t n);

LLVMValueRef emit_int(Emit *e, int64_t n);
LLVMValueRef emit_real(Emit *e, double x, bool vector);
LLVMValueRef emit_add(Emit *e, LLVMValueRef a, LLVMValueRef b); /* integers */
LLVMValueRef emit_sub(Emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_mul(Emit *e, LLVMValueRef a, LLVMValueRef b);
LLVMValueRef emit_element(Emit *e, LLVMValueRef base,
                          LLVMValueRef index); /* address of real number `index` */
LLVMValueRef emit_bytes(Emit *e, LLVMValueRef base, LLVMValueRef bytes);
LLVMValueRef emit_load(Emit *e, LLVMTypeRef type, LLVMValueRef address);
void emit_store(Emit *e, LLVMValueRef value, LLVMValueRef address);
LLVMValueRef emit_splat(Emit *e, LLVMValueRef scalar);
/* `count` reals on the stack, aligned to 64 bytes, made in the entry block. */
LLVMValueRef emit_scratch(Emit *e, int count);
LLVMValueRef emit_struct(Emit *e, size_t bytes); /* the same for a struct whose fields have eight bytes */
/* A constant array of words, each a number, an address or NULL: 0; the same words are there once. */
LLVMValueRef emit_table(Emit *e, const char *name, int count, LLVMValueRef *words);
LLVMValueRef emit_numbers(Emit *e, const char *name, int count, const int64_t *numbers); /* the same */
/* Calls a function of the kernels ("gather"); its type follows from the arguments and `result`. */
LLVMValueRef emit_kernel(Emit *e, const char *name, LLVMTypeRef result, int count, LLVMValueRef *args);
/* The same of a kernel that is made for its numbers (those of `args`, and tables): one function for each
 * choice of them, however often it is called. In tiles of one sample it is inlined instead. */
void emit_sized_kernel(Emit *e, const char *name, int count, LLVMValueRef *args);
LLVMValueRef emit_intrinsic(Emit *e, const char *name, LLVMTypeRef type, int count, LLVMValueRef *args);

typedef struct EmitLoop {
    LLVMValueRef i;
    LLVMBasicBlockRef head, done; /* NULL: a single round, straight code */
} EmitLoop;
/* for (i = 0; i < count; i++) { ... } between the two calls. */
EmitLoop emit_loop(Emit *e, LLVMValueRef count);
void emit_loop_end(Emit *e, EmitLoop *l);
/* The same of a loop whose rounds should become vectors: it must not be unrolled before. */
void emit_loop_end_rolled(Emit *e, EmitLoop *l);
/* The same of a loop that hardly counts: as small as it is written. */
void emit_loop_end_small(Emit *e, EmitLoop *l);
#endif
