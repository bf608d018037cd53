/* kernel.h: what generated code, kernels and rt_net.c share.
 *
 * Kernels are compiled once with DNW_REAL = float (names end in _f32) and once with double (_f64); the clang
 * bitcode of both is carried by the compiler and linked into every program's module, the native objects go
 * into libdnwrt for unit tests. A row is one number for the DNWRT_LANES samples of a tile, contiguous. A node
 * is a block of rows: one, or one for each pixel of its map.
 */
#ifndef KERNEL_H
#define KERNEL_H
#include <stdint.h>

enum { LANES = 64 }; /* DNWRT_LANES */

/* Edges in use of one bundle, by target and by source. Weights have the program's real type. */
typedef struct DnwrtWires {
    const uint32_t *row; /* targets + 1 */
    const uint32_t *source;
    const void *weight;
    const uint32_t *column; /* sources + 1 */
    const uint32_t *target;
    const void *weight_back;
} DnwrtWires;

/* Topological order of one graph: phases of nodes that do not depend on each other, all of one set. */
typedef struct DnwrtOrder {
    int64_t phases;
    const int64_t *set, *first, *count;
    const uint32_t *nodes;
} DnwrtOrder;

/* How a graph runs in time (compiler/timed.h); stages 0: it does not. */
enum { MAX_TIME_STAGES = 7 };
typedef struct DnwrtTime {
    int64_t positions, steps, stages;
    int64_t states, sent, sums; /* rows of one evaluation */
    int64_t held, outputs;      /* rows of a held input and of the output at one position */
    double carry, a[MAX_TIME_STAGES][MAX_TIME_STAGES], b[MAX_TIME_STAGES];
} DnwrtTime;

/* Every field is eight bytes: generated code reads them by number (CONTEXT_* below). */
typedef struct DnwrtContext {
    void *param;         /* all parameters, flat */
    void *shared;        /* values that all samples share */
    void *tiles;         /* tile t starts at element t * tile_stride: rows, then its own sums */
    int64_t tile_stride; /* elements */
    int64_t count;       /* samples in this step */
    uint64_t seed;
    int64_t step;
    const DnwrtWires *wires; /* by bundle, through all graphs */
    const DnwrtOrder *order; /* by graph */
    void *grad;              /* like param */
    const DnwrtTime *time;   /* by graph */
} DnwrtContext;

enum ContextField {
    CONTEXT_PARAM,
    CONTEXT_SHARED,
    CONTEXT_TILES,
    CONTEXT_STRIDE,
    CONTEXT_COUNT,
    CONTEXT_SEED,
    CONTEXT_STEP,
    CONTEXT_WIRES,
    CONTEXT_ORDER,
    CONTEXT_GRAD,
    CONTEXT_TIME
};
_Static_assert(sizeof(DnwrtContext) == 8 * (CONTEXT_TIME + 1),
               "generated code reads the context by field number");

#ifdef DNW_REAL
typedef DNW_REAL real;
#ifdef DNW_REAL_IS_DOUBLE
enum { WIDTH = 8 };
#else
enum { WIDTH = 16 };
#endif
/* WIDTH lanes: one AVX-512 register, two of AVX, four of SSE. */
typedef real Lanes __attribute__((vector_size(WIDTH * sizeof(real)), aligned(sizeof(real)), may_alias));

#define KERNEL_NAME2(name, suffix) dnwk_##name##_##suffix
#define KERNEL_NAME1(name, suffix) KERNEL_NAME2(name, suffix)
#define KERNEL(name)               KERNEL_NAME1(name, DNW_SUFFIX)
#endif
#endif
