/* test_train.c: the training loop on a toy network: files, log, and the promise that a run which was
 * interrupted at any step continues bit for bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fake_net.h"
#include "app/train.h"

enum { EPOCHS = 4, STEPS = 7 /* an epoch: 50 samples in batches of 8 */ };

static char directory[] = "/tmp/dnw_train_XXXXXX";
static Program program;

static const char *file(const char *run, const char *name)
{
    static char paths[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof *paths, "%s/%s/%s", directory, run, name);
    return paths[turn];
}

static bool exists(const char *run, const char *name)
{
    return !access(file(run, name), F_OK);
}

static Options options_for(const char *run)
{
    return (Options){.command = COMMAND_TRAIN,
                     .program = "./toy",
                     .epochs = -1,
                     .batch = -1,
                     .seed = -1,
                     .threads = 1,
                     .steps = -1,
                     .lr = -1,
                     .out = file(run, ""),
                     .quiet = true};
}

/* Trains as the options say; the exit code, and the message in *e. */
static int train_with(const Options *o, RtError *e)
{
    Session s = {.program = &program, .options = o, .calls = &fake_calls, .data = fake_data(), .made = true};
    *e = (RtError){0};
    bool ok = train_command(&s, e);
    session_close(&s);
    fake_signal_at = fake_fail_at = -1;
    fake_signal = SIGINT;
    return ok ? RT_OK : e->code;
}

static int train(const char *run, bool resume, RtError *e)
{
    Options o = options_for(run);
    o.resume = resume;
    return train_with(&o, e);
}

static char *read_text(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("no %s", path);
    char *text = calloc(1, 1 << 16);
    *size = fread(text, 1, (1 << 16) - 1, f);
    fclose(f);
    return text;
}

/* Line by line the same JSON, apart from timings. */
static void expect_same_log(const char *a, const char *b)
{
    static const char *const timings[] = {"seconds", "samples_per_s"};
    size_t size;
    char *text[2] = {read_text(file(a, "log.jsonl"), &size), read_text(file(b, "log.jsonl"), &size)};
    char *at[2] = {text[0], text[1]};
    while (*at[0] || *at[1]) {
        json_t *line[2];
        for (int i = 0; i < 2; i++) {
            line[i] = json_loads(at[i], JSON_DISABLE_EOF_CHECK, NULL);
            assert_non_null(line[i]);
            for (int k = 0; k < 2; k++) json_object_del(line[i], timings[k]);
            at[i] = strchr(at[i], '\n') + 1;
        }
        assert_true(json_equal(line[0], line[1]));
        json_decref(line[0]);
        json_decref(line[1]);
    }
    free(text[0]);
    free(text[1]);
}

/* The same tensors, and the same state apart from timings. */
static void expect_same_weights(const char *a, const char *b, const char *name)
{
    Checkpoint x, y;
    TrainState s, t;
    RtError e;
    assert_true(checkpoint_open(&x, file(a, name), &e));
    assert_true(checkpoint_open(&y, file(b, name), &e));
    assert_int_equal(x.size - x.data_at, y.size - y.data_at);
    assert_memory_equal(x.bytes + x.data_at, y.bytes + y.data_at, x.size - x.data_at);
    assert_true(train_unpack(&s, &x, &e) && train_unpack(&t, &y, &e));
    s.seconds = t.seconds = s.epoch_seconds = t.epoch_seconds = 0;
    s.log_bytes = t.log_bytes = 0; /* the digits of timings */
    assert_memory_equal(&s, &t, sizeof s);
    if (!strcmp(name, "best.safetensors")) { /* no timings in it: equal to the last byte */
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.bytes, y.bytes, x.size);
    }
    checkpoint_close(&x);
    checkpoint_close(&y);
}

static void expect_same_run(const char *a, const char *b)
{
    expect_same_log(a, b);
    expect_same_weights(a, b, "last.safetensors");
    expect_same_weights(a, b, "best.safetensors");
}

/* --- tests --- */

static void test_whole_run(void **state)
{
    RtError e;
    size_t size;
    (void)state;
    if (train("whole", false, &e)) fail_msg("%s", e.text);
    char *log = read_text(file("whole", "log.jsonl"), &size);
    int lines = 0;
    for (char *c = log; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, EPOCHS + 2);
    assert_int_equal(
        strncmp(log,
                "{\"event\":\"start\",\"program\":\"toy\",\"source\":\"my nets/toy.dnw\",\"seed\":1,"
                "\"threads\":1,\"batch\":8,\"epochs\":4,\"parameters\":12,"
                "\"graphs\":{\"Toy\":{\"candidates\":18,\"kept\":12}}}\n",
                100),
        0);
    assert_non_null(strstr(log, "{\"event\":\"epoch\",\"epoch\":1,\"loss\":"));
    assert_non_null(strstr(log, "{\"event\":\"end\",\"accuracy\":"));
    json_t *end = json_loads(strstr(log, "{\"event\":\"end\""), JSON_DISABLE_EOF_CHECK, NULL);
    assert_true(json_number_value(json_object_get(end, "best_accuracy")) > 0.6);
    json_decref(end);
    free(log);
}

