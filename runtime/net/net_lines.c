/* net_lines.c: see lines.h. */
#include "net/lines.h"
#include "common/interval.h"
#include "net/net_private.h"
#include <stdlib.h>
#include <string.h>

/* "w" of "Wiring.edges.0.w" */
static const char *short_name(const NetBundle *b, const char *name)
{
    const size_t length = strlen(b->line.name);
    return !strncmp(name, b->line.name, length) && name[length] == '.' ? name + length + 1 : name;
}

static void take_weights(const Net *n, const NetBundle *b, NetLine *out)
{
    int single = 0;
    out->decides = -1;
    for (int i = 0; i < b->line.weight_count && out->weight_count < NET_LINE_WEIGHTS; i++) {
        const NetParam *p = b->weights[i];
        const int64_t components = net_components(b, p);
        single += components == 1;
        if (p == b->param || (!b->param && components == 1)) out->decides = out->weight_count;
        out->weights[out->weight_count++] =
            (NetLineWeight){short_name(b, p->name), n->weights + p->offset, components};
    }
    if (!b->param && single != 1) out->decides = -1;
}

bool net_line(const Net *n, int number, NetLine *out)
{
    if (number < 0 || number >= n->bundle_count) return false;
    const NetBundle *b = &n->bundles[number];
    *out = (NetLine){.name = b->line.name,
                     .port = b->line.port,
                     .graph = b->line.graph,
                     .in = &n->graphs[b->line.graph],
                     .from = b->line.from,
                     .to = b->line.to,
                     .candidates = b->legal.count,
                     .most = b->capacity};
    for (int64_t i = 0; i < b->candidates.count; i++) out->kept += b->kept[i];
    take_weights(n, b, out);
    return true;
}

bool net_line_edges(const Net *n, int number, bool all, NetEdgeVisit *visit, void *context)
{
    const NetBundle *b = &n->bundles[number];
    CandidateRun run;
    for (int64_t t = 0; t < b->candidates.targets; t++)
        for (int64_t r = 0; candidates_run(&b->candidates, t, r, &run); r++)
            for (int64_t i = 0; i < run.length; i++) {
                const int64_t at = run.first + i;
                if ((all || b->kept[at]) &&
                    !visit(context, &(NetEdge){run.source + i, t, at, b->kept[at] != 0}))
                    return false;
            }
    return true;
}

int net_point(const NetSet *s, int64_t node, double *out)
{
    const CandidateKey *p = &s->point;
    Interval args[WIRING_RANK];
    if (!p->part_count) return 0;
    Interval *scratch = malloc((size_t)p->step_count * sizeof *scratch);
    for (int d = s->wiring.rank - 1; d >= 0; node /= s->wiring.dim[d], d--)
        args[d].low = args[d].high = (double)(node % s->wiring.dim[d]);
    for (int i = 0; scratch && i < p->step_count; i++) p->steps[i].op = interval_number_op(p->steps[i].name);
    if (scratch) interval_run(p->steps, p->step_count, args, scratch);
    for (int i = 0; scratch && i < p->part_count; i++) out[i] = scratch[p->parts[i]].low;
    const bool ok = scratch != NULL;
    free(scratch);
    return ok ? p->part_count : 0;
}
