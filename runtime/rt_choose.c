/* rt_choose.c: which candidates are in use: the largest |w| of a list, without a sort.
 *
 * Keys are the bits of |w| (or random scores of sampled lists): as unsigned numbers they order like magnitudes. A list
 * keeps the k largest; among equal keys the candidate that comes first wins ("Discovering Neural Wirings", Algorithm 1, with
 * ties settled). The k-th largest key is found by counting keys in buckets of their high bits, twice, each time
 * within one bucket of the last (radix selection): three passes over the keys, no copy of them.
 */
#include "rt_net_private.h"
#include "rt_simd.h"
#include <stdlib.h>
#include <string.h>

typedef struct Cut {
    uint32_t key;     /* keys above are in */
    int64_t position; /* of equal keys those up to this position in the list are in */
} Cut;

static uint32_t magnitude(float w)
{
    uint32_t bits;
    memcpy(&bits, &w, sizeof bits);
    return bits & 0x7fffffffu;
}

static uint32_t key_of(const Net *n, const NetList *l, const NetBundle *b, int64_t candidate)
{
    if (!l->sampled) return magnitude(n->weights[b->param->offset + candidate]);
    return sample_score(n->options.seed, b->graph, b->list, b->position + candidate);
}

/* ---- one cut for a whole list ---- */

enum { BUCKETS = 2048 };

RT_CLONES static void count_keys(const float *w, int64_t count, uint32_t low, uint32_t high, int shift, int64_t *buckets)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t key = magnitude(w[i]);
        if (key >= low && key <= high) buckets[(key - low) >> shift]++;
    }
}

static void count_list(const Net *n, const NetList *l, uint32_t low, uint32_t high, int shift, int64_t *buckets)
{
    memset(buckets, 0, BUCKETS * sizeof *buckets);
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        if (!l->sampled) {
            count_keys(n->weights + b->param->offset, b->candidates.count, low, high, shift, buckets);
            continue;
        }
        for (int64_t c = 0; c < b->candidates.count; c++) {
            uint32_t key = key_of(n, l, b, c);
            if (key >= low && key <= high) buckets[(key - low) >> shift]++;
        }
    }
}

static int64_t tie_position(const Net *n, const NetList *l, uint32_t key, int64_t wanted)
{
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++)
            if (key_of(n, l, b, c) == key && --wanted == 0) return b->position + c;
    }
    return -1;
}

static Cut find_cut(const Net *n, const NetList *l, int64_t keep)
{
    static const int shifts[] = {20, 9, 0};
    int64_t buckets[BUCKETS], left = keep, equal = 0;
    uint32_t low = 0, high = 0x7fffffffu;
    for (int pass = 0; pass < 3; pass++) {
        count_list(n, l, low, high, shifts[pass], buckets);
        int at = BUCKETS - 1;
        while (at > 0 && left > buckets[at]) left -= buckets[at--];
        low += (uint32_t)at << shifts[pass];
        high = low + ((1u << shifts[pass]) - 1);
        equal = buckets[at];
    }
    return (Cut){low, left == equal ? INT64_MAX : tie_position(n, l, low, left)};
}

RT_CLONES static int64_t mark_weights(const float *w, int64_t count, uint32_t key, int64_t ties, uint8_t *kept)
{
    int64_t swapped = 0;
    for (int64_t i = 0; i < count; i++) {
        uint32_t k = magnitude(w[i]);
        uint8_t in = (uint8_t)(k > key || (k == key && i < ties));
        swapped += in & (kept[i] ^ 1);
        kept[i] = in;
    }
    return swapped;
}

static int64_t mark_scores(const Net *n, const NetList *l, const NetBundle *b, Cut cut)
{
    int64_t swapped = 0;
    for (int64_t i = 0; i < b->candidates.count; i++) {
        uint32_t k = key_of(n, l, b, i);
        uint8_t in = (uint8_t)(k > cut.key || (k == cut.key && b->position + i <= cut.position));
        swapped += in & (b->kept[i] ^ 1);
        b->kept[i] = in;
    }
    return swapped;
}

static int64_t choose_count(Net *n, NetList *l, int64_t keep)
{
    Cut cut = find_cut(n, l, keep);
    int64_t swapped = 0;
    l->threshold = cut.key;
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        int64_t ties = cut.position == INT64_MAX ? INT64_MAX : cut.position + 1 - b->position; /* of its own numbers */
        swapped += l->sampled ? mark_scores(n, l, b, cut)
                              : mark_weights(n->weights + b->param->offset, b->candidates.count, cut.key, ties, b->kept);
    }
    return swapped;
}

/* ---- a cut for each node ---- */

typedef struct Scored {
    uint32_t key;
    uint8_t *kept;
    int64_t position;
} Scored;