/* Interrupted after every step in turn, by all signals that ask for it, and continued each time. */
static void test_interrupted_anywhere(void **state)
{
    RtError e;
    (void)state;
    for (int64_t at = 0; at < EPOCHS * STEPS; at += 3) {
        char run[32];
        snprintf(run, sizeof run, "cut%d", (int)at);
        fake_signal_at = at;
        fake_signal = (int[]){SIGINT, SIGTERM, SIGHUP}[at / 3 % 3];
        assert_int_equal(train(run, false, &e), RT_INTERRUPTED);
        assert_non_null(strstr(e.text, "continue with: ./toy train --resume --out "));
        if (train(run, true, &e)) fail_msg("%s", e.text);
        expect_same_run("whole", run);
    }
}

static void test_interrupted_often(void **state)
{
    RtError e;
    int code = RT_INTERRUPTED;
    (void)state;
    for (int64_t at = 2; code == RT_INTERRUPTED; at += 2) {
        fake_signal_at = at;
        code = train("often", at > 2, &e);
    }
    if (code) fail_msg("%s", e.text);
    expect_same_run("whole", "often");
}

/* Killed, not asked: what the log and best.safetensors got since the last checkpoint is done again. */
static void test_killed(void **state)
{
    RtError e;
    (void)state;
    fake_fail_at = 2 * STEPS + 3;
    assert_int_equal(train("killed", false, &e), RT_BAD_INPUT);
    FILE *log = fopen(file("killed", "log.jsonl"), "a");
    fputs("{\"event\":\"epoch\",\"epoch\":3}\n{\"event\":\"ep", log);
    fclose(log);
    if (train("killed", true, &e)) fail_msg("%s", e.text);
    expect_same_run("whole", "killed");
}

static void test_not_finite(void **state)
{
    RtError e;
    size_t size, after;
    (void)state;
    fake_fail_at = 3;
    assert_int_equal(train("early", false, &e), RT_BAD_INPUT);
    assert_non_null(strstr(e.text, "epoch 1, step 4, tensor 'Toy.w'"));
    assert_false(exists("early", "last.safetensors"));

    fake_signal_at = STEPS + 1;
    assert_int_equal(train("late", false, &e), RT_INTERRUPTED);
    char *before = read_text(file("late", "last.safetensors"), &size);
    fake_fail_at = STEPS + 4;
    assert_int_equal(train("late", true, &e), RT_BAD_INPUT);
    assert_non_null(
        strstr(e.text, "epoch 2, step 5, tensor 'Toy.w'\nhelp: lower the learning rate (--lr 0.01 with"));
    assert_non_null(strstr(e.text, "last.safetensors"));
    char *now = read_text(file("late", "last.safetensors"), &after);
    assert_int_equal(size, after);
    assert_memory_equal(before, now, size);
    free(before);
    free(now);
}

static void test_directory_in_use(void **state)
{
    RtError e;
    Options o = options_for("whole");
    (void)state;
    assert_int_equal(train("whole", false, &e), RT_USAGE);
    assert_non_null(
        strstr(e.text, "already holds a run\nhelp: continue it with --resume, replace it with --force"));
    assert_int_equal(train("nothing", true, &e), RT_USAGE);
    assert_non_null(strstr(e.text, "leave out --resume to start a run"));
    assert_int_equal(train("early", true, &e), RT_USAGE); /* a log without a checkpoint */
    assert_non_null(strstr(e.text, "start it anew with --force"));
    o = options_for("early");
    o.force = true;
    assert_int_equal(train_with(&o, &e), RT_OK);
    expect_same_run("whole", "early");
}

static void test_finished(void **state)
{
    RtError e;
    size_t size, after;
    (void)state;
    char *before = read_text(file("whole", "log.jsonl"), &size);
    assert_int_equal(train("whole", true, &e), RT_OK);
    char *now = read_text(file("whole", "log.jsonl"), &after);
    assert_string_equal(before, now);
    free(before);
    free(now);
}

