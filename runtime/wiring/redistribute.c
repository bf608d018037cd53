/* redistribute.c: budget moves between the lists of a model that have the same rule (Dettmers & Zettlemoyer,
 * "Sparse Networks from Scratch", 2019, section 3.2).
 *
 * Every list gives so many of its edges, and each takes of all that were given the share that the mean of a
 * score over its edges in use has among the lists. Counts are whole: what is left over goes to the largest
 * fractions, of equal ones to the earlier list. A list that would have more edges than candidates leaves the
 * rest to the others.
 */
#include "wiring/moment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Share {
    NetList *list;
    int64_t used, takes, room; /* room: candidates not in use when it has given its part */
    double weight, fraction;
} Share;

static bool of_group(const Moment *m, int list)
{
    const Declared *d = m->n->lists[list].declared;
    return d && d->group == m->rule->group;
}

/* Of those with room each takes its part of `total`, rounded down. */
static void divide(Share *s, int count, int64_t total)
{
    double sum = 0;
    for (int i = 0; i < count; i++) sum += s[i].takes < s[i].room ? s[i].weight : 0;
    for (int i = 0; i < count; i++) {
        const bool open = s[i].takes < s[i].room;
        const double part = open && sum > 0 ? (double)total * (s[i].weight / sum) : 0;
        const int64_t room = s[i].room - s[i].takes, whole = (int64_t)floor(part);
        s[i].takes += whole < room ? whole : room;
        s[i].fraction = open && whole < room ? part - (double)whole : -1;
    }
}

/* One more for the largest fraction; false: all lists are full. */
static bool one_more(Share *s, int count)
{
    Share *best = NULL;
    for (int i = 0; i < count; i++)
        if (s[i].takes < s[i].room && (!best || s[i].fraction > best->fraction)) best = &s[i];
    if (!best) return false;
    best->takes++, best->fraction = -1;
    return true;
}

static int64_t taken(const Share *s, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++) sum += s[i].takes;
    return sum;
}

static void share_out(Share *s, int count, int64_t total)
{
    for (int round = 0; round <= count && taken(s, count) < total; round++)
        divide(s, count, total - taken(s, count));
    while (taken(s, count) < total && one_more(s, count)) {}
}

/* The mean of the score over edges in use; the larger, the more it takes. */
static double mean_score(const Moment *m)
{
    double sum = 0;
    int64_t used = 0;
    for (int i = 0; i < m->list->bundle_count; i++) {
        const NetBundle *b = &m->n->bundles[m->list->first_bundle + i];
        for (int64_t c = 0; c < b->candidates.count; c++)
            if (b->kept[c]) sum += (double)m->rule->score[b->place + c], used++;
    }
    return used ? sum / (double)used : 0;
}

static bool read_share(const Moment *m, const DeclaredAction *a, Share *s, int64_t *given)
{
    const PoolSize size = moment_size(m);
    int64_t gives = moment_leaves(m, a, size);
    moment_compute(m, a->score, m->rule->score);
    *s = (Share){.list = m->list, .used = size.used - gives, .weight = mean_score(m)};
    s->room = size.candidates - s->used;
    *given += size.budget - s->used;
    return s->weight >= 0;
}

bool redistribute(const Moment *m, const DeclaredAction *a, char *bad, size_t size)
{
    Share *all = calloc((size_t)m->n->list_count, sizeof *all);
    int64_t given = 0;
    int count = 0;
    if (!all) return snprintf(bad, size, "not enough memory for rule %s", m->rule->text), false;
    for (int i = 0; i < m->n->list_count; i++) {
        if (!of_group(m, i)) continue;
        const Moment other = moment_beside(m, &m->n->lists[i]);
        if (read_share(&other, a, &all[count++], &given)) continue;
        snprintf(bad, size, "rule %s: the mean by which budget is shared out to '%s' is not a number from 0",
                 m->rule->text, m->n->lists[i].name);
        return free(all), false;
    }
    double sum = 0; /* 0: no list has more than another, nothing moves */
    for (int i = 0; i < count; i++) sum += all[i].weight;
    if (sum > 0) share_out(all, count, given);
    for (int i = 0; i < count && sum > 0; i++) {
        const NetList *l = all[i].list;
        l->declared->moved = all[i].used + all[i].takes - budget_now(&l->budget, l->candidates, m->epoch);
    }
    free(all);
    return true;
}
