/* train_init.c: `train --init FILE`: a run starts with the weights of a file (contract in train.h). */
#include "app/train.h"
#include <stdlib.h>
#include <string.h>

typedef enum Fit { ASIDE, TAKEN, CONVERTED } Fit;

/* The file, the tensors of the network, and how each of them fits. */
typedef struct Source {
    Checkpoint file;
    const NetTensor **tensors;
    Fit *fit;
    bool *taken;
    int count;
} Source;

/* Of the marks of edges in use those that fit: net_start_from tells of the others, where they matter. */
static bool is_wanted(const Source *from, const NetTensor *t, RtError *why)
{
    return !net_is_of_run(t->kind) && (t->kind != NET_KEPT || checkpoint_fits(&from->file, t, why));
}

/* "Wiring.edges.0" of "Wiring.edges.0.w" */
static int line_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (int)(dot - name) : 0;
}

static bool same_line(const char *a, const char *b)
{
    return line_length(a) == line_length(b) && !strncmp(a, b, (size_t)line_length(a));
}

/* Is it the weight of a line of edges, or tells it which of these are in use? */
static bool is_edges(const NetTensor *t)
{
    return t->kind == NET_KEPT || t->kind == NET_ROW || t->kind == NET_SOURCE ||
           !strcmp(t->name + line_length(t->name), ".w");
}

/* A line whose edges in use the file has in the other form: marks of all candidates, or a sparse matrix. */
static bool convert(TrainRun *run, Net *n, const Source *from, const NetTensor *t)
{
    char line[sizeof t->name];
    NetEdges edges = {0};
    int64_t other = 0;
    snprintf(line, sizeof line, "%.*s", line_length(t->name), t->name);
    float *weight = checkpoint_read(&from->file, line, "w", NET_WEIGHT, &edges.count);
    void *kept = NULL, *row = NULL, *source = NULL;
    if (t->kind == NET_ROW) kept = checkpoint_read(&from->file, line, "kept", NET_KEPT, &other);
    else {
        row = checkpoint_read(&from->file, line, "row", NET_ROW, &edges.rows);
        source = checkpoint_read(&from->file, line, "source", NET_SOURCE, &other);
    }
    edges.weight = weight, edges.kept = kept, edges.row = row, edges.source = source;
    const bool ok = weight && (kept || (row && source)) && other == edges.count &&
                    run->session->calls->take_edges(n, line, &edges);
    free(weight), free(kept), free(row), free(source);
    return ok;
}

/* Weights of edges in use alone mean nothing without their edges: a line as a whole, or not at all. */
static void take_line(TrainRun *run, Net *n, const Source *from, const NetTensor *wiring)
{
    int parts = 0, fitting = 0;
    bool marked = false;
    for (int i = 0; i < from->count; i++) {
        if (!is_edges(from->tensors[i]) || !same_line(from->tensors[i]->name, wiring->name)) continue;
        parts++, fitting += from->fit[i] == TAKEN;
        marked = marked || (from->fit[i] == TAKEN && from->tensors[i] == wiring);
    }
    const bool converted = fitting < parts && !marked && convert(run, n, from, wiring);
    if (fitting == parts || (!converted && wiring->kind == NET_KEPT)) return;
    for (int i = 0; i < from->count; i++)
        if (is_edges(from->tensors[i]) && same_line(from->tensors[i]->name, wiring->name))
            from->fit[i] = converted ? CONVERTED : ASIDE;
}

