/* test_data_series.c: series of numbers in files: windows, targets ahead, which files are for what, scaling,
 * and what is refused. */
#include "data_test.h"

#define SERIES(more)                                                                                         \
    "{\"call\":\"series\",\"args\":{\"files\":\"s*.npy\",\"ahead\":1,\"each\":true," more "}}"
#define ALL(more) SERIES("\"split\":0," more)

/* Doubles first, first + 1, ... as an array of that shape. */
static void put_series(const char *path, const char *shape, int count, int first)
{
    char header[128];
    double numbers[64];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10);
    header[127] = '\n';
    char text[118];
    const int n =
        snprintf(text, sizeof text, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape);
    memcpy(header + 10, text, (size_t)n);
    for (int i = 0; i < count; i++) numbers[i] = first + i;
    FILE *f = fopen(path, "wb");
    fwrite(header, 1, sizeof header, f), fwrite(numbers, sizeof *numbers, (size_t)count, f);
    fclose(f);
}

/* Four files of six rows with two columns: file f has 100 f, 100 f + 1 in its first row. */
static void put_four(void)
{
    remove_all();
    for (int f = 0; f < 4; f++) {
        char path[16];
        snprintf(path, sizeof path, "s%d.npy", f);
        put_series(path, "(6, 2)", 12, 100 * f);
    }
    put_series("other.npy", "(6, 2)", 12, 7000);
}

/* Samples are rows that begin with these numbers; targets those `ahead` rows behind, or behind the last. */
static void expect_samples(const Data *d, const DataSplit *s, int ahead, int count, const int *first)
{
    assert_int_equal(s->samples, count);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < d->features; k++)
            assert_true(s->floats[i * d->features + k] == (float)(first[i] + k));
        const int begin = first[i] + 2 * ahead + (int)(d->features - d->target_size);
        for (int k = 0; k < d->target_size; k++)
            assert_true(s->targets[i * d->target_size + k] == (float)(begin + k));
    }
}

static void test_windows(void **state)
{
    (void)state;
    put_four();
    Data *d = open_data(ALL("\"window\":2"), &here);
    expect_peek(ALL("\"window\":2"), &here, d);
    assert_int_equal(d->rank, 2), assert_int_equal(d->shape[0], 2), assert_int_equal(d->shape[1], 2);
    assert_int_equal(d->positions, 2), assert_int_equal(d->target_size, 4), assert_int_equal(d->classes, 0);
    expect_samples(d, &d->train, 1, 8, (int[]){0, 4, 100, 104, 200, 204, 300, 304});
    assert_int_equal(d->test.samples, 0);
    data_free(d);
    d = open_data("{\"call\":\"series\",\"args\":{\"files\":\"s0.npy\",\"window\":3,\"step\":1,\"ahead\":2,"
                  "\"each\":false,\"split\":0}}",
                  &here);
    assert_int_equal(d->positions, 0), assert_int_equal(d->target_size, 2);
    expect_samples(d, &d->train, 2, 2, (int[]){0, 2});
    data_free(d);
}

static void test_parts(void **state)
{
    (void)state;
    put_four();
    Data *d = open_data(SERIES("\"window\":5,\"split\":0.5,\"test\":[0,1],\"validation\":3"), &here);
    expect_samples(d, &d->train, 1, 1, (int[]){200});
    expect_samples(d, &d->test, 1, 2, (int[]){0, 100});
    expect_samples(d, &d->validation, 1, 1, (int[]){300});
    RtError e = {0};
    assert_false(data_validation(d, 0.5, 1, &e));
    assert_string_equal(e.text, "series: it has validation samples of its own, beside validation = 0.5");
    data_free(d);
    d = open_data(SERIES("\"window\":5,\"split\":0.5,\"train\":[1,2]"), &here); /* the last windows */
    expect_samples(d, &d->train, 1, 1, (int[]){100});
    expect_samples(d, &d->test, 1, 1, (int[]){200});
    data_free(d);
    d = open_data(SERIES("\"window\":2,\"step\":1,\"split\":0.25,\"train\":0"), &here);
    expect_samples(d, &d->train, 1, 1, (int[]){0}); /* the next two have a row of the last one */
    expect_samples(d, &d->test, 1, 1, (int[]){6});
    data_free(d);
}

static void test_columns(void **state)
{
    (void)state;
    remove_all();
    put_series("s.npy", "(6,)", 6, 0);
    Data *d = open_data(ALL("\"window\":5"), &here);
    assert_int_equal(d->shape[1], 1), assert_int_equal(d->target_size, 5);
    assert_memory_equal(d->train.targets, ((float[]){1, 2, 3, 4, 5}), 20);
    data_free(d);
}

/* Of the files to train on: 0, 1, 2 and 3, each column for itself. */
static void test_scale(void **state)
{
    (void)state;
    RtError e = {0};
    Data d = {0};
    put_four();
    json_t *j = parse_setting(SERIES("\"window\":2,\"train\":0,\"split\":0,\"scale\":true"));
    assert_true(data_peek(j, &here, &d, &e) && data_is_scaled(j));
    assert_int_equal(d.scale.columns, 2);
    assert_true(d.scale.mean[0] == 5 && d.scale.mean[1] == 6);
    assert_true(fabs(d.scale.deviation[1] - sqrt(35.0 / 3)) < 1e-12);
    json_decref(j);
}

