/* fake_net.h: a toy network, program and data set, for tests of what is built around a network.
 *
 * A linear classifier with softmax, momentum, one running mean, and a budget: of the weights of each class
 * the KEPT largest count. `fail_at` and `signal_at` make the step of that number go wrong or raise a signal.
 */
#ifndef FAKE_NET_H
#define FAKE_NET_H
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "common/rng.h"
#include "app/session.h"

enum { FEATURES = 6, CLASSES = 3, KEPT = 4, TRAIN_SAMPLES = 50, TEST_SAMPLES = 20, TENSORS = 4 };

struct Net {
    float w[CLASSES * FEATURES], momentum[CLASSES * FEATURES], running[FEATURES];
    uint8_t kept[CLASSES * FEATURES];
    NetTensor tensors[TENSORS];
    int reloads;
};

static int64_t fake_fail_at = -1, fake_signal_at = -1;
static int fake_signal = SIGINT;

static int64_t fake_choose_edges(Net *n)
{
    int64_t swapped = 0;
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < FEATURES; i++) {
            int larger = 0;
            for (int j = 0; j < FEATURES; j++) {
                float a = fabsf(n->w[c * FEATURES + j]), b = fabsf(n->w[c * FEATURES + i]);
                larger += a > b || (a == b && j < i);
            }
            uint8_t now = larger < KEPT;
            swapped += now && !n->kept[c * FEATURES + i];
            n->kept[c * FEATURES + i] = now;
        }
    return swapped;
}

static void fake_choose(Net *n, double epoch)
{
    (void)epoch;
    fake_choose_edges(n);
}

static void fake_outputs(const Net *n, const float *x, float *y)
{
    for (int c = 0; c < CLASSES; c++) {
        y[c] = 0;
        for (int i = 0; i < FEATURES; i++)
            if (n->kept[c * FEATURES + i]) y[c] += n->w[c * FEATURES + i] * (x[i] - n->running[i]);
    }
}

/* Softmax in place; the loss for this label. *right: is the label the largest? */
static double fake_loss(float *y, int label, int *right)
{
    float most = y[0], sum = 0;
    *right = 1;
    for (int c = 0; c < CLASSES; c++) {
        if (y[c] > most) most = y[c];
        if (y[c] > y[label]) *right = 0;
    }
    for (int c = 0; c < CLASSES; c++) sum += y[c] = expf(y[c] - most);
    for (int c = 0; c < CLASSES; c++) y[c] /= sum;
    return -log((double)y[label]);
}

static void fake_train_next(Net *n, const int64_t *order, int64_t count)
{
    (void)n, (void)order, (void)count;
}

static NetStep fake_train_step(Net *n, NetSamples samples, NetPosition at)
{
    const DataSplit *split = samples.split;
    const int64_t *order = samples.order, count = samples.count, step = at.step;
    const double lr = at.lr;
    float gradient[CLASSES * FEATURES] = {0};
    NetStep r = {.finite = step != fake_fail_at, .bad = "tensor 'Toy.w'"};
    if (step == fake_signal_at) raise(fake_signal);
    if (!r.finite) return r;
    r.swapped = fake_choose_edges(n);
    for (int64_t s = 0; s < count; s++) {
        const float *x = split->floats + order[s] * FEATURES;
        float y[CLASSES];
        int right, label = split->labels[order[s]];
        fake_outputs(n, x, y);
        r.loss += fake_loss(y, label, &right) / (double)count;
        r.correct += right, r.judged++;
        for (int c = 0; c < CLASSES; c++)
            for (int i = 0; i < FEATURES; i++)
                gradient[c * FEATURES + i] += (y[c] - (c == label)) * (x[i] - n->running[i]) / (float)count;
        for (int i = 0; i < FEATURES; i++) n->running[i] += 0.01f * (x[i] - n->running[i]);
    }
    for (int i = 0; i < CLASSES * FEATURES; i++) {
        n->momentum[i] = 0.9f * n->momentum[i] + gradient[i];
        n->w[i] -= (float)lr * n->momentum[i];
    }
    return r;
}

static NetStep fake_eval_step(Net *n, const Data *data, const DataSplit *split, int64_t first, int64_t count)
{
    NetStep r = {.finite = true};
    (void)data;
    for (int64_t s = first; s < first + count; s++) {
        float y[CLASSES];
        int right;
        fake_outputs(n, split->floats + s * FEATURES, y);
        r.loss += fake_loss(y, split->labels[s], &right) / (double)count;
        r.correct += right, r.judged++;
    }
    return r;
}

/* The first number of a sample with which a batch fails as a whole, as a graph in time may. */
static const float FAILS = 666;

static bool fake_predict(Net *n, const float *input, int64_t count, float *output, RtError *e)
{
    for (int64_t s = 0; s < count; s++) {
        if (input[s * FEATURES] == FAILS) return rt_fail(e, RT_BAD_INPUT, "cannot go on");
        fake_outputs(n, input + s * FEATURES, output + s * CLASSES);
    }
    return true;
}

static Net *fake_new(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o, RtError *e)
{
    Net *n = calloc(1, sizeof *n);
    (void)p;
    (void)manifest;
    (void)e;
    for (int i = 0; i < CLASSES * FEATURES; i++) n->w[i] = (float)rng_normal(o->seed, RNG_INIT, (uint64_t)i);
    n->tensors[0] = (NetTensor){"Toy.w", NET_WEIGHT, 2, {CLASSES, FEATURES}, CLASSES * FEATURES, n->w};
    n->tensors[1] =
        (NetTensor){"Toy.edges.0.kept", NET_KEPT, 1, {CLASSES * FEATURES}, CLASSES * FEATURES, n->kept};
    n->tensors[2] = (NetTensor){"Toy.mean", NET_RUNNING, 1, {FEATURES}, FEATURES, n->running};
    n->tensors[3] =
        (NetTensor){"Toy.w.momentum", NET_SLOT, 2, {CLASSES, FEATURES}, CLASSES * FEATURES, n->momentum};
    n->reloads = o->training ? 0 : -1; /* without training there is no fourth tensor */
    return n;
}

