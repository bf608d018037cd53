/* test_freeze.c: each *.dnw of this folder and of frozen/ (or those that are named), frozen with random
 * weights, against the program that is not: same outputs for batches that fill tiles in every way, whichever
 * lanes, from several threads at once; and the learned numbers in use that `dnw check` counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "built.h"
#include "freeze/freeze.h"
#include "eval/count.h"
#include "app/checkpoint.h"
#include "common/rng.h"

enum { MOST = 131 };
static const int64_t counts[] = {0, 1, 3, 7, 16, 17, 20, 64, 65, 100, 128, MOST};

typedef size_t Workspace(void);
typedef int Forward(const float *input, int64_t count, float *output, void *workspace);

typedef struct Library {
    Built built;
    Workspace *workspace;
    Forward *forward;
} Library;

static void open_library(Library *l, const char *path, const char *weights, int lanes)
{
    int optimize = strstr(path, "conv_") || strstr(path, "time_s") ? 3 : 0; /* all would take minutes */
    if (!built_open_frozen(&l->built, path, weights, lanes, optimize)) fail_msg("%s was not frozen", path);
    void *size = dlsym(l->built.library, "net_workspace"), *forward = dlsym(l->built.library, "net_forward");
    memcpy(&l->workspace, &size, sizeof size);
    memcpy(&l->forward, &forward, sizeof forward);
    assert_true(l->workspace && l->forward);
}

static void save(const Net *n, const char *path)
{
    RtError e = {0};
    const NetTensor **all = calloc((size_t)net_tensor_count(n) + 1, sizeof *all);
    for (int i = 0; i < net_tensor_count(n); i++) all[i] = net_tensor(n, i);
    json_t *none = json_object();
    if (!checkpoint_write(path, all, net_tensor_count(n), CHECKPOINT_WEIGHTS, none, &e))
        fail_msg("%s", e.text);
    json_decref(none);
    free(all);
}

/* The largest difference, by the largest output. */
static double distance(const float *x, const float *y, int64_t count)
{
    double most = 0, size = 1e-3;
    for (int64_t i = 0; i < count; i++) {
        double d = fabs((double)x[i] - (double)y[i]);
        most = d > most || isnan(d) ? d : most, size = fmax(size, fabs((double)x[i]));
    }
    return most / size;
}

typedef struct Job {
    const Library *library;
    const float *input;
    float *output;
    void *workspace;
    int64_t count;
    int failed;
} Job;

static void *run(void *job)
{
    Job *j = job;
    j->failed = j->library->forward(j->input, j->count, j->output, j->workspace);
    return NULL;
}

/* Two threads, each its own workspace and samples. */
static void expect_threads(const Library *l, const float *input, int64_t inputs, const float *want,
                           int64_t outputs)
{
    Job jobs[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        int64_t count = i ? MOST - 64 : 64, first = i ? 64 : 0;
        jobs[i] = (Job){l,
                        input + first * inputs,
                        malloc((size_t)(count * outputs) * sizeof(float)),
                        malloc(l->workspace()),
                        count,
                        1};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &jobs[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].failed, 0);
        assert_memory_equal(jobs[i].output, want + (i ? 64 * outputs : 0),
                            (size_t)(jobs[i].count * outputs) * sizeof(float));
        free(jobs[i].output), free(jobs[i].workspace);
    }
}

/* `tiles`: its solver chooses steps for a tile as a whole. */
static void expect_same(const char *path, const Library *l, Net *n, bool tiles)
{
    int64_t inputs = n->inputs, outputs = n->outputs;
    float *x = malloc((size_t)(MOST * inputs) * sizeof *x),
          *want = malloc((size_t)(MOST * outputs) * sizeof *want);
    float *y = malloc((size_t)(MOST * outputs + 1) * sizeof *y);
    char *work = malloc(l->workspace());
    RtError e;
    for (int64_t i = 0; i < MOST * inputs; i++) x[i] = (float)rng_normal(31, RNG_DATA, (uint64_t)i);
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        int64_t count = counts[c];
        if (count && !net_predict(n, x, count, want, &e)) fail_msg("%s: %s", path, e.text);
        memset(work, 0xff, l->workspace());
        y[count * outputs] = 7;
        assert_int_equal(l->forward(x, count, y, work), 0);
        assert_true(y[count * outputs] == 7);
        double d = distance(want, y, count * outputs);
        if (!(d <= 1e-5)) fail_msg("%s, %lld samples: off by %.2e", path, (long long)count, d);
    }
    if (!tiles) {
        assert_int_equal(l->forward(x, MOST, y, work), 0);
        expect_threads(l, x, inputs, y, outputs);
    }
    free(x), free(y), free(want), free(work);
}

/* Nodes of a graph that no edges in use lead on from to the output: marked again and again, until nothing is
 * new. */
static int64_t dead_ends(const Net *n, const NetGraph *g, const Graph *graph)
{
    int64_t dead = 0;
    bool *leads[64], more = true;
    assert_true(g->set_count <= 64);
    for (int s = 0; s < g->set_count; s++) {
        leads[s] = calloc((size_t)g->sets[s].wiring.size + 1, sizeof(bool));
        bool stays = s == graph->input || s == graph->output;
        for (int64_t i = 0; i < g->sets[s].wiring.size; i++) leads[s][i] = stays;
    }
    while (more) {
        more = false;
        for (int b = g->first_bundle; b < g->first_bundle + g->bundle_count; b++) {
            const NetBundle *u = &n->bundles[b];
            for (int64_t t = 0; t < u->candidates.targets; t++)
                for (uint32_t e = u->row[t]; e < u->row[t + 1]; e++)
                    if (leads[u->line.to][t] && !leads[u->line.from][u->source[e]])
                        leads[u->line.from][u->source[e]] = more = true;
        }
    }
    for (int s = 0; s < g->set_count; s++) {
        for (int64_t i = 0; i < g->sets[s].wiring.size && !g->sets[s].wiring.held; i++) dead += !leads[s][i];
        free(leads[s]);
    }
    return dead;
}

