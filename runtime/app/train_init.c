/* train_init.c: `train --init FILE`: a run starts with the weights of a file (contract in train.h). */
#include "app/train.h"
#include <stdlib.h>
#include <string.h>

/* The file, the tensors of the network, and which of them are taken. */
typedef struct Source {
    Checkpoint file;
    const NetTensor **tensors;
    int count;
    bool *taken;
} Source;

/* Of the marks of edges in use those that fit: net_start_from tells of the others, where they matter. */
static bool is_wanted(const Source *from, const NetTensor *t, RtError *why)
{
    return !net_is_of_run(t->kind) && (t->kind != NET_KEPT || checkpoint_fits(&from->file, t, why));
}

static int tensor_named(const Source *from, const char *line, size_t length, const char *suffix)
{
    for (int i = 0; i < from->count; i++) {
        const char *name = from->tensors[i]->name;
        if (!strncmp(name, line, length) && !strcmp(name + length, suffix)) return i;
    }
    return -1;
}

/* Weights of edges in use alone mean nothing without their edges. */
static void whole_or_none(const Source *from)
{
    static const char *const parts[] = {".row", ".source", ".w"};
    for (int i = 0; i < from->count; i++) {
        const char *name = from->tensors[i]->name;
        int place[3], fitting = 0;
        if (from->tensors[i]->kind != NET_ROW) continue;
        for (int k = 0; k < 3; k++) {
            place[k] = tensor_named(from, name, strlen(name) - strlen(parts[0]), parts[k]);
            fitting += place[k] >= 0 && from->taken[place[k]];
        }
        for (int k = 0; k < 3 && fitting < 3; k++)
            if (place[k] >= 0) from->taken[place[k]] = false;
    }
}

/* Returns how many of *wanted tensors of weights and statistics fit. *why: the first reason why not. */
static int find_fitting(const Source *from, int *wanted, RtError *why)
{
    int fitting = 0;
    *wanted = 0;
    for (int i = 0; i < from->count; i++) {
        RtError reason = {0};
        const NetTensor *t = from->tensors[i];
        from->taken[i] = is_wanted(from, t, &reason) && checkpoint_fits(&from->file, t, &reason);
        if (*reason.text && !*why->text) *why = reason;
    }
    whole_or_none(from);
    for (int i = 0; i < from->count; i++) {
        const NetTensorKind kind = from->tensors[i]->kind;
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
        if (!checkpoint_knows(&from->file, k, from->tensors, from->count, CHECKPOINT_WEIGHTS, &why))
            tell(run, &why);
}

static bool take(TrainRun *run, Net *n, const Source *from, RtError *e)
{
    char note[400];
    for (int i = 0; i < from->count; i++)
        if (from->taken[i] && !checkpoint_take(&from->file, from->tensors[i], e)) return false;
    for (int i = 0; run->session->calls->start_from(n, i, from->taken, note, sizeof note); i++)
        if (*note) log_line(&run->console, "%s: %s", from->file.path, note);
    return true;
}

static bool start_from(TrainRun *run, Net *n, const Source *from, RtError *e)
{
    RtError why = {0};
    int wanted;
    const int fitting = find_fitting(from, &wanted, &why);
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
                   .taken = calloc((size_t)count + 1, sizeof *from.taken)};
    bool ok = from.tensors && from.taken;
    if (!ok) rt_fail(e, RT_SYSTEM, "out of memory");
    for (int i = 0; ok && i < count; i++) from.tensors[i] = s->calls->tensor(n, i);
    ok = ok && checkpoint_open(&from.file, s->options->init, e) && start_from(run, n, &from, e);
    checkpoint_close(&from.file);
    free(from.tensors), free(from.taken);
    return ok;
}
