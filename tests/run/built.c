/* built.c: see built.h. */
#define _GNU_SOURCE
#include "built.h"
#include "net/slots.h"
#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lower/grad.h"
#include "lower/lower.h"
#include "target/object.h"
#include "layout/plan.h"
#include "common/rng.h"

/* ---- from source to a loaded program ---- */

static bool run_driver(const char *object, const char *library)
{
    const char *chosen = getenv("DNW_CC");
    char *words[] = {(char *)(chosen && *chosen ? chosen : "cc"),
                     "-shared",
                     "-o",
                     (char *)library,
                     (char *)object,
                     "-lm",
                     NULL};
    pid_t child;
    int status = 0;
    if (posix_spawnp(&child, words[0], NULL, NULL, words, environ)) return false;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool load(Built *b, const char *library)
{
    RtError e;
    json_error_t where;
    b->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!b->library) return fprintf(stderr, "%s\n", dlerror()), false;
    b->code = dlsym(b->library, "dnw_program");
    b->manifest = b->code ? json_loads(b->code->manifest, 0, &where) : NULL;
    return b->manifest &&
           optim_open(json_object_get(json_object_get(b->manifest, "settings"), "optim"), &b->optim, &e);
}

/* The passes behind check, as in compile.c, with `alter` before the plan. */
static bool make_object(Compilation *c, const char *path, void (*alter)(Ir *))
{
    const char *object_path = c->options.object;
    if (!alter) return compile_file(c, path);
    c->options.object = NULL;
    if (!compile_file(c, path)) return false;
    c->options.object = object_path;
    c->ir = lower(c->model);
    grad(c->ir);
    alter(c->ir);
    fuse(c->ir);
    plan(c->ir);
    return object(c, c->ir);
}

typedef struct How {
    int optimize, lanes;
    void (*alter)(Ir *);
    int count;
    const Define *defines;
} How;

static bool open_program(Built *b, const char *path, How how)
{
    char folder[] = "/tmp/dnw_built_XXXXXX", object[64], library[64];
    *b = (Built){.compilation = compilation_new()};
    if (!mkdtemp(folder)) return false;
    snprintf(object, sizeof object, "%s/x.o", folder);
    snprintf(library, sizeof library, "%s/x.so", folder);
    b->compilation->options.object = object;
    b->compilation->options.optimize = how.optimize;
    b->compilation->options.lanes = how.lanes;
    for (int i = 0; i < how.count; i++)
        vec_push(b->compilation->perm, &b->compilation->options.defines, how.defines[i]);
    bool ok = make_object(b->compilation, path, how.alter) && run_driver(object, library) && load(b, library);
    if (!ok) diags_print(b->compilation->diags, stderr, false);
    unlink(object), unlink(library), rmdir(folder);
    b->compilation->options.object = NULL;
    return ok;
}

bool built_open_frozen(Built *b, const char *path, const char *weights, int lanes, int optimize)
{
    char folder[] = "/tmp/dnw_built_XXXXXX", object[64], library[64];
    *b = (Built){.compilation = compilation_new()};
    if (!mkdtemp(folder)) return false;
    snprintf(object, sizeof object, "%s/x.o", folder);
    snprintf(library, sizeof library, "%s/x.so", folder);
    CompileOptions *o = &b->compilation->options;
    o->object = object, o->freeze = weights, o->library = "net", o->lanes = lanes, o->optimize = optimize;
    bool ok = compile_file(b->compilation, path) && run_driver(object, library);
    if (ok) b->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!ok) diags_print(b->compilation->diags, stderr, false);
    unlink(object), unlink(library), rmdir(folder);
    return ok && b->library;
}

bool built_open_altered(Built *b, const char *path, int optimize, void (*alter)(Ir *))
{
    return open_program(b, path, (How){.optimize = optimize, .alter = alter});
}

bool built_open(Built *b, const char *path, int optimize)
{
    return open_program(b, path, (How){.optimize = optimize});
}

bool built_open_lanes(Built *b, const char *path, int optimize, int lanes)
{
    return open_program(b, path, (How){.optimize = optimize, .lanes = lanes});
}

bool built_open_defined(Built *b, const char *path, int optimize, int count, const Define *defines)
{
    return open_program(b, path, (How){.optimize = optimize, .count = count, .defines = defines});
}

void built_close(Built *b)
{
    json_decref(b->manifest);
    if (b->library) dlclose(b->library);
    compilation_free(b->compilation);
}

