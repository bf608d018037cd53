/* test_data_npy.c: NumPy arrays: types, shapes, versions, and the text of every refusal. */
#include "data_test.h"

#define NPY(more) "{\"call\":\"npy\",\"args\":{\"x\":\"x.npy\",\"y\":\"y.npy\"," more "}}"
#define ALL       NPY("\"test_x\":\"\",\"test_y\":\"\",\"split\":0")
#define TESTED    NPY("\"test_x\":\"tx.npy\",\"test_y\":\"ty.npy\",\"split\":0")

static uint8_t file[1 << 16];
static size_t file_size;

/* Puts version, header text and elements into `file`; the header is padded to 64 bytes as NumPy does. */
static void npy_bytes(int version, const char *header, const void *elements, size_t bytes)
{
    size_t word = version == 1 ? 2 : 4, n = strlen(header), total = (8 + word + n + 1 + 63) / 64 * 64;
    size_t length = total - 8 - word;

    memcpy(file, "\x93NUMPY", 6);
    file[6] = (uint8_t)version;
    file[7] = 0;
    for (size_t i = 0; i < word; i++) file[8 + i] = (uint8_t)(length >> 8 * i);
    memset(file + 8 + word, ' ', length);
    memcpy(file + 8 + word, header, n);
    file[total - 1] = '\n';
    memcpy(file + total, elements, bytes);
    file_size = total + bytes;
}

static void put_array(const char *path, const char *type, const char *shape, const void *elements,
                      size_t bytes)
{
    char header[200];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    npy_bytes(1, header, elements, bytes);
    put(path, file, file_size);
}

static void put_labels(const char *path, const char *shape, int count)
{
    int64_t y[16];
    for (int i = 0; i < count; i++) y[i] = i % 3;
    put_array(path, "<i8", shape, y, (size_t)count * 8);
}

static void expect_floats(const float *have, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        if (have[i] != want[i]) fail_msg("number %d: %g, wanted %g", i, (double)have[i], (double)want[i]);
}

static Data *open_and_peek(const char *setting)
{
    Data *d = open_data(setting, &here);
    expect_peek(setting, &here, d);
    return d;
}

static void test_floats_and_classes(void **state)
{
    (void)state;
    const float x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -0.5f};
    put_array("x.npy", "<f4", "(3, 2, 2)", x, sizeof x);
    put_labels("y.npy", "(3,)", 3);
    Data *d = open_and_peek(ALL);
    assert_int_equal(d->rank, 2);
    assert_memory_equal(d->shape, ((int64_t[]){2, 2}), 16);
    assert_int_equal(d->features, 4);
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->train.samples, 3);
    assert_null(d->train.bytes);
    expect_floats(d->train.floats, x, 12);
    for (int i = 0; i < 3; i++) assert_int_equal(d->train.labels[i], i);
    data_free(d);
}

static void test_types(void **state)
{
    (void)state;
    const float want[4] = {1, 2, 3, 200};
    const struct {
        const char *type;
        const void *elements;
        size_t bytes;
    } cases[] = {
        {"<f4", (float[]){1, 2, 3, 200}, 16},
        {"<f8", (double[]){1, 2, 3, 200}, 32},
        {"<i4", (int32_t[]){1, 2, 3, 200}, 16},
        {"<i8", (int64_t[]){1, 2, 3, 200}, 32},
        {"<u2", (uint16_t[]){1, 2, 3, 200}, 8},
        {"<i2", (int16_t[]){1, 2, 3, 200}, 8},
        {"<u4", (uint32_t[]){1, 2, 3, 200}, 16},
        {"<u8", (uint64_t[]){1, 2, 3, 200}, 32},
        {"<f2", (uint16_t[]){0x3c00, 0x4000, 0x4200, 0x5a40}, 8},
        {">f2", "\x3c\0\x40\0\x42\0\x5a\x40", 8},
        {">f4", "\x3f\x80\0\0\x40\0\0\0\x40\x40\0\0\x43\x48\0\0", 16},
        {">f8", "\x3f\xf0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\x08\0\0\0\0\0\0\x40\x69\0\0\0\0\0\0", 32},
        {">i2", "\0\1\0\2\0\3\0\xc8", 8},
        {">i4", "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\xc8", 16},
    };
    put_labels("y.npy", "(4, 1)", 4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_array("x.npy", cases[i].type, "(4,)", cases[i].elements, cases[i].bytes);
        Data *d = open_and_peek(ALL);
        assert_int_equal(d->rank, 1);
        assert_int_equal(d->shape[0], 1);
        expect_floats(d->train.floats, want, 4);
        data_free(d);
    }
    put_array("x.npy", "|u1", "(4, 1)", (uint8_t[]){1, 2, 3, 200}, 4);
    Data *d = open_and_peek(ALL);
    assert_null(d->train.floats);
    assert_memory_equal(d->train.bytes, ((uint8_t[]){1, 2, 3, 200}), 4);
    assert_true(d->mean[0] == 0 && d->std[0] == 1);
    data_free(d);
}

