/* choose.c: which candidates are in use: the largest |w|, or score, of a list, without sorting.
 *
 * Keys are the bits of |w| or of a rule's score (or random numbers, of sampled lists): as unsigned numbers
 * they order like what they are of. A list keeps the k largest; among equal keys the candidate that comes
 * first wins ("Discovering Neural Wirings", Algorithm 1, with ties settled). The k-th largest key is found by
 * counting keys in buckets of their high bits, twice, each time within one bucket of the last (radix
 * selection): three passes over the keys, no copy of them. From the second step on the threshold is first
 * searched near the last one, in one pass.
 */
#include "wiring/rule.h"
#include "common/simd.h"
#include "common/thread.h"
#include <stdlib.h>
#include <string.h>

typedef struct Cut {
    uint32_t key;     /* keys above are in */
    int64_t position; /* of equal keys those up to this position in the list are in */
} Cut;

/* Is it the score of a declared rule that decides? */
static bool by_score(const NetList *l)
{
    return l->declared && !l->declared->magnitude && !l->declared->drawn;
}

/* Of each candidate of a line the number that decides, by its magnitude or as a score; NULL: there are keys
 * alone. */
static const float *numbers_of(const Net *n, const NetList *l, const NetBundle *b)
{
    const bool magnitudes = rule_of(l)->weights || (l->declared && l->declared->magnitude);
    if (by_score(l)) return l->declared->score + b->place;
    return magnitudes ? n->weights + b->param->offset : NULL;
}

static inline __attribute__((always_inline)) uint32_t number_key(float x, bool score)
{
    return score ? score_key(x) : magnitude(x);
}

static uint32_t key_of(const Net *n, const NetList *l, const NetBundle *b, int64_t candidate)
{
    const float *numbers = numbers_of(n, l, b);
    return numbers ? number_key(numbers[candidate], by_score(l)) : rule_of(l)->score(n, b, candidate);
}

/* ---- one cut for a whole list ---- */

enum { BUCKETS = 2048 };

/* Keys from low to high, of magnitudes or of scores. */
typedef struct Band {
    uint32_t low, high;
    bool score;
} Band;

static inline void count_key(uint32_t key, Band band, int shift, int64_t *buckets)
{
    if (key >= band.low && key <= band.high) buckets[(key - band.low) >> shift]++;
}

RT_CLONES static void count_keys(const float *x, int64_t count, Band band, int shift, int64_t *buckets)
{
    for (int64_t i = 0; i < count; i++) count_key(number_key(x[i], band.score), band, shift, buckets);
}

static void count_list(const Net *n, const NetList *l, Band band, int shift, int64_t *buckets)
{
    memset(buckets, 0, BUCKETS * sizeof *buckets);
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        const float *numbers = numbers_of(n, l, b);
        const int64_t count = b->candidates.count;
        if (numbers) count_keys(numbers, count, band, shift, buckets);
        else
            for (int64_t c = 0; c < count; c++) count_key(key_of(n, l, b, c), band, shift, buckets);
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
    static const int shifts[] = {21, 10, 0};
    int64_t buckets[BUCKETS], left = keep, equal = 0;
    Band band = {0, UINT32_MAX, by_score(l)};
    for (int pass = 0; pass < 3; pass++) {
        count_list(n, l, band, shifts[pass], buckets);
        int at = (int)((band.high - band.low) >> shifts[pass]);
        while (at > 0 && left > buckets[at]) left -= buckets[at--];
        band.low += (uint32_t)at << shifts[pass];
        band.high = band.low + ((1u << shifts[pass]) - 1);
        equal = buckets[at];
    }
    return (Cut){band.low, left == equal ? INT64_MAX : tie_position(n, l, band.low, left)};
}

/* ---- the strongest of few ---- */

_Static_assert(sizeof(Scored) == CHOOSE_BYTES, "room for candidates that are compared");

static bool stronger(const Scored *a, const Scored *b)
{
    return a->key != b->key ? a->key > b->key : a->position < b->position;
}

/* Quickselect, middle pivot. */
void choose_strongest(Scored *s, int64_t count, int64_t keep)
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

/* ---- marks: where keys lie beside a band of keys, a bit each ---- */

enum { PIECE = 1 << 16, GROUP = 64 };

