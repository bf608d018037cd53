/* train.c: the command train: settings, the directory of the run, resuming, signals (the loop is
 * train_loop.c).
 */
#define _GNU_SOURCE
#include "app/train.h"
#include "common/plural.h"
#include "common/snapshot.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Set by SIGINT, SIGTERM and SIGHUP; the only mutable state of the runtime that is not passed around. */
static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal)
{
    stop_asked = signal;
}

/* --- the directory of the run --- */

/* mkdir -p. */
static bool make_directory(const char *path, RtError *e)
{
    char *part = strdup(path);
    if (!part) return rt_fail(e, RT_SYSTEM, "out of memory");
    bool ok = true;
    for (char *c = part + 1; ok && *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        ok = !mkdir(part, 0777) || errno == EEXIST;
        *c = '/';
    }
    ok = ok && (!mkdir(path, 0777) || errno == EEXIST);
    struct stat s;
    if (ok && (stat(path, &s) || !S_ISDIR(s.st_mode))) {
        errno = ENOTDIR;
        ok = false;
    }
    if (!ok) rt_fail(e, RT_SYSTEM, "%s: cannot make this directory: %s", path, strerror(errno));
    else if (access(path, W_OK | X_OK))
        ok = rt_fail(e, RT_SYSTEM, "%s: cannot write into this directory: %s", path, strerror(errno));
    free(part);
    if (!ok) rt_help(e, "choose another with --out DIR");
    return ok;
}

static bool name_files(TrainRun *run, RtError *e)
{
    const Session *s = run->session;
    int made = s->options->out ? asprintf(&run->directory, "%s", s->options->out)
                               : asprintf(&run->directory, "runs/%s", s->program->head.program);
    if (made < 0 || asprintf(&run->log_path, "%s/log.jsonl", run->directory) < 0 ||
        asprintf(&run->last_path, "%s/last.safetensors", run->directory) < 0 ||
        asprintf(&run->best_path, "%s/best.safetensors", run->directory) < 0 ||
        asprintf(&run->wiring_path, "%s/%s", run->directory, SNAPSHOT_FILE) < 0)
        return rt_fail(e, RT_SYSTEM, "out of memory");
    return true;
}

/* Is there something to continue, or something in the way? */
static bool check_files(const TrainRun *run, RtError *e)
{
    const Options *o = run->session->options;
    bool log = !access(run->log_path, F_OK), last = !access(run->last_path, F_OK);
    bool best = !access(run->best_path, F_OK);
    if (o->resume && !last) {
        rt_fail(e, RT_USAGE, "nothing to resume: there is no %s", run->last_path);
        return rt_help(e, log ? "no epoch of that run was finished; start it anew with --force"
                              : "leave out --resume to start a run");
    }
    if ((log || last || best) && !o->resume && !o->force)
        return rt_fail(
            e, RT_USAGE,
            "%s already holds a run\n"
            "help: continue it with --resume, replace it with --force, or choose another with --out DIR",
            run->directory);
    return true;
}

/* --- settings of a new run, or of the one to continue --- */

static const struct {
    TrainSetting setting;
    size_t option, state;
    int64_t otherwise;
} settings[] = {
    {SETTING_EPOCHS, offsetof(Options, epochs), offsetof(TrainState, epochs), 1},
    {SETTING_BATCH, offsetof(Options, batch), offsetof(TrainState, batch), 64},
    {SETTING_SEED, offsetof(Options, seed), offsetof(TrainState, seed), 1},
};
enum { STATE_SETTINGS = sizeof settings / sizeof *settings };

static int64_t *state_field(TrainState *t, int i)
{
    return (int64_t *)((char *)t + settings[i].state);
}

static int64_t option_field(const Options *o, int i)
{
    return *(const int64_t *)((const char *)o + settings[i].option);
}

static void new_state(TrainRun *run)
{
    const Session *s = run->session;
    run->state = (TrainState){.lr = s->options->lr};
    for (int i = 0; i < STATE_SETTINGS; i++) {
        int64_t given = option_field(s->options, i);
        *state_field(&run->state, i) =
            given >= 0 ? given : program_whole(s->program, settings[i].setting, settings[i].otherwise);
    }
    run->state.fingerprint = program_fingerprint(s->program);
}