/* Negative numbers, and the smallest and largest ones of 16 bits. */
static void test_signs_and_halves(void **state)
{
    (void)state;
    put_labels("y.npy", "(4,)", 4);
    put_array("x.npy", "|i1", "(4,)", (int8_t[]){-128, -1, 0, 127}, 4);
    Data *d = open_and_peek(ALL);
    expect_floats(d->train.floats, (float[]){-128, -1, 0, 127}, 4);
    data_free(d);
    put_array("x.npy", "<i2", "(4,)", (int16_t[]){-32768, -1, 0, 32767}, 8);
    d = open_and_peek(ALL);
    expect_floats(d->train.floats, (float[]){-32768, -1, 0, 32767}, 4);
    data_free(d);
    put_array("x.npy", "<f2", "(4,)", (uint16_t[]){0x8001, 0x0400, 0x7bff, 0xb555}, 8);
    d = open_and_peek(ALL);
    expect_floats(d->train.floats, (float[]){-0x1p-24f, 0x1p-14f, 65504, -0x1.554p-2f}, 4);
    data_free(d);
    put_array("x.npy", "<f2", "(4,)", (uint16_t[]){0, 0, 0x7c00, 0}, 8);
    expect_failure(ALL, &here, "x.npy, byte 132: sample 2, element 0: infinite");
    put_array("x.npy", ">f2", "(4,)", "\0\0\x7e\0\0\0\0", 8);
    expect_failure(ALL, &here, "x.npy, byte 130: sample 1, element 0: not a number (nan)");
}

/* Whole numbers of any width, and bool, are classes. */
static void test_class_types(void **state)
{
    const struct {
        const char *type;
        const void *elements;
        size_t bytes;
    } cases[] = {
        {"|i1", (int8_t[]){0, 1, 1}, 3},    {"|u1", (uint8_t[]){0, 1, 1}, 3},   {"|b1", "\0\1\1", 3},
        {"<i2", (int16_t[]){0, 1, 1}, 6},   {"<u2", (uint16_t[]){0, 1, 1}, 6},  {">i2", "\0\0\0\1\0\1", 6},
        {"<u4", (uint32_t[]){0, 1, 1}, 12}, {"<u8", (uint64_t[]){0, 1, 1}, 24},
    };
    (void)state;
    put_array("x.npy", "<f4", "(3, 1)", (float[]){1, 2, 3}, 12);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_array("y.npy", cases[i].type, "(3,)", cases[i].elements, cases[i].bytes);
        Data *d = open_and_peek(ALL);
        assert_int_equal(d->classes, 2);
        assert_memory_equal(d->train.labels, ((int32_t[]){0, 1, 1}), 12);
        assert_string_equal(d->warnings, "");
        data_free(d);
    }
    put_array("y.npy", "|i1", "(3,)", (int8_t[]){1, -1, 1}, 3);
    expect_failure(ALL, &here, "y.npy, byte 129: class -1 of sample 1 is not in 0 .. 99999");
    put_array("y.npy", "|u1", "(3,)", (uint8_t[]){26, 1, 7}, 3);
    Data *d = open_and_peek(ALL);
    assert_string_equal(d->warnings, "y.npy: no label is 0: labels are 1 .. 26 and seem to start at 1, where "
                                     "classes count from 0");
    assert_int_equal(d->most.byte, 128);
    data_free(d);
}

