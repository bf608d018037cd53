/* session.c: opens data and network for a command (contract in session.h). */
#include "app/session.h"
#include "app/checkpoint.h"
#include "common/plural.h"
#include "common/rng.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seed of made data and of splits: part of what a data set is, so it does not follow --seed. */
enum { DATA_SEED = 20240 };

static bool no_setting(const Session *s, const char *what, RtError *e)
{
    return rt_fail(e, RT_BAD_INPUT,
                   "'%s' has no train block with '%s', which this command needs\nhelp: add 'train %s { %s = "
                   "... }' and build again",
                   s->program->head.source, what, s->program->head.model, what);
}

/* The help for data of another shape: shapes are fixed when the program is built. */
static bool rebuild_for_data(const Session *s, RtError *e)
{
    if (!s->options->data)
        return rt_help(e, "the data has changed since the program was built: build it again");
    char source[1024], data[1024], program[1024];
    options_source(s->program, source, sizeof source);
    options_quote(s->options->data, data, sizeof data);
    options_quote(s->options->program, program, sizeof program);
    return rt_help(e, "for this data, build it again: dnw build %s --data %s -o %s", source, data, program);
}

/* As many numbers in another shape are other data: only a plain list of them is taken as it stands. */
static bool shape_fits(const Session *s, const Data *d, const char *from, RtError *e)
{
    const ProgramHead *h = &s->program->head;
    int rank = h->input_rank;
    char has[100] = "", takes[200] = "";
    bool same = rank == d->rank || d->rank == 1;
    for (int i = 0; i < d->rank; i++)
        snprintf(has + strlen(has), sizeof has - strlen(has), "%s%lld", i ? ", " : "",
                 (long long)d->shape[i]);
    for (int i = 0; i < rank; i++) {
        long long size = h->input[i];
        snprintf(takes + strlen(takes), sizeof takes - strlen(takes), "%s%lld", i ? ", " : "", size);
        if (d->rank > 1 && i < d->rank && size != d->shape[i]) same = false;
    }
    if (same) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: a sample is [%s], the program takes [%s]", from, has, takes);
    return rebuild_for_data(s, e);
}

static void see_targets(DataNumbers *n, const DataSplit *split, int64_t target_size)
{
    for (int64_t i = 0; split->labels && i < split->samples * target_size; i++)
        if (split->labels[i] >= 0) data_see(n, (float)split->labels[i]);
    for (int64_t i = 0; split->targets && i < split->samples * target_size; i++)
        data_see(n, split->targets[i]);
}

/* binary_cross_entropy is of probabilities. */
static bool targets_fit(const Session *s, const Data *d, const char *from, RtError *e)
{
    const json_t *loss = program_setting(s->program, SETTING_LOSS);
    const char *call = json_string_value(json_object_get(loss, "call"));
    DataNumbers seen = {0};
    char list[160];
    if (!call || strcmp(call, "binary_cross_entropy") || program_has_classes(s->program)) return true;
    see_targets(&seen, &d->train, d->target_size);
    see_targets(&seen, &d->test, d->target_size);
    if (seen.least >= 0 && seen.most <= 1) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: binary_cross_entropy compares with targets in 0 .. 1; these are %s", from,
            data_seen(&seen, list, sizeof list));
    return rt_help(e, "write 0 and 1 into the data");
}

