/* graph_port.c: the ports that edges lead to: sums of a node whose function takes several (cell_port.c). */
#include "check/graph.h"

bool port_of_source(Check *k, const EdgeLine *line)
{
    Diag *d = diag_add(k->diags, E_PLACE, line->from.port.span,
                       "an edge begins at the value of a node; '%s' would be one of its sums",
                       line->from.port.text);
    diag_help(d, "leave out .%s, or write it behind the target", line->from.port.text);
    return false;
}

static bool unknown_port(Check *k, const NodeSet *s, Name port)
{
    Diag *d;
    if (s->ports.count) {
        d = diag_add(k->diags, E_UNKNOWN_NAME, port.span, "the nodes of '%s' have no port '%s'", s->name,
                     port.text);
        const char *near = diag_nearest(port.text, s->ports.at, s->ports.count);
        const char *list = "";
        for (int i = 0; i < s->ports.count; i++)
            list = arena_printf(k->perm, "%s%s%s", list, i ? ", " : "", s->ports.at[i]);
        if (near) diag_fix(d, port.span, near, "did you mean '", "'?");
        else diag_help(d, "its ports are: %s", list);
    } else {
        d = diag_add(k->diags, E_UNKNOWN_NAME, port.span, "the nodes of '%s' have one sum and no port '%s'",
                     s->name, port.text);
        diag_help(d, "parameters without a value of a function of the file are ports: fn F(z, %s) = z * %s",
                  port.text, port.text);
    }
    diag_note(d, s->span, "it is declared here");
    return false;
}

static bool find_port(Check *k, const NodeSet *s, Name name, int *port)
{
    *port = 0;
    if (!name.text) return true;
    for (*port = 0; *port < s->ports.count; ++*port)
        if (strcmp(s->ports.at[*port], name.text) == 0) return true;
    return unknown_port(k, s, name);
}

bool ports_fit(Check *k, Graph *g, int set)
{
    const NodeSet *s = &g->sets.at[set];
    bool ok = s->ports.count <= MAX_PORTS;
    if (!ok)
        diag_add(k->diags, E_RANGE, s->span, "the function of '%s' takes %d values; the most is %d", s->name,
                 s->ports.count, MAX_PORTS);
    for (int b = 0; b < g->bundles.count && ok; b++) {
        Bundle *u = &g->bundles.at[b];
        if (u->to == set && !find_port(k, s, k->graph->uses.at[b].port, &u->port)) ok = false;
    }
    return ok;
}

/* Some line leads to it, in use or taken away by an option. */
static bool is_reached(const Graph *g, const Decl *d, int set, int port)
{
    const NodeSet *s = &g->sets.at[set];
    for (int b = 0; b < g->bundles.count; b++) {
        const Bundle *u = &g->bundles.at[b];
        const int count = u->edge ? u->edge->fn.forward->results.count : 1;
        if (u->to == set && port >= u->port && port < u->port + count) return true;
    }
    for (int i = 0; i < d->items.count; i++)
        for (int l = 0; d->items.at[i]->kind == ITEM_EDGES && l < d->items.at[i]->edges->lines.count; l++) {
            const NodeRef *to = &d->items.at[i]->edges->lines.at[l]->to;
            if (strcmp(to->set.text, s->name) == 0 &&
                strcmp(to->port.text ? to->port.text : s->ports.at[0], s->ports.at[port]) == 0)
                return true;
        }
    return false;
}

void check_ports(Check *k, const Graph *g, const Decl *d)
{
    for (int s = 0; s < g->sets.count; s++)
        for (int p = g->sets.at[s].role == SET_INPUT; p < g->sets.at[s].ports.count; p++) {
            const NodeSet *set = &g->sets.at[s];
            const char *port = set->ports.at[p];
            if (is_reached(g, d, s, p)) continue;
            Diag *m = diag_add(k->diags, E_ARGUMENT, k->graph->decls.at[s]->cell->span,
                               "'%s' of '%s' has no value, and no edges lead to it", port, set->cell_name);
            if (p == 0) diag_help(m, "lead edges to it: edges x -> %s", set->name);
            else
                diag_help(m, "give it a value: %s(%s = 1), or lead edges to it: edges x -> %s.%s",
                          set->cell_name, port, set->name, port);
            return;
        }
}