static void fake_free(Net *n)
{
    free(n);
}
static int fake_tensor_count(const Net *n)
{
    return n->reloads < 0 ? TENSORS - 1 : TENSORS;
}
static const NetTensor *fake_tensor(const Net *n, int i)
{
    return &n->tensors[i];
}
static int fake_graph_count(const Net *n)
{
    return n ? 1 : 0;
}
static int64_t fake_parameters(const Net *n)
{
    return n ? CLASSES * KEPT : 0;
}
static int64_t fake_output_count(const Net *n)
{
    return n ? CLASSES : 0;
}

static bool fake_reload(Net *n, bool kept_given, RtError *e)
{
    (void)e;
    if (!kept_given) fake_choose_edges(n);
    return true;
}

static NetGraphInfo fake_graph(const Net *n, int i)
{
    NetGraphInfo g = {.name = "Toy", .candidates = CLASSES * FEATURES};
    for (int k = 0; k < CLASSES * FEATURES; k++) g.kept += n->kept[k];
    return i ? (NetGraphInfo){0} : g;
}

static NetIdle fake_idle(const Net *n, int64_t samples)
{
    (void)n, (void)samples;
    return (NetIdle){.nodes = 3, .idle = 1, .most = "Toy.y", .most_nodes = 3, .most_idle = 1};
}

static int fake_events(const Net *n, const NetEvent **events)
{
    return (void)n, (void)events, 0;
}

static int fake_costs(Net *n, const NetCost **costs)
{
    return (void)n, (void)costs, 0;
}

static json_t *fake_wiring(const Net *n, int64_t done)
{
    return (void)n, (void)done, NULL;
}

static const NetCalls fake_calls = {
    .create = fake_new,
    .free = fake_free,
    .tensor_count = fake_tensor_count,
    .tensor = fake_tensor,
    .reload = fake_reload,
    .train_step = fake_train_step,
    .idle = fake_idle,
    .events = fake_events,
    .costs = fake_costs,
    .wiring = fake_wiring,
    .train_next = fake_train_next,
    .eval_step = fake_eval_step,
    .predict = fake_predict,
    .choose = fake_choose,
    .graph_count = fake_graph_count,
    .graph = fake_graph,
    .parameters = fake_parameters,
    .outputs = fake_output_count,
};

static const DnwrtProgram fake_program = {
    .abi = DNWRT_ABI,
    .lanes = 64,
    .manifest =
        "{\"program\": \"toy\", \"source\": \"my nets/toy.dnw\", \"directory\": \"/\", \"model\": \"Toy\","
        " \"version\": \"0.1\", \"cpu\": \"native\", \"lanes\": 64, \"least_batch\": 0, \"input\": [2, 3], "
        "\"output\": [3],"
        " \"target_size\": 1, \"classes\": 3, \"needs\": [], \"padded\": false, \"whole\": 0,"
        " \"norm_of_samples\": false, "
        "\"parameters\": [],"
        " \"options\": [{\"name\": \"width\", \"value\": \"6\", \"help\": \"nodes\", \"given\": false},"
        "               {\"name\": \"mode\", \"value\": \"steps(5)\", \"help\": \"\", \"given\": false},"
        "               {\"name\": \"steps\", \"value\": \"3\", \"help\": \"\", \"given\": false}],"
        " \"settings\": {\"data\": {\"call\": \"none\", \"args\": {}}, \"batch\": 8, \"epochs\": 4, "
        "\"seed\": 1,"
        "   \"loss\": {\"call\": \"cross_entropy\", \"args\": {\"smoothing\": 0}}, \"report\": [],"
        "   \"optim\": {\"call\": \"sgd\", \"args\": {\"lr\": {\"call\": \"ramp\", \"args\": {\"start\": "
        "0.1,"
        "     \"end\": 0.01}}, \"momentum\": 0.9, \"nesterov\": false, \"decay\": 0, \"clip\": 0}}}}",
};

static inline void fake_split(DataSplit *split, int64_t samples, uint64_t seed)
{
    split->samples = samples;
    split->floats = malloc((size_t)(samples * FEATURES) * sizeof(float));
    split->labels = malloc((size_t)samples * sizeof(int32_t));
    for (int64_t s = 0; s < samples; s++) {
        split->labels[s] = (int32_t)(rng_words(seed, RNG_DATA, (uint64_t)s).v[0] % CLASSES);
        for (int i = 0; i < FEATURES; i++)
            split->floats[s * FEATURES + i] =
                (float)rng_normal(seed, RNG_DATA, (uint64_t)(1000 + s * FEATURES + i)) +
                (float)(i % CLASSES == split->labels[s]);
    }
}

/* Laid out so that session_close frees it: `made` must be true. */
static inline Data *fake_data(void)
{
    Data *d = calloc(1, sizeof *d);
    *d = (Data){.name = "toy",
                .rank = 2,
                .shape = {2, 3},
                .features = FEATURES,
                .classes = CLASSES,
                .target_size = 1,
                .channels = 1,
                .std = {1}};
    fake_split(&d->train, TRAIN_SAMPLES, 5);
    fake_split(&d->test, TEST_SAMPLES, 6);
    return d;
}
#endif