static bool other_setting(const TrainRun *run, const char *name, const char *have, const char *given,
                          RtError *e)
{
    return rt_fail(
        e, RT_USAGE,
        "the run in %s has %s %s, not %s\nhelp: leave out --%s to continue it, or use --out DIR for another "
        "run",
        run->directory, name, have, given, name);
}

/* More epochs than the run had are made; fewer are a mistake. */
static bool check_epochs(TrainRun *run, RtError *e)
{
    TrainState *t = &run->state;
    const int64_t given = run->session->options->epochs, had = t->epochs;
    if (given >= 0 && given < had)
        return rt_fail(e, RT_USAGE, "the run in %s has %lld epochs, not %lld\nhelp: %s more than %lld %s",
                       run->directory, (long long)had, (long long)given,
                       t->epoch < had ? "leave out --epochs to continue it, or give" : "it is finished; give",
                       (long long)had, "to make it longer");
    if (given <= had) return true;
    run->epochs_before = had;
    t->epochs = given;
    return true;
}

/* A flag given along with --resume must say what the run has already, but for more epochs. */
static bool check_flags(TrainRun *run, RtError *e)
{
    const Options *o = run->session->options;
    char have[40], given[40];
    if (!check_epochs(run, e)) return false;
    for (int i = 0; i < STATE_SETTINGS; i++) {
        if (option_field(o, i) < 0 || option_field(o, i) == *state_field(&run->state, i)) continue;
        snprintf(have, sizeof have, "%lld", (long long)*state_field(&run->state, i));
        snprintf(given, sizeof given, "%lld", (long long)option_field(o, i));
        return other_setting(run, contract_text(CONTRACT_TrainSetting, (int)settings[i].setting), have, given,
                             e);
    }
    if (o->lr > 0 && o->lr != run->state.lr) {
        if (run->state.lr > 0) snprintf(have, sizeof have, "%.9g", run->state.lr);
        else snprintf(have, sizeof have, "as in the file");
        snprintf(given, sizeof given, "%.9g", o->lr);
        return other_setting(run, "lr", have, given, e);
    }
    return true;
}

static bool old_state(TrainRun *run, RtError *e)
{
    Checkpoint c;
    if (!checkpoint_open(&c, run->last_path, e)) return false;
    bool ok = train_unpack(&run->state, &c, e);
    if (ok && run->state.fingerprint != program_fingerprint(run->session->program)) {
        const char *name = checkpoint_text(&c, "program");
        ok = rt_fail(
            e, RT_BAD_INPUT,
            "%s: byte 8: the run is of another program ('%s'), or its options or settings have changed\n"
            "help: build the program as it was, or use --out DIR for another run",
            c.path, name ? name : "?");
    }
    checkpoint_close(&c);
    return ok && check_flags(run, e);
}

/* --- data and network --- */

static bool open_net(TrainRun *run, RtError *e)
{
    Session *s = run->session;
    TrainState *t = &run->state;
    if (!s->data && !session_data(s, e)) return false;
    int64_t have = s->data->train.samples;
    if (s->options->resume && t->samples != have)
        return rt_fail(e, RT_BAD_INPUT, "data '%s' has %lld training sample%s, the run in %s had %lld",
                       s->data->name, (long long)have, plural(have, "s"), run->directory,
                       (long long)t->samples);
    if (s->options->resume && t->classes != s->data->classes)
        return rt_fail(e, RT_BAD_INPUT, "data '%s' has %d class%s, the run in %s had %lld", s->data->name,
                       s->data->classes, plural(s->data->classes, "es"), run->directory,
                       (long long)t->classes);
    t->samples = have, t->classes = s->data->classes;
    if (!session_steps(s, have, t->batch, e)) return false;
    int64_t most = have > s->data->test.samples ? have : s->data->test.samples;
    NetOptions o = {.batch = t->batch < most ? t->batch : most,
                    .training = true,
                    .seed = (uint64_t)t->seed,
                    .epochs = t->epochs,
                    .epoch_steps = (have + t->batch - 1) / t->batch,
                    .start = s->options->init ? train_init : NULL,
                    .start_context = run};
    run->order = malloc((size_t)have * sizeof *run->order);
    if (!run->order)
        return rt_fail(e, RT_SYSTEM, "out of memory for the order of %lld sample%s", (long long)have,
                       plural(have, "s"));
    return session_net(s, &o, e);
}