Net *built_net(const Built *b, bool f64, int64_t batch, int threads, uint64_t seed)
{
    RtError e = {0};
    NetOptions o = {
        .batch = batch, .threads = threads, .training = true, .f64 = f64, .optim = &b->optim, .seed = seed};
    Net *n = net_new(b->code, b->manifest, &o, &e);
    if (!n) fprintf(stderr, "net_new: %s\n", e.text), exit(1);
    return n;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **built_programs(Arena *a, const char *folder, int *count)
{
    Vec(const char *) all = {0};
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && strcmp(e->d_name + n - 4, ".dnw") == 0)
            vec_push(a, &all, arena_printf(a, "%s/%s", folder, e->d_name));
    }
    if (d) closedir(d);
    qsort(all.at, (size_t)all.count, sizeof *all.at, by_name);
    if (count) *count = all.count;
    vec_push(a, &all, NULL);
    return all.at;
}

bool built_says(const char *path, const char *words)
{
    char line[512];
    bool found = false;
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof line, f)) found = strstr(line, words) != NULL;
    if (f) fclose(f);
    return found;
}

/* ---- random samples and weights ---- */

static void fill_inputs(Arena *a, DataSplit *s, int64_t count, bool bytes, int64_t whole, uint64_t seed)
{
    if (bytes) s->bytes = NEW_ARRAY(a, uint8_t, (size_t)count);
    else s->floats = NEW_ARRAY(a, float, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        if (bytes) s->bytes[i] = (uint8_t)rng_words(seed, RNG_DATA, (uint64_t)i).v[0];
        else if (whole) s->floats[i] = (float)floor(rng_uniform(seed, RNG_DATA, (uint64_t)i) * (double)whole);
        else s->floats[i] = (float)rng_normal(seed, RNG_DATA, (uint64_t)i);
}

Data *built_data(Arena *a, const Model *m, int64_t samples, uint64_t seed)
{
    Data *d = NEW(a, Data);
    *d =
        (Data){.name = "random",
               .rank = m->input.rank,
               .classes = m->classes,
               .target_size = m->target_size,
               .positions = m->positions,
               .padded = m->padded,
               .image = m->input.rank == 2 || m->input.rank == 3,
               .channels = m->input.rank == 3 && m->input.dim[0] <= DATA_CHANNELS ? (int)m->input.dim[0] : 1};
    for (int i = 0; i < m->input.rank; i++) d->shape[i] = m->input.dim[i];
    for (int c = 0; c < d->channels; c++)
        d->mean[c] = 0.3f + 0.1f * (float)c, d->std[c] = 0.4f + 0.05f * (float)c;
    d->features = shape_size(m->input);
    d->train.samples = samples;
    fill_inputs(a, &d->train, samples * d->features, m->input.rank == 3, m->whole, seed);
    for (int64_t i = 0; m->padded && i < samples; i++) { /* sample i has 1 + i mod positions */
        const int64_t end = (1 + i % m->input.dim[0]) * (d->features / m->input.dim[0]);
        for (int64_t k = end; k < d->features; k++) d->train.floats[i * d->features + k] = NAN;
    }
    if (m->classes) d->train.labels = NEW_ARRAY(a, int32_t, (size_t)(samples * m->target_size));
    else d->train.targets = NEW_ARRAY(a, float, (size_t)(samples * m->target_size));
    for (int64_t i = 0; i < samples * m->target_size; i++)
        if (m->classes)
            d->train.labels[i] = (int32_t)(rng_uniform(seed + 1, RNG_DATA, (uint64_t)i) * m->classes);
        else d->train.targets[i] = (float)rng_normal(seed + 1, RNG_DATA, (uint64_t)i);
    d->test = d->train;
    return d;
}

void built_shake(Net *n, double epoch)
{
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        for (int64_t k = 0; p->init.kind == INIT_CONSTANT && k < p->size; k++) {
            double noise = rng_normal(17, RNG_GRADCHECK, (uint64_t)(p->offset + k));
            double w = (double)n->weights[p->offset + k] + (p->learned ? 0.2 * noise : 0.1 * fabs(noise));
            n->weights[p->offset + k] = (float)(p->clamped ? fmin(fmax(w, p->low), p->high) : w);
        }
    }
    for (int i = 0; i < n->list_count; i++) net_tie_weights(n, &n->lists[i]);
    net_f64_params(n);
    net_choose(n, epoch);
}

/* ---- what the program computes ---- */

