/* pool_nodes.c: drop and grow under fan_in(n) and fan_out(n), where each node is a list of its own: its
 * candidates are put side by side, and the weakest or strongest of them are found among these.
 */
#include "wiring/moment.h"

typedef struct Nodes {
    const Moment *m;
    bool used; /* of those in use the weakest, else of the others the strongest */
    const DeclaredAction *action;
    PoolAct *act;
    int64_t *first; /* of each node, among `all` */
    Scored *all;
} Nodes;

static NetBundle *bundle_of(const Nodes *n, const Scored *s)
{
    return &n->m->n->bundles[s->line];
}

static bool in_use(const Nodes *n, const Scored *s)
{
    const NetBundle *b = bundle_of(n, s);
    return b->kept[s->position - b->position];
}

/* Candidates of a node, `count` of them. */
static int64_t act_on_node(const Nodes *n, Scored *s, int64_t count)
{
    int64_t pool = 0;
    for (int64_t i = 0; i < count; i++) {
        if (in_use(n, &s[i]) != n->used) continue;
        const Scored other = s[pool];
        s[pool++] = s[i], s[i] = other;
    }
    const int64_t keep = n->m->list->budget.keep;
    const PoolSize size = {n->used ? pool : count - pool, keep < count ? keep : count, count};
    int64_t moves = (n->used ? moment_leaves : moment_comes)(n->m, n->action, size);
    if (moves > pool) moves = pool;
    if (moves <= 0) return 0;
    choose_strongest(s, pool, moves);
    for (int64_t i = 0; i < moves; i++) {
        NetBundle *b = bundle_of(n, &s[i]);
        n->act(n->m, n->action, b, s[i].position - b->position);
    }
    return moves;
}

static Scored scored(const Nodes *n, const NetBundle *b, int64_t candidate)
{
    const uint32_t key = score_key(n->m->rule->score[b->place + candidate]);
    return (Scored){n->used ? ~key : key, (int32_t)(b - n->m->n->bundles), b->position + candidate};
}

/* Counts the candidates of the nodes of a set, or places them. */
static void visit(const Nodes *n, const NetBundle *b, bool out, bool place)
{
    CandidateRun run;
    for (int64_t t = 0; t < b->candidates.targets; t++)
        for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
            for (int64_t c = 0; c < run.length; c++) {
                const int64_t node = out ? run.source + c : t;
                if (!place) n->first[node + 2]++;
                else n->all[n->first[node + 1]++] = scored(n, b, run.first + c);
            }
}

static int64_t act_on_set(const Nodes *n, int set, int64_t size)
{
    const NetList *l = n->m->list;
    const bool out = l->budget.form == KEEP_FAN_OUT;
    int64_t moved = 0;
    memset(n->first, 0, (size_t)(size + 2) * sizeof *n->first);
    for (int place = 0; place < 2; place++) {
        for (int i = 0; i < l->bundle_count; i++) {
            const NetBundle *b = &n->m->n->bundles[l->first_bundle + i];
            if ((out ? b->line.from : b->line.to) == set) visit(n, b, out, place == 1);
        }
        for (int64_t v = 0; place == 0 && v < size; v++) n->first[v + 2] += n->first[v + 1];
    }
    for (int64_t v = 0, from = 0; v < size; from = n->first[++v])
        moved += act_on_node(n, n->all + from, n->first[v + 1] - from);
    return moved;
}

int64_t pool_nodes(const Moment *m, bool used, const DeclaredAction *a, PoolAct *act)
{
    const Nodes n = {m, used, a, act, m->n->counts, m->n->keys};
    const NetGraph *g = &m->n->graphs[m->n->bundles[m->list->first_bundle].line.graph];
    int64_t moved = 0;
    for (int set = 0; set < g->set_count; set++) moved += act_on_set(&n, set, g->sets[set].wiring.size);
    return moved;
}
