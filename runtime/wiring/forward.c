/* forward.c: rules that say what an edge carries, `forward = ...`, and which edges are in use, `used = ...`.
 *
 * Both are generated code (DnwrtRule) over w and the states that stand beside it among the parameters. Sums
 * over edges and their gradients take what is carried for a weight; here it is computed for the edges in use,
 * and gradients are passed on: from what is carried to w and to the weights of the rule, by the derivatives
 * of `forward`.
 */
#include "common/thread.h"
#include "wiring/rule.h"

enum { BLOCK = 1024, PIECE = 1 << 16 }; /* candidates computed at once; of one piece of work */

/* Some candidates of a line, and what the functions of its rule read of them. */
typedef struct Block {
    const Net *n;
    const NetBundle *b;
    const Declared *d;
    const uint32_t *at; /* NULL: `first` and those behind it */
    int64_t first, count;
    const void *args[TERM_COUNT + MOST_RULE_STATES];
    _Alignas(64) char room[MOST_RULE_STATES + 1][BLOCK * sizeof(double)];
} Block;

const Declared *forward_rule(const Net *n, const NetBundle *b)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return d && d->forward != NO_FUNCTION ? d : NULL;
}

static int64_t candidate_of(const Block *k, int64_t i)
{
    return k->at ? k->at[i] : k->first + i;
}

/* out[i] = all[candidate i] */
static void pick(const Block *k, const void *all, void *out)
{
    if (k->n->real_size == 4)
        for (int64_t i = 0; i < k->count; i++) ((float *)out)[i] = ((const float *)all)[candidate_of(k, i)];
    else
        for (int64_t i = 0; i < k->count; i++) ((double *)out)[i] = ((const double *)all)[candidate_of(k, i)];
}

static void fill(const Block *k, const void *one, void *out)
{
    if (k->n->real_size == 4)
        for (int64_t i = 0; i < BLOCK; i++) ((float *)out)[i] = *(const float *)one;
    else
        for (int64_t i = 0; i < BLOCK; i++) ((double *)out)[i] = *(const double *)one;
}

static const void *number_at(const Net *n, const void *array, int64_t element)
{
    return (const char *)array + element * n->real_size;
}

static int64_t whole(const Block *k)
{
    return (k->count + RULE_WIDTH - 1) / RULE_WIDTH * RULE_WIDTH;
}

static void load(Block *k)
{
    const Net *n = k->n;
    const size_t bytes = (size_t)(k->count * n->real_size), all = (size_t)(whole(k) * n->real_size);
    int used = 0;
    for (int i = 0; i < TERM_COUNT + k->d->state_count; i++) {
        if (!(k->d->forward_reads >> i & 1)) continue;
        const DeclaredState *s = i >= TERM_COUNT ? &k->d->states[i - TERM_COUNT] : NULL;
        char *room = k->room[used++];
        k->args[i] = room;
        if (s && s->shared) fill(k, number_at(n, n->param, n->params[s->param].offset), room);
        else pick(k, number_at(n, n->param, (s ? k->b->weights[s->param] : k->b->param)->offset), room);
        memset(room + bytes, 0, all - bytes);
    }
}

static void compute(const Block *k, int function, void *out)
{
    const DnwrtProgram *p = k->n->program;
    if (k->n->real_size == 4) p->rules[function]((const float *const *)k->args, whole(k), out);
    else p->rules_f64[function]((const double *const *)k->args, whole(k), out);
}

void forward_fetch(const Net *n, const NetBundle *b, int64_t first, int64_t end)
{
    Block k = {.n = n, .b = b, .d = forward_rule(n, b)};
    _Alignas(64) char out[BLOCK * sizeof(double)];
    for (int64_t i = first; i < end; i += BLOCK) {
        k.at = b->candidate + i, k.count = end - i < BLOCK ? end - i : BLOCK;
        load(&k);
        compute(&k, k.d->forward, out);
        memcpy((char *)b->weight + i * n->real_size, out, (size_t)(k.count * n->real_size));
    }
}

/* ---- gradients ---- */

/* gradient[candidate i] by factor[i], into `to`. */
static void multiply(const Block *k, const void *gradient, const void *factor, void *to)
{
    if (k->n->real_size == 4)
        for (int64_t i = 0; i < k->count; i++)
            ((float *)to)[candidate_of(k, i)] = ((const float *)gradient)[i] * ((const float *)factor)[i];
    else
        for (int64_t i = 0; i < k->count; i++)
            ((double *)to)[candidate_of(k, i)] = ((const double *)gradient)[i] * ((const double *)factor)[i];
}

static double dot(const Block *k, const void *gradient, const void *factor)
{
    double sum = 0;
    for (int64_t i = 0; i < k->count; i++)
        sum += k->n->real_size == 4
                   ? (double)((const float *)gradient)[i] * (double)((const float *)factor)[i]
                   : ((const double *)gradient)[i] * ((const double *)factor)[i];
    return sum;
}

typedef struct Pass {
    const Net *n;
    const NetBundle *b;
    const DeclaredState *sum; /* NULL: all that is by candidate */
    const uint32_t *at;       /* so many candidates; NULL: all */
    int64_t count;
} Pass;

