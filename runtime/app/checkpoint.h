/* checkpoint.h: weights on disk, as safetensors.
 *
 *   8 bytes    n, length of the header, little-endian
 *   n bytes    JSON {"__metadata__": {KEY: TEXT}, NAME: {"dtype", "shape", "data_offsets": [begin, end]},
 *              ...}, padded with blanks so that the data starts at a multiple of 8
 *   the rest   the tensors one after the other; offsets count from here
 *
 * dtypes: F32; U8 for chosen edges (0 or 1), or I64 and I32 where these are a sparse matrix. Weights are also
 * read in F16, BF16 and F64.
 * Format: https://github.com/huggingface/safetensors
 *
 * A file is either whole or not there: it is written under a temporary name, synced, and renamed. Reading
 * trusts nothing: a whole file is checked against the tensors it is for before the first of them is changed.
 */
#ifndef RT_CHECKPOINT_H
#define RT_CHECKPOINT_H
#include "net/net.h"

enum { CHECKPOINT_RANK = 6, CHECKPOINT_HEADER_LIMIT = 100000000 };

/* One tensor of a file. */
typedef struct CheckpointTensor {
    const char *name;
    int dtype; /* row of `dtypes` in checkpoint.c */
    int rank;
    int64_t shape[CHECKPOINT_RANK];
    int64_t begin, end; /* in the data */
} CheckpointTensor;

typedef struct Checkpoint {
    char *path;           /* for messages */
    const uint8_t *bytes; /* the whole file */
    size_t size;
    size_t data_at; /* where the data starts */
    json_t *header;
    CheckpointTensor *tensors; /* by name */
    size_t count;
    bool mapped;
} Checkpoint;

typedef enum CheckpointUse {
    CHECKPOINT_WEIGHTS, /* weights and running statistics; chosen edges if the file has them */
    CHECKPOINT_RESUME,  /* everything */
} CheckpointUse;

/* How tensors of a kind are written. */
const char *checkpoint_dtype(NetTensorKind kind);
/* Maps and parses a file. The file must stay as it is until checkpoint_close. */
bool checkpoint_open(Checkpoint *c, const char *path, RtError *e);
/* Parses a file that lies in memory; `bytes` must outlive *c. `path` is for messages. */
bool checkpoint_read_bytes(Checkpoint *c, const uint8_t *bytes, size_t size, const char *path, RtError *e);
void checkpoint_close(Checkpoint *c);
/* Text of a metadata entry, or NULL. */
const char *checkpoint_text(const Checkpoint *c, const char *key);

/* Checks that the file holds exactly these tensors, finite and of the right shapes, then copies it into them.
 * On failure they are as they were. *kept_given: the file had chosen edges (none or all of them). */
bool checkpoint_load(const Checkpoint *c, const NetTensor *const *tensors, int count, CheckpointUse use,
                     bool *kept_given, RtError *e);

/* Of a file that may be of another program. Does it have this tensor, in a shape and a type that fit? If not,
 * *e says why. */
bool checkpoint_fits(const Checkpoint *c, const NetTensor *want, RtError *e);
/* Copies one that fits. Fails where a number of it is not finite. */
bool checkpoint_take(const Checkpoint *c, const NetTensor *want, RtError *e);
/* The numbers of tensor LINE.SUFFIX as a tensor of that kind has them in memory, for the caller to free.
 * NULL: the file has none of this type, or one of them is not finite. */
void *checkpoint_read(const Checkpoint *c, const char *line, const char *suffix, NetTensorKind kind,
                      int64_t *count);
/* Is tensor k of the file one of these, or left out by `use`? If not, *e says which it is. */
bool checkpoint_knows(const Checkpoint *c, size_t k, const NetTensor *const *tensors, int count,
                      CheckpointUse use, RtError *e);

/* Writes tensors to `path` (through PATH.tmp); `use` says whether optimiser state goes along. `metadata` maps
 * keys to texts. On failure the file that was there is still there, and *e has code RT_SYSTEM. */
bool checkpoint_write(const char *path, const NetTensor *const *tensors, int count, CheckpointUse use,
                      const json_t *metadata, RtError *e);
#endif
