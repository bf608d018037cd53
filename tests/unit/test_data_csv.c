/* test_data_csv.c: tables of text: what is read, what the target becomes, and the text of every refusal. */
#include "data_test.h"

#define CSV(target, test, split)                                                                             \
    "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":" target ",\"test\":\"" test                  \
    "\",\"split\":" split "}}"
#define ALL(target) CSV(target, "", "0")
#define FORM(target, more)                                                                                   \
    "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":" target ",\"split\":0," more "}}"

static Data *read_table(const char *text, const char *setting)
{
    put_text("t.csv", text);
    Data *d = open_data(setting, &here);
    expect_peek(setting, &here, d);
    return d;
}

static void expect_floats(const float *have, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        if (have[i] != want[i]) fail_msg("number %d: %g, wanted %g", i, (double)have[i], (double)want[i]);
}

static void expect_labels(const Data *d, int classes, int n, const int *want)
{
    assert_int_equal(d->classes, classes);
    assert_int_equal(d->train.samples, n);
    assert_null(d->train.targets);
    for (int i = 0; i < n; i++) assert_int_equal(d->train.labels[i], want[i]);
}

static void test_header_and_class_numbers(void **state)
{
    (void)state;
    Data *d = read_table("a,label,b\n1,0,2\n-3.5,2,4e1\n+.5,1,6.\n", ALL("\"label\""));
    assert_int_equal(d->rank, 1);
    assert_int_equal(d->features, 2);
    expect_labels(d, 3, 3, (int[]){0, 2, 1});
    expect_floats(d->train.floats, (float[]){1, 2, -3.5f, 40, 0.5f, 6}, 6);
    data_free(d);
}

static void test_no_header_and_numbers(void **state)
{
    (void)state;
    Data *d = read_table("1,2,3\n4,5,6.5\n7,8,-1", ALL("2"));
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->target_size, 1);
    assert_null(d->train.labels);
    assert_int_equal(d->train.samples, 3);
    expect_floats(d->train.floats, (float[]){1, 2, 4, 5, 7, 8}, 6);
    expect_floats(d->train.targets, (float[]){3, 6.5f, -1}, 3);
    data_free(d);
}

static void test_texts_are_classes(void **state)
{
    (void)state;
    Data *d = read_table("x,kind\n1,dog\n2,cat\n3,dog\n4,\"a, b\"\n5,a\n", ALL("\"kind\""));
    expect_labels(d, 4, 5, (int[]){3, 2, 3, 1, 0});
    data_free(d);
    d = read_table("x,kind\n1,7\n2,A\n3,B\n", ALL("1")); /* digits may stand among texts */
    expect_labels(d, 3, 3, (int[]){0, 1, 2});
    data_free(d);
}

/* Only digits, and below 1000, make classes. */
static void test_what_is_a_class_number(void **state)
{
    (void)state;
    const char *numbers[] = {"1,1000\n2,3\n", "1,-1\n2,3\n", "1,3.0\n2,3\n", "1,1e2\n2,3\n"};
    for (int i = 0; i < 4; i++) {
        Data *d = read_table(numbers[i], ALL("1"));
        assert_int_equal(d->classes, 0);
        data_free(d);
    }
    Data *d = read_table("1,999\n2,007\n", ALL("1"));
    expect_labels(d, 1000, 2, (int[]){999, 7});
    data_free(d);
}

static void test_forms(void **state)
{
    (void)state;
    const char *same[] = {
        "a,b,c\n1,2,0\n3,4,1\n",
        "a,b,c\r\n1,2,0\r\n3,4,1\r\n",
        "a,b,c\r1,2,0\r3,4,1",
        "\xEF\xBB\xBF\"a\",b,c\n\n1,2,0\n\r\n3,4,1\n\n",
        " a , b,c \n \"1\" ,\t2,0\n3, 4 ,\"1\"",
        "a,\"b\"\"\n,\",c\n1,2,0\n3,4,1\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        Data *d = read_table(same[i], ALL("\"c\""));
        expect_labels(d, 2, 2, (int[]){0, 1});
        expect_floats(d->train.floats, (float[]){1, 2, 3, 4}, 4);
        data_free(d);
    }
    unlink("t.csv");
    put_packed("t.csv.gz", "a,c\n1,0\n2,1\n", 12);
    Data *d = open_data(ALL("\"c\""), &here);
    expect_labels(d, 2, 2, (int[]){0, 1});
    data_free(d);
    unlink("t.csv.gz");
}

