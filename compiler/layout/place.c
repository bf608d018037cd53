/* place.c: rows of the nodes of a graph: where their values, sums and states stand among the rows of one
 * sample.
 */
#include "front/ast.h"
#include "layout/layout.h"
#include "model/timed.h"

/* Nodes at a distance of a multiple of 2 KiB would fight for the same lines of the caches. What a model reads
 * or hands over as a tensor, the values of an output and the gradients of an input, has no gaps. */
static int64_t padded(int64_t rows, int lanes)
{
    return rows * lanes * (int64_t)sizeof(float) % 2048 == 0 ? rows + 1 : rows;
}

int64_t place_map_rows(const Func *f, int lanes)
{
    int64_t rows = 0, pixels = lanes < 16 ? 1 : lanes / 16; /* a row has room for so many */
    for (int i = 0; f && i < f->values.count; i++)
        if (f->values.at[i]->shape.rank > 0)
            rows += (shape_size(f->values.at[i]->shape) + pixels - 1) / pixels;
    return rows;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t edge_map_rows(const EdgeFn *e, int lanes)
{
    if (!e) return 0;
    int64_t ends = larger(place_map_rows(e->to_source, lanes), place_map_rows(e->to_own, lanes));
    return larger(place_map_rows(e->fn.forward, lanes), ends);
}

int64_t place_norm_rows(const EdgeFn *e)
{
    int64_t most = 0;
    for (int i = 0; i < e->fn.norms.count; i++) most = larger(most, e->fn.norms.at[i].pixels);
    return most;
}

static int64_t norm_map_rows(const CellFn *fn, int lanes)
{
    int64_t most = 0;
    for (int i = 0; i < fn->norms.count; i++) {
        most = larger(most, place_map_rows(fn->norms.at[i].back, lanes));
        most = larger(most, place_map_rows(fn->norms.at[i].input, lanes));
    }
    return most;
}

int64_t place_candidate_rows(const EdgeFn *e, int lanes)
{
    return place_norm_rows(e) + larger(place_map_rows(e->to_weights, lanes), norm_map_rows(&e->fn, lanes));
}

static int64_t cell_map_rows(const CellFn *fn, int lanes)
{
    int64_t most = larger(place_map_rows(fn->forward, lanes), place_map_rows(fn->back, lanes));
    return larger(most, norm_map_rows(fn, lanes));
}

static int64_t most_map_rows(const NodeSet *s, int lanes)
{
    int64_t most = larger(cell_map_rows(&s->send, lanes), cell_map_rows(&s->show, lanes));
    return larger(most, cell_map_rows(&s->cell, lanes));
}

static void place_norms(Graph *g, CellFn *fn)
{
    for (int i = 0; i < fn->norms.count; i++) {
        Norm *n = &fn->norms.at[i];
        n->first = g->statistics;
        g->statistics += 2 * n->evaluations * larger(n->size, 1); /* more than 0 for no nodes, too */
    }
}

/* What stands around the graph reads the sums of the input and the values of the output as tensors, where
 * they are not its own: in time they are, but for an output that shows what it sends. */
static bool is_tensor_sum(const Graph *g, const NodeSet *s)
{
    return s->outside || (s->role == SET_INPUT && !is_timed(g));
}

static bool is_tensor_value(const Graph *g, const NodeSet *s)
{
    bool own = is_timed(g) && s->states && !set_shows_sent(s);
    return s->outside || (s == &g->sets.at[g->output] && !own);
}

void place_rows(Graph *g, int lanes)
{
    g->rows = g->sum_rows = g->state_rows = g->cell_rows = g->work_rows = 0;
    g->statistics = g->norm_rows = 0;
    for (int b = 0; b < g->bundles.count; b++)
        g->cell_rows = larger(g->cell_rows, edge_map_rows(g->bundles.at[b].edge, lanes));
    for (int i = 0; i < g->sets.count; i++) {
        NodeSet *s = &g->sets.at[i];
        s->pixels = graph_copies(g) * shape_size(s->map);
        s->value_pixels = graph_copies(g) * shape_size(s->value_map);
        s->state_pixels = shape_size(s->state_map);
        s->rows.pitch = is_tensor_sum(g, s) ? s->pixels : padded(s->pixels, lanes);
        s->rows.value_pitch = is_tensor_value(g, s) ? s->value_pixels : padded(s->value_pixels, lanes);
        g->cell_rows = larger(g->cell_rows, most_map_rows(s, lanes));
        if (s->outside) continue;
        place_norms(g, &s->cell);
        for (int n = 0; n < s->cell.norms.count; n++)
            g->norm_rows = larger(g->norm_rows, s->cell.norms.at[n].pixels);
        s->rows.value = g->rows, s->rows.sum = g->sum_rows, s->rows.state = g->state_rows;
        g->rows += s->size * s->rows.value_pitch, g->sum_rows += set_sums(s) * set_port_rows(s);
        const int64_t work = larger(set_sums(s) * set_port_rows(s), s->size * s->rows.value_pitch);
        if (s->cell.forward && work > g->work_rows) g->work_rows = work;
        g->state_rows += s->states * s->size * s->state_pixels;
    }
    g->moments = g->statistics;
    for (int b = 0; b < g->bundles.count; b++) {
        EdgeFn *e = g->bundles.at[b].edge;
        if (e) place_norms(g, &e->fn);
    }
}