static bool load_state(TrainRun *run, RtError *e)
{
    Session *s = run->session;
    Checkpoint c;
    bool kept;
    if (!checkpoint_open(&c, run->last_path, e)) return false;
    bool ok = checkpoint_load(&c, s->tensors, s->tensor_count, CHECKPOINT_RESUME, &kept, e) &&
              s->calls->reload(s->net, kept, e);
    checkpoint_close(&c);
    return ok;
}

static bool log_start(TrainRun *run, RtError *e)
{
    const Session *s = run->session;
    const TrainState *t = &run->state;
    s->calls->choose(s->net, 0);
    json_t *graphs = json_object();
    for (int i = 0; i < s->calls->graph_count(s->net); i++) {
        NetGraphInfo g = s->calls->graph(s->net, i);
        json_object_set_new(
            graphs, g.name,
            json_pack("{s:I, s:I}", "candidates", (json_int_t)g.candidates, "kept", (json_int_t)g.kept));
    }
    json_t *event = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "event", "start", "program",
                              s->program->head.program, "source", s->program->head.source, "seed",
                              (json_int_t)t->seed, "threads", (json_int_t)s->options->threads, "batch",
                              (json_int_t)t->batch, "epochs", (json_int_t)t->epochs, "parameters",
                              (json_int_t)s->calls->parameters(s->net), "graphs", graphs);
    if (s->options->init) json_object_set_new(event, "init", json_string(s->options->init));
    return log_event(&run->log, event, e);
}

static bool log_continue(TrainRun *run, RtError *e)
{
    const TrainState *t = &run->state;
    return log_event(&run->log,
                     json_pack("{s:s, s:I, s:I}", "event", "continue", "epoch", (json_int_t)t->epoch,
                               "epochs", (json_int_t)t->epochs),
                     e);
}

/* wiring.bin as it was at the checkpoint, where snapshots are made. */
static bool open_wiring(TrainRun *run, int64_t bytes, RtError *e)
{
    if (!program_whole(run->session->program, SETTING_SNAPSHOTS, 1) || !run->session->calls->line)
        return true;
    return wiring_file_open(&run->wiring, run->directory, bytes, e);
}

/* A new run in place of an old one: from one moment to the next `last` is that of the new run before its
 * first step, and whoever is stopped after that continues the new run. It goes when nothing of the old one
 * is left. */
static bool begin_anew(TrainRun *run, RtError *e)
{
    const bool replaces = !access(run->last_path, F_OK);
    if (replaces && !train_save(run, run->last_path, CHECKPOINT_RESUME, e)) return false;
    const char *const old[] = {run->best_path, run->wiring_path};
    for (int i = 0; i < 2; i++)
        if (unlink(old[i]) && errno != ENOENT)
            return rt_fail(e, RT_SYSTEM, "%s: cannot be removed: %s", old[i], strerror(errno));
    if (!log_cut(&run->log, 0, e) || !log_start(run, e) || !log_sync(&run->log, e)) return false;
    if (!open_wiring(run, 0, e) || !train_snapshot(run, e)) return false;
    if (replaces) unlink(run->last_path);
    return true;
}

/* A checkpoint is written after its lines of the log, so the log has them all. */
static bool log_reaches(const TrainRun *run, RtError *e)
{
    struct stat log;
    const int64_t wanted = run->state.log_bytes, size = stat(run->log_path, &log) ? 0 : log.st_size;
    if (size >= wanted) return true;
    rt_fail(e, RT_BAD_INPUT, "%s: has %lld bytes, but %s was written after %lld", run->log_path,
            (long long)size, run->last_path, (long long)wanted);
    return rt_help(e, "the two files are not of one run, or damaged; start anew with --force");
}

/* Everything is open: from here on files of the run are touched. */
static bool begin(TrainRun *run, RtError *e)
{
    const TrainState *t = &run->state;
    if (!run->session->options->resume)
        return log_open(&run->log, run->log_path, -1, e) && begin_anew(run, e);
    if (!log_reaches(run, e) || !load_state(run, e) || !log_open(&run->log, run->log_path, -1, e))
        return false;
    if (t->log_bytes == 0) return begin_anew(run, e);
    return log_cut(&run->log, t->log_bytes, e) && open_wiring(run, t->wiring_bytes, e) &&
           (!run->epochs_before || log_continue(run, e));
}