static void test_large(void **state)
{
    (void)state;
    FILE *f = fopen("t.csv", "w");
    fputs("a,b,c,d\n", f);
    for (int i = 0; i < 20000; i++) fprintf(f, "%d,%d.5,%d,%d\n", i, i, -i, i % 5);
    fclose(f);
    Data *d = open_data(ALL("3"), &here);
    assert_int_equal(d->train.samples, 20000);
    for (int i = 0; i < 20000; i++) {
        expect_floats(d->train.floats + i * 3, (float[]){(float)i, (float)i + 0.5f, (float)-i}, 3);
        assert_int_equal(d->train.labels[i], i % 5);
    }
    data_free(d);
    d = open_data(CSV("3", "", "0.25"), &here);
    assert_int_equal(d->train.samples, 15000);
    assert_int_equal(d->test.samples, 5000);
    for (int64_t i = 0; i < d->test.samples; i++)
        assert_int_equal(d->test.labels[i], (int)d->test.floats[i * 3] % 5);
    data_free(d);
}

static void test_test_file(void **state)
{
    (void)state;
    put_text("test.csv", "x,kind\n9,cat\n");
    Data *d = read_table("x,kind\n1,dog\n2,cat\n", CSV("\"kind\"", "test.csv", "0.5"));
    expect_labels(d, 2, 2, (int[]){1, 0});
    assert_int_equal(d->test.samples, 1);
    assert_int_equal(d->test.labels[0], 0);
    assert_true(d->test.floats[0] == 9);
    data_free(d);
    put_text("test.csv", "x,kind\n9,cow\n");
    expect_failure(CSV("\"kind\"", "test.csv", "0"), &here,
                   "test.csv, byte 9: row 2, column 2 ('kind'): 'cow' is no class of the training file");
    put_text("test.csv", "x,sort\n9,cat\n");
    expect_failure(CSV("\"kind\"", "test.csv", "0"), &here,
                   "test.csv, byte 2: row 1, column 2 ('sort'): 'sort' is not the name of this column in the "
                   "training file");
    put_text("test.csv", "1,2,3\n");
    expect_failure(CSV("\"kind\"", "test.csv", "0"), &here, "test.csv, byte 0: 3 columns, but t.csv has 2");
    put_text("t.csv", "1,0\n2,1\n");
    put_text("test.csv", "1,0\n2,2\n");
    expect_failure(CSV("1", "test.csv", "0"), &here,
                   "test.csv, byte 6: row 2, column 2: '2' is not a class, 0 .. 1 in the training file");
    put_text("t.csv", "1,0.5\n2,1\n");
    put_text("test.csv", "1,0\n2,a\n");
    expect_failure(CSV("1", "test.csv", "0"), &here,
                   "test.csv, byte 6: row 2, column 2: 'a' is not a number");
}

static void expect_csv_failure(const char *text, const char *target, const char *want)
{
    char setting[200];
    put_text("t.csv", text);
    snprintf(setting, sizeof setting,
             "{\"call\":\"csv\",\"args\":{\"file\":\"t.csv\",\"target\":%s,\"test\":\"\",\"split\":0}}",
             target);
    expect_failure(setting, &here, want);
    expect_peek_failure(setting, &here, RT_BAD_INPUT, want);
}

