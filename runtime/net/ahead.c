/* ahead.c: samples of the next step, loaded while the present one ends.
 *
 * Gradients of candidates are the last large work of a step, cut into blocks that threads take one after the
 * other; the samples of the next step are blocks behind them, so a thread that finds no gradient left loads
 * while others still work. A sample is loaded as it is stored, bytes or floats, but moved (augment.h):
 * what the next step has left to do is to scale it and turn it into its tile. What is loaded follows from
 * the seed, the epoch and the sample, so it makes no difference which thread did it, or whether it was done.
 *
 * Pictures that are not kept in memory (data/picture_list.h) are decoded here, in steps of training and in
 * others: those of the next step while the present one ends, one picture a piece, all that are missing before
 * a step begins.
 */
#include "net/net_private.h"
#include "common/thread.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int64_t ahead_least = 1 << 14; /* with fewer numbers a step there is nothing to gain */

enum { PIECE = 16 }; /* samples */

/* The first of the loaded samples that could not be read, and why. */
typedef struct NetLost {
    pthread_mutex_t lock;
    int64_t first; /* -1: none */
    RtError why;
} NetLost;

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

static bool allocate(Net *n)
{
    if (n->ahead.values) return true;
    n->ahead.samples = malloc((size_t)n->batch * sizeof *n->ahead.samples);
    n->ahead.lost = malloc(sizeof *n->ahead.lost);
    if (!n->ahead.samples || !n->ahead.lost) return false;
    *n->ahead.lost = (NetLost){.lock = PTHREAD_MUTEX_INITIALIZER, .first = -1};
    void *p = mmap(NULL, room_bytes(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0); /* bytes take a quarter of it */
    n->ahead.values = p == MAP_FAILED ? NULL : p;
    return n->ahead.values != NULL;
}

bool ahead_allocate(Net *n)
{
    return !has_room(n) || allocate(n);
}

void ahead_free(Net *n)
{
    if (n->ahead.values) munmap(n->ahead.values, room_bytes(n));
    free(n->ahead.samples);
    free(n->ahead.lost);
}

void net_train_next(Net *n, const int64_t *order, int64_t count)
{
    bool worth = has_room(n) && n->ahead.values && count * n->inputs >= ahead_least;
    n->ahead.order = order, n->ahead.wanted = worth ? count : 0;
}

static bool is_decoded(const NetBatch *b)
{
    return b->split && b->split->pictures;
}

static int64_t number_of(const NetBatch *b, int64_t i)
{
    return b->order ? b->order[i] : b->first + i;
}

/* Is what is loaded that of this batch? */
static bool holds(const NetAhead *a, const NetBatch *b)
{
    bool same = a->loaded == b->count && a->split == b->split && a->epoch == b->epoch &&
                a->moved == b->augmented && a->lost->first < 0;
    for (int64_t i = 0; same && i < b->count; i++) same = a->samples[i] == number_of(b, i);
    return same;
}

static void describe(Net *n, const NetBatch *b)
{
    NetAhead *a = &n->ahead;
    a->split = b->split, a->epoch = b->epoch, a->data = b->data, a->moved = b->augmented;
}

static void load_one(void *job, int64_t i)
{
    const Net *n = job;
    const NetAhead *a = &n->ahead;
    NetBatch b = {.data = a->data, .split = a->split, .order = a->samples, .count = a->loaded};
    b.augmented = a->moved, b.epoch = a->epoch;
    net_load(n, &b, i);
}

static bool decode(Net *n, const NetBatch *b)
{
    NetAhead *a = &n->ahead;
    if (!allocate(n)) return false;
    for (int64_t i = 0; i < b->count; i++) a->samples[i] = number_of(b, i);
    describe(n, b);
    a->loaded = b->count, a->lost->first = -1;
    thread_share(n->options.threads, b->count, load_one, n);
    a->ready = true;
    return a->lost->first < 0;
}

void ahead_lose(const Net *n, int64_t i, const RtError *why)
{
    NetLost *l = n->ahead.lost;
    pthread_mutex_lock(&l->lock);
    if (l->first < 0 || i < l->first) l->first = i, l->why = *why;
    pthread_mutex_unlock(&l->lock);
}

void net_step_unread(NetStep *step, const RtError *why)
{
    snprintf(step->bad, sizeof step->bad, "%.*s", (int)sizeof step->bad - 1, why->text);
    step->bad[strcspn(step->bad, "\n")] = '\0';
    snprintf(step->help, sizeof step->help, "pictures are decoded when they are used: replace this one");
}

bool ahead_begin(Net *n, const NetBatch *b, NetStep *r)
{
    NetAhead *a = &n->ahead;
    a->ready = a->values && holds(a, b);
    if (is_decoded(b)) {
        if (a->ready || decode(n, b)) return true;
        const RtError none = {.text = "out of memory for the pictures of a step"};
        net_step_unread(r, a->lost && a->lost->first >= 0 ? &a->lost->why : &none);
        return false;
    }
    describe(n, b);
    a->loaded = 0;
    return true;
}

void ahead_again(Net *n, const NetBatch *b)
{
    if (!is_decoded(b)) return;
    n->ahead.ready = n->ahead.values && holds(&n->ahead, b);
    if (!n->ahead.ready) decode(n, b);
}

/* Samples of a piece. */
static int64_t piece_size(const NetAhead *a)
{
    return a->split->pictures ? 1 : PIECE;
}

int64_t ahead_pieces(Net *n)
{
    NetAhead *a = &n->ahead;
    int64_t count = a->wanted;
    if (count == 0) return 0;
    memcpy(a->samples, a->order, (size_t)count * sizeof *a->samples);
    a->ready = false, a->loaded = count, a->wanted = 0, a->lost->first = -1;
    return (count + piece_size(a) - 1) / piece_size(a);
}

void ahead_load(const Net *n, int64_t piece)
{
    const int64_t size = piece_size(&n->ahead);
    for (int64_t i = piece * size; i < (piece + 1) * size && i < n->ahead.loaded; i++) load_one((void *)n, i);
}
