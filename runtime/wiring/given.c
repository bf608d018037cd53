/* given.c: edges in use that come from a file when a network starts (net_start_from, net_take_edges). */
#include "net/declared.h"
#include "net/slots.h"
#include "common/plural.h"
#include <stdio.h>
#include <string.h>

/* ---- from the other form of checkpoints ---- */

static NetBundle *bundle_named(const Net *n, const char *line)
{
    for (int i = 0; i < n->bundle_count; i++)
        if (!strcmp(n->bundles[i].line.name, line)) return &n->bundles[i];
    return NULL;
}

/* Into a line with numbers for edges in use alone. */
static bool from_marks(Net *n, NetBundle *b, const NetEdges *from)
{
    int64_t used = 0;
    if (!from->kept || from->count != b->legal.count) return false;
    for (int64_t c = 0; c < from->count; c++) used += from->kept[c];
    if (used > b->line.slots) return false;
    used = 0;
    for (int64_t t = 0; t < b->legal.targets; t++) {
        CandidateRun run;
        for (int64_t r = 0; candidates_run(&b->legal, t, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) {
                if (!from->kept[run.first + i]) continue;
                b->candidates.source[used] = (uint32_t)(run.source + i);
                n->weights[b->param->offset + used++] = from->weight[run.first + i];
            }
        b->candidates.row[t + 1] = used;
    }
    return true;
}

/* Into a line with numbers for all candidates: those that are not in use keep theirs. */
static bool from_matrix(Net *n, NetBundle *b, const NetEdges *from)
{
    const Candidates edges = {.form = CANDIDATES_LIST,
                              .targets = b->legal.targets,
                              .sources = b->legal.sources,
                              .row = (int64_t *)from->row,
                              .source = (uint32_t *)from->source};
    if (!from->row || from->rows != b->legal.targets + 1 || b->param->size != b->legal.count ||
        !candidates_contain(&b->legal, &edges, from->count))
        return false;
    for (int64_t t = 0; t < edges.targets; t++)
        for (int64_t i = edges.row[t]; i < edges.row[t + 1]; i++) {
            const int64_t c = candidates_number(&b->legal, t, edges.source[i]);
            b->kept[c] = 1;
            n->weights[b->param->offset + c] = from->weight[i];
        }
    return true;
}

bool net_take_edges(Net *n, const char *line, const NetEdges *from)
{
    NetBundle *b = bundle_named(n, line);
    if (!b || !b->param || b->line.function) return false;
    return b->line.slots ? from_marks(n, b, from) : from_matrix(n, b, from);
}

/* ---- at the start ---- */

static bool was_taken(const Net *n, const NetBundle *b, const bool *taken)
{
    for (int i = 0; i < n->tensor_count; i++)
        if (n->tensors[i].data == (b->line.slots ? (void *)b->candidates.row : b->kept)) return taken[i];
    return false;
}

/* Are the edges in use of all its lines given, and as many as there is room for? Then they are in use. */
static bool use_given(Net *n, const NetList *l, const bool *taken, RtError *e)
{
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        if (!was_taken(n, b, taken))
            return rt_fail(e, RT_BAD_INPUT, "no edges in use are there that fit '%s'", b->line.name);
        if (b->line.slots && !slots_load(b, e)) return false;
    }
    return net_marks_fit(n, l, e) && net_groups_fit(n, l, e);
}

static void use_none(const Net *n, const NetList *l)
{
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        memset(b->kept, 0, (size_t)b->candidates.count);
        if (b->line.slots)
            memset(b->candidates.row, 0, (size_t)(b->candidates.targets + 1) * 8), b->candidates.count = 0;
    }
}

bool net_start_from(Net *n, int list, const bool *taken, char *note, size_t size)
{
    if (list >= n->list_count) return false;
    NetList *l = &n->lists[list];
    const Declared *d = l->declared;
    const bool decides = d ? d->start_all || d->used != NO_FUNCTION : l->rule.kind != RULE_SAMPLE;
    RtError why = {0};
    *note = 0;
    if (decides || l->budget.form == KEEP_ALL || !use_given(n, l, taken, &why)) {
        use_none(n, l);
        if (*why.text) snprintf(note, size, "%.*s: they are drawn", (int)strcspn(why.text, "\n"), why.text);
        return true;
    }
    l->given = d != NULL, l->chosen = !d;
    if (d && d->redistributes)
        l->declared->moved = net_list_kept(n, l) - budget_now(&l->budget, net_units(l), 0);
    for (int i = 0; i < l->bundle_count; i++) n->bundles[l->first_bundle + i].changed = true;
    return true;
}