static void test_bad_cells(void **state)
{
    (void)state;
    expect_csv_failure("a,width,c\n1,2,0\n1,abc,0\n", "\"c\"",
                       "t.csv, byte 18: row 3, column 2 ('width'): 'abc' is not a number");
    expect_csv_failure("1,2,0\n1,0x10,0\n", "2", "t.csv, byte 8: row 2, column 2: '0x10' is not a number");
    expect_csv_failure("1,2,0\n1,2e,0\n", "2", "t.csv, byte 8: row 2, column 2: '2e' is not a number");
    expect_csv_failure("1,2,0\n1,.,0\n", "2", "t.csv, byte 8: row 2, column 2: '.' is not a number");
    expect_csv_failure("1,2,0\n1,,0\n", "2", "t.csv, byte 8: row 2, column 2: the cell is empty");
    expect_csv_failure("1,2,0\n1,\"\",0\n", "2", "t.csv, byte 8: row 2, column 2: the cell is empty");
    expect_csv_failure("1,2,0\n1,2,\n", "2", "t.csv, byte 10: row 2, column 3: the cell is empty");
    expect_csv_failure(",2,0\n1,2,0\n", "2", "t.csv, byte 0: row 1, column 1: the cell is empty");
    expect_csv_failure("1,2,0\n1,NaN,0\n", "2", "t.csv, byte 8: row 2, column 2: 'NaN' is not finite");
    expect_csv_failure("1,2,0\n1,-inf,0\n", "2", "t.csv, byte 8: row 2, column 2: '-inf' is not finite");
    expect_csv_failure("1,2,0\n1,2,nan\n", "2", "t.csv, byte 10: row 2, column 3: 'nan' is not finite");
    expect_csv_failure("1,2,0\n1,1e39,0\n", "2",
                       "t.csv, byte 8: row 2, column 2: '1e39' is too large for a 32-bit float");
    expect_csv_failure("1,2.5\n1,-1e300\n", "1",
                       "t.csv, byte 8: row 2, column 2: '-1e300' is too large for a 32-bit float");
    expect_csv_failure("a,b\n1,\"x\ny\"\n\"p\tq\",3\n", "1",
                       "t.csv, byte 12: row 4, column 1 ('a'): 'p?q' is not a number");
    expect_csv_failure(
        "a,b\n1,2.5\n1,2..5\n2,7\n", "1",
        "t.csv, byte 12: row 3, column 2 ('b'): '2..5' is not a number, as others of this column are");
    expect_csv_failure("a,b\naaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbc,1\n", "1",
                       "t.csv, byte 4: row 2, column 1 ('a'): 'aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbb...' "
                       "is not a number\n"
                       "help: ignore = \"a\" leaves the column out");
}

static void test_bad_rows(void **state)
{
    (void)state;
    expect_csv_failure("a,b\n1,2\n3\n", "1", "t.csv, byte 8: row 3 has 1 cell, the first row has 2");
    expect_csv_failure("a,b\n1,2\n\n3,4,5\n", "1", "t.csv, byte 9: row 4 has 3 cells, the first row has 2");
    expect_csv_failure("a,b\n1,\"2\n", "1", "t.csv, byte 6: row 2, column 2: the quote is never closed");
    expect_csv_failure("a,b\n\"1\"x,2\n", "1",
                       "t.csv, byte 7: row 2, column 1: text after the closing quote");
    expect_csv_failure("a,b\n", "1", "t.csv, byte 4: no rows after the header");
    expect_csv_failure("\n\r\n\n", "1", "t.csv, byte 0: the file holds no rows");
    expect_csv_failure("", "1", "t.csv, byte 0: the file is empty");
    expect_csv_failure("a\n1\n", "0",
                       "t.csv, byte 0: the first row has 1 column; features and a target are 2 at least");
    expect_csv_failure("\xFF\xFE"
                       "a",
                       "0", "t.csv, byte 0: the text is UTF-16; save it as UTF-8");
}