/* In Fortran order the first index runs fastest. */
static void test_fortran_order(void **state)
{
    float x[24], turned[24];
    uint8_t bytes[24], turned_bytes[24];
    (void)state;
    for (int i = 0; i < 24; i++) {
        const int at = i / 12 + 2 * (i / 4 % 3) + 6 * (i % 4); /* of (2, 3, 4) */
        x[i] = (float)i, bytes[i] = (uint8_t)i;
        turned[at] = (float)i, turned_bytes[at] = (uint8_t)i;
    }
    put_labels("y.npy", "(2,)", 2);
    npy_bytes(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 4)}", turned, sizeof turned);
    put("x.npy", file, file_size);
    Data *d = open_and_peek(ALL);
    assert_int_equal(d->rank, 2);
    expect_floats(d->train.floats, x, 24);
    data_free(d);
    npy_bytes(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4)}", turned_bytes, 24);
    put("x.npy", file, file_size);
    d = open_and_peek(ALL);
    assert_memory_equal(d->train.bytes, bytes, 24);
    data_free(d);
    put("x.npy", file, file_size - 1);
    expect_failure(ALL, &here,
                   "x.npy, byte 128: truncated in the elements of 2 samples: wanted 24 bytes, found 23");
    unlink("x.npy");
    put_packed("x.npy.gz", file, file_size - 1);
    expect_failure(ALL, &here,
                   "x.npy.gz, byte 128: truncated in the elements of 2 samples: wanted 24 bytes, found 23");
    unlink("x.npy.gz");
}

/* More elements than are read at once, packed, where memory grows. */
static void test_large(void **state)
{
    enum { N = 300000 };
    static int16_t x[N];
    static uint8_t whole[sizeof x + 256];
    (void)state;
    for (int i = 0; i < N; i++) x[i] = (int16_t)(i % 30000);
    npy_bytes(1, "{'descr': '<i2', 'fortran_order': False, 'shape': (300000,)}", "", 0);
    memcpy(whole, file, file_size);
    memcpy(whole + file_size, x, sizeof x);
    unlink("x.npy");
    unlink("y.npy");
    put_packed("x.npy.gz", whole, file_size + sizeof x);
    put_packed("y.npy.gz", whole, file_size + sizeof x);
    Data *d = open_and_peek(ALL);
    assert_int_equal(d->classes, 30000);
    for (int i = 0; i < N; i++) {
        assert_int_equal(d->train.labels[i], i % 30000);
        assert_true(d->train.floats[i] == (float)(i % 30000));
    }
    data_free(d);
    unlink("x.npy.gz");
    unlink("y.npy.gz");
}

static void test_numbers(void **state)
{
    (void)state;
    put_array("x.npy", "<f4", "(2, 1)", (float[]){1, 2}, 8);
    put_array("y.npy", "<f8", "(2, 3)", (double[]){1, 2, 3, 4, 5, 6.5}, 48);
    Data *d = open_and_peek(ALL);
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->target_size, 3);
    assert_null(d->train.labels);
    expect_floats(d->train.targets, (float[]){1, 2, 3, 4, 5, 6.5f}, 6);
    data_free(d);
    put_array("y.npy", "<f4", "(2,)", (float[]){1, 2}, 8);
    d = open_and_peek(ALL);
    assert_int_equal(d->target_size, 1);
    data_free(d);
}