/* Returns how many of *wanted tensors of weights and statistics fit. *why: the first reason why not. */
static int find_fitting(TrainRun *run, Net *n, const Source *from, int *wanted, RtError *why)
{
    int fitting = 0;
    *wanted = 0;
    for (int i = 0; i < from->count; i++) {
        RtError reason = {0};
        const NetTensor *t = from->tensors[i];
        if (is_wanted(from, t, &reason) && checkpoint_fits(&from->file, t, &reason)) from->fit[i] = TAKEN;
        if (*reason.text && !*why->text) *why = reason;
    }
    for (int i = 0; i < from->count; i++)
        if (from->tensors[i]->kind == NET_ROW || from->tensors[i]->kind == NET_KEPT)
            take_line(run, n, from, from->tensors[i]);
    for (int i = 0; i < from->count; i++) {
        const NetTensorKind kind = from->tensors[i]->kind;
        from->taken[i] = from->fit[i] != ASIDE;
        if (net_is_of_run(kind) || net_is_wiring(kind)) continue;
        ++*wanted, fitting += from->taken[i];
    }
    return fitting;
}

/* The reason on one line. */
static void tell(TrainRun *run, const RtError *why)
{
    log_line(&run->console, "%.*s", (int)strcspn(why->text, "\n"), why->text);
}

/* Is it a tensor of the file from which another one was made? */
static bool was_converted(const Source *from, const char *name)
{
    for (int i = 0; i < from->count; i++)
        if (from->fit[i] == CONVERTED && same_line(from->tensors[i]->name, name)) return true;
    return false;
}

static void tell_rest(TrainRun *run, const Source *from)
{
    RtError why = {0};
    for (int i = 0; i < from->count; i++) {
        const NetTensor *t = from->tensors[i];
        if (from->taken[i] || !is_wanted(from, t, &why)) continue;
        if (!checkpoint_fits(&from->file, t, &why)) tell(run, &why);
        else
            log_line(&run->console, "%s: tensor '%s' is left out, as not all tensors of these edges fit",
                     from->file.path, t->name);
    }
    for (size_t k = 0; k < from->file.count; k++)
        if (!checkpoint_knows(&from->file, k, from->tensors, from->count, CHECKPOINT_WEIGHTS, &why) &&
            !was_converted(from, from->file.tensors[k].name))
            tell(run, &why);
}

static bool take(TrainRun *run, Net *n, const Source *from, RtError *e)
{
    char note[400];
    for (int i = 0; i < from->count; i++)
        if (from->fit[i] == TAKEN && !checkpoint_take(&from->file, from->tensors[i], e)) return false;
    for (int i = 0; run->session->calls->start_from(n, i, from->taken, note, sizeof note); i++)
        if (*note) log_line(&run->console, "%s: %s", from->file.path, note);
    return true;
}

static bool start_from(TrainRun *run, Net *n, const Source *from, RtError *e)
{
    RtError why = {0};
    int wanted;
    const int fitting = find_fitting(run, n, from, &wanted, &why);
    if (!fitting) {
        rt_fail(e, RT_BAD_INPUT, "%s: none of its tensors is one of this program", from->file.path);
        return rt_help(e, "note: %.*s", (int)strcspn(why.text, "\n"), why.text);
    }
    log_line(&run->console, "%d of %d tensors of weights start from %s%s", fitting, wanted, from->file.path,
             fitting < wanted ? ", the others as without --init" : "");
    tell_rest(run, from);
    return take(run, n, from, e);
}

bool train_init(Net *n, void *context, RtError *e)
{
    TrainRun *run = context;
    const Session *s = run->session;
    const int count = s->calls->tensor_count(n);
    Source from = {.count = count,
                   .tensors = calloc((size_t)count + 1, sizeof *from.tensors),
                   .fit = calloc((size_t)count + 1, sizeof *from.fit),
                   .taken = calloc((size_t)count + 1, sizeof *from.taken)};
    bool ok = from.tensors && from.fit && from.taken;
    if (!ok) rt_fail(e, RT_SYSTEM, "out of memory");
    for (int i = 0; ok && i < count; i++) from.tensors[i] = s->calls->tensor(n, i);
    ok = ok && checkpoint_open(&from.file, s->options->init, e) && start_from(run, n, &from, e);
    checkpoint_close(&from.file);
    free(from.tensors), free(from.fit), free(from.taken);
    return ok;
}