static inline __attribute__((always_inline)) void scan_group(const float *x, int size, Band band, NetMarks *m)
{
    uint8_t over[GROUP] = {0}, reach[GROUP] = {0};
    for (int k = 0; k < size; k++) {
        uint32_t key = number_key(x[k], band.score);
        over[k] = key > band.high;
        reach[k] = key >= band.low;
    }
    *m = (NetMarks){simd_word(over, GROUP), simd_word(reach, GROUP)};
}

/* How many keys are above `high`, and how many in low .. high. */
typedef struct Found {
    int64_t above, inside;
} Found;

static inline __attribute__((always_inline)) Found scan_groups(const float *x, int64_t count, Band band,
                                                               NetMarks *m)
{
    int64_t over = 0, reach = 0;
    for (int64_t i = 0; i < count; i += GROUP, m++) {
        if (count - i >= GROUP) scan_group(x + i, GROUP, band, m);
        else scan_group(x + i, (int)(count - i), band, m);
        over += __builtin_popcountll(m->over), reach += __builtin_popcountll(m->reach);
    }
    return (Found){over, reach - over};
}

/* Marks of `count` candidates: a loop for each kind of numbers. */
RT_CLONES static Found scan_numbers(const float *x, int64_t count, Band band, NetMarks *m)
{
    if (band.score) return scan_groups(x, count, (Band){band.low, band.high, true}, m);
    return scan_groups(x, count, (Band){band.low, band.high, false}, m);
}

static int64_t pieces_of(const NetBundle *b)
{
    return (b->candidates.count + PIECE - 1) / PIECE;
}

typedef struct Scan {
    const NetBundle *b;
    const float *numbers;
    Band band;
    _Atomic int64_t above, inside;
} Scan;

static void scan_piece(void *job, int64_t piece)
{
    Scan *s = job;
    const int64_t at = piece * PIECE, left = s->b->candidates.count - at;
    const Found found =
        scan_numbers(s->numbers + at, left < PIECE ? left : PIECE, s->band, s->b->marks + at / GROUP);
    s->above += found.above;
    s->inside += found.inside;
}

static void scan_list(const Net *n, const NetList *l, uint32_t low, uint32_t high, int64_t *above,
                      int64_t *inside)
{
    Scan s = {.band = {low, high, by_score(l)}};
    for (int i = 0; i < l->bundle_count; i++) {
        s.b = &n->bundles[l->first_bundle + i];
        s.numbers = numbers_of(n, l, s.b);
        thread_share(n->options.threads, pieces_of(s.b), scan_piece, &s);
    }
    *above = s.above, *inside = s.inside;
}

/* The candidates whose keys lie in the band of the marks, to out[]. */
static void collect_band(const Net *n, const NetList *l, Scored *out)
{
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c += GROUP) {
            const NetMarks *m = &b->marks[c / GROUP];
            for (uint64_t band = m->reach & ~m->over; band; band &= band - 1) {
                int64_t k = c + __builtin_ctzll(band);
                *out++ = (Scored){key_of(n, l, b, k), (int32_t)(b - n->bundles), b->position + k};
            }
        }
    }
}

static uint32_t key_at(int64_t key)
{
    return key < 0 ? 0 : key > UINT32_MAX ? UINT32_MAX : (uint32_t)key;
}

/* Marks of the keys around `center`: how many lie in the band, and how many of these are in. */
static int64_t scan_band(Net *n, NetList *l, uint32_t center, int64_t keep, int64_t *inside)
{
    int64_t above;
    scan_list(n, l, key_at((int64_t)center - l->band), key_at((int64_t)center + l->band), &above, inside);
    return keep - above;
}

/* The cut is the last of the `wanted` strongest in the band. */
static Cut cut_in_band(Net *n, const NetList *l, int64_t wanted, int64_t inside)
{
    Scored *found = n->keys;
    collect_band(n, l, found);
    choose_strongest(found, inside, wanted);
    Scored *last = found;
    for (int64_t i = 1; i < wanted; i++)
        if (stronger(last, &found[i])) last = &found[i];
    return (Cut){last->key, last->position};
}

/* From step to step the threshold moves little, and as it did before. One pass marks the keys beside a narrow
 * band around where it should be; when the cut lies inside, a selection among these few finds it. A band that
 * misses it says by its own keys how far away it is. */
