/* ir.h: what to compute. Values with static shapes, in the order of execution; no names to look up.
 *
 * A function is a list of values, each made by one operator from earlier values (single assignment). A value
 * either has one copy for each sample (`per_sample`; the number of samples is known only when the program
 * runs) or one for all. Shapes never hold the batch. Text form: docs/ir.md.
 *
 * Three kinds of functions share this form: the body of a model (`main`), node functions (scalars: one node,
 * one sample) and predicates (scalars in double: one pair of nodes).
 */
#ifndef DNW_IR_H
#define DNW_IR_H
#include "base/source.h"
#include "base/vec.h"
#include <stdio.h>

typedef enum OpCode {
#define OP(name, text, arity, class, traits) IR_##name,
#include "ir/op.def"
#undef OP
    IR_OP_COUNT
} OpCode;

typedef enum OpClass {
    CLASS_LEAF,
    CLASS_POINTWISE,
    CLASS_LAYER,
    CLASS_TENSOR,
    CLASS_AXIS,
    CLASS_MAP,
    CLASS_WIRED
} OpClass;
/* What passes ask of an operator besides its class. */
typedef enum OpTrait {
    OP_FINITE = 1,  /* finite arguments give a finite value and finite derivatives */
    OP_BOOL = 2,    /* its result is a condition */
    OP_SHARED = 4,  /* a leaf that all samples share */
    OP_VIEW = 8,    /* its result is where its argument is */
    OP_SUM = 16,    /* over the samples of the step: complete only after all tiles */
    OP_GROWS = 32,  /* of MAP: its result is the large map, its argument the small one */
    OP_NUMBER = 64, /* its text has, behind the arguments, `number`, */
    OP_INDEX = 128, /* `index`, */
    OP_PARAM = 256, /* the name of `param` */
    OP_CHEAP = 512  /* of POINTWISE: computed again faster than written to memory and read */
} OpTrait;
typedef struct OpInfo {
    const char *text;
    int arity;
    OpClass class;
    int traits; /* OpTrait */
} OpInfo;
extern const OpInfo op_info[IR_OP_COUNT];
static inline bool op_has(OpCode op, OpTrait trait)
{
    return op_info[op].traits & trait;
}
OpCode op_named(const char *text); /* IR_OP_COUNT: none */

enum { MAX_RANK = 4 };
typedef struct Shape {
    int rank;
    int64_t dim[MAX_RANK];
} Shape;
int64_t shape_size(Shape s);
bool shape_equal(Shape a, Shape b);
const char *shape_text(Arena *a, Shape s); /* "[4, 64]" */
static inline Shape shape_vector(int64_t n)
{
    return (Shape){1, {n}};
}
/* Of a map: the last two sizes. */
static inline int64_t map_height(Shape s)
{
    return s.dim[s.rank - 2];
}
static inline int64_t map_width(Shape s)
{
    return s.dim[s.rank - 1];
}
static inline int64_t map_pixels(Shape s)
{
    return map_height(s) * map_width(s);
}

/* What an output pixel of a map sees: size x size pixels, `dilation` apart; windows are `stride` apart. Those
 * of a pool reach up to `border` pixels over the edge of the map, where there is nothing. */
typedef struct Window {
    int64_t size, stride, dilation, border;
} Window;

