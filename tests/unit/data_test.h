/* data_test.h: what the tests of data sets share: a temporary directory that is the current one, files in it,
 * and opening a data set that must work or must fail with one exact text.
 */
#ifndef DATA_TEST_H
#define DATA_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include "data/data.h"

static char test_directory[] = "/tmp/dnw-data-XXXXXX";
static const DataContext here = {.base = ".", .seed = 1};

static inline int enter_directory(void **state)
{
    (void)state;
    return mkdtemp(test_directory) && chdir(test_directory) == 0 ? 0 : -1;
}

/* Removes what is in the current directory. */
static inline void remove_all(void)
{
    DIR *d = opendir(".");
    for (struct dirent *f; d && (f = readdir(d));) {
        if (strcmp(f->d_name, ".") == 0 || strcmp(f->d_name, "..") == 0) continue;
        if (unlink(f->d_name) == 0 || chdir(f->d_name) != 0) continue;
        remove_all();
        if (chdir("..") == 0) rmdir(f->d_name);
    }
    if (d) closedir(d);
}

static inline int leave_directory(void **state)
{
    (void)state;
    if (chdir(test_directory) != 0) return -1;
    remove_all();
    return chdir("/") || rmdir(test_directory);
}

static inline void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static inline void put_text(const char *path, const char *text)
{
    put(path, text, strlen(text));
}

static inline void put_packed(const char *path, const void *bytes, size_t n)
{
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
}

/* Cuts the last bytes off a file, or turns one byte over. */
static inline void cut(const char *path, int64_t bytes)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(truncate(path, s.st_size - bytes), 0);
}

static inline void damage(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x55, f);
    fclose(f);
}

static inline json_t *parse_setting(const char *text)
{
    json_error_t error;
    json_t *j = json_loads(text, 0, &error);
    if (!j) fail_msg("%s: %s", text, error.text);
    return j;
}

static inline Data *open_data(const char *setting, const DataContext *c)
{
    RtError e = {0};
    json_t *j = parse_setting(setting);
    Data *d = data_open(j, c, &e);
    json_decref(j);
    if (!d) fail_msg("%s: %s", setting, e.text);
    return d;
}

static inline void expect_failure(const char *setting, const DataContext *c, const char *want)
{
    RtError e = {0};
    json_t *j = parse_setting(setting);
    Data *d = data_open(j, c, &e);
    json_decref(j);
    if (d) fail_msg("%s was opened, wanted: %s", setting, want);
    assert_string_equal(e.text, want);
    assert_int_equal(e.code, RT_BAD_INPUT);
}

/* Peek must agree with what open finds. */
static inline void expect_peek(const char *setting, const DataContext *c, const Data *want)
{
    RtError e = {0};
    Data d;
    json_t *j = parse_setting(setting);
    bool good = data_peek(j, c, &d, &e);
    json_decref(j);
    if (!good) fail_msg("%s: %s", setting, e.text);
    assert_string_equal(d.name, want->name);
    assert_int_equal(d.rank, want->rank);
    assert_memory_equal(d.shape, want->shape, sizeof *d.shape * (size_t)d.rank);
    assert_int_equal(d.features, want->features);
    assert_int_equal(d.classes, want->classes);
    assert_int_equal(d.target_size, want->target_size);
    assert_int_equal(d.positions, want->positions);
    assert_int_equal(d.image, want->image);
    assert_int_equal(d.channels, want->channels);
    assert_memory_equal(d.mean, want->mean, sizeof d.mean);
    assert_memory_equal(d.std, want->std, sizeof d.std);
    assert_int_equal(d.train.samples, 0);
}

static inline void expect_peek_failure(const char *setting, const DataContext *c, int code, const char *want)
{
    RtError e = {.code = 77, .text = "untouched"};
    Data d;
    json_t *j = parse_setting(setting);
    assert_false(data_peek(j, c, &d, &e));
    json_decref(j);
    assert_string_equal(e.text, want);
    assert_int_equal(e.code, code);
}
#endif
