/* train_loop.c: epochs, steps, the log and the checkpoints between them (contract in train.h).
 *
 * Everything that the log and the weights depend on is in TrainState, in the weights, or a pure function of
 * the two (the order of samples, the rate, dropout): so a continued run equals one that was not
 * interrupted.
 */
#include "app/train.h"
#include "app/eval.h"
#include "common/plural.h"
#include "common/rng.h"
#include "common/schedule.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t steps_per_epoch(const TrainState *t)
{
    return t->samples / t->batch + (t->samples % t->batch != 0);
}

/* Brings `seconds` up to date; what passed since the last time. */
static double tick(TrainRun *run)
{
    double now = log_clock(), passed = now - run->clock;
    run->clock = now;
    run->state.seconds += passed;
    return passed;
}

/* To the start of the next epoch. */
static void clear_sums(TrainState *t)
{
    t->step = t->seen = t->correct = t->judged = t->swapped = t->idle = 0;
    t->flow_tiles = t->evaluations = t->accepted = t->rejected = 0;
    t->loss_sum = t->epoch_seconds = 0;
}

bool train_save(TrainRun *run, const char *path, CheckpointUse use, RtError *e)
{
    const Session *s = run->session;
    tick(run);
    run->state.log_bytes = run->log.bytes;
    run->state.wiring_bytes = run->wiring.fd < 0 ? run->state.wiring_bytes : run->wiring.bytes;
    TrainState t = run->state;
    if (use == CHECKPOINT_WEIGHTS) { /* of the best epoch: what follows from the run, not how long it took */
        clear_sums(&t);
        t.seconds = 0, t.log_bytes = t.wiring_bytes = 0;
    }
    if (use == CHECKPOINT_RESUME && !wiring_file_sync(&run->wiring, e)) return false;
    json_t *metadata = train_pack(&t, s->program->head.program);
    bool ok = metadata ? checkpoint_write(path, s->tensors, s->tensor_count, use, metadata, e)
                       : rt_fail(e, RT_SYSTEM, "out of memory");
    json_decref(metadata);
    return ok;
}

/* --- one epoch of steps --- */

/* Of the classes of the training samples, in this epoch. */
static double right_share(const TrainRun *run)
{
    const TrainState *t = &run->state;
    return (double)t->correct / (double)t->judged;
}

static void show_progress(TrainRun *run)
{
    const TrainState *t = &run->state;
    double steps = (double)steps_per_epoch(t), done = (double)t->step / steps;
    double share = ((double)t->epoch + done) / (double)t->epochs;
    LogProgress p = {.epoch = t->epoch + 1, .epochs = t->epochs, .done = done, .swapped = t->swapped};
    p.loss = t->loss_sum / (double)t->seen;
    p.accuracy = run->session->data->classes ? right_share(run) : NAN;
    p.samples_per_s = (double)t->seen / t->epoch_seconds;
    p.seconds_left = t->seconds / share * (1 - share);
    log_progress(&run->console, &p);
}

static const json_t *rate_setting(const TrainRun *run)
{
    const json_t *optim = program_setting(run->session->program, SETTING_OPTIM);
    return json_object_get(json_object_get(optim, "args"), "lr");
}

static double rate_at(const TrainRun *run, double epoch)
{
    return schedule_at(rate_setting(run), epoch, (double)run->state.epochs, run->state.lr);
}

/* The number that --lr would replace. */
static double peak_rate(const TrainRun *run)
{
    const TrainState *t = &run->state;
    if (t->lr > 0) return t->lr;
    double position = (double)t->epoch, rate = rate_at(run, position);
    double unit = schedule_at(rate_setting(run), position, (double)t->epochs, 1); /* with a peak of 1 */
    return unit > 0 ? rate / unit : rate;
}

static bool last_good(const TrainRun *run, RtError *e)
{
    if (!access(run->last_path, F_OK))
        return rt_help(e, "note: the last good weights are in %s", run->last_path);
    return rt_help(e, "note: no epoch was finished, so there is no checkpoint");
}

/* A graph in time could not go on; `when` in the epoch. */
static bool flow_stopped(TrainRun *run, const char *when, const NetStep *step, RtError *e)
{
    char where[100];
    log_clear(&run->console);
    snprintf(where, sizeof where, "epoch %lld, %s: ", (long long)run->state.epoch + 1, when);
    net_step_failed(step, where, e);
    return last_good(run, e);
}