/* Shapes and classes of the data against those the program was compiled for. */
static bool data_fits(const Session *s, const Data *d, RtError *e)
{
    const ProgramHead *h = &s->program->head;
    int64_t inputs = program_inputs(h), outputs = program_outputs(h);
    bool classes = program_has_classes(s->program);
    const char *from = *d->inputs_from ? d->inputs_from : d->name,
               *to = *d->target_from ? d->target_from : d->name;
    if (d->features != inputs) {
        rt_fail(e, RT_BAD_INPUT, "%s: a sample has %lld number%s, the program takes %lld", from,
                (long long)d->features, plural(d->features, "s"), (long long)inputs);
        return rebuild_for_data(s, e);
    }
    if (!d->image && json_array_size(program_setting(s->program, SETTING_AUGMENT)))
        return rt_fail(e, RT_BAD_INPUT,
                       "%s: the program's augment changes pictures, and these samples are none", from);
    if (!shape_fits(s, d, from, e)) return false;
    if (d->padded && !h->padded) {
        rt_fail(e, RT_BAD_INPUT,
                "%s: sequences end at different positions, and the program was built for data whose "
                "sequences are "
                "equally long",
                from);
        return rebuild_for_data(s, e);
    }
    if (classes && d->classes == 0)
        return rt_fail(e, RT_BAD_INPUT, "%s: the target is numbers, the loss cross_entropy needs classes",
                       to);
    if (d->classes > 0 && h->target_size > 0 && d->target_size != h->target_size)
        return rt_fail(e, RT_BAD_INPUT, "%s: a sample has %lld class%s, the program compares with %lld", to,
                       (long long)d->target_size, plural(d->target_size, "es"), (long long)h->target_size);
    if (classes) outputs /= d->target_size;
    if (classes && d->classes > outputs) {
        rt_fail(e, RT_BAD_INPUT,
                "%s, byte %lld: class %d of sample %lld, but the program has %lld output%s: 0 .. %lld", to,
                (long long)d->most.byte, d->classes - 1, (long long)d->most.sample, (long long)outputs,
                plural(outputs, "s"), (long long)outputs - 1);
        if (d->labels.least == 0) return false;
        return rt_help(e, "no label is 0: labels seem to start at %g, where classes count from 0",
                       (double)d->labels.least);
    }
    if (d->classes == 0 && d->target_size != outputs)
        return rt_fail(
            e, RT_BAD_INPUT, "%s: a sample has %lld target number%s, the program has %lld output%s", to,
            (long long)d->target_size, plural(d->target_size, "s"), (long long)outputs, plural(outputs, "s"));
    return targets_fit(s, d, to, e);
}

/* --data names a directory, whatever the data set then looks for in it. */
static bool check_directory(const char *directory, RtError *e)
{
    struct stat st;
    if (!directory) return true;
    if (stat(directory, &st))
        return rt_fail(e, RT_BAD_INPUT, "--data %s: cannot be opened: %s", directory, strerror(errno));
    return S_ISDIR(st.st_mode) ||
           rt_fail(e, RT_BAD_INPUT, "--data %s: this is a file; --data takes its directory", directory);
}

bool session_data(Session *s, RtError *e)
{
    const json_t *setting = program_setting(s->program, SETTING_DATA);
    if (!setting) return no_setting(s, "data", e);
    if (!check_directory(s->options->data, e)) return false;
    DataContext context = {.directory = s->options->data,
                           .base = s->program->head.directory,
                           .threads = (int)s->options->threads,
                           .whole = s->program->head.whole,
                           .seed = DATA_SEED};
    Data *data = data_open(setting, &context, e);
    if (!data) return false;
    const double share = json_number_value(program_setting(s->program, SETTING_VALIDATION));
    if (!data_fits(s, data, e) || !data_validation(data, share, DATA_SEED, e)) {
        data_free(data);
        return false;
    }
    s->data = data;
    return true;
}

/* One split of standard normal inputs; labels or targets to match. */
static bool make_split(DataSplit *split, const Data *d, int64_t samples)
{
    size_t inputs = (size_t)(samples * d->features), targets = (size_t)(samples * d->target_size);
    split->samples = samples;
    split->floats = malloc(inputs * sizeof *split->floats);
    if (d->classes) split->labels = malloc(targets * sizeof *split->labels);
    else split->targets = malloc(targets * sizeof *split->targets);
    if (!split->floats || (!split->labels && !split->targets)) return false;
    for (size_t i = 0; i < inputs; i++)
        split->floats[i] = d->whole ? (float)floor(rng_uniform(DATA_SEED, RNG_DATA, i) * (double)d->whole)
                                    : (float)rng_normal(DATA_SEED, RNG_DATA, i);
    for (size_t i = 0; d->classes && i < targets; i++) split->labels[i] = (int32_t)(i % (size_t)d->classes);
    for (size_t i = 0; !d->classes && i < targets; i++)
        split->targets[i] = (float)rng_uniform(DATA_SEED, RNG_DATA, inputs + i);
    return true;
}

static bool make_data(Session *s, int64_t samples, RtError *e)
{
    const ProgramHead *h = &s->program->head;
    Data *d = calloc(1, sizeof *d);
    if (!d) return rt_fail(e, RT_SYSTEM, "out of memory");
    s->data = d;
    s->made = true;
    d->name = "random";
    d->rank = h->input_rank < 4 ? h->input_rank : 4;
    for (int i = 0; i < d->rank; i++) d->shape[i] = h->input[i];
    d->features = program_inputs(&s->program->head);
    d->target_size = program_has_classes(s->program) ? h->target_size : program_outputs(h);
    d->classes = program_has_classes(s->program) ? (int)(program_outputs(h) / d->target_size) : 0;
    d->channels = 1, d->std[0] = 1, d->whole = h->whole;
    d->image = d->rank == 2 || d->rank == 3;
    if (make_split(&d->train, d, samples) && make_split(&d->test, d, samples)) return true;
    return rt_fail(e, RT_SYSTEM, "out of memory for %lld random sample%s", (long long)samples,
                   plural(samples, "s"));
}