static void test_bad_target(void **state)
{
    (void)state;
    expect_csv_failure("a,b\n1,2\n", "\"c\"", "t.csv: no column is named 'c'\nhelp: columns are 'a', 'b'");
    expect_csv_failure("1,2\n1,2\n", "\"c\"",
                       "t.csv: no column is named 'c': the file has no header row\n"
                       "help: give the column's number: target = 0 .. 1; or header = true");
    expect_csv_failure(
        "a,b\n1,2\n", "2",
        "t.csv: target = 2, but the file has 2 columns\nhelp: the first column is 0: target = 0 .. 1");
    expect_csv_failure(
        "a,b\n1,2\n", "-1",
        "t.csv: target = -1, but the file has 2 columns\nhelp: the first column is 0: target = 0 .. 1");
    expect_csv_failure("a,b,a\n1,2,3\n", "\"a\"", "t.csv: columns 1 and 3 are both named 'a'");
    expect_csv_failure(
        "a,b\n1,2\n", "\"\"",
        "csv: 'target' is missing\n"
        "help: target = \"NAME\" of a column, or its number; the first column is 0; or a list of these");
    FILE *f = fopen("t.csv", "w");
    for (int i = 0; i < 1000; i++) fprintf(f, "%d,t%d\n", i, i);
    fclose(f);
    Data *d = open_data(ALL("1"), &here);
    assert_int_equal(d->classes, 1000);
    data_free(d);
    f = fopen("t.csv", "a");
    fputs("1,more\n", f);
    fclose(f);
    expect_failure(ALL("1"), &here,
                   "t.csv: column 2, the target, has 1001 different texts; classes are 1000 at most");
}

/* The same four numbers and two classes, in every form that is seen by itself. */
static void test_forms_that_are_seen(void **state)
{
    static const struct {
        const char *text, *form;
    } cases[] = {
        {"a;b;c\n1;2.5;0\n3;4;1\n", "t.csv: with a header, separator ';', decimal sign '.'"},
        {"a;b;c\n1;2,5;0\n3;4;1\n", "t.csv: with a header, separator ';', decimal sign ','"},
        {"a\tb\tc\n1\t2.5\t0\n3\t4\t1\n", "t.csv: with a header, separator tab, decimal sign '.'"},
        {"a\tb\tc\n1,0\t2,5\t0\n3,0\t4\t1\n", "t.csv: with a header, separator tab, decimal sign ','"},
        {"a b  c\n 1 2.5 0 \n3   4\t1\n", "t.csv: with a header, separator blanks, decimal sign '.'"},
        {"# from a scale\na,b,c\n1,2.5,0\n# pause\n3,4,1\n",
         "t.csv: with a header, separator ',', decimal sign '.'"},
        {"# two, commas, here\na,b,c\n1,2.5,0\n3,4,1\n",
         "t.csv: with a header, separator ',', decimal sign '.'"},
        {"# from a scale\n# a b c\n1 2.5 0\n3 4 1\n",
         "t.csv: with a header, separator blanks, decimal sign '.'"},
        {"#a,b,c\n1,2.5,x\n3,4,y\n", "t.csv: with a header, separator ',', decimal sign '.'"},
        {"a;b;c\n\"1\";\"2,5\";x\n\"3\";4;\"y;y\"\n",
         "t.csv: with a header, separator ';', decimal sign ','"},
        {"a,b,c\n1,2.5,New York\n3,4,Old York\n", "t.csv: with a header, separator ',', decimal sign '.'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Data *d = read_table(cases[i].text, FORM("\"c\"", "\"comment\":\"#\""));
        expect_labels(d, 2, 2, (int[]){0, 1});
        expect_floats(d->train.floats, (float[]){1, 2.5f, 3, 4}, 4);
        assert_string_equal(d->form, cases[i].form);
        assert_string_equal(d->warnings, "");
        data_free(d);
    }
}

