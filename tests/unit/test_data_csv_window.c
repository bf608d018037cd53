/* test_data_csv_window.c: rows of a table as sequences: windows, groups, how they are split, and what is
 * refused. */
#include "data_test.h"

#define CSV(more)   "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":\"y\",\"test\":\"\"," more "}}"
#define WHOLE(more) CSV("\"split\":0," more)

/* Rows i = 0 .. n-1: features i and -i, target i mod 3, group i / `rows` as a letter. */
static void put_table(int n, int rows)
{
    FILE *f = fopen("t.csv", "w");
    fputs("a,y,g,b\n", f);
    for (int i = 0; i < n; i++) fprintf(f, "%d,%d,%c,%d\n", i, i % 3, 'p' + i / rows, -i);
    fclose(f);
}

/* Sample i of a split is the rows first[i] .. */
static void expect_windows(const Data *d, const DataSplit *s, int length, int count, const int *first)
{
    assert_int_equal(d->rank, 2);
    assert_int_equal(d->shape[0], length);
    assert_int_equal(d->shape[1], 2);
    assert_int_equal(d->features, 2 * length);
    assert_false(d->image);
    assert_int_equal(s->samples, count);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < length; k++) {
            assert_true(s->floats[i * 2 * length + 2 * k] == (float)(first[i] + k));
            assert_true(s->floats[i * 2 * length + 2 * k + 1] == (float)-(first[i] + k));
        }
        assert_int_equal(s->labels[i], (first[i] + length - 1) % 3);
    }
}

/* Sample i of a split is the rows first[i] .. first[i + 1]; what has no row is NaN. */
static void expect_padded(const Data *d, const DataSplit *s, int length, int count, const int *first)
{
    assert_int_equal(d->shape[0], length);
    assert_int_equal(s->samples, count);
    for (int i = 0; i < count; i++) {
        const int rows = first[i + 1] - first[i];
        for (int k = 0; k < length; k++) {
            const float *x = s->floats + (i * length + k) * 2;
            if (k < rows) assert_true(x[0] == (float)(first[i] + k) && x[1] == (float)-(first[i] + k));
            else assert_true(isnan(x[0]) && isnan(x[1]));
            const int class = k < rows ? (first[i] + k) % 3 : -1;
            if (d->positions) assert_int_equal(s->labels[i * length + k], class);
        }
        if (!d->positions) assert_int_equal(s->labels[i], (first[i + 1] - 1) % 3);
        assert_int_equal(data_padded_wrong(s->floats + i * length * 2, length, 2), -1);
    }
}

static void expect_whole(const char *setting, int length, int count, const int *first)
{
    Data *d = open_data(setting, &here);
    expect_peek(setting, &here, d);
    assert_int_equal(d->test.samples, 0);
    expect_windows(d, &d->train, length, count, first);
    data_free(d);
}

#define GROUP "\"group\":\"g\""

