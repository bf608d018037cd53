/* timed_calls.h: what generated code (compiler/gen/gen_timed*.c) and the kernels that take a graph through
 * time (drive.c, turns.c) hand to each other. Generated code fills and reads the structs by offsetof; every
 * field is eight bytes.
 */
#ifndef TIMED_CALLS_H
#define TIMED_CALLS_H
#include "kernel.h"

#ifdef DNW_REAL
typedef real Rows;
#else
typedef void Rows; /* the compiler knows addresses only */
#endif

/* One evaluation, of one tile. Evaluations are counted from 0 through all steps, because not all edges and
 * nodes matter in all of them (compiler/layout/live.h) and because batch_norm has statistics of each; where
 * the solver chooses its steps, all have number 0. */
typedef struct Evaluation {
    DnwrtContext *context;
    Rows *tile, *maps; /* maps: room for maps within node functions */
    Rows *state;       /* states, then sent values */
    Rows *sums;        /* of all nodes; backwards their gradients in place of them */
    const Rows *held;
    int64_t number;
} Evaluation;

/* Functions of a graph that the compiler makes. `rate`: rates of the states, or the next states of a discrete
 * step; d_: gradients. Those of sums and norms: with batch_norm, in rounds. */
typedef void SendFn(const Evaluation *at);
typedef void MoveFn(const Evaluation *at, Rows *rate);
typedef void ShowFn(const Evaluation *at, Rows *output);
typedef void BackFn(const Evaluation *at, const Rows *d_rate, Rows *d_state);
typedef void OutputBackFn(const Evaluation *at, const Rows *d_output, Rows *d_state);
typedef void HeldBackFn(const Evaluation *at, Rows *d_held); /* from the gradients in at->sums */
typedef void SumsFn(const Evaluation *at);
typedef void NormFn(const Evaluation *at, int64_t norm, int64_t samples);
typedef void NormBackFn(const Evaluation *at, int64_t norm, const Rows *d_rate);

/* Constants of a program: the compiler knows them while it optimises the kernels. Not all are used. */
typedef struct TimedCalls {
    SendFn *send;
    MoveFn *move;
    ShowFn *show;
    SumsFn *sums;
    NormFn *norm;
    BackFn *back;
    OutputBackFn *output_back;
    /* NULL: nothing flows back to a held input */
    HeldBackFn *held_back, *held_output_back;
    /* of the adjoint: `back` without gradients of weights */
    BackFn *product;
    /* in rounds: what of `back` is done first, because the rest needs the gradients of the statistics of
     * edges; NULL: nothing */
    BackFn *rates_back;
    NormBackFn *norm_back;
} TimedCalls;

/* A tile on its way, and on its way back. */
typedef struct Drive {
    /* where everything stands, filled by generated code */
    DnwrtContext *context;
    Rows *tile, *maps;
    const DnwrtTime *time;
    int64_t number; /* of the tile */
    const Rows *held;
    Rows *value, *rates, *saved, *sums; /* saved: NULL without a backward pass */
    int64_t sums_step;                  /* rows from the sums of one evaluation to the next */
    Rows *output;
    /* backwards: gradients of the output and of a held input, by position; dL/dS, at the end that before the
     * first step, followed by room for 2 + stages of its size, for 1 where rates are next states, of the
     * adjoint for 4 + 2 stages and the sums of one evaluation */
    Rows *d_output, *d_held, *d_state;
    /* set by the kernel */
    const TimedCalls *calls;
    DnwrtRun *run;
    int64_t states, stride, slot, window;
    Rows *by; /* lengths of the step by lane, 0: it stands still; NULL: all have the same */
    /* backwards: dS_i of all stages are d_stages; of the adjoint they are its stages, with its rates of
     * change and room for sums */
    Rows *d_rate, *d_stage, *d_stages, *change, *work_sums;
} Drive;
#endif