struct Tensor;
struct Graph;
typedef struct Value Value;
struct Value {
    int id; /* position in its function */
    OpCode op;
    Shape shape;
    bool is_bool, per_sample;
    int arg_count;
    Value **args;
    double number; /* CONST, DROPOUT (probability), LAYER_NORM, BATCH_NORM (epsilon) */
    double extra;  /* BATCH_NORM: momentum */
    int64_t index; /* ARG, WEIGHT, STATISTIC, WIRED_STATISTIC (element of the statistics), SLICE, EMBED,
                      RANDOM, WIRED_EDGES; REDUCE_SUM, REDUCE_MAX, BROADCAST, TRANSPOSE: first of the
                      axes; WIRED_WEIGHT: node set, or sets + bundle; CROP, PAD_MAP: pixel of the large
                      map where the small one begins */
    Window window; /* of operators on maps; size 0: none */
    struct Tensor *param;
    struct Graph *graph;
    bool remade; /* WIRED: its argument is local, and made again for the gradients of candidates (local.c) */
    bool batch;  /* WIRED: batch_norm in functions takes the statistics of the step, not the kept ones */
    Span span;
    /* by fuse and plan: */
    int group;             /* pointwise values of one group are computed in one loop; -1: none */
    bool in_place;         /* BROADCAST: loops read its argument where they use it; it has no memory */
    int level;             /* barriers before it runs */
    bool stored;           /* lives in memory */
    bool local;            /* its rows are those of the thread, not of the tile */
    const Value *sums_of;  /* this WIRED_BACK reads it alone, where it keeps the gradients of its output's
                              sums: the value stands there (sums.c); NULL: it has rows of its own */
    int64_t gap;           /* with sums_of: free rows behind each run of its loop */
    int64_t address;       /* first row, or element in the shared area; -1 */
    int64_t partial;       /* SUM_SAMPLES, WIRED_WEIGHT: first element of the tile's own sum; -1 */
    int64_t rows, scratch; /* WIRED, WIRED_BACK: first row of the nodes' values (of the gradients of
                              their sums); of the maps within their functions, behind these */
    int64_t sums;          /* WIRED: first row of the sums, which WIRED_BACK has; -1: no backward pass */
    int64_t statistics, moments; /* WIRED with `batch`, and its WIRED_BACK: statistics of batch_norm, or
                                    gradients by them: element of the shared area; the tile's own part */
};

typedef struct Func {
    const char *name;
    bool of_cell; /* of a node or an edge: its arguments are numbered by Slot (model.h) */
    Vec(Value *) values;
    Vec(Value *) results;
    Vec(const char *) result_names;
    int64_t plan_rows; /* by plan: rows of its tile */
    Arena *arena;
} Func;

Func *func_new(Arena *perm, const char *name);
/* Appends a value; its shape, kind and per_sample follow from the arguments (op_shape). */
Value *func_add(Func *f, OpCode op, Span span, int count, Value *const *args);
Value *func_const(Func *f, double number);
/* Shorthand for one and two arguments; the span is that of the first argument. */
Value *func_unary(Func *f, OpCode op, Value *a);
Value *func_binary(Func *f, OpCode op, Value *a, Value *b);
void func_result(Func *f, const char *name, Value *v);
/* A copy of all values without results; map[id] is the copy of value id. */
Func *func_copy(Arena *perm, const Func *f, const char *name, Value **map);
/* ARG `index`; NULL: f does not read it. */
Value *func_argument(const Func *f, int64_t index);
/* The WIRED or WIRED_BACK of a graph; NULL: f (or NULL) has none. */
const Value *func_find_wired(const Func *f, const struct Graph *g, OpCode op);
/* Does it have such a value? f may be NULL. */
bool func_has(const Func *f, OpCode op);
/* By id: the values `from`, and all that they follow from. */
bool *func_follow(const Func *f, int count, Value *const *from);
/* Values that no result needs are removed; numbers are given anew. */
void func_prune(Func *f);

/* BUG when an argument comes later than its use, a shape is wrong, or an operator has a wrong count. */
void func_verify(const Func *f);

/* The whole program. */
typedef struct Ir {
    Arena *perm;
    struct Model *model;
    Func *train; /* results: loss, then gradients of parameters; NULL without a train block */
    Func *infer; /* results: output; and loss when there is a train block */
    struct Plan *train_plan, *infer_plan;
    struct Profile *profile; /* profile.h; NULL: the program is not built to be measured */
} Ir;
#endif