static void test_headers_that_are_read(void **state)
{
    (void)state;
    const char *headers[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }",
        "{'shape':(3,2),'fortran_order':False,'descr':'<f4'}",
        "{ \"descr\" : \"<f4\" , 'shape' : ( 3L , 2L , ) , 'fortran_order' : False , }",
    };
    const float x[6] = {1, 2, 3, 4, 5, 6};
    put_labels("y.npy", "(3,)", 3);
    for (int version = 1; version <= 3; version++)
        for (int i = 0; i < 3; i++) {
            npy_bytes(version, headers[i], x, sizeof x);
            put("x.npy", file, file_size);
            Data *d = open_and_peek(ALL);
            expect_floats(d->train.floats, x, 6);
            data_free(d);
        }
    unlink("x.npy");
    put_packed("x.npy.gz", file, file_size);
    Data *d = open_and_peek(ALL);
    expect_floats(d->train.floats, x, 6);
    data_free(d);
    unlink("x.npy.gz");
    npy_bytes(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (3,), }", x,
              12); /* a vector has one order */
    put("x.npy", file, file_size);
    data_free(open_and_peek(ALL));
}

static void test_splits(void **state)
{
    (void)state;
    put_array("x.npy", "<f4", "(3, 1)", (float[]){1, 2, 3}, 12);
    put_labels("y.npy", "(3,)", 3);
    put_array("tx.npy", "<f8", "(2, 1)", (double[]){8, 9}, 16);
    put_labels("ty.npy", "(2,)", 2);
    Data *d = open_and_peek(TESTED);
    assert_int_equal(d->train.samples, 3);
    assert_int_equal(d->test.samples, 2);
    expect_floats(d->test.floats, (float[]){8, 9}, 2);
    data_free(d);
    put_array("tx.npy", "<f8", "(2, 1, 1)", (double[]){8, 9}, 16);
    expect_failure(TESTED, &here,
                   "tx.npy, byte 10: test samples have another shape than those of the training file");
    put_array("tx.npy", "|u1", "(2, 1)", (uint8_t[]){8, 9}, 2);
    expect_failure(TESTED, &here,
                   "tx.npy, byte 10: of '|u1' and the other types, training and test files must be the same");
    put_array("tx.npy", "<f4", "(2, 1)", (float[]){8, 9}, 8);
    put_array("ty.npy", "<f4", "(2,)", (float[]){8, 9}, 8);
    expect_failure(TESTED, &here,
                   "ty.npy, byte 10: test targets are of another kind than those of the training file");
    put_array("ty.npy", "<i4", "(2,)", (int32_t[]){2, 3}, 8);
    expect_failure(TESTED, &here, "ty.npy, byte 132: class 3 of sample 1 is not in 0 .. 2");
    d = open_data(NPY("\"test_x\":\"\",\"test_y\":\"\",\"split\":0.2"), &here);
    assert_int_equal(d->train.samples, 2);
    assert_int_equal(d->test.samples, 1);
    data_free(d);
}

/* The share that is written, rounded half up, whatever its nearest double is. */
static void test_split_counts(void **state)
{
    static const struct {
        const char *split;
        int rows, held;
    } cases[] = {{"0.1", 60, 6},   {"0.1", 100, 10}, {"0.2", 150, 30}, {"0.35", 90, 32}, {"0.58", 25, 15},
                 {"0.29", 50, 15}, {"0.57", 50, 29}, {"0.7", 45, 32},  {"0.001", 50, 1}, {"0", 50, 0}};
    static float x[150];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shape[20], setting[200];
        snprintf(shape, sizeof shape, "(%d,)", cases[i].rows);
        put_array("x.npy", "<f4", shape, x, (size_t)cases[i].rows * 4);
        put_array("y.npy", "<f4", shape, x, (size_t)cases[i].rows * 4);
        snprintf(setting, sizeof setting, NPY("\"test_x\":\"\",\"test_y\":\"\",\"split\":%s"),
                 cases[i].split);
        Data *d = open_data(setting, &here);
        assert_int_equal(d->test.samples, cases[i].held);
        assert_int_equal(d->train.samples, cases[i].rows - cases[i].held);
        data_free(d);
    }
}

static void expect_npy_failure(const char *want)
{
    expect_failure(ALL, &here, want);
}

