/* ahead.c: samples of the next step, loaded while the present one ends.
 *
 * Gradients of candidates are the last large work of a step, cut into blocks that threads take one after the
 * other; the samples of the next step are blocks behind them, so a thread that finds no gradient left loads
 * while others still work. A sample is loaded as it is stored, bytes or floats, but moved (augment.h):
 * what the next step has left to do is to scale it and turn it into its tile. What is loaded follows from
 * the seed, the epoch and the sample, so it makes no difference which thread did it, or whether it was done.
 */
#include "net/net_private.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int64_t ahead_least = 1 << 14; /* with fewer numbers a step there is nothing to gain */

enum { PIECE = 16 }; /* samples */

static bool has_room(const Net *n)
{
    return n->options.training && !n->options.f64 && n->options.threads > 1;
}

static size_t room_bytes(const Net *n)
{
    return (size_t)(n->batch * n->inputs) * sizeof(float);
}

int64_t ahead_bytes(const Net *n)
{
    return has_room(n) ? (int64_t)room_bytes(n) : 0;
}

bool ahead_allocate(Net *n)
{
    if (!has_room(n)) return true;
    void *p = mmap(NULL, room_bytes(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0); /* bytes take a quarter of it */
    n->ahead.values = p == MAP_FAILED ? NULL : p;
    n->ahead.samples = malloc((size_t)n->batch * sizeof *n->ahead.samples);
    return n->ahead.values && n->ahead.samples;
}

void ahead_free(Net *n)
{
    if (n->ahead.values) munmap(n->ahead.values, room_bytes(n));
    free(n->ahead.samples);
}

void net_train_next(Net *n, const int64_t *order, int64_t count)
{
    bool worth = n->ahead.values && count * n->inputs >= ahead_least;
    n->ahead.order = order, n->ahead.wanted = worth ? count : 0;
}

void ahead_begin(Net *n, const NetBatch *b)
{
    NetAhead *a = &n->ahead;
    a->ready = a->loaded == b->count && a->split == b->split && a->epoch == b->epoch &&
               memcmp(a->samples, b->order, (size_t)b->count * sizeof *b->order) == 0;
    a->split = b->split, a->epoch = b->epoch, a->data = b->data;
    a->loaded = 0;
}

int64_t ahead_pieces(Net *n)
{
    NetAhead *a = &n->ahead;
    int64_t count = a->wanted;
    if (count == 0) return 0;
    memcpy(a->samples, a->order, (size_t)count * sizeof *a->samples);
    a->ready = false, a->loaded = count, a->wanted = 0;
    return (count + PIECE - 1) / PIECE;
}

void ahead_load(const Net *n, int64_t piece)
{
    const NetAhead *a = &n->ahead;
    NetBatch b = {.data = a->data, .split = a->split, .order = a->samples, .count = a->loaded};
    b.augmented = true, b.epoch = a->epoch;
    for (int64_t i = piece * PIECE; i < (piece + 1) * PIECE && i < b.count; i++) net_load(n, &b, i);
}
