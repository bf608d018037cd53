/* test_log.c: log.jsonl grows by whole lines, is cut back to whole lines, and survives a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "common/log.h"

static char path[] = "/tmp/dnw_log_XXXXXX";

static void put(const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void expect(const char *text)
{
    char have[4096] = "";
    FILE *f = fopen(path, "r");
    size_t size = fread(have, 1, sizeof have - 1, f);
    fclose(f);
    have[size] = 0;
    assert_string_equal(have, text);
}

static void test_events(void **state)
{
    Log l;
    RtError e;
    (void)state;
    put("");
    assert_true(log_open(&l, path, 0, &e));
    assert_true(log_event(&l, json_pack("{s:s, s:i}", "event", "epoch", "epoch", 1), &e));
    assert_true(log_event(&l, json_pack("{s:o, s:o}", "loss", log_number(0.1), "bad", log_number(NAN)), &e));
    assert_true(log_sync(&l, &e));
    assert_int_equal(l.bytes, 52);
    log_close(&l);
    expect("{\"event\":\"epoch\",\"epoch\":1}\n{\"loss\":0.1,\"bad\":null}\n");
}

static const struct {
    const char *before;
    int64_t keep;
    const char *after;
} cuts[] = {
    {"a\nbb\nccc\n", 0, ""},
    {"a\nbb\nccc\n", 5, "a\nbb\n"},
    {"a\nbb\nccc\n", 9, "a\nbb\nccc\n"},
    {"a\nbb\nccc\n", 100, "a\nbb\nccc\n"},
    {"a\nbb\ncc", 100, "a\nbb\n"}, /* the last line was being written when the power failed */
    {"a\nbb\nccc\n", 7, "a\nbb\n"},
    {"cc", 2, ""},
    {"", 10, ""},
};

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        Log l;
        RtError e;
        put(cuts[i].before);
        assert_true(log_open(&l, path, cuts[i].keep, &e));
        assert_int_equal(l.bytes, strlen(cuts[i].after));
        log_close(&l);
        expect(cuts[i].after);
    }
}

static void test_long_line(void **state)
{
    enum { LONG = 10000 };
    Log l;
    RtError e;
    char *text = malloc(LONG + 3);
    (void)state;
    memset(text, 'x', LONG);
    memcpy(text, "a\n", 2);
    text[LONG] = 0;
    put(text);
    assert_true(log_open(&l, path, LONG, &e));
    assert_int_equal(l.bytes, 2);
    log_close(&l);
    free(text);
}

static void test_two_processes(void **state)
{
    Log a, b;
    RtError e;
    (void)state;
    put("a\n");
    assert_true(log_open(&a, path, 2, &e));
    assert_false(log_open(&b, path, 0, &e));
    assert_int_equal(e.code, RT_USAGE);
    expect("a\n");
    log_close(&a);
    assert_true(log_open(&b, path, 2, &e));
    log_close(&b);
}

static void test_full_disk(void **state)
{
    Log l;
    RtError e;
    struct rlimit before, small;
    (void)state;
    put("a\n");
    signal(SIGXFSZ, SIG_IGN);
    assert_true(log_open(&l, path, 2, &e));
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &small);
    bool ok = log_event(&l, json_pack("{s:s}", "event", "something long"), &e);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_false(ok);
    assert_int_equal(e.code, RT_SYSTEM);
    log_close(&l);
    expect("a\n");
}

static void test_unwritable(void **state)
{
    Log l;
    RtError e;
    (void)state;
    assert_false(log_open(&l, "/no/such/log.jsonl", 0, &e));
    assert_int_equal(e.code, RT_SYSTEM);
    assert_non_null(strstr(e.text, "/no/such/log.jsonl: cannot write"));
}

static void test_durations(void **state)
{
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0, "0 s"},           {59.4, "59 s"}, {200, "3 min 20 s"},
                 {7500, "2 h 05 min"}, {NAN, "?"},     {INFINITY, "?"}};
    char text[32];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log_duration(cases[i].seconds, text, sizeof text);
        assert_string_equal(text, cases[i].text);
    }
}

/* What a console that is a file gets: lines and nothing else. */
static void test_console(void **state)
{
    LogConsole c;
    LogProgress p = {.epoch = 1, .epochs = 2, .accuracy = NAN};
    (void)state;
    FILE *f = fopen(path, "w");
    log_console(&c, f, false);
    assert_false(c.terminal);
    log_progress(&c, &p);
    log_line(&c, "epoch %d", 1);
    log_console(&c, f, true);
    log_line(&c, "not seen");
    c = (LogConsole){.out = f, .terminal = true};
    log_progress(&c, &p);
    log_progress(&c, &p); /* too soon */
    log_line(&c, "epoch 2");
    fclose(f);
    expect("epoch 1\n\repoch 1/2  0%  loss 0.0000  0/s  0 s left  0 swapped\033[K\r\033[Kepoch 2\n");
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),    cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_long_line), cmocka_unit_test(test_two_processes),
        cmocka_unit_test(test_full_disk), cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_durations), cmocka_unit_test(test_console),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