/* A header (padded to 118 bytes behind byte 10) that must be refused, whatever follows. */
static void expect_bad_header(const char *header, const char *want)
{
    npy_bytes(1, header, "", 0);
    put("x.npy", file, file_size);
    expect_failure(ALL, &here, want);
    expect_peek_failure(ALL, &here, RT_BAD_INPUT, want);
}

static void test_bad_headers(void **state)
{
    (void)state;
    put_labels("y.npy", "(3,)", 3);
    expect_bad_header("", "x.npy, byte 64: damaged header: wanted '{'");
    expect_bad_header("{'descr': '<f4', 'shape': (3,)}",
                      "x.npy, byte 64: damaged header: wanted descr, fortran_order and shape");
    expect_bad_header("{'descr': '<f4', 'shape': (3", "x.npy, byte 64: damaged header: wanted ',' or ')'");
    expect_bad_header("{'descr': '<f4', 'shape': (-3,)", "x.npy, byte 37: damaged header: wanted a size");
    expect_bad_header("{'descr': '<f4', 'shape': 3}", "x.npy, byte 36: damaged header: wanted the shape");
    expect_bad_header("{'descr': '<f4' 'shape'", "x.npy, byte 26: damaged header: wanted ',' or '}'");
    expect_bad_header("{'descr': '<f4, ", "x.npy, byte 52: damaged header: wanted the end of the text");
    expect_bad_header("{'color': 3}", "x.npy, byte 11: damaged header: wanted descr, fortran_order or shape");
    expect_bad_header("{'fortran_order': 0}", "x.npy, byte 28: damaged header: wanted True or False");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
                      "x.npy, byte 66: damaged header: wanted its end");
    const char *const unread[] = {"|O", "<c8", "<f16", "<U3", "|S8", "<f1", "<M8[s]", "|b4", "<i3"};
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        char header[200], want[200];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (3,)}", unread[i]);
        snprintf(want, sizeof want,
                 "x.npy, byte 20: elements of type '%s' are not read\n"
                 "help: save x.astype('<f4'): floats of 2, 4 and 8 bytes, whole numbers and bool are read",
                 unread[i]);
        expect_bad_header(header, want);
    }
    expect_bad_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}",
                      "x.npy, byte 20: arrays of records are not read; save one array of numbers");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': ()}",
                      "x.npy, byte 10: the array is a single number, not one a sample");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 0)}",
                      "x.npy, byte 10: the array is empty: dimension 1 is 0");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1)}",
                      "x.npy, byte 76: the array has more than 5 dimensions");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
                      "x.npy, byte 79: a size in the header is too large to be true");
    expect_bad_header("{'descr': '<f4', 'fortran_order': False, 'shape': (9000000000, 9000000000)}",
                      "x.npy, byte 10: the sizes in the header are too large to be true");
}

