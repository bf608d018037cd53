/* slots_event.c: edges of lists that have numbers for edges in use alone come into use and go out of it
 * (net/slots.h).
 *
 * Candidates that are not in use are gone through block by block: their scores are computed, those that may
 * be among the best are kept, and once in a while all but the best of these are forgotten. Then the new
 * edges are merged into the lists, from the last one on, in place.
 */
#include "net/slots.h"
#include "common/thread.h"
#include "wiring/moment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- numbers of edges in use, by edge ---- */

enum { COLUMNS = 5 };
typedef struct Columns {
    int count;
    float *of[COLUMNS];
    float fresh[COLUMNS]; /* of an edge that comes into use */
} Columns;

static void add_column(Columns *c, float *numbers, float fresh)
{
    c->of[c->count] = numbers, c->fresh[c->count++] = fresh;
}

/* The weight is the first. */
static Columns columns_of(const Moment *m, const NetBundle *b)
{
    Net *n = m->n;
    Columns c = {0};
    add_column(&c, n->weights + b->param->offset, 0);
    for (int s = 0; n->options.optim && s < n->options.optim->slots; s++)
        add_column(&c, n->slots[s] + b->param->offset, 0);
    if (rule_reads(m->rule, TERM_GRADIENT)) add_column(&c, (float *)n->grad + b->param->offset, 0);
    add_column(&c, m->rule->changed + b->place, (float)m->done);
    return c;
}

static void copy_edge(const NetBundle *b, const Columns *c, int64_t to, int64_t from)
{
    b->candidates.source[to] = b->candidates.source[from];
    for (int i = 0; i < c->count; i++) c->of[i][to] = c->of[i][from];
}

static void remove_from(const Moment *m, NetBundle *b)
{
    Candidates *c = &b->candidates;
    const Columns all = columns_of(m, b);
    int64_t at = 0, first = 0;
    for (int64_t t = 0; t < c->targets; t++) {
        const int64_t end = c->row[t + 1];
        for (int64_t i = first; i < end; i++)
            if (b->kept[i]) copy_edge(b, &all, at++, i);
        first = end, c->row[t + 1] = at;
    }
    c->count = at;
    memset(b->kept, 1, (size_t)at);
    b->changed = true;
}

void slots_remove(const Moment *m)
{
    for (int i = 0; i < m->list->bundle_count; i++) remove_from(m, &m->n->bundles[m->list->first_bundle + i]);
}

/* ---- the best of those that are not in use ---- */

typedef struct Best {
    Scored *all;
    int64_t count, room, wanted;
    uint32_t least; /* weaker ones are not among the best */
    bool bad;       /* a score is not a number */
} Best;

static void forget_weak(Best *best)
{
    choose_strongest(best->all, best->count, best->wanted);
    best->count = best->wanted;
    best->least = UINT32_MAX;
    for (int64_t i = 0; i < best->count; i++)
        if (best->all[i].key < best->least) best->least = best->all[i].key;
}

static void add(Best *best, Scored one)
{
    if (one.key < best->least) return;
    best->all[best->count++] = one;
    if (best->count == best->room) forget_weak(best);
}

static void consider(Best *best, float score, int64_t position)
{
    best->bad |= isnan(score);
    add(best, (Scored){.key = score_key(score), .position = position});
}

/* Legal candidates of a line from number `first` on, and what their functions read. */
typedef struct Block {
    const NetBundle *b;
    int64_t first, count;
    float room[TERM_COUNT][RULE_BLOCK];
    const float *args[TERM_COUNT + MOST_RULE_STATES];
} Block;

static void read_block(const Moment *m, Block *k, int function)
{
    const int64_t whole = (k->count + RULE_WIDTH - 1) / RULE_WIDTH * RULE_WIDTH;
    for (int term = 0; term < TERM_COUNT; term++) {
        float *out = k->room[term];
        k->args[term] = out;
        if (!function_reads(m->n, function, term)) continue;
        const float same = term >= TERM_STEP ? (float)m->same[term - TERM_STEP] : 0;
        for (int64_t i = 0; i < whole; i++) out[i] = same;
        if (term == TERM_RANDOM)
            rule_randoms(m->n->options.seed, moment_draw(m), k->b->position + k->first, k->count, out);
    }
}

static void compute_block(const Moment *m, const Block *k, int function, float *out)
{
    const int64_t whole = (k->count + RULE_WIDTH - 1) / RULE_WIDTH * RULE_WIDTH;
    m->n->program->rules[function](k->args, whole, out);
}