/* More epochs continue a run that is finished; interrupted on the way it is the same run. */
static void test_longer(void **state)
{
    RtError e;
    size_t size;
    const char *const runs[] = {"longer", "longer, cut"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        Options o = options_for(runs[i]);
        assert_int_equal(train_with(&o, &e), RT_OK);
        o.resume = true;
        o.epochs = EPOCHS - 1;
        assert_int_equal(train_with(&o, &e), RT_USAGE);
        assert_non_null(strstr(e.text, "help: it is finished; give more than 4 to make it longer"));
        o.epochs = EPOCHS + 2;
        fake_signal_at = i ? (EPOCHS + 1) * STEPS + 2 : -1;
        assert_int_equal(train_with(&o, &e), i ? RT_INTERRUPTED : RT_OK);
        if (i) assert_int_equal(train(runs[i], true, &e), RT_OK);
    }
    expect_same_run(runs[0], runs[1]);
    char *log = read_text(file("longer", "log.jsonl"), &size);
    assert_non_null(
        strstr(log, "{\"event\":\"continue\",\"epoch\":4,\"epochs\":6}\n{\"event\":\"epoch\",\"epoch\":5,"));
    assert_non_null(strstr(log, "{\"event\":\"epoch\",\"epoch\":6,"));
    free(log);
}

/* Stopped while --force begins: the old run, or the new one. A directory for best.safetensors stops it after
 * the new run has its checkpoint and before anything else of the old one is gone. */
static void test_forced_and_stopped(void **state)
{
    RtError e;
    size_t size, after;
    Options o = options_for("forced");
    (void)state;
    o.seed = 7;
    assert_int_equal(train_with(&o, &e), RT_OK);
    char *before = read_text(file("forced", "log.jsonl"), &size);
    remove(file("forced", "best.safetensors"));
    mkdir(file("forced", "best.safetensors"), 0777);
    o = options_for("forced");
    o.force = true;
    assert_int_equal(train_with(&o, &e), RT_SYSTEM);
    char *now = read_text(file("forced", "log.jsonl"), &after);
    assert_string_equal(before, now);
    remove(file("forced", "best.safetensors"));
    assert_int_equal(train("forced", true, &e), RT_OK);
    expect_same_run("whole", "forced");
    free(before);
    free(now);
}

/* A flag that the run does not have is refused; the same value again is not. */
static void test_other_settings(void **state)
{
    RtError e;
    Options o = options_for("other");
    (void)state;
    o.seed = 7;
    o.batch = 16;
    o.epochs = 3;
    fake_signal_at = 4;
    assert_int_equal(train_with(&o, &e), RT_INTERRUPTED);
    o.resume = true;
    o.seed = 8;
    assert_int_equal(train_with(&o, &e), RT_USAGE);
    assert_non_null(strstr(e.text, "has seed 7, not 8\nhelp: leave out --seed"));
    o.seed = 7;
    o.epochs = 2;
    assert_int_equal(train_with(&o, &e), RT_USAGE);
    assert_non_null(
        strstr(e.text, "has 3 epochs, not 2\nhelp: leave out --epochs to continue it, or give more"));
    o.epochs = -1;
    o.batch = 8;
    assert_int_equal(train_with(&o, &e), RT_USAGE);
    assert_non_null(strstr(e.text, "has batch 16, not 8"));
    o.batch = -1;
    o.lr = 0.5;
    assert_int_equal(train_with(&o, &e), RT_USAGE);
    assert_non_null(strstr(e.text, "has lr as in the file, not 0.5"));
    o.lr = -1;
    assert_int_equal(train_with(&o, &e), RT_OK);
}

/* The same program with another setting is another program to a checkpoint. */
static void test_other_program(void **state)
{
    RtError e;
    json_t *args = json_object_get(json_object_get(program.settings, "optim"), "args");
    (void)state;
    fake_signal_at = 4;
    assert_int_equal(train("program", false, &e), RT_INTERRUPTED);
    json_object_set_new(args, "momentum", json_real(0.5));
    assert_int_equal(train("program", true, &e), RT_BAD_INPUT);
    assert_non_null(strstr(e.text, "of another program"));
    json_object_set_new(args, "momentum", json_real(0.9));
    assert_int_equal(train("program", true, &e), RT_OK);
}

/* A checkpoint whose metadata was damaged: every field missing or malformed is refused, none crashes. */
static void test_bad_metadata(void **state)
{
    static const char *const bad[] = {
        "", "x", "-99999", "1e400", "99999999999999999999", "9223372036854775807"};
    TrainState t = {.seed = 1, .batch = 8, .epochs = 4, .lr = -1, .samples = 50, .epoch = 1};
    json_t *metadata = train_pack(&t, "toy"), *value;
    const char *key;
    void *next;
    (void)state;
    json_object_foreach_safe(metadata, next, key, value)
    {
        if (!strcmp(key, "format") || !strcmp(key, "program")) continue;
        json_t *changed = json_copy(metadata);
        for (size_t i = 0; i <= sizeof bad / sizeof *bad; i++) {
            RtError e = {0};
            TrainState back;
            Checkpoint c = {.path = (char *)"x", .header = json_object()};
            if (i) json_object_set_new(changed, key, json_string(bad[i - 1]));
            else json_object_del(changed, key);
            json_object_set(c.header, "__metadata__", changed);
            bool ok = train_unpack(&back, &c, &e);
            if (i < 3 && ok) fail_msg("accepted %s", key);
            bool count = !strcmp(key, "swapped") || !strcmp(key, "evaluations") || !strcmp(key, "log_bytes");
            if (i == 6 && count && ok) fail_msg("accepted %s that a sum overflows", key);
            json_decref(c.header);
        }
        json_decref(changed);
    }
    json_decref(metadata);
}