static bool stronger(const Scored *a, const Scored *b)
{
    return a->key != b->key ? a->key > b->key : a->position < b->position;
}

/* Moves the `keep` strongest to the front (quickselect, middle pivot). */
static void select_strongest(Scored *s, int64_t count, int64_t keep)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        Scored pivot = s[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (stronger(&s[i], &pivot)) i++;
            while (stronger(&pivot, &s[j])) j--;
            if (i <= j) {
                Scored t = s[i];
                s[i++] = s[j], s[j--] = t;
            }
        }
        if (keep - 1 <= j) high = j;
        else if (keep - 1 >= i) low = i;
        else break;
    }
}

static int64_t mark_node(Scored *s, int64_t count, int64_t keep)
{
    int64_t swapped = 0;
    if (count > keep) select_strongest(s, count, keep);
    for (int64_t i = 0; i < count; i++) {
        uint8_t in = i < keep;
        swapped += in & (*s[i].kept ^ 1);
        *s[i].kept = in;
    }
    return swapped;
}

static void add_run(Net *n, const NetList *l, NetBundle *b, int64_t first, int64_t count, Scored *s, int64_t *at)
{
    for (int64_t c = first; c < first + count; c++) s[(*at)++] = (Scored){key_of(n, l, b, c), &b->kept[c], b->position + c};
}

static int64_t choose_fan_in(Net *n, NetList *l, Scored *s)
{
    int64_t swapped = 0;
    const NetGraph *g = &n->graphs[n->bundles[l->first_bundle].graph];
    for (int set = 0; set < g->set_count; set++)
        for (int64_t node = 0; node < g->sets[set].wiring.size; node++) {
            int64_t count = 0;
            for (int i = 0; i < l->bundle_count; i++) {
                NetBundle *b = &n->bundles[l->first_bundle + i];
                if (b->to != set) continue;
                int64_t first = candidates_row(&b->candidates, node);
                add_run(n, l, b, first, candidates_row(&b->candidates, node + 1) - first, s, &count);
            }
            swapped += mark_node(s, count, l->keep);
        }
    return swapped;
}

/* Candidates by source: counted, then placed. */
static int64_t choose_fan_out(Net *n, NetList *l, Scored *s, int set)
{
    const NetGraph *g = &n->graphs[n->bundles[l->first_bundle].graph];
    int64_t size = g->sets[set].wiring.size, swapped = 0, total = 0;
    int64_t *first = calloc((size_t)size + 2, sizeof *first);
    if (!first) return 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < l->bundle_count; i++) {
            NetBundle *b = &n->bundles[l->first_bundle + i];
            CandidateRun run;
            if (b->from != set) continue;
            for (int64_t t = 0; t < b->candidates.targets; t++)
                for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
                    for (int64_t c = 0; c < run.length; c++) {
                        if (pass == 0) first[run.source + c + 2]++;
                        else add_run(n, l, b, run.first + c, 1, s, &first[run.source + c + 1]);
                    }
        }
        for (int64_t v = 0; pass == 0 && v < size; v++) first[v + 2] += first[v + 1];
    }
    for (int64_t v = 0; v < size; v++) {
        swapped += mark_node(s + total, first[v + 1] - total, l->keep);
        total = first[v + 1];
    }
    free(first);
    return swapped;
}

static int64_t choose_fan(Net *n, NetList *l)
{
    Scored *s = (Scored *)n->keys;
    int64_t swapped = 0;
    if (l->rule == RULE_FAN_IN) return choose_fan_in(n, l, s);
    for (int set = 0; set < n->graphs[n->bundles[l->first_bundle].graph].set_count; set++) swapped += choose_fan_out(n, l, s, set);
    return swapped;
}

/* ---- all lists ---- */

static int64_t mark_all(Net *n, NetList *l)
{
    int64_t swapped = 0;
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++) swapped += b->kept[c] ^ 1;
        memset(b->kept, 1, (size_t)b->candidates.count);
    }
    return swapped;
}

int64_t choose_edges(Net *n, double epoch)
{
    int64_t swapped = 0;
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        int64_t keep = l->rule == RULE_ANNEAL ? anneal_count(l->start, l->keep, l->epochs, epoch) : l->keep;
        if (l->chosen || l->bundle_count == 0) continue;
        if (l->rule == RULE_ALL || (l->rule == RULE_ANNEAL && keep >= l->candidates)) swapped += mark_all(n, l);
        else if (l->rule == RULE_FAN_IN || l->rule == RULE_FAN_OUT) swapped += choose_fan(n, l);
        else swapped += choose_count(n, l, keep);
        l->chosen = l->sampled || l->rule == RULE_ALL;
    }
    return swapped;
}
