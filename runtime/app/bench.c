/* bench.c: the command bench: time of one step with the data in memory, as the median over steps. */
#include "common/log.h"
#include "common/plural.h"
#include "net/profile.h"
#include "common/schedule.h"
#include "app/session.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 3, DEFAULT_STEPS = 20 };
static const double SMALL_SHARE = 0.005; /* of a stage: lines below it are told together */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *x, int64_t n)
{
    qsort(x, (size_t)n, sizeof *x, by_size);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* One step; the samples go round through the split. False where a graph in time cannot go on; numbers that
 * are no longer finite take as long as others. */
static bool one_step(const Session *s, const int64_t *order, int64_t batch, double rate, int64_t number,
                     RtError *e)
{
    const DataSplit *split = s->options->infer ? &s->data->test : &s->data->train;
    int64_t rounds = split->samples / batch, first = number % rounds * batch;
    if (!s->options->infer) s->calls->train_next(s->net, order + (number + 1) % rounds * batch, batch);
    NetStep r = s->options->infer
                    ? s->calls->eval_step(s->net, s->data, split, first, batch)
                    : s->calls->train_step(s->net, (NetSamples){s->data, split, order + first, batch},
                                           (NetPosition){.lr = rate, .step = number});
    return r.help[0] ? net_step_failed(&r, "", e) : true;
}

static bool time_steps(const Session *s, const int64_t *order, int64_t batch, int64_t steps, double *seconds,
                       RtError *e)
{
    const json_t *args = json_object_get(program_setting(s->program, SETTING_OPTIM), "args");
    double epochs = (double)program_whole(s->program, SETTING_EPOCHS, 1);
    double rate = s->options->infer ? 0 : schedule_at(json_object_get(args, "lr"), epochs / 2, epochs, -1);
    for (int64_t i = -WARM_UP; i < steps; i++) {
        double start = log_clock();
        if (!one_step(s, order, batch, rate, i + WARM_UP, e)) return false;
        if (i >= 0) seconds[i] = log_clock() - start;
    }
    return true;
}

static double seconds_of(const json_t *row)
{
    return json_number_value(json_object_get(row, "seconds"));
}

static int by_seconds(const void *a, const void *b)
{
    double x = seconds_of(*(json_t *const *)a), y = seconds_of(*(json_t *const *)b);
    return (x < y) - (x > y);
}

/* "net.dnw:12" or "net.dnw:12-14" */
static void print_place(const json_t *line)
{
    const char *file = json_string_value(json_object_get(line, "file")),
               *slash = file ? strrchr(file, '/') : NULL;
    long long first = json_integer_value(json_object_get(line, "first")),
              last = json_integer_value(json_object_get(line, "last"));
    char place[80] = "";
    if (file && first == last) snprintf(place, sizeof place, "%s:%lld", slash ? slash + 1 : file, first);
    else if (file) snprintf(place, sizeof place, "%s:%lld-%lld", slash ? slash + 1 : file, first, last);
    printf("%-24s ", place);
}

/* The lines of a stage, longest first; what is short is told together. */
static void print_lines(const json_t *lines, double whole)
{
    size_t count = json_array_size(lines), small = 0;
    json_t **sorted = malloc((count + 1) * sizeof *sorted);
    double rest = 0;
    for (size_t i = 0; sorted && i < count; i++) sorted[i] = json_array_get(lines, i);
    if (sorted) qsort(sorted, count, sizeof *sorted, by_seconds);
    for (size_t i = 0; sorted && i < count; i++) {
        double seconds = seconds_of(sorted[i]);
        const char *what = json_string_value(json_object_get(sorted[i], "what")),
                   *when = json_string_value(json_object_get(sorted[i], "when"));
        if (seconds < SMALL_SHARE * whole) {
            small++, rest += seconds;
            continue;
        }
        printf("  %12.6f %5.1f %%  ", seconds, 100 * seconds / whole);
        print_place(sorted[i]);
        printf("%s%s%s\n", what, when ? ", " : "", when ? when : "");
    }
    if (small)
        printf("  %12.6f %5.1f %%  %-24s %zu row%s of less than %g %%\n", rest, 100 * rest / whole, "", small,
               plural((int64_t)small, "s"), 100 * SMALL_SHARE);
    free(sorted);
}

/* Stages in seconds of the clock, their lines in seconds of all threads. */
static void print_profile(const Session *s, const json_t *profile)
{
    size_t i;
    json_t *row;
    printf("\n%-32s %10s %12s %12s\n", "stage", "calls", "seconds", "ms a call");
    json_array_foreach(profile, i, row)
    {
        const json_t *lines = json_object_get(row, "lines");
        const char *stage = json_string_value(json_object_get(row, "stage"));
        double seconds = seconds_of(row);
        long long calls = json_integer_value(json_object_get(row, "calls"));
        printf("%-32s %10lld %12.6f %12.6f\n", stage ? stage : "", calls, seconds,
               calls ? 1000 * seconds / (double)calls : 0);
        if (lines && seconds > 0) print_lines(lines, seconds * (double)s->options->threads);
    }
    if (profile_is_open()) return;
    char source[1024], given[1024];
    options_source(s->program, source, sizeof source);
    options_given(s->program, given, sizeof given);
    printf("for the lines of the file: dnw bench %s%s --profile\n", source, given);
}

static void print_result(const Session *s, int64_t batch, double seconds)
{
    const char *mode = s->options->infer ? "infer" : "train";
    json_t *profile = s->options->profile ? s->calls->profile(s->net) : NULL;
    if (s->options->json) {
        json_t *object = json_pack("{s:s, s:I, s:I, s:f, s:f, s:s}", "mode", mode, "batch", (json_int_t)batch,
                                   "threads", (json_int_t)s->options->threads, "ms_per_step", 1000 * seconds,
                                   "samples_per_s", (double)batch / seconds, "data", s->data->name);
        if (profile) json_object_set(object, "profile", profile);
        json_dumpf(object, stdout, JSON_REAL_PRECISION(9));
        putchar('\n');
        json_decref(object);
    } else {
        printf("%s  batch %lld  threads %lld  %.4g ms/step  %.6g samples/s  data %s%s\n", mode,
               (long long)batch, (long long)s->options->threads, 1000 * seconds, (double)batch / seconds,
               s->data->name, s->made ? " (numbers of the right shape; --data DIR reads the data set)" : "");
        char note[256];
        session_batch_note(s, batch, note, sizeof note);
        if (*note) puts(note);
        if (profile) print_profile(s, profile);
    }
    json_decref(profile);
}

bool bench_command(Session *s, RtError *e)
{
    const Options *o = s->options;
    int64_t batch = session_batch(s), steps = o->steps > 0 ? o->steps : DEFAULT_STEPS;
    NetOptions net = {
        .batch = batch, .training = !o->infer, .seed = (uint64_t)program_whole(s->program, SETTING_SEED, 1)};
    if (!session_any_data(s, batch, e) || (!o->infer && !session_steps(s, 2 * batch, batch, e)) ||
        !session_net(s, &net, e))
        return false;
    const json_t *measured = json_object_get(s->program->manifest, "profile");
    if (o->profile && measured && !profile_open(measured, (int)o->threads))
        return rt_fail(e, RT_SYSTEM, "out of memory");
    if (o->infer) s->calls->choose(s->net, 0);
    double *seconds = malloc((size_t)steps * sizeof *seconds);
    int64_t samples = s->data->train.samples, *order = malloc((size_t)samples * sizeof *order);
    bool ok = (seconds && order) || rt_fail(e, RT_SYSTEM, "out of memory");
    for (int64_t i = 0; ok && i < samples; i++) order[i] = i;
    ok = ok && time_steps(s, order, batch, steps, seconds, e);
    if (ok) print_result(s, batch, median(seconds, steps));
    free(seconds);
    free(order);
    profile_close();
    return ok;
}