static void test_windows(void **state)
{
    (void)state;
    put_table(10, 5);
    expect_whole(WHOLE("\"window\":2,\"step\":null," GROUP), 2, 4,
                 (int[]){0, 2, 5, 7}); /* rows 4 and 9 fill none */
    expect_whole(WHOLE("\"window\":3,\"step\":1," GROUP), 3, 6, (int[]){0, 1, 2, 5, 6, 7});
    expect_whole(WHOLE("\"window\":2,\"step\":3," GROUP), 2, 4, (int[]){0, 3, 5, 8}); /* with a gap */
    expect_whole(WHOLE("\"window\":5," GROUP), 5, 2, (int[]){0, 5});
    expect_whole(WHOLE("\"window\":1," GROUP), 1, 10, (int[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
    expect_whole(WHOLE("\"window\":null,\"step\":null," GROUP), 5, 2, (int[]){0, 5});
    put_table(10, 7); /* the second group is too short for a window */
    expect_whole(WHOLE("\"window\":4," GROUP), 4, 1, (int[]){0});
    expect_whole(WHOLE("\"window\":4,\"group\":2"), 4, 1, (int[]){0});
}

/* Without a group, the group's column would be text. */
static void test_no_group(void **state)
{
    (void)state;
    put_text("t.csv", "a,y,b\n0,0,0\n1,1,-1\n2,2,-2\n3,0,-3\n4,1,-4\n");
    expect_whole(WHOLE("\"window\":2"), 2, 2, (int[]){0, 2});
    expect_whole(WHOLE("\"window\":3,\"step\":2"), 3, 2, (int[]){0, 2});
    put_text("t.csv", "a,y,b\n0,0.5,0\n1,1.5,-1\n2,2.5,-2\n3,3.5,-3\n");
    Data *d = open_data(WHOLE("\"window\":2"), &here);
    assert_int_equal(d->classes, 0);
    assert_true(d->train.targets[0] == 1.5f && d->train.targets[1] == 3.5f);
    data_free(d);
}

/* Several targets: those of the last row of each window. */
static void test_several_targets(void **state)
{
    (void)state;
    put_text("t.csv", "a,y,z,g\n0,1,2,p\n3,4,5,p\n6,7,8,q\n9,10,11,q\n");
    Data *d = open_data("{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":[\"z\",\"y\"],\"split\":0,"
                        "\"window\":2,\"group\":\"g\"}}",
                        &here);
    assert_int_equal(d->target_size, 2);
    assert_int_equal(d->features, 2);
    assert_int_equal(d->train.samples, 2);
    assert_memory_equal(d->train.targets, ((float[]){5, 4, 11, 10}), 16);
    data_free(d);
}

/* A group's name that comes back begins another sequence. */
static void test_groups_by_change(void **state)
{
    (void)state;
    put_text("t.csv", "a,y,g,b\n0,0,p,0\n1,1,p,-1\n2,2,q,-2\n3,0,q,-3\n4,1,p,-4\n5,2,p,-5\n");
    expect_whole(WHOLE(GROUP), 2, 3, (int[]){0, 2, 4});
    expect_whole(WHOLE("\"window\":2,\"step\":1," GROUP), 2, 3, (int[]){0, 2, 4});
}

static int first_row(const DataSplit *s, int64_t i, int length)
{
    return (int)s->floats[i * 2 * length];
}

/* Windows that overlap: the last ones are the test, and no row is on both sides. */
static void test_split_by_position(void **state)
{
    (void)state;
    put_table(100, 50);
    Data *d = open_data(CSV("\"split\":0.25,\"window\":10,\"step\":5," GROUP), &here);
    assert_int_equal(d->test.samples, 5); /* of 18, rounded up */
    assert_int_equal(d->train.samples, 12);
    int train_end = first_row(&d->train, d->train.samples - 1, 10) + 10;
    assert_int_equal(first_row(&d->test, 0, 10), 70);
    assert_int_equal(first_row(&d->test, 4, 10), 90);
    assert_int_equal(train_end, 70);
    for (int64_t i = 0; i < d->train.samples; i++) assert_true(first_row(&d->train, i, 10) + 10 <= 70);
    data_free(d);
    d = open_data(CSV("\"split\":0.5,\"window\":10,\"step\":1," GROUP),
                  &here); /* between two groups none is lost */
    assert_int_equal(d->test.samples, 41);
    assert_int_equal(d->train.samples, 41);
    data_free(d);
    expect_failure(
        CSV("\"split\":0.9,\"window\":40,\"step\":1,\"group\":\"g\""), &here,
        "csv: split = 0.9 leaves none of the 22 windows to train on\n"
        "help: windows that overlap those of the test are left out; a smaller split, or step = 40");
}

/* Windows without common rows are drawn, as rows are. */
static void test_split_by_draw(void **state)
{
    (void)state;
    put_table(400, 200);
    Data *d = open_data(CSV("\"split\":0.25,\"window\":2," GROUP), &here);
    int seen[400] = {0}, last = 0;
    assert_int_equal(d->train.samples, 150);
    assert_int_equal(d->test.samples, 50);
    for (int64_t i = 0; i < d->train.samples; i++) seen[first_row(&d->train, i, 2)]++;
    for (int64_t i = 0; i < d->test.samples; i++)
        seen[first_row(&d->test, i, 2)]++, last = i ? last : first_row(&d->test, i, 2);
    for (int i = 0; i < 400; i++) assert_int_equal(seen[i], i % 2 == 0);
    assert_true(last < 300); /* not the last quarter */
    data_free(d);
}

#define TESTED(more)                                                                                         \
    "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":\"y\",\"test\":\"u.csv\",\"split\":0.2," more \
    "}}"

static void test_test_file(void **state)
{
    (void)state;
    put_table(9, 3);
    rename("t.csv", "u.csv");
    put_table(12, 3);
    Data *d = open_data(TESTED(GROUP), &here);
    expect_windows(d, &d->train, 3, 4, (int[]){0, 3, 6, 9});
    expect_windows(d, &d->test, 3, 3, (int[]){0, 3, 6});
    data_free(d);
    d = open_data(TESTED("\"window\":2,\"step\":1," GROUP), &here);
    assert_int_equal(d->train.samples, 8);
    assert_int_equal(d->test.samples, 6);
    data_free(d);
    put_table(8, 4); /* the longest group of all files says how many positions samples have */
    d = open_data(TESTED(GROUP), &here);
    assert_true(d->padded);
    expect_padded(d, &d->train, 4, 2, (int[]){0, 4, 8});
    expect_padded(d, &d->test, 4, 3, (int[]){0, 3, 6, 9});
    data_free(d);
    unlink("u.csv");
}

/* Some columns of a table, and all of them, as the program scales them. */
static void test_scale(void **state)
{
    static const char *const settings[] = {WHOLE("\"scale\":[\"b\"]"), WHOLE("\"scale\":2"),
                                           WHOLE("\"scale\":true")};
    (void)state;
    put_text("t.csv", "a,y,b\n1,0,10\n3,1,30\n");
    for (int i = 0; i < 3; i++) {
        RtError e = {0};
        Data d;
        json_t *j = parse_setting(settings[i]);
        assert_true(data_is_scaled(j) && data_peek(j, &here, &d, &e));
        json_decref(j);
        assert_int_equal(d.scale.columns, 2);
        assert_true(d.scale.mean[0] == (i < 2 ? 0 : 2) && d.scale.deviation[0] == 1);
        assert_true(d.scale.mean[1] == 20 && d.scale.deviation[1] == 10);
    }
    expect_peek_failure(WHOLE("\"scale\":\"y\""), &here, RT_BAD_INPUT,
                        "t.csv: column 2 is target, and 'scale' is of features");
    expect_peek_failure(WHOLE("\"scale\":\"c\""), &here, RT_BAD_INPUT,
                        "t.csv: no column is named 'c'\nhelp: columns are 'a', 'y', 'b'");
    expect_failure(WHOLE("\"scale\":[true]"), &here,
                   "csv: 'scale' must be true or false, the name of a column, its number, or a list");
}

/* Windows that share rows are held out as one stretch, and no row is on both sides. */
static void test_validation(void **state)
{
    RtError e = {0};
    (void)state;
    put_table(100, 50);
    Data *d = open_data(WHOLE("\"window\":10,\"step\":5," GROUP), &here);
    assert_int_equal(d->train.samples, 18);
    assert_true(data_validation(d, 0.2, 1, &e));
    assert_int_equal(d->validation.samples, 4);
    assert_int_equal(first_row(&d->validation, 0, 10), 75);
    assert_int_equal(first_row(&d->validation, 3, 10), 90);
    assert_int_equal(d->train.samples, 13); /* of rows 70 .. 79 half are held out */
    assert_int_equal(first_row(&d->train, 12, 10), 65);
    data_free(d);
    d = open_data(WHOLE("\"window\":40,\"step\":1," GROUP), &here);
    assert_false(data_validation(d, 0.9, 1, &e));
    assert_string_equal(e.text, "csv: validation = 0.9 leaves none of the 22 training windows to train on\n"
                                "help: windows that share rows with those of the validation are left out; a "
                                "smaller share, or a larger step of the windows");
    data_free(d);
    d = open_data(WHOLE("\"window\":10," GROUP), &here); /* no rows in common: drawn */
    e = (RtError){0};
    assert_true(data_validation(d, 0.2, 1, &e));
    assert_int_equal(d->train.samples + d->validation.samples, 10);
    data_free(d);
}

/* Groups of different lengths are samples that end where the group does. */
static void test_padded(void **state)
{
    (void)state;
    put_table(10, 4);
    Data *d = open_data(WHOLE(GROUP), &here);
    assert_true(d->padded);
    expect_peek(WHOLE(GROUP), &here, d);
    expect_padded(d, &d->train, 4, 3, (int[]){0, 4, 8, 10});
    data_free(d);
    d = open_data(WHOLE("\"each\":true," GROUP), &here);
    expect_padded(d, &d->train, 4, 3, (int[]){0, 4, 8, 10});
    assert_int_equal(d->labels.count, 3); /* what is not there is no label */
    assert_true(d->labels.least == 0);
    data_free(d);
    d = open_data(CSV("\"split\":0.34," GROUP), &here); /* they are split like rows */
    assert_int_equal(d->train.samples, 2);
    assert_int_equal(d->test.samples, 1);
    data_free(d);
    put_table(9, 3);
    d = open_data(WHOLE(GROUP), &here);
    assert_false(d->padded);
    data_free(d);
}

/* What is right in a sample: finite, then NaN. */
static void test_padded_wrong(void **state)
{
    const float n = NAN;
    (void)state;
    assert_int_equal(data_padded_wrong((float[]){1, 2, 3, 4}, 2, 2), -1);
    assert_int_equal(data_padded_wrong((float[]){1, 2, n, n}, 2, 2), -1);
    assert_int_equal(data_padded_wrong((float[]){1, n, n, n}, 2, 2), 1); /* one position at least */
    assert_int_equal(data_padded_wrong((float[]){n, n, 3, 4}, 2, 2), 0);
    assert_int_equal(data_padded_wrong((float[]){1, 2, 3, n}, 2, 2), 3);
    assert_int_equal(data_padded_wrong((float[]){1, INFINITY, n, n}, 2, 2), 1);
}

static void test_refusals(void **state)
{
    (void)state;
    put_table(10, 6);
    expect_failure(WHOLE("\"window\":7," GROUP), &here,
                   "t.csv: a window takes 7 rows and the longest group, from row 2 on, has 6\nhelp: window = "
                   "6, or less");
    expect_failure(WHOLE("\"window\":2,\"group\":\"group\""), &here,
                   "t.csv: no column is named 'group'\nhelp: columns are 'a', 'y', 'g', 'b'");
    expect_failure(
        WHOLE("\"window\":2,\"group\":9"), &here,
        "t.csv: group = 9, but the file has 4 columns\nhelp: the first column is 0: group = 0 .. 3");
    expect_failure(WHOLE("\"window\":2,\"group\":\"y\""), &here, "t.csv: column 2 is both target and group");
    expect_failure(WHOLE("\"window\":2,\"group\":true"), &here,
                   "csv: 'group' must be the name of a column, or its number");
    expect_failure(WHOLE("\"window\":2.5"), &here, "csv: 'window' must be a whole number");
    expect_failure(WHOLE("\"window\":0"), &here, "csv: window = 0 is not in 1 .. 1000000000");
    expect_failure(
        WHOLE("\"step\":4"), &here,
        "csv: 'step' is from window to window, and there is no 'window'\nhelp: window = 32, step = 4");
    expect_failure(WHOLE("\"window\":2"), &here,
                   "t.csv, byte 12: row 2, column 3 ('g'): 'p' is not a number\n"
                   "help: ignore = \"g\" leaves the column out");
    put_text("t.csv", "a,y\n1,0\n2,1\n3,0\n");
    expect_failure(WHOLE("\"window\":4"), &here,
                   "t.csv: a window takes 4 rows and the file has 3\nhelp: window = 3, or less");
    expect_failure(WHOLE("\"window\":1,\"group\":\"a\""), &here,
                   "t.csv: beside target, group and what is ignored no column is left");
    put_text("t.csv", "a,g,y\n1,p,0\n2,,1\n");
    expect_failure(WHOLE("\"window\":1,\"group\":\"g\""), &here,
                   "t.csv, byte 14: row 3, column 2 ('g'): the cell is empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_no_group),
        cmocka_unit_test(test_groups_by_change),
        cmocka_unit_test(test_split_by_position),
        cmocka_unit_test(test_split_by_draw),
        cmocka_unit_test(test_test_file),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_validation),
        cmocka_unit_test(test_padded),
        cmocka_unit_test(test_padded_wrong),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_several_targets),
    };
    return cmocka_run_group_tests(tests, enter_directory, leave_directory);
}
