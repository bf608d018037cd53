/* slots.c: see net/slots.h. */
#include "net/slots.h"
#include "common/init.h"
#include <stdlib.h>
#include <string.h>

bool slots_allocate(NetBundle *b)
{
    Candidates *c = &b->candidates;
    *c = (Candidates){.form = CANDIDATES_LIST, .targets = b->legal.targets, .sources = b->legal.sources};
    c->row = calloc((size_t)c->targets + 1, sizeof *c->row);
    c->source = calloc((size_t)b->line.slots, sizeof *c->source);
    return c->row && c->source;
}

int64_t slots_number(const NetBundle *b, int64_t edge)
{
    return candidates_number(&b->legal, candidates_target(&b->candidates, edge), b->candidates.source[edge]);
}

/* Positions are ascending, and so are their targets. */
static void fill_line(Net *n, NetBundle *b, const int64_t *positions, int64_t count)
{
    Candidates *c = &b->candidates;
    const double fan = net_list_fan(n, b);
    memset(c->row, 0, (size_t)(c->targets + 1) * sizeof *c->row);
    for (int64_t i = 0; i < count; i++) {
        const int64_t number = positions[i] - b->position, target = candidates_target(&b->legal, number);
        c->source[i] = (uint32_t)candidates_source(&b->legal, target, number);
        c->row[target + 1]++;
        n->weights[b->param->offset + i] =
            (float)init_edge(&b->param->init, n->options.seed, b->param - n->params, number, fan);
    }
    for (int64_t t = 0; t < c->targets; t++) c->row[t + 1] += c->row[t];
    c->count = count;
    memset(b->kept, 1, (size_t)count);
    b->changed = true;
}

void slots_fill(Net *n, const NetList *l, const int64_t *positions, int64_t count)
{
    for (int i = 0; i < l->bundle_count; i++) {
        NetBundle *b = &n->bundles[l->first_bundle + i];
        int64_t here = 0;
        while (here < count && positions[here] < b->position + b->legal.count) here++;
        fill_line(n, b, positions, here);
        positions += here, count -= here;
    }
}

bool slots_load(NetBundle *b, RtError *e)
{
    Candidates *c = &b->candidates;
    const bool ok = candidates_contain(&b->legal, c, b->line.slots);
    if (!ok) memset(c->row, 0, (size_t)(c->targets + 1) * sizeof *c->row);
    c->count = c->row[c->targets], b->changed = true;
    memset(b->kept, 1, (size_t)c->count);
    return ok || rt_fail(e, RT_BAD_INPUT, SLOTS_WRONG, b->line.name);
}
