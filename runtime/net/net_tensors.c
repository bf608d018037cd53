/* net_tensors.c: what of a net goes into checkpoints, by name. See NetTensor in net.h. */
#include "common/init.h"
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
        *t = (NetTensor){.kind = NET_SLOT, .rank = 1, .size = l->stored, .data = data};
        t->shape[0] = l->stored;
        snprintf(t->name, sizeof t->name, "%s%s%s", l->name, RULE_TENSOR, name);
    }
}

static void add_vector(Net *n, NetTensorKind kind, const char *line, const char *suffix, NetTensor t)
{
    NetTensor *to = &n->tensors[n->tensor_count++];
    *to = t, to->kind = kind;
    if (to->rank == 0) to->rank = 1, to->shape[0] = to->size;
    snprintf(to->name, sizeof to->name, "%s.%s", line, suffix);
}

static void list_wiring(Net *n, const NetBundle *b)
{
    const Candidates *c = &b->candidates;
    NetTensor kept = {.size = c->count, .data = b->kept};
    if (b->explored)
        add_vector(n, NET_EXPLORED, b->line.name, RULE_TENSOR_EXPLORED,
                   (NetTensor){.size = events_explored_words(n, b), .data = b->explored});
    if (b->line.slots) {
        add_vector(n, NET_ROW, b->line.name, "row", (NetTensor){.size = c->targets + 1, .data = c->row});
        add_vector(n, NET_SOURCE, b->line.name, "source",
                   (NetTensor){.size = b->line.slots, .data = c->source});
        return;
    }
    if (c->form == CANDIDATES_DENSE) kept.rank = 2, kept.shape[0] = c->targets, kept.shape[1] = c->sources;
    add_vector(n, NET_KEPT, b->line.name, "kept", kept);
}

bool net_list_tensors(Net *n)
{
    const int slots = n->options.training && n->options.optim ? n->options.optim->slots : 0;
    int count = n->param_count * 3 + 3 * n->bundle_count + 1;
    for (int i = 0; i < n->list_count && n->options.training; i++) count += DECLARED_ARRAYS;
    n->tensors = calloc((size_t)count, sizeof *n->tensors);
    if (!n->tensors) return false;
    for (int i = 0; i < n->list_count && n->options.training; i++) list_rule_tensors(n, &n->lists[i]);
    for (int i = 0; i < n->param_count; i++) {
        if (init_follows(&n->params[i].init)) continue;
        new_tensor(n, n->params[i].learned ? NET_WEIGHT : NET_RUNNING, &n->params[i], "",
                   n->weights + n->params[i].offset);
    }
    for (int s = 0; s < slots; s++)
        for (int i = 0; i < n->param_count; i++) {
            char suffix[64];
            snprintf(suffix, sizeof suffix, ".%s", n->options.optim->slot_names[s]);
            if (n->params[i].learned)
                new_tensor(n, NET_SLOT, &n->params[i], suffix, n->slots[s] + n->params[i].offset);
        }
    for (int i = 0; i < n->bundle_count; i++) list_wiring(n, &n->bundles[i]);
    return true;
}