/* Gives a field of the metadata of last.safetensors another value. */
static void forge(const char *run, const char *key, const char *value)
{
    size_t size;
    uint64_t length;
    char *bytes = read_text(file(run, "last.safetensors"), &size);
    memcpy(&length, bytes, 8);
    json_t *header = json_loadb(bytes + 8, length, 0, NULL);
    json_object_set_new(json_object_get(header, "__metadata__"), key, json_string(value));
    char *text = json_dumps(header, JSON_COMPACT);
    uint64_t longer = (strlen(text) + 7) / 8 * 8;
    FILE *f = fopen(file(run, "last.safetensors"), "wb");
    fwrite(&longer, 1, 8, f);
    fprintf(f, "%-*s", (int)longer, text);
    fwrite(bytes + 8 + length, 1, size - 8 - length, f);
    fclose(f);
    free(text);
    free(bytes);
    json_decref(header);
}

/* What the metadata say must fit the data and the log. */
static void test_forged_metadata(void **state)
{
    static const struct {
        const char *key, *value, *message;
    } forged[] = {{"classes", "7", "classes, the run in"},
                  {"classes", "4294967296", "had 4294967296"},
                  {"log_bytes", "4294967296", "was written after 4294967296"},
                  {"samples", "49", "training samples, the run in"}};
    RtError e;
    (void)state;
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        char run[20];
        snprintf(run, sizeof run, "forged%zu", i);
        fake_signal_at = STEPS + 1;
        assert_int_equal(train(run, false, &e), RT_INTERRUPTED);
        forge(run, forged[i].key, forged[i].value);
        assert_int_equal(train(run, true, &e), RT_BAD_INPUT);
        assert_non_null(strstr(e.text, forged[i].message));
    }
}

/* No room for the checkpoint of the second epoch: exit code 3, the first one stays, the run can go on later.
 */
static void test_full_disk(void **state)
{
    RtError e;
    struct rlimit before, small;
    (void)state;
    fake_signal_at = STEPS + 1;
    assert_int_equal(train("full", false, &e), RT_INTERRUPTED);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 800; /* enough for a line of the log, too little for a checkpoint */
    setrlimit(RLIMIT_FSIZE, &small);
    int code = train("full", true, &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(code, RT_SYSTEM);
    assert_non_null(strstr(e.text, "cannot write: File too large"));
    assert_false(exists("full", "last.safetensors.tmp"));
    if (train("full", true, &e)) fail_msg("%s", e.text);
    expect_same_run("whole", "full");
}

static void test_bad_directory(void **state)
{
    RtError e;
    (void)state;
    close(open(file("", "plain"), O_CREAT | O_WRONLY, 0666));
    assert_int_equal(train("plain/run", false, &e), RT_SYSTEM);
    assert_non_null(
        strstr(e.text, "cannot make this directory: Not a directory\nhelp: choose another with --out DIR"));
}

static void test_no_train_block(void **state)
{
    RtError e;
    Program bare = program;
    Options o = options_for("bare");
    Session s = {.program = &bare, .options = &o, .calls = &fake_calls};
    (void)state;
    bare.settings = NULL;
    assert_false(train_command(&s, &e));
    assert_int_equal(e.code, RT_BAD_INPUT);
    assert_non_null(strstr(e.text, "'my nets/toy.dnw' has no train block, so this program cannot train"));
    session_close(&s);
}

static int set_up(void **state)
{
    RtError e;
    (void)state;
    return mkdtemp(directory) && program_open(&program, &fake_program, &e) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    program_close(&program);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_run),          cmocka_unit_test(test_interrupted_anywhere),
        cmocka_unit_test(test_interrupted_often),  cmocka_unit_test(test_killed),
        cmocka_unit_test(test_not_finite),         cmocka_unit_test(test_directory_in_use),
        cmocka_unit_test(test_finished),           cmocka_unit_test(test_longer),
        cmocka_unit_test(test_forced_and_stopped), cmocka_unit_test(test_other_settings),
        cmocka_unit_test(test_other_program),      cmocka_unit_test(test_bad_metadata),
        cmocka_unit_test(test_full_disk),          cmocka_unit_test(test_bad_directory),
        cmocka_unit_test(test_no_train_block),     cmocka_unit_test(test_forged_metadata),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
