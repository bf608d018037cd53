/* events_log.c: what the log says of lists with declared rules: which candidates were ever in use, how old
 * edges are, nodes that nothing goes through, and events (contract in net/net.h).
 */
#include "wiring/moment.h"
#include "common/simd.h"
#include "net/slots.h"
#include <math.h>
#include <stdlib.h>

/* ---- candidates that were ever in use ---- */

int64_t events_explored_words(const Net *n, const NetBundle *b)
{
    const NetList *l = net_list_of(n, b);
    const bool few = l->candidates <= EXPLORED_MOST;
    return n->options.training && l->declared && few ? (b->line.candidates + 63) / 64 : 0;
}

void events_explored(const Net *n, const NetList *l)
{
    for (const NetBundle *b = n->bundles + l->first_bundle;
         b < n->bundles + l->first_bundle + l->bundle_count; b++) {
        const int64_t count = b->candidates.count;
        if (!b->explored) continue;
        for (int64_t i = 0; i < count && !b->line.slots; i += 64)
            b->explored[i / 64] |= simd_word(b->kept + i, count - i < 64 ? count - i : 64);
        for (int64_t i = 0; i < count && b->line.slots; i++) {
            const int64_t number = slots_number(b, i);
            b->explored[number / 64] |= (uint64_t)1 << number % 64;
        }
    }
}

/* ---- events ---- */

void events_happened(const Moment *m, const DeclaredEvent *e, int64_t grown)
{
    Net *n = m->n;
    if (m->done == 0 || e->steps == 1) return;
    n->happened[n->happened_count++] = (NetEvent){m->list->name, m->done, m->dropped, grown};
}

int net_events(const Net *n, const NetEvent **events)
{
    *events = n->happened;
    return n->happened_count;
}

int events_room(const Net *n)
{
    int room = 0;
    for (int i = 0; i < n->list_count; i++)
        room += n->lists[i].declared ? n->lists[i].declared->event_count : 0;
    return room;
}

/* ---- at the end of an epoch ---- */

/* Share of the candidates that were ever in use; NaN: nobody counts. */
static double explored_share(const Net *n, const NetList *l)
{
    int64_t explored = 0;
    for (const NetBundle *b = n->bundles + l->first_bundle;
         b < n->bundles + l->first_bundle + l->bundle_count; b++) {
        if (!b->explored) return NAN;
        for (int64_t i = 0; i < events_explored_words(n, b); i++)
            explored += __builtin_popcountll(b->explored[i]);
    }
    return (double)explored / (double)l->candidates;
}

static json_t *list_state(const Net *n, const NetList *l, int64_t done)
{
    const double share = explored_share(n, l);
    double sum = 0, oldest = 0;
    int64_t edges = 0;
    for (const NetBundle *b = n->bundles + l->first_bundle;
         b < n->bundles + l->first_bundle + l->bundle_count; b++)
        for (int64_t c = 0; c < b->candidates.count; c++) {
            if (!b->kept[c]) continue;
            const double age = (double)done - (double)l->declared->changed[b->place + c];
            sum += age, edges++;
            if (age > oldest) oldest = age;
        }
    json_t *state = json_pack("{s:f, s:f}", "age", edges ? sum / (double)edges : 0, "oldest", oldest);
    if (!isnan(share)) json_object_set_new(state, "explored", json_real(share));
    return state;
}

/* How many edges in use lead into (else out of) each node of a set. False: there is no line that might. */
static bool count_edges(const Net *n, const NetGraph *g, int set, bool in, int64_t *count)
{
    bool any = false;
    memset(count, 0, (size_t)g->sets[set].wiring.size * sizeof *count);
    for (const NetBundle *b = n->bundles + g->first_bundle;
         b < n->bundles + g->first_bundle + g->bundle_count; b++) {
        if ((in ? b->line.to : b->line.from) != set) continue;
        any = true;
        for (int64_t t = 0; t < b->candidates.targets && in; t++) count[t] += b->row[t + 1] - b->row[t];
        for (uint32_t i = 0; i < b->row[b->candidates.targets] && !in; i++) count[b->source[i]]++;
    }
    return any;
}

/* Nodes that edges may lead into and out of, and that no edge in use leads into, or none out of. */
static int64_t dead_nodes(const Net *n, const NetGraph *g)
{
    int64_t dead = 0;
    for (int s = 0; s < g->set_count; s++) {
        const int64_t size = g->sets[s].wiring.size;
        int64_t *in = malloc((size_t)(2 * size + 1) * sizeof *in), *out = in + size;
        const bool inner = in && count_edges(n, g, s, true, in) && count_edges(n, g, s, false, out);
        for (int64_t v = 0; v < size && inner; v++) dead += in[v] == 0 || out[v] == 0;
        free(in);
    }
    return dead;
}

json_t *net_wiring(const Net *n, int64_t done)
{
    json_t *lists = json_object();
    int64_t dead = 0;
    for (int g = 0; g < n->graph_count; g++) {
        const NetGraph *graph = &n->graphs[g];
        bool declared = false;
        for (const NetList *l = n->lists + graph->first_list;
             l < n->lists + graph->first_list + graph->list_count; l++) {
            if (!l->declared) continue;
            json_object_set_new(lists, l->name, list_state(n, l, done));
            declared = true;
        }
        dead += declared ? dead_nodes(n, graph) : 0;
    }
    if (json_object_size(lists)) return json_pack("{s:o, s:I}", "lists", lists, "dead", (json_int_t)dead);
    json_decref(lists);
    return NULL;
}