/* `step` counts from 1; `what` says what went bad first. */
static bool not_finite(TrainRun *run, int64_t step, const NetStep *what, RtError *e)
{
    const TrainState *t = &run->state;
    char where[100];
    log_clear(&run->console);
    snprintf(where, sizeof where, "training is no longer finite: epoch %lld, step %lld, ",
             (long long)t->epoch + 1, (long long)step);
    net_step_failed(what, where, e);
    if (what->by_rule)
        rt_help(e, "it is the rule, not the learning rate: look for a division by 0, and for log and sqrt of "
                   "numbers "
                   "below 0 in its lines");
    else if (t->epoch == 0 && step == 1)
        rt_help(e, "no step was made yet, so it is not the learning rate: look for log, sqrt, exp, a "
                   "division or what grows with itself in the node functions, and for huge numbers in the "
                   "data");
    else
        rt_help(
            e,
            "lower the learning rate (--lr %.3g with --force), or limit the gradient (clip = 1 in 'optim')",
            peak_rate(run) / 10);
    return last_good(run, e);
}

/* The last step may have spoilt the weights, which the next one would find: they must not replace good ones.
 */
static bool weights_finite(TrainRun *run, RtError *e)
{
    const Session *s = run->session;
    for (int i = 0; i < s->tensor_count; i++) {
        const NetTensor *tensor = s->tensors[i];
        const float *x = tensor->data;
        NetStep bad = {0};
        int64_t k = 0;
        if (net_is_wiring(tensor->kind) || tensor->kind == NET_EXPLORED) continue;
        while (k < tensor->size && isfinite(x[k])) k++;
        if (k == tensor->size) continue;
        snprintf(bad.bad, sizeof bad.bad, "weight '%s'", tensor->name);
        return not_finite(run, run->state.step, &bad, e);
    }
    return true;
}

enum { FEW = 16 }; /* samples, of which many a node does nothing */

/* Towards the end of an epoch; said once, where half a set learns nothing. Of a loss of 0 nothing learns. */
static void count_idle(TrainRun *run, int64_t samples, double loss)
{
    const NetIdle idle = run->session->calls->idle(run->session->net, samples);
    run->state.idle = idle.idle;
    if (run->warned || samples < FEW || loss == 0 || 2 * idle.most_idle < idle.most_nodes || !idle.idle)
        return;
    run->warned = true;
    log_line(
        &run->console,
        "warning: in the last step of epoch %lld no gradient reached %lld of %lld node%s of '%s': what they "
        "send is 0 for every sample (relu?), or no edge in use leads out of them",
        (long long)run->state.epoch + 1, (long long)idle.most_idle, (long long)idle.most_nodes,
        plural(idle.most_nodes, "s"), idle.most);
}

/* The first snapshot is before any step. Then they stand at even distances in an epoch, the last one at its
 * end: in each of the first 128 epochs, in every second one of the next 128, in every fourth of the next
 * 256. */
static bool epoch_has_snapshots(int64_t epoch)
{
    enum { ALL = 128 };
    int64_t every = 1;
    for (int64_t e = epoch; e >= ALL; e /= 2) every *= 2;
    return (epoch + 1) % every == 0;
}

bool train_snapshot(TrainRun *run, RtError *e)
{
    const TrainState *t = &run->state;
    const int64_t wanted = program_whole(run->session->program, SETTING_SNAPSHOTS, 1),
                  steps = steps_per_epoch(t);
    const bool first = !t->epoch && !t->step, due = t->step && epoch_has_snapshots(t->epoch) &&
                                                    t->step * wanted / steps > (t->step - 1) * wanted / steps;
    if (run->wiring.fd < 0 || !(first || due)) return true;
    return wiring_file_add(&run->wiring, run->session, (double)t->epoch + (double)t->step / (double)steps, e);
}

/* Events of declared rules behind a step. */
static bool log_events(TrainRun *run, RtError *e)
{
    const NetEvent *events;
    const int count = run->session->calls->events(run->session->net, &events);
    for (int i = 0; i < count; i++) {
        json_t *event = json_pack("{s:s, s:I, s:s, s:I, s:I}", "event", "rule", "step",
                                  (json_int_t)events[i].step, "list", events[i].list, "dropped",
                                  (json_int_t)events[i].dropped, "grown", (json_int_t)events[i].grown);
        if (!log_event(&run->log, event, e)) return false;
    }
    return true;
}