static double real_at(const Net *n, const void *base, int64_t i)
{
    return n->real_size == 4 ? (double)((const float *)base)[i] : ((const double *)base)[i];
}

static void add_result(Arena *a, Results *r, const char *name, int64_t size, const double *values)
{
    Result x = {name, size, NEW_ARRAY(a, double, (size_t)size + 1)};
    memcpy(x.values, values, (size_t)size * sizeof *values);
    vec_push(a, &r->all, x);
}

static void take_output(Arena *a, Results *r, const Net *n, const NetFunc *f, int64_t count, const char *name)
{
    double *y = NEW_ARRAY(a, double, (size_t)(count * n->outputs));
    for (int64_t s = 0; s < count; s++)
        for (int64_t i = 0; i < n->outputs; i++) {
            int64_t at =
                s / n->lanes * n->context.tile_stride + (f->output_row + i) * n->lanes + s % n->lanes;
            y[s * n->outputs + i] = real_at(n, n->context.tiles, at);
        }
    add_result(a, r, name, count * n->outputs, y);
}

static void take_params(Arena *a, Results *r, const Net *n, bool learned, const char *prefix,
                        const void *from)
{
    for (int i = 0; i < n->param_count; i++) {
        const NetParam *p = &n->params[i];
        if (p->learned != learned) continue;
        double *v = NEW_ARRAY(a, double, (size_t)p->size + 1);
        for (int64_t k = 0; k < p->size; k++) v[k] = real_at(n, from, p->offset + k);
        add_result(a, r, arena_printf(a, "%s %s", prefix, p->name), p->size, v);
    }
}

/* The kept statistics that the step computes, without keeping them. */
static void take_statistics(Arena *a, Results *r, Net *n)
{
    size_t bytes = (size_t)(n->param_total * n->real_size);
    void *saved = arena_alloc(a, bytes + 1, 1);
    memcpy(saved, n->param, bytes);
    net_stage(n, n->train.updates, &n->context, 0);
    take_params(a, r, n, false, "set", n->param);
    memcpy(n->param, saved, bytes);
}

Results *built_run(Arena *a, Net *n, const Data *d, const int64_t *order, int64_t count)
{
    Results *r = NEW(a, Results);
    NetBatch batch = {.data = d, .split = &d->train, .order = order, .count = count};
    double loss = net_run(n, &n->infer, &batch, 0, NULL);
    add_result(a, r, "infer loss", 1, &loss);
    take_output(a, r, n, &n->infer, count, "infer output");
    batch = net_train_batch(d, &d->train, order, count, BUILT_EPOCH);
    memset(n->grad, 0, (size_t)(n->param_total * n->real_size));
    loss = net_run(n, &n->train, &batch, BUILT_STEP, &r->correct);
    add_result(a, r, "loss", 1, &loss);
    take_output(a, r, n, &n->train, count, "output");
    for (int i = 0; i < n->train.cost_count; i++) {
        const double cost = real_at(n, n->context.shared, n->train.costs[i].at);
        add_result(a, r, arena_printf(a, "cost %s", n->train.costs[i].name), 1, &cost);
    }
    gradient_edges(n, (count + n->lanes - 1) / n->lanes, NULL);
    net_stage(n, n->train.gradients, &n->context, 0);
    take_params(a, r, n, true, "d", n->grad);
    take_statistics(a, r, n);
    return r;
}

/* ---- what it should compute ---- */

int64_t built_number(const NetBundle *b, int64_t candidate)
{
    return b->line.slots ? slots_number(b, candidate) : candidate;
}

uint8_t *built_marks(Arena *a, const NetBundle *b)
{
    uint8_t *all = NEW_ARRAY(a, uint8_t, (size_t)b->legal.count + 1);
    for (int64_t c = 0; c < b->candidates.count; c++) all[built_number(b, c)] = b->kept[c];
    return all;
}

/* The line whose weights of edges in use alone this parameter is; NULL: it is another. */
static const NetBundle *slot_line(const Net *n, const NetParam *p)
{
    for (int i = 0; i < n->bundle_count; i++)
        if (n->bundles[i].line.slots && n->bundles[i].param == p) return &n->bundles[i];
    return NULL;
}

int64_t built_element(const Net *n, int param, int64_t element)
{
    const NetBundle *b = slot_line(n, &n->params[param]);
    if (!b) return element;
    return element < b->candidates.count ? slots_number(b, element) : -1;
}