static void test_bad_files(void **state)
{
    (void)state;
    put_labels("y.npy", "(3,)", 3);
    put("x.npy", "\x93NUM", 4);
    expect_npy_failure("x.npy, byte 0: truncated in the npy header: wanted 8 bytes, found 4");
    put_text("x.npy", "PK\x03\x04 something");
    expect_npy_failure("x.npy, byte 14: the zip archive is truncated: it has no directory");
    put_text("x.npy", "PK\x03\x05 something");
    expect_npy_failure("x.npy, byte 0: not an npy file: it starts with 0x504b0305");
    put("x.npy", "\x93NUMPY\x04\0\x40\0{}", 12);
    expect_npy_failure("x.npy, byte 6: npy version 4.0; 1.0 to 3.0 are read");
    put("x.npy", "\x93NUMPY\x01\0\x40\0{}", 12);
    expect_npy_failure("x.npy, byte 10: truncated in the npy header: wanted 64 bytes, found 2");
    put("x.npy", "\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14);
    expect_npy_failure("x.npy, byte 8: a header of 4294967295 bytes is too large to be true");
    put_array("x.npy", "<f4", "(3000000000, 2)", (float[]){1, 2}, 8);
    expect_npy_failure("x.npy, byte 128: truncated in the elements of 3000000000 samples: wanted 24000000000 "
                       "bytes, found 8");
    put_packed("x.npy.gz", file, file_size);
    unlink("x.npy");
    expect_npy_failure("x.npy.gz, byte 128: truncated in the elements of 3000000000 samples: wanted "
                       "24000000000 bytes, found 8");
    put_array("x.npy", "<f4", "(3,)", (float[]){1, 2, 3, 4}, 13);
    expect_npy_failure("x.npy, byte 140: there are bytes left after the elements of 3 samples");
    unlink("x.npy.gz");
    unlink("x.npy");
    expect_peek_failure(ALL, &here, RT_OK, "x.npy: no such file");
    expect_npy_failure(
        "x.npy: no such file\n"
        "help: a relative path starts where the .dnw file is; --data DIR looks in DIR instead");
}

static void test_bad_elements(void **state)
{
    (void)state;
    put_labels("y.npy", "(2,)", 2);
    put_array("x.npy", "<f4", "(2, 3)", (float[]){1, 2, 3, 4, NAN, 6}, 24);
    expect_npy_failure("x.npy, byte 144: sample 1, element 1: not a number (nan)");
    put_array("x.npy", "<f8", "(2, 3)", (double[]){1, 2, 3, -INFINITY, 5, 6}, 48);
    expect_npy_failure("x.npy, byte 152: sample 1, element 0: infinite");
    put_array("x.npy", "<f8", "(2, 1)", (double[]){1e39, 1}, 16);
    expect_npy_failure("x.npy, byte 128: sample 0, element 0: too large for a 32-bit float");
    put_array("x.npy", "<f4", "(2, 1)", (float[]){1, 2}, 8);
    put_array("y.npy", "<f4", "(2,)", (float[]){1, NAN}, 8);
    expect_npy_failure("y.npy, byte 132: sample 1, element 0: not a number (nan)");
    put_array("y.npy", "<i8", "(2,)", (int64_t[]){1, -1}, 16);
    expect_npy_failure("y.npy, byte 136: class -1 of sample 1 is not in 0 .. 99999");
    put_array("y.npy", "<i8", "(2,)", (int64_t[]){INT64_MAX, 1}, 16);
    expect_npy_failure("y.npy, byte 128: class 9.22337203685478e+18 of sample 0 is not in 0 .. 99999");
    put_labels("y.npy", "(3,)", 3);
    expect_npy_failure("y.npy, byte 10: 3 targets for 2 samples of x");
    put_labels("y.npy", "(2, 2)", 4);
    expect_npy_failure("y.npy, byte 10: classes are one whole number a sample, here are 2");
    put_labels("y.npy", "(2, 1, 1)", 2);
    expect_npy_failure("y.npy, byte 10: y has 3 dimensions; 1 or 2 are read");
    expect_failure(NPY("\"test_x\":\"a\",\"test_y\":\"\",\"split\":0"), &here,
                   "npy: 'test_x' and 'test_y' go together");
    expect_failure("{\"call\":\"npy\",\"args\":{\"x\":\"a\",\"y\":\"\",\"split\":0}}", &here,
                   "npy: 'y' is missing: it names a file");
}

/* A class, or numbers, at each position of sequences. */
static void test_positions(void **state)
{
    (void)state;
    put_array("x.npy", "<f4", "(2, 3, 1)", (float[]){1, 2, 3, 4, 5, 6}, 24);
    put_labels("y.npy", "(2, 3)", 6);
    Data *d = open_and_peek(ALL);
    assert_int_equal(d->classes, 3);
    assert_int_equal(d->positions, 3);
    assert_memory_equal(d->train.labels, ((int32_t[]){0, 1, 2, 0, 1, 2}), 24);
    data_free(d);
    put_array("y.npy", "<f4", "(2, 3, 2)", (float[]){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 48);
    d = open_and_peek(ALL);
    assert_int_equal(d->positions, 3);
    assert_int_equal(d->target_size, 6);
    data_free(d);
    put_array("y.npy", "<f4", "(2, 3)", (float[]){1, 2, 3, 4, 5, 6}, 24); /* three numbers of a sample */
    d = open_and_peek(ALL);
    assert_int_equal(d->positions, 0);
    assert_int_equal(d->target_size, 3);
    data_free(d);
    put_labels("y.npy", "(2, 4)", 8);
    expect_npy_failure(
        "y.npy, byte 10: classes are one whole number a sample, or 3, one at each position, here "
        "are 4");
    put_array("y.npy", "<f4", "(2, 2, 1)", (float[]){1, 2, 3, 4}, 16);
    expect_npy_failure("y.npy, byte 10: y has targets at 2 positions, and x has 3");
    put_labels("y.npy", "(2, 3, 1)", 6);
    expect_npy_failure("y.npy, byte 10: y has 3 dimensions; 1 or 2 are read");
}

/* Samples that end before the last position. */
static void test_padded(void **state)
{
    const char *setting = NPY("\"test_x\":\"\",\"test_y\":\"\",\"split\":0,\"padded\":true");
    const float n = NAN;
    (void)state;
    put_array("x.npy", "<f4", "(2, 3, 1)", (float[]){1, n, n, 4, 5, n}, 24);
    put_labels("y.npy", "(2, 3)", 6);
    Data *d = open_and_peek(setting);
    assert_true(d->padded);
    assert_memory_equal(d->train.labels, ((int32_t[]){0, -1, -1, 0, 1, -1}), 24);
    data_free(d);
    put_array("y.npy", "<f4", "(2, 3, 1)", (float[]){1, 2, 3, 4, 5, 6}, 24);
    d = open_data(setting, &here);
    assert_memory_equal(d->train.targets, ((float[]){1, 0, 0, 4, 5, 0}), 24);
    data_free(d);
    put_labels("y.npy", "(2,)", 2);
    expect_failure(ALL, &here, "x.npy, byte 132: sample 0, element 1: not a number (nan)");
    put_array("x.npy", "<f4", "(2, 3, 1)", (float[]){1, 2, n, 4, n, 6}, 24);
    expect_failure(setting, &here,
                   "x.npy, byte 144: sample 1, element 1: not a number (nan) before the end of the sample");
    put_array("x.npy", "<f4", "(2, 3)", (float[]){1, 2, 3, 4, 5, 6}, 24);
    expect_failure(
        setting, &here,
        "x.npy, byte 10: padded = true is for sequences of floats, and a sample here is no sequence\n"
        "help: x is an array of floats (samples, positions, features), with NaN behind the end of a "
        "sample");
}

/* Any one byte of the header turned over, or any cut, is read or refused, never worse. */
static void test_damage(void **state)
{
    (void)state;
    put_labels("y.npy", "(3,)", 3);
    put_array("x.npy", "<f4", "(3, 2)", (float[]){1, 2, 3, 4, 5, 6}, 24);
    json_t *j = parse_setting(ALL);
    for (size_t i = 0; i < 128; i++)
        for (int bit = 0; bit < 8; bit++) {
            RtError e = {0};
            file[i] ^= (uint8_t)(1 << bit);
            put("x.npy", file, file_size);
            Data *d = data_open(j, &here, &e);
            assert_true(d || (e.code == RT_BAD_INPUT && strncmp(e.text, "x.npy, byte ", 12) == 0) ||
                        strncmp(e.text, "y.npy, byte ", 12) == 0);
            data_free(d);
            file[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t size = 0; size < file_size; size++) {
        RtError e = {0};
        put("x.npy", file, size);
        assert_null(data_open(j, &here, &e));
        assert_memory_equal(e.text, "x.npy, byte ", 12);
    }
    json_decref(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_and_classes),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_signs_and_halves),
        cmocka_unit_test(test_class_types),
        cmocka_unit_test(test_fortran_order),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_padded),
        cmocka_unit_test(test_headers_that_are_read),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_split_counts),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_elements),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests_name("data npy", tests, enter_directory, leave_directory);
}
