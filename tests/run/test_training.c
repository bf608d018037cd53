/* test_training.c: built programs as a user runs them: a training that is interrupted or killed and goes on
 * ends in the same bits as one that is not; threads change nothing; what eval, predict and the log say is one
 * and the same.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "built.h"
#include "target/link.h"
#include "app/checkpoint.h"

static char folder[] = "/tmp/dnw_training_XXXXXX";

/* ---- running ---- */

/* Words after a program's name, up to NULL; what it says goes to FOLDER/said. */
static pid_t start(const char *program, const char *const *words)
{
    char *argv[24] = {(char *)program};
    posix_spawn_file_actions_t actions;
    pid_t child;
    for (int i = 0; words[i] && i < 22; i++) argv[i + 1] = (char *)words[i];
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "said", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    assert_int_equal(posix_spawn(&child, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static const char *said(void)
{
    static char text[8192];
    FILE *f = fopen("said", "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    return text;
}

/* The exit code; 128 + signal when a signal ended it. */
static int wait_for(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
static void run(const char *program, const char *const *words, int code)
{
    int got = wait_for(start(program, words));
    if (got != code) fail_msg("%s %s: exit %d, not %d:\n%s", program, words[0], got, code, said());
}

/* ---- logs ---- */

/* Lines of a log, without what a clock says. */
static json_t *read_log(const char *directory)
{
    static const char *const clocks[] = {"seconds", "samples_per_s", "epoch_seconds", "threads", "resumed"};
    char path[64], line[4096];
    snprintf(path, sizeof path, "%s/log.jsonl", directory);
    json_t *all = json_array();
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        json_t *j = json_loads(line, 0, NULL);
        if (!j) break; /* a line being written */
        for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) json_object_del(j, clocks[i]);
        json_array_append_new(all, j);
    }
    if (f) fclose(f);
    return all;
}

static const char *event_of(const json_t *j)
{
    return json_string_value(json_object_get(j, "event"));
}

static int count_events(const char *directory, const char *event)
{
    json_t *all = read_log(directory), *j;
    size_t i;
    int count = 0;
    json_array_foreach(all, i, j) count += strcmp(event_of(j), event) == 0;
    json_decref(all);
    return count;
}

/* Epochs and the end are the same, line by line. */
static void expect_same_log(const char *a, const char *b)
{
    json_t *x = read_log(a), *y = read_log(b), *j;
    size_t i, at = 0;
    json_array_foreach(y, i, j)
    {
        if (strcmp(event_of(j), "epoch") != 0 && strcmp(event_of(j), "end") != 0) continue;
        while (at < json_array_size(x) && strcmp(event_of(json_array_get(x, at)), event_of(j)) != 0) at++;
        if (!json_equal(json_array_get(x, at++), j)) {
            char *want = json_dumps(j, 0);
            fail_msg("%s: line %d is not that of %s: %s", a, (int)at, b, want);
        }
    }
    assert_true(at > 2);
    assert_int_equal(count_events(a, "epoch"), count_events(b, "epoch"));
    json_decref(x), json_decref(y);
}

/* ---- weights ---- */

static void expect_same_weights(const char *a, const char *b)
{
    Checkpoint x, y;
    RtError e;
    if (!checkpoint_open(&x, a, &e) || !checkpoint_open(&y, b, &e)) fail_msg("%s", e.text);
    assert_true(x.count == y.count && x.count > 3);
    for (size_t i = 0; i < x.count; i++) {
        const CheckpointTensor *s = &x.tensors[i], *t = &y.tensors[i];
        assert_string_equal(s->name, t->name);
        assert_int_equal(s->end - s->begin, t->end - t->begin);
        if (memcmp(x.bytes + x.data_at + s->begin, y.bytes + y.data_at + t->begin,
                   (size_t)(s->end - s->begin)) != 0)
            fail_msg("'%s' of %s and of %s differ", s->name, a, b);
    }
    checkpoint_close(&x), checkpoint_close(&y);
}

static void expect_same_run(const char *a, const char *b)
{
    char x[64], y[64];
    static const char *const files[] = {"last.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++) {
        snprintf(x, sizeof x, "%s/%s", a, files[i]), snprintf(y, sizeof y, "%s/%s", b, files[i]);
        expect_same_weights(x, y);
    }
    expect_same_log(a, b);
}

/* ---- tests ---- */

static void nap(void)
{
    nanosleep(&(struct timespec){0, 3000000}, NULL);
}

static bool ended(pid_t child)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child;
}

/* Starts (or goes on with) a run, sends the signal when `epochs` more are in its log. False: it ended before.
 */
static bool interrupt(const char *program, const char *directory, bool resume, int epochs, int signal)
{
    int before = count_events(directory, "epoch");
    pid_t child = start(program, WORDS("train", "--quiet", "--threads", "1", "--out", directory,
                                       resume ? "--resume" : "--force"));
    for (int i = 0; i < 20000 && count_events(directory, "epoch") < before + epochs && !ended(child); i++)
        nap();
    kill(child, signal);
    int code = wait_for(child);
    if (code == 0) return false;
    if (signal == SIGKILL) assert_int_equal(code, 128 + SIGKILL);
    else if (code == 1 || code == 2) fail_msg("exit %d after a signal: %s", code, said());
    assert_int_equal(count_events(directory, "end"), 0);
    return true;
}

static void test_resume(void **state)
{
    static const struct {
        const char *directory;
        int signals[3];
    } cases[] = {
        {"interrupted", {SIGINT, 0}}, {"killed", {SIGKILL, 0}}, {"often", {SIGINT, SIGKILL, SIGTERM}}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *directory = cases[i].directory;
        int stopped = 0, tries = 0;
        while (tries++ < 10 &&
               (stopped == 0 || (stopped < 3 && cases[i].signals[stopped]))) /* anew when it was too fast */
            stopped =
                interrupt("./everything", directory, stopped > 0, 4 + stopped, cases[i].signals[stopped])
                    ? stopped + 1
                    : 0;
        if (stopped == 0) fail_msg("%s: ends before it is stopped", directory);
        run("./everything", WORDS("train", "--quiet", "--threads", "1", "--out", directory, "--resume"), 0);
        expect_same_run(directory, "whole");
    }
}

/* One thread, two threads, and stopped and continued: the same run. */
static void expect_one_run(const char *program)
{
    char path[40], whole[40], threads[40], stopped[40];
    bool was_stopped = false;
    snprintf(path, sizeof path, "./%s", program), snprintf(whole, sizeof whole, "%s_whole", program);
    snprintf(threads, sizeof threads, "%s_threads", program);
    snprintf(stopped, sizeof stopped, "%s_stopped", program);
    run(path, WORDS("train", "--quiet", "--threads", "1", "--out", whole), 0);
    run(path, WORDS("train", "--quiet", "--threads", "2", "--out", threads), 0);
    expect_same_run(threads, whole);
    for (int tries = 0; tries < 10 && !was_stopped; tries++)
        was_stopped = interrupt(path, stopped, false, 3, SIGINT);
    if (!was_stopped) fail_msg("%s: ends before it is stopped", program);
    run(path, WORDS("train", "--quiet", "--threads", "2", "--out", stopped, "--resume"), 0);
    expect_same_run(stopped, whole);
}

/* Pictures are changed in an epoch as they would have been without the stop; two threads change them alike.
 */
static void test_augmented(void **state)
{
    (void)state;
    expect_one_run("pictures");
}

/* Statistics of batch_norm at each evaluation of a flow, of nodes and of candidates. */
static void test_time(void **state)
{
    (void)state;
    expect_one_run("waves");
}

static void test_threads(void **state)
{
    (void)state;
    run("./everything", WORDS("train", "--quiet", "--threads", "2", "--out", "threads"), 0);
    expect_same_run("threads", "whole");
    run("./everything", WORDS("train", "--quiet", "--seed", "5", "--out", "seed", "--epochs", "2"), 0);
    assert_int_equal(count_events("seed", "epoch"), 2);
}

static double number_in(const char *text, const char *key)
{
    json_t *j = json_loads(text, 0, NULL);
    if (!json_is_number(json_object_get(j, key))) fail_msg("no number '%s' in: %s", key, text);
    double x = json_number_value(json_object_get(j, key));
    json_decref(j);
    return x;
}

/* The same number of samples, printed with six digits or more. */
static void expect_near(double a, double b)
{
    if (!(fabs(a - b) < 1e-6)) fail_msg("%.9g, not %.9g", a, b);
}

static void test_eval_is_the_log(void **state)
{
    (void)state;
    json_t *log = read_log("whole"), *end = json_array_get(log, json_array_size(log) - 1);
    run("./everything", WORDS("eval", "--json", "--weights", "whole/best.safetensors"), 0);
    expect_near(number_in(said(), "accuracy"), json_number_value(json_object_get(end, "best_accuracy")));
    assert_true(number_in(said(), "accuracy") > 0.5);
    run("./everything", WORDS("eval", "--json", "--weights", "whole/last.safetensors", "--batch", "7"), 0);
    expect_near(number_in(said(), "accuracy"), json_number_value(json_object_get(end, "accuracy")));
    json_decref(log);
}

static void write_npy(const char *path, const float *x, int64_t rows, int64_t columns)
{
    char text[118];
    FILE *f = fopen(path, "wb");
    int n = snprintf(text, sizeof text, "{'descr': '<f4', 'fortran_order': False, 'shape': (%lld, %lld), }",
                     (long long)rows, (long long)columns);
    memset(text + n, ' ', sizeof text - (size_t)n);
    text[sizeof text - 1] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, f);
    fwrite(text, 1, sizeof text, f);
    fwrite(x, sizeof *x, (size_t)(rows * columns), f);
    fclose(f);
}

/* The samples of the test split through predict: their largest outputs are right as often as eval says. */
static void test_predict_is_eval(void **state)
{
    (void)state;
    RtError e = {0};
    json_t *setting = json_pack("{s:s, s:{s:i, s:i, s:f}}", "call", "spirals", "args", "n", 2400, "classes",
                                3, "noise", 0.05);
    Data *d = data_open(setting, &(DataContext){.base = ".", .seed = 20240 /* DATA_SEED of session.c */}, &e);
    if (!d) fail_msg("%s", e.text);
    write_npy("x.npy", d->test.floats, d->test.samples, d->features);
    run("./everything",
        WORDS("predict", "--weights", "whole/best.safetensors", "--input", "x.npy", "--output", "y.npy"), 0);
    FILE *f = fopen("y.npy", "rb");
    assert_non_null(f);
    fseek(f, -(long)(d->test.samples * 3 * (int64_t)sizeof(float)), SEEK_END);
    int64_t correct = 0;
    for (int64_t i = 0; i < d->test.samples; i++) {
        float y[3];
        assert_int_equal(fread(y, sizeof *y, 3, f), 3);
        int best = y[1] > y[0] ? 1 : 0;
        correct += (y[2] > y[best] ? 2 : best) == d->test.labels[i];
    }
    fclose(f);
    run("./everything", WORDS("eval", "--json", "--weights", "whole/best.safetensors"), 0);
    expect_near(number_in(said(), "accuracy"), (double)correct / (double)d->test.samples);
    data_free(d);
    json_decref(setting);
}

static void test_runs_are_safe(void **state)
{
    (void)state;
    char before[] = "copy.safetensors";
    run("/bin/cp", WORDS("whole/last.safetensors", before), 0);
    run("./everything", WORDS("train", "--quiet", "--out", "whole"), 2);
    assert_non_null(strstr(said(), "--resume"));
    expect_same_weights("whole/last.safetensors", before);
    run("./other", WORDS("eval", "--weights", "whole/best.safetensors"), 1);
    assert_non_null(strstr(said(), "whole/best.safetensors"));
    run("./other", WORDS("train", "--out", "whole", "--resume"), 1);
    expect_same_weights("whole/last.safetensors", before);
    run("./everything", WORDS("train", "--resume", "--out", "nowhere"), 2);
}

/* ---- the programs ---- */

static bool build(const char *source, const char *output)
{
    char object[32];
    Compilation *c = compilation_new();
    snprintf(object, sizeof object, "%s.o", output);
    c->options.object = object;
    bool ok = compile_file(c, source) && link_program(c, output);
    if (!ok) diags_print(c->diags, stderr, false);
    compilation_free(c);
    return ok;
}

/* 3000 pictures of 6 x 6 and their classes, for the program beside them. */
static bool write_pictures(void)
{
    static uint8_t images[16 + 3000 * 36] = {0, 0, 8, 3, 0, 0, 3000 >> 8, 3000 & 255, 0, 0, 0, 6, 0, 0, 0, 6};
    static uint8_t labels[8 + 3000] = {0, 0, 8, 1, 0, 0, 3000 >> 8, 3000 & 255};
    for (int i = 0; i < 3000; i++) {
        labels[8 + i] = (uint8_t)(i % 3);
        for (int k = 0; k < 36; k++) images[16 + i * 36 + k] = (uint8_t)(i * 37 + k * k * (1 + i % 3));
    }
    FILE *x = fopen("images", "wb"), *y = fopen("labels", "wb"), *program = fopen("pictures.dnw", "w");
    if (!x || !y || !program) return false;
    fwrite(images, 1, sizeof images, x), fwrite(labels, 1, sizeof labels, y);
    fputs("model Net(image) = image |> flatten |> linear(48, keep = 30%) |> relu |> linear(3)\n"
          "train Net {\n  data = idx(\"images\", \"labels\")\n  augment = [pad_crop(2), flip]\n  batch = 60\n"
          "  epochs = 12\n}\n",
          program);
    return fclose(x) == 0 && fclose(y) == 0 && fclose(program) == 0;
}

static bool write_waves(void)
{
    FILE *program = fopen("waves.dnw", "w");
    if (!program) return false;
    fputs("fn Synapse(x) { weight w ~ kaiming; weight a = 1; w * tanh(a * batch_norm(x)) }\n"
          "fn Unit(z) { state s = 0; s' = batch_norm(z) - s; tanh(s) }\n"
          "graph Wiring[features] {\n  time = flow(0, 1, heun(1))\n  input x[features]\n  nodes h[16] : "
          "Unit\n  output "
          "y[1]\n"
          "  edges { x[_] -> h[_]; h[_] -> h[_] } via Synapse keep 40% by w\n  edges h[_] -> y[_]\n}\n"
          "model Net(x) = x |> scan(Wiring) |> last\n"
          "train Net {\n  data = sines(2000, length = 6)\n  loss = mse\n  optim = adam(0.01)\n  epochs = "
          "12\n}\n",
          program);
    return fclose(program) == 0;
}

static int set_up(void **state)
{
    char here[512], source[600], other[600];
    (void)state;
    if (!getcwd(here, sizeof here) || !mkdtemp(folder) || chdir(folder)) return -1;
    snprintf(source, sizeof source, "%s/everything.dnw", here),
        snprintf(other, sizeof other, "%s/loss_smoothing.dnw", here);
    if (!build(source, "everything") || !build(other, "other")) return -1;
    if (!write_pictures() || !build("pictures.dnw", "pictures")) return -1;
    if (!write_waves() || !build("waves.dnw", "waves")) return -1;
    run("./everything", WORDS("train", "--quiet", "--threads", "1", "--out", "whole"), 0);
    return count_events("whole", "epoch") == 30 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return chdir("/") || wait_for(start("/bin/rm", WORDS("-rf", folder)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_eval_is_the_log),
        cmocka_unit_test(test_predict_is_eval),
        cmocka_unit_test(test_runs_are_safe),
        cmocka_unit_test(test_augmented),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