EvalContext built_context(Arena *a, const Net *n, const Built *b, double epoch)
{
    EvalContext c = {.model = b->compilation->model, .seed = n->options.seed, .step = BUILT_STEP};
    c.param = NEW_ARRAY(a, double, (size_t)c.model->param_total + 1);
    for (int i = 0; i < n->param_count; i++) {
        double *to = c.param + c.model->params.at[i]->offset;
        for (int64_t k = 0; k < n->params[i].size && built_element(n, i, k) >= 0; k++)
            to[built_element(n, i, k)] = (double)n->weights[n->params[i].offset + k];
    }
    eval_choose(a, &c, epoch);
    return c;
}

static void fill_context(Arena *a, EvalContext *c, const Data *d, const int64_t *order, int64_t count)
{
    double *x = NEW_ARRAY(a, double, (size_t)(count * d->features)),
           *t = NEW_ARRAY(a, double, (size_t)(count * d->target_size) + 1);
    for (int64_t s = 0; s < count; s++) {
        for (int64_t i = 0; i < d->features; i++) {
            int64_t at = order[s] * d->features + i;
            x[s * d->features + i] =
                d->train.bytes ? (double)data_value(data_scale(d, (int)(i * d->channels / d->features)),
                                                    d->train.bytes[at])
                               : (double)d->train.floats[at];
        }
        for (int64_t i = 0; i < d->target_size; i++)
            t[s * d->target_size + i] = d->train.labels
                                            ? (double)d->train.labels[order[s] * d->target_size + i]
                                            : (double)d->train.targets[order[s] * d->target_size + i];
    }
    c->batch = count, c->samples = d->train.samples, c->input = x, c->target = t;
}

/* One change of a picture of `planes` planes, as its definition says it: augment.h. */
static void change_picture(Arena *a, const json_t *change, Rng4 drawn, double *x, int64_t planes, int64_t h,
                           int64_t w)
{
    double *old = NEW_ARRAY(a, double, (size_t)(planes * h * w));
    int64_t pixels = json_integer_value(json_object_get(json_object_get(change, "args"), "pixels"));
    int64_t top = (int64_t)((uint64_t)drawn.v[0] * (uint64_t)(2 * pixels + 1) >> 32),
            left = (int64_t)((uint64_t)drawn.v[1] * (uint64_t)(2 * pixels + 1) >> 32);
    bool flip = strcmp(json_string_value(json_object_get(change, "call")), "flip") == 0;
    memcpy(old, x, (size_t)(planes * h * w) * sizeof *x);
    if (flip && drawn.v[2] < 1u << 31) return;
    for (int64_t i = 0; i < planes * h * w; i++) {
        int64_t plane = i / (h * w), row = i / w % h, column = i % w;
        if (flip) column = w - 1 - column;
        else row += top - pixels, column += left - pixels;
        bool inside = row >= 0 && row < h && column >= 0 && column < w;
        x[i] = inside ? old[(plane * h + row) * w + column] : 0;
    }
}

/* A number of an old plane, as the network sees it; of bytes, the byte. */
static double old_pixel(const Data *d, int64_t sample, int64_t i)
{
    const int64_t at = sample * d->features + i;
    return d->train.bytes ? d->train.bytes[at] : (double)d->train.floats[at];
}

/* resized_crop, as its definition says it: augment.h. A part's pixel is rounded where pixels are bytes. */
static void crop_picture(const Data *d, const json_t *change, const EvalContext *c, int64_t sample, double *x)
{
    const int64_t h = d->shape[d->rank - 2], w = d->shape[d->rank - 1];
    const double least = json_number_value(json_object_get(json_object_get(change, "args"), "least"));
    const Rng4 r = rng_words(c->seed, RNG_AUGMENT + (BUILT_EPOCH << 8), ~(uint64_t)sample);
    const double area = (double)(h * w) * (least + (1 - least) * r.v[0] / 4294967296.0),
                 ratio = (double)w / (double)h * pow(4.0 / 3, 2 * (r.v[1] / 4294967296.0) - 1);
    const int64_t rows = (int64_t)fmin((double)h, fmax(1, floor(sqrt(area / ratio) + 0.5))),
                  columns = (int64_t)fmin((double)w, fmax(1, floor(sqrt(area * ratio) + 0.5)));
    const int64_t top = (int64_t)(r.v[2] / 4294967296.0 * (double)(h - rows + 1)),
                  left = (int64_t)(r.v[3] / 4294967296.0 * (double)(w - columns + 1));
    for (int64_t i = 0; i < d->features; i++) {
        const int64_t plane = i / (h * w) * h * w, row = i / w % h, column = i % w;
        double y = floor(((double)(2 * row + 1) * (double)rows * 128) / (double)h) - 128,
               z = floor(((double)(2 * column + 1) * (double)columns * 128) / (double)w) - 128, sum = 0;
        y = fmin(fmax(y, 0), (double)(rows - 1) * 256) / 256 + (double)top;
        z = fmin(fmax(z, 0), (double)(columns - 1) * 256) / 256 + (double)left;
        for (int64_t k = 0; k < h * w; k++)
            sum += fmax(0, 1 - fabs(y - (double)(k / w))) * fmax(0, 1 - fabs(z - (double)(k % w))) *
                   old_pixel(d, sample, plane + k);
        const DataScale scale = data_scale(d, (int)(i * d->channels / d->features));
        x[i] = d->train.bytes ? (double)data_value(scale, (int)floor(sum + 0.5)) : (double)(float)sum;
    }
}