/* All dead ends are gone, but where a solver looks at them to choose its steps; what else is gone sends zero
 * and does not run in time. */
static void expect_smaller(const Net *n, const Frozen *f)
{
    int64_t dead = 0, left = 0, edges = 0;
    bool timed = true;
    for (int g = 0; g < n->graph_count; g++) {
        if (!n->times[g].adaptive) dead += dead_ends(n, &n->graphs[g], f->model->graphs.at[g]);
        timed = timed && n->times[g].stages;
        left += f->graphs.at[g].kept;
    }
    for (int b = 0; b < n->bundle_count; b++) edges += n->bundles[b].row[n->bundles[b].candidates.targets];
    assert_int_equal(f->edges, edges);
    assert_int_equal(f->edges - f->edges_gone, left);
    assert_true(f->nodes_gone >= dead && f->nodes_gone <= f->nodes);
    if (timed) assert_int_equal(f->nodes_gone, dead);
}

/* In some programs every batch_norm stands behind a layer that takes it, in others none does. */
static void expect_norms(const char *path, const Model *m)
{
    int left = 0;
    for (int i = 0; i < m->body->values.count; i++) left += m->body->values.at[i]->op == IR_BATCH_NORM;
    if (strstr(path, "conv_stem") || strstr(path, "/norms")) assert_int_equal(left, 0);
    if (strstr(path, "without_bias")) assert_int_equal(left, 2); /* behind what is read twice, and an input */
    if (strstr(path, "norm_graph")) assert_true(left > 0);
}

static bool chooses_steps(const Model *m)
{
    for (int i = 0; i < m->graphs.count; i++)
        if (m->graphs.at[i]->time.adaptive) return true;
    return false;
}

/* A rule that says itself which edges are in use: before the training there may be as many as candidates. */
static bool has_own_count(const Net *n)
{
    for (int i = 0; i < n->list_count; i++)
        if (n->lists[i].declared && n->lists[i].declared->used != NO_FUNCTION) return true;
    return false;
}

/* The count of `dnw check` is that of a program whose weights are the first ones. */
static void expect_parameters(const Built *b)
{
    const Model *m = b->compilation->model;
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(m->settings, "seed"));
    Net *n = built_net(b, false, 1, 1, seed);
    net_choose(n, 1e9);
    if (has_own_count(n)) assert_true(model_parameters(m) > net_parameters(n));
    else assert_int_equal(model_parameters(m), net_parameters(n));
    net_free(n);
}

static double cost_now(const Model *m, const Net *n, const char *name)
{
    double *param = calloc((size_t)m->param_total + 1, sizeof *param);
    for (int i = 0; i < n->param_count; i++)
        for (int64_t k = 0; k < n->params[i].size; k++)
            param[m->params.at[i]->offset + k] = (double)n->weights[n->params[i].offset + k];
    const double cost = cost_of(m, name, param);
    free(param);
    return cost;
}

/* The costs of learned sizes are what the frozen program has. Edges that a budget keeps need not be spread
 * evenly. */
static void expect_sizes(const Model *m, const Net *n, const Frozen *f)
{
    bool all = m->sizes.count > 0;
    for (int g = 0; g < m->graphs.count; g++)
        for (int l = 0; l < m->graphs.at[g]->lists.count; l++)
            all = all && m->graphs.at[g]->lists.at[l].kept == m->graphs.at[g]->lists.at[l].candidates;
    if (!all) return;
    assert_true(fabs(cost_now(m, n, "macs") - (double)f->macs) < 0.01);
    assert_true(fabs(cost_now(m, n, "params") - (double)f->parameters) < 0.01);
    assert_true(f->edges_gone > 0);
}

static void test_program(void **state)
{
    const char *path = *state;
    char weights[] = "/tmp/dnw_weights_XXXXXX";
    Built b;
    Library l;
    assert_true(close(mkstemp(weights)) == 0);
    if (!built_open(&b, path, 0)) fail_msg("%s was not built", path);
    Net *n = built_net(&b, false, MOST, 1, 1);
    expect_parameters(&b);
    built_shake(n, 1e9);
    save(n, weights);
    open_library(&l, path, weights, 0);
    expect_smaller(n, l.built.compilation->frozen);
    expect_norms(path, l.built.compilation->model);
    expect_sizes(b.compilation->model, n, l.built.compilation->frozen);
    expect_same(path, &l, n, chooses_steps(b.compilation->model));
    unlink(weights);
    net_free(n);
    built_close(&l.built), built_close(&b);
}

/* test_freeze [PART OF A NAME | K/N | PATH.dnw ...] */
int main(int argc, char **argv)
{
    static const char *const folders[] = {".", "frozen"};
    Arena *a = arena_new();
    Vec(struct CMUnitTest) all = {0};
    bool given = argc > 1 && strstr(argv[1], ".dnw");
    for (int i = 1; given && i < argc; i++)
        vec_push(a, &all, ((struct CMUnitTest){argv[i], test_program, NULL, NULL, argv[i]}));
    for (size_t f = 0; !given && f < sizeof folders / sizeof *folders; f++) {
        const char **paths = built_programs(a, folders[f], NULL);
        for (int i = 0; paths[i]; i++)
            vec_push(a, &all, ((struct CMUnitTest){paths[i], test_program, NULL, NULL, (void *)paths[i]}));
    }
    int failed = built_main("freeze", all.at, all.count, given ? 1 : argc, argv);
    arena_free(a);
    return failed;
}