/* The edges in use of a line in their order. */
typedef struct Cursor {
    const NetBundle *b;
    int64_t target, edge, number; /* number: among the legal candidates; INT64_MAX: there are no more */
} Cursor;

static void read_edge(Cursor *c)
{
    const Candidates *l = &c->b->candidates;
    c->number = INT64_MAX;
    if (c->edge >= l->count) return;
    while (l->row[c->target + 1] <= c->edge) c->target++;
    c->number = candidates_number(&c->b->legal, c->target, l->source[c->edge]);
}

/* The first edge from legal candidate `number` on. */
static Cursor find_edge(const NetBundle *b, int64_t number)
{
    const Candidates *l = &b->candidates;
    Cursor c = {.b = b, .target = candidates_target(&b->legal, number)};
    const uint32_t source = (uint32_t)candidates_source(&b->legal, c.target, number);
    int64_t end = l->row[c.target + 1];
    for (c.edge = l->row[c.target]; c.edge < end;) {
        const int64_t middle = c.edge + (end - c.edge) / 2;
        if (l->source[middle] < source) c.edge = middle + 1;
        else end = middle;
    }
    read_edge(&c);
    return c;
}

/* One search: the candidates are gone through by several threads, each with its own best. */
typedef struct Search {
    const Moment *m;
    const DeclaredAction *action;
    const NetBundle *b; /* without gradients: the line at hand */
    Best *best;         /* by thread */
} Search;

/* Legal candidates first .. first + count of a line; gradient NULL: the score does not read it. */
static void search_run(void *search, const NetBundle *b, int64_t first, int64_t count, const float *gradient)
{
    const Search *s = search;
    Best *best = &s->best[thread_number()];
    Block k = {.b = b};
    float score[RULE_BLOCK];
    Cursor used = find_edge(b, first);
    for (int64_t at = 0; at < count; at += RULE_BLOCK) {
        k.first = first + at, k.count = count - at < RULE_BLOCK ? count - at : RULE_BLOCK;
        read_block(s->m, &k, s->action->score);
        if (gradient) memcpy(k.room[TERM_GRADIENT], gradient + at, (size_t)k.count * sizeof *gradient);
        compute_block(s->m, &k, s->action->score, score);
        for (int64_t i = 0; i < k.count; i++)
            if (used.number == k.first + i) used.edge++, read_edge(&used);
            else consider(best, score[i], b->position + k.first + i);
    }
}

enum { PIECE = 1 << 18 }; /* candidates of a piece of work */

static void search_piece(void *search, int64_t i)
{
    const Search *s = search;
    const int64_t first = i * PIECE, left = s->b->legal.count - first;
    search_run(search, s->b, first, left < PIECE ? left : PIECE, NULL);
}

static void search_list(Search *s)
{
    Net *n = s->m->n;
    if (s->m->rule->streams) {
        gradient_stream(n, s->m->list, search_run, s);
        return;
    }
    for (int i = 0; i < s->m->list->bundle_count; i++) {
        s->b = &n->bundles[s->m->list->first_bundle + i];
        thread_share(n->options.threads, (s->b->legal.count + PIECE - 1) / PIECE, search_piece, s);
    }
}

/* By position, in place: the library's sort takes as much memory again. */
static void sort_positions(Scored *s, int64_t count)
{
    while (count > 1) {
        const int64_t pivot = s[count / 2].position;
        int64_t i = 0, j = count - 1;
        while (i <= j) {
            while (s[i].position < pivot) i++;
            while (s[j].position > pivot) j--;
            if (i > j) break;
            const Scored t = s[i];
            s[i++] = s[j], s[j--] = t;
        }
        const bool left = j + 1 < count - i; /* the smaller part first, the other in this loop */
        if (left) sort_positions(s, j + 1), s += i, count -= i;
        else sort_positions(s + i, count - i), count = j + 1;
    }
}

/* ---- new edges ---- */

/* Edges that come into use in a line: by position in the list, ascending. */
typedef struct Grown {
    NetBundle *b;
    const DeclaredAction *action;
    const Scored *edges;
    int64_t count;
    double fan; /* of weights that are drawn anew */
} Grown;