/* The inputs of training: changed by `augment`, change after change. */
static void augment_context(Arena *a, EvalContext *c, const Data *d, const int64_t *order)
{
    const json_t *changes = json_object_get(c->model->settings, "augment"), *change;
    double *x = NEW_ARRAY(a, double, (size_t)(c->batch * d->features));
    size_t i;
    memcpy(x, c->input, (size_t)(c->batch * d->features) * sizeof *x);
    for (int64_t s = 0; s < c->batch; s++) {
        Rng4 drawn = rng_words(c->seed, RNG_AUGMENT + (BUILT_EPOCH << 8), (uint64_t)order[s]);
        json_array_foreach(changes, i, change)
        {
            int64_t h = d->shape[d->rank - 2], w = d->shape[d->rank - 1];
            if (strcmp(json_string_value(json_object_get(change, "call")), "resized_crop") == 0)
                crop_picture(d, change, c, order[s], x + s * d->features);
            else change_picture(a, change, drawn, x + s * d->features, d->features / (h * w), h, w);
        }
    }
    c->input = x;
}

static void take_func(Arena *a, Results *r, const Func *f, const EvalContext *c, const char *prefix)
{
    const Eval *e = eval_func(a, f, c);
    for (int i = 0; i < f->results.count; i++) {
        const Value *v = f->results.at[i];
        int64_t size = shape_size(v->shape) * (v->per_sample ? c->batch : 1);
        add_result(a, r, arena_printf(a, "%s%s", prefix, f->result_names.at[i]), size, e->value[v->id]);
    }
}

static int64_t count_correct(const Results *r, const Data *d, const int64_t *order, int64_t count)
{
    int64_t correct = 0;
    for (int i = 0; i < r->all.count; i++) {
        const Result *y = &r->all.at[i];
        const int64_t each = d->target_size, outputs = each ? y->size / count / each : 0;
        if (strcmp(y->name, "output") != 0 || !d->train.labels) continue;
        for (int64_t s = 0; s < count * each; s++) {
            int64_t best = 0;
            for (int64_t k = 1; k < outputs; k++)
                if (y->values[s * outputs + k] > y->values[s * outputs + best]) best = k;
            if (outputs == 1) best = y->values[s] > 0;
            correct += best == d->train.labels[order[s / each] * each + s % each];
        }
    }
    return correct;
}

Results *built_once(Arena *a, const Built *b, bool f64, int64_t samples)
{
    int64_t *order = NEW_ARRAY(a, int64_t, (size_t)samples);
    const Data *d = built_data(a, b->compilation->model, samples, 21);
    rng_permutation(3, RNG_SHUFFLE, 1, samples, order);
    Net *n = built_net(b, f64, samples, 2, 1);
    built_shake(n, 1e9);
    Results *r = built_run(a, n, d, order, samples);
    net_free(n);
    for (int i = 0; i < r->all.count; i++)
        r->all.at[i].name = arena_text(a, r->all.at[i].name, strlen(r->all.at[i].name));
    return r;
}

static const Result *find_result(const Results *r, const char *name)
{
    for (int i = 0; i < r->all.count; i++)
        if (strcmp(r->all.at[i].name, name) == 0) return &r->all.at[i];
    return NULL;
}

/* The gradients of edges in use, in the order in which a program has them. */
static void leave_used(Arena *a, const NetBundle *b, Results *r)
{
    Result *x = (Result *)find_result(r, arena_printf(a, "d %s", b->param->name));
    if (!x) return;
    double *used = NEW_ARRAY(a, double, (size_t)b->line.slots);
    for (int64_t k = 0; k < b->candidates.count; k++) used[k] = x->values[slots_number(b, k)];
    x->values = used, x->size = b->line.slots;
}