/* Runs the loop with signals that ask it to stop caught once: the second one does what it always does. Who
 * is started with nohup stays deaf to SIGHUP. */
static bool loop_with_signals(TrainRun *run, RtError *e)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
    enum { CAUGHT = sizeof caught / sizeof *caught };
    struct sigaction ask = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND},
                     before[CAUGHT];
    stop_asked = 0;
    run->stop = &stop_asked;
    for (int i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], &ask, &before[i]);
        if (caught[i] == SIGHUP && before[i].sa_handler == SIG_IGN) sigaction(SIGHUP, &before[i], NULL);
    }
    bool ok = train_loop(run, e);
    for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &before[i], NULL);
    return ok;
}

/* " --data DIR" as the user gave it, or "". */
static void data_flag(const Options *o, char *out, size_t size)
{
    char quoted[512];
    options_quote(o->data ? o->data : "", quoted, sizeof quoted);
    snprintf(out, size, "%s%s", o->data ? " --data " : "", o->data ? quoted : "");
}

/* The command that continues this run, as a line of help. */
static void add_resume_line(const TrainRun *run, RtError *e)
{
    const Options *o = run->session->options;
    char call[1024], out[512], data[600];
    options_call(o, COMMAND_TRAIN, call, sizeof call);
    options_quote(run->directory, out, sizeof out);
    data_flag(o, data, sizeof data);
    rt_help(e, "continue with: %s --resume --out %s%s", call, out, data);
}

/* What is about to start: the network, its data, the settings. */
static void say_start(TrainRun *run)
{
    const Session *s = run->session;
    const TrainState *t = &run->state;
    const TrainEdges edges = train_edges(run);
    const int64_t parameters = s->calls->parameters(s->net);
    log_line(&run->console, "%s: %lld parameter%s, %lld of %lld candidate edge%s in use",
             s->program->head.model, (long long)parameters, plural(parameters, "s"), (long long)edges.kept,
             (long long)edges.candidates, plural(edges.candidates, "s"));
    const int64_t held = s->data->validation.samples;
    char validation[64] = "";
    if (held) snprintf(validation, sizeof validation, ", %lld for the validation", (long long)held);
    log_line(&run->console, "%s: %lld training sample%s%s, %lld test sample%s", s->data->name,
             (long long)s->data->train.samples, plural(s->data->train.samples, "s"), validation,
             (long long)s->data->test.samples, plural(s->data->test.samples, "s"));
    if (*s->data->form) log_line(&run->console, "%s", s->data->form);
    for (const char *line = s->data->warnings; *line; line += strcspn(line, "\n"), line += *line == '\n')
        log_line(&run->console, "warning: %.*s", (int)strcspn(line, "\n"), line);
    log_line(&run->console, "batch %lld  threads %lld  seed %lld  writing to %s", (long long)t->batch,
             (long long)s->options->threads, (long long)t->seed, run->directory);
    char note[512];
    session_batch_note(s, t->batch, note, sizeof note);
    if (*note) log_line(&run->console, "%s", note);
    for (int i = 0; i < s->calls->graph_count(s->net); i++) {
        NetGraphInfo g = s->calls->graph(s->net, i);
        if (g.products)
            log_line(&run->console, "%s: gradients of candidates from products in %s", g.name, g.products);
    }
    for (int i = 0; s->calls->never_comes && s->calls->never_comes(s->net, i, note, sizeof note); i++)
        log_line(&run->console, "warning: %s", note);
    if (run->epochs_before)
        log_line(
            &run->console,
            "%lld epochs instead of %lld; a learning rate that falls over all of them (cosine, ramp), and "
            "times in rules that are shares of the training, are from now on those of %lld",
            (long long)t->epochs, (long long)run->epochs_before, (long long)t->epochs);
    if (t->epoch || t->step)
        log_line(&run->console, "continuing in epoch %lld after step %lld", (long long)t->epoch + 1,
                 (long long)t->step);
}

