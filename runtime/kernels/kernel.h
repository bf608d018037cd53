/* kernel.h: what generated code, kernels and net.c share.
 *
 * Kernels are compiled for each real type (DNW_REAL) and each number of lanes (DNW_LANES); names end in
 * _f32x64, _f64x16 and so on. The compiler carries the clang bitcode of all and links what a program needs
 * into its module, the native objects go into libdnwrt for unit tests. A row is one number for the samples of
 * a tile, contiguous: its lanes. A node is a block of rows: one, or one for each pixel of its map.
 */
#ifndef KERNEL_H
#define KERNEL_H
#include "common/contract.h"

/* Samples that a tile may have (compiler/layout/lanes.c chooses); kernels are compiled for each
 * (CMakeLists.txt reads this). */
#define TILE_LANES(each) each(1) each(8) each(16) each(64)
enum { MAX_LANES = 64 };

/* Edges in use of one bundle, by target and by source. Weights have the program's real type. */
typedef struct DnwrtWires {
    const uint32_t *row; /* targets + 1 */
    const uint32_t *source;
    const void *weight;
    const uint32_t *column; /* sources + 1 */
    const uint32_t *target;
    const void *weight_back;
    const uint32_t *candidate, *candidate_back; /* of an edge with a function: whose weights it has */
    int64_t dots; /* element of a tile where the gradients of its weights are, by source; -1: nowhere */
    const uint32_t *first; /* sources that are taps: the first pixel of each (taps.h) */
} DnwrtWires;

/* Where the values and gradients of one evaluation begin: elements of Context.tiles for node 0 of sources,
 * of targets' sums, of what targets send; its number in time. */
typedef struct DnwrtEdgeRows {
    int64_t source, target, own, evaluation;
} DnwrtEdgeRows;

/* What the generated code for gradients of an edge function works on: `count` candidates into one target,
 * from consecutive sources, over the evaluations of all tiles: rows[first[tile] .. first[tile + 1]). `more`:
 * added to the gradients that are there. `maps`: room for the maps within the function. */
typedef struct DnwrtEdgeJob {
    int64_t candidate, source, count, target, tiles, more;
    const int64_t *first;
    const DnwrtEdgeRows *rows;
    void *maps;
} DnwrtEdgeJob;

/* Numbers of a kernel on maps (map.h), constants of a program: reals from one pixel to the next in the maps
 * that it reads and in its result; the large map, which is the argument of an operator or the result of its
 * gradient, and the small one (crop and pad_map alone ask for it, and for `first`); the window; the pixel of
 * the large map at which the small one begins; how far windows of a pool reach over its edge. */
typedef struct MapSizes {
    int64_t step[3];
    int64_t height, width, rows, columns, size, stride, dilation, first, border;
} MapSizes;

/* Numbers of a sum over edges (gather.c), constants of a program: rows from one node to the next of what is
 * read, of the sums and of what the nodes themselves send; rows of a sum. Where sources are taps of maps: of
 * a run of pixels that stand together in both maps; runs in each of so many rows, and the pixels of the map
 * with its border from run to run and from row to row. */
typedef struct GatherSizes {
    int64_t pitch, out_pitch, own_pitch, pixels;
    int64_t runs, run_step, rows, row_step;
} GatherSizes;

/* Of gather_back_dots: blocks of what the nodes send; the tile that gradients of weights go to; do sums start
 * at 0? */
typedef struct GatherDots {
    const void *own;
    void *tile;
    int64_t fresh;
} GatherDots;

/* Topological order of one graph: phases of nodes that do not depend on each other, all of one set. */
typedef struct DnwrtOrder {
    int64_t phases;
    const int64_t *set, *first, *count;
    const uint32_t *nodes;
} DnwrtOrder;

/* What a stage of a graph with batch_norm does in one round: `count` turns, each of one phase; in time each
 * of one evaluation. Between rounds the runtime takes the statistics of a norm from the parts of all tiles. A
 * turn is set * TURN_STEPS + step; in time it is of all sets, as of set 0. */
enum TurnStep {
    TURN_SUM,    /* sums over edges; backward pass: gradients of sent values */
    TURN_FINISH, /* the node function, or its gradient */
    TURN_EDGES,  /* backwards, where edges into the nodes have a batch_norm: gradients of weights they share;
                    in  time of sent values, too */
    TURN_NORM,   /* + i: the tile's part of the statistics of norm i, or of their gradients */
    TURN_STEPS = 16
};
typedef struct DnwrtTurns {
    int64_t count;
    const int64_t *turn, *phase;
    int64_t first; /* of the rounds: 1 */
} DnwrtTurns;

