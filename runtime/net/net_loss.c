/* net_loss.c: costs and factors of the loss: what stands in the area that all samples share. See net.h. */
#include "common/schedule.h"
#include "net/net_private.h"
#include <string.h>

static double factor_at(const Net *n, int number, const DataSplit *split)
{
    const json_t *f = json_array_get(n->factors, (size_t)number);
    if (json_is_string(f)) return split ? (double)split->samples : 1;
    return n->at.epochs > 0 ? schedule_at(f, n->at.epoch, n->at.epochs, -1) : schedule_at(f, 0.5, 1, -1);
}

void net_fill_loss(const Net *n, const NetFunc *f, const DataSplit *split)
{
    for (int i = 0; i < f->filled_count; i++) {
        const NetFilled *to = &f->filled[i];
        if (to->factor >= 0) net_put_shared(n, to->at, factor_at(n, to->factor, split));
        if (to->bundle < 0) continue;
        const NetBundle *b = &n->bundles[to->bundle];
        const NetList *l = net_list_of(n, b);
        for (int64_t c = 0; c < b->line.candidates; c++)
            net_put_shared(n, to->at + c, to->leads ? net_tie_leads(l, b->position + c) : b->kept[c] != 0);
    }
}

/* A weight that a function does not read has a gradient of its cost alone, which nothing else writes. */
static void clear_function(Net *n, const NetBundle *b)
{
    for (int w = 0; w < b->line.weight_count; w++)
        memset((char *)n->grad + b->weights[w]->offset * n->real_size, 0,
               (size_t)(b->weights[w]->size * n->real_size));
}

void net_begin_costs(Net *n)
{
    for (int i = 0; i < n->bundle_count; i++)
        if (n->bundles[i].line.costs && n->bundles[i].line.function) clear_function(n, &n->bundles[i]);
}

void net_add_edge_costs(Net *n)
{
    net_stage(n, n->train.edge_costs, &n->context, 0);
}

void net_take_costs(Net *n)
{
    const float *shared = n->context.shared;
    for (int i = 0; i < n->train.cost_count; i++)
        n->train.costs[i].value = (double)shared[n->train.costs[i].at];
}

int net_costs(Net *n, const NetCost **costs)
{
    *costs = n->train.costs;
    return n->train.cost_count;
}
