/* train.h: the state of a training run between two steps, as stored in checkpoints, and the loop
 * (train_state.c, train_loop.c; train.c is the command around them).
 *
 * The directory of a run holds log.jsonl, last.safetensors (everything: a run continues from it bit for bit)
 * and best.safetensors (the weights of the best epoch). The order in which an epoch ends (best, log, last) is
 * what makes a crash between any two of them harmless: the epoch is then run again and writes the same.
 */
#ifndef RT_TRAIN_H
#define RT_TRAIN_H
#include "app/checkpoint.h"
#include "common/log.h"
#include "app/session.h"
#include "app/wiring_file.h"
#include <signal.h>

typedef struct TrainState {
    /* fixed for the whole run */
    uint64_t fingerprint; /* program_fingerprint */
    int64_t seed, batch, epochs;
    double lr;       /* of --lr, or -1 */
    int64_t samples; /* of the training split */
    int64_t classes; /* 0: the target is numbers */
    /* where it stands */
    int64_t epoch, step; /* epochs done; steps done in the epoch after them */
    double loss_sum;     /* sums over the steps of this epoch: loss times samples, ... */
    int64_t seen, correct, judged, swapped;
    int64_t idle; /* nodes that the last step of this epoch taught nothing (NetIdle) */
    int64_t flow_tiles, evaluations, accepted, rejected; /* NetFlow, added up */
    double best; /* of the validation samples, or of the test samples where there are none: accuracy, or loss
                    when the target is numbers */
    double best_test;              /* of the test samples after that epoch */
    int64_t best_epoch;            /* 0: none yet */
    int64_t best_kept;             /* edges in use in that epoch */
    double seconds, epoch_seconds; /* spent so far: in all; in training steps of this epoch */
    int64_t log_bytes;             /* length of log.jsonl that belongs to this state, */
    int64_t wiring_bytes;          /* and of wiring.bin */
} TrainState;

/* Of all graphs. */
typedef struct TrainEdges {
    int64_t candidates, kept;
    bool any; /* a rule says how many are in use: keep any */
} TrainEdges;

/* Metadata of a checkpoint: every field as text, floating-point numbers in hexadecimal. */
json_t *train_pack(const TrainState *t, const char *program);
/* Back again from a file. Fails when a field is missing, malformed or impossible. */
bool train_unpack(TrainState *t, const Checkpoint *c, RtError *e);

enum { TRAIN_CLASSES = 32 };
typedef struct TrainRun {
    Session *session;
    TrainState state;
    char *directory, *log_path, *last_path, *best_path, *wiring_path;
    Log log;
    WiringFile wiring; /* open where the setting `snapshots` is above 0 */
    LogConsole console;
    int64_t *order; /* (samples) of this epoch */
    /* Of the test samples behind it, where there are so few classes (net_confusion). */
    int64_t confusion[TRAIN_CLASSES * TRAIN_CLASSES];
    double clock;          /* log_clock when `seconds` was last brought up to date */
    bool warned;           /* of nodes that learn nothing */
    int64_t epochs_before; /* of a run that is made longer; else 0 */
    const volatile sig_atomic_t *stop;
} TrainRun;

/* Tensors and state to `path`. */
bool train_save(TrainRun *run, const char *path, CheckpointUse use, RtError *e);
/* The loop: runs from run->state to the end. RT_INTERRUPTED when *run->stop became non-zero (state is saved).
 */
bool train_loop(TrainRun *run, RtError *e);
/* NetOptions.start of a TrainRun: weights and edges in use come from the file of --init (train_init.c). What
 * is missing in it, of another shape or not used is told line by line. Fails where nothing fits. */
bool train_init(Net *n, void *run, RtError *e);
/* Where the setting `snapshots` asks for one now: to wiring.bin. */
bool train_snapshot(TrainRun *run, RtError *e);
/* None where the run is finished, and there is no network. */
TrainEdges train_edges(const TrainRun *run);
/* See net_above_budget. */
const char *train_above_budget(const TrainRun *run);
#endif