/* One step, into the sums. */
static bool take_step(TrainRun *run, RtError *e)
{
    const Session *s = run->session;
    TrainState *t = &run->state;
    int64_t steps = steps_per_epoch(t), number = t->epoch * steps + t->step, bounds[3];
    for (int i = 0; i < 3; i++) bounds[i] = session_step_start(s, t->samples, t->batch, t->step + i);
    int64_t first = bounds[0], count = bounds[1] - first;
    double position = (double)number / (double)steps, rate = rate_at(run, position);
    s->calls->train_next(s->net, run->order + bounds[1], bounds[2] - bounds[1]);
    NetStep step =
        s->calls->train_step(s->net, (NetSamples){s->data, &s->data->train, run->order + first, count},
                             (NetPosition){rate, number, position, (double)t->epochs});
    if (step.help[0]) {
        char when[64];
        snprintf(when, sizeof when, "step %lld", (long long)t->step + 1);
        return flow_stopped(run, when, &step, e);
    }
    if (!step.finite) return not_finite(run, t->step + 1, &step, e);
    t->step++;
    t->seen += count;
    t->loss_sum += step.loss * (double)count;
    t->correct += step.correct, t->judged += step.judged;
    t->swapped += step.swapped;
    t->flow_tiles += step.flow.tiles;
    t->evaluations += step.flow.evaluations, t->accepted += step.flow.accepted;
    t->rejected += step.flow.rejected;
    bool few_follow = t->step < steps && t->samples - bounds[1] < FEW; /* too few to tell anything */
    if (few_follow || (t->step == steps && (count >= FEW || steps == 1))) count_idle(run, count, step.loss);
    t->epoch_seconds += tick(run);
    show_progress(run);
    return log_events(run, e) && (t->step == steps || train_snapshot(run, e));
}

/* --- the end of an epoch --- */

const char *train_above_budget(const TrainRun *run)
{
    const Session *s = run->session;
    return s->calls->above_budget ? s->calls->above_budget(s->net, (double)run->state.epoch) : NULL;
}

TrainEdges train_edges(const TrainRun *run)
{
    const Session *s = run->session;
    TrainEdges all = {0};
    for (int i = 0; s->net && i < s->calls->graph_count(s->net); i++) {
        const NetGraphInfo g = s->calls->graph(s->net, i);
        all.candidates += g.candidates, all.kept += g.kept, all.any = all.any || g.any;
    }
    return all;
}

/* Both splits behind an epoch; no samples: NaN. */
typedef struct EpochResult {
    EvalResult test, validation;
} EpochResult;

static double figure_of(const TrainRun *run, const EvalResult *r)
{
    return run->session->data->classes > 0 ? r->accuracy : r->loss;
}

/* Is this epoch the best so far, with no more edges than the budgets say? Then its weights are kept. The
 * validation samples choose it; without any, the test samples do. */
static bool keep_best(TrainRun *run, const EpochResult *r, RtError *e)
{
    TrainState *t = &run->state;
    bool classes = run->session->data->classes > 0;
    double figure = figure_of(run, r->validation.samples ? &r->validation : &r->test);
    bool better = !t->best_epoch || (classes ? figure > t->best : figure < t->best);
    if (!isfinite(figure) || !better || train_above_budget(run)) return true;
    t->best = figure, t->best_epoch = t->epoch;
    t->best_test = r->test.samples ? figure_of(run, &r->test) : 0;
    t->best_kept = train_edges(run).kept;
    return train_save(run, run->best_path, CHECKPOINT_WEIGHTS, e);
}

/* Is the measure named in the setting 'report'? */
static bool reports(const TrainRun *run, const char *name)
{
    const json_t *all = program_setting(run->session->program, SETTING_REPORT), *measure;
    size_t i;
    json_array_foreach(all, i, measure)
    {
        const char *call = json_string_value(json_object_get(measure, "call"));
        if (call && strcmp(call, name) == 0) return true;
    }
    return false;
}

/* The line of an epoch on the console; fits a terminal of 80 columns. */
/* "  kl 1234" for each cost of the loss, behind the other figures. */
static void add_costs(const TrainRun *run, char *figures, size_t size)
{
    const NetCost *costs;
    const int count = run->session->calls->costs(run->session->net, &costs);
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(figures);
        snprintf(figures + used, size - used, "  %s %.6g", costs[i].name, costs[i].value);
    }
}