/* What is said stands above what is seen. */
static void test_forms_that_are_said(void **state)
{
    (void)state;
    Data *d = read_table("1;5,2;5,0\n3;4,1;5,1\n", FORM("1", "\"separator\":\";\",\"decimal\":\",\""));
    expect_floats(d->train.targets, (float[]){5.2f, 4.1f}, 2);
    data_free(d);
    d = read_table("1\t2 0\n3\t4 1\n", FORM("1", "\"separator\":\"blank\""));
    assert_int_equal(d->features, 2);
    data_free(d);
    put_text("t.csv", "1\t0,5\n3\t1,5\n");
    expect_failure(FORM("0", "\"separator\":\"tab\",\"decimal\":\".\""), &here,
                   "t.csv, byte 2: row 1, column 2: '0,5' is not a number\n"
                   "help: the decimal sign of the table is '.'; decimal = \",\" says otherwise");
    expect_failure(FORM("0", "\"separator\":\"x\""), &here,
                   "csv: separator = \"x\" is none of \",\", \";\", \"tab\" and \"blank\"");
    expect_failure(FORM("0", "\"decimal\":\"..\""), &here,
                   "csv: decimal = \"..\" is none of \".\" and \",\"");
    expect_failure(FORM("0", "\"decimal\":\",\",\"separator\":\",\""), &here,
                   "csv: a comma is the separator or the decimal sign, not both");
    expect_failure(FORM("0", "\"comment\":\"//\""), &here,
                   "csv: comment = \"//\" is more than one character");
    expect_failure(FORM("0", "\"header\":1"), &here, "csv: 'header' must be true or false");
    put_text("t.csv", "#1,0\n#2,1\n");
    expect_failure(FORM("1", "\"comment\":\"#\""), &here, "t.csv, byte 0: the file holds no rows");
    d = open_data(FORM("0", "\"comment\":\"\""), &here);
    assert_int_equal(d->classes, 2);
    data_free(d);
}

static void test_header(void **state)
{
    (void)state;
    Data *d = read_table("0,1,2\n5,6,1\n7,8,0\n", FORM("\"2\"", "\"header\":null"));
    expect_labels(d, 2, 2, (int[]){1, 0});
    assert_string_equal(d->warnings, "t.csv: the first row counts 0, 1, 2, ... and is taken as the header; "
                                     "header = false makes it a sample");
    data_free(d);
    d = read_table("0,1,2\n5,6,1\n7,8,0\n", FORM("2", "\"header\":false"));
    expect_labels(d, 3, 3, (int[]){2, 1, 0});
    assert_string_equal(d->warnings, "");
    data_free(d);
    d = read_table("3,4,2\n5,6,1\n7,8,0\n", FORM("\"2\"", "\"header\":true"));
    expect_labels(d, 2, 2, (int[]){1, 0});
    assert_string_equal(d->warnings, "");
    data_free(d);
    d = read_table("5.1,3.5,setosa\n4.9,3,setosa\n6,2,other\n", ALL("2")); /* a text above texts is a value */
    expect_labels(d, 2, 3, (int[]){1, 1, 0});
    data_free(d);
    d = read_table("id,2019,2020\n1,0.5,0\n2,0.7,1\n", ALL("\"2020\""));
    expect_labels(d, 2, 2, (int[]){0, 1});
    data_free(d);
}

#define INDEX                                                                                                \
    "t.csv: column 1 has no name and counts the rows: it is learned from unless ignore = 0 leaves it out"

/* A column that numbers the rows, as pandas and R write it. */
static void test_row_numbers(void **state)
{
    const char *tables[] = {",a,c\n0,9,0\n1,8,1\n2,7,0\n", "\"a\",\"c\"\n\"1\",9,0\n\"2\",8,1\n\"3\",7,0\n",
                            ",0,c\n0,9,0\n1,8,1\n2,7,0\n"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        Data *d = read_table(tables[i], ALL("\"c\""));
        assert_int_equal(d->features, 2);
        assert_string_equal(d->warnings, INDEX);
        data_free(d);
        d = read_table(tables[i], FORM("\"c\"", "\"ignore\":0"));
        expect_floats(d->train.floats, (float[]){9, 8, 7}, 3);
        assert_string_equal(d->warnings, "");
        data_free(d);
    }
    Data *d = read_table("n,a,c\n0,9,0\n1,8,1\n2,7,0\n", ALL("\"c\"")); /* it has a name: it is meant */
    assert_string_equal(d->warnings, "");
    data_free(d);
    d = read_table(",a,c\n0,9,0\n1,8,1\n3,7,0\n", ALL("\"c\"")); /* does not count */
    assert_string_equal(d->warnings, "");
    data_free(d);
}