static float start_weight(const Moment *m, const Grown *g, int64_t number)
{
    float value[RULE_BLOCK];
    if (g->action->fresh)
        return (float)init_edge(&g->b->param->init, rule_fresh_seed(m->n->options.seed, m->done),
                                g->b->param - m->n->params, number, g->fan);
    if (g->action->value == NO_FUNCTION) return 0;
    Block k = {.b = g->b, .first = number, .count = 1};
    read_block(m, &k, g->action->value);
    compute_block(m, &k, g->action->value, value);
    return value[0];
}

static void put_edge(NetBundle *b, const Columns *c, int64_t at, int64_t source, float weight)
{
    b->candidates.source[at] = (uint32_t)source;
    for (int i = 0; i < c->count; i++) c->of[i][at] = c->fresh[i];
    c->of[0][at] = weight;
}

/* The last of the new edges that is not in its place yet; number -1: there is none. */
typedef struct Next {
    int64_t number, target, source;
} Next;

static Next next_of(const Grown *g)
{
    if (g->count == 0) return (Next){-1, -1, -1};
    const Candidates *legal = &g->b->legal;
    const int64_t number = g->edges[g->count - 1].position - g->b->position,
                  target = candidates_target(legal, number);
    return (Next){number, target, candidates_source(legal, target, number)};
}

/* Merges new edges into the list of a line, from the last one on. */
static void merge(const Moment *m, Grown *g)
{
    Candidates *c = &g->b->candidates;
    const Columns all = columns_of(m, g->b);
    int64_t old = c->count, at = old + g->count;
    int64_t wrong = 0;
    c->count = at;
    Next next = next_of(g);
    for (int64_t t = c->targets - 1; t >= 0; t--) {
        const int64_t first = c->row[t];
        c->row[t + 1] = at;
        while (old > first || next.target == t) {
            if (old > first && (next.target != t || c->source[old - 1] > next.source)) {
                copy_edge(g->b, &all, --at, --old);
                continue;
            }
            const float weight = start_weight(m, g, next.number);
            put_edge(g->b, &all, --at, next.source, weight);
            if (!isfinite(weight)) wrong = g->b->position + next.number + 1;
            g->count--;
            next = next_of(g);
        }
    }
    memset(g->b->kept, 1, (size_t)c->count);
    g->b->changed = true;
    if (!m->rule->wrong) m->rule->wrong = wrong;
}

static void merge_all(const Moment *m, const DeclaredAction *a, const Best *best)
{
    const Scored *grown = best->all, *end = best->all + best->count;
    for (int i = 0; i < m->list->bundle_count; i++) {
        NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        int64_t here = 0;
        while (grown + here < end && grown[here].position < b->position + b->legal.count) here++;
        Grown g = {b, a, grown, here, a->fresh ? net_list_fan(m->n, b) : 1};
        if (here > 0) merge(m, &g);
        grown += here;
    }
}

/* False: out of memory. */
static bool begin_search(Best *best, int threads, int64_t wanted)
{
    enum { FEW = 4096 };
    bool ok = true;
    for (int t = 0; t < threads; t++) {
        best[t] = (Best){.room = wanted + wanted / 4 + FEW, .wanted = wanted};
        ok = (best[t].all = malloc((size_t)best[t].room * sizeof *best[t].all)) && ok;
    }
    return ok;
}

/* The best of all threads, by position, to the first of them. */
static void end_search(Best *best, int threads)
{
    for (int t = 1; t < threads; t++) {
        for (int64_t i = 0; i < best[t].count; i++) add(best, best[t].all[i]);
        best->bad |= best[t].bad;
    }
    if (best->count > best->wanted) forget_weak(best);
    sort_positions(best->all, best->count);
}

int64_t slots_grow(const Moment *m, const DeclaredAction *a, int64_t count, char *bad, size_t size)
{
    const int threads = m->n->options.threads;
    if (count <= 0) return 0;
    Best *best = calloc((size_t)threads, sizeof *best);
    const bool room = best && begin_search(best, threads, count);
    bool bad_score = false;
    int64_t grown = -1;
    if (room) {
        search_list(&(Search){.m = m, .action = a, .best = best});
        end_search(best, threads);
        bad_score = best->bad;
        if (!bad_score) merge_all(m, a, best);
        grown = best->count;
    }
    for (int t = 0; best && t < threads; t++) free(best[t].all);
    free(best);
    if (room && !bad_score) return grown;
    if (!room) snprintf(bad, size, "rule %s: not enough memory to grow edges", m->rule->text);
    else
        snprintf(bad, size, "rule %s: a score of a candidate of '%s' is not a number after step %lld",
                 m->rule->text, m->list->name, (long long)m->done);
    return -1;
}