static void test_refused(void **state)
{
    (void)state;
    put_four();
    expect_failure(ALL("\"window\":6"), &here,
                   "series: no file to train with has the 7 rows of a window and its target");
    expect_failure(ALL("\"window\":2,\"train\":[2,4]"), &here,
                   "series: train = [2, 4], and the files are 0 .. 3");
    expect_failure(ALL("\"window\":2,\"train\":[0,2],\"test\":[2,3]"), &here,
                   "series: file 2 is in train and in test");
    const char *wrong[] = {"[2,1]", "[1]", "[0,1,2]", "-1", "0.5", "\"a\"", "[0,\"b\"]", "1e30", "true"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char setting[200];
        snprintf(setting, sizeof setting, ALL("\"window\":2,\"test\":%s"), wrong[i]);
        expect_failure(setting, &here,
                       "series: 'test' must be the numbers of the first and the last file\n"
                       "help: test = [5, 14]; the first file, by name, is 0");
    }
    expect_failure(ALL("\"window\":0"), &here, "series: window = 0 is not in 1 .. 1000000000");
    expect_failure("{\"call\":\"series\",\"args\":{\"files\":\"\",\"window\":2}}", &here,
                   "series: 'files' is missing: it names files");
    put_series("s2.npy", "(4, 3)", 12, 0);
    expect_failure(ALL("\"window\":2"), &here, "s2.npy, byte 10: 3 columns, and s0.npy has 2");
    put_series("s0.npy", "(2, 3, 2)", 12, 0);
    expect_failure(ALL("\"window\":2"), &here,
                   "s0.npy, byte 10: a series is (rows, columns) or (rows); this array has 3 dimensions");
    put_series("s0.npy", "(0, 2)", 0, 0);
    put_series("s2.npy", "(6, 2)", 11, 0);
    expect_failure(ALL("\"window\":2"), &here,
                   "s2.npy, byte 128: truncated in the elements of 6 samples: wanted 96 bytes, found 88");
    remove_all();
    expect_peek_failure(
        ALL("\"window\":2"), &here, RT_OK,
        "s*.npy: no such file\n"
        "help: a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
}

/* The last row of a window has the target, or each of them. */
static void test_each_row(void **state)
{
    (void)state;
#define CSV(more)                                                                                            \
    "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":\"y\",\"split\":0,\"window\":2" more "}}"
    put_text("t.csv", "a,y\n0.5,1\n1,0\n2,2\n3,1\n");
    Data *d = open_data(CSV(",\"each\":true"), &here);
    expect_peek(CSV(",\"each\":true"), &here, d);
    assert_int_equal(d->positions, 2), assert_int_equal(d->target_size, 2), assert_int_equal(d->classes, 3);
    assert_memory_equal(d->train.labels, ((int32_t[]){1, 0, 2, 1}), 16);
    assert_int_equal(d->most.sample, 1);
    data_free(d);
    d = open_data(CSV(",\"step\":1,\"each\":false"), &here);
    assert_int_equal(d->positions, 0);
    assert_memory_equal(d->train.labels, ((int32_t[]){0, 2, 1}), 12);
    data_free(d);
    expect_failure(
        "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":\"y\",\"split\":0,\"each\":true}}", &here,
        "csv: 'each' is of the rows of a window, and there is no 'window'\n"
        "help: window = 32, each = true");
    expect_failure(CSV(",\"each\":1"), &here, "csv: 'each' must be true or false");
}

/* The samples of all test files, one file behind the other; windows end with their file. */
static void test_several_test_files(void **state)
{
    (void)state;
#define TESTS(tests)                                                                                         \
    "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":\"y\",\"split\":0,\"window\":2,\"each\":"     \
    "true,"                                                                                                  \
    "\"test\":" tests "}}"
    put_text("t.csv", "a,y\n0,1\n1,0\n2,2\n3,1\n");
    put_text("u.csv", "a,y\n10,1\n11,2\n12,2\n");
    put_text("v.csv", "a,y\n20,0\n21,1\n");
    Data *d = open_data(TESTS("[\"u.csv\",\"v.csv\"]"), &here);
    assert_int_equal(d->train.samples, 2), assert_int_equal(d->test.samples, 2);
    assert_memory_equal(d->test.floats, ((float[]){10, 11, 20, 21}), 16);
    assert_memory_equal(d->test.labels, ((int32_t[]){1, 2, 0, 1}), 16);
    data_free(d);
    d = open_data(TESTS("\"v.csv\""), &here);
    assert_int_equal(d->test.samples, 1);
    data_free(d);
    d = open_data(TESTS("\"\""), &here);
    assert_int_equal(d->test.samples, 0);
    data_free(d);
    const char *wrong[] = {TESTS("[\"u.csv\",1]"), TESTS("[\"\"]"), TESTS("5"), TESTS("true")};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_failure(wrong[i], &here, "csv: 'test' must be the path of a file, or a list of these");
    put_text("v.csv", "a,y\n20,0\n21,9\n");
    expect_failure(TESTS("[\"u.csv\",\"v.csv\"]"), &here,
                   "v.csv, byte 12: row 3, column 2 ('y'): '9' is not a class, 0 .. 2 in the training file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_each_row),
        cmocka_unit_test(test_several_test_files),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