static void test_ignored_columns(void **state)
{
    (void)state;
    const char *text = "day,a,note,c\nmon,1,x,0\ntue,2,,1\n";
    Data *d = read_table(text, FORM("\"c\"", "\"ignore\":[\"day\",2]"));
    expect_floats(d->train.floats, (float[]){1, 2}, 2);
    data_free(d);
    expect_failure(ALL("\"c\""), &here,
                   "t.csv, byte 13: row 2, column 1 ('day'): 'mon' is not a number\n"
                   "help: ignore = \"day\" leaves the column out");
    expect_failure(FORM("\"c\"", "\"ignore\":[0,0]"), &here, "t.csv: column 1 is named twice in 'ignore'");
    expect_failure(FORM("\"c\"", "\"ignore\":\"c\""), &here, "t.csv: column 4 is both target and ignored");
    expect_failure(FORM("\"c\"", "\"ignore\":[0,1,2]"), &here,
                   "t.csv: beside target, group and what is ignored no column is left");
    expect_failure(FORM("\"c\"", "\"ignore\":[true]"), &here,
                   "csv: 'ignore' must be the name of a column, its number, or a list");
}

static void test_several_targets(void **state)
{
    (void)state;
    Data *d = read_table("p,a,b,q\n1,2,3,4\n5,6,7.5,8\n", ALL("[\"q\",\"a\"]"));
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->target_size, 2);
    assert_null(d->train.labels);
    expect_floats(d->train.floats, (float[]){1, 3, 5, 7.5f}, 4);
    expect_floats(d->train.targets, (float[]){4, 2, 8, 6}, 4);
    data_free(d);
    d = open_data(CSV("[3,1]", "", "0.5"), &here);
    assert_int_equal(d->test.samples, 1);
    assert_true(d->test.targets[0] == d->test.floats[0] + 3 && d->test.targets[1] == d->test.floats[0] + 1);
    data_free(d);
    expect_csv_failure("a,b,c\n1,2,3\n1,x,3\n", "[\"b\",\"c\"]",
                       "t.csv, byte 14: row 3, column 2 ('b'): 'x' is not a number");
    expect_csv_failure("a,b,c\n1,2,3\n1,,3\n", "[\"b\",\"c\"]",
                       "t.csv, byte 14: row 3, column 2 ('b'): the cell is empty");
    expect_csv_failure("a,b,c\n1,2,3\n", "[\"b\",1]", "t.csv: column 2 is named twice in 'target'");
    expect_csv_failure(
        "a,b,c\n1,2,3\n", "[]",
        "csv: 'target' is missing\n"
        "help: target = \"NAME\" of a column, or its number; the first column is 0; or a list of these");
}

static void test_labels_from_one(void **state)
{
    (void)state;
    Data *d = read_table("a,c\n1,1\n2,3\n3,2\n", ALL("\"c\""));
    assert_string_equal(d->warnings, "t.csv: no label is 0: labels are 1 .. 3 and seem to start at 1, where "
                                     "classes count from 0");
    data_free(d);
}

static void test_split(void **state)
{
    (void)state;
    Data *d = read_table("1,0\n2,1\n", CSV("1", "", "0.000001")); /* at least one row is held out */
    assert_int_equal(d->train.samples, 1);
    assert_int_equal(d->test.samples, 1);
    data_free(d);
    expect_failure(CSV("1", "", "1"), &here,
                   "csv: split = 1 leaves none of the 2 samples to train on\n"
                   "help: split = 0.2 holds a fifth out for the test");
    expect_failure(CSV("1", "", "1.5"), &here, "csv: split = 1.5 is not in 0 .. 1");
    unlink("t.csv");
    expect_peek_failure(
        ALL("1"), &here, RT_OK,
        "t.csv: no such file\n"
        "help: a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
    expect_failure(ALL("1"), &here,
                   "t.csv: no such file\n"
                   "help: a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_and_class_numbers),
        cmocka_unit_test(test_no_header_and_numbers),
        cmocka_unit_test(test_texts_are_classes),
        cmocka_unit_test(test_what_is_a_class_number),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_test_file),
        cmocka_unit_test(test_bad_cells),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_bad_target),
        cmocka_unit_test(test_forms_that_are_seen),
        cmocka_unit_test(test_forms_that_are_said),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_row_numbers),
        cmocka_unit_test(test_ignored_columns),
        cmocka_unit_test(test_several_targets),
        cmocka_unit_test(test_labels_from_one),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests_name("data csv", tests, enter_directory, leave_directory);
}
