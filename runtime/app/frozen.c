/* frozen.c: the network of a frozen program (kernels/frozen.h) behind the calls that commands use.
 *
 * What commands see as a Net is this file's own record: a workspace per thread, and memory for a batch of
 * inputs.
 */
#include "app/frozen.h"
#include "common/contract.h"
#include "data/picture_list.h"
#include "common/plural.h"
#include "common/thread.h"
#include "kernels/frozen.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct FrozenNet {
    const DnwrtFrozen *frozen;
    FrozenHead head; /* of the manifest */
    int threads;
    float *input, *output; /* of a batch, for samples of a data set */
    char *workspaces;
    int64_t stride;
} FrozenNet;

static FrozenNet *of(const Net *n)
{
    return (FrozenNet *)n;
}

static void frozen_free(Net *n)
{
    if (!n) return;
    contract_free(CONTRACT_FrozenHead, &of(n)->head);
    free(of(n)->input), free(of(n)->output), free(of(n)->workspaces);
    free(n);
}

static Net *frozen_create(const DnwrtProgram *p, const json_t *manifest, const NetOptions *o, RtError *e)
{
    FrozenNet *n = calloc(1, sizeof *n);
    if (n) {
        *n = (FrozenNet){.frozen = p->frozen, .threads = o->threads};
        n->stride = (p->frozen->workspace + 127) / 64 * 64;
        n->input = malloc((size_t)(o->batch * p->frozen->inputs) * sizeof *n->input);
        n->output = malloc((size_t)(o->batch * p->frozen->outputs) * sizeof *n->output);
        n->workspaces = calloc((size_t)n->threads, (size_t)n->stride);
    }
    const bool room = n && n->input && n->output && n->workspaces;
    if (room && contract_read(CONTRACT_FrozenHead, manifest, &n->head, e)) return (Net *)n;
    frozen_free((Net *)n);
    if (!room)
        rt_fail(e, RT_SYSTEM, "not enough memory for %d thread%s and batches of %lld", o->threads,
                plural(o->threads, "s"), (long long)o->batch);
    return NULL;
}

typedef struct Run {
    const FrozenNet *n;
    const float *input;
    int64_t count;
    float *output;
    _Atomic int failed;
} Run;

static void run_tile(void *job, int64_t tile)
{
    Run *r = job;
    const DnwrtFrozen *f = r->n->frozen;
    int64_t lanes = f->parts[0].lanes, left = r->count - tile * lanes;
    r->failed +=
        f->forward(f, r->input + tile * lanes * f->inputs, left < lanes ? left : lanes,
                   r->output + tile * lanes * f->outputs, r->n->workspaces + thread_number() * r->n->stride);
}

/* Tiles go to threads; the samples that are left after the last full one stay together. */
static bool run(const FrozenNet *n, const float *input, int64_t count, float *output)
{
    int64_t lanes = n->frozen->parts[0].lanes;
    Run r = {n, input, count, output, 0};
    thread_share(n->threads, (count + lanes - 1) / lanes, run_tile, &r);
    return r.failed == 0;
}

static bool frozen_predict(Net *n, const float *input, int64_t count, float *output, RtError *e)
{
    if (run(of(n), input, count, output)) return true;
    return rt_fail(e, RT_BAD_INPUT,
                   "a graph in time cannot continue with these inputs\n"
                   "help: the same program built without --freeze says when, and which node");
}

static void scale_sample(const Data *d, const uint8_t *from, int64_t features, float *to)
{
    const int64_t channel = features / d->channels;
    for (int c = 0; c < d->channels; c++) {
        const DataScale scale = data_scale(d, c);
        for (int64_t i = c * channel; i < (c + 1) * channel; i++) to[i] = data_value(scale, from[i]);
    }
}

static bool read_pictures(const FrozenNet *n, const Data *d, const DataSplit *split, int64_t first,
                          int64_t count, RtError *e)
{
    const int64_t features = n->frozen->inputs;
    const PictureSet *set = split->pictures;
    uint8_t *bytes = malloc((size_t)(count * features));
    bool good =
        bytes ? picture_list_decode(&set->list, (PicturePart){first, count, n->threads}, &set->form, bytes, e)
              : rt_fail(e, RT_SYSTEM, "out of memory for pictures");
    for (int64_t s = 0; good && s < count; s++)
        scale_sample(d, bytes + s * features, features, n->input + s * features);
    free(bytes);
    return good;
}

/* As the network sees them. */
static bool read_samples(const FrozenNet *n, const Data *d, const DataSplit *split, int64_t first,
                         int64_t count, RtError *e)
{
    const int64_t features = n->frozen->inputs;
    if (split->pictures) return read_pictures(n, d, split, first, count, e);
    if (split->floats)
        memcpy(n->input, split->floats + first * features, (size_t)(count * features) * sizeof *n->input);
    for (int64_t s = 0; split->bytes && s < count; s++)
        scale_sample(d, split->bytes + (first + s) * features, features, n->input + s * features);
    return true;
}

static NetStep frozen_step(Net *n, const Data *d, const DataSplit *split, int64_t first, int64_t count)
{
    NetStep r = {0};
    RtError e = {0};
    if (read_samples(of(n), d, split, first, count, &e)) {
        r.finite = run(of(n), of(n)->input, count, of(n)->output);
        return r;
    }
    return net_step_unread(&r, &e), r;
}

static int no_tensors(const Net *n)
{
    (void)n;
    return 0;
}

static void no_choice(Net *n, double epoch)
{
    (void)n, (void)epoch;
}

static int frozen_graph_count(const Net *n)
{
    return of(n)->head.graph_count;
}

static NetGraphInfo frozen_graph(const Net *n, int i)
{
    const FrozenGraph *g = &of(n)->head.graphs[i];
    return (NetGraphInfo){.name = g->name, .candidates = g->candidates, .kept = g->kept};
}

static int64_t frozen_parameters(const Net *n)
{
    return of(n)->head.parameters;
}

static int64_t frozen_outputs(const Net *n)
{
    return of(n)->frozen->outputs;
}

static json_t *no_profile(const Net *n)
{
    (void)n;
    return json_array();
}

const NetCalls frozen_calls = {
    .create = frozen_create,
    .free = frozen_free,
    .tensor_count = no_tensors,
    .eval_step = frozen_step,
    .predict = frozen_predict,
    .choose = no_choice,
    .graph_count = frozen_graph_count,
    .graph = frozen_graph,
    .parameters = frozen_parameters,
    .outputs = frozen_outputs,
    .profile = no_profile,
};
