/* net_test.h: a Net made by hand: one graph of three sets (the first held) with lines between them, random
 * weights. For tests of what works on marks, lists and gradients of edges, without a compiled program.
 */
#ifndef NET_TEST_H
#define NET_TEST_H
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "net/blas.h"
#include "net/net_private.h"
#include "common/rng.h"

enum { TEST_SETS = 3, TEST_BUNDLES = 3 };
static const int test_ends[TEST_BUNDLES][2] = {{0, 1}, {1, 2}, {0, 2}}; /* from, to */

typedef struct TestShape {
    int64_t size[TEST_SETS];
    double density; /* of random candidates; 1: all; below 0: runs */
} TestShape;

static bool test_condition(void *context, const int64_t *to, const int64_t *from, int64_t target,
                           int64_t source)
{
    double density = *(const double *)context;
    (void)to, (void)from;
    if (density < 0) return rng_uniform(71, 1, (uint64_t)(target * 100000 + source / 37)) < -density;
    return rng_uniform(71, 2, (uint64_t)(target * 100000 + source)) < density;
}

static void test_bundle(Net *n, int i, const TestShape *shape, int lists)
{
    NetBundle *b = &n->bundles[i];
    const WiringSet *from = &n->graphs->sets[test_ends[i][0]].wiring,
                    *to = &n->graphs->sets[test_ends[i][1]].wiring;
    WiringLine line = {.predicate = shape->density == 1 ? NULL : test_condition,
                       .context = (void *)&shape->density,
                       .pairwise = true};
    const LineRecord ends = {
        .from = test_ends[i][0], .to = test_ends[i][1], .list = lists == 1 ? 0 : i, .back = true};
    *b = (NetBundle){.line = ends, .param = &n->params[i], .changed = true};
    if (!candidates_build(from, to, &line, &b->candidates)) abort();
    b->line.candidates = b->candidates.count, b->legal = b->candidates;
    n->params[i] = (NetParam){
        .name = "w", .offset = n->param_total, .size = b->candidates.count, .learned = true, .edges = true};
    n->param_total += (b->candidates.count + 15) / 16 * 16 + 16;
    NetList *l = &n->lists[b->line.list];
    if (l->bundle_count++ == 0) l->first_bundle = i;
    b->position = l->candidates;
    l->candidates += b->candidates.count;
    size_t c = (size_t)b->candidates.count + 1;
    b->capacity = (int64_t)c;
    b->kept = calloc(c, 1), b->marks = malloc((c / 64 + 1) * sizeof *b->marks);
    b->row = calloc((size_t)to->size + 1, 4), b->column = calloc((size_t)from->size + 1, 4);
    b->source = calloc(c, 4), b->target = calloc(c, 4), b->candidate = calloc(c, 4),
    b->order_back = calloc(c, 4);
    b->weight = calloc(c, 8), b->weight_back = calloc(c, 8);
    if (!edges_parts(b, n->options.threads)) abort();
}

/* `lists`: 1, all lines share a budget; 3, each has its own. Rules are set by the caller. */
static Net *test_net(const TestShape *shape, int lists, int threads, bool f64)
{
    Net *n = calloc(1, sizeof *n);
    n->options = (NetOptions){.threads = threads, .seed = 5, .f64 = f64, .training = true};
    n->real_size = f64 ? 8 : 4;
    n->graph_count = 1, n->bundle_count = n->param_count = TEST_BUNDLES, n->list_count = lists;
    n->graphs = calloc(1, sizeof *n->graphs), n->bundles = calloc(TEST_BUNDLES, sizeof *n->bundles);
    n->params = calloc(TEST_BUNDLES, sizeof *n->params), n->lists = calloc(TEST_BUNDLES, sizeof *n->lists);
    n->graphs->sets = calloc(TEST_SETS, sizeof *n->graphs->sets);
    n->graphs->set_count = TEST_SETS, n->graphs->bundle_count = TEST_BUNDLES, n->graphs->list_count = lists;
    for (int s = 0; s < TEST_SETS; s++)
        n->graphs->sets[s].wiring = (WiringSet){shape->size[s], 1, {shape->size[s]}, s == 0};
    for (int i = 0; i < TEST_BUNDLES; i++) test_bundle(n, i, shape, lists);
    n->weights = calloc((size_t)n->param_total + 16, sizeof *n->weights);
    n->counts = malloc(((size_t)n->param_total + 2) * sizeof *n->counts);
    n->keys = malloc((size_t)(n->param_total + CHOOSE_ROOM) * CHOOSE_BYTES);
    for (int64_t i = 0; i < n->param_total; i++) n->weights[i] = (float)rng_normal(73, 1, (uint64_t)i);
    n->param = n->weights;
    return n;
}

static void test_net_free(Net *n)
{
    for (int i = 0; i < TEST_BUNDLES; i++) {
        NetBundle *b = &n->bundles[i];
        candidates_free(&b->candidates);
        free(b->kept), free(b->marks), free(b->row), free(b->column), free(b->source), free(b->target),
            free(b->candidate), free(b->order_back);
        free(b->weight), free(b->weight_back), free(b->part_edges), free(b->next);
    }
    free(n->graphs->sets), free(n->graphs), free(n->bundles), free(n->params), free(n->lists),
        free(n->weights), free(n->keys), free(n->counts), free(n);
}
#endif