static void say_epoch(TrainRun *run, const EpochResult *r)
{
    const TrainState *t = &run->state;
    const EvalResult *test = &r->test, *held = &r->validation;
    char figures[400] = "", more[48] = "", time[32];
    double right = 100 * right_share(run), tested = 100 * test->accuracy;
    bool classes = run->session->data->classes > 0;
    if (held->samples && classes) snprintf(more, sizeof more, ", validation %.2f%%", 100 * held->accuracy);
    else if (held->samples) snprintf(more, sizeof more, "  validation loss %.6g", held->loss);
    if (classes && test->samples)
        snprintf(figures, sizeof figures, "  accuracy %.2f%% (train %.2f%%%s)", tested, right, more);
    else if (classes) snprintf(figures, sizeof figures, "  train accuracy %.2f%%%s", right, more);
    else if (test->samples) snprintf(figures, sizeof figures, "  test loss %.6g%s", test->loss, more);
    else snprintf(figures, sizeof figures, "%s", more);
    if (reports(run, "nfe") && t->flow_tiles) {
        size_t used = strlen(figures);
        snprintf(figures + used, sizeof figures - used, "  nfe %.1f",
                 (double)t->evaluations / (double)t->flow_tiles);
    }
    add_costs(run, figures, sizeof figures);
    const TrainEdges edges = train_edges(run);
    const size_t used = strlen(figures);
    if (edges.any) snprintf(figures + used, sizeof figures - used, "  %lld edges", (long long)edges.kept);
    log_duration(t->seconds, time, sizeof time);
    log_line(&run->console, "epoch %lld/%lld  loss %.4f%s  %lld swapped  %.0f/s  %s", (long long)t->epoch,
             (long long)t->epochs, t->loss_sum / (double)t->seen, figures, (long long)t->swapped,
             (double)t->seen / t->epoch_seconds, time);
}

/* Has the log a table of classes and what was said instead? */
static bool tells_confusion(const TrainRun *run)
{
    const Data *d = run->session->data;
    return d->classes > 1 && d->classes <= TRAIN_CLASSES && d->test.samples && d->test.labels &&
           run->session->calls->confusion;
}

/* Of the best epoch so far: a row for each class, with how often each class was said. */
static void log_confusion(const TrainRun *run, json_t *event)
{
    const int classes = run->session->data->classes;
    json_t *rows = json_array();
    if (!tells_confusion(run) || run->state.best_epoch != run->state.epoch) return json_decref(rows);
    for (int i = 0; i < classes; i++) {
        json_t *row = json_array();
        for (int k = 0; k < classes; k++)
            json_array_append_new(row, json_integer((json_int_t)run->confusion[i * classes + k]));
        json_array_append_new(rows, row);
    }
    json_object_set_new(event, "confusion", rows);
}

/* Costs, as they are at the last step of the epoch. */
static void log_costs(const TrainRun *run, json_t *event)
{
    const NetCost *costs;
    const int count = run->session->calls->costs(run->session->net, &costs);
    json_t *all = json_object();
    for (int i = 0; i < count; i++) json_object_set_new(all, costs[i].name, log_number(costs[i].value));
    if (count) json_object_set(event, "costs", all);
    json_decref(all);
}

static void log_split(json_t *event, const EvalResult *r, bool classes, const char *loss,
                      const char *accuracy)
{
    if (r->samples) json_object_set_new(event, loss, log_number(r->loss));
    if (r->samples && classes) json_object_set_new(event, accuracy, log_number(r->accuracy));
}

static bool log_epoch(TrainRun *run, const EpochResult *r, RtError *e)
{
    const TrainState *t = &run->state;
    bool classes = run->session->data->classes > 0;
    double loss = t->loss_sum / (double)t->seen, train_accuracy = right_share(run);
    double steps = (double)steps_per_epoch(t), speed = (double)t->seen / t->epoch_seconds;
    double rate = rate_at(run, (double)t->epoch - 1 / steps); /* of the last step */
    json_t *event = json_pack("{s:s, s:I, s:o}", "event", "epoch", "epoch", (json_int_t)t->epoch, "loss",
                              log_number(loss));
    if (classes) json_object_set_new(event, "train_accuracy", log_number(train_accuracy));
    log_split(event, &r->test, classes, "test_loss", "accuracy");
    log_split(event, &r->validation, classes, "validation_loss", "validation_accuracy");
    log_costs(run, event);
    log_confusion(run, event);
    json_object_set_new(event, "kept", json_integer(train_edges(run).kept));
    json_object_set_new(event, "swapped", json_integer(t->swapped));
    json_object_set_new(event, "idle", json_integer(t->idle));
    json_t *wiring = run->session->calls->wiring(run->session->net, t->epoch * steps_per_epoch(t));
    if (wiring) json_object_update(event, wiring);
    json_decref(wiring);
    if (t->flow_tiles) {
        double seen = (double)t->seen;
        json_object_set_new(event, "nfe", log_number((double)t->evaluations / (double)t->flow_tiles));
        json_object_set_new(event, "accepted", log_number((double)t->accepted / seen));
        json_object_set_new(event, "rejected", log_number((double)t->rejected / seen));
    }
    json_object_set_new(event, "lr", log_number(rate));
    json_object_set_new(event, "samples_per_s", log_number(speed));
    json_object_set_new(event, "seconds", log_number(t->seconds));
    return log_event(&run->log, event, e);
}

