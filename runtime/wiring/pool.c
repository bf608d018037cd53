/* pool.c: the strongest or weakest of a list's candidates, without sorting: the key of the last one is found
 * by counting keys in buckets, thrice, each time within one bucket of the last (radix selection).
 */
#include "wiring/moment.h"

enum { BUCKETS = 2048 };
static const int shifts[] = {21, 10, 0};

typedef struct Pool {
    const Moment *m;
    PoolOf of;
} Pool;

static bool is_in(const Pool *p, const NetBundle *b, int64_t candidate)
{
    return (p->of == POOL_ALL || b->kept[candidate] == (p->of == POOL_USED)) &&
           moment_counts(p->m, b, candidate);
}

static uint32_t key_of(const Pool *p, const NetBundle *b, int64_t candidate)
{
    const uint32_t key = score_key(p->m->rule->score[b->place + candidate]);
    return p->of == POOL_USED ? ~key : key;
}

/* Keys in low .. high, by their bits above `shift`. */
static void count_keys(const Pool *p, uint32_t low, uint32_t high, int shift, int64_t *buckets)
{
    const NetList *l = p->m->list;
    memset(buckets, 0, BUCKETS * sizeof *buckets);
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &p->m->n->bundles[l->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) {
            if (!is_in(p, b, c)) continue;
            const uint32_t key = key_of(p, b, c);
            if (key >= low && key <= high) buckets[(key - low) >> shift]++;
        }
    }
}

/* Keys above `key` are in, and the first `equal` of those that equal it. */
typedef struct Cut {
    uint32_t key;
    int64_t equal;
} Cut;

static Cut find_cut(const Pool *p, int64_t wanted)
{
    int64_t buckets[BUCKETS];
    uint32_t low = 0, high = UINT32_MAX;
    for (int pass = 0; pass < 3; pass++) {
        count_keys(p, low, high, shifts[pass], buckets);
        int at = (int)((high - low) >> shifts[pass]);
        while (at > 0 && wanted > buckets[at]) wanted -= buckets[at--];
        low += (uint32_t)at << shifts[pass];
        high = low + ((1u << shifts[pass]) - 1);
    }
    return (Cut){low, wanted};
}

static int64_t size_of(const Pool *p)
{
    const NetList *l = p->m->list;
    int64_t count = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &p->m->n->bundles[l->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) count += is_in(p, b, c);
    }
    return count;
}

/* The candidate, or all of its group. Returns how many. */
static int64_t act_on(const Moment *m, const DeclaredAction *a, PoolAct *act, NetBundle *b, int64_t candidate)
{
    const Groups *g = m->list->groups;
    if (!g) return act(m, a, b, candidate), 1;
    const int64_t group = g->of[b->position + candidate];
    for (int64_t k = g->first[group]; k < g->first[group + 1]; k++) {
        const NetEdgeAt at = net_edge_at(m->n, m->list, g->member[k]);
        act(m, a, at.bundle, at.candidate);
    }
    return group_size(g, group);
}

int64_t pool_each(const Moment *m, PoolOf of, int64_t wanted, const DeclaredAction *a, PoolAct *act)
{
    const Pool p = {m, of};
    const int64_t size = size_of(&p);
    if (wanted > size) wanted = size;
    if (wanted <= 0) return 0;
    Cut cut = find_cut(&p, wanted);
    int64_t edges = 0;
    for (int i = 0; i < m->list->bundle_count; i++) {
        NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) {
            if (!is_in(&p, b, c)) continue;
            const uint32_t key = key_of(&p, b, c);
            if (key > cut.key || (key == cut.key && cut.equal-- > 0)) edges += act_on(m, a, act, b, c);
        }
    }
    return edges;
}