static void close_data(Session *s)
{
    if (s->data && s->made) {
        DataSplit *splits[] = {&s->data->train, &s->data->test};
        for (int i = 0; i < 2; i++) {
            free(splits[i]->floats);
            free(splits[i]->labels);
            free(splits[i]->targets);
        }
        free(s->data);
    } else if (s->data) {
        data_free(s->data);
    }
    s->data = NULL;
    s->made = false;
}

bool session_any_data(Session *s, int64_t samples, RtError *e)
{
    bool asked = s->options->data != NULL; /* who names a directory wants to hear what is wrong with it */
    if (session_data(s, e)) {
        if (s->data->train.samples >= samples && s->data->test.samples >= samples) return true;
        close_data(s);
    } else if (asked) {
        return false;
    }
    return make_data(s, samples, e);
}

int64_t session_batch(const Session *s)
{
    int64_t batch = s->options->batch > 0 ? s->options->batch : program_whole(s->program, SETTING_BATCH, 64);
    if (!s->data) return batch;
    int64_t most =
        s->data->train.samples > s->data->test.samples ? s->data->train.samples : s->data->test.samples;
    return batch < most ? batch : most;
}

int64_t session_step_start(const Session *s, int64_t samples, int64_t batch, int64_t step)
{
    const int64_t start = step * batch;
    if (start >= samples) return samples;
    return s->program->head.norm_of_samples && step > 0 && start == samples - 1 ? start - (batch - 1) / 2
                                                                                : start;
}

bool session_steps(const Session *s, int64_t samples, int64_t batch, RtError *e)
{
    const int64_t last = batch ? (samples - 1) / batch : 0;
    if (!s->program->head.norm_of_samples || samples - session_step_start(s, samples, batch, last) > 1)
        return true;
    if (samples == 1)
        return rt_fail(e, RT_BAD_INPUT,
                       "batch_norm takes its statistics over the samples of a step, and the data has one "
                       "training sample\nhelp: layer_norm works on one sample");
    return rt_fail(
        e, RT_USAGE,
        "batch_norm takes its statistics over the samples of a step, and with batch %lld a step has "
        "one of %lld\nhelp: --batch %d, or layer_norm, which works on one sample",
        (long long)batch, (long long)samples, samples % 2 ? 3 : 2);
}

void session_batch_note(const Session *s, int64_t batch, char *out, size_t size)
{
    const int64_t least = s->program->head.least_batch;
    *out = 0;
    if (batch < least)
        snprintf(out, size,
                 "note: tiles of %d samples are for batches of %lld and more; with 'batch = %lld' in its "
                 "train block the program would be faster",
                 s->program->code->lanes, (long long)least, (long long)batch);
}

bool session_net(Session *s, const NetOptions *o, RtError *e)
{
    NetOptions options = *o;
    options.threads = (int)s->options->threads;
    if (options.training) {
        const json_t *optim = program_setting(s->program, SETTING_OPTIM);
        if (!optim) return no_setting(s, "optim", e);
        if (!optim_open(optim, &s->optim, e)) return false;
        options.optim = &s->optim;
    }
    s->net = s->calls->create(s->program->code, s->program->manifest, &options, e);
    if (!s->net) return false;
    s->tensor_count = s->calls->tensor_count(s->net);
    s->tensors = malloc((size_t)(s->tensor_count + 1) * sizeof *s->tensors);
    if (!s->tensors) return rt_fail(e, RT_SYSTEM, "out of memory");
    for (int i = 0; i < s->tensor_count; i++) s->tensors[i] = s->calls->tensor(s->net, i);
    return true;
}

bool session_weights(Session *s, RtError *e)
{
    Checkpoint c;
    bool kept;
    if (s->program->code->frozen) return true; /* they are part of it */
    if (!checkpoint_open(&c, s->options->weights, e)) {
        char trained[512];
        bool other =
            access(s->options->weights, F_OK) && options_trained(s->program, trained, sizeof trained);
        return other ? rt_help(e, "did you mean '%s'?", trained) : false;
    }
    bool ok = checkpoint_load(&c, s->tensors, s->tensor_count, CHECKPOINT_WEIGHTS, &kept, e) &&
              s->calls->reload(s->net, kept, e);
    checkpoint_close(&c);
    return ok;
}

void session_close(Session *s)
{
    free(s->tensors);
    if (s->net) s->calls->free(s->net);
    close_data(s);
    *s = (Session){0};
}