static bool cut_near_threshold(Net *n, NetList *l, int64_t keep, Cut *cut)
{
    enum { TRIES = 3, ENOUGH = CHOOSE_ROOM / 4 };
    uint32_t center = key_at(l->threshold + l->drift);
    int64_t inside;
    for (int i = 0; i < TRIES; i++) {
        const int64_t band = l->band, wanted = scan_band(n, l, center, keep, &inside);
        if (inside > ENOUGH) l->band = l->band / 2 + 1;
        else if (inside < ENOUGH / 8 && l->band < 1u << 24) l->band *= 2;
        if (inside > CHOOSE_ROOM) continue;
        if (wanted >= 1 && wanted <= inside) {
            *cut = cut_in_band(n, l, wanted, inside);
            return true;
        }
        center = key_at(center - (wanted - inside / 2) * (2 * band + 1) / (inside + 1));
    }
    return false;
}

/* ---- from marks to edges in use ---- */

static bool is_in(const Cut *cut, uint32_t key, int64_t position)
{
    return key > cut->key || (key == cut->key && position <= cut->position);
}

/* Edges in use anew from the marks of a line whose band holds the cut. */
typedef struct Marking {
    const Net *n;
    const NetList *l;
    NetBundle *b;
    const Cut *cut;
    _Atomic int64_t swapped, gone;
} Marking;

/* Candidates from .. from + count; returns how many came into use, adds to *gone how many went out of it. */
static int64_t mark_group(const Marking *all, int64_t from, int count, int64_t *gone)
{
    NetBundle *b = all->b;
    const NetMarks *m = &b->marks[from / GROUP];
    uint8_t *kept = b->kept + from;
    uint64_t in = m->over, before = simd_word(kept, count);
    for (uint64_t band = m->reach & ~m->over; band; band &= band - 1) {
        int k = __builtin_ctzll(band);
        const uint32_t key = key_of(all->n, all->l, b, from + k);
        in |= (uint64_t)is_in(all->cut, key, b->position + from + k) << k;
    }
    if (in == before) return 0;
    for (int k = 0; k < count; k++) kept[k] = in >> k & 1;
    *gone += __builtin_popcountll(before & ~in);
    return __builtin_popcountll(in & ~before);
}

static void mark_piece(void *job, int64_t piece)
{
    Marking *m = job;
    const int64_t count = m->b->candidates.count, end = (piece + 1) * PIECE;
    int64_t swapped = 0, gone = 0;
    for (int64_t i = piece * PIECE; i < count && i < end; i += GROUP)
        swapped += mark_group(m, i, count - i < GROUP ? (int)(count - i) : GROUP, &gone);
    m->swapped += swapped;
    m->gone += gone;
}

static int64_t mark_bundle(Net *n, const NetList *l, NetBundle *b, const Cut *cut)
{
    Marking m = {.n = n, .l = l, .b = b, .cut = cut};
    thread_share(n->options.threads, pieces_of(b), mark_piece, &m);
    if (m.swapped | m.gone) b->changed = true;
    return m.swapped;
}

/* Without marks: by keys alone. */
static int64_t mark_keys(const Net *n, const NetList *l, const NetBundle *b, const Cut *cut)
{
    int64_t swapped = 0;
    for (int64_t i = 0; i < b->candidates.count; i++) {
        uint8_t in = is_in(cut, key_of(n, l, b, i), b->position + i);
        swapped += in & (b->kept[i] ^ 1);
        b->kept[i] = in;
    }
    return swapped;
}

static int64_t choose_count(Net *n, NetList *l, int64_t keep)
{
    Cut cut;
    int64_t swapped = 0, above, inside;
    const bool numbers = numbers_of(n, l, &n->bundles[l->first_bundle]) != NULL,
               near = numbers && l->threshold > 0 && cut_near_threshold(n, l, keep, &cut);
    if (!near) cut = find_cut(n, l, keep);
    if (!near && numbers) scan_list(n, l, cut.key, cut.key, &above, &inside);
    l->drift = l->threshold ? (int64_t)cut.key - (int64_t)l->threshold : 0;
    l->threshold = cut.key;
    if (!l->band) l->band = 1u << 16;
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        if (numbers) swapped += mark_bundle(n, l, b, &cut);
        else swapped += mark_keys(n, l, b, &cut), b->changed = true;
    }
    return swapped;
}

/* ---- a cut for each node ---- */

static int64_t mark_node(const Net *n, Scored *s, int64_t count, int64_t keep)
{
    int64_t swapped = 0;
    if (count > keep) choose_strongest(s, count, keep);
    for (int64_t i = 0; i < count; i++) {
        const NetBundle *b = &n->bundles[s[i].line];
        uint8_t in = i < keep, *kept = &b->kept[s[i].position - b->position];
        swapped += in & (*kept ^ 1);
        *kept = in;
    }
    return swapped;
}