static void pass_block(Block *k)
{
    const Net *n = k->n;
    const Declared *d = k->d;
    _Alignas(64) char gradient[BLOCK * sizeof(double)], slope[BLOCK * sizeof(double)] = {0};
    void *of_w = (char *)n->grad + k->b->param->offset * n->real_size;
    load(k);
    pick(k, of_w, gradient);
    for (int s = 0; s < d->state_count; s++) {
        if (d->states[s].slope == NO_FUNCTION || d->states[s].shared) continue;
        compute(k, d->states[s].slope, slope);
        multiply(k, gradient, slope,
                 (char *)n->grad + k->b->weights[d->states[s].param]->offset * n->real_size);
    }
    if (d->slope == NO_FUNCTION) memset(slope, 0, sizeof slope);
    else compute(k, d->slope, slope);
    multiply(k, gradient, slope, of_w);
}

static double sum_block(Block *k, const DeclaredState *s)
{
    _Alignas(64) char gradient[BLOCK * sizeof(double)], slope[BLOCK * sizeof(double)];
    load(k);
    pick(k, (char *)k->n->grad + k->b->param->offset * k->n->real_size, gradient);
    compute(k, s->slope, slope);
    return dot(k, gradient, slope);
}

static void pass_piece(void *job, int64_t piece)
{
    const Pass *p = job;
    Block k = {.n = p->n, .b = p->b, .d = forward_rule(p->n, p->b)};
    const int64_t left = p->count - piece * PIECE, end = piece * PIECE + (left < PIECE ? left : PIECE);
    double sum = 0;
    for (int64_t i = piece * PIECE; i < end; i += BLOCK) {
        k.at = p->at ? p->at + i : NULL;
        k.first = i, k.count = end - i < BLOCK ? end - i : BLOCK;
        if (p->sum) sum += sum_block(&k, p->sum);
        else pass_block(&k);
    }
    if (p->sum) ((double *)p->n->scratch)[piece] = sum;
}

static int64_t run_pass(Pass p)
{
    const int64_t pieces = (p.count + PIECE - 1) / PIECE;
    thread_share(p.n->options.threads, pieces, pass_piece, &p);
    return pieces;
}

static double sum_of(const Net *n, const NetBundle *b, const DeclaredState *s)
{
    const int64_t pieces = run_pass((Pass){n, b, s, b->candidate, b->row[b->candidates.targets]});
    double sum = 0;
    for (int64_t i = 0; i < pieces; i++) sum += ((const double *)n->scratch)[i];
    return sum;
}

/* Those of numbers that a list shares: first, as they read the gradients of what edges carry. */
static void sum_list(const Net *n, const NetList *l, const DeclaredState *s)
{
    double sum = 0;
    for (int i = 0; i < l->bundle_count; i++)
        if (n->bundles[l->first_bundle + i].rows.target >= 0)
            sum += sum_of(n, &n->bundles[l->first_bundle + i], s);
    const int64_t at = n->params[s->param].offset;
    if (n->real_size == 4) ((float *)n->grad)[at] = (float)sum;
    else ((double *)n->grad)[at] = sum;
}

void forward_gradients(const Net *n)
{
    for (int i = 0; i < n->list_count; i++) {
        const NetList *l = &n->lists[i];
        if (!l->declared || l->declared->forward == NO_FUNCTION) continue;
        for (int s = 0; s < l->declared->state_count; s++)
            if (l->declared->states[s].slope != NO_FUNCTION && l->declared->states[s].shared)
                sum_list(n, l, &l->declared->states[s]);
        for (int k = 0; k < l->bundle_count; k++) {
            const NetBundle *b = &n->bundles[l->first_bundle + k];
            const NetLearners few = net_learners(b);
            const bool used = gradient_of_used(n, b);
            const int64_t count = used ? few.row[b->candidates.targets] : b->candidates.count;
            if (b->rows.target >= 0) run_pass((Pass){n, b, NULL, used ? few.candidate : NULL, count});
        }
    }
}

/* ---- edges in use ---- */

static int64_t mark_block(Block *k, NetBundle *b, float done)
{
    _Alignas(64) char out[BLOCK * sizeof(double)];
    int64_t swapped = 0;
    load(k);
    compute(k, k->d->used, out);
    for (int64_t i = 0; i < k->count; i++) {
        const bool used = k->n->real_size == 4 ? ((float *)out)[i] != 0 : ((double *)out)[i] != 0;
        uint8_t *mark = &b->kept[k->first + i];
        if (used == *mark) continue;
        *mark = used, swapped += used, b->changed = true;
        k->d->changed[b->place + k->first + i] = done;
    }
    return swapped;
}

int64_t forward_choose(Net *n, const NetList *l, int64_t done)
{
    int64_t swapped = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        Block k = {.n = n, .b = b, .d = l->declared};
        for (k.first = 0; k.first < b->candidates.count; k.first += BLOCK) {
            const int64_t left = b->candidates.count - k.first;
            k.count = left < BLOCK ? left : BLOCK;
            swapped += mark_block(&k, b, (float)done);
        }
    }
    return swapped;
}