/* With validation samples: the figures of the epoch that they chose. */
static bool log_end(TrainRun *run, const EpochResult *r, RtError *e)
{
    const TrainState *t = &run->state;
    const bool classes = run->session->data->classes > 0, held = r->validation.samples > 0;
    const double best = t->best_epoch ? t->best : NAN, best_test = t->best_epoch ? t->best_test : NAN;
    json_t *event = json_pack("{s:s}", "event", "end");
    if (r->test.samples) {
        json_object_set_new(event, classes ? "accuracy" : "test_loss", log_number(figure_of(run, &r->test)));
        json_object_set_new(event, classes ? "best_accuracy" : "best_test_loss", log_number(best_test));
    }
    if (held)
        json_object_set_new(event, classes ? "best_validation_accuracy" : "best_validation_loss",
                            log_number(best));
    json_object_set_new(event, "seconds", log_number(t->seconds));
    return log_event(&run->log, event, e);
}

/* Best, log, last: see train.h. */
static bool end_epoch(TrainRun *run, const EpochResult *r, RtError *e)
{
    TrainState *t = &run->state;
    tick(run);
    if (!weights_finite(run, e) || !train_snapshot(run, e)) return false;
    t->epoch++;
    say_epoch(run, r);
    if (!keep_best(run, r, e) || !log_epoch(run, r, e)) return false;
    if (t->epoch == t->epochs && !log_end(run, r, e)) return false;
    clear_sums(t);
    return log_sync(&run->log, e) && train_save(run, run->last_path, CHECKPOINT_RESUME, e);
}

static bool interrupted(TrainRun *run, RtError *e)
{
    log_clear(&run->console);
    if (!weights_finite(run, e)) return false;
    if (!train_save(run, run->last_path, CHECKPOINT_RESUME, e)) return false;
    return rt_fail(e, RT_INTERRUPTED, "stopped in epoch %lld after step %lld of %lld",
                   (long long)run->state.epoch + 1, (long long)run->state.step,
                   (long long)steps_per_epoch(&run->state));
}

static bool eval_epoch(TrainRun *run, const DataSplit *split, const char *name, EvalResult *r, RtError *e)
{
    const Session *s = run->session;
    char samples[32];
    *r = (EvalResult){.loss = NAN, .accuracy = NAN};
    if (!split->samples) return true;
    const bool tells = split == &s->data->test && tells_confusion(run);
    if (tells) memset(run->confusion, 0, sizeof run->confusion);
    *r = eval_split(s, split, run->state.batch, run->stop, tells ? run->confusion : NULL);
    snprintf(samples, sizeof samples, "%s samples", name);
    if (r->stopped) return interrupted(run, e);
    if (r->failed.help[0]) return flow_stopped(run, samples, &r->failed, e);
    if (r->failed.bad[0])
        log_line(&run->console, "warning: the %s result is not finite: %s", name, r->failed.bad);
    return true;
}

bool train_loop(TrainRun *run, RtError *e)
{
    const Session *s = run->session;
    TrainState *t = &run->state;
    while (t->epoch < t->epochs) {
        rng_permutation((uint64_t)t->seed, RNG_SHUFFLE, (uint64_t)t->epoch, t->samples, run->order);
        tick(run); /* what was not a step does not count as one */
        while (t->step < steps_per_epoch(t)) {
            if (*run->stop) return interrupted(run, e);
            if (!take_step(run, e)) return false;
        }
        s->calls->choose(s->net,
                         (double)t->epoch + 1); /* the last step moved the weights: measure what is saved */
        EpochResult r;
        if (!eval_epoch(run, &s->data->test, "test", &r.test, e) ||
            !eval_epoch(run, &s->data->validation, "validation", &r.validation, e))
            return false;
        if (!end_epoch(run, &r, e)) return false;
    }
    return true;
}