Results *built_reference(Arena *a, const Net *n, const Built *b, const Data *d, const int64_t *order,
                         int64_t count, double epoch)
{
    Results *r = NEW(a, Results);
    EvalContext c = built_context(a, n, b, epoch);
    fill_context(a, &c, d, order, count);
    take_func(a, r, b->compilation->ir->infer, &c, "infer ");
    augment_context(a, &c, d, order);
    take_func(a, r, b->compilation->ir->train, &c, "");
    r->correct = count_correct(r, d, order, count);
    for (int i = 0; i < n->bundle_count; i++)
        if (n->bundles[i].line.slots) leave_used(a, &n->bundles[i], r);
    return r;
}

bool built_learns(const Net *n, const NetBundle *b, int64_t candidate)
{
    const Declared *d = n->lists[n->graphs[b->line.graph].first_list + b->line.list].declared;
    return d && d->learns ? d->learns[b->place + candidate] != 0 : b->kept[candidate];
}

static void fill_unused(Arena *a, const Net *n, const NetBundle *b, const NetParam *p, Results *r,
                        const Results *reference)
{
    const char *name = arena_printf(a, "d %s", p->name);
    const Result *x = find_result(r, name), *y = find_result(reference, name);
    for (int64_t c = 0; x && y && c < b->candidates.count; c++)
        if (!built_learns(n, b, c)) x->values[c] = x->values[c] == 0 ? y->values[c] : (double)NAN;
}

Results *built_fill_unused(Arena *a, const Net *n, Results *r, const Results *reference)
{
    for (int i = 0; i < n->bundle_count; i++) {
        const NetBundle *b = &n->bundles[i];
        if (!gradient_of_used(n, b)) continue;
        for (int w = 0; w < b->line.weight_count; w++) fill_unused(a, n, b, b->weights[w], r, reference);
    }
    return r;
}

/* ---- distance ---- */

static double largest(const Result *r)
{
    double most = 0;
    for (int64_t i = 0; i < r->size; i++) most = fmax(most, fabs(r->values[i]));
    return most;
}

static bool is_gradient(const Result *r)
{
    return strncmp(r->name, "d ", 2) == 0;
}

static double distance(const Result *x, const Result *y, double floor)
{
    double most = 0, scale = fmax(largest(y), floor);
    if (!x || x->size != y->size) return INFINITY;
    for (int64_t i = 0; i < y->size; i++) {
        double d = fabs(x->values[i] - y->values[i]) / scale;
        if (!(d <= most)) most = isnan(d) ? INFINITY : d;
    }
    return most;
}

double built_distance(const Results *x, const Results *reference, const char **worst)
{
    double most = 0, gradient = 0;
    for (int i = 0; i < reference->all.count; i++)
        if (is_gradient(&reference->all.at[i])) gradient = fmax(gradient, largest(&reference->all.at[i]));
    *worst = "nothing";
    for (int i = 0; i < reference->all.count; i++) {
        const Result *y = &reference->all.at[i];
        double d = distance(find_result(x, y->name), y, is_gradient(y) ? 1e-2 * gradient : 1e-6);
        if (d > most) most = d, *worst = y->name;
    }
    for (int i = 0; i < x->all.count; i++) { /* what the reference has no gradient for must be 0 */
        const Result *y = &x->all.at[i];
        if (is_gradient(y) && !find_result(reference, y->name) && largest(y) != 0)
            most = INFINITY, *worst = y->name;
    }
    return most;
}

/* ---- which tests ---- */

int built_main(const char *group, const struct CMUnitTest *tests, int count, int argc, char **argv)
{
    struct CMUnitTest *chosen = calloc((size_t)count + 1, sizeof *chosen);
    int share = 0, shares = 0, selected = 0;
    char end;
    const char *part = argc > 1 ? argv[1] : "";
    if (sscanf(part, "%d/%d%c", &share, &shares, &end) != 2) shares = 0;
    for (int i = 0; i < count; i++)
        if (shares > 0 ? i % shares == share - 1 : strstr(tests[i].name, part) != NULL)
            chosen[selected++] = tests[i];
    int failed = selected ? _cmocka_run_group_tests(group, chosen, (size_t)selected, NULL, NULL) : 1;
    free(chosen);
    return failed != 0;
}
