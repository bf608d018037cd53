/* net_tensors.c: what of a net goes into checkpoints, by name. See NetTensor in net.h. */
#include "net/declared.h"
#include "net/net_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static NetTensor *new_tensor(Net *n, NetTensorKind kind, const NetParam *p, const char *suffix, void *data)
{
    NetTensor *t = &n->tensors[n->tensor_count++];
    *t = (NetTensor){.kind = kind, .rank = p->rank, .size = p->size, .data = data};
    memcpy(t->shape, p->shape, (size_t)p->rank * sizeof *t->shape);
    snprintf(t->name, sizeof t->name, "%s%s", p->name, suffix);
    return t;
}

/* What a declared rule keeps of candidates is the optimiser's memory: for trainings that go on. */
static void list_rule_tensors(Net *n, const NetList *l)
{
    float *data;
    const char *name;
    for (int i = 0; l->declared && (name = declared_array(l->declared, i, &data)); i++) {
        NetTensor *t = &n->tensors[n->tensor_count++];
        *t = (NetTensor){.kind = NET_SLOT, .rank = 1, .size = l->candidates, .data = data};
        t->shape[0] = l->candidates;
        snprintf(t->name, sizeof t->name, "%s%s%s", l->name, RULE_TENSOR, name);
    }
}

bool net_list_tensors(Net *n)
{
    const int slots = n->options.training && n->options.optim ? n->options.optim->slots : 0;
    int count = n->param_count * 3 + n->bundle_count + 1;
    for (int i = 0; i < n->list_count && n->options.training; i++) count += DECLARED_ARRAYS;
    n->tensors = calloc((size_t)count, sizeof *n->tensors);
    if (!n->tensors) return false;
    for (int i = 0; i < n->list_count && n->options.training; i++) list_rule_tensors(n, &n->lists[i]);
    for (int i = 0; i < n->param_count; i++)
        new_tensor(n, n->params[i].learned ? NET_WEIGHT : NET_RUNNING, &n->params[i], "",
                   n->weights + n->params[i].offset);
    for (int s = 0; s < slots; s++)
        for (int i = 0; i < n->param_count; i++) {
            char suffix[64];
            snprintf(suffix, sizeof suffix, ".%s", n->options.optim->slot_names[s]);
            if (n->params[i].learned)
                new_tensor(n, NET_SLOT, &n->params[i], suffix, n->slots[s] + n->params[i].offset);
        }
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        NetTensor *t = &n->tensors[n->tensor_count++];
        *t = (NetTensor){.kind = NET_KEPT, .rank = 1, .size = b->candidates.count, .data = b->kept};
        t->shape[0] = b->candidates.count;
        if (b->candidates.form == CANDIDATES_DENSE)
            t->rank = 2, t->shape[0] = b->candidates.targets, t->shape[1] = b->candidates.sources;
        snprintf(t->name, sizeof t->name, "%s.kept", b->line.name);
    }
    return true;
}