/* Graphs in time: DnwrtTime (contract.def) says how they run. */
enum { MAX_TIME_SAVED = 32 };
typedef enum DnwrtFailure {
    FLOW_GOES_ON,
    FLOW_STEP_TOO_SMALL,
    FLOW_TOO_MANY_STEPS,
    FLOW_NOT_FINITE
} DnwrtFailure;

/* How the samples of a tile go on where each chooses its steps, by lane. */
typedef struct DnwrtPace {
    double gone[MAX_LANES], step[MAX_LANES]; /* time since `start`; length of the step to try */
    double atol[MAX_LANES];                  /* of the adjoint */
    uint8_t held[MAX_LANES];                 /* the last try was rejected: the next step does not grow */
    double start, sign;                      /* -1: back in time */
    int64_t tries;                           /* of the position, the same for all that are on their way */
} DnwrtPace;

/* One tile on its way through a graph in time. Steps are counted over all positions. Where each sample
 * chooses its steps, one of the tile is a step of some of its samples; the others stand still. */
typedef struct DnwrtRun {
    int64_t fresh; /* backwards: nothing is done yet */
    int64_t accepted, evaluations;
    int64_t taken, rejected; /* steps that samples chose, added up; those tried in vain */
    int64_t first, count;    /* steps whose evaluations are in the window */
    int64_t left;            /* backwards: steps still to go through */
    int64_t replay; /* forwards: take the `accepted` steps that are recorded, or the first of equal ones */
    void *h; /* recorded lengths of steps that samples chose, reals: (steps, lanes); NULL: not recorded */
    int64_t *position;
    int64_t every, saved, saved_step[MAX_TIME_SAVED]; /* states that are kept: from which step on */
    int64_t failure, failed_row, failed_lane;         /* DnwrtFailure; a row of the states */
    int64_t failed_position;
    const void *failed_sent, *failed_held; /* sent values, clamped input, at the start of that step */
    double failed_time, failed_step, failed_error, failed_state, failed_rate;
    int64_t rounds; /* of the adjoint: windows so far */
    DnwrtPace pace;
} DnwrtRun;

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
    const DnwrtTurns *turns; /* of the round */
    void *local;             /* rows of the thread: what a stage makes and reads */
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
    CONTEXT_TIME,
    CONTEXT_TURNS,
    CONTEXT_LOCAL
};
_Static_assert(sizeof(DnwrtContext) == 8 * (CONTEXT_LOCAL + 1),
               "generated code reads the context by field number");

/* How many bytes of a sum over edges stay in registers, 512, 256 or 128: eight registers of AVX-512, AVX,
 * SSE. The compiler makes it a constant of each program, for its processor (compiler/target/target.c). */
extern int64_t cpu_piece_bytes;

#ifdef DNW_REAL
typedef DNW_REAL real;
enum { LANES = DNW_LANES };
#if DNW_LANES == 1 /* one number; the loops around it become vectors of pixels */
enum { WIDTH = 1 };
typedef real Lanes;
#else
#if defined DNW_REAL_IS_DOUBLE
enum { WIDTH = 4 };
#elif DNW_LANES == 8
enum { WIDTH = 8 };
#else
enum { WIDTH = 16 };
#endif
/* WIDTH lanes: one AVX-512 register, two of AVX, four of SSE; half of that in double, whose code should be
 * small: it serves gradcheck alone. */
typedef real Lanes __attribute__((vector_size(WIDTH * sizeof(real)), aligned(sizeof(real)), may_alias));
#endif

/* Sums side by side, always in the same order: so that they are vectors. */
static inline __attribute__((always_inline)) real sum_numbers(const real *x, int64_t count)
{
    real part[16] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        for (int k = 0; k < 16; k++) part[k] += x[i + k];
    for (int k = 0; k < 16; k++) sum += part[k];
    for (; i < count; i++) sum += x[i];
    return sum;
}

#define KERNEL_NAME2(name, suffix) dnwk_##name##_##suffix
#define KERNEL_NAME1(name, suffix) KERNEL_NAME2(name, suffix)
#define KERNEL(name)               KERNEL_NAME1(name, DNW_SUFFIX)
#endif
#endif
