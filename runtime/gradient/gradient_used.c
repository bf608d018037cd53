/* gradient_used.c: lines whose edges in use never change (`sample`, lists of pairs that are all in use).
 *
 * What is not in use never will be, so nothing is computed for it and its weights stay as they were drawn.
 * Gradients of edges in use are added up in the backward pass, or by dot products (gradient_part.c).
 * Doubles, which serve gradcheck, have the gradients of all candidates.
 */
#include "gradient/gradient.h"
#include "common/thread.h"

enum { PIECE = 1024 }; /* edges */

bool gradient_of_used(const Net *n, const NetBundle *b)
{
    return gradient_moves_used(n, b) && !b->line.full;
}

bool gradient_moves_used(const Net *n, const NetBundle *b)
{
    return n->real_size == 4 && b->line.of_used && b->rows.target >= 0;
}

static int64_t edges_of(const NetBundle *b)
{
    return net_learners(b).row[b->candidates.targets];
}

int64_t gradient_used_pieces(const NetBundle *b)
{
    return block_parts(edges_of(b), PIECE);
}

static Stretch piece_of(const NetBundle *b, int64_t piece)
{
    const int64_t from = piece * PIECE, left = edges_of(b) - from;
    return (Stretch){from, left < PIECE ? left : PIECE};
}

/* Between places of an array and numbers side by side. */
static void pick(const float *all, const uint32_t *at, int64_t count, float *out)
{
    for (int64_t i = 0; all && i < count; i++) out[i] = all[at[i]];
}

static void put(float *all, const uint32_t *at, int64_t count, const float *in)
{
    for (int64_t i = 0; all && i < count; i++) all[at[i]] = in[i];
}

/* Edges of a line by their places, and their gradients side by side. */
typedef struct Edges {
    const NetBundle *b;
    const NetParam *weight;
    Stretch place;
    const float *gradient;
} Edges;

/* Moves their weights; with slots these stand side by side, too. */
static void move(const Net *n, Edges e, const NetUpdate *update)
{
    const Optim *o = n->options.optim;
    const OptimStep step = net_step_of(n, e.weight, update);
    const int64_t offset = e.weight->offset;
    const uint32_t *candidate = net_learners(e.b).candidate;
    if (!candidate) {
        const OptimRange r = net_range(n, offset + e.place.from, e.gradient);
        optim_update(o, e.place.count, &r, &step);
        return;
    }
    const OptimRange r = net_range(n, offset, e.gradient);
    const uint32_t *at = candidate + e.place.from;
    float *all[3] = {r.weight, r.slot[0], r.slot[1]};
    float own[3][PIECE];
    for (int i = 0; i < 3; i++) pick(all[i], at, e.place.count, own[i]);
    optim_update(o, e.place.count, &(OptimRange){own[0], e.gradient, {own[1], own[2]}}, &step);
    for (int i = 0; i < 3; i++) put(all[i], at, e.place.count, own[i]);
}

void gradient_used_piece(const Net *n, const NetBundle *b, int64_t piece, const NetUpdate *update, bool more)
{
    const Stretch e = piece_of(b, piece);
    const float *used = b->used + e.from;
    if (update) {
        move(n, (Edges){b, b->param, e, used}, update);
        return;
    }
    float *grad = (float *)n->grad + b->param->offset;
    for (int64_t i = 0; i < e.count; i++) {
        float *to = &grad[net_learner(net_learners(b), e.from + i)];
        *to = used[i] + (more ? *to : 0);
    }
}

typedef struct Move {
    const Net *n;
    const NetBundle *b;
    const NetParam *p;
    const NetUpdate *update;
} Move;

static void move_piece(void *job, int64_t i)
{
    const Move *m = job;
    const Stretch e = piece_of(m->b, i);
    const uint32_t *at = net_learners(m->b).candidate;
    const float *all = (const float *)m->n->grad + m->p->offset;
    float gradient[PIECE];
    if (at) pick(all, at + e.from, e.count, gradient);
    move(m->n, (Edges){m->b, m->p, e, at ? gradient : all + e.from}, m->update);
}

void gradient_move_used(Net *n, bool all, const NetUpdate *update)
{
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        const int64_t pieces = gradient_used_pieces(b);
        for (int w = 0; w < b->line.weight_count && gradient_moves_used(n, b); w++)
            if (b->weights[w]->learned && (all || b->weights[w]->rounds))
                thread_share(pieces > 4 ? n->options.threads : 1, pieces, move_piece,
                             &(Move){n, b, b->weights[w], update});
    }
}