static Scored scored(const Net *n, const NetList *l, NetBundle *b, int64_t candidate)
{
    return (Scored){key_of(n, l, b, candidate), (int32_t)(b - n->bundles), b->position + candidate};
}

static int64_t choose_fan_in(Net *n, NetList *l, Scored *s)
{
    int64_t swapped = 0;
    const NetGraph *g = &n->graphs[n->bundles[l->first_bundle].line.graph];
    for (int set = 0; set < g->set_count; set++)
        for (int64_t node = 0; node < g->sets[set].wiring.size; node++) {
            int64_t count = 0;
            for (int i = 0; i < l->bundle_count; i++) {
                NetBundle *b = &n->bundles[l->first_bundle + i];
                if (b->line.to != set) continue;
                const int64_t end = candidates_row(&b->candidates, node + 1);
                for (int64_t c = candidates_row(&b->candidates, node); c < end; c++)
                    s[count++] = scored(n, l, b, c);
            }
            swapped += mark_node(n, s, count, l->budget.keep);
        }
    return swapped;
}

/* Candidates by source: counted, then placed. */
static int64_t choose_fan_out(Net *n, NetList *l, Scored *s, int set)
{
    const NetGraph *g = &n->graphs[n->bundles[l->first_bundle].line.graph];
    int64_t size = g->sets[set].wiring.size, swapped = 0, total = 0;
    int64_t *first = n->counts; /* room for the largest set */
    memset(first, 0, (size_t)(size + 2) * sizeof *first);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < l->bundle_count; i++) {
            NetBundle *b = &n->bundles[l->first_bundle + i];
            CandidateRun run;
            if (b->line.from != set) continue;
            for (int64_t t = 0; t < b->candidates.targets; t++)
                for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
                    for (int64_t c = 0; c < run.length; c++) {
                        if (pass == 0) first[run.source + c + 2]++;
                        else s[first[run.source + c + 1]++] = scored(n, l, b, run.first + c);
                    }
        }
        for (int64_t v = 0; pass == 0 && v < size; v++) first[v + 2] += first[v + 1];
    }
    for (int64_t v = 0; v < size; v++) {
        swapped += mark_node(n, s + total, first[v + 1] - total, l->budget.keep);
        total = first[v + 1];
    }
    return swapped;
}

static int64_t choose_fan(Net *n, NetList *l)
{
    Scored *s = (Scored *)n->keys;
    int64_t swapped = 0;
    for (int i = 0; i < l->bundle_count; i++) n->bundles[l->first_bundle + i].changed = true;
    if (l->budget.form == KEEP_FAN_IN) return choose_fan_in(n, l, s);
    for (int set = 0; set < n->graphs[n->bundles[l->first_bundle].line.graph].set_count; set++)
        swapped += choose_fan_out(n, l, s, set);
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
        b->changed = true;
    }
    return swapped;
}

int64_t choose_list(Net *n, NetList *l, double epoch)
{
    int64_t keep = budget_now(&l->budget, net_units(l), epoch);
    if (l->budget.form == KEEP_ALL || (l->declared && l->declared->drawn && l->declared->start_all) ||
        (l->budget.form == KEEP_ANNEAL && keep >= net_units(l)))
        return mark_all(n, l);
    if (l->groups) return net_choose_groups(n, l, keep);
    if (l->budget.form == KEEP_FAN_IN || l->budget.form == KEEP_FAN_OUT) return choose_fan(n, l);
    return choose_count(n, l, keep);
}

/* Does the choice stay what it is: that of all candidates, or by magnitudes that do not change? */
static bool chosen_once(const Net *n, const NetList *l)
{
    if (rule_of(l)->once || l->budget.form == KEEP_ALL) return true;
    for (int i = 0; i < l->bundle_count; i++) {
        const NetBundle *b = &n->bundles[l->first_bundle + i];
        if (!b->param || b->param->learned) return false;
    }
    return l->budget.form != KEEP_ANNEAL;
}

int64_t choose_edges(Net *n, double epoch)
{
    int64_t swapped = 0;
    for (int i = 0; i < n->list_count; i++) {
        NetList *l = &n->lists[i];
        if (l->chosen || l->bundle_count == 0) continue;
        swapped += l->declared ? events_begin(n, l, epoch) : choose_list(n, l, epoch);
        l->chosen = chosen_once(n, l);
    }
    return swapped;
}