/* "accuracy 92.31%", "loss 0.25" */
static const char *figure_text(const TrainState *t, double figure, char *text, size_t size)
{
    if (t->classes > 0) snprintf(text, size, "accuracy %.2f%%", 100 * figure);
    else snprintf(text, size, "loss %.6g", figure);
    return text;
}

/* A run that is finished needs no data. */
static void say_best(TrainRun *run)
{
    const TrainState *t = &run->state;
    const Data *d = run->session->data;
    const json_t *share = program_setting(run->session->program, SETTING_VALIDATION);
    const bool held = json_number_value(share) > 0 ||
                      data_brings_validation(program_setting(run->session->program, SETTING_DATA));
    const TrainEdges edges = train_edges(run);
    char best[48], tested[48], test[64] = "", kept[96] = "";
    if (held && (!d || d->test.samples))
        snprintf(test, sizeof test, "; test %s", figure_text(t, t->best_test, tested, sizeof tested));
    if (edges.any)
        snprintf(kept, sizeof kept, ", %lld of %lld edges in use", (long long)t->best_kept,
                 (long long)edges.candidates);
    log_line(&run->console, "best %s%s in epoch %lld%s%s",
             held             ? "validation "
             : t->classes > 0 ? ""
                              : "test ",
             figure_text(t, t->best, best, sizeof best), (long long)t->best_epoch, kept, test);
    if (edges.any && edges.kept < t->best_kept)
        log_line(&run->console, "the last epoch has %lld edges in use: %s", (long long)edges.kept,
                 run->last_path);
}

/* How good it got, where the weights are, and what to type next. */
static void say_end(TrainRun *run)
{
    const Options *o = run->session->options;
    const TrainState *t = &run->state;
    bool tested = t->best_epoch > 0;
    const char *weights = tested ? run->best_path : run->last_path;
    char call[1024], file[512], data[600];
    if (tested) say_best(run);
    options_call(o, COMMAND_EVAL, call, sizeof call);
    options_quote(weights, file, sizeof file);
    data_flag(o, data, sizeof data);
    if (tested) log_line(&run->console, "evaluate with: %s --weights %s%s", call, file, data);
    else if (train_above_budget(run))
        log_line(&run->console, "weights: %s ('%s' still has more edges in use than its budget says)", file,
                 train_above_budget(run));
    else log_line(&run->console, "weights: %s (the data has no test split to evaluate on)", file);
}

static bool train(TrainRun *run, RtError *e)
{
    Session *s = run->session;
    if (!s->program->settings)
        return rt_fail(
            e, RT_BAD_INPUT,
            "'%s' has no train block, so this program cannot train\nhelp: add 'train %s { data = ... }' and "
            "build again",
            s->program->head.source, s->program->head.model);
    if (!name_files(run, e) || !check_files(run, e)) return false;
    log_console(&run->console, stdout, s->options->quiet);
    if (!s->options->resume) new_state(run);
    else if (!old_state(run, e)) return false;
    if (s->options->resume && run->state.epoch == run->state.epochs) {
        const int64_t had = run->state.epochs, now = program_whole(s->program, SETTING_EPOCHS, had);
        char more[64] = "with more makes it longer";
        if (now > had)
            snprintf(more, sizeof more, "%lld makes it as long as the program says", (long long)now);
        log_line(&run->console, "the run in %s is finished: %lld epoch%s; --epochs %s", run->directory,
                 (long long)had, plural(had, "s"), more);
        say_end(run);
        return true;
    }
    if (!make_directory(run->directory, e) || !open_net(run, e)) return false;
    run->clock = log_clock();
    if (!begin(run, e)) return false;
    say_start(run);
    bool ok = loop_with_signals(run, e);
    if (!ok && e->code == RT_INTERRUPTED) add_resume_line(run, e);
    if (ok) say_end(run);
    return ok;
}

bool train_command(Session *s, RtError *e)
{
    TrainRun run = {.session = s, .log.fd = -1, .wiring.fd = -1};
    bool ok = train(&run, e);
    if (run.log.path) log_close(&run.log);
    wiring_file_close(&run.wiring);
    free(run.order);
    free(run.directory);
    free(run.log_path);
    free(run.last_path);
    free(run.best_path);
    free(run.wiring_path);
    return ok;
}
